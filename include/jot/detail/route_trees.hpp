// SPDX-License-Identifier: MIT
//
// route_trees.hpp -- which route answers this method on this host and path?
//
// In: what a request asks for, its path clean. Out: the most specific route, or what else can be
// said: it is there with a slash more, or for other methods.
// One tree for each host and one for all: a route with a host wins against one without.
#pragma once

#include "ascii.hpp"          // to_lower
#include "parse_request.hpp"  // split_authority
#include "route_tree.hpp"     // LiteralChildren, Route, RouteNode, PathWalk

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct RouteQuery {
  std::string_view method, host, path;  // host: as it came, with its port
  std::string& scratch;  // for the host in lower case, then for what a predicate must see
};

// The host of a Host field as patterns write it: no port, no dot at its end.
inline std::string_view bare_host(std::string_view host) noexcept {
  host = split_authority(host).host;
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

class RouteTrees {
 public:
  void add(Route& route) { add_route(tree_of(route.pattern.host), route); }

  // A route that the pattern conflicts with; nullptr: none.
  const Route* conflict(const Pattern& pattern) const {
    const RouteNode* tree = pattern.host.empty() ? &any_host_ : hosts_.find_plain(pattern.host);
    return tree ? find_conflict(*tree, pattern, 0) : nullptr;
  }

  const Route* find(const RouteQuery& q) const {
    const Route* found = nullptr;
    walk(q, [&](const Leaf& leaf) { return (found = leaf.find(q.method)) != nullptr; });
    return found;
  }

  // Is the path with a slash more the name of a subtree, and has it no route of its own?
  // found: what find() said.
  bool lacks_slash(const RouteQuery& q, const Route* found) const {
    if (q.path.ends_with('/')) return false;
    if (found && found->pattern.segments.back().kind != SegmentKind::rest) return false;
    const auto fits = [&](const Leaf& leaf) { return leaf.find(q.method) != nullptr; };
    const RouteNode* host = host_tree(q);
    if (host && PathWalk(q.scratch, fits).walk_with_slash(*host, q.path)) return true;
    if (found && !found->pattern.host.empty()) return false;  // a host wins, exact or not
    return PathWalk(q.scratch, fits).walk_with_slash(any_host_, q.path);
  }

  // Offers the routes of this path, whatever their method, until one is enough.
  template <class IsEnough>
  bool any_method(const RouteQuery& q, IsEnough is_enough) const {
    const auto each = [&](const Leaf& leaf) {
      for (const Route* route = leaf.first(); route; route = route->next_in_leaf) {
        if (is_enough(*route)) return true;
      }
      return false;
    };
    if (walk(q, each)) return true;
    if (q.path.ends_with('/')) return false;
    const RouteNode* host = host_tree(q);
    return (host && PathWalk(q.scratch, each).walk_with_slash(*host, q.path)) ||
           PathWalk(q.scratch, each).walk_with_slash(any_host_, q.path);
  }

 private:
  template <class StopAt>
  bool walk(const RouteQuery& q, const StopAt& stop_at) const {
    const RouteNode* host = host_tree(q);
    return (host && PathWalk(q.scratch, stop_at).walk(*host, q.path)) ||
           PathWalk(q.scratch, stop_at).walk(any_host_, q.path);
  }

  const RouteNode* host_tree(const RouteQuery& q) const {
    if (hosts_.empty()) return nullptr;
    q.scratch = bare_host(q.host);
    for (char& c : q.scratch) c = to_lower(c);
    return hosts_.find_plain(q.scratch);
  }

  RouteNode& tree_of(const std::string& host) { return host.empty() ? any_host_ : hosts_.add(host); }

  RouteNode any_host_;
  LiteralChildren<RouteNode> hosts_;  // found as literals are, by hash
};

}  // namespace jot::inline v1::detail
