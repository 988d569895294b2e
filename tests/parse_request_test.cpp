// SPDX-License-Identifier: MIT
//
// parse_request_test.cpp -- request heads mean one thing, or are refused with the right status.
#include "jot/detail/parse_request.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace jot::detail;
using namespace std::string_literals;

namespace {

struct Parsed {
  explicit Parsed(std::string_view bytes, const HeadLimits& limits = {})
      : buffer(bytes.begin(), bytes.end()) {
    verdict = parse_request({buffer.data(), buffer.size()}, limits, head, header);
  }
  std::vector<char> buffer;  // exactly the bytes: a sanitizer sees any read beyond
  RequestHead head;
  jot::Header header;
  Verdict verdict;
};

// A request line with a Host, which HTTP/1.1 must have.
std::string with_host(std::string_view line) { return std::string(line) + "\r\nHost: h\r\n\r\n"; }
std::string with_fields(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_CASE("request: method, target, path, query and host of the four forms") {
  struct {
    std::string in;
    TargetForm form;
    std::string_view method, target, path, query, host;
  } const table[] = {
      {with_host("GET / HTTP/1.1"), TargetForm::origin, "GET", "/", "/", "", "h"},
      {with_host("GET /a/b%20c?x=1&y=/? HTTP/1.1"), TargetForm::origin, "GET", "/a/b%20c?x=1&y=/?",
       "/a/b%20c", "x=1&y=/?", "h"},
      {with_host("GET /? HTTP/1.1"), TargetForm::origin, "GET", "/?", "/", "", "h"},
      {with_host("GET // HTTP/1.1"), TargetForm::origin, "GET", "//", "//", "", "h"},
      {with_host("GET /a:b@c HTTP/1.1"), TargetForm::origin, "GET", "/a:b@c", "/a:b@c", "", "h"},
      {with_host("GET /\"<>\\^`{|} HTTP/1.1"), TargetForm::origin, "GET", "/\"<>\\^`{|}",
       "/\"<>\\^`{|}", "", "h"},
      {with_host("M-SEARCH!#$%&'*+-.^_`|~ / HTTP/1.1"), TargetForm::origin,
       "M-SEARCH!#$%&'*+-.^_`|~", "/", "/", "", "h"},
      {with_host("get / HTTP/1.1"), TargetForm::origin, "get", "/", "/", "", "h"},
      {with_host("TRACE / HTTP/1.1"), TargetForm::origin, "TRACE", "/", "/", "", "h"},
      {with_host("GET http://a.b/c?d HTTP/1.1"), TargetForm::absolute, "GET", "http://a.b/c?d",
       "/c", "d", "a.b"},
      {with_host("GET HTTPS://a:443 HTTP/1.1"), TargetForm::absolute, "GET", "HTTPS://a:443", "/",
       "", "a:443"},
      {with_host("GET http://a?q HTTP/1.1"), TargetForm::absolute, "GET", "http://a?q", "/", "q",
       "a"},
      {with_host("GET http://a?q/r HTTP/1.1"), TargetForm::absolute, "GET", "http://a?q/r", "/",
       "q/r", "a"},
      {with_host("GET http://[::1]:80/ HTTP/1.1"), TargetForm::absolute, "GET", "http://[::1]:80/",
       "/", "", "[::1]:80"},
      {with_host("GET /%41%2f?%zz% HTTP/1.1"), TargetForm::origin, "GET", "/%41%2f?%zz%", "/%41%2f",
       "%zz%", "h"},
      {with_host("OPTIONS http://a HTTP/1.1"), TargetForm::absolute, "OPTIONS", "http://a", "*", "",
       "a"},
      {with_host("OPTIONS http://a/ HTTP/1.1"), TargetForm::absolute, "OPTIONS", "http://a/", "/",
       "", "a"},
      {with_host("OPTIONS http://a?q HTTP/1.1"), TargetForm::absolute, "OPTIONS", "http://a?q", "/",
       "q", "a"},
      {with_host("OPTIONS * HTTP/1.1"), TargetForm::asterisk, "OPTIONS", "*", "*", "", "h"},
      {with_host("OPTIONS /x HTTP/1.1"), TargetForm::origin, "OPTIONS", "/x", "/x", "", "h"},
      {with_host("CONNECT a:443 HTTP/1.1"), TargetForm::authority, "CONNECT", "a:443", "", "",
       "a:443"},
      {with_host("CONNECT [2001:db8::1]:8 HTTP/1.1"), TargetForm::authority, "CONNECT",
       "[2001:db8::1]:8", "", "", "[2001:db8::1]:8"},
      {"GET / HTTP/1.0\r\n\r\n", TargetForm::origin, "GET", "/", "/", "", ""},
  };
  for (const auto& row : table) {
    INFO(row.in);
    const Parsed p(row.in);
    CHECK(p.verdict.ok());
    CHECK(std::string_view(p.verdict.reason) == "");
    CHECK(p.head.form == row.form);
    CHECK(p.head.method == row.method);
    CHECK(p.head.target == row.target);
    CHECK(p.head.path == row.path);
    CHECK(p.head.query == row.query);
    CHECK(p.head.host == row.host);
  }
}

TEST_CASE("request: request lines that are refused") {
  struct {
    std::string line;
    int status;
  } const table[] = {
      {"", 400},
      {"GET", 400},
      {"GET ", 400},
      {"GET /", 400},
      {"GET / ", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {" GET / HTTP/1.1", 400},
      {"GET\t/ HTTP/1.1", 400},
      {"GET /\tHTTP/1.1", 400},
      {"GET /a b HTTP/1.1", 400},
      {"GET HTTP/1.1", 400},
      {" / HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {"G\x80T / HTTP/1.1", 400},
      {"GET /\x80 HTTP/1.1", 400},
      {"GET /\xc3\xa4 HTTP/1.1", 400},
      {"GET /\x7f HTTP/1.1", 400},
      {"GET /\0 HTTP/1.1"s, 400},
      {"GET /\x01 HTTP/1.1", 400},
      {"GET /a#b HTTP/1.1", 400},
      {"GET /a% HTTP/1.1", 400},
      {"GET /a%zz HTTP/1.1", 400},
      {"GET /%2 HTTP/1.1", 400},
      {"GET /%4%41 HTTP/1.1", 400},
      {"GET /%%41 HTTP/1.1", 400},
      {"GET /%2?20 HTTP/1.1", 400},
      {"GET http://a/%2g HTTP/1.1", 400},
      {"GET a HTTP/1.1", 400},
      {"GET ?a HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"POST * HTTP/1.1", 400},
      {"OPTIONS *a HTTP/1.1", 400},
      {"OPTIONS ** HTTP/1.1", 400},
      {"GET a:80 HTTP/1.1", 400},
      {"GET ftp://a/ HTTP/1.1", 400},
      {"GET http:/a HTTP/1.1", 400},
      {"GET http:// HTTP/1.1", 400},
      {"GET http:///a HTTP/1.1", 400},
      {"GET http://user@a/ HTTP/1.1", 400},
      {"GET http://user:pw@a/ HTTP/1.1", 400},
      {"GET http://a:b/ HTTP/1.1", 400},
      {"GET http://a:80:80/ HTTP/1.1", 400},
      {"GET http://[::1/ HTTP/1.1", 400},
      {"CONNECT / HTTP/1.1", 400},
      {"CONNECT a HTTP/1.1", 400},
      {"CONNECT a: HTTP/1.1", 400},
      {"CONNECT :80 HTTP/1.1", 400},
      {"CONNECT http://a:80 HTTP/1.1", 400},
      {"CONNECT a:80/ HTTP/1.1", 400},
      {"CONNECT * HTTP/1.1", 400},
      {"GET / http/1.1", 400},
      {"GET / HTTP/1.11", 400},
      {"GET / HTTP/11", 400},
      {"GET / HTTP/1", 400},
      {"GET / HTTP/1.", 400},
      {"GET / HTTP/a.b", 400},
      {"GET / HTTP 1.1", 400},
      {"GET / XTTP/1.1", 400},
      {"GET / HTTP/1.1/", 400},
      {"GET / HTTP/0.9", 505},
      {"GET / HTTP/1.2", 505},
      {"GET / HTTP/1.9", 505},
      {"GET / HTTP/2.0", 505},
      {"GET / HTTP/3.0", 505},
      {"PRI * HTTP/2.0", 505},
  };
  for (const auto& row : table) {
    INFO(row.line);
    const Parsed p(with_host(row.line));
    CHECK(p.verdict.status == row.status);
    CHECK(std::string_view(p.verdict.reason) != "");
  }
}

TEST_CASE("request: a head that is not one is refused, not read beyond") {
  const std::string whole = with_host("GET / HTTP/1.1");
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(Parsed(whole.substr(0, n)).verdict.status == 400);
  CHECK(Parsed(whole).verdict.ok());
  CHECK(Parsed(whole + "x").verdict.status == 400);
  CHECK(Parsed("GET / HTTP/1.1\nHost: h\r\n\r\n").verdict.status == 400);
  CHECK(Parsed("GET / HTTP/1.1\rHost: h\r\n\r\n").verdict.status == 400);
}

TEST_CASE("request: a target as long as allowed, and one byte more") {
  const HeadLimits limits{.fields = 100, .head = 32 << 10, .target = 50};
  CHECK(Parsed(with_host("GET /" + std::string(49, 'a') + " HTTP/1.1"), limits).verdict.ok());
  CHECK(Parsed(with_host("GET /" + std::string(50, 'a') + " HTTP/1.1"), limits).verdict.status ==
        414);
  CHECK(HeadLimits{}.target == 8192);
  CHECK(HeadLimits{}.head == 32768);
  CHECK(HeadLimits{}.fields == 100);
}

TEST_CASE("request: Host, where it must be, may be and must not be") {
  struct {
    const char* name;
    std::string in;
    int status;
    std::string_view host;
  } const table[] = {
      {"none in 1.1", "GET / HTTP/1.1\r\n\r\n", 400, ""},
      {"none in 1.0", "GET / HTTP/1.0\r\n\r\n", 0, ""},
      {"one in 1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 0, "a"},
      {"two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
      {"two that agree", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, ""},
      {"two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, ""},
      {"none, absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", 400, ""},
      {"the target wins", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 0, "a"},
      {"bad beside an absolute target", "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", 400, ""},
      {"the target wins in 1.0", "GET http://a/ HTTP/1.0\r\n\r\n", 0, "a"},
  };
  for (const auto& row : table) {
    INFO(row.name);
    const Parsed p(row.in);
    CHECK(p.verdict.status == row.status);
    if (row.status == 0) CHECK(p.head.host == row.host);
  }
}

TEST_CASE("request: which values of Host are hosts") {
  for (const char* host :
       {"a", "a.b", "A-b_c~d", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80",
        "[2001:db8::ffff:1.2.3.4]", "a:", "a:0", "a:65535", "xn--mnchen-3ya.de", "a!$&'()*+,;=b"}) {
    INFO(host);
    CHECK(Parsed("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n").verdict.ok());
  }
  for (const char* host :
       {"",    ":",    ":80",      "a b",   "a,b c",     "user@a",  "user:pw@a", "a/b",
        "a?b", "a#b",  "http://a", "a:b",   "a:80b",     "a:-1",    "a:123456",  "a:80:80",
        "::1", "[::1", "[]",       "[]:80", "[::1]a",    "[::1]80", "[g::1]",    "[1]",
        "a]",  "a\\b", "a\"b",     "<a>",   "m\xc3\xbc", "a\tb"}) {
    INFO(host);
    CHECK(Parsed("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n").verdict.status == 400);
  }
}

TEST_CASE("request: keep-alive by version and Connection") {
  struct {
    std::string_view version, fields;
    bool keep_alive;
  } const table[] = {
      {"1.1", "", true},
      {"1.0", "", false},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: CLOSE\r\n", false},
      {"1.1", "connection: keep-alive\r\n", true},
      {"1.0", "Connection: Keep-Alive\r\n", true},
      {"1.0", "Connection: close\r\n", false},
      {"1.0", "Connection: keep-alive, close\r\n", false},
      {"1.1", "Connection: keep-alive, close\r\n", false},
      {"1.1", "Connection: x\r\nConnection: ,, close\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.1", "Connection: clos\r\n", true},
      {"1.1", "Connection: close x\r\n", true},
      {"1.1", "Connection:\r\n", true},
      {"1.0", "Connection: upgrade, keep-alive\r\n", true},
      {"1.1", "Keep-Alive: close\r\n", true},
      {"1.1", "Proxy-Connection: close\r\n", true},
  };
  for (const auto& row : table) {
    INFO(row.version << " " << row.fields);
    const Parsed p("GET / HTTP/" + std::string(row.version) + "\r\nHost: a\r\n" +
                   std::string(row.fields) + "\r\n");
    REQUIRE(p.verdict.ok());
    CHECK(p.head.keep_alive == row.keep_alive);
    CHECK(p.head.minor == (row.version == "1.1" ? 1 : 0));
  }
}

TEST_CASE("request: expectations") {
  struct {
    std::string_view version, fields;
    int status;
    bool expect_continue;
  } const table[] = {
      {"1.1", "", 0, false},
      {"1.1", "Expect: 100-continue\r\n", 0, true},
      {"1.1", "expect: 100-Continue\r\n", 0, true},
      {"1.1", "Expect: 100-continue, 100-continue\r\n", 0, true},
      {"1.1", "Expect:\r\n", 0, false},
      {"1.1", "Expect: 200-ok\r\n", 417, false},
      {"1.1", "Expect: 100-continue, x\r\n", 417, false},
      {"1.1", "Expect: 100-continue\r\nExpect: x=y\r\n", 417, false},
      {"1.1", "Expect: 100-continued\r\n", 417, false},
      {"1.0", "Expect: 100-continue\r\n", 0, false},
      {"1.0", "Expect: x\r\n", 0, false},
  };
  for (const auto& row : table) {
    INFO(row.version << " " << row.fields);
    const Parsed p("POST / HTTP/" + std::string(row.version) + "\r\nHost: a\r\n" +
                   std::string(row.fields) + "\r\n");
    CHECK(p.verdict.status == row.status);
    if (row.status == 0) CHECK(p.head.expect_continue == row.expect_continue);
  }
}

TEST_CASE("request: an upgrade needs both fields and HTTP/1.1") {
  const std::string both = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
  CHECK(Parsed(with_fields(both)).head.upgrade);
  CHECK_FALSE(Parsed(with_fields("Upgrade: websocket\r\n")).head.upgrade);
  CHECK_FALSE(Parsed(with_fields("Connection: upgrade\r\n")).head.upgrade);
  CHECK_FALSE(Parsed("GET / HTTP/1.0\r\n" + both + "\r\n").head.upgrade);
}

TEST_CASE("request: what the fields parser refuses, the request parser refuses") {
  for (const char* fields : {" folded: x\r\n", "A: b\r\n c\r\n", "A : b\r\n", ": b\r\n", "A\r\n",
                             "A: \x01\r\n", "A: b\nB: c\r\n"}) {
    INFO(fields);
    CHECK(Parsed(with_fields(fields)).verdict.status == 400);
  }
  std::string many;
  for (int i = 0; i < 99; ++i) many += "A: b\r\n";
  CHECK(Parsed(with_fields(many)).verdict.ok());  // Host makes 100
  CHECK(Parsed(with_fields(many + "A: b\r\n")).verdict.status == 431);
}

TEST_CASE("request: all views point into the bytes that came in, and a used Header is emptied") {
  const std::string bytes = with_host("GET /path?query HTTP/1.1");
  RequestHead head;
  jot::Header header{{"Old", "field"}};
  REQUIRE(parse_request(bytes, {}, head, header).ok());
  for (const std::string_view view :
       {head.method, head.target, head.path, head.query, head.host, header.begin()->name}) {
    CHECK(view.data() >= bytes.data());
    CHECK(view.data() + view.size() <= bytes.data() + bytes.size());
  }
  CHECK(header.size() == 1);
}
