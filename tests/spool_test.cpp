// SPDX-License-Identifier: MIT
//
// spool_test.cpp -- large files wait outside of memory, leave nothing behind, and a full disk is no
// disaster.
#include "jot.hpp"

#include "jot/detail/spool.hpp"

#include "catch.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <dirent.h>        // opendir
#include <sys/resource.h>  // setrlimit
#include <sys/stat.h>      // fstat
#include <sys/wait.h>      // waitpid

#include <algorithm>    // std::max
#include <cstdlib>      // setenv
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace std::literals;
using jot::FormFile;
using jot::FormOptions;
using jot::HttpError;
using jot::Request;

namespace {

std::string text_of(std::size_t size) {
  std::string s(size, ' ');
  for (std::size_t i = 0; i < size; ++i) s[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
  return s;
}

std::string file(std::string_view name, std::string_view data) {
  return jot::text("--b\r\nContent-Disposition: form-data; name=\"", name,
                   "\"; filename=\"f\"\r\n\r\n", data, "\r\n");
}

jot::RequestOptions multipart(std::string body) {
  return {.body = std::move(body) + "--b--",
          .header = jot::Header{{"Content-Type", "multipart/form-data; boundary=b"}}};
}
Request upload(std::string body) { return jot::request("POST", "/", multipart(std::move(body))); }

std::size_t open_files() {
  std::size_t count = 0;
  DIR* all = opendir("/proc/self/fd");
  while (readdir(all)) ++count;
  closedir(all);
  return count;
}

nlink_t links(int fd) {
  struct stat s {};
  REQUIRE(fstat(fd, &s) == 0);
  return s.st_nlink;
}

}  // namespace

TEST_CASE("spool: what is large goes to a file without a name, and is read as if it did not") {
  const TestFolder folder;
  const std::size_t before = open_files();
  const std::string large = text_of(1'000'000);
  {
    Request r = upload(file("small", "12") + file("edge", text_of(1000)) +
                       file("over", text_of(1001)) + file("large", large) + file("none", ""));
    const auto& form = r.form({.spool_above = 1000, .spool_folder = folder.path()});
    CHECK(form.file("small")->fd() == -1);
    CHECK(form.file("edge")->fd() == -1);
    CHECK(form.file("none")->fd() == -1);
    REQUIRE(form.file("over")->fd() >= 0);
    REQUIRE(form.file("large")->fd() >= 0);
    CHECK(form.file("edge")->data == text_of(1000));
    CHECK(form.file("over")->data == text_of(1001));
    CHECK((form.file("large")->data == large));
    CHECK(links(form.file("large")->fd()) == 0);
    CHECK(open_files() == before + 2);
    CHECK(folder.count() == 0);
    form.file("large")->save_to(folder.path("saved"));
    CHECK(folder.count() == 1);
    struct stat saved {};
    REQUIRE(stat(folder.path("saved").c_str(), &saved) == 0);
    CHECK(saved.st_size == 1'000'000);
  }
  CHECK(open_files() == before);
}

TEST_CASE("spool: a copy of a file outlives its request") {
  FormFile small, large;
  {
    Request r = upload(file("small", "12") + file("large", text_of(5000)));
    const auto& form = r.form({.spool_above = 10});
    small = *form.file("small"), large = *form.file("large");
  }
  CHECK(small.data == "12");
  CHECK(large.data == text_of(5000));
  CHECK(large.fd() >= 0);
}

TEST_CASE("spool: files in memory are bounded together, too") {
  std::string body;
  for (int i = 0; i < 20; ++i) body += file("f", text_of(900));
  Request r = upload(body);
  const auto& form = r.form({.max_memory = 5000, .spool_above = 1000});
  std::size_t in_memory = 0;
  for (const FormFile& f : form.files()) {
    CHECK(f.data == text_of(900));
    if (f.fd() < 0) in_memory += f.data.size();
  }
  CHECK(in_memory > 0);
  CHECK(in_memory <= 5000);
}

TEST_CASE("spool: where O_TMPFILE is missing, the name is gone at once") {
  const TestFolder folder;
  const jot::detail::Fd file = jot::detail::open_named_once(folder.path());
  REQUIRE(file);
  CHECK(links(file.get()) == 0);
  CHECK(folder.count() == 0);
  CHECK_THROWS_AS(jot::detail::open_named_once(folder.path("missing")), std::system_error);
}

TEST_CASE("spool: /proc and its like have no temporary files") {
  CHECK_THROWS_AS(jot::detail::open_unnamed("/proc"), std::system_error);
}

TEST_CASE("spool: the folder is the one of the environment, unless said") {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  setenv("TMPDIR", "/somewhere", 1);
  CHECK(jot::detail::default_spool_folder() == "/somewhere");
  unsetenv("TMPDIR");
  CHECK(jot::detail::default_spool_folder().ends_with("tmp"));
  if (before) setenv("TMPDIR", kept.c_str(), 1);
}

TEST_CASE("spool: a folder that is not there is 507, with the reason in the log alone") {
  raw::TestLog log;
  jot::Router app;
  app.post("/", [](Request& r) {
    return jot::text(r.form({.spool_above = 10, .spool_folder = "/no/such"}).files().size());
  });
  jot::Server server({.addr = "127.0.0.1:0", .handler = app, .log = log.logger()});
  server.start();
  const std::string body = multipart(file("f", text_of(100))).body;
  auto r = raw::Client(server.addr())
               .ask(jot::text("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; "
                              "boundary=b\r\nContent-Length: ",
                              body.size(), "\r\n\r\n", body));
  CHECK(r.status == 507);
  CHECK(r.body == "Insufficient Storage\n");
  REQUIRE(log.count("cannot keep an uploaded file") == 1);
  CHECK(log.records()[0].field("error").find("/no/such") != std::string::npos);
}

// In a child, for the limit is the process's: a file may not grow beyond 50 kB, as on a full disk.
TEST_CASE("spool: a disk that is full is 507, and nothing stays open") {
  const TestFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit small{50'000, 50'000};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::size_t before = open_files();
    int wrong = 0;
    for (int i = 0; i < 3; ++i) {
      Request r = upload(file("f", text_of(200'000)));
      r.set_log(jot::Logger([](const jot::LogRecord&) {}));
      try {
        r.form({.spool_above = 1000, .spool_folder = folder.path()});
        wrong = 1;
      } catch (const HttpError& e) {
        if (e.status() != 507) wrong = 2;
      }
    }
    Request r = upload(file("f", text_of(60'000)));
    try {
      r.form({.spool_above = 100'000}).file("f")->save_to(folder.path("saved"));
      wrong = 3;
    } catch (const std::system_error&) {
    }
    if (open_files() != before) wrong = 4;
    if (folder.count() != 0) wrong = 5;
    _exit(wrong);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
