// SPDX-License-Identifier: MIT
//
// path_segment.hpp -- what does a piece of a path say, once its percent signs are read?
//
// In: a piece as it came, "a%20b". Out: its bytes, one after the other: it can be hashed, compared
// and copied without being decoded into memory first. What is not a full escape stands for itself.
#pragma once

#include "ascii.hpp"  // hex_digit

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Cuts the first segment off a path that starts with a slash: "/a/b" becomes "/b", returns "a".
inline std::string_view take_segment(std::string_view& path) noexcept {
  const std::size_t slash = path.find('/', 1);
  const std::string_view segment = path.substr(1, slash == path.npos ? slash : slash - 1);
  path.remove_prefix(segment.size() + 1);
  return segment;
}

// The bytes that a piece of a path stands for.
class DecodedBytes {
 public:
  explicit DecodedBytes(std::string_view raw) noexcept : raw_(raw) {}

  bool done() const noexcept { return at_ == raw_.size(); }

  // The next byte. Only while not done().
  char next() noexcept {
    const char c = raw_[at_++];
    if (c != '%' || raw_.size() - at_ < 2) return c;
    const int high = hex_digit(raw_[at_]), low = hex_digit(raw_[at_ + 1]);
    if (high < 0 || low < 0) return c;
    at_ += 2;
    return static_cast<char>(high << 4 | low);
  }

 private:
  std::string_view raw_;
  std::size_t at_ = 0;
};

inline bool equals_decoded(std::string_view raw, std::string_view plain) noexcept {
  DecodedBytes decoded(raw);
  for (const char c : plain) {
    if (decoded.done() || decoded.next() != c) return false;
  }
  return decoded.done();
}

// FNV-1a: a segment has few bytes, and those who choose what is in the table are on our side.
inline constexpr std::uint32_t fnv_start = 2166136261u;
constexpr std::uint32_t fnv_step(std::uint32_t hash, char c) noexcept {
  return (hash ^ static_cast<unsigned char>(c)) * 16777619u;
}

inline std::uint32_t hash_plain(std::string_view plain) noexcept {
  std::uint32_t hash = fnv_start;
  for (const char c : plain) hash = fnv_step(hash, c);
  return hash;
}

inline std::uint32_t hash_decoded(std::string_view raw) noexcept {
  std::uint32_t hash = fnv_start;
  for (DecodedBytes decoded(raw); !decoded.done();) hash = fnv_step(hash, decoded.next());
  return hash;
}

// Replaces what is in `to`, in the memory it has.
inline void decode_into(std::string& to, std::string_view raw) {
  to.clear();
  if (raw.find('%') == raw.npos) {
    to = raw;
    return;
  }
  for (DecodedBytes decoded(raw); !decoded.done();) to += decoded.next();
}

}  // namespace jot::inline v1::detail
