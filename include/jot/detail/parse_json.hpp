// SPDX-License-Identifier: MIT
//
// parse_json.hpp -- is this JSON, and what does it hold?
//
// In: a text. Out: its Value; or what is wrong with it, and where.
//
// One pass, one function for each rule of RFC 8259's grammar:
// 1. value() looks at one byte and knows which rule comes. Lists and maps call value() again, no
//    deeper than json_depth: a stranger's text must not decide how much stack we use.
// 2. Text is taken by the run: eight bytes at a time are looked at, and what lies between two
// escapes
//    is copied at once.
// 3. Elements of a list wait on pending_, shared by all levels, until their number is known.
// 4. Keys are usually sorted or nearly so: each entry is tried at the end of the map first.
// 5. A rule that fails notes the problem and returns whatever it has; its callers see failed() and
//    return at once. No exceptions: a stranger could make us throw all day.
#pragma once

#include "../value.hpp"     // List, Map, Value
#include "json_number.hpp"  // JsonNumber
#include "utf8.hpp"         // append_utf8, utf8_front
#include "write_json.hpp"   // json_depth

#include <cstddef>      // std::ptrdiff_t, std::size_t
#include <cstdint>      // std::uint64_t
#include <cstring>      // std::memcpy
#include <iterator>     // std::make_move_iterator
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

class JsonParser {
 public:
  // Lifetime: text must outlive the parser.
  explicit JsonParser(std::string_view text) noexcept
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // Reads the whole document, once. Returns: null when it failed().
  Value parse() {
    if (std::string_view(begin_, end_).starts_with("\xEF\xBB\xBF")) {
      return fail("a byte order mark must not stand before JSON");
    }
    skip_space();
    Value v = value();
    if (failed()) return {};
    skip_space();
    return at_ == end_ ? std::move(v) : fail("want nothing more");
  }

  bool failed() const noexcept { return problem_ != nullptr; }
  const char* problem() const noexcept { return problem_; }
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  // The next byte, NUL at the end: no rule wants a NUL, so there it fails as for any wrong byte.
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }

  bool skip(char c) noexcept {
    const bool there = peek() == c;
    at_ += there;
    return there;
  }

  void skip_space() noexcept {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }

  Value fail(const char* problem) noexcept {
    problem_ = problem;
    return {};
  }

  Value value() {
    switch (peek()) {
      case '{': return nested(&JsonParser::map);
      case '[': return nested(&JsonParser::list);
      case '"': return ++at_, string();
      case 't': return word("true", true);
      case 'f': return word("false", false);
      case 'n': return word("null", nullptr);
      default: return number();
    }
  }

  Value word(std::string_view text, Value meaning) {
    if (!std::string_view(at_, end_).starts_with(text)) return fail("want a value");
    at_ += text.size();
    return meaning;
  }

  Value number() {
    if (peek() != '-' && (peek() < '0' || peek() > '9')) return fail("want a value");
    JsonNumber number(at_, end_);
    Value v = number.read();
    at_ = number.at();
    problem_ = number.problem();
    return v;
  }

  Value nested(Value (JsonParser::*rule)()) {
    if (depth_ == json_depth) return fail("nested deeper than 512 levels");
    ++depth_;
    ++at_;
    skip_space();
    Value v = (this->*rule)();
    --depth_;
    return v;
  }

  Value list() {
    if (skip(']')) return List();
    const auto first = static_cast<std::ptrdiff_t>(pending_.size());
    do {
      skip_space();
      pending_.push_back(value());
      if (failed()) return {};
      skip_space();
    } while (skip(','));
    if (!skip(']')) return fail("want ',' or ']'");
    const auto from = pending_.begin() + first;
    List items(std::make_move_iterator(from), std::make_move_iterator(pending_.end()));
    pending_.erase(from, pending_.end());
    return items;
  }

  Value map() {
    Map entries;
    if (skip('}')) return entries;
    do {
      skip_space();
      if (!skip('"'))
        return fail(entries.empty() ? "want a key in quotes or '}'" : "want a key in quotes");
      std::string key = string();
      if (failed()) return {};
      skip_space();
      if (!skip(':')) return fail("want ':'");
      skip_space();
      Value v = value();
      if (failed()) return {};
      entries.insert_or_assign(entries.end(), std::move(key), std::move(v));
      skip_space();
    } while (skip(','));
    return skip('}') ? Value(std::move(entries)) : fail("want ',' or '}'");
  }

  // What follows an opening quote, up to and with the closing one.
  std::string string() {
    std::string text;
    const char* run = at_;  // [run, at_) is still to be copied
    for (;;) {
      skip_plain();
      if (at_ == end_) return fail("want '\"'"), text;
      if (*at_ == '"') return text.append(run, at_++), text;
      if (*at_ == '\\') {
        text.append(run, at_++);
        escape(text);
        run = at_;
      } else if (const std::size_t size = utf8_front({at_, end_}).size; size > 1) {
        at_ += size;
      } else {
        fail(size == 1 ? "a control character must be escaped" : "a byte that is not UTF-8");
      }
      if (failed()) return text;
    }
  }

  // Goes on to the next byte that is not plain: a quote, a backslash, a control character, or part
  // of a character beyond ASCII.
  void skip_plain() noexcept {
    std::uint64_t eight;
    while (end_ - at_ >= 8 && (std::memcpy(&eight, at_, 8), all_plain(eight))) at_ += 8;
    while (at_ != end_ && is_plain(*at_)) ++at_;
  }

  static bool is_plain(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  // Of each byte the top bit is set where it was set before, or where a subtraction went below
  // zero: of 0x20 for controls, of 1 for what the exclusive or has made zero. A borrow may mark a
  // byte too many, never one too few.
  static bool all_plain(std::uint64_t eight) noexcept {
    constexpr std::uint64_t each = 0x0101010101010101;
    const std::uint64_t quote = (eight ^ each * '"') - each;
    const std::uint64_t backslash = (eight ^ each * '\\') - each;
    const std::uint64_t control = eight - each * 0x20;
    return ((eight | quote | backslash | control) & each * 0x80) == 0;
  }

  // What follows a backslash.
  void escape(std::string& to) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (skip('u')) return unicode_escape(to);
    const std::size_t i = at_ == end_ ? letters.npos : letters.find(*at_);
    if (i == letters.npos) return void(fail("want one of \"\\/bfnrtu after a backslash"));
    ++at_;
    to += meanings[i];
  }

  // What follows \u. Characters beyond U+FFFF come as two, a high and a low surrogate (RFC 8259 s.
  // 7).
  void unicode_escape(std::string& to) {
    const char* escape = at_ - 2;
    char32_t c = hex4();
    if (failed()) return;
    if (c >= 0xD800 && c < 0xDC00 && std::string_view(at_, end_).starts_with("\\u")) {
      at_ += 2;
      const char32_t low = hex4();
      if (failed()) return;
      c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : c;
    }
    if (c >= 0xD800 && c < 0xE000) return at_ = escape, void(fail("half of a surrogate pair"));
    append_utf8(to, c);
  }

  char32_t hex4() noexcept {
    char32_t c = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char digit = peek(), letter = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9')
        c = c << 4 | static_cast<char32_t>(digit - '0');
      else if (letter >= 'a' && letter <= 'f')
        c = c << 4 | static_cast<char32_t>(letter - 'a' + 10);
      else
        return fail("want four hex digits"), U'\0';
    }
    return c;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* problem_ = nullptr;
  int depth_ = 0;
  List pending_;
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
