// SPDX-License-Identifier: MIT
//
// call_curl.cpp -- a peer: the same calls by libcurl's easy interface. See call_jot.cpp.
//
// A handle for each thread, used again for each call, as its manual advises: so are connections.
#include <curl/curl.h>

#include <atomic>   // std::atomic
#include <chrono>   // std::chrono
#include <cstdio>   // std::printf
#include <cstdlib>  // std::atoi
#include <string>   // std::string
#include <thread>   // std::jthread
#include <vector>   // std::vector

static std::size_t keep(char* bytes, std::size_t size, std::size_t n, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * n);
  return size * n;
}

int main(int, char** argv) {
  const int threads = std::atoi(argv[2]);
  const auto time = std::chrono::duration<double>(std::atof(argv[3]));
  curl_global_init(CURL_GLOBAL_ALL);
  std::atomic<long> good = 0, bad = 0;
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        long right = 0, wrong = 0;
        std::string body;
        CURL* curl = curl_easy_init();
        curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
        while (std::chrono::steady_clock::now() - start < time) {
          body.clear();
          const bool done = curl_easy_perform(curl) == CURLE_OK;
          done&& body == "Hello, World!" ? ++right : ++wrong;
        }
        curl_easy_cleanup(curl);
        good += right, bad += wrong;
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%ld %ld %.6f\n", good.load(), bad.load(), took.count());
}
