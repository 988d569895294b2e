// SPDX-License-Identifier: MIT
//
// events.hpp -- what happens, told to a page while it happens.
//
// In: Events. Out: a stream that a browser's EventSource reads (server-sent events, WHATWG HTML
// section 9.2), for as long as the handler runs:
//
//     app.get("/progress", [&](jot::ResponseWriter& w, jot::Request& r) {
//       jot::EventStream events(w, r);
//       while (r.context().sleep_for(200ms))
//         if (!events.send({.event = "progress", .data = percent()})) return;
//     });
//
// A browser that loses the stream comes back by itself, and tells the last id it has seen.
#pragma once

#include "config.hpp"
#include "context.hpp"          // nanoseconds
#include "event.hpp"            // Event
#include "request.hpp"          // Request
#include "response_writer.hpp"  // ResponseWriter

#include <chrono>       // std::chrono::seconds
#include <memory>       // std::unique_ptr
#include <string_view>  // std::string_view

namespace jot::inline v1 {

namespace detail {
class EventChannel;
}  // namespace detail

class EventStream {
 public:
  // Sends the head at once. When nothing has been sent for `heartbeat`, a comment is, which pages
  // do not see: so that no proxy takes the stream for dead. That is another thread's work; from
  // here on w is the stream's, and writing to it directly is an error.
  // Lifetime: within that of w and r. Threads: one at a time.
  // Throws: HttpError 500 where w cannot stream or its head has left; std::invalid_argument for a
  // heartbeat of 0 or less.
  EventStream(ResponseWriter& w, Request& r, nanoseconds heartbeat = std::chrono::seconds(15));
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  // Sends it now. False: nobody will see it nor any further one, for the client is gone, the
  // Context of the request has ended, the server is shutting down, or the request was a HEAD.
  // Without data and name it only sets id and retry, and pages see nothing; with a name its data
  // may be empty. Throws: std::invalid_argument for CR, LF or NUL in name or id, and for a negative
  // retry.
  bool send(const Event& e);

  // Where a browser that comes back has been: the id of the last event it has seen; "" at first.
  std::string_view last_id() const noexcept;

 private:
  std::unique_ptr<detail::EventChannel> channel_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/events.ipp"
#endif
