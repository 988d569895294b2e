// SPDX-License-Identifier: MIT
//
// upload.cpp -- takes uploads in three ways, for upload_speed.py, and answers with their size.
//
// POST /body reads the bytes, /parts a multipart form part by part, /form as a whole, with its file
// spooled. Prints the port that the kernel picked, then serves until it is ended by a signal.
#include "jot.hpp"

#include <unistd.h>  // pause

#include <cstdio>  // std::printf
#include <string>  // std::string
#include <vector>  // std::vector

int main() {
  jot::Router app;
  app.use(jot::max_body(4ull << 30));
  app.post("/body", [](jot::Request& r) {
    std::vector<char> buffer(64 << 10);
    std::size_t size = 0;
    while (const std::size_t n = r.body().read(buffer)) size += n;
    return std::to_string(size);
  });
  app.post("/parts", [](jot::Request& r) {
    std::vector<char> buffer(64 << 10);
    std::size_t size = 0;
    jot::Multipart parts(r);
    while (jot::MultipartPart* part = parts.next())
      while (const std::size_t n = part->read(buffer)) size += n;
    return std::to_string(size);
  });
  app.post("/form", [](jot::Request& r) {
    std::size_t size = 0;
    for (const jot::FormFile& file : r.form().files()) size += file.data.size();
    return std::to_string(size);
  });

  jot::Server server{{.addr = "127.0.0.1:0", .handler = app}};
  server.start();
  const std::string addr = server.addr();
  std::printf("%s\n", addr.substr(addr.rfind(':') + 1).c_str());
  std::fflush(stdout);
  pause();
}
