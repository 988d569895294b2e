// 17_guestbook.cpp -- what strangers write, shown safely wherever it stands on the page.
//
// The same name and comment go into text, an attribute, a link, a style and a script. The page does
// not say how each is escaped: the template knows from the place. A link that is a script in
// disguise becomes #ZgotmplZ.
#include <deque>
#include <mutex>
#include <string>

#include "jot.hpp"

constexpr std::string_view page = R"html(<!doctype html>
<title>Guestbook</title>
<h1>Guestbook</h1>
{{with .Error}}<p class="error">{{.}}</p>{{end}}
<form method="post">
  <input name="name" placeholder="Name" value="{{.Form.Name}}">
  <input name="site" placeholder="https://..." value="{{.Form.Site}}">
  <textarea name="text">{{.Form.Text}}</textarea>
  <button>Sign</button>
</form>
{{range .Entries}}
<article title="{{.Text}}" data-name={{.Name}}>
  <h2><a href="{{.Site}}" style="color: {{.Color}}">{{.Name}}</a></h2>
  <p>{{.Text}}</p>
  <button onclick="document.title = {{.Name}}">Whose?</button>
</article>
{{end}}
<script>
  const names = {{.Names}};
  const last = "{{with .Entries}}{{(index . 0).Text}}{{end}}";  // and in a string
</script>
)html";

class Guestbook {  // handlers run on many threads at once
 public:
  void add(jot::Value entry) {
    std::lock_guard lock(mutex_);
    entries_.push_front(std::move(entry));
    if (entries_.size() > 50) entries_.pop_back();
  }
  jot::Value page_with(const jot::Value& form, const std::string& error = {}) {
    jot::List entries, names;
    std::lock_guard lock(mutex_);
    for (const jot::Value& entry : entries_) {
      entries.push_back(entry);
      names.push_back(entry["Name"]);
    }
    return {{"Entries", entries}, {"Names", names}, {"Form", form}, {"Error", error}};
  }

 private:
  std::mutex mutex_;
  std::deque<jot::Value> entries_;  // newest first
};

int main() {
  jot::Templates pages;
  pages.parse("guestbook.html", page);
  Guestbook book;

  jot::Router app;
  app.use(jot::secure_headers());
  app.use(jot::csrf_guard());
  app.get("/{$}", [&](jot::ResponseWriter& w) {
    jot::render(w, pages, "guestbook.html", book.page_with(jot::Map{}));
  });
  app.post("/{$}", [&](jot::ResponseWriter& w, jot::Request& r) {
    const jot::Form& form = r.form();
    const jot::Value entry = {{"Name", form.get("name")},
                              {"Site", form.get("site")},
                              {"Text", form.get("text")},
                              {"Color", form.has("color") ? form.get("color") : "teal"}};
    if (form.get("name").empty())
      return jot::render(w, pages, "guestbook.html", book.page_with(entry, "Who are you?"), 422);
    book.add(entry);
    jot::redirect(w, r, "/");
  });

  jot::listen_and_serve(":8080", app);
}

// Try:    curl -sL localhost:8080/ --data-urlencode 'name=Ann' --data-urlencode 'text=Hello & welcome'
// Output: <article title="Hello &amp; welcome" data-name=Ann>
//           <p>Hello &amp; welcome</p>
// Try:    curl -sL localhost:8080/ --data-urlencode 'name="><script>alert(1)</script>' --data-urlencode 'site=javascript:alert(1)' --data-urlencode "text=</script>'\""
// Output: <article title="&lt;/script&gt;&#39;&#34;" data-name=&#34;&gt;&lt;script&gt;...
//           <h2><a href="#ZgotmplZ" style="color: teal">&#34;&gt;&lt;script&gt;...
//         const names = ["\"\u003e\u003cscript\u003ealert(1)...
// Try:    curl -si localhost:8080/ --data-urlencode 'text=No name</textarea>'
// Output: HTTP/1.1 422 Unprocessable Content
//         <p class="error">Who are you?</p>
//           <textarea name="text">No name&lt;/textarea&gt;</textarea>
