// SPDX-License-Identifier: MIT
//
// writer_test.cpp -- what a handler may say to its writer, until when, and what becomes of it.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;
using raw::Served;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace

TEST_CASE("writer: Content-Type is sniffed where nobody said it") {
  struct {
    std::string_view name;
    std::string body, type;
    std::string_view want;
  } const table[] = {
      {"html", "<!DOCTYPE html><p>", "", "text/html; charset=utf-8"},
      {"text", "hello", "", "text/plain; charset=utf-8"},
      {"png", "\x89PNG\r\n\x1a\n1234", "", "image/png"},
      {"bytes", "\x01\x02\x03\xff"s, "", "application/octet-stream"},
      {"nothing", "", "", ""},
      {"said", "<html>", "text/x-own", "text/x-own"},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s([&t](ResponseWriter& w) {
      if (!t.type.empty()) w.header().set("Content-Type", t.type);
      w.write(t.body);
    });
    raw::Client client = s.client();
    CHECK(client.ask(get).field("Content-Type") == t.want);
    CHECK(client.ask(head).field("Content-Type") == t.want);
  }
}

TEST_CASE("writer: Content-Type is sniffed from the first bytes, in whatever pieces they come") {
  for (std::size_t first : {0u, 3u, 15u, 600u}) {
    INFO(first);
    Served s([first](ResponseWriter& w) {
      const std::string page = "<!DOCTYPE html>" + std::string(100'000, 'x');
      w.write(page.substr(0, first));
      w.write(page.substr(first));
    });
    raw::Client client = s.client();
    CHECK(client.ask(get).field("Content-Type") == "text/html; charset=utf-8");
    CHECK(client.ask(head).field("Content-Type") == "text/html; charset=utf-8");
  }
}

TEST_CASE("writer: text that a handler returns is plain text, and stays it") {
  Served s([](Request& r) { return std::string(r.query("q")); });
  auto r = s.client().ask("GET /?q=%3Chtml%3E HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.body == "<html>");
  CHECK(r.field("Content-Type") == "text/plain; charset=utf-8");
  CHECK(r.field("X-Content-Type-Options") == "nosniff");
}

TEST_CASE("writer: write_header records until the first byte leaves") {
  raw::Facts facts;
  Served s([facts](ResponseWriter& w) {
    w.write_header(404);
    w.write("a");
    w.write_header(201);
    w.header().set("X-Late", "yes");
    facts.expect(w.status() == 201, "status");
    facts.expect(!w.committed(), "not committed");
    facts.expect(w.flusher()->flush(), "flushed");
    facts.expect(w.committed(), "committed");
    w.write_header(500);
    w.header().set("X-Too-Late", "yes");
    facts.expect(w.status() == 201, "status stays");
    facts.expect(w.bytes_written() == 1, "bytes_written");
  });
  auto r = s.client().ask(get);
  CHECK(r.status == 201);
  CHECK(r.field("X-Late") == "yes");
  CHECK_FALSE(r.has("X-Too-Late"));
  CHECK(r.body == "a");
  CHECK(facts.wrong() == "");
}

TEST_CASE("writer: write_header refuses what is no status, and 101") {
  for (int status : {-1, 0, 99, 101, 1000}) {
    INFO(status);
    Served s([status](ResponseWriter& w) {
      w.write("half");
      w.write_header(status);
      w.write("more");
    });
    auto r = s.client().ask(get);
    CHECK(r.status == 500);
    CHECK(r.body == "Internal Server Error\n");
    REQUIRE(s.log.count("handler threw") == 1);
    CHECK(s.log.records()[0].field("error") == "jot: write_header(" + std::to_string(status) + ")");
  }
}

TEST_CASE("writer: reset forgets everything until the first byte has left") {
  raw::Facts facts;
  Served s([facts](ResponseWriter& w, Request& r) {
    w.header().set("X-Old", "1"), w.write_header(404), w.write("old");
    if (r.path() == "/flush") w.flusher()->flush();
    facts.expect(w.reset() == (r.path() != "/flush"), "reset");
    w.write("new");
  });
  raw::Client client = s.client();
  auto r = client.ask(get);
  CHECK(r.status == 200);
  CHECK(r.body == "new");
  CHECK_FALSE(r.has("X-Old"));
  r = client.ask("GET /flush HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.status == 404);
  CHECK(r.body == "oldnew");
  CHECK(r.has("X-Old"));
  CHECK(facts.wrong() == "");
}

TEST_CASE("writer: a field that could forge another never leaves") {
  for (const std::string& value : {"a\r\nX-Forged: 1"s, "a\nb"s, "a\rb"s, "a\0b"s}) {
    Served s([&value](ResponseWriter& w) { w.header().set("X-Own", value); });
    auto r = s.client().ask(get);
    CHECK(r.status == 500);
    CHECK_FALSE(r.has("X-Own"));
    CHECK_FALSE(r.has("X-Forged"));
  }
}

TEST_CASE("writer: a Content-Length that is not kept is never taken for a whole response") {
  struct {
    std::string_view name, length, body;
    bool flush;
    int status;
    bool whole;
  } const table[] = {
      {"too few", "9", "hello", false, 500, true},
      {"too many", "3", "hello", false, 500, true},
      {"nothing", "3", "", false, 500, true},
      {"not a number", "abc", "hello", false, 500, true},
      {"too few, and the head has left", "9", "hello", true, 200, false},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s([&t](ResponseWriter& w) {
      w.header().set("Content-Length", t.length);
      w.write(t.body);
      if (t.flush) w.flusher()->flush();
    });
    auto r = s.client().ask(get);
    CHECK(r.status == t.status);
    CHECK(r.whole() == t.whole);
    REQUIRE(s.log.wait_for_message("body differs from Content-Length"));
    CHECK(s.log.size() == 1);
  }
}

TEST_CASE("writer: bytes beyond a Content-Length that has left are not sent") {
  Served s([](ResponseWriter& w) {
    w.header().set("Content-Length", 5);
    w.flusher()->flush();
    w.write("helloHTTP/1.1 200 OK\r\n\r\n");
    w.flusher()->flush();
  });
  raw::Client client = s.client();
  client.send(get + get);
  std::string all = client.read_to_end();
  CHECK(all.find("HTTP/1.1", 8) == all.npos);
  REQUIRE(s.log.wait_for_message("body differs from Content-Length"));
  CHECK(s.log.size() == 1);
}

TEST_CASE("writer: fields keep their order and their copies") {
  Served s([](ResponseWriter& w) {
    w.header().add("Set-Cookie", "a=1").add("X-B", "b").add("Set-Cookie", "c=2");
  });
  auto r = s.client().ask(get);
  CHECK(r.count("Set-Cookie") == 2);
  CHECK(r.head.find("Set-Cookie: a=1\r\nX-B: b\r\nSet-Cookie: c=2\r\n") != std::string::npos);
}
