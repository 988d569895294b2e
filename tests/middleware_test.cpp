// SPDX-License-Identifier: MIT
//
// middleware_test.cpp -- each middleware does its one thing, and nothing else.
#include "jot.hpp"

#include "catch.hpp"
#include "jot/detail/siphash.hpp"
#include "jot/detail/token_buckets.hpp"
#include "raw_client.hpp"

#include <atomic>       // std::atomic
#include <chrono>       // std::chrono
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Handler;
using jot::HttpError;
using jot::record;
using jot::Recorded;
using jot::Request;
using jot::request;
using jot::ResponseWriter;

namespace {

const Handler hello = [] { return "hello\n"; };

// The request that r.log() of a handler of it writes to this log.
Request logged(Request r, const raw::TestLog& log) {
  r.set_log(log.logger());
  return r;
}

}  // namespace

// ---------------------------------------------------------------- recover

TEST_CASE("recover is built in: what a handler throws becomes a response") {
  struct {
    std::string_view name;
    Handler handler;
    int status;
    std::string_view body;
  } const table[] = {
      {"HttpError", [] { throw HttpError(418, "short and stout"); }, 418, "short and stout\n"},
      {"exception", [] { throw std::runtime_error("secret"); }, 500, "Internal Server Error\n"},
      {"not a std::exception", [] { throw 7; }, 500, "Internal Server Error\n"},
      {"after writing", [](ResponseWriter& w) { w.write("secret"), throw 7; }, 500,
       "Internal Server Error\n"},
  };
  raw::TestLog log;
  for (auto& t : table) {
    INFO(t.name);
    for (const Handler& h : {t.handler, jot::request_log()(jot::request_id()(t.handler))}) {
      const Recorded res = record(h, logged(request("GET", "/"), log));
      CHECK(res.status == t.status);
      CHECK(res.body == t.body);
      CHECK_FALSE(res.cut_short);
    }
  }
}

// ---------------------------------------------------------------- request_log

TEST_CASE("request_log: one record when the request is over") {
  struct {
    std::string_view name;
    Handler handler;
    int status, bytes;
  } const table[] = {
      {"text", hello, 200, 6},
      {"status", [](ResponseWriter& w) { w.write_header(204); }, 204, 0},
      {"HttpError", [] { throw HttpError(404); }, 404, 0},
      {"exception", [](ResponseWriter& w) { w.write("x"), throw 7; }, 500, 0},
      {"thrown in mid-stream",
       [](ResponseWriter& w) { w.write("some"), w.flusher()->flush(), throw 7; }, 200, 4},
      {"empty handler", {}, 404, 10},
  };
  for (auto& t : table) {
    INFO(t.name);
    raw::TestLog log;
    record(jot::request_log()(t.handler), logged(request("PUT", "/a%0Ab?c=d"), log));
    REQUIRE(log.count("request") == 1);
    for (auto& r : log.records()) {
      if (r.message != "request") continue;
      CHECK(r.level == jot::Level::info);
      CHECK(r.field("method") == "PUT");
      CHECK(r.field("path") == "/a%0Ab");
      CHECK(r.fields.at("status").as_int() == t.status);
      CHECK(r.fields.at("bytes").as_int() == t.bytes);
      CHECK(r.fields.at("ms").as_double() >= 0);
    }
  }
}

TEST_CASE("request_log: on the Router it sees what no route answers") {
  jot::Router app;
  app.use(jot::request_log());
  app.get("/a", hello);
  raw::TestLog log;
  record(app, logged(request("GET", "/none"), log));
  record(app, logged(request("POST", "/a"), log));
  REQUIRE(log.size() == 2);
  CHECK(log.records()[0].fields["status"].as_int() == 404);
  CHECK(log.records()[1].fields["status"].as_int() == 405);
}

// ---------------------------------------------------------------- request_id

TEST_CASE("request_id: takes a token that came, else makes one") {
  struct {
    std::string_view name, given;
    bool taken;
  } const table[] = {
      {"none", "", false},
      {"a token", "abc-123.DEF_x~", true},
      {"longest",
       "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
       "123456789012345678901234567890123456789012345678",
       true},
      {"too long",
       "123456789012345678901234567890123456789012345678901234567890123456789012345678"
       "901234567890123456789012345678901234567890123456789",
       false},
      {"a space inside", "a b", false},
      {"a quote", "a\"b", false},
      {"a tab", "a\tb", false},
      {"not ASCII", "caf\xc3\xa9", false},
      {"an assignment", "a=b", false},
  };
  for (auto& t : table) {
    INFO(t.name);
    std::string seen;
    const Handler h = jot::request_id()([&](Request& r) {
      seen = *r.value(jot::current_request_id);
      r.log().info("inside", {{"n", 1}});
    });
    raw::TestLog log;
    jot::RequestOptions options;
    if (!t.given.empty()) options.header.set("X-Request-ID", t.given);
    const Recorded res = record(h, logged(request("GET", "/", std::move(options)), log));
    CHECK(res.header.get("X-Request-ID") == seen);
    if (t.taken) {
      CHECK(seen == t.given);
    } else {
      CHECK(seen != t.given);
      CHECK(seen.size() == 32);
      CHECK(seen.find_first_not_of("0123456789abcdef") == seen.npos);
    }
    REQUIRE(log.size() == 1);
    CHECK(log.records()[0].field("request_id") == seen);
    CHECK(log.records()[0].fields["n"].as_int() == 1);
  }
}

TEST_CASE("request_id: two that came are none, and each that is made is new") {
  const Handler h = jot::request_id()(hello);
  const Recorded two =
      record(h, request("GET", "/", {.header = {{"X-Request-ID", "a"}, {"X-Request-ID", "b"}}}));
  CHECK(two.header.all("X-Request-ID").size() == 1);
  CHECK(two.header.get("X-Request-ID").size() == 32);
  CHECK(two.header.get("X-Request-ID") !=
        record(h, request("GET", "/")).header.get("X-Request-ID"));
}

TEST_CASE("request_id: is in the records of the library too, and ends with its request") {
  raw::Served s(jot::request_id()([](Request& r) {
    if (r.path() == "/throw") throw std::runtime_error("oh");
    return "x";
  }));
  raw::Client client = s.client();
  auto r = client.ask("GET /throw HTTP/1.1\r\nHost: h\r\nX-Request-ID: seven\r\n\r\n");
  CHECK(r.status == 500);
  REQUIRE(s.log.count("handler threw") == 1);
  CHECK(s.log.records()[0].field("request_id") == "seven");
  r = client.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.field("X-Request-ID") != "seven");
}

// ---------------------------------------------------------------- basic_auth

TEST_CASE("equal_secrets: equal, and only then") {
  struct {
    std::string_view given, secret;
    bool equal;
  } const table[] = {
      {"", "", true},        {"a", "a", true},       {"", "a", false},        {"a", "", false},
      {"a", "b", false},     {"ab", "abc", false},   {"abc", "ab", false},    {"abab", "ab", false},
      {"abc", "abd", false}, {"\0a"s, "\0a"s, true}, {"\0a"s, "\0b"s, false}, {"A", "a", false},
  };
  for (auto& t : table) {
    INFO(t.given << " / " << t.secret);
    CHECK(jot::equal_secrets(t.given, t.secret) == t.equal);
  }
}

TEST_CASE("basic_auth: who is let in, and whatever else is 401 with a challenge") {
  struct {
    std::string_view name, field;
    int status;
  } const table[] = {
      {"right", "Basic cm9vdDpzM2NyZXQ=", 200},  // root:s3cret
      {"lower case scheme", "basic cm9vdDpzM2NyZXQ=", 200},
      {"several spaces", "Basic   cm9vdDpzM2NyZXQ=", 200},
      {"none", "", 401},
      {"wrong password", "Basic cm9vdDpzM2NyZXU=", 401},
      {"wrong user", "Basic cm9vcjpzM2NyZXQ=", 401},
      {"empty password", "Basic cm9vdDo=", 401},
      {"no colon", "Basic cm9vdA==", 401},
      {"scheme alone", "Basic", 401},
      {"scheme and space", "Basic ", 401},
      {"another scheme", "Bearer cm9vdDpzM2NyZXQ=", 401},
      {"no padding", "Basic cm9vdDpzM2NyZXQ", 401},
      {"too much padding", "Basic cm9vdDpzM2NyZXQ==", 401},
      {"only padding", "Basic ====", 401},
      {"padding inside", "Basic cm9=dDpzM2NyZXQ=", 401},
      {"bits left over", "Basic cm9vdDpzM2NyZXR=", 401},
      {"not base64", "Basic !!!!", 401},
      {"for URLs", "Basic cm9vdDpzM2Ny-_==", 401},
      {"a NUL in it", "Basic cm9vdDpzM2NyZXQA", 401},
      {"a line end in it", "Basic cm9vdDpzM2NyZXQK", 401},
      {"two of them", "Basic cm9vdDpzM2NyZXQ=, Basic cm9vdDpzM2NyZXQ=", 401},
  };
  const Handler h = jot::basic_auth("the \"inner\" circle", "root", "s3cret")(hello);
  for (auto& t : table) {
    INFO(t.name);
    jot::RequestOptions options;
    if (!t.field.empty()) options.header.set("Authorization", t.field);
    const Recorded res = record(h, request("GET", "/", std::move(options)));
    CHECK(res.status == t.status);
    CHECK(res.header.get("WWW-Authenticate") ==
          (t.status == 200 ? "" : "Basic realm=\"the \\\"inner\\\" circle\", charset=\"UTF-8\""));
    CHECK(res.body == (t.status == 200 ? "hello\n" : "Unauthorized\n"));
  }
}

TEST_CASE("basic_auth: the check sees user and password as they were") {
  std::string seen;
  const Handler h = jot::basic_auth("x", [&](std::string_view user, std::string_view password) {
    seen = jot::text(user, "|", password);
    return true;
  })(hello);
  record(h, request("GET", "/", {.header = {{"Authorization", "Basic dTphOmLDqQ=="}}}));
  CHECK(seen == "u|a:b\xc3\xa9");
  record(h, request("GET", "/", {.header = {{"Authorization", "Basic Og=="}}}));
  CHECK(seen == "|");
}

TEST_CASE("basic_auth: what is no set-up throws at once") {
  CHECK_THROWS_AS(jot::basic_auth("a\nb", "u", "p"), std::invalid_argument);
  CHECK_THROWS_AS(jot::basic_auth("a", "u", ""), std::invalid_argument);
  CHECK_THROWS_AS(jot::basic_auth("a", nullptr), std::invalid_argument);
}

// ---------------------------------------------------------------- max_body

TEST_CASE("max_body: 413 for what is longer, declared or chunked") {
  raw::Facts facts;
  bool called = false;
  raw::Served s(jot::max_body(5)([&](Request& r) { return called = true, r.body().read_all(); }));
  struct {
    std::string_view name, request;
    int status;
    bool calls;
  } const table[] = {
      {"none", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, true},
      {"fits", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345", 200, true},
      {"declared", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n123456", 413, false},
      {"declared and never sent", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n",
       413, false},
      {"expecting 100-continue",
       "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n", 413,
       false},
      {"chunked, fits",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n"
       "0\r\n\r\n",
       200, true},
      {"chunked",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n4\r\n3456\r\n"
       "0\r\n\r\n",
       413, true},
  };
  for (auto& t : table) {
    INFO(t.name);
    called = false;
    raw::Client client = s.client();
    const auto r = client.ask(t.request);
    CHECK(r.status == t.status);
    CHECK(r.interim.empty());
    CHECK(called == t.calls);
  }
}

TEST_CASE("max_body: allows more than the server does") {
  jot::TestServer server(
      {.handler = jot::max_body(20)([](Request& r) { return r.body().read_all(); }),
       .max_body = 10});
  raw::Client client(server.server().addr());
  CHECK(client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n123456789012345")
            .status == 200);
  CHECK(client
            .ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n"
                 "1234567890123451234567890")
            .status == 413);
}

// ---------------------------------------------------------------- rate_limit

TEST_CASE("rate_limit: so many at once, then 429 with Retry-After") {
  const Handler h = jot::rate_limit({.per = 1h, .requests = 3})(hello);
  for (int i = 0; i < 3; ++i) CHECK(record(h, request("GET", "/")).status == 200);
  const Recorded res = record(h, request("GET", "/"));
  CHECK(res.status == 429);
  CHECK(std::stoi(std::string(res.header.get("Retry-After"))) > 1100);
  CHECK(std::stoi(std::string(res.header.get("Retry-After"))) <= 1200);
  CHECK(record(h, request("GET", "/", {.remote_addr = "192.0.2.2:1"})).status == 200);
}

TEST_CASE("rate_limit: whose addresses are one client's") {
  struct {
    std::string_view first, second;
    bool same;
  } const table[] = {
      {"192.0.2.1:1", "192.0.2.1:2", true},
      {"192.0.2.1:1", "192.0.2.1", true},
      {"192.0.2.1:1", "192.0.2.2:1", false},
      {"[2001:db8::1]:1", "[2001:db8::2]:9", true},
      {"[2001:db8::1]:1", "2001:db8:0:0:9::", true},
      {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
      {"[::ffff:192.0.2.1]:1", "192.0.2.1:1", true},
      {"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false},
      {"unix:", "unix:", true},
      {"unix:", "[", false},
      {"", "", false},  // nobody: never limited
  };
  for (auto& t : table) {
    INFO(t.first << " / " << t.second);
    const Handler h = jot::rate_limit({.per = 1h, .requests = 1})(hello);
    CHECK(record(h, request("GET", "/", {.remote_addr = std::string(t.first)})).status == 200);
    CHECK(record(h, request("GET", "/", {.remote_addr = std::string(t.second)})).status ==
          (t.same ? 429 : 200));
  }
}

TEST_CASE("rate_limit: a key of your own; an empty one is never limited") {
  const Handler h =
      jot::rate_limit({.key = [](const Request& r) { return std::string(r.header().get("X-Key")); },
                       .per = 1h,
                       .requests = 1})(hello);
  const auto status = [&](std::string_view key) {
    return record(h, request("GET", "/", {.header = {{"X-Key", key}}})).status;
  };
  CHECK(status("a") == 200);
  CHECK(status("b") == 200);
  CHECK(status("a") == 429);
  for (int i = 0; i < 3; ++i) CHECK(status("") == 200);
}

TEST_CASE("rate_limit: tokens come back one by one, and memory has an end") {
  using jot::detail::TokenBuckets;
  TokenBuckets buckets(1s, 2, 8);
  auto now = jot::Clock::now();
  CHECK(buckets.take("a", now) == 0s);
  CHECK(buckets.take("a", now) == 0s);
  CHECK(buckets.take("a", now) == 1s);
  CHECK(buckets.take("a", now + 400ms) == 600ms);  // to be refused costs nothing
  CHECK(buckets.take("a", now + 1s) == 0s);
  CHECK(buckets.take("a", now + 1s) == 1s);
  CHECK(buckets.take("a", now + 1h) == 0s);
  CHECK(buckets.take("a", now + 1h) == 0s);
  CHECK(buckets.take("a", now + 1h) == 1s);
  now += 1h;
  // Of more keys than there is room for, the busy one stays.
  for (int i = 0; i < 1000; ++i) CHECK(buckets.take("key" + std::to_string(i), now) == 0s);
  CHECK(buckets.take("a", now) == 1s);
  CHECK(buckets.take("key0", now) == 0s);
}

TEST_CASE("rate_limit: threads together take what there is, and no more") {
  const Handler h = jot::rate_limit({.burst = 100, .per = 1h, .requests = 1})(hello);
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) served += record(h, request("GET", "/")).status == 200;
    });
  for (auto& t : threads) t.join();
  CHECK(served == 100);
}

TEST_CASE("rate_limit: what is no set-up throws at once") {
  const jot::RateLimitOptions table[] = {
      {.requests = 0},
      {.per = 0s},
      {.per = -1s},
      {.max_keys = 0},
      {.per = 1ns, .requests = 2},
      {.burst = ~std::size_t{0}},
  };
  for (auto& options : table) CHECK_THROWS_AS(jot::rate_limit(options), std::invalid_argument);
}

// ---------------------------------------------------------------- etag

TEST_CASE("etag: the same bytes have the same tag, others another") {
  const auto tag = [](std::string body) {
    return std::string(
        record(jot::etag()([body] { return body; }), request("GET", "/")).header.get("ETag"));
  };
  CHECK(tag("hello\n").size() == 34);
  CHECK(tag("hello\n").front() == '"');
  CHECK(tag("hello\n").back() == '"');
  CHECK(tag("hello\n") == tag("hello\n"));
  CHECK(tag("hello\n") != tag("hello"));
  CHECK(tag("") != tag("\0"s));
  CHECK(jot::detail::siphash("", {0x0706050403020100, 0x0f0e0d0c0b0a0908}) == 0x726fdb47dd0e0e31);
  CHECK(jot::detail::siphash("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"s,
                             {0x0706050403020100, 0x0f0e0d0c0b0a0908}) == 0xa129ca6149be45e5);
}

TEST_CASE("etag: If-None-Match") {
  const Handler h = jot::etag()([](ResponseWriter& w) {
    w.header().set("ETag", "\"v1\"").set("Cache-Control", "max-age=5").set("Content-Type", "a/b");
    w.write("hello");
  });
  struct {
    std::string_view field;
    int status;
  } const table[] = {
      {"\"v1\"", 304},
      {"W/\"v1\"", 304},
      {"*", 304},
      {" * ", 304},
      {"\"v0\", \"v1\"", 304},
      {"\"v0\",\"v1\"", 304},
      {", ,\"v1\"", 304},
      {"\"a,b\", W/\"v1\"", 304},
      {"\"v0\"", 200},
      {"v1", 200},
      {"\"v1", 200},
      {"w/\"v1\"", 200},
      {"\"V1\"", 200},
      {"", 200},
      {"\"v0\" garbage \"v1\"", 200},
      {"\"v0\", *", 200},
  };
  for (auto& t : table) {
    INFO(t.field);
    for (std::string_view method : {"GET", "HEAD"}) {
      const Recorded res =
          record(h, request(method, "/", {.header = {{"If-None-Match", t.field}}}));
      CHECK(res.status == t.status);
      CHECK(res.body == (t.status == 200 ? "hello" : ""));
      CHECK(res.header.get("ETag") == "\"v1\"");
      CHECK(res.header.get("Cache-Control") == "max-age=5");
      CHECK(res.header.has("Content-Type") == (t.status == 200));
    }
  }
  const Recorded second = record(
      h,
      request("GET", "/", {.header = {{"If-None-Match", "\"v0\""}, {"If-None-Match", "\"v1\""}}}));
  CHECK(second.status == 304);
}

TEST_CASE("etag: only what is GET or HEAD, 200, short and not flushed") {
  struct {
    std::string_view name, method;
    Handler handler;
    bool tagged;
  } const table[] = {
      {"GET", "GET", hello, true},
      {"HEAD", "HEAD", hello, true},
      {"HEAD without the body", "HEAD", [](ResponseWriter& w) { w.header().set("X", "y"); }, false},
      {"POST", "POST", hello, false},
      {"created", "GET", [](ResponseWriter& w) { w.write_header(201), w.write("x"); }, false},
      {"at the limit", "GET", [] { return std::string(10, 'x'); }, true},
      {"beyond", "GET", [] { return std::string(11, 'x'); }, false},
      {"beyond, in pieces", "GET",
       [](ResponseWriter& w) {
         for (int i = 0; i < 11; ++i) w.write("x");
       },
       false},
      {"flushed", "GET", [](ResponseWriter& w) { w.write("x"), w.flusher()->flush(); }, false},
      {"nothing", "GET", [] {}, true},
      {"reset", "GET", [](ResponseWriter& w) { w.write("0123456789ab"), w.reset(), w.write("x"); },
       true},
  };
  for (auto& t : table) {
    INFO(t.name);
    const Handler h = jot::etag(10)(t.handler);
    const Recorded res = record(h, request(t.method, "/"));
    const Recorded plain = record(t.handler, request(t.method, "/"));
    CHECK(res.header.has("ETag") == t.tagged);
    CHECK(res.status == plain.status);
    CHECK(res.body == plain.body);
    const Recorded any = record(h, request(t.method, "/", {.header = {{"If-None-Match", "*"}}}));
    CHECK(any.status == (t.tagged ? 304 : plain.status));
  }
}

TEST_CASE("etag: what a handler throws, and asks") {
  CHECK(record(jot::etag()([](ResponseWriter& w) { w.write("x"), throw HttpError(404, "no"); }),
               request("GET", "/"))
            .body == "no\n");
  std::uint64_t written = 0;
  const Handler h = jot::etag(4)([&](ResponseWriter& w) {
    w.write("abc"), written = w.bytes_written() * 100;
    w.write("def"), written += w.bytes_written();
  });
  CHECK(record(h, request("GET", "/")).body == "abcdef");
  CHECK(written == 306);
}
