// SPDX-License-Identifier: MIT
//
// mime_test.cpp -- names and first bytes give the types that browsers would give.
#include "jot/mime.hpp"

#include "catch.hpp"

#include <string>       // std::string
#include <string_view>  // std::string_view

using jot::mime_type;
using jot::sniff_content_type;
using namespace std::string_literals;

namespace {
constexpr const char* html = "text/html; charset=utf-8";
constexpr const char* plain = "text/plain; charset=utf-8";
constexpr const char* binary = "application/octet-stream";
}  // namespace

TEST_CASE("mime: by the extension of a file name") {
  CHECK(mime_type("index.html") == html);
  CHECK(mime_type("a/b.c/site.CSS") == "text/css; charset=utf-8");
  CHECK(mime_type("archive.tar.gz") == "application/gzip");
  CHECK(mime_type(".js") == "text/javascript; charset=utf-8");
  CHECK(mime_type("data.json") == "application/json");
  for (const char* name : {"", "Makefile", "a.", "a.unknown", "a.html/b", "html", "a.htmlx", "."})
    CHECK(mime_type(name) == binary);
}

TEST_CASE("mime: signatures, those of other lengths and in other places") {
  struct {
    const char* name;
    std::string in;
    std::string_view want;
  } const table[] = {
      {"nothing", "", plain},
      {"text", "hello\n\r\t\f\x1b", plain},
      {"high bytes", "\xc3\xa4\xff", plain},
      {"NUL", "a\0b"s, binary},
      {"control", "a\x01", binary},
      {"vertical tab", "a\v", binary},
      {"html", "<html>", html},
      {"html, indented", " \t\r\n\f<HtMl >", html},
      {"html, no end of tag", "<html", plain},
      {"html, other end", "<html\n", plain},
      {"html, attribute", "<p class=x>", html},
      {"comment", "<!-- x", html},
      {"comment, none", "<!--x", plain},
      {"doctype", "<!doctype HTML>", html},
      {"longer tag", "<pre>", plain},
      {"a", "<a >", html},
      {"body", "<Body>", html},
      {"xml", "  <?xml version", "text/xml; charset=utf-8"},
      {"XML in capitals", "<?XML", plain},
      {"pdf", "%PDF-1.4", "application/pdf"},
      {"pdf, indented", " %PDF-1.4", plain},
      {"ps", "%!PS-Adobe-3", "application/postscript"},
      {"utf-16be", "\xfe\xff\0a"s, "text/plain; charset=utf-16be"},
      {"utf-16le", "\xff\xfe\1\1"s, "text/plain; charset=utf-16le"},
      {"utf-16, two bytes only", "\xff\xfe", plain},
      {"utf-8 with mark", "\xef\xbb\xbf\1"s, plain},
      {"ico", "\0\0\1\0x"s, "image/x-icon"},
      {"cursor", "\0\0\2\0x"s, "image/x-icon"},
      {"bmp", "BM\0"s, "image/bmp"},
      {"gif 87", "GIF87a", "image/gif"},
      {"gif 89", "GIF89a", "image/gif"},
      {"gif, none", "GIF88a", plain},
      {"webp", "RIFF\1\2\3\4WEBPVP8", "image/webp"},
      {"riff, unknown", "RIFF\1\2\3\4WEBQ", binary},
      {"png", "\x89PNG\r\n\x1a\n", "image/png"},
      {"png, cut", "\x89PNG\r\n\x1a", binary},
      {"jpeg", "\xff\xd8\xff", "image/jpeg"},
      {"aiff", "FORM\1\2\3\4AIFF", "audio/aiff"},
      {"mp3", "ID3", "audio/mpeg"},
      {"ogg", "OggS\0"s, "application/ogg"},
      {"midi", "MThd\0\0\0\6\1"s, "audio/midi"},
      {"avi", "RIFF\1\2\3\4AVI LIST", "video/avi"},
      {"wave", "RIFF\1\2\3\4WAVEfmt", "audio/wave"},
      {"mp4", "\0\0\0\x0c\x66typmp42"s, "video/mp4"},
      {"mp4, second brand", "\0\0\0\x18\x66typisomXXXXmp41abcd"s, "video/mp4"},
      {"mp4 as version is none", "\0\0\0\x10\x66typisommp41"s, binary},
      {"mp4, box longer than data", "\0\0\4\0ftypmp42"s, binary},
      {"mp4, crooked box", "\0\0\0\x0b\x66typmp42"s, binary},
      {"mp4, no size", "\0\0\0\0ftypmp42"s, binary},
      {"webm", "\x1a\x45\xdf\xa3", "video/webm"},
      {"eot", std::string(34, '\0') + "LP", "application/vnd.ms-fontobject"},
      {"ttf", "\0\1\0\0"s, "font/ttf"},
      {"otf", "OTTO", "font/otf"},
      {"ttc", "ttcf", "font/collection"},
      {"woff", "wOFF", "font/woff"},
      {"woff2", "wOF2", "font/woff2"},
      {"gzip", "\x1f\x8b\x08", "application/x-gzip"},
      {"zip", "PK\3\4", "application/zip"},
      {"rar", "Rar!\x1a\7\0"s, "application/x-rar-compressed"},
      {"rar 5", "Rar!\x1a\7\1\0"s, "application/x-rar-compressed"},
      {"wasm", "\0asm"s, "application/wasm"},
      {"NUL behind byte 512", std::string(512, 'a') + '\0', plain},
      {"NUL at byte 512", std::string(511, 'a') + '\0', binary},
  };
  for (const auto& row : table) {
    INFO(row.name);
    CHECK(sniff_content_type(row.in) == row.want);
  }
}
