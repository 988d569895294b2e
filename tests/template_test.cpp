// SPDX-License-Identifier: MIT
//
// template_test.cpp -- do Templates parse, execute, refuse and render as they say?
//
// What pages look like is compared with Go's in template_oracle_test.cpp.
#include "jot/template.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using jot::Escaping;
using jot::List;
using jot::Map;
using jot::TemplateError;
using jot::Templates;
using jot::Value;

std::string upper(std::string_view s) {
  std::string to(s);
  for (char& c : to) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return to;
}

template <class F>
requires std::invocable<F> TemplateError error_of(F f) {
  try {
    f();
  } catch (const TemplateError& e) {
    return e;
  }
  FAIL("no TemplateError");
  return {"", 0, 0, ""};
}

TemplateError error_of(std::string_view text, const Value& data = {},
                       Escaping escaping = Escaping::html) {
  return error_of([&] { Templates(escaping).parse("t", text).execute("t", data); });
}

std::string page(std::string_view text, const Value& data = {},
                 Escaping escaping = Escaping::html) {
  return Templates(escaping).parse("t", text).execute("t", data);
}

}  // namespace

TEST_CASE("a page is made of a template and data", "[template]") {
  CHECK(page("<p>{{.}}", "<b>") == "<p>&lt;b&gt;");
  CHECK(page("<p>{{.}}", "<b>", Escaping::none) == "<p><b>");
  CHECK(page("{{range $i, $e := .}}{{$i}}{{$e.n}} {{else}}none{{end}}",
             List{Value{{"n", "a"}}, Value{{"n", "b"}}}) == "0a 1b ");
  CHECK(page("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}{{range 0}}x{{else}}y{{end}}") ==
        "01201y");
  CHECK(page("{{.a.b}}", {{"a", {{"b", jot::HTML{"<i>"}}}}}) == "<i>");
}

TEST_CASE("templates call each other, and later ones replace earlier ones", "[template]") {
  Templates t;
  t.parse("layout", "<title>{{block \"title\" .}}Untitled{{end}}</title>{{template \"body\" .}}");
  t.parse("home", "{{define \"title\"}}Home{{end}}{{define \"body\"}}<p>{{.}}{{end}}");
  Templates other = t.clone();
  other.parse("about", "{{define \"title\"}}About{{end}} {{define \"body\"}}me{{end}}");
  other.parse("empty", "{{define \"title\"}}  {{/* nothing */}}{{end}}");
  CHECK(t.execute("layout", "x&y") == "<title>Home</title><p>x&amp;y");
  CHECK(other.execute("layout") == "<title>About</title>me");
  CHECK(t.lookup("body"));
  CHECK_FALSE(t.lookup("about"));
  CHECK(t.defined_templates() == std::vector<std::string>{"body", "home", "layout", "title"});
  CHECK(t.clone().parse("title", "Again").execute("layout", 1) == "<title>Again</title><p>1");
}

TEST_CASE("set-up ends with the first execution", "[template]") {
  Templates t;
  t.parse("t", "x");
  t.parse("t", "y");
  CHECK(t.execute("t") == "y");
  CHECK_THROWS_AS(t.parse("t", "z"), std::logic_error);
  CHECK_THROWS_AS(t.funcs({{"upper", upper}}), std::logic_error);
  CHECK_THROWS_AS(t.option("missingkey=error"), std::logic_error);
  CHECK(t.execute("t") == "y");
}

TEST_CASE("a source that does not parse changes nothing", "[template]") {
  Templates t;
  t.parse("t", "old{{define \"x\"}}1{{end}}");
  CHECK_THROWS_AS(t.parse("t", "{{define \"x\"}}2{{end}}{{"), TemplateError);
  CHECK(t.execute("t") == "old");
  CHECK(t.execute("x") == "1");
}

TEST_CASE("functions take and return what they say", "[template]") {
  Templates t(Escaping::none);
  t.funcs({{"upper", upper},
           {"add", [](int a, int b) { return a + b; }},
           {"half", [](double d) { return d / 2; }},
           {"flip", [](bool b) { return !b; }},
           {"count", [](std::span<const Value> all) { return all.size(); }},
           {"sum",
            [](int first, std::span<const int> more) {
              for (const int n : more) first += n;
              return first;
            }},
           {"keys",
            [](const Map& m) {
              List keys;
              for (const auto& [key, v] : m) keys.push_back(key);
              return keys;
            }},
           {"first", [](const List& l) { return l.at(0); }},
           {"small", [](signed char c) { return static_cast<int>(c); }},
           {"c_string", [](const char* s) { return std::string(s); }},
           {"names", [](const std::vector<std::string>& all) { return all.size(); }},
           {"none", [] { return Value(); }},
           {"print", [](const Value&) { return "mine"; }},
           {"upto", [](int n) {
              return jot::Sequence{[i = 0, n](Value& item) mutable {
                if (i == n) return false;
                item = i++;
                return true;
              }};
            }}});
  const Value data = {{"n", 4}, {"s", "x"}, {"m", {{"a", 1}}}, {"l", List{7, 8}}, {"z", nullptr}};
  const auto run = [&](std::string_view text) {
    return t.clone().parse("t", text).execute("t", data);
  };
  const auto problem = [&](std::string_view text) { return error_of([&] { run(text); }).message; };
  CHECK(
      run("{{upper .s}} {{.s | upper}} {{add 1 .n}} {{half 3}} {{flip false}} {{count}} "
          "{{count 1 .s nil}} {{sum 1}} {{sum 1 2 3}} {{keys .m}} {{first .l}} {{c_string .s}}") ==
      "X X 5 1.5 true 0 3 1 6 [a] 7 x");
  CHECK(run("{{print 1}}{{none}}") == "mine<no value>");
  CHECK(run("{{range upto 3}}{{.}}{{end}} {{range $i, $n := 2 | upto}}{{$i}}{{$n}}{{end}}"
            "{{range upto 0}}{{else}}none{{end}}{{range upto 9}}{{break}}{{end}}") ==
        "012 0011none");
  CHECK(problem("{{upper .n}}") ==
        "executing \"t\" at <.n>: wrong type for value; expected string; got int");
  CHECK(problem("{{half .n}}") ==
        "executing \"t\" at <.n>: wrong type for value; expected float64; got int");
  CHECK(problem("{{add 1}}") ==
        "executing \"t\" at <add>: wrong number of args for add: want 2 got 1");
  CHECK(problem("{{keys .l}}") ==
        "executing \"t\" at <.l>: wrong type for value; expected "
        "map[string]interface {}; got []interface {}");
  CHECK(problem("{{first (slice .l 2)}}").find("error calling first: ") != std::string::npos);
  CHECK(problem("{{small 300}}").find("error calling small: ") != std::string::npos);
  CHECK(problem("{{names .l}}").find("error calling names: ") != std::string::npos);
  CHECK(problem("{{upto 3}}") ==
        "executing \"t\" at <upto 3>: error calling upto: a sequence is for range only");
  CHECK_THROWS_AS(t.funcs({{"a-b", upper}}), std::invalid_argument);
  CHECK_THROWS_AS(t.funcs({{"", upper}}), std::invalid_argument);
  CHECK_THROWS_AS(t.funcs({{"if", upper}}), std::invalid_argument);
  CHECK_THROWS_AS(t.funcs({{"1a", upper}}), std::invalid_argument);
}

TEST_CASE("delimiters and options", "[template]") {
  Templates t(Escaping::none);
  t.delims("<<", ">>").parse("a", "<<- .x ->> {{.x}} <</* c */>>");
  CHECK(t.delims("", "").parse("b", "{{template \"a\" .}}").execute("b", {{"x", 1}}) == "1{{.x}} ");
  CHECK(t.execute("a", {{"x", 1}}) == "1{{.x}} ");
  const auto with = [](std::string_view option) {
    return Templates(Escaping::none).option(option).parse("t", "{{.x}}");
  };
  CHECK(with("missingkey=default").execute("t", Map{}) == "<no value>");
  CHECK(with("missingkey=invalid").execute("t", Map{}) == "<no value>");
  CHECK(with("missingkey=zero").execute("t", Map{}) == "<no value>");
  CHECK_THROWS_AS(with("missingkey=error").execute("t", Map{}), TemplateError);
  CHECK_THROWS_AS(Templates().option("missingkey=what"), std::invalid_argument);
  CHECK_THROWS_AS(Templates().option(""), std::invalid_argument);
}

TEST_CASE("errors read like a compiler's", "[template]") {
  Templates t;
  t.option("missingkey=error");
  t.parse("home.html",
          "<table>\n  {{range .Rows}}{{template \"row\" .}}{{end}}\n</table>\n"
          "{{define \"row\"}}\n  <td>{{.User.Nmae}}</td>\n{{end}}");
  const TemplateError e = error_of([&] {
    t.execute("home.html", {{"Rows", List{Value{{"User", {{"Name", 1}}}}}}});
  });
  CHECK(std::string_view(e.what()) ==
        "home.html:5:14: executing \"row\" at <.User.Nmae>: map has no entry for key \"Nmae\"\n"
        "  5 |   <td>{{.User.Nmae}}</td>\n"
        "    |              ^");
  CHECK(e.name == "home.html");
  CHECK(e.line == 5);
  CHECK(e.col == 14);
  CHECK(e.code.empty());
  CHECK(e.fields() == Map{{"template", "home.html"}, {"line", 5}, {"column", 14}});

  const TemplateError parse = error_of("a\nb {{foo .}}");
  CHECK(std::string_view(parse.what()) ==
        "t:2:5: function \"foo\" not defined\n  2 | b {{foo .}}\n    |     ^");
  const TemplateError escape = error_of("<p>{{if .}}<a href=\"{{else}}<b>{{end}}");
  CHECK(escape.code == "ErrBranchEnd");
  CHECK(escape.line == 1);
  CHECK(escape.col == 9);
  CHECK(std::string_view(escape.what()).starts_with("t:1:9: ErrBranchEnd: {{if}} branches end"));
  const TemplateError end = error_of("<a href=\"");
  CHECK(end.code == "ErrEndContext");
  CHECK(end.line == 0);
  const TemplateError absent = error_of([] { Templates().parse("a", "").execute("b"); });
  CHECK(std::string_view(absent.what()) == "b: no such template; there are \"a\"");
}

TEST_CASE("each error of the escaper has its code", "[template]") {
  const struct {
    std::string_view text, code;
    int col;
  } cases[] = {
      {"<a href='{{if .x}}/a?{{else}}/b{{end}}{{.}}'>", "ErrAmbigContext", 41},
      {"<a b\"=1>{{.}}", "ErrBadHTML", 1},
      // Go has ErrRangeLoopReentry, too, but says this.
      {"<script>[{{range .}}'{{.}},{{end}}]</script>", "ErrBranchEnd", 18},
      {"{{with .}}<b {{end}}", "ErrBranchEnd", 8},
      {"<script>{{.}}", "ErrEndContext", 0},
      {"{{template \"x\"}}", "ErrNoSuchTemplate", 12},
      {"{{define \"x\"}}{{if .}}{{template \"x\"}}{{end}}\"{{end}}<script>{{template "
       "\"x\"}}</script>",
       "ErrOutputContext", 15},
      {"<script>/[{{.}}]/</script>", "ErrPartialCharset", 1},
      {"<script>'\\{{.}}'</script>", "ErrPartialEscape", 1},
      {"<script>{{if .}}x{{else}}={{end}}/1</script>", "ErrSlashAmbig", 34},
      {"{{. | html | print}}", "ErrPredefinedEscaper", 3},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const TemplateError e = error_of(c.text, Value{{"x", 1}});
    CHECK(e.code == c.code);
    CHECK(e.col == c.col);
  }
}

TEST_CASE("escaping is decided once, also by check", "[template]") {
  Templates t;
  t.parse("good", "<p>{{template \"part\" .}}").parse("part", "{{.}}\">");
  t.parse("bad", "<a title=\"{{template \"open\" .}}").parse("open", "{{.}}");
  CHECK_NOTHROW(t.check("good"));
  CHECK_THROWS_AS(t.check(), TemplateError);
  const TemplateError first = error_of([&] { t.execute("bad"); });
  const TemplateError again = error_of([&] { t.execute("bad"); });
  CHECK(first.code == "ErrEndContext");
  CHECK(std::string_view(first.what()) == again.what());
  CHECK(t.execute("good", "<") == "<p>&lt;\">");
  CHECK_THROWS_AS(t.check("absent"), TemplateError);
}

TEST_CASE("a template called in several contexts is escaped for each", "[template]") {
  Templates t;
  t.parse("v", "{{.}}");
  t.parse("a",
          "<p title='{{template \"v\" .}}'>{{template \"v\" .}}<script>{{template \"v\" "
          ".}}</script>");
  t.parse("b", "<a href='/?{{template \"v\" .}}'>");
  const std::string a = "<p title='a&#39;&lt;'>a&#39;&lt;<script>\"a'\\u003c\"</script>";
  CHECK(t.execute("a", "a'<") == a);
  CHECK(t.execute("b", "a'<") == "<a href='/?a%27%3c'>");
  CHECK(t.execute("v", "a'<") == "a&#39;&lt;");
  CHECK(t.execute("a", "a'<") == a);
}

TEST_CASE("nothing is appended where an execution fails", "[template]") {
  Templates t;
  t.parse("t", "begun {{.x.y}}");
  std::string to = "kept ";
  CHECK_THROWS_AS(t.execute_to(to, "t", {{"x", 1}}), TemplateError);
  CHECK(to == "kept ");
  t.execute_to(to, "t", {{"x", {{"y", 1}}}});
  CHECK(to == "kept begun 1");
}

TEST_CASE("nesting has its limits, and going round in circles too", "[template]") {
  const auto repeated = [](std::string_view s, int times) {
    std::string to;
    while (times-- > 0) to += s;
    return to;
  };
  const int many = 100'000;
  CHECK(error_of("{{" + repeated("(", many)).message.find("nested") != std::string::npos);
  CHECK(error_of(repeated("{{if .}}", many)).message.find("nested") != std::string::npos);
  CHECK(error_of(repeated("{{range .}}{{else}}", many)).message.find("nested") !=
        std::string::npos);
  CHECK(error_of("{{if .}}" + repeated("{{else if .}}", many) + "{{end}}").message.find("nested") !=
        std::string::npos);
  CHECK(error_of(repeated("{{block \"x\" .}}", many)).message.find("nested") != std::string::npos);
  CHECK(page(repeated("{{if .}}", 400) + "x" + repeated("{{end}}", 400), 1) == "x");
  CHECK(page("{{" + repeated("(", 400) + "1" + repeated(")", 400) + "}}") == "1");
  for (const Escaping escaping : {Escaping::html, Escaping::none}) {
    const TemplateError e =
        error_of("{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}", 1, escaping);
    CHECK(e.message.find("exceeded maximum template depth") != std::string::npos);
    const std::string deep =
        repeated("{{if true}}", 400) + "{{template \"x\"}}" + repeated("{{end}}", 400);
    CHECK(error_of("{{define \"x\"}}" + deep + "{{end}}{{template \"x\"}}", 1, escaping)
              .message.find("exceeded maximum template depth") != std::string::npos);
  }
  // Chains of templates, and loops within loops, each of which is walked again.
  std::string chain, loops;
  for (int i = 0; i < 600; ++i)
    chain += jot::text("{{define \"", i, "\"}}{{template \"", i + 1, "\"}}{{end}}");
  CHECK(page(chain + "{{define \"600\"}}x{{end}}{{template \"0\"}}") == "x");
  for (int i = 0; i < 300; ++i) loops += "{{range .}}<a href='x{{1}}'>";
  CHECK(page(loops + repeated("{{end}}", 300), List{}).empty());
}

TEST_CASE("a large text is followed once, not once for each of its signs", "[template]") {
  const struct {
    std::string_view begin, middle, end, in_page;
  } cases[] = {
      {"<style>'", "\\22 x", "'</style>", "\\22 x"},
      {"<script>", "x/'<'-", "</script>", "x/'<'-"},
      {"<script>", "// c\n", "</script>", "\n"},
  };
  const int many = 300'000;
  for (const auto& c : cases) {
    CAPTURE(c.begin, c.middle);
    std::string source(c.begin), want(c.begin);
    for (int i = 0; i < many; ++i) source += c.middle, want += c.in_page;
    source += c.end, want += c.end;
    CHECK(page(source) == want);
  }
  // Recursive ones within each other are followed twice for each that is around them.
  const std::string long_text(100'000, ';');
  std::string recursive = "<script>{{template \"0\"}}</script>{{define \"14\"}}{{end}}";
  for (int i = 0; i < 14; ++i)
    recursive += jot::text("{{define \"", i, "\"}}{{if .}}{{template \"", i,
                           "\"}}{{end}};{{template \"", i + 1, "\"}}", long_text, "x{{end}}");
  CHECK(error_of(recursive).code == "ErrOutputContext");
  std::string literals = "<script>";
  for (int i = 0; i < many; ++i) literals += "`${";
  CHECK(error_of(literals).message.find("nested too deeply") != std::string::npos);
}

TEST_CASE("files are parsed by the last part of their names", "[template]") {
  TestFolder folder;
  folder.write("a.html", "A{{template \"b.html\"}}");
  folder.write("b.html", "B");
  const std::string dir = folder.path();
  CHECK(Templates::parse_files({dir + "/a.html", dir + "/b.html"}).execute("a.html") == "AB");
  CHECK(Templates::parse_glob(dir + "/*.html").execute("a.html") == "AB");
  CHECK_THROWS_AS(Templates::parse_glob(dir + "/*.txt"), std::invalid_argument);
  CHECK_THROWS_AS(Templates::parse_files({}), std::invalid_argument);
  CHECK_THROWS_WITH(Templates::parse_files({dir + "/c.html"}),
                    Catch::Matchers::Contains("/c.html: No such file"));
  CHECK_THROWS_AS(Templates::parse_files({dir}), std::system_error);
}

TEST_CASE("of several files all are added, or none", "[template]") {
  TestFolder folder;
  folder.write("a.html", "new");
  folder.write("b.html", "{{broken");
  Templates t;
  t.parse("a.html", "old");
  CHECK_THROWS_AS(t.add_glob(folder.path() + "/*.html"), TemplateError);
  CHECK_THROWS_AS(t.add_files({folder.path("a.html"), folder.path("b.html")}), TemplateError);
  CHECK_THROWS_AS(t.add_files({folder.path("a.html"), folder.path("c")}), std::system_error);
  CHECK(t.defined_templates() == std::vector<std::string>{"a.html"});
  CHECK(t.execute("a.html") == "old");
  CHECK_THROWS_AS(t.add_files({folder.path("a.html")}), std::logic_error);
  CHECK(t.execute("a.html") == "old");
}

TEST_CASE("watched files change while templates are executed and cloned", "[template]") {
  TestFolder folder;
  folder.write("a.html", "0");
  Templates t = Templates::parse_glob(folder.path() + "/*.html").watch_files();
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      while (!done) i == 0 ? void(t.clone()) : void(t.execute("a.html"));
    });
  }
  int good = 0;
  for (int i = 0; i < 100; ++i) {
    folder.write("a.html", std::to_string(i));
    good += t.execute("a.html") == std::to_string(i);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 100);
}

TEST_CASE("files that are watched are parsed anew when they change", "[template]") {
  TestFolder folder;
  folder.write("a.html", "one");
  Templates t = Templates::parse_glob(folder.path() + "/*.html");
  t.parse("own", "{{template \"a.html\"}}!").watch_files();
  const Templates copy = t;
  CHECK(copy.execute("own") == "one!");
  folder.write("a.html", "two, longer");
  CHECK(copy.execute("own") == "two, longer!");
  folder.write("a.html", "{{broken");
  CHECK_THROWS_AS(copy.execute("own"), TemplateError);
  CHECK_THROWS_AS(copy.execute("own"), TemplateError);
  folder.write("a.html", "three");
  folder.write("b.html", "new");
  CHECK(copy.execute("own") == "three!");
  CHECK(copy.execute("b.html") == "new");
  REQUIRE(std::remove(folder.path("b.html").c_str()) == 0);
  CHECK(copy.execute("own") == "three!");
  CHECK_FALSE(copy.lookup("b.html"));
  REQUIRE(std::remove(folder.path("a.html").c_str()) == 0);
  CHECK(error_of([&] { copy.execute("own"); }).message.find("matches no files") !=
        std::string::npos);
}

TEST_CASE("templates are executed by many threads at a time", "[template]") {
  Templates t;
  t.funcs({{"upper", upper}});
  t.parse("row", "<td title=\"{{.}}\">{{. | upper}}</td>");
  t.parse("page", "{{range .}}{{template \"row\" .}}{{end}}<script>{{.}}</script>");
  t.parse("bad", "<a ");
  const Value data = List{"a", "b"};
  const std::string want =
      "<td title=\"a\">A</td><td title=\"b\">B</td><script>[\"a\",\"b\"]</script>";
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, copy = t] {
      for (int round = 0; round < 50; ++round) {
        good += copy.execute("page", data) == want;
        try {
          copy.execute("bad");
        } catch (const TemplateError& e) {
          good += e.code == "ErrEndContext";
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 800);
}

TEST_CASE("render sends the whole page or none of it", "[template]") {
  Templates pages;
  pages.parse("home", "<h1>{{.title}}</h1>").parse("broken", "<p>\n{{.title.x}}");
  jot::Router app;
  app.get("/", [&](jot::ResponseWriter& w) { jot::render(w, pages, "home", {{"title", "<hi>"}}); });
  app.get("/created", [&](jot::ResponseWriter& w) { jot::render(w, pages, "home", {}, 422); });
  app.get("/broken", [&](jot::ResponseWriter& w) {
    w.header().set("ETag", "\"x\"");
    jot::render(w, pages, "broken", {{"title", 1}}, 201);
  });
  app.get("/absent", [&](jot::ResponseWriter& w) { jot::render(w, pages, "absent"); });
  app.get("/xml", [&](jot::ResponseWriter& w) {
    w.header().set("Content-Type", "image/svg+xml");
    jot::render(w, pages, "home");
  });
  app.get("/tagged", [&](jot::ResponseWriter& w, jot::Request& r) {
    jot::render(w, r, pages, "home", {{"title", 1}}, {.content_type = "text/x", .etag = true});
  });
  const auto get = [&](std::string_view path) {
    return jot::record(app, jot::request("GET", path));
  };

  const jot::Recorded home = get("/");
  CHECK(home.status == 200);
  CHECK(home.body == "<h1>&lt;hi&gt;</h1>");
  CHECK(home.header.get("Content-Type") == "text/html; charset=utf-8");
  CHECK(home.header.get("Content-Length") == "19");
  CHECK(get("/created").status == 422);
  CHECK(get("/xml").header.get("Content-Type") == "image/svg+xml");
  for (const char* path : {"/broken", "/absent"}) {
    const jot::Recorded broken = get(path);
    CHECK(broken.status == 500);
    CHECK(broken.body == "Internal Server Error\n");
    CHECK_FALSE(broken.header.has("ETag"));
    CHECK(broken.header.get("Content-Type") == "text/plain; charset=utf-8");
  }
  const jot::Recorded tagged = get("/tagged");
  CHECK(tagged.header.get("Content-Type") == "text/x");
  const std::string tag(tagged.header.get("ETag"));
  CHECK(tag.size() > 2);
  const jot::Recorded again =
      jot::record(app, jot::request("GET", "/tagged", {.header = {{"If-None-Match", tag}}}));
  CHECK(again.status == 304);
  CHECK(again.body.empty());
}

TEST_CASE("the log says where a page failed, the client gets the error page", "[template]") {
  Templates pages;
  pages.parse("broken.html", "<p>\n  {{.x.y}}").parse("bad.html", "<p>\n{{if .}}<a{{end}}");
  jot::Router app;
  app.get("/{name}", [&](jot::ResponseWriter& w, jot::Request& r) {
    jot::render(w, pages, r.path_value("name") + ".html", {{"x", 1}});
  });
  app.on_error([](jot::ResponseWriter& w, jot::Request&, int status, std::string_view message) {
    w.write("our page for ", status, ": ", message);
  });
  raw::Served s(app);
  const auto get = [](std::string_view path) {
    return jot::text("GET ", path, " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  const auto broken = s.client().ask(get("/broken"));
  CHECK(broken.status == 500);
  CHECK(broken.body == "our page for 500: Internal Server Error");
  CHECK(s.client().ask(get("/bad")).status == 500);
  const auto records = s.log.records();
  REQUIRE(records.size() == 2);
  CHECK(records[0].message == "handler threw");
  CHECK(records[0].field("template") == "broken.html");
  CHECK(records[0].fields.at("line") == Value(2));
  CHECK(records[0].fields.at("column") == Value(7));
  CHECK(records[0].field("pattern") == "GET /{name}");
  CHECK(records[0].field("error").starts_with("broken.html:2:7: executing"));
  CHECK(records[1].field("code") == "ErrBranchEnd");
}
