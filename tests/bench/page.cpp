// SPDX-License-Identifier: MIT
//
// page.cpp -- how fast is a page made, beside ctemplate's in its auto-escape mode? See page_speed.py.
//
// The page is a table of a hundred rows, each with five escaped fields: a link's query, an
// attribute, and three times text. The data is ready before; it is the same at each run, and one
// text in four has something to escape.
//
//   page [ROUNDS]   of 200 pages each, 25 if not given: prints jot's and ctemplate's microseconds a
//                   page, best of the rounds, in which they take turns
//   page --show     prints the page by jot, and that by ctemplate to stderr, instead
#include "jot.hpp"

#include <ctemplate/template.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

constexpr int rows = 100, pages_a_round = 200;

constexpr std::string_view jot_page =
    R"(<!doctype html><title>{{.Title}}</title><table>{{range .Rows}}
<tr><td><a href="/items?id={{.Id}}" title="{{.Title}}">{{.Name}}</a><td>{{.Note}}<td>{{.Price}}{{end}}
</table>
)";

constexpr std::string_view ctemplate_page =
    R"({{%AUTOESCAPE context="HTML"}}<!doctype html><title>{{TITLE}}</title><table>{{#ROWS}}
<tr><td><a href="/items?id={{ID}}" title="{{TITLE}}">{{NAME}}</a><td>{{NOTE}}<td>{{PRICE}}{{/ROWS}}
</table>
)";

struct Row {
  std::string id, title, name, note, price;
};

Row row(int i) {
  const std::string n = std::to_string(i);
  const bool odd = i % 4 == 0;
  return {"item " + n, (odd ? "the \"best\" of " : "the best of ") + n,
          (odd ? "Smith & Sons " : "Smith and Sons ") + n,
          (odd ? "less than <b>it</b> was, number " : "less than what it was, number ") + n,
          n + ".50"};
}

jot::Value jot_data() {
  jot::List list;
  for (int i = 0; i < rows; ++i) {
    const Row r = row(i);
    list.push_back({{"Id", r.id}, {"Title", r.title}, {"Name", r.name}, {"Note", r.note}, {"Price", r.price}});
  }
  return {{"Title", "All & everything"}, {"Rows", std::move(list)}};
}

void fill(ctemplate::TemplateDictionary& data) {
  data.SetValue("TITLE", "All & everything");
  for (int i = 0; i < rows; ++i) {
    const Row r = row(i);
    ctemplate::TemplateDictionary* one = data.AddSectionDictionary("ROWS");
    one->SetValue("ID", r.id), one->SetValue("TITLE", r.title), one->SetValue("NAME", r.name);
    one->SetValue("NOTE", r.note), one->SetValue("PRICE", r.price);
  }
}

template <class Job>
double microseconds_of(const Job& job) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (int i = 0; i < pages_a_round; ++i)
    if (job().size() < 10'000) throw std::runtime_error("page: a page came out short");
  const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
  return took.count() / pages_a_round;
}

}  // namespace

int main(int argc, char** argv) {
  jot::Templates templates;
  templates.parse("page", jot_page);
  const jot::Value data = jot_data();
  const auto by_jot = [&] { return templates.execute("page", data); };

  ctemplate::StringToTemplateCache("page", ctemplate_page.data(), ctemplate_page.size(),
                                   ctemplate::DO_NOT_STRIP);
  ctemplate::TemplateDictionary dictionary("page");
  fill(dictionary);
  const auto by_ctemplate = [&] {
    std::string page;
    if (!ctemplate::ExpandTemplate("page", ctemplate::DO_NOT_STRIP, &dictionary, &page))
      throw std::runtime_error("page: ctemplate does not know its template");
    return page;
  };

  if (argc > 1 && std::string_view(argv[1]) == "--show") {
    std::fputs(by_jot().c_str(), stdout);
    std::fputs(by_ctemplate().c_str(), stderr);
    return 0;
  }
  double jot = 1e9, other = 1e9;
  for (int round = argc > 1 ? std::atoi(argv[1]) : 25; round > 0; --round) {
    jot = std::min(jot, microseconds_of(by_jot));
    other = std::min(other, microseconds_of(by_ctemplate));
  }
  std::printf("%.1f %.1f\n", jot, other);
}
