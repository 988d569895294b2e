// SPDX-License-Identifier: MIT
//
// client_test.cpp -- what is sent, and what comes back, when all goes well or the caller is wrong.
#include "jot/client.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot.hpp"

#include <fcntl.h>     // open
#include <sys/stat.h>  // fstat

#include <string>  // std::string
#include <thread>  // std::thread

using namespace std::chrono_literals;
using namespace std::string_literals;
using jot::Client;
using jot::ClientRequest;
using jot::Errc;
using jot::Header;
using jot::Payload;
using jot::Request;
using jot::Response;
using jot::ResponseWriter;
using jot::Result;

namespace {

// Says what it was asked: line, fields in their order, body.
jot::Router mirror() {
  jot::Router app;
  app.handle("/", [](ResponseWriter& w, Request& r) {
    w.write(r.method(), " ", r.target(), "\n");
    for (const jot::Field& f : r.header()) w.write(f.name, ": ", f.value, "\n");
    w.write("\n", r.body().read_all());
  });
  return app;
}

std::string all(Result<Response> res) {
  if (!res) return "error: " + res.error().message();
  auto body = res->body.read_all();
  return body ? *body : "error: " + body.error().message();
}

std::string without_port(std::string s) {
  const std::size_t at = s.find("127.0.0.1:");
  if (at == s.npos) return s;
  const std::size_t end = s.find_first_not_of("0123456789", at + 10);
  return s.erase(at + 9, (end == s.npos ? s.size() : end) - at - 9);
}

// A source that gives these, one after the other.
jot::BodySource source_of(std::vector<std::string> pieces) {
  return [pieces = std::move(pieces), i = std::size_t{0}](std::span<char> to) mutable {
    if (i == pieces.size()) return std::size_t{0};
    const std::string& piece = pieces[i++];
    return piece.copy(to.data(), to.size());
  };
}

}  // namespace

TEST_CASE("client: what a request looks like on the wire") {
  jot::TestServer server(mirror());
  Client client;
  const std::string start = "Host: 127.0.0.1\nUser-Agent: jot\nAccept-Encoding: identity\n";
  const auto wire = [&](Result<Response> res) { return without_port(all(std::move(res))); };

  CHECK(wire(client.get(server.url("/a?b=c#d"))) == "GET /a?b=c\n" + start + "\n");
  CHECK(wire(client.get(server.url(""))) == "GET /\n" + start + "\n");
  CHECK(wire(client.get(server.url("?q"))) == "GET /?q\n" + start + "\n");
  CHECK(wire(client.del(server.url("/x"))) == "DELETE /x\n" + start + "\n");
  CHECK(wire(client.post(server.url("/"), "abc", "text/x")) ==
        "POST /\n" + start + "Content-Type: text/x\nContent-Length: 3\n\nabc");
  CHECK(wire(client.put(server.url("/"), std::string("abc"))) ==
        "PUT /\n" + start + "Content-Length: 3\n\nabc");
  CHECK(wire(client.patch(server.url("/"), jot::Value{{"a", 1}})) ==
        "PATCH /\n" + start + "Content-Type: application/json\nContent-Length: 7\n\n{\"a\":1}");
  CHECK(wire(client.post(server.url("/"), jot::Value{{"a", 1}}, "application/x+json")) ==
        "POST /\n" + start + "Content-Type: application/x+json\nContent-Length: 7\n\n{\"a\":1}");
  CHECK(wire(client.post(server.url("/"), {})) == "POST /\n" + start + "Content-Length: 0\n\n");
  CHECK(wire(client.post(server.url("/"), source_of({"ab", "c"}))) ==
        "POST /\n" + start + "Transfer-Encoding: chunked\n\nabc");
  CHECK(wire(client.post(server.url("/"), source_of({}))) ==
        "POST /\n" + start + "Content-Length: 0\n\n");
  CHECK(wire(client.post(server.url("/"), Payload::sized(3, source_of({"ab", "c"})))) ==
        "POST /\n" + start + "Content-Length: 3\n\nabc");
  CHECK(wire(client.send({.method = "GET", .url = server.url("/"), .body = source_of({})})) ==
        "GET /\n" + start + "\n");
  CHECK(wire(client.send(
            {.method = "PURGE", .url = server.url("/x"), .header = {{"A", "b"}, {"A", "c"}}})) ==
        "PURGE /x\n" + start + "A: b\nA: c\n\n");
  CHECK(wire(client.send({.url = server.url("/"),
                          .header = {{"host", "example.org:8"},
                                     {"user-agent", "me"},
                                     {"accept-encoding", "br"}}})) ==
        "GET /\nHost: example.org:8\nuser-agent: me\naccept-encoding: br\n\n");
  CHECK(wire(client.send({.method = "POST",
                          .url = server.url("/"),
                          .header = {{"Content-Length", "3"}},
                          .body = source_of({"abc"})})) ==
        "POST /\n" + start + "Content-Length: 3\n\nabc");
  CHECK(wire(Client({.user_agent = ""}).get(server.url("/"))) ==
        "GET /\nHost: 127.0.0.1\nAccept-Encoding: identity\n\n");
  CHECK(client.stats().dialled == 1);
}

TEST_CASE("client: user and password of a URL become Authorization, and are shown to nobody") {
  jot::TestServer server([](Request& r) {
    const auto auth = r.basic_auth();
    return auth ? auth->user + "|" + auth->password : std::string(r.header().get("Authorization"));
  });
  Client client;
  const std::string rest = server.url("/x").substr(7);
  auto res = client.get("http://Aladdin:open%20%3a%2fsesame@" + rest);
  REQUIRE(res);
  CHECK(res->url == "http://" + rest);
  CHECK(all(std::move(res)) == "Aladdin|open :/sesame");
  CHECK(all(client.get("http://me@" + rest)) == "me|");
  CHECK(all(client.send({.url = "http://a:b@" + rest,
                         .header = {{"Authorization", "Bearer x"}}})) == "Bearer x");
  for (const char* bad :
       {"http://u:secret@127.0.0.1:1/x", "https://u:secret@h/", "http://u:secret@h/ x"}) {
    auto failed = client.get(bad);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message().find("secret") == std::string::npos);
  }
}

TEST_CASE("client: what cannot be sent is refused before anything is") {
  bad::Server server([](bad::Peer& peer) { peer.behave(); });
  Client client;
  const std::string url = server.url("/");
  const auto nothing = [] {
    return jot::BodySource([](std::span<char>) { return std::size_t{0}; });
  };
  const auto no_source = [] { return jot::BodySource(); };
  const ClientRequest cases[] = {
      {.method = "", .url = url},
      {.method = "GET ", .url = url},
      {.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", .url = url},
      {.method = "CONNECT", .url = url},
      {.url = ""},
      {.url = "/path"},
      {.url = "http://"},
      {.url = "http:///path"},
      {.url = "ftp://h/"},
      {.url = url + "a b"},
      {.url = url + "a\r\nX: y"},
      {.url = url + "a\nb"},
      {.url = url + "a\0b"s},
      {.url = url + "\x7f"},
      {.url = url + "\xc3\xa4"},
      {.url = "http://127.0.0.1:0/"},
      {.url = "http://127.0.0.1:65536/"},
      {.url = "http://127.0.0.1:x/"},
      {.url = "http://[::1/"},
      {.url = "http://h<>/"},
      {.url = url, .header = {{"Transfer-Encoding", "chunked"}}},
      {.url = url, .header = {{"Content-Length", "5"}}},
      {.method = "POST", .url = url, .header = {{"Content-Length", "5"}}, .body = "abc"},
      {.method = "POST", .url = url, .header = {{"Content-Length", "x"}}, .body = "abc"},
      {.url = url, .header = {{"Host", "a"}, {"Host", "b"}}},
      {.url = url, .header = {{"Host", "a b"}}},
      {.method = "POST", .url = url, .body = Payload::from(nothing, 0, "a/b\r\nX: y")},
      {.method = "POST", .url = url, .body = Payload::sized(5, {})},
      {.method = "POST", .url = url, .body = Payload::from({}, 5)},
      {.method = "POST", .url = url, .body = Payload::from(no_source)},
  };
  for (const ClientRequest& request : cases) {
    INFO(request.method << " " << request.url);
    auto res = client.send(request);
    REQUIRE_FALSE(res);
    CHECK(res.error().code() == std::errc::invalid_argument);
    CHECK(res.error().message().find_first_of("\r\n") == std::string::npos);
  }
  CHECK(server.accepted() == 0);
  CHECK_THROWS_AS(Header({{"A", "b\r\nC: d"}}), std::invalid_argument);

  auto https = client.get("https://example.org/");
  REQUIRE_FALSE(https);
  CHECK(https.error().code() == std::errc::protocol_not_supported);
  CHECK(https.error().message().find("TLS proxy") != std::string::npos);
}

TEST_CASE("client: options that make no sense throw") {
  for (jot::ClientOptions options :
       std::initializer_list<jot::ClientOptions>{{.base_url = "example.org"},
                                                 {.base_url = "https://example.org"},
                                                 {.base_url = "http://h/?a"},
                                                 {.base_url = "http://h/#a"},
                                                 {.base_url = "unix:"},
                                                 {.connect_timeout = 0s},
                                                 {.proxy = "socks5://h"},
                                                 {.timeout = -1s},
                                                 {.user_agent = "a\r\nb"}}) {
    CHECK_THROWS_AS(Client(options), std::invalid_argument);
  }
}

TEST_CASE("client: errors name the call") {
  Client client;
  auto res = client.get("http://127.0.0.1:1/x?y=z");
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == std::errc::connection_refused);
  CHECK(res.error().message() ==
        "GET http://127.0.0.1:1/x?y=z: cannot connect to 127.0.0.1:1: Connection refused");
  CHECK_THROWS_AS(*res, std::system_error);
  auto unknown = client.get("http://no-such-host.invalid/");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == std::errc::host_unreachable);
  CHECK(unknown.error().message().starts_with("GET http://no-such-host.invalid/: cannot resolve"));
  CHECK_FALSE(client.get("http://localhost:1/"));
}

TEST_CASE("client: responses of all kinds") {
  const std::string big(300'000, 'x');
  jot::Router app;
  app.get("/big", [&](ResponseWriter& w) {
    w.header().set("Content-Length", big.size());
    w.write(big);
  });
  app.get("/empty", [](ResponseWriter& w) { w.write_header(204); });
  app.get("/chunks", [](ResponseWriter& w) {
    for (int i = 0; i < 50; ++i) w.write(i, ","), w.flusher()->flush();
  });
  app.get("/trailer", [](ResponseWriter& w) {
    w.header().set("Trailer", "X-Sum");
    w.write("abc"), w.flusher()->flush();
    w.header().set("X-Sum", "42");
  });
  app.get("/hints", [](ResponseWriter& w) {
    w.header().set("Link", "</a>; rel=preload");
    w.write_header(103);
    w.write("after");
  });
  jot::TestServer server(app);
  Client client;
  std::string chunks;
  for (int i = 0; i < 50; ++i) chunks += std::to_string(i) + ",";

  CHECK(all(client.get(server.url("/big"))) == big);
  CHECK(all(client.get(server.url("/chunks"))) == chunks);
  auto head = client.head(server.url("/big"));
  REQUIRE(head);
  CHECK(head->header.get("Content-Length") == "300000");
  CHECK(*head->body.read_all() == "");
  auto empty = client.get(server.url("/empty"));
  REQUIRE(empty);
  CHECK(empty->status == 204);
  CHECK(*empty->body.read_all() == "");
  CHECK(client.get(server.url("/nowhere"))->status == 404);
  auto hints = client.get(server.url("/hints"));
  CHECK(hints->status == 200);
  CHECK(*hints->body.read_all() == "after");
  auto trailer = client.get(server.url("/trailer"));
  CHECK(*trailer->body.read_all() == "abc");
  CHECK(trailer->body.trailer().get("X-Sum") == "42");

  SECTION("read in small pieces") {
    auto res = client.get(server.url("/chunks"));
    std::string read;
    for (char buffer[7];;) {
      auto n = res->body.read(buffer);
      REQUIRE(n);
      if (*n == 0) break;
      read.append(buffer, *n);
    }
    CHECK(read == chunks);
    CHECK(*res->body.read({}) == 0);
  }
  SECTION("read_all has a limit") {
    auto res = client.get(server.url("/big"));
    auto body = res->body.read_all(299'999);
    REQUIRE_FALSE(body);
    CHECK(body.error().code() == Errc::too_large);
    CHECK(*client.get(server.url("/big"))->body.read_all(300'000) == big);
    CHECK(client.get(server.url("/chunks"))->body.read_all(chunks.size() - 1).error().code() ==
          Errc::too_large);
    CHECK(*client.get(server.url("/chunks"))->body.read_all(chunks.size()) == chunks);
  }
  SECTION("into a file") {
    const int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    CHECK(*client.get(server.url("/big"))->body.write_to(fd) == big.size());
    struct stat info {};
    fstat(fd, &info);
    CHECK(static_cast<std::size_t>(info.st_size) == big.size());
    close(fd);
    auto res = client.get(server.url("/big"));
    CHECK(res->body.write_to(-1).error().code() == std::errc::bad_file_descriptor);
  }
  SECTION("into a pipe that nobody reads") {
    int pipe[2];
    REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
    close(pipe[0]);
    CHECK(client.get(server.url("/big"))->body.write_to(pipe[1]).error().code() ==
          std::errc::broken_pipe);
    close(pipe[1]);
  }
  SECTION("a header outlives its response, a response its client") {
    Header kept;
    Result<Response> late = [&] {
      Client brief;
      auto res = brief.get(server.url("/big"));
      kept = std::move(res->header);
      return res;
    }();
    CHECK(kept.get("Content-Length") == "300000");
    CHECK(*late->body.read_all() == big);
  }
}

TEST_CASE("client: base_url, and who may leave it") {
  jot::TestServer server([](Request& r) { return std::string(r.target()); });
  jot::TestServer elsewhere([](Request&) { return "elsewhere"; });
  Client client({.base_url = server.url("/api/")});
  CHECK(all(client.get("/x?y")) == "/api/x?y");
  CHECK(all(client.get("x")) == "/api/x");
  CHECK(all(client.get("")) == "/api");
  CHECK(all(client.get("?q")) == "/api?q");
  CHECK(all(client.get(server.url("/y"))) == "/y");
  CHECK(all(client.get("//evil.example/x")) == "/api//evil.example/x");
  CHECK(all(client.get("@evil.example/x")) == "/api/@evil.example/x");
  CHECK(all(client.get("/x?to=http://a")) == "/api/x?to=http://a");
  auto res = client.get(elsewhere.url("/"));
  REQUIRE_FALSE(res);
  CHECK(res.error().code() == Errc::refused_by_policy);
}

TEST_CASE("client: localhost, IPv6, and names in capitals") {
  const auto where = [](Request& r) { return std::string(r.host()); };
  jot::TestServer four(where);
  const std::string port = four.url().substr(four.url().rfind(':'));
  Client client;
  CHECK(all(client.get("http://localhost" + port)) == "localhost" + port);
  CHECK(all(client.get("HTTP://LocalHost" + port + "/")) == "LocalHost" + port);
  CHECK(client.stats().dialled == 1);
  jot::TestServer six({.addr = "[::1]:0", .handler = where});
  CHECK(all(client.get(six.url("/"))) == six.url().substr(7));
}

TEST_CASE("client: Unix sockets") {
  const std::string path = "/tmp/jot_client_test." + std::to_string(getpid());
  jot::TestServer server({.addr = "unix:" + path, .handler = [](Request& r) {
                            return std::string(r.host()) + " " + std::string(r.target());
                          }});
  CHECK(all(Client({.base_url = "unix:" + path}).get("/x?y")) == "localhost /x?y");
  CHECK(all(Client().get("http+unix://" + jot::percent_encode(path) + "/z")) == "localhost /z");
  auto gone = Client().get("http+unix://%2Ftmp%2Fno%20such%20socket/");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == std::errc::no_such_file_or_directory);
  CHECK_FALSE(Client().get("http+unix://" + std::string(200, 'x') + "/"));
}

TEST_CASE("client: a proxy is asked in absolute form") {
  bad::Server proxy([](bad::Peer& peer) {
    for (std::string head; !(head = peer.request()).empty();) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(head.size()) + "\r\n\r\n" +
                head);
    }
  });
  Client client({.proxy = "http://us%65r:pw@" + proxy.url("").substr(7)});
  CHECK(all(client.get("http://example.org/a?b")) ==
        "GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: jot\r\n"
        "Accept-Encoding: identity\r\nProxy-Authorization: Basic dXNlcjpwdw==\r\n\r\n");
  CHECK(all(client.get("http://example.com:81"))
            .starts_with("GET http://example.com:81/ HTTP/1.1\r\n"));
  CHECK(all(client.get("http://me:secret@[::1]:81/#part")) ==  // both credentials, none in the line
        "GET http://[::1]:81/ HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: jot\r\n"
        "Accept-Encoding: identity\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"
        "Proxy-Authorization: Basic dXNlcjpwdw==\r\n\r\n");
  CHECK(proxy.accepted() == 1);
}

TEST_CASE("client: Expect: 100-continue") {
  jot::TestServer server([](ResponseWriter& w, Request& r) {
    if (r.path() == "/no") return jot::error(w, 403, "no");
    w.write(r.header().get("Expect"), " ", r.body().read_all());
  });
  Client client;
  CHECK(all(client.send(
            {.method = "POST", .url = server.url("/"), .body = "abc", .expect_continue = true})) ==
        "100-continue abc");
  CHECK(all(client.send({.method = "POST",
                         .url = server.url("/"),
                         .header = {{"Expect", "100-continue"}},
                         .body = source_of({"a", "b"})})) == "100-continue ab");
  CHECK(client.stats().dialled == 1);
  bool asked = false;
  auto refused = client.send({.method = "POST",
                              .url = server.url("/no"),
                              .body = [&](std::span<char>) { return asked = true, std::size_t{0}; },
                              .expect_continue = true});
  REQUIRE(refused);
  CHECK(refused->status == 403);
  CHECK_FALSE(asked);

  // One that has never heard of it gets the body after a while.
  bad::Server deaf([](bad::Peer& peer) { peer.behave(); });
  CHECK(all(Client({.continue_timeout = 20ms})
                .send({.method = "POST",
                       .url = deaf.url("/deaf"),
                       .body = "abc",
                       .expect_continue = true})) == "/deaf");
}

TEST_CASE("client: a source that breaks its word, or throws") {
  jot::TestServer server([](Request& r) { return r.body().read_all(); });
  Client client;
  auto early = client.post(server.url("/"), Payload::sized(10, source_of({"abc"})));
  REQUIRE_FALSE(early);
  CHECK(early.error().code() == std::errc::invalid_argument);
  for (const std::size_t length : {3u, 4u, 5u, 16u << 10, (16u << 10) + 1}) {
    INFO(length);
    const std::string text(length + 1, 'x');
    auto more = client.post(server.url("/"), Payload::sized(length, source_of({"xx", text})));
    REQUIRE_FALSE(more);
    CHECK(more.error().code() == std::errc::invalid_argument);
    const std::string rest = text.substr(3);
    CHECK(all(client.post(server.url("/"), Payload::sized(length, source_of({"xx", rest})))) ==
          text.substr(1));
  }
  auto much = client.post(server.url("/"), [](std::span<char> to) { return to.size() + 1; });
  REQUIRE_FALSE(much);
  CHECK(much.error().code() == std::errc::invalid_argument);
  int asked = 0;
  CHECK_THROWS_AS(client.post(server.url("/"),
                              [&](std::span<char> to) -> std::size_t {
                                if (asked++ > 1) throw std::runtime_error("x");
                                return to.size();
                              }),
                  std::runtime_error);
  CHECK(client.stats().open == 0);
  CHECK(all(client.post(server.url("/"), "fine")) == "fine");
  client.close_idle();
  CHECK(client.stats().open == 0);
}

TEST_CASE("client: a large body both ways") {
  jot::TestServer server({.handler =
                              [](ResponseWriter& w, Request& r) {
                                std::array<char, 5000> buffer;
                                std::uint64_t sum = 0;
                                while (std::size_t n = r.body().read(buffer)) sum += n;
                                w.write(sum);
                              },
                          .max_body = 1u << 30});
  Client client;
  const std::string big(20u << 20, 'b');
  CHECK(all(client.post(server.url("/"), big)) == std::to_string(big.size()));
  std::size_t left = big.size();
  CHECK(all(client.post(server.url("/"), [&](std::span<char> to) {
          const std::size_t n = std::min(left, to.size());
          return left -= n, std::fill_n(to.data(), n, 'x'), n;
        })) == std::to_string(big.size()));
  CHECK(client.stats().dialled == 1);
}

TEST_CASE("client: in a handler it gives the lane away, and the answer is handed on") {
  // The handlers ask their own server: with as many of them as lanes, somebody must have given way.
  Client client;
  std::string self;
  jot::Router app;
  app.get("/inner", [] { return "inner"; });
  app.get("/outer", [&](ResponseWriter& w, Request& r) {
    auto res = client.get(r.context(), self + "/inner");
    w.write(res ? *res->body.read_all() : res.error().message());
  });
  jot::TestServer server(app);
  self = server.url();
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] {
      Client mine;
      for (int n = 0; n < 20; ++n) right += all(mine.get(server.url("/outer"))) == "inner";
    });
  }
  for (auto& t : callers) t.join();
  CHECK(right == 320);
}
