// SPDX-License-Identifier: MIT
//
// redirect_test.cpp -- who is asked what, after "it is elsewhere"?
#include "jot/detail/redirect.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::Errc;
using jot::Header;
using jot::detail::Redirected;
using jot::detail::Redirects;
using jot::detail::RequestBody;

namespace {

struct Asked {
  std::string method = "GET", url = "http://a.test/x";
  Header header = {};
  RequestBody body = RequestBody::none;

  jot::Result<Redirected> follow(Redirects& redirects, int status, std::string_view location) {
    return redirects.next(status, Header{{"Location", location}}, method, url, header, body);
  }
  jot::Result<Redirected> follow(int status, std::string_view location) {
    Redirects redirects(10);
    return follow(redirects, status, location);
  }
};

}  // namespace

TEST_CASE("redirect: method and body, by status") {
  constexpr auto without = Redirected::without_body, with = Redirected::with_body;
  struct {
    int status;
    std::string_view method, want;
    Redirected body;
  } const table[] = {
      {301, "GET", "GET", with},       {301, "HEAD", "HEAD", with},
      {301, "POST", "GET", without},   {301, "PUT", "PUT", with},
      {301, "DELETE", "DELETE", with}, {302, "GET", "GET", with},
      {302, "HEAD", "HEAD", with},     {302, "POST", "GET", without},
      {302, "PATCH", "PATCH", with},   {302, "post", "post", with},
      {303, "GET", "GET", with},       {303, "HEAD", "HEAD", with},
      {303, "POST", "GET", without},   {303, "PUT", "GET", without},
      {303, "DELETE", "GET", without}, {307, "POST", "POST", with},
      {307, "GET", "GET", with},       {308, "POST", "POST", with},
      {308, "PUT", "PUT", with},
  };
  for (const auto& row : table) {
    INFO(row.status << " " << row.method);
    Asked asked{.method = std::string(row.method), .body = RequestBody::replayable};
    asked.header = {{"Content-Type", "text/plain"},
                    {"content-length", "3"},
                    {"X-Content", "1"},
                    {"Content-Encoding", "gzip"},
                    {"Expect", "100-continue"}};
    CHECK(*asked.follow(row.status, "/y") == row.body);
    CHECK(asked.method == row.want);
    CHECK(asked.url == "http://a.test/y");
    CHECK(asked.header.size() == (row.body == without ? 1 : 5));
    CHECK(asked.header.has("X-Content"));
  }
}

TEST_CASE("redirect: what is none is the answer") {
  for (const int status : {200, 201, 300, 304, 305, 306, 309, 400}) {
    INFO(status);
    Asked asked;
    CHECK(*asked.follow(status, "/y") == Redirected::no);
    CHECK(asked.url == "http://a.test/x");
  }
  Asked asked;
  Redirects redirects(10);
  CHECK(*redirects.next(302, {}, asked.method, asked.url, asked.header, asked.body) ==
        Redirected::no);
  Redirects none(0);
  CHECK(*asked.follow(none, 302, "/y") == Redirected::no);
}

TEST_CASE("redirect: a body that cannot be sent again") {
  for (const int status : {307, 308}) {
    Asked asked{.method = "POST", .body = RequestBody::once};
    CHECK(*asked.follow(status, "/y") == Redirected::no);
    CHECK(asked.method == "POST");
  }
  Asked put{.method = "PUT", .body = RequestBody::once};
  CHECK(*put.follow(301, "/y") == Redirected::no);
  CHECK(*put.follow(303, "/y") == Redirected::without_body);
}

TEST_CASE("redirect: credentials stay with their origin") {
  struct {
    std::string_view to;
    bool kept;
  } const table[] = {
      {"/y", true},
      {"//a.test/", true},
      {"http://A.TEST:80/y", true},
      {"HTTP://a.test:/y", true},
      {"http://me:pass@a.test/y", true},
      {"http://a.test:8080/", false},
      {"http://b.test/", false},
      {"http://sub.a.test/", false},
      {"http://a.test.evil.test/", false},
      {"http://a.test@evil.test/", false},
      {"http://a.test:80@evil.test/", false},
      {"http://[::1]/", false},
  };
  for (const auto& row : table) {
    INFO(row.to);
    Asked asked;
    asked.header = {{"authorization", "Basic x"}, {"Cookie", "a=1"},        {"Cookie", "b=1"},
                    {"Proxy-Authorization", "y"}, {"Host", "virtual.test"}, {"Accept", "*/*"}};
    CHECK(*asked.follow(302, row.to) == Redirected::with_body);
    CHECK(asked.header.has("Authorization") == row.kept);
    CHECK(asked.header.has("Cookie") == row.kept);
    CHECK(asked.header.has("Proxy-Authorization") == row.kept);
    CHECK(asked.header.has("Host") == row.kept);
    CHECK(asked.header.has("Accept"));
    CHECK_FALSE(asked.header.has("Referer"));
  }
  CHECK(jot::detail::is_same_origin("http://[::1]/", "http://[::1]:80/x"));
  CHECK_FALSE(jot::detail::is_same_origin("http://[::1]/", "http://[::1]:81/x"));
}

TEST_CASE("redirect: credentials that were dropped do not come back") {
  Redirects redirects(10);
  Asked asked;
  asked.header = {{"Authorization", "Basic x"}};
  CHECK(asked.follow(redirects, 302, "http://b.test/"));
  CHECK(asked.follow(redirects, 302, "http://a.test/"));
  CHECK_FALSE(asked.header.has("Authorization"));
  CHECK(redirects.followed() == 2);
}

TEST_CASE("redirect: fragments are handed on") {
  struct {
    std::string_view from, to, want;
  } const table[] = {
      {"http://a.test/x#f", "/y", "http://a.test/y#f"},
      {"http://a.test/x#f", "/y#g", "http://a.test/y#g"},
      {"http://a.test/x#f", "/y#", "http://a.test/y#"},
      {"http://a.test/x", "/y#g", "http://a.test/y#g"},
      {"http://a.test/x", "", "http://a.test/x"},
      {"http://a.test/x?q", "/two words/\xc3\xa4", "http://a.test/two%20words/%C3%A4"},
  };
  for (const auto& row : table) {
    INFO(row.to);
    Asked asked{.url = std::string(row.from)};
    CHECK(asked.follow(302, row.to));
    CHECK(asked.url == row.want);
  }
}

TEST_CASE("redirect: the user of the URL stays within the origin") {
  struct {
    std::string_view to, want;
  } const table[] = {
      {"/y", "http://me:pass@a.test/y"},
      {"http://a.test:80/y", "http://me:pass@a.test:80/y"},
      {"http://you@a.test/y", "http://you@a.test/y"},
      {"http://b.test/y", "http://b.test/y"},
      {"http://a.test:81/y", "http://a.test:81/y"},
  };
  for (const auto& row : table) {
    Asked asked{.url = "http://me:pass@a.test/x"};
    CHECK(asked.follow(302, row.to));
    CHECK(asked.url == row.want);
  }
}

TEST_CASE("redirect: where nobody goes") {
  struct {
    std::string_view to;
    Errc code;
    std::string_view words;
  } const table[] = {
      {"https://a.test/", Errc::refused_by_policy, "TLS proxy"},
      {"ftp://a.test/", Errc::refused_by_policy, "only http"},
      {"file:///etc/passwd", Errc::refused_by_policy, "only http"},
      {"unix:/run/docker.sock", Errc::refused_by_policy, "only http"},
      {"http+unix://%2Frun%2Fdocker.sock/", Errc::refused_by_policy, "only http"},
      {"javascript:alert(1)", Errc::refused_by_policy, "only http"},
      {"http:///x", Errc::bad_message, "without a host"},
      {"http:x", Errc::bad_message, "without a host"},
      {"//", Errc::bad_message, "without a host"},
      {"http://:80/", Errc::bad_message, "without a host"},
      {"http://me@/", Errc::bad_message, "without a host"},
  };
  for (const auto& row : table) {
    INFO(row.to);
    Asked asked;
    const auto result = asked.follow(302, row.to);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == row.code);
    CHECK(result.error().message().find("GET http://a.test/x: ") == 0);
    CHECK(result.error().message().find(row.words) != std::string::npos);
    CHECK(asked.url == "http://a.test/x");
  }
  Asked asked{.url = "http://me:secret@a.test/"};
  Redirects redirects(10);
  const auto two = redirects.next(302, Header{{"Location", "/a"}, {"Location", "/b"}}, asked.method,
                                  asked.url, asked.header, asked.body);
  REQUIRE_FALSE(two);
  CHECK(two.error().message() == "GET http://...@a.test/: two Locations that differ");
}

TEST_CASE("redirect: a Unix socket leads to its own URLs and to http, not to other sockets") {
  struct {
    std::string_view to;
    bool followed, kept;
  } const table[] = {
      {"/y", true, true},
      {"http+unix://%2Frun%2FA.sock/y", true, true},
      {"http+unix://%2Frun%2Fa.sock/y", false, true},
      {"http+unix://%2Frun%2FB.sock/y", false, true},
      {"http://a.test/", true, false},
      {"http://localhost:81/", true, false},
  };
  for (const auto& row : table) {
    INFO(row.to);
    Asked asked{.url = "http+unix://%2Frun%2FA.sock/x", .header = {{"Authorization", "x"}}};
    CHECK(bool(asked.follow(302, row.to)) == row.followed);
    CHECK(asked.header.has("Authorization") == row.kept);
  }
}

TEST_CASE("redirect: a server behind a Unix socket that makes whole URLs means itself") {
  struct {
    std::string_view host, to, want;
  } const table[] = {
      {"", "http://localhost/y?q", "http+unix://%2Frun%2FA.sock/y?q"},
      {"", "HTTP://LocalHost:80/y", "http+unix://%2Frun%2FA.sock/y"},
      {"", "http://localhost", "http+unix://%2Frun%2FA.sock"},
      {"v.test:81", "http://v.test:81/y", "http+unix://%2Frun%2FA.sock/y"},
      {"v.test", "http://localhost/y", "http://localhost/y"},
      {"", "http://localhost.test/y", "http://localhost.test/y"},
  };
  for (const auto& row : table) {
    INFO(row.to);
    Asked asked{.url = "http+unix://%2Frun%2FA.sock/x"};
    if (!row.host.empty()) asked.header.set("Host", row.host);
    CHECK(asked.follow(302, row.to));
    CHECK(asked.url == row.want);
  }
}

TEST_CASE("redirect: the limit, and loops") {
  Redirects redirects(10);
  Asked asked;
  for (int i = 0; i < 10; ++i) CHECK(asked.follow(redirects, 302, "/" + std::to_string(i)));
  const auto one_more = asked.follow(redirects, 302, "/more");
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().code() == Errc::refused_by_policy);
  CHECK(one_more.error().message() == "GET http://a.test/9: stopped after 10 redirects");
  CHECK(asked.url == "http://a.test/9");

  Redirects loop(3);
  Asked around;
  for (const char* to : {"/y", "/x", "/y"}) CHECK(around.follow(loop, 302, to));
  CHECK(around.follow(loop, 302, "/x").error().message() ==
        "GET http://a.test/y: stopped after 3 redirects, in a loop");
}
