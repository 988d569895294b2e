// SPDX-License-Identifier: MIT
//
// from_value.ipp -- the bodies of from_value.hpp.
#pragma once

#include "../from_value.hpp"
#include "../text.hpp"  // text

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::int64_t integer_within(const Value& v, std::int64_t low, std::int64_t high) {
  const std::int64_t n = v.as_int();
  if (n < low || n > high)
    throw ValueError(v, text("want int from ", low, " to ", high, ", have ", n));
  return n;
}

}  // namespace detail

}  // namespace jot::inline v1
