// 13_upload_progress.cpp -- a large file is uploaded and imported, and the page shows how far it
// is.
//
// Two things take long: the upload, which the browser itself can tell about, and the import. So the
// upload is answered with 202 and an address as soon as it is here, the import runs on a thread of
// its own, and the address tells its progress as events. Close the page, come back: it goes on.
#include <csignal>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

constexpr auto page = R"(<!doctype html>
<title>Import</title>
<form><input type="file" name="csv" required> <button>Import</button></form>
<progress max="100" value="0"></progress> <output></output>
<script>
  const form = document.querySelector("form");
  const show = (percent, words) => {
    document.querySelector("progress").value = percent;
    document.querySelector("output").textContent = words;
  };
  form.onsubmit = (submit) => {
    submit.preventDefault();
    const upload = new XMLHttpRequest();  // unlike fetch, it tells how far an upload is
    upload.upload.onprogress = (sent) => show(100 * sent.loaded / sent.total, "uploading");
    upload.onload = () => {
      if (upload.status !== 202) return show(0, upload.responseText);
      const events = new EventSource(upload.getResponseHeader("Location"));
      events.addEventListener("progress", (event) => {
        const {percent, rows, bad} = JSON.parse(event.data);
        show(percent, `${rows} rows imported, ${bad} bad, ${percent}%`);
      });
      events.addEventListener("end", () => events.close());
    };
    upload.open("POST", "/imports");
    upload.send(new FormData(form));
  };
</script>
)";

// Imports a file while others watch. The file is a copy of the form's: it shares the bytes, in
// memory or in a temporary file, and keeps them when the request has long been answered.
class Import {
 public:
  Import(jot::FormFile csv, const jot::Context& until)
      : csv_(std::move(csv)), scope_(jot::with_cancel(until)), thread_([this] { work(); }) {}
  ~Import() { scope_.cancel(); }  // then the thread is joined

  int percent() const {
    return csv_.data.empty() ? 100 : static_cast<int>(done_ * 100 / csv_.data.size());
  }
  jot::Value progress() const {
    return {{"percent", percent()}, {"rows", rows_.load()}, {"bad", bad_.load()}};
  }

 private:
  void work() {
    std::string_view rest = csv_.data;
    for (int row = 1; !rest.empty(); ++row) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      ++(line.find(',') == line.npos ? bad_ : rows_);  // a real one would go to a database ...
      if (row % 500 == 0 && !scope_.ctx.sleep_for(20ms)) return;  // ... which takes its time
      done_ = csv_.data.size() - rest.size();
    }
  }

  const jot::FormFile csv_;
  jot::CancelScope scope_;
  std::atomic<std::size_t> done_ = 0;
  std::atomic<int> rows_ = 0, bad_ = 0;
  std::jthread thread_;
};

class Imports {
 public:
  int start(const jot::FormFile& csv, const jot::Context& until) {
    const std::lock_guard lock(mutex_);
    imports_[++last_] = std::make_shared<Import>(csv, until);
    return last_;
  }
  std::shared_ptr<Import> find(int id) {
    const std::lock_guard lock(mutex_);
    const auto found = imports_.find(id);
    if (found == imports_.end()) throw jot::HttpError{404, "no such import"};
    return found->second;
  }

 private:
  std::mutex mutex_;  // of both
  std::map<int, std::shared_ptr<Import>> imports_;
  int last_ = 0;
};

int main() {
  const jot::Context until = jot::notify_context({SIGINT, SIGTERM});
  Imports imports;
  jot::Router app;
  app.get("/{$}", [] { return jot::HTML{page}; });

  app.post("/imports", [&](jot::ResponseWriter& w, jot::Request& r) {
    r.body().set_limit(100u << 20);
    const jot::FormFile* csv = r.form().file("csv");
    if (!csv) return jot::error(w, 422, "choose a file");
    w.header().set("Location", jot::text("/imports/", imports.start(*csv, until)));
    w.write_header(202);
  });

  app.get("/imports/{id:int}", [&](jot::ResponseWriter& w, jot::Request& r) {
    const auto import = imports.find(r.path_value<int>("id"));
    jot::EventStream events(w, r);
    for (int percent = 0; percent < 100;) {
      percent = import->percent();
      if (!events.send({.event = "progress", .data = jot::to_json(import->progress())})) return;
      if (percent < 100 && !r.context().sleep_for(100ms)) return;  // the page was closed
    }
    events.send({.event = "end"});
  });

  jot::Server server{{.addr = ":8080", .handler = app}};
  server.listen_and_serve(until);
}

// Try:    seq 50000 | sed 's/$/,somebody/' | curl -i -F csv=@- localhost:8080/imports
// Output: HTTP/1.1 202 Accepted
//         Location: /imports/1
// Try:    curl -siN localhost:8080/imports/1
// Output: Content-Type: text/event-stream
//         event: progress
//         data: {"bad":0,"percent":{...},"rows":{...}}
//         data: {"bad":0,"percent":100,"rows":50000}
//         event: end
// Try:    printf 'one\n2,two\n' | curl -si -F csv=@- localhost:8080/imports
// Output: Location: /imports/2
// Try:    curl -sN localhost:8080/imports/2
// Output: data: {"bad":1,"percent":100,"rows":1}
// Try:    curl -s -F csv=none localhost:8080/imports; curl -s localhost:8080/imports/3
// Output: choose a file
//         no such import
