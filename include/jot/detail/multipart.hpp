// SPDX-License-Identifier: MIT
//
// multipart.hpp -- where do the parts of a body begin and end?
//
//     preamble CR LF --boundary CR LF
//     part head CR LF CR LF content CR LF --boundary CR LF
//     part head CR LF CR LF content CR LF --boundary-- epilogue
//
// In: bytes, cut anywhere. Out: the heads of the parts, pieces of their contents as views, or a
// Verdict. Pure and resumable; the caller keeps what was not consumed. See RFC 2046 section 5.1.1.
//
// Content may hold what looks like a boundary. It is one at the beginning of a line, with spaces,
// tabs, CR LF or "--" behind it; --boundaryX is content. Line ends are CR LF and nothing else, so
// that no two readers see different parts.
#pragma once

#include "ascii.hpp"       // is_a, is_space
#include "parse_head.hpp"  // Verdict

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::size_t max_part_head = 8 << 10;  // bytes, with its empty line
inline constexpr std::size_t max_part_fields = 32;

// May it part a body? 1 to 70 of certain bytes, the last no space: RFC 2046 section 5.1.1.
constexpr bool is_boundary(std::string_view s) noexcept {
  if (s.empty() || s.size() > 70 || s.back() == ' ') return false;
  for (const char c : s) {
    const bool is_letter = is_a(c, byte_alpha) || is_a(c, byte_digit);
    if (!is_letter && std::string_view("'()+_,-./:=? ").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

// What one call of MultipartScanner::next() found.
struct MultipartStep {
  enum class Found {
    nothing,   // more bytes are needed
    head,      // piece: of a part, with its empty line
    data,      // piece: of its content, not empty
    part_end,  // its content is whole
    end,       // there are no more parts
    bad,       // see verdict
  };

  Found found = Found::nothing;
  std::size_t consumed = 0;  // of the bytes given
  std::string_view piece = {};
  Verdict verdict = {};
};

class MultipartScanner {
 public:
  using Found = MultipartStep::Found;

  // boundary: is_boundary().
  explicit MultipartScanner(std::string_view boundary) : delimiter_("\r\n--") {
    delimiter_ += boundary;
  }

  // bytes: what was not consumed, and new ones behind it. last: no more will come; then the answer
  // is not `nothing`. After end it says so again; not to be called after bad.
  MultipartStep next(std::string_view bytes, bool last) noexcept {
    switch (at_) {
      case At::preamble: return skip_preamble(bytes, last);
      case At::delimiter_end: return take_delimiter_end(bytes, last);
      case At::padding:
      case At::last_padding: return take_padding(bytes, last);
      case At::head: return take_head(bytes, last);
      case At::content: return take_content(bytes, last);
      default: return {Found::end};
    }
  }

 private:
  enum class At { preamble, delimiter_end, padding, last_padding, head, content, epilogue };
  enum class Is { no, yes, unknown };

  static MultipartStep refuse(const char* reason) noexcept {
    return {Found::bad, 0, {}, {400, reason}};
  }

  // Behind so many bytes, which look like a boundary: is it one?
  static Is is_delimiter(std::string_view bytes, std::size_t size) noexcept {
    if (bytes.size() <= size) return Is::unknown;
    const char c = bytes[size];
    if (is_space(c) || c == '\r' || c == '\n') return Is::yes;
    if (c != '-') return Is::no;
    if (bytes.size() == size + 1) return Is::unknown;
    return bytes[size + 1] == '-' ? Is::yes : Is::no;
  }

  MultipartStep skip_preamble(std::string_view bytes, bool last) noexcept {
    for (std::size_t skipped = 0;;) {
      MultipartStep step = to_delimiter(bytes.substr(skipped));
      skipped += step.consumed;
      if (step.found == Found::data) continue;
      if (step.found == Found::nothing && last) return refuse("multipart: there is no boundary");
      if (step.found == Found::part_end)
        step = next(bytes.substr(skipped), last);
      else
        step.consumed = 0;
      step.consumed += skipped;
      return step;
    }
  }

  MultipartStep take_content(std::string_view bytes, bool last) noexcept {
    const MultipartStep step = to_delimiter(bytes);
    if (last && step.found == Found::nothing)
      return refuse("multipart: the body ends inside a part: its last boundary is missing");
    return step;
  }

  // Data before the next delimiter, or the delimiter, as part_end.
  MultipartStep to_delimiter(std::string_view bytes) noexcept {
    const std::string_view line = std::string_view(delimiter_).substr(2);
    if (at_line_start_ && line.starts_with(bytes.substr(0, line.size()))) {
      const Is is = is_delimiter(bytes, line.size());
      if (is == Is::unknown) return {};
      if (is == Is::yes) return pass_delimiter(line.size());
    }
    const std::size_t at = bytes.find(delimiter_);
    if (at == bytes.npos) return take_data(bytes, bytes.size() - possible_begin(bytes));
    if (at > 0) return take_data(bytes, at);
    const Is is = is_delimiter(bytes, delimiter_.size());
    if (is == Is::unknown) return {};
    return is == Is::yes ? pass_delimiter(delimiter_.size()) : take_data(bytes, delimiter_.size());
  }

  MultipartStep pass_delimiter(std::size_t size) noexcept {
    at_ = At::delimiter_end;
    return {Found::part_end, size};
  }

  MultipartStep take_data(std::string_view bytes, std::size_t size) noexcept {
    if (size == 0) return {};
    at_line_start_ = false;
    return {Found::data, size, bytes.substr(0, size)};
  }

  // How many bytes at the end may be the beginning of a delimiter. It has one CR, in front.
  std::size_t possible_begin(std::string_view bytes) const noexcept {
    const std::string_view end =
        bytes.substr(bytes.size() - std::min(bytes.size(), delimiter_.size() - 1));
    for (std::size_t at = end.find('\r'); at != end.npos; at = end.find('\r', at + 1)) {
      if (std::string_view(delimiter_).starts_with(end.substr(at))) return end.size() - at;
    }
    return 0;
  }

  // Here is_delimiter() has looked already, so that one or two bytes are there.
  MultipartStep take_delimiter_end(std::string_view bytes, bool last) noexcept {
    const bool is_last = bytes.starts_with("--");
    at_ = is_last ? At::last_padding : At::padding;
    MultipartStep step = take_padding(bytes.substr(is_last ? 2 : 0), last);
    step.consumed += is_last ? 2 : 0;
    return step;
  }

  // Spaces and tabs, and then CR LF; behind the last boundary the body may end instead.
  MultipartStep take_padding(std::string_view bytes, bool last) noexcept {
    const bool is_last = at_ == At::last_padding;
    std::size_t size = 0;
    while (size < bytes.size() && is_space(bytes[size])) ++size;
    const std::string_view rest = bytes.substr(size);
    if (rest.size() < 2 && std::string_view("\r\n").starts_with(rest)) {
      if (!last) return {Found::nothing, size};
      return is_last ? finish() : refuse("multipart: the body ends behind a boundary");
    }
    if (!rest.starts_with("\r\n")) return refuse("multipart: more than a boundary in its line");
    if (is_last) return finish();
    at_ = At::head;
    MultipartStep step = take_head(rest.substr(2), last);
    step.consumed += size + 2;
    return step;
  }

  MultipartStep finish() noexcept {
    at_ = At::epilogue;
    return {Found::end};
  }

  MultipartStep take_head(std::string_view bytes, bool last) noexcept {
    const std::size_t end = bytes.starts_with("\r\n") ? 0 : bytes.find("\r\n\r\n");
    const std::size_t size = end == 0 ? 2 : end + 4;
    if (end == bytes.npos ? bytes.size() >= max_part_head : size > max_part_head)
      return refuse("multipart: the head of a part is too long");
    if (end == bytes.npos && last) return refuse("multipart: the body ends in the head of a part");
    if (end == bytes.npos) return {};
    at_ = At::content;
    at_line_start_ = true;  // the empty line's CR LF may be that of a delimiter
    return {Found::head, size, bytes.substr(0, size)};
  }

  std::string delimiter_;  // CR LF -- boundary
  At at_ = At::preamble;
  bool at_line_start_ = true;
};

}  // namespace jot::inline v1::detail
