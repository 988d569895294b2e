// SPDX-License-Identifier: MIT
//
// parse_json.hpp -- is this JSON, and what does it hold?
//
// In: a text. Out: its Value; or what is wrong with it, and where.
//
// One pass, one function for each rule of RFC 8259's grammar:
// 1. value() looks at one byte and knows which rule comes. Lists and maps call value() again, no
//    deeper than json_depth: a stranger's text must not decide how much stack we use.
// 2. Text is taken by the run: eight bytes are looked at at a time. A string without escapes is
//    copied once, from the text to where it stays.
// 3. Each value is filled in where it will stay: nothing is made to be moved.
// 4. Keys often come sorted: each entry is tried at the end of the map first.
// 5. A rule that fails notes the problem and returns false, and so do its callers. No exceptions: a
//    stranger could make us throw all day.
#pragma once

#include "../value.hpp"     // List, Map, Value
#include "ascii.hpp"        // every_byte, first_mark, high_bits, load8, rough_mark_equal
#include "json_number.hpp"  // JsonNumber
#include "utf8.hpp"         // append_utf8, utf8_front
#include "write_json.hpp"   // json_depth

#include <cstddef>      // std::nullptr_t, std::size_t
#include <cstdint>      // std::uint64_t
#include <cstring>      // std::memcmp
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <tuple>        // std::tuple
#include <utility>      // std::exchange, std::piecewise_construct

namespace jot::inline v1::detail {

class JsonParser {
 public:
  // Lifetime: text must outlive the parser.
  explicit JsonParser(std::string_view text) noexcept
      : begin_(text.data()), end_(begin_ + text.size()), at_(begin_) {}

  // Reads the whole document into `to`, once. Returns: false where it is not JSON; then `to` holds
  // what came before the problem().
  bool parse(Value& to) { return document(to) != nullptr; }

  const char* problem() const noexcept { return problem_; }
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  // Each rule gets where it begins and returns where it ends, or what fail() returns. (A member
  // would go through memory at each step; an argument stays in a register.)

  std::nullptr_t fail(const char* at, const char* problem) noexcept {
    at_ = at;
    problem_ = problem;
    return nullptr;
  }

  const char* document(Value& to) {
    if (std::string_view(begin_, end_).starts_with("\xEF\xBB\xBF"))
      return fail(begin_, "a byte order mark must not stand before JSON");
    const char* at = value(skip_space(begin_), to);
    if (at == nullptr) return nullptr;
    at = skip_space(at);
    return at == end_ ? at : fail(at, "want nothing more");
  }

  // The byte there, NUL at the end: no rule wants a NUL, so there it fails as for any wrong byte.
  char peek(const char* at) const noexcept { return at != end_ ? *at : '\0'; }

  const char* skip_space(const char* at) const noexcept {
    if (peek(at) > ' ') return at;  // mostly
    while (peek(at) == ' ' || peek(at) == '\n' || peek(at) == '\r' || peek(at) == '\t') ++at;
    return at;
  }

  // Fills in `to`, which is null.
  const char* value(const char* at, Value& to) {
    switch (peek(at)) {
      case '{': return map(at, to.become_map());
      case '[': return list(at, to.become_list());
      case '"': return string(at, to);
      case 't': to.set_bool(true); return word(at, "true");
      case 'f': to.set_bool(false); return word(at, "false");
      case 'n': return word(at, "null");
      default: return number(at, to);
    }
  }

  // text is a literal: its size is known, and comparing it takes no call.
  template <std::size_t N>
  const char* word(const char* at, const char (&text)[N]) noexcept {
    constexpr std::size_t size = N - 1;
    if (static_cast<std::size_t>(end_ - at) < size || std::memcmp(at, text, size) != 0)
      return fail(at, "want a value");
    return at + size;
  }

  const char* number(const char* at, Value& to) {
    if (peek(at) != '-' && (peek(at) < '0' || peek(at) > '9')) return fail(at, "want a value");
    JsonNumber number(at, end_);
    if (!number.read()) return fail(number.at(), number.problem());
    if (number.is_int())
      to.set_number(number.as_int());
    else
      to.set_number(number.as_double());
    return number.at();
  }

  const char* string(const char* at, Value& to) {
    const std::string_view text = string(at);
    if (text.data() == nullptr) return nullptr;
    to.become_string(text);
    return at_;
  }

  // Takes an opening bracket and the space behind it; leave() the closing one.
  const char* enter(const char* at) noexcept {
    if (depth_ == json_depth) return fail(at, "nested deeper than 512 levels");
    ++depth_;
    return skip_space(at + 1);
  }

  const char* leave(const char* at, char bracket, const char* problem) noexcept {
    --depth_;
    return peek(at) == bracket ? at + 1 : fail(at, problem);
  }

  // Values are moved when a list grows, so it grows in large steps. The first is as long as the
  // list before, which often was of the same kind. Neither lists of one nor lists within lists must
  // become a way to turn few bytes into much memory: each size is guessed from once, and only the
  // next list is.
  const char* list(const char* at, List& to) {
    at = enter(at);
    if (at == nullptr) return nullptr;
    if (peek(at) == ']') return leave(at, ']', "");
    for (;; ++at) {
      if (to.size() == to.capacity()) to.reserve(to.empty() ? guess_size() : 3 * to.size());
      at = value(skip_space(at), to.emplace_back());
      if (at == nullptr) return nullptr;
      at = skip_space(at);
      if (peek(at) != ',') break;
    }
    likely_size_ = to.size();
    return leave(at, ']', "want ',' or ']'");
  }

  std::size_t guess_size() noexcept { return std::exchange(likely_size_, shortest_); }

  const char* map(const char* at, Map& to) {
    at = enter(at);
    if (at == nullptr) return nullptr;
    if (peek(at) == '}') return leave(at, '}', "");
    for (;; ++at) {
      at = skip_space(at);
      if (peek(at) != '"')
        return fail(at, to.empty() ? "want a key in quotes or '}'" : "want a key in quotes");
      const std::string_view key = string(at);
      if (key.data() == nullptr) return nullptr;
      Value& entry = at_key(to, key);
      at = skip_space(at_);
      if (peek(at) != ':') return fail(at, "want ':'");
      at = value(skip_space(at + 1), entry);
      if (at == nullptr) return nullptr;
      at = skip_space(at);
      if (peek(at) != ',') break;
    }
    return leave(at, '}', "want ',' or '}'");
  }

  // The value of that key, null. Of two with one key the last counts.
  static Value& at_key(Map& map, std::string_view key) {
    const std::size_t size = map.size();
    Value& v = map.emplace_hint(map.end(), std::piecewise_construct, std::tuple(key), std::tuple())
                   ->second;
    if (map.size() == size) v = nullptr;
    return v;
  }

  // From quote to quote; at_ goes behind. Returns: what it says, a part of the text or of
  // unescaped_; data() is nullptr where it fails.
  std::string_view string(const char* at) {
    const char* const first = at + 1;
    const char* const last = skip_text(first);
    if (last == nullptr) return {};
    if (*last == '\\') return unescape(first, last);
    at_ = last + 1;
    return {first, last};
  }

  // A string that began at `run` and has its first backslash at `at`.
  std::string_view unescape(const char* run, const char* at) {
    unescaped_.clear();
    while (*at == '\\') {
      unescaped_.append(run, at);
      run = escape(at + 1);
      if (run == nullptr) return {};
      at = skip_text(run);
      if (at == nullptr) return {};
    }
    at_ = at + 1;
    return unescaped_.append(run, at);
  }

  // The next quote or backslash.
  const char* skip_text(const char* at) noexcept {
    for (;;) {
      at = skip_plain(at);
      if (at == end_) return fail(at, "want '\"'");
      if (*at == '"' || *at == '\\') return at;
      const std::size_t size = utf8_front({at, end_}).size;
      if (size == 1) return fail(at, "a control character must be escaped");
      if (size == 0) return fail(at, "a byte that is not UTF-8");
      at += size;
    }
  }

  // The next byte that is not plain: a quote, a backslash, a control character, or part of a
  // character beyond ASCII.
  const char* skip_plain(const char* at) const noexcept {
    for (; end_ - at >= 8; at += 8) {
      if (const std::uint64_t marks = not_plain(load8(at))) return at + first_mark(marks);
    }
    while (at != end_ && is_plain(*at)) ++at;
    return at;
  }

  static bool is_plain(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  static std::uint64_t not_plain(std::uint64_t word) noexcept {
    const std::uint64_t marks = word | (word - every_byte * ' ') | rough_mark_equal(word, '"') |
                                rough_mark_equal(word, '\\');
    return marks & high_bits;
  }

  // What a backslash before `at` means is appended to unescaped_.
  const char* escape(const char* at) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (peek(at) == 'u') return unicode_escape(at + 1);
    const std::size_t i = at == end_ ? letters.npos : letters.find(*at);
    if (i == letters.npos) return fail(at, "want one of \"\\/bfnrtu after a backslash");
    unescaped_ += meanings[i];
    return at + 1;
  }

  // What stands behind \u. Beyond U+FFFF a character comes as two, a high and a low surrogate
  // (RFC 8259 section 7).
  const char* unicode_escape(const char* at) {
    const char* const escape = at - 2;
    char32_t c = 0, low = 0;
    at = hex4(at, c);
    if (at == nullptr) return nullptr;
    if (c >= 0xD800 && c < 0xDC00 && std::string_view(at, end_).starts_with("\\u")) {
      at = hex4(at + 2, low);
      if (at == nullptr) return nullptr;
      if (low >= 0xDC00 && low < 0xE000) c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c >= 0xD800 && c < 0xE000) return fail(escape, "half of a surrogate pair");
    append_utf8(unescaped_, c);
    return at;
  }

  const char* hex4(const char* at, char32_t& c) noexcept {
    for (int i = 0; i < 4; ++i, ++at) {
      const char digit = peek(at), letter = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9')
        c = c << 4 | static_cast<char32_t>(digit - '0');
      else if (letter >= 'a' && letter <= 'f')
        c = c << 4 | static_cast<char32_t>(letter - 'a' + 10);
      else
        return fail(at, "want four hex digits");
    }
    return at;
  }

  const char* const begin_;
  const char* const end_;
  const char* at_;  // behind the last string, or where it went wrong
  const char* problem_ = nullptr;
  int depth_ = 0;
  static constexpr std::size_t shortest_ = 2;
  std::size_t likely_size_ = shortest_;  // of the next list
  std::string unescaped_;                // the last string that had escapes
};

// Line and column of text[offset], from 1. A column is a character: its first byte is counted.
struct TextPosition {
  int line = 1, column = 1;
};

inline TextPosition position_in(std::string_view text, std::size_t offset) noexcept {
  TextPosition at;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n')
      ++at.line, at.column = 1;
    else if ((c & 0xC0) != 0x80)
      ++at.column;
  }
  return at;
}

}  // namespace jot::inline v1::detail
