// SPDX-License-Identifier: MIT
//
// url_test.cpp -- escapes and urlencoded pairs mean what was meant, there and back.
#include "jot/url.hpp"

#include "catch.hpp"
#include "jot/error.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using jot::Values;

TEST_CASE("url: percent_encode makes one segment of anything") {
  CHECK(jot::percent_encode("a b/c") == "a%20b%2Fc");
  CHECK(jot::percent_encode("AZaz09-._~") == "AZaz09-._~");
  CHECK(jot::percent_encode("\xc3\xa4+&=?#%") == "%C3%A4%2B%26%3D%3F%23%25");
  CHECK(jot::percent_encode(std::string_view("\0", 1)) == "%00");
  CHECK(jot::percent_encode("").empty());
}

TEST_CASE("url: percent_decode takes escapes that are whole, and leaves the rest alone") {
  struct {
    std::string_view in, want;
  } const table[] = {
      {"a%20b%2Fc", "a b/c"}, {"%41%6a%6A", "Ajj"}, {"100%", "100%"}, {"%4", "%4"},   {"%", "%"},
      {"%zz", "%zz"},         {"%%41", "%A"},       {"%4%41", "%4A"}, {"a+b", "a+b"}, {"%2B", "+"},
      {"%C3%A4", "\xc3\xa4"}, {"%25%32%30", "%20"},
  };
  for (const auto& row : table) CHECK(jot::percent_decode(row.in) == row.want);
  CHECK(jot::percent_decode("%00") == std::string(1, '\0'));
}

TEST_CASE("url: every string comes back") {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  CHECK(jot::percent_decode(jot::percent_encode(every)) == every);
  Values values;
  values.add(every, every);
  values.add("", "x");
  values.add("empty", "");
  const Values back = Values::parse(values.encode());
  REQUIRE(back.size() == 3);
  CHECK(back.get(every) == every);
  CHECK(back.get("") == "x");
  CHECK(back.has("empty"));
}

TEST_CASE("url: Values reads pairs as browsers write them") {
  const Values v = Values::parse("a=1&b=two+words&a=%26&flag&=x&&c=d=e&%62=3&");
  CHECK(v.size() == 7);
  CHECK(v.get("a") == "1");
  CHECK(v.all("a") == std::vector<std::string_view>{"1", "&"});
  CHECK(v.get("b") == "two words");
  CHECK(v.all("b") == std::vector<std::string_view>{"two words", "3"});
  CHECK(v.has("flag"));
  CHECK(v.get("flag").empty());
  CHECK(v.get("") == "x");
  CHECK(v.get("c") == "d=e");
  CHECK_FALSE(v.has("A"));
  CHECK(v.get("A").empty());
  CHECK(v.find("A") == nullptr);
  CHECK(v.all("A").empty());
  CHECK(Values::parse("").empty());
}

TEST_CASE("url: too many pairs are refused, not stored") {
  std::string many;
  for (std::size_t i = 0; i < Values::max_pairs; ++i) many += "a&";
  CHECK(Values::parse(many).size() == Values::max_pairs);
  many += "a";
  try {
    Values::parse(many);
    FAIL("accepted");
  } catch (const jot::HttpError& e) {
    CHECK(e.status() == 400);
  }
}

TEST_CASE("url: resolve_url finds where a link leads") {
  CHECK(jot::resolve_url("http://host/a/b?c#d", "../e?f#g") == "http://host/e?f#g");
  CHECK(jot::resolve_url("http://host", "a") == "http://host/a");
  CHECK(jot::resolve_url("http://host/a", "//other/b") == "http://other/b");
  CHECK(jot::resolve_url("", "a") == "a");
}
