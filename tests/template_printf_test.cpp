// SPDX-License-Identifier: MIT
//
// template_printf_test.cpp -- does printf print Values as Go's fmt does?
//
// printf_cases.inc holds formats, operands and what Go 1.23 makes of them; oracle/template.go wrote
// it. JOT_PRINTF_CASES names a file with more of the same kind.
#include "jot/detail/template_printf.hpp"
#include "catch.hpp"
#include "jot/json.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view go_says =
#include "printf_cases.inc"
    ;

std::string file_content(const char* name) {
  std::string s;
  std::FILE* f = std::fopen(name, "rb");
  REQUIRE(f != nullptr);
  for (int c = 0; (c = std::getc(f)) != EOF;) s += static_cast<char>(c);
  std::fclose(f);
  return s;
}

// Where Go prints an address, jot has none to print.
bool prints_address(std::string_view format) { return format.find('p') != format.npos; }

int check_all(std::string_view lines) {
  int count = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.starts_with("{\"f\"")) continue;
    const jot::Value c = jot::parse_json(line);
    const std::string& format = c["f"].as_string();
    if (prints_address(format)) continue;
    std::vector<const jot::Value*> operands;
    for (const jot::Value& v : c["d"].as_list()) operands.push_back(&v);
    INFO(line);
    CHECK(jot::detail::printf_operands(format, operands) == c["w"].as_string());
    ++count;
  }
  return count;
}

TEST_CASE("printf prints what Go prints", "[template]") {
  CHECK(check_all(go_says) == 400);
  if (const char* more = std::getenv("JOT_PRINTF_CASES")) CHECK(check_all(file_content(more)) > 0);
}

TEST_CASE("text is quoted as Go quotes it", "[template]") {
  CHECK(jot::detail::in_quotes("a\"\\\n\x7f\xff\u00a0\U0001F600\ufeff") ==
        "\"a\\\"\\\\\\n\\x7f\\xff\\u00a0\U0001F600\\ufeff\"");
  CHECK(jot::detail::is_printable(U'\u4e16'));
  CHECK_FALSE(jot::detail::is_printable(0x10FFFF));
}

}  // namespace
