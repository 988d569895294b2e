// SPDX-License-Identifier: MIT
//
// resolve_reference_test.cpp -- do links lead where RFC 3986 says they do?
#include "jot/detail/resolve_reference.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::detail::resolve_reference;

namespace {
struct Row {
  std::string_view reference, want;
};
}  // namespace

TEST_CASE("reference: the examples of RFC 3986 section 5.4.1") {
  const Row table[] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
  };
  for (const Row& row : table) {
    INFO(row.reference);
    CHECK(resolve_reference("http://a/b/c/d;p?q", row.reference) == row.want);
  }
}

TEST_CASE("reference: the abnormal examples of section 5.4.2") {
  const Row table[] = {
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/./x", "http://a/b/c/g#s/./x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
      {"http:g", "http:g"},  // strict
  };
  for (const Row& row : table) {
    INFO(row.reference);
    CHECK(resolve_reference("http://a/b/c/d;p?q", row.reference) == row.want);
  }
}

TEST_CASE("reference: bases without a path, empty parts, and what is no reference at all") {
  struct {
    std::string_view base, reference, want;
  } const table[] = {
      {"http://a", "g", "http://a/g"},
      {"http://a", "", "http://a"},
      {"http://a?q", "g", "http://a/g"},
      {"http://a?q", "", "http://a?q"},
      {"http://a?q#f", "#", "http://a?q#"},
      {"http://a/b?q", "?", "http://a/b?"},
      {"http://a/b#old", "c", "http://a/c"},
      {"http://a/b", "//h/../x", "http://h/x"},
      {"http://a/b", "//h:80?x", "http://h:80?x"},
      {"http://u@a:81/b", "c", "http://u@a:81/c"},
      {"http://a/b//c", "..", "http://a/b/"},
      {"http://a/b//c", "../d", "http://a/b/d"},
      {"http://a/b/", "x//../y", "http://a/b/x/y"},
      {"http://a/b", "HTTP://H/", "HTTP://H/"},
      {"http://a/b", "1a:b", "http://a/1a:b"},  // a scheme begins with a letter
      {"http://a/b", ":x", "http://a/:x"},
      {"http://a/b", "a/b:c", "http://a/a/b:c"},
      {"http://a/b", "x?http://y/", "http://a/x?http://y/"},
      {"http://a/b", "http:/..//evil/", "http:/.//evil/"},
      {"http://[::1]:80/b", "c", "http://[::1]:80/c"},
  };
  for (const auto& row : table) {
    INFO(row.base << " " << row.reference);
    CHECK(resolve_reference(row.base, row.reference) == row.want);
  }
}

TEST_CASE("reference: many dots cost one pass") {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "a/../";
  CHECK(resolve_reference("http://h/x/y", many) == "http://h/x/");
}
