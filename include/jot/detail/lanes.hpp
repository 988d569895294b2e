// SPDX-License-Identifier: MIT
//
// lanes.hpp -- a whole server: lanes, their threads, their watcher and the acceptor; how they start
// together and how they end.
//
// The end, from any thread:
//   1. the acceptor stops, and the listeners close
//   2. drain    parked connections close; requests in service end, with Connection: close
//   3. cancel   once the caller's patience is over: their Contexts end, so that streams do
//   4. cut      a second later: their sockets too
//   5. all threads are joined. A handler that returns at none of this keeps us waiting.
#pragma once

#include "acceptor.hpp"
#include "watcher.hpp"

#include <sys/resource.h>  // getrlimit, setrlimit

#include <algorithm>  // std::max
#include <stdexcept>  // std::logic_error
#include <thread>     // std::thread::hardware_concurrency

namespace jot::inline v1::detail {

class Engine {
 public:
  explicit Engine(ServerOptions options) : house_(std::move(options)) {}
  ~Engine() { stop(nullptr); }

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
      lanes_.push_back(std::make_unique<Lane>(house_, cache_, flag_));
    for (auto& lane : lanes_) launch(*lane);
    cache_.start(lanes_.size());
    watcher_.start(lanes_);
    acceptor_.start(std::move(listeners), most);
    serving_.store(true, std::memory_order_release);
    return true;
  }

  // Returns whether all requests ended before `within` did; nullptr: no patience at all.
  bool stop(const Context* within) {
    JOT_ASSERT(!cache_.owns_this_thread() && "a Server may not be ended by its own handler");
    {
      std::lock_guard lock(house_.mutex);
      stopping_ = true;
      house_.changed.notify_all();
    }
    std::lock_guard one_at_a_time(life_mutex_);
    acceptor_.stop();
    bool by_themselves = within ? advance(Stop::drain, *within) : false;
    if (!by_themselves) {
      auto a_second = with_timeout(background(), std::chrono::seconds(within ? 1 : 0));
      if (!advance(Stop::cancel, a_second.ctx)) advance(Stop::cut, background());
    }
    watcher_.stop();
    cache_.stop();
    return by_themselves || launched_ == 0;
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
    for (auto& lane : lanes_) {
      auto& n = lane->numbers();
      s.requests += n.requests.load(std::memory_order_relaxed);
      s.refused += n.refused.load(std::memory_order_relaxed);
      s.bytes_in += n.bytes_in.load(std::memory_order_relaxed);
      s.bytes_out += n.bytes_out.load(std::memory_order_relaxed);
      s.in_handlers += lane->wheel().in_call();
    }
    s.idle = s.connections - std::min(s.connections, s.in_handlers);
    s.threads = cache_.size() + (launched_ ? 2 : 0);
    return s;
  }

 private:
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

  // Goes on to that step, and waits until all lanes have ended or patience has. True: they have.
  bool advance(Stop step, const Context& patience) {
    house_.stop.store(step, std::memory_order_seq_cst);
    for (auto& lane : lanes_) lane->wake();
    return wait_until(patience, [this] { return house_.lanes_ended == launched_; });
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
  std::vector<std::unique_ptr<Lane>> lanes_;
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
