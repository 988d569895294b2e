// SPDX-License-Identifier: MIT
//
// template_printf_test.cpp -- does printf print Values as Go's fmt does?
//
// printf_cases.inc holds formats, operands and what Go 1.23 makes of them; oracle/template.go wrote
// it. JOT_PRINTF_CASES names a file with more of the same kind.
#include "jot/detail/template_printf.hpp"
#include "catch.hpp"
#include "go_cases.hpp"
#include "jot/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view go_says =
#include "printf_cases.inc"
    ;

// Where Go prints an address, jot has none to print.
bool prints_address(std::string_view format) { return format.find('p') != format.npos; }

void check_case(const jot::Value& c) {
  const std::string& format = c["f"].as_string();
  if (prints_address(format)) return;
  std::vector<const jot::Value*> operands;
  for (const jot::Value& v : c["d"].as_list()) operands.push_back(&v);
  INFO(jot::to_json(c));
  CHECK(jot::detail::printf_operands(format, operands) == c["w"].as_string());
}

TEST_CASE("printf prints what Go prints", "[template]") {
  CHECK(check_cases(go_says, "{\"f\"", check_case) == 400);
  check_cases(more_cases("JOT_PRINTF_CASES"), "{\"f\"", check_case);
}

TEST_CASE("text is quoted as Go quotes it", "[template]") {
  CHECK(jot::detail::in_quotes("a\"\\\n\x7f\xff\u00a0\U0001F600\ufeff") ==
        "\"a\\\"\\\\\\n\\x7f\\xff\\u00a0\U0001F600\\ufeff\"");
  CHECK(jot::detail::is_printable(U'\u4e16'));
  CHECK_FALSE(jot::detail::is_printable(0x10FFFF));
}

}  // namespace
