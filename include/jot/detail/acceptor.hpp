// SPDX-License-Identifier: MIT
//
// acceptor.hpp -- how do connections come in, and what if there is no room?
//
// A thread that accepts, and deals the connections to the lanes in turn. When the process or the
// system has no fd or memory left, or max_connections are open, it has the connection closed that
// has been idle longest, and tries again; where none is idle it waits for one to end, at most its
// back-off (5 ms, doubling to 1 s). No error ends it. It also tells the log, at most once a second,
// how many requests the lanes have turned away: they cannot, being short of threads.
// Lifetime: the Engine's; joined by stop(), which also closes the listeners.
#pragma once

#include "lane.hpp"            // Lane
#include "listener.hpp"        // Listener
#include "service_thread.hpp"  // ServiceThread

#include <poll.h>          // poll
#include <sys/resource.h>  // getrlimit
#include <sys/socket.h>    // accept4

#include <algorithm>  // std::min
#include <list>       // std::list
#include <vector>     // std::vector

namespace jot::inline v1::detail {

class Acceptor {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds shortest_wait{5}, longest_wait{1000};

  Acceptor(House& house, std::list<Lane>& lanes) : house_(house), lanes_(lanes) {}
  ~Acceptor() { stop(); }

  void start(std::list<Listener> listeners, std::size_t max_connections) {
    listeners_ = std::move(listeners), max_connections_ = max_connections;
    next_lane_ = lanes_.begin();
    for (auto& listener : listeners_) waits_for_.push_back({listener.fd(), POLLIN, 0});
    waits_for_.push_back({house_.acceptor_news.get(), POLLIN, 0});
    waits_for_.push_back({stop_.get(), POLLIN, 0});
    thread_.start<&Acceptor::accept_all>("jot acceptor", *this);
  }

  void stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    eventfd_write(stop_.get(), 1);
    thread_.join();
    listeners_.clear();
  }

  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }

 private:
  void accept_all() noexcept {
    for (;;) {
      if (poll(waits_for_.data(), waits_for_.size(), until_report()) < 0) continue;  // EINTR
      if (waits_for_.back().revents) return no_report_until_ = {}, report_turned_away();
      for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (waits_for_[i].revents && !accept_from(waits_for_[i].fd)) return;
      if (waits_for_[listeners_.size()].revents) read_news();
      report_turned_away();
    }
  }

  // False: stopped meanwhile.
  bool accept_from(int listener) noexcept {
    for (milliseconds wait = shortest_wait; !stopping_.load(std::memory_order_relaxed);) {
      int error = accept_one(listener);
      if (error == 0) {
        wait = shortest_wait;
      } else if (error == EAGAIN || error == EWOULDBLOCK) {
        return true;
      } else if (error != ECONNABORTED && error != EINTR && error != EPROTO && error != EPERM) {
        if (!make_room(listener, error, wait)) return false;
        wait = std::min(wait * 2, longest_wait);
      }
    }
    return false;
  }

  // Returns 0 or an errno.
  int accept_one(int listener) noexcept {
    if (house_.connections.load(std::memory_order_seq_cst) >= max_connections_)
      return somebody_waits(listener) ? EMFILE : EAGAIN;
    Fd fd(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return why_not(listener, errno);
    Lane& lane = *next_lane_;
    if (++next_lane_ == lanes_.end()) next_lane_ = lanes_.begin();
    auto* c = new (std::nothrow) Connection(fd.get(), lane);
    if (!c) return ENOMEM;
    fd.release();
    house_.connections.fetch_add(1, std::memory_order_relaxed);
    accepted_.store(accepted() + 1, std::memory_order_relaxed);  // nobody else writes it
    lane.give(*c);
    return 0;
  }

  // The system may say that it is out of fds before it has looked whether anybody is there: then
  // nobody has to make room.
  static int why_not(int listener, int error) noexcept {
    const bool no_fd = error == EMFILE || error == ENFILE;
    return no_fd && !somebody_waits(listener) ? EAGAIN : error;
  }

  static bool somebody_waits(int listener) noexcept {
    pollfd p{listener, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
  }

  // Waits until there may be room. False: stopped meanwhile.
  bool make_room(int listener, int error, milliseconds wait) noexcept {
    complain(error);
    house_.acceptor_waits.store(true, std::memory_order_seq_cst);
    if (int again = accept_one(listener); again != 0) {
      if (Lane* lane = lane_with_oldest()) lane->shed_one();
      pollfd news[] = {{house_.acceptor_news.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      poll(news, 2, static_cast<int>(wait.count()));
      if (news[1].revents) return false;
      read_news();
    }
    house_.acceptor_waits.store(false, std::memory_order_seq_cst);
    return true;
  }

  void read_news() noexcept {
    eventfd_t count;
    eventfd_read(house_.acceptor_news.get(), &count);
  }

  Lane* lane_with_oldest() const noexcept {
    Lane* best = nullptr;
    std::int64_t oldest = INT64_MAX;
    for (Lane& lane : lanes_) {
      if (lane.oldest_idle() < oldest) best = &lane, oldest = lane.oldest_idle();
    }
    return best;
  }

  // Once a second, however often it happens.
  void complain(int error) noexcept try {
    auto now = Clock::now();
    if (now < silent_until_) return;
    silent_until_ = now + std::chrono::seconds(1);
    warn("accept: no room", "error", std::generic_category().message(error));
  } catch (const std::bad_alloc&) {  // then once more, when there is memory for the words
  }

  // Milliseconds until the next report is due; -1: there is nothing to report.
  int until_report() const noexcept {
    if (house_.turned_away.load(std::memory_order_relaxed) == 0) return -1;
    const auto left = time_until(no_report_until_, Clock::now());
    return static_cast<int>(std::chrono::ceil<milliseconds>(left).count());
  }

  void report_turned_away() noexcept {
    if (until_report() != 0) return;
    no_report_until_ = Clock::now() + std::chrono::seconds(1);
    const std::uint64_t n = house_.turned_away.exchange(0, std::memory_order_relaxed);
    warn("all threads are busy: answered 503", "requests", n);
  }

  void warn(const char* message, const char* field, const Value& value) const noexcept try {
    house_.options.log.warn(message, {{field, value}});
  } catch (const std::bad_alloc&) {
    house_.options.log.warn(message);
  }

  House& house_;
  std::list<Lane>& lanes_;
  std::list<Listener> listeners_;
  std::vector<pollfd> waits_for_;  // the listeners, the house's news, and last the stop
  const Fd stop_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::size_t max_connections_ = 0;
  std::list<Lane>::iterator next_lane_;
  std::atomic<std::uint64_t> accepted_{0};  // relaxed: a number to look at
  Clock::time_point silent_until_, no_report_until_;
  std::atomic<bool> stopping_{false};  // relaxed: looked at between two connections; stop_ wakes
  ServiceThread thread_;
};

}  // namespace jot::inline v1::detail
