// SPDX-License-Identifier: MIT
//
// exchange.hpp -- one request on one connection, and the head of its answer.
//
// In: bytes to send. Out: a ResponseHead; or what went wrong, and whether the connection was simply
// stale.
//
//   1. The head leaves, together with as much of the body as is at hand.
//   2. Where the server shall be asked first (Expect), its 100 is waited for, for a while.
//   3. While the body leaves, the server may say that it does not want it, or go away: then nothing
//      more is sent, and what it said is read. A 2xx says no such thing: servers that stream answer
//      while they read, and a body cut there would be lost without a word. RFC 9112 section 9.5.
//   4. Heads of 1xx are taken in and forgotten, but not without end.
#pragma once

#include "client_connection.hpp"  // ClientConnection
#include "header_access.hpp"      // HeaderAccess
#include "outgoing_body.hpp"      // OutgoingBody
#include "parse_response.hpp"     // parse_response

#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class Exchange {
 public:
  static constexpr int most_interim = 16;
  static constexpr std::size_t most_early = 256u << 10;  // of an answer, kept while the body leaves

  // stall: the longest wait between two bytes of the body.
  Exchange(ClientConnection& connection, CallWait& wait, const ClientOptions& options,
           nanoseconds stall)
      : c_(connection),
        wait_(wait),
        options_(options),
        stall_(stall),
        limits_(response_limits(options.max_head)) {}

  // True also where the server did not want it all: then an answer may be there. False: error().
  bool send(std::string_view head, OutgoingBody& body, bool expects_continue) {
    if (expects_continue && body.plan().exists) {
      if (!deliver(head, {})) return false;
      if (is_cut_ || !invited()) return is_cut_ = true, !error_;
      head = {};
    }
    for (std::string_view piece = body.next();; piece = body.next()) {
      if (body.error()) return error_ = body.error(), false;
      if (head.empty() && piece.empty()) return true;
      is_cut_ = head.empty() && is_refused();  // while the source was thinking
      if (!is_cut_ && !deliver(head, piece)) return false;
      if (is_cut_ || piece.empty()) return !error_;
      head = {};
    }
  }

  // to_head: the request was HEAD. False: error().
  bool read_head(bool to_head, ResponseHead& out, Header& header) {
    const Clock::time_point deadline = wait_.within(options_.head_timeout);
    for (;;) {
      switch (scan()) {
        case HeadScanner::State::bad: return false;
        case HeadScanner::State::complete:
          if (!take_head(to_head, out, header)) return false;
          if (!out.interim()) return true;
          continue;
        case HeadScanner::State::need_more: break;
      }
      const Arrived arrived = c_.receive_input(wait_, deadline, false);
      if (arrived != Arrived::bytes) return fail(arrived);
      heard_ = true;
    }
  }

  // Was the request not sent as a whole? Then the connection is good for nothing more.
  bool is_cut() const noexcept { return is_cut_; }

  // Did the connection end before a single byte of an answer?
  bool is_stale() const noexcept { return is_gone_ && !heard_; }

  const Error& error() const noexcept { return *error_; }

 private:
  bool fail(Error error) { return error_.emplace(std::move(error)), false; }

  bool fail(const Verdict& v) { return fail(bad_answer(v)); }

  bool fail(Arrived arrived) {
    if (arrived == Arrived::ended) return fail(wait_.error());
    if (arrived == Arrived::too_slow) {
      return fail(wait_.error(heard_ ? "no whole response head" : "no response"));
    }
    is_gone_ = true;
    std::string what = arrived == Arrived::end ? "connection closed" : "connection reset";
    what += heard_ ? " in the middle of the response head" : " before a response";
    return fail(Error(Errc::connection_closed, std::move(what)));
  }

  std::string_view unread() const noexcept { return c_.input.unread(); }

  HeadScanner::State scan() {
    if (!may_be_response(unread())) {
      fail(Error(Errc::bad_message, "what came is no HTTP/1 response"));
      return HeadScanner::State::bad;
    }
    const HeadScanner::State state = scanner_.scan(unread(), limits_);
    if (state == HeadScanner::State::bad) fail(scanner_.verdict);
    return state;
  }

  // A complete head, out of the input.
  bool take_head(bool to_head, ResponseHead& out, Header& header) {
    constexpr std::size_t usual_fields = 12;
    header = Header();
    const std::string_view bytes =
        HeaderAccess::keep(header, scanner_.head(unread()), usual_fields);
    const Verdict v = parse_response(bytes, limits_.fields, to_head, out, header);
    c_.input.consume(scanner_.length());
    scanner_ = HeadScanner();
    if (!v.ok()) return fail(v);
    if (out.status == 101) return fail(Error(Errc::bad_message, "101 that was not asked for"));
    if (out.interim() && ++interims_ > most_interim) {
      return fail(Error(Errc::bad_message, "too many 1xx responses"));
    }
    if (out.status == 100) invited_ = true;
    return true;
  }

  // Sends both, waiting while the socket is full. Ends early, with is_cut_, where the server has
  // refused it or gone. False: error().
  bool deliver(std::string_view head, std::string_view piece) {
    while (!head.empty() || !piece.empty()) {
      if (wait_.is_over()) return fail(wait_.error("request not taken"));
      const ssize_t sent = c_.send_some(head, piece);
      if (sent < 0) return is_cut_ = true;
      const auto n = static_cast<std::size_t>(sent), of_head = std::min(n, head.size());
      head.remove_prefix(of_head), piece.remove_prefix(n - of_head);
      if (n > 0) continue;
      short events = has_room() ? POLLIN | POLLOUT : POLLOUT;
      const Waited waited = wait_.for_fd(c_.fd(), events, wait_.within(stall_));
      if (waited != Waited::ready) return fail(wait_.error("request not taken"));
      if ((events & POLLIN) != 0 && is_refused()) return is_cut_ = true;
    }
    return true;
  }

  enum class Heard {
    nothing,  // but for 1xx
    answer,   // a final one has begun
    end,      // the server has gone, or what it says is no HTTP
  };

  // Looks without waiting. Takes 1xx in.
  Heard listen() {
    const Arrived arrived = c_.take_input();
    if (arrived == Arrived::end || arrived == Arrived::broken) return Heard::end;
    heard_ = heard_ || arrived == Arrived::bytes;
    for (;;) {
      const HeadScanner::State state = scan();
      if (state == HeadScanner::State::bad) return error_.reset(), Heard::end;  // read_head() tells
      if (unread().size() >= status_end && unread()[status_at] != '1') return Heard::answer;
      if (state == HeadScanner::State::need_more) return Heard::nothing;
      ResponseHead head;
      Header header;
      if (!take_head(false, head, header)) return Heard::end;
    }
  }

  static constexpr std::size_t status_at = 9, status_end = 12;

  bool has_room() const noexcept { return unread().size() < most_early; }

  // Is the rest of the body for nobody?
  bool is_refused() {
    if (!has_room()) return false;
    const Heard heard = listen();
    return heard == Heard::end || (heard == Heard::answer && !takes_body());
  }

  // Of a final answer that came before the body's end: 2xx, and 303, which says where to find what
  // came of it.
  bool takes_body() const noexcept {
    const std::string_view status = unread().substr(status_at, status_end - status_at);
    return status.starts_with('2') || status == "303";
  }

  // Waits for 100 Continue. False: a final answer has come instead, or error().
  bool invited() {
    const Clock::time_point deadline = wait_.within(options_.continue_timeout);
    while (!invited_) {
      short events = POLLIN;
      const Waited waited = wait_.for_fd(c_.fd(), events, deadline);
      if (waited == Waited::too_slow && Clock::now() < wait_.end()) return true;
      if (waited != Waited::ready) return fail(wait_.error("no 100 Continue"));
      if (listen() != Heard::nothing) return false;
    }
    return true;
  }

  ClientConnection& c_;
  CallWait& wait_;
  const ClientOptions& options_;
  const nanoseconds stall_;
  const HeadLimits limits_;
  HeadScanner scanner_;
  std::optional<Error> error_;
  int interims_ = 0;
  bool invited_ = false;  // 100 has come
  bool heard_ = false;    // at least a byte of an answer has
  bool is_cut_ = false, is_gone_ = false;
};

}  // namespace jot::inline v1::detail
