// SPDX-License-Identifier: MIT
//
// futex.hpp -- how does a thread sleep until a word changes, or until a moment?
//
// One 32-bit word of our own is all there is; the kernel is asked only when somebody really sleeps.
// (std::atomic's wait() would do, had it a deadline; a condition variable would, at 90 bytes each.)
// The word carries the news, the futex only the wake-up: a sleeper looks at the word again after
// every wake-up, for there are spurious ones.
// Threads: any. Within one process only.
#pragma once

#include "clock.hpp"

#include <linux/futex.h>  // FUTEX_WAIT_BITSET, FUTEX_WAKE
#include <sys/syscall.h>  // SYS_futex
#include <unistd.h>       // ::syscall

#include <atomic>   // std::atomic
#include <cerrno>   // errno
#include <chrono>   // std::chrono::duration_cast
#include <climits>  // INT_MAX
#include <cstdint>  // std::uint32_t
#include <ctime>    // std::timespec

namespace jot::inline v1::detail {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

// Sleeps while word is `expected`, at the latest until `until`; time_point::max() is never.
// Returns: false when the time is up; true when the word should be looked at again.
// Units: a moment of CLOCK_MONOTONIC, which is steady_clock's and FUTEX_WAIT_BITSET's clock, so
// that neither a signal nor a change of the wall clock stretches the sleep. Keeps errno.
inline bool futex_wait(FutexWord& word, std::uint32_t expected, Clock::time_point until) noexcept {
  using namespace std::chrono;
  const int saved_errno = errno;
  std::timespec moment = {};
  const bool forever = until == Clock::time_point::max();
  // The kernel refuses a moment before its epoch instead of calling it past.
  const nanoseconds since_boot = until.time_since_epoch();
  if (since_boot > nanoseconds::zero()) {
    const auto whole = duration_cast<seconds>(since_boot);
    moment.tv_sec = static_cast<std::time_t>(whole.count());
    moment.tv_nsec = static_cast<long>((since_boot - whole).count());
  }
  const long rc = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                            forever ? nullptr : &moment, nullptr, FUTEX_BITSET_MATCH_ANY);
  const bool time_is_up = rc != 0 && errno == ETIMEDOUT;
  errno = saved_errno;
  return !time_is_up;
}

// Wakes all who sleep on the word. Change the word first. Keeps errno.
inline void futex_wake_all(FutexWord& word) noexcept {
  const int saved_errno = errno;
  ::syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr, 0);
  errno = saved_errno;
}

}  // namespace jot::inline v1::detail
