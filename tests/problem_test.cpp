// SPDX-License-Identifier: MIT
//
// problem_test.cpp -- who gets problem details (RFC 9457) and who a line of text, and whose fault
// is what was wrong with a Value?
#include "catch.hpp"
#include "jot/detail/accept.hpp"
#include "jot/from_value.hpp"
#include "jot/handler.hpp"
#include "jot/json.hpp"
#include "jot/middleware.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shop {

struct Item {
  std::string name;
  std::int64_t count = 0;
};

void from_value(const jot::Value& v, Item& to) {
  to.name = v["name"].as_string();
  to.count = v["count"].as_int();
  if (to.count < 0) throw jot::ValueError(v["count"], "want a count, have less than 0");
}

struct Order {
  std::vector<Item> items;
  std::optional<std::string> note;
};

void from_value(const jot::Value& v, Order& to) {
  to.items = jot::from_value<std::vector<Item>>(v["items"]);
  to.note = jot::from_value<std::optional<std::string>>(v["note"]);
}

}  // namespace shop

namespace {

using jot::record;
using jot::Recorded;
using jot::request;
using jot::Request;
using jot::ResponseWriter;
using jot::Value;

TEST_CASE("JSON is for those who ask for it") {
  struct Case {
    std::string_view accept;
    bool json;
  };
  const Case cases[] = {
      {"application/json", true},
      {"application/problem+json", true},
      {"APPLICATION/JSON", true},
      {"application/json;charset=utf-8", true},
      {"application/json, text/plain, */*", true},                                 // axios
      {"application/json, text/javascript, */*; q=0.01", true},                    // jQuery
      {"*/*", false},                                                              // curl, fetch()
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},  // Firefox
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", false},
      {"text/plain", false},
      {"application/*", true},
      {"application/*, text/*", false},
      {"*/*;q=0.5, application/json", true},
      {"*/*, application/json;q=0.5", false},
      {"text/html;q=0.5, application/json;q=0.4", false},
      {"text/html;q=0.5, application/json;q=0.6", true},
      {"text/html, application/json", true},
      {"application/json;q=0", false},
      {"application/json;q=0, */*", false},
      {"application/json;q=0, application/problem+json", true},
      {"application/*;q=0.1, application/json", true},
      {"application/*, application/json;q=0", true},  // by application/problem+json
      {"application/json;q=0.000, text/plain;q=0", false},
      {"text/*;q=0, */*", true},
      {"text/html;q=0, text/plain;q=0, */*", true},
      {"application/json;version=1;q=0.9, text/html;q=0.8", true},
      {"application/json ; Q=0.9 , text/html;q=0.8", true},
      {"application/json;q=", false},
      {"application/json;q=2", false},
      {"application/json;q=0.1234", false},
      {"application/json;q=1.001", false},
      {"application/json;q=-1", false},
      {"application/json;q=x", false},
      {"application/vnd.api+json", false},
      {"application/jsonp", false},
      {"json", false},
      {"*", false},
      {"*/json", false},
      {"", false},
      {",,,", false},
      {";q=1", false},
      {",application/json,", true},
      {"a/b, application/json;q=0.2", true},
  };
  for (const auto& [accept, json] : cases) {
    INFO(accept);
    CHECK(jot::detail::prefers_json(jot::Header{{"Accept", accept}}) == json);
  }
  CHECK_FALSE(jot::detail::prefers_json(jot::Header()));
  jot::Header several{{"Accept", "text/html;q=0.3"}, {"Accept", "application/json;q=0.4"}};
  CHECK(jot::detail::prefers_json(several));
}

jot::RequestOptions wanting_json() { return {.header = {{"Accept", "application/json"}}}; }

void check_problem(const Recorded& res, int status, const Value& want) {
  CHECK(res.status == status);
  CHECK(res.header.get("Content-Type") == "application/problem+json");
  CHECK(res.header.get("X-Content-Type-Options") == "nosniff");
  CHECK(res.body == jot::to_json(want));
}

TEST_CASE("errors are problems for those who want JSON") {
  jot::Router app;
  app.get("/posts/{id}", [] { throw jot::HttpError(404, "no such post"); });
  app.get("/teapot", [] { throw jot::HttpError(418); });
  app.get("/slow", [] { throw jot::HttpError(429, "slow down", {{"Retry-After", "5"}}); });
  app.get("/broken", [](ResponseWriter& w) {
    w.header().set("Content-Encoding", "gzip");
    w.write("half a pa");
    throw std::runtime_error("password=1234");
  });
  const auto get = [&](std::string_view target) {
    return record(app, request("GET", target, wanting_json()));
  };
  check_problem(get("/posts/7?secret=1"), 404,
                {{"type", "about:blank"},
                 {"title", "Not Found"},
                 {"status", 404},
                 {"detail", "no such post"},
                 {"instance", "/posts/7"}});
  check_problem(get("/teapot"), 418,
                {{"type", "about:blank"},
                 {"title", "I'm a teapot"},
                 {"status", 418},
                 {"instance", "/teapot"}});
  CHECK(get("/slow").header.get("Retry-After") == "5");
  check_problem(get("/broken"), 500,
                {{"type", "about:blank"},
                 {"title", "Internal Server Error"},
                 {"status", 500},
                 {"instance", "/broken"}});
  CHECK_FALSE(get("/broken").header.has("Content-Encoding"));
  check_problem(get("/none"), 404,
                {{"type", "about:blank"},
                 {"title", "Not Found"},
                 {"status", 404},
                 {"detail", "not found"},
                 {"instance", "/none"}});
  const Recorded wrong_method = record(app, request("DELETE", "/teapot", wanting_json()));
  CHECK(wrong_method.status == 405);
  CHECK(wrong_method.header.get("Content-Type") == "application/problem+json");
  CHECK(wrong_method.header.get("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("caches are told that the error depends on Accept") {
  const jot::Handler fails = [] { throw jot::HttpError(404, "gone", {{"Vary", "Origin"}}); };
  for (const Recorded& res :
       {record(fails, request("GET", "/", wanting_json())), record(fails, request("GET", "/"))}) {
    const auto vary = res.header.all("Vary");
    REQUIRE(vary.size() == 2);
    CHECK(vary[0] == "Origin");
    CHECK(vary[1] == "Accept");
  }
  CHECK(record(fails, request("GET", "/")).body == "gone\n");
}

TEST_CASE("an error page of one's own is asked first, and may send a problem") {
  jot::Router app;
  app.on_error([](ResponseWriter& w, Request& r, int status, std::string_view message) {
    jot::problem(w, r, status, message, {{"type", "https://example.com/e"}, {"code", 7}});
  });
  check_problem(record(app, request("GET", "/x")), 404,
                {{"type", "https://example.com/e"},
                 {"title", "Not Found"},
                 {"status", 404},
                 {"detail", "not found"},
                 {"instance", "/x"},
                 {"code", 7}});
}

TEST_CASE("problem() takes members of one's own, but no other status") {
  const auto with = [](const Value& members) {
    return record([&](ResponseWriter& w, Request& r) { jot::problem(w, r, 422, "", members); },
                  request("GET", "/"));
  };
  CHECK(jot::parse_json(with({{"status", 200}}).body)["status"] == 422);
  CHECK(jot::parse_json(with({{"title", "Bad \"x\""}}).body)["title"] == "Bad \"x\"");
  CHECK(with(jot::List{1}).status == 500);
  CHECK(jot::parse_json(with({}).body).size() == 4);
}

// ---- whose fault?

Recorded post(const jot::Handler& h, std::string_view body, std::string_view type) {
  jot::RequestOptions options{.body = std::string(body)};
  if (!type.empty()) options.header = {{"Content-Type", type}};
  return record(h, request("POST", "/", std::move(options)));
}

TEST_CASE("r.json() takes JSON, and nothing that says it is something else") {
  struct Case {
    std::string_view type;
    int status;
  };
  const Case cases[] = {
      {"application/json", 200},
      {"Application/JSON; charset=utf-8", 200},
      {" application/json ;x", 200},
      {"application/problem+json", 200},
      {"application/vnd.api+json", 200},
      {"text/json", 200},
      {"", 200},  // it was not said
      {"text/plain", 415},
      {"application/x-www-form-urlencoded", 415},
      {"multipart/form-data; boundary=x", 415},
      {"application/jsonx", 415},
      {"application/+json", 415},
      {"+json", 415},
      {"json", 415},
      {"application/json/x", 415},
      {"application/json, text/plain", 415},
      {"text/plain; application/json", 415},
      {";", 415},
  };
  const jot::Handler read = [](Request& r) { return r.json()["a"]; };
  for (const auto& [type, status] : cases) {
    INFO(type);
    const Recorded res = post(read, R"({"a": 1})", type);
    CHECK(res.status == status);
    if (status == 415) CHECK(res.header.get("Accept") == "application/json");
  }
  const Recorded broken = post(read, "{\"a\":\n 1,}", "application/json");
  CHECK(broken.status == 400);
  CHECK(broken.body == "line 2, column 4: want a key in quotes\n");
  CHECK(post(read, "", "application/json").status == 400);
}

std::string error_of(const jot::Handler& h, std::string_view body) {
  const Recorded res = post(h, body, "application/json");
  return std::to_string(res.status) + " " + res.body;
}

TEST_CASE("what the client's JSON lacks is its fault, and is named with its path") {
  const jot::Handler order = [](Request& r) {
    return jot::text(r.json<shop::Order>().items.size(), " items\n");
  };
  struct Case {
    std::string_view body, want;
  };
  const Case cases[] = {
      {R"({"items": []})", "200 0 items\n"},
      {R"({"items": [{"name": "a", "count": 1}], "note": null})", "200 1 items\n"},
      {R"({})", "400 items: want list, have null\n"},
      {R"([])", "400 items: want list, have null\n"},
      {R"(7)", "400 items: want list, have null\n"},
      {R"({"items": {}})", "400 items: want list, have map\n"},
      {R"({"items": [1]})", "400 items[0].name: want string, have null\n"},
      {R"({"items": [{"name": "a", "count": 1}, {"name": 2}]})",
       "400 items[1].name: want string, have int\n"},
      {R"({"items": [{"name": "a"}]})", "400 items[0].count: want int, have null\n"},
      {R"({"items": [{"name": "a", "count": 1.5}]})",
       "400 items[0].count: want int, have double\n"},
      {R"({"items": [{"name": "a", "count": -1}]})",
       "400 items[0].count: want a count, have less than 0\n"},
      {R"({"items": [], "note": 1})", "400 note: want string, have int\n"},
  };
  for (const auto& [body, want] : cases) {
    INFO(body);
    CHECK(error_of(order, body) == want);
  }
}

TEST_CASE("the path of what is asked for by hand") {
  const auto ask = [](auto what, std::string_view body) {
    return error_of([what](Request& r) { what(r.json()); }, body);
  };
  CHECK(ask([](const Value& v) { (void)v["a"]["b"][2]["c"].as_int(); },
            R"({"a": {"b": [0, 1, {"c": "x"}]}})") == "400 a.b[2].c: want int, have string\n");
  CHECK(ask([](const Value& v) { (void)v["a"][2].as_int(); }, R"({"a": [1, 2]})") ==
        "400 a[2]: want int, have null\n");
  CHECK(ask([](const Value& v) { (void)v[1].as_int(); }, "[1]") ==
        "400 [1]: want int, have null\n");
  CHECK(ask([](const Value& v) { (void)v.as_int(); }, "\"x\"") == "400 want int, have string\n");
  CHECK(ask([](const Value& v) { (void)v["x"].as_int(); }, R"({"x\r\n<b>": 1, "x": {}})") ==
        "400 x: want int, have map\n");
  CHECK(ask([](const Value& v) { (void)v["a"].as_list().front().as_int(); }, R"({"a": ["x"]})") ==
        "400 a[0]: want int, have string\n");
  CHECK(ask([](const Value& v) { (void)v.as_map().begin()->second.as_int(); },
            "{\"x\\r\\ny\": null}") == "400 x??y: want int, have null\n");
}

TEST_CASE("a mistake of the server's own stays 500, and its words at home") {
  const Value config = {{"limit", "many"}};
  const jot::Handler cases[] = {
      [&](Request& r) { (void)r.json(), (void)config["limit"].as_int(); },
      [&](Request& r) { (void)r.json(), (void)config["none"].as_int(); },
      [](Request& r) { (void)r.json(), (void)Value(nullptr).as_int(); },
      [](Request& r) { (void)jot::from_value<int>(jot::parse_json("\"x\"")), (void)r.json(); },
      [](Request& r) { (void)r.json(), throw jot::ValueError("title: my own words"); },
      [](Request& r) { (void)r.json(), (void)jot::parse_json("{"); },
      [](Request&) { (void)jot::parse_json("[]")["a"].as_int(); },
  };
  for (const jot::Handler& h : cases)
    CHECK(error_of(h, R"({"limit": "many"})") == "500 Internal Server Error\n");
}

TEST_CASE("middleware sees the status that the client sees") {
  int seen = 0;
  const jot::Middleware watch = [&](ResponseWriter& w, Request& r, const jot::Handler& next) {
    try {
      next(w, r);
    } catch (const jot::HttpError& e) {
      seen = e.status();
      throw;
    }
  };
  CHECK(error_of(watch([](Request& r) { return r.json()["a"].as_string(); }), "{}") ==
        "400 a: want string, have null\n");
  CHECK(seen == 400);
}

// ---- from_value

template <class T>
std::string trouble(const Value& v) {
  try {
    (void)jot::from_value<T>(v);
    return "none";
  } catch (const jot::ValueError& e) {
    return e.what();
  }
}

TEST_CASE("a Value becomes what C++ has") {
  using jot::from_value;
  CHECK(from_value<bool>(true));
  CHECK(from_value<int>(7) == 7);
  CHECK(from_value<int>(7.0) == 7);
  CHECK(from_value<double>(7) == 7.0);
  CHECK(from_value<float>(1.5) == 1.5f);
  CHECK(from_value<std::string>("x") == "x");
  CHECK(from_value<Value>("x") == "x");
  CHECK(from_value<jot::List>(jot::List{1, "a"}) == jot::List{1, "a"});
  CHECK(from_value<jot::Map>({{"a", 1}}) == jot::Map{{"a", 1}});
  CHECK(from_value<std::vector<bool>>(jot::List{true, false}) == std::vector<bool>{true, false});
  CHECK(from_value<std::optional<int>>(nullptr) == std::nullopt);
  CHECK(from_value<std::optional<int>>(1) == 1);
  CHECK(from_value<std::map<std::string, std::vector<int>>>({{"a", jot::List{1, 2}}}).at("a")[1] ==
        2);
  CHECK(from_value<shop::Item>({{"name", "n"}, {"count", 2}}).count == 2);
  CHECK(from_value<std::int64_t>(INT64_MIN) == INT64_MIN);
  CHECK(from_value<std::uint64_t>(INT64_MAX) == std::uint64_t{INT64_MAX});
  CHECK(from_value<std::uint8_t>(255) == 255);
  CHECK(from_value<float>(double{FLT_MAX}) == FLT_MAX);
  CHECK(from_value<float>(-double{FLT_MAX}) == -FLT_MAX);
  CHECK(from_value<float>(HUGE_VAL) == HUGE_VALF);
  CHECK(from_value<double>(DBL_MAX) == DBL_MAX);
  CHECK(from_value<long double>(DBL_MAX) == static_cast<long double>(DBL_MAX));
}

TEST_CASE("a Value that is no such thing is refused in words") {
  CHECK(trouble<int>("7") == "want int, have string");
  CHECK(trouble<int>(1.5) == "want int, have double");
  CHECK(trouble<int>(2147483648) == "want int from -2147483648 to 2147483647, have 2147483648");
  CHECK(trouble<int>(-2147483649) == "want int from -2147483648 to 2147483647, have -2147483649");
  CHECK(trouble<unsigned>(-1) == "want int from 0 to 4294967295, have -1");
  CHECK(trouble<std::uint64_t>(-1) == "want int from 0 to 9223372036854775807, have -1");
  CHECK(trouble<std::uint64_t>(1e19) == "want int, have double");
  CHECK(trouble<std::uint8_t>(256) == "want int from 0 to 255, have 256");
  CHECK(trouble<bool>(1) == "want bool, have int");
  CHECK(trouble<double>("1") == "want double, have string");
  const std::string floats = "want number from -3.4028234663852886e+38 to 3.4028234663852886e+38, ";
  CHECK(trouble<float>(1e300) == floats + "have 1e+300");
  CHECK(trouble<float>(-3.5e38) == floats + "have -3.5e+38");
  CHECK(trouble<std::optional<int>>("1") == "want int, have string");
  CHECK(trouble<std::vector<int>>(1) == "want list, have int");
  CHECK(trouble<std::vector<int>>(jot::List{1, "x"}) == "want int, have string");
  CHECK(trouble<std::map<std::string, int>>(jot::List{}) == "want map, have list");
  CHECK(trouble<shop::Item>({{"name", "n"}}) == "count: want int, have null");
}

}  // namespace
