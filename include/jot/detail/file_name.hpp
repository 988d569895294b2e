// SPDX-License-Identifier: MIT
//
// file_name.hpp -- which file does a path ask for?
//
// In: the path of a request, as it came, and what a pattern left over of it. Out: a name relative
// to a root, decoded segment by segment; nothing where no file can be meant: a slash, a NUL or ".."
// inside of a segment (%2f, %00, %2e%2e), or a name that begins with a dot.
// A backslash is a letter like others here, and bytes that are no UTF-8 are bytes.
#pragma once

#include "../url.hpp"         // percent_decode
#include "request_state.hpp"  // RequestAccess, RequestState

#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct AskedFile {
  std::string name = {};   // "css/site.css"; "" for the root
  bool directory = false;  // the path ends in a slash
};

// What the pattern left over; outside a Router, and behind a pattern that leaves nothing over, the
// whole path.
inline std::string_view asked_path(const RequestState& s) noexcept {
  std::string_view path = s.head.path;
  const bool leaves_rest = !s.pattern.empty() && !s.pattern.ends_with("{$}");
  if (leaves_rest && (!s.rest.empty() || path.ends_with('/'))) return s.rest;
  path.remove_prefix(s.mount_size);
  if (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

// "" stands for what no file may be called.
inline std::string decode_segment(std::string_view segment, bool dotfiles) {
  std::string name = percent_decode(segment);
  const bool odd = name == "." || name == ".." || name.find('/') != name.npos ||
                   name.find('\0') != name.npos || (!dotfiles && name.starts_with('.'));
  return odd ? std::string() : name;
}

// path: relative, as it came: "css/site%20map.css", or with a slash at its end.
inline std::optional<AskedFile> asked_file(std::string_view path, bool dotfiles) {
  AskedFile asked{.directory = path.empty() || path.ends_with('/')};
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string part = decode_segment(path.substr(0, slash), dotfiles);
    if (part.empty()) return {};
    if (!asked.name.empty()) asked.name += '/';
    asked.name += part;
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return asked;
}

// Does a path climb, however it is encoded?
inline bool has_dot_dot(std::string_view path) {
  const std::string decoded = percent_decode(path);
  for (std::string_view rest = decoded; !rest.empty();) {
    const std::size_t end = rest.find_first_of("/\\");
    if (rest.substr(0, end) == "..") return true;
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return false;
}

}  // namespace jot::inline v1::detail
