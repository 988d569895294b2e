// SPDX-License-Identifier: MIT
//
// client_connection.hpp -- how do bytes get to a server and back, on one connection?
//
// The socket blocks, so that a recv may sleep by itself where nothing but time can end the wait;
// all other calls say MSG_DONTWAIT, and wait in poll. Nothing here throws or raises SIGPIPE.
// Threads: belongs to the call that uses it, or to the pool.
#pragma once

#include "call_wait.hpp"   // CallWait
#include "fd.hpp"          // Fd
#include "input.hpp"       // Input
#include "parse_head.hpp"  // Verdict

#include <sys/socket.h>  // recv, send, sendmsg
#include <sys/time.h>    // timeval
#include <sys/uio.h>     // iovec

#include <cerrno>       // errno
#include <cstddef>      // std::size_t
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What a refused answer is to the caller.
inline Error bad_answer(const Verdict& v) {
  return Error(v.status == 431 ? Errc::too_large : Errc::bad_message, v.reason);
}

enum class Arrived {
  bytes,
  end,       // the server closed its side
  broken,    // the connection was reset
  too_slow,  // nothing came until the deadline
  ended,     // the caller's Context did
  nothing,   // none here now, and we did not wait
};

class ClientConnection {
 public:
  static constexpr std::size_t receive_size = 16u << 10;

  explicit ClientConnection(Fd fd) : fd_(std::move(fd)) {
    const timeval nap{0, CallWait::longest_nap.count() * 1000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &nap, sizeof nap);
  }

  int fd() const noexcept { return fd_.get(); }

  // Has the server said nothing since the last answer, not even that it closes? Whatever it says
  // unasked is no answer to the next request.
  bool is_quiet() const noexcept {
    char byte;
    return input.empty() && recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  // What is here now, and no waiting.
  Arrived take(std::span<char> to, std::size_t& n) noexcept { return receive(to, n, MSG_DONTWAIT); }

  // At least one byte. soon: it is probably here already.
  Arrived receive(std::span<char> to, std::size_t& n, CallWait& wait, Clock::time_point deadline,
                  bool soon) {
    if (wait.may_sleep(deadline)) {
      about_to_block();
      const Arrived arrived = receive(to, n, 0);
      if (arrived != Arrived::nothing) return arrived;
    }
    for (;; soon = true) {
      if (soon) {
        const Arrived arrived = receive(to, n, MSG_DONTWAIT);
        if (arrived != Arrived::nothing) return arrived;
      }
      short events = POLLIN;
      const Waited waited = wait.for_fd(fd(), events, deadline);
      if (waited == Waited::ended) return Arrived::ended;
      if (waited == Waited::too_slow) return Arrived::too_slow;
    }
  }

  // Behind the unread bytes of the input.
  Arrived receive_input(CallWait& wait, Clock::time_point deadline, bool soon) {
    std::size_t n = 0;
    const Arrived arrived = receive(input.room(receive_size), n, wait, deadline, soon);
    input.filled(n);
    return arrived;
  }

  Arrived take_input() {
    std::size_t n = 0;
    const Arrived arrived = take(input.room(receive_size), n);
    input.filled(n);
    return arrived;
  }

  // What fits now, of head and then of body. Returns: how many bytes; -1: the server takes no more.
  ssize_t send_some(std::string_view head, std::string_view body) noexcept {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts, message.msg_iovlen = 2;
    const std::string_view one = head.empty() ? body : head;
    const bool is_one = head.empty() || body.empty();
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    for (;;) {
      const ssize_t n =
          is_one ? ::send(fd(), one.data(), one.size(), flags) : sendmsg(fd(), &message, flags);
      if (n >= 0) return n;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno == EINTR) continue;
      // The kernel says so once. EPIPE: the server had closed its side before.
      is_broken_ = is_broken_ || errno != EPIPE;
      return -1;
    }
  }

  Input input;      // received and not yet understood
  std::string out;  // a head to send; its memory is kept for the next
  Clock::time_point idle_since{};

 private:
  Arrived receive(std::span<char> to, std::size_t& n, int flags) noexcept {
    n = 0;
    for (;;) {
      const ssize_t got = recv(fd(), to.data(), to.size(), flags);
      if (got > 0) return n = static_cast<std::size_t>(got), Arrived::bytes;
      if (got == 0) return is_broken_ ? Arrived::broken : Arrived::end;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Arrived::nothing;
      // Interrupted with flags 0: the nap began anew, so look at the clock.
      if (errno == EINTR && flags == 0) return Arrived::nothing;
      if (errno != EINTR) return is_broken_ = true, Arrived::broken;
    }
  }

  Fd fd_;
  bool is_broken_ = false;  // a reset was heard of: what looks like an end is none
};

}  // namespace jot::inline v1::detail
