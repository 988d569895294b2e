// SPDX-License-Identifier: MIT
//
// form.cpp -- can an urlencoded form from a stranger come back changed, or a Content-Type confuse
// its reader?
//
// What is read and written again must be read as the same. Parameters that are found must be in the
// field.
#include "jot/form.hpp"

#include "jot/detail/media_type.hpp"
#include "jot/detail/urlencoded.hpp"

#include <algorithm>    // std::equal
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string_view>  // std::string_view

using namespace jot::detail;

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

void must_come_back(std::string_view text) try {
  const jot::Values values = parse_urlencoded(text, 100);
  must(values.size() <= 100);
  const jot::Values again = parse_urlencoded(values.encode(), 100);
  // "=" alone is a pair of two empty words, and is written so.
  must(std::equal(values.begin(), values.end(), again.begin(), again.end()));
} catch (const jot::HttpError& e) {
  must(e.status() == 400 || e.status() == 413);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  must_come_back(text);
  must(media_type(text).size() <= size);
  if (const auto parameters = Parameters::parse(text)) {
    const std::string* boundary = parameters->find("boundary");
    must(!boundary || boundary->size() < size);
  }
  return 0;
}
