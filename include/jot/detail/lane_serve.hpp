// SPDX-License-Identifier: MIT
//
// lane_serve.hpp -- a lane's steps 1 and 3: serving connections.
//
// In: a connection with bytes, or whose client is gone, or whose time is up. Out: answers; then the
// connection is parked, ready for another turn, or in its grave.
#pragma once

#include "lane.hpp"

#include <sys/socket.h>  // shutdown

namespace jot::inline v1::detail {

inline bool Lane::serve_batch() noexcept {
  while (batch_at_ < batch_size_) {
    const epoll_event event = batch_[static_cast<std::size_t>(batch_at_++)];
    auto* c = static_cast<Connection*>(event.data.ptr);  // nullptr: our own eventfd
    if (c && !heed(*c, event.events)) return false;
  }
  return true;
}

// An event. Of a connection in service it only leaves a mark, for another thread may be at it.
inline bool Lane::heed(Connection& c, std::uint32_t events) noexcept {
  bool hang_up = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  bool first = hang_up && !c.hang_up;
  c.hang_up |= hang_up;
  switch (c.place) {
    case Place::idle: return serve(c);
    case Place::ready: return c.pending = true;
    case Place::in_service: return c.pending = true, !first || cancel(c, client_gone);
    case Place::fresh:
    case Place::grave: break;
  }
  return true;
}

// Each connection that is in the list now, once: those that join it meanwhile wait for their turn.
inline bool Lane::serve_ready() noexcept {
  for (Connection* last = last_ready_; first_ready_;) {
    Connection& c = *first_ready_;
    first_ready_ = c.behind;
    if (!first_ready_) last_ready_ = nullptr;
    c.behind = nullptr;
    bool is_last = &c == last;
    if (!serve(c)) return false;
    if (is_last) break;
  }
  return true;
}

inline void Lane::make_ready(Connection& c) noexcept {
  c.place = Place::ready;
  (last_ready_ ? last_ready_->behind : first_ready_) = &c;
  last_ready_ = &c;
}

inline bool Lane::serve(Connection& c) noexcept {
  Service& own = *service_;
  bool answered = false;
  Next next = begin(c);
  for (int turn = 1;; ++turn) {
    if (next == Next::request || next == Next::refusal) {
      if (next == Next::request && overloaded()) own.refuse_overload(), house_.turn_away();
      own.may_hold_back(turn < most_turns);
      answered = true;
      if (!guarded_answer(c)) return false;
      if (c.sequel != Sequel::go_on) return set_aside(c), true;
      next = own.next();
    } else if (c.sequel != Sequel::go_on) {
      return set_aside(c), true;
    } else if (!receive(c, next)) {
      return settle(c, answered), true;
    }
    if (turn < most_turns) continue;
    if (set_aside(c)) make_ready(c);
    return true;
  }
}

inline Lane::Next Lane::begin(Connection& c) noexcept {
  if (c.place == Place::idle || c.pending) c.drained = false;
  c.place = Place::in_service, c.pending = false;
  service_->take(c);
  if (!c.expired) return service_->examine();
  c.expired = false;
  service_->refuse_slow();
  return Next::refusal;
}

// At the cap, or short of threads, a call could leave the lane without a driver.
inline bool Lane::overloaded() const noexcept {
  auto most = static_cast<std::ptrdiff_t>(house_.options.max_threads);
  return house_.detached.load(std::memory_order_relaxed) >= most || cache_.short_of_spares();
}

// True: there is more to examine, or to refuse. A recv that was short has drained the socket,
// except where a hang-up was seen: behind the bytes there is an end to be read, and no event will
// tell.
inline bool Lane::receive(Connection& c, Next& next) noexcept try {
  Service& own = *service_;
  if (c.drained && !c.hang_up) return false;
  switch (own.receive()) {
    case Received::bytes: return next = own.examine(), true;
    case Received::would_block:
      if (c.hang_up) c.sequel = Sequel::close;
      return false;
    case Received::end:
      c.hang_up = c.ended = true;
      if (own.cut_short()) return own.refuse_cut_short(), next = Next::refusal, true;
      break;
    case Received::broken:
      if (own.cut_short()) ++gone_;
  }
  return c.sequel = Sequel::close, false;
} catch (...) {  // no memory for its bytes
  return c.sequel = Sequel::close, false;
}

// Nothing more to do for now.
inline void Lane::settle(Connection& c, bool answered) noexcept {
  const bool too_slow = service_->too_slow(now_);
  if (too_slow && c.phase == Phase::drain) c.sequel = Sequel::close;
  if (!set_aside(c)) return;
  if (!too_slow) return park(c, answered);
  c.expired = true;
  make_ready(c);
}

// The service has done with it for now. False: it does not go on.
inline bool Lane::set_aside(Connection& c) noexcept {
  service_->let_go();
  numbers_.add(c.tally);
  if (c.sequel == Sequel::go_on) return true;
  if (c.sequel == Sequel::linger)
    begin_linger(c);
  else
    bury(c);
  return false;
}

// Half-close: the client reads our answer and an end, instead of a reset that could eat the answer;
// what it still sends is read and thrown away. See RFC 9112 section 9.6.
inline void Lane::begin_linger(Connection& c) noexcept {
  c.phase = Phase::linger, c.sequel = Sequel::go_on;
  shutdown(c.fd, SHUT_WR);
  if (c.ended) return bury(c);
  if (c.hang_up || !c.drained || c.pending) return make_ready(c);
  park(c, true);
}

inline void Lane::park(Connection& c, bool answered) noexcept {
  bool says_goodbye = c.phase == Phase::linger && heeded_ != Stop::cut;
  if (heeded_ >= Stop::cancel && !says_goodbye) return bury(c);
  c.place = Place::idle;
  switch (c.phase) {
    case Phase::linger: return linger_.keep(c, now_);
    case Phase::drain:
    case Phase::body: return body_.restart(c, now_);
    case Phase::head: break;
  }
  if (c.in_message()) {
    if (answered || c.queue != &head_) DeadlineQueue::leave(c);  // a new head has a new time
    return head_.keep(c, now_);
  }
  if (answered || !c.queue) idle_.restart(c, now_);  // else nothing came: its time goes on
}

}  // namespace jot::inline v1::detail
