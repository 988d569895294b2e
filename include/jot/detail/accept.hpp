// SPDX-License-Identifier: MIT
//
// accept.hpp -- would this client rather have JSON, or text?
//
// In: the Accept fields of a request (RFC 9110 section 12.5.1). Out: how much it wants a type. The
// range that names a type most exactly decides, whatever the weights of the others.
#pragma once

#include "../header.hpp"  // Header
#include "ascii.hpp"      // iequals, next_in_list
#include "weighted.hpp"   // parse_weighted

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct Acceptance {
  int weight = 0;     // in thousandths; 0: not acceptable
  int precision = 0;  // 1: by "*/*", 2: by "text/*", 3: by its name
};

// How exactly does the range name the type? 0: not at all.
constexpr int precision_of(std::string_view range, std::string_view type) noexcept {
  if (iequals(range, type)) return 3;
  if (range == "*/*") return 1;
  const std::size_t slash = type.find('/') + 1;
  return range.size() == slash + 1 && range.back() == '*' &&
                 iequals(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

// Without an Accept field everything is as welcome as by "*/*". A malformed range counts for none.
inline Acceptance acceptance(const Header& header, std::string_view type) noexcept {
  if (!header.has("Accept")) return {1000, 1};
  Acceptance best;
  for (const Field& field : header) {
    if (!iequals(field.name, "Accept")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      const Weighted range = parse_weighted(next_in_list(list));
      const Acceptance found{range.weight, precision_of(range.name, type)};
      if (found.weight < 0 || found.precision < best.precision || found.precision == 0) continue;
      if (found.precision > best.precision || found.weight > best.weight) best = found;
    }
  }
  return best;
}

constexpr Acceptance better_of(Acceptance a, Acceptance b) noexcept {
  if (a.weight != b.weight) return a.weight > b.weight ? a : b;
  return a.precision >= b.precision ? a : b;
}

// Text for those who take anything (curl) or pages (browsers); JSON for those who say so.
inline bool prefers_json(const Header& header) noexcept {
  const Acceptance json = better_of(acceptance(header, "application/json"),
                                    acceptance(header, "application/problem+json"));
  const Acceptance text =
      better_of(acceptance(header, "text/plain"), acceptance(header, "text/html"));
  return json.weight > text.weight ||
         (json.weight == text.weight && json.weight > 0 && json.precision == 3);
}

}  // namespace jot::inline v1::detail
