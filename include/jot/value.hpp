// SPDX-License-Identifier: MIT
//
// value.hpp -- what do templates, JSON and log lines speak about?
//
// In: numbers, text, lists and maps, written in braces or made from types of your own. Out: a
// Value, a tree of null, bool, int (64 bits), double, string, list and map.
//
//     Value page = {{"title", "Home"}, {"items", List{1, 2, 3}}};  // in braces: always a map
//     page["title"].as_string();  page["items"][0].as_int();
//
// A string that is known to be HTML, CSS, ... can say so: Value{HTML{"<b>trusted</b>"}}. Templates
// pass it as what it is; everything else treats it as text. A Value owns all below it; copies are
// deep. const members may run on many threads at a time.
#pragma once

#include "config.hpp"
#include "text.hpp"  // NumberLike, OddChar, TextLike

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
class JsonWriter;
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
  friend class detail::JsonWriter;

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

#if JOT_BODIES
#include "impl/value.ipp"
#endif
