// SPDX-License-Identifier: MIT
//
// template_tree.hpp -- what does a parsed template look like?
//
// One kind of node for all: what a member means depends on the kind, as written beside it.
//
//     {{range $i, $e := .Rows | reverse}}<li>{{$e.Name}}{{else}}none{{end}}
//
// is a range; its pipe declares $i and $e and has two commands, the field .Rows and the identifier
// reverse; its body is a list of a text and an action; its otherwise is a list of one text.
// Written once by the parser and once by the escaper, then only read, by many threads.
#pragma once

#include "../value.hpp"  // Value
#include "quote.hpp"     // append_quoted

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
