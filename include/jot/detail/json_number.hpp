// SPDX-License-Identifier: MIT
//
// json_number.hpp -- which number do these digits mean?
//
// In: bytes that begin with a digit or '-'. Out: an int where it is exact, else the nearest double.
// -0 is a double, for an int has no sign of zero. What is too small becomes zero, what is too large
// is a problem: an infinity could not be written again.
// Linear in the number of digits, however many they are.
#pragma once

#include "ascii.hpp"  // every_byte, first_mark, high_bits, is_digit, load8

#include <cfloat>        // FLT_EVAL_METHOD, DBL_MAX
#include <charconv>      // std::from_chars
#include <cstddef>       // std::size_t
#include <cstdint>       // std::int64_t, std::uint64_t
#include <limits>        // std::numeric_limits
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

class JsonNumber {
 public:
  JsonNumber(const char* begin, const char* end) noexcept : begin_(begin), at_(begin), end_(end) {}

  // Returns: false when there is a problem().
  bool read() noexcept {
    if (peek() == '-') ++at_;
    whole_ = at_;
    if (!take_digits()) return false;
    point_ = at_;
    if (*whole_ == '0' && point_ - whole_ > 1)
      return at_ = whole_, fail("a number must not begin with 0");
    if (peek() != '.' && (peek() | 0x20) != 'e') return to_int();
    if (peek() == '.' && (++at_, !take_digits())) return false;
    last_ = at_;
    if ((peek() | 0x20) == 'e' && (++at_, !take_exponent())) return false;
    return to_double();
  }

  // Where the number ends, or where it went wrong.
  const char* at() const noexcept { return at_; }
  const char* problem() const noexcept { return problem_; }

  bool is_int() const noexcept { return is_int_; }
  std::int64_t as_int() const noexcept {
    return static_cast<std::int64_t>(is_negative() ? 0 - digits_ : digits_);
  }
  double as_double() const noexcept { return double_; }

 private:
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
  bool is_negative() const noexcept { return *begin_ == '-'; }

  bool fail(const char* problem) noexcept {
    problem_ = problem;
    return false;
  }

  // One digit or more. What they say is right up to 19 digits in all; beyond, digits_ has wrapped.
  bool take_digits() noexcept {
    const char* first = at_;
    while (end_ - at_ >= 8 && take_eight_bytes()) {
    }
    for (; is_digit(peek()); ++at_) digits_ = digits_ * 10 + static_cast<std::uint64_t>(*at_ - '0');
    if (at_ == first) fail("want a digit");
    return at_ != first;
  }

  // Takes the digits among the next eight bytes, however many, without a loop. Shifted up until the
  // last is highest, with zeros before them, they are joined side by side: two and two, then four
  // and four, then all eight. Returns: were all eight digits?
  bool take_eight_bytes() noexcept {
    constexpr std::uint64_t powers[] = {1,       10,        100,        1'000,      10'000,
                                        100'000, 1'000'000, 10'000'000, 100'000'000};
    const std::uint64_t bytes = load8(at_) ^ every_byte * '0';
    // A byte of 10 to 127 gets a high bit by adding, one beyond has it.
    const std::uint64_t marks = (bytes | (bytes + every_byte * (128 - 10))) & high_bits;
    const std::size_t size = marks == 0 ? 8 : first_mark(marks);
    const std::uint64_t ones = size == 0 ? 0 : bytes << (64 - 8 * size);
    const std::uint64_t twos = (ones * (10 << 8 | 1)) >> 8 & 0x00FF'00FF'00FF'00FF;
    const std::uint64_t fours = (twos * (100 << 16 | 1)) >> 16 & 0x0000'FFFF'0000'FFFF;
    const std::uint64_t eight = (fours * (std::uint64_t{10'000} << 32 | 1)) >> 32;
    digits_ = digits_ * powers[size] + eight;
    at_ += size;
    return size == 8;
  }

  // Stops counting where no number of digits could make up for the exponent.
  bool take_exponent() noexcept {
    constexpr std::int64_t enough = std::int64_t{1} << 56;
    const bool negative = peek() == '-';
    if (negative || peek() == '+') ++at_;
    const char* first = at_;
    for (; is_digit(peek()); ++at_)
      exponent_ = exponent_ > enough ? enough : exponent_ * 10 + (*at_ - '0');
    if (negative) exponent_ = -exponent_;
    if (at_ == first) fail("want a digit");
    return at_ != first;
  }

  bool to_int() noexcept {
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    last_ = at_;
    const bool is_minus_zero = digits_ == 0 && is_negative();
    if (at_ - whole_ > 19 || is_minus_zero || digits_ > (is_negative() ? most + 1 : most))
      return to_double();
    return is_int_ = true;
  }

  bool to_double() noexcept {
    if (is_short(double_)) return double_ = is_negative() ? -double_ : double_, true;
    const bool known = std::from_chars(begin_, at_, double_).ec == std::errc();
    if (known && double_ >= -DBL_MAX && double_ <= DBL_MAX) return true;
    if (is_large()) return at_ = begin_, fail("a number too large for a double");
    double_ = is_negative() ? -0.0 : 0.0;
    return true;
  }

  // Most numbers people write are a whole number below 2^53 and a power of ten up to 10^22. A
  // double holds both exactly, so that one multiplication or division gives the nearest double.
  // (Not where doubles are computed with more bits than they have.)
  bool is_short(double& d) const noexcept {
    constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const std::int64_t power = exponent_ - (last_ == point_ ? 0 : last_ - point_ - 1);
    if (FLT_EVAL_METHOD != 0 || last_ - whole_ > 19 || digits_ > std::uint64_t{1} << 53)
      return false;
    if (power < -22 || power > 22) return false;
    d = static_cast<double>(digits_);
    d = power < 0 ? d / powers[-power] : d * powers[power];
    return true;
  }

  // Of a number out of range: is it too large, not too small? Asks for the place of its first digit
  // that is not 0, counted from the point.
  bool is_large() const noexcept {
    const char* first = whole_;
    while (first != last_ && (*first == '0' || *first == '.')) ++first;
    return first != last_ && (point_ - first) + exponent_ > 0;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* whole_ = nullptr;  // the digits before the point
  const char* point_ = nullptr;  // where they end
  const char* last_ = nullptr;   // where all digits end, before the exponent
  std::uint64_t digits_ = 0;     // as if there were no point
  std::int64_t exponent_ = 0;
  double double_ = 0;
  bool is_int_ = false;
  const char* problem_ = nullptr;
};

}  // namespace jot::inline v1::detail
