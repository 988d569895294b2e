// SPDX-License-Identifier: MIT
//
// silent_port.hpp -- a port of this machine where nobody answers, not even with a refusal.
//
// It listens, never accepts, and its queue is full: so whoever connects waits.
#pragma once

#include <arpa/inet.h>   // htons
#include <netinet/in.h>  // sockaddr_in
#include <sys/socket.h>  // socket, listen, connect
#include <unistd.h>      // close

#include <stdexcept>  // std::runtime_error
#include <string>     // std::string
#include <vector>     // std::vector

class SilentPort {
 public:
  SilentPort() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in addr{};
    addr.sin_family = AF_INET, addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof addr;
    auto* any = reinterpret_cast<sockaddr*>(&addr);
    if (bind(fd_, any, size) != 0 || listen(fd_, 0) != 0 || getsockname(fd_, any, &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(addr.sin_port);
    for (int i = 0; i < 4; ++i) {
      waiting_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      connect(waiting_.back(), any, size);
    }
  }
  SilentPort(const SilentPort&) = delete;
  ~SilentPort() {
    for (const int fd : waiting_) close(fd);
    close(fd_);
  }

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  int fd_ = -1, port_ = 0;
  std::vector<int> waiting_;
};
