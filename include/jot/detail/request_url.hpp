// SPDX-License-Identifier: MIT
//
// request_url.hpp -- whom does a URL lead to, and what is asked there?
//
// In: "http://user:password@host:port/path?query#fragment", or "http+unix://%2Frun%2Fapp.sock/path"
// for a Unix socket. Out: its parts as views, or why it cannot be asked. Pure.
// Strict: only visible ASCII goes into a request line, so that no URL can smuggle a line of its
// own. See RFC 3986 section 3, RFC 9110 section 4.2.
#pragma once

#include "../error.hpp"       // Error
#include "../url.hpp"         // percent_decode
#include "ascii.hpp"          // all_are, iequals
#include "parse_request.hpp"  // split_authority

#include <algorithm>     // std::min
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint16_t
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

// Lifetime: as long as the URL's bytes stay.
struct RequestUrl {
  std::string_view user_info;  // "user:password", still encoded
  std::string_view authority;  // "host:port", for the field Host; of a Unix socket its encoded path
  std::string_view host;       // with the brackets of an IPv6 address
  std::string_view target;     // "/path?query"; or "?query" or "", where a slash is missing
  std::uint16_t port = 80;
  bool has_user = false;
  bool is_unix = false;

  // Whom to connect to, one text for all ways to spell it: "host:port", "unix:/path".
  std::string place() const {
    if (is_unix) return "unix:" + percent_decode(authority);
    std::string text(host);
    for (char& c : text) c = to_lower(c);
    return text + ':' + std::to_string(port);
  }
};

inline Error bad_url(std::string_view why) {
  return Error(std::make_error_code(std::errc::invalid_argument), std::string(why));
}

// 0 where the text is no port that could be connected to.
inline std::uint16_t parse_port(std::string_view digits) noexcept {
  unsigned port = 0;
  for (const char c : digits) port = port * 10 + static_cast<unsigned>(c - '0');
  return port > 65535 ? std::uint16_t{0} : static_cast<std::uint16_t>(port);
}

inline std::optional<Error> parse_tcp_authority(RequestUrl& url) {
  const Authority authority = split_authority(url.authority);
  if (!authority.valid) return bad_url("bad host or port in the URL");
  url.host = authority.host;
  if (!authority.port.empty()) url.port = parse_port(authority.port);
  if (url.port == 0) return bad_url("bad port in the URL");
  if (url.authority.ends_with(':')) url.authority.remove_suffix(1);
  return std::nullopt;
}

inline std::optional<Error> parse_unix_authority(RequestUrl& url) {
  if (url.has_user || url.authority.empty()) return bad_url("bad socket path in the URL");
  const std::string path = percent_decode(url.authority);
  if (path.find('\0') != path.npos) return bad_url("bad socket path in the URL");
  return std::nullopt;
}

// Returns: what is wrong; nothing where `out` is whole.
inline std::optional<Error> parse_request_url(std::string_view text, RequestUrl& out) {
  out = RequestUrl{};
  if (!all_are(text, byte_target)) {
    return bad_url("space, control character or non-ASCII byte in the URL: percent-encode it");
  }
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon);
  if (colon == text.npos) return bad_url("the URL does not begin with http://");
  if (iequals(scheme, "https")) {
    return Error(std::make_error_code(std::errc::protocol_not_supported),
                 "jot speaks no TLS: put a local TLS proxy (stunnel, nginx) in between, and ask "
                 "that by http://");
  }
  out.is_unix = iequals(scheme, "http+unix");
  if (!out.is_unix && !iequals(scheme, "http")) return bad_url("the URL is no http:// URL");
  const std::size_t begin = colon + 3;
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  out.authority = text.substr(begin, end - begin);
  if (const std::size_t at = out.authority.rfind('@'); at != out.authority.npos) {
    out.user_info = out.authority.substr(0, at), out.has_user = true;
    out.authority.remove_prefix(at + 1);
  }
  out.target = text.substr(end, std::min(text.find('#', end), text.size()) - end);
  return out.is_unix ? parse_unix_authority(out) : parse_tcp_authority(out);
}

// The URL as it may be shown: no user, no password, no fragment.
inline std::string shown_url(const RequestUrl& url) {
  std::string shown = url.is_unix ? "http+unix://" : "http://";
  shown.append(url.authority);
  if (!url.target.starts_with('/')) shown += '/';
  return shown.append(url.target);
}

}  // namespace jot::inline v1::detail
