// SPDX-License-Identifier: MIT
//
// hello.cpp -- the server under test: jot, as a newcomer would write it.
//
// GET / answers a short text; GET /sleep/MS does so after MS milliseconds in a blocking call.
// Prints the port that the kernel picked, then serves until it is ended by a signal.
#include "jot.hpp"

#include <unistd.h>  // pause

#include <chrono>  // std::chrono::milliseconds
#include <cstdio>  // std::printf
#include <string>  // std::stoi
#include <thread>  // std::this_thread::sleep_for

int main() {
  jot::Router app;
  app.get("/", [] { return "Hello, World!"; });
  app.get("/sleep/{ms}", [](jot::Request& r) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(r.path_value("ms"))));
    return "Good morning!";
  });

  jot::Server server{{.addr = "127.0.0.1:0", .handler = app}};
  server.start();
  const std::string addr = server.addr();
  std::printf("%s\n", addr.substr(addr.rfind(':') + 1).c_str());
  std::fflush(stdout);
  pause();
}
