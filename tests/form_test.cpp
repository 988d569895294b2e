// SPDX-License-Identifier: MIT
//
// form_test.cpp -- what was filled in arrives, and nothing else does.
#include "jot.hpp"

#include "catch.hpp"
#include "raw_client.hpp"
#include "test_folder.hpp"

#include <cstdio>       // std::snprintf
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace std::literals;
using jot::Form;
using jot::FormFile;
using jot::FormOptions;
using jot::HttpError;
using jot::Multipart;
using jot::MultipartPart;
using jot::Request;

namespace {

Request with_type(std::string_view type, std::string body) {
  jot::Header header;
  if (!type.empty()) header.set("Content-Type", type);
  return jot::request("POST", "/", {.body = std::move(body), .header = header});
}
Request urlencoded(std::string body) {
  return with_type("application/x-www-form-urlencoded", std::move(body));
}
Request multipart(std::string body) {
  return with_type("multipart/form-data; boundary=b", std::move(body));
}

std::string field(std::string_view name, std::string_view value) {
  return jot::text("--b\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", value,
                   "\r\n");
}
std::string file(std::string_view name, std::string_view file_name, std::string_view data) {
  return jot::text("--b\r\nContent-Disposition: form-data; name=\"", name, "\"; filename=\"",
                   file_name, "\"\r\nContent-Type: text/x\r\n\r\n", data, "\r\n");
}
const std::string end = "--b--\r\n";

// The fields of a form, "a=1,b=2", or the status and words of the HttpError.
std::string fields_of(Request r, const FormOptions& options = {}) try {
  std::string shown;
  for (const auto& [name, value] : r.form(options).fields())
    shown += (shown.empty() ? "" : ",") + name + "=" + value;
  return shown;
} catch (const HttpError& e) {
  return jot::text(e.status(), " ", e.what());
}

int status_of(Request r, const FormOptions& options = {}) try {
  r.form(options);
  return 200;
} catch (const HttpError& e) {
  return e.status();
}

}  // namespace

TEST_CASE("form: urlencoded") {
  const std::string bad = "400 form: a % that is no escape";
  struct {
    std::string_view body;
    std::string want;
  } const table[] = {
      {"a=1&b=two+words", "a=1,b=two words"},
      {"a=%31%26&%3d=x", "a=1&,==x"},
      {"a=1&a=2", "a=1,a=2"},
      {"a", "a="},
      {"=x", "=x"},
      {"&&a=1&&", "a=1"},
      {"a=b=c", "a=b=c"},
      {"a=%e2%82%ac", "a=\xe2\x82\xac"},
      {"a=%00", "a=\0"s},
      {"a=\r\n", "a=\r\n"},
      {"a=100%", bad},
      {"a=%4", bad},
      {"a=%zz", bad},
      {"a=%4g", bad},
      {"%=1", bad},
      {"a=1%&b=2", bad},
      {"a=1;b=2", "400 form: a semicolon between fields"},
      {"a=1%3Bb=2", "a=1;b=2"},
      {"", ""},
  };
  for (auto& t : table) {
    INFO(t.body);
    CHECK(fields_of(urlencoded(std::string(t.body))) == t.want);
  }
}

TEST_CASE("form: what can be asked of it") {
  Request r = multipart(field("a", "1") + field("a", "2") + file("f", "x.txt", "data") +
                        file("f", "dir/y.txt", "") + field("none", "") + end);
  const Form& form = r.form();
  CHECK(&form == &r.form());
  CHECK(form.get("a") == "1");
  CHECK(form.get("A").empty());
  CHECK(form.all("a") == std::vector<std::string_view>{"1", "2"});
  CHECK(form.has("none"));
  CHECK_FALSE(form.has("f"));
  CHECK(form.fields().size() == 3);
  CHECK(form.file("a") == nullptr);
  REQUIRE(form.files("f").size() == 2);
  CHECK(form.files().size() == 2);
  const FormFile& first = *form.file("f");
  CHECK(form.files("f")[0] == &first);
  CHECK(first.name == "f");
  CHECK(first.file_name == "x.txt");
  CHECK(first.content_type == "text/x");
  CHECK(first.data == "data");
  CHECK(first.fd() == -1);
  CHECK(form.files("f")[1]->file_name == "y.txt");
  CHECK(form.files("f")[1]->data.empty());
}

TEST_CASE("form: which bodies are forms") {
  struct {
    std::string_view name, type, body;
    int want;
  } const table[] = {
      {"neither type nor body", "", "", 200},
      {"a body without type", "", "a=1", 415},
      {"another type", "application/json", "{}", 415},
      {"another type, no body", "text/plain", "", 415},
      {"another multipart", "multipart/mixed; boundary=b", "--b--", 415},
      {"with parameters", "application/x-www-form-urlencoded; charset=utf-8", "a=1", 200},
      {"in capitals", "APPLICATION/X-WWW-FORM-URLENCODED", "a=1", 200},
      {"no boundary", "multipart/form-data", "--b--", 400},
      {"an empty boundary", "multipart/form-data; boundary=\"\"", "----", 400},
      {"two boundaries", "multipart/form-data; boundary=a; boundary=b", "--b--", 400},
      {"malformed parameters", "multipart/form-data; boundary", "--b--", 400},
      {"an unquoted boundary with a space", "multipart/form-data; boundary=a b", "--a b--", 400},
      {"a quoted one", "multipart/form-data; charset=x; Boundary=\"a b\"", "--a b--", 200},
      {"the wrong one", "multipart/form-data; boundary=c", "--b--", 400},
      {"an empty body", "multipart/form-data; boundary=b", "", 400},
      {"in capitals, too", "Multipart/Form-Data; BOUNDARY=b", "--b--", 200},
  };
  for (auto& t : table) {
    INFO(t.name);
    CHECK(status_of(with_type(t.type, std::string(t.body))) == t.want);
  }
  const std::string long_one(1000, 'b');
  CHECK(status_of(with_type("multipart/form-data; boundary=" + long_one, "--" + long_one + "--")) ==
        400);
}

TEST_CASE("form: limits") {
  const auto many = [](int count) {
    std::string body;
    for (int i = 0; i < count; ++i) body += field("a", "");
    return body + end;
  };
  const auto pairs = [](int count) {
    std::string body;
    for (int i = 0; i < count; ++i) body += "a=1&";
    return body;
  };
  CHECK(status_of(multipart(many(1000))) == 200);
  CHECK(status_of(multipart(many(1001))) == 413);
  CHECK(status_of(multipart(many(10'000))) == 413);
  CHECK(status_of(urlencoded(pairs(1000))) == 200);
  CHECK(status_of(urlencoded(pairs(1001))) == 413);
  CHECK(status_of(urlencoded(pairs(10'000))) == 413);

  const FormOptions small{.max_field = 10, .max_fields = 3, .max_memory = 1000, .spool_above = 100};
  CHECK(status_of(multipart(many(3)), small) == 200);
  CHECK(status_of(multipart(many(4)), small) == 413);
  CHECK(status_of(urlencoded("a&b&c"), small) == 200);
  CHECK(status_of(urlencoded("a&b&c&d"), small) == 413);
  CHECK(status_of(multipart(field("a", "0123456789") + end), small) == 200);
  CHECK(status_of(multipart(field("a", "0123456789x") + end), small) == 413);
  CHECK(status_of(urlencoded(std::string(1000, 'x')), small) == 200);
  CHECK(status_of(urlencoded(std::string(1001, 'x')), small) == 413);
  CHECK(status_of(multipart(field(std::string(900, 'n'), "") + end), small) == 413);
  CHECK(status_of(multipart(file("f", "f", std::string(100'000, 'x')) + end), small) == 200);
  CHECK(status_of(multipart(file(std::string(900, 'n'), "f", "x") + end), small) == 413);

  const std::string mib(1 << 20, 'x');
  CHECK(status_of(multipart(field("a", mib) + end)) == 200);
  CHECK(status_of(multipart(field("a", mib + "x") + end)) == 413);
  std::string eleven;
  for (int i = 0; i < 11; ++i) eleven += field("a", mib);
  CHECK(status_of(multipart(eleven + end)) == 413);
}

TEST_CASE("form: what failed once goes on failing") {
  Request r = urlencoded("a=%");
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(r.form(), HttpError);
  Request cut = multipart(field("a", "1"));
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(cut.form(), HttpError);
  Request parts = multipart(field("a", "1"));
  Multipart reader(parts);
  REQUIRE(reader.next());
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(reader.next(), HttpError);
}

TEST_CASE("form: what is left of a body that was read is neither a form nor JSON") {
  const auto json = [](std::string body) { return with_type("application/json", std::move(body)); };
  char byte;
  Request form = urlencoded("a=1&b=2"), parts = multipart(field("a", "1") + end),
          number = json("12");
  for (Request* r : {&form, &parts, &number}) REQUIRE(r->body().read({&byte, 1}) == 1);
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_AS(form.form(), std::logic_error);
    CHECK_THROWS_AS(parts.form(), std::logic_error);
    CHECK_THROWS_AS(Multipart(parts), std::logic_error);
    CHECK_THROWS_AS(number.json(), std::logic_error);
  }
  Request bad = json("[1,");
  for (int i = 0; i < 2; ++i)
    CHECK_THROWS_WITH(bad.json(), "line 1, column 4: want a value, but the text ends here");
  Request long_one = json("12");
  long_one.body().set_limit(1);
  for (int i = 0; i < 2; ++i) CHECK_THROWS_WITH(long_one.json(), HttpError(413).what());
  Request other = json("[1]");  // not looked into for its type: it may still be read
  CHECK_THROWS_AS(other.form(), HttpError);
  CHECK(other.json().size() == 1);
  Request empty = json("");  // nothing of it was read, for there is nothing
  CHECK(empty.body().read_all() == "");
  CHECK_THROWS_AS(empty.json(), HttpError);
}

TEST_CASE("form: on one connection each body is read anew") {
  raw::Served s([](Request& r) {
    if (r.path() == "/body") return r.body().read_all();
    return r.path() == "/json" ? std::to_string(r.json().as_int()) : r.form().get("a");
  });
  raw::Client client = s.client();
  for (int i = 0; i < 3; ++i) {
    const auto post = [&](std::string_view path, std::string_view type, std::string_view body) {
      return client.ask(jot::text("POST ", path, " HTTP/1.1\r\nHost: h\r\nContent-Type: ", type,
                                  "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
    };
    CHECK(post("/body", "text/plain", "x").body == "x");
    CHECK(post("/json", "application/json", "12").body == "12");
    CHECK(post("/form", "application/x-www-form-urlencoded", "a=b").body == "b");
    CHECK(client.ask("GET /form HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
  }
}

TEST_CASE("form: every truncation of a valid body is 400") {
  const std::string body = field("a", "1") + file("f", "x", "data\r\n--bb\r\n") + "--b--";
  CHECK(status_of(multipart(body)) == 200);
  for (std::size_t size = 0; size < body.size(); ++size) {
    INFO(size);
    CHECK(status_of(multipart(body.substr(0, size))) == 400);
  }
}

TEST_CASE("form: part by part") {
  Request r = multipart("preamble\r\n" + field("a", "12345") + file("f", "/x/y", "data") +
                        field("skipped", std::string(100'000, 's')) + field("z", "") + end);
  Multipart parts(r);
  MultipartPart* part = parts.next();
  REQUIRE(part);
  CHECK(part->name == "a");
  CHECK(part->file_name.empty());
  char some[2];
  CHECK(part->read({}) == 0);
  CHECK(part->read(some) == 2);
  CHECK(std::string_view(some, 2) == "12");
  CHECK(part->read_all() == "345");
  CHECK(part->read(some) == 0);
  CHECK(part->read_all().empty());
  part = parts.next();
  REQUIRE(part);
  CHECK(part->file_name == "y");
  CHECK(part->content_type == "text/x");
  CHECK(part->read_all(4) == "data");
  REQUIRE(parts.next());
  part = parts.next();
  REQUIRE(part);
  CHECK(part->name == "z");
  CHECK(part->read_all(0).empty());
  CHECK(parts.next() == nullptr);
  CHECK(parts.next() == nullptr);
  CHECK(part->read(some) == 0);
}

TEST_CASE("form: part by part, what is refused") {
  const auto status = [](Request r, std::size_t max_parts = 1000, std::size_t limit = 1000) {
    try {
      Multipart parts(r, max_parts);
      while (MultipartPart* part = parts.next()) part->read_all(limit);
    } catch (const HttpError& e) {
      return e.status();
    }
    return 200;
  };
  CHECK(status(urlencoded("a=1")) == 415);
  CHECK(status(with_type("", "--b--")) == 415);
  CHECK(status(with_type("multipart/form-data", "--b--")) == 400);
  CHECK(status(multipart(field("a", "12345") + end), 1000, 5) == 200);
  CHECK(status(multipart(field("a", "12345") + end), 1000, 4) == 413);
  CHECK(status(multipart(field("a", "1") + field("b", "1") + end), 2) == 200);
  CHECK(status(multipart(field("a", "1") + field("b", "1") + end), 1) == 413);
  CHECK(status(multipart(field("a", "1"))) == 400);
}

TEST_CASE("form: a file is saved whole, in the place of another") {
  const TestFolder folder;
  folder.write("there", "old");
  Request r = multipart(file("f", "x", "new\0data"sv) + end);
  const FormFile* f = r.form().file("f");
  REQUIRE(f);
  const auto content = [&](std::string_view name) {
    std::string all(100, '\0');
    std::FILE* opened = std::fopen(folder.path(name).c_str(), "rb");
    REQUIRE(opened);
    all.resize(std::fread(all.data(), 1, all.size(), opened));
    std::fclose(opened);
    return all;
  };
  f->save_to(folder.path("there"));
  CHECK(content("there") == "new\0data"s);
  f->save_to(folder.path("fresh"));
  CHECK(content("fresh") == "new\0data"s);
  CHECK_THROWS_AS(f->save_to(folder.path("no/folder")), std::system_error);
  folder.folder("folder");
  CHECK_THROWS_AS(f->save_to(folder.path("folder")), std::system_error);
  CHECK_THROWS_AS(f->save_to("a\0b"s), std::invalid_argument);
  CHECK(folder.count() == 3);
}

TEST_CASE("form: over a socket, within the limits of the body") {
  const std::string body = field("a", std::string(200'000, 'x')) + end;
  raw::Served s([](Request& r) {
    if (r.path() == "/small") r.body().set_limit(1000);
    if (r.path() == "/json") return std::to_string(r.json().size());
    return std::to_string(r.form().get("a").size());
  });
  const auto post = [](std::string_view path, std::string_view type, std::string_view bytes) {
    return jot::text("POST ", path, " HTTP/1.1\r\nHost: h\r\nContent-Type: ", type,
                     "\r\nContent-Length: ", bytes.size(), "\r\n\r\n", bytes);
  };
  const auto type = "multipart/form-data; boundary=b"sv;
  raw::Client client = s.client();
  CHECK(client.ask(post("/", type, body)).body == "200000");
  CHECK(client.ask(post("/", "application/x-www-form-urlencoded", "a=12")).body == "2");
  CHECK(client.ask(post("/", type, body.substr(0, body.size() - 20))).status == 400);
  CHECK(client.ask(post("/json", "application/json", "[1,2]")).body == "2");
  CHECK(s.client().ask(post("/small", type, body)).status == 413);
  raw::Client slow = s.client();
  std::thread sender([&] { slow.send_in_pieces(post("/", type, body), 999); });
  CHECK(slow.response().body == "200000");
  sender.join();
}

TEST_CASE("form: JSON, too, is held to the body's limit and no other") {
  raw::Served s([](Request& r) {
    r.body().set_limit(r.path() == "/more" ? 30u << 20 : 1000);
    return std::to_string(r.json().as_string().size());
  });
  const std::string text = '"' + std::string(12 << 20, 'x') + '"';
  const auto post = [&](std::string_view path) {
    return jot::text("POST ", path, " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n",
                     "Content-Length: ", text.size(), "\r\n\r\n", text);
  };
  raw::Client client = s.client();
  std::thread sender([&] { client.send(post("/more")); });
  CHECK(client.response().body == std::to_string(12 << 20));
  sender.join();
  raw::Client other = s.client();
  std::thread other_sender([&] { other.send(post("/less")); });
  CHECK(other.response().status == 413);
  other_sender.join();
}
