// SPDX-License-Identifier: MIT
//
// framing_test.cpp -- how long a body is said to be, and where it really ends, however it is cut.
#include "jot/detail/framing.hpp"

#include "catch.hpp"

#include <algorithm>    // std::min
#include <ostream>      // std::ostream
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace jot::detail;
using namespace std::string_literals;
using State = BodyStep::State;

namespace {

Framing framing_of(int minor, const std::string& lines) {
  const std::string whole = lines + "\r\n";  // the Header points into it
  jot::Header header;
  REQUIRE(parse_fields(whole, 100, header).ok());
  return request_framing(minor, header);
}

struct Decoded {
  State state = State::more;
  int status = 0;
  std::string reason, body, trailer;
  std::size_t consumed = 0;
  bool operator==(const Decoded&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& d) {
  return out << static_cast<int>(d.state) << ' ' << d.status << ' ' << d.reason << " [" << d.body
             << "] [" << d.trailer << "] " << d.consumed;
}

// Feeds what is there, in windows that grow by `step` bytes; bytes not consumed are shown again.
Decoded decode(BodyDecoder decoder, std::string_view raw, std::size_t step) {
  Decoded all;
  for (std::size_t end = std::min(step, raw.size());;) {
    const std::vector<char> window(raw.begin() + static_cast<std::ptrdiff_t>(all.consumed),
                                   raw.begin() + static_cast<std::ptrdiff_t>(end));
    const BodyDecoder copy = decoder;  // parked and taken up again
    decoder = copy;
    const BodyStep s = decoder.feed({window.data(), window.size()});
    REQUIRE((s.state != State::more || window.empty() || s.consumed > 0));
    REQUIRE(s.consumed <= window.size());
    REQUIRE(s.piece.size() <= s.consumed);
    all.consumed += s.consumed;
    all.body += s.piece;
    all.trailer += s.trailer;
    all.state = s.state;
    all.status = s.verdict.status, all.reason = s.verdict.reason;
    REQUIRE(decoder.total() == all.body.size());
    if (s.state != State::more) return all;
    if (all.consumed == raw.size()) return all;
    if (all.consumed == end) end = std::min(end + step, raw.size());
  }
}

const Framing chunked{BodyKind::chunked, 0, {}};

Decoded decode_all_ways(const Framing& framing, std::string_view raw) {
  const Decoded whole = decode(BodyDecoder(framing), raw, raw.size() + 1);
  for (std::size_t step = 1; step <= raw.size() && step < 70; ++step)
    CHECK(decode(BodyDecoder(framing), raw, step) == whole);
  return whole;
}

}  // namespace

TEST_CASE("framing: the decision table") {
  struct {
    int minor;
    std::string fields;
    BodyKind kind;
    std::uint64_t length;
    int status;
  } const table[] = {
      {1, "", BodyKind::none, 0, 0},
      {0, "", BodyKind::none, 0, 0},
      {1, "Content-Length: 0\r\n", BodyKind::length, 0, 0},
      {1, "Content-Length: 5\r\n", BodyKind::length, 5, 0},
      {0, "Content-Length: 5\r\n", BodyKind::length, 5, 0},
      {1, "content-LENGTH:5\r\n", BodyKind::length, 5, 0},
      {1, "Content-Length: 007\r\n", BodyKind::length, 7, 0},
      {1, "Content-Length: 9223372036854775807\r\n", BodyKind::length, INT64_MAX, 0},
      {1, "Content-Length: 9223372036854775808\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 18446744073709551616\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 18446744073709551621\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 99999999999999999999999999\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length:\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: -1\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: +1\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 0x10\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 1 0\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 1.0\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 1e3\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: \"1\"\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5;\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5, 5\r\n", BodyKind::length, 5, 0},
      {1, "Content-Length: 5,5 , 5\r\n", BodyKind::length, 5, 0},
      {1, "Content-Length: 5\r\nContent-Length: 5\r\n", BodyKind::length, 5, 0},
      {1, "Content-Length: 5\r\nContent-Length: 6\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5, 6\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5, 05\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5,\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: ,5\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: x, x\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5\r\nContent-Length:\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked\r\n", BodyKind::chunked, 0, 0},
      {1, "transfer-encoding: CHUNKED\r\n", BodyKind::chunked, 0, 0},
      {0, "Transfer-Encoding: chunked\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BodyKind::none, 0, 400},
      {1, "Content-Length: 5\r\nTransfer-Encoding: unknown\r\n", BodyKind::none, 0, 400},
      {0, "Content-Length: 5\r\nTransfer-Encoding: unknown\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding:\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked,\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: ,chunked\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked, chunked\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: gzip\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: identity\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked, identity\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked;q=1\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: \"chunked\"\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: chunked chunked\r\n", BodyKind::none, 0, 400},
      {1, "Transfer-Encoding: gzip, chunked\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: identity, chunked\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: xchunked\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: chunkedx\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: unknown, chunked\r\n", BodyKind::none, 0, 501},
      {1, "Transfer-Encoding: unknown;a=b, chunked\r\n", BodyKind::none, 0, 501},
      {1, "Content-Lengths: 5\r\nXTransfer-Encoding: chunked\r\nContent-Lengtx: 1\r\n",
       BodyKind::none, 0, 0},
  };
  for (const auto& row : table) {
    INFO(row.minor << " " << row.fields);
    const Framing f = framing_of(row.minor, row.fields);
    CHECK(f.verdict.status == row.status);
    CHECK((std::string_view(f.verdict.reason) == "") == (row.status == 0));
    CHECK(f.kind == row.kind);
    CHECK(f.length == row.length);
  }
}

TEST_CASE("body: none, and of a known length") {
  CHECK(BodyDecoder().done());
  CHECK(BodyDecoder(Framing{}).done());
  CHECK(BodyDecoder(Framing{BodyKind::length, 0, {}}).done());
  CHECK(BodyDecoder().feed("next request").consumed == 0);
  CHECK(BodyDecoder().feed("next request").state == State::done);
  const Framing five{BodyKind::length, 5, {}};
  CHECK(decode_all_ways(five, "hello") == Decoded{State::done, 0, "", "hello", "", 5});
  CHECK(decode_all_ways(five, "helloGET /") == Decoded{State::done, 0, "", "hello", "", 5});
  CHECK(decode_all_ways(five, "hell") == Decoded{State::more, 0, "", "hell", "", 4});
  BodyDecoder decoder(five);
  decoder.feed("he");
  CHECK(decoder.left() == 3);
  CHECK(decoder.total() == 2);
  CHECK_FALSE(decoder.done());
  CHECK(decoder.kind() == BodyKind::length);
}

TEST_CASE("body: chunks that are accepted, in every cut") {
  const std::string sixteen(16, 'x');
  struct {
    const char* name;
    std::string in, body, trailer;
  } const table[] = {
      {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", "\r\n"},
      {"none", "0\r\n\r\n", "", "\r\n"},
      {"two", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", "\r\n"},
      {"hex, both cases",
       "a\r\n0123456789\r\nA\r\n0123456789\r\n10\r\n" + sixteen + "\r\n0\r\n\r\n",
       "01234567890123456789" + sixteen, "\r\n"},
      {"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", "\r\n"},
      {"sixteen digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", "\r\n"},
      {"data that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "\r\n"},
      {"extension", "5;a\r\nhello\r\n0;b=c;d=\"e f\"\r\n\r\n", "hello", "\r\n"},
      {"blank before and after the semicolon", "5 \t; a = b\r\nhello\r\n0\r\n\r\n", "hello",
       "\r\n"},
      {"extension with high bytes", "5;\xc3\xa4\r\nhello\r\n0\r\n\r\n", "hello", "\r\n"},
      {"trailers", "5\r\nhello\r\n0\r\nA: b\r\nC:\td\r\n\r\n", "hello", "A: b\r\nC:\td\r\n\r\n"},
      {"trailer without a value", "0\r\nA:\r\n\r\n", "", "A:\r\n\r\n"},
  };
  for (const auto& row : table) {
    INFO(row.name);
    CHECK(decode_all_ways(chunked, row.in) ==
          Decoded{State::done, 0, "", row.body, row.trailer, row.in.size()});
    CHECK(decode_all_ways(chunked, row.in + "GET /") ==
          Decoded{State::done, 0, "", row.body, row.trailer, row.in.size()});
    for (std::size_t n = 0; n < row.in.size(); ++n)
      CHECK(decode(BodyDecoder(chunked), row.in.substr(0, n), 1000).state == State::more);
  }
}

TEST_CASE("body: chunks that are refused, in every cut") {
  const std::string ok = "5\r\nhello\r\n";
  struct {
    const char* name;
    std::string in;
    int status;
  } const table[] = {
      {"empty size", "\r\nhello", 400},
      {"empty size before an extension", ";a\r\n", 400},
      {"empty second size", ok + "\r\n", 400},
      {"0x", "0x5\r\nhello\r\n", 400},
      {"0X", "0X5\r\nhello\r\n", 400},
      {"plus", "+5\r\nhello", 400},
      {"minus", "-5\r\nhello", 400},
      {"blank before", " 5\r\nhello", 400},
      {"blank after", "5 \r\nhello", 400},
      {"tab after", "5\t\r\nhello", 400},
      {"blank inside", "5 0\r\nhello", 400},
      {"underscore", "5_0\r\nhello", 400},
      {"no hex", "g\r\n", 400},
      {"sixteen digits, 2^63", "8000000000000000\r\n", 400},
      {"all ones", "ffffffffffffffff\r\n", 400},
      {"seventeen digits", "00000000000000005\r\nhello", 400},
      {"wraps around", "10000000000000005\r\nhello", 400},
      {"bare LF after the size", "5\nhello\r\n0\r\n\r\n", 400},
      {"bare CR after the size", "5\rhello", 400},
      {"CR CR LF after the size", "5\r\r\nhello", 400},
      {"bare LF after the data", "5\r\nhello\n0\r\n\r\n", 400},
      {"bare CR after the data", "5\r\nhello\r0\r\n\r\n", 400},
      {"data longer than its size", "4\r\nhello\r\n0\r\n\r\n", 400},
      {"data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", 400},
      {"bare LF in an extension", "5;a\nhello", 400},
      {"bare CR in an extension", "5;a\rhello", 400},
      {"NUL in an extension", "5;a\0\r\nhello"s, 400},
      {"DEL in an extension", "5;\x7f\r\nhello", 400},
      {"bare LF after the last size", "0\n\r\n", 400},
      {"bare LF at the end", "0\r\n\n", 400},
      {"bare CR at the end", "0\r\n\rx", 400},
      {"folded trailer", "0\r\nA: b\r\n c\r\n\r\n", 400},
      {"space before the colon of a trailer", "0\r\nA : b\r\n\r\n", 400},
      {"trailer without a colon", "0\r\nA\r\n\r\n", 400},
      {"trailer without a name", "0\r\n: b\r\n\r\n", 400},
      {"trailer name no token", "0\r\nA(: b\r\n\r\n", 400},
      {"control character in a trailer", "0\r\nA: \x01\r\n\r\n", 400},
      {"bare LF in a trailer", "0\r\nA: b\n\r\n", 400},
      {"bare CR in a trailer", "0\r\nA: b\rc\r\n\r\n", 400},
      {"a request instead of an end", "0\r\nGET / HTTP/1.1\r\n", 400},
  };
  for (const auto& row : table) {
    INFO(row.name);
    const Decoded d = decode_all_ways(chunked, row.in);
    CHECK(d.state == State::bad);
    CHECK(d.status == row.status);
    CHECK(d.reason != "");
  }
}

TEST_CASE("body: chunk extensions are bounded in all, to the byte") {
  const auto with_extension = [](std::size_t bytes) {
    return "1;" + std::string(bytes - 1, 'e') + "\r\nx\r\n";
  };
  CHECK(decode_all_ways(chunked, with_extension(max_chunk_extensions)).state == State::more);
  CHECK(decode_all_ways(chunked, with_extension(max_chunk_extensions + 1)).status == 400);
  const std::string half = with_extension(max_chunk_extensions / 2);
  CHECK(decode_all_ways(chunked, half + half).body == "xx");
  CHECK(decode_all_ways(chunked, half + half + "1;\r\n").status == 400);
}

TEST_CASE("body: trailers are bounded in bytes and in number") {
  const std::string section = "A: b\r\n\r\n";
  const auto state = [&](std::uint32_t limit) {
    return decode(BodyDecoder(chunked, limit), "0\r\n" + section, 1);
  };
  CHECK(state(8).state == State::done);
  CHECK(state(7).status == 431);
  std::string many = "0\r\n";
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  CHECK(decode_all_ways(chunked, many + "\r\n").state == State::done);
  CHECK(decode_all_ways(chunked, many + "A: b\r\n\r\n").status == 431);
}

TEST_CASE("body: a collected trailer section is what parse_fields reads") {
  const Decoded d = decode_all_ways(chunked, "1\r\nx\r\n0\r\nDigest: abc\r\nX: y\r\n\r\n");
  jot::Header trailer;
  REQUIRE(parse_fields(d.trailer, 100, trailer).ok());
  CHECK(trailer.get("digest") == "abc");
  CHECK(trailer.size() == 2);
}

TEST_CASE("body: one feed goes through a chunk and the line that follows it") {
  BodyDecoder decoder(chunked);
  const std::string raw = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  BodyStep s = decoder.feed(raw);
  CHECK(s.piece == "hello");
  CHECK(s.piece.data() == raw.data() + 3);
  CHECK(s.consumed == raw.find(" world"));
  s = decoder.feed(std::string_view(raw).substr(s.consumed));
  CHECK(s.piece == " world");
  CHECK(s.state == State::done);
  CHECK(decoder.total() == 11);
}

TEST_CASE("body: a decoder is small enough to wait with a parked connection") {
  CHECK(sizeof(BodyDecoder) <= 48);
  static_assert(std::is_trivially_copyable_v<BodyDecoder>);
}

TEST_CASE("chunked: what is written is read back") {
  for (const std::size_t n : {std::size_t{1}, std::size_t{9}, std::size_t{10}, std::size_t{15},
                              std::size_t{16}, std::size_t{255}, std::size_t{256},
                              std::size_t{4095}, std::size_t{65536}, std::size_t{1000000}}) {
    char line[longest_chunk_head];
    const std::string data(n, 'd');
    std::string raw(line, write_chunk_head(line, n));
    raw.append(data).append(chunk_tail).append(last_chunk);
    const Decoded d = decode(BodyDecoder(chunked), raw, raw.size());
    CHECK(d.state == State::done);
    CHECK(d.body == data);
  }
  char line[longest_chunk_head];
  CHECK(std::string(line, write_chunk_head(line, 0x1a2b)) == "1a2b\r\n");
  CHECK(std::string(line, write_chunk_head(line, SIZE_MAX)) == "ffffffffffffffff\r\n");
}
