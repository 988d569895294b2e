// SPDX-License-Identifier: MIT
//
// arena.hpp -- where do bytes live that many short views point at?
//
// In: strings to keep. Out: views of copies whose addresses never change until clear().
// Blocks on the heap, so that moving the Arena's owner moves no byte.
#pragma once

#include <cstddef>      // std::size_t
#include <cstring>      // std::memcpy
#include <memory>       // std::unique_ptr
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class Arena {
 public:
  // Copies the bytes. Lifetime of the view: until clear() or the Arena's end.
  std::string_view keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > room_) grow(bytes.size());
    char* copy = blocks_.back().bytes.get() + (blocks_.back().size - room_);
    std::memcpy(copy, bytes.data(), bytes.size());
    room_ -= bytes.size();
    used_ += bytes.size();
    return {copy, bytes.size()};
  }

  // The next keep()s, up to this many bytes in all, allocate nothing.
  void reserve(std::size_t bytes) {
    if (bytes > room_) grow(bytes);
  }

  // Bytes kept since the last clear().
  std::size_t used() const noexcept { return used_; }

  // Forgets all bytes but holds on to the newest block, which is the largest: an Arena that is
  // filled and cleared again and again soon allocates no more.
  void clear() noexcept {
    used_ = 0;
    if (blocks_.empty()) return;
    if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
    room_ = blocks_.back().size;
    if (room_ > largest_kept) blocks_.clear(), room_ = 0;
  }

 private:
  static constexpr std::size_t first_block = 512;
  static constexpr std::size_t largest_kept = 64
                                              << 10;  // by clear(): one huge value is not for ever

  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void grow(std::size_t at_least) {
    std::size_t size = blocks_.empty() ? first_block : 2 * blocks_.back().size;
    if (size < at_least) size = at_least;
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    room_ = size;
  }

  std::vector<Block> blocks_;
  std::size_t room_ = 0;  // left at the end of the newest block
  std::size_t used_ = 0;
};

}  // namespace jot::inline v1::detail
