// SPDX-License-Identifier: MIT
//
// file_content.hpp -- what is in a file, wherever it lies?
//
// In: an open descriptor, or bytes of the program. Out: size and validators, and any part of it
// written to a client.
#pragma once

#include "../response_writer.hpp"  // ResponseWriter
#include "conditional.hpp"         // Validators
#include "fd.hpp"                  // Fd

#include <sys/stat.h>  // fstat
#include <unistd.h>    // pread

#include <charconv>     // std::to_chars
#include <cstdint>      // std::uint64_t
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct FileContent {
  Fd fd = {};                   // either this ...
  std::string_view bytes = {};  // ... or these
  std::uint64_t size = 0;
  Validators validators = {};

  // False: the client is gone. Throws as ResponseWriter::write_file().
  bool write(ResponseWriter& w, std::uint64_t offset, std::uint64_t length) const {
    return fd ? w.write_file(fd.get(), offset, length)
              : w.write_bytes(bytes.substr(offset, length));
  }

  // Its first bytes, in `to` if they do not lie in memory anyway. Returns: "" if it can't be read.
  std::string_view front(std::span<char> to) const noexcept {
    if (!fd) return bytes.substr(0, to.size());
    const ssize_t n = pread(fd.get(), to.data(), to.size(), 0);
    return {to.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  }
};

inline void append_hex(std::string& out, std::uint64_t n) {
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n, 16).ptr);
}

// A strong tag: content does not change without one of the three.
inline std::string entity_tag(std::uint64_t version, std::uint64_t size, std::uint64_t inode) {
  std::string tag = "\"";
  append_hex(tag, version), tag += '-', append_hex(tag, size);
  if (inode != 0) tag += '-', append_hex(tag, inode);
  return tag += '"';
}

// What is open there, by what fstat() says of it.
inline FileContent file_content(Fd fd, const struct stat& s) {
  const auto ns = static_cast<std::uint64_t>(s.st_mtim.tv_sec) * 1'000'000'000 +
                  static_cast<std::uint64_t>(s.st_mtim.tv_nsec);
  const auto size = static_cast<std::uint64_t>(s.st_size);
  return {.fd = std::move(fd),
          .size = size,
          .validators = {entity_tag(ns, size, static_cast<std::uint64_t>(s.st_ino)),
                         s.st_mtim.tv_sec > 0 ? s.st_mtim.tv_sec : 0}};
}

}  // namespace jot::inline v1::detail
