// SPDX-License-Identifier: MIT
//
// file_listing.hpp -- how does a folder look to those who may see what is in it?
//
// In: what is in it, sorted. Out: jot's own page, plain HTML. Names are escaped as text and encoded
// as links, so that a file called "<script>" is a name and nothing more.
#pragma once

#include "../file_server.hpp"  // FileEntry
#include "../text.hpp"         // html_escape, text
#include "../url.hpp"          // percent_encode
#include "http_date.hpp"       // HttpDate

#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// A link from the folder's page. The encoded name holds no colon, which could make a scheme of it.
inline std::string entry_link(const FileEntry& entry) {
  return percent_encode(entry.name) + (entry.directory ? "/" : "");
}

inline std::string listing_row(const FileEntry& entry) {
  HttpDate date;
  return text("<tr><td><a href=\"", entry_link(entry), "\">", html_escape(entry.name),
              entry.directory ? "/" : "", "</a><td>",
              entry.directory ? std::string() : std::to_string(entry.size), "<td>",
              entry.modified != 0 ? date.at(entry.modified) : "", "\n");
}

// path: of the folder, as it came.
inline std::string listing_page(std::string_view path, const std::vector<FileEntry>& entries) {
  const std::string title = html_escape(percent_decode(path));
  std::string page = text(
      "<!doctype html>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
      title, "</title>\n<h1>", title, "</h1>\n<table>\n<tr><th>Name<th>Size<th>Modified\n");
  for (const FileEntry& entry : entries) page += listing_row(entry);
  return page += "</table>\n";
}

}  // namespace jot::inline v1::detail
