// SPDX-License-Identifier: MIT
//
// hmac.hpp -- who can have written this? Only somebody who knows the key.
//
// HMAC (RFC 2104) with SHA-256. Two hashes, one in the other: with one alone, whoever sees the hash
// of a message could go on hashing where it ended, and sign a longer one.
#pragma once

#include "sha256.hpp"  // Sha256, Sha256Digest

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline std::string_view as_bytes(const Sha256Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

inline Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
  Sha256Digest short_key;
  if (key.size() > Sha256::block_size) {
    short_key = sha256(key);
    key = as_bytes(short_key);
  }
  char inner_pad[Sha256::block_size], outer_pad[Sha256::block_size];
  for (std::size_t i = 0; i < Sha256::block_size; ++i) {
    const char k = i < key.size() ? key[i] : '\0';
    inner_pad[i] = static_cast<char>(k ^ 0x36);
    outer_pad[i] = static_cast<char>(k ^ 0x5c);
  }
  Sha256 inner, outer;
  inner.add({inner_pad, sizeof inner_pad});
  inner.add(message);
  outer.add({outer_pad, sizeof outer_pad});
  outer.add(as_bytes(inner.finish()));
  return outer.finish();
}

}  // namespace jot::inline v1::detail
