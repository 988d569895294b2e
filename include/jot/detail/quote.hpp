// SPDX-License-Identifier: MIT
//
// quote.hpp -- how does a text look in quotes, so that every byte of it can be seen?
//
// In: any bytes. Out: the same as a literal of Go, which is also one of C++ as far as it is ASCII:
// "a\tb", '\u00a0'. Bytes that are no UTF-8 become \xff.
#pragma once

#include "printable.hpp"  // is_printable
#include "utf8.hpp"       // append_utf8, utf8_front

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Which characters may stand for themselves?
enum class QuoteStyle { printable, ascii };

inline void append_hex(std::string& to, char32_t n, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    to.push_back("0123456789abcdef"[n >> shift & 0xF]);
}

// One character, as it stands between these quotes.
inline void append_quoted_char(std::string& to, char32_t c, char quote, QuoteStyle style) {
  if (c == static_cast<char32_t>(quote) || c == '\\')
    return to.push_back('\\'), to.push_back(static_cast<char>(c));
  if (is_printable(c) && (style == QuoteStyle::printable || c < 0x80)) return append_utf8(to, c);
  if (c >= '\a' && c <= '\r') {
    to.push_back('\\'), to.push_back("abtnvfr"[c - '\a']);
  } else if (c < ' ' || c == 0x7F) {
    to += "\\x", append_hex(to, c, 2);
  } else if (c < 0x10000) {
    to += "\\u", append_hex(to, c, 4);
  } else {
    to += "\\U", append_hex(to, c, 8);
  }
}

inline void append_quoted(std::string& to, std::string_view s,
                          QuoteStyle style = QuoteStyle::printable) {
  to.push_back('"');
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    if (c.size == 0)
      to += "\\x", append_hex(to, static_cast<unsigned char>(s[0]), 2);
    else
      append_quoted_char(to, c.code_point, '"', style);
    s.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  to.push_back('"');
}

inline std::string in_quotes(std::string_view s) {
  std::string to;
  append_quoted(to, s);
  return to;
}

// Could it stand between backquotes, where there are no escapes, and be seen?
inline bool can_be_backquoted(std::string_view s) noexcept {
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    if (c.size == 0 || c.code_point == 0xFEFF || c.code_point == '`' || c.code_point == 0x7F)
      return false;
    if (c.code_point < ' ' && c.code_point != '\t') return false;
    s.remove_prefix(c.size);
  }
  return true;
}

}  // namespace jot::inline v1::detail
