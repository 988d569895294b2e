// SPDX-License-Identifier: MIT
//
// context.ipp -- the bodies of context.hpp.
#pragma once

#include "../context.hpp"
#include "../detail/context_state.hpp"
#include "../detail/signals.hpp"

#include <new>  // std::bad_alloc

namespace jot::inline v1 {

namespace detail {

// Sleeps on a word that nobody changes: for Contexts that never end.
JOT_INLINE void sleep_until(Clock::time_point until) noexcept {
  if (until <= Clock::now()) return;
  about_to_block();
  FutexWord word = 0;
  while (futex_wait(word, 0, until)) continue;
}

JOT_INLINE CancelScope scope_of(CancelState* state) noexcept {
  add_ref(state);  // one for each
  return {ContextAccess::adopt(state), ContextAccess::adopt_cancel(state)};
}

}  // namespace detail

JOT_INLINE Context::Context(const Context& other) noexcept : state_(other.state_) {
  detail::add_ref(state_);
}

JOT_INLINE Context::~Context() { detail::release(state_); }

JOT_INLINE bool Context::done() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr && canceller->done();
}

JOT_INLINE std::error_code Context::err() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  const detail::Reason* reason = canceller != nullptr ? canceller->reason() : nullptr;
  return reason != nullptr ? make_error_code(reason->err) : std::error_code();
}

JOT_INLINE Error Context::cause() const {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  const detail::Reason* reason = canceller != nullptr ? canceller->reason() : nullptr;
  return reason != nullptr ? reason->error() : Error(std::error_code());
}

JOT_INLINE std::optional<Clock::time_point> Context::deadline() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->deadline() : std::nullopt;
}

JOT_INLINE nanoseconds Context::remaining() const noexcept {
  const std::optional<Clock::time_point> when = deadline();
  return when ? detail::time_until(*when, Clock::now()) : nanoseconds::max();
}

JOT_INLINE bool Context::sleep_for(nanoseconds d) const { return !wait_for(d); }

JOT_INLINE void Context::wait() const { wait_for(nanoseconds::max()); }

JOT_INLINE bool Context::wait_for(nanoseconds d) const {
  const Clock::time_point until = detail::time_after(Clock::now(), d);
  if (detail::CancelState* canceller = detail::canceller_of(state_)) {
    return canceller->wait_until(until);
  }
  return detail::sleep_until(until), false;
}

JOT_INLINE std::stop_token Context::stop_token() const noexcept {
  detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->stop_token() : std::stop_token();
}

JOT_INLINE int Context::fd() const {
  detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->fd() : -1;
}

JOT_INLINE const void* Context::find_value(const void* key) const noexcept {
  const detail::ValueState* values = state_ != nullptr ? state_->values() : nullptr;
  return values != nullptr ? values->find(key) : nullptr;
}

JOT_INLINE CancelFunc& CancelFunc::operator=(CancelFunc&& other) noexcept {
  if (this == &other) return *this;
  CancelFunc before = std::move(*this);
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

JOT_INLINE CancelFunc::~CancelFunc() {
  (*this)();
  release();
}

JOT_INLINE void CancelFunc::operator()() const noexcept {
  if (detail::CancelState* canceller = detail::canceller_of(state_)) canceller->cancel({});
}

JOT_INLINE void CancelFunc::operator()(Error cause) const noexcept {
  detail::CancelState* canceller = detail::canceller_of(state_);
  if (canceller == nullptr || canceller->done()) return;
  detail::Reason reason{.code = cause.code()};
  try {
    reason.given = std::make_shared<const Error>(std::move(cause));
  } catch (const std::bad_alloc&) {
    // Ending the work matters more than the words: the code alone is kept.
  }
  canceller->cancel(std::move(reason));
}

JOT_INLINE void CancelFunc::release() noexcept { detail::release(std::exchange(state_, nullptr)); }

JOT_INLINE CancelScope with_cancel(const Context& parent) {
  return detail::scope_of(detail::make_cancel_state(detail::ContextAccess::state(parent)));
}

JOT_INLINE CancelScope with_timeout(const Context& parent, nanoseconds max) {
  return with_deadline(parent, detail::time_after(Clock::now(), max));
}

JOT_INLINE CancelScope with_deadline(const Context& parent, Clock::time_point when) {
  return detail::scope_of(detail::make_cancel_state(detail::ContextAccess::state(parent), when));
}

JOT_INLINE Context detail::with_shared_value(const Context& parent, const void* key,
                                             std::shared_ptr<const void> v) {
  return ContextAccess::adopt(new ValueState(ContextAccess::state(parent), key, std::move(v)));
}

JOT_INLINE Context without_cancel(const Context& parent) {
  detail::ContextState* state = detail::ContextAccess::state(parent);
  if (state == nullptr || state->values() == nullptr) return background();
  return detail::ContextAccess::adopt(new detail::DetachedState(state->values()));
}

JOT_INLINE Context notify_context(std::initializer_list<int> signals) {
  return detail::ContextAccess::adopt(detail::make_signal_state(signals));
}

JOT_INLINE AfterFunc::AfterFunc(std::shared_ptr<detail::AfterCall> call) noexcept
    : call_(std::move(call)) {}

JOT_INLINE AfterFunc::AfterFunc(AfterFunc&& other) noexcept = default;

JOT_INLINE AfterFunc& AfterFunc::operator=(AfterFunc&& other) noexcept {
  if (this == &other) return *this;
  AfterFunc before = std::move(*this);
  call_ = std::move(other.call_);
  return *this;
}

JOT_INLINE AfterFunc::~AfterFunc() {
  if (call_) call_->finish();
}

JOT_INLINE bool AfterFunc::stop() noexcept { return call_ && call_->stop(); }

JOT_INLINE AfterFunc after_func(const Context& ctx, std::function<void()> f) {
  detail::CancelState* canceller = detail::canceller_of(detail::ContextAccess::state(ctx));
  if (canceller == nullptr) return AfterFunc(nullptr);
  AfterFunc after(
      std::shared_ptr<detail::AfterCall>(new detail::AfterCall(*canceller, std::move(f))));
  after.call_->start();
  return after;
}

namespace detail {

JOT_INLINE Context ContextAccess::wrap(ContextState* state) noexcept {
  add_ref(state);
  return adopt(state);
}

JOT_INLINE Context ContextAccess::adopt(ContextState* state) noexcept {
  Context ctx;
  ctx.state_ = state;
  return ctx;
}

JOT_INLINE CancelFunc ContextAccess::adopt_cancel(ContextState* state) noexcept {
  CancelFunc cancel;
  cancel.state_ = state;
  return cancel;
}

}  // namespace detail

}  // namespace jot::inline v1
