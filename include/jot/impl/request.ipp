// SPDX-License-Identifier: MIT
//
// request.ipp -- the bodies of request.hpp.
#pragma once

#include "../detail/ascii.hpp"          // iequals
#include "../detail/base64.hpp"         // base64_decode
#include "../detail/parse_cookies.hpp"  // parse_cookies
#include "../detail/request_state.hpp"  // RequestState
#include "../json.hpp"                  // parse_json, JsonError
#include "../request.hpp"

#include <algorithm>  // std::min
#include <charconv>   // std::from_chars
#include <cmath>      // std::isfinite
#include <exception>  // std::current_exception
#include <limits>     // std::numeric_limits
#include <stdexcept>  // std::logic_error

namespace jot::inline v1 {

namespace detail {

[[noreturn]] JOT_INLINE void throw_bad_value(BadValue bad) {
  throw HttpError(bad.status, bad.status == 404 ? "not found" : text(bad.name, ": malformed"));
}

template <class N, class... Base>
N parse_all(std::string_view text, BadValue bad, Base... base) {
  N value{};
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  if (failed != std::errc{} || end != text.data() + text.size()) throw_bad_value(bad);
  return value;
}

JOT_INLINE bool parse_bool(std::string_view text, BadValue bad) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw_bad_value(bad);
}

JOT_INLINE long long parse_signed(std::string_view text, long long low, long long high,
                                  BadValue bad) {
  auto value = parse_all<long long>(text, bad, 10);
  if (value < low || value > high) throw_bad_value(bad);
  return value;
}

JOT_INLINE unsigned long long parse_unsigned(std::string_view text, unsigned long long high,
                                             BadValue bad) {
  auto value = parse_all<unsigned long long>(text, bad, 10);
  if (value > high) throw_bad_value(bad);
  return value;
}

JOT_INLINE double parse_double(std::string_view text, double high, BadValue bad) {
  const auto value = parse_all<double>(text, bad);
  if (std::isfinite(value) && (value < -high || value > high)) throw_bad_value(bad);
  return value;
}

// application/json, text/json, application/problem+json: https://mimesniff.spec.whatwg.org
JOT_INLINE bool is_json_type(std::string_view content_type) noexcept {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  const std::size_t slash = type.find('/');
  if (slash == type.npos || !is_token(type.substr(0, slash)) || !is_token(type.substr(slash + 1)))
    return false;
  return iequals(type, "application/json") || iequals(type, "text/json") ||
         (type.size() > slash + 6 && iequals(type.substr(type.size() - 5), "+json"));
}

}  // namespace detail

JOT_INLINE std::string Body::read_all(std::size_t limit) {
  std::string all;
  if (!source_) return all;
  // A body within this many bytes is read without growing; a longer one costs memory as it comes,
  // not as it is announced.
  constexpr std::size_t believed = 64u << 10;
  all.resize(std::min({source_->expected(), limit, believed}) + 1);  // one more, to see the end
  for (std::size_t size = 0;;) {
    std::size_t n = read({all.data() + size, all.size() - size});
    if (n == 0) return all.resize(size), all;
    if ((size += n) > limit) throw HttpError(413);
    if (size == all.size()) all.resize(size * 2 + 4096);
  }
}

JOT_INLINE std::size_t Body::read(std::span<char> to) {
  const std::size_t n = source_ ? source_->read(to) : 0;
  if (n > 0) source_->begun = true;
  return n;
}

JOT_INLINE void Body::set_limit(std::uint64_t bytes) {
  if (source_) source_->set_limit(bytes);
}

JOT_INLINE Request::Request(std::unique_ptr<detail::RequestState> state) noexcept
    : state_(std::move(state)) {}
JOT_INLINE Request::Request(Request&&) noexcept = default;
JOT_INLINE Request::~Request() = default;

JOT_INLINE std::string_view Request::method() const noexcept { return state_->head.method; }
JOT_INLINE std::string_view Request::target() const noexcept { return state_->head.target; }
JOT_INLINE std::string_view Request::path() const noexcept { return state_->head.path; }
JOT_INLINE std::string_view Request::proto() const noexcept {
  return state_->head.minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}
JOT_INLINE std::string_view Request::host() const noexcept { return state_->head.host; }
JOT_INLINE std::string_view Request::scheme() const noexcept { return state_->scheme; }
JOT_INLINE std::string_view Request::remote_addr() const noexcept {
  if (!state_->origin || !state_->own_remote_addr.empty()) return state_->own_remote_addr;
  return state_->origin->remote_addr();
}
JOT_INLINE std::string_view Request::pattern() const noexcept { return state_->pattern; }
JOT_INLINE const Header& Request::header() const noexcept { return state_->header; }
JOT_INLINE Header& Request::header() noexcept { return state_->header; }

JOT_INLINE const std::string& Request::path_value(std::string_view name) const {
  static const std::string absent;
  const std::string* found = state_->path_values.find(name);
  return found ? *found : absent;
}

JOT_INLINE const Values& Request::query() const {
  if (!state_->query) state_->query = Values::parse(state_->head.query);
  return *state_->query;
}
JOT_INLINE const std::string& Request::query(std::string_view name) const {
  return query().get(name);
}

JOT_INLINE const Values& Request::cookies() const {
  if (state_->cookies) return *state_->cookies;
  Values cookies;
  for (const std::string_view field : state_->header.all("Cookie"))
    detail::parse_cookies(field, cookies);
  return state_->cookies.emplace(std::move(cookies));
}
JOT_INLINE const std::string& Request::cookie(std::string_view name) const {
  return cookies().get(name);
}

// "Basic dXNlcjpwYXNzd29yZA==": RFC 7617 section 2. The user has no colon, nobody has controls.
JOT_INLINE std::optional<BasicAuth> Request::basic_auth() const {
  std::string_view field = state_->header.get("Authorization");
  if (!detail::iequals(field.substr(0, 6), "Basic ")) return std::nullopt;
  const auto pair = detail::base64_decode(detail::trim(field.substr(6)));
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  for (const char c : *pair) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  return BasicAuth{pair->substr(0, colon), pair->substr(colon + 1)};
}

JOT_INLINE Body& Request::body() noexcept { return state_->body; }

JOT_INLINE const Value& Request::json() {
  if (state_->json) return *state_->json;
  if (state_->json_error) std::rethrow_exception(state_->json_error);
  const Header& header = state_->header;
  if (header.has("Content-Type") && !detail::is_json_type(header.get("Content-Type")))
    throw HttpError(415, "want application/json", {{"Accept", "application/json"}});
  if (detail::RequestAccess::is_begun(state_->body))
    throw std::logic_error("jot: Request::json: the body was read before");
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();  // the body has its limit
  try {
    state_->json = parse_json(state_->body.read_all(any));
  } catch (const JsonError& e) {
    state_->json_error = std::make_exception_ptr(HttpError(400, e.what()));
    std::rethrow_exception(state_->json_error);
  } catch (const HttpError&) {
    state_->json_error = std::current_exception();
    throw;
  }
  return *state_->json;
}

JOT_INLINE Context Request::context() const noexcept {
  if (!state_->context) state_->context = state_->origin ? state_->origin->context() : Context{};
  return *state_->context;
}
JOT_INLINE void Request::set_context(Context ctx) noexcept { state_->context = std::move(ctx); }

JOT_INLINE const Logger& Request::log() const noexcept {
  static const Logger to_stderr;
  if (state_->own_log) return *state_->own_log;
  return state_->log ? *state_->log : to_stderr;
}
JOT_INLINE void Request::set_log(Logger log) noexcept { state_->own_log = std::move(log); }

}  // namespace jot::inline v1
