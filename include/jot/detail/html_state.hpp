// SPDX-License-Identifier: MIT
//
// html_state.hpp -- in what kind of place does this byte of a page stand?
//
// An HtmlContext is all that has to be known of a page up to some byte to say how a value is
// written there: in text, in a quoted href before its '?', in a JavaScript string within onclick.
// It begins as text and is moved on by html_advance(). Two contexts are equal when values are
// written alike after both; name() tells them apart in messages and in names of derived templates.
#pragma once

#include <cstdint>  // std::uint8_t
#include <string>   // std::string, std::to_string
#include <utility>  // std::move
#include <vector>   // std::vector

namespace jot::inline v1::detail {

// Why a template cannot be escaped. The names are those of Go's html/template.
enum class EscapeErrc : std::uint8_t {
  ok,
  ambig_context,       // a URL that is at its query in one branch and not in the other
  bad_html,            // a quote in an attribute name, a '<' in an unquoted value
  branch_end,          // {{if}}, {{with}} or {{range}}: branches end in different contexts
  end_context,         // ends within a tag, an attribute, a script
  no_such_template,    // {{template "x"}} and nobody defined x
  output_context,      // a recursive template whose end cannot be computed
  partial_charset,     // /[{{.}}]/
  partial_escape,      // "\{{.}}"
  range_loop_reentry,  // a loop that does not end where it began
  slash_ambig,         // a '/' that may divide or begin a regexp
  predefined_escaper,  // {{. | html | print}}
};

// As Go prints it, for who looks it up there.
constexpr const char* escape_errc_name(EscapeErrc code) noexcept {
  constexpr const char* names[] = {"OK",
                                   "ErrAmbigContext",
                                   "ErrBadHTML",
                                   "ErrBranchEnd",
                                   "ErrEndContext",
                                   "ErrNoSuchTemplate",
                                   "ErrOutputContext",
                                   "ErrPartialCharset",
                                   "ErrPartialEscape",
                                   "ErrRangeLoopReentry",
                                   "ErrSlashAmbig",
                                   "ErrPredefinedEscaper"};
  return names[static_cast<unsigned>(code)];
}

enum class HtmlState : std::uint8_t {
  text,
  tag,               // before an attribute or the end of the tag
  attribute_name,    // in or right after a name
  after_name,        // before the '=', if there is one
  before_value,      // after the '='
  comment,           // <!-- -->
  rcdata,            // in <textarea> or <title>
  attribute,         // in a value that is plain text
  url,               // in a value that is a URL
  srcset,            // in a value that is a list of images
  js,                // in a script or an on... attribute
  js_dq_string,      // "
  js_sq_string,      // '
  js_template,       // `
  js_regexp,         // /
  js_block_comment,  // /* */
  js_line_comment,   // //, and #!
  js_open_comment,   // <!--: a line comment in scripts
  js_close_comment,  // -->: another
  css,               // in a style
  css_dq_string,
  css_sq_string,
  css_dq_url,  // url("
  css_sq_url,  // url('
  css_url,     // url(
  css_block_comment,
  css_line_comment,
  error,  // see HtmlContext::errc
  dead,   // after {{break}} or {{continue}}: nothing gets here
};

// What ends the attribute value that this stands in.
enum class HtmlDelimiter : std::uint8_t { none, double_quote, single_quote, space_or_tag_end };

// How much of a URL has been written.
enum class UrlPart : std::uint8_t {
  none,           // nothing: a scheme could come, javascript: among them
  pre_query,      // scheme, host or path
  query_or_frag,  // after '?' or '#'
  unknown,        // one branch was here, the other there
};

// What would a '/' in JavaScript be?
enum class JsSlash : std::uint8_t { regexp, division, unknown };

// What the value of the present attribute is.
enum class HtmlAttribute : std::uint8_t { none, script, script_type, style, url, srcset };

// Elements whose content is not HTML.
enum class HtmlElement : std::uint8_t { none, script, style, textarea, title };

struct HtmlContext {
  HtmlState state = HtmlState::text;
  HtmlDelimiter delimiter = HtmlDelimiter::none;
  UrlPart url_part = UrlPart::none;
  JsSlash slash = JsSlash::regexp;
  HtmlAttribute attribute = HtmlAttribute::none;
  HtmlElement element = HtmlElement::none;
  EscapeErrc errc = EscapeErrc::ok;  // not ok: state is error
  std::vector<int> braces = {};      // open { in each ${ of nested template literals
  std::string problem = {};          // what errc is about, in words

  bool operator==(const HtmlContext&) const = default;

  std::string name() const;
};

inline HtmlContext html_error(EscapeErrc code, std::string problem) {
  HtmlContext context;
  context.state = HtmlState::error, context.errc = code, context.problem = std::move(problem);
  return context;
}

constexpr bool is_comment(HtmlState state) noexcept {
  switch (state) {
    case HtmlState::comment:
    case HtmlState::js_block_comment:
    case HtmlState::js_line_comment:
    case HtmlState::js_open_comment:
    case HtmlState::js_close_comment:
    case HtmlState::css_block_comment:
    case HtmlState::css_line_comment: return true;
    default: return false;
  }
}

constexpr bool is_in_tag(HtmlState state) noexcept {
  return (state >= HtmlState::tag && state <= HtmlState::before_value) ||
         state == HtmlState::attribute;
}

// Where "</script" is a part of the script's text, and is written another way.
constexpr bool is_script_literal(HtmlState state) noexcept {
  return state >= HtmlState::js_dq_string && state <= HtmlState::js_regexp;
}

// Without spaces: it becomes part of a template's name.
inline std::string HtmlContext::name() const {
  constexpr const char* states[] = {"text",
                                    "tag",
                                    "attribute_name",
                                    "after_name",
                                    "before_value",
                                    "comment",
                                    "rcdata",
                                    "attribute",
                                    "url",
                                    "srcset",
                                    "js",
                                    "js_dq_string",
                                    "js_sq_string",
                                    "js_template",
                                    "js_regexp",
                                    "js_block_comment",
                                    "js_line_comment",
                                    "js_open_comment",
                                    "js_close_comment",
                                    "css",
                                    "css_dq_string",
                                    "css_sq_string",
                                    "css_dq_url",
                                    "css_sq_url",
                                    "css_url",
                                    "css_block_comment",
                                    "css_line_comment",
                                    "error",
                                    "dead"};
  constexpr const char* delimiters[] = {"", "_double_quote", "_single_quote", "_unquoted"};
  constexpr const char* parts[] = {"", "_pre_query", "_query_or_frag", "_url_part_unknown"};
  constexpr const char* slashes[] = {"", "_division", "_slash_unknown"};
  constexpr const char* attributes[] = {"", "_script", "_script_type", "_style", "_url", "_srcset"};
  constexpr const char* elements[] = {"", "_in_script", "_in_style", "_in_textarea", "_in_title"};
  std::string name = states[static_cast<unsigned>(state)];
  name += delimiters[static_cast<unsigned>(delimiter)];
  name += parts[static_cast<unsigned>(url_part)];
  name += slashes[static_cast<unsigned>(slash)];
  for (const int open : braces) name += "_brace" + std::to_string(open);
  name += attributes[static_cast<unsigned>(attribute)];
  name += elements[static_cast<unsigned>(element)];
  return name;
}

}  // namespace jot::inline v1::detail
