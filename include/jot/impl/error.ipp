// SPDX-License-Identifier: MIT
//
// error.ipp -- the bodies of error.hpp.
#pragma once

#include "../error.hpp"
#include "../header.hpp"
#include "../status.hpp"

namespace jot::inline v1 {

namespace detail {

class ErrcCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "jot"; }

  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::canceled: return "canceled";
      case Errc::deadline_exceeded: return "deadline exceeded";
      case Errc::connection_closed: return "connection closed by the other side";
      case Errc::too_large: return "too large";
      case Errc::bad_message: return "bad message";
      case Errc::refused_by_policy: return "refused by policy";
    }
    return "unknown error";
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<Errc>(code)) {
      case Errc::canceled: return std::errc::operation_canceled;
      case Errc::deadline_exceeded: return std::errc::timed_out;
      default: return std::error_condition(code, *this);
    }
  }
};

JOT_INLINE void throw_error(const Error& error) {
  throw std::system_error(error.code(), error.message());
}

}  // namespace detail

JOT_INLINE std::error_code make_error_code(Errc e) noexcept {
  static const detail::ErrcCategory category;
  return std::error_code(static_cast<int>(e), category);
}

JOT_INLINE Error::Error(std::error_code code, std::string message)
    : code_(code), message_(std::move(message)) {
  if (message_.empty() && code_) message_ = code_.message();
}

JOT_INLINE bool Error::timeout() const noexcept { return code_ == std::errc::timed_out; }

JOT_INLINE bool Error::canceled() const noexcept { return code_ == std::errc::operation_canceled; }

JOT_INLINE HttpError::HttpError(int status, std::string message)
    : status_(status >= 300 && status <= 599 ? status : 500) {
  if (message.empty()) message = status_text(status_);
  message_ = std::make_shared<const std::string>(std::move(message));
}

JOT_INLINE HttpError::HttpError(
    int status, std::string message,
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields)
    : HttpError(status, std::move(message)) {
  Header header;
  for (const auto& [name, value] : fields) header.add(name, value);
  header_ = std::make_shared<const Header>(std::move(header));
}

JOT_INLINE const Header& HttpError::header() const noexcept {
  static const Header none;
  return header_ ? *header_ : none;
}

JOT_INLINE const char* HttpError::what() const noexcept { return message_->c_str(); }

}  // namespace jot::inline v1
