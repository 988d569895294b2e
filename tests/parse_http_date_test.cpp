// SPDX-License-Identifier: MIT
//
// parse_http_date_test.cpp -- do dates come back as the second that they were made from?
#include "jot/detail/parse_http_date.hpp"
#include "jot/detail/http_date.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::detail::parse_http_date;

TEST_CASE("http date: what is written is read again") {
  jot::detail::HttpDate date;
  CHECK(date.at(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(date.at(253'402'300'800) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date.at(-62'167'219'201) == "Sat, 01 Jan 0000 00:00:00 GMT");
  for (const std::int64_t second :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{68'169'599}, std::int64_t{951'782'400},
        std::int64_t{951'868'799}, std::int64_t{1'709'164'800}, std::int64_t{4'107'542'399},
        std::int64_t{253'402'300'799}, std::int64_t{-1}, std::int64_t{-62'135'596'800}}) {
    INFO(second);
    CHECK(parse_http_date(date.at(second)) == second);
  }
  // Every day of a whole cycle of leap years.
  for (std::int64_t day = 0; day < 146'097; ++day)
    if (parse_http_date(date.at(day * 86'400 + 43'200)) != day * 86'400 + 43'200) FAIL(day);
}

TEST_CASE("http date: what is none is refused, whatever is cut off or added") {
  for (const std::string whole : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                  "Sun Nov  6 08:49:37 1994"}) {
    CHECK(parse_http_date(whole) == 784'111'777);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      INFO(whole.substr(0, size));
      CHECK_FALSE(parse_http_date(whole.substr(0, size)));
    }
    CHECK_FALSE(parse_http_date(whole + ' '));
    CHECK_FALSE(parse_http_date(' ' + whole));
    CHECK_FALSE(parse_http_date(whole + '\0'));
  }
  for (const char* text : {"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Oct 1994 08:49:37 GMT",
                           "Thu, 29 Feb 1900 00:00:00 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(parse_http_date(text));
  }
}
