// 07_graceful.cpp -- Ctrl-C: nobody is cut off in mid-sentence.
//
// When the Context that listen_and_serve() waits for has ended, the server accepts no more;
// requests that run have drain_timeout to finish, then their own Contexts end, too. A stream that
// would run for ever watches the Context of the server, and says good-bye at once.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "jot.hpp"

using namespace std::chrono_literals;

int main() {
  const jot::Context until = jot::notify_context({SIGINT, SIGTERM});  // a second Ctrl-C kills
  jot::Router app;
  app.get("/slow", [](jot::Request& r) {
    return r.context().sleep_for(3s) ? "slow, but whole\n" : "too slow\n";
  });
  app.get("/sse", [&](jot::ResponseWriter& w) {
    w.header().set("Content-Type", "text/event-stream").set("Cache-Control", "no-cache");
    do {
      if (!w.write("data: still here\n\n") || !w.flusher()->flush()) return;
    } while (until.sleep_for(1s));
    w.write("event: end\ndata: the server is going down\n\n");
  });
  app.get("/{$}", [] { return std::to_string(getpid()) + "\n"; });

  jot::Server server{{.addr = ":8080", .drain_timeout = 5s, .handler = app}};
  server.listen_and_serve(until);
  std::puts(until.cause().message().c_str());
}

// Two clients are busy when the signal comes: the stream is told, the slow one is served. Whoever
// comes later finds nobody there.
//
// Try:    s=localhost:8080; curl $s/slow & curl $s/sse & sleep 1; kill -2 $(curl -s $s); wait
// Output: data: still here
//         event: end
//         data: the server is going down
//         slow, but whole
// Try:    curl -s localhost:8080 || echo nobody there
// Output: nobody there
// Exit:   0
