// SPDX-License-Identifier: MIT
//
// multipart.cpp -- can a body from a stranger confuse the reader of its parts?
//
// The first byte says in which pieces the rest arrives, the second whether the boundary is b or a
// longer one. However it is cut, the same parts must come out, or the same refusal; no part may
// hold a delimiter; and the name of a file must be one that can be put behind a folder's.
#include "jot/form.hpp"

#include "jot/detail/multipart.hpp"
#include "jot/detail/part_head.hpp"

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string>       // std::string
#include <string_view>  // std::string_view

using namespace jot::detail;

namespace {

using Found = MultipartStep::Found;

void must(bool holds) {
  if (!holds) __builtin_trap();
}

void check_head(std::string_view lines) {
  must(lines.size() <= max_part_head && lines.ends_with("\r\n"));
  PartHead head;
  if (!parse_part_head(lines, head).ok()) return;
  must(head.is_file == !head.file_name.empty());
  must(head.file_name != "." && head.file_name != "..");
  for (const char c : head.file_name) must(c != '/' && c != '\\' && c != '\0' && c != '\n');
}

// What comes out, in a form that can be compared.
std::string scan(std::string_view boundary, std::string_view body, std::size_t piece) {
  MultipartScanner scanner(boundary);
  std::string out, unread;
  for (;;) {
    const MultipartStep step = scanner.next(unread, body.empty());
    must(step.consumed <= unread.size());
    switch (step.found) {
      case Found::head: check_head(step.piece), out.append("\nhead ").append(step.piece); break;
      case Found::data: must(!step.piece.empty()), out += step.piece; break;
      case Found::part_end: out += "\nend"; break;
      case Found::end: return out + "\ndone";
      case Found::bad: return out + "\nbad";
      case Found::nothing: must(!body.empty() || step.consumed > 0); break;
    }
    unread.erase(0, step.consumed);
    if (step.found != Found::nothing) continue;
    unread += body.substr(0, piece);
    body.remove_prefix(std::min(piece, body.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view boundary = data[1] % 2 ? "b" : "-b--b-";
  const std::string whole = scan(boundary, body, body.size() + 1);
  const std::string cut = scan(boundary, body, data[0] + std::size_t{1});
  // A refused body may have come out to a different point, by its pieces.
  must(whole.ends_with("\nbad") ? cut.ends_with("\nbad") : whole == cut);
  return 0;
}
