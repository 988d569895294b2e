// SPDX-License-Identifier: MIT
//
// write_log.hpp -- how does a LogRecord become one line that nobody can forge?
//
// In: a LogRecord. Out: `TIME LEVEL message key=value ...` and a newline, in one write(2), so that
// lines of several threads and processes do not mix.
//
// A word stands bare when all of it is printable, without a space, a quote, '=' or a backslash; all
// other words are quoted. Inside quotes whatever could end the quotes or the line, or command a
// terminal, is escaped. A message may hold spaces without quotes: no bare word of it has a '='.
#pragma once

#include "../log.hpp"      // Level, LogRecord
#include "utf8.hpp"        // utf8_front
#include "write_json.hpp"  // JsonWriter

#include <time.h>    // clock_gettime, gmtime_r
#include <unistd.h>  // STDERR_FILENO, write

#include <cerrno>       // errno, EINTR
#include <cstdio>       // std::snprintf
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "2026-11-23T21:35:11.042Z": ISO 8601, UTC.
inline std::string log_time(const timespec& now) {
  tm t{};
  ::gmtime_r(&now.tv_sec, &t);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                static_cast<int>(now.tv_nsec / 1'000'000));
  return text;
}

inline std::string_view level_name(Level level) noexcept {
  switch (level) {
    case Level::debug: return "DEBUG";
    case Level::info: return "INFO";
    case Level::warn: return "WARN";
    case Level::error: break;
  }
  return "ERROR";
}

// May this character be seen in a log? Not: controls (C0, DEL and C1, which terminals obey), line
// and paragraph separators, and the marks that reorder or hide text.
inline bool is_visible(char32_t c) noexcept {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
  const bool mark =
      (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F);
  return !mark && c != 0xFEFF && c != 0x061C;
}

enum class Spaces { quote, keep };

inline bool needs_quotes(std::string_view text, Spaces spaces) noexcept {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  while (!text.empty()) {
    const Utf8 c = utf8_front(text);
    if (c.size == 0 || !is_visible(c.code_point)) return true;
    if (c.code_point == ' ' && spaces == Spaces::quote) return true;
    if (c.code_point == '"' || c.code_point == '=' || c.code_point == '\\') return true;
    text.remove_prefix(c.size);
  }
  return false;
}

// \n, \t; \x.. for bytes that are no UTF-8; \u.... for characters that are not to be seen.
inline void append_escaped(std::string& to, Utf8 c, char first_byte) {
  if (c.code_point == '\n') return void(to += "\\n");
  if (c.code_point == '\r') return void(to += "\\r");
  if (c.code_point == '\t') return void(to += "\\t");
  char text[16];
  if (c.size == 0)
    std::snprintf(text, sizeof(text), "\\x%02x", static_cast<unsigned char>(first_byte));
  else
    std::snprintf(text, sizeof(text), "\\u%04x", static_cast<unsigned>(c.code_point));
  to += text;
}

inline void append_word(std::string& to, std::string_view text, Spaces spaces = Spaces::quote) {
  if (!needs_quotes(text, spaces)) return void(to += text);
  to += '"';
  while (!text.empty()) {
    const Utf8 c = utf8_front(text);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    if (c.code_point == '"' || c.code_point == '\\') to += '\\';
    if (c.size != 0 && is_visible(c.code_point))
      to += text.substr(0, size);
    else
      append_escaped(to, c, text.front());
    text.remove_prefix(size);
  }
  to += '"';
}

inline void append_field(std::string& to, std::string_view key, const Value& value) {
  append_word(to += ' ', key);
  to += '=';
  if (value.is_string() || value.is_content()) return append_word(to, value.as_string());
  std::string json;
  JsonWriter(json, 0, NotFinite::write_null).write(value);
  append_word(to, json);
}

inline std::string log_line(const LogRecord& record, const timespec& now) {
  std::string line = log_time(now);
  line.append(1, ' ').append(level_name(record.level)).append(1, ' ');
  append_word(line, record.message, Spaces::keep);
  for (const auto& [key, value] : record.fields) append_field(line, key, value);
  return line += '\n';
}

inline void write_log_line(const LogRecord& record) {
  const int saved = errno;  // logging an error must not change it
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = log_line(record, now);
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace jot::inline v1::detail
