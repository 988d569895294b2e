// 03_streaming.cpp -- a long import that shows how far it is, while it goes on.
//
// What a handler writes is kept until it returns, or until it says flush(): then it is sent at
// once. With the type text/event-stream a browser hands every "data: ...", followed by an empty
// line, to the page as it arrives; curl -N just prints it. Open localhost:8080 and watch it grow.
#include <chrono>

#include "jot.hpp"

using namespace std::chrono_literals;

constexpr auto page = R"(<!doctype html>
<title>Import</title>
<pre></pre>
<script>
  const events = new EventSource("/import");
  events.onmessage = (event) => document.querySelector("pre").append(event.data + "\n");
  events.addEventListener("end", () => events.close());  // or it would connect, and import, again
</script>
)";

void import_rows(jot::ResponseWriter& w, jot::Request& r) {
  jot::Flusher* flusher = w.flusher();
  if (!flusher) return jot::error(w, 500, "streaming not supported");  // under some middleware
  w.header().set("Content-Type", "text/event-stream").set("Cache-Control", "no-cache");

  constexpr int all = 50'000;
  const auto begin = jot::Clock::now();
  for (int rows = 10'000; rows <= all; rows += 10'000) {
    if (!r.context().sleep_for(1s)) return;  // the tab was closed: nobody needs this work any more
    const auto took = std::chrono::round<std::chrono::seconds>(jot::Clock::now() - begin);
    w.write("data: ", rows, " rows, ", rows * 100 / all, "%, after ", took.count(), " s\n\n");
    flusher->flush();
  }
  w.write("event: end\ndata: done\n\n");
}

int main() {
  jot::Router app;
  app.get("/{$}", [] { return jot::HTML{page}; });
  app.get("/import", import_rows);
  jot::listen_and_serve(":8080", app);
}

// Try:    curl -i -N localhost:8080/import
// Output: Content-Type: text/event-stream
//         Transfer-Encoding: chunked
//         data: 10000 rows, 20%, after 1 s
//         data: 50000 rows, 100%, after 5 s
//         event: end
// Try:    curl -N -m 2.5 localhost:8080/import || echo "left after two lines"
// Output: data: 20000 rows, 40%, after 2 s
//         left after two lines
