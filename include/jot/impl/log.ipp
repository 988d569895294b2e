// SPDX-License-Identifier: MIT
//
// log.ipp -- the bodies of log.hpp
#pragma once

#include "../detail/write_log.hpp"  // detail::write_log_line
#include "../log.hpp"

namespace jot::inline v1 {

JOT_INLINE void Logger::debug(std::string_view message, const Value& fields) const noexcept {
  log(Level::debug, message, fields);
}

JOT_INLINE void Logger::info(std::string_view message, const Value& fields) const noexcept {
  log(Level::info, message, fields);
}

JOT_INLINE void Logger::warn(std::string_view message, const Value& fields) const noexcept {
  log(Level::warn, message, fields);
}

JOT_INLINE void Logger::error(std::string_view message, const Value& fields) const noexcept {
  log(Level::error, message, fields);
}

JOT_INLINE Logger Logger::with(const Value& fields) const {
  return Logger([to = *this, more = fields.as_map()](const LogRecord& record) {
    Map all = record.fields;
    all.insert(more.begin(), more.end());
    to.log(record.level, record.message, std::move(all));
  });
}

JOT_INLINE void Logger::log(Level level, std::string_view message,
                            const Value& fields) const noexcept {
  try {
    const Map other = fields.is_map() || fields.is_null() ? Map() : Map{{"value", fields}};
    const LogRecord record{level, message, fields.is_map() ? fields.as_map() : other};
    call_ ? call_(sink_.get(), record) : detail::write_log_line(record);
  } catch (...) {
    // A full disk or a broken sink is no reason to fail a request.
  }
}

}  // namespace jot::inline v1
