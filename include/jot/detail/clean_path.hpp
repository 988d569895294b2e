// SPDX-License-Identifier: MIT
//
// clean_path.hpp -- by which one name is this page known?
//
// In: a path as it came. Out: the same without empty segments, "." and "..", which also hide behind
// %2e (RFC 3986 §6.2.2). A Router sends clients to the clean name, so that a rule that guards
// /admin cannot be walked around by asking for /x/..//admin.
#pragma once

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How many dots is this segment made of, %2e counted as one? 0: it is not a dot segment.
inline int dots_in(std::string_view segment) noexcept {
  int dots = 0;
  while (!segment.empty()) {
    const bool encoded = segment.starts_with("%2e") || segment.starts_with("%2E");
    if (!encoded && segment.front() != '.') return 0;
    segment.remove_prefix(encoded ? 3 : 1);
    if (++dots > 2) return 0;
  }
  return dots;
}

// Does the path start with a slash, and is every segment but the last neither empty nor dots?
// The last may be empty: "/a/" is as clean as "/a".
inline bool is_clean(std::string_view path) noexcept {
  if (!path.starts_with('/')) return false;
  for (std::size_t slash = 0; slash != path.npos;) {
    const char after = slash + 1 < path.size() ? path[slash + 1] : '\0';
    if (after == '/') return false;
    const std::size_t next = path.find('/', slash + 1);
    if ((after == '.' || after == '%') && dots_in(path.substr(slash + 1, next - slash - 1)) > 0) {
      return false;
    }
    slash = next;
  }
  return true;
}

// "/a//b/../c/." becomes "/a/c". A slash at the end stays; what climbs above the root stays there.
inline std::string clean_path(std::string_view path) {
  std::string clean;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = path.find('/', at);
    const std::string_view segment = path.substr(at, next == path.npos ? next : next - at);
    at = next == path.npos ? path.size() : next + 1;
    const int dots = dots_in(segment);
    if (segment.empty() || dots == 1) continue;
    if (dots == 0)
      (clean += '/') += segment;
    else if (const std::size_t slash = clean.rfind('/'); slash != clean.npos)
      clean.resize(slash);
  }
  if (clean.empty() || path.ends_with('/')) clean += '/';
  return clean;
}

}  // namespace jot::inline v1::detail
