// SPDX-License-Identifier: MIT
//
// event_feed.hpp -- the life of an EventSource.
//
//   1. It connects: 200 with text/event-stream is a stream, 204 the end. What may pass (a lost
//      connection, 429, 5xx) is tried again after a pause; any other answer is the end.
//   2. It reads, and gives out events, until the connection is lost or silent for too long.
//   3. It pauses for as long as the server said, and connects again, with the id of the last event.
//
// A failure is counted; a connection that becomes a stream sets the count back.
#pragma once

#include "../event_source.hpp"  // EventSourceOptions
#include "ascii.hpp"            // iequals, is_field_value, printable, trim
#include "backoff.hpp"          // Backoff
#include "event_parser.hpp"     // EventParser
#include "redirect.hpp"         // url_for_message
#include "retry_after.hpp"      // parse_retry_after

#include <algorithm>     // std::max, std::min
#include <chrono>        // std::chrono::milliseconds
#include <ctime>         // std::time
#include <optional>      // std::optional
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::error_code

namespace jot::inline v1::detail {

// "text/event-stream; charset=utf-8"
inline bool is_event_stream(std::string_view content_type) noexcept {
  return iequals(trim(content_type.substr(0, content_type.find(';'))), "text/event-stream");
}

class EventFeed {
 public:
  static constexpr nanoseconds least_pause = std::chrono::milliseconds(100);

  EventFeed(const Context& ctx, Client& client, std::string url, EventSourceOptions options)
      : ctx_(ctx),
        client_(client),
        url_(std::move(url)),
        options_(std::move(options)),
        parser_(options_.max_event, options_.last_id) {
    for (const nanoseconds d : {options_.max_pause, options_.retry, options_.silence}) {
      if (d <= nanoseconds::zero())
        throw std::invalid_argument("jot: an EventSource's durations are more than 0");
    }
    if (options_.max_event == 0 || options_.max_failures <= 0)
      throw std::invalid_argument("jot: an EventSource's limits are more than 0");
    if (!is_field_value(options_.last_id))
      throw std::invalid_argument("jot: control character in an EventSource's last_id");
  }

  std::optional<Event> next() {
    while (!over_) {
      if (!response_ && !connect()) continue;
      Event event;
      switch (parser_.next(unread_, event)) {
        case EventParser::Found::event: return event;
        case EventParser::Found::too_large:
          end(Error(Errc::too_large, named("an event of more than " +
                                           std::to_string(options_.max_event) + " bytes")));
          break;
        case EventParser::Found::nothing: receive(); break;
      }
    }
    return std::nullopt;
  }

  const Error& error() const noexcept { return error_; }
  const std::string& last_id() const noexcept { return parser_.last_id(); }

 private:
  std::string named(const std::string& what) const {
    return "GET " + url_for_message(url_) + ": " + what;
  }

  void end(Error error) {
    over_ = true;
    error_ = std::move(error);
    response_.reset();
  }

  void end_with_context() { end(Error(ctx_.err(), named(ctx_.cause().message()))); }

  // False: look again whether it is over.
  bool connect() {
    if (ctx_.wait_for(pause_)) return end_with_context(), false;
    Result<jot::Response> response = client_.send(ctx_, request());
    if (!response) return fail(response.error()), false;
    if (response->status == 204) return end(Error(std::error_code())), false;
    if (response->status == 429 || response->status >= 500) return come_back(*response), false;
    const std::string status = std::to_string(response->status);
    if (response->status != 200)
      return end(Error(Errc::refused_by_policy, named("status " + status))), false;
    const std::string_view type = response->header.get("Content-Type");
    if (!is_event_stream(type)) {
      end(Error(Errc::bad_message, named("no event stream, but \"" + printable(type) + '"')));
      return false;
    }
    response_ = *std::move(response);
    parser_.restart();
    unread_ = {}, failures_ = 0;
    return true;
  }

  ClientRequest request() const {
    ClientRequest request{.url = url_,
                          .header = options_.header,
                          .body_timeout = options_.silence,
                          .timeout = nanoseconds::max()};
    request.header.set("Accept", "text/event-stream").set("Cache-Control", "no-store");
    const std::string& id = parser_.last_id();
    if (!id.empty() && is_field_value(id)) request.header.set("Last-Event-ID", id);
    return request;
  }

  void receive() {
    const Result<std::size_t> n = response_->body.read(buffer_);
    unread_ = {buffer_, n ? *n : 0};
    if (n && *n > 0) return;
    response_.reset();
    if (ctx_.done()) return end_with_context();
    pause_ = base_pause();  // a stream that ends, and one that is cut, are the same to us
  }

  // What the stream said, within bounds.
  nanoseconds base_pause() const {
    const auto said = parser_.retry();
    const nanoseconds pause = said ? nanoseconds(*said) : options_.retry;
    return std::min(std::max(pause, least_pause), options_.max_pause);
  }

  void fail(const Error& error) {
    using std::errc;
    for (const errc hopeless : {errc::invalid_argument, errc::protocol_not_supported}) {
      if (error.code() == hopeless) return end(error);
    }
    const bool refused = error.code() == Errc::refused_by_policy;
    if (ctx_.done() || refused || ++failures_ > options_.max_failures) return end(error);
    const nanoseconds more = Backoff(base_pause(), options_.max_pause).pause(failures_);
    pause_ = std::min(base_pause() + more, options_.max_pause);
  }

  void come_back(const jot::Response& response) {
    fail(Error(Errc::connection_closed, named("status " + std::to_string(response.status))));
    const auto asked_for =
        parse_retry_after(response.header.get("Retry-After"), std::time(nullptr));
    if (asked_for) pause_ = std::min(std::max<nanoseconds>(*asked_for, pause_), options_.max_pause);
  }

  Context ctx_;
  Client& client_;
  std::string url_;
  EventSourceOptions options_;
  EventParser parser_;
  std::optional<jot::Response> response_;  // of the connection that there is
  std::string_view unread_;                // of the buffer
  nanoseconds pause_ = nanoseconds::zero();
  int failures_ = 0;
  bool over_ = false;
  Error error_{std::error_code()};
  char buffer_[8u << 10];
};

}  // namespace jot::inline v1::detail
