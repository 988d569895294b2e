// SPDX-License-Identifier: MIT
//
// accept_encoding.hpp -- in which codings may this answer be sent?
//
// In: the Accept-Encoding fields of a request. Out: how much each coding is wanted. See RFC 9110
// §12.5.3 and, for the weights, §12.4.2.
#pragma once

#include "../header.hpp"  // Header
#include "ascii.hpp"      // iequals, next_in_list, trim

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// A weight in thousandths, 0 to 1000; -1: malformed.
constexpr int parse_weight(std::string_view q) noexcept {
  if (q.empty() || q.size() > 5 || (q[0] != '0' && q[0] != '1')) return -1;
  int weight = (q[0] - '0') * 1000;
  if (q.size() > 1 && q[1] != '.') return -1;
  int worth = 100;
  for (const char c : q.substr(q.size() > 1 ? 2 : 1)) {
    if (!is_digit(c)) return -1;
    weight += worth * (c - '0'), worth /= 10;
  }
  return weight <= 1000 ? weight : -1;
}

// One element of a list with weights: "gzip;q=0.8", "text/html;level=1;q=0.5".
struct Weighted {
  std::string_view name;
  int weight = 1000;
};

// The parameters before q belong to what is named, and are not looked at.
constexpr Weighted parse_weighted(std::string_view element) noexcept {
  const std::size_t semicolon = element.find(';');
  Weighted result{trim(element.substr(0, semicolon))};
  while (!element.empty()) {
    const std::size_t end = element.find(';');
    const std::string_view parameter = trim(element.substr(0, end));
    element.remove_prefix(end == element.npos ? element.size() : end + 1);
    if (parameter.size() >= 2 && (parameter[0] | 32) == 'q' && parameter[1] == '=')
      result.weight = parse_weight(parameter.substr(2));
  }
  return result;
}

// How much a client wants each coding that we may have; 0: not at all.
struct CodingWeights {
  int br = 0, gzip = 0, identity = 1;
};

// Nothing said: identity, and it alone. It is always wanted a little unless it is excluded. An
// element that is malformed is as if it were absent.
inline CodingWeights accepted_codings(const Header& header) noexcept {
  constexpr int not_said = -1;
  int br = not_said, gzip = not_said, identity = not_said, others = not_said;
  for (const Field& field : header) {
    if (!iequals(field.name, "Accept-Encoding")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      const Weighted coding = parse_weighted(next_in_list(list));
      if (coding.weight < 0) continue;
      if (iequals(coding.name, "br")) br = coding.weight;
      if (iequals(coding.name, "gzip") || iequals(coding.name, "x-gzip")) gzip = coding.weight;
      if (iequals(coding.name, "identity")) identity = coding.weight;
      if (coding.name == "*") others = coding.weight;
    }
  }
  const auto of = [others](int said, int otherwise) {
    return said != not_said ? said : others != not_said ? others : otherwise;
  };
  return {of(br, 0), of(gzip, 0), of(identity, 1)};
}

}  // namespace jot::inline v1::detail
