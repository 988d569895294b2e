// SPDX-License-Identifier: MIT
//
// part_head.hpp -- what is said about a part of a form?
//
// In: the head of a part (RFC 7578 section 4). Out: its name, its file name and its type; or a
// Verdict. The name of a file is a stranger's: of a path only the last step is left, whichever
// way its slashes lean.
//
// filename*, which RFC 7578 section 4.2 forbids and some clients send alone, counts where there is
// no filename, so that a file is not taken for a field. name* never counts.
#pragma once

#include "../header.hpp"   // Header
#include "../url.hpp"      // percent_decode
#include "media_type.hpp"  // media_type, Parameters
#include "multipart.hpp"   // max_part_fields
#include "parse_head.hpp"  // parse_fields, Verdict
#include "utf8.hpp"        // utf8_front

#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct PartHead {
  std::string name, file_name, content_type;
  bool is_file = false;  // has a file name; an <input type=file> without a file has an empty one
};

// "C:\fakepath\a.txt" and "../../a.txt" are "a.txt"; what is no name for a file is "file". A tab is
// left out: it is the one control character that a field may have.
inline std::string bare_file_name(std::string_view path) {
  std::string name(path.substr(path.find_last_of("/\\") + 1));
  std::erase(name, '\t');
  return name.empty() || name == "." || name == ".." ? "file" : name;
}

// utf-8''%e2%82%ac.txt: RFC 8187 section 3.2.1. nullopt: another charset, or not so written.
inline std::optional<std::string> decode_extended(std::string_view value) {
  const std::size_t charset_end = value.find('\'');
  const std::size_t language_end =
      charset_end == value.npos ? value.npos : value.find('\'', charset_end + 1);
  if (language_end == value.npos || !iequals(value.substr(0, charset_end), "utf-8"))
    return std::nullopt;
  std::string text = percent_decode(value.substr(language_end + 1));
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8 c = utf8_front(rest);
    if (c.size == 0 || c.code_point < 0x20 || c.code_point == 0x7f) return std::nullopt;
    rest.remove_prefix(c.size);
  }
  return text;
}

inline void take_file_name(const Parameters& parameters, PartHead& head) {
  std::string path;
  if (const std::string* plain = parameters.find("filename"))
    path = *plain;
  else if (const std::string* extended = parameters.find("filename*"))
    path = decode_extended(*extended).value_or("");
  head.is_file = !path.empty();
  if (head.is_file) head.file_name = bare_file_name(path);
}

inline Verdict take_disposition(std::string_view field, PartHead& head) {
  if (!iequals(media_type(field), "form-data"))
    return {400, "multipart: a part without Content-Disposition: form-data"};
  const std::optional<Parameters> parameters = Parameters::parse(field);
  if (!parameters) return {400, "multipart: malformed Content-Disposition"};
  const std::string* name = parameters->find("name");
  if (!name) return {400, "multipart: a part without a name"};
  head.name = *name;
  take_file_name(*parameters, head);
  return {};
}

// lines: with the empty line at the end.
inline Verdict parse_part_head(std::string_view lines, PartHead& head) {
  head = {};
  Header fields;
  const Verdict verdict = parse_fields(lines, max_part_fields, fields);
  if (verdict.status == 431) return {400, "multipart: too many fields in the head of a part"};
  if (!verdict.ok()) return {400, "multipart: malformed head of a part"};
  if (fields.all("Content-Disposition").size() > 1)
    return {400, "multipart: a part with two Content-Dispositions"};
  // Nobody sends another any more (RFC 7578 section 4.7); taking it for bytes would be a lie.
  const std::string_view coding = fields.get("Content-Transfer-Encoding");
  if (!coding.empty() && !iequals(coding, "binary") && !iequals(coding, "8bit") &&
      !iequals(coding, "7bit"))
    return {415, "multipart: a part with a Content-Transfer-Encoding"};
  head.content_type = fields.get("Content-Type");
  return take_disposition(fields.get("Content-Disposition"), head);
}

}  // namespace jot::inline v1::detail
