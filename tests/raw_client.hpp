// SPDX-License-Identifier: MIT
//
// raw_client.hpp -- what does the server say to exactly these bytes?
//
// A blocking client that knows no manners: it sends what it is given, cut where it is told, and
// reads what comes back by the framing rules of RFC 9112 section 6.3, which it applies by itself.
// No parser of jot's is used here, so that a mistake there cannot hide behind the same mistake here.
// Every wait ends after `patience`: a test that would hang fails instead.
#pragma once

#include "jot.hpp"  // Handler, Logger, Server

#include <arpa/inet.h>   // inet_pton
#include <netinet/in.h>  // sockaddr_in, sockaddr_in6
#include <poll.h>        // poll
#include <sys/socket.h>  // socket, connect, send, recv
#include <sys/un.h>      // sockaddr_un
#include <unistd.h>      // close

#include <strings.h>           // strcasecmp
#include <cerrno>              // errno
#include <chrono>              // std::chrono
#include <condition_variable>  // std::condition_variable
#include <cstdlib>             // std::strtoull
#include <cstring>             // std::memcpy
#include <functional>          // std::function
#include <memory>              // std::shared_ptr
#include <mutex>               // std::mutex
#include <stdexcept>           // std::runtime_error
#include <string>              // std::string
#include <string_view>         // std::string_view
#include <thread>              // std::this_thread
#include <utility>             // std::pair
#include <vector>              // std::vector

namespace raw {

using std::chrono::milliseconds;
inline constexpr auto patience = std::chrono::seconds(20);

// Looks again and again, until it is so or patience is at an end.
inline bool eventually(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

// How the reading of a response ended.
enum class End {
  whole,      // by its own framing
  closed,     // the server closed: whole where nothing else ends it, else cut short
  reset,      // the server reset the connection
  timed_out,  // nothing came for `patience`
  malformed,  // what came is not HTTP/1.1
};

struct Response {
  int status = 0;
  std::string line;                                         // the status line
  std::vector<std::pair<std::string, std::string>> fields;  // as they came
  std::vector<Response> interim;                            // 1xx before it
  std::string head;                                         // as it came, the empty line included
  std::string body;
  std::vector<std::string> trailer;  // lines
  std::size_t chunks = 0;            // the last one not counted
  End end = End::timed_out;

  bool whole() const { return end == End::whole; }
  std::string field(const char* name) const {
    for (auto& [n, v] : fields)
      if (strcasecmp(n.c_str(), name) == 0) return v;
    return {};
  }
  std::size_t count(const char* name) const {
    std::size_t n = 0;
    for (auto& f : fields) n += strcasecmp(f.first.c_str(), name) == 0;
    return n;
  }
  bool has(const char* name) const { return count(name) != 0; }
};

class Client {
 public:
  // addr: "127.0.0.1:80", "[::1]:80" or "unix:/path", as Server::addr() has it.
  // receive_buffer: SO_RCVBUF, for clients that shall be slow; 0: as it is.
  explicit Client(const std::string& addr, int receive_buffer = 0) {
    connect_to(addr, receive_buffer);
  }
  Client(Client&& from) noexcept
      : fd_(std::exchange(from.fd_, -1)), unread_(std::move(from.unread_)) {}
  Client& operator=(Client&& from) noexcept {
    std::swap(fd_, from.fd_), std::swap(unread_, from.unread_);
    return *this;
  }
  ~Client() { close(); }

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // False: the server does not take it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd p{fd_, POLLOUT, 0};
      if (poll(&p, 1, timeout()) <= 0) return false;
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Each piece in a segment of its own (TCP_NODELAY is not needed: we yield in between).
  bool send_in_pieces(std::string_view bytes, std::size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      if (!send(bytes.substr(0, size))) return false;
      std::this_thread::yield();
    }
    return true;
  }

  void finish_sending() { shutdown(fd_, SHUT_WR); }

  // Goes away as a crashed client does.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  // The next response. head_only: it answers a HEAD.
  Response response(bool head_only = false) {
    Response r;
    while (read_head(r)) {
      if (r.status >= 200 || r.status == 101) break;
      Response interim;
      std::swap(interim, r), interim.end = End::whole;
      r.interim = std::move(interim.interim);
      r.interim.push_back(std::move(interim));
    }
    if (r.status != 0 && r.end == End::whole) read_body(r, head_only);
    return r;
  }

  Response ask(std::string_view request) {
    return send(request), response(request.starts_with("HEAD "));
  }

  // All that comes until the end; `end` says which.
  std::string read_to_end(End& end) {
    while ((end = receive()) == End::whole) {
    }
    return std::exchange(unread_, {});
  }
  std::string read_to_end() {
    End end;
    return read_to_end(end);
  }

  // Nothing more, and a clean end.
  bool is_closed() {
    End end;
    return read_to_end(end).empty() && end == End::closed;
  }

  // At least n bytes of what comes next, left unread.
  const std::string& peek(std::size_t n) {
    while (unread_.size() < n && receive() == End::whole) {
    }
    return unread_;
  }

 private:
  static int timeout() { return static_cast<int>(milliseconds(patience).count()); }

  void connect_to(const std::string& addr, int receive_buffer) {
    union {
      sockaddr any;
      sockaddr_in four;
      sockaddr_in6 six;
      sockaddr_un local;
    } to{};
    socklen_t length = sizeof to.six;
    if (addr.starts_with("unix:")) {
      to.local.sun_family = AF_UNIX, length = sizeof to.local;
      std::memcpy(to.local.sun_path, addr.data() + 5, addr.size() - 5);
    } else {
      const std::size_t colon = addr.rfind(':');
      const auto port = htons(static_cast<std::uint16_t>(std::stoi(addr.substr(colon + 1))));
      if (addr[0] == '[') {
        to.six.sin6_family = AF_INET6, to.six.sin6_port = port;
        inet_pton(AF_INET6, addr.substr(1, colon - 2).c_str(), &to.six.sin6_addr);
      } else {
        to.four.sin_family = AF_INET, to.four.sin_port = port, length = sizeof to.four;
        inet_pton(AF_INET, addr.substr(0, colon).c_str(), &to.four.sin_addr);
      }
    }
    fd_ = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (fd_ < 0 || connect(fd_, &to.any, length) != 0)
      throw std::runtime_error("cannot connect to " + addr + ": " + std::strerror(errno));
  }

  // More bytes into unread_.
  End receive() {
    char buffer[16 << 10];
    pollfd p{fd_, POLLIN, 0};
    if (poll(&p, 1, timeout()) <= 0) return End::timed_out;
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0) return End::reset;
    if (n == 0) return End::closed;
    unread_.append(buffer, static_cast<std::size_t>(n));
    return End::whole;
  }

  // Up to and with the delimiter, out of unread_; false, with r.end set, where it does not come.
  bool read_through(std::string_view delimiter, std::string& to, Response& r) {
    std::size_t at;
    for (std::size_t from = 0; (at = unread_.find(delimiter, from)) == unread_.npos;) {
      from = unread_.size() < delimiter.size() ? 0 : unread_.size() - delimiter.size() + 1;
      if ((r.end = receive()) != End::whole) return false;
    }
    to = unread_.substr(0, at + delimiter.size());
    unread_.erase(0, to.size());
    return r.end = End::whole, true;
  }

  bool read_bytes(std::size_t n, std::string& to, Response& r) {
    r.end = End::whole;
    while (unread_.size() < n && (r.end = receive()) == End::whole) {
    }
    to.append(unread_, 0, n);
    unread_.erase(0, n);
    return r.end == End::whole;
  }

  bool read_head(Response& r) {
    std::string head;
    if (!read_through("\r\n\r\n", head, r)) return false;
    r.head = head;
    std::size_t at = head.find("\r\n");
    r.line = head.substr(0, at);
    if (!r.line.starts_with("HTTP/1.1 ") || r.line.size() < 13 || r.line[12] != ' ')
      return r.end = End::malformed, false;
    r.status = std::stoi(r.line.substr(9, 3));
    for (at += 2; head.compare(at, 2, "\r\n") != 0;) {
      const std::size_t end = head.find("\r\n", at), colon = head.find(": ", at);
      if (colon > end || head.find_first_of("\r\n", at) != end)
        return r.end = End::malformed, false;
      r.fields.emplace_back(head.substr(at, colon - at), head.substr(colon + 2, end - colon - 2));
      at = end + 2;
    }
    return true;
  }

  void read_body(Response& r, bool head_only) {
    if (head_only || r.status == 204 || r.status == 304) return;
    if (r.has("Transfer-Encoding")) return read_chunks(r);
    if (r.has("Content-Length")) {
      read_bytes(
          static_cast<std::size_t>(std::strtoull(r.field("Content-Length").c_str(), nullptr, 10)),
          r.body, r);
      return;
    }
    r.body = read_to_end(r.end);
  }

  void read_chunks(Response& r) {
    for (std::string line, crlf;; ++r.chunks) {
      if (!read_through("\r\n", line, r)) return;
      const auto size = static_cast<std::size_t>(std::strtoull(line.c_str(), nullptr, 16));
      if (size == 0) break;
      if (!read_bytes(size, r.body, r) || !read_bytes(2, crlf = {}, r)) return;
      if (crlf != "\r\n") return void(r.end = End::malformed);
    }
    for (std::string line; read_through("\r\n", line, r) && line != "\r\n";)
      r.trailer.push_back(line.substr(0, line.size() - 2));
  }

  int fd_ = -1;
  std::string unread_;
};

// A sink that remembers.
class TestLog {
 public:
  struct Record {
    jot::Level level;
    std::string message;
    jot::Map fields;
    std::string field(std::string_view name) const {
      auto at = fields.find(name);
      return at == fields.end() ? std::string() : at->second.as_string("");
    }
  };

  jot::Logger logger() const {
    return jot::Logger([state = state_](const jot::LogRecord& r) {
      std::lock_guard lock(state->mutex);
      state->records.push_back({r.level, std::string(r.message), r.fields});
      state->changed.notify_all();
    });
  }

  std::vector<Record> records() const {
    std::lock_guard lock(state_->mutex);
    return state_->records;
  }
  std::size_t size() const { return records().size(); }
  std::size_t count(std::string_view message) const {
    std::size_t n = 0;
    for (auto& r : records()) n += r.message == message;
    return n;
  }
  void clear() {
    std::lock_guard lock(state_->mutex);
    state_->records.clear();
  }

  // False: it is not so within `patience`.
  bool wait_for(const std::function<bool(const std::vector<Record>&)>& condition) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, patience, [&] { return condition(state_->records); });
  }
  bool wait_for_message(std::string_view message) const {
    return wait_for([message](auto& records) {
      for (auto& r : records)
        if (r.message == message) return true;
      return false;
    });
  }

 private:
  struct State {
    std::mutex mutex;  // guards records
    std::condition_variable changed;
    std::vector<Record> records;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// What must hold on threads other than the test's own, where Catch's macros may not be used.
class Facts {
 public:
  void expect(bool holds, const char* what) const {
    if (holds) return;
    std::lock_guard lock(state_->mutex);
    state_->wrong.append(what).append("; ");
  }
  std::string wrong() const {
    std::lock_guard lock(state_->mutex);
    return state_->wrong;
  }

 private:
  struct State {
    std::mutex mutex;  // guards wrong
    std::string wrong;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// A door that a handler waits at, until the test opens it.
class Gate {
 public:
  void open() {
    std::lock_guard lock(state_->mutex);
    state_->is_open = true;
    state_->changed.notify_all();
  }

  // False: nobody opens it.
  bool wait() const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, patience, [&] { return state_->is_open; });
  }

 private:
  struct State {
    std::mutex mutex;  // guards is_open
    std::condition_variable changed;
    bool is_open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// A server with that handler, its log kept, and clients of it.
struct Served {
  explicit Served(jot::Handler handler)
      : server({.addr = "127.0.0.1:0", .handler = std::move(handler), .log = log.logger()}) {
    server.start();
  }
  Client client() const { return Client(server.addr()); }
  TestLog log;
  jot::Server server;
};

}  // namespace raw
