// SPDX-License-Identifier: MIT
//
// retry_after.hpp -- how long does this server want to be left alone?
//
// In: the value of Retry-After (RFC 9110 section 10.2.3), seconds or a date, and the time. Out: the
// pause, a day at the most; nothing, where the value is neither.
#pragma once

#include "ascii.hpp"            // all_are, trim
#include "parse_http_date.hpp"  // parse_http_date

#include <algorithm>    // std::clamp, std::min
#include <chrono>       // std::chrono::seconds
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::int64_t longest_retry_after = 86'400;

// now: seconds since 1970. A date that has passed is no pause at all.
constexpr std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                                std::int64_t now) noexcept {
  value = trim(value);
  if (value.empty()) return {};
  std::int64_t seconds = 0;
  if (all_are(value, byte_digit)) {
    for (const char c : value) seconds = std::min(seconds * 10 + (c - '0'), longest_retry_after);
  } else {
    const auto date = parse_http_date(value);
    if (!date) return {};
    seconds = std::clamp<std::int64_t>(*date - now, 0, longest_retry_after);
  }
  return std::chrono::seconds(seconds);
}

}  // namespace jot::inline v1::detail
