// SPDX-License-Identifier: MIT
//
// event_parser.hpp -- which events are in this text/event-stream?
//
// In: the bytes of the stream, cut anywhere. Out: its events, one at a time, as browsers see them
// (WHATWG HTML standard, section 9.2.6): a line ends with CR, LF or both; lines of data are joined;
// the id stays until another comes; what was begun when the stream ends is no event. Bytes are
// taken for UTF-8 and left as they are. A stream needs no more memory than `limit` for what is not
// yet complete; beyond it is an error.
#pragma once

#include "../event.hpp"  // Event
#include "ascii.hpp"     // all_are, byte_digit

#include <algorithm>    // std::min
#include <chrono>       // std::chrono::milliseconds
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::exchange, std::move

namespace jot::inline v1::detail {

class EventParser {
 public:
  enum class Found { nothing, event, too_large };
  static constexpr std::int64_t longest_retry = 86'400'000;  // a day

  // limit: bytes of one line, and of one event. last_id: as if it had been said before.
  explicit EventParser(std::size_t limit, std::string last_id = {})
      : limit_(limit), said_id_(last_id), id_(std::move(last_id)) {}

  // Takes bytes off the front of `bytes`, all of them or up to the end of an event, which it puts
  // into `event`: its type is "message" where the stream says none, its id the last one that was
  // said, its retry what was said since the event before.
  Found next(std::string_view& bytes, Event& event) {
    while (!bytes.empty()) {
      if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
      const std::size_t end = bytes.find_first_of("\r\n");
      const std::string_view piece = bytes.substr(0, end);
      if (line_.size() + piece.size() > limit_) return Found::too_large;
      line_ += piece;
      bytes.remove_prefix(piece.size());
      if (end == bytes.npos) break;
      after_cr_ = bytes.front() == '\r';
      bytes.remove_prefix(1);
      const Found found = end_line(event);
      if (found != Found::nothing) return found;
    }
    return Found::nothing;
  }

  // A new connection: what was begun is forgotten, the id and the retry are not.
  void restart() {
    line_.clear(), forget();
    at_start_ = true, after_cr_ = false;
    said_id_ = id_;
  }

  // Of the last event that was complete; also of one without data.
  const std::string& last_id() const noexcept { return id_; }

  // What the stream said last.
  std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

 private:
  Found end_line(Event& event) {
    std::string_view line = line_;
    if (std::exchange(at_start_, false) && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    const Found found = line.empty() ? end_event(event) : take_line(line);
    line_.clear();
    return found;
  }

  Found take_line(std::string_view line) {
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "data") data_.append(value).append("\n");
    if (name == "event") type_ = value;
    if (name == "id" && value.find('\0') == value.npos) said_id_ = value;
    if (name == "retry") take_retry(value);
    return data_.size() > limit_ ? Found::too_large : Found::nothing;
  }

  void take_retry(std::string_view digits) {
    if (digits.empty() || !all_are(digits, byte_digit)) return;
    std::int64_t ms = 0;
    for (const char c : digits) ms = std::min(ms * 10 + (c - '0'), longest_retry);
    retry_ = said_retry_ = std::chrono::milliseconds(ms);
  }

  Found end_event(Event& event) {
    id_ = said_id_;
    if (data_.empty()) return forget(), Found::nothing;
    data_.pop_back();
    event = {.event = type_.empty() ? "message" : type_,
             .id = id_,
             .data = std::move(data_),
             .retry = std::exchange(said_retry_, std::nullopt)};
    return forget(), Found::event;
  }

  void forget() { data_.clear(), type_.clear(); }

  std::size_t limit_;
  bool at_start_ = true, after_cr_ = false;
  std::string line_, data_, type_;
  std::string said_id_, id_;
  std::optional<std::chrono::milliseconds> said_retry_, retry_;
};

}  // namespace jot::inline v1::detail
