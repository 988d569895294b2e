// SPDX-License-Identifier: MIT
//
// context.cpp -- what does it cost to make a Context and to end it? Prints "name nanoseconds"
// lines, each the best of five rounds; context_bench.go does the same with Go's. And how many bytes
// do a million children leave behind, made and dropped one after the other under one parent?
// Argument: times per round.
#include <malloc.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "jot/context.hpp"

namespace {

using namespace std::chrono_literals;
using jot::Clock;

template <class F>
void measure(const char* name, int times, F once) {
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < times; ++i) once();
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    best = std::min(best, took.count() / times);
  }
  std::printf("%s %.1f\n", name, best);
}

}  // namespace

int main(int argc, char** argv) {
  const int times = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  auto [parent, end_parent] = jot::with_cancel(jot::background());
  measure("cancel", times, [] { jot::with_cancel(jot::background()).cancel(); });
  measure("cancel_child", times, [&parent] { jot::with_cancel(parent).cancel(); });
  measure("timeout_child", times, [&parent] { jot::with_timeout(parent, 1h).cancel(); });
  int found = 0;
  measure("done", times, [&parent, &found] { found += parent.done() ? 1 : 0; });
  measure("hundred_thousand_children", 1, [] {
    auto [top, end_top] = jot::with_cancel(jot::background());
    std::vector<jot::CancelScope> children;
    children.reserve(100'000);
    for (int i = 0; i < 100'000; ++i) children.push_back(jot::with_cancel(top));
    end_top();
  });
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 1'000'000; ++i) (void)jot::with_cancel(parent);
  std::printf("bytes_left_by_a_million %.0f\n",
              static_cast<double>(mallinfo2().uordblks) - static_cast<double>(before));
  return found;
}
