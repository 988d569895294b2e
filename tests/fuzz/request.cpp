// SPDX-License-Identifier: MIT
//
// request.cpp -- can bytes from a stranger confuse the parsers?
//
// The input is a connection's bytes: heads and bodies, one after the other. They are read twice,
// once whole and once cut into pieces, and must mean the same. What is accepted must point into
// the input, obey the grammar and leave no byte uncounted.
#include "jot/detail/framing.hpp"
#include "jot/detail/parse_request.hpp"

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace jot::detail;

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

// What one request came to; two readings of the same bytes must agree on all of it.
struct Reading {
  int head_status = 0, framing_status = 0, body_status = 0;
  std::size_t head_length = 0, body_consumed = 0;
  bool head_complete = false, body_done = false;
  std::string body, trailer, reason;

  bool operator==(const Reading&) const = default;
  bool finished() const { return body_done && body_status == 0; }
};

constexpr HeadLimits limits{.fields = 10, .head = 600, .target = 100};

void must_lie_in(std::string_view part, std::string_view whole) {
  const bool literal = part.empty() || part == "/" || part == "*";  // of an absolute target
  must(literal ||
       (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void check_head(std::string_view bytes, const RequestHead& head, const jot::Header& header) {
  for (const std::string_view part : {head.method, head.target, head.path, head.query, head.host})
    must_lie_in(part, bytes);
  must(is_token(head.method));
  must(!head.target.empty() && head.target.size() <= limits.target &&
       all_are(head.target, byte_target));
  must(head.minor == 0 || head.minor == 1);
  must(head.minor == 0 || !head.host.empty());
  must((head.method == "CONNECT") == (head.form == TargetForm::authority));
  must(head.form == TargetForm::authority ? head.path.empty()
                                          : head.path == "*" || head.path[0] == '/');
  must(head.path.find('?') == std::string_view::npos);
  must(header.size() <= limits.fields);
  for (const jot::Field& f : header) {
    must_lie_in(f.name, bytes), must_lie_in(f.value, bytes);
    must(is_token(f.name) && is_field_value(f.value) && trim(f.value) == f.value);
    must(header.has(f.name));
  }
  jot::Header copy(header);
  must(copy.size() == header.size());
}

void check_framing(const Framing& framing, int minor, const jot::Header& header) {
  if (!framing.verdict.ok()) return;
  const bool has_length = header.has("Content-Length"),
             has_coding = header.has("Transfer-Encoding");
  must(!(has_length && has_coding));
  must(!(has_coding && minor == 0));
  must((framing.kind == BodyKind::chunked) == has_coding);
  must((framing.kind == BodyKind::length) == has_length);
}

// The cuts of one reading: each call gives the size of the next piece.
struct Cuts {
  std::string_view seed;  // empty: everything in one piece
  std::size_t next = 0;

  std::size_t piece(std::size_t rest) {
    if (seed.empty()) return rest;
    const std::size_t size = 1 + static_cast<unsigned char>(seed[next++ % seed.size()]) % 13;
    return std::min(size, rest);
  }
};

void read_head(std::string_view bytes, Cuts& cuts, Reading& r, RequestHead& head,
               jot::Header& header) {
  HeadScanner scanner;
  for (std::size_t seen = 0;;) {
    seen += cuts.piece(bytes.size() - seen);
    const auto state = scanner.scan(bytes.substr(0, seen), limits);
    must(scanner.scanned <= seen);
    if (state == HeadScanner::State::bad) {
      r.head_status = scanner.verdict.status, r.reason = scanner.verdict.reason;
      return;
    }
    if (state == HeadScanner::State::complete) break;
    must(seen - scanner.scanned <= 1);  // linear: nothing is looked at again but one CR
    if (seen == bytes.size()) return;
  }
  r.head_complete = true;
  r.head_length = scanner.length();
  must(scanner.head(bytes).size() <= limits.head);
  const Verdict v = parse_request(scanner.head(bytes), limits, head, header);
  r.head_status = v.status, r.reason = v.reason;
  if (v.ok()) check_head(bytes, head, header);
}

void read_body(std::string_view bytes, Cuts& cuts, const Framing& framing, Reading& r) {
  BodyDecoder decoder(framing, 200);
  for (std::size_t end = 0;;) {
    const BodyDecoder parked = decoder;
    decoder = parked;
    const std::string_view window = bytes.substr(r.body_consumed, end - r.body_consumed);
    const BodyStep step = decoder.feed(window);
    must(step.consumed <= window.size() && step.piece.size() <= step.consumed);
    if (!step.piece.empty()) must_lie_in(step.piece, window);
    must(step.state != BodyStep::State::more || window.empty() || step.consumed > 0);
    r.body += step.piece, r.trailer += step.trailer;
    r.body_consumed += step.consumed;
    must(decoder.total() == r.body.size());
    r.body_done = decoder.done();
    r.body_status = step.verdict.status;
    if (!step.verdict.ok()) r.reason = step.verdict.reason;
    if (step.state != BodyStep::State::more) return;
    if (r.body_consumed < end) continue;
    if (end == bytes.size()) return;
    end += cuts.piece(bytes.size() - end);
  }
}

Reading read_one(std::string_view bytes, Cuts cuts) {
  Reading r;
  RequestHead head;
  jot::Header header;
  read_head(bytes, cuts, r, head, header);
  if (!r.head_complete || r.head_status != 0) return r;
  const Framing framing = request_framing(head.minor, header);
  check_framing(framing, head.minor, header);
  r.framing_status = framing.verdict.status;
  if (!framing.verdict.ok()) return r.reason = framing.verdict.reason, r;
  read_body(bytes.substr(r.head_length), cuts, framing, r);
  if (framing.kind == BodyKind::length && r.body_done) must(r.body.size() == framing.length);
  jot::Header trailer;
  if (r.finished() && framing.kind == BodyKind::chunked) {
    must(parse_fields(r.trailer, 100, trailer).ok());
    must(r.trailer.size() <= 200);
  }
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view seed = bytes.substr(0, std::min<std::size_t>(size, 8));
  while (!bytes.empty()) {
    const Reading whole = read_one(bytes, {});
    must(whole == read_one(bytes, {seed}));
    must(whole == read_one(bytes, {std::string_view("\0", 1)}));  // byte by byte
    if (!whole.finished()) break;
    bytes.remove_prefix(whole.head_length + whole.body_consumed);
  }
  return 0;
}
