// SPDX-License-Identifier: MIT
//
// escape_html.hpp -- how is text written in HTML?
//
// In: any bytes. Out, appended: the text for the place between tags, in a quoted attribute value,
// in one without quotes, or as an attribute's name. What is refused is written ZgotmplZ, as Go
// does.
#pragma once

#include "html_attribute.hpp"   // attribute_kind
#include "html_transition.hpp"  // html_step, find_value_end
#include "utf8.hpp"             // utf8_front

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::string_view filtered = "ZgotmplZ";

struct HtmlTable {
  std::string_view written[256] = {};
  bool is_plain[256] = {};  // the byte stands for itself
};

constexpr HtmlTable html_table(bool escape_ampersand, bool unquoted) {
  HtmlTable table;
  for (bool& plain : table.is_plain) plain = true;
  const auto set = [&](char c, std::string_view as) {
    table.written[static_cast<unsigned char>(c)] = as;
    table.is_plain[static_cast<unsigned char>(c)] = false;
  };
  set('\0', unquoted ? "&#xfffd;" : "\uFFFD");
  set('"', "&#34;"), set('\'', "&#39;"), set('+', "&#43;"), set('<', "&lt;"), set('>', "&gt;");
  if (escape_ampersand) set('&', "&amp;");
  if (!unquoted) return table;
  set('\t', "&#9;"), set('\n', "&#10;"), set('\v', "&#11;"), set('\f', "&#12;");
  set('\r', "&#13;"), set(' ', "&#32;"), set('=', "&#61;"), set('`', "&#96;");
  return table;
}

inline constexpr HtmlTable html_text_table = html_table(true, false);
inline constexpr HtmlTable html_markup_table = html_table(false, false);  // & is escaped already
inline constexpr HtmlTable html_unquoted_table = html_table(true, true);
inline constexpr HtmlTable html_unquoted_markup_table = html_table(false, true);

// Between tags, and within quotes.
inline void append_html(std::string& to, std::string_view s, const HtmlTable& table) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto byte = static_cast<unsigned char>(s[i]);
    if (table.is_plain[byte]) continue;
    to.append(s.data() + run, i - run).append(table.written[byte]);
    run = i + 1;
  }
  to.append(s.data() + run, s.size() - run);
}

// Without quotes: also what old browsers took for white space or an end.
inline void append_unquoted(std::string& to, std::string_view s, const HtmlTable& table) {
  for (std::size_t i = 0; i < s.size();) {
    const std::string_view written = table.written[static_cast<unsigned char>(s[i])];
    const Utf8 c = utf8_front(s.substr(i));
    if (!written.empty()) {
      to += written;
    } else if (c.size == 0 || c.code_point == 0xFFFD) {
      to += "&#xfffd;";
    } else if ((c.code_point >= 0xFDD0 && c.code_point <= 0xFDEF) ||
               (c.code_point >= 0xFFF0 && c.code_point <= 0xFFFF)) {
      constexpr char hex[] = "0123456789abcdef";
      to += "&#x";
      for (int shift = 12; shift >= 0; shift -= 4) to += hex[c.code_point >> shift & 15];
      to += ';';
    } else {
      to.append(s, i, c.size);
    }
    i += c.size == 0 ? 1 : c.size;
  }
}

// The text of markup: without tags, comments and what scripts hold.
inline std::string strip_tags(std::string_view s) {
  std::string to;
  HtmlContext c;
  bool all_text = true;
  std::size_t at = 0;
  while (at < s.size()) {
    if (c.delimiter != HtmlDelimiter::none) {
      const std::size_t end = find_value_end(c.delimiter, s.substr(at));
      if (end == s.npos) break;
      at += end + (c.delimiter == HtmlDelimiter::space_or_tag_end ? 0 : 1);
      begin_state(c, HtmlState::tag, c.element);
      continue;
    }
    const HtmlState before = c.state;
    const std::string_view rest = s.substr(at);
    const bool in_element = c.element != HtmlElement::none && !is_in_tag(before);
    const std::size_t taken = in_element ? step_to_end_tag(c, rest) : html_step(c, rest);
    if (before == HtmlState::text || before == HtmlState::rcdata) {
      const std::size_t tag = rest.substr(0, taken).rfind('<');
      to.append(rest.substr(0, c.state != before && tag != s.npos ? tag : taken));
    } else {
      all_text = false;
    }
    at += taken;
  }
  if (all_text) return std::string(s);
  if (c.state == HtmlState::text || c.state == HtmlState::rcdata) to.append(s.substr(at));
  return to;
}

// A name that a stranger may choose: of a plain attribute.
inline void append_attribute_name(std::string& to, std::string_view s) {
  std::string name;
  bool good = !s.empty();
  for (const char c : s) {
    name += to_lower(c);
    good = good && (is_a(c, byte_alpha) || is_digit(c));
  }
  good = good && attribute_kind(name) == AttributeKind::plain;
  to += good ? std::string_view(name) : filtered;
}

}  // namespace jot::inline v1::detail
