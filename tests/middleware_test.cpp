// SPDX-License-Identifier: MIT
//
// middleware_test.cpp -- each middleware does its one thing, and nothing else.
#include "jot.hpp"

#include "catch.hpp"
#include "jot/detail/access_line.hpp"
#include "jot/detail/deadline_writer.hpp"
#include "jot/detail/line_file.hpp"
#include "jot/detail/siphash.hpp"
#include "jot/detail/socket.hpp"
#include "jot/detail/token_buckets.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <fcntl.h>       // F_SETPIPE_SZ, O_CLOEXEC, open
#include <sys/socket.h>  // socketpair
#include <unistd.h>      // pipe2, read

#include <algorithm>     // std::count
#include <atomic>        // std::atomic
#include <chrono>        // std::chrono
#include <fstream>       // std::ifstream
#include <iterator>      // std::istreambuf_iterator
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <thread>        // std::thread
#include <utility>       // std::exchange
#include <vector>        // std::vector

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using jot::Handler;
using jot::HttpError;
using jot::record;
using jot::Recorded;
using jot::Request;
using jot::request;
using jot::ResponseWriter;

namespace {

const Handler hello = [] { return "hello\n"; };

// The request that r.log() of a handler of it writes to this log.
Request logged(Request r, const raw::TestLog& log) {
  r.set_log(log.logger());
  return r;
}

}  // namespace

// ---------------------------------------------------------------- recover

TEST_CASE("recover is built in: what a handler throws becomes a response") {
  struct {
    std::string_view name;
    Handler handler;
    int status;
    std::string_view body;
  } const table[] = {
      {"HttpError", [] { throw HttpError(418, "short and stout"); }, 418, "short and stout\n"},
      {"exception", [] { throw std::runtime_error("secret"); }, 500, "Internal Server Error\n"},
      {"not a std::exception", [] { throw 7; }, 500, "Internal Server Error\n"},
      {"after writing", [](ResponseWriter& w) { w.write("secret"), throw 7; }, 500,
       "Internal Server Error\n"},
  };
  raw::TestLog log;
  for (auto& t : table) {
    INFO(t.name);
    for (const Handler& h : {t.handler, jot::request_log()(jot::request_id()(t.handler))}) {
      const Recorded res = record(h, logged(request("GET", "/"), log));
      CHECK(res.status == t.status);
      CHECK(res.body == t.body);
      CHECK_FALSE(res.cut_short);
    }
  }
}

// ---------------------------------------------------------------- request_log

TEST_CASE("request_log: one record when the request is over") {
  struct {
    std::string_view name;
    Handler handler;
    int status, bytes;
  } const table[] = {
      {"text", hello, 200, 6},
      {"status", [](ResponseWriter& w) { w.write_header(204); }, 204, 0},
      {"HttpError", [] { throw HttpError(404); }, 404, 10},
      {"exception", [](ResponseWriter& w) { w.write("x"), throw 7; }, 500, 22},
      {"thrown in mid-stream",
       [](ResponseWriter& w) { w.write("some"), w.flusher()->flush(), throw 7; }, 200, 4},
      {"empty handler", {}, 404, 10},
  };
  for (auto& t : table) {
    INFO(t.name);
    raw::TestLog log;
    record(jot::request_log()(t.handler), logged(request("PUT", "/a%0Ab?c=d"), log));
    REQUIRE(log.count("request") == 1);
    for (auto& r : log.records()) {
      if (r.message != "request") continue;
      CHECK(r.level == jot::Level::info);
      CHECK(r.field("method") == "PUT");
      CHECK(r.field("path") == "/a%0Ab");
      CHECK(r.fields.at("status").as_int() == t.status);
      CHECK(r.fields.at("bytes").as_int() == t.bytes);
      CHECK(r.fields.at("ms").as_double() >= 0);
    }
  }
}

TEST_CASE("request_log: on the Router it sees what no route answers") {
  jot::Router app;
  app.use(jot::request_log());
  app.get("/a", hello);
  raw::TestLog log;
  record(app, logged(request("GET", "/none"), log));
  record(app, logged(request("POST", "/a"), log));
  REQUIRE(log.size() == 2);
  CHECK(log.records()[0].fields["status"].as_int() == 404);
  CHECK(log.records()[1].fields["status"].as_int() == 405);
}

TEST_CASE("request_log: tells of the page that was sent for an error, whoever made it") {
  jot::Router app;
  app.on_error([](ResponseWriter& w, Request&, int status, std::string_view) {
    w.write_header(status == 500 ? 503 : status);
    w.write("my own page\n");
  });
  app.use(jot::timeout(1h));  // whose Context is over when the page is made
  app.use(jot::request_id());
  app.use(jot::request_log());
  app.get("/http", [] { throw HttpError(409); });
  app.get("/other", [] { throw 7; });
  for (const auto& [path, status] : {std::pair{"/http", 409}, std::pair{"/other", 503}}) {
    INFO(path);
    raw::TestLog log;
    const Recorded res = record(app, logged(request("GET", path), log));
    CHECK(res.status == status);
    REQUIRE(log.count("request") == 1);
    for (auto& r : log.records()) {
      if (r.message != "request") continue;
      CHECK(r.fields.at("status").as_int() == status);
      CHECK(r.fields.at("bytes").as_int() == 12);
      CHECK_FALSE(r.field("request_id").empty());
    }
  }
}

TEST_CASE("request_log: where nobody makes a page of what is thrown, it tells what it knows") {
  raw::TestLog log;
  jot::Recorder w;
  Request r = logged(request("GET", "/"), log);
  CHECK_THROWS_AS(jot::request_log()([] { throw HttpError(409); })(w, r), HttpError);
  REQUIRE(log.count("request") == 1);
  CHECK(log.records()[0].fields["status"].as_int() == 409);
  CHECK(log.records()[0].fields["bytes"].as_int() == 0);
}

// ---------------------------------------------------------------- access_log

namespace {

// What an access_log() has written by the time that it has ended.
std::string access_lines(jot::AccessLogOptions options, const Handler& handler, Request r) {
  std::string lines;
  options.sink = [&lines](std::string_view batch) { lines += batch; };
  record(jot::access_log(std::move(options))(handler), std::move(r));
  return lines;
}

// The time is not the test's: all between brackets.
std::string without_time(std::string line) {
  const std::size_t begin = line.find('['), end = line.find(']', begin);
  return begin < end && end != line.npos ? line.erase(begin + 1, end - begin - 1) : line;
}

// A pipe, whose reading end is a test's.
struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() { ::close(ends[0]), ::close(ends[1]); }
  std::string read_some() const {
    char buffer[64 << 10];
    const ssize_t n = ::read(ends[0], buffer, sizeof buffer);
    return {buffer, n > 0 ? static_cast<std::size_t>(n) : 0};
  }
  int ends[2];
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("access_log: common and combined lines") {
  const Handler streams_and_throws = [](ResponseWriter& w) {
    w.write("some"), w.flusher()->flush(), throw 7;
  };
  struct {
    std::string_view name;
    Handler handler;
    std::string_view method, target;
    jot::RequestOptions options;
    std::string_view common, more;
  } const table[] = {
      {"plain",
       hello,
       "GET",
       "/a?b=c",
       {},
       "192.0.2.1 - - [] \"GET /a?b=c HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
      {"fields",
       hello,
       "GET",
       "/",
       {.header = {{"Referer", "http://x/?q=\"y\""}, {"User-Agent", "a b\\"}}},
       "192.0.2.1 - - [] \"GET / HTTP/1.1\" 200 6",
       "\"http://x/?q=\\\"y\\\"\" \"a b\\\\\""},
      {"forged",
       hello,
       "GET",
       "/",
       {.header = {{"Referer", "\xc3\xa9\t\x80\xff"}, {"User-Agent", "\" 200 0 \""}}},
       "192.0.2.1 - - [] \"GET / HTTP/1.1\" 200 6",
       "\"\\xc3\\xa9\\x09\\x80\\xff\" \"\\\" 200 0 \\\"\""},
      {"user",
       hello,
       "GET",
       "/",
       {.header = {{"Authorization", "Basic cm9vdDpzM2NyZXQ="}}},
       "192.0.2.1 - root [] \"GET / HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
      {"user with a space",
       hello,
       "GET",
       "/",  // "a b\"]:x"
       {.header = {{"Authorization", "Basic YSBiIl06eA=="}}},
       "192.0.2.1 - a\\x20b\\\"] [] \"GET / HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
      {"HEAD", hello, "HEAD", "/", {}, "192.0.2.1 - - [] \"HEAD / HTTP/1.1\" 200 0", "\"-\" \"-\""},
      {"HttpError",
       [] { throw HttpError(404); },
       "GET",
       "/",
       {},
       "192.0.2.1 - - [] \"GET / HTTP/1.1\" 404 10",
       "\"-\" \"-\""},
      {"exception",
       [] { throw 7; },
       "GET",
       "/",
       {},
       "192.0.2.1 - - [] \"GET / HTTP/1.1\" 500 22",
       "\"-\" \"-\""},
      {"thrown in mid-stream",
       streams_and_throws,
       "GET",
       "/",
       {},
       "192.0.2.1 - - [] \"GET / HTTP/1.1\" 200 4",
       "\"-\" \"-\""},
      {"IPv6",
       hello,
       "GET",
       "/",
       {.remote_addr = "[2001:db8::1]:80"},
       "2001:db8::1 - - [] \"GET / HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
      {"Unix socket",
       hello,
       "GET",
       "/",
       {.remote_addr = "unix:"},
       "unix: - - [] \"GET / HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
      {"nobody",
       hello,
       "GET",
       "/",
       {.remote_addr = ""},
       "- - - [] \"GET / HTTP/1.1\" 200 6",
       "\"-\" \"-\""},
  };
  for (auto& t : table) {
    INFO(t.name);
    const auto lines = [&](jot::AccessFormat format) {
      return access_lines({.format = format}, t.handler, request(t.method, t.target, t.options));
    };
    CHECK(without_time(lines(jot::AccessFormat::common)) == std::string(t.common) + "\n");
    CHECK(without_time(lines(jot::AccessFormat::combined)) ==
          jot::text(t.common, ' ', t.more, '\n'));
  }
}

TEST_CASE("access_log: the time as Apache writes it") {
  std::string text;
  jot::detail::append_clf_time(text, {971186136, 999'999'999});
  CHECK(text == "[10/Oct/2000:13:55:36 +0000]");
}

TEST_CASE("access_log: a JSON object a line") {
  const auto parsed = [](const Handler& h, Request r) {
    const std::string line = access_lines({.format = jot::AccessFormat::json}, h, std::move(r));
    REQUIRE(count_lines(line) == 1);
    return jot::parse_json(line);
  };
  jot::Value v = parsed(hello, request("GET", "/a?b=c"));
  CHECK(v["method"].as_string() == "GET");
  CHECK(v["target"].as_string() == "/a?b=c");
  CHECK(v["remote"].as_string() == "192.0.2.1");
  CHECK(v["host"].as_string() == "example.com");
  CHECK(v["status"].as_int() == 200);
  CHECK(v["bytes"].as_int() == 6);
  CHECK(v["ms"].as_double() >= 0);
  CHECK(v["time"].as_string().ends_with("Z"));
  for (auto absent : {"user", "pattern", "request_id", "referer", "user_agent"})
    CHECK_FALSE(v.has(absent));

  jot::Router app;
  app.get("/a/{x}", jot::request_id()(hello));
  v = parsed(app, request("GET", "/a/b",
                          {.header = {{"User-Agent", "\t\",\"status\":1,\"\t\xff"},
                                      {"Referer", "r"},
                                      {"X-Request-ID", "seven"},
                                      {"Authorization", "Basic dTpw"}}}));
  CHECK(v["user_agent"].as_string() == "\",\"status\":1,\"\t\xef\xbf\xbd");
  CHECK(v["status"].as_int() == 200);
  CHECK(v["user"].as_string() == "u");
  CHECK(v["request_id"].as_string() == "seven");
  CHECK(v["pattern"].as_string() == "GET /a/{x}");
}

TEST_CASE("access_log: an error has its request id, though the Context that held it is over") {
  std::string lines;
  {
    const jot::AccessFormat json = jot::AccessFormat::json;
    const jot::Middleware log = jot::access_log(
        {.format = json, .sink = [&lines](std::string_view batch) { lines += batch; }});
    const Handler h = jot::timeout(1h)(jot::request_id()(log([] { throw HttpError(404); })));
    record(h, request("GET", "/", {.header = {{"X-Request-ID", "seven"}}}));
  }
  CHECK(jot::parse_json(lines)["request_id"].as_string() == "seven");
  CHECK(jot::parse_json(lines)["bytes"].as_int() == 10);
}

TEST_CASE("access_log: into a file, also after it was moved away") {
  char dir[] = "/tmp/jot_access_XXXXXX";
  REQUIRE(::mkdtemp(dir) != nullptr);
  const std::string path = std::string(dir) + "/log", old = path + ".1";
  {
    const Handler h = jot::access_log({.file = path})(hello);
    record(h, request("GET", "/1"));
    REQUIRE(raw::eventually([&] { return count_lines(contents(path)) == 1; }));
    REQUIRE(::rename(path.c_str(), old.c_str()) == 0);
    record(h, request("GET", "/2"));
    record(h, request("GET", "/3"));
  }
  CHECK(count_lines(contents(old)) == 1);
  CHECK(count_lines(contents(path)) == 2);
  {
    record(jot::access_log({.file = path})(hello), request("GET", "/4"));
  }
  CHECK(count_lines(contents(path)) == 3);  // appended
  ::unlink(path.c_str()), ::unlink(old.c_str()), ::rmdir(dir);
  CHECK_THROWS_AS(jot::access_log({.file = path}), std::system_error);
}

TEST_CASE("access_log: ends with everything written, and in order") {
  Pipe pipe;
  std::string all;
  std::thread reader([&] {
    for (std::string some; !(some = pipe.read_some()).empty();) all += some;
  });
  {
    const Handler h = jot::access_log({.fd = pipe.ends[1]})(hello);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&h, t] {
        for (int i = 0; i < 250; ++i) record(h, request("GET", jot::text('/', t, '/', i, '/')));
      });
    for (auto& t : threads) t.join();
  }
  ::close(std::exchange(pipe.ends[1], -1));
  reader.join();
  CHECK(count_lines(all) == 1000);
  for (int t = 0; t < 4; ++t) {
    std::size_t at = 0;
    for (int i = 0; i < 250; ++i) {
      at = all.find(jot::text("GET /", t, '/', i, '/'), at);
      REQUIRE(at != all.npos);
    }
  }
}

TEST_CASE("access_log: a sink that stands still holds up nobody; what is lost is counted") {
  raw::Gate gate;
  raw::TestLog log;
  std::size_t written = 0;
  {
    const Handler h = jot::access_log(
        {.log = log.logger(), .max_waiting = 1000, .sink = [&](std::string_view lines) {
           gate.wait();
           written += count_lines(lines);
         }})(hello);
    for (int i = 0; i < 200; ++i) CHECK(record(h, request("GET", "/")).status == 200);
    gate.open();
  }
  std::size_t lost = 0;
  for (auto& r : log.records()) {
    CHECK(r.message == "access log lost lines");
    lost += static_cast<std::size_t>(r.fields["lines"].as_int());
  }
  CHECK(lost > 0);
  CHECK(written > 0);
  CHECK(written + lost == 200);
}

TEST_CASE("access_log: a pipe that nobody reads, or has left, ends nothing") {
  for (bool closed : {true, false}) {
    INFO(closed);
    Pipe pipe;
    if (closed) ::close(std::exchange(pipe.ends[0], -1));
    raw::TestLog log;
    {
      const Handler h = jot::access_log({.fd = pipe.ends[1], .log = log.logger()})(hello);
      for (int i = 0; i < 2000; ++i) CHECK(record(h, request("GET", "/")).status == 200);
    }
    CHECK(log.count("access log lost lines") >= 1);
  }
}

TEST_CASE("access_log: a FIFO is a file once somebody reads it; until then nobody waits for it") {
  const TestFolder folder;
  folder.fifo("log");
  const std::string path = folder.path("log");
  CHECK_THROWS_AS(jot::access_log({.file = path}), std::system_error);
  const jot::detail::Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  {
    record(jot::access_log({.file = path})(hello), request("GET", "/1"));
  }
  char line[512];
  const ssize_t n = ::read(reader.get(), line, sizeof line);
  REQUIRE(n > 0);
  CHECK(std::string_view(line, static_cast<std::size_t>(n)).find("\"GET /1 ") !=
        std::string_view::npos);
}

TEST_CASE("access_log: a sink that throws has lost its lines") {
  raw::TestLog log;
  {
    const Handler h = jot::access_log({.log = log.logger(), .sink = [](std::string_view) {
                                         throw std::runtime_error("full");
                                       }})(hello);
    CHECK(record(h, request("GET", "/")).status == 200);
  }
  CHECK(log.count("access log lost lines") == 1);
}

TEST_CASE("access_log: half a line is ended before the next one") {
  Pipe pipe;
  ::fcntl(pipe.ends[1], F_SETPIPE_SZ, 4096);
  jot::detail::LineFile file(pipe.ends[1]);
  const std::string longer(6000, 'x');
  CHECK(file.write(longer + "\n") == 1);
  CHECK(pipe.read_some().size() == 4096);
  CHECK(file.write("next\n") == 0);
  CHECK(pipe.read_some() == "\nnext\n");
  CHECK(file.write("more\n") == 0);
  CHECK(pipe.read_some() == "more\n");
}

// ---------------------------------------------------------------- request_id

TEST_CASE("request_id: takes a token that came, else makes one") {
  struct {
    std::string_view name, given;
    bool taken;
  } const table[] = {
      {"none", "", false},
      {"a token", "abc-123.DEF_x~", true},
      {"longest",
       "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
       "123456789012345678901234567890123456789012345678",
       true},
      {"too long",
       "123456789012345678901234567890123456789012345678901234567890123456789012345678"
       "901234567890123456789012345678901234567890123456789",
       false},
      {"a space inside", "a b", false},
      {"a quote", "a\"b", false},
      {"a tab", "a\tb", false},
      {"not ASCII", "caf\xc3\xa9", false},
      {"an assignment", "a=b", false},
  };
  for (auto& t : table) {
    INFO(t.name);
    std::string seen;
    const Handler h = jot::request_id()([&](Request& r) {
      seen = *r.value(jot::current_request_id);
      r.log().info("inside", {{"n", 1}});
    });
    raw::TestLog log;
    jot::RequestOptions options;
    if (!t.given.empty()) options.header.set("X-Request-ID", t.given);
    const Recorded res = record(h, logged(request("GET", "/", std::move(options)), log));
    CHECK(res.header.get("X-Request-ID") == seen);
    if (t.taken) {
      CHECK(seen == t.given);
    } else {
      CHECK(seen != t.given);
      CHECK(seen.size() == 32);
      CHECK(seen.find_first_not_of("0123456789abcdef") == seen.npos);
    }
    REQUIRE(log.size() == 1);
    CHECK(log.records()[0].field("request_id") == seen);
    CHECK(log.records()[0].fields["n"].as_int() == 1);
  }
}

TEST_CASE("request_id: two that came are none, and each that is made is new") {
  const Handler h = jot::request_id()(hello);
  const Recorded two =
      record(h, request("GET", "/", {.header = {{"X-Request-ID", "a"}, {"X-Request-ID", "b"}}}));
  CHECK(two.header.all("X-Request-ID").size() == 1);
  CHECK(two.header.get("X-Request-ID").size() == 32);
  CHECK(two.header.get("X-Request-ID") !=
        record(h, request("GET", "/")).header.get("X-Request-ID"));
}

TEST_CASE("request_id: is in the records of the library too, and ends with its request") {
  raw::Served s(jot::request_id()([](Request& r) {
    if (r.path() == "/throw") throw std::runtime_error("oh");
    return "x";
  }));
  raw::Client client = s.client();
  auto r = client.ask("GET /throw HTTP/1.1\r\nHost: h\r\nX-Request-ID: seven\r\n\r\n");
  CHECK(r.status == 500);
  CHECK(r.field("X-Request-ID") == "seven");  // what a client can quote
  REQUIRE(s.log.count("handler threw") == 1);
  CHECK(s.log.records()[0].field("request_id") == "seven");
  r = client.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.field("X-Request-ID") != "seven");
}

// ---------------------------------------------------------------- basic_auth

TEST_CASE("equal_secrets: equal, and only then") {
  struct {
    std::string_view given, secret;
    bool equal;
  } const table[] = {
      {"", "", true},           {"a", "a", true},          {"", "a", false},
      {"a", "", false},         {"a", "b", false},         {"ab", "abc", false},
      {"abc", "ab", false},     {"abab", "ab", false},     {"abc", "abd", false},
      {"\0a"sv, "\0a"sv, true}, {"\0a"sv, "\0b"sv, false}, {"A", "a", false},
  };
  for (auto& t : table) {
    INFO(t.given << " / " << t.secret);
    CHECK(jot::equal_secrets(t.given, t.secret) == t.equal);
  }
}

TEST_CASE("basic_auth: who is let in, and whatever else is 401 with a challenge") {
  struct {
    std::string_view name, field;
    int status;
  } const table[] = {
      {"right", "Basic cm9vdDpzM2NyZXQ=", 200},  // root:s3cret
      {"lower case scheme", "basic cm9vdDpzM2NyZXQ=", 200},
      {"several spaces", "Basic   cm9vdDpzM2NyZXQ=", 200},
      {"none", "", 401},
      {"wrong password", "Basic cm9vdDpzM2NyZXU=", 401},
      {"wrong user", "Basic cm9vcjpzM2NyZXQ=", 401},
      {"empty password", "Basic cm9vdDo=", 401},
      {"no colon", "Basic cm9vdA==", 401},
      {"scheme alone", "Basic", 401},
      {"scheme and space", "Basic ", 401},
      {"another scheme", "Bearer cm9vdDpzM2NyZXQ=", 401},
      {"no padding", "Basic cm9vdDpzM2NyZXQ", 401},
      {"too much padding", "Basic cm9vdDpzM2NyZXQ==", 401},
      {"only padding", "Basic ====", 401},
      {"padding inside", "Basic cm9=dDpzM2NyZXQ=", 401},
      {"bits left over", "Basic cm9vdDpzM2NyZXR=", 401},
      {"not base64", "Basic !!!!", 401},
      {"for URLs", "Basic cm9vdDpzM2Ny-_==", 401},
      {"a NUL in it", "Basic cm9vdDpzM2NyZXQA", 401},
      {"a line end in it", "Basic cm9vdDpzM2NyZXQK", 401},
      {"two of them", "Basic cm9vdDpzM2NyZXQ=, Basic cm9vdDpzM2NyZXQ=", 401},
  };
  const Handler h = jot::basic_auth("the \"inner\" circle", "root", "s3cret")(hello);
  for (auto& t : table) {
    INFO(t.name);
    jot::RequestOptions options;
    if (!t.field.empty()) options.header.set("Authorization", t.field);
    const Recorded res = record(h, request("GET", "/", std::move(options)));
    CHECK(res.status == t.status);
    CHECK(res.header.get("WWW-Authenticate") ==
          (t.status == 200 ? "" : "Basic realm=\"the \\\"inner\\\" circle\", charset=\"UTF-8\""));
    CHECK(res.body == (t.status == 200 ? "hello\n" : "Unauthorized\n"));
  }
}

TEST_CASE("basic_auth: the check sees user and password as they were") {
  std::string seen;
  const Handler h = jot::basic_auth("x", [&](std::string_view user, std::string_view password) {
    seen = jot::text(user, "|", password);
    return true;
  })(hello);
  record(h, request("GET", "/", {.header = {{"Authorization", "Basic dTphOmLDqQ=="}}}));
  CHECK(seen == "u|a:b\xc3\xa9");
  record(h, request("GET", "/", {.header = {{"Authorization", "Basic Og=="}}}));
  CHECK(seen == "|");
}

TEST_CASE("basic_auth: what is no set-up throws at once") {
  CHECK_THROWS_AS(jot::basic_auth("a\nb", "u", "p"), std::invalid_argument);
  CHECK_THROWS_AS(jot::basic_auth("a", "u", ""), std::invalid_argument);
  CHECK_THROWS_AS(jot::basic_auth("a", nullptr), std::invalid_argument);
}

// ---------------------------------------------------------------- max_body

TEST_CASE("max_body: 413 for what is longer, declared or chunked") {
  raw::Facts facts;
  bool called = false;
  raw::Served s(jot::max_body(5)([&](Request& r) { return called = true, r.body().read_all(); }));
  struct {
    std::string_view name, request;
    int status;
    bool calls;
  } const table[] = {
      {"none", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, true},
      {"fits", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345", 200, true},
      {"declared", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n123456", 413, false},
      {"declared and never sent", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n",
       413, false},
      {"expecting 100-continue",
       "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n", 413,
       false},
      {"chunked, fits",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n"
       "0\r\n\r\n",
       200, true},
      {"chunked",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n4\r\n3456\r\n"
       "0\r\n\r\n",
       413, true},
  };
  for (auto& t : table) {
    INFO(t.name);
    called = false;
    raw::Client client = s.client();
    const auto r = client.ask(t.request);
    CHECK(r.status == t.status);
    CHECK(r.interim.empty());
    CHECK(called == t.calls);
  }
}

TEST_CASE("max_body: allows more than the server does") {
  jot::TestServer server(
      {.handler = jot::max_body(20)([](Request& r) { return r.body().read_all(); }),
       .max_body = 10});
  raw::Client client(server.server().addr());
  CHECK(client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n123456789012345")
            .status == 200);
  CHECK(client
            .ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n"
                 "1234567890123451234567890")
            .status == 413);
}

// ---------------------------------------------------------------- timeout

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello";

}  // namespace

TEST_CASE("timeout: who is in time hears nothing of it") {
  struct {
    std::string_view name;
    Handler handler;
    int status;
    std::string_view body;
  } const table[] = {
      {"text", hello, 200, "hello\n"},
      {"status and field",
       [](ResponseWriter& w) { w.header().set("X-A", "1"), w.write_header(201), w.write("x"); },
       201, "x"},
      {"throws", [] { throw HttpError(404, "no"); }, 404, "no\n"},
      {"reset", [](ResponseWriter& w) { w.write("y"), w.reset(), w.write("x"); }, 200, "x"},
      {"streams", [](ResponseWriter& w) { w.write("x"), w.flusher()->flush(), w.write("y"); }, 200,
       "xy"},
      {"reads", [](Request& r) { return r.body().read_all(); }, 200, ""},
      {"throws in mid-stream",
       [](ResponseWriter& w) { w.write("x"), w.flusher()->flush(), throw 7; }, 200, "x"},
  };
  for (auto& t : table) {
    INFO(t.name);
    const Recorded with = record(jot::timeout(1h)(t.handler), request("GET", "/"));
    const Recorded without = record(t.handler, request("GET", "/"));
    CHECK(with.status == t.status);
    CHECK(with.body == t.body);
    CHECK(with.cut_short == without.cut_short);
    CHECK(with.header.size() == without.header.size());
  }
}

TEST_CASE("timeout: the Context has the deadline within, and the one before outside") {
  raw::Facts facts;
  const Handler h = jot::timeout(1h)([&](Request& r) {
    facts.expect(r.context().deadline().has_value(), "deadline");
    facts.expect(r.context().remaining() > 59min, "remaining");
  });
  Request r = request("GET", "/");
  jot::Recorder recorder;
  h(recorder, r);
  CHECK_FALSE(r.context().deadline().has_value());
  CHECK_FALSE(r.context().done());
  CHECK(facts.wrong() == "");
}

TEST_CASE("timeout: 503 at once, though the handler goes on without looking") {
  raw::Gate answered;
  raw::Facts facts;
  raw::Served s(jot::request_log()(jot::timeout(20ms)([&](ResponseWriter& w, Request& r) {
    w.header().set("X-Handler", "1");
    w.write_header(201), w.write("half of it");
    auto* flusher = w.flusher();
    facts.expect(answered.wait(), "the client has its answer while the handler runs");
    facts.expect(r.context().err() == jot::Errc::deadline_exceeded, "Context");
    w.header().set("X-Handler", "2"), w.write_header(204);
    facts.expect(!w.write("more"), "write");
    facts.expect(!flusher->flush(), "flush");
    facts.expect(!w.reset(), "reset");
    facts.expect(w.committed() && w.status() == 503, "status");
  })));
  raw::Client client = s.client();
  const auto r = client.ask(get);
  CHECK(r.status == 503);
  CHECK(r.whole());
  CHECK(r.body == "this takes too long\n");
  CHECK(r.field("Content-Type") == "text/plain; charset=utf-8");
  CHECK(r.field("Connection") == "close");
  CHECK_FALSE(r.has("X-Handler"));
  answered.open();
  CHECK(client.is_closed());
  CHECK(facts.wrong() == "");
  REQUIRE(s.log.wait_for_message("request"));
  CHECK(s.log.records()[0].fields["status"].as_int() == 503);
}

TEST_CASE("timeout: whatever the handler waits for") {
  struct {
    std::string_view name;
    void (*wait)(ResponseWriter&, Request&);
  } const table[] = {
      {"its Context", [](ResponseWriter&, Request& r) { r.context().wait(); }},
      {"a long sleep", [](ResponseWriter&, Request& r) { r.context().sleep_for(1h); }},
      {"the body", [](ResponseWriter&, Request& r) { r.body().read_all(); }},
      {"the body, and is surprised",
       [](ResponseWriter&, Request& r) {
         try {
           r.body().read_all();
         } catch (const HttpError&) {
           throw std::runtime_error("oh");
         }
       }},
      {"sleeps and sleeps",
       [](ResponseWriter& w, Request& r) {
         while (w.write("x")) r.context().sleep_for(1ms), std::this_thread::yield();
       }},
      {"an inner timeout",
       [](ResponseWriter& w, Request& r) {
         jot::timeout(1h)([](Request& inner) { inner.context().wait(); })(w, r);
       }},
      {"an outer timeout",
       [](ResponseWriter& w, Request& r) {
         jot::timeout(1h)(jot::timeout(1ms)([](Request& inner) { inner.context().wait(); }))(w, r);
       }},
  };
  for (auto& t : table) {
    INFO(t.name);
    raw::Served s(jot::timeout(20ms)(t.wait));
    for (std::string_view request : {get, post}) {
      if (request == get && t.name.starts_with("the body")) continue;  // there is none to wait for
      raw::Client client = s.client();
      const auto r = client.ask(request);
      CHECK(r.status == 503);
      CHECK(r.whole());
      CHECK(client.is_closed());
    }
    CHECK(s.log.count("handler threw") == 0);
    CHECK(s.log.count("handler threw after its time") ==
          (t.name == "the body, and is surprised" ? 1 : 0));
  }
}

TEST_CASE("timeout: to HEAD, and to HTTP/1.0, 503 as well") {
  raw::Served s(jot::timeout(10ms)([](Request& r) { r.context().wait(); }));
  const auto head = s.client().ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.status == 503);
  CHECK(head.whole());
  CHECK(head.field("Content-Length") == "20");
  const auto old = s.client().ask("GET / HTTP/1.0\r\n\r\n");
  CHECK(old.status == 503);
  CHECK(old.body == "this takes too long\n");
}

TEST_CASE("timeout: a deadline of the server's that comes first is answered the same") {
  raw::TestLog log;
  jot::TestServer server(
      jot::ServerOptions{.handler = jot::timeout(1h)([](Request& r) { r.context().wait(); }),
                         .log = log.logger(),
                         .request_timeout = 20ms});
  CHECK(raw::Client(server.server().addr()).ask(get).status == 503);
}

TEST_CASE("timeout: a deadline that has passed before calls no handler") {
  bool called = false;
  const Handler h = jot::timeout(1h)([&] { called = true; });
  auto scope = jot::with_timeout(jot::background(), 0s);
  CHECK(record(h, request("GET", "/", {.context = scope.ctx})).status == 503);
  CHECK_FALSE(called);
}

TEST_CASE("timeout: a Context that is cancelled is no deadline") {
  auto scope = jot::with_cancel(jot::background());
  scope.cancel();
  CHECK(record(jot::timeout(1h)(hello), request("GET", "/", {.context = scope.ctx})).status == 200);
}

TEST_CASE("timeout: a stream flows until the deadline, and is cut then") {
  for (bool looks : {true, false}) {
    INFO(looks);
    raw::Gate cut;
    raw::Served s(jot::timeout(200ms)([&](ResponseWriter& w, Request& r) {
      w.write("first"), w.flusher()->flush();
      r.context().wait();
      if (looks) return;
      cut.wait();
      w.write("last"), w.flusher()->flush();
    }));
    raw::Client client = s.client();
    client.send(get);
    CHECK(client.peek(1).starts_with("HTTP/1.1 200"));
    const auto r = client.response();
    cut.open();
    CHECK(r.status == 200);
    CHECK(r.body == "first");
    CHECK_FALSE(r.whole());
    CHECK(r.end == raw::End::closed);
    CHECK(s.log.count("handler threw") == 0);
  }
}

TEST_CASE("timeout: fields of outer middleware stand on the 503, those of the handler do not") {
  const jot::Middleware outer = [](ResponseWriter& w, Request& r, const Handler& next) {
    w.header().set("X-Outer", "1");
    next(w, r);
  };
  raw::Served s(outer(jot::timeout(10ms)([](ResponseWriter& w, Request& r) {
    w.header().remove("X-Outer").set("X-Inner", "1");
    r.context().wait();
  })));
  const auto r = s.client().ask(get);
  CHECK(r.status == 503);
  CHECK(r.field("X-Outer") == "1");
  CHECK_FALSE(r.has("X-Inner"));
}

TEST_CASE("timeout: trailers and interim answers go through") {
  raw::Served s(jot::timeout(1h)([](ResponseWriter& w) {
    w.header().set("Link", "</a.css>");
    w.write_header(103);
    w.header().set("Trailer", "X-Sum");
    w.write("x");
    w.header().set("X-Sum", "1");
  }));
  const auto r = s.client().ask(get);
  CHECK(r.status == 200);
  REQUIRE(r.interim.size() == 1);
  CHECK(r.interim[0].field("Link") == "</a.css>");
  REQUIRE(r.trailer.size() == 1);
  CHECK(r.trailer[0] == "X-Sum: 1");
}

TEST_CASE("timeout: behind answers that are held back, in their order") {
  raw::Served s([](ResponseWriter& w, Request& r) {
    if (r.path() == "/1") return void(w.write("one"));
    jot::timeout(10ms)([](Request& slow) { slow.context().wait(); })(w, r);
  });
  raw::Client client = s.client();
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.response().body == "one");
  CHECK(client.response().status == 503);
  CHECK(client.is_closed());
}

// The deadline comes while the handler does all that it may do: one answer, never two halves.
TEST_CASE("timeout: a close finish has one winner") {
  raw::Served s(jot::timeout(2ms)([](ResponseWriter& w, Request& r) {
    const auto end = jot::Clock::now() + std::chrono::microseconds(r.query<int>("us", 0));
    w.header().set("X-A", "1");
    while (jot::Clock::now() < end) {
      w.header().set("X-A", "2");
      w.write_header(200);
      r.context().sleep_for(50us);
    }
    if (r.body().read_all(10) == "") w.write("done");
  }));
  int late = 0;
  for (int i = 0; i < 200; ++i) {
    raw::Client client = s.client();
    const auto r =
        client.ask("GET /?us=" + std::to_string(1500 + i * 5) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const bool done = r.status == 200 && r.body == "done" && r.field("X-A") == "2";
    const bool too_late = r.status == 503 && !r.has("X-A");
    late += too_late;
    CHECK((done || too_late));
    CHECK(r.whole());
  }
  CHECK(late > 0);
}

TEST_CASE("timeout: a client that does not read holds up neither the handler nor the timer") {
  raw::Facts facts;
  raw::Gate over;
  raw::Served s([&](ResponseWriter& w, Request& r) {
    if (r.path() == "/other")
      return jot::timeout(10ms)([](Request& slow) { slow.context().wait(); })(w, r);
    jot::timeout(100ms)([&](ResponseWriter& slow) {
      const std::string megabyte(1 << 20, 'x');
      int written = 0;
      while (written < 64 && slow.write(megabyte)) ++written;
      facts.expect(written < 64, "a write is false");
      over.open();
    })(w, r);
  });
  raw::Client lazy(s.server.addr(), 4096);
  lazy.send(get);
  CHECK(s.client().ask("GET /other HTTP/1.1\r\nHost: h\r\n\r\n").status == 503);
  CHECK(over.wait());  // long before write_timeout
  CHECK(s.client().ask("GET /other HTTP/1.1\r\nHost: h\r\n\r\n").status == 503);
  const auto r = lazy.response();
  CHECK(r.status == 200);
  CHECK_FALSE(r.whole());
  CHECK(facts.wrong() == "");
}

TEST_CASE("timeout: the timer's thread waits for no socket that is full") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  jot::detail::Socket socket;
  socket.open(ends[0], 30s);
  {
    const jot::detail::NoWaiting no_waiting;
    CHECK_FALSE(socket.send_all(std::string(8 << 20, 'x')));
  }
  CHECK(socket.ended());
  CHECK_FALSE(jot::detail::must_not_wait());
  ::close(ends[0]), ::close(ends[1]);
}

TEST_CASE("timeout: nor does a writer that never comes back from a write") {
  struct Stuck final : jot::WriterProxy {
    using WriterProxy::WriterProxy;
    bool write_bytes(std::string_view bytes) override {
      begun.open(), go_on.wait();
      return inner().write_bytes(bytes);
    }
    raw::Gate begun, go_on;
  };
  jot::Recorder recorder;
  Stuck stuck(recorder);
  Request r = request("GET", "/");
  const auto [ctx, cancel] = jot::with_timeout(jot::background(), 1h);
  jot::detail::DeadlineWriter writer(stuck, r, ctx);
  std::thread handler([&] { writer.write("first"); });
  stuck.begun.wait();
  writer.expire();  // returns: nobody has opened the gate yet
  stuck.go_on.open();
  handler.join();
  CHECK_FALSE(writer.write("second"));
  CHECK(recorder.body() == "first");
  CHECK_THROWS_AS(writer.finish(nullptr, r), HttpError);  // so that it is cut
}

TEST_CASE("timeout: a handler that is up before the timer is too late all the same") {
  const auto [ctx, cancel] = jot::with_timeout(jot::background(), 1ms);
  jot::Recorder recorder;
  Request r = request("GET", "/");
  jot::detail::DeadlineWriter writer(recorder, r, ctx);
  REQUIRE(raw::eventually([&late = ctx] { return late.done(); }));  // and nobody calls expire()
  CHECK_FALSE(writer.write("too late"));
  CHECK_FALSE(writer.flusher()->flush());
  CHECK_FALSE(recorder.committed());
  writer.expire();
  CHECK(recorder.status() == 503);
  CHECK(recorder.body() == "this takes too long\n");
}

TEST_CASE("timeout: what is no set-up throws at once") {
  CHECK_THROWS_AS(jot::timeout(0s), std::invalid_argument);
  CHECK_THROWS_AS(jot::timeout(-1s), std::invalid_argument);
  CHECK(record(jot::timeout(jot::nanoseconds::max())(hello), request("GET", "/")).status == 200);
}

// ---------------------------------------------------------------- rate_limit

TEST_CASE("rate_limit: so many at once, then 429 with Retry-After") {
  const Handler h = jot::rate_limit({.per = 1h, .requests = 3})(hello);
  for (int i = 0; i < 3; ++i) CHECK(record(h, request("GET", "/")).status == 200);
  const Recorded res = record(h, request("GET", "/"));
  CHECK(res.status == 429);
  CHECK(std::stoi(std::string(res.header.get("Retry-After"))) > 1100);
  CHECK(std::stoi(std::string(res.header.get("Retry-After"))) <= 1200);
  CHECK(record(h, request("GET", "/", {.remote_addr = "192.0.2.2:1"})).status == 200);
}

TEST_CASE("rate_limit: whose addresses are one client's") {
  struct {
    std::string_view first, second;
    bool same;
  } const table[] = {
      {"192.0.2.1:1", "192.0.2.1:2", true},
      {"192.0.2.1:1", "192.0.2.1", true},
      {"192.0.2.1:1", "192.0.2.2:1", false},
      {"[2001:db8::1]:1", "[2001:db8::2]:9", true},
      {"[2001:db8::1]:1", "2001:db8:0:0:9::", true},
      {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
      {"[::ffff:192.0.2.1]:1", "192.0.2.1:1", true},
      {"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false},
      {"unix:", "unix:", true},
      {"unix:", "[", false},
      {"", "", false},  // nobody: never limited
  };
  for (auto& t : table) {
    INFO(t.first << " / " << t.second);
    const Handler h = jot::rate_limit({.per = 1h, .requests = 1})(hello);
    CHECK(record(h, request("GET", "/", {.remote_addr = std::string(t.first)})).status == 200);
    CHECK(record(h, request("GET", "/", {.remote_addr = std::string(t.second)})).status ==
          (t.same ? 429 : 200));
  }
}

TEST_CASE("rate_limit: a key of your own; an empty one is never limited") {
  const Handler h =
      jot::rate_limit({.key = [](const Request& r) { return std::string(r.header().get("X-Key")); },
                       .per = 1h,
                       .requests = 1})(hello);
  const auto status = [&](std::string_view key) {
    return record(h, request("GET", "/", {.header = {{"X-Key", key}}})).status;
  };
  CHECK(status("a") == 200);
  CHECK(status("b") == 200);
  CHECK(status("a") == 429);
  for (int i = 0; i < 3; ++i) CHECK(status("") == 200);
}

TEST_CASE("rate_limit: tokens come back one by one, and memory has an end") {
  using jot::detail::TokenBuckets;
  TokenBuckets buckets(1s, 2, 8);
  auto now = jot::Clock::now();
  CHECK(buckets.take("a", now) == 0s);
  CHECK(buckets.take("a", now) == 0s);
  CHECK(buckets.take("a", now) == 1s);
  CHECK(buckets.take("a", now + 400ms) == 600ms);  // to be refused costs nothing
  CHECK(buckets.take("a", now + 1s) == 0s);
  CHECK(buckets.take("a", now + 1s) == 1s);
  CHECK(buckets.take("a", now + 1h) == 0s);
  CHECK(buckets.take("a", now + 1h) == 0s);
  CHECK(buckets.take("a", now + 1h) == 1s);
  now += 1h;
  // Of more keys than there is room for, the busy one stays.
  for (int i = 0; i < 1000; ++i) CHECK(buckets.take("key" + std::to_string(i), now) == 0s);
  CHECK(buckets.take("a", now) == 1s);
  CHECK(buckets.take("key0", now) == 0s);
}

TEST_CASE("rate_limit: threads together take what there is, and no more") {
  const Handler h = jot::rate_limit({.burst = 100, .per = 1h, .requests = 1})(hello);
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) served += record(h, request("GET", "/")).status == 200;
    });
  for (auto& t : threads) t.join();
  CHECK(served == 100);
}

TEST_CASE("rate_limit: what is no set-up throws at once") {
  const jot::RateLimitOptions table[] = {
      {.requests = 0},
      {.per = 0s},
      {.per = -1s},
      {.max_keys = 0},
      {.max_keys = ~std::size_t{0}},
      {.per = 1ns, .requests = 2},
      {.burst = ~std::size_t{0}},
  };
  for (auto& options : table) CHECK_THROWS_AS(jot::rate_limit(options), std::invalid_argument);
}

// ---------------------------------------------------------------- etag

TEST_CASE("etag: the same bytes have the same tag, others another") {
  const auto tag = [](std::string body) {
    return std::string(
        record(jot::etag()([body] { return body; }), request("GET", "/")).header.get("ETag"));
  };
  CHECK(tag("hello\n").size() == 34);
  CHECK(tag("hello\n").front() == '"');
  CHECK(tag("hello\n").back() == '"');
  CHECK(tag("hello\n") == tag("hello\n"));
  CHECK(tag("hello\n") != tag("hello"));
  CHECK(tag("") != tag("\0"s));
  CHECK(jot::detail::siphash("", {0x0706050403020100, 0x0f0e0d0c0b0a0908}) == 0x726fdb47dd0e0e31);
  CHECK(jot::detail::siphash("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"s,
                             {0x0706050403020100, 0x0f0e0d0c0b0a0908}) == 0xa129ca6149be45e5);
}

TEST_CASE("etag: If-None-Match") {
  const Handler h = jot::etag()([](ResponseWriter& w) {
    w.header().set("ETag", "\"v1\"").set("Cache-Control", "max-age=5").set("Content-Type", "a/b");
    w.write("hello");
  });
  struct {
    std::string_view field;
    int status;
  } const table[] = {
      {"\"v1\"", 304},
      {"W/\"v1\"", 304},
      {"*", 304},
      {" * ", 304},
      {"\"v0\", \"v1\"", 304},
      {"\"v0\",\"v1\"", 304},
      {", ,\"v1\"", 304},
      {"\"a,b\", W/\"v1\"", 304},
      {"\"v0\"", 200},
      {"v1", 200},
      {"\"v1", 200},
      {"w/\"v1\"", 200},
      {"\"V1\"", 200},
      {"", 200},
      {"\"v0\" garbage \"v1\"", 200},
      {"\"v0\", *", 200},
  };
  for (auto& t : table) {
    INFO(t.field);
    for (std::string_view method : {"GET", "HEAD"}) {
      const Recorded res =
          record(h, request(method, "/", {.header = {{"If-None-Match", t.field}}}));
      CHECK(res.status == t.status);
      CHECK(res.body == (t.status == 200 ? "hello" : ""));
      CHECK(res.header.get("ETag") == "\"v1\"");
      CHECK(res.header.get("Cache-Control") == "max-age=5");
      CHECK(res.header.has("Content-Type") == (t.status == 200));
    }
  }
  const Recorded second = record(
      h,
      request("GET", "/", {.header = {{"If-None-Match", "\"v0\""}, {"If-None-Match", "\"v1\""}}}));
  CHECK(second.status == 304);
}

TEST_CASE("etag: only what is GET or HEAD, 200, short and not flushed") {
  struct {
    std::string_view name, method;
    Handler handler;
    bool tagged;
  } const table[] = {
      {"GET", "GET", hello, true},
      {"HEAD", "HEAD", hello, true},
      {"HEAD without the body", "HEAD", [](ResponseWriter& w) { w.header().set("X", "y"); }, false},
      {"POST", "POST", hello, false},
      {"created", "GET", [](ResponseWriter& w) { w.write_header(201), w.write("x"); }, false},
      {"at the limit", "GET", [] { return std::string(10, 'x'); }, true},
      {"beyond", "GET", [] { return std::string(11, 'x'); }, false},
      {"beyond, in pieces", "GET",
       [](ResponseWriter& w) {
         for (int i = 0; i < 11; ++i) w.write("x");
       },
       false},
      {"flushed", "GET", [](ResponseWriter& w) { w.write("x"), w.flusher()->flush(); }, false},
      {"nothing", "GET", [] {}, true},
      {"reset", "GET", [](ResponseWriter& w) { w.write("0123456789ab"), w.reset(), w.write("x"); },
       true},
  };
  for (auto& t : table) {
    INFO(t.name);
    const Handler h = jot::etag(10)(t.handler);
    const Recorded res = record(h, request(t.method, "/"));
    const Recorded plain = record(t.handler, request(t.method, "/"));
    CHECK(res.header.has("ETag") == t.tagged);
    CHECK(res.status == plain.status);
    CHECK(res.body == plain.body);
    const Recorded any = record(h, request(t.method, "/", {.header = {{"If-None-Match", "*"}}}));
    CHECK(any.status == (t.tagged ? 304 : plain.status));
  }
}

TEST_CASE("etag: what a handler throws, and asks") {
  CHECK(record(jot::etag()([](ResponseWriter& w) { w.write("x"), throw HttpError(404, "no"); }),
               request("GET", "/"))
            .body == "no\n");
  std::uint64_t written = 0;
  const Handler h = jot::etag(4)([&](ResponseWriter& w) {
    w.write("abc"), written = w.bytes_written() * 100;
    w.write("def"), written += w.bytes_written();
  });
  CHECK(record(h, request("GET", "/")).body == "abcdef");
  CHECK(written == 306);
}

// ---------------------------------------------------------------- all of them

TEST_CASE("streams: under each middleware the first bytes arrive before the handler has ended") {
  const struct {
    std::string_view name;
    jot::Middleware middleware;
  } table[] = {
      {"access_log", jot::access_log({.sink = [](std::string_view) {}})},
      {"basic_auth", jot::basic_auth("x", "u", "p")},
      {"cors", jot::cors({.origins = {"https://example.org"}})},
      {"csrf_guard", jot::csrf_guard()},
      {"etag", jot::etag()},
      {"max_body", jot::max_body(10)},
      {"metrics", jot::Metrics()},
      {"rate_limit", jot::rate_limit()},
      {"real_ip", jot::real_ip({"127.0.0.1"})},
      {"request_id", jot::request_id()},
      {"request_log", jot::request_log()},
      {"secure_headers", jot::secure_headers()},
      {"timeout", jot::timeout(1h)},
  };
  raw::Gate* gate = nullptr;
  const Handler streams = [&gate](ResponseWriter& w) {
    jot::Flusher* flusher = w.flusher();
    if (!flusher) throw HttpError(501);
    w.header().set("Content-Type", "text/event-stream");
    w.write("first;");
    if (!flusher->flush() || !gate->wait()) return;
    w.write("second;");
    flusher->flush();
  };
  const auto walk = [&](const Handler& h) {
    raw::Gate first_has_come;
    gate = &first_has_come;
    raw::Served s(h);
    raw::Client client = s.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic dTpw\r\nSec-Fetch-Site: "
        "same-origin\r\n\r\n");
    while (client.peek(1).find("first;") == std::string::npos) {
      const std::size_t had = client.peek(1).size();
      if (client.peek(had + 1).size() == had) break;  // no more will come
    }
    CHECK(client.peek(1).find("first;") != std::string::npos);
    CHECK(client.peek(1).find("second;") == std::string::npos);
    first_has_come.open();
    const auto r = client.response();
    CHECK(r.status == 200);
    CHECK(r.body == "first;second;");
    CHECK(r.whole());
  };
  Handler all = streams;
  for (auto& t : table) {
    INFO(t.name);
    walk(t.middleware(streams));
    all = t.middleware(all);
  }
  walk(all);  // one around the other
}
