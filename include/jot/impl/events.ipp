// SPDX-License-Identifier: MIT
//
// events.ipp -- the bodies of events.hpp.
#pragma once

#include "../detail/event_channel.hpp"  // EventChannel
#include "../detail/print_event.hpp"    // print_event
#include "../events.hpp"

#include <memory>     // std::make_unique
#include <stdexcept>  // std::invalid_argument

namespace jot::inline v1 {

JOT_INLINE EventStream::EventStream(ResponseWriter& w, Request& r, nanoseconds heartbeat) {
  if (heartbeat <= nanoseconds::zero())
    throw std::invalid_argument("jot: EventStream: a heartbeat is above 0");
  channel_ = std::make_unique<detail::EventChannel>(w, r, heartbeat);
}
JOT_INLINE EventStream::~EventStream() = default;

JOT_INLINE bool EventStream::send(const Event& e) { return channel_->send(detail::print_event(e)); }

JOT_INLINE std::string_view EventStream::last_id() const noexcept { return channel_->last_id(); }

}  // namespace jot::inline v1
