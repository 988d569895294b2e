// SPDX-License-Identifier: MIT
#include "jot/value.hpp"

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace app {

struct Post {
  int id;
  std::string title;
};

jot::Value to_value(const Post& p) { return {{"id", p.id}, {"title", p.title}}; }

struct Stranger {};

}  // namespace app

namespace {

using jot::Entry;
using jot::HTML;
using jot::List;
using jot::Map;
using jot::Value;
using jot::ValueError;
using Kind = Value::Kind;

enum Unscoped { zero };
enum class Scoped { zero };

template <class T>
constexpr bool taken = std::is_constructible_v<Value, T>;

// What looks like a Value and must not become one: each would be silently wrong.
static_assert(!taken<int*> && !taken<void*> && !taken<const Value*> && !taken<void (*)()>);
static_assert(!taken<char> && !taken<wchar_t> && !taken<char8_t> && !taken<char16_t> &&
              !taken<char32_t>);
static_assert(!taken<Unscoped> && !taken<Scoped>);
static_assert(!taken<std::chrono::seconds> && !taken<app::Stranger> && !taken<const wchar_t*>);
static_assert(!taken<std::unique_ptr<int>> && !taken<std::u8string>);
static_assert(taken<app::Post> && taken<std::vector<app::Post>> && taken<std::optional<app::Post>>);

// {0, v}, {nullptr, v} and {{"a", 1}, v} are no entries.
static_assert(!std::is_constructible_v<Entry, int, Value>);
static_assert(!std::is_constructible_v<Entry, Value, Value>);
static_assert(std::is_constructible_v<Entry, const char*, Value>);

// A list in braces is not taken: it would be a map here and a list there.
template <class T>
concept TakesBraces =
    requires { T{1, 2, 3}; } || requires { T{"a", "b"}; } || requires { T{{1, 2}}; } ||
    requires { T{{0, 1}}; } || requires { T{{"a", "b", "c"}}; } || requires { T{{{"a", 1}, "b"}}; };
static_assert(!TakesBraces<Value>);

static_assert(sizeof(Value) <= 40);
static_assert(std::is_nothrow_move_constructible_v<Value> &&
              std::is_nothrow_move_assignable_v<Value>);
static_assert(!std::is_convertible_v<Value, bool> && !std::is_convertible_v<Value, std::string>);
static_assert(std::is_nothrow_copy_constructible_v<ValueError>);

std::string error_of(auto action) {
  try {
    action();
  } catch (const ValueError& e) {
    return e.what();
  }
  return "no error";
}

TEST_CASE("a Value is made of what C++ has") {
  const char* null_text = nullptr;
  const std::string text = "text";
  struct Row {
    const char* name;
    Value value;
    Kind kind;
  };
  const Row rows[] = {
      {"nothing", Value(), Kind::null},
      {"nullptr", nullptr, Kind::null},
      {"bool", true, Kind::boolean},
      {"int", 1, Kind::integer},
      {"long long", 1LL, Kind::integer},
      {"unsigned long", 1UL, Kind::integer},
      {"signed char", static_cast<signed char>(1), Kind::integer},
      {"unsigned char", static_cast<unsigned char>(1), Kind::integer},
      {"the largest int", std::numeric_limits<std::int64_t>::max(), Kind::integer},
      {"one more", std::uint64_t{1} << 63, Kind::floating},
      {"float", 1.0F, Kind::floating},
      {"double", 1.0, Kind::floating},
      {"long double", 1.0L, Kind::floating},
      {"literal", "text", Kind::string},
      {"string", text, Kind::string},
      {"temporary string", std::string("text"), Kind::string},
      {"view", std::string_view("text"), Kind::string},
      {"null text", null_text, Kind::string},
      {"HTML", HTML{"<b>"}, Kind::html},
      {"CSS", jot::CSS{"x"}, Kind::css},
      {"JS", jot::JS{"x"}, Kind::js},
      {"JSStr", jot::JSStr{"x"}, Kind::js_str},
      {"URL", jot::URL{"x"}, Kind::url},
      {"HTMLAttr", jot::HTMLAttr{"x"}, Kind::html_attr},
      {"Srcset", jot::Srcset{"x"}, Kind::srcset},
      {"List", List{}, Kind::list},
      {"Map", Map{}, Kind::map},
      {"braces", {{"a", 1}}, Kind::map},
      {"hook", app::Post{1, "x"}, Kind::map},
      {"vector", std::vector<int>{1}, Kind::list},
      {"vector of bool", std::vector<bool>{true}, Kind::list},
      {"map", std::map<std::string, int>{{"a", 1}}, Kind::map},
      {"map with the usual order", std::map<std::string, Value>{{"a", 1}}, Kind::map},
      {"optional", std::optional<int>(1), Kind::integer},
      {"empty optional", std::optional<int>(), Kind::null},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(row.value.kind() == row.kind);
    CHECK(row.value.is_content() == (row.kind >= Kind::html));
    const Value copy = row.value;
    CHECK(copy == row.value);
    CHECK(copy.kind() == row.kind);
  }
  CHECK(Value(std::uint64_t{1} << 63).as_double() == 0x1p63);
  CHECK(Value(null_text).as_string().empty());
  CHECK(Value(std::vector<bool>{true, false})[1] == false);
}

TEST_CASE("a braced list is always a map") {
  const Value one = {{"a", "b"}};
  const Value two = {{"a", "b"}, {"c", "d"}};
  CHECK(one["a"].as_string() == "b");
  CHECK(two["c"].as_string() == "d");
  CHECK(Value{{"id", 1}}["id"] == 1);
  CHECK(Value{{"a", {{"b", {{"c", 1}}}}}}["a"]["b"]["c"] == 1);
  const List list{{{"id", 1}}, {{"id", 2}}};
  REQUIRE(list.size() == 2);
  CHECK(list[1]["id"] == 2);
  CHECK(Value{{"k", 1}, {"k", 2}} == Value{{"k", 2}});
  const Value none = {};
  CHECK(none.is_null());
  const std::string key = "key";
  const std::string_view view = "view";
  CHECK(Value{{key, 1}, {view, 2}}.size() == 2);
}

// List{other_list} differs between compilers (CWG 2137); this form does not.
TEST_CASE("List{Value(inner)} nests") {
  const List inner{1, 2};
  const List outer{Value(inner)};
  REQUIRE(outer.size() == 1);
  CHECK(outer[0].as_list() == inner);
}

TEST_CASE("a Value gives what it holds, and says so when it holds something else") {
  const Value v = {{"int", 7},     {"whole", 7.0},   {"half", 0.5},         {"large", 0x1p63},
                   {"yes", true},  {"text", "x"},    {"html", HTML{"<b>"}}, {"list", List{1}},
                   {"map", Map{}}, {"null", nullptr}};
  CHECK(v["int"].as_int() == 7);
  CHECK(v["whole"].as_int() == 7);
  CHECK(v["int"].as_double() == 7.0);
  CHECK(v["html"].as_string() == "<b>");
  CHECK(Value(-0x1p63).as_int() == std::numeric_limits<std::int64_t>::min());

  CHECK(error_of([&] { (void)v["half"].as_int(); }) == "want int, have double");
  CHECK(error_of([&] { (void)v["large"].as_int(); }) == "want int, have double");
  CHECK(error_of([&] { (void)v["text"].as_bool(); }) == "want bool, have string");
  CHECK(error_of([&] { (void)v["yes"].as_double(); }) == "want double, have bool");
  CHECK(error_of([&] { (void)v["list"].as_string(); }) == "want string, have list");
  CHECK(error_of([&] { (void)v["map"].as_list(); }) == "want list, have map");
  CHECK(error_of([&] { (void)v["html"].as_map(); }) == "want map, have HTML");
  CHECK(error_of([&] { (void)Value(List{1}).as_string(); }) == "want string, have list");
  CHECK(error_of([&] { (void)v["null"].as_string(); }) == "want string, have null");
  CHECK(error_of([&] { (void)Value(std::numeric_limits<double>::quiet_NaN()).as_int(); }) ==
        "want int, have double");
}

TEST_CASE("an error names the key that was missing") {
  const Value v = {{"a", 1}};
  CHECK(error_of([&] { (void)v["title"].as_string(); }) == "title: want string, have null");
  CHECK(error_of([&] { (void)v["x"]["y"][3].as_int(); }) == "x: want int, have null");
  CHECK(error_of([&] { (void)v["a"]["b"].as_int(); }) == "b: want int, have null");
  CHECK(error_of([&] { (void)Value(List{})[0].as_int(); }) == "want int, have null");
  CHECK(error_of([&] { (void)std::as_const(v)[0].as_int(); }) == "[0]: want int, have null");
  CHECK(error_of([&] { (void)v[std::string(100, 'k')].as_int(); }) == "want int, have null");
}

TEST_CASE("a fallback stands in for what is absent or of another kind") {
  const Value v = {{"n", 1}, {"d", 1.5}, {"s", "x"}, {"b", true}, {"h", HTML{"h"}}};
  CHECK(v["n"].as_int(9) == 1);
  CHECK(v["d"].as_int(9) == 9);
  CHECK(v["none"].as_int(0) == 0);
  CHECK(v["s"].as_int(9) == 9);
  CHECK(v["n"].as_double(9) == 1.0);
  CHECK(v["d"].as_double(9) == 1.5);
  CHECK(v["s"].as_double(9) == 9.0);
  CHECK(v["s"].as_string("") == "x");
  CHECK(v["h"].as_string("") == "h");
  CHECK(v["none"].as_string("y") == "y");
  CHECK(v["b"].as_bool(false));
  CHECK(v["n"].as_bool(true));
}

TEST_CASE("operator[] reads without making, and makes what is written") {
  Value v;
  v["a"]["b"] = 1;
  CHECK(v == Value{{"a", {{"b", 1}}}});

  const Value& c = v;
  CHECK(c["none"].is_null());
  CHECK(c["a"]["b"]["c"].is_null());
  CHECK(c[0].is_null());
  CHECK(c.size() == 1);
  CHECK(c.has("a"));
  CHECK_FALSE(c.has("none"));
  REQUIRE(c.find("a") != nullptr);
  CHECK(c.find("none") == nullptr);
  CHECK(c["a"]["b"].find("x") == nullptr);

  v["a"]["b"] = "now text";
  CHECK(c["a"]["b"].as_string() == "now text");
  CHECK(error_of([&] { v["a"]["b"]["c"] = 1; }) == "want map, have string");
}

TEST_CASE("elements of a list") {
  Value v;
  v.push_back(1);
  v.push_back("two");
  CHECK(v.size() == 2);
  CHECK(v[0] == 1);
  v[std::size_t{1}] = 2;
  CHECK(v[1L] == 2);
  CHECK(error_of([&] { v[2] = 3; }) == "want element 2, have 2");
  CHECK(error_of([&] { v[-1] = 3; }) == "want element -1, have 2");
  const Value& c = v;
  CHECK(c[2].is_null());
  CHECK(c[-1].is_null());
  CHECK(c[std::uint8_t{1}] == 2);
  Value text = "x";
  CHECK(error_of([&] { text.push_back(1); }) == "want list, have string");
  CHECK(error_of([&] { text[0] = 1; }) == "want list, have string");
}

TEST_CASE("parts of a temporary are values, not references into it") {
  const auto make = [] { return Value{{"items", List{"a", "b"}}, {"m", {{"k", "v"}}}}; };
  std::string joined;
  for (const auto& item : make()["items"].as_list()) joined += item.as_string();
  CHECK(joined == "ab");
  CHECK(make()["m"]["k"].as_string() == "v");
  CHECK(make()["items"][1].as_string() == "b");
  CHECK(make()["items"][2].is_null());
  CHECK(make()["none"]["x"].is_null());
  CHECK(make()["m"].as_map().size() == 1);
  static_assert(!std::is_reference_v<decltype(make().as_list())>);
  static_assert(!std::is_reference_v<decltype(make().as_string())>);
  static_assert(!std::is_reference_v<decltype(make()["x"])>);
}

TEST_CASE("copies are deep, a moved-from Value is null") {
  Value a = {{"list", List{1, 2}}, {"text", std::string(100, 'x')}};
  Value b = a;
  b["list"].push_back(3);
  CHECK(a["list"].size() == 2);
  Value c = std::move(b);
  CHECK(b.is_null());  // NOLINT(bugprone-use-after-move): this is what is tested
  CHECK(c["list"].size() == 3);
  b = std::move(c);
  CHECK(b["list"].size() == 3);
}

TEST_CASE("a Value may be assigned a part of itself, or itself") {
  Value v = {{"child", {{"grandchild", "text, and long enough to be on the heap"}}}};
  v = v["child"];
  CHECK(v.size() == 1);
  v = std::move(v["grandchild"]);
  CHECK(v == "text, and long enough to be on the heap");
  const Value& self = v;
  v = self;
  CHECK(v.is_string());
  Value list = List{1};
  list.push_back(list);
  CHECK(list[1] == Value(List{1}));
}

TEST_CASE("equality is of content, and of numbers as numbers") {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Row {
    Value a, b;
    bool equal;
  };
  const Row rows[] = {
      {1, 1.0, true},
      {-0.0, 0, true},
      {1, 1.5, false},
      {1, true, false},
      {0, nullptr, false},
      {big, 0x1p53, false},
      {std::numeric_limits<std::int64_t>::max(), 0x1p63, false},
      {std::numeric_limits<std::int64_t>::min(), -0x1p63, true},
      {1, std::numeric_limits<double>::infinity(), false},
      {nan, nan, false},
      {nan, 0, false},
      {"a", "a", true},
      {"a", HTML{"a"}, false},
      {HTML{"a"}, HTML{"a"}, true},
      {HTML{"a"}, jot::CSS{"a"}, false},
      {List{1, 2.0}, List{1.0, 2}, true},
      {List{}, Map{}, false},
      {List{}, nullptr, false},
      {{{"a", 1}}, {{"a", 1.0}}, true},
      {{{"a", 1}}, {{"b", 1}}, false},
  };
  for (const Row& row : rows) {
    INFO("row " << &row - rows);
    CHECK((row.a == row.b) == row.equal);
    CHECK((row.b == row.a) == row.equal);
    CHECK((row.a != row.b) != row.equal);
  }
}

}  // namespace
