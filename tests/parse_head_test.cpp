// SPDX-License-Identifier: MIT
//
// parse_head_test.cpp -- where a head ends, however it was cut; which field lines are fields.
#include "jot/detail/parse_head.hpp"

#include "catch.hpp"

#include <ostream>      // std::ostream
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace jot::detail;
using namespace std::string_literals;
using State = HeadScanner::State;

namespace {

struct Scanned {
  State state;
  int status;
  std::string reason, head;
  std::size_t length;
  bool operator==(const Scanned&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Scanned& o) {
  return out << static_cast<int>(o.state) << ' ' << o.status << ' ' << o.reason << " [" << o.head
             << "] " << o.length;
}

Scanned outcome(const HeadScanner& scanner, State state, std::string_view buffer) {
  const bool complete = state == State::complete;
  return {state, scanner.verdict.status, scanner.verdict.reason,
          complete ? std::string(scanner.head(buffer)) : "", complete ? scanner.length() : 0};
}

Scanned scan_whole(std::string_view bytes, const HeadLimits& limits) {
  HeadScanner scanner;
  const State state = scanner.scan(bytes, limits);
  return outcome(scanner, state, bytes);
}

// Shows the scanner a buffer that grows by `step` bytes, until it decides.
Scanned scan_in_steps(std::string_view bytes, std::size_t step, const HeadLimits& limits) {
  HeadScanner scanner;
  for (std::size_t n = 0;; n += step) {
    const std::string_view buffer = bytes.substr(0, n);
    const State state = scanner.scan(buffer, limits);
    if (state != State::need_more || n >= bytes.size()) return outcome(scanner, state, buffer);
  }
}

constexpr HeadLimits defaults;

std::string get(std::string_view rest) { return "GET / HTTP/1.1\r\n" + std::string(rest); }

}  // namespace

TEST_CASE("scan: complete, need more or bad, the same for every cut") {
  struct {
    const char* name;
    std::string in;
    State want;
    int status;
    std::string_view reason;
    std::size_t length;  // when complete
  } const table[] = {
      {"no field", get("\r\n"), State::complete, 0, "", 18},
      {"one field", get("Host: a\r\n\r\n"), State::complete, 0, "", 27},
      {"a body behind it is left", get("\r\nbody\nbody"), State::complete, 0, "", 18},
      {"the next request is left", get("\r\n") + get("\r\n"), State::complete, 0, "", 18},
      {"one empty line before", "\r\n" + get("\r\n"), State::complete, 0, "", 20},
      {"two empty lines before", "\r\n\r\n" + get("\r\n"), State::bad, 400,
       "empty lines before the request line", 0},
      {"nothing", "", State::need_more, 0, "", 0},
      {"an empty line", "\r\n", State::need_more, 0, "", 0},
      {"half an empty line", "\r", State::need_more, 0, "", 0},
      {"half a line", "GET / HT", State::need_more, 0, "", 0},
      {"a line and a CR", "GET / HTTP/1.1\r", State::need_more, 0, "", 0},
      {"a line", get(""), State::need_more, 0, "", 0},
      {"all but the last byte", get("Host: a\r\n\r"), State::need_more, 0, "", 0},
      {"bare LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", State::bad, 400,
       "bare LF in head", 0},
      {"bare LF ends a field", get("Host: a\n\r\n"), State::bad, 400, "bare LF in head", 0},
      {"bare LF as the empty line", get("Host: a\r\n\n"), State::bad, 400, "bare LF in head", 0},
      {"bare LF first", "\nGET", State::bad, 400, "bare LF in head", 0},
      {"bare LF after the empty line", "\r\n\nGET", State::bad, 400, "bare LF in head", 0},
      {"bare CR in the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", State::bad, 400,
       "bare CR in head", 0},
      {"bare CR in a field", get("A: b\rc\r\n\r\n"), State::bad, 400, "bare CR in head", 0},
      {"CR CR LF", get("A: b\r\r\n\r\n"), State::bad, 400, "bare CR in head", 0},
      {"bare CR first", "\rGET", State::bad, 400, "bare CR in head", 0},
      {"bad as soon as seen", "GET /\nno end", State::bad, 400, "bare LF in head", 0},
      {"TLS", "\x16\x03\x01\x02", State::bad, 400, "does not start with a token: not HTTP", 0},
      {"space first", " GET / HTTP/1.1\r\n", State::bad, 400,
       "does not start with a token: not HTTP", 0},
      {"TLS after an empty line", "\r\n\x16", State::bad, 400,
       "does not start with a token: not HTTP", 0},
      {"NUL is the parser's matter", get("A: \0\r\n\r\n"s), State::complete, 0, "", 24},
  };
  for (const auto& row : table) {
    INFO(row.name);
    const Scanned whole = scan_whole(row.in, defaults);
    CHECK(whole.state == row.want);
    CHECK(whole.status == row.status);
    CHECK(whole.reason == row.reason);
    CHECK(whole.length == row.length);
    for (std::size_t step = 1; step <= row.in.size(); ++step)
      CHECK(scan_in_steps(row.in, step, defaults) == whole);
  }
}

TEST_CASE("scan: the head is what lies between the skipped line and the body") {
  CHECK(scan_whole("\r\n" + get("A: b\r\n\r\nbody"), defaults).head == get("A: b\r\n\r\n"));
}

TEST_CASE("scan: started tells a request from a leftover line end") {
  HeadScanner scanner;
  scanner.scan("\r\n", defaults);
  CHECK_FALSE(scanner.started());
  scanner.scan("\r\nG", defaults);
  CHECK(scanner.started());
}

TEST_CASE("scan: limits are judged to the byte, and as soon as they are passed") {
  const HeadLimits limits{.fields = 100, .head = 1000, .target = 100};
  const auto fields = [](std::size_t head_size) {
    return get("A: " + std::string(head_size - 16 - 3 - 4, 'b') + "\r\n\r\n");
  };
  const auto line = [](std::size_t n) { return "GET /" + std::string(n - 5, 'x'); };
  struct {
    const char* name;
    std::string in;
    State want;
    int status;
  } const table[] = {
      {"head as large as allowed", fields(1000), State::complete, 0},
      {"one byte more", fields(1001), State::bad, 431},
      {"an empty line before does not count", "\r\n" + fields(1000), State::complete, 0},
      {"no end in sight: still possible", get("A: " + std::string(999 - 16 - 3, 'b')),
       State::need_more, 0},
      {"no end in sight: no longer possible", get("A: " + std::string(1000 - 16 - 3, 'b')),
       State::bad, 431},
      {"many small lines", get([] {
         std::string s;
         for (int i = 0; i < 300; ++i) s += "a:b\r\n";
         return s;
       }()),
       State::bad, 431},
      {"request line: still possible", line(100 + request_line_extra), State::need_more, 0},
      {"request line: too long", line(101 + request_line_extra), State::bad, 414},
      {"request line too long, with a bare LF behind", line(101 + request_line_extra) + "\n",
       State::bad, 414},
      {"request line too long, though complete", line(150 + request_line_extra) + "\r\n\r\n",
       State::bad, 414},
      {"bare LF behind a head too large", get(std::string(1000, 'a')) + "\n", State::bad, 431},
  };
  for (const auto& row : table) {
    INFO(row.name);
    const Scanned whole = scan_whole(row.in, limits);
    CHECK(whole.state == row.want);
    CHECK(whole.status == row.status);
    for (const std::size_t step : {1u, 2u, 3u, 7u, 64u})
      CHECK(scan_in_steps(row.in, step, limits) == whole);
  }
}

TEST_CASE("scan: work is linear when a head comes byte by byte") {
  // The scanner reads from `scanned` on, and never more than what came since, plus one CR.
  const std::string head = get([] {
    std::string s;
    for (int i = 0; i < 1000; ++i) s += "name: value\r\n";
    return s;
  }() + "\r\n");
  HeadScanner scanner;
  std::size_t examined = 0;
  for (std::size_t n = 1; n <= head.size(); ++n) {
    examined += n - scanner.scanned;
    const State state = scanner.scan(std::string_view(head).substr(0, n), defaults);
    REQUIRE(state == (n == head.size() ? State::complete : State::need_more));
    REQUIRE(n - scanner.scanned <= 1);
  }
  CHECK(examined <= 2 * head.size());
}

TEST_CASE("find_line_break: at every place, from every place") {
  for (const char c : {'\r', '\n'}) {
    for (std::size_t size = 0; size < 40; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string s(size, 'x');
        if (at < size) s[at] = c;
        for (std::size_t from = 0; from <= at; ++from) REQUIRE(find_line_break(s, from) == at);
      }
    }
  }
}

namespace {

// Without NUL at their end and in memory of their own, so that a sanitizer sees any byte read
// beyond.
struct Exactly {
  explicit Exactly(std::string_view s) : bytes(s.begin(), s.end()) {}
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
  std::vector<char> bytes;
};

}  // namespace

TEST_CASE("fields: what is accepted") {
  struct {
    std::string in;
    std::string_view name, value;
  } const table[] = {
      {"A: b", "A", "b"},
      {"A:b", "A", "b"},
      {"A:", "A", ""},
      {"A: ", "A", ""},
      {"A: \t b c \t ", "A", "b c"},
      {"A: b\tc", "A", "b\tc"},
      {"A: long value with\ta tab\tor two in it", "A", "long value with\ta tab\tor two in it"},
      {"A: :b:", "A", ":b:"},
      {"!#$%&'*+-.^_`|~09azAZ: x", "!#$%&'*+-.^_`|~09azAZ", "x"},
      {"A: \x80\xff\xc3\xa4", "A", "\x80\xff\xc3\xa4"},
      {"A: \"quoted, (text)\"", "A", "\"quoted, (text)\""},
  };
  for (const auto& row : table) {
    INFO(row.in);
    const Exactly lines(row.in + "\r\n\r\n");
    jot::Header h;
    const Verdict v = parse_fields(lines.view(), 100, h);
    CHECK(v.ok());
    REQUIRE(h.size() == 1);
    CHECK(h.begin()->name == row.name);
    CHECK(h.begin()->value == row.value);
  }
}

TEST_CASE("fields: none, and several in order") {
  jot::Header h;
  CHECK(parse_fields("\r\n", 100, h).ok());
  CHECK(h.empty());
  CHECK(parse_fields("B: 1\r\nA: 2\r\nb: 3\r\n\r\n", 100, h).ok());
  REQUIRE(h.size() == 3);
  CHECK(h.all("B") == std::vector<std::string_view>{"1", "3"});
}

TEST_CASE("fields: what is refused, and why") {
  struct {
    std::string in;
    int status;
    std::string_view reason;
  } const table[] = {
      {" A: b\r\n\r\n", 400, "folded field line (obs-fold)"},
      {"A: b\r\n c\r\n\r\n", 400, "folded field line (obs-fold)"},
      {"A: b\r\n\tc\r\n\r\n", 400, "folded field line (obs-fold)"},
      {"A : b\r\n\r\n", 400, "space in or after a field name"},
      {"A\t: b\r\n\r\n", 400, "space in or after a field name"},
      {"A B: c\r\n\r\n", 400, "space in or after a field name"},
      {": b\r\n\r\n", 400, "empty field name"},
      {"A\r\n\r\n", 400, "field line without a colon"},
      {"A\0B: c\r\n\r\n"s, 400, "field name is not a token"},
      {"A\x80: c\r\n\r\n", 400, "field name is not a token"},
      {"A(B): c\r\n\r\n", 400, "field name is not a token"},
      {"A/B: c\r\n\r\n", 400, "field name is not a token"},
      {"A: b\0c\r\n\r\n"s, 400, "control character in a field value"},
      {"A: b\x01\r\n\r\n", 400, "control character in a field value"},
      {"A: b\x7f\r\n\r\n", 400, "control character in a field value"},
      {"A: b\vc and more\r\n\r\n", 400, "control character in a field value"},
      {"A: \x1b[31m\r\n\r\n", 400, "control character in a field value"},
      {"A: b\nB: c\r\n\r\n", 400, "control character in a field value"},
      {"A: b\rB: c\r\n\r\n", 400, "control character in a field value"},
      {"", 400, "fields without an end"},
      {"\r", 400, "fields without an end"},
      {"\r\n\r\n", 400, "fields without an end"},
      {"\r\nA: b\r\n\r\n", 400, "fields without an end"},
      {"A", 400, "field line without an end"},
      {"A:", 400, "field line without an end"},
      {"A: b", 400, "field line without an end"},
      {"A: b\r", 400, "field line without an end"},
      {"A: b\r\n", 400, "fields without an end"},
      {"A: b\r\n\r", 400, "fields without an end"},
      {"A: b\r\n\r\r", 400, "fields without an end"},
  };
  for (const auto& row : table) {
    INFO(row.in);
    const Exactly lines(row.in);
    jot::Header h;
    const Verdict v = parse_fields(lines.view(), 100, h);
    CHECK(v.status == row.status);
    CHECK(v.reason == row.reason);
  }
}

TEST_CASE("fields: every byte in a value and in a name, at every distance from the line's end") {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    for (std::size_t behind = 0; behind < 17; ++behind) {
      jot::Header h;
      const Exactly value("A: x" + std::string(1, c) + std::string(behind, 'y') + "\r\n\r\n");
      REQUIRE(parse_fields(value.view(), 100, h).ok() == is_a(c, byte_value));
    }
    jot::Header h;
    const Exactly name("A" + std::string(1, c) + "B: x\r\n\r\n");
    REQUIRE(parse_fields(name.view(), 100, h).ok() == (is_a(c, byte_token) || c == ':'));
  }
}

TEST_CASE("fields: as many as allowed, and one more") {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "A: b\r\n";
  jot::Header h;
  CHECK(parse_fields(lines + "\r\n", 100, h).ok());
  CHECK(h.size() == 100);
  HeaderAccess::clear(h);
  CHECK(parse_fields(lines + "A: b\r\n\r\n", 100, h).status == 431);
}
