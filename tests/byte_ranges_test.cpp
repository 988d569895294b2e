// SPDX-License-Identifier: MIT
//
// byte_ranges_test.cpp -- what does a Range field cost at most? How Go answers the ordinary ones
// stands in content_cases.inc.
#include "jot/detail/byte_ranges.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::detail::parse_byte_ranges;
using jot::detail::RangeAnswer;

namespace {

std::string repeat(std::string_view part, int times) {
  std::string all = "bytes=";
  for (int i = 0; i < times; ++i) (all += part) += ',';
  return all;
}

std::string shown(const RangeAnswer& answer) {
  if (answer.kind == RangeAnswer::whole) return "whole";
  if (answer.kind == RangeAnswer::unsatisfiable) return "unsatisfiable";
  std::string all;
  for (auto [start, length] : answer.ranges)
    all += (all.empty() ? "" : " ") + std::to_string(start) + "+" + std::to_string(length);
  return all;
}

}  // namespace

TEST_CASE("byte ranges: absurd fields are answered with little") {
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  struct {
    std::string_view name;
    std::string field;
    std::uint64_t size;
    std::string_view want;
  } const table[] = {
      {"none", "", 100, "whole"},
      {"10 000 of one byte", repeat("0-0", 10'000), 1'000'000, "whole"},
      {"10 000 of everything", repeat("0-", 10'000), 1'000'000, "whole"},
      {"10 000 beyond the end", repeat("100-", 10'000), 100, "unsatisfiable"},
      {"10 000 commas", repeat("", 10'000), 100, "whole"},
      {"10 000 commas and a part", repeat("", 10'000) + "1-1", 100, "1+1"},
      {"too many, the last malformed", repeat("0-0", 10'000) + "x", 1'000'000, "unsatisfiable"},
      {"the sum overflows", "bytes=0-,0-", huge, "whole"},
      {"the largest file", "bytes=0-", huge, "0+18446744073709551615"},
      {"its last byte", "bytes=18446744073709551614-", huge, "18446744073709551614+1"},
      {"its last byte, counted from the end", "bytes=-1", huge, "18446744073709551614+1"},
      {"beyond it", "bytes=18446744073709551615-", huge, "unsatisfiable"},
      {"numbers without end", "bytes=" + std::string(100'000, '9') + "-", huge, "unsatisfiable"},
      {"numbers without end, up to", "bytes=1-" + std::string(100'000, '9'), 10, "1+9"},
      {"zeros without end", "bytes=" + std::string(100'000, '0') + "1-1", 10, "1+1"},
      {"2^64 + 1 is not 1", "bytes=18446744073709551617-18446744073709551617", 10, "unsatisfiable"},
      {"order and overlap stay as asked", "bytes=5-6,0-1,1-2", 100, "5+2 0+2 1+2"},
      {"NUL", std::string("bytes=0-0\0", 10), 10, "unsatisfiable"},
  };
  for (auto& t : table) {
    INFO(t.name);
    CHECK(shown(parse_byte_ranges(t.field, t.size)) == t.want);
  }
}

TEST_CASE("byte ranges: as many parts as are allowed, and one more") {
  using jot::detail::most_ranges;
  const int most = static_cast<int>(most_ranges);
  CHECK(parse_byte_ranges(repeat("0-0", most), 1'000'000).ranges.size() == most_ranges);
  CHECK(parse_byte_ranges(repeat("0-0", most + 1), 1'000'000).kind == RangeAnswer::whole);
}
