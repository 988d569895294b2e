// SPDX-License-Identifier: MIT
//
// wake_flag.hpp -- how does the watcher sleep without missing a lane that wakes up?
//
// Both sides write one word and then read the other's:
//
//     driver:  asleep = false;  if the watcher's flag is down: raise it, wake it
//     watcher: flag down;       if any lane is not asleep: flag up, stay
//
// With both in one total order (seq_cst), at least one of them sees the other. So *every* change of
// a lane's `asleep` to false must be followed by wake(), also the one where no wait took place.
#pragma once

#include "futex.hpp"  // FutexWord, futex_wait

namespace jot::inline v1::detail {

class WakeFlag {
 public:
  // Any thread, after it made something to watch. seq_cst: see above.
  void wake() noexcept {
    if (up_.load(std::memory_order_seq_cst) != 0) return;
    up_.store(1, std::memory_order_seq_cst);
    futex_wake_all(up_);
  }

  // The watcher: announces its sleep, then looks once more whether it may.
  template <class MaySleep>
  void sleep_if(MaySleep may_sleep) noexcept {
    up_.store(0, std::memory_order_seq_cst);
    if (!may_sleep()) return up_.store(1, std::memory_order_seq_cst);
    while (up_.load(std::memory_order_seq_cst) == 0) futex_wait(up_, 0, Clock::time_point::max());
  }

 private:
  FutexWord up_{1};
};

}  // namespace jot::inline v1::detail
