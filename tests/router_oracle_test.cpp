// SPDX-License-Identifier: MIT
//
// router_oracle_test.cpp -- does the Router answer as Go's http.ServeMux does?
//
// router_cases.inc holds patterns, requests and what Go 1.23 says to them; oracle/route.go wrote
// the answers. Where jot differs on purpose, the rules and the list below say how and why.
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "jot/url.hpp"

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view go_says =
#include "router_cases.inc"
    ;

Words split(std::string_view line, std::string_view by) {
  Words words;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(by, at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end + by.size();
  }
  return words;
}

std::vector<std::string> names_in(std::string_view pattern) {
  std::vector<std::string> names;
  for (std::size_t open = 0; (open = pattern.find('{', open)) != pattern.npos; ++open) {
    const std::string_view name =
        pattern.substr(open + 1, pattern.find_first_of("}.", open) - open - 1);
    if (name != "$") names.emplace_back(name);
  }
  return names;
}

std::string add(jot::Router& app, const std::string& pattern) {
  try {
    app.handle(pattern, [=](jot::ResponseWriter& w, jot::Request& r) {
      w.header().set("Matched", pattern);
      for (const std::string& name : names_in(pattern)) {
        w.write(" ", name, "=", jot::percent_encode(r.path_value(name)));
      }
    });
    return "ok";
  } catch (const std::invalid_argument& e) {
    return std::string_view(e.what()).find("conflicts with") == std::string_view::npos ? "bad"
                                                                                       : "conflict";
  }
}

std::string ask(const jot::Router& app, const std::string& method, const std::string& host,
                const std::string& target) {
  std::optional<jot::Request> r;
  try {
    r.emplace(jot::request(method, target, {.header = {{"Host", host}}}));
  } catch (const std::invalid_argument&) {
    return "400";
  }
  const jot::Recorded res = jot::record(app, std::move(*r));
  std::string status = std::to_string(res.status);
  if (res.status == 200) return jot::text(status, " ", res.header.get("Matched"), res.body);
  if (res.status == 405 || res.status == 204)
    return jot::text(status, " ", res.header.get("Allow"));
  if (res.header.has("Location")) return jot::text(status, " ", res.header.get("Location"));
  return status;
}

// What differs everywhere, so that it need not be listed case by case:
// - OPTIONS is answered for every path that is known, so it stands in Allow;
// - a redirect of what is neither GET nor HEAD is 308, for 301 turns a POST into a GET.
std::string by_our_rules(const std::string& method, std::string go) {
  if (go.starts_with("405 ")) {
    std::set<std::string> methods{"OPTIONS"};
    for (const std::string& m : split(go.substr(4), ", ")) methods.insert(m);
    std::string all;
    for (const std::string& m : methods) all += (all.empty() ? "" : ", ") + m;
    return (method == "OPTIONS" ? "204 " : "405 ") + all;
  }
  if (go.starts_with("301 ") && method != "GET" && method != "HEAD") go.replace(0, 3, "308");
  return go;
}

struct Difference {
  std::string_view set, line, want;
};

const Difference differences[] = {
    // An encoded slash is a letter of its segment, never the slash that {$} stands for.
    {"the root alone", "? GET example.com /%2F", "404"},
    // CONNECT names a host and is never redirected; CONNECT with a path is refused by the parser.
    {"everything", "? CONNECT example.com example.com:443", "200 /"},
    {"connect", "? CONNECT example.com example.com:443", "200 CONNECT /"},
    {"connect", "? CONNECT example.com /tunnel/x", "400"},
    {"connect", "? CONNECT example.com /tunnel", "400"},
    {"connect", "? CONNECT example.com /a//b", "400"},
    // A URL without a path means the root (RFC 9110 §4.2.3): no redirect is needed.
    {"everything", "? GET example.com http://example.com", "200 /"},
    // Dots are dots, also percent-encoded (RFC 3986 §6.2.2): no handler ever sees a segment "..".
    {"one segment", "? GET example.com /posts/%2e", "301 /posts"},
    {"one segment", "? GET example.com /posts/%2e%2e", "301 /"},
    {"one segment", "? GET example.com /posts/%2E./x", "301 /x"},
    {"one segment", "? GET example.com /posts/.%2e/x", "301 /x"},
    {"cleaning", "? GET example.com /a/%2e/b", "301 /a/b"},
    {"cleaning", "? GET example.com /a/%2E%2e/c", "301 /c"},
    {"cleaning", "? GET example.com /%2e%2e/c", "301 /c"},
    {"cleaning", "? GET example.com /e/%2e%2e", "301 /"},
    // A redirect neither decodes what was encoded nor encodes it twice.
    {"slash redirects under wider patterns", "? GET example.com /a/c%2Fd", "301 /a/c%2Fd/"},
    {"cleaning", "? GET example.com //a%2Fb", "301 /a%2Fb"},
    {"cleaning", "? GET example.com /d//a%20b", "301 /d/a%20b"},
    {"cleaning", "? GET example.com /e//%41", "301 /e/%41"},
    // Hosts have no case, and a dot at their end changes nothing. Brackets belong to IPv6
    // addresses.
    {"hosts", "? GET EXAMPLE.COM /a", "200 GET example.com/a"},
    {"hosts", "? GET example.com. /a", "200 GET example.com/a"},
    {"hosts", "? GET [::1]:80 /v6", "200 [::1]/v6"},
    {"pair of hosts", "+ EXAMPLE.com/a", "conflict"},
    {"pair of hosts", "+ EXAMPLE.com/{y}/b", "conflict"},
    // Patterns that can only be a slip of the pen.
    {"register 5", "+  /x", "bad"},
    {"register 8", "+ /}", "bad"},
    {"register 11", "+ /x}", "bad"},
};

TEST_CASE("the Router answers as Go's ServeMux but for the listed differences") {
  std::map<std::string, const Difference*> listed;
  for (const Difference& d : differences) listed[jot::text(d.set, "\n", d.line)] = &d;
  std::optional<jot::Router> app;
  std::string set;
  std::size_t requests = 0, used = 0;
  for (const std::string& line : split(go_says, "\n")) {
    if (line.starts_with("set ")) set = line.substr(4), app.emplace();
    const Words parts = split(line, " => ");
    if (parts.size() != 2) continue;
    const Words words = split(parts[0], " ");
    const bool asks = words[0] == "?";
    requests += asks;
    const std::string got =
        asks ? ask(*app, words[1], words[2], words[3]) : add(*app, parts[0].substr(2));
    std::string want = asks ? by_our_rules(words[1], parts[1]) : parts[1];
    if (const auto d = listed.find(set + "\n" + parts[0]); d != listed.end()) {
      CHECK(want !=
            d->second->want);  // a difference that is none any more is to be taken off the list
      want = d->second->want;
      ++used;
    }
    INFO("set " << set << ": " << line);
    CHECK(got == want);
  }
  CHECK(requests >= 400);
  CHECK(used == listed.size());
}

}  // namespace
