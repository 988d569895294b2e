// SPDX-License-Identifier: MIT
//
// slow_clients_test.cpp -- who takes his time pays with his own, not with a thread of ours.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <algorithm>  // std::max
#include <string>     // std::string
#include <vector>     // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using Clock = std::chrono::steady_clock;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string half_a_head = "GET / HTTP/1.1\r\nHo";

std::string post(std::size_t length) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

struct Served {
  explicit Served(jot::ServerOptions options) : server(with(std::move(options))) { server.start(); }
  raw::Client client() const { return raw::Client(server.addr()); }

  jot::ServerOptions with(jot::ServerOptions o) const {
    if (!o.handler)
      o.handler = [](Request& r) { return "read " + std::to_string(r.body().read_all().size()); };
    o.addr = "127.0.0.1:0", o.log = log.logger();
    return o;
  }
  bool all_gone() const {
    return raw::eventually([this] { return server.stats().connections == 0; });
  }

  raw::TestLog log;
  jot::Server server;
};

// One byte every few milliseconds, until an answer comes or `most` is over. Returns how long it
// took.
Clock::duration trickle(raw::Client& client, std::string_view bytes, Clock::duration most) {
  const auto start = Clock::now();
  while (Clock::now() - start < most) {
    if (!bytes.empty() && !client.send(bytes.substr(0, 1))) break;
    if (!bytes.empty()) bytes.remove_prefix(1);
    pollfd p{client.fd(), POLLIN, 0};
    if (poll(&p, 1, 20) > 0) break;
  }
  return Clock::now() - start;
}

}  // namespace

TEST_CASE("slow clients: half a head, and then the client leaves") {
  Served s({});
  raw::Client client = s.client();
  client.send(half_a_head);
  client.finish_sending();
  auto r = client.response();
  CHECK(r.status == 400);
  CHECK(client.is_closed());
  CHECK(s.log.size() == 1);

  raw::Client crashed = s.client();
  crashed.send(half_a_head);
  REQUIRE(raw::eventually([&] { return s.server.stats().accepted == 2; }));
  crashed.reset();
  CHECK(s.all_gone());
  CHECK(s.server.stats().requests == 1);
}

TEST_CASE("slow clients: half a head, and then nothing") {
  Served s({.head_timeout = 100ms});
  raw::Client client = s.client();
  const auto start = Clock::now();
  client.send(half_a_head);
  auto r = client.response();
  CHECK(r.status == 408);
  CHECK(r.field("Connection") == "close");
  CHECK(Clock::now() - start >= 95ms);
  CHECK(Clock::now() - start < 3s);
  CHECK(client.is_closed());
  CHECK(s.log.size() == 1);
  CHECK(s.server.stats().refused == 1);
}

TEST_CASE("slow clients: the head has one time in all, however many bytes it comes in") {
  Served s({.head_timeout = 200ms});
  raw::Client client = s.client();
  auto took = trickle(client, "GET / HTTP/1.1\r\nX: " + std::string(1000, 'x'), 10s);
  CHECK(took >= 180ms);
  CHECK(took < 5s);
  CHECK(client.response().status == 408);
  CHECK(client.is_closed());
}

TEST_CASE("slow clients: nothing at all is answered by nothing") {
  Served s({.head_timeout = 100ms});
  raw::Client client = s.client();
  CHECK(client.is_closed());
  CHECK(s.all_gone());
  CHECK(s.server.stats().requests == 0);
  CHECK(s.log.size() == 0);
}

TEST_CASE("slow clients: idle connections end, in silence") {
  Served s({.idle_timeout = 100ms});
  raw::Client client = s.client();
  CHECK(client.ask(get).status == 200);
  const auto start = Clock::now();
  CHECK(client.is_closed());
  CHECK(Clock::now() - start >= 80ms);
  CHECK(Clock::now() - start < 3s);
  CHECK(s.log.size() == 0);
}

TEST_CASE("slow clients: between requests a head has its own time, not the idle one") {
  Served s({.head_timeout = 100ms, .idle_timeout = 1h});
  raw::Client client = s.client();
  CHECK(client.ask(get).status == 200);
  client.send(half_a_head);
  CHECK(client.response().status == 408);
}

TEST_CASE("slow clients: an empty line before a request is not its beginning") {
  struct {
    std::string_view name, bytes;
  } const table[] = {{"empty line", "\r\n"}, {"half of one", "\r"}};
  for (auto& t : table) {
    INFO(t.name);
    Served s({.head_timeout = 1h, .idle_timeout = 150ms});
    raw::Client with_answer = s.client(), behind = s.client(), goes_on = s.client();
    with_answer.send(get + std::string(t.bytes));
    CHECK(with_answer.response().status == 200);
    CHECK(behind.ask(get).status == 200);
    behind.send(t.bytes);
    CHECK(goes_on.ask(get).status == 200);
    goes_on.send(t.bytes);
    CHECK(goes_on.ask(t.bytes == "\r" ? "\n" + get : get).status == 200);
    CHECK(with_answer.is_closed());
    CHECK(behind.is_closed());
    CHECK(goes_on.is_closed());
    CHECK(s.server.stats().refused == 0);
    CHECK(s.log.size() == 0);
  }
  Served fresh({.head_timeout = 100ms});
  raw::Client client = fresh.client();
  client.send("\r\n");
  CHECK(client.is_closed());
  CHECK(fresh.log.size() == 0);

  Served begun({.head_timeout = 100ms, .idle_timeout = 1h});
  client = begun.client();
  CHECK(client.ask(get).status == 200);
  client.send("\r\nG");
  CHECK(client.response().status == 408);
}

TEST_CASE("slow clients: a head in pieces costs no thread, and a small body neither") {
  Served s({});
  s.client().ask(get);
  const std::size_t before = s.server.stats().threads;
  const std::string request = post(200) + std::string(200, 'b');
  std::vector<raw::Client> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(s.client());
  std::size_t threads = 0, in_handlers = 0;
  for (std::size_t at = 0; at < request.size(); ++at) {
    for (auto& c : clients) c.send(std::string_view(request).substr(at, 1));
    auto stats = s.server.stats();
    threads = std::max(threads, stats.threads);
    if (at + 1 < request.size()) in_handlers = std::max(in_handlers, stats.in_handlers);
  }
  for (auto& c : clients) CHECK(c.response().body == "read 200");
  CHECK(threads <= before);
  CHECK(in_handlers <= 2);  // a lane looks at one of them at a time
  CHECK(s.log.size() == 0);
}

TEST_CASE("slow clients: a body that stops is 408") {
  struct {
    std::string_view name;
    std::string bytes;
  } const table[] = {
      {"small", post(10) + "hello"},
      {"small, none of it", post(10)},
      {"large", post(100'000) + "hello"},
      {"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello"},
      {"invited",
       "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s({.body_timeout = 100ms});
    raw::Client client = s.client();
    const auto start = Clock::now();
    client.send(t.bytes);
    auto r = client.response();
    CHECK(r.status == 408);
    CHECK(r.field("Connection") == "close");
    CHECK(Clock::now() - start >= 95ms);
    CHECK(client.is_closed());
  }
}

TEST_CASE("slow clients: a body that goes on is not cut") {
  constexpr auto timeout = 1s;
  Served s({.body_timeout = timeout});
  for (std::size_t size : {1'000u, 70'000u}) {
    raw::Client client = s.client();
    client.send(post(size) + std::string(size - 500, 'b'));
    trickle(client, std::string(499, 'b'), timeout + 500ms);  // each in time, all of them not
    client.send(std::string(500, 'b'));                    // what is left, and more
    CHECK(client.response().body == "read " + std::to_string(size));
  }
}

TEST_CASE("slow clients: the rest of a body that nobody read may not take for ever") {
  Served s({.body_timeout = 100ms, .handler = [] { return "not read"; }});
  raw::Client client = s.client();
  client.send(post(100'000) + "hello");
  CHECK(client.response().body == "not read");
  CHECK(client.is_closed());
  CHECK(s.all_gone());
}

TEST_CASE("slow clients: who does not read is cut") {
  raw::Facts facts;
  Served s({.handler =
                [facts](ResponseWriter& w) {
                  const std::string megabyte(1 << 20, 'x');
                  int n = 0;
                  while (n < 64 && w.write(megabyte)) ++n;
                  facts.expect(n < 64, "write is false in the end");
                  facts.expect(!w.write("more"), "write stays false");
                  facts.expect(!w.flusher()->flush(), "flush is false");
                },
            .write_timeout = 200ms});
  raw::Client client(s.server.addr(), 4096);
  client.send(get);
  REQUIRE(s.log.wait_for_message("client too slow"));
  auto r = client.response();
  CHECK(r.status == 200);
  CHECK_FALSE(r.whole());
  CHECK(s.all_gone());
  CHECK(s.log.size() == 1);
  CHECK(facts.wrong() == "");
}

TEST_CASE("slow clients: who asks and asks and does not read is cut") {
  Served s({.handler = [] { return std::string(1000, 'x'); }, .write_timeout = 200ms});
  raw::Client client(s.server.addr(), 4096);
  std::string many;
  for (int i = 0; i < 100; ++i) many += get;
  std::thread sender([&] {
    while (client.send(many)) {
    }
  });
  CHECK(raw::eventually(
      [&] { return s.server.stats().accepted == 1 && s.server.stats().connections == 0; }));
  sender.join();
}

TEST_CASE("slow clients: another is served while one does not read") {
  Served s({.handler = [](ResponseWriter& w, Request& r) {
    w.write(std::string(r.path() == "/big" ? 32 << 20 : 5, 'x'));
  }});
  std::vector<raw::Client> lazy;
  for (int i = 0; i < 10; ++i) {
    lazy.emplace_back(s.server.addr(), 4096);
    lazy.back().send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  for (int i = 0; i < 10; ++i) CHECK(s.client().ask(get).body == "xxxxx");
}

// These take the five seconds of grace that everybody has; so they take them together.
TEST_CASE("slow clients: below 240 bytes a second patience ends, whatever the progress") {
  Served s({.handler = [](ResponseWriter& w, Request& r) {
    if (r.path() == "/big") return void(w.write(std::string(32 << 20, 'x')));
    w.write(r.body().read_all().size());
  }});
  raw::Client small = s.client(), large = s.client(), unread = s.client(), lingering = s.client();
  small.send(post(50'000)), large.send(post(100'000));
  lingering.send("bad\r\n\r\n");
  CHECK(lingering.response().status == 400);  // and does not close
  raw::Client reader(s.server.addr(), 4096);
  reader.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  Clock::duration took_small{}, took_large{};
  std::thread other([&] { took_small = trickle(small, std::string(5000, 'b'), 12s); });
  took_large = trickle(large, std::string(5000, 'b'), 12s);
  other.join();
  for (auto took : {took_small, took_large}) {
    CHECK(took > 4s);
    CHECK(took < 9s);
  }
  CHECK(small.response().status == 408);
  CHECK(large.response().status == 408);
  CHECK(s.log.wait_for_message("client too slow"));  // the reader
  small.close(), large.close(), unread.close();
  CHECK(s.all_gone());  // the lingering one too, which is still open on its side
}
