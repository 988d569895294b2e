// SPDX-License-Identifier: MIT
//
// request_body_test.cpp -- a body is read as it was sent, and what comes behind it is the next
// request.
#include "jot.hpp"

#include "catch.hpp"
#include "jot/detail/request_state.hpp"
#include "raw_client.hpp"

#include <algorithm>    // std::max, std::min
#include <cstdint>      // std::uint64_t
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST /echo HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string with_length(std::string_view body) {
  return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}
std::string chunk(std::string_view data) {
  char size[20];
  snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}
std::string chunked(std::string_view body, std::size_t piece) {
  std::string out = post("Transfer-Encoding: chunked\r\n");
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size())))
    out += chunk(body.substr(0, piece));
  return out + "0\r\n\r\n";
}

// Text in which each place looks different.
std::string text_of(std::size_t size) {
  std::string s(size, ' ');
  for (std::size_t i = 0; i < size; ++i) s[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
  return s;
}

struct Served {
  explicit Served(jot::ServerOptions options = {}) : server(with(std::move(options))) {
    server.start();
  }
  raw::Client client() const { return raw::Client(server.addr()); }

  jot::ServerOptions with(jot::ServerOptions o) {
    jot::Router app;
    app.get("/{$}", [] { return "next"; });
    app.post("/echo", [](Request& r) { return r.body().read_all(); });
    app.post("/by-7", [](ResponseWriter& w, Request& r) {
      char some[7];
      while (std::size_t n = r.body().read(some)) w.write(std::string_view(some, n));
    });
    app.post("/unread", [] { return "not read"; });
    app.post("/some", [](ResponseWriter& w, Request& r) {
      char some[5];
      std::size_t n = r.body().read(some);
      w.write(std::string_view(some, n));
    });
    app.post("/wait", [this](Request& r) {
      gate.wait();
      return r.body().read_all();
    });
    o.addr = "127.0.0.1:0", o.handler = app, o.log = log.logger();
    return o;
  }

  raw::Gate gate;
  raw::TestLog log;
  jot::Server server;
};

std::string at(std::string path, std::string request) { return request.replace(5, 5, path); }

}  // namespace

TEST_CASE("request body: it is read as it was sent, whatever its framing and pieces") {
  struct {
    std::string_view name;
    std::size_t size, chunk;  // chunk 0: Content-Length
    std::size_t piece;
  } const table[] = {
      {"none", 0, 0, 1},
      {"no chunks", 0, 1, 1},
      {"one byte", 1, 0, 1},
      {"length, byte by byte", 300, 0, 1},
      {"chunked, byte by byte", 300, 7, 1},
      {"chunks of one byte, byte by byte", 100, 1, 1},
      {"chunked, in odd pieces", 5000, 37, 11},
      {"length, at once", 5000, 0, 1 << 20},
      {"64 KiB, which is read ahead", 64 << 10, 0, 4000},
      {"64 KiB and one, which is not", (64 << 10) + 1, 0, 4000},
      {"64 KiB, chunked", 64 << 10, 1000, 3333},
      {"65 KiB, chunked", 65 << 10, 1000, 3333},
      {"1 MB", 1'000'000, 0, 65'000},
      {"1 MB, chunked", 1'000'000, 9999, 65'000},
      {"1 MB, one chunk", 1'000'000, 1'000'000, 65'000},
  };
  Served s;
  for (auto& t : table) {
    INFO(t.name);
    const std::string body = text_of(t.size);
    const std::string request = t.chunk ? chunked(body, t.chunk) : with_length(body);
    raw::Client client = s.client();
    for (auto path : {"/echo", "/by-7"}) {  // on one connection, with a request behind each
      INFO(path);
      std::thread sender([&] { client.send_in_pieces(at(path, request) + get, t.piece); });
      auto r = client.response();
      CHECK((r.body == body));
      // A head that leaves while much of the body is unread says that the connection will close.
      if (r.field("Connection") == "close")
        CHECK((t.size > (256 << 10) && !t.chunk && path == "/by-7"s));
      else
        CHECK(client.response().body == "next");
      sender.join();
    }
  }
  CHECK(s.log.size() == 0);
}

TEST_CASE("request body: trailers and extensions are passed over") {
  Served s;
  raw::Client client = s.client();
  client.send(
      post("Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n0;z\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n") +
      get);
  CHECK(client.response().body == "abc");
  CHECK(client.response().body == "next");
}

TEST_CASE("request body: chunk extensions are bounded in all, not each") {
  Served s;
  std::string many, few;
  for (int i = 0; i < 500; ++i) many += "1;0123456789\r\na\r\n";
  for (int i = 0; i < 300; ++i) few += "1;0123456789\r\na\r\n";
  CHECK(s.client().ask(post("Transfer-Encoding: chunked\r\n", few + "0\r\n\r\n")).status == 200);
  CHECK(s.client().ask(post("Transfer-Encoding: chunked\r\n", many + "0\r\n\r\n")).status == 400);
}

TEST_CASE("request body: 100 Continue is said on the first read, not before") {
  Served s;
  struct {
    std::string_view name;
    std::string fields, body;
  } const table[] = {
      {"length", "Content-Length: 5\r\n", "hello"},
      {"chunked", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"},
      {"long", "Content-Length: 100000\r\n", text_of(100'000)},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served one;
    raw::Client client = one.client();
    client.send(at("/wait", post("Expect: 100-continue\r\n" + t.fields)));
    REQUIRE(raw::eventually([&] { return one.server.stats().in_handlers == 1; }));
    char byte;
    CHECK(recv(client.fd(), &byte, 1, MSG_DONTWAIT) == -1);
    one.gate.open();
    CHECK(client.peek(25) == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(t.body + get);
    auto r = client.response();
    CHECK(r.interim.size() == 1);
    CHECK(r.body == (t.name == "long" ? t.body : "hello"));
    CHECK(client.response().body == "next");
  }
}

TEST_CASE("request body: no 100 Continue where nobody waits for it") {
  Served s;
  struct {
    std::string_view name;
    std::string request;
  } const table[] = {
      {"it came already", post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello")},
      {"HTTP/1.0", "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"},
      {"no body", post("Expect: 100-continue\r\nContent-Length: 0\r\n")},
  };
  for (auto& t : table) {
    INFO(t.name);
    auto r = s.client().ask(t.request);
    CHECK(r.status == 200);
    CHECK(r.interim.empty());
  }
}

TEST_CASE("request body: an answer instead of 100 Continue ends the connection, cleanly") {
  // The client may send its body or not: nobody can tell what the next bytes are (RFC 9110 10.1.1).
  for (bool sends_it : {false, true}) {
    Served s;
    raw::Client client = s.client();
    client.send(at("/unread", post("Expect: 100-continue\r\nContent-Length: 30\r\n")));
    auto r = client.response();
    CHECK(r.status == 200);
    CHECK(r.body == "not read");
    CHECK(r.interim.empty());
    CHECK(r.field("Connection") == "close");
    if (sends_it) client.send(get);
    CHECK(client.is_closed());
    CHECK(s.log.size() == 0);
    CHECK(s.server.stats().requests == 1);
  }
}

TEST_CASE("request body: one that nobody read is passed over") {
  struct {
    std::string_view name, path;
    std::size_t size, chunk;
    std::string_view want;
  } const table[] = {
      {"length", "/unread", 100, 0, "not read"},
      {"chunked", "/unread", 100, 9, "not read"},
      {"half read", "/some", 100, 0, ""},
      {"half read, chunked", "/some", 100, 9, ""},
      {"100 KiB", "/unread", 100 << 10, 0, "not read"},
      {"256 KiB", "/unread", 256 << 10, 0, "not read"},
      {"250 KiB, chunked", "/unread", 250 << 10, 1000, "not read"},
      {"404", "/404", 200 << 10, 0, "404 page not found\n"},
  };
  Served s;
  for (auto& t : table) {
    INFO(t.name);
    const std::string body = text_of(t.size);
    const std::string request = t.chunk ? chunked(body, t.chunk) : with_length(body);
    raw::Client client = s.client();
    std::thread sender([&] { client.send(at(std::string(t.path), request) + get); });
    auto r = client.response();
    if (t.name == "404")
      CHECK(r.status == 404);
    else
      CHECK(r.body == (t.want.empty() ? body.substr(0, 5) : t.want));
    CHECK(client.response().body == "next");
    sender.join();
  }
  CHECK(s.log.size() == 0);
}

TEST_CASE(
    "request body: a long one that nobody read ends the connection when the answer was read") {
  struct {
    std::string_view name;
    std::size_t chunk;
  } const table[] = {{"length", 0}, {"chunked", 5000}};
  for (auto& t : table) {
    INFO(t.name);
    Served s;
    const std::string body = text_of(4 << 20);
    std::string request = t.chunk ? chunked(body, t.chunk) : with_length(body);
    raw::Client client = s.client();
    bool sent = false;  // a reset would stop it
    std::thread sender([&] { sent = client.send(at("/unread", request) + get); });
    auto r = client.response();
    CHECK(r.whole());
    CHECK(r.status == 200);
    CHECK(r.body == "not read");
    if (!t.chunk) CHECK(r.field("Connection") == "close");
    CHECK(client.is_closed());
    sender.join();
    CHECK(sent);
    CHECK(s.server.stats().requests == 1);
  }
}

TEST_CASE("request body: one that ends early is 400, and is not taken for whole") {
  struct {
    std::string_view name;
    std::string bytes;
  } const table[] = {
      {"length", post("Content-Length: 10\r\n", "hello")},
      {"long length", post("Content-Length: 100000\r\n", "hello")},
      {"chunk", post("Transfer-Encoding: chunked\r\n", "a\r\nhello")},
      {"between chunks", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")},
      {"in the last chunk", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n")},
      {"nothing of it", post("Content-Length: 10\r\n")},
      {"expected", post("Expect: 100-continue\r\nContent-Length: 10\r\n", "hello")},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s;
    raw::Client client = s.client();
    client.send(t.bytes);
    client.finish_sending();
    auto r = client.response();
    CHECK(r.whole());
    CHECK(r.status == 400);
    CHECK(client.is_closed());
  }
}

TEST_CASE("request body: the same body read in two ways") {
  jot::Server server({.addr = "127.0.0.1:0", .handler = [](Request& r) {
                        char some[4];
                        std::string all;
                        std::size_t n = r.body().read(some);
                        all.assign(some, n);
                        all += '|' + r.body().read_all();
                        return all + std::to_string(r.body().read(some)) + r.body().read_all();
                      }});
  server.start();
  raw::Client client(server.addr());
  CHECK(client.ask(with_length("0123456789")).body == "0123|4567890");
  CHECK(client.ask(with_length("")).body == "|0");
  CHECK(client.ask(chunked("0123456789", 10)).body == "0123|4567890");
}

TEST_CASE("request body: it may be read while the answer is on its way") {
  jot::Server server({.addr = "127.0.0.1:0", .handler = [](ResponseWriter& w, Request& r) {
                        char some[4096];
                        while (std::size_t n = r.body().read(some)) {
                          w.write(std::string_view(some, n));
                          w.flusher()->flush();
                        }
                      }});
  server.start();
  raw::Client client(server.addr());
  client.send(post("Transfer-Encoding: chunked\r\n"));
  client.send(chunk(text_of(70'000)));  // more than is read ahead
  while (client.peek(0).size() < 70'000) REQUIRE(!client.peek(client.peek(0).size() + 1).empty());
  for (auto word : {"one", "two", "three"}) {  // each is answered before the next is sent
    client.send(chunk(word));
    while (client.peek(0).find(word) == std::string::npos)
      REQUIRE(client.peek(client.peek(0).size() + 1).size() < 100'000);
  }
  client.send("0\r\n\r\n");
  auto r = client.response();
  CHECK(r.body == text_of(70'000) + "onetwothree");
  CHECK(client.ask(with_length("again")).body == "again");
}

TEST_CASE("request body: what the request's views point at stays while the body is read") {
  jot::Server server({.addr = "127.0.0.1:0", .handler = [](Request& r) {
                        std::string_view method = r.method(), target = r.target(),
                                         x = r.header().get("X");
                        std::size_t n = r.body().read_all().size();
                        return jot::text(method, target, x, n);
                      }});
  server.start();
  raw::Client client(server.addr());
  std::thread sender(
      [&] { client.send(post("X: y\r\nContent-Length: 3000000\r\n", text_of(3'000'000))); });
  CHECK(client.response().body == "POST/echoy3000000");
  sender.join();
}

namespace {

// A body that announces much, and brings a byte at a time.
struct Promise final : jot::detail::BodySource {
  std::size_t read(std::span<char> to) override {
    most_room = std::max(most_room, to.size());
    if (sent == 5) return 0;
    to[0] = static_cast<char>('a' + sent++);
    return 1;
  }
  void set_limit(std::uint64_t) override {}
  std::size_t expected() const noexcept override { return 10u << 20; }
  int sent = 0;
  std::size_t most_room = 0;
};

}  // namespace

TEST_CASE("body: an announced length costs no memory before the bytes have come") {
  Promise promise;
  Request r = jot::request("POST", "/");
  jot::detail::RequestAccess::set_source(r.body(), &promise);
  CHECK(r.body().read_all() == "abcde");
  CHECK(promise.most_room <= 65'537);
}
