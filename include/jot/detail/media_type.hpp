// SPDX-License-Identifier: MIT
//
// media_type.hpp -- what does `form-data; name="a"` say?
//
// In: the value of a Content-Type or Content-Disposition. Out: the word in front, and the
// parameters behind it, unquoted (RFC 9110 section 8.3.1, RFC 2183).
// In a quoted value a backslash escapes what may not stand for itself in a token, as Go reads it:
// "a\"b" is a"b, and C:\dir of a browser that does not escape stays C:\dir.
#pragma once

#include "ascii.hpp"  // trim, is_a, iequals

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace jot::inline v1::detail {

constexpr std::string_view media_type(std::string_view field) noexcept {
  return trim(field.substr(0, field.find(';')));
}

// What a token cannot hold, though it can be seen (RFC 2045 section 5.1).
constexpr bool is_tspecial(char c) noexcept {
  return std::string_view("()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos;
}

class Parameters {
 public:
  static constexpr std::size_t most = 32;  // nobody means more, and each is compared with all

  // Reads the parameters of the field. nullopt: they are malformed, too many, or one is there
  // twice, which two readers could understand differently.
  static std::optional<Parameters> parse(std::string_view field) {
    Parameters parameters;
    std::string_view rest = field.substr(std::min(field.find(';'), field.size()));
    for (rest = trim(rest); !rest.empty() && rest != ";"; rest = trim(rest)) {
      if (rest.front() != ';' || !parameters.take(rest)) return std::nullopt;
    }
    return parameters;
  }

  // Names are compared without case. nullptr: absent.
  const std::string* find(std::string_view name) const noexcept {
    for (const auto& [key, value] : items_) {
      if (iequals(key, name)) return &value;
    }
    return nullptr;
  }

 private:
  // The parameter that begins at the semicolon, off the rest.
  bool take(std::string_view& rest) {
    rest = trim(rest.substr(1));
    const std::string_view name = take_token(rest);
    rest = trim(rest);
    if (name.empty() || rest.empty() || rest.front() != '=') return false;
    if (items_.size() == most || find(name)) return false;
    rest = trim(rest.substr(1));
    std::optional<std::string> value = take_value(rest);
    if (!value) return false;
    items_.emplace_back(name, *std::move(value));
    return true;
  }

  static std::string_view take_token(std::string_view& rest) noexcept {
    std::size_t size = 0;
    while (size < rest.size() && is_a(rest[size], byte_token)) ++size;
    const std::string_view token = rest.substr(0, size);
    rest.remove_prefix(size);
    return token;
  }

  static std::optional<std::string> take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) {
      const std::string_view token = take_token(rest);
      return token.empty() ? std::nullopt : std::optional<std::string>(token);
    }
    std::string value;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') return rest.remove_prefix(i + 1), value;
      if (rest[i] == '\\' && i + 1 < rest.size() && is_tspecial(rest[i + 1])) ++i;
      value += rest[i];
    }
    return std::nullopt;  // no closing quote
  }

  std::vector<std::pair<std::string_view, std::string>> items_;  // names are views of the field
};

}  // namespace jot::inline v1::detail
