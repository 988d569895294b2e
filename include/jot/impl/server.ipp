// SPDX-License-Identifier: MIT
//
// server.ipp -- the bodies of server.hpp.
#pragma once

#include "../detail/lanes.hpp"  // Engine
#include "../server.hpp"

#include <stdexcept>  // std::logic_error

namespace jot::inline v1 {

JOT_INLINE Server::Server(ServerOptions options)
    : engine_(std::make_unique<detail::Engine>(std::move(options))) {}
JOT_INLINE Server::~Server() = default;

JOT_INLINE void Server::start() {
  if (!engine_->start()) throw std::logic_error("jot: a Server that was shut down does not start");
}

JOT_INLINE void Server::listen_and_serve(const Context& until) {
  if (!engine_->start()) return;
  engine_->wait(until);
  auto grace = with_timeout(background(), engine_->options().drain_timeout);
  shutdown(grace.ctx);
}

JOT_INLINE bool Server::shutdown(const Context& within) { return engine_->stop(within); }
JOT_INLINE std::string Server::addr() const { return engine_->addr(); }
JOT_INLINE ServerStats Server::stats() const { return engine_->stats(); }

JOT_INLINE void listen_and_serve(std::string addr, Handler handler) {
  Server({.addr = std::move(addr), .handler = std::move(handler)}).listen_and_serve();
}

}  // namespace jot::inline v1
