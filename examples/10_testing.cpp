// 10_testing.cpp -- is the handler right? Ask it: without a socket, or over a real one.
//
// record() calls a handler as the server would, errors and all, and gives back the whole response.
// Use any test framework; this is Catch2, version 2 (of version 3 include <catch2/catch_all.hpp>
// and link Catch2WithMain).
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <cstdlib>

#include "jot.hpp"

using namespace std::chrono_literals;

jot::Router make_app() {  // the program's main() calls this, too
  jot::Router app;
  app.get("/hello/{name}",
          [](jot::Request& r) { return "Hello, " + r.path_value("name") + "!\n"; });
  app.post("/posts", [](jot::ResponseWriter& w, jot::Request& r) {
    if (!r.json().has("title")) throw jot::HttpError{422, "a post has a title"};
    w.write_header(201);
    w.json({{"title", r.json()["title"]}});
  });
  app.get("/slow", [](jot::Request& r) { return r.context().sleep_for(1h) ? "done" : "gave up"; });
  return app;
}

TEST_CASE("hello answers in plain text") {
  const auto res = jot::record(make_app(), jot::request("GET", "/hello/world"));
  CHECK(res.status == 200);
  CHECK(res.header.get("Content-Type") == "text/plain; charset=utf-8");
  CHECK(res.body == "Hello, world!\n");
}

TEST_CASE("a post has a title") {
  const auto app = make_app();
  CHECK(jot::record(app, jot::request("POST", "/posts", {.json = {{"title", "A"}}})).status == 201);
  CHECK(jot::record(app, jot::request("POST", "/posts", {.json = {{"text", "A"}}})).status == 422);
  CHECK(jot::record(app, jot::request("POST", "/posts", {.body = "{"})).status == 400);
}

TEST_CASE("slow gives up when its client does") {
  const auto hurry = jot::with_timeout(jot::background(), 10ms);
  const auto res = jot::record(make_app(), jot::request("GET", "/slow", {.context = hurry.ctx}));
  CHECK(res.body == "gave up");
}

TEST_CASE("over a real socket, for any client") {
  const jot::TestServer server(make_app());  // on a free port; it stops at the end of the scope
  CHECK(std::system(("curl -sf " + server.url("/hello/curl")).c_str()) == 0);
}
