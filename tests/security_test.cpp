// SPDX-License-Identifier: MIT
//
// security_test.cpp -- what other sites may do here, what browsers are told, and whom we believe.
#include "jot/security.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "raw_client.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using jot::Header;
using jot::record;
using jot::Recorded;
using jot::request;
using Strings = std::vector<std::string>;

jot::Handler ok() {
  return [] { return "ok"; };
}

// ---- cors ----

Recorded preflight(const jot::Middleware& m, std::string_view origin, std::string_view method,
                   std::string_view headers = {}) {
  Header h{{"Origin", origin}, {"Access-Control-Request-Method", method}};
  if (!headers.empty()) h.set("Access-Control-Request-Headers", headers);
  return record(m(ok()), request("OPTIONS", "/", {.header = h}));
}

std::string allowed_origin(const jot::Middleware& m, std::string_view origin) {
  return std::string(record(m(ok()), request("GET", "/", {.header = {{"Origin", origin}}}))
                         .header.get("Access-Control-Allow-Origin"));
}

TEST_CASE("cors: which origins may read") {
  struct Case {
    std::string_view allowed, origin;
    bool may;
  };
  const Case cases[] = {
      {"https://a.example", "https://a.example", true},
      {"https://a.example", "http://a.example", false},
      {"https://a.example", "https://a.example:8443", false},
      {"https://a.example:8443", "https://a.example:8443", true},
      {"https://a.example", "https://a.example.evil.org", false},
      {"https://a.example", "https://evil-a.example", false},
      {"https://a.example", "null", false},
      {"https://a.example", "", false},
      {"null", "null", true},
      {"https://*.a.example", "https://x.a.example", true},
      {"https://*.a.example", "https://x.y.a.example", true},
      {"https://*.a.example", "https://a.example", false},
      {"https://*.a.example", "https://.a.example", false},
      {"https://*.a.example", "https://evila.example", false},
      {"https://*.a.example", "http://x.a.example", false},
      {"https://*.a.example", "https://x.a.example:8443", false},
      {"https://*.a.example", "https://evil.org/.a.example", false},
      {"https://*.a.example", "https://evil.org?.a.example", false},
      {"https://*.a.example", "https://evil.org@.a.example", false},
      {"https://*.a.example", "https://evil.org\\.a.example", false},
  };
  for (const auto& [allowed, origin, may] : cases) {
    INFO(allowed << " and " << origin);
    const auto m = jot::cors({.origins = {std::string(allowed)}});
    CHECK(allowed_origin(m, origin) == (may ? origin : ""));
    CHECK(preflight(m, origin, "GET").header.has("Access-Control-Allow-Origin") == may);
  }
  CHECK(allowed_origin(jot::cors({.origins = {"*"}}), "https://anyone.example") == "*");
  CHECK(allowed_origin(jot::cors({}), "https://anyone.example").empty());
}

TEST_CASE("cors: the fields of a response, and what caches must know") {
  const auto m = jot::cors(
      {.origins = {"https://a.example"}, .credentials = true, .expose = {"X-Total", "ETag"}});
  const auto get = [&](Header h) {
    return record(m(ok()), request("GET", "/", {.header = std::move(h)}));
  };
  const Recorded allowed = get({{"Origin", "https://a.example"}});
  CHECK(allowed.body == "ok");
  CHECK(allowed.header.get("Access-Control-Allow-Credentials") == "true");
  CHECK(allowed.header.get("Access-Control-Expose-Headers") == "X-Total, ETag");
  CHECK(allowed.header.get("Vary") == "Origin");
  CHECK_FALSE(allowed.header.has("Access-Control-Allow-Methods"));

  for (const Header& h :
       {Header{}, Header{{"Origin", "https://b.example"}},
        Header{{"Origin", "https://a.example"}, {"Origin", "https://b.example"}}}) {
    const Recorded other = get(h);
    CHECK(other.body == "ok");  // it is the browser that does not show it
    CHECK(other.header.get("Vary") == "Origin");
    CHECK(other.header.size() == 3);  // and the two of text
  }
  const auto anyone = jot::cors({.origins = {"*"}});
  CHECK_FALSE(record(anyone(ok()), request("GET", "/")).header.has("Vary"));
}

TEST_CASE("cors: a preflight is answered whole, or with nothing") {
  const auto m = jot::cors({.origins = {"https://a.example"},
                            .methods = {"GET", "PUT"},
                            .headers = {"Content-Type", "X-Key"},
                            .credentials = true,
                            .expose = {"X-Total"},
                            .max_age = std::chrono::minutes(10)});
  const Recorded yes = preflight(m, "https://a.example", "PUT", "content-type, x-key,accept");
  CHECK(yes.status == 204);
  CHECK(yes.body.empty());
  CHECK(yes.header.get("Access-Control-Allow-Origin") == "https://a.example");
  CHECK(yes.header.get("Access-Control-Allow-Methods") == "GET, PUT");
  CHECK(yes.header.get("Access-Control-Allow-Headers") == "Content-Type, X-Key");
  CHECK(yes.header.get("Access-Control-Allow-Credentials") == "true");
  CHECK(yes.header.get("Access-Control-Max-Age") == "600");
  CHECK_FALSE(yes.header.has("Access-Control-Expose-Headers"));
  CHECK_FALSE(yes.header.has("Access-Control-Allow-Private-Network"));

  struct Case {
    std::string_view origin, method, headers;
  };
  for (const auto& [origin, method, headers] :
       {Case{"https://b.example", "PUT", "x-key"}, Case{"https://a.example", "DELETE", ""},
        Case{"https://a.example", "put", ""}, Case{"https://a.example", "P T", ""},
        Case{"https://a.example", "PUT", "x-key, x-other"},
        Case{"https://a.example", "PUT", "x key"}}) {
    INFO(origin << " " << method << " " << headers);
    const Recorded no = preflight(m, origin, method, headers);
    CHECK(no.status == 204);
    CHECK(no.header.size() == 1);
    CHECK(no.header.get("Vary").starts_with("Origin, "));
  }
}

TEST_CASE("cors: all methods, all fields") {
  const auto m = jot::cors({.origins = {"*"}, .methods = {"*"}, .headers = {"*"}});
  const Recorded yes = preflight(m, "https://a.example", "PURGE", "x-a, x-b");
  CHECK(yes.header.get("Access-Control-Allow-Origin") == "*");
  CHECK(yes.header.get("Access-Control-Allow-Methods") == "PURGE");
  CHECK(yes.header.get("Access-Control-Allow-Headers") == "x-a, x-b");
  CHECK_FALSE(preflight(m, "https://a.example", "A,B").header.has("Access-Control-Allow-Methods"));
}

TEST_CASE("cors: private networks, where they are allowed and asked for") {
  const Header asks{{"Origin", "https://a.example"},
                    {"Access-Control-Request-Method", "GET"},
                    {"Access-Control-Request-Private-Network", "true"}};
  for (const bool allowed : {false, true}) {
    const auto m = jot::cors({.origins = {"*"}, .private_network = allowed});
    const auto res = record(m(ok()), request("OPTIONS", "/", {.header = asks}));
    CHECK(res.header.has("Access-Control-Allow-Private-Network") == allowed);
  }
}

TEST_CASE("cors: on a Router it answers preflights before routes do; other OPTIONS pass") {
  jot::Router app;
  app.use(jot::cors({.origins = {"https://a.example"}, .methods = {"PUT"}}));
  app.put("/x", ok());
  const Header h{{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "PUT"}};
  CHECK(record(app, request("OPTIONS", "/x", {.header = h}))
            .header.has("Access-Control-Allow-Methods"));
  const auto plain =
      record(app, request("OPTIONS", "/x", {.header = {{"Origin", "https://a.example"}}}));
  CHECK(plain.header.get("Allow") == "OPTIONS, PUT");
  CHECK(plain.header.has("Access-Control-Allow-Origin"));
}

TEST_CASE("cors and secure_headers: errors keep their fields, whoever writes the page") {
  jot::Router app;
  app.use(jot::secure_headers());
  app.use(jot::cors({.origins = {"https://a.example"}}));
  app.get("/thrown", [](jot::ResponseWriter& w) {
    w.header().set("X-Failed", "1");
    throw jot::HttpError(404, "no such thing", {{"Vary", "Accept"}});
  });
  app.get("/broken", [] { throw std::runtime_error("secret"); });
  app.get("/error", [](jot::ResponseWriter& w) { jot::error(w, 418, "no"); });
  for (const auto path : {"/thrown", "/broken", "/error", "/nowhere"}) {
    INFO(path);
    const auto res =
        record(app, request("GET", path, {.header = {{"Origin", "https://a.example"}}}));
    CHECK(res.status >= 400);
    CHECK(res.header.get("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(res.header.all("X-Frame-Options").size() == 1);
    CHECK(res.header.get("Vary") == "Origin");
    CHECK_FALSE(res.header.has("X-Failed"));
  }
}

TEST_CASE("secure_headers: the inner one counts, also where it fails") {
  jot::SecureHeadersOptions framed;
  framed.frame_options = "SAMEORIGIN";
  for (const bool fails : {false, true}) {
    const auto app = jot::secure_headers()(jot::secure_headers(framed)([fails] {
      if (fails) throw jot::HttpError(404);
    }));
    const auto res = record(app, request("GET", "/"));
    CHECK(res.header.all("X-Frame-Options") == std::vector<std::string_view>{"SAMEORIGIN"});
  }
}

TEST_CASE("cors: options that cannot be meant throw") {
  using Options = jot::CorsOptions;
  CHECK_THROWS_AS(jot::cors(Options{.origins = {"*"}, .credentials = true}), std::invalid_argument);
  for (const auto origin : {"", "a.example", "https://a.example/", "https://", "https://*",
                            "https://a.*.example", "https://a b", "*.example", "https://a.example:",
                            "https://x@a.example", "https://a\r\nb", "://a.example"}) {
    INFO(origin);
    CHECK_THROWS_AS(jot::cors(Options{.origins = {origin}}), std::invalid_argument);
  }
  CHECK_THROWS_AS(jot::cors(Options{.origins = {"*", "https://a.example"}}), std::invalid_argument);
  CHECK_THROWS_AS(jot::cors(Options{.methods = {"GET, PUT"}}), std::invalid_argument);
  CHECK_THROWS_AS(jot::cors(Options{.headers = {"X-\r\n"}}), std::invalid_argument);
}

// ---- csrf_guard ----

TEST_CASE("csrf_guard: who passes, as Go's CrossOriginProtection has it") {
  struct Case {
    std::string_view method, site, origin;
    int status;
  };
  const Case cases[] = {
      {"POST", "same-origin", "", 200},
      {"POST", "none", "", 200},
      {"POST", "cross-site", "", 403},
      {"POST", "same-site", "", 403},
      {"POST", "Same-Origin", "", 403},
      {"POST", "nonsense", "", 403},
      {"POST", "", "", 200},  // curl, old browsers that send neither
      {"POST", "", "https://example.com", 200},
      {"POST", "", "http://example.com", 200},
      {"POST", "", "https://example.com:8443", 403},
      {"POST", "", "https://attacker.example", 403},
      {"POST", "", "https://example.com.attacker.example", 403},
      {"POST", "", "https://attacker.example/?example.com", 403},
      {"POST", "", "https://example.com@attacker.example", 403},
      {"POST", "", "example.com", 403},
      {"POST", "", "null", 403},
      {"POST", "", "https://", 403},
      {"POST", "same-origin", "https://attacker.example", 200},  // the browser knows better
      {"POST", "cross-site", "https://example.com", 403},
      {"GET", "cross-site", "", 200},
      {"HEAD", "cross-site", "", 200},
      {"OPTIONS", "cross-site", "https://attacker.example", 200},
      {"PUT", "cross-site", "", 403},
      {"PATCH", "cross-site", "", 403},
      {"DELETE", "cross-site", "", 403},
      {"get", "cross-site", "", 403},
      {"PURGE", "cross-site", "", 403},
      {"POST", "cross-site", "https://trusted.example", 200},
      {"POST", "same-site", "https://trusted.example", 200},
      {"POST", "", "https://trusted.example", 200},
      {"POST", "", "http://trusted.example", 403},
      {"POST", "", "https://trusted.example:444", 403},
  };
  const auto app = jot::csrf_guard({.trusted_origins = {"https://trusted.example"}})(ok());
  for (const auto& [method, site, origin, status] : cases) {
    INFO(method << " " << site << " " << origin);
    Header h;
    if (!site.empty()) h.set("Sec-Fetch-Site", site);
    if (!origin.empty()) h.set("Origin", origin);
    CHECK(record(app, request(method, "/", {.header = h})).status == status);
  }
}

TEST_CASE("csrf_guard: Origin is compared with Host, port and all") {
  const auto app = jot::csrf_guard()(ok());
  for (const auto host : {"example.com:8080", "[::1]:8080", "192.0.2.1", "example.com."}) {
    const std::string origin = std::string("http://") + host;
    CHECK(record(app, request("POST", "/", {.header = {{"Host", host}, {"Origin", origin}}}))
              .status == 200);
    CHECK(record(app, request("POST", "/", {.header = {{"Origin", origin}}})).status == 403);
  }
}

TEST_CASE("csrf_guard: exemptions, and options that cannot be meant") {
  const auto app = jot::csrf_guard(
      {.exempt = [](const jot::Request& r) { return r.path().starts_with("/hook"); }})(ok());
  const Header cross{{"Sec-Fetch-Site", "cross-site"}};
  CHECK(record(app, request("POST", "/hook/1", {.header = cross})).status == 200);
  CHECK(record(app, request("POST", "/other", {.header = cross})).status == 403);
  for (const auto origin :
       {"example.com", "https://example.com/", "https://*.example.com", "", "null", "https://"}) {
    INFO(origin);
    CHECK_THROWS_AS(jot::csrf_guard({.trusted_origins = {origin}}), std::invalid_argument);
  }
}

// ---- secure_headers ----

TEST_CASE("secure_headers: all of them, and https only where it is") {
  const auto app = jot::secure_headers()(ok());
  const auto plain = record(app, request("GET", "/"));
  CHECK(plain.header.get("X-Content-Type-Options") == "nosniff");
  CHECK(plain.header.get("X-Frame-Options") == "DENY");
  CHECK(plain.header.get("Referrer-Policy") == "strict-origin-when-cross-origin");
  CHECK(plain.header.get("Cross-Origin-Opener-Policy") == "same-origin");
  CHECK(plain.header.get("Cross-Origin-Resource-Policy") == "same-origin");
  CHECK(plain.header.get("Content-Security-Policy").find("frame-ancestors 'none'") !=
        std::string_view::npos);
  CHECK_FALSE(plain.header.has("Strict-Transport-Security"));
  CHECK_FALSE(plain.header.has("Permissions-Policy"));

  const auto behind = jot::real_ip({"192.0.2.1"})(app);
  const auto tls =
      record(behind, request("GET", "/", {.header = {{"X-Forwarded-Proto", "https"}}}));
  CHECK(tls.header.get("Strict-Transport-Security") == "max-age=31536000");
}

TEST_CASE("secure_headers: what is empty is left out, what a handler sets counts") {
  jot::SecureHeadersOptions options;
  options.frame_options = "";
  options.permissions_policy = "camera=()";
  const auto res = record(jot::secure_headers(options)([](jot::ResponseWriter& w) {
                            w.header().set("Referrer-Policy", "no-referrer");
                            return "x";
                          }),
                          request("GET", "/"));
  CHECK_FALSE(res.header.has("X-Frame-Options"));
  CHECK(res.header.get("Permissions-Policy") == "camera=()");
  CHECK(res.header.all("Referrer-Policy") == std::vector<std::string_view>{"no-referrer"});
  CHECK(res.header.all("X-Content-Type-Options").size() == 1);
  options.referrer_policy = "a\r\nSet-Cookie: x=y";
  CHECK_THROWS_AS(jot::secure_headers(options), std::invalid_argument);
}

// ---- real_ip ----

const jot::Handler who = [](jot::Request& r) {
  return jot::text(r.remote_addr(), " ", r.scheme());
};

TEST_CASE("real_ip: from right to left, as far as it can be trusted") {
  struct Case {
    std::string_view peer;
    Header header;
    std::string_view want;
  };
  const Strings trusted{"10.0.0.0/8", "192.0.2.7", "fd00::/8", "unix"};
  const std::string_view proxy = "10.0.0.1:5000", client = "198.51.100.9:5000";
  const Case cases[] = {
      {client, {}, "198.51.100.9:5000 http"},
      {proxy, {}, "10.0.0.1:5000 http"},
      // A client cannot say who it is.
      {client, {{"X-Forwarded-For", "203.0.113.1"}}, "198.51.100.9:5000 http"},
      {client, {{"Forwarded", "for=203.0.113.1;proto=https"}}, "198.51.100.9:5000 http"},
      {client, {{"X-Forwarded-Proto", "https"}}, "198.51.100.9:5000 http"},
      {"unix:", {{"X-Forwarded-For", "203.0.113.1"}}, "203.0.113.1 http"},
      {"[fd00::1]:80", {{"X-Forwarded-For", "203.0.113.1"}}, "203.0.113.1 http"},
      // The last that is not trusted; what is left of it may be invented.
      {proxy, {{"X-Forwarded-For", "203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"X-Forwarded-For", "1.1.1.1, 203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"X-Forwarded-For", "1.1.1.1,203.0.113.1 ,10.2.3.4,192.0.2.7"}}, "203.0.113.1 http"},
      {proxy,
       {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "203.0.113.1"}},
       "203.0.113.1 http"},
      {proxy,
       {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "203.0.113.1, 10.0.0.2"}},
       "203.0.113.1 http"},
      {proxy, {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}, "10.0.0.3 http"},  // one of us
      // Ports, IPv6.
      {proxy, {{"X-Forwarded-For", "203.0.113.1:4711"}}, "203.0.113.1:4711 http"},
      {proxy, {{"X-Forwarded-For", "2001:DB8:0::1"}}, "2001:db8::1 http"},
      {proxy, {{"X-Forwarded-For", "[2001:db8::1]"}}, "2001:db8::1 http"},
      {proxy, {{"X-Forwarded-For", "[2001:db8::1]:443"}}, "[2001:db8::1]:443 http"},
      {proxy, {{"X-Forwarded-For", "::ffff:203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1, ::ffff:10.0.0.2"}}, "203.0.113.1 http"},
      // Empty and garbage.
      {proxy, {{"X-Forwarded-For", ""}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", ",, ,"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1,, ,"}}, "203.0.113.1 http"},
      {proxy, {{"X-Forwarded-For", "unknown"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1, unknown"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1, garbage, 10.0.0.2"}}, "10.0.0.2 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1:99999"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.1:"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "203.0.113.256"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "[203.0.113.1]"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "[2001:db8::1"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "[2001:db8::1]443"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-For", "\"1.1.1.1, 203.0.113.1"}}, "203.0.113.1 http"},
      // Schemes.
      {proxy, {{"X-Forwarded-Proto", "https"}}, "10.0.0.1:5000 https"},
      {proxy, {{"X-Forwarded-Proto", "HTTPS"}}, "10.0.0.1:5000 https"},
      {proxy, {{"X-Forwarded-Proto", "gopher"}}, "10.0.0.1:5000 http"},
      {proxy, {{"X-Forwarded-Proto", "https, http"}}, "10.0.0.1:5000 http"},
      {proxy,
       {{"X-Forwarded-For", "203.0.113.1, 10.0.0.2"}, {"X-Forwarded-Proto", "https, http"}},
       "203.0.113.1 https"},
      {proxy,
       {{"X-Forwarded-For", "203.0.113.1, 10.0.0.2"}, {"X-Forwarded-Proto", "https,http,http"}},
       "203.0.113.1 http"},
      {proxy,
       {{"X-Forwarded-For", "203.0.113.1, 10.0.0.2"}, {"X-Forwarded-Proto", "https"}},
       "203.0.113.1 https"},
      // Forwarded, RFC 7239.
      {proxy, {{"Forwarded", "for=203.0.113.1"}}, "203.0.113.1 http"},
      {proxy,
       {{"Forwarded", "For=\"203.0.113.1:80\";Proto=https;by=10.0.0.1"}},
       "203.0.113.1:80 https"},
      {proxy, {{"Forwarded", "for=\"[2001:db8:cafe::17]:4711\""}}, "[2001:db8:cafe::17]:4711 http"},
      {proxy, {{"Forwarded", "for=\"[2001:db8::1]:_x\""}}, "2001:db8::1 http"},
      {proxy,
       {{"Forwarded", "for=1.1.1.1;proto=https, for=203.0.113.1;proto=http"}},
       "203.0.113.1 http"},
      {proxy,
       {{"Forwarded", "for=203.0.113.1;proto=https, for=10.0.0.2;proto=http"}},
       "203.0.113.1 https"},
      {proxy, {{"Forwarded", "for=1.1.1.1"}, {"Forwarded", "for=203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=unknown"}}, "10.0.0.1:5000 http"},
      {proxy, {{"Forwarded", "for=_hidden, for=10.0.0.2"}}, "10.0.0.2 http"},
      {proxy, {{"Forwarded", "by=203.0.113.1"}}, "10.0.0.1:5000 http"},
      {proxy, {{"Forwarded", ";;=;for"}}, "10.0.0.1:5000 http"},
      {proxy, {{"Forwarded", "for=\"203.0.113.1"}}, "10.0.0.1:5000 http"},
      {proxy, {{"Forwarded", "for=\"\\2\\03.0.113.1\""}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "by=\"a,b;for=1.1.1.1\";for=203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=203.0.113.1;by=\"a,b\""}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=203.0.113.1;by=\"a;for=1.1.1.1\""}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=203.0.113.1;by=\"a\\\",b\""}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=203.0.113.1;by=\"a\\\\\""}}, "203.0.113.1 http"},
      // A quote that never ends must not swallow what a proxy appends.
      {proxy, {{"Forwarded", "for=\"1.1.1.1, for=203.0.113.1"}}, "203.0.113.1 http"},
      {proxy, {{"Forwarded", "for=\"\\, for=\"203.0.113.1\""}}, "203.0.113.1 http"},
      // Both: the one that nearly every proxy sets.
      {proxy,
       {{"Forwarded", "for=1.1.1.1"}, {"X-Forwarded-For", "203.0.113.1"}},
       "203.0.113.1 http"},
  };
  const auto app = jot::real_ip(trusted)(who);
  for (const auto& [peer, header, want] : cases) {
    for (const auto& [name, value] : header) UNSCOPED_INFO(name << ": " << value);
    CHECK(record(app, request("GET", "/", {.header = header, .remote_addr = std::string(peer)}))
              .body == want);
  }
}

TEST_CASE("real_ip: a long list is read as far as it has to be") {
  std::string list = "203.0.113.1";
  for (int i = 0; i < 100'000; ++i) list += ", 10.0.0.2";
  const auto app = jot::real_ip({"10.0.0.0/8"})(who);
  const auto ask = [&](const std::string& value) {
    return record(app,
                  request("GET", "/",
                          {.header = {{"X-Forwarded-For", value}}, .remote_addr = "10.0.0.1:1"}))
        .body;
  };
  CHECK(ask(list) == "203.0.113.1 http");
  CHECK(ask(std::string(1 << 20, ',')) == "10.0.0.1:1 http");
  CHECK(ask(std::string(1 << 20, '"')) == "10.0.0.1:1 http");
  CHECK(ask(std::string(1 << 20, '\\').append(1, '"')) == "10.0.0.1:1 http");
}

TEST_CASE("real_ip: networks") {
  struct Case {
    const char* network;
    std::string_view peer;
    bool trusted;
  };
  const Case cases[] = {
      {"10.0.0.0/8", "10.255.255.255:1", true},
      {"10.0.0.0/8", "11.0.0.0:1", false},
      {"10.1.2.3/8", "10.9.9.9:1", true},
      {"192.0.2.128/25", "192.0.2.127:1", false},
      {"192.0.2.128/25", "192.0.2.255:1", true},
      {"192.0.2.1/32", "192.0.2.1:1", true},
      {"192.0.2.1/32", "192.0.2.0:1", false},
      {"0.0.0.0/0", "203.0.113.1:1", true},
      {"0.0.0.0/0", "[2001:db8::1]:1", false},
      {"::/0", "203.0.113.1:1", true},
      {"2001:db8::/33", "[2001:db8:7fff::1]:1", true},
      {"2001:db8::/33", "[2001:db8:8000::1]:1", false},
      {"::1", "[::1]:1", true},
      {"::1", "127.0.0.1:1", false},
      {"unix", "unix:/run/a.sock", true},
      {"127.0.0.1", "unix:", false},
      {"127.0.0.1", "127.0.0.1", true},  // without a port
      {"127.0.0.1", "", false},
  };
  for (const auto& [network, peer, trusted] : cases) {
    INFO(network << " " << peer);
    const auto app = jot::real_ip({network})(who);
    const auto res = record(app, request("GET", "/",
                                         {.header = {{"X-Forwarded-For", "198.51.100.1"}},
                                          .remote_addr = std::string(peer)}));
    CHECK((res.body == "198.51.100.1 http") == trusted);
  }
  for (const auto bad : {"", "localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8",
                         "::/129", "10.0.0.0/8/8", "10.0.0.0/+8", "10.0.0.1:80", "[::1]", " ::1",
                         "2001:db8::/0x10", "/8", "10.0.0.0/08a"}) {
    INFO(bad);
    CHECK_THROWS_AS(jot::real_ip({bad}), std::invalid_argument);
  }
}

TEST_CASE("trusted_proxies: what the server knows, all handlers and logs know") {
  const auto ask = [](Strings proxies, std::string_view fields) {
    jot::TestServer served({.handler = who, .trusted_proxies = std::move(proxies)});
    raw::Client client(served.server().addr());
    return client.ask(jot::text("GET / HTTP/1.1\r\nHost: x\r\n", fields, "\r\n")).body;
  };
  const std::string_view fields = "X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\n";
  CHECK(ask({"127.0.0.1"}, fields) == "203.0.113.1 https");
  CHECK(ask({"10.0.0.1"}, fields).starts_with("127.0.0.1:"));
  CHECK(ask({}, fields).ends_with(" http"));
  CHECK_THROWS_AS(jot::Server({.trusted_proxies = {"localhost"}}), std::invalid_argument);
}

TEST_CASE("trusted_proxies: each request of a connection has a client of its own") {
  jot::TestServer served({.handler = who, .trusted_proxies = {"127.0.0.1"}});
  raw::Client client(served.server().addr());
  const auto ask = [&](std::string_view fields) {
    return client.ask(jot::text("GET / HTTP/1.1\r\nHost: x\r\n", fields, "\r\n")).body;
  };
  CHECK(ask("X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\n") == "203.0.113.1 https");
  const std::string plain = ask("");
  CHECK(plain.starts_with("127.0.0.1:"));
  CHECK(plain.ends_with(" http"));
  CHECK(ask("X-Forwarded-For: 203.0.113.2\r\n") == "203.0.113.2 http");
}

}  // namespace
