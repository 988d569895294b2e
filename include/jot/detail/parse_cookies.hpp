// SPDX-License-Identifier: MIT
//
// parse_cookies.hpp -- which cookies came with this request?
//
// In: one Cookie field, "a=1; b=2" (RFC 6265bis section 5.8.3). Out: its pairs. What is no cookie
// is left out, and does no harm to its neighbours: scripts and other hosts of the domain may set
// what they like. The rules are those of Go's net/http, but for an empty name, which Go takes for
// none.
#pragma once

#include "../error.hpp"  // HttpError
#include "../url.hpp"    // Values
#include "ascii.hpp"     // is_token, trim

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::size_t max_cookies = 100;

// May it stand in a cookie's value? Visible ASCII without `"`, `;` and `\`; spaces and commas are
// more than the RFC allows, and common.
constexpr bool is_cookie_byte(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != ';' && c != '\\';
}

constexpr bool is_cookie_value(std::string_view s) noexcept {
  for (const char c : s) {
    if (!is_cookie_byte(c)) return false;
  }
  return true;
}

// Throws: HttpError 431 when there are more than max_cookies.
inline void parse_cookies(std::string_view field, Values& cookies) {
  while (!field.empty()) {
    const std::string_view pair = trim(field.substr(0, field.find(';')));
    field.remove_prefix(field.find(';') == field.npos ? field.size() : field.find(';') + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view name = trim(pair.substr(0, equals));
    std::string_view value = equals == pair.npos ? "" : pair.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (!is_token(name) || !is_cookie_value(value)) continue;
    if (cookies.size() == max_cookies) throw HttpError(431, "more than 100 cookies");
    cookies.add(std::string(name), std::string(value));
  }
}

}  // namespace jot::inline v1::detail
