// SPDX-License-Identifier: MIT
//
// signals.hpp -- how does SIGTERM become the end of a Context?
//
// Next to nothing may be done in a signal handler: no lock, no allocation. So
//
//   1. the handler notes the signal's number in a word and writes to an eventfd;
//   2. one thread for the process reads the eventfd. It takes all Contexts that wait for the
//   signal,
//      gives the signal its former effect back where nobody else waits for it,
//   3. and then ends those Contexts. So whoever sees the end can rely on the next signal's effect.
//
// A signal that nobody waits for any more (it came between 1 and 2) is sent again.
// Nothing is installed before notify_context is called. The thread ends when nobody waits; the next
// one to wait joins it, or the destructor of a local static at exit. The eventfd stays open: a
// handler on another thread may be just about to write to it.
#pragma once

#include "context_state.hpp"
#include "service_thread.hpp"

#include <signal.h>       // ::sigaction, ::kill
#include <sys/eventfd.h>  // ::eventfd, ::eventfd_read, ::eventfd_write
#include <sys/types.h>    // pid_t
#include <unistd.h>       // ::getpid

#include <array>             // std::array
#include <atomic>            // std::atomic
#include <cerrno>            // errno
#include <cstddef>           // std::size_t
#include <cstdint>           // std::uint64_t
#include <initializer_list>  // std::initializer_list
#include <mutex>             // std::mutex, std::lock_guard, std::unique_lock
#include <stdexcept>         // std::invalid_argument
#include <system_error>      // std::system_error
#include <vector>            // std::vector

namespace jot::inline v1::detail {

// A set of signals, 1 to 64: signal n is bit n - 1.
using SignalSet = std::uint64_t;
inline constexpr int last_signal = 64;

constexpr SignalSet signal_bit(int signal) noexcept { return SignalSet{1} << (signal - 1); }

// What the handler writes, and the thread reads.
struct SignalMail {
  std::atomic<SignalSet> arrived{0};
  std::atomic<int> fd{-1};
};
static_assert(std::atomic<SignalSet>::is_always_lock_free);

inline SignalMail& signal_mail() noexcept {
  static constinit SignalMail mail;  // constinit: the handler may not wait for an initialisation
  return mail;
}

// The handler. Only async-signal-safe calls; seq_cst, for it costs nothing here.
inline void on_signal(int signal) noexcept {
  const int saved_errno = errno;
  SignalMail& mail = signal_mail();
  mail.arrived.fetch_or(signal_bit(signal));
  ::eventfd_write(mail.fd.load(), 1);
  errno = saved_errno;
}

constexpr const char* signal_words(int signal) noexcept {
  switch (signal) {
    case SIGHUP: return "received SIGHUP";
    case SIGINT: return "received SIGINT";
    case SIGQUIT: return "received SIGQUIT";
    case SIGTERM: return "received SIGTERM";
    case SIGUSR1: return "received SIGUSR1";
    case SIGUSR2: return "received SIGUSR2";
    default: return "received a signal";
  }
}

// A root that ends at the first of its signals.
class SignalState final : public CancelState {
 public:
  explicit SignalState(SignalSet awaits) noexcept : CancelState(nullptr), awaits_(awaits) {}
  ~SignalState() override;

  SignalSet awaits() const noexcept { return awaits_; }

 private:
  void on_end() noexcept override;
  const SignalSet awaits_;
};

class SignalHub {
 public:
  // The process's only one; as Timer, it is never destroyed.
  static SignalHub& instance() {
    static SignalHub* const hub = new SignalHub;
    static const Stopper stopper{*hub, ::getpid()};
    return *hub;
  }

  // Installs the handlers that are missing and lists the state.
  // Throws: std::system_error, std::bad_alloc; then all is as it was before.
  void add(SignalState& state) {
    std::lock_guard lock(mutex_);
    if (signal_mail().fd.load() < 0) {
      const int fd = ::eventfd(0, EFD_CLOEXEC);
      if (fd < 0) throw std::system_error(errno, std::system_category(), "jot: eventfd");
      signal_mail().fd.store(fd);
    }
    states_.push_back(&state);
    try {
      install(state.awaits());
      start();
    } catch (...) {
      states_.pop_back();
      restore_unawaited();
      throw;
    }
  }

  // Does nothing when it is not listed (any more).
  void remove(SignalState& state) noexcept {
    std::lock_guard lock(mutex_);
    if (std::erase(states_, &state) == 0) return;
    restore_unawaited();
    if (states_.empty()) ring();
  }

 private:
  struct Stopper {
    SignalHub& hub;
    pid_t pid;
    ~Stopper() {
      if (::getpid() == pid) hub.stop();
    }
  };

  SignalHub() = default;

  void start() {
    if (running_ || stopping_) return;
    thread_.start<&SignalHub::run>("jot-signals", *this);
    running_ = true;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (running_) ring();
    }
    thread_.join();  // nobody else touches it: start() starts none any more
  }

  static void ring() noexcept { ::eventfd_write(signal_mail().fd.load(), 1); }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_ && !states_.empty()) {
      lock.unlock();
      eventfd_t rings = 0;
      ::eventfd_read(signal_mail().fd.load(), &rings);
      deliver(signal_mail().arrived.exchange(0));
      lock.lock();
    }
    running_ = false;
  }

  void deliver(SignalSet arrived) noexcept {
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((arrived & signal_bit(signal)) == 0) continue;
      Ring<CancelState> waiting;
      const bool awaited = take_waiting(signal, waiting);
      if (!awaited) ::kill(::getpid(), signal);
      while (CancelState* state = waiting.pop_front()) {
        state->cancel({.words = signal_words(signal)});
        release(state);
      }
    }
  }

  // Takes those who wait for the signal off the list, with a reference each.
  // Returns: was there anybody?
  bool take_waiting(int signal, Ring<CancelState>& to) noexcept {
    std::lock_guard lock(mutex_);
    const std::size_t erased = std::erase_if(states_, [&](SignalState* state) {
      if ((state->awaits() & signal_bit(signal)) == 0) return false;
      if (state->try_add_ref()) to.push_back(*state);  // a root is in no other Ring
      return true;
    });
    restore_unawaited();
    return erased != 0;
  }

  void install(SignalSet signals) {
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((signals & ~installed_ & signal_bit(signal)) == 0) continue;
      struct sigaction ours = {};
      ours.sa_handler = on_signal;
      ours.sa_flags = SA_RESTART;  // the user's system calls go on
      if (::sigaction(signal, &ours, &before_[index(signal)]) != 0) {
        throw std::system_error(errno, std::system_category(), "jot: notify_context: sigaction");
      }
      installed_ |= signal_bit(signal);
    }
  }

  void restore_unawaited() noexcept {
    SignalSet awaited = 0;
    for (const SignalState* state : states_) awaited |= state->awaits();
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((installed_ & ~awaited & signal_bit(signal)) == 0) continue;
      struct sigaction now = {};
      // Somebody else's handler, installed after ours, stays.
      if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == on_signal) {
        ::sigaction(signal, &before_[index(signal)], nullptr);
      }
      installed_ &= ~signal_bit(signal);
    }
  }

  static constexpr std::size_t index(int signal) noexcept {
    return static_cast<std::size_t>(signal - 1);
  }

  std::mutex mutex_;  // guards all below
  std::vector<SignalState*> states_;
  SignalSet installed_ = 0;                             // where our handler is in place
  std::array<struct sigaction, last_signal> before_{};  // what was there
  ServiceThread thread_;
  bool running_ = false;   // the thread will look at states_ once more
  bool stopping_ = false;  // the process ends
};

inline SignalState::~SignalState() { on_end(); }
inline void SignalState::on_end() noexcept { SignalHub::instance().remove(*this); }

// Throws: std::invalid_argument for no signals, std::system_error for what is none.
// Returns: one reference, the caller's.
inline SignalState* make_signal_state(std::initializer_list<int> signals) {
  if (signals.size() == 0) throw std::invalid_argument("jot: notify_context: no signals given");
  SignalSet set = 0;
  for (const int signal : signals) {
    if (signal < 1 || signal > last_signal) {
      throw std::system_error(EINVAL, std::system_category(), "jot: notify_context");
    }
    set |= signal_bit(signal);
  }
  auto* state = new SignalState(set);
  try {
    SignalHub::instance().add(*state);
  } catch (...) {
    release(state);
    throw;
  }
  return state;
}

}  // namespace jot::inline v1::detail
