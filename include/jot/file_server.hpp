// SPDX-License-Identifier: MIT
//
// file_server.hpp -- which file does this path mean, and which part of it does the client lack?
//
// In: a folder, or files that are part of the program; a request. Out: the file, a part of it, or
// the word that the client has it already.
//
//     app.handle("/static/", jot::FileServer("public"));    // /static/a.css is public/a.css
//     app.handle("/", jot::FileServer("dist", {.fallback = "index.html"}));
//     app.get("/logo", [](auto& w, auto& r) { jot::serve_file(w, r, "images/logo.svg"); });
//
// - Nothing outside of the folder is served, however the path is encoded and wherever links lead;
//   nothing whose name begins with a dot; and nothing but regular files: a FIFO or a device is not
//   there. What cannot be served is 404, what may not be read 403, and 503 when no descriptors are
//   left.
// - Every answer has a strong ETag, and Last-Modified. If-Match, If-None-Match, If-Modified-Since
//   and If-Unmodified-Since are obeyed (RFC 9110 §13.2.2), and so are Range, with several parts,
//   and If-Range (§14).
// - Where a.css.br or a.css.gz lies beside a.css, it is sent to those who accept it, with a tag of
//   its own.
// - Files leave by sendfile(2). One that becomes shorter while it is sent ends in a cut connection,
//   never in a response that looks whole. Replace files by rename: then nobody sees half of each.
// A FileServer is a copyable handle, and works on many threads at a time.
#pragma once

#include "config.hpp"
#include "request.hpp"          // Request
#include "response_writer.hpp"  // ResponseWriter
#include "value.hpp"            // Value

#include <cstdint>           // std::uint64_t, std::int64_t
#include <functional>        // std::function
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <span>              // std::span
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <vector>            // std::vector

namespace jot::inline v1 {

namespace detail {
class FileTree;
class FileService;
}  // namespace detail

// A file that is part of the program.
struct EmbeddedFile {
  std::string_view name;  // "css/site.css"
  std::string_view bytes;
};

// Files that are part of the program, for a FileServer. They are served as those of a folder are,
// with an ETag made from their bytes, and without Last-Modified.
//
//     jot::FileServer files(jot::Embedded{{"index.html", "<p>hello"}, {"css/site.css", site_css}});
//
// A copyable handle. Lifetime: names and bytes are not copied: let them be literals or constants.
// Throws: std::invalid_argument for a name that no path can mean ("", "a//b", "../a"), for one that
// is there twice, and for one that is a file and a folder ("a" and "a/b").
class Embedded {
 public:
  Embedded(std::initializer_list<EmbeddedFile> files);
  explicit Embedded(std::span<const EmbeddedFile> files);

 private:
  friend class FileServer;
  std::shared_ptr<const detail::FileTree> files_;
};

// What a folder holds, for a page that lists it.
struct FileEntry {
  std::string name;           // as it is: neither escaped nor encoded
  bool directory = false;     // then a link to it ends in a slash
  std::uint64_t size = 0;     // in bytes; 0 of a directory
  std::int64_t modified = 0;  // in seconds since 1970; 0: not known
};

// For templates: {{"name", ...}, {"href", ...}, {"directory", ...}, {"size", ...}, {"modified",
// ...}}, where href is the name as a link from the folder's page.
Value to_value(const FileEntry& entry);

// How a folder is listed: writes the page for what is in it, sorted by name.
using ListPage =
    std::function<void(ResponseWriter& w, Request& r, const std::vector<FileEntry>& entries)>;

struct FileServerOptions {
  // Cache-Control of what is found. Default: none; browsers then guess, so say "no-cache" (ask each
  // time, which costs a 304) or, for names that change with their content,
  // "public, max-age=31536000, immutable".
  std::string cache_control = {};

  // Serve also what begins with a dot: .well-known, .git, .env.
  bool dotfiles = false;

  // Sent with 200 where there is no such file and the client asks for a page (Accept: text/html):
  // for programs in the browser that make up their own paths. A missing script stays a 404.
  std::string fallback = {};

  // What is sent for a folder; "": nothing.
  std::string index = "index.html";

  // List folders that have no index. Else they are 404.
  bool list = false;

  // How they are listed, instead of jot's own plain page. Where it is set, folders are listed.
  ListPage list_page = {};

  // Look for .br and .gz beside a file, where the client takes them. Not beside files whose type is
  // compressed in itself (most images, audio, video, archives).
  bool precompressed = true;
};

// Serves what the matched pattern left over of the path: with handle("/static/", ...) or
// get("/static/{path...}", ...) there is no prefix to strip. Behind a pattern without such a rest,
// and outside a Router, the whole path counts. Answers GET and HEAD, to others 405.
//
// A folder without the slash at its end is redirected to the name with it, so that relative links
// work.
class FileServer {
 public:
  // root is looked up anew for each request, so that it may be a link that is switched at a deploy.
  // A relative one means what it means now: chdir() later changes nothing.
  // Throws: std::system_error that names root, when it is no folder that can be searched now.
  explicit FileServer(std::string root, FileServerOptions options = {});
  explicit FileServer(Embedded files, FileServerOptions options = {});

  void operator()(ResponseWriter& w, Request& r) const;

 private:
  std::shared_ptr<const detail::FileService> service_;
};

// Answers with one file, of any place: the path is the program's, and links are followed. Never
// make one from what a client sent (a FileServer is for that); as a net below, a request whose own
// path has a ".." in it, encoded or not, is refused with 400. Type by name, or by content where the
// name does not tell; a Content-Type, Cache-Control or Content-Disposition that is set already is
// kept. A status other than 200 that is set already is kept too, and the file sent whole with it:
// for error pages. What is no regular file, or not there, is 404.
void serve_file(ResponseWriter& w, Request& r, const std::string& path);

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/file_server.ipp"
#endif
