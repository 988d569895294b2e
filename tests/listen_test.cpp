// SPDX-License-Identifier: MIT
//
// listen_test.cpp -- addresses that can be served, and those that cannot, with the reason in words.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <sys/stat.h>  // stat
#include <unistd.h>    // getpid, unlink

#include <cstdlib>       // setenv
#include <fstream>       // std::ofstream
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <system_error>  // std::system_error

using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

jot::ServerOptions hello(const std::string& addr) {
  return {.addr = addr, .handler = [addr] { return "hello from " + addr; }};
}
std::string ask(const std::string& addr) { return raw::Client(addr).ask(get).body; }

std::string socket_path(const char* name) {
  return "/tmp/jot_listen_" + std::to_string(getpid()) + "_" + name;
}
bool exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

}  // namespace

TEST_CASE("listen: each kind of address is served, and told by addr()") {
  const std::string path = socket_path("kinds");
  struct {
    std::string addr, told;  // told: how addr() begins
  } const table[] = {
      {"127.0.0.1:0", "127.0.0.1:"},
      {"[::1]:0", "[::1]:"},
      {"localhost:0", ""},
      {"unix:" + path, "unix:" + path},
  };
  for (auto& t : table) {
    INFO(t.addr);
    jot::Server server(hello(t.addr));
    CHECK(server.addr().empty());
    server.start();
    CHECK(server.addr().starts_with(t.told));
    CHECK_FALSE(server.addr().ends_with(":0"));
    CHECK(ask(server.addr()) == "hello from " + t.addr);
  }
}

TEST_CASE("listen: without a host, IPv4 and IPv6") {
  jot::Server server(hello(":0"));
  server.start();
  const std::string port = server.addr().substr(server.addr().rfind(':'));
  CHECK(ask("127.0.0.1" + port) == "hello from :0");
  CHECK(ask("[::1]" + port) == "hello from :0");
}

TEST_CASE("listen: an IPv4 client of both is told by its IPv4 address") {
  jot::Server server(
      {.addr = ":0", .handler = [](jot::Request& r) { return std::string(r.remote_addr()); }});
  server.start();
  CHECK(
      ask("127.0.0.1" + server.addr().substr(server.addr().rfind(':'))).starts_with("127.0.0.1:"));
}

TEST_CASE("listen: two servers in one process") {
  jot::Server one(hello("127.0.0.1:0"));
  jot::Server two({.addr = "127.0.0.1:0", .handler = [] { return "two"; }});
  one.start(), two.start();
  CHECK(one.addr() != two.addr());
  raw::Client first(one.addr()), second(two.addr());
  for (int i = 0; i < 5; ++i) {
    CHECK(first.ask(get).body == "hello from 127.0.0.1:0");
    CHECK(second.ask(get).body == "two");
  }
}

TEST_CASE("listen: a port in use is an error that names it") {
  jot::Server one(hello("127.0.0.1:0"));
  one.start();
  jot::Server two(hello(one.addr()));
  CHECK_THROWS_AS(two.start(), std::system_error);
  try {
    jot::Server(hello(one.addr())).start();
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::address_in_use);
    CHECK_THAT(e.what(), Contains(one.addr()));
  }
  CHECK_THROWS_AS(jot::listen_and_serve(one.addr(), [] { return ""; }), std::system_error);
  CHECK(ask(one.addr()) == "hello from 127.0.0.1:0");
}

TEST_CASE("listen: two share a port where both want to") {
  jot::ServerOptions options = hello("127.0.0.1:0");
  options.reuse_port = true;
  jot::Server one(options);
  one.start();
  options.addr = one.addr();
  jot::Server two(options);
  two.start();
  CHECK(ask(one.addr()) == "hello from 127.0.0.1:0");
}

TEST_CASE("listen: a port is free again as soon as its server ends") {
  std::string addr = "127.0.0.1:0";
  for (int i = 0; i < 5; ++i) {
    jot::Server server(hello(addr));
    server.start();
    addr = server.addr();
    CHECK(raw::Client(addr).ask(get).status == 200);  // the server closes: it has TIME_WAIT
  }
}

TEST_CASE("listen: what is no address is said so") {
  for (auto addr :
       {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:99999999999", "::1:80", "[::1]", "[::1]80", "unix:", "no.such.host.invalid:80",
        "127.0.0.1:80:80", "127.0.0.256:0", ":+80", ": 80"}) {
    INFO(addr);
    jot::Server server({.addr = addr});
    CHECK_THROWS_AS(server.start(), std::invalid_argument);
    try {
      jot::Server({.addr = addr}).start();
    } catch (const std::invalid_argument& e) {
      CHECK_THAT(e.what(), Contains(addr));
    }
  }
  CHECK_THROWS_AS(jot::Server(hello("unix:" + std::string(200, 'x'))).start(),
                  std::invalid_argument);
  CHECK_THROWS_AS(jot::Server(hello("systemd")).start(), std::invalid_argument);
}

TEST_CASE("listen: what a manager hands over must be a listening socket") {
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", "1000000", 1);  // more than there can be
  CHECK_THROWS_WITH(jot::Server(hello("systemd")).start(), Contains("is no listening socket"));
  setenv("LISTEN_PID", "1", 1);
  CHECK_THROWS_WITH(jot::Server(hello("systemd")).start(), Contains("no sockets were handed over"));
  unsetenv("LISTEN_PID"), unsetenv("LISTEN_FDS");
}

TEST_CASE("listen: an address of another machine, a path that does not exist") {
  for (auto addr : {"192.0.2.1:0", "unix:/no/such/directory/s"}) {
    INFO(addr);
    try {
      jot::Server(hello(addr)).start();
      FAIL("served");
    } catch (const std::system_error& e) {
      CHECK_THAT(e.what(), Contains(addr));
    }
  }
}

TEST_CASE("listen: a start that failed can be tried again elsewhere, and a Server starts once") {
  jot::Server never(hello("127.0.0.1:0"));
  jot::Server server(hello("127.0.0.1:0"));
  server.start();
  CHECK_THROWS_AS(server.start(), std::logic_error);
  CHECK(ask(server.addr()) == "hello from 127.0.0.1:0");
}

TEST_CASE("listen: the file of a unix socket goes with its server") {
  const std::string path = socket_path("goes");
  {
    jot::Server server(hello("unix:" + path));
    server.start();
    CHECK(exists(path));
    CHECK_THROWS_AS(jot::Server(hello("unix:" + path)).start(), std::system_error);  // it is alive
    CHECK(ask(server.addr()) == "hello from unix:" + path);
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("listen: a socket file that a crash left behind is replaced, another file is not") {
  const std::string path = socket_path("stale");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path);
  const int crashed = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(crashed, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  close(crashed);
  REQUIRE(exists(path));
  {
    jot::Server server(hello("unix:" + path));
    server.start();
    CHECK(ask(server.addr()) == "hello from unix:" + path);
  }
  std::ofstream(path) << "precious";
  CHECK_THROWS_AS(jot::Server(hello("unix:" + path)).start(), std::system_error);
  CHECK(exists(path));
  unlink(path.c_str());
}
