// SPDX-License-Identifier: MIT
//
// header.ipp -- the bodies of header.hpp.
#pragma once

#include "../detail/arena.hpp"
#include "../detail/ascii.hpp"
#include "../header.hpp"

#include <charconv>   // std::to_chars
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// The one place that decides what may be sent as a field.
JOT_INLINE void require_valid_field(std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw std::invalid_argument("jot: not a field name: \"" + printable(name) + "\"");
  }
  if (!is_field_value(value)) {
    throw std::invalid_argument("jot: control character in the value of field " +
                                std::string(name));
  }
}

JOT_INLINE std::size_t bytes_in(const Field* first, const Field* last) noexcept {
  std::size_t sum = 0;
  for (; first != last; ++first) sum += first->name.size() + first->value.size();
  return sum;
}

}  // namespace detail

JOT_INLINE Header::Header() = default;

JOT_INLINE Header::Header(std::initializer_list<Field> fields) {
  for (const Field& f : fields) add(f.name, f.value);
}

JOT_INLINE Header::Header(const Header& other) { keep_all(other.begin(), other.end()); }

JOT_INLINE Header::Header(Header&& other) noexcept
    : fields_(std::exchange(other.fields_, {})), bytes_(std::move(other.bytes_)) {}

JOT_INLINE Header& Header::operator=(const Header& other) { return *this = Header(other); }

JOT_INLINE Header& Header::operator=(Header&& other) noexcept {
  if (this == &other) return *this;
  fields_ = std::exchange(other.fields_, {});
  bytes_ = std::move(other.bytes_);
  return *this;
}

JOT_INLINE Header::~Header() = default;

JOT_INLINE Header& Header::set(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::require_valid_field(name, value);
  const Field kept = keep(name, value);  // before the old ones go: the value may be a view of one
  std::size_t to = 0;
  bool placed = false;
  for (const Field& f : fields_) {
    const bool same = detail::iequals(f.name, kept.name);
    if (same && placed) continue;
    fields_[to++] = same ? kept : f;
    placed = placed || same;
  }
  fields_.resize(to);
  if (!placed) fields_.push_back(kept);
  drop_stale_bytes();
  return *this;
}

JOT_INLINE Header& Header::add(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::require_valid_field(name, value);
  fields_.push_back(keep(name, value));
  drop_stale_bytes();
  return *this;
}

JOT_INLINE Header& Header::remove(std::string_view name) {
  std::erase_if(fields_, [name](const Field& f) { return detail::iequals(f.name, name); });
  return *this;
}

JOT_INLINE std::string_view Header::get(std::string_view name) const noexcept {
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) return f.value;
  }
  return {};
}

JOT_INLINE bool Header::has(std::string_view name) const noexcept {
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) return true;
  }
  return false;
}

JOT_INLINE std::vector<std::string_view> Header::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) values.push_back(f.value);
  }
  return values;
}

JOT_INLINE Header& Header::set_signed(std::string_view name, long long value) {
  char digits[24];
  return set(name, {digits, std::to_chars(digits, digits + sizeof digits, value).ptr});
}

JOT_INLINE Header& Header::set_unsigned(std::string_view name, unsigned long long value) {
  char digits[24];
  return set(name, {digits, std::to_chars(digits, digits + sizeof digits, value).ptr});
}

JOT_INLINE Field Header::keep(std::string_view name, std::string_view value) {
  if (!bytes_) bytes_ = std::make_unique<detail::Arena>();
  return {bytes_->keep(name), bytes_->keep(value)};
}

// Replaces all fields by copies of these, which own their bytes.
JOT_INLINE void Header::keep_all(const Field* first, const Field* last) {
  auto bytes = std::make_unique<detail::Arena>();
  bytes->reserve(detail::bytes_in(first, last));
  std::vector<Field> fields;
  fields.reserve(static_cast<std::size_t>(last - first));
  for (; first != last; ++first) {
    fields.push_back({bytes->keep(first->name), bytes->keep(first->value)});
  }
  fields_ = std::move(fields);
  bytes_ = std::move(bytes);
}

// A Header that is set a million times must not grow a million values: once most of the kept bytes
// belong to values that were replaced, the living ones move to new memory.
JOT_INLINE void Header::drop_stale_bytes() {
  constexpr std::size_t worth_it = 8 << 10;
  if (bytes_->used() < worth_it) return;
  if (bytes_->used() > 4 * detail::bytes_in(begin(), end())) keep_all(begin(), end());
}

JOT_INLINE void Header::clear() noexcept {
  fields_.clear();
  if (bytes_) bytes_->clear();
}

}  // namespace jot::inline v1
