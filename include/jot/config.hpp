// SPDX-License-Identifier: MIT
//
// config.hpp -- header only, or split? Every macro of jot but the version is in this file.
//
// Header only (the default): include jot.hpp wherever you like; every body is inline.
// Split: compile all files with JOT_HEADER_ONLY=0 and exactly one of them with JOT_IMPLEMENTATION
// defined before it includes jot.hpp. The others see contracts only and compile faster.
#pragma once

#ifndef JOT_HEADER_ONLY
#define JOT_HEADER_ONLY 1
#endif

// JOT_BODIES: does this translation unit see the bodies? JOT_INLINE: what stands before them.
#if JOT_HEADER_ONLY
#define JOT_BODIES 1
#define JOT_INLINE inline
#elif defined(JOT_IMPLEMENTATION)
#define JOT_BODIES 1
#define JOT_INLINE
#else
#define JOT_BODIES 0
#define JOT_INLINE
#endif

#include <cstdio>   // std::fprintf
#include <cstdlib>  // std::abort

namespace jot::inline v1::detail {

// Ends the process with the broken rule on stderr: for mistakes after which no answer is right.
[[noreturn]] inline void assertion_failed(const char* rule, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: jot: broken rule: %s\n", file, line, rule), std::abort();
}

}  // namespace jot::inline v1::detail

// Checked in every build, whatever NDEBUG says: else two files built with and without it would
// hold two different bodies of one inline function.
#ifndef JOT_ASSERT
#define JOT_ASSERT(rule) \
  ((rule) ? static_cast<void>(0) : ::jot::detail::assertion_failed(#rule, __FILE__, __LINE__))
#endif
