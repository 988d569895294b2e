// SPDX-License-Identifier: MIT
//
// parse_response.hpp -- what does this response head say?
//
// In: a complete head, as HeadScanner found it. Out: a ResponseHead and a Header, both views into
// the same bytes, or the Verdict with which it is refused. Pure: no I/O, nothing copied.
// Strict on purpose: where two readers could disagree on a response, one call's answer could become
// the next one's. See RFC 9112 sections 4 and 6.3.
#pragma once

#include "ascii.hpp"       // is_digit, all_are, list_has
#include "framing.hpp"     // Framing, response_framing
#include "parse_head.hpp"  // Verdict, HeadLimits, parse_fields

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Lifetime: as long as the bytes of the head stay.
struct ResponseHead {
  int status = 0;  // 100 to 999
  int minor = 1;   // HTTP/1.minor: 0 or 1
  std::string_view reason;
  bool keep_alive = true;  // may another request follow on this connection?
  Framing framing;         // of the body

  // An answer to come is announced; 101 is an answer itself.
  bool interim() const noexcept { return status < 200 && status != 101; }
};

inline constexpr std::string_view version_1 = "HTTP/1.";

// Could these first bytes become a response? Tells TLS, SSH and other protocols at once, instead of
// waiting for a line end that may never come.
inline bool may_be_response(std::string_view bytes) noexcept {
  const std::size_t n = std::min(bytes.size(), version_1.size());
  return bytes.substr(0, n) == version_1.substr(0, n);
}

// The limits of a head whose first line has none of its own.
inline HeadLimits response_limits(std::size_t max_head) noexcept {
  return {.fields = 256, .head = max_head, .target = std::size_t(-1) / 2};
}

// version SP three digits, and mostly SP and a reason, which nobody reads. A minor version that we
// do not know is 1 with something more.
inline Verdict parse_status_line(std::string_view line, ResponseHead& head) noexcept {
  if (!line.starts_with(version_1) || line.size() < 12 || !is_digit(line[7]) || line[8] != ' ') {
    return {400, "status line of no HTTP/1 response"};
  }
  head.minor = line[7] == '0' ? 0 : 1;
  for (const char c : line.substr(9, 3)) {
    if (!is_digit(c)) return {400, "status is not three digits"};
    head.status = head.status * 10 + (c - '0');
  }
  if (head.status < 100) return {400, "status below 100"};
  if (line.size() == 12) return {};
  if (line[12] != ' ') return {400, "status is not three digits"};
  head.reason = line.substr(13);
  if (!all_are(head.reason, byte_value)) return {400, "control character in the status line"};
  return {};
}

inline bool stays_open(int minor, const Header& header) noexcept {
  bool close = false, keep_alive = false;
  for (const Field& f : header) {
    if (f.name.size() != 10 || !iequals(f.name, "connection")) continue;
    close = close || list_has(f.value, "close");
    keep_alive = keep_alive || list_has(f.value, "keep-alive");
  }
  return !close && (minor == 1 || keep_alive);
}

// Does it speak of a body? A 204 may not (RFC 9112 section 6), and where it does, the server may
// send one, which would be taken for the next answer.
inline bool announces_body(int minor, const Header& header) noexcept {
  const Framing framing = request_framing(minor, header);
  return framing.kind == BodyKind::chunked || framing.length > 0;
}

// head: from the status line through the empty line. to_head: it answers HEAD.
// The fields are added to those in `header`; after a refusal they are what was read until then.
inline Verdict parse_response(std::string_view head, std::size_t max_fields, bool to_head,
                              ResponseHead& out, Header& header) {
  out = ResponseHead{};
  const std::size_t line_end = find_line_break(head, 0);
  if (head.size() - line_end < 2 || head[line_end] != '\r' || head[line_end + 1] != '\n') {
    return {400, "status line without an end"};
  }
  Verdict v = parse_status_line(head.substr(0, line_end), out);
  if (!v.ok()) return v;
  v = parse_fields(head.substr(line_end + 2), max_fields, header);
  if (!v.ok()) return v;
  const bool has_body = !to_head && out.status >= 200 && out.status != 204 && out.status != 304;
  out.framing = response_framing(out.minor, header, has_body);
  out.keep_alive = stays_open(out.minor, header) && out.framing.kind != BodyKind::until_close &&
                   !(out.status == 204 && announces_body(out.minor, header));
  return out.framing.verdict;
}

}  // namespace jot::inline v1::detail
