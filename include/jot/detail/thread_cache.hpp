// SPDX-License-Identifier: MIT
//
// thread_cache.hpp -- who drives a lane whose driver has gone to sleep in a handler?
//
// In: a lane. Out: a thread that drives it. Threads wait here for their next lane, the last one to
// come first to go, for its memory is warm. One spare per lane is made ahead, so that the moment
// when the system has no more threads to give is met early and not in the middle of a takeover.
//
// take() first, and only then move the lane's word: a lane whose word has moved on must have a
// driver. A thread that was taken in vain goes back by put_back().
// Threads: all members from any thread. Whoever waits longer than 10 s ends, down to the spares;
// the next user of the cache joins it, stop() joins all.
#pragma once

#include "../context.hpp"  // Clock
#include "service.hpp"     // Service, House

#include <pthread.h>  // ::pthread_setname_np

#include <atomic>              // std::atomic
#include <chrono>              // std::chrono::seconds
#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t
#include <exception>           // std::exception
#include <mutex>               // std::mutex
#include <new>                 // std::bad_alloc
#include <system_error>        // std::system_error
#include <thread>              // std::thread
#include <utility>             // std::exchange
#include <vector>              // std::vector

namespace jot::inline v1::detail {

class Lane;

class ThreadCache {
 public:
  static constexpr auto patience = std::chrono::seconds(10);

  class Worker {
   public:
    Worker(const House& house, ThreadCache& cache) : own(house), home(cache) {}

   private:
    friend class ThreadCache;
    Service own;  // made with it: where there is no memory for one, there is no thread
    ThreadCache& home;
    std::thread thread;
    std::condition_variable wake;
    Lane* job = nullptr;
  };

  // What a thread does with a lane, until it loses it or the lane ends.
  using Drive = void (*)(Lane& lane, Service& own) noexcept;

  ThreadCache(const House& house, Drive drive) : house_(house), drive_(drive) {}
  ~ThreadCache() { stop(); }

  // Makes so many threads ahead, and keeps that many waiting from now on. Throws std::system_error.
  void start(std::size_t spares) {
    spares_ = spares;
    for (std::size_t i = 0; i < spares; ++i) add_spare();
  }

  // A thread in hand; nullptr: the system has none to give.
  Worker* take() noexcept {
    join_expired();
    {
      std::lock_guard lock(mutex_);
      if (!waiting_.empty()) {
        Worker* worker = waiting_.back();
        waiting_.pop_back();
        return worker;
      }
    }
    return make();
  }

  void put_back(Worker* worker) noexcept {
    std::lock_guard lock(mutex_);
    waiting_.push_back(worker);
    if (stopping_) worker->wake.notify_one();
  }

  // Sends a thread in hand off to drive a lane. Notified under the mutex: once it is released, the
  // worker may end at any time, and its condition variable with it.
  void send(Worker* worker, Lane& lane) noexcept {
    std::lock_guard lock(mutex_);
    worker->job = &lane;
    worker->wake.notify_one();
  }

  // Makes up for a spare that was sent off. Where that fails, short_of_spares() tells.
  void replenish() noexcept {
    {
      std::lock_guard lock(mutex_);
      if (stopping_ || waiting_.size() >= spares_) {
        short_.store(false, std::memory_order_relaxed);
        return;
      }
    }
    Worker* worker = make();
    short_.store(!worker, std::memory_order_relaxed);
    if (worker) put_back(worker);
  }

  // Relaxed: a hint for the next call; who reads it late answers one request more or less.
  bool short_of_spares() const noexcept { return short_.load(std::memory_order_relaxed); }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  // Is the caller one of these threads? Then it cannot wait for their end.
  bool owns_this_thread() noexcept {
    std::lock_guard lock(mutex_);
    for (auto& worker : all_)
      if (worker->thread.get_id() == std::this_thread::get_id()) return true;
    return false;
  }

  // Waits until all threads have come back from their lanes, and ends them.
  void stop() noexcept {
    std::vector<Worker*> all;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (Worker* worker : waiting_) worker->wake.notify_one();
      all.swap(all_);
    }
    end(all);
    join_expired();
    waiting_.clear();  // no thread is left that could touch it, or be on it
  }

 private:
  void add_spare() {
    Worker* worker = make();
    if (!worker)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                              "jot: cannot start the first threads");
    put_back(worker);
  }

  Worker* make() noexcept {
    Worker* worker = nullptr;
    try {
      worker = new Worker(house_, *this);
      if (launch(*worker)) return worker;
    } catch (const std::exception&) {
    }
    delete worker;
    return nullptr;
  }

  // False: too late. Throws: before it has a thread.
  bool launch(Worker& worker) {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    all_.reserve(all_.size() + 1), waiting_.reserve(all_.size() + 1);  // put_back() must not throw
    worker.thread = std::thread(run, static_cast<void*>(&worker));
    all_.push_back(&worker);
    size_.store(all_.size(), std::memory_order_relaxed);
    return true;
  }

  static void run(void* worker) {
    Worker& self = *static_cast<Worker*>(worker);
    self.home.live(self);
  }

  void live(Worker& self) {
    ::pthread_setname_np(::pthread_self(), "jot lane");
    std::unique_lock lock(mutex_);
    while (wait_for_job(self, lock)) {
      Lane& lane = *std::exchange(self.job, nullptr);
      lock.unlock();
      drive_(lane, self.own);
      lock.lock();
      waiting_.push_back(&self);
    }
  }

  // False: this thread shall end.
  bool wait_for_job(Worker& self, std::unique_lock<std::mutex>& lock) {
    auto until = Clock::now() + patience;
    while (!self.job) {
      if (stopping_) return false;
      if (self.wake.wait_until(lock, until) == std::cv_status::no_timeout) continue;
      if (self.job || stopping_) continue;
      until = Clock::now() + patience;
      if (waiting_.size() > spares_ && leave(self)) return false;
    }
    return true;
  }

  // Takes itself off the lists. False: it is in somebody's hand, and a job will come.
  bool leave(Worker& self) {
    if (!room_for_expired() || std::erase(waiting_, &self) == 0) return false;
    expired_.push_back(&self);
    std::erase(all_, &self);
    size_.store(all_.size(), std::memory_order_relaxed);
    return true;
  }

  bool room_for_expired() noexcept try {
    expired_.reserve(expired_.size() + 1);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  void join_expired() noexcept {
    std::vector<Worker*> expired;
    {
      std::lock_guard lock(mutex_);
      expired.swap(expired_);
    }
    end(expired);
  }

  // Joins all of them first: one that still works may have another in hand.
  static void end(const std::vector<Worker*>& workers) noexcept {
    for (Worker* worker : workers) worker->thread.join();
    for (Worker* worker : workers) delete worker;
  }

  const House& house_;
  const Drive drive_;
  std::size_t spares_ = 0;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> short_{false};

  std::mutex mutex_;  // guards what follows, and `job` of every Worker
  // Three lists of one type. These two own what they point to:
  std::vector<Worker*> all_;
  std::vector<Worker*> expired_;  // ended, or about to: to be joined
  std::vector<Worker*> waiting_;  // the last one goes first
  bool stopping_ = false;
};

}  // namespace jot::inline v1::detail
