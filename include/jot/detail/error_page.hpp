// SPDX-License-Identifier: MIT
//
// error_page.hpp -- how does a request that failed look to its client?
//
// In: a status and a message, or an exception that a handler let go. Out: a response, or the word
// that none can be sent any more. The one place that catches what handlers throw.
// The text of an exception other than HttpError never reaches a client: it goes to the log.
#pragma once

#include "../error.hpp"    // HttpError
#include "../handler.hpp"  // Handler
#include "../log.hpp"      // LoggedError, Logger
#include "../status.hpp"   // status_text
#include "accept.hpp"      // prefers_json
#include "request_state.hpp"
#include "value_path.hpp"  // words_with_path

#include <exception>  // std::exception
#include <optional>   // std::optional
#include <string>     // std::string

namespace jot::inline v1::detail {

// Answers with the Router's own error page, where there is one, else with problem details where the
// client prefers JSON, else with a line of text.
inline void answer_error(ResponseWriter& w, Request& r, int status, std::string_view message) {
  const ErrorPage* page = RequestAccess::state(r).error_page;
  if (page && *page) {
    w.write_header(status);
    return (*page)(w, r, status, message);
  }
  if (!list_has(w.header().get("Vary"), "Accept")) w.header().add("Vary", "Accept");
  prefers_json(r.header()) ? problem(w, r, status, message) : error(w, status, message);
}

// Throws HttpError 400 when the error is about a part of what r.json() read.
inline void throw_if_by_client(Request& r, const ValueError& e) {
  const std::optional<Value>& json = RequestAccess::state(r).json;
  if (!json) return;
  if (const std::optional<std::string> words = words_with_path(*json, e))
    throw HttpError(400, *words);
}

// Vary is a list that each adds to; of all else the last word counts.
inline void put_fields(Header& to, const Header& fields) {
  for (const auto& [name, value] : fields)
    name == "Vary" ? to.add(name, value) : to.set(name, value);
}

// Calls next with these fields set. They last: an exception forgets the response it interrupts, so
// they are noted as it passes, for the error page that takes its place. Without the fields of CORS
// a script of another site sees no error at all, and a complaint needs its request id.
inline void call_with_fields(ResponseWriter& w, Request& r, const Handler& next,
                             const Header& fields) {
  put_fields(w.header(), fields);
  try {
    next(w, r);
  } catch (...) {
    auto& lasting = RequestAccess::state(r).lasting;
    if (!lasting) lasting.emplace();
    for (const auto& [name, value] : fields)  // the inner ones, which were noted first, count
      if (name == "Vary" || !lasting->has(name)) lasting->add(name, value);
    throw;
  }
}

// Forgets the response that failed, but for what middleware has made to last. False: its head has
// left.
inline bool start_over(ResponseWriter& w, Request& r) {
  if (!w.reset()) return false;
  const RequestState& s = RequestAccess::state(r);
  if (!s.lasting) return true;
  put_fields(w.header(), *s.lasting);
  return true;
}

enum class Outcome {
  answered,
  failed,  // the head had left when the handler threw: the client must see the response cut short
};

inline Outcome answer_http_error(ResponseWriter& w, Request& r, const HttpError& e) {
  if (!start_over(w, r)) return Outcome::failed;
  for (auto [name, value] : e.header()) w.header().add(name, value);
  answer_error(w, r, e.status(), e.what());
  return Outcome::answered;
}

// e: nullptr where it is no LoggedError.
inline Outcome answer_exception(ResponseWriter& w, Request& r, std::string_view what,
                                const LoggedError* e = nullptr) {
  Map fields = e ? e->fields() : Map();
  fields["method"] = r.method();
  fields["pattern"] = r.pattern().empty() ? r.path() : r.pattern();
  fields["error"] = what;
  r.log().error("handler threw", fields);
  if (!start_over(w, r)) return Outcome::failed;
  answer_error(w, r, 500, status_text(500));
  return Outcome::answered;
}

inline Outcome call_and_catch(const Handler& handler, ResponseWriter& w, Request& r) noexcept {
  try {
    try {
      handler(w, r);
      return Outcome::answered;
    } catch (const HttpError& e) {
      return answer_http_error(w, r, e);
    } catch (const LoggedError& e) {
      return answer_exception(w, r, e.what(), &e);
    } catch (const std::exception& e) {
      return answer_exception(w, r, e.what());
    } catch (...) {
      return answer_exception(w, r, "not a std::exception");
    }
  } catch (...) {  // the error page threw, or memory is out
    if (!w.reset()) return Outcome::failed;
    w.write_header(500);
    return Outcome::answered;
  }
}

// Calls the handler. Whatever it throws becomes a response, or Outcome::failed.
inline Outcome call_handler(const Handler& handler, ResponseWriter& w, Request& r) noexcept {
  WaitingLogs waiting;
  RequestAccess::state(r).waiting_logs = &waiting;
  const Outcome outcome = call_and_catch(handler, w, r);
  RequestAccess::state(r).waiting_logs = nullptr;
  try {
    for (const auto& tell : waiting) tell(w);
  } catch (...) {  // a log that fails, for want of memory, fails no request
  }
  return outcome;
}

}  // namespace jot::inline v1::detail
