// SPDX-License-Identifier: MIT
//
// mime.hpp -- which Content-Type do these bytes have?
//
// In: the name of a file, or the first bytes of a body. Out: a media type, ready to be sent.
#pragma once

#include "config.hpp"

#include <string_view>  // std::string_view

namespace jot::inline v1 {

// Judges by the extension, without regard to case: "text/css; charset=utf-8" for "site.CSS".
// Returns: "application/octet-stream" for an extension not known, or none.
std::string_view mime_type(std::string_view file_name) noexcept;

// Judges by the first 512 bytes, after the rules that browsers share, so that a browser and jot
// come to the same answer. Returns: "text/plain; charset=utf-8" where nothing speaks against it
// (also for no bytes at all), "application/octet-stream" for other binary data.
// See https://mimesniff.spec.whatwg.org
std::string_view sniff_content_type(std::string_view first_bytes) noexcept;

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/mime.ipp"
#endif
