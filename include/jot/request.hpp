// SPDX-License-Identifier: MIT
//
// request.hpp -- what did the client ask for?
//
// In: a head that parse_request has checked, and a body that is still arriving. Out: its parts.
//
// What is raw (method, target, path, host, fields) is a view into the connection's buffer, good
// until the handler returns. What is decoded (path_value, query, cookie) is a string that the
// Request owns, returned by reference: `auto id = r.path_value("id")` copies it, and is safe to
// keep. A Request belongs to one thread at a time; its context() may be used from any.
#pragma once

#include "config.hpp"
#include "context.hpp"     // Context, ContextKey
#include "error.hpp"       // HttpError
#include "from_value.hpp"  // from_value
#include "header.hpp"      // Header
#include "log.hpp"         // Logger
#include "url.hpp"         // Values
#include "value.hpp"       // Value

#include <concepts>     // std::same_as, std::signed_integral
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <limits>       // std::numeric_limits
#include <memory>       // std::unique_ptr
#include <optional>     // std::optional
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::conditional_t
#include <utility>      // std::forward

namespace jot::inline v1 {

class Form;          // form.hpp
struct FormOptions;  // form.hpp

namespace detail {
struct RequestState;
struct RequestAccess;
class BodySource;

// Which status a value that does not parse is worth, and the name to put into the message.
struct BadValue {
  int status;
  std::string_view name;
};

// All of the text as one value in range; else they throw HttpError{bad.status}.
bool parse_bool(std::string_view text, BadValue bad);  // "true", "1", "false", "0"
long long parse_signed(std::string_view text, long long low, long long high, BadValue bad);
unsigned long long parse_unsigned(std::string_view text, unsigned long long high, BadValue bad);
double parse_double(std::string_view text, double high, BadValue bad);  // and -high

template <std::same_as<bool> T>
T parse_as(std::string_view text, BadValue bad) {
  return parse_bool(text, bad);
}
template <std::signed_integral T>
T parse_as(std::string_view text, BadValue bad) {
  using Limits = std::numeric_limits<T>;
  return static_cast<T>(parse_signed(text, Limits::min(), Limits::max(), bad));
}
template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) T parse_as(std::string_view text, BadValue bad) {
  return static_cast<T>(parse_unsigned(text, std::numeric_limits<T>::max(), bad));
}
template <std::floating_point T>
T parse_as(std::string_view text, BadValue bad) {
  using Narrow = std::conditional_t<(sizeof(T) < sizeof(double)), T, double>;
  return static_cast<T>(parse_double(text, std::numeric_limits<Narrow>::max(), bad));
}
template <std::same_as<std::string> T>
T parse_as(std::string_view text, BadValue) {
  return T(text);
}
}  // namespace detail

// The body of a Request, read as it arrives. Reading may block, within ServerOptions::body_timeout;
// the first read answers `Expect: 100-continue` (RFC 9110 §10.1.1).
// Throws HttpError: 413 over the limit, 400 broken or cut short, 408 too slow, 503 where it would
// have to wait and the request's context() has ended, or ends meanwhile.
class Body {
 public:
  // All that is left of the body. Throws also 413 when that is more than limit bytes.
  std::string read_all(std::size_t limit = 10u << 20);

  // At least one byte into `to`, as many as have come. Returns 0 at the end.
  std::size_t read(std::span<char> to);

  // The most that this body may hold, instead of ServerOptions::max_body. Call it before reading.
  void set_limit(std::uint64_t bytes);

 private:
  friend struct detail::RequestAccess;
  detail::BodySource* source_ = nullptr;  // nullptr: no body
};

// What a path value is that does not parse: a mistake of the client's, or the address of nothing.
enum class Malformed { bad_request = 400, not_found = 404 };

// The pair of `Authorization: Basic` (RFC 7617).
struct BasicAuth {
  std::string user, password;
};

class Request {
 public:
  Request(Request&&) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  std::string_view method() const noexcept;  // "GET"
  std::string_view target() const noexcept;  // "/a%20b?c=d", as it came
  std::string_view path() const noexcept;    // "/a%20b", as it came
  std::string_view proto() const noexcept;   // "HTTP/1.1"
  std::string_view host() const noexcept;    // "example.org:8080"

  // "http", or "https" where a trusted proxy says so: ServerOptions::trusted_proxies, real_ip().
  std::string_view scheme() const noexcept;

  // "192.0.2.1:40312", "[::1]:40312", "unix:". As a trusted proxy tells it, perhaps without a port:
  // "192.0.2.1", "::1".
  std::string_view remote_addr() const noexcept;

  // The pattern of the route that matched, "GET /posts/{id}"; "" outside a Router.
  std::string_view pattern() const noexcept;

  // The fields in order of arrival, with names as they came; look-ups ignore case.
  const Header& header() const noexcept;
  Header& header() noexcept;

  // What stood in the path at {name}, percent-decoded; "" when the pattern has no such name.
  const std::string& path_value(std::string_view name) const;

  // The same as a number or bool. Throws HttpError 400 when it is not one, or 404 for
  //
  //     r.path_value<int>("id", Malformed::not_found)   // there is no such page
  template <class T>
  T path_value(std::string_view name, Malformed malformed = Malformed::bad_request) const {
    return detail::parse_as<T>(path_value(name), {static_cast<int>(malformed), name});
  }

  // The query's pairs, decoded; malformed ones are left out.
  const Values& query() const;

  // The first value of that name; "" when absent.
  const std::string& query(std::string_view name) const;

  // The same as a number or bool; absent: otherwise. Throws HttpError 400 when it is not one.
  template <class T>
  T query(std::string_view name, T otherwise) const {
    return query().has(name) ? detail::parse_as<T>(query(name), {400, name}) : otherwise;
  }

  // The cookies that came, in their order (RFC 6265bis); what is none is left out. Names have case.
  // Throws HttpError 431 when there are more than 100.
  const Values& cookies() const;

  // The first cookie of that name; "" when absent. Throws as cookies().
  const std::string& cookie(std::string_view name) const;

  std::optional<BasicAuth> basic_auth() const;  // nullopt: absent or malformed

  Body& body() noexcept;

  // The body as a form, urlencoded or multipart, read once and kept: fields, and files (form.hpp).
  // A request without a body and a Content-Type has an empty one. Throws HttpError 400 for what is
  // no such form, 413 over a limit of the options or of the body, 415 for another Content-Type, 507
  // when the disk is full, or as Body; the same again when asked again. std::logic_error when bytes
  // of the body have been read before: what is left of it would be a form with fields missing.
  const Form& form();
  const Form& form(const FormOptions& options);

  // The body as JSON, read once and kept. Throws HttpError 400 with line and column, 415 when its
  // Content-Type is there and is not JSON, or as Body; the same again when asked again; and
  // std::logic_error as form(). Asking it for what is not there throws ValueError, which becomes
  // 400 with the path of the field if the handler lets it go.
  const Value& json();

  // The same as a T, see from_value().
  template <class T>
  T json() {
    return from_value<T>(json());
  }

  // Done when the handler returns, the client leaves, the deadline passes or the server shuts down.
  // Its end ends what the library waits for in this request: bytes of the body, a full socket.
  // Made when first asked for, or waited with; without memory for it, one that has ended.
  // Lifetime: copies may be kept; they never point back at the server.
  Context context() const noexcept;

  // Puts another in its place, for the handlers behind this middleware and for what the library
  // waits for in them. Derive it from context(), else it does not end with the request.
  void set_context(Context ctx) noexcept;

  // Hands a value on to later handlers: set_context(with_value(context(), key, value)).
  template <class T, class U>
  void set_value(const ContextKey<T>& key, U&& value) {
    set_context(with_value(context(), key, std::forward<U>(value)));
  }

  // What set_value() put there, by this or an outer middleware; nullptr: nobody did.
  // Lifetime: until the handler returns, or as long as a copy of context() is kept.
  template <class T>
  const T* value(const ContextKey<T>& key) const noexcept {
    return context().value(key);
  }

  // The server's, or the one that a middleware has put in its place.
  const Logger& log() const noexcept;
  void set_log(Logger log) noexcept;

 private:
  friend struct detail::RequestAccess;
  explicit Request(std::unique_ptr<detail::RequestState> state) noexcept;
  std::unique_ptr<detail::RequestState> state_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/request.ipp"
#endif
