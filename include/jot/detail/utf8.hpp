// SPDX-License-Identifier: MIT
//
// utf8.hpp -- is this a character of UTF-8, and which?
//
// In: bytes. Out: the code point that they begin with and how many bytes it takes; 0 bytes when
// they are no well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF).
#pragma once

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct Utf8 {
  char32_t code_point = 0;
  std::size_t size = 0;  // 0: malformed, or cut short
};

// The first character of bytes, which must not be empty.
inline Utf8 utf8_front(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  // The next bytes carry six bits each, marked 10xxxxxx.
  const auto more = [&](std::size_t i) { return i < bytes.size() && (byte(i) & 0xC0) == 0x80; };
  const auto bits = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };

  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4 || !more(1)) return {};  // C0 and C1 could only be overlong
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | bits(1), 2};
  if (!more(2)) return {};
  if (lead < 0xF0) {
    const char32_t c = (lead & 0x0F) << 12 | bits(1) << 6 | bits(2);
    return c < 0x800 || (c >= 0xD800 && c <= 0xDFFF) ? Utf8{} : Utf8{c, 3};
  }
  if (!more(3)) return {};
  const char32_t c = (lead & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3);
  return c < 0x10000 || c > 0x10FFFF ? Utf8{} : Utf8{c, 4};
}

// Appends a code point that is a Unicode scalar value.
inline void append_utf8(std::string& to, char32_t c) {
  const auto put = [&](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)),
      put(0x80 | (c & 0x3F));
}

}  // namespace jot::inline v1::detail
