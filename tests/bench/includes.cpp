// SPDX-License-Identifier: MIT
//
// includes.cpp -- what any program of this kind includes: the measure for jot's compile time.
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>

int main() {}
