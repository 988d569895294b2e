// SPDX-License-Identifier: MIT
//
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
#pragma once

#include "config.hpp"
#include "from_value.hpp"  // from_value
#include "value.hpp"       // List, Map, TypedContent, Value

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
  static T get(const Value* v) {
    if constexpr (TypedContent<T>) {
      if (v->kind() != Value(T()).kind()) throw std::invalid_argument("want other typed content");
      return T{v->as_string()};
    } else {
      return from_value<T>(*v);
    }
  }
};

template <Number N>
struct ArgumentOf<N> {
  static constexpr Parameter parameter =
      std::floating_point<N> ? Parameter::floating : Parameter::integer;
  static N get(const Value* v) { return from_value<N>(*v); }
};
template <>
struct ArgumentOf<bool> {
  static constexpr Parameter parameter = Parameter::boolean;
  static bool get(const Value* v) { return v->as_bool(); }
};
template <>
struct ArgumentOf<Value> {
  static constexpr Parameter parameter = Parameter::any;
  static const Value& get(const Value* v) { return *v; }
};
template <>
struct ArgumentOf<std::string> {
  static constexpr Parameter parameter = Parameter::text;
  static const std::string& get(const Value* v) { return v->as_string(); }
};
template <>
struct ArgumentOf<std::string_view> : ArgumentOf<std::string> {};
template <>
struct ArgumentOf<const char*> : ArgumentOf<std::string> {
  static const char* get(const Value* v) { return v->as_string().c_str(); }
};
template <>
struct ArgumentOf<List> {
  static constexpr Parameter parameter = Parameter::list;
  static const List& get(const Value* v) { return v->as_list(); }
};
template <>
struct ArgumentOf<Map> {
  static constexpr Parameter parameter = Parameter::map;
  static const Map& get(const Value* v) { return v->as_map(); }
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
    return ArgumentOf<T>::get(arguments[i]);
  }
};
template <class T>
struct ArgumentAt<std::span<const T>> {
  static std::vector<T> get(FunctionArguments arguments, std::size_t i) {
    std::vector<T> rest;
    for (const Value* v : arguments.subspan(i)) rest.push_back(T(ArgumentOf<T>::get(v)));
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

#if JOT_BODIES
#include "impl/template_func.ipp"
#endif
