// SPDX-License-Identifier: MIT
//
// context_signal_test.cpp -- Contexts that a signal ends. Only SIGUSR1, SIGUSR2 and SIGHUP are
// sent.
#include <signal.h>  // ::sigaction, ::kill
#include <unistd.h>  // ::getpid

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "jot/context.hpp"
#include "jot/detail/signals.hpp"

namespace {

using namespace std::chrono_literals;
using jot::Context;
using jot::Errc;

constexpr auto generous = 20s;

std::atomic<int>& caught() {
  static std::atomic<int> count = 0;
  return count;
}

void count_signal(int) { ++caught(); }

using Handler = void (*)(int);

Handler handler_of(int signal) {
  struct sigaction now = {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

// A handler of the test's own, for as long as it lives.
class Handling {
 public:
  Handling(int signal, Handler handler) : signal_(signal) {
    struct sigaction action = {};
    action.sa_handler = handler;
    ::sigaction(signal, &action, &before_);
  }
  ~Handling() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_;
};

}  // namespace

TEST_CASE("notify_context: ends at the first signal, with its name as cause") {
  struct Row {
    int signal;
    const char* words;
  };
  for (const Row& row : {Row{SIGUSR1, "received SIGUSR1"}, Row{SIGHUP, "received SIGHUP"},
                         Row{SIGRTMIN, "received a signal"}, Row{SIGUSR2, "received SIGUSR2"}}) {
    INFO(row.words);
    const Context ctx = jot::notify_context({SIGUSR1, SIGHUP, SIGRTMIN, SIGUSR2, SIGUSR2});
    auto [child, cancel] = jot::with_cancel(ctx);
    CHECK_FALSE(ctx.done());
    ::kill(::getpid(), row.signal);
    REQUIRE(child.wait_for(generous));
    CHECK(ctx.err() == Errc::canceled);
    CHECK(child.cause().message() == row.words);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);  // the others', too
  }
}

TEST_CASE("notify_context: the second signal has its former effect") {
  const Handling mine(SIGUSR1, count_signal);
  const Context ctx = jot::notify_context({SIGUSR1});
  CHECK(handler_of(SIGUSR1) != count_signal);
  caught() = 0;
  ::raise(SIGUSR1);
  REQUIRE(ctx.wait_for(generous));
  CHECK(caught() == 0);
  ::raise(SIGUSR1);
  CHECK(caught() == 1);
}

TEST_CASE("notify_context: the former effect is back when the last copy has gone") {
  const Handling mine(SIGUSR1, count_signal);
  Context ctx = jot::notify_context({SIGUSR1});
  Context copy = ctx;
  ctx = {};
  CHECK(handler_of(SIGUSR1) != count_signal);
  copy = {};
  CHECK(handler_of(SIGUSR1) == count_signal);
}

TEST_CASE("notify_context: all that wait for a signal end, others wait on") {
  const Context both = jot::notify_context({SIGUSR1, SIGUSR2});
  const Context first = jot::notify_context({SIGUSR1});
  const Context second = jot::notify_context({SIGUSR2});
  ::raise(SIGUSR1);
  REQUIRE(first.wait_for(generous));
  REQUIRE(both.wait_for(generous));
  CHECK_FALSE(second.done());
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
  CHECK(handler_of(SIGUSR2) != SIG_DFL);
  ::raise(SIGUSR2);
  CHECK(second.wait_for(generous));
  CHECK(both.cause().message() == "received SIGUSR1");
}

TEST_CASE("notify_context: leaves a handler alone that was installed after its own") {
  const Handling saved(SIGUSR1, SIG_IGN);
  Context ctx = jot::notify_context({SIGUSR1});
  const Handling later(SIGUSR1, count_signal);
  ctx = {};
  CHECK(handler_of(SIGUSR1) == count_signal);
}

TEST_CASE("notify_context: refuses what cannot be caught, and leaves nothing installed") {
  CHECK_THROWS_AS(jot::notify_context({}), std::invalid_argument);
  for (const int signal : {SIGKILL, SIGSTOP, 0, -1, 65, 1000}) {
    INFO(signal);
    CHECK_THROWS_AS(jot::notify_context({SIGUSR1, signal}), std::system_error);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
  }
}

TEST_CASE("notify_context: a callback may drop the last copy and wait for the next signal") {
  Context next;
  std::atomic<bool> ran = false;
  Context ctx = jot::notify_context({SIGUSR1});
  auto [child, cancel] = jot::with_cancel(ctx);
  const auto after = jot::after_func(child, [&] {
    ctx = {};
    next = jot::notify_context({SIGUSR1});
    ran = true;
    ran.notify_all();
  });
  ::raise(SIGUSR1);
  ran.wait(false);
  CHECK_FALSE(next.done());
  ::raise(SIGUSR1);
  CHECK(next.wait_for(generous));
}

TEST_CASE("notify_context: a signal that nobody waits for any more is sent again") {
  const Handling mine(SIGUSR1, count_signal);
  const Context ctx = jot::notify_context({SIGUSR2});
  caught() = 0;
  jot::detail::on_signal(SIGUSR1);  // as if its Context had gone while the handler ran
  const auto give_up = jot::Clock::now() + generous;
  while (caught() == 0 && jot::Clock::now() < give_up) jot::background().sleep_for(1ms);
  CHECK(caught() == 1);
  CHECK_FALSE(ctx.done());
}

TEST_CASE("notify_context: many, on many threads, one signal after the other") {
  const Handling ignored(SIGUSR1, SIG_IGN);  // what comes while nobody waits must not end the test
  std::vector<std::thread> threads;
  std::atomic<int> ended = 0;
  auto [until, stop] = jot::with_cancel(jot::background());
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, until] {
      while (!until.done()) {
        const Context ctx = jot::notify_context({SIGUSR1, SIGUSR2});
        if (ctx.wait_for(1ms)) ++ended;
      }
    });
  }
  while (ended < 100) {
    ::kill(::getpid(), SIGUSR1);
    jot::background().sleep_for(200us);
  }
  stop();
  for (std::thread& t : threads) t.join();
}
