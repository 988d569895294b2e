// SPDX-License-Identifier: MIT
//
// peer_address.hpp -- how does a socket address read?
//
// In: what the kernel says of a socket. Out: "192.0.2.1:40312", "[2001:db8::1]:40312",
// "unix:/run/app.sock", "unix:" for one without a name. An IPv4 client of a socket for both reads
// as IPv4.
#pragma once

#include <arpa/inet.h>   // inet_ntop, ntohs
#include <netinet/in.h>  // sockaddr_in, sockaddr_in6
#include <sys/socket.h>  // getpeername
#include <sys/un.h>      // sockaddr_un

#include <cstddef>  // offsetof
#include <cstring>  // strnlen
#include <string>   // std::string, std::to_string

namespace jot::inline v1::detail {

inline std::string unix_address(const sockaddr_un& a, socklen_t length) {
  std::size_t room =
      length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
  if (room > 0 && a.sun_path[0] == '\0') return "unix:@" + std::string(a.sun_path + 1, room - 1);
  return "unix:" + std::string(a.sun_path, strnlen(a.sun_path, room));
}

inline std::string ip6_address(const sockaddr_in6& a) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&a.sin6_addr)) {
    inet_ntop(AF_INET, &a.sin6_addr.s6_addr[12], text, sizeof text);
    return text + (":" + std::to_string(ntohs(a.sin6_port)));
  }
  inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(a.sin6_port));
}

inline std::string address_text(const sockaddr_storage& a, socklen_t length) {
  if (a.ss_family == AF_UNIX) return unix_address(reinterpret_cast<const sockaddr_un&>(a), length);
  if (a.ss_family == AF_INET6) return ip6_address(reinterpret_cast<const sockaddr_in6&>(a));
  if (a.ss_family != AF_INET) return {};
  auto& v4 = reinterpret_cast<const sockaddr_in&>(a);
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return text + (":" + std::to_string(ntohs(v4.sin_port)));
}

inline std::string peer_address(int fd) {
  sockaddr_storage a{};
  socklen_t length = sizeof a;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&a), &length) == 0 ? address_text(a, length)
                                                                        : "";
}

inline std::string local_address(int fd) {
  sockaddr_storage a{};
  socklen_t length = sizeof a;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length) == 0 ? address_text(a, length)
                                                                        : "";
}

}  // namespace jot::inline v1::detail
