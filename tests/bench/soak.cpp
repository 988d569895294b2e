// SPDX-License-Identifier: MIT
//
// soak.cpp -- is every one of very many calls accounted for, when they are given up at random?
//
// Usage: soak URL THREADS CALLS SEED. The answer of the URL is "Hello, World!". Of the calls about
// a third have a Context that is cancelled meanwhile, from another thread or by a deadline, at a
// random moment of the first two milliseconds; some drop their response unread, or after half of
// it. Prints, as "name number" lines: calls; ok; each kind of error by its code; wrong (answers
// that are not the URL's); unnamed (errors without words or code); descriptors before, at the most,
// after; threads before and after; seconds.
#include "jot.hpp"

#include <dirent.h>  // opendir

#include <algorithm>  // std::max
#include <atomic>     // std::atomic
#include <chrono>     // std::chrono
#include <cstdio>     // std::printf
#include <cstdlib>    // std::atol
#include <map>        // std::map
#include <mutex>      // std::mutex
#include <random>     // std::mt19937
#include <string>     // std::string
#include <thread>     // std::jthread
#include <vector>     // std::vector

using namespace std::chrono_literals;

namespace {

constexpr std::string_view answer = "Hello, World!";

int entries(const char* folder) {
  DIR* dir = opendir(folder);
  int count = 0;
  while (dir && readdir(dir)) ++count;
  closedir(dir);
  return count - 2;
}
int descriptors() { return entries("/proc/self/fd") - 1; }  // without the folder's
int threads_now() { return entries("/proc/self/task"); }

using Counts = std::map<std::string, long>;

// Calls that somebody else may cancel.
class Cancellable {
 public:
  jot::Context begin() {
    std::lock_guard lock(mutex_);
    scope_ = jot::with_cancel(jot::background());
    return scope_.ctx;
  }
  void cancel() {
    std::lock_guard lock(mutex_);
    scope_.cancel();
  }

 private:
  std::mutex mutex_;  // guards scope_
  jot::CancelScope scope_;
};

std::string name_of(const jot::Error& error) {
  if (!error.code() || error.message().empty()) return "unnamed";
  std::string name = error.code().message();
  for (char& c : name)
    if (c == ' ') c = '_';
  return name;
}

// What became of one call.
std::string outcome_of(jot::Result<jot::Response> res, unsigned way) {
  if (!res) return name_of(res.error());
  if (res->status != 200) return "wrong";
  if (way < 5) return "ok";  // dropped unread
  char some[5];
  if (way < 10) {
    auto n = res->body.read(some);
    if (!n) return name_of(n.error());
    return answer.starts_with({some, *n}) && *n > 0 ? "ok" : "wrong";
  }
  auto body = res->body.read_all();
  if (!body) return name_of(body.error());
  return *body == answer ? "ok" : "wrong";
}

void call_often(jot::Client& client, const std::string& url, std::atomic<long>& left,
                Cancellable& cancellable, unsigned seed, Counts& counts) {
  std::mt19937 random(seed);
  while (left.fetch_sub(1) > 0) {
    const auto way = static_cast<unsigned>(random() % 100);
    std::string outcome;
    if (way >= 85) {
      const std::chrono::microseconds most(random() % 2000);
      auto [ctx, cancel] = jot::with_timeout(jot::background(), most);
      outcome = outcome_of(client.get(ctx, url), way);
    } else if (way >= 65) {
      const jot::Context ctx = cancellable.begin();
      outcome = outcome_of(client.get(ctx, url), way);
    } else {
      outcome = outcome_of(client.get(url), way);
    }
    ++counts[outcome];
  }
}

}  // namespace

int main(int, char** argv) {
  const std::string url = argv[1];
  const auto threads = static_cast<std::size_t>(std::atol(argv[2]));
  const long calls = std::atol(argv[3]);
  const auto seed = static_cast<unsigned>(std::atol(argv[4]));
  { (void)jot::with_timeout(jot::background(), 1ms); }  // its thread stays, by design

  const int fds_before = descriptors(), threads_before = threads_now();
  std::atomic<int> most = 0;
  std::vector<Counts> counts(threads);
  const auto start = std::chrono::steady_clock::now();
  {
    jot::Client client({.max_idle = threads, .max_idle_per_host = threads});
    std::vector<Cancellable> cancellable(threads);
    std::atomic<long> left = calls;
    std::jthread canceller([&](std::stop_token stop) {
      std::mt19937 random(seed);
      for (int i = 0; !stop.stop_requested(); ++i) {
        cancellable[random() % threads].cancel();
        if (i % 1000 == 0) most = std::max(most.load(), descriptors());
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 100));
      }
    });
    std::vector<std::jthread> callers;
    for (std::size_t i = 0; i < threads; ++i) {
      callers.emplace_back([&, i] {
        call_often(client, url, left, cancellable[i], seed + static_cast<unsigned>(i), counts[i]);
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  Counts sum{{"ok", 0}, {"wrong", 0}, {"unnamed", 0}};
  for (const Counts& one : counts)
    for (const auto& [name, count] : one) sum[name] += count;
  std::printf("calls %ld\n", calls);
  for (const auto& [name, count] : sum) std::printf("%s %ld\n", name.c_str(), count);
  std::printf("fds_before %d\nfds_most %d\nfds_after %d\n", fds_before, most.load(), descriptors());
  std::printf("threads_before %d\nthreads_after %d\n", threads_before, threads_now());
  std::printf("seconds %.3f\n", took.count());
}
