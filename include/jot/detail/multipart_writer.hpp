// SPDX-License-Identifier: MIT
//
// multipart_writer.hpp -- how do fields and files travel in one body?
//
// In: names with values, bytes or files. Out: multipart/form-data (RFC 7578), as browsers write it,
// whose length is known before the first byte is sent. A file is opened when it is added, and read
// piece by piece when its turn comes: no more of it is ever in memory. Its size must stay what it
// was, or the length that was announced would be wrong: the reader throws then.
// Threads: a list of parts that is complete may be read by many readers at a time.
#pragma once

#include "../mime.hpp"       // mime_type
#include "ascii.hpp"         // is_a, is_field_value, printable
#include "base64.hpp"        // base64url_encode
#include "fd.hpp"            // Fd
#include "random_bytes.hpp"  // random_bytes

#include <fcntl.h>     // open
#include <sys/stat.h>  // fstat
#include <unistd.h>    // pread

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <memory>        // std::shared_ptr
#include <span>          // std::span
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move
#include <vector>        // std::vector

namespace jot::inline v1::detail {

// A regular file, open for reading.
class UploadFile {
 public:
  // Throws: std::system_error that names it.
  explicit UploadFile(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat s {};
    if (!fd_ || fstat(fd_.get(), &s) != 0) fail(errno, "");
    if (!S_ISREG(s.st_mode)) fail(S_ISDIR(s.st_mode) ? EISDIR : EINVAL, ": not a regular file");
    size_ = static_cast<std::uint64_t>(s.st_size);
  }

  std::uint64_t size() const noexcept { return size_; }

  // At least one byte, from before the end. Throws: std::system_error where it has become shorter.
  std::size_t read(std::uint64_t offset, std::span<char> to) const {
    for (;;) {
      const ssize_t n = pread(fd_.get(), to.data(), to.size(), static_cast<off_t>(offset));
      if (n > 0) return static_cast<std::size_t>(n);
      if (n == 0) fail(EIO, ": became shorter while it was sent");
      if (errno != EINTR) fail(errno, "");
    }
  }

  // Throws: std::system_error where it has another size than in the beginning.
  void check_size() const {
    struct stat s {};
    if (fstat(fd_.get(), &s) != 0) fail(errno, "");
    if (static_cast<std::uint64_t>(s.st_size) != size_)
      fail(EIO, ": changed its size while it was sent");
  }

 private:
  [[noreturn]] void fail(int error, const char* why) const {
    throw std::system_error(error, std::generic_category(), "jot: upload of " + path_ + why);
  }

  std::string path_;
  Fd fd_;
  std::uint64_t size_ = 0;
};

// The part of a path behind the last slash.
inline std::string_view base_name(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);
}

// A name in quotes, as browsers write it: percent signs are for these three, and for no others, not
// even for themselves. Throws: std::invalid_argument for control characters that no field can hold.
inline std::string quoted_form_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"')
      quoted += "%22";
    else if (c == '\r')
      quoted += "%0D";
    else if (c == '\n')
      quoted += "%0A";
    else if (is_a(c, byte_value))
      quoted += c;
    else
      throw std::invalid_argument("jot: control character in the name of a part: \"" +
                                  printable(name) + '"');
  }
  return quoted += '"';
}

// The parts of one body, in their order.
class MultipartWriter {
 public:
  // Of 192 random bits: nobody can put it into a file beforehand.
  MultipartWriter() : MultipartWriter("jot-" + base64url_encode(random_bytes(24))) {}
  explicit MultipartWriter(std::string boundary) : boundary_(std::move(boundary)) {}

  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }

  void add_field(std::string_view name, std::string_view value) {
    add({.head = head_of(name, ""), .bytes = std::string(value), .file = {}});
  }

  // type: "" is what the file's name says. Throws: std::invalid_argument for one that no field can
  // hold.
  void add_bytes(std::string_view name, std::string_view file_name, std::string_view bytes,
                 std::string_view type) {
    add({.head = head_of(name, file_fields(file_name, type)),
         .bytes = std::string(bytes),
         .file = {}});
  }

  // file_name: "" is the last part of the path. Throws: as add_bytes(), and std::system_error.
  void add_file(std::string_view name, const std::string& path, std::string_view type,
                std::string_view file_name) {
    if (file_name.empty()) file_name = base_name(path);
    std::string head = head_of(name, file_fields(file_name, type));
    add({.head = std::move(head), .bytes = {}, .file = std::make_shared<UploadFile>(path)});
  }

  // Of the whole body, in bytes.
  std::uint64_t length() const noexcept { return length_ + last_line().size(); }

 private:
  friend class MultipartReader;

  struct Part {
    std::string head;
    std::string bytes;                       // these, or those of the file
    std::shared_ptr<const UploadFile> file;  // shared with copies of the list
  };

  std::string head_of(std::string_view name, const std::string& more) const {
    return "--" + boundary_ + "\r\nContent-Disposition: form-data; name=" + quoted_form_name(name) +
           more + "\r\n\r\n";
  }

  static std::string file_fields(std::string_view file_name, std::string_view type) {
    if (type.empty()) type = mime_type(file_name);
    if (!is_field_value(type))
      throw std::invalid_argument("jot: control character in a type: \"" + printable(type) + '"');
    return "; filename=" + quoted_form_name(file_name) + "\r\nContent-Type: " + std::string(type);
  }

  void add(Part part) {
    length_ += part.head.size() + (part.file ? part.file->size() : part.bytes.size()) + 2;
    parts_.push_back(std::move(part));
  }

  std::string last_line() const { return "--" + boundary_ + "--\r\n"; }

  std::string boundary_;
  std::vector<Part> parts_;
  std::uint64_t length_ = 0;
};

// Reads the body from its beginning to its end, once.
class MultipartReader {
 public:
  explicit MultipartReader(std::shared_ptr<const MultipartWriter> body)
      : body_(std::move(body)), last_line_(body_->last_line()) {}

  // Fills the span. Returns: 0 at the end. Throws: std::system_error where a file cannot be read,
  // or has another size than in the beginning.
  std::size_t operator()(std::span<char> to) {
    std::size_t filled = 0;
    while (filled < to.size() && stage_ != Stage::end) filled += step(to.subspan(filled));
    return filled;
  }

 private:
  enum class Stage { head, content, line_end, last_line, end };

  std::size_t step(std::span<char> to) {
    if (stage_ == Stage::head && part_ == body_->parts_.size()) stage_ = Stage::last_line;
    switch (stage_) {
      case Stage::head: return copy(body_->parts_[part_].head, Stage::content, to);
      case Stage::content: return copy_content(body_->parts_[part_], to);
      case Stage::line_end: {
        const std::size_t n = copy("\r\n", Stage::head, to);
        part_ += stage_ == Stage::head;
        return n;
      }
      case Stage::last_line: return copy(last_line_, Stage::end, to);
      case Stage::end: break;
    }
    return 0;
  }

  std::size_t copy_content(const MultipartWriter::Part& part, std::span<char> to) {
    if (!part.file) return copy(part.bytes, Stage::line_end, to);
    const std::uint64_t left = part.file->size() - offset_;
    if (left == 0) {
      part.file->check_size();
      go_to(Stage::line_end);
      return 0;
    }
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, to.size()));
    const std::size_t n = part.file->read(offset_, to.first(most));
    offset_ += n;
    return n;
  }

  std::size_t copy(std::string_view from, Stage next, std::span<char> to) {
    const std::size_t n = from.copy(to.data(), to.size(), static_cast<std::size_t>(offset_));
    offset_ += n;
    if (offset_ == from.size()) go_to(next);
    return n;
  }

  void go_to(Stage next) {
    stage_ = next;
    offset_ = 0;
  }

  std::shared_ptr<const MultipartWriter> body_;
  std::string last_line_;
  Stage stage_ = Stage::head;
  std::size_t part_ = 0;
  std::uint64_t offset_ = 0;  // in what the stage is about
};

}  // namespace jot::inline v1::detail
