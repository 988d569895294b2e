// SPDX-License-Identifier: MIT
//
// byte_ranges.hpp -- which parts of a file does a client want?
//
// In: a Range field and the size of what it is asked of. Out: the parts, or the whole where that is
// the better answer. See RFC 9110 §14.1.2 and §14.2.
//
// A field is never worth more work than the file: parts that are more than the whole together, or
// too many, are answered with the whole (§14.2 allows it; §17.15 says why).
#pragma once

#include "ascii.hpp"  // is_digit, trim, next_in_list

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct ByteRange {
  std::uint64_t start, length;
};

struct RangeAnswer {
  enum Kind { whole, parts, unsatisfiable } kind = whole;
  std::vector<ByteRange> ranges = {};  // of `parts`: at least one, in the order asked for
};

inline constexpr std::size_t most_ranges = 64;

// All digits, as a number; what is too large for one is the largest. nullopt: not all digits.
constexpr std::optional<std::uint64_t> parse_offset(std::string_view digits) noexcept {
  constexpr std::uint64_t largest = ~std::uint64_t{0};
  if (digits.empty()) return {};
  std::uint64_t n = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    const auto digit = static_cast<std::uint64_t>(c - '0');
    n = n > (largest - digit) / 10 ? largest : n * 10 + digit;
  }
  return n;
}

// One of a Range field's parts: "0-499", "500-", or the last 500 bytes, "-500".
struct RangeSpec {
  bool valid = false;
  ByteRange range = {0, 0};  // of length 0: nothing of the file is in it
};

constexpr RangeSpec parse_range_spec(std::string_view spec, std::uint64_t size) noexcept {
  const std::size_t dash = spec.find('-');
  if (dash == spec.npos) return {};
  const std::string_view left = trim(spec.substr(0, dash)), right = trim(spec.substr(dash + 1));
  const auto first = parse_offset(left), last = parse_offset(right);
  if (left.empty()) {
    if (!last) return {};
    const std::uint64_t length = *last < size ? *last : size;
    return {true, {size - length, length}};
  }
  if (!first || (!last && !right.empty()) || (last && *last < *first)) return {};
  if (*first >= size) return {true, {}};
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return {true, {*first, end - *first}};
}

// The range unit "bytes" and the equals sign, without regard to case.
constexpr bool take_bytes_unit(std::string_view& field) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (!iequals(field.substr(0, unit.size()), unit)) return false;
  field.remove_prefix(unit.size());
  return true;
}

// size: of the file; an empty one has no parts, and is sent whole.
inline RangeAnswer parse_byte_ranges(std::string_view field, std::uint64_t size) {
  if (size == 0 || !take_bytes_unit(field)) return {};
  RangeAnswer answer;
  std::uint64_t left = size;  // until the parts are more than the whole
  bool asked = false, too_much = false;
  while (!field.empty()) {
    const std::string_view text = next_in_list(field);
    if (text.empty()) continue;
    const RangeSpec spec = parse_range_spec(text, size);
    if (!spec.valid) return {RangeAnswer::unsatisfiable};
    asked = true;
    if (spec.range.length == 0) continue;
    too_much |= spec.range.length > left || answer.ranges.size() == most_ranges;
    if (too_much) continue;  // but what follows may be malformed
    left -= spec.range.length;
    answer.ranges.push_back(spec.range);
  }
  if (too_much || !asked) return {};
  answer.kind = answer.ranges.empty() ? RangeAnswer::unsatisfiable : RangeAnswer::parts;
  return answer;
}

}  // namespace jot::inline v1::detail
