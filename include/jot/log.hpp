// SPDX-License-Identifier: MIT
//
// log.hpp -- where do the words for the operator go?
//
// In: a level, a message, fields. Out: one LogRecord for the sink, which is one line to stderr
// unless you give another.
//
//     r.log().info("imported", {{"rows", n}});
//     Server server{{.handler = app, .log = [](const LogRecord& r) { syslog(LOG_INFO, ...); }}};
//
// Logging never breaks serving: what a sink throws is swallowed. It runs on many threads at a time.
#pragma once

#include "config.hpp"
#include "value.hpp"  // Map, Value

#include <concepts>     // std::invocable
#include <exception>    // std::exception
#include <memory>       // std::make_shared, std::shared_ptr
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1 {

enum class Level { debug, info, warn, error };

// What a sink gets. Lifetime: that of the sink's call; copy what you keep.
struct LogRecord {
  Level level;
  std::string_view message;
  const Map& fields;
};

// An exception with more to say to the log than its what(): a handler that lets it go is answered
// for with 500, and these fields stand in the line that says so.
class LoggedError : public std::exception {
 public:
  virtual Map fields() const = 0;
};

// A copyable handle on a sink: copies share it.
class Logger {
 public:
  // All levels to stderr, a record a line, each line in one write(2):
  //     2026-11-23T21:35:11.042Z INFO imported rows=50000 file="a b.csv"
  // What could be taken for something else, or act on a terminal, is quoted and escaped, so that
  // nothing in a message or value can forge a line or a field.
  Logger() noexcept = default;

  // A sink of your own: a const callable, called by many threads at a time.
  template <class F>
  requires std::invocable<const F&, const LogRecord&> Logger(F sink)
      : sink_(std::make_shared<const F>(std::move(sink))), call_(call<F>) {}

  // fields is a map: {{"rows", n}}. Any other value becomes the field "value", null becomes none.
  void debug(std::string_view message, const Value& fields = {}) const noexcept;
  void info(std::string_view message, const Value& fields = {}) const noexcept;
  void warn(std::string_view message, const Value& fields = {}) const noexcept;
  void error(std::string_view message, const Value& fields = {}) const noexcept;

  // A Logger on the same sink that adds these fields to each record; one that the record has itself
  // stays as it is. fields is a map.
  Logger with(const Value& fields) const;

 private:
  template <class F>
  static void call(const void* sink, const LogRecord& record) {
    (*static_cast<const F*>(sink))(record);
  }
  void log(Level level, std::string_view message, const Value& fields) const noexcept;

  std::shared_ptr<const void> sink_;                       // an F, or nothing: stderr
  void (*call_)(const void*, const LogRecord&) = nullptr;  // calls it; set when sink_ is
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/log.ipp"
#endif
