// SPDX-License-Identifier: MIT
//
// multipart_test.cpp -- a body falls into the same parts, however its bytes arrive, and nothing
// that is no multipart is taken for one.
#include "jot/form.hpp"

#include "jot/detail/multipart.hpp"
#include "jot/detail/part_head.hpp"

#include "catch.hpp"

#include <algorithm>    // std::min
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using jot::detail::is_boundary;
using jot::detail::MultipartScanner;
using jot::detail::MultipartStep;
using jot::detail::parse_part_head;
using jot::detail::PartHead;
using namespace std::literals;
using Found = MultipartStep::Found;

namespace {

// What the scanner sees of a body that arrives in these pieces: "head|content" of each part, then
// "end", or the reason why it is none.
std::vector<std::string> scan(std::string_view boundary, const std::vector<std::string>& pieces) {
  MultipartScanner scanner(boundary);
  std::vector<std::string> seen;
  std::string unread;
  for (std::size_t next = 0;;) {
    const bool last = next == pieces.size();
    const MultipartStep step = scanner.next(unread, last);
    REQUIRE(step.consumed <= unread.size());
    switch (step.found) {
      case Found::head: seen.push_back(std::string(step.piece) + "|"); break;
      case Found::data:
        REQUIRE(!step.piece.empty());
        seen.back() += step.piece;
        break;
      case Found::part_end: break;
      case Found::end: return seen.emplace_back("end"), seen;
      case Found::bad: return seen.emplace_back(step.verdict.reason), seen;
      case Found::nothing:
        if (last) REQUIRE(step.consumed > 0);
        break;
    }
    unread.erase(0, step.consumed);
    if (step.found == Found::nothing && !last) unread += pieces[next++];
  }
}

std::vector<std::string> in_pieces(std::string_view bytes, std::size_t size) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < bytes.size(); i += size) pieces.emplace_back(bytes.substr(i, size));
  return pieces;
}

// ; x0=y; x1=y ...
std::string numbered_parameters(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += "; x" + std::to_string(i) + "=y";
  return all;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("multipart: the parts of a body, cut at every byte") {
  struct {
    std::string_view name, boundary, body;
    List want;
  } const table[] = {
      {"one part", "b", "--b\r\nA: 1\r\n\r\nhello\r\n--b--\r\n", {"A: 1\r\n\r\n|hello", "end"}},
      {"two parts",
       "b",
       "--b\r\nA: 1\r\n\r\none\r\n--b\r\nA: 2\r\n\r\ntwo\r\n--b--\r\n",
       {"A: 1\r\n\r\n|one", "A: 2\r\n\r\n|two", "end"}},
      {"no parts", "b", "--b--", {"end"}},
      {"no parts, with a line end", "b", "--b--\r\n", {"end"}},
      {"no line end behind the last",
       "b",
       "--b\r\nA: 1\r\n\r\nx\r\n--b--",
       {"A: 1\r\n\r\n|x", "end"}},
      {"preamble", "b", "ignore\r\n--bc\r\nme\r\n--b\r\n\r\nx\r\n--b--", {"\r\n|x", "end"}},
      {"empty preamble line", "b", "\r\n--b\r\n\r\nx\r\n--b--", {"\r\n|x", "end"}},
      {"epilogue", "b", "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\nnot a part", {"\r\n|x", "end"}},
      {"padding",
       "b",
       "--b \t \r\n\r\nx\r\n--b\t\r\n\r\ny\r\n--b-- \t\r\n",
       {"\r\n|x", "\r\n|y", "end"}},
      {"padding up to the end", "b", "--b\r\n\r\nx\r\n--b--  ", {"\r\n|x", "end"}},
      {"empty content", "b", "--b\r\nA: 1\r\n\r\n\r\n--b--", {"A: 1\r\n\r\n|", "end"}},
      {"no content at all", "b", "--b\r\nA: 1\r\n\r\n--b--", {"A: 1\r\n\r\n|", "end"}},
      {"the content is a line end", "b", "--b\r\n\r\n\r\n\r\n--b--", {"\r\n|\r\n", "end"}},
      {"the boundary begins the content", "b", "--b\r\n\r\n--bc\r\n--b--", {"\r\n|--bc", "end"}},
      {"a longer boundary in the content",
       "b",
       "--b\r\n\r\n1\r\n--bb\r\n2\r\n--b-x\r\n3\r\n--b--",
       {"\r\n|1\r\n--bb\r\n2\r\n--b-x\r\n3", "end"}},
      {"a shorter boundary in the content",
       "abab",
       "--abab\r\n\r\n\r\n--aba\r\n--ab\r\n--abab--",
       {"\r\n|\r\n--aba\r\n--ab", "end"}},
      {"a boundary within a line",
       "b",
       "--b\r\n\r\nx--b--\n--b\r--b\r\n--b--",
       {"\r\n|x--b--\n--b\r--b", "end"}},
      {"line ends before the delimiter",
       "b",
       "--b\r\n\r\nx\r\r\n\r\n\r\r\n--b--",
       {"\r\n|x\r\r\n\r\n\r", "end"}},
      {"dashes as boundary",
       "--",
       "----\r\n\r\nx\r\n-\r\n--\r\n---\r\n------",
       {"\r\n|x\r\n-\r\n--\r\n---", "end"}},
      {"spaces in the boundary",
       "a b",
       "--a b\r\n\r\nx\r\n--a\r\n--a b--",
       {"\r\n|x\r\n--a", "end"}},
      {"bytes of every kind",
       "b",
       "--b\r\n\r\n\0\xff\x80\x1a\n\r\r\n--b--"sv,
       {"\r\n|\0\xff\x80\x1a\n\r"s, "end"}},
      {"a nested multipart is content",
       "b",
       "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--",
       {"Content-Type: multipart/mixed; boundary=c\r\n\r\n|--c\r\n\r\nx\r\n--c--", "end"}},
  };
  for (auto& t : table) {
    INFO(t.name);
    CHECK(scan(t.boundary, {std::string(t.body)}) == t.want);
    CHECK(scan(t.boundary, in_pieces(t.body, 1)) == t.want);
    CHECK(scan(t.boundary, in_pieces(t.body, 3)) == t.want);
    for (std::size_t cut = 1; cut < t.body.size(); ++cut) {
      INFO(cut);
      const List pieces{std::string(t.body.substr(0, cut)), std::string(t.body.substr(cut))};
      CHECK(scan(t.boundary, pieces) == t.want);
    }
  }
}

TEST_CASE("multipart: what is none, cut at every byte") {
  const std::string no_end = "multipart: the body ends inside a part: its last boundary is missing";
  const std::string more = "multipart: more than a boundary in its line";
  const std::string none = "multipart: there is no boundary";
  const std::string long_head = "--b\r\nA: " + std::string(9000, 'x') + "\r\n\r\n\r\n--b--";
  struct {
    std::string_view name, boundary, body;
    std::string want;
  } const table[] = {
      {"nothing", "b", "", none},
      {"something else", "b", "a=1&b=2", none},
      {"another boundary", "b", "--c\r\n\r\nx\r\n--c--", none},
      {"a part without end", "b", "--b\r\n\r\nx", no_end},
      {"a delimiter cut short", "b", "--b\r\n\r\nx\r\n--", no_end},
      {"an undecided delimiter", "b", "--b\r\n\r\nx\r\n--b", no_end},
      {"half of the last dashes", "b", "--b\r\n\r\nx\r\n--b-", no_end},
      {"the end behind a delimiter", "b", "--b\r\n\r\nx\r\n--b \r",
       "multipart: the body ends behind a boundary"},
      {"a head without end", "b", "--b\r\nA: 1\r\n",
       "multipart: the body ends in the head of a part"},
      {"no head", "b", "--b\r\n--b--", "multipart: the body ends in the head of a part"},
      {"a bare LF behind a boundary", "b", "--b\n\r\nx\r\n--b--", more},
      {"a bare CR behind a boundary", "b", "--b\rx\r\nx\r\n--b--", more},
      {"words behind a boundary", "b", "--b x\r\n\r\nx\r\n--b--", more},
      {"words behind the last boundary", "b", "--b\r\n\r\nx\r\n--b--x", more},
      {"bare LFs", "b", "--b\nA: 1\n\nx\n--b--\n", more},
      {"a head that is too long", "b", long_head, "multipart: the head of a part is too long"},
  };
  for (auto& t : table) {
    INFO(t.name);
    CHECK(scan(t.boundary, {std::string(t.body)}).back() == t.want);
    CHECK(scan(t.boundary, in_pieces(t.body, 1)).back() == t.want);
    for (std::size_t cut = 1; cut < std::min<std::size_t>(t.body.size(), 100); ++cut) {
      INFO(cut);
      const List pieces{std::string(t.body.substr(0, cut)), std::string(t.body.substr(cut))};
      CHECK(scan(t.boundary, pieces).back() == t.want);
    }
  }
}

TEST_CASE("multipart: every truncation of a valid body is refused") {
  const std::string body =
      "pre\r\n--bound\r\nA: 1\r\n\r\none\r\n--bound \r\nB: 2\r\n\r\n\r\n--bound--";
  CHECK(scan("bound", {body}).back() == "end");
  for (std::size_t size = 0; size < body.size(); ++size) {
    INFO(size);
    CHECK(scan("bound", {body.substr(0, size)}).back().starts_with("multipart: "));
  }
}

TEST_CASE("multipart: a head without end is refused when it is too long, not when memory is out") {
  MultipartScanner scanner("b");
  std::string head = "--b\r\nA: ";
  MultipartStep step;
  std::size_t consumed = 0;
  while (step.found == Found::nothing && head.size() < 100'000) {
    head += std::string(100, 'x');
    step = scanner.next(std::string_view(head).substr(consumed), false);
    consumed += step.consumed;
  }
  CHECK(step.found == Found::bad);
  CHECK(head.size() < 8'400);
}

TEST_CASE("multipart: boundaries") {
  struct {
    std::string boundary;
    bool want;
  } const table[] = {
      {"b", true},
      {"----WebKitFormBoundary7MA4YWxkTrZu0gW", true},
      {"0aA'()+_,-./:=?", true},
      {"a b", true},
      {std::string(70, 'x'), true},
      {"", false},
      {std::string(71, 'x'), false},
      {std::string(1000, 'x'), false},
      {"a ", false},
      {" ", false},
      {"a\"b", false},
      {"a\r\nb", false},
      {"a\tb", false},
      {"a@b", false},
      {"a;b", false},
      {"caf\xc3\xa9", false},
      {"a\0b"s, false},
  };
  for (auto& t : table) {
    INFO(t.boundary);
    CHECK(is_boundary(t.boundary) == t.want);
  }
}

TEST_CASE("multipart: what the head of a part says") {
  const auto field = [](std::string_view parameters) {
    return "Content-Disposition: form-data" + std::string(parameters) + "\r\n\r\n";
  };
  struct {
    std::string head, name, file_name, content_type;
  } const table[] = {
      {field("; name=\"a\""), "a", "", ""},
      {field("; name=a"), "a", "", ""},
      {field(";name=\"a\" ;filename=\"b\";"), "a", "b", ""},
      {field("; name = \"a\""), "a", "", ""},
      {field("; name=\"a\"" + numbered_parameters(31)), "a", "", ""},
      {field("; NAME=\"a\"; FileName=\"b\""), "a", "b", ""},
      {field("; filename=\"b\"; name=\"a\""), "a", "b", ""},
      {field("; name=\"\""), "", "", ""},
      {field("; name=\"a;b=c\""), "a;b=c", "", ""},
      {field("; name=\"a\\\"b\\\\c\""), "a\"b\\c", "", ""},
      {field("; name=\"a\\xb\""), "a\\xb", "", ""},
      {field("; name=\"a%22b\""), "a%22b", "", ""},
      {field("; name=\"\xc3\xa9\xe2\x82\xac\""), "\xc3\xa9\xe2\x82\xac", "", ""},
      {"content-disposition: FORM-DATA; name=\"a\"\r\nCONTENT-TYPE: text/css\r\n\r\n", "a", "",
       "text/css"},
      {"Content-Type: image/png\r\nX: y\r\n" + field("; name=\"a\"; filename=\"b\""), "a", "b",
       "image/png"},
      {"Content-Transfer-Encoding: BINARY\r\n" + field("; name=\"a\""), "a", "", ""},
      {"Content-Transfer-Encoding: 8bit\r\n" + field("; name=\"a\""), "a", "", ""},
      // No file was chosen.
      {field("; name=\"a\"; filename=\"\""), "a", "", ""},
      // Folders.
      {field("; name=\"a\"; filename=\"C:\\fakepath\\x.txt\""), "a", "x.txt", ""},
      {field("; name=\"a\"; filename=\"C:\\\\fakepath\\\\x.txt\""), "a", "x.txt", ""},
      {field("; name=\"a\"; filename=\"../../etc/passwd\""), "a", "passwd", ""},
      {field("; name=\"a\"; filename=\"..\\..\\x\""), "a", "x", ""},
      {field("; name=\"a\"; filename=\"/etc/passwd\""), "a", "passwd", ""},
      {field("; name=\"a\"; filename=\"..\""), "a", "file", ""},
      {field("; name=\"a\"; filename=\"x/.\""), "a", "file", ""},
      {field("; name=\"a\"; filename=\"x/\""), "a", "file", ""},
      {field("; name=\"a\"; filename=\"/\""), "a", "file", ""},
      {field("; name=\"a\"; filename=\".htaccess\""), "a", ".htaccess", ""},
      // RFC 8187.
      {field("; name=\"a\"; filename*=utf-8''%e2%82%ac.txt"), "a", "\xe2\x82\xac.txt", ""},
      {field("; name=\"a\"; filename=\"x\ty\t\""), "a", "xy", ""},
      {field("; name=\"a\"; filename=\"\t.\""), "a", "file", ""},
      {field("; name=\"a\"; filename*=UTF-8'en'..%2f..%2fx"), "a", "x", ""},
      {field("; name=\"a\"; filename=\"plain\"; filename*=utf-8''star"), "a", "plain", ""},
      {field("; name=\"a\"; filename*=iso-8859-1''x"), "a", "", ""},
      {field("; name=\"a\"; filename*=utf-8''a%00b"), "a", "", ""},
      {field("; name=\"a\"; filename*=utf-8''%c0%af"), "a", "", ""},
      {field("; name=\"a\"; filename*=x"), "a", "", ""},
  };
  for (auto& t : table) {
    INFO(t.head);
    PartHead head;
    CHECK(parse_part_head(t.head, head).status == 0);
    CHECK(head.name == t.name);
    CHECK(head.file_name == t.file_name);
    CHECK(head.is_file == !t.file_name.empty());
    CHECK(head.content_type == t.content_type);
  }
}

TEST_CASE("multipart: part heads that are refused") {
  const std::string ok = "Content-Disposition: form-data; name=\"a\"\r\n";
  std::string many;
  for (int i = 0; i < 40; ++i) many += "X: y\r\n";
  struct {
    std::string_view why;
    std::string head;
    int want;
  } const table[] = {
      {"empty", "\r\n", 400},
      {"no disposition", "Content-Type: text/plain\r\n\r\n", 400},
      {"another disposition", "Content-Disposition: attachment; name=\"a\"\r\n\r\n", 400},
      {"no name", "Content-Disposition: form-data\r\n\r\n", 400},
      {"no name, a file name", "Content-Disposition: form-data; filename=\"a\"\r\n\r\n", 400},
      {"name* is no name", "Content-Disposition: form-data; name*=utf-8''a\r\n\r\n", 400},
      {"two names", "Content-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n", 400},
      {"two file names",
       "Content-Disposition: form-data; name=\"a\"; filename=a; Filename=b\r\n\r\n", 400},
      {"too many parameters",
       "Content-Disposition: form-data; name=\"a\"" + numbered_parameters(32) + "\r\n\r\n", 400},
      {"no closing quote", "Content-Disposition: form-data; name=\"a\r\n\r\n", 400},
      {"an escaped closing quote", "Content-Disposition: form-data; name=\"a\\\"\r\n\r\n", 400},
      {"no value", "Content-Disposition: form-data; name=\r\n\r\n", 400},
      {"no equals sign", "Content-Disposition: form-data; name\r\n\r\n", 400},
      {"no semicolon", "Content-Disposition: form-data name=\"a\"\r\n\r\n", 400},
      {"words behind the quote", "Content-Disposition: form-data; name=\"a\"b\r\n\r\n", 400},
      {"two semicolons", "Content-Disposition: form-data;; name=\"a\"\r\n\r\n", 400},
      {"NUL in the name", "Content-Disposition: form-data; name=\"a\0b\"\r\n\r\n"s, 400},
      {"CR in the name", "Content-Disposition: form-data; name=\"a\rb\"\r\n\r\n", 400},
      {"LF in the name", "Content-Disposition: form-data; name=\"a\nb\"\r\n\r\n", 400},
      {"two dispositions", ok + ok + "\r\n", 400},
      {"folded", "Content-Disposition: form-data;\r\n name=\"a\"\r\n\r\n", 400},
      {"no colon", ok + "X\r\n\r\n", 400},
      {"space before the colon", "Content-Disposition : form-data; name=\"a\"\r\n\r\n", 400},
      {"bare LF", "Content-Disposition: form-data; name=\"a\"\nX: y\r\n\r\n", 400},
      {"too many fields", many + ok + "\r\n", 400},
      {"base64", ok + "Content-Transfer-Encoding: base64\r\n\r\n", 415},
      {"quoted-printable", ok + "Content-Transfer-Encoding: quoted-printable\r\n\r\n", 415},
  };
  for (auto& t : table) {
    INFO(t.why);
    PartHead head;
    CHECK(parse_part_head(t.head, head).status == t.want);
  }
}
