// SPDX-License-Identifier: MIT
//
// clock.hpp -- when is "in d from now", for any d?
//
// Sums and differences of times that stop at the ends of the clock instead of overflowing, so that
// nanoseconds::max() may be used for "as long as it takes".
#pragma once

#include "../config.hpp"

#include <chrono>       // std::chrono::steady_clock, std::chrono::nanoseconds
#include <type_traits>  // std::is_same_v

namespace jot::inline v1::detail {

using Clock = std::chrono::steady_clock;
static_assert(std::is_same_v<Clock::duration, std::chrono::nanoseconds>);

// `from` + d, but at most Clock's last moment and at least its first.
constexpr Clock::time_point time_after(Clock::time_point from,
                                       std::chrono::nanoseconds d) noexcept {
  using std::chrono::nanoseconds;
  const nanoseconds t = from.time_since_epoch();
  if (d > nanoseconds::zero() && t > nanoseconds::max() - d) return Clock::time_point::max();
  if (d < nanoseconds::zero() && t < nanoseconds::min() - d) return Clock::time_point::min();
  return from + d;
}

// The time from `now` until `when`; 0 when that has passed.
constexpr std::chrono::nanoseconds time_until(Clock::time_point when,
                                              Clock::time_point now) noexcept {
  using std::chrono::nanoseconds;
  if (when <= now) return nanoseconds::zero();
  const nanoseconds to = when.time_since_epoch(), from = now.time_since_epoch();
  if (from < nanoseconds::zero() && to > nanoseconds::max() + from) return nanoseconds::max();
  return to - from;
}

}  // namespace jot::inline v1::detail
