// SPDX-License-Identifier: MIT
//
// file_service.hpp -- the way of a request through a FileServer.
//
//   1. The path becomes a name, or there is no such file.
//   2. The tree tells what lies there: a file; a directory, whose index, list or slash is asked for
//      then; or nothing, and then the fallback stands in for a page.
//   3. Of a file, the coding that the client likes best and that lies beside it is sent.
#pragma once

#include "../file_server.hpp"   // FileServerOptions
#include "../handler.hpp"       // redirect, not_found
#include "accept.hpp"           // acceptance
#include "accept_encoding.hpp"  // accepted_codings
#include "error_page.hpp"       // answer_error
#include "file_listing.hpp"     // listing_page
#include "file_name.hpp"        // asked_file
#include "file_tree.hpp"        // FileTree
#include "route_table.hpp"      // encode_location
#include "serve_content.hpp"    // serve_content

#include <algorithm>    // std::sort
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// Says, once, that the answer depends on that field of the request.
inline void add_vary(Header& header, std::string_view name) {
  for (const Field& field : header)
    if (iequals(field.name, "Vary") && (list_has(field.value, name) || field.value == "*")) return;
  header.add("Vary", name);
}

// Does the client ask for a page by name? A script that it loads it asks for with */*.
inline bool asks_for_page(const Header& header) noexcept {
  const Acceptance page = acceptance(header, "text/html");
  return page.precision == 3 && page.weight > 0;
}

// Is it worth the look for a compressed copy?
constexpr bool may_lie_compressed(std::string_view type) noexcept {
  if (type.starts_with("image/")) return type.starts_with("image/svg") || type == "image/bmp";
  if (type.starts_with("audio/") || type.starts_with("video/")) return false;
  for (const std::string_view packed : {"gzip", "zip", "zstd", "7z", "bzip2", "/x-xz", "woff"})
    if (type.find(packed) != type.npos) return false;
  return true;
}

class FileService {
 public:
  FileService(std::shared_ptr<const FileTree> tree, FileServerOptions options)
      : tree_(std::move(tree)), options_(std::move(options)) {}

  void answer(ResponseWriter& w, Request& r) const {
    if (r.method() != "GET" && r.method() != "HEAD") return refuse_method(w, r);
    const auto asked = asked_file(asked_path(RequestAccess::state(r)), options_.dotfiles);
    if (!asked) return answer_missing(w, r);
    if (asked->directory && r.path().ends_with('/')) return answer_directory(w, r, asked->name);
    const FoundFile found = tree_->find(asked->name);
    if (found.kind == FoundFile::directory) return add_slash(w, r);
    answer_found(w, r, asked->name, found);
  }

 private:
  static void refuse_method(ResponseWriter& w, Request& r) {
    w.header().set("Allow", "GET, HEAD, OPTIONS");
    if (r.method() == "OPTIONS") return w.write_header(204);
    answer_error(w, r, 405, "method not allowed");
  }

  void answer_found(ResponseWriter& w, Request& r, const std::string& name,
                    const FoundFile& found) const {
    switch (found.kind) {
      case FoundFile::file: return answer_file(w, r, name, found.content);
      case FoundFile::forbidden: return answer_error(w, r, 403, "forbidden");
      case FoundFile::busy:
        w.header().set("Retry-After", "1");
        return answer_error(w, r, 503, "too busy");
      default: return answer_missing(w, r);
    }
  }

  void answer_missing(ResponseWriter& w, Request& r) const {
    if (options_.fallback.empty()) return not_found(w, r);
    add_vary(w.header(), "Accept");
    if (!asks_for_page(r.header())) return not_found(w, r);
    const FoundFile found = tree_->find(options_.fallback);
    if (found.kind == FoundFile::missing || found.kind == FoundFile::directory)
      return not_found(w, r);
    answer_found(w, r, options_.fallback, found);
  }

  void answer_directory(ResponseWriter& w, Request& r, const std::string& name) const {
    const std::string prefix = name.empty() ? "" : name + '/';
    if (!options_.index.empty()) {
      const FoundFile index = tree_->find(prefix + options_.index);
      if (index.kind != FoundFile::missing && index.kind != FoundFile::directory)
        return answer_found(w, r, prefix + options_.index, index);
    }
    if (!options_.list && !options_.list_page) return answer_missing(w, r);
    FoundList list = tree_->list(name);
    if (list.kind == FoundFile::directory) return answer_list(w, r, std::move(list.entries));
    answer_found(w, r, name, {list.kind});
  }

  void answer_list(ResponseWriter& w, Request& r, std::vector<FileEntry> entries) const {
    if (!options_.dotfiles)
      std::erase_if(entries, [](const FileEntry& e) { return e.name.starts_with('.'); });
    std::sort(entries.begin(), entries.end(),
              [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
    if (options_.list_page) return options_.list_page(w, r, entries);
    w.header().set("Content-Type", "text/html; charset=utf-8");
    w.write_bytes(listing_page(r.path(), entries));
  }

  // Relative, so that it is right behind a proxy that has stripped a prefix. "./" keeps a colon in
  // the name from making a scheme of it.
  static void add_slash(ResponseWriter& w, Request& r) {
    const std::string_view path = r.path();
    std::string location = "./" + encode_location(path.substr(path.rfind('/') + 1)) + '/';
    if (location.find(':') == location.npos) location.erase(0, 2);
    const std::string_view target = r.target();
    if (const std::size_t query = target.find('?'); query != target.npos)
      location += target.substr(query);
    redirect(w, r, location, 301);
  }

  void answer_file(ResponseWriter& w, Request& r, const std::string& name,
                   const FileContent& content) const {
    if (options_.precompressed && may_lie_compressed(mime_type(name)))
      add_vary(w.header(), "Accept-Encoding");
    if (r.header().has("Accept-Encoding")) {
      const CodingWeights wanted = accepted_codings(r.header());
      if (answer_compressed(w, r, name, wanted)) return;
      if (wanted.identity == 0) return answer_error(w, r, 406, "not to be had in such a coding");
    }
    serve_content(w, r, content, {.name = name, .cache_control = options_.cache_control});
  }

  bool answer_compressed(ResponseWriter& w, Request& r, const std::string& name,
                         const CodingWeights& wanted) const {
    if (!options_.precompressed || !may_lie_compressed(mime_type(name))) return false;
    struct Coding {
      std::string_view name, suffix;
      int weight;
    };
    Coding codings[] = {{"br", ".br", wanted.br}, {"gzip", ".gz", wanted.gzip}};
    if (wanted.gzip > wanted.br) std::swap(codings[0], codings[1]);
    for (const auto& [coding, suffix, weight] : codings) {
      if (weight == 0 || weight < wanted.identity) continue;
      const FoundFile found = tree_->find(name + std::string(suffix));
      if (found.kind != FoundFile::file) continue;
      serve_content(w, r, found.content, {name, coding, options_.cache_control});
      return true;
    }
    return false;
  }

  std::shared_ptr<const FileTree> tree_;
  FileServerOptions options_;
};

}  // namespace jot::inline v1::detail
