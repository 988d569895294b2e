// SPDX-License-Identifier: MIT
//
// dial.hpp -- from a place in words to a connected socket.
//
// In: "host:port" or "unix:/path", and a moment. Out: an fd, close-on-exec; or the Error, and which
// address it was that refused.
//
// A host may have several addresses, and some may lead nowhere: waiting for one after the other
// would take minutes. So they race (RFC 8305): the next one starts when the last has failed, or has
// not answered for a quarter of a second; the first that connects wins, the others are closed.
#pragma once

#include "../error.hpp"      // Error, Result
#include "call_wait.hpp"     // CallWait
#include "fd.hpp"            // Fd
#include "peer_address.hpp"  // address_text
#include "request_url.hpp"   // parse_port
#include "resolve.hpp"       // Resolver, SocketAddress

#include <fcntl.h>        // fcntl
#include <netinet/tcp.h>  // TCP_NODELAY
#include <poll.h>         // pollfd
#include <sys/socket.h>   // socket, connect

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <chrono>        // std::chrono::milliseconds
#include <cstddef>       // std::size_t, offsetof
#include <cstring>       // std::memcpy
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::error_code
#include <vector>        // std::vector

namespace jot::inline v1::detail {

class Dialling {
 public:
  static constexpr auto stagger = std::chrono::milliseconds(250);

  Dialling(const SocketAddresses& addresses, CallWait& wait, Clock::time_point deadline)
      : addresses_(addresses), wait_(wait), deadline_(deadline) {}

  Result<Fd> run() {
    for (;;) {
      if (winner_) return settle();
      if (pending_.empty() && next_ == addresses_.size()) return *error_;
      const Clock::time_point now = Clock::now();
      if (next_ < addresses_.size() && (pending_.empty() || now >= next_start_)) {
        start();
        next_start_ = now + stagger;
        continue;
      }
      const bool last = next_ == addresses_.size();
      const Waited waited = watch(last ? deadline_ : std::min(deadline_, next_start_));
      if (waited == Waited::ended || (waited == Waited::too_slow && Clock::now() >= deadline_)) {
        return wait_.error("not connected");
      }
    }
  }

  // On one machine a port that nobody listens at may be given to the very socket that dials it:
  // then it has connected to itself.
  static bool is_itself(const Fd& fd, const SocketAddress& to) {
    if (to.family() == AF_UNIX) return false;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    return getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
           address_text(own, length) == address_text(to.bytes, to.length);
  }

 private:
  struct Attempt {
    Fd fd;
    const SocketAddress* to;
  };

  void start() {
    const SocketAddress& to = addresses_[next_++];
    Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(to, errno);
    const int one = 1;
    if (to.family() != AF_UNIX) {
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (connect(fd.get(), to.get(), to.length) == 0) return connected(std::move(fd), to);
    // Interrupted, it goes on by itself all the same.
    if (errno != EINPROGRESS && errno != EINTR) return fail(to, errno);
    pending_.push_back({std::move(fd), &to});
  }

  // Waits for the attempts that are under way, and looks how they went.
  Waited watch(Clock::time_point until) {
    std::vector<pollfd> fds(1);
    for (const Attempt& a : pending_) fds.push_back({a.fd.get(), POLLOUT, 0});
    const Waited waited = wait_.for_any(fds, until);
    if (waited != Waited::ready) return waited;
    for (std::size_t i = pending_.size(); i-- > 0;) {
      if (fds[i + 1].revents == 0) continue;
      Attempt done = std::move(pending_[i]);
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(done.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      error != 0 ? fail(*done.to, error) : connected(std::move(done.fd), *done.to);
    }
    return waited;
  }

  void connected(Fd fd, const SocketAddress& to) {
    if (is_itself(fd, to)) return fail(to, ECONNREFUSED);
    if (!winner_) winner_ = std::move(fd);
  }

  // An address of a kind that this machine cannot reach says less than another one's error.
  void fail(const SocketAddress& to, int code) {
    const bool dull = code == ENETUNREACH || code == EADDRNOTAVAIL || code == EAFNOSUPPORT;
    if (error_ && (dull || !error_is_dull_)) return;
    error_is_dull_ = dull;
    std::error_code error(code, std::generic_category());
    if (code == ECONNRESET) error = Errc::connection_closed;  // there was one, for a moment
    error_.emplace(
        error, "cannot connect to " + address_text(to.bytes, to.length) + ": " + error.message());
  }

  // It blocks from now on: whoever wants no waiting says so with each call.
  Result<Fd> settle() {
    fcntl(winner_.get(), F_SETFL, fcntl(winner_.get(), F_GETFL) & ~O_NONBLOCK);
    return std::move(winner_);
  }

  const SocketAddresses& addresses_;
  CallWait& wait_;
  const Clock::time_point deadline_;
  std::size_t next_ = 0;  // the address to try next
  Clock::time_point next_start_{};
  std::vector<Attempt> pending_;
  Fd winner_;
  std::optional<Error> error_;
  bool error_is_dull_ = false;
};

inline Result<SocketAddresses> unix_addresses(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error(std::make_error_code(std::errc::filename_too_long),
                 "bad path for a Unix socket: " + printable(path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  return SocketAddresses{socket_address(&address, length)};
}

// Where as many wait to be accepted as may, the kernel says so at once, and no poll tells when that
// has changed: so it is asked again until then.
inline Result<Fd> dial_unix(const SocketAddresses& where, CallWait& wait,
                            Clock::time_point deadline) {
  constexpr auto pause = std::chrono::milliseconds(2);
  for (;;) {
    Result<Fd> fd = Dialling(where, wait, deadline).run();
    if (fd || fd.error().code() != std::errc::resource_unavailable_try_again) return fd;
    pollfd nothing[1];
    const Waited waited = wait.for_any(nothing, std::min(deadline, Clock::now() + pause));
    if (waited == Waited::ended || Clock::now() >= deadline) return wait.error("not connected");
  }
}

inline Result<Fd> dial(std::string_view place, Resolver& resolver, CallWait& wait,
                       nanoseconds timeout) {
  const Clock::time_point deadline = wait.within(timeout);
  if (place.starts_with("unix:")) {
    Result<SocketAddresses> where = unix_addresses(place.substr(5));
    if (!where) return where.error();
    return dial_unix(*where, wait, deadline);
  }
  const std::size_t colon = place.rfind(':');
  Result<SocketAddresses> where = resolver.resolve(place.substr(0, colon), wait, deadline);
  if (!where) return where.error();
  for (SocketAddress& a : *where) set_port(a, parse_port(place.substr(colon + 1)));
  return Dialling(*where, wait, deadline).run();
}

}  // namespace jot::inline v1::detail
