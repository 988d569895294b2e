// SPDX-License-Identifier: MIT
//
// template_exec.hpp -- which page do this template and these data make?
//
// In: trees, the functions they call, and a Value. Out: the page, appended to one string; or an
// ExecProblem with the node where it happened and the words of Go.
//
// A pipeline is worth an Operand, which points into the data: nothing is copied on the way from
// the data to the page. Fields are looked up in maps alone, for a Value has no methods.
// An executor serves one execution, on one thread; trees and functions are only read.
#pragma once

#include "../value.hpp"            // List, Map, Value
#include "escape_value.hpp"        // escape_value
#include "quote.hpp"               // quoted
#include "template_functions.hpp"  // Builtin, find_builtin
#include "template_names.hpp"      // ExecProblem, OnMissingKey, Parameter, TemplateNames, ...
#include "template_operand.hpp"    // is_true, make_operand, Operand
#include "template_print.hpp"      // append_printed, go_type
#include "template_tree.hpp"       // NodeKind, TemplateNode

#include <cstddef>      // std::size_t
#include <cstdint>      // std::int64_t
#include <exception>    // std::exception
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class TemplateExecutor {
 public:
  TemplateExecutor(const TemplateNames& names, OnMissingKey missing_key, std::string& page) noexcept
      : names_(names), missing_key_(missing_key), page_(page) {}

  // Throws ExecProblem; page is then to be thrown away.
  void run(std::string_view name, const TemplateNode& root, const Value& data) {
    at_ = &root;
    call_template(name, root, Operand{&data, false, {}}.unwrapped());
  }

 private:
  enum class Flow { on, break_, continue_ };

  struct Variable {
    std::string_view name;
    Operand value;
  };

  using Nodes = std::vector<NodePtr>;

  // Takes the variables back that a block declared.
  class Scope {
   public:
    explicit Scope(std::vector<Variable>& variables) noexcept
        : variables_(variables), size_(variables.size()) {}
    ~Scope() { variables_.resize(size_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::vector<Variable>& variables_;
    const std::size_t size_;
  };

  // Counts how deep we are: templates called by templates, blocks within blocks, parentheses.
  class Level {
   public:
    explicit Level(TemplateExecutor& executor) : depth_(executor.depth_) {
      if (depth_ == most_depth)
        executor.fail("exceeded maximum template depth (" + std::to_string(most_depth) + ")");
      ++depth_;
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  // What fits on the stack of any thread.
  static constexpr int most_depth = 2000;

  [[noreturn]] void fail(std::string message) const {
    throw ExecProblem{at_, std::string(executing_), std::move(message)};
  }

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
    const Operand value = pipeline(dot, node.pipe.get());
    if (!node.pipe->declared.empty()) return;
    at_ = &node;
    if (node.text.empty()) return print(value);
    escape_value(page_, node.text, value.is_nothing() ? Value() : *value.value);
  }

  void print(const Operand& value) {
    if (value.is_nothing()) return void(page_ += "<no value>");
    append_printed(page_, *value.value);
  }

  Flow branch(const Operand& dot, const TemplateNode& node) {
    const Scope scope(variables_);
    const Operand value = pipeline(dot, node.pipe.get());
    if (is_true(value)) return walk_list(node.kind == NodeKind::with ? value : dot, *node.body);
    return node.otherwise ? walk_list(dot, *node.otherwise) : Flow::on;
  }

  Flow range(const Operand& dot, const TemplateNode& node) {
    const Scope scope(variables_);
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
    if (root == nullptr) fail("template " + quoted(node.text) + " not defined");
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

  // ---- pipelines

  Operand* find_variable(std::string_view name) noexcept {
    for (std::size_t i = variables_.size(); i > base_; --i) {
      if (variables_[i - 1].name == name) return &variables_[i - 1].value;
    }
    return nullptr;
  }

  void assign(std::string_view name, const Operand& value) {
    Operand* variable = find_variable(name);
    if (variable == nullptr) fail("undefined variable: " + std::string(name));
    *variable = value;
  }

  // Nothing if there is none. Declares its variables.
  Operand pipeline(const Operand& dot, const TemplateNode* pipe) {
    if (pipe == nullptr) return {};
    const Level level(*this);
    at_ = pipe;
    Operand value;
    const Operand* final = nullptr;  // what the command before came to
    for (const NodePtr& node : pipe->nodes) {
      value = command(dot, *node, final).unwrapped();
      final = &value;
    }
    for (const NodePtr& variable : pipe->declared) {
      if (pipe->is_assign)
        assign(variable->names[0], value);
      else
        variables_.push_back({variable->names[0], value});
    }
    return value;
  }

  // final is nullptr in the first command of a pipeline.
  Operand command(const Operand& dot, const TemplateNode& node, const Operand* final) {
    const TemplateNode& first = *node.nodes[0];
    const bool has_arguments = node.nodes.size() > 1 || final != nullptr;
    switch (first.kind) {
      case NodeKind::identifier: return function(dot, first, node, node.nodes, final);
      case NodeKind::field:
      case NodeKind::chain: return fields(dot, first, has_arguments);
      case NodeKind::variable:
        if (first.names.size() == 1) {
          at_ = &first;
          Operand* value = variable_of(first);
          if (has_arguments) refuse_arguments(first);
          return *value;
        }
        return fields(dot, first, has_arguments);
      case NodeKind::pipe:
        if (has_arguments) refuse_arguments(first);
        return pipeline(dot, &first);
      default:
        at_ = &first;
        if (has_arguments) refuse_arguments(first);
        if (first.kind == NodeKind::nil) fail("nil is not a command");
        return first.kind == NodeKind::dot ? dot : literal(first);
    }
  }

  [[noreturn]] void refuse_arguments(const TemplateNode& first) const {
    fail("can't give argument to non-function " + to_source(first));
  }

  Operand literal(const TemplateNode& node) {
    at_ = &node;
    if (node.value.is_null()) fail(node.text + " overflows int");
    return {&node.value, false, {}};
  }

  Operand* variable_of(const TemplateNode& node) {
    Operand* value = find_variable(node.names[0]);
    if (value == nullptr) fail("undefined variable: " + node.names[0]);
    return value;
  }

  // ---- fields

  // .a.b, $x.a.b, (pipeline).a.b
  Operand fields(const Operand& dot, const TemplateNode& node, bool has_arguments) {
    at_ = &node;
    Operand value;
    std::size_t i = 0;
    if (node.kind == NodeKind::field) {
      value = dot;
    } else if (node.kind == NodeKind::variable) {
      value = *variable_of(node);
      i = 1;
    } else {
      value = argument(dot, *node.nodes[0], Parameter::any);
    }
    for (; i + 1 < node.names.size(); ++i) value = field(value, node.names[i], false);
    return field(value, node.names[i], has_arguments);
  }

  Operand field(const Operand& of, const std::string& name, bool has_arguments) {
    if (of.is_nothing()) {
      if (missing_key_ == OnMissingKey::error) fail("nil data; no entry for key " + quoted(name));
      return {};
    }
    if (of.value->is_null()) fail("nil pointer evaluating " + std::string(of.type()) + "." + name);
    if (!of.value->is_map())
      fail("can't evaluate field " + name + " in type " + std::string(of.type()));
    if (has_arguments) fail(name + " is not a method but has arguments");
    if (const Value* found = of.value->find(name)) return of.element(*found);
    if (missing_key_ == OnMissingKey::error) fail("map has no entry for key " + quoted(name));
    if (missing_key_ == OnMissingKey::zero) return {&null_, true, {}};
    return {};
  }

  // ---- functions

  // arguments: those of the command, its name first; empty when it stands alone.
  Operand function(const Operand& dot, const TemplateNode& name, const TemplateNode& whole,
                   const Nodes& nodes, const Operand* final) {
    at_ = &name;
    const std::size_t given = nodes.empty() ? 0 : nodes.size() - 1;
    if (const AddedFunction* added = names_.find_function(name.text)) {
      check_count(name, given, final, added->parameters.size() - (added->is_variadic ? 1 : 0),
                  added->is_variadic);
      const std::vector<Operand> arguments = collect(dot, nodes, final, added->parameters);
      return guarded(name, whole,
                     [&] { return make_operand(added->call(operands_of(arguments, null_))); });
    }
    const Builtin* builtin = find_builtin(name.text);
    if (builtin == nullptr) fail(quoted(name.text) + " is not a defined function");
    check_count(name, given, final, builtin->least, builtin->is_variadic);
    if (name.text == "and" || name.text == "or")
      return and_or(dot, nodes, final, name.text == "or");
    static const std::vector<Parameter> printf_parameters{Parameter::text, Parameter::any};
    static const std::vector<Parameter> any_parameters{Parameter::any};
    const std::vector<Operand> arguments =
        collect(dot, nodes, final, name.text == "printf" ? printf_parameters : any_parameters);
    return guarded(name, whole, [&] {
      if (builtin->call == nullptr)
        refuse_call(nodes.size() > 1 ? to_source(*nodes[1]) : "", arguments[0]);
      return builtin->call(arguments);
    });
  }

  void check_count(const TemplateNode& name, std::size_t given, const Operand* final,
                   std::size_t wanted, bool is_variadic) const {
    const std::size_t count = given + (final != nullptr ? 1 : 0);
    if (is_variadic ? count >= wanted : count == wanted) return;
    fail("wrong number of args for " + name.text + ": want " + (is_variadic ? "at least " : "") +
         std::to_string(wanted) + " got " + std::to_string(is_variadic ? given : count));
  }

  // The first that decides, or the last; those behind it are not evaluated.
  Operand and_or(const Operand& dot, const Nodes& nodes, const Operand* final, bool is_or) {
    Operand value;
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      value = argument(dot, *nodes[i], Parameter::any);
      if (is_true(value) == is_or) return value;
    }
    return final != nullptr ? *final : value;
  }

  std::vector<Operand> collect(const Operand& dot, const Nodes& nodes, const Operand* final,
                               const std::vector<Parameter>& parameters) {
    std::vector<Operand> arguments;
    arguments.reserve(nodes.size());
    const auto wanted = [&] {
      const std::size_t i = arguments.size();
      return i < parameters.size() ? parameters[i] : parameters.back();
    };
    for (std::size_t i = 1; i < nodes.size(); ++i)
      arguments.push_back(argument(dot, *nodes[i], wanted()));
    if (final != nullptr) arguments.push_back(checked(*final, wanted()));
    return arguments;
  }

  // Whatever a function throws is an error of the page.
  template <class Call>
  Operand guarded(const TemplateNode& name, const TemplateNode& whole, Call call) {
    std::string problem;
    try {
      return call();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    at_ = &whole;
    fail("error calling " + name.text + ": " + problem);
  }

  // ---- arguments

  Operand argument(const Operand& dot, const TemplateNode& node, Parameter wanted) {
    at_ = &node;
    static const Nodes none;
    switch (node.kind) {
      case NodeKind::dot: return checked(dot, wanted);
      case NodeKind::nil:
        if (wanted != Parameter::any)
          fail("cannot assign nil to " + std::string(type_name(wanted)));
        return {};
      case NodeKind::field:
      case NodeKind::chain: return checked(fields(dot, node, false), wanted);
      case NodeKind::variable:
        if (node.names.size() > 1) return checked(fields(dot, node, false), wanted);
        return checked(*variable_of(node), wanted);
      case NodeKind::pipe: return checked(pipeline(dot, &node), wanted);
      case NodeKind::identifier: return checked(function(dot, node, node, none, nullptr), wanted);
      default: return literal_as(node, wanted);
    }
  }

  Operand literal_as(const TemplateNode& node, Parameter wanted) {
    if (wanted == Parameter::any) return literal(node);
    const Value v = convert_literal(node.value, wanted);
    if (v.is_null())
      fail("expected " + std::string(literal_name(wanted)) + "; found " + to_source(node));
    return make_operand(v);
  }

  // Is it what the function takes?
  Operand checked(const Operand& operand, Parameter wanted) const {
    if (wanted == Parameter::any) return operand;
    if (operand.is_nothing()) fail("invalid value; expected " + std::string(type_name(wanted)));
    const Value& v = *operand.value;
    if (fits(v, wanted)) return operand;
    fail("wrong type for value; expected " + std::string(type_name(wanted)) + "; got " +
         std::string(v.is_null() ? operand.type() : go_type(v)));
  }

  const TemplateNames& names_;
  const OnMissingKey missing_key_;
  std::string& page_;
  const Value null_;
  const TemplateNode* at_ = nullptr;  // for messages
  std::string_view executing_;        // the name of the template
  std::vector<Variable> variables_;
  std::size_t base_ = 0;  // where the variables of this template begin
  int depth_ = 0;
};

}  // namespace jot::inline v1::detail
