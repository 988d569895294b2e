// SPDX-License-Identifier: MIT
//
// event.hpp -- what is one piece of news in a text/event-stream?
//
// See the WHATWG HTML standard, section 9.2, "Server-sent events".
#pragma once

#include "config.hpp"

#include <chrono>    // std::chrono::milliseconds
#include <optional>  // std::optional
#include <string>    // std::string

namespace jot::inline v1 {

struct Event {
  // Its type, one line, for addEventListener(); "" and "message" are the same.
  std::string event = {};

  // What the client tells the server when it comes back (Last-Event-ID), one line without NUL; "":
  // as before.
  std::string id = {};

  // UTF-8, any number of lines.
  std::string data = {};

  // How long clients shall wait before they come back, once the connection is lost, from now on.
  std::optional<std::chrono::milliseconds> retry = {};
};

}  // namespace jot::inline v1
