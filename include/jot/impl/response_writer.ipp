// SPDX-License-Identifier: MIT
//
// response_writer.ipp -- the bodies of response_writer.hpp.
#pragma once

#include "../json.hpp"  // to_json
#include "../response_writer.hpp"
#include "../value.hpp"  // Value

#include <unistd.h>  // pread

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <stdexcept>     // std::runtime_error
#include <system_error>  // std::system_error

namespace jot::inline v1 {

JOT_INLINE bool ResponseWriter::write_file(int file, std::uint64_t offset, std::uint64_t length) {
  char piece[16u << 10];
  while (length > 0) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(length, sizeof piece));
    const ssize_t n = pread(file, piece, most, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "jot: write_file");
    if (n == 0) throw std::runtime_error("jot: write_file: the file has become shorter");
    const auto got = static_cast<std::size_t>(n);
    if (!write_bytes({piece, got})) return false;
    offset += got, length -= got;
  }
  return true;
}

JOT_INLINE bool ResponseWriter::write(std::span<const std::byte> bytes) {
  return write_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

JOT_INLINE bool ResponseWriter::json(const Value& value) {
  header().set("Content-Type", "application/json");
  return write_bytes(to_json(value));
}

JOT_INLINE Header& WriterProxy::header() { return inner_.header(); }
JOT_INLINE void WriterProxy::write_header(int status) { inner_.write_header(status); }
JOT_INLINE bool WriterProxy::write_bytes(std::string_view bytes) {
  return inner_.write_bytes(bytes);
}
JOT_INLINE Flusher* WriterProxy::flusher() { return inner_.flusher(); }
JOT_INLINE int WriterProxy::status() const { return inner_.status(); }
JOT_INLINE bool WriterProxy::committed() const { return inner_.committed(); }
JOT_INLINE std::uint64_t WriterProxy::bytes_written() const { return inner_.bytes_written(); }
JOT_INLINE bool WriterProxy::reset() { return inner_.reset(); }

}  // namespace jot::inline v1
