// SPDX-License-Identifier: MIT
//
// template.ipp -- the bodies of template.hpp.
#pragma once

#include "../detail/entity_tag.hpp"      // tag_of
#include "../detail/header_access.hpp"   // HeaderAccess
#include "../detail/template_store.hpp"  // TemplateFuncAccess, TemplateStore
#include "../request.hpp"                // Request
#include "../response_writer.hpp"        // ResponseWriter
#include "../template.hpp"

#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::exchange, std::move

namespace jot::inline v1 {

JOT_INLINE TemplateError::TemplateError(std::string in, int at_line, int at_col,
                                        std::string problem, std::string escape_code,
                                        std::string_view excerpt)
    : name(std::move(in)),
      line(at_line),
      col(at_col),
      code(std::move(escape_code)),
      message(std::move(problem)),
      what_(name) {
  if (line > 0) what_ += text(":", line, ":", col);
  what_ += ": ";
  if (!code.empty()) what_ += code, what_ += ": ";
  what_ += message, what_ += excerpt;
}

JOT_INLINE Map TemplateError::fields() const {
  Map fields{{"template", name}};
  if (line > 0) fields["line"] = line, fields["column"] = col;
  if (!code.empty()) fields["code"] = code;
  return fields;
}

JOT_INLINE Templates::Templates(Escaping escaping)
    : store_(std::make_shared<detail::TemplateStore>(escaping)) {}

JOT_INLINE Templates Templates::parse_files(const std::vector<std::string>& files) {
  return Templates().add_files(files);
}

JOT_INLINE Templates Templates::parse_glob(const std::string& glob) {
  return Templates().add_glob(glob);
}

namespace detail {

// Could a template call it?
JOT_INLINE bool is_function_name(std::string_view name) {
  const LexOptions options{.knows_break = false, .knows_continue = false};
  const std::string source = text("{{", name, "}}");
  TemplateLexer lexer(source, options);
  lexer.next();
  const Token token = lexer.next();
  return token.kind == TokenKind::identifier && token.text == name &&
         !(name[0] >= '0' && name[0] <= '9');
}

}  // namespace detail

JOT_INLINE Templates& Templates::funcs(
    std::initializer_list<std::pair<std::string_view, TemplateFunc>> funcs) {
  for (const auto& [name, function] : funcs) {
    if (!detail::is_function_name(name))
      throw std::invalid_argument(
          text("jot: no template could call a function by the name ", detail::in_quotes(name)));
    store_->set().add_function(name, detail::TemplateFuncAccess::function(function));
  }
  return *this;
}

JOT_INLINE Templates& Templates::delims(std::string_view left, std::string_view right) {
  store_->options().left = left.empty() ? "{{" : left;
  store_->options().right = right.empty() ? "}}" : right;
  return *this;
}

JOT_INLINE Templates& Templates::option(std::string_view option) {
  using detail::OnMissingKey;
  const auto set = [&](OnMissingKey what) -> Templates& {
    return store_->set().set_missing_key(what), *this;
  };
  if (option == "missingkey=default" || option == "missingkey=invalid")
    return set(OnMissingKey::no_value);
  if (option == "missingkey=zero") return set(OnMissingKey::zero);
  if (option == "missingkey=error") return set(OnMissingKey::error);
  throw std::invalid_argument(
      text("jot: no option of templates: ", detail::in_quotes(option),
           "; there are missingkey=default, missingkey=zero and missingkey=error"));
}

JOT_INLINE Templates& Templates::parse(std::string name, std::string_view text) {
  return store_->parse(std::move(name), text), *this;
}

JOT_INLINE Templates& Templates::add_files(const std::vector<std::string>& files) {
  if (files.empty()) throw std::invalid_argument("jot: no files of templates are named");
  return store_->add_files(files), *this;
}

JOT_INLINE Templates& Templates::add_glob(const std::string& glob) {
  return store_->add_glob(glob), *this;
}

JOT_INLINE Templates& Templates::watch_files() { return store_->watch(), *this; }

JOT_INLINE Templates Templates::clone() const {
  Templates copy;
  copy.store_ = std::make_shared<detail::TemplateStore>(std::as_const(*store_));
  return copy;
}

JOT_INLINE bool Templates::lookup(std::string_view name) const {
  return store_->with_set([&](const detail::TemplateSet& set) { return set.has(name); });
}

JOT_INLINE std::vector<std::string> Templates::defined_templates() const {
  return store_->with_set([](const detail::TemplateSet& set) { return set.names(); });
}

JOT_INLINE void Templates::check(std::string_view name) const {
  store_->with_set([&](const detail::TemplateSet& set) { set.ready(name); });
}

JOT_INLINE void Templates::check() const {
  store_->with_set([](const detail::TemplateSet& set) {
    for (const std::string& name : set.roots()) set.ready(name);
  });
}

JOT_INLINE std::string Templates::execute(std::string_view name, const Value& data) const {
  std::string page;
  execute_to(page, name, data);
  return page;
}

JOT_INLINE void Templates::execute_to(std::string& page, std::string_view name,
                                      const Value& data) const {
  const std::size_t size = page.size();
  try {
    store_->with_set([&](const detail::TemplateSet& set) { set.execute(page, name, data); });
  } catch (...) {
    page.resize(size);
    throw;
  }
}

namespace detail {

// Memory for one page, used again by the next page of this thread. Taken out while it is in use, as
// a function of a template may make a page of its own.
class PageBuffer {
 public:
  static constexpr std::size_t most_kept = 1u << 20;

  PageBuffer() : page(std::move(spare())) { page.clear(); }
  ~PageBuffer() {
    if (page.capacity() <= most_kept) spare() = std::move(page);
  }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  std::string page;

 private:
  static std::string& spare() noexcept {
    static thread_local std::string memory;
    return memory;
  }
};

// content_type must be a literal, or outlive the response.
JOT_INLINE void describe_page(ResponseWriter& w, std::string_view content_type, std::size_t size) {
  Header& header = w.header();
  if (!header.has("Content-Type")) {
    HeaderAccess::add_view(header, "Content-Type", content_type);
    if (!header.has("X-Content-Type-Options"))
      HeaderAccess::add_view(header, "X-Content-Type-Options", "nosniff");
  }
  header.set("Content-Length", size);
}

JOT_INLINE std::string_view page_type(Escaping escaping) noexcept {
  return escaping == Escaping::html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
}

}  // namespace detail

JOT_INLINE void render(ResponseWriter& w, const Templates& t, std::string_view name,
                       const Value& data, int status) {
  detail::PageBuffer buffer;
  t.execute_to(buffer.page, name, data);
  w.write_header(status);
  detail::describe_page(w, detail::page_type(t.store_->escaping()), buffer.page.size());
  w.write_bytes(buffer.page);
}

JOT_INLINE void render(ResponseWriter& w, Request& r, const Templates& t, std::string_view name,
                       const Value& data, const RenderOptions& options) {
  if (!options.content_type.empty() && !w.header().has("Content-Type"))
    w.header().set("Content-Type", options.content_type);
  if (!options.etag) return render(w, t, name, data, options.status);
  detail::TaggingWriter tagging(w, detail::PageBuffer::most_kept);
  render(tagging, t, name, data, options.status);
  tagging.finish(r);
}

}  // namespace jot::inline v1
