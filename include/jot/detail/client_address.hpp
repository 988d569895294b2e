// SPDX-License-Identifier: MIT
//
// client_address.hpp -- which host, and which subscriber, is behind this address?
//
// In: what remote_addr() says, "192.0.2.1:40312", "[2001:db8::1]:40312", with or without a port, or
// anything else. Out: the host alone; or the network that one subscriber has.
#pragma once

#include <arpa/inet.h>   // inet_pton
#include <netinet/in.h>  // in6_addr, in_addr

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "192.0.2.1", "2001:db8::1"; what is no address with a port stays as it is.
inline std::string_view client_host(std::string_view addr) noexcept {
  if (addr.starts_with('[')) {
    const std::size_t end = addr.find(']');
    return end == addr.npos ? addr : addr.substr(1, end - 1);
  }
  const std::size_t colon = addr.find(':');
  const bool has_port = colon != addr.npos && colon > 0 && colon == addr.rfind(':');
  return has_port && colon + 1 < addr.size() ? addr.substr(0, colon) : addr;
}

// The bytes of an IPv4 address, also where it is mapped into IPv6; of IPv6 the first eight, for a
// subscriber has at least a /64 to choose addresses from; else the text.
inline std::string client_network(std::string_view addr) {
  std::string host(client_host(addr));
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1)
    return {reinterpret_cast<const char*>(&four), sizeof four};
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) != 1) return host;
  const auto* bytes = reinterpret_cast<const char*>(&six);
  return IN6_IS_ADDR_V4MAPPED(&six) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

}  // namespace jot::inline v1::detail
