// SPDX-License-Identifier: MIT
//
// print_event.hpp -- how does an event read on the wire?
//
//     id: 7
//     event: progress
//     data: 20000 rows
//     (an empty line)
//
// A line of data for each line of the text, whichever way it ends. See WHATWG HTML section 9.2.5.
#pragma once

#include "../events.hpp"  // Event

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// A line that breaks would be a field of its own; an id with a NUL is ignored by browsers.
inline void append_event_line(std::string& to, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
    throw std::invalid_argument("jot: an event with CR, LF or NUL in its name or id");
  ((to.append(name) += ": ") += value) += '\n';
}

inline void append_event_data(std::string& to, std::string_view data) {
  for (;;) {
    const std::size_t end = data.find_first_of("\r\n");
    (to.append("data: ") += data.substr(0, end)) += '\n';
    if (end == data.npos) return;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

// Throws: std::invalid_argument, see EventStream::send().
inline std::string print_event(const Event& e) {
  std::string text;
  append_event_line(text, "id", e.id);
  append_event_line(text, "event", e.event);
  if (e.retry && e.retry->count() < 0) throw std::invalid_argument("jot: a negative retry");
  if (e.retry) append_event_line(text, "retry", std::to_string(e.retry->count()));
  const bool only_settings = e.data.empty() && e.event.empty() && !text.empty();
  if (!only_settings) append_event_data(text, e.data);
  return text += '\n';
}

}  // namespace jot::inline v1::detail
