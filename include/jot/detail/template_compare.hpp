// SPDX-License-Identifier: MIT
//
// template_compare.hpp -- what do eq, ne, lt, le, gt and ge say?
//
// Bools, ints, floats and texts compare with their own kind only: 1 and 1.0 are incompatible, as in
// Go. Typed content is text. Lists and maps do not compare, but with null.
// A comparison that makes no sense throws std::invalid_argument.
#pragma once

#include "../value.hpp"          // Value
#include "template_operand.hpp"  // Operand
#include "template_print.hpp"    // go_type, ValuePrinter

#include <span>       // std::span
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string

namespace jot::inline v1::detail {

using Arguments = std::span<const Operand>;

enum class BasicKind { none, boolean, integer, floating, text };

inline BasicKind basic_kind(const Operand& operand) noexcept {
  if (operand.is_null()) return BasicKind::none;
  switch (operand.value->kind()) {
    case Value::Kind::boolean: return BasicKind::boolean;
    case Value::Kind::integer: return BasicKind::integer;
    case Value::Kind::floating: return BasicKind::floating;
    case Value::Kind::list:
    case Value::Kind::map: return BasicKind::none;
    default: return BasicKind::text;
  }
}

// Two that are neither bool, number nor text: equal when both are null.
inline bool equal_others(const Operand& a, const Operand& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  const auto printed = [](const Operand& operand, char32_t verb) {
    std::string s;
    const PrintFlags none;
    ValuePrinter(s, none).print(*operand.value, verb);
    return s;
  };
  const std::string type_a(go_type(*a.value));
  const std::string type_b(go_type(*b.value));
  if (type_a != type_b)
    throw std::invalid_argument("non-comparable types " + printed(a, 's') + ": " + type_a + ", " +
                                type_b + ": " + printed(b, 'v'));
  throw std::invalid_argument("non-comparable type " + printed(b, 's') + ": " + type_b);
}

inline bool equal_pair(const Operand& a, const Operand& b) {
  const BasicKind kind = basic_kind(a);
  if (kind != basic_kind(b)) {
    if (a.is_null() || b.is_null()) return false;
    throw std::invalid_argument("incompatible types for comparison");
  }
  switch (kind) {
    case BasicKind::none: return equal_others(a, b);
    case BasicKind::text: return a.value->as_string() == b.value->as_string();
    default: return *a.value == *b.value;
  }
}

// a == b || a == c || ...
inline bool equal_any(Arguments arguments) {
  if (arguments.size() < 2) throw std::invalid_argument("missing argument for comparison");
  for (const Operand& other : arguments.subspan(1)) {
    if (equal_pair(arguments[0], other)) return true;
  }
  return false;
}

inline bool less(const Operand& a, const Operand& b) {
  const BasicKind kind = basic_kind(a);
  if (kind == BasicKind::none || basic_kind(b) == BasicKind::none)
    throw std::invalid_argument("invalid type for comparison");
  if (kind != basic_kind(b)) throw std::invalid_argument("incompatible types for comparison");
  switch (kind) {
    case BasicKind::integer: return a.value->as_int() < b.value->as_int();
    case BasicKind::floating: return a.value->as_double() < b.value->as_double();
    case BasicKind::text: return a.value->as_string() < b.value->as_string();
    default: throw std::invalid_argument("invalid type for comparison");
  }
}

inline bool less_or_equal(const Operand& a, const Operand& b) {
  return less(a, b) || equal_pair(a, b);
}

}  // namespace jot::inline v1::detail
