// SPDX-License-Identifier: MIT
//
// text_test.cpp -- every part prints as it should, and what should not be a part is none.
#include "jot/text.hpp"

#include "catch.hpp"

#include <cfloat>       // DBL_MAX, FLT_MIN
#include <chrono>       // std::chrono::seconds
#include <climits>      // LLONG_MIN, ULLONG_MAX
#include <cstdlib>      // std::strtod
#include <limits>       // std::numeric_limits
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::text;

namespace {
enum Plain { plain };
enum class Scoped { scoped };
struct Named {
  operator std::string_view() const { return "named"; }
};
}  // namespace

TEST_CASE("text: strings of every kind") {
  const std::string s = "string";
  const char* pointer = "pointer";
  const char* null = nullptr;
  char array[] = "array";
  CHECK(text(s, ' ', std::string_view("view"), ' ', pointer, ' ', array, ' ', Named{}, "!") ==
        "string view pointer array named!");
  CHECK(text("[", null, "]") == "[]");
  CHECK(text(std::string("a\0b", 3)).size() == 3);
  CHECK(text().empty());
}

TEST_CASE("text: integers, letters and truth") {
  CHECK(text(0, ' ', -1, ' ', 42u, ' ', LLONG_MIN, ' ', ULLONG_MAX) ==
        "0 -1 42 -9223372036854775808 18446744073709551615");
  CHECK(text(static_cast<unsigned char>('A'), ' ', static_cast<signed char>(-5), ' ', short{7}) ==
        "65 -5 7");
  CHECK(text('A', true, false) == "Atruefalse");
}

TEST_CASE("text: floating point in the shortest digits that come back the same") {
  CHECK(text(0.1, ' ', 0.1f, ' ', 1.0, ' ', -0.0, ' ', 1e21, ' ', 1e300) ==
        "0.1 0.1 1 -0 1e+21 1e+300");
  for (const double d : {1.0 / 3, 2.0 / 3, DBL_MAX, DBL_MIN, 5e-324, 123456789.123456789})
    CHECK(std::strtod(text(d).c_str(), nullptr) == d);
  for (const float f : {1.0f / 3, FLT_MAX, FLT_MIN})
    CHECK(std::strtof(text(f).c_str(), nullptr) == f);
  const long double l = 1.0L / 3;
  CHECK(std::strtold(text(l).c_str(), nullptr) == l);
  CHECK(text(std::numeric_limits<double>::infinity(), ' ',
             -std::numeric_limits<double>::infinity()) == "inf -inf");
  CHECK(text(LDBL_MAX).size() < 64);
}

TEST_CASE("text: what is a part and what is not") {
  static_assert(jot::Part<int> && jot::Part<bool> && jot::Part<char> && jot::Part<double>);
  static_assert(jot::Part<std::string> && jot::Part<const char*> && jot::Part<char[4]>);
  static_assert(!jot::Part<wchar_t> && !jot::Part<char8_t> && !jot::Part<char16_t> &&
                !jot::Part<char32_t>);
  static_assert(!jot::Part<int*> && !jot::Part<void*> && !jot::Part<std::nullptr_t>);
  static_assert(!jot::Part<Plain> && !jot::Part<Scoped>);
  static_assert(!jot::Part<std::optional<int>> && !jot::Part<std::chrono::seconds>);
  static_assert(!jot::Part<const wchar_t*>);
  SUCCEED();
}

TEST_CASE("text: html_escape leaves nothing that opens a tag, an attribute or a reference") {
  CHECK(jot::html_escape("<a href=\"x\" title='y'>&amp;</a>") ==
        "&lt;a href=&#34;x&#34; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  CHECK(jot::html_escape("plain \xc3\xa4").compare("plain \xc3\xa4") == 0);
}
