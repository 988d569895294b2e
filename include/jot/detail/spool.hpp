// SPDX-License-Identifier: MIT
//
// spool.hpp -- where does an uploaded file wait for its handler?
//
// In: bytes as they come. Out: all of them, as one view that can be shared.
//
//   1. They are kept in memory, as long as they are few.
//   2. Then they go to a temporary file that has no name: nobody else can open it, and it is gone
//      with its descriptor, also when the process dies. O_TMPFILE makes it so from the start; where
//      the file system cannot, it has a name for a moment.
//   3. At the end the file is mapped: the kernel reads and forgets its pages as need be.
#pragma once

#include "fd.hpp"            // Fd
#include "quiet_writes.hpp"  // QuietWrites

#include <fcntl.h>     // open, O_TMPFILE
#include <stdlib.h>    // mkostemp
#include <sys/mman.h>  // mmap, munmap
#include <unistd.h>    // write, unlink

#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <cstdlib>       // std::getenv
#include <memory>        // std::shared_ptr
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), "jot: " + what);
}

// All of them. Throws: std::system_error, when the disk is full among others.
inline void write_all(int fd, std::string_view bytes, const std::string& name) {
  QuietWrites quiet;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) quiet.note_failure(errno), throw_errno(name);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// A file that has a name only while it is made. Throws: std::system_error that names the folder.
inline Fd open_named_once(const std::string& folder) {
  std::string name = folder + "/jot-XXXXXX";
  Fd file(mkostemp(name.data(), O_CLOEXEC));
  if (!file || unlink(name.c_str()) != 0) throw_errno(folder);
  return file;
}

// A file without a name. Throws: as above.
inline Fd open_unnamed(const std::string& folder) {
  Fd file(open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // What kernels and file systems answer that know nothing of O_TMPFILE.
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return open_named_once(folder);
  throw_errno(folder);
}

// $TMPDIR; else /var/tmp, for /tmp is memory on many systems.
inline std::string default_spool_folder() {
  const char* chosen = std::getenv("TMPDIR");
  if (chosen && *chosen) return chosen;
  return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

// The bytes of a file, in memory or mapped. Threads: read by many at a time.
struct SpooledBytes {
  SpooledBytes() = default;
  SpooledBytes(const SpooledBytes&) = delete;
  SpooledBytes& operator=(const SpooledBytes&) = delete;
  ~SpooledBytes() {
    if (map) munmap(map, size);
  }

  std::string_view view() const noexcept {
    return map ? std::string_view(static_cast<const char*>(map), size) : memory;
  }

  std::string memory;
  Fd file;
  void* map = nullptr;
  std::size_t size = 0;  // of the map
};

class Spool {
 public:
  bool in_file() const noexcept { return static_cast<bool>(bytes_->file); }
  std::size_t in_memory() const noexcept { return bytes_->memory.size(); }

  // What is in memory goes to a file in that folder, and what is appended after it.
  void move_to_file(const std::string& folder) {
    folder_ = folder;
    bytes_->file = open_unnamed(folder);
    write_all(bytes_->file.get(), bytes_->memory, folder_);
    bytes_->size = bytes_->memory.size();
    std::string().swap(bytes_->memory);
  }

  void append(std::string_view more) {
    if (!in_file()) return void(bytes_->memory += more);
    write_all(bytes_->file.get(), more, folder_);
    bytes_->size += more.size();
  }

  // No more are appended.
  std::shared_ptr<const SpooledBytes> finish() && {
    if (in_file() && bytes_->size > 0) {
      void* map = mmap(nullptr, bytes_->size, PROT_READ, MAP_SHARED, bytes_->file.get(), 0);
      if (map == MAP_FAILED) throw_errno(folder_);
      bytes_->map = map;
    }
    return std::move(bytes_);
  }

 private:
  std::shared_ptr<SpooledBytes> bytes_ = std::make_shared<SpooledBytes>();
  std::string folder_;  // for what goes wrong
};

}  // namespace jot::inline v1::detail
