// SPDX-License-Identifier: MIT
//
// bad_servers_test.cpp -- whatever a server does, does a call end in time, with an error that says
// what it was, and is the next call as good as new?
//
// Each row is one way to misbehave. What must hold for all of them: the error has its name, the
// time is not exceeded, no answer is taken for another's, and no descriptor, thread or byte is left
// over.
#include "jot/client.hpp"

#include "bad_server.hpp"
#include "catch.hpp"

#include <malloc.h>  // mallinfo2

#include <atomic>       // std::atomic
#include <chrono>       // std::chrono
#include <cstdio>       // std::printf
#include <cstdlib>      // std::getenv
#include <functional>   // std::function
#include <random>       // std::mt19937
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using bad::Peer;
using jot::Client;
using jot::Clock;
using jot::Errc;

namespace {

// What an answer began with: 200, and no length.
const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

std::string sized(std::string_view length) {
  return ok + "Content-Length: " + std::string(length) + "\r\n\r\n";
}

// Sends it, and says nothing more until the client has gone.
std::function<void(Peer&)> says(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) { peer.send(bytes), peer.wait_for_close(); };
}

// Sends it, and closes.
std::function<void(Peer&)> ends(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) { peer.send(bytes); };
}

// Sends the first, and then the second until the client has gone, at once or with pauses.
std::function<void(Peer&)> repeats(std::string first, std::string again,
                                   std::chrono::milliseconds pause = 0ms) {
  return [=](Peer& peer) {
    for (bool alive = peer.send(first); alive && !peer.stopping(); alive = peer.send(again))
      peer.sleep(pause);
  };
}

jot::ClientOptions hurried() {
  return {.body_timeout = 120ms,
          .connect_timeout = 2s,
          .continue_timeout = 50ms,
          .head_timeout = 120ms,
          .timeout = 600ms};
}

struct Outcome {
  jot::Error error{std::error_code()};
  std::string body;
};

Outcome outcome_of(jot::Result<jot::Response> res) {
  if (!res) return {res.error(), ""};
  auto body = res->body.read_all();
  if (!body) return {body.error(), ""};
  return {jot::Error(std::error_code()), *body};
}

// An answer that is right. On a busy machine it may be too late for options like ours: then it is
// asked for again, but what comes may not be another's.
void check_next(Client& client, const std::string& url, const std::string& path) {
  Outcome outcome = outcome_of(client.get(url));
  for (int i = 0; i < 100 && outcome.error.timeout(); ++i) outcome = outcome_of(client.get(url));
  INFO(outcome.error.message());
  CHECK(outcome.body == path);
}

// What is in use; equal again when all is over.
struct Usage {
  std::size_t fds = bad::count_of("fd"), threads = bad::count_of("task");
  bool operator==(const Usage&) const = default;
};

// Looks again for a while: a thread that was joined may still be in the list of the kernel.
bool comes_back_to(const Usage& before) {
  for (const auto end = Clock::now() + 10s; Clock::now() < end; std::this_thread::yield())
    if (Usage() == before) return true;
  return false;
}

// Of malloc; always 0 under a sanitizer, which counts by itself.
std::size_t bytes_in_use() { return mallinfo2().uordblks; }

// Wrong for paths that begin with "/bad", right for all others.
class Misbehaving {
 public:
  explicit Misbehaving(std::function<void(Peer&)> misbehave)
      : misbehave_(std::move(misbehave)), server_([this](Peer& peer) { serve(peer); }) {}

  std::string url(std::string_view path) const { return server_.url(path); }
  int accepted() const { return server_.accepted(); }

 private:
  void serve(Peer& peer) {
    for (std::string head; !(head = peer.request()).empty();) {
      if (head.find(" /bad") != head.npos) return misbehave_(peer);
      if (!peer.answer(head)) return;
    }
  }

  std::function<void(Peer&)> misbehave_;
  bad::Server server_;
};

struct Row {
  std::string name;
  std::function<void(Peer&)> misbehave;
  std::error_code code;         // none: the call is answered ...
  std::string_view words = "";  // in the error; or the body of the answer
  std::string method = "GET";
};

// The call that goes wrong, and those after it, on the same Client.
void check(const Row& row, Client& client, const Misbehaving& server) {
  INFO(row.name);
  const Clock::time_point begin = Clock::now();
  const Outcome outcome =
      outcome_of(client.send({.method = row.method, .url = server.url("/bad")}));
  CHECK(Clock::now() - begin < 10s);
  INFO(outcome.error.message());
  CHECK(outcome.error.code() == row.code);
  const std::string& said = row.code ? outcome.error.message() : outcome.body;
  CHECK(said.find(row.words) != std::string::npos);
  if (row.code) CHECK(said.find(row.method + " " + server.url("/bad")) == 0);
  for (int i = 0; i < 3; ++i) {
    const std::string path = "/after/" + std::to_string(i);
    check_next(client, server.url(path), path);
  }
}

const Row rows[] = {
    // Nothing, or not enough.
    {"no answer", says(""), Errc::deadline_exceeded, "no response"},
    {"closes", ends(""), Errc::connection_closed, "before a response"},
    {"resets", [](Peer& peer) { peer.reset(); }, Errc::connection_closed, ""},
    {"half a head", says(ok + "Content-Len"), Errc::deadline_exceeded, "head"},
    {"half a head, closed", ends(ok + "Content-Len"), Errc::connection_closed, "head"},
    {"a head without its empty line", ends(ok + "A: b\r\n"), Errc::connection_closed, "head"},
    {"a head that trickles", repeats(ok, "x", 10ms), Errc::deadline_exceeded, "head"},
    // Without end.
    {"endless headers", repeats(ok, "X-Same: again and again\r\n"), Errc::too_large, ""},
    {"an endless header", repeats(ok + "X: ", std::string(1000, 'x')), Errc::too_large, ""},
    {"an endless status line", repeats("HTTP/1.1 200 ", std::string(1000, 'x')), Errc::too_large,
     ""},
    {"endless 1xx", repeats("", "HTTP/1.1 100 Continue\r\n\r\n"), Errc::bad_message, "1xx"},
    {"endless 1xx, slowly", repeats("", "HTTP/1.1 102 Wait\r\n\r\n", 100ms),
     Errc::deadline_exceeded, "head"},
    {"endless chunk extension", repeats(chunked + "5;x=", std::string(1000, 'x')),
     Errc::bad_message, "chunk"},
    {"endless trailer", repeats(chunked + "0\r\n", "X: y\r\n"), Errc::too_large, "trailer"},
    {"an endless body", repeats(ok + "\r\n", std::string(100'000, 'x')), Errc::too_large, "body"},
    {"an endless chunked body", repeats(chunked, "2710\r\n" + std::string(10'000, 'x') + "\r\n"),
     Errc::too_large, "body"},
    {"a body that trickles", repeats(sized("1000000"), "x", 10ms), Errc::deadline_exceeded, "body"},
    {"a chunked body that trickles", repeats(chunked, "1\r\nx\r\n", 10ms), Errc::deadline_exceeded,
     "body"},
    {"10 GB", says(sized("10000000000")), Errc::too_large, "body"},
    // Chunks.
    {"chunk size: no digits", says(chunked + "zz\r\n"), Errc::bad_message, "chunk"},
    {"chunk size: empty", says(chunked + "\r\n"), Errc::bad_message, "chunk"},
    {"chunk size: signed", says(chunked + "-1\r\nx\r\n0\r\n\r\n"), Errc::bad_message, "chunk"},
    {"chunk size: 0x", says(chunked + "0x1\r\nx\r\n0\r\n\r\n"), Errc::bad_message, "chunk"},
    {"chunk size: huge", says(chunked + "fffffffffffffffff\r\nx"), Errc::bad_message, "chunk"},
    {"chunk size: bare LF", says(chunked + "1\nx\n0\n\n"), Errc::bad_message, "chunk"},
    {"chunk longer than said", says(chunked + "1\r\nxyz\r\n0\r\n\r\n"), Errc::bad_message, "chunk"},
    {"chunk shorter than said", says(chunked + "9\r\nxyz\r\n0\r\n\r\n"), Errc::bad_message,
     "chunk"},
    {"no last chunk", says(chunked + "1\r\nx\r\n"), Errc::deadline_exceeded, "body"},
    {"no last chunk, closed", ends(chunked + "1\r\nx\r\n"), Errc::connection_closed, "cut short"},
    {"half a last chunk, closed", ends(chunked + "1\r\nx\r\n0\r\n"), Errc::connection_closed,
     "cut short"},
    {"a bad trailer", says(chunked + "0\r\nbad line\r\n\r\n"), Errc::bad_message, ""},
    // Content-Length.
    {"short body, closed", ends(sized("10") + "12345"), Errc::connection_closed, "5 are missing"},
    {"short body, open", says(sized("10") + "12345"), Errc::deadline_exceeded, "body"},
    {"no body at all, closed", ends(sized("10")), Errc::connection_closed, "missing"},
    {"long body",
     says(sized("5") + "12345HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
     {},
     "12345"},
    {"length: two", says(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456"),
     Errc::bad_message, "Content-Length"},
    {"length: a list", says(sized("5, 6") + "123456"), Errc::bad_message, "Content-Length"},
    {"length: no number", says(sized("five") + "12345"), Errc::bad_message, "Content-Length"},
    {"length: signed", says(sized("+5") + "12345"), Errc::bad_message, "Content-Length"},
    {"length: negative", says(sized("-5") + "12345"), Errc::bad_message, "Content-Length"},
    {"length: huge", says(sized("18446744073709551621") + "12345"), Errc::bad_message,
     "Content-Length"},
    {"length and chunks",
     says(ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
     Errc::bad_message, ""},
    {"chunked twice", says(ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
     Errc::bad_message, ""},
    {"a coding that nobody knows", says(ok + "Transfer-Encoding: magic\r\n\r\nx"),
     Errc::bad_message, ""},
    // A body where none may be: not one byte of it belongs to the next answer.
    {"204 with a body", says("HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil"), {}, ""},
    {"304 with a body", says("HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\nevil"), {}, ""},
    {"HEAD with a body", says(sized("4") + "evil"), {}, "", "HEAD"},
    // Heads.
    {"NUL in a field", says(ok + "X: a\0b\r\n\r\n"s), Errc::bad_message, ""},
    {"NUL in a name", says(ok + "X\0: a\r\n\r\n"s), Errc::bad_message, ""},
    {"bare LF", says("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), Errc::bad_message, ""},
    {"bare LF between fields", says(ok + "A: b\nContent-Length: 0\r\n\r\n"), Errc::bad_message, ""},
    {"bare CR", says(ok + "A: b\rContent-Length: 0\r\n\r\n"), Errc::bad_message, ""},
    {"a folded field", says(ok + "A: b\r\n c\r\nContent-Length: 0\r\n\r\n"), Errc::bad_message, ""},
    {"space before the colon", says(ok + "Content-Length : 0\r\n\r\n"), Errc::bad_message, ""},
    {"no colon", says(ok + "Content-Length 0\r\n\r\n"), Errc::bad_message, ""},
    {"no name", says(ok + ": 0\r\n\r\n"), Errc::bad_message, ""},
    {"NUL in the status line", says("HTTP/1.1 200 O\0K\r\n\r\n"s), Errc::bad_message, ""},
    {"status: two digits", says("HTTP/1.1 20 OK\r\n\r\n"), Errc::bad_message, ""},
    {"status: four digits", says("HTTP/1.1 2000 OK\r\n\r\n"), Errc::bad_message, ""},
    {"status: below 100", says("HTTP/1.1 099 OK\r\n\r\n"), Errc::bad_message, ""},
    {"status: no number", says("HTTP/1.1 abc OK\r\n\r\n"), Errc::bad_message, ""},
    {"101 that nobody asked for", says("HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n"),
     Errc::bad_message, "101"},
    // Something else altogether.
    {"HTTP/0.9", says("<html>hello</html>\n"), Errc::bad_message, "no HTTP"},
    {"HTTP/2", says("\0\0\x12\4\0\0\0\0\0"s), Errc::bad_message, "no HTTP"},
    {"TLS", says("\x15\3\1\0\2\2\x16"s), Errc::bad_message, "no HTTP"},
    {"SSH", says("SSH-2.0-OpenSSH_9.2\r\n"), Errc::bad_message, "no HTTP"},
    // What was not asked for.
    {"compressed", says(ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08x"),
     Errc::bad_message, "gzip"},
    {"a redirect to itself",
     says("HTTP/1.1 302 Found\r\nLocation: /bad\r\n"
          "Content-Length: 0\r\nConnection: close\r\n\r\n"),
     Errc::refused_by_policy, "in a loop"},
    {"a redirect to TLS",
     says("HTTP/1.1 302 Found\r\nLocation: https://example.test/\r\n"
          "Content-Length: 0\r\nConnection: close\r\n\r\n"),
     Errc::refused_by_policy, "TLS proxy"},
};

}  // namespace

TEST_CASE("bad servers: each gets its error in time, and spoils nothing") {
  { Client warm_up; }  // what a process starts once, as the timer's thread, is no leak
  (void)jot::with_timeout(jot::background(), 1ms);
  const Usage before;
  for (const Row& row : rows) {
    Misbehaving server(row.misbehave);
    Client client(hurried());
    check(row, client, server);
    check(row, client, server);  // now on a connection that had been good
  }
  CHECK(comes_back_to(before));
}

TEST_CASE("bad servers: what is given up half-way leaves nothing, and is not waited for") {
  const Usage before;
  for (const Row& row : rows) {
    INFO(row.name);
    Misbehaving server(row.misbehave);
    Client client(hurried());
    const Clock::time_point begin = Clock::now();
    {
      auto res = client.send({.method = row.method, .url = server.url("/bad")});
      char some[3];
      if (res) (void)res->body.read(some);  // and no more
    }
    CHECK(Clock::now() - begin < 10s);
    check_next(client, server.url("/after"), "/after");
  }
  CHECK(comes_back_to(before));
}

TEST_CASE("bad servers: an answer before the request has been sent") {
  SECTION("to a body that nobody wanted") {
    bad::Server server([](Peer& peer) {
      if (peer.number() > 1) return peer.behave();
      peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
      peer.sleep(50ms);  // and not a byte of it is read
    });
    Client client(hurried());
    auto res = client.post(server.url("/bad"), std::string(20'000'000, 'x'));
    INFO(res.error().message());
    REQUIRE(res);
    CHECK(res->status == 413);
    CHECK(*res->body.read_all() == "no!");
    check_next(client, server.url("/after"), "/after");
    CHECK(server.accepted() == 2);
  }
  SECTION("on a connection that nobody uses") {
    std::atomic<bool> sent = false;
    bad::Server server([&](Peer& peer) {
      if (peer.number() > 1) return peer.behave();
      peer.answer(peer.request());
      peer.send(sized("4") + "evil");
      sent = true;
      peer.wait_for_close();
    });
    Client client(hurried());
    check_next(client, server.url("/first"), "/first");
    while (!sent) std::this_thread::yield();
    for (const char* path : {"/second", "/third"}) check_next(client, server.url(path), path);
  }
  SECTION("as soon as somebody calls") {
    bad::Server server([](Peer& peer) {
      if (peer.number() > 1) return peer.behave();
      peer.send(sized("5") + "early");
      peer.request();
    });
    Client client(hurried());
    const Outcome first = outcome_of(client.get(server.url("/first")));
    CHECK((first.error.code() || first.body == "early" || first.body == "/first"));
    for (const char* path : {"/second", "/third"}) check_next(client, server.url(path), path);
  }
}

TEST_CASE("bad servers: a success that comes before the request's end does not cut it") {
  const std::string body(20'000'000, 'x');
  for (const char* status : {"200 OK", "201 Created", "303 See Other"}) {
    INFO(status);
    bad::Server server([&](Peer& peer) {
      if (peer.number() > 1) return peer.behave();
      peer.send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 2\r\n\r\nok");
      peer.request();
      peer.behave();
    });
    Client client({.max_redirects = 0});
    const Outcome outcome = outcome_of(client.post(server.url("/early"), body));
    INFO(outcome.error.message());
    CHECK_FALSE(outcome.error.code());
    CHECK(outcome.body == "ok");
    check_next(client, server.url("/after"), "/after");
    CHECK(server.accepted() == 1);  // where all of the first request has been read
  }
}

TEST_CASE("bad servers: a success, and nobody reads the request") {
  struct {
    const char* name;
    std::size_t length;
    bool closes;
    Errc want;  // or the answer
  } const table[] = {
      {"a short answer", 2, false, Errc::deadline_exceeded},
      {"one that is longer than what is kept", 50'000'000, false, Errc::deadline_exceeded},
      {"a short one, and the server goes", 2, true, Errc{}},
  };
  for (const auto& row : table) {
    INFO(row.name);
    bad::Server server([&](Peer& peer) {
      peer.send(sized(std::to_string(row.length)) + std::string(row.length, 'x'));
      if (row.closes) return peer.finish_sending(), peer.wait_for_close();
      while (!peer.stopping()) peer.sleep(5ms);
    });
    Client client(hurried());
    const Outcome outcome = outcome_of(client.post(server.url("/"), std::string(50'000'000, 'x')));
    INFO(outcome.error.message());
    CHECK(outcome.error.code() == (row.closes ? std::error_code() : make_error_code(row.want)));
  }
}

TEST_CASE("bad servers: a body that ends with a reset is no whole one") {
  // Its end is that of the connection, and it is the sending that hears of the reset.
  std::atomic<bool> is_reset = false;
  bad::Server server([&](Peer& peer) {
    peer.send(ok + "\r\nbegun");
    peer.reset();
    is_reset = true;
  });
  Client client(hurried());
  int asked = 0;
  const auto source = [&](std::span<char> to) -> std::size_t {
    if (++asked == 2)
      while (!is_reset) std::this_thread::yield();
    return asked < 5 ? to.size() : 0;
  };
  const Outcome outcome = outcome_of(client.post(server.url("/"), source));
  INFO(outcome.body);
  CHECK(outcome.error.code() == Errc::connection_closed);
}

TEST_CASE("bad servers: Expect: 100-continue, and a server that has never heard of it") {
  struct {
    const char* name;
    std::function<void(Peer&)> serve;
    int status;
  } const table[] = {
      {"says nothing", [](Peer& peer) { peer.behave(); }, 200},
      {"says no",
       [](Peer& peer) {
         peer.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
         peer.wait_for_close();
       },
       417},
      {"goes away", [](Peer& peer) { peer.reset(); }, 0},
  };
  for (const auto& row : table) {
    INFO(row.name);
    bad::Server server(row.serve);
    Client client(hurried());
    const auto res = client.send(
        {.method = "POST", .url = server.url("/"), .body = "body", .expect_continue = true});
    if (row.status != 0) CHECK(res->status == row.status);
    if (row.status == 0) CHECK(res.error().code() == Errc::connection_closed);
  }
}

TEST_CASE("bad servers: a server that takes nothing in") {
  bad::Server server([](Peer& peer) {
    while (!peer.stopping()) peer.sleep(10ms);
  });
  Client client(hurried());
  const auto res = client.post(server.url("/"), std::string(50'000'000, 'x'));
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == Errc::deadline_exceeded);
  CHECK(res.error().message().find("request not taken") != std::string::npos);
}

TEST_CASE("bad servers: a thousand bad calls need no more memory than ten") {
  auto call = [](Client& client, const Misbehaving& server) {
    CHECK(outcome_of(client.get(server.url("/bad"))).error.code());
  };
  for (const char* name : {"closes", "half a head, closed", "endless headers", "length: two",
                           "short body, closed", "bad trailer", "redirect to itself", "TLS"}) {
    for (const Row& row : rows) {
      if (!row.name.ends_with(name)) continue;
      INFO(row.name);
      Misbehaving server(row.misbehave);
      Client client(hurried());
      for (int i = 0; i < 10; ++i) call(client, server);
      const std::size_t before = bytes_in_use();
      for (int i = 0; i < 125; ++i) call(client, server);
      const std::size_t after = bytes_in_use();
      CHECK(after < before + 100'000);
      CHECK(client.stats().open == 0);
    }
  }
}

TEST_CASE("bad servers: closed at random points, ten thousand times") {
  const char* given = std::getenv("JOT_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atol(given)) : std::random_device()();
  WARN("JOT_SEED=" << seed);
  const Usage before;
  {
    // An answer, its framing chosen by the number of the connection, cut at a random byte.
    bad::Server server([&](Peer& peer) {
      std::mt19937 random(seed + static_cast<unsigned>(peer.number()));
      const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
      while (true) {
        if (below(20) == 0) return;  // before it has read anything, or while it is idle
        const std::string head = peer.request();
        if (head.empty()) return;
        const std::string path = head.substr(4, head.find(' ', 4) - 4);
        const std::string body = path + std::string(below(3000), '.') + "END";
        std::string answer = sized(std::to_string(body.size())) + body;
        if (below(2) == 0) {
          const std::size_t middle = below(body.size() - 1) + 1;
          char sizes[2][20];
          std::snprintf(sizes[0], sizeof sizes[0], "%zx", middle);
          std::snprintf(sizes[1], sizeof sizes[1], "%zx", body.size() - middle);
          answer = chunked + sizes[0] + "\r\n" + body.substr(0, middle) + "\r\n" + sizes[1] +
                   "\r\n" + body.substr(middle) + "\r\n0\r\n\r\n";
        }
        const bool cut = below(2) == 0;
        if (cut) answer.resize(below(answer.size()));
        peer.send(answer);
        if (cut) return below(2) == 0 ? peer.reset() : peer.close();
      }
    });
    Client client({.timeout = 20s});
    int answered = 0, failed = 0;
    for (int i = 0; i < 10'000; ++i) {
      const std::string path = "/" + std::to_string(i);
      const Outcome outcome = outcome_of(client.get(server.url(path)));
      if (outcome.error.code()) {
        if (outcome.error.code() != Errc::connection_closed) FAIL(outcome.error.message());
        ++failed;
      } else {
        if (!outcome.body.starts_with(path + '.') && outcome.body != path + "END")
          FAIL(path + " was answered " + outcome.body);
        if (!outcome.body.ends_with("END")) FAIL(path + " was cut without a word");
        ++answered;
      }
    }
    CHECK(answered + failed == 10'000);
    CHECK(answered > 1000);
    CHECK(failed > 1000);
    CHECK(client.stats().open <= 1);
  }
  CHECK(comes_back_to(before));
}
