// SPDX-License-Identifier: MIT
//
// blocking.hpp -- who must know that this thread is about to block?
//
// A thread that serves a request may drive a lane besides: while it sleeps, the other connections
// of that lane would wait with it. So whatever blocks in jot says so first, and the thread's seat
// hands the lane to another thread.
//
// The seat is a property of the thread, not of the request: a helper thread that a handler started
// drives no lane and simply blocks.
// Threads: everything here concerns the calling thread alone.
#pragma once

#include "../config.hpp"

namespace jot::inline v1::detail {

// What a thread that serves a request sits on.
struct Seat {
  // Gives the lane away. Idempotent: the seat knows whether its lane is already gone.
  virtual void give_away() noexcept = 0;

 protected:
  ~Seat() = default;
};

// The calling thread's seat; nullptr where it serves no request. Set and cleared by the engine.
inline Seat*& current_seat() noexcept {
  static constinit thread_local Seat* seat = nullptr;
  return seat;
}

// Call this before anything that may sleep, and only when it really will.
inline void about_to_block() noexcept {
  if (Seat* seat = current_seat()) seat->give_away();
}

// Is the calling thread one that must never sleep for the sake of one request? So is the timer's,
// on which all deadlines wait.
inline bool& must_not_wait() noexcept {
  static constinit thread_local bool must_not = false;
  return must_not;
}

// Says so for a scope: sends that would have to wait for a full socket fail there instead.
class NoWaiting {
 public:
  NoWaiting() noexcept : before_(must_not_wait()) { must_not_wait() = true; }
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
  ~NoWaiting() { must_not_wait() = before_; }

 private:
  const bool before_;
};

}  // namespace jot::inline v1::detail
