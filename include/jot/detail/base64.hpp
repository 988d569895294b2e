// SPDX-License-Identifier: MIT
//
// base64.hpp -- which bytes do these letters stand for?
//
// In: base64 as RFC 4648 section 4 has it, padded. Out: the bytes; nothing where it is not exactly
// that: a letter outside the alphabet, no padding, bits left over that are not zero.
#pragma once

#include "ascii.hpp"  // is_digit

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Returns: 0 to 63; -1 when c is not a letter of the alphabet.
constexpr int base64_digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) text.remove_suffix(1), ++padding;
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that belong to no byte yet
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace jot::inline v1::detail
