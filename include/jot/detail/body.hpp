// SPDX-License-Identifier: MIT
//
// body.hpp -- how does a handler read what the client sends?
//
// In: the bytes behind the head, first those that came with it, then the socket's. Out: the body's
// bytes, without their framing; HttpError where they are too many (413), broken (400), too slow
// (408), or still to come when the request's Context ends (503). What comes behind the body is the
// next request, and stays in the Input.
// The views of the Request point into `head_input`, so that one never grows here: once its bytes
// are used up, later ones are received into an Input of the body's own.
#pragma once

#include "../error.hpp"       // HttpError
#include "framing.hpp"        // BodyDecoder
#include "input.hpp"          // Input
#include "request_state.hpp"  // BodySource
#include "response.hpp"       // Response
#include "socket.hpp"         // Socket, Pace

#include <algorithm>  // std::min
#include <cstring>    // std::memcpy
#include <optional>   // std::optional

namespace jot::inline v1::detail {

class ConnectionBody final : public BodySource {
 public:
  static constexpr std::size_t receive_size = 16u << 10;
  static constexpr std::uint64_t most_drained = 256u << 10;  // of a body that nobody reads

  ConnectionBody(Socket& socket, Response& response) : socket_(socket), response_(response) {}

  // A new request, whose body begins at the first unread byte of the input.
  void start(Input& input, const BodyDecoder& decoder, std::uint64_t limit, bool expects_continue,
             nanoseconds stall) {
    input_ = &input, own_.clear(), decoder_ = decoder;
    limit_ = limit, stall_ = stall;
    expects_continue_ = expects_continue, failed_ = false, begun = false;
    pace_.reset();
    note_unread();
  }

  std::size_t read(std::span<char> to) override {
    if (failed_) throw HttpError(400);
    if (to.empty() || decoder_.done()) return 0;
    if (decoder_.total() + decoder_.left() > limit_) fail(413);
    if (expects_continue_) invite();
    for (;;) {
      std::size_t n = decode(to);
      if (n > 0 || decoder_.done()) return n;
      receive();
    }
  }

  void set_limit(std::uint64_t bytes) override { limit_ = bytes; }

  std::size_t expected() const noexcept override {
    return decoder_.left() > limit_ ? 0 : static_cast<std::size_t>(decoder_.left());
  }

  // ---- for the engine, once the handler has returned ----

  bool done() const noexcept { return decoder_.done(); }
  bool failed() const noexcept { return failed_; }
  const BodyDecoder& decoder() const noexcept { return decoder_; }

  // What came behind the body goes back to the input: the next request begins there.
  void return_rest() noexcept {
    if (input_->empty()) std::swap(*input_, own_);
    own_.clear();
  }

 private:
  // Where the unread bytes are now.
  Input& rest() noexcept { return input_->empty() ? own_ : *input_; }

  // A client that waits for our 100 Continue counts too: nobody knows then whether it will send.
  void note_unread() noexcept {
    response_.set_unread_body_closes(expects_continue_ || decoder_.left() > most_drained);
  }

  [[noreturn]] void fail(int status, std::string message = {}) {
    failed_ = true;
    response_.close_after();
    throw HttpError(status, std::move(message));
  }

  void invite() {
    expects_continue_ = false;
    note_unread();
    if (rest().empty()) response_.interim(100, Header{});
  }

  // Bytes that are here already, into `to`, as many as fit.
  std::size_t decode(std::span<char> to) {
    Input& from = rest();
    std::size_t n = 0;
    while (n < to.size() && !from.empty() && !decoder_.done()) {
      BodyStep step = decoder_.feed(from.unread().substr(0, to.size() - n));  // so a piece fits
      if (!step.verdict.ok()) fail(step.verdict.status, step.verdict.reason);
      if (!step.piece.empty()) std::memcpy(to.data() + n, step.piece.data(), step.piece.size());
      n += step.piece.size();
      from.consume(step.consumed);
      if (decoder_.left() > 0) note_unread();
      if (decoder_.total() > limit_) fail(413);
    }
    return n;
  }

  // More bytes, into the body's own Input. Waits for them.
  void receive() {
    auto room = own_.room(receive_size);
    for (;;) {
      std::size_t n = 0;
      switch (socket_.receive(room, n)) {
        case Received::bytes:
          own_.filled(n);
          if (pace_) pace_->progress(n, Clock::now());
          return;
        case Received::would_block:
          if (!pace_) pace_.emplace(stall_, Clock::now());
          wait();
          break;
        case Received::end:
        case Received::broken: fail(400, "body ended early");
      }
    }
  }

  void wait() {
    switch (socket_.wait(POLLIN, pace_->deadline())) {
      case Waited::ready: return;
      case Waited::too_slow: fail(408, "body too slow");
      case Waited::ended: fail(503);
    }
  }

  Socket& socket_;
  Response& response_;
  Input* input_ = nullptr;
  Input own_;
  BodyDecoder decoder_;
  std::optional<Pace> pace_;  // from the first wait
  nanoseconds stall_{};
  std::uint64_t limit_ = 0;
  bool expects_continue_ = false, failed_ = false;
};

}  // namespace jot::inline v1::detail
