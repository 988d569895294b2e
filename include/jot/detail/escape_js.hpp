// SPDX-License-Identifier: MIT
//
// escape_js.hpp -- how is a Value written in JavaScript?
//
// As an expression: JSON, which is safe in scripts and attributes. In a string, a template literal
// or a regexp: with all that could end it escaped, < and > included, so that no </script> or <!--
// can come of it.
#pragma once

#include "../value.hpp"  // List, Map, Value
#include "html_js.hpp"   // is_js_identifier_part
#include "utf8.hpp"      // utf8_front

#include <charconv>     // std::chars_format, std::from_chars, std::to_chars
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline void append_js_unicode(std::string& to, char32_t c) {
  constexpr char hex[] = "0123456789abcdef";
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to += hex[c >> shift & 15];
}

// In a literal. also: what is escaped by a backslash; unicode: what by its number.
inline void append_js_literal(std::string& to, std::string_view s, std::string_view also,
                              std::string_view unicode) {
  for (std::size_t i = 0; i < s.size();) {
    const char c = s[i];
    const Utf8 character = utf8_front(s.substr(i));
    const std::size_t size = character.size == 0 ? 1 : character.size;
    if (c == '\t' || c == '\n' || c == '\f' || c == '\r') {
      to += '\\', to += c == '\t' ? 't' : c == '\n' ? 'n' : c == '\f' ? 'f' : 'r';
    } else if (also.find(c) != also.npos) {
      to += '\\', to += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || unicode.find(c) != unicode.npos ||
               character.code_point == 0x2028 || character.code_point == 0x2029) {
      append_js_unicode(to, character.code_point);
    } else {
      to.append(s, i, size);
    }
    i += size;
  }
}

inline void append_js_string(std::string& to, std::string_view s) {
  append_js_literal(to, s, "\\/", "\"'`&+<>");
}

// Of JSStr: its escapes stay.
inline void append_js_written_string(std::string& to, std::string_view s) {
  append_js_literal(to, s, "/", "\"'`&+<>");
}

inline void append_js_template(std::string& to, std::string_view s) {
  append_js_literal(to, s, "\\/", "\"'`&+<>${}");
}

inline void append_js_regexp(std::string& to, std::string_view s) {
  if (s.empty()) return void(to += "(?:)");  // "//" would be a comment
  append_js_literal(to, s, "\\/$()*-.?[]^{|}", "\"'&+<>");
}

// JSON as Go's encoding/json writes it.
class JsValueWriter {
 public:
  explicit JsValueWriter(std::string& to) noexcept : to_(to) {}

  // Returns: false for NaN and infinity, which JSON cannot say.
  bool write(const Value& v) {
    switch (v.kind()) {
      case Value::Kind::null: to_ += "null"; return true;
      case Value::Kind::boolean: to_ += v.as_bool() ? "true" : "false"; return true;
      case Value::Kind::integer: return number(v.as_int());
      case Value::Kind::floating: return number(v.as_double());
      case Value::Kind::list: return list(v.as_list());
      case Value::Kind::map: return map(v.as_map());
      default: return text(v.as_string());
    }
  }

  std::string problem;

 private:
  bool text(std::string_view s) {
    to_ += '"';
    for (std::size_t i = 0; i < s.size();) {
      const Utf8 c = utf8_front(s.substr(i));
      switch (c.size == 0 ? U'\uFFFD' : c.code_point) {
        case '"': to_ += "\\\""; break;
        case '\\': to_ += "\\\\"; break;
        case '\b': to_ += "\\b"; break;
        case '\f': to_ += "\\f"; break;
        case '\n': to_ += "\\n"; break;
        case '\r': to_ += "\\r"; break;
        case '\t': to_ += "\\t"; break;
        default: letter(s.substr(i), c);
      }
      i += c.size == 0 ? 1 : c.size;
    }
    to_ += '"';
    return true;
  }

  void letter(std::string_view s, Utf8 c) {
    const char32_t p = c.code_point;
    if (c.size == 0) return append_js_unicode(to_, 0xFFFD);
    const bool escape = p < 0x20 || p == '<' || p == '>' || p == '&' || p == 0x2028 || p == 0x2029;
    escape ? append_js_unicode(to_, p) : static_cast<void>(to_.append(s.substr(0, c.size)));
  }

  bool number(std::int64_t n) {
    char digits[24];
    to_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
    return true;
  }

  // 1.5e+16 as 15000000000000000.
  static std::string without_exponent(std::string_view s) {
    const std::size_t e = s.find('e');
    std::string digits(s.substr(0, e));
    std::size_t zeros = 0;
    std::from_chars(s.data() + e + 2, s.data() + s.size(), zeros);
    if (const std::size_t point = digits.find('.'); point != digits.npos) {
      zeros -= digits.size() - point - 1;
      digits.erase(point, 1);
    }
    return digits.append(zeros, '0');
  }

  bool number(double d) {
    const double size = d < 0 ? -d : d;
    if (!(size <= 1.7976931348623157e308)) {
      problem = d > 0 ? "+Inf" : d < 0 ? "-Inf" : "NaN";
      return false;
    }
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    // Beyond 2^53, as fixed, it would have digits that it does not need.
    const bool long_integer = plain && size >= 9007199254740992.0;
    char digits[400];
    const char* const end = std::to_chars(digits, digits + sizeof digits, d,
                                          plain && !long_integer ? std::chars_format::fixed
                                                                 : std::chars_format::scientific)
                                .ptr;
    std::string written(digits, static_cast<std::size_t>(end - digits));
    if (long_integer) {
      written = without_exponent(written);
    } else if (const std::size_t e = written.find("e-0"); e != written.npos) {
      written.erase(e + 2, 1);  // 1e-07 is 1e-7
    }
    to_ += written;
    return true;
  }

  bool list(const List& items) {
    to_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) to_ += ',';
      if (!write(items[i])) return false;
    }
    to_ += ']';
    return true;
  }

  bool map(const Map& items) {
    to_ += '{';
    bool first = true;
    for (const auto& [key, item] : items) {
      if (!first) to_ += ',';
      first = false;
      text(key);
      to_ += ':';
      if (!write(item)) return false;
    }
    to_ += '}';
    return true;
  }

  std::string& to_;
};

// An expression. A space keeps it from running into a word beside it: return{{.}}.
inline void append_js_value(std::string& to, const Value& v) {
  if (v.kind() == Value::Kind::js) return void(to += v.as_string());
  if (v.kind() == Value::Kind::js_str) {
    to += '"', to += v.as_string(), to += '"';
    return;
  }
  std::string json;
  JsValueWriter writer(json);
  if (!writer.write(v)) {
    to += " /* json: unsupported value: " + writer.problem + " */null ";
    return;
  }
  const bool pad = is_js_identifier_part(json.front()) || is_js_identifier_part(json.back());
  if (pad) to += ' ';
  to += json;
  if (pad) to += ' ';
}

}  // namespace jot::inline v1::detail
