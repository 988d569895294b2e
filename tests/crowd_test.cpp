// SPDX-License-Identifier: MIT
//
// crowd_test.cpp -- more clients than there is room for: nobody is lost, and nobody spins.
//
// Where a process has no fd left, UBSan's vptr check cannot look at memory (it does so by a pipe)
// and takes good objects for bad ones: the preset asan is built without that check.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <sys/resource.h>  // setrlimit, getrusage
#include <sys/wait.h>      // waitpid

#include <atomic>  // std::atomic
#include <string>  // std::string
#include <vector>  // std::vector

using namespace std::chrono_literals;
using jot::Request;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get_close = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

// This process may have so many files open, until the end of the scope.
class FdLimit {
 public:
  explicit FdLimit(rlim_t most) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{most, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  FdLimit(const FdLimit&) = delete;
  ~FdLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Clients in a process of their own, which has its own files: it is forked before the limit, learns
// the address later, and its exit status tells how many (of at most 250 tens) were served.
class Crowd {
 public:
  Crowd(int clients, std::string request) {
    if (pipe(pipe_) != 0) throw std::runtime_error("pipe");
    fflush(nullptr);  // or the child would write it once more
    child_ = fork();
    if (child_ == 0) run(clients, request);
  }
  ~Crowd() {
    ::close(pipe_[0]), ::close(pipe_[1]);
    if (child_ > 0) waitpid(child_, nullptr, 0);
  }

  void go(const std::string& addr) {
    std::string message = addr + '\n';
    if (write(pipe_[1], message.data(), message.size()) < 0) throw std::runtime_error("write");
  }

  // Were all of them served?
  bool all_served() {
    int status = 0;
    waitpid(std::exchange(child_, 0), &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  // All connect, and ask, and only then the answers are read.
  [[noreturn]] void run(int clients, const std::string& request) {
    std::string addr;
    for (char c; read(pipe_[0], &c, 1) == 1 && c != '\n';) addr += c;
    int lost = 0;
    try {
      std::vector<raw::Client> all;
      for (int i = 0; i < clients; ++i) {
        all.emplace_back(addr);
        if (!all.back().send(request)) ++lost;
      }
      for (auto& c : all) {
        lost += c.response().status != 200;
        c.close();
      }
    } catch (const std::exception& e) {
      fprintf(stderr, "crowd: %s\n", e.what());
      lost = 1;
    }
    _exit(lost == 0 ? 0 : 1);
  }

  int pipe_[2] = {-1, -1};
  pid_t child_ = 0;
};

}  // namespace

TEST_CASE("crowd: 500 clients with room for fewer than 64, all are served") {
  Crowd crowd(500, get_close);
  FdLimit limit(64);
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [] { return "hello"; },
                      .log = log.logger(),
                      .raise_fd_limit = false});
  server.start();
  crowd.go(server.addr());
  CHECK(crowd.all_served());
}

TEST_CASE("crowd: idle connections make room for new ones") {
  // None of the first closes by itself: each of the 500 gets in only because an idle one goes.
  Crowd crowd(500, get);
  FdLimit limit(64);
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [] { return "hello"; },
                      .log = log.logger(),
                      .raise_fd_limit = false});
  server.start();
  crowd.go(server.addr());
  CHECK(crowd.all_served());
  CHECK(server.stats().accepted == 500);
  CHECK(log.count("accept: no room") >= 1);
  CHECK(log.count("accept: no room") <= 30);
}

TEST_CASE("crowd: the last fd is given out without making room for nobody") {
  FdLimit limit(100);
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [] { return "hello"; },
                      .log = log.logger(),
                      .raise_fd_limit = false});
  server.start();
  raw::Client idle(server.addr());
  CHECK(idle.ask(get).body == "hello");
  std::vector<int> hoard;
  for (int fd; (fd = dup(0)) >= 0;) hoard.push_back(fd);
  for (int i = 0; i < 2; ++i) close(hoard.back()), hoard.pop_back();  // the two ends of the next
  raw::Client last(server.addr());
  CHECK(raw::eventually([&] { return server.stats().accepted == 2; }));
  for (int i = 0; i < 10; ++i) CHECK(idle.ask(get).body == "hello");
  server.shutdown(jot::background());  // now the acceptor has done what it would do
  for (int fd : hoard) close(fd);
  CHECK(log.size() == 0);
}

TEST_CASE("crowd: an idle one makes room also while others of its age are in service") {
  raw::Gate gate;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&gate](Request& r) {
                            if (r.path() == "/gate") gate.wait();
                            return "hello";
                          },
                      .log = log.logger(),
                      .max_connections = 4});
  server.start();
  std::vector<raw::Client> old;
  for (int i = 0; i < 4; ++i) old.emplace_back(server.addr()), old.back().ask(get);
  for (int i = 0; i < 3; ++i)
    old[static_cast<std::size_t>(i)].send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(raw::eventually([&] { return server.stats().in_handlers == 3; }));
  CHECK(raw::Client(server.addr()).ask(get).body == "hello");
  CHECK(old[3].is_closed());
  gate.open();
  for (int i = 0; i < 3; ++i) CHECK(old[static_cast<std::size_t>(i)].response().body == "hello");
}

TEST_CASE("crowd: waiting for room costs no CPU") {
  raw::Gate gate;
  Crowd crowd(200, get_close);
  FdLimit limit(64);
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&gate] {
                            gate.wait();
                            return "hello";
                          },
                      .log = log.logger(),
                      .raise_fd_limit = false});
  server.start();
  crowd.go(server.addr());
  REQUIRE(log.wait_for_message("accept: no room"));
  REQUIRE(raw::eventually([&] { return server.stats().in_handlers > 10; }));
  // All that is here sits in handlers. A second goes by, by the only clock there is: the log's.
  const double before = cpu_seconds();
  REQUIRE(log.wait_for([](auto& records) { return records.size() >= 2; }));
  CHECK(cpu_seconds() - before < 0.25);
  gate.open();
  CHECK(crowd.all_served());
}

TEST_CASE("crowd: at max_connections the longest idle one goes") {
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = [] { return "hello"; },
                      .log = log.logger(),
                      .max_connections = 3});
  server.start();
  std::vector<raw::Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.addr());
    CHECK(clients.back().ask(get).body == "hello");
  }
  CHECK(clients[0].ask(get).body == "hello");  // now it is not the oldest of its lane
  raw::Client another(server.addr());
  CHECK(another.ask(get).body == "hello");
  // Of the others one made room: the oldest of its lane, and of all as far as the lanes had told.
  CHECK(clients[0].ask(get).body == "hello");
  CHECK((clients[1].ask(get).body == "hello") != (clients[2].ask(get).body == "hello"));
  CHECK(server.stats().connections == 3);
}

TEST_CASE("crowd: at max_connections with nobody idle, the next one waits") {
  raw::Gate gate;
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&gate] {
                            gate.wait();
                            return "hello";
                          },
                      .log = log.logger(),
                      .max_connections = 2});
  server.start();
  raw::Client one(server.addr()), two(server.addr());
  one.send(get), two.send(get);
  REQUIRE(raw::eventually([&] { return server.stats().in_handlers == 2; }));
  raw::Client three(server.addr());
  three.send(get);
  REQUIRE(log.wait_for_message("accept: no room"));
  CHECK(server.stats().connections == 2);
  gate.open();
  CHECK(three.response().body == "hello");
}

TEST_CASE("crowd: at max_threads the server says so, and does not fall silent") {
  raw::Gate gate;
  raw::TestLog log;
  std::atomic<int> at_gate = 0;  // that have given their lane away and keep their thread
  const auto wait = [&] {
    ++at_gate;
    gate.wait();
  };
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler =
                          [&wait](Request& r) {
                            if (r.path() == "/gate") jot::blocking(wait);
                            return "hello";
                          },
                      .log = log.logger(),
                      .max_threads = 4});
  server.start();
  std::vector<raw::Client> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.emplace_back(server.addr());
    stuck.back().send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  REQUIRE(raw::eventually([&] { return at_gate == 4; }));
  raw::Client client(server.addr());
  auto r = client.ask(get);
  CHECK(r.status == 503);
  CHECK(r.has("Retry-After"));
  for (int i = 0; i < 20; ++i) CHECK(raw::Client(server.addr()).ask(get).status == 503);
  // In the log they are counted together, so that a flood of them is no flood there.
  const std::string words = "all threads are busy: answered 503";
  CHECK(log.wait_for([&](auto& records) {
    std::int64_t told = 0;
    for (auto& record : records)
      if (record.message == words) told += record.fields.find("requests")->second.as_int();
    return told == 21;
  }));
  CHECK(log.count(words) <= 5);
  gate.open();
  for (auto& c : stuck) CHECK(c.response().body == "hello");
  CHECK(raw::eventually([&] { return raw::Client(server.addr()).ask(get).status == 200; }));
}

TEST_CASE("crowd: 500 sleepers at once, cold") {
  jot::Server server({.addr = "127.0.0.1:0", .handler = [] {
                        std::this_thread::sleep_for(1s);
                        return "hello";
                      }});
  server.start();
  std::vector<raw::Client> all;
  for (int i = 0; i < 500; ++i) {
    all.emplace_back(server.addr());
    all.back().send(get);
  }
  int served = 0;
  for (auto& c : all) served += c.response().status == 200;
  CHECK(served == 500);
}
