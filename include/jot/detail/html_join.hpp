// SPDX-License-Identifier: MIT
//
// html_join.hpp -- in which context is the page where two ways meet?
//
// After {{if}}, {{with}} and {{range}}. The ways must agree, but for what can be said to be
// unknown: how much of a URL there is, what a '/' would be in a script.
#pragma once

#include "html_attribute.hpp"  // value_state
#include "html_state.hpp"      // HtmlContext, html_error

#include <string>  // std::string

namespace jot::inline v1::detail {

// Where a value stands that is written right here: <a {{.}}, <a b={{.}}, <a b {{.}}.
inline HtmlContext nudged(HtmlContext c) {
  if (c.state == HtmlState::tag) {
    c.state = HtmlState::attribute_name;
  } else if (c.state == HtmlState::before_value) {
    c.state = value_state(c.attribute);
    c.delimiter = HtmlDelimiter::space_or_tag_end;
    c.attribute = HtmlAttribute::none;
  } else if (c.state == HtmlState::after_name) {
    c.state = HtmlState::attribute_name;
    c.attribute = HtmlAttribute::none;
  }
  return c;
}

// word: of the block that ends here, for the message.
inline HtmlContext join_contexts(const HtmlContext& a, const HtmlContext& b, const char* word) {
  if (a.state == HtmlState::error || b.state == HtmlState::dead || a == b) return a;
  if (b.state == HtmlState::error || a.state == HtmlState::dead) return b;
  HtmlContext c = a;
  c.url_part = b.url_part;
  if (c == b) return c.url_part = UrlPart::unknown, c;
  c = a;
  c.slash = b.slash;
  if (c == b) return c.slash = JsSlash::unknown, c;
  const HtmlContext x = nudged(a), y = nudged(b);
  if (!(x == a && y == b)) {
    const HtmlContext joined = join_contexts(x, y, word);
    if (joined.state != HtmlState::error) return joined;
  }
  return html_error(EscapeErrc::branch_end,
                    std::string("{{") + word +
                        "}} branches end in different contexts: " + a.name() + ", " + b.name());
}

}  // namespace jot::inline v1::detail
