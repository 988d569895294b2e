// SPDX-License-Identifier: MIT
//
// cookie.cpp -- can a Cookie field from a stranger confuse the parser, or pass for a signed one?
//
// What is read must obey the grammar, be set and read again unchanged, and never verify. The same
// bytes as name and value of a cookie of ours must be refused, or make one field, that says the
// same.
#include "jot/cookie.hpp"

#include "jot/detail/parse_cookies.hpp"
#include "jot/detail/print_cookie.hpp"
#include "jot/detail/sign_cookie.hpp"

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

using namespace jot::detail;

namespace {

void must(bool holds) {
  if (!holds) __builtin_trap();
}

// What a browser would bring back of it, read again.
void must_come_back(std::string_view name, std::string_view value) {
  jot::Cookie cookie{.name = std::string(name), .value = std::string(value)};
  std::string field;
  try {
    field = print_cookie(cookie);
  } catch (const std::invalid_argument&) {
    return;
  }
  must(is_token(name) && is_cookie_value(value) && is_field_value(field));
  jot::Values again;
  parse_cookies(std::string_view(field).substr(0, field.find(';')), again);
  must(again.size() == 1 && again.begin()->first == name && again.begin()->second == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view name = bytes.substr(0, bytes.find('\n'));
  const std::string_view value = bytes.substr(std::min(size, name.size() + 1));
  must_come_back(name, value);
  const std::vector<std::string> keys(1, std::string(32, 'k'));
  must(!verify_cookie(keys, "s", bytes, 0));
  const auto signed_value = verify_cookie(keys, name, sign_cookie(keys[0], name, value, 1), 0);
  must(signed_value && *signed_value == value);
  jot::Values cookies;
  try {
    parse_cookies(bytes, cookies);
  } catch (const jot::HttpError& e) {
    must(e.status() == 431 && cookies.size() == max_cookies);
  }
  for (const auto& [n, v] : cookies) {
    must(is_token(n) && is_cookie_value(v));
    if (n.size() + v.size() <= 4096 && !n.starts_with("__")) must_come_back(n, v);
  }
  return 0;
}
