// SPDX-License-Identifier: MIT
//
// part_reader.hpp -- who reads a body part by part?
//
// In: the body of a request. Out: part after part, its head and then its bytes, as they come. Holds
// a buffer of some 32 KiB, whatever the body's size. What is no multipart is HttpError 400, too
// many parts are 413.
#pragma once

#include "../error.hpp"    // HttpError
#include "../request.hpp"  // Body
#include "input.hpp"       // Input
#include "multipart.hpp"   // MultipartScanner
#include "part_head.hpp"   // PartHead, parse_part_head

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstring>      // std::memcpy
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class PartReader {
 public:
  using Found = MultipartStep::Found;

  PartReader(Body& body, std::string_view boundary, std::size_t max_parts)
      : body_(body), scanner_(boundary), max_parts_(max_parts) {}

  // Passes over what is left of the part before. False: there is none any more.
  bool next(PartHead& head) {
    piece_ = {};
    in_part_ = false;
    for (;;) {
      const MultipartStep step = look();
      if (step.found == Found::end) return false;
      if (step.found != Found::head) continue;
      if (++parts_ > max_parts_) fail({413, "multipart: too many parts"});
      if (const Verdict v = parse_part_head(step.piece, head); !v.ok()) fail(v);
      in_part_ = true;
      return true;
    }
  }

  // At least one byte of this part. Returns 0 at its end.
  std::size_t read(std::span<char> to) {
    if (to.empty()) return 0;
    while (in_part_ && piece_.empty()) {
      const MultipartStep step = look();
      if (step.found == Found::data)
        piece_ = step.piece;
      else
        in_part_ = false;
    }
    const std::size_t n = std::min(to.size(), piece_.size());
    if (n > 0) std::memcpy(to.data(), piece_.data(), n);
    piece_.remove_prefix(n);
    return n;
  }

  // All that is left of this part. Throws: HttpError 413 for more than limit bytes.
  std::string read_all(std::size_t limit) {
    std::string all;
    char some[4096];
    while (const std::size_t n = read(some)) {
      if (n > limit - all.size()) throw HttpError(413, "multipart: a part is too long");
      all.append(some, n);
    }
    return all;
  }

 private:
  static constexpr std::size_t receive_size = 16u << 10;

  [[noreturn]] void fail(Verdict verdict) {
    failure_ = verdict;
    throw HttpError(verdict.status, verdict.reason);
  }

  // The next thing in the body. Its piece is good until the next call.
  MultipartStep look() {
    if (!failure_.ok()) fail(failure_);
    for (;;) {
      const MultipartStep step = scanner_.next(input_.unread(), ended_);
      input_.consume(step.consumed);
      if (step.found == Found::bad) fail(step.verdict);
      if (step.found != Found::nothing) return step;
      const std::size_t n = body_.read(input_.room(receive_size));
      input_.filled(n);
      ended_ = n == 0;
    }
  }

  Body& body_;
  MultipartScanner scanner_;
  const std::size_t max_parts_;
  Input input_;
  std::string_view piece_;  // of this part's data, in input_, not read yet
  std::size_t parts_ = 0;
  Verdict failure_;       // once it has failed it goes on failing
  bool in_part_ = false;  // its end was not seen yet
  bool ended_ = false;    // the body
};

}  // namespace jot::inline v1::detail
