// SPDX-License-Identifier: MIT
//
// crowd.cpp -- a crowd of clients, each with one request: are all of them answered, and how soon?
//
// usage: crowd PORT PATH CLIENTS AT_ONCE
// Connects, sends GET PATH and reads the answer, with AT_ONCE clients on their way at a time; one
// thread, one epoll. Prints "OK SECONDS SLOWEST": how many got a whole 200, the time from the first
// connect to the last answer, and the longest wait of one client. Then it keeps all connections
// open, idle, until its standard input is closed. Gives up after 60 s.
#include <arpa/inet.h>     // htons, htonl
#include <netinet/in.h>    // sockaddr_in, IP_BIND_ADDRESS_NO_PORT
#include <sys/epoll.h>     // epoll_create1, epoll_ctl, epoll_wait
#include <sys/resource.h>  // setrlimit
#include <sys/socket.h>    // socket, connect, recv, send
#include <unistd.h>        // close

#include <algorithm>    // std::max
#include <cerrno>       // errno
#include <charconv>     // std::from_chars
#include <chrono>       // std::chrono::steady_clock
#include <cstdint>      // std::uint16_t
#include <cstdio>       // std::printf, std::getchar
#include <cstdlib>      // std::atoi
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Client {
  int fd = -1;
  Clock::time_point began = {};
  bool asked = false;
  bool finished = false;
  std::string answer = {};
};

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// True once `answer` holds a head and as many bytes after it as its Content-Length says.
bool is_whole(std::string_view answer) {
  constexpr std::string_view field = "\r\nContent-Length: ";
  const std::size_t end = answer.find("\r\n\r\n");
  const std::size_t at = answer.find(field);
  if (end == answer.npos || at >= end) return false;
  std::size_t length = 0;
  std::from_chars(answer.data() + at + field.size(), answer.data() + end, length);
  return answer.size() == end + 4 + length;
}

class Crowd {
 public:
  Crowd(std::uint16_t port, std::string_view path, std::size_t clients)
      : clients_(clients),
        request_("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n") {
    server_.sin_family = AF_INET;
    server_.sin_port = htons(port);
    server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  void run(std::size_t at_once) {
    const Clock::time_point began = Clock::now();
    while (finished_ < clients_.size() && Clock::now() - began < 60s) {
      while (started_ < clients_.size() && started_ - finished_ < at_once) start(started_++);
      epoll_event events[256];
      const int count = epoll_wait(epoll_, events, 256, 100);
      for (int i = 0; i < count; ++i) go_on(*static_cast<Client*>(events[i].data.ptr));
    }
    std::printf("%zu %.3f %.3f\n", ok_, seconds(Clock::now() - began), seconds(slowest_));
    std::fflush(stdout);
  }

 private:
  // One source address has about 28000 ports to the same server: every 16000 clients get another.
  void start(std::size_t index) {
    Client& c = clients_[index];
    c.began = Clock::now();
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(index / 16000));
    const int on = 1;
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(c.fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);
    const int rc = connect(c.fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
    if (rc != 0 && errno != EINPROGRESS) return finish(c, false);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &c;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
  }

  void go_on(Client& c) {
    if (c.finished) return;
    if (!c.asked) {
      const ssize_t sent = send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;  // not connected yet
      if (sent != static_cast<ssize_t>(request_.size())) return finish(c, false);
      c.asked = true;
    }
    for (;;) {
      char buffer[4096];
      const ssize_t got = recv(c.fd, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return finish(c, false);
      c.answer.append(buffer, static_cast<std::size_t>(got));
      if (is_whole(c.answer)) return finish(c, c.answer.starts_with("HTTP/1.1 200 "));
    }
  }

  void finish(Client& c, bool ok) {
    c.finished = true;
    c.answer = {};
    ++finished_;
    if (!ok) return;
    ++ok_;
    slowest_ = std::max(slowest_, Clock::now() - c.began);
  }

  std::vector<Client> clients_;
  std::string request_;
  sockaddr_in server_{};
  int epoll_ = epoll_create1(0);
  std::size_t started_ = 0, finished_ = 0, ok_ = 0;
  Clock::duration slowest_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "usage: crowd PORT PATH CLIENTS AT_ONCE\n"), 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  Crowd crowd(static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2],
              static_cast<std::size_t>(std::atoi(argv[3])));
  crowd.run(static_cast<std::size_t>(std::atoi(argv[4])));
  while (std::getchar() != EOF) {
  }
}
