// 16_templates.cpp -- pages: a layout, a list, and an error that is a clean 500, not half a page.
//
// The language is that of Go's html/template. What an action prints is escaped for the place where
// it stands: text, an attribute, a link, a script. render() makes the whole page before its first
// byte leaves, so a page that fails half-way is an error page, and a line in the log with its place.
#include "jot.hpp"

constexpr std::string_view layout = R"html({{define "top"}}<!doctype html>
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
{{end}}
{{define "bottom"}}<hr><a href="/">Home</a>
{{end}}
)html";

constexpr std::string_view home = R"html({{template "top" .}}
<ul>
{{- range .Items}}
  <li><a href="/items?name={{.Name}}" title="{{.Name}}">{{.Name}}</a>: {{printf "%.2f" .Price}}</li>
{{- else}}
  <li>Nothing today.</li>
{{- end}}
</ul>
<script>const items = {{.Items}};</script>
{{template "bottom"}}
)html";

constexpr std::string_view broken = R"html({{template "top" .}}
<p>The third item is {{index .Items 2}}.</p>
)html";

int main() {
  jot::Templates pages;  // of files: jot::Templates::parse_glob("views/*.html")
  pages.parse("layout.html", layout).parse("home.html", home).parse("broken.html", broken);

  const jot::Value shop = {
      {"Title", "Salt & Pepper"},
      {"Items", jot::List{{{"Name", "Salt"}, {"Price", 1.5}},
                          {{"Name", "\"Black\" <pepper>"}, {"Price", 2.25}}}}};

  jot::Router app;
  app.on_error([](jot::ResponseWriter& w, jot::Request&, int status, std::string_view message) {
    w.write("<h1>", status, "</h1><p>", jot::html_escape(message), "</p>\n");
  });
  app.get("/{$}", [&](jot::ResponseWriter& w) { jot::render(w, pages, "home.html", shop); });
  app.get("/empty", [&](jot::ResponseWriter& w) {
    jot::render(w, pages, "home.html", {{"Title", "Sold out"}});
  });
  app.get("/broken", [&](jot::ResponseWriter& w) { jot::render(w, pages, "broken.html", shop); });

  jot::listen_and_serve(":8080", app);
}

// Try:    curl -si localhost:8080/
// Output: HTTP/1.1 200 OK
//         Content-Type: text/html; charset=utf-8
//         <h1>Salt &amp; Pepper</h1>
//           <li><a href="/items?name=Salt" title="Salt">Salt</a>: 1.50</li>
//           <li><a href="/items?name=%22Black%22%20%3cpepper%3e" title="&#34;Black&#34; &lt;pepper&gt;">...
//         <script>const items = [{"Name":"Salt","Price":1.5},{"Name":"\"Black\" \u003cpepper\u003e",...
// Try:    curl -s localhost:8080/empty
// Output:   <li>Nothing today.</li>
//         <script>const items =  null ;</script>
// Try:    curl -si localhost:8080/broken
// Output: HTTP/1.1 500 Internal Server Error
//         <h1>500</h1><p>Internal Server Error</p>
