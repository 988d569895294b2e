// SPDX-License-Identifier: MIT
//
// status.hpp -- what does 404 mean?
//
// In: a status code. Out: the words that stand behind it in a status line.
#pragma once

#include "config.hpp"

#include <string_view>  // std::string_view

namespace jot::inline v1 {

// Returns: "Not Found" for 404; "" for a code that IANA's registry does not know.
// See RFC 9110 section 15.
std::string_view status_text(int status) noexcept;

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/status.ipp"
#endif
