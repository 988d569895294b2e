// SPDX-License-Identifier: MIT
//
// socket.hpp -- how do bytes get into a socket and out of it, within a time?
//
// The fd is non-blocking. What cannot be done at once says about_to_block() first, so that a lane
// driven by this thread goes on without it, and then waits in poll.
// In: bytes, and a Pace that says how slow is too slow. Out: how it went; never an exception, never
// SIGPIPE. Threads: a Socket belongs to the one thread that serves its connection.
#pragma once

#include <poll.h>        // poll
#include <sys/socket.h>  // recv, sendmsg
#include <sys/uio.h>     // iovec

#include <algorithm>    // std::min
#include <cerrno>       // errno
#include <chrono>       // std::chrono
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <span>         // std::span
#include <string_view>  // std::string_view

#include "../context.hpp"  // Clock, nanoseconds
#include "blocking.hpp"    // about_to_block
#include "clock.hpp"       // time_after, time_until

namespace jot::inline v1::detail {

// How long may a peer let us wait? Without progress for `stall`: too slow. Slower than min_rate
// over all, once the first five seconds are over: too slow as well.
class Pace {
 public:
  static constexpr std::uint64_t min_rate = 240;  // bytes per second
  static constexpr auto grace = std::chrono::seconds(5);

  Pace(nanoseconds stall, Clock::time_point now) noexcept
      : stall_(stall), start_(now), last_(now) {}

  void progress(std::size_t bytes, Clock::time_point now) noexcept { done_ += bytes, last_ = now; }

  // When patience ends, if nothing more comes.
  Clock::time_point deadline() const noexcept {
    auto by_rate = start_ + grace + std::chrono::seconds(done_ / min_rate + 1);
    return std::min(by_rate, time_after(last_, stall_));
  }

 private:
  nanoseconds stall_;
  Clock::time_point start_, last_;
  std::uint64_t done_ = 0;
};

// Waits until the fd is ready for `events`, or gone. False: the deadline passed first.
inline bool wait_for_fd(int fd, short events, Clock::time_point deadline) noexcept {
  about_to_block();
  for (;;) {
    using std::chrono::milliseconds;
    auto left = std::chrono::ceil<milliseconds>(time_until(deadline, Clock::now())).count();
    if (left <= 0) return false;
    pollfd p{fd, events, 0};
    int n = poll(&p, 1, left > 60'000 ? 60'000 : static_cast<int>(left));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

enum class Received { bytes, would_block, end, broken };

class Socket {
 public:
  void open(int fd, nanoseconds write_timeout) noexcept {
    fd_ = fd, write_timeout_ = write_timeout;
    gone_ = slow_ = false, bytes_out_ = bytes_in_ = 0;
  }
  int fd() const noexcept { return fd_; }

  // A send has failed: nothing more will reach the peer.
  bool gone() const noexcept { return gone_; }
  bool slow() const noexcept { return slow_; }
  std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  std::uint64_t bytes_in() const noexcept { return bytes_in_; }

  // Does not wait. The count of bytes goes to n.
  Received receive(std::span<char> to, std::size_t& n) noexcept {
    for (;;) {
      ssize_t got = recv(fd_, to.data(), to.size(), MSG_DONTWAIT);
      if (got > 0) return n = static_cast<std::size_t>(got), bytes_in_ += n, Received::bytes;
      n = 0;
      if (got == 0) return Received::end;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Received::would_block;
      if (errno != EINTR) return Received::broken;
    }
  }

  // Sends all of head and then all of body, in as few calls as the socket takes. Waits while it is
  // full. False: the peer is gone or too slow; then gone() stays true.
  bool send_all(std::string_view head, std::string_view body = {}) noexcept {
    if (gone_) return false;
    std::size_t sent = send_some(head, body);
    if (sent == head.size() + body.size()) return true;
    return !gone_ && send_slowly(head, body, sent);
  }

 private:
  // What fits now.
  std::size_t send_some(std::string_view head, std::string_view body) noexcept {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = head.empty() ? parts + 1 : parts;
    message.msg_iovlen = head.empty() || body.empty() ? 1 : 2;
    for (;;) {
      ssize_t n = message.msg_iovlen == 1
                      ? send(fd_, message.msg_iov->iov_base, message.msg_iov->iov_len,
                             MSG_DONTWAIT | MSG_NOSIGNAL)
                      : sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n >= 0) return bytes_out_ += static_cast<std::uint64_t>(n), static_cast<std::size_t>(n);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) return gone_ = true, 0;
    }
  }

  bool send_slowly(std::string_view head, std::string_view body, std::size_t sent) noexcept {
    Pace pace(write_timeout_, Clock::now());
    for (;;) {
      std::size_t from_head = sent < head.size() ? sent : head.size();
      head.remove_prefix(from_head), body.remove_prefix(sent - from_head);
      if (head.empty() && body.empty()) return true;
      if (!wait_for_fd(fd_, POLLOUT, pace.deadline())) return gone_ = slow_ = true, false;
      sent = send_some(head, body);
      if (gone_) return false;
      pace.progress(sent, Clock::now());
    }
  }

  int fd_ = -1;
  bool gone_ = false, slow_ = false;
  nanoseconds write_timeout_{};
  std::uint64_t bytes_out_ = 0, bytes_in_ = 0;
};

}  // namespace jot::inline v1::detail
