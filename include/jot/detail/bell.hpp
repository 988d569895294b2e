// SPDX-License-Identifier: MIT
//
// bell.hpp -- how does a thread wake one that sleeps for it, or for the end of its Context?
//
// The sleeper waits for a Context of its own, below the caller's: whoever rings ends that one.
// Nothing is lost: a Bell that rang before it was waited for ends the wait at once.
// Threads: one waits, any ring.
#pragma once

#include "../context.hpp"  // Context, with_cancel
#include "blocking.hpp"    // must_not_wait
#include "clock.hpp"       // time_until

namespace jot::inline v1::detail {

class Bell {
 public:
  explicit Bell(const Context& ctx) : scope_(with_cancel(ctx)) {}

  // The caller may hold a lock: nothing but the sleeper's wake-up hangs on it.
  void ring() const noexcept { scope_.cancel(); }

  // Until it rings, the caller's Context ends, or the moment comes; not at all on a thread that
  // must not wait.
  void wait_until(Clock::time_point moment) const {
    if (must_not_wait()) return;
    scope_.ctx.wait_for(time_until(moment, Clock::now()));
  }

 private:
  CancelScope scope_;
};

}  // namespace jot::inline v1::detail
