// SPDX-License-Identifier: MIT
//
// quiet_writes.hpp -- which writes must not end the program?
//
// A write to a peer that is gone raises SIGPIPE, and one that would make a file larger than the
// process may (RLIMIT_FSIZE) SIGXFSZ; both end a process that has not asked for them. The error
// says it as well.
// Threads: one of each is for the thread that it was made on.
#pragma once

#include <signal.h>  // pthread_sigmask, sigtimedwait

#include <cerrno>  // EFBIG, EPIPE

namespace jot::inline v1::detail {

// While it lives, writes raise neither signal on this thread.
class QuietWrites {
 public:
  QuietWrites() noexcept {
    sigemptyset(&held_), sigaddset(&held_, SIGPIPE), sigaddset(&held_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~QuietWrites() {
    if (raised_) {
      const timespec at_once{};
      sigtimedwait(&held_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietWrites(const QuietWrites&) = delete;
  QuietWrites& operator=(const QuietWrites&) = delete;

  // A write has failed with that errno: its signal, if there is one, waits to be taken.
  void note_failure(int error) noexcept { raised_ = raised_ || error == EPIPE || error == EFBIG; }

 private:
  sigset_t held_, before_;
  bool raised_ = false;
};

}  // namespace jot::inline v1::detail
