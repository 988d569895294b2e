// SPDX-License-Identifier: MIT
//
// conditional.hpp -- does the client have this already, or mean another version of it?
//
// In: the request's If-... fields, and the validators of what would be sent. Out: whether to send
// it, in the order of RFC 9110 §13.2.2. A date that is none is as if it were absent.
#pragma once

#include "../header.hpp"        // Header
#include "ascii.hpp"            // is_space, trim
#include "parse_http_date.hpp"  // parse_http_date

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What tells one version of a resource from another.
struct Validators {
  std::string etag = {};      // with its quotes; never empty
  std::int64_t modified = 0;  // in seconds since 1970; 0: not known
};

enum class Precondition {
  holds,         // go on
  not_modified,  // 304: the client has it
  failed,        // 412: the client means another version
};

// RFC 9110 §8.8.3.2: weak comparison disregards the W/, strong comparison wants none.
enum class Comparison { strong, weak };

// Takes an entity tag off the front. Returns "" when there is none.
constexpr std::string_view take_entity_tag(std::string_view& list) noexcept {
  std::size_t at = list.starts_with("W/") ? 2 : 0;
  if (at >= list.size() || list[at] != '"') return {};
  for (++at; at < list.size(); ++at) {
    const auto byte = static_cast<unsigned char>(list[at]);
    if (byte == '"') {
      const std::string_view tag = list.substr(0, at + 1);
      list.remove_prefix(at + 1);
      return tag;
    }
    if (byte < 0x21 || byte == 0x7f) return {};
  }
  return {};
}

constexpr bool same_entity_tag(std::string_view a, std::string_view b,
                               Comparison comparison) noexcept {
  if (comparison == Comparison::strong) return a == b && !a.starts_with("W/");
  if (a.starts_with("W/")) a.remove_prefix(2);
  if (b.starts_with("W/")) b.remove_prefix(2);
  return a == b;
}

// Is it in the list of tags, or is the list "*" alone? What follows a malformed tag is not read:
// commas may stand inside of quotes.
constexpr bool list_has_entity_tag(std::string_view list, std::string_view tag,
                                   Comparison comparison) noexcept {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    if (is_space(list.front()) || list.front() == ',') {
      list.remove_prefix(1);
      continue;
    }
    const std::string_view listed = take_entity_tag(list);
    if (listed.empty()) return false;
    if (same_entity_tag(listed, tag, comparison)) return true;
  }
  return false;
}

// A list may come in several fields.
inline bool field_has_entity_tag(const Header& header, std::string_view name, std::string_view tag,
                                 Comparison comparison) noexcept {
  for (const Field& field : header)
    if (iequals(field.name, name) && list_has_entity_tag(field.value, tag, comparison)) return true;
  return false;
}

// Has it changed since the date of that field? False where one of the two is not known.
inline bool modified_since(const Header& header, std::string_view name,
                           const Validators& now) noexcept {
  const auto date = parse_http_date(header.get(name));
  return date && now.modified != 0 && now.modified > *date;
}
inline bool unmodified_since(const Header& header, std::string_view name,
                             const Validators& now) noexcept {
  const auto date = parse_http_date(header.get(name));
  return date && now.modified != 0 && now.modified <= *date;
}

// For GET and HEAD. The steps are those of RFC 9110 §13.2.2; the fifth, If-Range, is asked by
// range_still_meant().
inline Precondition check_preconditions(const Header& header, const Validators& now) noexcept {
  using enum Precondition;
  if (header.has("If-Match")) {
    if (!field_has_entity_tag(header, "If-Match", now.etag, Comparison::strong)) return failed;
  } else if (modified_since(header, "If-Unmodified-Since", now)) {
    return failed;
  }
  if (header.has("If-None-Match"))
    return field_has_entity_tag(header, "If-None-Match", now.etag, Comparison::weak) ? not_modified
                                                                                     : holds;
  return unmodified_since(header, "If-Modified-Since", now) ? not_modified : holds;
}

// Does the client want parts of this very version? If-Range holds one tag or one date: any other
// version is sent whole.
inline bool range_still_meant(const Header& header, const Validators& now) noexcept {
  if (!header.has("If-Range")) return true;
  std::string_view value = header.get("If-Range");
  const std::string_view tag = take_entity_tag(value);
  if (!tag.empty()) return value.empty() && same_entity_tag(tag, now.etag, Comparison::strong);
  const auto date = parse_http_date(value);
  return date && now.modified != 0 && *date == now.modified;
}

}  // namespace jot::inline v1::detail
