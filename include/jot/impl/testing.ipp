// SPDX-License-Identifier: MIT
//
// testing.ipp -- the bodies of testing.hpp.
#pragma once

#include "../detail/error_page.hpp"     // call_handler, Outcome
#include "../detail/parse_request.hpp"  // parse_request
#include "../detail/request_state.hpp"  // RequestState, BodySource
#include "../error.hpp"                 // HttpError
#include "../json.hpp"                  // to_json
#include "../testing.hpp"

#include <algorithm>  // std::min
#include <cstddef>    // std::size_t
#include <cstring>    // std::memcpy
#include <limits>     // std::numeric_limits
#include <memory>     // std::make_unique
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// A body that is there already. Its limit counts from the start, as that of a connection does.
class StringBody final : public BodySource {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)) {}

  std::size_t read(std::span<char> to) override {
    if (bytes_.size() > limit_) throw HttpError(413);
    const std::size_t n = std::min(to.size(), bytes_.size() - read_);
    if (n > 0) std::memcpy(to.data(), bytes_.data() + read_, n);
    read_ += n;
    return n;
  }
  void set_limit(std::uint64_t bytes) override { limit_ = bytes; }
  std::size_t expected() const noexcept override {
    return bytes_.size() > limit_ ? 0 : bytes_.size() - read_;
  }

  static void destroy(BodySource* source) { delete static_cast<StringBody*>(source); }

 private:
  std::string bytes_;
  std::size_t read_ = 0;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
};

// The head as it would stand on the wire.
JOT_INLINE std::string head_text(std::string_view method, std::string_view target,
                                 const Header& header) {
  std::string text(method);
  ((text += ' ') += target) += " HTTP/1.1\r\n";
  if (!header.has("Host")) text += "Host: example.com\r\n";
  for (const Field& f : header) (((text += f.name) += ": ") += f.value) += "\r\n";
  return text += "\r\n";
}

JOT_INLINE ServerOptions on_free_port(ServerOptions options) {
  if (options.addr == ServerOptions{}.addr) options.addr = "127.0.0.1:0";
  return options;
}

JOT_INLINE void set_own_body(RequestState& s, std::string body) {
  s.own_body = {new StringBody(std::move(body)), &StringBody::destroy};
  RequestAccess::set_source(s.body, s.own_body.get());
}

}  // namespace detail

JOT_INLINE Recorder::Recorder() = default;

JOT_INLINE Header& Recorder::header() { return header_; }

JOT_INLINE void Recorder::write_header(int status) {
  if (status < 100 || status > 999 || status == 101) {
    throw std::invalid_argument("jot: not a status to answer with: " + std::to_string(status));
  }
  if (status >= 200 && !committed()) status_ = status;
}

JOT_INLINE bool Recorder::write_bytes(std::string_view bytes) {
  body_ += bytes;
  return true;
}

JOT_INLINE Flusher* Recorder::flusher() { return this; }
JOT_INLINE int Recorder::status() const { return status_; }
JOT_INLINE bool Recorder::committed() const { return flushes_ > 0; }
JOT_INLINE std::uint64_t Recorder::bytes_written() const { return body_.size(); }

JOT_INLINE bool Recorder::reset() {
  if (committed()) return false;
  status_ = 200;
  header_ = {};
  body_.clear();
  return true;
}

JOT_INLINE bool Recorder::flush() {
  if (flushes_++ == 0) sent_ = header_;
  return true;
}

JOT_INLINE Recorded Recorder::recorded() const { return {status_, sent_header(), body_}; }

JOT_INLINE void Recorder::copy_to(ResponseWriter& w) const {
  for (const Field& f : sent_header()) w.header().add(f.name, f.value);
  w.write_header(status_);
  w.write_bytes(body_);
  if (Flusher* flusher = committed() ? w.flusher() : nullptr) flusher->flush();
}

JOT_INLINE Request request(std::string_view method, std::string_view target,
                           RequestOptions options) {
  if (!options.json.is_null()) {
    options.body = to_json(options.json);
    if (!options.header.has("Content-Type")) options.header.set("Content-Type", "application/json");
  }
  if (!options.body.empty() && !options.header.has("Transfer-Encoding")) {
    options.header.set("Content-Length", options.body.size());
  }
  auto state = std::make_unique<detail::RequestState>();
  state->own_bytes = detail::head_text(method, target, options.header);
  const detail::HeadLimits any{~std::size_t{0}, ~std::size_t{0}, ~std::size_t{0}};
  const auto verdict = detail::parse_request(state->own_bytes, any, state->head, state->header);
  if (!verdict.ok()) throw std::invalid_argument(std::string("jot: request: ") + verdict.reason);
  state->own_remote_addr = std::move(options.remote_addr);
  state->context = std::move(options.context);
  detail::set_own_body(*state, std::move(options.body));
  return detail::RequestAccess::make(std::move(state));
}

JOT_INLINE Recorded record(const Handler& h, Request r) {
  Recorder recorder;
  h.match(r);
  const auto outcome = detail::call_handler(h, recorder, r);
  Recorded result = recorder.recorded();
  result.cut_short = outcome == detail::Outcome::failed;
  return result;
}

JOT_INLINE TestServer::TestServer(Handler handler)
    : TestServer(ServerOptions{.handler = std::move(handler)}) {}

JOT_INLINE TestServer::TestServer(ServerOptions options)
    : server_(detail::on_free_port(std::move(options))) {
  server_.start();
}

JOT_INLINE std::string TestServer::url(std::string_view path) const {
  return text("http://", server_.addr(), path);
}

}  // namespace jot::inline v1
