// SPDX-License-Identifier: MIT
//
// handler_test.cpp -- what may be a Handler, what may it return, and what becomes of what it
// throws? What is refused is compiled, or rather not, by compile_fail/.
#include "jot/handler.hpp"
#include "catch.hpp"
#include "jot/testing.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using jot::record;
using jot::Recorded;
using jot::request;
using jot::Request;
using jot::ResponseWriter;

struct Post {
  int id;
};
jot::Value to_value(const Post& p) { return {{"id", p.id}}; }

struct Page {
  std::string title;
  std::string show(Request& r) const { return title + std::string(r.path()); }
  void operator()(ResponseWriter& w) const { w.write(title); }
};

std::string as_function(Request& r) { return std::string(r.path()); }

const std::string kept = "kept";

TEST_CASE("a handler takes the writer, the request, both or nothing") {
  struct Case {
    std::string_view name;
    jot::Handler handler;
    std::string_view want;
  };
  const Page page{"page"};
  const Case cases[] = {
      {"both", [](ResponseWriter& w, Request& r) { w.write("b", r.path()); }, "b/x"},
      {"writer", [](ResponseWriter& w) { w.write("w"); }, "w"},
      {"request", [](Request& r) { return r.path(); }, "/x"},
      {"const request", [](const Request& r) { return r.path(); }, "/x"},
      {"nothing", [] { return "n"; }, "n"},
      {"generic both", [](auto& w, auto& r) { w.write(r.path()); }, "/x"},
      {"generic writer", [](auto& w) { w.write("g"); }, "g"},
      {"function", as_function, "/x"},
      {"function pointer", &as_function, "/x"},
      {"std::function",
       std::function<void(ResponseWriter&)>([](ResponseWriter& w) { w.write("f"); }), "f"},
      {"member", std::bind_front(&Page::show, &page), "page/x"},
      {"object", page, "page"},
      {"move-only", [p = std::make_unique<int>(7)](ResponseWriter& w) { w.write(*p); }, "7"},
      {"another handler", jot::Handler([] { return "h"; }), "h"},
      {"empty", jot::Handler(), "not found\n"},
  };
  for (const auto& [name, handler, want] : cases) {
    INFO(name);
    CHECK(record(handler, request("GET", "/x")).body == want);
  }
}

TEST_CASE("a handler returns nothing, text, typed content, or a value") {
  constexpr std::string_view plain = "text/plain; charset=utf-8", json = "application/json";
  struct Case {
    std::string_view name;
    jot::Handler handler;
    std::string_view type, body;
  };
  const Case cases[] = {
      {"literal", [] { return "<b>"; }, plain, "<b>"},
      {"string", [] { return std::string("s"); }, plain, "s"},
      {"view", [] { return std::string_view("v"); }, plain, "v"},
      {"reference", []() -> const std::string& { return kept; }, plain, "kept"},
      {"text()", [] { return jot::text("a", 1, 'c'); }, plain, "a1c"},
      {"HTML", [] { return jot::HTML{"<b>"}; }, "text/html; charset=utf-8", "<b>"},
      {"CSS", [] { return jot::CSS{"b{}"}; }, "text/css; charset=utf-8", "b{}"},
      {"JS", [] { return jot::JS{"f()"}; }, "text/javascript; charset=utf-8", "f()"},
      {"Value", [] { return jot::Value{{"a", 1}}; }, json, R"({"a":1})"},
      {"List", [] { return jot::List{1, "b"}; }, json, R"([1,"b"])"},
      {"Map", [] { return jot::Map{}; }, json, "{}"},
      {"to_value", [] { return Post{7}; }, json, R"({"id":7})"},
      {"vector of to_value", [] { return std::vector<Post>{{1}, {2}}; }, json,
       R"([{"id":1},{"id":2}])"},
      {"optional", [] { return std::optional<Post>(); }, json, "null"},
  };
  for (const auto& [name, handler, type, body] : cases) {
    INFO(name);
    const Recorded res = record(handler, request("GET", "/"));
    CHECK(res.status == 200);
    CHECK(res.header.get("Content-Type") == type);
    CHECK(res.body == body);
    CHECK(res.header.get("X-Content-Type-Options") ==
          (type == plain || type.starts_with("text/") ? "nosniff" : ""));
  }
}

TEST_CASE("what is returned keeps the status and the type that were set") {
  const Recorded res = record(
      [](ResponseWriter& w) {
        w.write_header(201);
        w.header().set("Content-Type", "text/csv");
        return "a,b\n";
      },
      request("POST", "/"));
  CHECK(res.status == 201);
  CHECK(res.header.get("Content-Type") == "text/csv");
  CHECK(res.body == "a,b\n");
}

TEST_CASE("what is thrown becomes a response, and no secret gets out") {
  struct Case {
    std::string_view name;
    jot::Handler handler;
    int status;
    std::string_view body;
  };
  const Case cases[] = {
      {"HttpError", [] { throw jot::HttpError(404, "no such post"); }, 404, "no such post\n"},
      {"HttpError without words", [] { throw jot::HttpError(418); }, 418, "I'm a teapot\n"},
      {"exception", [] { throw std::runtime_error("password=1234"); }, 500,
       "Internal Server Error\n"},
      {"anything", [] { throw 7; }, 500, "Internal Server Error\n"},
      {"after writing",
       [](ResponseWriter& w) { w.write_header(201), w.write("half a pa"), throw 7; }, 500,
       "Internal Server Error\n"},
      {"bad field", [](ResponseWriter& w) { w.header().set("A", "x\r\nEvil: 1"); }, 500,
       "Internal Server Error\n"},
      {"bad status", [](ResponseWriter& w) { w.write_header(42); }, 500, "Internal Server Error\n"},
  };
  for (const auto& [name, handler, status, body] : cases) {
    INFO(name);
    const Recorded res = record(handler, request("GET", "/"));
    CHECK(res.status == status);
    CHECK(res.body == body);
    CHECK(res.header.get("Content-Type") == "text/plain; charset=utf-8");
    CHECK_FALSE(res.header.has("Evil"));
    CHECK_FALSE(res.cut_short);
  }
}

TEST_CASE("HttpError brings its fields; those of the failed response are forgotten") {
  const Recorded res = record(
      [](ResponseWriter& w) {
        w.header().set("Content-Encoding", "gzip").set("Set-Cookie", "a=b");
        throw jot::HttpError(429, "slow down", {{"Retry-After", "5"}});
      },
      request("GET", "/"));
  CHECK(res.status == 429);
  CHECK(res.header.get("Retry-After") == "5");
  CHECK_FALSE(res.header.has("Content-Encoding"));
  CHECK_FALSE(res.header.has("Set-Cookie"));
}

TEST_CASE("thrown after the first byte has left, a response is cut short") {
  const Recorded res = record(
      [](ResponseWriter& w) {
        w.write("half");
        w.flusher()->flush();
        throw std::runtime_error("late");
      },
      request("GET", "/"));
  CHECK(res.status == 200);
  CHECK(res.body == "half");
  CHECK(res.cut_short);
}

TEST_CASE("copies of a Handler share what it captured") {
  auto witness = std::make_shared<int>(0);
  jot::Handler first = [witness] { return "x"; };
  jot::Handler second = first;
  CHECK(witness.use_count() == 2);
  first = {};
  CHECK(witness.use_count() == 2);
  CHECK_FALSE(first);
  CHECK(second);
  second = {};
  CHECK(witness.use_count() == 1);
}

TEST_CASE("middleware in both its forms, and around one handler") {
  const jot::Middleware around = [](ResponseWriter& w, Request& r, const jot::Handler& next) {
    w.write("<");
    next(w, r);
    w.write(">");
  };
  const jot::Middleware maker = [](jot::Handler next) {
    return [next](ResponseWriter& w, Request& r) {
      w.write("[");
      next(w, r);
      w.write("]");
    };
  };
  const jot::Middleware generic = [](auto& w, auto& r, auto& next) { next(w, r), w.write("!"); };
  const jot::Handler hello = [](ResponseWriter& w) { w.write("hello"); };
  CHECK(record(around(maker(generic(hello))), request("GET", "/")).body == "<[hello!]>");
}

constexpr jot::ContextKey<std::string> current_user{"current_user"};

TEST_CASE("middleware hands values on by typed keys") {
  const jot::Middleware user = [](ResponseWriter& w, Request& r, const jot::Handler& next) {
    r.set_value(current_user, "me");
    next(w, r);
  };
  const jot::Handler who = [](Request& r) {
    const std::string* name = r.value(current_user);
    return name ? *name : "nobody";
  };
  CHECK(record(user(who), request("GET", "/")).body == "me");
  CHECK(record(who, request("GET", "/")).body == "nobody");
}

TEST_CASE("error() forgets what described the body that is not sent") {
  const Recorded res = record(
      [](ResponseWriter& w) {
        w.header().set("ETag", "\"1\"").set("Content-Length", 3).set("Vary", "Origin");
        w.write("abc");
        jot::error(w, 503, "busy");
      },
      request("GET", "/"));
  CHECK(res.status == 503);
  CHECK(res.body == "busy\n");
  CHECK_FALSE(res.header.has("ETag"));
  CHECK_FALSE(res.header.has("Content-Length"));
  CHECK(res.header.get("Vary") == "Origin");
}

TEST_CASE("redirect() sends on, with a page for those who do not follow") {
  struct Case {
    std::string_view method, url;
    int status;
    std::string_view location, body;
  };
  const Case cases[] = {
      {"GET", "/new", 303, "/new", "<a href=\"/new\">See Other</a>.\n"},
      {"HEAD", "/new", 301, "/new", "<a href=\"/new\">Moved Permanently</a>.\n"},
      {"POST", "/new", 308, "/new", ""},
      {"GET", "/caf\xC3\xA9?a=\"<x>", 302, "/caf%C3%A9?a=\"<x>",
       "<a href=\"/caf%C3%A9?a=&#34;&lt;x&gt;\">Found</a>.\n"},
  };
  for (const auto& [method, url, status, location, body] : cases) {
    const Recorded res =
        record([&](ResponseWriter& w, Request& r) { jot::redirect(w, r, url, status); },
               request(method, "/"));
    CHECK(res.status == status);
    CHECK(res.header.get("Location") == location);
    CHECK(res.body == body);
  }
  const Recorded evil =
      record([](ResponseWriter& w, Request& r) { jot::redirect(w, r, "/a\r\nSet-Cookie: x=y"); },
             request("GET", "/"));
  CHECK(evil.status == 500);
  CHECK_FALSE(evil.header.has("Set-Cookie"));
}

TEST_CASE("local_redirect() stays on this site") {
  const auto redirected = [](std::string_view url) {
    return record([url](ResponseWriter& w, Request& r) { jot::local_redirect(w, r, url); },
                  request("GET", "/"));
  };
  for (std::string_view url : {"/", "/a", "/a//b", "/?next=//x", "/a\\b", "/.//x"}) {
    INFO(url);
    CHECK(redirected(url).status == 303);
    CHECK(redirected(url).header.get("Location") == url);
  }
  for (std::string_view url :
       {"", "a", "//evil.org", "/\\evil.org", "\\\\evil.org", "http://evil.org", "javascript:x",
        "/\t/evil.org", "/\n/evil.org", "\t//evil.org", "/a\x7f", " /a"}) {
    INFO(url);
    CHECK(redirected(url).status == 400);
    CHECK_FALSE(redirected(url).header.has("Location"));
  }
}

TEST_CASE("blocking() returns what it calls returns") {
  CHECK(jot::blocking([] { return 7; }) == 7);
  int x = 0;
  jot::blocking([&] { x = 1; });
  CHECK(x == 1);
  int& same = jot::blocking([&]() -> int& { return x; });
  CHECK(&same == &x);
}

}  // namespace
