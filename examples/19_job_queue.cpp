// 19_job_queue.cpp -- workers that poll a queue all day, and never run out of descriptors.
//
// The usual way to "too many open files" is a loop like the workers' below with a client that wants
// each response closed, and a `return` or `continue` before the close. Here a Response owns its
// connection: whatever way it goes out of scope, the connection is used again or closed. So a
// process that may have 64 descriptors polls ten times a second for as long as you like.
#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "jot.hpp"

using namespace std::chrono_literals;

class Queue {
 public:
  void push(std::string job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  std::string pop() {  // "": there is none
    std::lock_guard lock(mutex_);
    if (jobs_.empty()) return {};
    std::string job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  std::mutex mutex_;
  std::deque<std::string> jobs_;
};

int descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  int count = -3;  // ".", ".." and the folder itself
  while (readdir(folder)) ++count;
  return closedir(folder), count;
}

void work(const jot::Context& until, jot::Client& client, std::atomic<int>& done) {
  while (until.sleep_for(100ms)) {
    auto res = client.post(until, "/jobs/next", "");
    if (!res || res->status != 200) continue;  // nothing to close
    if (auto job = res->body.read_all()) ++done;
  }
}

int main(int argc, char** argv) {
  const rlimit few{64, 64};  // as `ulimit -n 64`
  setrlimit(RLIMIT_NOFILE, &few);
  const std::chrono::milliseconds time = std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 60);

  Queue queue;
  jot::Router app;
  app.post("/jobs", [&](jot::Request& r) { queue.push(r.body().read_all()); });
  app.post("/jobs/next", [&](jot::ResponseWriter& w) {
    const std::string job = queue.pop();
    job.empty() ? w.write_header(204) : void(w.write(job));
  });
  jot::TestServer server({.handler = app, .max_connections = 24});
  jot::Client client{{.base_url = server.url()}};

  auto [until, cancel] = jot::with_timeout(jot::background(), time);
  std::atomic<int> done = 0;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 8; ++i) workers.emplace_back([&, ctx = until] { work(ctx, client, done); });

  std::vector<int> seen;
  for (int sent = 0; until.sleep_for(time / 10 - 5ms); seen.push_back(descriptors()))
    for (int i = 0; i < 5; ++i) (void)client.post("/jobs", jot::text("job ", ++sent));
  workers.clear();

  std::printf("descriptors:");
  for (const int count : seen) std::printf(" %d", count);
  const auto [least, most] = std::minmax_element(seen.begin() + 1, seen.end());
  std::printf("\n%s, %d jobs done\n", *most - *least <= 8 ? "flat" : "growing", done.load());
}

// Run:    ./job_queue 2        # seconds; without it a minute
// Output: descriptors: ...
//         flat, {...} jobs done
