// SPDX-License-Identifier: MIT
//
// context_state.hpp -- how does ending one Context end all below it?
//
// The nodes of context_node.hpp that can end:
//
//   CancelState     done or not, why, who sleeps until then, its children, its callbacks;
//   DeadlineState   one that the timer ends, too.
//
// A child refers to its parent; a parent only lists its children, and a child takes itself off that
// list when it goes. So nothing is left of a child that was dropped, however many there were.
//
// Ending (CancelState::cancel), on the thread that asks for it:
//   1. The node gets its reason and becomes done; sleepers are woken. First one wins.
//   2. Its children are taken off its list, with a reference each, and become done in the same way,
//      for the reason of the node where it began; then their children, by a work list, not by
//      recursion, for trees may be deep. Here every Context below is done.
//   3. Only now callbacks run, with no lock held. They may do anything with any Context.
//
// Locks: each CancelState has one; of two nodes never both at a time. The timer's is never taken
// with one held.
#pragma once

#include "../error.hpp"
#include "blocking.hpp"
#include "clock.hpp"
#include "context_node.hpp"
#include "fd.hpp"
#include "futex.hpp"
#include "ring.hpp"
#include "timer.hpp"

#include <sys/eventfd.h>  // ::eventfd, ::eventfd_write

#include <atomic>        // std::atomic
#include <cerrno>        // errno
#include <cstdint>       // std::uint32_t
#include <functional>    // std::function
#include <memory>        // std::shared_ptr, std::enable_shared_from_this
#include <mutex>         // std::mutex, std::lock_guard
#include <optional>      // std::optional
#include <stop_token>    // std::stop_source, std::stop_token
#include <string>        // std::string
#include <system_error>  // std::error_code, std::system_error
#include <thread>        // std::this_thread::get_id
#include <utility>       // std::move

namespace jot::inline v1::detail {

class AfterCall;

// Why a node ended: the caller's Error, or words that cost nothing to make.
struct Reason {
  Errc err = Errc::canceled;  // canceled or deadline_exceeded
  std::error_code code = Errc::canceled;
  const char* words = nullptr;  // a literal; nullptr: the code's own
  std::shared_ptr<const Error> given = nullptr;

  Error error() const {
    if (given) return *given;
    return Error(code, words != nullptr ? words : std::string());
  }
};

class CancelState : public ContextState, public Link {
 public:
  // Not yet a child: attach() makes it one, once it is wholly built.
  explicit CancelState(ContextState* parent) noexcept
      : ContextState(parent),
        above_(canceller_),
        deadline_(above_ ? above_->deadline_ : no_deadline()) {
    canceller_ = this;
  }
  ~CancelState() override { detach(); }

  // Lists it with the nearest node above that can end; is done at once when that is done.
  void attach() noexcept;

  // acquire: who sees that it is done sees what was written before, the reason among it.
  bool done() const noexcept { return word_.load(std::memory_order_acquire) == ended; }

  // Ends it and all below, as described at the top. Only the first one counts.
  void cancel(Reason reason) noexcept;

  // nullptr until done. Lifetime: this node's; where it began is this node or one above.
  const Reason* reason() const noexcept { return done() ? &origin_->reason_ : nullptr; }

  const std::optional<Clock::time_point>& deadline() const noexcept { return deadline_; }

  // Sleeps until done, at the latest until then. Returns: done().
  bool wait_until(Clock::time_point until) noexcept;

  std::stop_token stop_token();
  int fd();

 protected:
  static std::optional<Clock::time_point> no_deadline() noexcept { return std::nullopt; }

  CancelState* const above_;  // the parent's canceller: lists this one; nullptr: a root
  std::optional<Clock::time_point> deadline_;

 private:
  friend class AfterCall;

  // Of word_. awaited: somebody sleeps on it, or did once.
  static constexpr std::uint32_t running = 0, awaited = 1, ended = 2;

  bool end(const CancelState& origin, Reason* reason, Ring<CancelState>& children) noexcept;
  void call_back() noexcept;
  void detach() noexcept;
  virtual void on_end() noexcept {}  // becoming done, no lock held

  FutexWord word_ = running;
  bool attached_ = false;                // above_->mutex_ guards it, and the Link while it is true
  bool owes_callbacks_ = false;          // written in end(), then read by the same thread
  const CancelState* origin_ = nullptr;  // where the end began; written before word_ says ended
  Reason reason_;                        // the same, where origin_ is this

  std::mutex mutex_;  // guards the change of word_ to ended, and all below
  Ring<CancelState> children_;
  Ring<AfterCall> calls_;
  std::stop_source stop_{std::nostopstate};  // made when asked for
  Fd fd_;                                    // the same
};

class DeadlineState final : public CancelState, private Alarm {
 public:
  DeadlineState(ContextState* parent, Clock::time_point when) noexcept
      : CancelState(parent), Alarm(when) {
    deadline_ = when;
  }
  ~DeadlineState() override { on_end(); }

  // After attach(). Throws: as Timer::add.
  void arm() {
    Timer::instance().add(*this);
    if (done()) on_end();  // it ended before the alarm was set, which nobody would remove now
  }

 private:
  void on_end() noexcept override { Timer::instance().remove(*this); }
  bool hold() noexcept override { return try_add_ref(); }
  void fire() noexcept override {
    cancel({.err = Errc::deadline_exceeded, .code = Errc::deadline_exceeded});
    release(this);
  }
};

// What stands behind an AfterFunc: a function on the list of a node.
class AfterCall : public std::enable_shared_from_this<AfterCall>, public Link {
 public:
  AfterCall(CancelState& state, std::function<void()> f) : state_(state), f_(std::move(f)) {
    add_ref(&state_);
  }
  AfterCall(const AfterCall&) = delete;
  AfterCall& operator=(const AfterCall&) = delete;
  ~AfterCall() { release(&state_); }

  // Puts it on the list, or runs it here when the node is done.
  void start() noexcept;

  // Takes it off the list. Returns: it has not run and never will.
  bool stop() noexcept;

  // stop(), or wait until it has run, unless that is what this very thread is doing.
  void finish() noexcept;

 private:
  friend class CancelState;
  static constexpr std::uint32_t listed = 0, running = 1, over = 2;  // of status_

  void set_running() noexcept;
  void run() noexcept;

  CancelState& state_;
  std::function<void()> f_;
  FutexWord status_ = listed;  // listed -> running and listed -> over under state_.mutex_
  std::thread::id runner_;     // set before running is, read by who has seen running
};

inline void CancelState::attach() noexcept {
  if (above_ == nullptr) return;
  std::lock_guard lock(above_->mutex_);
  if (above_->done()) {
    origin_ = above_->origin_;
    word_.store(ended, std::memory_order_release);
  } else {
    above_->children_.push_back(*this);
    attached_ = true;
  }
}

inline void CancelState::detach() noexcept {
  if (above_ == nullptr) return;
  std::lock_guard lock(above_->mutex_);
  if (attached_) Ring<CancelState>::remove(*this);
  attached_ = false;
}

inline void CancelState::cancel(Reason reason) noexcept {
  if (done()) return;
  add_ref(this);  // callbacks may drop the last handle
  Ring<CancelState> pending, loud;
  if (end(*this, &reason, pending)) {
    while (CancelState* state = pending.pop_front()) {
      const bool calls_back = state->end(*this, nullptr, pending) && state->owes_callbacks_;
      calls_back ? loud.push_back(*state) : release(state);
    }
    detach();
    if (owes_callbacks_) call_back();
    while (CancelState* state = loud.pop_front()) {
      state->call_back();
      release(state);
    }
  }
  release(this);
}

// Makes this one node done; the caller gets its children, with a reference each.
// Returns: false when it was done before.
inline bool CancelState::end(const CancelState& origin, Reason* reason,
                             Ring<CancelState>& children) noexcept {
  std::uint32_t before;
  {
    std::lock_guard lock(mutex_);
    if (done()) return false;
    if (reason != nullptr) reason_ = std::move(*reason);
    origin_ = &origin;
    before = word_.exchange(ended, std::memory_order_acq_rel);
    if (fd_) ::eventfd_write(fd_.get(), 1);
    owes_callbacks_ = !calls_.empty() || stop_.stop_possible();
    while (CancelState* child = children_.pop_front()) {
      child->attached_ = false;
      // One whose last reference has gone waits for this lock, to take itself off the list.
      if (child->try_add_ref()) children.push_back(*child);
    }
  }
  if (before == awaited) futex_wake_all(word_);
  on_end();
  return true;
}

// Runs what waited for the end. Nothing is added any more: who comes now finds it done.
inline void CancelState::call_back() noexcept {
  std::unique_lock lock(mutex_);
  std::stop_source stop = stop_;
  while (AfterCall* first = calls_.pop_front()) {
    first->set_running();
    std::shared_ptr<AfterCall> call = first->shared_from_this();
    lock.unlock();
    call->run();
    call.reset();  // unlocked, too: f may have dropped its AfterFunc, then it is destroyed here
    lock.lock();
  }
  lock.unlock();
  stop.request_stop();
}

inline bool CancelState::wait_until(Clock::time_point until) noexcept {
  if (done()) return true;
  if (until <= Clock::now()) return done();
  about_to_block();
  for (;;) {
    std::uint32_t seen = running;
    word_.compare_exchange_strong(seen, awaited, std::memory_order_acquire);
    if (seen == ended) return true;
    if (!futex_wait(word_, awaited, until)) return done();
  }
}

inline std::stop_token CancelState::stop_token() {
  std::unique_lock lock(mutex_);
  if (!stop_.stop_possible()) stop_ = std::stop_source();
  std::stop_source stop = stop_;
  lock.unlock();
  if (done()) stop.request_stop();
  return stop.get_token();
}

inline int CancelState::fd() {
  std::lock_guard lock(mutex_);
  if (!fd_) {
    fd_.reset(::eventfd(done() ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd_) throw std::system_error(errno, std::system_category(), "jot: Context::fd: eventfd");
  }
  return fd_.get();
}

inline void AfterCall::start() noexcept {
  {
    std::lock_guard lock(state_.mutex_);
    if (!state_.done()) return state_.calls_.push_back(*this);
    set_running();
  }
  run();
}

inline bool AfterCall::stop() noexcept {
  std::lock_guard lock(state_.mutex_);
  if (status_.load(std::memory_order_relaxed) != listed) return false;
  Ring<AfterCall>::remove(*this);
  status_.store(over, std::memory_order_relaxed);
  return true;
}

inline void AfterCall::finish() noexcept {
  if (!stop() && status_.load(std::memory_order_acquire) == running) {
    if (runner_ == std::this_thread::get_id()) return;  // f destroys its own AfterFunc
    about_to_block();
    while (status_.load(std::memory_order_acquire) == running) {
      futex_wait(status_, running, Clock::time_point::max());
    }
  }
  f_ = nullptr;  // what it captured ends here, not when the runner lets go of its reference
}

inline void AfterCall::set_running() noexcept {
  runner_ = std::this_thread::get_id();
  status_.store(running, std::memory_order_release);
}

inline void AfterCall::run() noexcept {
  if (f_) f_();
  status_.store(over, std::memory_order_release);
  futex_wake_all(status_);
}

// ---- For the engine, which keeps a plain pointer and its reference.

// What ends the node; nullptr: nothing does.
inline CancelState* canceller_of(const ContextState* state) noexcept {
  return state != nullptr ? state->canceller() : nullptr;
}

// A node that can be cancelled, child of `parent` (nullptr: a root), and ends by itself `when` that
// is given.
// Returns: it with one reference, the caller's. Throws: as Timer::add.
inline CancelState* make_cancel_state(ContextState* parent,
                                      std::optional<Clock::time_point> when = std::nullopt) {
  const CancelState* above = canceller_of(parent);
  if (above != nullptr && above->deadline() && when && *above->deadline() <= *when) when.reset();
  if (!when) {
    auto* state = new CancelState(parent);
    return state->attach(), state;
  }
  auto* state = new DeadlineState(parent, *when);
  state->attach();
  try {
    if (*when <= Clock::now()) {
      state->cancel({.err = Errc::deadline_exceeded, .code = Errc::deadline_exceeded});
    } else if (*when != Clock::time_point::max() && !state->done()) {
      state->arm();
    }
  } catch (...) {
    release(state);
    throw;
  }
  return state;
}

// A root: what a request's Context is.
inline CancelState* make_root_state(std::optional<Clock::time_point> when = std::nullopt) {
  return make_cancel_state(nullptr, when);
}

// Ends what `state` stands for, from any thread; `words` is a literal. err() is deadline_exceeded
// for that code and canceled for all others; cause() is the code with the words.
inline void cancel_state(ContextState& state, std::error_code code, const char* words) noexcept {
  const bool late = code == Errc::deadline_exceeded;
  CancelState* canceller = state.canceller();
  if (canceller == nullptr) return;
  canceller->cancel(
      {.err = late ? Errc::deadline_exceeded : Errc::canceled, .code = code, .words = words});
}

}  // namespace jot::inline v1::detail
