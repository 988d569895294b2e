// SPDX-License-Identifier: MIT
//
// digits.hpp -- how does a whole number look in digits?
//
// In: a number. Out: its decimal digits, written where there is room.
//
// Where it is known how many digits there are, they are copied two by two from a table. Where it is
// not, eight are made without a loop and without a branch, which would be guessed wrong too often:
// a number of eight digits is parted into two of four, both of them at once into two of two, and
// all of these at once into single digits, side by side in one 64-bit number. To divide by 100 and
// by 10 means to multiply by a little more than their inverse and to shift: exact for numbers as
// small as these.
#pragma once

#include "ascii.hpp"  // every_byte, store8

#include <bit>      // std::countr_zero
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint32_t, std::uint64_t
#include <cstring>  // std::memcpy

namespace jot::inline v1::detail {

// The digits of n < 10^8 as bytes from 0 to 9, the first of them lowest. A number x and its
// quotient q become q and, 16 bits higher, x - 100 q: that is x << 16 less q times (100 << 16) - 1.
inline std::uint64_t eight_digits(std::uint32_t n) noexcept {
  constexpr std::uint64_t ten_thousand = 10'000;
  const std::uint64_t quotient = n / 10'000;
  const std::uint64_t fours = (std::uint64_t{n} << 32) - quotient * ((ten_thousand << 32) - 1);
  const std::uint64_t hundreds = (fours * 5243) >> 19 & 0x0000'007F'0000'007F;
  const std::uint64_t twos = (fours << 16) - hundreds * ((100 << 16) - 1);
  const std::uint64_t tens = (twos * 103) >> 10 & 0x000F'000F'000F'000F;
  return (twos << 8) - tens * ((10 << 8) - 1);
}

// n < 10^8 without zeros before it. Returns: where it ends; up to seven bytes behind that are
// overwritten, too.
inline char* write_few_digits(char* to, std::uint32_t n) noexcept {
  const std::uint64_t digits = eight_digits(n);
  const std::uint64_t last = std::uint64_t{1} << 56;  // 0 has one digit
  const int zeros = std::countr_zero(digits | last) / 8;
  store8(to, (digits | every_byte * '0') >> 8 * zeros);
  return to + 8 - zeros;
}

// "00" "01" ... "99"
struct DigitPairs {
  char text[200] = {};

  constexpr DigitPairs() {
    for (std::size_t n = 0; n < 100; ++n) {
      text[2 * n] = static_cast<char>('0' + n / 10);
      text[2 * n + 1] = static_cast<char>('0' + n % 10);
    }
  }

  const char* of(std::uint32_t n) const noexcept { return text + 2 * std::size_t{n}; }
};

inline constexpr DigitPairs digit_pairs{};

// n < 100, with a zero before it.
inline void put_two_digits(char* to, std::uint32_t n) noexcept {
  std::memcpy(to, digit_pairs.of(n), 2);
}

// n < 100 without a zero before it. Returns: where it ends.
inline char* write_two_digits(char* to, std::uint32_t n) noexcept {
  if (n >= 10) {
    put_two_digits(to, n);
    return to + 2;
  }
  *to = static_cast<char>('0' + n);
  return to + 1;
}

// n < 10^4, with zeros before it.
inline void put_four_digits(char* to, std::uint32_t n) noexcept {
  put_two_digits(to, n / 100);
  put_two_digits(to + 2, n % 100);
}

// The last eight digits of n, with zeros before it. Both quotients come from n, for two divisions
// side by side are faster than one behind the other. Returns: where they end.
inline char* write_eight_digits(char* to, std::uint64_t n) noexcept {
  const std::uint64_t upper = n / 10'000 - n / 100'000'000 * 10'000;
  put_four_digits(to, static_cast<std::uint32_t>(upper));
  put_four_digits(to + 4, static_cast<std::uint32_t>(n % 10'000));
  return to + 8;
}

// n without zeros before it: 20 digits at most; and overwritten as above.
inline char* write_digits(char* to, std::uint64_t n) noexcept {
  constexpr std::uint64_t limit = 100'000'000;
  if (n < limit) return write_few_digits(to, static_cast<std::uint32_t>(n));
  const std::uint64_t upper = n / limit;
  to = upper < 100 ? write_two_digits(to, static_cast<std::uint32_t>(upper))
                   : write_digits(to, upper);
  return write_eight_digits(to, n);
}

}  // namespace jot::inline v1::detail
