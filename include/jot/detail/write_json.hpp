// SPDX-License-Identifier: MIT
//
// write_json.hpp -- how does a Value look as JSON?
//
// In: a Value. Out: its text (RFC 8259), entries in the order of their keys.
//
// 1. All is written into a small buffer first, which goes to the text when it is full: a byte then
//    costs a comparison and a store, not a call.
// 2. Plain bytes are copied eight at a time. What JSON wants escaped is; so are < > & U+2028 and
//    U+2029, which makes the text safe inside <script> and as JavaScript.
// 3. Strings that are not UTF-8 get U+FFFD for each byte that does not belong: the text is always
//    UTF-8.
// 4. A double is written in the fewest digits that read back as the same double; with an exponent
//    where JavaScript writes one, below 1e-6 and from 1e21.
#pragma once

#include "../value.hpp"  // List, Map, Value, ValueError
#include "ascii.hpp"     // every_byte, first_mark, load8, load_few, rough_mark_equal, ...
#include "digits.hpp"    // eight_digits, write_digits, write_few_digits
#include "utf8.hpp"      // utf8_front

#include <array>        // std::array
#include <bit>          // std::countl_zero
#include <cfloat>       // DBL_MAX, FLT_EVAL_METHOD
#include <charconv>     // std::to_chars
#include <cmath>        // std::signbit
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How deep a document may be nested, read or written: each level costs stack.
inline constexpr int json_depth = 512;

// What NaN and the infinities become, which JSON cannot say.
enum class NotFinite { refuse, write_null };

class JsonWriter {
 public:
  // indent: spaces for each level; 0 writes all on one line.
  JsonWriter(std::string& to, int indent, NotFinite not_finite) noexcept
      : to_(to),
        indent_(indent > 0 ? static_cast<std::size_t>(indent) : 0),
        not_finite_(not_finite) {}

  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  // Throws ValueError: NaN or infinity, nested deeper than json_depth.
  void write(const Value& v) { flush(value(buffer_, v)); }
  void write(std::string_view s) { flush(string(buffer_, s)); }

 private:
  // Each of these writes something at `at` and returns where it ends, with room for some bytes more
  // behind it: a colon, a comma. (As a member, at would be loaded again after each byte stored,
  // which might have been a byte of it.)

  char* flush(char* at) {
    to_.append(buffer_, at);
    return buffer_;
  }

  // Returns: where `few` bytes may be written without asking again.
  static constexpr std::size_t few = 64;
  char* room(char* at) { return at > buffer_ + sizeof(buffer_) - few ? flush(at) : at; }

  char* put(char* at, std::string_view text) {
    at = room(at);
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  char* value(char* at, const Value& v) {
    switch (v.kind()) {
      case Value::Kind::null: return put(at, "null");
      case Value::Kind::boolean: return boolean(room(at), v.boolean_);
      case Value::Kind::integer: return integer(room(at), v.integer_);
      case Value::Kind::floating: return floating(room(at), v.floating_);
      case Value::Kind::list: return list(at, v.list_);
      case Value::Kind::map: return map(at, *v.map_);
      default: return string(at, v.text_);
    }
  }

  char* string(char* at, std::string_view s) {
    const char* from = s.data();
    const char* const last = from + s.size();
    at = room(at);
    for (*at++ = '"';; at = room(at)) {
      // Eight bytes are written, of which those count that stand for themselves. Where fewer are
      // left, NULs follow, which do not.
      const auto left = static_cast<std::size_t>(last - from);
      const std::uint64_t word = left >= 8 ? load8(from) : load_end(s, left);
      const std::uint64_t marks = not_plain(word);
      const std::size_t size = marks == 0 ? 8 : first_mark(marks);
      store8(at, word);
      at += size, from += size;
      if (marks == 0) continue;
      if (from == last) break;
      const Place behind = specials({at, from}, last);
      at = behind.at, from = behind.from;
    }
    *at++ = '"';
    return at;
  }

  // The last `left` bytes of s, fewer than eight; NULs follow. How many they are cannot be guessed,
  // so a long s is not asked: its last eight bytes are moved to where those begin.
  static std::uint64_t load_end(std::string_view s, std::size_t left) noexcept {
    const char* const last = s.data() + s.size();
    return s.size() < 8 ? load_few(last - left, left) : load8(last - 8) >> (56 - 8 * left) >> 8;
  }

  struct Place {
    char* at;
    const char* from;
  };

  // Writes a run of characters that are not plain. Returns: where both ends are.
  Place specials(Place place, const char* last) {
    do {
      const Utf8 c = utf8_front({place.from, last});
      place.at = special(place.at, c, place.from);
      place.from += c.size == 0 ? 1 : c.size;
    } while (place.from != last && !is_plain(*place.from));
    return place;
  }

  // < and > differ in one bit, and so do " and &.
  static std::uint64_t not_plain(std::uint64_t word) noexcept {
    const std::uint64_t marks = word | (word - every_byte * ' ') | rough_mark_equal(word, '\\') |
                                rough_mark_equal(word | every_byte * ('<' ^ '>'), '>') |
                                rough_mark_equal(word | every_byte * ('"' ^ '&'), '&');
    return marks & high_bits;
  }

  static bool is_plain(char c) noexcept { return plain_[static_cast<unsigned char>(c)]; }

  // Bytes that stand for themselves and need no look at their neighbours.
  static constexpr std::array<bool, 256> plain_ = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
    for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
    return plain;
  }();

  // A character that begins at `from`, escaped or beyond ASCII.
  char* special(char* at, Utf8 c, const char* from) {
    const bool keep = c.size > 1 && c.code_point != 0x2028 && c.code_point != 0x2029;
    return keep ? put(at, {from, c.size}) : escape(at, c);
  }

  // A character that must not stand for itself; one of size 0 is a byte that is not UTF-8.
  char* escape(char* at, Utf8 c) {
    if (c.size == 0) return put(at, "\xEF\xBF\xBD");  // U+FFFD
    switch (c.code_point) {
      case '"': return put(at, "\\\"");
      case '\\': return put(at, "\\\\");
      case '\b': return put(at, "\\b");
      case '\f': return put(at, "\\f");
      case '\n': return put(at, "\\n");
      case '\r': return put(at, "\\r");
      case '\t': return put(at, "\\t");
      default: break;
    }
    constexpr char hex[] = "0123456789abcdef";
    at = put(at, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4) *at++ = hex[c.code_point >> shift & 0xF];
    return at;
  }

  // Without a branch, which would be guessed wrong half of the time.
  static char* boolean(char* at, bool b) noexcept {
    static constexpr char words[] = "false   true    ";
    const std::size_t is_true = b ? 1 : 0;
    std::memcpy(at, words + 8 * is_true, 8);
    return at + 5 - is_true;
  }

  static char* integer(char* at, std::int64_t n) noexcept {
    if (n < 0) *at++ = '-';
    const auto size = static_cast<std::uint64_t>(n);
    return write_digits(at, n < 0 ? 0 - size : size);
  }

  char* floating(char* at, double d) const {
    if (char* behind = short_decimal(at, d)) return behind;
    const double size = d < 0 ? -d : d;
    if (!(size <= DBL_MAX)) {  // nor is NaN
      if (not_finite_ == NotFinite::refuse) throw ValueError("JSON has no NaN and no infinity");
      return at + std::string_view("null").copy(at, 4);
    }
    const bool plain = size >= 1e-6 && size < 1e21;
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    return std::to_chars(at, at + few, d, format).ptr;
  }

  // Most numbers that people write have nine digits or less behind the point. Such a decimal is a
  // whole number divided by 10^9; if the quotient is d, which has been rounded once, then the
  // decimal reads back as d. Below 2^52 no other decimal of nine places does, for they lie further
  // apart than doubles: none is shorter. Returns: nullptr when d is none of these.
  static char* short_decimal(char* at, double d) noexcept {
    const double size = d < 0 ? -d : d;
    if (FLT_EVAL_METHOD != 0 || !(size < 0x1p52 / 1e9)) return nullptr;  // nor is NaN
    const double rounded_up = size * 1e9 + 0.5;
    const auto billionths = static_cast<std::int64_t>(rounded_up);
    if (static_cast<double>(billionths) / 1e9 != size) return nullptr;
    if (billionths < 1000 && billionths != 0) return nullptr;  // wants an exponent
    if (std::signbit(d)) *at++ = '-';
    at = write_few_digits(at, static_cast<std::uint32_t>(billionths / 1'000'000'000));
    const auto fraction = static_cast<std::uint32_t>(billionths % 1'000'000'000);
    if (fraction == 0) return at;
    // The zeros at the end, which do not count, are the highest bytes of the last eight digits.
    *at++ = '.';
    *at++ = static_cast<char>('0' + fraction / 100'000'000);
    const std::uint64_t digits = eight_digits(fraction % 100'000'000);
    store8(at, digits | every_byte * '0');
    return at + 8 - std::countl_zero(digits) / 8;
  }

  // An integer is worth a question of its own here: those of a long list are then written without a
  // call for each.
  char* list(char* at, const List& list) {
    at = open(at, '[');
    for (const Value& v : list) {
      at = line(at);
      at = v.is_int() ? integer(room(at), v.integer_) : value(at, v);
      *at++ = ',';
    }
    return close(at, ']');
  }

  char* map(char* at, const Map& map) {
    at = open(at, '{');
    for (const auto& [key, v] : map) {
      at = string(line(at), key);
      *at++ = ':';
      if (indent_ != 0) *at++ = ' ';
      at = value(at, v);
      *at++ = ',';
    }
    return close(at, '}');
  }

  char* open(char* at, char bracket) {
    if (++depth_ > json_depth) throw ValueError("nested too deep for JSON");
    at = room(at);
    *at++ = bracket;
    return at;
  }

  // Before each element and behind the last: with indent, each has a line of its own.
  char* line(char* at) { return indent_ == 0 ? at : new_line(at); }

  // The comma behind the last element gives way.
  char* close(char* at, char bracket) {
    --depth_;
    if (at[-1] == ',') at = line(room(--at));
    *at++ = bracket;
    return at;
  }

  char* new_line(char* at) {
    at = flush(at);
    to_.append(1, '\n').append(indent_ * static_cast<std::size_t>(depth_), ' ');
    return at;
  }

  std::string& to_;
  const std::size_t indent_;
  const NotFinite not_finite_;
  int depth_ = 0;
  char buffer_[1024];  // what is not yet in to_
};

}  // namespace jot::inline v1::detail
