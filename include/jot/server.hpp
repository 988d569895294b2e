// SPDX-License-Identifier: MIT
//
// server.hpp -- who listens, and how long does it wait for whom?
//
// In: an address and a Handler. Out: requests answered, until it is told to stop.
//
//     jot::listen_and_serve(":8080", app);                              // the ten-line program
//
//     jot::Server server{{.addr = "127.0.0.1:0", .handler = app, .idle_timeout = 30s}};
//     server.start();                               // returns; addr() tells the port
//
// Every request in a handler has a thread of its own, so a handler may block; a connection between
// requests is parked and costs none. How that works is told in detail/lane.hpp.
//
// Requests that a client sends ahead (pipelining) are answered in order, and answers that are ready
// together leave together. So one that is ready may wait for a handler behind it that blocks: not
// where that waits by jot's own means (Context, Body, a full socket) or inside blocking(), and not
// where its route has blocked lately; else until it returns.
// Threads: the members of Server may be called from any thread, but not from its own handlers:
// shutdown() and the destructor wait for these.
#pragma once

#include "config.hpp"
#include "context.hpp"  // Context, nanoseconds
#include "handler.hpp"  // Handler
#include "log.hpp"      // Logger

#include <chrono>   // std::chrono::seconds
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint64_t
#include <memory>   // std::unique_ptr
#include <string>   // std::string
#include <vector>   // std::vector

namespace jot::inline v1 {

namespace detail {
class Engine;
}  // namespace detail

// In alphabetical order, so that designated initializers are easy to order.
struct ServerOptions {
  // ":8080" (IPv6 and IPv4), "127.0.0.1:8080", "[::1]:0", "localhost:80", "unix:/run/app.sock", or
  // "systemd" for the sockets that were handed over (LISTEN_FDS). Port 0 picks a free one.
  std::string addr = ":8080";

  // A request body: without progress for so long, or below 240 bytes/s after 5 s, is 408.
  nanoseconds body_timeout = std::chrono::seconds(30);

  // listen_and_serve(until): how long requests may take to end before their Contexts are cancelled.
  nanoseconds drain_timeout = std::chrono::seconds(10);

  Handler handler = {};

  // A request head, from its first byte to its last (for the first of a connection: from accept):
  // 408.
  nanoseconds head_timeout = std::chrono::seconds(10);

  // Between two requests: then the connection is closed.
  nanoseconds idle_timeout = std::chrono::seconds(75);

  // Gets a LogRecord for everything that went wrong; the default writes a line to stderr. Called on
  // the server's threads, one or many at a time.
  Logger log = {};

  // Bytes of a request body, chunked or not: more is 413. Body::set_limit() changes it for one
  // request.
  std::uint64_t max_body = 10u << 20;

  // Open connections. 0: the fd limit less 64. Beyond, the longest idle one makes room.
  std::size_t max_connections = 0;

  // Header fields of a request: more is 431.
  std::size_t max_fields = 100;

  // Bytes of a request head: more is 431.
  std::size_t max_head = 32u << 10;

  // Bytes of a request target: more is 414.
  std::size_t max_target = 8u << 10;

  // Requests inside blocking handlers at a time: more are answered 503 with Retry-After.
  std::size_t max_threads = 4096;

  // Raises the process's soft limit of open files to the hard one.
  bool raise_fd_limit = true;

  // From the call of a handler until its Context ends (cause: deadline exceeded), and with it what
  // the library waits for in it. A handler that asks for no Context and waits for nothing of the
  // library's hears nothing of it. 0: no limit.
  nanoseconds request_timeout = nanoseconds::zero();

  // Several processes listen on one port (SO_REUSEPORT). Without, a second one is an error.
  bool reuse_port = false;

  // Addresses of your own proxies, "127.0.0.1", "10.0.0.0/8", "fd00::/8", or "unix" for those on a
  // Unix socket: what they say of a client is what remote_addr() and scheme() say. See real_ip(),
  // which does the same for some routes. The constructor throws std::invalid_argument for others.
  std::vector<std::string> trusted_proxies = {};

  // A response: no byte taken by the client for so long, or below 240 bytes/s after 5 s: cut.
  nanoseconds write_timeout = std::chrono::seconds(30);
};

// Numbers since start(), and as they stand. Each is right by itself; together they are a moment's
// blur.
struct ServerStats {
  std::uint64_t requests = 0;  // answered, by whatever status
  std::uint64_t accepted = 0;  // connections
  std::uint64_t refused =
      0;  // requests that were malformed, too large or too slow, and 503s of our own
  std::uint64_t bytes_in = 0;   // from sockets
  std::uint64_t bytes_out = 0;  // to sockets
  std::size_t connections = 0;  // open now
  std::size_t idle = 0;         // of these, parked
  std::size_t in_handlers = 0;  // requests in service now
  std::size_t threads = 0;      // the server's own, waiting ones included
  std::size_t lanes = 0;        // each with a thread that waits for the network
};

class Server {
 public:
  explicit Server(ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Stops at once: cancels the Contexts, cuts the connections, waits for the handlers. One that
  // never returns keeps it waiting, after a line in the log that says so.
  ~Server();

  // Listens, and serves on threads of its own. Throws std::system_error that names the address
  // (in use, not allowed, ...), std::invalid_argument where it cannot be read, std::logic_error
  // when called twice or after shutdown().
  void start();

  // As start(), then waits until `until` is done, then shutdown() within drain_timeout. Without
  // `until` it does not return before another thread calls shutdown().
  void listen_and_serve(const Context& until = background());

  // Stops listening and lets running requests finish, with Connection: close. So do those that come
  // within half a second on connections that were busy lately, for their clients could not know;
  // the other connections close. When `within` is done before all that: cancels the Contexts, and a
  // second later cuts the connections, with a line in the log. Returns, once all have ended,
  // whether all had before `within` was. A handler that does not return even then is reported too,
  // and left behind a second later, for the destructor to wait for.
  bool shutdown(const Context& within);

  // Where it listens, "127.0.0.1:43211"; "" before start().
  std::string addr() const;

  ServerStats stats() const;

 private:
  std::unique_ptr<detail::Engine> engine_;
};

// Serves until the process ends. Throws as Server::start().
void listen_and_serve(std::string addr, Handler handler);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/server.ipp"
#endif
