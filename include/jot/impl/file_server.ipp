// SPDX-License-Identifier: MIT
//
// file_server.ipp -- the bodies of file_server.hpp.
#pragma once

#include "../detail/file_service.hpp"  // FileService
#include "../error.hpp"                // HttpError
#include "../file_server.hpp"

#include <fcntl.h>   // open
#include <stdlib.h>  // free
#include <unistd.h>  // getcwd

#include <cerrno>        // errno
#include <memory>        // std::make_shared
#include <system_error>  // std::system_error

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::string absolute_path(std::string path) {
  if (path.starts_with('/')) return path;
  char* here = getcwd(nullptr, 0);
  if (!here) throw std::system_error(errno, std::generic_category(), "jot: getcwd");
  path = text(here, "/", path);
  free(here);
  return path;
}

JOT_INLINE std::shared_ptr<const FileTree> folder_tree(std::string root) {
  root = absolute_path(std::move(root));
  Fd folder = NamedFolder::open_folder(root);
  if (!folder) throw std::system_error(errno, std::generic_category(), "jot: FileServer: " + root);
  const Search search = best_search(folder.get());
  return std::make_shared<const FolderTree>(NamedFolder(std::move(root), std::move(folder)),
                                            search);
}

}  // namespace detail

JOT_INLINE Embedded::Embedded(std::initializer_list<EmbeddedFile> files)
    : Embedded(std::span<const EmbeddedFile>(files.begin(), files.size())) {}

JOT_INLINE Embedded::Embedded(std::span<const EmbeddedFile> files)
    : files_(std::make_shared<const detail::EmbeddedTree>(files)) {}

JOT_INLINE Value to_value(const FileEntry& entry) {
  return {{"name", entry.name},
          {"href", detail::entry_link(entry)},
          {"directory", entry.directory},
          {"size", entry.size},
          {"modified", entry.modified}};
}

JOT_INLINE FileServer::FileServer(std::string root, FileServerOptions options)
    : service_(std::make_shared<const detail::FileService>(detail::folder_tree(std::move(root)),
                                                           std::move(options))) {}

JOT_INLINE FileServer::FileServer(Embedded files, FileServerOptions options)
    : service_(std::make_shared<const detail::FileService>(std::move(files.files_),
                                                           std::move(options))) {}

JOT_INLINE void FileServer::operator()(ResponseWriter& w, Request& r) const {
  service_->answer(w, r);
}

JOT_INLINE void serve_file(ResponseWriter& w, Request& r, const std::string& path) {
  if (detail::has_dot_dot(r.path())) throw HttpError(400, "the path climbs");
  const bool named = !path.empty() && path.find('\0') == path.npos;
  const detail::FoundFile found =
      named ? detail::found_file(detail::Fd(open(path.c_str(), detail::open_for_serving)))
            : detail::FoundFile();
  switch (found.kind) {
    case detail::FoundFile::file: return detail::serve_content(w, r, found.content, {.name = path});
    case detail::FoundFile::forbidden: return detail::answer_error(w, r, 403, "forbidden");
    case detail::FoundFile::busy: throw HttpError(503, "too busy", {{"Retry-After", "1"}});
    default: return not_found(w, r);
  }
}

}  // namespace jot::inline v1
