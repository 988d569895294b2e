// SPDX-License-Identifier: MIT
//
// backoff.hpp -- how long until the next try?
//
// In: how often it has failed, and a random number. Out: a pause between nothing and a bound that
// doubles with each failure up to its limit: "full jitter". A fixed pause would bring all those who
// failed together back together.
#pragma once

#include "random_bytes.hpp"  // random_bytes

#include <chrono>   // std::chrono::nanoseconds
#include <cstdint>  // std::uint64_t
#include <cstring>  // std::memcpy

namespace jot::inline v1::detail {

class Backoff {
 public:
  constexpr Backoff(std::chrono::nanoseconds first, std::chrono::nanoseconds limit) noexcept
      : first_(first), limit_(limit) {}

  // failures: 1 after the first.
  constexpr std::chrono::nanoseconds bound(int failures) const noexcept {
    std::chrono::nanoseconds most = first_;
    for (; failures > 1 && most < limit_; --failures) {
      most = most > limit_ / 2 ? limit_ : most * 2;
    }
    return most < limit_ ? most : limit_;
  }

  // random: all of its values alike.
  constexpr std::chrono::nanoseconds pause(int failures, std::uint64_t random) const noexcept {
    const auto most = static_cast<std::uint64_t>(bound(failures).count());
    return std::chrono::nanoseconds(random % (most + 1));
  }

  std::chrono::nanoseconds pause(int failures) const {
    std::uint64_t random = 0;
    std::memcpy(&random, random_bytes(sizeof random).data(), sizeof random);
    return pause(failures, random);
  }

 private:
  std::chrono::nanoseconds first_, limit_;
};

}  // namespace jot::inline v1::detail
