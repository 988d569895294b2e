// SPDX-License-Identifier: MIT
//
// upload_test.cpp -- do forms and files arrive as they were sent, also when they are sent again?
#include "jot/upload.hpp"

#include "bad_server.hpp"
#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"
#include "test_folder.hpp"

#include <unistd.h>  // truncate

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::Client;
using jot::MultipartPayload;

namespace {

// Type, length and body of what came.
void echo(jot::ResponseWriter& w, jot::Request& r) {
  w.write(r.header().get("Content-Type"), "\n", r.header().get("Content-Length"), "\n",
          r.body().read_all());
}

std::string text_of(jot::Result<jot::Response> res) {
  if (!res) return res.error().message();
  auto body = res->body.read_all();
  return body ? *body : body.error().message();
}

}  // namespace

TEST_CASE("upload: a form of text") {
  jot::TestServer server(echo);
  Client client;
  CHECK(
      text_of(client.post(server.url(), jot::form({{"name", "Ada & co"}, {"n", "1"}, {"", ""}}))) ==
      "application/x-www-form-urlencoded\n21\nname=Ada+%26+co&n=1&=");
  CHECK(text_of(client.post(server.url(), jot::form(jot::Values()))) ==
        "application/x-www-form-urlencoded\n0\n");
  jot::Values values;
  values.add("long", std::string(100'000, 'x'));
  CHECK(text_of(client.post(server.url(), jot::form(values))).size() == 34 + 7 + 5 + 100'000);
}

TEST_CASE("upload: fields and files, in one body of known length") {
  TestFolder folder;
  const std::string large(3'000'000, 'L');
  folder.write("large.bin", large);
  folder.write("note.txt", "hello");
  MultipartPayload payload;
  payload.field("title", "A \"title\"").file("note", folder.path("note.txt"));
  payload.file("large", folder.path("large.bin"), "application/x-large", "other \"name\"");
  payload.bytes("raw", "raw.json", "{}");
  jot::TestServer server(echo);
  Client client;
  const std::string text = text_of(client.post(server.url(), payload));
  const std::size_t first = text.find('\n'), second = text.find('\n', first + 1);
  REQUIRE(text.starts_with("multipart/form-data; boundary=jot-"));
  const std::string boundary = text.substr(30, first - 30);
  const std::string body = text.substr(second + 1);
  CHECK(text.substr(first + 1, second - first - 1) == std::to_string(body.size()));
  CHECK(body.ends_with("\r\n--" + boundary + "--\r\n"));
  for (const std::string& part :
       {std::string("name=\"title\"\r\n\r\nA \"title\"\r\n--"),
        std::string("name=\"note\"; filename=\"note.txt\"\r\nContent-Type: text/plain; "
                    "charset=utf-8\r\n\r\nhello\r\n--"),
        "name=\"large\"; filename=\"other %22name%22\"\r\nContent-Type: application/x-large"
        "\r\n\r\n" +
            large + "\r\n--",
        std::string("name=\"raw\"; filename=\"raw.json\"\r\nContent-Type: application/json")}) {
    INFO(part.substr(0, 100));
    CHECK(body.find(part) != std::string::npos);
  }
}

TEST_CASE("upload: a 307 gets the same body again, a 303 none") {
  TestFolder folder;
  folder.write("a.txt", std::string(50'000, 'a'));
  jot::Router app;
  app.post("/again", [](jot::ResponseWriter& w, jot::Request& r) {
    r.body().read_all();
    w.header().set("Location", "/end"), w.write_header(307);
  });
  app.post("/look", [](jot::ResponseWriter& w, jot::Request& r) {
    r.body().read_all();
    w.header().set("Location", "/end"), w.write_header(303);
  });
  app.handle("/end", [](jot::ResponseWriter& w, jot::Request& r) {
    w.write(r.method(), "\n"), echo(w, r);
  });
  jot::TestServer server(app);
  Client client;
  const MultipartPayload payload = MultipartPayload().file("f", folder.path("a.txt"));
  const std::string again = text_of(client.post(server.url("/again"), payload));
  CHECK(again.starts_with("POST\nmultipart/form-data; boundary=jot-"));
  CHECK(again.find(std::string(50'000, 'a')) != std::string::npos);
  CHECK(text_of(client.post(server.url("/look"), payload)) == "GET\n\n\n");
  CHECK(text_of(client.post(server.url("/again"), jot::form({{"a", "1"}}))) ==
        "POST\napplication/x-www-form-urlencoded\n3\na=1");
}

TEST_CASE("upload: a file that changed its size fails the call, and leaves nothing open") {
  TestFolder folder;
  bad::Server server([](bad::Peer& peer) { peer.behave(); });
  Client client;
  const std::size_t fds = bad::count_of("fd");
  for (const int size : {0, 10, 200'000}) {
    folder.write("log", std::string(100'000, 'x'));
    jot::Payload payload = MultipartPayload().file("f", folder.path("log"));
    REQUIRE(truncate(folder.path("log").c_str(), size) == 0);
    const auto res = client.post(server.url("/"), std::move(payload));
    REQUIRE_FALSE(res);
    INFO(res.error().message());
    CHECK(res.error().code() == std::errc::io_error);
    CHECK(res.error().message().find(folder.path("log")) != std::string::npos);
  }
  CHECK(text_of(client.get(server.url("/next"))) == "/next");
  client.close_idle();
  CHECK(bad::count_of("fd") <= fds + 1);  // the server may still hold one
}

TEST_CASE("upload: what is no file is said at once") {
  TestFolder folder;
  MultipartPayload payload;
  CHECK_THROWS_AS(payload.file("f", folder.path("absent")), std::system_error);
  CHECK_THROWS_AS(payload.file("f", folder.path()), std::system_error);
  CHECK_THROWS_AS(payload.field(std::string("\0", 1), ""), std::invalid_argument);
}
