// SPDX-License-Identifier: MIT
//
// template_lex.hpp -- where does each word of a template begin and end?
//
// In: the source of a template. Out, one at a time: text, with what {{- and -}} trim off already
// gone, and the words between the braces. White space there is a token, for `.a .b` are two words
// and `.a.b` is one. What is no word is a token, too: an error, with the words of Go.
// Bytes in, views out: nothing is copied but messages.
#pragma once

#include "ascii.hpp"            // byte_alpha, is_a, is_digit
#include "quote.hpp"            // in_quotes
#include "template_number.hpp"  // append_code_point, PrintFlags
#include "utf8.hpp"             // utf8_front

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
    return fail("bad number syntax: " + in_quotes(source_.substr(start, at_ - start)), start);
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
