// SPDX-License-Identifier: MIT
//
// client.ipp -- the bodies of client.hpp.
#pragma once

#include "../client.hpp"
#include "../detail/client_core.hpp"  // ClientCore, ResponseStream
#include "../json.hpp"                // to_json

namespace jot::inline v1 {

namespace detail {

JOT_INLINE ClientRequest client_request(std::string_view method, std::string_view url,
                                        Payload body = {}, std::string_view content_type = {}) {
  ClientRequest request;
  request.method = method, request.url = url, request.body = std::move(body);
  if (!content_type.empty()) request.header.set("Content-Type", content_type);
  return request;
}

}  // namespace detail

JOT_INLINE Payload::Payload(const Value& json)
    : bytes_(to_json(json)), content_type_("application/json"), exists_(true) {}

JOT_INLINE Payload Payload::sized(std::uint64_t length, BodySource source) {
  Payload payload(std::move(source));
  return payload.length_ = length, payload;
}

JOT_INLINE Payload Payload::from(std::function<BodySource()> make,
                                 std::optional<std::uint64_t> length, std::string content_type) {
  Payload payload;
  payload.make_ = std::move(make), payload.length_ = length, payload.exists_ = true;
  payload.content_type_ = std::move(content_type);
  return payload;
}

JOT_INLINE ResponseBody::ResponseBody() noexcept = default;
JOT_INLINE ResponseBody::ResponseBody(ResponseBody&&) noexcept = default;
JOT_INLINE ResponseBody& ResponseBody::operator=(ResponseBody&&) noexcept = default;
JOT_INLINE ResponseBody::~ResponseBody() = default;

JOT_INLINE Result<std::string> ResponseBody::read_all(std::size_t limit) {
  return stream_ ? stream_->read_all(limit) : std::string();
}

JOT_INLINE Result<std::size_t> ResponseBody::read(std::span<char> to) {
  return stream_ ? stream_->read(to) : std::size_t{0};
}

JOT_INLINE Result<std::uint64_t> ResponseBody::write_to(int fd) {
  return stream_ ? stream_->write_to(fd) : std::uint64_t{0};
}

JOT_INLINE const Header& ResponseBody::trailer() const noexcept {
  static const Header none;
  return stream_ ? stream_->trailer() : none;
}

JOT_INLINE Client::Client(ClientOptions options)
    : core_(std::make_unique<detail::ClientCore>(std::move(options))) {}
JOT_INLINE Client::~Client() = default;

JOT_INLINE Result<Response> Client::get(std::string_view url) { return get(background(), url); }
JOT_INLINE Result<Response> Client::get(const Context& ctx, std::string_view url) {
  return send(ctx, detail::client_request("GET", url));
}

JOT_INLINE Result<Response> Client::head(std::string_view url) { return head(background(), url); }
JOT_INLINE Result<Response> Client::head(const Context& ctx, std::string_view url) {
  return send(ctx, detail::client_request("HEAD", url));
}

JOT_INLINE Result<Response> Client::del(std::string_view url) { return del(background(), url); }
JOT_INLINE Result<Response> Client::del(const Context& ctx, std::string_view url) {
  return send(ctx, detail::client_request("DELETE", url));
}

JOT_INLINE Result<Response> Client::post(std::string_view url, Payload body,
                                         std::string_view content_type) {
  return post(background(), url, std::move(body), content_type);
}
JOT_INLINE Result<Response> Client::post(const Context& ctx, std::string_view url, Payload body,
                                         std::string_view content_type) {
  return send(ctx, detail::client_request("POST", url, std::move(body), content_type));
}

JOT_INLINE Result<Response> Client::put(std::string_view url, Payload body,
                                        std::string_view content_type) {
  return put(background(), url, std::move(body), content_type);
}
JOT_INLINE Result<Response> Client::put(const Context& ctx, std::string_view url, Payload body,
                                        std::string_view content_type) {
  return send(ctx, detail::client_request("PUT", url, std::move(body), content_type));
}

JOT_INLINE Result<Response> Client::patch(std::string_view url, Payload body,
                                          std::string_view content_type) {
  return patch(background(), url, std::move(body), content_type);
}
JOT_INLINE Result<Response> Client::patch(const Context& ctx, std::string_view url, Payload body,
                                          std::string_view content_type) {
  return send(ctx, detail::client_request("PATCH", url, std::move(body), content_type));
}

JOT_INLINE Result<Response> Client::send(const ClientRequest& request) {
  return send(background(), request);
}
JOT_INLINE Result<Response> Client::send(const Context& ctx, const ClientRequest& request) {
  return core_->call(ctx, request);
}

JOT_INLINE void Client::close_idle() { core_->pool().close_idle(false); }
JOT_INLINE ClientStats Client::stats() const { return core_->pool().stats(); }

}  // namespace jot::inline v1
