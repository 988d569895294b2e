// SPDX-License-Identifier: MIT
//
// jot 0.1.0, all of it in one file. Copyright the jot authors; MIT licence.
//
// Made by single_include/generate out of include/, which is the place to read and to change.
#pragma once
#ifndef JOT_HPP
#define JOT_HPP
#ifdef JOT_VERSION
#error "the single header of jot and its include/ directory meet in one file: use one of them"
#endif

// jot.hpp -- the front door, and a guided tour.
//
// jot is a web framework in one header: the standard library and POSIX, nothing else to install.
//
//     #include "jot.hpp"
//     int main() {
//       jot::Router app;
//       app.get("/", [] { return "Hello, world.\n"; });
//       jot::listen_and_serve(":8080", app);
//     }
//
// Read the contracts in this order. How each is done stands in the file of the same name under
// impl/, and the machines that they run on under detail/, from bytes upwards.

// -------------------------------------------------------------- jot/config.hpp

// config.hpp -- header only, or split? Every macro of jot but the version is in this file.
//
// Header only (the default): include jot.hpp wherever you like; every body is inline.
// Split: compile all files with JOT_HEADER_ONLY=0 and exactly one of them with JOT_IMPLEMENTATION
// defined before it includes jot.hpp. The others see contracts only and compile faster.

#ifndef JOT_HEADER_ONLY
#define JOT_HEADER_ONLY 1
#endif

// JOT_BODIES: does this translation unit see the bodies? JOT_INLINE: what stands before them.
#if JOT_HEADER_ONLY
#define JOT_BODIES 1
#define JOT_INLINE inline
#elif defined(JOT_IMPLEMENTATION)
#define JOT_BODIES 1
#define JOT_INLINE
#else
#define JOT_BODIES 0
#define JOT_INLINE
#endif

#include <cstdio>   // std::fprintf
#include <cstdlib>  // std::abort

namespace jot::inline v1::detail {

// Ends the process with the broken rule on stderr: for mistakes after which no answer is right.
[[noreturn]] inline void assertion_failed(const char* rule, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: jot: broken rule: %s\n", file, line, rule), std::abort();
}

}  // namespace jot::inline v1::detail

// Checked in every build, whatever NDEBUG says: else two files built with and without it would
// hold two different bodies of one inline function.
#ifndef JOT_ASSERT
#define JOT_ASSERT(rule) \
  ((rule) ? static_cast<void>(0) : ::jot::detail::assertion_failed(#rule, __FILE__, __LINE__))
#endif

// -------------------------------------------------------------- jot/version.hpp

// version.hpp -- which jot is this?
//
// The same three numbers as in CHANGELOG.md and CMakeLists.txt (a test compares them).

#define JOT_VERSION_MAJOR 0
#define JOT_VERSION_MINOR 1
#define JOT_VERSION_PATCH 0
#define JOT_VERSION "0.1.0"

// -------------------------------------------------------------- jot/error.hpp

// error.hpp -- what went wrong, and who gets to know?
//
// Three ways of saying it, one for each listener:
//   Errc, Error   the weather of the network, as a value with words for a log line;
//   Result<T>     a T or an Error: what a call returns that the weather can spoil;
//   HttpError     thrown by a handler, becomes a response: the only words that reach a client.
// A mistake of the programmer (a bad pattern, an unusable address) throws a standard exception.

#include <exception>         // std::exception
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <system_error>      // std::error_code
#include <type_traits>       // std::true_type
#include <utility>           // std::move, std::pair

namespace jot::inline v1 {

class Header;

// The errors that jot itself names; all others are the system's (std::errc).
// canceled compares equal to std::errc::operation_canceled, deadline_exceeded to timed_out.
enum class Errc {
  canceled = 1,       // a Context was cancelled
  deadline_exceeded,  // a deadline passed: of a Context, or a timeout of ours
  connection_closed,  // the other side closed in the middle of a message
  too_large,          // more bytes than the caller allowed
  bad_message,        // what came in is not HTTP
  refused_by_policy,  // a rule of ours forbids it: too many redirects, for example
};

// Found by argument-dependent lookup, so that std::error_code ec = Errc::canceled works.
std::error_code make_error_code(Errc e) noexcept;

// An error code with words. It is a value: copy it, keep it, compare its code().
class Error {
 public:
  // An empty message becomes that of the code.
  Error(std::error_code code, std::string message = {});

  std::error_code code() const noexcept { return code_; }

  // For a log line: "GET http://127.0.0.1:4200/get: Connection refused".
  const std::string& message() const noexcept { return message_; }

  // Did a deadline pass: of a Context, or a timeout of jot or of the system?
  bool timeout() const noexcept;

  // Was the Context cancelled?
  bool canceled() const noexcept;

 private:
  std::error_code code_;
  std::string message_;
};

namespace detail {
[[noreturn]] void throw_error(const Error& error);  // as std::system_error
}  // namespace detail

// A T or an Error.
//
//     Result<Response> res = client.get(url);
//     if (!res) return log.warn(res.error().message());
//     use(res->body);
//
// Whoever takes the T without looking gets an exception with the words of the Error, never garbage.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const noexcept { return value_.has_value(); }

  // Throws: std::system_error with the code and words of the Error, if there is no T.
  T& operator*() & { return check(), *value_; }
  const T& operator*() const& { return check(), *value_; }
  T operator*() && { return check(), *std::move(value_); }
  T* operator->() { return check(), &*value_; }
  const T* operator->() const { return check(), &*value_; }

  T value_or(T other) && { return value_ ? *std::move(value_) : std::move(other); }

  // Returns: the Error; one with code 0 where there is a T.
  const Error& error() const { return error_; }

 private:
  void check() const {
    if (!value_) detail::throw_error(error_);
  }

  std::optional<T> value_;
  Error error_{std::error_code()};
};

// Thrown by a handler: becomes that response, with the message as its text.
//
//     throw HttpError{404, "no such post"};
//     throw HttpError{429, "slow down", {{"Retry-After", "5"}}};
//
// The message reaches the client: put nothing there that a stranger should not read.
class HttpError : public std::exception {
 public:
  // status: 300 to 599; any other becomes 500. An empty message becomes the status text.
  // Throws: std::invalid_argument for a field that Header would refuse.
  HttpError(int status, std::string message = {});
  HttpError(int status, std::string message,
            std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  int status() const noexcept { return status_; }
  const Header& header() const noexcept;  // WWW-Authenticate, Retry-After, ...
  const char* what() const noexcept override;

 private:
  int status_;
  // Shared, because copying an exception must not throw.
  std::shared_ptr<const std::string> message_;
  std::shared_ptr<const Header> header_;
};

}  // namespace jot::inline v1

template <>
struct std::is_error_code_enum<jot::Errc> : std::true_type {};

// -------------------------------------------------------------- jot/header.hpp

// header.hpp -- which fields does a message carry?
//
// In: names and values, from a parser or from you. Out: lookups without regard to case, values in
// order of arrival. This is the one place where fields are validated before they are sent: a name
// is a token, a value has no control characters, so no value can ever smuggle in a line of its own.
// Threads: like a std::vector: many readers or one writer.

#include <concepts>          // std::integral, std::same_as
#include <cstddef>           // std::size_t, std::nullptr_t
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::unique_ptr
#include <string_view>       // std::string_view
#include <vector>            // std::vector

namespace jot::inline v1 {

namespace detail {
class Arena;
struct HeaderAccess;
}  // namespace detail

// One field of a message, as a view.
struct Field {
  std::string_view name, value;
};

// The fields of a request, a response or a trailer.
//
//     w.header().set("Cache-Control", "no-store").add("Vary", "Accept-Encoding");
//     for (const Field& f : r.header()) w.write(f.name, ": ", f.value, "\n");
//
// Names are compared without regard to case and kept as they were given. Copies own their bytes.
// Lifetime: every view it gives out is good until this Header changes or ends.
class Header {
 public:
  Header();
  Header(std::initializer_list<Field> fields);  // Header{{"A", "1"}, {"B", "2"}}; throws as add()
  Header(const Header& other);
  Header(Header&& other) noexcept;  // other is left empty
  Header& operator=(const Header& other);
  Header& operator=(Header&& other) noexcept;
  ~Header();

  // Makes this the only field of that name; it stands where the first one stood, else at the end.
  // Spaces and tabs around the value are dropped. The value may be a view into this Header.
  // Throws: std::invalid_argument that names the field, when the name is not a token or the value
  // holds a control character other than a tab (CR, LF and NUL among them). Nothing is changed
  // then.
  Header& set(std::string_view name, std::string_view value);

  // A number: Content-Length and friends.
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Header& set(std::string_view name, I value) {
    if constexpr (I(-1) < I(0))
      return set_signed(name, value);
    else
      return set_unsigned(name, value);
  }

  Header& set(std::string_view name, std::nullptr_t) = delete;

  // Adds one more field of that name, at the end. Throws: as set().
  Header& add(std::string_view name, std::string_view value);

  // Removes all fields of that name, if there are any.
  Header& remove(std::string_view name);

  // Returns: the value of the first field of that name; "" when there is none.
  std::string_view get(std::string_view name) const noexcept;

  bool has(std::string_view name) const noexcept;

  // Returns: the values of all fields of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  const Field* begin() const noexcept { return fields_.data(); }
  const Field* end() const noexcept { return fields_.data() + fields_.size(); }

 private:
  friend struct detail::HeaderAccess;

  Header& set_signed(std::string_view name, long long value);
  Header& set_unsigned(std::string_view name, unsigned long long value);
  Field keep(std::string_view name, std::string_view value);
  void keep_all(const Field* first, const Field* last);
  void drop_stale_bytes();
  void clear() noexcept;

  std::vector<Field> fields_;
  std::unique_ptr<detail::Arena> bytes_;  // what set() and add() copied; null until the first
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/mime.hpp

// mime.hpp -- which Content-Type do these bytes have?
//
// In: the name of a file, or the first bytes of a body. Out: a media type, ready to be sent.

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

// -------------------------------------------------------------- jot/status.hpp

// status.hpp -- what does 404 mean?
//
// In: a status code. Out: the words that stand behind it in a status line.

#include <string_view>  // std::string_view

namespace jot::inline v1 {

// Returns: "Not Found" for 404; "" for a code that IANA's registry does not know.
// See RFC 9110 section 15.
std::string_view status_text(int status) noexcept;

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/text.hpp

// text.hpp -- how do strings and numbers become one text?
//
// In: the parts that text(), ResponseWriter::write() and friends take. Out: their characters, one
// after the other, the same in every locale.

#include <concepts>     // std::convertible_to, std::integral, std::floating_point, std::same_as
#include <cstddef>      // std::nullptr_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::decay_t, std::is_pointer_v

namespace jot::inline v1 {

template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view>;

template <class T>
concept NumberLike = std::integral<T> || std::floating_point<T>;

// Characters of other encodings are integers to the language; printing their numbers is never
// meant.
template <class T>
concept OddChar = std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                  std::same_as<T, char16_t> || std::same_as<T, char32_t>;

// What can be a part of a text: strings as they are, char as a letter, bool as true or false, every
// other integer as a number (unsigned char, too), floating point in the shortest digits that read
// back as the same number. Pointers, enums, durations and wide characters are refused.
template <class T>
concept Part =
    (TextLike<T> || NumberLike<T>) && !OddChar<T> && !std::same_as<std::decay_t<T>, std::nullptr_t>;

namespace detail {
void append_part(std::string& to, std::string_view text);
void append_part(std::string& to, char letter);
void append_part(std::string& to, bool truth);
void append_part(std::string& to, long long number);
void append_part(std::string& to, unsigned long long number);
void append_part(std::string& to, float number);
void append_part(std::string& to, double number);
void append_part(std::string& to, long double number);

// Picks the plain function above that prints a T. A null const char* prints nothing.
template <Part T>
void append_any(std::string& to, const T& part) {
  if constexpr (TextLike<T>) {
    if constexpr (std::is_pointer_v<T>) {
      if (part == nullptr) return;
    }
    append_part(to, std::string_view(part));
  } else if constexpr (std::same_as<T, char> || std::same_as<T, bool> || std::floating_point<T>) {
    append_part(to, part);
  } else if constexpr (std::is_signed_v<T>) {
    append_part(to, static_cast<long long>(part));
  } else {
    append_part(to, static_cast<unsigned long long>(part));
  }
}

template <Part... Parts>
void append_parts(std::string& to, const Parts&... parts) {
  (append_any(to, parts), ...);
}
}  // namespace detail

// Makes one string of all parts: text("page ", 3, " of ", total, '\n').
template <Part... Parts>
std::string text(const Parts&... parts) {
  std::string joined;
  return detail::append_parts(joined, parts...), joined;
}

// Makes text safe inside HTML elements and quoted attributes: & < > " ' become character
// references. For the few who write HTML by hand; Templates know the other contexts as well.
std::string html_escape(std::string_view s);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/url.hpp

// url.hpp -- what do the percent signs of a URL stand for?
//
// In: pieces of a URL, or a urlencoded form. Out: the bytes that were meant, and back.
// See RFC 3986 section 2.1 and the WHATWG URL standard, application/x-www-form-urlencoded.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace jot::inline v1 {

// Encodes everything but A-Z a-z 0-9 - . _ ~, so that the result is one segment of a path, or one
// name or value of a query, whatever is in it: "a b/c" becomes "a%20b%2Fc".
std::string percent_encode(std::string_view s);

// Replaces %XX by the byte it stands for. What is not a full escape stays as it is: "100%" is
// "100%". A plus sign stays a plus sign; only Values takes it for a space.
std::string percent_decode(std::string_view s);

// Decoded name=value pairs, in order of arrival: a query or a urlencoded form.
// Lifetime: it owns its strings; references are good until it changes or ends.
class Values {
 public:
  using Pair = std::pair<std::string, std::string>;

  // Nobody means more than these; a stranger may, for each costs more memory than it has bytes.
  static constexpr std::size_t max_pairs = 10'000;

  Values() = default;

  // Reads "a=1&b=two+words&c=%26": plus is a space, a name without = has the value "", empty pairs
  // are skipped. Throws: HttpError 400 when there are more than max_pairs.
  static Values parse(std::string_view encoded);

  // Returns: the first value of that name; "" when absent. Names are compared with case.
  const std::string& get(std::string_view name) const noexcept;

  // Returns: the first value of that name; nullptr when absent.
  const std::string* find(std::string_view name) const noexcept;

  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }

  // Returns: the values of all pairs of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  void add(std::string name, std::string value);

  // Returns: "a=1&b=two+words", to be read by parse().
  std::string encode() const;

  std::size_t size() const noexcept { return pairs_.size(); }
  bool empty() const noexcept { return pairs_.empty(); }
  const Pair* begin() const noexcept { return pairs_.data(); }
  const Pair* end() const noexcept { return pairs_.data() + pairs_.size(); }

 private:
  std::vector<Pair> pairs_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/context.hpp

// context.hpp -- does anybody still want this work done?
//
// A Context is asked by whoever works (done, sleep_for, wait) and ended by whoever waits (a
// CancelFunc, a deadline, a signal; for a request: its client leaving, the server shutting down).
//
//     int answer(const Context& parent) {
//       auto [ctx, cancel] = with_timeout(parent, 50ms);   // leaving the scope cancels
//       while (!found && ctx.sleep_for(5ms)) look();       // false: stop, nobody waits any more
//     }
//
// Contexts form a tree. Ending one ends all below it, never one above; a child takes its parent's
// values, and a deadline that is not later than its parent's. Nothing of a Context points at the
// server that made it: keep copies as long as you like.
// Threads: all of this may be called from any thread at any time, on copies and on the same object
// when nobody assigns to it.
// Fork: a child that does not exec has no timer thread; deadlines and signals do not end Contexts
// there. What is ended by a CancelFunc works.

#include <signal.h>  // SIGINT, SIGTERM for notify_context

#include <chrono>            // std::chrono::steady_clock, std::chrono::nanoseconds
#include <concepts>          // std::constructible_from
#include <functional>        // std::function
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <stop_token>        // std::stop_token
#include <system_error>      // std::error_code
#include <utility>           // std::exchange, std::forward, std::swap

namespace jot::inline v1 {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

class AfterFunc;
class CancelFunc;
class Context;
struct CancelScope;

namespace detail {
class AfterCall;
class ContextState;
struct ContextAccess;
}  // namespace detail

// Under which a Context holds a value of type T. The key is its address, its name is for people:
//
//     inline constexpr ContextKey<User> current_user{"current_user"};
template <class T>
class ContextKey {
 public:
  explicit constexpr ContextKey(const char* name) : name_(name) {}
  ContextKey(const ContextKey&) = delete;
  ContextKey& operator=(const ContextKey&) = delete;
  constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

// A handle on one node of the tree, the size of a pointer and cheap to copy. Never null: one that
// is default-made or moved from is background(), which never ends and costs nothing.
class Context {
 public:
  Context() noexcept = default;
  Context(const Context& other) noexcept;
  Context(Context&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Context& operator=(Context other) noexcept { return std::swap(state_, other.state_), *this; }
  ~Context();

  // Has it ended? Once true, always true. Cheap enough for an inner loop.
  bool done() const noexcept;

  // How it ended: {} while it has not, Errc::deadline_exceeded, or Errc::canceled for all else.
  std::error_code err() const noexcept;

  // Why it ended, in the words of whoever ended it: what CancelFunc was given, "client gone", the
  // deadline. Returns: an Error with code 0 while it has not ended.
  Error cause() const;

  // When it will end at the latest: the earliest of its own and its ancestors'.
  std::optional<Clock::time_point> deadline() const noexcept;

  // The time until the deadline: 0 when that has passed, nanoseconds::max() without one.
  nanoseconds remaining() const noexcept;

  // Sleeps for d, or until it ends if that is earlier; not at all when d <= 0.
  // Returns: true when it slept d out, false when the Context has ended.
  bool sleep_for(nanoseconds d) const;

  // Sleeps until it ends: for ever on background().
  void wait() const;

  // Sleeps until it ends, for d at most; not at all when d <= 0. Returns: done().
  bool wait_for(nanoseconds d) const;

  // For std::condition_variable_any::wait and std::stop_callback. Callbacks run on the thread that
  // ends the Context. background()'s token says stop_possible() == false.
  std::stop_token stop_token() const noexcept;

  // A descriptor for poll(), readable (POLLIN) once this is done. Made when first asked for; -1 for
  // background(), which poll() skips. Never read from it and never close it: it is shared.
  // Lifetime: as long as this Context or a copy. Throws: std::system_error when there is none left.
  int fd() const;

  // The value that with_value set for this key here or nearest above; nullptr: none did.
  // Lifetime: as long as this Context or a copy.
  template <class T>
  const T* value(const ContextKey<T>& key) const noexcept {
    return static_cast<const T*>(find_value(&key));
  }

 private:
  friend struct detail::ContextAccess;
  const void* find_value(const void* key) const noexcept;
  detail::ContextState* state_ = nullptr;  // nullptr: background()
};

// Ends the Context it came with: when called, and at the latest when it goes out of scope. Only the
// first end counts. Callbacks of the Context (after_func, stop_token) run in that call, before it
// returns.
class CancelFunc {
 public:
  CancelFunc() noexcept = default;  // ends nothing
  CancelFunc(CancelFunc&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  CancelFunc& operator=(CancelFunc&& other) noexcept;  // ends what it held before
  ~CancelFunc();

  // err() and cause() become Errc::canceled.
  void operator()() const noexcept;

  // err() becomes Errc::canceled, cause() the one given.
  void operator()(Error cause) const noexcept;

  // Lets go: from now on the Context ends with its deadline or its parent only.
  void release() noexcept;

 private:
  friend struct detail::ContextAccess;
  detail::ContextState* state_ = nullptr;
};

// A Context and what ends it: `auto [ctx, cancel] = with_cancel(parent);`, or keep it as a member.
// Assigning to one ends the Context it held. The .ctx alone of a temporary has ended by the next
// line, for its cancel is gone: pass it on (work(with_timeout(p, 1s).ctx)), do not keep it.
struct [[nodiscard]] CancelScope {
  Context ctx;
  CancelFunc cancel;
};

// The root: never ends, has no deadline and no values. Free.
inline Context background() noexcept { return {}; }

// A child that ends with its parent or its cancel.
CancelScope with_cancel(const Context& parent);

// A child that ends by itself, too, when max has passed (at once for max <= 0) ...
// Throws: std::system_error when the timer's thread cannot be started.
CancelScope with_timeout(const Context& parent, nanoseconds max);

// ... or at a moment. Clock::time_point::max() never comes.
CancelScope with_deadline(const Context& parent, Clock::time_point when);

namespace detail {
Context with_shared_value(const Context& parent, const void* key, std::shared_ptr<const void> v);
}  // namespace detail

// A child that holds a value: for what belongs to the request (its user, its trace), not for
// arguments. Ends with its parent.
template <class T, class U>
  requires std::constructible_from<T, U>
Context with_value(const Context& parent, const ContextKey<T>& key, U&& value) {
  return detail::with_shared_value(parent, &key, std::make_shared<const T>(std::forward<U>(value)));
}
// A temporary key is lost at once: nobody could ask for the value.
template <class T, class U>
Context with_value(const Context& parent, const ContextKey<T>&& key, U&& value) = delete;

// A child with the parent's values that does not end with it and has no deadline: for work that
// outlives its request.
Context without_cancel(const Context& parent);

// A Context that ends at the first of these signals, with "received SIGINT" or the like as cause:
//
//     server.listen_and_serve(notify_context({SIGINT, SIGTERM}));
//
// By then the signals have back the effect they had before, so that Ctrl-C twice ends a process
// that hangs; the same when the last copy is gone. While several wait for one signal, all end.
// Throws: std::system_error for a signal that cannot be caught; std::invalid_argument for none.
Context notify_context(std::initializer_list<int> signals);

// Keeps a callback in place. Its destructor takes the callback away, or waits for it where it is
// running on another thread: after it, nothing that the callback refers to is touched any more.
class [[nodiscard]] AfterFunc {
 public:
  AfterFunc(AfterFunc&& other) noexcept;
  AfterFunc& operator=(AfterFunc&& other) noexcept;  // as the destructor, for what it held before
  ~AfterFunc();

  // Takes the callback away. Returns: true when it will never run; false when it has run or is
  // running, for which stop() does not wait.
  bool stop() noexcept;

 private:
  friend AfterFunc after_func(const Context& ctx, std::function<void()> f);
  explicit AfterFunc(std::shared_ptr<detail::AfterCall> call) noexcept;
  std::shared_ptr<detail::AfterCall> call_;  // nullptr: f never runs
};

// Runs f once when ctx ends: on the thread that ends it (for a deadline the timer's, which all
// deadlines share, so be quick), or right here when it has ended before. f must not throw.
// As with any callback: no lock may be held by whoever ends ctx or drops the AfterFunc that f
// takes.
AfterFunc after_func(const Context& ctx, std::function<void()> f);

namespace detail {
// For the library's own machines, which make and hold states themselves.
struct ContextAccess {
  // One more handle on this state; nullptr: background().
  static Context wrap(ContextState* state) noexcept;
  // A handle that takes the caller's reference over.
  static Context adopt(ContextState* state) noexcept;
  // The same for what ends it.
  static CancelFunc adopt_cancel(ContextState* state) noexcept;
  static ContextState* state(const Context& ctx) noexcept { return ctx.state_; }
};
}  // namespace detail

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/value.hpp

// value.hpp -- what do templates, JSON and log lines speak about?
//
// In: numbers, text, lists and maps, written in braces or made from types of your own. Out: a
// Value, a tree of null, bool, int (64 bits), double, string, list and map.
//
//     Value page = {{"title", "Home"}, {"items", List{1, 2, 3}}};     // a braced list is always a
//     map page["title"].as_string();  page["items"][0].as_int();
//
// A string that is known to be HTML, CSS, ... can say so: Value{HTML{"<b>trusted</b>"}}. Templates
// pass it as what it is; everything else treats it as text. A Value owns all below it; copies are
// deep. const members may run on many threads at a time.

#include <concepts>          // std::floating_point, std::integral, std::same_as, ...
#include <cstddef>           // std::nullptr_t, std::size_t
#include <cstdint>           // std::int64_t, std::uint64_t
#include <exception>         // std::exception
#include <functional>        // std::less
#include <initializer_list>  // std::initializer_list
#include <map>               // std::map
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <type_traits>       // std::conditional_t, std::is_pointer_v
#include <utility>           // std::move
#include <vector>            // std::vector

namespace jot::inline v1 {

class Value;
struct Entry;

namespace detail {
class JsonParser;
}  // namespace detail

// A list of values. `List{other_list}` copies or nests, as the compiler likes (CWG 2137): to put a
// list into a list write List{Value(inner)}.
using List = std::vector<Value>;

// Values by name, sorted; look-ups take any text.
using Map = std::map<std::string, Value, std::less<>>;

// Typed content: text that is known to be safe as what its type says. Only wrap what you wrote or
// checked yourself: a template inserts it as it stands.
struct HTML {
  std::string text;
};
struct CSS {
  std::string text;
};
struct JS {  // an expression
  std::string text;
};
struct JSStr {  // what stands between the quotes of a string
  std::string text;
};
struct URL {
  std::string text;
};
struct HTMLAttr {  // an attribute with its value: dir="ltr"
  std::string text;
};
struct Srcset {
  std::string text;
};

template <class T>
concept TypedContent = std::same_as<T, HTML> || std::same_as<T, CSS> || std::same_as<T, JS> ||
                       std::same_as<T, JSStr> || std::same_as<T, URL> ||
                       std::same_as<T, HTMLAttr> || std::same_as<T, Srcset>;

// A Value was asked for what it is not: "title: want string, have null".
// About a part of r.json(), it is the client's mistake: who lets it go answers 400 with these words
// and the whole path, "items[2].title: want string, have null". About any other Value, a copy of
// such a part included, it is the server's own, and 500.
class ValueError : public std::exception {
 public:
  explicit ValueError(std::string what)
      : what_(std::make_shared<const std::string>(std::move(what))) {}

  // About this Value, for what you ask of it yourself: ValueError(v["age"], "want an age, have
  // -1"). Names the key if it was not there.
  ValueError(const Value& about, std::string_view problem);

  const char* what() const noexcept override { return what_->c_str(); }

  // For comparing only, as it may have ended: the Value it is about, or the one that lacks the key
  // with which what() begins. nullptr: unknown.
  const Value* where() const noexcept { return where_; }
  bool names_key() const noexcept { return names_key_; }

 private:
  const Value* where_ = nullptr;
  bool names_key_ = false;
  std::shared_ptr<const std::string> what_;  // shared, because copying an exception must not throw
};

namespace detail {

// A type of yours that says what it looks like as a Value: `Value to_value(const Post&)`, beside
// Post.
template <class T>
concept HasToValue = requires(const T& t) {
  { to_value(t) } -> std::same_as<Value>;
};

// Neither bool nor char: is 'a' a letter or a number? Nor what does not fit in 64 bits.
template <class T>
concept Number = NumberLike<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !OddChar<T> &&
                 (std::floating_point<T> || sizeof(T) <= sizeof(std::int64_t));

template <class T>
concept BecomesValue = std::convertible_to<const T&, Value>;

template <TextLike S>
std::string copy_text(const S& text) {
  if constexpr (std::is_pointer_v<S>)
    return text == nullptr ? std::string() : std::string(text);
  else
    return std::string(std::string_view(text));
}

}  // namespace detail

class Value {
 public:
  // What a Value can hold. Typed content keeps its type; see is_content().
  enum class Kind : std::uint8_t {
    null,
    boolean,
    integer,
    floating,
    string,
    list,
    map,
    html,  // from here on: typed content
    css,
    js,
    js_str,
    url,
    html_attr,
    srcset,
  };

  // Null. So is `{}`; an empty map is Map{}.
  Value() noexcept : zeros_{} {}
  Value(std::nullptr_t) noexcept : Value() {}

  Value(const Value& other);
  Value(Value&& other) noexcept;  // leaves null behind
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value() { drop(); }

  // Exactly bool: a pointer never becomes true.
  template <std::same_as<bool> B>
  Value(B b) noexcept : Value() {
    set_bool(b);
  }

  // An int, or a double; an unsigned number above INT64_MAX becomes a double.
  template <detail::Number N>
  Value(N n) noexcept;

  // A string: a copy of the text. A null const char* is an empty one.
  template <TextLike S>
  Value(const S& text) : Value(detail::copy_text(text), Kind::string) {}
  template <std::same_as<std::string> S>
  Value(S&& text) : Value(static_cast<std::string&&>(text), Kind::string) {}

  template <TypedContent C>
  Value(C content) : Value(std::move(content.text), kind_of<C>()) {}

  // Templates, so that a braced list is never taken for one of these.
  template <std::same_as<List> L>
  Value(L list) noexcept : list_(std::move(list)), kind_(Kind::list) {}
  template <std::same_as<Map> M>
  Value(M map) : map_(new Map(std::move(map))), kind_(Kind::map) {}

  // {{"k", v}, ...}: a map, always. Of two entries with one key the last counts.
  Value(std::initializer_list<Entry> entries);

  // What your to_value() says, found by ADL.
  template <class T>
    requires detail::HasToValue<T>
  Value(const T& t) : Value(to_value(t)) {}

  template <class T>
  Value(const std::vector<T>& items)
    requires(!std::same_as<T, Value>);
  template <class T>
  Value(const std::map<std::string, T>& items);
  template <class T>
  Value(const std::optional<T>& maybe);  // empty: null

  Kind kind() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == Kind::null; }
  bool is_bool() const noexcept { return kind_ == Kind::boolean; }
  bool is_int() const noexcept { return kind_ == Kind::integer; }
  bool is_double() const noexcept { return kind_ == Kind::floating; }
  bool is_number() const noexcept { return is_int() || is_double(); }
  bool is_string() const noexcept { return kind_ == Kind::string; }  // typed content is not
  bool is_content() const noexcept { return kind_ >= Kind::html; }  // typed content, HTML to Srcset
  bool is_list() const noexcept { return kind_ == Kind::list; }
  bool is_map() const noexcept { return kind_ == Kind::map; }

  // What it holds. Throws ValueError when it holds something else, naming the key if it was not
  // there. as_int() takes a double that is whole and in range, as_double() any number, as_string()
  // the text of typed content as well. Lifetime of a reference: until this Value is assigned to or
  // ends.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const&;
  std::string as_string() &&;
  const List& as_list() const&;
  List& as_list() &;
  List as_list() &&;
  const Map& as_map() const&;
  Map& as_map() &;
  Map as_map() &&;

  // The same; `otherwise` where those throw. For what a client sent.
  bool as_bool(bool otherwise) const noexcept;
  std::int64_t as_int(std::int64_t otherwise) const noexcept;
  double as_double(double otherwise) const noexcept;
  std::string as_string(std::string_view otherwise) const;

  // The value of that key. Of a const Value: null when there is none, or this is no map.
  // Otherwise the key is made when absent, and null becomes a map. Throws ValueError when this is
  // neither null nor a map.
  const Value& operator[](std::string_view key) const& noexcept;
  Value& operator[](std::string_view key) &;
  Value operator[](std::string_view key) &&;

  // The element at index, from 0. Of a const Value: null when out of range, or this is no list.
  // Otherwise throws ValueError then.
  template <std::integral I>
  const Value& operator[](I index) const& noexcept {
    return element(static_cast<std::size_t>(index));
  }
  template <std::integral I>
  Value& operator[](I index) & {
    return element(static_cast<std::size_t>(index));
  }
  template <std::integral I>
  Value operator[](I index) && {
    return std::move(*this).element(static_cast<std::size_t>(index));
  }

  const Value* find(std::string_view key) const noexcept;  // nullptr: absent, or this is no map
  bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

  // How many elements or entries; 0 when this is neither a list nor a map.
  std::size_t size() const noexcept;

  // Appends. Null becomes a list first; throws ValueError when this is neither.
  void push_back(Value v);

  // Equal in kind and content; but numbers are equal when they are the same number: 1 and 1.0 are,
  // 2^53 + 1 and 2^53 as a double are not.
  friend bool operator==(const Value& a, const Value& b) noexcept { return a.equals(b); }

 private:
  friend class detail::JsonParser;

  Value(std::string text, Kind kind) noexcept : text_(std::move(text)), kind_(kind) {}

  template <class C>
  static constexpr Kind kind_of() noexcept;

  void set_bool(bool b) noexcept { boolean_ = b, kind_ = Kind::boolean; }
  void set_number(double n) noexcept { floating_ = n, kind_ = Kind::floating; }
  void set_number(std::int64_t n) noexcept { integer_ = n, kind_ = Kind::integer; }
  void set_number(std::uint64_t n) noexcept;

  // Make null a string, or an empty one to be filled in place.
  void become_string(std::string_view text);
  List& become_list() noexcept;
  Map& become_map();

  bool has_text() const noexcept { return is_string() || is_content(); }
  bool owns() const noexcept { return kind_ >= Kind::string; }  // text, list or map
  const Value& element(std::size_t index) const& noexcept;
  Value& element(std::size_t index) &;
  Value element(std::size_t index) &&;
  bool equals(const Value& other) const noexcept;
  void take(Value& other) noexcept;  // this holds nothing yet; leaves null behind
  void end() noexcept;               // ends what it owns; kind_ is stale until set
  void drop() noexcept {
    if (owns()) end();
  }

  union {
    // All of it, so that compilers that lose sight of kind_ do not warn of uninitialized members.
    unsigned char zeros_[sizeof(std::string)];
    bool boolean_;
    std::int64_t integer_;
    double floating_;
    std::string text_;  // string and typed content
    List list_;
    Map* map_;  // owned; never null while kind_ is map
  };
  Kind kind_ = Kind::null;
};

// "k" and v of {"k", v}. The key takes text only, neither 0 nor a list in braces.
struct Entry {
  template <TextLike K>
  Entry(const K& k, Value v) : key(std::string_view(k)), value(std::move(v)) {}

  std::string key;
  Value value;
};

// ---- what had to wait until Value was complete

template <detail::Number N>
Value::Value(N n) noexcept : Value() {
  if constexpr (std::floating_point<N>) {
    set_number(static_cast<double>(n));
  } else {
    using Wide = std::conditional_t<std::signed_integral<N>, std::int64_t, std::uint64_t>;
    set_number(Wide{n});
  }
}

template <class T>
Value::Value(const std::vector<T>& items)
  requires(!std::same_as<T, Value>)
    : Value(List()) {
  static_assert(detail::BecomesValue<T>,
                "jot: a vector becomes a Value if T does: write Value to_value(const T&)");
  for (const T& item : items) list_.push_back(Value(item));
}

template <class T>
Value::Value(const std::map<std::string, T>& items) : Value(Map()) {
  static_assert(detail::BecomesValue<T>,
                "jot: a map becomes a Value if T does: write Value to_value(const T&)");
  for (const auto& [key, item] : items) map_->emplace_hint(map_->end(), key, Value(item));
}

template <class T>
Value::Value(const std::optional<T>& maybe) : Value() {
  static_assert(detail::BecomesValue<T>,
                "jot: an optional becomes a Value if T does: write Value to_value(const T&)");
  if (maybe) *this = Value(*maybe);
}

template <class C>
constexpr Value::Kind Value::kind_of() noexcept {
  constexpr bool same[] = {std::same_as<C, HTML>,  std::same_as<C, CSS>, std::same_as<C, JS>,
                           std::same_as<C, JSStr>, std::same_as<C, URL>, std::same_as<C, HTMLAttr>};
  std::uint8_t i = 0;
  while (i < sizeof(same) && !same[i]) ++i;
  return static_cast<Kind>(static_cast<std::uint8_t>(Kind::html) + i);
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/from_value.hpp

// from_value.hpp -- how does a Value become a type of yours?
//
// In: a Value, and a T: bool, a number, std::string, Value; std::optional, std::vector and
// std::map<std::string, ...> of these; or a type with a from_value() of its own beside it, found by
// ADL:
//
//     struct Post { std::string title; std::optional<int> stars; };
//     void from_value(const jot::Value& v, Post& to) {
//       to.title = v["title"].as_string();
//       to.stars = jot::from_value<std::optional<int>>(v["stars"]);
//     }
//     auto posts = jot::from_value<std::vector<Post>>(v);
//
// Out: the T; ValueError when the Value holds something else. The way back is to_value().

#include <concepts>  // std::default_initializable, std::floating_point, std::integral, std::same_as
#include <cstdint>   // std::int64_t
#include <limits>    // std::numeric_limits
#include <map>       // std::map
#include <optional>  // std::optional
#include <string>    // std::string
#include <vector>    // std::vector

namespace jot::inline v1 {

namespace detail {

template <class T>
concept HasFromValue =
    std::default_initializable<T> && requires(const Value& v, T& to) { from_value(v, to); };

// Throws ValueError, too, when it is not in that range.
std::int64_t integer_within(const Value& v, std::int64_t low, std::int64_t high);

// What a T is made by. An int has no more than 63 bits here, for a Value has no more.
template <class T>
struct FromValue {
  static T make(const Value& v) {
    static_assert(HasFromValue<T>,
                  "jot: from_value<T> needs `void from_value(const jot::Value&, T&)` beside T, and "
                  "a T that can be made of nothing");
    T to{};
    from_value(v, to);
    return to;
  }
};

template <detail::Number N>
struct FromValue<N> {
  static N make(const Value& v) {
    if constexpr (std::floating_point<N>)
      return static_cast<N>(v.as_double());
    else {
      using Limits = std::numeric_limits<N>;
      constexpr auto most = std::numeric_limits<std::int64_t>::max();
      constexpr bool fits = sizeof(N) < sizeof most || std::signed_integral<N>;
      const auto high = fits ? static_cast<std::int64_t>(Limits::max()) : most;
      return static_cast<N>(integer_within(v, static_cast<std::int64_t>(Limits::min()), high));
    }
  }
};

template <>
struct FromValue<bool> {
  static bool make(const Value& v) { return v.as_bool(); }
};
template <>
struct FromValue<std::string> {
  static std::string make(const Value& v) { return v.as_string(); }
};
template <>
struct FromValue<Value> {
  static Value make(const Value& v) { return v; }
};

template <class T>
struct FromValue<std::optional<T>> {
  static std::optional<T> make(const Value& v) {
    if (v.is_null()) return std::nullopt;
    return FromValue<T>::make(v);
  }
};

template <class T>
struct FromValue<std::vector<T>> {
  static std::vector<T> make(const Value& v) {
    std::vector<T> to;
    to.reserve(v.as_list().size());
    for (const Value& item : v.as_list()) to.push_back(FromValue<T>::make(item));
    return to;
  }
};

template <class T, class Less>
struct FromValue<std::map<std::string, T, Less>> {
  static std::map<std::string, T, Less> make(const Value& v) {
    std::map<std::string, T, Less> to;
    for (const auto& [key, item] : v.as_map())
      to.emplace_hint(to.end(), key, FromValue<T>::make(item));
    return to;
  }
};

}  // namespace detail

// Makes a T of it. An optional is empty for null, and so for a key that is absent; all else must be
// there. Throws: ValueError, which is answered with 400 where v is a part of r.json().
template <class T>
T from_value(const Value& v) {
  return detail::FromValue<T>::make(v);
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/json.hpp

// json.hpp -- how does text become a Value, and a Value text?
//
// In: JSON as RFC 8259 has it, nothing more: UTF-8 without a byte order mark, no comments, no
// trailing commas, at most 512 levels deep. Out: a Value; and the way back.
//
//     Value v = parse_json(R"({"title": "Home", "items": [1, 2.5, null]})");
//     std::string s = to_json(v);          // {"items":[1,2.5,null],"title":"Home"}
//
// Numbers without a fraction or exponent that fit in 64 bits are ints and exact; all others are
// doubles, the nearest to what was written. Of two entries with one key the last counts.

#include <exception>    // std::exception
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// The text is not JSON: "line 3, column 7: want ',' or '}'".
class JsonError : public std::exception {
 public:
  JsonError(int line, int column, const std::string& problem);

  // Where it went wrong. Both count from 1; a column is a character of UTF-8.
  int line() const noexcept { return line_; }
  int column() const noexcept { return column_; }
  const char* what() const noexcept override { return what_->c_str(); }

 private:
  int line_, column_;
  std::shared_ptr<const std::string> what_;  // shared, because copying an exception must not throw
};

// Reads one document, which must be all of the text but for white space around it.
// Throws JsonError.
Value parse_json(std::string_view text);

// The same; what is wrong comes as an Error with Errc::bad_message and the words of JsonError.
Result<Value> try_parse_json(std::string_view text);

// Writes on one line, keys sorted. Safe inside <script>: < > & U+2028 and U+2029 are escaped.
// Typed content is written as its text, whole doubles without a fraction, as JavaScript does. Bytes
// that are not UTF-8 become U+FFFD, so the result is UTF-8 always.
// Throws ValueError: NaN, infinity, nested deeper than 512.
std::string to_json(const Value& v);

// The same on many lines: each level is indented by so many spaces. 0: on one line.
std::string to_json(const Value& v, int indent);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/log.hpp

// log.hpp -- where do the words for the operator go?
//
// In: a level, a message, fields. Out: one LogRecord for the sink, which is one line to stderr
// unless you give another.
//
//     r.log().info("imported", {{"rows", n}});
//     Server server{{.handler = app, .log = [](const LogRecord& r) { syslog(LOG_INFO, ...); }}};
//
// Logging never breaks serving: what a sink throws is swallowed. It runs on many threads at a time.

#include <concepts>     // std::invocable
#include <exception>    // std::exception
#include <memory>       // std::make_shared, std::shared_ptr
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1 {

enum class Level { debug, info, warn, error };

// What a sink gets. Lifetime: that of the sink's call; copy what you keep.
struct LogRecord {
  Level level;
  std::string_view message;
  const Map& fields;
};

// An exception with more to say to the log than its what(): a handler that lets it go is answered
// for with 500, and these fields stand in the line that says so.
class LoggedError : public std::exception {
 public:
  virtual Map fields() const = 0;
};

// A copyable handle on a sink: copies share it.
class Logger {
 public:
  // All levels to stderr, a record a line, each line in one write(2):
  //     2026-11-23T21:35:11.042Z INFO imported rows=50000 file="a b.csv"
  // What could be taken for something else, or act on a terminal, is quoted and escaped, so that
  // nothing in a message or value can forge a line or a field.
  Logger() noexcept = default;

  // A sink of your own: a const callable, called by many threads at a time.
  template <class F>
  requires std::invocable<const F&, const LogRecord&> Logger(F sink)
      : sink_(std::make_shared<const F>(std::move(sink))), call_(call<F>) {}

  // fields is a map: {{"rows", n}}. Any other value becomes the field "value", null becomes none.
  void debug(std::string_view message, const Value& fields = {}) const noexcept;
  void info(std::string_view message, const Value& fields = {}) const noexcept;
  void warn(std::string_view message, const Value& fields = {}) const noexcept;
  void error(std::string_view message, const Value& fields = {}) const noexcept;

  // A Logger on the same sink that adds these fields to each record; one that the record has itself
  // stays as it is. fields is a map.
  Logger with(const Value& fields) const;

 private:
  template <class F>
  static void call(const void* sink, const LogRecord& record) {
    (*static_cast<const F*>(sink))(record);
  }
  void log(Level level, std::string_view message, const Value& fields) const noexcept;

  std::shared_ptr<const void> sink_;                       // an F, or nothing: stderr
  void (*call_)(const void*, const LogRecord&) = nullptr;  // calls it; set when sink_ is
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/request.hpp

// request.hpp -- what did the client ask for?
//
// In: a head that parse_request has checked, and a body that is still arriving. Out: its parts.
//
// What is raw (method, target, path, host, fields) is a view into the connection's buffer, good
// until the handler returns. What is decoded (path_value, query, cookie) is a string that the
// Request owns, returned by reference: `auto id = r.path_value("id")` copies it, and is safe to
// keep. A Request belongs to one thread at a time; its context() may be used from any.

#include <concepts>     // std::same_as, std::signed_integral
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <limits>       // std::numeric_limits
#include <memory>       // std::unique_ptr
#include <optional>     // std::optional
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::forward

namespace jot::inline v1 {

class Form;          // form.hpp
struct FormOptions;  // form.hpp

namespace detail {
struct RequestState;
struct RequestAccess;
class BodySource;

// Which status a value that does not parse is worth, and the name to put into the message.
struct BadValue {
  int status;
  std::string_view name;
};

// All of the text as one value in range; else they throw HttpError{bad.status}.
bool parse_bool(std::string_view text, BadValue bad);  // "true", "1", "false", "0"
long long parse_signed(std::string_view text, long long low, long long high, BadValue bad);
unsigned long long parse_unsigned(std::string_view text, unsigned long long high, BadValue bad);
double parse_double(std::string_view text, BadValue bad);

template <std::same_as<bool> T>
T parse_as(std::string_view text, BadValue bad) {
  return parse_bool(text, bad);
}
template <std::signed_integral T>
T parse_as(std::string_view text, BadValue bad) {
  using Limits = std::numeric_limits<T>;
  return static_cast<T>(parse_signed(text, Limits::min(), Limits::max(), bad));
}
template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
T parse_as(std::string_view text, BadValue bad) {
  return static_cast<T>(parse_unsigned(text, std::numeric_limits<T>::max(), bad));
}
template <std::floating_point T>
T parse_as(std::string_view text, BadValue bad) {
  return static_cast<T>(parse_double(text, bad));
}
template <std::same_as<std::string> T>
T parse_as(std::string_view text, BadValue) {
  return T(text);
}
}  // namespace detail

// The body of a Request, read as it arrives. Reading may block, within ServerOptions::body_timeout;
// the first read answers `Expect: 100-continue` (RFC 9110 §10.1.1).
// Throws HttpError: 413 over the limit, 400 broken or cut short, 408 too slow, 503 where it would
// have to wait and the request's context() has ended, or ends meanwhile.
class Body {
 public:
  // All that is left of the body. Throws also 413 when that is more than limit bytes.
  std::string read_all(std::size_t limit = 10u << 20);

  // At least one byte into `to`, as many as have come. Returns 0 at the end.
  std::size_t read(std::span<char> to);

  // The most that this body may hold, instead of ServerOptions::max_body. Call it before reading.
  void set_limit(std::uint64_t bytes);

 private:
  friend struct detail::RequestAccess;
  detail::BodySource* source_ = nullptr;  // nullptr: no body
};

// What a path value is that does not parse: a mistake of the client's, or the address of nothing.
enum class Malformed { bad_request = 400, not_found = 404 };

// The pair of `Authorization: Basic` (RFC 7617).
struct BasicAuth {
  std::string user, password;
};

class Request {
 public:
  Request(Request&&) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  std::string_view method() const noexcept;  // "GET"
  std::string_view target() const noexcept;  // "/a%20b?c=d", as it came
  std::string_view path() const noexcept;    // "/a%20b", as it came
  std::string_view proto() const noexcept;   // "HTTP/1.1"
  std::string_view host() const noexcept;    // "example.org:8080"

  // "http", or "https" where a trusted proxy says so: ServerOptions::trusted_proxies, real_ip().
  std::string_view scheme() const noexcept;

  // "192.0.2.1:40312", "[::1]:40312", "unix:". As a trusted proxy tells it, perhaps without a port:
  // "192.0.2.1", "::1".
  std::string_view remote_addr() const noexcept;

  // The pattern of the route that matched, "GET /posts/{id}"; "" outside a Router.
  std::string_view pattern() const noexcept;

  // The fields in order of arrival, with names as they came; look-ups ignore case.
  const Header& header() const noexcept;
  Header& header() noexcept;

  // What stood in the path at {name}, percent-decoded; "" when the pattern has no such name.
  const std::string& path_value(std::string_view name) const;

  // The same as a number or bool. Throws HttpError 400 when it is not one, or 404 for
  //
  //     r.path_value<int>("id", Malformed::not_found)   // there is no such page
  template <class T>
  T path_value(std::string_view name, Malformed malformed = Malformed::bad_request) const {
    return detail::parse_as<T>(path_value(name), {static_cast<int>(malformed), name});
  }

  // The query's pairs, decoded; malformed ones are left out.
  const Values& query() const;

  // The first value of that name; "" when absent.
  const std::string& query(std::string_view name) const;

  // The same as a number or bool; absent: otherwise. Throws HttpError 400 when it is not one.
  template <class T>
  T query(std::string_view name, T otherwise) const {
    return query().has(name) ? detail::parse_as<T>(query(name), {400, name}) : otherwise;
  }

  // The cookies that came, in their order (RFC 6265bis); what is none is left out. Names have case.
  // Throws HttpError 431 when there are more than 100.
  const Values& cookies() const;

  // The first cookie of that name; "" when absent. Throws as cookies().
  const std::string& cookie(std::string_view name) const;

  std::optional<BasicAuth> basic_auth() const;  // nullopt: absent or malformed

  Body& body() noexcept;

  // The body as a form, urlencoded or multipart, read once and kept: fields, and files (form.hpp).
  // A request without a body and a Content-Type has an empty one. Throws HttpError 400 for what is
  // no such form, 413 over a limit of the options or of the body, 415 for another Content-Type, 507
  // when the disk is full, or as Body; the same again when asked again.
  const Form& form();
  const Form& form(const FormOptions& options);

  // The body as JSON, read once and kept. Throws HttpError 400 with line and column, 415 when its
  // Content-Type is there and is not JSON, or as Body. Asking it for what is not there throws
  // ValueError, which becomes 400 with the path of the field if the handler lets it go.
  const Value& json();

  // The same as a T, see from_value().
  template <class T>
  T json() {
    return from_value<T>(json());
  }

  // Done when the handler returns, the client leaves, the deadline passes or the server shuts down.
  // Its end ends what the library waits for in this request: bytes of the body, a full socket.
  // Made when first asked for, or waited with; without memory for it, one that has ended.
  // Lifetime: copies may be kept; they never point back at the server.
  Context context() const noexcept;

  // Puts another in its place, for the handlers behind this middleware and for what the library
  // waits for in them. Derive it from context(), else it does not end with the request.
  void set_context(Context ctx) noexcept;

  // Hands a value on to later handlers: set_context(with_value(context(), key, value)).
  template <class T, class U>
  void set_value(const ContextKey<T>& key, U&& value) {
    set_context(with_value(context(), key, std::forward<U>(value)));
  }

  // What set_value() put there, by this or an outer middleware; nullptr: nobody did.
  // Lifetime: until the handler returns, or as long as a copy of context() is kept.
  template <class T>
  const T* value(const ContextKey<T>& key) const noexcept {
    return context().value(key);
  }

  // The server's, or the one that a middleware has put in its place.
  const Logger& log() const noexcept;
  void set_log(Logger log) noexcept;

 private:
  friend struct detail::RequestAccess;
  explicit Request(std::unique_ptr<detail::RequestState> state) noexcept;
  std::unique_ptr<detail::RequestState> state_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/response_writer.hpp

// response_writer.hpp -- how does a handler answer?
//
// In: a status, header fields, bytes. Out: one response, framed as RFC 9112 §6 asks.
//
// What a handler writes is kept in a buffer. A response that ends within it leaves whole, with a
// Content-Length; one that grows past it, or is flushed, leaves in chunks as it is made. Until the
// first byte has left, everything can still be changed, or forgotten with reset().
// A writer belongs to one request and one thread; it is dead when the handler returns.

#include <cstddef>      // std::byte
#include <cstdint>      // std::uint64_t
#include <span>         // std::span
#include <string_view>  // std::string_view

namespace jot::inline v1 {

class Value;

// Sends what a writer holds back. Ask the writer for it: `if (auto* f = w.flusher()) f->flush();`
class Flusher {
 public:
  // Sends what is buffered, now, the head included. Blocks while the socket is full, within
  // ServerOptions::write_timeout and as long as the request's context() has not ended. Returns
  // false when the client is gone, or was given up.
  virtual bool flush() = 0;

 protected:
  ~Flusher() = default;
};

// The response to one request. Middleware wraps it: derive from WriterProxy.
class ResponseWriter {
 public:
  ResponseWriter() = default;
  ResponseWriter(const ResponseWriter&) = delete;
  ResponseWriter& operator=(const ResponseWriter&) = delete;
  virtual ~ResponseWriter() = default;

  // The response's fields. What is set counts until the first byte leaves.
  // Content-Length, if you set it, is held to: a body that differs cuts the connection.
  virtual Header& header() = 0;

  // Sets the status. Unlike Go's, it only records: the head leaves with the first byte of the body,
  // and until then header() and the status may change. A 1xx (103 Early Hints, RFC 8297) is sent at
  // once, with the fields set so far, and does not count as the status. 101 and what is not in
  // 100..999 throw std::invalid_argument. Ignored once committed().
  virtual void write_header(int status) = 0;

  // Appends to the body: the one function that a wrapper overrides to see all bytes.
  // Returns false when the client is gone, or was given up: stop working. May block while the
  // socket is full, as Flusher::flush().
  virtual bool write_bytes(std::string_view bytes) = 0;

  // Appends a part of a file to the body. file: a descriptor open for reading, which stays the
  // caller's. Here the bytes are read and given to write_bytes(), so that a wrapper sees them all;
  // a server's own writer lets the kernel send them, uncopied. A wrapper that only counts, or
  // delays, may forward it. Returns false when the client is gone. Throws: std::runtime_error when
  // the file ends before, or cannot be read: do not catch it, for the client must see the response
  // cut short.
  virtual bool write_file(int file, std::uint64_t offset, std::uint64_t length);

  // Where this writer cannot stream: nullptr. Lifetime: that of the writer.
  virtual Flusher* flusher() { return nullptr; }

  // The status as it stands: 200 unless set.
  virtual int status() const = 0;

  // Has the head left? Then status and fields are history.
  virtual bool committed() const = 0;

  // Bytes of body that the handler has written, sent or not.
  virtual std::uint64_t bytes_written() const = 0;

  // Forgets status, fields and body, so that another answer can be given.
  // Returns false, and does nothing, once committed().
  virtual bool reset() = 0;

  // Writes text, numbers, letters (char) and bools one after the other; see text().
  // Returns false when the client is gone.
  template <Part... Parts>
  bool write(const Parts&... parts) {
    if constexpr (sizeof...(Parts) == 1 && (TextLike<Parts> && ...)) return write_bytes(parts...);
    return write_bytes(text(parts...));
  }
  bool write(std::span<const std::byte> bytes);

  // Writes a value as JSON, with its Content-Type. Status: what write_header() said.
  bool json(const Value& value);
};

// Forwards everything to another writer: override what you change.
//
//     struct Shout final : jot::WriterProxy {
//       using WriterProxy::WriterProxy;
//       bool write_bytes(std::string_view s) override { return inner().write_bytes(upper(s)); }
//     };
class WriterProxy : public ResponseWriter {
 public:
  // Lifetime: inner must outlive the proxy.
  explicit WriterProxy(ResponseWriter& inner) : inner_(inner) {}

  Header& header() override;
  void write_header(int status) override;
  bool write_bytes(std::string_view bytes) override;
  Flusher* flusher() override;
  int status() const override;
  bool committed() const override;
  std::uint64_t bytes_written() const override;
  bool reset() override;

 protected:
  ResponseWriter& inner() const noexcept { return inner_; }

 private:
  ResponseWriter& inner_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/handler.hpp

// handler.hpp -- what may answer a request?
//
// In: any callable that takes a ResponseWriter&, a Request&, both (in this order) or nothing, and
// returns nothing, text, HTML{...} or a Value. Out: a Handler, one shape for them all.
//
//     app.get("/", [] { return "Hello, world.\n"; });                    // text/plain
//     app.get("/me", [](jot::Request& r) { return jot::Value{{"id", 7}}; });   // JSON
//     app.get("/raw", [](jot::ResponseWriter& w, jot::Request& r) { w.write("any bytes"); });
//
// A handler may block, sleep, stream and throw. It runs on many threads at once, so it is called
// const: mutable lambdas are refused.

#include <atomic>       // std::atomic
#include <concepts>     // std::invocable, std::same_as
#include <memory>       // std::shared_ptr
#include <string_view>  // std::string_view
#include <type_traits>  // std::invoke_result_t
#include <utility>      // std::move

namespace jot::inline v1 {

namespace detail {

template <class F, class... A>
concept Calls = std::invocable<const F&, A...>;

template <class R>
concept Answer = std::is_void_v<R> || TextLike<R> || TypedContent<R> ||
                 (std::convertible_to<R, Value> && !NumberLike<R>);

template <class T>
inline constexpr bool no = false;

enum class Shape { none, writer_and_request, writer, request, nothing };

// The first shape that fits: a generic lambda is never tried with an argument it cannot take.
template <class F>
constexpr Shape shape_of() {
  if constexpr (Calls<F, ResponseWriter&, Request&>)
    return Shape::writer_and_request;
  else if constexpr (Calls<F, ResponseWriter&>)
    return Shape::writer;
  else if constexpr (Calls<F, Request&>)
    return Shape::request;
  else if constexpr (Calls<F>)
    return Shape::nothing;
  else
    return Shape::none;
}

template <class F>
decltype(auto) call_in_shape(const F& f, [[maybe_unused]] ResponseWriter& w,
                             [[maybe_unused]] Request& r) {
  if constexpr (shape_of<F>() == Shape::writer_and_request)
    return f(w, r);
  else if constexpr (shape_of<F>() == Shape::writer)
    return f(w);
  else if constexpr (shape_of<F>() == Shape::request)
    return f(r);
  else
    return f();
}

template <class F>
using AnswerOf = decltype(call_in_shape(std::declval<const F&>(), std::declval<ResponseWriter&>(),
                                        std::declval<Request&>()));

template <class F>
constexpr bool is_mutable_only() {
  return std::invocable<F&, ResponseWriter&, Request&> || std::invocable<F&, ResponseWriter&> ||
         std::invocable<F&, Request&> || std::invocable<F&>;
}

// What the engine has learned about a route: above 0, the next calls are expected to block, so that
// the lane is given away before they start. Read and written by any thread; a hint, so relaxed.
struct RouteMemory {
  std::atomic<int> expect_block{0};
};

// A callable that can tell, ahead of the call, which of its routes will answer.
template <class F>
concept Matches = requires(const F& f, Request& r) {
  { f.match(r) } -> std::same_as<RouteMemory&>;
};

struct Callable {
  virtual ~Callable() = default;
  virtual void call(ResponseWriter& w, Request& r) const = 0;
  virtual RouteMemory& match(Request&) const { return memory; }
  mutable RouteMemory memory;
};

// The answers that a handler may return. A Content-Type that it has set itself is kept.
void answer_text(ResponseWriter& w, std::string_view content_type, std::string_view text);
void answer_value(ResponseWriter& w, const Value& value);
template <class R>
void answer(ResponseWriter& w, const R& result) {
  if constexpr (TextLike<R>)
    answer_text(w, "text/plain; charset=utf-8", result);
  else if constexpr (std::same_as<R, HTML>)
    answer_text(w, "text/html; charset=utf-8", result.text);
  else if constexpr (std::same_as<R, CSS>)
    answer_text(w, "text/css; charset=utf-8", result.text);
  else if constexpr (std::same_as<R, JS>)
    answer_text(w, "text/javascript; charset=utf-8", result.text);
  else if constexpr (TypedContent<R>)
    answer_text(w, "text/plain; charset=utf-8", result.text);
  else
    answer_value(w, result);
}

template <class F>
struct CallableOf final : Callable {
  explicit CallableOf(F f) : function(std::move(f)) {}
  void call(ResponseWriter& w, Request& r) const override {
    if constexpr (std::is_void_v<AnswerOf<F>>)
      call_in_shape(function, w, r);
    else
      answer(w, call_in_shape(function, w, r));
  }
  RouteMemory& match(Request& r) const override {
    if constexpr (Matches<F>)
      return function.match(r);
    else
      return Callable::match(r);
  }
  F function;
};

// Shares what was just made. One function for all, where a make_shared of each would be compiled
// anew for every handler of a program.
std::shared_ptr<const Callable> share(const Callable* made);

void announce_block() noexcept;  // gives the calling thread's lane away, if it drives one

// The first error a reader sees says what is allowed.
template <class F>
constexpr void check_handler() {
  if constexpr (shape_of<F>() != Shape::none)
    static_assert(Answer<std::remove_cvref_t<AnswerOf<F>>>,
                  "jot: a handler returns nothing, text, HTML{...}, a Value, or what to_value() "
                  "makes one of");
  else if constexpr (Calls<F, Request&, ResponseWriter&>)
    static_assert(no<F>, "jot: a handler takes (ResponseWriter&, Request&), in this order");
  else if constexpr (is_mutable_only<F>())
    static_assert(
        no<F>,
        "jot: a handler runs on many threads at once: no mutable lambda, no non-const operator()");
  else
    static_assert(no<F>,
                  "jot: a handler takes (ResponseWriter&, Request&), one of them, or nothing");
}

}  // namespace detail

// A shared, immutable callable: copies share it, and what it captured is destroyed with the last.
class Handler {
 public:
  Handler() noexcept = default;  // empty: answers 404

  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Handler>)
  Handler(F f) {
    detail::check_handler<F>();
    callable_ = detail::share(new detail::CallableOf<F>(std::move(f)));
  }

  explicit operator bool() const noexcept { return callable_ != nullptr; }

  // Answers the request. What the callable throws comes out; a Server catches it.
  void operator()(ResponseWriter& w, Request& r) const;
  void operator()(ResponseWriter& w,
                  Request&& r) const;  // for tests: app(rec, request("GET", "/"))

  // Which route will answer, ahead of the call: the engine asks, so that a route known to block
  // does not hold up its lane. Lifetime: that of the callable.
  detail::RouteMemory& match(Request& r) const;

 private:
  std::shared_ptr<const detail::Callable> callable_;
};

namespace detail {

// What a Middleware shares: the function, in one of the two forms.
struct Wrapper {
  virtual ~Wrapper() = default;
  // The Handler that goes by way of this one to next. self: this, shared.
  virtual Handler wrap(const std::shared_ptr<const Wrapper>& self, Handler next) const = 0;
  virtual void call(ResponseWriter&, Request&, const Handler& /*next*/) const {}
};

Handler wrap_around(const std::shared_ptr<const Wrapper>& self, Handler next);
std::shared_ptr<const Wrapper> share(const Wrapper* made);

template <class F>
struct WrapperOf final : Wrapper {
  explicit WrapperOf(F f) : function(std::move(f)) {}
  Handler wrap(const std::shared_ptr<const Wrapper>& self, Handler next) const override {
    if constexpr (std::is_invocable_r_v<Handler, const F&, Handler>)
      return function(std::move(next));
    else
      return wrap_around(self, std::move(next));
  }
  void call([[maybe_unused]] ResponseWriter& w, [[maybe_unused]] Request& r,
            [[maybe_unused]] const Handler& next) const override {
    if constexpr (!std::is_invocable_r_v<Handler, const F&, Handler>) function(w, r, next);
  }
  F function;
};

}  // namespace detail

// Wraps a Handler into another: written as Handler(Handler), or shorter as
//
//     void timing(jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
//       next(w, r);
//     }
//
// It is callable itself: app.get("/me", require_user(show)) guards one route.
class Middleware {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Middleware>)
  Middleware(F f) {
    if constexpr (std::is_invocable_r_v<Handler, const F&, Handler> ||
                  std::invocable<const F&, ResponseWriter&, Request&, const Handler&>)
      wrapper_ = detail::share(new detail::WrapperOf<F>(std::move(f)));
    else
      static_assert(detail::no<F>,
                    "jot: a middleware is Handler(Handler) or void(ResponseWriter&, Request&, "
                    "const Handler& next)");
  }

  Handler operator()(Handler next) const { return wrapper_->wrap(wrapper_, std::move(next)); }

 private:
  std::shared_ptr<const detail::Wrapper> wrapper_;
};

// Answers with a status and one line of text/plain (nosniff). What was buffered is forgotten; the
// fields stay, but for those that described the body.
void error(ResponseWriter& w, int status, std::string_view message);

// The same as application/problem+json (RFC 9457): status, its text as the title, the message as
// the detail, the request's path as the instance; and members of your own, which may also replace
// type, title and instance:
//
//     problem(w, r, 422, "2 fields are wrong", {{"errors", errors}});
//
// HttpError and the errors of a Router are answered so by themselves where the client prefers JSON
// (Accept), else in a line of text. Throws: ValueError when members is neither null nor a map.
void problem(ResponseWriter& w, Request& r, int status, std::string_view message,
             const Value& members = {});

// Answers 404, by the Router's error page where there is one.
void not_found(ResponseWriter& w, Request& r);

// Sends the client elsewhere. The url may be relative (RFC 9110 §10.2.2); bytes outside ASCII are
// percent-encoded. 303 makes a GET of a POST; 307 and 308 keep the method.
void redirect(ResponseWriter& w, Request& r, std::string_view url, int status = 303);

// redirect() to a url that came from the client, "?next=/cart". Throws HttpError 400 where it would
// lead off this site: it must be a path, "/...", and not "//host", which browsers read also in
// "/\host" and in slashes with a tab between them.
void local_redirect(ResponseWriter& w, Request& r, std::string_view url, int status = 303);

// Calls f, which is known to block, with the lane given away first: no other connection waits for
// it, not even the millisecond until the watcher notices. Returns what f returns.
template <class F>
auto blocking(F f) -> decltype(f()) {
  return detail::announce_block(), f();
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/cookie.hpp

// cookie.hpp -- what shall the client bring along next time?
//
// In: a Cookie. Out: a Set-Cookie field (RFC 6265bis). What comes back is read by r.cookie(name),
// and is whatever the client likes: what it must not change is kept by SignedCookies.
//
//     SignedCookies sessions(key);  // 32 bytes that nobody knows
//     sessions.set(w, {.name = "session", .value = user, .max_age = 24h});
//     auto user = sessions.get(r, "session");  // a std::optional; nullopt: nobody, or a cheat
//
// The defaults are the safe ones: a cookie is sent back over TLS only (and to localhost, as
// browsers have it), is hidden from scripts, and stays away from requests that other sites make,
// but for links that are followed.

#include <chrono>       // std::chrono::seconds, std::chrono::system_clock
#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1 {

// Which requests that another site causes bring the cookie? lax: links that are followed; strict:
// none; none: all, images and frames included.
enum class SameSite { lax, strict, none };

struct Cookie {
  std::string name = {};

  // Visible ASCII, spaces and commas, without `"`, `;` and `\`: percent_encode() the rest. With the
  // name at most 4096 bytes, for browsers drop what is longer.
  std::string value = {};

  // Sent for this path and all below it. Empty: for the folder of the request's path.
  std::string path = "/";

  // Sent to this host and all below it. Empty: to the host that sets it, alone.
  std::string domain = {};

  // How long it is kept; zero or less: it is deleted at once. Browsers make 400 days of what is
  // longer. With neither of the two, it is a session cookie, kept until the browser ends.
  std::optional<std::chrono::seconds> max_age = {};
  std::optional<std::chrono::system_clock::time_point> expires = {};  // max_age wins

  bool secure = true;     // over TLS only
  bool http_only = true;  // hidden from scripts
  SameSite same_site = SameSite::lax;
  bool partitioned = false;  // in a frame: one for each site around it (CHIPS)
};

// Adds a Set-Cookie field. Throws: std::invalid_argument for what a browser would refuse, or read
// as something else: a name that is no token, a value with other bytes than above, a path that does
// not begin with a slash, a domain that is none, a date outside of the years 1601 to 9999;
// SameSite::none or partitioned without secure; a name that begins with __Secure- without secure,
// or with __Host- without secure, with a domain or with another path than "/".
void set_cookie(ResponseWriter& w, const Cookie& cookie);

// Makes the browser forget the cookie of that name, path "/" and no domain. Throws as set_cookie().
void delete_cookie(ResponseWriter& w, std::string_view name);

// The same for one that was set with a path or domain of its own: they must be the same here. Its
// value and age do not count.
void delete_cookie(ResponseWriter& w, Cookie cookie);

// Cookies that the client can read but not change: HMAC-SHA-256 (RFC 2104) over name, value and
// expiry, so that a value can neither outlive its time nor be passed off as that of another name.
// To end a session before its time, keep a list of ids at the server: a signature is not revoked.
// Threads: const members may run on many at a time.
class SignedCookies {
 public:
  // The key: at least 32 bytes that nobody can guess, as random_token() makes them. With a new key
  // at each start, all sessions end with the process. Throws: std::invalid_argument when shorter.
  explicit SignedCookies(const std::string& key);

  // The first key signs, all are accepted: to change keys put the new one in front, and drop the
  // old one when what it signed has expired. Throws: std::invalid_argument also when there is none.
  explicit SignedCookies(std::vector<std::string> keys);

  // Signs the value, which may be any bytes, and sets the cookie. It expires by max_age or expires,
  // at the latest after 400 days, whatever the browser does. Throws as set_cookie(); of the 4096
  // bytes a value takes four thirds of its size, and 55 more.
  void set(ResponseWriter& w, Cookie cookie) const;

  // Returns: the value as it was set; nullopt: absent, forged, or expired. Of several cookies with
  // that name, which another host of the domain may have added, the first that is genuine.
  // Throws: HttpError 431 for more than 100 cookies.
  std::optional<std::string> get(const Request& r, std::string_view name) const;

 private:
  std::vector<std::string> keys_;
};

// So many random bytes from the kernel, as base64 that is safe in URLs and cookies (RFC 4648
// section 5): four letters for three bytes. For keys, session ids and links that nobody can guess;
// below 16 bytes somebody may. Throws: std::invalid_argument for 0 bytes, std::system_error when
// the kernel has none.
std::string random_token(std::size_t bytes = 32);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/events.hpp

// events.hpp -- what happens, told to a page while it happens.
//
// In: Events. Out: a stream that a browser's EventSource reads (server-sent events, WHATWG HTML
// section 9.2), for as long as the handler runs:
//
//     app.get("/progress", [&](jot::ResponseWriter& w, jot::Request& r) {
//       jot::EventStream events(w, r);
//       while (r.context().sleep_for(200ms))
//         if (!events.send({.event = "progress", .data = percent()})) return;
//     });
//
// A browser that loses the stream comes back by itself, and tells the last id it has seen.

#include <chrono>       // std::chrono::milliseconds
#include <memory>       // std::unique_ptr
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

namespace detail {
class EventChannel;
}  // namespace detail

struct Event {
  std::string event = {};  // its name for addEventListener(); "": "message"
  std::string id = {};     // what Last-Event-ID will say after it; "": as before
  std::string data = {};   // UTF-8; of several lines, as you like

  // How long the browser waits before it comes back, from now on. Units: milliseconds.
  std::optional<std::chrono::milliseconds> retry = {};
};

class EventStream {
 public:
  // Sends the head at once. When nothing has been sent for `heartbeat`, a comment is, which pages
  // do not see: so that no proxy takes the stream for dead. That is another thread's work; from
  // here on w is the stream's, and writing to it directly is an error.
  // Lifetime: within that of w and r. Threads: one at a time.
  // Throws: HttpError 500 where w cannot stream or its head has left; std::invalid_argument for a
  // heartbeat of 0 or less.
  EventStream(ResponseWriter& w, Request& r, nanoseconds heartbeat = std::chrono::seconds(15));
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  // Sends it now. False: nobody will see it nor any further one, for the client is gone, the
  // Context of the request has ended, the server is shutting down, or the request was a HEAD.
  // Without data and name it only sets id and retry, and pages see nothing; with a name its data
  // may be empty. Throws: std::invalid_argument for CR, LF or NUL in name or id, and for a negative
  // retry.
  bool send(const Event& e);

  // Where a browser that comes back has been: the id of the last event it has seen; "" at first.
  std::string_view last_id() const noexcept;

 private:
  std::unique_ptr<detail::EventChannel> channel_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/file_server.hpp

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
// Throws: std::invalid_argument for a name that no path can mean ("", "a//b", "../a"), and for one
// that is there twice.
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

// -------------------------------------------------------------- jot/form.hpp

// form.hpp -- what has somebody filled in, and which files come with it?
//
// In: the body of a request, urlencoded or multipart (RFC 7578). Out: fields and files; whole, by
// r.form(), or part by part as the bytes come, by a Multipart, which keeps nothing.
//
//     const jot::Form& form = r.form();                    // 400, 413, 415 if it is none
//     const std::string& title = form.get("title");
//     if (const jot::FormFile* photo = form.file("photo")) photo->save_to("photos/" + id);
//
// What comes from a client is whatever the client likes: a file's name and type are claims.

#include <cstddef>      // std::size_t
#include <memory>       // std::shared_ptr, std::unique_ptr
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1 {

namespace detail {
struct SpooledBytes;
struct FormAccess;
class PartReader;
}  // namespace detail

// How much of a form is kept, and where. The body as a whole is held to r.body().set_limit(), else
// to ServerOptions::max_body.
struct FormOptions {
  // Bytes of the value of one field of a multipart form: more is 413.
  std::size_t max_field = 1u << 20;

  // Fields and files together: more are 413.
  std::size_t max_fields = 1000;

  // Bytes of names and values together: more are 413. As many bytes of files may be in memory
  // besides; further ones go to temporary files.
  std::size_t max_memory = 10u << 20;

  // Bytes up to which a file is kept in memory. Larger ones go to a temporary file each, which has
  // no name and is gone with the last copy of its FormFile.
  std::size_t spool_above = 256u << 10;

  // Where the temporary files are. Default: $TMPDIR, else /var/tmp, or /tmp where that cannot be
  // written to.
  std::string spool_folder = {};
};

// A file that came with a form. A copy shares its bytes, and keeps them.
class FormFile {
 public:
  std::string name;  // of the field

  // As the client tells it, but without folders: neither empty nor "." nor "..", and without
  // slashes and control characters. It may still be "index.php", or begin with a dot: save files
  // under names of your own.
  std::string file_name;

  std::string content_type;  // as the client tells it; "": it does not

  // All of its bytes, wherever they are kept: those in a temporary file are mapped, and read by the
  // kernel when they are looked at. Lifetime: that of this FormFile, or of any copy.
  std::string_view data;

  // The descriptor of the temporary file, for sendfile, splice and the like; -1: it is in memory.
  // Lifetime: as data. Do not write to it.
  int fd() const noexcept;

  // Writes the bytes to a file, which appears whole or not at all, and replaces one of that name.
  // Permissions: 0666 less the umask. Throws: std::system_error that names the path,
  // std::invalid_argument for a path with a NUL.
  void save_to(const std::string& path) const;

 private:
  friend struct detail::FormAccess;
  std::shared_ptr<const detail::SpooledBytes> bytes_;
};

// A form, read whole: see Request::form(). Names have case.
// Lifetime: that of the Request. Threads: read by many at a time.
class Form {
 public:
  // The first value of the field of that name; "" when absent.
  const std::string& get(std::string_view name) const noexcept;

  // Is there a field of that name? A file is none.
  bool has(std::string_view name) const noexcept;

  // The values of all fields of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const;

  // All fields, in order of arrival.
  const Values& fields() const noexcept { return fields_; }

  // The first file of that name; nullptr when absent, or when none was chosen.
  const FormFile* file(std::string_view name) const noexcept;

  // All files of that name, or of any, in order of arrival.
  std::vector<const FormFile*> files(std::string_view name) const;
  const std::vector<FormFile>& files() const noexcept { return files_; }

 private:
  friend struct detail::FormAccess;
  Values fields_;
  std::vector<FormFile> files_;
};

// A field or file of a Multipart. Good until its next next().
// Reading throws as Body, and HttpError 400 where the body is no multipart.
class MultipartPart {
 public:
  std::string name;
  std::string file_name;     // as FormFile::file_name; "": this is a field
  std::string content_type;  // as the client tells it; "": it does not

  // At least one byte into `to`, as many as have come. Returns 0 at the end of the part.
  std::size_t read(std::span<char> to);

  // All that is left of the part. Throws also HttpError 413 when that is more than limit bytes.
  std::string read_all(std::size_t limit = 1u << 20);

 private:
  friend class Multipart;
  MultipartPart() = default;
  detail::PartReader* reader_ = nullptr;
};

// A multipart form, part by part, as the bytes come: nothing is kept, so that 2 GB take as little
// memory as 2 KB. Raise r.body().set_limit() for them.
//
//     jot::Multipart parts(r);
//     while (jot::MultipartPart* part = parts.next())
//       while (std::size_t n = part->read(buffer)) take(buffer, n);
//
// Lifetime: within that of the Request, whose body it reads.
class Multipart {
 public:
  // Throws: HttpError 415 when the Content-Type is not multipart/form-data, 400 when it has no
  // boundary, or one that RFC 2046 §5.1.1 forbids. More parts than max_parts are 413.
  explicit Multipart(Request& r, std::size_t max_parts = 1000);
  Multipart(const Multipart&) = delete;
  Multipart& operator=(const Multipart&) = delete;
  ~Multipart();

  // The next part, or nullptr at the end. What is left of the one before is passed over.
  // Throws: as Body, HttpError 400 where the body is no multipart or a part has no name, 413 for
  // too many parts, 415 for one with a Content-Transfer-Encoding (RFC 7578 §4.7).
  MultipartPart* next();

 private:
  std::unique_ptr<detail::PartReader> reader_;
  MultipartPart part_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/middleware.hpp

// middleware.hpp -- what does every service want around its handlers?
//
// In: a Handler. Out: a Handler that does one thing more. Each is made by a function of its own:
//
//     app.use(request_id());                    // the first used is the outermost
//     app.use(access_log({.file = "access.log"}));
//     app.use(timeout(10s));
//     app.get("/admin", basic_auth("admin", "root", password)(show_admin));   // one route
//
// A middleware that refuses throws HttpError, so that the Router's on_error() page is what the
// client sees. Nothing needs to be added against exceptions: what a handler throws is caught by
// the server (or record()), logged, and becomes a response.
// Streams work under all of them: w.flusher() is there and sends at once.
// Threads: what they share between requests is locked; use them from any thread.

#include <chrono>       // std::chrono::minutes
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <functional>   // std::function
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// ---- who asks: for logs ----

// A line to r.log() for each request that is over: method, path, status, bytes of body, ms. When
// the handler throws, they are those of the page that this becomes.
Middleware request_log();

// The name of this request, in the logs here and at the services behind.
inline constexpr ContextKey<std::string> current_request_id{"request_id"};

// Takes the X-Request-ID that came, if it is one and a token of at most 128 letters, else makes one
// of 32 hex digits. It goes into the response, error pages as well, into
// *r.value(current_request_id), and as the field "request_id" into what r.log() writes from here
// on. Use it before (outside of) the logs.
Middleware request_id();

enum class AccessFormat {
  combined,  // the common one, and "referer" "user agent"
  common,    // host - user [time] "GET /path HTTP/1.1" 200 2326
  json,      // an object a line, with the time taken, and what else is known
};

// Where to: sink if there is one, else file, else fd.
struct AccessLogOptions {
  int fd = 1;             // standard output; stays open, and yours
  std::string file = {};  // appended to; opened anew when it was moved away, so rotate as you like
  AccessFormat format = AccessFormat::combined;
  Logger log = {};                    // hears how many lines were lost
  std::size_t max_waiting = 1 << 20;  // bytes; lines beyond are lost, and counted
  std::function<void(std::string_view lines)> sink = {};  // whole lines; one call at a time
};

// A line for each request that is over, written by a thread of its own: a slow disk, or a pipe that
// nobody reads, holds up no request. What a client sends cannot forge a line or a field. The host
// is r.remote_addr() without its port; bytes are those of the body, 0 to HEAD. When the last
// Handler with this Middleware ends, what waits is written first; a pipe that takes nothing is
// given a second. Throws: std::system_error that names a file which cannot be opened: a FIFO that
// nobody reads is one.
Middleware access_log(AccessLogOptions options = {});

// ---- who may ----

// Are they equal? The time this takes depends on the length of `given` alone, so that a secret
// cannot be found letter by letter. Use it for whatever a client has to prove that it knows.
bool equal_secrets(std::string_view given, std::string_view secret) noexcept;

// Asks for a user and password that check() accepts (RFC 7617); else 401 with WWW-Authenticate,
// also where the field is malformed. check runs on many threads at a time. Passwords travel
// readable: only behind TLS. Throws: std::invalid_argument for a realm with control characters.
Middleware basic_auth(const std::string& realm,
                      std::function<bool(std::string_view user, std::string_view password)> check);

// The same for one user, with equal_secrets(). Throws: std::invalid_argument also for an empty
// password, which some configuration has forgotten to fill in.
Middleware basic_auth(const std::string& realm, std::string user, std::string password);

// ---- how much ----

// The most that a body may hold here, instead of ServerOptions::max_body: more, or less. A declared
// length above it is 413 before the handler is called; a chunked body when it gets there.
Middleware max_body(std::uint64_t bytes);

// Gives the request's Context a deadline. When it passes before the handler has returned:
//
// - Nothing has left yet: 503 is sent at once, also where the handler goes on without a look at its
//   Context. What it had written is forgotten; the fields that outer middleware has set stay. The
//   page is plain text: on_error() would need the Request, which is still the handler's.
// - The response is a stream whose head has left: it is cut, so that the client sees that it is not
//   whole. Up to then it flows: w.flusher() is there (in Go's TimeoutHandler it is lost).
//
// From then on write() and flush() return false, and what the library waits for in the handler
// ends. A thread cannot be stopped from outside: the handler keeps its own until it returns, and
// the connection stays with it, so that the 503 says Connection: close. What it throws then is
// logged. Throws: std::invalid_argument for max <= 0.
Middleware timeout(nanoseconds max);

struct RateLimitOptions {
  // So many may come at once, after a rest. 0: as many as `requests`.
  std::size_t burst = 0;

  // Who shares an allowance; "" is never limited. Default: the client's address, of IPv6 the first
  // 64 bits, for those belong to one subscriber. Behind a proxy, use real_ip() before.
  std::function<std::string(const Request& r)> key = {};

  // So many are remembered, 16 bytes each; beyond, the least busy ones are forgotten, and start
  // again with a full allowance.
  std::size_t max_keys = 65536;

  // So many requests in such a time, evenly: 60 per minute is one a second.
  nanoseconds per = std::chrono::minutes(1);
  std::size_t requests = 60;
};

// A token bucket for each client: 429 with Retry-After (in seconds) when it is empty. Requests that
// were refused cost nothing. Throws: std::invalid_argument for 0 requests or keys, or a time <= 0.
Middleware rate_limit(RateLimitOptions options = {});

// ---- what need not be sent ----

// Gives a response to GET or HEAD with status 200, and at most max_size bytes, a strong ETag made
// of its bytes, unless the handler has set one; where it matches If-None-Match, the answer is 304
// without the body (RFC 9110 section 13.1.2). A response that is flushed or longer passes as it is.
// It saves the transfer, not the work. Put it outside of what changes the body.
Middleware etag(std::size_t max_size = 64u << 10);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/router.hpp

// router.hpp -- which handler answers this request?
//
// In: method, host and path of a Request. Out: the Handler that was registered for them, path
// values filled in. The rules are those of Go's ServeMux, and more:
//
//     app.get("/posts/{id}", show);                 // one segment: r.path_value("id")
//     app.get("/posts/{id:int}/edit", edit);        // ... that is a number, else another route
//     app.get("/files/{path...}", send);            // all that is left of the path
//     app.handle("/static/", FileServer("public")); // a slash at the end: the whole subtree
//     app.get("/{$}", home);                        // only "/"
//     app.handle("POST example.org/hook", hook);    // method and host
//
// - The most specific pattern wins, whatever the order: a literal beats {id:int} beats {id} beats
//   {path...}, one method beats all, a host beats none. Two patterns that conflict throw at the
//   second, and the exception names both with file and line.
// - GET answers HEAD. A path that is known under other methods only is 405 with Allow, and OPTIONS
//   is answered with 204 and Allow where no handler does.
// - "/a//b/../c" is redirected to "/a/c", and "/static" to "/static/" where only that is known. The
//   query stays: 301 for GET and HEAD, 308 for what must keep its method and body. Not for CONNECT.
// - Path values are percent-decoded segment by segment: %2F stays inside its segment.
//
// A Router is built first and then only read: the first request closes it, and to add or change
// anything later throws std::logic_error. From then on it works on many threads at a time.

#include <functional>       // std::function
#include <memory>           // std::shared_ptr
#include <source_location>  // std::source_location
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <vector>           // std::vector

namespace jot::inline v1 {

namespace detail {
class RouteTable;
struct RouteGroup;
}  // namespace detail

// Routes under a common prefix, with middleware of their own.
//
//     auto api = app.group("/api");
//     api.use(require_token);
//     api.get("/users", list_users);   // GET /api/users
//
// A copyable handle: copies add to the same group.
// Whatever adds throws std::invalid_argument for a pattern that is malformed or conflicts, and
// std::logic_error after the first request.
class Group {
 public:
  using Where = std::source_location;  // who registers: for messages, never passed by hand

  // "METHOD host/path": the method and the host may be missing and then stand for all.
  void handle(std::string_view pattern, Handler h, Where where = Where::current());

  // One method, and a path (which may have a host before it).
  void get(std::string_view path, Handler h, Where where = Where::current());  // HEAD too
  void post(std::string_view path, Handler h, Where where = Where::current());
  void put(std::string_view path, Handler h, Where where = Where::current());
  void patch(std::string_view path, Handler h, Where where = Where::current());
  void del(std::string_view path, Handler h, Where where = Where::current());
  void head(std::string_view path, Handler h, Where where = Where::current());
  void options(std::string_view path, Handler h, Where where = Where::current());

  // Hands everything at and below the prefix to another handler: mount("/m", h) gives it /m and
  // /m/x, never /mx. A Router that is mounted sees its own part of the path, "/" and "/x"; to
  // others r.path() stays whole. r.pattern() is that of the innermost Router.
  void mount(std::string_view prefix, Handler h, Where where = Where::current());

  // Wraps all routes of this group and of its groups, whether they are added before or after.
  // The first used is the outermost, and those of an outer group are outside.
  // On the Router itself it also wraps what the Router answers on its own: 404, 405, OPTIONS and
  // redirects, so that a log sees them.
  // A Middleware written as Handler(Handler) is applied once to each route, when the Router closes:
  // what its routes share is to be made outside and captured.
  void use(Middleware m);

  // A group within this one. The prefix is a path, which may have names in it and a host before it;
  // of the Router's own groups, also a host alone.
  Group group(std::string_view prefix, Where where = Where::current());

 protected:
  Group();                                     // the outermost group of a table of its own
  std::shared_ptr<detail::RouteTable> table_;  // owns group_

 private:
  Group(std::shared_ptr<detail::RouteTable> table, detail::RouteGroup& group) noexcept;
  detail::RouteGroup* group_;
};

// A route, as routes() lists it.
struct RouteInfo {
  std::string method;   // "": all
  std::string host;     // "": all
  std::string path;     // "/posts/{id}"
  std::string pattern;  // "GET /posts/{id}", as r.pattern() tells it
  std::string file;     // where it was registered
  unsigned line = 0;
};

// The outermost Group, which answers requests. A copyable handle on one table of routes: a copy
// that was given to a Server knows the routes that are added later (before the first request).
// A handler that needs the Router captures it by reference, [&app]: by value, it would hold itself.
class Router : public Group {
 public:
  Router();

  // Gives a path a name, for url_for(). Throws: std::invalid_argument, when the name is taken or
  // the pattern malformed.
  void name(std::string_view name, std::string_view path, Where where = Where::current());

  // The path of that name with its values put in, percent-encoded; values that the path has no name
  // for become its query. With a host: "//host/path".
  //
  //     app.name("post", "/posts/{id}");
  //     app.url_for("post", {{"id", 7}, {"page", 2}})   // "/posts/7?page=2"
  //
  // Throws: std::invalid_argument, when the name is unknown, a value is missing, or the value would
  // not lead back to this route: empty, "..", or refused by the predicate.
  std::string url_for(std::string_view name, const Value& path_values = {}) const;

  // Allows {name:predicate} in patterns that are added later. There are already "int" (digits,
  // perhaps a minus before them) and "word" (letters, digits and _).
  // accepts: of a decoded segment, never empty. It is called for each request that comes by, from
  // any thread: it must be quick and not throw.
  // Two predicates in the same place conflict unless something else tells the patterns apart.
  // Throws: std::invalid_argument for a name that is taken or cannot stand in a pattern.
  void predicate(std::string_view name, std::function<bool(std::string_view)> accepts);

  // The page for 404 and 405, and for what handlers throw: HttpError, and 500 for everything else.
  // The status is set already, and so are the fields that belong to it (Allow, Retry-After).
  void on_error(
      std::function<void(ResponseWriter&, Request&, int status, std::string_view message)> page);

  // All routes, in the order in which they were added; a mount counts as two.
  std::vector<RouteInfo> routes() const;

  // Answers the request. Throws what the handler throws; a Server makes a response of it.
  void operator()(ResponseWriter& w, Request& r) const;
  void operator()(ResponseWriter& w,
                  Request&& r) const;  // for tests: app(rec, request("GET", "/"))

  // Finds the route ahead of the call and keeps it in the Request: for the engine, which looks up
  // whether that route is known to block. Neither blocks nor calls any handler.
  detail::RouteMemory& match(Request& r) const;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/security.hpp

// security.hpp -- which sites may ask, what may a browser do with the answer, and who is the
// client?
//
// In: a Handler. Out: a Handler that refuses what other sites make a browser do in its user's name
// (csrf_guard), allows what they may (cors), forbids browsers what pages rarely need
// (secure_headers), and knows the client behind your own proxies (real_ip).
//
//     app.use(real_ip({"127.0.0.1"}));   // the outermost: those behind see the client's address
//     app.use(secure_headers());
//     app.use(cors({.origins = {"https://app.example.com"}}));
//     app.use(csrf_guard());
//
// What cors() and secure_headers() set stays on error pages, too, whoever makes these.
// What is malformed in their options throws std::invalid_argument where they are made.
// Threads: use them from any thread; they share nothing that changes.

#include <chrono>      // std::chrono::seconds
#include <functional>  // std::function
#include <string>      // std::string
#include <vector>      // std::vector

namespace jot::inline v1 {

// ---- other sites ----

struct CorsOptions {
  // Who may read: "https://example.org", "https://example.org:8443", "https://*.example.org" for
  // all names below it, "null" for files and sandboxes; or "*" alone: everybody.
  std::vector<std::string> origins = {};

  // What they may call, and with which fields beyond those that any form can send. Content-Type is
  // one to name, for JSON. "*" alone: all.
  std::vector<std::string> methods = {"GET", "POST"};
  std::vector<std::string> headers = {};

  // They may send cookies and passwords. Never with origins "*": that throws.
  bool credentials = false;

  // Fields of the response that their scripts may read, beyond the few that all may.
  std::vector<std::string> expose = {};

  // How long a browser remembers what a preflight has allowed.
  std::chrono::seconds max_age = std::chrono::seconds(5);

  // Public sites may call this server in a private network (Access-Control-Allow-Private-Network).
  bool private_network = false;
};

// Lets scripts of other sites read responses (the CORS protocol of https://fetch.spec.whatwg.org).
// It answers preflights, OPTIONS with Access-Control-Request-Method, itself: 204, with the fields
// that allow it or without. All else is handled, also for others: CORS protects the answer, not the
// server; for that there is csrf_guard().
// Use it on the Router, not on a group: a preflight has no route, and passes no group.
Middleware cors(CorsOptions options);

struct CsrfOptions {
  // Requests that pass unseen: webhooks, for example. It runs on many threads at a time.
  std::function<bool(const Request& r)> exempt = {};

  // Sites that may send as if they were this one: "https://example.org", with the port unless it is
  // the usual one.
  std::vector<std::string> trusted_origins = {};
};

// Answers 403 to what a page of another site makes a browser send, with the user's cookies. No
// tokens are needed: browsers tell. The rules are those of Go's http.CrossOriginProtection:
//
// 1. GET, HEAD and OPTIONS pass: they must change nothing.
// 2. Sec-Fetch-Site decides where it is there: same-origin and none (typed, a bookmark) pass. A
//    sibling, "same-site", does not.
// 3. Else Origin must name the host of the request (older browsers).
// 4. With neither it is no browser, and passes.
//
// Exemptions count where it would be refused.
Middleware csrf_guard(CsrfOptions options = {});

// ---- what browsers may do ----

// Each the value of a field; "" leaves it out. A handler may set another for its own response.
struct SecureHeadersOptions {
  // Keeps pages out of frames (against clickjacking), their relative links here, plugins away.
  // What scripts and styles may come from where is for you to add.
  std::string content_security_policy =
      "base-uri 'self'; frame-ancestors 'none'; object-src 'none'";

  // Pages of others that open this one, or are opened by it, get no hold of its window.
  std::string cross_origin_opener_policy = "same-origin";

  // Who may embed what is here; "cross-origin" for images that all may show.
  std::string cross_origin_resource_policy = "same-origin";

  // frame-ancestors for old browsers.
  std::string frame_options = "DENY";

  std::string permissions_policy = {};

  // Other sites hear from which site a visitor comes, not from which page.
  std::string referrer_policy = "strict-origin-when-cross-origin";

  // One year of https only. Sent only where scheme() is "https": so name the trusted_proxies.
  std::string strict_transport_security = "max-age=31536000";
};

// Sets these fields and X-Content-Type-Options: nosniff on every response.
Middleware secure_headers(SecureHeadersOptions options = {});

// ---- proxies ----

// The client behind your own proxies, for remote_addr(), scheme(), and all who ask them: logs,
// rate_limit(). trusted_proxies: addresses and networks, "127.0.0.1", "10.0.0.0/8", "fd00::/8",
// or "unix" for whoever comes by a Unix socket.
//
// X-Forwarded-For is read from right to left, as far as trusted proxies wrote it: the first address
// that is not one of theirs is the client, and what stands left of it is not looked at. From
// others, the fields are ignored. Where a trusted proxy does not know ("unknown", garbage), its own
// address stands. The port is kept where one is told, else there is none: "203.0.113.7",
// "2001:db8::1". The scheme is that of X-Forwarded-Proto, at the place of the client.
// Without X-Forwarded-For, Forwarded is read in the same way (RFC 7239).
//
// A proxy passes on what it does not set: one that speaks Forwarded has to remove X-Forwarded-For,
// and each has to set the scheme.
Middleware real_ip(const std::vector<std::string>& trusted_proxies);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/template_func.hpp

// template_func.hpp -- what may a template call?
//
// In: a function or lambda of yours. Out: a TemplateFunc, which knows what its arguments must be.
//
//     pages.funcs({{"upper", upper},                                     //
//     std::string(string_view)
//                  {"add", [](int a, int b) { return a + b; }},          // {{add .Count 1}}
//                  {"join", [](std::span<const jot::Value> all) { ... }},  // any number of them
//                  {"lines", [](std::string_view s) { return jot::Sequence{...}; }}});
//
// A parameter is bool, a whole number, a double, text (std::string, std::string_view), a Value, a
// List, a Map, typed content, or what from_value() makes; the last may be a std::span<const T> of
// these, for as many as come. As in Go nothing is converted on the way but literals: {{half 3}} is
// fine for a double, {{half .N}} is not where N is an int. The result is what becomes a Value, or
// a Sequence.
// A function is called by many threads at a time. What it throws is an error of the page:
// "home.html:3:4: executing "home.html" at <add 1>: error calling add: ...".

#include <concepts>     // std::convertible_to, std::same_as
#include <cstddef>      // std::size_t
#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <span>         // std::span
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <tuple>        // std::tuple_element_t, std::tuple_size_v
#include <type_traits>  // std::remove_cvref_t
#include <utility>      // std::index_sequence, std::move
#include <vector>       // std::vector

namespace jot::inline v1 {

// Values made one by one while {{range}} asks for them: rows of a query, lines of a file.
//
//     {"count", [](int n) { return jot::Sequence{[i = 0, n](jot::Value& item) mutable {
//       return i < n && (item = i++, true); }}; }}
//
//     {{range $i, $n := count 3}}{{$n}} {{end}}
//
// next puts the next one into item; false: there is none. It is gone when the range has ended.
struct Sequence {
  std::function<bool(Value& item)> next;
};

namespace detail {

// What an argument must be.
enum class Parameter : unsigned char { any, boolean, integer, floating, text, list, map };

using FunctionArguments = std::span<const Value* const>;

// A function that was added to templates. It is given as many arguments as it has parameters (at
// least all but the last, where that stands for any number of them), each as its parameter asks.
struct AddedFunction {
  virtual ~AddedFunction() = default;
  virtual Value call(FunctionArguments arguments) const = 0;
  virtual Sequence sequence(FunctionArguments arguments) const = 0;

  std::vector<Parameter> parameters = {};
  bool is_variadic = false;
  bool makes_sequence = false;
};

// As `T` a function's parameter; T has neither reference nor const.
template <class T>
struct ArgumentOf {
  static constexpr Parameter parameter = Parameter::any;
  static T get(const Value& v) {
    if constexpr (TypedContent<T>) {
      if (v.kind() != Value(T()).kind()) throw std::invalid_argument("want other typed content");
      return T{v.as_string()};
    } else {
      return from_value<T>(v);
    }
  }
};

template <Number N>
struct ArgumentOf<N> {
  static constexpr Parameter parameter =
      std::floating_point<N> ? Parameter::floating : Parameter::integer;
  static N get(const Value& v) { return from_value<N>(v); }
};
template <>
struct ArgumentOf<bool> {
  static constexpr Parameter parameter = Parameter::boolean;
  static bool get(const Value& v) { return v.as_bool(); }
};
template <>
struct ArgumentOf<Value> {
  static constexpr Parameter parameter = Parameter::any;
  static const Value& get(const Value& v) { return v; }
};
template <>
struct ArgumentOf<std::string> {
  static constexpr Parameter parameter = Parameter::text;
  static const std::string& get(const Value& v) { return v.as_string(); }
};
template <>
struct ArgumentOf<std::string_view> : ArgumentOf<std::string> {};
template <>
struct ArgumentOf<const char*> : ArgumentOf<std::string> {
  static const char* get(const Value& v) { return v.as_string().c_str(); }
};
template <>
struct ArgumentOf<List> {
  static constexpr Parameter parameter = Parameter::list;
  static const List& get(const Value& v) { return v.as_list(); }
};
template <>
struct ArgumentOf<Map> {
  static constexpr Parameter parameter = Parameter::map;
  static const Map& get(const Value& v) { return v.as_map(); }
};

template <class T>
inline constexpr bool is_rest = false;  // std::span<const T>: as many as come
template <class T>
inline constexpr bool is_rest<std::span<const T>> = true;

template <class T>
struct ArgumentOf<std::span<const T>> : ArgumentOf<T> {};

// The argument of the i-th parameter.
template <class T>
struct ArgumentAt {
  static decltype(auto) get(FunctionArguments arguments, std::size_t i) {
    return ArgumentOf<T>::get(*arguments[i]);
  }
};
template <class T>
struct ArgumentAt<std::span<const T>> {
  static std::vector<T> get(FunctionArguments arguments, std::size_t i) {
    std::vector<T> rest;
    for (const Value* v : arguments.subspan(i)) rest.push_back(T(ArgumentOf<T>::get(*v)));
    return rest;
  }
};

// What a callable takes and returns.
template <class F>
struct CallSignature {
  static constexpr bool known = false;
};
template <class R, class... P>
struct CallSignature<R (*)(P...)> {
  static constexpr bool known = true;
  static constexpr bool takes_references =
      ((std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>) || ...);
  using Result = std::remove_cvref_t<R>;
  using Parameters = std::tuple<std::remove_cvref_t<P>...>;
};
template <class R, class... P>
struct CallSignature<R (*)(P...) noexcept> : CallSignature<R (*)(P...)> {};
template <class C, class R, class... P>
struct CallSignature<R (C::*)(P...) const> : CallSignature<R (*)(P...)> {};
template <class C, class R, class... P>
struct CallSignature<R (C::*)(P...) const noexcept> : CallSignature<R (*)(P...)> {};

template <class F>
constexpr auto call_signature_of() {
  if constexpr (requires { &F::operator(); })
    return CallSignature<decltype(&F::operator())>();
  else
    return CallSignature<F>();
}

template <class F>
struct AddedFunctionOf final : AddedFunction {
  using Called = decltype(call_signature_of<F>());
  using Result = typename Called::Result;
  using Parameters = typename Called::Parameters;
  static constexpr std::size_t count = std::tuple_size_v<Parameters>;

  template <std::size_t I>
  using At = std::tuple_element_t<I, Parameters>;

  explicit AddedFunctionOf(F f) : function(std::move(f)) {
    makes_sequence = std::same_as<Result, Sequence>;
    describe(std::make_index_sequence<count>());
  }

  Value call([[maybe_unused]] FunctionArguments arguments) const override {
    if constexpr (std::same_as<Result, Sequence>)
      throw std::invalid_argument("a sequence is for range only");
    else
      return invoke(arguments, std::make_index_sequence<count>());
  }

  Sequence sequence([[maybe_unused]] FunctionArguments arguments) const override {
    if constexpr (std::same_as<Result, Sequence>)
      return invoke(arguments, std::make_index_sequence<count>());
    else
      throw std::invalid_argument("this is no sequence");
  }

  template <std::size_t... I>
  void describe(std::index_sequence<I...>) {
    parameters = {ArgumentOf<At<I>>::parameter...};
    if constexpr (count > 0) is_variadic = is_rest<At<count - 1>>;
  }

  template <std::size_t... I>
  Result invoke([[maybe_unused]] FunctionArguments arguments, std::index_sequence<I...>) const {
    return function(ArgumentAt<At<I>>::get(arguments, I)...);
  }

  F function;
};

std::shared_ptr<const AddedFunction> share(const AddedFunction* made);

// The first error a reader sees says what is allowed.
template <class F>
constexpr bool check_function() {
  using Called = decltype(call_signature_of<F>());
  static_assert(Called::known,
                "jot: a template calls a function or a lambda of known parameters: no generic "
                "lambda, no mutable one (it runs on many threads at once)");
  if constexpr (Called::known) {
    static_assert(!Called::takes_references,
                  "jot: a function of templates takes no reference to what is not const");
    static_assert(std::same_as<typename Called::Result, Sequence> ||
                      std::convertible_to<typename Called::Result, Value>,
                  "jot: a function of templates returns what becomes a Value, or a Sequence");
    return !Called::takes_references;
  }
  return false;
}

struct TemplateFuncAccess;

}  // namespace detail

// A function that templates may call. See Templates::funcs().
class TemplateFunc {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, TemplateFunc>) TemplateFunc(F f) {
    if constexpr (detail::check_function<F>())
      function_ = detail::share(new detail::AddedFunctionOf<F>(std::move(f)));
  }

 private:
  friend struct detail::TemplateFuncAccess;
  std::shared_ptr<const detail::AddedFunction> function_;
};

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/template.hpp

// template.hpp -- which page do this template and these data make?
//
// In: templates in the language of Go's text/template and html/template, and a Value. Out: the
// page, whole, with each value written as its place in it asks: in text, in an attribute, in a URL,
// within a script. Templates written for Go work unchanged.
//
//     jot::Templates pages = jot::Templates::parse_glob("views/*.html");
//     app.get("/", [&](jot::ResponseWriter& w) {
//       jot::render(w, pages, "home.html", {{"title", "Home"}, {"items", jot::List{1, 2, 3}}});
//     });
//
// - {{.title}} {{.user.name}} {{index .items 0}} {{$x := len .items}} {{.name | printf "%q"}}
// - {{if}} {{else if}} {{else}} {{with}} {{range}} {{break}} {{continue}} {{end}}
// - {{define "row"}} {{template "row" .}} {{block "title" .}}Untitled{{end}} {{/* comment */}}
// - and or not, eq ne lt le gt ge, len index slice, print printf println, html js urlquery, call
//
// What cannot be escaped safely is an error, not a guess; so is what cannot be computed. Nothing of
// a page that failed reaches a client. Typed content (HTML{...}) passes as what it says it is.
// How values print, what missing keys are worth and what is refused is as Go 1.23 has it.

#include <initializer_list>  // std::initializer_list
#include <memory>            // std::shared_ptr
#include <string>            // std::string
#include <string_view>       // std::string_view
#include <utility>           // std::pair
#include <vector>            // std::vector

namespace jot::inline v1 {

class Request;
class ResponseWriter;

namespace detail {
class TemplateStore;
}  // namespace detail

// html: contextual, for pages. none: for mail and configuration files; the page is plain text.
enum class Escaping { html, none };

// A template that does not parse, cannot be escaped, or could not be executed. what() reads like a
// compiler's message:
//
//     home.html:12:18: executing "row" at <.User.Nmae>: map has no entry for key "Nmae"
//       12 |   <td>{{.User.Nmae}}</td>
//          |                 ^
class TemplateError : public LoggedError {
 public:
  TemplateError(std::string in, int at_line, int at_col, std::string problem,
                std::string escape_code = {}, std::string_view excerpt = {});

  const char* what() const noexcept override { return what_.c_str(); }

  // {{"template", name}, {"line", line}, {"column", col}}: for the log.
  Map fields() const override;

  std::string name;          // of the file, or what parse() was told
  int line = 0, col = 0;     // from 1, in bytes; 0: no one place
  std::string code = {};     // why it cannot be escaped, by Go's name: "ErrBranchEnd"; else ""
  std::string message = {};  // what() without the place and the line

 private:
  std::string what_;
};

// Templates that can call each other. A copyable handle: copies share them.
//
// Set up first, on one thread; the first execute(), render() or check() ends that. From then on
// they are only read, by any number of threads.
class Templates {
 public:
  explicit Templates(Escaping escaping = Escaping::html);

  // The same as add_files() and add_glob() on new ones.
  static Templates parse_files(const std::vector<std::string>& files);
  static Templates parse_glob(const std::string& glob);

  // Adds functions for the templates that are parsed after this. A function of a predefined name
  // takes its place. Throws: std::invalid_argument for a name that no template could call.
  Templates& funcs(std::initializer_list<std::pair<std::string_view, TemplateFunc>> funcs);

  // What stands around actions in the templates that are parsed after this; "": "{{" and "}}".
  Templates& delims(std::string_view left, std::string_view right);

  // "missingkey=default" (or "invalid"): a key that is not there prints as <no value>, as nothing
  // where values are escaped; "missingkey=zero": as null; "missingkey=error": it is an error.
  // Throws: std::invalid_argument for anything else.
  Templates& option(std::string_view option);

  // Parses text as the template of that name, and those that it defines. One that is there already
  // is replaced, unless the new one is empty: so a page can redefine the blocks of a layout.
  // Throws: TemplateError, and then nothing has changed; std::logic_error after the first
  // execution.
  Templates& parse(std::string name, std::string_view text);

  // parse() of files, each by the last part of its path: "views/home.html" is "home.html".
  // Throws also: std::system_error that names the file; std::invalid_argument where no file
  // matches.
  Templates& add_files(const std::vector<std::string>& files);
  Templates& add_glob(const std::string& glob);

  // For development: from now on, when a file has changed since it was parsed, or one has come that
  // matches a glob, the next execution parses everything anew. Where that fails, executions throw
  // until the file is mended. Costs a stat() for each file and execution.
  Templates& watch_files();

  // Independent ones with the same templates, functions and options: to redefine blocks, page by
  // page. Unlike Go's, also after the first execution.
  Templates clone() const;

  // Is there a template of that name?
  bool lookup(std::string_view name) const;

  // Their names, sorted.
  std::vector<std::string> defined_templates() const;

  // Decides how these templates are escaped, as the first execution does, so that a mistake shows
  // at the start. Without a name: of all that no other one calls. Throws: TemplateError.
  void check(std::string_view name) const;
  void check() const;

  // Returns: the page. Throws: TemplateError.
  // Threads: any number at a time; the functions of funcs() are called on the calling one.
  std::string execute(std::string_view name, const Value& data = {}) const;

  // The same, appended to page; unchanged where it throws.
  void execute_to(std::string& page, std::string_view name, const Value& data = {}) const;

 private:
  friend void render(ResponseWriter&, const Templates&, std::string_view, const Value&, int);
  std::shared_ptr<detail::TemplateStore> store_;
};

// Answers with a page: status, Content-Type (text/html, or text/plain of Escaping::none; one that
// is set already is kept), Content-Length and body. The page is made first, into memory that this
// thread uses again, so that the client sees all of it or, when TemplateError is thrown, a 500: let
// it go, and the server logs it with template, line and column, and answers with its error page.
void render(ResponseWriter& w, const Templates& t, std::string_view name, const Value& data = {},
            int status = 200);

struct RenderOptions {
  std::string content_type = {};  // "": as above
  bool etag = false;  // send an ETag made of the page; 304 without it to whom has it already
  int status = 200;
};

// The same, with more to say.
void render(ResponseWriter& w, Request& r, const Templates& t, std::string_view name,
            const Value& data = {}, const RenderOptions& options = {});

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/server.hpp

// server.hpp -- who listens, and how long does it wait for whom?
//
// In: an address and a Handler. Out: requests answered, until it is told to stop.
//
//     jot::listen_and_serve(":8080", app);                              // the ten-line program
//
//     jot::Server server{{.addr = "127.0.0.1:0", .handler = app, .idle_timeout = 30s}};
//     server.start();                               // returns; addr() tells the port
//
// Every request in a handler has a thread of its own, so a handler may block; a connection between
// requests is parked and costs none. How that works is told in detail/lane.hpp.
//
// Requests that a client sends ahead (pipelining) are answered in order, and answers that are ready
// together leave together. So one that is ready may wait for a handler behind it that blocks: not
// where that waits by jot's own means (Context, Body, a full socket) or inside blocking(), and not
// where its route has blocked lately; else until it returns.
// Threads: the members of Server may be called from any thread, but not from its own handlers:
// shutdown() and the destructor wait for these.

#include <chrono>   // std::chrono::seconds
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint64_t
#include <memory>   // std::unique_ptr
#include <string>   // std::string
#include <vector>   // std::vector

namespace jot::inline v1 {

namespace detail {
class Engine;
}  // namespace detail

// In alphabetical order, so that designated initializers are easy to order.
struct ServerOptions {
  // ":8080" (IPv6 and IPv4), "127.0.0.1:8080", "[::1]:0", "localhost:80", "unix:/run/app.sock", or
  // "systemd" for the sockets that were handed over (LISTEN_FDS). Port 0 picks a free one.
  std::string addr = ":8080";

  // A request body: without progress for so long, or below 240 bytes/s after 5 s, is 408.
  nanoseconds body_timeout = std::chrono::seconds(30);

  // listen_and_serve(until): how long requests may take to end before their Contexts are cancelled.
  nanoseconds drain_timeout = std::chrono::seconds(10);

  Handler handler = {};

  // A request head, from its first byte to its last (for the first of a connection: from accept):
  // 408.
  nanoseconds head_timeout = std::chrono::seconds(10);

  // Between two requests: then the connection is closed.
  nanoseconds idle_timeout = std::chrono::seconds(75);

  // Gets a LogRecord for everything that went wrong; the default writes a line to stderr. Called on
  // the server's threads, one or many at a time.
  Logger log = {};

  // Bytes of a request body, chunked or not: more is 413. Body::set_limit() changes it for one
  // request.
  std::uint64_t max_body = 10u << 20;

  // Open connections. 0: the fd limit less 64. Beyond, the longest idle one makes room.
  std::size_t max_connections = 0;

  // Header fields of a request: more is 431.
  std::size_t max_fields = 100;

  // Bytes of a request head: more is 431.
  std::size_t max_head = 32u << 10;

  // Bytes of a request target: more is 414.
  std::size_t max_target = 8u << 10;

  // Requests inside blocking handlers at a time: more are answered 503 with Retry-After.
  std::size_t max_threads = 4096;

  // Raises the process's soft limit of open files to the hard one.
  bool raise_fd_limit = true;

  // From the call of a handler until its Context ends (cause: deadline exceeded), and with it what
  // the library waits for in it. A handler that asks for no Context and waits for nothing of the
  // library's hears nothing of it. 0: no limit.
  nanoseconds request_timeout = nanoseconds::zero();

  // Several processes listen on one port (SO_REUSEPORT). Without, a second one is an error.
  bool reuse_port = false;

  // Addresses of your own proxies, "127.0.0.1", "10.0.0.0/8", "fd00::/8", or "unix" for those on a
  // Unix socket: what they say of a client is what remote_addr() and scheme() say. See real_ip(),
  // which does the same for some routes. The constructor throws std::invalid_argument for others.
  std::vector<std::string> trusted_proxies = {};

  // A response: no byte taken by the client for so long, or below 240 bytes/s after 5 s: cut.
  nanoseconds write_timeout = std::chrono::seconds(30);
};

// Numbers since start(), and as they stand. Each is right by itself; together they are a moment's
// blur.
struct ServerStats {
  std::uint64_t requests = 0;  // answered, by whatever status
  std::uint64_t accepted = 0;  // connections
  std::uint64_t refused =
      0;  // requests that were malformed, too large or too slow, and 503s of our own
  std::uint64_t bytes_in = 0;   // from sockets
  std::uint64_t bytes_out = 0;  // to sockets
  std::size_t connections = 0;  // open now
  std::size_t idle = 0;         // of these, parked
  std::size_t in_handlers = 0;  // requests in service now
  std::size_t threads = 0;      // the server's own, waiting ones included
  std::size_t lanes = 0;        // each with a thread that waits for the network
};

class Server {
 public:
  explicit Server(ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Stops at once: cancels the Contexts, cuts the connections, waits for the handlers. One that
  // never returns keeps it waiting, after a line in the log that says so.
  ~Server();

  // Listens, and serves on threads of its own. Throws std::system_error that names the address
  // (in use, not allowed, ...), std::invalid_argument where it cannot be read, std::logic_error
  // when called twice or after shutdown().
  void start();

  // As start(), then waits until `until` is done, then shutdown() within drain_timeout. Without
  // `until` it does not return before another thread calls shutdown().
  void listen_and_serve(const Context& until = background());

  // Stops listening and lets running requests finish, with Connection: close. So do those that come
  // within half a second on connections that were busy lately, for their clients could not know;
  // the other connections close. When `within` is done before all that: cancels the Contexts, and a
  // second later cuts the connections, with a line in the log. Returns, once all have ended,
  // whether all had before `within` was. A handler that does not return even then is reported too,
  // and left behind a second later, for the destructor to wait for.
  bool shutdown(const Context& within);

  // Where it listens, "127.0.0.1:43211"; "" before start().
  std::string addr() const;

  ServerStats stats() const;

 private:
  std::unique_ptr<detail::Engine> engine_;
};

// Serves until the process ends. Throws as Server::start().
void listen_and_serve(std::string addr, Handler handler);

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/metrics.hpp

// metrics.hpp -- how is the service doing? For Prometheus, and for those who restart it.
//
// In: requests that pass, and Servers to look at. Out: numbers as text, "alive", "ready".
//
//     jot::Metrics metrics;
//     app.use(metrics);                              // counts what passes
//     jot::Server server{{.handler = app}};
//     metrics.watch(server);                         // and tells how its connections are
//     admin.get("/metrics", metrics);                // on a port that the world does not see
//     admin.get("/health", jot::health());
//     admin.get("/ready", jot::readiness(until));
//
// Memory is bounded: a request is counted under the pattern of its route, not under its path, and
// under "other" where its method is none of the usual.
// Threads: everything here may be used from any thread.

#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

class Server;

namespace detail {
struct MetricsState;
}  // namespace detail

// A copyable handle on one set of numbers; a middleware that counts, and the handler that tells.
//
//     http_requests_total{method,pattern,status}           with the status of what was thrown
//     http_request_duration_seconds{method,pattern}        a histogram, from 0.5 ms to 10 s
//     http_requests_in_flight                              in here now
//     http_server_connections{server,state}                state: "idle", "active"
//     http_server_threads{server}, http_server_lanes{server}
//     http_server_connections_accepted_total, http_server_requests_total,
//     http_server_requests_refused_total, http_server_received_bytes_total,
//     http_server_sent_bytes_total {server}
class Metrics {
 public:
  Metrics();

  // Counts a request that passes, once it is over: app.use(metrics), outside of what may refuse.
  void operator()(ResponseWriter& w, Request& r, const Handler& next) const;

  // Answers with text(): app.get("/metrics", metrics).
  void operator()(ResponseWriter& w, Request& r) const;

  // All numbers in the text format of Prometheus, version 0.0.4.
  std::string text() const;

  // Tells the stats() of this server, too, under server="name".
  // Lifetime: unwatch() it, or let nobody ask any more, before the server is destroyed.
  // Throws: std::invalid_argument for a name that is taken.
  void watch(const Server& server, std::string_view name = "main") const;
  void unwatch(const Server& server) const;

 private:
  std::shared_ptr<detail::MetricsState> state_;
};

// "ok": the process lives and answers. Ask it to know whether to restart.
Handler health();

// "ready", or 503 for a load balancer to send its clients elsewhere: as soon as `until` is done,
// which is what the server waits for; as soon as the server that answers begins to shut down; or
// while check() is false. Nobody is to be restarted for that.
// until: the Context that listen_and_serve() was given. check is called from any thread.
Handler readiness(Context until = {}, std::function<bool()> check = {});

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/testing.hpp

// testing.hpp -- what does my handler answer?
//
// In: a handler, and a request made by hand. Out: the response, without a socket, in one line:
//
//     auto res = jot::record(app, jot::request("GET", "/hello"));
//     CHECK(res.status == 200);
//     CHECK(res.body == "Hello, world.\n");
//
// Or with one, by a real server: jot::TestServer server(app); client.get(server.url("/hello"));

#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1 {

// A response, whole.
struct Recorded {
  int status = 200;
  // As the handler set it: Date, Content-Length and framing are a server's work.
  Header header = {};
  std::string body = {};
  // The handler threw when the first byte had left: a client sees the response cut short.
  bool cut_short = false;
};

// A writer that keeps everything: for tests, and for middleware that looks at a response or changes
// it before it is sent (copy_to). Its head leaves, and with it what can still be changed, at the
// first flush(); without one, never.
class Recorder final : public ResponseWriter, private Flusher {
 public:
  Recorder();

  Header& header() override;
  void write_header(int status) override;  // 1xx are checked and forgotten
  bool write_bytes(std::string_view bytes) override;
  Flusher* flusher() override;
  int status() const override;
  bool committed() const override;
  std::uint64_t bytes_written() const override;
  bool reset() override;

  // The body so far. It may be changed; also that of a HEAD request is here.
  std::string& body() noexcept { return body_; }

  // How often the handler has flushed.
  int flushes() const noexcept { return flushes_; }

  // What was recorded: the fields as they were when the head left.
  Recorded recorded() const;

  // Writes it all to another writer, fields added to those that are there, flushed if this was.
  void copy_to(ResponseWriter& w) const;

 private:
  bool flush() override;
  const Header& sent_header() const noexcept { return flushes_ ? sent_ : header_; }

  int status_ = 200;
  int flushes_ = 0;
  Header header_;
  Header sent_;  // a copy of header_, made when the head left
  std::string body_;
};

struct RequestOptions {
  std::string body = {};
  Context context = {};
  Header header = {};  // Host is example.com unless it is set here
  Value json = {};     // instead of body, with its Content-Type; null: none
  std::string remote_addr = "192.0.2.1:1234";
};

// Makes a request, read by the parser that a server uses. It owns its bytes.
// target: "/path?query", "http://host/path", "*", or for CONNECT "host:port".
// Throws: std::invalid_argument with the parser's reason for what a server would refuse.
Request request(std::string_view method, std::string_view target, RequestOptions options = {});

// Calls the handler as a server does: what it throws becomes the response.
Recorded record(const Handler& h, Request r);

// A Server on a free port of 127.0.0.1, which has started, and stops at the end of the scope: at
// once, with the Contexts of its requests cancelled. Throws as Server::start().
class TestServer {
 public:
  explicit TestServer(Handler handler);

  // options.addr is kept unless it is the default.
  explicit TestServer(ServerOptions options);

  // "http://127.0.0.1:43211" and then the path.
  std::string url(std::string_view path = {}) const;

  Server& server() noexcept { return server_; }

 private:
  Server server_;
};

}  // namespace jot::inline v1

// The contracts end here: what follows is how they are kept.
#if JOT_BODIES

// -------------------------------------------------------------- jot/impl/error.ipp

// error.ipp -- the bodies of error.hpp.

namespace jot::inline v1 {

namespace detail {

class ErrcCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "jot"; }

  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::canceled: return "canceled";
      case Errc::deadline_exceeded: return "deadline exceeded";
      case Errc::connection_closed: return "connection closed by the other side";
      case Errc::too_large: return "too large";
      case Errc::bad_message: return "bad message";
      case Errc::refused_by_policy: return "refused by policy";
    }
    return "unknown error";
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<Errc>(code)) {
      case Errc::canceled: return std::errc::operation_canceled;
      case Errc::deadline_exceeded: return std::errc::timed_out;
      default: return std::error_condition(code, *this);
    }
  }
};

JOT_INLINE void throw_error(const Error& error) {
  throw std::system_error(error.code(), error.message());
}

}  // namespace detail

JOT_INLINE std::error_code make_error_code(Errc e) noexcept {
  static const detail::ErrcCategory category;
  return std::error_code(static_cast<int>(e), category);
}

JOT_INLINE Error::Error(std::error_code code, std::string message)
    : code_(code), message_(std::move(message)) {
  if (message_.empty() && code_) message_ = code_.message();
}

JOT_INLINE bool Error::timeout() const noexcept { return code_ == std::errc::timed_out; }

JOT_INLINE bool Error::canceled() const noexcept { return code_ == std::errc::operation_canceled; }

JOT_INLINE HttpError::HttpError(int status, std::string message)
    : status_(status >= 300 && status <= 599 ? status : 500) {
  if (message.empty()) message = status_text(status_);
  message_ = std::make_shared<const std::string>(std::move(message));
}

JOT_INLINE HttpError::HttpError(
    int status, std::string message,
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields)
    : HttpError(status, std::move(message)) {
  Header header;
  for (const auto& [name, value] : fields) header.add(name, value);
  header_ = std::make_shared<const Header>(std::move(header));
}

JOT_INLINE const Header& HttpError::header() const noexcept {
  static const Header none;
  return header_ ? *header_ : none;
}

JOT_INLINE const char* HttpError::what() const noexcept { return message_->c_str(); }

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/arena.hpp

// arena.hpp -- where do bytes live that many short views point at?
//
// In: strings to keep. Out: views of copies whose addresses never change until clear().
// Blocks on the heap, so that moving the Arena's owner moves no byte.

#include <cstddef>      // std::size_t
#include <cstring>      // std::memcpy
#include <new>          // placement new
#include <string_view>  // std::string_view
#include <utility>      // std::exchange

namespace jot::inline v1::detail {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { free(newest_); }

  // Copies the bytes. Lifetime of the view: until clear() or the Arena's end.
  std::string_view keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > room_) grow(bytes.size());
    char* copy = newest_->bytes() + (newest_->size - room_);
    std::memcpy(copy, bytes.data(), bytes.size());
    room_ -= bytes.size();
    used_ += bytes.size();
    return {copy, bytes.size()};
  }

  // The next keep()s, up to this many bytes in all, allocate nothing.
  void reserve(std::size_t bytes) {
    if (bytes > room_) grow(bytes);
  }

  // Bytes kept since the last clear().
  std::size_t used() const noexcept { return used_; }

  // Forgets all bytes but holds on to the newest block, which is the largest: an Arena that is
  // filled and cleared again and again soon allocates no more.
  void clear() noexcept {
    used_ = 0;
    if (!newest_) return;
    free(std::exchange(newest_->older, nullptr));
    room_ = newest_->size;
    if (room_ > largest_kept) free(std::exchange(newest_, nullptr)), room_ = 0;
  }

 private:
  static constexpr std::size_t first_block = 512;
  static constexpr std::size_t largest_kept = 64
                                              << 10;  // by clear(): one huge value is not for ever

  // The head of a block; its bytes follow.
  struct Block {
    Block* older;
    std::size_t size;
    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  };

  void grow(std::size_t at_least) {
    std::size_t size = newest_ ? 2 * newest_->size : first_block;
    if (size < at_least) size = at_least;
    newest_ = new (::operator new(sizeof(Block) + size)) Block{newest_, size};
    room_ = size;
  }

  // This block and the older ones.
  static void free(Block* block) noexcept {
    while (block) ::operator delete(std::exchange(block, block->older));
  }

  Block* newest_ = nullptr;
  std::size_t room_ = 0;  // left at the end of the newest block
  std::size_t used_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/ascii.hpp

// ascii.hpp -- which kind of byte is this?
//
// One table of 256 bytes answers all questions of HTTP's grammar; nothing here looks at the locale.
// See RFC 9110 section 5.6 (tokens, whitespace) and RFC 3986 section 2 (URLs).

#include <bit>          // std::countr_zero, std::endian
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The kinds a byte can be of; a byte may be of several.
enum ByteKind : unsigned char {
  byte_token = 1,        // method, field name
  byte_value = 2,        // field value: no control character but the tab
  byte_digit = 4,        // 0-9
  byte_hex = 8,          // 0-9 a-f A-F
  byte_alpha = 16,       // a-z A-Z
  byte_unreserved = 32,  // stands for itself in every part of a URL
  byte_target = 64,      // visible ASCII
  byte_host = 128,       // a registered name in a URL: unreserved, sub-delims, %
};

struct ByteTable {
  unsigned char kinds[256] = {};
  char lower[256] = {};

  constexpr ByteTable() {
    for (int c = 0; c < 256; ++c) {
      lower[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      if ((c >= 0x20 && c != 0x7f) || c == '\t') mark(c, byte_value);
      if (c > 0x20 && c < 0x7f) mark(c, byte_target);
    }
    constexpr unsigned char everywhere = byte_token | byte_unreserved | byte_host;
    for (int c = '0'; c <= '9'; ++c) mark(c, byte_digit | byte_hex | everywhere);
    for (int c = 'a'; c <= 'z'; ++c) mark(c, byte_alpha | everywhere);
    for (int c = 'A'; c <= 'Z'; ++c) mark(c, byte_alpha | everywhere);
    for (int c = 'a'; c <= 'f'; ++c) mark(c, byte_hex), mark(c - 32, byte_hex);
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) mark(c, byte_token);
    for (const char c : std::string_view("-._~")) mark(c, byte_unreserved | byte_host);
    for (const char c : std::string_view("!$&'()*+,;=%")) mark(c, byte_host);
  }

  constexpr void mark(int c, int kind) {
    kinds[c] = static_cast<unsigned char>(kinds[c] | static_cast<unsigned char>(kind));
  }
};

inline constexpr ByteTable byte_table{};

constexpr bool is_a(char c, ByteKind kind) noexcept {
  return (byte_table.kinds[static_cast<unsigned char>(c)] & kind) != 0;
}

// Are all bytes of that kind? True for no bytes at all.
constexpr bool all_are(std::string_view s, ByteKind kind) noexcept {
  for (const char c : s) {
    if (!is_a(c, kind)) return false;
  }
  return true;
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }  // OWS

constexpr bool is_token(std::string_view s) noexcept {
  return !s.empty() && all_are(s, byte_token);
}

constexpr bool is_field_value(std::string_view s) noexcept { return all_are(s, byte_value); }

// Returns: 0 to 15; -1 when c is not a hex digit.
constexpr int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (!is_a(c, byte_hex)) return -1;
  return (c | 32) - 'a' + 10;
}

constexpr char to_lower(char c) noexcept { return byte_table.lower[static_cast<unsigned char>(c)]; }

// Equal without regard to ASCII case?
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Without the spaces and tabs at both ends.
constexpr std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

// Cuts the next element off a comma-separated list, trimmed; it may be empty.
constexpr std::string_view next_in_list(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return trim(element);
}

// Is that token in the comma-separated list, without regard to case?
constexpr bool list_has(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    if (iequals(next_in_list(list), token)) return true;
  }
  return false;
}

// For messages: what is not visible ASCII becomes '?', what is long is cut.
inline std::string printable(std::string_view s) {
  constexpr std::size_t longest = 64;
  std::string shown(s.substr(0, longest));
  for (char& c : shown) {
    if (c != ' ' && !is_a(c, byte_target)) c = '?';
  }
  if (s.size() > longest) shown += "...";
  return shown;
}

// Eight bytes at a time. The tricks below (Mycroft's) may mark a byte too many after one that is
// rightly marked, never before it: "is there one" and "where is the first" are exact, and no more
// is asked.
inline constexpr std::uint64_t every_byte = 0x0101010101010101;
inline constexpr std::uint64_t high_bits = 0x8080808080808080;

// The first byte is the lowest, whatever the machine.
inline std::uint64_t load8(const char* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline std::uint64_t load4(const char* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

// Of fewer than eight bytes; the rest are 0. Loads that overlap agree on what both have.
inline std::uint64_t load_few(const char* p, std::size_t size) noexcept {
  if (size >= 4) return load4(p) | load4(p + size - 4) << 8 * (size - 4);
  const auto byte = [p](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(p[i])} << 8 * i;
  };
  return size == 0 ? 0 : byte(0) | byte(size / 2) | byte(size - 1);
}

inline void store8(char* p, std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  std::memcpy(p, &word, sizeof word);
}

// Returns: a mark in the high bit of each byte that is c.
constexpr std::uint64_t mark_equal(std::uint64_t word, unsigned char c) noexcept {
  const std::uint64_t x = word ^ (every_byte * c);
  return (x - every_byte) & ~x & high_bits;
}

// Returns: a mark in the high bit of each byte below limit, which is at most 128.
constexpr std::uint64_t mark_below(std::uint64_t word, unsigned char limit) noexcept {
  return (word - every_byte * limit) & ~word & high_bits;
}

constexpr std::size_t first_mark(std::uint64_t marks) noexcept {
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/header.ipp

// header.ipp -- the bodies of header.hpp.

#include <charconv>   // std::to_chars
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// The one place that decides what may be sent as a field.
JOT_INLINE void require_valid_field(std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw std::invalid_argument("jot: not a field name: \"" + printable(name) + "\"");
  }
  if (!is_field_value(value)) {
    throw std::invalid_argument("jot: control character in the value of field " +
                                std::string(name));
  }
}

JOT_INLINE std::size_t bytes_in(const Field* first, const Field* last) noexcept {
  std::size_t sum = 0;
  for (; first != last; ++first) sum += first->name.size() + first->value.size();
  return sum;
}

}  // namespace detail

JOT_INLINE Header::Header() = default;

JOT_INLINE Header::Header(std::initializer_list<Field> fields) {
  for (const Field& f : fields) add(f.name, f.value);
}

JOT_INLINE Header::Header(const Header& other) { keep_all(other.begin(), other.end()); }

JOT_INLINE Header::Header(Header&& other) noexcept
    : fields_(std::exchange(other.fields_, {})), bytes_(std::move(other.bytes_)) {}

JOT_INLINE Header& Header::operator=(const Header& other) { return *this = Header(other); }

JOT_INLINE Header& Header::operator=(Header&& other) noexcept {
  if (this == &other) return *this;
  fields_ = std::exchange(other.fields_, {});
  bytes_ = std::move(other.bytes_);
  return *this;
}

JOT_INLINE Header::~Header() = default;

JOT_INLINE Header& Header::set(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::require_valid_field(name, value);
  const Field kept = keep(name, value);  // before the old ones go: the value may be a view of one
  std::size_t to = 0;
  bool placed = false;
  for (const Field& f : fields_) {
    const bool same = detail::iequals(f.name, kept.name);
    if (same && placed) continue;
    fields_[to++] = same ? kept : f;
    placed = placed || same;
  }
  fields_.resize(to);
  if (!placed) fields_.push_back(kept);
  drop_stale_bytes();
  return *this;
}

JOT_INLINE Header& Header::add(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::require_valid_field(name, value);
  fields_.push_back(keep(name, value));
  drop_stale_bytes();
  return *this;
}

JOT_INLINE Header& Header::remove(std::string_view name) {
  std::erase_if(fields_, [name](const Field& f) { return detail::iequals(f.name, name); });
  return *this;
}

JOT_INLINE std::string_view Header::get(std::string_view name) const noexcept {
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) return f.value;
  }
  return {};
}

JOT_INLINE bool Header::has(std::string_view name) const noexcept {
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) return true;
  }
  return false;
}

JOT_INLINE std::vector<std::string_view> Header::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& f : fields_) {
    if (detail::iequals(f.name, name)) values.push_back(f.value);
  }
  return values;
}

JOT_INLINE Header& Header::set_signed(std::string_view name, long long value) {
  char digits[24];
  return set(name, {digits, std::to_chars(digits, digits + sizeof digits, value).ptr});
}

JOT_INLINE Header& Header::set_unsigned(std::string_view name, unsigned long long value) {
  char digits[24];
  return set(name, {digits, std::to_chars(digits, digits + sizeof digits, value).ptr});
}

JOT_INLINE Field Header::keep(std::string_view name, std::string_view value) {
  if (!bytes_) bytes_ = std::make_unique<detail::Arena>();
  return {bytes_->keep(name), bytes_->keep(value)};
}

// Replaces all fields by copies of these, which own their bytes.
JOT_INLINE void Header::keep_all(const Field* first, const Field* last) {
  auto bytes = std::make_unique<detail::Arena>();
  bytes->reserve(detail::bytes_in(first, last));
  std::vector<Field> fields;
  fields.reserve(static_cast<std::size_t>(last - first));
  for (; first != last; ++first) {
    fields.push_back({bytes->keep(first->name), bytes->keep(first->value)});
  }
  fields_ = std::move(fields);
  bytes_ = std::move(bytes);
}

// A Header that is set a million times must not grow a million values: once most of the kept bytes
// belong to values that were replaced, the living ones move to new memory.
JOT_INLINE void Header::drop_stale_bytes() {
  constexpr std::size_t worth_it = 8 << 10;
  if (bytes_->used() < worth_it) return;
  if (bytes_->used() > 4 * detail::bytes_in(begin(), end())) keep_all(begin(), end());
}

JOT_INLINE void Header::clear() noexcept {
  fields_.clear();
  if (bytes_) bytes_->clear();
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/mime.ipp

// mime.ipp -- the bodies of mime.hpp.

#include <cstddef>  // std::size_t

namespace jot::inline v1 {

namespace detail {

struct Extension {
  std::string_view name, type;
};

// Types of text say utf-8, for that is what files on Linux are.
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
    const std::string_view extension = file_name.substr(dot + 1);
    for (const detail::Extension& known : detail::extensions) {
      if (detail::iequals(known.name, extension)) return known.type;
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

// -------------------------------------------------------------- jot/impl/status.ipp

// status.ipp -- the bodies of status.hpp.

namespace jot::inline v1 {

namespace detail {

constexpr std::string_view status_text_1xx_2xx(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    default: return "";
  }
}

constexpr std::string_view status_text_3xx_5xx(int status) noexcept {
  switch (status) {
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 510: return "Not Extended";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

constexpr std::string_view status_text_4xx(int status) noexcept {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    default: return "";
  }
}

}  // namespace detail

JOT_INLINE std::string_view status_text(int status) noexcept {
  if (status < 300) return detail::status_text_1xx_2xx(status);
  if (status < 400 || status >= 500) return detail::status_text_3xx_5xx(status);
  return detail::status_text_4xx(status);
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/text.ipp

// text.ipp -- the bodies of text.hpp.

#include <charconv>  // std::to_chars

namespace jot::inline v1 {

namespace detail {

// Wide enough for every number: a long double takes at most 32 characters in its shortest form.
template <class N>
void append_number(std::string& to, N number) {
  char digits[64];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

JOT_INLINE void append_part(std::string& to, std::string_view text) { to += text; }
JOT_INLINE void append_part(std::string& to, char letter) { to += letter; }
JOT_INLINE void append_part(std::string& to, bool truth) { to += truth ? "true" : "false"; }
JOT_INLINE void append_part(std::string& to, long long number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, unsigned long long number) {
  append_number(to, number);
}
JOT_INLINE void append_part(std::string& to, float number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, double number) { append_number(to, number); }
JOT_INLINE void append_part(std::string& to, long double number) { append_number(to, number); }

}  // namespace detail

JOT_INLINE std::string html_escape(std::string_view s) {
  std::string escaped;
  escaped.reserve(s.size());
  for (const char c : s) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&#34;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/url.ipp

// url.ipp -- the bodies of url.hpp.

namespace jot::inline v1 {

namespace detail {

enum class Plus { is_plus, is_space };

JOT_INLINE void append_percent_encoded(std::string& to, std::string_view s, Plus space_as) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_a(c, byte_unreserved))
      to += c;
    else if (c == ' ' && space_as == Plus::is_space)
      to += '+';
    else
      to.append({'%', hex[byte >> 4], hex[byte & 15]});
  }
}

JOT_INLINE std::string percent_decoded(std::string_view s, Plus plus) {
  std::string decoded;
  decoded.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    const int high = s[i] == '%' && i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
    if (low >= 0) {
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      decoded += s[i] == '+' && plus == Plus::is_space ? ' ' : s[i];
    }
  }
  return decoded;
}

}  // namespace detail

JOT_INLINE std::string percent_encode(std::string_view s) {
  std::string encoded;
  encoded.reserve(s.size());
  detail::append_percent_encoded(encoded, s, detail::Plus::is_plus);
  return encoded;
}

JOT_INLINE std::string percent_decode(std::string_view s) {
  return detail::percent_decoded(s, detail::Plus::is_plus);
}

JOT_INLINE Values Values::parse(std::string_view encoded) {
  Values values;
  while (!encoded.empty()) {
    const std::size_t amp = encoded.find('&');
    const std::string_view pair = encoded.substr(0, amp);
    encoded.remove_prefix(amp == std::string_view::npos ? encoded.size() : amp + 1);
    if (pair.empty()) continue;
    if (values.size() == max_pairs) throw HttpError{400, "too many parameters"};
    const std::size_t equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    values.add(detail::percent_decoded(pair.substr(0, equals), detail::Plus::is_space),
               detail::percent_decoded(value, detail::Plus::is_space));
  }
  return values;
}

JOT_INLINE const std::string& Values::get(std::string_view name) const noexcept {
  static const std::string absent;
  const std::string* value = find(name);
  return value ? *value : absent;
}

JOT_INLINE const std::string* Values::find(std::string_view name) const noexcept {
  for (const Pair& pair : pairs_) {
    if (pair.first == name) return &pair.second;
  }
  return nullptr;
}

JOT_INLINE std::vector<std::string_view> Values::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Pair& pair : pairs_) {
    if (pair.first == name) values.push_back(pair.second);
  }
  return values;
}

JOT_INLINE void Values::add(std::string name, std::string value) {
  pairs_.emplace_back(std::move(name), std::move(value));
}

JOT_INLINE std::string Values::encode() const {
  std::string encoded;
  for (const auto& [name, value] : pairs_) {
    if (!encoded.empty()) encoded += '&';
    detail::append_percent_encoded(encoded, name, detail::Plus::is_space);
    encoded += '=';
    detail::append_percent_encoded(encoded, value, detail::Plus::is_space);
  }
  return encoded;
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/blocking.hpp

// blocking.hpp -- who must know that this thread is about to block?
//
// A thread that serves a request may drive a lane besides: while it sleeps, the other connections
// of that lane would wait with it. So whatever blocks in jot says so first, and the thread's seat
// hands the lane to another thread.
//
// The seat is a property of the thread, not of the request: a helper thread that a handler started
// drives no lane and simply blocks.
// Threads: everything here concerns the calling thread alone.

namespace jot::inline v1::detail {

// What a thread that serves a request sits on.
struct Seat {
  // Gives the lane away. Idempotent: the seat knows whether its lane is already gone.
  virtual void give_away() noexcept = 0;

 protected:
  ~Seat() = default;
};

// The calling thread's seat; nullptr where it serves no request. Set and cleared by the engine.
inline Seat*& current_seat() noexcept {
  static constinit thread_local Seat* seat = nullptr;
  return seat;
}

// Call this before anything that may sleep, and only when it really will.
inline void about_to_block() noexcept {
  if (Seat* seat = current_seat()) seat->give_away();
}

// Is the calling thread one that must never sleep for the sake of one request? So is the timer's,
// on which all deadlines wait.
inline bool& must_not_wait() noexcept {
  static constinit thread_local bool must_not = false;
  return must_not;
}

// Says so for a scope: sends that would have to wait for a full socket fail there instead.
class NoWaiting {
 public:
  NoWaiting() noexcept : before_(must_not_wait()) { must_not_wait() = true; }
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
  ~NoWaiting() { must_not_wait() = before_; }

 private:
  const bool before_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/clock.hpp

// clock.hpp -- when is "in d from now", for any d?
//
// Sums and differences of times that stop at the ends of the clock instead of overflowing, so that
// nanoseconds::max() may be used for "as long as it takes".

#include <chrono>       // std::chrono::steady_clock, std::chrono::nanoseconds
#include <type_traits>  // std::is_same_v

namespace jot::inline v1::detail {

using Clock = std::chrono::steady_clock;
static_assert(std::is_same_v<Clock::duration, std::chrono::nanoseconds>);

// `from` + d, but at most Clock's last moment and at least its first.
constexpr Clock::time_point time_after(Clock::time_point from,
                                       std::chrono::nanoseconds d) noexcept {
  using std::chrono::nanoseconds;
  const nanoseconds t = from.time_since_epoch();
  if (d > nanoseconds::zero() && t > nanoseconds::max() - d) return Clock::time_point::max();
  if (d < nanoseconds::zero() && t < nanoseconds::min() - d) return Clock::time_point::min();
  return from + d;
}

// The time from `now` until `when`; 0 when that has passed.
constexpr std::chrono::nanoseconds time_until(Clock::time_point when,
                                              Clock::time_point now) noexcept {
  using std::chrono::nanoseconds;
  if (when <= now) return nanoseconds::zero();
  const nanoseconds to = when.time_since_epoch(), from = now.time_since_epoch();
  if (from < nanoseconds::zero() && to > nanoseconds::max() + from) return nanoseconds::max();
  return to - from;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/context_node.hpp

// context_node.hpp -- what is every Context inside?
//
// A node of a tree whose children know their parents:
//
//   CancelState     can end, and all below it then (context_state.hpp);
//   ValueState      a key and a value; ends with the node above it;
//   DetachedState   what without_cancel makes: has the values above it and never ends.
//
// So that done() and value() need not climb, each node knows the nearest CancelState and the
// nearest ValueState at or above itself. Its reference to the parent keeps both alive.
// Life: a node counts its references: handles, children, work under way.
// Threads: all fields but the count are set before others see the node, and never change.

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint32_t
#include <memory>   // std::shared_ptr
#include <utility>  // std::move

namespace jot::inline v1::detail {

class CancelState;
class ValueState;

class ContextState {
 public:
  // One reference, the caller's; takes one on the parent, which may be nullptr: background.
  explicit ContextState(ContextState* parent) noexcept;
  ContextState(const ContextState&) = delete;
  ContextState& operator=(const ContextState&) = delete;

  // Whose end is this one's end: itself, one above, or nullptr: it never ends.
  CancelState* canceller() const noexcept { return canceller_; }

  // The node that holds the nearest value at or above this one; nullptr: there is none.
  ValueState* values() const noexcept { return values_; }

  // A reference for somebody who has none but knows that the memory is still there.
  // Returns: false when the last reference is already gone.
  bool try_add_ref() noexcept {
    std::uint32_t refs = refs_.load(std::memory_order_relaxed);
    while (refs != 0) {
      if (refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

 protected:
  virtual ~ContextState() = default;

  CancelState* canceller_ = nullptr;
  ValueState* values_;

 private:
  friend void add_ref(ContextState* state) noexcept;
  friend void release(ContextState* state) noexcept;

  std::atomic<std::uint32_t> refs_{1};
  ContextState* const parent_;
};

// Relaxed: who adds a reference has one, or has got the pointer from one who has.
inline void add_ref(ContextState* state) noexcept {
  if (state != nullptr) state->refs_.fetch_add(1, std::memory_order_relaxed);
}

// acq_rel: what others did with the node happens before it is destroyed. A loop, not a recursion by
// way of the destructor: chains of parents may be long.
inline void release(ContextState* state) noexcept {
  while (state != nullptr && state->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    ContextState* parent = state->parent_;
    delete state;  // before its parent, from whose list it takes itself
    state = parent;
  }
}

inline ContextState::ContextState(ContextState* parent) noexcept
    : canceller_(parent ? parent->canceller_ : nullptr),
      values_(parent ? parent->values_ : nullptr),
      parent_(parent) {
  add_ref(parent);
}

// Has the values of the node it is made for, and never ends.
class DetachedState final : public ContextState {
 public:
  explicit DetachedState(ContextState* parent) noexcept : ContextState(parent) {
    canceller_ = nullptr;
  }
};

class ValueState final : public ContextState {
 public:
  ValueState(ContextState* parent, const void* key, std::shared_ptr<const void> value) noexcept
      : ContextState(parent), outer_(values_), key_(key), value_(std::move(value)) {
    values_ = this;
  }

  // The value for the key, here or farther out; nullptr: there is none.
  const void* find(const void* key) const noexcept {
    for (const ValueState* state = this; state != nullptr; state = state->outer_) {
      if (state->key_ == key) return state->value_.get();
    }
    return nullptr;
  }

 private:
  ValueState* const outer_;
  const void* const key_;
  const std::shared_ptr<const void> value_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/fd.hpp

// fd.hpp -- who closes this file descriptor?
//
// Whoever owns the Fd, once, when it ends.

#include <unistd.h>  // ::close

#include <utility>  // std::exchange

namespace jot::inline v1::detail {

class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // The caller closes it from now on.
  int release() noexcept { return std::exchange(fd_, -1); }

  // Not repeated on EINTR: Linux has closed it all the same, and the number may already be
  // another thread's.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/futex.hpp

// futex.hpp -- how does a thread sleep until a word changes, or until a moment?
//
// One 32-bit word of our own is all there is; the kernel is asked only when somebody really sleeps.
// (std::atomic's wait() would do, had it a deadline; a condition variable would, at 90 bytes each.)
// The word carries the news, the futex only the wake-up: a sleeper looks at the word again after
// every wake-up, for there are spurious ones.
// Threads: any. Within one process only.

#include <linux/futex.h>  // FUTEX_WAIT_BITSET, FUTEX_WAKE
#include <sys/syscall.h>  // SYS_futex
#include <unistd.h>       // ::syscall

#include <atomic>   // std::atomic
#include <cerrno>   // errno
#include <chrono>   // std::chrono::duration_cast
#include <climits>  // INT_MAX
#include <cstdint>  // std::uint32_t
#include <ctime>    // std::timespec

namespace jot::inline v1::detail {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

// Sleeps while word is `expected`, at the latest until `until`; time_point::max() is never.
// Returns: false when the time is up; true when the word should be looked at again.
// Units: a moment of CLOCK_MONOTONIC, which is steady_clock's and FUTEX_WAIT_BITSET's clock, so
// that neither a signal nor a change of the wall clock stretches the sleep. Keeps errno.
inline bool futex_wait(FutexWord& word, std::uint32_t expected, Clock::time_point until) noexcept {
  using namespace std::chrono;
  const int saved_errno = errno;
  std::timespec moment = {};
  const bool forever = until == Clock::time_point::max();
  // The kernel refuses a moment before its epoch instead of calling it past.
  const nanoseconds since_boot = until.time_since_epoch();
  if (since_boot > nanoseconds::zero()) {
    const auto whole = duration_cast<seconds>(since_boot);
    moment.tv_sec = static_cast<std::time_t>(whole.count());
    moment.tv_nsec = static_cast<long>((since_boot - whole).count());
  }
  const long rc = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                            forever ? nullptr : &moment, nullptr, FUTEX_BITSET_MATCH_ANY);
  const bool time_is_up = rc != 0 && errno == ETIMEDOUT;
  errno = saved_errno;
  return !time_is_up;
}

// Wakes all who sleep on the word. Change the word first. Keeps errno.
inline void futex_wake_all(FutexWord& word) noexcept {
  const int saved_errno = errno;
  ::syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr, 0);
  errno = saved_errno;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/ring.hpp

// ring.hpp -- how does something leave a list in one step, without a search?
//
// It carries its own links. Nothing is allocated, so nothing can fail; something is in one Ring at
// a time. The Ring owns nothing.
// Threads: none of it locks; who uses a Ring says what guards it.

namespace jot::inline v1::detail {

// What T derives from (once) to be in a Ring<T>.
struct Link {
  Link* previous = nullptr;
  Link* next = nullptr;
};

template <class T>
class Ring {
 public:
  Ring() noexcept : head_{&head_, &head_} {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool empty() const noexcept { return head_.next == &head_; }

  void push_back(T& item) noexcept {
    Link& link = item;
    link.previous = head_.previous;
    link.next = &head_;
    head_.previous->next = &link;
    head_.previous = &link;
  }

  // The first, taken out; nullptr when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T* first = static_cast<T*>(head_.next);
    remove(*first);
    return first;
  }

  // Of whichever Ring it is in; it must be in one.
  static void remove(T& item) noexcept {
    Link& link = item;
    link.previous->next = link.next;
    link.next->previous = link.previous;
    link.previous = link.next = nullptr;
  }

 private:
  Link head_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/service_thread.hpp

// service_thread.hpp -- how does a thread that works for the whole process start and end?
//
// It starts when first needed, returns from its function when there is nothing left to do, and may
// be started again. Its owner joins it: at the next start, or when the process ends.
//
// All signals are blocked in it, so that a handler of the user's never runs on it.
// Fork: the thread does not exist in the child. join() knows, and does not wait there for ever.

#include <pthread.h>  // ::pthread_sigmask, ::pthread_setname_np
#include <signal.h>   // sigset_t, ::sigfillset
#include <unistd.h>   // ::getpid

#include <thread>  // std::thread

namespace jot::inline v1::detail {

class ServiceThread {
 public:
  // Runs (self.*run)() on a thread named so (15 letters at most). A predecessor must have returned,
  // or be about to without needing a lock that the caller holds: it is joined first. Throws:
  // std::system_error when the system has no thread to give.
  template <auto run, class T>
  void start(const char* name, T& self) {
    start(name, [](void* that) { (static_cast<T*>(that)->*run)(); }, &self);
  }

  // Waits until the thread has returned; does nothing when none was started. On the thread itself
  // (a callback called exit()) and in a forked child there is nobody to wait for.
  void join() {
    if (!thread_.joinable()) return;
    const bool here = thread_.get_id() == std::this_thread::get_id();
    if (here || pid_ != ::getpid()) return thread_.detach();
    thread_.join();
  }

 private:
  // A plain function and its argument: std::thread is compiled once, not for each kind of thread.
  void start(const char* name, void (*run)(void*), void* that) {
    join();
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    try {
      thread_ = std::thread(run, that);
    } catch (...) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), name);
    pid_ = ::getpid();
  }

  std::thread thread_;
  pid_t pid_ = 0;  // where the thread lives
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/timer.hpp

// timer.hpp -- who looks at the clock, so that deadlines fire without a thread each?
//
// In: Alarms, each with its moment. Out: a call of fire() when the moment has come.
//
// One thread for the process and a heap of Alarms, the next one at the front:
//
//   1. add() puts an Alarm into the heap and starts the thread if there is none. It wakes the
//      thread only when that would sleep past the new moment.
//   2. The thread sleeps until the first moment, takes from the heap what is due, and fires it
//      outside the lock.
//   3. remove() takes an Alarm out and wakes nobody: most deadlines never come, and a thread that
//      wakes up once for nothing costs less than one that is woken for each of them.
//   4. When the heap has been empty for a while, the thread ends.
//
// All fires share the thread: one that takes long delays the others.
// Exit: the thread is stopped and joined by the destructor of a local static; Alarms set after that
// do not fire. The heap itself is never destroyed, for a Context with static storage may end later.

#include <sys/types.h>  // pid_t
#include <unistd.h>     // ::getpid

#include <atomic>   // std::memory_order_relaxed
#include <chrono>   // std::chrono::seconds
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint32_t
#include <mutex>    // std::mutex, std::lock_guard, std::unique_lock
#include <vector>   // std::vector

namespace jot::inline v1::detail {

// Something that is to happen at a moment. Lifetime: out of the heap before it is destroyed.
class Alarm {
 public:
  explicit Alarm(Clock::time_point when) noexcept : when_(when) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 protected:
  ~Alarm() = default;

  // For one that has fired, and is to be added again.
  void set(Clock::time_point when) noexcept { when_ = when; }

 private:
  friend class Timer;
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  // Called under the timer's lock: keep yourself alive until fire() has returned; false: too late,
  // the last owner is already gone.
  virtual bool hold() noexcept = 0;
  // Called on the timer's thread, without the lock, after a hold() that said true.
  virtual void fire() noexcept = 0;

  Clock::time_point when_;       // does not change while it is in the heap
  std::size_t place_ = nowhere;  // in the heap; the timer's lock guards it
  Alarm* next_due_ = nullptr;    // the timer thread's
};

class Timer {
 public:
  // The process's only one.
  static Timer& instance() {
    static Timer* const timer = new Timer;
    static const Stopper stopper{*timer, ::getpid()};
    return *timer;
  }

  // Throws: std::bad_alloc; std::system_error when the thread cannot be started. Then the Alarm is
  // not set.
  void add(Alarm& alarm) {
    std::lock_guard lock(mutex_);
    heap_.push_back(&alarm);
    alarm.place_ = heap_.size() - 1;
    sift_up(alarm.place_);
    if (!running_ && !stopping_) {
      try {
        thread_.start<&Timer::run>("jot-timer", *this);
      } catch (...) {
        take_out(alarm);
        throw;
      }
      running_ = true;
    } else if (alarm.when_ < sleeps_until_) {
      wake();
    }
  }

  // Does nothing when the Alarm has fired, fires just now or was never added.
  void remove(Alarm& alarm) noexcept {
    std::lock_guard lock(mutex_);
    take_out(alarm);
  }

  // The number of Alarms set.
  std::size_t size() noexcept {
    std::lock_guard lock(mutex_);
    return heap_.size();
  }

 private:
  // Ends the thread when the process ends; not in a forked child, where it does not exist.
  struct Stopper {
    Timer& timer;
    pid_t pid;
    ~Stopper() {
      if (::getpid() == pid) timer.stop();
    }
  };

  static constexpr std::chrono::seconds linger{10};  // how long the thread outlives the last Alarm

  Timer() = default;

  void run() {
    std::unique_lock lock(mutex_);
    Clock::time_point end = Clock::time_point::max();  // of the thread; max: not foreseen
    while (!stopping_) {
      const Clock::time_point now = Clock::now();
      if (Alarm* due = take_due(now)) {
        lock.unlock();
        fire_all(due);
        lock.lock();
        continue;
      }
      if (!heap_.empty()) {
        end = Clock::time_point::max();
      } else if (end == Clock::time_point::max()) {
        end = now + linger;
      } else if (now >= end) {
        break;
      }
      const Clock::time_point until = heap_.empty() ? end : heap_.front()->when_;
      const std::uint32_t news = news_.load(std::memory_order_relaxed);
      sleeps_until_ = until;
      lock.unlock();
      futex_wait(news_, news, until);
      lock.lock();
      sleeps_until_ = Clock::time_point::min();
    }
    running_ = false;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      wake();
    }
    thread_.join();  // nobody else touches it: add() starts no thread any more
  }

  void wake() noexcept {
    news_.fetch_add(1, std::memory_order_relaxed);  // the lock orders it; the futex compares it
    futex_wake_all(news_);
  }

  // Takes out of the heap what is due, as a chain in order of its moments.
  Alarm* take_due(Clock::time_point now) noexcept {
    Alarm* first = nullptr;
    for (Alarm** end = &first; !heap_.empty() && heap_.front()->when_ <= now;) {
      Alarm* alarm = heap_.front();
      take_out(*alarm);
      if (!alarm->hold()) continue;
      alarm->next_due_ = nullptr;
      *end = alarm;
      end = &alarm->next_due_;
    }
    return first;
  }

  static void fire_all(Alarm* due) noexcept {
    while (due != nullptr) {
      Alarm* next = due->next_due_;  // read before: the Alarm may end with its fire()
      due->fire();
      due = next;
    }
  }

  void take_out(Alarm& alarm) noexcept {
    const std::size_t hole = alarm.place_;
    if (hole == Alarm::nowhere) return;
    alarm.place_ = Alarm::nowhere;
    Alarm* last = heap_.back();
    heap_.pop_back();
    if (last == &alarm) return;
    put(hole, last);
    sift_up(hole);
    sift_down(last->place_);
  }

  void put(std::size_t place, Alarm* alarm) noexcept {
    heap_[place] = alarm;
    alarm->place_ = place;
  }

  void sift_up(std::size_t place) noexcept {
    while (place > 0) {
      const std::size_t above = (place - 1) / 2;
      if (heap_[above]->when_ <= heap_[place]->when_) return;
      swap(above, place);
      place = above;
    }
  }

  void sift_down(std::size_t place) noexcept {
    for (;;) {
      std::size_t least = place;
      for (std::size_t below = 2 * place + 1; below <= 2 * place + 2; ++below) {
        if (below < heap_.size() && heap_[below]->when_ < heap_[least]->when_) least = below;
      }
      if (least == place) return;
      swap(least, place);
      place = least;
    }
  }

  void swap(std::size_t a, std::size_t b) noexcept {
    Alarm* was_a = heap_[a];
    put(a, heap_[b]);
    put(b, was_a);
  }

  std::mutex mutex_;  // guards all below but news_, and each Alarm's place_
  std::vector<Alarm*> heap_;
  ServiceThread thread_;
  bool running_ = false;   // the thread will look at the heap once more
  bool stopping_ = false;  // the process ends
  Clock::time_point sleeps_until_ = Clock::time_point::min();  // min: it does not sleep
  FutexWord news_ = 0;  // changed under the lock, slept on without it
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/context_state.hpp

// context_state.hpp -- how does ending one Context end all below it?
//
// The nodes of context_node.hpp that can end:
//
//   CancelState     done or not, why, who sleeps until then, its children, its callbacks;
//   DeadlineState   one that the timer ends, too.
//
// A child refers to its parent; a parent only lists its children, and a child takes itself off that
// list when it goes. So nothing is left of a child that was dropped, however many there were.
//
// Ending (CancelState::cancel), on the thread that asks for it:
//   1. The node gets its reason and becomes done; sleepers are woken. First one wins.
//   2. Its children are taken off its list, with a reference each, and become done in the same way,
//      for the reason of the node where it began; then their children, by a work list, not by
//      recursion, for trees may be deep. Here every Context below is done.
//   3. Only now callbacks run, with no lock held. They may do anything with any Context.
//
// Locks: each CancelState has one; of two nodes never both at a time. The timer's is never taken
// with one held.

#include <sys/eventfd.h>  // ::eventfd, ::eventfd_write

#include <atomic>        // std::atomic
#include <cerrno>        // errno
#include <cstdint>       // std::uint32_t
#include <functional>    // std::function
#include <memory>        // std::shared_ptr, std::enable_shared_from_this
#include <mutex>         // std::mutex, std::lock_guard
#include <optional>      // std::optional
#include <stop_token>    // std::stop_source, std::stop_token
#include <string>        // std::string
#include <system_error>  // std::error_code, std::system_error
#include <thread>        // std::this_thread::get_id
#include <utility>       // std::move

namespace jot::inline v1::detail {

class AfterCall;

// Why a node ended: the caller's Error, or words that cost nothing to make.
struct Reason {
  Errc err = Errc::canceled;  // canceled or deadline_exceeded
  std::error_code code = Errc::canceled;
  const char* words = nullptr;  // a literal; nullptr: the code's own
  std::shared_ptr<const Error> given = nullptr;

  Error error() const {
    if (given) return *given;
    return Error(code, words != nullptr ? words : std::string());
  }
};

class CancelState : public ContextState, public Link {
 public:
  // Not yet a child: attach() makes it one, once it is wholly built.
  explicit CancelState(ContextState* parent) noexcept
      : ContextState(parent),
        above_(canceller_),
        deadline_(above_ ? above_->deadline_ : no_deadline()) {
    canceller_ = this;
  }
  ~CancelState() override { detach(); }

  // Lists it with the nearest node above that can end; is done at once when that is done.
  void attach() noexcept;

  // acquire: who sees that it is done sees what was written before, the reason among it.
  bool done() const noexcept { return word_.load(std::memory_order_acquire) == ended; }

  // Ends it and all below, as described at the top. Only the first one counts.
  void cancel(Reason reason) noexcept;

  // nullptr until done. Lifetime: this node's; where it began is this node or one above.
  const Reason* reason() const noexcept { return done() ? &origin_->reason_ : nullptr; }

  const std::optional<Clock::time_point>& deadline() const noexcept { return deadline_; }

  // Sleeps until done, at the latest until then. Returns: done().
  bool wait_until(Clock::time_point until) noexcept;

  std::stop_token stop_token();
  int fd();

 protected:
  static std::optional<Clock::time_point> no_deadline() noexcept { return std::nullopt; }

  CancelState* const above_;  // the parent's canceller: lists this one; nullptr: a root
  std::optional<Clock::time_point> deadline_;

 private:
  friend class AfterCall;

  // Of word_. awaited: somebody sleeps on it, or did once.
  static constexpr std::uint32_t running = 0, awaited = 1, ended = 2;

  bool end(const CancelState& origin, Reason* reason, Ring<CancelState>& children) noexcept;
  void call_back() noexcept;
  void detach() noexcept;
  virtual void on_end() noexcept {}  // becoming done, no lock held

  FutexWord word_ = running;
  bool attached_ = false;                // above_->mutex_ guards it, and the Link while it is true
  bool owes_callbacks_ = false;          // written in end(), then read by the same thread
  const CancelState* origin_ = nullptr;  // where the end began; written before word_ says ended
  Reason reason_;                        // the same, where origin_ is this

  std::mutex mutex_;  // guards the change of word_ to ended, and all below
  Ring<CancelState> children_;
  Ring<AfterCall> calls_;
  std::stop_source stop_{std::nostopstate};  // made when asked for
  Fd fd_;                                    // the same
};

class DeadlineState final : public CancelState, private Alarm {
 public:
  DeadlineState(ContextState* parent, Clock::time_point when) noexcept
      : CancelState(parent), Alarm(when) {
    deadline_ = when;
  }
  ~DeadlineState() override { on_end(); }

  // After attach(). Throws: as Timer::add.
  void arm() {
    Timer::instance().add(*this);
    if (done()) on_end();  // it ended before the alarm was set, which nobody would remove now
  }

 private:
  void on_end() noexcept override { Timer::instance().remove(*this); }
  bool hold() noexcept override { return try_add_ref(); }
  void fire() noexcept override {
    cancel({.err = Errc::deadline_exceeded, .code = Errc::deadline_exceeded});
    release(this);
  }
};

// What stands behind an AfterFunc: a function on the list of a node.
class AfterCall : public std::enable_shared_from_this<AfterCall>, public Link {
 public:
  AfterCall(CancelState& state, std::function<void()> f) : state_(state), f_(std::move(f)) {
    add_ref(&state_);
  }
  AfterCall(const AfterCall&) = delete;
  AfterCall& operator=(const AfterCall&) = delete;
  ~AfterCall() { release(&state_); }

  // Puts it on the list, or runs it here when the node is done.
  void start() noexcept;

  // Takes it off the list. Returns: it has not run and never will.
  bool stop() noexcept;

  // stop(), or wait until it has run, unless that is what this very thread is doing.
  void finish() noexcept;

 private:
  friend class CancelState;
  static constexpr std::uint32_t listed = 0, running = 1, over = 2;  // of status_

  void set_running() noexcept;
  void run() noexcept;

  CancelState& state_;
  std::function<void()> f_;
  FutexWord status_ = listed;  // listed -> running and listed -> over under state_.mutex_
  std::thread::id runner_;     // set before running is, read by who has seen running
};

inline void CancelState::attach() noexcept {
  if (above_ == nullptr) return;
  std::lock_guard lock(above_->mutex_);
  if (above_->done()) {
    origin_ = above_->origin_;
    word_.store(ended, std::memory_order_release);
  } else {
    above_->children_.push_back(*this);
    attached_ = true;
  }
}

inline void CancelState::detach() noexcept {
  if (above_ == nullptr) return;
  std::lock_guard lock(above_->mutex_);
  if (attached_) Ring<CancelState>::remove(*this);
  attached_ = false;
}

inline void CancelState::cancel(Reason reason) noexcept {
  if (done()) return;
  add_ref(this);  // callbacks may drop the last handle
  Ring<CancelState> pending, loud;
  if (end(*this, &reason, pending)) {
    while (CancelState* state = pending.pop_front()) {
      const bool calls_back = state->end(*this, nullptr, pending) && state->owes_callbacks_;
      calls_back ? loud.push_back(*state) : release(state);
    }
    detach();
    if (owes_callbacks_) call_back();
    while (CancelState* state = loud.pop_front()) {
      state->call_back();
      release(state);
    }
  }
  release(this);
}

// Makes this one node done; the caller gets its children, with a reference each.
// Returns: false when it was done before.
inline bool CancelState::end(const CancelState& origin, Reason* reason,
                             Ring<CancelState>& children) noexcept {
  std::uint32_t before;
  {
    std::lock_guard lock(mutex_);
    if (done()) return false;
    if (reason != nullptr) reason_ = std::move(*reason);
    origin_ = &origin;
    before = word_.exchange(ended, std::memory_order_acq_rel);
    if (fd_) ::eventfd_write(fd_.get(), 1);
    owes_callbacks_ = !calls_.empty() || stop_.stop_possible();
    while (CancelState* child = children_.pop_front()) {
      child->attached_ = false;
      // One whose last reference has gone waits for this lock, to take itself off the list.
      if (child->try_add_ref()) children.push_back(*child);
    }
  }
  if (before == awaited) futex_wake_all(word_);
  on_end();
  return true;
}

// Runs what waited for the end. Nothing is added any more: who comes now finds it done.
inline void CancelState::call_back() noexcept {
  std::unique_lock lock(mutex_);
  std::stop_source stop = stop_;
  while (AfterCall* first = calls_.pop_front()) {
    first->set_running();
    std::shared_ptr<AfterCall> call = first->shared_from_this();
    lock.unlock();
    call->run();
    call.reset();  // unlocked, too: f may have dropped its AfterFunc, then it is destroyed here
    lock.lock();
  }
  lock.unlock();
  stop.request_stop();
}

inline bool CancelState::wait_until(Clock::time_point until) noexcept {
  if (done()) return true;
  if (until <= Clock::now()) return done();
  about_to_block();
  for (;;) {
    std::uint32_t seen = running;
    word_.compare_exchange_strong(seen, awaited, std::memory_order_acquire);
    if (seen == ended) return true;
    if (!futex_wait(word_, awaited, until)) return done();
  }
}

inline std::stop_token CancelState::stop_token() {
  std::unique_lock lock(mutex_);
  if (!stop_.stop_possible()) stop_ = std::stop_source();
  std::stop_source stop = stop_;
  lock.unlock();
  if (done()) stop.request_stop();
  return stop.get_token();
}

inline int CancelState::fd() {
  std::lock_guard lock(mutex_);
  if (!fd_) {
    fd_.reset(::eventfd(done() ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd_) throw std::system_error(errno, std::system_category(), "jot: Context::fd: eventfd");
  }
  return fd_.get();
}

inline void AfterCall::start() noexcept {
  {
    std::lock_guard lock(state_.mutex_);
    if (!state_.done()) return state_.calls_.push_back(*this);
    set_running();
  }
  run();
}

inline bool AfterCall::stop() noexcept {
  std::lock_guard lock(state_.mutex_);
  if (status_.load(std::memory_order_relaxed) != listed) return false;
  Ring<AfterCall>::remove(*this);
  status_.store(over, std::memory_order_relaxed);
  return true;
}

inline void AfterCall::finish() noexcept {
  if (!stop() && status_.load(std::memory_order_acquire) == running) {
    if (runner_ == std::this_thread::get_id()) return;  // f destroys its own AfterFunc
    about_to_block();
    while (status_.load(std::memory_order_acquire) == running) {
      futex_wait(status_, running, Clock::time_point::max());
    }
  }
  f_ = nullptr;  // what it captured ends here, not when the runner lets go of its reference
}

inline void AfterCall::set_running() noexcept {
  runner_ = std::this_thread::get_id();
  status_.store(running, std::memory_order_release);
}

inline void AfterCall::run() noexcept {
  if (f_) f_();
  status_.store(over, std::memory_order_release);
  futex_wake_all(status_);
}

// ---- For the engine, which keeps a plain pointer and its reference.

// What ends the node; nullptr: nothing does.
inline CancelState* canceller_of(const ContextState* state) noexcept {
  return state != nullptr ? state->canceller() : nullptr;
}

// A node that can be cancelled, child of `parent` (nullptr: a root), and ends by itself `when` that
// is given.
// Returns: it with one reference, the caller's. Throws: as Timer::add.
inline CancelState* make_cancel_state(ContextState* parent,
                                      std::optional<Clock::time_point> when = std::nullopt) {
  const CancelState* above = canceller_of(parent);
  if (above != nullptr && above->deadline() && when && *above->deadline() <= *when) when.reset();
  if (!when) {
    auto* state = new CancelState(parent);
    return state->attach(), state;
  }
  auto* state = new DeadlineState(parent, *when);
  state->attach();
  try {
    if (*when <= Clock::now()) {
      state->cancel({.err = Errc::deadline_exceeded, .code = Errc::deadline_exceeded});
    } else if (*when != Clock::time_point::max() && !state->done()) {
      state->arm();
    }
  } catch (...) {
    release(state);
    throw;
  }
  return state;
}

// A root: what a request's Context is.
inline CancelState* make_root_state(std::optional<Clock::time_point> when = std::nullopt) {
  return make_cancel_state(nullptr, when);
}

// Ends what `state` stands for, from any thread; `words` is a literal. err() is deadline_exceeded
// for that code and canceled for all others; cause() is the code with the words.
inline void cancel_state(ContextState& state, std::error_code code, const char* words) noexcept {
  const bool late = code == Errc::deadline_exceeded;
  CancelState* canceller = state.canceller();
  if (canceller == nullptr) return;
  canceller->cancel(
      {.err = late ? Errc::deadline_exceeded : Errc::canceled, .code = code, .words = words});
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/signals.hpp

// signals.hpp -- how does SIGTERM become the end of a Context?
//
// Next to nothing may be done in a signal handler: no lock, no allocation. So
//
//   1. the handler notes the signal's number in a word and writes to an eventfd;
//   2. one thread for the process reads the eventfd. It takes all Contexts that wait for the
//   signal,
//      gives the signal its former effect back where nobody else waits for it,
//   3. and then ends those Contexts. So whoever sees the end can rely on the next signal's effect.
//
// A signal that nobody waits for any more (it came between 1 and 2) is sent again.
// Nothing is installed before notify_context is called. The thread ends when nobody waits; the next
// one to wait joins it, or the destructor of a local static at exit. The eventfd stays open: a
// handler on another thread may be just about to write to it.

#include <signal.h>       // ::sigaction, ::kill
#include <sys/eventfd.h>  // ::eventfd, ::eventfd_read, ::eventfd_write
#include <sys/types.h>    // pid_t
#include <unistd.h>       // ::getpid

#include <array>             // std::array
#include <atomic>            // std::atomic
#include <cerrno>            // errno
#include <cstddef>           // std::size_t
#include <cstdint>           // std::uint64_t
#include <initializer_list>  // std::initializer_list
#include <mutex>             // std::mutex, std::lock_guard, std::unique_lock
#include <stdexcept>         // std::invalid_argument
#include <system_error>      // std::system_error
#include <vector>            // std::vector

namespace jot::inline v1::detail {

// A set of signals, 1 to 64: signal n is bit n - 1.
using SignalSet = std::uint64_t;
inline constexpr int last_signal = 64;

constexpr SignalSet signal_bit(int signal) noexcept { return SignalSet{1} << (signal - 1); }

// What the handler writes, and the thread reads.
struct SignalMail {
  std::atomic<SignalSet> arrived{0};
  std::atomic<int> fd{-1};
};
static_assert(std::atomic<SignalSet>::is_always_lock_free);

inline SignalMail& signal_mail() noexcept {
  static constinit SignalMail mail;  // constinit: the handler may not wait for an initialisation
  return mail;
}

// The handler. Only async-signal-safe calls; seq_cst, for it costs nothing here.
inline void on_signal(int signal) noexcept {
  const int saved_errno = errno;
  SignalMail& mail = signal_mail();
  mail.arrived.fetch_or(signal_bit(signal));
  ::eventfd_write(mail.fd.load(), 1);
  errno = saved_errno;
}

constexpr const char* signal_words(int signal) noexcept {
  switch (signal) {
    case SIGHUP: return "received SIGHUP";
    case SIGINT: return "received SIGINT";
    case SIGQUIT: return "received SIGQUIT";
    case SIGTERM: return "received SIGTERM";
    case SIGUSR1: return "received SIGUSR1";
    case SIGUSR2: return "received SIGUSR2";
    default: return "received a signal";
  }
}

// A root that ends at the first of its signals.
class SignalState final : public CancelState {
 public:
  explicit SignalState(SignalSet awaits) noexcept : CancelState(nullptr), awaits_(awaits) {}
  ~SignalState() override;

  SignalSet awaits() const noexcept { return awaits_; }

 private:
  void on_end() noexcept override;
  const SignalSet awaits_;
};

class SignalHub {
 public:
  // The process's only one; as Timer, it is never destroyed.
  static SignalHub& instance() {
    static SignalHub* const hub = new SignalHub;
    static const Stopper stopper{*hub, ::getpid()};
    return *hub;
  }

  // Installs the handlers that are missing and lists the state.
  // Throws: std::system_error, std::bad_alloc; then all is as it was before.
  void add(SignalState& state) {
    std::lock_guard lock(mutex_);
    if (signal_mail().fd.load() < 0) {
      const int fd = ::eventfd(0, EFD_CLOEXEC);
      if (fd < 0) throw std::system_error(errno, std::system_category(), "jot: eventfd");
      signal_mail().fd.store(fd);
    }
    states_.push_back(&state);
    try {
      install(state.awaits());
      start();
    } catch (...) {
      states_.pop_back();
      restore_unawaited();
      throw;
    }
  }

  // Does nothing when it is not listed (any more).
  void remove(SignalState& state) noexcept {
    std::lock_guard lock(mutex_);
    if (std::erase(states_, &state) == 0) return;
    restore_unawaited();
    if (states_.empty()) ring();
  }

 private:
  struct Stopper {
    SignalHub& hub;
    pid_t pid;
    ~Stopper() {
      if (::getpid() == pid) hub.stop();
    }
  };

  SignalHub() = default;

  void start() {
    if (running_ || stopping_) return;
    thread_.start<&SignalHub::run>("jot-signals", *this);
    running_ = true;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (running_) ring();
    }
    thread_.join();  // nobody else touches it: start() starts none any more
  }

  static void ring() noexcept { ::eventfd_write(signal_mail().fd.load(), 1); }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_ && !states_.empty()) {
      lock.unlock();
      eventfd_t rings = 0;
      ::eventfd_read(signal_mail().fd.load(), &rings);
      deliver(signal_mail().arrived.exchange(0));
      lock.lock();
    }
    running_ = false;
  }

  void deliver(SignalSet arrived) noexcept {
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((arrived & signal_bit(signal)) == 0) continue;
      Ring<CancelState> waiting;
      const bool awaited = take_waiting(signal, waiting);
      if (!awaited) ::kill(::getpid(), signal);
      while (CancelState* state = waiting.pop_front()) {
        state->cancel({.words = signal_words(signal)});
        release(state);
      }
    }
  }

  // Takes those who wait for the signal off the list, with a reference each.
  // Returns: was there anybody?
  bool take_waiting(int signal, Ring<CancelState>& to) noexcept {
    std::lock_guard lock(mutex_);
    const std::size_t erased = std::erase_if(states_, [&](SignalState* state) {
      if ((state->awaits() & signal_bit(signal)) == 0) return false;
      if (state->try_add_ref()) to.push_back(*state);  // a root is in no other Ring
      return true;
    });
    restore_unawaited();
    return erased != 0;
  }

  void install(SignalSet signals) {
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((signals & ~installed_ & signal_bit(signal)) == 0) continue;
      struct sigaction ours = {};
      ours.sa_handler = on_signal;
      ours.sa_flags = SA_RESTART;  // the user's system calls go on
      if (::sigaction(signal, &ours, &before_[index(signal)]) != 0) {
        throw std::system_error(errno, std::system_category(), "jot: notify_context: sigaction");
      }
      installed_ |= signal_bit(signal);
    }
  }

  void restore_unawaited() noexcept {
    SignalSet awaited = 0;
    for (const SignalState* state : states_) awaited |= state->awaits();
    for (int signal = 1; signal <= last_signal; ++signal) {
      if ((installed_ & ~awaited & signal_bit(signal)) == 0) continue;
      struct sigaction now = {};
      // Somebody else's handler, installed after ours, stays.
      if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == on_signal) {
        ::sigaction(signal, &before_[index(signal)], nullptr);
      }
      installed_ &= ~signal_bit(signal);
    }
  }

  static constexpr std::size_t index(int signal) noexcept {
    return static_cast<std::size_t>(signal - 1);
  }

  std::mutex mutex_;  // guards all below
  std::vector<SignalState*> states_;
  SignalSet installed_ = 0;                             // where our handler is in place
  std::array<struct sigaction, last_signal> before_{};  // what was there
  ServiceThread thread_;
  bool running_ = false;   // the thread will look at states_ once more
  bool stopping_ = false;  // the process ends
};

inline SignalState::~SignalState() { on_end(); }
inline void SignalState::on_end() noexcept { SignalHub::instance().remove(*this); }

// Throws: std::invalid_argument for no signals, std::system_error for what is none.
// Returns: one reference, the caller's.
inline SignalState* make_signal_state(std::initializer_list<int> signals) {
  if (signals.size() == 0) throw std::invalid_argument("jot: notify_context: no signals given");
  SignalSet set = 0;
  for (const int signal : signals) {
    if (signal < 1 || signal > last_signal) {
      throw std::system_error(EINVAL, std::system_category(), "jot: notify_context");
    }
    set |= signal_bit(signal);
  }
  auto* state = new SignalState(set);
  try {
    SignalHub::instance().add(*state);
  } catch (...) {
    release(state);
    throw;
  }
  return state;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/context.ipp

// context.ipp -- the bodies of context.hpp.

#include <new>  // std::bad_alloc

namespace jot::inline v1 {

namespace detail {

// Sleeps on a word that nobody changes: for Contexts that never end.
JOT_INLINE void sleep_until(Clock::time_point until) noexcept {
  if (until <= Clock::now()) return;
  about_to_block();
  FutexWord word = 0;
  while (futex_wait(word, 0, until)) continue;
}

JOT_INLINE CancelScope scope_of(CancelState* state) noexcept {
  add_ref(state);  // one for each
  return {ContextAccess::adopt(state), ContextAccess::adopt_cancel(state)};
}

}  // namespace detail

JOT_INLINE Context::Context(const Context& other) noexcept : state_(other.state_) {
  detail::add_ref(state_);
}

JOT_INLINE Context::~Context() { detail::release(state_); }

JOT_INLINE bool Context::done() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr && canceller->done();
}

JOT_INLINE std::error_code Context::err() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  const detail::Reason* reason = canceller != nullptr ? canceller->reason() : nullptr;
  return reason != nullptr ? make_error_code(reason->err) : std::error_code();
}

JOT_INLINE Error Context::cause() const {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  const detail::Reason* reason = canceller != nullptr ? canceller->reason() : nullptr;
  return reason != nullptr ? reason->error() : Error(std::error_code());
}

JOT_INLINE std::optional<Clock::time_point> Context::deadline() const noexcept {
  const detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->deadline() : std::nullopt;
}

JOT_INLINE nanoseconds Context::remaining() const noexcept {
  const std::optional<Clock::time_point> when = deadline();
  return when ? detail::time_until(*when, Clock::now()) : nanoseconds::max();
}

JOT_INLINE bool Context::sleep_for(nanoseconds d) const { return !wait_for(d); }

JOT_INLINE void Context::wait() const { wait_for(nanoseconds::max()); }

JOT_INLINE bool Context::wait_for(nanoseconds d) const {
  const Clock::time_point until = detail::time_after(Clock::now(), d);
  if (detail::CancelState* canceller = detail::canceller_of(state_)) {
    return canceller->wait_until(until);
  }
  return detail::sleep_until(until), false;
}

JOT_INLINE std::stop_token Context::stop_token() const noexcept {
  detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->stop_token() : std::stop_token();
}

JOT_INLINE int Context::fd() const {
  detail::CancelState* canceller = detail::canceller_of(state_);
  return canceller != nullptr ? canceller->fd() : -1;
}

JOT_INLINE const void* Context::find_value(const void* key) const noexcept {
  const detail::ValueState* values = state_ != nullptr ? state_->values() : nullptr;
  return values != nullptr ? values->find(key) : nullptr;
}

JOT_INLINE CancelFunc& CancelFunc::operator=(CancelFunc&& other) noexcept {
  if (this == &other) return *this;
  CancelFunc before = std::move(*this);
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

JOT_INLINE CancelFunc::~CancelFunc() {
  (*this)();
  release();
}

JOT_INLINE void CancelFunc::operator()() const noexcept {
  if (detail::CancelState* canceller = detail::canceller_of(state_)) canceller->cancel({});
}

JOT_INLINE void CancelFunc::operator()(Error cause) const noexcept {
  detail::CancelState* canceller = detail::canceller_of(state_);
  if (canceller == nullptr || canceller->done()) return;
  detail::Reason reason{.code = cause.code()};
  try {
    reason.given = std::make_shared<const Error>(std::move(cause));
  } catch (const std::bad_alloc&) {
    // Ending the work matters more than the words: the code alone is kept.
  }
  canceller->cancel(std::move(reason));
}

JOT_INLINE void CancelFunc::release() noexcept { detail::release(std::exchange(state_, nullptr)); }

JOT_INLINE CancelScope with_cancel(const Context& parent) {
  return detail::scope_of(detail::make_cancel_state(detail::ContextAccess::state(parent)));
}

JOT_INLINE CancelScope with_timeout(const Context& parent, nanoseconds max) {
  return with_deadline(parent, detail::time_after(Clock::now(), max));
}

JOT_INLINE CancelScope with_deadline(const Context& parent, Clock::time_point when) {
  return detail::scope_of(detail::make_cancel_state(detail::ContextAccess::state(parent), when));
}

JOT_INLINE Context detail::with_shared_value(const Context& parent, const void* key,
                                             std::shared_ptr<const void> v) {
  return ContextAccess::adopt(new ValueState(ContextAccess::state(parent), key, std::move(v)));
}

JOT_INLINE Context without_cancel(const Context& parent) {
  detail::ContextState* state = detail::ContextAccess::state(parent);
  if (state == nullptr || state->values() == nullptr) return background();
  return detail::ContextAccess::adopt(new detail::DetachedState(state->values()));
}

JOT_INLINE Context notify_context(std::initializer_list<int> signals) {
  return detail::ContextAccess::adopt(detail::make_signal_state(signals));
}

JOT_INLINE AfterFunc::AfterFunc(std::shared_ptr<detail::AfterCall> call) noexcept
    : call_(std::move(call)) {}

JOT_INLINE AfterFunc::AfterFunc(AfterFunc&& other) noexcept = default;

JOT_INLINE AfterFunc& AfterFunc::operator=(AfterFunc&& other) noexcept {
  if (this == &other) return *this;
  AfterFunc before = std::move(*this);
  call_ = std::move(other.call_);
  return *this;
}

JOT_INLINE AfterFunc::~AfterFunc() {
  if (call_) call_->finish();
}

JOT_INLINE bool AfterFunc::stop() noexcept { return call_ && call_->stop(); }

JOT_INLINE AfterFunc after_func(const Context& ctx, std::function<void()> f) {
  detail::CancelState* canceller = detail::canceller_of(detail::ContextAccess::state(ctx));
  if (canceller == nullptr) return AfterFunc(nullptr);
  AfterFunc after(
      std::shared_ptr<detail::AfterCall>(new detail::AfterCall(*canceller, std::move(f))));
  after.call_->start();
  return after;
}

namespace detail {

JOT_INLINE Context ContextAccess::wrap(ContextState* state) noexcept {
  add_ref(state);
  return adopt(state);
}

JOT_INLINE Context ContextAccess::adopt(ContextState* state) noexcept {
  Context ctx;
  ctx.state_ = state;
  return ctx;
}

JOT_INLINE CancelFunc ContextAccess::adopt_cancel(ContextState* state) noexcept {
  CancelFunc cancel;
  cancel.state_ = state;
  return cancel;
}

}  // namespace detail

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/value.ipp

// value.ipp -- the bodies of value.hpp

#include <charconv>  // std::to_chars
#include <cstring>   // std::memcpy
#include <limits>    // std::numeric_limits
#include <memory>    // std::construct_at, std::destroy_at

namespace jot::inline v1 {

namespace detail {

// What operator[] const refers to where there is nothing.
JOT_INLINE const Value& null_value() noexcept {
  static const Value null;
  return null;
}

// The key that this thread looked up in vain last, or "[7]", and in which Value: an error about
// null_value() names it. Of a fixed size, for looking up must not throw; a longer key is not kept.
struct MissingKey {
  const Value* where;
  char text[64];
  std::size_t size;
};

JOT_INLINE MissingKey& missing_key() noexcept {
  static thread_local MissingKey last{};
  return last;
}

JOT_INLINE const Value& note_missing(const Value& where, std::string_view key) noexcept {
  MissingKey& last = missing_key();
  last.where = &where;
  last.size = key.size() <= sizeof(last.text) ? key.size() : 0;
  if (last.size != 0) std::memcpy(last.text, key.data(), last.size);
  return null_value();
}

JOT_INLINE const Value& note_missing(const Value& where, std::size_t index) noexcept {
  char text[32] = "[";
  // A negative index has become a huge one on its way here.
  char* end = std::to_chars(text + 1, text + 30, static_cast<std::int64_t>(index)).ptr;
  *end++ = ']';
  return note_missing(where, std::string_view(text, static_cast<std::size_t>(end - text)));
}

JOT_INLINE std::string_view kind_name(Value::Kind kind) noexcept {
  constexpr std::string_view names[] = {"null",  "bool", "int",      "double", "string",
                                        "list",  "map",  "HTML",     "CSS",    "JS",
                                        "JSStr", "URL",  "HTMLAttr", "Srcset"};
  return names[static_cast<std::size_t>(kind)];
}

[[noreturn]] JOT_INLINE void throw_wrong_kind(std::string_view want, const Value& have) {
  std::string problem = "want ";
  throw ValueError(have, problem.append(want).append(", have ").append(kind_name(have.kind())));
}

[[noreturn]] JOT_INLINE void throw_no_element(std::size_t index, std::size_t size) {
  // A negative index has become a huge one on its way here.
  std::string what = "want element " + std::to_string(static_cast<std::int64_t>(index));
  throw ValueError(what.append(", have ").append(std::to_string(size)));
}

// Is d a whole number that an int64 can hold? 2^63 itself is not.
JOT_INLINE bool is_whole(double d) noexcept {
  return d >= -0x1p63 && d < 0x1p63 && static_cast<double>(static_cast<std::int64_t>(d)) == d;
}

}  // namespace detail

JOT_INLINE ValueError::ValueError(const Value& about, std::string_view problem) : where_(&about) {
  std::string what;
  if (&about == &detail::null_value()) {
    const detail::MissingKey& key = detail::missing_key();
    where_ = key.where;
    names_key_ = key.size != 0;
    if (names_key_) what.append(key.text, key.size).append(": ");
  }
  what_ = std::make_shared<const std::string>(what.append(problem));
}

JOT_INLINE Value::Value(const Value& other) : Value() {
  switch (other.kind_) {
    case Kind::null: break;
    case Kind::boolean: boolean_ = other.boolean_; break;
    case Kind::integer: integer_ = other.integer_; break;
    case Kind::floating: floating_ = other.floating_; break;
    case Kind::list: std::construct_at(&list_, other.list_); break;
    case Kind::map: map_ = new Map(*other.map_); break;
    default: std::construct_at(&text_, other.text_); break;
  }
  kind_ = other.kind_;
}

JOT_INLINE Value::Value(Value&& other) noexcept : Value() { take(other); }

// By way of a copy: the other may be a part of this one, as in v = v["child"].
JOT_INLINE Value& Value::operator=(const Value& other) { return *this = Value(other); }

JOT_INLINE Value& Value::operator=(Value&& other) noexcept {
  Value taken(std::move(other));
  drop();
  take(taken);
  return *this;
}

JOT_INLINE Value::Value(std::initializer_list<Entry> entries) : Value(Map()) {
  for (const Entry& e : entries) map_->insert_or_assign(map_->end(), e.key, e.value);
}

JOT_INLINE void Value::set_number(std::uint64_t n) noexcept {
  if (n <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return set_number(static_cast<std::int64_t>(n));
  set_number(static_cast<double>(n));
}

JOT_INLINE void Value::become_string(std::string_view text) {
  std::construct_at(&text_, text);
  kind_ = Kind::string;
}

JOT_INLINE List& Value::become_list() noexcept {
  kind_ = Kind::list;
  return *std::construct_at(&list_);
}

JOT_INLINE Map& Value::become_map() {
  map_ = new Map();
  kind_ = Kind::map;
  return *map_;
}

JOT_INLINE void Value::take(Value& other) noexcept {
  if (other.has_text()) {
    std::construct_at(&text_, std::move(other.text_));
    std::destroy_at(&other.text_);
  } else if (other.is_list()) {
    std::construct_at(&list_, std::move(other.list_));
    std::destroy_at(&other.list_);
  } else {  // any one of them: they are not longer than this
    std::memcpy(zeros_, other.zeros_, sizeof(std::int64_t));
  }
  kind_ = other.kind_;
  other.kind_ = Kind::null;
}

JOT_INLINE void Value::end() noexcept {
  if (is_list())
    std::destroy_at(&list_);
  else if (is_map())
    delete map_;
  else
    std::destroy_at(&text_);
}

JOT_INLINE bool Value::as_bool() const {
  if (!is_bool()) detail::throw_wrong_kind("bool", *this);
  return boolean_;
}

JOT_INLINE std::int64_t Value::as_int() const {
  if (is_int()) return integer_;
  if (!is_double() || !detail::is_whole(floating_)) detail::throw_wrong_kind("int", *this);
  return static_cast<std::int64_t>(floating_);
}

JOT_INLINE double Value::as_double() const {
  if (!is_number()) detail::throw_wrong_kind("double", *this);
  return is_double() ? floating_ : static_cast<double>(integer_);
}

JOT_INLINE const std::string& Value::as_string() const& {
  if (!has_text()) detail::throw_wrong_kind("string", *this);
  return text_;
}

JOT_INLINE std::string Value::as_string() && {
  if (!has_text()) detail::throw_wrong_kind("string", *this);
  return std::move(text_);
}

JOT_INLINE const List& Value::as_list() const& {
  if (!is_list()) detail::throw_wrong_kind("list", *this);
  return list_;
}

JOT_INLINE List& Value::as_list() & {
  if (!is_list()) detail::throw_wrong_kind("list", *this);
  return list_;
}

JOT_INLINE List Value::as_list() && { return std::move(as_list()); }

JOT_INLINE const Map& Value::as_map() const& {
  if (!is_map()) detail::throw_wrong_kind("map", *this);
  return *map_;
}

JOT_INLINE Map& Value::as_map() & {
  if (!is_map()) detail::throw_wrong_kind("map", *this);
  return *map_;
}

JOT_INLINE Map Value::as_map() && { return std::move(as_map()); }

JOT_INLINE bool Value::as_bool(bool otherwise) const noexcept {
  return is_bool() ? boolean_ : otherwise;
}

JOT_INLINE std::int64_t Value::as_int(std::int64_t otherwise) const noexcept {
  if (is_int()) return integer_;
  return is_double() && detail::is_whole(floating_) ? static_cast<std::int64_t>(floating_)
                                                    : otherwise;
}

JOT_INLINE double Value::as_double(double otherwise) const noexcept {
  if (is_double()) return floating_;
  return is_int() ? static_cast<double>(integer_) : otherwise;
}

JOT_INLINE std::string Value::as_string(std::string_view otherwise) const {
  return has_text() ? text_ : std::string(otherwise);
}

JOT_INLINE const Value& Value::operator[](std::string_view key) const& noexcept {
  if (const Value* found = find(key)) return *found;
  // In v["a"]["b"] it is "a" that was missing.
  return this == &detail::null_value() ? *this : detail::note_missing(*this, key);
}

JOT_INLINE Value& Value::operator[](std::string_view key) & {
  if (is_null()) become_map();
  Map& map = as_map();
  auto at = map.lower_bound(key);
  if (at == map.end() || at->first != key) at = map.emplace_hint(at, key, Value());
  return at->second;
}

JOT_INLINE Value Value::operator[](std::string_view key) && {
  if (!is_map()) return {};
  const auto at = map_->find(key);
  return at == map_->end() ? Value() : std::move(at->second);
}

JOT_INLINE const Value* Value::find(std::string_view key) const noexcept {
  if (!is_map()) return nullptr;
  const auto at = map_->find(key);
  return at == map_->end() ? nullptr : &at->second;
}

JOT_INLINE std::size_t Value::size() const noexcept {
  if (is_list()) return list_.size();
  return is_map() ? map_->size() : 0;
}

JOT_INLINE void Value::push_back(Value v) {
  if (is_null()) become_list();
  as_list().push_back(std::move(v));
}

JOT_INLINE const Value& Value::element(std::size_t index) const& noexcept {
  if (is_list() && index < list_.size()) return list_[index];
  return this == &detail::null_value() ? *this : detail::note_missing(*this, index);
}

JOT_INLINE Value& Value::element(std::size_t index) & {
  List& list = as_list();
  if (index >= list.size()) detail::throw_no_element(index, list.size());
  return list[index];
}

JOT_INLINE Value Value::element(std::size_t index) && {
  return is_list() && index < list_.size() ? std::move(list_[index]) : Value();
}

JOT_INLINE bool Value::equals(const Value& other) const noexcept {
  if (kind_ != other.kind_) {
    if (!is_number() || !other.is_number()) return false;
    const double d = is_double() ? floating_ : other.floating_;
    return detail::is_whole(d) &&
           static_cast<std::int64_t>(d) == (is_int() ? integer_ : other.integer_);
  }
  switch (kind_) {
    case Kind::null: return true;
    case Kind::boolean: return boolean_ == other.boolean_;
    case Kind::integer: return integer_ == other.integer_;
    case Kind::floating: return floating_ == other.floating_;
    case Kind::list: return list_ == other.list_;
    case Kind::map: return *map_ == *other.map_;
    default: return text_ == other.text_;
  }
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/from_value.ipp

// from_value.ipp -- the bodies of from_value.hpp.

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::int64_t integer_within(const Value& v, std::int64_t low, std::int64_t high) {
  const std::int64_t n = v.as_int();
  if (n < low || n > high)
    throw ValueError(v, text("want int from ", low, " to ", high, ", have ", n));
  return n;
}

}  // namespace detail

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/json_number.hpp

// json_number.hpp -- which number do these digits mean?
//
// In: bytes that begin with a digit or '-'. Out: an int where it is exact, else the nearest double.
// -0 is a double, for an int has no sign of zero. What is too small becomes zero, what is too large
// is a problem: an infinity could not be written again.
// Linear in the number of digits, however many they are.

#include <cfloat>        // FLT_EVAL_METHOD, DBL_MAX
#include <charconv>      // std::from_chars
#include <cstdint>       // std::int64_t, std::uint64_t
#include <limits>        // std::numeric_limits
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

class JsonNumber {
 public:
  JsonNumber(const char* begin, const char* end) noexcept : begin_(begin), at_(begin), end_(end) {}

  // Returns: false when there is a problem().
  bool read() noexcept {
    if (peek() == '-') ++at_;
    whole_ = at_;
    if (!take_digits()) return false;
    point_ = at_;
    if (*whole_ == '0' && point_ - whole_ > 1)
      return at_ = whole_, fail("a number must not begin with 0");
    if (peek() != '.' && (peek() | 0x20) != 'e') return to_int();
    if (peek() == '.' && (++at_, !take_digits())) return false;
    last_ = at_;
    if ((peek() | 0x20) == 'e' && (++at_, !take_exponent())) return false;
    return to_double();
  }

  // Where the number ends, or where it went wrong.
  const char* at() const noexcept { return at_; }
  const char* problem() const noexcept { return problem_; }

  bool is_int() const noexcept { return is_int_; }
  std::int64_t as_int() const noexcept {
    return static_cast<std::int64_t>(is_negative() ? 0 - digits_ : digits_);
  }
  double as_double() const noexcept { return double_; }

 private:
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
  bool is_negative() const noexcept { return *begin_ == '-'; }

  bool fail(const char* problem) noexcept {
    problem_ = problem;
    return false;
  }

  // One digit or more. What they say is right up to 19 digits in all; beyond, digits_ has wrapped.
  bool take_digits() noexcept {
    const char* first = at_;
    for (; is_digit(peek()); ++at_) digits_ = digits_ * 10 + static_cast<std::uint64_t>(*at_ - '0');
    if (at_ == first) fail("want a digit");
    return at_ != first;
  }

  // Stops counting where no number of digits could make up for the exponent.
  bool take_exponent() noexcept {
    constexpr std::int64_t enough = std::int64_t{1} << 56;
    const bool negative = peek() == '-';
    if (negative || peek() == '+') ++at_;
    const char* first = at_;
    for (; is_digit(peek()); ++at_)
      exponent_ = exponent_ > enough ? enough : exponent_ * 10 + (*at_ - '0');
    if (negative) exponent_ = -exponent_;
    if (at_ == first) fail("want a digit");
    return at_ != first;
  }

  bool to_int() noexcept {
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    last_ = at_;
    const bool is_minus_zero = digits_ == 0 && is_negative();
    if (at_ - whole_ > 19 || is_minus_zero || digits_ > (is_negative() ? most + 1 : most))
      return to_double();
    return is_int_ = true;
  }

  bool to_double() noexcept {
    if (is_short(double_)) return double_ = is_negative() ? -double_ : double_, true;
    const bool known = std::from_chars(begin_, at_, double_).ec == std::errc();
    if (known && double_ >= -DBL_MAX && double_ <= DBL_MAX) return true;
    if (is_large()) return at_ = begin_, fail("a number too large for a double");
    double_ = is_negative() ? -0.0 : 0.0;
    return true;
  }

  // Most numbers people write are a whole number below 2^53 and a power of ten up to 10^22. A
  // double holds both exactly, so that one multiplication or division gives the nearest double.
  // (Not where doubles are computed with more bits than they have.)
  bool is_short(double& d) const noexcept {
    constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const std::int64_t power = exponent_ - (last_ == point_ ? 0 : last_ - point_ - 1);
    if (FLT_EVAL_METHOD != 0 || last_ - whole_ > 19 || digits_ > std::uint64_t{1} << 53)
      return false;
    if (power < -22 || power > 22) return false;
    d = static_cast<double>(digits_);
    d = power < 0 ? d / powers[-power] : d * powers[power];
    return true;
  }

  // Of a number out of range: is it too large, not too small? Asks for the place of its first digit
  // that is not 0, counted from the point.
  bool is_large() const noexcept {
    const char* first = whole_;
    while (first != last_ && (*first == '0' || *first == '.')) ++first;
    return first != last_ && (point_ - first) + exponent_ > 0;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* whole_ = nullptr;  // the digits before the point
  const char* point_ = nullptr;  // where they end
  const char* last_ = nullptr;   // where all digits end, before the exponent
  std::uint64_t digits_ = 0;     // as if there were no point
  std::int64_t exponent_ = 0;
  double double_ = 0;
  bool is_int_ = false;
  const char* problem_ = nullptr;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/utf8.hpp

// utf8.hpp -- is this a character of UTF-8, and which?
//
// In: bytes. Out: the code point that they begin with and how many bytes it takes; 0 bytes when
// they are no well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF).

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct Utf8 {
  char32_t code_point = 0;
  std::size_t size = 0;  // 0: malformed, or cut short
};

// The first character of bytes, which must not be empty.
inline Utf8 utf8_front(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  // The next bytes carry six bits each, marked 10xxxxxx.
  const auto more = [&](std::size_t i) { return i < bytes.size() && (byte(i) & 0xC0) == 0x80; };
  const auto bits = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };

  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4 || !more(1)) return {};  // C0 and C1 could only be overlong
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | bits(1), 2};
  if (!more(2)) return {};
  if (lead < 0xF0) {
    const char32_t c = (lead & 0x0F) << 12 | bits(1) << 6 | bits(2);
    return c < 0x800 || (c >= 0xD800 && c <= 0xDFFF) ? Utf8{} : Utf8{c, 3};
  }
  if (!more(3)) return {};
  const char32_t c = (lead & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3);
  return c < 0x10000 || c > 0x10FFFF ? Utf8{} : Utf8{c, 4};
}

// Appends a code point that is a Unicode scalar value.
inline void append_utf8(std::string& to, char32_t c) {
  const auto put = [&](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)),
      put(0x80 | (c & 0x3F));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/digits.hpp

// digits.hpp -- how does a whole number look in digits?
//
// In: a number. Out: its decimal digits, written where there is room.
//
// Eight digits at a time, without a loop: a number of eight digits is parted into two of four, both
// of them at once into two of two, and all of these at once into single digits, side by side in one
// 64-bit number. To divide by 100 and by 10 means to multiply by a little more than their inverse
// and to shift: exact for numbers as small as these.

#include <bit>      // std::countr_zero
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

// The digits of n < 10^8 as bytes from 0 to 9, the first of them lowest.
inline std::uint64_t eight_digits(std::uint64_t n) noexcept {
  const std::uint64_t fours = n / 10'000 | n % 10'000 << 32;
  const std::uint64_t hundreds = (fours * 5243) >> 19 & 0x0000'007F'0000'007F;
  const std::uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = (twos * 103) >> 10 & 0x000F'000F'000F'000F;
  return tens | (twos - 10 * tens) << 8;
}

// n < 10^8 in eight digits, with zeros before it. Returns: where they end.
inline char* write_eight_digits(char* to, std::uint64_t n) noexcept {
  store8(to, eight_digits(n) | every_byte * '0');
  return to + 8;
}

// n without zeros before it: 20 digits at most. Returns: where they end; up to seven bytes behind
// that are overwritten, too.
inline char* write_digits(char* to, std::uint64_t n) noexcept {
  constexpr std::uint64_t limit = 100'000'000;
  if (n >= limit) return write_eight_digits(write_digits(to, n / limit), n % limit);
  const std::uint64_t digits = eight_digits(n);
  const int zeros = std::countr_zero(digits | std::uint64_t{1} << 56) / 8;  // 0 has one digit
  store8(to, (digits | every_byte * '0') >> 8 * zeros);
  return to + 8 - zeros;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/write_json.hpp

// write_json.hpp -- how does a Value look as JSON?
//
// In: a Value. Out: its text (RFC 8259), entries in the order of their keys.
//
// 1. All is written into a small buffer first, which goes to the text when it is full: a byte then
//    costs a comparison and a store, not a call.
// 2. Plain bytes are copied eight at a time. What JSON wants escaped is; so are < > & U+2028 and
//    U+2029, which makes the text safe inside <script> and as JavaScript.
// 3. Strings that are not UTF-8 get U+FFFD for each byte that does not belong: the text is always
//    UTF-8.
// 4. A double is written in the fewest digits that read back as the same double; with an exponent
//    where JavaScript writes one, below 1e-6 and from 1e21.

#include <array>        // std::array
#include <cfloat>       // DBL_MAX, FLT_EVAL_METHOD
#include <charconv>     // std::to_chars
#include <cmath>        // std::signbit
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How deep a document may be nested, read or written: each level costs stack.
inline constexpr int json_depth = 512;

// What NaN and the infinities become, which JSON cannot say.
enum class NotFinite { refuse, write_null };

class JsonWriter {
 public:
  // indent: spaces for each level; 0 writes all on one line.
  JsonWriter(std::string& to, int indent, NotFinite not_finite) noexcept
      : to_(to),
        indent_(indent > 0 ? static_cast<std::size_t>(indent) : 0),
        not_finite_(not_finite) {}

  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  // Throws ValueError: NaN or infinity, nested deeper than json_depth.
  void write(const Value& v) { flush(value(buffer_, v)); }
  void write(std::string_view s) { flush(string(buffer_, s)); }

 private:
  // Each of these writes something at `at` and returns where it ends. (As a member, at would be
  // loaded again after each byte stored, which might have been a byte of it.)

  char* flush(char* at) {
    to_.append(buffer_, at);
    return buffer_;
  }

  // Returns: where `few` bytes may be written without asking again.
  static constexpr std::size_t few = 64;
  char* room(char* at) { return at > buffer_ + sizeof(buffer_) - few ? flush(at) : at; }

  char* put(char* at, std::string_view text) {
    at = room(at);
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  char* value(char* at, const Value& v) {
    switch (v.kind()) {
      case Value::Kind::null: return put(at, "null");
      case Value::Kind::boolean: return v.as_bool() ? put(at, "true") : put(at, "false");
      case Value::Kind::integer: return integer(room(at), v.as_int());
      case Value::Kind::floating: return floating(room(at), v.as_double());
      case Value::Kind::list: return list(at, v.as_list());
      case Value::Kind::map: return map(at, v.as_map());
      default: return string(at, v.as_string());
    }
  }

  char* string(char* at, std::string_view s) {
    const char* from = s.data();
    const char* const last = from + s.size();
    at = room(at);
    for (*at++ = '"';; at = room(at)) {
      // Eight bytes are written, of which those count that stand for themselves. Where fewer are
      // left, NULs follow, which do not.
      const auto left = static_cast<std::size_t>(last - from);
      const std::uint64_t word = left >= 8 ? load8(from) : load_few(from, left);
      const std::uint64_t marks = not_plain(word);
      const std::size_t size = marks == 0 ? 8 : first_mark(marks);
      store8(at, word);
      at += size, from += size;
      if (marks == 0) continue;
      if (from == last) break;
      do {
        const Utf8 c = utf8_front({from, last});
        at = special(at, c, from);
        from += c.size == 0 ? 1 : c.size;
      } while (from != last && !is_plain(*from));
    }
    *at++ = '"';
    return at;
  }

  // < and > differ in one bit, and so do " and &. A byte beyond ASCII is marked anyway, so that
  // what looks for one byte need not care what it says about those.
  static std::uint64_t not_plain(std::uint64_t word) noexcept {
    const auto is = [](std::uint64_t w, char c) {
      return (w ^ every_byte * static_cast<unsigned char>(c)) - every_byte;
    };
    constexpr std::uint64_t sign = every_byte * ('<' ^ '>'), mark = every_byte * ('"' ^ '&');
    return (word | (word - every_byte * ' ') | is(word, '\\') | is(word | sign, '>') |
            is(word | mark, '&')) &
           high_bits;
  }

  static bool is_plain(char c) noexcept { return plain_[static_cast<unsigned char>(c)]; }

  // Bytes that stand for themselves and need no look at their neighbours.
  static constexpr std::array<bool, 256> plain_ = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
    for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
    return plain;
  }();

  // A character that begins at `from`, escaped or beyond ASCII.
  char* special(char* at, Utf8 c, const char* from) {
    const bool keep = c.size > 1 && c.code_point != 0x2028 && c.code_point != 0x2029;
    return keep ? put(at, {from, c.size}) : escape(at, c);
  }

  // A character that must not stand for itself; one of size 0 is a byte that is not UTF-8.
  char* escape(char* at, Utf8 c) {
    if (c.size == 0) return put(at, "\xEF\xBF\xBD");  // U+FFFD
    switch (c.code_point) {
      case '"': return put(at, "\\\"");
      case '\\': return put(at, "\\\\");
      case '\b': return put(at, "\\b");
      case '\f': return put(at, "\\f");
      case '\n': return put(at, "\\n");
      case '\r': return put(at, "\\r");
      case '\t': return put(at, "\\t");
      default: break;
    }
    constexpr char hex[] = "0123456789abcdef";
    at = put(at, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4) *at++ = hex[c.code_point >> shift & 0xF];
    return at;
  }

  static char* integer(char* at, std::int64_t n) noexcept {
    if (n < 0) *at++ = '-';
    const auto size = static_cast<std::uint64_t>(n);
    return write_digits(at, n < 0 ? 0 - size : size);
  }

  char* floating(char* at, double d) const {
    const double size = d < 0 ? -d : d;
    if (!(size <= DBL_MAX)) {  // nor is NaN
      if (not_finite_ == NotFinite::refuse) throw ValueError("JSON has no NaN and no infinity");
      return at + std::string_view("null").copy(at, 4);
    }
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    if (char* behind = plain ? short_decimal(at, d) : nullptr) return behind;
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    return std::to_chars(at, at + few, d, format).ptr;
  }

  // Most numbers that people write have nine digits or less behind the point. Such a decimal is a
  // whole number divided by 10^9; if the quotient is d, which has been rounded once, then the
  // decimal reads back as d. Below 2^52 no other decimal of nine places does, for they lie further
  // apart than doubles: none is shorter. Returns: nullptr when d is none of these.
  static char* short_decimal(char* at, double d) noexcept {
    const double size = d < 0 ? -d : d;
    if (FLT_EVAL_METHOD != 0 || size >= 0x1p52 / 1e9) return nullptr;
    const auto whole = static_cast<std::uint64_t>(size * 1e9 + 0.5);
    if (static_cast<double>(whole) / 1e9 != size) return nullptr;
    if (std::signbit(d)) *at++ = '-';
    at = write_digits(at, whole / 1'000'000'000);
    *at++ = '.';
    at = write_digits(at, whole / 100'000'000 % 10);
    at = write_eight_digits(at, whole % 100'000'000);
    while (at[-1] == '0') --at;
    return at[-1] == '.' ? at - 1 : at;
  }

  char* list(char* at, const List& list) {
    at = open(at, '[');
    for (const Value& v : list) at = value(next(at), v);
    return close(at, ']');
  }

  char* map(char* at, const Map& map) {
    at = open(at, '{');
    for (const auto& [key, v] : map) {
      at = room(string(next(at), key));
      *at++ = ':';
      if (indent_ != 0) *at++ = ' ';
      at = value(at, v);
    }
    return close(at, '}');
  }

  char* open(char* at, char bracket) {
    if (++depth_ > json_depth) throw ValueError("nested too deep for JSON");
    at = room(at);
    *at++ = bracket;
    first_ = true;
    return at;
  }

  // Before each element: the comma after the one before, and a line of its own.
  char* next(char* at) {
    at = room(at);
    if (!first_) *at++ = ',';
    first_ = false;
    return indent_ == 0 ? at : new_line(at);
  }

  char* close(char* at, char bracket) {
    --depth_;
    at = room(at);
    if (!first_ && indent_ != 0) at = new_line(at);  // there were elements
    *at++ = bracket;
    first_ = false;
    return at;
  }

  char* new_line(char* at) {
    at = flush(at);
    to_.append(1, '\n').append(indent_ * static_cast<std::size_t>(depth_), ' ');
    return at;
  }

  std::string& to_;
  const std::size_t indent_;
  const NotFinite not_finite_;
  int depth_ = 0;
  bool first_ = true;
  char buffer_[1024];  // what is not yet in to_
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/parse_json.hpp

// parse_json.hpp -- is this JSON, and what does it hold?
//
// In: a text. Out: its Value; or what is wrong with it, and where.
//
// One pass, one function for each rule of RFC 8259's grammar:
// 1. value() looks at one byte and knows which rule comes. Lists and maps call value() again, no
//    deeper than json_depth: a stranger's text must not decide how much stack we use.
// 2. Text is taken by the run: eight bytes are looked at at a time. A string without escapes is
//    copied once, from the text to where it stays.
// 3. Each value is filled in where it will stay: nothing is made to be moved.
// 4. Keys often come sorted: each entry is tried at the end of the map first.
// 5. A rule that fails notes the problem and returns false, and so do its callers. No exceptions: a
//    stranger could make us throw all day.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <tuple>        // std::tuple
#include <utility>      // std::piecewise_construct

namespace jot::inline v1::detail {

class JsonParser {
 public:
  // Lifetime: text must outlive the parser.
  explicit JsonParser(std::string_view text) noexcept
      : begin_(text.data()), end_(begin_ + text.size()), at_(begin_) {}

  // Reads the whole document into `to`, once. Returns: false where it is not JSON; then `to` holds
  // what came before the problem().
  bool parse(Value& to) {
    if (std::string_view(begin_, end_).starts_with("\xEF\xBB\xBF")) {
      return fail("a byte order mark must not stand before JSON");
    }
    skip_space();
    if (!value(to)) return false;
    skip_space();
    return at_ == end_ || fail("want nothing more");
  }

  const char* problem() const noexcept { return problem_; }
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  // The next byte, NUL at the end: no rule wants a NUL, so there it fails as for any wrong byte.
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }

  bool skip(char c) noexcept {
    const bool there = peek() == c;
    at_ += there;
    return there;
  }

  void skip_space() noexcept {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }

  bool fail(const char* problem) noexcept {
    problem_ = problem;
    return false;
  }

  // Fills in `to`, which is null.
  bool value(Value& to) {
    switch (peek()) {
      case '{': return enter() && map(to.become_map());
      case '[': return enter() && list(to.become_list());
      case '"': return string(to);
      case 't': return word("true") && (to.set_bool(true), true);
      case 'f': return word("false") && (to.set_bool(false), true);
      case 'n': return word("null");
      default: return number(to);
    }
  }

  bool string(Value& to) {
    const std::string_view text = string();
    if (text.data() == nullptr) return false;
    to.become_string(text);
    return true;
  }

  bool word(std::string_view text) noexcept {
    if (!std::string_view(at_, end_).starts_with(text)) return fail("want a value");
    at_ += text.size();
    return true;
  }

  bool number(Value& to) {
    if (peek() != '-' && (peek() < '0' || peek() > '9')) return fail("want a value");
    JsonNumber number(at_, end_);
    const bool there = number.read();
    at_ = number.at();
    if (!there) return fail(number.problem());
    if (number.is_int())
      to.set_number(number.as_int());
    else
      to.set_number(number.as_double());
    return true;
  }

  // Takes an opening bracket; leave() the closing one.
  bool enter() noexcept {
    if (depth_ == json_depth) return fail("nested deeper than 512 levels");
    ++depth_, ++at_;
    skip_space();
    return true;
  }

  bool leave(char bracket, const char* problem) noexcept {
    --depth_;
    return skip(bracket) || fail(problem);
  }

  // Values are moved when a list grows, so it grows in large steps. The first is as long as the
  // list before, which often was of the same kind; not longer, for lists of one must not become a
  // way to turn few bytes into much memory.
  bool list(List& to) {
    if (peek() == ']') return leave(']', "");
    do {
      skip_space();
      if (to.size() == to.capacity()) to.reserve(to.empty() ? likely_size_ : 3 * to.size());
      if (!value(to.emplace_back())) return false;
      skip_space();
    } while (skip(','));
    likely_size_ = to.size();
    return leave(']', "want ',' or ']'");
  }

  bool map(Map& to) {
    if (peek() == '}') return leave('}', "");
    do {
      skip_space();
      if (peek() != '"')
        return fail(to.empty() ? "want a key in quotes or '}'" : "want a key in quotes");
      const std::string_view key = string();
      if (key.data() == nullptr) return false;
      Value& entry = at_key(to, key);
      skip_space();
      if (!skip(':')) return fail("want ':'");
      skip_space();
      if (!value(entry)) return false;
      skip_space();
    } while (skip(','));
    return leave('}', "want ',' or '}'");
  }

  // The value of that key, null. Of two with one key the last counts.
  static Value& at_key(Map& map, std::string_view key) {
    const std::size_t size = map.size();
    Value& v = map.emplace_hint(map.end(), std::piecewise_construct, std::tuple(key), std::tuple())
                   ->second;
    if (map.size() == size) v = nullptr;
    return v;
  }

  // From quote to quote. Returns: what it says, a part of the text or of unescaped_; data() is
  // nullptr where it fails.
  std::string_view string() {
    const char* first = ++at_;
    if (!skip_text()) return {};
    return *at_ == '"' ? std::string_view(first, at_++) : unescape(first);
  }

  // A string that began at `run`; the first backslash is next.
  std::string_view unescape(const char* run) {
    unescaped_.clear();
    while (*at_ == '\\') {
      unescaped_.append(run, at_++);
      if (!escape(unescaped_)) return {};
      run = at_;
      if (!skip_text()) return {};
    }
    return unescaped_.append(run, at_++);
  }

  // Goes on to the next quote or backslash.
  bool skip_text() noexcept {
    for (;;) {
      skip_plain();
      if (at_ == end_) return fail("want '\"'");
      if (*at_ == '"' || *at_ == '\\') return true;
      const std::size_t size = utf8_front({at_, end_}).size;
      if (size == 1) return fail("a control character must be escaped");
      if (size == 0) return fail("a byte that is not UTF-8");
      at_ += size;
    }
  }

  // Goes on to the next byte that is not plain: a quote, a backslash, a control character, or part
  // of a character beyond ASCII.
  void skip_plain() noexcept {
    for (; end_ - at_ >= 8; at_ += 8) {
      if (const std::uint64_t marks = not_plain(load8(at_))) {
        at_ += first_mark(marks);
        return;
      }
    }
    while (at_ != end_ && is_plain(*at_)) ++at_;
  }

  static bool is_plain(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  static std::uint64_t not_plain(std::uint64_t eight) noexcept {
    return (eight & high_bits) | mark_below(eight, ' ') | mark_equal(eight, '"') |
           mark_equal(eight, '\\');
  }

  // A backslash has been taken; what it means is appended.
  bool escape(std::string& to) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (skip('u')) return unicode_escape(to);
    const std::size_t i = at_ == end_ ? letters.npos : letters.find(*at_);
    if (i == letters.npos) return fail("want one of \"\\/bfnrtu after a backslash");
    ++at_;
    to += meanings[i];
    return true;
  }

  // \u has been taken. Beyond U+FFFF a character comes as two, a high and a low surrogate
  // (RFC 8259 section 7).
  bool unicode_escape(std::string& to) {
    const char* escape = at_ - 2;
    char32_t c = 0, low = 0;
    if (!hex4(c)) return false;
    if (c >= 0xD800 && c < 0xDC00 && std::string_view(at_, end_).starts_with("\\u")) {
      at_ += 2;
      if (!hex4(low)) return false;
      if (low >= 0xDC00 && low < 0xE000) c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c >= 0xD800 && c < 0xE000) return at_ = escape, fail("half of a surrogate pair");
    append_utf8(to, c);
    return true;
  }

  bool hex4(char32_t& c) noexcept {
    for (int i = 0; i < 4; ++i, ++at_) {
      const char digit = peek(), letter = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9')
        c = c << 4 | static_cast<char32_t>(digit - '0');
      else if (letter >= 'a' && letter <= 'f')
        c = c << 4 | static_cast<char32_t>(letter - 'a' + 10);
      else
        return fail("want four hex digits");
    }
    return true;
  }

  const char* const begin_;
  const char* const end_;
  const char* problem_ = nullptr;
  const char*
      at_;  // not beside end_: compilers would load both as one, right after a store to half
  int depth_ = 0;
  std::size_t likely_size_ = 2;  // of the next list
  std::string unescaped_;        // the last string that had escapes
};

// Line and column of text[offset], from 1. A column is a character: its first byte is counted.
struct TextPosition {
  int line = 1, column = 1;
};

inline TextPosition position_in(std::string_view text, std::size_t offset) noexcept {
  TextPosition at;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n')
      ++at.line, at.column = 1;
    else if ((c & 0xC0) != 0x80)
      ++at.column;
  }
  return at;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/json.ipp

// json.ipp -- the bodies of json.hpp

#include <utility>  // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE JsonError json_error(std::string_view text, const JsonParser& parser) {
  const TextPosition at = position_in(text, parser.offset());
  std::string problem = parser.problem();
  if (parser.offset() == text.size()) problem += ", but the text ends here";
  return JsonError(at.line, at.column, problem);
}

}  // namespace detail

JOT_INLINE JsonError::JsonError(int line, int column, const std::string& problem)
    : line_(line),
      column_(column),
      what_(std::make_shared<const std::string>("line " + std::to_string(line) + ", column " +
                                                std::to_string(column) + ": " + problem)) {}

JOT_INLINE Value parse_json(std::string_view text) {
  detail::JsonParser parser(text);
  Value v;
  if (!parser.parse(v)) throw detail::json_error(text, parser);
  return v;
}

JOT_INLINE Result<Value> try_parse_json(std::string_view text) {
  detail::JsonParser parser(text);
  Value v;
  if (!parser.parse(v)) return Error(Errc::bad_message, detail::json_error(text, parser).what());
  return v;
}

JOT_INLINE std::string to_json(const Value& v) { return to_json(v, 0); }

JOT_INLINE std::string to_json(const Value& v, int indent) {
  std::string text;
  detail::JsonWriter(text, indent, detail::NotFinite::refuse).write(v);
  return text;
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/write_log.hpp

// write_log.hpp -- how does a LogRecord become one line that nobody can forge?
//
// In: a LogRecord. Out: `TIME LEVEL message key=value ...` and a newline, in one write(2), so that
// lines of several threads and processes do not mix.
//
// A word stands bare when all of it is printable, without a space, a quote, '=' or a backslash; all
// other words are quoted. Inside quotes whatever could end the quotes or the line, or command a
// terminal, is escaped. A message may hold spaces without quotes: no bare word of it has a '='.

#include <time.h>    // clock_gettime, gmtime_r
#include <unistd.h>  // STDERR_FILENO, write

#include <cerrno>       // errno, EINTR
#include <cstdio>       // std::snprintf
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "2026-11-23T21:35:11.042Z": ISO 8601, UTC.
inline std::string log_time(const timespec& now) {
  tm t{};
  ::gmtime_r(&now.tv_sec, &t);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                static_cast<int>(now.tv_nsec / 1'000'000));
  return text;
}

inline std::string_view level_name(Level level) noexcept {
  switch (level) {
    case Level::debug: return "DEBUG";
    case Level::info: return "INFO";
    case Level::warn: return "WARN";
    case Level::error: break;
  }
  return "ERROR";
}

// May this character be seen in a log? Not: controls (C0, DEL and C1, which terminals obey), line
// and paragraph separators, and the marks that reorder or hide text.
inline bool is_visible(char32_t c) noexcept {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
  const bool mark =
      (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F);
  return !mark && c != 0xFEFF && c != 0x061C;
}

enum class Spaces { quote, keep };

inline bool needs_quotes(std::string_view text, Spaces spaces) noexcept {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  while (!text.empty()) {
    const Utf8 c = utf8_front(text);
    if (c.size == 0 || !is_visible(c.code_point)) return true;
    if (c.code_point == ' ' && spaces == Spaces::quote) return true;
    if (c.code_point == '"' || c.code_point == '=' || c.code_point == '\\') return true;
    text.remove_prefix(c.size);
  }
  return false;
}

// \n, \t; \x.. for bytes that are no UTF-8; \u.... for characters that are not to be seen.
inline void append_escaped(std::string& to, Utf8 c, char first_byte) {
  if (c.code_point == '\n') return void(to += "\\n");
  if (c.code_point == '\r') return void(to += "\\r");
  if (c.code_point == '\t') return void(to += "\\t");
  char text[16];
  if (c.size == 0)
    std::snprintf(text, sizeof(text), "\\x%02x", static_cast<unsigned char>(first_byte));
  else
    std::snprintf(text, sizeof(text), "\\u%04x", static_cast<unsigned>(c.code_point));
  to += text;
}

inline void append_word(std::string& to, std::string_view text, Spaces spaces = Spaces::quote) {
  if (!needs_quotes(text, spaces)) return void(to += text);
  to += '"';
  while (!text.empty()) {
    const Utf8 c = utf8_front(text);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    if (c.code_point == '"' || c.code_point == '\\') to += '\\';
    if (c.size != 0 && is_visible(c.code_point))
      to += text.substr(0, size);
    else
      append_escaped(to, c, text.front());
    text.remove_prefix(size);
  }
  to += '"';
}

inline void append_field(std::string& to, std::string_view key, const Value& value) {
  append_word(to += ' ', key);
  to += '=';
  if (value.is_string() || value.is_content()) return append_word(to, value.as_string());
  std::string json;
  JsonWriter(json, 0, NotFinite::write_null).write(value);
  append_word(to, json);
}

inline std::string log_line(const LogRecord& record, const timespec& now) {
  std::string line = log_time(now);
  line.append(1, ' ').append(level_name(record.level)).append(1, ' ');
  append_word(line, record.message, Spaces::keep);
  for (const auto& [key, value] : record.fields) append_field(line, key, value);
  return line += '\n';
}

inline void write_log_line(const LogRecord& record) {
  const int saved = errno;  // logging an error must not change it
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = log_line(record, now);
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/log.ipp

// log.ipp -- the bodies of log.hpp

namespace jot::inline v1 {

JOT_INLINE void Logger::debug(std::string_view message, const Value& fields) const noexcept {
  log(Level::debug, message, fields);
}

JOT_INLINE void Logger::info(std::string_view message, const Value& fields) const noexcept {
  log(Level::info, message, fields);
}

JOT_INLINE void Logger::warn(std::string_view message, const Value& fields) const noexcept {
  log(Level::warn, message, fields);
}

JOT_INLINE void Logger::error(std::string_view message, const Value& fields) const noexcept {
  log(Level::error, message, fields);
}

JOT_INLINE Logger Logger::with(const Value& fields) const {
  return Logger([to = *this, more = fields.as_map()](const LogRecord& record) {
    Map all = record.fields;
    all.insert(more.begin(), more.end());
    to.log(record.level, record.message, std::move(all));
  });
}

JOT_INLINE void Logger::log(Level level, std::string_view message,
                            const Value& fields) const noexcept {
  try {
    const Map other = fields.is_map() || fields.is_null() ? Map() : Map{{"value", fields}};
    const LogRecord record{level, message, fields.is_map() ? fields.as_map() : other};
    call_ ? call_(sink_.get(), record) : detail::write_log_line(record);
  } catch (...) {
    // A full disk or a broken sink is no reason to fail a request.
  }
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/base64.hpp

// base64.hpp -- how do bytes travel as letters?
//
// In: base64 as RFC 4648 section 4 has it, padded, or that of section 5, which is safe in URLs and
// cookies, without padding. Out: the bytes; nothing where it is not exactly that: a letter outside
// the alphabet, wrong padding, bits left over that are not zero. And the way back.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class Base64 { standard, url };

// Returns: 0 to 63; -1 when c is not a letter of the alphabet.
constexpr int base64_digit(char c, Base64 alphabet) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == (alphabet == Base64::url ? '-' : '+')) return 62;
  return c == (alphabet == Base64::url ? '_' : '/') ? 63 : -1;
}

// In: letters only, the padding cut off.
inline std::optional<std::string> base64_letters(std::string_view letters, Base64 alphabet) {
  if (letters.size() % 4 == 1) return std::nullopt;  // six bits are no byte
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that belong to no byte yet
  for (const char c : letters) {
    const int digit = base64_digit(c, alphabet);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return base64_letters(text, Base64::standard);
}

inline std::optional<std::string> base64url_decode(std::string_view text) {
  return base64_letters(text, Base64::url);
}

inline std::string base64url_encode(std::string_view bytes) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that are in no letter yet
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) text += letters[bits >> (count -= 6) & 63];
  }
  if (count > 0) text += letters[bits << (6 - count) & 63];
  return text;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/parse_cookies.hpp

// parse_cookies.hpp -- which cookies came with this request?
//
// In: one Cookie field, "a=1; b=2" (RFC 6265bis section 5.8.3). Out: its pairs. What is no cookie
// is left out, and does no harm to its neighbours: scripts and other hosts of the domain may set
// what they like. The rules are those of Go's net/http, but for an empty name, which Go takes for
// none.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::size_t max_cookies = 100;

// May it stand in a cookie's value? Visible ASCII without `"`, `;` and `\`; spaces and commas are
// more than the RFC allows, and common.
constexpr bool is_cookie_byte(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != ';' && c != '\\';
}

constexpr bool is_cookie_value(std::string_view s) noexcept {
  for (const char c : s) {
    if (!is_cookie_byte(c)) return false;
  }
  return true;
}

// Throws: HttpError 431 when there are more than max_cookies.
inline void parse_cookies(std::string_view field, Values& cookies) {
  while (!field.empty()) {
    const std::string_view pair = trim(field.substr(0, field.find(';')));
    field.remove_prefix(field.find(';') == field.npos ? field.size() : field.find(';') + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view name = trim(pair.substr(0, equals));
    std::string_view value = equals == pair.npos ? "" : pair.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (!is_token(name) || !is_cookie_value(value)) continue;
    if (cookies.size() == max_cookies) throw HttpError(431, "more than 100 cookies");
    cookies.add(std::string(name), std::string(value));
  }
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/header_access.hpp

// header_access.hpp -- how does a parser fill a Header without copying a byte?
//
// In: names and values already checked, in memory that somebody else keeps. Out: a Header that
// points at them. Only parsers use this door: what comes through it is not validated again.

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct HeaderAccess {
  // Lifetime: the bytes of both views must stay until the Header is cleared or ends.
  static void add_view(Header& header, std::string_view name, std::string_view value) {
    header.fields_.push_back({name, value});
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

// -------------------------------------------------------------- jot/detail/parse_head.hpp

// parse_head.hpp -- where does a head end, and which fields are in it?
//
// In: bytes as they arrive. Out: need more, the length of a complete head, or a Verdict; then its
// field lines as views in a Header. Pure: no I/O, nothing copied.
// A head may come one byte at a time: the scanner remembers how far it has looked, so the work is
// linear in the bytes whatever the pieces, and its answer does not depend on how they were cut.
// See RFC 9112 sections 2.2 and 5.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The judgement on bytes that came in.
struct Verdict {
  int status = 0;           // 0: fine; else the status to answer with, and then to close
  const char* reason = "";  // for the log line; the client does not see it

  constexpr bool ok() const noexcept { return status == 0; }
};

struct HeadLimits {
  std::size_t fields = 100;      // 431
  std::size_t head = 32 << 10;   // bytes from the start line to the empty line, both whole: 431
  std::size_t target = 8 << 10;  // bytes: 414
};

// What a request line has besides its target: a method, two spaces, the version.
inline constexpr std::size_t request_line_extra = 256;

// Returns: where the first CR or LF at or after `from` is; s.size() if there is none.
inline std::size_t find_line_break(std::string_view s, std::size_t from) noexcept {
  const char* p = s.data() + from;
  const char* const end = s.data() + s.size();
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load8(p);
    const std::uint64_t marks = mark_equal(word, '\r') | mark_equal(word, '\n');
    if (marks != 0) return static_cast<std::size_t>(p - s.data()) + first_mark(marks);
  }
  while (p != end && *p != '\r' && *p != '\n') ++p;
  return static_cast<std::size_t>(p - s.data());
}

// Finds the end of a head in a buffer that grows.
//
//     HeadScanner scanner;                       // one for each head
//     switch (scanner.scan(buffer, limits)) {    // again whenever bytes were appended
//       case HeadScanner::State::complete: parse_request(scanner.head(buffer), ...);
//
// Line ends are CR LF and nothing else: a bare LF or CR, where another server on the way might see
// a line end and we none, is refused as soon as it is seen. One empty line before the start line
// is skipped, for old clients that send one after a body.
struct HeadScanner {
  enum class State { need_more, complete, bad };

  // buffer: all bytes since the start of this message; what was scanned must not have changed.
  // Asked again after complete or bad, it says the same again.
  State scan(std::string_view buffer, const HeadLimits& limits) noexcept {
    if (is_complete) return State::complete;
    if (!verdict.ok()) return State::bad;
    for (;;) {
      if (starts_wrongly(buffer)) return refuse({400, "does not start with a token: not HTTP"});
      const std::size_t at = find_line_break(buffer, scanned);
      const bool is_cr = at < buffer.size() && buffer[at] == '\r';
      if (const Verdict v = judge_size(at + is_cr, limits); !v.ok()) return refuse(v);
      scanned = at;
      if (at == buffer.size()) return State::need_more;
      if (!is_cr) return refuse({400, "bare LF in head"});
      if (at + 1 == buffer.size()) return State::need_more;
      if (buffer[at + 1] != '\n') return refuse({400, "bare CR in head"});
      const bool line_is_empty = at == line_start;
      const bool is_first_line = line_start == begin;
      line_start = scanned = at + 2;
      if (!line_is_empty) continue;
      if (!is_first_line) return is_complete = true, State::complete;
      if (begin != 0) return refuse({400, "empty lines before the request line"});
      begin = scanned;
    }
  }

  // The complete head, from its start line through its empty line.
  std::string_view head(std::string_view buffer) const noexcept {
    return buffer.substr(begin, scanned - begin);
  }

  // How many bytes of the buffer the complete head takes, a skipped empty line included.
  std::size_t length() const noexcept { return scanned; }

  // Has anything of a message arrived? An empty line alone does not count.
  bool started() const noexcept { return scanned > begin; }

  std::size_t scanned = 0;     // no need to look at bytes before this one again
  std::size_t begin = 0;       // of the start line
  std::size_t line_start = 0;  // of the line that scanned is in
  bool is_complete = false;
  Verdict verdict;  // when bad

 private:
  State refuse(Verdict v) noexcept { return verdict = v, State::bad; }

  // Tells TLS and other protocols by their first byte, instead of waiting for a line end that may
  // never come.
  bool starts_wrongly(std::string_view buffer) const noexcept {
    if (scanned != begin || buffer.size() <= begin) return false;
    const char c = buffer[begin];
    return !is_a(c, byte_token) && c != '\r' && c != '\n';
  }

  // seen: so many bytes, and the head is not complete with them.
  Verdict judge_size(std::size_t seen, const HeadLimits& limits) const noexcept {
    const std::size_t size = seen - begin;
    if (line_start == begin && size > limits.target + request_line_extra) {
      return {414, "request line too long"};
    }
    if (size >= limits.head) return {431, "head too large"};
    return {};
  }
};

// Returns: the first byte from p that cannot be in a field value, or end. A tab, which can, only
// ends the pace of eight bytes at a time.
inline const char* find_value_end(const char* p, const char* end) noexcept {
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load8(p);
    const std::uint64_t marks = mark_below(word, 0x20) | mark_equal(word, 0x7f);
    if (marks == 0) continue;
    p += first_mark(marks);
    break;
  }
  while (p != end && is_a(*p, byte_value)) ++p;
  return p;
}

// Why is what stands at `at` (a line that began at `line`) not the colon after a name?
inline Verdict judge_name(const char* line, const char* at, const char* end) noexcept {
  if (at == end) return {400, "field line without an end"};
  if (at == line && is_space(*at)) return {400, "folded field line (obs-fold)"};
  if (at == line && *at == ':') return {400, "empty field name"};
  if (is_space(*at)) return {400, "space in or after a field name"};
  if (*at == '\r') return {400, "field line without a colon"};
  return {400, "field name is not a token"};
}

// Reads field lines up to and including the empty line, which must be the end of `lines`, and adds
// them to the Header as views. Used for heads and for trailers.
inline Verdict parse_fields(std::string_view lines, std::size_t max_fields, Header& into) {
  const char* p = lines.data();
  const char* const end = p + lines.size();
  for (std::size_t count = 0; p != end && *p != '\r'; ++count) {
    if (count == max_fields) return {431, "too many fields"};
    const char* const name = p;
    while (p != end && is_a(*p, byte_token)) ++p;
    const char* const colon = p;
    if (colon == end || *colon != ':' || colon == name) return judge_name(name, colon, end);
    do ++p;
    while (p != end && is_space(*p));
    const char* const value = p;
    p = find_value_end(p, end);
    if (end - p < 2) return {400, "field line without an end"};
    if (p[0] != '\r' || p[1] != '\n') return {400, "control character in a field value"};
    const char* value_end = p;
    while (value_end != value && is_space(value_end[-1])) --value_end;
    HeaderAccess::add_view(into, {name, colon}, {value, value_end});
    p += 2;
  }
  if (end - p != 2 || p[1] != '\n') return {400, "fields without an end"};
  return {};
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/parse_request.hpp

// parse_request.hpp -- what does this request head ask for?
//
// In: a complete head, as HeadScanner found it. Out: a RequestHead and a Header, all views into
// the same bytes, or the Verdict with which it is refused. Pure: no I/O, nothing copied.
// Strict on purpose: what two servers could read in two ways is refused, for in between lives
// request smuggling. See RFC 9112 sections 3 and 9, RFC 9110 sections 7.2 and 10.1.1.

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class TargetForm { origin, absolute, authority, asterisk };

// Lifetime: as long as the bytes of the head stay.
struct RequestHead {
  std::string_view method;  // any token, as it came: methods have case
  std::string_view target;  // as it came
  std::string_view path;    // still encoded; "/" where an absolute target has none, "*" for the
                            // asterisk, "" for CONNECT
  std::string_view query;   // what stands behind the first ?, without it
  std::string_view host;    // with its port, as it came: of an absolute target, else of Host
  TargetForm form = TargetForm::origin;
  int minor = 1;                 // HTTP/1.minor: 0 or 1
  bool keep_alive = true;        // may another request follow on this connection?
  bool expect_continue = false;  // the client waits for 100 before it sends the body
  bool upgrade = false;          // it asks to go on in another protocol: see the field Upgrade
};

// host [ ":" port ], as in Host: no user, no path, nothing but a name, an IPv4 or [IPv6] address.
struct Authority {
  bool valid = false;
  std::string_view host, port;  // host with its brackets
};

inline Authority split_authority(std::string_view s) noexcept {
  std::size_t host_end = s.find(':');
  bool host_ok = false;
  if (s.starts_with('[')) {
    host_end = s.find(']');
    if (host_end == std::string_view::npos) return {};
    const std::string_view address = s.substr(1, host_end - 1);
    host_ok = address.find(':') != std::string_view::npos &&
              address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    ++host_end;
  } else {
    host_ok = all_are(s.substr(0, host_end), byte_host);
  }
  Authority a{false, s.substr(0, host_end), {}};
  const std::string_view rest = s.substr(a.host.size());
  if (!rest.empty()) a.port = rest.substr(1);
  a.valid = host_ok && !a.host.empty() && (rest.empty() || rest[0] == ':') && a.port.size() <= 5 &&
            all_are(a.port, byte_digit);
  return a;
}

// A percent sign that begins no escape could be read in two ways. (In a query it is harmless: there
// Values leaves malformed pairs out.)
inline bool escapes_are_whole(std::string_view path) noexcept {
  for (std::size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 3)) {
    if (path.size() - at < 3 || hex_digit(path[at + 1]) < 0 || hex_digit(path[at + 2]) < 0)
      return false;
  }
  return true;
}

// Cuts a target that starts with its path at the first question mark.
inline Verdict split_path(std::string_view s, RequestHead& head) noexcept {
  const std::size_t question = s.find('?');
  head.path = s.substr(0, question);
  if (question != std::string_view::npos) head.query = s.substr(question + 1);
  if (!escapes_are_whole(head.path)) return {400, "stray percent sign in path"};
  return {};
}

// http://host:port/path?query. Asked of a proxy, but every server must understand it.
inline Verdict parse_absolute_target(RequestHead& head) noexcept {
  const std::size_t colon = head.target.find("://");
  const std::string_view scheme = head.target.substr(0, colon);
  if (colon == std::string_view::npos || !(iequals(scheme, "http") || iequals(scheme, "https"))) {
    return {400, "target is neither a path nor an http URL"};
  }
  const std::string_view rest = head.target.substr(colon + 3);
  const std::size_t path = rest.find_first_of("/?");
  head.form = TargetForm::absolute;
  head.host = rest.substr(0, path);
  if (!split_authority(head.host).valid) return {400, "bad authority in target"};
  if (path != std::string_view::npos) {
    if (const Verdict v = split_path(rest.substr(path), head); !v.ok()) return v;
  }
  // A URL without a path means the root, and for OPTIONS the whole server.
  if (head.path.empty()) {
    head.path = path == std::string_view::npos && head.method == "OPTIONS" ? "*" : "/";
  }
  return {};
}

inline Verdict parse_target(RequestHead& head) noexcept {
  if (head.method == "CONNECT") {
    const Authority authority = split_authority(head.target);
    if (!authority.valid || authority.port.empty()) return {400, "CONNECT without host and port"};
    head.form = TargetForm::authority;
    head.host = head.target;
    return {};
  }
  if (head.target.find('#') != std::string_view::npos) return {400, "fragment in target"};
  if (head.target[0] == '/') return split_path(head.target, head);
  if (head.target != "*") return parse_absolute_target(head);
  if (head.method != "OPTIONS") return {400, "* is a target for OPTIONS only"};
  head.form = TargetForm::asterisk;
  head.path = head.target;
  return {};
}

inline Verdict parse_version(std::string_view version, RequestHead& head) noexcept {
  if (version == "HTTP/1.1") return {};
  if (version == "HTTP/1.0") return head.minor = 0, Verdict{};
  const bool other = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                     version[6] == '.' && is_digit(version[7]);
  if (other) return {505, "HTTP version not supported"};
  return {400, "malformed request line"};
}

// method SP target SP version: single spaces, nothing before or after.
inline Verdict parse_request_line(std::string_view line, std::size_t max_target,
                                  RequestHead& head) noexcept {
  const char* p = line.data();
  const char* const end = p + line.size();
  while (p != end && is_a(*p, byte_token)) ++p;
  head.method = line.substr(0, static_cast<std::size_t>(p - line.data()));
  if (head.method.empty() || p == end || *p != ' ') return {400, "method is not a token"};
  const char* const target = ++p;
  while (p != end && is_a(*p, byte_target)) ++p;
  head.target = {target, p};
  if (p == end || *p != ' ') return {400, "malformed request line"};
  if (head.target.empty()) return {400, "empty target"};
  if (head.target.size() > max_target) return {414, "target too long"};
  if (const Verdict v = parse_version({p + 1, end}, head); !v.ok()) return v;
  return parse_target(head);
}

// What the fields say about the connection, gathered in one pass over them.
struct ConnectionFields {
  int hosts = 0;
  std::string_view host;
  bool close = false, keep_alive = false, upgrade_listed = false, upgrade_named = false;
  bool expects_continue = false, expects_else = false;

  void note_connection(std::string_view list) noexcept {
    while (!list.empty()) {
      const std::string_view option = next_in_list(list);
      if (iequals(option, "close"))
        close = true;
      else if (iequals(option, "keep-alive"))
        keep_alive = true;
      else if (iequals(option, "upgrade"))
        upgrade_listed = true;
    }
  }

  void note_expect(std::string_view list) noexcept {
    while (!list.empty()) {
      const std::string_view expectation = next_in_list(list);
      if (iequals(expectation, "100-continue"))
        expects_continue = true;
      else if (!expectation.empty())
        expects_else = true;
    }
  }

  // The length tells most names apart without looking at a letter.
  void note(const Field& f) noexcept {
    switch (f.name.size()) {
      case 4:
        if (iequals(f.name, "host")) ++hosts, host = f.value;
        break;
      case 6:
        if (iequals(f.name, "expect")) note_expect(f.value);
        break;
      case 7:
        if (iequals(f.name, "upgrade")) upgrade_named = true;
        break;
      case 10:
        if (iequals(f.name, "connection")) note_connection(f.value);
        break;
      default: break;
    }
  }
};

inline Verdict apply_connection_fields(const ConnectionFields& fields, RequestHead& head) noexcept {
  const bool is_1_1 = head.minor == 1;
  if (fields.hosts > 1) return {400, "more than one Host"};
  if (fields.hosts == 0 && is_1_1) return {400, "no Host"};
  if (fields.hosts == 1 && !split_authority(fields.host).valid) return {400, "bad Host"};
  // The authority of the target wins: a proxy in front may have looked at that one only.
  if (head.host.empty()) head.host = fields.host;
  head.keep_alive = !fields.close && (is_1_1 || fields.keep_alive);
  // HTTP/1.0 knows neither upgrades nor expectations: both must be ignored there.
  head.upgrade = is_1_1 && fields.upgrade_listed && fields.upgrade_named;
  head.expect_continue = is_1_1 && fields.expects_continue;
  if (is_1_1 && fields.expects_else) return {417, "unknown expectation"};
  return {};
}

// head: from the request line through the empty line. What out and header held before is dropped;
// after a refusal they hold what was read until then.
inline Verdict parse_request(std::string_view head, const HeadLimits& limits, RequestHead& out,
                             Header& header) {
  out = RequestHead{};
  HeaderAccess::clear(header);
  const std::size_t line_end = find_line_break(head, 0);
  if (head.size() - line_end < 2 || head[line_end] != '\r' || head[line_end + 1] != '\n') {
    return {400, "request line without an end"};
  }
  Verdict v = parse_request_line(head.substr(0, line_end), limits.target, out);
  if (!v.ok()) return v;
  v = parse_fields(head.substr(line_end + 2), limits.fields, header);
  if (!v.ok()) return v;
  ConnectionFields fields;
  for (const Field& f : header) fields.note(f);
  return apply_connection_fields(fields, out);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/request_state.hpp

// request_state.hpp -- what stands behind a Request?
//
// In: a parsed head, put here by the engine (or by request() in tests). Out: what Request answers.
// One per thread, used again for each request: reset() forgets the values and keeps the memory.

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
  std::exception_ptr form_error;  // instead of a form

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
    if (form_error) form_error = nullptr;
  }
};

// The back door for those who make requests: the engine and request().
struct RequestAccess {
  static Request make(std::unique_ptr<RequestState> state) { return Request(std::move(state)); }
  static RequestState& state(Request& r) noexcept { return *r.state_; }
  static const RequestState& state(const Request& r) noexcept { return *r.state_; }
  static void set_source(Body& body, BodySource* source) noexcept { body.source_ = source; }
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/request.ipp

// request.ipp -- the bodies of request.hpp.

#include <algorithm>  // std::min
#include <charconv>   // std::from_chars
#include <limits>     // std::numeric_limits

namespace jot::inline v1 {

namespace detail {

[[noreturn]] JOT_INLINE void throw_bad_value(BadValue bad) {
  throw HttpError(bad.status, bad.status == 404 ? "not found" : text(bad.name, ": malformed"));
}

template <class N, class... Base>
N parse_all(std::string_view text, BadValue bad, Base... base) {
  N value{};
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  if (failed != std::errc{} || end != text.data() + text.size()) throw_bad_value(bad);
  return value;
}

JOT_INLINE bool parse_bool(std::string_view text, BadValue bad) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw_bad_value(bad);
}

JOT_INLINE long long parse_signed(std::string_view text, long long low, long long high,
                                  BadValue bad) {
  auto value = parse_all<long long>(text, bad, 10);
  if (value < low || value > high) throw_bad_value(bad);
  return value;
}

JOT_INLINE unsigned long long parse_unsigned(std::string_view text, unsigned long long high,
                                             BadValue bad) {
  auto value = parse_all<unsigned long long>(text, bad, 10);
  if (value > high) throw_bad_value(bad);
  return value;
}

JOT_INLINE double parse_double(std::string_view text, BadValue bad) {
  return parse_all<double>(text, bad);
}

// application/json, text/json, application/problem+json: https://mimesniff.spec.whatwg.org
JOT_INLINE bool is_json_type(std::string_view content_type) noexcept {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  const std::size_t slash = type.find('/');
  if (slash == type.npos || !is_token(type.substr(0, slash)) || !is_token(type.substr(slash + 1)))
    return false;
  return iequals(type, "application/json") || iequals(type, "text/json") ||
         (type.size() > slash + 6 && iequals(type.substr(type.size() - 5), "+json"));
}

}  // namespace detail

JOT_INLINE std::string Body::read_all(std::size_t limit) {
  std::string all;
  if (!source_) return all;
  // A body within this many bytes is read without growing; a longer one costs memory as it comes,
  // not as it is announced.
  constexpr std::size_t believed = 64u << 10;
  all.resize(std::min({source_->expected(), limit, believed}) + 1);  // one more, to see the end
  for (std::size_t size = 0;;) {
    std::size_t n = source_->read({all.data() + size, all.size() - size});
    if (n == 0) return all.resize(size), all;
    if ((size += n) > limit) throw HttpError(413);
    if (size == all.size()) all.resize(size * 2 + 4096);
  }
}

JOT_INLINE std::size_t Body::read(std::span<char> to) { return source_ ? source_->read(to) : 0; }

JOT_INLINE void Body::set_limit(std::uint64_t bytes) {
  if (source_) source_->set_limit(bytes);
}

JOT_INLINE Request::Request(std::unique_ptr<detail::RequestState> state) noexcept
    : state_(std::move(state)) {}
JOT_INLINE Request::Request(Request&&) noexcept = default;
JOT_INLINE Request::~Request() = default;

JOT_INLINE std::string_view Request::method() const noexcept { return state_->head.method; }
JOT_INLINE std::string_view Request::target() const noexcept { return state_->head.target; }
JOT_INLINE std::string_view Request::path() const noexcept { return state_->head.path; }
JOT_INLINE std::string_view Request::proto() const noexcept {
  return state_->head.minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}
JOT_INLINE std::string_view Request::host() const noexcept { return state_->head.host; }
JOT_INLINE std::string_view Request::scheme() const noexcept { return state_->scheme; }
JOT_INLINE std::string_view Request::remote_addr() const noexcept {
  if (!state_->origin || !state_->own_remote_addr.empty()) return state_->own_remote_addr;
  return state_->origin->remote_addr();
}
JOT_INLINE std::string_view Request::pattern() const noexcept { return state_->pattern; }
JOT_INLINE const Header& Request::header() const noexcept { return state_->header; }
JOT_INLINE Header& Request::header() noexcept { return state_->header; }

JOT_INLINE const std::string& Request::path_value(std::string_view name) const {
  static const std::string absent;
  const std::string* found = state_->path_values.find(name);
  return found ? *found : absent;
}

JOT_INLINE const Values& Request::query() const {
  if (!state_->query) state_->query = Values::parse(state_->head.query);
  return *state_->query;
}
JOT_INLINE const std::string& Request::query(std::string_view name) const {
  return query().get(name);
}

JOT_INLINE const Values& Request::cookies() const {
  if (state_->cookies) return *state_->cookies;
  Values cookies;
  for (const std::string_view field : state_->header.all("Cookie"))
    detail::parse_cookies(field, cookies);
  return state_->cookies.emplace(std::move(cookies));
}
JOT_INLINE const std::string& Request::cookie(std::string_view name) const {
  return cookies().get(name);
}

// "Basic dXNlcjpwYXNzd29yZA==": RFC 7617 section 2. The user has no colon, nobody has controls.
JOT_INLINE std::optional<BasicAuth> Request::basic_auth() const {
  std::string_view field = state_->header.get("Authorization");
  if (!detail::iequals(field.substr(0, 6), "Basic ")) return std::nullopt;
  const auto pair = detail::base64_decode(detail::trim(field.substr(6)));
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  for (const char c : *pair) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  return BasicAuth{pair->substr(0, colon), pair->substr(colon + 1)};
}

JOT_INLINE Body& Request::body() noexcept { return state_->body; }

JOT_INLINE const Value& Request::json() {
  if (state_->json) return *state_->json;
  const Header& header = state_->header;
  if (header.has("Content-Type") && !detail::is_json_type(header.get("Content-Type")))
    throw HttpError(415, "want application/json", {{"Accept", "application/json"}});
  try {
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();  // the body has its limit
    state_->json = parse_json(state_->body.read_all(any));
  } catch (const JsonError& e) {
    throw HttpError(400, e.what());
  }
  return *state_->json;
}

JOT_INLINE Context Request::context() const noexcept {
  if (!state_->context) state_->context = state_->origin ? state_->origin->context() : Context{};
  return *state_->context;
}
JOT_INLINE void Request::set_context(Context ctx) noexcept { state_->context = std::move(ctx); }

JOT_INLINE const Logger& Request::log() const noexcept {
  static const Logger to_stderr;
  if (state_->own_log) return *state_->own_log;
  return state_->log ? *state_->log : to_stderr;
}
JOT_INLINE void Request::set_log(Logger log) noexcept { state_->own_log = std::move(log); }

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/response_writer.ipp

// response_writer.ipp -- the bodies of response_writer.hpp.

#include <unistd.h>  // pread

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <stdexcept>     // std::runtime_error
#include <system_error>  // std::system_error

namespace jot::inline v1 {

JOT_INLINE bool ResponseWriter::write_file(int file, std::uint64_t offset, std::uint64_t length) {
  char piece[16u << 10];
  while (length > 0) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(length, sizeof piece));
    const ssize_t n = pread(file, piece, most, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "jot: write_file");
    if (n == 0) throw std::runtime_error("jot: write_file: the file has become shorter");
    const auto got = static_cast<std::size_t>(n);
    if (!write_bytes({piece, got})) return false;
    offset += got, length -= got;
  }
  return true;
}

JOT_INLINE bool ResponseWriter::write(std::span<const std::byte> bytes) {
  return write_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

JOT_INLINE bool ResponseWriter::json(const Value& value) {
  header().set("Content-Type", "application/json");
  return write_bytes(to_json(value));
}

JOT_INLINE Header& WriterProxy::header() { return inner_.header(); }
JOT_INLINE void WriterProxy::write_header(int status) { inner_.write_header(status); }
JOT_INLINE bool WriterProxy::write_bytes(std::string_view bytes) {
  return inner_.write_bytes(bytes);
}
JOT_INLINE Flusher* WriterProxy::flusher() { return inner_.flusher(); }
JOT_INLINE int WriterProxy::status() const { return inner_.status(); }
JOT_INLINE bool WriterProxy::committed() const { return inner_.committed(); }
JOT_INLINE std::uint64_t WriterProxy::bytes_written() const { return inner_.bytes_written(); }
JOT_INLINE bool WriterProxy::reset() { return inner_.reset(); }

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/weighted.hpp

// weighted.hpp -- how much does a client want what it names?
//
// In: one element of a list such as Accept or Accept-Encoding: "gzip;q=0.8", "text/html;level=1".
// Out: what it names, and its weight in thousandths. See RFC 9110 section 12.4.2.

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "0.8" in thousandths: 0 to 1000. Returns: -1 when malformed.
constexpr int thousandths(std::string_view q) noexcept {
  if (q.empty() || q.size() > 5 || (q.size() > 1 && q[1] != '.')) return -1;
  int sum = 0, worth = 1000;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (i == 1) continue;  // the dot
    if (!is_digit(q[i])) return -1;
    sum += worth * (q[i] - '0'), worth /= 10;
  }
  return sum <= 1000 ? sum : -1;
}

// The q among the parameters of an element, ";level=1;q=0.5"; 1000 without one.
constexpr int weight_in(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    parameters.remove_prefix(1);
    const std::string_view one = trim(parameters.substr(0, parameters.find(';')));
    if (one.size() >= 2 && to_lower(one[0]) == 'q' && one[1] == '=')
      return thousandths(one.substr(2));
    parameters.remove_prefix(parameters.find(';') == parameters.npos ? parameters.size()
                                                                     : parameters.find(';'));
  }
  return 1000;
}

struct Weighted {
  std::string_view name;
  int weight;  // 0: unwanted; -1: malformed
};

// The parameters before q belong to what is named, and are not looked at.
constexpr Weighted parse_weighted(std::string_view element) noexcept {
  const std::string_view name = element.substr(0, element.find(';'));
  return {trim(name), weight_in(element.substr(name.size()))};
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/accept.hpp

// accept.hpp -- would this client rather have JSON, or text?
//
// In: the Accept fields of a request (RFC 9110 section 12.5.1). Out: how much it wants a type. The
// range that names a type most exactly decides, whatever the weights of the others.

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct Acceptance {
  int weight = 0;     // in thousandths; 0: not acceptable
  int precision = 0;  // 1: by "*/*", 2: by "text/*", 3: by its name
};

// How exactly does the range name the type? 0: not at all.
constexpr int precision_of(std::string_view range, std::string_view type) noexcept {
  if (iequals(range, type)) return 3;
  if (range == "*/*") return 1;
  const std::size_t slash = type.find('/') + 1;
  return range.size() == slash + 1 && range.back() == '*' &&
                 iequals(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

// Without an Accept field everything is as welcome as by "*/*". A malformed range counts for none.
inline Acceptance acceptance(const Header& header, std::string_view type) noexcept {
  if (!header.has("Accept")) return {1000, 1};
  Acceptance best;
  for (const Field& field : header) {
    if (!iequals(field.name, "Accept")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      const Weighted range = parse_weighted(next_in_list(list));
      const Acceptance found{range.weight, precision_of(range.name, type)};
      if (found.weight < 0 || found.precision < best.precision || found.precision == 0) continue;
      if (found.precision > best.precision || found.weight > best.weight) best = found;
    }
  }
  return best;
}

constexpr Acceptance better_of(Acceptance a, Acceptance b) noexcept {
  if (a.weight != b.weight) return a.weight > b.weight ? a : b;
  return a.precision >= b.precision ? a : b;
}

// Text for those who take anything (curl) or pages (browsers); JSON for those who say so.
inline bool prefers_json(const Header& header) noexcept {
  const Acceptance json = better_of(acceptance(header, "application/json"),
                                    acceptance(header, "application/problem+json"));
  const Acceptance text =
      better_of(acceptance(header, "text/plain"), acceptance(header, "text/html"));
  return json.weight > text.weight ||
         (json.weight == text.weight && json.weight > 0 && json.precision == 3);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/value_path.hpp

// value_path.hpp -- where in this tree did it go wrong?
//
// In: the root of a Value, and a ValueError. Out: its words with the whole path before them,
// "items[2].title: want string, have int"; nothing when it is not about a part of this tree.
// Parts are known by their address: an equal Value elsewhere is another one.

#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Puts the way from `from` to `to` behind path. False: there is none, and path is as it was.
inline bool find_path(const Value& from, const Value* to, std::string& path) {
  if (&from == to) return true;
  const std::size_t size = path.size();
  if (from.is_list()) {
    std::size_t index = 0;
    for (const Value& v : from.as_list()) {
      path.append("[").append(std::to_string(index++)).append("]");
      if (find_path(v, to, path)) return true;
      path.resize(size);
    }
  } else if (from.is_map()) {
    for (const auto& [key, v] : from.as_map()) {
      path.append(size == 0 ? "" : ".").append(printable(key));
      if (find_path(v, to, path)) return true;
      path.resize(size);
    }
  }
  return false;
}

inline std::optional<std::string> words_with_path(const Value& root, const ValueError& e) {
  std::string path;
  if (e.where() == nullptr || !find_path(root, e.where(), path)) return std::nullopt;
  const std::string_view words = e.what();
  if (!path.empty() && !e.names_key())
    path += ": ";
  else if (!path.empty() && !words.starts_with('['))
    path += '.';
  return path.append(words);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/error_page.hpp

// error_page.hpp -- how does a request that failed look to its client?
//
// In: a status and a message, or an exception that a handler let go. Out: a response, or the word
// that none can be sent any more. The one place that catches what handlers throw.
// The text of an exception other than HttpError never reaches a client: it goes to the log.

#include <exception>  // std::exception
#include <optional>   // std::optional
#include <string>     // std::string

namespace jot::inline v1::detail {

// Answers with the Router's own error page, where there is one, else with problem details where the
// client prefers JSON, else with a line of text.
inline void answer_error(ResponseWriter& w, Request& r, int status, std::string_view message) {
  const ErrorPage* page = RequestAccess::state(r).error_page;
  if (page && *page) {
    w.write_header(status);
    return (*page)(w, r, status, message);
  }
  if (!list_has(w.header().get("Vary"), "Accept")) w.header().add("Vary", "Accept");
  prefers_json(r.header()) ? problem(w, r, status, message) : error(w, status, message);
}

// Throws HttpError 400 when the error is about a part of what r.json() read.
inline void throw_if_by_client(Request& r, const ValueError& e) {
  const std::optional<Value>& json = RequestAccess::state(r).json;
  if (!json) return;
  if (const std::optional<std::string> words = words_with_path(*json, e))
    throw HttpError(400, *words);
}

// Vary is a list that each adds to; of all else the last word counts.
inline void put_fields(Header& to, const Header& fields) {
  for (const auto& [name, value] : fields)
    name == "Vary" ? to.add(name, value) : to.set(name, value);
}

// Calls next with these fields set. They last: an exception forgets the response it interrupts, so
// they are noted as it passes, for the error page that takes its place. Without the fields of CORS
// a script of another site sees no error at all, and a complaint needs its request id.
inline void call_with_fields(ResponseWriter& w, Request& r, const Handler& next,
                             const Header& fields) {
  put_fields(w.header(), fields);
  try {
    next(w, r);
  } catch (...) {
    auto& lasting = RequestAccess::state(r).lasting;
    if (!lasting) lasting.emplace();
    for (const auto& [name, value] : fields)  // the inner ones, which were noted first, count
      if (name == "Vary" || !lasting->has(name)) lasting->add(name, value);
    throw;
  }
}

// Forgets the response that failed, but for what middleware has made to last. False: its head has
// left.
inline bool start_over(ResponseWriter& w, Request& r) {
  if (!w.reset()) return false;
  const RequestState& s = RequestAccess::state(r);
  if (!s.lasting) return true;
  put_fields(w.header(), *s.lasting);
  return true;
}

enum class Outcome {
  answered,
  failed,  // the head had left when the handler threw: the client must see the response cut short
};

inline Outcome answer_http_error(ResponseWriter& w, Request& r, const HttpError& e) {
  if (!start_over(w, r)) return Outcome::failed;
  for (auto [name, value] : e.header()) w.header().add(name, value);
  answer_error(w, r, e.status(), e.what());
  return Outcome::answered;
}

// e: nullptr where it is no LoggedError.
inline Outcome answer_exception(ResponseWriter& w, Request& r, std::string_view what,
                                const LoggedError* e = nullptr) {
  Map fields = e ? e->fields() : Map();
  fields["method"] = r.method();
  fields["pattern"] = r.pattern().empty() ? r.path() : r.pattern();
  fields["error"] = what;
  r.log().error("handler threw", fields);
  if (!start_over(w, r)) return Outcome::failed;
  answer_error(w, r, 500, status_text(500));
  return Outcome::answered;
}

inline Outcome call_and_catch(const Handler& handler, ResponseWriter& w, Request& r) noexcept {
  try {
    try {
      handler(w, r);
      return Outcome::answered;
    } catch (const HttpError& e) {
      return answer_http_error(w, r, e);
    } catch (const std::exception& e) {
      return answer_exception(w, r, e.what(), dynamic_cast<const LoggedError*>(&e));
    } catch (...) {
      return answer_exception(w, r, "not a std::exception");
    }
  } catch (...) {  // the error page threw, or memory is out
    if (!w.reset()) return Outcome::failed;
    w.write_header(500);
    return Outcome::answered;
  }
}

// Calls the handler. Whatever it throws becomes a response, or Outcome::failed.
inline Outcome call_handler(const Handler& handler, ResponseWriter& w, Request& r) noexcept {
  WaitingLogs waiting;
  RequestAccess::state(r).waiting_logs = &waiting;
  const Outcome outcome = call_and_catch(handler, w, r);
  RequestAccess::state(r).waiting_logs = nullptr;
  try {
    for (const auto& tell : waiting) tell(w);
  } catch (...) {  // a log that fails, for want of memory, fails no request
  }
  return outcome;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/handler.ipp

// handler.ipp -- the bodies of handler.hpp.

#include <string>  // std::string

namespace jot::inline v1 {

namespace detail {

// content_type is a literal: the Header may point at it, and need not check it each time.
JOT_INLINE void answer_text(ResponseWriter& w, std::string_view content_type,
                            std::string_view text) {
  Header& header = w.header();
  if (!header.has("Content-Type")) {
    HeaderAccess::add_view(header, "Content-Type", content_type);
    if (!header.has("X-Content-Type-Options"))
      HeaderAccess::add_view(header, "X-Content-Type-Options", "nosniff");
  }
  w.write_bytes(text);
}

JOT_INLINE void answer_value(ResponseWriter& w, const Value& value) {
  if (!w.header().has("Content-Type")) w.header().set("Content-Type", "application/json");
  w.write_bytes(to_json(value));
}

JOT_INLINE std::shared_ptr<const Callable> share(const Callable* made) {
  return std::shared_ptr<const Callable>(made);
}

JOT_INLINE void announce_block() noexcept { about_to_block(); }

}  // namespace detail

// Here, at the innermost handler, so that each middleware sees what the client will see.
JOT_INLINE void Handler::operator()(ResponseWriter& w, Request& r) const {
  if (!callable_) return not_found(w, r);
  try {
    callable_->call(w, r);
  } catch (const ValueError& e) {
    detail::throw_if_by_client(r, e);
    throw;
  }
}

JOT_INLINE void Handler::operator()(ResponseWriter& w, Request&& r) const { (*this)(w, r); }

JOT_INLINE detail::RouteMemory& Handler::match(Request& r) const {
  static detail::RouteMemory of_empty_handlers;  // they never block: nothing is learned
  return callable_ ? callable_->match(r) : of_empty_handlers;
}

namespace detail {

JOT_INLINE Handler wrap_around(const std::shared_ptr<const Wrapper>& self, Handler next) {
  return [self, next = std::move(next)](ResponseWriter& w, Request& r) { self->call(w, r, next); };
}

JOT_INLINE std::shared_ptr<const Wrapper> share(const Wrapper* made) {
  return std::shared_ptr<const Wrapper>(made);
}

// Forgets the response so far, but for the fields that do not describe its body.
JOT_INLINE void begin_error(ResponseWriter& w, int status, std::string_view content_type) {
  Header kept = w.header();
  for (auto name : {"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Cache-Control"})
    kept.remove(name);
  if (status != 416) kept.remove("Content-Range");  // there it describes what the client asked of
  if (w.reset()) w.header() = std::move(kept);
  w.header().set("Content-Type", content_type);
  w.header().set("X-Content-Type-Options", "nosniff");
  w.write_header(status);
}

}  // namespace detail

JOT_INLINE void error(ResponseWriter& w, int status, std::string_view message) {
  std::string line(message);  // first: it may be a part of what is forgotten
  detail::begin_error(w, status, "text/plain; charset=utf-8");
  w.write_bytes(line += '\n');
}

JOT_INLINE void problem(ResponseWriter& w, Request& r, int status, std::string_view message,
                        const Value& members) {
  Value body = {{"type", "about:blank"}, {"title", status_text(status)}};
  if (!message.empty() && message != status_text(status)) body["detail"] = message;
  if (r.path().starts_with('/')) body["instance"] = r.path();
  if (!members.is_null()) {
    for (const auto& [name, value] : members.as_map()) body[name] = value;
  }
  body["status"] = status;
  const std::string json = to_json(body);
  detail::begin_error(w, status, "application/problem+json");
  w.write_bytes(json);
}

JOT_INLINE void not_found(ResponseWriter& w, Request& r) {
  detail::answer_error(w, r, 404, "not found");
}

JOT_INLINE void redirect(ResponseWriter& w, Request& r, std::string_view url, int status) {
  std::string location;
  for (char c : url) {
    if (static_cast<unsigned char>(c) < 0x80)
      location += c;
    else
      location += percent_encode({&c, 1});
  }
  w.header().set("Location", location);
  w.write_header(status);
  if (r.method() != "GET" && r.method() != "HEAD") return;
  if (!w.header().has("Content-Type")) w.header().set("Content-Type", "text/html; charset=utf-8");
  w.write("<a href=\"", html_escape(location), "\">", status_text(status), "</a>.\n");
}

JOT_INLINE void local_redirect(ResponseWriter& w, Request& r, std::string_view url, int status) {
  bool local = url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\");
  for (const char c : url) local = local && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (!local) throw HttpError(400, "this leads to another site");
  redirect(w, r, url, status);
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/http_date.hpp

// http_date.hpp -- what time is it, in HTTP's words?
//
// In: seconds since the epoch. Out: "Mon, 23 Nov 2026 18:00:00 GMT" (RFC 9110 §5.6.7).
// Own tables, not strftime: a process's locale must not leak into its protocol.

#include <time.h>  // gmtime_r

#include <cstdio>       // std::snprintf
#include <ctime>        // std::time_t
#include <limits>       // std::numeric_limits
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class HttpDate {
 public:
  // The text for now, formatted once a second. One per thread.
  std::string_view at(std::time_t now) noexcept {
    if (now != of_) format(now);
    return {text_, 29};
  }

 private:
  void format(std::time_t now) noexcept {
    static constexpr char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm t{};
    gmtime_r(&now, &t);
    std::snprintf(text_, sizeof text_, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday],
                  t.tm_mday, months[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min,
                  t.tm_sec);
    of_ = now;
  }

  std::time_t of_ = std::numeric_limits<std::time_t>::min();
  char text_[64] = {};
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/print_cookie.hpp

// print_cookie.hpp -- how is a cookie written, so that a browser takes it as it is meant?
//
// In: a Cookie. Out: the value of a Set-Cookie field, its attributes in the order of Go's net/http.
// Go drops what cannot be written; here it throws: a cookie that silently lost its Domain or its
// value is found by nobody.

#include <arpa/inet.h>  // inet_pton

#include <chrono>       // std::chrono::system_clock
#include <ctime>        // std::time_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

[[noreturn]] inline void refuse_cookie(const Cookie& c, std::string_view why) {
  throw std::invalid_argument(text("jot: cookie \"", printable(c.name), "\": ", why));
}

// Letters, digits and hyphens between dots, as DNS has it, or an IPv4 address.
inline bool is_cookie_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > 253) return false;
  in_addr ip{};
  if (domain.find_first_not_of("0123456789.") == domain.npos)
    return inet_pton(AF_INET, std::string(domain).c_str(), &ip) == 1;
  while (true) {
    const std::string_view label = domain.substr(0, domain.find('.'));
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    for (const char c : label) {
      if (!is_digit(c) && !is_a(c, byte_alpha) && c != '-') return false;
    }
    if (label.size() == domain.size()) return true;
    domain.remove_prefix(label.size() + 1);
  }
}

// Browsers compare the prefixes without case (RFC 6265bis section 5.7), lest one be forged by it.
inline bool has_prefix(const Cookie& c, std::string_view prefix) noexcept {
  return iequals(std::string_view(c.name).substr(0, prefix.size()), prefix);
}

inline void check_path_and_domain(const Cookie& c) {
  constexpr std::size_t longest = 1024;  // of an attribute that browsers look at
  if (!c.path.empty() && c.path.front() != '/') refuse_cookie(c, "a path begins with a slash");
  if (c.path.size() > longest) refuse_cookie(c, "the path is longer than 1024 bytes");
  for (const char b : c.path) {
    if (b < 0x20 || b >= 0x7f || b == ';') refuse_cookie(c, "the path has a byte it must not have");
  }
  const std::string_view domain = c.domain;
  if (!domain.empty() && !is_cookie_domain(domain.substr(domain.front() == '.' ? 1 : 0)))
    refuse_cookie(c, "the domain is none");
}

// Throws: std::invalid_argument, see set_cookie().
inline void check_cookie(const Cookie& c) {
  if (!is_token(c.name)) refuse_cookie(c, "the name is not a token");
  if (!is_cookie_value(c.value))
    refuse_cookie(c, "the value has a byte it must not have: percent_encode() it");
  if (c.name.size() + c.value.size() > 4096)
    refuse_cookie(c, "name and value are longer than 4096 bytes");
  check_path_and_domain(c);
  if (!c.secure) {
    if (c.same_site == SameSite::none) refuse_cookie(c, "SameSite::none needs secure");
    if (c.partitioned) refuse_cookie(c, "partitioned needs secure");
    if (has_prefix(c, "__Secure-")) refuse_cookie(c, "__Secure- needs secure");
  }
  if (has_prefix(c, "__Host-") && (!c.secure || c.path != "/" || !c.domain.empty()))
    refuse_cookie(c, "__Host- needs secure, the path \"/\" and no domain");
}

inline std::string print_expires(const Cookie& c) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(*c.expires);
  constexpr std::time_t year_1601 = -11'644'473'600, year_10000 = 253'402'300'800;
  if (seconds < year_1601 || seconds >= year_10000)
    refuse_cookie(c, "it expires outside of the years 1601 to 9999");
  HttpDate date;
  return text("; Expires=", date.at(seconds));
}

inline std::string print_cookie(const Cookie& c) {
  check_cookie(c);
  std::string to = c.name + '=';
  const bool quote = c.value.find_first_of(" ,") != c.value.npos;  // else they end it, or are lost
  to += quote ? text('"', c.value, '"') : c.value;
  if (!c.path.empty()) to += "; Path=" + c.path;
  // A leading dot meant "and all below" once; it means nothing today.
  if (!c.domain.empty()) to += "; Domain=" + c.domain.substr(c.domain.front() == '.' ? 1 : 0);
  if (c.expires) to += print_expires(c);
  if (c.max_age) to += text("; Max-Age=", c.max_age->count() > 0 ? c.max_age->count() : 0);
  if (c.http_only) to += "; HttpOnly";
  if (c.secure) to += "; Secure";
  constexpr std::string_view same_site[] = {"Lax", "Strict", "None"};
  to += text("; SameSite=", same_site[static_cast<std::size_t>(c.same_site)]);
  if (c.partitioned) to += "; Partitioned";
  return to;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/random_bytes.hpp

// random_bytes.hpp -- what can nobody guess?
//
// Out: bytes of the kernel's generator, as good as keys. It waits only early in a machine's life.

#include <sys/random.h>  // getrandom

#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <string>        // std::string
#include <system_error>  // std::system_error

namespace jot::inline v1::detail {

// A signal may cut a request for more than 256 bytes short, or end one that waits: both go on.
inline std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t have = 0; have < count;) {
    const ssize_t n = getrandom(bytes.data() + have, count - have, 0);
    if (n < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "jot: getrandom");
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/sha256.hpp

// sha256.hpp -- which 32 bytes stand for all of these?
//
// SHA-256 as FIPS 180-4 has it, in the names of that paper: a message is cut into blocks of 64
// bytes, each is stirred into a state of eight words. Out: the state, once the length is in, too.

#include <array>        // std::array
#include <bit>          // std::rotr
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t, std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

using Sha256Digest = std::array<unsigned char, 32>;

// The first 32 bits of the fractions of the cube roots of the first 64 primes (section 4.2.2).
inline constexpr std::uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

class Sha256 {
 public:
  static constexpr std::size_t block_size = 64;

  void add(std::string_view bytes) noexcept {
    length_ += bytes.size();
    for (const char c : bytes) {
      block_[filled_++] = static_cast<unsigned char>(c);
      if (filled_ == block_size) stir();
    }
  }

  // What was added, as 32 bytes. Call it once, and nothing after it.
  // Padding (section 5.1.1): a one bit, zeros, and the length in bits in the last 8 bytes.
  Sha256Digest finish() noexcept {
    const std::uint64_t bits = length_ * 8;
    block_[filled_++] = 0x80;
    if (filled_ > block_size - 8) fill_with_zeros(block_size);
    fill_with_zeros(block_size - 8);
    for (int shift = 56; shift >= 0; shift -= 8)
      block_[filled_++] = static_cast<unsigned char>(bits >> shift);
    stir();
    Sha256Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i)
      digest[i] = static_cast<unsigned char>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
  }

 private:
  void fill_with_zeros(std::size_t end) noexcept {
    while (filled_ < end) block_[filled_++] = 0;
    if (filled_ == block_size) stir();
  }

  // One block (section 6.2.2), which is empty afterwards.
  void stir() noexcept {
    std::uint32_t w[64];
    expand(w);
    auto [a, b, c, d, e, f, g, h] = state_;
    for (int t = 0; t < 64; ++t) {
      const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t choice = (e & f) ^ (~e & g);
      const std::uint32_t t1 = h + sum1 + choice + sha256_constants[t] + w[t];
      const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
      h = g, g = f, f = e, e = d + t1;
      d = c, c = b, b = a, a = t1 + sum0 + majority;
    }
    const std::uint32_t stirred[8] = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += stirred[i];
    filled_ = 0;
  }

  // The message schedule: the block as 16 words, and 48 more made of them.
  void expand(std::uint32_t (&w)[64]) const noexcept {
    for (std::size_t t = 0; t < 16; ++t) {
      w[t] = 0;
      for (std::size_t i = 0; i < 4; ++i) w[t] = w[t] << 8 | block_[4 * t + i];
    }
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t x = w[t - 15], y = w[t - 2];
      const std::uint32_t s0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3;
      const std::uint32_t s1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10;
      w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
  }

  // The same of the square roots of the first eight primes (section 5.3.3).
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  unsigned char block_[block_size] = {};
  std::size_t filled_ = 0;    // of block_
  std::uint64_t length_ = 0;  // of the message, in bytes
};

inline Sha256Digest sha256(std::string_view bytes) noexcept {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/hmac.hpp

// hmac.hpp -- who can have written this? Only somebody who knows the key.
//
// HMAC (RFC 2104) with SHA-256. Two hashes, one in the other: with one alone, whoever sees the hash
// of a message could go on hashing where it ended, and sign a longer one.

#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline std::string_view as_bytes(const Sha256Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

inline Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
  Sha256Digest short_key;
  if (key.size() > Sha256::block_size) {
    short_key = sha256(key);
    key = as_bytes(short_key);
  }
  char inner_pad[Sha256::block_size], outer_pad[Sha256::block_size];
  for (std::size_t i = 0; i < Sha256::block_size; ++i) {
    const char k = i < key.size() ? key[i] : '\0';
    inner_pad[i] = static_cast<char>(k ^ 0x36);
    outer_pad[i] = static_cast<char>(k ^ 0x5c);
  }
  Sha256 inner, outer;
  inner.add({inner_pad, sizeof inner_pad});
  inner.add(message);
  outer.add({outer_pad, sizeof outer_pad});
  outer.add(as_bytes(inner.finish()));
  return outer.finish();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/sign_cookie.hpp

// sign_cookie.hpp -- is this the value that we set?
//
// In: keys, the cookie's name and value, the second at which it ends. Out: text that is safe in a
// cookie, and the way back:
//
//     base64url(value) . expiry . base64url(HMAC-SHA-256(key, "name=base64url(value).expiry"))
//
// What is signed is the text as it travels, and a name has no "=": no two cookies are one text.

#include <charconv>     // std::from_chars
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

inline constexpr std::size_t shortest_key = 32;  // bytes: as many as the hash has

inline std::string cookie_signature(std::string_view key, std::string_view name,
                                    std::string_view signed_part) {
  return base64url_encode(
      as_bytes(hmac_sha256(key, std::string(name).append("=").append(signed_part))));
}

// expires: in seconds since the epoch.
inline std::string sign_cookie(std::string_view key, std::string_view name, std::string_view value,
                               std::int64_t expires) {
  std::string text = base64url_encode(value);
  text.append(".").append(std::to_string(expires));
  const std::string signature = cookie_signature(key, name, text);
  return text.append(".").append(signature);
}

// Equal? In a time that does not tell where they differ, so that a signature cannot be found letter
// by letter.
inline bool same_signature(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differs |= static_cast<unsigned>(a[i] ^ b[i]);
  return differs == 0;
}

// Returns: the value; nullopt when none of the keys has signed this for that name, or its time is
// over. Nothing is looked into before its signature is known to be ours.
inline std::optional<std::string> verify_cookie(const std::vector<std::string>& keys,
                                                std::string_view name, std::string_view text,
                                                std::int64_t now) {
  const std::size_t end = text.rfind('.');
  if (end == text.npos) return std::nullopt;
  const std::string_view signed_part = text.substr(0, end), signature = text.substr(end + 1);
  bool genuine = false;
  for (const std::string& key : keys)
    genuine = same_signature(cookie_signature(key, name, signed_part), signature) || genuine;
  const std::size_t dot = signed_part.find('.');
  if (!genuine || dot == signed_part.npos) return std::nullopt;
  const std::string_view digits = signed_part.substr(dot + 1);
  std::int64_t expires = 0;
  const auto [stop, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), expires);
  if (failed != std::errc{} || stop != digits.data() + digits.size() || now >= expires)
    return std::nullopt;
  return base64url_decode(signed_part.substr(0, dot));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/cookie.ipp

// cookie.ipp -- the bodies of cookie.hpp.

#include <algorithm>  // std::clamp
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::int64_t seconds_now() noexcept {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

// When the signature of a cookie ends, which is set now.
JOT_INLINE std::int64_t end_of(const Cookie& cookie, std::int64_t now) noexcept {
  constexpr std::int64_t longest = std::int64_t{400} * 86'400;  // RFC 6265bis section 5.5
  std::int64_t age = longest;
  if (cookie.expires) age = std::chrono::system_clock::to_time_t(*cookie.expires) - now;
  if (cookie.max_age) age = cookie.max_age->count();
  return now + std::clamp<std::int64_t>(age, 0, longest);
}

}  // namespace detail

JOT_INLINE void set_cookie(ResponseWriter& w, const Cookie& cookie) {
  w.header().add("Set-Cookie", detail::print_cookie(cookie));
}

JOT_INLINE void delete_cookie(ResponseWriter& w, std::string_view name) {
  delete_cookie(w, Cookie{.name = std::string(name)});
}

JOT_INLINE void delete_cookie(ResponseWriter& w, Cookie cookie) {
  cookie.value.clear();
  cookie.expires.reset();
  cookie.max_age = std::chrono::seconds(0);
  set_cookie(w, cookie);
}

JOT_INLINE SignedCookies::SignedCookies(const std::string& key)
    : SignedCookies(std::vector<std::string>(1, key)) {}

JOT_INLINE SignedCookies::SignedCookies(std::vector<std::string> keys) : keys_(std::move(keys)) {
  if (keys_.empty()) throw std::invalid_argument("jot: SignedCookies: no key");
  for (const std::string& key : keys_) {
    if (key.size() < detail::shortest_key)
      throw std::invalid_argument("jot: SignedCookies: a key is shorter than 32 bytes");
  }
}

JOT_INLINE void SignedCookies::set(ResponseWriter& w, Cookie cookie) const {
  const std::int64_t end = detail::end_of(cookie, detail::seconds_now());
  cookie.value = detail::sign_cookie(keys_.front(), cookie.name, cookie.value, end);
  set_cookie(w, cookie);
}

JOT_INLINE std::optional<std::string> SignedCookies::get(const Request& r,
                                                         std::string_view name) const {
  const std::int64_t now = detail::seconds_now();
  for (const std::string_view text : r.cookies().all(name)) {
    if (auto value = detail::verify_cookie(keys_, name, text, now)) return value;
  }
  return std::nullopt;
}

JOT_INLINE std::string random_token(std::size_t bytes) {
  if (bytes == 0) throw std::invalid_argument("jot: random_token: 0 bytes are no secret");
  return detail::base64url_encode(detail::random_bytes(bytes));
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/heartbeat.hpp

// heartbeat.hpp -- who says something when there is nothing to say?
//
// In: how long silence may last, and what to do then. Out: a call of beat() on the timer's thread
// each time that so long has passed, until stop().
//
//   1. The Alarm is set. Events that are sent meanwhile do not move it: they only note the time.
//   2. It fires: beat() says when it shall fire next, by when something was last sent.
//   3. stop() waits for a beat() that is running, and none comes after it. The Alarm itself lives
//   as
//      long as the timer holds it.

#include <memory>  // std::shared_ptr
#include <mutex>   // std::mutex

namespace jot::inline v1::detail {

// What is to be done. Lifetime: until Heartbeat::stop() has returned.
struct Beating {
  // On the timer's thread, on which all deadlines wait: it must not block.
  // Returns: when to come again; max() for never.
  virtual Clock::time_point beat() noexcept = 0;

 protected:
  ~Beating() = default;
};

class Heartbeat final : public Alarm, public std::enable_shared_from_this<Heartbeat> {
 public:
  // Throws as Timer::add().
  static std::shared_ptr<Heartbeat> start(Beating& what, Clock::time_point first) {
    auto heartbeat = std::make_shared<Heartbeat>(what, first);
    Timer::instance().add(*heartbeat);
    return heartbeat;
  }

  Heartbeat(Beating& what, Clock::time_point first) noexcept : Alarm(first), what_(&what) {}

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      what_ = nullptr;
    }
    Timer::instance().remove(*this);
  }

 private:
  bool hold() noexcept override { return (held_ = weak_from_this().lock()) != nullptr; }

  void fire() noexcept override {
    const std::shared_ptr<Heartbeat> self = std::move(held_);
    const std::lock_guard lock(mutex_);
    if (!what_) return;
    const Clock::time_point next = what_->beat();
    if (next == Clock::time_point::max()) return;
    set(next);
    try {
      Timer::instance().add(*this);
    } catch (const std::exception&) {
      // No memory: no more heartbeats. The stream itself goes on.
    }
  }

  std::mutex mutex_;  // guards what_, and a beat() that is running
  Beating* what_;
  std::shared_ptr<Heartbeat> held_;  // from hold() to fire(): the timer thread's
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/event_channel.hpp

// event_channel.hpp -- what stands behind an EventStream?
//
// In: events from the handler's thread, and the timer's heartbeats. Out: one after the other,
// whole, on one ResponseWriter.
//
// Both hold the response's lock while they write; so does the engine, which may touch the response
// meanwhile (see Origin::share_response), and timeout(), whose lock this is where there is one.
// A heartbeat never waits: when the lock is taken an event is just being sent, and when the socket
// is full the client has enough to read.

#include <memory>       // std::shared_ptr
#include <mutex>        // std::lock_guard, std::unique_lock
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class EventChannel final : private Beating {
 public:
  EventChannel(ResponseWriter& w, Request& r, nanoseconds silence)
      : w_(w),
        flusher_(w.flusher()),
        state_(RequestAccess::state(r)),
        context_(r.context()),
        last_id_(r.header().get("Last-Event-ID")),
        head_only_(r.method() == "HEAD"),
        silence_(silence),
        lock_(state_.response_lock ? *state_.response_lock : own_lock_) {
    if (!flusher_ || w.committed()) throw HttpError(500, "streaming not supported");
    w.header().set("Content-Type", "text/event-stream").set("Cache-Control", "no-cache");
    w.header().set("X-Accel-Buffering", "no");  // nginx
    if (&lock_ == &own_lock_) share(&own_lock_);
    try {
      begin();
    } catch (...) {
      end();
      throw;
    }
  }
  EventChannel(const EventChannel&) = delete;
  EventChannel& operator=(const EventChannel&) = delete;
  ~EventChannel() { end(); }

  bool send(std::string_view text) {
    if (head_only_ || context_.done() || (state_.origin && state_.origin->stopping())) return false;
    const std::lock_guard hold(lock_);
    return put(text);
  }

  std::string_view last_id() const noexcept { return last_id_; }

 private:
  void begin() {
    {
      const std::lock_guard hold(lock_);
      gone_ = !flusher_->flush();
      sent_ = Clock::now();
    }
    if (!head_only_) heartbeat_ = Heartbeat::start(*this, time_after(sent_, silence_));
  }

  void end() noexcept {
    if (heartbeat_) heartbeat_->stop();
    if (&lock_ == &own_lock_) share(nullptr);
  }

  // With the lock held.
  bool put(std::string_view text) {
    if (gone_) return false;
    sent_ = Clock::now();
    gone_ = !w_.write_bytes(text) || !flusher_->flush();
    return !gone_;
  }

  Clock::time_point beat() noexcept override try {
    const NoWaiting no_waiting;
    const std::unique_lock hold(lock_, std::try_to_lock);
    if (!hold) return time_after(Clock::now(), silence_);
    const Clock::time_point due = time_after(sent_, silence_);
    if (due > Clock::now()) return due;
    if (state_.origin && !state_.origin->has_room()) return time_after(Clock::now(), silence_);
    return put(":\n\n") ? time_after(sent_, silence_) : Clock::time_point::max();
  } catch (...) {
    return Clock::time_point::max();  // a wrapper threw: the next send() will tell
  }

  void share(ResponseLock* lock) noexcept {
    state_.response_lock = lock;
    if (state_.origin) state_.origin->share_response(lock);
  }

  ResponseWriter& w_;
  Flusher* const flusher_;
  RequestState& state_;
  const Context context_;
  const std::string last_id_;
  const bool head_only_;
  const nanoseconds silence_;
  ResponseLock own_lock_;
  ResponseLock& lock_;      // guards the writer, and what is below
  Clock::time_point sent_;  // the last event or heartbeat
  bool gone_ = false;       // the client
  std::shared_ptr<Heartbeat> heartbeat_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/print_event.hpp

// print_event.hpp -- how does an event read on the wire?
//
//     id: 7
//     event: progress
//     data: 20000 rows
//     (an empty line)
//
// A line of data for each line of the text, whichever way it ends. See WHATWG HTML section 9.2.5.

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// A line that breaks would be a field of its own; an id with a NUL is ignored by browsers.
inline void append_event_line(std::string& to, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
    throw std::invalid_argument("jot: an event with CR, LF or NUL in its name or id");
  ((to.append(name) += ": ") += value) += '\n';
}

inline void append_event_data(std::string& to, std::string_view data) {
  for (;;) {
    const std::size_t end = data.find_first_of("\r\n");
    (to.append("data: ") += data.substr(0, end)) += '\n';
    if (end == data.npos) return;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

// Throws: std::invalid_argument, see EventStream::send().
inline std::string print_event(const Event& e) {
  std::string text;
  append_event_line(text, "id", e.id);
  append_event_line(text, "event", e.event);
  if (e.retry && e.retry->count() < 0) throw std::invalid_argument("jot: a negative retry");
  if (e.retry) append_event_line(text, "retry", std::to_string(e.retry->count()));
  const bool only_settings = e.data.empty() && e.event.empty() && !text.empty();
  if (!only_settings) append_event_data(text, e.data);
  return text += '\n';
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/events.ipp

// events.ipp -- the bodies of events.hpp.

#include <memory>     // std::make_unique
#include <stdexcept>  // std::invalid_argument

namespace jot::inline v1 {

JOT_INLINE EventStream::EventStream(ResponseWriter& w, Request& r, nanoseconds heartbeat) {
  if (heartbeat <= nanoseconds::zero())
    throw std::invalid_argument("jot: EventStream: a heartbeat is above 0");
  channel_ = std::make_unique<detail::EventChannel>(w, r, heartbeat);
}
JOT_INLINE EventStream::~EventStream() = default;

JOT_INLINE bool EventStream::send(const Event& e) { return channel_->send(detail::print_event(e)); }

JOT_INLINE std::string_view EventStream::last_id() const noexcept { return channel_->last_id(); }

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/accept_encoding.hpp

// accept_encoding.hpp -- in which codings may this answer be sent?
//
// In: the Accept-Encoding fields of a request. Out: how much each coding is wanted. See RFC 9110
// §12.5.3.

#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How much a client wants each coding that we may have; 0: not at all.
struct CodingWeights {
  int br = 0, gzip = 0, identity = 1;
};

// Nothing said: identity, and it alone. It is always wanted a little unless it is excluded. An
// element that is malformed is as if it were absent.
inline CodingWeights accepted_codings(const Header& header) noexcept {
  constexpr int not_said = -1;
  int br = not_said, gzip = not_said, identity = not_said, others = not_said;
  for (const Field& field : header) {
    if (!iequals(field.name, "Accept-Encoding")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      const Weighted coding = parse_weighted(next_in_list(list));
      if (coding.weight < 0) continue;
      if (iequals(coding.name, "br")) br = coding.weight;
      if (iequals(coding.name, "gzip") || iequals(coding.name, "x-gzip")) gzip = coding.weight;
      if (iequals(coding.name, "identity")) identity = coding.weight;
      if (coding.name == "*") others = coding.weight;
    }
  }
  const auto of = [others](int said, int otherwise) {
    return said != not_said ? said : others != not_said ? others : otherwise;
  };
  return {of(br, 0), of(gzip, 0), of(identity, 1)};
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/file_listing.hpp

// file_listing.hpp -- how does a folder look to those who may see what is in it?
//
// In: what is in it, sorted. Out: jot's own page, plain HTML. Names are escaped as text and encoded
// as links, so that a file called "<script>" is a name and nothing more.

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

// -------------------------------------------------------------- jot/detail/file_name.hpp

// file_name.hpp -- which file does a path ask for?
//
// In: the path of a request, as it came, and what a pattern left over of it. Out: a name relative
// to a root, decoded segment by segment; nothing where no file can be meant: a slash, a NUL or ".."
// inside of a segment (%2f, %00, %2e%2e), or a name that begins with a dot.
// A backslash is a letter like others here, and bytes that are no UTF-8 are bytes.

#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct AskedFile {
  std::string name = {};   // "css/site.css"; "" for the root
  bool directory = false;  // the path ends in a slash
};

// What the pattern left over; outside a Router, and behind a pattern that leaves nothing over, the
// whole path.
inline std::string_view asked_path(const RequestState& s) noexcept {
  std::string_view path = s.head.path;
  if (!s.pattern.empty() && (!s.rest.empty() || path.ends_with('/'))) return s.rest;
  path.remove_prefix(s.mount_size);
  if (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

// "" stands for what no file may be called.
inline std::string decode_segment(std::string_view segment, bool dotfiles) {
  std::string name = percent_decode(segment);
  const bool odd = name == "." || name == ".." || name.find('/') != name.npos ||
                   name.find('\0') != name.npos || (!dotfiles && name.starts_with('.'));
  return odd ? std::string() : name;
}

// path: relative, as it came: "css/site%20map.css", or with a slash at its end.
inline std::optional<AskedFile> asked_file(std::string_view path, bool dotfiles) {
  AskedFile asked{.directory = path.empty() || path.ends_with('/')};
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string part = decode_segment(path.substr(0, slash), dotfiles);
    if (part.empty()) return {};
    if (!asked.name.empty()) asked.name += '/';
    asked.name += part;
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return asked;
}

// Does a path climb, however it is encoded?
inline bool has_dot_dot(std::string_view path) {
  const std::string decoded = percent_decode(path);
  for (std::string_view rest = decoded; !rest.empty();) {
    const std::size_t end = rest.find_first_of("/\\");
    if (rest.substr(0, end) == "..") return true;
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return false;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/parse_http_date.hpp

// parse_http_date.hpp -- which second does this date mean?
//
// In: a date in one of the three forms of RFC 9110 §5.6.7. Out: seconds since 1970, or nothing
// where it is none of them: then the field that held it is ignored.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Days from 1970-01-01 to this day of the Gregorian calendar. Years are counted from March, so that
// the leap day is the last of its year.
constexpr std::int64_t days_since_1970(std::int64_t year, int month, int day) noexcept {
  year -= month <= 2;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const int from_march = month > 2 ? month - 3 : month + 9;
  const std::int64_t of_year = (153 * from_march + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

class HttpDateParser {
 public:
  explicit constexpr HttpDateParser(std::string_view text) noexcept : rest_(text) {}

  constexpr std::optional<std::int64_t> parse() noexcept {
    skip_letters();
    const bool asctime = !take(",");
    if (!take(" ")) return {};
    if (asctime)
      month(), text(" "), day_with_space(), text(" "), time(), text(" "), year_ = digits(4);
    else
      rest_.size() > 2 && rest_[2] == '-' ? rfc_850() : imf_fixdate();
    if (failed_ || !rest_.empty() || !valid()) return {};
    return ((days_since_1970(year_, month_, day_) * 24 + hour_) * 60 + minute_) * 60 + second_;
  }

 private:
  constexpr void imf_fixdate() noexcept {  // Sun, 06 Nov 1994 08:49:37 GMT
    day_ = digits(2), text(" "), month(), text(" "), year_ = digits(4);
    text(" "), time(), text(" GMT");
  }

  constexpr void rfc_850() noexcept {  // Sunday, 06-Nov-94 08:49:37 GMT
    day_ = digits(2), text("-"), month(), text("-"), year_ = digits(2);
    year_ += year_ >= 69 ? 1900 : 2000;
    text(" "), time(), text(" GMT");
  }

  constexpr void day_with_space() noexcept {  // asctime: Sun Nov  6 08:49:37 1994
    day_ = take(" ") ? digits(1) : digits(2);
  }

  constexpr void time() noexcept {
    hour_ = digits(2), text(":"), minute_ = digits(2), text(":"), second_ = digits(2);
  }

  constexpr void month() noexcept {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (std::size_t m = 0; m < 12; ++m) {
      if (!iequals(rest_.substr(0, 3), months.substr(3 * m, 3))) continue;
      month_ = static_cast<int>(m) + 1;
      rest_.remove_prefix(3);
      return;
    }
    failed_ = true;
  }

  constexpr int digits(std::size_t count) noexcept {
    if (rest_.size() < count) return failed_ = true, 0;
    int n = 0;
    for (; count > 0; --count, rest_.remove_prefix(1)) {
      if (!is_digit(rest_.front())) return failed_ = true, 0;
      n = n * 10 + (rest_.front() - '0');
    }
    return n;
  }

  constexpr void skip_letters() noexcept {
    while (!rest_.empty() && is_a(rest_.front(), byte_alpha)) rest_.remove_prefix(1);
  }

  constexpr bool take(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  constexpr void text(std::string_view expected) noexcept { failed_ |= !take(expected); }

  constexpr bool valid() const noexcept {
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year_ % 4 == 0 && (year_ % 100 != 0 || year_ % 400 == 0);
    const int days = lengths[month_ - 1] + (leap && month_ == 2);
    return day_ >= 1 && day_ <= days && hour_ < 24 && minute_ < 60 && second_ < 60;
  }

  std::string_view rest_;
  bool failed_ = false;
  int year_ = 0, month_ = 1, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
};

constexpr std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept {
  return HttpDateParser(text).parse();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/conditional.hpp

// conditional.hpp -- does the client have this already, or mean another version of it?
//
// In: the request's If-... fields, and the validators of what would be sent. Out: whether to send
// it, in the order of RFC 9110 §13.2.2. A date that is none is as if it were absent.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What tells one version of a resource from another.
struct Validators {
  std::string etag = {};      // with its quotes; never empty
  std::int64_t modified = 0;  // in seconds since 1970; 0: not known
};

enum class Precondition {
  holds,         // go on
  not_modified,  // 304: the client has it
  failed,        // 412: the client means another version
};

// RFC 9110 §8.8.3.2: weak comparison disregards the W/, strong comparison wants none.
enum class Comparison { strong, weak };

// Takes an entity tag off the front. Returns "" when there is none.
constexpr std::string_view take_entity_tag(std::string_view& list) noexcept {
  std::size_t at = list.starts_with("W/") ? 2 : 0;
  if (at >= list.size() || list[at] != '"') return {};
  for (++at; at < list.size(); ++at) {
    const auto byte = static_cast<unsigned char>(list[at]);
    if (byte == '"') {
      const std::string_view tag = list.substr(0, at + 1);
      list.remove_prefix(at + 1);
      return tag;
    }
    if (byte < 0x21 || byte == 0x7f) return {};
  }
  return {};
}

constexpr bool same_entity_tag(std::string_view a, std::string_view b,
                               Comparison comparison) noexcept {
  if (comparison == Comparison::strong) return a == b && !a.starts_with("W/");
  if (a.starts_with("W/")) a.remove_prefix(2);
  if (b.starts_with("W/")) b.remove_prefix(2);
  return a == b;
}

// Is it in the list of tags, or is the list "*" alone? What follows a malformed tag is not read:
// commas may stand inside of quotes.
constexpr bool list_has_entity_tag(std::string_view list, std::string_view tag,
                                   Comparison comparison) noexcept {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    if (is_space(list.front()) || list.front() == ',') {
      list.remove_prefix(1);
      continue;
    }
    const std::string_view listed = take_entity_tag(list);
    if (listed.empty()) return false;
    if (same_entity_tag(listed, tag, comparison)) return true;
  }
  return false;
}

// A list may come in several fields.
inline bool field_has_entity_tag(const Header& header, std::string_view name, std::string_view tag,
                                 Comparison comparison) noexcept {
  for (const Field& field : header)
    if (iequals(field.name, name) && list_has_entity_tag(field.value, tag, comparison)) return true;
  return false;
}

// Has it changed since the date of that field? False where one of the two is not known.
inline bool modified_since(const Header& header, std::string_view name,
                           const Validators& now) noexcept {
  const auto date = parse_http_date(header.get(name));
  return date && now.modified != 0 && now.modified > *date;
}
inline bool unmodified_since(const Header& header, std::string_view name,
                             const Validators& now) noexcept {
  const auto date = parse_http_date(header.get(name));
  return date && now.modified != 0 && now.modified <= *date;
}

// For GET and HEAD. The steps are those of RFC 9110 §13.2.2; the fifth, If-Range, is asked by
// range_still_meant().
inline Precondition check_preconditions(const Header& header, const Validators& now) noexcept {
  using enum Precondition;
  if (header.has("If-Match")) {
    if (!field_has_entity_tag(header, "If-Match", now.etag, Comparison::strong)) return failed;
  } else if (modified_since(header, "If-Unmodified-Since", now)) {
    return failed;
  }
  if (header.has("If-None-Match"))
    return field_has_entity_tag(header, "If-None-Match", now.etag, Comparison::weak) ? not_modified
                                                                                     : holds;
  return unmodified_since(header, "If-Modified-Since", now) ? not_modified : holds;
}

// Does the client want parts of this very version? If-Range holds one tag or one date: any other
// version is sent whole.
inline bool range_still_meant(const Header& header, const Validators& now) noexcept {
  if (!header.has("If-Range")) return true;
  std::string_view value = header.get("If-Range");
  const std::string_view tag = take_entity_tag(value);
  if (!tag.empty()) return value.empty() && same_entity_tag(tag, now.etag, Comparison::strong);
  const auto date = parse_http_date(value);
  return date && now.modified != 0 && *date == now.modified;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/file_content.hpp

// file_content.hpp -- what is in a file, wherever it lies?
//
// In: an open descriptor, or bytes of the program. Out: size and validators, and any part of it
// written to a client.

#include <sys/stat.h>  // fstat
#include <unistd.h>    // pread

#include <charconv>     // std::to_chars
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct FileContent {
  Fd fd = {};                   // either this ...
  std::string_view bytes = {};  // ... or these
  std::uint64_t size = 0;
  Validators validators = {};

  // False: the client is gone. Throws as ResponseWriter::write_file().
  bool write(ResponseWriter& w, std::uint64_t offset, std::uint64_t length) const {
    return fd ? w.write_file(fd.get(), offset, length)
              : w.write_bytes(bytes.substr(offset, length));
  }

  // The type that its first bytes tell.
  std::string_view sniff() const noexcept {
    if (!fd) return sniff_content_type(bytes);
    char first[512];
    const ssize_t n = pread(fd.get(), first, sizeof first, 0);
    return sniff_content_type({first, n > 0 ? static_cast<std::size_t>(n) : 0});
  }
};

inline void append_hex(std::string& out, std::uint64_t n) {
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n, 16).ptr);
}

// A strong tag: content does not change without one of the three.
inline std::string entity_tag(std::uint64_t version, std::uint64_t size, std::uint64_t inode) {
  std::string tag = "\"";
  append_hex(tag, version), tag += '-', append_hex(tag, size);
  if (inode != 0) tag += '-', append_hex(tag, inode);
  return tag += '"';
}

// What is open there, by what fstat() says of it.
inline FileContent file_content(Fd fd, const struct stat& s) {
  const auto ns = static_cast<std::uint64_t>(s.st_mtim.tv_sec) * 1'000'000'000 +
                  static_cast<std::uint64_t>(s.st_mtim.tv_nsec);
  const auto size = static_cast<std::uint64_t>(s.st_size);
  return {.fd = std::move(fd),
          .size = size,
          .validators = {entity_tag(ns, size, static_cast<std::uint64_t>(s.st_ino)),
                         s.st_mtim.tv_sec > 0 ? s.st_mtim.tv_sec : 0}};
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/open_beneath.hpp

// open_beneath.hpp -- how is a file opened that must not lie outside of a folder?
//
// In: a folder and a relative name, which a stranger may have made up. Out: a descriptor of what
// lies there; never of anything outside, whatever links lead where, and whatever is renamed
// meanwhile.
//
// openat2(2) (Linux 5.6) leaves the search to the kernel. Where it is missing, or forbidden by a
// sandbox that does not know it, the name is walked one folder at a time, and no symbolic link is
// followed at all.

#include <fcntl.h>        // openat, O_NOFOLLOW, O_PATH
#include <sys/syscall.h>  // SYS_openat2
#include <unistd.h>       // syscall

#include <cerrno>       // errno
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class Search {
  by_kernel,  // openat2: links are followed while they stay in the folder
  by_walk,    // openat for each part of the name: links are not followed
};

// struct open_how of <linux/openat2.h>, which older systems do not have.
struct OpenHow {
  static constexpr std::uint64_t no_magic_links = 0x02;  // RESOLVE_NO_MAGICLINKS
  static constexpr std::uint64_t beneath = 0x08;         // RESOLVE_BENEATH
  std::uint64_t flags, mode, resolve;
};

inline int open_by_kernel(int folder, const std::string& name, int flags) noexcept {
#ifdef SYS_openat2
  const OpenHow how{static_cast<std::uint64_t>(flags), 0,
                    OpenHow::beneath | OpenHow::no_magic_links};
  long fd = -1;
  // EAGAIN: something was renamed while a ".." of a link was followed; the kernel cannot tell where
  // it is. Somebody may rename for ever.
  for (int tries = 0; tries < 8; ++tries) {
    fd = syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return static_cast<int>(fd);
#else
  return errno = ENOSYS, static_cast<void>(folder), static_cast<void>(name), flags, -1;
#endif
}

inline int open_by_walk(int folder, std::string_view name, int flags) noexcept {
  Fd here;
  int from = folder;
  for (;;) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "..") return errno = EXDEV, -1;
    char terminated[256];  // NAME_MAX and its end
    if (part.size() >= sizeof terminated) return errno = ENAMETOOLONG, -1;
    terminated[part.copy(terminated, part.size())] = '\0';
    if (slash == name.npos) return openat(from, terminated, flags | O_NOFOLLOW);
    name.remove_prefix(slash + 1);
    here.reset(openat(from, terminated, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!here) return -1;
    from = here.get();
  }
}

// name: relative, "." for the folder itself. flags: as for open(2), without O_CREAT.
// Returns an empty Fd, with errno set, where there is nothing to be opened: EXDEV for what lies
// outside.
inline Fd open_beneath(int folder, const std::string& name, int flags, Search search) noexcept {
  if (name.empty() || name.find('\0') != name.npos) return errno = ENOENT, Fd();
  flags |= O_CLOEXEC;
  return Fd(search == Search::by_kernel ? open_by_kernel(folder, name, flags)
                                        : open_by_walk(folder, name, flags));
}

// What this system can do. Sandboxes answer EPERM to system calls that they do not know.
inline Search best_search(int folder) noexcept {
  const bool works = open_beneath(folder, ".", O_PATH | O_DIRECTORY, Search::by_kernel).get() >= 0;
  return works || (errno != ENOSYS && errno != EPERM) ? Search::by_kernel : Search::by_walk;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/file_tree.hpp

// file_tree.hpp -- what lies under this name: in a folder, or among the files of the program?
//
// In: a name relative to the root, already decoded and checked: "css/site.css", or "" for the root.
// Out: a file's content, or why there is none.
// Threads: all are const, and ask the system anew each time.

#include <dirent.h>  // fdopendir, readdir

#include <algorithm>     // std::sort, std::lower_bound
#include <cerrno>        // errno
#include <optional>      // std::optional
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move
#include <vector>        // std::vector

namespace jot::inline v1::detail {

struct FoundFile {
  enum Kind {
    missing,
    file,
    directory,
    forbidden,  // it is there, but not for us
    busy,       // no descriptor or memory is left: later, perhaps
  } kind = missing;
  FileContent content = {};  // of a file
};

class FileTree {
 public:
  virtual ~FileTree() = default;
  virtual FoundFile find(const std::string& name) const = 0;

  // What is in a directory, unsorted; nullopt: it is none, or may not be read.
  virtual std::optional<std::vector<FileEntry>> list(const std::string& name) const = 0;
};

// Throws: std::system_error for what has to do neither with the name nor with its rights: a broken
// disk.
inline FoundFile not_found_for(int error) {
  switch (error) {
    case EACCES:
    case EPERM: return {FoundFile::forbidden};
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return {FoundFile::busy};
    case EINVAL:  // a name that this file system cannot hold
    case EILSEQ:
    case ELOOP:
    case ENAMETOOLONG:
    case ENODEV:
    case ENOENT:
    case ENOTDIR:
    case ENXIO:  // a socket
    case EXDEV: return {};
    default: throw std::system_error(error, std::generic_category(), "jot: opening a file");
  }
}

// Without O_NONBLOCK a FIFO without a writer would never be opened; a terminal must not become
// ours.
inline constexpr int open_for_serving = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// fd: what was opened, or empty with errno set.
inline FoundFile found_file(Fd fd) {
  struct stat s;
  if (!fd || fstat(fd.get(), &s) != 0) return not_found_for(errno);
  if (S_ISDIR(s.st_mode)) return {FoundFile::directory};
  if (!S_ISREG(s.st_mode)) return {};
  return {FoundFile::file, file_content(std::move(fd), s)};
}

// A folder of the file system.
class FolderTree final : public FileTree {
 public:
  FolderTree(std::string root, Search search) : root_(std::move(root)), search_(search) {}

  FoundFile find(const std::string& name) const override {
    const Fd root = open_root();
    return found_file(open_in(root, name, open_for_serving));
  }

  std::optional<std::vector<FileEntry>> list(const std::string& name) const override {
    const Fd root = open_root();
    Fd folder = open_in(root, name, O_RDONLY | O_DIRECTORY);
    DIR* entries = folder ? fdopendir(folder.get()) : nullptr;
    if (!entries) return {};
    folder.release();  // closedir() closes it
    std::vector<FileEntry> list;
    const std::string prefix = name.empty() ? "" : name + '/';
    while (const dirent* entry = readdir(entries)) add_entry(list, root, prefix, entry->d_name);
    closedir(entries);
    return list;
  }

 private:
  Fd open_root() const { return Fd(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

  Fd open_in(const Fd& root, const std::string& name, int flags) const {
    if (!root) return Fd();
    return open_beneath(root.get(), name.empty() ? "." : name, flags, search_);
  }

  // What find() would serve, and nothing else.
  void add_entry(std::vector<FileEntry>& list, const Fd& root, const std::string& prefix,
                 const char* name) const {
    if (name == std::string_view(".") || name == std::string_view("..")) return;
    const Fd fd = open_in(root, prefix + name, O_PATH);
    struct stat s;
    if (!fd || fstat(fd.get(), &s) != 0) return;
    if (S_ISDIR(s.st_mode))
      list.push_back({name, true, 0, s.st_mtim.tv_sec});
    else if (S_ISREG(s.st_mode))
      list.push_back({name, false, static_cast<std::uint64_t>(s.st_size), s.st_mtim.tv_sec});
  }

  std::string root_;
  Search search_;
};

// A hash of the bytes (FNV-1a, 64 bits): not against attackers, for the bytes are the program's
// own.
constexpr std::uint64_t content_hash(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Files of the program, sorted by name; directories are what their names have in common.
class EmbeddedTree final : public FileTree {
 public:
  explicit EmbeddedTree(std::span<const EmbeddedFile> files) {
    for (const EmbeddedFile& file : files) {
      check_name(file.name);
      files_.push_back({file, entity_tag(content_hash(file.bytes), file.bytes.size(), 0)});
    }
    std::sort(files_.begin(), files_.end());
    for (std::size_t i = 1; i < files_.size(); ++i) check_pair(files_[i - 1], files_[i]);
  }

  FoundFile find(const std::string& name) const override {
    const std::size_t at = first_from(name);
    if (at < files_.size() && files_[at].file.name == name) {
      const Tagged& f = files_[at];
      return {FoundFile::file,
              {.bytes = f.file.bytes, .size = f.file.bytes.size(), .validators = {f.tag, 0}}};
    }
    return {is_directory(name) ? FoundFile::directory : FoundFile::missing};
  }

  std::optional<std::vector<FileEntry>> list(const std::string& name) const override {
    if (!is_directory(name)) return {};
    const std::string prefix = name.empty() ? "" : name + '/';
    std::vector<FileEntry> list;
    for (std::size_t i = first_from(prefix); i < files_.size(); ++i) {
      const auto [full, bytes] = files_[i].file;
      if (!full.starts_with(prefix)) break;
      const std::string_view rest = full.substr(prefix.size());
      const std::string_view first = rest.substr(0, rest.find('/'));
      const bool directory = first.size() != rest.size();
      if (!list.empty() && list.back().directory && list.back().name == first) continue;
      list.push_back({std::string(first), directory, directory ? 0 : bytes.size(), 0});
    }
    return list;
  }

 private:
  struct Tagged {
    EmbeddedFile file;
    std::string tag;
    bool operator<(const Tagged& other) const { return file.name < other.file.name; }
  };

  static void check_name(std::string_view name) {
    for (std::string_view rest = name;;) {
      const std::size_t slash = rest.find('/');
      const std::string_view part = rest.substr(0, slash);
      if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos)
        throw std::invalid_argument("jot: Embedded: no path means \"" + std::string(name) + '"');
      if (slash == rest.npos) return;
      rest.remove_prefix(slash + 1);
    }
  }

  static void check_pair(const Tagged& a, const Tagged& b) {
    if (a.file.name == b.file.name)
      throw std::invalid_argument("jot: Embedded: twice: " + std::string(a.file.name));
  }

  std::size_t first_from(std::string_view name) const {
    const auto at = std::lower_bound(
        files_.begin(), files_.end(), name,
        [](const Tagged& tagged, std::string_view n) { return tagged.file.name < n; });
    return static_cast<std::size_t>(at - files_.begin());
  }

  bool is_directory(const std::string& name) const {
    if (name.empty()) return true;
    const std::size_t at = first_from(name + '/');
    return at < files_.size() && files_[at].file.name.starts_with(name + '/');
  }

  std::vector<Tagged> files_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/clean_path.hpp

// clean_path.hpp -- by which one name is this page known?
//
// In: a path as it came. Out: the same without empty segments, "." and "..", which also hide behind
// %2e (RFC 3986 §6.2.2). A Router sends clients to the clean name, so that a rule that guards
// /admin cannot be walked around by asking for /x/..//admin.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How many dots is this segment made of, %2e counted as one? 0: it is not a dot segment.
inline int dots_in(std::string_view segment) noexcept {
  int dots = 0;
  while (!segment.empty()) {
    const bool encoded = segment.starts_with("%2e") || segment.starts_with("%2E");
    if (!encoded && segment.front() != '.') return 0;
    segment.remove_prefix(encoded ? 3 : 1);
    if (++dots > 2) return 0;
  }
  return dots;
}

// Does the path start with a slash, and is every segment but the last neither empty nor dots?
// The last may be empty: "/a/" is as clean as "/a".
inline bool is_clean(std::string_view path) noexcept {
  if (!path.starts_with('/')) return false;
  for (std::size_t slash = 0; slash != path.npos;) {
    const char after = slash + 1 < path.size() ? path[slash + 1] : '\0';
    if (after == '/') return false;
    const std::size_t next = path.find('/', slash + 1);
    if ((after == '.' || after == '%') && dots_in(path.substr(slash + 1, next - slash - 1)) > 0) {
      return false;
    }
    slash = next;
  }
  return true;
}

// "/a//b/../c/." becomes "/a/c". A slash at the end stays; what climbs above the root stays there.
inline std::string clean_path(std::string_view path) {
  std::string clean;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = path.find('/', at);
    const std::string_view segment = path.substr(at, next == path.npos ? next : next - at);
    at = next == path.npos ? path.size() : next + 1;
    const int dots = dots_in(segment);
    if (segment.empty() || dots == 1) continue;
    if (dots == 0)
      (clean += '/') += segment;
    else if (const std::size_t slash = clean.rfind('/'); slash != clean.npos)
      clean.resize(slash);
  }
  if (clean.empty() || path.ends_with('/')) clean += '/';
  return clean;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/path_segment.hpp

// path_segment.hpp -- what does a piece of a path say, once its percent signs are read?
//
// In: a piece as it came, "a%20b". Out: its bytes, one after the other: it can be hashed, compared
// and copied without being decoded into memory first. What is not a full escape stands for itself.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Cuts the first segment off a path that starts with a slash: "/a/b" becomes "/b", returns "a".
inline std::string_view take_segment(std::string_view& path) noexcept {
  const std::size_t slash = path.find('/', 1);
  const std::string_view segment = path.substr(1, slash == path.npos ? slash : slash - 1);
  path.remove_prefix(segment.size() + 1);
  return segment;
}

// The bytes that a piece of a path stands for.
class DecodedBytes {
 public:
  explicit DecodedBytes(std::string_view raw) noexcept : raw_(raw) {}

  bool done() const noexcept { return at_ == raw_.size(); }

  // The next byte. Only while not done().
  char next() noexcept {
    const char c = raw_[at_++];
    if (c != '%' || raw_.size() - at_ < 2) return c;
    const int high = hex_digit(raw_[at_]), low = hex_digit(raw_[at_ + 1]);
    if (high < 0 || low < 0) return c;
    at_ += 2;
    return static_cast<char>(high << 4 | low);
  }

 private:
  std::string_view raw_;
  std::size_t at_ = 0;
};

inline bool equals_decoded(std::string_view raw, std::string_view plain) noexcept {
  DecodedBytes decoded(raw);
  for (const char c : plain) {
    if (decoded.done() || decoded.next() != c) return false;
  }
  return decoded.done();
}

// FNV-1a: a segment has few bytes, and those who choose what is in the table are on our side.
inline constexpr std::uint32_t fnv_start = 2166136261u;
constexpr std::uint32_t fnv_step(std::uint32_t hash, char c) noexcept {
  return (hash ^ static_cast<unsigned char>(c)) * 16777619u;
}

inline std::uint32_t hash_plain(std::string_view plain) noexcept {
  std::uint32_t hash = fnv_start;
  for (const char c : plain) hash = fnv_step(hash, c);
  return hash;
}

inline std::uint32_t hash_decoded(std::string_view raw) noexcept {
  std::uint32_t hash = fnv_start;
  for (DecodedBytes decoded(raw); !decoded.done();) hash = fnv_step(hash, decoded.next());
  return hash;
}

// Replaces what is in `to`, in the memory it has.
inline void decode_into(std::string& to, std::string_view raw) {
  to.clear();
  if (raw.find('%') == raw.npos) {
    to = raw;
    return;
  }
  for (DecodedBytes decoded(raw); !decoded.done();) to += decoded.next();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/pattern.hpp

// pattern.hpp -- which requests does a pattern match, and do two patterns quarrel?
//
// In: "METHOD host/path", as it stands in the program. Out: its method, host and segments, or a
// std::invalid_argument that shows the pattern with a caret under the mistake.
//
//     GET /posts/{id}          a name: one segment, whatever it is
//     GET /posts/{id:int}      a name and a predicate: one segment that is accepted
//     /files/{path...}         the rest, slashes and all; also empty
//     /static/                 the same without a name: a subtree
//     /{$}                     nothing but that slash
//
// Of two patterns that match one request, the more specific is the one whose requests are all among
// the other's. Where neither is (or both are the same), they conflict. See compare().

#include <algorithm>        // std::min
#include <cstddef>          // std::size_t
#include <functional>       // std::function
#include <list>             // std::list
#include <source_location>  // std::source_location
#include <stdexcept>        // std::invalid_argument
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::move
#include <vector>           // std::vector

namespace jot::inline v1::detail {

using Predicate = std::function<bool(std::string_view)>;
struct Test {
  std::string name;  // the "int" of {id:int}
  Predicate accepts;
};
using Tests = std::list<Test>;  // a list, for Segments point into it

// In order of specificity: a segment of an earlier kind wins against one of a later kind.
enum class SegmentKind {
  end,      // {$}: the empty segment behind a last slash
  literal,  // posts
  tested,   // {id:int}
  any,      // {id}
  rest,     // {path...}, and what a slash at the end stands for
};

struct Segment {
  SegmentKind kind;
  std::string text = {};       // a literal, decoded; else the name, or ""
  const Test* test = nullptr;  // of a tested segment
};

struct Pattern {
  std::string text;    // "GET example.org/posts/{id}": one space, the host in lower case
  std::string method;  // "": any
  std::string host;    // "": any
  std::vector<Segment> segments;

  std::string_view path() const noexcept { return std::string_view(text).substr(text.find('/')); }
};

// "main.cpp:12", for messages.
inline std::string place(const std::source_location& where) {
  return std::string(where.file_name()) + ':' + std::to_string(where.line());
}

// Where in "METHOD host/path" the host begins (it may be empty).
inline std::size_t host_begin(std::string_view text) noexcept {
  const std::size_t space = text.find_first_of(" \t");
  if (space == text.npos || text.find('/') < space) return 0;
  return std::min(text.find_first_not_of(" \t", space), text.size());
}

// Throws: std::invalid_argument that shows the pattern with a caret under the mistake. Controls are
// shown as question marks, and the bytes of a letter in UTF-8 have one place.
[[noreturn]] inline void refuse_pattern(std::string_view text, std::size_t at, std::string_view why,
                                        std::source_location where) {
  std::string shown, caret;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    shown += byte == '\t' ? ' ' : byte < ' ' || byte == 0x7f ? '?' : text[i];
    if (i < at && (byte & 0xc0) != 0x80) caret += ' ';
  }
  std::string message = place(where) + ": jot: bad pattern: ";
  ((message += why) += "\n    ") += shown;
  ((message += "\n    ") += caret) += '^';
  throw std::invalid_argument(message);
}

class PatternParser {
 public:
  PatternParser(std::string_view text, const Tests& tests, std::source_location where)
      : text_(text), tests_(tests), where_(where) {}

  // Throws: std::invalid_argument.
  Pattern parse() {
    parse_method();
    parse_host();
    check_clean();
    while (at_ < text_.size()) parse_segment();
    pattern_.text = pattern_.method + (pattern_.method.empty() ? "" : " ") + pattern_.host;
    pattern_.text += text_.substr(path_);
    return std::move(pattern_);
  }

 private:
  [[noreturn]] void fail(std::size_t at, std::string_view why) const {
    refuse_pattern(text_, at, why, where_);
  }

  void parse_method() {
    at_ = host_begin(text_);
    const std::string_view method = trim(text_.substr(0, at_));
    if (at_ > 0 && !is_token(method)) fail(0, "this is not a method");
    pattern_.method = method;
  }

  void parse_host() {
    path_ = text_.find('/', at_);
    if (path_ == text_.npos) fail(text_.size(), "a path is missing: it starts with a slash");
    for (; at_ < path_; ++at_) {
      const char c = text_[at_];
      if (c == '{') fail(at_, "no wildcards in the host; or is the slash before it missing?");
      if (c == ':' && !in_brackets()) fail(at_, "no port: a host is matched whatever its port is");
      if (!is_a(c, byte_host) && std::string_view("[]:").find(c) == text_.npos) {
        fail(at_, "this cannot be in a host");
      }
      pattern_.host += to_lower(c);
    }
    if (pattern_.host.ends_with('.')) fail(path_ - 1, "no dot at the end of a host");
  }

  bool in_brackets() const { return text_.find(']', at_) < path_; }

  // CONNECT alone is matched as it came; other paths are cleaned before anything can match.
  void check_clean() const {
    if (pattern_.method == "CONNECT") return;
    for (std::size_t begin = path_ + 1, end; begin <= text_.size(); begin = end + 1) {
      end = std::min(text_.find('/', begin), text_.size());
      const bool empty = begin == end && end != text_.size();
      if (empty || dots_in(text_.substr(begin, end - begin)) > 0) {
        fail(begin, "this never matches: a path has no empty segments, no . and no ..");
      }
    }
  }

  // at_ is on a slash.
  void parse_segment() {
    const std::size_t begin = at_ + 1;
    const std::size_t end = std::min(text_.find('/', begin), text_.size());
    const std::string_view segment = text_.substr(begin, end - begin);
    at_ = end;
    if (begin == text_.size()) return add({SegmentKind::rest});
    if (segment.find('{') == segment.npos) return parse_literal(segment, begin);
    if (segment.front() != '{') fail(begin + segment.find('{'), "a name fills its whole segment");
    const std::size_t close = segment.find('}');
    if (close == segment.npos) fail(begin, "this { has no }");
    if (close + 1 != segment.size()) fail(begin + close + 1, "a name fills its whole segment");
    parse_wildcard(segment.substr(1, close - 1), begin + 1);
  }

  void parse_literal(std::string_view segment, std::size_t begin) {
    for (std::size_t i = 0; i < segment.size(); ++i) {
      const auto c = static_cast<unsigned char>(segment[i]);
      if (c == '}') fail(begin + i, "this } has no {");
      if (c == '?' || c == '#') fail(begin + i, "a pattern ends with the path: no query");
      if (c <= ' ' || c == 0x7f) fail(begin + i, "a space or control character: write it as %XX");
    }
    Segment literal{SegmentKind::literal};
    decode_into(literal.text, segment);
    add(std::move(literal));
  }

  // Between the braces: $, name, name:predicate or name...
  void parse_wildcard(std::string_view name, std::size_t begin) {
    const bool last = at_ == text_.size();
    if (name == "$") {
      if (!last) fail(at_, "{$} is the end: nothing can follow");
      return add({SegmentKind::end});
    }
    Segment segment{SegmentKind::any};
    if (name.ends_with("...")) {
      if (!last) fail(at_, "{name...} takes all the rest: nothing can follow");
      name.remove_suffix(3);
      segment.kind = SegmentKind::rest;
    } else if (const std::size_t colon = name.find(':'); colon != name.npos) {
      segment.kind = SegmentKind::tested;
      segment.test = find_test(name.substr(colon + 1), begin + colon + 1);
      name = name.substr(0, colon);
    }
    check_name(name, begin);
    segment.text = name;
    add(std::move(segment));
  }

  const Test* find_test(std::string_view name, std::size_t begin) const {
    for (const Test& test : tests_)
      if (test.name == name) return &test;
    fail(begin, "no predicate of this name: see Router::predicate()");
  }

  void check_name(std::string_view name, std::size_t begin) const {
    if (name.empty()) fail(begin, "a name is missing");
    for (std::size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool letter = is_a(c, byte_alpha) || c == '_' || (c & 0x80) != 0;
      if (!letter && !(i > 0 && is_digit(c)))
        fail(begin + i, "a name is made of letters, digits, _");
    }
    for (const Segment& other : pattern_.segments) {
      const bool named = other.kind == SegmentKind::any || other.kind == SegmentKind::tested;
      if (named && other.text == name) fail(begin, "this name is there already");
    }
  }

  void add(Segment segment) { pattern_.segments.push_back(std::move(segment)); }

  std::string_view text_;
  const Tests& tests_;
  std::source_location where_;
  std::size_t at_ = 0, path_ = 0;
  Pattern pattern_;
};

inline Pattern parse_pattern(std::string_view text, const Tests& tests,
                             std::source_location where) {
  return PatternParser(text, tests, where).parse();
}

// How the requests that two things match lie to each other, as sets: three bits say it all.
struct Relation {
  bool shared;    // there are requests that both match
  bool in_first;  // ... and such as only the first matches
  bool in_second;

  bool conflict() const noexcept { return shared && in_first == in_second; }
};

inline constexpr Relation equal_sets{true, false, false}, first_wider{true, true, false},
    second_wider{true, false, true}, disjoint_sets{false, true, true},
    overlapping{true, true, true};

// Both conditions at once: what one dimension tells apart, the pair tells apart.
inline constexpr Relation both(Relation a, Relation b) noexcept {
  return {a.shared && b.shared, a.in_first || b.in_first, a.in_second || b.in_second};
}

inline Relation compare_methods(std::string_view a, std::string_view b) noexcept {
  if (a == b) return equal_sets;
  if (a.empty() || (a == "GET" && b == "HEAD")) return first_wider;
  if (b.empty() || (b == "GET" && a == "HEAD")) return second_wider;
  return disjoint_sets;
}

// a: of an earlier or the same kind as b.
inline Relation compare_ordered(const Segment& a, const Segment& b) {
  using enum SegmentKind;
  if (b.kind == rest) return a.kind == rest ? equal_sets : second_wider;
  if (a.kind == end) return b.kind == end ? equal_sets : disjoint_sets;
  if (b.kind == any) return a.kind == any ? equal_sets : second_wider;
  if (a.kind == tested) return a.test == b.test ? equal_sets : overlapping;  // who could tell?
  if (b.kind == tested) return b.test->accepts(a.text) ? second_wider : disjoint_sets;
  return a.text == b.text ? equal_sets : disjoint_sets;
}

inline Relation compare_segments(const Segment& a, const Segment& b) {
  if (a.kind <= b.kind) return compare_ordered(a, b);
  const Relation r = compare_ordered(b, a);
  return {r.shared, r.in_second, r.in_first};
}

inline Relation compare_paths(const Pattern& a, const Pattern& b) {
  const std::size_t size_a = a.segments.size(), size_b = b.segments.size();
  Relation relation = equal_sets;
  for (std::size_t i = 0; i < size_a && i < size_b && relation.shared; ++i) {
    relation = both(relation, compare_segments(a.segments[i], b.segments[i]));
  }
  if (size_a == size_b) return relation;
  // The longer one needs more segments: only a shorter one that ends in "the rest" has them.
  const bool a_shorter = size_a < size_b;
  if ((a_shorter ? a : b).segments.back().kind != SegmentKind::rest) return disjoint_sets;
  return both(relation, a_shorter ? first_wider : second_wider);
}

// A pattern with a host always wins against one without; two hosts never meet.
inline Relation compare(const Pattern& a, const Pattern& b) {
  if (a.host != b.host) return disjoint_sets;
  return both(compare_methods(a.method, b.method), compare_paths(a, b));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/route_tree.hpp

// route_tree.hpp -- which of a thousand patterns matches this path?
//
// In: patterns, one after the other; then paths. Out: the most specific pattern that matches path
// and method. A node stands for a segment that has been read; from it lead, tried in this order:
//
//     literals      by hash, so that a thousand siblings cost as much as ten
//     tested ones   {id:int}, those whose predicate accepts the segment
//     any           {id}
//     rest          {path...} and subtrees: all that is left
//
// Where the first way leads to no route for this method, the next is tried. The first route found
// is the most specific one, because patterns that conflict are never both in the tree: of two that
// match one request, one has the earlier kind of segment where they first differ, or their paths
// are the same and their methods decide. Each node is looked at once at most, and nothing is
// allocated (a predicate's percent-encoded segment goes through `scratch`).

#include <cstddef>          // std::size_t
#include <cstdint>          // std::uint32_t
#include <memory>           // std::unique_ptr
#include <source_location>  // std::source_location
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::pair
#include <vector>           // std::vector

namespace jot::inline v1::detail {

struct RouteGroup;

struct Route {
  Pattern pattern;  // of the Router's own answers: empty
  Handler handler;  // as it was given
  const RouteGroup* group = nullptr;
  std::source_location where = {};
  bool is_mount = false;
  Handler chain = {};  // the handler in its middleware, once the table is closed
  mutable RouteMemory memory = {};
  Route* next_in_leaf = nullptr;
};

// The routes of one path, by method, in the order of their addition.
class Leaf {
 public:
  void add(Route& route) {
    (last_ ? last_->next_in_leaf : first_) = &route;
    last_ = &route;
  }

  // GET answers HEAD; a route without a method answers what no other does.
  const Route* find(std::string_view method) const noexcept {
    const Route* second = nullptr;
    for (const Route* route = first_; route; route = route->next_in_leaf) {
      const std::string& m = route->pattern.method;
      if (m == method) return route;
      if (m.empty() && !second) second = route;
      if (m == "GET" && method == "HEAD") second = route;
    }
    return second;
  }

  const Route* first() const noexcept { return first_; }

 private:
  Route* first_ = nullptr;
  Route* last_ = nullptr;
};

// Children by literal. A handful is searched one by one, more by an open hash of their indexes.
template <class Node>
class LiteralChildren {
 public:
  Node& add(const std::string& literal) {
    if (Node* known = search(literal, plain)) return *known;
    children_.emplace_back(literal, std::make_unique<Node>());
    if (children_.size() > few) hash();
    return *children_.back().second;
  }

  // The child of a segment, as it came in a path.
  const Node* find(std::string_view raw) const noexcept {
    return search(raw, raw.find('%') == raw.npos ? plain : encoded);
  }

  // The child of a literal, decoded as it is in a Pattern.
  const Node* find_plain(std::string_view literal) const noexcept { return search(literal, plain); }

  bool empty() const noexcept { return children_.empty(); }
  auto begin() const noexcept { return children_.begin(); }
  auto end() const noexcept { return children_.end(); }

 private:
  enum Form { plain, encoded };
  static constexpr std::size_t few = 4;
  static constexpr std::uint32_t no_index = 0xffffffff;

  static bool equal(std::string_view s, Form form, std::string_view literal) noexcept {
    return form == plain ? s == literal : equals_decoded(s, literal);
  }

  Node* search(std::string_view s, Form form) const noexcept {
    if (children_.size() > few) return search_hashed(s, form);
    for (const auto& [literal, node] : children_) {
      if (equal(s, form, literal)) return node.get();
    }
    return nullptr;
  }

  Node* search_hashed(std::string_view s, Form form) const noexcept {
    for (std::size_t i = form == plain ? hash_plain(s) : hash_decoded(s);; ++i) {
      const std::uint32_t index = slot(i);
      if (index == no_index) return nullptr;
      const auto& [literal, node] = children_[index];
      if (equal(s, form, literal)) return node.get();
    }
  }

  // Enters the newest child; or all of them into a larger table, so that it is never more than half
  // full and a search soon meets a slot without index.
  void hash() {
    const bool grow = slots_.size() < 2 * children_.size();
    if (grow) slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), no_index);
    for (std::size_t child = grow ? 0 : children_.size() - 1; child < children_.size(); ++child) {
      std::size_t i = hash_plain(children_[child].first);
      while (slot(i) != no_index) ++i;
      slots_[i & (slots_.size() - 1)] = static_cast<std::uint32_t>(child);
    }
  }

  std::uint32_t slot(std::size_t i) const noexcept { return slots_[i & (slots_.size() - 1)]; }

  std::vector<std::pair<std::string, std::unique_ptr<Node>>> children_;
  std::vector<std::uint32_t> slots_;  // indexes of children_; a power of two of them
};

struct RouteNode {
  LiteralChildren<RouteNode> literals;
  std::unique_ptr<RouteNode> any;
  std::unique_ptr<RouteNode> tested;  // the first of them; the others are chained by next_tested
  std::unique_ptr<RouteNode> next_tested;
  const Test* test = nullptr;  // what a tested one asks
  Leaf here;                   // the pattern ends with this segment
  Leaf end;                    // ... with a slash and {$}
  Leaf rest;                   // ... with a slash and all that is left
};

// ---- Adding.

inline RouteNode& child_for(RouteNode& node, const Segment& segment) {
  if (segment.kind == SegmentKind::literal) return node.literals.add(segment.text);
  if (segment.kind == SegmentKind::any) {
    if (!node.any) node.any = std::make_unique<RouteNode>();
    return *node.any;
  }
  std::unique_ptr<RouteNode>* child = &node.tested;
  while (*child && (*child)->test != segment.test) child = &(*child)->next_tested;
  if (!*child) {
    *child = std::make_unique<RouteNode>();
    (*child)->test = segment.test;
  }
  return **child;
}

inline void add_route(RouteNode& root, Route& route) {
  RouteNode* node = &root;
  for (const Segment& segment : route.pattern.segments) {
    if (segment.kind == SegmentKind::end) return node->end.add(route);
    if (segment.kind == SegmentKind::rest) return node->rest.add(route);
    node = &child_for(*node, segment);
  }
  node->here.add(route);
}

inline const Route* conflict_in(const Leaf& leaf, const Pattern& pattern) {
  for (const Route* route = leaf.first(); route; route = route->next_in_leaf) {
    if (compare(route->pattern, pattern).conflict()) return route;
  }
  return nullptr;
}

// Finds a route below the node that conflicts with the pattern, whose segments from `depth` on are
// still to be read. Only where paths can meet at all is looked at.
inline const Route* find_conflict(const RouteNode& node, const Pattern& pattern,
                                  std::size_t depth) {
  if (depth == pattern.segments.size()) return conflict_in(node.here, pattern);
  const Segment& segment = pattern.segments[depth];
  const bool takes_all = segment.kind == SegmentKind::rest;
  const Route* found = conflict_in(node.rest, pattern);
  if (!found && (takes_all || segment.kind == SegmentKind::end)) {
    found = conflict_in(node.end, pattern);
  }
  const auto look_into = [&](const RouteNode& child, const Segment& as) {
    if (found || !compare_segments(as, segment).shared) return;
    if (takes_all) found = conflict_in(child.here, pattern);
    if (!found) found = find_conflict(child, pattern, takes_all ? depth : depth + 1);
  };
  if (segment.kind == SegmentKind::literal) {  // one of many: no need to look at all
    if (const RouteNode* child = node.literals.find_plain(segment.text)) look_into(*child, segment);
  } else {
    for (const auto& [text, child] : node.literals) {
      look_into(*child, {SegmentKind::literal, text});
    }
  }
  for (const RouteNode* child = node.tested.get(); child; child = child->next_tested.get()) {
    look_into(*child, {SegmentKind::tested, "", child->test});
  }
  if (node.any) look_into(*node.any, {SegmentKind::any});
  return found;
}

// ---- Matching.

// A path to be matched. At each Leaf that fits it asks whether to stop there.
template <class StopAt>
class PathWalk {
 public:
  PathWalk(std::string& scratch, StopAt stop_at) : scratch_(scratch), stop_at_(stop_at) {}

  // Returns true when stop_at has said so. path: what is left, "" or with a slash in front.
  bool walk(const RouteNode& node, std::string_view path) {
    if (path.empty()) return stop_at_(node.here);
    if (path == "/") return stop_at_(node.end) || stop_at_(node.rest);
    return children(node, path) || stop_at_(node.rest);
  }

  // The same for the path with one slash more, and only where that is matched to the last segment:
  // "/posts" for "/posts/" and "/posts/{$}", not for "/".
  bool walk_with_slash(const RouteNode& node, std::string_view path) {
    slash_added_ = true;
    return slash_walk(node, path);
  }

 private:
  bool children(const RouteNode& node, std::string_view path) {
    const std::string_view segment = take_segment(path);
    if (const RouteNode* child = node.literals.find(segment); child && step(*child, path)) {
      return true;
    }
    for (const RouteNode* child = node.tested.get(); child; child = child->next_tested.get()) {
      if (accepts(child->test->accepts, segment) && step(*child, path)) return true;
    }
    return node.any && step(*node.any, path);
  }

  bool step(const RouteNode& child, std::string_view path) {
    return slash_added_ ? slash_walk(child, path) : walk(child, path);
  }

  bool slash_walk(const RouteNode& node, std::string_view path) {
    return path.empty() ? stop_at_(node.end) || stop_at_(node.rest) : children(node, path);
  }

  bool accepts(const Predicate& test, std::string_view segment) {
    if (segment.find('%') == segment.npos) return test(segment);
    decode_into(scratch_, segment);
    return test(scratch_);
  }

  std::string& scratch_;
  StopAt stop_at_;
  bool slash_added_ = false;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/route_trees.hpp

// route_trees.hpp -- which route answers this method on this host and path?
//
// In: what a request asks for, its path clean. Out: the most specific route, or what else can be
// said: it is there with a slash more, or for other methods.
// One tree for each host and one for all: a route with a host wins against one without.

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct RouteQuery {
  std::string_view method, host, path;  // host: as it came, with its port
  std::string& scratch;  // for the host in lower case, then for what a predicate must see
};

// The host of a Host field as patterns write it: no port, no dot at its end.
inline std::string_view bare_host(std::string_view host) noexcept {
  host = split_authority(host).host;
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

class RouteTrees {
 public:
  void add(Route& route) { add_route(tree_of(route.pattern.host), route); }

  // A route that the pattern conflicts with; nullptr: none.
  const Route* conflict(const Pattern& pattern) const {
    const RouteNode* tree = pattern.host.empty() ? &any_host_ : hosts_.find_plain(pattern.host);
    return tree ? find_conflict(*tree, pattern, 0) : nullptr;
  }

  const Route* find(const RouteQuery& q) const {
    const Route* found = nullptr;
    walk(q, [&](const Leaf& leaf) { return (found = leaf.find(q.method)) != nullptr; });
    return found;
  }

  // Is the path with a slash more the name of a subtree, and has it no route of its own?
  // found: what find() said.
  bool lacks_slash(const RouteQuery& q, const Route* found) const {
    if (q.path.ends_with('/')) return false;
    if (found && found->pattern.segments.back().kind != SegmentKind::rest) return false;
    const auto fits = [&](const Leaf& leaf) { return leaf.find(q.method) != nullptr; };
    const RouteNode* host = host_tree(q);
    if (host && PathWalk(q.scratch, fits).walk_with_slash(*host, q.path)) return true;
    if (found && !found->pattern.host.empty()) return false;  // a host wins, exact or not
    return PathWalk(q.scratch, fits).walk_with_slash(any_host_, q.path);
  }

  // Offers the routes of this path, whatever their method, until one is enough.
  template <class IsEnough>
  bool any_method(const RouteQuery& q, IsEnough is_enough) const {
    const auto each = [&](const Leaf& leaf) {
      for (const Route* route = leaf.first(); route; route = route->next_in_leaf) {
        if (is_enough(*route)) return true;
      }
      return false;
    };
    if (walk(q, each)) return true;
    if (q.path.ends_with('/')) return false;
    const RouteNode* host = host_tree(q);
    return (host && PathWalk(q.scratch, each).walk_with_slash(*host, q.path)) ||
           PathWalk(q.scratch, each).walk_with_slash(any_host_, q.path);
  }

 private:
  template <class StopAt>
  bool walk(const RouteQuery& q, const StopAt& stop_at) const {
    const RouteNode* host = host_tree(q);
    return (host && PathWalk(q.scratch, stop_at).walk(*host, q.path)) ||
           PathWalk(q.scratch, stop_at).walk(any_host_, q.path);
  }

  const RouteNode* host_tree(const RouteQuery& q) const {
    if (hosts_.empty()) return nullptr;
    q.scratch = bare_host(q.host);
    for (char& c : q.scratch) c = to_lower(c);
    return hosts_.find_plain(q.scratch);
  }

  RouteNode& tree_of(const std::string& host) { return host.empty() ? any_host_ : hosts_.add(host); }

  RouteNode any_host_;
  LiteralChildren<RouteNode> hosts_;  // found as literals are, by hash
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/route_table.hpp

// route_table.hpp -- what does a Router know, and until when does it learn?
//
// In: patterns with handlers, groups, middleware. Out: for each request one Route, whose chain (the
// handler in its middleware) is ready to be called.
//
// 1. Open: routes are added, by any thread. A pattern that conflicts with another is refused.
// 2. close(), by the first request: middleware is wrapped around each handler, once and for all.
// 3. Closed: read by many threads, changed by none, so without a lock.
//
// What a Router answers itself (redirects, 404, 405, OPTIONS) are routes too, with middleware.

#include <algorithm>        // std::lower_bound
#include <atomic>           // std::atomic
#include <cstddef>          // std::size_t
#include <list>             // std::list
#include <mutex>            // std::mutex
#include <source_location>  // std::source_location
#include <stdexcept>        // std::invalid_argument, std::logic_error
#include <string>           // std::string
#include <string_view>      // std::string_view
#include <utility>          // std::move
#include <vector>           // std::vector

namespace jot::inline v1::detail {

struct RouteGroup {
  const RouteGroup* parent = nullptr;  // nullptr: the Router itself
  std::string prefix = {};  // "host/path" with those of all around it, no slash at its end
  std::vector<Middleware> middleware = {};
};

inline bool is_int(std::string_view s) {
  if (s.starts_with('-')) s.remove_prefix(1);
  return !s.empty() && all_are(s, byte_digit);
}

inline bool is_word(std::string_view s) {
  for (const char c : s) {
    if (!is_a(c, byte_alpha) && !is_digit(c) && c != '_') return false;
  }
  return !s.empty();
}

// The part of the path that a Router matches: all of it, or what the mounts around it have left.
inline std::string_view routed_path(const RequestState& s) noexcept {
  const std::string_view path = s.head.path.substr(s.mount_size);
  return path.empty() ? "/" : path;  // "/m" of a mount; CONNECT has no path at all
}

// For a Location: what no URL may hold as it is. Browsers read a backslash as a slash, so that
// "/\x" would lead to the host x.
inline std::string encode_location(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (std::string_view("\\\"<>^`{|}").find(c) == std::string_view::npos)
      encoded += c;
    else
      encoded += percent_encode({&c, 1});
  }
  return encoded;
}

// Decodes what stands in the path at the pattern's names into the Request.
inline void keep_path_values(const Pattern& pattern, std::string_view path, RequestState& s) {
  for (const Segment& segment : pattern.segments) {
    if (segment.kind == SegmentKind::rest) {
      path.remove_prefix(1);
      if (!segment.text.empty()) decode_into(s.path_values.add(segment.text), path);
      break;
    }
    const std::string_view raw = take_segment(path);
    if (segment.kind == SegmentKind::any || segment.kind == SegmentKind::tested) {
      decode_into(s.path_values.add(segment.text), raw);
    }
  }
  s.rest = path;
}

class RouteTable {
 public:
  RouteTable() {
    groups_.emplace_back();
    for (Route* own : {&redirect_, &not_found_, &not_allowed_, &options_}) own->group = &root();
    redirect_.handler = [this](ResponseWriter& w, Request& r) { answer_redirect(w, r); };
    // Echoing requests gives away what scripts may not read: nobody means to serve TRACE.
    not_found_.handler = [](ResponseWriter& w, Request& r) {
      if (r.method() == "TRACE") return answer_error(w, r, 501, "not implemented");
      not_found(w, r);
    };
    not_allowed_.handler = [this](ResponseWriter& w, Request& r) {
      if (r.method() == "TRACE") return answer_error(w, r, 501, "not implemented");
      w.header().set("Allow", allowed(r));
      answer_error(w, r, 405, "method not allowed");
    };
    options_.handler = [this](ResponseWriter& w, Request& r) {
      w.header().set("Allow", allowed(r));
      w.write_header(204);
    };
  }
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // ---- 1. Open. All throw std::logic_error when the table is closed.

  RouteGroup& root() noexcept { return groups_.front(); }

  // Locks the table for a change by the caller.
  std::unique_lock<std::mutex> open() {
    std::unique_lock lock(mutex_);
    if (closed())
      throw std::logic_error(
          "jot: this Router has answered a request already: nothing can be added");
    return lock;
  }

  RouteGroup& add_group(const RouteGroup& parent, std::string_view prefix,
                        std::source_location where) {
    const auto lock = open();
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    std::string joined = join(parent, prefix, where);
    const bool host_alone = !joined.empty() && joined.find('/') == joined.npos;
    if (host_alone) joined += '/';
    if (!joined.empty() && !parse_pattern(joined, tests_, where).method.empty())
      refuse_pattern(joined, 0, "a group is for all methods", where);
    if (host_alone) joined.pop_back();
    return groups_.emplace_back(RouteGroup{&parent, std::move(joined)});
  }

  enum class Kind { route, mount };
  void add(const RouteGroup& group, std::string_view pattern, Handler handler, Kind kind,
           std::source_location where) {
    const auto lock = open();
    Pattern parsed = parse_pattern(join(group, pattern, where), tests_, where);
    if (const Route* other = trees_.conflict(parsed)) refuse(parsed, where, *other);
    trees_.add(routes_.emplace_back(std::move(parsed), std::move(handler), &group, where,
                                    kind == Kind::mount));
  }

  void add_name(std::string_view name, std::string_view path, std::source_location where) {
    const auto lock = open();
    Pattern pattern = parse_pattern(path, tests_, where);
    if (names_.find_plain(name)) {
      throw std::invalid_argument(place(where) + ": jot: there is a route named " +
                                  std::string(name) + " already");
    }
    names_.add(std::string(name)).here.add(named_.emplace_back(std::move(pattern)));
  }

  void add_test(std::string_view name, Predicate accepts) {
    const auto lock = open();
    if (name.empty() || name.find_first_of("/{}") != name.npos || !accepts)
      throw std::invalid_argument("jot: no predicate, or no name for one: \"" + std::string(name) +
                                  '"');
    for (const Test& test : tests_) {
      if (test.name == name)
        throw std::invalid_argument("jot: there is a predicate " + test.name + " already");
    }
    tests_.push_back({std::string(name), std::move(accepts)});
  }

  void set_error_page(ErrorPage page) {
    const auto lock = open();
    error_page_ = std::move(page);
  }

  // ---- 2. Closing.

  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  // Throws what a Middleware throws as it wraps: then the table is still open.
  void close() {
    if (closed()) return;
    const std::lock_guard lock(mutex_);
    if (closed()) return;
    for (Route& route : routes_) route.chain = in_middleware(route);
    for (Route* own : {&redirect_, &not_found_, &not_allowed_, &options_}) {
      own->chain = in_middleware(*own);
    }
    closed_.store(true, std::memory_order_release);  // the chains are there for who sees it
  }

  // ---- 3. Closed.

  // Finds the route and fills in what the Request tells about it.
  const Route& match(Request& r) const {
    RequestState& s = RequestAccess::state(r);
    const Route& route = choose(s);
    keep(route, s);
    return route;
  }

  // The same, for a call that comes later: take_match() will know. The answer of a mount is that of
  // the Router within, which then matches once more when it is called.
  RouteMemory& match_ahead(Request& r) const {
    if (!closed()) return not_found_.memory;  // to close runs middleware: that is for the call
    RequestState& s = RequestAccess::state(r);
    const ErrorPage* const outer_page = s.error_page;
    const std::size_t outer_values = s.path_values.size();
    const Route& route = match(r);
    RouteMemory* memory = &route.memory;
    if (route.is_mount) {
      memory = &route.handler.match(r);
      s.error_page = outer_page;
      s.path_values.truncate(outer_values);
      keep(route, s);
    }
    s.matched_by = this;
    s.matched_route = &route;
    return *memory;
  }

  // What match_ahead() found for this request, once; nullptr: it was not asked, or not last.
  const Route* take_match(Request& r) const noexcept {
    RequestState& s = RequestAccess::state(r);
    if (s.matched_by != this) return nullptr;
    s.matched_by = nullptr;
    return static_cast<const Route*>(s.matched_route);
  }

  const std::list<Route>& routes() const noexcept { return routes_; }

  const Pattern* named(std::string_view name) const {
    const RouteNode* found = names_.find_plain(name);
    return found ? &found->here.first()->pattern : nullptr;
  }

 private:
  // Puts the group's prefix before the path of "METHOD host/path".
  static std::string join(const RouteGroup& group, std::string_view pattern,
                          std::source_location where) {
    const std::size_t host = host_begin(pattern);
    const std::size_t path = std::min(pattern.find('/', host), pattern.size());
    if (path > host && !group.prefix.empty()) {
      if (path == pattern.size())
        refuse_pattern(pattern, path, "a path is missing: it starts with a slash", where);
      if (!group.prefix.starts_with('/'))
        refuse_pattern(pattern, host, "a host within a group that has one", where);
    }
    std::string joined(pattern.substr(0, path));
    return (joined += group.prefix) += pattern.substr(path);
  }

  [[noreturn]] static void refuse(const Pattern& pattern, std::source_location where,
                                  const Route& other) {
    const Relation r = compare(pattern, other.pattern);
    throw std::invalid_argument(
        place(where) + ": jot: the pattern\n    " + pattern.text + "\nconflicts with that of " +
        place(other.where) + "\n    " + other.pattern.text +
        (r.in_first ? "\nThey share requests, and neither is the more specific."
                    : "\nThey match the same requests."));
  }

  static Handler in_middleware(const Route& route) {
    Handler chain = route.handler;
    for (const RouteGroup* group = route.group; group; group = group->parent) {
      for (std::size_t i = group->middleware.size(); i-- > 0;) {
        chain = group->middleware[i](std::move(chain));
      }
    }
    return chain;
  }

  static RouteQuery query(RequestState& s) {
    return {s.head.method, s.head.host, routed_path(s), s.scratch};
  }

  const Route& choose(RequestState& s) const {
    const RouteQuery q = query(s);
    if (q.path == "*") return options_;
    const bool as_it_came = q.method == "CONNECT";
    if (!as_it_came && !is_clean(q.path)) return redirect_;
    const Route* found = trees_.find(q);
    if (!as_it_came && trees_.lacks_slash(q, found)) return redirect_;
    if (found) return *found;
    if (!trees_.any_method(q, [](const Route&) { return true; })) return not_found_;
    return q.method == "OPTIONS" ? options_ : not_allowed_;
  }

  void keep(const Route& route, RequestState& s) const {
    s.pattern = route.pattern.text;
    keep_path_values(route.pattern, routed_path(s), s);
    if (error_page_) s.error_page = &error_page_;
  }

  // The methods for an Allow field, sorted: those of the path, or for "*" of all routes.
  std::string allowed(Request& r) const {
    std::vector<std::string_view> methods{"OPTIONS"};
    const auto note = [&](std::string_view method) {
      const auto at = std::lower_bound(methods.begin(), methods.end(), method);
      if (at == methods.end() || *at != method) methods.insert(at, method);
    };
    const auto note_route = [&](const Route& route) {
      if (!route.pattern.method.empty()) note(route.pattern.method);
      if (route.pattern.method == "GET") note("HEAD");
      return false;
    };
    const RouteQuery q = query(RequestAccess::state(r));
    if (q.path != "*")
      trees_.any_method(q, note_route);
    else
      for (const Route& route : routes_) note_route(route);
    std::string list;
    for (const std::string_view method : methods) (list += list.empty() ? "" : ", ") += method;
    return list;
  }

  // To the clean path, and with the slash that a subtree has. 301 makes a GET of a POST, so what is
  // neither GET nor HEAD gets 308.
  void answer_redirect(ResponseWriter& w, Request& r) const {
    RequestState& s = RequestAccess::state(r);
    RouteQuery q = query(s);
    std::string path = clean_path(q.path);
    q.path = path;
    if (trees_.lacks_slash(q, trees_.find(q))) path += '/';
    path = encode_location(s.head.path.substr(0, s.mount_size)) + encode_location(path);
    if (!s.head.query.empty()) (path += '?') += s.head.query;
    const bool safe = q.method == "GET" || q.method == "HEAD";
    redirect(w, r, path, safe ? 301 : 308);
  }

  std::mutex mutex_;  // guards everything below until closed_, and nothing afterwards
  std::atomic<bool> closed_{false};
  std::list<RouteGroup> groups_;  // lists: what is in them never moves
  std::list<Route> routes_;
  RouteTrees trees_;
  Tests tests_{{"int", is_int}, {"word", is_word}};
  LiteralChildren<RouteNode> names_;  // found as literals are
  std::list<Route> named_;            // what they lead to: a pattern each, and no more
  ErrorPage error_page_;
  Route redirect_, not_found_, not_allowed_, options_;
};

// A handler that has been given all that is at and below a prefix.
class Mount {
 public:
  explicit Mount(Handler inner) : inner_(std::move(inner)) {}

  void operator()(ResponseWriter& w, Request& r) const {
    const Within within(r);
    inner_(w, r);
  }

  RouteMemory& match(Request& r) const {
    const Within within(r);
    return inner_.match(r);
  }

 private:
  // While it lives, Routers match what the mount has left of the path. "/m" and "/m/" leave "/".
  class Within {
   public:
    explicit Within(Request& r) : state_(RequestAccess::state(r)), outer_(state_.mount_size) {
      const std::string_view path = state_.head.path;
      const std::size_t used = path.size() - state_.rest.size();
      state_.mount_size = path[used - 1] == '/' ? used - 1 : used;
    }
    ~Within() { state_.mount_size = outer_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    RequestState& state_;
    std::size_t outer_;
  };

  Handler inner_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/byte_ranges.hpp

// byte_ranges.hpp -- which parts of a file does a client want?
//
// In: a Range field and the size of what it is asked of. Out: the parts, or the whole where that is
// the better answer. See RFC 9110 §14.1.2 and §14.2.
//
// A field is never worth more work than the file: parts that are more than the whole together, or
// too many, are answered with the whole (§14.2 allows it; §17.15 says why).

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <optional>     // std::optional
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct ByteRange {
  std::uint64_t start, length;
};

struct RangeAnswer {
  enum Kind { whole, parts, unsatisfiable } kind = whole;
  std::vector<ByteRange> ranges = {};  // of `parts`: at least one, in the order asked for
};

inline constexpr std::size_t most_ranges = 64;

// All digits, as a number; what is too large for one is the largest. nullopt: not all digits.
constexpr std::optional<std::uint64_t> parse_offset(std::string_view digits) noexcept {
  constexpr std::uint64_t largest = ~std::uint64_t{0};
  if (digits.empty()) return {};
  std::uint64_t n = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    const auto digit = static_cast<std::uint64_t>(c - '0');
    n = n > (largest - digit) / 10 ? largest : n * 10 + digit;
  }
  return n;
}

// One of a Range field's parts: "0-499", "500-", or the last 500 bytes, "-500".
struct RangeSpec {
  bool valid = false;
  ByteRange range = {0, 0};  // of length 0: nothing of the file is in it
};

constexpr RangeSpec parse_range_spec(std::string_view spec, std::uint64_t size) noexcept {
  const std::size_t dash = spec.find('-');
  if (dash == spec.npos) return {};
  const std::string_view left = trim(spec.substr(0, dash)), right = trim(spec.substr(dash + 1));
  const auto first = parse_offset(left), last = parse_offset(right);
  if (left.empty()) {
    if (!last) return {};
    const std::uint64_t length = *last < size ? *last : size;
    return {true, {size - length, length}};
  }
  if (!first || (!last && !right.empty()) || (last && *last < *first)) return {};
  if (*first >= size) return {true, {}};
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return {true, {*first, end - *first}};
}

// The range unit "bytes" and the equals sign, without regard to case.
constexpr bool take_bytes_unit(std::string_view& field) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (!iequals(field.substr(0, unit.size()), unit)) return false;
  field.remove_prefix(unit.size());
  return true;
}

// size: of the file; an empty one has no parts, and is sent whole.
inline RangeAnswer parse_byte_ranges(std::string_view field, std::uint64_t size) {
  if (size == 0 || !take_bytes_unit(field)) return {};
  RangeAnswer answer;
  std::uint64_t left = size;  // until the parts are more than the whole
  bool asked = false, too_much = false;
  while (!field.empty()) {
    const std::string_view text = next_in_list(field);
    if (text.empty()) continue;
    const RangeSpec spec = parse_range_spec(text, size);
    if (!spec.valid) return {RangeAnswer::unsatisfiable};
    asked = true;
    if (spec.range.length == 0) continue;
    too_much |= spec.range.length > left || answer.ranges.size() == most_ranges;
    if (too_much) continue;  // but what follows may be malformed
    left -= spec.range.length;
    answer.ranges.push_back(spec.range);
  }
  if (too_much || !asked) return {};
  answer.kind = answer.ranges.empty() ? RangeAnswer::unsatisfiable : RangeAnswer::parts;
  return answer;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/serve_content.hpp

// serve_content.hpp -- the life of an answer that is a file.
//
//   1. Its validators go into the header, and are compared with the request's conditions: the
//      client has it already (304), or means another version (412).
//   2. Its type is found, by name or by content.
//   3. A Range that is still meant, of a GET, cuts it: into one part, into several, or there is
//      nothing at that place (416).
//   4. What is left of it is written.
//
// In: a content, and how it is to be called. Out: the whole response.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct ContentTerms {
  std::string_view name;         // what tells the type
  std::string_view coding = {};  // Content-Encoding; "": none
  std::string_view cache_control = {};
};

inline std::string content_range(const ByteRange& range, std::uint64_t size) {
  return text("bytes ", range.start, "-", range.start + range.length - 1, "/", size);
}

// multipart/byteranges (RFC 9110 §14.6): every part has a head, and the boundary stands between.
class MultipartRanges {
 public:
  MultipartRanges(const std::vector<ByteRange>& ranges, std::string_view type, std::uint64_t size)
      : ranges_(ranges) {
    boundary_ = base64url_encode(random_bytes(16));  // so that it cannot be in the content
    for (const ByteRange& range : ranges) {
      heads_.push_back(text(heads_.empty() ? "--" : "\r\n--", boundary_, "\r\nContent-Range: ",
                            content_range(range, size), "\r\nContent-Type: ", type, "\r\n\r\n"));
      length_ += heads_.back().size() + range.length;
    }
    end_ = text("\r\n--", boundary_, "--\r\n");
    length_ += end_.size();
  }

  std::string type() const { return "multipart/byteranges; boundary=" + boundary_; }
  std::uint64_t length() const noexcept { return length_; }

  void write(ResponseWriter& w, const FileContent& content) const {
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (!w.write_bytes(heads_[i])) return;
      if (!content.write(w, ranges_[i].start, ranges_[i].length)) return;
    }
    w.write_bytes(end_);
  }

 private:
  const std::vector<ByteRange>& ranges_;
  std::vector<std::string> heads_;
  std::string boundary_, end_;
  std::uint64_t length_ = 0;
};

class ContentAnswer {
 public:
  ContentAnswer(ResponseWriter& w, Request& r, const FileContent& content) noexcept
      : w_(w), r_(r), content_(content), header_(w.header()) {}

  void run(const ContentTerms& terms) {
    const bool unconditional = w_.status() != 200;  // an error page
    if (!unconditional) {
      describe(terms);
      if (!meets_conditions()) return;
    }
    set_type(terms);
    RangeAnswer ranges;
    if (!unconditional && r_.method() == "GET" && r_.header().has("Range") &&
        range_still_meant(r_.header(), content_.validators))
      ranges = parse_byte_ranges(r_.header().get("Range"), content_.size);
    if (ranges.kind == RangeAnswer::unsatisfiable) return refuse_range();
    if (ranges.kind == RangeAnswer::whole) return send({0, content_.size});
    w_.write_header(206);
    if (ranges.ranges.size() > 1) return send_parts(ranges.ranges);
    header_.set("Content-Range", content_range(ranges.ranges[0], content_.size));
    send(ranges.ranges[0]);
  }

 private:
  void describe(const ContentTerms& terms) {
    const Validators& v = content_.validators;
    header_.set("ETag", v.etag).set("Accept-Ranges", "bytes");
    if (v.modified != 0) header_.set("Last-Modified", HttpDate().at(v.modified));
    if (!terms.cache_control.empty() && !header_.has("Cache-Control"))
      header_.set("Cache-Control", terms.cache_control);
  }

  bool meets_conditions() {
    switch (check_preconditions(r_.header(), content_.validators)) {
      case Precondition::holds: return true;
      case Precondition::failed: answer_error(w_, r_, 412, "this is another version"); return false;
      case Precondition::not_modified: break;
    }
    for (const auto* name : {"Content-Type", "Content-Length", "Content-Encoding", "Accept-Ranges"})
      header_.remove(name);
    header_.remove("Last-Modified");  // the tag says it better (RFC 9110 §15.4.5)
    w_.write_header(304);
    return false;
  }

  void set_type(const ContentTerms& terms) {
    if (!terms.coding.empty()) header_.set("Content-Encoding", terms.coding);
    if (header_.has("Content-Type")) return;
    std::string_view type = mime_type(terms.name);
    // What is coded cannot be looked into.
    if (type == "application/octet-stream" && terms.coding.empty()) type = content_.sniff();
    header_.set("Content-Type", type);
  }

  void refuse_range() {
    header_.set("Content-Range", text("bytes */", content_.size));
    header_.remove("Content-Type").remove("Content-Encoding");
    answer_error(w_, r_, 416, "no such range");
  }

  // The length is said also for a HEAD, which gets no more.
  void send(const ByteRange& range) {
    header_.set("Content-Length", range.length);
    if (r_.method() != "HEAD" && range.length > 0) content_.write(w_, range.start, range.length);
  }

  void send_parts(const std::vector<ByteRange>& ranges) {
    const MultipartRanges parts(ranges, header_.get("Content-Type"), content_.size);
    header_.set("Content-Type", parts.type()).set("Content-Length", parts.length());
    parts.write(w_, content_);
  }

  ResponseWriter& w_;
  Request& r_;
  const FileContent& content_;
  Header& header_;
};

inline void serve_content(ResponseWriter& w, Request& r, const FileContent& content,
                          const ContentTerms& terms) {
  ContentAnswer(w, r, content).run(terms);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/file_service.hpp

// file_service.hpp -- the way of a request through a FileServer.
//
//   1. The path becomes a name, or there is no such file.
//   2. The tree tells what lies there: a file; a directory, whose index, list or slash is asked for
//      then; or nothing, and then the fallback stands in for a page.
//   3. Of a file, the coding that the client likes best and that lies beside it is sent.

#include <algorithm>    // std::sort
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// Says, once, that the answer depends on that field of the request.
inline void add_vary(Header& header, std::string_view name) {
  for (const Field& field : header)
    if (iequals(field.name, "Vary") && (list_has(field.value, name) || field.value == "*")) return;
  header.add("Vary", name);
}

// Does the client ask for a page by name? A script that it loads it asks for with */*.
inline bool asks_for_page(const Header& header) noexcept {
  const Acceptance page = acceptance(header, "text/html");
  return page.precision == 3 && page.weight > 0;
}

// Is it worth the look for a compressed copy?
constexpr bool may_lie_compressed(std::string_view type) noexcept {
  if (type.starts_with("image/")) return type.starts_with("image/svg") || type == "image/bmp";
  if (type.starts_with("audio/") || type.starts_with("video/")) return false;
  for (const std::string_view packed : {"gzip", "zip", "zstd", "7z", "bzip2", "/x-xz", "woff"})
    if (type.find(packed) != type.npos) return false;
  return true;
}

class FileService {
 public:
  FileService(std::shared_ptr<const FileTree> tree, FileServerOptions options)
      : tree_(std::move(tree)), options_(std::move(options)) {}

  void answer(ResponseWriter& w, Request& r) const {
    if (r.method() != "GET" && r.method() != "HEAD") return refuse_method(w, r);
    const auto asked = asked_file(asked_path(RequestAccess::state(r)), options_.dotfiles);
    if (!asked) return answer_missing(w, r);
    if (asked->directory && r.path().ends_with('/')) return answer_directory(w, r, asked->name);
    const FoundFile found = tree_->find(asked->name);
    if (found.kind == FoundFile::directory) return add_slash(w, r);
    answer_found(w, r, asked->name, found);
  }

 private:
  static void refuse_method(ResponseWriter& w, Request& r) {
    w.header().set("Allow", "GET, HEAD, OPTIONS");
    if (r.method() == "OPTIONS") return w.write_header(204);
    answer_error(w, r, 405, "method not allowed");
  }

  void answer_found(ResponseWriter& w, Request& r, const std::string& name,
                    const FoundFile& found) const {
    switch (found.kind) {
      case FoundFile::file: return answer_file(w, r, name, found.content);
      case FoundFile::forbidden: return answer_error(w, r, 403, "forbidden");
      case FoundFile::busy:
        w.header().set("Retry-After", "1");
        return answer_error(w, r, 503, "too busy");
      default: return answer_missing(w, r);
    }
  }

  void answer_missing(ResponseWriter& w, Request& r) const {
    if (options_.fallback.empty()) return not_found(w, r);
    add_vary(w.header(), "Accept");
    if (!asks_for_page(r.header())) return not_found(w, r);
    const FoundFile found = tree_->find(options_.fallback);
    if (found.kind == FoundFile::missing || found.kind == FoundFile::directory)
      return not_found(w, r);
    answer_found(w, r, options_.fallback, found);
  }

  void answer_directory(ResponseWriter& w, Request& r, const std::string& name) const {
    const std::string prefix = name.empty() ? "" : name + '/';
    if (!options_.index.empty()) {
      const FoundFile index = tree_->find(prefix + options_.index);
      if (index.kind != FoundFile::missing && index.kind != FoundFile::directory)
        return answer_found(w, r, prefix + options_.index, index);
    }
    if (options_.list || options_.list_page) {
      if (auto entries = tree_->list(name)) return answer_list(w, r, std::move(*entries));
    }
    answer_missing(w, r);
  }

  void answer_list(ResponseWriter& w, Request& r, std::vector<FileEntry> entries) const {
    if (!options_.dotfiles)
      std::erase_if(entries, [](const FileEntry& e) { return e.name.starts_with('.'); });
    std::sort(entries.begin(), entries.end(),
              [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
    if (options_.list_page) return options_.list_page(w, r, entries);
    w.header().set("Content-Type", "text/html; charset=utf-8");
    w.write_bytes(listing_page(r.path(), entries));
  }

  // Relative, so that it is right behind a proxy that has stripped a prefix. "./" keeps a colon in
  // the name from making a scheme of it.
  static void add_slash(ResponseWriter& w, Request& r) {
    const std::string_view path = r.path();
    std::string location = "./" + encode_location(path.substr(path.rfind('/') + 1)) + '/';
    if (location.find(':') == location.npos) location.erase(0, 2);
    const std::string_view target = r.target();
    if (const std::size_t query = target.find('?'); query != target.npos)
      location += target.substr(query);
    redirect(w, r, location, 301);
  }

  void answer_file(ResponseWriter& w, Request& r, const std::string& name,
                   const FileContent& content) const {
    if (options_.precompressed && may_lie_compressed(mime_type(name)))
      add_vary(w.header(), "Accept-Encoding");
    if (r.header().has("Accept-Encoding")) {
      const CodingWeights wanted = accepted_codings(r.header());
      if (answer_compressed(w, r, name, wanted)) return;
      if (wanted.identity == 0) return answer_error(w, r, 406, "not to be had in such a coding");
    }
    serve_content(w, r, content, {.name = name, .cache_control = options_.cache_control});
  }

  bool answer_compressed(ResponseWriter& w, Request& r, const std::string& name,
                         const CodingWeights& wanted) const {
    if (!options_.precompressed || !may_lie_compressed(mime_type(name))) return false;
    struct Coding {
      std::string_view name, suffix;
      int weight;
    };
    Coding codings[] = {{"br", ".br", wanted.br}, {"gzip", ".gz", wanted.gzip}};
    if (wanted.gzip > wanted.br) std::swap(codings[0], codings[1]);
    for (const auto& [coding, suffix, weight] : codings) {
      if (weight == 0 || weight < wanted.identity) continue;
      const FoundFile found = tree_->find(name + std::string(suffix));
      if (found.kind != FoundFile::file) continue;
      serve_content(w, r, found.content, {name, coding, options_.cache_control});
      return true;
    }
    return false;
  }

  std::shared_ptr<const FileTree> tree_;
  FileServerOptions options_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/file_server.ipp

// file_server.ipp -- the bodies of file_server.hpp.

#include <fcntl.h>   // open
#include <stdlib.h>  // free
#include <unistd.h>  // getcwd

#include <cerrno>        // errno
#include <memory>        // std::make_shared
#include <system_error>  // std::system_error

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::string absolute_path(std::string path) {
  if (path.starts_with('/')) return path;
  char* here = getcwd(nullptr, 0);
  if (!here) throw std::system_error(errno, std::generic_category(), "jot: getcwd");
  path = text(here, "/", path);
  free(here);
  return path;
}

JOT_INLINE std::shared_ptr<const FileTree> folder_tree(std::string root) {
  root = absolute_path(std::move(root));
  const Fd folder(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw std::system_error(errno, std::generic_category(), "jot: FileServer: " + root);
  return std::make_shared<const FolderTree>(root, best_search(folder.get()));
}

}  // namespace detail

JOT_INLINE Embedded::Embedded(std::initializer_list<EmbeddedFile> files)
    : Embedded(std::span<const EmbeddedFile>(files.begin(), files.size())) {}

JOT_INLINE Embedded::Embedded(std::span<const EmbeddedFile> files)
    : files_(std::make_shared<const detail::EmbeddedTree>(files)) {}

JOT_INLINE Value to_value(const FileEntry& entry) {
  return {{"name", entry.name},
          {"href", detail::entry_link(entry)},
          {"directory", entry.directory},
          {"size", entry.size},
          {"modified", entry.modified}};
}

JOT_INLINE FileServer::FileServer(std::string root, FileServerOptions options)
    : service_(std::make_shared<const detail::FileService>(detail::folder_tree(std::move(root)),
                                                           std::move(options))) {}

JOT_INLINE FileServer::FileServer(Embedded files, FileServerOptions options)
    : service_(std::make_shared<const detail::FileService>(std::move(files.files_),
                                                           std::move(options))) {}

JOT_INLINE void FileServer::operator()(ResponseWriter& w, Request& r) const {
  service_->answer(w, r);
}

JOT_INLINE void serve_file(ResponseWriter& w, Request& r, const std::string& path) {
  if (detail::has_dot_dot(r.path())) throw HttpError(400, "the path climbs");
  const bool named = !path.empty() && path.find('\0') == path.npos;
  const detail::FoundFile found =
      named ? detail::found_file(detail::Fd(open(path.c_str(), detail::open_for_serving)))
            : detail::FoundFile();
  switch (found.kind) {
    case detail::FoundFile::file: return detail::serve_content(w, r, found.content, {.name = path});
    case detail::FoundFile::forbidden: return detail::answer_error(w, r, 403, "forbidden");
    case detail::FoundFile::busy: throw HttpError(503, "too busy", {{"Retry-After", "1"}});
    default: return not_found(w, r);
  }
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/media_type.hpp

// media_type.hpp -- what does `form-data; name="a"` say?
//
// In: the value of a Content-Type or Content-Disposition. Out: the word in front, and the
// parameters behind it, unquoted (RFC 9110 section 8.3.1, RFC 2183).
// In a quoted value a backslash escapes what may not stand for itself in a token, as Go reads it:
// "a\"b" is a"b, and C:\dir of a browser that does not escape stays C:\dir.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace jot::inline v1::detail {

constexpr std::string_view media_type(std::string_view field) noexcept {
  return trim(field.substr(0, field.find(';')));
}

// What a token cannot hold, though it can be seen (RFC 2045 section 5.1).
constexpr bool is_tspecial(char c) noexcept {
  return std::string_view("()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos;
}

class Parameters {
 public:
  static constexpr std::size_t most = 32;  // nobody means more, and each is compared with all

  // Reads the parameters of the field. nullopt: they are malformed, too many, or one is there
  // twice, which two readers could understand differently.
  static std::optional<Parameters> parse(std::string_view field) {
    Parameters parameters;
    std::string_view rest = field.substr(std::min(field.find(';'), field.size()));
    for (rest = trim(rest); !rest.empty() && rest != ";"; rest = trim(rest)) {
      if (rest.front() != ';' || !parameters.take(rest)) return std::nullopt;
    }
    return parameters;
  }

  // Names are compared without case. nullptr: absent.
  const std::string* find(std::string_view name) const noexcept {
    for (const auto& [key, value] : items_) {
      if (iequals(key, name)) return &value;
    }
    return nullptr;
  }

 private:
  // The parameter that begins at the semicolon, off the rest.
  bool take(std::string_view& rest) {
    rest = trim(rest.substr(1));
    const std::string_view name = take_token(rest);
    rest = trim(rest);
    if (name.empty() || rest.empty() || rest.front() != '=') return false;
    if (items_.size() == most || find(name)) return false;
    rest = trim(rest.substr(1));
    std::optional<std::string> value = take_value(rest);
    if (!value) return false;
    items_.emplace_back(name, *std::move(value));
    return true;
  }

  static std::string_view take_token(std::string_view& rest) noexcept {
    std::size_t size = 0;
    while (size < rest.size() && is_a(rest[size], byte_token)) ++size;
    const std::string_view token = rest.substr(0, size);
    rest.remove_prefix(size);
    return token;
  }

  static std::optional<std::string> take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) {
      const std::string_view token = take_token(rest);
      return token.empty() ? std::nullopt : std::optional<std::string>(token);
    }
    std::string value;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') return rest.remove_prefix(i + 1), value;
      if (rest[i] == '\\' && i + 1 < rest.size() && is_tspecial(rest[i + 1])) ++i;
      value += rest[i];
    }
    return std::nullopt;  // no closing quote
  }

  std::vector<std::pair<std::string_view, std::string>> items_;  // names are views of the field
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/input.hpp

// input.hpp -- where do received bytes wait until they are understood?
//
// In: bytes from recv, behind those that are there. Out: the unread ones, as one view.
// Growing or making room moves them: a view is good until the next room().

#include <algorithm>    // std::max
#include <cstddef>      // std::size_t
#include <cstring>      // std::memmove
#include <memory>       // std::unique_ptr
#include <span>         // std::span
#include <string_view>  // std::string_view
#include <utility>      // std::exchange

namespace jot::inline v1::detail {

class Input {
 public:
  Input() = default;
  Input(Input&& from) noexcept { *this = std::move(from); }
  Input& operator=(Input&& from) noexcept {
    data_ = std::move(from.data_);
    capacity_ = std::exchange(from.capacity_, 0);
    begin_ = std::exchange(from.begin_, 0), end_ = std::exchange(from.end_, 0);
    return *this;
  }

  std::string_view unread() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  void consume(std::size_t n) noexcept { begin_ += n; }
  void clear() noexcept { begin_ = end_ = 0; }

  // Free space behind the unread bytes: at least so much, and all there is. Doubles when it must
  // grow, so that many small receives cost linear time.
  std::span<char> room(std::size_t at_least) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ < at_least) make_room(at_least);
    return {data_.get() + end_, capacity_ - end_};
  }
  void filled(std::size_t n) noexcept { end_ += n; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
    filled(bytes.size());
  }

 private:
  void make_room(std::size_t at_least) {
    std::size_t need = size() + at_least;
    if (need <= capacity_ && begin_ >= capacity_ / 2) {  // moving pays: at least half comes free
      std::memmove(data_.get(), data_.get() + begin_, size());
    } else {
      std::size_t capacity = std::max(need, capacity_ * 2);
      std::unique_ptr<char[]> bigger(new char[capacity]);
      if (!empty()) std::memcpy(bigger.get(), data_.get() + begin_, size());
      data_ = std::move(bigger), capacity_ = capacity;
    }
    end_ -= begin_, begin_ = 0;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/multipart.hpp

// multipart.hpp -- where do the parts of a body begin and end?
//
//     preamble CR LF --boundary CR LF
//     part head CR LF CR LF content CR LF --boundary CR LF
//     part head CR LF CR LF content CR LF --boundary-- epilogue
//
// In: bytes, cut anywhere. Out: the heads of the parts, pieces of their contents as views, or a
// Verdict. Pure and resumable; the caller keeps what was not consumed. See RFC 2046 section 5.1.1.
//
// Content may hold what looks like a boundary. It is one at the beginning of a line, with spaces,
// tabs, CR LF or "--" behind it; --boundaryX is content. Line ends are CR LF and nothing else, so
// that no two readers see different parts.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::size_t max_part_head = 8 << 10;  // bytes, with its empty line
inline constexpr std::size_t max_part_fields = 32;

// May it part a body? 1 to 70 of certain bytes, the last no space: RFC 2046 section 5.1.1.
constexpr bool is_boundary(std::string_view s) noexcept {
  if (s.empty() || s.size() > 70 || s.back() == ' ') return false;
  for (const char c : s) {
    const bool is_letter = is_a(c, byte_alpha) || is_a(c, byte_digit);
    if (!is_letter && std::string_view("'()+_,-./:=? ").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

// What one call of MultipartScanner::next() found.
struct MultipartStep {
  enum class Found {
    nothing,   // more bytes are needed
    head,      // piece: of a part, with its empty line
    data,      // piece: of its content, not empty
    part_end,  // its content is whole
    end,       // there are no more parts
    bad,       // see verdict
  };

  Found found = Found::nothing;
  std::size_t consumed = 0;  // of the bytes given
  std::string_view piece = {};
  Verdict verdict = {};
};

class MultipartScanner {
 public:
  using Found = MultipartStep::Found;

  // boundary: is_boundary().
  explicit MultipartScanner(std::string_view boundary) : delimiter_("\r\n--") {
    delimiter_ += boundary;
  }

  // bytes: what was not consumed, and new ones behind it. last: no more will come; then the answer
  // is not `nothing`. After end it says so again; not to be called after bad.
  MultipartStep next(std::string_view bytes, bool last) noexcept {
    switch (at_) {
      case At::preamble: return skip_preamble(bytes, last);
      case At::delimiter_end: return take_delimiter_end(bytes, last);
      case At::padding:
      case At::last_padding: return take_padding(bytes, last);
      case At::head: return take_head(bytes, last);
      case At::content: return take_content(bytes, last);
      default: return {Found::end};
    }
  }

 private:
  enum class At { preamble, delimiter_end, padding, last_padding, head, content, epilogue };
  enum class Is { no, yes, unknown };

  static MultipartStep refuse(const char* reason) noexcept {
    return {Found::bad, 0, {}, {400, reason}};
  }

  // Behind so many bytes, which look like a boundary: is it one?
  static Is is_delimiter(std::string_view bytes, std::size_t size) noexcept {
    if (bytes.size() <= size) return Is::unknown;
    const char c = bytes[size];
    if (is_space(c) || c == '\r' || c == '\n') return Is::yes;
    if (c != '-') return Is::no;
    if (bytes.size() == size + 1) return Is::unknown;
    return bytes[size + 1] == '-' ? Is::yes : Is::no;
  }

  MultipartStep skip_preamble(std::string_view bytes, bool last) noexcept {
    for (std::size_t skipped = 0;;) {
      MultipartStep step = to_delimiter(bytes.substr(skipped));
      skipped += step.consumed;
      if (step.found == Found::data) continue;
      if (step.found == Found::nothing && last) return refuse("multipart: there is no boundary");
      if (step.found == Found::part_end)
        step = next(bytes.substr(skipped), last);
      else
        step.consumed = 0;
      step.consumed += skipped;
      return step;
    }
  }

  MultipartStep take_content(std::string_view bytes, bool last) noexcept {
    const MultipartStep step = to_delimiter(bytes);
    if (last && step.found == Found::nothing)
      return refuse("multipart: the body ends inside a part: its last boundary is missing");
    return step;
  }

  // Data before the next delimiter, or the delimiter, as part_end.
  MultipartStep to_delimiter(std::string_view bytes) noexcept {
    const std::string_view line = std::string_view(delimiter_).substr(2);
    if (at_line_start_ && line.starts_with(bytes.substr(0, line.size()))) {
      const Is is = is_delimiter(bytes, line.size());
      if (is == Is::unknown) return {};
      if (is == Is::yes) return pass_delimiter(line.size());
    }
    const std::size_t at = bytes.find(delimiter_);
    if (at == bytes.npos) return take_data(bytes, bytes.size() - possible_begin(bytes));
    if (at > 0) return take_data(bytes, at);
    const Is is = is_delimiter(bytes, delimiter_.size());
    if (is == Is::unknown) return {};
    return is == Is::yes ? pass_delimiter(delimiter_.size()) : take_data(bytes, delimiter_.size());
  }

  MultipartStep pass_delimiter(std::size_t size) noexcept {
    at_ = At::delimiter_end;
    return {Found::part_end, size};
  }

  MultipartStep take_data(std::string_view bytes, std::size_t size) noexcept {
    if (size == 0) return {};
    at_line_start_ = false;
    return {Found::data, size, bytes.substr(0, size)};
  }

  // How many bytes at the end may be the beginning of a delimiter. It has one CR, in front.
  std::size_t possible_begin(std::string_view bytes) const noexcept {
    const std::string_view end =
        bytes.substr(bytes.size() - std::min(bytes.size(), delimiter_.size() - 1));
    for (std::size_t at = end.find('\r'); at != end.npos; at = end.find('\r', at + 1)) {
      if (std::string_view(delimiter_).starts_with(end.substr(at))) return end.size() - at;
    }
    return 0;
  }

  // Here is_delimiter() has looked already, so that one or two bytes are there.
  MultipartStep take_delimiter_end(std::string_view bytes, bool last) noexcept {
    const bool is_last = bytes.starts_with("--");
    at_ = is_last ? At::last_padding : At::padding;
    MultipartStep step = take_padding(bytes.substr(is_last ? 2 : 0), last);
    step.consumed += is_last ? 2 : 0;
    return step;
  }

  // Spaces and tabs, and then CR LF; behind the last boundary the body may end instead.
  MultipartStep take_padding(std::string_view bytes, bool last) noexcept {
    const bool is_last = at_ == At::last_padding;
    std::size_t size = 0;
    while (size < bytes.size() && is_space(bytes[size])) ++size;
    const std::string_view rest = bytes.substr(size);
    if (rest.size() < 2 && std::string_view("\r\n").starts_with(rest)) {
      if (!last) return {Found::nothing, size};
      return is_last ? finish() : refuse("multipart: the body ends behind a boundary");
    }
    if (!rest.starts_with("\r\n")) return refuse("multipart: more than a boundary in its line");
    if (is_last) return finish();
    at_ = At::head;
    MultipartStep step = take_head(rest.substr(2), last);
    step.consumed += size + 2;
    return step;
  }

  MultipartStep finish() noexcept {
    at_ = At::epilogue;
    return {Found::end};
  }

  MultipartStep take_head(std::string_view bytes, bool last) noexcept {
    const std::size_t end = bytes.starts_with("\r\n") ? 0 : bytes.find("\r\n\r\n");
    const std::size_t size = end == 0 ? 2 : end + 4;
    if (end == bytes.npos ? bytes.size() >= max_part_head : size > max_part_head)
      return refuse("multipart: the head of a part is too long");
    if (end == bytes.npos && last) return refuse("multipart: the body ends in the head of a part");
    if (end == bytes.npos) return {};
    at_ = At::content;
    at_line_start_ = true;  // the empty line's CR LF may be that of a delimiter
    return {Found::head, size, bytes.substr(0, size)};
  }

  std::string delimiter_;  // CR LF -- boundary
  At at_ = At::preamble;
  bool at_line_start_ = true;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/part_head.hpp

// part_head.hpp -- what is said about a part of a form?
//
// In: the head of a part (RFC 7578 section 4). Out: its name, its file name and its type; or a
// Verdict. The name of a file is a stranger's: of a path only the last step is left, whichever
// way its slashes lean.
//
// filename*, which RFC 7578 section 4.2 forbids and some clients send alone, counts where there is
// no filename, so that a file is not taken for a field. name* never counts.

#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct PartHead {
  std::string name, file_name, content_type;
  bool is_file = false;  // has a file name; an <input type=file> without a file has an empty one
};

// "C:\fakepath\a.txt" and "../../a.txt" are "a.txt"; what is no name for a file is "file".
inline std::string bare_file_name(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of("/\\") + 1);
  return name.empty() || name == "." || name == ".." ? "file" : std::string(name);
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

// -------------------------------------------------------------- jot/detail/part_reader.hpp

// part_reader.hpp -- who reads a body part by part?
//
// In: the body of a request. Out: part after part, its head and then its bytes, as they come. Holds
// a buffer of some 32 KiB, whatever the body's size. What is no multipart is HttpError 400, too
// many parts are 413.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <cstring>      // std::memcpy
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class PartReader {
 public:
  using Found = MultipartStep::Found;

  PartReader(Body& body, std::string_view boundary, std::size_t max_parts)
      : body_(body), scanner_(boundary), max_parts_(max_parts) {}

  // Passes over what is left of the part before. False: there is none any more.
  bool next(PartHead& head) {
    piece_ = {};
    in_part_ = false;
    for (;;) {
      const MultipartStep step = look();
      if (step.found == Found::end) return false;
      if (step.found != Found::head) continue;
      if (++parts_ > max_parts_) fail({413, "multipart: too many parts"});
      if (const Verdict v = parse_part_head(step.piece, head); !v.ok()) fail(v);
      in_part_ = true;
      return true;
    }
  }

  // At least one byte of this part. Returns 0 at its end.
  std::size_t read(std::span<char> to) {
    if (to.empty()) return 0;
    while (in_part_ && piece_.empty()) {
      const MultipartStep step = look();
      if (step.found == Found::data)
        piece_ = step.piece;
      else
        in_part_ = false;
    }
    const std::size_t n = std::min(to.size(), piece_.size());
    if (n > 0) std::memcpy(to.data(), piece_.data(), n);
    piece_.remove_prefix(n);
    return n;
  }

  // All that is left of this part. Throws: HttpError 413 for more than limit bytes.
  std::string read_all(std::size_t limit) {
    std::string all;
    char some[4096];
    while (const std::size_t n = read(some)) {
      if (n > limit - all.size()) throw HttpError(413, "multipart: a part is too long");
      all.append(some, n);
    }
    return all;
  }

 private:
  static constexpr std::size_t receive_size = 16u << 10;

  [[noreturn]] void fail(Verdict verdict) {
    failure_ = verdict;
    throw HttpError(verdict.status, verdict.reason);
  }

  // The next thing in the body. Its piece is good until the next call.
  MultipartStep look() {
    if (!failure_.ok()) fail(failure_);
    for (;;) {
      const MultipartStep step = scanner_.next(input_.unread(), ended_);
      input_.consume(step.consumed);
      if (step.found == Found::bad) fail(step.verdict);
      if (step.found != Found::nothing) return step;
      const std::size_t n = body_.read(input_.room(receive_size));
      input_.filled(n);
      ended_ = n == 0;
    }
  }

  Body& body_;
  MultipartScanner scanner_;
  const std::size_t max_parts_;
  Input input_;
  std::string_view piece_;  // of this part's data, in input_, not read yet
  std::size_t parts_ = 0;
  Verdict failure_;       // once it has failed it goes on failing
  bool in_part_ = false;  // its end was not seen yet
  bool ended_ = false;    // the body
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/spool.hpp

// spool.hpp -- where does an uploaded file wait for its handler?
//
// In: bytes as they come. Out: all of them, as one view that can be shared.
//
//   1. They are kept in memory, as long as they are few.
//   2. Then they go to a temporary file that has no name: nobody else can open it, and it is gone
//      with its descriptor, also when the process dies. O_TMPFILE makes it so from the start; where
//      the file system cannot, it has a name for a moment.
//   3. At the end the file is mapped: the kernel reads and forgets its pages as need be.

#include <fcntl.h>     // open, O_TMPFILE
#include <stdlib.h>    // mkostemp
#include <sys/mman.h>  // mmap, munmap
#include <unistd.h>    // write, unlink

#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <cstdlib>       // std::getenv
#include <memory>        // std::shared_ptr
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), "jot: " + what);
}

// All of them. Throws: std::system_error, when the disk is full among others.
inline void write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) throw_errno(name);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// A file that has a name only while it is made. Throws: std::system_error that names the folder.
inline Fd open_named_once(const std::string& folder) {
  std::string name = folder + "/jot-XXXXXX";
  Fd file(mkostemp(name.data(), O_CLOEXEC));
  if (!file || unlink(name.c_str()) != 0) throw_errno(folder);
  return file;
}

// A file without a name. Throws: as above.
inline Fd open_unnamed(const std::string& folder) {
  Fd file(open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // What kernels and file systems answer that know nothing of O_TMPFILE.
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return open_named_once(folder);
  throw_errno(folder);
}

// $TMPDIR; else /var/tmp, for /tmp is memory on many systems.
inline std::string default_spool_folder() {
  const char* chosen = std::getenv("TMPDIR");
  if (chosen && *chosen) return chosen;
  return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

// The bytes of a file, in memory or mapped. Threads: read by many at a time.
struct SpooledBytes {
  SpooledBytes() = default;
  SpooledBytes(const SpooledBytes&) = delete;
  SpooledBytes& operator=(const SpooledBytes&) = delete;
  ~SpooledBytes() {
    if (map) munmap(map, size);
  }

  std::string_view view() const noexcept {
    return map ? std::string_view(static_cast<const char*>(map), size) : memory;
  }

  std::string memory;
  Fd file;
  void* map = nullptr;
  std::size_t size = 0;  // of the map
};

class Spool {
 public:
  bool in_file() const noexcept { return static_cast<bool>(bytes_->file); }
  std::size_t in_memory() const noexcept { return bytes_->memory.size(); }

  // What is in memory goes to a file in that folder, and what is appended after it.
  void move_to_file(const std::string& folder) {
    folder_ = folder;
    bytes_->file = open_unnamed(folder);
    write_all(bytes_->file.get(), bytes_->memory, folder_);
    bytes_->size = bytes_->memory.size();
    std::string().swap(bytes_->memory);
  }

  void append(std::string_view more) {
    if (!in_file()) return void(bytes_->memory += more);
    write_all(bytes_->file.get(), more, folder_);
    bytes_->size += more.size();
  }

  // No more are appended.
  std::shared_ptr<const SpooledBytes> finish() && {
    if (in_file() && bytes_->size > 0) {
      void* map = mmap(nullptr, bytes_->size, PROT_READ, MAP_SHARED, bytes_->file.get(), 0);
      if (map == MAP_FAILED) throw_errno(folder_);
      bytes_->map = map;
    }
    return std::move(bytes_);
  }

 private:
  std::shared_ptr<SpooledBytes> bytes_ = std::make_shared<SpooledBytes>();
  std::string folder_;  // for what goes wrong
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/urlencoded.hpp

// urlencoded.hpp -- which fields has a form that came as a=1&b=two+words?
//
// In: the body of a form (application/x-www-form-urlencoded). Out: its pairs. Unlike a query, which
// people type, a form is written by a program: what is no escape, or is parted by a semicolon, is
// refused, as by Go. See Values::parse for queries.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// Plus is a space. Throws: HttpError 400 for a % that is no escape.
inline std::string decode_form(std::string_view s) {
  std::string decoded;
  decoded.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '%') {
      decoded += s[i] == '+' ? ' ' : s[i];
      continue;
    }
    const int high = i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = i + 2 < s.size() ? hex_digit(s[i + 2]) : -1;
    if (high < 0 || low < 0) throw HttpError(400, "form: a % that is no escape");
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

// Throws: HttpError 400 as above, 413 for more pairs than max_fields.
inline Values parse_urlencoded(std::string_view text, std::size_t max_fields) {
  Values values;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    if (pair.empty()) continue;
    if (pair.find(';') != pair.npos) throw HttpError(400, "form: a semicolon between fields");
    if (values.size() == max_fields) throw HttpError(413, "form: too many fields");
    const std::size_t equals = pair.find('=');
    std::string name = decode_form(pair.substr(0, equals));
    values.add(std::move(name), equals == pair.npos ? "" : decode_form(pair.substr(equals + 1)));
  }
  return values;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/read_form.hpp

// read_form.hpp -- from the body of a request to a Form.
//
// In: a body, and how much of it may be kept. Out: its fields in memory, its files in memory or
// spooled; or an HttpError. Whatever the body, memory is bounded by FormOptions.

#include <cstddef>       // std::size_t
#include <memory>        // std::shared_ptr
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

struct FormAccess {
  static Values& fields(Form& form) noexcept { return form.fields_; }
  static std::vector<FormFile>& files(Form& form) noexcept { return form.files_; }
  static const SpooledBytes* bytes(const FormFile& file) noexcept { return file.bytes_.get(); }
  static void set_bytes(FormFile& file, std::shared_ptr<const SpooledBytes> bytes) noexcept {
    file.data = bytes->view();
    file.bytes_ = std::move(bytes);
  }
};

// The boundary of a body whose type is multipart/form-data.
inline std::string boundary_of(std::string_view content_type) {
  const auto parameters = Parameters::parse(content_type);
  const std::string* boundary = parameters ? parameters->find("boundary") : nullptr;
  if (!boundary) throw HttpError(400, "multipart: the Content-Type has no boundary");
  if (!is_boundary(*boundary)) throw HttpError(400, "multipart: not a boundary");
  return *boundary;
}

class MultipartForm {
 public:
  MultipartForm(Request& r, const FormOptions& options)
      : options_(options),
        log_(r.log()),
        reader_(r.body(), boundary_of(r.header().get("Content-Type")), options.max_fields) {}

  Form read() {
    PartHead head;
    while (reader_.next(head)) head.is_file ? read_file(std::move(head)) : read_field(head);
    return std::move(form_);
  }

 private:
  static constexpr std::size_t cost = 128;  // of a field or file besides its bytes, about

  void take_memory(std::size_t bytes) {
    if (bytes > options_.max_memory - kept_) throw HttpError(413, "form: too large");
    kept_ += bytes;
  }

  void read_field(PartHead& head) {
    take_memory(cost + head.name.size());
    std::string value = reader_.read_all(std::min(options_.max_field, options_.max_memory - kept_));
    kept_ += value.size();
    FormAccess::fields(form_).add(std::move(head.name), std::move(value));
  }

  void read_file(PartHead head) {
    take_memory(cost + head.name.size() + head.file_name.size() + head.content_type.size());
    FormFile file;
    file.name = std::move(head.name), file.file_name = std::move(head.file_name);
    file.content_type = std::move(head.content_type);
    FormAccess::set_bytes(file, read_bytes());
    FormAccess::files(form_).push_back(std::move(file));
  }

  std::shared_ptr<const SpooledBytes> read_bytes() {
    Spool spool;
    char some[16u << 10];
    while (const std::size_t n = reader_.read(some)) keep(spool, {some, n});
    kept_files_ += spool.in_memory();
    return or_refuse([&] { return std::move(spool).finish(); });
  }

  void keep(Spool& spool, std::string_view bytes) {
    const std::size_t most = std::min(options_.spool_above, options_.max_memory - kept_files_);
    if (!spool.in_file() && bytes.size() > most - std::min(most, spool.in_memory())) {
      about_to_block();
      or_refuse([&] { spool.move_to_file(folder()); });
    }
    or_refuse([&] { spool.append(bytes); });
  }

  std::string folder() const {
    return options_.spool_folder.empty() ? default_spool_folder() : options_.spool_folder;
  }

  // What the disk says is for the log; the client hears that it is us, not its form.
  template <class F>
  auto or_refuse(const F& f) -> decltype(f()) {
    try {
      return f();
    } catch (const std::system_error& e) {
      log_.error("cannot keep an uploaded file", {{"error", e.what()}});
      const bool busy = e.code() == std::errc::too_many_files_open ||
                        e.code() == std::errc::too_many_files_open_in_system;
      if (busy) throw HttpError(503, "too busy", {{"Retry-After", "1"}});
      throw HttpError(507);
    }
  }

  const FormOptions& options_;
  const Logger& log_;
  PartReader reader_;
  Form form_;
  std::size_t kept_ = 0, kept_files_ = 0;  // bytes in memory, of max_memory each
};

inline bool is_multipart_type(std::string_view content_type) noexcept {
  return iequals(media_type(content_type), "multipart/form-data");
}

inline Form read_form(Request& r, const FormOptions& options) {
  const std::string_view type = r.header().get("Content-Type");
  if (is_multipart_type(type)) return MultipartForm(r, options).read();
  Form form;
  if (iequals(media_type(type), "application/x-www-form-urlencoded")) {
    FormAccess::fields(form) =
        parse_urlencoded(r.body().read_all(options.max_memory), options.max_fields);
    return form;
  }
  char byte;
  if (r.header().has("Content-Type") || r.body().read({&byte, 1}) > 0)
    throw HttpError(415, "want a form",
                    {{"Accept", "application/x-www-form-urlencoded, multipart/form-data"}});
  return form;  // no type and no body: a form with nothing in it
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/replace_file.hpp

// replace_file.hpp -- how does a file appear whole, or not at all?
//
// In: a path and bytes. The bytes go to a file beside it, which then takes its name: who opens the
// path meanwhile sees the old file or the new one, never half of it.

#include <fcntl.h>   // open
#include <stdio.h>   // rename
#include <unistd.h>  // unlink

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Permissions: 0666 less the umask. Throws: std::system_error that names the path.
inline void replace_file(const std::string& path, std::string_view bytes) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);  // with its slash, or ""
  const std::string beside = folder + ".jot-" + base64url_encode(random_bytes(12));
  const Fd file(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file) throw_errno(path);
  try {
    write_all(file.get(), bytes, path);
    if (rename(beside.c_str(), path.c_str()) != 0) throw_errno(path);
  } catch (...) {
    unlink(beside.c_str());
    throw;
  }
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/form.ipp

// form.ipp -- the bodies of form.hpp, and Request::form().

#include <memory>     // std::make_shared, std::make_unique
#include <stdexcept>  // std::invalid_argument

namespace jot::inline v1 {

JOT_INLINE int FormFile::fd() const noexcept {
  const detail::SpooledBytes* bytes = detail::FormAccess::bytes(*this);
  return bytes ? bytes->file.get() : -1;
}

JOT_INLINE void FormFile::save_to(const std::string& path) const {
  if (path.find('\0') != path.npos)
    throw std::invalid_argument("jot: FormFile::save_to: a NUL in the path");
  detail::replace_file(path, data);
}

JOT_INLINE const std::string& Form::get(std::string_view name) const noexcept {
  return fields_.get(name);
}
JOT_INLINE bool Form::has(std::string_view name) const noexcept { return fields_.has(name); }
JOT_INLINE std::vector<std::string_view> Form::all(std::string_view name) const {
  return fields_.all(name);
}

JOT_INLINE const FormFile* Form::file(std::string_view name) const noexcept {
  for (const FormFile& file : files_) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

JOT_INLINE std::vector<const FormFile*> Form::files(std::string_view name) const {
  std::vector<const FormFile*> found;
  for (const FormFile& file : files_) {
    if (file.name == name) found.push_back(&file);
  }
  return found;
}

JOT_INLINE std::size_t MultipartPart::read(std::span<char> to) { return reader_->read(to); }
JOT_INLINE std::string MultipartPart::read_all(std::size_t limit) {
  return reader_->read_all(limit);
}

JOT_INLINE Multipart::Multipart(Request& r, std::size_t max_parts) {
  const std::string_view type = r.header().get("Content-Type");
  if (!detail::is_multipart_type(type))
    throw HttpError(415, "want multipart/form-data", {{"Accept", "multipart/form-data"}});
  reader_ = std::make_unique<detail::PartReader>(r.body(), detail::boundary_of(type), max_parts);
  part_.reader_ = reader_.get();
}
JOT_INLINE Multipart::~Multipart() = default;

JOT_INLINE MultipartPart* Multipart::next() {
  detail::PartHead head;
  if (!reader_->next(head)) return nullptr;
  part_.name = std::move(head.name);
  part_.file_name = std::move(head.file_name);
  part_.content_type = std::move(head.content_type);
  return &part_;
}

JOT_INLINE const Form& Request::form() { return form(FormOptions{}); }

// What failed once goes on failing: the body is read, and would seem to be an empty form.
JOT_INLINE const Form& Request::form(const FormOptions& options) {
  detail::RequestState& s = *state_;
  if (s.form_error) std::rethrow_exception(s.form_error);
  if (s.form) return *s.form;
  try {
    s.form = std::make_shared<const Form>(detail::read_form(*this, options));
  } catch (const HttpError&) {
    s.form_error = std::current_exception();
    throw;
  }
  return *s.form;
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/client_address.hpp

// client_address.hpp -- which host, and which subscriber, is behind this address?
//
// In: what remote_addr() says, "192.0.2.1:40312", "[2001:db8::1]:40312", with or without a port, or
// anything else. Out: the host alone; or the network that one subscriber has.

#include <arpa/inet.h>   // inet_pton
#include <netinet/in.h>  // in6_addr, in_addr

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// "192.0.2.1", "2001:db8::1"; what is no address with a port stays as it is.
inline std::string_view client_host(std::string_view addr) noexcept {
  if (addr.starts_with('[')) {
    const std::size_t end = addr.find(']');
    return end == addr.npos ? addr : addr.substr(1, end - 1);
  }
  const std::size_t colon = addr.find(':');
  const bool has_port = colon != addr.npos && colon > 0 && colon == addr.rfind(':');
  return has_port && colon + 1 < addr.size() ? addr.substr(0, colon) : addr;
}

// The bytes of an IPv4 address, also where it is mapped into IPv6; of IPv6 the first eight, for a
// subscriber has at least a /64 to choose addresses from; else the text.
inline std::string client_network(std::string_view addr) {
  std::string host(client_host(addr));
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1)
    return {reinterpret_cast<const char*>(&four), sizeof four};
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) != 1) return host;
  const auto* bytes = reinterpret_cast<const char*>(&six);
  return IN6_IS_ADDR_V4MAPPED(&six) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/access_line.hpp

// access_line.hpp -- how does a request look in an access log?
//
// In: a request and what was answered. Out: one line of the Common or Combined Log Format, or one
// JSON object, with its newline. What a client has chosen can neither end a line nor a field:
// inside quotes, quotes, backslashes, controls and whatever is not ASCII are escaped (\x0a, as
// Apache does), outside of them also spaces.

#include <time.h>  // gmtime_r, timespec

#include <cstdint>      // std::uint64_t
#include <cstdio>       // std::snprintf
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct AccessEntry {
  const Request& request;
  int status;
  std::uint64_t bytes;  // of the body, sent
  double ms;            // that it took
  timespec begin;
};

inline void append_clf(std::string& to, std::string_view text, bool in_quotes) {
  constexpr char hex[] = "0123456789abcdef";
  if (text.empty()) return void(to += '-');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || (byte == ' ' && !in_quotes))
      ((to += "\\x") += hex[byte >> 4]) += hex[byte & 15];
    else if (c == '"' || c == '\\')
      (to += '\\') += c;
    else
      to += c;
  }
}
inline void append_quoted_clf(std::string& to, std::string_view text) {
  append_clf(to += '"', text, true);
  to += '"';
}

// "[10/Oct/2000:13:55:36 +0000]": months have English names, whatever the locale.
inline void append_clf_time(std::string& to, const timespec& moment) {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  tm t{};
  gmtime_r(&moment.tv_sec, &t);
  char text[64];
  std::snprintf(text, sizeof text, "[%02d/%s/%04d:%02d:%02d:%02d +0000]", t.tm_mday,
                months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  to += text;
}

// host - user [time] "GET /path HTTP/1.1" 200 2326
inline std::string common_line(const AccessEntry& e) {
  const Request& r = e.request;
  const auto auth = r.basic_auth();
  std::string line;
  append_clf(line, client_host(r.remote_addr()), false);
  append_clf(line += " - ", auth ? std::string_view(auth->user) : std::string_view(), false);
  append_clf_time(line += ' ', e.begin);
  append_quoted_clf(line += ' ', text(r.method(), ' ', r.target(), ' ', r.proto()));
  return line += text(' ', e.status, ' ', e.bytes);
}

// The same and "referer" "user agent".
inline std::string combined_line(const AccessEntry& e) {
  std::string line = common_line(e);
  append_quoted_clf(line += ' ', e.request.header().get("Referer"));
  append_quoted_clf(line += ' ', e.request.header().get("User-Agent"));
  return line;
}

// Members that are empty are left out.
inline std::string json_line(const AccessEntry& e, std::string_view request_id) {
  const Request& r = e.request;
  const auto auth = r.basic_auth();
  std::string line = text("{\"time\":\"", log_time(e.begin), '"');
  const auto member = [&line](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    ((line += ",\"") += name) += "\":";
    JsonWriter(line, 0, NotFinite::write_null).write(value);
  };
  member("remote", client_host(r.remote_addr()));
  if (auth) member("user", auth->user);
  member("method", r.method());
  member("host", r.host());
  member("target", r.target());
  member("proto", r.proto());
  line += text(",\"status\":", e.status, ",\"bytes\":", e.bytes, ",\"ms\":", e.ms);
  member("pattern", r.pattern());
  member("request_id", request_id);
  member("referer", r.header().get("Referer"));
  member("user_agent", r.header().get("User-Agent"));
  return line += '}';
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/deadline_writer.hpp

// deadline_writer.hpp -- who answers when the handler does not come to an end?
//
// In: what a handler writes, and from the timer's thread the word that its time is up. Out: either
// the handler's response or a 503, never a mixture.
//
//   1. The handler writes through here, into a Header of its own. Every call holds the lock, swaps
//      that Header in, does its work on the inner writer, and swaps it out again.
//   2. expire(), on the timer's thread: takes the lock and looks. Nothing has left: it answers 503
//      on the inner writer, whose Header is the one that outer middleware made. The head has left:
//      it cuts the connection. Either way the handler's calls return false from then on, and its
//      Header goes nowhere.
//   3. finish(), when the handler has returned and expire() will not come any more.
//
// Why this is safe. The engine, too, touches a response while its handler runs (an invitation to
// send the body, answers that were held back): it holds the same lock, see Origin::share_response.
// The timer's thread is all deadlines', so it never waits for a client: a 503 that does not fit
// into the socket, because earlier answers fill it, ends the connection (NoWaiting). Nor does it
// wait for a handler that sits in a write to a full socket: such a write ends with the request's
// Context, and with a Context of the handler's own making after `patience` it is left alone, for
// then bytes have left and there is nothing to answer.
// Threads: the handler's calls from one at a time; expire() from any.

#include <atomic>     // std::atomic
#include <chrono>     // std::chrono::milliseconds
#include <exception>  // std::exception_ptr
#include <mutex>      // std::lock_guard, std::unique_lock
#include <thread>     // std::this_thread
#include <utility>    // std::swap

namespace jot::inline v1::detail {

// Has the deadline passed? The timer may tell a little later.
inline bool is_late(const Context& ctx) noexcept {
  return ctx.done() ? ctx.err() == Errc::deadline_exceeded : ctx.remaining() == nanoseconds::zero();
}

class DeadlineWriter final : public ResponseWriter, private Flusher {
 public:
  // ctx: the deadline's. Within a middleware of the same kind, both share the outer one's lock.
  DeadlineWriter(ResponseWriter& inner, Request& r, const Context& ctx)
      : inner_(inner),
        context_(ctx),
        state_(RequestAccess::state(r)),
        lock_(state_.response_lock ? *state_.response_lock : own_lock_),
        header_(inner.header()) {
    if (&lock_ == &own_lock_) share(&own_lock_);
  }
  ~DeadlineWriter() override {
    if (&lock_ == &own_lock_) share(nullptr);
  }

  // ---- the handler ----

  Header& header() override { return header_; }

  void write_header(int status) override {
    const Turn turn(*this);
    if (turn.in_time()) inner_.write_header(status);
  }
  bool write_bytes(std::string_view bytes) override {
    const Turn turn(*this);
    return turn.in_time() && inner_.write_bytes(bytes);
  }
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    const Turn turn(*this);
    return turn.in_time() && inner_.write_file(file, offset, length);
  }
  Flusher* flusher() override {
    const std::lock_guard hold(lock_);
    return inner_.flusher() ? this : nullptr;
  }
  bool reset() override {
    const Turn turn(*this);
    return turn.in_time() && inner_.reset();
  }
  int status() const override {
    const std::lock_guard hold(lock_);
    return inner_.status();
  }
  bool committed() const override {
    const std::lock_guard hold(lock_);
    return inner_.committed();
  }
  std::uint64_t bytes_written() const override {
    const std::lock_guard hold(lock_);
    return inner_.bytes_written();
  }

  // ---- the timer ----

  void expire() noexcept try {
    const NoWaiting no_waiting;
    expired_ = true;
    const std::unique_lock hold = lock_in_time();
    if (hold && !inner_.committed()) return answer();
    if (state_.origin) state_.origin->cut();
  } catch (...) {
    // No memory for the answer: the handler's thread sees that there is none.
  }

  // ---- the middleware, on the handler's thread ----

  bool expired() const noexcept { return expired_; }

  // thrown: what the handler let go, else nullptr. Throws: that, where the response is still to be
  // made of it; HttpError 503 where a stream must be cut short.
  void finish(const std::exception_ptr& thrown, const Request& r) {
    if (answered_) return tell(thrown, r);
    if (thrown) std::rethrow_exception(thrown);
    if (expired_) throw HttpError(503);
    inner_.header() = std::move(header_);  // trailers are in it, too
  }

 private:
  static constexpr std::chrono::milliseconds patience{10};

  // A call of the handler's: the lock, and its Header in the place of the outer one. A handler that
  // wakes at the deadline may be here before the timer: it is too late all the same, for what it
  // sent now would leave no room for the 503.
  class Turn {
   public:
    explicit Turn(DeadlineWriter& w)
        : w_(w), hold_(w.lock_), in_time_(!w.expired_ && !is_late(w.context_)) {
      if (in_time_) std::swap(w_.header_, w_.inner_.header());
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (in_time_) std::swap(w_.header_, w_.inner_.header());
    }
    bool in_time() const noexcept { return in_time_; }

   private:
    DeadlineWriter& w_;
    const std::lock_guard<ResponseLock> hold_;
    const bool in_time_;
  };

  // The lock, or nothing when it cannot be had within `patience`. (A timed mutex would do, if
  // ThreadSanitizer knew how g++ 12 waits for one.)
  std::unique_lock<ResponseLock> lock_in_time() {
    const auto end = Clock::now() + patience;
    std::unique_lock hold(lock_, std::try_to_lock);
    while (!hold && Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      (void)hold.try_lock();
    }
    return hold;
  }

  bool flush() override {
    const Turn turn(*this);
    return turn.in_time() && inner_.flusher()->flush();
  }

  void share(ResponseLock* lock) noexcept {
    state_.response_lock = lock;
    if (state_.origin) state_.origin->share_response(lock);
  }

  // With its length, so that the client need not wait for the handler to see where it ends.
  void answer() {
    constexpr std::string_view words = "this takes too long\n";
    const Header outer = inner_.header();
    if (!inner_.reset()) return;
    inner_.header() = outer;
    inner_.header().set("Content-Type", "text/plain; charset=utf-8");
    inner_.header().set("X-Content-Type-Options", "nosniff");
    inner_.header().set("Content-Length", words.size()).set("Connection", "close");
    inner_.write_header(503);
    inner_.write_bytes(words);
    answered_ = true;
    if (Flusher* flusher = inner_.flusher()) flusher->flush();
  }

  // The client has its 503; the log has the rest.
  static void tell(const std::exception_ptr& thrown, const Request& r) try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const HttpError&) {
    // Meant for the client, who has left.
  } catch (const std::exception& e) {
    r.log().error("handler threw after its time", {{"path", r.path()}, {"error", e.what()}});
  } catch (...) {
    r.log().error("handler threw after its time", {{"path", r.path()}});
  }

  ResponseWriter& inner_;
  const Context& context_;
  RequestState& state_;
  mutable ResponseLock own_lock_;
  ResponseLock& lock_;                 // guards inner_ and answered_
  Header header_;                      // the handler's
  std::atomic<bool> expired_ = false;  // set before the lock is taken: who comes later is too late
  bool answered_ = false;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/siphash.hpp

// siphash.hpp -- which number stands for these bytes, so that nobody can aim at a collision?
//
// SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits of the bytes and a key of 128. Who does not
// know the key can do no better than chance. With a fixed key it is a fast hash like others.

#include <bit>          // std::rotl
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct SipKey {
  std::uint64_t k0 = 0, k1 = 0;
};

class SipState {
 public:
  explicit SipState(SipKey key) noexcept
      : a_(key.k0 ^ 0x736f6d6570736575),
        b_(key.k1 ^ 0x646f72616e646f6d),
        c_(key.k0 ^ 0x6c7967656e657261),
        d_(key.k1 ^ 0x7465646279746573) {}

  void add(std::uint64_t word) noexcept {
    d_ ^= word;
    round(), round();
    a_ ^= word;
  }

  std::uint64_t finish() noexcept {
    c_ ^= 0xff;
    round(), round(), round(), round();
    return a_ ^ b_ ^ c_ ^ d_;
  }

 private:
  void round() noexcept {
    a_ += b_, b_ = std::rotl(b_, 13), b_ ^= a_, a_ = std::rotl(a_, 32);
    c_ += d_, d_ = std::rotl(d_, 16), d_ ^= c_;
    a_ += d_, d_ = std::rotl(d_, 21), d_ ^= a_;
    c_ += b_, b_ = std::rotl(b_, 17), b_ ^= c_, c_ = std::rotl(c_, 32);
  }

  std::uint64_t a_, b_, c_, d_;
};

inline std::uint64_t siphash(std::string_view bytes, SipKey key) noexcept {
  SipState state(key);
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) state.add(load8(bytes.data() + i));
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i - whole));
  state.add(last);
  return state.finish();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/entity_tag.hpp

// entity_tag.hpp -- has the client got these bytes already?
//
// In: what a handler writes, kept back while it is short. Out: the same with an ETag made of the
// bytes, or a 304 without them. What is flushed, or grows beyond the limit, passes unchanged.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Strong: 128 bits of the bytes, the same on all machines.
inline std::string tag_of(std::string_view bytes) {
  constexpr char hex[] = "0123456789abcdef";
  std::string tag = "\"";
  for (const std::uint64_t half : {siphash(bytes, {0, 0}), siphash(bytes, {1, 1})}) {
    for (int shift = 60; shift >= 0; shift -= 4) tag += hex[half >> shift & 0xf];
  }
  return tag += '"';
}

class TaggingWriter final : public WriterProxy, private Flusher {
 public:
  TaggingWriter(ResponseWriter& w, std::size_t max_size) : WriterProxy(w), max_size_(max_size) {}

  bool write_bytes(std::string_view bytes) override {
    if (!passes_ && kept_.size() + bytes.size() <= max_size_) return kept_ += bytes, true;
    return pass() && inner().write_bytes(bytes);
  }

  // What is too long for a tag need not be seen.
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    if (!passes_ && length <= max_size_ - kept_.size())
      return WriterProxy::write_file(file, offset, length);
    return pass() && inner().write_file(file, offset, length);
  }

  Flusher* flusher() override { return inner().flusher() ? this : nullptr; }

  std::uint64_t bytes_written() const override { return inner().bytes_written() + kept_.size(); }

  bool reset() override {
    if (!inner().reset()) return false;
    kept_.clear(), passes_ = false;
    return true;
  }

  // The handler has returned.
  void finish(const Request& r) {
    if (passes_ || inner().committed()) return void(pass());
    const bool is_head = r.method() == "HEAD";
    if (status() == 200 && (r.method() == "GET" || is_head)) {
      // A handler may leave out the body of HEAD: what it would be is not known then.
      if (!header().has("ETag") && !(is_head && kept_.empty())) header().set("ETag", tag_of(kept_));
      if (has_it_already(r)) return not_modified();
    }
    pass();
  }

 private:
  bool has_it_already(const Request& r) {
    return header().has("ETag") && field_has_entity_tag(r.header(), "If-None-Match",
                                                        header().get("ETag"), Comparison::weak);
  }

  // From now on, everything goes straight through.
  bool pass() {
    passes_ = true;
    if (kept_.empty()) return true;
    const std::string kept = std::move(kept_);
    kept_.clear();
    return inner().write_bytes(kept);
  }

  bool flush() override { return pass() && inner().flusher()->flush(); }

  // What describes the bytes goes with them. See RFC 9110 section 15.4.5.
  void not_modified() {
    for (auto name : {"Content-Encoding", "Content-Length", "Content-Type", "Last-Modified"})
      header().remove(name);
    kept_.clear();
    write_header(304);
  }

  const std::size_t max_size_;
  bool passes_ = false;
  std::string kept_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/line_file.hpp

// line_file.hpp -- where does a batch of lines go: a file, which may be moved away, or a pipe,
// which may be full for ever?
//
// In: whole lines. Out: the number of those that could not be written. A file is opened anew when
// another stands in its place, as after logrotate. A pipe or socket is written in pieces that fit
// (PIPE_BUF), after poll has said so: a reader that has stopped costs `patience` for each batch,
// and cannot keep the program from ending.
// Threads: one at a time.

#include <fcntl.h>     // open
#include <limits.h>    // PIPE_BUF
#include <poll.h>      // poll
#include <sys/stat.h>  // fstat, stat
#include <unistd.h>    // write

#include <algorithm>     // std::count, std::min
#include <cerrno>        // errno
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move

namespace jot::inline v1::detail {

class LineFile {
 public:
  // path: appended to, made if need be. Throws: std::system_error that names it, also for a FIFO
  // that nobody reads.
  explicit LineFile(std::string path) : path_(std::move(path)) {
    if (!open()) throw std::system_error(errno, std::generic_category(), "jot: " + path_);
  }

  // Lifetime: the fd stays the caller's.
  explicit LineFile(int fd) noexcept : fd_(fd) {}

  // Returns how many lines were lost. Half a line that was written before is ended first.
  std::uint64_t write(std::string_view lines) {
    if (!path_.empty() && was_moved()) open();  // if it cannot be opened, the old one will do
    const std::string mended = torn_ ? '\n' + std::string(lines) : std::string();
    const std::string_view all = torn_ ? std::string_view(mended) : lines;
    const std::size_t done = put(all), left = std::min(all.size() - done, lines.size());
    if (done > 0) torn_ = all[done - 1] != '\n';
    return static_cast<std::uint64_t>(std::count(lines.end() - left, lines.end(), '\n'));
  }

 private:
  static constexpr int patience = 1000;  // milliseconds

  // Writes until all is written or no more can be. Returns how many bytes.
  std::size_t put(std::string_view text) noexcept {
    std::size_t done = 0;
    while (done < text.size()) {
      pollfd ready{fd_, POLLOUT, 0};
      const int count = poll(&ready, 1, patience);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      const ssize_t n =
          ::write(fd_, text.data() + done, std::min<std::size_t>(text.size() - done, PIPE_BUF));
      if (n > 0) done += static_cast<std::size_t>(n);
      if (n < 0 && errno != EINTR && errno != EAGAIN) break;
    }
    return done;
  }

  bool open() noexcept {
    // Without O_NONBLOCK, a FIFO that nobody reads would keep us here until somebody does.
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    Fd file(::open(path_.c_str(), flags, 0640));
    if (!file) return false;
    file_ = std::move(file);
    fd_ = file_.get();
    return true;
  }

  bool was_moved() const noexcept {
    struct stat here{};
    struct stat there{};
    if (fstat(fd_, &here) != 0) return true;
    return stat(path_.c_str(), &there) != 0 || here.st_ino != there.st_ino ||
           here.st_dev != there.st_dev;
  }

  const std::string path_;  // "": an fd of the caller's
  Fd file_;
  int fd_ = -1;
  bool torn_ = false;  // the last thing written is half a line
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/line_queue.hpp

// line_queue.hpp -- how do lines get to a disk that may be slow, while nobody waits for it?
//
// In: lines, from many threads. Out: the same lines in their order, to a function that may block.
//
//   1. add() appends the line to the batch in hand, under a lock, and goes. When the batch holds
//      `limit` bytes, the line is dropped and counted instead: memory has an end, too.
//   2. A thread of the queue's own takes the whole batch, gives it to the function, and takes what
//      has come meanwhile. It starts with the first line.
//   3. What was dropped is told when a batch has been written, once for all of them.
//   4. The destructor lets the thread write what is there, and joins it.
// Threads: add() from any.

#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t
#include <cstdint>             // std::uint64_t
#include <functional>          // std::function
#include <mutex>               // std::mutex, std::unique_lock
#include <string>              // std::string
#include <string_view>         // std::string_view
#include <utility>             // std::move

namespace jot::inline v1::detail {

class LineQueue {
 public:
  // Returns how many lines of the batch it could not write; must not throw.
  using Write = std::function<std::uint64_t(std::string_view batch)>;
  using TellLost = std::function<void(std::uint64_t lines)>;

  LineQueue(std::size_t limit, Write write, TellLost tell_lost)
      : limit_(limit), write_(std::move(write)), tell_lost_(std::move(tell_lost)) {}
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (lost_ > 0) tell_lost_(lost_);  // there was no thread to be had
  }

  // Without the newline, which is added.
  void add(std::string_view line) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      start();
      if (batch_.size() + line.size() >= limit_) return void(++lost_);
      const bool was_empty = batch_.empty();
      batch_.reserve(batch_.size() + line.size() + 1);  // so that a line is there whole or not
      (batch_ += line) += '\n';
      if (was_empty) changed_.notify_one();
    } catch (...) {  // no memory, no thread
      ++lost_;
    }
  }

  // A line that was never made. It is told with the next.
  void lose() noexcept {
    const std::lock_guard lock(mutex_);
    ++lost_;
  }

 private:
  // Under the lock.
  void start() {
    if (started_) return;
    thread_.start<&LineQueue::run>("jot-access-log", *this);
    started_ = true;
  }

  void run() noexcept {
    std::string batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !batch_.empty() || lost_ > 0 || ending_; });
      if (batch_.empty() && lost_ == 0) return;
      batch.swap(batch_);
      std::uint64_t lost = std::exchange(lost_, 0);
      lock.unlock();
      if (!batch.empty()) lost += write_(batch);
      if (lost > 0) tell_lost_(lost);
      batch.clear();
      lock.lock();
    }
  }

  const std::size_t limit_;
  const Write write_;
  const TellLost tell_lost_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::string batch_;
  std::uint64_t lost_ = 0;
  bool started_ = false, ending_ = false;
  ServiceThread thread_;  // joined by the destructor
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/token_buckets.hpp

// token_buckets.hpp -- has this client asked too often?
//
// In: a key and the time. Out: how long it has to wait; zero: it may go on, and has paid.
//
// A bucket is one moment: when it will be full again. Each request moves that by one interval; when
// it would lie more than `burst` intervals ahead, the bucket is empty. So a bucket that is full is
// like one that was never seen, and its slot is free.
//
// The table has a fixed size and stores no keys, only 64 bits of a hash with a secret key, so that
// nobody can choose addresses that share a slot. A key may be in one of eight slots; when all are
// taken, the one that is nearest to being full makes room.
// Threads: any; a mutex guards the table, held for some ten nanoseconds.

#include <algorithm>    // std::max
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <mutex>        // std::mutex, std::lock_guard
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TokenBuckets {
 public:
  static constexpr std::size_t most_keys = std::size_t{1} << 40;

  // interval: one token comes back in such a time. All above 0. Throws: std::bad_alloc.
  TokenBuckets(nanoseconds interval, std::size_t burst, std::size_t max_keys)
      : interval_(interval), depth_(interval * static_cast<nanoseconds::rep>(burst)) {
    sets_ = (max_keys + ways - 1) / ways;
    slots_.resize(sets_ * ways);
    random_bytes(sizeof key_).copy(reinterpret_cast<char*>(&key_), sizeof key_);
  }

  // Takes a token. Returns: zero; or the time until there is one, and nothing was taken.
  nanoseconds take(std::string_view key, Clock::time_point now) noexcept {
    const std::uint64_t hash = siphash(key, key_);
    std::lock_guard lock(mutex_);
    Slot& slot = slot_of(hash, now);
    const Clock::time_point full_at = std::max(slot.full_at, now) + interval_;
    if (full_at - now > depth_) return full_at - now - depth_;
    slot = {hash, full_at};
    return nanoseconds::zero();
  }

 private:
  static constexpr std::size_t ways = 8;
  struct Slot {
    std::uint64_t hash = 0;
    Clock::time_point full_at = {};  // in the past: free
  };

  // The key's own slot, or the one that it gets: nothing of the last owner's is left in it.
  Slot& slot_of(std::uint64_t hash, Clock::time_point now) noexcept {
    Slot* const set = &slots_[hash % sets_ * ways];
    Slot* least = set;
    for (Slot* s = set; s != set + ways; ++s) {
      if (s->hash == hash && s->full_at > now) return *s;
      if (s->full_at < least->full_at) least = s;
    }
    *least = {};
    return *least;
  }

  const nanoseconds interval_, depth_;
  SipKey key_;
  std::mutex mutex_;  // guards slots_
  std::size_t sets_ = 1;
  std::vector<Slot> slots_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/middleware.ipp

// middleware.ipp -- the bodies of middleware.hpp.

#include <time.h>  // clock_gettime

#include <algorithm>  // std::count
#include <charconv>   // std::from_chars
#include <exception>  // std::exception_ptr
#include <memory>     // std::make_shared
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// Puts a Context in force for a scope. What outer middleware writes after it waits as before.
class ContextScope {
 public:
  ContextScope(Request& r, const Context& ctx) : request_(r), before_(r.context()) {
    r.set_context(ctx);
  }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() { request_.set_context(before_); }

 private:
  Request& request_;
  const Context before_;
};

// Nothing has left of a response whose handler threw: what will be sent is not known in here. The
// Context is kept, for values that a log tells.
template <class Tell>
void tell_later(const ResponseWriter& w, Request& r, int status, const Tell& tell) {
  WaitingLogs* const waiting = RequestAccess::state(r).waiting_logs;
  if (w.committed()) return tell(w.status(), w.bytes_written());
  if (!waiting) return tell(status, 0);
  waiting->push_back([&r, tell, ctx = r.context()](const ResponseWriter& page) {
    const ContextScope in_force(r, ctx);
    tell(page.status(), page.bytes_written());
  });
}

// Calls next, then tell(status, bytes): when next returns; or, where it throws, when a page has
// been made of that.
template <class Tell>
void call_and_tell(ResponseWriter& w, Request& r, const Handler& next, const Tell& tell) {
  try {
    next(w, r);
  } catch (const HttpError& e) {
    tell_later(w, r, e.status(), tell);
    throw;
  } catch (...) {
    tell_later(w, r, 500, tell);
    throw;
  }
  tell(w.status(), w.bytes_written());
}

JOT_INLINE std::string make_request_id() {
  constexpr char hex[] = "0123456789abcdef";
  std::string id;
  for (const char c : random_bytes(16)) {
    const auto byte = static_cast<unsigned char>(c);
    (id += hex[byte >> 4]) += hex[byte & 15];
  }
  return id;
}

// "The \"inner\" circle", as a quoted-string (RFC 9110 section 5.6.4).
JOT_INLINE std::string quoted_realm(std::string_view text) {
  if (!is_field_value(text))
    throw std::invalid_argument("jot: basic_auth: control character in the realm");
  std::string to = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  return to += '"';
}

JOT_INLINE void refuse_longer(std::string_view declared, std::uint64_t bytes) {
  std::uint64_t length = 0;  // what is not a number was refused with the head
  auto [end, failed] = std::from_chars(declared.data(), declared.data() + declared.size(), length);
  if (failed == std::errc{} && length > bytes) throw HttpError(413);
}

// What an access_log() writes to, and how. Alive as long as any Handler that logs to it.
class AccessLog {
 public:
  explicit AccessLog(AccessLogOptions o)
      : format_(o.format),
        file_(o.sink || o.file.empty() ? LineFile(o.fd) : LineFile(std::move(o.file))),
        sink_(std::move(o.sink)),
        log_(std::move(o.log)),
        queue_(
            o.max_waiting, [this](std::string_view batch) { return write(batch); },
            [this](std::uint64_t lines) {
              log_.warn("access log lost lines", {{"lines", lines}});
            }) {}

  // A log that fails, for want of memory, fails no request.
  void add(const AccessEntry& entry) noexcept try {
    const std::string* id = entry.request.value(current_request_id);
    switch (format_) {
      case AccessFormat::combined: return queue_.add(combined_line(entry));
      case AccessFormat::common: return queue_.add(common_line(entry));
      case AccessFormat::json: return queue_.add(json_line(entry, id ? *id : std::string_view()));
    }
  } catch (...) {
    queue_.lose();
  }

 private:
  std::uint64_t write(std::string_view batch) noexcept try {
    if (!sink_) return file_.write(batch);
    return sink_(batch), 0;
  } catch (...) {  // of the sink's
    return static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n'));
  }

  const AccessFormat format_;
  LineFile file_;
  const std::function<void(std::string_view)> sink_;
  const Logger log_;
  LineQueue queue_;  // ends first: its thread uses all of the above
};

// HEAD, 204 and 304 send no body, whatever the handler wrote.
JOT_INLINE std::uint64_t bytes_sent(const Request& r, int status, std::uint64_t written) {
  return r.method() == "HEAD" || status == 204 || status == 304 ? 0 : written;
}

// Calls next, and has w answer when the deadline of ctx comes first. Returns what next threw.
// A handler that heeds its Context may be back before the timer has called: it is late all the
// same, and what it has written is not whole.
JOT_INLINE std::exception_ptr call_until(const Context& ctx, DeadlineWriter& w, Request& r,
                                         const Handler& next) {
  std::exception_ptr thrown;
  {
    const AfterFunc alarm = after_func(ctx, [&] {
      if (is_late(ctx)) w.expire();
    });
    try {
      if (!w.expired()) next(w, r);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (!w.expired() && is_late(ctx)) w.expire();
  return thrown;
}

JOT_INLINE std::shared_ptr<TokenBuckets> make_buckets(const RateLimitOptions& o) {
  const auto most = static_cast<std::size_t>(nanoseconds::max().count() / 4);
  const std::size_t burst = o.burst ? o.burst : o.requests;
  if (o.requests == 0 || o.requests > most || o.per <= nanoseconds::zero() || o.max_keys == 0)
    throw std::invalid_argument("jot: rate_limit: requests, per and max_keys are above 0");
  if (o.max_keys > TokenBuckets::most_keys)
    throw std::invalid_argument("jot: rate_limit: so many keys fit into no memory");
  const auto interval = o.per / static_cast<nanoseconds::rep>(o.requests);
  if (interval == nanoseconds::zero() || burst > most / static_cast<std::size_t>(interval.count()))
    throw std::invalid_argument("jot: rate_limit: too many requests, or too long a time");
  return std::make_shared<TokenBuckets>(interval, burst, o.max_keys);
}

}  // namespace detail

JOT_INLINE Middleware request_log() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    const auto begin = Clock::now();
    const auto tell = [&r, begin](int status, std::uint64_t written) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      r.log().info("request", {{"method", r.method()},
                               {"path", r.path()},
                               {"status", status},
                               {"bytes", detail::bytes_sent(r, status, written)},
                               {"ms", took.count()}});
    };
    detail::call_and_tell(w, r, next, tell);
  };
}

JOT_INLINE Middleware access_log(AccessLogOptions options) {
  return [log = std::make_shared<detail::AccessLog>(std::move(options))](
             ResponseWriter& w, Request& r, const Handler& next) {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    const auto begin = Clock::now();
    const auto tell = [&log = *log, &r, time, begin](int status, std::uint64_t written) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      log.add({r, status, detail::bytes_sent(r, status, written), took.count(), time});
    };
    detail::call_and_tell(w, r, next, tell);
  };
}

JOT_INLINE Middleware request_id() {
  return [](ResponseWriter& w, Request& r, const Handler& next) {
    std::string id(r.header().get("X-Request-ID"));
    if (id.size() > 128 || !detail::is_token(id) || r.header().all("X-Request-ID").size() > 1)
      id = detail::make_request_id();
    const Header fields{{"X-Request-ID", id}};
    r.set_log(r.log().with({{"request_id", id}}));
    r.set_value(current_request_id, std::move(id));
    detail::call_with_fields(w, r, next, fields);
  };
}

JOT_INLINE bool equal_secrets(std::string_view given, std::string_view secret) noexcept {
  std::size_t differs = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i)
    differs |= static_cast<std::size_t>(given[i] ^ secret[i % secret.size()]);
  return differs == 0;
}

JOT_INLINE Middleware
basic_auth(const std::string& realm,
           std::function<bool(std::string_view user, std::string_view password)> check) {
  if (!check) throw std::invalid_argument("jot: basic_auth: nothing to check with");
  const std::string challenge =
      "Basic realm=" + detail::quoted_realm(realm) + ", charset=\"UTF-8\"";
  return [challenge, check = std::move(check)](ResponseWriter& w, Request& r, const Handler& next) {
    const auto given = r.basic_auth();
    if (!given || !check(given->user, given->password))
      throw HttpError(401, {}, {{"WWW-Authenticate", challenge}});
    next(w, r);
  };
}

JOT_INLINE Middleware basic_auth(const std::string& realm, std::string user, std::string password) {
  if (password.empty()) throw std::invalid_argument("jot: basic_auth: the password is empty");
  return basic_auth(realm, [user = std::move(user), password = std::move(password)](
                               std::string_view u, std::string_view p) {
    const bool known = equal_secrets(u, user), right = equal_secrets(p, password);
    return known && right;  // both were compared: the time does not tell which one was wrong
  });
}

JOT_INLINE Middleware max_body(std::uint64_t bytes) {
  return [bytes](ResponseWriter& w, Request& r, const Handler& next) {
    r.body().set_limit(bytes);
    detail::refuse_longer(r.header().get("Content-Length"), bytes);
    next(w, r);
  };
}

JOT_INLINE Middleware timeout(nanoseconds max) {
  if (max <= nanoseconds::zero()) throw std::invalid_argument("jot: timeout: it is above 0");
  return [max](ResponseWriter& w, Request& r, const Handler& next) {
    const CancelScope scope = with_timeout(r.context(), max);
    const detail::ContextScope in_force(r, scope.ctx);
    detail::DeadlineWriter writer(w, r, scope.ctx);
    const std::exception_ptr thrown = detail::call_until(scope.ctx, writer, r, next);
    writer.finish(thrown, r);
  };
}

JOT_INLINE Middleware rate_limit(RateLimitOptions options) {
  auto buckets = detail::make_buckets(options);
  return [buckets, key_of = std::move(options.key)](ResponseWriter& w, Request& r,
                                                    const Handler& next) {
    const std::string key = key_of ? key_of(r) : detail::client_network(r.remote_addr());
    if (!key.empty()) {
      const auto wait = std::chrono::ceil<std::chrono::seconds>(buckets->take(key, Clock::now()));
      if (wait.count() > 0)
        throw HttpError(429, {}, {{"Retry-After", std::to_string(wait.count())}});
    }
    next(w, r);
  };
}

JOT_INLINE Middleware etag(std::size_t max_size) {
  return [max_size](ResponseWriter& w, Request& r, const Handler& next) {
    detail::TaggingWriter tagging(w, max_size);
    next(tagging, r);
    tagging.finish(r);
  };
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/route_url.hpp

// route_url.hpp -- what is the address of the page with these values?
//
// In: a pattern, and a value for each of its names. Out: a path that leads back to that pattern and
// those values; values without a name there become the query.

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class RouteUrl {
 public:
  RouteUrl(std::string_view name, const Pattern& pattern, const Value& values)
      : name_(name), pattern_(pattern), values_(values) {}

  // Throws: std::invalid_argument.
  std::string text() const {
    std::string url = pattern_.host.empty() ? "" : "//" + pattern_.host;
    for (const Segment& segment : pattern_.segments) append(url += '/', segment);
    const std::string query = extra();
    if (!query.empty()) (url += '?') += query;
    return url;
  }

 private:
  void append(std::string& url, const Segment& segment) const {
    switch (segment.kind) {
      case SegmentKind::end: return;
      case SegmentKind::literal: url += percent_encode(segment.text); return;
      case SegmentKind::rest: append_rest(url, segment); return;
      case SegmentKind::tested:
      case SegmentKind::any: break;
    }
    const std::string value = value_of(segment.text);
    if (value.empty() || dots_in(value) > 0) fail(segment.text, "cannot stand in a path");
    if (segment.test && !segment.test->accepts(value))
      fail(segment.text, "is refused by the pattern");
    url += percent_encode(value);
  }

  void append_rest(std::string& url, const Segment& segment) const {
    if (segment.text.empty()) return;
    const std::string value = value_of(segment.text);
    if (!value.empty() && !is_clean('/' + value)) fail(segment.text, "cannot stand in a path");
    for (const char c : value) url += c == '/' ? "/" : percent_encode({&c, 1});
  }

  std::string value_of(std::string_view name) const {
    const Value* value = values_.is_map() ? values_.find(name) : nullptr;
    if (!value) fail(name, "is missing");
    return as_text(name, *value);
  }

  std::string as_text(std::string_view name, const Value& value) const {
    if (value.is_string()) return value.as_string();
    if (value.is_int()) return jot::text(value.as_int());
    if (value.is_double()) return jot::text(value.as_double());
    if (value.is_bool()) return jot::text(value.as_bool());
    fail(name, "is neither text nor a number");
  }

  std::string extra() const {
    Values query;
    if (!values_.is_map()) return {};
    for (const auto& [name, value] : values_.as_map()) {
      if (!in_pattern(name)) query.add(name, as_text(name, value));
    }
    return query.encode();
  }

  bool in_pattern(std::string_view name) const {
    for (const Segment& segment : pattern_.segments) {
      if (segment.kind != SegmentKind::literal && segment.text == name) return true;
    }
    return false;
  }

  [[noreturn]] void fail(std::string_view value, std::string_view why) const {
    throw std::invalid_argument("jot: url_for " + std::string(name_) + " (" + pattern_.text +
                                "): the value " + std::string(value) + ' ' + std::string(why));
  }

  std::string_view name_;
  const Pattern& pattern_;
  const Value& values_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/router.ipp

// router.ipp -- the bodies of router.hpp.

#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE std::string with_method(std::string_view method, std::string_view path) {
  std::string pattern(method);
  return (pattern += ' ') += path;
}

}  // namespace detail

JOT_INLINE Group::Group()
    : table_(std::make_shared<detail::RouteTable>()), group_(&table_->root()) {}

JOT_INLINE Group::Group(std::shared_ptr<detail::RouteTable> table,
                        detail::RouteGroup& group) noexcept
    : table_(std::move(table)), group_(&group) {}

JOT_INLINE void Group::handle(std::string_view pattern, Handler h, Where where) {
  table_->add(*group_, pattern, std::move(h), detail::RouteTable::Kind::route, where);
}

JOT_INLINE void Group::get(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("GET", path), std::move(h), where);
}
JOT_INLINE void Group::post(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("POST", path), std::move(h), where);
}
JOT_INLINE void Group::put(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("PUT", path), std::move(h), where);
}
JOT_INLINE void Group::patch(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("PATCH", path), std::move(h), where);
}
JOT_INLINE void Group::del(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("DELETE", path), std::move(h), where);
}
JOT_INLINE void Group::head(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("HEAD", path), std::move(h), where);
}
JOT_INLINE void Group::options(std::string_view path, Handler h, Where where) {
  handle(detail::with_method("OPTIONS", path), std::move(h), where);
}

JOT_INLINE void Group::mount(std::string_view prefix, Handler h, Where where) {
  using enum detail::RouteTable::Kind;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const Handler within = detail::Mount(std::move(h));
  if (!prefix.empty() || !group_->prefix.empty())
    table_->add(*group_, prefix, within, mount, where);
  table_->add(*group_, std::string(prefix) + '/', within, mount, where);
}

JOT_INLINE void Group::use(Middleware m) {
  const auto lock = table_->open();
  group_->middleware.push_back(std::move(m));
}

JOT_INLINE Group Group::group(std::string_view prefix, Where where) {
  return Group(table_, table_->add_group(*group_, prefix, where));
}

JOT_INLINE Router::Router() = default;

JOT_INLINE void Router::name(std::string_view name, std::string_view path, Where where) {
  table_->add_name(name, path, where);
}

JOT_INLINE std::string Router::url_for(std::string_view name, const Value& path_values) const {
  const detail::Pattern* pattern = table_->named(name);
  if (!pattern) throw std::invalid_argument("jot: url_for: no route is named " + std::string(name));
  return detail::RouteUrl(name, *pattern, path_values).text();
}

JOT_INLINE void Router::predicate(std::string_view name,
                                  std::function<bool(std::string_view)> accepts) {
  table_->add_test(name, std::move(accepts));
}

JOT_INLINE void Router::on_error(
    std::function<void(ResponseWriter&, Request&, int, std::string_view)> page) {
  table_->set_error_page(std::move(page));
}

JOT_INLINE std::vector<RouteInfo> Router::routes() const {
  std::vector<RouteInfo> infos;
  for (const detail::Route& route : table_->routes()) {
    const detail::Pattern& p = route.pattern;
    infos.push_back({p.method, p.host, std::string(p.path()), p.text, route.where.file_name(),
                     route.where.line()});
  }
  return infos;
}

JOT_INLINE void Router::operator()(ResponseWriter& w, Request& r) const {
  table_->close();
  const detail::Route* ahead = table_->take_match(r);
  const detail::Route& route = ahead ? *ahead : table_->match(r);
  route.chain(w, r);
}

JOT_INLINE void Router::operator()(ResponseWriter& w, Request&& r) const { (*this)(w, r); }

JOT_INLINE detail::RouteMemory& Router::match(Request& r) const { return table_->match_ahead(r); }

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/web_origin.hpp

// web_origin.hpp -- which site does this Origin name?
//
// In: the field Origin, "https://example.org:8443" or "null" (RFC 6454 section 6.2), and the
// origins of an option. Out: its host; is it one of those?

#include <cstddef>      // std::size_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// "example.org:8443"; "" where there is none.
inline std::string_view origin_host(std::string_view origin) noexcept {
  const std::size_t scheme = origin.find("://");
  if (scheme == origin.npos || scheme == 0) return {};
  const std::string_view host = origin.substr(scheme + 3);
  return host.substr(0, host.find_first_of("/?#"));
}

inline bool is_scheme(std::string_view s) noexcept {
  for (const char c : s)
    if (!is_a(c, byte_alpha) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  return !s.empty() && is_a(s.front(), byte_alpha);
}

// A scheme, "://" and a host, perhaps with a port, and nothing else.
inline bool is_origin(std::string_view s) noexcept {
  const std::string_view host = origin_host(s);
  if (host.empty() || host.front() == ':' || host.back() == ':') return false;
  for (const char c : host) {
    const bool fits = is_a(c, byte_alpha) || is_digit(c) || (c & 0x80) != 0;
    if (!fits && std::string_view("-._:[]").find(c) == std::string_view::npos) return false;
  }
  return is_scheme(s.substr(0, s.find("://"))) && host.data() + host.size() == s.data() + s.size();
}

// A trailing slash, a path, a scheme that is missing: mistakes that would only show in a browser.
inline void check_origin(std::string_view who, std::string_view origin) {
  if (is_origin(origin)) return;
  throw std::invalid_argument("jot: " + std::string(who) +
                              ": an origin is scheme://host[:port], not \"" + std::string(origin) +
                              '"');
}

// allowed: an origin, or "https://*.example.org" for all names below.
inline bool matches_origin(std::string_view allowed, std::string_view origin) noexcept {
  const std::size_t star = allowed.find("://*.");
  if (star == allowed.npos) return allowed == origin;
  const std::string_view scheme = allowed.substr(0, star + 3), domain = allowed.substr(star + 4);
  return is_origin(origin) && origin.starts_with(scheme) && origin.ends_with(domain) &&
         origin.size() > scheme.size() + domain.size();
}

inline bool is_one_of(const std::vector<std::string>& allowed, std::string_view origin) noexcept {
  for (const std::string& one : allowed)
    if (matches_origin(one, origin)) return true;
  return false;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/cross_origin.hpp

// cross_origin.hpp -- what may a script of that site do here?
//
// In: CorsOptions, and a request with Origin. Out: the Access-Control fields that say so. See the
// CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol.

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class CrossOrigin {
 public:
  explicit CrossOrigin(CorsOptions options)
      : options_(std::move(options)),
        anyone_(is_star(options_.origins)),
        methods_(joined(options_.methods)),
        headers_(joined(options_.headers)),
        expose_(joined(options_.expose)) {
    if (anyone_ && options_.credentials)
      throw std::invalid_argument("jot: cors: credentials for everybody: name the origins");
    for (const std::string& origin : options_.origins) check(origin);
  }

  static bool is_preflight(const Request& r) {
    return r.method() == "OPTIONS" && r.header().has("Origin") &&
           r.header().has("Access-Control-Request-Method");
  }

  // The fields for any response but that to a preflight.
  Header fields(const Request& r) const {
    Header fields;
    if (!anyone_) fields.add("Vary", "Origin");
    if (allow_origin(r, fields) && !expose_.empty())
      fields.set("Access-Control-Expose-Headers", expose_);
    return fields;
  }

  // Where one thing is not allowed, nothing is said to be.
  Header preflight_fields(const Request& r) const {
    Header fields, no;
    const std::string_view wanted = r.header().get("Access-Control-Request-Headers");
    for (Header* to : {&fields, &no})
      to->add("Vary",
              "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
              "Access-Control-Request-Private-Network");
    const std::string_view method = r.header().get("Access-Control-Request-Method");
    if (!allows_method(method) || !allow_headers(wanted, fields) || !allow_origin(r, fields))
      return no;
    fields.set("Access-Control-Allow-Methods", is_star(options_.methods) ? method : methods_);
    fields.set("Access-Control-Max-Age", options_.max_age.count());
    if (options_.private_network &&
        r.header().get("Access-Control-Request-Private-Network") == "true")
      fields.set("Access-Control-Allow-Private-Network", "true");
    return fields;
  }

 private:
  static bool is_star(const std::vector<std::string>& list) noexcept {
    return list.size() == 1 && list.front() == "*";
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) {
      if (!is_token(name)) throw std::invalid_argument("jot: cors: no token: \"" + name + '"');
      all += all.empty() ? "" : ", ";
      all += name;
    }
    return all;
  }

  void check(std::string_view origin) const {
    if (anyone_ || origin == "null") return;
    const std::size_t star = origin.find("://*.");
    if (star == origin.npos) return check_origin("cors", origin);
    std::string plain(origin);
    check_origin("cors", plain.erase(star + 3, 2));
  }

  bool allow_origin(const Request& r, Header& fields) const {
    const auto origins = r.header().all("Origin");
    if (origins.size() != 1 || !(anyone_ || is_one_of(options_.origins, origins[0]))) return false;
    fields.set("Access-Control-Allow-Origin", anyone_ ? "*" : origins[0]);
    if (options_.credentials) fields.set("Access-Control-Allow-Credentials", "true");
    return true;
  }

  bool allows_method(std::string_view method) const noexcept {
    if (!is_token(method)) return false;
    if (is_star(options_.methods)) return true;
    for (const std::string& allowed : options_.methods)
      if (allowed == method || (allowed == "GET" && method == "HEAD")) return true;
    return false;
  }

  // Says what is allowed, if that is all that is wanted. With "*" it repeats what was asked for:
  // with credentials, browsers take a star for a name.
  bool allow_headers(std::string_view wanted, Header& fields) const {
    const bool all = is_star(options_.headers);
    for (std::string_view rest = wanted; !rest.empty();) {
      const std::string_view name = next_in_list(rest);
      if (!name.empty() && (!is_token(name) || !(all || allows_header(name)))) return false;
    }
    const std::string_view allowed = all ? wanted : std::string_view(headers_);
    if (!allowed.empty()) fields.set("Access-Control-Allow-Headers", allowed);
    return true;
  }

  bool allows_header(std::string_view name) const noexcept {
    for (const std::string& allowed : options_.headers)
      if (iequals(allowed, name)) return true;
    for (const auto safe : {"Accept", "Accept-Language", "Content-Language"})
      if (iequals(safe, name)) return true;
    return false;
  }

  CorsOptions options_;
  bool anyone_;
  std::string methods_, headers_, expose_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/ip_network.hpp

// ip_network.hpp -- is this address one of those?
//
// In: addresses and networks as text, "192.0.2.1", "2001:db8::/32". Out: addresses as 16 bytes,
// those of IPv4 mapped into IPv6 (RFC 4291 section 2.5.5.2), so that all are compared alike.

#include <arpa/inet.h>   // inet_ntop, inet_pton
#include <netinet/in.h>  // in6_addr

#include <charconv>     // std::from_chars
#include <cstring>      // std::memcpy
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// All digits, from 0 to high; else -1.
inline int parse_small(std::string_view digits, int high) noexcept {
  int value = -1;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = failed == std::errc{} && end == digits.data() + digits.size();
  return whole && digits.front() != '-' && value <= high ? value : -1;
}

inline bool parse_ip(std::string_view text, in6_addr& to) noexcept {
  char terminated[INET6_ADDRSTRLEN] = "";
  if (text.size() >= sizeof terminated) return false;
  text.copy(terminated, text.size());
  if (inet_pton(AF_INET6, terminated, &to) == 1) return true;
  to = in6_addr{};
  to.s6_addr[10] = to.s6_addr[11] = 0xff;
  return inet_pton(AF_INET, terminated, &to.s6_addr[12]) == 1;
}

inline std::string ip_text(const in6_addr& ip) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&ip))
    inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof text);
  else
    inet_ntop(AF_INET6, &ip, text, sizeof text);
  return text;
}

// The addresses that begin with the same bits.
struct IpNetwork {
  in6_addr base{};
  int bits = 128;

  bool contains(const in6_addr& ip) const noexcept {
    const auto bytes = static_cast<std::size_t>(bits / 8);
    if (std::memcmp(&base, &ip, bytes) != 0) return false;
    const int mask = 0xff00 >> (bits % 8) & 0xff;
    return mask == 0 || ((base.s6_addr[bytes] ^ ip.s6_addr[bytes]) & mask) == 0;
  }
};

// "10.0.0.0/8", or one address. The bits behind the slash may be set: they do not count.
inline bool parse_network(std::string_view text, IpNetwork& to) noexcept {
  const std::size_t slash = text.find('/');
  if (!parse_ip(text.substr(0, slash), to.base)) return false;
  if (slash == text.npos) return to.bits = 128, true;
  const bool four = text.find(':') == text.npos;
  const int bits = parse_small(text.substr(slash + 1), four ? 32 : 128);
  to.bits = four ? bits + 96 : bits;
  return bits >= 0;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/forwarded.hpp

// forwarded.hpp -- which hops does a list of proxies name, from the last one back?
//
// In: the fields X-Forwarded-For, X-Forwarded-Proto or Forwarded (RFC 7239). Out: their elements,
// from right to left, and what these say of a client.
//
// Each proxy adds to the right, so the right end is what one's own proxy wrote, and everything left
// of it may be a client's invention. It must not change how the right end is read: a client that
// sends the quote of an unfinished string would otherwise swallow what is appended to it. So quotes
// are counted from the right, too.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// Is the quote at this place part of a quoted string, "\""?
inline bool is_escaped(std::string_view text, std::size_t at) noexcept {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// Cuts the last element off a list whose elements may hold quoted strings.
inline std::string_view take_last(std::string_view& list, char separator) noexcept {
  bool quoted = false;
  std::size_t begin = list.size();
  for (; begin > 0; --begin) {
    const char c = list[begin - 1];
    if (c == '"' && !is_escaped(list, begin - 1)) quoted = !quoted;
    if (c == separator && !quoted) break;
  }
  const std::string_view element = trim(list.substr(begin));
  list = list.substr(0, begin == 0 ? 0 : begin - 1);
  return element;
}

// The elements of all fields of a name, from the last one of the last field to the first.
class HopReader {
 public:
  HopReader(const Header& header, std::string_view name) : fields_(header.all(name)) {}

  // The next element that is not empty; "" at the end.
  std::string_view next() noexcept {
    while (!fields_.empty()) {
      const std::string_view element = take_last(fields_.back(), ',');
      if (fields_.back().empty()) fields_.pop_back();
      if (!element.empty()) return element;
    }
    return {};
  }

 private:
  std::vector<std::string_view> fields_;  // what is not read yet
};

// The value of for= or proto= in an element of Forwarded, without its quotes; "": none, or
// malformed.
inline std::string forwarded_value(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const std::string_view pair = take_last(element, ';');
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || !iequals(pair.substr(0, equals), name)) continue;
    std::string_view value = pair.substr(equals + 1);
    if (!value.starts_with('"')) return std::string(value);
    if (value.size() < 2 || !value.ends_with('"') || is_escaped(value, value.size() - 1)) return {};
    value = value.substr(1, value.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\') ++i;
      plain += value[i];
    }
    return plain;
  }
  return {};
}

// Where a hop's request came from.
struct HopAddress {
  in6_addr ip{};
  std::string_view port = {};  // "": not told
};

// "192.0.2.1", "192.0.2.1:40312", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:40312", the port
// perhaps hidden, "_x". False: no address, "unknown" for example.
inline bool parse_hop(std::string_view text, HopAddress& to) noexcept {
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(1, end - 1), port = text.substr(end + 1);
    if (host.find(':') == host.npos || (!port.empty() && port.front() != ':')) return false;
    if ((has_port = !port.empty())) port.remove_prefix(1);
  } else if (const std::size_t colon = text.find(':'); colon == text.rfind(':')) {
    has_port = colon != text.npos;
    host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
  }
  if (has_port && !port.starts_with('_') && (port.size() > 5 || parse_small(port, 65535) < 0))
    return false;
  to.port = port.starts_with('_') ? std::string_view() : port;
  return parse_ip(host, to.ip);
}

// As remote_addr() has it.
inline std::string hop_text(const HopAddress& hop) {
  std::string ip = ip_text(hop.ip);
  const std::string port(hop.port);
  if (port.empty()) return ip;
  return ip.find(':') == ip.npos ? ip + ':' + port : '[' + ip + "]:" + port;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/trusted_proxies.hpp

// trusted_proxies.hpp -- who is the client, when proxies stand between?
//
// In: the addresses of one's own proxies, and a request with the fields they have added. Out: the
// client's address and scheme, put into the Request.
//
// 1. A peer that is no trusted proxy is the client itself: whatever it says of others is ignored.
// 2. Else the last hop in the list is who the peer got it from. While that is a trusted proxy, too,
//    the one before it counts. The first that is not trusted is the client.
// 3. Where a trusted proxy does not know, or writes what cannot be read, it stands for the client.

#include <cstddef>      // std::size_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TrustedProxies {
 public:
  // Each "192.0.2.1", "10.0.0.0/8", "fd00::/8", or "unix" for those that come by a Unix socket.
  // Throws: std::invalid_argument for anything else.
  explicit TrustedProxies(const std::vector<std::string>& proxies) {
    for (const std::string& proxy : proxies) {
      IpNetwork network;
      if (proxy == "unix")
        unix_ = true;
      else if (parse_network(proxy, network))
        networks_.push_back(network);
      else
        throw std::invalid_argument("jot: no address or network of a proxy: \"" + proxy + '"');
    }
  }

  bool empty() const noexcept { return networks_.empty() && !unix_; }

  // peer: as remote_addr() says.
  bool trusts(std::string_view peer) const noexcept {
    if (peer.starts_with("unix:")) return unix_;
    HopAddress hop;
    return parse_hop(peer, hop) && trusts(hop.ip);
  }

  // Puts what a trusted peer says of its client into the Request.
  void look_behind(std::string_view peer, RequestState& s) const {
    if (!trusts(peer)) return;
    const bool standard = s.header.has("Forwarded") && !s.header.has("X-Forwarded-For");
    const Found found = standard ? walk_forwarded(s.header) : walk_x_forwarded(s.header);
    if (iequals(found.scheme, "https")) s.scheme = "https";
    if (iequals(found.scheme, "http")) s.scheme = "http";
    if (!found.addr.empty()) s.own_remote_addr = found.addr;
  }

 private:
  struct Found {
    std::string addr = {};    // "": nothing was found
    std::string scheme = {};  // as told
  };

  bool trusts(const in6_addr& ip) const noexcept {
    for (const IpNetwork& network : networks_)
      if (network.contains(ip)) return true;
    return false;
  }

  Found walk_forwarded(const Header& header) const {
    Found found;
    HopReader hops(header, "Forwarded");
    for (auto element = hops.next(); !element.empty(); element = hops.next()) {
      const std::string node = forwarded_value(element, "for");
      if (std::string scheme = forwarded_value(element, "proto"); !scheme.empty())
        found.scheme = std::move(scheme);
      HopAddress hop;
      if (!parse_hop(node, hop)) break;
      found.addr = hop_text(hop);
      if (!trusts(hop.ip)) break;
    }
    return found;
  }

  Found walk_x_forwarded(const Header& header) const {
    Found found;
    std::size_t hops_read = 0;
    HopReader hops(header, "X-Forwarded-For");
    for (auto element = hops.next(); !element.empty(); element = hops.next()) {
      HopAddress hop;
      if (!parse_hop(element, hop)) break;
      found.addr = hop_text(hop);
      ++hops_read;
      if (!trusts(hop.ip)) break;
    }
    // One scheme for each hop, or one for all.
    HopReader schemes(header, "X-Forwarded-Proto");
    for (auto scheme = schemes.next(); !scheme.empty(); scheme = schemes.next()) {
      found.scheme = scheme;
      if (hops_read-- <= 1) break;
    }
    return found;
  }

  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/security.ipp

// security.ipp -- the bodies of security.hpp.

#include <memory>     // std::make_shared
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

JOT_INLINE Header policies(const SecureHeadersOptions& o) {
  Header fields{{"X-Content-Type-Options", "nosniff"}};
  const Field all[] = {{"Content-Security-Policy", o.content_security_policy},
                       {"Cross-Origin-Opener-Policy", o.cross_origin_opener_policy},
                       {"Cross-Origin-Resource-Policy", o.cross_origin_resource_policy},
                       {"Permissions-Policy", o.permissions_policy},
                       {"Referrer-Policy", o.referrer_policy},
                       {"Strict-Transport-Security", o.strict_transport_security},
                       {"X-Frame-Options", o.frame_options}};
  for (const auto& [name, value] : all)
    if (!value.empty()) fields.set(name, value);
  return fields;
}

// Does a page of another site send this? See csrf_guard().
JOT_INLINE bool is_cross_origin(const Request& r) {
  if (r.method() == "GET" || r.method() == "HEAD" || r.method() == "OPTIONS") return false;
  const std::string_view site = r.header().get("Sec-Fetch-Site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  const std::string_view origin = r.header().get("Origin");
  return !origin.empty() && (r.host().empty() || origin_host(origin) != r.host());
}

}  // namespace detail

JOT_INLINE Middleware cors(CorsOptions options) {
  auto site = std::make_shared<const detail::CrossOrigin>(std::move(options));
  return [site](ResponseWriter& w, Request& r, const Handler& next) {
    if (!detail::CrossOrigin::is_preflight(r))
      return detail::call_with_fields(w, r, next, site->fields(r));
    for (const auto& [name, value] : site->preflight_fields(r)) w.header().add(name, value);
    w.write_header(204);
  };
}

JOT_INLINE Middleware csrf_guard(CsrfOptions options) {
  for (const std::string& origin : options.trusted_origins)
    detail::check_origin("csrf_guard", origin);
  return [options = std::move(options)](ResponseWriter& w, Request& r, const Handler& next) {
    const auto is_exempt = [&] {
      return (options.exempt && options.exempt(r)) ||
             detail::is_one_of(options.trusted_origins, r.header().get("Origin"));
    };
    if (detail::is_cross_origin(r) && !is_exempt())
      throw HttpError(403, "this came from a page of another site");
    next(w, r);
  };
}

JOT_INLINE Middleware secure_headers(SecureHeadersOptions options) {
  const Header over_tls = detail::policies(options);
  options.strict_transport_security.clear();
  const Header plain = detail::policies(options);
  return [over_tls, plain](ResponseWriter& w, Request& r, const Handler& next) {
    detail::call_with_fields(w, r, next, r.scheme() == "https" ? over_tls : plain);
  };
}

JOT_INLINE Middleware real_ip(const std::vector<std::string>& trusted_proxies) {
  auto proxies = std::make_shared<const detail::TrustedProxies>(trusted_proxies);
  return [proxies](ResponseWriter& w, Request& r, const Handler& next) {
    proxies->look_behind(r.remote_addr(), detail::RequestAccess::state(r));
    next(w, r);
  };
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/template_func.ipp

// template_func.ipp -- the bodies of template_func.hpp.

namespace jot::inline v1::detail {

JOT_INLINE std::shared_ptr<const AddedFunction> share(const AddedFunction* made) {
  return std::shared_ptr<const AddedFunction>(made);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_state.hpp

// html_state.hpp -- in what kind of place does this byte of a page stand?
//
// An HtmlContext is all that has to be known of a page up to some byte to say how a value is
// written there: in text, in a quoted href before its '?', in a JavaScript string within onclick.
// It begins as text and is moved on by html_advance(). Two contexts are equal when values are
// written alike after both; name() tells them apart in messages and in names of derived templates.

#include <cstdint>  // std::uint8_t
#include <string>   // std::string, std::to_string
#include <utility>  // std::move
#include <vector>   // std::vector

namespace jot::inline v1::detail {

// Why a template cannot be escaped. The names are those of Go's html/template.
enum class EscapeErrc : std::uint8_t {
  ok,
  ambig_context,       // a URL that is at its query in one branch and not in the other
  bad_html,            // a quote in an attribute name, a '<' in an unquoted value
  branch_end,          // {{if}}, {{with}} or {{range}}: branches end in different contexts
  end_context,         // ends within a tag, an attribute, a script
  no_such_template,    // {{template "x"}} and nobody defined x
  output_context,      // a recursive template whose end cannot be computed
  partial_charset,     // /[{{.}}]/
  partial_escape,      // "\{{.}}"
  range_loop_reentry,  // a loop that does not end where it began
  slash_ambig,         // a '/' that may divide or begin a regexp
  predefined_escaper,  // {{. | html | print}}
};

// As Go prints it, for who looks it up there.
constexpr const char* escape_errc_name(EscapeErrc code) noexcept {
  constexpr const char* names[] = {"OK",
                                   "ErrAmbigContext",
                                   "ErrBadHTML",
                                   "ErrBranchEnd",
                                   "ErrEndContext",
                                   "ErrNoSuchTemplate",
                                   "ErrOutputContext",
                                   "ErrPartialCharset",
                                   "ErrPartialEscape",
                                   "ErrRangeLoopReentry",
                                   "ErrSlashAmbig",
                                   "ErrPredefinedEscaper"};
  return names[static_cast<unsigned>(code)];
}

enum class HtmlState : std::uint8_t {
  text,
  tag,               // before an attribute or the end of the tag
  attribute_name,    // in or right after a name
  after_name,        // before the '=', if there is one
  before_value,      // after the '='
  comment,           // <!-- -->
  rcdata,            // in <textarea> or <title>
  attribute,         // in a value that is plain text
  url,               // in a value that is a URL
  srcset,            // in a value that is a list of images
  js,                // in a script or an on... attribute
  js_dq_string,      // "
  js_sq_string,      // '
  js_template,       // `
  js_regexp,         // /
  js_block_comment,  // /* */
  js_line_comment,   // //, and #!
  js_open_comment,   // <!--: a line comment in scripts
  js_close_comment,  // -->: another
  css,               // in a style
  css_dq_string,
  css_sq_string,
  css_dq_url,  // url("
  css_sq_url,  // url('
  css_url,     // url(
  css_block_comment,
  css_line_comment,
  error,  // see HtmlContext::errc
  dead,   // after {{break}} or {{continue}}: nothing gets here
};

// What ends the attribute value that this stands in.
enum class HtmlDelimiter : std::uint8_t { none, double_quote, single_quote, space_or_tag_end };

// How much of a URL has been written.
enum class UrlPart : std::uint8_t {
  none,           // nothing: a scheme could come, javascript: among them
  pre_query,      // scheme, host or path
  query_or_frag,  // after '?' or '#'
  unknown,        // one branch was here, the other there
};

// What would a '/' in JavaScript be?
enum class JsSlash : std::uint8_t { regexp, division, unknown };

// What the value of the present attribute is.
enum class HtmlAttribute : std::uint8_t { none, script, script_type, style, url, srcset };

// Elements whose content is not HTML.
enum class HtmlElement : std::uint8_t { none, script, style, textarea, title };

struct HtmlContext {
  HtmlState state = HtmlState::text;
  HtmlDelimiter delimiter = HtmlDelimiter::none;
  UrlPart url_part = UrlPart::none;
  JsSlash slash = JsSlash::regexp;
  HtmlAttribute attribute = HtmlAttribute::none;
  HtmlElement element = HtmlElement::none;
  EscapeErrc errc = EscapeErrc::ok;  // not ok: state is error
  std::vector<int> braces = {};      // open { in each ${ of nested template literals
  std::string problem = {};          // what errc is about, in words

  bool operator==(const HtmlContext&) const = default;

  std::string name() const;
};

inline HtmlContext html_error(EscapeErrc code, std::string problem) {
  HtmlContext context;
  context.state = HtmlState::error, context.errc = code, context.problem = std::move(problem);
  return context;
}

constexpr bool is_comment(HtmlState state) noexcept {
  switch (state) {
    case HtmlState::comment:
    case HtmlState::js_block_comment:
    case HtmlState::js_line_comment:
    case HtmlState::js_open_comment:
    case HtmlState::js_close_comment:
    case HtmlState::css_block_comment:
    case HtmlState::css_line_comment: return true;
    default: return false;
  }
}

constexpr bool is_in_tag(HtmlState state) noexcept {
  return (state >= HtmlState::tag && state <= HtmlState::before_value) ||
         state == HtmlState::attribute;
}

// Where "</script" is a part of the script's text, and is written another way.
constexpr bool is_script_literal(HtmlState state) noexcept {
  return state >= HtmlState::js_dq_string && state <= HtmlState::js_regexp;
}

// Without spaces: it becomes part of a template's name.
inline std::string HtmlContext::name() const {
  constexpr const char* states[] = {"text",
                                    "tag",
                                    "attribute_name",
                                    "after_name",
                                    "before_value",
                                    "comment",
                                    "rcdata",
                                    "attribute",
                                    "url",
                                    "srcset",
                                    "js",
                                    "js_dq_string",
                                    "js_sq_string",
                                    "js_template",
                                    "js_regexp",
                                    "js_block_comment",
                                    "js_line_comment",
                                    "js_open_comment",
                                    "js_close_comment",
                                    "css",
                                    "css_dq_string",
                                    "css_sq_string",
                                    "css_dq_url",
                                    "css_sq_url",
                                    "css_url",
                                    "css_block_comment",
                                    "css_line_comment",
                                    "error",
                                    "dead"};
  constexpr const char* delimiters[] = {"", "_double_quote", "_single_quote", "_unquoted"};
  constexpr const char* parts[] = {"", "_pre_query", "_query_or_frag", "_url_part_unknown"};
  constexpr const char* slashes[] = {"", "_division", "_slash_unknown"};
  constexpr const char* attributes[] = {"", "_script", "_script_type", "_style", "_url", "_srcset"};
  constexpr const char* elements[] = {"", "_in_script", "_in_style", "_in_textarea", "_in_title"};
  std::string name = states[static_cast<unsigned>(state)];
  name += delimiters[static_cast<unsigned>(delimiter)];
  name += parts[static_cast<unsigned>(url_part)];
  name += slashes[static_cast<unsigned>(slash)];
  for (const int open : braces) name += "_brace" + std::to_string(open);
  name += attributes[static_cast<unsigned>(attribute)];
  name += elements[static_cast<unsigned>(element)];
  return name;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_attribute.hpp

// html_attribute.hpp -- what does the value of that attribute mean to a browser?
//
// In: an attribute's name. Out: whether its value is plain text, a URL, CSS, JavaScript, HTML, or
// something that strangers must not choose. Names not in the table are judged by how they look:
// data-href and my:href are an href, on... is JavaScript, and whatever has src, uri or url in its
// name is taken for a URL.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class AttributeKind : std::uint8_t { plain, url, css, js, html, srcset, unsafe };

// unsafe: changes what other attributes mean, or how the element is fetched, sent or parsed.
inline AttributeKind known_attribute(std::string_view name) noexcept {
  constexpr std::string_view urls =
      " action archive background cite classid codebase data formaction href icon longdesc "
      "manifest poster profile src usemap xmlns ";
  constexpr std::string_view unsafe =
      " accept-charset async challenge charset content crossorigin defer enctype form formenctype "
      "formmethod formnovalidate http-equiv keytype language method novalidate pattern rel sandbox "
      "type value ";
  std::string word;
  word.append(1, ' ').append(name).append(1, ' ');
  if (urls.find(word) != urls.npos) return AttributeKind::url;
  if (unsafe.find(word) != unsafe.npos) return AttributeKind::unsafe;
  if (name == "style") return AttributeKind::css;
  if (name == "srcset") return AttributeKind::srcset;
  if (name == "srcdoc") return AttributeKind::html;
  return AttributeKind::plain;
}

// Names of today's standards that hold "src", "uri" or "url", or begin with "on", are all what they
// look like; these two are the table's own, and are as they are.
inline AttributeKind attribute_kind(std::string_view name) {
  if (name.starts_with("data-")) {
    name.remove_prefix(5);
  } else if (const std::size_t colon = name.find(':'); colon != name.npos) {
    if (name.substr(0, colon) == "xmlns") return AttributeKind::url;
    name.remove_prefix(colon + 1);
  }
  if (const AttributeKind kind = known_attribute(name); kind != AttributeKind::plain) return kind;
  if (name == "srclang") return AttributeKind::plain;
  if (name.starts_with("on")) return AttributeKind::js;
  for (const char* part : {"src", "uri", "url"}) {
    if (name.find(part) != name.npos) return AttributeKind::url;
  }
  return AttributeKind::plain;
}

// What the machine has to remember of it. name: as written, in any case.
inline HtmlAttribute attribute_of(std::string_view name, HtmlElement element) {
  std::string lower(name);
  for (char& c : lower) c = to_lower(c);
  if (element == HtmlElement::script && lower == "type") return HtmlAttribute::script_type;
  switch (attribute_kind(lower)) {
    case AttributeKind::url: return HtmlAttribute::url;
    case AttributeKind::css: return HtmlAttribute::style;
    case AttributeKind::js: return HtmlAttribute::script;
    case AttributeKind::srcset: return HtmlAttribute::srcset;
    default: return HtmlAttribute::none;
  }
}

constexpr HtmlState value_state(HtmlAttribute attribute) noexcept {
  switch (attribute) {
    case HtmlAttribute::script: return HtmlState::js;
    case HtmlAttribute::style: return HtmlState::css;
    case HtmlAttribute::url: return HtmlState::url;
    case HtmlAttribute::srcset: return HtmlState::srcset;
    default: return HtmlState::attribute;
  }
}

// Is <script type=that> JavaScript, or JSON? Everything else is data to a browser, and text here.
inline bool is_script_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!type.empty() && space(type.front())) type.remove_prefix(1);
  while (!type.empty() && space(type.back())) type.remove_suffix(1);
  std::string word = " ";
  for (const char c : type) word += to_lower(c);
  word += ' ';
  constexpr std::string_view known =
      " application/ecmascript application/javascript application/json application/ld+json "
      "application/x-ecmascript application/x-javascript module text/ecmascript text/javascript "
      "text/javascript1.0 text/javascript1.1 text/javascript1.2 text/javascript1.3 "
      "text/javascript1.4 text/javascript1.5 text/jscript text/livescript text/x-ecmascript "
      "text/x-javascript ";
  return type.find(' ') == type.npos && !type.empty() && known.find(word) != known.npos;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_tag.hpp

// html_tag.hpp -- where does this piece of HTML lead: text, tags and attributes?
//
// Each step takes the context and the rest of the text, changes the context, and returns how many
// bytes it took; a step that took nothing changed the state. See HTML, section 13.2.5.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

constexpr bool is_html_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

constexpr std::size_t skip_html_space(std::string_view s, std::size_t at = 0) noexcept {
  while (at < s.size() && is_html_space(s[at])) ++at;
  return at;
}

// For messages: the beginning of text, in quotes.
inline std::string quoted_start(std::string_view text) {
  return "\"" + std::string(text.substr(0, 32)) + "\"";
}

inline std::size_t html_fail(HtmlContext& c, std::string_view s, EscapeErrc code,
                             std::string what) {
  c = html_error(code, std::move(what));
  return s.size();
}

// How long is the tag name that s begins with? 0: none.
constexpr std::size_t tag_name_size(std::string_view s) noexcept {
  const auto alnum = [](char c) { return is_a(c, byte_alpha) || is_digit(c); };
  if (s.empty() || !is_a(s[0], byte_alpha)) return 0;
  std::size_t at = 1;
  while (at < s.size()) {
    if (alnum(s[at])) {
      ++at;
    } else if ((s[at] == ':' || s[at] == '-') && at + 1 < s.size() && alnum(s[at + 1])) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

constexpr std::string_view element_names[] = {"", "script", "style", "textarea", "title"};

constexpr HtmlElement element_of(std::string_view tag) noexcept {
  for (unsigned i = 1; i < 5; ++i) {
    if (iequals(tag, element_names[i])) return static_cast<HtmlElement>(i);
  }
  return HtmlElement::none;
}

constexpr HtmlState content_state(HtmlElement element) noexcept {
  switch (element) {
    case HtmlElement::script: return HtmlState::js;
    case HtmlElement::style: return HtmlState::css;
    case HtmlElement::textarea:
    case HtmlElement::title: return HtmlState::rcdata;
    default: return HtmlState::text;
  }
}

inline void begin_state(HtmlContext& c, HtmlState state, HtmlElement element = HtmlElement::none) {
  c = HtmlContext{};
  c.state = state, c.element = element;
}

inline std::size_t step_text(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find('<', at)) != s.npos && at + 1 < s.size(); ++at) {
    if (s.substr(at).starts_with("<!--")) {
      begin_state(c, HtmlState::comment);
      return at + 4;
    }
    const bool ends = s[at + 1] == '/';
    const std::size_t name = at + (ends ? 2 : 1);
    if (const std::size_t size = tag_name_size(s.substr(name)); size > 0) {
      begin_state(c, HtmlState::tag, ends ? HtmlElement::none : element_of(s.substr(name, size)));
      return name + size;
    }
  }
  return s.size();
}

inline std::size_t step_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find("-->");
  if (end == s.npos) return s.size();
  begin_state(c, HtmlState::text);
  return end + 3;
}

// Where does the attribute name that begins at `at` end? npos, and c in error: never.
inline std::size_t attribute_name_end(HtmlContext& c, std::string_view s, std::size_t at) {
  const std::size_t end = std::min(s.find_first_of(" \t\n\f\r=>'\"<", at), s.size());
  if (end == s.size() || (s[end] != '\'' && s[end] != '"' && s[end] != '<')) return end;
  // An attribute may not be called that, and a browser would take it for the end of another.
  html_fail(c, s, EscapeErrc::bad_html,
            "'" + std::string(1, s[end]) + "' in attribute name: " + quoted_start(s));
  return s.npos;
}

inline std::size_t step_tag(HtmlContext& c, std::string_view s) {
  const std::size_t name = skip_html_space(s);
  if (name == s.size()) return name;
  if (s[name] == '>') {
    begin_state(c, content_state(c.element), c.element);
    return name + 1;
  }
  const std::size_t end = attribute_name_end(c, s, name);
  if (end == s.npos) return s.size();
  if (end == name) {
    return html_fail(
        c, s, EscapeErrc::bad_html,
        "expected space, attr name, or end of tag, but got " + quoted_start(s.substr(name)));
  }
  const HtmlAttribute attribute = attribute_of(s.substr(name, end - name), c.element);
  begin_state(c, end == s.size() ? HtmlState::attribute_name : HtmlState::after_name, c.element);
  c.attribute = attribute;
  return end;
}

// The name goes on after an action.
inline std::size_t step_attribute_name(HtmlContext& c, std::string_view s) {
  const std::size_t end = attribute_name_end(c, s, 0);
  if (end == s.npos) return s.size();
  if (end < s.size()) c.state = HtmlState::after_name;
  return end;
}

inline std::size_t step_after_name(HtmlContext& c, std::string_view s) {
  const std::size_t at = skip_html_space(s);
  if (at == s.size()) return at;
  if (s[at] != '=') {
    c.state = HtmlState::tag;  // it has no value
    return at;
  }
  c.state = HtmlState::before_value;
  return at + 1;
}

inline std::size_t step_before_value(HtmlContext& c, std::string_view s) {
  const std::size_t at = skip_html_space(s);
  if (at == s.size()) return at;
  c.state = value_state(c.attribute);
  c.delimiter = s[at] == '"'    ? HtmlDelimiter::double_quote
                : s[at] == '\'' ? HtmlDelimiter::single_quote
                                : HtmlDelimiter::space_or_tag_end;
  return c.delimiter == HtmlDelimiter::space_or_tag_end ? at : at + 1;
}

// In a URL: has its path begun, has its query?
inline std::size_t step_url(HtmlContext& c, std::string_view s) {
  if (s.find_first_of("#?") != s.npos) {
    c.url_part = UrlPart::query_or_frag;
  } else if (c.url_part == UrlPart::none && skip_html_space(s) < s.size()) {
    c.url_part = UrlPart::pre_query;
  }
  return s.size();
}

// Where is the "</script" that ends this element? npos: not here.
constexpr std::size_t find_end_tag(std::string_view s, HtmlElement element) noexcept {
  const std::string_view name = element_names[static_cast<unsigned>(element)];
  for (std::size_t at = 0; (at = s.find("</", at)) != s.npos; at += 2) {
    const std::string_view tag = s.substr(at + 2);
    if (tag.size() <= name.size() || !iequals(tag.substr(0, name.size()), name)) continue;
    if (std::string_view("> \t\n\f/").find(tag[name.size()]) != tag.npos) return at;
  }
  return s.npos;
}

// Ends the element if its end tag is here. Returns: where that is, or the size of s.
// A "</script" within a string is written another way, so it is no end; nor is one in a comment,
// which is dropped.
inline std::size_t step_to_end_tag(HtmlContext& c, std::string_view s) {
  if (c.element == HtmlElement::none) return s.size();
  const bool script = c.element == HtmlElement::script;
  if (script && (is_script_literal(c.state) || is_comment(c.state))) return s.size();
  const std::size_t end = find_end_tag(s, c.element);
  if (end == s.npos) return s.size();
  begin_state(c, HtmlState::text);
  return end;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_css.hpp

// html_css.hpp -- where does this piece of CSS lead?
//
// Steps as in html_tag.hpp. Strings are mostly URLs in CSS, so all of them are followed as such.
// See CSS Syntax Module Level 3, section 4.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// A letter of a CSS name? Of UTF-8, all bytes of letters beyond ASCII are.
constexpr bool is_css_name_char(char c) noexcept {
  return is_a(c, byte_alpha) || is_digit(c) || c == '-' || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// At s[at], a backslash: appends the character that it stands for. Returns: where that ends.
inline std::size_t decode_css_escape(std::string_view s, std::size_t at, std::string& to) {
  if (++at == s.size()) return at;
  if (hex_digit(s[at]) < 0) {
    to += s[at];
    return at + 1;
  }
  char32_t c = 0;
  for (const std::size_t first = at; at < s.size() && at < first + 6; ++at) {
    const int digit = hex_digit(s[at]);
    if (digit < 0) break;
    c = c * 16 + static_cast<char32_t>(digit);
  }
  if (c > 0x10FFFF) c /= 16, --at;  // the last digit is a letter of its own
  append_utf8(to, c >= 0xD800 && c <= 0xDFFF ? U'\uFFFD' : c);
  if (s.substr(at).starts_with("\r\n")) return at + 2;
  return at < s.size() && is_html_space(s[at]) ? at + 1 : at;  // one space may end the number
}

// With each \22 replaced by what it stands for.
inline std::string decode_css(std::string_view s) {
  std::string to;
  for (std::size_t at = 0; at < s.size();) {
    if (s[at] == '\\') {
      at = decode_css_escape(s, at, to);
    } else {
      to += s[at++];
    }
  }
  return to;
}

// Does the code before a '(' make it that of url(?
constexpr bool ends_with_css_url(std::string_view code) noexcept {
  while (!code.empty() && is_html_space(code.back())) code.remove_suffix(1);
  if (code.size() < 3 || !iequals(code.substr(code.size() - 3), "url")) return false;
  return code.size() == 3 || !is_css_name_char(code[code.size() - 4]);
}

// After "url(", at s[at].
inline std::size_t step_css_url_start(HtmlContext& c, std::string_view s, std::size_t at) {
  at = skip_html_space(s, at);
  const char quote = at < s.size() ? s[at] : '\0';
  c.state = quote == '"'    ? HtmlState::css_dq_url
            : quote == '\'' ? HtmlState::css_sq_url
                            : HtmlState::css_url;
  return c.state == HtmlState::css_url ? at : at + 1;
}

inline std::size_t step_css(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find_first_of("(\"'/", at)) != s.npos; ++at) {
    const char next = at + 1 < s.size() ? s[at + 1] : '\0';
    if (s[at] == '(') {
      if (ends_with_css_url(s.substr(0, at))) return step_css_url_start(c, s, at + 1);
    } else if (s[at] == '/') {
      if (next != '/' && next != '*') continue;
      c.state = next == '/' ? HtmlState::css_line_comment : HtmlState::css_block_comment;
      return at + 2;
    } else {
      c.state = s[at] == '"' ? HtmlState::css_dq_string : HtmlState::css_sq_string;
      return at + 1;
    }
  }
  return s.size();
}

// In a string or url(), which may end here.
inline std::size_t step_css_string(HtmlContext& c, std::string_view s) {
  const bool double_quoted =
      c.state == HtmlState::css_dq_string || c.state == HtmlState::css_dq_url;
  const std::string_view ends = c.state == HtmlState::css_url ? "\\\t\n\f\r )"
                                : double_quoted               ? "\\\""
                                                              : "\\'";
  for (std::size_t from = 0;;) {
    std::size_t at = s.find_first_of(ends, from);
    if (at == s.npos) {
      step_url(c, decode_css(s.substr(from)));
      return s.size();
    }
    if (s[at] != '\\') {
      c.state = HtmlState::css;
      return at + 1;
    }
    if (++at == s.size()) {
      return html_fail(c, s, EscapeErrc::partial_escape,
                       "unfinished escape sequence in CSS string: " + quoted_start(s));
    }
    step_url(c, decode_css(s.substr(0, at + 1)));
    from = at + 1;
  }
}

inline std::size_t step_css_line_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find_first_of("\n\f\r");
  if (end == s.npos) return s.size();
  c.state = HtmlState::css;
  return end;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_entity.hpp

// html_entity.hpp -- which characters does this attribute value stand for?
//
// In: a value as written, with &amp; and its kind. Out: what a browser hands to the parser of URLs,
// CSS or JavaScript. Those look at ASCII only, so names of other characters all become one letter
// that is none of theirs, U+FFFD. See HTML, section 13.2.5.72 (character references).

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

struct HtmlEntity {
  std::string_view name;
  char character;
};

// All names of ASCII characters.
inline constexpr HtmlEntity html_entities[] = {
    {"AMP;", '&'},      {"GT;", '>'},
    {"Grave;", '`'},    {"Hat;", '^'},
    {"LT;", '<'},       {"NewLine;", '\n'},
    {"QUOT;", '"'},     {"Tab;", '\t'},
    {"UnderBar;", '_'}, {"VerticalLine;", '|'},
    {"amp;", '&'},      {"apos;", '\''},
    {"ast;", '*'},      {"bsol;", '\\'},
    {"colon;", ':'},    {"comma;", ','},
    {"commat;", '@'},   {"dollar;", '$'},
    {"equals;", '='},   {"excl;", '!'},
    {"grave;", '`'},    {"DiacriticalGrave;", '`'},
    {"gt;", '>'},       {"lbrace;", '{'},
    {"lbrack;", '['},   {"lcub;", '{'},
    {"lowbar;", '_'},   {"lpar;", '('},
    {"lsqb;", '['},     {"lt;", '<'},
    {"midast;", '*'},   {"num;", '#'},
    {"percnt;", '%'},   {"period;", '.'},
    {"plus;", '+'},     {"quest;", '?'},
    {"quot;", '"'},     {"rbrace;", '}'},
    {"rbrack;", ']'},   {"rcub;", '}'},
    {"rpar;", ')'},     {"rsqb;", ']'},
    {"semi;", ';'},     {"sol;", '/'},
    {"verbar;", '|'},   {"vert;", '|'},
};

// Old names that need no semicolon.
inline constexpr HtmlEntity old_html_entities[] = {
    {"AMP", '&'}, {"GT", '>'}, {"LT", '<'}, {"QUOT", '"'},
    {"amp", '&'}, {"gt", '>'}, {"lt", '<'}, {"quot", '"'},
};

class EntityDecoder {
 public:
  explicit EntityDecoder(std::string_view text) noexcept : text_(text) {}

  std::string decode() {
    std::string to;
    while (at_ < text_.size()) {
      const std::size_t amp = std::min(text_.find('&', at_), text_.size());
      to.append(text_, at_, amp - at_);
      at_ = amp;
      if (at_ < text_.size() && !reference(to)) to += text_[at_++];
    }
    return to;
  }

 private:
  // At an '&'. Returns: false when it is just that.
  bool reference(std::string& to) {
    const std::string_view rest = text_.substr(at_ + 1);
    return rest.starts_with('#') ? numeric(rest.substr(1), to) : named(rest, to);
  }

  bool numeric(std::string_view rest, std::string& to) {
    const bool hex = rest.starts_with('x') || rest.starts_with('X');
    std::size_t i = hex ? 1 : 0;
    const std::size_t first = i;
    char32_t c = 0;
    for (; i < rest.size() && (hex ? hex_digit(rest[i]) >= 0 : is_digit(rest[i])); ++i) {
      if (c < 0x110000) c = c * (hex ? 16 : 10) + static_cast<char32_t>(hex_digit(rest[i]));
    }
    if (i == first) return false;
    if (i < rest.size() && rest[i] == ';') ++i;
    const bool odd = c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF);
    append_utf8(to, odd || (c >= 0x80 && c < 0xA0) ? U'\uFFFD' : c);
    at_ += 2 + i;  // "&#"
    return true;
  }

  bool named(std::string_view rest, std::string& to) {
    for (const HtmlEntity& entity : html_entities) {
      if (rest.starts_with(entity.name)) return take(entity, to);
    }
    for (const HtmlEntity& entity : old_html_entities) {
      if (rest.starts_with(entity.name)) return take(entity, to);
    }
    std::size_t end = 0;
    while (end < rest.size() && (is_a(rest[end], byte_alpha) || is_digit(rest[end]))) ++end;
    if (end < 2 || end == rest.size() || rest[end] != ';') return false;
    append_utf8(to, U'\uFFFD');
    at_ += end + 2;
    return true;
  }

  bool take(const HtmlEntity& entity, std::string& to) {
    to += entity.character;
    at_ += 1 + entity.name.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_js.hpp

// html_js.hpp -- where does this piece of JavaScript lead?
//
// Steps as in html_tag.hpp. A parser would be needed to tell all divisions from regexps; what
// stands before the '/' tells nearly all, and where it does not, that is an error and no guess. The
// trail of a wrong guess is that of Go, byte for byte: see what `js_slash_after` says of '}'.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

constexpr bool is_js_identifier_part(char c) noexcept {
  return is_a(c, byte_alpha) || is_digit(c) || c == '_' || c == '$';
}

// Without the white space that ends it.
constexpr std::string_view trim_js_end(std::string_view s) noexcept {
  for (;;) {
    if (!s.empty() && std::string_view("\t\n\f\r ").find(s.back()) != s.npos) {
      s.remove_suffix(1);
    } else if (s.ends_with("\u2028") || s.ends_with("\u2029")) {
      s.remove_suffix(3);
    } else {
      return s;
    }
  }
}

// Words after which an expression begins.
constexpr bool js_precedes_regexp(std::string_view word) noexcept {
  for (const std::string_view known :
       {"break", "case", "continue", "delete", "do", "else", "finally", "in", "instanceof",
        "return", "throw", "try", "typeof", "void"}) {
    if (word == known) return true;
  }
  return false;
}

// What is a '/' after this code? `before`: what it was before the code.
constexpr JsSlash js_slash_after(std::string_view code, JsSlash before) noexcept {
  code = trim_js_end(code);
  if (code.empty()) return before;
  const char last = code.back();
  if (last == '+' || last == '-') {
    std::size_t count = 0;  // "x++ /" divides, "x+ /" and "x + ++/" do not
    while (count < code.size() && code[code.size() - 1 - count] == last) ++count;
    return count % 2 == 1 ? JsSlash::regexp : JsSlash::division;
  }
  if (last == '.') {  // 42. / x
    const bool number = code.size() > 1 && is_digit(code[code.size() - 2]);
    return number ? JsSlash::division : JsSlash::regexp;
  }
  // A '}' ends a block far more often than an object that somebody divides.
  if (std::string_view(",<>=*%&|^?!~([:;{}").find(last) != code.npos) return JsSlash::regexp;
  std::size_t word = code.size();
  while (word > 0 && is_js_identifier_part(code[word - 1])) --word;
  return js_precedes_regexp(code.substr(word)) ? JsSlash::regexp : JsSlash::division;
}

inline std::size_t js_enter(HtmlContext& c, HtmlState state, std::size_t taken) noexcept {
  c.state = state;
  return taken;
}

// At a '/', s[at].
inline std::size_t step_js_slash(HtmlContext& c, std::string_view s, std::size_t at) {
  const char next = at + 1 < s.size() ? s[at + 1] : '\0';
  if (next == '/') return js_enter(c, HtmlState::js_line_comment, at + 2);
  if (next == '*') return js_enter(c, HtmlState::js_block_comment, at + 2);
  if (c.slash == JsSlash::unknown) {
    return html_fail(c, s, EscapeErrc::slash_ambig,
                     "'/' could start a division or regexp: " + quoted_start(s.substr(at)));
  }
  if (c.slash == JsSlash::regexp) return js_enter(c, HtmlState::js_regexp, at + 1);
  c.slash = JsSlash::regexp;
  return at + 1;
}

// At a brace. Only those within ${ } count: one of them ends it.
inline std::size_t step_js_brace(HtmlContext& c, char brace, std::size_t taken) {
  if (c.braces.empty()) return taken;
  if (brace == '{') {
    ++c.braces.back();
  } else if (--c.braces.back() < 0) {
    c.braces.pop_back();
    c.state = HtmlState::js_template;
  }
  return taken;
}

inline std::size_t step_js(HtmlContext& c, std::string_view s) {
  const std::size_t at = s.find_first_of("\"'`/{}<-#");
  c.slash = js_slash_after(s.substr(0, at), c.slash);
  if (at == s.npos) return s.size();
  const std::string_view rest = s.substr(at);
  switch (s[at]) {
    case '"':
    case '\'':
    case '`': c.slash = JsSlash::regexp;
    default: break;
  }
  switch (s[at]) {
    case '"': return js_enter(c, HtmlState::js_dq_string, at + 1);
    case '\'': return js_enter(c, HtmlState::js_sq_string, at + 1);
    case '`': return js_enter(c, HtmlState::js_template, at + 1);
    case '/': return step_js_slash(c, s, at);
    case '{':
    case '}': return step_js_brace(c, s[at], at + 1);
    default: break;
  }
  // Comments as old browsers hid scripts with, and the line #! of a program. ECMAScript, annex B.1.
  if (rest.starts_with("<!--")) return js_enter(c, HtmlState::js_open_comment, at + 4);
  if (rest.starts_with("-->")) return js_enter(c, HtmlState::js_close_comment, at + 3);
  if (rest.starts_with("#!")) return js_enter(c, HtmlState::js_line_comment, at + 2);
  return at + 1;
}

inline std::size_t js_unfinished_escape(HtmlContext& c, std::string_view s) {
  return html_fail(c, s, EscapeErrc::partial_escape,
                   "unfinished escape sequence in JS string: " + quoted_start(s));
}

// Is s[at] the '/' of "</script"? It does not end a regexp: the '<' will be written \x3C.
inline bool is_script_end_slash(std::string_view s, std::size_t at) noexcept {
  return at > 0 && at + 7 <= s.size() && iequals(s.substr(at - 1, 8), "</script");
}

// In a string or regexp, which may end here.
inline std::size_t step_js_literal(HtmlContext& c, std::string_view s) {
  const std::string_view specials = c.state == HtmlState::js_dq_string   ? "\\\""
                                    : c.state == HtmlState::js_sq_string ? "\\'"
                                                                         : "\\/[]";
  bool in_charset = false;  // a '/' within [] does not end a regexp
  for (std::size_t at = 0; (at = s.find_first_of(specials, at)) != s.npos; ++at) {
    switch (s[at]) {
      case '\\':
        if (++at == s.size()) return js_unfinished_escape(c, s);
        break;
      case '[': in_charset = true; break;
      case ']': in_charset = false; break;
      default:
        if (s[at] == '/' && is_script_end_slash(s, at)) break;
        if (in_charset) break;
        c.slash = JsSlash::division;
        return js_enter(c, HtmlState::js, at + 1);
    }
  }
  // A value could break out of [, and would have to be escaped in another way.
  if (in_charset) {
    return html_fail(c, s, EscapeErrc::partial_charset,
                     "unfinished JS regexp charset: " + quoted_start(s));
  }
  return s.size();
}

inline std::size_t step_js_template(HtmlContext& c, std::string_view s) {
  for (std::size_t at = 0; (at = s.find_first_of("`\\$", at)) != s.npos; ++at) {
    if (s[at] == '\\') {
      if (++at == s.size()) return js_unfinished_escape(c, s);
    } else if (s[at] == '`') {
      return js_enter(c, HtmlState::js, at + 1);
    } else if (at + 1 < s.size() && s[at + 1] == '{') {
      c.braces.push_back(0);
      return js_enter(c, HtmlState::js, at + 2);
    }
  }
  return s.size();
}

// Where does the line end? The end belongs to what comes after the comment.
inline std::size_t step_js_line_comment(HtmlContext& c, std::string_view s) {
  std::size_t end = s.find_first_of("\n\r");
  end = std::min({end, s.find("\u2028"), s.find("\u2029")});
  if (end == s.npos) return s.size();
  return js_enter(c, HtmlState::js, end);
}

inline std::size_t step_block_comment(HtmlContext& c, std::string_view s) {
  const std::size_t end = s.find("*/");
  if (end == s.npos) return s.size();
  c.state = c.state == HtmlState::js_block_comment ? HtmlState::js : HtmlState::css;
  return end + 2;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_transition.hpp

// html_transition.hpp -- in which context is the page after this text?
//
// In: the context before, and a piece of what the author wrote between two actions. Out: the
// context some bytes on; called again until all is taken.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The step of one state, whatever delimits the text.
inline std::size_t html_step(HtmlContext& c, std::string_view s) {
  switch (c.state) {
    case HtmlState::text: return step_text(c, s);
    case HtmlState::tag: return step_tag(c, s);
    case HtmlState::attribute_name: return step_attribute_name(c, s);
    case HtmlState::after_name: return step_after_name(c, s);
    case HtmlState::before_value: return step_before_value(c, s);
    case HtmlState::comment: return step_comment(c, s);
    case HtmlState::rcdata: return step_to_end_tag(c, s);
    case HtmlState::url:
    case HtmlState::srcset: return step_url(c, s);
    case HtmlState::js: return step_js(c, s);
    case HtmlState::js_dq_string:
    case HtmlState::js_sq_string:
    case HtmlState::js_regexp: return step_js_literal(c, s);
    case HtmlState::js_template: return step_js_template(c, s);
    case HtmlState::js_line_comment:
    case HtmlState::js_open_comment:
    case HtmlState::js_close_comment: return step_js_line_comment(c, s);
    case HtmlState::js_block_comment:
    case HtmlState::css_block_comment: return step_block_comment(c, s);
    case HtmlState::css: return step_css(c, s);
    case HtmlState::css_dq_string:
    case HtmlState::css_sq_string:
    case HtmlState::css_dq_url:
    case HtmlState::css_sq_url:
    case HtmlState::css_url: return step_css_string(c, s);
    case HtmlState::css_line_comment: return step_css_line_comment(c, s);
    case HtmlState::attribute:
    case HtmlState::error:
    case HtmlState::dead: break;
  }
  return s.size();
}

// Where does the attribute value end that s is in? npos: not here.
constexpr std::size_t find_value_end(HtmlDelimiter delimiter, std::string_view s) noexcept {
  switch (delimiter) {
    case HtmlDelimiter::double_quote: return s.find('"');
    case HtmlDelimiter::single_quote: return s.find('\'');
    default: return s.find_first_of(" \t\n\f\r>");
  }
}

// In an attribute value: moves on to its end, or through all of s.
inline std::size_t advance_value(HtmlContext& c, std::string_view s) {
  const std::size_t end = std::min(find_value_end(c.delimiter, s), s.size());
  const std::string_view value = s.substr(0, end);
  if (c.delimiter == HtmlDelimiter::space_or_tag_end) {
    // Browsers do not agree on what these mean here. HTML, section 13.1.2.3.
    const std::size_t bad = value.find_first_of("\"'<=`");
    if (bad != value.npos) {
      return html_fail(
          c, s, EscapeErrc::bad_html,
          "'" + std::string(1, value[bad]) + "' in unquoted attr: " + quoted_start(value));
    }
  }
  if (end == s.size()) {
    const std::string decoded = EntityDecoder(s).decode();
    for (std::string_view rest = decoded; !rest.empty();) rest.remove_prefix(html_step(c, rest));
    return end;
  }
  HtmlElement element = c.element;
  if (c.state == HtmlState::attribute && c.attribute == HtmlAttribute::script_type &&
      element == HtmlElement::script && !is_script_type(value)) {
    element = HtmlElement::none;  // what this script holds is data
  }
  const bool quoted = c.delimiter != HtmlDelimiter::space_or_tag_end;
  begin_state(c, HtmlState::tag, element);
  return quoted ? end + 1 : end;
}

// Returns: how many bytes of s, which is not empty, lead to the new c.
inline std::size_t html_advance(HtmlContext& c, std::string_view s) {
  if (c.delimiter != HtmlDelimiter::none) return advance_value(c, s);
  HtmlContext after = c;
  const std::size_t end = step_to_end_tag(after, s);
  if (end == 0) {
    c = after;
    return 0;
  }
  return html_step(c, s.substr(0, end));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/escape_html.hpp

// escape_html.hpp -- how is text written in HTML?
//
// In: any bytes. Out, appended: the text for the place between tags, in a quoted attribute value,
// in one without quotes, or as an attribute's name. What is refused is written ZgotmplZ, as Go
// does.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::string_view filtered = "ZgotmplZ";

struct HtmlTable {
  std::string_view written[256] = {};  // empty: the byte stands for itself
};

constexpr HtmlTable html_table(bool escape_ampersand, bool unquoted) {
  HtmlTable table;
  const auto set = [&](char c, std::string_view as) {
    table.written[static_cast<unsigned char>(c)] = as;
  };
  set('\0', unquoted ? "&#xfffd;" : "\uFFFD");
  set('"', "&#34;"), set('\'', "&#39;"), set('+', "&#43;"), set('<', "&lt;"), set('>', "&gt;");
  if (escape_ampersand) set('&', "&amp;");
  if (!unquoted) return table;
  set('\t', "&#9;"), set('\n', "&#10;"), set('\v', "&#11;"), set('\f', "&#12;");
  set('\r', "&#13;"), set(' ', "&#32;"), set('=', "&#61;"), set('`', "&#96;");
  return table;
}

inline constexpr HtmlTable html_text_table = html_table(true, false);
inline constexpr HtmlTable html_markup_table = html_table(false, false);  // & is escaped already
inline constexpr HtmlTable html_unquoted_table = html_table(true, true);
inline constexpr HtmlTable html_unquoted_markup_table = html_table(false, true);

// Between tags, and within quotes.
inline void append_html(std::string& to, std::string_view s, const HtmlTable& table) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const std::string_view written = table.written[static_cast<unsigned char>(s[i])];
    if (written.empty()) continue;
    to.append(s, run, i - run).append(written);
    run = i + 1;
  }
  to.append(s, run, s.npos);
}

// Without quotes: also what old browsers took for white space or an end.
inline void append_unquoted(std::string& to, std::string_view s, const HtmlTable& table) {
  for (std::size_t i = 0; i < s.size();) {
    const std::string_view written = table.written[static_cast<unsigned char>(s[i])];
    const Utf8 c = utf8_front(s.substr(i));
    if (!written.empty()) {
      to += written;
    } else if (c.size == 0 || c.code_point == 0xFFFD) {
      to += "&#xfffd;";
    } else if ((c.code_point >= 0xFDD0 && c.code_point <= 0xFDEF) ||
               (c.code_point >= 0xFFF0 && c.code_point <= 0xFFFF)) {
      constexpr char hex[] = "0123456789abcdef";
      to += "&#x";
      for (int shift = 12; shift >= 0; shift -= 4) to += hex[c.code_point >> shift & 15];
      to += ';';
    } else {
      to.append(s, i, c.size);
    }
    i += c.size == 0 ? 1 : c.size;
  }
}

// The text of markup: without tags, comments and what scripts hold.
inline std::string strip_tags(std::string_view s) {
  std::string to;
  HtmlContext c;
  bool all_text = true;
  std::size_t at = 0;
  while (at < s.size()) {
    if (c.delimiter != HtmlDelimiter::none) {
      const std::size_t end = find_value_end(c.delimiter, s.substr(at));
      if (end == s.npos) break;
      at += end + (c.delimiter == HtmlDelimiter::space_or_tag_end ? 0 : 1);
      begin_state(c, HtmlState::tag, c.element);
      continue;
    }
    const HtmlState before = c.state;
    const std::string_view rest = s.substr(at);
    const bool in_element = c.element != HtmlElement::none && !is_in_tag(before);
    const std::size_t taken = in_element ? step_to_end_tag(c, rest) : html_step(c, rest);
    if (before == HtmlState::text || before == HtmlState::rcdata) {
      const std::size_t tag = rest.substr(0, taken).rfind('<');
      to.append(rest.substr(0, c.state != before && tag != s.npos ? tag : taken));
    } else {
      all_text = false;
    }
    at += taken;
  }
  if (all_text) return std::string(s);
  if (c.state == HtmlState::text || c.state == HtmlState::rcdata) to.append(s.substr(at));
  return to;
}

// A name that a stranger may choose: of a plain attribute.
inline void append_attribute_name(std::string& to, std::string_view s) {
  std::string name;
  bool good = !s.empty();
  for (const char c : s) {
    name += to_lower(c);
    good = good && (is_a(c, byte_alpha) || is_digit(c));
  }
  good = good && attribute_kind(name) == AttributeKind::plain;
  to += good ? std::string_view(name) : filtered;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/escape_css.hpp

// escape_css.hpp -- how is text written in CSS?
//
// In a string: with what could end it escaped. As a value: as it is, if it is a name, a number or a
// colour; all that could be code is refused.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline void append_css_string(std::string& to, std::string_view s) {
  constexpr std::string_view special("\0\t\n\f\r\"&'()+/:;<>\\{}", 19);
  constexpr char hex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (special.find(s[i]) == special.npos) {
      to += s[i];
      continue;
    }
    to += '\\';
    if (c == '\\') {
      to += '\\';
      continue;
    }
    if (c >= 16) to += hex[c >> 4];
    to += hex[c & 15];
    // A space ends the number where the next character would go on with it.
    const char next = i + 1 < s.size() ? s[i + 1] : '0';
    if (hex_digit(next) >= 0 || is_html_space(next)) to += ' ';
  }
}

inline void append_css_value(std::string& to, std::string_view s) {
  const std::string value = decode_css(s);
  std::string name;
  bool good = value.find_first_of(std::string_view("\0\"'()/;@[\\]`{}<>", 16)) == value.npos &&
              value.find("--") == value.npos;
  for (const char c : value) {
    const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
    if (is_css_name_char(c) && is_ascii && c != '-') name += to_lower(c);
  }
  // Old browsers ran these, however they were spelled.
  good = good && name.find("expression") == name.npos && name.find("mozbinding") == name.npos;
  to += good ? std::string_view(value) : filtered;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/escape_js.hpp

// escape_js.hpp -- how is a Value written in JavaScript?
//
// As an expression: JSON, which is safe in scripts and attributes. In a string, a template literal
// or a regexp: with all that could end it escaped, < and > included, so that no </script> or <!--
// can come of it.

#include <charconv>     // std::to_chars, std::chars_format
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline void append_js_unicode(std::string& to, char32_t c) {
  constexpr char hex[] = "0123456789abcdef";
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to += hex[c >> shift & 15];
}

// In a literal. also: what is escaped by a backslash; unicode: what by its number.
inline void append_js_literal(std::string& to, std::string_view s, std::string_view also,
                              std::string_view unicode) {
  for (std::size_t i = 0; i < s.size();) {
    const char c = s[i];
    const Utf8 character = utf8_front(s.substr(i));
    const std::size_t size = character.size == 0 ? 1 : character.size;
    if (c == '\t' || c == '\n' || c == '\f' || c == '\r') {
      to += '\\', to += c == '\t' ? 't' : c == '\n' ? 'n' : c == '\f' ? 'f' : 'r';
    } else if (also.find(c) != also.npos) {
      to += '\\', to += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || unicode.find(c) != unicode.npos ||
               character.code_point == 0x2028 || character.code_point == 0x2029) {
      append_js_unicode(to, character.code_point);
    } else {
      to.append(s, i, size);
    }
    i += size;
  }
}

inline void append_js_string(std::string& to, std::string_view s) {
  append_js_literal(to, s, "\\/", "\"'`&+<>");
}

// Of JSStr: its escapes stay.
inline void append_js_written_string(std::string& to, std::string_view s) {
  append_js_literal(to, s, "/", "\"'`&+<>");
}

inline void append_js_template(std::string& to, std::string_view s) {
  append_js_literal(to, s, "\\/", "\"'`&+<>${}");
}

inline void append_js_regexp(std::string& to, std::string_view s) {
  if (s.empty()) return void(to += "(?:)");  // "//" would be a comment
  append_js_literal(to, s, "\\/$()*-.?[]^{|}", "\"'&+<>");
}

// JSON as Go's encoding/json writes it.
class JsValueWriter {
 public:
  explicit JsValueWriter(std::string& to) noexcept : to_(to) {}

  // Returns: false for NaN and infinity, which JSON cannot say.
  bool write(const Value& v) {
    switch (v.kind()) {
      case Value::Kind::null: to_ += "null"; return true;
      case Value::Kind::boolean: to_ += v.as_bool() ? "true" : "false"; return true;
      case Value::Kind::integer: return number(v.as_int());
      case Value::Kind::floating: return number(v.as_double());
      case Value::Kind::list: return list(v.as_list());
      case Value::Kind::map: return map(v.as_map());
      default: return text(v.as_string());
    }
  }

  std::string problem;

 private:
  bool text(std::string_view s) {
    to_ += '"';
    for (std::size_t i = 0; i < s.size();) {
      const Utf8 c = utf8_front(s.substr(i));
      switch (c.size == 0 ? U'\uFFFD' : c.code_point) {
        case '"': to_ += "\\\""; break;
        case '\\': to_ += "\\\\"; break;
        case '\b': to_ += "\\b"; break;
        case '\f': to_ += "\\f"; break;
        case '\n': to_ += "\\n"; break;
        case '\r': to_ += "\\r"; break;
        case '\t': to_ += "\\t"; break;
        default: letter(s.substr(i), c);
      }
      i += c.size == 0 ? 1 : c.size;
    }
    to_ += '"';
    return true;
  }

  void letter(std::string_view s, Utf8 c) {
    const char32_t p = c.code_point;
    if (c.size == 0) return append_js_unicode(to_, 0xFFFD);
    const bool escape = p < 0x20 || p == '<' || p == '>' || p == '&' || p == 0x2028 || p == 0x2029;
    escape ? append_js_unicode(to_, p) : static_cast<void>(to_.append(s.substr(0, c.size)));
  }

  bool number(std::int64_t n) {
    char digits[24];
    to_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
    return true;
  }

  bool number(double d) {
    const double size = d < 0 ? -d : d;
    if (!(size <= 1.7976931348623157e308)) {
      problem = d > 0 ? "+Inf" : d < 0 ? "-Inf" : "NaN";
      return false;
    }
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    char digits[400];
    const char* const end =
        std::to_chars(digits, digits + sizeof digits, d,
                      plain ? std::chars_format::fixed : std::chars_format::scientific)
            .ptr;
    std::string written(digits, static_cast<std::size_t>(end - digits));
    const std::size_t e = written.find("e-0");  // 1e-07 is 1e-7
    if (e != written.npos) written.erase(e + 2, 1);
    to_ += written;
    return true;
  }

  bool list(const List& items) {
    to_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) to_ += ',';
      if (!write(items[i])) return false;
    }
    to_ += ']';
    return true;
  }

  bool map(const Map& items) {
    to_ += '{';
    bool first = true;
    for (const auto& [key, item] : items) {
      if (!first) to_ += ',';
      first = false;
      text(key);
      to_ += ':';
      if (!write(item)) return false;
    }
    to_ += '}';
    return true;
  }

  std::string& to_;
};

// An expression. A space keeps it from running into a word beside it: return{{.}}.
inline void append_js_value(std::string& to, const Value& v) {
  if (v.kind() == Value::Kind::js) return void(to += v.as_string());
  if (v.kind() == Value::Kind::js_str) {
    to += '"', to += v.as_string(), to += '"';
    return;
  }
  std::string json;
  JsValueWriter writer(json);
  if (!writer.write(v)) {
    to += " /* json: unsupported value: " + writer.problem + " */null ";
    return;
  }
  const bool pad = is_js_identifier_part(json.front()) || is_js_identifier_part(json.back());
  if (pad) to += ' ';
  to += json;
  if (pad) to += ' ';
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/escape_url.hpp

// escape_url.hpp -- how is text written in a URL?
//
// As a part of one (percent-encoded), as one (what is encoded stays so), or as a list of images.
// Schemes other than http, https and mailto are refused: javascript: is one. See RFC 3986
// section 2.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

inline constexpr std::string_view filtered_url = "#ZgotmplZ";

constexpr bool is_safe_url(std::string_view url) noexcept {
  const std::size_t colon = url.find(':');
  if (colon == url.npos || url.substr(0, colon).find('/') != url.npos) return true;
  const std::string_view scheme = url.substr(0, colon);
  return iequals(scheme, "http") || iequals(scheme, "https") || iequals(scheme, "mailto");
}

// component: a value in a query or path; whole: delimiters and %20 keep their meaning.
enum class UrlEscape { component, whole };

inline void append_url(std::string& to, std::string_view s, UrlEscape how) {
  constexpr char hex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    bool keep = is_a(c, byte_unreserved);
    if (how == UrlEscape::whole && !keep) {
      keep = std::string_view("!#$&*+,/:;=?@[]").find(c) != s.npos ||
             (c == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0);
    }
    const auto byte = static_cast<unsigned char>(c);
    if (keep) {
      to += c;
    } else {
      to += '%', to += hex[byte >> 4], to += hex[byte & 15];
    }
  }
}

// One image: its URL, and how wide or dense it is.
inline void append_image(std::string& to, std::string_view s) {
  std::size_t start = 0;
  while (start < s.size() && is_html_space(s[start])) ++start;
  std::size_t end = start;
  while (end < s.size() && !is_html_space(s[end])) ++end;
  const std::string_view url = s.substr(start, end - start);
  bool good = is_safe_url(url);
  for (const char c : s.substr(end)) {
    good = good && (is_html_space(c) || is_a(c, byte_alpha) || is_digit(c));
  }
  if (!good) return void(to += filtered_url);
  to += s.substr(0, start);
  append_url(to, url, UrlEscape::whole);
  to += s.substr(end);
}

inline void append_srcset(std::string& to, std::string_view s) {
  for (;;) {
    const std::size_t comma = std::min(s.find(','), s.size());
    append_image(to, s.substr(0, comma));
    if (comma == s.size()) return;
    to += ',';
    s.remove_prefix(comma + 1);
  }
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/printable.hpp

// printable.hpp -- can this character be seen?
//
// In: a code point. Out: whether Unicode 15 calls it a letter, a mark, a number, punctuation or a
// symbol; of white space, only ' ' counts. What is not is written as an escape where a text is
// quoted.

#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint16_t

namespace jot::inline v1::detail {

// How long the runs are from U+0000 on, in turn without and with something to be seen. A run that
// is too long for 16 bits is cut by runs of 0.
inline constexpr std::uint16_t printable_runs[] = {
    32,    95,    34,    12,   1,     714,   2,     6,    4,     7,     1,     1,    1,     20,
    1,     397,   1,     38,   2,     50,    2,     3,    1,     55,    8,     27,   4,     6,
    17,    22,    1,     192,  1,     48,    2,     59,   2,     101,   14,    59,   2,     49,
    2,     15,    1,     28,   2,     1,     1,     11,   5,     31,    9,     74,   1,     161,
    1,     8,     2,     2,    2,     22,    1,     7,    1,     1,     3,     4,    2,     9,
    2,     2,     2,     4,    8,     1,     4,     2,    1,     5,     2,     25,   2,     3,
    1,     6,     4,     2,    2,     22,    1,     7,    1,     2,     1,     2,    1,     2,
    2,     1,     1,     5,    4,     2,     2,     3,    3,     1,     7,     4,    1,     1,
    7,     17,    10,    3,    1,     9,     1,     3,    1,     22,    1,     7,    1,     2,
    1,     5,     2,     10,   1,     3,     1,     3,    2,     1,     15,    4,    2,     12,
    7,     7,     1,     3,    1,     8,     2,     2,    2,     22,    1,     7,    1,     2,
    1,     5,     2,     9,    2,     2,     2,     3,    7,     3,     4,     2,    1,     5,
    2,     18,    10,    2,    1,     6,     3,     3,    1,     4,     3,     2,    1,     1,
    1,     2,     3,     2,    3,     3,     3,     12,   4,     5,     3,     3,    1,     4,
    2,     1,     6,     1,    14,    21,    5,     13,   1,     3,     1,     23,   1,     16,
    2,     9,     1,     3,    1,     4,     7,     2,    1,     3,     2,     1,    2,     4,
    2,     10,    7,     22,   1,     3,     1,     23,   1,     10,    1,     5,    2,     9,
    1,     3,     1,     4,    7,     2,     6,     2,    1,     4,     2,     10,   1,     3,
    12,    13,    1,     3,    1,     51,    1,     3,    1,     6,     4,     16,   2,     26,
    1,     3,     1,     18,   3,     24,    1,     9,    1,     1,     2,     7,    3,     1,
    4,     6,     1,     1,    1,     8,     6,     10,   2,     3,     12,    58,   4,     29,
    37,    2,     1,     1,    1,     5,     1,     24,   1,     1,     1,     23,   2,     5,
    1,     1,     1,     7,    1,     10,    2,     4,    32,    72,    1,     36,   4,     39,
    1,     36,    1,     15,   1,     13,    37,    198,  1,     1,     5,     1,    2,     377,
    1,     4,     2,     7,    1,     1,     1,     4,    2,     41,    1,     4,    2,     33,
    1,     4,     2,     7,    1,     1,     1,     4,    2,     15,    1,     57,   1,     4,
    2,     67,    2,     32,   3,     26,    6,     86,   2,     6,     2,     640,  1,     28,
    3,     89,    7,     22,   9,     24,    9,     20,   12,    13,    1,     3,    1,     2,
    12,    94,    2,     10,   6,     10,    6,     14,   1,     11,    6,     89,   7,     43,
    5,     70,    10,    31,   1,     12,    4,     12,   4,     1,     3,     42,   2,     5,
    11,    44,    4,     26,   6,     11,    3,     62,   2,     65,    1,     29,   2,     11,
    6,     10,    6,     14,   2,     31,    49,    77,   3,     47,    1,     116,  8,     60,
    3,     15,    3,     60,   7,     43,    2,     11,   8,     43,    5,     534,  2,     6,
    2,     38,    2,     6,    2,     8,     1,     1,    1,     1,     1,     1,    1,     31,
    2,     53,    1,     15,   1,     14,    2,     6,    1,     19,    2,     3,    1,     9,
    17,    24,    8,     47,   17,    2,     2,     27,   1,     13,    3,     33,   15,    33,
    15,    140,   4,     663,  25,    11,    21,    1812, 2,     32,    1,     349,  5,     45,
    1,     1,     5,     1,    2,     56,    7,     2,    14,    24,    9,     7,    1,     7,
    1,     7,     1,     7,    1,     7,     1,     7,    1,     7,     1,     7,    1,     126,
    34,    26,    1,     89,   12,    214,   26,    12,   5,     63,    1,     86,   2,     103,
    5,     43,    1,     94,   1,     84,    12,    47,   1,     29293, 3,     55,   9,     348,
    20,    184,   8,     203,  5,     2,     1,     1,    1,     5,     24,    59,   3,     10,
    6,     56,    8,     70,   8,     12,    6,     116,  11,    30,    3,     78,   1,     11,
    4,     33,    1,     55,   9,     14,    2,     10,   2,     103,   24,    28,   10,    6,
    2,     6,     2,     6,    9,     7,     1,     7,    1,     60,    4,     126,  2,     10,
    6,     11172, 12,    23,   4,     49,    8452,  366,  2,     106,   38,    7,    12,    5,
    5,     26,    1,     5,    1,     1,     1,     2,    1,     2,     1,     125,  16,    445,
    2,     54,    7,     1,    32,    42,    6,     51,   1,     19,    1,     4,    4,     5,
    1,     135,   4,     190,  3,     6,     2,     6,    2,     6,     2,     3,    3,     7,
    1,     7,     13,    2,    2,     12,    1,     26,   1,     19,    1,     2,    1,     15,
    2,     14,    34,    123,  5,     3,     4,     45,   3,     88,    1,     13,   3,     1,
    47,    46,    130,   29,   3,     49,    15,    28,   4,     36,    9,     30,   5,     43,
    5,     30,    1,     37,   4,     14,    42,    158,  2,     10,    6,     36,   4,     36,
    4,     40,    8,     52,   11,    12,    1,     15,   1,     7,     1,     2,    1,     11,
    1,     15,    1,     7,    1,     2,     67,    311,  9,     22,    10,    8,    24,    6,
    1,     42,    1,     9,    69,    6,     2,     1,    1,     44,    1,     2,    3,     1,
    2,     23,    1,     72,   8,     9,     48,    19,   1,     2,     5,     33,   3,     27,
    5,     1,     64,    56,   4,     20,    2,     50,   1,     2,     5,     8,    1,     3,
    1,     29,    2,     3,    4,     10,    7,     9,    7,     64,    32,    39,   4,     12,
    9,     54,    3,     29,   2,     27,    5,     26,   7,     4,     12,    7,    80,    73,
    55,    51,    13,    51,   7,     46,    8,     10,   294,   31,    1,     42,   1,     3,
    2,     2,     75,    43,   8,     42,    22,    26,   38,    28,    20,    23,   9,     78,
    4,     36,    9,     62,   1,     5,     13,    25,   7,     10,    6,     53,   1,     18,
    8,     39,    9,     96,   1,     20,    11,    18,   1,     47,    62,    7,    1,     1,
    1,     4,     1,     15,   1,     11,    6,     59,   5,     10,    6,     4,    1,     8,
    2,     2,     2,     22,   1,     7,     1,     2,    1,     5,     1,     10,   2,     2,
    2,     3,     2,     1,    6,     1,     5,     7,    2,     7,     3,     5,    139,   92,
    1,     5,     30,    72,   8,     10,    166,   54,   2,     38,    34,    69,   11,    10,
    6,     13,    19,    58,   6,     10,    54,    27,   2,     15,    4,     23,   185,   60,
    100,   83,    12,    8,    2,     1,     2,     8,    1,     2,     1,     30,   1,     2,
    2,     12,    9,     10,   70,    8,     2,     46,   2,     11,    27,    72,   8,     83,
    13,    73,    7,     10,   246,   9,     1,     45,   1,     14,    10,    29,   3,     32,
    2,     22,    1,     14,   73,    7,     1,     2,    1,     44,    3,     1,    1,     2,
    1,     9,     8,     10,   6,     6,     1,     2,    1,     37,    1,     2,    1,     6,
    7,     10,    310,   25,   7,     17,    1,     41,   3,     28,    86,    1,    15,    50,
    13,    923,   102,   111,  1,     5,     11,    196,  2636,  99,    13,    1072, 16,    22,
    4010,  583,   8633,  569,  7,     31,    1,     10,   4,     81,    1,     10,   6,     30,
    2,     6,     10,    70,   10,    10,    1,     7,    1,     21,    5,     19,   688,   91,
    101,   75,    4,     57,   7,     17,    64,    5,    11,    2,     14,    6136, 8,     1238,
    42,    9,     8935,  4,    1,     7,     1,     2,    1,     291,   15,    1,    29,    3,
    2,     1,     14,    4,    8,     396,   2308,  107,  5,     13,    3,     9,    7,     10,
    2,     4,     4704,  46,   2,     23,    9,     116,  60,    246,   10,    39,   2,     74,
    8,     112,   21,    70,   122,   20,    12,    20,   12,    87,    9,     25,   135,   85,
    1,     71,    1,     2,    2,     1,     2,     2,    2,     4,     1,     12,   1,     1,
    1,     7,     1,     65,   1,     4,     2,     8,    1,     7,     1,     28,   1,     4,
    1,     5,     1,     1,    3,     7,     1,     340,  2,     292,   2,     702,  15,    5,
    1,     15,    1104,  31,   6,     6,     213,   7,    1,     17,    2,     7,    1,     2,
    1,     5,     5,     62,   33,    1,     112,   45,   3,     14,    2,     10,   4,     2,
    320,   31,    17,    58,   5,     1,     464,   42,   742,   7,     1,     4,    1,     2,
    1,     15,    1,     197,  2,     16,    41,    76,   4,     10,    4,     2,    785,   68,
    76,    61,    194,   4,    1,     27,    1,     2,    1,     1,     2,     1,    1,     10,
    1,     4,     1,     1,    1,     1,     6,     1,    4,     1,     1,     1,    1,     1,
    1,     3,     1,     2,    1,     1,     2,     1,    1,     1,     1,     1,    1,     1,
    1,     1,     1,     2,    1,     1,     2,     4,    1,     7,     1,     4,    1,     4,
    1,     1,     1,     10,   1,     17,    5,     3,    1,     5,     1,     17,   52,    2,
    270,   44,    4,     100,  12,    15,    2,     15,   1,     15,    1,     37,   10,    174,
    56,    29,    13,    44,   4,     9,     7,     2,    14,    6,     154,   984,  4,     17,
    3,     13,    3,     119,  4,     95,    6,     12,   4,     1,     15,    12,   4,     56,
    8,     10,    6,     40,   8,     30,    2,     2,    78,    340,   12,    14,   2,     13,
    3,     9,     7,     46,   1,     7,     8,     14,   4,     9,     7,     9,    7,     147,
    1,     55,    37,    10,   1030,  42720, 32,    4154, 6,     222,   2,     5762, 14,    7473,
    3103,  542,   1506,  4939, 5,     4192,  65535, 0,    65535, 0,     65535, 0,    65535, 0,
    65535, 0,     65535, 0,    65535, 0,     65535, 0,    65535, 0,     65535, 0,    56666, 240,
};

struct PrintableTable {
  static constexpr std::size_t size = sizeof(printable_runs) / sizeof(printable_runs[0]);
  char32_t ends[size] = {};  // of each run: the first code point after it

  constexpr PrintableTable() {
    char32_t at = 0;
    for (std::size_t i = 0; i < size; ++i) ends[i] = at += printable_runs[i];
  }
};

inline constexpr PrintableTable printable_table{};

inline bool is_printable(char32_t c) noexcept {
  if (c < 0x7F) return c >= ' ';
  std::size_t low = 0;
  std::size_t high = PrintableTable::size;
  while (low < high) {  // the run of c is the first that ends after it
    const std::size_t middle = (low + high) / 2;
    if (printable_table.ends[middle] <= c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < PrintableTable::size && low % 2 == 1;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/quote.hpp

// quote.hpp -- how does a text look in quotes, so that every byte of it can be seen?
//
// In: any bytes. Out: the same as a literal of Go, which is also one of C++ as far as it is ASCII:
// "a\tb", '\u00a0'. Bytes that are no UTF-8 become \xff.

#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// Which characters may stand for themselves?
enum class QuoteStyle { printable, ascii };

inline void append_hex(std::string& to, char32_t n, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    to.push_back("0123456789abcdef"[n >> shift & 0xF]);
}

// One character, as it stands between these quotes.
inline void append_quoted_char(std::string& to, char32_t c, char quote, QuoteStyle style) {
  if (c == static_cast<char32_t>(quote) || c == '\\')
    return to.push_back('\\'), to.push_back(static_cast<char>(c));
  if (is_printable(c) && (style == QuoteStyle::printable || c < 0x80)) return append_utf8(to, c);
  if (c >= '\a' && c <= '\r') {
    to.push_back('\\'), to.push_back("abtnvfr"[c - '\a']);
  } else if (c < ' ' || c == 0x7F) {
    to += "\\x", append_hex(to, c, 2);
  } else if (c < 0x10000) {
    to += "\\u", append_hex(to, c, 4);
  } else {
    to += "\\U", append_hex(to, c, 8);
  }
}

inline void append_quoted(std::string& to, std::string_view s,
                          QuoteStyle style = QuoteStyle::printable) {
  to.push_back('"');
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    if (c.size == 0)
      to += "\\x", append_hex(to, static_cast<unsigned char>(s[0]), 2);
    else
      append_quoted_char(to, c.code_point, '"', style);
    s.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  to.push_back('"');
}

inline std::string quoted(std::string_view s) {
  std::string to;
  append_quoted(to, s);
  return to;
}

// Could it stand between backquotes, where there are no escapes, and be seen?
inline bool can_be_backquoted(std::string_view s) noexcept {
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    if (c.size == 0 || c.code_point == 0xFEFF || c.code_point == '`' || c.code_point == 0x7F)
      return false;
    if (c.code_point < ' ' && c.code_point != '\t') return false;
    s.remove_prefix(c.size);
  }
  return true;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_number.hpp

// template_number.hpp -- how does printf write a number?
//
// In: an int or a double, a verb, and flags, width and precision. Out: what Go's fmt prints for
// them, appended to a string.

#include <bit>          // std::bit_cast
#include <charconv>     // std::chars_format, std::to_chars
#include <cmath>        // std::isfinite, std::isnan, std::signbit
#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What stands between % and the verb.
struct PrintFlags {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool go_syntax = false;  // %#v
  bool has_precision = false;
  bool has_width = false;
  int precision = 0;
  int width = 0;
};

// Characters, or what Go counts as such: a byte that is no UTF-8 is one, too.
inline std::size_t count_chars(std::string_view s) noexcept {
  std::size_t count = 0;
  for (; !s.empty(); ++count) {
    const std::size_t size = utf8_front(s).size;
    s.remove_prefix(size == 0 ? 1 : size);
  }
  return count;
}

// Appends s, filled up to the width.
inline void append_padded(std::string& to, std::string_view s, const PrintFlags& flags) {
  const std::size_t width = flags.has_width ? static_cast<std::size_t>(flags.width) : 0;
  const std::size_t size = width == 0 ? 0 : count_chars(s);
  const std::size_t fill = width > size ? width - size : 0;
  if (!flags.minus) to.append(fill, flags.zero ? '0' : ' ');
  to += s;
  if (flags.minus) to.append(fill, ' ');
}

// The same, but spaces fill it whatever the flags say.
inline void append_spaced(std::string& to, std::string_view s, PrintFlags flags) {
  flags.zero = false;
  append_padded(to, s, flags);
}

inline char32_t to_code_point(std::int64_t n) noexcept {
  const bool is_scalar = n >= 0 && n <= 0x10FFFF && (n < 0xD800 || n > 0xDFFF);
  return is_scalar ? static_cast<char32_t>(n) : char32_t{0xFFFD};
}

// ---- integers

inline std::string digits_of(std::uint64_t n, unsigned base, bool upper = false) {
  // A pointer, because g++ 12 with -fsanitize=undefined indexes a choice of two arrays wrongly.
  const char* const all = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), all[n % base]);
  } while ((n /= base) != 0);
  return digits;
}

inline void append_integer_in(std::string& to, std::int64_t n, unsigned base, char verb,
                              const PrintFlags& flags) {
  const auto bits = static_cast<std::uint64_t>(n);
  const bool has_sign = n < 0 || flags.plus || flags.space;
  if (flags.has_precision && flags.precision == 0 && n == 0) return append_spaced(to, "", flags);

  std::string s = digits_of(n < 0 ? 0 - bits : bits, base, verb == 'X');
  int least = 0;  // that many digits: zeros fill up to the precision, or else to the width
  if (flags.has_precision)
    least = flags.precision;
  else if (flags.zero && !flags.minus && flags.has_width)
    least = flags.width - (has_sign ? 1 : 0);
  if (least > static_cast<int>(s.size()))
    s.insert(0, static_cast<std::size_t>(least) - s.size(), '0');

  if (flags.sharp && base == 2) s.insert(0, "0b");
  if (flags.sharp && base == 8 && s[0] != '0') s.insert(0, "0");
  if (flags.sharp && base == 16) s.insert(0, verb == 'X' ? "0X" : "0x");
  if (verb == 'O') s.insert(0, "0o");
  if (has_sign) s.insert(0, 1, n < 0 ? '-' : flags.plus ? '+' : ' ');
  append_spaced(to, s, flags);
}

// %U: U+0078, and with # also 'x'.
inline void append_code_point(std::string& to, std::int64_t n, const PrintFlags& flags) {
  std::string s = digits_of(static_cast<std::uint64_t>(n), 16, true);
  const int least = flags.has_precision && flags.precision > 4 ? flags.precision : 4;
  if (least > static_cast<int>(s.size()))
    s.insert(0, static_cast<std::size_t>(least) - s.size(), '0');
  s.insert(0, "U+");
  if (flags.sharp && n >= 0 && n <= 0x10FFFF && is_printable(static_cast<char32_t>(n)))
    s += " '", append_utf8(s, static_cast<char32_t>(n)), s += '\'';
  append_spaced(to, s, flags);
}

// Returns: false, and nothing is appended, for a verb that does not go with integers.
inline bool append_integer(std::string& to, std::int64_t n, char32_t verb,
                           const PrintFlags& flags) {
  std::string s;
  switch (verb) {
    case 'v':
    case 'd': return append_integer_in(to, n, 10, 'd', flags), true;
    case 'b': return append_integer_in(to, n, 2, 'b', flags), true;
    case 'o':
    case 'O': return append_integer_in(to, n, 8, static_cast<char>(verb), flags), true;
    case 'x':
    case 'X': return append_integer_in(to, n, 16, static_cast<char>(verb), flags), true;
    case 'U': return append_code_point(to, n, flags), true;
    case 'c': return append_utf8(s, to_code_point(n)), append_padded(to, s, flags), true;
    case 'q':
      s += '\'';
      append_quoted_char(s, to_code_point(n), '\'',
                         flags.plus ? QuoteStyle::ascii : QuoteStyle::printable);
      s += '\'';
      return append_padded(to, s, flags), true;
    default: return false;
  }
}

// ---- floats: digits first, without sign or padding

// What std::to_chars says of a number that is finite and not negative.
inline std::string float_chars(double d, std::chars_format format, int precision) {
  std::string s(400 + static_cast<std::size_t>(precision < 0 ? 0 : precision), '\0');
  const auto end = precision < 0
                       ? std::to_chars(s.data(), s.data() + s.size(), d, format)
                       : std::to_chars(s.data(), s.data() + s.size(), d, format, precision);
  s.resize(static_cast<std::size_t>(end.ptr - s.data()));
  return s;
}

// As few digits as tell it from all other doubles; with an exponent below 1e-4 and from 1e6 on.
inline std::string shortest_float(double d) {
  std::string s = float_chars(d, std::chars_format::scientific, -1);
  const std::size_t e = s.find('e');
  int exponent = 0;
  for (std::size_t i = e + 2; i < s.size(); ++i) exponent = exponent * 10 + (s[i] - '0');
  if (s[e + 1] == '-') exponent = -exponent;
  if (exponent < -4 || exponent >= 6) return s;
  return float_chars(d, std::chars_format::fixed, -1);
}

struct BinaryFloat {
  std::uint64_t mantissa;
  int exponent;  // the number is mantissa * 2^exponent
};

inline BinaryFloat take_apart(double d) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(d);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int biased = static_cast<int>(bits >> 52 & 0x7FF);
  if (biased == 0) return {fraction, -1074};
  return {fraction | std::uint64_t{1} << 52, biased - 1075};
}

// %x: one digit, which is 1, before the point, and the exponent in at least two digits.
inline std::string hex_float(double d, int precision) {
  auto [m, exponent] = take_apart(d);
  exponent = m == 0 ? 0 : exponent + 52;
  constexpr std::uint64_t one = std::uint64_t{1} << 60;
  m <<= 8;
  for (; m != 0 && m < one; m <<= 1) --exponent;
  if (precision >= 0 && precision < 15) {  // rounds half to even
    const int rest = 60 - 4 * precision;
    const std::uint64_t cut = m & ((std::uint64_t{1} << rest) - 1);
    const std::uint64_t half = std::uint64_t{1} << (rest - 1);
    m >>= rest;
    if (cut > half || (cut == half && m % 2 == 1)) ++m;
    m <<= rest;
    if (m >= 2 * one) m >>= 1, ++exponent;
  }
  std::string s = m < one ? "0x0" : "0x1";
  std::uint64_t fraction = m << 4;
  if (precision > 0 || (precision < 0 && fraction != 0)) s += '.';
  for (int i = 0; precision < 0 ? fraction != 0 : i < precision; ++i, fraction <<= 4)
    s += "0123456789abcdef"[fraction >> 60];
  s += exponent < 0 ? "p-" : "p+";
  const std::string e =
      digits_of(static_cast<std::uint64_t>(exponent < 0 ? -exponent : exponent), 10);
  return s += e.size() < 2 ? "0" + e : e;
}

inline std::string float_digits(double d, char32_t verb, int precision) {
  switch (verb) {
    case 'b': {
      const auto [mantissa, exponent] = take_apart(d);
      std::string s = digits_of(mantissa, 10) + (exponent < 0 ? "p-" : "p+");
      return s += digits_of(static_cast<std::uint64_t>(exponent < 0 ? -exponent : exponent), 10);
    }
    case 'x':
    case 'X': return hex_float(d, precision);
    case 'e':
    case 'E': return float_chars(d, std::chars_format::scientific, precision < 0 ? 6 : precision);
    case 'f':
    case 'F': return float_chars(d, std::chars_format::fixed, precision < 0 ? 6 : precision);
    default:
      if (precision < 0) return shortest_float(d);
      return float_chars(d, std::chars_format::general, precision);
  }
}

// The # flag: always a point, and %g keeps the zeros behind it.
inline void force_point(std::string& s, char32_t verb, int precision) {
  const bool is_hex = verb == 'x' || verb == 'X';
  int wanted = 0;  // significant digits
  if (verb == 'v' || verb == 'g' || verb == 'G' || verb == 'x')
    wanted = precision < 0 ? 6 : precision;
  std::size_t end = s.find_first_of(is_hex ? "pP" : "eE");
  if (end == s.npos) end = s.size();
  bool has_point = false;
  bool has_begun = false;  // zeros that lead do not count
  for (std::size_t i = 0; i < end; ++i) {
    if (s[i] == '.') {
      has_point = true;
    } else {
      has_begun = has_begun || s[i] != '0';
      if (has_begun) --wanted;
    }
  }
  std::string more;
  if (!has_point) {
    if (end == 1 && s[0] == '0') --wanted;
    more = ".";
  }
  if (wanted > 0) more.append(static_cast<std::size_t>(wanted), '0');
  s.insert(end, more);
}

inline bool is_float_verb(char32_t verb) noexcept {
  return verb < 0x80 &&
         std::string_view("vbgGxXfFeE").find(static_cast<char>(verb)) != std::string_view::npos;
}

// Returns: false, and nothing is appended, for a verb that does not go with floats.
inline bool append_float(std::string& to, double d, char32_t verb, const PrintFlags& flags) {
  if (!is_float_verb(verb)) return false;
  const bool is_negative = std::signbit(d) && !std::isnan(d);
  const char sign = is_negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '\0';
  std::string s;
  if (!std::isfinite(d)) {
    if (sign != '\0' || !std::isnan(d)) s += sign == '\0' ? '+' : sign;
    s += std::isnan(d) ? "NaN" : "Inf";
    return append_spaced(to, s, flags), true;
  }
  const int precision = flags.has_precision ? flags.precision : -1;
  s = float_digits(is_negative ? -d : d, verb, precision);
  if (verb == 'G' || verb == 'E' || verb == 'X') {
    for (char& c : s) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  if (flags.sharp && verb != 'b') force_point(s, verb, precision);
  if (sign == '\0') return append_padded(to, s, flags), true;
  if (flags.zero && !flags.minus && flags.has_width && flags.width > static_cast<int>(s.size()) + 1)
    s.insert(0, static_cast<std::size_t>(flags.width) - s.size() - 1, '0');
  s.insert(0, 1, sign);
  return append_padded(to, s, flags), true;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_print.hpp

// template_print.hpp -- how does a Value look on a page?
//
// In: a Value, and for printf a verb with its flags. Out: what Go's fmt prints for it: map[a:1
// b:[1 2]], <nil>, 1e+21. A Value that a verb does not go with is printed as what is wrong with it:
// %!d(string=hi).

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// The type that this would have in Go.
inline std::string_view go_type(const Value& v) noexcept {
  switch (v.kind()) {
    case Value::Kind::null: return "<nil>";
    case Value::Kind::boolean: return "bool";
    case Value::Kind::integer: return "int";
    case Value::Kind::floating: return "float64";
    case Value::Kind::string: return "string";
    case Value::Kind::list: return "[]interface {}";
    case Value::Kind::map: return "map[string]interface {}";
    case Value::Kind::html: return "template.HTML";
    case Value::Kind::css: return "template.CSS";
    case Value::Kind::js: return "template.JS";
    case Value::Kind::js_str: return "template.JSStr";
    case Value::Kind::url: return "template.URL";
    case Value::Kind::html_attr: return "template.HTMLAttr";
    default: return "template.Srcset";
  }
}

// Text, typed or not.
inline bool is_text(const Value& v) noexcept { return v.is_string() || v.is_content(); }

class ValuePrinter {
 public:
  ValuePrinter(std::string& to, const PrintFlags& flags) noexcept : to_(to), flags_(flags) {}

  // One that is an operand of its own, not a part of another.
  void print(const Value& v, char32_t verb) {
    if (v.is_null() && (verb == 'T' || verb == 'v')) return append_padded(to_, "<nil>", flags_);
    if (verb == 'T') return static_cast<void>(text(go_type(v), 's'));
    if (v.is_null() || verb == 'p' || verb == 'w') return refuse(v, verb);
    part(v, verb);
  }

 private:
  void part(const Value& v, char32_t verb) {
    switch (v.kind()) {
      case Value::Kind::null: to_ += flags_.go_syntax ? "interface {}(nil)" : "<nil>"; return;
      case Value::Kind::boolean:
        if (verb != 't' && verb != 'v') return refuse(v, verb);
        return append_padded(to_, v.as_bool() ? "true" : "false", flags_);
      case Value::Kind::integer:
        if (!append_integer(to_, v.as_int(), verb, flags_)) refuse(v, verb);
        return;
      case Value::Kind::floating:
        if (!append_float(to_, v.as_double(), verb, flags_)) refuse(v, verb);
        return;
      case Value::Kind::list: return list(v, verb);
      case Value::Kind::map: return map(v, verb);
      default:
        if (!text(v.as_string(), verb)) refuse(v, verb);
    }
  }

  void refuse(const Value& v, char32_t verb) {
    to_ += "%!";
    append_utf8(to_, verb);
    to_ += '(';
    to_ += go_type(v);
    if (!v.is_null()) to_ += '=', part(v, 'v');
    to_ += ')';
  }

  void list(const Value& v, char32_t verb) {
    if (flags_.go_syntax) to_ += go_type(v);
    to_ += flags_.go_syntax ? '{' : '[';
    bool first = true;
    for (const Value& item : v.as_list()) {
      if (!first) to_ += separator();
      first = false;
      part(item, verb);
    }
    to_ += flags_.go_syntax ? '}' : ']';
  }

  void map(const Value& v, char32_t verb) {
    if (flags_.go_syntax)
      to_ += go_type(v), to_ += '{';
    else
      to_ += "map[";
    bool first = true;
    for (const auto& [key, item] : v.as_map()) {
      if (!first) to_ += separator();
      first = false;
      if (!text(key, verb)) refuse(key, verb);
      to_ += ':';
      part(item, verb);
    }
    to_ += flags_.go_syntax ? '}' : ']';
  }

  const char* separator() const noexcept { return flags_.go_syntax ? ", " : " "; }

  // Returns: false, and nothing is printed, for a verb that does not go with text.
  bool text(std::string_view s, char32_t verb) {
    switch (verb) {
      case 'v':
      case 's':
        if (verb == 'v' && flags_.go_syntax) return quote(s), true;
        return append_padded(to_, truncate(s), flags_), true;
      case 'x': return hex(s, "0123456789abcdefx"), true;
      case 'X': return hex(s, "0123456789ABCDEFX"), true;
      case 'q': return quote(s), true;
      default: return false;
    }
  }

  // At most as many characters as the precision says.
  std::string_view truncate(std::string_view s) const noexcept {
    if (!flags_.has_precision) return s;
    std::size_t end = 0;
    for (int left = flags_.precision; left > 0 && end < s.size(); --left) {
      const std::size_t size = utf8_front(s.substr(end)).size;
      end += size == 0 ? 1 : size;
    }
    return s.substr(0, end);
  }

  void quote(std::string_view s) {
    s = truncate(s);
    std::string literal;
    if (flags_.sharp && can_be_backquoted(s))
      literal += '`', literal += s, literal += '`';
    else
      append_quoted(literal, s, flags_.plus ? QuoteStyle::ascii : QuoteStyle::printable);
    append_padded(to_, literal, flags_);
  }

  // Two digits for each byte; the precision counts bytes.
  void hex(std::string_view s, const char* digits) {
    if (flags_.has_precision) s = s.substr(0, static_cast<std::size_t>(flags_.precision));
    std::string all;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (i > 0 && flags_.space) all += ' ';
      if (flags_.sharp && (i == 0 || flags_.space)) all += '0', all += digits[16];
      const auto byte = static_cast<unsigned char>(s[i]);
      all += digits[byte >> 4], all += digits[byte & 15];
    }
    append_padded(to_, all, flags_);
  }

  std::string& to_;
  const PrintFlags& flags_;
};

// As print does it: appends v by %v.
inline void append_printed(std::string& to, const Value& v) {
  if (is_text(v)) {
    to += v.as_string();
    return;
  }
  const PrintFlags none;
  ValuePrinter(to, none).print(v, 'v');
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_operand.hpp

// template_operand.hpp -- what is a part of a pipeline worth?
//
// A Value of the page's data is pointed at, not copied; a Value that a function returned is owned
// together by all operands that point into it.
// Go knows elements of lists and maps as interface {}, whatever they hold. That shows in messages,
// and in null: an element that is null is something, a key that is not there is nothing.

#include <memory>       // std::make_shared, std::shared_ptr
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

struct Operand {
  const Value* value = nullptr;  // nullptr: nothing, which prints as <no value>
  bool is_element = false;       // of a list or map
  std::shared_ptr<const Value> owner = {};

  // Not even null.
  bool is_nothing() const noexcept { return value == nullptr; }
  bool is_null() const noexcept { return value == nullptr || value->is_null(); }

  // What a field or element of this is; part must be in *value.
  Operand element(const Value& part) const { return {&part, true, owner}; }

  // The same, no longer an element.
  Operand unwrapped() const& { return is_null() ? Operand{} : Operand{value, false, owner}; }
  Operand unwrapped() && {
    if (is_null()) return {};
    is_element = false;
    return std::move(*this);
  }

  // As it stands in messages; it must not be nothing.
  std::string_view type() const noexcept { return is_element ? "interface {}" : go_type(*value); }
};

inline Operand make_operand(Value v) {
  if (v.is_null()) return {};
  auto owner = std::make_shared<const Value>(std::move(v));
  const Value* value = owner.get();
  return {value, false, std::move(owner)};
}

// In the sense of if, with, and, or, not: null, false, 0 and what is empty are not true.
inline bool is_true(const Operand& operand) noexcept {
  if (operand.is_null()) return false;
  const Value& v = *operand.value;
  switch (v.kind()) {
    case Value::Kind::boolean: return v.as_bool();
    case Value::Kind::integer: return v.as_int() != 0;
    case Value::Kind::floating: return !(v.as_double() >= 0 && v.as_double() <= 0);  // NaN is true
    case Value::Kind::list:
    case Value::Kind::map: return v.size() != 0;
    default: return !v.as_string().empty();
  }
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_compare.hpp

// template_compare.hpp -- what do eq, ne, lt, le, gt and ge say?
//
// Bools, ints, floats and texts compare with their own kind only: 1 and 1.0 are incompatible, as in
// Go. Typed content is text. Lists and maps do not compare, but with null.
// A comparison that makes no sense throws std::invalid_argument.

#include <span>       // std::span
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string

namespace jot::inline v1::detail {

using Arguments = std::span<const Operand>;

enum class BasicKind { none, boolean, integer, floating, text };

inline BasicKind basic_kind(const Operand& operand) noexcept {
  if (operand.is_null()) return BasicKind::none;
  switch (operand.value->kind()) {
    case Value::Kind::boolean: return BasicKind::boolean;
    case Value::Kind::integer: return BasicKind::integer;
    case Value::Kind::floating: return BasicKind::floating;
    case Value::Kind::list:
    case Value::Kind::map: return BasicKind::none;
    default: return BasicKind::text;
  }
}

// Two that are neither bool, number nor text: equal when both are null.
inline bool equal_others(const Operand& a, const Operand& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  const auto printed = [](const Operand& operand, char32_t verb) {
    std::string s;
    const PrintFlags none;
    ValuePrinter(s, none).print(*operand.value, verb);
    return s;
  };
  const std::string type_a(go_type(*a.value));
  const std::string type_b(go_type(*b.value));
  if (type_a != type_b)
    throw std::invalid_argument("non-comparable types " + printed(a, 's') + ": " + type_a + ", " +
                                type_b + ": " + printed(b, 'v'));
  throw std::invalid_argument("non-comparable type " + printed(b, 's') + ": " + type_b);
}

inline bool equal_pair(const Operand& a, const Operand& b) {
  const BasicKind kind = basic_kind(a);
  if (kind != basic_kind(b)) {
    if (a.is_null() || b.is_null()) return false;
    throw std::invalid_argument("incompatible types for comparison");
  }
  switch (kind) {
    case BasicKind::none: return equal_others(a, b);
    case BasicKind::text: return a.value->as_string() == b.value->as_string();
    default: return *a.value == *b.value;
  }
}

// a == b || a == c || ...
inline bool equal_any(Arguments arguments) {
  if (arguments.size() < 2) throw std::invalid_argument("missing argument for comparison");
  for (const Operand& other : arguments.subspan(1)) {
    if (equal_pair(arguments[0], other)) return true;
  }
  return false;
}

inline bool less(const Operand& a, const Operand& b) {
  const BasicKind kind = basic_kind(a);
  if (kind == BasicKind::none || basic_kind(b) == BasicKind::none)
    throw std::invalid_argument("invalid type for comparison");
  if (kind != basic_kind(b)) throw std::invalid_argument("incompatible types for comparison");
  switch (kind) {
    case BasicKind::integer: return a.value->as_int() < b.value->as_int();
    case BasicKind::floating: return a.value->as_double() < b.value->as_double();
    case BasicKind::text: return a.value->as_string() < b.value->as_string();
    default: throw std::invalid_argument("invalid type for comparison");
  }
}

inline bool less_or_equal(const Operand& a, const Operand& b) {
  return less(a, b) || equal_pair(a, b);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_printf.hpp

// template_printf.hpp -- what do print, println and printf make of these Values?
//
// In: operands, and for printf a format of Go's fmt: %[flags][width][.precision][[n]]verb, where
// width and precision may be * and so come from the operands. Out: the text. A mistake in the
// format is no error: it is printed where it happens, as %!d(string=hi), %!d(MISSING), %!(NOVERB),
// %!(EXTRA int=1), %!(BADINDEX), %!(BADWIDTH) or %!(BADPREC).

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

using Operands = std::span<const Value* const>;

// A space stands between two operands that are no text.
inline std::string print_operands(Operands operands) {
  std::string s;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (i > 0 && !is_text(*operands[i]) && !is_text(*operands[i - 1])) s += ' ';
    append_printed(s, *operands[i]);
  }
  return s;
}

inline std::string println_operands(Operands operands) {
  std::string s;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (i > 0) s += ' ';
    append_printed(s, *operands[i]);
  }
  return s += '\n';
}

class Printf {
 public:
  Printf(std::string_view format, Operands operands) noexcept
      : format_(format), operands_(operands) {}

  std::string run() {
    while (at_ < format_.size()) {
      const std::size_t percent = std::min(format_.find('%', at_), format_.size());
      to_ += format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size()) directive();
    }
    if (!reordered_ && next_ < operands_.size()) extra();
    return std::move(to_);
  }

 private:
  static constexpr int most = 1000000;  // of width and precision

  char peek() const noexcept { return at_ < format_.size() ? format_[at_] : '\0'; }
  bool at_end() const noexcept { return at_ >= format_.size(); }

  // What follows a %.
  void directive() {
    PrintFlags flags;
    good_index_ = true;
    after_index_ = false;
    while (take_flag(flags)) ++at_;
    index();
    width(flags);
    if (peek() == '.' && at_ + 1 < format_.size()) precision(flags);
    if (!after_index_) index();
    if (at_end()) {
      to_ += "%!(NOVERB)";
      return;
    }
    const Utf8 c = utf8_front(format_.substr(at_));
    at_ += c.size == 0 ? 1 : c.size;
    verb(c.size == 0 ? char32_t{0xFFFD} : c.code_point, flags);
  }

  bool take_flag(PrintFlags& flags) const noexcept {
    if (at_end()) return false;
    switch (peek()) {
      case '#': return flags.sharp = true;
      case '0': return flags.zero = true;
      case '+': return flags.plus = true;
      case '-': return flags.minus = true;
      case ' ': return flags.space = true;
      default: return false;
    }
  }

  void width(PrintFlags& flags) {
    if (peek() == '*' && !at_end()) {
      ++at_;
      flags.has_width = from_operand(flags.width);
      if (!flags.has_width) to_ += "%!(BADWIDTH)";
      if (flags.width < 0) flags.width = -flags.width, flags.minus = true, flags.zero = false;
      after_index_ = false;
    } else {
      flags.has_width = number(flags.width, format_.size());
      if (after_index_ && flags.has_width) good_index_ = false;  // %[3]2d
    }
  }

  void precision(PrintFlags& flags) {
    ++at_;
    if (after_index_) good_index_ = false;  // %[3].2d
    index();
    if (peek() == '*' && !at_end()) {
      ++at_;
      flags.has_precision = from_operand(flags.precision);
      if (flags.precision < 0) flags.precision = 0, flags.has_precision = false;
      if (!flags.has_precision) to_ += "%!(BADPREC)";
      after_index_ = false;
    } else {
      number(flags.precision, format_.size());
      flags.has_precision = true;  // "%.f" is "%.0f"
    }
  }

  void verb(char32_t verb, PrintFlags& flags) {
    if (verb == '%') {
      to_ += '%';
    } else if (!good_index_) {
      complain(verb, "(BADINDEX)");
    } else if (next_ >= operands_.size()) {
      complain(verb, "(MISSING)");
    } else {
      // %#v and %+v are formats of their own; %w, which goes with nothing, shares their flags.
      if (verb == 'v' || verb == 'w')
        flags.go_syntax = flags.sharp, flags.sharp = flags.plus = false;
      ValuePrinter(to_, flags).print(*operands_[next_++], verb);
    }
  }

  void complain(char32_t verb, std::string_view problem) {
    to_ += "%!", append_utf8(to_, verb), to_ += problem;
  }

  // [n]: the next operand is the n-th.
  void index() {
    after_index_ = false;
    if (at_end() || peek() != '[') return;
    reordered_ = true;
    const std::size_t close = format_.find(']', at_);
    if (close == format_.npos) {
      ++at_;
      good_index_ = false;
      return;
    }
    ++at_;
    int n = 0;
    const bool is_number = number(n, close) && at_ == close;
    at_ = close + 1;
    after_index_ = is_number;
    if (is_number && n >= 1 && static_cast<std::size_t>(n) <= operands_.size())
      next_ = static_cast<std::size_t>(n) - 1;
    else
      good_index_ = false;
  }

  // Digits before end. Returns: false when there are none; or too many, and then all up to end is
  // skipped.
  bool number(int& n, std::size_t end) {
    n = 0;
    const std::size_t first = at_;
    for (; at_ < end && is_digit(format_[at_]); ++at_) {
      if (n > most) return n = 0, at_ = end, false;
      n = n * 10 + (format_[at_] - '0');
    }
    return at_ > first;
  }

  // *: the width or precision is the next operand.
  bool from_operand(int& n) noexcept {
    n = 0;
    if (next_ >= operands_.size()) return false;
    const Value& v = *operands_[next_++];
    if (!v.is_int() || v.as_int() > most || v.as_int() < -most) return false;
    n = static_cast<int>(v.as_int());
    return true;
  }

  void extra() {
    to_ += "%!(EXTRA ";
    for (std::size_t i = next_; i < operands_.size(); ++i) {
      if (i > next_) to_ += ", ";
      to_ += go_type(*operands_[i]);
      if (!operands_[i]->is_null()) to_ += '=', append_printed(to_, *operands_[i]);
    }
    to_ += ')';
  }

  const std::string_view format_;
  const Operands operands_;
  std::string to_;
  std::size_t at_ = 0;        // in format_
  std::size_t next_ = 0;      // in operands_
  bool reordered_ = false;    // some [n] was seen
  bool good_index_ = true;    // of this directive
  bool after_index_ = false;  // the last that was read was [n]
};

inline std::string printf_operands(std::string_view format, Operands operands) {
  return Printf(format, operands).run();
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_functions.hpp

// template_functions.hpp -- what do the functions do that every template can call?
//
// In: the arguments of call, index, len, print, eq ... Out: what they come to. A problem throws
// std::invalid_argument in the words of Go. `and` and `or` are missing: they do not always look at
// all of their arguments, so the executor evaluates them itself.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t, std::uint64_t
#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// ---- escaping of text, as text/template has it: for what the writer of a template asks for

inline std::string html_escape_string(std::string_view s) {
  std::string to;
  for (const char c : s) {
    switch (c) {
      case '\0': to += "\xEF\xBF\xBD"; break;
      case '"': to += "&#34;"; break;
      case '\'': to += "&#39;"; break;
      case '&': to += "&amp;"; break;
      case '<': to += "&lt;"; break;
      case '>': to += "&gt;"; break;
      default: to += c;
    }
  }
  return to;
}

// What may stand within quotes of JavaScript, also where the script stands in HTML.
inline std::string js_escape_string(std::string_view s) {
  std::string to;
  const auto unicode = [&](char32_t c) {
    std::string digits = digits_of(c, 16, true);
    if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
    to += "\\u", to += digits;
  };
  while (!s.empty()) {
    const Utf8 c = utf8_front(s);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    const char32_t code_point = c.size == 0 ? char32_t{0xFFFD} : c.code_point;
    if (code_point == '\\' || code_point == '\'' || code_point == '"')
      to += '\\', to += s[0];
    else if (code_point < ' ' || code_point == '<' || code_point == '>' || code_point == '&' ||
             code_point == '=')
      unicode(code_point);
    else if (code_point < 0x80 || is_printable(code_point))
      to += s.substr(0, size);
    else
      unicode(code_point);
    s.remove_prefix(size);
  }
  return to;
}

// What may stand in a query: ' ' becomes +.
inline std::string url_query_escape(std::string_view s) {
  std::string to;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_a(c, byte_unreserved))
      to += c;
    else if (c == ' ')
      to += '+';
    else
      to += '%', to += "0123456789ABCDEF"[byte >> 4], to += "0123456789ABCDEF"[byte & 15];
  }
  return to;
}

// ---- what they share

// Null for nothing, as fmt has it.
inline std::vector<const Value*> operands_of(Arguments arguments, const Value& null) {
  std::vector<const Value*> operands;
  operands.reserve(arguments.size());
  for (const Operand& a : arguments) operands.push_back(a.is_nothing() ? &null : a.value);
  return operands;
}

inline std::string print_arguments(Arguments arguments) {
  const Value null;
  return print_operands(operands_of(arguments, null));
}

// The text of html, js and urlquery: unlike print's, nothing shows as <no value> in it.
inline std::string text_to_escape(Arguments arguments) {
  const Value null;
  const Value no_value = "<no value>";
  std::vector<const Value*> operands = operands_of(arguments, null);
  for (const Value*& v : operands) {
    if (v->is_null()) v = &no_value;
  }
  return print_operands(operands);
}

// An index from 0 up to and with size.
inline std::size_t to_index(const Operand& index, std::size_t size) {
  if (index.is_null()) throw std::invalid_argument("cannot index slice/array with nil");
  if (!index.value->is_int())
    throw std::invalid_argument("cannot index slice/array with type " +
                                std::string(go_type(*index.value)));
  const std::int64_t n = index.value->as_int();
  if (n < 0 || static_cast<std::uint64_t>(n) > size)
    throw std::invalid_argument("index out of range: " + std::to_string(n));
  return static_cast<std::size_t>(n);
}

// ---- one by one

inline Operand index_once(const Operand& item, const Operand& index) {
  const Value& v = *item.value;
  if (v.is_map()) {
    if (index.is_null()) throw std::invalid_argument("value is nil; should be of type string");
    if (!index.value->is_string())
      throw std::invalid_argument("value has type " + std::string(go_type(*index.value)) +
                                  "; should be string");
    const Value* found = v.find(index.value->as_string());
    return found == nullptr ? Operand{} : item.element(*found);
  }
  if (!v.is_list() && !is_text(v))
    throw std::invalid_argument("can't index item of type " + std::string(go_type(v)));
  const std::size_t size = v.is_list() ? v.size() : v.as_string().size();
  const std::size_t i = to_index(index, size);
  if (i == size)
    throw std::invalid_argument(v.is_list() ? "reflect: slice index out of range"
                                            : "reflect: string index out of range");
  if (v.is_list()) return item.element(v.as_list()[i]);
  return make_operand(static_cast<unsigned char>(v.as_string()[i]));
}

// index x 1 2 is x[1][2].
inline Operand call_index(Arguments arguments) {
  Operand item = arguments[0];
  if (item.is_null()) throw std::invalid_argument("index of untyped nil");
  for (const Operand& index : arguments.subspan(1)) {
    if (item.is_null()) throw std::invalid_argument("index of nil pointer");
    item = index_once(item, index);
  }
  return item;
}

// Part of a text, which stays what it was.
inline Value same_kind(const Value& like, std::string text) {
  switch (like.kind()) {
    case Value::Kind::html: return HTML{std::move(text)};
    case Value::Kind::css: return CSS{std::move(text)};
    case Value::Kind::js: return JS{std::move(text)};
    case Value::Kind::js_str: return JSStr{std::move(text)};
    case Value::Kind::url: return URL{std::move(text)};
    case Value::Kind::html_attr: return HTMLAttr{std::move(text)};
    case Value::Kind::srcset: return Srcset{std::move(text)};
    default: return Value(std::move(text));
  }
}

// slice x 1 2 is x[1:2].
inline Operand call_slice(Arguments arguments) {
  if (arguments[0].is_null()) throw std::invalid_argument("slice of untyped nil");
  const Value& item = *arguments[0].value;
  const Arguments indexes = arguments.subspan(1);
  if (indexes.size() > 3)
    throw std::invalid_argument("too many slice indexes: " + std::to_string(indexes.size()));
  if (is_text(item) && indexes.size() == 3)
    throw std::invalid_argument("cannot 3-index slice a string");
  if (!is_text(item) && !item.is_list())
    throw std::invalid_argument("can't slice item of type " + std::string(go_type(item)));

  const std::size_t size = item.is_list() ? item.size() : item.as_string().size();
  std::size_t from_to[3] = {0, size, size};
  for (std::size_t i = 0; i < indexes.size(); ++i) from_to[i] = to_index(indexes[i], size);
  for (std::size_t i = 0; i < (indexes.size() == 3 ? 2u : 1u); ++i) {
    if (from_to[i] > from_to[i + 1])
      throw std::invalid_argument("invalid slice index: " + std::to_string(from_to[i]) + " > " +
                                  std::to_string(from_to[i + 1]));
  }
  const std::size_t from = from_to[0];
  const std::size_t count = from_to[1] - from;
  if (!item.is_list()) return make_operand(same_kind(item, item.as_string().substr(from, count)));
  List part;
  for (std::size_t i = 0; i < count; ++i) part.push_back(item.as_list()[from + i]);
  return make_operand(std::move(part));
}

inline Operand call_len(Arguments arguments) {
  const Operand& item = arguments[0];
  if (item.is_nothing())
    throw std::invalid_argument("reflect: call of reflect.Value.Type on zero Value");
  if (item.is_null()) throw std::invalid_argument("len of nil pointer");
  const Value& v = *item.value;
  const bool has_size = v.is_list() || v.is_map();
  if (!has_size && !is_text(v))
    throw std::invalid_argument("len of type " + std::string(go_type(v)));
  return make_operand(has_size ? v.size() : v.as_string().size());
}

inline Operand call_printf(Arguments arguments) {
  const Value null;
  const std::vector<const Value*> operands = operands_of(arguments.subspan(1), null);
  return make_operand(printf_operands(arguments[0].value->as_string(), operands));
}

inline Operand call_println(Arguments arguments) {
  const Value null;
  return make_operand(println_operands(operands_of(arguments, null)));
}

// ---- the table

struct Builtin {
  std::string_view name;
  std::size_t least;           // arguments
  bool is_variadic;            // may have more
  Operand (*call)(Arguments);  // nullptr: and, call, or; see the executor
};

// In order of name.
inline constexpr Builtin builtins[] = {
    {"and", 1, true, nullptr},
    {"call", 1, true, nullptr},
    {"eq", 1, true, [](Arguments a) { return make_operand(equal_any(a)); }},
    {"ge", 2, false, [](Arguments a) { return make_operand(!less(a[0], a[1])); }},
    {"gt", 2, false, [](Arguments a) { return make_operand(!less_or_equal(a[0], a[1])); }},
    {"html", 0, true,
     [](Arguments a) { return make_operand(html_escape_string(text_to_escape(a))); }},
    {"index", 1, true, call_index},
    {"js", 0, true, [](Arguments a) { return make_operand(js_escape_string(text_to_escape(a))); }},
    {"le", 2, false, [](Arguments a) { return make_operand(less_or_equal(a[0], a[1])); }},
    {"len", 1, false, call_len},
    {"lt", 2, false, [](Arguments a) { return make_operand(less(a[0], a[1])); }},
    {"ne", 2, false, [](Arguments a) { return make_operand(!equal_pair(a[0], a[1])); }},
    {"not", 1, false, [](Arguments a) { return make_operand(!is_true(a[0])); }},
    {"or", 1, true, nullptr},
    {"print", 0, true, [](Arguments a) { return make_operand(print_arguments(a)); }},
    {"printf", 1, true, call_printf},
    {"println", 0, true, call_println},
    {"slice", 1, true, call_slice},
    {"urlquery", 0, true,
     [](Arguments a) { return make_operand(url_query_escape(text_to_escape(a))); }},
};

// Returns: nullptr when there is none of that name.
inline const Builtin* find_builtin(std::string_view name) noexcept {
  for (const Builtin& builtin : builtins) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/escape_value.hpp

// escape_value.hpp -- how is a Value written in a place that the escaper has seen?
//
// In: a Value, and the escapers of its place, first to last. Out, appended: what is safe there.
// Typed content passes where it is what its type says.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

// As they are kept in an action, a byte each.
enum class Escaper : char {
  html = 'h',
  attribute = 'a',
  unquoted = 'n',
  rcdata = 'r',
  attribute_name = 'i',
  comment = '-',
  url_filter = 'f',
  url_normalize = 'u',
  url_component = 'q',
  srcset = 's',
  css_string = 'c',
  css_value = 'v',
  js_value = 'j',
  js_string = 'd',
  js_template = 't',
  js_regexp = 'x',
  predefined_html = 'H',
  predefined_urlquery = 'Q',
};

// v: for its type and, in scripts, its structure. s: its text.
inline void escape_once(std::string& to, Escaper escaper, const Value& v, std::string_view s) {
  using Kind = Value::Kind;
  const bool markup = v.kind() == Kind::html, url = v.kind() == Kind::url;
  switch (escaper) {
    case Escaper::html: return markup ? void(to += s) : append_html(to, s, html_text_table);
    case Escaper::attribute:
      return markup ? append_html(to, strip_tags(s), html_markup_table)
                    : append_html(to, s, html_text_table);
    case Escaper::unquoted:
      // Or the next attribute would be the value.
      if (s.empty() && !markup) return void(to += filtered);
      return markup ? append_unquoted(to, strip_tags(s), html_unquoted_markup_table)
                    : append_unquoted(to, s, html_unquoted_table);
    case Escaper::rcdata: return append_html(to, s, markup ? html_markup_table : html_text_table);
    case Escaper::attribute_name:
      return v.kind() == Kind::html_attr ? void(to += s) : append_attribute_name(to, s);
    case Escaper::comment: return;
    case Escaper::url_filter: return void(to += url || is_safe_url(s) ? s : filtered_url);
    case Escaper::url_normalize: return append_url(to, s, UrlEscape::whole);
    case Escaper::url_component:
      return append_url(to, s, url ? UrlEscape::whole : UrlEscape::component);
    case Escaper::srcset: break;
    case Escaper::css_string: return append_css_string(to, s);
    case Escaper::css_value: return v.kind() == Kind::css ? void(to += s) : append_css_value(to, s);
    case Escaper::js_value: return append_js_value(to, v);
    case Escaper::js_string:
      return v.kind() == Kind::js_str ? append_js_written_string(to, s) : append_js_string(to, s);
    case Escaper::js_template: return append_js_template(to, s);
    case Escaper::js_regexp: return append_js_regexp(to, s);
    case Escaper::predefined_html: return void(to += html_escape_string(s));
    case Escaper::predefined_urlquery: return void(to += url_query_escape(s));
  }
  if (v.kind() == Kind::srcset) return void(to += s);
  if (!url) return append_srcset(to, s);
  std::string whole;  // one URL: a comma would end it
  append_url(whole, s, UrlEscape::whole);
  for (const char c : whole) c == ',' ? to += "%2c" : to += c;
}

// escapers: at least one.
inline void escape_value(std::string& to, std::string_view escapers, const Value& v) {
  std::string printed;
  if (v.is_null() && (escapers[0] == 'H' || escapers[0] == 'Q')) printed = "<no value>";
  if (!is_text(v) && !v.is_null()) append_printed(printed, v);
  const std::string_view s = is_text(v) ? std::string_view(v.as_string()) : printed;
  if (escapers.size() == 1) return escape_once(to, Escaper{escapers[0]}, v, s);
  std::string step;
  escape_once(step, Escaper{escapers[0]}, v, s);
  for (std::size_t i = 1; i + 1 < escapers.size(); ++i) {
    std::string next;
    escape_once(next, Escaper{escapers[i]}, Value(), step);
    step = std::move(next);
  }
  escape_once(to, Escaper{escapers.back()}, Value(), step);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_edit.hpp

// html_edit.hpp -- how is the author's own text written?
//
// In: a text between two actions, and its context. Out: the same without comments, which could say
// more than they should and hide code from some browsers; with a '<' that begins no tag as &lt;,
// and with "</script" and "<!--" in literals of scripts in words that end no script.

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

class HtmlEdit {
 public:
  HtmlEdit(HtmlContext& c, std::string_view text) : c_(c), text_(text) {}

  // Moves the context to the end of the text. Returns: what is to stand in its place.
  std::string run() {
    for (std::size_t at = 0; at < text_.size();) {
      const HtmlContext before = c_;
      const std::size_t end = at + html_advance(c_, text_.substr(at));
      if (before.state == HtmlState::text || before.state == HtmlState::rcdata) {
        escape_angles(before, at, end);
      } else if (is_comment(before.state) && before.delimiter == HtmlDelimiter::none) {
        end_comment(before.state, end);
      }
      if (before.state != c_.state && is_comment(c_.state) && c_.delimiter == HtmlDelimiter::none) {
        keep_to(end - opening_size(c_.state), end);
      }
      if (is_script_literal(before.state)) escape_script_tags(at, end);
      at = end;
    }
    if (!is_comment(c_.state) || c_.delimiter != HtmlDelimiter::none) {
      keep_to(text_.size(), text_.size());
    }
    return std::move(to_);
  }

 private:
  // Keeps what is not yet written up to there, and goes on after next.
  void keep_to(std::size_t there, std::size_t next) {
    if (there > written_) to_.append(text_, written_, there - written_);
    written_ = next;
  }

  void escape_angles(const HtmlContext& before, std::size_t at, std::size_t end) {
    if (before.state != c_.state) {
      const std::size_t tag = text_.substr(at, end - at).rfind('<');
      if (tag != text_.npos) end = at + tag;
    }
    for (std::size_t i = at; i < end; ++i) {
      if (text_[i] != '<' || iequals(text_.substr(i, 9), "<!DOCTYPE")) continue;
      keep_to(i, i + 1);
      to_ += "&lt;";
    }
  }

  // A comment in code is white space, and a line's end if it holds one.
  void end_comment(HtmlState state, std::size_t end) {
    const std::string_view comment = text_.substr(written_, end - written_);
    if (state == HtmlState::js_block_comment) {
      const bool lines = comment.find_first_of("\n\r") != comment.npos ||
                         comment.find("\u2028") != comment.npos ||
                         comment.find("\u2029") != comment.npos;
      to_ += lines ? '\n' : ' ';
    } else if (state == HtmlState::css_block_comment) {
      to_ += ' ';
    }
    written_ = end;
  }

  static std::size_t opening_size(HtmlState state) noexcept {
    if (state == HtmlState::comment || state == HtmlState::js_open_comment) return 4;
    return state == HtmlState::js_close_comment ? 3 : 2;
  }

  void escape_script_tags(std::size_t at, std::size_t end) {
    for (std::size_t i = at; i < end; ++i) {
      if (text_[i] != '<') continue;
      const std::string_view rest = text_.substr(i + 1, end - i - 1);
      if (!iequals(rest.substr(0, 6), "script") && !iequals(rest.substr(0, 7), "/script") &&
          !rest.starts_with("!--")) {
        continue;
      }
      keep_to(i, i + 1);
      to_ += "\\x3C";
    }
  }

  HtmlContext& c_;
  const std::string_view text_;
  std::string to_ = {};
  std::size_t written_ = 0;  // text_ up to here is in to_, or dropped
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_join.hpp

// html_join.hpp -- in which context is the page where two ways meet?
//
// After {{if}}, {{with}} and {{range}}. The ways must agree, but for what can be said to be
// unknown: how much of a URL there is, what a '/' would be in a script.

#include <string>  // std::string

namespace jot::inline v1::detail {

// Where a value stands that is written right here: <a {{.}}, <a b={{.}}, <a b {{.}}.
inline HtmlContext nudged(HtmlContext c) {
  if (c.state == HtmlState::tag) {
    c.state = HtmlState::attribute_name;
  } else if (c.state == HtmlState::before_value) {
    c.state = value_state(c.attribute);
    c.delimiter = HtmlDelimiter::space_or_tag_end;
    c.attribute = HtmlAttribute::none;
  } else if (c.state == HtmlState::after_name) {
    c.state = HtmlState::attribute_name;
    c.attribute = HtmlAttribute::none;
  }
  return c;
}

// word: of the block that ends here, for the message.
inline HtmlContext join_contexts(const HtmlContext& a, const HtmlContext& b, const char* word) {
  if (a.state == HtmlState::error || b.state == HtmlState::dead || a == b) return a;
  if (b.state == HtmlState::error || a.state == HtmlState::dead) return b;
  HtmlContext c = a;
  c.url_part = b.url_part;
  if (c == b) return c.url_part = UrlPart::unknown, c;
  c = a;
  c.slash = b.slash;
  if (c == b) return c.slash = JsSlash::unknown, c;
  const HtmlContext x = nudged(a), y = nudged(b);
  if (!(x == a && y == b)) {
    const HtmlContext joined = join_contexts(x, y, word);
    if (joined.state != HtmlState::error) return joined;
  }
  return html_error(EscapeErrc::branch_end,
                    std::string("{{") + word +
                        "}} branches end in different contexts: " + a.name() + ", " + b.name());
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_tree.hpp

// template_tree.hpp -- what does a parsed template look like?
//
// One kind of node for all: what a member means depends on the kind, as written beside it.
//
//     {{range $i, $e := .Rows | reverse}}<li>{{$e.Name}}{{else}}none{{end}}
//
// is a range; its pipe declares $i and $e and has two commands, the field .Rows and the identifier
// reverse; its body is a list of a text and an action; its otherwise is a list of one text.
// Written once by the parser and once by the escaper, then only read, by many threads.

#include <cstddef>      // std::size_t
#include <memory>       // std::make_unique, std::shared_ptr, std::unique_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

enum class NodeKind : unsigned char {
  // what makes the page
  list,
  text,
  action,
  if_,
  with,
  range,
  template_,
  break_,
  continue_,
  comment,
  // what stands between the braces
  pipe,
  command,
  field,
  variable,
  chain,
  identifier,
  dot,
  nil,
  boolean,
  number,
  string,
};

// What was parsed: for messages.
struct TemplateSource {
  std::string name;
  std::string text;
};

struct TemplateNode;
using NodePtr = std::unique_ptr<TemplateNode>;

struct TemplateNode {
  NodeKind kind = NodeKind::list;
  bool is_assign = false;  // pipe: $x = ..., not $x := ...
  std::size_t at = 0;      // where it stands in the source
  std::shared_ptr<const TemplateSource> source = {};

  std::string text =
      {};  // action: its escapers, a letter each; text, comment: itself; number, string: as
           // written; identifier: its name; template: the name of the one that is called
  std::vector<std::string> names =
      {};            // field: .a.b is a, b; variable: $x.a is $x, a; chain: the fields
  Value value = {};  // boolean, number, string
  std::vector<NodePtr> nodes = {};  // list: its nodes; pipe: commands; command: arguments; chain:
                                    // the one that it begins with
  std::vector<NodePtr> declared = {};  // pipe: variables
  NodePtr pipe = {};       // action, if, with, range, template (there it may be missing)
  NodePtr body = {};       // if, with, range: a list
  NodePtr otherwise = {};  // the same, or none
};

inline NodePtr copy_node(const TemplateNode& node) {
  const auto copy = [](const NodePtr& child) { return child ? copy_node(*child) : NodePtr(); };
  auto to = std::make_unique<TemplateNode>();
  to->kind = node.kind, to->is_assign = node.is_assign, to->at = node.at, to->source = node.source;
  to->text = node.text, to->names = node.names, to->value = node.value;
  for (const NodePtr& child : node.nodes) to->nodes.push_back(copy(child));
  for (const NodePtr& child : node.declared) to->declared.push_back(copy(child));
  to->pipe = copy(node.pipe), to->body = copy(node.body), to->otherwise = copy(node.otherwise);
  return to;
}

// ---- back to source, for messages: one spelling for each meaning

inline void append_source(std::string& to, const TemplateNode& node);

inline void append_all(std::string& to, const std::vector<NodePtr>& nodes,
                       std::string_view between) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) to += between;
    append_source(to, *nodes[i]);
  }
}

inline void append_operand(std::string& to, const TemplateNode& node) {
  const bool is_pipe = node.kind == NodeKind::pipe;
  if (is_pipe) to += '(';
  append_source(to, node);
  if (is_pipe) to += ')';
}

inline void append_pipe(std::string& to, const TemplateNode& pipe) {
  append_all(to, pipe.declared, ", ");
  if (!pipe.declared.empty()) to += pipe.is_assign ? " = " : " := ";
  append_all(to, pipe.nodes, " | ");
}

inline void append_branch(std::string& to, std::string_view word, const TemplateNode& node) {
  to += "{{", to += word, to += ' ';
  append_source(to, *node.pipe);
  to += "}}";
  append_source(to, *node.body);
  if (node.otherwise) to += "{{else}}", append_source(to, *node.otherwise);
  to += "{{end}}";
}

// .a.b, $x.a
inline void append_names(std::string& to, const TemplateNode& node) {
  bool dotted = node.kind != NodeKind::variable;
  for (const std::string& name : node.names) {
    if (dotted) to += '.';
    to += name;
    dotted = true;
  }
}

inline void append_source(std::string& to, const TemplateNode& node) {
  switch (node.kind) {
    case NodeKind::list: return append_all(to, node.nodes, "");
    case NodeKind::action:
      return to += "{{", append_pipe(to, *node.pipe), static_cast<void>(to += "}}");
    case NodeKind::if_: return append_branch(to, "if", node);
    case NodeKind::with: return append_branch(to, "with", node);
    case NodeKind::range: return append_branch(to, "range", node);
    case NodeKind::template_:
      to += "{{template ", append_quoted(to, node.text);
      if (node.pipe) to += ' ', append_pipe(to, *node.pipe);
      to += "}}";
      return;
    case NodeKind::break_: to += "{{break}}"; return;
    case NodeKind::continue_: to += "{{continue}}"; return;
    case NodeKind::comment: to += "{{", to += node.text, to += "}}"; return;
    case NodeKind::pipe: return append_pipe(to, node);
    case NodeKind::command:
      for (std::size_t i = 0; i < node.nodes.size(); ++i) {
        if (i > 0) to += ' ';
        append_operand(to, *node.nodes[i]);
      }
      return;
    case NodeKind::chain: append_operand(to, *node.nodes[0]); [[fallthrough]];
    case NodeKind::field:
    case NodeKind::variable: return append_names(to, node);
    case NodeKind::dot: to += '.'; return;
    case NodeKind::nil: to += "nil"; return;
    case NodeKind::boolean: to += node.value.as_bool() ? "true" : "false"; return;
    default: to += node.text;  // text, identifier, number, string
  }
}

inline std::string to_source(const TemplateNode& node) {
  std::string s;
  append_source(s, node);
  return s;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/html_escape.hpp

// html_escape.hpp -- which escapers does each action of these templates need?
//
// 1. A walk follows the text of a template from context to context, into the templates it calls.
// 2. Each action is given the escapers of its context; in an action, `text` holds them.
// 3. Where ways meet the contexts are joined; a loop is walked twice, as its end leads to its
// start.
// 4. A template that is called in another context than text is copied under a name that says which.
// The trees are changed once, before the first execution, under the lock of who owns them.

#include <cstddef>      // std::size_t
#include <map>          // std::map
#include <memory>       // std::make_unique
#include <optional>     // std::optional
#include <set>          // std::set
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct EscapeProblem {
  EscapeErrc code;
  std::string message;
  const TemplateNode* at;  // nullptr: no one place
};

// The templates that may call each other.
class EscapableSet {
 public:
  virtual ~EscapableSet() = default;
  virtual TemplateNode* find(const std::string& name) = 0;  // nullptr: none
  virtual TemplateNode* add(const std::string& name, NodePtr root) = 0;
};

class HtmlEscape {
 public:
  explicit HtmlEscape(EscapableSet& set) : set_(set) {}

  // Throws EscapeProblem.
  void run(const std::string& name) {
    std::string called = name;
    const HtmlContext end = call(HtmlContext{}, called, nullptr);
    if (end.state != HtmlState::text) {
      throw EscapeProblem{EscapeErrc::end_context, "ends in a non-text context: " + end.name(),
                          nullptr};
    }
    for (Edit& edit : edits_) {
      if (edit.node->kind == NodeKind::action)
        write_action(*edit.node, std::move(edit.text));
      else
        edit.node->text = std::move(edit.text);
    }
  }

 private:
  // A {{break}} or {{continue}}, and where the page is at it.
  struct Jump {
    HtmlContext from;
    const TemplateNode* at;
  };
  using Jumps = std::vector<Jump>;

  // What a node is to say: a text its bytes, an action its escapers, a call the template's name.
  struct Edit {
    TemplateNode* node;
    std::string text;
  };

  // What was found out up to a point: all after it can be forgotten.
  struct Mark {
    std::size_t edits, learned;
  };

  Mark mark() const noexcept { return {edits_.size(), learned_.size()}; }

  void forget_since(const Mark& mark) {
    edits_.resize(mark.edits);
    while (learned_.size() > mark.learned) ends_.erase(learned_.back()), learned_.pop_back();
  }

  // Blocks and templates within each other: what fits on the stack of any thread. Loops are walked
  // twice, those within them four times, and so on: there must be an end of it.
  static constexpr int most_depth = 1000;
  static constexpr int most_walked = 1'000'000;

  [[noreturn]] static void fail(EscapeErrc code, std::string message, const TemplateNode* at) {
    throw EscapeProblem{code, std::move(message), at};
  }

  static HtmlContext check(HtmlContext c, const TemplateNode* at, const char* where = "") {
    if (c.state == HtmlState::error) fail(c.errc, where + c.problem, at);
    return c;
  }

  HtmlContext walk_list(HtmlContext c, TemplateNode& list) {
    if (++depth_ > most_depth)
      fail(EscapeErrc::output_context, "templates and blocks nest too deeply", &list);
    for (const NodePtr& node : list.nodes) {
      if (++walked_ > most_walked)
        fail(EscapeErrc::output_context, "too many loops within loops", node.get());
      c = walk(std::move(c), *node);
      if (c.state == HtmlState::dead) break;
    }
    --depth_;
    return c;
  }

  HtmlContext walk(HtmlContext c, TemplateNode& node) {
    switch (node.kind) {
      case NodeKind::list: return walk_list(std::move(c), node);
      case NodeKind::text: {
        std::string text = HtmlEdit(c, node.text).run();
        edits_.push_back({&node, std::move(text)});
        return check(std::move(c), &node);
      }
      case NodeKind::action: return action(std::move(c), node);
      case NodeKind::if_: return branch(std::move(c), node, "if");
      case NodeKind::with: return branch(std::move(c), node, "with");
      case NodeKind::range: return range(std::move(c), node);
      case NodeKind::template_: {
        std::string name = node.text;
        c = call(std::move(c), name, &node);
        edits_.push_back({&node, std::move(name)});
        return c;
      }
      case NodeKind::break_:
      case NodeKind::continue_: {
        jumps_.push_back({std::move(c), &node});
        HtmlContext dead;
        dead.state = HtmlState::dead;
        return dead;
      }
      default: return c;
    }
  }

  HtmlContext branch(const HtmlContext& c, TemplateNode& node, const char* word) {
    const HtmlContext yes = walk_list(c, *node.body);
    const HtmlContext no = node.otherwise ? walk_list(c, *node.otherwise) : c;
    return check(join_contexts(yes, no, word), &node);
  }

  HtmlContext range(const HtmlContext& c, TemplateNode& node) {
    Jumps outer = std::move(jumps_);
    jumps_.clear();
    HtmlContext end = join_jumps(walk_list(c, *node.body));
    if (end != c) end = walk_again(std::move(end), node);
    jumps_ = std::move(outer);
    const HtmlContext none = node.otherwise ? walk_list(c, *node.otherwise) : c;
    return check(join_contexts(end, none, "range"), &node);
  }

  // Once more from where the first round ended: a loop's start must take both.
  HtmlContext walk_again(HtmlContext end, TemplateNode& node) {
    const Mark before = mark();
    const auto called = called_;
    jumps_.clear();
    HtmlContext second;
    try {
      second = walk_list(end, *node.body);
    } catch (EscapeProblem& problem) {
      problem.message = "on range loop re-entry: " + problem.message;
      throw;
    }
    forget_since(before);
    called_ = called;
    end = check(join_contexts(end, second, "range"), &node, "on range loop re-entry: ");
    return join_jumps(std::move(end));
  }

  HtmlContext join_jumps(HtmlContext end) const {
    for (const Jump& jump : jumps_) {
      const bool breaks = jump.at->kind == NodeKind::break_;
      end = check(join_contexts(end, jump.from, "range"), jump.at,
                  breaks ? "at range loop break: " : "at range loop continue: ");
    }
    return end;
  }

  // ---- templates that are called

  HtmlContext call(const HtmlContext& c, std::string& name, const TemplateNode* at) {
    TemplateNode* root = set_.find(name);
    if (root == nullptr) {
      fail(EscapeErrc::no_such_template, "no such template \"" + name + "\"", at);
    }
    if (c.state != HtmlState::text) name += "$htmltemplate_" + c.name();
    called_.insert(name);
    if (const auto known = ends_.find(name); known != ends_.end()) return known->second;
    TemplateNode* derived = set_.find(name);
    if (derived == nullptr) derived = set_.add(name, copy_node(*root));
    return body(c, name, *derived);
  }

  // Most templates end where they begin; a recursive one is tried with that, then with the end that
  // it came to.
  HtmlContext body(const HtmlContext& c, const std::string& name, TemplateNode& root) {
    if (const auto end = tried(c, name, root, c)) return *end;
    const HtmlContext assumed = ends_.at(name);
    try {
      if (const auto end = tried(assumed, name, root, assumed)) return *end;
    } catch (const EscapeProblem&) {
    }
    fail(EscapeErrc::output_context, "cannot compute output context for template " + name, &root);
  }

  // Walks the template with its end assumed. Returns: nothing when it calls itself and ends
  // otherwise; ends_ has then what it came to.
  std::optional<HtmlContext> tried(const HtmlContext& c, const std::string& name,
                                   TemplateNode& root, const HtmlContext& assumed) {
    const Mark before = mark();
    Jumps outer = std::move(jumps_);
    jumps_.clear();
    learned_.push_back(name);
    ends_[name] = assumed;
    called_.erase(name);
    HtmlContext end = walk_list(c, root);
    const bool good = called_.count(name) == 0 || end == assumed;
    if (!good) forget_since(before), learned_.push_back(name);
    called_.insert(name);
    jumps_ = std::move(outer);
    ends_[name] = end;
    return good ? std::optional(std::move(end)) : std::nullopt;
  }

  // ---- actions

  HtmlContext action(HtmlContext c, TemplateNode& node) {
    if (!node.pipe->declared.empty()) return c;  // it prints nothing
    c = nudged(std::move(c));
    check_predefined(c, *node.pipe, node);
    std::string escapers = escapers_of(c, node);
    if (c.state == HtmlState::js) c.slash = JsSlash::division;
    if (c.state == HtmlState::tag) c.state = HtmlState::attribute_name;
    edits_.push_back({&node, std::move(escapers)});
    return c;
  }

  static std::string_view function_of(const TemplateNode& command) {
    const TemplateNode& first = *command.nodes[0];
    return first.kind == NodeKind::identifier ? std::string_view(first.text) : std::string_view();
  }

  static bool is_predefined(std::string_view name) { return name == "html" || name == "urlquery"; }

  // They know nothing of the place: only at the end, where the right ones come after them.
  static void check_predefined(const HtmlContext& c, const TemplateNode& pipe,
                               const TemplateNode& at) {
    for (std::size_t i = 0; i < pipe.nodes.size(); ++i) {
      const std::string_view name = function_of(*pipe.nodes[i]);
      const bool unquoted = c.state == HtmlState::attribute &&
                            c.delimiter == HtmlDelimiter::space_or_tag_end && name == "html";
      if (is_predefined(name) && (i + 1 < pipe.nodes.size() || unquoted)) {
        fail(EscapeErrc::predefined_escaper,
             "predefined escaper \"" + std::string(name) + "\" disallowed in template", &at);
      }
    }
  }

  static void add(std::string& to, Escaper escaper) { to += static_cast<char>(escaper); }

  static std::string escapers_of(const HtmlContext& c, const TemplateNode& at) {
    std::string to;
    add_for_state(to, c, at);
    if (c.delimiter == HtmlDelimiter::space_or_tag_end) {
      add(to, Escaper::unquoted);
    } else if (c.delimiter != HtmlDelimiter::none) {
      add(to, Escaper::attribute);
    }
    return to;
  }

  static void add_for_state(std::string& to, const HtmlContext& c, const TemplateNode& at) {
    switch (c.state) {
      case HtmlState::url:
      case HtmlState::css_dq_string:
      case HtmlState::css_sq_string:
      case HtmlState::css_dq_url:
      case HtmlState::css_sq_url:
      case HtmlState::css_url: return add_for_url(to, c, at);
      case HtmlState::js: return add(to, Escaper::js_value);
      case HtmlState::js_dq_string:
      case HtmlState::js_sq_string: return add(to, Escaper::js_string);
      case HtmlState::js_template: return add(to, Escaper::js_template);
      case HtmlState::js_regexp: return add(to, Escaper::js_regexp);
      case HtmlState::css: return add(to, Escaper::css_value);
      case HtmlState::text: return add(to, Escaper::html);
      case HtmlState::rcdata: return add(to, Escaper::rcdata);
      case HtmlState::attribute_name:
      case HtmlState::tag: return add(to, Escaper::attribute_name);
      case HtmlState::srcset: return add(to, Escaper::srcset);
      case HtmlState::attribute: return;  // by its delimiter
      default: return add(to, Escaper::comment);
    }
  }

  static void add_for_url(std::string& to, const HtmlContext& c, const TemplateNode& at) {
    if (c.url_part == UrlPart::unknown) {
      fail(EscapeErrc::ambig_context,
           to_source(at) + " appears in an ambiguous context within a URL", &at);
    }
    if (c.url_part == UrlPart::query_or_frag) return add(to, Escaper::url_component);
    if (c.url_part == UrlPart::none) add(to, Escaper::url_filter);
    const bool text = c.state == HtmlState::css_dq_string || c.state == HtmlState::css_sq_string;
    add(to, text ? Escaper::css_string : Escaper::url_normalize);
  }

  // A predefined escaper at the end stands in for the one of its kind.
  static void write_action(TemplateNode& node, std::string escapers) {
    TemplateNode& pipe = *node.pipe;
    const std::string name(function_of(*pipe.nodes.back()));
    if (is_predefined(name)) {
      if (pipe.nodes.size() == 1) set_apart(pipe);
      const bool html = name == "html";
      const std::size_t same = escapers.find_first_of(html ? "har" : "uq");
      if (same != escapers.npos) {
        escapers[same] =
            static_cast<char>(html ? Escaper::predefined_html : Escaper::predefined_urlquery);
        if (pipe.nodes.size() > 1) pipe.nodes.pop_back();
      }
    }
    // What these write needs no more in quotes.
    const std::size_t size = escapers.size();
    const bool done = size > 1 && escapers.back() == static_cast<char>(Escaper::attribute) &&
                      std::string_view("cdtx-").find(escapers[size - 2]) != std::string_view::npos;
    if (done) escapers.pop_back();
    node.text = std::move(escapers);
  }

  // {{html .A .B}} is {{print .A .B | html}}.
  static void set_apart(TemplateNode& pipe) {
    TemplateNode& command = *pipe.nodes[0];
    if (command.nodes.size() == 1) return;
    auto last = std::make_unique<TemplateNode>();
    last->kind = NodeKind::command, last->at = pipe.at, last->source = pipe.source;
    last->nodes.push_back(copy_node(*command.nodes[0]));
    command.nodes[0]->text = "print";
    pipe.nodes.push_back(std::move(last));
  }

  EscapableSet& set_;
  std::vector<Edit> edits_ = {};
  std::map<std::string, HtmlContext> ends_ = {};  // of templates, by derived name
  std::vector<std::string> learned_ = {};         // the names in ends_, in order
  std::set<std::string> called_ = {};
  Jumps jumps_ = {};  // in the present loop
  int depth_ = 0;
  int walked_ = 0;
};

// Throws EscapeProblem; then no tree is changed.
inline void escape_set(EscapableSet& set, const std::string& name) { HtmlEscape(set).run(name); }

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_names.hpp

// template_names.hpp -- what may a template name that is not its own?
//
// Other templates, and functions that were added: what they take, and what arguments may be. Beside
// it, how an execution ends that went wrong.

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What is a key worth that is not there?
enum class OnMissingKey { no_value, zero, error };

// Where an execution finds what its template names.
class TemplateNames {
 public:
  virtual ~TemplateNames() = default;
  virtual const TemplateNode* find_template(std::string_view name) const = 0;   // nullptr: none
  virtual const AddedFunction* find_function(std::string_view name) const = 0;  // nullptr: none
};

// Why an execution ended.
struct ExecProblem {
  const TemplateNode* at;
  std::string executing;  // the name of the template
  std::string message;
};

// As Go calls it.
inline std::string_view type_name(Parameter p) noexcept {
  constexpr std::string_view names[] = {
      "interface {}",           "bool", "int", "float64", "string", "[]interface {}",
      "map[string]interface {}"};
  return names[static_cast<unsigned char>(p)];
}

// As Go calls what is missing when a literal is of another kind.
inline std::string_view literal_name(Parameter p) noexcept {
  constexpr std::string_view names[] = {"any", "bool", "integer", "float", "string", "list", "map"};
  return names[static_cast<unsigned char>(p)];
}

inline bool fits(const Value& v, Parameter wanted) noexcept {
  switch (wanted) {
    case Parameter::any: return true;
    case Parameter::boolean: return v.is_bool();
    case Parameter::integer: return v.is_int();
    case Parameter::floating: return v.is_double();
    case Parameter::list: return v.is_list();
    case Parameter::map: return v.is_map();
    default: return v.is_string();
  }
}

// A literal number has no type of its own: 1 may be a float, and 1.0 an int. Returns: null where it
// cannot become what is wanted.
inline Value convert_literal(const Value& v, Parameter wanted) {
  if (fits(v, wanted)) return v;
  if (wanted == Parameter::floating && v.is_int()) return static_cast<double>(v.as_int());
  if (wanted == Parameter::integer && v.is_double() && v == v.as_int(0)) return v.as_int(0);
  return {};
}

// What `call` says, for Values hold no functions that it could call.
[[noreturn]] inline void refuse_call(const std::string& callee, const Operand& value) {
  if (value.is_null()) throw std::invalid_argument("call of nil");
  throw std::invalid_argument("non-function " + callee + " of type " +
                              std::string(go_type(*value.value)));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_eval.hpp

// template_eval.hpp -- what does this pipeline of a template come to?
//
// In: a pipeline's tree, the dot, and what the template may name. Out: an Operand, which points
// into the data: nothing is copied on the way from the data to the page. Fields are looked up in
// maps alone, for a Value has no methods. A problem throws ExecProblem, in the words of Go.

#include <cstddef>      // std::size_t
#include <exception>    // std::exception
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::invoke_result_t
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class PipelineEvaluator {
 protected:
  PipelineEvaluator(const TemplateNames& names, OnMissingKey missing_key) noexcept
      : names_(names), missing_key_(missing_key) {}
  ~PipelineEvaluator() = default;

  struct Variable {
    std::string_view name;
    Operand value;
  };

  using Nodes = std::vector<NodePtr>;

  // Takes the variables back that a block declared.
  class Scope {
   public:
    explicit Scope(std::vector<Variable>& variables) noexcept
        : variables_(variables), size_(variables.size()) {}
    ~Scope() { variables_.resize(size_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::vector<Variable>& variables_;
    const std::size_t size_;
  };

  // Counts how deep we are: templates called by templates, blocks within blocks, parentheses.
  class Level {
   public:
    explicit Level(PipelineEvaluator& evaluator) : depth_(evaluator.depth_) {
      if (depth_ == most_depth)
        evaluator.fail("exceeded maximum template depth (" + std::to_string(most_depth) + ")");
      ++depth_;
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  // What fits on the stack of any thread.
  static constexpr int most_depth = 2000;

  [[noreturn]] void fail(std::string message) const {
    throw ExecProblem{at_, std::string(executing_), std::move(message)};
  }

  Operand* find_variable(std::string_view name) noexcept {
    for (std::size_t i = variables_.size(); i > base_; --i) {
      if (variables_[i - 1].name == name) return &variables_[i - 1].value;
    }
    return nullptr;
  }

  void assign(std::string_view name, const Operand& value) {
    Operand* variable = find_variable(name);
    if (variable == nullptr) fail("undefined variable: " + std::string(name));
    *variable = value;
  }

  // Nothing if there is none. Declares its variables.
  Operand pipeline(const Operand& dot, const TemplateNode* pipe) {
    if (pipe == nullptr) return {};
    const Level level(*this);
    at_ = pipe;
    Operand value = commands(dot, *pipe, pipe->nodes.size());
    if (!pipe->declared.empty()) declare(*pipe, value);
    return value;
  }

  // The same for a pipeline of {{range}} whose last command makes a sequence. Returns: false, and
  // nothing is done, where it does not.
  bool sequence(const Operand& dot, const TemplateNode& pipe, Sequence& to) {
    const TemplateNode& last = *pipe.nodes.back();
    const TemplateNode& name = *last.nodes[0];
    if (name.kind != NodeKind::identifier) return false;
    const AddedFunction* added = names_.find_function(name.text);
    if (added == nullptr || !added->makes_sequence) return false;
    const bool is_first = pipe.nodes.size() == 1;
    const Operand before = commands(dot, pipe, pipe.nodes.size() - 1);
    at_ = &name;
    const std::vector<Operand> arguments =
        arguments_of(*added, dot, name, last.nodes, is_first ? nullptr : &before);
    guarded(name, last, [&] { to = added->sequence(operands_of(arguments, null_)); });
    declare(pipe, {});
    return true;
  }

  // Whatever a function throws is an error of the page.
  template <class Call>
  std::invoke_result_t<Call&> guarded(const TemplateNode& name, const TemplateNode& whole,
                                      Call call) {
    std::string problem;
    try {
      return call();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    at_ = &whole;
    fail("error calling " + name.text + ": " + problem);
  }

  const TemplateNames& names_;
  const OnMissingKey missing_key_;
  const Value null_;
  const TemplateNode* at_ = nullptr;  // for messages
  std::string_view executing_ = {};   // the name of the template
  std::vector<Variable> variables_ = {};
  std::size_t base_ = 0;  // where the variables of this template begin

 private:
  // What the first so many commands of a pipeline come to.
  Operand commands(const Operand& dot, const TemplateNode& pipe, std::size_t count) {
    Operand value;
    for (std::size_t i = 0; i < count; ++i)
      value = command(dot, *pipe.nodes[i], i == 0 ? nullptr : &value).unwrapped();
    return value;
  }

  void declare(const TemplateNode& pipe, const Operand& value) {
    for (const NodePtr& variable : pipe.declared) {
      if (pipe.is_assign)
        assign(variable->names[0], value);
      else
        variables_.push_back({variable->names[0], value});
    }
  }

  // final is nullptr in the first command of a pipeline.
  Operand command(const Operand& dot, const TemplateNode& node, const Operand* final) {
    const TemplateNode& first = *node.nodes[0];
    const bool has_arguments = node.nodes.size() > 1 || final != nullptr;
    switch (first.kind) {
      case NodeKind::identifier: return function(dot, first, node, node.nodes, final);
      case NodeKind::field:
      case NodeKind::chain: return fields(dot, first, has_arguments);
      case NodeKind::variable:
        if (first.names.size() == 1) {
          at_ = &first;
          Operand* value = variable_of(first);
          if (has_arguments) refuse_arguments(first);
          return *value;
        }
        return fields(dot, first, has_arguments);
      case NodeKind::pipe:
        if (has_arguments) refuse_arguments(first);
        return pipeline(dot, &first);
      default:
        at_ = &first;
        if (has_arguments) refuse_arguments(first);
        if (first.kind == NodeKind::nil) fail("nil is not a command");
        return first.kind == NodeKind::dot ? dot : literal(first);
    }
  }

  [[noreturn]] void refuse_arguments(const TemplateNode& first) const {
    fail("can't give argument to non-function " + to_source(first));
  }

  Operand literal(const TemplateNode& node) {
    at_ = &node;
    if (node.value.is_null()) fail(node.text + " overflows int");
    return {&node.value, false, {}};
  }

  Operand* variable_of(const TemplateNode& node) {
    Operand* value = find_variable(node.names[0]);
    if (value == nullptr) fail("undefined variable: " + node.names[0]);
    return value;
  }

  // ---- fields

  // .a.b, $x.a.b, (pipeline).a.b
  Operand fields(const Operand& dot, const TemplateNode& node, bool has_arguments) {
    at_ = &node;
    Operand value;
    std::size_t i = 0;
    if (node.kind == NodeKind::field) {
      value = dot;
    } else if (node.kind == NodeKind::variable) {
      value = *variable_of(node);
      i = 1;
    } else {
      value = argument(dot, *node.nodes[0], Parameter::any);
    }
    for (; i + 1 < node.names.size(); ++i) value = field(value, node.names[i], false);
    return field(value, node.names[i], has_arguments);
  }

  Operand field(const Operand& of, const std::string& name, bool has_arguments) {
    if (of.is_nothing()) {
      if (missing_key_ == OnMissingKey::error) fail("nil data; no entry for key " + quoted(name));
      return {};
    }
    if (of.value->is_null()) fail("nil pointer evaluating " + std::string(of.type()) + "." + name);
    if (!of.value->is_map())
      fail("can't evaluate field " + name + " in type " + std::string(of.type()));
    if (has_arguments) fail(name + " is not a method but has arguments");
    if (const Value* found = of.value->find(name)) return of.element(*found);
    if (missing_key_ == OnMissingKey::error) fail("map has no entry for key " + quoted(name));
    if (missing_key_ == OnMissingKey::zero) return {&null_, true, {}};
    return {};
  }

  // ---- functions

  // arguments: those of the command, its name first; empty when it stands alone.
  Operand function(const Operand& dot, const TemplateNode& name, const TemplateNode& whole,
                   const Nodes& nodes, const Operand* final) {
    at_ = &name;
    const std::size_t given = nodes.empty() ? 0 : nodes.size() - 1;
    if (const AddedFunction* added = names_.find_function(name.text)) {
      const std::vector<Operand> arguments = arguments_of(*added, dot, name, nodes, final);
      return guarded(name, whole,
                     [&] { return make_operand(added->call(operands_of(arguments, null_))); });
    }
    const Builtin* builtin = find_builtin(name.text);
    if (builtin == nullptr) fail(quoted(name.text) + " is not a defined function");
    check_count(name, given, final, builtin->least, builtin->is_variadic);
    if (name.text == "and" || name.text == "or")
      return and_or(dot, nodes, final, name.text == "or");
    static const std::vector<Parameter> printf_parameters{Parameter::text, Parameter::any};
    static const std::vector<Parameter> any_parameters{Parameter::any};
    const std::vector<Operand> arguments =
        collect(dot, nodes, final, name.text == "printf" ? printf_parameters : any_parameters);
    return guarded(name, whole, [&] {
      if (builtin->call == nullptr)
        refuse_call(nodes.size() > 1 ? to_source(*nodes[1]) : "", arguments[0]);
      return builtin->call(arguments);
    });
  }

  std::vector<Operand> arguments_of(const AddedFunction& added, const Operand& dot,
                                    const TemplateNode& name, const Nodes& nodes,
                                    const Operand* final) {
    const std::size_t given = nodes.empty() ? 0 : nodes.size() - 1;
    check_count(name, given, final, added.parameters.size() - (added.is_variadic ? 1 : 0),
                added.is_variadic);
    return collect(dot, nodes, final, added.parameters);
  }

  void check_count(const TemplateNode& name, std::size_t given, const Operand* final,
                   std::size_t wanted, bool is_variadic) const {
    const std::size_t count = given + (final != nullptr ? 1 : 0);
    if (is_variadic ? count >= wanted : count == wanted) return;
    fail("wrong number of args for " + name.text + ": want " + (is_variadic ? "at least " : "") +
         std::to_string(wanted) + " got " + std::to_string(is_variadic ? given : count));
  }

  // The first that decides, or the last; those behind it are not evaluated.
  Operand and_or(const Operand& dot, const Nodes& nodes, const Operand* final, bool is_or) {
    Operand value;
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      value = argument(dot, *nodes[i], Parameter::any);
      if (is_true(value) == is_or) return value;
    }
    return final != nullptr ? *final : value;
  }

  std::vector<Operand> collect(const Operand& dot, const Nodes& nodes, const Operand* final,
                               const std::vector<Parameter>& parameters) {
    std::vector<Operand> arguments;
    arguments.reserve(nodes.size());
    const auto wanted = [&] {
      const std::size_t i = arguments.size();
      return i < parameters.size() ? parameters[i] : parameters.back();
    };
    for (std::size_t i = 1; i < nodes.size(); ++i)
      arguments.push_back(argument(dot, *nodes[i], wanted()));
    if (final != nullptr) arguments.push_back(checked(*final, wanted()));
    return arguments;
  }

  // ---- arguments

  Operand argument(const Operand& dot, const TemplateNode& node, Parameter wanted) {
    at_ = &node;
    static const Nodes none;
    switch (node.kind) {
      case NodeKind::dot: return checked(dot, wanted);
      case NodeKind::nil:
        if (wanted != Parameter::any)
          fail("cannot assign nil to " + std::string(type_name(wanted)));
        return {};
      case NodeKind::field:
      case NodeKind::chain: return checked(fields(dot, node, false), wanted);
      case NodeKind::variable:
        if (node.names.size() > 1) return checked(fields(dot, node, false), wanted);
        return checked(*variable_of(node), wanted);
      case NodeKind::pipe: return checked(pipeline(dot, &node), wanted);
      case NodeKind::identifier: return checked(function(dot, node, node, none, nullptr), wanted);
      default: return literal_as(node, wanted);
    }
  }

  Operand literal_as(const TemplateNode& node, Parameter wanted) {
    if (wanted == Parameter::any) return literal(node);
    const Value v = convert_literal(node.value, wanted);
    if (v.is_null())
      fail("expected " + std::string(literal_name(wanted)) + "; found " + to_source(node));
    return make_operand(v);
  }

  // Is it what the function takes?
  Operand checked(const Operand& operand, Parameter wanted) const {
    if (wanted == Parameter::any) return operand;
    if (operand.is_nothing()) fail("invalid value; expected " + std::string(type_name(wanted)));
    const Value& v = *operand.value;
    if (fits(v, wanted)) return operand;
    fail("wrong type for value; expected " + std::string(type_name(wanted)) + "; got " +
         std::string(v.is_null() ? operand.type() : go_type(v)));
  }

  int depth_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_exec.hpp

// template_exec.hpp -- which page do this template and these data make?
//
// In: trees, the functions they call, and a Value. Out: the page, appended to one string; or an
// ExecProblem with the node where it happened and the words of Go.
//
// An executor serves one execution, on one thread; trees and functions are only read.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TemplateExecutor final : private PipelineEvaluator {
 public:
  TemplateExecutor(const TemplateNames& names, OnMissingKey missing_key, std::string& page) noexcept
      : PipelineEvaluator(names, missing_key), page_(page) {}

  // Throws ExecProblem; page is then to be thrown away.
  void run(std::string_view name, const TemplateNode& root, const Value& data) {
    at_ = &root;
    call_template(name, root, Operand{&data, false, {}}.unwrapped());
  }

 private:
  enum class Flow { on, break_, continue_ };

  // ---- nodes that make the page

  Flow walk_list(const Operand& dot, const TemplateNode& list) {
    const Level level(*this);
    for (const NodePtr& node : list.nodes) {
      const Flow flow = walk(dot, *node);
      if (flow != Flow::on) return flow;
    }
    return Flow::on;
  }

  Flow walk(const Operand& dot, const TemplateNode& node) {
    at_ = &node;
    switch (node.kind) {
      case NodeKind::text: page_ += node.text; return Flow::on;
      case NodeKind::action: return action(dot, node), Flow::on;
      case NodeKind::if_:
      case NodeKind::with: return branch(dot, node);
      case NodeKind::range: return range(dot, node);
      case NodeKind::template_: return template_call(dot, node), Flow::on;
      case NodeKind::list: return walk_list(dot, node);
      case NodeKind::break_: return Flow::break_;
      case NodeKind::continue_: return Flow::continue_;
      default: return Flow::on;  // a comment
    }
  }

  // Variables that it declares live until the block ends.
  void action(const Operand& dot, const TemplateNode& node) {
    const Operand value = pipeline(dot, node.pipe.get());
    if (!node.pipe->declared.empty()) return;
    at_ = &node;
    if (node.text.empty()) return print(value);
    escape_value(page_, node.text, value.is_nothing() ? Value() : *value.value);
  }

  void print(const Operand& value) {
    if (value.is_nothing()) return void(page_ += "<no value>");
    append_printed(page_, *value.value);
  }

  Flow branch(const Operand& dot, const TemplateNode& node) {
    const Scope scope(variables_);
    const Operand value = pipeline(dot, node.pipe.get());
    if (is_true(value)) return walk_list(node.kind == NodeKind::with ? value : dot, *node.body);
    return node.otherwise ? walk_list(dot, *node.otherwise) : Flow::on;
  }

  Flow range(const Operand& dot, const TemplateNode& node) {
    const Scope scope(variables_);
    if (Sequence sequence_of; sequence(dot, *node.pipe, sequence_of))
      return range_sequence(dot, sequence_of, node);
    const Operand all = pipeline(dot, node.pipe.get());
    if (all.is_null()) return otherwise(dot, node);
    const Value& v = *all.value;
    switch (v.kind()) {
      case Value::Kind::list: range_list(all, node); break;
      case Value::Kind::map: range_map(all, node); break;
      case Value::Kind::integer: range_integer(v.as_int(), node); break;
      default: {
        std::string printed;
        append_printed(printed, v);
        fail("range can't iterate over " + printed);
      }
    }
    const bool was_empty = v.is_int() ? v.as_int() <= 0 : v.size() == 0;
    return was_empty ? otherwise(dot, node) : Flow::on;
  }

  Flow otherwise(const Operand& dot, const TemplateNode& node) {
    return node.otherwise ? walk_list(dot, *node.otherwise) : Flow::on;
  }

  void range_list(const Operand& all, const TemplateNode& node) {
    const List& list = all.value->as_list();
    const bool wants_index = node.pipe->declared.size() > 1;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Operand index = wants_index ? make_operand(i) : Operand();
      if (!iterate(index, all.element(list[i]), node)) return;
    }
  }

  void range_map(const Operand& all, const TemplateNode& node) {
    const bool wants_key = node.pipe->declared.size() > 1;
    for (const auto& [key, item] : all.value->as_map()) {
      const Operand name = wants_key ? make_operand(key) : Operand();
      if (!iterate(name, all.element(item), node)) return;
    }
  }

  void range_integer(std::int64_t n, const TemplateNode& node) {
    if (node.pipe->declared.size() > 1)
      fail("can't use " + std::to_string(n) + " to iterate over more than one variable");
    for (std::int64_t i = 0; i < n; ++i) {
      if (!iterate(Operand(), make_operand(i), node)) return;
    }
  }

  Flow range_sequence(const Operand& dot, const Sequence& sequence, const TemplateNode& node) {
    const TemplateNode& last = *node.pipe->nodes.back();
    const bool wants_index = node.pipe->declared.size() > 1;
    for (std::size_t i = 0;; ++i) {
      Value item;
      const bool is_there =
          guarded(*last.nodes[0], last, [&] { return sequence.next && sequence.next(item); });
      if (!is_there) return i == 0 ? otherwise(dot, node) : Flow::on;
      const Operand index = wants_index ? make_operand(i) : Operand();
      Operand made = make_operand(std::move(item));
      if (!iterate(index, made, node)) return Flow::on;
    }
  }

  // One round of a range. Returns: false after a break.
  bool iterate(const Operand& index, const Operand& item, const TemplateNode& node) {
    const Nodes& declared = node.pipe->declared;
    const std::size_t count = declared.size();
    if (node.pipe->is_assign) {
      if (count > 0) assign(declared[0]->names[0], count > 1 ? index : item);
      if (count > 1) assign(declared[1]->names[0], item);
    } else {
      if (count > 0) variables_.back().value = item;
      if (count > 1) variables_[variables_.size() - 2].value = index;
    }
    const Scope scope(variables_);
    return walk_list(item, *node.body) != Flow::break_;
  }

  void template_call(const Operand& dot, const TemplateNode& node) {
    const TemplateNode* root = names_.find_template(node.text);
    if (root == nullptr) fail("template " + quoted(node.text) + " not defined");
    const Operand data = pipeline(dot, node.pipe.get());
    call_template(node.text, *root, data);
  }

  // A template sees no variables of its caller's.
  void call_template(std::string_view name, const TemplateNode& root, const Operand& dot) {
    const std::string_view caller = executing_;
    const TemplateNode* const at = at_;
    const std::size_t base = base_;
    executing_ = name;
    base_ = variables_.size();
    {
      const Scope scope(variables_);
      variables_.push_back({"$", dot});
      walk_list(dot, root);
    }
    base_ = base;
    at_ = at;
    executing_ = caller;
  }

  std::string& page_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_lex.hpp

// template_lex.hpp -- where does each word of a template begin and end?
//
// In: the source of a template. Out, one at a time: text, with what {{- and -}} trim off already
// gone, and the words between the braces. White space there is a token, for `.a .b` are two words
// and `.a.b` is one. What is no word is a token, too: an error, with the words of Go.
// Bytes in, views out: nothing is copied but messages.

#include <algorithm>    // std::min
#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

enum class TokenKind : unsigned char {
  error,  // text: what is wrong
  end_of_source,
  text,
  left,   // {{
  right,  // }}
  space,
  pipe,
  declare,  // :=
  assign,   // =
  comma,
  left_paren,
  right_paren,
  odd_char,  // of ASCII, but of no use here
  field,     // .x
  variable,  // $ or $x
  identifier,
  boolean,
  number,
  character,  // 'a'
  string,
  raw_string,
  // words with a meaning
  dot,
  nil,
  block,
  break_,
  continue_,
  define,
  else_,
  end,
  if_,
  range,
  template_,
  with,
};

struct Token {
  TokenKind kind = TokenKind::end_of_source;
  std::size_t at = 0;
  std::string_view text = {};
};

struct LexOptions {
  std::string left = "{{";
  std::string right = "}}";
  // False where a function of that name was added: then it is no keyword.
  bool knows_break = true;
  bool knows_continue = true;
};

class TemplateLexer {
 public:
  // Lifetime: that of both.
  TemplateLexer(std::string_view source, const LexOptions& options) noexcept
      : source_(source), options_(options) {}

  // After an error, or the end of the source: the same again.
  Token next() {
    if (stopped_) return last_;
    Token token = in_action_ ? action() : text();
    if (token.kind == TokenKind::error || token.kind == TokenKind::end_of_source) {
      stopped_ = true, last_ = token;
    }
    return token;
  }

 private:
  static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  std::string_view rest(std::size_t skipped = 0) const noexcept {
    return source_.substr(std::min(at_ + skipped, source_.size()));
  }

  char peek(std::size_t skipped = 0) const noexcept {
    return at_ + skipped < source_.size() ? source_[at_ + skipped] : '\0';
  }

  // What was taken since start.
  Token token(TokenKind kind, std::size_t start) const noexcept {
    return {kind, start, source_.substr(start, at_ - start)};
  }

  Token fail(std::string message, std::size_t at) {
    message_ = std::move(message);
    return {TokenKind::error, at, message_};
  }

  // "{{- ": white space before it is none of the page's.
  static bool trims_left(std::string_view after_left) noexcept {
    return after_left.size() >= 2 && after_left[0] == '-' && is_space(after_left[1]);
  }

  // " -}}": nor is what comes after it.
  bool trims_right(std::string_view s) const noexcept {
    return s.size() >= 2 && is_space(s[0]) && s[1] == '-' &&
           s.substr(2).starts_with(options_.right);
  }

  bool at_right() const noexcept {
    return trims_right(rest()) || rest().starts_with(options_.right);
  }

  // ---- between actions

  Token text() {
    for (;;) {
      const std::size_t start = at_;
      const std::size_t left = std::min(source_.find(options_.left, at_), source_.size());
      std::size_t end = left;
      if (left < source_.size() && trims_left(source_.substr(left + options_.left.size()))) {
        while (end > start && is_space(source_[end - 1])) --end;
      }
      at_ = left;
      if (end > start) return {TokenKind::text, start, source_.substr(start, end - start)};
      if (left == source_.size()) return {TokenKind::end_of_source, left, {}};
      const std::size_t after =
          options_.left.size() + (trims_left(rest(options_.left.size())) ? 2 : 0);
      if (!rest(after).starts_with("/*")) return left_delimiter(after);
      at_ += after;
      if (!skip_comment()) return fail(message_, at_);
    }
  }

  Token left_delimiter(std::size_t size) {
    const std::size_t start = at_;
    at_ += size;
    in_action_ = true, parens_ = 0;
    return {TokenKind::left, start, source_.substr(start, options_.left.size())};
  }

  // At a "/*".
  bool skip_comment() {
    const std::size_t end = source_.find("*/", at_ + 2);
    if (end == source_.npos) return message_ = "unclosed comment", false;
    at_ = end + 2;
    if (!at_right()) return message_ = "comment ends before closing delimiter", false;
    skip_right();
    return true;
  }

  void skip_right() noexcept {
    const bool trims = trims_right(rest());
    at_ += options_.right.size() + (trims ? 2 : 0);
    if (!trims) return;
    while (at_ < source_.size() && is_space(source_[at_])) ++at_;
  }

  // ---- in an action

  Token action() {
    const std::size_t start = at_;
    if (at_right()) return right_delimiter();
    if (at_ == source_.size()) return fail("unclosed action", at_);
    const char c = peek();
    if (is_space(c)) return space();
    if (is_digit(c) || c == '+' || c == '-') return number();
    if (word_char() > 0) return word();
    ++at_;
    switch (c) {
      case '=': return token(TokenKind::assign, start);
      case ':':
        if (peek() != '=') return fail("expected :=", start);
        return ++at_, token(TokenKind::declare, start);
      case '|': return token(TokenKind::pipe, start);
      case ',': return token(TokenKind::comma, start);
      case '"': return quote(TokenKind::string, start);
      case '\'': return quote(TokenKind::character, start);
      case '`': return raw_quote(start);
      case '$': return name(TokenKind::variable, start);
      case '.':
        if (is_digit(peek())) return --at_, number();
        return name(TokenKind::field, start);
      case '(': return ++parens_, token(TokenKind::left_paren, start);
      case ')':
        if (--parens_ < 0) return fail("unexpected right paren", start);
        return token(TokenKind::right_paren, start);
      default: return odd_char(start);
    }
  }

  Token right_delimiter() {
    if (parens_ > 0) return fail("unclosed left paren", at_);
    const std::size_t start = at_ + (trims_right(rest()) ? 2 : 0);
    skip_right();
    in_action_ = false;
    return {TokenKind::right, start, source_.substr(start, options_.right.size())};
  }

  // The last space may be a part of " -}}".
  Token space() {
    const std::size_t start = at_;
    while (is_space(peek()) && at_ < source_.size() && !trims_right(rest())) ++at_;
    return token(TokenKind::space, start);
  }

  // How long is the letter, digit or '_' here? 0: it is none. Beyond ASCII, whatever can be seen
  // counts as a letter.
  std::size_t word_char() const noexcept {
    const char c = peek();
    if (static_cast<unsigned char>(c) < 0x80)
      return c == '_' || is_a(c, byte_alpha) || is_digit(c) ? 1 : 0;
    const Utf8 letter = utf8_front(rest());
    return is_printable(letter.code_point) && letter.code_point != 0xFFFD ? letter.size : 0;
  }

  void skip_word() noexcept {
    while (const std::size_t size = word_char()) at_ += size;
  }

  bool at_end_of_word() const noexcept {
    if (at_ == source_.size() || is_space(peek())) return true;
    return std::string_view(".,|:()").find(peek()) != std::string_view::npos ||
           rest().starts_with(options_.right);
  }

  // U+0040 '@'
  std::string described_char() const {
    const Utf8 c = utf8_front(rest());
    std::string s;
    PrintFlags flags;
    flags.sharp = true;
    append_code_point(s, c.size == 0 ? 0xFFFD : c.code_point, flags);
    return s;
  }

  Token bad_character(std::size_t start) {
    return fail("bad character " + described_char(), start);
  }

  Token word() {
    const std::size_t start = at_;
    skip_word();
    if (!at_end_of_word()) return bad_character(start);
    return token(kind_of(source_.substr(start, at_ - start)), start);
  }

  TokenKind kind_of(std::string_view word) const noexcept {
    constexpr struct {
      std::string_view word;
      TokenKind kind;
    } known[] = {{"block", TokenKind::block},
                 {"break", TokenKind::break_},
                 {"continue", TokenKind::continue_},
                 {"define", TokenKind::define},
                 {"else", TokenKind::else_},
                 {"end", TokenKind::end},
                 {"false", TokenKind::boolean},
                 {"if", TokenKind::if_},
                 {"nil", TokenKind::nil},
                 {"range", TokenKind::range},
                 {"template", TokenKind::template_},
                 {"true", TokenKind::boolean},
                 {"with", TokenKind::with}};
    if (word == "break" && !options_.knows_break) return TokenKind::identifier;
    if (word == "continue" && !options_.knows_continue) return TokenKind::identifier;
    for (const auto& k : known) {
      if (k.word == word) return k.kind;
    }
    return TokenKind::identifier;
  }

  // What follows a '.' or '$'.
  Token name(TokenKind kind, std::size_t start) {
    if (at_end_of_word()) {
      return token(kind == TokenKind::variable ? kind : TokenKind::dot, start);
    }
    skip_word();
    if (!at_end_of_word()) return bad_character(start);
    return token(kind, start);
  }

  Token quote(TokenKind kind, std::size_t start) {
    const char end = source_[start];
    for (; at_ < source_.size() && source_[at_] != '\n'; ++at_) {
      if (source_[at_] == end) return ++at_, token(kind, start);
      if (source_[at_] == '\\' && peek(1) != '\n' && at_ + 1 < source_.size()) ++at_;
    }
    return fail(kind == TokenKind::string ? "unterminated quoted string"
                                          : "unterminated character constant",
                start);
  }

  Token raw_quote(std::size_t start) {
    const std::size_t end = source_.find('`', at_);
    if (end == source_.npos) return fail("unterminated raw quoted string", start);
    at_ = end + 1;
    return token(TokenKind::raw_string, start);
  }

  Token odd_char(std::size_t start) {
    const char c = source_[start];
    if (c > ' ' && c < 0x7F) return token(TokenKind::odd_char, start);
    --at_;
    return fail("unrecognized character in action: " + described_char(), start);
  }

  // ---- numbers: where they end; what they mean is asked by the parser

  Token number() {
    const std::size_t start = at_;
    bool good = one_number();
    if (good && (peek() == '+' || peek() == '-')) good = one_number() && source_[at_ - 1] == 'i';
    if (good) return token(TokenKind::number, start);
    return fail("bad number syntax: " + quoted(source_.substr(start, at_ - start)), start);
  }

  bool accept(std::string_view any) noexcept {
    if (at_ == source_.size() || any.find(peek()) == any.npos) return false;
    return ++at_, true;
  }

  void accept_all(std::string_view any) noexcept {
    while (accept(any)) {
    }
  }

  bool one_number() noexcept {
    constexpr std::string_view decimal = "0123456789_";
    std::string_view digits = decimal;
    bool hex = false;
    accept("+-");
    if (accept("0")) {
      if (accept("xX")) hex = true, digits = "0123456789abcdefABCDEF_";
      if (!hex && accept("oO")) digits = "01234567_";
      if (!hex && digits == decimal && accept("bB")) digits = "01_";
    }
    accept_all(digits);
    if (accept(".")) accept_all(digits);
    if ((digits == decimal && accept("eE")) || (hex && accept("pP"))) {
      accept("+-");
      accept_all(decimal);
    }
    accept("i");
    const std::size_t stranger = word_char();  // a letter that is no part of a number
    at_ += stranger;
    return stranger == 0;
  }

  const std::string_view source_;
  const LexOptions& options_;
  std::size_t at_ = 0;
  bool in_action_ = false;
  int parens_ = 0;  // open, in this action
  bool stopped_ = false;
  Token last_ = {};
  std::string message_ = {};  // what an error token views
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_literal.hpp

// template_literal.hpp -- which value does this literal of a template mean?
//
// In: a number, a character or a text as written: 0x1F, 1_000, 'a', "\u00e9", `raw`. Out: the
// Value, or what is wrong with it, in the words of Go, whose literals these are.

#include <charconv>      // std::chars_format, std::from_chars
#include <cstddef>       // std::size_t
#include <cstdint>       // std::int64_t, std::uint64_t
#include <limits>        // std::numeric_limits
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc

namespace jot::inline v1::detail {

// ---- texts and characters

// Reads one character, or an escape, from the front of s, which is not empty, and appends it.
// Returns: its code point, or its byte where \x and \ooo say so; nothing when it is no good.
class LiteralReader {
 public:
  LiteralReader(std::string_view s, char quote) noexcept : rest_(s), quote_(quote) {}

  bool at_end() const noexcept { return rest_.empty(); }

  std::optional<char32_t> read(std::string& to) {
    if (rest_[0] == quote_ || rest_[0] == '\n') return {};
    if (rest_[0] != '\\') return character(to);
    rest_.remove_prefix(1);
    if (rest_.empty()) return {};
    const char c = rest_[0];
    rest_.remove_prefix(1);
    switch (c) {
      case 'x': return byte(to, number(2, 16));
      case 'u': return code_point(to, number(4, 16));
      case 'U': return code_point(to, number(8, 16));
      case '\\': return to += c, char32_t{'\\'};
      case '\'':
      case '"':
        if (c != quote_) return {};
        return to += c, static_cast<char32_t>(c);
      default: break;
    }
    if (c >= '0' && c <= '7') {
      rest_ = std::string_view(rest_.data() - 1, rest_.size() + 1);
      return byte(to, number(3, 8));
    }
    constexpr std::string_view letters = "abtnvfr";
    const std::size_t i = letters.find(c);
    if (i == letters.npos) return {};
    return to += static_cast<char>('\a' + i), static_cast<char32_t>('\a' + i);
  }

 private:
  std::optional<char32_t> character(std::string& to) {
    const Utf8 c = utf8_front(rest_);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    to += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return c.size == 0 ? char32_t{0xFFFD} : c.code_point;
  }

  // Exactly so many digits.
  std::optional<std::uint64_t> number(std::size_t digits, unsigned base) {
    std::uint64_t n = 0;
    if (rest_.size() < digits) return {};
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_digit(rest_[i]);
      if (digit < 0 || static_cast<unsigned>(digit) >= base) return {};
      n = n * base + static_cast<unsigned>(digit);
    }
    rest_.remove_prefix(digits);
    return n;
  }

  static std::optional<char32_t> byte(std::string& to, std::optional<std::uint64_t> n) {
    if (!n || *n > 255) return {};
    to += static_cast<char>(*n);
    return static_cast<char32_t>(*n);
  }

  static std::optional<char32_t> code_point(std::string& to, std::optional<std::uint64_t> n) {
    if (!n || *n > 0x10FFFF || (*n >= 0xD800 && *n <= 0xDFFF)) return {};
    append_utf8(to, static_cast<char32_t>(*n));
    return static_cast<char32_t>(*n);
  }

  std::string_view rest_;
  const char quote_;
};

// literal: with its quotes, " or `. Returns: nothing when an escape in it is no good.
inline std::optional<std::string> unquote(std::string_view literal) {
  const char quote = literal[0];
  std::string text;
  literal = literal.substr(1, literal.size() - 2);
  if (quote == '`') {
    for (const char c : literal) {
      if (c != '\r') text += c;
    }
    return text;
  }
  for (LiteralReader reader(literal, quote); !reader.at_end();) {
    if (!reader.read(text)) return {};
  }
  return text;
}

// ---- numbers

struct Literal {
  Value value = {};          // null, and no problem: too large for an int, but not for a uint
  std::string problem = {};  // "": none
};

// literal: with its quotes, '.
inline Literal character_literal(std::string_view literal) {
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  LiteralReader reader(inner, '\'');
  std::string text;
  std::optional<char32_t> c;
  if (!reader.at_end()) c = reader.read(text);
  if (!c) return {{}, "invalid syntax"};
  if (!reader.at_end()) return {{}, "malformed character constant: " + std::string(literal)};
  return {static_cast<std::int64_t>(*c), {}};
}

class NumberLiteral {
 public:
  explicit NumberLiteral(std::string_view literal) : written_(literal) {}

  Literal read() {
    if (written_.ends_with('i'))
      return {{}, "imaginary numbers are not supported: " + quoted(written_)};
    if (!take_apart()) return bad();
    if (Literal whole; read_int(whole)) return whole;
    if (written_.find_first_of(is_hex_ ? ".pP" : ".eEpP") == written_.npos) return not_an_int();
    return read_float();
  }

 private:
  Literal bad() const { return {{}, "illegal number syntax: " + quoted(written_)}; }

  Literal not_an_int() const {
    double d = 0;
    if (base_ != 10 || !to_double(d)) return bad();
    return {{}, "integer overflow: " + quoted(written_)};
  }

  // Sign, base and digits, without the '_' between them.
  bool take_apart() {
    std::string_view s = written_;
    if (s.starts_with('-') || s.starts_with('+')) is_negative_ = s[0] == '-', s.remove_prefix(1);
    bool after_digit = false;
    if (s.size() > 1 && s[0] == '0') {
      const char letter = to_lower(s[1]);
      base_ = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      is_hex_ = base_ == 16;
      if (base_ != 10) s.remove_prefix(2), after_digit = true;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      const bool digit = is_hex_ ? hex_digit(s[i]) >= 0 : is_digit(s[i]);
      if (s[i] == '_') {
        if (!after_digit || i + 1 == s.size()) return false;
      } else if (i > 0 && s[i - 1] == '_' && !digit) {
        return false;
      } else {
        digits_ += s[i];
      }
      after_digit = digit;
    }
    return !digits_.empty();
  }

  bool read_int(Literal& to) const {
    int base = base_;
    // 017 is octal.
    if (base == 10 && digits_.size() > 1 && digits_[0] == '0') base = 8;
    std::uint64_t n = 0;
    const char* const end = digits_.data() + digits_.size();
    const auto read = std::from_chars(digits_.data(), end, n, base);
    if (read.ec != std::errc() || read.ptr != end) return false;
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (is_negative_ && n > most + 1) return false;
    if (is_negative_) return to.value = static_cast<std::int64_t>(0 - n), true;
    if (n <= most) to.value = static_cast<std::int64_t>(n);
    return written_[0] != '+' || n <= most;
  }

  bool to_double(double& d) const {
    const char* const end = digits_.data() + digits_.size();
    const auto format = is_hex_ ? std::chars_format::hex : std::chars_format::general;
    const auto read = std::from_chars(digits_.data(), end, d, format);
    if (read.ptr != end) return false;
    if (read.ec == std::errc::result_out_of_range) return is_small(d);
    return read.ec == std::errc();
  }

  // Too small for a double is 0; too large is an error.
  bool is_small(double& d) const noexcept {
    const std::size_t e = digits_.find_first_of(is_hex_ ? "pP" : "eE");
    const bool small = e != digits_.npos && e + 1 < digits_.size() && digits_[e + 1] == '-';
    d = 0;
    return small || digits_.find_first_not_of("0.") == digits_.npos;
  }

  Literal read_float() const {
    double d = 0;
    const bool has_exponent = digits_.find_first_of("pP") != digits_.npos;
    if ((base_ != 10 && base_ != 16) || is_hex_ != has_exponent || !to_double(d)) return bad();
    return {is_negative_ ? -d : d, {}};
  }

  const std::string_view written_;
  std::string digits_;
  int base_ = 10;
  bool is_hex_ = false;
  bool is_negative_ = false;
};

inline Literal number_literal(std::string_view literal) { return NumberLiteral(literal).read(); }

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_words.hpp

// template_words.hpp -- what is the next word of this template, and what if it is the wrong one?
//
// The parser's hands: the words that it looks ahead, three at most; the place that a problem is
// said to be at; and the depth of blocks and parentheses, which is bounded so that it fits on any
// stack.

#include <algorithm>    // std::count
#include <cstddef>      // std::ptrdiff_t, std::size_t
#include <memory>       // std::make_unique, std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// Why a source is no template.
struct ParseProblem {
  std::size_t at;
  std::string message;
};

class TemplateWords {
 protected:
  // Lifetime: of options, that of this.
  TemplateWords(std::shared_ptr<const TemplateSource> source, const LexOptions& options)
      : source_(std::move(source)), lexer_(source_->text, options) {}
  ~TemplateWords() = default;

  static constexpr int most_depth = 500;

  class Level {
   public:
    explicit Level(TemplateWords& parser) : parser_(parser) {
      if (parser.depth_ == most_depth)
        parser.fail("nested too deeply: more than " + std::to_string(most_depth) + " levels");
      ++parser.depth_;
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    TemplateWords& parser_;
  };

  Token take() {
    if (next_.empty()) return last_ = lexer_.next();
    last_ = next_.back();
    next_.pop_back();
    return last_;
  }

  void put_back(const Token& token) { next_.push_back(token); }

  const Token& peek() {
    if (next_.empty()) put_back(lexer_.next());
    return next_.back();
  }

  Token take_word() {
    Token token = take();
    return token.kind == TokenKind::space ? take() : token;
  }

  const Token& peek_word() {
    if (peek().kind == TokenKind::space) take();
    return peek();
  }

  [[noreturn]] void fail(std::string message) const {
    throw ParseProblem{last_.at, std::move(message)};
  }

  // As it stands in a message.
  static std::string described(const Token& token) {
    if (token.kind == TokenKind::error) return std::string(token.text);
    if (token.kind == TokenKind::end_of_source) return "EOF";
    if (token.kind >= TokenKind::dot) return "<" + std::string(token.text) + ">";
    std::size_t size = 0;
    for (int i = 0; i < 10 && size < token.text.size(); ++i) {
      const std::size_t more = utf8_front(token.text.substr(size)).size;
      size += more == 0 ? 1 : more;
    }
    return quoted(token.text.substr(0, size)) + (token.text.size() > 10 ? "..." : "");
  }

  [[noreturn]] void unexpected(const Token& token, std::string_view where) {
    last_ = token;
    if (token.kind != TokenKind::error)
      fail("unexpected " + described(token) + " in " + std::string(where));
    std::string message(token.text);
    if (line_of(action_at_) != line_of(token.at)) {
      message += message.ends_with(" action") ? " started" : " in action started";
      message += " at " + source_->name + ":" + std::to_string(line_of(action_at_));
    }
    fail(std::move(message));
  }

  std::size_t line_of(std::size_t at) const noexcept {
    const auto begin = source_->text.begin();
    return 1 + static_cast<std::size_t>(
                   std::count(begin, begin + static_cast<std::ptrdiff_t>(at), '\n'));
  }

  Token expect(TokenKind kind, std::string_view where) {
    const Token token = take_word();
    if (token.kind != kind) unexpected(token, where);
    return token;
  }

  NodePtr node(NodeKind kind, std::size_t at) const {
    auto made = std::make_unique<TemplateNode>();
    made->kind = kind, made->at = at, made->source = source_;
    return made;
  }

  const std::shared_ptr<const TemplateSource> source_;
  Token last_ = {};            // the last that was taken: where a problem is
  std::size_t action_at_ = 0;  // where the present action began

 private:
  TemplateLexer lexer_;
  std::vector<Token> next_ = {};  // looked at already, the first at the back
  int depth_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_pipeline.hpp

// template_pipeline.hpp -- what is to be computed between these braces?
//
//     $x, $y := .Rows | index 1 (len .Name) | printf "%v"
//
// In: words. Out: the tree of a pipeline: its variables, its commands, their operands. What cannot
// be computed whatever the data are is refused here: an unknown function, a variable that is not
// in scope, a literal that is none.

#include <algorithm>    // std::find
#include <cstddef>      // std::size_t
#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class PipelineParser : public TemplateWords {
 public:
  using IsFunction = std::function<bool(std::string_view)>;

 protected:
  // Lifetime: of options and is_function, that of this.
  PipelineParser(std::shared_ptr<const TemplateSource> source, const LexOptions& options,
                 const IsFunction& is_function)
      : TemplateWords(std::move(source), options), is_function_(is_function) {}
  ~PipelineParser() = default;

  NodePtr pipeline(std::string_view where, TokenKind end) {
    const Level level(*this);
    NodePtr pipe = node(NodeKind::pipe, peek_word().at);
    while (declaration(*pipe, where)) {
    }
    for (;;) {
      const Token token = take_word();
      if (token.kind == end) {
        check_pipeline(*pipe, where);
        return pipe;
      }
      if (!begins_operand(token.kind)) unexpected(token, where);
      put_back(token);
      pipe->nodes.push_back(command());
    }
  }

  std::string text_of(const Token& token) {
    auto text = unquote(token.text);
    if (!text) last_ = token, fail("invalid syntax");
    return std::move(*text);
  }

  std::vector<std::string> variables_{"$"};  // in scope

 private:
  static bool begins_operand(TokenKind kind) noexcept {
    switch (kind) {
      case TokenKind::boolean:
      case TokenKind::character:
      case TokenKind::dot:
      case TokenKind::field:
      case TokenKind::identifier:
      case TokenKind::left_paren:
      case TokenKind::nil:
      case TokenKind::number:
      case TokenKind::raw_string:
      case TokenKind::string:
      case TokenKind::variable: return true;
      default: return false;
    }
  }

  // $x :=, $x =, or, in a range, the $x, before another. Returns: whether another may follow.
  bool declaration(TemplateNode& pipe, std::string_view where) {
    if (peek_word().kind != TokenKind::variable) return false;
    const Token variable = take();
    const Token after = peek();  // "$x foo" has an argument, "$x :=" has not
    const Token next = peek_word();
    const bool assigns = next.kind == TokenKind::assign, declares = next.kind == TokenKind::declare;
    if (!assigns && !declares && next.kind != TokenKind::comma) {
      if (after.kind == TokenKind::space) put_back(after);
      put_back(variable);
      return false;
    }
    take();
    pipe.is_assign = assigns;
    NodePtr declared = node(NodeKind::variable, variable.at);
    declared->names.emplace_back(variable.text);
    pipe.declared.push_back(std::move(declared));
    variables_.emplace_back(variable.text);
    if (assigns || declares) return false;
    if (where != "range" || pipe.declared.size() > 1)
      fail("too many declarations in " + std::string(where));
    const TokenKind kind = peek_word().kind;
    if (kind != TokenKind::variable && kind != TokenKind::right && kind != TokenKind::right_paren)
      fail("range can only initialize variables");
    return true;
  }

  void check_pipeline(const TemplateNode& pipe, std::string_view where) const {
    if (pipe.nodes.empty()) fail("missing value for " + std::string(where));
    for (std::size_t i = 1; i < pipe.nodes.size(); ++i) {
      switch (pipe.nodes[i]->nodes[0]->kind) {
        case NodeKind::boolean:
        case NodeKind::dot:
        case NodeKind::nil:
        case NodeKind::number:
        case NodeKind::string:
          fail("non executable command in pipeline stage " + std::to_string(i + 1));
        default: break;
      }
    }
  }

  // Operands with spaces between them, up to a '|', which is taken, or the end of the pipeline.
  NodePtr command() {
    NodePtr made = node(NodeKind::command, peek_word().at);
    for (;;) {
      peek_word();
      if (NodePtr one = operand()) made->nodes.push_back(std::move(one));
      const Token token = take();
      if (token.kind == TokenKind::space) continue;
      if (token.kind == TokenKind::right || token.kind == TokenKind::right_paren) {
        put_back(token);
      } else if (token.kind != TokenKind::pipe) {
        unexpected(token, "operand");
      }
      break;
    }
    if (made->nodes.empty()) fail("empty command");
    return made;
  }

  // A term with fields of it: .a.b, $x.a, (pipeline).a. Returns: nullptr when there is none.
  NodePtr operand() {
    NodePtr one = term();
    if (!one || peek().kind != TokenKind::field) return one;
    switch (one->kind) {
      case NodeKind::boolean:
      case NodeKind::dot:
      case NodeKind::nil:
      case NodeKind::number:
      case NodeKind::string:
        last_ = peek();
        fail("unexpected . after term " + quoted(to_source(*one)));
      case NodeKind::field:
      case NodeKind::variable: one->at = peek().at; break;
      default: {
        NodePtr chain = node(NodeKind::chain, peek().at);
        chain->nodes.push_back(std::move(one));
        one = std::move(chain);
      }
    }
    while (peek().kind == TokenKind::field) one->names.emplace_back(take().text.substr(1));
    return one;
  }

  NodePtr term() {
    const Token token = take_word();
    switch (token.kind) {
      case TokenKind::identifier:
        if (!is_function_(token.text)) fail("function " + quoted(token.text) + " not defined");
        return word(NodeKind::identifier, token);
      case TokenKind::dot: return node(NodeKind::dot, token.at);
      case TokenKind::nil: return node(NodeKind::nil, token.at);
      case TokenKind::variable: return variable(token);
      case TokenKind::field: {
        NodePtr made = node(NodeKind::field, token.at);
        made->names.emplace_back(token.text.substr(1));
        return made;
      }
      case TokenKind::boolean: return value(NodeKind::boolean, token, token.text == "true");
      case TokenKind::character: return number(token, character_literal(token.text));
      case TokenKind::number: return number(token, number_literal(token.text));
      case TokenKind::left_paren: return pipeline("parenthesized pipeline", TokenKind::right_paren);
      case TokenKind::string:
      case TokenKind::raw_string: return value(NodeKind::string, token, text_of(token));
      default: put_back(token); return {};
    }
  }

  NodePtr word(NodeKind kind, const Token& token) const {
    NodePtr made = node(kind, token.at);
    made->text = token.text;
    return made;
  }

  NodePtr value(NodeKind kind, const Token& token, Value value) const {
    NodePtr made = word(kind, token);
    made->value = std::move(value);
    return made;
  }

  NodePtr number(const Token& token, Literal literal) const {
    if (!literal.problem.empty()) fail(std::move(literal.problem));
    return value(NodeKind::number, token, std::move(literal.value));
  }

  NodePtr variable(const Token& token) const {
    const auto& known = variables_;
    if (std::find(known.begin(), known.end(), token.text) == known.end())
      fail("undefined variable " + quoted(token.text));
    NodePtr made = node(NodeKind::variable, token.at);
    made->names.emplace_back(token.text);
    return made;
  }

  const IsFunction& is_function_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_parse.hpp

// template_parse.hpp -- which templates does this source define?
//
// In: a source, the names of the functions that it may call. Out: a tree for the source itself and
// one for each {{define}} and {{block}} in it; or a ParseProblem with its place and the words of
// Go. Recursive descent: each function takes the words of what it is named after.

#include <cstddef>      // std::size_t
#include <functional>   // std::less
#include <map>          // std::map
#include <memory>       // std::shared_ptr
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::exchange, std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// Roots by name.
using TemplateTrees = std::map<std::string, NodePtr, std::less<>>;

// Nothing but white space and comments: such a one does not take the place of another.
inline bool is_empty_tree(const TemplateNode& node) noexcept {
  switch (node.kind) {
    case NodeKind::text: return node.text.find_first_not_of(" \t\n\v\f\r") == std::string::npos;
    case NodeKind::list:
      for (const NodePtr& child : node.nodes) {
        if (!is_empty_tree(*child)) return false;
      }
      return true;
    default: return false;
  }
}

class TemplateParser final : private PipelineParser {
 public:
  using PipelineParser::IsFunction;

  // Lifetime: of options and is_function, that of this.
  TemplateParser(std::shared_ptr<const TemplateSource> source, const LexOptions& options,
                 const IsFunction& is_function)
      : PipelineParser(std::move(source), options, is_function) {}

  // Throws ParseProblem.
  TemplateTrees run() {
    NodePtr root = node(NodeKind::list, 0);
    while (peek().kind != TokenKind::end_of_source) {
      if (peek().kind == TokenKind::left) {
        const Token left = take();
        if (peek_word().kind == TokenKind::define) {
          action_at_ = left.at;
          take_word();
          definition();
          continue;
        }
        put_back(left);
      }
      Item item = text_or_action();
      if (item.ends != Ends::no) fail("unexpected " + described(item));
      root->nodes.push_back(std::move(item.node));
    }
    add(source_->name, std::move(root));
    return std::move(trees_);
  }

 private:
  enum class Ends { no, by_end, by_else };

  // A node, or the word that ends a list of them.
  struct Item {
    NodePtr node = {};
    Ends ends = Ends::no;
  };

  void add(const std::string& name, NodePtr root) {
    NodePtr& known = trees_[name];
    if (!known || is_empty_tree(*known)) {
      known = std::move(root);
    } else if (!is_empty_tree(*root)) {
      fail("multiple definition of template " + quoted(name));
    }
  }

  // After {{define.
  void definition() {
    const std::string name = template_name(take_word(), "define clause");
    expect(TokenKind::right, "define clause");
    define(name, "define clause");
  }

  // A template within this one: it sees no variables of ours, and none of our ranges.
  void define(const std::string& name, const char* where) {
    const std::vector<std::string> variables = std::exchange(variables_, {"$"});
    const int ranges = std::exchange(ranges_, 0);
    auto [root, end] = list();
    if (end.ends != Ends::by_end) fail("unexpected " + described(end) + " in " + where);
    variables_ = variables, ranges_ = ranges;
    add(name, std::move(root));
  }

  std::string template_name(const Token& token, std::string_view where) {
    if (token.kind != TokenKind::string && token.kind != TokenKind::raw_string)
      unexpected(token, where);
    return text_of(token);
  }

  struct List {
    NodePtr nodes;
    Item end;
  };

  // Up to an {{end}} or {{else}}, which is taken.
  List list() {
    const Level level(*this);
    NodePtr nodes = node(NodeKind::list, peek_word().at);
    while (peek_word().kind != TokenKind::end_of_source) {
      Item item = text_or_action();
      if (item.ends != Ends::no) return {std::move(nodes), std::move(item)};
      nodes->nodes.push_back(std::move(item.node));
    }
    last_ = peek();
    fail("unexpected EOF");
  }

  Item text_or_action() {
    const Token token = take_word();
    if (token.kind == TokenKind::left) return action_at_ = token.at, action();
    if (token.kind != TokenKind::text) unexpected(token, "input");
    NodePtr text = node(NodeKind::text, token.at);
    text->text = token.text;
    return {std::move(text)};
  }

  // After a "{{".
  Item action() {
    const Token token = take_word();
    switch (token.kind) {
      case TokenKind::block: return {block(token)};
      case TokenKind::break_: return {jump(token, NodeKind::break_)};
      case TokenKind::continue_: return {jump(token, NodeKind::continue_)};
      case TokenKind::else_: return else_clause();
      case TokenKind::end: return expect(TokenKind::right, "end"), Item{{}, Ends::by_end};
      case TokenKind::if_: return {control(token, NodeKind::if_, "if")};
      case TokenKind::range: return {control(token, NodeKind::range, "range")};
      case TokenKind::template_: return {template_clause(token)};
      case TokenKind::with: return {control(token, NodeKind::with, "with")};
      default: break;
    }
    put_back(token);
    NodePtr made = node(NodeKind::action, peek().at);
    made->pipe = pipeline("command", TokenKind::right);
    return {std::move(made)};
  }

  NodePtr jump(const Token& word, NodeKind kind) {
    const std::string name = kind == NodeKind::break_ ? "{{break}}" : "{{continue}}";
    if (const Token token = take_word(); token.kind != TokenKind::right) unexpected(token, name);
    last_ = word;
    if (ranges_ == 0) fail(name + " outside {{range}}");
    return node(kind, word.at);
  }

  // "{{else if" and "{{else with" are left to who asked for the list.
  Item else_clause() {
    const TokenKind next = peek_word().kind;
    if (next != TokenKind::if_ && next != TokenKind::with) expect(TokenKind::right, "else");
    return {{}, Ends::by_else};
  }

  NodePtr control(const Token& word, NodeKind kind, const char* name) {
    const std::size_t outer = variables_.size();
    NodePtr made = node(kind, word.at);
    made->pipe = pipeline(name, TokenKind::right);
    made->at = made->pipe->at;
    if (kind == NodeKind::range) ++ranges_;
    auto [body, end] = list();
    if (kind == NodeKind::range) --ranges_;
    made->body = std::move(body);
    if (end.ends == Ends::by_else) made->otherwise = otherwise(kind);
    variables_.resize(outer);
    return made;
  }

  // {{else if x}} is {{else}}{{if x}} with one {{end}} for both.
  NodePtr otherwise(NodeKind kind) {
    const Token& next = peek();
    const bool goes_on = (kind == NodeKind::if_ && next.kind == TokenKind::if_) ||
                         (kind == NodeKind::with && next.kind == TokenKind::with);
    if (goes_on) {
      const Level level(*this);
      const Token word = take();
      NodePtr nodes = node(NodeKind::list, word.at);
      nodes->nodes.push_back(control(word, kind, kind == NodeKind::if_ ? "if" : "with"));
      return nodes;
    }
    auto [nodes, end] = list();
    if (end.ends != Ends::by_end) fail("expected end; found " + described(end));
    return std::move(nodes);
  }

  NodePtr template_clause(const Token& word) {
    constexpr std::string_view where = "template clause";
    NodePtr made = node(NodeKind::template_, word.at);
    const Token name = take_word();
    made->text = template_name(name, where);
    made->at = name.at;
    if (const Token token = take_word(); token.kind != TokenKind::right) {
      put_back(token);
      made->pipe = pipeline(where, TokenKind::right);
    }
    return made;
  }

  // {{block "x" .}}...{{end}} is {{define "x"}}...{{end}}{{template "x" .}}.
  NodePtr block(const Token& word) {
    constexpr const char* where = "block clause";
    NodePtr made = node(NodeKind::template_, word.at);
    const Token name = take_word();
    made->text = template_name(name, where);
    made->at = name.at;
    made->pipe = pipeline(where, TokenKind::right);
    define(made->text, where);
    return made;
  }

  static std::string described(const Item& item) {
    return item.ends == Ends::by_end ? "{{end}}" : "{{else}}";
  }

  TemplateTrees trees_ = {};
  int ranges_ = 0;  // around us
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_place.hpp

// template_place.hpp -- where in a template is this problem, as a compiler would say it?
//
// In: a source and an offset in it. Out: a TemplateError with line and column from 1, and the line
// itself with a mark below it.

#include <algorithm>    // std::count, std::min
#include <cstddef>      // std::ptrdiff_t, std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

struct TemplatePlace {
  int line = 0, col = 0;
  std::string excerpt = {};  // "\n  12 | ...\n     |   ^"
};

// At most so many bytes of a line are shown, those around the place.
inline constexpr std::size_t most_excerpt = 160;

inline std::string excerpt_of(std::string_view line, int number, std::size_t at) {
  const std::size_t from = at > most_excerpt / 2 ? at - most_excerpt / 2 : 0;
  std::string shown(line.substr(from, most_excerpt));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';  // one column each
  }
  const std::string margin = "  " + std::to_string(number);
  std::string s = "\n" + margin + " | " + shown + "\n";
  s.append(margin.size(), ' ').append(" | ").append(at - from, ' ');
  return s += '^';
}

inline TemplatePlace place_of(std::string_view text, std::size_t at) {
  at = std::min(at, text.size());
  const std::string_view before = text.substr(0, at);
  const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::size_t end = std::min(text.find('\n', at), text.size());
  TemplatePlace place;
  place.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  place.col = 1 + static_cast<int>(at - begin);
  place.excerpt = excerpt_of(text.substr(begin, end - begin), place.line, at - begin);
  return place;
}

inline TemplateError error_at(const TemplateSource& source, std::size_t at, std::string problem,
                              EscapeErrc code = EscapeErrc::ok) {
  TemplatePlace place = place_of(source.text, at);
  return TemplateError(source.name, place.line, place.col, std::move(problem),
                       code == EscapeErrc::ok ? "" : escape_errc_name(code),
                       std::move(place.excerpt));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_set.hpp

// template_set.hpp -- which templates are there, and are they ready to be executed?
//
// 1. Sources are parsed into trees, by name, until the first execution freezes the set.
// 2. The first execution of a name copies the trees that it reaches and gives each action its
//    escapers, under the lock. What came of it, a problem as well, is kept.
// 3. All others find it without a lock.

#include <atomic>       // std::atomic
#include <functional>   // std::less
#include <map>          // std::map
#include <memory>       // std::make_shared, std::make_unique, std::shared_ptr, std::unique_ptr
#include <mutex>        // std::mutex, std::scoped_lock
#include <optional>     // std::optional
#include <stdexcept>    // std::logic_error
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

using AddedFunctions = std::map<std::string, std::shared_ptr<const AddedFunction>, std::less<>>;
using SharedTrees = std::map<std::string, std::shared_ptr<const TemplateNode>, std::less<>>;

// What one template needs to be executed: it and all that it calls, escaped for their places.
class ReadyTemplate final : public TemplateNames, private EscapableSet {
 public:
  // Throws TemplateError.
  ReadyTemplate(const std::string& name, Escaping escaping, const SharedTrees& all,
                const AddedFunctions& functions)
      : all_(all), functions_(functions) {
    if (escaping == Escaping::html) escape(name);
    root_ = find_template(name);
  }

  const TemplateNode& root() const noexcept { return *root_; }

  const TemplateNode* find_template(std::string_view name) const override {
    if (const auto own = escaped_.find(name); own != escaped_.end()) return own->second.get();
    const auto known = all_.find(name);
    return known == all_.end() ? nullptr : known->second.get();
  }

  const AddedFunction* find_function(std::string_view name) const override {
    const auto known = functions_.find(name);
    return known == functions_.end() ? nullptr : known->second.get();
  }

 private:
  void escape(const std::string& name) try {
    escape_set(*this, name);
  } catch (const EscapeProblem& problem) {
    if (problem.at != nullptr)
      throw error_at(*problem.at->source, problem.at->at, problem.message, problem.code);
    throw TemplateError(name, 0, 0, problem.message, escape_errc_name(problem.code));
  }

  TemplateNode* find(const std::string& name) override {
    if (const auto own = escaped_.find(name); own != escaped_.end()) return own->second.get();
    const auto known = all_.find(name);
    return known == all_.end() ? nullptr : add(name, copy_node(*known->second));
  }

  TemplateNode* add(const std::string& name, NodePtr root) override {
    return (escaped_[name] = std::move(root)).get();
  }

  const SharedTrees& all_;
  const AddedFunctions& functions_;
  TemplateTrees escaped_ = {};
  const TemplateNode* root_ = nullptr;
};

class TemplateSet {
 public:
  explicit TemplateSet(Escaping escaping) noexcept : escaping_(escaping) {}

  enum WithoutTemplates { without_templates };

  // The same functions and options.
  TemplateSet(const TemplateSet& other, WithoutTemplates)
      : escaping_(other.escaping_),
        missing_key_(other.missing_key_),
        functions_(other.functions_) {}

  // The same templates, not yet frozen.
  TemplateSet(const TemplateSet& other)
      : escaping_(other.escaping_),
        missing_key_(other.missing_key_),
        functions_(other.functions_),
        trees_(other.trees_) {}
  TemplateSet& operator=(const TemplateSet&) = delete;

  Escaping escaping() const noexcept { return escaping_; }

  void set_missing_key(OnMissingKey what) {
    check_open("change an option");
    missing_key_ = what;
  }

  void add_function(std::string_view name, std::shared_ptr<const AddedFunction> function) {
    check_open("add a function");
    functions_.insert_or_assign(std::string(name), std::move(function));
  }

  // Throws TemplateError, and then nothing has changed.
  void parse(const std::string& name, std::string_view text, LexOptions options) {
    check_open("parse");
    options.knows_break = functions_.find("break") == functions_.end();
    options.knows_continue = functions_.find("continue") == functions_.end();
    const auto source =
        std::make_shared<const TemplateSource>(TemplateSource{name, std::string(text)});
    const TemplateParser::IsFunction is_function = [this](std::string_view word) {
      return functions_.find(word) != functions_.end() || find_builtin(word) != nullptr;
    };
    try {
      TemplateTrees trees = TemplateParser(source, options, is_function).run();
      for (auto& [of, root] : trees) {
        std::shared_ptr<const TemplateNode>& known = trees_[of];
        if (!known || !is_empty_tree(*root)) known = std::move(root);
      }
    } catch (const ParseProblem& problem) {
      throw error_at(*source, problem.at, problem.message);
    }
  }

  bool has(std::string_view name) const { return trees_.find(name) != trees_.end(); }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, root] : trees_) names.push_back(name);
    return names;
  }

  // Names of templates that no other one calls.
  std::vector<std::string> roots() const {
    std::map<std::string, bool, std::less<>> called;
    for (const auto& [name, root] : trees_) note_calls(*root, name, called);
    std::vector<std::string> names;
    for (const auto& [name, root] : trees_) {
      if (called.find(name) == called.end()) names.push_back(name);
    }
    return names;
  }

  // Throws TemplateError.
  const ReadyTemplate& ready(std::string_view name) const {
    if (!frozen_.load(std::memory_order_acquire)) freeze();
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) throw no_such_template(name);
    // Pairs with the store below: who sees the pointer sees what it points at.
    const ReadyTemplate* known = entry->second.published.load(std::memory_order_acquire);
    return known != nullptr ? *known : prepare(entry->first, entry->second);
  }

  // Appends to page; what was appended where it throws TemplateError is to be taken away.
  void execute(std::string& page, std::string_view name, const Value& data) const {
    const ReadyTemplate& what = ready(name);
    try {
      TemplateExecutor(what, missing_key_, page).run(name, what.root(), data);
    } catch (const ExecProblem& problem) {
      std::string executing = problem.executing;
      executing.resize(std::min(executing.find("$htmltemplate_"), executing.size()));
      throw error_at(*problem.at->source, problem.at->at,
                     "executing " + quoted(executing) + " at <" + to_source(*problem.at) +
                         ">: " + problem.message);
    }
  }

 private:
  struct Entry {
    std::atomic<const ReadyTemplate*> published{nullptr};
    std::unique_ptr<const ReadyTemplate> ready = {};  // guarded by mutex_
    std::optional<TemplateError> problem = {};        // guarded by mutex_
  };

  void check_open(const char* what) const {
    if (frozen_.load(std::memory_order_relaxed))
      throw std::logic_error("jot: cannot " + std::string(what) +
                             " after templates have been executed: clone() them before");
  }

  void freeze() const {
    const std::scoped_lock lock(mutex_);
    if (frozen_.load(std::memory_order_relaxed)) return;
    for (const auto& [name, root] : trees_) entries_[name];
    frozen_.store(true, std::memory_order_release);
  }

  const ReadyTemplate& prepare(const std::string& name, Entry& entry) const {
    const std::scoped_lock lock(mutex_);
    if (entry.problem) throw *entry.problem;
    if (!entry.ready) {
      try {
        entry.ready = std::make_unique<const ReadyTemplate>(name, escaping_, trees_, functions_);
      } catch (const TemplateError& problem) {
        entry.problem = problem;
        throw;
      }
      entry.published.store(entry.ready.get(), std::memory_order_release);
    }
    return *entry.ready;
  }

  TemplateError no_such_template(std::string_view name) const {
    std::string message = "no such template";
    const char* before = "; there are ";
    for (const auto& [known, root] : trees_) message += before + quoted(known), before = ", ";
    return TemplateError(std::string(name), 0, 0, message);
  }

  static void note_calls(const TemplateNode& node, std::string_view within,
                         std::map<std::string, bool, std::less<>>& called) {
    if (node.kind == NodeKind::template_ && node.text != within) called[node.text] = true;
    for (const NodePtr& child : node.nodes) note_calls(*child, within, called);
    if (node.body) note_calls(*node.body, within, called);
    if (node.otherwise) note_calls(*node.otherwise, within, called);
  }

  const Escaping escaping_;
  OnMissingKey missing_key_ = OnMissingKey::no_value;
  AddedFunctions functions_ = {};
  SharedTrees trees_ = {};

  mutable std::mutex mutex_;  // of what comes of executing: entries_
  // Released when entries_ has all its names: from then on, its structure is only read.
  mutable std::atomic<bool> frozen_{false};
  mutable std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/template_store.hpp

// template_store.hpp -- which set of templates is in force, now that a file has changed?
//
// Where nobody watches the files, one set for good. Where somebody does, each execution compares
// the files with what was parsed, and makes a new set of all sources when they differ; executions
// that run keep the one that they began with.

#include <fcntl.h>     // open
#include <glob.h>      // glob, globfree
#include <sys/stat.h>  // stat
#include <unistd.h>    // read

#include <cerrno>        // errno
#include <cstdint>       // std::int64_t
#include <map>           // std::map
#include <memory>        // std::make_shared, std::shared_ptr
#include <mutex>         // std::mutex, std::scoped_lock
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error
#include <utility>       // std::move, std::pair
#include <vector>        // std::vector

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_file_error(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), "jot: template " + path);
}

inline std::string read_template(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_file_error(path);
  std::string text;
  for (char bytes[16384];;) {
    const ssize_t n = read(file.get(), bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_file_error(path);
    if (n == 0) return text;
    text.append(bytes, static_cast<std::size_t>(n));
  }
}

// Sorted. Throws std::invalid_argument when there is none.
inline std::vector<std::string> glob_files(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (files.empty()) throw std::invalid_argument("jot: pattern matches no files: " + pattern);
  return files;
}

// Tells a file from what it was before.
struct FileStamp {
  std::int64_t seconds = -1, nanoseconds = 0, size = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;

  static FileStamp of(const std::string& path) noexcept {
    struct stat s {};
    if (stat(path.c_str(), &s) != 0) return {};
    return {s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_size, s.st_ino};
  }
};

class TemplateStore {
 public:
  explicit TemplateStore(Escaping escaping)
      : escaping_(escaping), set_(std::make_shared<TemplateSet>(escaping)) {}

  // The same templates, in a store of its own.
  TemplateStore(const TemplateStore& other)
      : escaping_(other.escaping_),
        set_(std::make_shared<TemplateSet>(*other.in_force())),
        options_(other.options_),
        steps_(other.steps_),
        stamps_(other.stamps_),
        watches_(other.watches_) {}
  TemplateStore& operator=(const TemplateStore&) = delete;

  TemplateSet& set() noexcept { return *set_; }  // while it is set up
  LexOptions& options() noexcept { return options_; }
  Escaping escaping() const noexcept { return escaping_; }

  void parse(std::string name, std::string_view text) {
    set_->parse(name, text, options_);
    steps_.push_back({Step::text, std::move(name), std::string(text), options_});
  }

  void add_file(const std::string& path) {
    const Stamps stamp = parse_file(*set_, path, options_);
    steps_.push_back({Step::file, path, {}, options_});
    stamps_.insert(stamp.begin(), stamp.end());
  }

  void add_glob(const std::string& pattern) {
    Stamps stamps;
    for (const std::string& path : glob_files(pattern))
      stamps.merge(parse_file(*set_, path, options_));
    steps_.push_back({Step::glob, pattern, {}, options_});
    stamps_.merge(stamps);
  }

  void watch() noexcept { watches_ = true; }

  // Calls f with the set in force.
  template <class F>
  decltype(auto) with_set(F f) const {
    if (!watches_) return f(std::as_const(*set_));
    const std::shared_ptr<const TemplateSet> set = in_force();
    return f(*set);
  }

 private:
  using Stamps = std::map<std::string, FileStamp>;

  struct Step {
    enum Kind { text, file, glob } kind;
    std::string name;  // or path, or pattern
    std::string source;
    LexOptions options;
  };

  // The stamp is taken first: a file that changes meanwhile is read again.
  static Stamps parse_file(TemplateSet& set, const std::string& path, const LexOptions& options) {
    const FileStamp stamp = FileStamp::of(path);
    set.parse(path.substr(path.rfind('/') + 1), read_template(path), options);
    return {{path, stamp}};
  }

  std::shared_ptr<TemplateSet> in_force() const {
    if (!watches_) return set_;
    const std::scoped_lock lock(mutex_);
    if (has_changed()) parse_anew();
    return set_;
  }

  bool has_changed() const {
    std::size_t files = 0;
    for (const Step& step : steps_) {
      if (step.kind == Step::text) continue;
      const bool one = step.kind == Step::file;
      for (const std::string& path : one ? std::vector{step.name} : glob_files(step.name)) {
        const auto known = stamps_.find(path);
        if (known == stamps_.end() || known->second != FileStamp::of(path)) return true;
        ++files;
      }
    }
    return files < stamps_.size();
  }

  void parse_anew() const {
    auto fresh = std::make_shared<TemplateSet>(*set_, TemplateSet::without_templates);
    Stamps stamps;
    for (const Step& step : steps_) {
      if (step.kind == Step::text) {
        fresh->parse(step.name, step.source, step.options);
        continue;
      }
      const bool one = step.kind == Step::file;
      for (const std::string& path : one ? std::vector{step.name} : glob_files(step.name))
        stamps.merge(parse_file(*fresh, path, step.options));
    }
    set_ = std::move(fresh), stamps_ = std::move(stamps);
  }

  const Escaping escaping_;
  mutable std::mutex mutex_;                  // of set_ and stamps_, where files are watched
  mutable std::shared_ptr<TemplateSet> set_;  // never null
  LexOptions options_ = {};
  std::vector<Step> steps_ = {};  // all that was parsed, in order
  mutable Stamps stamps_ = {};    // of the files, when they were parsed
  bool watches_ = false;          // changed while it is set up only
};

struct TemplateFuncAccess {
  static const std::shared_ptr<const AddedFunction>& function(const TemplateFunc& f) noexcept {
    return f.function_;
  }
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/template.ipp

// template.ipp -- the bodies of template.hpp.

#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::exchange, std::move

namespace jot::inline v1 {

JOT_INLINE TemplateError::TemplateError(std::string in, int at_line, int at_col,
                                        std::string problem, std::string escape_code,
                                        std::string_view excerpt)
    : name(std::move(in)),
      line(at_line),
      col(at_col),
      code(std::move(escape_code)),
      message(std::move(problem)),
      what_(name) {
  if (line > 0) what_ += text(":", line, ":", col);
  what_ += ": ";
  if (!code.empty()) what_ += code, what_ += ": ";
  what_ += message, what_ += excerpt;
}

JOT_INLINE Map TemplateError::fields() const {
  Map fields{{"template", name}};
  if (line > 0) fields["line"] = line, fields["column"] = col;
  if (!code.empty()) fields["code"] = code;
  return fields;
}

JOT_INLINE Templates::Templates(Escaping escaping)
    : store_(std::make_shared<detail::TemplateStore>(escaping)) {}

JOT_INLINE Templates Templates::parse_files(const std::vector<std::string>& files) {
  return Templates().add_files(files);
}

JOT_INLINE Templates Templates::parse_glob(const std::string& glob) {
  return Templates().add_glob(glob);
}

namespace detail {

// Could a template call it?
JOT_INLINE bool is_function_name(std::string_view name) {
  const LexOptions options{.knows_break = false, .knows_continue = false};
  const std::string source = text("{{", name, "}}");
  TemplateLexer lexer(source, options);
  lexer.next();
  const Token token = lexer.next();
  return token.kind == TokenKind::identifier && token.text == name &&
         !(name[0] >= '0' && name[0] <= '9');
}

}  // namespace detail

JOT_INLINE Templates& Templates::funcs(
    std::initializer_list<std::pair<std::string_view, TemplateFunc>> funcs) {
  for (const auto& [name, function] : funcs) {
    if (!detail::is_function_name(name))
      throw std::invalid_argument(
          text("jot: no template could call a function by the name ", detail::quoted(name)));
    store_->set().add_function(name, detail::TemplateFuncAccess::function(function));
  }
  return *this;
}

JOT_INLINE Templates& Templates::delims(std::string_view left, std::string_view right) {
  store_->options().left = left.empty() ? "{{" : left;
  store_->options().right = right.empty() ? "}}" : right;
  return *this;
}

JOT_INLINE Templates& Templates::option(std::string_view option) {
  using detail::OnMissingKey;
  const auto set = [&](OnMissingKey what) -> Templates& {
    return store_->set().set_missing_key(what), *this;
  };
  if (option == "missingkey=default" || option == "missingkey=invalid")
    return set(OnMissingKey::no_value);
  if (option == "missingkey=zero") return set(OnMissingKey::zero);
  if (option == "missingkey=error") return set(OnMissingKey::error);
  throw std::invalid_argument(
      text("jot: no option of templates: ", detail::quoted(option),
           "; there are missingkey=default, missingkey=zero and missingkey=error"));
}

JOT_INLINE Templates& Templates::parse(std::string name, std::string_view text) {
  return store_->parse(std::move(name), text), *this;
}

JOT_INLINE Templates& Templates::add_files(const std::vector<std::string>& files) {
  if (files.empty()) throw std::invalid_argument("jot: no files of templates are named");
  for (const std::string& path : files) store_->add_file(path);
  return *this;
}

JOT_INLINE Templates& Templates::add_glob(const std::string& glob) {
  return store_->add_glob(glob), *this;
}

JOT_INLINE Templates& Templates::watch_files() { return store_->watch(), *this; }

JOT_INLINE Templates Templates::clone() const {
  Templates copy;
  copy.store_ = std::make_shared<detail::TemplateStore>(std::as_const(*store_));
  return copy;
}

JOT_INLINE bool Templates::lookup(std::string_view name) const {
  return store_->with_set([&](const detail::TemplateSet& set) { return set.has(name); });
}

JOT_INLINE std::vector<std::string> Templates::defined_templates() const {
  return store_->with_set([](const detail::TemplateSet& set) { return set.names(); });
}

JOT_INLINE void Templates::check(std::string_view name) const {
  store_->with_set([&](const detail::TemplateSet& set) { set.ready(name); });
}

JOT_INLINE void Templates::check() const {
  store_->with_set([](const detail::TemplateSet& set) {
    for (const std::string& name : set.roots()) set.ready(name);
  });
}

JOT_INLINE std::string Templates::execute(std::string_view name, const Value& data) const {
  std::string page;
  execute_to(page, name, data);
  return page;
}

JOT_INLINE void Templates::execute_to(std::string& page, std::string_view name,
                                      const Value& data) const {
  const std::size_t size = page.size();
  try {
    store_->with_set([&](const detail::TemplateSet& set) { set.execute(page, name, data); });
  } catch (...) {
    page.resize(size);
    throw;
  }
}

namespace detail {

// Memory for one page, used again by the next page of this thread. Taken out while it is in use, as
// a function of a template may make a page of its own.
class PageBuffer {
 public:
  static constexpr std::size_t most_kept = 1u << 20;

  PageBuffer() : page(std::move(spare())) { page.clear(); }
  ~PageBuffer() {
    if (page.capacity() <= most_kept) spare() = std::move(page);
  }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  std::string page;

 private:
  static std::string& spare() noexcept {
    static thread_local std::string memory;
    return memory;
  }
};

// content_type must be a literal, or outlive the response.
JOT_INLINE void describe_page(ResponseWriter& w, std::string_view content_type, std::size_t size) {
  Header& header = w.header();
  if (!header.has("Content-Type")) {
    HeaderAccess::add_view(header, "Content-Type", content_type);
    if (!header.has("X-Content-Type-Options"))
      HeaderAccess::add_view(header, "X-Content-Type-Options", "nosniff");
  }
  header.set("Content-Length", size);
}

JOT_INLINE std::string_view page_type(Escaping escaping) noexcept {
  return escaping == Escaping::html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
}

}  // namespace detail

JOT_INLINE void render(ResponseWriter& w, const Templates& t, std::string_view name,
                       const Value& data, int status) {
  detail::PageBuffer buffer;
  t.execute_to(buffer.page, name, data);
  w.write_header(status);
  detail::describe_page(w, detail::page_type(t.store_->escaping()), buffer.page.size());
  w.write_bytes(buffer.page);
}

JOT_INLINE void render(ResponseWriter& w, Request& r, const Templates& t, std::string_view name,
                       const Value& data, const RenderOptions& options) {
  if (!options.content_type.empty() && !w.header().has("Content-Type"))
    w.header().set("Content-Type", options.content_type);
  if (!options.etag) return render(w, t, name, data, options.status);
  detail::TaggingWriter tagging(w, detail::PageBuffer::most_kept);
  render(tagging, t, name, data, options.status);
  tagging.finish(r);
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/chunked.hpp

// chunked.hpp -- how do bytes of unknown number travel?
//
// As chunks, each behind a line that tells its size in hex; then a chunk of size 0, trailer fields
// perhaps, and an empty line:
//
//     5 CR LF hello CR LF  0 CR LF  CR LF
//
// In: raw bytes, cut anywhere. Out: pieces of the body as views into them, or a Verdict.
// Pure and resumable: a decoder is a few words of memory and holds no byte of the message.
// Strict: digits only (no sign, no 0x, no space), CR LF only, extensions and trailers bounded.
// See RFC 9112 section 7.1.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What became of one call of feed().
struct BodyStep {
  enum class State { more, done, bad };

  State state = State::more;
  std::size_t consumed = 0;  // bytes of raw; less than all when done, or before the next piece
  std::string_view piece;    // of the body; a view into raw, may be empty
  std::string_view trailer;  // raw bytes of the trailer section; for whoever collects them
  Verdict verdict;           // when bad
};

inline constexpr std::size_t max_chunk_extensions = 4 << 10;  // bytes, of all chunks together
inline constexpr std::uint32_t max_trailer_fields = 100;

class ChunkDecoder {
 public:
  // max_trailer: bytes of the trailer section; more is 431.
  explicit ChunkDecoder(std::uint32_t max_trailer = 32 << 10) noexcept
      : trailer_left_(max_trailer) {}

  // Decodes to the end of the first piece in raw, and through what follows it as long as that is
  // no further piece. Call it again with the bytes not consumed and new ones. It consumes at least
  // one byte if there is one; not to be called after done or bad.
  BodyStep feed(std::string_view raw) noexcept {
    BodyStep step;
    while (step.consumed < raw.size()) {
      if (expect_ == Expect::data) {
        if (!step.piece.empty()) break;
        step.piece = take_data(raw.substr(step.consumed));
        step.consumed += step.piece.size();
        continue;
      }
      const bool in_trailer = expect_ >= Expect::trailer_line;
      step.verdict = take_byte(raw[step.consumed]);
      if (!step.verdict.ok()) return step.state = BodyStep::State::bad, step;
      if (in_trailer) {
        const std::size_t begin = step.consumed - step.trailer.size();
        step.trailer = raw.substr(begin, step.trailer.size() + 1);
      }
      ++step.consumed;
      if (expect_ == Expect::nothing) return step.state = BodyStep::State::done, step;
    }
    return step;
  }

 private:
  // What the next byte must be, in order of appearance.
  enum class Expect : std::uint8_t {
    size,           // a hex digit; after the first also what ends the size
    extension_gap,  // blank between size and ;
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_line,  // the first byte of a field line, or the CR of the empty line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    nothing,
  };

  std::string_view take_data(std::string_view raw) noexcept {
    const std::string_view piece =
        raw.size() < left_ ? raw : raw.substr(0, static_cast<std::size_t>(left_));
    left_ -= piece.size();
    if (left_ == 0) expect_ = Expect::data_cr;
    return piece;
  }

  Verdict take_byte(char c) noexcept {
    switch (expect_) {
      case Expect::size: return take_size(c);
      case Expect::extension_gap:
      case Expect::extension: return take_extension(c);
      case Expect::size_lf:
        return take_exactly(c, '\n', left_ == 0 ? Expect::trailer_line : Expect::data);
      case Expect::data_cr: return take_exactly(c, '\r', Expect::data_lf);
      case Expect::data_lf: return digits_ = 0, take_exactly(c, '\n', Expect::size);
      case Expect::data:
      case Expect::nothing: return {400, "bytes where none belong"};
      default: return take_trailer(c);
    }
  }

  Verdict take_exactly(char c, char wanted, Expect next) noexcept {
    if (c != wanted) return {400, "chunk line or data without CR LF at its end"};
    expect_ = next;
    return {};
  }

  Verdict take_size(char c) noexcept {
    constexpr int most_digits =
        16;  // leading zeros count: nobody needs them, and a line has an end
    const int digit = hex_digit(c);
    if (digit < 0) {
      if (digits_ == 0) return {400, "chunk size is not a hex number"};
      return take_extension(c);
    }
    if (digits_ == 0) left_ = 0;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    if (++digits_ > most_digits || left_ >> 63 != 0) return {400, "chunk size too large"};
    return {};
  }

  // From behind the size to the CR: blank, then ; and anything without control characters.
  Verdict take_extension(char c) noexcept {
    if (c == '\r') {
      if (expect_ == Expect::extension_gap) return {400, "space after a chunk size"};
      expect_ = Expect::size_lf;
      return {};
    }
    if (++extension_bytes_ > max_chunk_extensions) return {400, "chunk extensions too long"};
    if (expect_ == Expect::extension) {
      return is_a(c, byte_value) ? Verdict{} : Verdict{400, "control character in chunk extension"};
    }
    if (c == ';')
      expect_ = Expect::extension;
    else if (is_space(c))
      expect_ = Expect::extension_gap;
    else
      return {400, "chunk size is not a hex number"};
    return {};
  }

  // The rules of parse_fields, one byte at a time.
  Verdict take_trailer(char c) noexcept {
    if (trailer_left_-- == 0) return trailer_left_ = 0, Verdict{431, "trailer section too large"};
    switch (expect_) {
      case Expect::trailer_line:
        if (c == '\r') return expect_ = Expect::last_lf, Verdict{};
        if (trailer_fields_++ == max_trailer_fields) return {431, "too many trailer fields"};
        if (!is_a(c, byte_token)) return {400, "malformed trailer field"};
        return expect_ = Expect::trailer_name, Verdict{};
      case Expect::trailer_name:
        if (c == ':') return expect_ = Expect::trailer_value, Verdict{};
        return is_a(c, byte_token) ? Verdict{} : Verdict{400, "malformed trailer field"};
      case Expect::trailer_value:
        if (c == '\r') return expect_ = Expect::trailer_lf, Verdict{};
        return is_a(c, byte_value) ? Verdict{} : Verdict{400, "control character in trailer field"};
      case Expect::trailer_lf: return take_exactly(c, '\n', Expect::trailer_line);
      default: return take_exactly(c, '\n', Expect::nothing);
    }
  }

  std::uint64_t left_ = 0;  // bytes of the chunk still to come; while its line is read, its size
  std::uint32_t trailer_left_;
  std::uint16_t extension_bytes_ = 0;
  std::uint8_t digits_ = 0;
  std::uint8_t trailer_fields_ = 0;
  Expect expect_ = Expect::size;
};

inline constexpr std::size_t longest_chunk_head = 18;  // 16 digits, CR, LF
inline constexpr std::string_view chunk_tail = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";  // without trailers

// Writes the line before a chunk of n bytes, n > 0, and returns its length. Behind the chunk goes
// chunk_tail. to: room for longest_chunk_head bytes.
inline std::size_t write_chunk_head(char* to, std::size_t n) noexcept {
  std::size_t digits = 1;
  while (digits < 2 * sizeof n && n >> (4 * digits) != 0) ++digits;
  for (std::size_t i = digits; i-- > 0; n >>= 4) to[i] = "0123456789abcdef"[n & 15];
  to[digits] = '\r', to[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/framing.hpp

// framing.hpp -- how long is this body?
//
// In: the version and the fields of a request. Out: none, so many bytes, chunked, or a Verdict;
// then a decoder that finds the body's bytes in those that arrive. This is the only place that
// reads Content-Length and Transfer-Encoding: where two readers could disagree on them, one request
// could hide inside the body of another.
//
//     Transfer-Encoding   Content-Length            the body is
//     -                   -                         none
//     -                   one number, or the same   so many bytes
//                         one several times
//     -                   anything else             400
//     any                 any, or HTTP/1.0          400
//     chunked             -                         chunked
//     known, not          -                         400: its end cannot be told
//       chunked at last
//     anything else       -                         501
//
// See RFC 9112 section 6.3.

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

enum class BodyKind : std::uint8_t { none, length, chunked };

struct Framing {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // for BodyKind::length
  Verdict verdict;           // not ok: refuse the request and close
};

// Returns: false unless s is nothing but digits that make a number below 2^63.
inline bool parse_length(std::string_view s, std::uint64_t& length) noexcept {
  if (s.empty()) return false;
  length = 0;
  for (const char c : s) {
    if (!is_digit(c)) return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (INT64_MAX - digit) / 10) return false;
    length = length * 10 + digit;
  }
  return true;
}

// What the two fields say, gathered in one pass.
class FramingFields {
 public:
  void note(const Field& f) noexcept {
    if (f.name.size() == 14 && iequals(f.name, "content-length")) note_lengths(f.value);
    if (f.name.size() == 17 && iequals(f.name, "transfer-encoding")) note_codings(f.value);
  }

  Framing decide(int minor) const noexcept {
    if (!has_length_ && !has_coding_) return {};
    if (has_coding_) return decide_coding(minor);
    if (!length_ok_) return refuse(400, "bad Content-Length");
    return {BodyKind::length, length_, {}};
  }

 private:
  static Framing refuse(int status, const char* reason) noexcept {
    return {BodyKind::none, 0, {status, reason}};
  }

  // "5, 5" is what a proxy may have made of two fields: the same number again is harmless.
  void note_lengths(std::string_view list) noexcept {
    bool more = true;
    while (more) {
      more = list.find(',') != std::string_view::npos;
      const std::string_view digits = next_in_list(list);
      if (!has_length_)
        length_ok_ = parse_length(digits, length_), digits_ = digits;
      else if (digits != digits_)
        length_ok_ = false;
      has_length_ = true;
    }
  }

  void note_codings(std::string_view list) noexcept {
    has_coding_ = true;
    bool more = true;
    while (more) {
      more = list.find(',') != std::string_view::npos;
      note_coding(next_in_list(list));
    }
  }

  void note_coding(std::string_view coding) noexcept {
    chunked_is_last_ = iequals(coding, "chunked");
    if (chunked_is_last_) {
      ++chunked_;
      return;
    }
    const std::string_view name = trim(coding.substr(0, coding.find(';')));
    if (!is_token(name) || iequals(name, "chunked")) malformed_ = true;
    for (const std::string_view known :
         {"gzip", "deflate", "compress", "x-gzip", "x-compress", "identity"}) {
      if (iequals(name, known)) return void(others_known_ = true);
    }
    unknown_ = true;
  }

  Framing decide_coding(int minor) const noexcept {
    if (minor == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (has_length_) return refuse(400, "Transfer-Encoding and Content-Length");
    if (malformed_) return refuse(400, "malformed Transfer-Encoding");
    if (unknown_) return refuse(501, "unknown transfer coding");
    if (!chunked_is_last_) return refuse(400, "final transfer coding is not chunked");
    if (chunked_ > 1) return refuse(400, "chunked more than once");
    if (others_known_) return refuse(501, "transfer coding not supported");
    return {BodyKind::chunked, 0, {}};
  }

  std::uint64_t length_ = 0;
  std::string_view digits_;  // of the first Content-Length
  int chunked_ = 0;
  bool has_length_ = false, length_ok_ = false;
  bool has_coding_ = false, chunked_is_last_ = false;
  bool malformed_ = false, unknown_ = false, others_known_ = false;
};

inline Framing request_framing(int minor, const Header& header) noexcept {
  FramingFields fields;
  for (const Field& f : header) fields.note(f);
  return fields.decide(minor);
}

// Finds the bytes of one body among those that arrive. Small and copyable: it waits with a parked
// connection. When the connection ends before done(), the body was cut off.
class BodyDecoder {
 public:
  BodyDecoder() noexcept = default;  // of a message without a body

  explicit BodyDecoder(const Framing& framing, std::uint32_t max_trailer = 32 << 10) noexcept
      : chunks_(max_trailer), left_(framing.length), kind_(framing.kind) {
    done_ = kind_ != BodyKind::chunked && left_ == 0;
  }

  // As ChunkDecoder::feed(), for every kind. When done already, it consumes nothing.
  BodyStep feed(std::string_view raw) noexcept {
    BodyStep step;
    if (!done_) step = kind_ == BodyKind::chunked ? chunks_.feed(raw) : take_length(raw);
    total_ += step.piece.size();
    done_ = done_ || step.state == BodyStep::State::done;
    if (done_) step.state = BodyStep::State::done;
    return step;
  }

  bool done() const noexcept { return done_; }
  BodyKind kind() const noexcept { return kind_; }

  // Bytes of the body so far, framing not counted.
  std::uint64_t total() const noexcept { return total_; }

  // Bytes still to come where the length was declared; 0 when it was not.
  std::uint64_t left() const noexcept { return left_; }

 private:
  BodyStep take_length(std::string_view raw) noexcept {
    BodyStep step;
    step.piece = raw.size() < left_ ? raw : raw.substr(0, static_cast<std::size_t>(left_));
    step.consumed = step.piece.size();
    left_ -= step.consumed;
    if (left_ == 0) step.state = BodyStep::State::done;
    return step;
  }

  ChunkDecoder chunks_;
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;
  BodyKind kind_ = BodyKind::none;
  bool done_ = true;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/returns.hpp

// returns.hpp -- how does a connection come back to a lane that another thread drives?
//
// Any thread pushes; the driver takes the whole stack at once. So nothing is ever popped while
// another thread looks at it, and the ABA problem of lock-free stacks cannot arise.
// T has a member `below` of type T*, for this stack alone.

#include <atomic>  // std::atomic

namespace jot::inline v1::detail {

template <class T>
class Returns {
 public:
  // The caller may not touch *item any more. seq_cst: the push is one half of a store-load pair
  // with the driver's `asleep` (see Lane::wait); it also releases what was written to *item.
  void push(T* item) noexcept {
    item->below = top_.load(std::memory_order_relaxed);
    while (!top_.compare_exchange_weak(item->below, item, std::memory_order_seq_cst,
                                       std::memory_order_relaxed)) {
    }
  }

  // The driver's look before it sleeps: the other half of that pair.
  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // All of them, first come first. acquire: what was written before the pushes is seen.
  T* take() noexcept {
    if (top_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    T* stack = top_.exchange(nullptr, std::memory_order_acquire);
    T* list = nullptr;
    while (stack) {
      T* next = stack->below;
      stack->below = list;
      list = stack, stack = next;
    }
    return list;
  }

 private:
  std::atomic<T*> top_{nullptr};
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/connection.hpp

// connection.hpp -- the life of a connection.
//
//     accepted --> fresh --> idle <--> in service --> grave --> closed and freed
//                              ^          |   ^
//                              |          v   |
//                              '------- ready-'
//
// A connection has two sides. The lane side belongs to whoever drives its lane, and needs no
// atomic. The service side belongs to the one thread that serves it: at first the driver; when the
// lane is taken over in the middle of a handler, the thread that the handler keeps. That thread
// gives the side back by putting the connection on its lane's `returns`. Only the driver parks,
// closes, frees.
//
// Between requests it is parked: no thread, no buffer, only this struct and a place in epoll.

#include <atomic>   // std::atomic
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint8_t, std::uint64_t
#include <memory>   // std::unique_ptr

namespace jot::inline v1::detail {

class Lane;
class DeadlineQueue;

// Lane side: where is it?
enum class Place : std::uint8_t { fresh, idle, ready, in_service, grave };

// Service side: what are the next bytes for?
enum class Phase : std::uint8_t {
  head,    // a request
  body,    // the rest of a small body, read before the handler is called
  drain,   // a body that no handler read: passed over
  linger,  // nothing: we have said goodbye and wait for the client to hear it (RFC 9112 §9.6)
};

// Service side: what shall the driver do with it?
enum class Sequel : std::uint8_t {
  go_on,   // the next request, or park
  close,   // nothing is left to say or to hear
  linger,  // half-close: an answer is on its way to a client that may still be sending
  abort,   // reset: the client must not take what it has for a whole response
};

// How far a message has been understood.
struct MessageProgress {
  HeadScanner scanner;
  BodyDecoder body;  // phase drain: of the rest; phase body: looks for a chunked body's end
  std::uint64_t drain_until = 0;  // phase drain: the total that we are ready to pass over
  Clock::time_point began;        // phases body and drain: since when
  std::size_t looked_at = 0;      // phase body: bytes behind the head that it has seen
  std::size_t wanted = 0;         // phase body: bytes in all, where the length is known
};

// What a parked connection keeps, if it was cut off in the middle of a message.
struct Kept {
  Input input;
  MessageProgress progress;
};

// What was counted while a connection was served, until its driver adds it to the lane's numbers.
struct Tally {
  std::uint64_t requests = 0, refused = 0, bytes_in = 0, bytes_out = 0;
};

struct Connection {
  Connection(int socket, Lane& home) noexcept : fd(socket), lane(&home) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Parked: is the next message under way? An empty line before a head is not its beginning.
  bool in_message() const noexcept {
    if (phase == Phase::head) return kept && kept->progress.scanner.started();
    return phase == Phase::body;
  }

  // ---- lane side: the driver only ----
  const int fd;
  Place place = Place::fresh;
  bool pending = false;  // an event came while it was ready or in service
  bool hang_up = false;  // the client has sent FIN, or is gone
  bool ended = false;    // its end has been read: nothing more will come
  bool expired = false;  // its time is up: it is in the ready list to be told so
  Lane* const lane;
  DeadlineQueue* queue = nullptr;                   // the one it stands in
  Connection *sooner = nullptr, *later = nullptr;   // its neighbours there
  Clock::time_point since;                          // when its time began to run
  Connection *previous = nullptr, *next = nullptr;  // of all connections of the lane
  Connection* behind = nullptr;                     // in the ready list, or among the graves

  // ---- service side: whoever serves it ----
  Phase phase = Phase::head;
  Sequel sequel = Sequel::go_on;
  bool drained = false;     // the last recv took all there was
  bool answerable = false;  // `kept` holds a whole request already
  std::unique_ptr<Kept> kept;
  Tally tally;
  Connection* below = nullptr;  // on the stack of returns

  // ---- both ----
  // The state of the Context of the request in service: nullptr until a handler asks for one;
  // gone() once the client has left. See Lane::hang_up(). The pointer holds a reference, which only
  // the driver drops. Release when set to a state, acquire when read: who cancels it sees it whole.
  std::atomic<CancelState*> context{nullptr};
};

// Not a state, but the word that the client has left: a Context made later is born cancelled.
inline CancelState* gone() noexcept { return reinterpret_cast<CancelState*>(std::uintptr_t{1}); }

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/deadline_queue.hpp

// deadline_queue.hpp -- whose time is up first?
//
// All in one queue have the same time, so whoever came first runs out of it first: the queue is in
// order by itself, and only its first entry bounds how long a lane may sleep. No timer each.
// Threads: the lane's driver only.

namespace jot::inline v1::detail {

class DeadlineQueue {
 public:
  explicit DeadlineQueue(nanoseconds time) noexcept : time_(time) {}

  Connection* first() const noexcept { return first_; }
  Clock::time_point deadline() const noexcept {
    return first_ ? time_after(first_->since, time_) : Clock::time_point::max();
  }

  // From now on its entries have so much time, those that stand in it already included.
  void set_time(nanoseconds time) noexcept { time_ = time; }

  // c's time begins now, whatever queue it stood in.
  void restart(Connection& c, Clock::time_point now) noexcept {
    if (last_ != &c) return append(c, now);
    c.since = now;
  }

  // c's time goes on where it stands here already; else it begins now.
  void keep(Connection& c, Clock::time_point now) noexcept {
    if (c.queue != this) append(c, now);
  }

  static void leave(Connection& c) noexcept {
    if (c.queue) c.queue->remove(c);
  }

 private:
  void append(Connection& c, Clock::time_point now) noexcept {
    leave(c);
    c.queue = this, c.since = now;
    c.sooner = last_, c.later = nullptr;
    (last_ ? last_->later : first_) = &c;
    last_ = &c;
  }
  void remove(Connection& c) noexcept {
    (c.sooner ? c.sooner->later : first_) = c.later;
    (c.later ? c.later->sooner : last_) = c.sooner;
    c.queue = nullptr, c.sooner = c.later = nullptr;
  }

  nanoseconds time_;
  Connection *first_ = nullptr, *last_ = nullptr;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/wake_flag.hpp

// wake_flag.hpp -- how does the watcher sleep without missing a lane that wakes up?
//
// Both sides write one word and then read the other's:
//
//     driver:  asleep = false;  if the watcher's flag is down: raise it, wake it
//     watcher: flag down;       if any lane is not asleep: flag up, stay
//
// With both in one total order (seq_cst), at least one of them sees the other. So *every* change of
// a lane's `asleep` to false must be followed by wake(), also the one where no wait took place.

namespace jot::inline v1::detail {

class WakeFlag {
 public:
  // Any thread, after it made something to watch. seq_cst: see above.
  void wake() noexcept {
    if (up_.load(std::memory_order_seq_cst) != 0) return;
    up_.store(1, std::memory_order_seq_cst);
    futex_wake_all(up_);
  }

  // The watcher: announces its sleep, then looks once more whether it may.
  template <class MaySleep>
  void sleep_if(MaySleep may_sleep) noexcept {
    up_.store(0, std::memory_order_seq_cst);
    if (!may_sleep()) return up_.store(1, std::memory_order_seq_cst);
    while (up_.load(std::memory_order_seq_cst) == 0) futex_wait(up_, 0, Clock::time_point::max());
  }

 private:
  FutexWord up_{1};
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/house.hpp

// house.hpp -- what do all lanes of one server share?
//
// Its options and handler, which never change once it serves; how far its end has come; and how
// many threads sit in handlers.

#include <sys/eventfd.h>  // eventfd

#include <atomic>              // std::atomic
#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t, std::ptrdiff_t
#include <cstdint>             // std::uint64_t
#include <mutex>               // std::mutex
#include <system_error>        // std::errc
#include <utility>             // std::move

namespace jot::inline v1::detail {

// How a server ends, step by step; see Lane::heed_stop().
enum class Stop : int {
  no,
  drain,   // no new connections: those that there are close when answered, or when nothing comes
  cancel,  // the Contexts of running requests end
  cut,     // their sockets too
};

inline Context ended_context() {
  auto [ctx, cancel] = with_cancel(background());
  cancel(Error(make_error_code(std::errc::not_enough_memory)));
  return ctx;
}

struct House {
  explicit House(ServerOptions o)
      : options(std::move(o)),
        handler(options.handler),
        proxies(options.trusted_proxies),
        acceptor_news(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  const ServerOptions options;
  const Handler handler;
  const TrustedProxies proxies;

  // seq_cst: one half of a store-load pair with a lane's `asleep`, as its returns are.
  std::atomic<Stop> stop{Stop::no};

  // Threads that keep a request and have lost their lane. Up when a lane's word is won, down when
  // the connection comes back. Relaxed: compared with max_threads, where one more or less is
  // allowed.
  std::atomic<std::ptrdiff_t> detached{0};

  // For a handler that asks for a Context when there is no memory to make one. It has ended, for a
  // handler that nothing could stop any more had better not begin.
  const Context context_of_need = ended_context();

  // Of calls that belong to no route: refusals. They never block, nothing is learned.
  mutable RouteMemory no_route;

  // Open connections. seq_cst: compared with the limit, in the pair that acceptor_waits explains.
  std::atomic<std::size_t> connections{0};

  // The acceptor found no room, and waits for some. seq_cst: it says so and then tries once more,
  // while a driver closes a connection and then looks here; one of them sees the other.
  std::atomic<bool> acceptor_waits{false};
  const Fd acceptor_news;  // wakes it

  // Requests that a lane has answered 503, not yet told to the log. A lane that is short of threads
  // must not call user code, so the acceptor does it. Relaxed: a number to look at.
  std::atomic<std::uint64_t> turned_away{0};
  void turn_away() noexcept {
    if (turned_away.fetch_add(1, std::memory_order_relaxed) == 0) tell_acceptor();
  }

  void closed_one() noexcept {
    connections.fetch_sub(1, std::memory_order_seq_cst);
    if (acceptor_waits.load(std::memory_order_seq_cst)) tell_acceptor();
  }
  void tell_acceptor() noexcept { eventfd_write(acceptor_news.get(), 1); }

  void lane_ended() noexcept {
    std::lock_guard lock(mutex);
    ++lanes_ended;
    changed.notify_all();
  }

  std::mutex mutex;  // guards lanes_ended
  std::condition_variable changed;
  std::size_t lanes_ended = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lane_word.hpp

// lane_word.hpp -- whose turn is it to drive this lane?
//
// A counter that only grows. Even: the driver is at work on the lane. Odd: it is in a call, and may
// be asleep in there; then one other thread may take the lane, by a compare-exchange on the very
// value that it saw. Three want to move an odd value on, and exactly one succeeds:
//
//     leave       the driver comes out of the call, and drives on
//     take over   the watcher found it asleep, and puts another thread in its place
//     give away   the thread in the call knows that it will block, and does the same itself
//
// 64 bits never wrap, so no value comes twice, and whoever wins knows that the thread was in this
// one call all the time.

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

class LaneWord {
 public:
  static constexpr bool in_call(std::uint64_t v) noexcept { return v & 1; }

  // Acquire: the watcher reads what was published before the call (route, thread).
  std::uint64_t look() const noexcept { return word_.load(std::memory_order_acquire); }

  // The driver, word even. A plain store: nobody else writes an even word. Release: it publishes
  // route and thread to the watcher, and batch and lists to the next driver.
  std::uint64_t enter() noexcept {
    std::uint64_t v = word_.load(std::memory_order_relaxed) + 1;
    word_.store(v, std::memory_order_release);
    return v;
  }

  // Leave, take over or give away the call v. False: somebody else was first.
  // acq_rel: acquire, for the winner goes on with the lane's memory as enter() left it; release,
  // for a driver that leaves has nothing newer to publish, but a watcher's win must be seen by its
  // like.
  bool move_on(std::uint64_t v) noexcept {
    return word_.compare_exchange_strong(v, v + 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/response_head.hpp

// response_head.hpp -- how does the head of a response read?
//
// In: a status, the handler's fields, and what is known of the body. Out: the head's bytes, and how
// the body will be framed (RFC 9112 §6). Fields that frame are ours: what a handler says in them is
// obeyed where it can be, and written anew.

#include <charconv>     // std::to_chars, std::from_chars
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// How the client knows where the body ends.
enum class BodyEnd { no_body, length, chunked, connection_close };

inline constexpr std::uint64_t length_unknown = ~std::uint64_t{0};

// What the request allows its response to be.
struct ResponseTerms {
  bool connect = false;    // the method was CONNECT
  bool head_only = false;  // the method was HEAD
  bool http_1_0 = false;   // no chunks, and keep-alive must be said
  bool keep_alive = true;  // as the client wishes
};

// What a handler's fields say about framing.
struct FieldNotes {
  std::uint64_t length = length_unknown;  // Content-Length
  bool type = false, date = false, close = false, trailer = false;
};

inline void append_decimal(std::string& out, std::uint64_t n) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

inline bool status_has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

inline void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_decimal(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += status_text(status);
  out += "\r\n";
}

inline void append_field(std::string& out, std::string_view name, std::string_view value) {
  std::size_t at = out.size();
  out.resize(at + name.size() + value.size() + 4);
  char* to = out.data() + at;
  to = std::copy(name.begin(), name.end(), to);
  *to++ = ':', *to++ = ' ';
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r', *to++ = '\n';
}

// A field that a Trailer field announces comes after the body, except those that frame it or say
// what it is (RFC 9110 §6.5.1).
inline bool is_trailer(const Header& header, std::string_view name) noexcept {
  for (auto forbidden : {"Content-Length", "Content-Type", "Transfer-Encoding", "Trailer",
                         "Connection", "Host", "Set-Cookie", "Cache-Control"})
    if (iequals(name, forbidden)) return false;
  for (auto [field, value] : header)
    if (iequals(field, "Trailer") && list_has(value, name)) return true;
  return false;
}

// Notes what one field says. Returns whether it is written as it stands.
inline bool note_field(FieldNotes& notes, const Field& field) noexcept {
  auto [name, value] = field;
  switch (name.size()) {
    case 4: return notes.date |= iequals(name, "Date"), true;
    case 7: return notes.trailer |= iequals(name, "Trailer"), true;
    case 10:
      if (!iequals(name, "Connection")) return true;
      return notes.close |= list_has(value, "close"), false;
    case 12: return notes.type |= iequals(name, "Content-Type"), true;
    case 14:
      if (!iequals(name, "Content-Length")) return true;
      std::from_chars(value.data(), value.data() + value.size(), notes.length);
      return false;
    case 17: return !iequals(name, "Transfer-Encoding");
    default: return true;
  }
}

// Appends the handler's fields, less those that frame and those that come as trailers.
inline FieldNotes append_fields(std::string& out, const Header& header) {
  FieldNotes notes;
  for (const Field& field : header) notes.trailer |= iequals(field.name, "Trailer");
  for (const Field& field : header)
    if (note_field(notes, field) && !(notes.trailer && is_trailer(header, field.name)))
      append_field(out, field.name, field.value);
  return notes;
}

inline void append_trailers(std::string& out, const Header& header) {
  for (const Field& field : header)
    if (is_trailer(header, field.name)) append_field(out, field.name, field.value);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/socket.hpp

// socket.hpp -- how do bytes get into a socket and out of it, within a time?
//
// The fd is non-blocking. What cannot be done at once says about_to_block() first, so that a lane
// driven by this thread goes on without it, and then waits in poll, for the fd and for the end of
// the request's Context.
// In: bytes, and a Pace that says how slow is too slow. Out: how it went; never an exception, never
// SIGPIPE. Threads: a Socket belongs to the one thread that serves its connection.

#include <poll.h>          // poll
#include <signal.h>        // pthread_sigmask, sigtimedwait
#include <sys/sendfile.h>  // sendfile
#include <sys/socket.h>    // recv, sendmsg
#include <sys/uio.h>       // iovec

#include <algorithm>     // std::min
#include <cerrno>        // errno
#include <chrono>        // std::chrono
#include <cstddef>       // std::size_t
#include <cstdint>       // std::uint64_t
#include <span>          // std::span
#include <string_view>   // std::string_view
#include <system_error>  // std::system_error

namespace jot::inline v1::detail {

// How long may a peer let us wait? Without progress for `stall`: too slow. Slower than min_rate
// over all, once the first five seconds are over: too slow as well.
class Pace {
 public:
  static constexpr std::uint64_t min_rate = 240;  // bytes per second
  static constexpr auto grace = std::chrono::seconds(5);

  Pace(nanoseconds stall, Clock::time_point now) noexcept
      : stall_(stall), start_(now), last_(now) {}

  void progress(std::size_t bytes, Clock::time_point now) noexcept { done_ += bytes, last_ = now; }

  // When patience ends, if nothing more comes.
  Clock::time_point deadline() const noexcept {
    auto by_rate = start_ + grace + std::chrono::seconds(done_ / min_rate + 1);
    return std::min(by_rate, time_after(last_, stall_));
  }

 private:
  nanoseconds stall_;
  Clock::time_point start_, last_;
  std::uint64_t done_ = 0;
};

// The words for a client that left: the cause of its requests' Contexts.
inline constexpr char client_gone[] = "client gone";

// Does nobody want the work any more? The client's leaving alone is no such end: one that has only
// said that it sends no more still reads its answer, and from any other the socket itself tells.
inline bool ends_waits(const Context& ctx) noexcept {
  const CancelState* canceller = canceller_of(ContextAccess::state(ctx));
  if (!canceller) return false;
  const Reason* reason = canceller->reason();
  if (reason && reason->words != client_gone) return true;
  return canceller->deadline() && *canceller->deadline() <= Clock::now();
}

enum class Waited {
  ready,     // the fd is, or it is gone
  too_slow,  // the deadline came first
  ended,     // the Context did
};

class FdWait {
 public:
  FdWait(int fd, short events, const Context& ctx) noexcept
      : ctx_(ctx), fds_{{fd, events, 0}, {-1, POLLIN, 0}} {
    if (ctx.done()) return;  // readable for ever
    try {
      fds_[1].fd = ctx.fd();
    } catch (const std::system_error&) {
      longest_ = glance;
    }
  }

  Waited until(Clock::time_point deadline) noexcept {
    for (;;) {
      if (ends_waits(ctx_)) return Waited::ended;
      const Clock::time_point now = Clock::now();
      if (deadline <= now) return Waited::too_slow;
      const auto first = std::min(deadline, ctx_.deadline().value_or(deadline));
      const auto left = std::chrono::ceil<milliseconds>(time_until(first, now));
      const auto most = std::min<milliseconds>(std::max(left, milliseconds(1)), longest_);
      const int n = poll(fds_, 2, static_cast<int>(most.count()));
      if (n > 0 && fds_[0].revents) return Waited::ready;
      if (n > 0) fds_[1].fd = -1;  // it is done: ends_waits() says whether we are
    }
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds glance{10};  // where there is no fd to tell that the Context ended

  const Context& ctx_;
  pollfd fds_[2];
  milliseconds longest_{60'000};
};

// Who knows the Context of the request that a Socket serves. Asked only by a thread that has to
// wait.
struct ContextSource {
  virtual Context context_in_force() noexcept = 0;

 protected:
  ~ContextSource() = default;
};

// While it lives, a write to a peer that is gone raises no SIGPIPE on this thread: for calls that
// have no MSG_NOSIGNAL.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigemptyset(&pipe_), sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    if (raised_) {
      const timespec at_once{};
      sigtimedwait(&pipe_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

  // The call has failed with EPIPE: the signal waits to be taken.
  void note_raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_, before_;
  bool raised_ = false;
};

enum class Received { bytes, would_block, end, broken };

class Socket {
 public:
  void open(int fd, nanoseconds write_timeout) noexcept {
    fd_ = fd, write_timeout_ = write_timeout;
    gone_ = slow_ = ended_ = false, bytes_out_ = bytes_in_ = 0;
  }

  // From now on, until nullptr is given, its waits end with this request's Context.
  void serves(ContextSource* request) noexcept { request_ = request; }

  // A send has failed: nothing more will reach the peer.
  bool gone() const noexcept { return gone_; }
  bool slow() const noexcept { return slow_; }    // because it was too slow
  bool ended() const noexcept { return ended_; }  // because the Context ended
  std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  std::uint64_t bytes_in() const noexcept { return bytes_in_; }

  // Does not wait. The count of bytes goes to n.
  Received receive(std::span<char> to, std::size_t& n) noexcept {
    for (;;) {
      ssize_t got = recv(fd_, to.data(), to.size(), MSG_DONTWAIT);
      if (got > 0) return n = static_cast<std::size_t>(got), bytes_in_ += n, Received::bytes;
      n = 0;
      if (got == 0) return Received::end;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Received::would_block;
      if (errno != EINTR) return Received::broken;
    }
  }

  // Waits until there is something to receive (POLLIN), or room to send (POLLOUT).
  Waited wait(short events, Clock::time_point deadline) noexcept {
    if (must_not_wait()) return Waited::ended;
    about_to_block();
    const Context ctx = request_ ? request_->context_in_force() : Context();
    return FdWait(fd_, events, ctx).until(deadline);
  }

  // Can a few bytes be sent without waiting? From any thread.
  bool has_room() const noexcept {
    pollfd now{fd_, POLLOUT, 0};
    return poll(&now, 1, 0) == 1 && (now.revents & POLLOUT) != 0;
  }

  // Sends all of head and then all of body, in as few calls as the socket takes. Waits while it is
  // full. False: the peer is gone or too slow, or the Context ended; then gone() stays true.
  // flags: MSG_MORE, where the next call follows at once and the last packet may wait for it.
  bool send_all(std::string_view head, std::string_view body = {}, int flags = 0) noexcept {
    if (gone_) return false;
    std::size_t sent = send_some(head, body, flags);
    if (sent == head.size() + body.size()) return true;
    return !gone_ && send_slowly(head, body, sent, flags);
  }

  // Sends a part of a file, uncopied, out of the kernel's cache. Waits as send_all() does.
  // Returns how many bytes: fewer when gone(), or where the file ends or cannot be sent so.
  std::uint64_t send_file(int file, std::uint64_t offset, std::uint64_t length) noexcept {
    NoSigpipe quiet;
    Pace pace(write_timeout_, Clock::now());
    std::uint64_t sent = 0;
    while (sent < length && !gone_) {
      off_t at = static_cast<off_t>(offset + sent);
      // In pieces, for a call to a fast peer goes on and on, and nobody could stop it.
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(length - sent, 2u << 20));
      const ssize_t n = sendfile(fd_, file, &at, most);
      if (n > 0) {
        sent += static_cast<std::uint64_t>(n);
        pace.progress(static_cast<std::size_t>(n), Clock::now());
      } else if (n == 0 || errno == EINVAL || errno == EIO || errno == ENOSYS ||
                 errno == EOVERFLOW) {
        break;  // the file's fault, not the socket's
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_for_room(pace);
      } else if (errno != EINTR) {
        gone_ = true;
        if (errno == EPIPE) quiet.note_raised();
      }
    }
    bytes_out_ += sent;
    return sent;
  }

 private:
  // What fits now.
  std::size_t send_some(std::string_view head, std::string_view body, int flags) noexcept {
    flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = head.empty() ? parts + 1 : parts;
    message.msg_iovlen = head.empty() || body.empty() ? 1 : 2;
    for (;;) {
      ssize_t n = message.msg_iovlen == 1
                      ? send(fd_, message.msg_iov->iov_base, message.msg_iov->iov_len, flags)
                      : sendmsg(fd_, &message, flags);
      if (n >= 0) return bytes_out_ += static_cast<std::uint64_t>(n), static_cast<std::size_t>(n);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) return gone_ = true, 0;
    }
  }

  bool send_slowly(std::string_view head, std::string_view body, std::size_t sent,
                   int flags) noexcept {
    Pace pace(write_timeout_, Clock::now());
    for (;;) {
      std::size_t from_head = sent < head.size() ? sent : head.size();
      head.remove_prefix(from_head), body.remove_prefix(sent - from_head);
      if (head.empty() && body.empty()) return true;
      if (!wait_for_room(pace)) return false;
      sent = send_some(head, body, flags);
      if (gone_) return false;
      pace.progress(sent, Clock::now());
    }
  }

  // False: the peer is too slow, or the Context ended.
  bool wait_for_room(const Pace& pace) noexcept {
    const Waited waited = wait(POLLOUT, pace.deadline());
    slow_ = waited == Waited::too_slow, ended_ = waited == Waited::ended;
    if (waited != Waited::ready) gone_ = true;
    return !gone_;
  }

  int fd_ = -1;
  ContextSource* request_ = nullptr;
  bool gone_ = false, slow_ = false, ended_ = false;
  nanoseconds write_timeout_{};
  std::uint64_t bytes_out_ = 0, bytes_in_ = 0;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/response.hpp

// response.hpp -- the life of a write.
//
//   1. A handler's bytes go into body_. Nothing leaves; status and fields may still change.
//   2a. The handler returns: the length is known. Head and body go to out_, behind the answers to
//       earlier requests of a pipeline that wait there.
//   2b. Or the buffer is full, or flushed: the head is committed with the length unknown, and from
//       now on what is in body_ goes to out_ as a chunk each time.
//   3. out_ leaves in one send: now, or after the last answer of the pipeline.
//
// In: what the handler writes. Out: bytes in the socket. One per thread, used for one request after
// the other; only the thread that serves the request touches it.

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint64_t
#include <ctime>      // std::time
#include <mutex>      // std::unique_lock
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string

namespace jot::inline v1::detail {

class Response final : public ResponseWriter, public Flusher {
 public:
  static constexpr std::size_t buffer_size = 16u << 10;     // of one response's body
  static constexpr std::size_t most_held_back = 64u << 10;  // of a pipeline's answers

  explicit Response(Socket& socket) : socket_(socket) {}

  Header& header() override { return header_; }
  int status() const override { return status_; }
  bool committed() const override { return committed_; }
  std::uint64_t bytes_written() const override { return written_; }
  Flusher* flusher() override { return this; }

  void write_header(int status) override {
    if (status < 100 || status > 999 || status == 101)
      throw std::invalid_argument("jot: write_header(" + std::to_string(status) + ")");
    if (committed_) return;
    if (status < 200) return interim(status, header_);
    status_ = status;
  }

  bool write_bytes(std::string_view bytes) override {
    written_ += bytes.size();
    if (socket_.gone() || broken_) return false;
    if (body_.size() + bytes.size() <= buffer_size && !(committed_ && !carries_body())) {
      body_ += bytes;
      return true;
    }
    if (!committed_) commit(length_unknown, bytes);
    return carries_body() ? send_body(bytes) : true;
  }

  // A small file goes through the buffer, so that head and body leave in one send, and so does one
  // whose type is to be sniffed. Of others the head leaves, and then the kernel sends them.
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    const bool fits = length <= buffer_size && body_.size() + length <= buffer_size;
    if (fits || (!committed_ && !header_.has("Content-Type")))
      return ResponseWriter::write_file(file, offset, length);
    written_ += length;
    if (socket_.gone() || broken_) return false;
    if (!committed_) commit(length_unknown);
    return carries_body() ? send_file(file, offset, length) : true;
  }

  bool flush() override {
    if (broken_) return false;
    if (!committed_) commit(length_unknown);
    return send_body({});
  }

  bool reset() override {
    if (committed_) return false;
    HeaderAccess::clear(header_), body_.clear();
    status_ = 200, written_ = 0;
    return true;
  }

  // ---- for the engine ----

  // A new request: forget the last.
  void start(ResponseTerms terms) noexcept {
    committed_ = broken_ = lied_ = unread_body_closes_ = false;
    reset();
    terms_ = terms, end_ = BodyEnd::no_body;
    length_ = length_unknown, framed_ = 0;
    begin_ = out_.size();
  }

  // While another thread than the handler's may answer too: what the engine does to the response
  // while the handler runs holds this lock, as do both of them. nullptr: there is none.
  void share(ResponseLock* lock) noexcept { lock_ = lock; }

  // The connection will not be used again: says so in the head, if that has not left.
  void close_after() noexcept {
    const auto held = hold();
    terms_.keep_alive = false;
  }

  // More of the request's body is still to come than we care to read when nobody asks for it.
  // While it is so, a head that leaves says that the connection closes.
  void set_unread_body_closes(bool closes) noexcept {
    const auto held = hold();
    unread_body_closes_ = closes;
  }

  bool keep_alive() const noexcept {
    return terms_.keep_alive && !unread_body_closes_ && !broken_ && !socket_.gone();
  }

  // The client must see this response cut short: it was given up, or has not the length it
  // declared.
  bool broken() const noexcept { return broken_; }

  // The handler declared a Content-Length and wrote another: worth a line in the log.
  bool lied() const noexcept { return lied_; }
  bool ends_by_close() const noexcept { return end_ == BodyEnd::connection_close; }

  // 2a: the handler is done. Nothing is sent yet: see send_held().
  void finish() {
    if (broken_) return give_up();
    if (!committed_) {
      if (lies()) answer_lie();
      commit(header_.has("Trailer") ? length_unknown : written_);
    }
    frame(0);
    if (end_ == BodyEnd::chunked) {
      out_ += "0\r\n";
      append_trailers(out_, header_);
      out_ += "\r\n";
    }
    if (end_ == BodyEnd::length && framed_ != length_) broken_ = lied_ = true;
  }

  // The handler failed after the head had left: what is held back of this response never leaves.
  // Earlier ones do: their answers are whole.
  void give_up() noexcept { broken_ = true, out_.resize(begin_), body_.clear(); }

  // 3: sends what is held back of this and earlier responses. While a send waits for a full
  // socket, its bytes are on their way already: nothing to do.
  bool send_held() noexcept {
    const auto held = hold();
    if (out_.empty() || sending_) return !socket_.gone();
    return send({});
  }
  bool holds_much() const noexcept { return out_.size() > most_held_back; }

  // Sends a 1xx at once, behind what is held back. HTTP/1.0 clients do not know them.
  void interim(int status, const Header& fields) {
    const auto held = hold();
    if (terms_.http_1_0 || committed_) return;
    append_status_line(out_, status);
    append_fields(out_, fields);
    out_ += "\r\n";
    send({});
  }

 private:
  std::unique_lock<ResponseLock> hold() const {
    return lock_ ? std::unique_lock(*lock_) : std::unique_lock<ResponseLock>();
  }

  // Nothing has left yet, and the Content-Length that the handler set is not what it wrote.
  bool lies() const {
    std::string_view declared = header_.get("Content-Length");
    return !declared.empty() && carries_body() && !opens_tunnel() &&
           declared != std::to_string(written_);
  }

  void answer_lie() {
    reset();
    lied_ = true;
    status_ = 500;
    write_bytes("Internal Server Error\n");
  }

  bool carries_body() const noexcept {
    return !terms_.head_only && status_has_body(status_) && status_ != 205;
  }

  // Behind a 2xx to CONNECT comes no body, but whatever the tunnel brings (RFC 9112 §6.3).
  bool opens_tunnel() const noexcept { return terms_.connect && status_ >= 200 && status_ < 300; }

  // 2b, or the first half of 2a: decides the framing and writes the head to out_. `more` follows
  // what is in body_.
  void commit(std::uint64_t length, std::string_view more = {}) {
    committed_ = true;
    append_status_line(out_, status_);
    FieldNotes notes = append_fields(out_, header_);
    if (notes.length != length_unknown) length = notes.length;
    if (status_ == 205) length = notes.length = 0;  // has a body, an empty one (RFC 9110 §15.3.6)
    if (!notes.type && body_.size() + more.size() > 0 && status_has_body(status_) && status_ != 205)
      append_field(out_, "Content-Type", sniff(more));
    if (!notes.date) append_field(out_, "Date", date_.at(std::time(nullptr)));
    append_framing(length, notes);
    out_ += "\r\n";
    if (!carries_body()) end_ = BodyEnd::no_body, body_.clear();
  }

  std::string_view sniff(std::string_view more) const {
    constexpr std::size_t enough = 512;
    if (more.empty() || body_.size() >= enough) return sniff_content_type(body_);
    return sniff_content_type(body_ + std::string(more.substr(0, enough)));
  }

  void append_framing(std::uint64_t length, const FieldNotes& notes) {
    if (opens_tunnel()) {
      end_ = BodyEnd::connection_close, terms_.keep_alive = false;
    } else if (status_has_body(status_) || notes.length != length_unknown) {
      bool empty_answer_to_head = terms_.head_only && notes.length == length_unknown && length == 0;
      if (length != length_unknown && !empty_answer_to_head) {
        out_ += "Content-Length: ";
        append_decimal(out_, length);
        out_ += "\r\n";
        end_ = BodyEnd::length;
      } else if (length == length_unknown && terms_.http_1_0) {
        end_ = BodyEnd::connection_close;
        if (carries_body()) terms_.keep_alive = false;
      } else if (length == length_unknown) {
        out_ += "Transfer-Encoding: chunked\r\n";
        end_ = BodyEnd::chunked;
      }
    }
    length_ = length;
    if (notes.close || unread_body_closes_) terms_.keep_alive = false;
    if (!terms_.keep_alive)
      out_ += "Connection: close\r\n";
    else if (terms_.http_1_0)
      out_ += "Connection: keep-alive\r\n";
  }

  // Moves body_ to out_, framed; so many more bytes follow it in the same frame.
  void frame(std::uint64_t more) {
    const std::uint64_t size = body_.size() + more;
    framed_ += size;
    if (size == 0) return;
    if (end_ == BodyEnd::chunked) {
      char head[longest_chunk_head];
      out_.append(head, write_chunk_head(head, size));
    }
    out_ += body_;
    body_.clear();
    if (end_ == BodyEnd::chunked && more == 0) out_ += "\r\n";
  }

  // Sends body_ and more. Bytes beyond the declared length are not sent: the client would take them
  // for the next response.
  bool send_body(std::string_view more) {
    if (exceeds_length(more.size())) return send({}), lied_ = true, give_up(), false;
    frame(more.size());
    bool sent = send(more);
    if (!more.empty() && end_ == BodyEnd::chunked) out_ += "\r\n";  // goes with the next bytes
    return sent;
  }

  // Sends body_ and a part of a file.
  bool send_file(int file, std::uint64_t offset, std::uint64_t length) {
    if (exceeds_length(length)) return send({}), lied_ = true, give_up(), false;
    frame(length);
    sending_ = true;
    const bool begun = socket_.send_all(out_, {}, MSG_MORE);
    const std::uint64_t sent = begun ? socket_.send_file(file, offset, length) : 0;
    sending_ = false;
    out_.clear(), begin_ = 0;
    if (sent < length && !socket_.gone()) send_by_hand(file, offset + sent, length - sent);
    if (end_ == BodyEnd::chunked) out_ += "\r\n";
    return !socket_.gone();
  }

  // What the kernel does not send: the file system cannot do it, or the file has become shorter.
  // Then no byte may follow: the client counts, and would take it for one of the file's.
  void send_by_hand(int file, std::uint64_t offset, std::uint64_t length) {
    struct Rest final : WriterProxy {
      explicit Rest(Response& to) : WriterProxy(to), socket(to.socket_) {}
      bool write_bytes(std::string_view bytes) override { return socket.send_all(bytes); }
      Socket& socket;
    } rest(*this);
    broken_ = true;
    rest.ResponseWriter::write_file(file, offset, length);
    broken_ = false;
  }

  bool exceeds_length(std::uint64_t more) const noexcept {
    return end_ == BodyEnd::length && framed_ + body_.size() + more > length_;
  }

  bool send(std::string_view more) noexcept {
    sending_ = true;
    bool sent = socket_.send_all(out_, more);
    sending_ = false;
    out_.clear(), begin_ = 0;
    return sent;
  }

  Socket& socket_;
  ResponseLock* lock_ = nullptr;
  HttpDate date_;
  Header header_;
  std::string body_;       // of this response, not framed yet
  std::string out_;        // framed, not sent yet
  std::size_t begin_ = 0;  // in out_: of this response; before it, answers to earlier requests
  ResponseTerms terms_;
  BodyEnd end_ = BodyEnd::no_body;
  int status_ = 200;
  bool unread_body_closes_ = false;
  bool committed_ = false, broken_ = false, lied_ = false, sending_ = false;
  std::uint64_t written_ = 0;              // by the handler
  std::uint64_t framed_ = 0;               // of these, in frames
  std::uint64_t length_ = length_unknown;  // as declared in the head
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/body.hpp

// body.hpp -- how does a handler read what the client sends?
//
// In: the bytes behind the head, first those that came with it, then the socket's. Out: the body's
// bytes, without their framing; HttpError where they are too many (413), broken (400), too slow
// (408), or still to come when the request's Context ends (503). What comes behind the body is the
// next request, and stays in the Input.
// The views of the Request point into `head_input`, so that one never grows here: once its bytes
// are used up, later ones are received into an Input of the body's own.

#include <algorithm>  // std::min
#include <cstring>    // std::memcpy
#include <optional>   // std::optional

namespace jot::inline v1::detail {

class ConnectionBody final : public BodySource {
 public:
  static constexpr std::size_t receive_size = 16u << 10;
  static constexpr std::uint64_t most_drained = 256u << 10;  // of a body that nobody reads

  ConnectionBody(Socket& socket, Response& response) : socket_(socket), response_(response) {}

  // A new request, whose body begins at the first unread byte of the input.
  void start(Input& input, const BodyDecoder& decoder, std::uint64_t limit, bool expects_continue,
             nanoseconds stall) {
    input_ = &input, own_.clear(), decoder_ = decoder;
    limit_ = limit, stall_ = stall;
    expects_continue_ = expects_continue, failed_ = false;
    pace_.reset();
    note_unread();
  }

  std::size_t read(std::span<char> to) override {
    if (failed_) throw HttpError(400);
    if (to.empty() || decoder_.done()) return 0;
    if (decoder_.total() + decoder_.left() > limit_) fail(413);
    if (expects_continue_) invite();
    for (;;) {
      std::size_t n = decode(to);
      if (n > 0 || decoder_.done()) return n;
      receive();
    }
  }

  void set_limit(std::uint64_t bytes) override { limit_ = bytes; }

  std::size_t expected() const noexcept override {
    return decoder_.left() > limit_ ? 0 : static_cast<std::size_t>(decoder_.left());
  }

  // ---- for the engine, once the handler has returned ----

  bool done() const noexcept { return decoder_.done(); }
  bool failed() const noexcept { return failed_; }
  const BodyDecoder& decoder() const noexcept { return decoder_; }

  // What came behind the body goes back to the input: the next request begins there.
  void return_rest() noexcept {
    if (input_->empty()) std::swap(*input_, own_);
    own_.clear();
  }

 private:
  // Where the unread bytes are now.
  Input& rest() noexcept { return input_->empty() ? own_ : *input_; }

  // A client that waits for our 100 Continue counts too: nobody knows then whether it will send.
  void note_unread() noexcept {
    response_.set_unread_body_closes(expects_continue_ || decoder_.left() > most_drained);
  }

  [[noreturn]] void fail(int status, std::string message = {}) {
    failed_ = true;
    response_.close_after();
    throw HttpError(status, std::move(message));
  }

  void invite() {
    expects_continue_ = false;
    note_unread();
    if (rest().empty()) response_.interim(100, Header{});
  }

  // Bytes that are here already, into `to`, as many as fit.
  std::size_t decode(std::span<char> to) {
    Input& from = rest();
    std::size_t n = 0;
    while (n < to.size() && !from.empty() && !decoder_.done()) {
      BodyStep step = decoder_.feed(from.unread().substr(0, to.size() - n));  // so a piece fits
      if (!step.verdict.ok()) fail(step.verdict.status, step.verdict.reason);
      if (!step.piece.empty()) std::memcpy(to.data() + n, step.piece.data(), step.piece.size());
      n += step.piece.size();
      from.consume(step.consumed);
      if (decoder_.left() > 0) note_unread();
      if (decoder_.total() > limit_) fail(413);
    }
    return n;
  }

  // More bytes, into the body's own Input. Waits for them.
  void receive() {
    auto room = own_.room(receive_size);
    for (;;) {
      std::size_t n = 0;
      switch (socket_.receive(room, n)) {
        case Received::bytes:
          own_.filled(n);
          if (pace_) pace_->progress(n, Clock::now());
          return;
        case Received::would_block:
          if (!pace_) pace_.emplace(stall_, Clock::now());
          wait();
          break;
        case Received::end:
        case Received::broken: fail(400, "body ended early");
      }
    }
  }

  void wait() {
    switch (socket_.wait(POLLIN, pace_->deadline())) {
      case Waited::ready: return;
      case Waited::too_slow: fail(408, "body too slow");
      case Waited::ended: fail(503);
    }
  }

  Socket& socket_;
  Response& response_;
  Input* input_ = nullptr;
  Input own_;
  BodyDecoder decoder_;
  std::optional<Pace> pace_;  // from the first wait
  nanoseconds stall_{};
  std::uint64_t limit_ = 0;
  bool expects_continue_ = false, failed_ = false;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/peer_address.hpp

// peer_address.hpp -- how does a socket address read?
//
// In: what the kernel says of a socket. Out: "192.0.2.1:40312", "[2001:db8::1]:40312",
// "unix:/run/app.sock", "unix:" for one without a name. An IPv4 client of a socket for both reads
// as IPv4.

#include <arpa/inet.h>   // inet_ntop, ntohs
#include <netinet/in.h>  // sockaddr_in, sockaddr_in6
#include <sys/socket.h>  // getpeername
#include <sys/un.h>      // sockaddr_un

#include <cstddef>  // offsetof
#include <cstring>  // strnlen
#include <string>   // std::string, std::to_string

namespace jot::inline v1::detail {

inline std::string unix_address(const sockaddr_un& a, socklen_t length) {
  std::size_t room =
      length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
  if (room > 0 && a.sun_path[0] == '\0') return "unix:@" + std::string(a.sun_path + 1, room - 1);
  return "unix:" + std::string(a.sun_path, strnlen(a.sun_path, room));
}

inline std::string ip6_address(const sockaddr_in6& a) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&a.sin6_addr)) {
    inet_ntop(AF_INET, &a.sin6_addr.s6_addr[12], text, sizeof text);
    return text + (":" + std::to_string(ntohs(a.sin6_port)));
  }
  inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(a.sin6_port));
}

inline std::string address_text(const sockaddr_storage& a, socklen_t length) {
  if (a.ss_family == AF_UNIX) return unix_address(reinterpret_cast<const sockaddr_un&>(a), length);
  if (a.ss_family == AF_INET6) return ip6_address(reinterpret_cast<const sockaddr_in6&>(a));
  if (a.ss_family != AF_INET) return {};
  auto& v4 = reinterpret_cast<const sockaddr_in&>(a);
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return text + (":" + std::to_string(ntohs(v4.sin_port)));
}

inline std::string peer_address(int fd) {
  sockaddr_storage a{};
  socklen_t length = sizeof a;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&a), &length) == 0 ? address_text(a, length)
                                                                        : "";
}

inline std::string local_address(int fd) {
  sockaddr_storage a{};
  socklen_t length = sizeof a;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length) == 0 ? address_text(a, length)
                                                                        : "";
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/service.hpp

// service.hpp -- from bytes to a request, from an answer to what comes next.
//
// What a thread needs to serve connections, one at a time: an input buffer, a Request, a Response,
// a Body, used again and again. Buffers belong to the thread while it serves, not to the connection
// while it waits.
//
//     take(c)      its bytes, if it was parked in the middle of a message
//     examine()    pure: is a request complete in the bytes that are here?
//     receive()    if not: more bytes, if the socket has any
//     answer()     if so: the guarded call. User code runs here and only here.
//     let_go()     what was not understood yet goes back to the connection
//
// Threads: the one that owns it. All of it may be called whether or not that thread drives a lane.

#include <cstdint>      // std::uint64_t
#include <exception>    // std::exception
#include <memory>       // std::make_unique
#include <new>          // std::bad_alloc
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

class Service final : private Origin, private ContextSource {
 public:
  static constexpr std::size_t receive_size = 16u << 10;
  static constexpr std::size_t least_receive = 1u << 10;  // into a parked connection's own bytes
  static constexpr std::size_t most_read_ahead = 64u
                                                 << 10;  // of a body, before the handler is called

  enum class Next {
    more,     // more bytes are needed
    request,  // state_ holds one: answer()
    refusal,  // the bytes are no good, or too many, or too slow: answer() says so
    linger,   // a goodbye was said: whatever comes is thrown away
  };

  explicit Service(const House& house)
      : house_(house),
        limits_{house.options.max_fields, house.options.max_head, house.options.max_target},
        request_(RequestAccess::make(std::make_unique<RequestState>())),
        state_(RequestAccess::state(request_)),
        response_(socket_),
        body_(socket_, response_) {
    state_.origin = this;
    state_.log = &house.options.log;
    RequestAccess::set_source(state_.body, &body_);
  }

  void take(Connection& c) {
    connection_ = &c;
    socket_.open(c.fd, house_.options.write_timeout);
    remote_addr_.clear();
    next_ = Next::more, c.sequel = Sequel::go_on;
    if (!c.kept) return progress_ = {}, void();
    progress_ = c.kept->progress;
    if (c.kept->input.empty()) return;
    own_ = std::move(input_), uses_kept_ = true;
    input_ = std::move(c.kept->input);
  }

  // Saves the unread bytes, if there are any, and what is known of them. Where there is no memory
  // for them, the connection's sequel is its end.
  void let_go() noexcept {
    Connection& c = *connection_;
    c.answerable = next_ == Next::request || next_ == Next::refusal;
    c.tally.bytes_in += socket_.bytes_in(), c.tally.bytes_out += socket_.bytes_out();
    bool goes_on = c.sequel == Sequel::go_on && c.phase != Phase::linger;
    if (goes_on && (c.phase != Phase::head || !input_.empty()))
      keep(c);
    else
      c.kept.reset();
    if (uses_kept_) input_ = std::move(own_), uses_kept_ = false;
    input_.clear();
    connection_ = nullptr;  // it may be another thread's from now on, or nobody's
  }

  Next examine() noexcept try {
    return look();
  } catch (...) {  // no memory for its bytes: nothing was promised
    connection_->sequel = Sequel::close;
    return Next::linger;
  }

  Received receive() {
    auto room = input_.room(room_wanted());
    std::size_t n = 0;
    Received got = socket_.receive(room, n);
    input_.filled(n);
    connection_->drained = got == Received::would_block || n < room.size();
    return got;
  }

  // The client has sent FIN, or is gone. In the middle of a message that is worth an answer.
  bool cut_short() const noexcept {
    return (connection_->phase == Phase::head && progress_.scanner.started()) ||
           connection_->phase == Phase::body;
  }
  void refuse_cut_short() {
    refuse({400, connection_->phase == Phase::body ? "body ended early" : "head ended early"});
  }
  void refuse_slow() {
    refuse({408, connection_->phase == Phase::head ? "head too slow" : "body too slow"});
  }
  void refuse_overload() { refuse({503, "all threads are busy"}); }

  // Which route will answer: the engine looks up what it has learned about it. What a predicate of
  // the user's throws here, it throws again in the guarded call, where it is caught.
  RouteMemory& match() noexcept try {
    return refusal_.ok() ? house_.handler.match(request_) : house_.no_route;
  } catch (...) {
    return house_.no_route;
  }

  // The guarded call. Afterwards connection().sequel says what comes next, and next() what the
  // bytes hold already.
  void answer() noexcept {
    ++connection_->tally.requests;
    if (refusal_.ok())
      answer_request();
    else
      answer_refusal();
    decide_sequel();
    next_ = connection_->sequel == Sequel::go_on ? examine() : Next::linger;
    bool more_to_answer = next_ == Next::request || next_ == Next::refusal;
    if (!more_to_answer || !may_hold_back_ || response_.holds_much()) send_held();
  }
  Next next() const noexcept { return next_; }

  // May the next answer wait for the one behind it, to leave with it in one send?
  void may_hold_back(bool may) noexcept { may_hold_back_ = may; }

  // Sends answers that waited for later ones, before this thread blocks or leaves.
  // In a call that serves no connection there is nothing to send.
  void send_held() noexcept {
    if (connection_ && !response_.send_held() && !socket_.ended())
      connection_->sequel = Sequel::close;
  }

  // A body that trickles: slower than min_rate, once the grace is over.
  bool too_slow(Clock::time_point now) const noexcept {
    if (connection_->phase != Phase::body && connection_->phase != Phase::drain) return false;
    auto due =
        std::chrono::duration_cast<std::chrono::seconds>(now - progress_.began - Pace::grace);
    std::uint64_t came = progress_.body.total() + input_.size();
    return due.count() > 0 && came < static_cast<std::uint64_t>(due.count()) * Pace::min_rate;
  }

  Connection& connection() noexcept { return *connection_; }

 private:
  // A head that comes in pieces, and a body of a known length, take little more memory than they
  // have bytes. What may be long, or is thrown away, is received in large pieces.
  std::size_t room_wanted() const noexcept {
    const Phase phase = connection_->phase;
    const bool of_length = phase == Phase::body && progress_.wanted > input_.size();
    if (of_length) return std::max(progress_.wanted - input_.size(), least_receive);
    const bool in_head = phase == Phase::head && (uses_kept_ || !input_.empty());
    return in_head ? least_receive : receive_size;
  }

  // ---- examining ----

  Next look() {
    refusal_ = {};
    switch (connection_->phase) {
      case Phase::linger: return input_.clear(), Next::linger;
      case Phase::body:
        if (!body_came()) return Next::more;
        return refusal_.ok() ? examine_head() : Next::refusal;
      case Phase::drain:
        if (!pass_over_body())
          return connection_->sequel == Sequel::linger ? Next::linger : Next::more;
        break;
      case Phase::head: break;
    }
    switch (progress_.scanner.scan(input_.unread(), limits_)) {
      case HeadScanner::State::need_more: return Next::more;
      case HeadScanner::State::bad: return refuse(progress_.scanner.verdict);
      case HeadScanner::State::complete: break;
    }
    return examine_head();
  }

  Next refuse(Verdict verdict) { return refusal_ = verdict, Next::refusal; }

  Next examine_head() {
    state_.reset();
    std::string_view head = progress_.scanner.head(input_.unread());
    Verdict verdict = parse_request(head, limits_, state_.head, state_.header);
    if (!verdict.ok()) return refuse(verdict);
    Framing framing = request_framing(state_.head.minor, state_.header);
    if (!framing.verdict.ok()) return refuse(framing.verdict);
    if (!house_.proxies.empty()) house_.proxies.look_behind(remote_addr(), state_);
    decoder_ = BodyDecoder(framing, static_cast<std::uint32_t>(limits_.head));
    bool ready = read_ahead(framing);
    if (!refusal_.ok()) return Next::refusal;
    return ready ? Next::request : Next::more;
  }

  // Small bodies are read before the handler is called, so that a slow client holds memory and no
  // thread. True: call it now.
  bool read_ahead(const Framing& framing) {
    if (framing.kind == BodyKind::none || framing.length > most_read_ahead) return true;
    if (state_.head.expect_continue) return true;
    if (connection_->phase == Phase::body) return true;  // body_came() has looked already
    connection_->phase = Phase::body;
    progress_.began = Clock::now();
    progress_.body = decoder_, progress_.looked_at = progress_.scanner.length();
    progress_.wanted = framing.kind == BodyKind::length
                           ? progress_.scanner.length() + static_cast<std::size_t>(framing.length)
                           : 0;
    return body_came();
  }

  bool body_came() {
    std::string_view bytes = input_.unread();
    if (progress_.wanted != 0) return bytes.size() >= progress_.wanted;
    if (bytes.size() > progress_.scanner.length() + most_read_ahead) return true;  // not small
    while (progress_.looked_at < bytes.size() && !progress_.body.done()) {
      BodyStep step = progress_.body.feed(bytes.substr(progress_.looked_at));
      if (!step.verdict.ok()) return refuse(step.verdict), true;
      progress_.looked_at += step.consumed;
    }
    return progress_.body.done();
  }

  // True: the body is over, and the next head may begin.
  bool pass_over_body() {
    while (!input_.empty() && !progress_.body.done()) {
      BodyStep step = progress_.body.feed(input_.unread());
      input_.consume(step.consumed);
      if (!step.verdict.ok() || progress_.body.total() > progress_.drain_until) {
        connection_->sequel = Sequel::linger;
        return false;
      }
    }
    if (!progress_.body.done()) return false;
    connection_->phase = Phase::head;
    progress_ = {};
    return true;
  }

  // ---- answering ----

  // Relaxed: who hears of the stop one request later closes one request later.
  bool stopping() const noexcept override {
    return house_.stop.load(std::memory_order_relaxed) != Stop::no;
  }

  bool has_room() const noexcept override { return socket_.has_room(); }

  void begin_response() {
    const RequestHead& head = state_.head;
    response_.start({.connect = head.form == TargetForm::authority,
                     .head_only = head.method == "HEAD",
                     .http_1_0 = head.minor == 0,
                     .keep_alive = head.keep_alive && !stopping()});
  }

  void answer_request() noexcept {
    input_.consume(progress_.scanner.length());
    progress_ = {};
    connection_->phase = Phase::head;
    begin_response();
    body_.start(input_, decoder_, house_.options.max_body, state_.head.expect_continue,
                house_.options.body_timeout);
    if (house_.options.request_timeout > nanoseconds::zero()) called_ = Clock::now();
    socket_.serves(this);
    Outcome outcome = call_handler(house_.handler, response_, request_);
    socket_.serves(nullptr);
    if (stopping()) response_.close_after();  // it may have begun while the handler ran
    complete(outcome);
    end_context();
  }

  // Bytes that are no request, or one that cannot be served: answered by the library alone.
  void answer_refusal() noexcept {
    ++connection_->tally.refused;
    if (refusal_.status != 503) state_.head = {};  // whatever it was: not HEAD, HTTP/1.1
    state_.reset();
    state_.head.keep_alive = false;
    begin_response();
    decoder_ = {};
    body_.start(input_, decoder_, 0, false, {});
    log_refusal();
    complete(Outcome::answered);
  }

  // A 503 is the library's alone: with no thread to spare, the user's log could hold up the lane.
  // See House::turned_away.
  void log_refusal() noexcept try {
    bool overloaded = refusal_.status == 503;
    if (overloaded) response_.header().set("Retry-After", "1");
    error(response_, refusal_.status, status_text(refusal_.status));
    if (overloaded) return;
    house_.options.log.warn(
        "refused",
        {{"status", refusal_.status}, {"reason", refusal_.reason}, {"remote", remote_addr()}});
  } catch (...) {
  }

  void complete(Outcome outcome) noexcept try {
    if (outcome == Outcome::failed) return response_.give_up();
    response_.finish();
    if (socket_.gone())
      house_.options.log.info(socket_.slow()    ? "client too slow"
                              : socket_.ended() ? "gave up sending: the Context has ended"
                                                : "client left before the end",
                              {{"method", state_.head.method}, {"path", state_.head.path}});
    if (response_.lied())
      house_.options.log.error("body differs from Content-Length",
                               {{"method", state_.head.method}, {"path", state_.head.path}});
  } catch (...) {
    response_.give_up();
  }

  void decide_sequel() noexcept {
    Connection& c = *connection_;
    body_.return_rest();
    if (response_.broken() || socket_.ended())
      c.sequel = response_.ends_by_close() ? Sequel::abort : Sequel::linger;
    else if (socket_.gone())
      c.sequel = Sequel::close;
    else if (!response_.keep_alive() || body_.failed())
      c.sequel = body_.done() && !body_.failed() && refusal_.ok() && input_.empty() && c.drained
                     ? Sequel::close
                     : Sequel::linger;
    else if (!body_.done())
      start_draining();
  }

  void start_draining() noexcept {
    connection_->phase = Phase::drain;
    progress_.body = body_.decoder();
    progress_.began = Clock::now();
    progress_.drain_until = progress_.body.total() + ConnectionBody::most_drained;
  }

  // ---- what a handler may ask for ----

  Context context() noexcept override try {
    const nanoseconds timeout = house_.options.request_timeout;
    const bool has_deadline = timeout > nanoseconds::zero();
    CancelState* state =
        has_deadline ? make_root_state(time_after(called_, timeout)) : make_root_state();
    CancelState* expected = nullptr;
    add_ref(state);  // the connection's
    if (!connection_->context.compare_exchange_strong(expected, state, std::memory_order_acq_rel)) {
      release(state);
      bool stopping = house_.stop.load(std::memory_order_relaxed) >= Stop::cancel;
      cancel_state(*state, make_error_code(Errc::canceled),
                   stopping ? "server shutting down" : client_gone);
    }
    context_ = state;  // ours, until end_context()
    return ContextAccess::wrap(state);
  } catch (const std::exception&) {  // no memory, or no thread for the deadline
    return house_.context_of_need;
  }

  Context context_in_force() noexcept override { return request_.context(); }

  void end_context() noexcept {
    if (!context_) return;
    cancel_state(*context_, make_error_code(Errc::canceled), "handler returned");
    release(std::exchange(context_, nullptr));
    state_.context.reset();
  }

  std::string_view remote_addr() noexcept override try {
    if (remote_addr_.empty()) remote_addr_ = peer_address(connection_->fd);
    return remote_addr_;
  } catch (const std::bad_alloc&) {
    return {};
  }

  void share_response(ResponseLock* lock) noexcept override {
    state_.response_lock = lock;
    response_.share(lock);
  }

  // The other side of the socket stays open: the client may still be sending its body.
  void cut() noexcept override { shutdown(connection_->fd, SHUT_WR); }

  // ---- keeping ----

  void keep(Connection& c) noexcept try {
    if (!c.kept) c.kept = std::make_unique<Kept>();
    if (uses_kept_)
      c.kept->input = std::move(input_);
    else
      c.kept->input = Input(), c.kept->input.append(input_.unread());
    c.kept->progress = progress_;
  } catch (const std::bad_alloc&) {
    c.kept.reset(), c.sequel = Sequel::close;
  }

  const House& house_;
  const HeadLimits limits_;
  Connection* connection_ = nullptr;
  Socket socket_;
  Input input_;             // what was received and not understood yet
  Input own_;               // this thread's buffer, while it reads into a connection's
  bool uses_kept_ = false;  // input_ is the connection's
  MessageProgress progress_;
  Request request_;
  RequestState& state_;
  Response response_;
  ConnectionBody body_;
  BodyDecoder decoder_;  // for the body of the request in state_
  Verdict refusal_;      // not ok: why there is no request
  Next next_ = Next::more;
  bool may_hold_back_ = true;
  CancelState* context_ = nullptr;
  Clock::time_point called_;  // the handler, where there is a request_timeout
  std::string remote_addr_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/thread_cache.hpp

// thread_cache.hpp -- who drives a lane whose driver has gone to sleep in a handler?
//
// In: a lane. Out: a thread that drives it. Threads wait here for their next lane, the last one to
// come first to go, for its memory is warm. One spare per lane is made ahead, so that the moment
// when the system has no more threads to give is met early and not in the middle of a takeover.
//
// take() first, and only then move the lane's word: a lane whose word has moved on must have a
// driver. A thread that was taken in vain goes back by put_back().
// Threads: all members from any thread. Whoever waits longer than 10 s ends, down to the spares;
// the next user of the cache joins it, stop() joins all.

#include <pthread.h>  // ::pthread_setname_np

#include <atomic>              // std::atomic
#include <chrono>              // std::chrono::seconds
#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::size_t
#include <exception>           // std::exception
#include <mutex>               // std::mutex
#include <new>                 // std::bad_alloc
#include <system_error>        // std::system_error
#include <thread>              // std::thread
#include <utility>             // std::exchange
#include <vector>              // std::vector

namespace jot::inline v1::detail {

class Lane;

class ThreadCache {
 public:
  static constexpr auto patience = std::chrono::seconds(10);

  class Worker {
   public:
    Worker(const House& house, ThreadCache& cache) : own(house), home(cache) {}

   private:
    friend class ThreadCache;
    Service own;  // made with it: where there is no memory for one, there is no thread
    ThreadCache& home;
    std::thread thread;
    std::condition_variable wake;
    Lane* job = nullptr;
  };

  // What a thread does with a lane, until it loses it or the lane ends.
  using Drive = void (*)(Lane& lane, Service& own) noexcept;

  ThreadCache(const House& house, Drive drive) : house_(house), drive_(drive) {}
  ~ThreadCache() { stop(); }

  // Makes so many threads ahead, and keeps that many waiting from now on. Throws std::system_error.
  void start(std::size_t spares) {
    spares_ = spares;
    for (std::size_t i = 0; i < spares; ++i) add_spare();
  }

  // A thread in hand; nullptr: the system has none to give.
  Worker* take() noexcept {
    join_expired();
    {
      std::lock_guard lock(mutex_);
      if (!waiting_.empty()) {
        Worker* worker = waiting_.back();
        waiting_.pop_back();
        return worker;
      }
    }
    return make();
  }

  void put_back(Worker* worker) noexcept {
    std::lock_guard lock(mutex_);
    waiting_.push_back(worker);
    if (stopping_) worker->wake.notify_one();
  }

  // Sends a thread in hand off to drive a lane. Notified under the mutex: once it is released, the
  // worker may end at any time, and its condition variable with it.
  void send(Worker* worker, Lane& lane) noexcept {
    std::lock_guard lock(mutex_);
    worker->job = &lane;
    worker->wake.notify_one();
  }

  // Makes up for a spare that was sent off. Where that fails, short_of_spares() tells.
  void replenish() noexcept {
    {
      std::lock_guard lock(mutex_);
      if (stopping_ || waiting_.size() >= spares_) {
        short_.store(false, std::memory_order_relaxed);
        return;
      }
    }
    Worker* worker = make();
    short_.store(!worker, std::memory_order_relaxed);
    if (worker) put_back(worker);
  }

  // Relaxed: a hint for the next call; who reads it late answers one request more or less.
  bool short_of_spares() const noexcept { return short_.load(std::memory_order_relaxed); }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  // Is the caller one of these threads? Then it cannot wait for their end.
  bool owns_this_thread() noexcept {
    std::lock_guard lock(mutex_);
    for (auto& worker : all_)
      if (worker->thread.get_id() == std::this_thread::get_id()) return true;
    return false;
  }

  // Waits until all threads have come back from their lanes, and ends them.
  void stop() noexcept {
    std::vector<Worker*> all;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (Worker* worker : waiting_) worker->wake.notify_one();
      all.swap(all_);
    }
    end(all);
    join_expired();
    waiting_.clear();  // no thread is left that could touch it, or be on it
  }

 private:
  void add_spare() {
    Worker* worker = make();
    if (!worker)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                              "jot: cannot start the first threads");
    put_back(worker);
  }

  Worker* make() noexcept {
    Worker* worker = nullptr;
    try {
      worker = new Worker(house_, *this);
      if (launch(*worker)) return worker;
    } catch (const std::exception&) {
    }
    delete worker;
    return nullptr;
  }

  // False: too late. Throws: before it has a thread.
  bool launch(Worker& worker) {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    all_.reserve(all_.size() + 1), waiting_.reserve(all_.size() + 1);  // put_back() must not throw
    worker.thread = std::thread(run, static_cast<void*>(&worker));
    all_.push_back(&worker);
    size_.store(all_.size(), std::memory_order_relaxed);
    return true;
  }

  static void run(void* worker) {
    Worker& self = *static_cast<Worker*>(worker);
    self.home.live(self);
  }

  void live(Worker& self) {
    ::pthread_setname_np(::pthread_self(), "jot lane");
    std::unique_lock lock(mutex_);
    while (wait_for_job(self, lock)) {
      Lane& lane = *std::exchange(self.job, nullptr);
      lock.unlock();
      drive_(lane, self.own);
      lock.lock();
      waiting_.push_back(&self);
    }
  }

  // False: this thread shall end.
  bool wait_for_job(Worker& self, std::unique_lock<std::mutex>& lock) {
    auto until = Clock::now() + patience;
    while (!self.job) {
      if (stopping_) return false;
      if (self.wake.wait_until(lock, until) == std::cv_status::no_timeout) continue;
      if (self.job || stopping_) continue;
      until = Clock::now() + patience;
      if (waiting_.size() > spares_ && leave(self)) return false;
    }
    return true;
  }

  // Takes itself off the lists. False: it is in somebody's hand, and a job will come.
  bool leave(Worker& self) {
    if (!room_for_expired() || std::erase(waiting_, &self) == 0) return false;
    expired_.push_back(&self);
    std::erase(all_, &self);
    size_.store(all_.size(), std::memory_order_relaxed);
    return true;
  }

  bool room_for_expired() noexcept try {
    expired_.reserve(expired_.size() + 1);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  void join_expired() noexcept {
    std::vector<Worker*> expired;
    {
      std::lock_guard lock(mutex_);
      expired.swap(expired_);
    }
    end(expired);
  }

  // Joins all of them first: one that still works may have another in hand.
  static void end(const std::vector<Worker*>& workers) noexcept {
    for (Worker* worker : workers) worker->thread.join();
    for (Worker* worker : workers) delete worker;
  }

  const House& house_;
  const Drive drive_;
  std::size_t spares_ = 0;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> short_{false};

  std::mutex mutex_;  // guards what follows, and `job` of every Worker
  // Three lists of one type. These two own what they point to:
  std::vector<Worker*> all_;
  std::vector<Worker*> expired_;  // ended, or about to: to be joined
  std::vector<Worker*> waiting_;  // the last one goes first
  bool stopping_ = false;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/wheel.hpp

// wheel.hpp -- how does a lane pass from one thread to the next while a handler sleeps?
//
// In: a call of user code. Out: the word whether the caller still drives the lane when it is over.
// The rules of the word are in lane_word.hpp; the story they belong to is in lane.hpp.

#include <sys/syscall.h>  // SYS_gettid
#include <unistd.h>       // syscall

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint64_t

namespace jot::inline v1::detail {

class Wheel {
 public:
  // So many calls of a route are given away after one was taken over, before it is tried inline.
  static constexpr int calls_given_away = 16;

  Wheel(House& house, ThreadCache& cache, Lane& lane) noexcept
      : house_(house), cache_(cache), lane_(lane) {}

  // ---- the watcher ----

  // Who is in which call. Relaxed: written before enter()'s release, read after look()'s acquire.
  struct Glimpse {
    std::uint64_t word;
    pid_t thread;
    RouteMemory* route;  // nullptr: a call that belongs to none
  };
  Glimpse glimpse() const noexcept {
    std::uint64_t word = word_.look();
    return {word, thread_.load(std::memory_order_relaxed), route_.load(std::memory_order_relaxed)};
  }

  // Puts another thread in the driver's place, if it is still in the call of that glimpse. A thread
  // in hand first, the word second: where none is to be had, the lane keeps its driver.
  bool take_over(const Glimpse& seen) noexcept {
    auto* worker = cache_.take();
    if (!worker) return false;
    if (!hand_to(worker, seen.word)) return false;
    if (seen.route) seen.route->expect_block.store(calls_given_away, std::memory_order_relaxed);
    return true;
  }

  // Tries again to make a thread that could not be made before. False: none is missing.
  bool make_up_for_spares() noexcept {
    if (!cache_.short_of_spares()) return false;
    cache_.replenish();
    return true;
  }

  // ---- the driver ----

  // What a thread sits on while it is in a call.
  class Turn final : public Seat {
   public:
    Turn(Wheel& wheel, Service& service, RouteMemory* route) noexcept
        : wheel_(wheel), service_(service) {
      wheel.route_.store(route, std::memory_order_relaxed);
      wheel.thread_.store(own_id(), std::memory_order_relaxed);
      word_ = wheel.word_.enter();
      current_seat() = this;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // With no thread to be had, the call blocks in place, and the watcher goes on trying.
    void give_away() noexcept override {
      if (detached_) return;
      auto* worker = wheel_.cache_.take();
      if (!worker) return service_.send_held();
      detached_ = true;  // by us now, or by the watcher before: the word tells, we need not know
      wheel_.hand_to(worker, word_);
      service_.send_held();  // may wait for a full socket: now nobody waits with it
    }

    // False: the lane has another driver, and the caller touches it no more.
    bool leave() noexcept {
      current_seat() = nullptr;
      return !detached_ && wheel_.word_.move_on(word_);
    }

   private:
    static pid_t own_id() noexcept {
      static thread_local const auto id = static_cast<pid_t>(syscall(SYS_gettid));
      return id;
    }

    Wheel& wheel_;
    Service& service_;
    std::uint64_t word_ = 0;
    bool detached_ = false;
  };

  bool in_call() const noexcept { return LaneWord::in_call(word_.look()); }

 private:
  // False: the call v is over, or somebody else has the lane.
  bool hand_to(ThreadCache::Worker* worker, std::uint64_t v) noexcept {
    if (!word_.move_on(v)) return cache_.put_back(worker), false;
    house_.detached.fetch_add(1, std::memory_order_relaxed);
    cache_.send(worker, lane_);
    cache_.replenish();
    return true;
  }

  // The first line: written by the driver for each call, read by the watcher.
  alignas(64) LaneWord word_;
  std::atomic<RouteMemory*> route_{nullptr};
  std::atomic<pid_t> thread_{0};
  House& house_;
  ThreadCache& cache_;
  Lane& lane_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lane.hpp

// lane.hpp -- the engine: a thread for each request in service, none for those that wait.
//
// A lane is an epoll instance and the connections assigned to it; there are as many as cores. One
// thread at a time drives a lane, in rounds:
//
//   1. batch     for each event that epoll reported: serve its connection
//   2. returns   take in new connections and those that come back; stop, shed, deadlines
//   3. ready     serve, once each, the connections that have something to do without an event
//   4. wait      for the next batch
//
// To serve means: receive, parse, call the handler, send. All on this one thread, without handing
// anything over, so that a short request costs one recv, one send and a share of one epoll_wait.
//
// But a handler may block, and then its lane must not wait with it. So all user code runs in a
// guarded call: before it the driver makes the lane's word odd (enter), after it even (leave).
// While it is odd, another thread may take the lane over, by moving the word itself (wheel.hpp):
//
//   - the watcher, when it finds the driver asleep in the call, or still there after 10 ms;
//   - the driver, when something in jot is about to block and says so (Seat::give_away);
//   - the driver, before the call, when the route has blocked lately (RouteMemory).
//
// The loser is detached: a plain thread with one request, which it answers. Then it pushes the
// connection to the lane's returns and waits in the thread cache. Meanwhile the lane has its next
// driver, which goes on where the batch stood: batch, lists and queues are the lane's, not the
// thread's.
//
// Who may touch what: between enter and a successful leave, a thread touches its connection's
// service side, its own buffers, and atomics; nothing of the lane, for it may not be its driver any
// more. Functions that make a guarded call return false when the lane was lost in it; their callers
// return at once.
//
// A connection is freed only when the batch is used up, so no event in it can point at freed
// memory; and only after it was taken out of epoll, so no later one can.

#include <sys/epoll.h>    // epoll_wait
#include <sys/eventfd.h>  // eventfd

#include <array>    // std::array
#include <atomic>   // std::atomic
#include <cerrno>   // errno
#include <cstddef>  // std::size_t
#include <cstdint>  // std::int64_t

namespace jot::inline v1::detail {

class Lane {
 public:
  Lane(House& house, ThreadCache& cache, WakeFlag& watcher)
      : wheel_(house, cache, *this),
        house_(house),
        cache_(cache),
        watcher_(watcher),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // Edge-triggered and never read: each write is one edge.
    epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
    if (!epoll_ || !wake_ || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
      throw std::system_error(errno, std::generic_category(), "jot: epoll");
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

  Wheel& wheel() noexcept { return wheel_; }
  const Wheel& wheel() const noexcept { return wheel_; }

  // ---- from any thread ----

  // A new connection, or one that comes back: the caller touches it no more. Push, then look
  // whether the driver sleeps; the driver says that it sleeps, then looks for pushes: one sees the
  // other.
  void give(Connection& c) noexcept {
    returns_.push(&c);
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }

  // There is something to see at step 2.
  void wake() noexcept { eventfd_write(wake_.get(), 1); }

  // Closes the connection that has been idle longest, if there is one; then tells the acceptor.
  void shed_one() noexcept {
    shed_.fetch_add(1, std::memory_order_seq_cst);
    wake();
  }

  // When that one was parked, in Clock's ticks; INT64_MAX: there is none.
  // Relaxed: lanes are compared by it, and a stale number only picks the second best.
  std::int64_t oldest_idle() const noexcept { return oldest_idle_.load(std::memory_order_relaxed); }

  // For the watcher, see WakeFlag.
  bool asleep() const noexcept { return asleep_.load(std::memory_order_seq_cst); }

  // Written by the driver alone, so without read-modify-write; relaxed: numbers to look at.
  struct Numbers {
    std::atomic<std::uint64_t> requests{0}, refused{0}, bytes_in{0}, bytes_out{0};
    void add(Tally& t) noexcept {
      add(requests, t.requests), add(refused, t.refused);
      add(bytes_in, t.bytes_in), add(bytes_out, t.bytes_out);
      t = {};
    }
    static void add(std::atomic<std::uint64_t>& sum, std::uint64_t n) noexcept {
      sum.store(sum.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
  };
  const Numbers& numbers() const noexcept { return numbers_; }

  // ---- the thread that drives ----

  // Returns when the lane is lost to another thread, or has ended.
  void drive(Service& service) noexcept {
    service_ = &service;
    now_ = Clock::now();
    while (!ended_) {
      if (!serve_batch() || !take_in() || !serve_ready()) return;
      wait();
    }
    house_.lane_ended();
  }

 private:
  using Next = Service::Next;
  static constexpr auto short_call = std::chrono::microseconds(100);
  static constexpr auto linger_time = std::chrono::seconds(5);
  // While a server ends.
  static constexpr auto last_head_time = std::chrono::milliseconds(1000);
  static constexpr auto last_idle_time = std::chrono::milliseconds(500);
  static constexpr auto last_linger_time = std::chrono::milliseconds(500);
  static constexpr int most_turns = 64;  // of one connection, before others have theirs

  // The guarded call (lane_call.hpp).
  template <class F>
  bool guarded(F f) noexcept;
  bool guarded_answer(Connection& c) noexcept;
  static void answer_given_away(Service& own, Wheel::Turn& turn, RouteMemory& route) noexcept;
  bool cancel(Connection& c, const char* cause) noexcept;
  static void drop_context(Connection& c) noexcept;

  // 1 and 3: serving (lane_serve.hpp).
  bool serve_batch() noexcept;
  bool heed(Connection& c, std::uint32_t events) noexcept;
  bool serve_ready() noexcept;
  bool serve(Connection& c) noexcept;
  Next begin(Connection& c) noexcept;
  bool overloaded() const noexcept;
  bool receive(Connection& c, Next& next) noexcept;
  void settle(Connection& c, bool answered) noexcept;
  bool set_aside(Connection& c) noexcept;
  void make_ready(Connection& c) noexcept;
  void begin_linger(Connection& c) noexcept;
  void park(Connection& c, bool answered) noexcept;

  // 2 and 4: between batches (lane_round.hpp).
  bool take_in() noexcept;
  void absorb(Connection& c) noexcept;
  void admit(Connection& c) noexcept;
  bool heed_stop() noexcept;
  void call_last_orders() noexcept;
  void close_parked() noexcept;
  bool cancel_all() noexcept;
  void cut_all() noexcept;
  void shed() noexcept;
  void expire(DeadlineQueue& queue) noexcept;
  static bool next_is_here(Connection& c) noexcept;
  void bury(Connection& c) noexcept;
  void clear_graves() noexcept;
  bool log_gone() noexcept;
  void wait() noexcept;
  bool anything_to_do() const noexcept;
  int timeout() const noexcept;

  // Line 1: the wheel. Line 2: what other threads touch.
  Wheel wheel_;
  alignas(64) Returns<Connection> returns_;
  std::atomic<bool> asleep_{false};
  std::atomic<std::int64_t> oldest_idle_{INT64_MAX};
  std::atomic<int> shed_{0};

  // The rest is the driver's alone.
  alignas(64) House& house_;
  ThreadCache& cache_;
  WakeFlag& watcher_;
  Service* service_ = nullptr;  // of the thread that drives
  const Fd epoll_, wake_;
  Clock::time_point now_;  // of this round
  int batch_at_ = 0, batch_size_ = 0;
  Connection *first_ready_ = nullptr, *last_ready_ = nullptr;
  Connection* graves_ = nullptr;
  Connection* all_ = nullptr;
  DeadlineQueue head_{house_.options.head_timeout};
  DeadlineQueue idle_{house_.options.idle_timeout};
  DeadlineQueue body_{house_.options.body_timeout};
  DeadlineQueue linger_{linger_time};
  Stop heeded_ = Stop::no;
  bool owes_cancel_ = false;  // there may be Contexts that have not heard of Stop::cancel
  bool ended_ = false;
  Numbers numbers_;
  std::size_t gone_ = 0;  // clients that left in the middle of a request, still to be logged
  std::array<epoll_event, 256> batch_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lane_call.hpp

// lane_call.hpp -- a lane's guarded calls: all user code runs in one of them.
//
// In: code that may do anything and take any time. Out: true, and the caller still drives the lane;
// or false, and it may only return.

namespace jot::inline v1::detail {

// A call that belongs to no connection: log functions, callbacks of a cancelled Context.
template <class F>
bool Lane::guarded(F f) noexcept {
  House& house = house_;
  Wheel::Turn turn(wheel_, *service_, nullptr);
  f();
  if (turn.leave()) return true;
  house.detached.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

// Answers the request that the service holds. When the lane is lost meanwhile, this is the end of
// a detached thread's service: it gives the connection back, and touches nothing else of the lane.
inline bool Lane::guarded_answer(Connection& c) noexcept {
  Service& own = *service_;
  RouteMemory& route = own.match();
  bool expect_block = route.expect_block.load(std::memory_order_relaxed) > 0;
  bool born_gone = c.hang_up || heeded_ >= Stop::cancel;
  c.context.store(born_gone ? gone() : nullptr, std::memory_order_relaxed);
  Wheel::Turn turn(wheel_, own, &route);
  if (expect_block)
    answer_given_away(own, turn, route);
  else
    own.answer();
  if (turn.leave()) return drop_context(c), true;
  own.send_held();
  own.let_go();
  house_.detached.fetch_sub(1, std::memory_order_relaxed);
  give(c);
  return false;
}

// Ahead of the call: this thread will likely sleep. Each call that did not counts the route back.
inline void Lane::answer_given_away(Service& own, Wheel::Turn& turn, RouteMemory& route) noexcept {
  turn.give_away();
  auto start = Clock::now();
  own.answer();
  auto& expect = route.expect_block;
  if (Clock::now() - start >= short_call)
    expect.store(Wheel::calls_given_away, std::memory_order_relaxed);
  else if (expect.load(std::memory_order_relaxed) > 0)
    expect.fetch_sub(1, std::memory_order_relaxed);
}

// Ends the Context of the request in service, if its handler has asked for one; if it does so
// later, that one is born cancelled. Its callbacks are user code: while they run the request may
// end, and the lane may be lost, so they run with a reference of their own.
inline bool Lane::cancel(Connection& c, const char* cause) noexcept {
  CancelState* state = nullptr;
  if (c.context.compare_exchange_strong(state, gone(), std::memory_order_acq_rel,
                                        std::memory_order_acquire) ||
      state == gone() || state->done())
    return true;
  add_ref(state);
  return guarded([state, cause] {
    cancel_state(*state, make_error_code(Errc::canceled), cause);
    release(state);
  });
}

// Drops the connection's reference, once no thread serves it. Acquire: pairs with the handler's
// thread that put the state there.
inline void Lane::drop_context(Connection& c) noexcept {
  CancelState* state = c.context.load(std::memory_order_acquire);
  if (!state) return;
  c.context.store(nullptr, std::memory_order_relaxed);
  if (state != gone()) release(state);
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lane_round.hpp

// lane_round.hpp -- a lane's steps 2 and 4: what happens between two batches.
//
// In: new connections, those that come back, a stop, a wish for room, the time. Out: lists and
// queues in order, and the thread asleep in epoll until there is something to do.
// No user code runs here but what is marked as a guarded call.

#include <sys/socket.h>  // shutdown, setsockopt

#include <utility>  // std::exchange

namespace jot::inline v1::detail {

inline Lane::~Lane() {
  JOT_ASSERT(!all_ && returns_.empty());  // the engine has waited until it ended
}

inline bool Lane::take_in() noexcept {
  for (Connection* c = returns_.take(); c;) {
    Connection* next = c->below;
    absorb(*c);
    c = next;
  }
  if (!heed_stop()) return false;
  shed();
  expire(head_), expire(idle_), expire(body_), expire(linger_);
  clear_graves();
  return log_gone();
}

inline void Lane::absorb(Connection& c) noexcept {
  if (c.place == Place::fresh) return admit(c);
  drop_context(c);
  numbers_.add(c.tally);
  switch (c.sequel) {
    case Sequel::go_on:
      if (c.answerable || c.pending || !c.drained || c.hang_up) return make_ready(c);
      return park(c, true);
    case Sequel::linger: return begin_linger(c);
    case Sequel::close:
    case Sequel::abort: return bury(c);
  }
}

// A new connection: into the list of all, and into epoll, once and for good.
inline void Lane::admit(Connection& c) noexcept {
  c.next = all_, c.previous = nullptr;
  if (all_) all_->previous = &c;
  all_ = &c;
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLET, {.ptr = &c}};
  bool added = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd, &event) == 0;
  if (!added || heeded_ >= Stop::cancel) return bury(c);
  c.place = Place::idle;
  (heeded_ == Stop::no ? head_ : idle_).keep(c, now_);
}

// ---- the end of the server, as far as it has come since the last round ----

// Step by step: the guarded calls of Stop::cancel may lose the lane, and the next driver must find
// undone what is left to do.
inline bool Lane::heed_stop() noexcept {
  for (;;) {
    if (owes_cancel_ && !cancel_all()) return false;
    owes_cancel_ = false;
    if (heeded_ >= house_.stop.load(std::memory_order_seq_cst)) return true;
    heeded_ = static_cast<Stop>(static_cast<int>(heeded_) + 1);
    if (heeded_ == Stop::drain) call_last_orders();
    if (heeded_ == Stop::cancel) close_parked(), owes_cancel_ = true;
    if (heeded_ == Stop::cut) close_parked(), cut_all();
  }
}

// On a connection that looks idle a request may be on its way, from a client that cannot know yet
// that it comes late. So whoever was busy lately has a moment to bring it, and is answered with
// Connection: close: then a server that takes this one's place loses nobody's request.
inline void Lane::call_last_orders() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->queue == &head_ && c->place == Place::idle && !c->in_message()) idle_.restart(*c, now_);
  }
  idle_.set_time(std::min<nanoseconds>(house_.options.idle_timeout, last_idle_time));
  head_.set_time(std::min<nanoseconds>(house_.options.head_timeout, last_head_time));
  linger_.set_time(last_linger_time);
}

inline void Lane::close_parked() noexcept {
  for (Connection *c = all_, *next; c; c = next) {
    next = c->next;
    if (c->place != Place::idle) continue;  // its phase is not ours to read
    bool says_goodbye = c->phase == Phase::linger && heeded_ != Stop::cut;
    if (!says_goodbye) bury(*c);
  }
}

// A guarded call each: callbacks that block keep nobody else's Context waiting.
inline bool Lane::cancel_all() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->place == Place::in_service && !cancel(*c, "server shutting down")) return false;
  }
  return true;
}

// Reads end and writes fail, whoever waits in them. Only this thread closes fds, so each is the
// connection's still.
inline void Lane::cut_all() noexcept {
  for (Connection* c = all_; c; c = c->next) {
    if (c->place == Place::in_service || c->place == Place::ready) shutdown(c->fd, SHUT_RDWR);
  }
}

// ---- making room, running out of time ----

inline void Lane::shed() noexcept {
  if (shed_.load(std::memory_order_relaxed) == 0) return;
  for (int n = shed_.exchange(0, std::memory_order_seq_cst); n > 0; --n) {
    Connection* c = idle_.first();
    while (c && c->place != Place::idle) c = c->later;
    if (c) bury(*c);
  }
  clear_graves();
  house_.tell_acceptor();
}

// Who stands in the middle of a message hears that it was too slow; the others just end, but for
// those whose next request has come in this very moment.
inline void Lane::expire(DeadlineQueue& queue) noexcept {
  while (Connection* c = queue.first()) {
    if (c->place == Place::idle && queue.deadline() > now_) return;
    DeadlineQueue::leave(*c);
    if (c->place != Place::idle) continue;  // in service: it will join a queue when it is parked
    c->expired = c->in_message();
    if (c->expired || next_is_here(*c))
      make_ready(*c);
    else
      bury(*c);
  }
}

// Parked, and between two requests: has the next one come, though its event has not?
inline bool Lane::next_is_here(Connection& c) noexcept {
  char first;
  if (c.phase != Phase::head || recv(c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return false;
  return c.pending = true;
}

// ---- the end of a connection ----

inline void Lane::bury(Connection& c) noexcept {
  DeadlineQueue::leave(c);
  (c.previous ? c.previous->next : all_) = c.next;
  if (c.next) c.next->previous = c.previous;
  c.place = Place::grave;
  c.behind = graves_;
  graves_ = &c;
}

// Only with the batch used up. DEL says it also to those epoll sets that outlive our fd, because a
// forked child holds it.
inline void Lane::clear_graves() noexcept {
  while (Connection* c = graves_) {
    graves_ = c->behind;
    if (c->sequel == Sequel::abort) {
      linger reset{1, 0};
      setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, c->fd, nullptr);
    close(c->fd);
    delete c;
    house_.closed_one();
  }
}

inline bool Lane::log_gone() noexcept {
  if (gone_ == 0) return true;
  return guarded([gone = std::exchange(gone_, 0), &log = house_.options.log] {
    for (std::size_t i = 0; i < gone; ++i) log.warn("client gone in the middle of a request");
  });
}

// ---- waiting ----

inline void Lane::wait() noexcept {
  clear_graves();
  ended_ =
      heeded_ != Stop::no && !all_ && returns_.empty();  // no new ones come: the acceptor is gone
  Connection* oldest = idle_.first();
  for (; oldest && oldest->place == Place::in_service; oldest = idle_.first())
    DeadlineQueue::leave(*oldest);  // not idle, though it stands there yet
  oldest_idle_.store(oldest ? oldest->since.time_since_epoch().count() : INT64_MAX,
                     std::memory_order_relaxed);
  int most = static_cast<int>(batch_.size());
  batch_at_ = batch_size_ = 0;
  if (ended_) return;
  if (first_ready_ || gone_ != 0) {
    batch_size_ = epoll_wait(epoll_.get(), batch_.data(), most, 0);
  } else {
    // Says that it sleeps, then looks once more: see give(), wake(). Every end of the sleep looks
    // at the watcher: see WakeFlag.
    asleep_.store(true, std::memory_order_seq_cst);
    if (!anything_to_do()) batch_size_ = epoll_wait(epoll_.get(), batch_.data(), most, timeout());
    asleep_.store(false, std::memory_order_seq_cst);
    watcher_.wake();
  }
  if (batch_size_ < 0) batch_size_ = 0;  // EINTR
  now_ = Clock::now();
}

// What others may have brought without writing the eventfd, for they did not see us asleep yet.
inline bool Lane::anything_to_do() const noexcept {
  return !returns_.empty() || shed_.load(std::memory_order_seq_cst) != 0 ||
         heeded_ != house_.stop.load(std::memory_order_seq_cst);
}

// Milliseconds until the first deadline, rounded up; -1: none.
inline int Lane::timeout() const noexcept {
  auto first = std::min({head_.deadline(), idle_.deadline(), body_.deadline(), linger_.deadline()});
  if (first == Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(time_until(first, Clock::now())).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lane_serve.hpp

// lane_serve.hpp -- a lane's steps 1 and 3: serving connections.
//
// In: a connection with bytes, or whose client is gone, or whose time is up. Out: answers; then the
// connection is parked, ready for another turn, or in its grave.

#include <sys/socket.h>  // shutdown

namespace jot::inline v1::detail {

inline bool Lane::serve_batch() noexcept {
  while (batch_at_ < batch_size_) {
    const epoll_event event = batch_[static_cast<std::size_t>(batch_at_++)];
    auto* c = static_cast<Connection*>(event.data.ptr);  // nullptr: our own eventfd
    if (c && !heed(*c, event.events)) return false;
  }
  return true;
}

// An event. Of a connection in service it only leaves a mark, for another thread may be at it.
inline bool Lane::heed(Connection& c, std::uint32_t events) noexcept {
  bool hang_up = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  bool first = hang_up && !c.hang_up;
  c.hang_up |= hang_up;
  switch (c.place) {
    case Place::idle: return serve(c);
    case Place::ready: return c.pending = true;
    case Place::in_service: return c.pending = true, !first || cancel(c, client_gone);
    case Place::fresh:
    case Place::grave: break;
  }
  return true;
}

// Each connection that is in the list now, once: those that join it meanwhile wait for their turn.
inline bool Lane::serve_ready() noexcept {
  for (Connection* last = last_ready_; first_ready_;) {
    Connection& c = *first_ready_;
    first_ready_ = c.behind;
    if (!first_ready_) last_ready_ = nullptr;
    c.behind = nullptr;
    bool is_last = &c == last;
    if (!serve(c)) return false;
    if (is_last) break;
  }
  return true;
}

inline void Lane::make_ready(Connection& c) noexcept {
  c.place = Place::ready;
  (last_ready_ ? last_ready_->behind : first_ready_) = &c;
  last_ready_ = &c;
}

inline bool Lane::serve(Connection& c) noexcept {
  Service& own = *service_;
  bool answered = false;
  Next next = begin(c);
  for (int turn = 1;; ++turn) {
    if (next == Next::request || next == Next::refusal) {
      if (next == Next::request && overloaded()) own.refuse_overload(), house_.turn_away();
      own.may_hold_back(turn < most_turns);
      answered = true;
      if (!guarded_answer(c)) return false;
      if (c.sequel != Sequel::go_on) return set_aside(c), true;
      next = own.next();
    } else if (c.sequel != Sequel::go_on) {
      return set_aside(c), true;
    } else if (!receive(c, next)) {
      return settle(c, answered), true;
    }
    if (turn < most_turns) continue;
    if (set_aside(c)) make_ready(c);
    return true;
  }
}

inline Lane::Next Lane::begin(Connection& c) noexcept {
  if (c.place == Place::idle || c.pending) c.drained = false;
  c.place = Place::in_service, c.pending = false;
  service_->take(c);
  if (!c.expired) return service_->examine();
  c.expired = false;
  service_->refuse_slow();
  return Next::refusal;
}

// At the cap, or short of threads, a call could leave the lane without a driver.
inline bool Lane::overloaded() const noexcept {
  auto most = static_cast<std::ptrdiff_t>(house_.options.max_threads);
  return house_.detached.load(std::memory_order_relaxed) >= most || cache_.short_of_spares();
}

// True: there is more to examine, or to refuse. A recv that was short has drained the socket,
// except where a hang-up was seen: behind the bytes there is an end to be read, and no event will
// tell.
inline bool Lane::receive(Connection& c, Next& next) noexcept try {
  Service& own = *service_;
  if (c.drained && !c.hang_up) return false;
  switch (own.receive()) {
    case Received::bytes: return next = own.examine(), true;
    case Received::would_block:
      if (c.hang_up) c.sequel = Sequel::close;
      return false;
    case Received::end:
      c.hang_up = c.ended = true;
      if (own.cut_short()) return own.refuse_cut_short(), next = Next::refusal, true;
      break;
    case Received::broken:
      if (own.cut_short()) ++gone_;
  }
  return c.sequel = Sequel::close, false;
} catch (...) {  // no memory for its bytes
  return c.sequel = Sequel::close, false;
}

// Nothing more to do for now.
inline void Lane::settle(Connection& c, bool answered) noexcept {
  const bool too_slow = service_->too_slow(now_);
  if (too_slow && c.phase == Phase::drain) c.sequel = Sequel::close;
  if (!set_aside(c)) return;
  if (!too_slow) return park(c, answered);
  c.expired = true;
  make_ready(c);
}

// The service has done with it for now. False: it does not go on.
inline bool Lane::set_aside(Connection& c) noexcept {
  service_->let_go();
  numbers_.add(c.tally);
  if (c.sequel == Sequel::go_on) return true;
  if (c.sequel == Sequel::linger)
    begin_linger(c);
  else
    bury(c);
  return false;
}

// Half-close: the client reads our answer and an end, instead of a reset that could eat the answer;
// what it still sends is read and thrown away. See RFC 9112 section 9.6.
inline void Lane::begin_linger(Connection& c) noexcept {
  c.phase = Phase::linger, c.sequel = Sequel::go_on;
  shutdown(c.fd, SHUT_WR);
  if (c.ended) return bury(c);
  if (c.hang_up || !c.drained || c.pending) return make_ready(c);
  park(c, true);
}

inline void Lane::park(Connection& c, bool answered) noexcept {
  bool says_goodbye = c.phase == Phase::linger && heeded_ != Stop::cut;
  if (heeded_ >= Stop::cancel && !says_goodbye) return bury(c);
  c.place = Place::idle;
  switch (c.phase) {
    case Phase::linger: return linger_.keep(c, now_);
    case Phase::drain:
    case Phase::body: return body_.restart(c, now_);
    case Phase::head: break;
  }
  if (c.in_message()) {
    if (answered || c.queue != &head_) DeadlineQueue::leave(c);  // a new head has a new time
    return head_.keep(c, now_);
  }
  if (answered || !c.queue) idle_.restart(c, now_);  // else nothing came: its time goes on
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/listener.hpp

// listener.hpp -- from an address in words to sockets that listen.
//
// In: ":8080", "127.0.0.1:8080", "[::1]:0", "localhost:80", "unix:/run/app.sock", "systemd".
// Out: listening fds, non-blocking and close-on-exec; or std::system_error with the address in its
// text, std::invalid_argument where the address cannot be read.

#include <fcntl.h>        // fcntl
#include <netdb.h>        // getaddrinfo
#include <netinet/tcp.h>  // TCP_NODELAY
#include <sys/socket.h>   // socket, bind, listen
#include <sys/stat.h>     // stat
#include <sys/un.h>       // sockaddr_un
#include <unistd.h>       // unlink, getpid

#include <cerrno>        // errno
#include <cstdlib>       // std::getenv, std::atoi
#include <cstring>       // std::memcpy
#include <list>          // std::list
#include <stdexcept>     // std::invalid_argument
#include <string>        // std::string
#include <system_error>  // std::system_error
#include <utility>       // std::exchange

namespace jot::inline v1::detail {

[[noreturn]] inline void throw_listen_error(int error, const std::string& addr) {
  throw std::system_error(error, std::generic_category(), "jot: cannot listen on " + addr);
}

// Its file is removed when it ends, if it made one.
class Listener {
 public:
  explicit Listener(Fd fd, std::string unix_path = {})
      : fd_(std::move(fd)), path_(std::move(unix_path)) {}
  Listener(Listener&& from) noexcept
      : fd_(std::move(from.fd_)), path_(std::exchange(from.path_, {})) {}
  ~Listener() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
  std::string path_;
};

inline Fd stream_socket(int family) {
  return Fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

inline bool set_option(int fd, int level, int name, int value) noexcept {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Does somebody answer at this socket file? One that a dead process left behind is in nobody's way.
inline bool is_stale(const sockaddr_un& address, socklen_t length) {
  struct stat info{};
  if (stat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  Fd probe = stream_socket(AF_UNIX);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 &&
         errno == ECONNREFUSED;
}

inline Listener listen_unix(const std::string& addr) {
  std::string path = addr.substr(5);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw std::invalid_argument("jot: bad path for a unix socket: " + addr);
  std::memcpy(address.sun_path, path.data(), path.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  Fd fd = stream_socket(AF_UNIX);
  if (fd && is_stale(address, length)) unlink(path.c_str());
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0)
    throw_listen_error(errno, addr);
  return Listener(std::move(fd), path);
}

// The kernel's own queue of connections is as long as it lets us. TCP_NODELAY is inherited by the
// connections that are accepted.
inline Fd listen_on(int family, const sockaddr* address, socklen_t length, bool reuse_port) {
  Fd fd = stream_socket(family);
  if (!fd) return fd;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (family == AF_INET6) {
    auto* six = reinterpret_cast<const sockaddr_in6*>(address);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr));
  }
  if ((reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) ||
      bind(fd.get(), address, length) != 0 || listen(fd.get(), SOMAXCONN) != 0)
    return fd.reset(), std::move(fd);
  return fd;
}

// An address without a host listens on IPv6 and IPv4; where the machine has no IPv6, on IPv4.
inline Listener listen_everywhere(std::uint16_t port, const std::string& addr, bool reuse_port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6, six.sin6_port = htons(port);
  Fd fd = listen_on(AF_INET6, reinterpret_cast<sockaddr*>(&six), sizeof six, reuse_port);
  if (!fd && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    sockaddr_in four{};
    four.sin_family = AF_INET, four.sin_port = htons(port);
    fd = listen_on(AF_INET, reinterpret_cast<sockaddr*>(&four), sizeof four, reuse_port);
  }
  if (!fd) throw_listen_error(errno, addr);
  return Listener(std::move(fd));
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

inline HostPort split_listen_address(const std::string& addr) {
  std::size_t colon = addr.rfind(':');
  bool bracketed = addr.starts_with('[');
  if (colon == addr.npos || (bracketed && (colon < 3 || addr[colon - 1] != ']')) ||
      (!bracketed && addr.find(':') != colon))
    throw std::invalid_argument("jot: address without a port (want host:port or [ip6]:port): " +
                                addr);
  std::string digits = addr.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != digits.npos || std::atoi(digits.c_str()) > 65535)
    throw std::invalid_argument("jot: bad port (want 0 to 65535): " + addr);
  return {bracketed ? addr.substr(1, colon - 2) : addr.substr(0, colon),
          static_cast<std::uint16_t>(std::atoi(digits.c_str()))};
}

inline Listener listen_tcp(const std::string& addr, bool reuse_port) {
  HostPort where = split_listen_address(addr);
  if (where.host.empty()) return listen_everywhere(where.port, addr, reuse_port);
  struct Found {
    addrinfo* first = nullptr;
    ~Found() {
      if (first) freeaddrinfo(first);
    }
  } found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM, hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  int failed =
      getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found.first);
  if (failed) throw std::invalid_argument("jot: " + addr + ": " + gai_strerror(failed));
  const addrinfo* chosen =
      found.first;  // for names with both, IPv4: it is what clients of "localhost" try
  for (auto* a = found.first; a; a = a->ai_next)
    if (a->ai_family == AF_INET && chosen->ai_family != AF_INET) chosen = a;
  Fd fd = listen_on(chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen, reuse_port);
  if (!fd) throw_listen_error(errno, addr);
  return Listener(std::move(fd));
}

// The sockets that a service manager opened for this process, from fd 3 on (sd_listen_fds(3)).
inline std::list<Listener> inherited_listeners() {
  const char *pid = std::getenv("LISTEN_PID"), *count = std::getenv("LISTEN_FDS");
  int n = pid && count && std::atoi(pid) == getpid() ? std::atoi(count) : 0;
  if (n <= 0)
    throw std::invalid_argument("jot: no sockets were handed over (LISTEN_PID, LISTEN_FDS)");
  std::list<Listener> all;
  for (int fd = 3; fd < 3 + n; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
      throw std::invalid_argument("jot: systemd: fd " + std::to_string(fd) +
                                  " is no listening socket");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
      throw_listen_error(errno, "systemd (fd " + std::to_string(fd) + ")");
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // fails for a unix socket, which needs none
    all.emplace_back(Fd(fd));
  }
  return all;
}

inline std::list<Listener> open_listeners(const std::string& addr, bool reuse_port) {
  if (addr == "systemd") return inherited_listeners();
  std::list<Listener> all;
  if (addr.starts_with("unix:"))
    all.push_back(listen_unix(addr));
  else
    all.push_back(listen_tcp(addr, reuse_port));
  return all;
}

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/acceptor.hpp

// acceptor.hpp -- how do connections come in, and what if there is no room?
//
// A thread that accepts, and deals the connections to the lanes in turn. When the process or the
// system has no fd or memory left, or max_connections are open, it has the connection closed that
// has been idle longest, and tries again; where none is idle it waits for one to end, at most its
// back-off (5 ms, doubling to 1 s). No error ends it. It also tells the log, at most once a second,
// how many requests the lanes have turned away: they cannot, being short of threads.
// Lifetime: the Engine's; joined by stop(), which also closes the listeners.

#include <poll.h>          // poll
#include <sys/resource.h>  // getrlimit
#include <sys/socket.h>    // accept4

#include <algorithm>  // std::min
#include <list>       // std::list
#include <vector>     // std::vector

namespace jot::inline v1::detail {

class Acceptor {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds shortest_wait{5}, longest_wait{1000};

  Acceptor(House& house, std::list<Lane>& lanes) : house_(house), lanes_(lanes) {}
  ~Acceptor() { stop(); }

  void start(std::list<Listener> listeners, std::size_t max_connections) {
    listeners_ = std::move(listeners), max_connections_ = max_connections;
    next_lane_ = lanes_.begin();
    for (auto& listener : listeners_) waits_for_.push_back({listener.fd(), POLLIN, 0});
    waits_for_.push_back({house_.acceptor_news.get(), POLLIN, 0});
    waits_for_.push_back({stop_.get(), POLLIN, 0});
    thread_.start<&Acceptor::accept_all>("jot acceptor", *this);
  }

  void stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    eventfd_write(stop_.get(), 1);
    thread_.join();
    listeners_.clear();
  }

  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }

 private:
  void accept_all() noexcept {
    for (;;) {
      if (poll(waits_for_.data(), waits_for_.size(), until_report()) < 0) continue;  // EINTR
      if (waits_for_.back().revents) return no_report_until_ = {}, report_turned_away();
      for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (waits_for_[i].revents && !accept_from(waits_for_[i].fd)) return;
      if (waits_for_[listeners_.size()].revents) read_news();
      report_turned_away();
    }
  }

  // False: stopped meanwhile.
  bool accept_from(int listener) noexcept {
    for (milliseconds wait = shortest_wait; !stopping_.load(std::memory_order_relaxed);) {
      int error = accept_one(listener);
      if (error == 0) {
        wait = shortest_wait;
      } else if (error == EAGAIN || error == EWOULDBLOCK) {
        return true;
      } else if (error != ECONNABORTED && error != EINTR && error != EPROTO && error != EPERM) {
        if (!make_room(listener, error, wait)) return false;
        wait = std::min(wait * 2, longest_wait);
      }
    }
    return false;
  }

  // Returns 0 or an errno.
  int accept_one(int listener) noexcept {
    if (house_.connections.load(std::memory_order_seq_cst) >= max_connections_)
      return somebody_waits(listener) ? EMFILE : EAGAIN;
    Fd fd(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return why_not(listener, errno);
    Lane& lane = *next_lane_;
    if (++next_lane_ == lanes_.end()) next_lane_ = lanes_.begin();
    auto* c = new (std::nothrow) Connection(fd.get(), lane);
    if (!c) return ENOMEM;
    fd.release();
    house_.connections.fetch_add(1, std::memory_order_relaxed);
    accepted_.store(accepted() + 1, std::memory_order_relaxed);  // nobody else writes it
    lane.give(*c);
    return 0;
  }

  // The system may say that it is out of fds before it has looked whether anybody is there: then
  // nobody has to make room.
  static int why_not(int listener, int error) noexcept {
    const bool no_fd = error == EMFILE || error == ENFILE;
    return no_fd && !somebody_waits(listener) ? EAGAIN : error;
  }

  static bool somebody_waits(int listener) noexcept {
    pollfd p{listener, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
  }

  // Waits until there may be room. False: stopped meanwhile.
  bool make_room(int listener, int error, milliseconds wait) noexcept {
    complain(error);
    house_.acceptor_waits.store(true, std::memory_order_seq_cst);
    if (int again = accept_one(listener); again != 0) {
      if (Lane* lane = lane_with_oldest()) lane->shed_one();
      pollfd news[] = {{house_.acceptor_news.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      poll(news, 2, static_cast<int>(wait.count()));
      if (news[1].revents) return false;
      read_news();
    }
    house_.acceptor_waits.store(false, std::memory_order_seq_cst);
    return true;
  }

  void read_news() noexcept {
    eventfd_t count;
    eventfd_read(house_.acceptor_news.get(), &count);
  }

  Lane* lane_with_oldest() const noexcept {
    Lane* best = nullptr;
    std::int64_t oldest = INT64_MAX;
    for (Lane& lane : lanes_) {
      if (lane.oldest_idle() < oldest) best = &lane, oldest = lane.oldest_idle();
    }
    return best;
  }

  // Once a second, however often it happens.
  void complain(int error) noexcept try {
    auto now = Clock::now();
    if (now < silent_until_) return;
    silent_until_ = now + std::chrono::seconds(1);
    warn("accept: no room", "error", std::generic_category().message(error));
  } catch (const std::bad_alloc&) {  // then once more, when there is memory for the words
  }

  // Milliseconds until the next report is due; -1: there is nothing to report.
  int until_report() const noexcept {
    if (house_.turned_away.load(std::memory_order_relaxed) == 0) return -1;
    const auto left = time_until(no_report_until_, Clock::now());
    return static_cast<int>(std::chrono::ceil<milliseconds>(left).count());
  }

  void report_turned_away() noexcept {
    if (until_report() != 0) return;
    no_report_until_ = Clock::now() + std::chrono::seconds(1);
    const std::uint64_t n = house_.turned_away.exchange(0, std::memory_order_relaxed);
    warn("all threads are busy: answered 503", "requests", n);
  }

  void warn(const char* message, const char* field, const Value& value) const noexcept try {
    house_.options.log.warn(message, {{field, value}});
  } catch (const std::bad_alloc&) {
    house_.options.log.warn(message);
  }

  House& house_;
  std::list<Lane>& lanes_;
  std::list<Listener> listeners_;
  std::vector<pollfd> waits_for_;  // the listeners, the house's news, and last the stop
  const Fd stop_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::size_t max_connections_ = 0;
  std::list<Lane>::iterator next_lane_;
  std::atomic<std::uint64_t> accepted_{0};  // relaxed: a number to look at
  Clock::time_point silent_until_, no_report_until_;
  std::atomic<bool> stopping_{false};  // relaxed: looked at between two connections; stop_ wakes
  ServiceThread thread_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/watcher.hpp

// watcher.hpp -- whose handler has fallen asleep with a lane in its hands?
//
// A thread that looks at every lane once a millisecond while there is traffic. A lane that is still
// in the same call as a tick ago is taken over if its thread sleeps (its state in /proc is not R),
// or, if it computes, 10 ms on. Without the look at /proc, a busy machine, where threads wait for a
// core, would turn every request into a takeover.
// After 20 ticks without any change it sleeps, until a lane wakes it: see wake_flag.hpp.
// Lifetime: the Engine's; joined by stop().

#include <fcntl.h>   // open
#include <unistd.h>  // pread

#include <chrono>       // std::chrono::milliseconds
#include <cstdio>       // std::snprintf
#include <list>         // std::list
#include <string_view>  // std::string_view
#include <thread>       // std::this_thread::sleep_for

namespace jot::inline v1::detail {

// Does a thread of this process run, or wait for a core to run on?
class ThreadState {
 public:
  // Counts as running where /proc does not tell: then the 10 ms decide. The file stays open for the
  // next look at the same thread. (A reused id does no harm: the lane's word proves that the thread
  // was in this one call all the time.)
  bool runs(pid_t thread) noexcept {
    if (thread != thread_) open_stat(thread);
    char text[256];
    ssize_t n = stat_ ? pread(stat_.get(), text, sizeof text, 0) : -1;
    if (n <= 0) return thread_ = 0, true;  // open it anew: the id may be another thread's now
    std::string_view line(text, static_cast<std::size_t>(n));
    std::size_t name_end = line.rfind(')');  // "TID (name) R ...": the name may hold anything
    return name_end == line.npos || line.size() <= name_end + 2 || line[name_end + 2] == 'R';
  }

 private:
  void open_stat(pid_t thread) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", static_cast<int>(thread));
    stat_.reset(open(path, O_RDONLY | O_CLOEXEC));
    thread_ = thread;
  }

  pid_t thread_ = 0;
  Fd stat_;
};

class Watcher {
 public:
  static constexpr auto tick = std::chrono::milliseconds(1);
  static constexpr int patience = 10;     // ticks that a handler may compute
  static constexpr int quiet_ticks = 20;  // before it sleeps

  explicit Watcher(WakeFlag& flag) : flag_(flag) {}
  ~Watcher() { stop(); }

  void start(std::list<Lane>& lanes) {
    for (Lane& lane : lanes) watched_.push_back({&lane, {}, 0, {}});
    thread_.start<&Watcher::watch>("jot watcher", *this);
  }

  void stop() noexcept {
    stop_.store(true, std::memory_order_seq_cst);
    flag_.wake();
    thread_.join();
  }

 private:
  struct Watched {
    Lane* lane;
    Wheel::Glimpse seen;  // a tick ago
    int ticks;            // in the same call
    ThreadState state;
  };

  void watch() noexcept {
    int quiet = 0;
    while (!stop_.load(std::memory_order_seq_cst)) {
      std::this_thread::sleep_for(tick);
      bool busy = false;
      for (Watched& w : watched_) busy |= look(w);
      quiet = busy ? 0 : quiet + 1;
      if (quiet < quiet_ticks) continue;
      flag_.sleep_if([this] { return all_asleep(); });
      quiet = 0;
    }
  }

  // False: nothing has changed since the last tick.
  bool look(Watched& w) noexcept {
    bool short_of_threads = w.lane->wheel().make_up_for_spares();
    Wheel::Glimpse now = w.lane->wheel().glimpse();
    if (now.word != w.seen.word) return w.seen = now, w.ticks = 0, true;
    if (!LaneWord::in_call(now.word)) return short_of_threads;
    if (++w.ticks >= patience || !w.state.runs(now.thread)) w.lane->wheel().take_over(now);
    return true;
  }

  bool all_asleep() const noexcept {
    if (stop_.load(std::memory_order_seq_cst)) return false;
    for (const Watched& w : watched_)
      if (!w.lane->asleep()) return false;
    return true;
  }

  WakeFlag& flag_;
  std::list<Watched> watched_;  // the watcher's own
  std::atomic<bool> stop_{false};
  ServiceThread thread_;
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/detail/lanes.hpp

// lanes.hpp -- a whole server: lanes, their threads, their watcher and the acceptor; how they start
// together and how they end.
//
// The end, from any thread:
//   1. the acceptor stops, and the listeners close
//   2. drain    requests in service end, with Connection: close; so do those that were on their way
//               on connections busy half a second ago. The other parked connections close
//   3. cancel   once the caller's patience is over: their Contexts end, so that streams do
//   4. cut      a second later: their sockets too
//   5. all threads are joined. A handler that returns at none of this is left behind by shutdown();
//      the destructor has to wait for it.

#include <sys/resource.h>  // getrlimit, setrlimit

#include <algorithm>  // std::max
#include <list>       // std::list
#include <new>        // std::bad_alloc
#include <stdexcept>  // std::logic_error
#include <thread>     // std::thread::hardware_concurrency

namespace jot::inline v1::detail {

class Engine {
 public:
  explicit Engine(ServerOptions options) : house_(std::move(options)) {}
  ~Engine() { end(); }

  // Returns false, and does nothing, when it was stopped before.
  bool start() {
    std::lock_guard one_at_a_time(life_mutex_);
    if (stopping()) return false;
    if (started_) throw std::logic_error("jot: a Server starts once");
    started_ = true;
    auto listeners = open_listeners(house_.options.addr, house_.options.reuse_port);
    addr_ = local_address(listeners.front().fd());
    std::size_t most = fd_limit();
    for (unsigned n = std::max(1u, std::thread::hardware_concurrency()); n > 0; --n)
      lanes_.emplace_back(house_, cache_, flag_);
    for (Lane& lane : lanes_) launch(lane);
    cache_.start(lanes_.size());
    watcher_.start(lanes_);
    acceptor_.start(std::move(listeners), most);
    serving_.store(true, std::memory_order_release);
    return true;
  }

  // Returns whether all requests ended before `within` did. In the end it leaves those behind whose
  // handlers do not return.
  bool stop(const Context& within) {
    announce_end();
    std::lock_guard one_at_a_time(life_mutex_);
    acceptor_.stop();
    raise(Stop::drain);
    if (wait_until(within, [this] { return all_ended(); })) return join_all(), true;
    raise(Stop::cancel);
    if (all_end_within(a_second)) return join_all(), false;
    complain("shutdown: requests that did not end are cut");
    raise(Stop::cut);
    if (all_end_within(a_second)) return join_all(), false;
    complain("shutdown: handlers do not return");
    return false;
  }

  // Until `until` is done, or another thread has begun to stop the server.
  void wait(const Context& until) {
    wait_until(until, [this] { return stopping_; });
  }

  std::string addr() const {
    return serving_.load(std::memory_order_acquire) ? addr_ : std::string();
  }
  const ServerOptions& options() const noexcept { return house_.options; }

  ServerStats stats() const {
    ServerStats s;
    if (!serving_.load(std::memory_order_acquire)) return s;
    s.accepted = acceptor_.accepted();
    s.connections = house_.connections.load(std::memory_order_relaxed);
    s.in_handlers = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, house_.detached.load()));
    for (const Lane& lane : lanes_) {
      auto& n = lane.numbers();
      s.requests += n.requests.load(std::memory_order_relaxed);
      s.refused += n.refused.load(std::memory_order_relaxed);
      s.bytes_in += n.bytes_in.load(std::memory_order_relaxed);
      s.bytes_out += n.bytes_out.load(std::memory_order_relaxed);
      s.in_handlers += lane.wheel().in_call();
    }
    s.idle = s.connections - std::min(s.connections, s.in_handlers);
    s.lanes = lanes_.size();
    s.threads = cache_.size() + (launched_ ? 2 : 0);
    return s;
  }

 private:
  static constexpr auto a_second = std::chrono::seconds(1);

  // The destructor's way: at once. Allocates nothing, for nobody could hear of a failure.
  void end() noexcept {
    announce_end();
    std::lock_guard one_at_a_time(life_mutex_);
    acceptor_.stop();
    raise(Stop::cancel), raise(Stop::cut);
    if (!all_end_within(a_second)) {
      complain("a Server waits in its destructor for handlers that do not return");
      std::unique_lock lock(house_.mutex);
      house_.changed.wait(lock, [this] { return all_ended(); });
    }
    join_all();
  }

  void announce_end() noexcept {
    JOT_ASSERT(!cache_.owns_this_thread() && "a Server may not be ended by its own handler");
    std::lock_guard lock(house_.mutex);
    stopping_ = true;
    house_.changed.notify_all();
  }

  void join_all() noexcept { watcher_.stop(), cache_.stop(); }

  bool stopping() {
    std::lock_guard lock(house_.mutex);
    return stopping_;
  }

  void launch(Lane& lane) {
    auto* worker = cache_.take();
    if (!worker)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                              "jot: cannot start a thread for each lane");
    cache_.send(worker, lane);
    ++launched_;
  }

  // Goes on to that step, unless an earlier end has come farther. life_mutex_ is held.
  void raise(Stop step) noexcept {
    if (house_.stop.load(std::memory_order_relaxed) >= step) return;
    house_.stop.store(step, std::memory_order_seq_cst);
    for (Lane& lane : lanes_) lane.wake();
  }

  // house_.mutex is held.
  bool all_ended() const noexcept { return house_.lanes_ended == launched_; }

  bool all_end_within(std::chrono::seconds time) noexcept {
    std::unique_lock lock(house_.mutex);
    return house_.changed.wait_for(lock, time, [this] { return all_ended(); });
  }

  void complain(const char* message) const noexcept try {
    house_.options.log.error(message, {{"in_handlers", stats().in_handlers}});
  } catch (const std::bad_alloc&) {
    house_.options.log.error(message);
  }

  // Waits for a condition that house_.mutex guards, as long as patience lasts. Returns whether it
  // holds.
  template <class Condition>
  bool wait_until(const Context& patience, Condition holds) {
    auto wake_me = after_func(patience, [this] {
      std::lock_guard lock(house_.mutex);
      house_.changed.notify_all();
    });
    std::unique_lock lock(house_.mutex);
    house_.changed.wait(lock, [&] { return holds() || patience.done(); });
    return holds();
  }

  // How many connections there may be. 64 fds are left to the program.
  std::size_t fd_limit() const {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (house_.options.raise_fd_limit && limit.rlim_cur < limit.rlim_max) {
      rlimit raised{limit.rlim_max, limit.rlim_max};
      if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    if (house_.options.max_connections) return house_.options.max_connections;
    constexpr rlim_t kept = 64;
    return static_cast<std::size_t>(limit.rlim_cur > 2 * kept ? limit.rlim_cur - kept
                                                              : limit.rlim_cur);
  }

  House house_;
  WakeFlag flag_;
  ThreadCache cache_{house_, [](Lane& lane, Service& own) noexcept { lane.drive(own); }};
  std::list<Lane> lanes_;
  Watcher watcher_{flag_};
  Acceptor acceptor_{house_, lanes_};
  std::string addr_;
  bool started_ = false;
  bool stopping_ = false;     // guarded by house_.mutex
  std::size_t launched_ = 0;  // lanes that have a driver
  // Release when start() is done, acquire before what it made is looked at.
  std::atomic<bool> serving_{false};
  std::mutex life_mutex_;  // guards the start and the end: one at a time
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/server.ipp

// server.ipp -- the bodies of server.hpp.

#include <stdexcept>  // std::logic_error

namespace jot::inline v1 {

JOT_INLINE Server::Server(ServerOptions options)
    : engine_(std::make_unique<detail::Engine>(std::move(options))) {}
JOT_INLINE Server::~Server() = default;

JOT_INLINE void Server::start() {
  if (!engine_->start()) throw std::logic_error("jot: a Server that was shut down does not start");
}

JOT_INLINE void Server::listen_and_serve(const Context& until) {
  if (!engine_->start()) return;
  engine_->wait(until);
  auto grace = with_timeout(background(), engine_->options().drain_timeout);
  shutdown(grace.ctx);
}

JOT_INLINE bool Server::shutdown(const Context& within) { return engine_->stop(within); }
JOT_INLINE std::string Server::addr() const { return engine_->addr(); }
JOT_INLINE ServerStats Server::stats() const { return engine_->stats(); }

JOT_INLINE void listen_and_serve(std::string addr, Handler handler) {
  Server({.addr = std::move(addr), .handler = std::move(handler)}).listen_and_serve();
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/detail/request_counts.hpp

// request_counts.hpp -- how many requests were there, of which kind, and how long did they take?
//
// In: one call of add() for each. Out: counters and histograms in the text format of Prometheus,
// https://prometheus.io/docs/instrumenting/exposition_formats/.
// One series for each pattern and method, sorted, so that it is found by halving; a status is
// looked for in the few that a series has. There are as many as there are routes, times the
// methods. Threads: it is for the caller to lock.

#include <algorithm>    // std::max
#include <chrono>       // std::chrono::duration
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <vector>       // std::vector

namespace jot::inline v1::detail {

// A client may send any method: only the usual ones get a label of their own.
inline std::string_view method_label(std::string_view method) noexcept {
  for (const std::string_view usual :
       {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
    if (method == usual) return usual;
  return "other";
}

// pattern="GET /\"x\"": backslash, quote and line feed are escaped.
inline std::string label(std::string_view name, std::string_view value) {
  std::string to = text(name, "=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') to += '\\';
    c == '\n' ? to += "\\n" : to += c;
  }
  return to += '"';
}

// What stands above the samples of one metric.
inline std::string metric_head(std::string_view name, std::string_view type,
                               std::string_view help) {
  return text("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

class RequestCounts {
 public:
  void add(std::string_view pattern, std::string_view method, int status, nanoseconds took) {
    Series& series = find(pattern, method_label(method));
    count(series, status);
    took = std::max(took, nanoseconds::zero());
    series.took += took;
    for (std::size_t i = 0; i < bounds; ++i) {
      if (seconds(took) > upper_bounds[i].seconds) continue;
      ++series.buckets[i];
      break;
    }
    ++series.requests;
  }

  std::string text_format() const {
    std::string to = metric_head("http_requests_total", "counter", "Requests that were answered.");
    for (const Series& s : all_) write_counts(s, to);
    to += metric_head("http_request_duration_seconds", "histogram",
                      "From the first middleware to the end of the handler.");
    for (const Series& s : all_) write_histogram(s, to);
    return to;
  }

 private:
  struct Bound {
    double seconds;
    std::string_view label;
  };
  static constexpr Bound upper_bounds[] = {
      {0.0005, "0.0005"}, {0.001, "0.001"}, {0.0025, "0.0025"}, {0.005, "0.005"}, {0.01, "0.01"},
      {0.025, "0.025"},   {0.05, "0.05"},   {0.1, "0.1"},       {0.25, "0.25"},   {0.5, "0.5"},
      {1, "1"},           {2.5, "2.5"},     {5, "5"},           {10, "10"}};
  static constexpr std::size_t bounds = std::size(upper_bounds);

  struct StatusCount {
    int status;
    std::uint64_t requests;
  };

  struct Series {
    std::string pattern;
    std::string_view method;  // a literal
    std::vector<StatusCount> statuses = {};
    std::uint64_t buckets[bounds] = {};  // each by itself; they are summed up when they are told
    std::uint64_t requests = 0;
    nanoseconds took = nanoseconds::zero();
  };

  static double seconds(nanoseconds n) noexcept { return std::chrono::duration<double>(n).count(); }

  static bool before(const Series& s, std::string_view pattern, std::string_view method) noexcept {
    const int order = s.pattern.compare(pattern);
    return order != 0 ? order < 0 : s.method < method;
  }

  Series& find(std::string_view pattern, std::string_view method) {
    std::size_t low = 0, high = all_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (before(all_[middle], pattern, method))
        low = middle + 1;
      else
        high = middle;
    }
    const bool known =
        low < all_.size() && all_[low].pattern == pattern && all_[low].method == method;
    if (known) return all_[low];
    return *all_.insert(all_.begin() + static_cast<std::ptrdiff_t>(low),
                        Series{std::string(pattern), method});
  }

  static void count(Series& series, int status) {
    for (StatusCount& s : series.statuses)
      if (s.status == status) return ++s.requests, void();
    series.statuses.push_back({status, 1});
  }

  static std::string labels(const Series& s) {
    return text(label("method", s.method), ",", label("pattern", s.pattern));
  }

  static void write_counts(const Series& s, std::string& to) {
    for (const auto& [status, requests] : s.statuses)
      to += text("http_requests_total{", labels(s), ",status=\"", status, "\"} ", requests, "\n");
  }

  static void write_histogram(const Series& s, std::string& to) {
    constexpr std::string_view name = "http_request_duration_seconds";
    const std::string of = labels(s);
    std::uint64_t up_to_here = 0;
    for (std::size_t i = 0; i < bounds; ++i) {
      up_to_here += s.buckets[i];
      to += text(name, "_bucket{", of, ",le=\"", upper_bounds[i].label, "\"} ", up_to_here, "\n");
    }
    to += text(name, "_bucket{", of, ",le=\"+Inf\"} ", s.requests, "\n");
    to += text(name, "_sum{", of, "} ", seconds(s.took), "\n");
    to += text(name, "_count{", of, "} ", s.requests, "\n");
  }

  std::vector<Series> all_;  // sorted by pattern, then method
};

}  // namespace jot::inline v1::detail

// -------------------------------------------------------------- jot/impl/metrics.ipp

// metrics.ipp -- the bodies of metrics.hpp.

#include <atomic>     // std::atomic
#include <mutex>      // std::mutex
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move
#include <vector>     // std::vector

namespace jot::inline v1 {

namespace detail {

struct WatchedServer {
  const Server* server;
  std::string name;
};

struct MetricsState {
  std::atomic<std::size_t> in_flight{0};  // relaxed: a number to look at

  // For a few look-ups and additions for each request: shorter than what a thread would lose that
  // found it taken.
  std::mutex counts_mutex;  // guards counts
  RequestCounts counts;

  // Held while stats() are asked, so that unwatch() returns when nobody does any more.
  std::mutex servers_mutex;  // guards servers
  std::vector<WatchedServer> servers;
};

// Counts one request, however its handler ends.
struct CountedRequest {
  CountedRequest(MetricsState& s, const ResponseWriter& writer, const Request& request) noexcept
      : state(s), w(writer), r(request) {
    state.in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  CountedRequest(const CountedRequest&) = delete;
  CountedRequest& operator=(const CountedRequest&) = delete;
  ~CountedRequest() { state.in_flight.fetch_sub(1, std::memory_order_relaxed); }

  // thrown: the status that an exception will become, unless another has been sent.
  void over(int thrown) const {
    const int status = w.committed() ? w.status() : thrown;
    const std::lock_guard lock(state.counts_mutex);
    state.counts.add(r.pattern(), r.method(), status, Clock::now() - began);
  }

  MetricsState& state;
  const ResponseWriter& w;
  const Request& r;
  const Clock::time_point began = Clock::now();
};

// One metric of all servers.
template <class Number>
void write_servers(std::string& to, const std::vector<WatchedServer>& servers,
                   std::string_view name, std::string_view type, std::string_view help,
                   const Number& number) {
  to += metric_head(name, type, help);
  for (const auto& [server, server_name] : servers)
    to += text(name, "{", label("server", server_name), "} ", number(server->stats()), "\n");
}

JOT_INLINE void write_connections(std::string& to, const std::vector<WatchedServer>& servers) {
  to += metric_head("http_server_connections", "gauge", "Open connections: idle are parked.");
  for (const auto& [server, name] : servers) {
    const ServerStats s = server->stats();
    const std::string of = text("http_server_connections{", label("server", name), ",state=");
    to += text(of, "\"active\"} ", s.connections - s.idle, "\n");
    to += text(of, "\"idle\"} ", s.idle, "\n");
  }
}

JOT_INLINE void write_all_servers(std::string& to, const std::vector<WatchedServer>& servers) {
  using Stats = const ServerStats&;
  const auto write = [&](std::string_view name, std::string_view type, std::string_view help,
                         std::uint64_t (*number)(Stats)) {
    write_servers(to, servers, name, type, help, number);
  };
  write_connections(to, servers);
  write("http_server_threads", "gauge", "Threads of the server, waiting ones included.",
        [](Stats s) -> std::uint64_t { return s.threads; });
  write("http_server_lanes", "gauge", "Lanes: threads that wait for the network.",
        [](Stats s) -> std::uint64_t { return s.lanes; });
  write("http_server_connections_accepted_total", "counter", "Connections since the start.",
        [](Stats s) { return s.accepted; });
  write("http_server_requests_total", "counter", "Requests answered, by whatever status.",
        [](Stats s) { return s.requests; });
  write("http_server_requests_refused_total", "counter",
        "Requests malformed, too large or too slow, and 503s for want of threads.",
        [](Stats s) { return s.refused; });
  write("http_server_received_bytes_total", "counter", "Bytes from sockets.",
        [](Stats s) { return s.bytes_in; });
  write("http_server_sent_bytes_total", "counter", "Bytes to sockets.",
        [](Stats s) { return s.bytes_out; });
}

// Is the server that answers this request about to end?
JOT_INLINE bool is_stopping(const Request& r) {
  const Origin* origin = RequestAccess::state(r).origin;
  return origin && origin->stopping();
}

}  // namespace detail

JOT_INLINE Metrics::Metrics() : state_(std::make_shared<detail::MetricsState>()) {}

JOT_INLINE void Metrics::operator()(ResponseWriter& w, Request& r, const Handler& next) const {
  const detail::CountedRequest request(*state_, w, r);
  try {
    next(w, r);
  } catch (const HttpError& e) {
    request.over(e.status());
    throw;
  } catch (...) {
    request.over(500);
    throw;
  }
  request.over(w.status());
}

JOT_INLINE void Metrics::operator()(ResponseWriter& w, Request&) const {
  w.header().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  w.header().set("Cache-Control", "no-store");
  w.write(text());
}

JOT_INLINE std::string Metrics::text() const {
  std::string all = detail::metric_head("http_requests_in_flight", "gauge",
                                        "Requests that are being answered now.");
  all += jot::text("http_requests_in_flight ", state_->in_flight.load(std::memory_order_relaxed),
                   "\n");
  {
    const std::lock_guard lock(state_->counts_mutex);
    all += state_->counts.text_format();
  }
  const std::lock_guard lock(state_->servers_mutex);
  if (!state_->servers.empty()) detail::write_all_servers(all, state_->servers);
  return all;
}

JOT_INLINE void Metrics::watch(const Server& server, std::string_view name) const {
  const std::lock_guard lock(state_->servers_mutex);
  for (const auto& watched : state_->servers) {
    if (watched.name == name)
      throw std::invalid_argument("jot: Metrics: a server of this name is watched already");
  }
  state_->servers.push_back({&server, std::string(name)});
}

JOT_INLINE void Metrics::unwatch(const Server& server) const {
  const std::lock_guard lock(state_->servers_mutex);
  std::erase_if(state_->servers, [&](const auto& watched) { return watched.server == &server; });
}

JOT_INLINE Handler health() {
  return [](ResponseWriter& w) {
    w.header().set("Cache-Control", "no-store");
    return "ok\n";
  };
}

JOT_INLINE Handler readiness(Context until, std::function<bool()> check) {
  return [until = std::move(until), check = std::move(check)](ResponseWriter& w, Request& r) {
    w.header().set("Cache-Control", "no-store");
    const bool ending = until.done() || detail::is_stopping(r);
    const bool ready = !ending && (!check || check());
    if (!ready) w.write_header(503);
    return ending ? "shutting down\n" : ready ? "ready\n" : "not ready\n";
  };
}

}  // namespace jot::inline v1

// -------------------------------------------------------------- jot/impl/testing.ipp

// testing.ipp -- the bodies of testing.hpp.

#include <algorithm>  // std::min
#include <cstddef>    // std::size_t
#include <cstring>    // std::memcpy
#include <limits>     // std::numeric_limits
#include <memory>     // std::make_unique
#include <stdexcept>  // std::invalid_argument
#include <utility>    // std::move

namespace jot::inline v1 {

namespace detail {

// A body that is there already. Its limit counts from the start, as that of a connection does.
class StringBody final : public BodySource {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)) {}

  std::size_t read(std::span<char> to) override {
    if (bytes_.size() > limit_) throw HttpError(413);
    const std::size_t n = std::min(to.size(), bytes_.size() - read_);
    if (n > 0) std::memcpy(to.data(), bytes_.data() + read_, n);
    read_ += n;
    return n;
  }
  void set_limit(std::uint64_t bytes) override { limit_ = bytes; }
  std::size_t expected() const noexcept override {
    return bytes_.size() > limit_ ? 0 : bytes_.size() - read_;
  }

  static void destroy(BodySource* source) { delete static_cast<StringBody*>(source); }

 private:
  std::string bytes_;
  std::size_t read_ = 0;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
};

// The head as it would stand on the wire.
JOT_INLINE std::string head_text(std::string_view method, std::string_view target,
                                 const Header& header) {
  std::string text(method);
  ((text += ' ') += target) += " HTTP/1.1\r\n";
  if (!header.has("Host")) text += "Host: example.com\r\n";
  for (const Field& f : header) (((text += f.name) += ": ") += f.value) += "\r\n";
  return text += "\r\n";
}

JOT_INLINE ServerOptions on_free_port(ServerOptions options) {
  if (options.addr == ServerOptions{}.addr) options.addr = "127.0.0.1:0";
  return options;
}

JOT_INLINE void set_own_body(RequestState& s, std::string body) {
  s.own_body = {new StringBody(std::move(body)), &StringBody::destroy};
  RequestAccess::set_source(s.body, s.own_body.get());
}

}  // namespace detail

JOT_INLINE Recorder::Recorder() = default;

JOT_INLINE Header& Recorder::header() { return header_; }

JOT_INLINE void Recorder::write_header(int status) {
  if (status < 100 || status > 999 || status == 101) {
    throw std::invalid_argument("jot: not a status to answer with: " + std::to_string(status));
  }
  if (status >= 200 && !committed()) status_ = status;
}

JOT_INLINE bool Recorder::write_bytes(std::string_view bytes) {
  body_ += bytes;
  return true;
}

JOT_INLINE Flusher* Recorder::flusher() { return this; }
JOT_INLINE int Recorder::status() const { return status_; }
JOT_INLINE bool Recorder::committed() const { return flushes_ > 0; }
JOT_INLINE std::uint64_t Recorder::bytes_written() const { return body_.size(); }

JOT_INLINE bool Recorder::reset() {
  if (committed()) return false;
  status_ = 200;
  header_ = {};
  body_.clear();
  return true;
}

JOT_INLINE bool Recorder::flush() {
  if (flushes_++ == 0) sent_ = header_;
  return true;
}

JOT_INLINE Recorded Recorder::recorded() const { return {status_, sent_header(), body_}; }

JOT_INLINE void Recorder::copy_to(ResponseWriter& w) const {
  for (const Field& f : sent_header()) w.header().add(f.name, f.value);
  w.write_header(status_);
  w.write_bytes(body_);
  if (Flusher* flusher = committed() ? w.flusher() : nullptr) flusher->flush();
}

JOT_INLINE Request request(std::string_view method, std::string_view target,
                           RequestOptions options) {
  if (!options.json.is_null()) {
    options.body = to_json(options.json);
    if (!options.header.has("Content-Type")) options.header.set("Content-Type", "application/json");
  }
  if (!options.body.empty() && !options.header.has("Transfer-Encoding")) {
    options.header.set("Content-Length", options.body.size());
  }
  auto state = std::make_unique<detail::RequestState>();
  state->own_bytes = detail::head_text(method, target, options.header);
  const detail::HeadLimits any{~std::size_t{0}, ~std::size_t{0}, ~std::size_t{0}};
  const auto verdict = detail::parse_request(state->own_bytes, any, state->head, state->header);
  if (!verdict.ok()) throw std::invalid_argument(std::string("jot: request: ") + verdict.reason);
  state->own_remote_addr = std::move(options.remote_addr);
  state->context = std::move(options.context);
  detail::set_own_body(*state, std::move(options.body));
  return detail::RequestAccess::make(std::move(state));
}

JOT_INLINE Recorded record(const Handler& h, Request r) {
  Recorder recorder;
  h.match(r);
  const auto outcome = detail::call_handler(h, recorder, r);
  Recorded result = recorder.recorded();
  result.cut_short = outcome == detail::Outcome::failed;
  return result;
}

JOT_INLINE TestServer::TestServer(Handler handler)
    : TestServer(ServerOptions{.handler = std::move(handler)}) {}

JOT_INLINE TestServer::TestServer(ServerOptions options)
    : server_(detail::on_free_port(std::move(options))) {
  server_.start();
}

JOT_INLINE std::string TestServer::url(std::string_view path) const {
  return text("http://", server_.addr(), path);
}

}  // namespace jot::inline v1

#endif  // JOT_BODIES

#elif JOT_VERSION_MAJOR != 0 || JOT_VERSION_MINOR != 1 || JOT_VERSION_PATCH != 0
#error "two versions of jot meet in one file: this is 0.1.0"
#endif  // JOT_HPP
