// SPDX-License-Identifier: MIT
//
// pattern.hpp -- which requests does a pattern match, and do two patterns quarrel?
//
// In: "METHOD host/path", as it stands in the program. Out: its method, host and segments, or a
// std::invalid_argument that shows the pattern with a caret under the mistake.
//
//     GET /posts/{id}          a name: one segment, whatever it is
//     GET /posts/{id:int}      a name and a predicate: one segment that is accepted
//     /files/{path...}         the rest, slashes and all; also empty
//     /static/                 the same without a name: a subtree
//     /{$}                     nothing but that slash
//
// Of two patterns that match one request, the more specific is the one whose requests are all among
// the other's. Where neither is (or both are the same), they conflict. See compare().
#pragma once

#include "ascii.hpp"         // is_token, is_a, to_lower
#include "clean_path.hpp"    // dots_in
#include "path_segment.hpp"  // take_segment, decode_into

#include <algorithm>        // std::min
#include <cstddef>          // std::size_t
#include <functional>       // std::function
#include <list>             // std::list
#include <source_location>  // std::source_location
#include <stdexcept>        // std::invalid_argument
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::move
#include <vector>           // std::vector

namespace jot::inline v1::detail {

using Predicate = std::function<bool(std::string_view)>;
struct Test {
  std::string name;  // the "int" of {id:int}
  Predicate accepts;
};
using Tests = std::list<Test>;  // a list, for Segments point into it

// In order of specificity: a segment of an earlier kind wins against one of a later kind.
enum class SegmentKind {
  end,      // {$}: the empty segment behind a last slash
  literal,  // posts
  tested,   // {id:int}
  any,      // {id}
  rest,     // {path...}, and what a slash at the end stands for
};

struct Segment {
  SegmentKind kind;
  std::string text = {};       // a literal, decoded; else the name, or ""
  const Test* test = nullptr;  // of a tested segment
};

struct Pattern {
  std::string text;    // "GET example.org/posts/{id}": one space, the host in lower case
  std::string method;  // "": any
  std::string host;    // "": any
  std::vector<Segment> segments;

  std::string_view path() const noexcept { return std::string_view(text).substr(text.find('/')); }
};

// "main.cpp:12", for messages.
inline std::string place(const std::source_location& where) {
  return std::string(where.file_name()) + ':' + std::to_string(where.line());
}

// Where in "METHOD host/path" the host begins (it may be empty).
inline std::size_t host_begin(std::string_view text) noexcept {
  const std::size_t space = text.find_first_of(" \t");
  if (space == text.npos || text.find('/') < space) return 0;
  return std::min(text.find_first_not_of(" \t", space), text.size());
}

// Throws: std::invalid_argument that shows the pattern with a caret under the mistake. Controls are
// shown as question marks, and the bytes of a letter in UTF-8 have one place.
[[noreturn]] inline void refuse_pattern(std::string_view text, std::size_t at, std::string_view why,
                                        std::source_location where) {
  std::string shown, caret;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    shown += byte == '\t' ? ' ' : byte < ' ' || byte == 0x7f ? '?' : text[i];
    if (i < at && (byte & 0xc0) != 0x80) caret += ' ';
  }
  std::string message = place(where) + ": jot: bad pattern: ";
  ((message += why) += "\n    ") += shown;
  ((message += "\n    ") += caret) += '^';
  throw std::invalid_argument(message);
}

class PatternParser {
 public:
  PatternParser(std::string_view text, const Tests& tests, std::source_location where)
      : text_(text), tests_(tests), where_(where) {}

  // Throws: std::invalid_argument.
  Pattern parse() {
    parse_method();
    parse_host();
    check_clean();
    while (at_ < text_.size()) parse_segment();
    pattern_.text = pattern_.method + (pattern_.method.empty() ? "" : " ") + pattern_.host;
    pattern_.text += text_.substr(path_);
    return std::move(pattern_);
  }

 private:
  [[noreturn]] void fail(std::size_t at, std::string_view why) const {
    refuse_pattern(text_, at, why, where_);
  }

  void parse_method() {
    at_ = host_begin(text_);
    const std::string_view method = trim(text_.substr(0, at_));
    if (at_ > 0 && !is_token(method)) fail(0, "this is not a method");
    pattern_.method = method;
  }

  void parse_host() {
    path_ = text_.find('/', at_);
    if (path_ == text_.npos) fail(text_.size(), "a path is missing: it starts with a slash");
    for (; at_ < path_; ++at_) {
      const char c = text_[at_];
      if (c == '{') fail(at_, "no wildcards in the host; or is the slash before it missing?");
      if (c == ':' && !in_brackets()) fail(at_, "no port: a host is matched whatever its port is");
      if (!is_a(c, byte_host) && std::string_view("[]:").find(c) == text_.npos) {
        fail(at_, "this cannot be in a host");
      }
      pattern_.host += to_lower(c);
    }
    if (pattern_.host.ends_with('.')) fail(path_ - 1, "no dot at the end of a host");
  }

  bool in_brackets() const { return text_.find(']', at_) < path_; }

  // CONNECT alone is matched as it came; other paths are cleaned before anything can match.
  void check_clean() const {
    if (pattern_.method == "CONNECT") return;
    for (std::size_t begin = path_ + 1, end; begin <= text_.size(); begin = end + 1) {
      end = std::min(text_.find('/', begin), text_.size());
      const bool empty = begin == end && end != text_.size();
      if (empty || dots_in(text_.substr(begin, end - begin)) > 0) {
        fail(begin, "this never matches: a path has no empty segments, no . and no ..");
      }
    }
  }

  // at_ is on a slash.
  void parse_segment() {
    const std::size_t begin = at_ + 1;
    const std::size_t end = std::min(text_.find('/', begin), text_.size());
    const std::string_view segment = text_.substr(begin, end - begin);
    at_ = end;
    if (begin == text_.size()) return add({SegmentKind::rest});
    if (segment.find('{') == segment.npos) return parse_literal(segment, begin);
    if (segment.front() != '{') fail(begin + segment.find('{'), "a name fills its whole segment");
    const std::size_t close = segment.find('}');
    if (close == segment.npos) fail(begin, "this { has no }");
    if (close + 1 != segment.size()) fail(begin + close + 1, "a name fills its whole segment");
    parse_wildcard(segment.substr(1, close - 1), begin + 1);
  }

  void parse_literal(std::string_view segment, std::size_t begin) {
    for (std::size_t i = 0; i < segment.size(); ++i) {
      const auto c = static_cast<unsigned char>(segment[i]);
      if (c == '}') fail(begin + i, "this } has no {");
      if (c == '?' || c == '#') fail(begin + i, "a pattern ends with the path: no query");
      if (c <= ' ' || c == 0x7f) fail(begin + i, "a space or control character: write it as %XX");
    }
    Segment literal{SegmentKind::literal};
    decode_into(literal.text, segment);
    add(std::move(literal));
  }

  // Between the braces: $, name, name:predicate or name...
  void parse_wildcard(std::string_view name, std::size_t begin) {
    const bool last = at_ == text_.size();
    if (name == "$") {
      if (!last) fail(at_, "{$} is the end: nothing can follow");
      return add({SegmentKind::end});
    }
    Segment segment{SegmentKind::any};
    if (name.ends_with("...")) {
      if (!last) fail(at_, "{name...} takes all the rest: nothing can follow");
      name.remove_suffix(3);
      segment.kind = SegmentKind::rest;
    } else if (const std::size_t colon = name.find(':'); colon != name.npos) {
      segment.kind = SegmentKind::tested;
      segment.test = find_test(name.substr(colon + 1), begin + colon + 1);
      name = name.substr(0, colon);
    }
    check_name(name, begin);
    segment.text = name;
    add(std::move(segment));
  }

  const Test* find_test(std::string_view name, std::size_t begin) const {
    for (const Test& test : tests_)
      if (test.name == name) return &test;
    fail(begin, "no predicate of this name: see Router::predicate()");
  }

  void check_name(std::string_view name, std::size_t begin) const {
    if (name.empty()) fail(begin, "a name is missing");
    for (std::size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool letter = is_a(c, byte_alpha) || c == '_' || (c & 0x80) != 0;
      if (!letter && !(i > 0 && is_digit(c)))
        fail(begin + i, "a name is made of letters, digits, _");
    }
    for (const Segment& other : pattern_.segments) {
      const bool named = other.kind == SegmentKind::any || other.kind == SegmentKind::tested;
      if (named && other.text == name) fail(begin, "this name is there already");
    }
  }

  void add(Segment segment) { pattern_.segments.push_back(std::move(segment)); }

  std::string_view text_;
  const Tests& tests_;
  std::source_location where_;
  std::size_t at_ = 0, path_ = 0;
  Pattern pattern_;
};

inline Pattern parse_pattern(std::string_view text, const Tests& tests,
                             std::source_location where) {
  return PatternParser(text, tests, where).parse();
}

// How the requests that two things match lie to each other, as sets: three bits say it all.
struct Relation {
  bool shared;    // there are requests that both match
  bool in_first;  // ... and such as only the first matches
  bool in_second;

  bool conflict() const noexcept { return shared && in_first == in_second; }
};

inline constexpr Relation equal_sets{true, false, false}, first_wider{true, true, false},
    second_wider{true, false, true}, disjoint_sets{false, true, true},
    overlapping{true, true, true};

// Both conditions at once: what one dimension tells apart, the pair tells apart.
inline constexpr Relation both(Relation a, Relation b) noexcept {
  return {a.shared && b.shared, a.in_first || b.in_first, a.in_second || b.in_second};
}

inline Relation compare_methods(std::string_view a, std::string_view b) noexcept {
  if (a == b) return equal_sets;
  if (a.empty() || (a == "GET" && b == "HEAD")) return first_wider;
  if (b.empty() || (b == "GET" && a == "HEAD")) return second_wider;
  return disjoint_sets;
}

// a: of an earlier or the same kind as b.
inline Relation compare_ordered(const Segment& a, const Segment& b) {
  using enum SegmentKind;
  if (b.kind == rest) return a.kind == rest ? equal_sets : second_wider;
  if (a.kind == end) return b.kind == end ? equal_sets : disjoint_sets;
  if (b.kind == any) return a.kind == any ? equal_sets : second_wider;
  if (a.kind == tested) return a.test == b.test ? equal_sets : overlapping;  // who could tell?
  if (b.kind == tested) return b.test->accepts(a.text) ? second_wider : disjoint_sets;
  return a.text == b.text ? equal_sets : disjoint_sets;
}

inline Relation compare_segments(const Segment& a, const Segment& b) {
  if (a.kind <= b.kind) return compare_ordered(a, b);
  const Relation r = compare_ordered(b, a);
  return {r.shared, r.in_second, r.in_first};
}

inline Relation compare_paths(const Pattern& a, const Pattern& b) {
  const std::size_t size_a = a.segments.size(), size_b = b.segments.size();
  Relation relation = equal_sets;
  for (std::size_t i = 0; i < size_a && i < size_b && relation.shared; ++i) {
    relation = both(relation, compare_segments(a.segments[i], b.segments[i]));
  }
  if (size_a == size_b) return relation;
  // The longer one needs more segments: only a shorter one that ends in "the rest" has them.
  const bool a_shorter = size_a < size_b;
  if ((a_shorter ? a : b).segments.back().kind != SegmentKind::rest) return disjoint_sets;
  return both(relation, a_shorter ? first_wider : second_wider);
}

// A pattern with a host always wins against one without; two hosts never meet.
inline Relation compare(const Pattern& a, const Pattern& b) {
  if (a.host != b.host) return disjoint_sets;
  return both(compare_methods(a.method, b.method), compare_paths(a, b));
}

}  // namespace jot::inline v1::detail
