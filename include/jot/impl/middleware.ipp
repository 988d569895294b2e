// SPDX-License-Identifier: MIT
//
// middleware.ipp -- the bodies of middleware.hpp.
#pragma once

#include "../detail/ascii.hpp"           // is_token
#include "../detail/client_address.hpp"  // client_network
#include "../detail/entity_tag.hpp"      // TaggingWriter
#include "../detail/token_buckets.hpp"   // TokenBuckets
#include "../error.hpp"                  // HttpError
#include "../middleware.hpp"
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter

#include <sys/random.h>  // getrandom

#include <charconv>   // std::from_chars
#include <memory>     // std::make_shared
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// Calls next, then tell(status, bytes), whether next returns or throws: then with the status that
// the exception will become, unless one has been sent.
template <class Tell>
void call_and_tell(const ResponseWriter& w, const Tell& tell, const auto& call) {
  try {
    call();
  } catch (const HttpError& e) {
    w.committed() ? tell(w.status(), w.bytes_written()) : tell(e.status(), 0);
    throw;
  } catch (...) {
    w.committed() ? tell(w.status(), w.bytes_written()) : tell(500, 0);
    throw;
  }
  tell(w.status(), w.bytes_written());
}

JOT_INLINE std::string make_request_id() {
  constexpr char hex[] = "0123456789abcdef";
  unsigned char bytes[16] = {};
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    throw std::runtime_error("jot: request_id: getrandom");
  std::string id;
  for (const unsigned char b : bytes) (id += hex[b >> 4]) += hex[b & 15];
  return id;
}

// "The \"inner\" circle", as a quoted-string (RFC 9110 section 5.6.4).
JOT_INLINE std::string quoted(std::string_view text) {
  if (!is_field_value(text))
    throw std::invalid_argument("jot: basic_auth: control character in the realm");
  std::string to = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  return to += '"';
}

JOT_INLINE void refuse_longer(std::string_view declared, std::uint64_t bytes) {
  std::uint64_t length = 0;  // what is not a number was refused with the head
  auto [end, failed] = std::from_chars(declared.data(), declared.data() + declared.size(), length);
  if (failed == std::errc{} && length > bytes) throw HttpError(413);
}

JOT_INLINE std::shared_ptr<TokenBuckets> make_buckets(const RateLimitOptions& o) {
  const auto most = static_cast<std::size_t>(nanoseconds::max().count() / 4);
  const std::size_t burst = o.burst ? o.burst : o.requests;
  if (o.requests == 0 || o.requests > most || o.per <= nanoseconds::zero() || o.max_keys == 0)
    throw std::invalid_argument("jot: rate_limit: requests, per and max_keys are above 0");
  const auto interval = o.per / static_cast<nanoseconds::rep>(o.requests);
  if (interval == nanoseconds::zero() || burst > most / static_cast<std::size_t>(interval.count()))
    throw std::invalid_argument("jot: rate_limit: too many requests, or too long a time");
  return std::make_shared<TokenBuckets>(interval, burst, o.max_keys);
}

}  // namespace detail

JOT_INLINE Middleware request_log() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    const auto begin = Clock::now();
    const auto tell = [&](int status, std::uint64_t bytes) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      r.log().info("request", {{"method", r.method()},
                               {"path", r.path()},
                               {"status", status},
                               {"bytes", bytes},
                               {"ms", took.count()}});
    };
    detail::call_and_tell(w, tell, [&] { next(w, r); });
  };
}

JOT_INLINE Middleware request_id() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    std::string id(r.header().get("X-Request-ID"));
    if (id.size() > 128 || !detail::is_token(id) || r.header().all("X-Request-ID").size() > 1)
      id = detail::make_request_id();
    w.header().set("X-Request-ID", id);
    r.set_log(r.log().with({{"request_id", id}}));
    r.set_value(current_request_id, std::move(id));
    next(w, r);
  };
}

JOT_INLINE bool equal_secrets(std::string_view given, std::string_view secret) noexcept {
  std::size_t differs = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i)
    differs |= static_cast<std::size_t>(given[i] ^ secret[i % secret.size()]);
  return differs == 0;
}

JOT_INLINE Middleware
basic_auth(std::string realm,
           std::function<bool(std::string_view user, std::string_view password)> check) {
  if (!check) throw std::invalid_argument("jot: basic_auth: nothing to check with");
  const std::string challenge = "Basic realm=" + detail::quoted(realm) + ", charset=\"UTF-8\"";
  return [challenge, check](ResponseWriter& w, Request& r, const Handler& next) {
    const auto given = r.basic_auth();
    if (!given || !check(given->user, given->password))
      throw HttpError(401, {}, {{"WWW-Authenticate", challenge}});
    next(w, r);
  };
}

JOT_INLINE Middleware basic_auth(std::string realm, std::string user, std::string password) {
  if (password.empty()) throw std::invalid_argument("jot: basic_auth: the password is empty");
  return basic_auth(std::move(realm), [user, password](std::string_view u, std::string_view p) {
    const bool known = equal_secrets(u, user), right = equal_secrets(p, password);
    return known && right;  // both were compared: the time does not tell which one was wrong
  });
}

JOT_INLINE Middleware max_body(std::uint64_t bytes) {
  return [bytes](ResponseWriter& w, Request& r, const Handler& next) {
    r.body().set_limit(bytes);
    detail::refuse_longer(r.header().get("Content-Length"), bytes);
    next(w, r);
  };
}

JOT_INLINE Middleware rate_limit(RateLimitOptions options) {
  auto buckets = detail::make_buckets(options);
  return [buckets, key_of = std::move(options.key)](ResponseWriter& w, Request& r,
                                                    const Handler& next) {
    const std::string key = key_of ? key_of(r) : detail::client_network(r.remote_addr());
    if (!key.empty()) {
      const auto wait = std::chrono::ceil<std::chrono::seconds>(buckets->take(key, Clock::now()));
      if (wait.count() > 0)
        throw HttpError(429, {}, {{"Retry-After", std::to_string(wait.count())}});
    }
    next(w, r);
  };
}

JOT_INLINE Middleware etag(std::size_t max_size) {
  return [max_size](ResponseWriter& w, Request& r, const Handler& next) {
    detail::TaggingWriter tagging(w, max_size);
    next(tagging, r);
    tagging.finish(r);
  };
}

}  // namespace jot::inline v1
