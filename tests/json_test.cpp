// SPDX-License-Identifier: MIT
#include "jot/json.hpp"

#include "catch.hpp"

#include <sys/mman.h>  // mmap, mprotect
#include <unistd.h>    // sysconf

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using jot::Errc;
using jot::HTML;
using jot::JsonError;
using jot::List;
using jot::Map;
using jot::parse_json;
using jot::to_json;
using jot::try_parse_json;
using jot::Value;
using jot::ValueError;
using namespace std::string_literals;

static_assert(std::is_nothrow_copy_constructible_v<JsonError>);

std::string error_of(std::string_view text) {
  try {
    (void)parse_json(text);
  } catch (const JsonError& e) {
    return e.what();
  }
  return "no error";
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("JSON that is read") {
  struct Row {
    std::string text;
    Value want;
  };
  const Row rows[] = {
      {"null", nullptr},
      {"true", true},
      {"false", false},
      {" \t\r\n1 \t\r\n", 1},
      {R"("")", ""},
      {R"("text")", "text"},
      {R"("a\"\\\/\b\f\n\r\tz")", "a\"\\/\b\f\n\r\tz"},
      {R"("\u0041\u00e9\u20AC\uFFFF")", "A\u00e9\u20ac\uffff"},
      {R"("\u0000")", "\0"s},
      {R"("\ud83d\ude00")", "\U0001f600"},
      {R"("\uDBFF\uDFFF")", "\U0010ffff"},
      {"\"\U0001f600 \u00e9 \x7f\"", "\U0001f600 \u00e9 \x7f"},
      {"\"\xEF\xBB\xBF\"", "\xEF\xBB\xBF"},
      {R"("1234567é")", "1234567é"},
      {R"("12345678\n12345678")", "12345678\n12345678"},
      {"[]", List{}},
      {"[ ]", List{}},
      {"[1]", List{1}},
      {"[1,\"a\",null,[2,[]]]", List{1, "a", nullptr, Value(List{2, Value(List{})})}},
      {"[ 1 , 2 ]", List{1, 2}},
      {"{}", Map{}},
      {"{ }", Map{}},
      {R"({"a":1})", {{"a", 1}}},
      {R"({ "b" : 1 , "a" : { "c" : [ ] } })", {{"a", {{"c", List{}}}}, {"b", 1}}},
      {R"({"":0})", {{"", 0}}},
      {R"({"a\u0062":0})", {{"ab", 0}}},
      {R"({"a":1,"b":2,"a":3})", {{"a", 3}, {"b", 2}}},
      {R"({"a":{"x":1},"a":{"y":2}})", {{"a", {{"y", 2}}}}},
      {"[[1,2],[3,[4,5]],6]", List{List{1, 2}, List{3, Value(List{4, 5})}, 6}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Value got = parse_json(row.text);
    CHECK(got == row.want);
    CHECK(got.kind() == row.want.kind());
    CHECK(parse_json(to_json(got)) == got);
    CHECK(parse_json(to_json(got, 3)) == got);
  }
}

TEST_CASE("numbers that are read") {
  struct Row {
    std::string text;
    Value want;
  };
  const double largest = std::numeric_limits<double>::max();
  const Row rows[] = {
      {"0", 0},
      {"-1", -1},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9007199254740993", 9007199254740993},
      {"9223372036854775808", 0x1p63},
      {"-9223372036854775809", -0x1p63},
      {"18446744073709551616", 0x1p64},
      {"100000000000000000000", 1e20},
      {"-0", -0.0},
      {"-0.0", -0.0},
      {"1.0", 1.0},
      {"0.1", 0.1},
      {"1e2", 100.0},
      {"1E+2", 100.0},
      {"1e-2", 0.01},
      {"1e00", 1.0},
      {"0e5", 0.0},
      {"0e999999999999999999999", 0.0},
      {"0.000e400", 0.0},
      {"123.456e-7", 123.456e-7},
      {"0.30000000000000004", 0.30000000000000004},
      {"8.41", 8.41},
      {"9007199254740993.0", 9007199254740992.0},
      {"9007199254740993.0000000000000000001", 9007199254740994.0},
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"5e-324", 5e-324},
      {"1e-400", 0.0},
      {"-1e-400", -0.0},
      {"1e-99999999999999999999", 0.0},
      {"0.0000000001e-99999999999", 0.0},
      {"1.7976931348623157e308", largest},
      {"0." + std::string(400, '0') + "1e401", 1.0},
      {"1" + std::string(400, '0') + "e-400", 1.0},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Value got = parse_json(row.text);
    REQUIRE(got.kind() == row.want.kind());
    CHECK(got == row.want);
    CHECK(std::signbit(got.as_double()) == std::signbit(row.want.as_double()));
  }
}

// Digits are taken eight at a time: any number of them, with more behind or the end.
TEST_CASE("whole numbers are read, however long") {
  std::mt19937_64 random(13);
  for (int i = 0; i < 300'000; ++i) {
    const auto n = static_cast<std::int64_t>(random()) >> (random() % 64);
    const std::string digits = std::to_string(n);
    REQUIRE(parse_json(digits).as_int() == n);
    REQUIRE(parse_json("[" + digits + ",12345678]")[0].as_int() == n);
    REQUIRE(parse_json(digits + "        ").as_int() == n);
  }
  for (std::size_t size = 1; size < 30; ++size) {
    const std::string digits = std::string("123456789012345678901234567890").substr(0, size);
    const std::string point = digits + "." + digits, exponent = digits + "e-3";
    INFO(size);
    CHECK(parse_json(digits) == parse_json("[" + digits + "]")[0]);
    CHECK(parse_json(digits).is_int() == (size <= 19));
    CHECK(parse_json(digits).as_double() == std::strtod(digits.c_str(), nullptr));
    CHECK(parse_json(point).as_double() == std::strtod(point.c_str(), nullptr));
    CHECK(parse_json(exponent).as_double() == std::strtod(exponent.c_str(), nullptr));
  }
}

TEST_CASE("no other byte is taken for a digit") {
  for (std::size_t size = 1; size < 12; ++size) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      if (std::string_view("0123456789.eE, \t\r\n").find(c) != std::string_view::npos) continue;
      const std::string text = std::string(size, '7') + c + "123456789";
      INFO(size << " digits, then " << byte);
      try {
        (void)parse_json(text);
        CHECK(false);
      } catch (const JsonError& e) {
        CHECK(e.column() == static_cast<int>(size + 1));
      }
    }
  }
}

TEST_CASE("what is wrong, and where") {
  struct Row {
    std::string text;
    std::string want;
  };
  const Row rows[] = {
      {"", "line 1, column 1: want a value, but the text ends here"},
      {" \n ", "line 2, column 2: want a value, but the text ends here"},
      {"\xEF\xBB\xBF{}", "line 1, column 1: a byte order mark must not stand before JSON"},
      {"{\n\"a\": 1,\n\"b\": 2 \"c\": 3}", "line 3, column 8: want ',' or '}'"},
      {"[1 2]", "line 1, column 4: want ',' or ']'"},
      {"[\"äöü€\U0001f600\" 2]", "line 1, column 10: want ',' or ']'"},
      {"[1,]", "line 1, column 4: want a value"},
      {"[,1]", "line 1, column 2: want a value"},
      {"[1}", "line 1, column 3: want ',' or ']'"},
      {"[", "line 1, column 2: want a value, but the text ends here"},
      {"]", "line 1, column 1: want a value"},
      {"{", "line 1, column 2: want a key in quotes or '}', but the text ends here"},
      {"{1:2}", "line 1, column 2: want a key in quotes or '}'"},
      {"{'a':2}", "line 1, column 2: want a key in quotes or '}'"},
      {"{\"a\":1,}", "line 1, column 8: want a key in quotes"},
      {"{\"a\" 1}", "line 1, column 6: want ':'"},
      {"{\"a\":}", "line 1, column 6: want a value"},
      {"1 2", "line 1, column 3: want nothing more"},
      {"{}]", "line 1, column 3: want nothing more"},
      {"nul", "line 1, column 1: want a value"},
      {"nulL", "line 1, column 1: want a value"},
      {"truefalse", "line 1, column 5: want nothing more"},
      {"NaN", "line 1, column 1: want a value"},
      {"Infinity", "line 1, column 1: want a value"},
      {"+1", "line 1, column 1: want a value"},
      {".5", "line 1, column 1: want a value"},
      {"01", "line 1, column 1: a number must not begin with 0"},
      {"-01", "line 1, column 2: a number must not begin with 0"},
      {"-", "line 1, column 2: want a digit, but the text ends here"},
      {"-a", "line 1, column 2: want a digit"},
      {"-Infinity", "line 1, column 2: want a digit"},
      {"1.", "line 1, column 3: want a digit, but the text ends here"},
      {"1.e5", "line 1, column 3: want a digit"},
      {"1e", "line 1, column 3: want a digit, but the text ends here"},
      {"1e+", "line 1, column 4: want a digit, but the text ends here"},
      {"1e+-1", "line 1, column 4: want a digit"},
      {"0x10", "line 1, column 2: want nothing more"},
      {"1_000", "line 1, column 2: want nothing more"},
      {"[1e400]", "line 1, column 2: a number too large for a double"},
      {"-1e99999999999999999999", "line 1, column 1: a number too large for a double"},
      {"\"a", "line 1, column 3: want '\"', but the text ends here"},
      {"\"a\nb\"", "line 1, column 3: a control character must be escaped"},
      {"\"a\tb\"", "line 1, column 3: a control character must be escaped"},
      {"\"a\0b\""s, "line 1, column 3: a control character must be escaped"},
      {"\"\\",
       "line 1, column 3: want one of \"\\/bfnrtu after a backslash, but the text ends here"},
      {"\"\\x41\"", "line 1, column 3: want one of \"\\/bfnrtu after a backslash"},
      {"\"\\U0041\"", "line 1, column 3: want one of \"\\/bfnrtu after a backslash"},
      {"\"\\u12g4\"", "line 1, column 6: want four hex digits"},
      {"\"\\u12", "line 1, column 6: want four hex digits, but the text ends here"},
      {"\"\\ud800\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\udc00\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\ud800\\ud800\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\ud800\\n\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\ud800\\u\"", "line 1, column 10: want four hex digits"},
      {"\"\\udc00\\ud800\"", "line 1, column 2: half of a surrogate pair"},
      {"\xC2\xA0"
       "1",
       "line 1, column 1: want a value"},
      {"/* c */ 1", "line 1, column 1: want a value"},
      {"1 // c", "line 1, column 3: want nothing more"},
      {"\f1", "line 1, column 1: want a value"},
      {"1\0"s, "line 1, column 2: want nothing more"},
      {"\0"s, "line 1, column 1: want a value"},
      {"[1\0]"s, "line 1, column 3: want ',' or ']'"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(error_of(row.text) == row.want);
    const auto result = try_parse_json(row.text);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::bad_message);
    CHECK(result.error().message() == row.want);
  }
}

TEST_CASE("an error knows its line and column") {
  try {
    (void)parse_json("{\n  \"a\": [1,\n    x]}");
    FAIL("no error");
  } catch (const JsonError& e) {
    CHECK(e.line() == 3);
    CHECK(e.column() == 5);
  }
}

TEST_CASE("strings that are not UTF-8 are refused, wherever they stand") {
  const std::string rows[] = {
      "\x80",              // a continuation without a lead
      "\xBF",              //
      "\xC0\xAF",          // '/' in two bytes: overlong
      "\xC1\xBF",          //
      "\xE0\x80\xAF",      // in three
      "\xE0\x9F\xBF",      //
      "\xF0\x80\x80\xAF",  // in four
      "\xF0\x8F\xBF\xBF",  //
      "\xED\xA0\x80",      // surrogates
      "\xED\xBF\xBF",      //
      "\xF4\x90\x80\x80",  // beyond U+10FFFF
      "\xF5\x80\x80\x80",  //
      "\xF8\x88\x80\x80\x80",
      "\xFE",
      "\xFF",
      "\xC3",          // cut short by the quote
      "\xE2\x82",      //
      "\xF0\x9F\x98",  //
      "\xC3\xC3\xA9",  // a lead where a continuation should be
  };
  for (const std::string& bytes : rows) {
    for (std::size_t before = 0; before < 10; ++before) {
      const std::string text = "\"" + std::string(before, 'x') + bytes + "\"";
      CHECK(error_of(text) ==
            "line 1, column " + std::to_string(before + 2) + ": a byte that is not UTF-8");
      CHECK_FALSE(try_parse_json("{" + text + ":1}"));
      CHECK_FALSE(try_parse_json("\"" + std::string(before, 'x') + bytes));
    }
  }
}

TEST_CASE("a special byte is seen at every place in a string") {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t after = 0; after < 20; ++after) {
      const std::string a(before, 'a'), b(after, 'b');
      INFO(before << " " << after);
      CHECK(parse_json("\"" + a + "\\n" + b + "\"").as_string() == a + "\n" + b);
      CHECK(parse_json("\"" + a + "\u00e9" + b + "\"").as_string() == a + "\u00e9" + b);
      CHECK(parse_json("[\"" + a + "\",\"" + b + "\"]") == Value(List{a, b}));
      for (const char control : {'\0', '\n', '\x1f'}) {
        CHECK_FALSE(try_parse_json("\"" + a + control + b + "\""));
      }
    }
  }
}

TEST_CASE("every truncation of a document is refused") {
  const std::string text =
      R"({"n":null,"b":[true,false],"i":-12,"d":[1.5e+10,0.25],"s":"a\u00e9\ud83d\ude00\n\"é€😀","m":{"x":{}}})";
  REQUIRE(try_parse_json(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    INFO(size);
    // A buffer of exactly that size, so that a read beyond it is seen.
    const std::string cut = text.substr(0, size);
    const std::unique_ptr<char[]> exact(new char[size]);
    cut.copy(exact.get(), size);
    CHECK_FALSE(try_parse_json({exact.get(), size}));
  }
}

TEST_CASE("512 levels are read and written, not one more") {
  const std::string deep = repeat("[", 512) + repeat("]", 512);
  const std::string deeper = "[" + deep + "]";
  CHECK(to_json(parse_json(deep)) == deep);
  CHECK(error_of(deeper) == "line 1, column 513: nested deeper than 512 levels");
  CHECK(try_parse_json(repeat("{\"a\":", 511) + "[]" + repeat("}", 511)));
  CHECK_FALSE(try_parse_json(repeat("{\"a\":", 512) + "[]" + repeat("}", 512)));
  // Levels that were left do not count.
  CHECK(try_parse_json("[" + repeat("[[[]]],", 1000) + "1]"));

  Value v = parse_json(deep);
  List outer;
  outer.push_back(std::move(v));
  CHECK_THROWS_AS(to_json(outer), ValueError);
}

TEST_CASE("nested a million deep is refused without a deep stack") {
  const std::size_t million = 1'000'000;
  CHECK_FALSE(try_parse_json(repeat("[", million)));
  CHECK_FALSE(try_parse_json(repeat("[", million) + repeat("]", million)));
  CHECK_FALSE(try_parse_json(repeat("{\"a\":", million)));
  CHECK_FALSE(try_parse_json(repeat("[{\"a\":", million)));
}

// The longest list so far tells how long the next may be, but not each of those within it: they
// would hold 512 times as much as a client has sent.
TEST_CASE("a long list makes none of the lists behind it long, however deep they are") {
  const auto room_below = [](const List& lists) {
    std::size_t room = 0;
    for (const List* list = &lists; !list->empty(); list = &list->front().as_list())
      room += list->capacity();
    return room;
  };
  const std::string zeros = "[" + repeat("0,", 999) + "0]";
  const std::string chain = repeat("[", 500) + repeat("]", 500);
  const Value v = parse_json("[" + zeros + "," + chain + "]");
  CHECK(room_below(v[1].as_list()) <= 1000 + 2 * 500);
  const Value again = parse_json("[" + zeros + "," + zeros + "," + chain + "," + zeros + "]");
  CHECK(again[1].as_list().capacity() == 1000);
  CHECK(room_below(again[2].as_list()) <= 1000 + 2 * 500);
}

// What is not linear does not end within the test's time.
TEST_CASE("ten megabytes of digits are read in linear time") {
  const std::string digits(10'000'000, '7');
  CHECK(error_of(digits) == "line 1, column 1: a number too large for a double");
  CHECK(parse_json("0." + digits).as_double() == 7.0 / 9.0);
  CHECK(parse_json("0." + std::string(10'000'000, '0') + "1").as_double() == 0.0);
  CHECK(parse_json("0." + std::string(10'000'000, '0') + "1e10000001").as_double() == 1.0);
  CHECK(parse_json(digits + "e-10000000").as_double() == 7.0 / 9.0);
  CHECK_FALSE(try_parse_json("1e" + digits));
}

TEST_CASE("ten megabytes of anything else, too") {
  const std::size_t n = 2'000'000;
  CHECK(parse_json("[" + repeat("1,", n) + "1]").size() == n + 1);
  CHECK(parse_json("\"" + repeat("\\n", n) + "\"").as_string().size() == n);
  CHECK(parse_json("{" + repeat("\"a\":1,", n) + "\"a\":2}") == Value{{"a", 2}});
  CHECK(parse_json(std::string(5 * n, ' ') + "1") == 1);
  CHECK(to_json(std::string(5 * n, '<')).size() == 30 * n + 2);
}

TEST_CASE("values as they are written") {
  struct Row {
    Value value;
    std::string want;
  };
  const Row rows[] = {
      {nullptr, "null"},
      {true, "true"},
      {-5, "-5"},
      {std::numeric_limits<std::int64_t>::min(), "-9223372036854775808"},
      {std::numeric_limits<std::uint64_t>::max(), "18446744073709551616"},
      {1.0, "1"},
      {-0.0, "-0"},
      {0.1, "0.1"},
      {100000.0, "100000"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1e-6, "0.000001"},
      {1e-7, "1e-07"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {"plain", R"("plain")"},
      {"\"\\/", R"("\"\\/")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
      {"\0"s, R"("\u0000")"},
      {"</script><!--&", R"("\u003c/script\u003e\u003c!--\u0026")"},
      {"\u2028\u2029", R"("\u2028\u2029")"},
      {"é€😀\uffff", "\"é€😀\uffff\""},
      {"a\xff\xfe"
       "b",
       "\"a\ufffd\ufffd"
       "b\""},
      {"\xe2\x82", "\"\ufffd\ufffd\""},
      {"\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\""},
      {HTML{"<b>"}, R"("\u003cb\u003e")"},
      {List{}, "[]"},
      {Map{}, "{}"},
      {List{1, Value(List{}), Value(Map{})}, "[1,[],{}]"},
      {{{"b", 1}, {"a", List{nullptr, "x"}}}, R"({"a":[null,"x"],"b":1})"},
      {{{"<k>", 1}}, R"({"\u003ck\u003e":1})"},
  };
  for (const Row& row : rows) {
    CHECK(to_json(row.value) == row.want);
    CHECK(to_json(row.value, 0) == row.want);
    CHECK_NOTHROW(parse_json(row.want));
  }
  CHECK(to_json({{"id", 1}}) == R"({"id":1})");
}

TEST_CASE("indented") {
  const Value v = {{"a", List{1, {{"b", 2}, {"c", "x"}}}}, {"e", List{}}, {"m", Map{}}};
  CHECK(to_json(v, 2) == R"({
  "a": [
    1,
    {
      "b": 2,
      "c": "x"
    }
  ],
  "e": [],
  "m": {}
})");
  CHECK(to_json(1, 2) == "1");
  CHECK(to_json(List{1}, 1) == "[\n 1\n]");
  CHECK(to_json(List{1}, -1) == "[1]");
}

TEST_CASE("JSON has no NaN and no infinity") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(to_json(infinity), ValueError);
  CHECK_THROWS_AS(to_json(-infinity), ValueError);
  CHECK_THROWS_AS(to_json({{"a", List{std::numeric_limits<double>::quiet_NaN()}}}), ValueError);
}

TEST_CASE("a special character is seen at every place of what is written") {
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"<", "\\u003c"},
                                                      {">", "\\u003e"},
                                                      {"&", "\\u0026"},
                                                      {"\"", "\\\""},
                                                      {"\\", "\\\\"},
                                                      {"\0"s, "\\u0000"},
                                                      {"\x1f", "\\u001f"},
                                                      {"\u00e9", "\u00e9"},
                                                      {"\u2028", "\\u2028"},
                                                      {"\xff", "\ufffd"},
                                                      {"=", "="},
                                                      {"?", "?"},
                                                      {"!", "!"},
                                                      {"#", "#"},
                                                      {"'", "'"},
                                                      {"\x7f", "\x7f"},
                                                      {"]", "]"},
                                                      {"<\u00e9>", "\\u003c\u00e9\\u003e"}};
  for (const auto& [special, want] : rows) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t after = 0; after < 20; ++after) {
        const std::string a(before, 'a'), b(after, 'b');
        INFO(before << " " << want << " " << after);
        CHECK(to_json(a + special + b) == '"' + a + want + b + '"');
      }
    }
  }
}

// Longer than any buffer on the way.
TEST_CASE("long texts are written whole") {
  for (std::size_t size = 900; size < 1200; ++size) {
    const std::string a(size, 'a');
    INFO(size);
    CHECK(to_json(a) == '"' + a + '"');
    CHECK(to_json(a + "<\u00e9\xff" + a) == '"' + a + "\\u003c\u00e9\ufffd" + a + '"');
    CHECK(to_json(List{a, 1, -0.5, true, Map{}}) == "[\"" + a + "\",1,-0.5,true,{}]");
    CHECK(to_json({{a, 1e300}}, 1) == "{\n \"" + a + "\": 1e+300\n}");
  }
  CHECK(to_json(parse_json("[" + repeat("[],", 5000) + "0]")) == "[" + repeat("[],", 5000) + "0]");
}

// Brackets and colons ask for room as all else does, wherever the buffer ends.
TEST_CASE("much that is short is written whole") {
  for (std::size_t size = 600; size < 1100; ++size) {
    const std::string a(size, 'a');
    const std::string texts[] = {
        repeat("[", 300) + repeat("]", 300),
        repeat("{\"\":", 300) + "{}" + repeat("}", 300),
        "[" + repeat("[],{},", 200) + "true]",
        "[" + repeat("false,true,null,", 100) + "0]",
        "[" + repeat("-9223372036854775808,", 100) + "0]",
        "[" + repeat("-0.0000012345678901234567,", 100) + "0]",
    };
    INFO(size);
    for (const std::string& text : texts) {
      const std::string whole = "[\"" + a + "\"," + text + "]";
      CHECK(to_json(parse_json(whole)) == whole);
    }
  }
}

TEST_CASE("whole numbers are written in their digits") {
  for (std::uint64_t power = 1; power != 0; power = power <= UINT64_MAX / 10 ? power * 10 : 0) {
    for (const std::uint64_t n : {power - 1, power, power + 1, 2 * power, 9 * (power / 10)}) {
      if (n > INT64_MAX) continue;
      CHECK(to_json(n) == std::to_string(n));
      CHECK(to_json(-static_cast<std::int64_t>(n)) ==
            std::to_string(-static_cast<std::int64_t>(n)));
    }
  }
  // Digits are made by fours: each four, at the end and before another.
  for (std::int64_t n = 0; n < 10'000; ++n) {
    REQUIRE(to_json(n) == std::to_string(n));
    REQUIRE(to_json(n * 10'000 + 9'999 - n) == std::to_string(n * 10'000 + 9'999 - n));
    REQUIRE(to_json(n + 123'456'780'000) == std::to_string(n + 123'456'780'000));
    REQUIRE(to_json(n * 10'000 + 1'000'000'000) == std::to_string(n * 10'000 + 1'000'000'000));
  }
  CHECK(to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  std::mt19937_64 random(3);
  for (int i = 0; i < 300'000; ++i) {
    const auto n = static_cast<std::int64_t>(random()) >> (random() % 64);
    REQUIRE(to_json(n) == std::to_string(n));
  }
}

TEST_CASE("whole numbers are written in their digits within a list, too") {
  std::mt19937_64 random(11);
  List list;
  std::string want = "[";
  for (int i = 0; i < 10'000; ++i) {
    const auto n = static_cast<std::int64_t>(random()) >> (random() % 64);
    list.push_back(n);
    want.append(i == 0 ? "" : ",").append(std::to_string(n));
  }
  CHECK(to_json(list) == want + "]");
}

TEST_CASE("decimals as they are written") {
  const std::pair<double, std::string_view> rows[] = {
      {0.5, "0.5"},
      {-0.25, "-0.25"},
      {9.99, "9.99"},
      {1000000.001, "1000000.001"},
      {0.1234, "0.1234"},
      {12.00005, "12.00005"},
      {0.000001, "0.000001"},
      {0.0000012, "0.0000012"},
      {-0.00000123, "-0.00000123"},
      {3.141592653, "3.141592653"},
      {3.1415926535, "3.1415926535"},
      {1.000000001, "1.000000001"},
      {1.100000000, "1.1"},
      {1.000000010, "1.00000001"},
      {0.999999999, "0.999999999"},
      {0.9999999999, "0.9999999999"},
      {0.00000099, "9.9e-07"},
      {0.000000001, "1e-09"},
      {0.0000000001, "1e-10"},
      {4503599.5, "4503599.5"},
      {4503599.627370495, "4503599.627370495"},
      {4503599.627370496, "4503599.627370496"},
      {4503600.125, "4503600.125"},
      {1e15, "1000000000000000"},
  };
  for (const auto& [d, want] : rows) CHECK(to_json(d) == want);
}

// Decimals of few digits, and their neighbours, which need many.
TEST_CASE("doubles are written in the fewest digits, as to_chars has them") {
  std::mt19937_64 random(5);
  double power = 1;
  for (int i = 0; i < 100'000; ++i) {
    power = i % 15 == 0 ? 1 : power * 10;
    double d = static_cast<double>(random() >> (11 + random() % 53)) / power;
    if (i % 2 == 0) d = -d;
    for (const double near : {d, std::nextafter(d, 0.0), std::nextafter(d, 1e300)}) {
      const double size = std::fabs(near);
      const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
      char want[64];
      char* end = std::to_chars(want, want + sizeof(want), near,
                                plain ? std::chars_format::fixed : std::chars_format::scientific)
                      .ptr;
      REQUIRE(to_json(near) == std::string(want, end));
    }
  }
}

TEST_CASE("doubles come back as they were") {
  std::mt19937_64 random(42);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = random();
    double d;
    std::memcpy(&d, &bits, sizeof(d));
    if (!std::isfinite(d)) continue;
    const std::string text = to_json(d);
    INFO(text);
    CHECK(parse_json(text).as_double() == d);
    CHECK(parse_json(text).as_double() == std::strtod(text.c_str(), nullptr));
  }
}

// Digits near the middle between two doubles, short and long mantissas, all exponents.
TEST_CASE("doubles are the nearest, as strtod has it") {
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int i = 0; i < 20'000; ++i) {
    std::string text = std::to_string(random() >> below(64));
    if (below(2) == 0) text += "." + std::to_string(random() >> below(64));
    if (below(2) == 0)
      text += (below(2) == 0 ? "e-" : "e") + std::to_string(below(below(2) == 0 ? 30 : 280));
    const double want = std::strtod(text.c_str(), nullptr);
    INFO(text);
    CHECK(parse_json(text).as_double() == want);
  }
}

TEST_CASE("a document with bytes changed at random never does harm") {
  const std::string good =
      R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00é"],"b":{"c":null,"d":[true,false,{}]},"e":"\n"})";
  const std::string_view likely = "{}[]\",:\\u0eE+-.ntf \n\x80\xc3\xff";
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (auto changes = random() % 4 + 1; changes > 0; --changes)
      text[random() % text.size()] = likely[random() % likely.size()];
    const auto value = try_parse_json(text);
    if (!value) continue;
    INFO(text);
    CHECK(parse_json(to_json(*value)) == *value);
  }
}

}  // namespace

// Behind the text lies a page that must not be touched: eight bytes are looked at at a time.
TEST_CASE("nothing is read beyond the end of the text, nor of what is written") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  char* const end = static_cast<char*>(pages) + page;
  REQUIRE(mprotect(end, page, PROT_NONE) == 0);
  const auto at_end = [&](std::string_view text) {
    return std::string_view(std::copy(text.begin(), text.end(), end - text.size()) - text.size(),
                            text.size());
  };
  const std::string text =
      R"({"a": [-1.25e3, 12345678901, true, null], "\u00e9\\": "é 0123456789<"})";
  CHECK(try_parse_json(at_end(text)));
  for (std::size_t size = 0; size < text.size(); ++size) {
    INFO(size);
    CHECK_FALSE(try_parse_json(at_end(text.substr(0, size))));
    CHECK(to_json(Value(at_end(text.substr(0, size)))).size() >= size + 2);
  }
  munmap(pages, 2 * page);
}
