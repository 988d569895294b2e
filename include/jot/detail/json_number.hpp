// SPDX-License-Identifier: MIT
//
// json_number.hpp -- which number do these digits mean?
//
// In: bytes that begin with a digit or '-'. Out: an int where it is exact, else the nearest double.
// -0 is a double, for an int has no sign of zero. What is too small becomes zero, what is too large
// is a problem: an infinity could not be written again.
// Linear in the number of digits, however many they are.
#pragma once

#include "../value.hpp"  // Value

#include <charconv>      // std::from_chars
#include <cmath>         // std::isinf
#include <cstdint>       // std::int64_t, std::uint64_t
#include <limits>        // std::numeric_limits
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

class JsonNumber {
 public:
  JsonNumber(const char* begin, const char* end) noexcept : begin_(begin), at_(begin), end_(end) {}

  // Returns: the number; null when there is a problem().
  Value read() noexcept {
    if (peek() == '-') ++at_;
    whole_ = at_;
    std::uint64_t n = 0;
    for (; is_digit(peek()); ++at_) n = n * 10 + static_cast<std::uint64_t>(*at_ - '0');
    if (at_ == whole_) return fail("want a digit");
    if (*whole_ == '0' && at_ - whole_ > 1)
      return at_ = whole_, fail("a number must not begin with 0");
    if (peek() == '.' || (peek() | 0x20) == 'e') return read_fraction();
    return is_int(n) ? Value(static_cast<std::int64_t>(is_negative() ? 0 - n : n)) : to_double();
  }

  // Where the number ends, or where it went wrong.
  const char* at() const noexcept { return at_; }
  const char* problem() const noexcept { return problem_; }  // nullptr: none

 private:
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
  bool is_negative() const noexcept { return *begin_ == '-'; }

  Value fail(const char* problem) noexcept {
    problem_ = problem;
    return {};
  }

  // Was n read without loss, and is there an int for it? Up to 19 digits no uint64 overflows.
  bool is_int(std::uint64_t n) const noexcept {
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (at_ - whole_ > 19 || (n == 0 && is_negative())) return false;
    return n <= (is_negative() ? most + 1 : most);
  }

  Value read_fraction() noexcept {
    if (peek() == '.') {
      ++at_;
      if (!skip_digits()) return fail("want a digit");
    }
    if ((peek() | 0x20) == 'e') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!skip_digits()) return fail("want a digit");
    }
    return to_double();
  }

  bool skip_digits() noexcept {
    const char* first = at_;
    while (is_digit(peek())) ++at_;
    return at_ != first;
  }

  Value to_double() noexcept {
    double d = 0;
    const bool in_range = std::from_chars(begin_, at_, d).ec == std::errc() && !std::isinf(d);
    if (in_range) return d;
    if (is_large()) return at_ = begin_, fail("a number too large for a double");
    return is_negative() ? -0.0 : 0.0;
  }

  // Of a number out of range: is it too large, not too small? Asks for the place of its first digit
  // that is not 0, counted from the point.
  bool is_large() const noexcept {
    const char* first = whole_;
    while (first != at_ && (*first == '0' || *first == '.')) ++first;
    const char* point = whole_;
    while (point != at_ && is_digit(*point)) ++point;
    const char* e = point;
    while (e != at_ && (*e | 0x20) != 'e') ++e;
    if (first >= e) return false;  // nothing but zeros
    std::int64_t exponent = 0;
    if (e != at_) {
      const char* digits = e[1] == '+' ? e + 2 : e + 1;
      if (std::from_chars(digits, at_, exponent).ec != std::errc()) return *digits != '-';
    }
    return (point - first) + exponent > 0;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* whole_ = nullptr;  // the digits before the point
  const char* problem_ = nullptr;
};

}  // namespace jot::inline v1::detail
