// SPDX-License-Identifier: MIT
//
// write_json.hpp -- how does a Value look as JSON?
//
// In: a Value. Out: its text (RFC 8259), entries in the order of their keys.
//
// 1. Plain bytes are appended by the run. What JSON wants escaped is; so are < > & U+2028 and
// U+2029,
//    which makes the text safe inside <script> and as JavaScript.
// 2. Strings that are not UTF-8 get U+FFFD for each byte that does not belong: the text is always
// UTF-8.
// 3. A double is written in the fewest digits that read back as the same double; with an exponent
//    where JavaScript writes one, below 1e-6 and from 1e21.
#pragma once

#include "../value.hpp"  // List, Map, Value, ValueError
#include "utf8.hpp"      // utf8_front

#include <array>        // std::array
#include <cfloat>       // DBL_MAX
#include <charconv>     // std::to_chars
#include <cstdint>      // std::int64_t
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

  // Throws ValueError: NaN or infinity, nested deeper than json_depth.
  void write(const Value& v) {
    switch (v.kind()) {
      case Value::Kind::null: to_ += "null"; return;
      case Value::Kind::boolean: to_ += v.as_bool() ? "true" : "false"; return;
      case Value::Kind::integer: write(v.as_int()); return;
      case Value::Kind::floating: write(v.as_double()); return;
      case Value::Kind::list: write(v.as_list()); return;
      case Value::Kind::map: write(v.as_map()); return;
      default: write(std::string_view(v.as_string())); return;
    }
  }

  void write(std::string_view text) {
    to_ += '"';
    std::size_t run = 0, i = 0;  // text[run, i) stands for itself and is not yet written
    while (i < text.size()) {
      if (is_plain(text[i])) {
        ++i;
        continue;
      }
      const Utf8 c = utf8_front(text.substr(i));
      const bool keep = c.size > 1 && c.code_point != 0x2028 && c.code_point != 0x2029;
      if (!keep) {
        to_.append(text, run, i - run);
        escape(c);
      }
      i += c.size == 0 ? 1 : c.size;
      if (!keep) run = i;
    }
    to_.append(text, run, text.npos) += '"';
  }

 private:
  static bool is_plain(char c) noexcept { return plain_[static_cast<unsigned char>(c)]; }

  // Bytes that stand for themselves and need no look at their neighbours.
  static constexpr std::array<bool, 256> plain_ = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
    for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
    return plain;
  }();

  // A character that must not stand for itself; one of size 0 is a byte that is not UTF-8.
  void escape(Utf8 c) {
    if (c.size == 0) return void(to_ += "\xEF\xBF\xBD");  // U+FFFD
    switch (c.code_point) {
      case '"': return void(to_ += "\\\"");
      case '\\': return void(to_ += "\\\\");
      case '\b': return void(to_ += "\\b");
      case '\f': return void(to_ += "\\f");
      case '\n': return void(to_ += "\\n");
      case '\r': return void(to_ += "\\r");
      case '\t': return void(to_ += "\\t");
      default: break;
    }
    constexpr char hex[] = "0123456789abcdef";
    to_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) to_ += hex[c.code_point >> shift & 0xF];
  }

  void write(std::int64_t n) {
    char digits[24];
    to_.append(digits, std::to_chars(digits, digits + sizeof(digits), n).ptr);
  }

  void write(double d) {
    const double size = d < 0 ? -d : d;
    if (!(size <= DBL_MAX)) {  // nor is NaN
      if (not_finite_ == NotFinite::refuse) throw ValueError("JSON has no NaN and no infinity");
      to_ += "null";
      return;
    }
    char digits[32];
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    to_.append(digits, std::to_chars(digits, digits + sizeof(digits), d, format).ptr);
  }

  void write(const List& list) {
    open('[');
    for (const Value& v : list) {
      next();
      write(v);
    }
    close(']');
  }

  void write(const Map& map) {
    open('{');
    for (const auto& [key, v] : map) {
      next();
      write(std::string_view(key));
      to_ += indent_ == 0 ? ":" : ": ";
      write(v);
    }
    close('}');
  }

  void open(char bracket) {
    if (++depth_ > json_depth) throw ValueError("nested too deep for JSON");
    to_ += bracket;
    first_ = true;
  }

  // Before each element: the comma after the one before, and a line of its own.
  void next() {
    if (!first_) to_ += ',';
    first_ = false;
    new_line();
  }

  void close(char bracket) {
    --depth_;
    if (!first_) new_line();  // there were elements
    to_ += bracket;
    first_ = false;
  }

  void new_line() {
    if (indent_ != 0) to_.append(1, '\n').append(indent_ * static_cast<std::size_t>(depth_), ' ');
  }

  std::string& to_;
  const std::size_t indent_;
  const NotFinite not_finite_;
  int depth_ = 0;
  bool first_ = true;
};

}  // namespace jot::inline v1::detail
