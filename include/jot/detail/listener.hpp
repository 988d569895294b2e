// SPDX-License-Identifier: MIT
//
// listener.hpp -- from an address in words to sockets that listen.
//
// In: ":8080", "127.0.0.1:8080", "[::1]:0", "localhost:80", "unix:/run/app.sock", "systemd".
// Out: listening fds, non-blocking and close-on-exec; or std::system_error with the address in its
// text, std::invalid_argument where the address cannot be read.
#pragma once

#include "fd.hpp"            // Fd
#include "peer_address.hpp"  // local_address

#include <fcntl.h>        // fcntl
#include <netdb.h>        // getaddrinfo
#include <netinet/tcp.h>  // TCP_NODELAY
#include <sys/socket.h>   // socket, bind, listen
#include <sys/stat.h>     // stat
#include <sys/un.h>       // sockaddr_un
#include <unistd.h>       // unlink, getpid

#include <cerrno>        // errno
#include <cstdlib>       // std::getenv, std::atoi
#include <cstring>       // std::memcpy
#include <list>          // std::list
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <system_error>  // std::system_error
#include <utility>       // std::exchange

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_listen_error(int error, const std::string& addr) {
  throw std::system_error(error, std::generic_category(), "jot: cannot listen on " + addr);
}

// Its file is removed when it ends, if it made one.
class Listener {
 public:
  explicit Listener(Fd fd, std::string unix_path = {})
      : fd_(std::move(fd)), path_(std::move(unix_path)) {}
  Listener(Listener&& from) noexcept
      : fd_(std::move(from.fd_)), path_(std::exchange(from.path_, {})) {}
  ~Listener() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
  std::string path_;
};

inline Fd stream_socket(int family) {
  return Fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

inline bool set_option(int fd, int level, int name, int value) noexcept {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Does somebody answer at this socket file? One that a dead process left behind is in nobody's way.
inline bool is_stale(const sockaddr_un& address, socklen_t length) {
  struct stat info{};
  if (stat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  Fd probe = stream_socket(AF_UNIX);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 &&
         errno == ECONNREFUSED;
}

inline Listener listen_unix(const std::string& addr) {
  std::string path = addr.substr(5);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw std::invalid_argument("jot: bad path for a unix socket: " + addr);
  std::memcpy(address.sun_path, path.data(), path.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  Fd fd = stream_socket(AF_UNIX);
  if (fd && is_stale(address, length)) unlink(path.c_str());
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0)
    throw_listen_error(errno, addr);
  return Listener(std::move(fd), path);
}

// The kernel's own queue of connections is as long as it lets us. TCP_NODELAY is inherited by the
// connections that are accepted.
inline Fd listen_on(int family, const sockaddr* address, socklen_t length, bool reuse_port) {
  Fd fd = stream_socket(family);
  if (!fd) return fd;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (family == AF_INET6) {
    auto* six = reinterpret_cast<const sockaddr_in6*>(address);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr));
  }
  if ((reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) ||
      bind(fd.get(), address, length) != 0 || listen(fd.get(), SOMAXCONN) != 0)
    return fd.reset(), std::move(fd);
  return fd;
}

// An address without a host listens on IPv6 and IPv4; where the machine has no IPv6, on IPv4.
inline Listener listen_everywhere(std::uint16_t port, const std::string& addr, bool reuse_port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6, six.sin6_port = htons(port);
  Fd fd = listen_on(AF_INET6, reinterpret_cast<sockaddr*>(&six), sizeof six, reuse_port);
  if (!fd && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    sockaddr_in four{};
    four.sin_family = AF_INET, four.sin_port = htons(port);
    fd = listen_on(AF_INET, reinterpret_cast<sockaddr*>(&four), sizeof four, reuse_port);
  }
  if (!fd) throw_listen_error(errno, addr);
  return Listener(std::move(fd));
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

inline HostPort split_listen_address(const std::string& addr) {
  std::size_t colon = addr.rfind(':');
  bool bracketed = addr.starts_with('[');
  if (colon == addr.npos || (bracketed && (colon < 3 || addr[colon - 1] != ']')) ||
      (!bracketed && addr.find(':') != colon))
    throw std::invalid_argument("jot: address without a port (want host:port or [ip6]:port): " +
                                addr);
  std::string digits = addr.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != digits.npos || std::atoi(digits.c_str()) > 65535)
    throw std::invalid_argument("jot: bad port (want 0 to 65535): " + addr);
  return {bracketed ? addr.substr(1, colon - 2) : addr.substr(0, colon),
          static_cast<std::uint16_t>(std::atoi(digits.c_str()))};
}

inline Listener listen_tcp(const std::string& addr, bool reuse_port) {
  HostPort where = split_listen_address(addr);
  if (where.host.empty()) return listen_everywhere(where.port, addr, reuse_port);
  struct Found {
    addrinfo* first = nullptr;
    ~Found() {
      if (first) freeaddrinfo(first);
    }
  } found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM, hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  int failed =
      getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found.first);
  if (failed) throw std::invalid_argument("jot: " + addr + ": " + gai_strerror(failed));
  const addrinfo* chosen =
      found.first;  // for names with both, IPv4: it is what clients of "localhost" try
  for (auto* a = found.first; a; a = a->ai_next)
    if (a->ai_family == AF_INET && chosen->ai_family != AF_INET) chosen = a;
  Fd fd = listen_on(chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen, reuse_port);
  if (!fd) throw_listen_error(errno, addr);
  return Listener(std::move(fd));
}

// The sockets that a service manager opened for this process, from fd 3 on (sd_listen_fds(3)).
inline std::list<Listener> inherited_listeners() {
  const char *pid = std::getenv("LISTEN_PID"), *count = std::getenv("LISTEN_FDS");
  int n = pid && count && std::atoi(pid) == getpid() ? std::atoi(count) : 0;
  if (n <= 0)
    throw std::invalid_argument("jot: no sockets were handed over (LISTEN_PID, LISTEN_FDS)");
  std::list<Listener> all;
  for (int fd = 3; fd < 3 + n; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
      throw std::invalid_argument("jot: systemd: fd " + std::to_string(fd) +
                                  " is no listening socket");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
      throw_listen_error(errno, "systemd (fd " + std::to_string(fd) + ")");
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // fails for a unix socket, which needs none
    all.emplace_back(Fd(fd));
  }
  return all;
}

inline std::list<Listener> open_listeners(const std::string& addr, bool reuse_port) {
  if (addr == "systemd") return inherited_listeners();
  std::list<Listener> all;
  if (addr.starts_with("unix:"))
    all.push_back(listen_unix(addr));
  else
    all.push_back(listen_tcp(addr, reuse_port));
  return all;
}

}  // namespace jot::inline v1::detail
