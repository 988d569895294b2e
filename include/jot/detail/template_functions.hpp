// SPDX-License-Identifier: MIT
//
// template_functions.hpp -- what do the functions do that every template can call?
//
// In: the arguments of call, index, len, print, eq ... Out: what they come to. A problem throws
// std::invalid_argument in the words of Go. `and` and `or` are missing: they do not always look at
// all of their arguments, so the executor evaluates them itself.
#pragma once

#include "../value.hpp"          // List, Map, Value
#include "ascii.hpp"             // byte_unreserved, is_a
#include "printable.hpp"         // is_printable
#include "template_compare.hpp"  // Arguments, equal_any, less, less_or_equal
#include "template_number.hpp"   // digits_of
#include "template_operand.hpp"  // is_true, make_operand, Operand
#include "template_print.hpp"    // go_type, is_text
#include "template_printf.hpp"   // print_operands, printf_operands, println_operands
#include "utf8.hpp"              // utf8_front

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// ---- escaping of text, as text/template has it: for what the writer of a template asks for

inline std::string html_escape_string(std::string_view s) {
  std::string to;
  for (const char c : s) {
    switch (c) {
      case '\0': to += "\xEF\xBF\xBD"; break;
      case '"': to += "&#34;"; break;
      case '\'': to += "&#39;"; break;
      case '&': to += "&amp;"; break;
      case '<': to += "&lt;"; break;
      case '>': to += "&gt;"; break;
      default: to += c;
    }
  }
  return to;
}

// What may stand within quotes of JavaScript, also where the script stands in HTML.
inline std::string js_escape_string(std::string_view s) {
  std::string to;
  const auto unicode = [&](char32_t c) {
    std::string digits = digits_of(c, 16, true);
    if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
    to += "\\u", to += digits;
  };
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    const char32_t code_point = c.size == 0 ? char32_t{0xFFFD} : c.code_point;
    const bool special = code_point < ' ' || code_point == '<' || code_point == '>' ||
                         code_point == '&' || code_point == '=';
    if (code_point == '\\' || code_point == '\'' || code_point == '"')
      to += '\\', to += s[0];
    else if (!special && (code_point < 0x80 || is_printable(code_point)))
      to += s.substr(0, size);
    else
      unicode(code_point);
    s.remove_prefix(size);
  }
  return to;
}

// What may stand in a query: ' ' becomes +.
inline std::string url_query_escape(std::string_view s) {
  std::string to;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_a(c, byte_unreserved))
      to += c;
    else if (c == ' ')
      to += '+';
    else
      to += '%', to += "0123456789ABCDEF"[byte >> 4], to += "0123456789ABCDEF"[byte & 15];
  }
  return to;
}

// ---- what they share

// Null for nothing, as fmt has it.
inline std::vector<const Value*> operands_of(Arguments arguments, const Value& null) {
  std::vector<const Value*> operands;
  operands.reserve(arguments.size());
  for (const Operand& a : arguments) operands.push_back(a.is_nothing() ? &null : a.value);
  return operands;
}

inline std::string print_arguments(Arguments arguments) {
  const Value null;
  return print_operands(operands_of(arguments, null));
}

// The text of html, js and urlquery: unlike print's, nothing shows as <no value> in it.
inline std::string text_to_escape(Arguments arguments) {
  const Value null;
  const Value no_value = "<no value>";
  std::vector<const Value*> operands = operands_of(arguments, null);
  for (const Value*& v : operands) {
    if (v->is_null()) v = &no_value;
  }
  return print_operands(operands);
}

// An index from 0 up to and with size.
inline std::size_t to_index(const Operand& index, std::size_t size) {
  if (index.is_null()) throw std::invalid_argument("cannot index slice/array with nil");
  if (!index.value->is_int())
    throw std::invalid_argument("cannot index slice/array with type " +
                                std::string(go_type(*index.value)));
  const std::int64_t n = index.value->as_int();
  if (n < 0 || static_cast<std::uint64_t>(n) > size)
    throw std::invalid_argument("index out of range: " + std::to_string(n));
  return static_cast<std::size_t>(n);
}

// ---- one by one

inline Operand index_once(const Operand& item, const Operand& index) {
  const Value& v = *item.value;
  if (v.is_map()) {
    if (index.is_null()) throw std::invalid_argument("value is nil; should be of type string");
    if (!index.value->is_string())
      throw std::invalid_argument("value has type " + std::string(go_type(*index.value)) +
                                  "; should be string");
    const Value* found = v.find(index.value->as_string());
    return found == nullptr ? Operand{} : item.element(*found);
  }
  if (!v.is_list() && !is_text(v))
    throw std::invalid_argument("can't index item of type " + std::string(go_type(v)));
  const std::size_t size = v.is_list() ? v.size() : v.as_string().size();
  const std::size_t i = to_index(index, size);
  if (i == size)
    throw std::invalid_argument(v.is_list() ? "reflect: slice index out of range"
                                            : "reflect: string index out of range");
  if (v.is_list()) return item.element(v.as_list()[i]);
  return make_operand(static_cast<unsigned char>(v.as_string()[i]));
}

// index x 1 2 is x[1][2].
inline Operand call_index(Arguments arguments) {
  Operand item = arguments[0];
  if (item.is_null()) throw std::invalid_argument("index of untyped nil");
  for (const Operand& index : arguments.subspan(1)) {
    if (item.is_null()) throw std::invalid_argument("index of nil pointer");
    item = index_once(item, index);
  }
  return item;
}

// Part of a text, which stays what it was.
inline Value same_kind(const Value& like, std::string text) {
  switch (like.kind()) {
    case Value::Kind::html: return HTML{std::move(text)};
    case Value::Kind::css: return CSS{std::move(text)};
    case Value::Kind::js: return JS{std::move(text)};
    case Value::Kind::js_str: return JSStr{std::move(text)};
    case Value::Kind::url: return URL{std::move(text)};
    case Value::Kind::html_attr: return HTMLAttr{std::move(text)};
    case Value::Kind::srcset: return Srcset{std::move(text)};
    default: return Value(std::move(text));
  }
}

// slice x 1 2 is x[1:2].
inline Operand call_slice(Arguments arguments) {
  if (arguments[0].is_null()) throw std::invalid_argument("slice of untyped nil");
  const Value& item = *arguments[0].value;
  const Arguments indexes = arguments.subspan(1);
  if (indexes.size() > 3)
    throw std::invalid_argument("too many slice indexes: " + std::to_string(indexes.size()));
  if (is_text(item) && indexes.size() == 3)
    throw std::invalid_argument("cannot 3-index slice a string");
  if (!is_text(item) && !item.is_list())
    throw std::invalid_argument("can't slice item of type " + std::string(go_type(item)));

  const std::size_t size = item.is_list() ? item.size() : item.as_string().size();
  std::size_t from_to[3] = {0, size, size};
  for (std::size_t i = 0; i < indexes.size(); ++i) from_to[i] = to_index(indexes[i], size);
  for (std::size_t i = 0; i < (indexes.size() == 3 ? 2u : 1u); ++i) {
    if (from_to[i] > from_to[i + 1])
      throw std::invalid_argument("invalid slice index: " + std::to_string(from_to[i]) + " > " +
                                  std::to_string(from_to[i + 1]));
  }
  const std::size_t from = from_to[0];
  const std::size_t count = from_to[1] - from;
  if (!item.is_list()) return make_operand(same_kind(item, item.as_string().substr(from, count)));
  List part;
  for (std::size_t i = 0; i < count; ++i) part.push_back(item.as_list()[from + i]);
  return make_operand(std::move(part));
}

inline Operand call_len(Arguments arguments) {
  const Operand& item = arguments[0];
  if (item.is_nothing())
    throw std::invalid_argument("reflect: call of reflect.Value.Type on zero Value");
  if (item.is_null()) throw std::invalid_argument("len of nil pointer");
  const Value& v = *item.value;
  const bool has_size = v.is_list() || v.is_map();
  if (!has_size && !is_text(v))
    throw std::invalid_argument("len of type " + std::string(go_type(v)));
  return make_operand(has_size ? v.size() : v.as_string().size());
}

inline Operand call_printf(Arguments arguments) {
  const Value null;
  const std::vector<const Value*> operands = operands_of(arguments.subspan(1), null);
  return make_operand(printf_operands(arguments[0].value->as_string(), operands));
}

inline Operand call_println(Arguments arguments) {
  const Value null;
  return make_operand(println_operands(operands_of(arguments, null)));
}

// ---- the table

struct Builtin {
  std::string_view name;
  std::size_t least;           // arguments
  bool is_variadic;            // may have more
  Operand (*call)(Arguments);  // nullptr: and, call, or; see the executor
};

// In order of name.
inline constexpr Builtin builtins[] = {
    {"and", 1, true, nullptr},
    {"call", 1, true, nullptr},
    {"eq", 1, true, [](Arguments a) { return make_operand(equal_any(a)); }},
    {"ge", 2, false, [](Arguments a) { return make_operand(!less(a[0], a[1])); }},
    {"gt", 2, false, [](Arguments a) { return make_operand(!less_or_equal(a[0], a[1])); }},
    {"html", 0, true,
     [](Arguments a) { return make_operand(html_escape_string(text_to_escape(a))); }},
    {"index", 1, true, call_index},
    {"js", 0, true, [](Arguments a) { return make_operand(js_escape_string(text_to_escape(a))); }},
    {"le", 2, false, [](Arguments a) { return make_operand(less_or_equal(a[0], a[1])); }},
    {"len", 1, false, call_len},
    {"lt", 2, false, [](Arguments a) { return make_operand(less(a[0], a[1])); }},
    {"ne", 2, false, [](Arguments a) { return make_operand(!equal_pair(a[0], a[1])); }},
    {"not", 1, false, [](Arguments a) { return make_operand(!is_true(a[0])); }},
    {"or", 1, true, nullptr},
    {"print", 0, true, [](Arguments a) { return make_operand(print_arguments(a)); }},
    {"printf", 1, true, call_printf},
    {"println", 0, true, call_println},
    {"slice", 1, true, call_slice},
    {"urlquery", 0, true,
     [](Arguments a) { return make_operand(url_query_escape(text_to_escape(a))); }},
};

// Returns: nullptr when there is none of that name.
inline const Builtin* find_builtin(std::string_view name) noexcept {
  for (const Builtin& builtin : builtins) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

}  // namespace jot::inline v1::detail
