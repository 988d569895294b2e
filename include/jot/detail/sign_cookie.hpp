// SPDX-License-Identifier: MIT
//
// sign_cookie.hpp -- is this the value that we set?
//
// In: keys, the cookie's name and value, the second at which it ends. Out: text that is safe in a
// cookie, and the way back:
//
//     base64url(value) . expiry . base64url(HMAC-SHA-256(key, "name=base64url(value).expiry"))
//
// What is signed is the text as it travels, and a name has no "=": no two cookies are one text.
#pragma once

#include "base64.hpp"  // base64url_decode, base64url_encode
#include "hmac.hpp"    // hmac_sha256

#include <charconv>     // std::from_chars
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

inline constexpr std::size_t shortest_key = 32;  // bytes: as many as the hash has

inline std::string cookie_signature(std::string_view key, std::string_view name,
                                    std::string_view signed_part) {
  return base64url_encode(
      as_bytes(hmac_sha256(key, std::string(name).append("=").append(signed_part))));
}

// expires: in seconds since the epoch.
inline std::string sign_cookie(std::string_view key, std::string_view name, std::string_view value,
                               std::int64_t expires) {
  std::string text = base64url_encode(value);
  text.append(".").append(std::to_string(expires));
  const std::string signature = cookie_signature(key, name, text);
  return text.append(".").append(signature);
}

// Equal? In a time that does not tell where they differ, so that a signature cannot be found letter
// by letter.
inline bool same_signature(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differs |= static_cast<unsigned>(a[i] ^ b[i]);
  return differs == 0;
}

// Returns: the value; nullopt when none of the keys has signed this for that name, or its time is
// over. Nothing is looked into before its signature is known to be ours.
inline std::optional<std::string> verify_cookie(const std::vector<std::string>& keys,
                                                std::string_view name, std::string_view text,
                                                std::int64_t now) {
  const std::size_t end = text.rfind('.');
  if (end == text.npos) return std::nullopt;
  const std::string_view signed_part = text.substr(0, end), signature = text.substr(end + 1);
  bool genuine = false;
  for (const std::string& key : keys)
    genuine = same_signature(cookie_signature(key, name, signed_part), signature) || genuine;
  const std::size_t dot = signed_part.find('.');
  if (!genuine || dot == signed_part.npos) return std::nullopt;
  const std::string_view digits = signed_part.substr(dot + 1);
  std::int64_t expires = 0;
  const auto [stop, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), expires);
  if (failed != std::errc{} || stop != digits.data() + digits.size() || now >= expires)
    return std::nullopt;
  return base64url_decode(signed_part.substr(0, dot));
}

}  // namespace jot::inline v1::detail
