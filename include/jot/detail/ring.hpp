// SPDX-License-Identifier: MIT
//
// ring.hpp -- how does something leave a list in one step, without a search?
//
// It carries its own links. Nothing is allocated, so nothing can fail; something is in one Ring at
// a time. The Ring owns nothing.
// Threads: none of it locks; who uses a Ring says what guards it.
#pragma once

#include "../config.hpp"

namespace jot::inline v1::detail {

// What T derives from (once) to be in a Ring<T>.
struct Link {
  Link* previous = nullptr;
  Link* next = nullptr;
};

template <class T>
class Ring {
 public:
  Ring() noexcept : head_{&head_, &head_} {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool empty() const noexcept { return head_.next == &head_; }

  void push_back(T& item) noexcept {
    Link& link = item;
    link.previous = head_.previous;
    link.next = &head_;
    head_.previous->next = &link;
    head_.previous = &link;
  }

  // The first, taken out; nullptr when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T* first = static_cast<T*>(head_.next);
    remove(*first);
    return first;
  }

  // Of whichever Ring it is in; it must be in one.
  static void remove(T& item) noexcept {
    Link& link = item;
    link.previous->next = link.next;
    link.next->previous = link.previous;
    link.previous = link.next = nullptr;
  }

 private:
  Link head_;
};

}  // namespace jot::inline v1::detail
