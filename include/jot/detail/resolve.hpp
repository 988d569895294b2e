// SPDX-License-Identifier: MIT
//
// resolve.hpp -- at which addresses is this host?
//
// In: a name, an address in figures, "localhost". Out: socket addresses, the families taking turns.
//
// getaddrinfo may take half a minute, and nothing can stop it. So it runs on a thread of its own,
// and the caller leaves when its time is over, without it:
//
//   1. Figures and localhost (RFC 6761) need no look-up and no thread.
//   2. A look-up is listed by name, so that calls for one name share it.
//   3. A thread takes look-ups from the list until it is empty, then ends. There are at most a few,
//      so names that nobody waits for any more are left out.
//   4. Whoever waits is rung when its look-up is done.
//
// Nobody joins these threads: they touch nothing but what they share, which lives until the last of
// them ends. All signals are blocked in them.
#pragma once

#include "../error.hpp"   // Error, Result
#include "ascii.hpp"      // iequals
#include "bell.hpp"       // Bell
#include "call_wait.hpp"  // CallWait

#include <arpa/inet.h>   // inet_pton
#include <netdb.h>       // getaddrinfo
#include <netinet/in.h>  // sockaddr_in, sockaddr_in6
#include <pthread.h>     // pthread_sigmask
#include <signal.h>      // sigfillset
#include <sys/socket.h>  // sockaddr_storage
#include <sys/un.h>      // sockaddr_un

#include <cstring>       // std::memcpy
#include <map>           // std::map
#include <memory>        // std::shared_ptr
#include <mutex>         // std::mutex
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc
#include <thread>        // std::thread
#include <vector>        // std::vector

namespace jot::inline v1::detail {

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t length = 0;

  int family() const noexcept { return bytes.ss_family; }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&bytes); }
};

inline SocketAddress socket_address(const void* from, std::size_t length) noexcept {
  SocketAddress a;
  std::memcpy(&a.bytes, from, std::min(length, sizeof a.bytes));
  a.length = static_cast<socklen_t>(length);
  return a;
}

inline void set_port(SocketAddress& a, std::uint16_t port) noexcept {
  if (a.family() == AF_INET)
    reinterpret_cast<sockaddr_in&>(a.bytes).sin_port = htons(port);
  else if (a.family() == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(a.bytes).sin6_port = htons(port);
}

using SocketAddresses = std::vector<SocketAddress>;

// The families by turns, beginning with that of the first: RFC 8305 section 4.
inline SocketAddresses interleave(const SocketAddresses& all) {
  SocketAddresses first, second, mixed;
  for (const SocketAddress& a : all) {
    (a.family() == all[0].family() ? first : second).push_back(a);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

inline std::string unbracketed(std::string_view host) {
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

// What needs no look-up. Returns: none where the host is a name.
inline SocketAddresses known_addresses(std::string_view host) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET, six.sin6_family = AF_INET6;
  const bool is_local = iequals(host, "localhost") ||
                        (host.size() > 10 && iequals(host.substr(host.size() - 10), ".localhost"));
  if (is_local) {
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK), six.sin6_addr = in6addr_loopback;
    return {socket_address(&six, sizeof six), socket_address(&four, sizeof four)};
  }
  const std::string text = unbracketed(host);
  if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    return {socket_address(&four, sizeof four)};
  }
  if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    return {socket_address(&six, sizeof six)};
  }
  return {};
}

// Asks the system: blocks as long as that likes.
inline Result<SocketAddresses> look_up(const std::string& host) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (failed != 0) {
    return Error(std::make_error_code(std::errc::host_unreachable),
                 "cannot resolve " + host + ": " + gai_strerror(failed));
  }
  SocketAddresses all;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    all.push_back(socket_address(a->ai_addr, a->ai_addrlen));
  }
  freeaddrinfo(list);
  if (!all.empty()) return interleave(all);
  return Error(std::make_error_code(std::errc::host_unreachable), host + " has no address");
}

class Resolver {
 public:
  using LookUp = Result<SocketAddresses> (*)(const std::string& host);

  // look_up: how names are looked up; another one for tests.
  explicit Resolver(LookUp how = look_up) : state_(std::make_shared<State>(how)) {}

  Result<SocketAddresses> resolve(std::string_view host, CallWait& wait,
                                  Clock::time_point deadline) {
    SocketAddresses known = known_addresses(host);
    if (!known.empty()) return known;
    const std::shared_ptr<Question> question = ask(std::string(host));
    if (!question) {
      return Error(std::make_error_code(std::errc::resource_unavailable_try_again),
                   "no thread to resolve a name on");
    }
    return question->answer(wait, deadline);
  }

  // Threads that look up at this moment.
  std::size_t threads() const {
    std::lock_guard lock(state_->mutex);
    return state_->threads;
  }

 private:
  static constexpr std::size_t most_threads = 4;

  // One look-up, and those who wait for it.
  struct Question {
    explicit Question(std::string name) : host(std::move(name)) {}

    Result<SocketAddresses> answer(CallWait& wait, Clock::time_point deadline) {
      Bell bell(wait.context());
      {
        std::lock_guard lock(mutex);
        if (done) return *done;
        waiting.push_back(&bell);
      }
      bell.wait_until(deadline);
      std::lock_guard lock(mutex);
      std::erase(waiting, &bell);
      if (done) return *done;
      return wait.error("host " + host + " not resolved");
    }

    void settle(Result<SocketAddresses> result) {
      std::lock_guard lock(mutex);
      done.emplace(std::move(result));
      for (const Bell* bell : waiting) bell->ring();
    }

    const std::string host;
    std::mutex mutex;  // guards all below
    std::optional<Result<SocketAddresses>> done;
    std::vector<const Bell*> waiting;
  };

  struct State {
    explicit State(LookUp by) : how(by) {}
    const LookUp how;
    std::mutex mutex;  // guards all below
    std::map<std::string, std::shared_ptr<Question>> open;
    std::vector<std::shared_ptr<Question>> list;  // those that no thread has taken yet
    std::size_t threads = 0;
  };

  // The look-up of that name, begun now or before; nullptr where there is no thread for it.
  std::shared_ptr<Question> ask(std::string host) {
    std::lock_guard lock(state_->mutex);
    std::shared_ptr<Question>& question = state_->open[host];
    if (question) return question;
    question = std::make_shared<Question>(std::move(host));
    state_->list.push_back(question);
    if (state_->threads == most_threads || start_thread() || state_->threads > 0) return question;
    state_->list.pop_back();
    return state_->open.erase(state_->open.find(question->host)), nullptr;
  }

  // state_->mutex is held.
  bool start_thread() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
      std::thread(run, state_).detach();
      ++state_->threads;
    } catch (const std::system_error&) {
      started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }

  static void run(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    while (!state->list.empty()) {
      const std::shared_ptr<Question> question = std::move(state->list.front());
      state->list.erase(state->list.begin());
      if (question.use_count() == 2) {  // ours and the one below: who asked has left
        state->open.erase(question->host);
        continue;
      }
      lock.unlock();
      Result<SocketAddresses> result = state->how(question->host);
      lock.lock();
      state->open.erase(question->host);
      question->settle(std::move(result));
    }
    --state->threads;
  }

  std::shared_ptr<State> state_;
};

}  // namespace jot::inline v1::detail
