// SPDX-License-Identifier: MIT
//
// from_value.ipp -- the bodies of from_value.hpp.
#pragma once

#include "../from_value.hpp"
#include "../text.hpp"  // text

#include <cmath>  // std::isfinite

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::int64_t integer_within(const Value& v, std::int64_t low, std::int64_t high) {
  const std::int64_t n = v.as_int();
  if (n < low || n > high)
    throw ValueError(v, text("want int from ", low, " to ", high, ", have ", n));
  return n;
}

// Infinities and NaN, which no JSON has, are in every type.
JOT_INLINE double double_within(const Value& v, double high) {
  const double n = v.as_double();
  if (std::isfinite(n) && (n < -high || n > high))
    throw ValueError(v, text("want number from ", -high, " to ", high, ", have ", n));
  return n;
}

}  // namespace detail

}  // namespace jot::inline v1
