// SPDX-License-Identifier: MIT
//
// call_and_tell.hpp -- how did this request end?
//
// In: a handler, and what wants to know. Out: the status and size of the response, told once: also
// where the handler threw, and then those of the page that was made of it.
#pragma once

#include "../context.hpp"          // Context
#include "../error.hpp"            // HttpError
#include "../handler.hpp"          // Handler
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter
#include "request_state.hpp"       // RequestAccess, WaitingLogs

namespace jot::inline v1::detail {

// Puts a Context in force for a scope. What outer middleware writes after it waits as before.
class ContextScope {
 public:
  ContextScope(Request& r, const Context& ctx) : request_(r), before_(r.context()) {
    r.set_context(ctx);
  }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() { request_.set_context(before_); }

 private:
  Request& request_;
  const Context before_;
};

// Nothing has left of a response whose handler threw: what will be sent is not known in here. The
// Context is kept, for values that a log tells.
template <class Tell>
void tell_later(const ResponseWriter& w, Request& r, int status, const Tell& tell) {
  WaitingLogs* const waiting = RequestAccess::state(r).waiting_logs;
  if (w.committed()) return tell(w.status(), w.bytes_written());
  if (!waiting) return tell(status, 0);
  waiting->push_back([&r, tell, ctx = r.context()](const ResponseWriter& sent) {
    const ContextScope in_force(r, ctx);
    tell(sent.status(), sent.bytes_written());
  });
}

// Calls next, then tell(status, bytes): when next returns; or, where it throws, when a page has
// been made of that.
template <class Tell>
void call_and_tell(ResponseWriter& w, Request& r, const Handler& next, const Tell& tell) {
  try {
    next(w, r);
  } catch (const HttpError& e) {
    tell_later(w, r, e.status(), tell);
    throw;
  } catch (...) {
    tell_later(w, r, 500, tell);
    throw;
  }
  tell(w.status(), w.bytes_written());
}

}  // namespace jot::inline v1::detail
