// SPDX-License-Identifier: MIT
//
// parse_response_test.cpp -- which response heads are understood, and as what?
#include "jot/header.hpp"

#include "jot/detail/parse_response.hpp"

#include "catch.hpp"

#include <string>  // std::string

using namespace std::string_literals;
using jot::Header;
using jot::detail::BodyKind;
using jot::detail::HeadScanner;
using jot::detail::parse_response;
using jot::detail::ResponseHead;

namespace {

struct Parsed {
  bool complete = false;
  std::string reason;  // of a refusal
  ResponseHead head;
  Header header;
};

// The bytes as they would come from a socket, cut as told. raw must live on.
Parsed parse(const std::string& raw, bool to_head = false, std::size_t step = 0) {
  Parsed p;
  const auto limits = jot::detail::response_limits(4096);
  HeadScanner scanner;
  for (std::size_t n = step ? step : raw.size();; n += step) {
    const auto state = scanner.scan(std::string_view(raw).substr(0, n), limits);
    if (state == HeadScanner::State::bad) return p.reason = scanner.verdict.reason, p;
    if (state == HeadScanner::State::complete) break;
    if (n >= raw.size()) return p;
  }
  p.complete = true;
  const auto v = parse_response(scanner.head(raw), limits.fields, to_head, p.head, p.header);
  if (!v.ok()) p.reason = v.reason;
  return p;
}

}  // namespace

TEST_CASE("parse_response: status lines") {
  struct Case {
    std::string line;
    int status;  // 0: refused
    std::string reason;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK", 200, "OK"},
      {"HTTP/1.1 200 ", 200, ""},
      {"HTTP/1.1 200", 200, ""},
      {"HTTP/1.0 404 Not Found", 404, "Not Found"},
      {"HTTP/1.9 200 OK", 200, "OK"},
      {"HTTP/1.1 999 x", 999, "x"},
      {"HTTP/1.1 418 I'm a te\xc3\xa4pot\t!", 418, "I'm a te\xc3\xa4pot\t!"},
      {"HTTP/1.1 099 x", 0, ""},
      {"HTTP/1.1 000 x", 0, ""},
      {"HTTP/1.1 20 OK", 0, ""},
      {"HTTP/1.1 2000 OK", 0, ""},
      {"HTTP/1.1 2x0 OK", 0, ""},
      {"HTTP/1.1 -20 OK", 0, ""},
      {"HTTP/1.1 +20 OK", 0, ""},
      {"HTTP/1.1  200 OK", 0, ""},
      {"HTTP/1.1\t200 OK", 0, ""},
      {"HTTP/1.1 200\tOK", 0, ""},
      {"HTTP/1.10 200 OK", 0, ""},
      {"HTTP/2.0 200 OK", 0, ""},
      {"HTTP/1 200 OK", 0, ""},
      {"http/1.1 200 OK", 0, ""},
      {"ICY 200 OK", 0, ""},
      {"HTTP/1.1 200 O\0K"s, 0, ""},
      {"HTTP/1.1 200 O\x7fK", 0, ""},
      {"HTTP/1.1", 0, ""},
      {"HTTP/1.1 ", 0, ""},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    const std::string raw = c.line + "\r\n\r\n";
    const Parsed p = parse(raw);
    REQUIRE(p.complete);
    CHECK(p.reason.empty() == (c.status != 0));
    if (!c.status) continue;
    CHECK(p.head.status == c.status);
    CHECK(p.head.reason == c.reason);
  }
}

TEST_CASE("parse_response: how long the body is, and whether the connection lasts") {
  struct Case {
    const char* name;
    std::string head;
    bool to_head;
    BodyKind kind;
    std::uint64_t length;
    bool keep_alive;
    bool ok = true;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n", old = "HTTP/1.0 200 OK\r\n";
  const std::string length = "Content-Length: 5\r\n", chunked = "Transfer-Encoding: chunked\r\n";
  const Case cases[] = {
      {"length", ok + length, false, BodyKind::length, 5, true},
      {"length 0", ok + "Content-Length: 0\r\n", false, BodyKind::length, 0, true},
      {"the same length twice", ok + length + length, false, BodyKind::length, 5, true},
      {"the same length in a list", ok + "Content-Length: 5, 5\r\n", false, BodyKind::length, 5,
       true},
      {"chunked", ok + chunked, false, BodyKind::chunked, 0, true},
      {"chunked, by another name", ok + "transfer-encoding: CHUNKED\r\n", false, BodyKind::chunked,
       0, true},
      {"until close", ok, false, BodyKind::until_close, 0, false},
      {"until close, whatever it says", ok + "Connection: keep-alive\r\n", false,
       BodyKind::until_close, 0, false},
      {"1.0", old + length, false, BodyKind::length, 5, false},
      {"1.0 keeps alive when it says so", old + length + "Connection: Keep-Alive\r\n", false,
       BodyKind::length, 5, true},
      {"close", ok + length + "Connection: close\r\n", false, BodyKind::length, 5, false},
      {"close in a list", ok + length + "Connection: x, Close\r\n", false, BodyKind::length, 5,
       false},
      {"close wins", ok + length + "Connection: keep-alive\r\nConnection: close\r\n", false,
       BodyKind::length, 5, false},
      {"HEAD", ok + length, true, BodyKind::none, 0, true},
      {"HEAD, chunked", ok + chunked, true, BodyKind::none, 0, true},
      {"HEAD without a length", ok, true, BodyKind::none, 0, true},
      {"204", "HTTP/1.1 204 No Content\r\n", false, BodyKind::none, 0, true},
      {"204 with length 0", "HTTP/1.1 204 x\r\nContent-Length: 0\r\n", false, BodyKind::none, 0,
       true},
      {"204 with a length", "HTTP/1.1 204 x\r\n" + length, false, BodyKind::none, 0, false},
      {"204, chunked", "HTTP/1.1 204 x\r\n" + chunked, false, BodyKind::none, 0, false},
      {"304", "HTTP/1.1 304 Not Modified\r\n" + length, false, BodyKind::none, 0, true},
      {"100", "HTTP/1.1 100 Continue\r\n", false, BodyKind::none, 0, true},
      {"length and chunked", ok + length + chunked, false, BodyKind::none, 0, false, false},
      {"chunked and length", ok + chunked + length, false, BodyKind::none, 0, false, false},
      {"lengths that differ", ok + length + "Content-Length: 6\r\n", false, BodyKind::none, 0,
       false, false},
      {"lengths that differ in a list", ok + "Content-Length: 5, 6\r\n", false, BodyKind::none, 0,
       false, false},
      {"negative length", ok + "Content-Length: -5\r\n", false, BodyKind::none, 0, false, false},
      {"length with a sign", ok + "Content-Length: +5\r\n", false, BodyKind::none, 0, false, false},
      {"empty length", ok + "Content-Length:\r\n", false, BodyKind::none, 0, false, false},
      {"huge length", ok + "Content-Length: 99999999999999999999\r\n", false, BodyKind::none, 0,
       false, false},
      {"chunked in 1.0", old + chunked, false, BodyKind::none, 0, false, false},
      {"gzip at last", ok + "Transfer-Encoding: chunked, gzip\r\n", false, BodyKind::none, 0, false,
       false},
      {"gzip, chunked", ok + "Transfer-Encoding: gzip, chunked\r\n", false, BodyKind::none, 0,
       false, false},
      {"chunked twice", ok + chunked + chunked, false, BodyKind::none, 0, false, false},
      {"204 with two lengths", "HTTP/1.1 204 x\r\n" + length + "Content-Length: 6\r\n", false,
       BodyKind::none, 0, false, false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const std::string raw = c.head + "\r\n";
    const Parsed p = parse(raw, c.to_head);
    REQUIRE(p.complete);
    CHECK(p.reason.empty() == c.ok);
    if (!c.ok || !p.reason.empty()) continue;
    CHECK(p.head.framing.kind == c.kind);
    CHECK(p.head.framing.length == (c.kind == BodyKind::length ? c.length : 0));
    CHECK(p.head.keep_alive == c.keep_alive);
  }
}

TEST_CASE("parse_response: heads that no two readers would read alike are refused") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::pair<const char*, std::string> cases[] = {
      {"bare LF", "HTTP/1.1 200 OK\nA: b\n\n"},
      {"bare LF in the fields", ok + "A: b\nC: d\r\n\r\n"},
      {"bare CR", ok + "A: b\rC: d\r\n\r\n"},
      {"NUL in a value", ok + "A: b\0c\r\n\r\n"s},
      {"NUL in a name", ok + "A\0: b\r\n\r\n"s},
      {"obs-fold", ok + "A: b\r\n c\r\n\r\n"},
      {"space before the colon", ok + "A : b\r\n\r\n"},
      {"no colon", ok + "A\r\n\r\n"},
      {"no name", ok + ": b\r\n\r\n"},
      {"control character", ok + "A: \x01\r\n\r\n"},
      {"too large", ok + "A: " + std::string(5000, 'x') + "\r\n\r\n"},
      {"endless status line", "HTTP/1.1 200 " + std::string(5000, 'x')},
      {"too many fields", ok +
                              [] {
                                std::string many;
                                for (int i = 0; i < 300; ++i) many += "A: b\r\n";
                                return many;
                              }() +
                              "\r\n"},
  };
  for (const auto& [name, raw] : cases) {
    for (const std::size_t step : {0u, 1u, 7u}) {
      INFO(name << ", in pieces of " << step);
      CHECK_FALSE(parse(raw, false, step).reason.empty());
    }
  }
}

TEST_CASE("parse_response: what is no HTTP is seen at its first byte") {
  using jot::detail::may_be_response;
  for (const char* start : {"", "H", "HTTP/", "HTTP/1.", "HTTP/1.1 200", "HTTP/1.x"}) {
    CHECK(may_be_response(start));
  }
  for (const char* start :
       {"h", "X", "HTTP/2", "HTP", "\x15\x03\x03", "SSH-2.0-x", "\r\nHTTP/1.1", "\n"}) {
    CHECK_FALSE(may_be_response(start));
  }
}

TEST_CASE("parse_response: a whole head, in pieces of any size") {
  const std::string raw =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
      "Content-Length: 2\r\n\r\nhi";
  for (std::size_t step = 1; step <= raw.size(); ++step) {
    const Parsed p = parse(raw, false, step);
    REQUIRE(p.complete);
    CHECK(p.reason.empty());
    CHECK(p.header.size() == 4);
    CHECK(p.header.get("content-type") == "text/plain");
    CHECK(p.header.all("Set-Cookie") == std::vector<std::string_view>{"a=1", "b=2"});
    CHECK(p.head.framing.length == 2);
  }
}

TEST_CASE("parse_response: a status line that is too long is a head that is, however it comes") {
  const std::string raw = "HTTP/1.1 200 " + std::string(20'000, 'x') + "\r\n\r\n";
  for (const std::size_t step : {1u, 100u, 4096u, 4353u, 20'000u, 30'000u}) {
    INFO(step);
    CHECK(parse(raw, false, step).reason == "head too large");
  }
}
