// SPDX-License-Identifier: MIT
//
// context_node.hpp -- what is every Context inside?
//
// A node of a tree whose children know their parents:
//
//   CancelState     can end, and all below it then (context_state.hpp);
//   ValueState      a key and a value; ends with the node above it;
//   DetachedState   what without_cancel makes: has the values above it and never ends.
//
// So that done() and value() need not climb, each node knows the nearest CancelState and the
// nearest ValueState at or above itself. Its reference to the parent keeps both alive.
// Life: a node counts its references: handles, children, work under way.
// Threads: all fields but the count are set before others see the node, and never change.
#pragma once

#include "../config.hpp"

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint32_t
#include <memory>   // std::shared_ptr
#include <utility>  // std::move

namespace jot::inline v1::detail {

class CancelState;
class ValueState;

class ContextState {
 public:
  // One reference, the caller's; takes one on the parent, which may be nullptr: background.
  explicit ContextState(ContextState* parent) noexcept;
  ContextState(const ContextState&) = delete;
  ContextState& operator=(const ContextState&) = delete;

  // Whose end is this one's end: itself, one above, or nullptr: it never ends.
  CancelState* canceller() const noexcept { return canceller_; }

  // The node that holds the nearest value at or above this one; nullptr: there is none.
  ValueState* values() const noexcept { return values_; }

  // A reference for somebody who has none but knows that the memory is still there.
  // Returns: false when the last reference is already gone.
  bool try_add_ref() noexcept {
    std::uint32_t refs = refs_.load(std::memory_order_relaxed);
    while (refs != 0) {
      if (refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

 protected:
  virtual ~ContextState() = default;

  CancelState* canceller_ = nullptr;
  ValueState* values_;

 private:
  friend void add_ref(ContextState* state) noexcept;
  friend void release(ContextState* state) noexcept;

  std::atomic<std::uint32_t> refs_{1};
  ContextState* const parent_;
};

// Relaxed: who adds a reference has one, or has got the pointer from one who has.
inline void add_ref(ContextState* state) noexcept {
  if (state != nullptr) state->refs_.fetch_add(1, std::memory_order_relaxed);
}

// acq_rel: what others did with the node happens before it is destroyed. A loop, not a recursion by
// way of the destructor: chains of parents may be long.
inline void release(ContextState* state) noexcept {
  while (state != nullptr && state->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    ContextState* parent = state->parent_;
    delete state;  // before its parent, from whose list it takes itself
    state = parent;
  }
}

inline ContextState::ContextState(ContextState* parent) noexcept
    : canceller_(parent ? parent->canceller_ : nullptr),
      values_(parent ? parent->values_ : nullptr),
      parent_(parent) {
  add_ref(parent);
}

// Has the values of the node it is made for, and never ends.
class DetachedState final : public ContextState {
 public:
  explicit DetachedState(ContextState* parent) noexcept : ContextState(parent) {
    canceller_ = nullptr;
  }
};

class ValueState final : public ContextState {
 public:
  ValueState(ContextState* parent, const void* key, std::shared_ptr<const void> value) noexcept
      : ContextState(parent), outer_(values_), key_(key), value_(std::move(value)) {
    values_ = this;
  }

  // The value for the key, here or farther out; nullptr: there is none.
  const void* find(const void* key) const noexcept {
    for (const ValueState* state = this; state != nullptr; state = state->outer_) {
      if (state->key_ == key) return state->value_.get();
    }
    return nullptr;
  }

 private:
  ValueState* const outer_;
  const void* const key_;
  const std::shared_ptr<const void> value_;
};

}  // namespace jot::inline v1::detail
