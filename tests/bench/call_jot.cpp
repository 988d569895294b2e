// SPDX-License-Identifier: MIT
//
// call_jot.cpp -- calls per second of jot's client.
//
// Usage: call_jot URL THREADS SECONDS. Prints how many calls were answered as they should be, how
// many were not, and the seconds they took. One Client, shared by all threads.
#include "jot.hpp"

#include <atomic>   // std::atomic
#include <chrono>   // std::chrono
#include <cstdio>   // std::printf
#include <cstdlib>  // std::atoi
#include <string>   // std::string
#include <thread>   // std::jthread
#include <vector>   // std::vector

int main(int, char** argv) {
  const std::string url = argv[1];
  const int threads = std::atoi(argv[2]);
  const auto time = std::chrono::duration<double>(std::atof(argv[3]));
  jot::Client client({.max_idle_per_host = static_cast<std::size_t>(threads)});
  std::atomic<long> good = 0, bad = 0;
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        long right = 0, wrong = 0;
        while (std::chrono::steady_clock::now() - start < time) {
          auto res = client.get(url);
          const auto body = res ? res->body.read_all() : jot::Result<std::string>(res.error());
          body&&* body == "Hello, World!" ? ++right : ++wrong;
        }
        good += right, bad += wrong;
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%ld %ld %.6f\n", good.load(), bad.load(), took.count());
}
