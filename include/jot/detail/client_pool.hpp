// SPDX-License-Identifier: MIT
//
// client_pool.hpp -- which connection does the next call to this place get?
//
// In: a place ("host:port", "unix:/path"). Out: a Lease on a connection that nobody used for a
// while, or on the right to make one.
//
// The life of a connection:
//   1. acquire() gives the most lately used idle one of the place; where that is no longer quiet
//      (the server closed it, or said something unasked) it is closed, and the next one is looked
//      at. None left: a Lease without a connection, and its holder dials.
//   2. Where a place has as many connections as it may have, the caller waits in line. Whatever
//      comes free goes to the first in line, so that nobody overtakes.
//   3. When the Lease ends, its connection becomes idle if it may be used again, else it is closed.
//      More idle ones than allowed: the longest idle one is closed.
//   4. As long as there are idle ones, the process's Timer looks at them twice a second, and closes
//      those that are no longer quiet or were idle for too long.
//
// Lifetime: Leases share the pool, and may outlive its Client; then nothing becomes idle any more.
// Threads: any. Nothing is closed and nobody is dialled with the lock held.
#pragma once

#include "../client.hpp"          // ClientOptions, ClientStats
#include "bell.hpp"               // Bell
#include "call_wait.hpp"          // CallWait
#include "client_connection.hpp"  // ClientConnection
#include "ring.hpp"               // Ring, Link
#include "timer.hpp"              // Alarm, Timer

#include <algorithm>    // std::min
#include <atomic>       // std::atomic
#include <chrono>       // std::chrono::milliseconds
#include <cstddef>      // std::size_t
#include <map>          // std::map
#include <memory>       // std::shared_ptr, std::unique_ptr
#include <mutex>        // std::mutex
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move, std::exchange
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class ClientPool : public std::enable_shared_from_this<ClientPool> {
  struct Waiter;

  // The connections to one place.
  struct Place {
    std::vector<std::unique_ptr<ClientConnection>> idle;  // the longest idle first
    std::size_t count = 0;                                // connections, idle or not, and permits
    Ring<Waiter> line;                                    // who waits, first come first
    const std::string* name = nullptr;                    // its key
  };

 public:
  // A connection, or the right to make one. Gives both back when it ends.
  class Lease {
   public:
    Lease() noexcept = default;
    Lease(Lease&& from) noexcept
        : pool_(std::move(from.pool_)),
          place_(std::exchange(from.place_, nullptr)),
          connection_(std::move(from.connection_)),
          reusable_(std::exchange(from.reusable_, false)) {}
    Lease& operator=(Lease&& from) noexcept {
      if (this == &from) return *this;
      give_back();
      pool_ = std::move(from.pool_), place_ = std::exchange(from.place_, nullptr);
      connection_ = std::move(from.connection_);
      reusable_ = std::exchange(from.reusable_, false);
      return *this;
    }
    ~Lease() { give_back(); }

    explicit operator bool() const noexcept { return pool_ != nullptr; }
    ClientConnection* connection() const noexcept { return connection_.get(); }

    // The holder has dialled.
    void connected(Fd fd) {
      connection_ = std::make_unique<ClientConnection>(std::move(fd));
      pool_->dialled_.fetch_add(1, std::memory_order_relaxed);
      pool_->open_.fetch_add(1, std::memory_order_relaxed);
    }

    // Closes the connection, and keeps the right to make another.
    void disconnect() noexcept {
      if (!connection_) return;
      connection_.reset();
      pool_->open_.fetch_sub(1, std::memory_order_relaxed);
    }

    // May the next call have it? No, unless it is said so.
    void set_reusable(bool reusable) noexcept { reusable_ = reusable; }

    void give_back() noexcept {
      if (!pool_) return;
      if (!reusable_) disconnect();
      pool_->take_back(*place_, std::move(connection_));
      pool_.reset();
    }

   private:
    friend class ClientPool;
    Lease(std::shared_ptr<ClientPool> pool, Place& place, std::unique_ptr<ClientConnection> c)
        : pool_(std::move(pool)), place_(&place), connection_(std::move(c)) {}

    std::shared_ptr<ClientPool> pool_;
    Place* place_ = nullptr;
    std::unique_ptr<ClientConnection> connection_;
    bool reusable_ = false;
  };

  explicit ClientPool(const ClientOptions& options)
      : idle_timeout_(options.idle_timeout),
        max_idle_(options.max_idle),
        max_idle_per_place_(options.max_idle_per_host),
        max_per_place_(options.max_per_host) {}

  // Returns: a Lease that is false where the wait ended before it was the caller's turn.
  Lease acquire(const std::string& name, CallWait& wait) {
    Lease lease = take(name, wait);
    while (lease.connection_ && !lease.connection_->is_quiet()) {
      lease.disconnect();
      take_idle(lease);
    }
    if (lease.connection_) reused_.fetch_add(1, std::memory_order_relaxed);
    return lease;
  }

  // The Client ends, or wants no idle connections.
  void close_idle(bool for_ever) {
    std::vector<std::unique_ptr<ClientConnection>> closing;
    std::lock_guard lock(mutex_);
    ends_ = ends_ || for_ever;
    for (auto it = places_.begin(); it != places_.end();) {
      Place& place = (it++)->second;  // before it may be forgotten
      while (!place.idle.empty()) closing.push_back(drop(place, place.idle.size() - 1));
      forget_if_unused(place);
    }
  }

  ClientStats stats() const {
    std::lock_guard lock(mutex_);
    return {.open = open_.load(std::memory_order_relaxed),
            .idle = idle_,
            .reused = reused_.load(std::memory_order_relaxed),
            .dialled = dialled_.load(std::memory_order_relaxed),
            .waiting = waiting_};
  }

 private:
  static constexpr auto look_every = std::chrono::milliseconds(500);

  // Somebody in line; lives on its caller's stack.
  struct Waiter : Link {
    explicit Waiter(const Context& ctx) : bell(ctx) {}
    Bell bell;
    bool served = false;  // mutex_ guards it, and what it got:
    std::unique_ptr<ClientConnection> connection;
  };

  // A look at the idle connections, some time from now.
  class Look final : public Alarm, public std::enable_shared_from_this<Look> {
   public:
    Look(std::weak_ptr<ClientPool> pool, Clock::time_point when)
        : Alarm(when), pool_(std::move(pool)) {}
    ~Look() { Timer::instance().remove(*this); }

   private:
    bool hold() noexcept override { return (self_ = weak_from_this().lock()) != nullptr; }
    void fire() noexcept override {
      const std::shared_ptr<Look> self = std::move(self_);
      if (const auto pool = pool_.lock()) pool->look();
    }

    std::weak_ptr<ClientPool> pool_;
    std::shared_ptr<Look> self_;
  };

  Lease take(const std::string& name, CallWait& wait) {
    std::unique_lock lock(mutex_);
    const auto at = places_.try_emplace(name).first;
    Place& place = at->second;
    place.name = &at->first;
    if (!place.idle.empty()) {
      std::unique_ptr<ClientConnection> c = std::move(place.idle.back());
      place.idle.pop_back(), --idle_;
      return Lease(shared_from_this(), place, std::move(c));
    }
    if (max_per_place_ != 0 && place.count >= max_per_place_) {
      return stand_in_line(lock, place, wait);
    }
    // So that the connection finds room among the idle ones whatever happens.
    place.idle.reserve(std::min(place.count, max_idle_per_place_) + 1);
    return ++place.count, Lease(shared_from_this(), place, nullptr);
  }

  // For one whose connection was dead: another one, if there is, else it keeps the right to dial.
  void take_idle(Lease& lease) {
    const std::lock_guard lock(mutex_);
    Place& place = *lease.place_;
    if (place.idle.empty()) return;
    lease.connection_ = std::move(place.idle.back());
    place.idle.pop_back(), --idle_, --place.count;
  }

  Lease stand_in_line(std::unique_lock<std::mutex>& lock, Place& place, CallWait& wait) {
    Waiter self(wait.context());
    place.line.push_back(self), ++waiting_;
    lock.unlock();
    self.bell.wait_until(wait.end());
    lock.lock();
    if (self.served) return Lease(shared_from_this(), place, std::move(self.connection));
    return Ring<Waiter>::remove(self), --waiting_, Lease();
  }

  // What a Lease held: to the first in line, else among the idle ones, else nowhere.
  void take_back(Place& place, std::unique_ptr<ClientConnection> connection) noexcept {
    std::unique_ptr<ClientConnection> closing;
    const std::lock_guard lock(mutex_);
    if (!place.line.empty()) {
      Waiter& first = *place.line.pop_front();
      --waiting_;
      first.connection = std::move(connection);
      first.served = true;
      first.bell.ring();
      return;
    }
    if (!connection) {
      --place.count;
      return forget_if_unused(place);
    }
    connection->idle_since = Clock::now();
    place.idle.push_back(std::move(connection));
    ++idle_;
    const bool too_many_here = ends_ || place.idle.size() > max_idle_per_place_;
    if (too_many_here || idle_ > max_idle_) {
      Place& from = too_many_here ? place : longest_idle();
      closing = drop(from, 0);
      forget_if_unused(from);
    }
    if (idle_ > 0 && !look_) look_later();
  }

  // The caller closes it, once it has left the lock. The place stays, even where nothing is there.
  std::unique_ptr<ClientConnection> drop(Place& place, std::size_t i) noexcept {
    std::unique_ptr<ClientConnection> c = std::move(place.idle[i]);
    place.idle.erase(place.idle.begin() + static_cast<std::ptrdiff_t>(i));
    --place.count, --idle_;
    open_.fetch_sub(1, std::memory_order_relaxed);
    return c;
  }

  void forget_if_unused(const Place& place) noexcept {
    if (place.count == 0 && place.line.empty()) places_.erase(places_.find(*place.name));
  }

  // There is an idle connection somewhere.
  Place& longest_idle() noexcept {
    Place* longest = nullptr;
    for (auto& [name, place] : places_) {
      if (place.idle.empty()) continue;
      if (!longest || place.idle[0]->idle_since < longest->idle[0]->idle_since) longest = &place;
    }
    return *longest;
  }

  // Without a thread or memory for it, connections are looked at only before they are used.
  void look_later() noexcept {
    try {
      look_ = std::make_shared<Look>(weak_from_this(), time_after(Clock::now(), look_every));
      Timer::instance().add(*look_);
    } catch (...) {
      look_.reset();
    }
  }

  // On the Timer's thread.
  void look() noexcept {
    std::vector<std::unique_ptr<ClientConnection>> closing;
    std::shared_ptr<Look> over;
    const std::lock_guard lock(mutex_);
    over = std::move(look_);
    try {
      closing.reserve(idle_);
    } catch (const std::bad_alloc&) {
      return look_later();
    }
    const Clock::time_point now = Clock::now();
    for (auto it = places_.begin(); it != places_.end();) {
      Place& place = (it++)->second;
      for (std::size_t i = place.idle.size(); i-- > 0;) {
        const ClientConnection& c = *place.idle[i];
        const bool stale = time_after(c.idle_since, idle_timeout_) <= now;
        if (stale || !c.is_quiet()) closing.push_back(drop(place, i));
      }
      forget_if_unused(place);
    }
    if (idle_ > 0) look_later();
  }

  const nanoseconds idle_timeout_;
  const std::size_t max_idle_, max_idle_per_place_, max_per_place_;

  // Counters, of which nothing but their sums is asked: relaxed.
  std::atomic<std::uint64_t> dialled_ = 0, reused_ = 0;
  std::atomic<std::size_t> open_ = 0;

  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Place> places_;
  std::size_t idle_ = 0;     // in all places
  std::size_t waiting_ = 0;  // the same
  bool ends_ = false;        // the Client is gone
  std::shared_ptr<Look> look_;
};

}  // namespace jot::inline v1::detail
