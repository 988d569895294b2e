// SPDX-License-Identifier: MIT
//
// template_parse.hpp -- which templates does this source define?
//
// In: a source, the names of the functions that it may call. Out: a tree for the source itself and
// one for each {{define}} and {{block}} in it; or a ParseProblem with its place and the words of
// Go. Recursive descent: each function takes the words of what it is named after.
#pragma once

#include "quote.hpp"              // in_quotes
#include "template_lex.hpp"       // LexOptions, Token, TokenKind
#include "template_pipeline.hpp"  // PipelineParser
#include "template_tree.hpp"      // NodeKind, NodePtr, TemplateNode, TemplateSource
#include "utf8.hpp"               // utf8_front

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

// White space only, as Unicode has it?
constexpr bool is_blank(std::string_view text) noexcept {
  while (!text.empty()) {
    const Utf8 c = utf8_front(text);
    const char32_t p = c.code_point;
    const bool space = (p >= '\t' && p <= '\r') || p == ' ' || p == 0x85 || p == 0xA0 ||
                       p == 0x1680 || (p >= 0x2000 && p <= 0x200A) || p == 0x2028 || p == 0x2029 ||
                       p == 0x202F || p == 0x205F || p == 0x3000;
    if (c.size == 0 || !space) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

// Nothing but white space and comments: such a one does not take the place of another.
inline bool is_empty_tree(const TemplateNode& node) noexcept {
  switch (node.kind) {
    case NodeKind::text: return is_blank(node.text);
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
      fail("multiple definition of template " + in_quotes(name));
    }
  }

  // After {{define.
  void definition() {
    const Token word = take_word();
    const std::string name = template_name(word, "define clause");
    expect(TokenKind::right, "define clause");
    define(word, name, "define clause");
  }

  // A template within this one: it sees no variables of ours, and none of our ranges.
  void define(const Token& word, const std::string& name, const char* where) {
    const std::vector<std::string> variables = std::exchange(variables_, {"$"});
    const int ranges = std::exchange(ranges_, 0);
    const std::size_t action_at = std::exchange(action_at_, std::string::npos);
    auto [root, end] = list();
    if (end.ends != Ends::by_end) fail("unexpected " + described(end) + " in " + where);
    variables_ = variables, ranges_ = ranges, action_at_ = action_at;
    last_ = word;
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
    if (token.kind == TokenKind::left) {
      action_at_ = token.at;
      Item item = action();
      action_at_ = std::string::npos;  // also where it stood within another one
      return item;
    }
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
    define(name, made->text, where);
    return made;
  }

  static std::string described(const Item& item) {
    return item.ends == Ends::by_end ? "{{end}}" : "{{else}}";
  }

  TemplateTrees trees_ = {};
  int ranges_ = 0;  // around us
};

}  // namespace jot::inline v1::detail
