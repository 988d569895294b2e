// SPDX-License-Identifier: MIT
//
// outgoing_body.hpp -- how does a request's body leave, whatever it is made of?
//
// In: a Payload. Out: pieces ready for the wire, one after the other: all of a text at once; what a
// source gives, as it gives it, in chunks where its length is not known.
// The first piece of a source is asked for before anything is sent: it travels with the head, and a
// source without any needs no body at all.
#pragma once

#include "../client.hpp"     // Payload
#include "chunked.hpp"       // write_chunk_head
#include "request_text.hpp"  // BodyPlan, bad_url

#include <algorithm>     // std::min
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <cstring>       // std::memcpy
#include <optional>      // std::optional
#include <span>          // std::span
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error

namespace jot::inline v1::detail {

// The door to what the contracts of client.hpp keep to themselves.
struct ClientAccess {
  static std::string_view bytes(const Payload& p) noexcept { return p.bytes_; }
  static std::string_view content_type(const Payload& p) noexcept { return p.content_type_; }
  static bool exists(const Payload& p) noexcept { return p.exists_; }
  static bool is_source(const Payload& p) noexcept { return p.source_ || p.make_ || p.length_; }
  static bool can_be_sent_again(const Payload& p) noexcept { return !p.source_; }
  static std::optional<std::uint64_t> length(const Payload& p) noexcept {
    return is_source(p) ? p.length_ : std::optional<std::uint64_t>(p.bytes_.size());
  }
  static jot::BodySource source(const Payload& p) { return p.make_ ? p.make_() : p.source_; }

  static std::unique_ptr<ResponseStream>& stream(ResponseBody& body) noexcept {
    return body.stream_;
  }
};

class OutgoingBody {
 public:
  static constexpr std::size_t piece_size = 16u << 10;

  explicit OutgoingBody(const Payload& payload)
      : payload_(payload),
        plan_{ClientAccess::exists(payload), ClientAccess::length(payload),
              ClientAccess::content_type(payload)} {
    if (!plan_.exists) plan_.length.reset();
  }

  BodyPlan& plan() noexcept { return plan_; }

  // Before the first piece is taken. early: the source may be asked before anything was sent.
  // Throws what the source throws.
  void start(bool early) {
    over_ = false;
    sent_ = 0;
    first_.reset();
    if (!plan_.exists || !ClientAccess::is_source(payload_)) return;
    source_ = ClientAccess::source(payload_);
    if (!source_) return over_ = true, void(error_ = bad_url("the body has no source"));
    buffer_.resize(longest_chunk_head + piece_size + chunk_tail.size());
    if (!early) return;
    first_ = next();
    if (!plan_.length && *first_ == last_chunk) plan_.exists = false, first_.reset();
  }

  // From the beginning once more. False: that cannot be.
  bool restart() {
    if (!ClientAccess::can_be_sent_again(payload_)) return false;
    return start(true), true;
  }

  // The next bytes for the wire; "" at the end, or where error() says what is wrong. Good until the
  // next call.
  std::string_view next() {
    if (first_) return *std::exchange(first_, std::nullopt);
    if (over_ || !plan_.exists) return {};
    if (source_) return plan_.length ? next_of_length() : next_chunk();
    over_ = true;
    return ClientAccess::bytes(payload_);
  }

  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  std::size_t ask(std::size_t most) {
    try {
      const std::size_t n = source_(std::span(buffer_).subspan(longest_chunk_head, most));
      if (n <= most) return n;
      error_ = bad_url("the body's source gave more than it was asked for");
    } catch (const std::system_error& e) {
      error_ = Error(e.code(), e.what());
    }
    return over_ = true, 0;
  }

  std::string_view fail(std::string_view why) {
    return over_ = true, error_ = bad_url(why), std::string_view();
  }

  std::string_view next_of_length() {
    const std::uint64_t left = *plan_.length - sent_;
    if (left == 0) return over_ = true, std::string_view();
    // One byte more, so that a source that has it is not cut without a word.
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_size)) + 1;
    const std::size_t n = ask(most);
    if (n > left) return fail("the body's source gave more than its length");
    if (n == 0 && !error_) return fail("the body's source ended before its length");
    sent_ += n;
    return std::string_view(buffer_).substr(longest_chunk_head, n);
  }

  std::string_view next_chunk() {
    const std::size_t n = ask(piece_size);
    if (error_) return {};
    if (n == 0) return over_ = true, last_chunk;
    char head[longest_chunk_head];
    const std::size_t digits = write_chunk_head(head, n), from = longest_chunk_head - digits;
    std::memcpy(buffer_.data() + from, head, digits);
    std::memcpy(buffer_.data() + longest_chunk_head + n, chunk_tail.data(), chunk_tail.size());
    return std::string_view(buffer_).substr(from, digits + n + chunk_tail.size());
  }

  const Payload& payload_;
  BodyPlan plan_;
  jot::BodySource source_;
  std::string buffer_;  // room for a chunk: its head, at most piece_size bytes, its tail; or, where
                        // there is no tail, for one byte that is too much
  std::optional<std::string_view> first_;
  std::optional<Error> error_;
  std::uint64_t sent_ = 0;
  bool over_ = false;
};

}  // namespace jot::inline v1::detail
