// SPDX-License-Identifier: MIT
//
// value_path.hpp -- where in this tree did it go wrong?
//
// In: the root of a Value, and a ValueError. Out: its words with the whole path before them,
// "items[2].title: want string, have int"; nothing when it is not about a part of this tree.
// Parts are known by their address: an equal Value elsewhere is another one.
#pragma once

#include "../value.hpp"  // Value, ValueError
#include "ascii.hpp"     // printable

#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Puts the way from `from` to `to` behind path. False: there is none, and path is as it was.
inline bool find_path(const Value& from, const Value* to, std::string& path) {
  if (&from == to) return true;
  const std::size_t size = path.size();
  if (from.is_list()) {
    std::size_t index = 0;
    for (const Value& v : from.as_list()) {
      path.append("[").append(std::to_string(index++)).append("]");
      if (find_path(v, to, path)) return true;
      path.resize(size);
    }
  } else if (from.is_map()) {
    for (const auto& [key, v] : from.as_map()) {
      path.append(size == 0 ? "" : ".").append(printable(key));
      if (find_path(v, to, path)) return true;
      path.resize(size);
    }
  }
  return false;
}

inline std::optional<std::string> words_with_path(const Value& root, const ValueError& e) {
  std::string path;
  if (e.where() == nullptr || !find_path(root, e.where(), path)) return std::nullopt;
  const std::string_view words = e.what();
  if (!path.empty() && !e.names_key())
    path += ": ";
  else if (!path.empty() && !words.starts_with('['))
    path += '.';
  return path.append(words);
}

}  // namespace jot::inline v1::detail
