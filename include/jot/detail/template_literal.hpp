// SPDX-License-Identifier: MIT
//
// template_literal.hpp -- which value does this literal of a template mean?
//
// In: a number, a character or a text as written: 0x1F, 1_000, 'a', "\u00e9", `raw`. Out: the
// Value, or what is wrong with it, in the words of Go, whose literals these are.
#pragma once

#include "../value.hpp"  // Value
#include "ascii.hpp"     // hex_digit, is_digit, to_lower
#include "quote.hpp"     // in_quotes
#include "utf8.hpp"      // append_utf8, utf8_front

#include <charconv>      // std::chars_format, std::from_chars
#include <cstddef>       // std::size_t
#include <cstdint>       // std::int64_t, std::uint64_t
#include <limits>        // std::numeric_limits
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

// ---- texts and characters

// Reads one character, or an escape, from the front of s, which is not empty, and appends it.
// Returns: its code point, or its byte where \x and \ooo say so; nothing when it is no good.
class LiteralReader {
 public:
  LiteralReader(std::string_view s, char quote) noexcept : rest_(s), quote_(quote) {}

  bool at_end() const noexcept { return rest_.empty(); }

  std::optional<char32_t> read(std::string& to) {
    if (rest_[0] == quote_ || rest_[0] == '\n') return {};
    if (rest_[0] != '\\') return character(to);
    rest_.remove_prefix(1);
    if (rest_.empty()) return {};
    const char c = rest_[0];
    rest_.remove_prefix(1);
    switch (c) {
      case 'x': return byte(to, number(2, 16));
      case 'u': return code_point(to, number(4, 16));
      case 'U': return code_point(to, number(8, 16));
      case '\\': return to += c, char32_t{'\\'};
      case '\'':
      case '"':
        if (c != quote_) return {};
        return to += c, static_cast<char32_t>(c);
      default: break;
    }
    if (c >= '0' && c <= '7') {
      rest_ = std::string_view(rest_.data() - 1, rest_.size() + 1);
      return byte(to, number(3, 8));
    }
    constexpr std::string_view letters = "abtnvfr";
    const std::size_t i = letters.find(c);
    if (i == letters.npos) return {};
    return to += static_cast<char>('\a' + i), static_cast<char32_t>('\a' + i);
  }

 private:
  std::optional<char32_t> character(std::string& to) {
    const Utf8 c = utf8_front(rest_);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    to += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return c.size == 0 ? char32_t{0xFFFD} : c.code_point;
  }

  // Exactly so many digits.
  std::optional<std::uint64_t> number(std::size_t digits, unsigned base) {
    std::uint64_t n = 0;
    if (rest_.size() < digits) return {};
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_digit(rest_[i]);
      if (digit < 0 || static_cast<unsigned>(digit) >= base) return {};
      n = n * base + static_cast<unsigned>(digit);
    }
    rest_.remove_prefix(digits);
    return n;
  }

  static std::optional<char32_t> byte(std::string& to, std::optional<std::uint64_t> n) {
    if (!n || *n > 255) return {};
    to += static_cast<char>(*n);
    return static_cast<char32_t>(*n);
  }

  static std::optional<char32_t> code_point(std::string& to, std::optional<std::uint64_t> n) {
    if (!n || *n > 0x10FFFF || (*n >= 0xD800 && *n <= 0xDFFF)) return {};
    append_utf8(to, static_cast<char32_t>(*n));
    return static_cast<char32_t>(*n);
  }

  std::string_view rest_;
  const char quote_;
};

// literal: with its quotes, " or `. Returns: nothing when an escape in it is no good.
inline std::optional<std::string> unquote(std::string_view literal) {
  const char quote = literal[0];
  std::string text;
  literal = literal.substr(1, literal.size() - 2);
  if (quote == '`') {
    for (const char c : literal) {
      if (c != '\r') text += c;
    }
    return text;
  }
  for (LiteralReader reader(literal, quote); !reader.at_end();) {
    if (!reader.read(text)) return {};
  }
  return text;
}

// ---- numbers

struct Literal {
  Value value = {};          // a double for a whole number that only a uint could hold
  std::string problem = {};  // "": none
};

// literal: with its quotes, '.
inline Literal character_literal(std::string_view literal) {
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  LiteralReader reader(inner, '\'');
  std::string text;
  std::optional<char32_t> c;
  if (!reader.at_end()) c = reader.read(text);
  if (!c) return {{}, "invalid syntax"};
  if (!reader.at_end()) return {{}, "malformed character constant: " + std::string(literal)};
  return {static_cast<std::int64_t>(*c), {}};
}

// Has a number neither point nor exponent?
constexpr bool is_written_whole(std::string_view number) noexcept {
  const bool is_hex = number.find_first_of("xX") != number.npos;
  return number.find_first_of(is_hex ? ".pP" : ".eEpP") == number.npos;
}

class NumberLiteral {
 public:
  explicit NumberLiteral(std::string_view literal) : written_(literal) {}

  Literal read() {
    if (written_.ends_with('i'))
      return {{}, "imaginary numbers are not supported: " + in_quotes(written_)};
    if (!take_apart()) return bad();
    if (Literal whole; read_int(whole)) return whole;
    if (is_written_whole(written_)) return not_an_int();
    return read_float();
  }

 private:
  Literal bad() const { return {{}, "illegal number syntax: " + in_quotes(written_)}; }

  Literal not_an_int() const {
    double d = 0;
    if (base_ != 10 || !to_double(d)) return bad();
    return {{}, "integer overflow: " + in_quotes(written_)};
  }

  // Sign, base and digits, without the '_' between them.
  bool take_apart() {
    std::string_view s = written_;
    if (s.starts_with('-') || s.starts_with('+')) is_negative_ = s[0] == '-', s.remove_prefix(1);
    bool after_digit = false;
    if (s.size() > 1 && s[0] == '0') {
      const char letter = to_lower(s[1]);
      base_ = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      is_hex_ = base_ == 16;
      if (base_ != 10) s.remove_prefix(2), after_digit = true;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      const bool digit = is_hex_ ? hex_digit(s[i]) >= 0 : is_digit(s[i]);
      if (s[i] == '_') {
        if (!after_digit || i + 1 == s.size()) return false;
      } else if (i > 0 && s[i - 1] == '_' && !digit) {
        return false;
      } else {
        digits_ += s[i];
      }
      after_digit = digit;
    }
    return !digits_.empty();
  }

  bool read_int(Literal& to) const {
    int base = base_;
    // 017 is octal.
    if (base == 10 && digits_.size() > 1 && digits_[0] == '0') base = 8;
    std::uint64_t n = 0;
    const char* const end = digits_.data() + digits_.size();
    const auto read = std::from_chars(digits_.data(), end, n, base);
    if (read.ec != std::errc() || read.ptr != end) return false;
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (is_negative_ && n > most + 1) return false;
    if (is_negative_) return to.value = static_cast<std::int64_t>(0 - n), true;
    to.value = n <= most ? Value(static_cast<std::int64_t>(n)) : Value(static_cast<double>(n));
    return written_[0] != '+' || n <= most;
  }

  bool to_double(double& d) const {
    const char* const end = digits_.data() + digits_.size();
    const auto format = is_hex_ ? std::chars_format::hex : std::chars_format::general;
    const auto read = std::from_chars(digits_.data(), end, d, format);
    if (read.ptr != end) return false;
    if (read.ec == std::errc::result_out_of_range) return is_small(d);
    return read.ec == std::errc();
  }

  // Too small for a double is 0; too large is an error.
  bool is_small(double& d) const noexcept {
    const std::size_t e = digits_.find_first_of(is_hex_ ? "pP" : "eE");
    const bool small = e != digits_.npos && e + 1 < digits_.size() && digits_[e + 1] == '-';
    d = 0;
    return small || digits_.find_first_not_of("0.") == digits_.npos;
  }

  Literal read_float() const {
    double d = 0;
    const bool has_exponent = digits_.find_first_of("pP") != digits_.npos;
    if ((base_ != 10 && base_ != 16) || is_hex_ != has_exponent || !to_double(d)) return bad();
    return {is_negative_ ? -d : d, {}};
  }

  const std::string_view written_;
  std::string digits_;
  int base_ = 10;
  bool is_hex_ = false;
  bool is_negative_ = false;
};

inline Literal number_literal(std::string_view literal) { return NumberLiteral(literal).read(); }

}  // namespace jot::inline v1::detail
