// SPDX-License-Identifier: MIT
//
// event_source.ipp -- the bodies of event_source.hpp.
#pragma once

#include "../detail/event_feed.hpp"  // EventFeed
#include "../event_source.hpp"

namespace jot::inline v1 {

JOT_INLINE EventSource::EventSource(const Context& ctx, Client& client, std::string url,
                                    EventSourceOptions options)
    : feed_(std::make_unique<detail::EventFeed>(ctx, client, std::move(url), std::move(options))) {}
JOT_INLINE EventSource::EventSource(Client& client, std::string url, EventSourceOptions options)
    : EventSource(background(), client, std::move(url), std::move(options)) {}
JOT_INLINE EventSource::~EventSource() = default;

JOT_INLINE std::optional<Event> EventSource::next() { return feed_->next(); }
JOT_INLINE const Error& EventSource::error() const noexcept { return feed_->error(); }
JOT_INLINE const std::string& EventSource::last_id() const noexcept { return feed_->last_id(); }

}  // namespace jot::inline v1
