// SPDX-License-Identifier: MIT
//
// form.hpp -- what has somebody filled in, and which files come with it?
//
// In: the body of a request, urlencoded or multipart (RFC 7578). Out: fields and files; whole, by
// r.form(), or part by part as the bytes come, by a Multipart, which keeps nothing.
//
//     const jot::Form& form = r.form();                    // 400, 413, 415 if it is none
//     const std::string& title = form.get("title");
//     if (const jot::FormFile* photo = form.file("photo")) photo->save_to("photos/" + id);
//
// What comes from a client is whatever the client likes: a file's name and type are claims.
#pragma once

#include "config.hpp"
#include "request.hpp"  // Request, Body
#include "url.hpp"      // Values

#include <cstddef>      // std::size_t
#include <memory>       // std::shared_ptr, std::unique_ptr
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1 {

namespace detail {
struct SpooledBytes;
struct FormAccess;
class PartReader;
}  // namespace detail

// How much of a form is kept, and where. The body as a whole is held to r.body().set_limit(), else
// to ServerOptions::max_body.
struct FormOptions {
  // Bytes of the value of one field of a multipart form: more is 413.
  std::size_t max_field = 1u << 20;

  // Fields and files together: more are 413.
  std::size_t max_fields = 1000;

  // Bytes of names and values together: more are 413. As many bytes of files may be in memory
  // besides; further ones go to temporary files.
  std::size_t max_memory = 10u << 20;

  // Bytes up to which a file is kept in memory. Larger ones go to a temporary file each, which has
  // no name and is gone with the last copy of its FormFile.
  std::size_t spool_above = 256u << 10;

  // Where the temporary files are. Default: $TMPDIR, else /var/tmp, or /tmp where that cannot be
  // written to.
  std::string spool_folder = {};
};

// A file that came with a form. A copy shares its bytes, and keeps them.
class FormFile {
 public:
  std::string name;  // of the field

  // As the client tells it, but without folders: neither empty nor "." nor "..", and without
  // slashes and control characters. It may still be "index.php", or begin with a dot: save files
  // under names of your own.
  std::string file_name;

  std::string content_type;  // as the client tells it; "": it does not

  // All of its bytes, wherever they are kept: those in a temporary file are mapped, and read by the
  // kernel when they are looked at. Lifetime: that of this FormFile, or of any copy.
  std::string_view data;

  // The descriptor of the temporary file, for sendfile, splice and the like; -1: it is in memory.
  // Lifetime: as data. Do not write to it.
  int fd() const noexcept;

  // Writes the bytes to a file, which appears whole or not at all, and replaces one of that name.
  // Permissions: 0666 less the umask. Throws: std::system_error that names the path,
  // std::invalid_argument for a path with a NUL.
  void save_to(const std::string& path) const;

 private:
  friend struct detail::FormAccess;
  std::shared_ptr<const detail::SpooledBytes> bytes_;
};

// A form, read whole: see Request::form(). Names have case.
// Lifetime: that of the Request. Threads: read by many at a time.
class Form {
 public:
  // The first value of the field of that name; "" when absent.
  const std::string& get(std::string_view name) const noexcept;

  // Is there a field of that name? A file is none.
  bool has(std::string_view name) const noexcept;

  // The values of all fields of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  // All fields, in order of arrival.
  const Values& fields() const noexcept { return fields_; }

  // The first file of that name; nullptr when absent, or when none was chosen.
  const FormFile* file(std::string_view name) const noexcept;

  // All files of that name, or of any, in order of arrival.
  std::vector<const FormFile*> files(std::string_view name) const;
  const std::vector<FormFile>& files() const noexcept { return files_; }

 private:
  friend struct detail::FormAccess;
  Values fields_;
  std::vector<FormFile> files_;
};

// A field or file of a Multipart. Good until its next next().
// Reading throws as Body, and HttpError 400 where the body is no multipart.
class MultipartPart {
 public:
  std::string name;
  std::string file_name;     // as FormFile::file_name; "": this is a field
  std::string content_type;  // as the client tells it; "": it does not

  // At least one byte into `to`, as many as have come. Returns 0 at the end of the part.
  std::size_t read(std::span<char> to);

  // All that is left of the part. Throws also HttpError 413 when that is more than limit bytes.
  std::string read_all(std::size_t limit = 1u << 20);

 private:
  friend class Multipart;
  MultipartPart() = default;
  detail::PartReader* reader_ = nullptr;
};

// A multipart form, part by part, as the bytes come: nothing is kept, so that 2 GB take as little
// memory as 2 KB. Raise r.body().set_limit() for them.
//
//     jot::Multipart parts(r);
//     while (jot::MultipartPart* part = parts.next())
//       while (std::size_t n = part->read(buffer)) take(buffer, n);
//
// Lifetime: within that of the Request, whose body it reads.
class Multipart {
 public:
  // Throws: HttpError 415 when the Content-Type is not multipart/form-data, 400 when it has no
  // boundary, or one that RFC 2046 §5.1.1 forbids; std::logic_error when bytes of the body have
  // been read before. More parts than max_parts are 413.
  explicit Multipart(Request& r, std::size_t max_parts = 1000);
  Multipart(const Multipart&) = delete;
  Multipart& operator=(const Multipart&) = delete;
  ~Multipart();

  // The next part, or nullptr at the end. What is left of the one before is passed over.
  // Throws: as Body, HttpError 400 where the body is no multipart or a part has no name, 413 for
  // too many parts, 415 for one with a Content-Transfer-Encoding (RFC 7578 §4.7).
  MultipartPart* next();

 private:
  std::unique_ptr<detail::PartReader> reader_;
  MultipartPart part_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/form.ipp"
#endif
