// SPDX-License-Identifier: MIT
//
// html_transition.hpp -- in which context is the page after this text?
//
// In: the context before, and a piece of what the author wrote between two actions. Out: the
// context some bytes on; called again until all is taken.
#pragma once

#include "html_attribute.hpp"  // is_script_type
#include "html_css.hpp"        // step_css, ...
#include "html_entity.hpp"     // EntityDecoder
#include "html_js.hpp"         // step_js, ...
#include "html_state.hpp"      // HtmlContext, HtmlState
#include "html_tag.hpp"        // step_tag, ...

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The step of one state, whatever delimits the text.
inline std::size_t html_step(HtmlContext& c, std::string_view s) {
  switch (c.state) {
    case HtmlState::text: return step_text(c, s);
    case HtmlState::tag: return step_tag(c, s);
    case HtmlState::attribute_name: return step_attribute_name(c, s);
    case HtmlState::after_name: return step_after_name(c, s);
    case HtmlState::before_value: return step_before_value(c, s);
    case HtmlState::comment: return step_comment(c, s);
    case HtmlState::rcdata: return step_to_end_tag(c, s);
    case HtmlState::url:
    case HtmlState::srcset: return step_url(c, s);
    case HtmlState::js: return step_js(c, s);
    case HtmlState::js_dq_string:
    case HtmlState::js_sq_string:
    case HtmlState::js_regexp: return step_js_literal(c, s);
    case HtmlState::js_template: return step_js_template(c, s);
    case HtmlState::js_line_comment:
    case HtmlState::js_open_comment:
    case HtmlState::js_close_comment: return step_js_line_comment(c, s);
    case HtmlState::js_block_comment:
    case HtmlState::css_block_comment: return step_block_comment(c, s);
    case HtmlState::css: return step_css(c, s);
    case HtmlState::css_dq_string:
    case HtmlState::css_sq_string:
    case HtmlState::css_dq_url:
    case HtmlState::css_sq_url:
    case HtmlState::css_url: return step_css_string(c, s);
    case HtmlState::css_line_comment: return step_css_line_comment(c, s);
    case HtmlState::attribute:
    case HtmlState::error:
    case HtmlState::dead: break;
  }
  return s.size();
}

// Where does the attribute value end that s is in? npos: not here.
constexpr std::size_t find_value_end(HtmlDelimiter delimiter, std::string_view s) noexcept {
  switch (delimiter) {
    case HtmlDelimiter::double_quote: return s.find('"');
    case HtmlDelimiter::single_quote: return s.find('\'');
    default: return s.find_first_of(" \t\n\f\r>");
  }
}

// In an attribute value: moves on to its end, or through all of s.
inline std::size_t advance_value(HtmlContext& c, std::string_view s) {
  const std::size_t end = std::min(find_value_end(c.delimiter, s), s.size());
  const std::string_view value = s.substr(0, end);
  if (c.delimiter == HtmlDelimiter::space_or_tag_end) {
    // Browsers do not agree on what these mean here. HTML, section 13.1.2.3.
    const std::size_t bad = value.find_first_of("\"'<=`");
    if (bad != value.npos) {
      return html_fail(
          c, s, EscapeErrc::bad_html,
          "'" + std::string(1, value[bad]) + "' in unquoted attr: " + quoted_start(value));
    }
  }
  if (end == s.size()) {
    const std::string decoded = EntityDecoder(s).decode();
    for (std::string_view rest = decoded; !rest.empty();) rest.remove_prefix(html_step(c, rest));
    return end;
  }
  HtmlElement element = c.element;
  if (c.state == HtmlState::attribute && c.attribute == HtmlAttribute::script_type &&
      element == HtmlElement::script && !is_script_type(value)) {
    element = HtmlElement::none;  // what this script holds is data
  }
  const bool quoted = c.delimiter != HtmlDelimiter::space_or_tag_end;
  begin_state(c, HtmlState::tag, element);
  return quoted ? end + 1 : end;
}

// Returns: how many bytes of the text from `at` on, which is not its end, lead to the new c.
inline std::size_t html_advance(HtmlContext& c, TaggedText& text, std::size_t at) {
  const std::string_view s = text.from(at);
  if (c.delimiter != HtmlDelimiter::none) return advance_value(c, s);
  const std::size_t end = may_end_element(c) ? text.find_end(c.element, at) : s.npos;
  if (end == 0) {
    begin_state(c, HtmlState::text);
    return 0;
  }
  return html_step(c, s.substr(0, end));
}

}  // namespace jot::inline v1::detail
