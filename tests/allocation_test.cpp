// SPDX-License-Identifier: MIT
//
// allocation_test.cpp -- what must not allocate, does it?
//
// The one file of the suite that replaces operator new, to count.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "catch.hpp"
#include "jot/router.hpp"
#include "jot/testing.hpp"

#include "jot/detail/request_state.hpp"  // RequestAccess: behind the contracts, which bring it up

namespace {

std::size_t& allocations() {
  static thread_local std::size_t count = 0;
  return count;
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations();
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations();
  return std::malloc(size ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

TEST_CASE("a Router matches without allocating, once a Request has been used") {
  jot::Router inner;
  inner.get("/{id}", [] { return "x"; });
  jot::Router app;
  app.get("/posts/{id}/comments/{comment:int}", [] { return "x"; });
  app.get("/files/{path...}", [] { return "x"; });
  app.get("example.org/static/", [] { return "x"; });
  for (int i = 0; i < 1000; ++i) app.get(jot::text("/many/r", i), [] { return "x"; });
  app.mount("/m", inner);
  jot::record(app, jot::request("GET", "/m/x"));

  for (std::string target :
       {"/posts/a-rather-long-id-that-fits-nowhere/comments/123456789012345678", "/many/r777",
        "/posts/%41%42%43%44%45%46%47%48%49%50%51%52%53%54%55/comments/"
        "%31%32%33%34%35%36%37%38%39%30%31%32%33%34%35%36%37",
        "/files/some/path/that/is/long/enough/to/need/memory", "http://example.org/static/a/b",
        "/m/x", "/none/of/these", "/posts", "/files", "//unclean", "/many/r1000"}) {
    auto r = jot::request("GET", target);
    const auto again = [&] {
      jot::detail::RequestAccess::state(r).path_values.truncate(0);
      app.match(r);
    };
    again();  // now the Request has strings of that length
    const std::size_t before = allocations();
    for (int i = 0; i < 10; ++i) again();
    const std::size_t after = allocations();
    INFO(target);
    CHECK(after == before);
  }
}

}  // namespace
