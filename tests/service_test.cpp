// SPDX-License-Identifier: MIT
//
// service_test.cpp -- how much memory and how many calls does it take to receive a message?
//
// Asks the machine itself, for neither can be seen from outside.
#include "jot.hpp"

#include "catch.hpp"

#include "jot/detail/lane.hpp"  // Service, Connection: behind the contracts, which bring them up

#include <sys/socket.h>  // socketpair
#include <unistd.h>      // write

#include <algorithm>    // std::min
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace {

using namespace std::string_literals;
using namespace jot::detail;

struct SocketPair {
  SocketPair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0); }
  SocketPair(const SocketPair&) = delete;
  ~SocketPair() { ::close(fds[0]), ::close(fds[1]); }
  int fds[2];
};

// A connection with a service that takes it up and lets it go as a lane does.
struct Served {
  // Sends the bytes so many at a time, the service being idle in between, and answers what is
  // asked. Returns how many receives it took.
  int feed(std::string_view bytes, std::size_t at_a_time) {
    int receives = 0;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_a_time, bytes.size()))) {
      const std::string_view some = bytes.substr(0, at_a_time);
      REQUIRE(::write(sockets.fds[0], some.data(), some.size()) ==
              static_cast<ssize_t>(some.size()));
      connection.drained = false;
      service.take(connection);
      Service::Next next = service.examine();
      while (next == Service::Next::request || !connection.drained) {
        if (next == Service::Next::request)
          service.answer(), ++answered, next = service.next();
        else if (service.receive() == Received::bytes)
          ++receives, next = service.examine();
      }
      service.let_go();
    }
    return receives;
  }

  SocketPair sockets;
  House house{{.handler = [] { return "x"; }, .log = jot::Logger([](const jot::LogRecord&) {})}};
  ThreadCache cache{house, [](Lane&, Service&) noexcept {}};
  WakeFlag flag;
  Lane lane{house, cache, flag};
  Connection connection{sockets.fds[1], lane};
  Service service{house};
  int answered = 0;
};

const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";

TEST_CASE("service: what may be long is received in large pieces") {
  struct {
    std::string_view name;
    std::string head;  // ends in the middle of a message
    std::string rest;
    int most;  // receives for all of it
  } const table[] = {
      {"a body that nobody reads", post + "Content-Length: 100000\r\n\r\n",
       std::string(100'000, 'x'), 7},
      {"a chunked one that nobody reads", post + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n",
       std::string(100'000, 'x') + "\r\n0\r\n\r\n", 9},
      {"a chunked one, read ahead", post + "Transfer-Encoding: chunked\r\n\r\nea60\r\n",
       std::string(60'000, 'x') + "\r\n0\r\n\r\n", 6},
      {"one of a known length, read ahead", post + "Content-Length: 60000\r\n\r\n",
       std::string(60'000, 'x'), 2},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s;
    s.feed(t.head, t.head.size());
    CHECK(s.connection.kept);
    CHECK(s.feed(t.rest, t.rest.size()) <= t.most);
    CHECK(s.answered == 1);
    CHECK_FALSE(s.connection.kept);
  }
}

TEST_CASE("service: a slow client's bytes take about as much memory as they are many") {
  Served s;
  const std::string head = "GET /" + std::string(3000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(s.feed(head.substr(0, 3000), 10) == 300);
  REQUIRE(s.connection.kept);
  Input& input = s.connection.kept->input;
  CHECK(input.size() == 3000);
  CHECK(input.room(0).size() < 3000);
  CHECK(s.feed(head.substr(3000), 10) >= 1);
  CHECK(s.answered == 1);
  CHECK_FALSE(s.connection.kept);
}

}  // namespace
