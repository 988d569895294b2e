// SPDX-License-Identifier: MIT
//
// serve_content.hpp -- the life of an answer that is a file.
//
//   1. Its validators go into the header, and are compared with the request's conditions: the
//      client has it already (304), or means another version (412).
//   2. Its type is found, by name or by content.
//   3. A Range that is still meant, of a GET, cuts it: into one part, into several, or there is
//      nothing at that place (416).
//   4. What is left of it is written.
//
// In: a content, and how it is to be called. Out: the whole response.
#pragma once

#include "../mime.hpp"             // mime_type, sniff_content_type
#include "../request.hpp"          // Request
#include "../response_writer.hpp"  // ResponseWriter
#include "base64.hpp"              // base64url_encode
#include "byte_ranges.hpp"         // parse_byte_ranges
#include "conditional.hpp"         // check_preconditions
#include "error_page.hpp"          // answer_error
#include "file_content.hpp"        // FileContent
#include "http_date.hpp"           // HttpDate
#include "random_bytes.hpp"        // random_bytes

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <ctime>        // std::time
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct ContentTerms {
  std::string_view name;         // what tells the type
  std::string_view coding = {};  // Content-Encoding; "": none
  std::string_view cache_control = {};
};

inline std::string content_range(const ByteRange& range, std::uint64_t size) {
  return text("bytes ", range.start, "-", range.start + range.length - 1, "/", size);
}

// multipart/byteranges (RFC 9110 §14.6): every part has a head, and the boundary stands between.
class MultipartRanges {
 public:
  MultipartRanges(const std::vector<ByteRange>& ranges, std::string_view type, std::uint64_t size)
      : ranges_(ranges) {
    boundary_ = base64url_encode(random_bytes(16));  // so that it cannot be in the content
    for (const ByteRange& range : ranges) {
      heads_.push_back(text(heads_.empty() ? "--" : "\r\n--", boundary_, "\r\nContent-Range: ",
                            content_range(range, size), "\r\nContent-Type: ", type, "\r\n\r\n"));
      length_ += heads_.back().size() + range.length;
    }
    end_ = text("\r\n--", boundary_, "--\r\n");
    length_ += end_.size();
  }

  std::string type() const { return "multipart/byteranges; boundary=" + boundary_; }
  std::uint64_t length() const noexcept { return length_; }

  void write(ResponseWriter& w, const FileContent& content) const {
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (!w.write_bytes(heads_[i])) return;
      if (!content.write(w, ranges_[i].start, ranges_[i].length)) return;
    }
    w.write_bytes(end_);
  }

 private:
  const std::vector<ByteRange>& ranges_;
  std::vector<std::string> heads_;
  std::string boundary_, end_;
  std::uint64_t length_ = 0;
};

class ContentAnswer {
 public:
  ContentAnswer(ResponseWriter& w, Request& r, const FileContent& content) noexcept
      : w_(w), r_(r), content_(content), header_(w.header()) {}

  void run(const ContentTerms& terms) {
    const bool unconditional = w_.status() != 200;  // an error page
    if (!unconditional) {
      describe(terms);
      if (!meets_conditions()) return;
    }
    set_type(terms);
    RangeAnswer ranges;
    if (!unconditional && r_.method() == "GET" && r_.header().has("Range") &&
        range_still_meant(r_.header(), content_.validators))
      ranges = parse_byte_ranges(r_.header().get("Range"), content_.size);
    if (ranges.kind == RangeAnswer::unsatisfiable) return refuse_range();
    if (ranges.kind == RangeAnswer::whole) return send({0, content_.size});
    w_.write_header(206);
    if (ranges.ranges.size() > 1) return send_parts(ranges.ranges);
    header_.set("Content-Range", content_range(ranges.ranges[0], content_.size));
    send(ranges.ranges[0]);
  }

 private:
  void describe(const ContentTerms& terms) {
    const Validators& v = content_.validators;
    header_.set("ETag", v.etag).set("Accept-Ranges", "bytes");
    // A date to come, of a clock that was wrong, becomes today's (RFC 9110 §8.8.2.1).
    const std::int64_t now = std::time(nullptr);
    if (v.modified != 0) header_.set("Last-Modified", HttpDate().at(std::min(v.modified, now)));
    if (!terms.cache_control.empty() && !header_.has("Cache-Control"))
      header_.set("Cache-Control", terms.cache_control);
  }

  bool meets_conditions() {
    switch (check_preconditions(r_.header(), content_.validators)) {
      case Precondition::holds: return true;
      case Precondition::failed: refuse(412, "this is another version"); return false;
      case Precondition::not_modified: break;
    }
    for (const auto* name : {"Content-Type", "Content-Length", "Content-Encoding", "Accept-Ranges"})
      header_.remove(name);
    header_.remove("Last-Modified");  // the tag says it better (RFC 9110 §15.4.5)
    w_.write_header(304);
    return false;
  }

  void set_type(const ContentTerms& terms) {
    if (!terms.coding.empty()) header_.set("Content-Encoding", terms.coding);
    if (header_.has("Content-Type")) return;
    std::string_view type = mime_type(terms.name);
    // What is coded cannot be looked into.
    if (type == "application/octet-stream" && terms.coding.empty()) {
      front_ = content_.front(front_bytes_);
      type = sniff_content_type(front_);
    }
    header_.set("Content-Type", type);
  }

  void refuse_range() {
    header_.set("Content-Range", text("bytes */", content_.size));
    header_.remove("Content-Type").remove("Content-Encoding");
    refuse(416, "no such range");
  }

  // The page that says so is not the file, and must not be kept for as long.
  void refuse(int status, std::string_view why) {
    header_.remove("ETag").remove("Last-Modified").remove("Cache-Control");
    answer_error(w_, r_, status, why);
  }

  // The length is said also for a HEAD, which gets no more.
  void send(const ByteRange& range) {
    header_.set("Content-Length", range.length);
    if (r_.method() == "HEAD" || range.length == 0) return;
    if (range.start + range.length <= front_.size())
      w_.write_bytes(front_.substr(range.start, range.length));
    else
      content_.write(w_, range.start, range.length);
  }

  void send_parts(const std::vector<ByteRange>& ranges) {
    const MultipartRanges parts(ranges, header_.get("Content-Type"), content_.size);
    header_.set("Content-Type", parts.type()).set("Content-Length", parts.length());
    parts.write(w_, content_);
  }

  ResponseWriter& w_;
  Request& r_;
  const FileContent& content_;
  Header& header_;
  std::string_view front_ = {};  // what was read to tell the type: of a small file, all
  char front_bytes_[2048];
};

inline void serve_content(ResponseWriter& w, Request& r, const FileContent& content,
                          const ContentTerms& terms) {
  ContentAnswer(w, r, content).run(terms);
}

}  // namespace jot::inline v1::detail
