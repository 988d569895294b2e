// SPDX-License-Identifier: MIT
//
// text.ipp -- the bodies of text.hpp.
#pragma once

#include "../text.hpp"

#include <charconv>  // std::to_chars

namespace jot::inline v1 {

namespace detail {

// Wide enough for every number: a long double takes at most 32 characters in its shortest form.
template <class N>
void append_number(std::string& to, N number) {
  char digits[64];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

JOT_INLINE void append_part(std::string& to, std::string_view text) { to += text; }
JOT_INLINE void append_part(std::string& to, char letter) { to += letter; }
JOT_INLINE void append_part(std::string& to, bool truth) { to += truth ? "true" : "false"; }
JOT_INLINE void append_part(std::string& to, long long number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, unsigned long long number) {
  append_number(to, number);
}
JOT_INLINE void append_part(std::string& to, float number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, double number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, long double number) { append_number(to, number); }

}  // namespace detail

JOT_INLINE std::string html_escape(std::string_view s) {
  std::string escaped;
  escaped.reserve(s.size());
  for (const char c : s) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&#34;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace jot::inline v1
