// SPDX-License-Identifier: MIT
//
// timer.hpp -- who looks at the clock, so that deadlines fire without a thread each?
//
// In: Alarms, each with its moment. Out: a call of fire() when the moment has come.
//
// One thread for the process and a heap of Alarms, the next one at the front:
//
//   1. add() puts an Alarm into the heap and starts the thread if there is none. It wakes the
//      thread only when that would sleep past the new moment.
//   2. The thread sleeps until the first moment, takes from the heap what is due, and fires it
//      outside the lock.
//   3. remove() takes an Alarm out and wakes nobody: most deadlines never come, and a thread that
//      wakes up once for nothing costs less than one that is woken for each of them.
//   4. When the heap has been empty for a while, the thread ends.
//
// All fires share the thread: one that takes long delays the others.
// Exit: the thread is stopped and joined by the destructor of a local static; Alarms set after that
// do not fire. The heap itself is never destroyed, for a Context with static storage may end later.
#pragma once

#include "clock.hpp"
#include "futex.hpp"
#include "service_thread.hpp"

#include <sys/types.h>  // pid_t
#include <unistd.h>     // ::getpid

#include <atomic>   // std::memory_order_relaxed
#include <chrono>   // std::chrono::seconds
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint32_t
#include <mutex>    // std::mutex, std::lock_guard, std::unique_lock
#include <vector>   // std::vector

namespace jot::inline v1::detail {

// Something that is to happen at a moment. Lifetime: out of the heap before it is destroyed.
class Alarm {
 public:
  explicit Alarm(Clock::time_point when) noexcept : when_(when) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 protected:
  ~Alarm() = default;

  // For one that has fired, and is to be added again.
  void set(Clock::time_point when) noexcept { when_ = when; }

 private:
  friend class Timer;
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  // Called under the timer's lock: keep yourself alive until fire() has returned; false: too late,
  // the last owner is already gone.
  virtual bool hold() noexcept = 0;
  // Called on the timer's thread, without the lock, after a hold() that said true.
  virtual void fire() noexcept = 0;

  Clock::time_point when_;       // does not change while it is in the heap
  std::size_t place_ = nowhere;  // in the heap; the timer's lock guards it
  Alarm* next_due_ = nullptr;    // the timer thread's
};

class Timer {
 public:
  // The process's only one.
  static Timer& instance() {
    static Timer* const timer = new Timer;
    static const Stopper stopper{*timer, ::getpid()};
    return *timer;
  }

  // Throws: std::bad_alloc; std::system_error when the thread cannot be started. Then the Alarm is
  // not set.
  void add(Alarm& alarm) {
    std::lock_guard lock(mutex_);
    heap_.push_back(&alarm);
    alarm.place_ = heap_.size() - 1;
    sift_up(alarm.place_);
    if (!running_ && !stopping_) {
      try {
        thread_.start<&Timer::run>("jot-timer", *this);
      } catch (...) {
        take_out(alarm);
        throw;
      }
      running_ = true;
    } else if (alarm.when_ < sleeps_until_) {
      wake();
    }
  }

  // Does nothing when the Alarm has fired, fires just now or was never added.
  void remove(Alarm& alarm) noexcept {
    std::lock_guard lock(mutex_);
    take_out(alarm);
  }

  // The number of Alarms set.
  std::size_t size() noexcept {
    std::lock_guard lock(mutex_);
    return heap_.size();
  }

 private:
  // Ends the thread when the process ends; not in a forked child, where it does not exist.
  struct Stopper {
    Timer& timer;
    pid_t pid;
    ~Stopper() {
      if (::getpid() == pid) timer.stop();
    }
  };

  static constexpr std::chrono::seconds linger{10};  // how long the thread outlives the last Alarm

  Timer() = default;

  void run() {
    std::unique_lock lock(mutex_);
    Clock::time_point end = Clock::time_point::max();  // of the thread; max: not foreseen
    while (!stopping_) {
      const Clock::time_point now = Clock::now();
      if (Alarm* due = take_due(now)) {
        lock.unlock();
        fire_all(due);
        lock.lock();
        continue;
      }
      if (!heap_.empty()) {
        end = Clock::time_point::max();
      } else if (end == Clock::time_point::max()) {
        end = now + linger;
      } else if (now >= end) {
        break;
      }
      const Clock::time_point until = heap_.empty() ? end : heap_.front()->when_;
      const std::uint32_t news = news_.load(std::memory_order_relaxed);
      sleeps_until_ = until;
      lock.unlock();
      futex_wait(news_, news, until);
      lock.lock();
      sleeps_until_ = Clock::time_point::min();
    }
    running_ = false;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      wake();
    }
    thread_.join();  // nobody else touches it: add() starts no thread any more
  }

  void wake() noexcept {
    news_.fetch_add(1, std::memory_order_relaxed);  // the lock orders it; the futex compares it
    futex_wake_all(news_);
  }

  // Takes out of the heap what is due, as a chain in order of its moments.
  Alarm* take_due(Clock::time_point now) noexcept {
    Alarm* first = nullptr;
    for (Alarm** end = &first; !heap_.empty() && heap_.front()->when_ <= now;) {
      Alarm* alarm = heap_.front();
      take_out(*alarm);
      if (!alarm->hold()) continue;
      alarm->next_due_ = nullptr;
      *end = alarm;
      end = &alarm->next_due_;
    }
    return first;
  }

  static void fire_all(Alarm* due) noexcept {
    while (due != nullptr) {
      Alarm* next = due->next_due_;  // read before: the Alarm may end with its fire()
      due->fire();
      due = next;
    }
  }

  void take_out(Alarm& alarm) noexcept {
    const std::size_t hole = alarm.place_;
    if (hole == Alarm::nowhere) return;
    alarm.place_ = Alarm::nowhere;
    Alarm* last = heap_.back();
    heap_.pop_back();
    if (last == &alarm) return;
    put(hole, last);
    sift_up(hole);
    sift_down(last->place_);
  }

  void put(std::size_t place, Alarm* alarm) noexcept {
    heap_[place] = alarm;
    alarm->place_ = place;
  }

  void sift_up(std::size_t place) noexcept {
    while (place > 0) {
      const std::size_t above = (place - 1) / 2;
      if (heap_[above]->when_ <= heap_[place]->when_) return;
      swap(above, place);
      place = above;
    }
  }

  void sift_down(std::size_t place) noexcept {
    for (;;) {
      std::size_t least = place;
      for (std::size_t below = 2 * place + 1; below <= 2 * place + 2; ++below) {
        if (below < heap_.size() && heap_[below]->when_ < heap_[least]->when_) least = below;
      }
      if (least == place) return;
      swap(least, place);
      place = least;
    }
  }

  void swap(std::size_t a, std::size_t b) noexcept {
    Alarm* was_a = heap_[a];
    put(a, heap_[b]);
    put(b, was_a);
  }

  std::mutex mutex_;  // guards all below but news_, and each Alarm's place_
  std::vector<Alarm*> heap_;
  ServiceThread thread_;
  bool running_ = false;   // the thread will look at the heap once more
  bool stopping_ = false;  // the process ends
  Clock::time_point sleeps_until_ = Clock::time_point::min();  // min: it does not sleep
  FutexWord news_ = 0;  // changed under the lock, slept on without it
};

}  // namespace jot::inline v1::detail
