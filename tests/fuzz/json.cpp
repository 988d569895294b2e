// SPDX-License-Identifier: MIT
//
// json.cpp -- can text from a stranger confuse the JSON parser, or come back changed?
//
// What is accepted must be UTF-8, and mean the same when it is written and read again; written once
// more it must be the same text. What is refused must be refused at a place within the text.
#include "jot/json.hpp"

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

void must_come_back(const jot::Value& v, int indent) {
  const std::string text = jot::to_json(v, indent);
  const auto again = jot::try_parse_json(text);
  must(bool(again));
  must(*again == v);
  must(jot::to_json(*again, indent) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const jot::Value v = jot::parse_json(text);
    must_come_back(v, 0);
    must_come_back(v, 2);
  } catch (const jot::JsonError& e) {
    must(e.line() >= 1 && e.column() >= 1);
    must(static_cast<std::size_t>(e.line()) + static_cast<std::size_t>(e.column()) <= size + 2);
  }
  return 0;
}
