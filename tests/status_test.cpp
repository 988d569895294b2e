// SPDX-License-Identifier: MIT
//
// status_test.cpp -- codes have the words of the registry, and only codes of the registry have any.
#include "jot/status.hpp"

#include "catch.hpp"

TEST_CASE("status texts follow the registry") {
  CHECK(jot::status_text(200) == "OK");
  CHECK(jot::status_text(103) == "Early Hints");
  CHECK(jot::status_text(308) == "Permanent Redirect");
  CHECK(jot::status_text(431) == "Request Header Fields Too Large");
  CHECK(jot::status_text(511) == "Network Authentication Required");
  for (const int status : {-1, 0, 99, 299, 306, 399, 419, 499, 509, 599, 600, 1 << 30}) {
    CHECK(jot::status_text(status).empty());
  }
}
