// SPDX-License-Identifier: MIT
//
// testing_test.cpp -- do the tools for tests tell the truth?
#include "jot/testing.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using jot::Recorder;
using jot::request;

TEST_CASE("a request made by hand has all that a real one has") {
  auto r = request("POST", "/a%20b/c?x=1&y=two+words",
                   {.body = "hello",
                    .header = {{"Cookie", "k=v"}, {"X-Two", "1"}, {"X-Two", "2"}},
                    .remote_addr = "[::1]:9"});
  CHECK(r.method() == "POST");
  CHECK(r.target() == "/a%20b/c?x=1&y=two+words");
  CHECK(r.path() == "/a%20b/c");
  CHECK(r.query("y") == "two words");
  CHECK(r.query<int>("x", 0) == 1);
  CHECK(r.proto() == "HTTP/1.1");
  CHECK(r.host() == "example.com");
  CHECK(r.scheme() == "http");
  CHECK(r.remote_addr() == "[::1]:9");
  CHECK(r.cookie("k") == "v");
  CHECK(r.header().get("content-length") == "5");
  CHECK(r.header().all("x-two").size() == 2);
  CHECK(r.pattern().empty());
  CHECK(r.path_value("x").empty());
  CHECK(r.body().read_all() == "hello");
  CHECK(r.body().read_all().empty());
}

TEST_CASE("targets in their four forms") {
  CHECK(request("GET", "http://other.org:81/p?q").host() == "other.org:81");
  CHECK(request("GET", "http://other.org:81/p?q").path() == "/p");
  CHECK(request("OPTIONS", "*").path() == "*");
  CHECK(request("CONNECT", "h.org:443").host() == "h.org:443");
  CHECK(request("GET", "/", {.header = {{"Host", "mine:8080"}}}).host() == "mine:8080");
}

TEST_CASE("what a server would refuse cannot be made") {
  struct Case {
    std::string_view method, target;
  };
  const Case cases[] = {{"", "/"},        {"G T", "/"},     {"GET", ""},           {"GET", "x"},
                        {"GET", "/a b"},  {"GET", "/\x01"}, {"GET", "/a\r\nX: y"}, {"GET", "*"},
                        {"CONNECT", "/"}, {"GET", "/#x"}};
  for (const auto& [method, target] : cases) {
    INFO(method << " " << target);
    CHECK_THROWS_AS(request(method, target), std::invalid_argument);
  }
  CHECK_THROWS_AS(request("GET", "/", {.header = {{"Host", "a/b"}}}), std::invalid_argument);
}

TEST_CASE("a request outlives what it was made of, and can be moved") {
  const auto make = [] {
    std::string target =
        "/a/rather/long/target/that/is/not/kept/in/place?x=" + std::string(100, 'x');
    jot::Request r = request(std::string("GET"), target, {.header = {{"X", std::string(50, 'h')}}});
    return jot::Request(std::move(r));
  };
  auto r = make();
  CHECK(r.path() == "/a/rather/long/target/that/is/not/kept/in/place");
  CHECK(r.header().get("X") == std::string(50, 'h'));
  CHECK(r.query("x").size() == 100);
}

TEST_CASE("a JSON body, read whole or in pieces") {
  auto r = request("POST", "/", {.json = {{"a", jot::List{1, 2}}}});
  CHECK(r.header().get("Content-Type") == "application/json");
  CHECK(r.json()["a"][1].as_int() == 2);
  auto pieces = request("POST", "/", {.body = "abcdefg"});
  std::array<char, 3> buffer;
  std::string all;
  while (std::size_t n = pieces.body().read(buffer)) all.append(buffer.data(), n), all += '|';
  CHECK(all == "abc|def|g|");
}

TEST_CASE("the limit of a body holds") {
  const auto status = [](jot::Handler h) {
    return jot::record(h, request("POST", "/", {.body = "12345"})).status;
  };
  CHECK(status([](jot::Request& r) { return r.body().read_all(5); }) == 200);
  CHECK(status([](jot::Request& r) { return r.body().read_all(4); }) == 413);
  CHECK(status([](jot::Request& r) { return r.body().set_limit(4), r.body().read_all(); }) == 413);
  CHECK(status([](jot::Request& r) { return r.body().set_limit(5), r.body().read_all(); }) == 200);
}

TEST_CASE("the context is the one that was given") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  auto r = request("GET", "/", {.context = ctx});
  CHECK_FALSE(r.context().done());
  cancel();
  CHECK(r.context().done());
}

TEST_CASE("a Recorder keeps status, fields and body") {
  Recorder w;
  CHECK(w.status() == 200);
  w.write_header(103);
  CHECK(w.status() == 200);
  w.write_header(201);
  w.write_header(202);
  w.header().set("A", "1");
  CHECK(w.write("x", 1, 'c', true));
  CHECK(w.bytes_written() == 7);
  CHECK_FALSE(w.committed());
  const jot::Recorded res = w.recorded();
  CHECK(res.status == 202);
  CHECK(res.header.get("A") == "1");
  CHECK(res.body == "x1ctrue");
  for (int bad : {101, 0, -1, 99, 1000})
    CHECK_THROWS_AS(w.write_header(bad), std::invalid_argument);
  CHECK(w.reset());
  CHECK(w.status() == 200);
  CHECK(w.body().empty());
  CHECK(w.header().empty());
}

TEST_CASE("a flush is the end of changes") {
  Recorder w;
  w.header().set("A", "1");
  w.write("a");
  REQUIRE(w.flusher());
  CHECK(w.flusher()->flush());
  CHECK(w.committed());
  w.header().set("A", "2").set("B", "1");
  w.write_header(500);
  w.write("b");
  CHECK_FALSE(w.reset());
  w.flusher()->flush();
  CHECK(w.flushes() == 2);
  const jot::Recorded res = w.recorded();
  CHECK(res.status == 200);
  CHECK(res.header.get("A") == "1");
  CHECK_FALSE(res.header.has("B"));
  CHECK(res.body == "ab");
}

TEST_CASE("copy_to() gives the response to another writer") {
  Recorder from, to;
  to.header().set("Kept", "1");
  from.header().add("Set-Cookie", "a=1").add("Set-Cookie", "b=2");
  from.write_header(404);
  from.write("body");
  from.copy_to(to);
  CHECK(to.status() == 404);
  CHECK(to.body() == "body");
  CHECK(to.header().all("Set-Cookie").size() == 2);
  CHECK(to.header().get("Kept") == "1");
  CHECK(to.flushes() == 0);
  from.flusher()->flush();
  from.copy_to(to);
  CHECK(to.flushes() == 1);
}

// What the server at addr sends until it closes.
std::string talk(const std::string& addr, std::string_view bytes) {
  const auto colon = addr.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(addr.substr(colon + 1))));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  std::string all;
  char buffer[4096];
  for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  ::close(fd);
  return all;
}

TEST_CASE("a TestServer answers on a port of its own") {
  jot::Router app;
  app.get("/hello/{name}", [](jot::Request& r) { return "Hello, " + r.path_value("name") + "\n"; });
  jot::TestServer server(app);
  jot::TestServer other(jot::ServerOptions{.handler = app});
  CHECK(server.url("/x") == "http://" + server.server().addr() + "/x");
  CHECK(server.url() != other.url());
  for (jot::TestServer* s : {&server, &other}) {
    for (int i = 0; i < 3; ++i) {  // the first closes the Router, the next match ahead of the call
      const std::string response =
          talk(s->server().addr(),
               "GET /hello/w%C3%B6rld HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      CHECK(response.starts_with("HTTP/1.1 200 OK\r\n"));
      CHECK(response.ends_with("\r\n\r\nHello, w\xC3\xB6rld\n"));
    }
  }
}

TEST_CASE("a WriterProxy forwards everything") {
  Recorder inner;
  jot::WriterProxy w(inner);
  w.header().set("A", "1");
  w.write_header(201);
  w.write("x");
  CHECK(w.status() == 201);
  CHECK(w.bytes_written() == 1);
  CHECK_FALSE(w.committed());
  CHECK(w.reset());
  w.write("y");
  CHECK(w.flusher() == inner.flusher());
  w.flusher()->flush();
  CHECK(w.committed());
  CHECK(inner.body() == "y");
}

}  // namespace
