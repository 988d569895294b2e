// SPDX-License-Identifier: MIT
//
// digits.hpp -- how does a whole number look in digits?
//
// In: a number. Out: its decimal digits, written where there is room.
//
// Eight digits at a time, without a loop: a number of eight digits is parted into two of four, both
// of them at once into two of two, and all of these at once into single digits, side by side in one
// 64-bit number. To divide by 100 and by 10 means to multiply by a little more than their inverse
// and to shift: exact for numbers as small as these.
#pragma once

#include "ascii.hpp"  // every_byte, store8

#include <bit>      // std::countr_zero
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

// The digits of n < 10^8 as bytes from 0 to 9, the first of them lowest.
inline std::uint64_t eight_digits(std::uint64_t n) noexcept {
  const std::uint64_t fours = n / 10'000 | n % 10'000 << 32;
  const std::uint64_t hundreds = (fours * 5243) >> 19 & 0x0000'007F'0000'007F;
  const std::uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = (twos * 103) >> 10 & 0x000F'000F'000F'000F;
  return tens | (twos - 10 * tens) << 8;
}

// n < 10^8 in eight digits, with zeros before it. Returns: where they end.
inline char* write_eight_digits(char* to, std::uint64_t n) noexcept {
  store8(to, eight_digits(n) | every_byte * '0');
  return to + 8;
}

// n without zeros before it: 20 digits at most. Returns: where they end; up to seven bytes behind
// that are overwritten, too.
inline char* write_digits(char* to, std::uint64_t n) noexcept {
  constexpr std::uint64_t limit = 100'000'000;
  if (n >= limit) return write_eight_digits(write_digits(to, n / limit), n % limit);
  const std::uint64_t digits = eight_digits(n);
  const int zeros = std::countr_zero(digits | std::uint64_t{1} << 56) / 8;  // 0 has one digit
  store8(to, (digits | every_byte * '0') >> 8 * zeros);
  return to + 8 - zeros;
}

}  // namespace jot::inline v1::detail
