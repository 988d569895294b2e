// SPDX-License-Identifier: MIT
//
// html_entity.hpp -- which characters does this attribute value stand for?
//
// In: a value as written, with &amp; and its kind. Out: what a browser hands to the parser of URLs,
// CSS or JavaScript. Those look at ASCII only, so names of other characters all become one letter
// that is none of theirs, U+FFFD. See HTML, section 13.2.5.72 (character references).
#pragma once

#include "ascii.hpp"  // byte_alpha, hex_digit, is_a, is_digit
#include "utf8.hpp"   // append_utf8

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct HtmlEntity {
  std::string_view name;
  char character;
};

// All names of ASCII characters.
inline constexpr HtmlEntity html_entities[] = {
    {"AMP;", '&'},      {"GT;", '>'},
    {"Grave;", '`'},    {"Hat;", '^'},
    {"LT;", '<'},       {"NewLine;", '\n'},
    {"QUOT;", '"'},     {"Tab;", '\t'},
    {"UnderBar;", '_'}, {"VerticalLine;", '|'},
    {"amp;", '&'},      {"apos;", '\''},
    {"ast;", '*'},      {"bsol;", '\\'},
    {"colon;", ':'},    {"comma;", ','},
    {"commat;", '@'},   {"dollar;", '$'},
    {"equals;", '='},   {"excl;", '!'},
    {"grave;", '`'},    {"DiacriticalGrave;", '`'},
    {"gt;", '>'},       {"lbrace;", '{'},
    {"lbrack;", '['},   {"lcub;", '{'},
    {"lowbar;", '_'},   {"lpar;", '('},
    {"lsqb;", '['},     {"lt;", '<'},
    {"midast;", '*'},   {"num;", '#'},
    {"percnt;", '%'},   {"period;", '.'},
    {"plus;", '+'},     {"quest;", '?'},
    {"quot;", '"'},     {"rbrace;", '}'},
    {"rbrack;", ']'},   {"rcub;", '}'},
    {"rpar;", ')'},     {"rsqb;", ']'},
    {"semi;", ';'},     {"sol;", '/'},
    {"verbar;", '|'},   {"vert;", '|'},
};

// Old names that need no semicolon.
inline constexpr HtmlEntity old_html_entities[] = {
    {"AMP", '&'}, {"GT", '>'}, {"LT", '<'}, {"QUOT", '"'},
    {"amp", '&'}, {"gt", '>'}, {"lt", '<'}, {"quot", '"'},
};

class EntityDecoder {
 public:
  explicit EntityDecoder(std::string_view text) noexcept : text_(text) {}

  std::string decode() {
    std::string to;
    while (at_ < text_.size()) {
      const std::size_t amp = std::min(text_.find('&', at_), text_.size());
      to.append(text_, at_, amp - at_);
      at_ = amp;
      if (at_ < text_.size() && !reference(to)) to += text_[at_++];
    }
    return to;
  }

 private:
  // At an '&'. Returns: false when it is just that.
  bool reference(std::string& to) {
    const std::string_view rest = text_.substr(at_ + 1);
    return rest.starts_with('#') ? numeric(rest.substr(1), to) : named(rest, to);
  }

  bool numeric(std::string_view rest, std::string& to) {
    const bool hex = rest.starts_with('x') || rest.starts_with('X');
    std::size_t i = hex ? 1 : 0;
    const std::size_t first = i;
    char32_t c = 0;
    for (; i < rest.size() && (hex ? hex_digit(rest[i]) >= 0 : is_digit(rest[i])); ++i) {
      if (c < 0x110000) c = c * (hex ? 16 : 10) + static_cast<char32_t>(hex_digit(rest[i]));
    }
    if (i == first) return false;
    if (i < rest.size() && rest[i] == ';') ++i;
    const bool odd = c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF);
    append_utf8(to, odd || (c >= 0x80 && c < 0xA0) ? U'\uFFFD' : c);
    at_ += 2 + i;  // "&#"
    return true;
  }

  bool named(std::string_view rest, std::string& to) {
    for (const HtmlEntity& entity : html_entities) {
      if (rest.starts_with(entity.name)) return take(entity, to);
    }
    for (const HtmlEntity& entity : old_html_entities) {
      if (rest.starts_with(entity.name)) return take(entity, to);
    }
    std::size_t end = 0;
    while (end < rest.size() && (is_a(rest[end], byte_alpha) || is_digit(rest[end]))) ++end;
    if (end < 2 || end == rest.size() || rest[end] != ';') return false;
    append_utf8(to, U'\uFFFD');
    at_ += end + 2;
    return true;
  }

  bool take(const HtmlEntity& entity, std::string& to) {
    to += entity.character;
    at_ += 1 + entity.name.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace jot::inline v1::detail
