// SPDX-License-Identifier: MIT
//
// response_writer.ipp -- the bodies of response_writer.hpp.
#pragma once

#include "../json.hpp"  // to_json
#include "../response_writer.hpp"
#include "../value.hpp"  // Value

namespace jot::inline v1 {

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
