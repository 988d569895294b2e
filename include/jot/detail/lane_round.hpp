// SPDX-License-Identifier: MIT
//
// lane_round.hpp -- a lane's steps 2 and 4: what happens between two batches.
//
// In: new connections, those that come back, a stop, a wish for room, the time. Out: lists and
// queues in order, and the thread asleep in epoll until there is something to do.
// No user code runs here but what is marked as a guarded call.
#pragma once

#include "lane.hpp"

#include <sys/socket.h>  // shutdown, setsockopt

#include <utility>  // std::exchange

namespace jot::inline v1::detail {

inline Lane::~Lane() {
  JOT_ASSERT(!all_ && returns_.empty());  // the engine has waited until it ended
}

inline bool Lane::take_in() noexcept {
  for (Connection* c = returns_.take(); c;) {
    Connection* next = c->below;
    absorb(*c);
    c = next;
  }
  if (!heed_stop()) return false;
  shed();
  expire(head_), expire(idle_), expire(body_), expire(linger_);
  clear_graves();
  return log_gone();
}

inline void Lane::absorb(Connection& c) noexcept {
  if (c.place == Place::fresh) return admit(c);
  drop_context(c);
  numbers_.add(c.tally);
  switch (c.sequel) {
    case Sequel::go_on:
      if (c.answerable || c.pending || !c.drained || c.hang_up) return make_ready(c);
      return park(c, true);
    case Sequel::linger: return begin_linger(c);
    case Sequel::close:
    case Sequel::abort: return bury(c);
  }
}

// A new connection: into the list of all, and into epoll, once and for good.
inline void Lane::admit(Connection& c) noexcept {
  c.next = all_, c.previous = nullptr;
  if (all_) all_->previous = &c;
  all_ = &c;
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLET, {.ptr = &c}};
  bool added = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd, &event) == 0;
  if (!added || heeded_ >= Stop::cancel) return bury(c);
  c.place = Place::idle;
  (heeded_ == Stop::no ? head_ : idle_).keep(c, now_);
}

// ---- the end of the server, as far as it has come since the last round ----

// Step by step: the guarded calls of Stop::cancel may lose the lane, and the next driver must find
// undone what is left to do.
inline bool Lane::heed_stop() noexcept {
  for (;;) {
    if (owes_cancel_ && !cancel_all()) return false;
    owes_cancel_ = false;
    if (heeded_ >= house_.stop.load(std::memory_order_seq_cst)) return true;
    heeded_ = static_cast<Stop>(static_cast<int>(heeded_) + 1);
    if (heeded_ == Stop::drain) call_last_orders();
    if (heeded_ == Stop::cancel) close_parked(), owes_cancel_ = true;
    if (heeded_ == Stop::cut) close_parked(), cut_all();
  }
}

// On a connection that looks idle a request may be on its way, from a client that cannot know yet
// that it comes late. So whoever was busy lately has a moment to bring it, and is answered with
// Connection: close: then a server that takes this one's place loses nobody's request.
inline void Lane::call_last_orders() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->queue == &head_ && c->place == Place::idle && !c->in_message()) idle_.restart(*c, now_);
  }
  idle_.set_time(std::min<nanoseconds>(house_.options.idle_timeout, last_idle_time));
  head_.set_time(std::min<nanoseconds>(house_.options.head_timeout, last_head_time));
  linger_.set_time(last_linger_time);
}

inline void Lane::close_parked() noexcept {
  for (Connection *c = all_, *next; c; c = next) {
    next = c->next;
    if (c->place != Place::idle) continue;  // its phase is not ours to read
    bool says_goodbye = c->phase == Phase::linger && heeded_ != Stop::cut;
    if (!says_goodbye) bury(*c);
  }
}

// A guarded call each: callbacks that block keep nobody else's Context waiting.
inline bool Lane::cancel_all() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->place == Place::in_service && !cancel(*c, "server shutting down")) return false;
  }
  return true;
}

// Reads end and writes fail, whoever waits in them. Only this thread closes fds, so each is the
// connection's still.
inline void Lane::cut_all() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->place == Place::in_service || c->place == Place::ready) shutdown(c->fd, SHUT_RDWR);
  }
}

// ---- making room, running out of time ----

inline void Lane::shed() noexcept {
  if (shed_.load(std::memory_order_relaxed) == 0) return;
  for (int n = shed_.exchange(0, std::memory_order_seq_cst); n > 0; --n) {
    Connection* c = idle_.first();
    while (c && c->place != Place::idle) c = c->later;
    if (c) bury(*c);
  }
  clear_graves();
  house_.tell_acceptor();
}

// Who stands in the middle of a message hears that it was too slow; the others just end, but for
// those whose next request has come in this very moment.
inline void Lane::expire(DeadlineQueue& queue) noexcept {
  while (Connection* c = queue.first()) {
    if (c->place == Place::idle && queue.deadline() > now_) return;
    DeadlineQueue::leave(*c);
    if (c->place != Place::idle) continue;  // in service: it will join a queue when it is parked
    c->expired = c->in_message();
    if (c->expired || next_is_here(*c))
      make_ready(*c);
    else
      bury(*c);
  }
}

// Parked, and between two requests: has the next one come, though its event has not?
inline bool Lane::next_is_here(Connection& c) noexcept {
  char first;
  if (c.phase != Phase::head || recv(c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return false;
  return c.pending = true;
}

// ---- the end of a connection ----

inline void Lane::bury(Connection& c) noexcept {
  DeadlineQueue::leave(c);
  (c.previous ? c.previous->next : all_) = c.next;
  if (c.next) c.next->previous = c.previous;
  c.place = Place::grave;
  c.behind = graves_;
  graves_ = &c;
}

// Only with the batch used up. DEL says it also to those epoll sets that outlive our fd, because a
// forked child holds it.
inline void Lane::clear_graves() noexcept {
  while (Connection* c = graves_) {
    graves_ = c->behind;
    if (c->sequel == Sequel::abort) {
      linger reset{1, 0};
      setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, c->fd, nullptr);
    close(c->fd);
    delete c;
    house_.closed_one();
  }
}

inline bool Lane::log_gone() noexcept {
  if (gone_ == 0) return true;
  return guarded([gone = std::exchange(gone_, 0), &log = house_.options.log] {
    for (std::size_t i = 0; i < gone; ++i) log.warn("client gone in the middle of a request");
  });
}

// ---- waiting ----

inline void Lane::wait() noexcept {
  clear_graves();
  ended_ =
      heeded_ != Stop::no && !all_ && returns_.empty();  // no new ones come: the acceptor is gone
  Connection* oldest = idle_.first();
  for (; oldest && oldest->place == Place::in_service; oldest = idle_.first())
    DeadlineQueue::leave(*oldest);  // not idle, though it stands there yet
  oldest_idle_.store(oldest ? oldest->since.time_since_epoch().count() : INT64_MAX,
                     std::memory_order_relaxed);
  int most = static_cast<int>(batch_.size());
  batch_at_ = batch_size_ = 0;
  if (ended_) return;
  if (first_ready_ || gone_ != 0) {
    batch_size_ = epoll_wait(epoll_.get(), batch_.data(), most, 0);
  } else {
    // Says that it sleeps, then looks once more: see give(), wake(). Every end of the sleep looks
    // at the watcher: see WakeFlag.
    asleep_.store(true, std::memory_order_seq_cst);
    if (!anything_to_do()) batch_size_ = epoll_wait(epoll_.get(), batch_.data(), most, timeout());
    asleep_.store(false, std::memory_order_seq_cst);
    watcher_.wake();
  }
  if (batch_size_ < 0) batch_size_ = 0;  // EINTR
  now_ = Clock::now();
}

// What others may have brought without writing the eventfd, for they did not see us asleep yet.
inline bool Lane::anything_to_do() const noexcept {
  return !returns_.empty() || shed_.load(std::memory_order_seq_cst) != 0 ||
         heeded_ != house_.stop.load(std::memory_order_seq_cst);
}

// Milliseconds until the first deadline, rounded up; -1: none.
inline int Lane::timeout() const noexcept {
  auto first = std::min({head_.deadline(), idle_.deadline(), body_.deadline(), linger_.deadline()});
  if (first == Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(time_until(first, Clock::now())).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

}  // namespace jot::inline v1::detail
