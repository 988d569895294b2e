// SPDX-License-Identifier: MIT
//
// stop_test.cpp -- a server that ends: gently, at once, and at any time.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <atomic>  // std::atomic
#include <memory>  // std::make_unique
#include <string>  // std::string
#include <thread>  // std::thread
#include <vector>  // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using Clock = std::chrono::steady_clock;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::string get_path(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

struct Running {
  explicit Running(std::atomic<int>& n) : count(n) { ++count; }
  Running(const Running&) = delete;
  ~Running() { --count; }
  std::atomic<int>& count;
};

bool refuses(const std::string& addr) {
  try {
    return raw::Client(addr).ask(get).status == 0;
  } catch (const std::runtime_error&) {
    return true;
  }
}

}  // namespace

TEST_CASE("stop: what was never started ends as well") {
  jot::Server server({.addr = "127.0.0.1:0"});
  CHECK(server.shutdown(jot::background()));
  CHECK(server.stats().threads == 0);
}

TEST_CASE("stop: idle connections close, running and late requests end, new clients find nobody") {
  raw::Gate gate, entered;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&](Request& r) {
                            if (r.path() == "/") return "idle";
                            entered.open();
                            gate.wait();
                            return "done";
                          },
                      .log = log.logger()});
  server.start();
  raw::Client idle(server.addr()), fresh(server.addr()), running(server.addr()),
      half(server.addr()), late(server.addr());
  CHECK(idle.ask(get).body == "idle");
  half.send("GET / HT");
  running.send(get_path("/run") + get);
  REQUIRE(entered.wait());
  // The half head has been read: else its connection would end in a reset.
  REQUIRE(raw::eventually([&] { return server.stats().bytes_in >= get.size() + 8; }));
  bool in_time = false;
  std::thread stopper([&] { in_time = server.shutdown(jot::background()); });
  CHECK(raw::eventually([&] { return refuses(server.addr()); }));
  CHECK(raw::eventually([&] {  // this client cannot know it yet
    auto last = late.ask(get);
    return last.body == "idle" && last.field("Connection") == "close";
  }));
  CHECK(late.is_closed());
  half.send("TP/1.1\r\nHost: h\r\n\r\n");
  CHECK(half.response().body == "idle");
  CHECK(half.is_closed());
  CHECK(idle.is_closed());
  CHECK(fresh.is_closed());
  gate.open();
  auto r = running.response();
  CHECK(r.body == "done");
  CHECK(r.field("Connection") == "close");
  CHECK(running.is_closed());
  stopper.join();
  CHECK(in_time);
  CHECK(server.stats().connections == 0);
  CHECK(server.stats().in_handlers == 0);
  CHECK(server.shutdown(jot::background()));  // again
}

TEST_CASE("stop: a head that never ends does not hold the end up") {
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0", .handler = [] { return "ok"; }, .log = log.logger()});
  server.start();
  raw::Client half(server.addr());
  half.send("GET / HT");
  REQUIRE(raw::eventually([&] { return server.stats().bytes_in >= 8; }));
  CHECK(server.shutdown(jot::background()));
  CHECK(half.response().status == 408);
  CHECK(half.is_closed());
}

TEST_CASE("stop: when time is up, Contexts end with the cause") {
  std::string cause;
  raw::Gate entered;
  jot::Server server({.addr = "127.0.0.1:0", .handler = [&](Request& r) {
                        jot::Context ctx = r.context();
                        entered.open();
                        ctx.wait_for(20s);
                        cause = ctx.cause().message();
                        return "cancelled";
                      }});
  server.start();
  raw::Client client(server.addr());
  client.send(get);
  REQUIRE(entered.wait());
  auto [soon, cancel] = jot::with_timeout(jot::background(), 50ms);
  CHECK_FALSE(server.shutdown(soon));
  CHECK(cause == "server shutting down");
  CHECK(client.response().body == "cancelled");
}

TEST_CASE("stop: a stream ends") {
  jot::Server server({.addr = "127.0.0.1:0", .handler = [](ResponseWriter& w, Request& r) {
                        while (w.write("tick\n") && w.flusher()->flush() &&
                               r.context().sleep_for(5ms)) {
                        }
                      }});
  server.start();
  std::vector<raw::Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(server.addr());
    clients.back().send(get);
    clients.back().peek(1);
  }
  auto [soon, cancel] = jot::with_timeout(jot::background(), 20ms);
  CHECK_FALSE(server.shutdown(soon));
  for (auto& c : clients) CHECK(c.response().whole());
}

TEST_CASE("stop: a writer whose client does not read hears that its Context has ended") {
  raw::Gate entered;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&](ResponseWriter& w) {
                            const std::string piece(1 << 20, 'x');
                            entered.open();
                            while (w.write(piece)) {
                            }
                          },
                      .log = log.logger()});
  server.start();
  raw::Client client(server.addr(), 4096);
  client.send(get);
  REQUIRE(entered.wait());
  bool in_time = true;
  std::thread stopper(
      [&] { in_time = server.shutdown(jot::with_timeout(jot::background(), 20ms).ctx); });
  REQUIRE(log.wait_for_message("gave up sending: the Context has ended"));
  client.close();
  stopper.join();
  CHECK_FALSE(in_time);
  CHECK(log.size() == 1);  // it did not have to be cut
}

TEST_CASE("stop: a reader whose client does not send hears it too") {
  raw::Gate entered;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&](Request& r) {
                            entered.open();
                            return r.body().read_all();
                          },
                      .log = log.logger()});
  server.start();
  raw::Client client(server.addr());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello");
  REQUIRE(entered.wait());
  bool in_time = true;
  std::thread stopper(
      [&] { in_time = server.shutdown(jot::with_timeout(jot::background(), 20ms).ctx); });
  auto r = client.response();
  client.close();
  stopper.join();
  CHECK_FALSE(in_time);
  CHECK(r.status == 503);
  CHECK(r.field("Connection") == "close");
  CHECK(log.size() == 0);
}

TEST_CASE("stop: who is deaf to its Context is cut") {
  raw::Gate entered;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&](Request& r) {
                            r.set_context(jot::background());
                            entered.open();
                            return r.body().read_all();
                          },
                      .log = log.logger()});
  server.start();
  raw::Client client(server.addr());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello");
  REQUIRE(entered.wait());
  CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 20ms).ctx));
  CHECK(log.count("shutdown: requests that did not end are cut") == 1);
  CHECK(client.is_closed());
}

TEST_CASE("stop: a client that is slow to say goodbye does not hold it up") {
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0", .handler = [] { return "x"; }, .log = log.logger()});
  server.start();
  raw::Client client(server.addr());
  CHECK(client.ask("bad\r\n\r\n").status == 400);  // and stays open
  const auto start = Clock::now();
  CHECK(server.shutdown(jot::background()));
  CHECK(Clock::now() - start < 4s);
  CHECK(client.is_closed());
}

TEST_CASE("stop: a handler that does not return is cut, reported and left behind") {
  raw::Gate gate, entered;
  raw::TestLog log;
  {
    jot::Server server({.addr = "127.0.0.1:0",
                        .handler =
                            [&](Request& r) {
                              if (r.path() == "/") return "x";
                              entered.open();
                              gate.wait();  // hears nothing
                              return "late";
                            },
                        .log = log.logger()});
    server.start();
    raw::Client idle(server.addr()), stuck(server.addr());
    CHECK(idle.ask(get).status == 200);
    stuck.send(get_path("/stuck"));
    REQUIRE(entered.wait());
    CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 20ms).ctx));
    CHECK(log.count("shutdown: requests that did not end are cut") == 1);
    CHECK(log.count("shutdown: handlers do not return") == 1);
    CHECK(log.records().back().fields["in_handlers"].as_int() == 1);
    CHECK(idle.is_closed());
    CHECK(stuck.is_closed());
    CHECK(server.stats().in_handlers == 1);
    std::thread opener([&] {
      log.wait_for_message("a Server waits in its destructor for handlers that do not return");
      gate.open();
    });
    opener.detach();
  }
  CHECK(log.count("a Server waits in its destructor for handlers that do not return") == 1);
}

TEST_CASE("stop: one that returns after it was left behind is found ended") {
  raw::Gate gate, entered;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [&] { return entered.open(), gate.wait(), "late"; },
                      .log = log.logger()});
  server.start();
  raw::Client stuck(server.addr());
  stuck.send(get);
  REQUIRE(entered.wait());
  CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 0ms).ctx));
  gate.open();
  CHECK(server.shutdown(jot::background()));
  CHECK(server.stats().connections == 0);
  CHECK(log.size() == 2);
}

TEST_CASE("stop: a Context that is asked for late hears of the end as well") {
  raw::Gate gate;
  raw::Facts facts;
  std::atomic<int> entered{0};
  jot::Server server({.addr = "127.0.0.1:0", .handler = [&](Request& r) {
                        ++entered;
                        if (r.path() == "/late") gate.wait();
                        facts.expect(r.context().wait_for(20s), "done");
                        facts.expect(r.context().cause().message() == "server shutting down",
                                     "why");
                        gate.open();
                        return "x";
                      }});
  server.start();
  raw::Client early(server.addr()), late(server.addr());
  early.send(get_path("/early")), late.send(get_path("/late"));
  REQUIRE(raw::eventually([&] { return entered == 2; }));
  CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 0ms).ctx));
  CHECK(early.response().body == "x");
  CHECK(late.response().body == "x");
  CHECK(facts.wrong() == "");
}

TEST_CASE("stop: a callback that blocks keeps no other Context waiting") {
  raw::Gate gate;
  std::atomic<int> entered{0}, cancelled{0};
  jot::Server server({.addr = "127.0.0.1:0", .handler = [&](Request& r) {
                        const jot::Context ctx = r.context();
                        const auto stuck = jot::after_func(ctx, [&] { gate.wait(); });
                        ++entered;
                        ctx.wait_for(20s);
                        const bool told = ctx.cause().message() == "server shutting down";
                        if (told && ++cancelled == 8) gate.open();
                        return "x";
                      }});
  server.start();
  std::vector<raw::Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.addr()), clients.back().send(get);
  REQUIRE(raw::eventually([&] { return entered == 8; }));
  CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 0ms).ctx));
  CHECK(cancelled == 8);
}

TEST_CASE("stop: streams, idlers, clients that do not read and handlers that do not end, at once") {
  raw::Gate gate;
  raw::TestLog log;
  std::atomic<int> entered{0};
  jot::Router app;
  app.get("/{$}", [] { return "x"; });
  app.get("/stream", [&](ResponseWriter& w, Request& r) {
    w.header().set("Content-Type", "text/event-stream");
    ++entered;
    while (w.write("data: tick\n\n") && w.flusher()->flush() && r.context().sleep_for(1ms)) {
    }
  });
  app.get("/pour", [&](ResponseWriter& w) {
    ++entered;
    while (w.write(std::string(1 << 20, 'x'))) {
    }
  });
  app.post("/read", [&](Request& r) { return ++entered, r.body().read_all(); });
  app.get("/stuck", [&] { return ++entered, gate.wait(), "late"; });
  const std::string read = "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello";
  jot::Server server({.addr = "127.0.0.1:0", .handler = app, .log = log.logger()});
  server.start();
  std::vector<raw::Client> clients;
  for (int i = 0; i < 3; ++i) {
    for (auto& bytes : {get_path("/stream"), get_path("/pour"), read, get_path("/stuck"), get,
                        "GET / HT"s, ""s}) {
      clients.emplace_back(server.addr(), 4096);
      clients.back().send(bytes);
    }
  }
  REQUIRE(raw::eventually([&] { return entered == 12; }));
  CHECK_FALSE(server.shutdown(jot::with_timeout(jot::background(), 20ms).ctx));
  CHECK(raw::eventually([&] { return server.stats().in_handlers == 3; }));  // the stuck ones
  CHECK(log.count("shutdown: handlers do not return") == 1);
  gate.open();
  CHECK(server.shutdown(jot::background()));
  CHECK(server.stats().connections == 0);
  for (auto& c : clients) {
    raw::End end;
    c.read_to_end(end);
    CHECK(end != raw::End::timed_out);
  }
}

TEST_CASE("stop: listen_and_serve returns when its Context ends, or when another thread says so") {
  for (bool by_context : {true, false}) {
    // A path, so that the address is known before the server tells it.
    const std::string addr = "unix:/tmp/jot_stop_" + std::to_string(getpid()) + ".sock";
    raw::Gate serves;
    auto [ctx, cancel] = jot::with_cancel(jot::background());
    jot::Server server({.addr = addr, .handler = [&serves] { return serves.open(), "hello"; }});
    std::thread runner([&server, &until = ctx] { server.listen_and_serve(until); });
    CHECK(raw::eventually([&] { return !refuses(addr); }));
    REQUIRE(serves.wait());
    if (by_context)
      cancel();
    else
      server.shutdown(jot::background());
    runner.join();
    CHECK(refuses(addr));
    CHECK(server.stats().connections == 0);
  }
}

TEST_CASE("stop: looked at, and shut down, while another thread starts it") {
  for (int i = 0; i < 20; ++i) {
    jot::Server server({.addr = "127.0.0.1:0", .handler = [] { return "hello"; }});
    std::thread runner([&server] { server.listen_and_serve(); });
    CHECK(raw::eventually([&] { return !server.addr().empty(); }));
    CHECK(server.stats().connections == 0);
    server.shutdown(jot::background());
    runner.join();
    CHECK(refuses(server.addr()));
  }
}

TEST_CASE("stop: the destructor, at any time, whatever the clients are at") {
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> running{0};
    auto server = std::make_unique<jot::Server>(
        jot::ServerOptions{.addr = "127.0.0.1:0",
                           .handler =
                               [&running](ResponseWriter& w, Request& r) {
                                 const Running one(running);
                                 if (r.path() == "/wait") r.context().wait_for(20s);
                                 if (r.path() == "/sleep") std::this_thread::sleep_for(5ms);
                                 if (r.path() == "/big") w.write(std::string(8 << 20, 'x'));
                                 if (r.path() == "/read") r.body().read_all();
                                 w.write("x"), w.flusher()->flush();
                               },
                           .log = raw::TestLog().logger()});
    server->start();
    std::vector<raw::Client> clients;
    for (auto bytes : {""s, "GET / HT"s, get, get + get + get, get_path("/wait"),
                       get_path("/sleep") + get, get_path("/big"), "bad\r\n\r\n"s,
                       "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"s,
                       "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\nx"s,
                       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\nx"s}) {
      clients.emplace_back(server->addr());
      clients.back().send(bytes);
    }
    if (round % 3 == 1) clients[2].response();
    if (round % 3 == 2) REQUIRE(raw::eventually([&] { return running >= 3; }));
    if (round % 5 == 0) clients.pop_back();
    server.reset();
    CHECK(running == 0);
    for (auto& c : clients) {
      raw::End end;
      c.read_to_end(end);
      CHECK(end != raw::End::timed_out);
    }
  }
}

TEST_CASE("stop: stats are what happened") {
  raw::Gate gate;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&](Request& r) {
                            if (r.path() == "/gate") gate.wait();
                            return "hello";
                          },
                      .log = log.logger()});
  CHECK(server.stats().accepted == 0);
  server.start();
  raw::Client one(server.addr()), two(server.addr()), three(server.addr());
  auto first = one.ask(get), second = one.ask(get), bad = two.ask("bad\r\n\r\n");
  three.send(get_path("/gate"));
  REQUIRE(raw::eventually([&] { return server.stats().in_handlers == 1; }));
  REQUIRE(raw::eventually([&] { return server.stats().requests == 3; }));
  auto s = server.stats();
  CHECK(s.accepted == 3);
  CHECK(s.refused == 1);
  CHECK(s.connections == 3);
  CHECK(s.threads > 0);
  gate.open();
  auto third = three.response();
  REQUIRE(raw::eventually([&] { return server.stats().requests == 4; }));
  CHECK(server.stats().bytes_in == 2 * get.size() + get_path("/gate").size() + 7);
  CHECK(server.stats().bytes_out == first.head.size() + second.head.size() + bad.head.size() +
                                        third.head.size() + 15 + bad.body.size());
  one.close(), two.close(), three.close();
  CHECK(raw::eventually([&] { return server.stats().connections == 0; }));
}
