// SPDX-License-Identifier: MIT
//
// template_pipeline.hpp -- what is to be computed between these braces?
//
//     $x, $y := .Rows | index 1 (len .Name) | printf "%v"
//
// In: words. Out: the tree of a pipeline: its variables, its commands, their operands. What cannot
// be computed whatever the data are is refused here: an unknown function, a variable that is not
// in scope, a literal that is none.
#pragma once

#include "quote.hpp"             // in_quotes
#include "template_lex.hpp"      // Token, TokenKind
#include "template_literal.hpp"  // character_literal, Literal, number_literal, unquote
#include "template_tree.hpp"     // NodeKind, NodePtr, TemplateNode, to_source
#include "template_words.hpp"    // TemplateWords

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
        fail("unexpected . after term " + in_quotes(to_source(*one)));
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
        if (!is_function_(token.text)) fail("function " + in_quotes(token.text) + " not defined");
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
      fail("undefined variable " + in_quotes(token.text));
    NodePtr made = node(NodeKind::variable, token.at);
    made->names.emplace_back(token.text);
    return made;
  }

  const IsFunction& is_function_;
};

}  // namespace jot::inline v1::detail
