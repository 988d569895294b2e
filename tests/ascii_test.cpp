// SPDX-License-Identifier: MIT
//
// ascii_test.cpp -- every byte is of the kinds the grammar says, and owners close their fds.
#include "jot/detail/ascii.hpp"

#include "catch.hpp"
#include "jot/detail/fd.hpp"

#include <fcntl.h>   // ::fcntl
#include <unistd.h>  // ::pipe

#include <cctype>   // std::isalnum
#include <cstring>  // std::strchr
#include <string>   // std::string
#include <utility>  // std::move

using namespace jot::detail;

TEST_CASE("ascii: the kinds of all 256 bytes") {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    INFO("byte " << i);
    const bool alnum = i < 128 && std::isalnum(i) != 0;
    const auto one_of = [&](const char* set) { return i != 0 && std::strchr(set, i) != nullptr; };
    CHECK(is_a(c, byte_token) == (alnum || one_of("!#$%&'*+-.^_`|~")));
    CHECK(is_a(c, byte_value) == (i == '\t' || (i >= 0x20 && i != 0x7f)));
    CHECK(is_a(c, byte_digit) == (i >= '0' && i <= '9'));
    CHECK(is_digit(c) == is_a(c, byte_digit));
    CHECK(is_a(c, byte_hex) == one_of("0123456789abcdefABCDEF"));
    CHECK((hex_digit(c) >= 0) == is_a(c, byte_hex));
    CHECK(is_a(c, byte_unreserved) == (alnum || one_of("-._~")));
    CHECK(is_a(c, byte_target) == (i > 0x20 && i < 0x7f));
    CHECK(is_a(c, byte_host) == (alnum || one_of("-._~!$&'()*+,;=%")));
    CHECK(to_lower(c) == (i >= 'A' && i <= 'Z' ? static_cast<char>(i + 32) : c));
  }
}

TEST_CASE("ascii: hex digits have their values") {
  for (int v = 0; v < 16; ++v) {
    CHECK(hex_digit("0123456789abcdef"[v]) == v);
    CHECK(hex_digit("0123456789ABCDEF"[v]) == v);
  }
}

TEST_CASE("ascii: equal without regard to case, but only of letters") {
  CHECK(iequals("Content-Length", "cONTENT-lENGTH"));
  CHECK(iequals("", ""));
  CHECK_FALSE(iequals("a", "ab"));
  CHECK_FALSE(iequals("[", "{"));
  CHECK_FALSE(iequals("@", "`"));
  CHECK_FALSE(iequals("\xc4", "\xe4"));
}

TEST_CASE("ascii: lists are cut at commas and trimmed") {
  std::string_view list = " a ,,\tb,c ";
  CHECK(next_in_list(list) == "a");
  CHECK(next_in_list(list).empty());
  CHECK(next_in_list(list) == "b");
  CHECK(next_in_list(list) == "c");
  CHECK(list.empty());
  CHECK(list_has("keep-alive, Upgrade", "upgrade"));
  CHECK_FALSE(list_has("keep-alive, Upgrades", "upgrade"));
  CHECK_FALSE(list_has("", "upgrade"));
  CHECK(trim(" \t x y\t ") == "x y");
  CHECK(trim(" \t").empty());
}

TEST_CASE("ascii: tokens and values") {
  static_assert(is_token("GET") && !is_token("") && !is_token("a b"));
  static_assert(is_field_value("") && is_field_value("a\tb") && !is_field_value("a\nb"));
}

TEST_CASE("ascii: eight bytes at a time find the first byte, exactly") {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 8; ++at) {
      for (const char around : {'a', '\xff', '\x80', '\x7e', '\x20'}) {
        if (static_cast<unsigned char>(around) == c) continue;
        std::string word(8, around);
        word[at] = static_cast<char>(c);
        const auto marks = mark_equal(load8(word.data()), static_cast<unsigned char>(c));
        REQUIRE(marks != 0);
        REQUIRE(first_mark(marks) == at);
        const auto below = mark_below(load8(word.data()), 0x20);
        REQUIRE((below != 0) == (c < 0x20));
        if (below != 0) REQUIRE(first_mark(below) == at);
      }
    }
  }
  CHECK(mark_equal(load8("abcdefgh"), 'x') == 0);
}

TEST_CASE("ascii: what is shown in messages is harmless and short") {
  CHECK(printable("a b\r\n\x1b\xff") == "a b????");
  CHECK(printable(std::string(1000, 'x')).size() < 80);
}

namespace {
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }
}  // namespace

TEST_CASE("fd: the owner closes, once") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  {
    Fd a(ends[0]);
    Fd b(ends[1]);
    CHECK(a.get() == ends[0]);
    CHECK(a);
    Fd moved = std::move(a);
    CHECK_FALSE(a);
    CHECK(is_open(ends[0]));
    b = std::move(moved);
    CHECK_FALSE(is_open(ends[1]));
    CHECK(b.get() == ends[0]);
    Fd& self = b;
    b = std::move(self);
    CHECK(is_open(ends[0]));
  }
  CHECK_FALSE(is_open(ends[0]));
  CHECK_FALSE(Fd());
}

TEST_CASE("fd: release gives the duty away") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  Fd a(ends[0]), b(ends[1]);
  const int fd = Fd(a.release()).release();
  CHECK_FALSE(a);
  CHECK(is_open(fd));
  a.reset(fd);
  a.reset();
  CHECK_FALSE(is_open(fd));
}
