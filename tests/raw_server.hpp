// SPDX-License-Identifier: MIT
//
// raw_server.hpp -- what does the client make of exactly these bytes?
//
// A server that knows no manners: each connection is handed to a function of the test, which reads
// and sends what it likes. No parser of jot's is used here. Every wait ends after raw::patience.
#pragma once

#include "raw_client.hpp"  // raw::patience, raw::eventually

#include <dirent.h>      // opendir
#include <poll.h>        // poll
#include <sys/socket.h>  // socket, listen, accept4

#include <atomic>       // std::atomic
#include <functional>   // std::function
#include <list>         // std::list
#include <mutex>        // std::mutex
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread

namespace raw {

// How many descriptors has this process, and how many threads?
inline std::size_t entries(const char* folder) {
  std::size_t n = 0;
  DIR* dir = opendir(folder);
  while (readdir(dir)) ++n;
  return closedir(dir), n;
}
inline std::size_t open_fds() { return entries("/proc/self/fd"); }
inline std::size_t threads() { return entries("/proc/self/task"); }

// One connection, seen from the server.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  int fd() const { return fd_; }

  // Through the delimiter; "" where the client goes away before.
  std::string read_through(std::string_view delimiter) {
    std::size_t at;
    while ((at = unread_.find(delimiter)) == unread_.npos) {
      if (!receive()) return {};
    }
    std::string read = unread_.substr(0, at + delimiter.size());
    return unread_.erase(0, read.size()), read;
  }
  std::string head() { return read_through("\r\n\r\n"); }
  std::string bytes(std::size_t n) {
    while (unread_.size() < n && receive()) {
    }
    std::string read = unread_.substr(0, n);
    return unread_.erase(0, read.size()), read;
  }

  // Until the client closes. Returns all that came.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(unread_, {});
  }

  // False: the client does not take it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void finish() { shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  bool receive() {
    char buffer[16 << 10];
    pollfd p{fd_, POLLIN, 0};
    const auto most = std::chrono::duration_cast<milliseconds>(patience).count();
    if (poll(&p, 1, static_cast<int>(most)) <= 0) return false;
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    return unread_.append(buffer, static_cast<std::size_t>(n)), true;
  }

  int fd_;
  std::string unread_;
};

class Server {
 public:
  // serve: called with each connection, on a thread of its own; it is closed when that returns.
  // backlog: of connections that are not accepted; accepts: false leaves them there.
  explicit Server(std::function<void(Peer&)> serve, bool accepts = true, int backlog = 64)
      : serve_(std::move(serve)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd_, backlog) != 0)
      throw std::runtime_error("raw::Server: cannot listen");
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    if (accepts) acceptor_ = std::thread([this] { accept_all(); });
  }
  Server(const Server&) = delete;
  ~Server() {
    ends_ = true;
    shutdown(fd_, SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    ::close(fd_);
    cut();
    for (auto& t : threads_) t.join();
  }

  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int port() const { return port_; }
  std::size_t accepted() const { return accepted_; }

  // Ends all connections that are being served.
  void cut() {
    std::lock_guard lock(mutex_);
    for (const int fd : peers_) shutdown(fd, SHUT_RDWR);
  }

 private:
  void accept_all() {
    while (!ends_) {
      const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      ++accepted_;
      std::lock_guard lock(mutex_);
      peers_.push_back(fd);
      threads_.emplace_back([this, at = std::prev(peers_.end())] {
        Peer peer(*at);
        serve_(peer);
        std::lock_guard guard(mutex_);
        ::close(*at);
        peers_.erase(at);
      });
    }
  }

  std::function<void(Peer&)> serve_;
  int fd_ = -1, port_ = 0;
  std::atomic<bool> ends_ = false;
  std::atomic<std::size_t> accepted_ = 0;
  std::mutex mutex_;  // guards peers_ and threads_
  std::list<int> peers_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace raw
