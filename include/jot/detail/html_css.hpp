// SPDX-License-Identifier: MIT
//
// html_css.hpp -- where does this piece of CSS lead?
//
// Steps as in html_tag.hpp. Strings are mostly URLs in CSS, so all of them are followed as such.
// See CSS Syntax Module Level 3, section 4.
#pragma once

#include "ascii.hpp"       // byte_alpha, hex_digit, iequals, is_a, is_digit
#include "html_state.hpp"  // HtmlContext, HtmlState
#include "html_tag.hpp"    // html_fail, is_html_space, quoted_start, skip_html_space, step_url
#include "utf8.hpp"        // append_utf8

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// A letter of a CSS name? Of UTF-8, all bytes of letters beyond ASCII are.
constexpr bool is_css_name_char(char c) noexcept {
  return is_a(c, byte_alpha) || is_digit(c) || c == '-' || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// At s[at], a backslash: appends the character that it stands for. Returns: where that ends.
inline std::size_t decode_css_escape(std::string_view s, std::size_t at, std::string& to) {
  if (++at == s.size()) return at;
  if (hex_digit(s[at]) < 0) {
    to += s[at];
    return at + 1;
  }
  char32_t c = 0;
  for (const std::size_t first = at; at < s.size() && at < first + 6; ++at) {
    const int digit = hex_digit(s[at]);
    if (digit < 0) break;
    c = c * 16 + static_cast<char32_t>(digit);
  }
  if (c > 0x10FFFF) c /= 16, --at;  // the last digit is a letter of its own
  append_utf8(to, c >= 0xD800 && c <= 0xDFFF ? U'\uFFFD' : c);
  if (s.substr(at).starts_with("\r\n")) return at + 2;
  return at < s.size() && is_html_space(s[at]) ? at + 1 : at;  // one space may end the number
}

// With each \22 replaced by what it stands for.
inline std::string decode_css(std::string_view s) {
  std::string to;
  for (std::size_t at = 0; at < s.size();) {
    if (s[at] == '\\') {
      at = decode_css_escape(s, at, to);
    } else {
      to += s[at++];
    }
  }
  return to;
}

// Does the code before a '(' make it that of url(?
constexpr bool ends_with_css_url(std::string_view code) noexcept {
  while (!code.empty() && is_html_space(code.back())) code.remove_suffix(1);
  if (code.size() < 3 || !iequals(code.substr(code.size() - 3), "url")) return false;
  return code.size() == 3 || !is_css_name_char(code[code.size() - 4]);
}

// After "url(", at s[at].
inline std::size_t step_css_url_start(HtmlContext& c, std::string_view s, std::size_t at) {
  at = skip_html_space(s, at);
  const char quote = at < s.size() ? s[at] : '\0';
  c.state = quote == '"'    ? HtmlState::css_dq_url
            : quote == '\'' ? HtmlState::css_sq_url
                            : HtmlState::css_url;
  return c.state == HtmlState::css_url ? at : at + 1;
}

inline std::size_t step_css(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find_first_of("(\"'/", at)) != s.npos; ++at) {
    const char next = at + 1 < s.size() ? s[at + 1] : '\0';
    if (s[at] == '(') {
      if (ends_with_css_url(s.substr(0, at))) return step_css_url_start(c, s, at + 1);
    } else if (s[at] == '/') {
      if (next != '/' && next != '*') continue;
      c.state = next == '/' ? HtmlState::css_line_comment : HtmlState::css_block_comment;
      return at + 2;
    } else {
      c.state = s[at] == '"' ? HtmlState::css_dq_string : HtmlState::css_sq_string;
      return at + 1;
    }
  }
  return s.size();
}

// In a string or url(), which may end here.
inline std::size_t step_css_string(HtmlContext& c, std::string_view s) {
  const bool double_quoted =
      c.state == HtmlState::css_dq_string || c.state == HtmlState::css_dq_url;
  const std::string_view ends = c.state == HtmlState::css_url ? "\\\t\n\f\r )"
                                : double_quoted               ? "\\\""
                                                              : "\\'";
  std::size_t seen = 0;  // what is before it, the URL is known to have
  for (std::size_t from = 0;;) {
    std::size_t at = s.find_first_of(ends, from);
    if (at == s.npos) {
      step_url(c, decode_css(s.substr(from)));
      return s.size();
    }
    if (s[at] != '\\') {
      c.state = HtmlState::css;
      return at + 1;
    }
    const std::size_t escape = at;
    if (++at == s.size()) {
      return html_fail(c, s, EscapeErrc::partial_escape,
                       "unfinished escape sequence in CSS string: " + quoted_start(s));
    }
    step_url(c, decode_css(s.substr(seen, at + 1 - seen)));
    seen = escape, from = at + 1;
  }
}

inline std::size_t step_css_line_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find_first_of("\n\f\r");
  if (end == s.npos) return s.size();
  c.state = HtmlState::css;
  return end;
}

}  // namespace jot::inline v1::detail
