// SPDX-License-Identifier: MIT
//
// cookie_jar.hpp -- what have servers asked this client to bring along?
//
// A CookieJar is given to a Client, which then keeps what Set-Cookie sets, and sends it back as
// browsers do (RFC 6265bis): to the host that set it or the domain that it named, in the path that
// it named, until it expires.
//
//     CookieJar jar;
//     Client client{{.cookies = jar}};           // logs in once, stays logged in
//     std::string sent = jar.get("http://127.0.0.1:4200/account");   // "session=..."
//
// It is kept in memory, and bounded: 4096 bytes a cookie (name and value), 50 a domain, 3000 in
// all; the least recently used goes first. Cookies with Secure are taken from, and sent to, https
// URLs and this machine (localhost, 127.0.0.0/8, ::1), as browsers have it. There is no list of
// public suffixes: a server of "a.co.uk" can set a cookie for all of "co.uk", but none for "uk". So
// use one jar for servers that trust each other.
#pragma once

#include "config.hpp"

#include <cstddef>      // std::size_t
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

namespace detail {
class CookieStore;
}  // namespace detail

// A handle: copies share the cookies. Threads: all of it, from any thread at any time.
class CookieJar {
 public:
  CookieJar();
  CookieJar(const CookieJar&) = default;  // never null: there is no move
  CookieJar& operator=(const CookieJar&) = default;

  // Takes one Set-Cookie field, "id=7; Path=/; Max-Age=60", that came with the answer of that URL.
  // Returns: false where it is ignored: it is malformed or too large, names a domain that is not
  // the server's, or breaks a promise of its name (__Host-, __Secure-).
  bool set(std::string_view url, std::string_view set_cookie) const;

  // Returns: the Cookie field for a request of that URL, "a=1; b=2"; "" when there is none.
  std::string get(std::string_view url) const;

  // How many are kept; the expired, too, until they are in the way.
  std::size_t size() const;

  void clear() const;

 private:
  std::shared_ptr<detail::CookieStore> store_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/cookie_jar.ipp"
#endif
