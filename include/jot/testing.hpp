// SPDX-License-Identifier: MIT
//
// testing.hpp -- what does my handler answer?
//
// In: a handler, and a request made by hand. Out: the response, without a socket, in one line:
//
//     auto res = jot::record(app, jot::request("GET", "/hello"));
//     CHECK(res.status == 200);
//     CHECK(res.body == "Hello, world.\n");
//
// Or with one, by a real server: jot::TestServer server(app); client.get(server.url("/hello"));
#pragma once

#include "config.hpp"
#include "context.hpp"          // Context
#include "handler.hpp"          // Handler
#include "header.hpp"           // Header
#include "request.hpp"          // Request
#include "response_writer.hpp"  // ResponseWriter, Flusher
#include "server.hpp"           // Server, ServerOptions
#include "value.hpp"            // Value

#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// A response, whole.
struct Recorded {
  int status = 200;
  // As the handler set it: Date, Content-Length and framing are a server's work.
  Header header = {};
  std::string body = {};
  // The handler threw when the first byte had left: a client sees the response cut short.
  bool cut_short = false;
};

// A writer that keeps everything: for tests, and for middleware that looks at a response or changes
// it before it is sent (copy_to). Its head leaves, and with it what can still be changed, at the
// first flush(); without one, never.
class Recorder final : public ResponseWriter, private Flusher {
 public:
  Recorder();

  Header& header() override;
  void write_header(int status) override;  // 1xx are checked and forgotten
  bool write_bytes(std::string_view bytes) override;
  Flusher* flusher() override;
  int status() const override;
  bool committed() const override;
  std::uint64_t bytes_written() const override;
  bool reset() override;

  // The body so far. It may be changed; also that of a HEAD request is here.
  std::string& body() noexcept { return body_; }

  // How often the handler has flushed.
  int flushes() const noexcept { return flushes_; }

  // What was recorded: the fields as they were when the head left.
  Recorded recorded() const;

  // Writes it all to another writer, fields added to those that are there, flushed if this was.
  void copy_to(ResponseWriter& w) const;

 private:
  bool flush() override;
  const Header& sent_header() const noexcept { return flushes_ ? sent_ : header_; }

  int status_ = 200;
  int flushes_ = 0;
  Header header_;
  Header sent_;  // a copy of header_, made when the head left
  std::string body_;
};

struct RequestOptions {
  std::string body = {};
  Context context = {};
  Header header = {};  // Host is example.com unless it is set here
  Value json = {};     // instead of body, with its Content-Type; null: none
  std::string remote_addr = "192.0.2.1:1234";
};

// Makes a request, read by the parser that a server uses. It owns its bytes.
// target: "/path?query", "http://host/path", "*", or for CONNECT "host:port".
// Throws: std::invalid_argument with the parser's reason for what a server would refuse.
Request request(std::string_view method, std::string_view target, RequestOptions options = {});

// Calls the handler as a server does: what it throws becomes the response.
Recorded record(const Handler& h, Request r);

// A Server on a free port of 127.0.0.1, which has started, and stops at the end of the scope: at
// once, with the Contexts of its requests cancelled. Throws as Server::start().
class TestServer {
 public:
  explicit TestServer(Handler handler);

  // options.addr is kept unless it is the default.
  explicit TestServer(ServerOptions options);

  // "http://127.0.0.1:43211" and then the path.
  std::string url(std::string_view path = {}) const;

  Server& server() noexcept { return server_; }

 private:
  Server server_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/testing.ipp"
#endif
