// SPDX-License-Identifier: MIT
//
// parse_head.hpp -- where does a head end, and which fields are in it?
//
// In: bytes as they arrive. Out: need more, the length of a complete head, or a Verdict; then its
// field lines as views in a Header. Pure: no I/O, nothing copied.
// A head may come one byte at a time: the scanner remembers how far it has looked, so the work is
// linear in the bytes whatever the pieces, and its answer does not depend on how they were cut.
// See RFC 9112 sections 2.2 and 5.
#pragma once

#include "../header.hpp"      // Header
#include "ascii.hpp"          // byte_table, load8
#include "header_access.hpp"  // HeaderAccess

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The judgement on bytes that came in.
struct Verdict {
  int status = 0;           // 0: fine; else the status to answer with, and then to close
  const char* reason = "";  // for the log line; the client does not see it

  constexpr bool ok() const noexcept { return status == 0; }
};

struct HeadLimits {
  std::size_t fields = 100;      // 431
  std::size_t head = 32 << 10;   // bytes from the start line to the empty line, both whole: 431
  std::size_t target = 8 << 10;  // bytes: 414
};

// What a request line has besides its target: a method, two spaces, the version.
inline constexpr std::size_t request_line_extra = 256;

// Returns: where the first CR or LF at or after `from` is; s.size() if there is none.
inline std::size_t find_line_break(std::string_view s, std::size_t from) noexcept {
  const char* p = s.data() + from;
  const char* const end = s.data() + s.size();
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load8(p);
    const std::uint64_t marks = mark_equal(word, '\r') | mark_equal(word, '\n');
    if (marks != 0) return static_cast<std::size_t>(p - s.data()) + first_mark(marks);
  }
  while (p != end && *p != '\r' && *p != '\n') ++p;
  return static_cast<std::size_t>(p - s.data());
}

// Finds the end of a head in a buffer that grows.
//
//     HeadScanner scanner;                       // one for each head
//     switch (scanner.scan(buffer, limits)) {    // again whenever bytes were appended
//       case HeadScanner::State::complete: parse_request(scanner.head(buffer), ...);
//
// Line ends are CR LF and nothing else: a bare LF or CR, where another server on the way might see
// a line end and we none, is refused as soon as it is seen. One empty line before the start line
// is skipped, for old clients that send one after a body.
struct HeadScanner {
  enum class State { need_more, complete, bad };

  // buffer: all bytes since the start of this message; what was scanned must not have changed.
  // Asked again after complete or bad, it says the same again.
  State scan(std::string_view buffer, const HeadLimits& limits) noexcept {
    if (is_complete) return State::complete;
    if (!verdict.ok()) return State::bad;
    for (;;) {
      if (starts_wrongly(buffer)) return refuse({400, "does not start with a token: not HTTP"});
      const std::size_t at = find_line_break(buffer, scanned);
      const bool is_cr = at < buffer.size() && buffer[at] == '\r';
      if (const Verdict v = judge_size(at + is_cr, limits); !v.ok()) return refuse(v);
      scanned = at;
      if (at == buffer.size()) return State::need_more;
      if (!is_cr) return refuse({400, "bare LF in head"});
      if (at + 1 == buffer.size()) return State::need_more;
      if (buffer[at + 1] != '\n') return refuse({400, "bare CR in head"});
      const bool line_is_empty = at == line_start;
      const bool is_first_line = line_start == begin;
      line_start = scanned = at + 2;
      if (!line_is_empty) continue;
      if (!is_first_line) return is_complete = true, State::complete;
      if (begin != 0) return refuse({400, "empty lines before the request line"});
      begin = scanned;
    }
  }

  // The complete head, from its start line through its empty line.
  std::string_view head(std::string_view buffer) const noexcept {
    return buffer.substr(begin, scanned - begin);
  }

  // How many bytes of the buffer the complete head takes, a skipped empty line included.
  std::size_t length() const noexcept { return scanned; }

  // Has anything of a message arrived? An empty line alone does not count.
  bool started() const noexcept { return scanned > begin; }

  std::size_t scanned = 0;     // no need to look at bytes before this one again
  std::size_t begin = 0;       // of the start line
  std::size_t line_start = 0;  // of the line that scanned is in
  bool is_complete = false;
  Verdict verdict;  // when bad

 private:
  State refuse(Verdict v) noexcept { return verdict = v, State::bad; }

  // Tells TLS and other protocols by their first byte, instead of waiting for a line end that may
  // never come.
  bool starts_wrongly(std::string_view buffer) const noexcept {
    if (scanned != begin || buffer.size() <= begin) return false;
    const char c = buffer[begin];
    return !is_a(c, byte_token) && c != '\r' && c != '\n';
  }

  // seen: so many bytes, and the head is not complete with them.
  Verdict judge_size(std::size_t seen, const HeadLimits& limits) const noexcept {
    const std::size_t size = seen - begin;
    if (line_start == begin && size > limits.target + request_line_extra) {
      return {414, "request line too long"};
    }
    if (size >= limits.head) return {431, "head too large"};
    return {};
  }
};

// Returns: the first byte from p that cannot be in a field value, or end. A tab, which can, only
// ends the pace of eight bytes at a time.
inline const char* find_value_end(const char* p, const char* end) noexcept {
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load8(p);
    const std::uint64_t marks = mark_below(word, 0x20) | mark_equal(word, 0x7f);
    if (marks == 0) continue;
    p += first_mark(marks);
    break;
  }
  while (p != end && is_a(*p, byte_value)) ++p;
  return p;
}

// Why is what stands at `at` (a line that began at `line`) not the colon after a name?
inline Verdict judge_name(const char* line, const char* at, const char* end) noexcept {
  if (at == end) return {400, "field line without an end"};
  if (at == line && is_space(*at)) return {400, "folded field line (obs-fold)"};
  if (at == line && *at == ':') return {400, "empty field name"};
  if (is_space(*at)) return {400, "space in or after a field name"};
  if (*at == '\r') return {400, "field line without a colon"};
  return {400, "field name is not a token"};
}

// Reads field lines up to and including the empty line, which must be the end of `lines`, and adds
// them to the Header as views. Used for heads and for trailers.
inline Verdict parse_fields(std::string_view lines, std::size_t max_fields, Header& into) {
  const char* p = lines.data();
  const char* const end = p + lines.size();
  for (std::size_t count = 0; p != end && *p != '\r'; ++count) {
    if (count == max_fields) return {431, "too many fields"};
    const char* const name = p;
    while (p != end && is_a(*p, byte_token)) ++p;
    const char* const colon = p;
    if (colon == end || *colon != ':' || colon == name) return judge_name(name, colon, end);
    do ++p;
    while (p != end && is_space(*p));
    const char* const value = p;
    p = find_value_end(p, end);
    if (end - p < 2) return {400, "field line without an end"};
    if (p[0] != '\r' || p[1] != '\n') return {400, "control character in a field value"};
    const char* value_end = p;
    while (value_end != value && is_space(value_end[-1])) --value_end;
    HeaderAccess::add_view(into, {name, colon}, {value, value_end});
    p += 2;
  }
  if (end - p != 2 || p[1] != '\n') return {400, "fields without an end"};
  return {};
}

}  // namespace jot::inline v1::detail
