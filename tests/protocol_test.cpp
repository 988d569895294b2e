// SPDX-License-Identifier: MIT
//
// protocol_test.cpp -- what a response is on the wire: status line, fields, framing, end.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using raw::Served;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get_close = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const std::string get_1_0 = "GET / HTTP/1.0\r\n\r\n";
const std::string head_1_0 = "HEAD / HTTP/1.0\r\n\r\n";
const std::string get_1_0_keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

void short_text(ResponseWriter& w) { w.write("hello"); }
void flushed(ResponseWriter& w) { w.write("hel"), w.flusher()->flush(), w.write("lo"); }
void nothing(ResponseWriter&) {}

}  // namespace

TEST_CASE("protocol: a response's framing follows from the request and from what was written") {
  struct {
    std::string_view name;
    std::string request;
    void (*handler)(ResponseWriter&);
    std::string_view length, coding, connection, body;
    bool stays;  // open for the next request
  } const table[] = {
      {"length", get, short_text, "5", "", "", "hello", true},
      {"empty", get, nothing, "0", "", "", "", true},
      {"chunked", get, flushed, "", "chunked", "", "hello", true},
      {"close", get_close, short_text, "5", "", "close", "hello", false},
      {"chunked, close", get_close, flushed, "", "chunked", "close", "hello", false},
      {"1.0", get_1_0, short_text, "5", "", "close", "hello", false},
      {"1.0 kept", get_1_0_keep, short_text, "5", "", "keep-alive", "hello", true},
      {"1.0 streamed", get_1_0, flushed, "", "", "close", "hello", false},
      {"1.0 kept, streamed", get_1_0_keep, flushed, "", "", "close", "hello", false},
      {"HEAD", head, short_text, "5", "", "", "", true},
      {"HEAD chunked", head, flushed, "", "chunked", "", "", true},
      {"HEAD 1.0", head_1_0, short_text, "5", "", "close", "", false},
      {"204", get, [](ResponseWriter& w) { w.write_header(204); }, "", "", "", "", true},
      {"204 with a body", get, [](ResponseWriter& w) { w.write_header(204), w.write("no"); }, "",
       "", "", "", true},
      {"204 flushed", get, [](ResponseWriter& w) { w.write_header(204), flushed(w); }, "", "", "",
       "", true},
      {"205 with a body", get, [](ResponseWriter& w) { w.write_header(205), w.write("no"); }, "0",
       "", "", "", true},
      {"205 flushed, with a length", get,
       [](ResponseWriter& w) {
         w.header().set("Content-Length", 5), w.write_header(205), flushed(w);
       },
       "0", "", "", "", true},
      {"304", get, [](ResponseWriter& w) { w.write_header(304), w.write("no"); }, "", "", "", "",
       true},
      {"304 with its length", get,
       [](ResponseWriter& w) { w.header().set("Content-Length", 7), w.write_header(304); }, "7", "",
       "", "", true},
      {"own length", get,
       [](ResponseWriter& w) { w.header().set("Content-Length", 5), flushed(w); }, "5", "", "",
       "hello", true},
      {"own length for HEAD", head, [](ResponseWriter& w) { w.header().set("Content-Length", 99); },
       "99", "", "", "", true},
      {"own length, 1.0 kept", get_1_0_keep,
       [](ResponseWriter& w) { w.header().set("Content-Length", 5), flushed(w); }, "5", "",
       "keep-alive", "hello", true},
      {"own Transfer-Encoding is ours to say", get,
       [](ResponseWriter& w) { w.header().set("Transfer-Encoding", "gzip"), w.write("hello"); },
       "5", "", "", "hello", true},
      {"own Connection: close", get,
       [](ResponseWriter& w) { w.header().set("Connection", "close"), w.write("hello"); }, "5", "",
       "close", "hello", false},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s([&t](ResponseWriter& w, Request& r) {
      (r.path() == "/behind" ? short_text : t.handler)(w);
    });
    raw::Client client = s.client();
    // A second request behind it shows whether this one's end was understood.
    client.send(t.request +
                (t.stays ? "GET /behind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" : ""));
    raw::Response r = client.response(t.request.starts_with("HEAD"));
    INFO(r.head);
    bool by_end = t.length.empty() && t.coding.empty() && !t.stays;
    CHECK(r.end == (by_end ? raw::End::closed : raw::End::whole));
    CHECK(r.field("Content-Length") == t.length);
    CHECK(r.count("Content-Length") == !t.length.empty());
    CHECK(r.field("Transfer-Encoding") == t.coding);
    CHECK(r.field("Connection") == t.connection);
    CHECK(r.body == t.body);
    CHECK(r.count("Date") == 1);
    if (t.stays) CHECK(client.response().body == "hello");
    CHECK(client.is_closed());
    CHECK(s.log.size() == 0);
  }
}

TEST_CASE("protocol: status lines have the status's own words") {
  struct {
    int status;
    std::string_view line;
  } const table[] = {
      {200, "HTTP/1.1 200 OK"},
      {201, "HTTP/1.1 201 Created"},
      {404, "HTTP/1.1 404 Not Found"},
      {422, "HTTP/1.1 422 Unprocessable Content"},
      {503, "HTTP/1.1 503 Service Unavailable"},
      {599, "HTTP/1.1 599 "},  // the space stays, RFC 9112 section 4
      {999, "HTTP/1.1 999 "},
  };
  Served s([](ResponseWriter& w, Request& r) { w.write_header(r.query<int>("s", 0)); });
  raw::Client client = s.client();
  for (auto& t : table) {
    auto r = client.ask("GET /?s=" + std::to_string(t.status) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(r.line == t.line);
    CHECK(r.status == t.status);
  }
}

TEST_CASE("protocol: Date is the time in IMF-fixdate, said once") {
  Served s([](ResponseWriter& w, Request& r) {
    if (r.path() == "/own") w.header().set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
  });
  raw::Client client = s.client();
  std::string date = client.ask(get).field("Date");
  tm t{};
  const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &t);
  REQUIRE(end);
  CHECK(*end == '\0');
  CHECK(date.size() == 29);
  CHECK(std::abs(difftime(timegm(&t), time(nullptr))) <= 2);
  auto own = client.ask("GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(own.count("Date") == 1);
  CHECK(own.field("Date") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(client.ask(get).field("Date") != own.field("Date"));
}

TEST_CASE("protocol: a 1xx leaves at once, and has no framing of its own") {
  raw::Gate gate;
  Served s([&gate](ResponseWriter& w) {
    w.header().set("Link", "</style.css>; rel=preload");
    w.write_header(103);
    gate.wait();
    w.write_header(201);
    w.write("hello");
  });
  raw::Client client = s.client();
  client.send(get);
  std::string early = client.peek(4);
  CHECK(early.starts_with("HTTP/1.1 103 Early Hints\r\n"));
  gate.open();
  auto r = client.response();
  CHECK(r.status == 201);
  CHECK(r.body == "hello");
  REQUIRE(r.interim.size() == 1);
  CHECK(r.interim[0].field("Link") == "</style.css>; rel=preload");
  CHECK_FALSE(r.interim[0].has("Content-Length"));
  CHECK_FALSE(r.interim[0].has("Transfer-Encoding"));
}

TEST_CASE("protocol: HTTP/1.0 clients are not sent 1xx") {
  Served s([](ResponseWriter& w) { w.write_header(103), w.write("hello"); });
  auto r = s.client().ask(get_1_0);
  CHECK(r.status == 200);
  CHECK(r.interim.empty());
}

TEST_CASE("protocol: a flush is seen before the handler ends") {
  raw::Gate gate;
  Served s([&gate](ResponseWriter& w, Request& r) {
    if (r.path() != "/head") w.write("one");
    w.flusher()->flush();
    gate.wait();
    w.write("two");
  });
  raw::Client client = s.client(), head_client = s.client();
  client.send(get);
  while (client.peek(0).find("one") == std::string::npos)
    REQUIRE(client.peek(client.peek(0).size() + 1).size() < 4096);
  head_client.send("GET /head HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head_client.peek(12).starts_with("HTTP/1.1 200"));
  gate.open();
  auto r = client.response();
  CHECK(r.body == "onetwo");
  CHECK(r.chunks == 2);
  CHECK(head_client.response().body == "two");
}

TEST_CASE("protocol: big bodies arrive whole, however they are written") {
  const std::size_t total = 5 << 20;
  for (std::size_t piece : {std::size_t{1000}, std::size_t{16384}, std::size_t{70'001}, total}) {
    INFO(piece);
    Served s([piece](ResponseWriter& w) {
      std::string text(piece, ' ');
      for (std::size_t at = 0; at < total; at += text.size()) {
        text.resize(std::min(piece, total - at));
        for (std::size_t i = 0; i < text.size(); ++i)
          text[i] = static_cast<char>('a' + (at + i) % 23);
        if (!w.write(text)) return;
      }
    });
    auto r = s.client().ask(get);
    REQUIRE(r.whole());
    REQUIRE(r.body.size() == total);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < total; ++i) wrong += r.body[i] != static_cast<char>('a' + i % 23);
    CHECK(wrong == 0);
  }
}

TEST_CASE("protocol: sizes around that of the buffer") {
  for (std::size_t size : {16383u, 16384u, 16385u, 32768u, 65536u, 65537u}) {
    INFO(size);
    Served s([size](ResponseWriter& w) { w.write(std::string(size, 'x')); });
    raw::Client client = s.client();
    client.send(get + get_close);
    CHECK(client.response().body == std::string(size, 'x'));
    CHECK(client.response().body == std::string(size, 'x'));
    CHECK(client.is_closed());
  }
}

TEST_CASE("protocol: trailers come behind the last chunk") {
  Served s([](ResponseWriter& w) {
    w.header().set("Trailer", "X-Rows, X-Later");
    w.header().set("X-Rows", 1);
    flushed(w);
    w.header().set("X-Rows", 2);
    w.header().set("X-Later", "yes");
    w.header().set("X-Unannounced", "no");
  });
  raw::Client client = s.client();
  client.send(get + get_close);
  auto r = client.response();
  CHECK(r.field("Trailer") == "X-Rows, X-Later");
  CHECK_FALSE(r.has("X-Rows"));
  CHECK(r.body == "hello");
  CHECK(r.trailer == std::vector<std::string>{"X-Rows: 2", "X-Later: yes"});
  CHECK(client.response().whole());
}

TEST_CASE("protocol: HTTP/1.0 gets no trailers") {
  Served s([](ResponseWriter& w) {
    w.header().set("Trailer", "X-Rows"), flushed(w), w.header().set("X-Rows", 2);
  });
  CHECK(s.client().ask(get_1_0).body == "hello");
}

TEST_CASE("protocol: a router's own answers are whole ones") {
  jot::Router app;
  app.get("/page", [] { return "page"; });
  Served s(app);
  struct {
    std::string_view line;
    int status;
    std::string_view allow;
  } const table[] = {
      {"GET /page", 200, ""},
      {"HEAD /page", 200, ""},
      {"GET /none", 404, ""},
      {"HEAD /none", 404, ""},
      {"POST /page", 405, "GET, HEAD, OPTIONS"},
      {"BREW /page", 405, "GET, HEAD, OPTIONS"},
  };
  raw::Client client = s.client();
  for (auto& t : table) {
    INFO(t.line);
    auto r = client.ask(std::string(t.line) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(r.whole());
    CHECK(r.status == t.status);
    if (t.status == 405) CHECK(r.field("Allow").find("GET") != std::string::npos);
  }
  CHECK(s.log.size() == 0);
}

TEST_CASE("protocol: TRACE is 501 unless a handler wants it") {
  jot::Router app;
  app.get("/page", [] { return "page"; });
  app.handle("TRACE /echo", [] { return "echo"; });
  Served s(app);
  raw::Client client = s.client();
  struct {
    std::string_view path;
    int status;
  } const table[] = {{"/page", 501}, {"/none", 501}, {"/echo", 200}};
  for (auto& t : table) {
    INFO(t.path);
    CHECK(client.ask(jot::text("TRACE ", t.path, " HTTP/1.1\r\nHost: h\r\n\r\n")).status ==
          t.status);
  }
}

TEST_CASE("protocol: behind a 2xx to CONNECT comes a tunnel, not a body") {
  Served s([](ResponseWriter& w, Request& r) {
    if (r.target() == "refused:80") return jot::error(w, 403, "no");
    w.header().set("Content-Length", 99);
    if (r.target() == "flushed:80") w.flusher()->flush();
    w.write("hello");
  });
  for (auto target : {"whole:80", "flushed:80"}) {
    INFO(target);
    raw::Client client = s.client();
    auto r = client.ask(jot::text("CONNECT ", target, " HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(r.status == 200);
    CHECK_FALSE(r.has("Content-Length"));
    CHECK_FALSE(r.has("Transfer-Encoding"));
    CHECK(r.body == "hello");
    CHECK(r.end == raw::End::closed);
  }
  raw::Client client = s.client();
  auto r = client.ask("CONNECT refused:80 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.status == 403);
  CHECK(r.field("Content-Length") == "3");
  CHECK(r.whole());
  CHECK(s.log.size() == 0);
}

TEST_CASE("protocol: an exchange over IPv6 and over a unix socket is the same") {
  const std::string path = "/tmp/jot_protocol_" + std::to_string(getpid()) + ".sock";
  for (const std::string& addr : {"[::1]:0"s, "unix:" + path}) {
    INFO(addr);
    jot::Server server(
        {.addr = addr, .handler = [](Request& r) { return std::string(r.remote_addr()); }});
    server.start();
    auto r = raw::Client(server.addr()).ask(get);
    CHECK(r.status == 200);
    CHECK(r.body.starts_with(addr[0] == '[' ? "[::1]:" : "unix:"));
  }
}
