// SPDX-License-Identifier: MIT
//
// client_cancel_test.cpp -- when nobody wants the answer any more, the call ends, wherever it is.
#include "jot/client.hpp"

#include "jot/detail/resolve.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot.hpp"
#include "raw_client.hpp"

#include <string>  // std::string
#include <thread>  // std::thread

using namespace std::chrono_literals;
using jot::Client;
using jot::Clock;
using jot::Context;
using jot::Errc;
using jot::Error;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\n";

// Calls in another thread, cancels once `ready` says so, and waits for the call to end.
// Returns: how the call ended.
Error cancelled(const std::function<Error(const Context&)>& call,
                const std::function<bool()>& ready) {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  Error ended{std::error_code()};
  std::thread caller([&, c = ctx] { ended = call(c); });
  CHECK(raw::eventually(ready));
  cancel(Error(Errc::canceled, "enough"));
  caller.join();
  return ended;
}

Error get_all(Client& client, const Context& ctx, const std::string& url) {
  auto res = client.get(ctx, url);
  return res ? res->body.read_all().error() : res.error();
}

}  // namespace

TEST_CASE("client: the end of a Context ends a call in each of its parts") {
  std::atomic<bool> there = false;
  const auto silent = [&](const std::string& start) {
    return [&there, start](bad::Peer& p) {
      p.request();
      p.send(start);
      there = true;
      p.wait_for_close();
    };
  };
  const auto is_there = [&] { return there.load(); };
  Client client;
  std::function<Error(const Context&)> call;

  SECTION("head") {
    bad::Server server(silent(""));
    const Error e =
        cancelled([&](auto& ctx) { return get_all(client, ctx, server.url("/x")); }, is_there);
    CHECK(e.code() == Errc::canceled);
    CHECK(e.message() == "GET " + server.url("/x") + ": enough");
  }
  SECTION("half a head") {
    bad::Server server(silent(ok + "A: b"));
    CHECK(cancelled([&](auto& ctx) { return get_all(client, ctx, server.url("/x")); }, is_there)
              .canceled());
  }
  SECTION("body") {
    bad::Server server(silent(ok + "Content-Length: 5\r\n\r\nab"));
    const Error e =
        cancelled([&](auto& ctx) { return get_all(client, ctx, server.url("/x")); }, is_there);
    CHECK(e.canceled());
    CHECK(e.message() == "GET " + server.url("/x") + ": enough");
  }
  SECTION("chunked body") {
    bad::Server server(silent(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"));
    CHECK(cancelled([&](auto& ctx) { return get_all(client, ctx, server.url("/x")); }, is_there)
              .canceled());
  }
  SECTION("sending") {
    bad::Server server([&](bad::Peer& p) { there = true, p.sleep(20s); });
    const std::string big(30u << 20, 'x');
    CHECK(cancelled([&](auto& ctx) { return client.post(ctx, server.url("/"), big).error(); },
                    is_there)
              .canceled());
  }
  SECTION("waiting for 100 Continue") {
    bad::Server server([&](bad::Peer& p) { there = true, p.wait_for_close(); });
    Client patient({.continue_timeout = 20s});
    CHECK(cancelled(
              [&](auto& ctx) {
                return patient
                    .send(ctx, {.method = "POST",
                                .url = server.url("/"),
                                .body = "x",
                                .expect_continue = true})
                    .error();
              },
              is_there)
              .canceled());
  }
  SECTION("waiting for a connection") {
    bad::Server server(silent(ok + "Content-Length: 5\r\n\r\nab"));
    Client narrow({.max_per_host = 1});
    auto first = narrow.get(server.url("/"));
    REQUIRE(first);
    CHECK(cancelled([&](auto& ctx) { return get_all(narrow, ctx, server.url("/")); }, is_there)
              .canceled());
  }
  SECTION("before anything") {
    bad::Server server(silent(""));
    auto [ctx, cancel] = jot::with_cancel(jot::background());
    cancel();
    CHECK(client.get(ctx, server.url("/")).error().canceled());
    CHECK(server.accepted() == 0);
  }
  CHECK(client.stats().open == 0);
}

TEST_CASE(
    "client: the look-up of a name ends with the Context and the deadline, its thread later") {
  using jot::detail::CallWait;
  using jot::detail::Resolver;
  using jot::detail::SocketAddresses;
  static raw::Gate gate;
  static std::atomic<int> asked;
  asked = 0;
  Resolver resolver([](const std::string& host) -> jot::Result<SocketAddresses> {
    ++asked;
    gate.wait();
    return Error(Errc::refused_by_policy, "no " + host);
  });
  CHECK(cancelled(
            [&](const Context& ctx) {
              CallWait wait(ctx, 20s);
              return resolver.resolve("slow.example", wait, wait.end()).error();
            },
            [] { return asked > 0; })
            .canceled());

  CallWait wait(jot::background(), 20s);
  const auto soon = [] { return Clock::now() + 10ms; };
  CHECK(resolver.resolve("slow.example", wait, soon()).error().timeout());
  CHECK(asked == 1);  // the same name shares a look-up
  for (int i = 0; i < 20; ++i) {
    CHECK(
        resolver.resolve("other" + std::to_string(i) + ".example", wait, soon()).error().timeout());
  }
  CHECK(resolver.threads() == 4);  // bounded
  // Figures need no thread.
  CHECK(resolver.resolve("127.0.0.1", wait, soon())->size() == 1);
  CHECK(resolver.resolve("[::1]", wait, soon())->size() == 1);
  CHECK(resolver.resolve("LocalHost", wait, soon())->size() == 2);
  gate.open();
  CHECK(resolver.resolve("last.example", wait, wait.end()).error().message() == "no last.example");
  CHECK(raw::eventually([&] { return resolver.threads() == 0; }));
  CHECK(asked == 5);  // the four of the threads, and the last: nobody waited for the others
}

TEST_CASE("client: addresses of both families take turns") {
  using jot::detail::SocketAddress;
  const auto of = [](int family) {
    SocketAddress a;
    a.bytes.ss_family = static_cast<sa_family_t>(family);
    return a;
  };
  const int four = AF_INET, six = AF_INET6;
  std::vector<int> families;
  for (const auto& a : jot::detail::interleave({of(six), of(six), of(six), of(four), of(four)})) {
    families.push_back(a.family());
  }
  CHECK(families == std::vector<int>{six, four, six, four, six});
}

TEST_CASE("client: a handler's call ends with the client that it is for") {
  raw::Gate entered;
  bad::Server backend([](bad::Peer& p) { p.request(), p.wait_for_close(); });
  Client client;
  std::atomic<int> ended = 0;
  jot::Router app;
  app.get("/", [&](jot::Request& r) {
    entered.open();
    auto res = client.get(r.context(), backend.url("/"));
    if (!res && res.error().canceled()) ++ended;
    return "";
  });
  jot::TestServer server(app);
  {
    raw::Client caller(server.server().addr());
    caller.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(entered.wait());
    REQUIRE(raw::eventually([&] { return backend.accepted() == 1; }));
  }
  CHECK(raw::eventually([&] { return ended == 1; }));
}

TEST_CASE("client: a thread that must not wait does not") {
  bad::Server server([](bad::Peer& p) { p.wait_for_close(); });
  Client client;
  const jot::detail::NoWaiting here;
  CHECK(client.get(server.url("/")).error().code() == std::errc::operation_would_block);
  CHECK(client.get("http://name.invalid/").error().code() == std::errc::operation_would_block);

  // Neither for its turn, nor before another try.
  Client polite{{.min_interval = 1h, .timeout = 2h}};
  for (int i = 0; i < 2; ++i)
    CHECK(polite.get(server.url("/")).error().code() == std::errc::operation_would_block);
  Client patient{{.max_retries = 3, .max_retry_pause = 1h, .retry_pause = 1h, .timeout = 5h}};
  CHECK(patient.get(server.url("/")).error().code() == std::errc::operation_would_block);
}
