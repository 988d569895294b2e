// SPDX-License-Identifier: MIT
//
// replace_file.hpp -- how does a file appear whole, or not at all?
//
// In: a path and bytes. The bytes go to a file beside it, which then takes its name: who opens the
// path meanwhile sees the old file or the new one, never half of it.
#pragma once

#include "base64.hpp"        // base64url_encode
#include "fd.hpp"            // Fd
#include "random_bytes.hpp"  // random_bytes
#include "spool.hpp"         // write_all, throw_errno

#include <fcntl.h>   // open
#include <stdio.h>   // rename
#include <unistd.h>  // unlink

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Permissions: 0666 less the umask. Throws: std::system_error that names the path.
inline void replace_file(const std::string& path, std::string_view bytes) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);  // with its slash, or ""
  const std::string beside = folder + ".jot-" + base64url_encode(random_bytes(12));
  const Fd file(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file) throw_errno(path);
  try {
    write_all(file.get(), bytes, path);
    if (rename(beside.c_str(), path.c_str()) != 0) throw_errno(path);
  } catch (...) {
    unlink(beside.c_str());
    throw;
  }
}

}  // namespace jot::inline v1::detail
