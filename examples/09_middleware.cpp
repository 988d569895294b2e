// 09_middleware.cpp -- what many handlers need, written once and wrapped around them.
//
// The first used is the outermost: a request passes request_id, then request_log, and so on to its
// handler; the answer goes back the other way. A group has middleware of its own besides.
#include <chrono>
#include <string>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

// For handing a value on, to whoever is further in.
inline constexpr jot::ContextKey<std::string> language{"language"};

// A middleware of your own: do something before, call next, do something after. To refuse the
// request, throw a jot::HttpError, or answer and do not call next.
void speak(jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
  const bool german = r.header().get("Accept-Language").starts_with("de");
  w.header().set("Content-Language", german ? "de" : "en");
  r.set_value(language, german ? "de" : "en");
  next(w, r);
}

int main() {
  jot::Router app;
  app.use(jot::request_id());    // X-Request-ID, also in what the next one logs
  app.use(jot::request_log());   // a line for each request, on stderr
  app.use(jot::timeout(500ms));  // 503 for what takes longer
  app.use(speak);
  app.get("/{$}", [](jot::Request& r) {
    return *r.value(language) == "de" ? "Guten Tag.\n" : "Good day.\n";
  });
  app.get("/slow", [] {
    std::this_thread::sleep_for(2s);
    return "The client will not read this.\n";
  });
  auto admin = app.group("/admin");
  admin.use(jot::basic_auth("admin", "root", "correct horse"));
  admin.get("/", [] { return "You may.\n"; });
  app.get("/once", jot::rate_limit({.requests = 1})([] { return "Once a minute.\n"; }));
  jot::listen_and_serve(":8080", app);
}

// Try:    curl -si -H 'X-Request-ID: seven' -H 'Accept-Language: de' localhost:8080
// Output: X-Request-ID: seven
//         Content-Language: de
//         Guten Tag.
// Try:    curl -s localhost:8080/slow
// Output: this takes too long
// Try:    curl -s localhost:8080/admin/; curl -s -u root:'correct horse' localhost:8080/admin/
// Output: Unauthorized
//         You may.
// Try:    curl -s localhost:8080/once; curl -si localhost:8080/once
// Output: Once a minute.
//         HTTP/1.1 429 Too Many Requests
//         Retry-After: 60
