// SPDX-License-Identifier: MIT
//
// request_context_test.cpp -- a request's Context ends, and with it whatever waits in the request.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <sys/resource.h>  // setrlimit

#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using Clock = std::chrono::steady_clock;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello";

struct Served {
  explicit Served(jot::ServerOptions o) : server(with(std::move(o))) { server.start(); }
  raw::Client client() const { return raw::Client(server.addr()); }
  // One whose socket is soon full: it does not read.
  raw::Client lazy_client() const { return raw::Client(server.addr(), 4096); }

  jot::ServerOptions with(jot::ServerOptions o) const {
    o.addr = "127.0.0.1:0", o.log = log.logger();
    return o;
  }

  raw::TestLog log;
  jot::Server server;
};

// Writes more than any socket takes. Returns the time that the last write took, 0 if all went well.
Clock::duration write_much(ResponseWriter& w) {
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 48; ++i) {
    const auto start = Clock::now();
    if (!w.write(megabyte)) return Clock::now() - start;
  }
  return {};
}

// The status of the HttpError that reading the body ends with; 0: none.
int status_of_reading(Request& r) {
  try {
    r.body().read_all();
  } catch (const jot::HttpError& e) {
    return e.status();
  }
  return 0;
}

}  // namespace

TEST_CASE("request context: it has the deadline of request_timeout, from the call on") {
  struct {
    std::string_view name;
    jot::nanoseconds timeout;
    bool has_deadline;
  } const table[] = {
      {"off", 0ns, false}, {"an hour", 1h, true}, {"for ever", jot::nanoseconds::max(), true}};
  for (auto& t : table) {
    INFO(t.name);
    raw::Facts facts;
    Served s({.handler =
                  [&, facts](Request& r) {
                    const auto before = Clock::now();
                    const auto deadline = r.context().deadline();
                    facts.expect(deadline.has_value() == t.has_deadline, "has a deadline");
                    if (t.timeout == 1h)
                      facts.expect(*deadline <= before + 1h && *deadline > before + 59min, "then");
                    facts.expect(!r.context().done(), "not done");
                    return "x";
                  },
              .request_timeout = t.timeout});
    raw::Client client = s.client();
    for (int i = 0; i < 3; ++i) CHECK(client.ask(get).status == 200);
    CHECK(facts.wrong() == "");
  }
}

TEST_CASE("request context: request_timeout ends a sleep, and says why") {
  std::string cause;
  std::error_code err;
  Served s({.handler =
                [&](Request& r) {
                  r.context().wait_for(20s);
                  err = r.context().err(), cause = r.context().cause().message();
                  return "late";
                },
            .request_timeout = 30ms});
  raw::Client client = s.client();
  const auto start = Clock::now();
  CHECK(client.ask(get).body == "late");  // the answer is still written
  CHECK(Clock::now() - start >= 30ms);
  CHECK(err == jot::Errc::deadline_exceeded);
  CHECK(cause == jot::make_error_code(jot::Errc::deadline_exceeded).message());
  CHECK(client.ask(get).body == "late");  // the next request has its own time
}

TEST_CASE("request context: its end ends what waits for the body") {
  struct {
    std::string_view name;
    void (*prepare)(Request&, jot::CancelScope&);
    jot::nanoseconds timeout;
    bool cancels;
  } const table[] = {
      {"request_timeout, no Context asked for", [](Request&, jot::CancelScope&) {}, 30ms, false},
      {"request_timeout", [](Request& r, jot::CancelScope&) { (void)r.context(); }, 30ms, false},
      {"a middleware's deadline",
       [](Request& r, jot::CancelScope& scope) {
         scope = jot::with_timeout(r.context(), 30ms), r.set_context(scope.ctx);
       },
       0ns, false},
      {"a Context of the handler's own",
       [](Request& r, jot::CancelScope& scope) {
         scope = jot::with_timeout(jot::background(), 30ms), r.set_context(scope.ctx);
       },
       0ns, false},
      {"cancelled by another thread",
       [](Request& r, jot::CancelScope& scope) {
         scope = jot::with_cancel(r.context()), r.set_context(scope.ctx);
       },
       0ns, true},
      {"ended before",
       [](Request& r, jot::CancelScope& scope) {
         scope = jot::with_timeout(r.context(), 0ms), r.set_context(scope.ctx);
       },
       0ns, false},
  };
  for (auto& t : table) {
    INFO(t.name);
    std::optional<std::thread> canceller;
    Served s({.handler =
                  [&](ResponseWriter& w, Request& r) {
                    jot::CancelScope scope;
                    t.prepare(r, scope);
                    if (t.cancels)
                      canceller.emplace([&scope] {
                        std::this_thread::sleep_for(20ms);
                        scope.cancel(jot::Error(jot::Errc::canceled, "changed my mind"));
                      });
                    w.write(status_of_reading(r));
                    if (canceller) canceller->join();
                  },
              .request_timeout = t.timeout});
    raw::Client client = s.client();
    const auto start = Clock::now();
    auto r = client.ask(post);
    CHECK(r.body == "503");
    CHECK(r.field("Connection") == "close");
    CHECK(Clock::now() - start < 5s);  // patience with a body that stops is six seconds at least
    CHECK(client.is_closed());
  }
}

TEST_CASE("request context: a body that has come is read, whatever the Context says") {
  Served s({.handler = [](Request& r) {
    auto [ctx, cancel] = jot::with_cancel(r.context());
    r.set_context(ctx);
    cancel();
    return r.body().read_all();
  }});
  CHECK(s.client().ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").body ==
        "hello");
}

TEST_CASE("request context: reading past its end is 503 where the handler lets it go") {
  Served s({.handler = [](Request& r) { return r.body().read_all(); }, .request_timeout = 20ms});
  raw::Client client = s.client();
  auto r = client.ask(post);
  CHECK(r.status == 503);
  CHECK(client.is_closed());
  CHECK(s.log.size() == 0);
}

TEST_CASE("request context: its end ends a write to a full socket") {
  struct {
    std::string_view name;
    void (*prepare)(Request&, jot::CancelScope&);
    jot::nanoseconds timeout;
  } const table[] = {
      {"request_timeout, no Context asked for", [](Request&, jot::CancelScope&) {}, 50ms},
      {"a middleware's deadline",
       [](Request& r, jot::CancelScope& scope) {
         scope = jot::with_timeout(r.context(), 50ms), r.set_context(scope.ctx);
       },
       0ns},
  };
  for (auto& t : table) {
    INFO(t.name);
    raw::Facts facts;
    raw::Gate over;
    Served s({.handler =
                  [&](ResponseWriter& w, Request& r) {
                    jot::CancelScope scope;
                    t.prepare(r, scope);
                    facts.expect(write_much(w) > 0s, "a write is false");
                    facts.expect(!w.write("more"), "write stays false");
                    facts.expect(!w.flusher()->flush(), "flush is false");
                    over.open();
                  },
              .request_timeout = t.timeout});
    raw::Client client = s.lazy_client();
    std::string behind;  // is never read: closing at once would be a reset
    for (int i = 0; i < 2000; ++i) behind += get;
    client.send(get + behind);
    CHECK(over.wait());  // write_timeout is 30 s
    CHECK(facts.wrong() == "");
    auto r = client.response();
    CHECK(r.status == 200);
    CHECK(r.end == raw::End::closed);  // cut short, and not by a reset: what was sent arrives
    client.close();
    CHECK(s.log.count("gave up sending: the Context has ended") == 1);
    CHECK(raw::eventually([&] { return s.server.stats().connections == 0; }));
  }
}

TEST_CASE("request context: what fits into the socket is sent, whatever the Context says") {
  Served s({.handler = [](ResponseWriter& w, Request& r) {
    auto [ctx, cancel] = jot::with_timeout(r.context(), 0ms);
    r.set_context(ctx);
    w.write("too "), w.flusher()->flush(), w.write("late");
  }});
  raw::Client client = s.client();
  CHECK(client.ask(get).body == "too late");
  CHECK(client.ask(get).body == "too late");
}

TEST_CASE("request context: who sends no more still reads its answer") {
  raw::Facts facts;
  raw::Gate gone;
  Served s({.handler = [&](ResponseWriter& w, Request& r) {
    facts.expect(r.context().wait_for(20s), "done");
    gone.open();
    facts.expect(write_much(w) == 0s, "all is written");
  }});
  raw::Client client = s.lazy_client();
  client.send(get);
  client.finish_sending();
  CHECK(gone.wait());
  auto r = client.response();
  CHECK(r.whole());
  CHECK(r.body.size() == std::size_t{48} << 20);
  CHECK(facts.wrong() == "");
}

TEST_CASE("request context: request_timeout holds also for who sends no more") {
  raw::Facts facts;
  Served s({.handler =
                [&](ResponseWriter& w, Request& r) {
                  facts.expect(r.context().wait_for(20s), "done");
                  facts.expect(write_much(w) > 0s, "a write is false");
                },
            .request_timeout = 100ms});
  raw::Client client = s.lazy_client();
  client.send(get);
  client.finish_sending();
  REQUIRE(s.log.wait_for_message("gave up sending: the Context has ended"));
  CHECK_FALSE(client.response().whole());
  CHECK(facts.wrong() == "");
}

TEST_CASE("request context: without an fd to spare, waits end all the same") {
  std::optional<std::thread> canceller;
  Served s({.handler = [&](Request& r) {
    auto [ctx, cancel] = jot::with_cancel(r.context());
    r.set_context(ctx);
    std::vector<int> hoard;  // all that there are
    for (int fd; (fd = ::dup(0)) >= 0;) hoard.push_back(fd);
    canceller.emplace([&end = cancel] {
      std::this_thread::sleep_for(20ms);
      end();
    });
    const int status = status_of_reading(r);
    for (int fd : hoard) ::close(fd);
    canceller->join();
    return std::to_string(status);
  }});
  raw::Client client = s.client();
  REQUIRE(raw::eventually([&] { return s.server.stats().accepted == 1; }));
  rlimit before{}, few{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  few = before, few.rlim_cur = 100;
  ::setrlimit(RLIMIT_NOFILE, &few);
  const auto start = Clock::now();
  const auto r = client.ask(post);
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(r.body == "503");
  CHECK(Clock::now() - start < 5s);
}
