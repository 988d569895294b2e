// SPDX-License-Identifier: MIT
//
// access_line.hpp -- how does a request look in an access log?
//
// In: a request and what was answered. Out: one line of the Common or Combined Log Format, or one
// JSON object, with its newline. What a client has chosen can neither end a line nor a field:
// inside quotes, quotes, backslashes, controls and whatever is not ASCII are escaped (\x0a, as
// Apache does), outside of them also spaces.
#pragma once

#include "../request.hpp"      // Request
#include "client_address.hpp"  // client_host
#include "write_json.hpp"      // JsonWriter
#include "write_log.hpp"       // log_time

#include <time.h>  // gmtime_r, timespec

#include <cstdint>      // std::uint64_t
#include <cstdio>       // std::snprintf
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct AccessEntry {
  const Request& request;
  int status;
  std::uint64_t bytes;  // of the body, sent
  double ms;            // that it took
  timespec begin;
};

inline void append_clf(std::string& to, std::string_view text, bool in_quotes) {
  constexpr char hex[] = "0123456789abcdef";
  if (text.empty()) return void(to += '-');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || (byte == ' ' && !in_quotes))
      ((to += "\\x") += hex[byte >> 4]) += hex[byte & 15];
    else if (c == '"' || c == '\\')
      (to += '\\') += c;
    else
      to += c;
  }
}
inline void append_quoted_clf(std::string& to, std::string_view text) {
  append_clf(to += '"', text, true);
  to += '"';
}

// "[10/Oct/2000:13:55:36 +0000]": months have English names, whatever the locale.
inline void append_clf_time(std::string& to, const timespec& moment) {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  tm t{};
  gmtime_r(&moment.tv_sec, &t);
  char text[64];
  std::snprintf(text, sizeof text, "[%02d/%s/%04d:%02d:%02d:%02d +0000]", t.tm_mday,
                months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  to += text;
}

// host - user [time] "GET /path HTTP/1.1" 200 2326
inline std::string common_line(const AccessEntry& e) {
  const Request& r = e.request;
  const auto auth = r.basic_auth();
  std::string line;
  append_clf(line, client_host(r.remote_addr()), false);
  append_clf(line += " - ", auth ? std::string_view(auth->user) : std::string_view(), false);
  append_clf_time(line += ' ', e.begin);
  append_quoted_clf(line += ' ', text(r.method(), ' ', r.target(), ' ', r.proto()));
  return line += text(' ', e.status, ' ', e.bytes);
}

// The same and "referer" "user agent".
inline std::string combined_line(const AccessEntry& e) {
  std::string line = common_line(e);
  append_quoted_clf(line += ' ', e.request.header().get("Referer"));
  append_quoted_clf(line += ' ', e.request.header().get("User-Agent"));
  return line;
}

// Members that are empty are left out.
inline std::string json_line(const AccessEntry& e, std::string_view request_id) {
  const Request& r = e.request;
  const auto auth = r.basic_auth();
  std::string line = text("{\"time\":\"", log_time(e.begin), '"');
  const auto member = [&line](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    ((line += ",\"") += name) += "\":";
    JsonWriter(line, 0, NotFinite::write_null).write(value);
  };
  member("remote", client_host(r.remote_addr()));
  if (auth) member("user", auth->user);
  member("method", r.method());
  member("host", r.host());
  member("target", r.target());
  member("proto", r.proto());
  line += text(",\"status\":", e.status, ",\"bytes\":", e.bytes, ",\"ms\":", e.ms);
  member("pattern", r.pattern());
  member("request_id", request_id);
  member("referer", r.header().get("Referer"));
  member("user_agent", r.header().get("User-Agent"));
  return line += '}';
}

}  // namespace jot::inline v1::detail
