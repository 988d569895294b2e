// SPDX-License-Identifier: MIT
//
// client_pool_test.cpp -- which connection a call gets, and that none is ever lost or confused.
#include "jot/client.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot.hpp"
#include "raw_client.hpp"

#include <sys/resource.h>  // setrlimit

#include <atomic>  // std::atomic
#include <string>  // std::string
#include <thread>  // std::thread
#include <vector>  // std::vector

using namespace std::chrono_literals;
using jot::Client;
using jot::Errc;
using jot::Response;
using jot::Result;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\n";

std::string body_of(Result<Response> res) {
  if (!res) return "error: " + res.error().message();
  auto body = res->body.read_all();
  return body ? *body : "error: " + body.error().message();
}

// Answers the first n requests of each connection, then closes it, with the next one unanswered.
std::function<void(bad::Peer&)> answers(int n) {
  return [n](bad::Peer& p) {
    for (int i = 0; i < n; ++i) {
      const std::string head = p.request();
      if (head.empty() || !p.answer(head)) return;
    }
    p.request();
  };
}

}  // namespace

TEST_CASE("pool: a connection is used again once its body was read, or was there with the head") {
  jot::TestServer server([](jot::Request& r) { return std::string(r.path()); });
  Client client;
  for (int i = 0; i < 10; ++i) CHECK(body_of(client.get(server.url("/x"))) == "/x");
  CHECK(client.stats().dialled == 1);
  CHECK(client.stats().reused == 9);
  CHECK(client.stats().open == 1);
  CHECK(client.stats().idle == 1);
  {
    auto kept = client.get(server.url("/y"));  // whole already: nothing is held
    CHECK(client.stats().idle == 1);
    CHECK(*kept->body.read_all() == "/y");
    CHECK(*kept->body.read_all() == "");
  }
  CHECK(client.head(server.url("/z"))->status == 200);
  CHECK(client.stats().dialled == 1);
}

TEST_CASE("pool: bodies that nobody reads") {
  const auto with_length = [](std::size_t n) {
    return ok + "Content-Length: " + std::to_string(n) + "\r\n\r\n";
  };
  struct Case {
    const char* name;
    std::string head, rest;  // rest: sent once the client has the head
    bool reused;
  };
  const Case cases[] = {
      {"little", with_length(60'000), std::string(60'000, 'x'), true},
      {"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", true},
      {"much", with_length(70'000), std::string(70'000, 'x'), false},
      {"chunked and much", ok + "Transfer-Encoding: chunked\r\n\r\n",
       "20000\r\n" + std::string(0x20000, 'x') + "\r\n0\r\n\r\n", false},
      {"bad", ok + "Transfer-Encoding: chunked\r\n\r\n", "x\r\n", false},
      {"cut short", with_length(10), "abc", false},
      {"until close", ok + "\r\n", "abc", false},
      {"more than it said", with_length(1), "ab", false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    raw::Gate has_head, has_sent;
    bad::Server server([&](bad::Peer& p) {
      if (p.number() == 1) {
        p.request();
        p.send(c.head);
        has_head.wait();
        p.send(c.rest);
        if (!c.reused) p.finish_sending();
        has_sent.open();
      }
      p.behave();
    });
    Client client;
    {
      auto res = client.get(server.url("/unread"));
      REQUIRE(res);
      CHECK(client.stats().idle == 0);
      has_head.open();
      if (c.reused || c.rest.size() < 10) has_sent.wait();
    }
    CHECK(client.stats().idle == (c.reused ? 1 : 0));
    CHECK(body_of(client.get(server.url("/next"))) == "/next");
    CHECK(client.stats().dialled == (c.reused ? 1u : 2u));
  }
}

TEST_CASE("pool: the destructor of a body that does not come does not wait for it") {
  bad::Server server([](bad::Peer& p) {
    p.request();
    p.send(ok + "Content-Length: 5\r\n\r\n");
    p.wait_for_close();
  });
  Client client;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) CHECK(client.get(server.url("/")));
  CHECK(std::chrono::steady_clock::now() - start < 5s);
  CHECK(client.stats().open == 0);
}

TEST_CASE("pool: what servers say of keeping alive is heeded") {
  const std::pair<std::string, bool> cases[] = {
      {"HTTP/1.1 200 OK\r\n", true},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\n", false},
      {"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\n", false},
      {"HTTP/1.0 200 OK\r\n", false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", true},
  };
  for (const auto& [head, kept] : cases) {
    INFO(head);
    bad::Server server([&](bad::Peer& p) {
      while (!p.request().empty()) p.send(head + "Content-Length: 2\r\n\r\nhi");
    });
    Client client;
    CHECK(body_of(client.get(server.url("/"))) == "hi");
    CHECK(client.stats().idle == (kept ? 1 : 0));
    CHECK(body_of(client.send({.url = server.url("/"), .header = {{"Connection", "close"}}})) ==
          "hi");
    CHECK(client.stats().idle == 0);
  }
}

TEST_CASE("pool: what comes unasked is nobody's answer") {
  raw::Gate sent;
  bad::Server server([&](bad::Peer& p) {
    if (p.number() == 1) {
      p.answer(p.request());
      p.send(ok + "Content-Length: 4\r\n\r\nevil");
      sent.open();
    }
    p.behave();
  });
  Client client;
  CHECK(body_of(client.get(server.url("/first"))) == "/first");
  REQUIRE(sent.wait());
  CHECK(body_of(client.get(server.url("/second"))) == "/second");
  CHECK(client.stats().dialled == 2);
}

TEST_CASE("pool: connections that the server closed are dropped in the background") {
  raw::Gate close, body;
  bad::Server server([&](bad::Peer& p) {
    p.request();
    p.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    body.wait();
    p.send("ok");
    close.wait();
  });
  Client client;
  std::vector<jot::Result<jot::Response>> held;
  for (int i = 0; i < 4; ++i) held.push_back(client.get(server.url("/")));
  body.open();
  for (auto& res : held) CHECK(body_of(std::move(res)) == "ok");
  CHECK(client.stats().idle == 4);
  close.open();
  CHECK(raw::eventually([&] { return client.stats().open == 0; }));
  CHECK(client.stats().idle == 0);
}

TEST_CASE("pool: idle connections end after a while, and there are not too many") {
  bad::Server one([](bad::Peer&p) { p.behave(); }), two([](bad::Peer&p) { p.behave(); });
  SECTION("idle_timeout") {
    Client client({.idle_timeout = 20ms});
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
    CHECK(raw::eventually([&] { return client.stats().open == 0; }));
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
  }
  SECTION("max_idle 0") {
    Client client({.max_idle = 0});
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
    CHECK(client.stats().open == 0);
  }
  SECTION("max_idle: the longest idle goes") {
    Client client({.max_idle = 1});
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
    CHECK(body_of(client.get(two.url("/x"))) == "/x");
    CHECK(client.stats().open == 1);
    CHECK(body_of(client.get(two.url("/x"))) == "/x");
    CHECK(client.stats().dialled == 2);
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
    CHECK(client.stats().dialled == 3);
  }
  SECTION("close_idle") {
    Client client;
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
    client.close_idle();
    CHECK(client.stats().open == 0);
    CHECK(body_of(client.get(one.url("/x"))) == "/x");
  }
}

TEST_CASE("pool: max_idle_per_host") {
  raw::Gate gate;
  std::atomic<int> inside = 0;
  jot::TestServer server([&](jot::Request&) {
    ++inside;
    gate.wait();
    return "";
  });
  Client client({.max_idle_per_host = 2});
  std::vector<std::thread> callers;
  for (int i = 0; i < 5; ++i) callers.emplace_back([&] { body_of(client.get(server.url("/"))); });
  REQUIRE(raw::eventually([&] { return inside == 5; }));
  CHECK(client.stats().open == 5);
  gate.open();
  for (auto& t : callers) t.join();
  CHECK(client.stats().idle == 2);
  CHECK(client.stats().open == 2);
}

TEST_CASE("pool: max_per_host lets wait, first come, first served") {
  raw::Gate gate;
  std::vector<std::string> order;
  std::mutex mutex;  // guards order
  jot::TestServer server([&](jot::Request& r) {
    {
      std::lock_guard lock(mutex);
      order.emplace_back(r.path());
    }
    if (r.path() == "/first") gate.wait();
    return "";
  });
  Client client({.max_per_host = 1});
  std::vector<std::thread> callers;
  const auto call = [&](const std::string& path) {
    callers.emplace_back([&client, &server, path] { body_of(client.get(server.url(path))); });
  };
  call("/first");
  REQUIRE(raw::eventually([&] {
    std::lock_guard lock(mutex);
    return order.size() == 1;
  }));
  // One whose time ends while it waits takes nobody's turn.
  CHECK(client.send({.url = server.url("/brief"), .timeout = 20ms}).error().timeout());
  std::vector<std::string> wanted{"/first"};
  for (int i = 0; i < 5; ++i) {
    const std::string path = "/" + std::to_string(i);
    wanted.push_back(path);
    const std::size_t waiting = client.stats().waiting;
    call(path);
    REQUIRE(raw::eventually([&] { return client.stats().waiting == waiting + 1; }));
  }
  gate.open();
  for (auto& t : callers) t.join();
  CHECK(order == wanted);
  CHECK(client.stats().dialled == 1);
  CHECK(client.stats().waiting == 0);
}

TEST_CASE("pool: a stale connection is retried once, and only where that does no harm") {
  struct Case {
    const char* method;
    jot::Payload body;
    bool retried;
  };
  int n = 0;
  const auto source = [&n](std::span<char> to) { return to[0] = 'x', std::size_t(n++ == 0); };
  const auto again = jot::Payload::from([] {
    return [n = 0](std::span<char> to) mutable { return to[0] = 'x', std::size_t(n++ == 0); };
  });
  const Case cases[] = {
      {"GET", {}, true},     {"HEAD", {}, true},   {"PUT", "x", true},     {"DELETE", {}, true},
      {"OPTIONS", {}, true}, {"PUT", again, true}, {"PUT", source, false}, {"POST", "x", false},
      {"PATCH", "x", false}, {"POST", {}, false},  {"PURGE", {}, false},   {"get", {}, false},
  };
  for (const Case& c : cases) {
    INFO(c.method);
    bad::Server server(answers(1));  // closes when it gets a second request
    Client client;
    CHECK(body_of(client.get(server.url("/warm"))) == "/warm");
    auto res = client.send({.method = c.method, .url = server.url("/x"), .body = c.body});
    CHECK(bool(res) == c.retried);
    if (!res) CHECK(res.error().code() == Errc::connection_closed);
    CHECK(server.accepted() == (c.retried ? 2 : 1));
  }
}

TEST_CASE("pool: a fresh connection that dies is not retried, nor one that has begun to answer") {
  std::atomic<int> requests = 0;
  SECTION("fresh") {
    bad::Server server([&](bad::Peer& p) { p.request(), ++requests; });
    Client client;
    CHECK(client.get(server.url("/")).error().code() == Errc::connection_closed);
    CHECK(requests == 1);
  }
  SECTION("stale, and then the new one, too") {
    bad::Server server([&](bad::Peer& p) {
      if (p.number() == 1) p.answer(p.request());
      p.request(), ++requests;
    });
    Client client;
    CHECK(client.get(server.url("/")));
    CHECK(client.get(server.url("/")).error().code() == Errc::connection_closed);
    CHECK(requests == 2);
  }
  SECTION("begun") {
    bad::Server server([&](bad::Peer& p) {
      p.answer(p.request());
      p.request(), ++requests;
      p.send("H");
    });
    Client client;
    CHECK(client.get(server.url("/")));
    CHECK(client.get(server.url("/")).error().code() == Errc::connection_closed);
    CHECK(requests == 1);
  }
}

TEST_CASE("pool: without descriptors to spare, idle connections make room") {
  bad::Server one([](bad::Peer& p) { p.behave(); });
  Client client;
  CHECK(body_of(client.get(one.url("/x"))) == "/x");
  bad::Server two([](bad::Peer& p) { p.behave(); });
  std::vector<int> taken;
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{bad::count_of("fd") + 8, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  for (int fd; (fd = dup(0)) >= 0;) taken.push_back(fd);
  const auto res = client.get(two.url("/y"));
  setrlimit(RLIMIT_NOFILE, &before);
  for (const int fd : taken) close(fd);
  // The server in this very process needs one, too: it may have been the faster.
  if (!res) CHECK(res.error().code() == std::errc::too_many_files_open);
  CHECK(body_of(client.get(two.url("/y"))) == "/y");
}

TEST_CASE("pool: many threads, a server that closes at random, and nothing is lost or mixed up") {
  const std::size_t fds = bad::count_of("fd");
  std::atomic<int> right = 0, closed = 0, other = 0, wrong = 0;
  {
    bad::Server server([](bad::Peer& p) {
      for (auto i = static_cast<unsigned>(p.number()) * 2654435761u;; i = i * 1103515245 + 12345) {
        const std::string head = p.request();
        if (head.empty()) return;
        const std::size_t from = head.find(' ') + 1;
        const std::string path = head.substr(from, head.find(' ', from) - from);
        const std::string answer =
            ok + "Content-Length: " + std::to_string(path.size()) + "\r\n\r\n" + path;
        if (i >> 16 & 7) {
          if (!p.send(answer)) return;
          continue;
        }
        p.send(answer.substr(0, (i >> 20) % answer.size()));
        if (i >> 28 & 1) p.reset();
        return;
      }
    });
    Client client({.timeout = 20s});
    std::vector<std::thread> callers;
    for (int t = 0; t < 8; ++t) {
      callers.emplace_back([&, t] {
        for (int i = 0; i < 250; ++i) {
          const std::string path = "/" + std::to_string(t) + "/" + std::to_string(i);
          auto res = client.get(server.url(path));
          auto body = res ? res->body.read_all() : Result<std::string>(res.error());
          if (body)
            ++(*body == path ? right : wrong);
          else
            ++(body.error().code() == Errc::connection_closed ? closed : other);
        }
      });
    }
    for (auto& t : callers) t.join();
  }
  CHECK(wrong == 0);
  CHECK(other == 0);
  CHECK(right + closed == 2000);
  CHECK(right > 1000);
  CHECK(raw::eventually([&] { return bad::count_of("fd") <= fds; }));
}
