// SPDX-License-Identifier: MIT
//
// test_folder.hpp -- a folder of its own for a test, gone with all that is in it at its end.
#pragma once

#include <dirent.h>    // opendir
#include <fcntl.h>     // AT_FDCWD
#include <ftw.h>       // nftw
#include <stdlib.h>    // mkdtemp
#include <sys/stat.h>  // mkdir, mkfifo, utimensat
#include <unistd.h>    // symlink

#include <cstdio>     // std::fopen
#include <stdexcept>  // std::runtime_error
#include <string>     // std::string
#include <string_view>

class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/jot-test-XXXXXX";
    if (!mkdtemp(name)) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { nftw(path_.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS); }

  // Of what is in it.
  std::string path(std::string_view name = {}) const {
    return name.empty() ? path_ : path_ + '/' + std::string(name);
  }

  // Folders on the way are made. Last modified on Sun, 06 Nov 1994 08:49:37 GMT.
  void write(std::string_view name, std::string_view text) const {
    for (std::size_t at = 0; (at = name.find('/', at)) != name.npos; ++at)
      mkdir(path(name.substr(0, at)).c_str(), 0777);
    std::FILE* file = std::fopen(path(name).c_str(), "wb");
    if (!file) throw std::runtime_error("cannot write " + path(name));
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
    const timespec when[2] = {{784'111'777, 5}, {784'111'777, 5}};
    utimensat(AT_FDCWD, path(name).c_str(), when, 0);
  }

  // How many files and folders there are directly in it.
  std::size_t count() const {
    std::size_t entries = 0;
    DIR* all = opendir(path_.c_str());
    while (const dirent* entry = readdir(all))
      entries += std::string_view(entry->d_name).find_first_not_of('.') != std::string_view::npos;
    closedir(all);
    return entries;
  }

  void folder(std::string_view name) const { mkdir(path(name).c_str(), 0777); }
  void fifo(std::string_view name) const { mkfifo(path(name).c_str(), 0666); }
  void link(std::string_view name, const std::string& to) const {
    if (symlink(to.c_str(), path(name).c_str()) != 0) throw std::runtime_error("symlink");
  }

 private:
  static int remove_one(const char* name, const struct stat*, int, struct FTW*) {
    return std::remove(name);
  }
  std::string path_;
};
