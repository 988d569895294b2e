// SPDX-License-Identifier: MIT
//
// router_test.cpp -- what a Router does beyond ServeMux, and what it refuses. Matching itself is
// compared with Go in router_oracle_test.cpp.
#include "jot/router.hpp"
#include "catch.hpp"
#include "jot/detail/clean_path.hpp"
#include "jot/testing.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using jot::record;
using jot::request;

jot::Handler says(std::string text) {
  return [text](jot::ResponseWriter& w) { w.write(text); };
}

std::string show(jot::Request& r) { return jot::text(r.pattern(), " ", r.path_value("id")); }

std::string get(const jot::Router& app, std::string_view path) {
  return record(app, request("GET", path)).body;
}

int status_of(const jot::Router& app, std::string_view method, std::string_view path) {
  return record(app, request(method, path)).status;
}

// Writes its name before and after what it wraps.
jot::Middleware tag(std::string name) {
  return [name](jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
    w.write(name, "(");
    next(w, r);
    w.write(")");
  };
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

TEST_CASE("paths are cleaned") {
  struct Case {
    std::string_view path, want;
  };
  const Case cases[] = {
      {"/", "/"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"", "/"},
      {"a", "/a"},
      {"//", "/"},
      {"///a", "/a"},
      {"/a//b", "/a/b"},
      {"/a/.", "/a"},
      {"/a/./", "/a/"},
      {"/./a", "/a"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/b/..", "/a"},
      {"/a/b/../", "/a/"},
      {"/../../a", "/a"},
      {"/a/...", "/a/..."},
      {"/a/..b", "/a/..b"},
      {"/a/.b/c.", "/a/.b/c."},
      {"/%2e", "/"},
      {"/a/%2E%2e/b", "/b"},
      {"/a/.%2e", "/"},
      {"/a/%2e%2e%2e", "/a/%2e%2e%2e"},
      {"/a/%2f", "/a/%2f"},
      {"/a/%2", "/a/%2"},
      {"/a/%", "/a/%"},
      {"/%2ea", "/%2ea"},
  };
  for (const auto& [path, want] : cases) {
    INFO(path);
    CHECK(jot::detail::clean_path(path) == want);
    CHECK(jot::detail::is_clean(path) == (path == want));
    CHECK(jot::detail::is_clean(want));
  }
  const std::string slashes(1 << 20, '/');
  CHECK(jot::detail::clean_path(slashes) == "/");
  CHECK_FALSE(jot::detail::is_clean(slashes));
}

TEST_CASE("a path of a hundred thousand segments is matched, or not, without ado") {
  std::string path;
  for (int i = 0; i < 100'000; ++i) path += "/a";
  jot::Router app;
  app.get("/a/{x}/{y}/b", says("never"));
  app.get("/a/a/a/b", says("never"));
  app.get("/a/{rest...}", [](jot::Request& r) { return jot::text(r.path_value("rest").size()); });
  app.get("/b/{b}", says("b"));
  CHECK(get(app, path) == jot::text(path.size() - 3));
  CHECK(status_of(app, "GET", "/b" + path) == 404);
  CHECK(status_of(app, "GET", path + "/..") == 301);
}

TEST_CASE("a malformed pattern is shown with a caret under the mistake") {
  struct Case {
    std::string_view pattern, why;
    std::size_t caret;
  };
  const Case cases[] = {
      {"", "a path is missing", 0},
      {"GET", "a path is missing", 3},
      {"GET example.com", "a path is missing", 15},
      {"G(T /", "not a method", 0},
      {" /", "not a method", 0},
      {"/a/{b", "this { has no }", 3},
      {"/a/b}", "this } has no {", 4},
      {"/a/x{b}", "fills its whole segment", 4},
      {"/a/{b}x", "fills its whole segment", 6},
      {"/a/{b}{c}", "fills its whole segment", 6},
      {"/a/{}", "a name is missing", 4},
      {"/a/{...}", "a name is missing", 4},
      {"/a/{1b}", "letters, digits", 4},
      {"/a/{b-c}", "letters, digits", 5},
      {"/{a}/{a}", "there already", 6},
      {"/{a}/{a...}", "there already", 6},
      {"/{a...}/b", "takes all the rest", 7},
      {"/{a...}/", "takes all the rest", 7},
      {"/{$}/", "nothing can follow", 4},
      {"/{a:number}", "no predicate of this name", 4},
      {"/{a:}", "no predicate of this name", 4},
      {"/{:int}", "a name is missing", 2},
      {"/a//b", "never matches", 3},
      {"/a/../b", "never matches", 3},
      {"/a/./b", "never matches", 3},
      {"GET /%2e%2e", "never matches", 5},
      {"/a/b//", "never matches", 5},
      {"//", "never matches", 1},
      {"{host}/a", "no wildcards in the host", 0},
      {"a.org:80/", "no port", 5},
      {"a_b$.org./", "no dot at the end", 8},
      {"a,b@/", "cannot be in a host", 3},
      {"/a b", "a space", 2},
      {"/a?b", "no query", 2},
      {"/a#b", "no query", 2},
  };
  for (const auto& [pattern, why, caret] : cases) {
    jot::Router app;
    const std::string message = message_of([&] { app.handle(pattern, says("x")); });
    INFO(message);
    CHECK(has(message, why));
    CHECK(has(message, jot::text("\n    ", pattern, "\n    ", std::string(caret, ' '), "^")));
    CHECK(has(message, "router_test.cpp:"));
  }
}

TEST_CASE("the caret stands under the mistake, whatever is before it") {
  const auto shown = [](std::string_view pattern) {
    const std::string message = message_of([&] { jot::Router().handle(pattern, says("x")); });
    return message.substr(std::min(message.find('\n'), message.size()));
  };
  CHECK(shown("/a\tb") == "\n    /a b\n      ^");
  CHECK(shown(std::string_view("/a\0b}", 5)) == "\n    /a?b}\n      ^");
  CHECK(shown("GET\t/a}") == "\n    GET /a}\n          ^");
  CHECK(shown("/caf\xc3\xa9/{\xc3\xbc-}") == "\n    /caf\xc3\xa9/{\xc3\xbc-}\n            ^");
}

TEST_CASE("within a group, what has no slash is not taken for a host") {
  jot::Router app;
  auto api = app.group("/api");
  for (const std::string& message :
       {message_of([&] { api.get("users", show); }), message_of([&] { api.handle("GET", show); }),
        message_of([&] { api.mount("files", show); }), message_of([&] { api.group("v1"); })}) {
    INFO(message);
    CHECK(has(message, "a path is missing"));
    CHECK(has(message, "router_test.cpp:"));
  }
  CHECK(has(message_of([&] { app.group("GET /posts"); }), "a group is for all methods"));
  CHECK(app.routes().empty());
}

TEST_CASE("a conflict names both patterns and both places") {
  jot::Router app;
  app.get("/posts/{id}", show);
  const int first = __LINE__ - 1;
  const std::string message = message_of([&] { app.handle("GET /{kind}/new", show); });
  const int second = __LINE__ - 1;
  CHECK(has(message, jot::text("router_test.cpp:", first)));
  CHECK(has(message, jot::text("router_test.cpp:", second)));
  CHECK(has(message, "GET /posts/{id}"));
  CHECK(has(message, "GET /{kind}/new"));
  CHECK_THROWS_AS(app.get("/posts/{other}", show), std::invalid_argument);
  CHECK_NOTHROW(app.post("/{kind}/new", show));  // another method: they never meet
  CHECK(app.routes().size() == 2);
}

TEST_CASE("path values") {
  jot::Router app;
  app.get("/a/{id}/b/{other}", [](jot::Request& r) {
    return jot::text(r.path_value("id"), "|", r.path_value("other"), "|", r.path_value("none"));
  });
  app.get("/n/{id}", [](jot::Request& r) { return jot::text(r.path_value<int>("id") + 1); });
  app.get("/m/{id}", [](jot::Request& r) {
    return jot::text(r.path_value<int>("id", jot::Malformed::not_found));
  });
  app.get("/f/{n}", [](jot::Request& r) { return jot::text(r.path_value<float>("n")); });
  CHECK(get(app, "/a/x%2Fy/b/%41%25") == "x/y|A%|");
  CHECK(get(app, "/a/%C3%A9/b/%00") == std::string("\xC3\xA9|\0|", 5));
  CHECK(get(app, "/n/41") == "42");
  CHECK(get(app, "/m/41") == "41");
  CHECK(get(app, "/f/-1.5") == "-1.5");
  for (const auto bad : {"1e39", "-1e39", "1e300", "1e400", "x"}) {
    INFO(bad);
    CHECK(status_of(app, "GET", "/f/" + std::string(bad)) == 400);
  }
  for (const auto bad : {"x", "99999999999", "1x", "%201", "+1", "1.0", "0x1", "1%00", "-"}) {
    INFO(bad);
    const std::string value(bad);
    CHECK(status_of(app, "GET", "/n/" + value) == 400);
    CHECK(status_of(app, "GET", "/m/" + value) == 404);
  }
}

TEST_CASE("predicates choose among routes") {
  jot::Router app;
  app.predicate("even", [](std::string_view s) { return (s.back() - '0') % 2 == 0; });
  app.get("/p/{id:int}", says("int"));
  app.get("/p/{id}", says("any"));
  app.get("/p/7", says("seven"));
  app.get("/p/{id:int}/x", says("int x"));
  app.get("/p/abc/x", says("abc x"));
  app.get("/w/{name:word}/", says("word"));
  app.get("/e/{n:even}", says("even"));
  struct Case {
    std::string_view path, want;
  };
  const Case cases[] = {
      {"/p/12", "int"},      {"/p/-12", "int"},
      {"/p/12a", "any"},     {"/p/-", "any"},
      {"/p/7", "seven"},     {"/p/%31%32", "int"},
      {"/p/%37", "seven"},   {"/p/5/x", "int x"},
      {"/p/abc/x", "abc x"}, {"/p/abd/x", "not found\n"},
      {"/w/a_1/", "word"},   {"/w/a-1/", "not found\n"},
      {"/e/12", "even"},     {"/e/13", "not found\n"},
  };
  for (const auto& [path, want] : cases) {
    INFO(path);
    CHECK(get(app, path) == want);
  }
  CHECK(status_of(app, "GET", "/w/a_1") == 301);
  CHECK(status_of(app, "GET", "/w/a-1") == 404);
  CHECK(status_of(app, "POST", "/p/12/x") == 405);
  CHECK(status_of(app, "POST", "/p/ab/x") == 404);
}

TEST_CASE("a predicate that is none, or has no name, is a mistake at once") {
  jot::Router app;
  CHECK_THROWS_AS(app.predicate("even", nullptr), std::invalid_argument);
  for (const auto name : {"", "a}", "a/b", "{a"})
    CHECK_THROWS_AS(app.predicate(name, [](std::string_view) { return true; }),
                    std::invalid_argument);
}

TEST_CASE("predicates that may both accept conflict, unless something else tells them apart") {
  jot::Router app;
  app.get("/{a:int}", show);
  CHECK_THROWS_AS(app.get("/{a:word}", show), std::invalid_argument);
  CHECK_THROWS_AS(app.get("/{b:int}", show), std::invalid_argument);
  CHECK_NOTHROW(app.get("/{a:word}/x", show));
  CHECK_NOTHROW(app.post("/{a:word}", show));
  CHECK_NOTHROW(app.get("/{a}", show));
  CHECK_NOTHROW(app.get("/{a}/y", show));
  CHECK_THROWS_AS(app.get("/{a:int}/{y}", show), std::invalid_argument);  // as /{a:word}/x has it
  CHECK_THROWS_AS(app.predicate("int", [](std::string_view) { return true; }),
                  std::invalid_argument);
}

TEST_CASE("groups put their prefix before the path, and a host before it all") {
  jot::Router app;
  auto api = app.group("/api/");
  api.get("", says("api"));
  api.get("/", says("api/"));
  api.get("/{id}", show);
  auto user = api.group("/user/{user}");
  user.handle("POST /posts/{id}", show);
  user.handle("PUT /any", show);
  app.group("h.org").get("/x", says("host"));
  app.group("h.org/deep").get("/x", says("host deep"));
  app.group("/under").get("i.org/x", says("host under"));
  CHECK(get(app, "/api") == "api");
  CHECK(get(app, "/api/") == "api/");
  CHECK(get(app, "/api/7") == "GET /api/{id} 7");
  CHECK(record(app, request("POST", "/api/user/me/posts/7")).body ==
        "POST /api/user/{user}/posts/{id} 7");
  CHECK(record(app, request("PUT", "/api/user/me/any")).body == "PUT /api/user/{user}/any ");
  CHECK(get(app, "http://h.org/x") == "host");
  CHECK(get(app, "http://h.org:80/deep/x") == "host deep");
  CHECK(get(app, "http://i.org/under/x") == "host under");
  CHECK(get(app, "/under/x") == "not found\n");
  CHECK(has(message_of([] { jot::Router().group("h.org").get("i.org/x", show); }),
            "a group that has one"));
  CHECK(has(message_of([] { jot::Router().group("/{a"); }), "has no }"));
  CHECK(has(message_of([] { jot::Router().group("/{a...}").get("/b", show); }),
            "takes all the rest"));
}

TEST_CASE("a thousand hosts are told apart, however they are written") {
  jot::Router app;
  for (int i = 0; i < 1000; ++i)
    app.get(jot::text("h", i, ".example.org/{id:int}"), says(jot::text(i)));
  app.get("/{any}", says("elsewhere"));
  for (int i = 0; i < 1000; i += 37) {
    for (const std::string& host : {jot::text("h", i, ".example.org"),
                                    jot::text("H", i, ".Example.ORG:8080"),
                                    jot::text("h", i, ".example.org.")}) {
      INFO(host);
      CHECK(record(app, request("GET", "/7", {.header = {{"Host", host}}})).body ==
            std::to_string(i));
      CHECK(record(app, request("GET", "/%37", {.header = {{"Host", host}}})).body ==
            std::to_string(i));
      CHECK(record(app, request("GET", "/x", {.header = {{"Host", host}}})).body == "elsewhere");
    }
  }
  CHECK(get(app, "http://h1000.example.org/7") == "elsewhere");
  CHECK(get(app, "http://h1.example.org.org/7") == "elsewhere");
}

TEST_CASE("middleware wraps from the outside in, whatever the order of registration") {
  jot::Router app;
  auto api = app.group("/api");
  auto inner = api.group("/inner");
  api.get("/a", says("a"));
  inner.get("/b", says("b"));
  app.get("/c", tag("own")(says("c")));
  inner.use(tag("4"));
  api.use(tag("3"));
  app.use(tag("1"));
  app.use(tag("2"));
  CHECK(get(app, "/api/a") == "1(2(3(a)))");
  CHECK(get(app, "/api/inner/b") == "1(2(3(4(b))))");
  CHECK(get(app, "/c") == "1(2(own(c)))");
}

TEST_CASE("the Router's own answers pass through its middleware, not through that of a group") {
  jot::Router app;
  std::vector<std::string> seen;
  app.use([&](jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
    next(w, r);
    seen.push_back(jot::text(w.status(), " ", r.pattern()));
  });
  auto group = app.group("/g");
  group.use([&](jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
    seen.push_back("group");
    next(w, r);
  });
  group.get("/a/", says("a"));
  for (auto path : {"/g/a/", "/g/none", "/g/a", "//g"}) status_of(app, "GET", path);
  for (auto method : {"POST", "OPTIONS"}) status_of(app, method, "/g/a/");
  const std::vector<std::string> want{"group", "200 GET /g/a/", "404 ", "301 ",
                                      "301 ",  "405 ",          "204 "};
  CHECK(seen == want);
}

TEST_CASE("a Handler(Handler) is applied once to each route, when the Router closes") {
  jot::Router app;
  int applied = 0;
  app.group("/g").use([&](jot::Handler next) { return ++applied, next; });
  auto group = app.group("/h");
  group.use([&](jot::Handler next) { return ++applied, next; });
  group.get("/a", says("a"));
  group.get("/b", says("b"));
  CHECK(applied == 0);
  for (int i = 0; i < 3; ++i) CHECK(get(app, "/h/a") == "a");
  CHECK(applied == 2);
}

TEST_CASE("the first request closes the table") {
  jot::Router app;
  jot::Router copy = app;
  jot::Handler handler = app;
  copy.get("/late", says("late"));
  CHECK(record(handler, request("GET", "/late")).body == "late");
  CHECK_THROWS_AS(app.get("/later", show), std::logic_error);
  CHECK_THROWS_AS(copy.use(tag("x")), std::logic_error);
  CHECK_THROWS_AS(copy.group("/x"), std::logic_error);
  CHECK_THROWS_AS(copy.mount("/x", show), std::logic_error);
  CHECK_THROWS_AS(app.name("n", "/late"), std::logic_error);
  CHECK_THROWS_AS(app.on_error({}), std::logic_error);
  CHECK_THROWS_AS(app.predicate("p", [](std::string_view) { return true; }), std::logic_error);
}

TEST_CASE("a middleware that throws as it wraps leaves the Router open") {
  jot::Router app;
  bool broken = true;
  app.use([&](jot::Handler next) { return broken ? throw std::runtime_error("not yet") : next; });
  app.get("/", says("home"));
  CHECK(status_of(app, "GET", "/") == 500);
  broken = false;
  app.get("/b", says("b"));
  CHECK(get(app, "/b") == "b");
}

TEST_CASE("many threads may send the first request") {
  jot::Router app;
  app.use(tag("m"));
  app.get("/{id}", show);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string id = jot::text(t, "-", i);
        right += get(app, "/" + id) == "m(GET /{id} " + id + ")";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 1600);
}

TEST_CASE("a mount at /m serves /m and /m/x, never /mx") {
  jot::Router inner;
  inner.get("/{$}", says("root"));
  inner.get("/x/{id}", show);
  inner.get("/tree/", says("tree"));
  jot::Router app;
  app.get("/m/own", says("own"));
  app.mount("/m", inner);
  app.group("/deep/{who}").mount("/er/", inner);
  app.mount("/plain", [](jot::Request& r) { return r.path(); });
  struct Case {
    std::string_view path;
    int status;
    std::string_view want;  // the body, or the Location
  };
  const Case cases[] = {
      {"/m", 200, "root"},
      {"/m/", 200, "root"},
      {"/m?q=1", 200, "root"},
      {"/mx", 404, "not found\n"},
      {"/m/own", 200, "own"},
      {"/m/x/7", 200, "GET /x/{id} 7"},
      {"/m/nope", 404, "not found\n"},
      {"/m/tree", 301, "/m/tree/"},
      {"/m/tree?a=b", 301, "/m/tree/?a=b"},
      {"/m//x", 301, "/m/x"},
      {"/m/tree/a", 200, "tree"},
      {"/deep/me/er/x/a%2Fb", 200, "GET /x/{id} a/b"},
      {"/deep/m%2Fe/er/tree", 301, "/deep/m%2Fe/er/tree/"},
      {"/deep/me/er", 200, "root"},
      {"/plain/a/b", 200, "/plain/a/b"},
      {"/plain", 200, "/plain"},
  };
  for (int round = 0; round < 2; ++round) {  // the first closes, so the second matches ahead
    for (const auto& [path, status, want] : cases) {
      INFO(path);
      const jot::Recorded res = record(app, request("GET", path));
      CHECK(res.status == status);
      CHECK((status == 301 ? res.header.get("Location") : std::string_view(res.body)) == want);
    }
  }
  CHECK(record(app, request("POST", "/m/x/7")).header.get("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("a mount everywhere, and a mount within a mount") {
  jot::Router innermost, inner, app;
  innermost.get("/x", says("innermost"));
  inner.mount("/b", innermost);
  inner.get("/b/y", says("inner"));
  app.mount("/", inner);
  app.mount("/a", inner);
  CHECK(get(app, "/b/x") == "innermost");
  CHECK(get(app, "/a/b/x") == "innermost");
  CHECK(get(app, "/a/b/y") == "inner");
  CHECK(get(app, "/a/x") == "not found\n");
}

TEST_CASE("a Router within another's route matches for itself") {
  jot::Router inner;
  inner.get("/{id}/inner", [](jot::Request& r) {
    return jot::text(r.pattern(), " ", r.path_value("id"), " ", r.path_value("outer"));
  });
  jot::Router app;
  app.handle("/{outer}/", inner);
  app.get("/a/{id}", show);
  for (int i = 0; i < 2; ++i) {
    CHECK(get(app, "/7/inner") == "GET /{id}/inner 7 7");
    CHECK(get(app, "/a/x") == "GET /a/{id} x");
  }
}

TEST_CASE("a handler may send a request through its Router again") {
  jot::Router app;
  app.get("/a/{id}", [&app](jot::ResponseWriter& w, jot::Request& r) {
    app(w, request("GET", "/b/" + r.path_value("id")));
  });
  app.get("/b/{id}", show);
  CHECK(get(app, "/b/1") == "GET /b/{id} 1");
  CHECK(get(app, "/a/2") == "GET /b/{id} 2");
}

TEST_CASE("match() tells the route that will answer") {
  jot::Router inner;
  inner.get("/x", says("x"));
  inner.get("/y", says("y"));
  jot::Router app;
  app.get("/a/{id}", show);
  app.get("/b", says("b"));
  app.mount("/m", inner);
  get(app, "/m/x");
  const auto memory = [&](std::string_view path) {
    auto r = request("GET", path);
    return &app.match(r);
  };
  CHECK(memory("/a/1") == memory("/a/2"));
  CHECK(memory("/a/1") != memory("/b"));
  CHECK(memory("/none") == memory("/none/2"));
  CHECK(memory("/m/x") == memory("/m/x"));
  CHECK(memory("/m/x") != memory("/m/y"));
  auto r = request("GET", "/a/7");
  app.match(r);
  CHECK(r.pattern() == "GET /a/{id}");
  CHECK(r.path_value("id") == "7");
  jot::Recorder rec;
  app(rec, r);
  CHECK(rec.body() == "GET /a/{id} 7");
}

TEST_CASE("error pages: the innermost Router that has one") {
  const auto page = [](std::string name) {
    return [name](jot::ResponseWriter& w, jot::Request& r, int status, std::string_view message) {
      w.write(name, " ", status, " ", message, " ", r.path());
    };
  };
  const auto fail = [](jot::Request& r) {
    if (r.query("what") == "http") throw jot::HttpError{429, "slow", {{"Retry-After", "5"}}};
    throw std::runtime_error("secret");
  };
  jot::Router bare, with_page, app;
  bare.get("/fail", fail);
  with_page.get("/fail", fail);
  with_page.on_error(page("inner"));
  app.get("/fail", fail);
  app.get("/nf", [](jot::ResponseWriter& w, jot::Request& r) { jot::not_found(w, r); });
  app.mount("/bare", bare);
  app.mount("/with", with_page);
  app.on_error(page("outer"));
  CHECK(get(app, "/none") == "outer 404 not found /none");
  CHECK(get(app, "/nf") == "outer 404 not found /nf");
  CHECK(get(app, "/bare/none") == "outer 404 not found /bare/none");
  CHECK(get(app, "/with/none") == "inner 404 not found /with/none");
  CHECK(get(app, "/bare/fail") == "outer 500 Internal Server Error /bare/fail");
  CHECK(get(app, "/with/fail") == "inner 500 Internal Server Error /with/fail");
  const jot::Recorded slow = record(app, request("GET", "/fail?what=http"));
  CHECK(slow.status == 429);
  CHECK(slow.header.get("Retry-After") == "5");
  CHECK(slow.body == "outer 429 slow /fail");
  const jot::Recorded not_allowed = record(app, request("POST", "/fail"));
  CHECK(not_allowed.status == 405);
  CHECK(not_allowed.header.get("Allow") == "GET, HEAD, OPTIONS");
  CHECK(not_allowed.body == "outer 405 method not allowed /fail");
}

TEST_CASE("OPTIONS is answered where no handler does") {
  jot::Router app;
  app.get("/a", says("a"));
  app.post("/a", says("a"));
  app.options("/b", says("own"));
  app.handle("/c", says("any"));
  const jot::Recorded a = record(app, request("OPTIONS", "/a"));
  CHECK(a.status == 204);
  CHECK(a.header.get("Allow") == "GET, HEAD, OPTIONS, POST");
  CHECK(a.body.empty());
  CHECK(record(app, request("OPTIONS", "/b")).body == "own");
  CHECK(record(app, request("OPTIONS", "/c")).body == "any");
  CHECK(record(app, request("OPTIONS", "/d")).status == 404);
  CHECK(record(app, request("OPTIONS", "*")).status == 204);
  CHECK(record(app, request("OPTIONS", "*")).header.get("Allow") == "GET, HEAD, OPTIONS, POST");
}

TEST_CASE("redirects cannot be bent to another site") {
  jot::Router app;
  app.get("/{$}", says("home"));
  app.get("/t/", says("t"));
  const auto location = [&](std::string_view target) {
    return std::string(record(app, request("GET", target)).header.get("Location"));
  };
  CHECK(location("//evil.org") == "/evil.org");
  CHECK(location("/.//evil.org") == "/evil.org");
  CHECK(location("/./\\evil.org") == "/%5Cevil.org");
  CHECK(location("/%2e/\\evil.org?a=\"<b>") == "/%5Cevil.org?a=\"<b>");
  CHECK(location("//t?next=//evil.org") == "/t/?next=//evil.org");
  CHECK(location("http://example.com//t") == "/t/");
}

TEST_CASE("names make addresses") {
  jot::Router app;
  app.name("home", "/{$}");
  app.name("post", "/posts/{id}");
  app.name("number", "/n/{id:int}/");
  app.name("file", "/files/{path...}");
  app.name("host", "GET h.org/caf%C3%A9/{x}");
  struct Case {
    std::string_view name;
    jot::Value values;
    std::string_view want;
  };
  const Case cases[] = {
      {"home", {}, "/"},
      {"home", {{"q", "a b&c"}, {"p", 2}}, "/?p=2&q=a+b%26c"},
      {"post", {{"id", 7}}, "/posts/7"},
      {"post", {{"id", "a/b c?d#%"}}, "/posts/a%2Fb%20c%3Fd%23%25"},
      {"post", {{"id", "..."}, {"page", true}}, "/posts/...?page=true"},
      {"number", {{"id", -7}}, "/n/-7/"},
      {"file", {{"path", "a/b c/d"}}, "/files/a/b%20c/d"},
      {"file", {{"path", ""}}, "/files/"},
      {"host", {{"x", 1.5}}, "//h.org/caf%C3%A9/1.5"},
  };
  for (const auto& [name, values, want] : cases) CHECK(app.url_for(name, values) == want);

  const Case bad[] = {
      {"nobody", {}, "no route is named nobody"},
      {"post", {}, "id is missing"},
      {"post", {{"Id", 7}}, "id is missing"},
      {"post", {{"id", ""}}, "cannot stand in a path"},
      {"post", {{"id", ".."}}, "cannot stand in a path"},
      {"post", {{"id", nullptr}}, "neither text nor a number"},
      {"number", {{"id", "x"}}, "refused"},
      {"file", {{"path", "../x"}}, "cannot stand in a path"},
      {"file", {{"path", "a//x"}}, "cannot stand in a path"},
  };
  for (const auto& [name, values, why] : bad) {
    const std::string message = message_of([&] { app.url_for(name, values); });
    INFO(message);
    CHECK(has(message, why));
  }
  CHECK(has(message_of([&] { app.name("post", "/x"); }), "named post already"));
  CHECK(has(message_of([&] { app.name("x", "/{"); }), "has no }"));
}

TEST_CASE("an address leads back to its route and its values") {
  jot::Router app;
  app.name("two", "/a/{x}/{y...}");
  app.get("/a/{x}/{y...}",
          [](jot::Request& r) { return jot::text(r.path_value("x"), "|", r.path_value("y")); });
  for (std::string x : {"a", "a/b", "%2F", "%", "\\", "\xff", "a b", "+", "{x}", "?", "..."}) {
    for (std::string y : {"", "a", "a/b", "%2F", "b/", "c?d"}) {
      INFO(x << " " << y);
      CHECK(get(app, app.url_for("two", {{"x", x}, {"y", y}})) == x + "|" + y);
    }
  }
}

TEST_CASE("routes() lists them in order, with their places") {
  jot::Router app;
  app.group("/api").post("/x/{id}", show);
  const unsigned line = __LINE__ - 1;
  app.handle("H.org/", show);
  const auto routes = app.routes();
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].method == "POST");
  CHECK(routes[0].host.empty());
  CHECK(routes[0].path == "/api/x/{id}");
  CHECK(routes[0].pattern == "POST /api/x/{id}");
  CHECK(has(routes[0].file, "router_test.cpp"));
  CHECK(routes[0].line == line);
  CHECK(routes[1].host == "h.org");
  CHECK(routes[1].pattern == "h.org/");
}

TEST_CASE("an empty Handler answers 404, also by the error page") {
  jot::Router app;
  app.get("/", jot::Handler());
  CHECK(status_of(app, "GET", "/") == 404);
}

TEST_CASE("what handlers captured is destroyed with the last Router and Handler") {
  auto witness = std::make_shared<int>(0);
  {
    jot::Handler kept;
    {
      jot::Router app;
      auto group = app.group("/g");
      group.get("/", [witness] { return "x"; });
      group.use([witness](jot::Handler next) { return next; });
      app.get("/", [owned = std::make_unique<int>(1), witness] { return "y"; });  // move-only
      kept = app;
      get(app, "/g/");
    }
    CHECK(witness.use_count() > 1);
    CHECK(record(kept, request("GET", "/")).body == "y");
  }
  CHECK(witness.use_count() == 1);
}

}  // namespace
