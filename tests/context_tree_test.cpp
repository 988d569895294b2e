// SPDX-License-Identifier: MIT
//
// context_tree_test.cpp -- large, deep and short-lived trees of Contexts, and many threads at once.
#include <malloc.h>    // ::mallinfo2
#include <poll.h>      // ::poll
#include <sys/wait.h>  // ::waitpid
#include <unistd.h>    // ::fork

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "jot/context.hpp"
#include "jot/detail/timer.hpp"

namespace {

using namespace std::chrono_literals;
using jot::Clock;
using jot::Context;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

inline constexpr jot::ContextKey<std::string> note{"note"};

}  // namespace

TEST_CASE("context: a hundred thousand children end within milliseconds") {
  auto [parent, cancel] = jot::with_cancel(jot::background());
  std::vector<jot::CancelScope> children;
  for (int i = 0; i < 100'000; ++i) children.push_back(jot::with_cancel(parent));
  const auto begin = Clock::now();
  cancel();
  const auto took = Clock::now() - begin;
  for (const jot::CancelScope& child : children) {
    if (!child.ctx.done()) FAIL("a child goes on");
  }
  CHECK(took < (sanitized ? 5s : 500ms));  // 10 to 20 ms where nothing else runs
}

TEST_CASE("context: a tree a hundred thousand deep ends and goes without recursion") {
  std::vector<jot::CancelScope> chain;
  chain.push_back(jot::with_cancel(jot::background()));
  for (int i = 0; i < 100'000; ++i) {
    chain.push_back(jot::with_cancel(jot::with_value(chain.back().ctx, note, "deep")));
  }
  Context deepest = chain.back().ctx;
  SECTION("ended from the top") {
    chain.front().cancel(jot::Error(jot::Errc::too_large, "the top"));
    CHECK(deepest.cause().message() == "the top");
  }
  SECTION("dropped, the deepest last") {
    for (jot::CancelScope& scope : chain) scope.cancel.release();
    CHECK_FALSE(deepest.done());
  }
  chain.clear();
  CHECK(*deepest.value(note) == "deep");
  deepest = {};  // takes the whole chain along
}

TEST_CASE("context: a million children come and go under one parent and leave nothing") {
  auto [parent, cancel] = jot::with_cancel(jot::background());
  const auto come_and_go = [&parent](int times) {
    for (int i = 0; i < times; ++i) {
      auto [child, end] = i % 4 == 0 ? jot::with_timeout(parent, 1h) : jot::with_cancel(parent);
      auto after = jot::after_func(child, [] {});
      if (i % 3 == 0) end.release();
      if (i % 3 == 1) end();
    }
  };
  come_and_go(1000);
  const std::size_t before = ::mallinfo2().uordblks;
  std::thread other([&] { come_and_go(500'000); });
  come_and_go(500'000);
  other.join();
  CHECK(::mallinfo2().uordblks < before + 64 * 1024);
  CHECK(jot::detail::Timer::instance().size() == 0);
}

TEST_CASE("context: a child made while its parent ends leaves no alarm behind") {
  std::atomic<int> turn = 0;  // odd: the other thread ends `parent`
  jot::CancelScope parent;
  std::atomic<int> delay = 0;
  constexpr int rounds = 6'000;
  std::thread other([&] {
    for (int round = 0; round < rounds; ++round) {
      while (turn != 2 * round + 1) continue;
      for (int i = 0; i < round % 200; ++i) delay.store(i);  // a little later each time
      parent.cancel();
      ++turn;
    }
  });
  int left = 0;
  for (int round = 0; round < rounds; ++round) {
    parent = jot::with_cancel(jot::background());
    ++turn;
    const jot::CancelScope child = jot::with_timeout(parent.ctx, 1h);
    while (turn != 2 * round + 2) continue;
    left += jot::detail::Timer::instance().size() == 0 && child.ctx.done() ? 0 : 1;
  }
  other.join();
  CHECK(left == 0);
}

TEST_CASE("context: a forked child that does not exec can cancel, and exits") {
#if defined(__SANITIZE_THREAD__)
  return;  // ThreadSanitizer ends a child that starts threads
#endif
  auto [ctx, cancel] = jot::with_timeout(jot::background(), 1h);  // so that there is a timer thread
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto [child, end] = jot::with_cancel(ctx);
    end();
    // Not exit(): that would report the parent's tests. The timer's part of it is what counts.
    ::_exit(child.done() && !ctx.done() ? 0 : 1);
  }
  REQUIRE(pid > 0);
  int status = -1;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}

// Threads that do all of it at random, on shared slots. Environment: JOT_SEED to run one again,
// JOT_STRESS_SECONDS to run it longer.
namespace {

class Random {  // xorshift64*: small, and the same everywhere
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2685821657736338717u + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return (state_ * 2685821657736338717u >> 33) % n;
  }

 private:
  std::uint64_t state_;
};

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// An AfterFunc that knows when its callback may run: once, and not after it is gone.
class Watched {
 public:
  Watched(const Context& ctx, std::function<void()> f, std::function<void(const char*)> fail)
      : after_(jot::after_func(ctx, [this, ctx, f = std::move(f), fail = std::move(fail)] {
          if (!ctx.done()) fail("called back, not done");
          if (gone_) fail("called back after AfterFunc's end");
          if (runs_++ != 0) fail("called back twice");
          f();
        })) {}
  ~Watched() {
    {
      auto end = std::move(after_);
    }
    gone_ = true;
  }

 private:
  std::atomic<bool> gone_ = false;
  std::atomic<int> runs_ = 0;
  jot::AfterFunc after_;
};

class Stress {
 public:
  explicit Stress(std::uint64_t seed) : seed_(seed) {
    for (Slot& slot : slots_) slot.scope = jot::with_cancel(root_.ctx);
  }

  // Returns: the number of broken promises.
  int run(std::chrono::seconds time) {
    {
      std::vector<std::thread> threads;
      auto [until, stop] = jot::with_timeout(jot::background(), time);
      for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([this, t, until] {
          Random random(seed_ + t);
          while (!until.done()) step(random);
        });
      }
      for (std::thread& t : threads) t.join();
    }
    root_.cancel();
    for (Slot& slot : slots_) {
      if (slot.below_root && !slot.scope.ctx.done()) fail("not all ended with the root");
      slot.scope = {}, slot.watched.reset();
    }
    return broken_;
  }

  std::uint64_t steps() const { return steps_; }

 private:
  struct Slot {
    std::mutex mutex;
    jot::CancelScope scope;
    std::shared_ptr<Watched> watched;
    bool below_root = true;
  };

  Slot& any(Random& random) { return slots_[random.below(slots_.size())]; }

  Context context(Random& random, bool& below_root) {
    Slot& slot = any(random);
    std::lock_guard lock(slot.mutex);
    below_root = slot.below_root;
    return slot.scope.ctx;
  }

  void step(Random& random) {
    ++steps_;
    bool below = true;
    const Context parent = context(random, below);
    switch (random.below(10)) {
      case 0: return put(random, jot::with_cancel(parent), below);
      case 1:
        return put(random, jot::with_timeout(parent, std::chrono::microseconds(random.below(2000))),
                   below);
      case 2: return put(random, {jot::with_value(parent, note, "x"), {}}, below);
      case 3: return put(random, jot::with_cancel(jot::without_cancel(parent)), false);
      case 4: return put(random, jot::with_cancel(root_.ctx), true);
      case 5: return end(random);
      case 6: return watch(random, parent);
      case 7: return wait(random, parent);
      case 8: return look(parent);
      default: return stop_callbacks(parent);
    }
  }

  // What was in the slot goes with the parameter, outside the lock: its end runs callbacks.
  void put(Random& random, jot::CancelScope scope, bool below_root) {
    Slot& slot = any(random);
    std::lock_guard lock(slot.mutex);
    std::swap(slot.scope, scope);
    slot.below_root = below_root;
  }

  void end(Random& random) {
    Slot& slot = any(random);
    jot::CancelFunc cancel;
    Context ctx;
    {
      std::lock_guard lock(slot.mutex);
      cancel = std::move(slot.scope.cancel);
      ctx = slot.scope.ctx;
    }
    const bool can = random.below(4) != 0;
    can ? cancel(jot::Error(jot::Errc::too_large, std::string(40, 'c'))) : cancel.release();
  }

  void watch(Random& random, const Context& ctx) {
    const std::uint64_t seed = random.below(1'000'000);
    auto watched = std::make_shared<Watched>(
        ctx,
        [this, seed] {
          Random inner(seed);
          if (inner.below(2) == 0) return;
          end(inner);
          bool below = true;
          jot::with_cancel(context(inner, below)).cancel();
        },
        [this](const char* what) { fail(what); });
    Slot& slot = any(random);
    std::unique_lock lock(slot.mutex);
    slot.watched.swap(watched);
    lock.unlock();
    watched.reset();  // perhaps while its f is running on another thread
  }

  void wait(Random& random, const Context& ctx) {
    const auto d = std::chrono::microseconds(random.below(200));
    const bool ended = random.below(2) == 0 ? ctx.wait_for(d) : !ctx.sleep_for(d);
    if (ended && !ctx.done()) fail("woken, not done");
  }

  void look(const Context& ctx) {
    const bool done = ctx.done();
    if (done && (!ctx.err() || !ctx.cause().code() || ctx.cause().message().empty())) {
      fail("done without a reason");
    }
    if (done && !ctx.stop_token().stop_requested()) fail("done, token not stopped");
    pollfd p{.fd = ctx.fd(), .events = POLLIN, .revents = 0};
    const bool readable = ::poll(&p, 1, 0) == 1;
    if (done ? !readable : readable && !ctx.done()) fail("fd and done() differ");
  }

  // Under a parent that another thread may be ending, and on its own.
  void stop_callbacks(const Context& parent) {
    std::atomic<int> runs = 0;
    {
      auto [child, cancel] = jot::with_cancel(parent);
      auto [own, cancel_own] = jot::with_cancel(jot::background());
      const std::stop_callback first(child.stop_token(), [&] { ++runs; });
      const std::stop_callback second(own.stop_token(), [&] { runs += 10; });
      cancel(), cancel_own();
      if (!child.done()) fail("a child goes on after its cancel");
      if (runs < 10) fail("a stop callback did not run in cancel");
    }
    if (runs > 11) fail("a stop callback ran twice");
  }

  void fail(const char* what) {
    std::printf("context stress: %s\n", what);
    ++broken_;
  }

  const std::uint64_t seed_;
  jot::CancelScope root_ = jot::with_cancel(jot::background());
  std::array<Slot, 64> slots_;
  std::atomic<int> broken_ = 0;
  std::atomic<std::uint64_t> steps_ = 0;
};

}  // namespace

TEST_CASE("context: all of it at once, at random") {
  const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  const std::uint64_t seed = environment("JOT_SEED", now % 1'000'000'007);
  std::printf("context stress: JOT_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Stress stress(seed);
  const auto time = std::chrono::seconds(environment("JOT_STRESS_SECONDS", 2));
  CHECK(stress.run(time) == 0);
  CHECK(stress.steps() > 100);
  CHECK(jot::detail::Timer::instance().size() == 0);
}
