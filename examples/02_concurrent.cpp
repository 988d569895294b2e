// 02_concurrent.cpp -- "why is my webserver not handling concurrent requests?"
//
// This one does: its handler sleeps five seconds, and five hundred clients at once all have their
// answer after five seconds. A handler may block as long as it likes, in sleep_for, in a database
// driver, on a mutex: the others get threads of their own, and no connection waits for it.
//
// What makes a server look serial is often the way of asking:
//
//     ab -k -c 500 -n 500 http://127.0.0.1:8080/
//
// takes about 10 seconds, because ab sends its first request alone, and the other 499 when that has
// been answered: 5 + 5. So does curl --parallel without --parallel-immediate. A browser opens six
// connections to a server at most, and holds a second tab with the same address back until the
// first has its answer.
#include <chrono>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

int main() {
  jot::Router app;
  app.get("/", [](jot::ResponseWriter& w) {
    std::this_thread::sleep_for(5s);
    w.write("slept 5 s\n");
  });
  jot::listen_and_serve(":8080", app);
}

// Fifty at once, and the time they took together:
//
// Try:    time curl -s --parallel --parallel-immediate 'localhost:8080/?[1-50]' | sort | uniq -c
// Output: 50 slept 5 s
//         real{...}0m5.{...}s
