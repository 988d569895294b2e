// SPDX-License-Identifier: MIT
//
// cookie_store.hpp -- which cookies go along with this request?
//
// In: Set-Cookie fields and the URL that each came from. Out: the Cookie field for a URL. Who may
// set what, who gets what, and who has to go when there are too many: RFC 6265bis sections 5.7 and
// 5.8. A list of public suffixes is not kept: of those only names of one label ("com") are known.
//
// Cookies are found by their domain: for a host "a.b.c" three are looked up, "a.b.c", "b.c" and
// "c". Threads: any; a mutex guards all, held while a request's domains are looked through.
#pragma once

#include "ascii.hpp"              // iequals, to_lower
#include "ip_network.hpp"         // parse_ip
#include "parse_set_cookie.hpp"   // SetCookie, parse_set_cookie
#include "resolve_reference.hpp"  // split_reference

#include <algorithm>    // std::find_if, std::min_element, std::sort
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <functional>   // std::less
#include <map>          // std::map
#include <mutex>        // std::mutex, std::lock_guard
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// What a URL means to cookies.
struct CookieOrigin {
  std::string host;     // in lower case, without port and brackets
  std::string path;     // "/" at least
  bool is_ip = false;   // or another name that has nothing below it
  bool secure = false;  // TLS; or this machine, which browsers trust as much

  explicit CookieOrigin(std::string_view url) {
    const ReferenceParts parts = split_reference(url);
    path = parts.path.starts_with('/') ? parts.path : "/";
    if (iequals(parts.scheme, "http+unix")) {
      set_socket(parts.authority);
      return;
    }
    std::string_view name = parts.authority.substr(parts.authority.rfind('@') + 1);
    name =
        name.starts_with('[') ? name.substr(1, name.find(']') - 1) : name.substr(0, name.find(':'));
    if (name.ends_with('.')) name.remove_suffix(1);
    for (const char c : name) host += to_lower(c);
    in6_addr ip{};
    is_ip = parse_ip(host, ip);
    const bool here = is_ip ? is_loopback(ip) : host == "localhost" || host.ends_with(".localhost");
    secure = here || iequals(parts.scheme, "https");
  }

  // The folder that a cookie without a path is for (section 5.1.4).
  std::string_view default_path() const noexcept {
    const std::size_t slash = path.rfind('/');
    return std::string_view(path).substr(0, slash == 0 ? 1 : slash);
  }

 private:
  void set_socket(std::string_view name) {  // whose path has case, and nothing below it
    host = name;
    is_ip = secure = true;
  }

  static bool is_loopback(const in6_addr& ip) noexcept {
    return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
  }
};

// Is the host that domain, or below it (section 5.1.3)?
inline bool domain_matches(const CookieOrigin& at, std::string_view domain) noexcept {
  const std::string_view host = at.host;
  if (host == domain) return true;
  return !at.is_ip && host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

// Is the path that folder, or in it (section 5.1.4)?
inline bool path_matches(std::string_view path, std::string_view folder) noexcept {
  if (!path.starts_with(folder)) return false;
  return path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/';
}

class CookieStore {
 public:
  static constexpr std::size_t max_per_domain = 50, max_in_all = 3000;

  // Returns: false where the cookie is ignored; true where it is kept, or deleted one.
  bool set(std::string_view url, std::string_view field, std::int64_t now) {
    const CookieOrigin from(url);
    auto cookie = parse_set_cookie(field, now);
    if (!cookie || from.host.empty() || !may_set(from, *cookie)) return false;
    const std::string domain = cookie->domain.empty() ? from.host : cookie->domain;
    const std::string_view path = cookie->path.empty() ? from.default_path() : cookie->path;
    std::lock_guard lock(mutex_);
    if (!from.secure && shadows_secure(domain, cookie->name, path, now)) return false;
    keep(domain, path, *cookie, now);
    return true;
  }

  // Returns: "a=1; b=2", the longest paths first, then the oldest; "" where there is none.
  std::string get(std::string_view url, std::int64_t now) {
    const CookieOrigin to(url);
    std::lock_guard lock(mutex_);
    std::vector<Kept*> found;
    for_domains_of(to, [&](const std::string& domain, Kept& kept) {
      const bool fits = (kept.host_only ? domain == to.host : domain_matches(to, domain)) &&
                        path_matches(to.path, kept.path) && (to.secure || !kept.secure);
      if (fits && kept.expires > now) found.push_back(&kept);
    });
    std::sort(found.begin(), found.end(), [](const Kept* a, const Kept* b) {
      if (a->path.size() != b->path.size()) return a->path.size() > b->path.size();
      return a->created < b->created;
    });
    return join(found);
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  void clear() {
    std::lock_guard lock(mutex_);
    domains_.clear();
    count_ = 0;
  }

 private:
  struct Kept {
    std::string name, value, path;
    std::int64_t expires;
    std::uint64_t created, used;  // by the count of what happened here: no clock is that fine
    bool host_only, secure;
  };
  using Domains = std::map<std::string, std::vector<Kept>, std::less<>>;

  // Of what is not yet known to be there. Clears the domain where the cookie is for the host alone.
  static bool may_set(const CookieOrigin& from, SetCookie& cookie) {
    if (!domain_matches(from, cookie.domain) && !cookie.domain.empty()) return false;
    if (cookie.domain == from.host) {
      // An address has nothing below it, and what is below a name of one label is not its own.
      if (from.is_ip || from.host.find('.') == std::string::npos) cookie.domain.clear();
    } else if (!cookie.domain.empty() && cookie.domain.find('.') == std::string::npos) {
      return false;
    }
    if (cookie.secure && !from.secure) return false;
    return keeps_its_promise(cookie);
  }

  // A name that begins so says how the cookie was set (section 4.1.3).
  static bool keeps_its_promise(const SetCookie& cookie) {
    constexpr std::string_view host = "__Host-", secure = "__Secure-";
    const auto begins = [](std::string_view s, std::string_view prefix) {
      return iequals(s.substr(0, prefix.size()), prefix);
    };
    if (cookie.name.empty() && (begins(cookie.value, host) || begins(cookie.value, secure)))
      return false;  // sent back, it would look like one that has the name
    if (begins(cookie.name, secure) && !cookie.secure) return false;
    if (!begins(cookie.name, host)) return true;
    return cookie.secure && cookie.domain.empty() && cookie.path == "/";
  }

  // Without TLS nobody may put a cookie before one that was set with it.
  bool shadows_secure(const std::string& domain, std::string_view name, std::string_view path,
                      std::int64_t now) const {
    for (const auto& [other, cookies] : domains_) {
      if (!is_below(other, domain) && !is_below(domain, other)) continue;
      for (const Kept& kept : cookies) {
        if (kept.secure && kept.name == name && kept.expires > now && path_matches(path, kept.path))
          return true;
      }
    }
    return false;
  }

  static bool is_below(std::string_view host, std::string_view domain) noexcept {
    return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                              host[host.size() - domain.size() - 1] == '.');
  }

  void keep(const std::string& domain, std::string_view path, const SetCookie& cookie,
            std::int64_t now) {
    auto at = domains_.find(domain);
    if (at == domains_.end() && cookie.expires <= now) return;
    if (at == domains_.end()) at = domains_.emplace(domain, std::vector<Kept>()).first;
    std::vector<Kept>& cookies = at->second;
    const bool host_only = cookie.domain.empty();
    const auto same = std::find_if(cookies.begin(), cookies.end(), [&](const Kept& kept) {
      return kept.name == cookie.name && kept.path == path && kept.host_only == host_only;
    });
    if (same != cookies.end()) {
      same->value = cookie.value, same->expires = cookie.expires, same->secure = cookie.secure;
      same->used = ++events_;
      if (cookie.expires <= now) cookies.erase(same), --count_;
    } else if (cookie.expires > now) {
      ++events_, ++count_;
      cookies.push_back({std::string(cookie.name), std::string(cookie.value), std::string(path),
                         cookie.expires, events_, events_, host_only, cookie.secure});
    }
    if (cookies.size() > max_per_domain) make_room_in(cookies, now);
    if (cookies.empty()) domains_.erase(at);
    if (count_ > max_in_all) make_room(now);
  }

  // The expired go first, then the least recently used of those without Secure, then of all.
  void make_room_in(std::vector<Kept>& cookies, std::int64_t now) {
    const auto before = [now](const Kept& a, const Kept& b) {
      if ((a.expires <= now) != (b.expires <= now)) return a.expires <= now;
      if (a.secure != b.secure) return !a.secure;
      return a.used < b.used;
    };
    // Where all others have Secure that is the one that has just come: without TLS nobody can make
    // room by pushing them out.
    cookies.erase(std::min_element(cookies.begin(), cookies.end(), before));
    --count_;
  }

  // The expired of all domains, or else the least recently used.
  void make_room(std::int64_t now) {
    Domains::iterator of_oldest = domains_.end();
    std::size_t oldest = 0;
    for (auto at = domains_.begin(); at != domains_.end();) {
      count_ -= std::erase_if(at->second, [now](const Kept& kept) { return kept.expires <= now; });
      if (at->second.empty()) {
        at = domains_.erase(at);
        continue;
      }
      for (std::size_t i = 0; i < at->second.size(); ++i) {
        if (of_oldest == domains_.end() || at->second[i].used < of_oldest->second[oldest].used)
          of_oldest = at, oldest = i;
      }
      ++at;
    }
    if (count_ <= max_in_all) return;
    std::vector<Kept>& cookies = of_oldest->second;
    cookies.erase(cookies.begin() + static_cast<std::ptrdiff_t>(oldest)), --count_;
    if (cookies.empty()) domains_.erase(of_oldest);
  }

  template <class F>
  void for_domains_of(const CookieOrigin& to, F&& look_at) {
    for (std::string_view domain = to.host; !domain.empty();) {
      if (const auto at = domains_.find(domain); at != domains_.end()) {
        for (Kept& kept : at->second) look_at(at->first, kept);
      }
      const std::size_t dot = to.is_ip ? domain.npos : domain.find('.');
      domain = dot == domain.npos ? std::string_view() : domain.substr(dot + 1);
    }
  }

  std::string join(const std::vector<Kept*>& cookies) {
    std::string field;
    for (Kept* kept : cookies) {
      kept->used = ++events_;
      if (!field.empty()) field += "; ";
      if (!kept->name.empty()) field.append(kept->name).append("=");
      field += kept->value;
    }
    return field;
  }

  mutable std::mutex mutex_;  // guards all below
  Domains domains_;
  std::size_t count_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace jot::inline v1::detail
