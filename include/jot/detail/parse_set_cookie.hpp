// SPDX-License-Identifier: MIT
//
// parse_set_cookie.hpp -- what does this server want us to keep?
//
// In: one Set-Cookie field and the time. Out: the cookie that it sets, as a client understands it
// (RFC 6265bis section 5.6), or nothing, where it is to be ignored. Whether this server may set it
// is the question of cookie_store.hpp. HttpOnly, SameSite and Partitioned do not count: there are
// no scripts here, and no other sites.
#pragma once

#include "ascii.hpp"              // iequals, is_digit, trim
#include "parse_cookie_date.hpp"  // parse_cookie_date

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <limits>       // std::numeric_limits
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct SetCookie {
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::string_view name, value;  // views of the field
  std::string domain = {};       // in lower case, without the leading dot; "" where there is none
  std::string_view path = {};    // "" where there is none that begins with a slash
  std::int64_t expires = never;  // in seconds since 1970
  bool secure = false;
};

class SetCookieParser {
 public:
  static constexpr std::size_t longest_pair = 4096, longest_attribute = 1024;
  static constexpr std::int64_t longest_age = std::int64_t{400} * 86'400;

  explicit SetCookieParser(std::int64_t now) : now_(now) {}

  std::optional<SetCookie> parse(std::string_view field) {
    for (const char c : field) {
      if (!is_a(c, byte_value)) return {};  // a control character
    }
    const std::string_view pair = next(field);
    const std::size_t equals = pair.find('=');  // none: a value without a name
    if (equals != pair.npos) cookie_.name = trim(pair.substr(0, equals));
    cookie_.value = trim(equals == pair.npos ? pair : pair.substr(equals + 1));
    const std::size_t size = cookie_.name.size() + cookie_.value.size();
    if (size == 0 || size > longest_pair) return {};
    while (!field.empty()) attribute(next(field));
    if (max_age_) cookie_.expires = *max_age_;  // wins, wherever it stands
    return cookie_;
  }

 private:
  static std::string_view next(std::string_view& field) {
    const std::size_t semicolon = field.find(';');
    const std::string_view part = field.substr(0, semicolon);
    field.remove_prefix(semicolon == field.npos ? field.size() : semicolon + 1);
    return part;
  }

  // Of several with one name, the last counts.
  void attribute(std::string_view part) {
    const std::size_t equals = part.find('=');
    const std::string_view name = trim(part.substr(0, equals));
    const std::string_view value = equals == part.npos ? "" : trim(part.substr(equals + 1));
    if (value.size() > longest_attribute) return;
    if (iequals(name, "Expires")) expires(value);
    if (iequals(name, "Max-Age")) max_age(value);
    if (iequals(name, "Domain")) domain(value);
    if (iequals(name, "Path")) cookie_.path = value.starts_with('/') ? value : std::string_view();
    if (iequals(name, "Secure")) cookie_.secure = true;
  }

  void expires(std::string_view value) {
    if (const auto date = parse_cookie_date(value))
      cookie_.expires = std::min(*date, now_ + longest_age);
  }

  void max_age(std::string_view value) {
    const bool negative = value.starts_with('-');
    const std::string_view digits = value.substr(negative ? 1 : 0);
    if (digits.empty() || !all_are(digits, byte_digit)) return;
    std::int64_t age = 0;
    for (const char c : digits) age = std::min(age * 10 + (c - '0'), longest_age);
    max_age_ = negative || age == 0 ? std::numeric_limits<std::int64_t>::min() : now_ + age;
  }

  void domain(std::string_view value) {
    if (value.starts_with('.')) value.remove_prefix(1);
    cookie_.domain.clear();
    for (const char c : value) cookie_.domain += to_lower(c);
  }

  std::int64_t now_;
  SetCookie cookie_;
  std::optional<std::int64_t> max_age_;
};

inline std::optional<SetCookie> parse_set_cookie(std::string_view field, std::int64_t now) {
  return SetCookieParser(now).parse(field);
}

}  // namespace jot::inline v1::detail
