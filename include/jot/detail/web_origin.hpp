// SPDX-License-Identifier: MIT
//
// web_origin.hpp -- which site does this Origin name?
//
// In: the field Origin, "https://example.org:8443" or "null" (RFC 6454 section 6.2), and the
// origins of an option. Out: its host; is it one of those?
#pragma once

#include "ascii.hpp"  // all_are, is_a

#include <cstddef>      // std::size_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// "example.org:8443"; "" where there is none.
inline std::string_view origin_host(std::string_view origin) noexcept {
  const std::size_t scheme = origin.find("://");
  if (scheme == origin.npos || scheme == 0) return {};
  const std::string_view host = origin.substr(scheme + 3);
  return host.substr(0, host.find_first_of("/?#"));
}

inline bool is_scheme(std::string_view s) noexcept {
  for (const char c : s)
    if (!is_a(c, byte_alpha) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  return !s.empty() && is_a(s.front(), byte_alpha);
}

// A scheme, "://" and a host, perhaps with a port, and nothing else.
inline bool is_origin(std::string_view s) noexcept {
  const std::string_view host = origin_host(s);
  if (host.empty() || host.front() == ':' || host.back() == ':') return false;
  for (const char c : host) {
    const bool fits = is_a(c, byte_alpha) || is_digit(c) || (c & 0x80) != 0;
    if (!fits && std::string_view("-._:[]").find(c) == std::string_view::npos) return false;
  }
  return is_scheme(s.substr(0, s.find("://"))) && host.data() + host.size() == s.data() + s.size();
}

// A trailing slash, a path, a scheme that is missing: mistakes that would only show in a browser.
inline void check_origin(std::string_view who, std::string_view origin) {
  if (is_origin(origin)) return;
  throw std::invalid_argument("jot: " + std::string(who) +
                              ": an origin is scheme://host[:port], not \"" + std::string(origin) +
                              '"');
}

// allowed: an origin, or "https://*.example.org" for all names below.
inline bool matches_origin(std::string_view allowed, std::string_view origin) noexcept {
  const std::size_t star = allowed.find("://*.");
  if (star == allowed.npos) return allowed == origin;
  const std::string_view scheme = allowed.substr(0, star + 3), domain = allowed.substr(star + 4);
  return is_origin(origin) && origin.starts_with(scheme) && origin.ends_with(domain) &&
         origin.size() > scheme.size() + domain.size();
}

inline bool is_one_of(const std::vector<std::string>& allowed, std::string_view origin) noexcept {
  for (const std::string& one : allowed)
    if (matches_origin(one, origin)) return true;
  return false;
}

}  // namespace jot::inline v1::detail
