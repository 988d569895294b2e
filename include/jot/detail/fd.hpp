// SPDX-License-Identifier: MIT
//
// fd.hpp -- who closes this file descriptor?
//
// Whoever owns the Fd, once, when it ends.
#pragma once

#include <unistd.h>  // ::close

#include <utility>  // std::exchange

namespace jot::inline v1::detail {

class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // The caller closes it from now on.
  int release() noexcept { return std::exchange(fd_, -1); }

  // Not repeated on EINTR: Linux has closed it all the same, and the number may already be
  // another thread's.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace jot::inline v1::detail
