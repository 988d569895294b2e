// SPDX-License-Identifier: MIT
//
// handler.ipp -- the bodies of handler.hpp.
#pragma once

#include "../detail/blocking.hpp"       // about_to_block
#include "../detail/error_page.hpp"     // answer_error
#include "../detail/header_access.hpp"  // HeaderAccess
#include "../handler.hpp"
#include "../json.hpp"    // to_json
#include "../status.hpp"  // status_text

#include <string>  // std::string

namespace jot::inline v1 {

namespace detail {

// content_type is a literal: the Header may point at it, and need not check it each time.
JOT_INLINE void answer_text(ResponseWriter& w, std::string_view content_type,
                            std::string_view text) {
  Header& header = w.header();
  if (!header.has("Content-Type")) {
    HeaderAccess::add_view(header, "Content-Type", content_type);
    if (!header.has("X-Content-Type-Options"))
      HeaderAccess::add_view(header, "X-Content-Type-Options", "nosniff");
  }
  w.write_bytes(text);
}

JOT_INLINE void answer_value(ResponseWriter& w, const Value& value) {
  if (!w.header().has("Content-Type")) w.header().set("Content-Type", "application/json");
  w.write_bytes(to_json(value));
}

JOT_INLINE std::shared_ptr<const Callable> share(const Callable* made) {
  return std::shared_ptr<const Callable>(made);
}

JOT_INLINE void announce_block() noexcept { about_to_block(); }

}  // namespace detail

// Here, at the innermost handler, so that each middleware sees what the client will see.
JOT_INLINE void Handler::operator()(ResponseWriter& w, Request& r) const {
  if (!callable_) return not_found(w, r);
  try {
    callable_->call(w, r);
  } catch (const ValueError& e) {
    detail::throw_if_by_client(r, e);
    throw;
  }
}

JOT_INLINE void Handler::operator()(ResponseWriter& w, Request&& r) const { (*this)(w, r); }

JOT_INLINE detail::RouteMemory& Handler::match(Request& r) const {
  static detail::RouteMemory of_empty_handlers;  // they never block: nothing is learned
  return callable_ ? callable_->match(r) : of_empty_handlers;
}

namespace detail {

JOT_INLINE Handler wrap_around(const std::shared_ptr<const Wrapper>& self, Handler next) {
  return [self, next = std::move(next)](ResponseWriter& w, Request& r) { self->call(w, r, next); };
}

JOT_INLINE std::shared_ptr<const Wrapper> share(const Wrapper* made) {
  return std::shared_ptr<const Wrapper>(made);
}

// Forgets the response so far, but for the fields that do not describe its body.
JOT_INLINE void begin_error(ResponseWriter& w, int status, std::string_view content_type) {
  Header kept = w.header();
  for (auto name : {"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Cache-Control"})
    kept.remove(name);
  if (status != 416) kept.remove("Content-Range");  // there it describes what the client asked of
  if (w.reset()) w.header() = std::move(kept);
  w.header().set("Content-Type", content_type);
  w.header().set("X-Content-Type-Options", "nosniff");
  w.write_header(status);
}

}  // namespace detail

JOT_INLINE void error(ResponseWriter& w, int status, std::string_view message) {
  std::string line(message);  // first: it may be a part of what is forgotten
  detail::begin_error(w, status, "text/plain; charset=utf-8");
  w.write_bytes(line += '\n');
}

JOT_INLINE void problem(ResponseWriter& w, Request& r, int status, std::string_view message,
                        const Value& members) {
  Value body = {{"type", "about:blank"}, {"title", status_text(status)}};
  if (!message.empty() && message != status_text(status)) body["detail"] = message;
  if (r.path().starts_with('/')) body["instance"] = r.path();
  if (!members.is_null()) {
    for (const auto& [name, value] : members.as_map()) body[name] = value;
  }
  body["status"] = status;
  const std::string json = to_json(body);
  detail::begin_error(w, status, "application/problem+json");
  w.write_bytes(json);
}

JOT_INLINE void not_found(ResponseWriter& w, Request& r) {
  detail::answer_error(w, r, 404, "not found");
}

JOT_INLINE void redirect(ResponseWriter& w, Request& r, std::string_view url, int status) {
  std::string location;
  for (char c : url) {
    if (static_cast<unsigned char>(c) < 0x80)
      location += c;
    else
      location += percent_encode({&c, 1});
  }
  w.header().set("Location", location);
  w.write_header(status);
  if (r.method() != "GET" && r.method() != "HEAD") return;
  if (!w.header().has("Content-Type")) w.header().set("Content-Type", "text/html; charset=utf-8");
  w.write("<a href=\"", html_escape(location), "\">", status_text(status), "</a>.\n");
}

JOT_INLINE void local_redirect(ResponseWriter& w, Request& r, std::string_view url, int status) {
  bool local = url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\");
  for (const char c : url) local = local && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (!local) throw HttpError(400, "this leads to another site");
  redirect(w, r, url, status);
}

}  // namespace jot::inline v1
