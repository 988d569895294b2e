// SPDX-License-Identifier: MIT
//
// parse_request.hpp -- what does this request head ask for?
//
// In: a complete head, as HeadScanner found it. Out: a RequestHead and a Header, all views into
// the same bytes, or the Verdict with which it is refused. Pure: no I/O, nothing copied.
// Strict on purpose: what two servers could read in two ways is refused, for in between lives
// request smuggling. See RFC 9112 sections 3 and 9, RFC 9110 sections 7.2 and 10.1.1.
#pragma once

#include "ascii.hpp"       // is_token, iequals
#include "parse_head.hpp"  // Verdict, HeadLimits, parse_fields

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class TargetForm { origin, absolute, authority, asterisk };

// Lifetime: as long as the bytes of the head stay.
struct RequestHead {
  std::string_view method;  // any token, as it came: methods have case
  std::string_view target;  // as it came
  std::string_view path;    // still encoded; "/" where an absolute target has none, "*" for the
                            // asterisk, "" for CONNECT
  std::string_view query;   // what stands behind the first ?, without it
  std::string_view host;    // with its port, as it came: of an absolute target, else of Host
  TargetForm form = TargetForm::origin;
  int minor = 1;                 // HTTP/1.minor: 0 or 1
  bool keep_alive = true;        // may another request follow on this connection?
  bool expect_continue = false;  // the client waits for 100 before it sends the body
  bool upgrade = false;          // it asks to go on in another protocol: see the field Upgrade
};

// host [ ":" port ], as in Host: no user, no path, nothing but a name, an IPv4 or [IPv6] address.
struct Authority {
  bool valid = false;
  std::string_view host, port;  // host with its brackets
};

inline Authority split_authority(std::string_view s) noexcept {
  std::size_t host_end = s.find(':');
  bool host_ok = false;
  if (s.starts_with('[')) {
    host_end = s.find(']');
    if (host_end == std::string_view::npos) return {};
    const std::string_view address = s.substr(1, host_end - 1);
    host_ok = address.find(':') != std::string_view::npos &&
              address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    ++host_end;
  } else {
    host_ok = all_are(s.substr(0, host_end), byte_host);
  }
  Authority a{false, s.substr(0, host_end), {}};
  const std::string_view rest = s.substr(a.host.size());
  if (!rest.empty()) a.port = rest.substr(1);
  a.valid = host_ok && !a.host.empty() && (rest.empty() || rest[0] == ':') && a.port.size() <= 5 &&
            all_are(a.port, byte_digit);
  return a;
}

// A percent sign that begins no escape could be read in two ways. (In a query it is harmless: there
// Values leaves malformed pairs out.)
inline bool escapes_are_whole(std::string_view path) noexcept {
  for (std::size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 3)) {
    if (path.size() - at < 3 || hex_digit(path[at + 1]) < 0 || hex_digit(path[at + 2]) < 0)
      return false;
  }
  return true;
}

// Cuts a target that starts with its path at the first question mark.
inline Verdict split_path(std::string_view s, RequestHead& head) noexcept {
  const std::size_t question = s.find('?');
  head.path = s.substr(0, question);
  if (question != std::string_view::npos) head.query = s.substr(question + 1);
  if (!escapes_are_whole(head.path)) return {400, "stray percent sign in path"};
  return {};
}

// http://host:port/path?query. Asked of a proxy, but every server must understand it.
inline Verdict parse_absolute_target(RequestHead& head) noexcept {
  const std::size_t colon = head.target.find("://");
  const std::string_view scheme = head.target.substr(0, colon);
  if (colon == std::string_view::npos || !(iequals(scheme, "http") || iequals(scheme, "https"))) {
    return {400, "target is neither a path nor an http URL"};
  }
  const std::string_view rest = head.target.substr(colon + 3);
  const std::size_t path = rest.find_first_of("/?");
  head.form = TargetForm::absolute;
  head.host = rest.substr(0, path);
  if (!split_authority(head.host).valid) return {400, "bad authority in target"};
  if (path != std::string_view::npos) {
    if (const Verdict v = split_path(rest.substr(path), head); !v.ok()) return v;
  }
  // A URL without a path means the root, and for OPTIONS the whole server.
  if (head.path.empty()) {
    head.path = path == std::string_view::npos && head.method == "OPTIONS" ? "*" : "/";
  }
  return {};
}

inline Verdict parse_target(RequestHead& head) noexcept {
  if (head.method == "CONNECT") {
    const Authority authority = split_authority(head.target);
    if (!authority.valid || authority.port.empty()) return {400, "CONNECT without host and port"};
    head.form = TargetForm::authority;
    head.host = head.target;
    return {};
  }
  if (head.target.find('#') != std::string_view::npos) return {400, "fragment in target"};
  if (head.target[0] == '/') return split_path(head.target, head);
  if (head.target != "*") return parse_absolute_target(head);
  if (head.method != "OPTIONS") return {400, "* is a target for OPTIONS only"};
  head.form = TargetForm::asterisk;
  head.path = head.target;
  return {};
}

inline Verdict parse_version(std::string_view version, RequestHead& head) noexcept {
  if (version == "HTTP/1.1") return {};
  if (version == "HTTP/1.0") return head.minor = 0, Verdict{};
  const bool other = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                     version[6] == '.' && is_digit(version[7]);
  if (other) return {505, "HTTP version not supported"};
  return {400, "malformed request line"};
}

// method SP target SP version: single spaces, nothing before or after.
inline Verdict parse_request_line(std::string_view line, std::size_t max_target,
                                  RequestHead& head) noexcept {
  const char* p = line.data();
  const char* const end = p + line.size();
  while (p != end && is_a(*p, byte_token)) ++p;
  head.method = line.substr(0, static_cast<std::size_t>(p - line.data()));
  if (head.method.empty() || p == end || *p != ' ') return {400, "method is not a token"};
  const char* const target = ++p;
  while (p != end && is_a(*p, byte_target)) ++p;
  head.target = {target, p};
  if (p == end || *p != ' ') return {400, "malformed request line"};
  if (head.target.empty()) return {400, "empty target"};
  if (head.target.size() > max_target) return {414, "target too long"};
  if (const Verdict v = parse_version({p + 1, end}, head); !v.ok()) return v;
  return parse_target(head);
}

// What the fields say about the connection, gathered in one pass over them.
struct ConnectionFields {
  int hosts = 0;
  std::string_view host;
  bool close = false, keep_alive = false, upgrade_listed = false, upgrade_named = false;
  bool expects_continue = false, expects_else = false;

  void note_connection(std::string_view list) noexcept {
    while (!list.empty()) {
      const std::string_view option = next_in_list(list);
      if (iequals(option, "close"))
        close = true;
      else if (iequals(option, "keep-alive"))
        keep_alive = true;
      else if (iequals(option, "upgrade"))
        upgrade_listed = true;
    }
  }

  void note_expect(std::string_view list) noexcept {
    while (!list.empty()) {
      const std::string_view expectation = next_in_list(list);
      if (iequals(expectation, "100-continue"))
        expects_continue = true;
      else if (!expectation.empty())
        expects_else = true;
    }
  }

  // The length tells most names apart without looking at a letter.
  void note(const Field& f) noexcept {
    switch (f.name.size()) {
      case 4:
        if (iequals(f.name, "host")) ++hosts, host = f.value;
        break;
      case 6:
        if (iequals(f.name, "expect")) note_expect(f.value);
        break;
      case 7:
        if (iequals(f.name, "upgrade")) upgrade_named = true;
        break;
      case 10:
        if (iequals(f.name, "connection")) note_connection(f.value);
        break;
      default: break;
    }
  }
};

inline Verdict apply_connection_fields(const ConnectionFields& fields, RequestHead& head) noexcept {
  const bool is_1_1 = head.minor == 1;
  if (fields.hosts > 1) return {400, "more than one Host"};
  if (fields.hosts == 0 && is_1_1) return {400, "no Host"};
  if (fields.hosts == 1 && !split_authority(fields.host).valid) return {400, "bad Host"};
  // The authority of the target wins: a proxy in front may have looked at that one only.
  if (head.host.empty()) head.host = fields.host;
  head.keep_alive = !fields.close && (is_1_1 || fields.keep_alive);
  // HTTP/1.0 knows neither upgrades nor expectations: both must be ignored there.
  head.upgrade = is_1_1 && fields.upgrade_listed && fields.upgrade_named;
  head.expect_continue = is_1_1 && fields.expects_continue;
  if (is_1_1 && fields.expects_else) return {417, "unknown expectation"};
  return {};
}

// head: from the request line through the empty line. What out and header held before is dropped;
// after a refusal they hold what was read until then.
inline Verdict parse_request(std::string_view head, const HeadLimits& limits, RequestHead& out,
                             Header& header) {
  out = RequestHead{};
  HeaderAccess::clear(header);
  const std::size_t line_end = find_line_break(head, 0);
  if (head.size() - line_end < 2 || head[line_end] != '\r' || head[line_end + 1] != '\n') {
    return {400, "request line without an end"};
  }
  Verdict v = parse_request_line(head.substr(0, line_end), limits.target, out);
  if (!v.ok()) return v;
  v = parse_fields(head.substr(line_end + 2), limits.fields, header);
  if (!v.ok()) return v;
  ConnectionFields fields;
  for (const Field& f : header) fields.note(f);
  return apply_connection_fields(fields, out);
}

}  // namespace jot::inline v1::detail
