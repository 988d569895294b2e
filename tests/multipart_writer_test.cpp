// SPDX-License-Identifier: MIT
//
// multipart_writer_test.cpp -- is a form with files what RFC 7578 says, byte for byte?
#include "jot/detail/multipart_writer.hpp"

#include "catch.hpp"
#include "test_folder.hpp"

#include <unistd.h>  // truncate

#include <fstream>       // std::ofstream
#include <functional>    // std::function
#include <memory>        // std::make_shared
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error

using jot::detail::MultipartReader;
using jot::detail::MultipartWriter;

namespace {

// All of it, in reads of so many bytes.
std::string read_all(const MultipartWriter& writer, std::size_t size) {
  MultipartReader reader(std::make_shared<MultipartWriter>(writer));
  std::string all, piece(size, '\0');
  while (const std::size_t n = reader(piece)) all.append(piece, 0, n);
  CHECK(reader(piece) == 0);
  return all;
}

std::string words_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("multipart writer: fields, bytes and files, in reads of every size") {
  TestFolder folder;
  folder.write("cat.png", std::string("\x89PNG\0\r\n--x--", 13));
  folder.write("empty.txt", "");
  MultipartWriter writer("x");
  writer.add_field("title", "Cats & dogs\r\nand more");
  writer.add_field("empty", "");
  writer.add_file("photo", folder.path("cat.png"), "", "");
  writer.add_file("notes", folder.path("empty.txt"), "text/csv", "other.csv");
  writer.add_bytes("raw", "data.bin", std::string("\0\1", 2), "");
  std::string want =
      "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nCats & dogs\r\nand more\r\n"
      "--x\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n"
      "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"cat.png\"\r\n"
      "Content-Type: image/png\r\n\r\n";
  want += std::string("\x89PNG\0\r\n--x--", 13);
  want += "\r\n--x\r\nContent-Disposition: form-data; name=\"notes\"; filename=\"other.csv\"\r\n"
      "Content-Type: text/csv\r\n\r\n\r\n"
      "--x\r\nContent-Disposition: form-data; name=\"raw\"; filename=\"data.bin\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n";
  want += std::string("\0\1", 2);
  want += "\r\n--x--\r\n";
  CHECK(writer.content_type() == "multipart/form-data; boundary=x");
  CHECK(writer.length() == want.size());
  for (const std::size_t size : {1u, 2u, 3u, 7u, 64u, 1000u, 100'000u}) {
    INFO(size);
    CHECK(read_all(writer, size) == want);
  }
  CHECK(read_all(MultipartWriter("x"), 3) == "--x--\r\n");
  CHECK(MultipartWriter("x").length() == 7);
}

TEST_CASE("multipart writer: names are escaped as browsers do it") {
  struct {
    std::string_view name, want;
  } const table[] = {
      {"a", "\"a\""},
      {"", "\"\""},
      {"a \"b\"", "\"a %22b%22\""},
      {"a\r\nX: y", "\"a%0D%0AX: y\""},
      {"100%", "\"100%\""},
      {"%22", "\"%22\""},
      {"a\\b;c=d", "\"a\\b;c=d\""},
      {"\xc3\xa4.txt", "\"\xc3\xa4.txt\""},
      {"tab\t", "\"tab\t\""},
  };
  for (const auto& row : table) CHECK(jot::detail::quoted_form_name(row.name) == row.want);
  MultipartWriter writer;
  CHECK_THROWS_AS(writer.add_field(std::string_view("\0", 1), ""), std::invalid_argument);
  CHECK_THROWS_AS(writer.add_field("\x1b[0m", ""), std::invalid_argument);
  CHECK_THROWS_AS(writer.add_bytes("a", "\x7f", "", ""), std::invalid_argument);
  CHECK_THROWS_AS(writer.add_bytes("a", "b", "", "text/plain\r\nX: y"), std::invalid_argument);
  CHECK(read_all(writer, 100).size() == writer.length());  // nothing was added
}

TEST_CASE("multipart writer: the boundary is another each time, and one that RFC 2046 allows") {
  const std::string one = MultipartWriter().content_type(), two = MultipartWriter().content_type();
  CHECK(one != two);
  const std::string boundary = one.substr(one.find('=') + 1);
  CHECK(boundary.size() == 36);
  CHECK(boundary.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_") == std::string::npos);
}

TEST_CASE("multipart writer: what is no file is said where it is added") {
  TestFolder folder;
  folder.folder("sub");
  folder.fifo("pipe");
  MultipartWriter writer("x");
  struct {
    const char *name, *words;
  } const table[] = {
      {"absent", "No such file"}, {"sub", "not a regular file"}, {"pipe", "not a regular file"}};
  for (const auto& row : table) {
    const std::string path = folder.path(row.name);
    const std::string words = words_of([&] { writer.add_file("f", path, "", ""); });
    INFO(words);
    CHECK(words.find(path) != std::string::npos);
    CHECK(words.find(row.words) != std::string::npos);
  }
  CHECK(writer.length() == 7);
}

TEST_CASE("multipart writer: a file that changes its size while it is sent") {
  TestFolder folder;
  const std::string path = folder.path("log");
  for (const bool shorter : {true, false}) {
    folder.write("log", std::string(10'000, 'a'));
    MultipartWriter writer("x");
    writer.add_file("f", path, "", "");
    MultipartReader reader(std::make_shared<MultipartWriter>(writer));
    std::string piece(1000, '\0');
    CHECK(reader(piece) == 1000);
    if (shorter)
      REQUIRE(truncate(path.c_str(), 2000) == 0);
    else
      std::ofstream(path, std::ios::app) << "more";
    const std::string words = words_of([&] {
      while (reader(piece) > 0) continue;
    });
    INFO(words);
    CHECK(words.find(path) != std::string::npos);
    CHECK(words.find(shorter ? "became shorter" : "changed its size") != std::string::npos);
  }
}

TEST_CASE("multipart writer: a file that is replaced meanwhile is sent as it was") {
  TestFolder folder;
  folder.write("a", "before");
  MultipartWriter writer("x");
  writer.add_file("f", folder.path("a"), "", "");
  std::remove(folder.path("a").c_str());
  folder.write("a", "after, and longer");
  for (int again = 0; again < 2; ++again)
    CHECK(read_all(writer, 50).find("\r\n\r\nbefore\r\n--x--") != std::string::npos);
}
