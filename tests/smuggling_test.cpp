// SPDX-License-Identifier: MIT
//
// smuggling_test.cpp -- bytes that two servers could read in two ways are answered once and ended.
//
// For each line of the table: the status, a clean end with the answer read, one line in the log, no
// handler called, no byte behind the bad ones taken for a request, and no harm to a neighbour.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <atomic>       // std::atomic
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::string_literals;
using jot::Request;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

std::string line(std::string_view request_line) {
  return std::string(request_line) + "\r\nHost: h\r\n\r\n";
}
std::string fields(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}
std::string no_host(std::string_view lines) {
  return "GET / HTTP/1.1\r\n" + std::string(lines) + "\r\n";
}
std::string chunks(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

struct Case {
  std::string_view name;
  std::string bytes;
  int status;
};

const Case in_the_head[] = {
    // Line ends.
    {"bare LF ends the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"bare LF ends a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
    {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    {"bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"bare CR in a field", fields("X: a\rb\r\n"), 400},
    {"bare CR ends a field", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
    {"two empty lines before", "\r\n\r\n" + get, 400},
    {"bare LF before", "\n" + get, 400},
    {"space before", " " + get, 400},
    // Field lines.
    {"obs-fold with a space", fields("X: a\r\n b\r\n"), 400},
    {"obs-fold with a tab", fields("X: a\r\n\tb\r\n"), 400},
    {"obs-fold in the first field", no_host(" X: a\r\nHost: h\r\n"), 400},
    {"space before the colon", fields("X : a\r\n"), 400},
    {"tab before the colon", fields("X\t: a\r\n"), 400},
    {"space before the colon of Content-Length", fields("Content-Length : 5\r\n"), 400},
    {"empty field name", fields(": a\r\n"), 400},
    {"field without a colon", fields("X\r\n"), 400},
    {"name with a slash", fields("X/Y: a\r\n"), 400},
    {"name with a NUL", fields("X\0Y: a\r\n"s), 400},
    {"name beyond ASCII", fields("X\xc3\xa9: a\r\n"), 400},
    {"NUL in a value", fields("X: a\0b\r\n"s), 400},
    {"BEL in a value", fields("X: a\ab\r\n"), 400},
    {"DEL in a value", fields("X: a\x7f\r\n"), 400},
    // Host.
    {"no Host", no_host(""), 400},
    {"two Hosts", fields("Host: h\r\n"), 400},
    {"two different Hosts", fields("Host: g\r\n"), 400},
    {"empty Host", no_host("Host:\r\n"), 400},
    {"Host with user info", no_host("Host: u@h\r\n"), 400},
    {"Host with a path", no_host("Host: h/p\r\n"), 400},
    {"Host with a query", no_host("Host: h?p\r\n"), 400},
    {"Host with a space", no_host("Host: a b\r\n"), 400},
    {"absolute form without a Host field", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
    // Request line.
    {"no version", line("GET /"), 400},
    {"no target", line("GET HTTP/1.1"), 400},
    {"empty target", line("GET  HTTP/1.1"), 400},
    {"two spaces", line("GET  / HTTP/1.1"), 400},
    {"two spaces before the version", line("GET /  HTTP/1.1"), 400},
    {"tab", line("GET\t/\tHTTP/1.1"), 400},
    {"space in the target", line("GET /a b HTTP/1.1"), 400},
    {"space behind the version", line("GET / HTTP/1.1 "), 400},
    {"method is no token", line("GE(T / HTTP/1.1"), 400},
    {"target beyond ASCII", line("GET /\xc3\xa9 HTTP/1.1"), 400},
    {"NUL in the target", line("GET /\0 HTTP/1.1"s), 400},
    {"DEL in the target", line("GET /\x7f HTTP/1.1"), 400},
    {"target of no form", line("GET a HTTP/1.1"), 400},
    {"* with GET", line("GET * HTTP/1.1"), 400},
    {"authority with GET", line("GET h:80 HTTP/1.1"), 400},
    {"path with CONNECT", line("CONNECT / HTTP/1.1"), 400},
    {"lower-case version", line("GET / http/1.1"), 400},
    {"not HTTP", line("GET / HTTQ/1.1"), 400},
    {"version with two digits", line("GET / HTTP/1.10"), 400},
    {"version without a minor", line("GET / HTTP/1"), 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/2.0", line("GET / HTTP/2.0"), 505},
    {"HTTP/3.0", line("GET / HTTP/3.0"), 505},
    {"HTTP/0.9 in words", line("GET / HTTP/0.9"), 505},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"TLS", "\x16\x03\x01\x02\x01\x01", 400},
    // Framing.
    {"Content-Length is not a number", fields("Content-Length: abc\r\n"), 400},
    {"Content-Length is empty", fields("Content-Length:\r\n"), 400},
    {"Content-Length is signed", fields("Content-Length: +5\r\n"), 400},
    {"Content-Length is negative", fields("Content-Length: -1\r\n"), 400},
    {"Content-Length is hex", fields("Content-Length: 0x5\r\n"), 400},
    {"Content-Length is broken", fields("Content-Length: 5.0\r\n"), 400},
    {"Content-Length has a space in it", fields("Content-Length: 1 2\r\n"), 400},
    {"Content-Length overflows", fields("Content-Length: 99999999999999999999\r\n"), 400},
    {"Content-Length wraps to 5", fields("Content-Length: 18446744073709551621\r\n"), 400},
    {"Content-Lengths differ", fields("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
    {"Content-Lengths differ in a list", fields("Content-Length: 5, 6\r\n"), 400},
    {"Content-Lengths: one is empty", fields("Content-Length: 5,\r\n"), 400},
    {"Content-Length and Transfer-Encoding",
     fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"Transfer-Encoding and Content-Length",
     fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
    {"Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunked is not last", fields("Transfer-Encoding: chunked, gzip\r\n"), 400},
    {"chunked is not there", fields("Transfer-Encoding: gzip\r\n"), 400},
    {"chunked twice", fields("Transfer-Encoding: chunked, chunked\r\n"), 400},
    {"chunked twice, in two fields",
     fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"Transfer-Encoding is empty", fields("Transfer-Encoding:\r\n"), 400},
    {"chunked in quotes", fields("Transfer-Encoding: \"chunked\"\r\n"), 400},
    {"chunked with a parameter", fields("Transfer-Encoding: chunked;a=b\r\n"), 400},
    {"unknown coding", fields("Transfer-Encoding: brotli, chunked\r\n"), 501},
    {"xchunked", fields("Transfer-Encoding: xchunked\r\n"), 501},
    {"coding that is known and not spoken", fields("Transfer-Encoding: gzip, chunked\r\n"), 501},
    // Sizes.
    {"head too large", fields("X: " + std::string(33 << 10, 'x') + "\r\n"), 431},
};

const Case in_the_body[] = {
    {"empty chunk size", chunks("\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size with 0x", chunks("0x5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size with a sign", chunks("+5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size is negative", chunks("-1\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size is no hex", chunks("g\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size overflows", chunks("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk size wraps to 5", chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
    {"space before the chunk size", chunks(" 5\r\nhello\r\n0\r\n\r\n"), 400},
    {"space behind the chunk size", chunks("5 \r\nhello\r\n0\r\n\r\n"), 400},
    {"bare LF behind the chunk size", chunks("5\nhello\r\n0\r\n\r\n"), 400},
    {"bare CR behind the chunk size", chunks("5\rhello\r\n0\r\n\r\n"), 400},
    {"no CR LF behind the chunk", chunks("5\r\nhello0\r\n\r\n"), 400},
    {"chunk longer than its size", chunks("3\r\nhello\r\n0\r\n\r\n"), 400},
    {"bare LF behind the chunk", chunks("5\r\nhello\n0\r\n\r\n"), 400},
    {"bare LF in an extension", chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
    {"NUL in an extension", chunks("5;a\0\r\nhello\r\n0\r\n\r\n"s), 400},
    {"extension too long", chunks("5;" + std::string(5000, 'x') + "\r\nhello\r\n0\r\n\r\n"), 400},
    {"trailer without a colon", chunks("0\r\nX\r\n\r\n"), 400},
    {"trailer with a space before its colon", chunks("0\r\nX : y\r\n\r\n"), 400},
    {"trailer with obs-fold", chunks("0\r\nX: y\r\n z\r\n\r\n"), 400},
    {"trailer ended by a bare LF", chunks("0\r\nX: y\n\r\n"), 400},
    {"bare LF ends the last chunk", chunks("0\n\n"), 400},
};

struct Fortress {
  Fortress() { server.start(); }
  std::atomic<int> calls{0};
  raw::TestLog log;
  jot::Server server{{.addr = "127.0.0.1:0",
                      .handler = [this](Request&) { return ++calls, "served"; },
                      .log = log.logger()}};
};

// The bad bytes alone, in 1-byte pieces, and with a request behind them that must not be seen.
void check_refused(Fortress& fortress, const Case& bad, std::size_t piece,
                   const std::string& behind) {
  INFO(bad.name);
  fortress.log.clear();
  const int calls = fortress.calls;
  raw::Client client(fortress.server.addr()), neighbour(fortress.server.addr());
  neighbour.send("GET / HTTP/1.1\r\n");
  client.send_in_pieces(bad.bytes + behind, piece);
  raw::Response r = client.response();
  CHECK(r.whole());
  CHECK(r.status == bad.status);
  CHECK(r.field("Connection") == "close");
  CHECK(client.is_closed());
  CHECK(fortress.calls == calls);
  CHECK(fortress.log.size() == 1);
  CHECK(fortress.log.count("refused") == 1);
  CHECK(neighbour.ask("Host: h\r\n\r\n").body == "served");
}

}  // namespace

TEST_CASE("smuggling: a head that could be read in two ways") {
  Fortress fortress;
  for (auto& bad : in_the_head) {
    check_refused(fortress, bad, bad.bytes.size(), "");
    check_refused(fortress, bad, bad.bytes.size() + smuggled.size(), smuggled);
    if (bad.bytes.size() < 1000) check_refused(fortress, bad, 1, smuggled);
  }
}

TEST_CASE("smuggling: a body that could end in two places") {
  Fortress fortress;
  for (auto& bad : in_the_body) {
    check_refused(fortress, bad, bad.bytes.size(), "");
    check_refused(fortress, bad, bad.bytes.size() + smuggled.size(), smuggled);
    if (bad.bytes.size() < 1000) check_refused(fortress, bad, 1, smuggled);
  }
}

TEST_CASE("smuggling: the same behind a good request") {
  Fortress fortress;
  for (auto& bad : in_the_head) {
    if (bad.bytes.starts_with("\n") || bad.bytes.starts_with("\r")) continue;
    INFO(bad.name);
    raw::Client client(fortress.server.addr());
    client.send(get + bad.bytes + smuggled);
    CHECK(client.response().body == "served");
    CHECK(client.response().status == bad.status);
    CHECK(client.is_closed());
  }
}

TEST_CASE("smuggling: what only looks like it is served") {
  struct {
    std::string_view name;
    std::string bytes;
    std::string_view want;  // method target host body
  } const table[] = {
      {"an empty line before", "\r\n" + get, "GET / h "},
      {"Content-Length twice, the same",
       fields("Content-Length: 2\r\nContent-Length: 2\r\n") + "ab", "GET / h ab"},
      {"Content-Length in a list, the same", fields("Content-Length: 2, 2\r\n") + "ab",
       "GET / h ab"},
      {"CHUNKED", fields("Transfer-Encoding: CHUNKED\r\n") + "1\r\na\r\n0\r\n\r\n", "GET / h a"},
      {"chunk size with zeros", chunks("0005\r\nhello\r\n0\r\n\r\n"), "POST / h hello"},
      {"chunk size in capitals", chunks("A\r\n0123456789\r\n000\r\n\r\n"), "POST / h 0123456789"},
      {"chunk extension", chunks("1;a=\"b c\" ; d\r\na\r\n0;last\r\nX: y\r\n\r\n"), "POST / h a"},
      {"spaces around a value", no_host("Host: \t h \t\r\n"), "GET / h "},
      {"value beyond ASCII", fields("X: \xc3\xa9\r\n"), "GET / h "},
      {"a method of one's own", line("BREW!#$%&'*+-.^_`|~ / HTTP/1.1"), "BREW!#$%&'*+-.^_`|~ / h "},
      {"absolute form wins over Host", "GET http://other/p HTTP/1.1\r\nHost: h\r\n\r\n",
       "GET http://other/p other "},
      {"* with OPTIONS", line("OPTIONS * HTTP/1.1"), "OPTIONS * h "},
      {"HTTP/1.0 without a Host", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /  "},
      {"a Host with a comma, which a name may have", no_host("Host: a,b\r\n"), "GET / a,b "},
      {"a Host that is IPv6", no_host("Host: [::1]:80\r\n"), "GET / [::1]:80 "},
  };
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [](Request& r) {
                            return jot::text(r.method(), " ", r.target(), " ", r.host(), " ",
                                             r.body().read_all());
                          },
                      .log = log.logger()});
  server.start();
  for (auto& t : table) {
    for (std::size_t piece : {t.bytes.size() + get.size(), std::size_t{1}}) {
      INFO(t.name);
      raw::Client client(server.addr());
      client.send_in_pieces(t.bytes + get, piece);
      CHECK(client.response().body == t.want);
      CHECK(client.response().body == "GET / h ");
    }
  }
  CHECK(log.size() == 0);
}

TEST_CASE("smuggling: an answer to a refused body is not lost to a reset") {
  // The client goes on sending long after the refusal: its kernel must not throw the answer away.
  Fortress fortress;
  raw::Client client(fortress.server.addr());
  client.send(chunks("zz\r\n"));
  const std::string more(64 << 10, 'x');
  for (int i = 0; i < 64; ++i) REQUIRE(client.send(more));
  raw::Response r = client.response();
  CHECK(r.status == 400);
  CHECK(r.whole());
  CHECK(client.is_closed());
}
