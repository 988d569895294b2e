// SPDX-License-Identifier: MIT
//
// context_test.cpp -- ends, deadlines, values, waits and callbacks of a Context, one at a time.
// What happens when all of it goes on at once is in context_tree_test.cpp.
#include "jot/context.hpp"

#include <poll.h>  // ::poll

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "jot/detail/blocking.hpp"
#include "jot/detail/timer.hpp"

namespace {

using namespace std::chrono_literals;
using jot::Clock;
using jot::Context;
using jot::Errc;

constexpr auto generous = 20s;  // for what happens at once unless it is broken

bool readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

inline constexpr jot::ContextKey<int> number{"number"};
inline constexpr jot::ContextKey<std::string> user{"user"};

}  // namespace

TEST_CASE("context: background never ends and costs nothing") {
  const Context ctx;
  CHECK(sizeof(Context) == sizeof(void*));
  CHECK_FALSE(ctx.done());
  CHECK_FALSE(ctx.err());
  CHECK_FALSE(ctx.cause().code());
  CHECK(ctx.cause().message().empty());
  CHECK_FALSE(ctx.deadline());
  CHECK(ctx.remaining() == jot::nanoseconds::max());
  CHECK(ctx.fd() == -1);
  CHECK_FALSE(ctx.stop_token().stop_possible());
  CHECK(ctx.value(number) == nullptr);
  CHECK(ctx.sleep_for(1ms));
  CHECK_FALSE(ctx.wait_for(1ms));
}

TEST_CASE("context: cancel ends what is below, nothing above or beside, and only once") {
  auto [root, end_root] = jot::with_cancel(jot::background());
  auto [middle, end_middle] = jot::with_cancel(root);
  auto [leaf, end_leaf] = jot::with_cancel(jot::with_value(middle, number, 1));
  auto [beside, end_beside] = jot::with_cancel(root);

  end_middle(jot::Error(Errc::too_large, "enough"));
  CHECK_FALSE(root.done());
  CHECK_FALSE(beside.done());
  for (const Context& ctx : {middle, leaf}) {
    CHECK(ctx.done());
    CHECK(ctx.err() == Errc::canceled);
    CHECK(ctx.cause().code() == Errc::too_large);
    CHECK(ctx.cause().message() == "enough");
  }
  end_middle();
  end_leaf(jot::Error(Errc::bad_message));
  CHECK(middle.cause().message() == "enough");
  CHECK(leaf.cause().message() == "enough");

  end_beside();
  end_root(jot::Error(Errc::connection_closed));
  CHECK(beside.cause().code() == Errc::canceled);
  CHECK(beside.cause().canceled());
  CHECK(root.cause().code() == Errc::connection_closed);
}

TEST_CASE("context: a child of one that has ended is born so, with its cause") {
  auto [parent, cancel] = jot::with_cancel(jot::background());
  cancel(jot::Error(Errc::too_large, "enough"));
  auto [child, cancel_child] = jot::with_timeout(jot::with_value(parent, number, 1), 0ns);
  CHECK(child.err() == Errc::canceled);
  CHECK(child.cause().message() == "enough");
  auto [late, cancel_late] = jot::with_timeout(jot::background(), -1ns);
  auto [below, cancel_below] = jot::with_cancel(late);
  CHECK(below.err() == Errc::deadline_exceeded);
}

TEST_CASE("context: a CancelFunc cancels when it goes, unless released") {
  Context ctx;
  SECTION("out of scope") {
    {
      ctx = jot::with_cancel(jot::background()).ctx;
    }
    CHECK(ctx.done());
  }
  SECTION("assigned to") {
    jot::CancelScope scope = jot::with_cancel(jot::background());
    ctx = scope.ctx;
    scope = jot::with_cancel(jot::background());
    CHECK(ctx.done());
    CHECK_FALSE(scope.ctx.done());
  }
  SECTION("moved, then gone") {
    jot::CancelScope scope = jot::with_cancel(jot::background());
    ctx = scope.ctx;
    {
      jot::CancelFunc cancel = std::move(scope.cancel);
      scope.cancel();
      CHECK_FALSE(ctx.done());
    }
    CHECK(ctx.done());
  }
  SECTION("assigned to itself: nothing happens") {
    jot::CancelScope scope = jot::with_cancel(jot::background());
    jot::CancelFunc& same = scope.cancel;
    scope.cancel = std::move(same);
    CHECK_FALSE(scope.ctx.done());
    scope.cancel();
    CHECK(scope.ctx.done());
  }
  SECTION("released: the parent still ends it") {
    auto [parent, cancel] = jot::with_cancel(jot::background());
    {
      jot::CancelScope scope = jot::with_cancel(parent);
      ctx = scope.ctx;
      scope.cancel.release();
      scope.cancel();
    }
    CHECK_FALSE(ctx.done());
    cancel();
    CHECK(ctx.done());
  }
  SECTION("made of nothing") {
    jot::CancelFunc none;
    none();
    none(jot::Error(Errc::canceled));
  }
}

TEST_CASE("context: deadlines, also at the ends of the clock") {
  using jot::nanoseconds;
  struct Row {
    const char* name;
    nanoseconds parent, own;
    bool done_at_once, takes_parents;
  };
  const Row rows[] = {
      {"own is earlier", 2h, 1h, false, false},
      {"parent's is earlier", 1h, 2h, false, true},
      {"zero", 1h, 0ns, true, false},
      {"negative", 1h, -5s, true, false},
      {"the least", 1h, nanoseconds::min(), true, false},
      {"the most", 1h, nanoseconds::max(), false, true},
      {"the most, twice", nanoseconds::max(), nanoseconds::max(), false, true},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    auto [parent, cancel_parent] = jot::with_timeout(jot::background(), row.parent);
    auto [ctx, cancel] = jot::with_timeout(parent, row.own);
    CHECK_FALSE(parent.done());
    CHECK(ctx.done() == row.done_at_once);
    CHECK((ctx.err() == Errc::deadline_exceeded) == row.done_at_once);
    CHECK(ctx.cause().timeout() == row.done_at_once);
    REQUIRE(ctx.deadline());
    CHECK((*ctx.deadline() == *parent.deadline()) == row.takes_parents);
    CHECK((ctx.remaining() == 0ns) == row.done_at_once);
    CHECK(ctx.wait_for(nanoseconds::min()) == row.done_at_once);
  }
  for (const auto when : {Clock::time_point::max(), Clock::time_point::max() - 1ns}) {
    auto [ctx, cancel] = jot::with_deadline(jot::background(), when);
    CHECK_FALSE(ctx.wait_for(1ms));
    CHECK(ctx.deadline() == when);
    CHECK(ctx.remaining() > 24h);
    cancel();
    CHECK(ctx.err() == Errc::canceled);
  }
  auto [ctx, cancel] = jot::with_deadline(jot::background(), Clock::time_point::min());
  CHECK(ctx.err() == Errc::deadline_exceeded);
  CHECK(ctx.remaining() == 0ns);
}

TEST_CASE("context: a value's node has its parent's deadline, a cancelled one keeps its own") {
  auto [ctx, cancel] = jot::with_timeout(jot::background(), 1h);
  const Context below = jot::with_value(ctx, number, 1);
  CHECK(below.deadline() == ctx.deadline());
  cancel();
  CHECK(below.err() == Errc::canceled);
  CHECK(below.deadline() == ctx.deadline());
}

TEST_CASE("context: deadlines fire, none too early") {
  const auto begin = Clock::now();
  std::vector<jot::CancelScope> scopes;
  for (int i = 0; i < 300; ++i) {
    scopes.push_back(
        jot::with_timeout(jot::background(), std::chrono::microseconds(i * 7919 % 30000)));
  }
  for (const jot::CancelScope& scope : scopes) {
    REQUIRE(scope.ctx.wait_for(generous));
    CHECK(Clock::now() >= *scope.ctx.deadline());
    CHECK(scope.ctx.err() == Errc::deadline_exceeded);
    CHECK(scope.ctx.cause().message() == "deadline exceeded");
  }
  CHECK(Clock::now() - begin >= 29ms);
  CHECK(jot::detail::Timer::instance().size() == 0);
}

TEST_CASE("context: a deadline that is earlier than all others is not slept through") {
  auto [late, cancel_late] = jot::with_timeout(jot::background(), 1h);
  CHECK_FALSE(late.wait_for(5ms));  // let the timer's thread fall asleep until then
  auto [soon, cancel_soon] = jot::with_timeout(jot::background(), 1ms);
  CHECK(soon.wait_for(generous));
}

TEST_CASE("context: whatever ends takes its alarm along") {
  jot::detail::Timer& timer = jot::detail::Timer::instance();
  const std::size_t before = timer.size();
  auto [parent, cancel_parent] = jot::with_cancel(jot::background());
  std::vector<jot::CancelScope> scopes;
  for (int i = 0; i < 100; ++i) scopes.push_back(jot::with_timeout(parent, 1h + i * 13 % 7 * 1s));
  CHECK(timer.size() == before + 100);
  for (int i = 0; i < 30; ++i) scopes[static_cast<std::size_t>(i * 3)].cancel();
  CHECK(timer.size() == before + 70);
  scopes.resize(50);
  CHECK(timer.size() == before + 33);
  cancel_parent();
  CHECK(timer.size() == before);
}

TEST_CASE("context: values, the nearest wins") {
  const Context one = jot::with_value(jot::background(), number, 1);
  auto [two, cancel] = jot::with_cancel(jot::with_value(one, user, "ann"));
  const Context three = jot::with_value(two, number, 3);
  CHECK(*one.value(number) == 1);
  CHECK(one.value(user) == nullptr);
  CHECK(*two.value(number) == 1);
  CHECK(*two.value(user) == "ann");
  CHECK(*three.value(number) == 3);
  CHECK(*three.value<std::string>(user) == "ann");
  CHECK(std::string(number.name()) == "number");
  cancel();
  CHECK(three.done());
  CHECK(*three.value(number) == 3);
}

TEST_CASE("context: a key is its address, not its name") {
  static constexpr jot::ContextKey<int> other{"number"};
  const Context ctx = jot::with_value(jot::background(), number, 1);
  CHECK(ctx.value(other) == nullptr);
}

TEST_CASE("context: a value may be movable only, and lives as long as a node below it") {
  static constexpr jot::ContextKey<std::unique_ptr<std::shared_ptr<int>>> key{"key"};
  auto watched = std::make_shared<int>(7);
  const std::weak_ptr<int> alive = watched;
  Context below;
  {
    const Context ctx = jot::with_value(jot::background(), key,
                                        std::make_unique<std::shared_ptr<int>>(std::move(watched)));
    below = jot::without_cancel(jot::with_value(ctx, number, 1));
  }
  REQUIRE(below.value(key) != nullptr);
  CHECK(***below.value(key) == 7);
  below = {};
  CHECK(alive.expired());
}

TEST_CASE("context: without_cancel keeps the values and nothing else") {
  Context free;
  {
    auto [ctx, cancel] = jot::with_timeout(jot::with_value(jot::background(), number, 1), 1h);
    free = jot::without_cancel(ctx);
    CHECK_FALSE(jot::without_cancel(ctx).deadline());
  }
  CHECK_FALSE(free.done());
  CHECK_FALSE(free.err());
  CHECK(free.fd() == -1);
  CHECK(*free.value(number) == 1);
  auto [child, cancel] = jot::with_cancel(jot::with_value(free, user, "bo"));
  cancel();
  CHECK(child.done());
  CHECK_FALSE(free.done());
  CHECK(*child.value(number) == 1);
}

TEST_CASE("context: sleeping and waiting") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  const auto begin = Clock::now();
  CHECK(ctx.sleep_for(5ms));
  CHECK(Clock::now() - begin >= 5ms);
  CHECK(ctx.sleep_for(0ns));
  CHECK(ctx.sleep_for(-1h));
  CHECK_FALSE(ctx.wait_for(1ms));

  std::vector<std::thread> sleepers;
  std::atomic<int> woken = 0;
  for (int i = 0; i < 4; ++i) {
    sleepers.emplace_back([&, ctx, i] {
      if (i == 0) ctx.wait();
      if (i == 1 && ctx.sleep_for(jot::nanoseconds::max())) return;
      if (i == 2 && !ctx.wait_for(1h)) return;
      if (i == 3 && jot::with_value(ctx, number, 1).sleep_for(1h)) return;
      ++woken;
    });
  }
  CHECK_FALSE(ctx.wait_for(5ms));  // so that most of them really sleep
  cancel();
  for (std::thread& t : sleepers) t.join();
  CHECK(woken == 4);
  CHECK_FALSE(ctx.sleep_for(0ns));
  CHECK_FALSE(ctx.sleep_for(1h));
  CHECK(ctx.wait_for(-1ns));
  ctx.wait();
}

TEST_CASE("context: whoever is about to block gives its seat's lane away, and only then") {
  struct Counter final : jot::detail::Seat {
    void give_away() noexcept override { ++count; }
    int count = 0;
  } seat;
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  jot::detail::current_seat() = &seat;
  ctx.sleep_for(0ns);
  ctx.wait_for(-1s);
  jot::background().sleep_for(0ns);
  const int without_blocking = seat.count;
  ctx.sleep_for(1us);
  jot::background().sleep_for(1us);
  const int with_blocking = seat.count;
  cancel();
  ctx.wait();
  ctx.sleep_for(1h);
  jot::detail::current_seat() = nullptr;
  CHECK(without_blocking == 0);
  CHECK(with_blocking == 2);
  CHECK(seat.count == 2);
}

TEST_CASE("context: stop_token wakes a condition variable and runs callbacks") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ready = true;
  std::thread waiter([&, ctx] {
    std::unique_lock lock(mutex);
    ready = changed.wait(lock, ctx.stop_token(), [] { return false; });
  });
  std::thread::id ran_on;
  const std::stop_token token = ctx.stop_token();
  const std::stop_callback callback(token, [&] { ran_on = std::this_thread::get_id(); });
  CHECK_FALSE(token.stop_requested());
  cancel();
  waiter.join();
  CHECK_FALSE(ready);
  CHECK(token.stop_requested());
  CHECK(ran_on == std::this_thread::get_id());
  CHECK(ctx.stop_token().stop_requested());
}

TEST_CASE("context: a stop_token asked for after the end has been stopped") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  cancel();
  CHECK(ctx.stop_token().stop_requested());
}

TEST_CASE("context: fd is readable once done, and stays so") {
  auto [parent, cancel] = jot::with_cancel(jot::background());
  auto [ctx, cancel_ctx] = jot::with_cancel(parent);
  const int fd = ctx.fd();
  REQUIRE(fd >= 0);
  CHECK(ctx.fd() == fd);
  CHECK(jot::with_value(ctx, number, 1).fd() == fd);
  CHECK_FALSE(readable(fd));
  std::thread([c = std::move(cancel)] { c(); }).join();
  CHECK(readable(fd));
  CHECK(readable(fd));
  CHECK(readable(parent.fd()));  // asked for after the end
}

TEST_CASE("context: after_func runs once, on the thread that ends it, when all below is done") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  auto [child, cancel_child] = jot::with_cancel(ctx);
  int runs = 0;
  bool child_done = false;
  std::thread::id ran_on;
  jot::AfterFunc after = jot::after_func(ctx, [&, child] {
    ++runs;
    child_done = child.done();
    ran_on = std::this_thread::get_id();
  });
  CHECK(runs == 0);
  std::thread::id ended_on;
  std::thread([&, &end = cancel] { ended_on = std::this_thread::get_id(), end(), end(); }).join();
  CHECK(runs == 1);
  CHECK(child_done);
  CHECK(ran_on == ended_on);
  CHECK_FALSE(after.stop());
}

TEST_CASE("context: after_func on one that has ended, and on one that never will") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  cancel();
  int runs = 0;
  auto late = jot::after_func(ctx, [&] { ++runs; });
  CHECK(runs == 1);
  auto never = jot::after_func(jot::background(), [&] { ++runs; });
  CHECK_FALSE(never.stop());
  auto empty = jot::after_func(ctx, {});
  CHECK(runs == 1);
}

TEST_CASE("context: after_func does not run when stopped, dropped or replaced before") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  int runs = 0;
  auto stopped = jot::after_func(ctx, [&] { ++runs; });
  CHECK(stopped.stop());
  CHECK_FALSE(stopped.stop());
  {
    auto dropped = jot::after_func(ctx, [&] { ++runs; });
  }
  auto replaced = jot::after_func(ctx, [&] { ++runs; });
  replaced = jot::after_func(ctx, [&] { runs += 10; });
  auto moved = std::move(replaced);
  cancel();
  CHECK(runs == 10);
}

TEST_CASE("context: AfterFunc's destructor waits for f, and takes what f captured along") {
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = captured;
  std::atomic<bool> started = false, finished = false;
  {
    auto after = jot::after_func(ctx, [&, captured = std::move(captured)] {
      started = true;
      started.notify_all();
      jot::background().sleep_for(20ms);
      finished = true;
    });
    std::thread([c = std::move(cancel)] { c(); }).detach();
    started.wait(false);
  }
  CHECK(finished);
  CHECK(alive.expired());
}

TEST_CASE("context: a callback may do anything with the Context that ends") {
  auto scope = std::make_unique<jot::CancelScope>(jot::with_cancel(jot::background()));
  int runs = 0;
  SECTION("cancel it again") {
    auto after = jot::after_func(scope->ctx, [&] { scope->cancel(), ++runs; });
    scope->cancel();
    CHECK(runs == 1);
  }
  SECTION("destroy the last handles") {
    auto after = jot::after_func(scope->ctx, [&] { scope.reset(), ++runs; });
    scope->cancel();
    CHECK(runs == 1);
  }
  SECTION("destroy its own AfterFunc") {
    std::unique_ptr<jot::AfterFunc> after;
    auto inner = std::make_shared<int>(1);
    const std::weak_ptr<int> alive = inner;
    after =
        std::make_unique<jot::AfterFunc>(jot::after_func(scope->ctx, [&, inner = std::move(inner)] {
          after.reset();
          runs += *inner;
        }));
    scope->cancel();
    CHECK(runs == 1);
    CHECK(alive.expired());
  }
  SECTION("destroy another's AfterFunc, which then does not run") {
    std::unique_ptr<jot::AfterFunc> second;
    auto first = jot::after_func(scope->ctx, [&] { second.reset(), ++runs; });
    second = std::make_unique<jot::AfterFunc>(jot::after_func(scope->ctx, [&] { runs += 10; }));
    scope->cancel();
    CHECK(runs == 1);
  }
  SECTION("make children, wait, register more") {
    auto after = jot::after_func(scope->ctx, [&] {
      auto [child, cancel] = jot::with_timeout(scope->ctx, 1h);
      child.wait();
      auto more = jot::after_func(child, [&] { ++runs; });
      runs += readable(child.fd()) ? 1 : 100;
    });
    scope->cancel();
    CHECK(runs == 2);
  }
}

TEST_CASE("context: a callback at a deadline may use the timer") {
  auto [ctx, cancel] = jot::with_timeout(jot::background(), 1ms);
  std::atomic<bool> ran = false;
  jot::CancelScope next;
  auto after = jot::after_func(ctx, [&] {
    next = jot::with_timeout(jot::background(), 1ms);
    ran = true;
    ran.notify_all();
  });
  REQUIRE(ctx.wait_for(generous));
  ran.wait(false);
  CHECK(next.ctx.wait_for(generous));
}
