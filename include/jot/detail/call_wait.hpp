// SPDX-License-Identifier: MIT
//
// call_wait.hpp -- how does a call of the Client wait, and what ends its waiting?
//
// In: descriptors and a moment. Out: ready, too slow, or that the caller's Context ended; that of a
// request also where only its client left, for then nobody wants the answer.
// Where nothing but time can end a wait, a recv may sleep by itself, which saves the poll before
// it: see may_sleep().
// Threads: one at a time.
#pragma once

#include "../context.hpp"  // Clock, Context, nanoseconds
#include "../error.hpp"    // Error, Errc
#include "blocking.hpp"    // about_to_block, must_not_wait
#include "clock.hpp"       // time_after, time_until
#include "socket.hpp"      // Waited

#include <poll.h>  // poll, pollfd

#include <algorithm>     // std::clamp, std::min
#include <chrono>        // std::chrono::ceil
#include <cstddef>       // std::size_t
#include <span>          // std::span
#include <string>        // std::string
#include <system_error>  // std::system_error

namespace jot::inline v1::detail {

class CallWait {
 public:
  // The longest that a recv sleeps by itself: then the clock is looked at again.
  static constexpr auto longest_nap = std::chrono::milliseconds(100);

  CallWait(const Context& ctx, nanoseconds timeout)
      : ctx_(ctx), start_(Clock::now()), end_(time_after(start_, timeout)) {
    if (const auto deadline = ctx.deadline()) end_ = std::min(end_, *deadline);
  }

  const Context& context() const noexcept { return ctx_; }
  Clock::time_point start() const noexcept { return start_; }
  Clock::time_point end() const noexcept { return end_; }

  // So far from now, or the end of the call, if that is earlier.
  Clock::time_point within(nanoseconds d) const noexcept {
    return std::min(end_, time_after(Clock::now(), d));
  }

  bool ended() const noexcept { return ctx_.done(); }

  // Has the whole call ended? For whoever is never made to wait, and so is never stopped by it.
  bool is_over() const noexcept { return ctx_.done() || end_ <= Clock::now(); }

  // Can nothing but the clock end this wait, and that not soon?
  bool may_sleep(Clock::time_point deadline) noexcept {
    return !must_not_wait() && fd() < 0 && !watches_ &&
           time_until(deadline, Clock::now()) > longest_nap;
  }

  // fds: the first is ours. Waits until one of the others has events.
  Waited for_any(std::span<pollfd> fds, Clock::time_point deadline) {
    if (must_not_wait()) return Waited::ended;
    about_to_block();
    fds[0] = {fd(), POLLIN, 0};
    for (;;) {
      if (ctx_.done()) return Waited::ended;
      const Clock::time_point now = Clock::now();
      if (deadline <= now) return Waited::too_slow;
      const auto left = std::chrono::ceil<milliseconds>(time_until(deadline, now));
      const auto most = std::clamp(left, milliseconds(1), watches_ ? glance : longest);
      const int n = poll(fds.data(), fds.size(), static_cast<int>(most.count()));
      if (n > 0 && !(n == 1 && fds[0].revents)) return Waited::ready;
    }
  }

  // events: POLLIN, POLLOUT or both; what came stands in them afterwards.
  Waited for_fd(int descriptor, short& events, Clock::time_point deadline) {
    pollfd fds[2] = {{}, {descriptor, events, 0}};
    const Waited waited = for_any(fds, deadline);
    events = fds[1].revents;
    return waited;
  }

  // Why a wait did not end well. what: the part of the call that was too slow, if one was.
  Error error(std::string_view what = "no answer") const {
    if (must_not_wait()) {
      return Error(std::make_error_code(std::errc::operation_would_block),
                   "this thread must not wait");
    }
    if (ctx_.done()) return Error(ctx_.err(), ctx_.cause().message());
    return Error(Errc::deadline_exceeded,
                 std::string(what) +
                     (Clock::now() >= end_ ? ", when the call's time was over" : " in time"));
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds longest{60'000};
  static constexpr milliseconds glance{2};  // where there is no fd to tell that the Context ended

  int fd() {
    if (asked_) return fd_;
    asked_ = true;
    try {
      fd_ = ctx_.fd();
    } catch (const std::system_error&) {
      watches_ = true;
    }
    return fd_;
  }

  Context ctx_;
  Clock::time_point start_;
  Clock::time_point end_;
  int fd_ = -1;
  bool asked_ = false, watches_ = false;
};

}  // namespace jot::inline v1::detail
