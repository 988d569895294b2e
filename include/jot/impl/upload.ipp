// SPDX-License-Identifier: MIT
//
// upload.ipp -- the bodies of upload.hpp.
#pragma once

#include "../detail/multipart_writer.hpp"  // MultipartReader, MultipartWriter
#include "../upload.hpp"

#include <span>  // std::span

namespace jot::inline v1 {

JOT_INLINE Payload
form(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  Values values;
  for (const auto& [name, value] : pairs) values.add(std::string(name), std::string(value));
  return form(values);
}

JOT_INLINE Payload form(const Values& pairs) {
  auto text = std::make_shared<const std::string>(pairs.encode());
  const auto make = [text]() -> BodySource {
    return [text, at = std::size_t{0}](std::span<char> to) mutable {
      const std::size_t n = text->copy(to.data(), to.size(), at);
      at += n;
      return n;
    };
  };
  return Payload::from(make, text->size(), "application/x-www-form-urlencoded");
}

JOT_INLINE MultipartPayload::MultipartPayload()
    : parts_(std::make_unique<detail::MultipartWriter>()) {}
JOT_INLINE MultipartPayload::MultipartPayload(const MultipartPayload& other)
    : parts_(std::make_unique<detail::MultipartWriter>(*other.parts_)) {}
JOT_INLINE MultipartPayload& MultipartPayload::operator=(const MultipartPayload& other) {
  if (this != &other) *parts_ = *other.parts_;
  return *this;
}
JOT_INLINE MultipartPayload::~MultipartPayload() = default;

JOT_INLINE MultipartPayload& MultipartPayload::field(std::string_view name,
                                                     std::string_view value) {
  return parts_->add_field(name, value), *this;
}

JOT_INLINE MultipartPayload& MultipartPayload::file(std::string_view name, const std::string& path,
                                                    std::string_view content_type,
                                                    std::string_view file_name) {
  return parts_->add_file(name, path, content_type, file_name), *this;
}

JOT_INLINE MultipartPayload& MultipartPayload::bytes(std::string_view name,
                                                     std::string_view file_name,
                                                     std::string_view content,
                                                     std::string_view content_type) {
  return parts_->add_bytes(name, file_name, content, content_type), *this;
}

JOT_INLINE MultipartPayload::operator Payload() const {
  auto parts = std::make_shared<const detail::MultipartWriter>(*parts_);
  return Payload::from([parts]() -> BodySource { return detail::MultipartReader(parts); },
                       parts->length(), parts->content_type());
}

}  // namespace jot::inline v1
