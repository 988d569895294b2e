// SPDX-License-Identifier: MIT
//
// heartbeat.hpp -- who says something when there is nothing to say?
//
// In: how long silence may last, and what to do then. Out: a call of beat() on the timer's thread
// each time that so long has passed, until stop().
//
//   1. The Alarm is set. Events that are sent meanwhile do not move it: they only note the time.
//   2. It fires: beat() says when it shall fire next, by when something was last sent.
//   3. stop() waits for a beat() that is running, and none comes after it. The Alarm itself lives
//   as
//      long as the timer holds it.
#pragma once

#include "timer.hpp"  // Alarm, Timer

#include <memory>  // std::shared_ptr
#include <mutex>   // std::mutex

namespace jot::inline v1::detail {

// What is to be done. Lifetime: until Heartbeat::stop() has returned.
struct Beating {
  // On the timer's thread, on which all deadlines wait: it must not block.
  // Returns: when to come again; max() for never.
  virtual Clock::time_point beat() noexcept = 0;

 protected:
  ~Beating() = default;
};

class Heartbeat final : public Alarm, public std::enable_shared_from_this<Heartbeat> {
 public:
  // Throws as Timer::add().
  static std::shared_ptr<Heartbeat> start(Beating& what, Clock::time_point first) {
    auto heartbeat = std::make_shared<Heartbeat>(what, first);
    Timer::instance().add(*heartbeat);
    return heartbeat;
  }

  Heartbeat(Beating& what, Clock::time_point first) noexcept : Alarm(first), what_(&what) {}

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      what_ = nullptr;
    }
    Timer::instance().remove(*this);
  }

 private:
  bool hold() noexcept override { return (held_ = weak_from_this().lock()) != nullptr; }

  void fire() noexcept override {
    const std::shared_ptr<Heartbeat> self = std::move(held_);
    const std::lock_guard lock(mutex_);
    if (!what_) return;
    const Clock::time_point next = what_->beat();
    if (next == Clock::time_point::max()) return;
    set(next);
    try {
      Timer::instance().add(*this);
    } catch (const std::exception&) {
      // No memory: no more heartbeats. The stream itself goes on.
    }
  }

  std::mutex mutex_;  // guards what_, and a beat() that is running
  Beating* what_;
  std::shared_ptr<Heartbeat> held_;  // from hold() to fire(): the timer thread's
};

}  // namespace jot::inline v1::detail
