// SPDX-License-Identifier: MIT
//
// urlencoded.hpp -- which fields has a form that came as a=1&b=two+words?
//
// In: the body of a form (application/x-www-form-urlencoded). Out: its pairs. Unlike a query, which
// people type, a form is written by a program: what is no escape, or is parted by a semicolon, is
// refused, as by Go. See Values::parse for queries.
#pragma once

#include "../error.hpp"  // HttpError
#include "../url.hpp"    // Values
#include "ascii.hpp"     // hex_digit

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// Plus is a space. Throws: HttpError 400 for a % that is no escape.
inline std::string decode_form(std::string_view s) {
  std::string decoded;
  decoded.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '%') {
      decoded += s[i] == '+' ? ' ' : s[i];
      continue;
    }
    const int high = i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = i + 2 < s.size() ? hex_digit(s[i + 2]) : -1;
    if (high < 0 || low < 0) throw HttpError(400, "form: a % that is no escape");
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

// Throws: HttpError 400 as above, 413 for more pairs than max_fields.
inline Values parse_urlencoded(std::string_view text, std::size_t max_fields) {
  Values values;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    if (pair.empty()) continue;
    if (pair.find(';') != pair.npos) throw HttpError(400, "form: a semicolon between fields");
    if (values.size() == max_fields) throw HttpError(413, "form: too many fields");
    const std::size_t equals = pair.find('=');
    std::string name = decode_form(pair.substr(0, equals));
    values.add(std::move(name), equals == pair.npos ? "" : decode_form(pair.substr(equals + 1)));
  }
  return values;
}

}  // namespace jot::inline v1::detail
