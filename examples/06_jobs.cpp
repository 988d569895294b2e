// 06_jobs.cpp -- work that takes longer than anybody should wait for an answer.
//
// It is accepted with 202 and an address to ask. The job outlives its request: its Context keeps
// the values of the request's (who asked, a trace) but not its end. It ends when it is done, when
// somebody deletes it, or with the server.
#include <csignal>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "jot.hpp"

using namespace std::chrono_literals;

class Job {
 public:
  Job(const jot::Context& asked_by, const jot::Context& server)
      : scope_(jot::with_cancel(jot::without_cancel(asked_by))),
        at_the_end_(jot::after_func(server, [this] { cancel(); })),
        thread_([this] { work(); }) {}
  ~Job() { cancel(); }  // then the thread is joined, before anything that it uses is gone

  void cancel() { scope_.cancel(); }
  jot::Value progress() const {
    const int percent = percent_;
    const bool canceled = scope_.ctx.done() && percent < 100;
    return {{"percent", percent}, {"running", percent < 100 && !canceled}, {"canceled", canceled}};
  }

 private:
  void work() {
    while (percent_ < 100 && scope_.ctx.sleep_for(20ms)) ++percent_;  // a row of an import, say
  }

  jot::CancelScope scope_;
  std::atomic<int> percent_ = 0;
  jot::AfterFunc at_the_end_;
  std::jthread thread_;
};

class Jobs {
 public:
  int start(const jot::Context& asked_by, const jot::Context& server) {
    auto job = std::make_shared<Job>(asked_by, server);
    std::lock_guard lock(mutex_);
    jobs_[++last_] = std::move(job);
    return last_;
  }
  std::shared_ptr<Job> find(int id) {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end()) throw jot::HttpError{404, "no such job"};
    return found->second;
  }

 private:
  std::mutex mutex_;  // of both
  std::map<int, std::shared_ptr<Job>> jobs_;
  int last_ = 0;
};

int main() {
  const jot::Context until = jot::notify_context({SIGINT, SIGTERM});
  Jobs jobs;
  jot::Router app;
  app.post("/jobs", [&](jot::ResponseWriter& w, jot::Request& r) {
    const int id = jobs.start(r.context(), until);
    w.header().set("Location", jot::text("/jobs/", id));
    w.write_header(202);
    w.json({{"id", id}});
  });
  app.get("/jobs/{id:int}",
          [&](jot::Request& r) { return jobs.find(r.path_value<int>("id"))->progress(); });
  app.del("/jobs/{id:int}", [&](jot::ResponseWriter& w, jot::Request& r) {
    jobs.find(r.path_value<int>("id"))->cancel();
    w.write_header(204);
  });
  jot::Server server{{.addr = ":8080", .handler = app}};
  server.listen_and_serve(until);
}

// Try:    curl -i -X POST localhost:8080/jobs
// Output: HTTP/1.1 202 Accepted
//         Location: /jobs/1
// Try:    curl -s -X POST localhost:8080/jobs; curl -s localhost:8080/jobs/2
// Output: {"id":2}{"canceled":false,"percent":{...},"running":true}
// Try:    curl -i -X DELETE localhost:8080/jobs/2; curl -s localhost:8080/jobs/2
// Output: HTTP/1.1 204 No Content
//         {"canceled":true,"percent":{...},"running":false}
// Try:    until curl -s localhost:8080/jobs/1 | grep 100; do sleep 0.2; done
// Output: {"canceled":false,"percent":100,"running":false}
