// SPDX-License-Identifier: MIT
//
// client_gone_test.cpp -- whose client has left, and who only looks like it?
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <atomic>       // std::atomic
#include <mutex>        // std::mutex
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using raw::Served;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get_other = "GET /other HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::string_view fields, std::string_view body) {
  return jot::text("POST / HTTP/1.1\r\nHost: h\r\n", fields, "\r\n", body);
}

struct Leave {
  std::string_view name;
  void (*leave)(raw::Client&);
};
const Leave ways_to_leave[] = {
    {"closes", [](raw::Client& c) { c.close(); }},
    {"resets", [](raw::Client& c) { c.reset(); }},
    {"half-closes", [](raw::Client& c) { c.finish_sending(); }},
};

// By then the server has seen what happened before on any connection: its lanes take events in
// the order in which they come, and these clients are dealt to all of them.
void let_lanes_look(const Served& s) {
  const unsigned enough = 2 * std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < enough; ++i) CHECK(s.client().ask(get_other).body == "other");
}

void expect_gone(const raw::Facts& facts, const jot::Context& ctx) {
  facts.expect(ctx.wait_for(10s), "done");
  facts.expect(ctx.err() == jot::Errc::canceled, "canceled");
  facts.expect(ctx.cause().message() == "client gone", "cause");
}

}  // namespace

TEST_CASE("client gone: whatever has come of the request's body, and whether or not it is read") {
  const std::string much(100'000, 'x');
  struct {
    std::string_view name;
    std::string bytes;
  } const table[] = {
      {"no body", get},
      {"a small one", post("Content-Length: 5\r\n", "hello")},
      {"a long one, of which some has come", post("Content-Length: 100000\r\n", "hello")},
      {"a long one, which has come", post("Content-Length: 100000\r\n", much)},
      {"one that was not asked for yet", post("Content-Length: 5\r\nExpect: 100-continue\r\n", "")},
      {"a request behind it", get + get_other},
  };
  for (auto& t : table) {
    for (auto& way : ways_to_leave) {
      INFO(t.name << ", " << way.name);
      raw::Gate entered, left;
      raw::Facts facts;
      Served s([&](Request& r) {
        if (r.path() == "/other") return "other";
        const jot::Context ctx = r.context();
        entered.open();
        expect_gone(facts, ctx);
        left.open();
        return "x";
      });
      raw::Client client = s.client();
      client.send(t.bytes);
      REQUIRE(entered.wait());
      way.leave(client);
      CHECK(left.wait());
      CHECK(facts.wrong() == "");
    }
  }
}

TEST_CASE("client gone: while the body is read, helpers hear it too") {
  for (auto& way : ways_to_leave) {
    INFO(way.name);
    raw::Gate entered, left;
    raw::Facts facts;
    Served s([&](Request& r) {
      std::thread helper([&facts, ctx = r.context()] { expect_gone(facts, ctx); });
      entered.open();
      int status = 0;
      try {
        r.body().read_all();
      } catch (const jot::HttpError& e) {
        status = e.status();
      }
      helper.join();
      facts.expect(status == 400, "ended early");
      left.open();
    });
    raw::Client client = s.client();
    client.send(post("Content-Length: 100000\r\n", "hello"));
    REQUIRE(entered.wait());
    way.leave(client);
    CHECK(left.wait());
    CHECK(facts.wrong() == "");
  }
}

TEST_CASE("client gone: all that it sent before is read all the same") {
  const std::string body(70'000, 'x');  // more than is read ahead, less than a socket holds
  raw::Facts facts;
  Served s([&](Request& r) {
    expect_gone(facts, r.context());  // its FIN has come, behind bytes that are not read yet
    return r.body().read_all();
  });
  raw::Client client = s.client();
  client.send(post("Content-Length: 70000\r\n", body));
  client.finish_sending();
  CHECK((client.response().body == body));
  CHECK(facts.wrong() == "");
}

TEST_CASE("client gone: while an answer streams") {
  for (auto& way : ways_to_leave) {
    INFO(way.name);
    raw::Gate left;
    raw::Facts facts;
    Served s([&](ResponseWriter& w, Request& r) {
      const jot::Context ctx = r.context();
      while (w.write("tick\n") && w.flusher()->flush() && ctx.sleep_for(1ms)) {
      }
      expect_gone(facts, ctx);
      left.open();
    });
    raw::Client client = s.client();
    client.send(get);
    client.peek(200);
    way.leave(client);
    CHECK(left.wait());
    CHECK(facts.wrong() == "");
  }
}

TEST_CASE("client gone: a Context that is asked for late is born so") {
  for (auto& way : ways_to_leave) {
    INFO(way.name);
    raw::Gate entered, gate, left;
    raw::Facts facts;
    Served s([&](Request& r) {
      if (r.path() == "/other") return "other";
      entered.open();
      gate.wait();
      facts.expect(r.context().done(), "born done");
      expect_gone(facts, r.context());
      left.open();
      return "x";
    });
    raw::Client client = s.client();
    client.send(get);
    REQUIRE(entered.wait());
    way.leave(client);
    let_lanes_look(s);
    gate.open();
    CHECK(left.wait());
    CHECK(facts.wrong() == "");
  }
}

TEST_CASE("client gone: with its FIN beside the requests, they are answered all the same") {
  std::atomic<int> done{0};
  Served s([&](Request& r) {
    done += r.context().wait_for(10s);
    return "answer";
  });
  raw::Client client = s.client();
  client.send(get + get + get);
  client.finish_sending();
  for (int i = 0; i < 3; ++i) CHECK(client.response().body == "answer");
  CHECK(client.is_closed());
  CHECK(done == 3);
}

TEST_CASE("client gone: a request behind another is no client that left") {
  raw::Gate entered, gate;
  raw::Facts facts;
  Served s([&](Request& r) {
    if (r.path() == "/other") return "other";
    const jot::Context ctx = r.context();
    entered.open();
    gate.wait();
    facts.expect(!ctx.done(), "not done");
    return "first";
  });
  raw::Client client = s.client();
  client.send(get);
  REQUIRE(entered.wait());
  client.send(get_other + get_other + "GET /other HT");
  let_lanes_look(s);
  gate.open();
  CHECK(client.response().body == "first");
  CHECK(client.response().body == "other");
  CHECK(client.response().body == "other");
  CHECK(client.ask("TP/1.1\r\nHost: h\r\n\r\n").body == "other");
  CHECK(facts.wrong() == "");
}

TEST_CASE("client gone: a Context outlives its request, ended by the handler's return") {
  std::mutex mutex;  // guards kept
  std::vector<jot::Context> kept;
  raw::Facts facts;
  Served s([&](Request& r) {
    facts.expect(!r.context().done(), "each request has its own");
    const std::lock_guard lock(mutex);
    kept.push_back(r.context());
  });
  {
    raw::Client client = s.client();
    client.send(get + get);
    for (int i = 0; i < 2; ++i) CHECK(client.response().status == 200);
    CHECK(client.ask(get).status == 200);
  }
  s.server.shutdown(jot::background());
  REQUIRE(kept.size() == 3);
  for (const jot::Context& ctx : kept) {
    CHECK(ctx.done());
    CHECK(ctx.err() == jot::Errc::canceled);
    CHECK(ctx.cause().message() == "handler returned");
  }
  CHECK(facts.wrong() == "");
}
