// SPDX-License-Identifier: MIT
//
// router.ipp -- the bodies of router.hpp.
#pragma once

#include "../detail/route_table.hpp"  // RouteTable, RouteGroup, Mount
#include "../detail/route_url.hpp"    // RouteUrl
#include "../router.hpp"

#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::string with_method(std::string_view method, std::string_view path) {
  std::string pattern(method);
  return (pattern += ' ') += path;
}

}  // namespace detail

JOT_INLINE Group::Group()
    : table_(std::make_shared<detail::RouteTable>()), group_(&table_->root()) {}

JOT_INLINE Group::Group(std::shared_ptr<detail::RouteTable> table,
                        detail::RouteGroup& group) noexcept
    : table_(std::move(table)), group_(&group) {}

JOT_INLINE void Group::handle(std::string_view pattern, Handler h, Where where) {
  table_->add(*group_, pattern, std::move(h), detail::RouteTable::Kind::route, where);
}

JOT_INLINE void Group::get(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("GET", path), std::move(h), where);
}
JOT_INLINE void Group::post(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("POST", path), std::move(h), where);
}
JOT_INLINE void Group::put(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("PUT", path), std::move(h), where);
}
JOT_INLINE void Group::patch(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("PATCH", path), std::move(h), where);
}
JOT_INLINE void Group::del(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("DELETE", path), std::move(h), where);
}
JOT_INLINE void Group::head(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("HEAD", path), std::move(h), where);
}
JOT_INLINE void Group::options(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("OPTIONS", path), std::move(h), where);
}

JOT_INLINE void Group::mount(std::string_view prefix, Handler h, Where where) {
  using enum detail::RouteTable::Kind;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const Handler within = detail::Mount(std::move(h));
  if (!prefix.empty() || !group_->prefix.empty())
    table_->add(*group_, prefix, within, mount, where);
  table_->add(*group_, std::string(prefix) + '/', within, mount, where);
}

JOT_INLINE void Group::use(Middleware m) {
  const auto lock = table_->open();
  group_->middleware.push_back(std::move(m));
}

JOT_INLINE Group Group::group(std::string_view prefix, Where where) {
  return Group(table_, table_->add_group(*group_, prefix, where));
}

JOT_INLINE Router::Router() = default;

JOT_INLINE void Router::name(std::string_view name, std::string_view path, Where where) {
  table_->add_name(name, path, where);
}

JOT_INLINE std::string Router::url_for(std::string_view name, const Value& path_values) const {
  const detail::Pattern* pattern = table_->named(name);
  if (!pattern) throw std::invalid_argument("jot: url_for: no route is named " + std::string(name));
  return detail::RouteUrl(name, *pattern, path_values).text();
}

JOT_INLINE void Router::predicate(std::string_view name,
                                  std::function<bool(std::string_view)> accepts) {
  table_->add_test(name, std::move(accepts));
}

JOT_INLINE void Router::on_error(
    std::function<void(ResponseWriter&, Request&, int, std::string_view)> page) {
  table_->set_error_page(std::move(page));
}

JOT_INLINE std::vector<RouteInfo> Router::routes() const {
  std::vector<RouteInfo> infos;
  for (const detail::Route& route : table_->routes()) {
    const detail::Pattern& p = route.pattern;
    infos.push_back({p.method, p.host, std::string(p.path()), p.text, route.where.file_name(),
                     route.where.line()});
  }
  return infos;
}

JOT_INLINE void Router::operator()(ResponseWriter& w, Request& r) const {
  table_->close();
  const detail::Route* ahead = table_->take_match(r);
  const detail::Route& route = ahead ? *ahead : table_->match(r);
  route.chain(w, r);
}

JOT_INLINE void Router::operator()(ResponseWriter& w, Request&& r) const { (*this)(w, r); }

JOT_INLINE detail::RouteMemory& Router::match(Request& r) const { return table_->match_ahead(r); }

}  // namespace jot::inline v1
