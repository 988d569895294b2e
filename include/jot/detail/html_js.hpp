// SPDX-License-Identifier: MIT
//
// html_js.hpp -- where does this piece of JavaScript lead?
//
// Steps as in html_tag.hpp. A parser would be needed to tell all divisions from regexps; what
// stands before the '/' tells nearly all, and where it does not, that is an error and no guess. The
// trail of a wrong guess is that of Go, byte for byte: see what `js_slash_after` says of '}'.
#pragma once

#include "ascii.hpp"       // byte_alpha, is_a, is_digit, to_lower
#include "html_state.hpp"  // HtmlContext, HtmlState, JsSlash
#include "html_tag.hpp"    // html_fail, quoted_start

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

constexpr bool is_js_identifier_part(char c) noexcept {
  return is_a(c, byte_alpha) || is_digit(c) || c == '_' || c == '$';
}

// Without the white space that ends it.
constexpr std::string_view trim_js_end(std::string_view s) noexcept {
  for (;;) {
    if (!s.empty() && std::string_view("\t\n\f\r ").find(s.back()) != s.npos) {
      s.remove_suffix(1);
    } else if (s.ends_with("\u2028") || s.ends_with("\u2029")) {
      s.remove_suffix(3);
    } else {
      return s;
    }
  }
}

// Words after which an expression begins.
constexpr bool js_precedes_regexp(std::string_view word) noexcept {
  for (const std::string_view known :
       {"break", "case", "continue", "delete", "do", "else", "finally", "in", "instanceof",
        "return", "throw", "try", "typeof", "void"}) {
    if (word == known) return true;
  }
  return false;
}

// What is a '/' after this code? `before`: what it was before the code.
constexpr JsSlash js_slash_after(std::string_view code, JsSlash before) noexcept {
  code = trim_js_end(code);
  if (code.empty()) return before;
  const char last = code.back();
  if (last == '+' || last == '-') {
    std::size_t count = 0;  // "x++ /" divides, "x+ /" and "x + ++/" do not
    while (count < code.size() && code[code.size() - 1 - count] == last) ++count;
    return count % 2 == 1 ? JsSlash::regexp : JsSlash::division;
  }
  if (last == '.') {  // 42. / x
    const bool number = code.size() > 1 && is_digit(code[code.size() - 2]);
    return number ? JsSlash::division : JsSlash::regexp;
  }
  // A '}' ends a block far more often than an object that somebody divides.
  if (std::string_view(",<>=*%&|^?!~([:;{}").find(last) != code.npos) return JsSlash::regexp;
  std::size_t word = code.size();
  while (word > 0 && is_js_identifier_part(code[word - 1])) --word;
  return js_precedes_regexp(code.substr(word)) ? JsSlash::regexp : JsSlash::division;
}

inline std::size_t js_enter(HtmlContext& c, HtmlState state, std::size_t taken) noexcept {
  c.state = state;
  return taken;
}

// At a '/', s[at].
inline std::size_t step_js_slash(HtmlContext& c, std::string_view s, std::size_t at) {
  const char next = at + 1 < s.size() ? s[at + 1] : '\0';
  if (next == '/') return js_enter(c, HtmlState::js_line_comment, at + 2);
  if (next == '*') return js_enter(c, HtmlState::js_block_comment, at + 2);
  if (c.slash == JsSlash::unknown) {
    return html_fail(c, s, EscapeErrc::slash_ambig,
                     "'/' could start a division or regexp: " + quoted_start(s.substr(at)));
  }
  if (c.slash == JsSlash::regexp) return js_enter(c, HtmlState::js_regexp, at + 1);
  c.slash = JsSlash::regexp;
  return at + 1;
}

// At a brace. Only those within ${ } count: one of them ends it.
inline std::size_t step_js_brace(HtmlContext& c, char brace, std::size_t taken) {
  if (c.braces.empty()) return taken;
  if (brace == '{') {
    ++c.braces.back();
  } else if (--c.braces.back() < 0) {
    c.braces.pop_back();
    c.state = HtmlState::js_template;
  }
  return taken;
}

inline std::size_t step_js(HtmlContext& c, std::string_view s) {
  const std::size_t at = s.find_first_of("\"'`/{}<-#");
  c.slash = js_slash_after(s.substr(0, at), c.slash);
  if (at == s.npos) return s.size();
  const std::string_view rest = s.substr(at);
  switch (s[at]) {
    case '"':
    case '\'':
    case '`': c.slash = JsSlash::regexp;
    default: break;
  }
  switch (s[at]) {
    case '"': return js_enter(c, HtmlState::js_dq_string, at + 1);
    case '\'': return js_enter(c, HtmlState::js_sq_string, at + 1);
    case '`': return js_enter(c, HtmlState::js_template, at + 1);
    case '/': return step_js_slash(c, s, at);
    case '{':
    case '}': return step_js_brace(c, s[at], at + 1);
    default: break;
  }
  // Comments as old browsers hid scripts with, and the line #! of a program. ECMAScript, annex B.1.
  if (rest.starts_with("<!--")) return js_enter(c, HtmlState::js_open_comment, at + 4);
  if (rest.starts_with("-->")) return js_enter(c, HtmlState::js_close_comment, at + 3);
  if (rest.starts_with("#!")) return js_enter(c, HtmlState::js_line_comment, at + 2);
  return at + 1;
}

inline std::size_t js_unfinished_escape(HtmlContext& c, std::string_view s) {
  return html_fail(c, s, EscapeErrc::partial_escape,
                   "unfinished escape sequence in JS string: " + quoted_start(s));
}

// Is s[at] the '/' of "</script"? It does not end a regexp: the '<' will be written \x3C.
inline bool is_script_end_slash(std::string_view s, std::size_t at) noexcept {
  return at > 0 && at + 7 <= s.size() && iequals(s.substr(at - 1, 8), "</script");
}

// In a string or regexp, which may end here.
inline std::size_t step_js_literal(HtmlContext& c, std::string_view s) {
  const std::string_view specials = c.state == HtmlState::js_dq_string   ? "\\\""
                                    : c.state == HtmlState::js_sq_string ? "\\'"
                                                                         : "\\/[]";
  bool in_charset = false;  // a '/' within [] does not end a regexp
  for (std::size_t at = 0; (at = s.find_first_of(specials, at)) != s.npos; ++at) {
    switch (s[at]) {
      case '\\':
        if (++at == s.size()) return js_unfinished_escape(c, s);
        break;
      case '[': in_charset = true; break;
      case ']': in_charset = false; break;
      default:
        if (s[at] == '/' && is_script_end_slash(s, at)) break;
        if (in_charset) break;
        c.slash = JsSlash::division;
        return js_enter(c, HtmlState::js, at + 1);
    }
  }
  // A value could break out of [, and would have to be escaped in another way.
  if (in_charset) {
    return html_fail(c, s, EscapeErrc::partial_charset,
                     "unfinished JS regexp charset: " + quoted_start(s));
  }
  return s.size();
}

// Within each other, by ${ }: a context is copied at each step.
inline constexpr std::size_t most_literals = 500;

inline std::size_t step_js_template(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find_first_of("`\\$", at)) != s.npos; ++at) {
    if (s[at] == '\\') {
      if (++at == s.size()) return js_unfinished_escape(c, s);
    } else if (s[at] == '`') {
      return js_enter(c, HtmlState::js, at + 1);
    } else if (at + 1 < s.size() && s[at + 1] == '{') {
      if (c.braces.size() == most_literals)
        return html_fail(c, s, EscapeErrc::output_context,
                         "JS template literals nested too deeply");
      c.braces.push_back(0);
      return js_enter(c, HtmlState::js, at + 2);
    }
  }
  return s.size();
}

// Where does the line end? The end belongs to what comes after the comment.
inline std::size_t step_js_line_comment(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find_first_of("\n\r\xE2", at)) != s.npos; ++at) {
    const std::string_view rest = s.substr(at);
    const bool separator = rest.starts_with("\u2028") || rest.starts_with("\u2029");
    if (s[at] != '\xE2' || separator) return js_enter(c, HtmlState::js, at);
  }
  return s.size();
}

inline std::size_t step_block_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find("*/");
  if (end == s.npos) return s.size();
  c.state = c.state == HtmlState::js_block_comment ? HtmlState::js : HtmlState::css;
  return end + 2;
}

}  // namespace jot::inline v1::detail
