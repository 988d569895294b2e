// SPDX-License-Identifier: MIT
//
// client_course_test.cpp -- redirects, cookies, retries, distance, proxies: is it done, where
// asked?
#include "jot/client.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"

#include <atomic>       // std::atomic
#include <chrono>       // std::chrono
#include <cstdlib>      // setenv
#include <mutex>        // std::mutex
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::jthread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using jot::Client;
using jot::Clock;
using jot::Errc;
using jot::TestServer;

namespace {

std::string text_of(jot::Result<jot::Response> res) {
  if (!res) return res.error().message();
  auto body = res->body.read_all();
  return body ? *body : body.error().message();
}

// What a request was, in one line.
void echo(jot::ResponseWriter& w, jot::Request& r) {
  w.write(r.method(), " ", r.target(), " auth=", r.header().get("Authorization"),
          " cookie=", r.header().get("Cookie"), " type=", r.header().get("Content-Type"),
          " body=", r.body().read_all());
}

// /to?status=302&url=... goes there; everything else is echoed.
void redirector(jot::ResponseWriter& w, jot::Request& r) {
  if (r.path() != "/to") return echo(w, r);
  r.body().read_all();
  w.header().set("Location", r.query("url"));
  w.write_header(r.query<int>("status", 302));
  w.write("elsewhere");
}

std::string to(std::string_view url, int status = 302) {
  return "/to?status=" + std::to_string(status) + "&url=" + jot::percent_encode(url);
}

// Answers as many requests as there are statuses, the last one for ever.
struct Moody {
  explicit Moody(std::vector<std::string> heads)
      : server([this](bad::Peer& peer) { serve(peer); }) {
    for (auto& head : heads) answers.push_back("HTTP/1.1 " + head + "Content-Length: 1\r\n\r\nx");
  }
  void serve(bad::Peer& peer) {
    while (!peer.request().empty()) {
      const std::size_t i = static_cast<std::size_t>(asked++);
      peer.send(answers[std::min(i, answers.size() - 1)]);
    }
  }
  std::vector<std::string> answers;
  std::atomic<int> asked = 0;
  bad::Server server;
};

}  // namespace

TEST_CASE("course: redirects are followed, with the method and body that they leave") {
  TestServer server(redirector);
  Client client;
  struct {
    int status;
    std::string_view method, want;
  } const table[] = {
      {301, "GET", "GET /end auth=Basic x cookie=c=1 type= body="},
      {302, "POST", "GET /end auth=Basic x cookie=c=1 type= body="},
      {303, "PUT", "GET /end auth=Basic x cookie=c=1 type= body="},
      {301, "PUT", "PUT /end auth=Basic x cookie=c=1 type=text/x body=abc"},
      {307, "POST", "POST /end auth=Basic x cookie=c=1 type=text/x body=abc"},
      {308, "PATCH", "PATCH /end auth=Basic x cookie=c=1 type=text/x body=abc"},
      {300, "GET", "elsewhere"},
      {305, "GET", "elsewhere"},
  };
  for (const auto& row : table) {
    INFO(row.status << " " << row.method);
    jot::ClientRequest request{.method = std::string(row.method),
                               .url = server.url(to("/end", row.status))};
    request.header = {{"Authorization", "Basic x"}, {"Cookie", "c=1"}};
    if (row.method != "GET") request.header.set("Content-Type", "text/x"), request.body = "abc";
    CHECK(text_of(client.send(request)) == row.want);
  }
  auto res = client.get(server.url(to("/a/../end?q#f")));
  REQUIRE(res);
  CHECK(res->url.starts_with(server.url("/end?q")));
  CHECK(client.head(server.url(to("/end", 303)))->status == 200);
}

TEST_CASE("course: credentials are not told to another origin") {
  TestServer here(redirector), there(redirector);
  Client client;
  jot::ClientRequest request{.url = here.url(to(there.url("/end")))};
  request.header = {{"Authorization", "Basic x"}, {"Cookie", "c=1"}};
  CHECK(text_of(client.send(request)) == "GET /end auth= cookie= type= body=");
  // Nor when it leads home again, nor those of the URL.
  request.url = here.url(to(there.url(to(here.url("/end")))));
  CHECK(text_of(client.send(request)) == "GET /end auth= cookie= type= body=");
  std::string with_user = here.url(to("/end"));
  with_user.insert(7, "me:pass@");
  CHECK(text_of(client.get(with_user)) == "GET /end auth=Basic bWU6cGFzcw== cookie= type= body=");
  with_user = here.url(to(there.url("/end")));
  with_user.insert(7, "me:pass@");
  CHECK(text_of(client.get(with_user)) == "GET /end auth= cookie= type= body=");
}

TEST_CASE("course: where redirects end") {
  TestServer server(redirector);
  struct {
    std::string_view location;
    Errc code;
    std::string_view words;
  } const table[] = {
      {"https://example.test/", Errc::refused_by_policy, "TLS proxy"},
      {"http+unix://%2Frun%2Fx.sock/", Errc::refused_by_policy, "only http"},
      {"http:///", Errc::bad_message, "without a host"},
  };
  Client client;
  for (const auto& row : table) {
    const auto res = client.get(server.url(to(row.location)));
    REQUIRE_FALSE(res);
    INFO(res.error().message());
    CHECK(res.error().code() == row.code);
    CHECK(res.error().message().find(row.words) != std::string::npos);
  }
  CHECK_FALSE(client.get(server.url(to("http://a b:x/"))));

  bad::Server loop([](bad::Peer& peer) {
    while (!peer.request().empty())
      peer.send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  });
  const auto res = client.get(loop.url("/"));
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == Errc::refused_by_policy);
  CHECK(res.error().message().find("10 redirects, in a loop") != std::string::npos);
  CHECK(loop.accepted() == 1);  // one connection for all

  Client stays{{.max_redirects = 0}};
  CHECK(stays.get(server.url(to("/end")))->status == 302);
  int reads = 0;
  const auto source = [&reads](std::span<char> s) { return reads++ ? 0 : (s[0] = 'a', 1u); };
  CHECK(client.post(server.url(to("/end", 307)), source)->status == 307);
}

TEST_CASE("course: a base_url does not bind redirects") {
  TestServer here(redirector), there(redirector);
  Client client{{.base_url = here.url()}};
  CHECK(text_of(client.get(to(there.url("/end")))) == "GET /end auth= cookie= type= body=");
  CHECK(client.get(there.url("/end")).error().code() == Errc::refused_by_policy);
}

TEST_CASE("course: a cookie jar keeps what servers set, and brings it along") {
  jot::Router app;
  app.get("/login", [](jot::ResponseWriter& w, jot::Request& r) {
    w.header().add("Set-Cookie", "id=7; Path=/; HttpOnly; Secure");
    w.header().add("Set-Cookie", "deep=1; Path=/deep");
    w.header().add("Set-Cookie", "other=1; Domain=example.test");
    jot::redirect(w, r, "/deep/er", 303);
  });
  app.get("/logout",
          [](jot::ResponseWriter& w) { w.header().add("Set-Cookie", "id=; Path=/; Max-Age=0"); });
  app.handle("/", echo);
  TestServer server(app), other(app);
  jot::CookieJar jar;
  Client client{{.cookies = jar}};
  CHECK(text_of(client.get(server.url("/login"))) ==
        "GET /deep/er auth= cookie=deep=1; id=7 type= body=");
  CHECK(text_of(client.get(server.url("/x"))) == "GET /x auth= cookie=id=7 type= body=");
  jot::ClientRequest request{.url = server.url("/x"), .header = {{"Cookie", "mine=1"}}};
  CHECK(text_of(client.send(request)) == "GET /x auth= cookie=mine=1; id=7 type= body=");
  request.header.add("Cookie", "another=1");
  CHECK(text_of(client.send(request)) == "GET /x auth= cookie=mine=1; another=1; id=7 type= body=");
  // Ports share cookies (RFC 6265bis section 8.5); another Client with the same jar does.
  CHECK(text_of(Client{{.cookies = jar}}.get(other.url("/x"))) ==
        "GET /x auth= cookie=id=7 type= body=");
  CHECK(client.get(server.url("/logout")));
  CHECK(text_of(client.get(server.url("/x"))) == "GET /x auth= cookie= type= body=");
  CHECK(jar.size() == 1);
  CHECK(text_of(Client().get(server.url("/x"))) == "GET /x auth= cookie= type= body=");
}

TEST_CASE("course: what may pass is asked again, where that is asked for and does no harm") {
  const std::vector<std::string> moods = {"503 S\r\n", "429 T\r\nRetry-After: 0\r\n", "502 B\r\n",
                                          "504 G\r\n", "200 OK\r\n"};
  struct {
    const char* method;
    int retries, status, asked;
  } const table[] = {
      {"GET", 0, 503, 1}, {"GET", 2, 502, 3},  {"GET", 4, 200, 5},   {"GET", 100, 200, 5},
      {"PUT", 4, 200, 5}, {"POST", 4, 503, 1}, {"PATCH", 4, 503, 1}, {"DELETE", 4, 200, 5},
  };
  for (const auto& row : table) {
    INFO(row.method << " " << row.retries);
    Moody moody(moods);
    Client client{{.max_retries = row.retries, .retry_pause = 1ms}};
    jot::ClientRequest request{.method = row.method, .url = moody.server.url("/")};
    if (row.method[0] == 'P') request.body = "abc";
    const auto res = client.send(request);
    REQUIRE(res);
    CHECK(res->status == row.status);
    CHECK(moody.asked == row.asked);
  }
  Moody never({"500 E\r\n"}), once({"503 S\r\n"});
  Client client{{.max_retries = 3, .retry_pause = 1ms}};
  CHECK(client.get(never.server.url("/"))->status == 500);
  CHECK(never.asked == 1);
  const auto source = [](std::span<char>) { return std::size_t{0}; };
  CHECK(client.put(once.server.url("/"), source)->status == 503);  // it could be read once
  CHECK(once.asked == 1);
}

TEST_CASE("course: connections that fail are tried again, until the time is over") {
  std::atomic<int> asked = 0;
  bad::Server server([&](bad::Peer& peer) {
    const std::string head = peer.request();
    if (++asked < 3) return peer.reset();
    peer.answer(head);
  });
  Client client{{.max_retries = 5, .retry_pause = 1ms}};
  CHECK(text_of(client.get(server.url("/x"))) == "/x");
  CHECK(asked == 3);

  const Clock::time_point begin = Clock::now();
  Client hurried{{.max_retries = 1000, .retry_pause = 1ms, .timeout = 200ms}};
  const auto res = hurried.get("http://127.0.0.1:1/");  // nobody listens there
  REQUIRE_FALSE(res);
  INFO(res.error().message());
  CHECK(Clock::now() - begin < 10s);
  CHECK(hurried.stats().open == 0);
}

TEST_CASE("course: Retry-After is honoured within bounds, and ends with the Context") {
  Moody later({"503 S\r\nRetry-After: 1\r\n", "200 OK\r\n"}),
      too_late({"503 S\r\nRetry-After: 11\r\n", "200 OK\r\n"}),
      bad({"429 T\r\nRetry-After: soon\r\n", "200 OK\r\n"});
  Client client{{.max_retries = 3, .retry_pause = 1ms}};
  const Clock::time_point begin = Clock::now();
  CHECK(client.get(later.server.url("/"))->status == 200);
  CHECK(Clock::now() - begin >= 1s);
  CHECK(client.get(too_late.server.url("/"))->status == 503);  // longer than max_retry_pause
  CHECK(client.get(bad.server.url("/"))->status == 200);
  Client short_of_time{{.max_retries = 3, .timeout = 500ms}};
  later.asked = 0;
  CHECK(short_of_time.get(later.server.url("/"))->status == 503);

  later.asked = 0;
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  std::jthread canceller([&, c = &cancel] {
    while (later.asked == 0) std::this_thread::yield();
    (*c)();
  });
  const auto res = client.get(ctx, later.server.url("/"));
  if (!res) CHECK(res.error().canceled());
  CHECK(later.asked == 1);
}

TEST_CASE("course: requests to one host keep their distance, from whatever thread they come") {
  std::mutex mutex;
  std::vector<Clock::time_point> arrivals;
  bad::Server server([&](bad::Peer& peer) {
    for (std::string head; !(head = peer.request()).empty();) {
      {
        std::lock_guard lock(mutex);
        arrivals.push_back(Clock::now());
      }
      peer.answer(head);
    }
  });
  Client client{{.min_interval = 20ms}};
  const Clock::time_point begin = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 3; ++i) (void)text_of(client.get(server.url("/x")));
      });
    }
  }
  {
    std::lock_guard lock(mutex);
    CHECK(arrivals.size() == 9);
  }
  CHECK(Clock::now() - begin >= 8 * 20ms);

  // Also where they had to wait for a connection meanwhile: then one departs after the other.
  arrivals.clear();
  bad::Server slow([&](bad::Peer& peer) {
    for (std::string head; !(head = peer.request()).empty(); peer.answer(head)) {
      std::lock_guard lock(mutex);
      arrivals.push_back(Clock::now());
      if (arrivals.size() == 1) peer.sleep(100ms);
    }
  });
  Client narrow{{.max_per_host = 1, .min_interval = 30ms}};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] { (void)text_of(narrow.get(slow.url("/x"))); });
  }
  REQUIRE(arrivals.size() == 4);
  CHECK(arrivals[3] - arrivals[0] >= 100ms + 30ms);  // all at once: 100 ms, and a little

  Client patient{{.min_interval = 1h, .timeout = 1s}};
  CHECK(patient.get(server.url("/")));
  const auto res = patient.get(server.url("/"));
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == Errc::deadline_exceeded);
  CHECK(res.error().message().find("min_interval") != std::string::npos);
}

TEST_CASE("course: the proxy of the environment is asked where that is asked for") {
  bad::Server proxy([](bad::Peer& peer) { peer.behave(); });
  setenv("http_proxy", proxy.url("").c_str(), 1);
  setenv("no_proxy", "direct.test,127.0.0.1", 1);
  {
    Client client{{.proxy_from_environment = true}};
    CHECK(text_of(client.get("http://far.test/x")) == "http://far.test/x");
    CHECK_FALSE(client.get("http://direct.test:1/x"));
    CHECK(text_of(client.get(proxy.url("/here"))) == "/here");
    Client asked_nobody{{.connect_timeout = 2s}};
    CHECK_FALSE(asked_nobody.get("http://far.test/x"));
  }
  setenv("http_proxy", "socks5://127.0.0.1:1", 1);
  CHECK_THROWS_AS(Client({.proxy_from_environment = true}), std::invalid_argument);
  unsetenv("http_proxy"), unsetenv("no_proxy");
  Client none{{.proxy_from_environment = true}};
  CHECK(text_of(none.get(proxy.url("/x"))) == "/x");
}
