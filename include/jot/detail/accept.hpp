// SPDX-License-Identifier: MIT
//
// accept.hpp -- would this client rather have JSON, or text?
//
// In: the Accept fields of a request (RFC 9110 section 12.5.1). Out: how much it wants a type. The
// range that names a type most exactly decides, whatever the weights of the others.
#pragma once

#include "../header.hpp"  // Header
#include "ascii.hpp"      // iequals, next_in_list, trim

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "0.8" in thousandths: 0 to 1000. Returns: -1 when malformed (RFC 9110 section 12.4.2).
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

// The q among the parameters of a range, ";level=1;q=0.5"; 1000 without one.
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
      const std::string_view element = next_in_list(list);
      const std::size_t semicolon = std::min(element.find(';'), element.size());
      const Acceptance found{weight_in(element.substr(semicolon)),
                             precision_of(trim(element.substr(0, semicolon)), type)};
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
