// SPDX-License-Identifier: MIT
//
// router.hpp -- which handler answers this request?
//
// In: method, host and path of a Request. Out: the Handler that was registered for them, path
// values filled in. The rules are those of Go's ServeMux, and more:
//
//     app.get("/posts/{id}", show);                 // one segment: r.path_value("id")
//     app.get("/posts/{id:int}/edit", edit);        // ... that is a number, else another route
//     app.get("/files/{path...}", send);            // all that is left of the path
//     app.handle("/static/", FileServer("public")); // a slash at the end: the whole subtree
//     app.get("/{$}", home);                        // only "/"
//     app.handle("POST example.org/hook", hook);    // method and host
//
// - The most specific pattern wins, whatever the order: a literal beats {id:int} beats {id} beats
//   {path...}, one method beats all, a host beats none. Two patterns that conflict throw at the
//   second, and the exception names both with file and line.
// - GET answers HEAD. A path that is known under other methods only is 405 with Allow, and OPTIONS
//   is answered with 204 and Allow where no handler does.
// - "/a//b/../c" is redirected to "/a/c", and "/static" to "/static/" where only that is known. The
//   query stays: 301 for GET and HEAD, 308 for what must keep its method and body. Not for CONNECT.
// - Path values are percent-decoded segment by segment: %2F stays inside its segment.
//
// A Router is built first and then only read: the first request closes it, and to add or change
// anything later throws std::logic_error. From then on it works on many threads at a time.
#pragma once

#include "config.hpp"
#include "handler.hpp"  // Handler, Middleware, RouteMemory
#include "value.hpp"    // Value

#include <functional>       // std::function
#include <memory>           // std::shared_ptr
#include <source_location>  // std::source_location
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <vector>           // std::vector

namespace jot::inline v1 {

namespace detail {
class RouteTable;
struct RouteGroup;
}  // namespace detail

// Routes under a common prefix, with middleware of their own.
//
//     auto api = app.group("/api");
//     api.use(require_token);
//     api.get("/users", list_users);   // GET /api/users
//
// A copyable handle: copies add to the same group.
// Whatever adds throws std::invalid_argument for a pattern that is malformed or conflicts, and
// std::logic_error after the first request.
class Group {
 public:
  using Where = std::source_location;  // who registers: for messages, never passed by hand

  // "METHOD host/path": the method and the host may be missing and then stand for all.
  void handle(std::string_view pattern, Handler h, Where where = Where::current());

  // One method, and a path (which may have a host before it).
  void get(std::string_view path, Handler h, Where where = Where::current());  // HEAD too
  void post(std::string_view path, Handler h, Where where = Where::current());
  void put(std::string_view path, Handler h, Where where = Where::current());
  void patch(std::string_view path, Handler h, Where where = Where::current());
  void del(std::string_view path, Handler h, Where where = Where::current());
  void head(std::string_view path, Handler h, Where where = Where::current());
  void options(std::string_view path, Handler h, Where where = Where::current());

  // Hands everything at and below the prefix to another handler: mount("/m", h) gives it /m and
  // /m/x, never /mx. A Router that is mounted sees its own part of the path, "/" and "/x"; to
  // others r.path() stays whole. r.pattern() is that of the innermost Router.
  void mount(std::string_view prefix, Handler h, Where where = Where::current());

  // Wraps all routes of this group and of its groups, whether they are added before or after.
  // The first used is the outermost, and those of an outer group are outside.
  // On the Router itself it also wraps what the Router answers on its own: 404, 405, OPTIONS and
  // redirects, so that a log sees them.
  // A Middleware written as Handler(Handler) is applied once to each route, when the Router closes:
  // what its routes share is to be made outside and captured.
  void use(Middleware m);

  // A group within this one. The prefix is a path, which may have names in it and a host before it;
  // of the Router's own groups, also a host alone.
  Group group(std::string_view prefix, Where where = Where::current());

 protected:
  Group();                                     // the outermost group of a table of its own
  std::shared_ptr<detail::RouteTable> table_;  // owns group_

 private:
  Group(std::shared_ptr<detail::RouteTable> table, detail::RouteGroup& group) noexcept;
  detail::RouteGroup* group_;
};

// A route, as routes() lists it.
struct RouteInfo {
  std::string method;   // "": all
  std::string host;     // "": all
  std::string path;     // "/posts/{id}"
  std::string pattern;  // "GET /posts/{id}", as r.pattern() tells it
  std::string file;     // where it was registered
  unsigned line = 0;
};

// The outermost Group, which answers requests. A copyable handle on one table of routes: a copy
// that was given to a Server knows the routes that are added later (before the first request).
// A handler that needs the Router captures it by reference, [&app]: by value, it would hold itself.
class Router : public Group {
 public:
  Router();

  // Gives a path a name, for url_for(). Throws: std::invalid_argument, when the name is taken or
  // the pattern malformed.
  void name(std::string_view name, std::string_view path, Where where = Where::current());

  // The path of that name with its values put in, percent-encoded; values that the path has no name
  // for become its query. With a host: "//host/path".
  //
  //     app.name("post", "/posts/{id}");
  //     app.url_for("post", {{"id", 7}, {"page", 2}})   // "/posts/7?page=2"
  //
  // Throws: std::invalid_argument, when the name is unknown, a value is missing, or the value would
  // not lead back to this route: empty, "..", or refused by the predicate.
  std::string url_for(std::string_view name, const Value& path_values = {}) const;

  // Allows {name:predicate} in patterns that are added later. There are already "int" (digits,
  // perhaps a minus before them) and "word" (letters, digits and _).
  // accepts: of a decoded segment, never empty. It is called for each request that comes by, from
  // any thread: it must be quick and not throw.
  // Two predicates in the same place conflict unless something else tells the patterns apart.
  // Throws: std::invalid_argument for a name that is taken or cannot stand in a pattern.
  void predicate(std::string_view name, std::function<bool(std::string_view)> accepts);

  // The page for 404 and 405, and for what handlers throw: HttpError, and 500 for everything else.
  // The status is set already, and so are the fields that belong to it (Allow, Retry-After).
  void on_error(
      std::function<void(ResponseWriter&, Request&, int status, std::string_view message)> page);

  // All routes, in the order in which they were added; a mount counts as two.
  std::vector<RouteInfo> routes() const;

  // Answers the request. Throws what the handler throws; a Server makes a response of it.
  void operator()(ResponseWriter& w, Request& r) const;
  void operator()(ResponseWriter& w,
                  Request&& r) const;  // for tests: app(rec, request("GET", "/"))

  // Finds the route ahead of the call and keeps it in the Request: for the engine, which looks up
  // whether that route is known to block. Neither blocks nor calls any handler.
  detail::RouteMemory& match(Request& r) const;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/router.ipp"
#endif
