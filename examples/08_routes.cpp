// 08_routes.cpp -- which handler answers? The most specific pattern, whatever the order.
//
// A pattern is "METHOD host/path", and all but the path may be missing. What conflicts throws at
// the start of the program, with file and line of both; what a client may ask for wrongly is
// answered for you: 404, 405 with Allow, OPTIONS, and one clean address for each page.
#include "jot.hpp"

int main() {
  jot::Router app;
  app.get("/{$}", [] { return "home\n"; });  // "/" alone; without {$}: all that nobody else answers
  app.get("/posts/{id:int}", [](jot::Request& r) {
    return jot::text("post ", r.path_value<int>("id"), ", found by ", r.pattern(), "\n");
  });
  app.get("/posts/{slug}", [](jot::Request& r) { return "titled " + r.path_value("slug") + "\n"; });
  app.get("/posts/new", [] { return "an empty form\n"; });
  app.get("/files/{path...}", [](jot::Request& r) { return r.path_value("path") + "\n"; });
  app.get("api.localhost/{$}", [] { return jot::Value{{"version", 1}}; });  // by host

  auto admin = app.group("/admin");  // a prefix, and middleware for all below it
  admin.use([](jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
    if (r.query("key") != "secret") throw jot::HttpError{403, "no admin"};
    next(w, r);
  });
  admin.get("/routes", [&app](jot::ResponseWriter& w) {
    for (const jot::RouteInfo& route : app.routes()) w.write(route.pattern, "\n");
  });

  app.name("post", "/posts/{slug}");  // addresses by name: they stay right when patterns move
  app.get("/link", [&app] { return app.url_for("post", {{"slug", "a/b"}, {"page", 2}}) + "\n"; });

  app.on_error([](jot::ResponseWriter& w, jot::Request&, int status, std::string_view message) {
    w.write(status, ": ", message, "\n");
  });
  jot::listen_and_serve(":8080", app);
}

// Try:    s=localhost:8080; curl -s $s/posts/7 $s/posts/seven $s/posts/new $s/files/a/b $s/link
// Output: post 7, found by GET /posts/{id:int}
//         titled seven
//         an empty form
//         a/b
//         /posts/a%2Fb?page=2
// Try:    curl -sH 'Host: api.localhost' localhost:8080
// Output: {"version":1}
// Try:    curl -s localhost:8080/admin/routes 'localhost:8080/admin/routes?key=secret'
// Output: 403: no admin
//         GET /{$}
//         GET /posts/{id:int}
// Try:    curl -si -X POST localhost:8080/posts/7
// Output: HTTP/1.1 405 Method Not Allowed
//         Allow: GET, HEAD, OPTIONS
// Try:    curl -si 'localhost:8080/files//a/../b?c'
// Output: HTTP/1.1 301 Moved Permanently
//         Location: /files/b?c
