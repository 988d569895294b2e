// SPDX-License-Identifier: MIT
//
// file_server_test.cpp -- is the right file served, and never a wrong one? Conditions and ranges
// stand in content_oracle_test.cpp, symbolic links in open_beneath_test.cpp too.
#include "jot.hpp"

#include "catch.hpp"
#include "jot/detail/parse_http_date.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <fcntl.h>         // open
#include <sys/resource.h>  // setrlimit
#include <sys/socket.h>    // socket
#include <sys/syscall.h>   // SYS_setresuid
#include <sys/un.h>        // sockaddr_un

#include <ctime>         // std::time
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <thread>        // std::thread
#include <vector>        // std::vector

using jot::Embedded;
using jot::FileServer;
using jot::Recorded;
using jot::Request;
using jot::ResponseWriter;
using namespace std::string_literals;

namespace {

Recorded get(const jot::Handler& h, std::string_view target, jot::Header header = {}) {
  return jot::record(h, jot::request("GET", target, {.header = std::move(header)}));
}

// A site with something of every kind.
struct Site : TestFolder {
  Site() {
    write("index.html", "<p>home");
    write("a.txt", "plain a");
    write("a b&c.txt", "spaced");
    write("noext", "<html>sniffed");
    write("data.unknown", "\x01\x02\x03");
    write("docs/index.html", "<p>docs");
    write("docs/guide.txt", "guide");
    write("empty/nested/deep.txt", "deep");
    write("back\\slash.txt", "backslash");
    write("caf\xc3\xa9.txt", "utf-8");
    write("caf\xe9.txt", "latin-1");
    write("a:b/index.html", "colon");
    write(".hidden", "hidden");
    write(".git/config", "hidden");
    write("docs/.secret/x", "hidden");
    write("...", "three dots");
    write("nothing", "");
    fifo("fifo");
    link("link.txt", "a.txt");
    link("passwd", "/etc/passwd");
    link("up", "..");
  }
};

}  // namespace

TEST_CASE("file server: paths and what is served for them") {
  const Site site;
  const Embedded program{
      {"index.html", "<p>home"},   {"a.txt", "plain a"},       {"docs/index.html", "<p>docs"},
      {"docs/guide.txt", "guide"}, {"a b&c.txt", "spaced"},    {"empty/nested/deep.txt", "deep"},
      {".hidden", "hidden"},       {"noext", "<html>sniffed"}, {"nothing", ""}};
  struct {
    std::string_view path;
    int status;
    std::string_view body;
    bool embedded = true;  // the same from the program
  } const table[] = {
      {"", 200, "<p>home"},
      {"index.html", 200, "<p>home"},
      {"a.txt", 200, "plain a"},
      {"%61%2Etxt", 200, "plain a"},
      {"a.txt?x=1", 200, "plain a"},
      {"a%20b%26c.txt", 200, "spaced"},
      {"a%20b&c.txt", 200, "spaced"},
      {"nothing", 200, ""},
      {"docs/", 200, "<p>docs"},
      {"docs/guide.txt", 200, "guide"},
      {"link.txt", 200, "plain a", false},
      {"back%5Cslash.txt", 200, "backslash", false},
      {"caf%C3%A9.txt", 200, "utf-8", false},
      {"caf%E9.txt", 200, "latin-1", false},
      {"a:b/", 200, "colon", false},
      // What is not there, or not to be had.
      {"A.TXT", 404, ""},
      {"a.txt/", 404, ""},
      {"a.txt/b", 404, ""},
      {"nope", 404, ""},
      {"nope/", 404, ""},
      {"empty/", 404, ""},
      {"fifo", 404, ""},
      {"passwd", 404, ""},
      {"up/", 404, ""},
      {"up/etc/passwd", 404, ""},
      // Traversal.
      {"..%2f..%2fetc%2fpasswd", 404, ""},
      {"..%2Fa.txt", 404, ""},
      {"docs%2fguide.txt", 404, ""},
      {"docs/%2e%2e%2fa.txt", 404, ""},
      {"..%5c..%5cetc%5cpasswd", 404, ""},
      {"..\\..\\etc\\passwd", 404, ""},
      {"%c0%ae%c0%ae/a.txt", 404, ""},
      {"%c0%ae%c0%ae%c0%afa.txt", 404, ""},
      {"%e0%80%ae%e0%80%ae/a.txt", 404, ""},
      {"%252e%252e/a.txt", 404, ""},
      {"%2fetc/passwd", 404, ""},
      {"a.txt%00", 404, ""},
      {"a.txt%00.html", 404, ""},
      {"%00", 404, ""},
      // Dots.
      {".hidden", 404, ""},
      {"%2ehidden", 404, ""},
      {".git/config", 404, ""},
      {"docs/.secret/x", 404, ""},
      {"...", 404, ""},
  };
  jot::Router app;
  app.handle("/static/", FileServer(site.path()));
  app.handle("/program/", FileServer(program));
  app.get("/rest/{path...}", FileServer(site.path()));
  for (auto& t : table) {
    INFO(t.path);
    for (const char* prefix : {"/static/", "/program/", "/rest/"}) {
      if (!t.embedded && prefix == std::string_view("/program/")) continue;
      INFO(prefix);
      const auto res = get(app, prefix + std::string(t.path));
      CHECK(res.status == t.status);
      if (t.status == 200) CHECK(res.body == t.body);
      if (t.status != 200) CHECK(res.body == "not found\n");
    }
  }
}

TEST_CASE("file server: names that are too long are not there") {
  const Site site;
  const FileServer files(site.path());
  for (const std::size_t size : {255u, 256u, 5000u}) {
    CHECK(get(files, "/" + std::string(size, 'x')).status == 404);
    CHECK(get(files, "/" + std::string(size, 'x') + "/y").status == 404);
  }
  std::string deep = "/";
  for (int i = 0; i < 3000; ++i) deep += "a/";
  CHECK(get(files, deep).status == 404);
}

TEST_CASE("file server: where it stands tells which part of the path counts") {
  const Site site;
  const FileServer files(site.path());
  jot::Router app, inner;
  app.handle("/", files);
  app.handle("/s/", files);
  app.get("/lang/{lang}/{path...}", files);
  app.get("/docs/guide.txt", files);  // no rest: the whole path
  app.get("/empty/nested/{$}", FileServer(site.path(), {.index = "deep.txt"}));
  app.mount("/m", files);
  inner.handle("/i/", files);
  app.mount("/outer", inner);
  auto group = app.group("/group");
  group.handle("/", files);
  struct {
    std::string_view path;
    int status;
    std::string_view want;  // the body, or Location
  } const table[] = {
      {"/a.txt", 200, "plain a"},
      {"/s/a.txt", 200, "plain a"},
      {"/s/docs/", 200, "<p>docs"},
      {"/lang/en/a.txt", 200, "plain a"},
      {"/docs/guide.txt", 200, "guide"},
      {"/empty/nested/", 200, "deep"},
      {"/m/a.txt", 200, "plain a"},
      {"/m/", 200, "<p>home"},
      {"/m", 301, "m/"},
      {"/m/docs?q=1&r", 301, "docs/?q=1&r"},
      {"/outer/i/a.txt", 200, "plain a"},
      {"/outer/i/docs", 301, "docs/"},
      {"/group/a.txt", 200, "plain a"},
      {"/docs", 301, "docs/"},
      {"/docs?", 301, "docs/?"},
      {"/a:b", 301, "./a:b/"},
      {"/a:b?x", 301, "./a:b/?x"},
      {"/s", 301, "/s/"},  // the Router's own
  };
  for (auto& t : table) {
    INFO(t.path);
    const auto res = get(app, t.path);
    CHECK(res.status == t.status);
    CHECK((t.status == 200 ? res.body : std::string(res.header.get("Location"))) == t.want);
  }
  CHECK(get(files, "/docs/guide.txt").body == "guide");  // outside a Router
  CHECK(get(files, "//docs/guide.txt").status == 404);
  CHECK(get(files, "//etc/passwd").status == 404);
  CHECK(get(files, "/../../../../etc/passwd").status == 404);
  CHECK(get(files, "/docs/../a.txt").status == 404);
  CHECK(get(files, "/docs//guide.txt").status == 404);
}

TEST_CASE("file server: fields of a file") {
  const Site site;
  const FileServer files(site.path(), {.cache_control = "public, max-age=60"});
  const auto res = get(files, "/a.txt");
  CHECK(res.header.get("Content-Type") == "text/plain; charset=utf-8");
  CHECK(res.header.get("Content-Length") == "7");
  CHECK(res.header.get("Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(res.header.get("Cache-Control") == "public, max-age=60");
  CHECK(res.header.get("Accept-Ranges") == "bytes");
  CHECK(res.header.get("Vary") == "Accept-Encoding");
  const std::string tag(res.header.get("ETag"));
  CHECK(tag.starts_with("\"ae1b981bc490a05-7-"));  // strong: nanoseconds, size, inode

  const auto unchanged = get(files, "/a.txt", {{"If-None-Match", tag}});
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body == "");
  CHECK(unchanged.header.get("ETag") == tag);
  CHECK(unchanged.header.get("Cache-Control") == "public, max-age=60");
  CHECK(unchanged.header.get("Vary") == "Accept-Encoding");
  CHECK_FALSE(unchanged.header.has("Content-Type"));
  CHECK_FALSE(unchanged.header.has("Content-Length"));

  const auto other = get(files, "/a.txt", {{"If-Match", "\"x\""}});
  CHECK(other.status == 412);
  CHECK_FALSE(other.header.has("Cache-Control"));
  const auto beyond = get(files, "/a.txt", {{"Range", "bytes=7-"}});
  CHECK(beyond.status == 416);
  CHECK(beyond.header.get("Content-Range") == "bytes */7");
  CHECK_FALSE(beyond.header.has("ETag"));
  CHECK_FALSE(get(files, "/nope").header.has("Cache-Control"));

  const auto head = jot::record(files, jot::request("HEAD", "/a.txt"));
  CHECK(head.status == 200);
  CHECK(head.body == "");
  CHECK(head.header.get("Content-Length") == "7");

  CHECK(get(files, "/noext").header.get("Content-Type") == "text/html; charset=utf-8");
  CHECK(get(files, "/data.unknown").header.get("Content-Type") == "application/octet-stream");
  CHECK(get(files, "/nothing").header.get("Content-Length") == "0");
}

TEST_CASE("file server: an error page is not the file: no tag, no date, not kept as long") {
  const Site site;
  jot::Router plain, own_pages;
  for (jot::Router* app : {&plain, &own_pages}) {
    app->handle("/", FileServer(site.path(), {.cache_control = "max-age=31536000, immutable"}));
    app->get("/one", [&](ResponseWriter& w, Request& r) {
      w.header().set("Cache-Control", "max-age=60");
      serve_file(w, r, site.path("a.txt"));
    });
  }
  own_pages.on_error([](ResponseWriter& w, Request&, int, std::string_view) { w.write("oh"); });
  struct {
    jot::Header asked;
    int status;
  } const table[] = {
      {{{"If-Match", "\"another\""}}, 412},
      {{{"If-Unmodified-Since", "Mon, 01 Jan 1990 00:00:00 GMT"}}, 412},
      {{{"Range", "bytes=100-"}}, 416},
  };
  for (auto& t : table) {
    for (const jot::Router* pages : {&plain, &own_pages}) {
      for (const char* path : {"/a.txt", "/one"}) {
        INFO(t.status << " " << path);
        const Recorded res = get(*pages, path, t.asked);
        CHECK(res.status == t.status);
        for (const char* name : {"ETag", "Last-Modified", "Cache-Control", "Content-Encoding"})
          CHECK(res.header.get(name) == "");
        if (t.status == 416) CHECK(res.header.get("Content-Range") == "bytes */7");
      }
    }
  }
}

TEST_CASE("file server: a date to come is never told") {
  const Site site;
  const timespec in_2100[2] = {{4'102'444'800, 0}, {4'102'444'800, 0}};
  REQUIRE(utimensat(AT_FDCWD, site.path("a.txt").c_str(), in_2100, 0) == 0);
  const FileServer files(site.path());
  const std::string told(get(files, "/a.txt").header.get("Last-Modified"));
  const auto seconds = jot::detail::parse_http_date(told);
  REQUIRE(seconds);
  CHECK(*seconds <= std::time(nullptr));
  CHECK(get(files, "/a.txt", {{"If-Modified-Since", told}}).status == 200);  // rather than a lie
}

TEST_CASE("file server: a file that changes has another tag") {
  const Site site;
  const FileServer files(site.path());
  const std::string before(get(files, "/a.txt").header.get("ETag"));
  site.write("new", "plain b");
  REQUIRE(std::rename(site.path("new").c_str(), site.path("a.txt").c_str()) == 0);
  const auto res = get(files, "/a.txt", {{"If-None-Match", before}});  // same size, same second
  CHECK(res.status == 200);
  CHECK(res.body == "plain b");
}

TEST_CASE("file server: methods") {
  const Site site;
  const FileServer files(site.path());
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "get", "X"}) {
    INFO(method);
    const auto res = jot::record(files, jot::request(method, "/a.txt"));
    CHECK(res.status == 405);
    CHECK(res.header.get("Allow") == "GET, HEAD, OPTIONS");
  }
  const auto res = jot::record(files, jot::request("OPTIONS", "/a.txt"));
  CHECK(res.status == 204);
  CHECK(res.header.get("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("file server: dotfiles for those who ask") {
  const Site site;
  const FileServer files(site.path(), {.dotfiles = true, .list = true});
  CHECK(get(files, "/.hidden").body == "hidden");
  CHECK(get(files, "/.git/config").body == "hidden");
  CHECK(get(files, "/...").body == "three dots");
  CHECK(get(files, "/.git/../a.txt").status == 404);
  CHECK(get(files, "/%2e%2e/a.txt").status == 404);
  CHECK(get(files, "/.").status == 404);
  CHECK(get(files, "/.git/").body.find("config") != std::string::npos);
}

TEST_CASE("file server: the fallback is for pages alone") {
  const Site site;
  const FileServer files(site.path(), {.fallback = "index.html"});
  const std::string browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  struct {
    std::string_view path, accept;
    int status;
  } const table[] = {
      {"/app/users/7", browser, 200},
      {"/app/users/7", "TEXT/HTML", 200},
      {"/missing.js", "*/*", 404},
      {"/missing.js", "", 404},
      {"/missing.png", "image/avif,image/webp,*/*;q=0.8", 404},
      {"/x", "text/html;q=0", 404},
      {"/x", "text/htmlx", 404},
      {"/empty/", browser, 200},
      {"/.git/config", browser, 200},
      {"/%2e%2e%2fx", browser, 200},
      {"/fifo", browser, 200},
  };
  for (auto& t : table) {
    INFO(t.path << " " << t.accept);
    const auto res = get(files, t.path, {{"Accept", t.accept}});
    CHECK(res.status == t.status);
    CHECK(std::string(res.header.get("Vary")).starts_with("Accept"));
    if (t.status == 200) CHECK(res.body == "<p>home");
  }
  CHECK(get(files, "/a.txt", {{"Accept", browser}}).header.get("Vary") == "Accept-Encoding");
  CHECK(jot::record(files, jot::request("POST", "/x", {.header = {{"Accept", browser}}})).status ==
        405);
  const FileServer lost(site.path(), {.fallback = "nope.html"});
  CHECK(get(lost, "/x", {{"Accept", browser}}).status == 404);
}

TEST_CASE("file server: the compressed copy beside a file") {
  const Site site;
  site.write("app.js", "plain");
  site.write("app.js.br", "by br");
  site.write("app.js.gz", "by gzip");
  site.write("only.css", "plain");
  site.write("only.css.gz", "by gzip");
  site.write("no.css", "plain");
  site.folder("no.css.gz");
  site.write("orphan.js.gz", "by gzip");
  site.write("photo.png", "plain");
  site.write("photo.png.gz", "by gzip");
  const FileServer files(site.path());
  struct {
    std::string_view path, accept;
    int status;
    std::string_view body, coding;
  } const table[] = {
      {"/app.js", "", 200, "plain", ""},
      {"/app.js", "gzip, deflate, br", 200, "by br", "br"},
      {"/app.js", "gzip", 200, "by gzip", "gzip"},
      {"/app.js", "gzip, br;q=0.9", 200, "by gzip", "gzip"},
      {"/app.js", "gzip;q=0, br;q=0", 200, "plain", ""},
      {"/app.js", "gzip;q=0.5, identity", 200, "plain", ""},
      {"/app.js", "*", 200, "by br", "br"},
      {"/app.js", "identity;q=0, gzip", 200, "by gzip", "gzip"},
      {"/app.js", "identity;q=0", 406, "", ""},
      {"/app.js", "zstd, *;q=0", 406, "", ""},
      {"/only.css", "gzip, br", 200, "by gzip", "gzip"},
      {"/only.css", "br", 200, "plain", ""},
      {"/only.css", "br, identity;q=0", 406, "", ""},
      {"/no.css", "gzip", 200, "plain", ""},
      {"/orphan.js", "gzip", 404, "", ""},
      {"/app.js.gz", "gzip", 200, "by gzip", ""},
      {"/photo.png", "gzip", 200, "plain", ""},
  };
  for (auto& t : table) {
    INFO(t.path << " " << t.accept);
    jot::Header header;
    if (!t.accept.empty()) header.set("Accept-Encoding", t.accept);
    const auto res = get(files, t.path, header);
    CHECK(res.status == t.status);
    if (t.status != 200) continue;
    CHECK(res.body == t.body);
    CHECK(res.header.get("Content-Encoding") == t.coding);
  }
  const auto plain = get(files, "/app.js"),
             coded = get(files, "/app.js", {{"Accept-Encoding", "br"}});
  CHECK(coded.header.get("Content-Type") == "text/javascript; charset=utf-8");
  CHECK(coded.header.get("Vary") == "Accept-Encoding");
  CHECK(plain.header.get("Vary") == "Accept-Encoding");
  CHECK_FALSE(get(files, "/photo.png").header.has("Vary"));
  CHECK(plain.header.get("ETag") != coded.header.get("ETag"));
  // Ranges are of what is sent.
  const auto part = get(files, "/app.js", {{"Accept-Encoding", "br"}, {"Range", "bytes=3-"}});
  CHECK(part.status == 206);
  CHECK(part.body == "br");
  CHECK(part.header.get("Content-Encoding") == "br");
  const auto other = get(files, "/app.js",
                         {{"Accept-Encoding", "br"}, {"If-None-Match", plain.header.get("ETag")}});
  CHECK(other.status == 200);

  const FileServer off(site.path(), {.precompressed = false});
  CHECK(get(off, "/app.js", {{"Accept-Encoding", "br"}}).body == "plain");
  CHECK_FALSE(get(off, "/app.js").header.has("Vary"));
}

TEST_CASE("file server: the list of a folder") {
  const Site site;
  site.write("list/<b>&\".txt", "1");
  site.write("list/a:b.txt", "123");
  site.write("list/100%.txt", "");
  site.write("list/sub/x", "");
  site.write("list/.hidden", "");
  site.fifo("list/fifo");
  site.link("list/out", "/etc");
  site.link("list/in", "../a.txt");
  const FileServer files(site.path(), {.list = true});
  const auto res = get(files, "/list/");
  CHECK(res.status == 200);
  CHECK(res.header.get("Content-Type") == "text/html; charset=utf-8");
  std::vector<std::string> links;
  for (std::size_t at = 0; (at = res.body.find("href=\"", at)) != std::string::npos;) {
    at += 6;
    links.push_back(res.body.substr(at, res.body.find('"', at) - at));
    CHECK(get(files, "/list/" + links.back()).status == 200);  // every link leads somewhere
  }
  CHECK(links ==
        std::vector<std::string>{"100%25.txt", "%3Cb%3E%26%22.txt", "a%3Ab.txt", "in", "sub/"});
  CHECK(res.body.find("<b>") == std::string::npos);
  CHECK(res.body.find("&lt;b&gt;&amp;") != std::string::npos);
  CHECK(get(files, "/docs/").body == "<p>docs");  // an index comes first
  CHECK(get(files, "/list").header.get("Location") == "list/");
  CHECK(get(files, "/nope/").status == 404);
  CHECK(get(files, "/a.txt/").status == 404);
  CHECK(get(files, "/up/").status == 404);
  CHECK(get(FileServer(site.path()), "/list/").status == 404);  // off unless asked for
}

TEST_CASE("file server: a folder that cannot be listed whole is not listed at all") {
  const TestFolder folder;
  folder.write("locked/x", "x");
  folder.write("y", "y");
  REQUIRE(chmod(folder.path("locked").c_str(), 0711) == 0);
  REQUIRE(chmod(folder.path().c_str(), 0755) == 0);
  const FileServer files(folder.path(), {.index = "", .list = true});
  Recorded locked;
  std::thread([&] {  // as nobody
    if (geteuid() == 0 && syscall(SYS_setresuid, -1, 65534, -1) != 0) return;
    locked = get(files, "/locked/");
  })
      .join();
  if (geteuid() == 0) CHECK(locked.status == 403);

  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int next = open("/", O_RDONLY);  // the descriptor that the folder will get
  close(next);
  for (const int left : {0, 1}) {
    INFO(left);
    const rlimit few{static_cast<rlim_t>(next + left), limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    const auto busy = get(files, "/");
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK(busy.status == 503);
    CHECK(busy.header.has("Retry-After"));
  }
  CHECK(get(files, "/").status == 200);
}

TEST_CASE("file server: a list of one's own") {
  const Embedded program{
      {"b.txt", "1"}, {"dir/x", "1"}, {"dir/y/z", "1"}, {"a-b", "1"}, {"a/b", "12"}};
  const FileServer files(program, {.list_page = [](ResponseWriter& w, Request& r,
                                                   const std::vector<jot::FileEntry>& entries) {
                           w.write(r.path(), ":");
                           for (const jot::FileEntry& e : entries)
                             w.write(" ", e.name, e.directory ? "/" : "", " ", e.size);
                           w.write("\n", jot::to_json(jot::Value(entries)));
                         }});
  const auto text = get(files, "/").body;
  CHECK(text.substr(0, text.find('\n')) == "/: a/ 0 a-b 1 b.txt 1 dir/ 0");
  CHECK(
      text.find("{\"directory\":true,\"href\":\"a/\",\"modified\":0,\"name\":\"a\",\"size\":0}") !=
      text.npos);
  CHECK(get(files, "/dir/").body.starts_with("/dir/: x 1 y/ 0\n"));
  CHECK(get(files, "/dir").header.get("Location") == "dir/");
  CHECK(get(files, "/di/").status == 404);
  CHECK(get(files, "/b.txt").body == "1");
}

TEST_CASE("file server: files of the program") {
  const FileServer files(
      Embedded{{"a.txt", "same"}, {"b.txt", "same"}, {"c.txt", "else"}, {"big", "0123456789"}});
  const auto a = get(files, "/a.txt");
  CHECK(a.header.get("Content-Type") == "text/plain; charset=utf-8");
  CHECK_FALSE(a.header.has("Last-Modified"));
  const std::string tag(a.header.get("ETag"));
  CHECK(tag == get(files, "/b.txt").header.get("ETag"));
  CHECK(tag != get(files, "/c.txt").header.get("ETag"));
  CHECK(get(files, "/a.txt", {{"If-None-Match", tag}}).status == 304);
  CHECK(get(files, "/big", {{"Range", "bytes=2-4"}}).body == "234");
  CHECK(get(files, "/big", {{"Range", "bytes=2-4"}, {"If-Range", "\"x\""}}).body == "0123456789");
  for (const char* name : {"", "/a", "a//b", "a/", "../a", "a/../b", "./a", "."}) {
    INFO(name);
    CHECK_THROWS_AS((Embedded{{name, "x"}}), std::invalid_argument);
  }
  CHECK_THROWS_AS((Embedded{{"a", "x"}, {"b", "y"}, {"a", "z"}}), std::invalid_argument);
  for (const char* name : {"a/b/c/d", "a", "a/b"}) {
    INFO(name);
    CHECK_THROWS_AS((Embedded{{"a/b/c", "x"}, {"a-b", "y"}, {"a.b", "y"}, {name, "z"}}),
                    std::invalid_argument);
  }
  CHECK_NOTHROW(Embedded{{"a/b/c", "x"}, {"a/b-c", "y"}, {"a/b.c/d", "y"}, {"ab", "z"}});
  CHECK(get(FileServer(Embedded{}), "/").status == 404);
}

TEST_CASE("file server: a root that is none is a mistake at the start") {
  const Site site;
  for (const std::string& root : {site.path("nope"), site.path("a.txt"), ""s + "relative/nope"}) {
    INFO(root);
    try {
      FileServer files(root);
      FAIL("did not throw");
    } catch (const std::system_error& e) {
      CHECK(std::string(e.what()).find(root) != std::string::npos);
    }
  }
}

TEST_CASE("file server: a root may be a link that is switched, and go away") {
  const TestFolder around;
  around.write("one/a", "1");
  around.write("two/a", "2");
  around.link("current", "one");
  const FileServer files(around.path("current"));
  CHECK(get(files, "/a").body == "1");
  around.link("next", "two");
  REQUIRE(std::rename(around.path("next").c_str(), around.path("current").c_str()) == 0);
  CHECK(get(files, "/a").body == "2");
  REQUIRE(unlink(around.path("current").c_str()) == 0);
  CHECK(get(files, "/a").status == 404);
  around.link("current", "one");
  CHECK(get(files, "/a").body == "1");
  REQUIRE(std::rename(around.path("one").c_str(), around.path("old").c_str()) == 0);
  CHECK(get(files, "/a").status == 404);
  around.write("one/a", "3");
  CHECK(get(files, "/a").body == "3");
}

TEST_CASE("file server: what a file is read for to tell its type is sent, and no more") {
  const TestFolder folder;
  const FileServer files(folder.path());
  for (const std::size_t half : {0u, 1u, 255u, 256u, 1023u, 1024u, 1025u, 2500u}) {
    const std::string content = std::string(half, 'a') + std::string(half, 'b');
    const std::size_t size = content.size();
    INFO(size);
    folder.write("x.unknown", content);
    const auto whole = get(files, "/x.unknown");
    CHECK(whole.body == content);
    CHECK(whole.header.get("Content-Type") == "text/plain; charset=utf-8");
    CHECK(whole.header.get("Content-Length") == std::to_string(size));
    if (size < 510) continue;
    CHECK(get(files, "/x.unknown", {{"Range", "bytes=250-300"}}).body == content.substr(250, 51));
    CHECK(get(files, "/x.unknown", {{"Range", "bytes=-3"}}).body == content.substr(size - 3));
  }
}

TEST_CASE("file server: what must not be read is 403, and nothing left to read it with 503") {
  const Site site;
  site.write("locked/x", "x");
  REQUIRE(chmod(site.path("a.txt").c_str(), 0) == 0);
  REQUIRE(chmod(site.path("locked").c_str(), 0) == 0);
  REQUIRE(chmod(site.path().c_str(), 0755) == 0);
  const FileServer files(site.path());
  Recorded file, within;
  std::thread([&] {  // as nobody: this thread alone, by the system call itself
    if (geteuid() == 0 && syscall(SYS_setresuid, -1, 65534, -1) != 0) return;
    file = get(files, "/a.txt"), within = get(files, "/locked/x");
  })
      .join();
  CHECK(file.status == 403);
  CHECK(within.status == 403);
  REQUIRE(chmod(site.path("locked").c_str(), 0755) == 0);

  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{3, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const auto busy = get(files, "/index.html");
  setrlimit(RLIMIT_NOFILE, &limit);
  CHECK(busy.status == 503);
  CHECK(busy.header.has("Retry-After"));
  CHECK(get(files, "/index.html").status == 200);
}

TEST_CASE("file server: over a socket, small and large, whole and in parts") {
  const TestFolder folder;
  std::string big;
  for (int i = 0; big.size() < 3'000'000; ++i) big += std::to_string(i) + ' ';
  folder.write("big.txt", big);
  folder.write("small.txt", "small");
  jot::Router app;
  app.handle("/", FileServer(folder.path()));
  const raw::Served s(app);
  raw::Client client = s.client();
  const auto ask = [&](const std::string& line, const std::string& fields = "") {
    return client.ask(line + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
  };
  CHECK((ask("GET /big.txt").body == big));
  CHECK(ask("GET /small.txt").body == "small");
  CHECK(ask("HEAD /big.txt").field("Content-Length") == std::to_string(big.size()));
  const auto part = ask("GET /big.txt", "Range: bytes=1000-1999999\r\n");
  CHECK(part.status == 206);
  CHECK((part.body == big.substr(1000, 1'999'000)));
  const auto parts = ask("GET /big.txt", "Range: bytes=0-9,100000-199999,-5\r\n");
  CHECK(parts.whole());
  CHECK(parts.field("Content-Length") == std::to_string(parts.body.size()));
  CHECK((parts.body.find("\r\n\r\n" + big.substr(100'000, 100'000) + "\r\n--") != big.npos));
  CHECK(ask("GET /big.txt", "If-None-Match: " + part.field("ETag") + "\r\n").status == 304);
  CHECK(ask("GET /big.txt", "Range: bytes=9999999-\r\n").field("Content-Range") ==
        "bytes */" + std::to_string(big.size()));
  CHECK(ask("GET /nope").status == 404);
  CHECK(ask("GET /small.txt").body == "small");  // still the same connection
}

TEST_CASE("serve_file: one file, of any place") {
  const Site site;
  const jot::Handler file([&](ResponseWriter& w, Request& r) {
    jot::serve_file(w, r, site.path(std::string(r.query("name"))));
  });
  CHECK(get(file, "/x?name=a.txt").body == "plain a");
  CHECK(get(file, "/x?name=a.txt").header.has("ETag"));
  CHECK(get(file, "/x?name=link.txt").body == "plain a");
  CHECK(get(file, "/x?name=passwd").status == 200);  // the program's choice
  CHECK(get(file, "/x?name=.hidden").status == 200);
  CHECK(get(file, "/x?name=nope").status == 404);
  CHECK(get(file, "/x?name=docs").status == 404);
  CHECK(get(file, "/x?name=fifo").status == 404);
  CHECK(get(file, "/x?name=a.txt%00").status == 404);
  CHECK(get(file, "/x?name=a.txt", {{"Range", "bytes=0-1"}}).body == "pl");
  for (const char* path : {"/../x", "/a/..", "/%2e%2e/x", "/..%2fx", "/a%5c..%5cx"}) {
    INFO(path);
    CHECK(get(file, path + "?name=a.txt"s).status == 400);
  }
  CHECK(get(file, "/a..b/...?name=a.txt").status == 200);
}

TEST_CASE("serve_file: what the handler has said already is kept") {
  const Site site;
  const jot::Handler page([&](ResponseWriter& w, Request& r) {
    w.header().set("Content-Type", "text/x-own").set("Cache-Control", "no-store");
    w.write_header(404);
    jot::serve_file(w, r, site.path("a.txt"));
  });
  const auto res = get(page, "/", {{"Range", "bytes=0-1"}, {"If-None-Match", "*"}});
  CHECK(res.status == 404);
  CHECK(res.body == "plain a");
  CHECK(res.header.get("Content-Type") == "text/x-own");
  CHECK(res.header.get("Cache-Control") == "no-store");
}
