// SPDX-License-Identifier: MIT
//
// template.hpp -- which page do this template and these data make?
//
// In: templates in the language of Go's text/template and html/template, and a Value. Out: the
// page, whole, with each value written as its place in it asks: in text, in an attribute, in a URL,
// within a script. Templates written for Go work unchanged.
//
//     jot::Templates pages = jot::Templates::parse_glob("views/*.html");
//     app.get("/", [&](jot::ResponseWriter& w) {
//       jot::render(w, pages, "home.html", {{"title", "Home"}, {"items", jot::List{1, 2, 3}}});
//     });
//
// - {{.title}} {{.user.name}} {{index .items 0}} {{$x := len .items}} {{.name | printf "%q"}}
// - {{if}} {{else if}} {{else}} {{with}} {{range}} {{break}} {{continue}} {{end}}
// - {{define "row"}} {{template "row" .}} {{block "title" .}}Untitled{{end}} {{/* comment */}}
// - and or not, eq ne lt le gt ge, len index slice, print printf println, html js urlquery, call
//
// What cannot be escaped safely is an error, not a guess; so is what cannot be computed. Nothing of
// a page that failed reaches a client. Typed content (HTML{...}) passes as what it says it is.
// Four places Go 1.23 does not see through, and so no stranger's value should stand there: srcdoc=
// and the URL of a <meta> refresh, which it takes for plain text; <script type="">, which it takes
// for data; and "</{{.}}" in a string of a script.
//
// How values print, what missing keys are worth and what is refused is as Go 1.23 has it, but for:
// - {{range 3}} and {{range f}}, where f makes a Sequence, which came with Go 1.24;
// - columns count from 1, and problems of parsing and escaping have one, too;
// - of several mistakes of escaping the first is told; Go may tell a later one;
// - a template that ends in another context than it begins with, <a href="...{{end}}, does so each
//   time it is called; Go forgets it after the first;
// - braces within ${ } of a JavaScript template literal belong to their branch: one that opens in
//   {{if}} closes there; Go mixes them up, and templates that are called inside and outside of it;
// - the line of a problem counts those of comments before it; {{printf "%p"}} shows no address;
// - {{slice .Text 0 .Count}} takes an index from the data as it is; Go wants it in parentheses;
// - imaginary numbers are refused; a byte of a text, {{index "a" 0}}, is an int, not a uint8;
// - beyond ASCII, whatever can be seen may stand in a name; Go wants a letter or a digit;
// - a Value holds no functions: no methods, and nothing for {{call}}, which therefore always fails;
// - templates, blocks and parentheses nest less deeply: 500 levels in a source, 2000 when executed,
//   which takes up to 2 MiB of a thread's stack.
#pragma once

#include "config.hpp"
#include "log.hpp"            // LoggedError
#include "template_func.hpp"  // TemplateFunc
#include "value.hpp"          // Value

#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <utility>           // std::pair
#include <vector>            // std::vector

namespace jot::inline v1 {

class Request;
class ResponseWriter;

namespace detail {
class TemplateStore;
}  // namespace detail

// html: contextual, for pages. none: for mail and configuration files; the page is plain text.
enum class Escaping { html, none };

// A template that does not parse, cannot be escaped, or could not be executed. what() reads like a
// compiler's message:
//
//     home.html:12:18: executing "row" at <.User.Nmae>: map has no entry for key "Nmae"
//       12 |   <td>{{.User.Nmae}}</td>
//          |                 ^
class TemplateError : public LoggedError {
 public:
  TemplateError(std::string in, int at_line, int at_col, std::string problem,
                std::string escape_code = {}, std::string_view excerpt = {});

  const char* what() const noexcept override { return what_.c_str(); }

  // {{"template", name}, {"line", line}, {"column", col}}: for the log.
  Map fields() const override;

  std::string name;          // of the file, or what parse() was told
  int line = 0, col = 0;     // from 1, in bytes; 0: no one place
  std::string code = {};     // why it cannot be escaped, by Go's name: "ErrBranchEnd"; else ""
  std::string message = {};  // what() without the place and the line

 private:
  std::string what_;
};

// Templates that can call each other. A copyable handle: copies share them.
//
// Set up first, on one thread; the first execute(), render() or check() ends that. From then on
// they are only read, by any number of threads.
class Templates {
 public:
  explicit Templates(Escaping escaping = Escaping::html);

  // The same as add_files() and add_glob() on new ones.
  static Templates parse_files(const std::vector<std::string>& files);
  static Templates parse_glob(const std::string& glob);

  // Adds functions for the templates that are parsed after this. A function of a predefined name
  // takes its place. Throws: std::invalid_argument for a name that no template could call.
  Templates& funcs(std::initializer_list<std::pair<std::string_view, TemplateFunc>> funcs);

  // What stands around actions in the templates that are parsed after this; "": "{{" and "}}".
  Templates& delims(std::string_view left, std::string_view right);

  // "missingkey=default" (or "invalid"): a key that is not there prints as <no value>, as nothing
  // where values are escaped; "missingkey=zero": as null; "missingkey=error": it is an error.
  // Throws: std::invalid_argument for anything else.
  Templates& option(std::string_view option);

  // Parses text as the template of that name, and those that it defines. One that is there already
  // is replaced, unless the new one is empty: so a page can redefine the blocks of a layout.
  // Throws: TemplateError, and then nothing has changed; std::logic_error after the first
  // execution.
  Templates& parse(std::string name, std::string_view text);

  // parse() of files, each by the last part of its path: "views/home.html" is "home.html". Of all
  // of them, or of none where one fails. Of a glob, they are sorted. Throws also: std::system_error
  // that names the file; std::invalid_argument where no file matches.
  Templates& add_files(const std::vector<std::string>& files);
  Templates& add_glob(const std::string& glob);

  // For development: from now on, when a file has changed since it was parsed, or one has come that
  // matches a glob, the next execution parses everything anew. Where that fails, executions throw
  // until the file is mended. Costs a stat() for each file and execution.
  Templates& watch_files();

  // Independent ones with the same templates, functions and options: to redefine blocks, page by
  // page. Unlike Go's, also after the first execution.
  Templates clone() const;

  // Is there a template of that name?
  bool lookup(std::string_view name) const;

  // Their names, sorted.
  std::vector<std::string> defined_templates() const;

  // Decides how these templates are escaped, as the first execution does, so that a mistake shows
  // at the start. Without a name: of all that no other one calls. Throws: TemplateError.
  void check(std::string_view name) const;
  void check() const;

  // Returns: the page. Throws: TemplateError.
  // Threads: any number at a time; the functions of funcs() are called on the calling one.
  std::string execute(std::string_view name, const Value& data = {}) const;

  // The same, appended to page; unchanged where it throws.
  void execute_to(std::string& page, std::string_view name, const Value& data = {}) const;

 private:
  friend void render(ResponseWriter&, const Templates&, std::string_view, const Value&, int);
  std::shared_ptr<detail::TemplateStore> store_;
};

// Answers with a page: status, Content-Type (text/html, or text/plain of Escaping::none; one that
// is set already is kept), Content-Length and body. The page is made first, into memory that this
// thread uses again, so that the client sees all of it or, when TemplateError is thrown, a 500: let
// it go, and the server logs it with template, line and column, and answers with its error page.
void render(ResponseWriter& w, const Templates& t, std::string_view name, const Value& data = {},
            int status = 200);

struct RenderOptions {
  std::string content_type = {};  // "": as above
  bool etag = false;  // an ETag made of the page, up to 1 MiB; 304 to whom has it already
  int status = 200;
};

// The same, with more to say.
void render(ResponseWriter& w, Request& r, const Templates& t, std::string_view name,
            const Value& data = {}, const RenderOptions& options = {});

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/template.ipp"
#endif
