// SPDX-License-Identifier: MIT
//
// service.hpp -- from bytes to a request, from an answer to what comes next.
//
// What a thread needs to serve connections, one at a time: an input buffer, a Request, a Response,
// a Body, used again and again. Buffers belong to the thread while it serves, not to the connection
// while it waits.
//
//     take(c)      its bytes, if it was parked in the middle of a message
//     examine()    pure: is a request complete in the bytes that are here?
//     receive()    if not: more bytes, if the socket has any
//     answer()     if so: the guarded call. User code runs here and only here.
//     let_go()     what was not understood yet goes back to the connection
//
// Threads: the one that owns it. All of it may be called whether or not that thread drives a lane.
#pragma once

#include "../error.hpp"    // Errc
#include "body.hpp"        // ConnectionBody
#include "connection.hpp"  // Connection
#include "error_page.hpp"  // call_handler
#include "house.hpp"       // House
#include "parse_request.hpp"
#include "peer_address.hpp"   // peer_address
#include "request_state.hpp"  // RequestState, Origin
#include "response.hpp"       // Response

#include <cstdint>      // std::uint64_t
#include <exception>    // std::exception
#include <memory>       // std::make_unique
#include <new>          // std::bad_alloc
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class Service final : private Origin, private ContextSource {
 public:
  static constexpr std::size_t receive_size = 16u << 10;
  static constexpr std::size_t least_receive = 1u << 10;  // into a parked connection's own bytes
  static constexpr std::size_t most_read_ahead = 64u
                                                 << 10;  // of a body, before the handler is called

  enum class Next {
    more,     // more bytes are needed
    request,  // state_ holds one: answer()
    refusal,  // the bytes are no good, or too many, or too slow: answer() says so
    linger,   // a goodbye was said: whatever comes is thrown away
  };

  explicit Service(const House& house)
      : house_(house),
        limits_{house.options.max_fields, house.options.max_head, house.options.max_target},
        request_(RequestAccess::make(std::make_unique<RequestState>())),
        state_(RequestAccess::state(request_)),
        response_(socket_),
        body_(socket_, response_) {
    state_.origin = this;
    state_.log = &house.options.log;
    RequestAccess::set_source(state_.body, &body_);
  }

  void take(Connection& c) {
    connection_ = &c;
    socket_.open(c.fd, house_.options.write_timeout);
    remote_addr_.clear();
    next_ = Next::more, c.sequel = Sequel::go_on;
    if (!c.kept) return progress_ = {}, void();
    progress_ = c.kept->progress;
    if (c.kept->input.empty()) return;
    own_ = std::move(input_), uses_kept_ = true;
    input_ = std::move(c.kept->input);
  }

  // Saves the unread bytes, if there are any, and what is known of them. Where there is no memory
  // for them, the connection's sequel is its end.
  void let_go() noexcept {
    Connection& c = *connection_;
    c.answerable = next_ == Next::request || next_ == Next::refusal;
    c.tally.bytes_in += socket_.bytes_in(), c.tally.bytes_out += socket_.bytes_out();
    bool goes_on = c.sequel == Sequel::go_on && c.phase != Phase::linger;
    if (goes_on && (c.phase != Phase::head || !input_.empty()))
      keep(c);
    else
      c.kept.reset();
    if (uses_kept_) input_ = std::move(own_), uses_kept_ = false;
    input_.clear();
    connection_ = nullptr;  // it may be another thread's from now on, or nobody's
  }

  Next examine() noexcept try {
    return look();
  } catch (...) {  // no memory for its bytes: nothing was promised
    connection_->sequel = Sequel::close;
    return Next::linger;
  }

  Received receive() {
    auto room = input_.room(room_wanted());
    std::size_t n = 0;
    Received got = socket_.receive(room, n);
    input_.filled(n);
    connection_->drained = got == Received::would_block || n < room.size();
    return got;
  }

  // The client has sent FIN, or is gone. In the middle of a message that is worth an answer.
  bool cut_short() const noexcept {
    return (connection_->phase == Phase::head && progress_.scanner.started()) ||
           connection_->phase == Phase::body;
  }
  void refuse_cut_short() {
    refuse({400, connection_->phase == Phase::body ? "body ended early" : "head ended early"});
  }
  void refuse_slow() {
    refuse({408, connection_->phase == Phase::head ? "head too slow" : "body too slow"});
  }
  void refuse_overload() { refuse({503, "all threads are busy"}); }

  // Which route will answer: the engine looks up what it has learned about it. What a predicate of
  // the user's throws here, it throws again in the guarded call, where it is caught.
  RouteMemory& match() noexcept try {
    return refusal_.ok() ? house_.handler.match(request_) : house_.no_route;
  } catch (...) {
    return house_.no_route;
  }

  // The guarded call. Afterwards connection().sequel says what comes next, and next() what the
  // bytes hold already.
  void answer() noexcept {
    ++connection_->tally.requests;
    if (refusal_.ok())
      answer_request();
    else
      answer_refusal();
    decide_sequel();
    next_ = connection_->sequel == Sequel::go_on ? examine() : Next::linger;
    bool more_to_answer = next_ == Next::request || next_ == Next::refusal;
    if (!more_to_answer || !may_hold_back_ || response_.holds_much()) send_held();
  }
  Next next() const noexcept { return next_; }

  // May the next answer wait for the one behind it, to leave with it in one send?
  void may_hold_back(bool may) noexcept { may_hold_back_ = may; }

  // Sends answers that waited for later ones, before this thread blocks or leaves.
  // In a call that serves no connection there is nothing to send.
  void send_held() noexcept {
    if (connection_ && !response_.send_held() && !socket_.ended())
      connection_->sequel = Sequel::close;
  }

  // A body that trickles: slower than min_rate, once the grace is over.
  bool too_slow(Clock::time_point now) const noexcept {
    if (connection_->phase != Phase::body && connection_->phase != Phase::drain) return false;
    auto due =
        std::chrono::duration_cast<std::chrono::seconds>(now - progress_.began - Pace::grace);
    std::uint64_t came = progress_.body.total() + input_.size();
    return due.count() > 0 && came < static_cast<std::uint64_t>(due.count()) * Pace::min_rate;
  }

  Connection& connection() noexcept { return *connection_; }

 private:
  // A head that comes in pieces, and a body of a known length, take little more memory than they
  // have bytes. What may be long, or is thrown away, is received in large pieces.
  std::size_t room_wanted() const noexcept {
    const Phase phase = connection_->phase;
    const bool of_length = phase == Phase::body && progress_.wanted > input_.size();
    if (of_length) return std::max(progress_.wanted - input_.size(), least_receive);
    const bool in_head = phase == Phase::head && (uses_kept_ || !input_.empty());
    return in_head ? least_receive : receive_size;
  }

  // ---- examining ----

  Next look() {
    refusal_ = {};
    switch (connection_->phase) {
      case Phase::linger: return input_.clear(), Next::linger;
      case Phase::body:
        if (!body_came()) return Next::more;
        return refusal_.ok() ? examine_head() : Next::refusal;
      case Phase::drain:
        if (!pass_over_body())
          return connection_->sequel == Sequel::linger ? Next::linger : Next::more;
        break;
      case Phase::head: break;
    }
    switch (progress_.scanner.scan(input_.unread(), limits_)) {
      case HeadScanner::State::need_more: return Next::more;
      case HeadScanner::State::bad: return refuse(progress_.scanner.verdict);
      case HeadScanner::State::complete: break;
    }
    return examine_head();
  }

  Next refuse(Verdict verdict) { return refusal_ = verdict, Next::refusal; }

  Next examine_head() {
    state_.reset();
    std::string_view head = progress_.scanner.head(input_.unread());
    Verdict verdict = parse_request(head, limits_, state_.head, state_.header);
    if (!verdict.ok()) return refuse(verdict);
    Framing framing = request_framing(state_.head.minor, state_.header);
    if (!framing.verdict.ok()) return refuse(framing.verdict);
    if (!house_.proxies.empty()) house_.proxies.look_behind(remote_addr(), state_);
    decoder_ = BodyDecoder(framing, static_cast<std::uint32_t>(limits_.head));
    bool ready = read_ahead(framing);
    if (!refusal_.ok()) return Next::refusal;
    return ready ? Next::request : Next::more;
  }

  // Small bodies are read before the handler is called, so that a slow client holds memory and no
  // thread. True: call it now.
  bool read_ahead(const Framing& framing) {
    if (framing.kind == BodyKind::none || framing.length > most_read_ahead) return true;
    if (state_.head.expect_continue) return true;
    if (connection_->phase == Phase::body) return true;  // body_came() has looked already
    connection_->phase = Phase::body;
    progress_.began = Clock::now();
    progress_.body = decoder_, progress_.looked_at = progress_.scanner.length();
    progress_.wanted = framing.kind == BodyKind::length
                           ? progress_.scanner.length() + static_cast<std::size_t>(framing.length)
                           : 0;
    return body_came();
  }

  bool body_came() {
    std::string_view bytes = input_.unread();
    if (progress_.wanted != 0) return bytes.size() >= progress_.wanted;
    if (bytes.size() > progress_.scanner.length() + most_read_ahead) return true;  // not small
    while (progress_.looked_at < bytes.size() && !progress_.body.done()) {
      BodyStep step = progress_.body.feed(bytes.substr(progress_.looked_at));
      if (!step.verdict.ok()) return refuse(step.verdict), true;
      progress_.looked_at += step.consumed;
    }
    return progress_.body.done();
  }

  // True: the body is over, and the next head may begin.
  bool pass_over_body() {
    while (!input_.empty() && !progress_.body.done()) {
      BodyStep step = progress_.body.feed(input_.unread());
      input_.consume(step.consumed);
      if (!step.verdict.ok() || progress_.body.total() > progress_.drain_until) {
        connection_->sequel = Sequel::linger;
        return false;
      }
    }
    if (!progress_.body.done()) return false;
    connection_->phase = Phase::head;
    progress_ = {};
    return true;
  }

  // ---- answering ----

  // Relaxed: who hears of the stop one request later closes one request later.
  bool stopping() const noexcept override {
    return house_.stop.load(std::memory_order_relaxed) != Stop::no;
  }

  bool has_room() const noexcept override { return socket_.has_room(); }

  void begin_response() {
    const RequestHead& head = state_.head;
    response_.start({.connect = head.form == TargetForm::authority,
                     .head_only = head.method == "HEAD",
                     .http_1_0 = head.minor == 0,
                     .keep_alive = head.keep_alive && !stopping()});
  }

  void answer_request() noexcept {
    input_.consume(progress_.scanner.length());
    progress_ = {};
    connection_->phase = Phase::head;
    begin_response();
    body_.start(input_, decoder_, house_.options.max_body, state_.head.expect_continue,
                house_.options.body_timeout);
    if (house_.options.request_timeout > nanoseconds::zero()) called_ = Clock::now();
    socket_.serves(this);
    Outcome outcome = call_handler(house_.handler, response_, request_);
    socket_.serves(nullptr);
    if (stopping()) response_.close_after();  // it may have begun while the handler ran
    complete(outcome);
    end_context();
  }

  // Bytes that are no request, or one that cannot be served: answered by the library alone.
  void answer_refusal() noexcept {
    ++connection_->tally.refused;
    if (refusal_.status != 503) state_.head = {};  // whatever it was: not HEAD, HTTP/1.1
    state_.reset();
    state_.head.keep_alive = false;
    begin_response();
    decoder_ = {};
    body_.start(input_, decoder_, 0, false, {});
    log_refusal();
    complete(Outcome::answered);
  }

  // A 503 is the library's alone: with no thread to spare, the user's log could hold up the lane.
  // See House::turned_away.
  void log_refusal() noexcept try {
    bool overloaded = refusal_.status == 503;
    if (overloaded) response_.header().set("Retry-After", "1");
    error(response_, refusal_.status, status_text(refusal_.status));
    if (overloaded) return;
    house_.options.log.warn(
        "refused",
        {{"status", refusal_.status}, {"reason", refusal_.reason}, {"remote", remote_addr()}});
  } catch (...) {
  }

  void complete(Outcome outcome) noexcept try {
    if (outcome == Outcome::failed) return response_.give_up();
    response_.finish();
    if (socket_.gone())
      house_.options.log.info(socket_.slow()    ? "client too slow"
                              : socket_.ended() ? "gave up sending: the Context has ended"
                                                : "client left before the end",
                              {{"method", state_.head.method}, {"path", state_.head.path}});
    if (response_.lied())
      house_.options.log.error("body differs from Content-Length",
                               {{"method", state_.head.method}, {"path", state_.head.path}});
  } catch (...) {
    response_.give_up();
  }

  void decide_sequel() noexcept {
    Connection& c = *connection_;
    body_.return_rest();
    if (response_.broken() || socket_.ended())
      c.sequel = response_.ends_by_close() ? Sequel::abort : Sequel::linger;
    else if (socket_.gone())
      c.sequel = Sequel::close;
    else if (!response_.keep_alive() || body_.failed())
      c.sequel = body_.done() && !body_.failed() && refusal_.ok() && input_.empty() && c.drained
                     ? Sequel::close
                     : Sequel::linger;
    else if (!body_.done())
      start_draining();
  }

  void start_draining() noexcept {
    connection_->phase = Phase::drain;
    progress_.body = body_.decoder();
    progress_.began = Clock::now();
    progress_.drain_until = progress_.body.total() + ConnectionBody::most_drained;
  }

  // ---- what a handler may ask for ----

  Context context() noexcept override try {
    const nanoseconds timeout = house_.options.request_timeout;
    const bool has_deadline = timeout > nanoseconds::zero();
    CancelState* state =
        has_deadline ? make_root_state(time_after(called_, timeout)) : make_root_state();
    CancelState* expected = nullptr;
    add_ref(state);  // the connection's
    if (!connection_->context.compare_exchange_strong(expected, state, std::memory_order_acq_rel)) {
      release(state);
      bool stopping = house_.stop.load(std::memory_order_relaxed) >= Stop::cancel;
      cancel_state(*state, make_error_code(Errc::canceled),
                   stopping ? "server shutting down" : client_gone);
    }
    context_ = state;  // ours, until end_context()
    return ContextAccess::wrap(state);
  } catch (const std::exception&) {  // no memory, or no thread for the deadline
    return house_.context_of_need;
  }

  Context context_in_force() noexcept override { return request_.context(); }

  void end_context() noexcept {
    if (!context_) return;
    cancel_state(*context_, make_error_code(Errc::canceled), "handler returned");
    release(std::exchange(context_, nullptr));
    state_.context.reset();
  }

  std::string_view remote_addr() noexcept override try {
    if (remote_addr_.empty()) remote_addr_ = peer_address(connection_->fd);
    return remote_addr_;
  } catch (const std::bad_alloc&) {
    return {};
  }

  void share_response(ResponseLock* lock) noexcept override {
    state_.response_lock = lock;
    response_.share(lock);
  }

  // The other side of the socket stays open: the client may still be sending its body.
  void cut() noexcept override { shutdown(connection_->fd, SHUT_WR); }

  // ---- keeping ----

  void keep(Connection& c) noexcept try {
    if (!c.kept) c.kept = std::make_unique<Kept>();
    if (uses_kept_)
      c.kept->input = std::move(input_);
    else
      c.kept->input = Input(), c.kept->input.append(input_.unread());
    c.kept->progress = progress_;
  } catch (const std::bad_alloc&) {
    c.kept.reset(), c.sequel = Sequel::close;
  }

  const House& house_;
  const HeadLimits limits_;
  Connection* connection_ = nullptr;
  Socket socket_;
  Input input_;             // what was received and not understood yet
  Input own_;               // this thread's buffer, while it reads into a connection's
  bool uses_kept_ = false;  // input_ is the connection's
  MessageProgress progress_;
  Request request_;
  RequestState& state_;
  Response response_;
  ConnectionBody body_;
  BodyDecoder decoder_;  // for the body of the request in state_
  Verdict refusal_;      // not ok: why there is no request
  Next next_ = Next::more;
  bool may_hold_back_ = true;
  CancelState* context_ = nullptr;
  Clock::time_point called_;  // the handler, where there is a request_timeout
  std::string remote_addr_;
};

}  // namespace jot::inline v1::detail
