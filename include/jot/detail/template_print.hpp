// SPDX-License-Identifier: MIT
//
// template_print.hpp -- how does a Value look on a page?
//
// In: a Value, and for printf a verb with its flags. Out: what Go's fmt prints for it: map[a:1
// b:[1 2]], <nil>, 1e+21. A Value that a verb does not go with is printed as what is wrong with it:
// %!d(string=hi).
#pragma once

#include "../value.hpp"         // List, Map, Value
#include "quote.hpp"            // append_quoted, can_be_backquoted
#include "template_number.hpp"  // append_float, append_integer, append_padded, PrintFlags
#include "utf8.hpp"             // append_utf8, utf8_front

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The type that this would have in Go.
inline std::string_view go_type(const Value& v) noexcept {
  switch (v.kind()) {
    case Value::Kind::null: return "<nil>";
    case Value::Kind::boolean: return "bool";
    case Value::Kind::integer: return "int";
    case Value::Kind::floating: return "float64";
    case Value::Kind::string: return "string";
    case Value::Kind::list: return "[]interface {}";
    case Value::Kind::map: return "map[string]interface {}";
    case Value::Kind::html: return "template.HTML";
    case Value::Kind::css: return "template.CSS";
    case Value::Kind::js: return "template.JS";
    case Value::Kind::js_str: return "template.JSStr";
    case Value::Kind::url: return "template.URL";
    case Value::Kind::html_attr: return "template.HTMLAttr";
    default: return "template.Srcset";
  }
}

// Text, typed or not.
inline bool is_text(const Value& v) noexcept { return v.is_string() || v.is_content(); }

class ValuePrinter {
 public:
  ValuePrinter(std::string& to, const PrintFlags& flags) noexcept : to_(to), flags_(flags) {}

  // One that is an operand of its own, not a part of another.
  void print(const Value& v, char32_t verb) {
    if (v.is_null() && (verb == 'T' || verb == 'v')) return append_padded(to_, "<nil>", flags_);
    if (verb == 'T') return static_cast<void>(text(go_type(v), 's'));
    if (v.is_null() || verb == 'p' || verb == 'w') return refuse(v, verb);
    part(v, verb);
  }

 private:
  void part(const Value& v, char32_t verb) {
    switch (v.kind()) {
      case Value::Kind::null: to_ += flags_.go_syntax ? "interface {}(nil)" : "<nil>"; return;
      case Value::Kind::boolean:
        if (verb != 't' && verb != 'v') return refuse(v, verb);
        return append_padded(to_, v.as_bool() ? "true" : "false", flags_);
      case Value::Kind::integer:
        if (!append_integer(to_, v.as_int(), verb, flags_)) refuse(v, verb);
        return;
      case Value::Kind::floating:
        if (!append_float(to_, v.as_double(), verb, flags_)) refuse(v, verb);
        return;
      case Value::Kind::list: return list(v, verb);
      case Value::Kind::map: return map(v, verb);
      default:
        if (!text(v.as_string(), verb)) refuse(v, verb);
    }
  }

  void refuse(const Value& v, char32_t verb) {
    to_ += "%!";
    append_utf8(to_, verb);
    to_ += '(';
    to_ += go_type(v);
    if (!v.is_null()) to_ += '=', part(v, 'v');
    to_ += ')';
  }

  void list(const Value& v, char32_t verb) {
    if (flags_.go_syntax) to_ += go_type(v);
    to_ += flags_.go_syntax ? '{' : '[';
    bool first = true;
    for (const Value& item : v.as_list()) {
      if (!first) to_ += separator();
      first = false;
      part(item, verb);
    }
    to_ += flags_.go_syntax ? '}' : ']';
  }

  void map(const Value& v, char32_t verb) {
    if (flags_.go_syntax)
      to_ += go_type(v), to_ += '{';
    else
      to_ += "map[";
    bool first = true;
    for (const auto& [key, item] : v.as_map()) {
      if (!first) to_ += separator();
      first = false;
      if (!text(key, verb)) refuse(key, verb);
      to_ += ':';
      part(item, verb);
    }
    to_ += flags_.go_syntax ? '}' : ']';
  }

  const char* separator() const noexcept { return flags_.go_syntax ? ", " : " "; }

  // Returns: false, and nothing is printed, for a verb that does not go with text.
  bool text(std::string_view s, char32_t verb) {
    switch (verb) {
      case 'v':
      case 's':
        if (verb == 'v' && flags_.go_syntax) return quote(s), true;
        return append_padded(to_, truncate(s), flags_), true;
      case 'x': return hex(s, "0123456789abcdefx"), true;
      case 'X': return hex(s, "0123456789ABCDEFX"), true;
      case 'q': return quote(s), true;
      default: return false;
    }
  }

  // At most as many characters as the precision says.
  std::string_view truncate(std::string_view s) const noexcept {
    if (!flags_.has_precision) return s;
    std::size_t end = 0;
    for (int left = flags_.precision; left > 0 && end < s.size(); --left) {
      const std::size_t size = utf8_front(s.substr(end)).size;
      end += size == 0 ? 1 : size;
    }
    return s.substr(0, end);
  }

  void quote(std::string_view s) {
    s = truncate(s);
    std::string literal;
    if (flags_.sharp && can_be_backquoted(s))
      literal += '`', literal += s, literal += '`';
    else
      append_quoted(literal, s, flags_.plus ? QuoteStyle::ascii : QuoteStyle::printable);
    append_padded(to_, literal, flags_);
  }

  // Two digits for each byte; the precision counts bytes.
  void hex(std::string_view s, const char* digits) {
    if (flags_.has_precision) s = s.substr(0, static_cast<std::size_t>(flags_.precision));
    std::string all;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (i > 0 && flags_.space) all += ' ';
      if (flags_.sharp && (i == 0 || flags_.space)) all += '0', all += digits[16];
      const auto byte = static_cast<unsigned char>(s[i]);
      all += digits[byte >> 4], all += digits[byte & 15];
    }
    append_padded(to_, all, flags_);
  }

  std::string& to_;
  const PrintFlags& flags_;
};

// As print does it: appends v by %v.
inline void append_printed(std::string& to, const Value& v) {
  if (is_text(v)) {
    to += v.as_string();
    return;
  }
  const PrintFlags none;
  ValuePrinter(to, none).print(v, 'v');
}

}  // namespace jot::inline v1::detail
