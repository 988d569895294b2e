// SPDX-License-Identifier: MIT
//
// answer.cpp -- can what a server says confuse the client's machines: events, cookies, redirects?
//
// An event stream must mean the same however it is cut. A cookie that is kept must be sent back to
// its host as a field, and to none outside of its domain. A redirect leads to an http URL,
// and takes credentials along within its origin only.
#include "jot/header.hpp"

#include "jot/detail/cookie_store.hpp"
#include "jot/detail/event_parser.hpp"
#include "jot/detail/redirect.hpp"

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace jot::detail;

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

constexpr std::size_t limit = 1000;

// All events of a stream that comes in pieces of that size.
std::string events_of(std::string_view bytes, std::size_t size) {
  EventParser parser(limit);
  std::string all;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    jot::Event event;
    while (!piece.empty()) {
      const auto found = parser.next(piece, event);
      if (found == EventParser::Found::too_large) return all + "!";
      if (found == EventParser::Found::nothing) break;
      must(event.data.size() <= limit && event.id.find('\0') == event.id.npos);
      all += event.event + '\1' + event.id + '\1' + event.data + '\2';
    }
    must(piece.empty());
  }
  return all;
}

void keep_cookie(std::string_view field) {
  CookieStore store;
  const bool kept = store.set("http://b.a.test/x/y", field, 1000);
  must(store.size() <= (kept ? 1u : 0u));
  must(is_field_value(store.get("http://b.a.test/x/y", 1000)));
  for (const char* stranger : {"http://c.test/x/y", "http://xa.test/x/y", "http://test/x/y"})
    must(store.get(stranger, 1000).empty());
}

void redirect_to(std::string_view location) {
  jot::Header response;
  try {
    response.add("Location", location);
  } catch (const std::invalid_argument&) {
    return;
  }
  const std::string from = "http://a.test/x/y?z";
  std::string method = "POST", url = from;
  jot::Header header{{"Authorization", "secret"}, {"Content-Type", "text/plain"}};
  const auto result = Redirects(1).next(302, response, method, url, header, RequestBody::once);
  if (!result) return must(url == from && method == "POST");
  must(*result == Redirected::without_body && method == "GET" && !header.has("Content-Type"));
  must(iequals(split_reference(url).scheme, "http") && all_are(url, byte_target));
  must(header.has("Authorization") == is_same_origin(from, url));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = events_of(bytes, size);
  for (const std::size_t cut : {1u, 2u, 7u}) must(events_of(bytes, cut) == whole);
  keep_cookie(bytes);
  redirect_to(bytes);
  return 0;
}
