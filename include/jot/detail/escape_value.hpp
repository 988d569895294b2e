// SPDX-License-Identifier: MIT
//
// escape_value.hpp -- how is a Value written in a place that the escaper has seen?
//
// In: a Value, and the escapers of its place, first to last. Out, appended: what is safe there.
// Typed content passes where it is what its type says.
#pragma once

#include "../value.hpp"            // Value
#include "escape_css.hpp"          // append_css_string, append_css_value
#include "escape_html.hpp"         // append_html, ...
#include "escape_js.hpp"           // append_js_value, ...
#include "escape_url.hpp"          // append_srcset, append_url
#include "template_functions.hpp"  // html_escape_string, url_query_escape
#include "template_print.hpp"      // append_printed, is_text

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// As they are kept in an action, a byte each.
enum class Escaper : char {
  html = 'h',
  attribute = 'a',
  unquoted = 'n',
  rcdata = 'r',
  attribute_name = 'i',
  comment = '-',
  url_filter = 'f',
  url_normalize = 'u',
  url_component = 'q',
  srcset = 's',
  css_string = 'c',
  css_value = 'v',
  js_value = 'j',
  js_string = 'd',
  js_template = 't',
  js_regexp = 'x',
  predefined_html = 'H',
  predefined_urlquery = 'Q',
};

// v: for its type and, in scripts, its structure. s: its text.
inline void escape_once(std::string& to, Escaper escaper, const Value& v, std::string_view s) {
  using Kind = Value::Kind;
  const bool markup = v.kind() == Kind::html, url = v.kind() == Kind::url;
  switch (escaper) {
    case Escaper::html: return markup ? void(to += s) : append_html(to, s, html_text_table);
    case Escaper::attribute:
      return markup ? append_html(to, strip_tags(s), html_markup_table)
                    : append_html(to, s, html_text_table);
    case Escaper::unquoted:
      // Or the next attribute would be the value.
      if (s.empty()) return void(to += filtered);
      return markup ? append_unquoted(to, strip_tags(s), html_unquoted_markup_table)
                    : append_unquoted(to, s, html_unquoted_table);
    case Escaper::rcdata: return append_html(to, s, markup ? html_markup_table : html_text_table);
    case Escaper::attribute_name:
      return v.kind() == Kind::html_attr ? void(to += s) : append_attribute_name(to, s);
    case Escaper::comment: return;
    case Escaper::url_filter: return void(to += url || is_safe_url(s) ? s : filtered_url);
    case Escaper::url_normalize: return append_url(to, s, UrlEscape::whole);
    case Escaper::url_component:
      return append_url(to, s, url ? UrlEscape::whole : UrlEscape::component);
    case Escaper::srcset: break;
    case Escaper::css_string: return append_css_string(to, s);
    case Escaper::css_value: return v.kind() == Kind::css ? void(to += s) : append_css_value(to, s);
    case Escaper::js_value: return append_js_value(to, v);
    case Escaper::js_string:
      return v.kind() == Kind::js_str ? append_js_written_string(to, s) : append_js_string(to, s);
    case Escaper::js_template: return append_js_template(to, s);
    case Escaper::js_regexp: return append_js_regexp(to, s);
    case Escaper::predefined_html: return void(to += html_escape_string(s));
    case Escaper::predefined_urlquery: return void(to += url_query_escape(s));
  }
  if (v.kind() == Kind::srcset) return void(to += s);
  if (!url) return append_srcset(to, s);
  std::string whole;  // one URL: a comma would end it
  append_url(whole, s, UrlEscape::whole);
  for (const char c : whole) c == ',' ? to += "%2c" : to += c;
}

// escapers: at least one.
inline void escape_value(std::string& to, std::string_view escapers, const Value& v) {
  std::string printed;
  if (v.is_null() && (escapers[0] == 'H' || escapers[0] == 'Q')) printed = "<no value>";
  if (!is_text(v) && !v.is_null()) append_printed(printed, v);
  const std::string_view s = is_text(v) ? std::string_view(v.as_string()) : printed;
  if (escapers.size() == 1) return escape_once(to, Escaper{escapers[0]}, v, s);
  // Percent-encoded, it needs no more: all of it stands for itself in an attribute.
  if (escapers == "qa" && v.kind() != Value::Kind::url)
    return append_url(to, s, UrlEscape::component);
  std::string step;
  escape_once(step, Escaper{escapers[0]}, v, s);
  for (std::size_t i = 1; i + 1 < escapers.size(); ++i) {
    std::string next;
    escape_once(next, Escaper{escapers[i]}, Value(), step);
    step = std::move(next);
  }
  escape_once(to, Escaper{escapers.back()}, Value(), step);
}

}  // namespace jot::inline v1::detail
