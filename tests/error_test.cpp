// SPDX-License-Identifier: MIT
//
// error_test.cpp -- codes, Errors, Results and HttpErrors say what went wrong, and to whom.
#include "jot/error.hpp"

#include "catch.hpp"
#include "jot/header.hpp"

#include <memory>        // std::unique_ptr
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <system_error>  // std::system_error

TEST_CASE("each Errc has words of its own and belongs to jot") {
  struct {
    jot::Errc code;
    std::string_view words;
  } const table[] = {
      {jot::Errc::canceled, "canceled"},
      {jot::Errc::deadline_exceeded, "deadline exceeded"},
      {jot::Errc::connection_closed, "connection closed by the other side"},
      {jot::Errc::too_large, "too large"},
      {jot::Errc::bad_message, "bad message"},
      {jot::Errc::refused_by_policy, "refused by policy"},
  };
  for (const auto& row : table) {
    const std::error_code code = row.code;
    CHECK(code.message() == row.words);
    CHECK(std::string(code.category().name()) == "jot");
    CHECK(code == row.code);
    CHECK(code.value() != 0);
  }
}

TEST_CASE("Errc compares equal to the standard's conditions where there is one") {
  CHECK(std::error_code(jot::Errc::canceled) == std::errc::operation_canceled);
  CHECK(std::error_code(jot::Errc::deadline_exceeded) == std::errc::timed_out);
  CHECK(std::error_code(jot::Errc::too_large) != std::errc::timed_out);
}

TEST_CASE("an Error without a message takes that of its code") {
  CHECK(jot::Error(jot::Errc::too_large).message() == "too large");
  CHECK(jot::Error(jot::Errc::too_large, "GET http://a/: too large").message() ==
        "GET http://a/: too large");
}

TEST_CASE("an Error knows a timeout and a cancellation, ours and the system's") {
  CHECK(jot::Error(jot::Errc::deadline_exceeded).timeout());
  CHECK(jot::Error(std::make_error_code(std::errc::timed_out)).timeout());
  CHECK_FALSE(jot::Error(jot::Errc::canceled).timeout());
  CHECK(jot::Error(jot::Errc::canceled).canceled());
  CHECK_FALSE(jot::Error(std::make_error_code(std::errc::connection_refused)).canceled());
}

TEST_CASE("a Result holds a value") {
  jot::Result<std::string> r = std::string("yes");
  REQUIRE(r);
  CHECK(*r == "yes");
  CHECK(r->size() == 3);
  CHECK_FALSE(r.error().code());
  CHECK(std::move(r).value_or("no") == "yes");
}

TEST_CASE("a Result holds an Error, and taking the value throws its words") {
  jot::Result<std::string> r = jot::Error(jot::Errc::canceled, "GET http://a/: canceled");
  const jot::Result<std::string>& c = r;
  REQUIRE_FALSE(r);
  CHECK(r.error().message() == "GET http://a/: canceled");
  CHECK_THROWS_AS(*r, std::system_error);
  CHECK_THROWS_AS(*c, std::system_error);
  CHECK_THROWS_AS(r->size(), std::system_error);
  CHECK_THROWS_AS(c->size(), std::system_error);
  try {
    *r;
  } catch (const std::system_error& e) {
    CHECK(e.code() == jot::Errc::canceled);
    CHECK(std::string(e.what()).find("GET http://a/: canceled") != std::string::npos);
  }
  CHECK(std::move(r).value_or("no") == "no");
}

TEST_CASE("a Result can hold what only moves") {
  jot::Result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(r);
  CHECK(*taken == 7);
}

TEST_CASE("an HttpError carries status, message and fields, in copies too") {
  const jot::HttpError e{429, "slow down", {{"Retry-After", "5"}, {"X-Why", "rate"}}};
  const jot::HttpError copy = e;
  CHECK(copy.status() == 429);
  CHECK(std::string(copy.what()) == "slow down");
  CHECK(copy.header().get("retry-after") == "5");
  CHECK(copy.header().size() == 2);
  static_assert(std::is_nothrow_copy_constructible_v<jot::HttpError>);
}

TEST_CASE("an HttpError without a message says the status text, without fields it has none") {
  CHECK(std::string(jot::HttpError(404).what()) == "Not Found");
  CHECK(jot::HttpError(404).header().empty());
}

TEST_CASE("an HttpError is never a status that is no error") {
  for (const int status : {-1, 0, 100, 200, 299, 600, 1000})
    CHECK(jot::HttpError(status).status() == 500);
  for (const int status : {300, 303, 400, 599}) CHECK(jot::HttpError(status).status() == status);
}

TEST_CASE("an HttpError refuses a field that could split the response") {
  CHECK_THROWS_AS((jot::HttpError{400, "x", {{"A", "1\r\nB: 2"}}}), std::invalid_argument);
}
