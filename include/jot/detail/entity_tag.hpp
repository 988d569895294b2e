// SPDX-License-Identifier: MIT
//
// entity_tag.hpp -- has the client got these bytes already?
//
// In: what a handler writes, kept back while it is short. Out: the same with an ETag made of the
// bytes, or a 304 without them. What is flushed, or grows beyond the limit, passes unchanged.
#pragma once

#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // Flusher, WriterProxy
#include "ascii.hpp"               // is_space
#include "siphash.hpp"             // siphash

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Does this value of If-None-Match name that tag? Compared weakly: W/ does not count. A list that
// is malformed is read up to there. See RFC 9110 section 8.8.3.
inline bool names_tag(std::string_view list, std::string_view tag) noexcept {
  if (trim(list) == "*") return true;
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  for (;;) {
    while (!list.empty() && (is_space(list.front()) || list.front() == ',')) list.remove_prefix(1);
    if (list.starts_with("W/")) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const std::size_t end = list.find('"', 1);
    if (end == list.npos) return false;
    if (list.substr(0, end + 1) == tag) return true;
    list.remove_prefix(end + 1);
  }
}

inline bool has_matching_tag(const Request& r, std::string_view tag) {
  for (std::string_view list : r.header().all("If-None-Match")) {
    if (names_tag(list, tag)) return true;
  }
  return false;
}

// Strong: 128 bits of the bytes, the same on all machines.
inline std::string tag_of(std::string_view bytes) {
  constexpr char hex[] = "0123456789abcdef";
  std::string tag = "\"";
  for (const std::uint64_t half : {siphash(bytes, {0, 0}), siphash(bytes, {1, 1})}) {
    for (int shift = 60; shift >= 0; shift -= 4) tag += hex[half >> shift & 0xf];
  }
  return tag += '"';
}

class TaggingWriter final : public WriterProxy, private Flusher {
 public:
  TaggingWriter(ResponseWriter& w, std::size_t max_size) : WriterProxy(w), max_size_(max_size) {}

  bool write_bytes(std::string_view bytes) override {
    if (!passes_ && kept_.size() + bytes.size() <= max_size_) return kept_ += bytes, true;
    return pass() && inner().write_bytes(bytes);
  }

  Flusher* flusher() override { return inner().flusher() ? this : nullptr; }

  std::uint64_t bytes_written() const override { return inner().bytes_written() + kept_.size(); }

  bool reset() override {
    if (!inner().reset()) return false;
    kept_.clear(), passes_ = false;
    return true;
  }

  // The handler has returned.
  void finish(const Request& r) {
    if (passes_ || inner().committed()) return void(pass());
    const bool is_head = r.method() == "HEAD";
    if (status() == 200 && (r.method() == "GET" || is_head)) {
      // A handler may leave out the body of HEAD: what it would be is not known then.
      if (!header().has("ETag") && !(is_head && kept_.empty())) header().set("ETag", tag_of(kept_));
      if (header().has("ETag") && has_matching_tag(r, header().get("ETag"))) return not_modified();
    }
    pass();
  }

 private:
  // From now on, everything goes straight through.
  bool pass() {
    passes_ = true;
    if (kept_.empty()) return true;
    const std::string kept = std::move(kept_);
    kept_.clear();
    return inner().write_bytes(kept);
  }

  bool flush() override { return pass() && inner().flusher()->flush(); }

  // What describes the bytes goes with them. See RFC 9110 section 15.4.5.
  void not_modified() {
    for (auto name : {"Content-Encoding", "Content-Length", "Content-Type", "Last-Modified"})
      header().remove(name);
    kept_.clear();
    write_header(304);
  }

  const std::size_t max_size_;
  bool passes_ = false;
  std::string kept_;
};

}  // namespace jot::inline v1::detail
