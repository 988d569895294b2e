// SPDX-License-Identifier: MIT
//
// http_date.hpp -- what time is it, in HTTP's words?
//
// In: seconds since the epoch. Out: "Mon, 23 Nov 2026 18:00:00 GMT" (RFC 9110 §5.6.7).
// Own tables, not strftime: a process's locale must not leak into its protocol.
#pragma once

#include <time.h>  // gmtime_r

#include <cstdio>       // std::snprintf
#include <ctime>        // std::time_t
#include <limits>       // std::numeric_limits
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class HttpDate {
 public:
  // The text for now, formatted once a second. One per thread.
  std::string_view at(std::time_t now) noexcept {
    if (now != of_) format(now);
    return {text_, 29};
  }

 private:
  void format(std::time_t now) noexcept {
    static constexpr char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm t{};
    gmtime_r(&now, &t);
    std::snprintf(text_, sizeof text_, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday],
                  t.tm_mday, months[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min,
                  t.tm_sec);
    of_ = now;
  }

  std::time_t of_ = std::numeric_limits<std::time_t>::min();
  char text_[64] = {};
};

}  // namespace jot::inline v1::detail
