// SPDX-License-Identifier: MIT
//
// response_head.hpp -- how does the head of a response read?
//
// In: a status, the handler's fields, and what is known of the body. Out: the head's bytes, and how
// the body will be framed (RFC 9112 §6). Fields that frame are ours: what a handler says in them is
// obeyed where it can be, and written anew.
#pragma once

#include "../header.hpp"  // Header
#include "../status.hpp"  // status_text
#include "ascii.hpp"      // iequals, list_has

#include <charconv>     // std::to_chars, std::from_chars
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How the client knows where the body ends.
enum class BodyEnd { no_body, length, chunked, connection_close };

inline constexpr std::uint64_t length_unknown = ~std::uint64_t{0};

// What the request allows its response to be.
struct ResponseTerms {
  bool connect = false;    // the method was CONNECT
  bool head_only = false;  // the method was HEAD
  bool http_1_0 = false;   // no chunks, and keep-alive must be said
  bool keep_alive = true;  // as the client wishes
};

// What a handler's fields say about framing.
struct FieldNotes {
  std::uint64_t length = length_unknown;  // Content-Length
  bool type = false, date = false, close = false, trailer = false;
};

inline void append_decimal(std::string& out, std::uint64_t n) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

inline bool status_has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

inline void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_decimal(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += status_text(status);
  out += "\r\n";
}

inline void append_field(std::string& out, std::string_view name, std::string_view value) {
  std::size_t at = out.size();
  out.resize(at + name.size() + value.size() + 4);
  char* to = out.data() + at;
  to = std::copy(name.begin(), name.end(), to);
  *to++ = ':', *to++ = ' ';
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r', *to++ = '\n';
}

// A field that a Trailer field announces comes after the body, except those that frame it or say
// what it is (RFC 9110 §6.5.1).
inline bool is_trailer(const Header& header, std::string_view name) noexcept {
  for (auto forbidden : {"Content-Length", "Content-Type", "Transfer-Encoding", "Trailer",
                         "Connection", "Host", "Set-Cookie", "Cache-Control"})
    if (iequals(name, forbidden)) return false;
  for (auto [field, value] : header)
    if (iequals(field, "Trailer") && list_has(value, name)) return true;
  return false;
}

// Notes what one field says. Returns whether it is written as it stands.
inline bool note_field(FieldNotes& notes, const Field& field) noexcept {
  auto [name, value] = field;
  switch (name.size()) {
    case 4: return notes.date |= iequals(name, "Date"), true;
    case 7: return notes.trailer |= iequals(name, "Trailer"), true;
    case 10:
      if (!iequals(name, "Connection")) return true;
      return notes.close |= list_has(value, "close"), false;
    case 12: return notes.type |= iequals(name, "Content-Type"), true;
    case 14:
      if (!iequals(name, "Content-Length")) return true;
      std::from_chars(value.data(), value.data() + value.size(), notes.length);
      return false;
    case 17: return !iequals(name, "Transfer-Encoding");
    default: return true;
  }
}

// Appends the handler's fields, less those that frame and those that come as trailers.
inline FieldNotes append_fields(std::string& out, const Header& header) {
  FieldNotes notes;
  for (const Field& field : header) notes.trailer |= iequals(field.name, "Trailer");
  for (const Field& field : header)
    if (note_field(notes, field) && !(notes.trailer && is_trailer(header, field.name)))
      append_field(out, field.name, field.value);
  return notes;
}

inline void append_trailers(std::string& out, const Header& header) {
  for (const Field& field : header)
    if (is_trailer(header, field.name)) append_field(out, field.name, field.value);
}

}  // namespace jot::inline v1::detail
