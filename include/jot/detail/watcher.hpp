// SPDX-License-Identifier: MIT
//
// watcher.hpp -- whose handler has fallen asleep with a lane in its hands?
//
// A thread that looks at every lane once a millisecond while there is traffic. A lane that is still
// in the same call as a tick ago is taken over if its thread sleeps (its state in /proc is not R),
// or, if it computes, 10 ms on. Without the look at /proc, a busy machine, where threads wait for a
// core, would turn every request into a takeover.
// After 20 ticks without any change it sleeps, until a lane wakes it: see wake_flag.hpp.
// Lifetime: the Engine's; joined by stop().
#pragma once

#include "lane.hpp"            // Lane
#include "service_thread.hpp"  // ServiceThread

#include <fcntl.h>   // open
#include <unistd.h>  // pread

#include <chrono>       // std::chrono::milliseconds
#include <cstdio>       // std::snprintf
#include <list>         // std::list
#include <string_view>  // std::string_view
#include <thread>       // std::this_thread::sleep_for

namespace jot::inline v1::detail {

// Does a thread of this process run, or wait for a core to run on?
class ThreadState {
 public:
  // Counts as running where /proc does not tell: then the 10 ms decide. The file stays open for the
  // next look at the same thread. (A reused id does no harm: the lane's word proves that the thread
  // was in this one call all the time.)
  bool runs(pid_t thread) noexcept {
    if (thread != thread_) open_stat(thread);
    char text[256];
    ssize_t n = stat_ ? pread(stat_.get(), text, sizeof text, 0) : -1;
    if (n <= 0) return thread_ = 0, true;  // open it anew: the id may be another thread's now
    std::string_view line(text, static_cast<std::size_t>(n));
    std::size_t name_end = line.rfind(')');  // "TID (name) R ...": the name may hold anything
    return name_end == line.npos || line.size() <= name_end + 2 || line[name_end + 2] == 'R';
  }

 private:
  void open_stat(pid_t thread) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", static_cast<int>(thread));
    stat_.reset(open(path, O_RDONLY | O_CLOEXEC));
    thread_ = thread;
  }

  pid_t thread_ = 0;
  Fd stat_;
};

class Watcher {
 public:
  static constexpr auto tick = std::chrono::milliseconds(1);
  static constexpr int patience = 10;     // ticks that a handler may compute
  static constexpr int quiet_ticks = 20;  // before it sleeps

  explicit Watcher(WakeFlag& flag) : flag_(flag) {}
  ~Watcher() { stop(); }

  void start(std::list<Lane>& lanes) {
    for (Lane& lane : lanes) watched_.push_back({&lane, {}, 0, {}});
    thread_.start<&Watcher::watch>("jot watcher", *this);
  }

  void stop() noexcept {
    stop_.store(true, std::memory_order_seq_cst);
    flag_.wake();
    thread_.join();
  }

 private:
  struct Watched {
    Lane* lane;
    Wheel::Glimpse seen;  // a tick ago
    int ticks;            // in the same call
    ThreadState state;
  };

  void watch() noexcept {
    int quiet = 0;
    while (!stop_.load(std::memory_order_seq_cst)) {
      std::this_thread::sleep_for(tick);
      bool busy = false;
      for (Watched& w : watched_) busy |= look(w);
      quiet = busy ? 0 : quiet + 1;
      if (quiet < quiet_ticks) continue;
      flag_.sleep_if([this] { return all_asleep(); });
      quiet = 0;
    }
  }

  // False: nothing has changed since the last tick.
  bool look(Watched& w) noexcept {
    bool short_of_threads = w.lane->wheel().make_up_for_spares();
    Wheel::Glimpse now = w.lane->wheel().glimpse();
    if (now.word != w.seen.word) return w.seen = now, w.ticks = 0, true;
    if (!LaneWord::in_call(now.word)) return short_of_threads;
    if (++w.ticks >= patience || !w.state.runs(now.thread)) w.lane->wheel().take_over(now);
    return true;
  }

  bool all_asleep() const noexcept {
    if (stop_.load(std::memory_order_seq_cst)) return false;
    for (const Watched& w : watched_)
      if (!w.lane->asleep()) return false;
    return true;
  }

  WakeFlag& flag_;
  std::list<Watched> watched_;  // the watcher's own
  std::atomic<bool> stop_{false};
  ServiceThread thread_;
};

}  // namespace jot::inline v1::detail
