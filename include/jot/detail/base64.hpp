// SPDX-License-Identifier: MIT
//
// base64.hpp -- how do bytes travel as letters?
//
// In: base64 as RFC 4648 section 4 has it, padded, or that of section 5, which is safe in URLs and
// cookies, without padding. Out: the bytes; nothing where it is not exactly that: a letter outside
// the alphabet, wrong padding, bits left over that are not zero. And the way back.
#pragma once

#include "ascii.hpp"  // is_digit

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class Base64 { standard, url };

// Returns: 0 to 63; -1 when c is not a letter of the alphabet.
constexpr int base64_digit(char c, Base64 alphabet) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == (alphabet == Base64::url ? '-' : '+')) return 62;
  return c == (alphabet == Base64::url ? '_' : '/') ? 63 : -1;
}

// In: letters only, the padding cut off.
inline std::optional<std::string> base64_letters(std::string_view letters, Base64 alphabet) {
  if (letters.size() % 4 == 1) return std::nullopt;  // six bits are no byte
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that belong to no byte yet
  for (const char c : letters) {
    const int digit = base64_digit(c, alphabet);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return base64_letters(text, Base64::standard);
}

inline std::optional<std::string> base64url_decode(std::string_view text) {
  return base64_letters(text, Base64::url);
}

inline std::string base64url_encode(std::string_view bytes) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that are in no letter yet
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) text += letters[bits >> (count -= 6) & 63];
  }
  if (count > 0) text += letters[bits << (6 - count) & 63];
  return text;
}

}  // namespace jot::inline v1::detail
