// SPDX-License-Identifier: MIT
//
// html_tag.hpp -- where does this piece of HTML lead: text, tags and attributes?
//
// Each step takes the context and the rest of the text, changes the context, and returns how many
// bytes it took; a step that took nothing changed the state. See HTML, section 13.2.5.
#pragma once

#include "ascii.hpp"           // byte_alpha, iequals, is_a, is_digit
#include "html_attribute.hpp"  // attribute_of, value_state
#include "html_state.hpp"      // HtmlContext, HtmlState, ...

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

constexpr bool is_html_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

constexpr std::size_t skip_html_space(std::string_view s, std::size_t at = 0) noexcept {
  while (at < s.size() && is_html_space(s[at])) ++at;
  return at;
}

// For messages: the beginning of text, in quotes.
inline std::string quoted_start(std::string_view text) {
  return "\"" + std::string(text.substr(0, 32)) + "\"";
}

inline std::size_t html_fail(HtmlContext& c, std::string_view s, EscapeErrc code,
                             std::string what) {
  c = html_error(code, std::move(what));
  return s.size();
}

// How long is the tag name that s begins with? 0: none.
constexpr std::size_t tag_name_size(std::string_view s) noexcept {
  const auto alnum = [](char c) { return is_a(c, byte_alpha) || is_digit(c); };
  if (s.empty() || !is_a(s[0], byte_alpha)) return 0;
  std::size_t at = 1;
  while (at < s.size()) {
    if (alnum(s[at])) {
      ++at;
    } else if ((s[at] == ':' || s[at] == '-') && at + 1 < s.size() && alnum(s[at + 1])) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

constexpr std::string_view element_names[] = {"", "script", "style", "textarea", "title"};

constexpr HtmlElement element_of(std::string_view tag) noexcept {
  for (unsigned i = 1; i < 5; ++i) {
    if (iequals(tag, element_names[i])) return static_cast<HtmlElement>(i);
  }
  return HtmlElement::none;
}

constexpr HtmlState content_state(HtmlElement element) noexcept {
  switch (element) {
    case HtmlElement::script: return HtmlState::js;
    case HtmlElement::style: return HtmlState::css;
    case HtmlElement::textarea:
    case HtmlElement::title: return HtmlState::rcdata;
    default: return HtmlState::text;
  }
}

inline void begin_state(HtmlContext& c, HtmlState state, HtmlElement element = HtmlElement::none) {
  c = HtmlContext{};
  c.state = state, c.element = element;
}

inline std::size_t step_text(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find('<', at)) != s.npos && at + 1 < s.size(); ++at) {
    if (s.substr(at).starts_with("<!--")) {
      begin_state(c, HtmlState::comment);
      return at + 4;
    }
    const bool ends = s[at + 1] == '/';
    const std::size_t name = at + (ends ? 2 : 1);
    if (const std::size_t size = tag_name_size(s.substr(name)); size > 0) {
      begin_state(c, HtmlState::tag, ends ? HtmlElement::none : element_of(s.substr(name, size)));
      return name + size;
    }
  }
  return s.size();
}

inline std::size_t step_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find("-->");
  if (end == s.npos) return s.size();
  begin_state(c, HtmlState::text);
  return end + 3;
}

// Where does the attribute name that begins at `at` end? npos, and c in error: never.
inline std::size_t attribute_name_end(HtmlContext& c, std::string_view s, std::size_t at) {
  const std::size_t end = std::min(s.find_first_of(" \t\n\f\r=>'\"<", at), s.size());
  if (end == s.size() || (s[end] != '\'' && s[end] != '"' && s[end] != '<')) return end;
  // An attribute may not be called that, and a browser would take it for the end of another.
  html_fail(c, s, EscapeErrc::bad_html,
            "'" + std::string(1, s[end]) + "' in attribute name: " + quoted_start(s));
  return s.npos;
}

inline std::size_t step_tag(HtmlContext& c, std::string_view s) {
  const std::size_t name = skip_html_space(s);
  if (name == s.size()) return name;
  if (s[name] == '>') {
    begin_state(c, content_state(c.element), c.element);
    return name + 1;
  }
  const std::size_t end = attribute_name_end(c, s, name);
  if (end == s.npos) return s.size();
  if (end == name) {
    return html_fail(
        c, s, EscapeErrc::bad_html,
        "expected space, attr name, or end of tag, but got " + quoted_start(s.substr(name)));
  }
  const HtmlAttribute attribute = attribute_of(s.substr(name, end - name), c.element);
  begin_state(c, end == s.size() ? HtmlState::attribute_name : HtmlState::after_name, c.element);
  c.attribute = attribute;
  return end;
}

// The name goes on after an action.
inline std::size_t step_attribute_name(HtmlContext& c, std::string_view s) {
  const std::size_t end = attribute_name_end(c, s, 0);
  if (end == s.npos) return s.size();
  if (end < s.size()) c.state = HtmlState::after_name;
  return end;
}

inline std::size_t step_after_name(HtmlContext& c, std::string_view s) {
  const std::size_t at = skip_html_space(s);
  if (at == s.size()) return at;
  if (s[at] != '=') {
    c.state = HtmlState::tag;  // it has no value
    return at;
  }
  c.state = HtmlState::before_value;
  return at + 1;
}

inline std::size_t step_before_value(HtmlContext& c, std::string_view s) {
  const std::size_t at = skip_html_space(s);
  if (at == s.size()) return at;
  c.state = value_state(c.attribute);
  c.delimiter = s[at] == '"'    ? HtmlDelimiter::double_quote
                : s[at] == '\'' ? HtmlDelimiter::single_quote
                                : HtmlDelimiter::space_or_tag_end;
  return c.delimiter == HtmlDelimiter::space_or_tag_end ? at : at + 1;
}

// In a URL: has its path begun, has its query?
inline std::size_t step_url(HtmlContext& c, std::string_view s) {
  if (s.find_first_of("#?") != s.npos) {
    c.url_part = UrlPart::query_or_frag;
  } else if (c.url_part == UrlPart::none && skip_html_space(s) < s.size()) {
    c.url_part = UrlPart::pre_query;
  }
  return s.size();
}

// Where is the "</script" that ends this element? npos: not here.
constexpr std::size_t find_end_tag(std::string_view s, HtmlElement element) noexcept {
  const std::string_view name = element_names[static_cast<unsigned>(element)];
  for (std::size_t at = 0; (at = s.find("</", at)) != s.npos; at += 2) {
    const std::string_view tag = s.substr(at + 2);
    if (tag.size() <= name.size() || !iequals(tag.substr(0, name.size()), name)) continue;
    if (std::string_view("> \t\n\f/").find(tag[name.size()]) != tag.npos) return at;
  }
  return s.npos;
}

// A text that is followed step by step. It knows its next end tag: looked for at each step, a
// script of many would take the square of its size.
class TaggedText {
 public:
  explicit TaggedText(std::string_view text) noexcept : text_(text) {}

  std::string_view from(std::size_t at) const noexcept { return text_.substr(at); }

  // As find_end_tag(from(at), element); at does not go back.
  std::size_t find_end(HtmlElement element, std::size_t at) noexcept {
    if (element != element_ || found_ < at) {
      element_ = element;
      const std::size_t found = find_end_tag(from(at), element);
      found_ = found == text_.npos ? found : at + found;
    }
    return found_ == text_.npos ? found_ : found_ - at;
  }

 private:
  const std::string_view text_;
  HtmlElement element_ = HtmlElement::none;
  std::size_t found_ = 0;  // of element_, from the text's begin
};

// May the element's end tag be here? A "</script" within a string is written another way, so it is
// no end; nor is one in a comment, which is dropped.
inline bool may_end_element(const HtmlContext& c) noexcept {
  if (c.element == HtmlElement::none) return false;
  return c.element != HtmlElement::script || !(is_script_literal(c.state) || is_comment(c.state));
}

// Ends the element if its end tag is here. Returns: where that is, or the size of s.
inline std::size_t step_to_end_tag(HtmlContext& c, std::string_view s) {
  const std::size_t end = may_end_element(c) ? find_end_tag(s, c.element) : s.npos;
  if (end == s.npos) return s.size();
  begin_state(c, HtmlState::text);
  return end;
}

}  // namespace jot::inline v1::detail
