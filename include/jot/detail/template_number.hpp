// SPDX-License-Identifier: MIT
//
// template_number.hpp -- how does printf write a number?
//
// In: an int or a double, a verb, and flags, width and precision. Out: what Go's fmt prints for
// them, appended to a string.
#pragma once

#include "ascii.hpp"      // is_digit
#include "printable.hpp"  // is_printable
#include "quote.hpp"      // append_quoted_char, QuoteStyle
#include "utf8.hpp"       // append_utf8, utf8_front

#include <bit>          // std::bit_cast
#include <charconv>     // std::chars_format, std::to_chars
#include <cmath>        // std::isfinite, std::isnan, std::signbit
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What stands between % and the verb.
struct PrintFlags {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool go_syntax = false;  // %#v
  bool has_precision = false;
  bool has_width = false;
  int precision = 0;
  int width = 0;
};

// Characters, or what Go counts as such: a byte that is no UTF-8 is one, too.
inline std::size_t count_chars(std::string_view s) noexcept {
  std::size_t count = 0;
  for (; !s.empty(); ++count) {
    const std::size_t size = utf8_front(s).size;
    s.remove_prefix(size == 0 ? 1 : size);
  }
  return count;
}

// Appends s, filled up to the width.
inline void append_padded(std::string& to, std::string_view s, const PrintFlags& flags) {
  const std::size_t width = flags.has_width ? static_cast<std::size_t>(flags.width) : 0;
  const std::size_t size = width == 0 ? 0 : count_chars(s);
  const std::size_t fill = width > size ? width - size : 0;
  if (!flags.minus) to.append(fill, flags.zero ? '0' : ' ');
  to += s;
  if (flags.minus) to.append(fill, ' ');
}

// The same, but spaces fill it whatever the flags say.
inline void append_spaced(std::string& to, std::string_view s, PrintFlags flags) {
  flags.zero = false;
  append_padded(to, s, flags);
}

inline char32_t to_code_point(std::int64_t n) noexcept {
  const bool is_scalar = n >= 0 && n <= 0x10FFFF && (n < 0xD800 || n > 0xDFFF);
  return is_scalar ? static_cast<char32_t>(n) : char32_t{0xFFFD};
}

// ---- integers

inline std::string digits_of(std::uint64_t n, unsigned base, bool upper = false) {
  // A pointer, because g++ 12 with -fsanitize=undefined indexes a choice of two arrays wrongly.
  const char* const all = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), all[n % base]);
  } while ((n /= base) != 0);
  return digits;
}

inline void append_integer_in(std::string& to, std::int64_t n, unsigned base, char verb,
                              const PrintFlags& flags) {
  const auto bits = static_cast<std::uint64_t>(n);
  const bool has_sign = n < 0 || flags.plus || flags.space;
  if (flags.has_precision && flags.precision == 0 && n == 0) return append_spaced(to, "", flags);

  std::string s = digits_of(n < 0 ? 0 - bits : bits, base, verb == 'X');
  int least = 0;  // that many digits: zeros fill up to the precision, or else to the width
  if (flags.has_precision)
    least = flags.precision;
  else if (flags.zero && !flags.minus && flags.has_width)
    least = flags.width - (has_sign ? 1 : 0);
  if (least > static_cast<int>(s.size()))
    s.insert(0, static_cast<std::size_t>(least) - s.size(), '0');

  if (flags.sharp && base == 2) s.insert(0, "0b");
  if (flags.sharp && base == 8 && s[0] != '0') s.insert(0, "0");
  if (flags.sharp && base == 16) s.insert(0, verb == 'X' ? "0X" : "0x");
  if (verb == 'O') s.insert(0, "0o");
  if (has_sign) s.insert(0, 1, n < 0 ? '-' : flags.plus ? '+' : ' ');
  append_spaced(to, s, flags);
}

// %U: U+0078, and with # also 'x'.
inline void append_code_point(std::string& to, std::int64_t n, const PrintFlags& flags) {
  std::string s = digits_of(static_cast<std::uint64_t>(n), 16, true);
  const int least = flags.has_precision && flags.precision > 4 ? flags.precision : 4;
  if (least > static_cast<int>(s.size()))
    s.insert(0, static_cast<std::size_t>(least) - s.size(), '0');
  s.insert(0, "U+");
  if (flags.sharp && n >= 0 && n <= 0x10FFFF && is_printable(static_cast<char32_t>(n)))
    s += " '", append_utf8(s, static_cast<char32_t>(n)), s += '\'';
  append_spaced(to, s, flags);
}

// Returns: false, and nothing is appended, for a verb that does not go with integers.
inline bool append_integer(std::string& to, std::int64_t n, char32_t verb,
                           const PrintFlags& flags) {
  std::string s;
  switch (verb) {
    case 'v':
    case 'd': return append_integer_in(to, n, 10, 'd', flags), true;
    case 'b': return append_integer_in(to, n, 2, 'b', flags), true;
    case 'o':
    case 'O': return append_integer_in(to, n, 8, static_cast<char>(verb), flags), true;
    case 'x':
    case 'X': return append_integer_in(to, n, 16, static_cast<char>(verb), flags), true;
    case 'U': return append_code_point(to, n, flags), true;
    case 'c': return append_utf8(s, to_code_point(n)), append_padded(to, s, flags), true;
    case 'q':
      s += '\'';
      append_quoted_char(s, to_code_point(n), '\'',
                         flags.plus ? QuoteStyle::ascii : QuoteStyle::printable);
      s += '\'';
      return append_padded(to, s, flags), true;
    default: return false;
  }
}

// ---- floats: digits first, without sign or padding

// What std::to_chars says of a number that is finite and not negative.
inline std::string float_chars(double d, std::chars_format format, int precision) {
  std::string s(400 + static_cast<std::size_t>(precision < 0 ? 0 : precision), '\0');
  const auto end = precision < 0
                       ? std::to_chars(s.data(), s.data() + s.size(), d, format)
                       : std::to_chars(s.data(), s.data() + s.size(), d, format, precision);
  s.resize(static_cast<std::size_t>(end.ptr - s.data()));
  return s;
}

// As few digits as tell it from all other doubles; with an exponent below 1e-4 and from 1e6 on.
inline std::string shortest_float(double d) {
  std::string s = float_chars(d, std::chars_format::scientific, -1);
  const std::size_t e = s.find('e');
  int exponent = 0;
  for (std::size_t i = e + 2; i < s.size(); ++i) exponent = exponent * 10 + (s[i] - '0');
  if (s[e + 1] == '-') exponent = -exponent;
  if (exponent < -4 || exponent >= 6) return s;
  return float_chars(d, std::chars_format::fixed, -1);
}

struct BinaryFloat {
  std::uint64_t mantissa;
  int exponent;  // the number is mantissa * 2^exponent
};

inline BinaryFloat take_apart(double d) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(d);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int biased = static_cast<int>(bits >> 52 & 0x7FF);
  if (biased == 0) return {fraction, -1074};
  return {fraction | std::uint64_t{1} << 52, biased - 1075};
}

// %x: one digit, which is 1, before the point, and the exponent in at least two digits.
inline std::string hex_float(double d, int precision) {
  const BinaryFloat parts = take_apart(d);
  std::uint64_t m = parts.mantissa;
  int exponent = m == 0 ? 0 : parts.exponent + 52;
  constexpr std::uint64_t one = std::uint64_t{1} << 60;
  m <<= 8;
  for (; m != 0 && m < one; m <<= 1) --exponent;
  if (precision >= 0 && precision < 15) {  // rounds half to even
    const int rest = 60 - 4 * precision;
    const std::uint64_t cut = m & ((std::uint64_t{1} << rest) - 1);
    const std::uint64_t half = std::uint64_t{1} << (rest - 1);
    m >>= rest;
    if (cut > half || (cut == half && m % 2 == 1)) ++m;
    m <<= rest;
    if (m >= 2 * one) m >>= 1, ++exponent;
  }
  std::string s = m < one ? "0x0" : "0x1";
  std::uint64_t fraction = m << 4;
  if (precision > 0 || (precision < 0 && fraction != 0)) s += '.';
  for (int i = 0; precision < 0 ? fraction != 0 : i < precision; ++i, fraction <<= 4)
    s += "0123456789abcdef"[fraction >> 60];
  s += exponent < 0 ? "p-" : "p+";
  const std::string e =
      digits_of(static_cast<std::uint64_t>(exponent < 0 ? -exponent : exponent), 10);
  return s += e.size() < 2 ? "0" + e : e;
}

inline std::string float_digits(double d, char32_t verb, int precision) {
  switch (verb) {
    case 'b': {
      const auto [mantissa, exponent] = take_apart(d);
      std::string s = digits_of(mantissa, 10) + (exponent < 0 ? "p-" : "p+");
      return s += digits_of(static_cast<std::uint64_t>(exponent < 0 ? -exponent : exponent), 10);
    }
    case 'x':
    case 'X': return hex_float(d, precision);
    case 'e':
    case 'E': return float_chars(d, std::chars_format::scientific, precision < 0 ? 6 : precision);
    case 'f':
    case 'F': return float_chars(d, std::chars_format::fixed, precision < 0 ? 6 : precision);
    default:
      if (precision < 0) return shortest_float(d);
      return float_chars(d, std::chars_format::general, precision);
  }
}

// The # flag: always a point, and %g keeps the zeros behind it.
inline void force_point(std::string& s, char32_t verb, int precision) {
  const bool is_hex = verb == 'x' || verb == 'X';
  int wanted = 0;  // significant digits
  if (verb == 'v' || verb == 'g' || verb == 'G' || verb == 'x')
    wanted = precision < 0 ? 6 : precision;
  std::size_t end = s.find_first_of(is_hex ? "pP" : "eE");
  if (end == s.npos) end = s.size();
  bool has_point = false;
  bool has_begun = false;  // zeros that lead do not count
  for (std::size_t i = 0; i < end; ++i) {
    if (s[i] == '.') {
      has_point = true;
    } else {
      has_begun = has_begun || s[i] != '0';
      if (has_begun) --wanted;
    }
  }
  std::string more;
  if (!has_point) {
    if (end == 1 && s[0] == '0') --wanted;
    more = ".";
  }
  if (wanted > 0) more.append(static_cast<std::size_t>(wanted), '0');
  s.insert(end, more);
}

inline bool is_float_verb(char32_t verb) noexcept {
  return verb < 0x80 &&
         std::string_view("vbgGxXfFeE").find(static_cast<char>(verb)) != std::string_view::npos;
}

// Returns: false, and nothing is appended, for a verb that does not go with floats.
inline bool append_float(std::string& to, double d, char32_t verb, const PrintFlags& flags) {
  if (!is_float_verb(verb)) return false;
  const bool is_negative = std::signbit(d) && !std::isnan(d);
  const char sign = is_negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '\0';
  std::string s;
  if (!std::isfinite(d)) {
    if (sign != '\0' || !std::isnan(d)) s += sign == '\0' ? '+' : sign;
    s += std::isnan(d) ? "NaN" : "Inf";
    return append_spaced(to, s, flags), true;
  }
  const int precision = flags.has_precision ? flags.precision : -1;
  s = float_digits(is_negative ? -d : d, verb, precision);
  if (verb == 'G' || verb == 'E' || verb == 'X') {
    for (char& c : s) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  if (flags.sharp && verb != 'b') force_point(s, verb, precision);
  if (sign == '\0') return append_padded(to, s, flags), true;
  if (flags.zero && !flags.minus && flags.has_width && flags.width > static_cast<int>(s.size()) + 1)
    s.insert(0, static_cast<std::size_t>(flags.width) - s.size() - 1, '0');
  s.insert(0, 1, sign);
  return append_padded(to, s, flags), true;
}

}  // namespace jot::inline v1::detail
