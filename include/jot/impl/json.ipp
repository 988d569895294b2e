// SPDX-License-Identifier: MIT
//
// json.ipp -- the bodies of json.hpp
#pragma once

#include "../detail/parse_json.hpp"  // detail::JsonParser, detail::position_in
#include "../detail/write_json.hpp"  // detail::JsonWriter
#include "../json.hpp"

#include <utility>  // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE JsonError json_error(std::string_view text, const JsonParser& parser) {
  const TextPosition at = position_in(text, parser.offset());
  std::string problem = parser.problem();
  if (parser.offset() == text.size()) problem += ", but the text ends here";
  return JsonError(at.line, at.column, problem);
}

}  // namespace detail

JOT_INLINE JsonError::JsonError(int line, int column, const std::string& problem)
    : line_(line),
      column_(column),
      what_(std::make_shared<const std::string>("line " + std::to_string(line) + ", column " +
                                                std::to_string(column) + ": " + problem)) {}

JOT_INLINE Value parse_json(std::string_view text) {
  detail::JsonParser parser(text);
  Value v;
  if (!parser.parse(v)) throw detail::json_error(text, parser);
  return v;
}

JOT_INLINE Result<Value> try_parse_json(std::string_view text) {
  detail::JsonParser parser(text);
  Value v;
  if (!parser.parse(v)) return Error(Errc::bad_message, detail::json_error(text, parser).what());
  return v;
}

JOT_INLINE std::string to_json(const Value& v) { return to_json(v, 0); }

JOT_INLINE std::string to_json(const Value& v, int indent) {
  std::string text;
  detail::JsonWriter(text, indent, detail::NotFinite::refuse).write(v);
  return text;
}

}  // namespace jot::inline v1
