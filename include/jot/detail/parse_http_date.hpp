// SPDX-License-Identifier: MIT
//
// parse_http_date.hpp -- which second does this date mean?
//
// In: a date in one of the three forms of RFC 9110 §5.6.7. Out: seconds since 1970, or nothing
// where it is none of them: then the field that held it is ignored.
#pragma once

#include "ascii.hpp"  // is_digit, iequals

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Days from 1970-01-01 to this day of the Gregorian calendar. Years are counted from March, so that
// the leap day is the last of its year.
constexpr std::int64_t days_since_1970(std::int64_t year, int month, int day) noexcept {
  year -= month <= 2;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const int from_march = month > 2 ? month - 3 : month + 9;
  const std::int64_t of_year = (153 * from_march + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

class HttpDateParser {
 public:
  explicit constexpr HttpDateParser(std::string_view text) noexcept : rest_(text) {}

  constexpr std::optional<std::int64_t> parse() noexcept {
    skip_letters();
    const bool asctime = !take(",");
    if (!take(" ")) return {};
    if (asctime)
      month(), text(" "), day_with_space(), text(" "), time(), text(" "), year_ = digits(4);
    else
      rest_.size() > 2 && rest_[2] == '-' ? rfc_850() : imf_fixdate();
    if (failed_ || !rest_.empty() || !valid()) return {};
    return ((days_since_1970(year_, month_, day_) * 24 + hour_) * 60 + minute_) * 60 + second_;
  }

 private:
  constexpr void imf_fixdate() noexcept {  // Sun, 06 Nov 1994 08:49:37 GMT
    day_ = digits(2), text(" "), month(), text(" "), year_ = digits(4);
    text(" "), time(), text(" GMT");
  }

  constexpr void rfc_850() noexcept {  // Sunday, 06-Nov-94 08:49:37 GMT
    day_ = digits(2), text("-"), month(), text("-"), year_ = digits(2);
    year_ += year_ >= 69 ? 1900 : 2000;
    text(" "), time(), text(" GMT");
  }

  constexpr void day_with_space() noexcept {  // asctime: Sun Nov  6 08:49:37 1994
    day_ = take(" ") ? digits(1) : digits(2);
  }

  constexpr void time() noexcept {
    hour_ = digits(2), text(":"), minute_ = digits(2), text(":"), second_ = digits(2);
  }

  constexpr void month() noexcept {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (std::size_t m = 0; m < 12; ++m) {
      if (!iequals(rest_.substr(0, 3), months.substr(3 * m, 3))) continue;
      month_ = static_cast<int>(m) + 1;
      rest_.remove_prefix(3);
      return;
    }
    failed_ = true;
  }

  constexpr int digits(std::size_t count) noexcept {
    if (rest_.size() < count) return failed_ = true, 0;
    int n = 0;
    for (; count > 0; --count, rest_.remove_prefix(1)) {
      if (!is_digit(rest_.front())) return failed_ = true, 0;
      n = n * 10 + (rest_.front() - '0');
    }
    return n;
  }

  constexpr void skip_letters() noexcept {
    while (!rest_.empty() && is_a(rest_.front(), byte_alpha)) rest_.remove_prefix(1);
  }

  constexpr bool take(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  constexpr void text(std::string_view expected) noexcept { failed_ |= !take(expected); }

  constexpr bool valid() const noexcept {
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year_ % 4 == 0 && (year_ % 100 != 0 || year_ % 400 == 0);
    const int days = lengths[month_ - 1] + (leap && month_ == 2);
    return day_ >= 1 && day_ <= days && hour_ < 24 && minute_ < 60 && second_ < 60;
  }

  std::string_view rest_;
  bool failed_ = false;
  int year_ = 0, month_ = 1, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
};

constexpr std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept {
  return HttpDateParser(text).parse();
}

}  // namespace jot::inline v1::detail
