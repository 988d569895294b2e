// SPDX-License-Identifier: MIT
//
// weighted.hpp -- how much does a client want what it names?
//
// In: one element of a list such as Accept or Accept-Encoding: "gzip;q=0.8", "text/html;level=1".
// Out: what it names, and its weight in thousandths. See RFC 9110 section 12.4.2.
#pragma once

#include "ascii.hpp"  // is_digit, to_lower, trim

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "0.8" in thousandths: 0 to 1000. Returns: -1 when malformed.
constexpr int thousandths(std::string_view q) noexcept {
  if (q.empty() || q.size() > 5 || (q.size() > 1 && q[1] != '.')) return -1;
  int sum = 0, worth = 1000;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (i == 1) continue;  // the dot
    if (!is_digit(q[i])) return -1;
    sum += worth * (q[i] - '0'), worth /= 10;
  }
  return sum <= 1000 ? sum : -1;
}

// The q among the parameters of an element, ";level=1;q=0.5"; 1000 without one.
constexpr int weight_in(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    parameters.remove_prefix(1);
    const std::string_view one = trim(parameters.substr(0, parameters.find(';')));
    if (one.size() >= 2 && to_lower(one[0]) == 'q' && one[1] == '=')
      return thousandths(one.substr(2));
    parameters.remove_prefix(parameters.find(';') == parameters.npos ? parameters.size()
                                                                     : parameters.find(';'));
  }
  return 1000;
}

struct Weighted {
  std::string_view name;
  int weight;  // 0: unwanted; -1: malformed
};

// The parameters before q belong to what is named, and are not looked at.
constexpr Weighted parse_weighted(std::string_view element) noexcept {
  const std::string_view name = element.substr(0, element.find(';'));
  return {trim(name), weight_in(element.substr(name.size()))};
}

}  // namespace jot::inline v1::detail
