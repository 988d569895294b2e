// SPDX-License-Identifier: MIT
//
// hostile_forms_test.cpp -- forms and JSON as an attacker sends them, over a socket: a clear status
// each, and a server that serves the next request as if nothing had been.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread

using jot::Multipart;
using jot::MultipartPart;
using jot::Request;

namespace {

std::string repeat(std::string_view s, std::size_t times) {
  std::string all;
  all.reserve(s.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += s;
  return all;
}

std::string field(std::string_view name, std::string_view value = "x") {
  return jot::text("--b\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", value,
                   "\r\n");
}
const std::string end = "--b--\r\n";
const std::string begin_part = "--b\r\nContent-Disposition: form-data; name=\"a\"";

// A form, whole and part by part, and JSON, each at a path of its own.
struct Reader : raw::Served {
  Reader() : Served(routes()) {}
  static jot::Handler routes() {
    jot::Router app;
    app.post("/form", [](Request& r) { return std::to_string(r.form().fields().size()); });
    app.post("/parts", [](Request& r) {
      Multipart parts(r);
      int count = 0;
      for (; parts.next(); ++count) continue;
      return std::to_string(count);
    });
    app.post("/json", [](Request& r) { return std::to_string(r.json().size()); });
    app.get("/{$}", [] { return "still here"; });
    return app;
  }

  std::string post(std::string_view path, std::string_view type, std::string_view body) {
    return jot::text("POST ", path, " HTTP/1.1\r\nHost: h\r\nContent-Type: ", type,
                     "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }

  // Sent in pieces of that size by a thread of its own: the answer may come before the end.
  int status(const std::string& request, std::size_t piece = 1 << 20) {
    raw::Client to = client();
    std::thread sender([&] { to.send_in_pieces(request, piece); });
    const raw::Response r = to.response();
    sender.join();
    CHECK(r.whole());
    CHECK(client().ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body == "still here");
    return r.status;
  }
};

}  // namespace

TEST_CASE("hostile forms: multipart") {
  struct {
    std::string_view name;
    std::string body;
    int want;
  } const table[] = {
      {"1000 parts", repeat(field("a"), 1000) + end, 200},
      {"1001 parts", repeat(field("a"), 1001) + end, 413},
      {"10 000 parts", repeat(field("a"), 10'000) + end, 413},
      {"a boundary that never comes", repeat("x", 1 << 20), 400},
      {"nor within the limit of the body", repeat("x", 11 << 20), 413},
      {"a part that never ends", field("a", repeat("x", 100'000)), 400},
      {"a megabyte of CR", begin_part + "\r\n\r\n" + repeat("\r", 1'000'000) + "\r\n" + end, 200},
      {"a megabyte of beginnings of the boundary",
       begin_part + "\r\n\r\n" + repeat("\r\n--", 250'000) + "\r\n" + end, 200},
      {"a head without end", begin_part + repeat("x", 1 << 20), 400},
      {"a head of endless fields", begin_part + repeat("\r\nX: y", 100'000), 400},
      {"a head of too many fields", begin_part + repeat("\r\nX: y", 40) + "\r\n\r\nx\r\n" + end,
       400},
      {"a name without end", field(repeat("n", 1 << 20)) + end, 400},
      {"endless parameters", begin_part + repeat("; a=b", 1000) + "\r\n\r\nx\r\n" + end, 400},
      {"endless spaces behind the boundary", "--b" + repeat(" ", 1 << 20) + "\r\n", 400},
      {"an endless epilogue", field("a") + end + repeat("x", 1 << 20), 200},
      {"only line ends", repeat("\r\n", 1 << 19), 400},
      {"only boundaries", repeat("--b\r\n", 1 << 17), 400},
      {"empty heads", repeat("--b\r\n\r\n\r\n", 1 << 17), 400},
      {"nothing", "", 400},
  };
  Reader s;
  for (auto& t : table) {
    INFO(t.name);
    for (const auto* path : {"/form", "/parts"}) {
      INFO(path);
      CHECK(s.status(s.post(path, "multipart/form-data; boundary=b", t.body)) == t.want);
    }
  }
}

TEST_CASE("hostile forms: boundaries") {
  struct {
    std::string_view name;
    std::string boundary;
    int want;
  } const table[] = {
      {"70 bytes", repeat("b", 70), 200},
      {"71 bytes", repeat("b", 71), 400},
      {"1000 bytes", repeat("b", 1000), 400},
      {"none", "", 400},
  };
  Reader s;
  for (auto& t : table) {
    INFO(t.name);
    const std::string body = "--" + t.boundary + "--\r\n";
    CHECK(s.status(s.post("/form", "multipart/form-data; boundary=" + t.boundary, body)) == t.want);
    CHECK(s.status(s.post("/parts", "multipart/form-data; boundary=" + t.boundary, body)) ==
          t.want);
  }
}

TEST_CASE("hostile forms: urlencoded") {
  struct {
    std::string_view name;
    std::string body;
    int want;
  } const table[] = {
      {"1000 fields", repeat("a=1&", 1000), 200},
      {"1001 fields", repeat("a=1&", 1001), 413},
      {"10 000 fields", repeat("a&", 10'000), 413},
      {"a megabyte of &", repeat("&", 1 << 20), 200},
      {"a megabyte of =", repeat("=", 1 << 20), 200},
      {"a megabyte of %", repeat("%", 1 << 20), 400},
      {"a megabyte of %00", repeat("%00", 1 << 18), 200},
      {"more than may be kept", repeat("a", 11 << 20), 413},
  };
  Reader s;
  for (auto& t : table) {
    INFO(t.name);
    CHECK(s.status(s.post("/form", "application/x-www-form-urlencoded", t.body)) == t.want);
  }
}

TEST_CASE("hostile forms: every truncation of a body is 400, on the wire too") {
  const std::string body = field("a") + field("c") + "--b--";
  Reader s;
  CHECK(s.status(s.post("/form", "multipart/form-data; boundary=b", body), 1) == 200);
  for (std::size_t size = 0; size < body.size(); ++size) {
    INFO(size);
    raw::Client client = s.client();
    const std::string whole = s.post("/form", "multipart/form-data; boundary=b", body);
    client.send(whole.substr(0, whole.size() - body.size() + size));  // less than was announced ...
    client.finish_sending();
    CHECK(client.response().status == 400);
    CHECK(s.client()
              .ask(s.post("/form", "multipart/form-data; boundary=b", body.substr(0, size)))
              .status == 400);  // ... and what was
  }
}

TEST_CASE("hostile JSON: a gigabyte of digits, and nested a million deep") {
  Reader s;
  CHECK(s.status(s.post("/json", "application/json", repeat("[", 1'000'000))) == 400);
  CHECK(s.status(s.post("/json", "application/json", repeat("{\"a\":", 1'000'000))) == 400);
  CHECK(s.status(s.post("/json", "application/json", repeat("7", 9 << 20))) == 400);

  // The client means to send them all; it is told after the first ten megabytes.
  raw::Client client = s.client();
  const std::string chunk = "100000\r\n" + repeat("7", 1 << 20) + "\r\n";
  int chunks = 0;
  std::thread sender([&] {
    client.send(
        "POST /json HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    while (chunks < 1024 && client.send(chunk)) ++chunks;
  });
  const raw::Response r = client.response();
  CHECK(r.status == 413);
  shutdown(client.fd(), SHUT_RDWR);
  sender.join();
  CHECK(chunks < 1024);
  CHECK(s.client().ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body == "still here");
}

TEST_CASE("hostile folders: devices, sockets and FIFOs are not there") {
  const raw::Served devices(jot::FileServer("/dev"));
  for (const auto* path : {"/null", "/zero", "/random", "/full", "/tty", "/null/"}) {
    INFO(path);
    CHECK(devices.client().ask(jot::text("GET ", path, " HTTP/1.1\r\nHost: h\r\n\r\n")).status ==
          404);
  }
  const TestFolder folder;
  jot::Server listener({.addr = "unix:" + folder.path("socket"), .handler = [] { return ""; }});
  listener.start();
  folder.fifo("fifo");
  folder.link("device", "/dev/zero");
  const raw::Served files{jot::FileServer(folder.path())};
  for (const auto* path : {"/socket", "/fifo", "/device"}) {
    INFO(path);
    CHECK(files.client().ask(jot::text("GET ", path, " HTTP/1.1\r\nHost: h\r\n\r\n")).status ==
          404);
  }
}
