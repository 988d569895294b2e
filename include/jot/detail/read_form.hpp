// SPDX-License-Identifier: MIT
//
// read_form.hpp -- from the body of a request to a Form.
//
// In: a body, and how much of it may be kept. Out: its fields in memory, its files in memory or
// spooled; or an HttpError. Whatever the body, memory is bounded by FormOptions.
#pragma once

#include "../error.hpp"     // HttpError
#include "../form.hpp"      // Form, FormFile, FormOptions
#include "../request.hpp"   // Request
#include "../text.hpp"      // text
#include "blocking.hpp"     // about_to_block
#include "media_type.hpp"   // media_type, Parameters
#include "part_reader.hpp"  // PartReader
#include "spool.hpp"        // Spool
#include "urlencoded.hpp"   // parse_urlencoded

#include <cstddef>       // std::size_t
#include <memory>        // std::shared_ptr
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

struct FormAccess {
  static Values& fields(Form& form) noexcept { return form.fields_; }
  static std::vector<FormFile>& files(Form& form) noexcept { return form.files_; }
  static const SpooledBytes* bytes(const FormFile& file) noexcept { return file.bytes_.get(); }
  static void set_bytes(FormFile& file, std::shared_ptr<const SpooledBytes> bytes) noexcept {
    file.data = bytes->view();
    file.bytes_ = std::move(bytes);
  }
};

// The boundary of a body whose type is multipart/form-data.
inline std::string boundary_of(std::string_view content_type) {
  const auto parameters = Parameters::parse(content_type);
  const std::string* boundary = parameters ? parameters->find("boundary") : nullptr;
  if (!boundary) throw HttpError(400, "multipart: the Content-Type has no boundary");
  if (!is_boundary(*boundary)) throw HttpError(400, "multipart: not a boundary");
  return *boundary;
}

class MultipartForm {
 public:
  MultipartForm(Request& r, const FormOptions& options)
      : options_(options),
        log_(r.log()),
        reader_(r.body(), boundary_of(r.header().get("Content-Type")), options.max_fields) {}

  Form read() {
    PartHead head;
    while (reader_.next(head)) head.is_file ? read_file(std::move(head)) : read_field(head);
    return std::move(form_);
  }

 private:
  static constexpr std::size_t cost = 128;  // of a field or file besides its bytes, about

  void take_memory(std::size_t bytes) {
    if (bytes > options_.max_memory - kept_) throw HttpError(413, "form: too large");
    kept_ += bytes;
  }

  void read_field(PartHead& head) {
    take_memory(cost + head.name.size());
    std::string value = reader_.read_all(std::min(options_.max_field, options_.max_memory - kept_));
    kept_ += value.size();
    FormAccess::fields(form_).add(std::move(head.name), std::move(value));
  }

  void read_file(PartHead head) {
    take_memory(cost + head.name.size() + head.file_name.size() + head.content_type.size());
    FormFile file;
    file.name = std::move(head.name), file.file_name = std::move(head.file_name);
    file.content_type = std::move(head.content_type);
    FormAccess::set_bytes(file, read_bytes());
    FormAccess::files(form_).push_back(std::move(file));
  }

  std::shared_ptr<const SpooledBytes> read_bytes() {
    Spool spool;
    char some[16u << 10];
    while (const std::size_t n = reader_.read(some)) keep(spool, {some, n});
    kept_files_ += spool.in_memory();
    return or_refuse([&] { return std::move(spool).finish(); });
  }

  void keep(Spool& spool, std::string_view bytes) {
    const std::size_t most = std::min(options_.spool_above, options_.max_memory - kept_files_);
    if (!spool.in_file() && bytes.size() > most - std::min(most, spool.in_memory())) {
      about_to_block();
      or_refuse([&] { spool.move_to_file(folder()); });
    }
    or_refuse([&] { spool.append(bytes); });
  }

  std::string folder() const {
    return options_.spool_folder.empty() ? default_spool_folder() : options_.spool_folder;
  }

  // What the disk says is for the log; the client hears that it is us, not its form.
  template <class F>
  auto or_refuse(const F& f) -> decltype(f()) {
    try {
      return f();
    } catch (const std::system_error& e) {
      log_.error("cannot keep an uploaded file", {{"error", e.what()}});
      const bool busy = e.code() == std::errc::too_many_files_open ||
                        e.code() == std::errc::too_many_files_open_in_system;
      if (busy) throw HttpError(503, "too busy", {{"Retry-After", "1"}});
      throw HttpError(507);
    }
  }

  const FormOptions& options_;
  const Logger& log_;
  PartReader reader_;
  Form form_;
  std::size_t kept_ = 0, kept_files_ = 0;  // bytes in memory, of max_memory each
};

inline bool is_multipart_type(std::string_view content_type) noexcept {
  return iequals(media_type(content_type), "multipart/form-data");
}

inline Form read_form(Request& r, const FormOptions& options) {
  const std::string_view type = r.header().get("Content-Type");
  if (is_multipart_type(type)) return MultipartForm(r, options).read();
  Form form;
  if (iequals(media_type(type), "application/x-www-form-urlencoded")) {
    FormAccess::fields(form) =
        parse_urlencoded(r.body().read_all(options.max_memory), options.max_fields);
    return form;
  }
  char byte;
  if (r.header().has("Content-Type") || r.body().read({&byte, 1}) > 0)
    throw HttpError(415, "want a form",
                    {{"Accept", "application/x-www-form-urlencoded, multipart/form-data"}});
  return form;  // no type and no body: a form with nothing in it
}

}  // namespace jot::inline v1::detail
