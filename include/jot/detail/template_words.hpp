// SPDX-License-Identifier: MIT
//
// template_words.hpp -- what is the next word of this template, and what if it is the wrong one?
//
// The parser's hands: the words that it looks ahead, three at most; the place that a problem is
// said to be at; and the depth of blocks and parentheses, which is bounded so that it fits on any
// stack.
#pragma once

#include "quote.hpp"          // in_quotes
#include "template_lex.hpp"   // LexOptions, TemplateLexer, Token, TokenKind
#include "template_tree.hpp"  // NodeKind, NodePtr, TemplateNode, TemplateSource
#include "utf8.hpp"           // utf8_front

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
    return in_quotes(token.text.substr(0, size)) + (token.text.size() > 10 ? "..." : "");
  }

  [[noreturn]] void unexpected(const Token& token, std::string_view where) {
    last_ = token;
    if (token.kind != TokenKind::error)
      fail("unexpected " + described(token) + " in " + std::string(where));
    std::string message(token.text);
    if (action_at_ != std::string::npos && line_of(action_at_) != line_of(token.at)) {
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
  Token last_ = {};                            // the last that was taken: where a problem is
  std::size_t action_at_ = std::string::npos;  // where the present action began; npos: in none

 private:
  TemplateLexer lexer_;
  std::vector<Token> next_ = {};  // looked at already, the first at the back
  int depth_ = 0;
};

}  // namespace jot::inline v1::detail
