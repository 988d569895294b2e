// SPDX-License-Identifier: MIT
//
// host_gate.hpp -- when may this host be asked again?
//
// In: a host and the time. Out: a moment that is the caller's alone: those of one host are at least
// an interval apart, first come, first served. Who cannot wait so long gets none, and takes none
// from others.
// At most max_hosts are remembered; the one that may be asked soonest is forgotten first.
// Threads: any; a mutex guards the map. Nobody sleeps while holding it.
#pragma once

#include "../context.hpp"  // Clock, Context, nanoseconds
#include "blocking.hpp"    // must_not_wait
#include "clock.hpp"       // time_after, time_until

#include <algorithm>    // std::max, std::min_element
#include <cstddef>      // std::size_t
#include <functional>   // std::less
#include <map>          // std::map, std::erase_if
#include <mutex>        // std::mutex, std::lock_guard
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class HostGate {
 public:
  static constexpr std::size_t max_hosts = 1024;

  // interval: 0 or less: the gate is open.
  explicit HostGate(nanoseconds interval) noexcept : interval_(interval) {}

  // Waits for the next moment of that host. False: it would be after `deadline`, for which nobody
  // waits; or ctx ended meanwhile, or the thread must not wait, and its moment is free again, if it
  // was the last.
  bool pass(const Context& ctx, std::string_view host, Clock::time_point deadline) {
    if (interval_ <= nanoseconds::zero()) return !ctx.done();
    const auto moment = reserve(host, Clock::now(), deadline);
    if (!moment) return false;
    const nanoseconds pause = time_until(*moment, Clock::now());
    if (pause > nanoseconds::zero() && must_not_wait()) return give_back(host, *moment), false;
    if (!ctx.wait_for(pause)) return true;
    give_back(host, *moment);
    return false;
  }

  std::optional<Clock::time_point> reserve(std::string_view host, Clock::time_point now,
                                           Clock::time_point deadline) {
    std::lock_guard lock(mutex_);
    auto at = next_.find(host);
    const Clock::time_point moment = at == next_.end() ? now : std::max(now, at->second);
    if (moment > deadline) return {};
    if (at == next_.end()) {
      if (next_.size() >= max_hosts) make_room(now);
      at = next_.emplace(host, now).first;
    }
    at->second = time_after(moment, interval_);
    return moment;
  }

  void give_back(std::string_view host, Clock::time_point moment) {
    std::lock_guard lock(mutex_);
    const auto at = next_.find(host);
    if (at != next_.end() && at->second == time_after(moment, interval_)) at->second = moment;
  }

  std::size_t hosts() const {
    std::lock_guard lock(mutex_);
    return next_.size();
  }

 private:
  void make_room(Clock::time_point now) {
    std::erase_if(next_, [now](const auto& host) { return host.second <= now; });
    if (next_.size() < max_hosts) return;
    next_.erase(std::min_element(next_.begin(), next_.end(),
                                 [](const auto& a, const auto& b) { return a.second < b.second; }));
  }

  const nanoseconds interval_;
  mutable std::mutex mutex_;  // guards next_
  std::map<std::string, Clock::time_point, std::less<>> next_;
};

}  // namespace jot::inline v1::detail
