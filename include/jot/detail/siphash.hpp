// SPDX-License-Identifier: MIT
//
// siphash.hpp -- which number stands for these bytes, so that nobody can aim at a collision?
//
// SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits of the bytes and a key of 128. Who does not
// know the key can do no better than chance. With a fixed key it is a fast hash like others.
#pragma once

#include "ascii.hpp"  // load8

#include <bit>          // std::rotl
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct SipKey {
  std::uint64_t k0 = 0, k1 = 0;
};

class SipState {
 public:
  explicit SipState(SipKey key) noexcept
      : a_(key.k0 ^ 0x736f6d6570736575),
        b_(key.k1 ^ 0x646f72616e646f6d),
        c_(key.k0 ^ 0x6c7967656e657261),
        d_(key.k1 ^ 0x7465646279746573) {}

  void add(std::uint64_t word) noexcept {
    d_ ^= word;
    round(), round();
    a_ ^= word;
  }

  std::uint64_t finish() noexcept {
    c_ ^= 0xff;
    round(), round(), round(), round();
    return a_ ^ b_ ^ c_ ^ d_;
  }

 private:
  void round() noexcept {
    a_ += b_, b_ = std::rotl(b_, 13), b_ ^= a_, a_ = std::rotl(a_, 32);
    c_ += d_, d_ = std::rotl(d_, 16), d_ ^= c_;
    a_ += d_, d_ = std::rotl(d_, 21), d_ ^= a_;
    c_ += b_, b_ = std::rotl(b_, 17), b_ ^= c_, c_ = std::rotl(c_, 32);
  }

  std::uint64_t a_, b_, c_, d_;
};

inline std::uint64_t siphash(std::string_view bytes, SipKey key) noexcept {
  SipState state(key);
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) state.add(load8(bytes.data() + i));
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i - whole));
  state.add(last);
  return state.finish();
}

}  // namespace jot::inline v1::detail
