// SPDX-License-Identifier: MIT
//
// print_cookie.hpp -- how is a cookie written, so that a browser takes it as it is meant?
//
// In: a Cookie. Out: the value of a Set-Cookie field, its attributes in the order of Go's net/http.
// Go drops what cannot be written; here it throws: a cookie that silently lost its Domain or its
// value is found by nobody.
#pragma once

#include "../cookie.hpp"      // Cookie, SameSite
#include "../text.hpp"        // text
#include "ascii.hpp"          // is_token, iequals, is_a
#include "http_date.hpp"      // HttpDate
#include "parse_cookies.hpp"  // is_cookie_value

#include <arpa/inet.h>  // inet_pton

#include <chrono>       // std::chrono::system_clock
#include <ctime>        // std::time_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

[[noreturn]] inline void refuse_cookie(const Cookie& c, std::string_view why) {
  throw std::invalid_argument(text("jot: cookie \"", printable(c.name), "\": ", why));
}

// Letters, digits and hyphens between dots, as DNS has it, or an IPv4 address.
inline bool is_cookie_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > 253) return false;
  in_addr ip{};
  if (domain.find_first_not_of("0123456789.") == domain.npos)
    return inet_pton(AF_INET, std::string(domain).c_str(), &ip) == 1;
  while (true) {
    const std::string_view label = domain.substr(0, domain.find('.'));
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    for (const char c : label) {
      if (!is_digit(c) && !is_a(c, byte_alpha) && c != '-') return false;
    }
    if (label.size() == domain.size()) return true;
    domain.remove_prefix(label.size() + 1);
  }
}

// Browsers compare the prefixes without case (RFC 6265bis section 5.7), lest one be forged by it.
inline bool has_prefix(const Cookie& c, std::string_view prefix) noexcept {
  return iequals(std::string_view(c.name).substr(0, prefix.size()), prefix);
}

inline void check_path_and_domain(const Cookie& c) {
  constexpr std::size_t longest = 1024;  // of an attribute that browsers look at
  if (!c.path.empty() && c.path.front() != '/') refuse_cookie(c, "a path begins with a slash");
  if (c.path.size() > longest) refuse_cookie(c, "the path is longer than 1024 bytes");
  for (const char b : c.path) {
    if (b < 0x20 || b >= 0x7f || b == ';') refuse_cookie(c, "the path has a byte it must not have");
  }
  const std::string_view domain = c.domain;
  if (!domain.empty() && !is_cookie_domain(domain.substr(domain.front() == '.' ? 1 : 0)))
    refuse_cookie(c, "the domain is none");
}

// Throws: std::invalid_argument, see set_cookie().
inline void check_cookie(const Cookie& c) {
  if (!is_token(c.name)) refuse_cookie(c, "the name is not a token");
  if (!is_cookie_value(c.value))
    refuse_cookie(c, "the value has a byte it must not have: percent_encode() it");
  if (c.name.size() + c.value.size() > 4096)
    refuse_cookie(c, "name and value are longer than 4096 bytes");
  check_path_and_domain(c);
  if (!c.secure) {
    if (c.same_site == SameSite::none) refuse_cookie(c, "SameSite::none needs secure");
    if (c.partitioned) refuse_cookie(c, "partitioned needs secure");
    if (has_prefix(c, "__Secure-")) refuse_cookie(c, "__Secure- needs secure");
  }
  if (has_prefix(c, "__Host-") && (!c.secure || c.path != "/" || !c.domain.empty()))
    refuse_cookie(c, "__Host- needs secure, the path \"/\" and no domain");
}

inline std::string print_expires(const Cookie& c) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(*c.expires);
  constexpr std::time_t year_1601 = -11'644'473'600, year_10000 = 253'402'300'800;
  if (seconds < year_1601 || seconds >= year_10000)
    refuse_cookie(c, "it expires outside of the years 1601 to 9999");
  HttpDate date;
  return text("; Expires=", date.at(seconds));
}

inline std::string print_cookie(const Cookie& c) {
  check_cookie(c);
  std::string to = c.name + '=';
  const bool quote = c.value.find_first_of(" ,") != c.value.npos;  // else they end it, or are lost
  to += quote ? text('"', c.value, '"') : c.value;
  if (!c.path.empty()) to += "; Path=" + c.path;
  // A leading dot meant "and all below" once; it means nothing today.
  if (!c.domain.empty()) to += "; Domain=" + c.domain.substr(c.domain.front() == '.' ? 1 : 0);
  if (c.expires) to += print_expires(c);
  if (c.max_age) to += text("; Max-Age=", c.max_age->count() > 0 ? c.max_age->count() : 0);
  if (c.http_only) to += "; HttpOnly";
  if (c.secure) to += "; Secure";
  constexpr std::string_view same_site[] = {"Lax", "Strict", "None"};
  to += text("; SameSite=", same_site[static_cast<std::size_t>(c.same_site)]);
  if (c.partitioned) to += "; Partitioned";
  return to;
}

}  // namespace jot::inline v1::detail
