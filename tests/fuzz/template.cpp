// SPDX-License-Identifier: MIT
//
// template.cpp -- can a template, or its data, confuse the parser, the escaper or the executor?
//
// In: a template; after a NUL, its data as JSON. Whatever it is, there is a page or a TemplateError
// with a place within the template. The same again gives the same; what was parsed and written back
// as source is the same template; a page that escapes by context has no tag that its template has
// not, when all of its values stand in text.
#include "jot/template.hpp"
#include "jot/detail/template_parse.hpp"
#include "jot/json.hpp"

#include <algorithm>    // std::count
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <memory>       // std::make_shared
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

jot::Templates fresh(jot::Escaping escaping) {
  jot::Templates t(escaping);
  t.funcs({{"upper", [](std::string_view s) { return std::string(s); }},
           {"add", [](int a, int b) { return static_cast<long long>(a) + b; }},
           {"all", [](std::span<const jot::Value> all) { return all.size(); }},
           {"html_", [](const jot::Value&) { return jot::HTML{"<b>"}; }},
           {"three", [] {
              return jot::Sequence{
                  [i = 0](jot::Value& item) mutable { return item = i, ++i <= 3; }};
            }}});
  return t;
}

void must_have_place(const jot::TemplateError& e, std::string_view text) {
  must(e.name == "t" && e.line >= 0 && e.col >= 0);
  must(e.line <= 1 + std::count(text.begin(), text.end(), '\n'));
  must(static_cast<std::size_t>(e.col) <= text.size() + 1);
}

// The page, or the error.
std::string run(jot::Escaping escaping, std::string_view text, const jot::Value& data) {
  jot::Templates t = fresh(escaping);
  try {
    t.parse("t", text);
    const std::string page = t.execute("t", data);
    must(t.execute("t", data) == page);
    return page;
  } catch (const jot::TemplateError& e) {
    must_have_place(e, text);
    return e.what();
  }
}

// Source that was written back is parsed to what is written back the same.
void must_come_back(std::string_view text) {
  using namespace jot::detail;
  const TemplateParser::IsFunction any = [](std::string_view) { return true; };
  const LexOptions options;
  const auto parse = [&](std::string source) {
    return TemplateParser(std::make_shared<TemplateSource>(TemplateSource{"t", std::move(source)}),
                          options, any)
        .run();
  };
  TemplateTrees trees;
  try {
    trees = parse(std::string(text));
  } catch (const ParseProblem& problem) {
    return must(problem.at <= text.size());
  }
  for (const auto& [name, root] : trees) {
    const std::string source = to_source(*root);
    if (source.find("{{/*") != source.npos)
      continue;  // text that looks like a comment once written
    try {
      must(to_source(*parse(source).at("t")) == source);
    } catch (const ParseProblem&) {
      // Text beside an action may look like one: "{" and "{{.}}".
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const std::string_view text = input.substr(0, end);
  jot::Value data = {{"S", "<\"'&>"}, {"N", 3}, {"L", jot::List{1, "a", nullptr}}, {"T", true}};
  if (end < size) {
    if (auto given = jot::try_parse_json(input.substr(end + 1))) data = *given;
  }
  // What takes long by itself is no find: {{range 1000000000}}.
  int digits = 0;
  for (const char c : input) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 3 && text.find("range") != text.npos) return 0;
  }
  const std::string page = run(jot::Escaping::html, text, data);
  must(run(jot::Escaping::html, text, data) == page);
  run(jot::Escaping::none, text, data);
  must_come_back(text);
  return 0;
}
