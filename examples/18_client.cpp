// 18_client.cpp -- asking another server, so that every call ends.
//
// A client without a timeout waits for ever, one day. This one has a deadline for each call and for
// each part of it, and what the network does comes back as a value: a Response or an Error. Nothing
// needs to be closed: connections go back to be used again by themselves.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

void show(const char* what, jot::Result<jot::Response> res) {
  if (!res) return (void)std::printf("%s: %s\n", what, res.error().message().c_str());
  auto body = res->body.read_all(1 << 20);  // no more than a megabyte, whatever is sent
  std::printf("%s: %d %s", what, res->status,
              body ? body->c_str() : body.error().message().c_str());
}

int main() {
  jot::Router app;
  app.get("/hello", [] { return "Hello!\n"; });
  app.get("/slow", [](jot::Request& r) { return r.context().sleep_for(2s) ? "at last\n" : ""; });
  app.post("/sum", [](jot::Request& r) {
    return jot::text(r.json()["a"].as_int() + r.json()["b"].as_int(), "\n");
  });
  jot::TestServer server(app);  // somebody to ask

  jot::Client client{{.base_url = server.url(), .timeout = 5s}};
  show("get", client.get("/hello"));
  show("post", client.post("/sum", jot::Value{{"a", 20}, {"b", 22}}));
  show("no such page", client.get("/nowhere"));
  show("nobody there", jot::Client().get("http://127.0.0.1:1/"));
  show("too slow", client.send({.url = "/slow", .timeout = 100ms}));

  auto [ctx, cancel] = jot::with_cancel(jot::background());
  std::jthread somebody([c = &cancel] { (*c)(jot::Error(jot::Errc::canceled, "never mind")); });
  show("given up", client.get(ctx, "/slow"));  // at once, not after two seconds
}

// Run:    ./client
// Output: get: 200 Hello!
//         post: 200 42
//         no such page: 404 {...}
//         nobody there: GET http://127.0.0.1:1/: {...}Connection refused
//         too slow: GET http://127.0.0.1:{...}/slow: {...}time
//         given up: GET http://127.0.0.1:{...}/slow: never mind
