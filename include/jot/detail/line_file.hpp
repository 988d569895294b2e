// SPDX-License-Identifier: MIT
//
// line_file.hpp -- where does a batch of lines go: a file, which may be moved away, or a pipe,
// which may be full for ever?
//
// In: whole lines. Out: the number of those that could not be written. A file is opened anew when
// another stands in its place, as after logrotate. A pipe or socket is written in pieces that fit
// (PIPE_BUF), after poll has said so: a reader that has stopped costs `patience` for each batch,
// and cannot keep the program from ending.
// Threads: one at a time.
#pragma once

#include "fd.hpp"  // Fd

#include <fcntl.h>     // open
#include <limits.h>    // PIPE_BUF
#include <poll.h>      // poll
#include <sys/stat.h>  // fstat, stat
#include <unistd.h>    // write

#include <algorithm>     // std::count, std::min
#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

class LineFile {
 public:
  // path: appended to, made if need be. Throws: std::system_error that names it, also for a FIFO
  // that nobody reads.
  explicit LineFile(std::string path) : path_(std::move(path)) {
    if (!open()) throw std::system_error(errno, std::generic_category(), "jot: " + path_);
  }

  // Lifetime: the fd stays the caller's.
  explicit LineFile(int fd) noexcept : fd_(fd) {}

  // Returns how many lines were lost. Half a line that was written before is ended first.
  std::uint64_t write(std::string_view lines) {
    if (!path_.empty() && was_moved()) open();  // if it cannot be opened, the old one will do
    const std::string mended = torn_ ? '\n' + std::string(lines) : std::string();
    const std::string_view all = torn_ ? std::string_view(mended) : lines;
    const std::size_t done = put(all), left = std::min(all.size() - done, lines.size());
    if (done > 0) torn_ = all[done - 1] != '\n';
    return static_cast<std::uint64_t>(std::count(lines.end() - left, lines.end(), '\n'));
  }

 private:
  static constexpr int patience = 1000;  // milliseconds

  // Writes until all is written or no more can be. Returns how many bytes.
  std::size_t put(std::string_view text) noexcept {
    std::size_t done = 0;
    while (done < text.size()) {
      pollfd ready{fd_, POLLOUT, 0};
      const int count = poll(&ready, 1, patience);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      const ssize_t n =
          ::write(fd_, text.data() + done, std::min<std::size_t>(text.size() - done, PIPE_BUF));
      if (n > 0) done += static_cast<std::size_t>(n);
      if (n < 0 && errno != EINTR && errno != EAGAIN) break;
    }
    return done;
  }

  bool open() noexcept {
    // Without O_NONBLOCK, a FIFO that nobody reads would keep us here until somebody does.
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    Fd file(::open(path_.c_str(), flags, 0640));
    if (!file) return false;
    file_ = std::move(file);
    fd_ = file_.get();
    return true;
  }

  bool was_moved() const noexcept {
    struct stat here{};
    struct stat there{};
    if (fstat(fd_, &here) != 0) return true;
    return stat(path_.c_str(), &there) != 0 || here.st_ino != there.st_ino ||
           here.st_dev != there.st_dev;
  }

  const std::string path_;  // "": an fd of the caller's
  Fd file_;
  int fd_ = -1;
  bool torn_ = false;  // the last thing written is half a line
};

}  // namespace jot::inline v1::detail
