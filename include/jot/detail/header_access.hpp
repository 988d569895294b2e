// SPDX-License-Identifier: MIT
//
// header_access.hpp -- how does a parser fill a Header without copying a byte?
//
// In: names and values already checked, in memory that somebody else keeps. Out: a Header that
// points at them. Only parsers use this door: what comes through it is not validated again.
#pragma once

#include "../header.hpp"  // Header
#include "arena.hpp"      // Arena

#include <cstddef>      // std::size_t
#include <memory>       // std::make_unique
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct HeaderAccess {
  // Lifetime: the bytes of both views must stay until the Header is cleared or ends.
  static void add_view(Header& header, std::string_view name, std::string_view value) {
    header.fields_.push_back({name, value});
  }

  // Copies bytes into the Header's own memory, for views of fields to come: a message that outlives
  // the buffer it arrived in. The view is good as long as the Header, or the one it is moved to.
  static std::string_view keep(Header& header, std::string_view bytes, std::size_t fields) {
    if (!header.bytes_) header.bytes_ = std::make_unique<Arena>();
    header.bytes_->reserve(bytes.size());
    header.fields_.reserve(fields);
    return header.bytes_->keep(bytes);
  }

  // Removes all fields but keeps the memory: a Header that serves one request after the other
  // allocates nothing for them.
  static void clear(Header& header) noexcept { header.clear(); }

  // How many bytes set() and add() keep, those of replaced values included.
  static std::size_t bytes_kept(const Header& header) noexcept {
    return header.bytes_ ? header.bytes_->used() : 0;
  }
};

}  // namespace jot::inline v1::detail
