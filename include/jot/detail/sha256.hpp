// SPDX-License-Identifier: MIT
//
// sha256.hpp -- which 32 bytes stand for all of these?
//
// SHA-256 as FIPS 180-4 has it, in the names of that paper: a message is cut into blocks of 64
// bytes, each is stirred into a state of eight words. Out: the state, once the length is in, too.
#pragma once

#include <array>        // std::array
#include <bit>          // std::rotr
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t, std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

using Sha256Digest = std::array<unsigned char, 32>;

// The first 32 bits of the fractions of the cube roots of the first 64 primes (section 4.2.2).
inline constexpr std::uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

class Sha256 {
 public:
  static constexpr std::size_t block_size = 64;

  void add(std::string_view bytes) noexcept {
    length_ += bytes.size();
    for (const char c : bytes) {
      block_[filled_++] = static_cast<unsigned char>(c);
      if (filled_ == block_size) stir();
    }
  }

  // What was added, as 32 bytes. Call it once, and nothing after it.
  // Padding (section 5.1.1): a one bit, zeros, and the length in bits in the last 8 bytes.
  Sha256Digest finish() noexcept {
    const std::uint64_t bits = length_ * 8;
    block_[filled_++] = 0x80;
    if (filled_ > block_size - 8) fill_with_zeros(block_size);
    fill_with_zeros(block_size - 8);
    for (int shift = 56; shift >= 0; shift -= 8)
      block_[filled_++] = static_cast<unsigned char>(bits >> shift);
    stir();
    Sha256Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i)
      digest[i] = static_cast<unsigned char>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
  }

 private:
  void fill_with_zeros(std::size_t end) noexcept {
    while (filled_ < end) block_[filled_++] = 0;
    if (filled_ == block_size) stir();
  }

  // One block (section 6.2.2), which is empty afterwards.
  void stir() noexcept {
    std::uint32_t w[64];
    expand(w);
    auto [a, b, c, d, e, f, g, h] = state_;
    for (int t = 0; t < 64; ++t) {
      const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t choice = (e & f) ^ (~e & g);
      const std::uint32_t t1 = h + sum1 + choice + sha256_constants[t] + w[t];
      const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
      h = g, g = f, f = e, e = d + t1;
      d = c, c = b, b = a, a = t1 + sum0 + majority;
    }
    const std::uint32_t stirred[8] = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += stirred[i];
    filled_ = 0;
  }

  // The message schedule: the block as 16 words, and 48 more made of them.
  void expand(std::uint32_t (&w)[64]) const noexcept {
    for (std::size_t t = 0; t < 16; ++t) {
      w[t] = 0;
      for (std::size_t i = 0; i < 4; ++i) w[t] = w[t] << 8 | block_[4 * t + i];
    }
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t x = w[t - 15], y = w[t - 2];
      const std::uint32_t s0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3;
      const std::uint32_t s1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10;
      w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
  }

  // The same of the square roots of the first eight primes (section 5.3.3).
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  unsigned char block_[block_size] = {};
  std::size_t filled_ = 0;    // of block_
  std::uint64_t length_ = 0;  // of the message, in bytes
};

inline Sha256Digest sha256(std::string_view bytes) noexcept {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

}  // namespace jot::inline v1::detail
