// SPDX-License-Identifier: MIT
//
// engine_stress_test.cpp -- tries to prove the engine's protocol wrong.
//
// Each test aims at one way in which obvious designs of such an engine fail: a connection that is
// lost, freed too early, or never closed; a lane without a driver; a watcher that sleeps through a
// blocked handler. Meant for the sanitizer builds, where a data race or a use after free ends it.
// The random choices come from a seed that is printed; JOT_STRESS_SECONDS makes each round longer.
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "jot.hpp"

// Thread creation fails while this is above zero; each failure counts it down.
static std::atomic<int> fail_thread_creations{0};

// Stands before the C library's own: std::thread calls this one.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const Create real = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  for (int left = fail_thread_creations.load(); left > 0;)
    if (fail_thread_creations.compare_exchange_weak(left, left - 1)) return EAGAIN;
  return real(thread, attributes, start, argument);
}

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

milliseconds round_time() {
  const char* seconds = std::getenv("JOT_STRESS_SECONDS");
  return seconds ? std::chrono::seconds(std::atoi(seconds)) : 1500ms;
}

// Far beyond anything that a working engine needs, on any machine: who waits so long was forgotten.
constexpr int forgotten_ms = 20'000;

struct Client {
  explicit Client(const std::string& addr) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(addr.substr(addr.rfind(':') + 1))));
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error("connect");
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(fd); }

  void send(std::string_view bytes) const {
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // Data and FIN in one segment: corked, so that nothing leaves before the FIN.
  void send_and_fin(std::string_view bytes) const {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    send(bytes);
    shutdown(fd, SHUT_WR);
  }

  void reset() const {
    linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  // Waits for so many answers (each ends in "!\n"). False: forgotten, or closed before.
  bool answers(int count) {
    while (count > 0) {
      if (std::size_t end = in.find("!\n"); end != in.npos) {
        in.erase(0, end + 2), --count;
        continue;
      }
      if (!more()) return false;
    }
    return true;
  }

  // Waits for the end of the connection. False: forgotten.
  bool ends() {
    while (more()) {
    }
    return ended;
  }

  bool more() {
    pollfd p{fd, POLLIN, 0};
    if (poll(&p, 1, forgotten_ms) <= 0) return false;
    char buffer[4096];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return ended = true, false;
    in.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int fd;
  std::string in;
  bool ended = false;
};

const std::string fast = "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n";

std::string slow(int microseconds) {
  return "GET /slow?us=" + std::to_string(microseconds) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

jot::Router make_app() {
  jot::Router app;
  app.get("/fast", [] { return "fast!\n"; });
  app.get("/slow", [](jot::Request& r) {
    std::this_thread::sleep_for(std::chrono::microseconds(r.query<int>("us", 0)));
    return "slow!\n";
  });
  app.get("/spin", [](jot::Request& r) {  // computes: taken over without being asleep
    auto until = jot::Clock::now() + std::chrono::microseconds(r.query<int>("us", 0));
    while (jot::Clock::now() < until) {
    }
    return "spin!\n";
  });
  app.get("/nap", [](jot::Request& r) {  // says that it blocks
    return r.context().sleep_for(std::chrono::microseconds(r.query<int>("us", 0))) ? "nap!\n"
                                                                                   : "gone!\n";
  });
  app.get("/leave", [](jot::Request& r) {  // until its client has left
    r.context().wait();
    return "left!\n";
  });
  app.post("/hasty", [](jot::Request& r) {  // reads the body, for so long
    auto [ctx, cancel] =
        jot::with_timeout(r.context(), std::chrono::microseconds(r.query("us", 0)));
    r.set_context(ctx);
    return r.body().read_all().empty() ? "empty!\n" : "whole!\n";
  });
  app.get("/pour", [](jot::ResponseWriter& w, jot::Request& r) {  // fills the socket, for so long
    auto [ctx, cancel] =
        jot::with_timeout(r.context(), std::chrono::microseconds(r.query("us", 0)));
    r.set_context(ctx);
    const std::string much(1 << 20, '.');
    while (w.write(much)) {
    }
  });
  app.post("/echo", [](jot::Request& r) { return r.body().read_all() + "!\n"; });
  return app;
}

// Everything that jot logs is kept from the test's output.
const jot::Logger silent{[](const jot::LogRecord&) {}};

struct Running {
  explicit Running(jot::ServerOptions options = {}) : server(with_app(std::move(options))) {
    server.start();
  }
  static jot::ServerOptions with_app(jot::ServerOptions o) {
    o.addr = "127.0.0.1:0", o.handler = make_app(), o.log = silent;
    return o;
  }
  jot::Server server;
};

// f(0), f(1), ... each on a thread of its own; then, once all have begun, `meanwhile`.
template <class F, class M = void (*)()>
void on_threads(int count, F f, M meanwhile = [] {}) {
  std::latch begun(count + 1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&begun, f, i] { begun.arrive_and_wait(), f(i); });
  meanwhile();
  begun.arrive_and_wait();
}

unsigned seed() {
  static const unsigned value = [] {
    const char* given = std::getenv("JOT_STRESS_SEED");
    unsigned s = given ? static_cast<unsigned>(std::atol(given)) : std::random_device{}();
    std::printf("JOT_STRESS_SEED=%u\n", s);
    return s;
  }();
  return value;
}

}  // namespace

// A1: the hand-back of a connection and the event for its next request cross.
TEST_CASE("a request that is sent as a slow handler ends is answered", "[stress]") {
  Running s;
  std::atomic<int> forgotten{0}, answered{0};
  auto until = jot::Clock::now() + round_time();
  on_threads(12, [&](int i) {
    std::minstd_rand random(seed() + static_cast<unsigned>(i));
    Client c(s.server.addr());
    while (jot::Clock::now() < until) {
      int us = static_cast<int>(random() % 3500);
      c.send(slow(us));
      std::this_thread::sleep_for(
          std::chrono::microseconds(us + static_cast<int>(random() % 400) - 200));
      c.send(fast);
      if (!c.answers(2)) return void(++forgotten);
      answered += 2;
    }
  });
  CHECK(forgotten == 0);
  CHECK(answered > 100);
}

// A3: a short read has drained the socket, but not taken its end.
TEST_CASE("a connection whose request and FIN come together is answered and closed", "[stress]") {
  Running s;
  std::atomic<int> left_open{0}, unanswered{0};
  on_threads(4, [&](int i) {
    for (int n = 0; n < 150; ++n) {
      Client c(s.server.addr());
      c.send_and_fin((n + i) % 3 == 0 ? slow(1500) : fast);
      if (!c.answers(1)) ++unanswered;
      if (!c.ends()) ++left_open;
    }
  });
  CHECK(unanswered == 0);
  CHECK(left_open == 0);
}

// A2: a connection ends while an event for it waits in the batch.
TEST_CASE("hang-ups while the batch is long free nothing that is in it", "[stress]") {
  Running s;
  auto until = jot::Clock::now() + round_time();
  on_threads(12, [&](int i) {
    std::minstd_rand random(seed() + static_cast<unsigned>(i));
    while (jot::Clock::now() < until) {
      Client c(s.server.addr());
      c.send(random() % 2 ? slow(static_cast<int>(random() % 3000)) : fast);
      if (random() % 3 == 0) c.send(fast + fast);
      if (random() % 2) std::this_thread::sleep_for(std::chrono::microseconds(random() % 3200));
      if (random() % 2) c.reset();
    }
  });
  Client last(s.server.addr());
  last.send(fast);
  CHECK(last.answers(1));
}

// B4, B5: Contexts that end while their requests do, callbacks on the driver's thread.
TEST_CASE("Contexts end with their clients at any moment", "[stress]") {
  Running s;
  auto until = jot::Clock::now() + round_time();
  on_threads(8, [&](int i) {
    std::minstd_rand random(seed() + static_cast<unsigned>(i));
    while (jot::Clock::now() < until) {
      Client c(s.server.addr());
      c.send(random() % 2 ? "GET /leave HTTP/1.1\r\nHost: x\r\n\r\n"
                          : "GET /nap?us=1000 HTTP/1.1\r\nHost: x\r\n\r\n");
      if (random() % 3) std::this_thread::sleep_for(std::chrono::microseconds(random() % 1500));
      if (random() % 2) shutdown(c.fd, SHUT_WR);
      if (random() % 4 == 0 && !c.answers(1)) continue;
    }
  });
  jot::ServerStats stats = s.server.stats();
  auto deadline = jot::Clock::now() + milliseconds(forgotten_ms);
  while ((stats = s.server.stats()).connections > 0 && jot::Clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  CHECK(stats.connections == 0);
  CHECK(stats.in_handlers == 0);
}

// Waits for the body, or for room in the socket, that end with a Context: by its deadline, by the
// rest of the body, by the client's leaving, whichever comes first.
TEST_CASE("waits end, however their reasons cross", "[stress]") {
  Running s;
  std::atomic<int> forgotten{0}, read{0}, given_up{0};
  auto until = jot::Clock::now() + round_time();
  on_threads(10, [&](int i) {
    std::minstd_rand random(seed() + static_cast<unsigned>(i));
    while (jot::Clock::now() < until) {
      Client c(s.server.addr());
      const std::string us = std::to_string(random() % 2500);
      if (random() % 3 == 0) {
        c.send("GET /pour?us=" + us + " HTTP/1.1\r\nHost: x\r\n\r\n" + fast);
      } else {
        c.send("POST /hasty?us=" + us + " HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n");
        c.send(std::string(40'000, 'x'));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2500));
        if (random() % 4 != 0) c.send(std::string(30'000, 'x') + fast);
      }
      if (random() % 2) shutdown(c.fd, SHUT_WR);
      if (random() % 4 == 0) continue;
      while (c.more() && c.in.find("!\n") == c.in.npos && c.in.find(" 503 ") == c.in.npos) {
      }
      read += c.in.find("whole!\n") != c.in.npos;
      given_up += c.in.find(" 503 ") != c.in.npos;
      shutdown(c.fd, SHUT_WR);
      if (!c.ends()) ++forgotten;
    }
  });
  CHECK(forgotten == 0);
  CHECK(read > 0);
  CHECK(given_up > 0);
}

// A4: the watcher goes to sleep after 20 quiet ticks; a handler that blocks just then is found.
TEST_CASE("a watcher about to sleep does not miss a handler that blocks", "[stress]") {
  Running s;
  std::minstd_rand random(seed());
  auto until = jot::Clock::now() + round_time() * 2;
  int missed = 0, rounds = 0;
  while (jot::Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::microseconds(18'000 + random() % 6000));
    // On every lane one handler that waits for its client, unannounced to the lane's other clients.
    std::vector<std::unique_ptr<Client>> blocked, quick;
    for (unsigned n = 0; n < 2 * std::thread::hardware_concurrency(); ++n) {
      blocked.push_back(std::make_unique<Client>(s.server.addr()));
      blocked.back()->send(slow(30'000));
    }
    for (unsigned n = 0; n < 2 * std::thread::hardware_concurrency(); ++n) {
      quick.push_back(std::make_unique<Client>(s.server.addr()));
      quick.back()->send(fast);
    }
    for (auto& c : quick) missed += !c->answers(1);
    for (auto& c : blocked) missed += !c->answers(1);
    ++rounds;
  }
  CHECK(missed == 0);
  CHECK(rounds > 0);
}

// A5: no thread can be had. Nobody is forgotten, and the lanes keep their drivers.
TEST_CASE("a server whose system has no more threads goes on serving", "[stress]") {
  Running s;
  std::atomic<int> forgotten{0}, refused{0};
  on_threads(
      12,
      [&](int i) {
        std::minstd_rand random(seed() + static_cast<unsigned>(i));
        Client c(s.server.addr());
        for (int n = 0; n < 60; ++n) {
          c.send(random() % 2 ? slow(3000) : fast);
          while (c.in.find("!\n") == c.in.npos && c.in.find("503") == c.in.npos && c.more()) {
          }
          if (c.in.find("503") != c.in.npos) return void(++refused);
          if (!c.answers(1)) return void(++forgotten);
        }
      },
      [] { fail_thread_creations = 300; });
  fail_thread_creations = 0;
  CHECK(forgotten == 0);
  auto deadline = jot::Clock::now() + milliseconds(forgotten_ms);
  bool recovered = false;
  while (!recovered && jot::Clock::now() < deadline) {
    Client c(s.server.addr());
    c.send(fast);
    recovered = c.answers(1);
  }
  CHECK(recovered);
}

// All three ways of a takeover, bodies, pipelines, hang-ups, and an end in the middle of it.
TEST_CASE("everything at once, and then the end", "[stress]") {
  auto until = jot::Clock::now() + round_time() * 2;
  std::atomic<bool> stopping{false};
  std::atomic<int> forgotten{0};
  while (jot::Clock::now() < until) {
    jot::ServerOptions options;
    options.max_threads = 6;
    auto s = std::make_unique<Running>(options);
    std::string addr = s->server.addr();
    auto stop_at = jot::Clock::now() + round_time() / 4;
    stopping = false;
    std::jthread stopper([&] {
      std::this_thread::sleep_until(stop_at);
      stopping = true;
      s.reset();
    });
    on_threads(10, [&](int i) {
      std::minstd_rand random(seed() + static_cast<unsigned>(i));
      while (!stopping) try {
          Client c(addr);
          for (int n = 0; n < 20; ++n) {
            std::string us = std::to_string(random() % 2500);
            switch (random() % 6) {
              case 0: c.send(slow(std::stoi(us))); break;
              case 1: c.send("GET /nap?us=" + us + " HTTP/1.1\r\nHost: x\r\n\r\n"); break;
              case 2: c.send("GET /spin?us=" + us + " HTTP/1.1\r\nHost: x\r\n\r\n"); break;
              case 3:
                c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
                break;
              case 4:
                c.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
                c.send("llo\r\n0\r\n\r\n");
                break;
              default: c.send(fast + fast + fast);
            }
            if (random() % 8 == 0) break;
            if (random() % 2 == 0) continue;
            if (!c.more() && !c.ended) ++forgotten;
            if (c.ended) break;
          }
        } catch (const std::runtime_error&) {  // the server has ended
          break;
        }
    });
  }
  CHECK(forgotten == 0);
}
