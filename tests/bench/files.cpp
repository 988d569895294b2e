// SPDX-License-Identifier: MIT
//
// files.cpp -- a FileServer of the folder that it is given, for files_speed.py.
//
// Prints the port that the kernel picked, then serves until it is ended by a signal.
#include "jot.hpp"

#include <unistd.h>  // pause

#include <cstdio>  // std::printf
#include <string>  // std::string

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: files FOLDER\n"), 2;
  jot::Router app;
  app.handle("/", jot::FileServer(argv[1]));

  jot::Server server{{.addr = "127.0.0.1:0", .handler = app}};
  server.start();
  const std::string addr = server.addr();
  std::printf("%s\n", addr.substr(addr.rfind(':') + 1).c_str());
  std::fflush(stdout);
  pause();
}
