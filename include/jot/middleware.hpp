// SPDX-License-Identifier: MIT
//
// middleware.hpp -- what does every service want around its handlers?
//
// In: a Handler. Out: a Handler that does one thing more. Each is made by a function of its own:
//
//     app.use(request_id());                    // the first used is the outermost
//     app.use(access_log({.file = "access.log"}));
//     app.use(timeout(10s));
//     app.get("/admin", basic_auth("admin", "root", password)(show_admin));   // one route
//
// A middleware that refuses throws HttpError, so that the Router's on_error() page is what the
// client sees. Nothing needs to be added against exceptions: what a handler throws is caught by
// the server (or record()), logged, and becomes a response.
// Streams work under all of them: w.flusher() is there and sends at once.
// Threads: what they share between requests is locked; use them from any thread.
#pragma once

#include "config.hpp"
#include "context.hpp"  // ContextKey, nanoseconds
#include "handler.hpp"  // Handler, Middleware
#include "log.hpp"      // Logger

#include <chrono>       // std::chrono::minutes
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <functional>   // std::function
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// ---- who asks: for logs ----

// A line to r.log() for each request that is over: method, path, status, bytes of body, ms. When
// the handler throws, they are those of the page that this becomes.
Middleware request_log();

// The name of this request, in the logs here and at the services behind.
inline constexpr ContextKey<std::string> current_request_id{"request_id"};

// Takes the X-Request-ID that came, if it is one and a token of at most 128 letters, else makes one
// of 32 hex digits. It goes into the response, error pages as well, into
// *r.value(current_request_id), and as the field "request_id" into what r.log() writes from here
// on. Use it before (outside of) the logs.
Middleware request_id();

enum class AccessFormat {
  combined,  // the common one, and "referer" "user agent"
  common,    // host - user [time] "GET /path HTTP/1.1" 200 2326
  json,      // an object a line, with the time taken, and what else is known
};

// Where to: sink if there is one, else file, else fd.
struct AccessLogOptions {
  int fd = 1;             // standard output; stays open, and yours
  std::string file = {};  // appended to; opened anew when it was moved away, so rotate as you like
  AccessFormat format = AccessFormat::combined;
  Logger log = {};                    // hears how many lines were lost
  std::size_t max_waiting = 1 << 20;  // bytes; lines beyond are lost, and counted
  std::function<void(std::string_view lines)> sink = {};  // whole lines; one call at a time
};

// A line for each request that is over, written by a thread of its own: a slow disk, or a pipe that
// nobody reads, holds up no request. What a client sends cannot forge a line or a field. The host
// is r.remote_addr() without its port; bytes are those of the body, 0 to HEAD. When the last
// Handler with this Middleware ends, what waits is written first; a pipe that takes nothing is
// given a second. Throws: std::system_error that names a file which cannot be opened: a FIFO that
// nobody reads is one.
Middleware access_log(AccessLogOptions options = {});

// ---- who may ----

// Are they equal? The time this takes depends on the length of `given` alone, so that a secret
// cannot be found letter by letter. Use it for whatever a client has to prove that it knows.
bool equal_secrets(std::string_view given, std::string_view secret) noexcept;

// Asks for a user and password that check() accepts (RFC 7617); else 401 with WWW-Authenticate,
// also where the field is malformed. check runs on many threads at a time. Passwords travel
// readable: only behind TLS. Throws: std::invalid_argument for a realm with control characters.
Middleware basic_auth(const std::string& realm,
                      std::function<bool(std::string_view user, std::string_view password)> check);

// The same for one user, with equal_secrets(). Throws: std::invalid_argument also for an empty
// password, which some configuration has forgotten to fill in.
Middleware basic_auth(const std::string& realm, std::string user, std::string password);

// ---- how much ----

// The most that a body may hold here, instead of ServerOptions::max_body: more, or less. A declared
// length above it is 413 before the handler is called; a chunked body when it gets there.
Middleware max_body(std::uint64_t bytes);

// Gives the request's Context a deadline. When it passes before the handler has returned:
//
// - Nothing has left yet: 503 is sent at once, also where the handler goes on without a look at its
//   Context. What it had written is forgotten; the fields that outer middleware has set stay. The
//   page is plain text: on_error() would need the Request, which is still the handler's.
// - The response is a stream whose head has left: it is cut, so that the client sees that it is not
//   whole. Up to then it flows: w.flusher() is there (in Go's TimeoutHandler it is lost).
//
// From then on write() and flush() return false, and what the library waits for in the handler
// ends. A thread cannot be stopped from outside: the handler keeps its own until it returns, and
// the connection stays with it, so that the 503 says Connection: close. What it throws then is
// logged. Throws: std::invalid_argument for max <= 0.
Middleware timeout(nanoseconds max);

struct RateLimitOptions {
  // So many may come at once, after a rest. 0: as many as `requests`.
  std::size_t burst = 0;

  // Who shares an allowance; "" is never limited. Default: the client's address, of IPv6 the first
  // 64 bits, for those belong to one subscriber. Behind a proxy, use real_ip() before.
  std::function<std::string(const Request& r)> key = {};

  // So many are remembered, 16 bytes each; beyond, the least busy ones are forgotten, and start
  // again with a full allowance.
  std::size_t max_keys = 65536;

  // So many requests in such a time, evenly: 60 per minute is one a second.
  nanoseconds per = std::chrono::minutes(1);
  std::size_t requests = 60;
};

// A token bucket for each client: 429 with Retry-After (in seconds) when it is empty. Requests that
// were refused cost nothing. Throws: std::invalid_argument for 0 requests or keys, or a time <= 0.
Middleware rate_limit(RateLimitOptions options = {});

// ---- what need not be sent ----

// Gives a response to GET or HEAD with status 200, and at most max_size bytes, a strong ETag made
// of its bytes, unless the handler has set one; where it matches If-None-Match, the answer is 304
// without the body (RFC 9110 section 13.1.2). A response that is flushed or longer passes as it is.
// It saves the transfer, not the work. Put it outside of what changes the body.
Middleware etag(std::size_t max_size = 64u << 10);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/middleware.ipp"
#endif
