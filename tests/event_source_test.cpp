// SPDX-License-Identifier: MIT
//
// event_source_test.cpp -- does the news come through, whatever happens to the connections?
#include "jot/event_source.hpp"

#include "bad_server.hpp"
#include "catch.hpp"

#include <atomic>       // std::atomic
#include <chrono>       // std::chrono
#include <mutex>        // std::mutex
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::jthread
#include <vector>       // std::vector

using namespace std::chrono_literals;
using jot::Client;
using jot::Clock;
using jot::Errc;
using jot::EventSource;

namespace {

constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

// Answers each request with the next of the bytes, the last one for ever, and closes.
struct Script {
  explicit Script(std::vector<std::string> answers)
      : answers_(std::move(answers)), server([this](bad::Peer& peer) { serve(peer); }) {}

  void serve(bad::Peer& peer) {
    const std::string head = peer.request();
    std::string answer;
    {
      std::lock_guard lock(mutex_);
      answer = answers_[std::min(heads_.size(), answers_.size() - 1)];
      heads_.push_back(head);
    }
    peer.send(answer);
  }
  std::vector<std::string> heads() {
    std::lock_guard lock(mutex_);
    return heads_;
  }

  std::vector<std::string> answers_;
  std::mutex mutex_;  // guards heads_
  std::vector<std::string> heads_;
  bad::Server server;
};

std::string stream(std::string_view events) { return std::string(stream_head).append(events); }
const std::string no_content = "HTTP/1.1 204 No Content\r\n\r\n";

std::string all_of(EventSource& events) {
  std::string all;
  while (auto event = events.next())
    all += event->event + '|' + event->id + '|' + event->data + '\n';
  return all;
}

}  // namespace

TEST_CASE("event source: it comes back, and says what it has seen, until there is no more") {
  Script script({stream("retry: 1\nid: 1\ndata: a\n\nevent: e\ndata: b\n\ndata: begun"),
                 stream(": nothing new\n\n"), stream("id: 3\ndata: c\n\n"), no_content});
  Client client;
  EventSource events(client, script.server.url("/news"),
                     {.header = {{"Authorization", "Bearer t"}}});
  CHECK(all_of(events) == "message|1|a\ne|1|b\nmessage|3|c\n");
  CHECK_FALSE(events.error().code());
  CHECK_FALSE(events.next());  // and ever after
  CHECK(events.last_id() == "3");
  const auto heads = script.heads();
  REQUIRE(heads.size() == 4);
  CHECK(heads[0].starts_with("GET /news HTTP/1.1\r\n"));
  CHECK(heads[0].find("Accept: text/event-stream\r\n") != std::string::npos);
  CHECK(heads[0].find("Authorization: Bearer t\r\n") != std::string::npos);
  CHECK(heads[0].find("Last-Event-ID") == std::string::npos);
  CHECK(heads[1].find("Last-Event-ID: 1\r\n") != std::string::npos);
  CHECK(heads[2].find("Last-Event-ID: 1\r\n") != std::string::npos);
  CHECK(heads[3].find("Last-Event-ID: 3\r\n") != std::string::npos);
}

TEST_CASE("event source: from where another left off") {
  Script script({stream("data: a\n\n"), no_content});
  Client client;
  EventSource events(client, script.server.url("/"), {.last_id = "41", .retry = 1ms});
  CHECK(all_of(events) == "message|41|a\n");
  CHECK(script.heads()[0].find("Last-Event-ID: 41\r\n") != std::string::npos);
}

TEST_CASE("event source: what is the end, and why") {
  struct {
    std::string name, answer;
    std::error_code code;
    std::string_view words;
  } const table[] = {
      {"204", no_content, {}, ""},
      {"page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx",
       Errc::bad_message, "text/html"},
      {"no type", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Errc::bad_message,
       "no event stream"},
      {"longer type",
       "HTTP/1.1 200 OK\r\nContent-Type: text/event-streamer\r\nContent-Length: 1\r\n\r\nx",
       Errc::bad_message, "no event stream"},
      {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Errc::refused_by_policy,
       "404"},
      {"401", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Errc::refused_by_policy, "401"},
      {"large", stream("data: " + std::string(2000, 'x')), Errc::too_large, "1000 bytes"},
      {"elsewhere", "HTTP/1.1 302 F\r\nLocation: https://x.test/\r\nContent-Length: 0\r\n\r\n",
       Errc::refused_by_policy, "https"},
  };
  Client client;
  for (const auto& row : table) {
    INFO(row.name);
    Script script({row.answer});
    EventSource events(client, script.server.url("/"), {.max_event = 1000, .retry = 1ms});
    CHECK_FALSE(events.next());
    CHECK(events.error().code() == row.code);
    CHECK(events.error().message().find(row.words) != std::string::npos);
    CHECK(script.heads().size() == 1);
  }
  EventSource tls(client, "https://x.test/");
  CHECK_FALSE(tls.next());
  CHECK(tls.error().code() == std::errc::protocol_not_supported);
}

TEST_CASE("event source: types with parameters and in capitals are streams") {
  for (const char* type : {"text/event-stream;charset=utf-8", "Text/Event-Stream ; x=y"}) {
    Script script({"HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) +
                       "\r\nConnection: close\r\n\r\ndata: a\n\n",
                   no_content});
    Client client;
    EventSource events(client, script.server.url("/"), {.retry = 1ms});
    CHECK(all_of(events) == "message||a\n");
  }
}

TEST_CASE("event source: what may pass is tried again, but not for ever") {
  Script recovers({"HTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n", "", "HTTP/1.1 bad\r\n\r\n",
                   "HTTP/1.1 429 T\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n",
                   stream("data: a\n\n"), "HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n",
                   no_content});
  Client client;
  EventSource events(client, recovers.server.url("/"), {.max_pause = 120ms, .retry = 1ms});
  CHECK(all_of(events) == "message||a\n");
  CHECK_FALSE(events.error().code());
  CHECK(recovers.heads().size() == 7);

  EventSource never(client, "http://127.0.0.1:1/",
                    {.max_failures = 2, .max_pause = 1ms, .retry = 1ms});
  CHECK_FALSE(never.next());
  INFO(never.error().message());
  CHECK(never.error().code() == std::errc::connection_refused);

  Script down({"HTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n"});
  EventSource stops(client, down.server.url("/"), {.max_failures = 3, .max_pause = 1ms});
  CHECK_FALSE(stops.next());
  CHECK(stops.error().message().find("503") != std::string::npos);
  CHECK(down.heads().size() == 4);
}

TEST_CASE("event source: its Context ends it, whatever it waits for") {
  bad::Server silent([](bad::Peer& peer) {
    peer.request();
    peer.send(stream("data: a\n\n"));
    peer.wait_for_close();
  });
  Script pausing({stream("retry: 60000\ndata: a\n\n")});
  for (const std::string& url : {silent.url("/"), pausing.server.url("/")}) {
    Client client;
    auto [ctx, cancel] = jot::with_cancel(jot::background());
    EventSource events(ctx, client, url, {.max_pause = 1h});
    CHECK(events.next());
    std::jthread canceller([&, c = &cancel] { (*c)(jot::Error(Errc::canceled, "enough")); });
    const Clock::time_point begin = Clock::now();
    CHECK_FALSE(events.next());
    CHECK(Clock::now() - begin < 10s);
    CHECK(events.error().canceled());
    CHECK(events.error().message().find("enough") != std::string::npos);
  }
}

TEST_CASE("event source: a stream outlives the Client's timeout; silence is a lost connection") {
  std::atomic<int> connections = 0;
  bad::Server server([&](bad::Peer& peer) {
    peer.request();
    if (++connections == 2) return void(peer.send(no_content));
    peer.send(stream_head);
    for (int i = 0; i < 10 && peer.send("data: a\n\n"); ++i) peer.sleep(30ms);
    peer.wait_for_close();
  });
  Client client{{.body_timeout = 20ms, .timeout = 100ms}};
  EventSource events(client, server.url("/"), {.retry = 1ms, .silence = 300ms});
  std::string want;
  for (int i = 0; i < 10; ++i) want += "message||a\n";
  CHECK(all_of(events) == want);
  CHECK(connections == 2);
}

TEST_CASE("event source: options that make no sense are refused") {
  Client client;
  CHECK_THROWS_AS(EventSource(client, "/", {.max_event = 0}), std::invalid_argument);
  CHECK_THROWS_AS(EventSource(client, "/", {.max_failures = 0}), std::invalid_argument);
  CHECK_THROWS_AS(EventSource(client, "/", {.max_pause = 0s}), std::invalid_argument);
  CHECK_THROWS_AS(EventSource(client, "/", {.retry = -1s}), std::invalid_argument);
  CHECK_THROWS_AS(EventSource(client, "/", {.silence = 0s}), std::invalid_argument);
  CHECK_THROWS_AS(EventSource(client, "/", {.last_id = "a\nb"}), std::invalid_argument);
}
