// SPDX-License-Identifier: MIT
//
// returns.hpp -- how does a connection come back to a lane that another thread drives?
//
// Any thread pushes; the driver takes the whole stack at once. So nothing is ever popped while
// another thread looks at it, and the ABA problem of lock-free stacks cannot arise.
// T has a member `below` of type T*, for this stack alone.
#pragma once

#include <atomic>  // std::atomic

namespace jot::inline v1::detail {

template <class T>
class Returns {
 public:
  // The caller may not touch *item any more. seq_cst: the push is one half of a store-load pair
  // with the driver's `asleep` (see Lane::wait); it also releases what was written to *item.
  void push(T* item) noexcept {
    item->below = top_.load(std::memory_order_relaxed);
    while (!top_.compare_exchange_weak(item->below, item, std::memory_order_seq_cst,
                                       std::memory_order_relaxed)) {
    }
  }

  // The driver's look before it sleeps: the other half of that pair.
  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // All of them, first come first. acquire: what was written before the pushes is seen.
  T* take() noexcept {
    if (top_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    T* stack = top_.exchange(nullptr, std::memory_order_acquire);
    T* list = nullptr;
    while (stack) {
      T* next = stack->below;
      stack->below = list;
      list = stack, stack = next;
    }
    return list;
  }

 private:
  std::atomic<T*> top_{nullptr};
};

}  // namespace jot::inline v1::detail
