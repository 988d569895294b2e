// 04_deadline.cpp -- cancel a task that takes too long, in the same thread.
//
// C++ cannot stop a function from outside, and should not: it may hold a lock. So the function gets
// a Context, asks it wherever it would wait, and returns when nobody waits for its result any more.
// On the way out its destructors release what it held.
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <random>

#include "jot.hpp"

using namespace std::chrono_literals;

std::mutex model;  // what the work needs for itself alone

// Naps for up to 100 ms, as a slow query would. Returns: the value; nullopt when cancelled.
std::optional<int> do_work(const jot::Context& ctx) {
  static std::mt19937 random{std::random_device{}()};
  std::lock_guard lock(model);
  const int nap = std::uniform_int_distribution(1, 100)(random);
  if (!ctx.sleep_for(nap * 1ms)) return std::nullopt;
  return nap;
}

std::optional<int> get_value_with_timeout(const jot::Context& parent,
                                          std::chrono::milliseconds max) {
  auto [ctx, cancel] = jot::with_timeout(parent, max);  // the scope's end cancels, too
  return do_work(ctx);
}

int main() {
  for (int i = 0; i < 10; ++i) {
    const auto begin = jot::Clock::now();
    const std::optional<int> value = get_value_with_timeout(jot::background(), 50ms);
    const auto took = std::chrono::floor<std::chrono::milliseconds>(jot::Clock::now() - begin);
    if (value) std::printf("got %d after %d ms\n", *value, static_cast<int>(took.count()));
    if (!value) std::printf("canceled after %d ms\n", static_cast<int>(took.count()));
    if (took > 2s || !model.try_lock()) return 1;  // it kept the time, and the lock is free
    model.unlock();
  }
}

// Ten lines, "got 23 after 23 ms" or "canceled after 50 ms", for whatever is not there in time.
