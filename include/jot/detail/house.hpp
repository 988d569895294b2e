// SPDX-License-Identifier: MIT
//
// house.hpp -- what do all lanes of one server share?
//
// Its options and handler, which never change once it serves; how far its end has come; and how
// many threads sit in handlers.
#pragma once

#include "../handler.hpp"  // Handler
#include "../server.hpp"   // ServerOptions

#include "fd.hpp"               // Fd
#include "trusted_proxies.hpp"  // TrustedProxies

#include <sys/eventfd.h>  // eventfd

#include <atomic>              // std::atomic
#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t, std::ptrdiff_t
#include <cstdint>             // std::uint64_t
#include <mutex>               // std::mutex
#include <system_error>        // std::errc
#include <utility>             // std::move

namespace jot::inline v1::detail {

// How a server ends, step by step; see Lane::heed_stop().
enum class Stop : int {
  no,
  drain,   // no new connections: those that there are close when answered, or when nothing comes
  cancel,  // the Contexts of running requests end
  cut,     // their sockets too
};

inline Context ended_context() {
  auto [ctx, cancel] = with_cancel(background());
  cancel(Error(make_error_code(std::errc::not_enough_memory)));
  return ctx;
}

struct House {
  explicit House(ServerOptions o)
      : options(std::move(o)),
        handler(options.handler),
        proxies(options.trusted_proxies),
        acceptor_news(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  const ServerOptions options;
  const Handler handler;
  const TrustedProxies proxies;

  // seq_cst: one half of a store-load pair with a lane's `asleep`, as its returns are.
  std::atomic<Stop> stop{Stop::no};

  // Threads that keep a request and have lost their lane. Up when a lane's word is won, down when
  // the connection comes back. Relaxed: compared with max_threads, where one more or less is
  // allowed.
  std::atomic<std::ptrdiff_t> detached{0};

  // For a handler that asks for a Context when there is no memory to make one. It has ended, for a
  // handler that nothing could stop any more had better not begin.
  const Context context_of_need = ended_context();

  // Of calls that belong to no route: refusals. They never block, nothing is learned.
  mutable RouteMemory no_route;

  // Open connections. seq_cst: compared with the limit, in the pair that acceptor_waits explains.
  std::atomic<std::size_t> connections{0};

  // The acceptor found no room, and waits for some. seq_cst: it says so and then tries once more,
  // while a driver closes a connection and then looks here; one of them sees the other.
  std::atomic<bool> acceptor_waits{false};
  const Fd acceptor_news;  // wakes it

  // Requests that a lane has answered 503, not yet told to the log. A lane that is short of threads
  // must not call user code, so the acceptor does it. Relaxed: a number to look at.
  std::atomic<std::uint64_t> turned_away{0};
  void turn_away() noexcept {
    if (turned_away.fetch_add(1, std::memory_order_relaxed) == 0) tell_acceptor();
  }

  void closed_one() noexcept {
    connections.fetch_sub(1, std::memory_order_seq_cst);
    if (acceptor_waits.load(std::memory_order_seq_cst)) tell_acceptor();
  }
  void tell_acceptor() noexcept { eventfd_write(acceptor_news.get(), 1); }

  void lane_ended() noexcept {
    std::lock_guard lock(mutex);
    ++lanes_ended;
    changed.notify_all();
  }

  std::mutex mutex;  // guards lanes_ended
  std::condition_variable changed;
  std::size_t lanes_ended = 0;
};

}  // namespace jot::inline v1::detail
