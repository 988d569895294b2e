// SPDX-License-Identifier: MIT
//
// redirect.hpp -- what is asked next, when the answer says "elsewhere"?
//
// In: the status and fields of a response, and the request that it answers. Out: the request turned
// into the next one; or word that there is none, and the response is the answer; or an Error.
// See RFC 9110 section 15.4, and the WHATWG fetch standard ("HTTP-redirect fetch"), for browsers
// have decided where the RFC leaves a choice:
//   301, 302       POST becomes GET, every other method stays;
//   303            becomes GET, but HEAD stays;
//   307, 308       the method stays.
// Where the method changes the body goes, and with it the fields that speak of it. Where it stays
// the body is sent again; if it cannot be, the response is the answer, as in Go.
//
// Only http is followed, and within a Unix socket what stays there: no server chooses another.
// What was meant for one origin (scheme, host and port) is not told to another: Authorization,
// Cookie and their like are dropped, and do not come back when the next redirect leads home. Within
// an origin the user of the URL stays.
#pragma once

#include "../error.hpp"           // Errc, Error, Result
#include "../header.hpp"          // Header
#include "ascii.hpp"              // iequals, printable
#include "resolve_reference.hpp"  // resolve_reference, split_reference

#include <algorithm>    // std::find
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

constexpr bool is_redirect(int status) noexcept {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

constexpr bool becomes_get(int status, std::string_view method) noexcept {
  if (status == 303) return method != "GET" && method != "HEAD";
  return status <= 302 && method == "POST";
}

// "host:port" as it is compared: in lower case, the port always there.
inline std::string authority_of_origin(std::string_view authority) {
  if (const std::size_t at = authority.rfind('@'); at != authority.npos)
    authority.remove_prefix(at + 1);
  const std::size_t colon = authority.find(':', authority.rfind(']') + 1);
  std::string origin;
  for (const char c : authority.substr(0, colon)) origin += to_lower(c);
  const std::string_view port = colon == authority.npos ? "" : authority.substr(colon + 1);
  return origin.append(":").append(port.empty() ? "80" : port);
}

inline bool is_same_origin(std::string_view a, std::string_view b) {
  const ReferenceParts x = split_reference(a), y = split_reference(b);
  if (!iequals(x.scheme, "http") || !iequals(y.scheme, "http"))  // a socket's path has case
    return iequals(x.scheme, y.scheme) && x.authority == y.authority;
  return authority_of_origin(x.authority) == authority_of_origin(y.authority);
}

// A server behind a Unix socket was told a Host, "localhost" where the caller gave none. If it
// makes a whole URL of that, it means itself.
inline std::string within_socket(std::string_view url, std::string target, std::string_view host) {
  const ReferenceParts from = split_reference(url), to = split_reference(target);
  if (!iequals(from.scheme, "http+unix") || !iequals(to.scheme, "http")) return target;
  if (authority_of_origin(to.authority) != authority_of_origin(host.empty() ? "localhost" : host))
    return target;
  const std::size_t rest = target.find("//") + 2 + to.authority.size();
  return "http+unix://" + std::string(from.authority) + target.substr(rest);
}

// For messages: a URL may hold a password.
inline std::string url_for_message(std::string_view url) {
  const ReferenceParts parts = split_reference(url);
  const std::size_t at = parts.authority.rfind('@');
  if (at == parts.authority.npos) return printable(url);
  return printable(std::string(parts.scheme) + "://...@" +
                   std::string(url.substr(url.find("//") + 2 + at + 1)));
}

// Browsers take spaces and letters of other alphabets in a Location, and so send them escaped.
// Control characters never get here: no response has them in a field, but for tabs.
inline std::string escape_location(std::string_view location) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : location) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_a(c, byte_target))
      escaped += c;
    else
      escaped.append({'%', hex[byte >> 4], hex[byte & 15]});
  }
  return escaped;
}

inline void drop_body_fields(Header& header) {
  std::vector<std::string> names;
  for (const Field& f : header) {
    const bool of_body = iequals(f.name.substr(0, 8), "Content-") || iequals(f.name, "Digest") ||
                         iequals(f.name, "Expect") || iequals(f.name, "Last-Modified") ||
                         iequals(f.name, "Trailer") || iequals(f.name, "Transfer-Encoding");
    if (of_body) names.emplace_back(f.name);
  }
  for (const std::string& name : names) header.remove(name);
}

inline void drop_credentials(Header& header) {
  for (const char* name :
       {"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "WWW-Authenticate", "Host"})
    header.remove(name);
}

// What can be done with the body of the request a second time?
enum class RequestBody { none, replayable, once };

// What became of the request.
enum class Redirected {
  no,            // the response is the answer
  without_body,  // ask again, without a body from now on
  with_body,     // ask again, with the same body, if there was one
};

// The redirects of one call.
class Redirects {
 public:
  // limit: so many are followed, and the next is an Error; 0 or less: the first is the answer.
  explicit Redirects(int limit) : limit_(limit) {}

  // Changes method, url and header into those of the next request. Error: a Location that is no
  // http URL (refused_by_policy for one of another scheme, bad_message for what is none at all), or
  // one redirect too many (refused_by_policy).
  Result<Redirected> next(int status, const Header& response, std::string& method, std::string& url,
                          Header& header, RequestBody body) {
    if (!is_redirect(status) || limit_ <= 0 || !response.has("Location")) return Redirected::no;
    const bool to_get = becomes_get(status, method);
    if (!to_get && body == RequestBody::once) return Redirected::no;
    Result<std::string> target = target_of(response, method, url, header);
    if (!target) return target.error();
    if (followed_ >= limit_) return too_many(method, url, *target);
    ++followed_;
    seen_.push_back(url);
    if (!is_same_origin(url, *target)) drop_credentials(header);
    if (to_get) method = "GET", drop_body_fields(header);
    url = *std::move(target);
    return to_get ? Redirected::without_body : Redirected::with_body;
  }

  int followed() const noexcept { return followed_; }

 private:
  static Result<std::string> target_of(const Header& response, std::string_view method,
                                       std::string_view url, const Header& asked) {
    const std::string_view location = response.get("Location");
    for (const std::string_view other : response.all("Location")) {
      if (other != location) return bad(method, url, "two Locations that differ");
    }
    const std::string target =
        within_socket(url, resolve_reference(url, escape_location(location)), asked.get("Host"));
    const ReferenceParts parts = split_reference(target), from = split_reference(url);
    if (!iequals(parts.scheme, "http") && !is_same_origin(url, target))
      return refused(method, url, parts.scheme, target);
    const std::string_view host = parts.authority.substr(parts.authority.rfind('@') + 1);
    if (host.empty() || host.front() == ':')
      return bad(method, url, "redirected to a URL without a host: \"" + printable(location) + '"');
    std::string whole = target;
    if (ReferenceParts::is_there(from.fragment) && !ReferenceParts::is_there(parts.fragment))
      whole.append("#").append(from.fragment);
    const std::size_t at = from.authority.rfind('@');
    if (at != from.authority.npos && parts.authority.find('@') == parts.authority.npos &&
        is_same_origin(url, target))
      whole.insert(whole.find("//") + 2, from.authority.substr(0, at + 1));
    return whole;
  }

  static Error refused(std::string_view method, std::string_view url, std::string_view scheme,
                       std::string_view target) {
    const char* hint = iequals(scheme, "https")
                           ? ": https is not spoken here, ask through a local TLS proxy"
                           : ": only http is followed";
    return error(Errc::refused_by_policy, method, url,
                 "redirected to " + url_for_message(target) + hint);
  }

  static Error bad(std::string_view method, std::string_view url, const std::string& why) {
    return error(Errc::bad_message, method, url, why);
  }

  Error too_many(std::string_view method, const std::string& url, const std::string& to) const {
    const bool again = to == url || std::find(seen_.begin(), seen_.end(), to) != seen_.end();
    return error(
        Errc::refused_by_policy, method, url,
        "stopped after " + std::to_string(limit_) + " redirects" + (again ? ", in a loop" : ""));
  }

  static Error error(Errc code, std::string_view method, std::string_view url,
                     const std::string& why) {
    return {code, std::string(method) + " " + url_for_message(url) + ": " + why};
  }

  int limit_, followed_ = 0;
  std::vector<std::string> seen_;  // at most limit_ URLs
};

}  // namespace jot::inline v1::detail
