// SPDX-License-Identifier: MIT
//
// allocation_test.cpp -- what must not allocate, does it? And where memory is out, what then?
//
// The one file of the suite that replaces operator new, to count, and to fail.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "catch.hpp"
#include "jot.hpp"
#include "raw_client.hpp"

#include "jot/detail/request_state.hpp"  // RequestAccess: behind the contracts, which bring it up

using namespace std::string_literals;

namespace {

std::size_t& allocations() {
  static thread_local std::size_t count = 0;
  return count;
}

// Of all threads but those that are spared.
std::atomic<std::size_t> allocations_of_all{0};

// Of those, one in so many fails; 0: none does.
std::atomic<unsigned> one_fails_in{0};
bool& spared() {
  static thread_local bool is = false;
  return is;
}

bool fails() {
  if (spared()) return false;
  const std::size_t n = ++allocations_of_all;
  const unsigned in = one_fails_in.load(std::memory_order_relaxed);
  if (in == 0) return false;
  const std::size_t mixed = n * 0x9e3779b97f4a7c15u;  // which one of them is as good as random
  return (mixed >> 32) % in == 0;
}

// This thread, until the end of the scope, and what it starts meanwhile is not.
struct Spared {
  Spared() { spared() = true; }
  Spared(const Spared&) = delete;
  ~Spared() { spared() = false, one_fails_in = 0; }
};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations();
  if (fails()) throw std::bad_alloc();
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations();
  return fails() ? nullptr : std::malloc(size ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

TEST_CASE("a Router matches without allocating, once a Request has been used") {
  jot::Router inner;
  inner.get("/{id}", [] { return "x"; });
  jot::Router app;
  app.get("/posts/{id}/comments/{comment:int}", [] { return "x"; });
  app.get("/files/{path...}", [] { return "x"; });
  app.get("example.org/static/", [] { return "x"; });
  for (int i = 0; i < 1000; ++i) app.get(jot::text("/many/r", i), [] { return "x"; });
  app.mount("/m", inner);
  jot::record(app, jot::request("GET", "/m/x"));

  for (std::string target :
       {"/posts/a-rather-long-id-that-fits-nowhere/comments/123456789012345678", "/many/r777",
        "/posts/%41%42%43%44%45%46%47%48%49%50%51%52%53%54%55/comments/"
        "%31%32%33%34%35%36%37%38%39%30%31%32%33%34%35%36%37",
        "/files/some/path/that/is/long/enough/to/need/memory", "http://example.org/static/a/b",
        "/m/x", "/none/of/these", "/posts", "/files", "//unclean", "/many/r1000"}) {
    auto r = jot::request("GET", target);
    const auto again = [&] {
      jot::detail::RequestAccess::state(r).path_values.truncate(0);
      app.match(r);
    };
    again();  // now the Request has strings of that length
    const std::size_t before = allocations();
    for (int i = 0; i < 10; ++i) again();
    const std::size_t after = allocations();
    INFO(target);
    CHECK(after == before);
  }
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_CASE("a short answer allocates nothing, once the connection and its lane have served one") {
  const Spared this_thread;
  jot::Server server({.addr = "127.0.0.1:0", .handler = [] { return "hello"; }});
  server.start();
  raw::Client client(server.addr());
  for (int i = 0; i < 10; ++i) client.ask(get);
  const std::size_t before = allocations_of_all;
  for (int i = 0; i < 1000; ++i) client.ask(get);
  // A second may pass meanwhile, or a call be taken over on a busy machine.
  CHECK(allocations_of_all - before < 100);
}

// What every kind of request makes of a server whose memory fails now and then.
void ask_all(const std::string& addr) {
  const std::string chunked =
      "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (const std::string& bytes :
       {get, get + get + get, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n" + get,
        "GET /big HTTP/1.1\r\nHost: h\r\n\r\n" + get,
        "GET /throw HTTP/1.1\r\nHost: h\r\n\r\n" + get,
        "GET /late HTTP/1.1\r\nHost: h\r\n\r\n" + get, "bad\r\n\r\n"s,
        "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get, chunked + get,
        "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" +
            std::string(70'000, 'x'),
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + std::string(9000, 'x') +
            get}) {
    for (std::size_t piece : {bytes.size(), bytes.size() / 3 + 1}) {
      raw::Client client(addr);
      client.send_in_pieces(bytes, piece);
      client.finish_sending();
      client.read_to_end();
    }
  }
}

TEST_CASE("no lack of memory ends a server") {
  const Spared this_thread;
  jot::Router app;
  app.get("/{$}", [] { return "hello"; });
  app.post("/{$}", [] { return "not read"; });
  app.get("/wait", [](jot::Request& r) {
    const bool slept = r.context().sleep_for(std::chrono::milliseconds(3));
    return jot::text(slept, r.remote_addr());
  });
  app.get("/big", [](jot::ResponseWriter& w) { w.write(std::string(8 << 20, 'x')); });
  app.get("/throw", [] { throw std::runtime_error("as told"); });
  app.get("/late", [](jot::ResponseWriter& w) {
    w.flusher()->flush();
    throw jot::HttpError(400);
  });
  app.post("/body", [](jot::Request& r) { return r.body().read_all(); });
  for (unsigned in : {2u, 3u, 7u, 20u, 100u}) {
    INFO("one in " << in << " fails");
    jot::Server server(
        {.addr = "127.0.0.1:0",
         .handler = app,
         .log = jot::Logger([](const jot::LogRecord&) { (void)std::string(100, 'x'); }),
         .request_timeout = std::chrono::seconds(20)});
    server.start();
    ask_all(server.addr());
    one_fails_in = in;
    for (int i = 0; i < 10; ++i) ask_all(server.addr());
    one_fails_in = 0;
    CHECK(raw::eventually([&] { return raw::Client(server.addr()).ask(get).body == "hello"; }));
    one_fails_in = in;
  }
}

}  // namespace
