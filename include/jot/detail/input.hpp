// SPDX-License-Identifier: MIT
//
// input.hpp -- where do received bytes wait until they are understood?
//
// In: bytes from recv, behind those that are there. Out: the unread ones, as one view.
// Growing or making room moves them: a view is good until the next room().
#pragma once

#include <algorithm>    // std::max
#include <cstddef>      // std::size_t
#include <cstring>      // std::memmove
#include <memory>       // std::unique_ptr
#include <span>         // std::span
#include <string_view>  // std::string_view
#include <utility>      // std::exchange

namespace jot::inline v1::detail {

class Input {
 public:
  Input() = default;
  Input(Input&& from) noexcept { *this = std::move(from); }
  Input& operator=(Input&& from) noexcept {
    data_ = std::move(from.data_);
    capacity_ = std::exchange(from.capacity_, 0);
    begin_ = std::exchange(from.begin_, 0), end_ = std::exchange(from.end_, 0);
    return *this;
  }

  std::string_view unread() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  void consume(std::size_t n) noexcept { begin_ += n; }
  void clear() noexcept { begin_ = end_ = 0; }

  // Free space behind the unread bytes: at least so much, and all there is. Doubles when it must
  // grow, so that many small receives cost linear time.
  std::span<char> room(std::size_t at_least) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ < at_least) make_room(at_least);
    return {data_.get() + end_, capacity_ - end_};
  }
  void filled(std::size_t n) noexcept { end_ += n; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
    filled(bytes.size());
  }

 private:
  void make_room(std::size_t at_least) {
    std::size_t need = size() + at_least;
    if (need <= capacity_ && begin_ >= capacity_ / 2) {  // moving pays: at least half comes free
      std::memmove(data_.get(), data_.get() + begin_, size());
    } else {
      std::size_t capacity = std::max(need, capacity_ * 2);
      std::unique_ptr<char[]> bigger(new char[capacity]);
      if (!empty()) std::memcpy(bigger.get(), data_.get() + begin_, size());
      data_ = std::move(bigger), capacity_ = capacity;
    }
    end_ -= begin_, begin_ = 0;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace jot::inline v1::detail
