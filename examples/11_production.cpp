// 11_production.cpp -- a service that may be left alone: why each line is there.
//
// In front of it stands a proxy that speaks TLS, on the same machine (the README has one).
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "jot.hpp"

using namespace std::chrono_literals;

// What a client is told when something fails: the status, and a number to quote. Why it failed
// stands in the log, under the same number, and is nobody else's business.
void error_page(jot::ResponseWriter& w, jot::Request& r, int status, std::string_view) {
  const std::string* id = r.value(jot::current_request_id);
  w.json({{"error", jot::status_text(status)}, {"request_id", id ? *id : ""}});
}

jot::Router make_app(const jot::Context& until, const jot::Metrics& metrics) {
  jot::Router app;
  app.on_error(error_page);
  app.use(jot::request_id());  // a complaint that quotes it is found in the log
  app.use(jot::access_log({.format = jot::AccessFormat::json}));  // who asked, and what was said
  app.use(metrics);                // outside of those that may refuse: what they refuse counts, too
  app.use(jot::secure_headers());  // browsers: no frames, no guessing of types, https only
  app.use(jot::csrf_guard());      // no other site acts in a user's name
  app.get("/health", jot::health());         // for whoever restarts us: do we live?
  app.get("/ready", jot::readiness(until));  // for the load balancer: no, once we are stopping

  auto site = app.group("/");
  site.use(jot::rate_limit({.burst = 100, .per = 1s, .requests = 50}));  // one client is not all
  site.use(jot::timeout(5s));  // nobody waits longer: an answer, even a 503, is better than none
  site.use(jot::etag());       // what the client has already need not be sent again
  site.get("/{$}", [] { return "Welcome.\n"; });
  site.get("/broken", []() -> std::string { throw std::runtime_error("db: wrong password"); });
  site.post("/upload", jot::max_body(1 << 20)([](jot::Request& r) {  // more than elsewhere
              return std::to_string(r.body().read_all().size()) + " bytes\n";
            }));

  const char* password = std::getenv("METRICS_PASSWORD");  // secrets are not in the source
  auto internal = app.group("/internal");
  internal.use(jot::basic_auth("internal", "prometheus", password ? password : "try"));
  internal.get("/metrics", metrics);
  return app;
}

int main() try {
  const jot::Context until = jot::notify_context({SIGINT, SIGTERM});  // a second signal kills
  const jot::Metrics metrics;
  jot::Server server{{
      .addr = ":8080",      // behind a proxy on this machine: "127.0.0.1:8080"
      .body_timeout = 10s,  // a body that comes to a halt
      .drain_timeout = 8s,  // below what systemd or Kubernetes grants before it kills
      .handler = make_app(until, metrics),
      .head_timeout = 5s,       // a client that sends a letter a second
      .idle_timeout = 75s,      // longer than the proxy's own: it must be the one that closes
      .max_body = 64 << 10,     // what nearly all requests need
      .request_timeout = 1min,  // whatever a route says: here it ends
      .trusted_proxies = {"127.0.0.1"},  // who may tell us the client's address
      .write_timeout = 10s,              // a client that does not read
  }};
  metrics.watch(server);
  server.listen_and_serve(until);  // until told to stop; then those who are here are served first
  metrics.unwatch(server);
} catch (const std::exception& e) {  // the port is taken, say: let whoever started us know
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}

// Try:    curl -si -H 'X-Request-ID: seven' localhost:8080/broken
// Output: HTTP/1.1 500 Internal Server Error
//         X-Request-ID: seven
//         {"error":"Internal Server Error","request_id":"seven"}
// Try:    curl -si localhost:8080
// Output: HTTP/1.1 200 OK
//         X-Content-Type-Options: nosniff
//         ETag: "{...}"
//         Welcome.
// Try:    curl -si localhost:8080 -H 'If-None-Match: *'
// Output: HTTP/1.1 304 Not Modified
// Try:    head -c 100000 /dev/zero | curl -s localhost:8080/upload --data-binary @-
// Output: 100000 bytes
// Try:    curl -s localhost:8080/upload -d x -H 'Origin: https://evil.example'
// Output: {"error":"Forbidden",...
// Try:    curl -s localhost:8080/ready
// Output: ready
// Try:    curl -su prometheus:try localhost:8080/internal/metrics
// Output: http_requests_total{method="GET",pattern="GET /broken",status="500"} 1
