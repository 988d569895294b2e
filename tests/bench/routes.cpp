// SPDX-License-Identifier: MIT
//
// routes.cpp -- what does it cost to find one route among many? Prints "routes nanoseconds" lines,
// each the best of five rounds; routes_bench.go does the same with Go's ServeMux.
// Argument: look-ups per round.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "jot/router.hpp"
#include "jot/testing.hpp"

#include "jot/detail/request_state.hpp"  // RequestAccess: behind the contracts, which bring it up

namespace {

using Clock = std::chrono::steady_clock;

jot::Router router_of(int routes) {
  jot::Router app;
  for (int i = 0; i < routes; ++i) {
    app.get(jot::text("/api/v1/things", i, "/{id}", i % 2 ? "/edit" : ""), [] { return ""; });
  }
  jot::record(app, jot::request("GET", "/"));  // the first request closes the table
  return app;
}

std::vector<jot::Request> requests_for(int routes) {
  std::vector<jot::Request> requests;
  for (int i = 0; i < 1000; ++i) {
    const int route = i * 7919 % routes;
    requests.push_back(
        jot::request("GET", jot::text("/api/v1/things", route, "/", i, route % 2 ? "/edit" : "")));
  }
  return requests;
}

double best_of_five(const jot::Router& app, std::vector<jot::Request>& requests, int times) {
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < times; ++i) {
      jot::Request& r = requests[static_cast<std::size_t>(i) % requests.size()];
      jot::detail::RequestAccess::state(r).path_values.truncate(0);
      app.match(r);
    }
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    best = std::min(best, took.count() / times);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int times = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  for (const int routes : {10, 100, 1000, 10'000}) {
    const jot::Router app = router_of(routes);
    auto requests = requests_for(routes);
    std::printf("%d %.1f\n", routes, best_of_five(app, requests, times));
  }
}
