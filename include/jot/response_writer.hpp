// SPDX-License-Identifier: MIT
//
// response_writer.hpp -- how does a handler answer?
//
// In: a status, header fields, bytes. Out: one response, framed as RFC 9112 §6 asks.
//
// What a handler writes is kept in a buffer. A response that ends within it leaves whole, with a
// Content-Length; one that grows past it, or is flushed, leaves in chunks as it is made. Until the
// first byte has left, everything can still be changed, or forgotten with reset().
// A writer belongs to one request and one thread; it is dead when the handler returns.
#pragma once

#include "config.hpp"
#include "header.hpp"  // Header
#include "text.hpp"    // Part, text

#include <cstddef>      // std::byte
#include <cstdint>      // std::uint64_t
#include <span>         // std::span
#include <string_view>  // std::string_view

namespace jot::inline v1 {

class Value;

// Sends what a writer holds back. Ask the writer for it: `if (auto* f = w.flusher()) f->flush();`
class Flusher {
 public:
  // Sends what is buffered, now, the head included. Blocks while the socket is full, within
  // ServerOptions::write_timeout and as long as the request's context() has not ended. Returns
  // false when the client is gone, or was given up.
  virtual bool flush() = 0;

 protected:
  ~Flusher() = default;
};

// The response to one request. Middleware wraps it: derive from WriterProxy.
class ResponseWriter {
 public:
  ResponseWriter() = default;
  ResponseWriter(const ResponseWriter&) = delete;
  ResponseWriter& operator=(const ResponseWriter&) = delete;
  virtual ~ResponseWriter() = default;

  // The response's fields. What is set counts until the first byte leaves.
  // Content-Length, if you set it, is held to: a body that differs cuts the connection.
  virtual Header& header() = 0;

  // Sets the status. Unlike Go's, it only records: the head leaves with the first byte of the body,
  // and until then header() and the status may change. A 1xx (103 Early Hints, RFC 8297) is sent at
  // once, with the fields set so far, and does not count as the status. 101 and what is not in
  // 100..999 throw std::invalid_argument. Ignored once committed().
  virtual void write_header(int status) = 0;

  // Appends to the body: the one function that a wrapper overrides to see all bytes.
  // Returns false when the client is gone, or was given up: stop working. May block while the
  // socket is full, as Flusher::flush().
  virtual bool write_bytes(std::string_view bytes) = 0;

  // Appends a part of a file to the body. file: a descriptor open for reading, which stays the
  // caller's. Here the bytes are read and given to write_bytes(), so that a wrapper sees them all;
  // a server's own writer lets the kernel send them, uncopied. A wrapper that only counts, or
  // delays, may forward it. Returns false when the client is gone. Throws: std::runtime_error when
  // the file ends before, or cannot be read: do not catch it, for the client must see the response
  // cut short.
  virtual bool write_file(int file, std::uint64_t offset, std::uint64_t length);

  // Where this writer cannot stream: nullptr. Lifetime: that of the writer.
  virtual Flusher* flusher() { return nullptr; }

  // The status as it stands: 200 unless set.
  virtual int status() const = 0;

  // Has the head left? Then status and fields are history.
  virtual bool committed() const = 0;

  // Bytes of body that the handler has written, sent or not.
  virtual std::uint64_t bytes_written() const = 0;

  // Forgets status, fields and body, so that another answer can be given.
  // Returns false, and does nothing, once committed().
  virtual bool reset() = 0;

  // Writes text, numbers, letters (char) and bools one after the other; see text().
  // Returns false when the client is gone.
  template <Part... Parts>
  bool write(const Parts&... parts) {
    if constexpr (sizeof...(Parts) == 1 && (TextLike<Parts> && ...)) return write_bytes(parts...);
    return write_bytes(text(parts...));
  }
  bool write(std::span<const std::byte> bytes);

  // Writes a value as JSON, with its Content-Type. Status: what write_header() said.
  bool json(const Value& value);
};

// Forwards everything to another writer: override what you change.
//
//     struct Shout final : jot::WriterProxy {
//       using WriterProxy::WriterProxy;
//       bool write_bytes(std::string_view s) override { return inner().write_bytes(upper(s)); }
//     };
class WriterProxy : public ResponseWriter {
 public:
  // Lifetime: inner must outlive the proxy.
  explicit WriterProxy(ResponseWriter& inner) : inner_(inner) {}

  Header& header() override;
  void write_header(int status) override;
  bool write_bytes(std::string_view bytes) override;
  Flusher* flusher() override;
  int status() const override;
  bool committed() const override;
  std::uint64_t bytes_written() const override;
  bool reset() override;

 protected:
  ResponseWriter& inner() const noexcept { return inner_; }

 private:
  ResponseWriter& inner_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/response_writer.ipp"
#endif
