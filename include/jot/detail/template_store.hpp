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
#include <ctime>         // clock_gettime, timespec
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

// Tells a file from what it was before, also where its time of modification was set back.
struct FileStamp {
  std::int64_t modified = -1, changed = -1, size = -1;  // in ns since 1970; in bytes
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;

  static std::int64_t in_ns(const timespec& t) noexcept {
    return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
  }

  // Could the file change once more and keep this? The clock of files ticks every few milliseconds.
  bool is_fresh() const noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const std::int64_t age = in_ns(now) - changed;
    return age > -100'000'000 && age < 100'000'000;
  }

  static FileStamp of(const std::string& path) noexcept {
    struct stat s {};
    if (stat(path.c_str(), &s) != 0) return {};
    return {in_ns(s.st_mtim), in_ns(s.st_ctim), s.st_size, s.st_ino};
  }
};

class TemplateStore {
 public:
  explicit TemplateStore(Escaping escaping)
      : escaping_(escaping), set_(std::make_shared<TemplateSet>(escaping)) {}

  // The same templates, in a store of its own.
  TemplateStore(const TemplateStore& other)
      : escaping_(other.escaping_),
        options_(other.options_),
        steps_(other.steps_),
        watches_(other.watches_) {
    const std::scoped_lock lock(other.mutex_);
    if (watches_) other.update();
    set_ = std::make_shared<TemplateSet>(*other.set_);
    stamps_ = other.stamps_;
  }
  TemplateStore& operator=(const TemplateStore&) = delete;

  TemplateSet& set() noexcept { return *set_; }  // while it is set up
  LexOptions& options() noexcept { return options_; }
  Escaping escaping() const noexcept { return escaping_; }

  void parse(std::string name, std::string_view text) {
    set_->parse(name, text, options_);
    steps_.push_back({Step::text, std::move(name), std::string(text), options_});
  }

  void add_files(const std::vector<std::string>& paths) {
    parse_files(paths);
    for (const std::string& path : paths) steps_.push_back({Step::file, path, {}, options_});
  }

  void add_glob(const std::string& pattern) {
    parse_files(glob_files(pattern));
    steps_.push_back({Step::glob, pattern, {}, options_});
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

  // All of them, or none where one cannot be parsed.
  void parse_files(const std::vector<std::string>& paths) {
    set_->check_open("parse");
    auto fresh = std::make_shared<TemplateSet>(*set_);
    Stamps stamps;
    for (const std::string& path : paths) stamps.merge(parse_file(*fresh, path, options_));
    set_ = std::move(fresh), stamps_.merge(stamps);
  }

  // The stamp is taken first: a file that changes meanwhile is read again, and so is one that has
  // changed just before.
  static Stamps parse_file(TemplateSet& set, const std::string& path, const LexOptions& options) {
    const FileStamp stamp = FileStamp::of(path);
    set.parse(path.substr(path.rfind('/') + 1), read_template(path), options);
    return {{path, stamp.is_fresh() ? FileStamp{} : stamp}};
  }

  std::shared_ptr<TemplateSet> in_force() const {
    if (!watches_) return set_;
    const std::scoped_lock lock(mutex_);
    update();
    return set_;
  }

  void update() const {
    try {
      if (has_changed()) parse_anew();
    } catch (const std::system_error& e) {  // a file is gone
      throw TemplateError("watched files", 0, 0, e.what());
    } catch (const std::invalid_argument& e) {  // all of them are
      throw TemplateError("watched files", 0, 0, e.what());
    }
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
  mutable std::mutex mutex_;                       // of set_ and stamps_, where files are watched
  mutable std::shared_ptr<TemplateSet> set_ = {};  // null only while it is constructed
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
