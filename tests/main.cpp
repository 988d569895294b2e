// SPDX-License-Identifier: MIT
//
// main.cpp -- the test runner's main(). Catch2 3 brings its own, as Catch2::Catch2WithMain.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
