// SPDX-License-Identifier: MIT
//
// line_queue.hpp -- how do lines get to a disk that may be slow, while nobody waits for it?
//
// In: lines, from many threads. Out: the same lines in their order, to a function that may block.
//
//   1. add() appends the line to the batch in hand, under a lock, and goes. When the batch holds
//      `limit` bytes, the line is dropped and counted instead: memory has an end, too.
//   2. A thread of the queue's own takes the whole batch, gives it to the function, and takes what
//      has come meanwhile. It starts with the first line.
//   3. What was dropped is told when a batch has been written, once for all of them.
//   4. The destructor lets the thread write what is there, and joins it.
// Threads: add() from any.
#pragma once

#include "service_thread.hpp"  // ServiceThread

#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t
#include <cstdint>             // std::uint64_t
#include <functional>          // std::function
#include <mutex>               // std::mutex, std::unique_lock
#include <string>              // std::string
#include <string_view>         // std::string_view
#include <utility>             // std::move

namespace jot::inline v1::detail {

class LineQueue {
 public:
  // Returns how many lines of the batch it could not write; must not throw.
  using Write = std::function<std::uint64_t(std::string_view batch)>;
  using TellLost = std::function<void(std::uint64_t lines)>;

  LineQueue(std::size_t limit, Write write, TellLost tell_lost)
      : limit_(limit), write_(std::move(write)), tell_lost_(std::move(tell_lost)) {}
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (lost_ > 0) tell_lost_(lost_);  // there was no thread to be had
  }

  // Without the newline, which is added.
  void add(std::string_view line) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      start();
      if (batch_.size() + line.size() >= limit_) return void(++lost_);
      const bool was_empty = batch_.empty();
      batch_.reserve(batch_.size() + line.size() + 1);  // so that a line is there whole or not
      (batch_ += line) += '\n';
      if (was_empty) changed_.notify_one();
    } catch (...) {  // no memory, no thread
      ++lost_;
    }
  }

  // A line that was never made. It is told with the next.
  void lose() noexcept {
    const std::lock_guard lock(mutex_);
    ++lost_;
  }

 private:
  // Under the lock.
  void start() {
    if (started_) return;
    thread_.start<&LineQueue::run>("jot-access-log", *this);
    started_ = true;
  }

  void run() noexcept {
    std::string batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !batch_.empty() || lost_ > 0 || ending_; });
      if (batch_.empty() && lost_ == 0) return;
      batch.swap(batch_);
      std::uint64_t lost = std::exchange(lost_, 0);
      lock.unlock();
      if (!batch.empty()) lost += write_(batch);
      if (lost > 0) tell_lost_(lost);
      batch.clear();
      lock.lock();
    }
  }

  const std::size_t limit_;
  const Write write_;
  const TellLost tell_lost_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::string batch_;
  std::uint64_t lost_ = 0;
  bool started_ = false, ending_ = false;
  ServiceThread thread_;  // joined by the destructor
};

}  // namespace jot::inline v1::detail
