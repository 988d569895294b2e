// SPDX-License-Identifier: MIT
//
// url.hpp -- what do the percent signs of a URL stand for?
//
// In: pieces of a URL, or a urlencoded form. Out: the bytes that were meant, and back. And which URL
// does a link mean?
// See RFC 3986 section 2.1 and the WHATWG URL standard, application/x-www-form-urlencoded.
#pragma once

#include "config.hpp"

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace jot::inline v1 {

// Encodes everything but A-Z a-z 0-9 - . _ ~, so that the result is one segment of a path, or one
// name or value of a query, whatever is in it: "a b/c" becomes "a%20b%2Fc".
std::string percent_encode(std::string_view s);

// Replaces %XX by the byte it stands for. What is not a full escape stays as it is: "100%" is
// "100%". A plus sign stays a plus sign; only Values takes it for a space.
std::string percent_decode(std::string_view s);

// The URL that a link means on the page where it stands (RFC 3986 section 5):
// resolve_url("http://host/a/b", "../c?d") is "http://host/c?d". Nothing is checked: a base that is
// no URL makes none.
std::string resolve_url(std::string_view base, std::string_view reference);

// Decoded name=value pairs, in order of arrival: a query or a urlencoded form.
// Lifetime: it owns its strings; references are good until it changes or ends.
class Values {
 public:
  using Pair = std::pair<std::string, std::string>;

  // Nobody means more than these; a stranger may, for each costs more memory than it has bytes.
  static constexpr std::size_t max_pairs = 10'000;

  Values() = default;

  // Reads "a=1&b=two+words&c=%26": plus is a space, a name without = has the value "", empty pairs
  // are skipped. Throws: HttpError 400 when there are more than max_pairs.
  static Values parse(std::string_view encoded);

  // Returns: the first value of that name; "" when absent. Names are compared with case.
  const std::string& get(std::string_view name) const noexcept;

  // Returns: the first value of that name; nullptr when absent.
  const std::string* find(std::string_view name) const noexcept;

  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }

  // Returns: the values of all pairs of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  void add(std::string name, std::string value);

  // Returns: "a=1&b=two+words", to be read by parse().
  std::string encode() const;

  std::size_t size() const noexcept { return pairs_.size(); }
  bool empty() const noexcept { return pairs_.empty(); }
  const Pair* begin() const noexcept { return pairs_.data(); }
  const Pair* end() const noexcept { return pairs_.data() + pairs_.size(); }

 private:
  std::vector<Pair> pairs_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/url.ipp"
#endif
