// SPDX-License-Identifier: MIT
//
// deadline_queue.hpp -- whose time is up first?
//
// All in one queue have the same time, so whoever came first runs out of it first: the queue is in
// order by itself, and only its first entry bounds how long a lane may sleep. No timer each.
// Threads: the lane's driver only.
#pragma once

#include "clock.hpp"       // time_after
#include "connection.hpp"  // Connection

namespace jot::inline v1::detail {

class DeadlineQueue {
 public:
  explicit DeadlineQueue(nanoseconds time) noexcept : time_(time) {}

  Connection* first() const noexcept { return first_; }
  Clock::time_point deadline() const noexcept {
    return first_ ? time_after(first_->since, time_) : Clock::time_point::max();
  }

  // From now on its entries have so much time, those that stand in it already included.
  void set_time(nanoseconds time) noexcept { time_ = time; }

  // c's time begins now, whatever queue it stood in.
  void restart(Connection& c, Clock::time_point now) noexcept {
    if (last_ != &c) return append(c, now);
    c.since = now;
  }

  // c's time goes on where it stands here already; else it begins now.
  void keep(Connection& c, Clock::time_point now) noexcept {
    if (c.queue != this) append(c, now);
  }

  static void leave(Connection& c) noexcept {
    if (c.queue) c.queue->remove(c);
  }

 private:
  void append(Connection& c, Clock::time_point now) noexcept {
    leave(c);
    c.queue = this, c.since = now;
    c.sooner = last_, c.later = nullptr;
    (last_ ? last_->later : first_) = &c;
    last_ = &c;
  }
  void remove(Connection& c) noexcept {
    (c.sooner ? c.sooner->later : first_) = c.later;
    (c.later ? c.later->sooner : last_) = c.sooner;
    c.queue = nullptr, c.sooner = c.later = nullptr;
  }

  nanoseconds time_;
  Connection *first_ = nullptr, *last_ = nullptr;
};

}  // namespace jot::inline v1::detail
