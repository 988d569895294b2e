// SPDX-License-Identifier: MIT
//
// cookie_jar_test.cpp -- which cookies does a client keep, and whom does it tell? RFC 6265bis.
#include "jot/cookie_jar.hpp"

#include "catch.hpp"
#include "jot/detail/cookie_store.hpp"
#include "jot/detail/parse_cookie_date.hpp"
#include "jot/detail/parse_set_cookie.hpp"

#include <limits>       // std::numeric_limits
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::jthread
#include <vector>       // std::vector

using jot::detail::CookieStore;
using jot::detail::parse_cookie_date;
using jot::detail::parse_set_cookie;

namespace {
constexpr std::int64_t now = 1'800'000'000;  // 15 January 2027, 08:00:00
constexpr std::int64_t longest = now + std::int64_t{400} * 86'400;

std::string numbered(const char* before, int i) { return before + std::to_string(i); }
}  // namespace

TEST_CASE("cookie jar: dates in every shape, section 5.1.1") {
  struct {
    std::string_view text;
    std::int64_t want;
  } const table[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784'111'777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784'111'777},
      {"Sun Nov  6 08:49:37 1994", 784'111'777},
      {"06 november 1994 8:49:37", 784'111'777},
      {"08:49:37 6 NOVember 94", 784'111'777},
      {"1994 6 nov 8:49:37", 784'111'777},
      {"94 6th Nov 8:49:37", -1},  // 94 is taken for the day, and "6th" for no year
      {"6th Nov 94AD 8:49:37.25", 784'111'777},
      {"6 Nov 1994 08:49:37abc", 784'111'777},
      {"6\tNov;1994(08:49:37)", 784'111'777},
      {"06-Nov-70 00:00:00", 26'697'600},
      {"06-Nov-69 00:00:00", 3'150'921'600},
      {"06-Nov-00 00:00:00", 973'468'800},
      {"1 Jan 1601 00:00:00", -11'644'473'600},
      {"29 Feb 2000 23:59:59", 951'868'799},
      {"1 02 Jan 1999 00:00:00", 1'009'843'200},  // 02 is the year, and 1999 comes too late
      {"", -1},
      {"6 Nov 1994", -1},
      {"Nov 1994 08:49:37", -1},
      {"6 1994 08:49:37", -1},
      {"6 Nov 08:49:37", -1},
      {"6 Nov 1994 08:49", -1},
      {"6 Nov 1994 08:49:", -1},
      {"6 Nov 1994 :49:37", -1},
      {"6 Nov 1994 008:49:37", -1},
      {"6 Nov 1994 08:49:377", -1},
      {"6 Nov 1994 24:00:00", -1},
      {"6 Nov 1994 08:60:00", -1},
      {"6 Nov 1994 08:00:60", -1},
      {"0 Nov 1994 08:49:37", -1},
      {"32 Nov 1994 08:49:37", -1},
      {"31 Nov 1994 08:49:37", -1},
      {"29 Feb 1900 08:49:37", -1},
      {"29 Feb 2001 08:49:37", -1},
      {"6 Nov 1600 08:49:37", -1},
      {"6 Nov 994 08:49:37", -1},
      {"6 Nov 19940 08:49:37", -1},
      {"006 Nov 1994 08:49:37", -1},
  };
  for (const auto& row : table) {
    INFO(row.text);
    CHECK(parse_cookie_date(row.text).value_or(-1) == row.want);
  }
}

TEST_CASE("cookie jar: what a Set-Cookie field says, section 5.6") {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  constexpr auto past = std::numeric_limits<std::int64_t>::min();
  struct {
    std::string_view field, name, value;
    std::int64_t expires = never;
    std::string_view domain = "", path = "";
    bool secure = false;
  } const table[] = {
      {"a=1", "a", "1"},
      {" a = 1 ", "a", "1"},
      {"\ta\t=\t\"1 2\"\t", "a", "\"1 2\""},
      {"a=b=c", "a", "b=c"},
      {"a=", "a", ""},
      {"=b", "", "b"},
      {"b", "", "b"},
      {"a b=c", "a b", "c"},
      {"a=1;", "a", "1"},
      {"a=1; Path=/x; Domain=.Example.COM; SECURE; HttpOnly", "a", "1", never, "example.com", "/x",
       true},
      {"a=1; path=x", "a", "1"},
      {"a=1; path=/x; path=y", "a", "1"},
      {"a=1; path=/x; path=/y", "a", "1", never, "", "/y"},
      {"a=1; domain=x.y; domain=", "a", "1"},
      {"a=1; secure=no", "a", "1", never, "", "", true},
      {"a=1; Max-Age=60", "a", "1", now + 60},
      {"a=1; Max-Age=0", "a", "1", past},
      {"a=1; Max-Age=-1", "a", "1", past},
      {"a=1; Max-Age=-", "a", "1"},
      {"a=1; Max-Age=", "a", "1"},
      {"a=1; Max-Age=+1", "a", "1"},
      {"a=1; Max-Age=1x", "a", "1"},
      {"a=1; Max-Age=1; Max-Age=x", "a", "1", now + 1},
      {"a=1; Max-Age=99999999999999999999999999", "a", "1", longest},
      {"a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "a", "1", 784'111'777},
      {"a=1; Expires=Sun, 06 Nov 2994 08:49:37 GMT", "a", "1", longest},
      {"a=1; Expires=tomorrow", "a", "1"},
      {"a=1; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "a", "1", now + 60},
      {"a=1; ;;=;x=y; SameSite=Strict; Partitioned", "a", "1"},
  };
  for (const auto& row : table) {
    INFO(row.field);
    const auto cookie = parse_set_cookie(row.field, now);
    REQUIRE(cookie);
    CHECK(cookie->name == row.name);
    CHECK(cookie->value == row.value);
    CHECK(cookie->expires == row.expires);
    CHECK(cookie->domain == row.domain);
    CHECK(cookie->path == row.path);
    CHECK(cookie->secure == row.secure);
  }
  for (const std::string_view field :
       {"", "=", " = ;Path=/", "; Path=/", "a=\r", "a=1\n", "a=\x7f", "a=1; Path=/\x01"}) {
    INFO(field);
    CHECK_FALSE(parse_set_cookie(field, now));
  }
  CHECK_FALSE(parse_set_cookie(std::string_view("a=1\0", 4), now));
  CHECK(parse_set_cookie("a=" + std::string(4095, 'x'), now));
  CHECK_FALSE(parse_set_cookie("a=" + std::string(4096, 'x'), now));
  CHECK(parse_set_cookie("a=1; Path=/" + std::string(1024, 'x'), now)->path.empty());
  CHECK(parse_set_cookie("a=1; Path=/" + std::string(1023, 'x'), now)->path.size() == 1024);
}

TEST_CASE("cookie jar: who gets what, by domain, path and TLS") {
  struct {
    std::string_view from, field, to;
    bool kept, sent;
  } const table[] = {
      // The host alone, or all below a domain.
      {"http://a.test/", "a=1", "http://a.test/x", true, true},
      {"http://a.test/", "a=1", "http://A.TEST.:8080/x?y#z", true, true},
      {"http://a.test/", "a=1", "http://me:pass@a.test/", true, true},
      {"http://a.test/", "a=1", "http://b.a.test/", true, false},
      {"http://b.a.test/", "a=1; Domain=a.test", "http://a.test/", true, true},
      {"http://b.a.test/", "a=1; Domain=.A.test", "http://c.b.a.test/", true, true},
      {"http://b.a.test/", "a=1; Domain=b.a.test", "http://a.test/", true, false},
      {"http://b.a.test/", "a=1; Domain=a.test", "http://xa.test/", true, false},
      {"http://a.test/", "a=1; Domain=b.a.test", "http://b.a.test/", false, false},
      {"http://a.test/", "a=1; Domain=b.test", "http://b.test/", false, false},
      {"http://xa.test/", "a=1; Domain=a.test", "http://a.test/", false, false},
      {"http://a.test/", "a=1; Domain=test", "http://a.test/", false, false},
      {"http://a.test/", "a=1; Domain=.", "http://a.test/", true, true},
      {"http://a.test/", "a=1; Domain=a.test.", "http://a.test/", false, false},
      {"http://box/", "a=1; Domain=box", "http://box/", true, true},
      {"http://box/", "a=1; Domain=box", "http://x.box/", true, false},
      // Addresses have nothing below them.
      {"http://10.0.0.1/", "a=1", "http://10.0.0.1/", true, true},
      {"http://10.0.0.1/", "a=1; Domain=10.0.0.1", "http://10.0.0.1/", true, true},
      {"http://10.0.0.1/", "a=1; Domain=0.0.1", "http://10.0.0.1/", false, false},
      {"http://[2001:db8::1]:80/", "a=1", "http://[2001:db8::1]/", true, true},
      {"http://[2001:db8::1]/", "a=1; Domain=2001:db8::1", "http://[2001:db8::1]/", true, true},
      // Paths.
      {"http://a.test/x/y", "a=1", "http://a.test/x/z", true, true},
      {"http://a.test/x/y", "a=1", "http://a.test/x", true, true},
      {"http://a.test/x/y", "a=1", "http://a.test/xz", true, false},
      {"http://a.test/x/y", "a=1", "http://a.test/", true, false},
      {"http://a.test/x", "a=1", "http://a.test/", true, true},
      {"http://a.test", "a=1", "http://a.test?q", true, true},
      {"http://a.test/x/", "a=1", "http://a.test/x", true, true},
      {"http://a.test/", "a=1; Path=/x", "http://a.test/x", true, true},
      {"http://a.test/", "a=1; Path=/x", "http://a.test/x/y", true, true},
      {"http://a.test/", "a=1; Path=/x/", "http://a.test/x", true, false},
      {"http://a.test/", "a=1; Path=/x/", "http://a.test/x/y", true, true},
      {"http://a.test/", "a=1; Path=/x", "http://a.test/X", true, false},
      {"http://a.test/x/y", "a=1; Path=z", "http://a.test/x/", true, true},
      // TLS, and this machine.
      {"http://a.test/", "a=1; Secure", "http://a.test/", false, false},
      {"https://a.test/", "a=1; Secure", "https://a.test/", true, true},
      {"https://a.test/", "a=1; Secure", "http://a.test/", true, false},
      {"https://a.test/", "a=1", "http://a.test/", true, true},
      {"http://localhost/", "a=1; Secure", "http://localhost:4200/", true, true},
      {"http://127.0.0.9/", "a=1; Secure", "http://127.0.0.9/", true, true},
      {"http://[::1]/", "a=1; Secure", "http://[::1]/", true, true},
      {"http://x.localhost/", "a=1; Secure", "http://x.localhost/", true, true},
      {"http://localhost.test/", "a=1; Secure", "http://localhost.test/", false, false},
      // Unix sockets.
      {"http+unix://%2Frun%2FA.sock/", "a=1; Secure", "http+unix://%2Frun%2FA.sock/x", true, true},
      {"http+unix://%2Frun%2FA.sock/", "a=1", "http+unix://%2Frun%2Fa.sock/", true, false},
      {"http+unix://%2Frun%2FA.sock/", "a=1; Domain=sock", "http+unix://x.sock/", false, false},
      // Names that promise.
      {"https://a.test/", "__Host-a=1; Secure; Path=/", "https://a.test/", true, true},
      {"https://a.test/", "__Host-a=1; Secure", "https://a.test/", false, false},
      {"https://a.test/", "__host-a=1; Path=/", "https://a.test/", false, false},
      {"https://a.test/", "__Host-a=1; Secure; Path=/; Domain=a.test", "https://a.test/", false,
       false},
      {"https://a.test/", "__Secure-a=1; Secure", "https://a.test/", true, true},
      {"https://a.test/", "__SECURE-a=1", "https://a.test/", false, false},
      {"https://a.test/", "__Secure-a", "https://a.test/", false, false},
      {"https://a.test/", "=__Host-a; Secure; Path=/", "https://a.test/", false, false},
      // Time.
      {"http://a.test/", "a=1; Max-Age=1", "http://a.test/", true, true},
      {"http://a.test/", "a=1; Max-Age=0", "http://a.test/", true, false},
      {"http://", "a=1", "http://a.test/", false, false},
  };
  for (const auto& row : table) {
    INFO(row.from << "  " << row.field << "  " << row.to);
    CookieStore store;
    CHECK(store.set(row.from, row.field, now) == row.kept);
    CHECK(store.get(row.to, now) == (row.sent ? row.field.substr(0, row.field.find(';')) : ""));
  }
}

TEST_CASE("cookie jar: order, replacement, expiry") {
  CookieStore store;
  store.set("http://a.test/", "one=1", now);
  store.set("http://a.test/", "two=2", now);
  store.set("http://a.test/", "deep=3; Path=/x/y", now);
  store.set("http://a.test/", "nameless", now);
  CHECK(store.get("http://a.test/x/y", now) == "deep=3; one=1; two=2; nameless");

  store.set("http://a.test/", "one=new; Max-Age=10", now);  // keeps its place
  CHECK(store.get("http://a.test/", now) == "one=new; two=2; nameless");
  CHECK(store.get("http://a.test/", now + 10) == "two=2; nameless");
  store.set("http://a.test/", "two=; Max-Age=0", now);
  store.set("http://a.test/other/", "nameless; Max-Age=0", now);  // of another path
  CHECK(store.get("http://a.test/", now) == "one=new; nameless");

  store.set("http://a.test/", "one=wide; Domain=a.test", now);  // another cookie
  CHECK(store.get("http://a.test/", now) == "one=new; nameless; one=wide");
  CHECK(store.get("http://b.a.test/", now) == "one=wide");
  store.clear();
  CHECK(store.size() == 0);
  CHECK(store.get("http://a.test/", now).empty());
}

TEST_CASE("cookie jar: without TLS nobody replaces what was set with it") {
  CookieStore store;
  CHECK(store.set("https://a.test/", "id=real; Secure; Domain=a.test; Path=/x", now));
  CHECK_FALSE(store.set("http://a.test/", "id=fake; Path=/x", now));
  CHECK_FALSE(store.set("http://b.a.test/", "id=fake; Path=/x/y", now));
  CHECK_FALSE(store.set("http://b.a.test/", "id=fake; Domain=a.test; Path=/x", now));
  CHECK(store.set("http://a.test/", "id=beside; Path=/", now));  // is sent after it
  CHECK(store.set("http://a.test/", "other=1; Path=/x", now));
  CHECK(store.get("https://a.test/x", now) == "id=real; other=1; id=beside");
  store.clear();
  CHECK(store.set("https://a.test/", "id=real; Secure; Max-Age=5", now));
  CHECK(store.set("http://a.test/", "id=late", now + 5));
}

TEST_CASE("cookie jar: fifty a domain, the least recently used go first") {
  CookieStore store;
  for (int i = 0; i < 50; ++i) store.set("https://a.test/", numbered("c", i) + "=1", now);
  store.set("https://a.test/", "c0=used", now);
  store.set("https://a.test/", "new=1", now);
  CHECK(store.size() == 50);
  std::string sent = store.get("https://a.test/", now);
  CHECK(sent.starts_with("c0=used; c2=1; "));
  CHECK(sent.ends_with("; c49=1; new=1"));

  // The expired before all others; those with Secure last.
  store.set("https://a.test/", "c49=1; Max-Age=5", now);
  store.set("https://a.test/", "late=1", now + 5);
  CHECK(store.get("https://a.test/", now + 5).find("c49") == std::string::npos);
  store.clear();
  for (int i = 0; i < 50; ++i) store.set("https://a.test/", numbered("s", i) + "=1; Secure", now);
  for (int i = 0; i < 50; ++i) store.set("http://a.test/", numbered("n", i) + "=1", now);
  CHECK(store.size() == 50);
  CHECK(store.get("https://a.test/", now).find("n") == std::string::npos);
}

TEST_CASE("cookie jar: three thousand in all") {
  CookieStore store;
  for (int i = 0; i < 3001; ++i)
    store.set(numbered("http://h", i) + ".test/", i < 9 ? "a=1; Max-Age=5" : "a=1", now);
  CHECK(store.size() == 3000);
  CHECK(store.get("http://h0.test/", now) == "");  // made room for the last
  CHECK(store.get("http://h1.test/", now) == "a=1");
  store.set("http://new.test/", "a=1", now + 5);  // the expired make room at once
  CHECK(store.size() == 3001 - 8);
  CHECK(store.get("http://h9.test/", now + 5) == "a=1");
  for (int i = 0; i < 20'000; ++i) store.set(numbered("http://x", i) + ".test/", "a=1", now);
  CHECK(store.size() == 3000);
}

TEST_CASE("cookie jar: a handle, for many threads") {
  jot::CookieJar jar;
  jot::CookieJar copy = jar;
  jot::CookieJar moved = std::move(copy);
  CHECK(copy.size() == 0);  // still one
  CHECK(jar.set("http://127.0.0.1:4200/", "id=7; Secure; Path=/"));
  CHECK(moved.get("http://127.0.0.1:4200/x") == "id=7");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([jar, t] {
        for (int i = 0; i < 500; ++i) {
          jar.set("http://a.test/", numbered("c", i % 60) + '=' + std::to_string(t));
          if (jar.get("http://a.test/").empty()) break;
        }
      });
    }
  }
  CHECK(jar.size() == 51);
  moved.clear();
  CHECK(jar.size() == 0);
}
