// SPDX-License-Identifier: MIT
//
// token_buckets.hpp -- has this client asked too often?
//
// In: a key and the time. Out: how long it has to wait; zero: it may go on, and has paid.
//
// A bucket is one moment: when it will be full again. Each request moves that by one interval; when
// it would lie more than `burst` intervals ahead, the bucket is empty. So a bucket that is full is
// like one that was never seen, and its slot is free.
//
// The table has a fixed size and stores no keys, only 64 bits of a hash with a secret key, so that
// nobody can choose addresses that share a slot. A key may be in one of eight slots; when all are
// taken, the one that is nearest to being full makes room.
// Threads: any; a mutex guards the table, held for some ten nanoseconds.
#pragma once

#include "../context.hpp"    // Clock, nanoseconds
#include "random_bytes.hpp"  // random_bytes
#include "siphash.hpp"       // siphash, SipKey

#include <algorithm>    // std::max
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <mutex>        // std::mutex, std::lock_guard
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TokenBuckets {
 public:
  static constexpr std::size_t most_keys = std::size_t{1} << 40;

  // interval: one token comes back in such a time. All above 0. Throws: std::bad_alloc.
  TokenBuckets(nanoseconds interval, std::size_t burst, std::size_t max_keys)
      : interval_(interval), depth_(interval * static_cast<nanoseconds::rep>(burst)) {
    sets_ = (max_keys + ways - 1) / ways;
    slots_.resize(sets_ * ways);
    random_bytes(sizeof key_).copy(reinterpret_cast<char*>(&key_), sizeof key_);
  }

  // Takes a token. Returns: zero; or the time until there is one, and nothing was taken.
  nanoseconds take(std::string_view key, Clock::time_point now) noexcept {
    const std::uint64_t hash = siphash(key, key_);
    std::lock_guard lock(mutex_);
    Slot& slot = slot_of(hash, now);
    const Clock::time_point full_at = std::max(slot.full_at, now) + interval_;
    if (full_at - now > depth_) return full_at - now - depth_;
    slot = {hash, full_at};
    return nanoseconds::zero();
  }

 private:
  static constexpr std::size_t ways = 8;
  struct Slot {
    std::uint64_t hash = 0;
    Clock::time_point full_at = {};  // in the past: free
  };

  // The key's own slot, or the one that it gets: nothing of the last owner's is left in it.
  Slot& slot_of(std::uint64_t hash, Clock::time_point now) noexcept {
    Slot* const set = &slots_[hash % sets_ * ways];
    Slot* least = set;
    for (Slot* s = set; s != set + ways; ++s) {
      if (s->hash == hash && s->full_at > now) return *s;
      if (s->full_at < least->full_at) least = s;
    }
    *least = {};
    return *least;
  }

  const nanoseconds interval_, depth_;
  SipKey key_;
  std::mutex mutex_;  // guards slots_
  std::size_t sets_ = 1;
  std::vector<Slot> slots_;
};

}  // namespace jot::inline v1::detail
