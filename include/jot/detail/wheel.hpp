// SPDX-License-Identifier: MIT
//
// wheel.hpp -- how does a lane pass from one thread to the next while a handler sleeps?
//
// In: a call of user code. Out: the word whether the caller still drives the lane when it is over.
// The rules of the word are in lane_word.hpp; the story they belong to is in lane.hpp.
#pragma once

#include "../handler.hpp"    // RouteMemory
#include "blocking.hpp"      // Seat
#include "house.hpp"         // House
#include "lane_word.hpp"     // LaneWord
#include "service.hpp"       // Service
#include "thread_cache.hpp"  // ThreadCache

#include <sys/syscall.h>  // SYS_gettid
#include <unistd.h>       // syscall

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

class Wheel {
 public:
  // So many calls of a route are given away after one was taken over, before it is tried inline.
  static constexpr int calls_given_away = 16;

  Wheel(House& house, ThreadCache& cache, Lane& lane) noexcept
      : house_(house), cache_(cache), lane_(lane) {}

  // ---- the watcher ----

  // Who is in which call. Relaxed: written before enter()'s release, read after look()'s acquire.
  struct Glimpse {
    std::uint64_t word;
    pid_t thread;
    RouteMemory* route;  // nullptr: a call that belongs to none
  };
  Glimpse glimpse() const noexcept {
    std::uint64_t word = word_.look();
    return {word, thread_.load(std::memory_order_relaxed), route_.load(std::memory_order_relaxed)};
  }

  // Puts another thread in the driver's place, if it is still in the call of that glimpse. A thread
  // in hand first, the word second: where none is to be had, the lane keeps its driver.
  bool take_over(const Glimpse& seen) noexcept {
    auto* worker = cache_.take();
    if (!worker) return false;
    if (!hand_to(worker, seen.word)) return false;
    if (seen.route) seen.route->expect_block.store(calls_given_away, std::memory_order_relaxed);
    return true;
  }

  // Tries again to make a thread that could not be made before. False: none is missing.
  bool make_up_for_spares() noexcept {
    if (!cache_.short_of_spares()) return false;
    cache_.replenish();
    return true;
  }

  // ---- the driver ----

  // What a thread sits on while it is in a call.
  class Turn final : public Seat {
   public:
    Turn(Wheel& wheel, Service& service, RouteMemory* route) noexcept
        : wheel_(wheel), service_(service) {
      wheel.route_.store(route, std::memory_order_relaxed);
      wheel.thread_.store(own_id(), std::memory_order_relaxed);
      word_ = wheel.word_.enter();
      current_seat() = this;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // With no thread to be had, the call blocks in place, and the watcher goes on trying.
    void give_away() noexcept override {
      if (detached_) return;
      auto* worker = wheel_.cache_.take();
      if (!worker) return service_.send_held();
      detached_ = true;  // by us now, or by the watcher before: the word tells, we need not know
      wheel_.hand_to(worker, word_);
      service_.send_held();  // may wait for a full socket: now nobody waits with it
    }

    // False: the lane has another driver, and the caller touches it no more.
    bool leave() noexcept {
      current_seat() = nullptr;
      return !detached_ && wheel_.word_.move_on(word_);
    }

   private:
    static pid_t own_id() noexcept {
      static thread_local const auto id = static_cast<pid_t>(syscall(SYS_gettid));
      return id;
    }

    Wheel& wheel_;
    Service& service_;
    std::uint64_t word_ = 0;
    bool detached_ = false;
  };

  bool in_call() const noexcept { return LaneWord::in_call(word_.look()); }

 private:
  // False: the call v is over, or somebody else has the lane.
  bool hand_to(ThreadCache::Worker* worker, std::uint64_t v) noexcept {
    if (!word_.move_on(v)) return cache_.put_back(worker), false;
    house_.detached.fetch_add(1, std::memory_order_relaxed);
    cache_.send(worker, lane_);
    cache_.replenish();
    return true;
  }

  // The first line: written by the driver for each call, read by the watcher.
  alignas(64) LaneWord word_;
  std::atomic<RouteMemory*> route_{nullptr};
  std::atomic<pid_t> thread_{0};
  House& house_;
  ThreadCache& cache_;
  Lane& lane_;
};

}  // namespace jot::inline v1::detail
