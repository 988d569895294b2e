// 01_hello.cpp -- the smallest server: routes, and functions that answer.
//
// A Router holds patterns and handlers. A handler is any function or lambda that takes the
// ResponseWriter, the Request, both (in this order) or nothing. What it returns is the response:
//
//     text           text/plain
//     jot::HTML{...} text/html
//     jot::Value     JSON
//     nothing        what it wrote to the ResponseWriter
//
// Handlers run on many threads at a time. What they capture by reference must outlive the server:
// declare it before the Router, as you would a database.
#include "jot.hpp"

int main() {
  jot::Router app;

  app.get("/{$}", [] { return "Hello!\n"; });  // {$}: this path and none below it

  app.get("/hello/{name}", [](jot::Request& r) {
    return "Hello, " + r.path_value("name") + "!\n";  // decoded: "%C3%B6" in the path is "ö" here
  });

  app.get("/twice/{n}", [](jot::Request& r) {
    const auto n = r.path_value<int>("n");  // not a number: the client gets 400
    return jot::Value{{"n", n}, {"twice", 2LL * n}};
  });

  jot::listen_and_serve(":8080", app);  // all addresses of this machine, IPv6 and IPv4
}

// Try:    curl -i localhost:8080/hello/world
// Output: HTTP/1.1 200 OK
//         Content-Type: text/plain; charset=utf-8
//         Hello, world!
// Try:    curl localhost:8080/twice/21
// Output: {"n":21,"twice":42}
// Try:    curl -i localhost:8080/twice/much
// Output: HTTP/1.1 400 Bad Request
// Try:    curl -i -X DELETE localhost:8080/hello/world
// Output: HTTP/1.1 405 Method Not Allowed
//         Allow: GET, HEAD...
