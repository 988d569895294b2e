// SPDX-License-Identifier: MIT
//
// limits_test.cpp -- how much is too much, and what the client is told.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::string_literals;
using jot::Request;

namespace {

constexpr std::size_t MiB = 1 << 20;

std::string with_target(std::size_t size) {
  return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
}
std::string with_fields(int count) {  // Host is one of them
  std::string s = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 1; i < count; ++i) s += "X" + std::to_string(i) + ": y\r\n";
  return s + "\r\n";
}
std::string with_head(std::size_t size) {
  std::string s = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  return s + std::string(size - s.size() - 4, 'x') + "\r\n\r\n";
}
std::string with_body(std::size_t size) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         std::string(size, 'b');
}
std::string with_chunks(std::size_t size) {
  std::string s = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t n; size > 0; size -= n) {
    char line[20];
    n = std::min(size, std::size_t{50'000});
    snprintf(line, sizeof line, "%zx\r\n", n);
    s += line + std::string(n, 'b') + "\r\n";
  }
  return s + "0\r\n\r\n";
}

jot::ServerOptions counting(raw::TestLog& log) {
  return {.addr = "127.0.0.1:0",
          .handler = [](Request& r) { return std::to_string(r.body().read_all(64 * MiB).size()); },
          .log = log.logger()};
}

// Sent by another thread: the server may answer before it has all.
raw::Response ask(const jot::Server& server, const std::string& request, bool& closed) {
  raw::Client client(server.addr());
  bool sent = false;  // a reset would stop it
  std::thread sender([&] { sent = client.send(request); });
  raw::Response r = client.response();
  closed = r.field("Connection") == "close" && client.is_closed();
  sender.join();
  CHECK(sent);
  return r;
}

}  // namespace

TEST_CASE("limits: as they are unless set") {
  struct {
    std::string_view name;
    std::string request;
    int status;
    std::string_view body;
  } const table[] = {
      {"target 8 KiB", with_target(8 << 10), 200, "0"},
      {"target 8 KiB and one", with_target((8 << 10) + 1), 414, ""},
      {"target 20 KiB", with_target(20 << 10), 414, ""},
      {"target 100 KiB", with_target(100 << 10), 414, ""},
      {"100 fields", with_fields(100), 200, "0"},
      {"101 fields", with_fields(101), 431, ""},
      {"head 32 KiB", with_head(32 << 10), 200, "0"},
      {"head 32 KiB and one", with_head((32 << 10) + 1), 431, ""},
      {"head 200 KiB", with_head(200 << 10), 431, ""},
      {"body 10 MiB", with_body(10 * MiB), 200, "10485760"},
      {"body 10 MiB and one", with_body(10 * MiB + 1), 413, ""},
      {"chunks 10 MiB", with_chunks(10 * MiB), 200, "10485760"},
      {"chunks 10 MiB and one", with_chunks(10 * MiB + 1), 413, ""},
      {"chunks 12 MiB", with_chunks(12 * MiB), 413, ""},
      {"declared 8 EiB",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n", 413, ""},
      {"a chunk of 8 EiB",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n" +
           std::string(11 * MiB, 'x'),
       413, ""},
  };
  raw::TestLog log;
  jot::Server server(counting(log));
  server.start();
  for (auto& t : table) {
    INFO(t.name);
    log.clear();
    bool closed;
    auto r = ask(server, t.request, closed);
    CHECK(r.whole());
    CHECK(r.status == t.status);
    if (t.status == 200)
      CHECK(r.body == t.body);
    else
      CHECK(closed);
    if (t.status == 414 || t.status == 431) CHECK(log.size() == 1);
  }
  CHECK(raw::Client(server.addr()).ask(with_body(1)).body == "1");
}

TEST_CASE("limits: as they are set") {
  struct {
    std::string_view name;
    std::string request;
    int status;
  } const table[] = {
      {"target", with_target(20), 200},   {"target and one", with_target(21), 414},
      {"fields", with_fields(5), 200},    {"fields and one", with_fields(6), 431},
      {"head", with_head(300), 200},      {"head and one", with_head(301), 431},
      {"body", with_body(1000), 200},     {"body and one", with_body(1001), 413},
      {"chunks", with_chunks(1000), 200}, {"chunks and one", with_chunks(1001), 413},
  };
  raw::TestLog log;
  jot::ServerOptions options = counting(log);
  options.max_body = 1000, options.max_fields = 5, options.max_head = 300, options.max_target = 20;
  jot::Server server(options);
  server.start();
  for (auto& t : table) {
    INFO(t.name);
    bool closed;
    auto r = ask(server, t.request, closed);
    CHECK(r.status == t.status);
    if (t.status != 200) CHECK(closed);
  }
}

TEST_CASE("limits: a head that is cut into pieces has the same ones") {
  raw::TestLog log;
  jot::ServerOptions options = counting(log);
  options.max_head = 300, options.max_target = 20;
  jot::Server server(options);
  server.start();
  for (auto& [request, status] :
       {std::pair{with_head(300), 200}, {with_head(301), 431}, {with_target(21), 414}}) {
    raw::Client client(server.addr());
    client.send_in_pieces(request, 1);
    CHECK(client.response().status == status);
  }
}

TEST_CASE("limits: set_limit changes it for one request, before it is read") {
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [](Request& r) {
                            if (r.header().has("X-Limit")) r.body().set_limit(20);
                            return r.body().read_all();
                          },
                      .log = log.logger(),
                      .max_body = 5});
  server.start();
  struct {
    std::string_view name, limit;
    std::size_t size;
    int status;
  } const table[] = {
      {"all of it", "", 5, 200},
      {"too much", "", 6, 413},
      {"raised", "X-Limit: 1\r\n", 20, 200},
      {"raised, too much", "X-Limit: 1\r\n", 21, 413},
  };
  for (auto& t : table) {
    INFO(t.name);
    for (auto request : {with_body(t.size), with_chunks(t.size)})
      CHECK(raw::Client(server.addr()).ask(request.insert(request.find("Host"), t.limit)).status ==
            t.status);
  }
}

TEST_CASE("limits: read_all has one of its own") {
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [](Request& r) { return r.body().read_all(10); },
                      .log = log.logger()});
  server.start();
  for (std::size_t size : {10u, 11u, 100'000u}) {
    for (auto& request : {with_body(size), with_chunks(size)}) {
      bool closed;
      auto r = ask(server, request, closed);
      CHECK(r.status == (size == 10 ? 200 : 413));
      CHECK(r.whole());
    }
  }
}

TEST_CASE("limits: a declared length that is too much is refused before it is sent") {
  raw::TestLog log;
  jot::ServerOptions options = counting(log);
  options.max_body = 1000;
  jot::Server server(options);
  server.start();
  for (auto expect : {"Expect: 100-continue\r\n", ""}) {
    raw::Client client(server.addr());
    auto r = client.ask("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(expect) +
                        "Content-Length: 100000\r\n\r\n");
    CHECK(r.status == 413);
    CHECK(r.interim.empty());
    CHECK(client.is_closed());
  }
}
