// SPDX-License-Identifier: MIT
//
// response_stream.hpp -- the life of a response's body.
//
// In: a Lease, whose connection has given the head and perhaps more. Out: the body's bytes, without
// their framing, or the Error that ended it.
//
//   1. What came with the head may be all there is: then it is kept here, and the connection goes
//      back to the pool before the caller has even seen the response.
//   2. Else the caller reads, and each read waits for the network at most once.
//   3. At the end the connection goes back, where nothing came behind the body; after an error it
//      is closed at once.
//   4. A body that nobody reads to its end is drained when it goes, if that is little and quick.
#pragma once

#include "call_wait.hpp"       // CallWait
#include "client_pool.hpp"     // ClientPool::Lease
#include "fd_writer.hpp"       // FdWriter
#include "framing.hpp"         // BodyDecoder
#include "header_access.hpp"   // HeaderAccess
#include "parse_response.hpp"  // ResponseHead

#include <algorithm>     // std::min
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <cstring>       // std::memcpy
#include <memory>        // std::make_unique
#include <optional>      // std::optional
#include <span>          // std::span
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::error_code
#include <utility>       // std::exchange, std::move

namespace jot::inline v1::detail {

class ResponseStream {
 public:
  // name: of the call, for errors. is_reusable: as far as the exchange knows.
  ResponseStream(ClientPool::Lease lease, const CallWait& wait, const Framing& framing,
                 nanoseconds stall, bool is_reusable, std::string name)
      : lease_(std::move(lease)),
        wait_(wait),
        decoder_(framing),
        stall_(stall),
        is_reusable_(is_reusable),
        name_(std::move(name)) {
    if (decoder_.done())
      finish();
    else if (!input().empty())
      keep_if_whole();
  }
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;
  ~ResponseStream() {
    if (lease_ && is_reusable_ && decoder_.left() <= most_drained) drain();
  }

  Result<std::size_t> read(std::span<char> to) {
    for (;;) {
      if (error_) return *error_;
      if (to.empty()) return std::size_t{0};
      if (read_ < kept_.size()) return read_kept(to);
      if (decoder_.done()) return std::size_t{0};
      if (wait_.is_over()) return fail(wait_.error("body not received")), *error_;
      const bool through = input().empty() && decoder_.kind() != BodyKind::chunked;
      const std::size_t n = through ? receive_into(to) : decode(to);
      if (n > 0) return n;
      if (!through && lease_) receive();
    }
  }

  Result<std::string> read_all(std::size_t limit) {
    if (error_) return *error_;
    if (decoder_.left() > limit || kept_.size() - read_ > limit) return too_large(limit);
    if (read_ == 0 && decoder_.done()) return std::exchange(kept_, {});
    std::string all;
    for (std::size_t size = 0;;) {
      all.resize(std::min(limit, std::max(std::max(first_room(), 2 * size), size + 1)));
      if (size == limit) return end_of(std::move(all), limit);
      const Result<std::size_t> n = read(std::span(all).subspan(size));
      if (!n) return n.error();
      size += *n;
      if (*n == 0) return all.resize(size), all;
    }
  }

  Result<std::uint64_t> write_to(int fd) {
    std::string buffer(64u << 10, '\0');
    std::uint64_t sum = 0;
    for (;;) {
      const Result<std::size_t> n = read(buffer);
      if (!n) return n.error();
      if (*n == 0) return sum;
      if (!write_all(fd, std::string_view(buffer).substr(0, *n))) return *error_;
      sum += *n;
    }
  }

  const Header& trailer() const noexcept { return trailer_; }

 private:
  static constexpr std::uint64_t most_drained = 64u << 10;
  static constexpr auto longest_drain = std::chrono::milliseconds(50);

  Input& input() noexcept { return lease_.connection()->input; }

  std::size_t first_room() const noexcept {
    constexpr std::uint64_t most = 1u << 20;  // a declared length is no promise
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(decoder_.left(), 4u << 10, most));
  }

  Error named(const Error& error) const {
    return Error(error.code(), name_ + ": " + error.message());
  }

  void fail(const Error& error) {
    error_ = named(error);
    lease_ = {};
  }

  Error too_large(std::size_t limit) {
    fail(Error(Errc::too_large, "body of more than " + std::to_string(limit) + " bytes"));
    return *error_;
  }

  // limit bytes are here: are they all?
  Result<std::string> end_of(std::string all, std::size_t limit) {
    char more;
    const Result<std::size_t> n = read({&more, 1});
    if (!n) return n.error();
    if (*n != 0) return too_large(limit);
    return all;
  }

  std::size_t read_kept(std::span<char> to) noexcept {
    const std::size_t n = std::min(to.size(), kept_.size() - read_);
    std::memcpy(to.data(), kept_.data() + read_, n);
    read_ += n;
    return n;
  }

  // Decodes what came with the head, if that is the whole body; else leaves it as it is.
  void keep_if_whole() {
    BodyDecoder decoder = decoder_;
    std::string_view raw = input().unread();
    if (decoder.left() > raw.size()) return;
    std::string trailer;
    while (!raw.empty() && !decoder.done()) {
      const BodyStep step = decoder.feed(raw);
      if (!step.verdict.ok()) break;  // read() says it
      kept_.append(step.piece), trailer.append(step.trailer);
      raw.remove_prefix(step.consumed);
    }
    if (!decoder.done()) return kept_.clear();
    decoder_ = decoder, trailer_bytes_ = std::move(trailer);
    input().consume(input().size() - raw.size());
    finish();
  }

  // The body is at its end.
  void finish() {
    if (!trailer_bytes_.empty()) {
      const std::string_view bytes = HeaderAccess::keep(trailer_, trailer_bytes_, 1);
      parse_fields(bytes, max_trailer_fields, trailer_);  // whose rules the decoder has held it to
      std::string().swap(trailer_bytes_);
    }
    lease_.set_reusable(is_reusable_ && input().empty());
    lease_ = {};
  }

  // Bytes of the input, into `to`.
  std::size_t decode(std::span<char> to) {
    std::size_t n = 0;
    while (n < to.size() && !input().empty() && !decoder_.done()) {
      const BodyStep step = decoder_.feed(input().unread().substr(0, to.size() - n));
      if (!step.verdict.ok()) return fail(bad_answer(step.verdict)), 0;
      if (!step.piece.empty()) std::memcpy(to.data() + n, step.piece.data(), step.piece.size());
      n += step.piece.size();
      trailer_bytes_.append(step.trailer);
      input().consume(step.consumed);
    }
    if (decoder_.done()) finish();
    return n;
  }

  void receive() {
    const Arrived arrived = lease_.connection()->receive_input(wait_, wait_.within(stall_), true);
    if (arrived != Arrived::bytes) end(arrived);
  }

  // From the socket to the caller, by no way round.
  std::size_t receive_into(std::span<char> to) {
    if (decoder_.kind() == BodyKind::length && to.size() > decoder_.left()) {
      to = to.first(static_cast<std::size_t>(decoder_.left()));
    }
    std::size_t n = 0;
    const Arrived arrived = lease_.connection()->receive(to, n, wait_, wait_.within(stall_), true);
    if (arrived != Arrived::bytes) return end(arrived), 0;
    decoder_.feed({to.data(), n});
    if (decoder_.done()) finish();
    return n;
  }

  // Nothing more comes.
  void end(Arrived arrived) {
    switch (arrived) {
      case Arrived::too_slow: return fail(wait_.error("body not received"));
      case Arrived::ended: return fail(wait_.error());
      default: break;
    }
    if (arrived == Arrived::end && decoder_.kind() == BodyKind::until_close) {
      decoder_ = BodyDecoder();
      lease_ = {};
      return;
    }
    std::string what = "body cut short after " + std::to_string(decoder_.total()) + " bytes";
    if (decoder_.left() > 0) what += ", " + std::to_string(decoder_.left()) + " are missing";
    fail(Error(Errc::connection_closed, std::move(what)));
  }

  // False: error_.
  bool write_all(int fd, std::string_view bytes) {
    FdWriter to(fd);
    while (!bytes.empty()) {
      short events = POLLOUT;
      const Waited waited =
          to.may_wait() ? wait_.for_fd(fd, events, wait_.end()) : (about_to_block(), Waited::ready);
      if (waited != Waited::ready) return fail(wait_.error("body not written")), false;
      bytes.remove_prefix(to.write_some(bytes));
      if (const std::error_code error = to.error())
        return fail(Error(error, "cannot write the body: " + error.message())), false;
    }
    return true;
  }

  void drain() noexcept {
    const Clock::time_point deadline = wait_.within(longest_drain);
    char buffer[8u << 10];
    try {
      for (std::uint64_t left = most_drained; !decoder_.done() && lease_ && left > 0;) {
        const std::uint64_t before = decoder_.total();
        if (!input().empty()) {
          decode(buffer);
        } else {
          const Arrived arrived = lease_.connection()->receive_input(wait_, deadline, true);
          if (arrived != Arrived::bytes) return;
        }
        left -= std::min(left, decoder_.total() - before);
      }
    } catch (const std::exception&) {
      lease_ = {};  // no memory for more input: close it
    }
  }

  ClientPool::Lease lease_;  // false: the body is at its end, or failed
  CallWait wait_;
  BodyDecoder decoder_;
  nanoseconds stall_;
  bool is_reusable_;
  std::string name_;
  std::string kept_;  // the body, where it came with the head
  std::size_t read_ = 0;
  std::string trailer_bytes_;
  Header trailer_;
  std::optional<Error> error_;
};

}  // namespace jot::inline v1::detail
