// SPDX-License-Identifier: MIT
//
// lane.hpp -- the engine: a thread for each request in service, none for those that wait.
//
// A lane is an epoll instance and the connections assigned to it; there are as many as cores. One
// thread at a time drives a lane, in rounds:
//
//   1. batch     for each event that epoll reported: serve its connection
//   2. returns   take in new connections and those that come back; stop, shed, deadlines
//   3. ready     serve, once each, the connections that have something to do without an event
//   4. wait      for the next batch
//
// To serve means: receive, parse, call the handler, send. All on this one thread, without handing
// anything over, so that a short request costs one recv, one send and a share of one epoll_wait.
//
// But a handler may block, and then its lane must not wait with it. So all user code runs in a
// guarded call: before it the driver makes the lane's word odd (enter), after it even (leave).
// While it is odd, another thread may take the lane over, by moving the word itself (wheel.hpp):
//
//   - the watcher, when it finds the driver asleep in the call, or still there after 10 ms;
//   - the driver, when something in jot is about to block and says so (Seat::give_away);
//   - the driver, before the call, when the route has blocked lately (RouteMemory).
//
// The loser is detached: a plain thread with one request, which it answers. Then it pushes the
// connection to the lane's returns and waits in the thread cache. Meanwhile the lane has its next
// driver, which goes on where the batch stood: batch, lists and queues are the lane's, not the
// thread's.
//
// Who may touch what: between enter and a successful leave, a thread touches its connection's
// service side, its own buffers, and atomics; nothing of the lane, for it may not be its driver any
// more. Functions that make a guarded call return false when the lane was lost in it; their callers
// return at once.
//
// A connection is freed only when the batch is used up, so no event in it can point at freed
// memory; and only after it was taken out of epoll, so no later one can.
#pragma once

#include "deadline_queue.hpp"  // DeadlineQueue
#include "fd.hpp"              // Fd
#include "wake_flag.hpp"       // WakeFlag
#include "wheel.hpp"           // Wheel

#include <sys/epoll.h>    // epoll_wait
#include <sys/eventfd.h>  // eventfd

#include <array>    // std::array
#include <atomic>   // std::atomic
#include <cerrno>   // errno
#include <cstddef>  // std::size_t
#include <cstdint>  // std::int64_t

namespace jot::inline v1::detail {

class Lane {
 public:
  Lane(House& house, ThreadCache& cache, WakeFlag& watcher)
      : wheel_(house, cache, *this),
        house_(house),
        cache_(cache),
        watcher_(watcher),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // Edge-triggered and never read: each write is one edge.
    epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
    if (!epoll_ || !wake_ || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
      throw std::system_error(errno, std::generic_category(), "jot: epoll");
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

  Wheel& wheel() noexcept { return wheel_; }
  const Wheel& wheel() const noexcept { return wheel_; }

  // ---- from any thread ----

  // A new connection, or one that comes back: the caller touches it no more. Push, then look
  // whether the driver sleeps; the driver says that it sleeps, then looks for pushes: one sees the
  // other.
  void give(Connection& c) noexcept {
    returns_.push(&c);
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }

  // There is something to see at step 2.
  void wake() noexcept { eventfd_write(wake_.get(), 1); }

  // Closes the connection that has been idle longest, if there is one; then tells the acceptor.
  void shed_one() noexcept {
    shed_.fetch_add(1, std::memory_order_seq_cst);
    wake();
  }

  // When that one was parked, in Clock's ticks; INT64_MAX: there is none.
  // Relaxed: lanes are compared by it, and a stale number only picks the second best.
  std::int64_t oldest_idle() const noexcept { return oldest_idle_.load(std::memory_order_relaxed); }

  // For the watcher, see WakeFlag.
  bool asleep() const noexcept { return asleep_.load(std::memory_order_seq_cst); }

  // Written by the driver alone, so without read-modify-write; relaxed: numbers to look at.
  struct Numbers {
    std::atomic<std::uint64_t> requests{0}, refused{0}, bytes_in{0}, bytes_out{0};
    void add(Tally& t) noexcept {
      add(requests, t.requests), add(refused, t.refused);
      add(bytes_in, t.bytes_in), add(bytes_out, t.bytes_out);
      t = {};
    }
    static void add(std::atomic<std::uint64_t>& sum, std::uint64_t n) noexcept {
      sum.store(sum.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
  };
  const Numbers& numbers() const noexcept { return numbers_; }

  // ---- the thread that drives ----

  // Returns when the lane is lost to another thread, or has ended.
  void drive(Service& service) noexcept {
    service_ = &service;
    now_ = Clock::now();
    while (!ended_) {
      if (!serve_batch() || !take_in() || !serve_ready()) return;
      wait();
    }
    house_.lane_ended();
  }

 private:
  using Next = Service::Next;
  static constexpr auto short_call = std::chrono::microseconds(100);
  static constexpr auto linger_time = std::chrono::seconds(5);
  // While a server ends.
  static constexpr auto last_head_time = std::chrono::milliseconds(1000);
  static constexpr auto last_idle_time = std::chrono::milliseconds(500);
  static constexpr auto last_linger_time = std::chrono::milliseconds(500);
  static constexpr int most_turns = 64;  // of one connection, before others have theirs

  // The guarded call (lane_call.hpp).
  template <class F>
  bool guarded(F f) noexcept;
  bool guarded_answer(Connection& c) noexcept;
  static void answer_given_away(Service& own, Wheel::Turn& turn, RouteMemory& route) noexcept;
  bool cancel(Connection& c, const char* cause) noexcept;
  static void drop_context(Connection& c) noexcept;

  // 1 and 3: serving (lane_serve.hpp).
  bool serve_batch() noexcept;
  bool heed(Connection& c, std::uint32_t events) noexcept;
  bool serve_ready() noexcept;
  bool serve(Connection& c) noexcept;
  Next begin(Connection& c) noexcept;
  bool overloaded() const noexcept;
  bool receive(Connection& c, Next& next) noexcept;
  void settle(Connection& c, bool answered) noexcept;
  bool set_aside(Connection& c) noexcept;
  void make_ready(Connection& c) noexcept;
  void begin_linger(Connection& c) noexcept;
  void park(Connection& c, bool answered) noexcept;

  // 2 and 4: between batches (lane_round.hpp).
  bool take_in() noexcept;
  void absorb(Connection& c) noexcept;
  void admit(Connection& c) noexcept;
  bool heed_stop() noexcept;
  void call_last_orders() noexcept;
  void close_parked() noexcept;
  bool cancel_all() noexcept;
  void cut_all() noexcept;
  void shed() noexcept;
  void expire(DeadlineQueue& queue) noexcept;
  static bool next_is_here(Connection& c) noexcept;
  void bury(Connection& c) noexcept;
  void clear_graves() noexcept;
  bool log_gone() noexcept;
  void wait() noexcept;
  bool anything_to_do() const noexcept;
  int timeout() const noexcept;

  // Line 1: the wheel. Line 2: what other threads touch.
  Wheel wheel_;
  alignas(64) Returns<Connection> returns_;
  std::atomic<bool> asleep_{false};
  std::atomic<std::int64_t> oldest_idle_{INT64_MAX};
  std::atomic<int> shed_{0};

  // The rest is the driver's alone.
  alignas(64) House& house_;
  ThreadCache& cache_;
  WakeFlag& watcher_;
  Service* service_ = nullptr;  // of the thread that drives
  const Fd epoll_, wake_;
  Clock::time_point now_;  // of this round
  int batch_at_ = 0, batch_size_ = 0;
  Connection *first_ready_ = nullptr, *last_ready_ = nullptr;
  Connection* graves_ = nullptr;
  Connection* all_ = nullptr;
  DeadlineQueue head_{house_.options.head_timeout};
  DeadlineQueue idle_{house_.options.idle_timeout};
  DeadlineQueue body_{house_.options.body_timeout};
  DeadlineQueue linger_{linger_time};
  Stop heeded_ = Stop::no;
  bool owes_cancel_ = false;  // there may be Contexts that have not heard of Stop::cancel
  bool ended_ = false;
  Numbers numbers_;
  std::size_t gone_ = 0;  // clients that left in the middle of a request, still to be logged
  std::array<epoll_event, 256> batch_;
};

}  // namespace jot::inline v1::detail

#include "lane_call.hpp"
#include "lane_round.hpp"
#include "lane_serve.hpp"
