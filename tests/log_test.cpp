// SPDX-License-Identifier: MIT
#include "jot/log.hpp"

#include "catch.hpp"
#include "jot/detail/write_log.hpp"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using jot::HTML;
using jot::Level;
using jot::List;
using jot::Logger;
using jot::LogRecord;
using jot::Map;
using jot::Value;

static_assert(std::is_nothrow_default_constructible_v<Logger>);
static_assert(std::is_nothrow_copy_constructible_v<Logger>);

struct MutableSink {
  void operator()(const LogRecord&) {}
};
static_assert(!std::is_constructible_v<Logger, MutableSink>);  // it would be a data race

struct Options {
  std::string addr = ":8080";
  Logger log = {};
};

// What the default sink writes while action runs, at most one pipe full.
std::string stderr_of(auto action) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[1]);
  action();
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  return text;
}

std::string line(std::string_view message, const Map& fields = {}, Level level = Level::info) {
  const timespec when{1'700'000'000, 42'999'999};
  return jot::detail::log_line({level, message, fields}, when);
}

TEST_CASE("a line tells time, level, message and fields") {
  CHECK(line("imported", {{"rows", 50'000}}) ==
        "2023-11-14T22:13:20.042Z INFO imported rows=50000\n");
  CHECK(line("x", {}, Level::debug) == "2023-11-14T22:13:20.042Z DEBUG x\n");
  CHECK(line("x", {}, Level::warn) == "2023-11-14T22:13:20.042Z WARN x\n");
  CHECK(line("x", {}, Level::error) == "2023-11-14T22:13:20.042Z ERROR x\n");
}

TEST_CASE("nothing in a value can forge a line or a field") {
  struct Row {
    const char* name;
    Value value;
    std::string want;
  };
  const Row rows[] = {
      {"word", "word", "word"},
      {"space", "two words", R"("two words")"},
      {"empty", "", R"("")"},
      {"quote", "say \"hi\"", R"("say \"hi\"")"},
      {"line feed", "a\n2023-01-01T00:00:00.000Z ERROR forged",
       R"("a\n2023-01-01T00:00:00.000Z ERROR forged")"},
      {"carriage return", "a\rb", R"("a\rb")"},
      {"tab", "a\tb", R"("a\tb")"},
      {"field", "x level=error", R"("x level=error")"},
      {"equals alone", "a=b", R"("a=b")"},
      {"backslash", "a\\", R"("a\\")"},
      {"escape", "\x1b[2J", R"("\u001b[2J")"},
      {"NUL", std::string("a\0b", 3), R"("a\u0000b")"},
      {"DEL", "\x7f", R"("\u007f")"},
      {"C1 control", "\xc2\x9b", R"("\u009b")"},
      {"not UTF-8", "a\xff", R"("a\xff")"},
      {"cut UTF-8", "a\xe2\x82", R"("a\xe2\x82")"},
      {"line separator", "\xe2\x80\xa8", R"("\u2028")"},
      {"right to left", "\xe2\x80\xae", R"("\u202e")"},
      {"byte order mark", "\xef\xbb\xbf", R"("\ufeff")"},
      {"letters of all the world", "grüße", "grüße"},
      {"int", -5, "-5"},
      {"double", 0.25, "0.25"},
      {"NaN", 0.0 / 0.0 * 1.0, "null"},
      {"bool", true, "true"},
      {"null", nullptr, "null"},
      {"typed content", HTML{"<b>"}, "<b>"},
      {"list", List{1, "a b"}, R"("[1,\"a b\"]")"},
      {"numbers", List{1, 2}, "[1,2]"},
      {"map", {{"k", 1}}, R"("{\"k\":1}")"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(line("m", {{"k", row.value}}) == "2023-11-14T22:13:20.042Z INFO m k=" + row.want + "\n");
  }
}

TEST_CASE("nothing in a message or key can either") {
  struct Row {
    std::string message;
    std::string want;
  };
  const Row rows[] = {
      {"bad request", "bad request"},    {"a\nb", R"("a\nb")"}, {"done rows=5", R"("done rows=5")"},
      {"say \"hi\"", R"("say \"hi\"")"}, {"", R"("")"},         {" a", R"(" a")"},
      {"\x1b[31m", R"("\u001b[31m")"},
  };
  for (const Row& row : rows) {
    CHECK(line(row.message) == "2023-11-14T22:13:20.042Z INFO " + row.want + "\n");
  }
  CHECK(line("m", {{"a=1 b", 2}}) == "2023-11-14T22:13:20.042Z INFO m \"a=1 b\"=2\n");
  CHECK(line("m", {{"a\nb", 2}}) == "2023-11-14T22:13:20.042Z INFO m \"a\\nb\"=2\n");
}

TEST_CASE("a sink gets level, message and fields") {
  std::vector<std::string> seen;
  const Logger log([&](const LogRecord& r) {
    std::string text(jot::detail::level_name(r.level));
    text.append(" ").append(r.message);
    for (const auto& [key, value] : r.fields)
      text.append(" ").append(key).append(std::to_string(value.as_int(-1)));
    seen.push_back(text);
  });
  log.debug("a");
  log.info("b", {{"x", 1}, {"y", 2}});
  log.warn("c", 5);
  log.error("d", nullptr);
  CHECK(seen == std::vector<std::string>{"DEBUG a", "INFO b x1 y2", "WARN c value5", "ERROR d"});
}

TEST_CASE("copies share a sink, which may hold what cannot be copied") {
  auto owned = std::make_unique<int>(0);
  int& count = *owned;
  const Logger log([owned = std::move(owned)](const LogRecord&) { ++*owned; });
  const Options options{.log = log};
  const Logger copy = options.log;
  log.info("one");
  copy.info("two");
  CHECK(count == 2);
}

TEST_CASE("with() adds fields, but never over the record's own") {
  std::string seen;
  const Logger log([&seen](const LogRecord& r) { seen = jot::detail::log_line(r, {}).substr(24); });
  const Logger more = log.with({{"a", 1}, {"b", 2}});
  more.info("x", {{"b", 3}, {"c", 4}});
  CHECK(seen == " INFO x a=1 b=3 c=4\n");
  more.with({{"a", 5}, {"d", 6}}).warn("y");
  CHECK(seen == " WARN y a=5 b=2 d=6\n");
  more.info("z", 7);
  CHECK(seen == " INFO z a=1 b=2 value=7\n");
  log.info("x");
  CHECK(seen == " INFO x\n");
}

TEST_CASE("what a sink throws is swallowed") {
  const Logger exception([](const LogRecord&) { throw std::runtime_error("disk full"); });
  const Logger other([](const LogRecord&) { throw 5; });
  exception.error("x");
  other.error("x", {{"a", 1}});
  SUCCEED("still here");
}

TEST_CASE("without a sink each record is one line on stderr") {
  const Options options;
  const std::string text = stderr_of([&] {
    options.log.info("started", {{"addr", ":8080"}});
    errno = ENOENT;
    options.log.error("cannot open");
    CHECK(errno == ENOENT);
  });
  const auto end = text.find('\n');
  REQUIRE(end != std::string::npos);
  CHECK(text.substr(24, end - 24) == " INFO started addr=:8080");
  CHECK(text.substr(end + 1 + 24) == " ERROR cannot open\n");
}

TEST_CASE("lines of many threads do not mix") {
  const std::string text = stderr_of([] {
    const Logger log;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([log] {
        for (int i = 0; i < 100; ++i) log.info("line", {{"text", "0123456789"}});
      });
    }
  });
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    CHECK(text.substr(at + 24, end - at - 24) == " INFO line text=0123456789");
    at = end + 1;
  }
  CHECK(lines == 400);
}

}  // namespace
