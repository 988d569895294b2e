// SPDX-License-Identifier: MIT
//
// middleware.ipp -- the bodies of middleware.hpp.
#pragma once

#include "../detail/access_line.hpp"      // AccessEntry
#include "../detail/ascii.hpp"            // is_token
#include "../detail/call_and_tell.hpp"    // call_and_tell, ContextScope
#include "../detail/client_address.hpp"   // client_network
#include "../detail/deadline_writer.hpp"  // DeadlineWriter
#include "../detail/entity_tag.hpp"       // TaggingWriter
#include "../detail/error_page.hpp"       // call_with_fields
#include "../detail/line_file.hpp"        // LineFile
#include "../detail/line_queue.hpp"       // LineQueue
#include "../detail/random_bytes.hpp"     // random_bytes
#include "../detail/request_state.hpp"    // RequestAccess
#include "../detail/token_buckets.hpp"    // TokenBuckets
#include "../error.hpp"                   // HttpError
#include "../middleware.hpp"
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter

#include <time.h>  // clock_gettime

#include <algorithm>  // std::count
#include <charconv>   // std::from_chars
#include <exception>  // std::exception_ptr
#include <memory>     // std::make_shared
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::string make_request_id() {
  constexpr char hex[] = "0123456789abcdef";
  std::string id;
  for (const char c : random_bytes(16)) {
    const auto byte = static_cast<unsigned char>(c);
    (id += hex[byte >> 4]) += hex[byte & 15];
  }
  return id;
}

// "The \"inner\" circle", as a quoted-string (RFC 9110 section 5.6.4).
JOT_INLINE std::string quoted_realm(std::string_view text) {
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

// What an access_log() writes to, and how. Alive as long as any Handler that logs to it.
class AccessLog {
 public:
  explicit AccessLog(AccessLogOptions o)
      : format_(o.format),
        file_(o.sink || o.file.empty() ? LineFile(o.fd) : LineFile(std::move(o.file))),
        sink_(std::move(o.sink)),
        log_(std::move(o.log)),
        queue_(
            o.max_waiting, [this](std::string_view batch) { return write(batch); },
            [this](std::uint64_t lines) {
              log_.warn("access log lost lines", {{"lines", lines}});
            }) {}

  // A log that fails, for want of memory, fails no request.
  void add(const AccessEntry& entry) noexcept try {
    const std::string* id = entry.request.value(current_request_id);
    switch (format_) {
      case AccessFormat::combined: return queue_.add(combined_line(entry));
      case AccessFormat::common: return queue_.add(common_line(entry));
      case AccessFormat::json: return queue_.add(json_line(entry, id ? *id : std::string_view()));
    }
  } catch (...) {
    queue_.lose();
  }

 private:
  std::uint64_t write(std::string_view batch) noexcept try {
    if (!sink_) return file_.write(batch);
    return sink_(batch), 0;
  } catch (...) {  // of the sink's
    return static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n'));
  }

  const AccessFormat format_;
  LineFile file_;
  const std::function<void(std::string_view)> sink_;
  const Logger log_;
  LineQueue queue_;  // ends first: its thread uses all of the above
};

// HEAD, 204 and 304 send no body, whatever the handler wrote.
JOT_INLINE std::uint64_t bytes_sent(const Request& r, int status, std::uint64_t written) {
  return r.method() == "HEAD" || status == 204 || status == 304 ? 0 : written;
}

// Calls next, and has w answer when the deadline of ctx comes first. Returns what next threw.
// A handler that heeds its Context may be back before the timer has called: it is late all the
// same, and what it has written is not whole.
JOT_INLINE std::exception_ptr call_until(const Context& ctx, DeadlineWriter& w, Request& r,
                                         const Handler& next) {
  std::exception_ptr thrown;
  {
    const AfterFunc alarm = after_func(ctx, [&] {
      if (is_late(ctx)) w.expire();
    });
    try {
      if (!w.expired()) next(w, r);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (!w.expired() && is_late(ctx)) w.expire();
  return thrown;
}

JOT_INLINE std::shared_ptr<TokenBuckets> make_buckets(const RateLimitOptions& o) {
  const auto most = static_cast<std::size_t>(nanoseconds::max().count() / 4);
  const std::size_t burst = o.burst ? o.burst : o.requests;
  if (o.requests == 0 || o.requests > most || o.per <= nanoseconds::zero() || o.max_keys == 0)
    throw std::invalid_argument("jot: rate_limit: requests, per and max_keys are above 0");
  if (o.max_keys > TokenBuckets::most_keys)
    throw std::invalid_argument("jot: rate_limit: so many keys fit into no memory");
  const auto interval = o.per / static_cast<nanoseconds::rep>(o.requests);
  if (interval == nanoseconds::zero() || burst > most / static_cast<std::size_t>(interval.count()))
    throw std::invalid_argument("jot: rate_limit: too many requests, or too long a time");
  return std::make_shared<TokenBuckets>(interval, burst, o.max_keys);
}

}  // namespace detail

JOT_INLINE Middleware request_log() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    const auto begin = Clock::now();
    const auto tell = [&r, begin](int status, std::uint64_t written) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      r.log().info("request", {{"method", r.method()},
                               {"path", r.path()},
                               {"status", status},
                               {"bytes", detail::bytes_sent(r, status, written)},
                               {"ms", took.count()}});
    };
    detail::call_and_tell(w, r, next, tell);
  };
}

JOT_INLINE Middleware access_log(AccessLogOptions options) {
  return [log = std::make_shared<detail::AccessLog>(std::move(options))](
             ResponseWriter& w, Request& r, const Handler& next) {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    const auto begin = Clock::now();
    const auto tell = [&log = *log, &r, time, begin](int status, std::uint64_t written) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      log.add({r, status, detail::bytes_sent(r, status, written), took.count(), time});
    };
    detail::call_and_tell(w, r, next, tell);
  };
}

JOT_INLINE Middleware request_id() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    std::string id(r.header().get("X-Request-ID"));
    if (id.size() > 128 || !detail::is_token(id) || r.header().all("X-Request-ID").size() > 1)
      id = detail::make_request_id();
    const Header fields{{"X-Request-ID", id}};
    r.set_log(r.log().with({{"request_id", id}}));
    r.set_value(current_request_id, std::move(id));
    detail::call_with_fields(w, r, next, fields);
  };
}

JOT_INLINE bool equal_secrets(std::string_view given, std::string_view secret) noexcept {
  std::size_t differs = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i)
    differs |= static_cast<std::size_t>(given[i] ^ secret[i % secret.size()]);
  return differs == 0;
}

JOT_INLINE Middleware
basic_auth(const std::string& realm,
           std::function<bool(std::string_view user, std::string_view password)> check) {
  if (!check) throw std::invalid_argument("jot: basic_auth: nothing to check with");
  const std::string challenge =
      "Basic realm=" + detail::quoted_realm(realm) + ", charset=\"UTF-8\"";
  return [challenge, check = std::move(check)](ResponseWriter& w, Request& r, const Handler& next) {
    const auto given = r.basic_auth();
    if (!given || !check(given->user, given->password))
      throw HttpError(401, {}, {{"WWW-Authenticate", challenge}});
    next(w, r);
  };
}

JOT_INLINE Middleware basic_auth(const std::string& realm, std::string user, std::string password) {
  if (password.empty()) throw std::invalid_argument("jot: basic_auth: the password is empty");
  return basic_auth(realm, [user = std::move(user), password = std::move(password)](
                               std::string_view u, std::string_view p) {
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

JOT_INLINE Middleware timeout(nanoseconds max) {
  if (max <= nanoseconds::zero()) throw std::invalid_argument("jot: timeout: it is above 0");
  return [max](ResponseWriter& w, Request& r, const Handler& next) {
    const CancelScope scope = with_timeout(r.context(), max);
    const detail::ContextScope in_force(r, scope.ctx);
    detail::DeadlineWriter writer(w, r, scope.ctx);
    const std::exception_ptr thrown = detail::call_until(scope.ctx, writer, r, next);
    writer.finish(thrown, r);
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
