// SPDX-License-Identifier: MIT
//
// faults_test.cpp -- a handler that throws, a client that is gone: one answer, one line, no harm.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <atomic>       // std::atomic
#include <stdexcept>    // std::runtime_error
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using raw::Served;

namespace {

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

void dirty(ResponseWriter& w) {
  w.header().set("Content-Encoding", "gzip").set("Content-Length", 3);
  w.write_header(201), w.write("abc");
}

}  // namespace

TEST_CASE("faults: what a handler throws before its first byte has left becomes the answer") {
  struct {
    std::string_view name;
    void (*handler)(ResponseWriter&);
    int status;
    std::string_view body;
    std::size_t lines;
    std::string_view error;  // in the log
  } const table[] = {
      {"exception", [](ResponseWriter&) { throw std::runtime_error("secret"); }, 500,
       "Internal Server Error\n", 1, "secret"},
      {"exception, dirty", [](ResponseWriter& w) { dirty(w), throw std::runtime_error("secret"); },
       500, "Internal Server Error\n", 1, "secret"},
      {"not an exception", [](ResponseWriter&) { throw 42; }, 500, "Internal Server Error\n", 1,
       "not a std::exception"},
      {"HttpError", [](ResponseWriter&) { throw jot::HttpError(404, "no such post"); }, 404,
       "no such post\n", 0, ""},
      {"HttpError, dirty", [](ResponseWriter& w) { dirty(w), throw jot::HttpError(409, "taken"); },
       409, "taken\n", 0, ""},
      {"HttpError without words", [](ResponseWriter&) { throw jot::HttpError(403); }, 403,
       "Forbidden\n", 0, ""},
  };
  jot::Router app;
  for (auto& t : table) app.get("/" + std::to_string(&t - table), t.handler);
  Served s(app);
  raw::Client client = s.client();  // one for all: it stays usable
  for (auto& t : table) {
    INFO(t.name);
    s.log.clear();
    const std::string path = "/" + std::to_string(&t - table);
    auto r = client.ask(get(path));
    CHECK(r.whole());
    CHECK(r.status == t.status);
    CHECK(r.body == t.body);
    CHECK_FALSE(r.has("Content-Encoding"));
    CHECK(r.field("Content-Type") == "text/plain; charset=utf-8");
    CHECK(r.field("X-Content-Type-Options") == "nosniff");
    CHECK_FALSE(r.has("Connection"));
    CHECK(s.log.size() == t.lines);
    if (t.lines == 0) continue;
    auto record = s.log.records()[0];
    CHECK(record.level == jot::Level::error);
    CHECK(record.field("method") == "GET");
    CHECK(record.field("pattern") == "GET " + path);
    CHECK(record.field("error") == t.error);
  }
}

TEST_CASE("faults: HttpError brings its fields") {
  Served s([] { throw jot::HttpError(429, "slow down", {{"Retry-After", "5"}}); });
  CHECK(s.client().ask(get("/")).field("Retry-After") == "5");
}

TEST_CASE("faults: what a handler throws later cuts the answer so that it shows") {
  struct {
    std::string_view name;
    std::string request;
    bool length;
    raw::End end;
  } const table[] = {
      {"chunked", get("/"), false, raw::End::closed},
      {"length", get("/"), true, raw::End::closed},
      {"until close", "GET / HTTP/1.0\r\n\r\n", false, raw::End::reset},
      {"until close, length", "GET / HTTP/1.0\r\n\r\n", true, raw::End::closed},
  };
  for (auto& t : table) {
    for (bool http_error : {false, true}) {
      INFO(t.name);
      raw::Gate gate;
      Served s([&](ResponseWriter& w) {
        if (t.length) w.header().set("Content-Length", 100);
        w.write("first half");
        w.flusher()->flush();
        gate.wait();
        w.write("never sent");
        if (http_error) throw jot::HttpError(404, "too late");
        throw std::runtime_error("too late");
      });
      raw::Client client = s.client();
      client.send(t.request);
      while (client.peek(0).find("first half") == std::string::npos)
        REQUIRE(client.peek(client.peek(0).size() + 1).size() < 4096);
      gate.open();
      auto r = client.response();
      CHECK(r.status == 200);
      CHECK(r.body == "first half");
      CHECK(r.end == t.end);
      if (!http_error) CHECK(s.log.count("handler threw") == 1);
      CHECK(s.log.size() <= 1);
      CHECK(s.client().ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
    }
  }
}

TEST_CASE("faults: an error page that throws ends in a plain 500") {
  jot::Router app;
  app.get("/", [] { throw std::runtime_error("first"); });
  app.on_error(
      [](ResponseWriter&, Request&, int, std::string_view) { throw std::runtime_error("second"); });
  Served s(app);
  raw::Client client = s.client();
  CHECK(client.ask(get("/")).status == 500);
  CHECK(client.ask(get("/none")).status == 500);
}

TEST_CASE("faults: a log that throws breaks nothing") {
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [](Request&) -> std::string { throw std::runtime_error("x"); },
                      .log = jot::Logger([](const jot::LogRecord&) { throw 1; })});
  server.start();
  raw::Client client(server.addr());
  CHECK(client.ask(get("/")).status == 500);
  CHECK(client.ask("bad\r\n\r\n").status == 400);
  CHECK(raw::Client(server.addr()).ask(get("/")).status == 500);
}

TEST_CASE("faults: a client that resets in the middle of its answer") {
  std::atomic<int> cut{0};
  Served s([&cut](ResponseWriter& w, Request& r) {
    if (r.path() == "/small") return void(w.write("small"));
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 1000; ++i) {
      if (!w.write(piece)) return void(++cut);
    }
  });
  const int clients = 10;
  for (int i = 0; i < clients; ++i) {
    raw::Client client = s.client();
    client.send(get("/"));
    client.peek(200'000);
    client.reset();
    CHECK(s.client().ask(get("/small")).body == "small");
  }
  CHECK(raw::eventually([&] { return s.server.stats().connections == 0; }));
  CHECK(cut == clients);
  CHECK(s.log.count("client left before the end") == clients);
  CHECK(s.log.size() == clients);
}

TEST_CASE("faults: a handler hears that its client is gone") {
  struct {
    std::string_view name;
    void (*leave)(raw::Client&);
  } const table[] = {
      {"close", [](raw::Client& c) { c.close(); }},
      {"reset", [](raw::Client& c) { c.reset(); }},
      {"half-close", [](raw::Client& c) { c.finish_sending(); }},
  };
  for (auto& t : table) {
    for (auto way : {"/wait", "/sleep"}) {
      INFO(t.name << way);
      raw::Gate entered, left;
      raw::Facts facts;
      Served s([&](Request& r) {
        jot::Context ctx = r.context();
        entered.open();
        if (r.path() == "/wait")
          facts.expect(ctx.wait_for(10s), "done");
        else
          facts.expect(!ctx.sleep_for(10s), "woken");
        facts.expect(ctx.err() == jot::Errc::canceled, "canceled");
        facts.expect(ctx.cause().message() == "client gone", "cause");
        left.open();
        return "still written";
      });
      raw::Client client = s.client();
      client.send(get(way));
      REQUIRE(entered.wait());
      t.leave(client);
      CHECK(left.wait());
      CHECK(facts.wrong() == "");
      if (t.name == "half-close") {
        CHECK(client.response().body == "still written");
        CHECK(client.is_closed());
      }
    }
  }
}

TEST_CASE("faults: a client that leaves while its body is read") {
  for (bool resets : {false, true}) {
    raw::Gate entered;
    std::atomic<int> status{0};
    Served s([&](Request& r) {
      char some[100];
      r.body().read(some);
      entered.open();
      try {
        r.body().read_all();
      } catch (const jot::HttpError& e) {
        status = e.status();
        throw;
      }
    });
    raw::Client client = s.client();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello");
    REQUIRE(entered.wait());
    if (resets)
      client.reset();
    else
      client.finish_sending();
    if (!resets) CHECK(client.response().status == 400);
    CHECK(raw::eventually([&] { return s.server.stats().connections == 0; }));
    CHECK(status == 400);
  }
}

TEST_CASE("faults: clients that come and go at once") {
  Served s([] { return "hello"; });
  for (int i = 0; i < 200; ++i) {
    raw::Client client = s.client();
    if (i % 4 == 0) client.send(get("/"));
    if (i % 4 == 1) client.send("GET / HT");
    if (i % 4 == 2) client.finish_sending();
    if (i % 2 == 0) client.reset();
  }
  CHECK(s.client().ask(get("/")).body == "hello");
  CHECK(raw::eventually([&] { return s.server.stats().connections == 0; }));
  CHECK(s.server.stats().accepted >= 101);  // a reset one may be gone before it is accepted
}
