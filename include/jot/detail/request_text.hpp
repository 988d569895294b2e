// SPDX-License-Identifier: MIT
//
// request_text.hpp -- how does a request's head read on the wire?
//
// In: method, target, fields, and how long the body is. Out: its bytes. Whatever a caller got wrong
// is said here, before anything is sent: a method that is no token, a length that contradicts the
// body. Fields need no second look, for Header lets nothing through.
#pragma once

#include "../client.hpp"    // ClientRequest
#include "ascii.hpp"        // iequals, is_field_value, is_token
#include "base64.hpp"       // base64url_encode
#include "framing.hpp"      // parse_length
#include "request_url.hpp"  // RequestUrl, bad_url

#include <cstdint>      // std::uint64_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What a body tells of itself.
struct BodyPlan {
  bool exists = false;                  // false: none at all
  std::optional<std::uint64_t> length;  // nullopt: in chunks
  std::string_view content_type;        // "": the caller's, or none
};

// What the fields that the caller gave say about what the client adds.
struct GivenFields {
  std::string_view host, length;
  int hosts = 0, lengths = 0;
  bool user_agent = false, accept_encoding = false, content_type = false, authorization = false;
  bool transfer_encoding = false, expects_continue = false, closes = false;

  explicit GivenFields(const Header& header) noexcept {
    for (const Field& f : header) note(f);
  }

  void note(const Field& f) noexcept {
    if (iequals(f.name, "host")) host = f.value, ++hosts;
    if (iequals(f.name, "content-length")) length = f.value, ++lengths;
    if (iequals(f.name, "user-agent")) user_agent = true;
    if (iequals(f.name, "accept-encoding")) accept_encoding = true;
    if (iequals(f.name, "content-type")) content_type = true;
    if (iequals(f.name, "authorization")) authorization = true;
    if (iequals(f.name, "transfer-encoding")) transfer_encoding = true;
    if (iequals(f.name, "expect")) expects_continue |= iequals(f.value, "100-continue");
    if (iequals(f.name, "connection")) closes |= list_has(f.value, "close");
  }
};

// Idempotent by definition: to ask twice is to ask once. RFC 9110 section 9.2.2.
inline bool is_idempotent(std::string_view method) noexcept {
  for (const std::string_view m : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    if (method == m) return true;
  }
  return false;
}

// Do servers expect to be told that there is no body? RFC 9110 section 8.6.
inline bool announces_no_body(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

inline std::string basic_credentials(std::string_view encoded_user_info) {
  std::string pair = percent_decode(encoded_user_info);
  if (pair.find(':') == pair.npos) pair += ':';
  std::string text = base64url_encode(pair);
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  return text.append((4 - text.size() % 4) % 4, '=');
}

// Returns: what is wrong with the request; nothing where it can be sent. A length that the caller
// gave for a source without one becomes the plan's.
inline std::optional<Error> judge_request(const ClientRequest& request, const GivenFields& given,
                                          BodyPlan& plan) {
  if (!is_token(request.method)) return bad_url("the method is no token");
  if (request.method == "CONNECT") return bad_url("jot makes no tunnels");
  if (given.transfer_encoding) return bad_url("Transfer-Encoding is the client's own work");
  if (given.hosts > 1 || (given.hosts == 1 && !split_authority(given.host).valid)) {
    return bad_url("bad Host");
  }
  if (!is_field_value(plan.content_type))
    return bad_url("control character in the body's Content-Type");
  std::uint64_t length = 0;
  if (given.lengths == 0) return std::nullopt;
  if (given.lengths > 1 || !parse_length(given.length, length))
    return bad_url("bad Content-Length");
  if (plan.exists && !plan.length) plan.length = length;
  if ((plan.exists ? *plan.length : 0) == length) return std::nullopt;
  return bad_url("Content-Length is not the body's length");
}

class RequestText {
 public:
  explicit RequestText(std::string& to) : out_(to) { out_.clear(); }

  // proxied: in absolute form, as a proxy wants it.
  void line(std::string_view method, const RequestUrl& url, bool proxied) {
    add(method, " ");
    if (proxied) add("http://", url.authority);
    if (url.target == "*" || url.target.starts_with('/'))
      add(url.target);
    else
      add("/", url.target);
    add(" HTTP/1.1\r\n");
  }

  void field(std::string_view name, std::string_view value) { add(name, ": ", value, "\r\n"); }

  // Those that the caller gave, but for what only the client may say.
  void fields(const Header& header) {
    for (const Field& f : header) {
      const bool ours =
          iequals(f.name, "host") || iequals(f.name, "content-length") || iequals(f.name, "expect");
      if (!ours) field(f.name, f.value);
    }
  }

  void framing(std::string_view method, const BodyPlan& plan) {
    if (plan.exists && !plan.length) return field("Transfer-Encoding", "chunked");
    if (!plan.exists && !announces_no_body(method)) return;
    field("Content-Length", std::to_string(plan.exists ? *plan.length : 0));
  }

  void end() { add("\r\n"); }

 private:
  template <class... Parts>
  void add(const Parts&... parts) {
    (out_.append(parts), ...);
  }

  std::string& out_;
};

}  // namespace jot::inline v1::detail
