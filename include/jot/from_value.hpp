// SPDX-License-Identifier: MIT
//
// from_value.hpp -- how does a Value become a type of yours?
//
// In: a Value, and a T: bool, a number, std::string, Value; std::optional, std::vector and
// std::map<std::string, ...> of these; or a type with a from_value() of its own beside it, found by
// ADL:
//
//     struct Post { std::string title; std::optional<int> stars; };
//     void from_value(const jot::Value& v, Post& to) {
//       to.title = v["title"].as_string();
//       to.stars = jot::from_value<std::optional<int>>(v["stars"]);
//     }
//     auto posts = jot::from_value<std::vector<Post>>(v);
//
// Out: the T; ValueError when the Value holds something else. The way back is to_value().
#pragma once

#include "config.hpp"
#include "value.hpp"  // List, Map, Value, ValueError

#include <concepts>  // std::default_initializable, std::floating_point, std::integral, std::same_as
#include <cstdint>   // std::int64_t
#include <limits>    // std::numeric_limits
#include <map>       // std::map
#include <optional>  // std::optional
#include <string>    // std::string
#include <vector>    // std::vector

namespace jot::inline v1 {

namespace detail {

template <class T>
concept HasFromValue = std::default_initializable<T> && requires(const Value& v, T& to) {
  from_value(v, to);
};

// Throws ValueError, too, when it is not in that range.
std::int64_t integer_within(const Value& v, std::int64_t low, std::int64_t high);
double double_within(const Value& v, double high);  // and -high

// What a T is made by. An int has no more than 63 bits here, for a Value has no more.
template <class T>
struct FromValue {
  static T make(const Value& v) {
    static_assert(HasFromValue<T>,
                  "jot: from_value<T> needs `void from_value(const jot::Value&, T&)` beside T, and "
                  "a T that can be made of nothing");
    T to{};
    from_value(v, to);
    return to;
  }
};

template <detail::Number N>
struct FromValue<N> {
  static N make(const Value& v) {
    using Limits = std::numeric_limits<N>;
    if constexpr (std::floating_point<N>) {
      if constexpr (sizeof(N) >= sizeof(double)) return v.as_double();
      return static_cast<N>(double_within(v, static_cast<double>(Limits::max())));
    } else {
      constexpr auto most = std::numeric_limits<std::int64_t>::max();
      constexpr bool fits = sizeof(N) < sizeof most || std::signed_integral<N>;
      const auto high = fits ? static_cast<std::int64_t>(Limits::max()) : most;
      return static_cast<N>(integer_within(v, static_cast<std::int64_t>(Limits::min()), high));
    }
  }
};

template <>
struct FromValue<bool> {
  static bool make(const Value& v) { return v.as_bool(); }
};
template <>
struct FromValue<std::string> {
  static std::string make(const Value& v) { return v.as_string(); }
};
template <>
struct FromValue<Value> {
  static Value make(const Value& v) { return v; }
};

template <class T>
struct FromValue<std::optional<T>> {
  static std::optional<T> make(const Value& v) {
    if (v.is_null()) return std::nullopt;
    return FromValue<T>::make(v);
  }
};

template <class T>
struct FromValue<std::vector<T>> {
  static std::vector<T> make(const Value& v) {
    std::vector<T> to;
    to.reserve(v.as_list().size());
    for (const Value& item : v.as_list()) to.push_back(FromValue<T>::make(item));
    return to;
  }
};

template <class T, class Less>
struct FromValue<std::map<std::string, T, Less>> {
  static std::map<std::string, T, Less> make(const Value& v) {
    std::map<std::string, T, Less> to;
    for (const auto& [key, item] : v.as_map())
      to.emplace_hint(to.end(), key, FromValue<T>::make(item));
    return to;
  }
};

}  // namespace detail

// Makes a T of it. An optional is empty for null, and so for a key that is absent; all else must be
// there. Throws: ValueError, which is answered with 400 where v is a part of r.json().
template <class T>
T from_value(const Value& v) {
  return detail::FromValue<T>::make(v);
}

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/from_value.ipp"
#endif
