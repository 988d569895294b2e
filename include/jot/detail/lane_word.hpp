// SPDX-License-Identifier: MIT
//
// lane_word.hpp -- whose turn is it to drive this lane?
//
// A counter that only grows. Even: the driver is at work on the lane. Odd: it is in a call, and may
// be asleep in there; then one other thread may take the lane, by a compare-exchange on the very
// value that it saw. Three want to move an odd value on, and exactly one succeeds:
//
//     leave       the driver comes out of the call, and drives on
//     take over   the watcher found it asleep, and puts another thread in its place
//     give away   the thread in the call knows that it will block, and does the same itself
//
// 64 bits never wrap, so no value comes twice, and whoever wins knows that the thread was in this
// one call all the time.
#pragma once

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

class LaneWord {
 public:
  static constexpr bool in_call(std::uint64_t v) noexcept { return v & 1; }

  // Acquire: the watcher reads what was published before the call (route, thread).
  std::uint64_t look() const noexcept { return word_.load(std::memory_order_acquire); }

  // The driver, word even. A plain store: nobody else writes an even word. Release: it publishes
  // route and thread to the watcher, and batch and lists to the next driver.
  std::uint64_t enter() noexcept {
    std::uint64_t v = word_.load(std::memory_order_relaxed) + 1;
    word_.store(v, std::memory_order_release);
    return v;
  }

  // Leave, take over or give away the call v. False: somebody else was first.
  // acq_rel: acquire, for the winner goes on with the lane's memory as enter() left it; release,
  // for a driver that leaves has nothing newer to publish, but a watcher's win must be seen by its
  // like.
  bool move_on(std::uint64_t v) noexcept {
    return word_.compare_exchange_strong(v, v + 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace jot::inline v1::detail
