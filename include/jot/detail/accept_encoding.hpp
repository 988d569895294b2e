// SPDX-License-Identifier: MIT
//
// accept_encoding.hpp -- in which codings may this answer be sent?
//
// In: the Accept-Encoding fields of a request. Out: how much each coding is wanted. See RFC 9110
// §12.5.3.
#pragma once

#include "../header.hpp"  // Header
#include "ascii.hpp"      // iequals, next_in_list
#include "weighted.hpp"   // parse_weighted

#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

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
