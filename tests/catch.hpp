// SPDX-License-Identifier: MIT
//
// catch.hpp -- Catch2, version 2 or 3, under one name. Tests include this and nothing else of it.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

// Version 3 keeps its matchers' helpers in namespaces of their own; what the tests use of version 2
// is found here.
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
