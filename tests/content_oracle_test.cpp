// SPDX-License-Identifier: MIT
//
// content_oracle_test.cpp -- are conditions and ranges answered as Go's http.ServeContent does?
//
// content_cases.inc holds requests and what Go 1.23 says to them; oracle/content.go wrote the
// answers. Where jot differs on purpose, the rules and the list below say how and why.
#include "catch.hpp"
#include "jot/file_server.hpp"

#include "jot/detail/serve_content.hpp"
#include "jot/testing.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace {

constexpr std::string_view go_says =
#include "content_cases.inc"
    ;

std::string replace_all(std::string s, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = s.find(what, at)) != s.npos; at += by.size())
    s.replace(at, what.size(), by);
  return s;
}

std::string answer_of(const jot::Recorded& res) {
  constexpr std::string_view multipart = "multipart/byteranges; boundary=";
  const auto field = [&](const char* name) { return res.header.get(name); };
  const std::string_view type = field("Content-Type");
  switch (res.status) {
    case 304: return jot::text("304 ", field("ETag"), field("Last-Modified"));
    case 416: return jot::text("416 ", field("Content-Range"));
    case 206:
      if (type.starts_with(multipart)) {
        CHECK(field("Content-Length") == std::to_string(res.body.size()));
        const std::string_view boundary = type.substr(multipart.size());
        return "206 " + replace_all(replace_all(res.body, boundary, "BOUNDARY"), "\r\n", "/");
      }
      return jot::text("206 ", field("Content-Range"), " ", field("Content-Length"), " ", res.body);
    case 200: return jot::text("200 ", field("ETag"), " ", field("Content-Length"), " ", res.body);
    default: return std::to_string(res.status);
  }
}

// question: "METHOD FIELD: VALUE | FIELD: VALUE".
std::string ask(std::string_view content, std::string_view question) {
  const std::size_t space = std::min(question.find(' '), question.size());
  jot::Header header;
  for (std::string_view rest = question.substr(space); !rest.empty();) {
    const std::size_t bar = std::min(rest.find(" | "), rest.size());
    const std::string_view field = rest.substr(0, bar);
    const std::size_t colon = field.find(": ");
    if (colon != field.npos)
      header.add(jot::detail::trim(field.substr(0, colon)), field.substr(colon + 2));
    rest.remove_prefix(std::min(bar + 2, rest.size()));
  }
  const jot::detail::FileContent file{
      .bytes = content, .size = content.size(), .validators = {"\"tag\"", 784111777}};
  return answer_of(jot::record(
      [&](jot::ResponseWriter& w, jot::Request& r) {
        jot::detail::serve_content(w, r, file, {.name = "a.txt"});
      },
      jot::request(question.substr(0, space), "/a.txt", {.header = header})));
}

// What differs everywhere: a 416 always says how long the content is (RFC 9110 §15.5.17).
std::string by_our_rules(std::string_view content, std::string go) {
  if (go == "416 ") return jot::text("416 bytes */", content.size());
  return go;
}

struct Difference {
  std::string_view content, question, want;
};

const Difference differences[] = {
    // The last no bytes are none: a part of length 0 cannot be written as one (§14.1.2).
    {"0123456789", "GET Range: bytes=-0", "416 bytes */10"},
    // Positions are digits, without a sign ...
    {"0123456789", "GET Range: bytes=+1-2", "416 bytes */10"},
    {"0123456789", "GET Range: bytes=0-+2", "416 bytes */10"},
    // ... however many: what is too large for a number is beyond the end.
    {"0123456789", "GET Range: bytes=0-99999999999999999999999999",
     "206 bytes 0-9/10 10 0123456789"},
    {"0123456789", "GET Range: bytes=-9223372036854775808", "206 bytes 0-9/10 10 0123456789"},
    {"0123456789", "GET Range: bytes=-99999999999999999999999999",
     "206 bytes 0-9/10 10 0123456789"},
    // Units have no case, and one that is not known is ignored (§14.2).
    {"0123456789", "GET Range: Bytes=0-0", "206 bytes 0-0/10 1 0"},
    {"0123456789", "GET Range: BYTES=0-0", "206 bytes 0-0/10 1 0"},
    {"0123456789", "GET Range: bytes 0-0", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: bytes", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: bytes =0-0", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: items=0-0", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: seconds=1-2", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: 0-0", "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET Range: =0-0", "200 \"tag\" 10 0123456789"},
    // Range is defined for GET alone, and to be ignored elsewhere (§14.2).
    {"0123456789", "HEAD Range: bytes=0-0", "200 \"tag\" 10 "},
    {"0123456789", "HEAD Range: bytes=10-", "200 \"tag\" 10 "},
    // A list may come in several fields (§5.3).
    {"0123456789", "GET If-None-Match: \"other\" | If-None-Match: \"tag\"", "304 \"tag\""},
    {"0123456789", "GET If-Match: \"other\" | If-Match: \"tag\"", "200 \"tag\" 10 0123456789"},
    // * stands for any tag only alone, not in a list of tags (§13.1.1, §13.1.2).
    {"0123456789", "GET If-Match: \"x\", *", "412"},
    {"0123456789", "GET If-None-Match: \"x\", *", "200 \"tag\" 10 0123456789"},
    {"0123456789", "HEAD If-None-Match: \"x\", *", "200 \"tag\" 10 "},
    // An hour has two digits (§5.6.7).
    {"0123456789", "GET If-Modified-Since: Sun, 06 Nov 1994 8:49:37 GMT",
     "200 \"tag\" 10 0123456789"},
    {"0123456789", "GET If-Range: Sun, 06 Nov 1994 8:49:37 GMT | Range: bytes=0-0",
     "200 \"tag\" 10 0123456789"},
    // An empty content has no parts, so there is nothing to be refused.
    {"", "GET Range: bytes=-1", "200 \"tag\" 0 "},
    {"", "GET Range: bytes=-0", "200 \"tag\" 0 "},
    {"", "GET Range: bytes=x", "200 \"tag\" 0 "},
};

std::string wanted(std::string_view content, std::string_view question, std::string go) {
  for (const Difference& d : differences)
    if (d.content == content && d.question == question) return std::string(d.want);
  return by_our_rules(content, std::move(go));
}

}  // namespace

TEST_CASE("content: as Go's ServeContent, but where it says otherwise") {
  std::string_view content;
  int asked = 0;
  for (std::string_view rest = go_says; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with("content ")) content = line.substr(8);
    if (!line.starts_with("? ")) continue;
    const std::size_t arrow = line.find(" => ");
    const std::string_view question = line.substr(2, arrow - 2);
    INFO(content << " ? " << question);
    const std::string go(line.substr(arrow + 4));
    CHECK(ask(content, question) == wanted(content, question, go));
    ++asked;
  }
  CHECK(asked > 300);
}
