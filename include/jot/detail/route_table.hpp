// SPDX-License-Identifier: MIT
//
// route_table.hpp -- what does a Router know, and until when does it learn?
//
// In: patterns with handlers, groups, middleware. Out: for each request one Route, whose chain (the
// handler in its middleware) is ready to be called.
//
// 1. Open: routes are added, by any thread. A pattern that conflicts with another is refused.
// 2. close(), by the first request: middleware is wrapped around each handler, once and for all.
// 3. Closed: read by many threads, changed by none, so without a lock.
//
// What a Router answers itself (redirects, 404, 405, OPTIONS) are routes too, with middleware.
#pragma once

#include "../handler.hpp"     // Handler, Middleware
#include "error_page.hpp"     // answer_error
#include "pattern.hpp"        // Pattern, parse_pattern
#include "request_state.hpp"  // RequestState, ErrorPage
#include "route_trees.hpp"    // RouteTrees, RouteQuery

#include <algorithm>        // std::lower_bound
#include <atomic>           // std::atomic
#include <cstddef>          // std::size_t
#include <list>             // std::list
#include <mutex>            // std::mutex
#include <source_location>  // std::source_location
#include <stdexcept>        // std::invalid_argument, std::logic_error
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::move
#include <vector>           // std::vector

namespace jot::inline v1::detail {

struct RouteGroup {
  const RouteGroup* parent = nullptr;  // nullptr: the Router itself
  std::string prefix = {};  // "host/path" with those of all around it, no slash at its end
  std::vector<Middleware> middleware = {};
};

inline bool is_int(std::string_view s) {
  if (s.starts_with('-')) s.remove_prefix(1);
  return !s.empty() && all_are(s, byte_digit);
}

inline bool is_word(std::string_view s) {
  for (const char c : s) {
    if (!is_a(c, byte_alpha) && !is_digit(c) && c != '_') return false;
  }
  return !s.empty();
}

// The part of the path that a Router matches: all of it, or what the mounts around it have left.
inline std::string_view routed_path(const RequestState& s) noexcept {
  const std::string_view path = s.head.path.substr(s.mount_size);
  return path.empty() ? "/" : path;  // "/m" of a mount; CONNECT has no path at all
}

// For a Location: what no URL may hold as it is. Browsers read a backslash as a slash, so that
// "/\x" would lead to the host x.
inline std::string encode_location(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (std::string_view("\\\"<>^`{|}").find(c) == std::string_view::npos)
      encoded += c;
    else
      encoded += percent_encode({&c, 1});
  }
  return encoded;
}

// Decodes what stands in the path at the pattern's names into the Request.
inline void keep_path_values(const Pattern& pattern, std::string_view path, RequestState& s) {
  for (const Segment& segment : pattern.segments) {
    if (segment.kind == SegmentKind::rest) {
      path.remove_prefix(1);
      if (!segment.text.empty()) decode_into(s.path_values.add(segment.text), path);
      break;
    }
    const std::string_view raw = take_segment(path);
    if (segment.kind == SegmentKind::any || segment.kind == SegmentKind::tested) {
      decode_into(s.path_values.add(segment.text), raw);
    }
  }
  s.rest = path;
}

class RouteTable {
 public:
  RouteTable() {
    groups_.emplace_back();
    for (Route* own : {&redirect_, &not_found_, &not_allowed_, &options_}) own->group = &root();
    redirect_.handler = [this](ResponseWriter& w, Request& r) { answer_redirect(w, r); };
    // Echoing requests gives away what scripts may not read: nobody means to serve TRACE.
    not_found_.handler = [](ResponseWriter& w, Request& r) {
      if (r.method() == "TRACE") return answer_error(w, r, 501, "not implemented");
      not_found(w, r);
    };
    not_allowed_.handler = [this](ResponseWriter& w, Request& r) {
      if (r.method() == "TRACE") return answer_error(w, r, 501, "not implemented");
      w.header().set("Allow", allowed(r));
      answer_error(w, r, 405, "method not allowed");
    };
    options_.handler = [this](ResponseWriter& w, Request& r) {
      w.header().set("Allow", allowed(r));
      w.write_header(204);
    };
  }
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // ---- 1. Open. All throw std::logic_error when the table is closed.

  RouteGroup& root() noexcept { return groups_.front(); }

  // Locks the table for a change by the caller.
  std::unique_lock<std::mutex> open() {
    std::unique_lock lock(mutex_);
    if (closed())
      throw std::logic_error(
          "jot: this Router has answered a request already: nothing can be added");
    return lock;
  }

  RouteGroup& add_group(const RouteGroup& parent, std::string_view prefix,
                        std::source_location where) {
    const auto lock = open();
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    std::string joined = join(parent, prefix, where);
    const bool host_alone = !joined.empty() && joined.find('/') == joined.npos;
    if (host_alone) joined += '/';
    if (!joined.empty() && !parse_pattern(joined, tests_, where).method.empty())
      refuse_pattern(joined, 0, "a group is for all methods", where);
    if (host_alone) joined.pop_back();
    return groups_.emplace_back(RouteGroup{&parent, std::move(joined)});
  }

  enum class Kind { route, mount };
  void add(const RouteGroup& group, std::string_view pattern, Handler handler, Kind kind,
           std::source_location where) {
    const auto lock = open();
    Pattern parsed = parse_pattern(join(group, pattern, where), tests_, where);
    if (const Route* other = trees_.conflict(parsed)) refuse(parsed, where, *other);
    trees_.add(routes_.emplace_back(std::move(parsed), std::move(handler), &group, where,
                                    kind == Kind::mount));
  }

  void add_name(std::string_view name, std::string_view path, std::source_location where) {
    const auto lock = open();
    Pattern pattern = parse_pattern(path, tests_, where);
    if (names_.find_plain(name)) {
      throw std::invalid_argument(place(where) + ": jot: there is a route named " +
                                  std::string(name) + " already");
    }
    names_.add(std::string(name)).here.add(named_.emplace_back(std::move(pattern)));
  }

  void add_test(std::string_view name, Predicate accepts) {
    const auto lock = open();
    if (name.empty() || name.find_first_of("/{}") != name.npos || !accepts)
      throw std::invalid_argument("jot: no predicate, or no name for one: \"" + std::string(name) +
                                  '"');
    for (const Test& test : tests_) {
      if (test.name == name)
        throw std::invalid_argument("jot: there is a predicate " + test.name + " already");
    }
    tests_.push_back({std::string(name), std::move(accepts)});
  }

  void set_error_page(ErrorPage page) {
    const auto lock = open();
    error_page_ = std::move(page);
  }

  // ---- 2. Closing.

  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  // Throws what a Middleware throws as it wraps: then the table is still open.
  void close() {
    if (closed()) return;
    const std::lock_guard lock(mutex_);
    if (closed()) return;
    for (Route& route : routes_) route.chain = in_middleware(route);
    for (Route* own : {&redirect_, &not_found_, &not_allowed_, &options_}) {
      own->chain = in_middleware(*own);
    }
    closed_.store(true, std::memory_order_release);  // the chains are there for who sees it
  }

  // ---- 3. Closed.

  // Finds the route and fills in what the Request tells about it.
  const Route& match(Request& r) const {
    RequestState& s = RequestAccess::state(r);
    const Route& route = choose(s);
    keep(route, s);
    return route;
  }

  // The same, for a call that comes later: take_match() will know. The answer of a mount is that of
  // the Router within, which then matches once more when it is called.
  RouteMemory& match_ahead(Request& r) const {
    if (!closed()) return not_found_.memory;  // to close runs middleware: that is for the call
    RequestState& s = RequestAccess::state(r);
    const ErrorPage* const outer_page = s.error_page;
    const std::size_t outer_values = s.path_values.size();
    const Route& route = match(r);
    RouteMemory* memory = &route.memory;
    if (route.is_mount) {
      memory = &route.handler.match(r);
      s.error_page = outer_page;
      s.path_values.truncate(outer_values);
      keep(route, s);
    }
    s.matched_by = this;
    s.matched_route = &route;
    return *memory;
  }

  // What match_ahead() found for this request, once; nullptr: it was not asked, or not last.
  const Route* take_match(Request& r) const noexcept {
    RequestState& s = RequestAccess::state(r);
    if (s.matched_by != this) return nullptr;
    s.matched_by = nullptr;
    return static_cast<const Route*>(s.matched_route);
  }

  const std::list<Route>& routes() const noexcept { return routes_; }

  const Pattern* named(std::string_view name) const {
    const RouteNode* found = names_.find_plain(name);
    return found ? &found->here.first()->pattern : nullptr;
  }

 private:
  // Puts the group's prefix before the path of "METHOD host/path".
  static std::string join(const RouteGroup& group, std::string_view pattern,
                          std::source_location where) {
    const std::size_t host = host_begin(pattern);
    const std::size_t path = std::min(pattern.find('/', host), pattern.size());
    if (path > host && !group.prefix.empty()) {
      if (path == pattern.size())
        refuse_pattern(pattern, path, "a path is missing: it starts with a slash", where);
      if (!group.prefix.starts_with('/'))
        refuse_pattern(pattern, host, "a host within a group that has one", where);
    }
    std::string joined(pattern.substr(0, path));
    return (joined += group.prefix) += pattern.substr(path);
  }

  [[noreturn]] static void refuse(const Pattern& pattern, std::source_location where,
                                  const Route& other) {
    const Relation r = compare(pattern, other.pattern);
    throw std::invalid_argument(
        place(where) + ": jot: the pattern\n    " + pattern.text + "\nconflicts with that of " +
        place(other.where) + "\n    " + other.pattern.text +
        (r.in_first ? "\nThey share requests, and neither is the more specific."
                    : "\nThey match the same requests."));
  }

  static Handler in_middleware(const Route& route) {
    Handler chain = route.handler;
    for (const RouteGroup* group = route.group; group; group = group->parent) {
      for (std::size_t i = group->middleware.size(); i-- > 0;) {
        chain = group->middleware[i](std::move(chain));
      }
    }
    return chain;
  }

  static RouteQuery query(RequestState& s) {
    return {s.head.method, s.head.host, routed_path(s), s.scratch};
  }

  const Route& choose(RequestState& s) const {
    const RouteQuery q = query(s);
    if (q.path == "*") return options_;
    const bool as_it_came = q.method == "CONNECT";
    if (!as_it_came && !is_clean(q.path)) return redirect_;
    const Route* found = trees_.find(q);
    if (!as_it_came && trees_.lacks_slash(q, found)) return redirect_;
    if (found) return *found;
    if (!trees_.any_method(q, [](const Route&) { return true; })) return not_found_;
    return q.method == "OPTIONS" ? options_ : not_allowed_;
  }

  void keep(const Route& route, RequestState& s) const {
    s.pattern = route.pattern.text;
    keep_path_values(route.pattern, routed_path(s), s);
    if (error_page_) s.error_page = &error_page_;
  }

  // The methods for an Allow field, sorted: those of the path, or for "*" of all routes.
  std::string allowed(Request& r) const {
    std::vector<std::string_view> methods{"OPTIONS"};
    const auto note = [&](std::string_view method) {
      const auto at = std::lower_bound(methods.begin(), methods.end(), method);
      if (at == methods.end() || *at != method) methods.insert(at, method);
    };
    const auto note_route = [&](const Route& route) {
      if (!route.pattern.method.empty()) note(route.pattern.method);
      if (route.pattern.method == "GET") note("HEAD");
      return false;
    };
    const RouteQuery q = query(RequestAccess::state(r));
    if (q.path != "*")
      trees_.any_method(q, note_route);
    else
      for (const Route& route : routes_) note_route(route);
    std::string list;
    for (const std::string_view method : methods) (list += list.empty() ? "" : ", ") += method;
    return list;
  }

  // To the clean path, and with the slash that a subtree has. 301 makes a GET of a POST, so what is
  // neither GET nor HEAD gets 308.
  void answer_redirect(ResponseWriter& w, Request& r) const {
    RequestState& s = RequestAccess::state(r);
    RouteQuery q = query(s);
    std::string path = clean_path(q.path);
    q.path = path;
    if (trees_.lacks_slash(q, trees_.find(q))) path += '/';
    path = encode_location(s.head.path.substr(0, s.mount_size)) + encode_location(path);
    if (!s.head.query.empty()) (path += '?') += s.head.query;
    const bool safe = q.method == "GET" || q.method == "HEAD";
    redirect(w, r, path, safe ? 301 : 308);
  }

  std::mutex mutex_;  // guards everything below until closed_, and nothing afterwards
  std::atomic<bool> closed_{false};
  std::list<RouteGroup> groups_;  // lists: what is in them never moves
  std::list<Route> routes_;
  RouteTrees trees_;
  Tests tests_{{"int", is_int}, {"word", is_word}};
  LiteralChildren<RouteNode> names_;  // found as literals are
  std::list<Route> named_;            // what they lead to: a pattern each, and no more
  ErrorPage error_page_;
  Route redirect_, not_found_, not_allowed_, options_;
};

// A handler that has been given all that is at and below a prefix.
class Mount {
 public:
  explicit Mount(Handler inner) : inner_(std::move(inner)) {}

  void operator()(ResponseWriter& w, Request& r) const {
    const Within within(r);
    inner_(w, r);
  }

  RouteMemory& match(Request& r) const {
    const Within within(r);
    return inner_.match(r);
  }

 private:
  // While it lives, Routers match what the mount has left of the path. "/m" and "/m/" leave "/".
  class Within {
   public:
    explicit Within(Request& r) : state_(RequestAccess::state(r)), outer_(state_.mount_size) {
      const std::string_view path = state_.head.path;
      const std::size_t used = path.size() - state_.rest.size();
      state_.mount_size = path[used - 1] == '/' ? used - 1 : used;
    }
    ~Within() { state_.mount_size = outer_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    RequestState& state_;
    std::size_t outer_;
  };

  Handler inner_;
};

}  // namespace jot::inline v1::detail
