// SPDX-License-Identifier: MIT
//
// security.hpp -- which sites may ask, what may a browser do with the answer, and who is the
// client?
//
// In: a Handler. Out: a Handler that refuses what other sites make a browser do in its user's name
// (csrf_guard), allows what they may (cors), forbids browsers what pages rarely need
// (secure_headers), and knows the client behind your own proxies (real_ip).
//
//     app.use(real_ip({"127.0.0.1"}));   // the outermost: those behind see the client's address
//     app.use(secure_headers());
//     app.use(cors({.origins = {"https://app.example.com"}}));
//     app.use(csrf_guard());
//
// What cors() and secure_headers() set stays on error pages, too, whoever makes these.
// What is malformed in their options throws std::invalid_argument where they are made.
// Threads: use them from any thread; they share nothing that changes.
#pragma once

#include "config.hpp"
#include "handler.hpp"  // Middleware

#include <chrono>      // std::chrono::seconds
#include <functional>  // std::function
#include <string>      // std::string
#include <vector>      // std::vector

namespace jot::inline v1 {

// ---- other sites ----

struct CorsOptions {
  // Who may read: "https://example.org", "https://example.org:8443", "https://*.example.org" for
  // all names below it, "null" for files and sandboxes; or "*" alone: everybody.
  std::vector<std::string> origins = {};

  // What they may call, and with which fields beyond those that any form can send. Content-Type is
  // one to name, for JSON. "*" alone: all.
  std::vector<std::string> methods = {"GET", "POST"};
  std::vector<std::string> headers = {};

  // They may send cookies and passwords. Never with origins "*": that throws.
  bool credentials = false;

  // Fields of the response that their scripts may read, beyond the few that all may.
  std::vector<std::string> expose = {};

  // How long a browser remembers what a preflight has allowed.
  std::chrono::seconds max_age = std::chrono::seconds(5);

  // Public sites may call this server in a private network (Access-Control-Allow-Private-Network).
  bool private_network = false;
};

// Lets scripts of other sites read responses (the CORS protocol of https://fetch.spec.whatwg.org).
// It answers preflights, OPTIONS with Access-Control-Request-Method, itself: 204, with the fields
// that allow it or without. All else is handled, also for others: CORS protects the answer, not the
// server; for that there is csrf_guard().
// Use it on the Router, not on a group: a preflight has no route, and passes no group.
Middleware cors(CorsOptions options);

struct CsrfOptions {
  // Requests that pass unseen: webhooks, for example. It runs on many threads at a time.
  std::function<bool(const Request& r)> exempt = {};

  // Sites that may send as if they were this one: "https://example.org", with the port unless it is
  // the usual one.
  std::vector<std::string> trusted_origins = {};
};

// Answers 403 to what a page of another site makes a browser send, with the user's cookies. No
// tokens are needed: browsers tell. The rules are those of Go's http.CrossOriginProtection:
//
// 1. GET, HEAD and OPTIONS pass: they must change nothing.
// 2. Sec-Fetch-Site decides where it is there: same-origin and none (typed, a bookmark) pass. A
//    sibling, "same-site", does not.
// 3. Else Origin must name the host of the request (older browsers).
// 4. With neither it is no browser, and passes.
//
// Exemptions count where it would be refused.
Middleware csrf_guard(CsrfOptions options = {});

// ---- what browsers may do ----

// Each the value of a field; "" leaves it out. A handler may set another for its own response.
struct SecureHeadersOptions {
  // Keeps pages out of frames (against clickjacking), their relative links here, plugins away.
  // What scripts and styles may come from where is for you to add.
  std::string content_security_policy =
      "base-uri 'self'; frame-ancestors 'none'; object-src 'none'";

  // Pages of others that open this one, or are opened by it, get no hold of its window.
  std::string cross_origin_opener_policy = "same-origin";

  // Who may embed what is here; "cross-origin" for images that all may show.
  std::string cross_origin_resource_policy = "same-origin";

  // frame-ancestors for old browsers.
  std::string frame_options = "DENY";

  std::string permissions_policy = {};

  // Other sites hear from which site a visitor comes, not from which page.
  std::string referrer_policy = "strict-origin-when-cross-origin";

  // One year of https only. Sent only where scheme() is "https": so name the trusted_proxies.
  std::string strict_transport_security = "max-age=31536000";
};

// Sets these fields and X-Content-Type-Options: nosniff on every response.
Middleware secure_headers(SecureHeadersOptions options = {});

// ---- proxies ----

// The client behind your own proxies, for remote_addr(), scheme(), and all who ask them: logs,
// rate_limit(). trusted_proxies: addresses and networks, "127.0.0.1", "10.0.0.0/8", "fd00::/8",
// or "unix" for whoever comes by a Unix socket.
//
// X-Forwarded-For is read from right to left, as far as trusted proxies wrote it: the first address
// that is not one of theirs is the client, and what stands left of it is not looked at. From
// others, the fields are ignored. Where a trusted proxy does not know ("unknown", garbage), its own
// address stands. The port is kept where one is told, else there is none: "203.0.113.7",
// "2001:db8::1". The scheme is that of X-Forwarded-Proto, at the place of the client.
// Without X-Forwarded-For, Forwarded is read in the same way (RFC 7239).
//
// A proxy passes on what it does not set: one that speaks Forwarded has to remove X-Forwarded-For,
// and each has to set the scheme.
Middleware real_ip(const std::vector<std::string>& trusted_proxies);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/security.ipp"
#endif
