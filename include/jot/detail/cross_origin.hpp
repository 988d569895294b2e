// SPDX-License-Identifier: MIT
//
// cross_origin.hpp -- what may a script of that site do here?
//
// In: CorsOptions, and a request with Origin. Out: the Access-Control fields that say so. See the
// CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol.
#pragma once

#include "../header.hpp"    // Header
#include "../request.hpp"   // Request
#include "../security.hpp"  // CorsOptions
#include "ascii.hpp"        // iequals, is_token, next_in_list
#include "web_origin.hpp"   // check_origin, is_one_of

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class CrossOrigin {
 public:
  explicit CrossOrigin(CorsOptions options)
      : options_(std::move(options)),
        anyone_(is_star(options_.origins)),
        methods_(joined(options_.methods)),
        headers_(joined(options_.headers)),
        expose_(joined(options_.expose)) {
    if (anyone_ && options_.credentials)
      throw std::invalid_argument("jot: cors: credentials for everybody: name the origins");
    for (const std::string& origin : options_.origins) check(origin);
  }

  static bool is_preflight(const Request& r) {
    return r.method() == "OPTIONS" && r.header().has("Origin") &&
           r.header().has("Access-Control-Request-Method");
  }

  // The fields for any response but that to a preflight.
  Header fields(const Request& r) const {
    Header fields;
    if (!anyone_) fields.add("Vary", "Origin");
    if (allow_origin(r, fields) && !expose_.empty())
      fields.set("Access-Control-Expose-Headers", expose_);
    return fields;
  }

  // Where one thing is not allowed, nothing is said to be.
  Header preflight_fields(const Request& r) const {
    Header fields, no;
    const std::string_view wanted = r.header().get("Access-Control-Request-Headers");
    for (Header* to : {&fields, &no})
      to->add("Vary",
              "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
              "Access-Control-Request-Private-Network");
    const std::string_view method = r.header().get("Access-Control-Request-Method");
    if (!allows_method(method) || !allow_headers(wanted, fields) || !allow_origin(r, fields))
      return no;
    fields.set("Access-Control-Allow-Methods", is_star(options_.methods) ? method : methods_);
    fields.set("Access-Control-Max-Age", options_.max_age.count());
    if (options_.private_network &&
        r.header().get("Access-Control-Request-Private-Network") == "true")
      fields.set("Access-Control-Allow-Private-Network", "true");
    return fields;
  }

 private:
  static bool is_star(const std::vector<std::string>& list) noexcept {
    return list.size() == 1 && list.front() == "*";
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) {
      if (!is_token(name)) throw std::invalid_argument("jot: cors: no token: \"" + name + '"');
      all += all.empty() ? "" : ", ";
      all += name;
    }
    return all;
  }

  void check(std::string_view origin) const {
    if (anyone_ || origin == "null") return;
    const std::size_t star = origin.find("://*.");
    if (star == origin.npos) return check_origin("cors", origin);
    std::string plain(origin);
    check_origin("cors", plain.erase(star + 3, 2));
  }

  bool allow_origin(const Request& r, Header& fields) const {
    const auto origins = r.header().all("Origin");
    if (origins.size() != 1 || !(anyone_ || is_one_of(options_.origins, origins[0]))) return false;
    fields.set("Access-Control-Allow-Origin", anyone_ ? "*" : origins[0]);
    if (options_.credentials) fields.set("Access-Control-Allow-Credentials", "true");
    return true;
  }

  bool allows_method(std::string_view method) const noexcept {
    if (!is_token(method)) return false;
    if (is_star(options_.methods)) return true;
    for (const std::string& allowed : options_.methods)
      if (allowed == method || (allowed == "GET" && method == "HEAD")) return true;
    return false;
  }

  // Says what is allowed, if that is all that is wanted. With "*" it repeats what was asked for:
  // with credentials, browsers take a star for a name.
  bool allow_headers(std::string_view wanted, Header& fields) const {
    const bool all = is_star(options_.headers);
    for (std::string_view rest = wanted; !rest.empty();) {
      const std::string_view name = next_in_list(rest);
      if (!name.empty() && (!is_token(name) || !(all || allows_header(name)))) return false;
    }
    const std::string_view allowed = all ? wanted : std::string_view(headers_);
    if (!allowed.empty()) fields.set("Access-Control-Allow-Headers", allowed);
    return true;
  }

  bool allows_header(std::string_view name) const noexcept {
    for (const std::string& allowed : options_.headers)
      if (iequals(allowed, name)) return true;
    for (const auto safe : {"Accept", "Accept-Language", "Content-Language"})
      if (iequals(safe, name)) return true;
    return false;
  }

  CorsOptions options_;
  bool anyone_;
  std::string methods_, headers_, expose_;
};

}  // namespace jot::inline v1::detail
