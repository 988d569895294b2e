// SPDX-License-Identifier: MIT
//
// service_thread.hpp -- how does a thread that works for the whole process start and end?
//
// It starts when first needed, returns from its function when there is nothing left to do, and may
// be started again. Its owner joins it: at the next start, or when the process ends.
//
// All signals are blocked in it, so that a handler of the user's never runs on it.
// Fork: the thread does not exist in the child. join() knows, and does not wait there for ever.
#pragma once

#include "../config.hpp"

#include <pthread.h>  // ::pthread_sigmask, ::pthread_setname_np
#include <signal.h>   // sigset_t, ::sigfillset
#include <unistd.h>   // ::getpid

#include <thread>  // std::thread

namespace jot::inline v1::detail {

class ServiceThread {
 public:
  // Runs (self.*run)() on a thread named so (15 letters at most). A predecessor must have returned,
  // or be about to without needing a lock that the caller holds: it is joined first. Throws:
  // std::system_error when the system has no thread to give.
  template <auto run, class T>
  void start(const char* name, T& self) {
    start(name, [](void* that) { (static_cast<T*>(that)->*run)(); }, &self);
  }

  // Waits until the thread has returned; does nothing when none was started. On the thread itself
  // (a callback called exit()) and in a forked child there is nobody to wait for.
  void join() {
    if (!thread_.joinable()) return;
    const bool here = thread_.get_id() == std::this_thread::get_id();
    if (here || pid_ != ::getpid()) return thread_.detach();
    thread_.join();
  }

 private:
  // A plain function and its argument: std::thread is compiled once, not for each kind of thread.
  void start(const char* name, void (*run)(void*), void* that) {
    join();
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    try {
      thread_ = std::thread(run, that);
    } catch (...) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), name);
    pid_ = ::getpid();
  }

  std::thread thread_;
  pid_t pid_ = 0;  // where the thread lives
};

}  // namespace jot::inline v1::detail
