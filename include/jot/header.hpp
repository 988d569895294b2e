// SPDX-License-Identifier: MIT
//
// header.hpp -- which fields does a message carry?
//
// In: names and values, from a parser or from you. Out: lookups without regard to case, values in
// order of arrival. This is the one place where fields are validated before they are sent: a name
// is a token, a value has no control characters, so no value can ever smuggle in a line of its own.
// Threads: like a std::vector: many readers or one writer.
#pragma once

#include "config.hpp"

#include <concepts>          // std::integral, std::same_as
#include <cstddef>           // std::size_t, std::nullptr_t
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::unique_ptr
#include <string_view>       // std::string_view
#include <vector>            // std::vector

namespace jot::inline v1 {

namespace detail {
class Arena;
struct HeaderAccess;
}  // namespace detail

// One field of a message, as a view.
struct Field {
  std::string_view name, value;
};

// The fields of a request, a response or a trailer.
//
//     w.header().set("Cache-Control", "no-store").add("Vary", "Accept-Encoding");
//     for (const Field& f : r.header()) w.write(f.name, ": ", f.value, "\n");
//
// Names are compared without regard to case and kept as they were given. Copies own their bytes.
// Lifetime: every view it gives out is good until this Header changes or ends.
class Header {
 public:
  Header();
  Header(std::initializer_list<Field> fields);  // Header{{"A", "1"}, {"B", "2"}}; throws as add()
  Header(const Header& other);
  Header(Header&& other) noexcept;  // other is left empty
  Header& operator=(const Header& other);
  Header& operator=(Header&& other) noexcept;
  ~Header();

  // Makes this the only field of that name; it stands where the first one stood, else at the end.
  // Spaces and tabs around the value are dropped. The value may be a view into this Header.
  // Throws: std::invalid_argument that names the field, when the name is not a token or the value
  // holds a control character other than a tab (CR, LF and NUL among them). Nothing is changed
  // then.
  Header& set(std::string_view name, std::string_view value);

  // A number: Content-Length and friends.
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Header& set(std::string_view name, I value) {
    if constexpr (I(-1) < I(0))
      return set_signed(name, value);
    else
      return set_unsigned(name, value);
  }

  Header& set(std::string_view name, std::nullptr_t) = delete;

  // Adds one more field of that name, at the end. Throws: as set().
  Header& add(std::string_view name, std::string_view value);

  // Removes all fields of that name, if there are any.
  Header& remove(std::string_view name);

  // Returns: the value of the first field of that name; "" when there is none.
  std::string_view get(std::string_view name) const noexcept;

  bool has(std::string_view name) const noexcept;

  // Returns: the values of all fields of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  const Field* begin() const noexcept { return fields_.data(); }
  const Field* end() const noexcept { return fields_.data() + fields_.size(); }

 private:
  friend struct detail::HeaderAccess;

  Header& set_signed(std::string_view name, long long value);
  Header& set_unsigned(std::string_view name, unsigned long long value);
  Field keep(std::string_view name, std::string_view value);
  void keep_all(const Field* first, const Field* last);
  void drop_stale_bytes();
  void clear() noexcept;

  std::vector<Field> fields_;
  std::unique_ptr<detail::Arena> bytes_;  // what set() and add() copied; null until the first
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/header.ipp"
#endif
