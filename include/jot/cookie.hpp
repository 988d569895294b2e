// SPDX-License-Identifier: MIT
//
// cookie.hpp -- what shall the client bring along next time?
//
// In: a Cookie. Out: a Set-Cookie field (RFC 6265bis). What comes back is read by r.cookie(name),
// and is whatever the client likes: what it must not change is kept by SignedCookies.
//
//     SignedCookies sessions(key);  // 32 bytes that nobody knows
//     sessions.set(w, {.name = "session", .value = user, .max_age = 24h});
//     auto user = sessions.get(r, "session");  // a std::optional; nullopt: nobody, or a cheat
//
// The defaults are the safe ones: a cookie is sent back over TLS only (and to localhost, as
// browsers have it), is hidden from scripts, and stays away from requests that other sites make,
// but for links that are followed.
#pragma once

#include "config.hpp"
#include "request.hpp"          // Request
#include "response_writer.hpp"  // ResponseWriter

#include <chrono>       // std::chrono::seconds, std::chrono::system_clock
#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1 {

// Which requests that another site causes bring the cookie? lax: links that are followed; strict:
// none; none: all, images and frames included.
enum class SameSite { lax, strict, none };

struct Cookie {
  std::string name = {};

  // Visible ASCII, spaces and commas, without `"`, `;` and `\`: percent_encode() the rest. With the
  // name at most 4096 bytes, for browsers drop what is longer.
  std::string value = {};

  // Sent for this path and all below it. Empty: for the folder of the request's path.
  std::string path = "/";

  // Sent to this host and all below it. Empty: to the host that sets it, alone.
  std::string domain = {};

  // How long it is kept; zero or less: it is deleted at once. Browsers make 400 days of what is
  // longer. With neither of the two, it is a session cookie, kept until the browser ends.
  std::optional<std::chrono::seconds> max_age = {};
  std::optional<std::chrono::system_clock::time_point> expires = {};  // max_age wins

  bool secure = true;     // over TLS only
  bool http_only = true;  // hidden from scripts
  SameSite same_site = SameSite::lax;
  bool partitioned = false;  // in a frame: one for each site around it (CHIPS)
};

// Adds a Set-Cookie field. Throws: std::invalid_argument for what a browser would refuse, or read
// as something else: a name that is no token, a value with other bytes than above, a path that does
// not begin with a slash, a domain that is none, a date outside of the years 1601 to 9999;
// SameSite::none or partitioned without secure; a name that begins with __Secure- without secure,
// or with __Host- without secure, with a domain or with another path than "/".
void set_cookie(ResponseWriter& w, const Cookie& cookie);

// Makes the browser forget the cookie of that name, path "/" and no domain. Throws as set_cookie().
void delete_cookie(ResponseWriter& w, std::string_view name);

// The same for one that was set with a path or domain of its own: they must be the same here. Its
// value and age do not count.
void delete_cookie(ResponseWriter& w, Cookie cookie);

// Cookies that the client can read but not change: HMAC-SHA-256 (RFC 2104) over name, value and
// expiry, so that a value can neither outlive its time nor be passed off as that of another name.
// To end a session before its time, keep a list of ids at the server: a signature is not revoked.
// Threads: const members may run on many at a time.
class SignedCookies {
 public:
  // The key: at least 32 bytes that nobody can guess, as random_token() makes them. With a new key
  // at each start, all sessions end with the process. Throws: std::invalid_argument when shorter.
  explicit SignedCookies(const std::string& key);

  // The first key signs, all are accepted: to change keys put the new one in front, and drop the
  // old one when what it signed has expired. Throws: std::invalid_argument also when there is none.
  explicit SignedCookies(std::vector<std::string> keys);

  // Signs the value, which may be any bytes, and sets the cookie. It expires by max_age or expires,
  // at the latest after 400 days, whatever the browser does. Throws as set_cookie(); of the 4096
  // bytes a value takes four thirds of its size, and 55 more.
  void set(ResponseWriter& w, Cookie cookie) const;

  // Returns: the value as it was set; nullopt: absent, forged, or expired. Of several cookies with
  // that name, which another host of the domain may have added, the first that is genuine.
  // Throws: HttpError 431 for more than 100 cookies.
  std::optional<std::string> get(const Request& r, std::string_view name) const;

 private:
  std::vector<std::string> keys_;
};

// So many random bytes from the kernel, as base64 that is safe in URLs and cookies (RFC 4648
// section 5): four letters for three bytes. For keys, session ids and links that nobody can guess;
// below 16 bytes somebody may. Throws: std::invalid_argument for 0 bytes, std::system_error when
// the kernel has none.
std::string random_token(std::size_t bytes = 32);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/cookie.ipp"
#endif
