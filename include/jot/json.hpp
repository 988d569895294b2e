// SPDX-License-Identifier: MIT
//
// json.hpp -- how does text become a Value, and a Value text?
//
// In: JSON as RFC 8259 has it, nothing more: UTF-8 without a byte order mark, no comments, no
// trailing commas, at most 512 levels deep. Out: a Value; and the way back.
//
//     Value v = parse_json(R"({"title": "Home", "items": [1, 2.5, null]})");
//     std::string s = to_json(v);          // {"items":[1,2.5,null],"title":"Home"}
//
// Numbers without a fraction or exponent that fit in 64 bits are ints and exact; all others are
// doubles, the nearest to what was written. Of two entries with one key the last counts.
#pragma once

#include "config.hpp"
#include "error.hpp"  // Result
#include "value.hpp"  // Value

#include <exception>    // std::exception
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// The text is not JSON: "line 3, column 7: want ',' or '}'".
class JsonError : public std::exception {
 public:
  JsonError(int line, int column, const std::string& problem);

  // Where it went wrong. Both count from 1; a column is a character of UTF-8.
  int line() const noexcept { return line_; }
  int column() const noexcept { return column_; }
  const char* what() const noexcept override { return what_->c_str(); }

 private:
  int line_, column_;
  std::shared_ptr<const std::string> what_;  // shared, because copying an exception must not throw
};

// Reads one document, which must be all of the text but for white space around it.
// Throws JsonError.
Value parse_json(std::string_view text);

// The same; what is wrong comes as an Error with Errc::bad_message and the words of JsonError.
Result<Value> try_parse_json(std::string_view text);

// Writes on one line, keys sorted. Safe inside <script>: < > & U+2028 and U+2029 are escaped.
// Typed content is written as its text, whole doubles without a fraction, as JavaScript does. Bytes
// that are not UTF-8 become U+FFFD, so the result is UTF-8 always.
// Throws ValueError: NaN, infinity, nested deeper than 512.
std::string to_json(const Value& v);

// The same on many lines: each level is indented by so many spaces. 0: on one line.
std::string to_json(const Value& v, int indent);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/json.ipp"
#endif
