// SPDX-License-Identifier: MIT
//
// lanes.hpp -- a whole server: lanes, their threads, their watcher and the acceptor; how they start
// together and how they end.
//
// The end, from any thread:
//   1. the acceptor stops, and the listeners close
//   2. drain    requests in service end, with Connection: close; so do those that were on their way
//               on connections busy half a second ago. The other parked connections close
//   3. cancel   once the caller's patience is over: their Contexts end, so that streams do
//   4. cut      a second later: their sockets too
//   5. all threads are joined. A handler that returns at none of this is left behind by shutdown();
//      the destructor has to wait for it.
#pragma once

#include "acceptor.hpp"
#include "watcher.hpp"

#include <sys/resource.h>  // getrlimit, setrlimit

#include <algorithm>  // std::max
#include <list>       // std::list
#include <new>        // std::bad_alloc
#include <stdexcept>  // std::logic_error
#include <thread>     // std::thread::hardware_concurrency

namespace jot::inline v1::detail {

class Engine {
 public:
  explicit Engine(ServerOptions options) : house_(std::move(options)) {}
  ~Engine() { end(); }

  // Returns false, and does nothing, when it was stopped before.
  bool start() {
    std::lock_guard one_at_a_time(life_mutex_);
    if (stopping()) return false;
    if (started_) throw std::logic_error("jot: a Server starts once");
    started_ = true;
    auto listeners = open_listeners(house_.options.addr, house_.options.reuse_port);
    addr_ = local_address(listeners.front().fd());
    std::size_t most = fd_limit();
    for (unsigned n = std::max(1u, std::thread::hardware_concurrency()); n > 0; --n)
      lanes_.emplace_back(house_, cache_, flag_);
    for (Lane& lane : lanes_) launch(lane);
    cache_.start(lanes_.size());
    watcher_.start(lanes_);
    acceptor_.start(std::move(listeners), most);
    serving_.store(true, std::memory_order_release);
    return true;
  }

  // Returns whether all requests ended before `within` did. In the end it leaves those behind whose
  // handlers do not return.
  bool stop(const Context& within) {
    announce_end();
    std::lock_guard one_at_a_time(life_mutex_);
    acceptor_.stop();
    raise(Stop::drain);
    if (wait_until(within, [this] { return all_ended(); })) return join_all(), true;
    raise(Stop::cancel);
    if (all_end_within(a_second)) return join_all(), false;
    complain("shutdown: requests that did not end are cut");
    raise(Stop::cut);
    if (all_end_within(a_second)) return join_all(), false;
    complain("shutdown: handlers do not return");
    return false;
  }

  // Until `until` is done, or another thread has begun to stop the server.
  void wait(const Context& until) {
    wait_until(until, [this] { return stopping_; });
  }

  std::string addr() const {
    return serving_.load(std::memory_order_acquire) ? addr_ : std::string();
  }
  const ServerOptions& options() const noexcept { return house_.options; }

  ServerStats stats() const {
    ServerStats s;
    if (!serving_.load(std::memory_order_acquire)) return s;
    s.accepted = acceptor_.accepted();
    s.connections = house_.connections.load(std::memory_order_relaxed);
    s.in_handlers = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, house_.detached.load()));
    for (const Lane& lane : lanes_) {
      auto& n = lane.numbers();
      s.requests += n.requests.load(std::memory_order_relaxed);
      s.refused += n.refused.load(std::memory_order_relaxed);
      s.bytes_in += n.bytes_in.load(std::memory_order_relaxed);
      s.bytes_out += n.bytes_out.load(std::memory_order_relaxed);
      s.in_handlers += lane.wheel().in_call();
    }
    s.idle = s.connections - std::min(s.connections, s.in_handlers);
    s.lanes = lanes_.size();
    s.threads = cache_.size() + (launched_ ? 2 : 0);
    return s;
  }

 private:
  static constexpr auto a_second = std::chrono::seconds(1);

  // The destructor's way: at once. Allocates nothing, for nobody could hear of a failure.
  void end() noexcept {
    announce_end();
    std::lock_guard one_at_a_time(life_mutex_);
    acceptor_.stop();
    raise(Stop::cancel), raise(Stop::cut);
    if (!all_end_within(a_second)) {
      complain("a Server waits in its destructor for handlers that do not return");
      std::unique_lock lock(house_.mutex);
      house_.changed.wait(lock, [this] { return all_ended(); });
    }
    join_all();
  }

  void announce_end() noexcept {
    JOT_ASSERT(!cache_.owns_this_thread() && "a Server may not be ended by its own handler");
    std::lock_guard lock(house_.mutex);
    stopping_ = true;
    house_.changed.notify_all();
  }

  void join_all() noexcept { watcher_.stop(), cache_.stop(); }

  bool stopping() {
    std::lock_guard lock(house_.mutex);
    return stopping_;
  }

  void launch(Lane& lane) {
    auto* worker = cache_.take();
    if (!worker)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                              "jot: cannot start a thread for each lane");
    cache_.send(worker, lane);
    ++launched_;
  }

  // Goes on to that step, unless an earlier end has come farther. life_mutex_ is held.
  void raise(Stop step) noexcept {
    if (house_.stop.load(std::memory_order_relaxed) >= step) return;
    house_.stop.store(step, std::memory_order_seq_cst);
    for (Lane& lane : lanes_) lane.wake();
  }

  // house_.mutex is held.
  bool all_ended() const noexcept { return house_.lanes_ended == launched_; }

  bool all_end_within(std::chrono::seconds time) noexcept {
    std::unique_lock lock(house_.mutex);
    return house_.changed.wait_for(lock, time, [this] { return all_ended(); });
  }

  void complain(const char* message) const noexcept try {
    house_.options.log.error(message, {{"in_handlers", stats().in_handlers}});
  } catch (const std::bad_alloc&) {
    house_.options.log.error(message);
  }

  // Waits for a condition that house_.mutex guards, as long as patience lasts. Returns whether it
  // holds.
  template <class Condition>
  bool wait_until(const Context& patience, Condition holds) {
    auto wake_me = after_func(patience, [this] {
      std::lock_guard lock(house_.mutex);
      house_.changed.notify_all();
    });
    std::unique_lock lock(house_.mutex);
    house_.changed.wait(lock, [&] { return holds() || patience.done(); });
    return holds();
  }

  // How many connections there may be. 64 fds are left to the program.
  std::size_t fd_limit() const {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (house_.options.raise_fd_limit && limit.rlim_cur < limit.rlim_max) {
      rlimit raised{limit.rlim_max, limit.rlim_max};
      if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    if (house_.options.max_connections) return house_.options.max_connections;
    constexpr rlim_t kept = 64;
    return static_cast<std::size_t>(limit.rlim_cur > 2 * kept ? limit.rlim_cur - kept
                                                              : limit.rlim_cur);
  }

  House house_;
  WakeFlag flag_;
  ThreadCache cache_{house_, [](Lane& lane, Service& own) noexcept { lane.drive(own); }};
  std::list<Lane> lanes_;
  Watcher watcher_{flag_};
  Acceptor acceptor_{house_, lanes_};
  std::string addr_;
  bool started_ = false;
  bool stopping_ = false;     // guarded by house_.mutex
  std::size_t launched_ = 0;  // lanes that have a driver
  // Release when start() is done, acquire before what it made is looked at.
  std::atomic<bool> serving_{false};
  std::mutex life_mutex_;  // guards the start and the end: one at a time
};

}  // namespace jot::inline v1::detail
