// SPDX-License-Identifier: MIT
//
// route_url.hpp -- what is the address of the page with these values?
//
// In: a pattern, and a value for each of its names. Out: a path that leads back to that pattern and
// those values; values without a name there become the query.
#pragma once

#include "../url.hpp"      // percent_encode, Values
#include "../value.hpp"    // Value, Map
#include "clean_path.hpp"  // dots_in
#include "pattern.hpp"     // Pattern, Segment

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class RouteUrl {
 public:
  RouteUrl(std::string_view name, const Pattern& pattern, const Value& values)
      : name_(name), pattern_(pattern), values_(values) {}

  // Throws: std::invalid_argument.
  std::string text() const {
    std::string url = pattern_.host.empty() ? "" : "//" + pattern_.host;
    for (const Segment& segment : pattern_.segments) append(url += '/', segment);
    const std::string query = extra();
    if (!query.empty()) (url += '?') += query;
    return url;
  }

 private:
  void append(std::string& url, const Segment& segment) const {
    switch (segment.kind) {
      case SegmentKind::end: return;
      case SegmentKind::literal: url += percent_encode(segment.text); return;
      case SegmentKind::rest: append_rest(url, segment); return;
      case SegmentKind::tested:
      case SegmentKind::any: break;
    }
    const std::string value = value_of(segment.text);
    if (value.empty() || dots_in(value) > 0) fail(segment.text, "cannot stand in a path");
    if (segment.test && !segment.test->accepts(value))
      fail(segment.text, "is refused by the pattern");
    url += percent_encode(value);
  }

  void append_rest(std::string& url, const Segment& segment) const {
    if (segment.text.empty()) return;
    const std::string value = value_of(segment.text);
    if (!value.empty() && !is_clean('/' + value)) fail(segment.text, "cannot stand in a path");
    for (const char c : value) url += c == '/' ? "/" : percent_encode({&c, 1});
  }

  std::string value_of(std::string_view name) const {
    const Value* value = values_.is_map() ? values_.find(name) : nullptr;
    if (!value) fail(name, "is missing");
    return as_text(name, *value);
  }

  std::string as_text(std::string_view name, const Value& value) const {
    if (value.is_string()) return value.as_string();
    if (value.is_int()) return jot::text(value.as_int());
    if (value.is_double()) return jot::text(value.as_double());
    if (value.is_bool()) return jot::text(value.as_bool());
    fail(name, "is neither text nor a number");
  }

  std::string extra() const {
    Values query;
    if (!values_.is_map()) return {};
    for (const auto& [name, value] : values_.as_map()) {
      if (!in_pattern(name)) query.add(name, as_text(name, value));
    }
    return query.encode();
  }

  bool in_pattern(std::string_view name) const {
    for (const Segment& segment : pattern_.segments) {
      if (segment.kind != SegmentKind::literal && segment.text == name) return true;
    }
    return false;
  }

  [[noreturn]] void fail(std::string_view value, std::string_view why) const {
    throw std::invalid_argument("jot: url_for " + std::string(name_) + " (" + pattern_.text +
                                "): the value " + std::string(value) + ' ' + std::string(why));
  }

  std::string_view name_;
  const Pattern& pattern_;
  const Value& values_;
};

}  // namespace jot::inline v1::detail
