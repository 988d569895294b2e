// SPDX-License-Identifier: MIT
//
// accept_encoding_test.cpp -- how much is each coding wanted?
#include "jot/detail/accept_encoding.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

TEST_CASE("accept-encoding: weights of br, gzip and identity") {
  struct {
    std::vector<std::string_view> fields;
    int br, gzip, identity;
  } const table[] = {
      {{}, 0, 0, 1},
      {{""}, 0, 0, 1},
      {{"gzip"}, 0, 1000, 1},
      {{"gzip, deflate, br, zstd"}, 1000, 1000, 1},
      {{"gzip", "br"}, 1000, 1000, 1},
      {{"GZip;Q=0.5 , BR ; q=1.000"}, 1000, 500, 1},
      {{"x-gzip"}, 0, 1000, 1},
      {{"*"}, 1000, 1000, 1000},
      {{"*;q=0"}, 0, 0, 0},
      {{"*;q=0, identity"}, 0, 0, 1000},
      {{"br, *;q=0"}, 1000, 0, 0},
      {{"identity;q=0"}, 0, 0, 0},
      {{"identity;q=0, *;q=0.3"}, 300, 300, 0},
      {{"gzip;q=0"}, 0, 0, 1},
      {{"gzip;q=0.001"}, 0, 1, 1},
      {{"gzip;q=0.5, identity;q=0.8"}, 0, 500, 800},
      // Malformed weights: as if it had not been said.
      {{"gzip;q=2"}, 0, 0, 1},
      {{"gzip;q=1.001"}, 0, 0, 1},
      {{"gzip;q=0.0001"}, 0, 0, 1},
      {{"gzip;q=-1"}, 0, 0, 1},
      {{"gzip;q="}, 0, 0, 1},
      {{"gzip;q=.5"}, 0, 0, 1},
      {{"gzip;q=0.x"}, 0, 0, 1},
      {{"gzip;q=1."}, 0, 1000, 1},
      {{"gzip;level=9;q=0.2"}, 0, 200, 1},
      {{",,, gzip ,,"}, 0, 1000, 1},
      {{"gzipped, brr"}, 0, 0, 1},
  };
  for (auto& t : table) {
    jot::Header header;
    std::string shown;
    for (const std::string_view field : t.fields) {
      header.add("Accept-Encoding", field);
      (shown += field) += " | ";
    }
    INFO(shown);
    const auto got = jot::detail::accepted_codings(header);
    CHECK(got.br == t.br);
    CHECK(got.gzip == t.gzip);
    CHECK(got.identity == t.identity);
  }
}
