// SPDX-License-Identifier: MIT
//
// proxy_env.hpp -- does the environment want this request to go by way of a proxy?
//
// In: the values of http_proxy and no_proxy, and the host and port of a request. Out: the proxy's
// URL, or "": ask the server itself.
//
// no_proxy is a list, cut at commas and spaces:
//   *                          every host
//   example.org                that host and all below it
//   .example.org *.example.org all below it
//   192.0.2.1 2001:db8::1      that address
//   10.0.0.0/8                 the addresses that begin so
//   example.org:8080           any of the above, but the last, with a port: for that port only
// This machine (localhost, 127.0.0.0/8, ::1) is never asked by way of a proxy. These are the rules
// of Go. HTTP_PROXY in capitals is not looked at: in a CGI program it would be the Proxy field of
// the client's request ("httpoxy").
#pragma once

#include "ascii.hpp"       // iequals, to_lower
#include "ip_network.hpp"  // IpNetwork, parse_ip, parse_network, parse_small

#include <cstddef>      // std::size_t
#include <cstdlib>      // std::getenv
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class ProxyEnv {
 public:
  ProxyEnv(std::string_view http_proxy, std::string_view no_proxy) : proxy_(trim(http_proxy)) {
    if (!proxy_.empty() && proxy_.find("://") == std::string::npos) proxy_.insert(0, "http://");
    while (!no_proxy.empty()) {
      const std::size_t end = no_proxy.find_first_of(", \t\r\n");
      add(no_proxy.substr(0, end));
      no_proxy.remove_prefix(end == no_proxy.npos ? no_proxy.size() : end + 1);
    }
  }

  // What the process was started with. Threads: none may call setenv() meanwhile.
  static ProxyEnv of_process() {
    const char* exceptions = std::getenv("no_proxy");
    if (!exceptions) exceptions = std::getenv("NO_PROXY");
    const char* proxy = std::getenv("http_proxy");
    return {proxy ? proxy : "", exceptions ? exceptions : ""};
  }

  // "" where there is none.
  const std::string& proxy() const noexcept { return proxy_; }

  // host: a name or an address, this perhaps in brackets.
  bool is_for(std::string_view host, int port) const {
    if (proxy_.empty() || everyone_) return false;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.ends_with('.')) host.remove_suffix(1);
    in6_addr ip{};
    const bool is_ip = parse_ip(host, ip);
    if (is_ip ? is_loopback(ip) : iequals(host, "localhost")) return false;
    for (const Exception& exception : exceptions_) {
      if (exception.port >= 0 && exception.port != port) continue;
      if (is_ip ? exception.is_network && exception.network.contains(ip)
                : !exception.is_network && is_below(host, exception))
        return false;
    }
    return true;
  }

 private:
  struct Exception {
    std::string domain;   // in lower case; with its dot where only what is below it counts
    IpNetwork network{};  // instead, where is_network
    bool is_network = false;
    int port = -1;  // any
  };

  static bool is_loopback(const in6_addr& ip) noexcept {
    return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
  }

  static bool is_below(std::string_view host, const Exception& exception) noexcept {
    const std::string_view domain = exception.domain;
    if (host.size() < domain.size()) return false;
    const std::size_t before = host.size() - domain.size();
    if (!iequals(host.substr(before), domain)) return false;
    if (domain.front() == '.') return before > 0;
    return before == 0 || host[before - 1] == '.';
  }

  // What is none of the above matches nothing, and does no harm to its neighbours.
  void add(std::string_view entry) {
    if (entry.empty()) return;
    if (entry == "*") everyone_ = true;
    Exception exception;
    exception.is_network = parse_network(entry, exception.network);
    if (!exception.is_network) {
      if (!cut_port(entry, exception.port)) return;
      if (entry.starts_with("[") && entry.ends_with("]")) entry = entry.substr(1, entry.size() - 2);
      exception.is_network =
          entry.find('/') == entry.npos && parse_network(entry, exception.network);
    }
    if (!exception.is_network) {
      if (entry.starts_with("*.")) entry.remove_prefix(1);
      if (entry.ends_with('.')) entry.remove_suffix(1);
      for (const char c : entry) exception.domain += to_lower(c);
      if (exception.domain.empty()) return;
    }
    exceptions_.push_back(std::move(exception));
  }

  // False: there is one, and it is none.
  static bool cut_port(std::string_view& entry, int& port) noexcept {
    const std::size_t colon = entry.rfind(':');
    if (colon == entry.npos || entry.find(']', colon) != entry.npos) return true;
    port = parse_small(entry.substr(colon + 1), 65'535);
    entry = entry.substr(0, colon);
    return port >= 0;
  }

  std::string proxy_;
  bool everyone_ = false;
  std::vector<Exception> exceptions_;
};

}  // namespace jot::inline v1::detail
