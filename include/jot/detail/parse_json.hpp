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
#include "ascii.hpp"        // first_mark, high_bits, load8, mark_below, mark_equal
#include "json_number.hpp"  // JsonNumber
#include "utf8.hpp"         // append_utf8, utf8_front
#include "write_json.hpp"   // json_depth

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <tuple>        // std::tuple
#include <utility>      // std::piecewise_construct

namespace jot::inline v1::detail {

class JsonParser {
 public:
  // Lifetime: text must outlive the parser.
  explicit JsonParser(std::string_view text) noexcept
      : begin_(text.data()), end_(begin_ + text.size()), at_(begin_) {}

  // Reads the whole document into `to`, once. Returns: false where it is not JSON; then `to` holds
  // what came before the problem().
  bool parse(Value& to) {
    if (std::string_view(begin_, end_).starts_with("\xEF\xBB\xBF")) {
      return fail("a byte order mark must not stand before JSON");
    }
    skip_space();
    if (!value(to)) return false;
    skip_space();
    return at_ == end_ || fail("want nothing more");
  }

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

  bool fail(const char* problem) noexcept {
    problem_ = problem;
    return false;
  }

  // Fills in `to`, which is null.
  bool value(Value& to) {
    switch (peek()) {
      case '{': return enter() && map(to.become_map());
      case '[': return enter() && list(to.become_list());
      case '"': return string(to);
      case 't': return word("true") && (to.set_bool(true), true);
      case 'f': return word("false") && (to.set_bool(false), true);
      case 'n': return word("null");
      default: return number(to);
    }
  }

  bool string(Value& to) {
    const std::string_view text = string();
    if (text.data() == nullptr) return false;
    to.become_string(text);
    return true;
  }

  bool word(std::string_view text) noexcept {
    if (!std::string_view(at_, end_).starts_with(text)) return fail("want a value");
    at_ += text.size();
    return true;
  }

  bool number(Value& to) {
    if (peek() != '-' && (peek() < '0' || peek() > '9')) return fail("want a value");
    JsonNumber number(at_, end_);
    const bool there = number.read();
    at_ = number.at();
    if (!there) return fail(number.problem());
    if (number.is_int())
      to.set_number(number.as_int());
    else
      to.set_number(number.as_double());
    return true;
  }

  // Takes an opening bracket; leave() the closing one.
  bool enter() noexcept {
    if (depth_ == json_depth) return fail("nested deeper than 512 levels");
    ++depth_, ++at_;
    skip_space();
    return true;
  }

  bool leave(char bracket, const char* problem) noexcept {
    --depth_;
    return skip(bracket) || fail(problem);
  }

  // Values are moved when a list grows, so it grows in large steps. The first is as long as the
  // list before, which often was of the same kind; not longer, for lists of one must not become a
  // way to turn few bytes into much memory.
  bool list(List& to) {
    if (peek() == ']') return leave(']', "");
    do {
      skip_space();
      if (to.size() == to.capacity()) to.reserve(to.empty() ? likely_size_ : 3 * to.size());
      if (!value(to.emplace_back())) return false;
      skip_space();
    } while (skip(','));
    likely_size_ = to.size();
    return leave(']', "want ',' or ']'");
  }

  bool map(Map& to) {
    if (peek() == '}') return leave('}', "");
    do {
      skip_space();
      if (peek() != '"')
        return fail(to.empty() ? "want a key in quotes or '}'" : "want a key in quotes");
      const std::string_view key = string();
      if (key.data() == nullptr) return false;
      Value& entry = at_key(to, key);
      skip_space();
      if (!skip(':')) return fail("want ':'");
      skip_space();
      if (!value(entry)) return false;
      skip_space();
    } while (skip(','));
    return leave('}', "want ',' or '}'");
  }

  // The value of that key, null. Of two with one key the last counts.
  static Value& at_key(Map& map, std::string_view key) {
    const std::size_t size = map.size();
    Value& v = map.emplace_hint(map.end(), std::piecewise_construct, std::tuple(key), std::tuple())
                   ->second;
    if (map.size() == size) v = nullptr;
    return v;
  }

  // From quote to quote. Returns: what it says, a part of the text or of unescaped_; data() is
  // nullptr where it fails.
  std::string_view string() {
    const char* first = ++at_;
    if (!skip_text()) return {};
    return *at_ == '"' ? std::string_view(first, at_++) : unescape(first);
  }

  // A string that began at `run`; the first backslash is next.
  std::string_view unescape(const char* run) {
    unescaped_.clear();
    while (*at_ == '\\') {
      unescaped_.append(run, at_++);
      if (!escape(unescaped_)) return {};
      run = at_;
      if (!skip_text()) return {};
    }
    return unescaped_.append(run, at_++);
  }

  // Goes on to the next quote or backslash.
  bool skip_text() noexcept {
    for (;;) {
      skip_plain();
      if (at_ == end_) return fail("want '\"'");
      if (*at_ == '"' || *at_ == '\\') return true;
      const std::size_t size = utf8_front({at_, end_}).size;
      if (size == 1) return fail("a control character must be escaped");
      if (size == 0) return fail("a byte that is not UTF-8");
      at_ += size;
    }
  }

  // Goes on to the next byte that is not plain: a quote, a backslash, a control character, or part
  // of a character beyond ASCII.
  void skip_plain() noexcept {
    for (; end_ - at_ >= 8; at_ += 8) {
      if (const std::uint64_t marks = not_plain(load8(at_))) {
        at_ += first_mark(marks);
        return;
      }
    }
    while (at_ != end_ && is_plain(*at_)) ++at_;
  }

  static bool is_plain(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  static std::uint64_t not_plain(std::uint64_t eight) noexcept {
    return (eight & high_bits) | mark_below(eight, ' ') | mark_equal(eight, '"') |
           mark_equal(eight, '\\');
  }

  // A backslash has been taken; what it means is appended.
  bool escape(std::string& to) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (skip('u')) return unicode_escape(to);
    const std::size_t i = at_ == end_ ? letters.npos : letters.find(*at_);
    if (i == letters.npos) return fail("want one of \"\\/bfnrtu after a backslash");
    ++at_;
    to += meanings[i];
    return true;
  }

  // \u has been taken. Beyond U+FFFF a character comes as two, a high and a low surrogate
  // (RFC 8259 section 7).
  bool unicode_escape(std::string& to) {
    const char* escape = at_ - 2;
    char32_t c = 0, low = 0;
    if (!hex4(c)) return false;
    if (c >= 0xD800 && c < 0xDC00 && std::string_view(at_, end_).starts_with("\\u")) {
      at_ += 2;
      if (!hex4(low)) return false;
      if (low >= 0xDC00 && low < 0xE000) c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c >= 0xD800 && c < 0xE000) return at_ = escape, fail("half of a surrogate pair");
    append_utf8(to, c);
    return true;
  }

  bool hex4(char32_t& c) noexcept {
    for (int i = 0; i < 4; ++i, ++at_) {
      const char digit = peek(), letter = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9')
        c = c << 4 | static_cast<char32_t>(digit - '0');
      else if (letter >= 'a' && letter <= 'f')
        c = c << 4 | static_cast<char32_t>(letter - 'a' + 10);
      else
        return fail("want four hex digits");
    }
    return true;
  }

  const char* const begin_;
  const char* const end_;
  const char* problem_ = nullptr;
  const char*
      at_;  // not beside end_: compilers would load both as one, right after a store to half
  int depth_ = 0;
  std::size_t likely_size_ = 2;  // of the next list
  std::string unescaped_;        // the last string that had escapes
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
