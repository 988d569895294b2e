// SPDX-License-Identifier: MIT
//
// url.ipp -- the bodies of url.hpp.
#pragma once

#include "../detail/ascii.hpp"
#include "../detail/resolve_reference.hpp"
#include "../error.hpp"
#include "../url.hpp"

namespace jot::inline v1 {

namespace detail {

enum class Plus { is_plus, is_space };

JOT_INLINE void append_percent_encoded(std::string& to, std::string_view s, Plus space_as) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_a(c, byte_unreserved))
      to += c;
    else if (c == ' ' && space_as == Plus::is_space)
      to += '+';
    else
      to.append({'%', hex[byte >> 4], hex[byte & 15]});
  }
}

JOT_INLINE std::string percent_decoded(std::string_view s, Plus plus) {
  std::string decoded;
  decoded.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    const int high = s[i] == '%' && i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
    if (low >= 0) {
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      decoded += s[i] == '+' && plus == Plus::is_space ? ' ' : s[i];
    }
  }
  return decoded;
}

}  // namespace detail

JOT_INLINE std::string percent_encode(std::string_view s) {
  std::string encoded;
  encoded.reserve(s.size());
  detail::append_percent_encoded(encoded, s, detail::Plus::is_plus);
  return encoded;
}

JOT_INLINE std::string percent_decode(std::string_view s) {
  return detail::percent_decoded(s, detail::Plus::is_plus);
}

JOT_INLINE std::string resolve_url(std::string_view base, std::string_view reference) {
  return detail::resolve_reference(base, reference);
}

JOT_INLINE Values Values::parse(std::string_view encoded) {
  Values values;
  while (!encoded.empty()) {
    const std::size_t amp = encoded.find('&');
    const std::string_view pair = encoded.substr(0, amp);
    encoded.remove_prefix(amp == std::string_view::npos ? encoded.size() : amp + 1);
    if (pair.empty()) continue;
    if (values.size() == max_pairs) throw HttpError{400, "too many parameters"};
    const std::size_t equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    values.add(detail::percent_decoded(pair.substr(0, equals), detail::Plus::is_space),
               detail::percent_decoded(value, detail::Plus::is_space));
  }
  return values;
}

JOT_INLINE const std::string& Values::get(std::string_view name) const noexcept {
  static const std::string absent;
  const std::string* value = find(name);
  return value ? *value : absent;
}

JOT_INLINE const std::string* Values::find(std::string_view name) const noexcept {
  for (const Pair& pair : pairs_) {
    if (pair.first == name) return &pair.second;
  }
  return nullptr;
}

JOT_INLINE std::vector<std::string_view> Values::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Pair& pair : pairs_) {
    if (pair.first == name) values.push_back(pair.second);
  }
  return values;
}

JOT_INLINE void Values::add(std::string name, std::string value) {
  pairs_.emplace_back(std::move(name), std::move(value));
}

JOT_INLINE std::string Values::encode() const {
  std::string encoded;
  for (const auto& [name, value] : pairs_) {
    if (!encoded.empty()) encoded += '&';
    detail::append_percent_encoded(encoded, name, detail::Plus::is_space);
    encoded += '=';
    detail::append_percent_encoded(encoded, value, detail::Plus::is_space);
  }
  return encoded;
}

}  // namespace jot::inline v1
