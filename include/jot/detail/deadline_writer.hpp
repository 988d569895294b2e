// SPDX-License-Identifier: MIT
//
// deadline_writer.hpp -- who answers when the handler does not come to an end?
//
// In: what a handler writes, and from the timer's thread the word that its time is up. Out: either
// the handler's response or a 503, never a mixture.
//
//   1. The handler writes through here, into a Header of its own. Every call holds the lock, swaps
//      that Header in, does its work on the inner writer, and swaps it out again.
//   2. expire(), on the timer's thread: takes the lock and looks. Nothing has left: it answers 503
//      on the inner writer, whose Header is the one that outer middleware made. The head has left:
//      it cuts the connection. Either way the handler's calls return false from then on, and its
//      Header goes nowhere.
//   3. finish(), when the handler has returned and expire() will not come any more.
//
// Why this is safe. The engine, too, touches a response while its handler runs (an invitation to
// send the body, answers that were held back): it holds the same lock, see Origin::share_response.
// The timer's thread is all deadlines', so it never waits for a client: a 503 that does not fit
// into the socket, because earlier answers fill it, ends the connection (NoWaiting). Nor does it
// wait for a handler that sits in a write to a full socket: such a write ends with the request's
// Context, and with a Context of the handler's own making after `patience` it is left alone, for
// then bytes have left and there is nothing to answer.
// Threads: the handler's calls from one at a time; expire() from any.
#pragma once

#include "../context.hpp"          // Context, nanoseconds
#include "../error.hpp"            // Errc, HttpError
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // Flusher, ResponseWriter
#include "blocking.hpp"            // NoWaiting
#include "request_state.hpp"       // RequestAccess, ResponseLock

#include <atomic>     // std::atomic
#include <chrono>     // std::chrono::milliseconds
#include <exception>  // std::exception_ptr
#include <mutex>      // std::lock_guard, std::unique_lock
#include <thread>     // std::this_thread
#include <utility>    // std::swap

namespace jot::inline v1::detail {

// Has the deadline passed? The timer may tell a little later.
inline bool is_late(const Context& ctx) noexcept {
  return ctx.done() ? ctx.err() == Errc::deadline_exceeded : ctx.remaining() == nanoseconds::zero();
}

class DeadlineWriter final : public ResponseWriter, private Flusher {
 public:
  // ctx: the deadline's. Within a middleware of the same kind, both share the outer one's lock.
  DeadlineWriter(ResponseWriter& inner, Request& r, const Context& ctx)
      : inner_(inner),
        context_(ctx),
        state_(RequestAccess::state(r)),
        lock_(state_.response_lock ? *state_.response_lock : own_lock_),
        header_(inner.header()) {
    if (&lock_ == &own_lock_) share(&own_lock_);
  }
  ~DeadlineWriter() override {
    if (&lock_ == &own_lock_) share(nullptr);
  }

  // ---- the handler ----

  Header& header() override { return header_; }

  void write_header(int status) override {
    const Turn turn(*this);
    if (turn.in_time()) inner_.write_header(status);
  }
  bool write_bytes(std::string_view bytes) override {
    const Turn turn(*this);
    return turn.in_time() && inner_.write_bytes(bytes);
  }
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    const Turn turn(*this);
    return turn.in_time() && inner_.write_file(file, offset, length);
  }
  Flusher* flusher() override {
    const std::lock_guard hold(lock_);
    return inner_.flusher() ? this : nullptr;
  }
  bool reset() override {
    const Turn turn(*this);
    return turn.in_time() && inner_.reset();
  }
  int status() const override {
    const std::lock_guard hold(lock_);
    return inner_.status();
  }
  bool committed() const override {
    const std::lock_guard hold(lock_);
    return inner_.committed();
  }
  std::uint64_t bytes_written() const override {
    const std::lock_guard hold(lock_);
    return inner_.bytes_written();
  }

  // ---- the timer ----

  void expire() noexcept try {
    const NoWaiting no_waiting;
    expired_ = true;
    const std::unique_lock hold = lock_in_time();
    if (hold && !inner_.committed()) return answer();
    if (state_.origin) state_.origin->cut();
  } catch (...) {
    // No memory for the answer: the handler's thread sees that there is none.
  }

  // ---- the middleware, on the handler's thread ----

  bool expired() const noexcept { return expired_; }

  // thrown: what the handler let go, else nullptr. Throws: that, where the response is still to be
  // made of it; HttpError 503 where a stream must be cut short.
  void finish(const std::exception_ptr& thrown, const Request& r) {
    if (answered_) return tell(thrown, r);
    if (thrown) std::rethrow_exception(thrown);
    if (expired_) throw HttpError(503);
    inner_.header() = std::move(header_);  // trailers are in it, too
  }

 private:
  static constexpr std::chrono::milliseconds patience{10};

  // A call of the handler's: the lock, and its Header in the place of the outer one. A handler that
  // wakes at the deadline may be here before the timer: it is too late all the same, for what it
  // sent now would leave no room for the 503.
  class Turn {
   public:
    explicit Turn(DeadlineWriter& w)
        : w_(w), hold_(w.lock_), in_time_(!w.expired_ && !is_late(w.context_)) {
      if (in_time_) std::swap(w_.header_, w_.inner_.header());
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (in_time_) std::swap(w_.header_, w_.inner_.header());
    }
    bool in_time() const noexcept { return in_time_; }

   private:
    DeadlineWriter& w_;
    const std::lock_guard<ResponseLock> hold_;
    const bool in_time_;
  };

  // The lock, or nothing when it cannot be had within `patience`. (A timed mutex would do, if
  // ThreadSanitizer knew how g++ 12 waits for one.)
  std::unique_lock<ResponseLock> lock_in_time() {
    const auto end = Clock::now() + patience;
    std::unique_lock hold(lock_, std::try_to_lock);
    while (!hold && Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      (void)hold.try_lock();
    }
    return hold;
  }

  bool flush() override {
    const Turn turn(*this);
    return turn.in_time() && inner_.flusher()->flush();
  }

  void share(ResponseLock* lock) noexcept {
    state_.response_lock = lock;
    if (state_.origin) state_.origin->share_response(lock);
  }

  // With its length, so that the client need not wait for the handler to see where it ends.
  void answer() {
    constexpr std::string_view words = "this takes too long\n";
    const Header outer = inner_.header();
    if (!inner_.reset()) return;
    inner_.header() = outer;
    inner_.header().set("Content-Type", "text/plain; charset=utf-8");
    inner_.header().set("X-Content-Type-Options", "nosniff");
    inner_.header().set("Content-Length", words.size()).set("Connection", "close");
    inner_.write_header(503);
    inner_.write_bytes(words);
    answered_ = true;
    if (Flusher* flusher = inner_.flusher()) flusher->flush();
  }

  // The client has its 503; the log has the rest.
  static void tell(const std::exception_ptr& thrown, const Request& r) try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const HttpError&) {
    // Meant for the client, who has left.
  } catch (const std::exception& e) {
    r.log().error("handler threw after its time", {{"path", r.path()}, {"error", e.what()}});
  } catch (...) {
    r.log().error("handler threw after its time", {{"path", r.path()}});
  }

  ResponseWriter& inner_;
  const Context& context_;
  RequestState& state_;
  mutable ResponseLock own_lock_;
  ResponseLock& lock_;                 // guards inner_ and answered_
  Header header_;                      // the handler's
  std::atomic<bool> expired_ = false;  // set before the lock is taken: who comes later is too late
  bool answered_ = false;
};

}  // namespace jot::inline v1::detail
