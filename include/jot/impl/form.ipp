// SPDX-License-Identifier: MIT
//
// form.ipp -- the bodies of form.hpp, and Request::form().
#pragma once

#include "../detail/read_form.hpp"      // read_form, FormAccess
#include "../detail/replace_file.hpp"   // replace_file
#include "../detail/request_state.hpp"  // RequestAccess
#include "../form.hpp"

#include <memory>     // std::make_shared, std::make_unique
#include <stdexcept>  // std::invalid_argument, std::logic_error

namespace jot::inline v1 {

JOT_INLINE int FormFile::fd() const noexcept {
  const detail::SpooledBytes* bytes = detail::FormAccess::bytes(*this);
  return bytes ? bytes->file.get() : -1;
}

JOT_INLINE void FormFile::save_to(const std::string& path) const {
  if (path.find('\0') != path.npos)
    throw std::invalid_argument("jot: FormFile::save_to: a NUL in the path");
  detail::replace_file(path, data);
}

JOT_INLINE const std::string& Form::get(std::string_view name) const noexcept {
  return fields_.get(name);
}
JOT_INLINE bool Form::has(std::string_view name) const noexcept { return fields_.has(name); }
JOT_INLINE std::vector<std::string_view> Form::all(std::string_view name) const {
  return fields_.all(name);
}

JOT_INLINE const FormFile* Form::file(std::string_view name) const noexcept {
  for (const FormFile& file : files_) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

JOT_INLINE std::vector<const FormFile*> Form::files(std::string_view name) const {
  std::vector<const FormFile*> found;
  for (const FormFile& file : files_) {
    if (file.name == name) found.push_back(&file);
  }
  return found;
}

JOT_INLINE std::size_t MultipartPart::read(std::span<char> to) { return reader_->read(to); }
JOT_INLINE std::string MultipartPart::read_all(std::size_t limit) {
  return reader_->read_all(limit);
}

JOT_INLINE Multipart::Multipart(Request& r, std::size_t max_parts) {
  const std::string_view type = r.header().get("Content-Type");
  if (!detail::is_multipart_type(type))
    throw HttpError(415, "want multipart/form-data", {{"Accept", "multipart/form-data"}});
  if (detail::RequestAccess::is_begun(r.body()))
    throw std::logic_error("jot: Multipart: the body was read before");
  reader_ = std::make_unique<detail::PartReader>(r.body(), detail::boundary_of(type), max_parts);
  part_.reader_ = reader_.get();
}
JOT_INLINE Multipart::~Multipart() = default;

JOT_INLINE MultipartPart* Multipart::next() {
  detail::PartHead head;
  if (!reader_->next(head)) return nullptr;
  part_.name = std::move(head.name);
  part_.file_name = std::move(head.file_name);
  part_.content_type = std::move(head.content_type);
  return &part_;
}

JOT_INLINE const Form& Request::form() { return form(FormOptions{}); }

// What failed once goes on failing: the body is read, and would seem to be an empty form.
JOT_INLINE const Form& Request::form(const FormOptions& options) {
  detail::RequestState& s = *state_;
  if (s.form_error) std::rethrow_exception(s.form_error);
  if (s.form) return *s.form;
  if (detail::RequestAccess::is_begun(s.body))
    throw std::logic_error("jot: Request::form: the body was read before");
  try {
    s.form = std::make_shared<const Form>(detail::read_form(*this, options));
  } catch (const HttpError&) {
    s.form_error = std::current_exception();
    throw;
  }
  return *s.form;
}

}  // namespace jot::inline v1
