// SPDX-License-Identifier: MIT
//
// entity_tag.hpp -- has the client got these bytes already?
//
// In: what a handler writes, kept back while it is short. Out: the same with an ETag made of the
// bytes, or a 304 without them. What is flushed, or grows beyond the limit, passes unchanged.
#pragma once

#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // Flusher, WriterProxy
#include "conditional.hpp"         // field_has_entity_tag
#include "siphash.hpp"             // siphash

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

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

  // What is too long for a tag need not be seen.
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    if (!passes_ && length <= max_size_ - kept_.size())
      return WriterProxy::write_file(file, offset, length);
    return pass() && inner().write_file(file, offset, length);
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
      if (has_it_already(r)) return not_modified();
    }
    pass();
  }

 private:
  bool has_it_already(const Request& r) {
    return header().has("ETag") && field_has_entity_tag(r.header(), "If-None-Match",
                                                        header().get("ETag"), Comparison::weak);
  }

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
