// 05_client_gone.cpp -- a page is closed, and all that worked for it stops.
//
// A request's Context ends when its client leaves. Work that one request has spread over threads
// ends with it, whatever each of them is doing just then: computing, waiting for a condition, or
// waiting for a socket. Each returns by itself, so that its destructors release what it holds.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "jot.hpp"

std::atomic<int> held = 0;  // what the tasks hold: memory, locks, connections
struct Holding {
  Holding() { ++held; }
  ~Holding() { --held, held.notify_all(); }
};

void compute(const jot::Context& ctx) {
  Holding memory;
  for (double sum = 1; !ctx.done(); sum += 1 / sum) {
  }  // done() is cheap: ask it in the loop
}

void wait_for_a_change(const jot::Context& ctx) {
  Holding lock;
  std::mutex mutex;
  std::condition_variable_any changed;  // the one that knows stop tokens
  std::unique_lock locked(mutex);
  changed.wait(locked, ctx.stop_token(), [] { return false; });
}

void wait_for_a_peer(const jot::Context& ctx) {
  Holding connection;
  int peers[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, peers))
    throw std::system_error(errno, std::system_category());
  pollfd fds[] = {{peers[0], POLLIN, 0}, {ctx.fd(), POLLIN, 0}};  // ready at the first of both
  poll(fds, 2, -1);
  close(peers[0]), close(peers[1]);
}

int main() {
  jot::Router app;
  app.get("/report", [](jot::Request& r) {
    const jot::Context ctx = r.context();
    std::jthread first(compute, ctx), second(wait_for_a_change, ctx), third(wait_for_a_peer, ctx);
    ctx.wait();  // a real report would wait for its parts: this one has none that ever ends
    const auto begin = jot::Clock::now();
    first.join(), second.join(), third.join();
    const std::chrono::duration<double, std::milli> took = jot::Clock::now() - begin;
    r.log().info("all stopped", {{"because", ctx.cause().message()}, {"ms", took.count()}});
  });
  app.get("/held", [] {
    for (int now = held; now != 0; now = held) held.wait(now);
    return "nothing is held any more\n";
  });
  jot::listen_and_serve(":8080", app);
}

// Try:    curl -m 0.5 localhost:8080/report || echo left; curl -s localhost:8080/held
// Output: left
//         nothing is held any more
