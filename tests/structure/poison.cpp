// poison.cpp -- other people's headers define short names as macros (X11, Windows ports, BSD, TLS
// libraries). None of them may be a word of jot's: so they are defined first here, and jot compiles.
#include <sys/param.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <source_location>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

// X11/X.h and Xlib.h
#define Always 2
#define Bool int
#define Button1 1
#define Complex 0
#define Convex 2
#define CurrentTime 0L
#define False 0
#define None 0L
#define Status int
#define Success 0
#define True 1
#define Unsorted 0
// windows.h and its ports
#define CALLBACK
#define DELETE 0x00010000L
#define ERROR 0
#define IN
#define NO_ERROR 0
#define OPTIONAL
#define OUT
#define STRICT 1
#define VOID void
#define far
#define near
// Debugging, logging and test headers
#define ASSERT(x) ((void)0)
#define CHECK(x) ((void)0)
#define DEBUG 1
#define EMPTY 0
#define FAIL() ((void)0)
#define INFO 1
#define LOG(x) ((void)0)
#define OK 0
#define TRACE 1
#define WARN(x) ((void)0)
#define verify(x) ((void)0)

#include <jot.hpp>

int main() { return jot::status_text(404).empty() ? 1 : 0; }
