// SPDX-License-Identifier: MIT
//
// http_date.hpp -- what time is it, in HTTP's words?
//
// In: seconds since the epoch. Out: "Mon, 23 Nov 2026 18:00:00 GMT" (RFC 9110 §5.6.7).
// Own tables, not strftime: a process's locale must not leak into its protocol. Nor gmtime_r, at
// which threads wait for each other.
#pragma once

#include "digits.hpp"  // put_four_digits, put_two_digits

#include <algorithm>    // std::clamp
#include <chrono>       // std::chrono::year_month_day, weekday, hh_mm_ss
#include <cstdint>      // std::int64_t, std::uint32_t
#include <cstring>      // std::memcpy
#include <limits>       // std::numeric_limits
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class HttpDate {
 public:
  // The text for now, formatted once a second. One per thread.
  std::string_view at(std::int64_t now) noexcept {
    if (now != of_) format(now);
    return {text_, 29};
  }

 private:
  // The first and the last second that four digits can tell the year of; what is beyond is they.
  static constexpr std::int64_t year_0 = -62'167'219'200, year_9999 = 253'402'300'799;

  void format(std::int64_t now) noexcept {
    static constexpr char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    namespace chrono = std::chrono;
    const chrono::sys_seconds time(chrono::seconds(std::clamp(now, year_0, year_9999)));
    const auto midnight = chrono::floor<chrono::days>(time);
    const chrono::year_month_day date(midnight);
    const chrono::hh_mm_ss clock(time - midnight);
    put(0, days[chrono::weekday(midnight).c_encoding()]);
    put_two_digits(text_ + 5, unsigned(date.day()));
    put(8, months[unsigned(date.month()) - 1]);
    put_four_digits(text_ + 12, static_cast<std::uint32_t>(int(date.year())));
    put_two_digits(text_ + 17, static_cast<std::uint32_t>(clock.hours().count()));
    put_two_digits(text_ + 20, static_cast<std::uint32_t>(clock.minutes().count()));
    put_two_digits(text_ + 23, static_cast<std::uint32_t>(clock.seconds().count()));
    of_ = now;
  }

  void put(int at, const char* name) noexcept { std::memcpy(text_ + at, name, 3); }

  std::int64_t of_ = std::numeric_limits<std::int64_t>::min();
  char text_[30] = "Day, 01 Mon 1970 00:00:00 GMT";
};

}  // namespace jot::inline v1::detail
