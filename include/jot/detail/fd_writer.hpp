// SPDX-License-Identifier: MIT
//
// fd_writer.hpp -- how do bytes get into somebody else's descriptor, and nobody waits for ever?
//
// In: a file, a pipe, a socket or a terminal, which may block: it is the caller's, and stays as it
// is. Out: how many bytes it took. A pipe that poll calls writable takes PIPE_BUF bytes without
// waiting, a socket is told not to wait, and a file is never full.
#pragma once

#include "quiet_writes.hpp"  // QuietWrites

#include <limits.h>      // PIPE_BUF
#include <sys/socket.h>  // send
#include <sys/stat.h>    // fstat
#include <unistd.h>      // write

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <string_view>   // std::string_view
#include <system_error>  // std::error_code

namespace jot::inline v1::detail {

class FdWriter {
 public:
  explicit FdWriter(int fd) noexcept : fd_(fd) {
    struct stat s {};
    if (fstat(fd, &s) != 0) error_ = errno;
    is_file_ = error_ != 0 || S_ISREG(s.st_mode) || S_ISBLK(s.st_mode);
    is_socket_ = S_ISSOCK(s.st_mode);
  }

  // Is poll (POLLOUT) to be asked before each write_some()?
  bool may_wait() const noexcept { return !is_file_; }

  // Returns: how many bytes, perhaps 0; after an error() always 0.
  std::size_t write_some(std::string_view bytes) noexcept {
    if (error_ != 0) return 0;
    const ssize_t n = is_socket_ ? ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT)
                                 : ::write(fd_, bytes.data(), most_of(bytes));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    quiet_.note_failure(error_ = errno);
    return 0;
  }

  std::error_code error() const noexcept { return {error_, std::generic_category()}; }

 private:
  std::size_t most_of(std::string_view bytes) const noexcept {
    return is_file_ ? bytes.size() : std::min<std::size_t>(bytes.size(), PIPE_BUF);
  }

  const int fd_;
  int error_ = 0;
  bool is_file_ = false, is_socket_ = false;
  QuietWrites quiet_;
};

}  // namespace jot::inline v1::detail
