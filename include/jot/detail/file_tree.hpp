// SPDX-License-Identifier: MIT
//
// file_tree.hpp -- what lies under this name: in a folder, or among the files of the program?
//
// In: a name relative to the root, already decoded and checked: "css/site.css", or "" for the root.
// Out: a file's content, or why there is none.
// Threads: all are const, and ask the system anew each time.
#pragma once

#include "../file_server.hpp"  // EmbeddedFile, FileEntry
#include "file_content.hpp"    // FileContent
#include "open_beneath.hpp"    // open_beneath

#include <dirent.h>    // fdopendir, readdir
#include <sys/stat.h>  // fstat, stat

#include <algorithm>     // std::sort, std::lower_bound
#include <cerrno>        // errno
#include <memory>        // std::unique_ptr
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move
#include <vector>        // std::vector

namespace jot::inline v1::detail {

struct FoundFile {
  enum Kind {
    missing,
    file,
    directory,
    forbidden,  // it is there, but not for us
    busy,       // no descriptor or memory is left: later, perhaps
  } kind = missing;
  FileContent content = {};  // of a file
};

struct FoundList {
  FoundFile::Kind kind = FoundFile::missing;  // directory: here is what is in it
  std::vector<FileEntry> entries = {};        // unsorted
};

class FileTree {
 public:
  virtual ~FileTree() = default;
  virtual FoundFile find(const std::string& name) const = 0;
  virtual FoundList list(const std::string& name) const = 0;
};

// Did it fail for want of descriptors or memory?
constexpr bool is_for_want(int error) noexcept {
  return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM;
}

// Throws: std::system_error for what has to do neither with the name nor with its rights: a broken
// disk.
inline FoundFile not_found_for(int error) {
  if (is_for_want(error)) return {FoundFile::busy};
  switch (error) {
    case EACCES:
    case EPERM: return {FoundFile::forbidden};
    case EINVAL:  // a name that this file system cannot hold
    case EILSEQ:
    case ELOOP:
    case ENAMETOOLONG:
    case ENODEV:
    case ENOENT:
    case ENOTDIR:
    case ENXIO:  // a socket
    case EXDEV: return {};
    default: throw std::system_error(error, std::generic_category(), "jot: opening a file");
  }
}

// Without O_NONBLOCK a FIFO without a writer would never be opened; a terminal must not become
// ours.
inline constexpr int open_for_serving = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// fd: what was opened, or empty with errno set.
inline FoundFile found_file(Fd fd) {
  struct stat s;
  if (!fd || fstat(fd.get(), &s) != 0) return not_found_for(errno);
  if (S_ISDIR(s.st_mode)) return {FoundFile::directory};
  if (!S_ISREG(s.st_mode)) return {};
  return {FoundFile::file, file_content(std::move(fd), s)};
}

// A folder, by a name that may be a link which a deployment switches. Where it leads is asked each
// time; the folder is opened anew only when that is not where it led at first.
class NamedFolder {
 public:
  // first: where the name leads now, opened.
  NamedFolder(std::string name, Fd first) : name_(std::move(name)), first_(std::move(first)) {
    if (fstat(first_.get(), &is_) != 0) is_ = {};
  }

  // The open folder, for as long as this lives; -1 with errno set where there is none.
  class Opened {
   public:
    explicit Opened(int fd) noexcept : fd_(fd) {}
    explicit Opened(Fd own) noexcept : own_(std::move(own)), fd_(own_.get()) {}
    int get() const noexcept { return fd_; }

   private:
    Fd own_;
    int fd_;
  };

  Opened open() const {
    struct stat now;
    if (stat(name_.c_str(), &now) == 0 && now.st_ino == is_.st_ino && now.st_dev == is_.st_dev)
      return Opened(first_.get());
    return Opened(open_folder(name_));
  }

  static Fd open_folder(const std::string& name) noexcept {
    return Fd(::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

 private:
  std::string name_;
  Fd first_;  // open, so that no other folder can get its number
  struct stat is_ = {};
};

// A folder of the file system.
class FolderTree final : public FileTree {
 public:
  FolderTree(NamedFolder root, Search search) : root_(std::move(root)), search_(search) {}

  FoundFile find(const std::string& name) const override {
    const auto root = root_.open();
    return found_file(open_in(root, name, open_for_serving));
  }

  FoundList list(const std::string& name) const override {
    const auto root = root_.open();
    Fd folder = open_in(root, name, O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, int (*)(DIR*)> names(folder ? fdopendir(folder.get()) : nullptr,
                                                    closedir);
    if (!names) return {not_found_for(errno).kind};
    folder.release();  // closedir() closes it
    FoundList list{FoundFile::directory};
    const std::string prefix = name.empty() ? "" : name + '/';
    while (const dirent* entry = readdir(names.get()))
      if (!add_entry(list.entries, root, prefix, entry->d_name)) return {FoundFile::busy};
    return list;
  }

 private:
  Fd open_in(const NamedFolder::Opened& root, const std::string& name, int flags) const {
    if (root.get() < 0) return Fd();
    return open_beneath(root.get(), name.empty() ? "." : name, flags, search_);
  }

  // What find() would serve, and nothing else. False: there is nothing left to look at it with, and
  // a list without it would be a lie.
  bool add_entry(std::vector<FileEntry>& list, const NamedFolder::Opened& root,
                 const std::string& prefix, const char* name) const {
    if (name == std::string_view(".") || name == std::string_view("..")) return true;
    const Fd fd = open_in(root, prefix + name, O_PATH);
    struct stat s;
    if (!fd || fstat(fd.get(), &s) != 0) return !is_for_want(errno);
    if (S_ISDIR(s.st_mode))
      list.push_back({name, true, 0, s.st_mtim.tv_sec});
    else if (S_ISREG(s.st_mode))
      list.push_back({name, false, static_cast<std::uint64_t>(s.st_size), s.st_mtim.tv_sec});
    return true;
  }

  NamedFolder root_;
  Search search_;
};

// A hash of the bytes (FNV-1a, 64 bits): not against attackers, for the bytes are the program's
// own.
constexpr std::uint64_t content_hash(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Files of the program, sorted by name; directories are what their names have in common.
class EmbeddedTree final : public FileTree {
 public:
  explicit EmbeddedTree(std::span<const EmbeddedFile> files) {
    for (const EmbeddedFile& file : files) {
      check_name(file.name);
      files_.push_back({file, entity_tag(content_hash(file.bytes), file.bytes.size(), 0)});
    }
    std::sort(files_.begin(), files_.end());
    for (std::size_t i = 1; i < files_.size(); ++i) check_pair(files_[i - 1], files_[i]);
    for (const Tagged& tagged : files_) check_folders(tagged.file.name);
  }

  FoundFile find(const std::string& name) const override {
    if (const Tagged* f = file_of(name))
      return {FoundFile::file,
              {.bytes = f->file.bytes, .size = f->file.bytes.size(), .validators = {f->tag, 0}}};
    return {is_directory(name) ? FoundFile::directory : FoundFile::missing};
  }

  FoundList list(const std::string& name) const override {
    if (!is_directory(name)) return {};
    const std::string prefix = name.empty() ? "" : name + '/';
    std::vector<FileEntry> list;
    for (std::size_t i = first_from(prefix); i < files_.size(); ++i) {
      const auto [full, bytes] = files_[i].file;
      if (!full.starts_with(prefix)) break;
      const std::string_view rest = full.substr(prefix.size());
      const std::string_view first = rest.substr(0, rest.find('/'));
      const bool directory = first.size() != rest.size();
      if (!list.empty() && list.back().directory && list.back().name == first) continue;
      list.push_back({std::string(first), directory, directory ? 0 : bytes.size(), 0});
    }
    return {FoundFile::directory, std::move(list)};
  }

 private:
  struct Tagged {
    EmbeddedFile file;
    std::string tag;
    bool operator<(const Tagged& other) const { return file.name < other.file.name; }
  };

  static void check_name(std::string_view name) {
    for (std::string_view rest = name;;) {
      const std::size_t slash = rest.find('/');
      const std::string_view part = rest.substr(0, slash);
      if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos)
        throw std::invalid_argument("jot: Embedded: no path means \"" + std::string(name) + '"');
      if (slash == rest.npos) return;
      rest.remove_prefix(slash + 1);
    }
  }

  static void check_pair(const Tagged& a, const Tagged& b) {
    if (a.file.name == b.file.name)
      throw std::invalid_argument("jot: Embedded: twice: " + std::string(a.file.name));
  }

  // A folder that is a file as well would be one or the other by the slash at the end of a path.
  void check_folders(std::string_view name) const {
    for (std::size_t at = name.find('/'); at != name.npos; at = name.find('/', at + 1)) {
      if (file_of(name.substr(0, at)))
        throw std::invalid_argument("jot: Embedded: a file and a folder: " +
                                    std::string(name.substr(0, at)));
    }
  }

  const Tagged* file_of(std::string_view name) const {
    const std::size_t at = first_from(name);
    return at < files_.size() && files_[at].file.name == name ? &files_[at] : nullptr;
  }

  std::size_t first_from(std::string_view name) const {
    const auto at = std::lower_bound(
        files_.begin(), files_.end(), name,
        [](const Tagged& tagged, std::string_view n) { return tagged.file.name < n; });
    return static_cast<std::size_t>(at - files_.begin());
  }

  bool is_directory(const std::string& name) const {
    if (name.empty()) return true;
    const std::size_t at = first_from(name + '/');
    return at < files_.size() && files_[at].file.name.starts_with(name + '/');
  }

  std::vector<Tagged> files_;
};

}  // namespace jot::inline v1::detail
