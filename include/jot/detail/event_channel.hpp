// SPDX-License-Identifier: MIT
//
// event_channel.hpp -- what stands behind an EventStream?
//
// In: events from the handler's thread, and the timer's heartbeats. Out: one after the other,
// whole, on one ResponseWriter.
//
// Both hold the response's lock while they write; so does the engine, which may touch the response
// meanwhile (see Origin::share_response), and timeout(), whose lock this is where there is one.
// A heartbeat never waits: when the lock is taken an event is just being sent, and when the socket
// is full the client has enough to read.
#pragma once

#include "../error.hpp"            // HttpError
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter
#include "blocking.hpp"            // NoWaiting
#include "heartbeat.hpp"           // Heartbeat, Beating
#include "request_state.hpp"       // RequestAccess, ResponseLock

#include <memory>       // std::shared_ptr
#include <mutex>        // std::lock_guard, std::unique_lock
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class EventChannel final : private Beating {
 public:
  EventChannel(ResponseWriter& w, Request& r, nanoseconds silence)
      : w_(w),
        flusher_(w.flusher()),
        state_(RequestAccess::state(r)),
        context_(r.context()),
        last_id_(r.header().get("Last-Event-ID")),
        head_only_(r.method() == "HEAD"),
        silence_(silence),
        lock_(state_.response_lock ? *state_.response_lock : own_lock_) {
    if (!flusher_ || w.committed()) throw HttpError(500, "streaming not supported");
    w.header().set("Content-Type", "text/event-stream").set("Cache-Control", "no-cache");
    w.header().set("X-Accel-Buffering", "no");  // nginx
    if (&lock_ == &own_lock_) share(&own_lock_);
    try {
      begin();
    } catch (...) {
      end();
      throw;
    }
  }
  EventChannel(const EventChannel&) = delete;
  EventChannel& operator=(const EventChannel&) = delete;
  ~EventChannel() { end(); }

  bool send(std::string_view text) {
    if (head_only_ || context_.done() || (state_.origin && state_.origin->stopping())) return false;
    const std::lock_guard hold(lock_);
    return put(text);
  }

  std::string_view last_id() const noexcept { return last_id_; }

 private:
  void begin() {
    {
      const std::lock_guard hold(lock_);
      gone_ = !flusher_->flush();
      sent_ = Clock::now();
    }
    if (!head_only_) heartbeat_ = Heartbeat::start(*this, time_after(sent_, silence_));
  }

  void end() noexcept {
    if (heartbeat_) heartbeat_->stop();
    if (&lock_ == &own_lock_) share(nullptr);
  }

  // With the lock held.
  bool put(std::string_view text) {
    if (gone_) return false;
    sent_ = Clock::now();
    gone_ = !w_.write_bytes(text) || !flusher_->flush();
    return !gone_;
  }

  Clock::time_point beat() noexcept override try {
    const NoWaiting no_waiting;
    const std::unique_lock hold(lock_, std::try_to_lock);
    if (!hold) return time_after(Clock::now(), silence_);
    const Clock::time_point due = time_after(sent_, silence_);
    if (due > Clock::now()) return due;
    if (state_.origin && !state_.origin->has_room()) return time_after(Clock::now(), silence_);
    return put(":\n\n") ? time_after(sent_, silence_) : Clock::time_point::max();
  } catch (...) {
    return Clock::time_point::max();  // a wrapper threw: the next send() will tell
  }

  void share(ResponseLock* lock) noexcept {
    state_.response_lock = lock;
    if (state_.origin) state_.origin->share_response(lock);
  }

  ResponseWriter& w_;
  Flusher* const flusher_;
  RequestState& state_;
  const Context context_;
  const std::string last_id_;
  const bool head_only_;
  const nanoseconds silence_;
  ResponseLock own_lock_;
  ResponseLock& lock_;      // guards the writer, and what is below
  Clock::time_point sent_;  // the last event or heartbeat
  bool gone_ = false;       // the client
  std::shared_ptr<Heartbeat> heartbeat_;
};

}  // namespace jot::inline v1::detail
