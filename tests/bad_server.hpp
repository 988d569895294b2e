// SPDX-License-Identifier: MIT
//
// bad_server.hpp -- a server that does exactly what a test says, however wrong that is.
//
// Each connection is given to a function, on a thread of its own, with its number. Nothing of jot's
// is used here. All waits end after `patience`, and when the server is destroyed: then every thread
// has ended and every descriptor is closed, so that a test can count them.
#pragma once

#include <arpa/inet.h>   // htons
#include <dirent.h>      // opendir
#include <netinet/in.h>  // sockaddr_in
#include <poll.h>        // poll
#include <sys/socket.h>  // socket, accept4, send, recv
#include <unistd.h>      // close

#include <algorithm>    // std::min
#include <atomic>       // std::atomic
#include <cerrno>       // errno
#include <chrono>       // std::chrono
#include <cstdlib>      // std::strtoull
#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <stdexcept>    // std::runtime_error
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread
#include <utility>      // std::move
#include <vector>       // std::vector

namespace bad {

inline constexpr int patience_ms = 20'000;

// How many entries has a folder of /proc/self? "fd" and "task" are what can leak.
inline std::size_t count_of(const char* what) {
  const std::string path = std::string("/proc/self/") + what;
  DIR* folder = opendir(path.c_str());
  if (!folder) throw std::runtime_error("cannot read " + path);
  std::size_t count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count - (std::string_view(what) == "fd");  // the folder's own
}

// The server's side of one connection.
class Peer {
 public:
  Peer(int fd, int number, const std::atomic<bool>& stopping)
      : fd_(fd), number_(number), stopping_(stopping) {}
  Peer(const Peer&) = delete;
  ~Peer() { close(); }

  int number() const { return number_; }  // 1 is the first
  bool stopping() const { return stopping_; }

  // The head of the next request, its empty line included; its body is read, too. "": there is
  // none.
  std::string request() {
    std::size_t end;
    while ((end = unread_.find("\r\n\r\n")) == unread_.npos)
      if (!receive()) return {};
    std::string head = unread_.substr(0, end + 4);
    unread_.erase(0, end + 4);
    if (const std::size_t at = head.find("Content-Length: "); at != head.npos)
      skip(std::strtoull(head.c_str() + at + 16, nullptr, 10));
    return head;
  }

  // False: the client is gone, or does not take it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!wait(POLLOUT)) return false;
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // An answer that is as it should be, and says which path was asked for.
  bool answer(std::string_view head) {
    const std::size_t from = head.find(' ') + 1;
    const std::string body(head.substr(from, head.find(' ', from) - from));
    return send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
  }

  // Answers all that comes as it should.
  void behave() {
    for (std::string head; !(head = request()).empty();)
      if (!answer(head)) return;
  }

  // Until the client has closed the connection.
  void wait_for_close() {
    while (receive()) unread_.clear();
  }

  // So long, less where the server ends.
  void sleep(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stopping_ && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds(5)));
  }

  void finish_sending() { shutdown(fd_, SHUT_WR); }

  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  bool wait(short events) const {
    for (int waited = 0; waited < patience_ms && !stopping_; waited += 10) {
      pollfd p{fd_, events, 0};
      if (poll(&p, 1, 10) > 0) return true;
    }
    return false;
  }

  bool receive() {
    char buffer[4096];
    if (fd_ < 0 || !wait(POLLIN)) return false;
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) unread_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  void skip(std::size_t n) {
    while (unread_.size() < n && receive()) continue;
    unread_.erase(0, n);
  }

  int fd_, number_;
  const std::atomic<bool>& stopping_;
  std::string unread_;
};

class Server {
 public:
  explicit Server(std::function<void(Peer&)> serve) : serve_(std::move(serve)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in addr{};
    addr.sin_family = AF_INET, addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof addr;
    auto* any = reinterpret_cast<sockaddr*>(&addr);
    if (fd_ < 0 || bind(fd_, any, size) != 0 || listen(fd_, 512) != 0 ||
        getsockname(fd_, any, &size) != 0)
      throw std::runtime_error("no server");
    port_ = ntohs(addr.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  Server(const Server&) = delete;
  ~Server() {
    stopping_ = true;
    acceptor_.join();
    for (auto& one : serving_) one.thread.join();
    ::close(fd_);
  }

  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int port() const { return port_; }
  int accepted() const { return accepted_; }

 private:
  struct Serving {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> is_over;
  };

  void accept_all() {
    while (!stopping_) {
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 5) <= 0) continue;
      const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      join_those_that_are_over();
      auto is_over = std::make_shared<std::atomic<bool>>(false);
      serving_.push_back({std::thread([this, fd, number = ++accepted_, is_over] {
                            Peer peer(fd, number, stopping_);
                            serve_(peer);
                            peer.close();
                            *is_over = true;
                          }),
                          is_over});
    }
  }

  void join_those_that_are_over() {
    std::erase_if(serving_, [](Serving& one) {
      if (!*one.is_over) return false;
      one.thread.join();
      return true;
    });
  }

  std::function<void(Peer&)> serve_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> accepted_ = 0;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<Serving> serving_;  // of the acceptor, until it has ended
};

}  // namespace bad
