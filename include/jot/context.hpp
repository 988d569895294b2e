// SPDX-License-Identifier: MIT
//
// context.hpp -- does anybody still want this work done?
//
// A Context is asked by whoever works (done, sleep_for, wait) and ended by whoever waits (a
// CancelFunc, a deadline, a signal; for a request: its client leaving, the server shutting down).
//
//     int answer(const Context& parent) {
//       auto [ctx, cancel] = with_timeout(parent, 50ms);   // leaving the scope cancels
//       while (!found && ctx.sleep_for(5ms)) look();       // false: stop, nobody waits any more
//     }
//
// Contexts form a tree. Ending one ends all below it, never one above; a child takes its parent's
// values, and a deadline that is not later than its parent's. Nothing of a Context points at the
// server that made it: keep copies as long as you like.
// Threads: all of this may be called from any thread at any time, on copies and on the same object
// when nobody assigns to it.
// Fork: a child that does not exec has no timer thread; deadlines and signals do not end Contexts
// there. What is ended by a CancelFunc works.
#pragma once

#include "config.hpp"
#include "error.hpp"  // Error, Errc

#include <signal.h>  // SIGINT, SIGTERM for notify_context

#include <chrono>            // std::chrono::steady_clock, std::chrono::nanoseconds
#include <concepts>          // std::constructible_from
#include <functional>        // std::function
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <stop_token>        // std::stop_token
#include <system_error>      // std::error_code
#include <utility>           // std::exchange, std::forward, std::swap

namespace jot::inline v1 {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

class AfterFunc;
class CancelFunc;
class Context;
struct CancelScope;

namespace detail {
class AfterCall;
class ContextState;
struct ContextAccess;
}  // namespace detail

// Under which a Context holds a value of type T. The key is its address, its name is for people:
//
//     inline constexpr ContextKey<User> current_user{"current_user"};
template <class T>
class ContextKey {
 public:
  explicit constexpr ContextKey(const char* name) : name_(name) {}
  ContextKey(const ContextKey&) = delete;
  ContextKey& operator=(const ContextKey&) = delete;
  constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

// A handle on one node of the tree, the size of a pointer and cheap to copy. Never null: one that
// is default-made or moved from is background(), which never ends and costs nothing.
class Context {
 public:
  Context() noexcept = default;
  Context(const Context& other) noexcept;
  Context(Context&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Context& operator=(Context other) noexcept { return std::swap(state_, other.state_), *this; }
  ~Context();

  // Has it ended? Once true, always true. Cheap enough for an inner loop.
  bool done() const noexcept;

  // How it ended: {} while it has not, Errc::deadline_exceeded, or Errc::canceled for all else.
  std::error_code err() const noexcept;

  // Why it ended, in the words of whoever ended it: what CancelFunc was given, "client gone", the
  // deadline. Returns: an Error with code 0 while it has not ended.
  Error cause() const;

  // When it will end at the latest: the earliest of its own and its ancestors'.
  std::optional<Clock::time_point> deadline() const noexcept;

  // The time until the deadline: 0 when that has passed, nanoseconds::max() without one.
  nanoseconds remaining() const noexcept;

  // Sleeps for d, or until it ends if that is earlier; not at all when d <= 0.
  // Returns: true when it slept d out, false when the Context has ended.
  bool sleep_for(nanoseconds d) const;

  // Sleeps until it ends: for ever on background().
  void wait() const;

  // Sleeps until it ends, for d at most; not at all when d <= 0. Returns: done().
  bool wait_for(nanoseconds d) const;

  // For std::condition_variable_any::wait and std::stop_callback. Callbacks run on the thread that
  // ends the Context. background()'s token says stop_possible() == false.
  std::stop_token stop_token() const noexcept;

  // A descriptor for poll(), readable (POLLIN) once this is done. Made when first asked for; -1 for
  // background(), which poll() skips. Never read from it and never close it: it is shared.
  // Lifetime: as long as this Context or a copy. Throws: std::system_error when there is none left.
  int fd() const;

  // The value that with_value set for this key here or nearest above; nullptr: none did.
  // Lifetime: as long as this Context or a copy.
  template <class T>
  const T* value(const ContextKey<T>& key) const noexcept {
    return static_cast<const T*>(find_value(&key));
  }

 private:
  friend struct detail::ContextAccess;
  const void* find_value(const void* key) const noexcept;
  detail::ContextState* state_ = nullptr;  // nullptr: background()
};

// Ends the Context it came with: when called, and at the latest when it goes out of scope. Only the
// first end counts. Callbacks of the Context (after_func, stop_token) run in that call, before it
// returns.
class CancelFunc {
 public:
  CancelFunc() noexcept = default;  // ends nothing
  CancelFunc(CancelFunc&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  CancelFunc& operator=(CancelFunc&& other) noexcept;  // ends what it held before
  ~CancelFunc();

  // err() and cause() become Errc::canceled.
  void operator()() const noexcept;

  // err() becomes Errc::canceled, cause() the one given.
  void operator()(Error cause) const noexcept;

  // Lets go: from now on the Context ends with its deadline or its parent only.
  void release() noexcept;

 private:
  friend struct detail::ContextAccess;
  detail::ContextState* state_ = nullptr;
};

// A Context and what ends it: `auto [ctx, cancel] = with_cancel(parent);`, or keep it as a member.
// Assigning to one ends the Context it held. The .ctx alone of a temporary has ended by the next
// line, for its cancel is gone: pass it on (work(with_timeout(p, 1s).ctx)), do not keep it.
struct [[nodiscard]] CancelScope {
  Context ctx;
  CancelFunc cancel;
};

// The root: never ends, has no deadline and no values. Free.
inline Context background() noexcept { return {}; }

// A child that ends with its parent or its cancel.
CancelScope with_cancel(const Context& parent);

// A child that ends by itself, too, when max has passed (at once for max <= 0) ...
// Throws: std::system_error when the timer's thread cannot be started.
CancelScope with_timeout(const Context& parent, nanoseconds max);

// ... or at a moment. Clock::time_point::max() never comes.
CancelScope with_deadline(const Context& parent, Clock::time_point when);

namespace detail {
Context with_shared_value(const Context& parent, const void* key, std::shared_ptr<const void> v);
}  // namespace detail

// A child that holds a value: for what belongs to the request (its user, its trace), not for
// arguments. Ends with its parent.
template <class T, class U>
  requires std::constructible_from<T, U>
Context with_value(const Context& parent, const ContextKey<T>& key, U&& value) {
  return detail::with_shared_value(parent, &key, std::make_shared<const T>(std::forward<U>(value)));
}
// A temporary key is lost at once: nobody could ask for the value.
template <class T, class U>
Context with_value(const Context& parent, const ContextKey<T>&& key, U&& value) = delete;

// A child with the parent's values that does not end with it and has no deadline: for work that
// outlives its request.
Context without_cancel(const Context& parent);

// A Context that ends at the first of these signals, with "received SIGINT" or the like as cause:
//
//     server.listen_and_serve(notify_context({SIGINT, SIGTERM}));
//
// By then the signals have back the effect they had before, so that Ctrl-C twice ends a process
// that hangs; the same when the last copy is gone. While several wait for one signal, all end.
// Throws: std::system_error for a signal that cannot be caught; std::invalid_argument for none.
Context notify_context(std::initializer_list<int> signals);

// Keeps a callback in place. Its destructor takes the callback away, or waits for it where it is
// running on another thread: after it, nothing that the callback refers to is touched any more.
class [[nodiscard]] AfterFunc {
 public:
  AfterFunc(AfterFunc&& other) noexcept;
  AfterFunc& operator=(AfterFunc&& other) noexcept;  // as the destructor, for what it held before
  ~AfterFunc();

  // Takes the callback away. Returns: true when it will never run; false when it has run or is
  // running, for which stop() does not wait.
  bool stop() noexcept;

 private:
  friend AfterFunc after_func(const Context& ctx, std::function<void()> f);
  explicit AfterFunc(std::shared_ptr<detail::AfterCall> call) noexcept;
  std::shared_ptr<detail::AfterCall> call_;  // nullptr: f never runs
};

// Runs f once when ctx ends: on the thread that ends it (for a deadline the timer's, which all
// deadlines share, so be quick), or right here when it has ended before. f must not throw.
// As with any callback: no lock may be held by whoever ends ctx or drops the AfterFunc that f
// takes.
AfterFunc after_func(const Context& ctx, std::function<void()> f);

namespace detail {
// For the library's own machines, which make and hold states themselves.
struct ContextAccess {
  // One more handle on this state; nullptr: background().
  static Context wrap(ContextState* state) noexcept;
  // A handle that takes the caller's reference over.
  static Context adopt(ContextState* state) noexcept;
  // The same for what ends it.
  static CancelFunc adopt_cancel(ContextState* state) noexcept;
  static ContextState* state(const Context& ctx) noexcept { return ctx.state_; }
};
}  // namespace detail

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/context.ipp"
#endif
