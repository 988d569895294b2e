// SPDX-License-Identifier: MIT
//
// client_core.hpp -- the life of a call.
//
// In: a ClientRequest, a Context. Out: a Response whose body is still to be read, or an Error with
// the name of the call.
//
//   1. The URL becomes whole (base_url) and is taken apart; the request is judged.
//   2. The pool gives a connection to its place, or the right to dial one.
//   3. The request leaves, the response's head arrives: see exchange.hpp.
//   4. If the connection had been used before and turns out to be dead, and asking twice does no
//      harm, step 3 is done once more on a new one.
//   5. The response gets what is left of the connection: see response_stream.hpp.
#pragma once

#include "../client.hpp"        // ClientOptions, ClientRequest, Response
#include "call_course.hpp"      // CallCourse
#include "client_pool.hpp"      // ClientPool
#include "dial.hpp"             // dial
#include "exchange.hpp"         // Exchange
#include "host_gate.hpp"        // HostGate
#include "proxy_env.hpp"        // ProxyEnv
#include "request_text.hpp"     // RequestText, judge_request
#include "request_url.hpp"      // RequestUrl
#include "response_stream.hpp"  // ResponseStream

#include <memory>        // std::shared_ptr
#include <optional>      // std::optional
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc
#include <utility>       // std::exchange, std::move

namespace jot::inline v1::detail {

// A URL as it may stand in an error: short, visible, without a password.
inline std::string printable_url(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin != url.npos) {
    const std::string_view rest = url.substr(begin + 3);
    const std::size_t at = rest.substr(0, rest.find_first_of("/?#")).rfind('@');
    if (at != rest.npos) {
      return printable(std::string(url.substr(0, begin + 3)).append(rest.substr(at + 1)));
    }
  }
  return printable(url);
}

class ClientCore {
 public:
  explicit ClientCore(ClientOptions options)
      : options_(std::move(options)),
        turns_(options_.min_interval),
        departures_(options_.min_interval),
        pool_(std::make_shared<ClientPool>(options_)) {
    for (const nanoseconds d :
         {options_.body_timeout, options_.connect_timeout, options_.continue_timeout,
          options_.head_timeout, options_.idle_timeout, options_.max_retry_pause,
          options_.retry_pause, options_.timeout}) {
      if (d <= nanoseconds::zero()) {
        throw std::invalid_argument("jot: a Client's durations are more than 0");
      }
    }
    Header().set("User-Agent", options_.user_agent);  // throws for what cannot be sent
    if (!options_.base_url.empty()) set_base();
    if (options_.proxy_from_environment && options_.proxy.empty())
      environment_ = ProxyEnv::of_process();
    if (!options_.proxy.empty())
      set_proxy(options_.proxy, "proxy");
    else if (environment_ && !environment_->proxy().empty())
      set_proxy(environment_->proxy(), "http_proxy");
  }
  ~ClientCore() { pool_->close_idle(true); }

  ClientPool& pool() const noexcept { return *pool_; }

  // Throws what a body's source throws, and std::bad_alloc.
  Result<jot::Response> call(const Context& ctx, const ClientRequest& request) {
    const bool own = request.timeout > nanoseconds::zero();
    CallWait wait(ctx, own ? request.timeout : options_.timeout);
    CallCourse course(options_, wait, request, base_.empty() ? request.url : absolute(request.url));
    return course.run([&](const ClientRequest& one, const std::string& url, bool is_redirected) {
      return exchange(wait, one, url, !is_redirected);
    });
  }

 private:
  struct Call {
    const ClientRequest& request;
    RequestUrl url = {};
    std::string name = {};   // "GET http://host/path"
    std::string host = {};   // whom it is for
    std::string place = {};  // who is asked
    bool is_proxied = false;
  };

  static void require(const std::string& url, RequestUrl& parts, const char* what) {
    if (const auto wrong = parse_request_url(url, parts)) {
      throw std::invalid_argument("jot: " + std::string(what) + ": " + wrong->message());
    }
  }

  void set_base() {
    base_ = options_.base_url;
    if (base_.starts_with("unix:")) base_ = "http+unix://" + percent_encode(base_.substr(5));
    while (base_.ends_with('/')) base_.pop_back();
    RequestUrl url;
    require(base_, url, "base_url");
    if (url.target.find('?') != url.target.npos || base_.find('#') != base_.npos) {
      throw std::invalid_argument("jot: base_url: a query or a fragment makes no base");
    }
    base_place_ = url.place();
  }

  void set_proxy(const std::string& proxy, const char* what) {
    RequestUrl url;
    require(proxy, url, what);
    proxy_place_ = url.place();
    if (url.has_user) proxy_credentials_ = "Basic " + basic_credentials(url.user_info);
  }

  bool goes_by_proxy(const RequestUrl& url) const {
    if (proxy_place_.empty() || url.is_unix) return false;
    return !environment_ || environment_->is_for(url.host, url.port);
  }

  // What base_url makes of it. A URL that is whole stays as it is, and is judged later.
  std::string absolute(const std::string& url) const {
    const std::size_t colon = url.find("://");
    if (colon != url.npos && url.find_first_of("/?#") > colon) return url;
    const bool continues = url.empty() || url[0] == '/' || url[0] == '?';
    return base_ + (continues ? "" : "/") + url;
  }

  static Error named(const Call& call, const Error& error) {
    return Error(error.code(), call.name + ": " + error.message());
  }

  // One request, one response, whatever its status.
  // is_ours: base_url says where it may lead.
  Result<jot::Response> exchange(CallWait& wait, const ClientRequest& request,
                                 const std::string& url, bool is_ours) {
    Call call{request};
    const auto wrong = parse_request_url(url, call.url);
    call.name =
        printable(request.method) + " " + (wrong ? printable_url(url) : shown_url(call.url));
    if (wrong) return named(call, *wrong);
    call.host = call.place = call.url.place();
    if (is_ours && !base_.empty() && call.place != base_place_) {
      return named(call, Error(Errc::refused_by_policy, "leads away from base_url"));
    }
    if (goes_by_proxy(call.url)) call.place = proxy_place_, call.is_proxied = true;
    const GivenFields given(request.header);
    OutgoingBody body(request.body);
    if (const auto bad = judge_request(request, given, body.plan())) return named(call, *bad);
    const bool expects = request.expect_continue || given.expects_continue;
    body.start(!expects);
    if (body.error()) return named(call, *body.error());
    if (wait.ended()) return named(call, wait.error());
    if (!turns_.pass(wait.context(), call.host, wait.end())) return named(call, turn_missed(wait));
    return converse(wait, call, given, body, expects && body.plan().exists);
  }

  static Error turn_missed(const CallWait& wait) {
    if (wait.ended() || must_not_wait()) return wait.error();
    return Error(Errc::deadline_exceeded, "min_interval: its turn is after the call's time");
  }

  nanoseconds stall_of(const ClientRequest& request) const noexcept {
    return request.body_timeout > nanoseconds::zero() ? request.body_timeout
                                                      : options_.body_timeout;
  }

  Result<jot::Response> converse(CallWait& wait, const Call& call, const GivenFields& given,
                                 OutgoingBody& body, bool expects) {
    ClientPool::Lease lease = pool_->acquire(call.place, wait);
    if (!lease) return named(call, wait.error("no connection came free"));
    for (bool departs = options_.min_interval > nanoseconds::zero();;) {
      const bool is_used = lease.connection() != nullptr;
      if (!is_used) {
        Result<Fd> fd = dial_with_room(call.place, wait);
        if (!fd) return named(call, fd.error());
        lease.connected(*std::move(fd));
      }
      if (std::exchange(departs, false)) {
        if (!departures_.pass(wait.context(), call.host, wait.end()))
          return named(call, turn_missed(wait));
        if (is_used && !lease.connection()->is_quiet()) {
          lease.disconnect();
          continue;
        }
      }
      ClientConnection& c = *lease.connection();
      write_head(c.out, call, given, body.plan(), expects);
      Exchange exchange(c, wait, options_, stall_of(call.request));
      ResponseHead head;
      jot::Response response;
      const bool to_head = call.request.method == "HEAD";
      if (exchange.send(c.out, body, expects) &&
          exchange.read_head(to_head, head, response.header)) {
        const bool is_reusable = head.keep_alive && !exchange.is_cut() && !given.closes;
        return respond(std::move(lease), wait, call, given, head, is_reusable, response);
      }
      const bool again = is_used && exchange.is_stale() && is_idempotent(call.request.method);
      if (!again || !body.restart()) return named(call, exchange.error());
      lease.disconnect();
    }
  }

  // Where there are no descriptors left, idle connections make room.
  Result<Fd> dial_with_room(const std::string& place, CallWait& wait) {
    Result<Fd> fd = dial(place, resolver_, wait, options_.connect_timeout);
    if (fd || fd.error().code() != std::errc::too_many_files_open) return fd;
    pool_->close_idle(false);
    return dial(place, resolver_, wait, options_.connect_timeout);
  }

  void write_head(std::string& to, const Call& call, const GivenFields& given, const BodyPlan& plan,
                  bool expects) const {
    RequestText text(to);
    text.line(call.request.method, call.url, call.is_proxied);
    text.field("Host", given.hosts        ? given.host
                       : call.url.is_unix ? "localhost"
                                          : call.url.authority);
    if (!given.user_agent && !options_.user_agent.empty())
      text.field("User-Agent", options_.user_agent);
    if (!given.accept_encoding) text.field("Accept-Encoding", "identity");
    if (call.url.has_user && !given.authorization) {
      text.field("Authorization", "Basic " + basic_credentials(call.url.user_info));
    }
    if (call.is_proxied && !proxy_credentials_.empty()) {
      text.field("Proxy-Authorization", proxy_credentials_);
    }
    text.fields(call.request.header);
    if (!given.content_type && plan.exists && !plan.content_type.empty()) {
      text.field("Content-Type", plan.content_type);
    }
    if (expects) text.field("Expect", "100-continue");
    text.framing(call.request.method, plan);
    text.end();
  }

  Result<jot::Response> respond(ClientPool::Lease lease, const CallWait& wait, const Call& call,
                                const GivenFields& given, const ResponseHead& head,
                                bool is_reusable, jot::Response& response) const {
    const bool has_body = head.framing.kind != BodyKind::none;
    for (const std::string_view coding : response.header.all("Content-Encoding")) {
      const bool is_plain = coding.empty() || iequals(coding, "identity");
      if (has_body && !given.accept_encoding && !is_plain)
        return named(call, Error(Errc::bad_message, "Content-Encoding " + printable(coding) +
                                                        ", which was not asked for"));
    }
    response.status = head.status;
    response.url = shown_url(call.url);
    auto stream = std::make_unique<ResponseStream>(std::move(lease), wait, head.framing,
                                                   stall_of(call.request), is_reusable, call.name);
    if (has_body) ClientAccess::stream(response.body) = std::move(stream);
    return std::move(response);
  }

  const ClientOptions options_;
  std::string base_;         // without a slash at its end; "": none
  std::string base_place_;   // where it leads
  std::string proxy_place_;  // "": none
  std::string proxy_credentials_;
  std::optional<ProxyEnv> environment_;  // where it was asked
  HostGate turns_;                       // in them calls wait, and hold nothing meanwhile
  HostGate departures_;  // of those that have a connection: one that came late makes others wait
  Resolver resolver_;
  const std::shared_ptr<ClientPool> pool_;
};

}  // namespace jot::inline v1::detail
