// SPDX-License-Identifier: MIT
//
// request_state.hpp -- what stands behind a Request?
//
// In: a parsed head, put here by the engine (or by request() in tests). Out: what Request answers.
// One per thread, used again for each request: reset() forgets the values and keeps the memory.
#pragma once

#include "../context.hpp"          // Context
#include "../header.hpp"           // Header
#include "../log.hpp"              // Logger
#include "../request.hpp"          // Body, Request
#include "../response_writer.hpp"  // ResponseWriter
#include "../url.hpp"              // Values
#include "../value.hpp"            // Value
#include "parse_request.hpp"       // RequestHead

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <exception>    // std::exception_ptr
#include <functional>   // std::function
#include <memory>       // std::shared_ptr, std::unique_ptr
#include <mutex>        // std::recursive_mutex
#include <optional>     // std::optional
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// Where the bytes of a body come from: a connection, or a string in a test. See Body.
class BodySource {
 public:
  virtual std::size_t read(std::span<char> to) = 0;
  virtual void set_limit(std::uint64_t bytes) = 0;
  // How many bytes are still to come, if that was declared and is within the limit; else 0.
  virtual std::size_t expected() const noexcept = 0;

  bool begun = false;  // some of it has been read

 protected:
  ~BodySource() = default;
};

// Recursive, for a write that has to wait looks after the held back answers first.
using ResponseLock = std::recursive_mutex;

// Where a request comes from: asked only when a handler asks.
struct Origin {
  virtual Context context() noexcept = 0;
  virtual std::string_view remote_addr() noexcept = 0;
  virtual bool stopping() const noexcept = 0;  // the server has begun to shut down
  virtual bool has_room() const noexcept = 0;  // a few bytes can be sent without waiting

  // From now on, until nullptr is given, the library holds this lock while it touches the response
  // outside of the writer's functions: another thread than the handler's may answer, see timeout().
  virtual void share_response(ResponseLock* lock) noexcept = 0;

  // No byte more reaches the client: it sees the end of the connection. From any thread.
  virtual void cut() noexcept = 0;

 protected:
  ~Origin() = default;
};

using ErrorPage =
    std::function<void(ResponseWriter&, Request&, int status, std::string_view message)>;

// Logs that wait until a page has been made of what the handler threw, to tell its status and size.
using WaitingLogs = std::vector<std::function<void(const ResponseWriter&)>>;

// The values of a pattern's {names}. Names live in the router's table, values here.
class PathValues {
 public:
  // Returns the string to put the decoded value into. It has memory of an earlier request.
  std::string& add(std::string_view name) {
    if (size_ == items_.size()) items_.emplace_back();
    items_[size_].first = name;
    return items_[size_++].second;
  }
  // The last one added: the names of an inner Router hide those of an outer one.
  const std::string* find(std::string_view name) const noexcept {
    for (std::size_t i = size_; i-- > 0;)
      if (items_[i].first == name) return &items_[i].second;
    return nullptr;
  }
  void truncate(std::size_t size) noexcept { size_ = size; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::vector<std::pair<std::string_view, std::string>> items_;  // the first size_ count
  std::size_t size_ = 0;
};

struct RequestState {
  RequestHead head;  // views into the connection's buffer
  Header header;     // likewise
  std::string_view scheme = "http";
  Body body;
  Origin* origin = nullptr;               // nullptr: a request made for a test
  const Logger* log = nullptr;            // the server's
  ResponseLock* response_lock = nullptr;  // while the response is shared
  std::optional<Logger> own_log;          // this request's, by a middleware
  WaitingLogs* waiting_logs = nullptr;    // nullptr: nobody makes a page of what is thrown
  std::optional<Header> lasting;          // fields that middleware has set, and that errors keep

  // Filled in by a Router.
  std::string_view pattern;  // of the route that matched
  PathValues path_values;
  std::string_view rest;       // what a subtree pattern left over of the path, as it came
  std::size_t mount_size = 0;  // how much of head.path the mounts around this Router have used up
  std::string scratch;         // for a segment that a predicate must see decoded
  const void* matched_by = nullptr;       // the table that was asked ahead of the call ...
  const void* matched_route = nullptr;    // ... and what it found
  const ErrorPage* error_page = nullptr;  // the innermost Router's, else nullptr

  // Made when first asked for.
  std::optional<Context> context;
  std::optional<Values> query;
  std::optional<Values> cookies;
  std::optional<Value> json;
  std::shared_ptr<const Form> form;
  std::exception_ptr json_error, form_error;  // instead of the two

  std::string own_remote_addr;  // "": as the origin says

  // Of requests that were made by hand: they own their bytes.
  std::string own_bytes;
  std::unique_ptr<BodySource, void (*)(BodySource*)> own_body{nullptr, nullptr};

  // Forgets what belongs to one request.
  void reset() noexcept {
    HeaderAccess::clear(header);
    scheme = "http", pattern = {}, rest = {};
    path_values.truncate(0);
    mount_size = 0;
    matched_by = matched_route = nullptr;
    error_page = nullptr;
    if (!own_remote_addr.empty()) own_remote_addr.clear();
    if (own_log) own_log.reset();
    if (lasting) lasting.reset();
    if (context) context.reset();
    if (query) query.reset();
    if (cookies) cookies.reset();
    if (json) json.reset();
    if (form) form.reset();
    if (json_error) json_error = nullptr;
    if (form_error) form_error = nullptr;
  }
};

// The back door for those who make requests: the engine and request().
struct RequestAccess {
  static Request make(std::unique_ptr<RequestState> state) { return Request(std::move(state)); }
  static RequestState& state(Request& r) noexcept { return *r.state_; }
  static const RequestState& state(const Request& r) noexcept { return *r.state_; }
  static void set_source(Body& body, BodySource* source) noexcept { body.source_ = source; }
  static bool is_begun(const Body& body) noexcept { return body.source_ && body.source_->begun; }
};

}  // namespace jot::inline v1::detail
