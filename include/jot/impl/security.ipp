// SPDX-License-Identifier: MIT
//
// security.ipp -- the bodies of security.hpp.
#pragma once

#include "../detail/cross_origin.hpp"     // CrossOrigin
#include "../detail/error_page.hpp"       // call_with_fields
#include "../detail/request_state.hpp"    // RequestAccess
#include "../detail/trusted_proxies.hpp"  // TrustedProxies
#include "../detail/web_origin.hpp"       // check_origin, is_one_of, origin_host
#include "../error.hpp"                   // HttpError
#include "../request.hpp"                 // Request
#include "../response_writer.hpp"         // ResponseWriter
#include "../security.hpp"

#include <memory>     // std::make_shared
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE Header policies(const SecureHeadersOptions& o) {
  Header fields{{"X-Content-Type-Options", "nosniff"}};
  const Field all[] = {{"Content-Security-Policy", o.content_security_policy},
                       {"Cross-Origin-Opener-Policy", o.cross_origin_opener_policy},
                       {"Cross-Origin-Resource-Policy", o.cross_origin_resource_policy},
                       {"Permissions-Policy", o.permissions_policy},
                       {"Referrer-Policy", o.referrer_policy},
                       {"Strict-Transport-Security", o.strict_transport_security},
                       {"X-Frame-Options", o.frame_options}};
  for (const auto& [name, value] : all)
    if (!value.empty()) fields.set(name, value);
  return fields;
}

// Does a page of another site send this? See csrf_guard().
JOT_INLINE bool is_cross_origin(const Request& r) {
  if (r.method() == "GET" || r.method() == "HEAD" || r.method() == "OPTIONS") return false;
  const std::string_view site = r.header().get("Sec-Fetch-Site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  const std::string_view origin = r.header().get("Origin");
  return !origin.empty() && (r.host().empty() || origin_host(origin) != r.host());
}

}  // namespace detail

JOT_INLINE Middleware cors(CorsOptions options) {
  auto site = std::make_shared<const detail::CrossOrigin>(std::move(options));
  return [site](ResponseWriter& w, Request& r, const Handler& next) {
    if (!detail::CrossOrigin::is_preflight(r))
      return detail::call_with_fields(w, r, next, site->fields(r));
    for (const auto& [name, value] : site->preflight_fields(r)) w.header().add(name, value);
    w.write_header(204);
  };
}

JOT_INLINE Middleware csrf_guard(CsrfOptions options) {
  for (const std::string& origin : options.trusted_origins)
    detail::check_origin("csrf_guard", origin);
  return [options = std::move(options)](ResponseWriter& w, Request& r, const Handler& next) {
    const auto is_exempt = [&] {
      return (options.exempt && options.exempt(r)) ||
             detail::is_one_of(options.trusted_origins, r.header().get("Origin"));
    };
    if (detail::is_cross_origin(r) && !is_exempt())
      throw HttpError(403, "this came from a page of another site");
    next(w, r);
  };
}

JOT_INLINE Middleware secure_headers(SecureHeadersOptions options) {
  const Header over_tls = detail::policies(options);
  options.strict_transport_security.clear();
  const Header plain = detail::policies(options);
  return [over_tls, plain](ResponseWriter& w, Request& r, const Handler& next) {
    detail::call_with_fields(w, r, next, r.scheme() == "https" ? over_tls : plain);
  };
}

JOT_INLINE Middleware real_ip(const std::vector<std::string>& trusted_proxies) {
  auto proxies = std::make_shared<const detail::TrustedProxies>(trusted_proxies);
  return [proxies](ResponseWriter& w, Request& r, const Handler& next) {
    proxies->look_behind(r.remote_addr(), detail::RequestAccess::state(r));
    next(w, r);
  };
}

}  // namespace jot::inline v1
