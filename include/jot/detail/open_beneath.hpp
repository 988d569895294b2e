// SPDX-License-Identifier: MIT
//
// open_beneath.hpp -- how is a file opened that must not lie outside of a folder?
//
// In: a folder and a relative name, which a stranger may have made up. Out: a descriptor of what
// lies there; never of anything outside, whatever links lead where, and whatever is renamed
// meanwhile.
//
// openat2(2) (Linux 5.6) leaves the search to the kernel. Where it is missing, or forbidden by a
// sandbox that does not know it, the name is walked one folder at a time, and no symbolic link is
// followed at all.
#pragma once

#include "fd.hpp"  // Fd

#include <fcntl.h>        // openat, O_NOFOLLOW, O_PATH
#include <sys/syscall.h>  // SYS_openat2
#include <unistd.h>       // syscall

#include <cerrno>       // errno
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class Search {
  by_kernel,  // openat2: links are followed while they stay in the folder
  by_walk,    // openat for each part of the name: links are not followed
};

// struct open_how of <linux/openat2.h>, which older systems do not have.
struct OpenHow {
  static constexpr std::uint64_t no_magic_links = 0x02;  // RESOLVE_NO_MAGICLINKS
  static constexpr std::uint64_t beneath = 0x08;         // RESOLVE_BENEATH
  std::uint64_t flags, mode, resolve;
};

inline int open_by_kernel(int folder, const std::string& name, int flags) noexcept {
#ifdef SYS_openat2
  const OpenHow how{static_cast<std::uint64_t>(flags), 0,
                    OpenHow::beneath | OpenHow::no_magic_links};
  long fd = -1;
  // EAGAIN: something was renamed while a ".." of a link was followed; the kernel cannot tell where
  // it is. Somebody may rename for ever.
  for (int tries = 0; tries < 8; ++tries) {
    fd = syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return static_cast<int>(fd);
#else
  return errno = ENOSYS, static_cast<void>(folder), static_cast<void>(name), flags, -1;
#endif
}

inline int open_by_walk(int folder, std::string_view name, int flags) noexcept {
  Fd here;
  int from = folder;
  for (;;) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "..") return errno = EXDEV, -1;
    char terminated[256];  // NAME_MAX and its end
    if (part.size() >= sizeof terminated) return errno = ENAMETOOLONG, -1;
    terminated[part.copy(terminated, part.size())] = '\0';
    if (slash == name.npos) return openat(from, terminated, flags | O_NOFOLLOW);
    name.remove_prefix(slash + 1);
    here.reset(openat(from, terminated, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!here) return -1;
    from = here.get();
  }
}

// name: relative, "." for the folder itself. flags: as for open(2), without O_CREAT.
// Returns an empty Fd, with errno set, where there is nothing to be opened: EXDEV for what lies
// outside.
inline Fd open_beneath(int folder, const std::string& name, int flags, Search search) noexcept {
  if (name.empty() || name.find('\0') != name.npos) return errno = ENOENT, Fd();
  flags |= O_CLOEXEC;
  return Fd(search == Search::by_kernel ? open_by_kernel(folder, name, flags)
                                        : open_by_walk(folder, name, flags));
}

// What this system can do. Sandboxes answer EPERM to system calls that they do not know.
inline Search best_search(int folder) noexcept {
  const bool works = open_beneath(folder, ".", O_PATH | O_DIRECTORY, Search::by_kernel).get() >= 0;
  return works || (errno != ENOSYS && errno != EPERM) ? Search::by_kernel : Search::by_walk;
}

}  // namespace jot::inline v1::detail
