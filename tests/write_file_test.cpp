// SPDX-License-Identifier: MIT
//
// write_file_test.cpp -- does a file reach the client whole, or not as if it were?
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <fcntl.h>     // open
#include <stdlib.h>    // mkstemp
#include <sys/stat.h>  // fstat
#include <unistd.h>    // ftruncate, pwrite

#include <atomic>       // std::atomic
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::chrono_literals;
using jot::Request;
using jot::ResponseWriter;
using raw::End;
using raw::Served;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// Text in which every place can be told from its neighbours.
std::string countdown(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

// A file without a name, which holds that text.
class File {
 public:
  explicit File(const std::string& text) {
    char name[] = "/tmp/jot-test-XXXXXX";
    fd_ = mkstemp(name);
    unlink(name);
    REQUIRE(pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(fd_); }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace

TEST_CASE("write_file: a file arrives as it is, whatever the size and the framing") {
  for (const std::size_t size : {0u, 1u, 1000u, 16'384u, 16'385u, 100'000u, 3'000'000u}) {
    const std::string text = countdown(size);
    const File file(text);
    struct {
      const char* name;
      bool length, type, before;
      std::size_t offset, leave;  // of the file: not sent at its ends
    } const table[] = {
        {"length and type said", true, true, false, 0, 0},
        {"type to be sniffed", true, false, false, 0, 0},
        {"length not said", false, true, false, 0, 0},
        {"nothing said", false, false, false, 0, 0},
        {"behind other bytes", true, true, true, 0, 0},
        {"behind other bytes, length not said", false, true, true, 0, 0},
        {"a part", true, true, false, 1, 2},
        {"a part, length not said", false, true, true, 1, 2},
    };
    for (auto& t : table) {
      if (size < t.offset + t.leave) continue;
      INFO(size << ": " << t.name);
      const std::size_t length = size - t.offset - t.leave;
      const std::string want =
          (t.before ? "before " : "") + text.substr(t.offset, length) + (t.before ? " after" : "");
      Served s([&](ResponseWriter& w) {
        if (t.length) w.header().set("Content-Length", want.size());
        if (t.type) w.header().set("Content-Type", "text/x-own");
        if (t.before) w.write("before ");
        w.write_file(file.fd(), t.offset, length);
        if (t.before) w.write(" after");
      });
      raw::Client client = s.client();
      for (int times = 0; times < 2; ++times) {  // the connection goes on
        const auto r = client.ask(get);
        CHECK(r.whole());
        CHECK((r.body == want));
        const std::string sniffed = want.empty() ? "" : "text/plain; charset=utf-8";
        CHECK(r.field("Content-Type") == (t.type ? "text/x-own" : sniffed));
      }
      const auto r = client.ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
      CHECK(r.whole());
      CHECK(client.ask(get).whole());
      const auto old = s.client().ask("GET / HTTP/1.0\r\n\r\n");
      CHECK((old.body == want));
    }
  }
}

TEST_CASE("write_file: answers of a pipeline stay in order") {
  const std::string text = countdown(100'000);
  const File file(text);
  Served s([&](ResponseWriter& w, Request& r) {
    w.header().set("Content-Type", "text/x-own");
    if (r.path() == "/file") {
      w.write_file(file.fd(), 0, text.size());
    } else {
      w.write("small");
    }
  });
  raw::Client client = s.client();
  for (const char* path : {"/", "/file", "/", "/", "/file"})
    client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const char* path : {"/", "/file", "/", "/", "/file"}) {
    INFO(path);
    CHECK((client.response().body == (path == std::string("/") ? "small" : text)));
  }
}

TEST_CASE("write_file: a file that has become shorter is never taken for whole") {
  struct {
    const char* name;
    std::size_t size, promised;
    bool length;
    int status;
    bool caught;  // by the handler, which goes on as if nothing had happened
  } const table[] = {
      {"small", 10, 20, true, 500, false},
      {"small, length not said", 10, 20, false, 500, false},
      {"large", 100'000, 100'001, true, 200, false},
      {"large, length not said", 100'000, 100'001, false, 200, false},
      {"large, caught", 100'000, 100'010, true, 200, true},
      {"large, length not said, caught", 100'000, 100'010, false, 200, true},
      {"nothing left", 0, 100'000, true, 200, false},
  };
  for (auto& t : table) {
    INFO(t.name);
    const std::string text = countdown(t.size);
    const File file(text);
    Served s([&](ResponseWriter& w) {
      if (t.length) w.header().set("Content-Length", t.promised);
      w.header().set("Content-Type", "text/x-own");
      try {
        w.write_file(file.fd(), 0, t.promised);
      } catch (const std::runtime_error&) {
        if (!t.caught) throw;
        w.write("1234567890");
        w.flusher()->flush();
      }
    });
    const auto r = s.client().ask(get);
    CHECK(r.status == t.status);
    CHECK(r.whole() == (t.status == 500));
    if (t.status == 200) CHECK(r.body.size() <= t.size);
    if (!t.caught) CHECK(s.log.wait_for_message("handler threw"));
  }
}

TEST_CASE("write_file: a file that the kernel cannot send by itself is read") {
  const int file = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  Served s([file](ResponseWriter& w) {
    w.header().set("Content-Type", "text/plain").set("Content-Length", 20'000);
    w.write_bytes(std::string(19'990, 'x'));
    w.write_file(file, 0, 10);
  });
  const auto r = s.client().ask(get);
  CHECK(r.whole());
  CHECK(r.body.ends_with("xprocessor\t"));
  close(file);
}

TEST_CASE("write_file: a client that leaves in the middle does no harm") {
  const std::string text = countdown(20'000'000);  // more than sockets hold
  const File file(text);
  Served s([&](ResponseWriter& w, Request& r) {
    if (r.path() == "/quick") return void(w.write("quick"));
    w.header().set("Content-Type", "text/x-own");
    w.write_file(file.fd(), 0, text.size());
  });
  {
    raw::Client client = s.client();
    client.send(get);
    client.peek(50'000);
    client.finish_sending();  // so that the reset is met as EPIPE, which comes with a signal
    client.reset();
  }
  CHECK(s.log.wait_for_message("client left before the end"));
  // And the process lives: there was no SIGPIPE.
  CHECK(s.client().ask("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n").body == "quick");
}

TEST_CASE("write_file: the wait for a full socket ends with the request's Context") {
  const std::string text = countdown(20'000'000);
  const File file(text);
  Served s([&](ResponseWriter& w, Request& r) {
    w.header().set("Content-Type", "text/x-own").set("Content-Length", text.size());
    auto [ctx, cancel] = jot::with_timeout(r.context(), 20ms);
    r.set_context(ctx);
    w.write_file(file.fd(), 0, text.size());
  });
  raw::Client client(s.server.addr(), 4096);
  client.send(get);
  CHECK(s.log.wait_for_message("gave up sending: the Context has ended"));
  CHECK_FALSE(client.response().whole());
}

TEST_CASE("write_file: a client that does not read is cut off in time, and blocks nobody") {
  const std::string text = countdown(20'000'000);
  const File file(text);
  raw::TestLog log;
  jot::Server server({.addr = "127.0.0.1:0",
                      .handler = jot::Handler([&](ResponseWriter& w, Request& r) {
                        if (r.path() == "/quick") return void(w.write("quick"));
                        w.header().set("Content-Type", "text/x-own");
                        w.write_file(file.fd(), 0, text.size());
                      }),
                      .log = log.logger(),
                      .write_timeout = 300ms});
  server.start();
  std::vector<raw::Client> idlers;
  for (int i = 0; i < 8; ++i) {
    idlers.emplace_back(server.addr(), 4096);
    idlers.back().send(get);
  }
  CHECK(raw::Client(server.addr()).ask("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n").body == "quick");
  CHECK(log.wait_for_message("client too slow"));
}

TEST_CASE("write_file: a wrapper that changes bytes sees those of files") {
  struct Shout final : jot::WriterProxy {
    using WriterProxy::WriterProxy;
    bool write_bytes(std::string_view bytes) override {
      std::string loud(bytes);
      for (char& c : loud) c = c == ' ' ? '!' : c;
      return inner().write_bytes(loud);
    }
  };
  const std::string text = countdown(100'000);
  const File file(text);
  jot::Router app;
  app.use([](ResponseWriter& w, Request& r, const jot::Handler& next) {
    Shout shout(w);
    next(shout, r);
  });
  app.get("/", [&](ResponseWriter& w) {
    w.header().set("Content-Type", "text/x-own").set("Content-Length", text.size());
    w.write_file(file.fd(), 0, text.size());
  });
  Served s(app);
  std::string want = text;
  for (char& c : want) c = c == ' ' ? '!' : c;
  CHECK((s.client().ask(get).body == want));
}

TEST_CASE("write_file: through jot's own wrappers") {
  const std::string text = countdown(3'000'000);
  const File file(text);
  const auto send = [&](std::size_t length) {
    return jot::Handler([&, length](ResponseWriter& w) {
      w.header().set("Content-Type", "text/x-own");
      w.write("before ");
      w.write_file(file.fd(), 0, length);
    });
  };
  for (const std::size_t length : {std::size_t{0}, std::size_t{1000}, text.size()}) {
    for (const char* wrapper : {"timeout", "etag", "both"}) {
      INFO(wrapper << ", " << length);
      jot::Handler h = send(length);
      if (wrapper != std::string_view("timeout")) h = jot::etag(10'000)(h);
      if (wrapper != std::string_view("etag")) h = jot::timeout(60s)(h);
      Served s(h);
      raw::Client client = s.client();
      const auto r = client.ask(get);
      CHECK(r.whole());
      CHECK((r.body == "before " + text.substr(0, length)));
      // Of a long one nobody has seen all bytes when its head must leave.
      CHECK(r.has("ETag") == (length < 10'000 && wrapper != std::string_view("timeout")));
      CHECK(client.ask(get).whole());
    }
  }
}

TEST_CASE("write_file: when the time is up, nothing of the file leaves") {
  const std::string text = countdown(100'000);
  const File file(text);
  std::atomic<bool> refused = false;
  Served s(jot::timeout(20ms)([&](ResponseWriter& w, Request& r) {
    w.header().set("Content-Type", "text/x-own");
    r.context().wait();
    refused = !w.write_file(file.fd(), 0, text.size());
  }));
  const auto r = s.client().ask(get);
  CHECK(r.status == 503);
  CHECK(r.whole());
  CHECK(raw::eventually([&] { return refused.load(); }));
}
