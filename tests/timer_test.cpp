// SPDX-License-Identifier: MIT
//
// timer_test.cpp -- Alarms fire in the order of their moments, whatever is set and taken out.
#include <signal.h>  // ::sigismember

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "jot/detail/clock.hpp"
#include "jot/detail/futex.hpp"
#include "jot/detail/service_thread.hpp"
#include "jot/detail/timer.hpp"

namespace {

using namespace std::chrono_literals;
using jot::detail::Alarm;
using jot::detail::Clock;
using jot::detail::Timer;
using std::chrono::nanoseconds;

struct Fired {
  std::mutex mutex;
  std::vector<int> numbers;
  std::atomic<std::uint32_t> count = 0;

  void wait_for(std::uint32_t n) {
    for (std::uint32_t seen = count; seen < n; seen = count) count.wait(seen);
  }
};

class Bell final : public Alarm {
 public:
  Bell(int number, Clock::time_point moment, Fired& fired)
      : Alarm(moment), when(moment), number_(number), fired_(fired) {}
  ~Bell() { Timer::instance().remove(*this); }

  const Clock::time_point when;
  std::atomic<bool> gone = false;
  std::atomic<bool> early = false;

 private:
  bool hold() noexcept override { return !gone; }
  void fire() noexcept override {
    if (Clock::now() < when) early = true;
    std::lock_guard lock(fired_.mutex);
    fired_.numbers.push_back(number_);
    ++fired_.count;
    fired_.count.notify_all();
  }

  const int number_;
  Fired& fired_;
};

}  // namespace

TEST_CASE("clock: sums and differences stop at the ends") {
  using Time = Clock::time_point;
  const Time now = Time(1000s), early = Time(-1000s);
  struct Row {
    const char* name;
    Time from;
    nanoseconds d;
    Time want;
  };
  const Row rows[] = {
      {"plain", now, 5s, Time(1005s)},
      {"back", now, -5s, Time(995s)},
      {"too far", now, nanoseconds::max(), Time::max()},
      {"just not too far", now, nanoseconds::max() - 1000s, Time::max()},
      {"too early", early, nanoseconds::min(), Time::min()},
      {"from the end", Time::max(), 1ns, Time::max()},
      {"back from the end", Time::max(), -1ns, Time::max() - 1ns},
      {"from the beginning", Time::min(), -1ns, Time::min()},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(jot::detail::time_after(row.from, row.d) == row.want);
  }
  CHECK(jot::detail::time_until(Time(3s), Time(1s)) == 2s);
  CHECK(jot::detail::time_until(Time(1s), Time(3s)) == 0s);
  CHECK(jot::detail::time_until(Time::max(), Time(-1s)) == nanoseconds::max());
  CHECK(jot::detail::time_until(Time::min(), Time::max()) == 0s);
}

TEST_CASE("futex: sleeps until the moment at the latest, keeps errno, does not sleep on news") {
  jot::detail::FutexWord word = 7;
  errno = 42;
  CHECK(jot::detail::futex_wait(word, 8, Clock::time_point::max()));  // not 8: no sleep
  const auto begin = Clock::now();
  while (jot::detail::futex_wait(word, 7, begin + 3ms)) continue;
  CHECK(Clock::now() >= begin + 3ms);
  for (const auto past : {Clock::time_point::min(), Clock::time_point(), begin}) {
    CHECK_FALSE(jot::detail::futex_wait(word, 7, past));
  }
  std::thread other([&] { word = 8, jot::detail::futex_wake_all(word); });
  while (word == 7) jot::detail::futex_wait(word, 7, Clock::time_point::max());
  other.join();
  CHECK(errno == 42);
}

TEST_CASE("timer: alarms fire in order, those taken out never") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Fired fired;
    std::deque<Bell> bells;
    unsigned random = seed * 7919;
    const auto next = [&random] { return random = random * 1664525 + 1013904223, random >> 8; };
    const auto begin = Clock::now() + 3ms;
    for (int i = 0; i < 200; ++i) {
      bells.emplace_back(i, begin + std::chrono::microseconds(next() % 1000), fired);
      Timer::instance().add(bells.back());
    }
    std::vector<bool> out(200);
    for (int i = 0; i < 100; ++i) out[next() % 200] = true;
    for (std::size_t i = 0; i < 200; ++i) {
      if (out[i]) Timer::instance().remove(bells[i]);
    }
    const auto left = static_cast<std::uint32_t>(std::count(out.begin(), out.end(), false));
    if (Clock::now() >= begin) continue;  // a slow machine: some fired before they were taken out
    fired.wait_for(left);
    std::lock_guard lock(fired.mutex);
    CHECK(fired.numbers.size() == left);
    Clock::time_point last = Clock::time_point::min();
    for (const int number : fired.numbers) {
      const Bell& bell = bells[static_cast<std::size_t>(number)];
      CHECK_FALSE(out[static_cast<std::size_t>(number)]);
      CHECK_FALSE(bell.early);
      CHECK(bell.when >= last);
      last = bell.when;
    }
  }
}

TEST_CASE("timer: an alarm whose owner is gone does not fire") {
  Fired fired;
  const auto soon = Clock::now() + 2ms;
  Bell gone(1, soon, fired), there(2, soon + 1us, fired);
  gone.gone = true;
  Timer::instance().add(gone);
  Timer::instance().add(there);
  fired.wait_for(1);
  std::lock_guard lock(fired.mutex);
  CHECK(fired.numbers == std::vector<int>{2});
}

TEST_CASE("service thread: starts again after it has returned, with all signals blocked") {
  struct Look {
    int runs = 0;
    bool blocked = false;
    void run() {
      sigset_t set;
      ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
      blocked = ::sigismember(&set, SIGTERM) == 1;
      ++runs;
    }
  };
  jot::detail::ServiceThread thread;
  Look look;
  for (int i = 0; i < 3; ++i) thread.start<&Look::run>("test", look);
  thread.join();
  thread.join();
  CHECK(look.runs == 3);
  CHECK(look.blocked);
  sigset_t mine;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  CHECK(::sigismember(&mine, SIGTERM) == 0);
}
