// SPDX-License-Identifier: MIT
//
// resolve_reference.hpp -- which URL does a link mean, on the page where it stands?
//
// In: the URL of the page, absolute, and a reference: "../b?c", "//host/", "http://host/". Out: an
// absolute URL (RFC 3986 section 5.2, the strict reading: "http:b" is a URL of its own, without a
// host). Nothing is decoded or checked here: whoever takes the URL does that.
#pragma once

#include "ascii.hpp"  // byte_alpha, is_a, is_digit

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The five parts of a reference, as views (RFC 3986 appendix B). A part may be there and empty, as
// the query of "/a?": then its view is not null.
struct ReferenceParts {
  std::string_view scheme, authority, path, query, fragment;

  static bool is_there(std::string_view part) noexcept { return part.data() != nullptr; }
};

// Does it begin with a scheme? Returns: the place of its colon; npos: no.
constexpr std::size_t scheme_end(std::string_view reference) noexcept {
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const char c = reference[i];
    if (c == ':') return i == 0 ? reference.npos : i;
    const bool fits =
        is_a(c, byte_alpha) || (i > 0 && (is_digit(c) || c == '+' || c == '-' || c == '.'));
    if (!fits) return reference.npos;
  }
  return reference.npos;
}

// Any bytes can be split: what is none of the other parts is the path.
constexpr ReferenceParts split_reference(std::string_view reference) noexcept {
  ReferenceParts parts;
  if (const std::size_t hash = reference.find('#'); hash != reference.npos) {
    parts.fragment = reference.substr(hash + 1);
    reference = reference.substr(0, hash);
  }
  if (const std::size_t mark = reference.find('?'); mark != reference.npos) {
    parts.query = reference.substr(mark + 1);
    reference = reference.substr(0, mark);
  }
  if (const std::size_t colon = scheme_end(reference); colon != reference.npos) {
    parts.scheme = reference.substr(0, colon);
    reference.remove_prefix(colon + 1);
  }
  if (reference.starts_with("//")) {
    reference.remove_prefix(2);
    parts.authority = reference.substr(0, reference.find('/'));
    reference.remove_prefix(parts.authority.size());
  }
  parts.path = reference;
  return parts;
}

// "/a/b/../c/." is "/a/c/". Above the top is the top. One pass over the segments: each "." is left
// out, each ".." takes the segment before it away; a path that ends with one of them ends with a
// slash.
inline std::string remove_dot_segments(std::string_view path) {
  std::string kept;
  kept.reserve(path.size());
  const std::size_t top = path.starts_with('/') ? 1 : 0;
  if (top != 0) kept = "/", path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "..") {
      if (kept.size() > top) kept.erase(kept.find_last_of('/', kept.size() - 2) + 1);
    } else if (segment != ".") {
      kept += path.substr(0, slash == path.npos ? slash : slash + 1);
    }
    if (slash == path.npos) return kept;
    path.remove_prefix(slash + 1);
  }
}

// A path that is relative, beside the base's.
inline std::string merge_paths(const ReferenceParts& base, std::string_view path) {
  if (ReferenceParts::is_there(base.authority) && base.path.empty()) return "/" + std::string(path);
  return std::string(base.path.substr(0, base.path.rfind('/') + 1)).append(path);
}

// The URL that `reference` means where `base` is the URL of the page.
inline std::string resolve_reference(std::string_view base_url, std::string_view reference) {
  const ReferenceParts base = split_reference(base_url);
  ReferenceParts to = split_reference(reference);
  std::string path;
  if (ReferenceParts::is_there(to.scheme) || ReferenceParts::is_there(to.authority)) {
    path = remove_dot_segments(to.path);
  } else if (to.path.empty()) {
    path = base.path;
    if (!ReferenceParts::is_there(to.query)) to.query = base.query;
  } else {
    path = remove_dot_segments(to.path.front() == '/' ? std::string(to.path)
                                                      : merge_paths(base, to.path));
  }
  if (!ReferenceParts::is_there(to.scheme)) {
    to.scheme = base.scheme;
    if (!ReferenceParts::is_there(to.authority)) to.authority = base.authority;
  }
  std::string url;
  if (ReferenceParts::is_there(to.scheme)) url.append(to.scheme).append(":");
  if (ReferenceParts::is_there(to.authority))
    url.append("//").append(to.authority);
  else if (path.starts_with("//"))
    url += "/.";  // else the path would be read as a host
  url += path;
  if (ReferenceParts::is_there(to.query)) url.append("?").append(to.query);
  if (ReferenceParts::is_there(to.fragment)) url.append("#").append(to.fragment);
  return url;
}

}  // namespace jot::inline v1::detail
