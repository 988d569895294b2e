// SPDX-License-Identifier: MIT
//
// httplib.cpp -- a peer: the same hello on cpp-httplib, one thread of a pool per connection.
//
// Its defaults would not finish the race: a connection is closed after 5 requests, and a pool of
// 8 threads serves 8 connections at a time. So requests per connection are not limited here, and
// the pool has a thread for each of the 1000 clients. Its backlog of 5 connections is compiled into
// Debian's library: of many clients that come at once, most try again a second later.
#include <httplib.h>

#include <cstddef>  // std::size_t
#include <cstdio>   // std::printf

int main() {
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(1000); };
  server.set_keep_alive_max_count(static_cast<std::size_t>(-1));
  server.set_tcp_nodelay(true);
  server.Get("/", [](const httplib::Request&, httplib::Response& res) {
    res.set_content("Hello, World!", "text/plain; charset=utf-8");
  });
  std::printf("%d\n", server.bind_to_any_port("127.0.0.1"));
  std::fflush(stdout);
  server.listen_after_bind();
}
