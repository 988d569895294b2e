// SPDX-License-Identifier: MIT
//
// error.hpp -- what went wrong, and who gets to know?
//
// Three ways of saying it, one for each listener:
//   Errc, Error   the weather of the network, as a value with words for a log line;
//   Result<T>     a T or an Error: what a call returns that the weather can spoil;
//   HttpError     thrown by a handler, becomes a response: the only words that reach a client.
// A mistake of the programmer (a bad pattern, an unusable address) throws a standard exception.
#pragma once

#include "config.hpp"

#include <exception>         // std::exception
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <system_error>      // std::error_code
#include <type_traits>       // std::true_type
#include <utility>           // std::move, std::pair

namespace jot::inline v1 {

class Header;

// The errors that jot itself names; all others are the system's (std::errc).
// canceled compares equal to std::errc::operation_canceled, deadline_exceeded to timed_out.
enum class Errc {
  canceled = 1,       // a Context was cancelled
  deadline_exceeded,  // a deadline passed: of a Context, or a timeout of ours
  connection_closed,  // the other side closed in the middle of a message
  too_large,          // more bytes than the caller allowed
  bad_message,        // what came in is not HTTP
  refused_by_policy,  // a rule of ours forbids it: too many redirects, for example
};

// Found by argument-dependent lookup, so that std::error_code ec = Errc::canceled works.
std::error_code make_error_code(Errc e) noexcept;

// An error code with words. It is a value: copy it, keep it, compare its code().
class Error {
 public:
  // An empty message becomes that of the code.
  Error(std::error_code code, std::string message = {});

  std::error_code code() const noexcept { return code_; }

  // For a log line: "GET http://127.0.0.1:4200/get: Connection refused".
  const std::string& message() const noexcept { return message_; }

  // Did a deadline pass: of a Context, or a timeout of jot or of the system?
  bool timeout() const noexcept;

  // Was the Context cancelled?
  bool canceled() const noexcept;

 private:
  std::error_code code_;
  std::string message_;
};

namespace detail {
[[noreturn]] void throw_error(const Error& error);  // as std::system_error
}  // namespace detail

// A T or an Error.
//
//     Result<Response> res = client.get(url);
//     if (!res) return log.warn(res.error().message());
//     use(res->body);
//
// Whoever takes the T without looking gets an exception with the words of the Error, never garbage.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const noexcept { return value_.has_value(); }

  // Throws: std::system_error with the code and words of the Error, if there is no T.
  T& operator*() & { return check(), *value_; }
  const T& operator*() const& { return check(), *value_; }
  T operator*() && { return check(), *std::move(value_); }
  T* operator->() { return check(), &*value_; }
  const T* operator->() const { return check(), &*value_; }

  T value_or(T other) && { return value_ ? *std::move(value_) : std::move(other); }

  // Returns: the Error; one with code 0 where there is a T.
  const Error& error() const { return error_; }

 private:
  void check() const {
    if (!value_) detail::throw_error(error_);
  }

  std::optional<T> value_;
  Error error_{std::error_code()};
};

// Thrown by a handler: becomes that response, with the message as its text.
//
//     throw HttpError{404, "no such post"};
//     throw HttpError{429, "slow down", {{"Retry-After", "5"}}};
//
// The message reaches the client: put nothing there that a stranger should not read.
class HttpError : public std::exception {
 public:
  // status: 300 to 599; any other becomes 500. An empty message becomes the status text.
  // Throws: std::invalid_argument for a field that Header would refuse.
  HttpError(int status, std::string message = {});
  HttpError(int status, std::string message,
            std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  int status() const noexcept { return status_; }
  const Header& header() const noexcept;  // WWW-Authenticate, Retry-After, ...
  const char* what() const noexcept override;

 private:
  int status_;
  // Shared, because copying an exception must not throw.
  std::shared_ptr<const std::string> message_;
  std::shared_ptr<const Header> header_;
};

}  // namespace jot::inline v1

template <>
struct std::is_error_code_enum<jot::Errc> : std::true_type {};

#if JOT_BODIES
#include "impl/error.ipp"
#endif
