// 02_concurrent.cpp -- "why is my webserver not handling concurrent requests?"
//
// It is: each handler here sleeps five seconds, and five hundred clients at once all have their
// answer after five seconds. A handler may block as long as it likes, in sleep_for, in a database
// driver, on a mutex: the others get threads of their own, and no connection waits for it.
//
// What makes a server look serial is often the way of asking:
//
//     ab -k -c 500 -n 500 http://127.0.0.1:8080/
//
// reports about 10 seconds in all, because ab sends its first request alone, and the other 499
// when that has been answered: 5 + 5. A browser holds a second tab with the same address back
// until the first has its answer, and opens six connections to a server at most. The curl below
// asks fifty times at once.
#include <atomic>
#include <chrono>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

int main() {
  std::atomic<int> sleepers = 0;  // atomic, for all handlers share it

  jot::Router app;
  app.get("/", [&sleepers](jot::ResponseWriter& w) {
    ++sleepers;
    std::this_thread::sleep_for(5s);
    w.write("slept 5 s, beside ", --sleepers, " others\n");
  });
  jot::listen_and_serve(":8080", app);
}

// Try:    time curl -s --parallel --parallel-immediate 'localhost:8080/?[1-50]'
// Output: slept 5 s, beside 49 others
//         real{...}0m5.{...}s
