// SPDX-License-Identifier: MIT
//
// dial_test.cpp -- which of several addresses is connected to, and what is said when none is?
#include "jot/client.hpp"

#include "jot/detail/dial.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "silent_port.hpp"

#include <string>  // std::string
#include <thread>  // std::thread
#include <vector>  // std::vector

using namespace std::chrono_literals;
using jot::detail::CallWait;
using jot::detail::Dialling;
using jot::detail::Fd;
using jot::detail::SocketAddress;
using jot::detail::SocketAddresses;

namespace {

SocketAddress port(int number) {
  sockaddr_in four{};
  four.sin_family = AF_INET, four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  four.sin_port = htons(static_cast<std::uint16_t>(number));
  return jot::detail::socket_address(&four, sizeof four);
}

// One that this machine has no way to.
SocketAddress unreachable() {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6, six.sin6_port = htons(9);
  inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
  return jot::detail::socket_address(&six, sizeof six);
}

jot::Result<Fd> dial(const SocketAddresses& all, std::chrono::milliseconds timeout) {
  CallWait wait(jot::background(), 20s);
  return Dialling(all, wait, jot::Clock::now() + timeout).run();
}

// Where it is connected to.
int port_of(const Fd& fd) {
  sockaddr_in four{};
  socklen_t size = sizeof four;
  getpeername(fd.get(), reinterpret_cast<sockaddr*>(&four), &size);
  return ntohs(four.sin_port);
}

}  // namespace

TEST_CASE("dial: the first address that answers is taken") {
  bad::Server server([](bad::Peer& p) { p.wait_for_close(); });
  SilentPort silent;
  const SocketAddress good = port(server.port()), refused = port(1), mute = port(silent.port());
  const std::vector<SocketAddresses> cases = {{good},
                                              {refused, good},
                                              {mute, good},
                                              {mute, refused, good},
                                              {refused, mute, mute, good},
                                              {good, mute}};
  for (const auto& addresses : cases) {
    const std::size_t fds = bad::count_of("fd");
    {
      auto fd = dial(addresses, 10s);
      REQUIRE(fd);
      CHECK(port_of(*fd) == server.port());
      CHECK((fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
      CHECK(bad::count_of("fd") <=
            fds + 2);  // the others are closed; the server's end is ours, too
    }
  }
}

TEST_CASE("dial: when none answers, the error that tells most is said") {
  SilentPort silent;
  const SocketAddress refused = port(1), mute = port(silent.port());
  auto failed = dial({refused, refused}, 10s);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == std::errc::connection_refused);
  CHECK(failed.error().message() == "cannot connect to 127.0.0.1:1: Connection refused");
  CHECK(dial({refused, mute}, 50ms).error().timeout());
  CHECK(dial({mute, mute, mute}, 300ms).error().timeout());
  if (!dial({unreachable()}, 1s).error().timeout()) {  // elsewhere it may be routed into the void
    CHECK(dial({unreachable(), refused}, 1s).error().code() == std::errc::connection_refused);
    CHECK(dial({refused, unreachable()}, 1s).error().code() == std::errc::connection_refused);
  }
}

TEST_CASE("dial: a socket that connects to itself is no server") {
  // The kernel may give the very port that is dialled: so it is bound before.
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress any = port(0);
  REQUIRE(bind(fd.get(), any.get(), any.length) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&bound), size) == 0);
  CHECK(Dialling::is_itself(fd, port(ntohs(bound.sin_port))));
}

TEST_CASE("dial: a Unix socket whose line of callers is full is waited for") {
  char folder[] = "/tmp/jot-dial-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/socket";
  const SocketAddresses where = *jot::detail::unix_addresses(path);
  const Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(bind(listener.get(), where[0].get(), where[0].length) == 0);
  REQUIRE(listen(listener.get(), 0) == 0);
  jot::detail::Resolver resolver;
  const auto call = [&](const jot::Context& ctx, std::chrono::milliseconds timeout) {
    CallWait wait(ctx, 20s);
    return jot::detail::dial("unix:" + path, resolver, wait, timeout);
  };
  const auto first = call(jot::background(), 10s);
  REQUIRE(first);
  const auto second = call(jot::background(), 20ms);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == jot::Errc::deadline_exceeded);
  auto [ctx, cancel] = jot::with_cancel(jot::background());
  std::thread canceller([&stop = cancel] { stop(); });
  CHECK(call(ctx, 10s).error().code() == jot::Errc::canceled);
  canceller.join();
  std::thread server([&] { const Fd accepted(accept(listener.get(), nullptr, nullptr)); });
  CHECK(call(jot::background(), 10s));
  server.join();
  unlink(path.c_str());
  rmdir(folder);
}
