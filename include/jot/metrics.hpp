// SPDX-License-Identifier: MIT
//
// metrics.hpp -- how is the service doing? For Prometheus, and for those who restart it.
//
// In: requests that pass, and Servers to look at. Out: numbers as text, "alive", "ready".
//
//     jot::Metrics metrics;
//     app.use(metrics);                              // counts what passes
//     jot::Server server{{.handler = app}};
//     metrics.watch(server);                         // and tells how its connections are
//     admin.get("/metrics", metrics);                // on a port that the world does not see
//     admin.get("/health", jot::health());
//     admin.get("/ready", jot::readiness(until));
//
// Memory is bounded: a request is counted under the pattern of its route, not under its path, and
// under "other" where its method is none of the usual.
// Threads: everything here may be used from any thread.
#pragma once

#include "config.hpp"
#include "context.hpp"  // Context
#include "handler.hpp"  // Handler

#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

class Server;

namespace detail {
struct MetricsState;
}  // namespace detail

// A copyable handle on one set of numbers; a middleware that counts, and the handler that tells.
//
//     http_requests_total{method,pattern,status}           with the status that was sent
//     http_request_duration_seconds{method,pattern}        a histogram, from 0.5 ms to 10 s
//     http_requests_in_flight                              in here now
//     http_server_connections{server,state}                state: "idle", "active"
//     http_server_threads{server}, http_server_lanes{server}
//     http_server_connections_accepted_total, http_server_requests_total,
//     http_server_requests_refused_total, http_server_received_bytes_total,
//     http_server_sent_bytes_total {server}
class Metrics {
 public:
  Metrics();

  // Counts a request that passes, once it is over: app.use(metrics), outside of what may refuse.
  void operator()(ResponseWriter& w, Request& r, const Handler& next) const;

  // Answers with text(): app.get("/metrics", metrics).
  void operator()(ResponseWriter& w, Request& r) const;

  // All numbers in the text format of Prometheus, version 0.0.4.
  std::string text() const;

  // Tells the stats() of this server, too, under server="name".
  // Lifetime: unwatch() it, or let nobody ask any more, before the server is destroyed.
  // Throws: std::invalid_argument for a name that is taken.
  void watch(const Server& server, std::string_view name = "main") const;
  void unwatch(const Server& server) const;

 private:
  std::shared_ptr<detail::MetricsState> state_;
};

// "ok": the process lives and answers. Ask it to know whether to restart.
Handler health();

// "ready", or 503 for a load balancer to send its clients elsewhere: as soon as `until` is done,
// which is what the server waits for; as soon as the server that answers begins to shut down; or
// while check() is false. Nobody is to be restarted for that.
// until: the Context that listen_and_serve() was given. check is called from any thread.
Handler readiness(Context until = {}, std::function<bool()> check = {});

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/metrics.ipp"
#endif
