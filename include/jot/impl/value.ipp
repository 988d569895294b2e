// SPDX-License-Identifier: MIT
//
// value.ipp -- the bodies of value.hpp
#pragma once

#include "../value.hpp"

#include <charconv>  // std::to_chars
#include <cstring>   // std::memcpy
#include <limits>    // std::numeric_limits
#include <memory>    // std::construct_at, std::destroy_at

namespace jot::inline v1 {

namespace detail {

// What operator[] const refers to where there is nothing.
JOT_INLINE const Value& null_value() noexcept {
  static const Value null;
  return null;
}

// The key that this thread looked up in vain last, or "[7]", and in which Value: an error about
// null_value() names it. Of a fixed size, for looking up must not throw; a longer key is not kept.
struct MissingKey {
  const Value* where;
  char text[64];
  std::size_t size;
};

JOT_INLINE MissingKey& missing_key() noexcept {
  static thread_local MissingKey last{};
  return last;
}

JOT_INLINE const Value& note_missing(const Value& where, std::string_view key) noexcept {
  MissingKey& last = missing_key();
  last.where = &where;
  last.size = key.size() <= sizeof(last.text) ? key.size() : 0;
  if (last.size != 0) std::memcpy(last.text, key.data(), last.size);
  return null_value();
}

JOT_INLINE const Value& note_missing(const Value& where, std::size_t index) noexcept {
  char text[32] = "[";
  // A negative index has become a huge one on its way here.
  char* end = std::to_chars(text + 1, text + 30, static_cast<std::int64_t>(index)).ptr;
  *end++ = ']';
  return note_missing(where, std::string_view(text, static_cast<std::size_t>(end - text)));
}

JOT_INLINE std::string_view kind_name(Value::Kind kind) noexcept {
  constexpr std::string_view names[] = {"null",  "bool", "int",      "double", "string",
                                        "list",  "map",  "HTML",     "CSS",    "JS",
                                        "JSStr", "URL",  "HTMLAttr", "Srcset"};
  return names[static_cast<std::size_t>(kind)];
}

[[noreturn]] JOT_INLINE void throw_wrong_kind(std::string_view want, const Value& have) {
  std::string problem = "want ";
  throw ValueError(have, problem.append(want).append(", have ").append(kind_name(have.kind())));
}

[[noreturn]] JOT_INLINE void throw_no_element(std::size_t index, std::size_t size) {
  // A negative index has become a huge one on its way here.
  std::string what = "want element " + std::to_string(static_cast<std::int64_t>(index));
  throw ValueError(what.append(", have ").append(std::to_string(size)));
}

// Is d a whole number that an int64 can hold? 2^63 itself is not.
JOT_INLINE bool is_whole(double d) noexcept {
  return d >= -0x1p63 && d < 0x1p63 && static_cast<double>(static_cast<std::int64_t>(d)) == d;
}

}  // namespace detail

JOT_INLINE ValueError::ValueError(const Value& about, std::string_view problem) : where_(&about) {
  std::string what;
  if (&about == &detail::null_value()) {
    const detail::MissingKey& key = detail::missing_key();
    where_ = key.where;
    names_key_ = key.size != 0;
    if (names_key_) what.append(key.text, key.size).append(": ");
  }
  what_ = std::make_shared<const std::string>(what.append(problem));
}

JOT_INLINE Value::Value(const Value& other) : Value() {
  switch (other.kind_) {
    case Kind::null: break;
    case Kind::boolean: boolean_ = other.boolean_; break;
    case Kind::integer: integer_ = other.integer_; break;
    case Kind::floating: floating_ = other.floating_; break;
    case Kind::list: std::construct_at(&list_, other.list_); break;
    case Kind::map: map_ = new Map(*other.map_); break;
    default: std::construct_at(&text_, other.text_); break;
  }
  kind_ = other.kind_;
}

JOT_INLINE Value::Value(Value&& other) noexcept : Value() { take(other); }

// By way of a copy: the other may be a part of this one, as in v = v["child"].
JOT_INLINE Value& Value::operator=(const Value& other) { return *this = Value(other); }

JOT_INLINE Value& Value::operator=(Value&& other) noexcept {
  Value taken(std::move(other));
  drop();
  take(taken);
  return *this;
}

JOT_INLINE Value::Value(std::initializer_list<Entry> entries) : Value(Map()) {
  for (const Entry& e : entries) map_->insert_or_assign(map_->end(), e.key, e.value);
}

JOT_INLINE void Value::set_number(std::uint64_t n) noexcept {
  if (n <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return set_number(static_cast<std::int64_t>(n));
  set_number(static_cast<double>(n));
}

JOT_INLINE void Value::become_string(std::string_view text) {
  std::construct_at(&text_, text);
  kind_ = Kind::string;
}

JOT_INLINE List& Value::become_list() noexcept {
  kind_ = Kind::list;
  return *std::construct_at(&list_);
}

JOT_INLINE Map& Value::become_map() {
  map_ = new Map();
  kind_ = Kind::map;
  return *map_;
}

JOT_INLINE void Value::take(Value& other) noexcept {
  if (other.has_text()) {
    std::construct_at(&text_, std::move(other.text_));
    std::destroy_at(&other.text_);
  } else if (other.is_list()) {
    std::construct_at(&list_, std::move(other.list_));
    std::destroy_at(&other.list_);
  } else {  // any one of them: they are not longer than this
    std::memcpy(zeros_, other.zeros_, sizeof(std::int64_t));
  }
  kind_ = other.kind_;
  other.kind_ = Kind::null;
}

JOT_INLINE void Value::end() noexcept {
  if (is_list())
    std::destroy_at(&list_);
  else if (is_map())
    delete map_;
  else
    std::destroy_at(&text_);
}

JOT_INLINE bool Value::as_bool() const {
  if (!is_bool()) detail::throw_wrong_kind("bool", *this);
  return boolean_;
}

JOT_INLINE std::int64_t Value::as_int() const {
  if (is_int()) return integer_;
  if (!is_double() || !detail::is_whole(floating_)) detail::throw_wrong_kind("int", *this);
  return static_cast<std::int64_t>(floating_);
}

JOT_INLINE double Value::as_double() const {
  if (!is_number()) detail::throw_wrong_kind("double", *this);
  return is_double() ? floating_ : static_cast<double>(integer_);
}

JOT_INLINE const std::string& Value::as_string() const& {
  if (!has_text()) detail::throw_wrong_kind("string", *this);
  return text_;
}

JOT_INLINE std::string Value::as_string() && {
  if (!has_text()) detail::throw_wrong_kind("string", *this);
  return std::move(text_);
}

JOT_INLINE const List& Value::as_list() const& {
  if (!is_list()) detail::throw_wrong_kind("list", *this);
  return list_;
}

JOT_INLINE List& Value::as_list() & {
  if (!is_list()) detail::throw_wrong_kind("list", *this);
  return list_;
}

JOT_INLINE List Value::as_list() && { return std::move(as_list()); }

JOT_INLINE const Map& Value::as_map() const& {
  if (!is_map()) detail::throw_wrong_kind("map", *this);
  return *map_;
}

JOT_INLINE Map& Value::as_map() & {
  if (!is_map()) detail::throw_wrong_kind("map", *this);
  return *map_;
}

JOT_INLINE Map Value::as_map() && { return std::move(as_map()); }

JOT_INLINE bool Value::as_bool(bool otherwise) const noexcept {
  return is_bool() ? boolean_ : otherwise;
}

JOT_INLINE std::int64_t Value::as_int(std::int64_t otherwise) const noexcept {
  if (is_int()) return integer_;
  return is_double() && detail::is_whole(floating_) ? static_cast<std::int64_t>(floating_)
                                                    : otherwise;
}

JOT_INLINE double Value::as_double(double otherwise) const noexcept {
  if (is_double()) return floating_;
  return is_int() ? static_cast<double>(integer_) : otherwise;
}

JOT_INLINE std::string Value::as_string(std::string_view otherwise) const {
  return has_text() ? text_ : std::string(otherwise);
}

JOT_INLINE const Value& Value::operator[](std::string_view key) const& noexcept {
  if (const Value* found = find(key)) return *found;
  // In v["a"]["b"] it is "a" that was missing.
  return this == &detail::null_value() ? *this : detail::note_missing(*this, key);
}

JOT_INLINE Value& Value::operator[](std::string_view key) & {
  if (is_null()) become_map();
  Map& map = as_map();
  auto at = map.lower_bound(key);
  if (at == map.end() || at->first != key) at = map.emplace_hint(at, key, Value());
  return at->second;
}

JOT_INLINE Value Value::operator[](std::string_view key) && {
  if (!is_map()) return {};
  const auto at = map_->find(key);
  return at == map_->end() ? Value() : std::move(at->second);
}

JOT_INLINE const Value* Value::find(std::string_view key) const noexcept {
  if (!is_map()) return nullptr;
  const auto at = map_->find(key);
  return at == map_->end() ? nullptr : &at->second;
}

JOT_INLINE std::size_t Value::size() const noexcept {
  if (is_list()) return list_.size();
  return is_map() ? map_->size() : 0;
}

JOT_INLINE void Value::push_back(Value v) {
  if (is_null()) become_list();
  as_list().push_back(std::move(v));
}

JOT_INLINE const Value& Value::element(std::size_t index) const& noexcept {
  if (is_list() && index < list_.size()) return list_[index];
  return this == &detail::null_value() ? *this : detail::note_missing(*this, index);
}

JOT_INLINE Value& Value::element(std::size_t index) & {
  List& list = as_list();
  if (index >= list.size()) detail::throw_no_element(index, list.size());
  return list[index];
}

JOT_INLINE Value Value::element(std::size_t index) && {
  return is_list() && index < list_.size() ? std::move(list_[index]) : Value();
}

JOT_INLINE bool Value::equals(const Value& other) const noexcept {
  if (kind_ != other.kind_) {
    if (!is_number() || !other.is_number()) return false;
    const double d = is_double() ? floating_ : other.floating_;
    return detail::is_whole(d) &&
           static_cast<std::int64_t>(d) == (is_int() ? integer_ : other.integer_);
  }
  switch (kind_) {
    case Kind::null: return true;
    case Kind::boolean: return boolean_ == other.boolean_;
    case Kind::integer: return integer_ == other.integer_;
    case Kind::floating: return floating_ == other.floating_;
    case Kind::list: return list_ == other.list_;
    case Kind::map: return *map_ == *other.map_;
    default: return text_ == other.text_;
  }
}

}  // namespace jot::inline v1
