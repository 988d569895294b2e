// SPDX-License-Identifier: MIT
//
// escape_url.hpp -- how is text written in a URL?
//
// As a part of one (percent-encoded), as one (what is encoded stays so), or as a list of images.
// Schemes other than http, https and mailto are refused: javascript: is one. See RFC 3986
// section 2.
#pragma once

#include "ascii.hpp"     // hex_digit, iequals, is_a, is_digit
#include "html_tag.hpp"  // is_html_space

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::string_view filtered_url = "#ZgotmplZ";

constexpr bool is_safe_url(std::string_view url) noexcept {
  const std::size_t colon = url.find(':');
  if (colon == url.npos || url.substr(0, colon).find('/') != url.npos) return true;
  const std::string_view scheme = url.substr(0, colon);
  return iequals(scheme, "http") || iequals(scheme, "https") || iequals(scheme, "mailto");
}

// component: a value in a query or path; whole: delimiters and %20 keep their meaning.
enum class UrlEscape { component, whole };

inline void append_url(std::string& to, std::string_view s, UrlEscape how) {
  constexpr char hex[] = "0123456789abcdef";
  std::size_t run = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (is_a(c, byte_unreserved)) continue;
    const bool keep =
        how == UrlEscape::whole &&
        (std::string_view("!#$&*+,/:;=?@[]").find(c) != s.npos ||
         (c == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0));
    if (keep) continue;
    const auto byte = static_cast<unsigned char>(c);
    const char written[] = {'%', hex[byte >> 4], hex[byte & 15]};
    to.append(s.data() + run, i - run).append(written, 3);
    run = i + 1;
  }
  to.append(s.data() + run, s.size() - run);
}

// One image: its URL, and how wide or dense it is.
inline void append_image(std::string& to, std::string_view s) {
  std::size_t start = 0;
  while (start < s.size() && is_html_space(s[start])) ++start;
  std::size_t end = start;
  while (end < s.size() && !is_html_space(s[end])) ++end;
  const std::string_view url = s.substr(start, end - start);
  bool good = is_safe_url(url);
  for (const char c : s.substr(end)) {
    good = good && (is_html_space(c) || is_a(c, byte_alpha) || is_digit(c));
  }
  if (!good) return void(to += filtered_url);
  to += s.substr(0, start);
  append_url(to, url, UrlEscape::whole);
  to += s.substr(end);
}

inline void append_srcset(std::string& to, std::string_view s) {
  for (;;) {
    const std::size_t comma = std::min(s.find(','), s.size());
    append_image(to, s.substr(0, comma));
    if (comma == s.size()) return;
    to += ',';
    s.remove_prefix(comma + 1);
  }
}

}  // namespace jot::inline v1::detail
