// SPDX-License-Identifier: MIT
//
// template_exec.hpp -- which page do this template and these data make?
//
// In: trees, the functions they call, and a Value. Out: the page, appended to one string; or an
// ExecProblem with the node where it happened and the words of Go.
//
// An executor serves one execution, on one thread; trees and functions are only read.
#pragma once

#include "../template_func.hpp"  // Sequence
#include "../value.hpp"          // List, Map, Value
#include "escape_value.hpp"      // escape_value
#include "quote.hpp"             // in_quotes
#include "template_eval.hpp"     // PipelineEvaluator
#include "template_names.hpp"    // ExecProblem, OnMissingKey, TemplateNames
#include "template_operand.hpp"  // is_true, make_operand, Operand
#include "template_print.hpp"    // append_printed, go_type
#include "template_tree.hpp"     // NodeKind, TemplateNode

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
    if (const Value* v = plain_field(dot, *node.pipe)) return write(node, *v);
    const Operand value = pipeline(dot, node.pipe.get());
    if (!node.pipe->declared.empty()) return;
    at_ = &node;
    if (value.is_nothing() && node.text.empty()) return void(page_ += "<no value>");
    write(node, value.is_nothing() ? null_ : *value.value);
  }

  void write(const TemplateNode& node, const Value& v) {
    node.text.empty() ? append_printed(page_, v) : escape_value(page_, node.text, v);
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
    if (root == nullptr) fail("template " + in_quotes(node.text) + " not defined");
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
