// SPDX-License-Identifier: MIT
//
// template_place.hpp -- where in a template is this problem, as a compiler would say it?
//
// In: a source and an offset in it. Out: a TemplateError with line and column from 1, and the line
// itself with a mark below it.
#pragma once

#include "../template.hpp"    // TemplateError
#include "html_state.hpp"     // escape_errc_name, EscapeErrc
#include "template_tree.hpp"  // TemplateSource

#include <algorithm>    // std::count, std::min
#include <cstddef>      // std::ptrdiff_t, std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

struct TemplatePlace {
  int line = 0, col = 0;
  std::string excerpt = {};  // "\n  12 | ...\n     |   ^"
};

// At most so many bytes of a line are shown, those around the place.
inline constexpr std::size_t most_excerpt = 160;

inline std::string excerpt_of(std::string_view line, int number, std::size_t at) {
  const std::size_t from = at > most_excerpt / 2 ? at - most_excerpt / 2 : 0;
  std::string shown(line.substr(from, most_excerpt));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';  // one column each
  }
  const std::string margin = "  " + std::to_string(number);
  std::string s = "\n" + margin + " | " + shown + "\n";
  s.append(margin.size(), ' ').append(" | ").append(at - from, ' ');
  return s += '^';
}

inline TemplatePlace place_of(std::string_view text, std::size_t at) {
  at = std::min(at, text.size());
  const std::string_view before = text.substr(0, at);
  const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::size_t end = std::min(text.find('\n', at), text.size());
  TemplatePlace place;
  place.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  place.col = 1 + static_cast<int>(at - begin);
  place.excerpt = excerpt_of(text.substr(begin, end - begin), place.line, at - begin);
  return place;
}

inline TemplateError error_at(const TemplateSource& source, std::size_t at, std::string problem,
                              EscapeErrc code = EscapeErrc::ok) {
  TemplatePlace place = place_of(source.text, at);
  return TemplateError(source.name, place.line, place.col, std::move(problem),
                       code == EscapeErrc::ok ? "" : escape_errc_name(code),
                       std::move(place.excerpt));
}

}  // namespace jot::inline v1::detail
