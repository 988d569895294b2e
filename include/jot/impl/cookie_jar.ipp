// SPDX-License-Identifier: MIT
//
// cookie_jar.ipp -- the bodies of cookie_jar.hpp.
#pragma once

#include "../cookie_jar.hpp"
#include "../detail/cookie_store.hpp"  // CookieStore

#include <ctime>  // std::time

namespace jot::inline v1 {

JOT_INLINE CookieJar::CookieJar() : store_(std::make_shared<detail::CookieStore>()) {}

JOT_INLINE bool CookieJar::set(std::string_view url, std::string_view set_cookie) const {
  return store_->set(url, set_cookie, std::time(nullptr));
}

JOT_INLINE std::string CookieJar::get(std::string_view url) const {
  return store_->get(url, std::time(nullptr));
}

JOT_INLINE std::size_t CookieJar::size() const { return store_->size(); }

JOT_INLINE void CookieJar::clear() const { store_->clear(); }

}  // namespace jot::inline v1
