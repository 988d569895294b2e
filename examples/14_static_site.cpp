// 14_static_site.cpp -- files: from a folder, or from inside the program.
//
// What browsers and caches ask of a file is answered for you: has it changed, is there a compressed
// copy, may I have the rest of it? Nothing outside the folder is served, and nothing whose name
// begins with a dot.
#include "jot.hpp"

// These are part of the program: nothing to install beside it.
constexpr jot::EmbeddedFile about[] = {
    {"index.html", "<!doctype html><link rel=stylesheet href=about.css><p>One file, no folder.\n"},
    {"about.css", "p { color: teal }\n"},
};

int main() {
  jot::Router app;
  app.handle("/", jot::FileServer("public", {.cache_control = "no-cache"}));  // ask each time
  app.handle("/about/", jot::FileServer(jot::Embedded(about)));
  app.handle("/browse/", jot::FileServer("public", {.index = "", .list = true}));
  app.get("/license", [](jot::ResponseWriter& w, jot::Request& r) {
    w.header().set("Content-Disposition", "attachment; filename=\"LICENSE.txt\"");
    jot::serve_file(w, r, "../LICENSE");  // one file, of any place
  });
  jot::listen_and_serve(":8080", app);
}

// Try:    curl -si localhost:8080
// Output: HTTP/1.1 200 OK
//         Cache-Control: no-cache
//         Content-Type: text/html; charset=utf-8
//         <!doctype html>
// Try:    curl -s localhost:8080/site.css -r 0-3; echo; curl -s localhost:8080/about/about.css
// Output: body
//         p { color: teal }
// Try:    s=localhost:8080/site.css; t=$(curl -so /dev/null -w '%header{etag}' $s); curl -siH "If-None-Match: $t" $s
// Output: HTTP/1.1 304 Not Modified
// Try:    curl -s localhost:8080/browse/
// Output: {...}<a href="site.css">site.css</a>...
// Try:    curl -si localhost:8080/license
// Output: HTTP/1.1 200 OK
//         Content-Disposition: attachment; filename="LICENSE.txt"
//         MIT License
// Try:    curl -si --path-as-is localhost:8080/browse/..%2f14_static_site.cpp
// Output: HTTP/1.1 404 Not Found
