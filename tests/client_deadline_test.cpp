// SPDX-License-Identifier: MIT
//
// client_deadline_test.cpp -- servers that are slow, silent or endless: every call ends, with a
// named error, and leaves nothing behind.
#include "jot/client.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot.hpp"
#include "silent_port.hpp"

#include <fcntl.h>  // O_CLOEXEC

#include <string>  // std::string
#include <thread>  // std::this_thread

using namespace std::chrono_literals;
using jot::Client;
using jot::ClientOptions;
using jot::Errc;
using jot::Response;
using jot::Result;

namespace {

// The error of the call, or of the reading of its body.
jot::Error error_of(Result<Response> res) {
  if (!res) return res.error();
  return res->body.read_all().error();
}

const std::string ok = "HTTP/1.1 200 OK\r\n";

}  // namespace

TEST_CASE("client: each part of a call has its deadline") {
  struct Case {
    const char* name;
    std::function<void(bad::Peer&)> serve;
    ClientOptions options;
    const char* said;
  };
  const auto trickle = [](const std::string& start, const std::string& more) {
    return [=](bad::Peer& peer) {
      peer.request();
      peer.send(start);
      while (!peer.stopping() && peer.send(more)) peer.sleep(2ms);
    };
  };
  const Case cases[] = {
      {"no answer",
       [](bad::Peer& p) { p.request(), p.wait_for_close(); },
       {.head_timeout = 50ms},
       "no response in time"},
      {"half a head",
       [](bad::Peer& p) { p.request(), p.send(ok + "A: b\r"), p.wait_for_close(); },
       {.head_timeout = 50ms},
       "no whole response head in time"},
      {"a head that trickles", trickle(ok, "A"), {.head_timeout = 50ms}, "no whole response head"},
      {"1xx that trickle",
       trickle("", "HTTP/1.1 103 Hints\r\nA: b\r\n\r\n"),
       {.head_timeout = 20ms},
       ""},
      {"no body",
       [](bad::Peer& p) {
         p.request(), p.send(ok + "Content-Length: 5\r\n\r\n"), p.wait_for_close();
       },
       {.body_timeout = 50ms},
       "body not received in time"},
      {"half a body",
       [](bad::Peer& p) {
         p.request(), p.send(ok + "Content-Length: 5\r\n\r\nab"), p.wait_for_close();
       },
       {.body_timeout = 50ms},
       "body not received in time"},
      {"half a chunk",
       [](bad::Peer& p) {
         p.request(), p.send(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"), p.wait_for_close();
       },
       {.body_timeout = 50ms},
       "body not received in time"},
      {"a body that trickles",
       trickle(ok + "Content-Length: 1000000\r\n\r\n", "x"),
       {.body_timeout = 1s, .timeout = 100ms},
       "when the call's time was over"},
      {"a chunked body that trickles",
       trickle(ok + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
       {.timeout = 100ms},
       "when the call's time was over"},
      {"a body until close that never does",
       trickle(ok + "\r\n", "x"),
       {.timeout = 100ms},
       "when the call's time was over"},
      {"all of it",
       [](bad::Peer& p) { p.request(), p.wait_for_close(); },
       {.timeout = 50ms},
       "no response, when the call's time was over"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const std::size_t fds = bad::count_of("fd");
    {
      bad::Server server(c.serve);
      Client client(c.options);
      const auto error = error_of(client.get(server.url("/slow")));
      INFO(error.message());
      CHECK((error.timeout() || (*c.said == '\0' && error.code() == Errc::bad_message)));
      CHECK(error.message().starts_with("GET " + server.url("/slow") + ": "));
      CHECK(error.message().find(c.said) != std::string::npos);
      CHECK(client.stats().open == 0);
    }
    CHECK(bad::count_of("fd") <= fds + 1);  // one for the timer's Contexts at most
  }
}

TEST_CASE("client: connecting has a deadline") {
  SilentPort server;
  Client client({.connect_timeout = 50ms});
  const auto error = error_of(client.get(server.url()));
  CHECK(error.code() == Errc::deadline_exceeded);
  CHECK(error.message() == "GET " + server.url() + ": not connected in time");
  CHECK(client.stats().open == 0);
}

TEST_CASE("client: a request's own timeout goes before the client's") {
  bad::Server server([](bad::Peer& p) { p.request(), p.wait_for_close(); });
  Client client;
  CHECK(client.send({.url = server.url("/"), .timeout = 30ms}).error().timeout());
}

TEST_CASE("client: a Context's deadline ends the call, too") {
  bad::Server server([](bad::Peer& p) { p.request(), p.wait_for_close(); });
  Client client;
  auto [ctx, cancel] = jot::with_timeout(jot::background(), 30ms);
  auto res = client.get(ctx, server.url("/"));
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == Errc::deadline_exceeded);
  CHECK_FALSE(res.error().canceled());
}

TEST_CASE("client: a server that takes no more of the body") {
  bad::Server server([](bad::Peer& p) { p.sleep(5s); });
  Client client({.body_timeout = 50ms});
  const auto error = error_of(client.post(server.url("/"), std::string(30u << 20, 'x')));
  CHECK(error.code() == Errc::deadline_exceeded);
  CHECK(error.message().find("request not taken in time") != std::string::npos);
}

// A reader slower than the server, a source slower than it: nobody ever has to wait.
TEST_CASE("client: a server that never lets wait is no way round the deadline, nor the Context") {
  bad::Server server([](bad::Peer& p) {
    const std::string flood(1u << 20, 'x');
    p.request();
    for (p.send(ok + "\r\n"); p.send(flood);) continue;
  });
  bad::Server taker([](bad::Peer& p) { p.request(), p.wait_for_close(); });
  const auto read = [&](Client& client, const jot::Context& ctx) {
    Result<Response> res = client.get(ctx, server.url("/"));
    if (!res) return res.error();
    char buffer[16];
    for (int i = 0;; i = (i + 1) % 4) {
      if (i == 0) std::this_thread::sleep_for(1us);
      const auto n = res->body.read(buffer);
      if (!n) return n.error();
    }
  };
  const auto send = [&](Client& client, const jot::Context& ctx) {
    const auto drops = [](std::span<char> to) {
      std::this_thread::sleep_for(100us);
      return to[0] = 'x', std::size_t{1};
    };
    return error_of(client.post(ctx, taker.url("/"), drops));
  };
  const auto check = [](const jot::Error& error) {
    CHECK(error.code() == Errc::deadline_exceeded);
  };
  Client brief({.timeout = 100ms}), client;
  check(read(brief, jot::background()));
  check(send(brief, jot::background()));
  const auto ctx = [] { return jot::with_timeout(jot::background(), 100ms); };
  check(read(client, ctx().ctx));
  check(send(client, ctx().ctx));
}

TEST_CASE("client: a body goes into a pipe or a socket that nobody reads, until its time is over") {
  bad::Server server([](bad::Peer& p) {
    p.request();
    p.send(ok + "Content-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
    p.wait_for_close();
  });
  Client client({.timeout = 100ms});
  for (int kind = 0; kind < 3; ++kind) {
    int ends[2];
    REQUIRE((kind == 0   ? pipe2(ends, O_CLOEXEC)
             : kind == 1 ? pipe2(ends, O_CLOEXEC | O_NONBLOCK)
                         : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) == 0);
    const auto written = client.get(server.url("/"))->body.write_to(ends[1]);
    REQUIRE_FALSE(written);
    CHECK(written.error().code() == Errc::deadline_exceeded);
    CHECK(written.error().message().find("body not written") != std::string::npos);
    close(ends[0]), close(ends[1]);
  }
}

TEST_CASE(
    "client: answers that come before the request is sent are read, and nothing more is sent") {
  struct Case {
    const char* name;
    std::function<void(bad::Peer&)> serve;
    int status;  // 0: connection_closed
  };
  const std::string no = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
  const Case cases[] = {
      {"and reads no more", [no](bad::Peer& p) { p.send(no), p.sleep(60s); }, 413},
      {"and stops sending", [no](bad::Peer& p) { p.send(no), p.finish_sending(), p.sleep(60s); },
       413},
      {"behind a 1xx",
       [no](bad::Peer& p) { p.send("HTTP/1.1 103 Hints\r\n\r\n" + no), p.sleep(60s); }, 413},
      {"closes without a word", [](bad::Peer& p) { p.reset(); }, 0},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    bad::Server server(c.serve);
    Client client({.timeout = 10s});
    std::size_t given = 0;
    const auto endless = [&](std::span<char> to) {
      std::fill(to.begin(), to.end(), 'x');
      return given += to.size(), to.size();
    };
    for (int kind = 0; kind < 2; ++kind) {
      auto res = kind == 0 ? client.post(server.url("/"), std::string(30u << 20, 'x'))
                           : client.post(server.url("/"), endless);
      if (c.status == 0) {
        REQUIRE_FALSE(res);
        CHECK(res.error().code() == Errc::connection_closed);
        continue;
      }
      INFO((res ? "" : res.error().message()));
      REQUIRE(res);
      CHECK(res->status == c.status);
      CHECK(*res->body.read_all() == "no");
      CHECK(client.stats().open == 0);
    }
    CHECK(given < 30u << 20);
  }
}

TEST_CASE("client: answers that are none") {
  struct Case {
    const char* name;
    std::string answer;
    std::error_code code;
  };
  const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const Case cases[] = {
      {"nothing", "", Errc::connection_closed},
      {"half a status line", "HTTP/1.1 2", Errc::connection_closed},
      {"half a head", ok + "A: b\r\n", Errc::connection_closed},
      {"garbage", "hello\r\n\r\n", Errc::bad_message},
      {"TLS", std::string("\x15\x03\x01\x00\x02\x02\x46", 7), Errc::bad_message},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", Errc::bad_message},
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Errc::bad_message},
      {"NUL in a field", ok + std::string("A: \0\r\n\r\n", 8), Errc::bad_message},
      {"obs-fold", ok + "A: b\r\n c\r\n\r\n", Errc::bad_message},
      {"endless header", ok + "A: " + std::string(100'000, 'x'), Errc::too_large},
      {"many headers",
       ok +
           [] {
             std::string many;
             for (int i = 0; i < 20'000; ++i) many += "A: b\r\n";
             return many;
           }(),
       Errc::too_large},
      {"endless 1xx",
       [] {
         std::string many;
         for (int i = 0; i < 1000; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
         return many;
       }(),
       Errc::bad_message},
      {"101 unasked", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       Errc::bad_message},
      {"lengths that differ", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       Errc::bad_message},
      {"length and chunked",
       ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Errc::bad_message},
      {"gzip unasked, in a second field",
       ok + "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n\x1f",
       Errc::bad_message},
      {"gzip unasked", ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
       Errc::bad_message},
      {"short body", ok + "Content-Length: 5\r\n\r\nab", Errc::connection_closed},
      {"short chunk", chunked + "5\r\nab", Errc::connection_closed},
      {"no last chunk", chunked + "2\r\nab\r\n", Errc::connection_closed},
      {"bad chunk size", chunked + "x\r\nab\r\n", Errc::bad_message},
      {"chunk too long", chunked + "1\r\nab\r\n0\r\n\r\n", Errc::bad_message},
      {"chunk size overflows", chunked + "fffffffffffffffff\r\n", Errc::bad_message},
      {"bad trailer", chunked + "0\r\na b: c\r\n\r\n", Errc::bad_message},
      {"endless trailer", chunked + "0\r\na: " + std::string(40'000, 'x') + "\r\n\r\n",
       Errc::too_large},
      {"body of 20 MiB", ok + "Content-Length: 20971520\r\n\r\n", Errc::too_large},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    bad::Server server([&](bad::Peer& p) {
      if (p.request().starts_with("GET /good")) return void(p.answer("GET /good HTTP/1.1"));
      p.send(c.answer);
      p.finish_sending();
      p.wait_for_close();
    });
    Client client;
    const auto error = error_of(client.get(server.url("/bad")));
    INFO(error.message());
    CHECK(error.code() == c.code);
    CHECK(error.message().starts_with("GET " + server.url("/bad") + ": "));
    CHECK(client.stats().open == 0);
    auto good = client.get(server.url("/good"));  // nothing of the bad one is left
    REQUIRE(good);
    CHECK(*good->body.read_all() == "/good");
  }
}
