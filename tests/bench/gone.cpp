// SPDX-License-Identifier: MIT
//
// gone.cpp -- how long after a client hangs up does its handler know?
//
// Server and client in one process, hence one clock. A thousand times: connect, ask, wait until
// the handler sleeps in Context::wait, close the socket, and take the time until the handler wakes.
// Prints "MEDIAN P99" in milliseconds.
#include "jot.hpp"

#include <arpa/inet.h>   // htons, htonl
#include <netinet/in.h>  // sockaddr_in
#include <sys/socket.h>  // socket, connect, send
#include <unistd.h>      // close

#include <algorithm>    // std::sort
#include <chrono>       // std::chrono::steady_clock
#include <cstdint>      // std::uint16_t
#include <cstdio>       // std::printf, std::perror
#include <cstdlib>      // std::exit
#include <semaphore>    // std::binary_semaphore
#include <string>       // std::stoi
#include <string_view>  // std::string_view
#include <thread>       // std::this_thread::sleep_for
#include <vector>       // std::vector

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t rounds = 1000;

struct Handler {
  std::binary_semaphore entered{0}, woke{0};
  Clock::time_point woke_at;  // written before `woke` is released, read after it is acquired
};

int ask(std::uint16_t port) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 ||
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    std::perror("gone: connect");
    std::exit(1);
  }
  return fd;
}

double one_round(std::uint16_t port, Handler& handler) {
  const int fd = ask(port);
  handler.entered.acquire();
  std::this_thread::sleep_for(2ms);  // the handler is about to fall asleep: let it
  const Clock::time_point closed_at = Clock::now();
  close(fd);
  if (!handler.woke.try_acquire_for(10s)) {
    std::fprintf(stderr, "gone: the handler still waits 10 s after its client left\n");
    std::_Exit(1);
  }
  return std::chrono::duration<double, std::milli>(handler.woke_at - closed_at).count();
}

}  // namespace

int main() {
  Handler handler;
  jot::Router app;
  app.get("/", [&handler](jot::Request& r) {
    handler.entered.release();
    r.context().wait();
    handler.woke_at = Clock::now();
    handler.woke.release();
    return "nobody reads this";
  });
  jot::Server server{{.addr = "127.0.0.1:0", .handler = app}};
  server.start();
  const std::string addr = server.addr();
  const auto port = static_cast<std::uint16_t>(std::stoi(addr.substr(addr.rfind(':') + 1)));

  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) times.push_back(one_round(port, handler));
  std::sort(times.begin(), times.end());
  std::printf("%.3f %.3f\n", times[rounds / 2], times[rounds * 99 / 100]);
}
