// SPDX-License-Identifier: MIT
//
// template_printf.hpp -- what do print, println and printf make of these Values?
//
// In: operands, and for printf a format of Go's fmt: %[flags][width][.precision][[n]]verb, where
// width and precision may be * and so come from the operands. Out: the text. A mistake in the
// format is no error: it is printed where it happens, as %!d(string=hi), %!d(MISSING), %!(NOVERB),
// %!(EXTRA int=1), %!(BADINDEX), %!(BADWIDTH) or %!(BADPREC).
#pragma once

#include "ascii.hpp"           // is_digit
#include "template_print.hpp"  // append_printed, go_type, is_text, PrintFlags, ValuePrinter
#include "utf8.hpp"            // append_utf8, utf8_front

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
