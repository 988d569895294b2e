// SPDX-License-Identifier: MIT
//
// template_parse_test.cpp -- is source cut into the right words, and are they put together rightly?
//
// What each problem is called is compared with Go in template_oracle_test.cpp; here stand the
// places of problems, which Go does not tell, and what the tree looks like.
#include "jot/detail/template_parse.hpp"
#include "catch.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace jot::detail;

std::string words(std::string_view source, const LexOptions& options = {}) {
  std::string all;
  TemplateLexer lexer(source, options);
  for (;;) {
    const Token token = lexer.next();
    if (!all.empty()) all += ' ';
    if (token.kind == TokenKind::end_of_source) return all += "END";
    if (token.kind == TokenKind::error)
      return all += jot::text("ERROR ", token.at, " ", token.text);
    all += token.kind == TokenKind::space ? "_" : token.text;
  }
}

TemplateTrees parse(std::string_view text) {
  const TemplateParser::IsFunction known = [](std::string_view name) { return name != "gone"; };
  const LexOptions options;
  return TemplateParser(std::make_shared<TemplateSource>(TemplateSource{"t", std::string(text)}),
                        options, known)
      .run();
}

// The trees, each written back as source; or where the problem is.
std::string trees(std::string_view text) {
  std::string all;
  try {
    for (const auto& [name, root] : parse(text)) {
      if (!all.empty()) all += " | ";
      all += name + ": " + to_source(*root);
    }
  } catch (const ParseProblem& problem) {
    all = jot::text(problem.at, " ", problem.message);
  }
  return all;
}

}  // namespace

TEST_CASE("source is cut into words", "[template]") {
  const struct {
    std::string_view source, want;
  } cases[] = {
      {"", "END"},
      {"text", "text END"},
      {"a{{.x}}b", "a {{ .x }} b END"},
      {"a \n{{- .x -}} \t b", "a {{ .x }} b END"},
      {" {{- /* c */ -}} ", "END"},
      {"a{{/* {{ }} */}}b", "a b END"},
      {"{{if eq .a $x.b}}", "{{ if _ eq _ .a _ $x .b }} END"},
      {"{{$i, $x := f | g (1.5)}}", "{{ $i , _ $x _ := _ f _ | _ g _ ( 1.5 ) }} END"},
      {"{{\"a\\\"}}\"}}", "{{ \"a\\\"}}\" }} END"},
      {"{{`}}`}}", "{{ `}}` }} END"},
      {"{{'\\''}}", "{{ '\\'' }} END"},
      {"{{-1}}{{- 1}}", "{{ -1 }} {{ 1 }} END"},
      {"{{1 -}} x", "{{ 1 }} x END"},
      {"{{.größe}}", "{{ .größe }} END"},
      {"{{", "{{ ERROR 2 unclosed action"},
      {"{{\"a}}", "{{ ERROR 2 unterminated quoted string"},
      {"{{(1}}", "{{ ( 1 ERROR 4 unclosed left paren"},
      {"{{1)}}", "{{ 1 ERROR 3 unexpected right paren"},
      {"{{a@}}", "{{ ERROR 2 bad character U+0040 '@'"},
      {"{{\x01}}", "{{ ERROR 2 unrecognized character in action: U+0001"},
      {"{{1x2}}", "{{ ERROR 2 bad number syntax: \"1x\""},
      {"x{{/* a", "x ERROR 3 unclosed comment"},
      {"{{/* a */ }}", "ERROR 9 comment ends before closing delimiter"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.source);
    CHECK(words(c.source) == c.want);
  }
  CHECK(words("<%.x%> {{.y}}", {.left = "<%", .right = "%>"}) == "<% .x %>  {{.y}} END");
}

TEST_CASE("words are put together", "[template]") {
  const struct {
    std::string_view source, want;
  } cases[] = {
      {"a{{.x.y}}", "t: a{{.x.y}}"},
      {"{{ $x:=1|f  2 }}{{$x.a.b}}", "t: {{$x := 1 | f 2}}{{$x.a.b}}"},
      {"{{(f .a).b.c}}", "t: {{(f .a).b.c}}"},
      {"{{if .a}}1{{else if .b}}2{{else}}3{{end}}",
       "t: {{if .a}}1{{else}}{{if .b}}2{{else}}3{{end}}{{end}}"},
      {"{{with .a}}1{{else with .b}}2{{end}}", "t: {{with .a}}1{{else}}{{with .b}}2{{end}}{{end}}"},
      {"{{range $i, $x = .l}}{{break}}{{continue}}{{end}}",
       "t: {{range $i, $x = .l}}{{break}}{{continue}}{{end}}"},
      {"{{define \"x\"}}1{{end}}2{{template `x` .a}}", "t: 2{{template \"x\" .a}} | x: 1"},
      {"{{block \"x\" .a}}1{{end}}", "t: {{template \"x\" .a}} | x: 1"},
      {"{{f 0x1F 'a' `r` nil true . $}}", "t: {{f 0x1F 'a' `r` nil true . $}}"},
      {"ab\n{{gone}}", "5 function \"gone\" not defined"},
      {"{{f $x}}", "4 undefined variable \"$x\""},
      {"{{if .a}}b", "10 unexpected EOF"},
      {"{{if .a}}{{end}}{{end}}", "21 unexpected {{end}}"},
      {"{{break}}", "2 {{break}} outside {{range}}"},
      {"{{1i}}", "2 imaginary numbers are not supported: \"1i\""},
      {"{{1+2i}}", "2 imaginary numbers are not supported: \"1+2i\""},
      {"{{f 08}}", "4 integer overflow: \"08\""},
      {"{{.a\n{{.b", "5 unexpected \"{\" in operand"},
      {"{{f\n\n\"a", "5 unterminated quoted string in action started at t:1"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.source);
    CHECK(trees(c.source) == c.want);
  }
}

TEST_CASE("literals mean what Go's mean", "[template]") {
  const auto number = [](std::string_view s) { return number_literal(s).value; };
  CHECK(number("0x_1F").as_int() == 31);
  CHECK(number("1_000").as_int() == 1000);
  CHECK(number("0b101").as_int() == 5);
  CHECK(number("0o17").as_int() == 15);
  CHECK(number("-9223372036854775808").as_int() == INT64_MIN);
  CHECK(number("9223372036854775808").as_double() == 0x1p63);  // none of int64
  CHECK(number("1e3").as_double() == 1000);
  CHECK(number("0x1p-2").as_double() == 0.25);
  CHECK(number("1e-400").as_double() == 0);
  for (const char* bad : {"0x", "1__0", "1_", "_1", "1e", "1e400", "0b", "-", "0x1.8", "0b1.1"}) {
    CAPTURE(bad);
    CHECK(number_literal(bad).problem.starts_with("illegal number syntax"));
  }
  CHECK(character_literal("'\\u4e16'").value.as_int() == 0x4e16);
  CHECK(character_literal("'ab'").problem == "malformed character constant: 'ab'");
  CHECK(character_literal("''").problem == "invalid syntax");
  CHECK(unquote("\"\\a\\x41\\101\\u0041\\U00000041\"") == "\aAAAA");
  CHECK(unquote("`a\r\nb`") == "a\nb");
  for (const char* bad : {"\"\\q\"", "\"\\x1\"", "\"\\400\"", "\"\\ud800\"", "\"\\'\"", "\"\\\""}) {
    CAPTURE(bad);
    CHECK_FALSE(unquote(bad));
  }
}

TEST_CASE("an empty template does not take the place of another", "[template]") {
  CHECK(trees("{{define \"x\"}}1{{end}}{{define \"x\"}} {{end}}") == "t:  | x: 1");
  CHECK(trees("{{define \"x\"}} {{/* c */}}{{end}}{{define \"x\"}}1{{end}}") == "t:  | x: 1");
  CHECK(trees("{{define \"x\"}}1{{end}}{{define \"x\"}}2{{end}}") ==
        "31 multiple definition of template \"x\"");
  CHECK(is_empty_tree(*parse("").at("t")));
  CHECK_FALSE(is_empty_tree(*parse("{{1}}").at("t")));
}
