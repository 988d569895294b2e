// SPDX-License-Identifier: MIT
//
// limit.cpp -- how fast could any HTTP server on this machine be?
//
// One thread per core, each with its own listening socket on the same port (SO_REUSEPORT: the
// kernel deals the connections) and its own epoll. A request is an empty line, whatever stands
// before it; the answer is the bytes found on standard input when the program starts, so that it
// can be the very answer of the server it is compared with. All the requests that one recv brings
// are answered by one send. No parser, no router, no limits, no errors: nothing to take away.
#include <netinet/in.h>   // sockaddr_in, IPPROTO_TCP
#include <netinet/tcp.h>  // TCP_NODELAY
#include <sys/epoll.h>    // epoll_create1, epoll_ctl, epoll_wait
#include <sys/socket.h>   // socket, recv, send
#include <unistd.h>       // close

#include <algorithm>    // std::min
#include <cstdint>      // std::uint16_t
#include <cstdio>       // std::printf, std::getchar, std::perror
#include <cstdlib>      // std::exit
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <thread>       // std::thread
#include <vector>       // std::vector

namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";
constexpr std::size_t batch = 64;  // answers sent at once, at most

struct Connection {
  int fd;
  std::size_t kept = 0;  // bytes of `tail` in use
  char tail[3] = {};     // the last bytes received: an end of head may lie across two recvs
};

int check(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

std::string read_answer() {
  std::string answer;
  for (int c; (c = std::getchar()) != EOF;) answer.push_back(static_cast<char>(c));
  return answer;
}

// A listening socket on 127.0.0.1. Port 0: the kernel picks one, and `port` tells which.
int listen_on(std::uint16_t& port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT");
  sockaddr_in addr{};
  addr.sin_family = AF_INET;
  addr.sin_port = htons(port);
  addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof addr;
  check(bind(fd, reinterpret_cast<sockaddr*>(&addr), size), "bind");
  check(listen(fd, 4096), "listen");
  check(getsockname(fd, reinterpret_cast<sockaddr*>(&addr), &size), "getsockname");
  port = ntohs(addr.sin_port);
  return fd;
}

void accept_all(int listener, int epoll) {
  for (int fd; (fd = accept4(listener, nullptr, nullptr, 0)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = new Connection{fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

// How many requests end in `bytes`; what may be the start of the next end stays in the tail.
std::size_t count_requests(Connection& c, std::string_view bytes) {
  std::size_t count = 0;
  for (std::size_t at; (at = bytes.find(end_of_head)) != bytes.npos; ++count)
    bytes.remove_prefix(at + end_of_head.size());
  c.kept = std::min(bytes.size(), sizeof c.tail);
  std::memcpy(c.tail, bytes.data() + bytes.size() - c.kept, c.kept);
  return count;
}

// One recv, one send. False: the client has left.
bool serve(Connection& c, std::string_view answers, std::size_t answer_size) {
  char buffer[16384];
  std::memcpy(buffer, c.tail, c.kept);
  const ssize_t got = recv(c.fd, buffer + c.kept, sizeof buffer - c.kept, MSG_DONTWAIT);
  if (got <= 0) return false;
  std::size_t requests = count_requests(c, {buffer, c.kept + static_cast<std::size_t>(got)});
  while (requests > 0) {
    const std::size_t now = std::min(requests, batch);
    if (send(c.fd, answers.data(), now * answer_size, MSG_NOSIGNAL) < 0) return false;
    requests -= now;
  }
  return true;
}

void loop(int listener, std::string_view answers, std::size_t answer_size) {
  const int epoll = check(epoll_create1(0), "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the listener; connections carry their Connection
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
  for (epoll_event events[256];;) {
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      auto* c = static_cast<Connection*>(events[i].data.ptr);
      if (!c) {
        accept_all(listener, epoll);
      } else if (!serve(*c, answers, answer_size)) {
        close(c->fd);
        delete c;
      }
    }
  }
}

}  // namespace

int main() {
  const std::string answer = read_answer();
  std::string answers;
  for (std::size_t i = 0; i < batch; ++i) answers += answer;

  std::uint16_t port = 0;
  std::vector<std::thread> threads;
  std::vector<int> listeners;  // all of them, before the first client may come
  for (unsigned i = std::thread::hardware_concurrency(); i > 0; --i)
    listeners.push_back(listen_on(port));
  for (const int listener : listeners)
    threads.emplace_back(loop, listener, std::string_view(answers), answer.size());
  std::printf("%d\n", port);
  std::fflush(stdout);
  for (std::thread& thread : threads) thread.join();
}
