// SPDX-License-Identifier: MIT
//
// parse_cookie_date.hpp -- when does this cookie expire?
//
// In: the value of Expires, in whatever shape servers have written it since 1994. Out: seconds
// since 1970, or nothing, where it is no date. See RFC 6265bis section 5.1.1: the value is cut into
// tokens, and the first that looks like a time, a day, a month and a year is taken for it.
#pragma once

#include "ascii.hpp"            // is_digit, iequals
#include "parse_http_date.hpp"  // days_since_1970

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class CookieDateParser {
 public:
  constexpr std::optional<std::int64_t> parse(std::string_view text) noexcept {
    while (!text.empty()) {
      std::size_t size = 0;
      while (size < text.size() && !is_delimiter(text[size])) ++size;
      if (size > 0) take(text.substr(0, size));
      text.remove_prefix(size < text.size() ? size + 1 : size);
    }
    if (!has_time_ || day_ < 0 || month_ < 0 || year_ < 0) return {};
    if (year_ >= 70 && year_ <= 99) year_ += 1900;
    if (year_ <= 69) year_ += 2000;
    if (!valid()) return {};
    return ((days_since_1970(year_, month_, day_) * 24 + hour_) * 60 + minute_) * 60 + second_;
  }

 private:
  static constexpr bool is_delimiter(char c) noexcept {
    return c == '\t' || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
  }

  // What it is first taken for, it is; what was found before, is not looked for again.
  constexpr void take(std::string_view token) noexcept {
    if (!has_time_ && time(token)) return;
    if (day_ < 0 && (day_ = number(token, 1, 2)) >= 0) return;
    if (month_ < 0 && (month_ = month(token)) >= 0) return;
    if (year_ < 0) year_ = number(token, 2, 4);
  }

  // So many digits, and then the end or anything else. Returns: -1 where it is not so.
  static constexpr int number(std::string_view token, std::size_t least,
                              std::size_t most) noexcept {
    std::size_t digits = 0;
    int value = 0;
    for (; digits < token.size() && is_digit(token[digits]); ++digits) {
      if (digits == most) return -1;
      value = value * 10 + (token[digits] - '0');
    }
    return digits < least ? -1 : value;
  }

  constexpr bool time(std::string_view token) noexcept {  // 8:49:37, 08:49:37abc
    int parts[3] = {};
    for (int i = 0; i < 3; ++i) {
      const std::size_t colon = i < 2 ? token.find(':') : token.npos;
      if (i < 2 && (colon == token.npos || !all_are(token.substr(0, colon), byte_digit)))
        return false;
      if ((parts[i] = number(token.substr(0, colon), 1, 2)) < 0) return false;
      if (i < 2) token.remove_prefix(colon + 1);
    }
    hour_ = parts[0], minute_ = parts[1], second_ = parts[2];
    return has_time_ = true;
  }

  static constexpr int month(std::string_view token) noexcept {
    constexpr std::string_view months = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12; ++m) {
      if (iequals(token.substr(0, 3), months.substr(3 * static_cast<std::size_t>(m), 3)))
        return m + 1;
    }
    return -1;
  }

  constexpr bool valid() const noexcept {
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year_ % 4 == 0 && (year_ % 100 != 0 || year_ % 400 == 0);
    const int days = lengths[month_ - 1] + (leap && month_ == 2);
    return day_ >= 1 && day_ <= days && year_ >= 1601 && hour_ < 24 && minute_ < 60 && second_ < 60;
  }

  bool has_time_ = false;
  int hour_ = 0, minute_ = 0, second_ = 0;
  int day_ = -1, month_ = -1, year_ = -1;
};

constexpr std::optional<std::int64_t> parse_cookie_date(std::string_view text) noexcept {
  return CookieDateParser().parse(text);
}

}  // namespace jot::inline v1::detail
