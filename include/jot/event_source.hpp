// SPDX-License-Identifier: MIT
//
// event_source.hpp -- what is new on that server, from now on?
//
// In: the URL of a text/event-stream. Out: its Events, one after the other, across connections that
// are lost: it comes back by itself, and tells the server which event was the last (Last-Event-ID).
//
//     EventSource events(ctx, client, "http://127.0.0.1:8080/import");
//     while (auto event = events.next()) std::puts(event->data.c_str());
//     if (events.error().code()) log.warn(events.error().message());    // else the server is done
//
// It is the browsers' EventSource (WHATWG HTML standard, section 9.2), but for one thing: where a
// browser gives up at any status but 200, this one comes back after 429 and 5xx, for a service that
// restarts is no reason to miss its news.
#pragma once

#include "client.hpp"  // Client
#include "config.hpp"
#include "context.hpp"  // Context, nanoseconds
#include "error.hpp"    // Error
#include "event.hpp"    // Event
#include "header.hpp"   // Header

#include <chrono>       // std::chrono::seconds
#include <cstddef>      // std::size_t
#include <memory>       // std::unique_ptr
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

namespace detail {
class EventFeed;
}  // namespace detail

struct EventSourceOptions {
  // Sent with each request: Authorization, for example.
  Header header = {};

  // Where to go on: the id of the last event that was seen in another life.
  std::string last_id = {};

  // Bytes of one event, and of one line. More is Errc::too_large, and the end.
  std::size_t max_event = 1u << 20;

  // So many attempts in a row may fail; one more is the end, with the error of the last.
  int max_failures = 10;

  // The longest pause between two attempts, whatever the server says.
  nanoseconds max_pause = std::chrono::seconds(30);

  // The pause before it comes back, until the stream says another (its field retry); never less
  // than 100 ms. After failures a random part of a bound is added that doubles each time.
  nanoseconds retry = std::chrono::seconds(3);

  // Without a single byte for so long, the connection is taken for lost. Servers that send
  // heartbeats do so every 15 s or so.
  nanoseconds silence = std::chrono::seconds(75);
};

// Threads: one at a time. The Client must outlive it.
class EventSource {
 public:
  // Asks nobody until next() does. ctx ends all of it.
  // Throws: std::invalid_argument for an Option that makes no sense: a duration or a number that is
  // not above 0, a last_id that cannot stand in a field.
  EventSource(const Context& ctx, Client& client, std::string url, EventSourceOptions options = {});
  EventSource(Client& client, std::string url, EventSourceOptions options = {});
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;
  ~EventSource();  // closes the connection

  // Waits for the next event. Its type is "message" where the stream says none, its id the last
  // that the stream said, perhaps with an earlier event. Returns: nullopt at the end, and ever
  // after: error() says why.
  std::optional<Event> next();

  // Code 0 while there is no end, and where the server ended it: 204 No Content. Else what made it
  // useless to come back: the end of ctx, an answer that is no event stream (Errc::bad_message), a
  // status that will not pass (Errc::refused_by_policy), an event too large, too many failures.
  const Error& error() const noexcept;

  // What the server will be told when it is asked the next time.
  const std::string& last_id() const noexcept;

 private:
  std::unique_ptr<detail::EventFeed> feed_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/event_source.ipp"
#endif
