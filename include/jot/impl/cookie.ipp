// SPDX-License-Identifier: MIT
//
// cookie.ipp -- the bodies of cookie.hpp.
#pragma once

#include "../cookie.hpp"
#include "../detail/print_cookie.hpp"  // print_cookie
#include "../detail/random_bytes.hpp"  // random_bytes
#include "../detail/sign_cookie.hpp"   // sign_cookie, verify_cookie

#include <algorithm>  // std::clamp
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::int64_t seconds_now() noexcept {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

// When the signature of a cookie ends, which is set now.
JOT_INLINE std::int64_t end_of(const Cookie& cookie, std::int64_t now) noexcept {
  constexpr std::int64_t longest = std::int64_t{400} * 86'400;  // RFC 6265bis section 5.5
  std::int64_t age = longest;
  if (cookie.expires) age = std::chrono::system_clock::to_time_t(*cookie.expires) - now;
  if (cookie.max_age) age = cookie.max_age->count();
  return now + std::clamp<std::int64_t>(age, 0, longest);
}

}  // namespace detail

JOT_INLINE void set_cookie(ResponseWriter& w, const Cookie& cookie) {
  w.header().add("Set-Cookie", detail::print_cookie(cookie));
}

JOT_INLINE void delete_cookie(ResponseWriter& w, std::string_view name) {
  delete_cookie(w, Cookie{.name = std::string(name)});
}

JOT_INLINE void delete_cookie(ResponseWriter& w, Cookie cookie) {
  cookie.value.clear();
  cookie.expires.reset();
  cookie.max_age = std::chrono::seconds(0);
  set_cookie(w, cookie);
}

JOT_INLINE SignedCookies::SignedCookies(const std::string& key)
    : SignedCookies(std::vector<std::string>(1, key)) {}

JOT_INLINE SignedCookies::SignedCookies(std::vector<std::string> keys) : keys_(std::move(keys)) {
  if (keys_.empty()) throw std::invalid_argument("jot: SignedCookies: no key");
  for (const std::string& key : keys_) {
    if (key.size() < detail::shortest_key)
      throw std::invalid_argument("jot: SignedCookies: a key is shorter than 32 bytes");
  }
}

JOT_INLINE void SignedCookies::set(ResponseWriter& w, Cookie cookie) const {
  const std::int64_t end = detail::end_of(cookie, detail::seconds_now());
  cookie.value = detail::sign_cookie(keys_.front(), cookie.name, cookie.value, end);
  set_cookie(w, cookie);
}

JOT_INLINE std::optional<std::string> SignedCookies::get(const Request& r,
                                                         std::string_view name) const {
  const std::int64_t now = detail::seconds_now();
  for (const std::string_view text : r.cookies().all(name)) {
    if (auto value = detail::verify_cookie(keys_, name, text, now)) return value;
  }
  return std::nullopt;
}

JOT_INLINE std::string random_token(std::size_t bytes) {
  if (bytes == 0) throw std::invalid_argument("jot: random_token: 0 bytes are no secret");
  return detail::base64url_encode(detail::random_bytes(bytes));
}

}  // namespace jot::inline v1
