// SPDX-License-Identifier: MIT
//
// event_parser_test.cpp -- are the events of a stream those that a browser would see?
#include "jot/detail/event_parser.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace std::chrono_literals;
using jot::Event;
using jot::detail::EventParser;
using Found = EventParser::Found;

namespace {

// "type|id|data" of each event, when the stream comes in pieces of that size.
std::vector<std::string> events_of(std::string_view stream, std::size_t size) {
  EventParser parser(1000);
  std::vector<std::string> events;
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) {
    std::string_view piece = stream.substr(0, size);
    Event event;
    while (parser.next(piece, event) == Found::event)
      events.push_back(event.event + '|' + event.id + '|' + event.data);
    CHECK(piece.empty());
  }
  return events;
}

}  // namespace

TEST_CASE("events: streams, cut anywhere") {
  using Want = std::vector<std::string>;
  struct {
    std::string_view stream;
    Want want;
  } const table[] = {
      {"data: a\n\n", {"message||a"}},
      {"data: a\r\n\r\n", {"message||a"}},
      {"data: a\r\r", {"message||a"}},
      {"data: a\n\r\n", {"message||a"}},
      {"data: a\r\n\n", {"message||a"}},
      {"data: a\r\n\r\n\r\n\r\ndata: b\r\n\r\n", {"message||a", "message||b"}},
      {"data: a", {}},
      {"data: a\n", {}},
      {"\n\n\n", {}},
      {"\xef\xbb\xbf"
       "data: a\n\n",
       {"message||a"}},
      {"\xef\xbb\xbf\xef\xbb\xbf"
       "data: a\n\n",
       {}},
      {"data: a\n\xef\xbb\xbf"
       "data: b\n\n",
       {"message||a"}},
      {"data:a\ndata:b\n\n", {"message||a\nb"}},
      {"data:\n\n", {"message||"}},
      {"data\n\n", {"message||"}},
      {"data\ndata\n\n", {"message||\n"}},
      {"data:  a \n\n", {"message|| a "}},
      {"data: a: b\n\n", {"message||a: b"}},
      {" data: a\n\n", {}},
      {"data : a\n\n", {}},
      {"Data: a\n\n", {}},
      {": comment\n:\ndata: a\n:c\n\n", {"message||a"}},
      {"unknown: x\ndata: a\n\n", {"message||a"}},
      {"event: e\ndata: a\n\ndata: b\n\n", {"e||a", "message||b"}},
      {"event: e\nevent\ndata: a\n\n", {"message||a"}},
      {"event: e\n\ndata: a\n\n", {"message||a"}},
      {"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
       {"message|1|a", "message|1|b", "message||c"}},
      {"id: 1\n\ndata: a\n\n", {"message|1|a"}},
      {std::string_view("id: 1\nid: 2\0\ndata: a\n\n", 22), {"message|1|a"}},
      {std::string_view("data: \0\n\n", 9), {std::string("message||\0", 10)}},
      {"retry: 5\ndata: a\n\n", {"message||a"}},
      // The examples of the standard.
      {"data: YHOO\ndata: +2\ndata: 10\n\n", {"message||YHOO\n+2\n10"}},
      {": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
       "event\n\n",
       {"message|1|first event", "message||second event", "message|| third event"}},
      {"data\n\ndata\ndata\n\ndata:", {"message||", "message||\n"}},
      {"data:test\n\ndata: test\n\n", {"message||test", "message||test"}},
  };
  for (const auto& row : table) {
    INFO(row.stream);
    for (std::size_t size = 1; size <= row.stream.size(); ++size)
      CHECK(events_of(row.stream, size) == row.want);
  }
}

TEST_CASE("events: retry is digits only, and bounded") {
  struct {
    std::string_view value;
    std::int64_t want;  // -1: none
  } const table[] = {{"0", 0},    {"1500", 1500}, {"", -1},   {"-1", -1},
                     {"1.5", -1}, {"5s", -1},     {" 5", -1}, {"99999999999999999999", 86'400'000}};
  for (const auto& row : table) {
    INFO(row.value);
    EventParser parser(1000);
    Event event;
    const std::string text = "retry: " + std::string(row.value) + "\ndata: a\n\ndata: b\n\n";
    std::string_view bytes = text;
    REQUIRE(parser.next(bytes, event) == Found::event);
    CHECK(event.retry.value_or(-1ms).count() == row.want);
    CHECK(parser.retry().value_or(-1ms).count() == row.want);
    REQUIRE(parser.next(bytes, event) == Found::event);
    CHECK_FALSE(event.retry);
  }
}

TEST_CASE("events: an event is there with its empty line, not with the byte after it") {
  EventParser parser(1000);
  Event event;
  std::string_view bytes = "data: a\r\n\r";
  CHECK(parser.next(bytes, event) == Found::event);
  CHECK(bytes.empty());
  bytes = "\ndata: b\n\n";
  CHECK(parser.next(bytes, event) == Found::event);
  CHECK(event.data == "b");
}

TEST_CASE("events: on a new connection what was begun is gone, the id is not") {
  EventParser parser(1000);
  Event event;
  std::string_view bytes = "id: 7\nretry: 10\n\nevent: x\nid: 8\ndata: lost\ndat";
  CHECK(parser.next(bytes, event) == Found::nothing);
  CHECK(parser.last_id() == "7");
  parser.restart();
  bytes =
      "\xef\xbb\xbf"
      "data: a\n\n";
  REQUIRE(parser.next(bytes, event) == Found::event);
  CHECK(event.event == "message");
  CHECK(event.id == "7");
  CHECK(event.data == "a");
  CHECK(parser.retry() == 10ms);
}

TEST_CASE("events: lines and events are bounded, streams are not") {
  Event event;
  const std::string long_line = "data:" + std::string(95, 'x');
  for (const std::string& stream :
       {long_line + 'x', ':' + std::string(100, 'x'),
        "data:" + std::string(60, 'x') + "\ndata:" + std::string(60, 'x') + "\n"}) {
    EventParser parser(100);
    std::string_view bytes = stream;
    CHECK(parser.next(bytes, event) == Found::too_large);
  }
  EventParser parser(100);
  for (int i = 0; i < 1000; ++i) {
    const std::string one = ":" + std::string(99, 'c') + "\n" + long_line + "\n\n";
    std::string_view bytes = one;
    CHECK(parser.next(bytes, event) == Found::event);
  }
}
