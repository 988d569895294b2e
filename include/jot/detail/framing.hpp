// SPDX-License-Identifier: MIT
//
// framing.hpp -- how long is this body?
//
// In: the version and the fields of a message. Out: none, so many bytes, chunked, or a Verdict;
// then a decoder that finds the body's bytes in those that arrive. This is the only place that
// reads Content-Length and Transfer-Encoding: where two readers could disagree on them, one request
// could hide inside the body of another.
//
//     Transfer-Encoding   Content-Length            the body is
//     -                   -                         none
//     -                   one number, or the same   so many bytes
//                         one several times
//     -                   anything else             400
//     any                 any, or HTTP/1.0          400
//     chunked             -                         chunked
//     known, not          -                         400: its end cannot be told
//       chunked at last
//     anything else       -                         501
//
// A response without either has a body until its connection closes, unless it can have none.
// See RFC 9112 section 6.3.
#pragma once

#include "../header.hpp"  // Header
#include "ascii.hpp"      // iequals, next_in_list
#include "chunked.hpp"    // BodyStep, ChunkDecoder

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

struct Framing {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // for BodyKind::length
  Verdict verdict;           // not ok: refuse the message and close
};

// Returns: false unless s is nothing but digits that make a number below 2^63.
inline bool parse_length(std::string_view s, std::uint64_t& length) noexcept {
  if (s.empty()) return false;
  length = 0;
  for (const char c : s) {
    if (!is_digit(c)) return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (INT64_MAX - digit) / 10) return false;
    length = length * 10 + digit;
  }
  return true;
}

// What the two fields say, gathered in one pass.
class FramingFields {
 public:
  void note(const Field& f) noexcept {
    if (f.name.size() == 14 && iequals(f.name, "content-length")) note_lengths(f.value);
    if (f.name.size() == 17 && iequals(f.name, "transfer-encoding")) note_codings(f.value);
  }

  Framing decide(int minor) const noexcept {
    if (!has_length_ && !has_coding_) return {};
    if (has_coding_) return decide_coding(minor);
    if (!length_ok_) return refuse(400, "bad Content-Length");
    return {BodyKind::length, length_, {}};
  }

 private:
  static Framing refuse(int status, const char* reason) noexcept {
    return {BodyKind::none, 0, {status, reason}};
  }

  // "5, 5" is what a proxy may have made of two fields: the same number again is harmless.
  void note_lengths(std::string_view list) noexcept {
    bool more = true;
    while (more) {
      more = list.find(',') != std::string_view::npos;
      const std::string_view digits = next_in_list(list);
      if (!has_length_)
        length_ok_ = parse_length(digits, length_), digits_ = digits;
      else if (digits != digits_)
        length_ok_ = false;
      has_length_ = true;
    }
  }

  void note_codings(std::string_view list) noexcept {
    has_coding_ = true;
    bool more = true;
    while (more) {
      more = list.find(',') != std::string_view::npos;
      note_coding(next_in_list(list));
    }
  }

  void note_coding(std::string_view coding) noexcept {
    chunked_is_last_ = iequals(coding, "chunked");
    if (chunked_is_last_) {
      ++chunked_;
      return;
    }
    const std::string_view name = trim(coding.substr(0, coding.find(';')));
    if (!is_token(name) || iequals(name, "chunked")) malformed_ = true;
    for (const std::string_view known :
         {"gzip", "deflate", "compress", "x-gzip", "x-compress", "identity"}) {
      if (iequals(name, known)) return void(others_known_ = true);
    }
    unknown_ = true;
  }

  Framing decide_coding(int minor) const noexcept {
    if (minor == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (has_length_) return refuse(400, "Transfer-Encoding and Content-Length");
    if (malformed_) return refuse(400, "malformed Transfer-Encoding");
    if (unknown_) return refuse(501, "unknown transfer coding");
    if (!chunked_is_last_) return refuse(400, "final transfer coding is not chunked");
    if (chunked_ > 1) return refuse(400, "chunked more than once");
    if (others_known_) return refuse(501, "transfer coding not supported");
    return {BodyKind::chunked, 0, {}};
  }

  std::uint64_t length_ = 0;
  std::string_view digits_;  // of the first Content-Length
  int chunked_ = 0;
  bool has_length_ = false, length_ok_ = false;
  bool has_coding_ = false, chunked_is_last_ = false;
  bool malformed_ = false, unknown_ = false, others_known_ = false;
};

inline Framing request_framing(int minor, const Header& header) noexcept {
  FramingFields fields;
  for (const Field& f : header) fields.note(f);
  return fields.decide(minor);
}

// has_body: false for one that answers HEAD, and for 1xx, 204 and 304, whatever the fields say.
inline Framing response_framing(int minor, const Header& header, bool has_body) noexcept {
  Framing framing = request_framing(minor, header);
  if (!framing.verdict.ok()) return framing;
  if (!has_body) return {};
  if (framing.kind == BodyKind::none) framing.kind = BodyKind::until_close;
  return framing;
}

// Finds the bytes of one body among those that arrive. Small and copyable: it waits with a parked
// connection. When the connection ends before done(), the body was cut off.
class BodyDecoder {
 public:
  BodyDecoder() noexcept = default;  // of a message without a body

  explicit BodyDecoder(const Framing& framing, std::uint32_t max_trailer = 32 << 10) noexcept
      : chunks_(max_trailer), left_(framing.length), kind_(framing.kind) {
    done_ = (kind_ == BodyKind::none || kind_ == BodyKind::length) && left_ == 0;
  }

  // As ChunkDecoder::feed(), for every kind. When done already, it consumes nothing.
  BodyStep feed(std::string_view raw) noexcept {
    BodyStep step;
    if (!done_) step = kind_ == BodyKind::chunked ? chunks_.feed(raw) : take_plain(raw);
    total_ += step.piece.size();
    done_ = done_ || step.state == BodyStep::State::done;
    if (done_) step.state = BodyStep::State::done;
    return step;
  }

  bool done() const noexcept { return done_; }
  BodyKind kind() const noexcept { return kind_; }

  // Bytes of the body so far, framing not counted.
  std::uint64_t total() const noexcept { return total_; }

  // Bytes still to come where the length was declared; 0 when it was not.
  std::uint64_t left() const noexcept { return left_; }

 private:
  BodyStep take_plain(std::string_view raw) noexcept {
    BodyStep step;
    if (kind_ == BodyKind::until_close) return step.piece = raw, step.consumed = raw.size(), step;
    step.piece = raw.size() < left_ ? raw : raw.substr(0, static_cast<std::size_t>(left_));
    step.consumed = step.piece.size();
    left_ -= step.consumed;
    if (left_ == 0) step.state = BodyStep::State::done;
    return step;
  }

  ChunkDecoder chunks_;
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;
  BodyKind kind_ = BodyKind::none;
  bool done_ = true;
};

}  // namespace jot::inline v1::detail
