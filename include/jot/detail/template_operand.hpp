// SPDX-License-Identifier: MIT
//
// template_operand.hpp -- what is a part of a pipeline worth?
//
// A Value of the page's data is pointed at, not copied; a Value that a function returned is owned
// together by all operands that point into it.
// Go knows elements of lists and maps as interface {}, whatever they hold. That shows in messages,
// and in null: an element that is null is something, a key that is not there is nothing.
#pragma once

#include "../value.hpp"        // Value
#include "template_print.hpp"  // go_type

#include <memory>       // std::make_shared, std::shared_ptr
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

struct Operand {
  const Value* value = nullptr;  // nullptr: nothing, which prints as <no value>
  bool is_element = false;       // of a list or map
  std::shared_ptr<const Value> owner = {};

  // Not even null.
  bool is_nothing() const noexcept { return value == nullptr; }
  bool is_null() const noexcept { return value == nullptr || value->is_null(); }

  // What a field or element of this is; part must be in *value.
  Operand element(const Value& part) const { return {&part, true, owner}; }

  // The same, no longer an element.
  Operand unwrapped() const& { return is_null() ? Operand{} : Operand{value, false, owner}; }
  Operand unwrapped() && {
    if (is_null()) return {};
    is_element = false;
    return std::move(*this);
  }

  // As it stands in messages; it must not be nothing.
  std::string_view type() const noexcept { return is_element ? "interface {}" : go_type(*value); }
};

inline Operand make_operand(Value v) {
  if (v.is_null()) return {};
  auto owner = std::make_shared<const Value>(std::move(v));
  const Value* value = owner.get();
  return {value, false, std::move(owner)};
}

// In the sense of if, with, and, or, not: null, false, 0 and what is empty are not true.
inline bool is_true(const Operand& operand) noexcept {
  if (operand.is_null()) return false;
  const Value& v = *operand.value;
  switch (v.kind()) {
    case Value::Kind::boolean: return v.as_bool();
    case Value::Kind::integer: return v.as_int() != 0;
    case Value::Kind::floating: return !(v.as_double() >= 0 && v.as_double() <= 0);  // NaN is true
    case Value::Kind::list:
    case Value::Kind::map: return v.size() != 0;
    default: return !v.as_string().empty();
  }
}

}  // namespace jot::inline v1::detail
