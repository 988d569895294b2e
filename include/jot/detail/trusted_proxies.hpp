// SPDX-License-Identifier: MIT
//
// trusted_proxies.hpp -- who is the client, when proxies stand between?
//
// In: the addresses of one's own proxies, and a request with the fields they have added. Out: the
// client's address and scheme, put into the Request.
//
// 1. A peer that is no trusted proxy is the client itself: whatever it says of others is ignored.
// 2. Else the last hop in the list is who the peer got it from. While that is a trusted proxy, too,
//    the one before it counts. The first that is not trusted is the client.
// 3. Where a trusted proxy does not know, or writes what cannot be read, it stands for the client.
#pragma once

#include "forwarded.hpp"      // HopReader, parse_hop
#include "ip_network.hpp"     // IpNetwork
#include "request_state.hpp"  // RequestState

#include <cstddef>      // std::size_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TrustedProxies {
 public:
  // Each "192.0.2.1", "10.0.0.0/8", "fd00::/8", or "unix" for those that come by a Unix socket.
  // Throws: std::invalid_argument for anything else.
  explicit TrustedProxies(const std::vector<std::string>& proxies) {
    for (const std::string& proxy : proxies) {
      IpNetwork network;
      if (proxy == "unix")
        unix_ = true;
      else if (parse_network(proxy, network))
        networks_.push_back(network);
      else
        throw std::invalid_argument("jot: no address or network of a proxy: \"" + proxy + '"');
    }
  }

  bool empty() const noexcept { return networks_.empty() && !unix_; }

  // peer: as remote_addr() says.
  bool trusts(std::string_view peer) const noexcept {
    if (peer.starts_with("unix:")) return unix_;
    HopAddress hop;
    return parse_hop(peer, hop) && trusts(hop.ip);
  }

  // Puts what a trusted peer says of its client into the Request.
  void look_behind(std::string_view peer, RequestState& s) const {
    if (!trusts(peer)) return;
    const bool standard = s.header.has("Forwarded") && !s.header.has("X-Forwarded-For");
    const Found found = standard ? walk_forwarded(s.header) : walk_x_forwarded(s.header);
    if (iequals(found.scheme, "https")) s.scheme = "https";
    if (iequals(found.scheme, "http")) s.scheme = "http";
    if (!found.addr.empty()) s.own_remote_addr = found.addr;
  }

 private:
  struct Found {
    std::string addr = {};    // "": nothing was found
    std::string scheme = {};  // as told
  };

  bool trusts(const in6_addr& ip) const noexcept {
    for (const IpNetwork& network : networks_)
      if (network.contains(ip)) return true;
    return false;
  }

  Found walk_forwarded(const Header& header) const {
    Found found;
    HopReader hops(header, "Forwarded");
    for (auto element = hops.next(); !element.empty(); element = hops.next()) {
      const std::string node = forwarded_value(element, "for");
      if (std::string scheme = forwarded_value(element, "proto"); !scheme.empty())
        found.scheme = std::move(scheme);
      HopAddress hop;
      if (!parse_hop(node, hop)) break;
      found.addr = hop_text(hop);
      if (!trusts(hop.ip)) break;
    }
    return found;
  }

  Found walk_x_forwarded(const Header& header) const {
    Found found;
    std::size_t hops_read = 0;
    HopReader hops(header, "X-Forwarded-For");
    for (auto element = hops.next(); !element.empty(); element = hops.next()) {
      HopAddress hop;
      if (!parse_hop(element, hop)) break;
      found.addr = hop_text(hop);
      ++hops_read;
      if (!trusts(hop.ip)) break;
    }
    // One scheme for each hop, or one for all.
    HopReader schemes(header, "X-Forwarded-Proto");
    for (auto scheme = schemes.next(); !scheme.empty(); scheme = schemes.next()) {
      found.scheme = scheme;
      if (hops_read-- <= 1) break;
    }
    return found;
  }

  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace jot::inline v1::detail
