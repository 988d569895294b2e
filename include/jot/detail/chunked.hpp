// SPDX-License-Identifier: MIT
//
// chunked.hpp -- how do bytes of unknown number travel?
//
// As chunks, each behind a line that tells its size in hex; then a chunk of size 0, trailer fields
// perhaps, and an empty line:
//
//     5 CR LF hello CR LF  0 CR LF  CR LF
//
// In: raw bytes, cut anywhere. Out: pieces of the body as views into them, or a Verdict.
// Pure and resumable: a decoder is a few words of memory and holds no byte of the message.
// Strict: digits only (no sign, no 0x, no space), CR LF only, extensions and trailers bounded.
// See RFC 9112 section 7.1.
#pragma once

#include "ascii.hpp"       // hex_digit, is_a
#include "parse_head.hpp"  // Verdict

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What became of one call of feed().
struct BodyStep {
  enum class State { more, done, bad };

  State state = State::more;
  std::size_t consumed = 0;  // bytes of raw; less than all when done, or before the next piece
  std::string_view piece;    // of the body; a view into raw, may be empty
  std::string_view trailer;  // raw bytes of the trailer section; for whoever collects them
  Verdict verdict;           // when bad
};

inline constexpr std::size_t max_chunk_extensions = 4 << 10;  // bytes, of all chunks together
inline constexpr std::uint32_t max_trailer_fields = 100;

class ChunkDecoder {
 public:
  // max_trailer: bytes of the trailer section; more is 431.
  explicit ChunkDecoder(std::uint32_t max_trailer = 32 << 10) noexcept
      : trailer_left_(max_trailer) {}

  // Decodes to the end of the first piece in raw, and through what follows it as long as that is
  // no further piece. Call it again with the bytes not consumed and new ones. It consumes at least
  // one byte if there is one; not to be called after done or bad.
  BodyStep feed(std::string_view raw) noexcept {
    BodyStep step;
    while (step.consumed < raw.size()) {
      if (expect_ == Expect::data) {
        if (!step.piece.empty()) break;
        step.piece = take_data(raw.substr(step.consumed));
        step.consumed += step.piece.size();
        continue;
      }
      const bool in_trailer = expect_ >= Expect::trailer_line;
      step.verdict = take_byte(raw[step.consumed]);
      if (!step.verdict.ok()) return step.state = BodyStep::State::bad, step;
      if (in_trailer) {
        const std::size_t begin = step.consumed - step.trailer.size();
        step.trailer = raw.substr(begin, step.trailer.size() + 1);
      }
      ++step.consumed;
      if (expect_ == Expect::nothing) return step.state = BodyStep::State::done, step;
    }
    return step;
  }

 private:
  // What the next byte must be, in order of appearance.
  enum class Expect : std::uint8_t {
    size,           // a hex digit; after the first also what ends the size
    extension_gap,  // blank between size and ;
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_line,  // the first byte of a field line, or the CR of the empty line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    nothing,
  };

  std::string_view take_data(std::string_view raw) noexcept {
    const std::string_view piece =
        raw.size() < left_ ? raw : raw.substr(0, static_cast<std::size_t>(left_));
    left_ -= piece.size();
    if (left_ == 0) expect_ = Expect::data_cr;
    return piece;
  }

  Verdict take_byte(char c) noexcept {
    switch (expect_) {
      case Expect::size: return take_size(c);
      case Expect::extension_gap:
      case Expect::extension: return take_extension(c);
      case Expect::size_lf:
        return take_exactly(c, '\n', left_ == 0 ? Expect::trailer_line : Expect::data);
      case Expect::data_cr: return take_exactly(c, '\r', Expect::data_lf);
      case Expect::data_lf: return digits_ = 0, take_exactly(c, '\n', Expect::size);
      case Expect::data:
      case Expect::nothing: return {400, "bytes where none belong"};
      default: return take_trailer(c);
    }
  }

  Verdict take_exactly(char c, char wanted, Expect next) noexcept {
    if (c != wanted) return {400, "chunk line or data without CR LF at its end"};
    expect_ = next;
    return {};
  }

  Verdict take_size(char c) noexcept {
    constexpr int most_digits =
        16;  // leading zeros count: nobody needs them, and a line has an end
    const int digit = hex_digit(c);
    if (digit < 0) {
      if (digits_ == 0) return {400, "chunk size is not a hex number"};
      return take_extension(c);
    }
    if (digits_ == 0) left_ = 0;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    if (++digits_ > most_digits || left_ >> 63 != 0) return {400, "chunk size too large"};
    return {};
  }

  // From behind the size to the CR: blank, then ; and anything without control characters.
  Verdict take_extension(char c) noexcept {
    if (c == '\r') {
      if (expect_ == Expect::extension_gap) return {400, "space after a chunk size"};
      expect_ = Expect::size_lf;
      return {};
    }
    if (++extension_bytes_ > max_chunk_extensions) return {400, "chunk extensions too long"};
    if (expect_ == Expect::extension) {
      return is_a(c, byte_value) ? Verdict{} : Verdict{400, "control character in chunk extension"};
    }
    if (c == ';')
      expect_ = Expect::extension;
    else if (is_space(c))
      expect_ = Expect::extension_gap;
    else
      return {400, "chunk size is not a hex number"};
    return {};
  }

  // The rules of parse_fields, one byte at a time.
  Verdict take_trailer(char c) noexcept {
    if (trailer_left_-- == 0) return trailer_left_ = 0, Verdict{431, "trailer section too large"};
    switch (expect_) {
      case Expect::trailer_line:
        if (c == '\r') return expect_ = Expect::last_lf, Verdict{};
        if (trailer_fields_++ == max_trailer_fields) return {431, "too many trailer fields"};
        if (!is_a(c, byte_token)) return {400, "malformed trailer field"};
        return expect_ = Expect::trailer_name, Verdict{};
      case Expect::trailer_name:
        if (c == ':') return expect_ = Expect::trailer_value, Verdict{};
        return is_a(c, byte_token) ? Verdict{} : Verdict{400, "malformed trailer field"};
      case Expect::trailer_value:
        if (c == '\r') return expect_ = Expect::trailer_lf, Verdict{};
        return is_a(c, byte_value) ? Verdict{} : Verdict{400, "control character in trailer field"};
      case Expect::trailer_lf: return take_exactly(c, '\n', Expect::trailer_line);
      default: return take_exactly(c, '\n', Expect::nothing);
    }
  }

  std::uint64_t left_ = 0;  // bytes of the chunk still to come; while its line is read, its size
  std::uint32_t trailer_left_;
  std::uint16_t extension_bytes_ = 0;
  std::uint8_t digits_ = 0;
  std::uint8_t trailer_fields_ = 0;
  Expect expect_ = Expect::size;
};

inline constexpr std::size_t longest_chunk_head = 18;  // 16 digits, CR, LF
inline constexpr std::string_view chunk_tail = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";  // without trailers

// Writes the line before a chunk of n bytes, n > 0, and returns its length. Behind the chunk goes
// chunk_tail. to: room for longest_chunk_head bytes.
inline std::size_t write_chunk_head(char* to, std::size_t n) noexcept {
  std::size_t digits = 1;
  while (digits < 2 * sizeof n && n >> (4 * digits) != 0) ++digits;
  for (std::size_t i = digits; i-- > 0; n >>= 4) to[i] = "0123456789abcdef"[n & 15];
  to[digits] = '\r', to[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace jot::inline v1::detail
