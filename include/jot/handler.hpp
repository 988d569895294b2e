// SPDX-License-Identifier: MIT
//
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
#pragma once

#include "config.hpp"
#include "request.hpp"          // Request
#include "response_writer.hpp"  // ResponseWriter
#include "text.hpp"             // TextLike, NumberLike
#include "value.hpp"            // Value, TypedContent, HTML

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

#if JOT_BODIES
#include "impl/handler.ipp"
#endif
