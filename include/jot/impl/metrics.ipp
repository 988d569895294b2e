// SPDX-License-Identifier: MIT
//
// metrics.ipp -- the bodies of metrics.hpp.
#pragma once

#include "../detail/call_and_tell.hpp"   // call_and_tell
#include "../detail/request_counts.hpp"  // RequestCounts, metric_head, label
#include "../detail/request_state.hpp"   // RequestAccess
#include "../metrics.hpp"
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter
#include "../server.hpp"           // Server, ServerStats

#include <atomic>     // std::atomic
#include <cstdint>    // std::uint64_t
#include <mutex>      // std::mutex
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move
#include <vector>     // std::vector

namespace jot::inline v1 {

namespace detail {

struct WatchedServer {
  const Server* server;
  std::string name;
};

struct MetricsState {
  std::atomic<std::size_t> in_flight{0};  // relaxed: a number to look at

  // For a few look-ups and additions for each request: shorter than what a thread would lose that
  // found it taken.
  std::mutex counts_mutex;  // guards counts
  RequestCounts counts;

  // Held while stats() are asked, so that unwatch() returns when nobody does any more.
  std::mutex servers_mutex;  // guards servers
  std::vector<WatchedServer> servers;
};

// Counts a request as long as its handler runs.
class InFlight {
 public:
  explicit InFlight(MetricsState& state) noexcept : state_(state) {
    state_.in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { state_.in_flight.fetch_sub(1, std::memory_order_relaxed); }

 private:
  MetricsState& state_;
};

// One metric of all servers.
template <class Number>
void write_servers(std::string& to, const std::vector<WatchedServer>& servers,
                   std::string_view name, std::string_view type, std::string_view help,
                   const Number& number) {
  to += metric_head(name, type, help);
  for (const auto& [server, server_name] : servers)
    to += text(name, "{", label("server", server_name), "} ", number(server->stats()), "\n");
}

JOT_INLINE void write_connections(std::string& to, const std::vector<WatchedServer>& servers) {
  to += metric_head("http_server_connections", "gauge", "Open connections: idle are parked.");
  for (const auto& [server, name] : servers) {
    const ServerStats s = server->stats();
    const std::string of = text("http_server_connections{", label("server", name), ",state=");
    to += text(of, "\"active\"} ", s.connections - s.idle, "\n");
    to += text(of, "\"idle\"} ", s.idle, "\n");
  }
}

JOT_INLINE void write_all_servers(std::string& to, const std::vector<WatchedServer>& servers) {
  using Stats = const ServerStats&;
  const auto write = [&](std::string_view name, std::string_view type, std::string_view help,
                         std::uint64_t (*number)(Stats)) {
    write_servers(to, servers, name, type, help, number);
  };
  write_connections(to, servers);
  write("http_server_threads", "gauge", "Threads of the server, waiting ones included.",
        [](Stats s) -> std::uint64_t { return s.threads; });
  write("http_server_lanes", "gauge", "Lanes: threads that wait for the network.",
        [](Stats s) -> std::uint64_t { return s.lanes; });
  write("http_server_connections_accepted_total", "counter", "Connections since the start.",
        [](Stats s) { return s.accepted; });
  write("http_server_requests_total", "counter", "Requests answered, by whatever status.",
        [](Stats s) { return s.requests; });
  write("http_server_requests_refused_total", "counter",
        "Requests malformed, too large or too slow, and 503s for want of threads.",
        [](Stats s) { return s.refused; });
  write("http_server_received_bytes_total", "counter", "Bytes from sockets.",
        [](Stats s) { return s.bytes_in; });
  write("http_server_sent_bytes_total", "counter", "Bytes to sockets.",
        [](Stats s) { return s.bytes_out; });
}

// Is the server that answers this request about to end?
JOT_INLINE bool is_stopping(const Request& r) {
  const Origin* origin = RequestAccess::state(r).origin;
  return origin && origin->stopping();
}

}  // namespace detail

JOT_INLINE Metrics::Metrics() : state_(std::make_shared<detail::MetricsState>()) {}

JOT_INLINE void Metrics::operator()(ResponseWriter& w, Request& r, const Handler& next) const {
  const detail::InFlight in_flight(*state_);
  const auto tell = [state = state_, &r, began = Clock::now()](int status, std::uint64_t) {
    const std::lock_guard lock(state->counts_mutex);
    state->counts.add(r.pattern(), r.method(), status, Clock::now() - began);
  };
  detail::call_and_tell(w, r, next, tell);
}

JOT_INLINE void Metrics::operator()(ResponseWriter& w, Request&) const {
  w.header().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  w.header().set("Cache-Control", "no-store");
  w.write(text());
}

JOT_INLINE std::string Metrics::text() const {
  std::string all = detail::metric_head("http_requests_in_flight", "gauge",
                                        "Requests that are being answered now.");
  all += jot::text("http_requests_in_flight ", state_->in_flight.load(std::memory_order_relaxed),
                   "\n");
  {
    const std::lock_guard lock(state_->counts_mutex);
    all += state_->counts.text_format();
  }
  const std::lock_guard lock(state_->servers_mutex);
  if (!state_->servers.empty()) detail::write_all_servers(all, state_->servers);
  return all;
}

JOT_INLINE void Metrics::watch(const Server& server, std::string_view name) const {
  const std::lock_guard lock(state_->servers_mutex);
  for (const auto& watched : state_->servers) {
    if (watched.name == name)
      throw std::invalid_argument("jot: Metrics: a server of this name is watched already");
  }
  state_->servers.push_back({&server, std::string(name)});
}

JOT_INLINE void Metrics::unwatch(const Server& server) const {
  const std::lock_guard lock(state_->servers_mutex);
  std::erase_if(state_->servers, [&](const auto& watched) { return watched.server == &server; });
}

JOT_INLINE Handler health() {
  return [](ResponseWriter& w) {
    w.header().set("Cache-Control", "no-store");
    return "ok\n";
  };
}

JOT_INLINE Handler readiness(Context until, std::function<bool()> check) {
  return [until = std::move(until), check = std::move(check)](ResponseWriter& w, Request& r) {
    w.header().set("Cache-Control", "no-store");
    const bool ending = until.done() || detail::is_stopping(r);
    const bool ready = !ending && (!check || check());
    if (!ready) w.write_header(503);
    return ending ? "shutting down\n" : ready ? "ready\n" : "not ready\n";
  };
}

}  // namespace jot::inline v1
