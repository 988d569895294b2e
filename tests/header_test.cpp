// SPDX-License-Identifier: MIT
//
// header_test.cpp -- a Header finds, keeps, refuses and copies fields; no view of it ever dangles.
#include "jot/header.hpp"

#include "catch.hpp"
#include "jot/detail/arena.hpp"
#include "jot/detail/header_access.hpp"

#include <cstdint>      // INT64_MIN, UINT64_MAX
#include <memory>       // std::make_unique
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

using jot::Header;
using jot::detail::HeaderAccess;
using namespace std::string_view_literals;

namespace {

std::string dump(const Header& h) {
  std::string all;
  for (const jot::Field& f : h) all.append(f.name).append("=").append(f.value).append(";");
  return all;
}

}  // namespace

TEST_CASE("Header: lookups do not look at case, names keep theirs") {
  const Header h{{"Content-Type", "text/html"}, {"X-a", "1"}};
  CHECK(h.get("content-type") == "text/html");
  CHECK(h.get("CONTENT-TYPE") == "text/html");
  CHECK(h.has("x-A"));
  CHECK_FALSE(h.has("x-b"));
  CHECK(h.get("x-b").empty());
  CHECK(dump(h) == "Content-Type=text/html;X-a=1;");
}

TEST_CASE("Header: one pair of braces more or less means the same") {
  struct Options {
    Header header = {};
  };
  const Options o{.header = {{"A", "b"}}};
  CHECK(dump(o.header) == "A=b;");
  const Header two = {{"A", "b"}, {"C", "d"}};
  CHECK(dump(two) == "A=b;C=d;");
}

TEST_CASE("Header: set replaces in place and drops the other fields of the name") {
  Header h{{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}};
  h.set("a", "5");
  CHECK(dump(h) == "a=5;B=2;C=4;");
  h.set("D", "6");
  CHECK(dump(h) == "a=5;B=2;C=4;D=6;");
}

TEST_CASE("Header: add, all and remove keep the order of arrival, and chain") {
  Header h;
  h.add("Vary", "Accept").add("X", "1").add("vary", "Cookie");
  CHECK(h.get("Vary") == "Accept");
  CHECK(h.all("VARY") == std::vector<std::string_view>{"Accept", "Cookie"});
  CHECK(h.all("nothing").empty());
  CHECK(dump(h.remove("VARY").remove("absent")) == "X=1;");
  CHECK(h.size() == 1);
  CHECK_FALSE(h.empty());
}

TEST_CASE("Header: takes whole numbers of every type") {
  Header h;
  CHECK(h.set("N", 42).get("N") == "42");
  CHECK(h.set("N", -7L).get("N") == "-7");
  CHECK(h.set("N", static_cast<unsigned char>(200)).get("N") == "200");
  CHECK(h.set("N", INT64_MIN).get("N") == "-9223372036854775808");
  CHECK(h.set("N", UINT64_MAX).get("N") == "18446744073709551615");
}

TEST_CASE("Header: blanks around a value are dropped, inside they stay") {
  Header h;
  CHECK(h.set("A", " \t b\tc  d \t").get("A") == "b\tc  d");
  CHECK(h.set("A", " ").get("A").empty());
  CHECK(h.has("A"));
}

TEST_CASE("Header: refuses names that are no tokens, and changes nothing") {
  Header h{{"A", "1"}};
  for (const std::string_view name :
       {""sv, " "sv, "a b"sv, "a:"sv, "a\r\n"sv, "a\0"sv, "\xc3\xa4"sv, "a/b"sv, "(a)"sv, "a "sv}) {
    CHECK_THROWS_AS(h.set(name, "x"), std::invalid_argument);
    CHECK_THROWS_AS(h.add(name, "x"), std::invalid_argument);
    CHECK_THROWS_AS((Header{{name, "x"}}), std::invalid_argument);
  }
  CHECK(dump(h) == "A=1;");
}

TEST_CASE("Header: refuses every control character but the tab in a value, and names the field") {
  Header h{{"A", "1"}};
  for (int c = 0; c < 256; ++c) {
    const std::string value = std::string("x") + static_cast<char>(c) + "y";
    const bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
    INFO("byte " << c);
    if (bad) {
      CHECK_THROWS_AS(h.set("A", value), std::invalid_argument);
      CHECK_THROWS_AS(h.add("A", value), std::invalid_argument);
    } else {
      CHECK(Header{{"B", value}}.get("B") == value);
    }
  }
  CHECK(dump(h) == "A=1;");
  CHECK_THROWS_WITH(h.set("X-Name", "a\nb"), Catch::Contains("X-Name"));
}

TEST_CASE("Header: a name in an error message can do no harm itself") {
  CHECK_THROWS_WITH(Header().set("a\r\nb\x1b[31m", "x"), Catch::Contains("a??b?[31m"));
  CHECK_THROWS_WITH(Header().set(std::string(5000, ' '), "x"), Catch::Contains("..."));
}

TEST_CASE("Header: a value may be a view into the same Header") {
  Header h{{"A", "first"}, {"B", "second"}};
  h.set("A", h.get("B"));
  h.set("B", h.get("B"));
  h.add("C", h.get("A")).set("A", h.get("A").substr(1, 3));
  h.set(h.begin()->name, "by its own name");
  CHECK(dump(h) == "A=by its own name;B=second;C=second;");
  h.remove(h.begin()->name);
  CHECK(dump(h) == "B=second;C=second;");
}

TEST_CASE("Header: setting one field for ever keeps the memory small") {
  Header h{{"Keep", "me"}};
  const std::string value(100, 'v');
  for (int i = 0; i < 100'000; ++i) {
    h.set("X", value).set("Y", h.get("X"));
    REQUIRE(HeaderAccess::bytes_kept(h) < 16'000);
  }
  CHECK(h.get("Keep") == "me");
  CHECK(h.get("X") == value);
  CHECK(h.get("Y") == value);
  CHECK(h.size() == 3);
}

TEST_CASE("Header: a copy owns its bytes, wherever the original's came from") {
  Header copy, assigned;
  {
    std::string foreign = "name: value";
    Header h{{"Own", "bytes"}};
    HeaderAccess::add_view(h, std::string_view(foreign).substr(0, 4),
                           std::string_view(foreign).substr(6));
    copy = Header(h);
    assigned = h;
    foreign.assign(foreign.size(), '#');
    h.set("Own", "changed");
  }
  CHECK(dump(copy) == "Own=bytes;name=value;");
  CHECK(dump(assigned) == "Own=bytes;name=value;");
  const Header& self = copy;
  copy = self;
  CHECK(dump(copy) == "Own=bytes;name=value;");
}

TEST_CASE("Header: views stay good when it is moved, and the moved-from one can be used") {
  auto from = std::make_unique<Header>();
  from->set("A", "kept").set("B", std::string(2000, 'b'));
  const std::string_view a = from->get("A"), b = from->get("B");
  Header to = std::move(*from);
  CHECK(from->empty());
  from->set("C", "again");
  CHECK(dump(*from) == "C=again;");
  from.reset();
  CHECK(a == "kept");
  CHECK(a.data() == to.get("A").data());
  CHECK(b.data() == to.get("B").data());
  Header last;
  last.set("Z", "z");
  last = std::move(to);
  CHECK(a.data() == last.get("A").data());
}

TEST_CASE("Header: the parser's door copies nothing, and clear keeps the memory") {
  const std::string bytes = "Host: a";
  Header h;
  for (int round = 0; round < 3; ++round) {
    HeaderAccess::clear(h);
    CHECK(h.empty());
    HeaderAccess::add_view(h, std::string_view(bytes).substr(0, 4),
                           std::string_view(bytes).substr(6));
    CHECK(h.get("host").data() == bytes.data() + 6);
    h.set("Own", "value");
    CHECK(dump(h) == "Host=a;Own=value;");
  }
}

TEST_CASE("Arena: addresses stay as it grows; cleared, it uses its largest block again") {
  jot::detail::Arena arena;
  std::vector<std::string_view> views;
  for (std::size_t n = 0; n < 2000; ++n)
    views.push_back(arena.keep(std::string(n % 50, static_cast<char>('a' + n % 26))));
  for (std::size_t n = 0; n < views.size(); ++n)
    REQUIRE(views[n] == std::string(n % 50, static_cast<char>('a' + n % 26)));
  arena.clear();
  CHECK(arena.used() == 0);
  const char* const first = arena.keep("x").data();
  for (int round = 0; round < 10; ++round) {
    arena.clear();
    CHECK(arena.keep(std::string(4000, 'y')).data() == first);
  }
}

TEST_CASE("Arena: one huge value is not kept for ever") {
  jot::detail::Arena arena;
  CHECK(arena.keep(std::string(1 << 20, 'x')).size() == 1 << 20);
  arena.clear();
  CHECK(arena.keep("small") == "small");
  CHECK(arena.used() == 5);
}
