// SPDX-License-Identifier: MIT
//
// forwarded.hpp -- which hops does a list of proxies name, from the last one back?
//
// In: the fields X-Forwarded-For, X-Forwarded-Proto or Forwarded (RFC 7239). Out: their elements,
// from right to left, and what these say of a client.
//
// Each proxy adds to the right, so the right end is what one's own proxy wrote, and everything left
// of it may be a client's invention. It must not change how the right end is read: a client that
// sends the quote of an unfinished string would otherwise swallow what is appended to it. So quotes
// are counted from the right, too.
#pragma once

#include "../header.hpp"   // Header
#include "ascii.hpp"       // trim, iequals
#include "ip_network.hpp"  // parse_ip, parse_small

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// Is the quote at this place part of a quoted string, "\""?
inline bool is_escaped(std::string_view text, std::size_t at) noexcept {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// Cuts the last element off a list whose elements may hold quoted strings.
inline std::string_view take_last(std::string_view& list, char separator) noexcept {
  bool quoted = false;
  std::size_t begin = list.size();
  for (; begin > 0; --begin) {
    const char c = list[begin - 1];
    if (c == '"' && !is_escaped(list, begin - 1)) quoted = !quoted;
    if (c == separator && !quoted) break;
  }
  const std::string_view element = trim(list.substr(begin));
  list = list.substr(0, begin == 0 ? 0 : begin - 1);
  return element;
}

// The elements of all fields of a name, from the last one of the last field to the first.
class HopReader {
 public:
  HopReader(const Header& header, std::string_view name) : fields_(header.all(name)) {}

  // The next element that is not empty; "" at the end.
  std::string_view next() noexcept {
    while (!fields_.empty()) {
      const std::string_view element = take_last(fields_.back(), ',');
      if (fields_.back().empty()) fields_.pop_back();
      if (!element.empty()) return element;
    }
    return {};
  }

 private:
  std::vector<std::string_view> fields_;  // what is not read yet
};

// The value of for= or proto= in an element of Forwarded, without its quotes; "": none, or
// malformed.
inline std::string forwarded_value(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const std::string_view pair = take_last(element, ';');
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || !iequals(pair.substr(0, equals), name)) continue;
    std::string_view value = pair.substr(equals + 1);
    if (!value.starts_with('"')) return std::string(value);
    if (value.size() < 2 || !value.ends_with('"') || is_escaped(value, value.size() - 1)) return {};
    value = value.substr(1, value.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\') ++i;
      plain += value[i];
    }
    return plain;
  }
  return {};
}

// Where a hop's request came from.
struct HopAddress {
  in6_addr ip{};
  std::string_view port = {};  // "": not told
};

// "192.0.2.1", "192.0.2.1:40312", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:40312", the port
// perhaps hidden, "_x". False: no address, "unknown" for example.
inline bool parse_hop(std::string_view text, HopAddress& to) noexcept {
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(1, end - 1), port = text.substr(end + 1);
    if (host.find(':') == host.npos || (!port.empty() && port.front() != ':')) return false;
    if ((has_port = !port.empty())) port.remove_prefix(1);
  } else if (const std::size_t colon = text.find(':'); colon == text.rfind(':')) {
    has_port = colon != text.npos;
    host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
  }
  if (has_port && !port.starts_with('_') && (port.size() > 5 || parse_small(port, 65535) < 0))
    return false;
  to.port = port.starts_with('_') ? std::string_view() : port;
  return parse_ip(host, to.ip);
}

// As remote_addr() has it.
inline std::string hop_text(const HopAddress& hop) {
  std::string ip = ip_text(hop.ip);
  const std::string port(hop.port);
  if (port.empty()) return ip;
  return ip.find(':') == ip.npos ? ip + ':' + port : '[' + ip + "]:" + port;
}

}  // namespace jot::inline v1::detail
