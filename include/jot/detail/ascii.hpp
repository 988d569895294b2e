// SPDX-License-Identifier: MIT
//
// ascii.hpp -- which kind of byte is this?
//
// One table of 256 bytes answers all questions of HTTP's grammar; nothing here looks at the locale.
// See RFC 9110 section 5.6 (tokens, whitespace) and RFC 3986 section 2 (URLs).
#pragma once

#include <bit>          // std::countr_zero, std::endian
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The kinds a byte can be of; a byte may be of several.
enum ByteKind : unsigned char {
  byte_token = 1,        // method, field name
  byte_value = 2,        // field value: no control character but the tab
  byte_digit = 4,        // 0-9
  byte_hex = 8,          // 0-9 a-f A-F
  byte_alpha = 16,       // a-z A-Z
  byte_unreserved = 32,  // stands for itself in every part of a URL
  byte_target = 64,      // visible ASCII
  byte_host = 128,       // a registered name in a URL: unreserved, sub-delims, %
};

struct ByteTable {
  unsigned char kinds[256] = {};
  char lower[256] = {};

  constexpr ByteTable() {
    for (int c = 0; c < 256; ++c) {
      lower[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      if ((c >= 0x20 && c != 0x7f) || c == '\t') mark(c, byte_value);
      if (c > 0x20 && c < 0x7f) mark(c, byte_target);
    }
    constexpr unsigned char everywhere = byte_token | byte_unreserved | byte_host;
    for (int c = '0'; c <= '9'; ++c) mark(c, byte_digit | byte_hex | everywhere);
    for (int c = 'a'; c <= 'z'; ++c) mark(c, byte_alpha | everywhere);
    for (int c = 'A'; c <= 'Z'; ++c) mark(c, byte_alpha | everywhere);
    for (int c = 'a'; c <= 'f'; ++c) mark(c, byte_hex), mark(c - 32, byte_hex);
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) mark(c, byte_token);
    for (const char c : std::string_view("-._~")) mark(c, byte_unreserved | byte_host);
    for (const char c : std::string_view("!$&'()*+,;=%")) mark(c, byte_host);
  }

  constexpr void mark(int c, int kind) {
    kinds[c] = static_cast<unsigned char>(kinds[c] | static_cast<unsigned char>(kind));
  }
};

inline constexpr ByteTable byte_table{};

constexpr bool is_a(char c, ByteKind kind) noexcept {
  return (byte_table.kinds[static_cast<unsigned char>(c)] & kind) != 0;
}

// Are all bytes of that kind? True for no bytes at all.
constexpr bool all_are(std::string_view s, ByteKind kind) noexcept {
  for (const char c : s) {
    if (!is_a(c, kind)) return false;
  }
  return true;
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }  // OWS

constexpr bool is_token(std::string_view s) noexcept {
  return !s.empty() && all_are(s, byte_token);
}

constexpr bool is_field_value(std::string_view s) noexcept { return all_are(s, byte_value); }

// Returns: 0 to 15; -1 when c is not a hex digit.
constexpr int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (!is_a(c, byte_hex)) return -1;
  return (c | 32) - 'a' + 10;
}

constexpr char to_lower(char c) noexcept { return byte_table.lower[static_cast<unsigned char>(c)]; }

// Equal without regard to ASCII case?
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Without the spaces and tabs at both ends.
constexpr std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

// Cuts the next element off a comma-separated list, trimmed; it may be empty.
constexpr std::string_view next_in_list(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return trim(element);
}

// Is that token in the comma-separated list, without regard to case?
constexpr bool list_has(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    if (iequals(next_in_list(list), token)) return true;
  }
  return false;
}

// For messages: what is not visible ASCII becomes '?', what is long is cut.
inline std::string printable(std::string_view s) {
  constexpr std::size_t longest = 64;
  std::string shown(s.substr(0, longest));
  for (char& c : shown) {
    if (c != ' ' && !is_a(c, byte_target)) c = '?';
  }
  if (s.size() > longest) shown += "...";
  return shown;
}

// Eight bytes at a time. The tricks below (Mycroft's) may mark a byte too many after one that is
// rightly marked, never before it: "is there one" and "where is the first" are exact, and no more
// is asked.
inline constexpr std::uint64_t every_byte = 0x0101010101010101;
inline constexpr std::uint64_t high_bits = 0x8080808080808080;

// The first byte is the lowest, whatever the machine.
inline std::uint64_t load8(const char* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline std::uint64_t load4(const char* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

// Of fewer than eight bytes; the rest are 0. Loads that overlap agree on what both have.
inline std::uint64_t load_few(const char* p, std::size_t size) noexcept {
  if (size >= 4) return load4(p) | load4(p + size - 4) << 8 * (size - 4);
  const auto byte = [p](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(p[i])} << 8 * i;
  };
  return size == 0 ? 0 : byte(0) | byte(size / 2) | byte(size - 1);
}

inline void store8(char* p, std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  std::memcpy(p, &word, sizeof word);
}

// Returns: a mark in the high bit of each byte that is c.
constexpr std::uint64_t mark_equal(std::uint64_t word, unsigned char c) noexcept {
  const std::uint64_t x = word ^ (every_byte * c);
  return (x - every_byte) & ~x & high_bits;
}

// The same for who asks for bytes beyond ASCII as well, and ORs: only in those it may be wrong, and
// bits that are not high mean nothing.
constexpr std::uint64_t rough_mark_equal(std::uint64_t word, unsigned char c) noexcept {
  return (word ^ (every_byte * c)) - every_byte;
}

// Returns: a mark in the high bit of each byte below limit, which is at most 128.
constexpr std::uint64_t mark_below(std::uint64_t word, unsigned char limit) noexcept {
  return (word - every_byte * limit) & ~word & high_bits;
}

constexpr std::size_t first_mark(std::uint64_t marks) noexcept {
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

}  // namespace jot::inline v1::detail
