// SPDX-License-Identifier: MIT
//
// restart.cpp -- a service manager and its service, in one program.
//
//     restart         listens on a free port, prints it, and has one server after the other serve
//     it,
//                     until its standard input ends; then prints how many there were.
//     restart serve   the server: on the socket that it finds at fd 3, until SIGTERM.
//
// The next server is up before the one before it is told to end, as socket activation allows. Any
// server that does not end with 0 makes the manager fail.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

#include "jot.hpp"

using namespace std::chrono_literals;

namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// Serves, and says so to the manager by the end of its standard output.
int serve() {
  const jot::Context until = jot::notify_context({SIGTERM});
  jot::Router app;
  app.get("/", [] { return "here\n"; });
  app.get("/slow", [](jot::Request& r) { return r.context().sleep_for(20ms) ? "here\n" : "?\n"; });
  jot::Server server{{.addr = "systemd", .handler = app}};
  server.start();
  close(STDOUT_FILENO);
  until.wait();
  return server.shutdown(jot::with_timeout(jot::background(), 20s).ctx) ? 0 : 1;
}

int listen_on_free_port() {
  const int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in addr{};
  addr.sin_family = AF_INET, addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof addr;
  auto* any = reinterpret_cast<sockaddr*>(&addr);
  checked(bind(fd, any, size), "bind");
  checked(listen(fd, 1024), "listen");
  checked(getsockname(fd, any, &size), "getsockname");
  std::printf("%d\n", ntohs(addr.sin_port));
  std::fflush(stdout);
  return fd;
}

// Returns its process, once it serves.
pid_t start_server(const char* program, int listener) {
  int ready[2];
  checked(pipe(ready), "pipe");
  const pid_t pid = checked(fork(), "fork");
  if (pid == 0) {
    dup2(ready[1], STDOUT_FILENO);
    close(ready[0]), close(ready[1]);
    dup2(listener, 3);
    fcntl(3, F_SETFD, 0);  // where it was 3 already, it would close in exec
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    execl(program, program, "serve", nullptr);
    _exit(127);
  }
  close(ready[1]);
  char none;
  while (read(ready[0], &none, 1) > 0) {
  }
  close(ready[0]);
  return pid;
}

void end_server(pid_t pid) {
  checked(kill(pid, SIGTERM), "kill");
  int status = 0;
  checked(waitpid(pid, &status, 0), "waitpid");
  if (status != 0) throw std::runtime_error("a server ended with " + std::to_string(status));
}

bool input_ended() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  return poll(&in, 1, 0) > 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 1) return serve();
  const int listener = listen_on_free_port();
  int servers = 1;
  pid_t now = start_server(argv[0], listener);
  while (!input_ended()) {
    const pid_t next = start_server(argv[0], listener);
    end_server(now);
    now = next, ++servers;
  }
  end_server(now);
  std::printf("%d\n", servers);
} catch (const std::exception& e) {
  std::fprintf(stderr, "restart: %s\n", e.what());
  return 1;
}
