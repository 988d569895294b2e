// SPDX-License-Identifier: MIT
//
// html_attribute.hpp -- what does the value of that attribute mean to a browser?
//
// In: an attribute's name. Out: whether its value is plain text, a URL, CSS, JavaScript, HTML, or
// something that strangers must not choose. Names not in the table are judged by how they look:
// data-href and my:href are an href, on... is JavaScript, and whatever has src, uri or url in its
// name is taken for a URL.
#pragma once

#include "ascii.hpp"       // to_lower
#include "html_state.hpp"  // HtmlAttribute, HtmlState

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class AttributeKind : std::uint8_t { plain, url, css, js, html, srcset, unsafe };

// unsafe: changes what other attributes mean, or how the element is fetched, sent or parsed.
inline AttributeKind known_attribute(std::string_view name) noexcept {
  constexpr std::string_view urls =
      " action archive background cite classid codebase data formaction href icon longdesc "
      "manifest poster profile src usemap xmlns ";
  constexpr std::string_view unsafe =
      " accept-charset async challenge charset content crossorigin defer enctype form formenctype "
      "formmethod formnovalidate http-equiv keytype language method novalidate pattern rel sandbox "
      "type value ";
  std::string word;
  word.append(1, ' ').append(name).append(1, ' ');
  if (urls.find(word) != urls.npos) return AttributeKind::url;
  if (unsafe.find(word) != unsafe.npos) return AttributeKind::unsafe;
  if (name == "style") return AttributeKind::css;
  if (name == "srcset") return AttributeKind::srcset;
  if (name == "srcdoc") return AttributeKind::html;
  return AttributeKind::plain;
}

// Names of today's standards that hold "src", "uri" or "url", or begin with "on", are all what they
// look like; these two are the table's own, and are as they are.
inline AttributeKind attribute_kind(std::string_view name) {
  if (name.starts_with("data-")) {
    name.remove_prefix(5);
  } else if (const std::size_t colon = name.find(':'); colon != name.npos) {
    if (name.substr(0, colon) == "xmlns") return AttributeKind::url;
    name.remove_prefix(colon + 1);
  }
  if (const AttributeKind kind = known_attribute(name); kind != AttributeKind::plain) return kind;
  if (name == "srclang") return AttributeKind::plain;
  if (name.starts_with("on")) return AttributeKind::js;
  for (const char* part : {"src", "uri", "url"}) {
    if (name.find(part) != name.npos) return AttributeKind::url;
  }
  return AttributeKind::plain;
}

// What the machine has to remember of it. name: as written, in any case.
inline HtmlAttribute attribute_of(std::string_view name, HtmlElement element) {
  std::string lower(name);
  for (char& c : lower) c = to_lower(c);
  if (element == HtmlElement::script && lower == "type") return HtmlAttribute::script_type;
  switch (attribute_kind(lower)) {
    case AttributeKind::url: return HtmlAttribute::url;
    case AttributeKind::css: return HtmlAttribute::style;
    case AttributeKind::js: return HtmlAttribute::script;
    case AttributeKind::srcset: return HtmlAttribute::srcset;
    default: return HtmlAttribute::none;
  }
}

constexpr HtmlState value_state(HtmlAttribute attribute) noexcept {
  switch (attribute) {
    case HtmlAttribute::script: return HtmlState::js;
    case HtmlAttribute::style: return HtmlState::css;
    case HtmlAttribute::url: return HtmlState::url;
    case HtmlAttribute::srcset: return HtmlState::srcset;
    default: return HtmlState::attribute;
  }
}

// Is <script type=that> JavaScript, or JSON? Everything else is data to a browser, and text here.
inline bool is_script_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!type.empty() && space(type.front())) type.remove_prefix(1);
  while (!type.empty() && space(type.back())) type.remove_suffix(1);
  std::string word = " ";
  for (const char c : type) word += to_lower(c);
  word += ' ';
  constexpr std::string_view known =
      " application/ecmascript application/javascript application/json application/ld+json "
      "application/x-ecmascript application/x-javascript module text/ecmascript text/javascript "
      "text/javascript1.0 text/javascript1.1 text/javascript1.2 text/javascript1.3 "
      "text/javascript1.4 text/javascript1.5 text/jscript text/livescript text/x-ecmascript "
      "text/x-javascript ";
  return type.find(' ') == type.npos && !type.empty() && known.find(word) != known.npos;
}

}  // namespace jot::inline v1::detail
