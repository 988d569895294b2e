// SPDX-License-Identifier: MIT
//
// escape_css.hpp -- how is text written in CSS?
//
// In a string: with what could end it escaped. As a value: as it is, if it is a name, a number or a
// colour; all that could be code is refused.
#pragma once

#include "escape_html.hpp"  // filtered
#include "html_css.hpp"     // decode_css, is_css_name_char

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline void append_css_string(std::string& to, std::string_view s) {
  constexpr std::string_view special("\0\t\n\f\r\"&'()+/:;<>\\{}", 19);
  constexpr char hex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (special.find(s[i]) == special.npos) {
      to += s[i];
      continue;
    }
    to += '\\';
    if (c == '\\') {
      to += '\\';
      continue;
    }
    if (c >= 16) to += hex[c >> 4];
    to += hex[c & 15];
    // A space ends the number where the next character would go on with it.
    const char next = i + 1 < s.size() ? s[i + 1] : '0';
    if (hex_digit(next) >= 0 || is_html_space(next)) to += ' ';
  }
}

inline void append_css_value(std::string& to, std::string_view s) {
  const std::string value = decode_css(s);
  std::string name;
  bool good = value.find_first_of(std::string_view("\0\"'()/;@[\\]`{}<>", 16)) == value.npos &&
              value.find("--") == value.npos;
  for (const char c : value) {
    const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
    if (is_css_name_char(c) && is_ascii && c != '-') name += to_lower(c);
  }
  // Old browsers ran these, however they were spelled.
  good = good && name.find("expression") == name.npos && name.find("mozbinding") == name.npos;
  to += good ? std::string_view(value) : filtered;
}

}  // namespace jot::inline v1::detail
