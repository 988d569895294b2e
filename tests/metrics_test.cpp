// SPDX-License-Identifier: MIT
//
// metrics_test.cpp -- what is counted, under which names, and can Prometheus read it?
#include "jot/metrics.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "raw_client.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using jot::record;
using jot::request;

bool has(std::string_view text, std::string_view line) {
  return ("\n" + std::string(text)).find("\n" + std::string(line) + "\n") != std::string::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// What `promtool check metrics` says to it: "" when all is well.
std::string complaints(const std::string& text) {
  FILE* promtool = popen("promtool check metrics > promtool.out 2>&1", "w");
  REQUIRE(promtool);
  fwrite(text.data(), 1, text.size(), promtool);
  const int status = pclose(promtool);
  std::string out;
  if (FILE* f = fopen("promtool.out", "r")) {
    char buffer[4096];
    out.append(buffer, fread(buffer, 1, sizeof buffer, f));
    fclose(f);
  }
  std::remove("promtool.out");
  if (status != 0) out += " (promtool ended with " + std::to_string(status) + ")";
  return out;
}

jot::Router make_app(const jot::Metrics& metrics) {
  jot::Router app;
  app.use(metrics);
  app.get("/posts/{id}", [] { return "post"; });
  app.handle("/all/", [] { return "all"; });
  app.post("/made", [](jot::ResponseWriter& w) { w.write_header(201); });
  app.get("/thrown", [] { throw jot::HttpError(409); });
  app.get("/broken", [] { throw std::runtime_error("x"); });
  app.get("/cut", [](jot::ResponseWriter& w) {
    w.write("half");
    w.flusher()->flush();
    throw std::runtime_error("x");
  });
  app.get("/metrics", metrics);
  return app;
}

TEST_CASE("metrics: requests by pattern, method and status, however they end") {
  const jot::Metrics metrics;
  const auto app = make_app(metrics);
  struct Case {
    std::string_view method, path, labels;
    int status;
  };
  const Case cases[] = {
      {"GET", "/posts/1", R"(method="GET",pattern="GET /posts/{id}")", 200},
      {"GET", "/posts/2", R"(method="GET",pattern="GET /posts/{id}")", 200},
      {"HEAD", "/posts/2", R"(method="HEAD",pattern="GET /posts/{id}")", 200},
      {"PURGE", "/all/x", R"(method="other",pattern="/all/")", 200},
      {"get", "/all/x", R"(method="other",pattern="/all/")", 200},
      {"POST", "/made", R"(method="POST",pattern="POST /made")", 201},
      {"GET", "/thrown", R"(method="GET",pattern="GET /thrown")", 409},
      {"GET", "/broken", R"(method="GET",pattern="GET /broken")", 500},
      {"GET", "/cut", R"(method="GET",pattern="GET /cut")", 200},
      {"GET", "/nowhere/1", R"(method="GET",pattern="")", 404},
      {"GET", "/nowhere/2", R"(method="GET",pattern="")", 404},
  };
  for (const auto& c : cases) record(app, request(c.method, c.path));
  const std::string text = metrics.text();
  for (const auto& [method, path, labels, status] : cases) {
    int wanted = 0;
    for (const auto& c : cases) wanted += c.labels == labels && c.status == status;
    INFO(path);
    CHECK(
        has(text, jot::text("http_requests_total{", labels, ",status=\"", status, "\"} ", wanted)));
  }
  CHECK(count(text, "\nhttp_requests_total{") == 8);
  CHECK(count(text, "le=\"+Inf\"") == 8);
  CHECK(has(text, "http_requests_in_flight 0"));
  CHECK(text.find("nowhere") == text.npos);
}

TEST_CASE("metrics: of what was thrown, the status counts that the page for it has") {
  const jot::Metrics metrics;
  auto app = make_app(metrics);
  app.on_error([](jot::ResponseWriter& w, jot::Request&, int status, std::string_view) {
    w.write_header(status == 409 ? 410 : status);
  });
  CHECK(record(app, request("GET", "/thrown")).status == 410);
  CHECK(has(metrics.text(),
            R"(http_requests_total{method="GET",pattern="GET /thrown",status="410"} 1)"));
  CHECK(has(metrics.text(), "http_requests_in_flight 0"));
}

TEST_CASE("metrics: the histogram adds up") {
  const jot::Metrics metrics;
  jot::Router app;
  app.use(metrics);
  app.get("/x", [] { std::this_thread::sleep_for(std::chrono::milliseconds(3)); });
  for (int i = 0; i < 3; ++i) record(app, request("GET", "/x"));
  const std::string text = metrics.text();
  const std::string of =
      R"(http_request_duration_seconds_bucket{method="GET",pattern="GET /x",le=)";
  CHECK(has(text, of + "\"0.0005\"} 0"));  // it slept longer
  CHECK(has(text, of + "\"0.0025\"} 0"));
  CHECK(has(text, of + "\"+Inf\"} 3"));
  CHECK(has(text, R"(http_request_duration_seconds_count{method="GET",pattern="GET /x"} 3)"));
  CHECK(count(text, of) == 15);
  const auto sum = text.find("_sum{method=\"GET\",pattern=\"GET /x\"} ");
  REQUIRE(sum != text.npos);
  CHECK(std::stod(text.substr(text.find("} ", sum) + 2)) >= 0.009);
}

TEST_CASE("metrics: in flight is who is within, itself included") {
  const jot::Metrics metrics;
  const auto app = make_app(metrics);
  CHECK(has(record(app, request("GET", "/metrics")).body, "http_requests_in_flight 1"));
  CHECK(has(metrics.text(), "http_requests_in_flight 0"));
  const auto res = record(app, request("GET", "/metrics"));
  CHECK(res.header.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
}

TEST_CASE("metrics: labels are escaped") {
  const jot::Metrics metrics;
  jot::Router app;
  app.use(metrics);
  app.get("/a\"b\\c", [] { return "x"; });
  record(app, request("GET", "/a%22b%5Cc"));
  const jot::Server server{{}};
  metrics.watch(server, "one\n\"two\"");
  const std::string text = metrics.text();
  CHECK(count(text, R"(pattern="GET /a\"b\\c")") > 0);
  CHECK(has(text, R"(http_server_threads{server="one\n\"two\""} 0)"));
  CHECK(complaints(text) == "");
}

TEST_CASE("metrics: promtool reads them, and finds nothing to complain about") {
  const jot::Metrics metrics;
  const auto app = make_app(metrics);
  CHECK(complaints(metrics.text()) == "");
  for (const auto path : {"/posts/1", "/thrown", "/nowhere", "/all/"})
    record(app, request("GET", path));
  const jot::Server one{{}}, two{{}};
  metrics.watch(one, "one");
  metrics.watch(two, "two");
  CHECK(complaints(metrics.text()) == "");
  CHECK(complaints("no metrics\n") != "");
}

TEST_CASE("metrics: a server that is watched, until it is not") {
  const jot::Metrics metrics;
  jot::TestServer served(make_app(metrics));
  metrics.watch(served.server());
  CHECK_THROWS_AS(metrics.watch(served.server()), std::invalid_argument);
  raw::Client client(served.server().addr());
  const auto page = client.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body;
  CHECK(has(page, R"(http_server_connections_accepted_total{server="main"} 1)"));
  CHECK(has(page, R"(http_server_connections{server="main",state="active"} 1)"));
  CHECK(has(page, R"(http_server_connections{server="main",state="idle"} 0)"));
  CHECK(count(page, R"(http_server_lanes{server="main"} )") == 1);
  CHECK_FALSE(has(page, R"(http_server_lanes{server="main"} 0)"));
  metrics.unwatch(served.server());
  CHECK(metrics.text().find("http_server") == std::string::npos);
}

TEST_CASE("metrics: many threads count at once") {
  const jot::Metrics metrics;
  const auto app = make_app(metrics);
  record(app, request("GET", "/all/"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&app, t] {
      for (int i = 0; i < 250; ++i) {
        record(app, request("GET", i % 2 ? "/posts/1" : "/nowhere"));
        if (i % 50 == t) record(app, request("GET", "/metrics"));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = metrics.text();
  CHECK(
      has(text, R"(http_requests_total{method="GET",pattern="GET /posts/{id}",status="200"} 500)"));
  CHECK(has(text, R"(http_requests_total{method="GET",pattern="",status="404"} 500)"));
}

TEST_CASE("health is ok, and kept by no cache") {
  const auto res = record(jot::health(), request("GET", "/health"));
  CHECK(res.status == 200);
  CHECK(res.body == "ok\n");
  CHECK(res.header.get("Cache-Control") == "no-store");
}

TEST_CASE("readiness: while nothing ends, and the check says so") {
  auto [until, stop] = jot::with_cancel(jot::background());
  bool well = true;
  const auto ready = jot::readiness(until, [&well] { return well; });
  const auto ask = [&] {
    const auto res = record(ready, request("GET", "/ready"));
    return jot::text(res.status, " ", res.body);
  };
  CHECK(ask() == "200 ready\n");
  well = false;
  CHECK(ask() == "503 not ready\n");
  well = true;
  CHECK(ask() == "200 ready\n");
  stop();
  CHECK(ask() == "503 shutting down\n");
  CHECK(record(jot::readiness(), request("GET", "/")).status == 200);
}

TEST_CASE("readiness: 503 as soon as the server that answers shuts down") {
  raw::Gate entered;
  jot::Router app;
  app.get("/{$}", [&](jot::ResponseWriter& w, jot::Request& r) {
    const auto status = [&r] {
      jot::Recorder page;
      jot::readiness()(page, r);
      return page.status();
    };
    w.write(status(), " ");
    entered.open();
    raw::eventually([&] { return status() == 503; });  // the shutdown waits for this request
    w.write(status());
  });
  jot::TestServer served(app);
  raw::Client client(served.server().addr());
  REQUIRE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  entered.wait();
  std::thread stopper([&] { served.server().shutdown(jot::background()); });
  CHECK(client.response().body == "200 503");
  stopper.join();
}

}  // namespace
