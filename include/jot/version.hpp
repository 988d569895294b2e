// SPDX-License-Identifier: MIT
//
// version.hpp -- which jot is this?
//
// The same three numbers as in CHANGELOG.md and CMakeLists.txt (a test compares them).
#pragma once

#define JOT_VERSION_MAJOR 0
#define JOT_VERSION_MINOR 1
#define JOT_VERSION_PATCH 0
#define JOT_VERSION "0.1.0"
