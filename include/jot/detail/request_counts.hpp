// SPDX-License-Identifier: MIT
//
// request_counts.hpp -- how many requests were there, of which kind, and how long did they take?
//
// In: one call of add() for each. Out: counters and histograms in the text format of Prometheus,
// https://prometheus.io/docs/instrumenting/exposition_formats/.
// One series for each pattern and method, sorted, so that it is found by halving; a status is
// looked for in the few that a series has. There are as many as there are routes, times the
// methods. Threads: it is for the caller to lock.
#pragma once

#include "../context.hpp"  // nanoseconds
#include "../text.hpp"     // text

#include <algorithm>    // std::max
#include <chrono>       // std::chrono::duration
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// A client may send any method: only the usual ones get a label of their own.
inline std::string_view method_label(std::string_view method) noexcept {
  for (const std::string_view usual :
       {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
    if (method == usual) return usual;
  return "other";
}

// pattern="GET /\"x\"": backslash, quote and line feed are escaped.
inline std::string label(std::string_view name, std::string_view value) {
  std::string to = text(name, "=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') to += '\\';
    c == '\n' ? to += "\\n" : to += c;
  }
  return to += '"';
}

// What stands above the samples of one metric.
inline std::string metric_head(std::string_view name, std::string_view type,
                               std::string_view help) {
  return text("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

class RequestCounts {
 public:
  void add(std::string_view pattern, std::string_view method, int status, nanoseconds took) {
    Series& series = find(pattern, method_label(method));
    count(series, status);
    took = std::max(took, nanoseconds::zero());
    series.took += took;
    for (std::size_t i = 0; i < bounds; ++i) {
      if (seconds(took) > upper_bounds[i].seconds) continue;
      ++series.buckets[i];
      break;
    }
    ++series.requests;
  }

  std::string text_format() const {
    std::string to = metric_head("http_requests_total", "counter", "Requests that were answered.");
    for (const Series& s : all_) write_counts(s, to);
    to += metric_head("http_request_duration_seconds", "histogram",
                      "From the first middleware to the end of the handler.");
    for (const Series& s : all_) write_histogram(s, to);
    return to;
  }

 private:
  struct Bound {
    double seconds;
    std::string_view label;
  };
  static constexpr Bound upper_bounds[] = {
      {0.0005, "0.0005"}, {0.001, "0.001"}, {0.0025, "0.0025"}, {0.005, "0.005"}, {0.01, "0.01"},
      {0.025, "0.025"},   {0.05, "0.05"},   {0.1, "0.1"},       {0.25, "0.25"},   {0.5, "0.5"},
      {1, "1"},           {2.5, "2.5"},     {5, "5"},           {10, "10"}};
  static constexpr std::size_t bounds = std::size(upper_bounds);

  struct StatusCount {
    int status;
    std::uint64_t requests;
  };

  struct Series {
    std::string pattern;
    std::string_view method;  // a literal
    std::vector<StatusCount> statuses = {};
    std::uint64_t buckets[bounds] = {};  // each by itself; they are summed up when they are told
    std::uint64_t requests = 0;
    nanoseconds took = nanoseconds::zero();
  };

  static double seconds(nanoseconds n) noexcept { return std::chrono::duration<double>(n).count(); }

  static bool before(const Series& s, std::string_view pattern, std::string_view method) noexcept {
    const int order = s.pattern.compare(pattern);
    return order != 0 ? order < 0 : s.method < method;
  }

  Series& find(std::string_view pattern, std::string_view method) {
    std::size_t low = 0, high = all_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (before(all_[middle], pattern, method))
        low = middle + 1;
      else
        high = middle;
    }
    const bool known =
        low < all_.size() && all_[low].pattern == pattern && all_[low].method == method;
    if (known) return all_[low];
    return *all_.insert(all_.begin() + static_cast<std::ptrdiff_t>(low),
                        Series{std::string(pattern), method});
  }

  static void count(Series& series, int status) {
    for (StatusCount& s : series.statuses)
      if (s.status == status) return ++s.requests, void();
    series.statuses.push_back({status, 1});
  }

  static std::string labels(const Series& s) {
    return text(label("method", s.method), ",", label("pattern", s.pattern));
  }

  static void write_counts(const Series& s, std::string& to) {
    for (const auto& [status, requests] : s.statuses)
      to += text("http_requests_total{", labels(s), ",status=\"", status, "\"} ", requests, "\n");
  }

  static void write_histogram(const Series& s, std::string& to) {
    constexpr std::string_view name = "http_request_duration_seconds";
    const std::string of = labels(s);
    std::uint64_t up_to_here = 0;
    for (std::size_t i = 0; i < bounds; ++i) {
      up_to_here += s.buckets[i];
      to += text(name, "_bucket{", of, ",le=\"", upper_bounds[i].label, "\"} ", up_to_here, "\n");
    }
    to += text(name, "_bucket{", of, ",le=\"+Inf\"} ", s.requests, "\n");
    to += text(name, "_sum{", of, "} ", seconds(s.took), "\n");
    to += text(name, "_count{", of, "} ", s.requests, "\n");
  }

  std::vector<Series> all_;  // sorted by pattern, then method
};

}  // namespace jot::inline v1::detail
