// SPDX-License-Identifier: MIT
//
// mime.ipp -- the bodies of mime.hpp.
#pragma once

#include "../detail/ascii.hpp"
#include "../mime.hpp"

#include <algorithm>  // std::is_sorted, std::lower_bound, std::transform
#include <cstddef>    // std::size_t
#include <iterator>   // std::begin, std::end

namespace jot::inline v1 {

namespace detail {

struct Extension {
  std::string_view name, type;
  constexpr bool operator<(const Extension& other) const noexcept { return name < other.name; }
};

// Sorted. Types of text say utf-8, for that is what files on Linux are.
inline constexpr Extension extensions[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rar", "application/vnd.rar"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "text/xml; charset=utf-8"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};
static_assert(std::is_sorted(std::begin(extensions), std::end(extensions)));
inline constexpr std::size_t longest_extension = std::string_view("webmanifest").size();

// extension: in lower case. Returns: "" where it is not known.
constexpr std::string_view type_of_extension(std::string_view extension) noexcept {
  const Extension* found =
      std::lower_bound(std::begin(extensions), std::end(extensions), Extension{extension, ""});
  const bool known = found != std::end(extensions) && found->name == extension;
  return known ? found->type : std::string_view();
}

// Tags that begin an HTML page when a space or > follows; written in capitals.
inline constexpr std::string_view html_tags[] = {"<!DOCTYPE HTML",
                                                 "<HTML",
                                                 "<HEAD",
                                                 "<SCRIPT",
                                                 "<IFRAME",
                                                 "<H1",
                                                 "<DIV",
                                                 "<FONT",
                                                 "<TABLE",
                                                 "<A",
                                                 "<STYLE",
                                                 "<TITLE",
                                                 "<B",
                                                 "<BODY",
                                                 "<BR",
                                                 "<P",
                                                 "<!--"};

// Bytes that tell a format: some at the start, more further on; nothing is asked of those between.
struct Signature {
  std::string_view start;
  std::string_view type;
  std::size_t more_at = 0;
  std::string_view more = {};
};

using std::string_view_literals::operator""sv;

// Before these come HTML and XML, after them MP4 and more_signatures: the order is the standard's.
inline constexpr Signature signatures[] = {
    {"%PDF-", "application/pdf"},
    {"%!PS-Adobe-", "application/postscript"},
    {"\0\0\1\0"sv, "image/x-icon"},
    {"\0\0\2\0"sv, "image/x-icon"},
    {"BM", "image/bmp"},
    {"GIF87a", "image/gif"},
    {"GIF89a", "image/gif"},
    {"RIFF", "image/webp", 8, "WEBPVP"},
    {"\x89PNG\r\n\x1A\n", "image/png"},
    {"\xFF\xD8\xFF", "image/jpeg"},
    {"FORM", "audio/aiff", 8, "AIFF"},
    {"ID3", "audio/mpeg"},
    {"OggS\0"sv, "application/ogg"},
    {"MThd\0\0\0\6"sv, "audio/midi"},
    {"RIFF", "video/avi", 8, "AVI "},
    {"RIFF", "audio/wave", 8, "WAVE"},
};

inline constexpr Signature more_signatures[] = {
    {"\x1A\x45\xDF\xA3", "video/webm"},
    {"", "application/vnd.ms-fontobject", 34, "LP"},
    {"\0\1\0\0"sv, "font/ttf"},
    {"OTTO", "font/otf"},
    {"ttcf", "font/collection"},
    {"wOFF", "font/woff"},
    {"wOF2", "font/woff2"},
    {"\x1F\x8B\x08", "application/x-gzip"},
    {"PK\3\4", "application/zip"},
    {"Rar!\x1A\7\0"sv, "application/x-rar-compressed"},
    {"Rar!\x1A\7\1\0"sv, "application/x-rar-compressed"},
    {"\0asm"sv, "application/wasm"},
};

// Returns: the type of the first signature that fits; "" when none does.
template <std::size_t N>
constexpr std::string_view match_signature(const Signature (&table)[N],
                                           std::string_view bytes) noexcept {
  for (const Signature& s : table) {
    if (!bytes.starts_with(s.start) || bytes.size() < s.more_at) continue;
    if (bytes.substr(s.more_at).starts_with(s.more)) return s.type;
  }
  return {};
}

constexpr bool looks_like_html(std::string_view s) noexcept {
  for (const std::string_view tag : html_tags) {
    if (s.size() <= tag.size() || !iequals(s.substr(0, tag.size()), tag)) continue;
    if (s[tag.size()] == ' ' || s[tag.size()] == '>') return true;
  }
  return false;
}

// A byte order mark counts only before at least one byte, or two for UTF-16.
constexpr std::string_view match_byte_order_mark(std::string_view s) noexcept {
  if (s.size() < 4) return {};
  if (s.starts_with("\xFE\xFF")) return "text/plain; charset=utf-16be";
  if (s.starts_with("\xFF\xFE")) return "text/plain; charset=utf-16le";
  if (s.starts_with("\xEF\xBB\xBF")) return "text/plain; charset=utf-8";
  return {};
}

// An MP4 file opens with a box "ftyp" that lists four-letter brands: size, "ftyp", main brand,
// version, more brands. See section 6.2.1 of the standard.
constexpr bool looks_like_mp4(std::string_view s) noexcept {
  if (s.size() < 12 || s.substr(4, 4) != "ftyp") return false;
  std::size_t size = 0;
  for (const char c : s.substr(0, 4)) size = size << 8 | static_cast<unsigned char>(c);
  if (size > s.size() || size % 4 != 0) return false;
  for (std::size_t at = 8; at < size; at += 4) {
    if (at != 12 && s.substr(at, 3) == "mp4") return true;
  }
  return false;
}

constexpr bool is_binary_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r' && c != '\x1B';
}

constexpr bool looks_like_text(std::string_view s) noexcept {
  for (const char c : s) {
    if (is_binary_byte(c)) return false;
  }
  return true;
}

}  // namespace detail

JOT_INLINE std::string_view mime_type(std::string_view file_name) noexcept {
  const std::size_t dot = file_name.find_last_of("./");
  if (dot != std::string_view::npos && file_name[dot] == '.') {
    char lower[detail::longest_extension];
    const std::string_view extension = file_name.substr(dot + 1);
    if (extension.size() <= sizeof lower) {
      std::transform(extension.begin(), extension.end(), lower, detail::to_lower);
      const std::string_view type = detail::type_of_extension({lower, extension.size()});
      if (!type.empty()) return type;
    }
  }
  return "application/octet-stream";
}

JOT_INLINE std::string_view sniff_content_type(std::string_view first_bytes) noexcept {
  constexpr std::size_t bytes_that_count = 512;
  const std::string_view s = first_bytes.substr(0, bytes_that_count);
  const std::size_t indent = s.find_first_not_of("\t\n\f\r ");
  const std::string_view trimmed = indent == std::string_view::npos ? "" : s.substr(indent);
  if (detail::looks_like_html(trimmed)) return "text/html; charset=utf-8";
  if (trimmed.starts_with("<?xml")) return "text/xml; charset=utf-8";
  if (const auto type = detail::match_byte_order_mark(s); !type.empty()) return type;
  if (const auto type = detail::match_signature(detail::signatures, s); !type.empty()) return type;
  if (detail::looks_like_mp4(s)) return "video/mp4";
  if (const auto type = detail::match_signature(detail::more_signatures, s); !type.empty()) {
    return type;
  }
  return detail::looks_like_text(trimmed) ? "text/plain; charset=utf-8"
                                          : "application/octet-stream";
}

}  // namespace jot::inline v1
