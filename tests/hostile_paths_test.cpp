// SPDX-License-Identifier: MIT
//
// hostile_paths_test.cpp -- what becomes of a path, a host or a redirect that means no good?
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "raw_client.hpp"

#include <string>
#include <string_view>

namespace {

using jot::record;
using jot::request;
using namespace std::string_literals;

// What the route /f/{name} or /t/{rest...} got, else the status and where the client is sent.
std::string told(std::string_view target) {
  jot::Router app;
  app.get("/f/{name}", [](jot::Request& r) { return "name=" + r.path_value("name"); });
  app.get("/t/{rest...}", [](jot::Request& r) { return "rest=" + r.path_value("rest"); });
  try {
    const auto res = record(app, request("GET", target));
    if (res.status == 200) return res.body;
    return jot::text(res.status, res.header.has("Location") ? " " : "", res.header.get("Location"));
  } catch (const std::invalid_argument&) {
    return "refused";
  }
}

TEST_CASE("hostile paths: dots, slashes, NUL and bytes of every kind, encoded in every way") {
  struct Case {
    std::string_view target;
    std::string want;
  };
  const Case cases[] = {
      // Dots are dots, however they are written, but only whole segments of them.
      {"/f/../t/x", "301 /t/x"},
      {"/f/%2e%2e/t/x", "301 /t/x"},
      {"/f/%2E./t/x", "301 /t/x"},
      {"/f/.%2e", "301 /"},
      {"/t/a/%2e/b", "301 /t/a/b"},
      {"/t/../../../../etc/passwd", "301 /etc/passwd"},
      {"/t/%2e%2e/%2e%2e/etc/passwd", "301 /etc/passwd"},
      {"/f/...", "name=..."},
      {"/f/%2e%2e%2e", "name=..."},
      {"/f/..a", "name=..a"},
      {"/f/..;", "name=..;"},
      {"/f/..%00", "name=..\0"s},
      {"/f/%20..", "name= .."},
      // A slash that is encoded stays in its segment: decoded, it is a value, never a path.
      {"/f/a%2fb", "name=a/b"},
      {"/f/a%2Fb", "name=a/b"},
      {"/f/..%2f..%2fetc", "name=../../etc"},
      {"/f/%2e%2e%2fetc", "name=../etc"},
      {"/f/%2f", "name=/"},
      {"/f%2fx", "404"},
      {"%2ff/x", "refused"},
      {"/t/a%2f..%2fb", "rest=a/../b"},
      // Once decoded is enough.
      {"/f/%252e%252e", "name=%2e%2e"},
      {"/f/%252f", "name=%2f"},
      {"/f/%25", "name=%"},
      // Backslashes are letters here.
      {"/f/..\\x", "name=..\\x"},
      {"/f/..%5cx", "name=..\\x"},
      {"/f\\x", "404"},
      // NUL, controls, what is not UTF-8: bytes of a value.
      {"/f/%00", "name=\0"s},
      {"/f/a%00.png", "name=a\0.png"s},
      {"/f/%0d%0aX:%20y", "name=\r\nX: y"},
      {"/f/%7f", "name=\x7f"},
      {"/f/%ff%fe", "name=\xff\xfe"},
      {"/f/%c0%ae%c0%ae", "name=\xc0\xae\xc0\xae"},  // dots, too long: no dots
      {"/f/%e2%80%ae", "name=\xe2\x80\xae"},
      {"/f/\xff", "refused"},
      {"/f/\x01", "refused"},
      {"/f/a b", "refused"},
      // Percent signs that lead nowhere.
      {"/f/%", "refused"},
      {"/f/%2", "refused"},
      {"/f/%zz", "refused"},
      {"/f/%u002e", "refused"},
      {"/f/%-1", "refused"},
      // Empty segments.
      {"//f//x", "301 /f/x"},
      {"/f//x", "301 /f/x"},
      {"/f/", "404"},
      {"/t//", "301 /t/"},
      {"///", "301 /"},
      {"/f/x/", "404"},
      {"f/x", "refused"},
      {"", "refused"},
  };
  for (const auto& [target, want] : cases) {
    INFO(target);
    CHECK(told(target) == want);
  }
}

TEST_CASE("hostile paths: a megabyte of slashes") {
  const std::string slashes(1 << 20, '/');
  CHECK(told(slashes) == "301 /");
  CHECK(told("/t" + slashes + "x") == "301 /t/x");
  CHECK(told("/t/" + std::string(1 << 20, '.')) == "rest=" + std::string(1 << 20, '.'));
  std::string up = "/t";
  for (int i = 0; i < 100'000; ++i) up += "/..";
  CHECK(told(up) == "301 /");

  jot::TestServer served(jot::Handler([] { return "x"; }));
  raw::Client client(served.server().addr());
  REQUIRE(client.send("GET "));
  client.send(slashes);  // it may stop reading
  client.send(" HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.response().status == 414);
}

TEST_CASE("hostile paths: a hundred thousand segments, where so long a target is allowed") {
  std::string path = "/t";
  for (int i = 0; i < 100'000; ++i) path += "/a";
  jot::Router app;
  app.get("/t/{rest...}", [](jot::Request& r) { return jot::text(r.path_value("rest").size()); });
  app.get("/t/a/{b}/a/{c}/a", [] { return "never"; });
  jot::TestServer served({.handler = app, .max_head = 1 << 20, .max_target = 1 << 20});
  raw::Client client(served.server().addr());
  const auto res = client.ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(res.status == 200);
  CHECK(res.body == "199999");
}

TEST_CASE("hostile hosts: ports, dots, IPv6, garbage") {
  jot::Router app;
  app.handle("example.com/", [] { return "ours"; });
  app.handle("/", [] { return "any"; });
  struct Case {
    std::string_view host, want;
  };
  const Case cases[] = {
      {"example.com", "ours"},
      {"EXAMPLE.com", "ours"},
      {"example.com:80", "ours"},
      {"example.com:", "ours"},
      {"example.com.", "ours"},
      {"example.com.:8080", "ours"},
      {"example.com..", "any"},
      {".example.com", "any"},
      {"www.example.com", "any"},
      {"example.com.evil.org", "any"},
      {"[::1]", "any"},
      {"[::1]:80", "any"},
      {"127.0.0.1:80", "any"},
      {"[example.com]", "refused"},
      {"user@example.com", "refused"},
      {"example.com/", "refused"},
      {"example.com:80:80", "refused"},
      {"example.com:http", "refused"},
      {"example.com, evil.org", "refused"},
      {"exa mple.com", "refused"},
      {"example.com\\evil.org", "refused"},
      {"example.com?", "refused"},
      {"", "refused"},
  };
  for (const auto& [host, want] : cases) {
    INFO(host);
    std::string got = "refused";
    try {
      got = record(app, request("GET", "/", {.header = {{"Host", host}}})).body;
    } catch (const std::invalid_argument&) {
    }
    CHECK(got == want);
  }
}

TEST_CASE("hostile redirects: local_redirect stays here, whatever it is given") {
  const auto to = [](const std::string& url) {
    const auto res =
        record([&](jot::ResponseWriter& w, jot::Request& r) { jot::local_redirect(w, r, url); },
               request("GET", "/"));
    return res.status == 303 ? std::string(res.header.get("Location")) : std::to_string(res.status);
  };
  for (const std::string& url : {"//evil.org"s,
                                 "///evil.org"s,
                                 "/\\evil.org"s,
                                 "\\/evil.org"s,
                                 "\\\\evil.org"s,
                                 "/\t/evil.org"s,
                                 "/\n/evil.org"s,
                                 "/\r/evil.org"s,
                                 "/\0/evil.org"s,
                                 "\t//evil.org"s,
                                 " //evil.org"s,
                                 "\x01//evil.org"s,
                                 "https://evil.org"s,
                                 "https:evil.org"s,
                                 "https:/evil"s,
                                 "HTTP://evil.org"s,
                                 "javascript:alert(1)"s,
                                 "java\tscript:alert(1)"s,
                                 "data:text/html,x"s,
                                 "evil.org"s,
                                 "@evil.org"s,
                                 ":80@evil.org"s,
                                 ".evil.org"s,
                                 "?x"s,
                                 "#x"s,
                                 ""s,
                                 "%2f%2fevil"s,
                                 "/a\r\nSet-Cookie: x=y"s,
                                 "/a\x7f"s}) {
    INFO(url);
    CHECK(to(url) == "400");
  }
  // These look bad, and lead to a page of this site: nothing in them is a host to any browser.
  for (const std::string& url :
       {"/"s, "/%2fevil.org"s, "/%2f..%2fevil.org"s, "/%5cevil.org"s, "/%09/evil.org"s,
        "/@evil.org"s, "/a@evil.org"s, "/https://evil.org"s, "/?next=//evil.org"s, "/#//evil.org"s,
        "/;//evil.org"s, "/..//evil.org"s, "/.\\evil.org"s}) {
    INFO(url);
    CHECK(to(url) == url);
  }
}

TEST_CASE("hostile values: a field that a handler sets is refused in its face, and never sent") {
  for (const std::string& value : {"a\r\nX-Evil: 1"s, "a\nb"s, "a\r"s, "\0"s, "a\x7f"s, "\x01"s}) {
    jot::Router app;
    app.get("/set", [&](jot::ResponseWriter& w) { w.header().set("X-Own", value); });
    app.get("/add", [&](jot::ResponseWriter& w) { w.header().add("X-Own", value); });
    app.get("/name", [&](jot::ResponseWriter& w) { w.header().set("X-" + value, "1"); });
    app.get("/thrown", [&] { throw jot::HttpError(409, "x", {{"X-Own", value}}); });
    app.get("/redirect",
            [&](jot::ResponseWriter& w, jot::Request& r) { jot::redirect(w, r, "/" + value); });
    raw::Served served(app);
    for (const auto path : {"/set", "/add", "/name", "/thrown", "/redirect"}) {
      INFO(path);
      const auto res = served.client().ask(jot::text("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
      CHECK(res.status == 500);
      CHECK_FALSE(res.has("X-Own"));
      CHECK_FALSE(res.has("X-Evil"));
      CHECK(res.body.find("Evil") == std::string::npos);
    }
  }
}

}  // namespace
