// SPDX-License-Identifier: MIT
//
// cookie_test.cpp -- are cookies read and written as browsers and Go do it, and can nobody forge a
// signed one?
//
// cookie_cases.inc holds fields and cookies, and what Go 1.23 makes of them; oracle/cookie.go wrote
// the answers. What jot refuses beyond Go is listed below.
#include "jot/cookie.hpp"

#include "catch.hpp"
#include "jot/detail/sign_cookie.hpp"
#include "jot/testing.hpp"

#include <cstdlib>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using jot::Cookie;
using jot::record;
using jot::Recorded;
using jot::request;
using jot::Request;
using jot::ResponseWriter;
using jot::SameSite;
using jot::SignedCookies;

constexpr std::string_view go_says =
#include "cookie_cases.inc"
    ;

std::vector<std::string> split(std::string_view line, std::string_view by) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(by, at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end + by.size();
  }
  return words;
}

std::string decode(const std::string& word) { return word == "-" ? "" : jot::percent_decode(word); }

Request with_cookies(std::string_view field) {
  Request r = request("GET", "/");
  r.header().set("Cookie", field);
  return r;
}

// The name and value of a Set-Cookie field, as a browser brings them back.
std::string brought_back(std::string_view set_cookie) {
  return std::string(set_cookie.substr(0, set_cookie.find(';')));
}

std::string set(const Cookie& cookie) {
  jot::Recorder w;
  try {
    jot::set_cookie(w, cookie);
  } catch (const std::invalid_argument&) {
    CHECK_FALSE(w.header().has("Set-Cookie"));
    return "refused";
  }
  return std::string(w.header().get("Set-Cookie"));
}

// A field that no parser of heads would let through is put together here as Header refuses it, too.
std::string read(const std::string& field) {
  Request r = request("GET", "/");
  try {
    r.header().set("Cookie", field);
  } catch (const std::invalid_argument&) {
    return "not a field";
  }
  std::string to;
  for (const auto& [name, value] : r.cookies())
    to += (to.empty() ? "" : " ") + jot::percent_encode(name) + "=" + jot::percent_encode(value);
  return to;
}

Cookie cookie_of(const std::vector<std::string>& words) {
  Cookie c{.name = decode(words[1]),
           .value = decode(words[2]),
           .path = decode(words[3]),
           .domain = decode(words[4])};
  if (words[5] != "-") c.max_age = std::chrono::seconds(std::atoll(words[5].c_str()));
  if (words[6] != "-")
    c.expires = std::chrono::system_clock::from_time_t(std::atoll(words[6].c_str()));
  const auto flag = [&](char f) { return words[7].find(f) != std::string::npos; };
  c.secure = flag('s'), c.http_only = flag('h'), c.partitioned = flag('p');
  c.same_site = flag('L') ? SameSite::lax : flag('S') ? SameSite::strict : SameSite::none;
  return c;
}

// What browsers drop, and Go writes all the same.
bool only_jot_refuses(const Cookie& c) {
  const std::string name = c.name.substr(0, 9);
  const bool host =
      name.starts_with("__Host-") || name.starts_with("__host-") || name.starts_with("__HOST-");
  return (c.same_site == SameSite::none && !c.secure) || c.name.size() + c.value.size() > 4096 ||
         (!c.path.empty() && c.path[0] != '/') || c.path.size() > 1024 || c.domain.ends_with(".") ||
         (host && (!c.secure || c.path != "/" || !c.domain.empty())) ||
         ((name == "__Secure-" || name == "__secure-") && !c.secure);
}

// system_clock may count nanoseconds: then it ends in the year 2262.
bool can_be_told(const std::string& seconds) {
  return seconds == "-" || std::abs(std::atoll(seconds.c_str())) < 9'000'000'000;
}

TEST_CASE("cookies are read and written as by Go") {
  int reads = 0, writes = 0, refused = 0;
  for (const std::string& line : split(go_says, "\n")) {
    const std::vector<std::string> sides = split(line, " => ");
    const std::vector<std::string> words = split(sides[0], " ");
    INFO(line);
    if (words[0] == "<") {
      const std::string have = read(decode(words[1]));
      if (have == "not a field") continue;
      CHECK(have == sides[1]);
      ++reads;
    } else if (words[0] == ">" && can_be_told(words[6])) {
      const Cookie c = cookie_of(words);
      CHECK(set(c) == (only_jot_refuses(c) ? "refused" : sides[1]));
      ++writes;
      refused += only_jot_refuses(c);
    }
  }
  CHECK(reads > 50);
  CHECK(writes > 100);
  CHECK(refused > 15);
}

TEST_CASE("the defaults of a cookie are the safe ones") {
  CHECK(set({.name = "a", .value = "1"}) == "a=1; Path=/; HttpOnly; Secure; SameSite=Lax");
}

TEST_CASE("each cookie has a field of its own, and none touches the others") {
  const Recorded res = record(
      [](ResponseWriter& w) {
        jot::set_cookie(w, {.name = "a", .value = "1"});
        jot::set_cookie(w, {.name = "b", .value = "2"});
        jot::delete_cookie(w, "c");
      },
      request("GET", "/"));
  const auto fields = res.header.all("Set-Cookie");
  REQUIRE(fields.size() == 3);
  CHECK(brought_back(fields[0]) == "a=1");
  CHECK(brought_back(fields[1]) == "b=2");
  CHECK(fields[2] == "c=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
}

TEST_CASE("a cookie is deleted where it was set") {
  jot::Recorder w;
  jot::delete_cookie(w, {.name = "a",
                         .value = "secret",
                         .path = "/x",
                         .domain = "example.com",
                         .max_age = 1h,
                         .expires = std::chrono::system_clock::now()});
  CHECK(w.header().get("Set-Cookie") ==
        "a=; Path=/x; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
  jot::Recorder host;
  jot::delete_cookie(host, "__Host-a");
  CHECK(brought_back(host.header().get("Set-Cookie")) == "__Host-a=");
  CHECK_THROWS_AS(jot::delete_cookie(w, "a b"), std::invalid_argument);
}

TEST_CASE("an error says which cookie, and why, in one line") {
  jot::Recorder w;
  CHECK_THROWS_WITH(
      jot::set_cookie(w, {.name = "a", .value = "x;y"}),
      "jot: cookie \"a\": the value has a byte it must not have: percent_encode() it");
  CHECK_THROWS_WITH(jot::set_cookie(w, {.name = "a\r\nb"}),
                    "jot: cookie \"a??b\": the name is not a token");
}

TEST_CASE("cookies of several fields are read; the first of a name counts") {
  Request r = request("GET", "/");
  r.header().add("Cookie", "a=1; b=2").add("cookie", "a=3; c=4");
  CHECK(r.cookie("a") == "1");
  CHECK(r.cookie("c") == "4");
  CHECK(r.cookie("A").empty());
  CHECK(r.cookie("d").empty());
  CHECK(r.cookies().all("a").size() == 2);
  CHECK(r.cookies().size() == 4);
  CHECK(request("GET", "/").cookies().empty());
}

std::string numbered_cookies(int count) {
  std::string field;
  for (int i = 0; i < count; ++i) field += "c" + std::to_string(i) + "=" + std::to_string(i) + "; ";
  return field;
}

TEST_CASE("100 cookies are read; for more the answer is 431") {
  const jot::Handler last = [](Request& r) { return r.cookie("c99"); };
  CHECK(record(last, with_cookies(numbered_cookies(100))).body == "99");
  for (const int count : {101, 10'000}) {
    const Recorded res = record(last, with_cookies(numbered_cookies(count)));
    CHECK(res.status == 431);
    CHECK(res.body == "more than 100 cookies\n");
  }
  Request r = with_cookies(numbered_cookies(100));
  r.header().add("Cookie", "d=1");
  CHECK(record(last, std::move(r)).status == 431);
  // What is no cookie does not count: it takes no memory.
  CHECK(record(last, with_cookies(std::string(10'000, ';') + numbered_cookies(100))).body == "99");
}

// ---- signed

const std::string key1(32, 'k'), key2 = std::string(31, 'k') + "l";

// Sets a cookie, and gives what a browser brings back: "name=text".
std::string signed_by(const SignedCookies& cookies, Cookie cookie) {
  jot::Recorder w;
  cookies.set(w, std::move(cookie));
  return brought_back(w.header().get("Set-Cookie"));
}

TEST_CASE("a signed cookie comes back as it was set, whatever its bytes") {
  const SignedCookies cookies(key1);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const std::string& value :
       {std::string("ann"), std::string(), std::string("\0", 1), std::string("a;b, \"c\"\r\n"),
        std::string("M\xc3\xbcller"), std::string("x.y.z"), all}) {
    const std::string field = signed_by(cookies, {.name = "s", .value = value});
    CHECK(cookies.get(with_cookies(field), "s") == value);
    CHECK(cookies.get(with_cookies("a=1; " + field + "; b=2"), "s") == value);
  }
  CHECK(cookies.get(request("GET", "/"), "s") == std::nullopt);
}

TEST_CASE("a signed cookie keeps its attributes, and is checked like any other") {
  const SignedCookies cookies(key1);
  jot::Recorder w;
  cookies.set(w, {.name = "s", .value = "v", .max_age = 24h, .same_site = SameSite::strict});
  CHECK_THAT(
      std::string(w.header().get("Set-Cookie")),
      Catch::Matchers::EndsWith("; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Strict"));
  CHECK_THROWS_AS(cookies.set(w, {.name = "a=b"}), std::invalid_argument);
  CHECK_THROWS_AS(cookies.set(w, {.name = "s", .value = std::string(3100, 'x')}),
                  std::invalid_argument);
  CHECK_NOTHROW(cookies.set(w, {.name = "s", .value = std::string(3000, 'x')}));
}

// The format is a promise: cookies of today must be valid tomorrow. Made with
// printf 's=YW5u.2000000000' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk -binary
TEST_CASE("what is signed, and how") {
  const std::string text = jot::detail::sign_cookie(key1, "s", "ann", 2'000'000'000);
  CHECK(text == "YW5u.2000000000.7W2eQLVrZU5YhjlfoTWB4aoE4Z8EUESIxPhSflK6jMs");
  CHECK(jot::detail::verify_cookie({key1}, "s", text, 1'999'999'999) == "ann");
}

TEST_CASE("nothing of a signed cookie can be changed") {
  const std::string genuine = jot::detail::sign_cookie(key1, "s", "ann", 2'000'000'000);
  const auto verify = [](std::string_view name, std::string_view text) {
    return jot::detail::verify_cookie({key1}, name, text, 1'000'000'000);
  };
  REQUIRE(verify("s", genuine) == "ann");
  for (std::size_t i = 0; i < genuine.size(); ++i) {
    INFO("at " << i);
    CHECK(verify("s", genuine.substr(0, i)) == std::nullopt);
    CHECK(verify("s", genuine.substr(i + 1)) == std::nullopt);
    for (int bit = 0; bit < 8; ++bit) {
      std::string forged = genuine;
      forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
      CHECK(verify("s", forged) == std::nullopt);
    }
    for (const char c : {'A', '.', '=', '\0', ' '}) {
      std::string longer = genuine;
      longer.insert(i, 1, c);
      CHECK(verify("s", longer) == std::nullopt);
    }
  }
  const std::string signature = genuine.substr(genuine.rfind('.'));
  for (const std::string& forged :
       {std::string(), std::string("."), std::string(".."), std::string("..."), genuine + "A",
        genuine + "=", "." + genuine, "YW5u.9000000000" + signature, "YW5u.02000000000" + signature,
        "YW5u" + signature, "YW5u." + signature, signature, "Ym9i.2000000000" + signature,
        std::string("YW5u.2000000000."), "YW5u.2000000000." + std::string(43, 'A'),
        std::string(100'000, '.'), std::string(100'000, 'A')}) {
    INFO(forged.substr(0, 100));
    CHECK(verify("s", forged) == std::nullopt);
  }
}

TEST_CASE("a signed value is bound to its name") {
  const std::string text = jot::detail::sign_cookie(key1, "theme", "admin", 2'000'000'000);
  for (const std::string_view other : {"role", "Theme", "theme ", "them", "thema", "theme=", ""}) {
    INFO(other);
    CHECK(jot::detail::verify_cookie({key1}, other, text, 0) == std::nullopt);
  }
  // Nor can a part of the value move into the name.
  const std::string ab = jot::detail::sign_cookie(key1, "a", "", 2'000'000'000);
  CHECK(jot::detail::verify_cookie({key1}, "a=", ab, 0) == std::nullopt);
}

TEST_CASE("a signed cookie ends with its time, to the second") {
  const std::vector<std::string> keys = {key1};
  const std::string text = jot::detail::sign_cookie(key1, "s", "v", 1000);
  CHECK(jot::detail::verify_cookie(keys, "s", text, 999) == "v");
  CHECK(jot::detail::verify_cookie(keys, "s", text, 1000) == std::nullopt);
  CHECK(jot::detail::verify_cookie(keys, "s", text, 1001) == std::nullopt);

  const SignedCookies cookies(key1);
  const auto lives = [&](Cookie cookie) {
    return cookies.get(with_cookies(signed_by(cookies, std::move(cookie))), "s").has_value();
  };
  const auto now = std::chrono::system_clock::now();
  CHECK(lives({.name = "s", .max_age = 1h}));
  CHECK(lives({.name = "s", .max_age = std::chrono::seconds::max()}));
  CHECK(lives({.name = "s", .expires = now + 1h}));
  CHECK(lives({.name = "s", .max_age = 1h, .expires = now - 1h}));  // max_age wins, as in browsers
  CHECK_FALSE(lives({.name = "s", .max_age = 0s}));
  CHECK_FALSE(lives({.name = "s", .max_age = -1s}));
  CHECK_FALSE(lives({.name = "s", .max_age = std::chrono::seconds::min()}));
  CHECK_FALSE(lives({.name = "s", .expires = now - 1h}));
  CHECK_FALSE(lives({.name = "s", .max_age = 0s, .expires = now + 1h}));
}

TEST_CASE("a session cookie is signed for 400 days, not for ever") {
  const std::string field = signed_by(SignedCookies(key1), {.name = "s", .value = "v"});
  const std::int64_t end = std::atoll(split(field, ".")[1].c_str());
  const std::int64_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  CHECK(std::abs(end - now - 400 * 86'400) < 60);
}

TEST_CASE("keys are changed without ending the sessions") {
  const SignedCookies before(key1), during(std::vector<std::string>{key2, key1}), after(key2);
  const std::string old_field = signed_by(before, {.name = "s", .value = "old"});
  const std::string new_field = signed_by(during, {.name = "s", .value = "new"});
  CHECK(during.get(with_cookies(old_field), "s") == "old");
  CHECK(during.get(with_cookies(new_field), "s") == "new");
  CHECK(after.get(with_cookies(new_field), "s") == "new");
  CHECK(after.get(with_cookies(old_field), "s") == std::nullopt);
  CHECK(before.get(with_cookies(new_field), "s") == std::nullopt);
}

TEST_CASE("keys that can be guessed are refused") {
  CHECK_THROWS_AS(SignedCookies(std::string()), std::invalid_argument);
  CHECK_THROWS_AS(SignedCookies(std::string(31, 'k')), std::invalid_argument);
  CHECK_THROWS_AS(SignedCookies(std::vector<std::string>()), std::invalid_argument);
  CHECK_THROWS_AS(SignedCookies(std::vector<std::string>{key1, "short"}), std::invalid_argument);
  CHECK_NOTHROW(SignedCookies(std::string(32, 'k')));
  CHECK_NOTHROW(SignedCookies(jot::random_token()));
}

TEST_CASE("a forged cookie in front does not hide the genuine one") {
  const SignedCookies cookies(key1);
  const std::string field = signed_by(cookies, {.name = "s", .value = "v"});
  CHECK(cookies.get(with_cookies("s=forged; " + field), "s") == "v");
  CHECK(cookies.get(with_cookies(field + "; s=forged"), "s") == "v");
  CHECK(cookies.get(with_cookies("s=forged; s=; s"), "s") == std::nullopt);
}

TEST_CASE("random tokens are safe in URLs, and never the same") {
  std::set<std::string> seen;
  for (const std::size_t bytes : {1u, 2u, 3u, 8u, 32u, 1000u}) {
    const std::string token = jot::random_token(bytes);
    CHECK(token.size() == (bytes * 8 + 5) / 6);
    CHECK(jot::percent_encode(token) == token);
  }
  for (int i = 0; i < 1000; ++i) CHECK(seen.insert(jot::random_token(16)).second);
  CHECK(jot::random_token().size() == 43);
  CHECK_THROWS_AS(jot::random_token(0), std::invalid_argument);
}

}  // namespace
