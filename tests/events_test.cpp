// SPDX-License-Identifier: MIT
//
// events_test.cpp -- events arrive whole and in order, silence is kept alive, and a stream ends
// when nobody sees it.
#include "jot.hpp"

#include "jot/detail/print_event.hpp"
#include "jot/detail/request_state.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <atomic>       // std::atomic
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::literals;
using jot::Event;
using jot::EventStream;
using jot::HttpError;
using jot::Request;
using jot::ResponseWriter;
using jot::detail::print_event;

namespace {

std::string get(std::string_view fields = {}, std::string_view method = "GET") {
  return jot::text(method, " / HTTP/1.1\r\nHost: h\r\n", fields, "\r\n");
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++n;
  return n;
}

// Reads on until the text has come; false: it does not.
bool comes(raw::Client& client, std::string_view text, std::size_t times = 1) {
  return raw::eventually([&] {
    client.peek(client.peek(0).size() + 1);
    return count(client.peek(0), text) >= times;
  });
}

// Stands for a connection whose socket is full, or is not.
struct Narrow final : jot::detail::Origin {
  jot::Context context() noexcept override { return {}; }
  std::string_view remote_addr() noexcept override { return {}; }
  bool stopping() const noexcept override { return false; }
  bool has_room() const noexcept override { return ++asked, room; }
  void share_response(jot::detail::ResponseLock* shared) noexcept override { lock = shared; }
  void cut() noexcept override {}

  mutable std::atomic<int> asked = 0;
  std::atomic<bool> room = false;
  jot::detail::ResponseLock* lock = nullptr;
};

}  // namespace

TEST_CASE("events: how they read on the wire") {
  struct {
    Event event;
    std::string_view want;
  } const table[] = {
      {{.data = "hello"}, "data: hello\n\n"},
      {{.event = "progress", .id = "7", .data = "x"}, "id: 7\nevent: progress\ndata: x\n\n"},
      {{.data = "a\nb"}, "data: a\ndata: b\n\n"},
      {{.data = "a\r\nb\rc\n"}, "data: a\ndata: b\ndata: c\ndata: \n\n"},
      {{.data = "\n\r"}, "data: \ndata: \ndata: \n\n"},
      {{.data = " a: b"}, "data:  a: b\n\n"},
      {{.data = "x", .retry = 1500ms}, "retry: 1500\ndata: x\n\n"},
      {{.retry = 0ms}, "retry: 0\n\n"},
      {{.id = "7"}, "id: 7\n\n"},
      {{.event = "ping"}, "event: ping\ndata: \n\n"},
      {{}, "data: \n\n"},
  };
  for (auto& t : table) {
    INFO(t.want);
    CHECK(print_event(t.event) == t.want);
  }
  for (const std::string& bad : {"a\nb"s, "a\rb"s, "\r\n"s, "a\0b"s}) {
    INFO(bad);
    CHECK_THROWS_AS(print_event({.event = bad}), std::invalid_argument);
    CHECK_THROWS_AS(print_event({.id = bad}), std::invalid_argument);
  }
  CHECK_THROWS_AS(print_event({.retry = -1ms}), std::invalid_argument);
}

TEST_CASE("events: recorded") {
  std::string last;
  const auto answer = [&](ResponseWriter& w, Request& r) {
    EventStream events(w, r);
    last = events.last_id();
    CHECK(events.send({.id = "8", .data = "one"}));
    CHECK(events.send({.data = "two"}));
    CHECK_THROWS_AS(events.send({.id = "\n"}), std::invalid_argument);
  };
  const auto res = jot::record(
      answer, jot::request("GET", "/", {.header = jot::Header{{"Last-Event-ID", "7"}}}));
  CHECK(res.status == 200);
  CHECK(res.header.get("Content-Type") == "text/event-stream");
  CHECK(res.header.get("Cache-Control") == "no-cache");
  CHECK(res.header.get("X-Accel-Buffering") == "no");
  CHECK(res.body == "id: 8\ndata: one\n\ndata: two\n\n");
  CHECK(last == "7");
  jot::record(answer, jot::request("GET", "/"));
  CHECK(last.empty());
}

TEST_CASE("events: where nothing can be streamed it is 500") {
  struct Deaf final : jot::WriterProxy {
    using WriterProxy::WriterProxy;
    jot::Flusher* flusher() override { return nullptr; }
  };
  const auto res = jot::record(
      [](ResponseWriter& w, Request& r) {
        Deaf deaf(w);
        EventStream events(deaf, r);
      },
      jot::request("GET", "/"));
  CHECK(res.status == 500);
  CHECK(res.body == "streaming not supported\n");

  const auto late = jot::record(
      [](ResponseWriter& w, Request& r) {
        w.flusher()->flush();
        CHECK_THROWS_AS(EventStream(w, r), HttpError);
      },
      jot::request("GET", "/"));
  CHECK(late.body.empty());
  jot::record([](ResponseWriter& w,
                 Request& r) { CHECK_THROWS_AS(EventStream(w, r, 0s), std::invalid_argument); },
              jot::request("GET", "/"));
}

TEST_CASE("events: the head and each event leave at once") {
  raw::Gate one, two, three;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    EventStream events(w, r);
    one.wait();
    events.send({.event = "a", .data = "1"});
    two.wait();
    events.send({.data = "2"});
    three.wait();
  });
  raw::Client client = s.client();
  client.send(get());
  CHECK(comes(client, "\r\n\r\n"));
  one.open();
  CHECK(comes(client, "event: a\ndata: 1\n\n"));
  CHECK(count(client.peek(0), "data: 2") == 0);
  two.open();
  CHECK(comes(client, "data: 2\n\n"));
  three.open();
  const raw::Response r = client.response();
  CHECK(r.whole());
  CHECK(r.field("Content-Type") == "text/event-stream");
  CHECK(r.body == "event: a\ndata: 1\n\ndata: 2\n\n");
  CHECK(client.ask(get("Connection: close\r\n")).status == 200);
}

TEST_CASE("events: silence is broken by comments, between whole events") {
  raw::Gate gate;
  std::atomic<bool> more = true;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    EventStream events(w, r, 1ms);
    while (more) events.send({.data = "0123456789"});
    gate.wait();
    events.send({.event = "end"});
  });
  raw::Client client = s.client();
  client.send(get());
  CHECK(comes(client, "data: 0123456789\n\n", 1000));
  more = false;
  CHECK(comes(client, ":\n\n", 20));
  gate.open();
  std::string body = client.response().body;
  REQUIRE(body.ends_with("event: end\ndata: \n\n"));
  for (std::string_view rest = body; !rest.empty();) {  // nothing is torn
    const std::size_t end = rest.find("\n\n");
    REQUIRE(end != rest.npos);
    const std::string_view one = rest.substr(0, end);
    if (one != ":" && one != "data: 0123456789" && one != "event: end\ndata: ") FAIL(one);
    rest.remove_prefix(end + 2);
  }
}

TEST_CASE("events: a heartbeat keeps no stream that has ended, and needs no handler") {
  std::atomic<int> ended = 0;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    {
      EventStream events(w, r, 1ms);
      events.send({.data = "x"});
    }
    w.write("after");  // the writer is the handler's again
    ++ended;
  });
  raw::Client client = s.client();
  for (int i = 0; i < 200; ++i) {
    const raw::Response r = client.ask(get());
    CHECK(r.whole());
    CHECK(r.body.find("data: x\n\n") == r.body.find_first_of("d"));
    CHECK(r.body.ends_with("after"));
  }
  CHECK(ended == 200);
}

TEST_CASE("events: no heartbeat goes to a socket that is full") {
  Narrow origin;
  Request r = jot::request("GET", "/");
  jot::detail::RequestAccess::state(r).origin = &origin;
  jot::Recorder w;
  {
    EventStream events(w, r, 1ms);
    REQUIRE(origin.lock);
    const auto body = [&] {
      const std::lock_guard hold(*origin.lock);
      return w.body();
    };
    CHECK(raw::eventually([&] { return origin.asked > 10; }));
    CHECK(body().empty());
    origin.room = true;
    CHECK(raw::eventually([&] { return body().starts_with(":\n\n:\n\n:\n\n"); }));
  }
  CHECK(origin.lock == nullptr);
}

TEST_CASE("events: send says when nobody listens any more") {
  raw::Gate ended;
  std::atomic<int> sent = 0;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    EventStream events(w, r, 1ms);
    while (events.send({.data = "x"})) ++sent;
    ended.open();
  });
  raw::Client client = s.client();
  client.send(get());
  CHECK(comes(client, "data: x\n\n"));
  client.close();
  CHECK(ended.wait());
  CHECK(sent > 0);
}

TEST_CASE("events: a HEAD has no events, and ends") {
  raw::Gate ended;
  std::atomic<bool> sent = true;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    EventStream events(w, r, 1ms);
    sent = events.send({.data = "x"});
    ended.open();
  });
  raw::Client client = s.client();
  const raw::Response r = client.ask(get({}, "HEAD"));
  CHECK(r.status == 200);
  CHECK(r.field("Content-Type") == "text/event-stream");
  CHECK(ended.wait());
  CHECK_FALSE(sent);
}

TEST_CASE("events: a server that shuts down tells its streams at once") {
  raw::Gate ended;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    EventStream events(w, r);
    while (events.send({.data = "x"})) r.context().sleep_for(1ms);
    ended.open();
  });
  raw::Client client = s.client();
  client.send(get());
  CHECK(comes(client, "data: x\n\n"));
  const auto [patience, cancel] = jot::with_timeout(jot::background(), 20s);
  CHECK(s.server.shutdown(patience));
  CHECK(ended.wait());
  CHECK(client.response().whole());
}

TEST_CASE("events: behind timeout() the stream is cut at its end") {
  jot::Router app;
  app.use(jot::timeout(100ms));
  app.get("/", [](ResponseWriter& w, Request& r) {
    EventStream events(w, r, 1ms);
    while (events.send({.data = "x"})) r.context().sleep_for(1ms);
  });
  raw::Served s(app);
  raw::Client client = s.client();
  const raw::Response r = client.ask(get());
  CHECK(r.status == 200);
  CHECK_FALSE(r.whole());
  CHECK(count(r.body, "data: x") > 0);
}

// With heartbeats all the while, from another thread.
TEST_CASE(
    "events: whatever middleware is around, each event leaves at once and the stream ends whole") {
  const auto quiet = [](std::string_view) {};
  struct {
    std::string_view name;
    jot::Middleware around;
  } const table[] = {
      {"request_log", jot::request_log()},
      {"request_id", jot::request_id()},
      {"access_log", jot::access_log({.sink = quiet})},
      {"max_body", jot::max_body(10)},
      {"timeout", jot::timeout(60s)},
      {"rate_limit", jot::rate_limit({.requests = 1000})},
      {"etag", jot::etag()},
      {"etag within timeout",
       [](jot::Handler next) { return jot::timeout(60s)(jot::etag()(std::move(next))); }},
      {"csrf_guard", jot::csrf_guard()},
      {"secure_headers", jot::secure_headers()},
  };
  for (auto& t : table) {
    INFO(t.name);
    raw::Gate seen;
    jot::Router app;
    app.use(t.around);
    app.get("/", [&](ResponseWriter& w, Request& r) {
      EventStream events(w, r, 100us);
      for (int i = 0; i < 200; ++i) events.send({.data = "early"});
      seen.wait();
      events.send({.data = "late"});
    });
    raw::Served s(app);
    raw::Client client = s.client();
    client.send(get("If-None-Match: *\r\n"));
    CHECK(comes(client, "data: early\n\n", 200));
    seen.open();
    const raw::Response r = client.response();
    CHECK(r.status == 200);
    CHECK(r.whole());
    CHECK(r.body.find("data: late\n\n") != r.body.npos);
    CHECK(client.ask(get({}, "HEAD")).status == 200);
  }
}
