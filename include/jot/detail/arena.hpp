// SPDX-License-Identifier: MIT
//
// arena.hpp -- where do bytes live that many short views point at?
//
// In: strings to keep. Out: views of copies whose addresses never change until clear().
// Blocks on the heap, so that moving the Arena's owner moves no byte.
#pragma once

#include <cstddef>      // std::size_t
#include <cstring>      // std::memcpy
#include <new>          // placement new
#include <string_view>  // std::string_view
#include <utility>      // std::exchange

namespace jot::inline v1::detail {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { free(newest_); }

  // Copies the bytes. Lifetime of the view: until clear() or the Arena's end.
  std::string_view keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > room_) grow(bytes.size());
    char* copy = newest_->bytes() + (newest_->size - room_);
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
    if (!newest_) return;
    free(std::exchange(newest_->older, nullptr));
    room_ = newest_->size;
    if (room_ > largest_kept) free(std::exchange(newest_, nullptr)), room_ = 0;
  }

 private:
  static constexpr std::size_t first_block = 512;
  static constexpr std::size_t largest_kept = 64
                                              << 10;  // by clear(): one huge value is not for ever

  // The head of a block; its bytes follow.
  struct Block {
    Block* older;
    std::size_t size;
    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  };

  void grow(std::size_t at_least) {
    std::size_t size = newest_ ? 2 * newest_->size : first_block;
    if (size < at_least) size = at_least;
    newest_ = new (::operator new(sizeof(Block) + size)) Block{newest_, size};
    room_ = size;
  }

  // This block and the older ones.
  static void free(Block* block) noexcept {
    while (block) ::operator delete(std::exchange(block, block->older));
  }

  Block* newest_ = nullptr;
  std::size_t room_ = 0;  // left at the end of the newest block
  std::size_t used_ = 0;
};

}  // namespace jot::inline v1::detail
