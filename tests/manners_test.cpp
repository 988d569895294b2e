// SPDX-License-Identifier: MIT
//
// manners_test.cpp -- when may a server be asked again, and by way of whom?
#include "jot/detail/backoff.hpp"
#include "jot/detail/host_gate.hpp"
#include "jot/detail/proxy_env.hpp"
#include "jot/detail/retry_after.hpp"

#include "catch.hpp"

#include <atomic>       // std::atomic
#include <chrono>       // std::chrono
#include <cstdlib>      // setenv, unsetenv
#include <set>          // std::set
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::jthread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using jot::Clock;
using jot::detail::Backoff;
using jot::detail::HostGate;
using jot::detail::parse_retry_after;
using jot::detail::ProxyEnv;

TEST_CASE("manners: Retry-After is seconds or a date, and bounded") {
  constexpr std::int64_t now = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
  struct {
    std::string_view value;
    std::int64_t want;  // -1: none
  } const table[] = {
      {"0", 0},
      {"120", 120},
      {" 120 ", 120},
      {"0000000000000000000000000001", 1},
      {"86400", 86'400},
      {"86401", 86'400},
      {"99999999999999999999999999999", 86'400},
      {"Sun, 06 Nov 1994 08:49:47 GMT", 10},
      {"Sunday, 06-Nov-94 08:49:47 GMT", 10},
      {"Sun Nov  6 08:49:47 1994", 10},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
      {"Sun, 06 Nov 1994 08:49:27 GMT", 0},
      {"Sun, 06 Nov 9994 08:49:37 GMT", 86'400},
      {"", -1},
      {" ", -1},
      {"-1", -1},
      {"+1", -1},
      {"1.5", -1},
      {"1, 2", -1},
      {"1s", -1},
      {"soon", -1},
      {"Sun, 06 Nov 1994 08:49:47 CET", -1},
  };
  for (const auto& row : table) {
    INFO(row.value);
    CHECK(parse_retry_after(row.value, now).value_or(-1s) == std::chrono::seconds(row.want));
  }
}

TEST_CASE("manners: backoff doubles up to its limit, and spreads over all of it") {
  constexpr Backoff backoff(100ms, 2s);
  struct {
    int failures;
    std::chrono::nanoseconds want;
  } const table[] = {{0, 100ms},  {1, 100ms}, {2, 200ms}, {3, 400ms},         {4, 800ms},
                     {5, 1600ms}, {6, 2s},    {7, 2s},    {1'000'000'000, 2s}};
  for (const auto& row : table) {
    INFO(row.failures);
    CHECK(backoff.bound(row.failures) == row.want);
    CHECK(backoff.pause(row.failures, 0) == 0ns);
    CHECK(backoff.pause(row.failures, static_cast<std::uint64_t>(row.want.count())) == row.want);
    for (int i = 0; i < 100; ++i) {
      const auto pause = backoff.pause(row.failures);
      CHECK((pause >= 0ns && pause <= row.want));
    }
  }
  constexpr auto longest = std::chrono::nanoseconds::max();
  CHECK(Backoff(1ns, longest).bound(1000) == longest);
  CHECK(Backoff(longest, longest).pause(5, UINT64_MAX) <= longest);
  CHECK(Backoff(5s, 1s).bound(1) == 1s);
  std::set<std::chrono::nanoseconds> seen;
  for (int i = 0; i < 50; ++i) seen.insert(backoff.pause(6));
  CHECK(seen.size() > 40);
}

TEST_CASE("manners: moments of one host are an interval apart") {
  HostGate gate(2s);
  const Clock::time_point now = Clock::now(), late = now + 1h;
  CHECK(*gate.reserve("a:80", now, late) == now);
  CHECK(*gate.reserve("a:80", now, late) == now + 2s);
  CHECK(*gate.reserve("a:80", now + 1s, late) == now + 4s);
  CHECK(*gate.reserve("b:80", now, late) == now);  // another host
  CHECK(*gate.reserve("a:80", now + 30s, late) == now + 30s);

  // Who cannot wait takes nothing.
  CHECK_FALSE(gate.reserve("b:80", now, now + 1s));
  CHECK(*gate.reserve("b:80", now, now + 2s) == now + 2s);

  // Who gives up gives back, where nobody stands behind.
  gate.give_back("b:80", now + 2s);
  CHECK(*gate.reserve("b:80", now, late) == now + 2s);
  CHECK(*gate.reserve("b:80", now, late) == now + 4s);
  gate.give_back("b:80", now + 2s);
  CHECK(*gate.reserve("b:80", now, late) == now + 6s);
  gate.give_back("unknown", now);
}

TEST_CASE("manners: the gate remembers a bounded number of hosts") {
  HostGate gate(1h);
  const Clock::time_point now = Clock::now(), late = now + 100h;
  for (std::size_t i = 0; i < HostGate::max_hosts; ++i)
    CHECK(gate.reserve("h" + std::to_string(i), now + std::chrono::seconds(i), late));
  CHECK(gate.hosts() == HostGate::max_hosts);
  CHECK(gate.reserve("new", now, late));
  CHECK(gate.hosts() == HostGate::max_hosts);
  CHECK(*gate.reserve("h1", now, late) == now + 1s + 1h);  // only h0 was forgotten
  CHECK(*gate.reserve("h2000", now + 1h + 500s, late) == now + 1h + 500s);
  CHECK(gate.hosts() < HostGate::max_hosts - 400);
}

TEST_CASE("manners: the gate waits with the Context, and holds many threads to it") {
  HostGate open(0s);
  CHECK(open.pass(jot::background(), "a", Clock::now()));
  HostGate gate(1h);
  CHECK(gate.pass(jot::background(), "a", Clock::now() + 1h));
  CHECK_FALSE(gate.pass(jot::background(), "a", Clock::now() + 1min));  // at once
  auto [ctx, cancel] = jot::with_timeout(jot::background(), 1ms);
  CHECK_FALSE(gate.pass(ctx, "a", Clock::time_point::max()));
  CHECK_FALSE(open.pass(ctx, "a", Clock::time_point::max()));

  HostGate busy(2ms);
  std::atomic<int> passed = 0;
  const Clock::time_point begin = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i) passed += busy.pass(jot::background(), "a", begin + 1h);
      });
    }
  }
  CHECK(passed == 20);
  CHECK(Clock::now() - begin >= 19 * 2ms);
}

TEST_CASE("manners: no_proxy names the exceptions") {
  struct {
    std::string_view no_proxy, host;
    int port;
    bool by_proxy;
  } const table[] = {
      {"", "a.test", 80, true},
      {"*", "a.test", 80, false},
      {"b.test, *", "a.test", 80, false},
      {"a.test", "a.test", 80, false},
      {"a.test", "A.Test.", 80, false},
      {"A.TEST", "a.test", 80, false},
      {"a.test.", "a.test", 80, false},
      {"a.test", "b.a.test", 80, false},
      {"a.test", "ba.test", 80, true},
      {"a.test", "a.test.evil", 80, true},
      {"a.test", "test", 80, true},
      {".a.test", "b.a.test", 80, false},
      {".a.test", "a.test", 80, true},
      {".a.test", "ba.test", 80, true},
      {"*.a.test", "b.a.test", 80, false},
      {"*.a.test", "a.test", 80, true},
      {"x,a.test,y", "a.test", 80, false},
      {"x a.test\ty", "a.test", 80, false},
      {" , ,, a.test ,", "a.test", 80, false},
      {"a.test:8080", "a.test", 8080, false},
      {"a.test:8080", "b.a.test", 8080, false},
      {"a.test:8080", "a.test", 80, true},
      {"a.test:x", "a.test", 80, true},
      {"a.test:", "a.test", 80, true},
      {"a.test:99999", "a.test", 80, true},
      {":80", "a.test", 80, true},
      {".", "a.test", 80, true},
      {"10.0.0.1", "10.0.0.1", 80, false},
      {"10.0.0.1", "10.0.0.11", 80, true},
      {"10.0.0.1:81", "10.0.0.1", 81, false},
      {"10.0.0.1:81", "10.0.0.1", 80, true},
      {"10.0.0.0/8", "10.9.8.7", 80, false},
      {"10.0.0.0/8", "11.0.0.1", 80, true},
      {"10.0.0.0/8", "x.10.9.8.7.test", 80, true},
      {"0.0.0.0/0", "11.0.0.1", 80, false},
      {"10.0.0.0/33", "10.0.0.1", 80, true},
      {"0.1", "10.0.0.1", 80, true},
      {"2001:db8::1", "[2001:db8::1]", 80, false},
      {"2001:db8::1", "2001:db8:0::1", 80, false},
      {"[2001:db8::1]", "[2001:db8::1]", 80, false},
      {"[2001:db8::1]:81", "[2001:db8::1]", 81, false},
      {"[2001:db8::1]:81", "[2001:db8::1]", 80, true},
      {"2001:db8::/32", "[2001:db8:1::1]", 80, false},
      {"2001:db8::/32", "[2001:db9::1]", 80, true},
      {"", "localhost", 80, false},
      {"", "LOCALHOST", 8080, false},
      {"", "127.1.2.3", 80, false},
      {"", "[::1]", 80, false},
      {"", "[::ffff:127.0.0.1]", 80, false},
      {"", "localhost.test", 80, true},
  };
  for (const auto& row : table) {
    INFO("no_proxy=" << row.no_proxy << "  " << row.host << " " << row.port);
    CHECK(ProxyEnv("proxy.test:3128", row.no_proxy).is_for(row.host, row.port) == row.by_proxy);
    CHECK_FALSE(ProxyEnv("", row.no_proxy).is_for(row.host, row.port));
  }
}

TEST_CASE("manners: the proxy's URL, and whose environment it is") {
  CHECK(ProxyEnv("proxy.test:3128", "").proxy() == "http://proxy.test:3128");
  CHECK(ProxyEnv(" http://me:pass@proxy.test/ ", "").proxy() == "http://me:pass@proxy.test/");
  CHECK(ProxyEnv("socks5://proxy.test", "").proxy() == "socks5://proxy.test");  // refused later
  CHECK(ProxyEnv("", "*").proxy().empty());

  setenv("HTTP_PROXY", "http://from.a.request.field/", 1);
  unsetenv("http_proxy"), unsetenv("no_proxy"), unsetenv("NO_PROXY");
  CHECK(ProxyEnv::of_process().proxy().empty());
  setenv("http_proxy", "proxy.test", 1);
  setenv("NO_PROXY", "a.test", 1);
  CHECK(ProxyEnv::of_process().proxy() == "http://proxy.test");
  CHECK_FALSE(ProxyEnv::of_process().is_for("a.test", 80));
  setenv("no_proxy", "b.test", 1);
  CHECK(ProxyEnv::of_process().is_for("a.test", 80));
  unsetenv("http_proxy"), unsetenv("HTTP_PROXY"), unsetenv("no_proxy"), unsetenv("NO_PROXY");
}
