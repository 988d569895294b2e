// SPDX-License-Identifier: MIT
//
// text.hpp -- how do strings and numbers become one text?
//
// In: the parts that text(), ResponseWriter::write() and friends take. Out: their characters, one
// after the other, the same in every locale.
#pragma once

#include "config.hpp"

#include <concepts>     // std::convertible_to, std::integral, std::floating_point, std::same_as
#include <cstddef>      // std::nullptr_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::decay_t, std::is_pointer_v

namespace jot::inline v1 {

template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view>;

template <class T>
concept NumberLike = std::integral<T> || std::floating_point<T>;

// Characters of other encodings are integers to the language; printing their numbers is never
// meant.
template <class T>
concept OddChar = std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                  std::same_as<T, char16_t> || std::same_as<T, char32_t>;

// What can be a part of a text: strings as they are, char as a letter, bool as true or false, every
// other integer as a number (unsigned char, too), floating point in the shortest digits that read
// back as the same number. Pointers, enums, durations and wide characters are refused.
template <class T>
concept Part =
    (TextLike<T> || NumberLike<T>) && !OddChar<T> && !std::same_as<std::decay_t<T>, std::nullptr_t>;

namespace detail {
void append_part(std::string& to, std::string_view text);
void append_part(std::string& to, char letter);
void append_part(std::string& to, bool truth);
void append_part(std::string& to, long long number);
void append_part(std::string& to, unsigned long long number);
void append_part(std::string& to, float number);
void append_part(std::string& to, double number);
void append_part(std::string& to, long double number);

// Picks the plain function above that prints a T. A null const char* prints nothing.
template <Part T>
void append_any(std::string& to, const T& part) {
  if constexpr (TextLike<T>) {
    if constexpr (std::is_pointer_v<T>) {
      if (part == nullptr) return;
    }
    append_part(to, std::string_view(part));
  } else if constexpr (std::same_as<T, char> || std::same_as<T, bool> || std::floating_point<T>) {
    append_part(to, part);
  } else if constexpr (std::is_signed_v<T>) {
    append_part(to, static_cast<long long>(part));
  } else {
    append_part(to, static_cast<unsigned long long>(part));
  }
}

template <Part... Parts>
void append_parts(std::string& to, const Parts&... parts) {
  (append_any(to, parts), ...);
}
}  // namespace detail

// Makes one string of all parts: text("page ", 3, " of ", total, '\n').
template <Part... Parts>
std::string text(const Parts&... parts) {
  std::string joined;
  return detail::append_parts(joined, parts...), joined;
}

// Makes text safe inside HTML elements and quoted attributes: & < > " ' become character
// references. For the few who write HTML by hand; Templates know the other contexts as well.
std::string html_escape(std::string_view s);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/text.ipp"
#endif
