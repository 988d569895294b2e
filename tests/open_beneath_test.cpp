// SPDX-License-Identifier: MIT
//
// open_beneath_test.cpp -- does every name stay in its folder, whoever searches for it?
#include "jot/detail/open_beneath.hpp"

#include "catch.hpp"
#include "test_folder.hpp"

#include <unistd.h>  // read

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::detail::Fd;
using jot::detail::open_beneath;
using jot::detail::Search;
using namespace std::string_literals;

namespace {

// What is read there, or the error.
std::string read_beneath(int folder, const std::string& name, Search search) {
  const Fd fd = open_beneath(folder, name, O_RDONLY | O_NONBLOCK, search);
  if (!fd) return errno == EXDEV ? "outside" : errno == ELOOP ? "link" : "not there";
  char text[100];
  const ssize_t n = read(fd.get(), text, sizeof text);
  return n < 0 ? "folder" : std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

TEST_CASE("open beneath: what lies in the folder, and nothing else") {
  const TestFolder around;
  around.write("secret", "secret");
  around.write("in/a", "a");
  around.write("in/sub/b", "b");
  around.write("inner", "not in");
  around.link("in/to-a", "a");
  around.link("in/sub/to-a", "../a");
  around.link("in/to-sub", "sub");
  around.link("in/out", "../secret");
  around.link("in/out-and-in", "../in/a");
  around.link("in/out-folder", "..");
  around.link("in/absolute", around.path("in/a"));
  around.link("in/etc", "/etc");
  around.link("in/magic", "/proc/self/root");
  around.link("in/loop", "loop");
  around.link("in/lost", "nowhere");
  const Fd in(open(around.path("in").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

  struct {
    std::string name;
    std::string_view by_kernel, by_walk;
  } const table[] = {
      {"a", "a", "a"},
      {"sub/b", "b", "b"},
      {".", "folder", "folder"},
      {"sub", "folder", "folder"},
      {"", "not there", "not there"},
      {"a/b", "not there", "not there"},
      {"nothing/b", "not there", "not there"},
      {"a\0"s, "not there", "not there"},
      {std::string(255, 'x'), "not there", "not there"},
      {std::string(256, 'x'), "not there", "not there"},
      {std::string(10'000, 'x'), "not there", "not there"},
      {"..", "outside", "outside"},
      {"../secret", "outside", "outside"},
      {"sub/../../secret", "outside", "outside"},
      {"/etc/passwd", "outside", "outside"},
      {"to-a", "a", "link"},
      {"sub/to-a", "a", "link"},
      {"to-sub/b", "b", "not there"},
      {"out", "outside", "link"},
      {"out-and-in", "outside", "link"},
      {"out-folder/secret", "outside", "not there"},
      {"absolute", "outside", "link"},
      {"etc/passwd", "outside", "not there"},
      {"magic/etc/passwd", "outside", "not there"},
      {"loop", "link", "link"},
      {"lost", "not there", "link"},
  };
  REQUIRE(jot::detail::best_search(in.get()) == Search::by_kernel);
  for (auto& t : table) {
    INFO(t.name);
    CHECK(read_beneath(in.get(), t.name, Search::by_kernel) == t.by_kernel);
    CHECK(read_beneath(in.get(), t.name, Search::by_walk) == t.by_walk);
  }
}

TEST_CASE("open beneath: descriptors are closed on exec") {
  const TestFolder folder;
  folder.write("sub/a", "a");
  const Fd in(open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const Search search : {Search::by_kernel, Search::by_walk}) {
    const Fd fd = open_beneath(in.get(), "sub/a", O_RDONLY, search);
    REQUIRE(fd);
    CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}
