// SPDX-License-Identifier: MIT
//
// ip_network.hpp -- is this address one of those?
//
// In: addresses and networks as text, "192.0.2.1", "2001:db8::/32". Out: addresses as 16 bytes,
// those of IPv4 mapped into IPv6 (RFC 4291 section 2.5.5.2), so that all are compared alike.
#pragma once

#include <arpa/inet.h>   // inet_ntop, inet_pton
#include <netinet/in.h>  // in6_addr

#include <charconv>     // std::from_chars
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// All digits, from 0 to high; else -1.
inline int parse_small(std::string_view digits, int high) noexcept {
  int value = -1;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = failed == std::errc{} && end == digits.data() + digits.size();
  return whole && digits.front() != '-' && value <= high ? value : -1;
}

inline bool parse_ip(std::string_view text, in6_addr& to) noexcept {
  char terminated[INET6_ADDRSTRLEN] = "";
  if (text.size() >= sizeof terminated) return false;
  text.copy(terminated, text.size());
  if (inet_pton(AF_INET6, terminated, &to) == 1) return true;
  to = in6_addr{};
  to.s6_addr[10] = to.s6_addr[11] = 0xff;
  return inet_pton(AF_INET, terminated, &to.s6_addr[12]) == 1;
}

inline std::string ip_text(const in6_addr& ip) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&ip))
    inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof text);
  else
    inet_ntop(AF_INET6, &ip, text, sizeof text);
  return text;
}

// The addresses that begin with the same bits.
struct IpNetwork {
  in6_addr base{};
  int bits = 128;

  bool contains(const in6_addr& ip) const noexcept {
    const auto bytes = static_cast<std::size_t>(bits / 8);
    if (std::memcmp(&base, &ip, bytes) != 0) return false;
    const int mask = 0xff00 >> (bits % 8) & 0xff;
    return mask == 0 || ((base.s6_addr[bytes] ^ ip.s6_addr[bytes]) & mask) == 0;
  }
};

// "10.0.0.0/8", or one address. The bits behind the slash may be set: they do not count.
inline bool parse_network(std::string_view text, IpNetwork& to) noexcept {
  const std::size_t slash = text.find('/');
  if (!parse_ip(text.substr(0, slash), to.base)) return false;
  if (slash == text.npos) return to.bits = 128, true;
  const bool four = text.find(':') == text.npos;
  const int bits = parse_small(text.substr(slash + 1), four ? 32 : 128);
  to.bits = four ? bits + 96 : bits;
  return bits >= 0;
}

}  // namespace jot::inline v1::detail
