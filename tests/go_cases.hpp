// SPDX-License-Identifier: MIT
//
// go_cases.hpp -- tables of cases that Go has answered, a line of JSON each.
#pragma once

#include "catch.hpp"
#include "jot/json.hpp"

#include <algorithm>    // std::min
#include <cstdio>       // std::fopen
#include <cstdlib>      // std::getenv
#include <string>       // std::string
#include <string_view>  // std::string_view

// Calls check(case) for each line that begins so. Returns: how many there are.
template <class Check>
int check_cases(std::string_view lines, std::string_view begin, const Check& check) {
  int count = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.starts_with(begin)) continue;
    check(jot::parse_json(line));
    ++count;
  }
  return count;
}

// The content of the file that an environment variable names; "": it names none.
inline std::string more_cases(const char* variable) {
  const char* name = std::getenv(variable);
  if (name == nullptr) return {};
  std::string content;
  std::FILE* file = std::fopen(name, "rb");
  REQUIRE(file != nullptr);
  for (int c = 0; (c = std::getc(file)) != EOF;) content += static_cast<char>(c);
  std::fclose(file);
  REQUIRE(!content.empty());
  return content;
}
