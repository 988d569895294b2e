// SPDX-License-Identifier: MIT
//
// random_bytes.hpp -- what can nobody guess?
//
// Out: bytes of the kernel's generator, as good as keys. It waits only early in a machine's life.
#pragma once

#include <sys/random.h>  // getrandom

#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <string>        // std::string
#include <system_error>  // std::system_error

namespace jot::inline v1::detail {

// A signal may cut a request for more than 256 bytes short, or end one that waits: both go on.
inline std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t have = 0; have < count;) {
    const ssize_t n = getrandom(bytes.data() + have, count - have, 0);
    if (n < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "jot: getrandom");
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace jot::inline v1::detail
