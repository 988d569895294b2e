// SPDX-License-Identifier: MIT
//
// pipeline_test.cpp -- many requests on one connection, sent ahead: each is answered, in order.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread

using namespace std::string_literals;
using jot::Request;
using jot::ResponseWriter;

namespace {

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}
std::string get(int n) { return get("/" + std::to_string(n)); }
std::string get_all(int from, int to) {
  std::string all;
  for (int i = from; i < to; ++i) all += get(i);
  return all;
}

struct Served {
  Served() { server.start(); }
  raw::Client client() const { return raw::Client(server.addr()); }

  void answer(ResponseWriter& w, Request& r) {
    if (r.path() == "/gate") jot::blocking([this] { return gate.wait(); });
    if (r.path() == "/throw") throw std::runtime_error("as told");
    if (r.path() == "/throw-late") {
      w.write("half"), w.flusher()->flush();
      throw std::runtime_error("as told");
    }
    if (r.path() == "/throw-after-much") {
      w.write(std::string(20'000, 'x'));
      throw std::runtime_error("as told");
    }
    if (r.path() == "/big") return void(w.write(std::string(100'000, 'x')));
    if (r.path() == "/no-content") return w.write_header(204);
    w.write(r.path(), r.body().read_all());
    if (r.path() == "/flush") w.flusher()->flush(), w.write("ed");
  }

  raw::Gate gate;
  raw::TestLog log;
  jot::Server server{{.addr = "127.0.0.1:0",
                      .handler = [this](ResponseWriter& w, Request& r) { answer(w, r); },
                      .log = log.logger()}};
};

void check_answers(raw::Client& client, int from, int to) {
  int wrong = 0;
  for (int i = from; i < to && wrong == 0; ++i)
    wrong += client.response().body != "/" + std::to_string(i);
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("pipeline: answers come in order, however deep and however cut") {
  Served s;
  for (int depth : {1, 2, 16, 63, 64, 65, 128, 1000}) {
    const std::string all = get_all(0, depth);
    for (std::size_t piece : {all.size(), std::size_t{1000}, std::size_t{7}}) {
      INFO(depth << " deep, in pieces of " << piece);
      raw::Client client = s.client();
      std::thread sender([&] { client.send_in_pieces(all, piece); });
      check_answers(client, 0, depth);
      sender.join();
      CHECK(client.ask(get("/after")).body == "/after");
    }
  }
  CHECK(s.log.size() == 0);
}

TEST_CASE("pipeline: with FIN behind the last, all are answered before the end") {
  Served s;
  for (int depth : {1, 64, 65, 1000}) {
    INFO(depth);
    raw::Client client = s.client();
    client.send(get_all(0, depth));
    client.finish_sending();
    check_answers(client, 0, depth);
    CHECK(client.is_closed());
  }
}

TEST_CASE("pipeline: all kinds of requests and answers") {
  Served s;
  raw::Client client = s.client();
  const std::string length = "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunks =
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  const std::string head = "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t piece : {std::size_t{1} << 20, std::size_t{13}}) {
    std::string all;
    for (int i = 0; i < 20; ++i)
      all += get("/g") + length + head + chunks + get("/no-content") + get("/flush") + get("/big");
    std::thread sender([&] { client.send_in_pieces(all, piece); });
    for (int i = 0; i < 20; ++i) {
      CHECK(client.response().body == "/g");
      CHECK(client.response().body == "/lhello");
      CHECK(client.response(true).field("Content-Length") == "2");
      CHECK(client.response().body == "/chello");
      CHECK(client.response().status == 204);
      CHECK(client.response().body == "/flushed");
      CHECK(client.response().body.size() == 100'000);
    }
    sender.join();
  }
}

TEST_CASE("pipeline: a handler that blocks holds up what is behind it, and nothing else") {
  Served s;
  raw::Client client = s.client();
  client.send(get_all(0, 8) + get("/gate") + get_all(8, 16));
  check_answers(client, 0, 8);  // these do not wait
  for (int i = 0; i < 100; ++i) CHECK(s.client().ask(get("/other")).body == "/other");
  s.gate.open();
  CHECK(client.response().body == "/gate");
  check_answers(client, 8, 16);
}

TEST_CASE("pipeline: many that block, one behind the other") {
  Served s;
  s.gate.open();
  jot::Server server({.addr = "127.0.0.1:0", .handler = [](Request& r) {
                        std::this_thread::sleep_for(std::chrono::milliseconds(3));
                        return std::string(r.path());
                      }});
  server.start();
  raw::Client client(server.addr()), closes(server.addr());
  client.send(get_all(0, 100));
  closes.send(get_all(0, 50));
  closes.finish_sending();
  check_answers(client, 0, 100);
  check_answers(closes, 0, 50);
  CHECK(closes.is_closed());
}

TEST_CASE("pipeline: a bad request ends it, behind the answers to the good ones") {
  Served s;
  for (int depth : {1, 16, 64, 200}) {
    INFO(depth);
    s.log.clear();
    raw::Client client = s.client();
    client.send(get_all(0, depth) + "BAD\r\n\r\n" + get_all(0, 5));
    check_answers(client, 0, depth);
    auto r = client.response();
    CHECK(r.status == 400);
    CHECK(r.field("Connection") == "close");
    CHECK(client.is_closed());
    CHECK(s.log.size() == 1);
  }
}

TEST_CASE("pipeline: Connection: close ends it") {
  for (auto last :
       {"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /last HTTP/1.0\r\n\r\n",
        "GET /last HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive, Close\r\n\r\n"}) {
    Served s;
    raw::Client client = s.client();
    client.send(get_all(0, 5) + last + get_all(5, 10));
    check_answers(client, 0, 5);
    auto r = client.response();
    CHECK(r.body == "/last");
    CHECK(r.field("Connection") == "close");
    CHECK(client.is_closed());
    CHECK(s.server.stats().requests == 6);
  }
}

TEST_CASE("pipeline: a handler that throws is one answer among the others") {
  Served s;
  raw::Client client = s.client();
  client.send(get_all(0, 5) + get("/throw") + get_all(5, 10));
  check_answers(client, 0, 5);
  CHECK(client.response().status == 500);
  check_answers(client, 5, 10);
  CHECK(s.log.size() == 1);
}

TEST_CASE("pipeline: a handler that throws half-way loses its own answer, and none before it") {
  struct {
    std::string_view name;
    std::string request;
  } const table[] = {
      {"flushed", get("/throw-late")},
      {"overflown", get("/throw-after-much")},
      {"HEAD", "HEAD /throw-after-much HTTP/1.1\r\nHost: h\r\n\r\n"},
  };
  for (auto& t : table) {
    INFO(t.name);
    Served s;
    raw::Client client = s.client();
    client.send(get_all(0, 5) + t.request + get_all(5, 10));
    check_answers(client, 0, 5);
    if (t.name != "HEAD") CHECK_FALSE(client.response().whole());
    client.read_to_end();
    REQUIRE(s.log.wait_for_message("handler threw"));
    CHECK(s.server.stats().requests == 6);
    CHECK(s.log.size() == 1);
  }
}

TEST_CASE("pipeline: an answer that is cut short does not take those before it along") {
  Served s;
  raw::Client client = s.client();
  // More behind it than the server has read by then: closing at once would be a reset.
  client.send(get_all(0, 5) + get("/throw-late") + get_all(5, 2000));
  REQUIRE(s.log.wait_for_message("handler threw"));
  check_answers(client, 0, 5);
  CHECK(client.response().end == raw::End::closed);
}

TEST_CASE("pipeline: who never stops does not keep others waiting") {
  Served s;
  raw::Client greedy = s.client();
  const std::string many = get_all(0, 1000);
  std::atomic<bool> stop{false};
  std::thread sender([&] {
    while (!stop && greedy.send(many)) {
    }
    greedy.finish_sending();
  });
  std::thread reader([&] { greedy.read_to_end(); });
  std::vector<raw::Client> others;
  for (int i = 0; i < 8; ++i) others.push_back(s.client());
  for (int i = 0; i < 100; ++i)
    for (auto& c : others) CHECK(c.ask(get(i)).body == "/" + std::to_string(i));
  stop = true;
  sender.join(), reader.join();
}
