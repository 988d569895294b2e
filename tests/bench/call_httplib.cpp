// SPDX-License-Identifier: MIT
//
// call_httplib.cpp -- a peer: the same calls by cpp-httplib. See call_jot.cpp.
//
// A Client for each thread, for it has one connection; that is kept alive, without Nagle's delay.
#include <httplib.h>

#include <atomic>   // std::atomic
#include <chrono>   // std::chrono
#include <cstdio>   // std::printf
#include <cstdlib>  // std::atoi
#include <string>   // std::string
#include <thread>   // std::jthread
#include <vector>   // std::vector

int main(int, char** argv) {
  const std::string url = argv[1], base = url.substr(0, url.find('/', 7)),
                    path = url.substr(base.size());
  const int threads = std::atoi(argv[2]);
  const auto time = std::chrono::duration<double>(std::atof(argv[3]));
  std::atomic<long> good = 0, bad = 0;
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        long right = 0, wrong = 0;
        httplib::Client client(base);
        client.set_keep_alive(true);
        client.set_tcp_nodelay(true);
        while (std::chrono::steady_clock::now() - start < time) {
          const auto res = client.Get(path.c_str());
          res && res->body == "Hello, World!" ? ++right : ++wrong;
        }
        good += right, bad += wrong;
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%ld %ld %.6f\n", good.load(), bad.load(), took.count());
}
