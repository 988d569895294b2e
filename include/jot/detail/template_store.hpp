// SPDX-License-Identifier: MIT
//
// template_store.hpp -- which set of templates is in force, now that a file has changed?
//
// Where nobody watches the files, one set for good. Where somebody does, each execution compares
// the files with what was parsed, and makes a new set of all sources when they differ; executions
// that run keep the one that they began with.
#pragma once

#include "../template.hpp"   // Escaping
#include "fd.hpp"            // Fd
#include "template_set.hpp"  // TemplateSet

#include <fcntl.h>     // open
#include <glob.h>      // glob, globfree
#include <sys/stat.h>  // stat
#include <unistd.h>    // read

#include <cerrno>        // errno
#include <cstdint>       // std::int64_t
#include <map>           // std::map
#include <memory>        // std::make_shared, std::shared_ptr
#include <mutex>         // std::mutex, std::scoped_lock
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move, std::pair
#include <vector>        // std::vector

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_file_error(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), "jot: template " + path);
}

inline std::string read_template(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_file_error(path);
  std::string text;
  for (char bytes[16384];;) {
    const ssize_t n = read(file.get(), bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_file_error(path);
    if (n == 0) return text;
    text.append(bytes, static_cast<std::size_t>(n));
  }
}

// Sorted. Throws std::invalid_argument when there is none.
inline std::vector<std::string> glob_files(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (files.empty()) throw std::invalid_argument("jot: pattern matches no files: " + pattern);
  return files;
}

// Tells a file from what it was before.
struct FileStamp {
  std::int64_t seconds = -1, nanoseconds = 0, size = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;

  static FileStamp of(const std::string& path) noexcept {
    struct stat s {};
    if (stat(path.c_str(), &s) != 0) return {};
    return {s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_size, s.st_ino};
  }
};

class TemplateStore {
 public:
  explicit TemplateStore(Escaping escaping)
      : escaping_(escaping), set_(std::make_shared<TemplateSet>(escaping)) {}

  // The same templates, in a store of its own.
  TemplateStore(const TemplateStore& other)
      : escaping_(other.escaping_),
        set_(std::make_shared<TemplateSet>(*other.in_force())),
        options_(other.options_),
        steps_(other.steps_),
        stamps_(other.stamps_),
        watches_(other.watches_) {}
  TemplateStore& operator=(const TemplateStore&) = delete;

  TemplateSet& set() noexcept { return *set_; }  // while it is set up
  LexOptions& options() noexcept { return options_; }
  Escaping escaping() const noexcept { return escaping_; }

  void parse(std::string name, std::string_view text) {
    set_->parse(name, text, options_);
    steps_.push_back({Step::text, std::move(name), std::string(text), options_});
  }

  void add_file(const std::string& path) {
    const Stamps stamp = parse_file(*set_, path, options_);
    steps_.push_back({Step::file, path, {}, options_});
    stamps_.insert(stamp.begin(), stamp.end());
  }

  void add_glob(const std::string& pattern) {
    Stamps stamps;
    for (const std::string& path : glob_files(pattern))
      stamps.merge(parse_file(*set_, path, options_));
    steps_.push_back({Step::glob, pattern, {}, options_});
    stamps_.merge(stamps);
  }

  void watch() noexcept { watches_ = true; }

  // Calls f with the set in force.
  template <class F>
  decltype(auto) with_set(F f) const {
    if (!watches_) return f(std::as_const(*set_));
    const std::shared_ptr<const TemplateSet> set = in_force();
    return f(*set);
  }

 private:
  using Stamps = std::map<std::string, FileStamp>;

  struct Step {
    enum Kind { text, file, glob } kind;
    std::string name;  // or path, or pattern
    std::string source;
    LexOptions options;
  };

  // The stamp is taken first: a file that changes meanwhile is read again.
  static Stamps parse_file(TemplateSet& set, const std::string& path, const LexOptions& options) {
    const FileStamp stamp = FileStamp::of(path);
    set.parse(path.substr(path.rfind('/') + 1), read_template(path), options);
    return {{path, stamp}};
  }

  std::shared_ptr<TemplateSet> in_force() const {
    if (!watches_) return set_;
    const std::scoped_lock lock(mutex_);
    try {
      if (has_changed()) parse_anew();
    } catch (const std::system_error& e) {  // a file is gone
      throw TemplateError("watched files", 0, 0, e.what());
    } catch (const std::invalid_argument& e) {  // all of them are
      throw TemplateError("watched files", 0, 0, e.what());
    }
    return set_;
  }

  bool has_changed() const {
    std::size_t files = 0;
    for (const Step& step : steps_) {
      if (step.kind == Step::text) continue;
      const bool one = step.kind == Step::file;
      for (const std::string& path : one ? std::vector{step.name} : glob_files(step.name)) {
        const auto known = stamps_.find(path);
        if (known == stamps_.end() || known->second != FileStamp::of(path)) return true;
        ++files;
      }
    }
    return files < stamps_.size();
  }

  void parse_anew() const {
    auto fresh = std::make_shared<TemplateSet>(*set_, TemplateSet::without_templates);
    Stamps stamps;
    for (const Step& step : steps_) {
      if (step.kind == Step::text) {
        fresh->parse(step.name, step.source, step.options);
        continue;
      }
      const bool one = step.kind == Step::file;
      for (const std::string& path : one ? std::vector{step.name} : glob_files(step.name))
        stamps.merge(parse_file(*fresh, path, step.options));
    }
    set_ = std::move(fresh), stamps_ = std::move(stamps);
  }

  const Escaping escaping_;
  mutable std::mutex mutex_;                  // of set_ and stamps_, where files are watched
  mutable std::shared_ptr<TemplateSet> set_;  // never null
  LexOptions options_ = {};
  std::vector<Step> steps_ = {};  // all that was parsed, in order
  mutable Stamps stamps_ = {};    // of the files, when they were parsed
  bool watches_ = false;          // changed while it is set up only
};

struct TemplateFuncAccess {
  static const std::shared_ptr<const AddedFunction>& function(const TemplateFunc& f) noexcept {
    return f.function_;
  }
};

}  // namespace jot::inline v1::detail
