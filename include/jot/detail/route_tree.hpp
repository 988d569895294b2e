// SPDX-License-Identifier: MIT
//
// route_tree.hpp -- which of a thousand patterns matches this path?
//
// In: patterns, one after the other; then paths. Out: the most specific pattern that matches path
// and method. A node stands for a segment that has been read; from it lead, tried in this order:
//
//     literals      by hash, so that a thousand siblings cost as much as ten
//     tested ones   {id:int}, those whose predicate accepts the segment
//     any           {id}
//     rest          {path...} and subtrees: all that is left
//
// Where the first way leads to no route for this method, the next is tried. The first route found
// is the most specific one, because patterns that conflict are never both in the tree: of two that
// match one request, one has the earlier kind of segment where they first differ, or their paths
// are the same and their methods decide. Each node is looked at once at most, and nothing is
// allocated (a predicate's percent-encoded segment goes through `scratch`).
#pragma once

#include "../handler.hpp"    // Handler, RouteMemory
#include "path_segment.hpp"  // take_segment, hash_decoded
#include "pattern.hpp"       // Pattern, Segment, compare

#include <cstddef>          // std::size_t
#include <cstdint>          // std::uint32_t
#include <memory>           // std::unique_ptr
#include <source_location>  // std::source_location
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::pair
#include <vector>           // std::vector

namespace jot::inline v1::detail {

struct RouteGroup;

struct Route {
  Pattern pattern;  // of the Router's own answers: empty
  Handler handler;  // as it was given
  const RouteGroup* group = nullptr;
  std::source_location where = {};
  bool is_mount = false;
  Handler chain = {};  // the handler in its middleware, once the table is closed
  mutable RouteMemory memory = {};
  Route* next_in_leaf = nullptr;
};

// The routes of one path, by method, in the order of their addition.
class Leaf {
 public:
  void add(Route& route) {
    (last_ ? last_->next_in_leaf : first_) = &route;
    last_ = &route;
  }

  // GET answers HEAD; a route without a method answers what no other does.
  const Route* find(std::string_view method) const noexcept {
    const Route* second = nullptr;
    for (const Route* route = first_; route; route = route->next_in_leaf) {
      const std::string& m = route->pattern.method;
      if (m == method) return route;
      if (m.empty() && !second) second = route;
      if (m == "GET" && method == "HEAD") second = route;
    }
    return second;
  }

  const Route* first() const noexcept { return first_; }

 private:
  Route* first_ = nullptr;
  Route* last_ = nullptr;
};

// Children by literal. A handful is searched one by one, more by an open hash of their indexes.
template <class Node>
class LiteralChildren {
 public:
  Node& add(const std::string& literal) {
    if (Node* known = search(literal, plain)) return *known;
    children_.emplace_back(literal, std::make_unique<Node>());
    if (children_.size() > few) hash();
    return *children_.back().second;
  }

  // The child of a segment, as it came in a path.
  const Node* find(std::string_view raw) const noexcept {
    return search(raw, raw.find('%') == raw.npos ? plain : encoded);
  }

  // The child of a literal, decoded as it is in a Pattern.
  const Node* find_plain(std::string_view literal) const noexcept { return search(literal, plain); }

  bool empty() const noexcept { return children_.empty(); }
  auto begin() const noexcept { return children_.begin(); }
  auto end() const noexcept { return children_.end(); }

 private:
  enum Form { plain, encoded };
  static constexpr std::size_t few = 4;
  static constexpr std::uint32_t no_index = 0xffffffff;

  static bool equal(std::string_view s, Form form, std::string_view literal) noexcept {
    return form == plain ? s == literal : equals_decoded(s, literal);
  }

  Node* search(std::string_view s, Form form) const noexcept {
    if (children_.size() > few) return search_hashed(s, form);
    for (const auto& [literal, node] : children_) {
      if (equal(s, form, literal)) return node.get();
    }
    return nullptr;
  }

  Node* search_hashed(std::string_view s, Form form) const noexcept {
    for (std::size_t i = form == plain ? hash_plain(s) : hash_decoded(s);; ++i) {
      const std::uint32_t index = slot(i);
      if (index == no_index) return nullptr;
      const auto& [literal, node] = children_[index];
      if (equal(s, form, literal)) return node.get();
    }
  }

  // Enters the newest child; or all of them into a larger table, so that it is never more than half
  // full and a search soon meets a slot without index.
  void hash() {
    const bool grow = slots_.size() < 2 * children_.size();
    if (grow) slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), no_index);
    for (std::size_t child = grow ? 0 : children_.size() - 1; child < children_.size(); ++child) {
      std::size_t i = hash_plain(children_[child].first);
      while (slot(i) != no_index) ++i;
      slots_[i & (slots_.size() - 1)] = static_cast<std::uint32_t>(child);
    }
  }

  std::uint32_t slot(std::size_t i) const noexcept { return slots_[i & (slots_.size() - 1)]; }

  std::vector<std::pair<std::string, std::unique_ptr<Node>>> children_;
  std::vector<std::uint32_t> slots_;  // indexes of children_; a power of two of them
};

struct RouteNode {
  LiteralChildren<RouteNode> literals;
  std::unique_ptr<RouteNode> any;
  std::unique_ptr<RouteNode> tested;  // the first of them; the others are chained by next_tested
  std::unique_ptr<RouteNode> next_tested;
  const Test* test = nullptr;  // what a tested one asks
  Leaf here;                   // the pattern ends with this segment
  Leaf end;                    // ... with a slash and {$}
  Leaf rest;                   // ... with a slash and all that is left
};

// ---- Adding.

inline RouteNode& child_for(RouteNode& node, const Segment& segment) {
  if (segment.kind == SegmentKind::literal) return node.literals.add(segment.text);
  if (segment.kind == SegmentKind::any) {
    if (!node.any) node.any = std::make_unique<RouteNode>();
    return *node.any;
  }
  std::unique_ptr<RouteNode>* child = &node.tested;
  while (*child && (*child)->test != segment.test) child = &(*child)->next_tested;
  if (!*child) {
    *child = std::make_unique<RouteNode>();
    (*child)->test = segment.test;
  }
  return **child;
}

inline void add_route(RouteNode& root, Route& route) {
  RouteNode* node = &root;
  for (const Segment& segment : route.pattern.segments) {
    if (segment.kind == SegmentKind::end) return node->end.add(route);
    if (segment.kind == SegmentKind::rest) return node->rest.add(route);
    node = &child_for(*node, segment);
  }
  node->here.add(route);
}

inline const Route* conflict_in(const Leaf& leaf, const Pattern& pattern) {
  for (const Route* route = leaf.first(); route; route = route->next_in_leaf) {
    if (compare(route->pattern, pattern).conflict()) return route;
  }
  return nullptr;
}

// Finds a route below the node that conflicts with the pattern, whose segments from `depth` on are
// still to be read. Only where paths can meet at all is looked at.
inline const Route* find_conflict(const RouteNode& node, const Pattern& pattern,
                                  std::size_t depth) {
  if (depth == pattern.segments.size()) return conflict_in(node.here, pattern);
  const Segment& segment = pattern.segments[depth];
  const bool takes_all = segment.kind == SegmentKind::rest;
  const Route* found = conflict_in(node.rest, pattern);
  if (!found && (takes_all || segment.kind == SegmentKind::end)) {
    found = conflict_in(node.end, pattern);
  }
  const auto look_into = [&](const RouteNode& child, const Segment& as) {
    if (found || !compare_segments(as, segment).shared) return;
    if (takes_all) found = conflict_in(child.here, pattern);
    if (!found) found = find_conflict(child, pattern, takes_all ? depth : depth + 1);
  };
  if (segment.kind == SegmentKind::literal) {  // one of many: no need to look at all
    if (const RouteNode* child = node.literals.find_plain(segment.text)) look_into(*child, segment);
  } else {
    for (const auto& [text, child] : node.literals) {
      look_into(*child, {SegmentKind::literal, text});
    }
  }
  for (const RouteNode* child = node.tested.get(); child; child = child->next_tested.get()) {
    look_into(*child, {SegmentKind::tested, "", child->test});
  }
  if (node.any) look_into(*node.any, {SegmentKind::any});
  return found;
}

// ---- Matching.

// A path to be matched. At each Leaf that fits it asks whether to stop there.
template <class StopAt>
class PathWalk {
 public:
  PathWalk(std::string& scratch, StopAt stop_at) : scratch_(scratch), stop_at_(stop_at) {}

  // Returns true when stop_at has said so. path: what is left, "" or with a slash in front.
  bool walk(const RouteNode& node, std::string_view path) {
    if (path.empty()) return stop_at_(node.here);
    if (path == "/") return stop_at_(node.end) || stop_at_(node.rest);
    return children(node, path) || stop_at_(node.rest);
  }

  // The same for the path with one slash more, and only where that is matched to the last segment:
  // "/posts" for "/posts/" and "/posts/{$}", not for "/".
  bool walk_with_slash(const RouteNode& node, std::string_view path) {
    slash_added_ = true;
    return slash_walk(node, path);
  }

 private:
  bool children(const RouteNode& node, std::string_view path) {
    const std::string_view segment = take_segment(path);
    if (const RouteNode* child = node.literals.find(segment); child && step(*child, path)) {
      return true;
    }
    for (const RouteNode* child = node.tested.get(); child; child = child->next_tested.get()) {
      if (accepts(child->test->accepts, segment) && step(*child, path)) return true;
    }
    return node.any && step(*node.any, path);
  }

  bool step(const RouteNode& child, std::string_view path) {
    return slash_added_ ? slash_walk(child, path) : walk(child, path);
  }

  bool slash_walk(const RouteNode& node, std::string_view path) {
    return path.empty() ? stop_at_(node.end) || stop_at_(node.rest) : children(node, path);
  }

  bool accepts(const Predicate& test, std::string_view segment) {
    if (segment.find('%') == segment.npos) return test(segment);
    decode_into(scratch_, segment);
    return test(scratch_);
  }

  std::string& scratch_;
  StopAt stop_at_;
  bool slash_added_ = false;
};

}  // namespace jot::inline v1::detail
