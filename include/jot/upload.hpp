// SPDX-License-Identifier: MIT
//
// upload.hpp -- how does a program fill in a form, and send files along?
//
// In: names with values, bytes or files. Out: a Payload, with its Content-Type, that a Client sends
// as a browser would, and can send again after a redirect or on another connection.
//
//     client.post(url, form({{"name", "Ada"}, {"lang", "en"}}));
//     client.post(url, MultipartPayload().field("name", "Ada").file("photo", "ada.png"));
#pragma once

#include "client.hpp"  // Payload
#include "config.hpp"
#include "url.hpp"  // Values

#include <initializer_list>  // std::initializer_list
#include <memory>            // std::unique_ptr
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <utility>           // std::pair

namespace jot::inline v1 {

namespace detail {
class MultipartWriter;
}  // namespace detail

// "name=Ada&lang=en", as application/x-www-form-urlencoded: the short way, for text.
Payload form(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);
Payload form(const Values& pairs);

// multipart/form-data (RFC 7578): for files, of any size. They are read piece by piece while they
// are sent, never into memory; the length of the whole is sent ahead. A file whose size has changed
// by the time that it is sent fails the call (std::errc::io_error), and the connection with it: the
// server sees a body that was cut short.
//
// Names and file names are written as browsers do it: %22, %0D and %0A for `"`, CR and LF, all else
// as it is. Throws: std::invalid_argument for other control characters in them.
// Copies are cheap to send and share their files, each of which stays open until the last copy and
// Payload is gone.
class MultipartPayload {
 public:
  MultipartPayload();
  MultipartPayload(const MultipartPayload& other);
  MultipartPayload& operator=(const MultipartPayload& other);
  ~MultipartPayload();

  MultipartPayload& field(std::string_view name, std::string_view value);

  // What stands in that file; it is opened here. content_type: "" is what its name says.
  // file_name: what the server is told; "" is the last part of the path.
  // Throws: std::system_error that names the path where it cannot be opened, or is no regular file.
  MultipartPayload& file(std::string_view name, const std::string& path,
                         std::string_view content_type = {}, std::string_view file_name = {});

  // The same for bytes at hand.
  MultipartPayload& bytes(std::string_view name, std::string_view file_name,
                          std::string_view content, std::string_view content_type = {});

  // As it is now: what is added later does not change it.
  operator Payload() const;

 private:
  std::unique_ptr<detail::MultipartWriter> parts_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/upload.ipp"
#endif
