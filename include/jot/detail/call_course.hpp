// SPDX-License-Identifier: MIT
//
// call_course.hpp -- how often is a server asked, and where, until there is an answer?
//
// In: one request, and a function that asks once. Out: the answer that the caller gets.
//
//   1. The cookie jar says what to bring along, and keeps what comes back.
//   2. What failed and may pass is asked again after a pause, where the options allow it and asking
//      twice does no harm: a connection that broke, a part that was too slow, 429, 502, 503, 504.
//   3. A redirect makes another request of it: see redirect.hpp.
//
// All of it within the time of the one call. A pause that would not fit into that is not made: then
// the failure itself is the answer. Neither is one longer than the longest that the options allow,
// whatever Retry-After says.
#pragma once

#include "../client.hpp"      // ClientOptions, ClientRequest, Response
#include "backoff.hpp"        // Backoff
#include "blocking.hpp"       // must_not_wait
#include "call_wait.hpp"      // CallWait
#include "outgoing_body.hpp"  // ClientAccess
#include "redirect.hpp"       // Redirects
#include "request_text.hpp"   // is_idempotent
#include "retry_after.hpp"    // parse_retry_after

#include <algorithm>     // std::max
#include <ctime>         // std::time
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc, std::error_code

namespace jot::inline v1::detail {

// Could the same request succeed a moment later?
inline bool may_pass(const std::error_code& error) noexcept {
  using std::errc;
  for (const errc one :
       {errc::timed_out, errc::connection_refused, errc::connection_reset, errc::connection_aborted,
        errc::broken_pipe, errc::host_unreachable, errc::network_unreachable, errc::network_down,
        errc::resource_unavailable_try_again}) {
    if (error == one) return true;
  }
  return error == Errc::connection_closed;
}

constexpr bool may_pass(int status) noexcept {
  return status == 429 || (status >= 502 && status <= 504);
}

class CallCourse {
 public:
  // request must outlive it.
  CallCourse(const ClientOptions& options, CallWait& wait, const ClientRequest& request,
             std::string url)
      : options_(options),
        wait_(wait),
        request_(&request),
        url_(std::move(url)),
        redirects_(options.max_redirects) {}

  // ask: Result<jot::Response>(const ClientRequest&, const std::string& url, bool is_redirected).
  template <class Ask>
  Result<jot::Response> run(Ask&& ask) {
    for (;;) {
      Result<jot::Response> response = ask_once(ask);
      if (waits_for_another(response)) continue;
      if (!response) return response;
      const Result<Redirected> next = redirect(*response);
      if (!next) return next.error();
      if (*next == Redirected::no) return response;
    }
  }

 private:
  template <class Ask>
  Result<jot::Response> ask_once(Ask&& ask) {
    const bool is_redirected = redirects_.followed() > 0;
    if (!options_.cookies) return ask(*request_, url_, is_redirected);
    Result<jot::Response> response = ask(with_cookies(), url_, is_redirected);
    if (response) {
      for (const std::string_view field : response->header.all("Set-Cookie"))
        options_.cookies->set(url_, field);
    }
    return response;
  }

  // Those of the jar behind those that the caller gave.
  ClientRequest with_cookies() const {
    ClientRequest request = *request_;
    const std::string kept = options_.cookies->get(url_);
    if (kept.empty()) return request;
    std::string cookies;
    for (const std::string_view given : request_->header.all("Cookie"))
      cookies.append(given).append("; ");
    request.header.set("Cookie", cookies + kept);
    return request;
  }

  // True: it has waited, and the request is to be sent again. What was answered is gone then.
  bool waits_for_another(Result<jot::Response>& response) {
    if (failures_ >= options_.max_retries || !can_be_repeated() || must_not_wait()) return false;
    if (!(response ? may_pass(response->status) : may_pass(response.error().code()))) return false;
    const auto pause = pause_after(response);
    if (!pause || *pause >= time_until(wait_.end(), Clock::now())) return false;
    ++failures_;
    response = Error(std::error_code());  // its connection is not held meanwhile
    wait_.context().wait_for(*pause);     // where it ends, the next try says so
    return true;
  }

  bool can_be_repeated() const {
    return is_idempotent(request_->method) && ClientAccess::can_be_sent_again(request_->body);
  }

  std::optional<nanoseconds> pause_after(const Result<jot::Response>& response) const {
    const Backoff backoff(options_.retry_pause, options_.max_retry_pause);
    const nanoseconds pause = backoff.pause(failures_ + 1);
    const std::string_view field = response ? response->header.get("Retry-After") : "";
    const auto asked_for = parse_retry_after(field, std::time(nullptr));
    if (!asked_for) return pause;
    if (*asked_for > options_.max_retry_pause) return std::nullopt;
    return std::max<nanoseconds>(*asked_for, pause);
  }

  // Makes the next request, if there is one.
  Result<Redirected> redirect(const jot::Response& response) {
    if (!is_redirect(response.status)) return Redirected::no;
    ClientRequest next = *request_;
    const Payload& body = next.body;
    const auto kind = !ClientAccess::exists(body)             ? RequestBody::none
                      : ClientAccess::can_be_sent_again(body) ? RequestBody::replayable
                                                              : RequestBody::once;
    const Result<Redirected> result =
        redirects_.next(response.status, response.header, next.method, url_, next.header, kind);
    if (!result || *result == Redirected::no) return result;
    if (*result == Redirected::without_body) next.body = Payload(), next.expect_continue = false;
    changed_ = std::move(next);
    request_ = &*changed_;
    return result;
  }

  const ClientOptions& options_;
  CallWait& wait_;
  const ClientRequest* request_;  // the caller's, or changed_
  std::optional<ClientRequest> changed_;
  std::string url_;
  Redirects redirects_;
  int failures_ = 0;
};

}  // namespace jot::inline v1::detail
