// SPDX-License-Identifier: MIT
//
// socket.hpp -- how do bytes get into a socket and out of it, within a time?
//
// The fd is non-blocking. What cannot be done at once says about_to_block() first, so that a lane
// driven by this thread goes on without it, and then waits in poll, for the fd and for the end of
// the request's Context.
// In: bytes, and a Pace that says how slow is too slow. Out: how it went; never an exception, never
// SIGPIPE. Threads: a Socket belongs to the one thread that serves its connection.
#pragma once

#include <poll.h>          // poll
#include <sys/sendfile.h>  // sendfile
#include <sys/socket.h>    // recv, sendmsg
#include <sys/uio.h>       // iovec

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <chrono>        // std::chrono
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <span>          // std::span
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error

#include "../context.hpp"     // Clock, Context, nanoseconds
#include "blocking.hpp"       // about_to_block, must_not_wait
#include "clock.hpp"          // time_after, time_until
#include "context_state.hpp"  // CancelState, Reason
#include "quiet_writes.hpp"   // QuietWrites

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

// The words for a client that left: the cause of its requests' Contexts.
inline constexpr char client_gone[] = "client gone";

// Does nobody want the work any more? The client's leaving alone is no such end: one that has only
// said that it sends no more still reads its answer, and from any other the socket itself tells.
inline bool ends_waits(const Context& ctx) noexcept {
  const CancelState* canceller = canceller_of(ContextAccess::state(ctx));
  if (!canceller) return false;
  const Reason* reason = canceller->reason();
  if (reason && reason->words != client_gone) return true;
  return canceller->deadline() && *canceller->deadline() <= Clock::now();
}

enum class Waited {
  ready,     // the fd is, or it is gone
  too_slow,  // the deadline came first
  ended,     // the Context did
};

class FdWait {
 public:
  FdWait(int fd, short events, const Context& ctx) noexcept
      : ctx_(ctx), fds_{{fd, events, 0}, {-1, POLLIN, 0}} {
    if (ctx.done()) return;  // readable for ever
    try {
      fds_[1].fd = ctx.fd();
    } catch (const std::system_error&) {
      longest_ = glance;
    }
  }

  Waited until(Clock::time_point deadline) noexcept {
    for (;;) {
      if (ends_waits(ctx_)) return Waited::ended;
      const Clock::time_point now = Clock::now();
      if (deadline <= now) return Waited::too_slow;
      const auto first = std::min(deadline, ctx_.deadline().value_or(deadline));
      const auto left = std::chrono::ceil<milliseconds>(time_until(first, now));
      const auto most = std::min<milliseconds>(std::max(left, milliseconds(1)), longest_);
      const int n = poll(fds_, 2, static_cast<int>(most.count()));
      if (n > 0 && fds_[0].revents) return Waited::ready;
      if (n > 0) fds_[1].fd = -1;  // it is done: ends_waits() says whether we are
    }
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds glance{10};  // where there is no fd to tell that the Context ended

  const Context& ctx_;
  pollfd fds_[2];
  milliseconds longest_{60'000};
};

// Who knows the Context of the request that a Socket serves. Asked only by a thread that has to
// wait.
struct ContextSource {
  virtual Context context_in_force() noexcept = 0;

 protected:
  ~ContextSource() = default;
};

enum class Received { bytes, would_block, end, broken };

class Socket {
 public:
  void open(int fd, nanoseconds write_timeout) noexcept {
    fd_ = fd, write_timeout_ = write_timeout;
    gone_ = slow_ = ended_ = false, bytes_out_ = bytes_in_ = 0;
  }

  // From now on, until nullptr is given, its waits end with this request's Context.
  void serves(ContextSource* request) noexcept { request_ = request; }

  // A send has failed: nothing more will reach the peer.
  bool gone() const noexcept { return gone_; }
  bool slow() const noexcept { return slow_; }    // because it was too slow
  bool ended() const noexcept { return ended_; }  // because the Context ended
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

  // Waits until there is something to receive (POLLIN), or room to send (POLLOUT).
  Waited wait(short events, Clock::time_point deadline) noexcept {
    if (must_not_wait()) return Waited::ended;
    about_to_block();
    const Context ctx = request_ ? request_->context_in_force() : Context();
    return FdWait(fd_, events, ctx).until(deadline);
  }

  // Can a few bytes be sent without waiting? From any thread.
  bool has_room() const noexcept {
    pollfd now{fd_, POLLOUT, 0};
    return poll(&now, 1, 0) == 1 && (now.revents & POLLOUT) != 0;
  }

  // Sends all of head and then all of body, in as few calls as the socket takes. Waits while it is
  // full. False: the peer is gone or too slow, or the Context ended; then gone() stays true.
  // flags: MSG_MORE, where the next call follows at once and the last packet may wait for it.
  bool send_all(std::string_view head, std::string_view body = {}, int flags = 0) noexcept {
    if (gone_) return false;
    std::size_t sent = send_some(head, body, flags);
    if (sent == head.size() + body.size()) return true;
    return !gone_ && send_slowly(head, body, sent, flags);
  }

  // Sends a part of a file, uncopied, out of the kernel's cache. Waits as send_all() does.
  // Returns how many bytes: fewer when gone(), or where the file ends or cannot be sent so.
  std::uint64_t send_file(int file, std::uint64_t offset, std::uint64_t length) noexcept {
    QuietWrites quiet;
    Pace pace(write_timeout_, Clock::now());
    std::uint64_t sent = 0;
    while (sent < length && !gone_) {
      off_t at = static_cast<off_t>(offset + sent);
      // In pieces, for a call to a fast peer goes on and on, and nobody could stop it.
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(length - sent, 2u << 20));
      const ssize_t n = sendfile(fd_, file, &at, most);
      if (n > 0) {
        sent += static_cast<std::uint64_t>(n);
        pace.progress(static_cast<std::size_t>(n), Clock::now());
      } else if (n == 0 || errno == EINVAL || errno == EIO || errno == ENOSYS ||
                 errno == EOVERFLOW) {
        break;  // the file's fault, not the socket's
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_for_room(pace);
      } else if (errno != EINTR) {
        gone_ = true;
        quiet.note_failure(errno);
      }
    }
    bytes_out_ += sent;
    return sent;
  }

 private:
  // What fits now.
  std::size_t send_some(std::string_view head, std::string_view body, int flags) noexcept {
    flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = head.empty() ? parts + 1 : parts;
    message.msg_iovlen = head.empty() || body.empty() ? 1 : 2;
    for (;;) {
      ssize_t n = message.msg_iovlen == 1
                      ? send(fd_, message.msg_iov->iov_base, message.msg_iov->iov_len, flags)
                      : sendmsg(fd_, &message, flags);
      if (n >= 0) return bytes_out_ += static_cast<std::uint64_t>(n), static_cast<std::size_t>(n);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) return gone_ = true, 0;
    }
  }

  bool send_slowly(std::string_view head, std::string_view body, std::size_t sent,
                   int flags) noexcept {
    Pace pace(write_timeout_, Clock::now());
    for (;;) {
      std::size_t from_head = sent < head.size() ? sent : head.size();
      head.remove_prefix(from_head), body.remove_prefix(sent - from_head);
      if (head.empty() && body.empty()) return true;
      if (!wait_for_room(pace)) return false;
      sent = send_some(head, body, flags);
      if (gone_) return false;
      pace.progress(sent, Clock::now());
    }
  }

  // False: the peer is too slow, or the Context ended.
  bool wait_for_room(const Pace& pace) noexcept {
    const Waited waited = wait(POLLOUT, pace.deadline());
    slow_ = waited == Waited::too_slow, ended_ = waited == Waited::ended;
    if (waited != Waited::ready) gone_ = true;
    return !gone_;
  }

  int fd_ = -1;
  ContextSource* request_ = nullptr;
  bool gone_ = false, slow_ = false, ended_ = false;
  nanoseconds write_timeout_{};
  std::uint64_t bytes_out_ = 0, bytes_in_ = 0;
};

}  // namespace jot::inline v1::detail
