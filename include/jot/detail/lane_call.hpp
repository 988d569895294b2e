// SPDX-License-Identifier: MIT
//
// lane_call.hpp -- a lane's guarded calls: all user code runs in one of them.
//
// In: code that may do anything and take any time. Out: true, and the caller still drives the lane;
// or false, and it may only return.
#pragma once

#include "lane.hpp"

namespace jot::inline v1::detail {

// A call that belongs to no connection: log functions, callbacks of a cancelled Context.
template <class F>
bool Lane::guarded(F f) noexcept {
  House& house = house_;
  Wheel::Turn turn(wheel_, *service_, nullptr);
  f();
  if (turn.leave()) return true;
  house.detached.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

// Answers the request that the service holds. When the lane is lost meanwhile, this is the end of
// a detached thread's service: it gives the connection back, and touches nothing else of the lane.
inline bool Lane::guarded_answer(Connection& c) noexcept {
  Service& own = *service_;
  RouteMemory& route = own.match();
  bool expect_block = route.expect_block.load(std::memory_order_relaxed) > 0;
  bool born_gone = c.hang_up || heeded_ >= Stop::cancel;
  c.context.store(born_gone ? gone() : nullptr, std::memory_order_relaxed);
  Wheel::Turn turn(wheel_, own, &route);
  if (expect_block)
    answer_given_away(own, turn, route);
  else
    own.answer();
  if (turn.leave()) return drop_context(c), true;
  own.send_held();
  own.let_go();
  house_.detached.fetch_sub(1, std::memory_order_relaxed);
  give(c);
  return false;
}

// Ahead of the call: this thread will likely sleep. Each call that did not counts the route back.
inline void Lane::answer_given_away(Service& own, Wheel::Turn& turn, RouteMemory& route) noexcept {
  turn.give_away();
  auto start = Clock::now();
  own.answer();
  auto& expect = route.expect_block;
  if (Clock::now() - start >= short_call)
    expect.store(Wheel::calls_given_away, std::memory_order_relaxed);
  else if (expect.load(std::memory_order_relaxed) > 0)
    expect.fetch_sub(1, std::memory_order_relaxed);
}

// Ends the Context of the request in service, if its handler has asked for one; if it does so
// later, that one is born cancelled. Its callbacks are user code: while they run the request may
// end, and the lane may be lost, so they run with a reference of their own.
inline bool Lane::cancel(Connection& c, const char* cause) noexcept {
  CancelState* state = nullptr;
  if (c.context.compare_exchange_strong(state, gone(), std::memory_order_acq_rel,
                                        std::memory_order_acquire) ||
      state == gone() || state->done())
    return true;
  add_ref(state);
  return guarded([state, cause] {
    cancel_state(*state, make_error_code(Errc::canceled), cause);
    release(state);
  });
}

// Drops the connection's reference, once no thread serves it. Acquire: pairs with the handler's
// thread that put the state there.
inline void Lane::drop_context(Connection& c) noexcept {
  CancelState* state = c.context.load(std::memory_order_acquire);
  if (!state) return;
  c.context.store(nullptr, std::memory_order_relaxed);
  if (state != gone()) release(state);
}

}  // namespace jot::inline v1::detail
