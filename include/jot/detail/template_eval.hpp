// SPDX-License-Identifier: MIT
//
// template_eval.hpp -- what does this pipeline of a template come to?
//
// In: a pipeline's tree, the dot, and what the template may name. Out: an Operand, which points
// into the data: nothing is copied on the way from the data to the page. Fields are looked up in
// maps alone, for a Value has no methods. A problem throws ExecProblem, in the words of Go.
#pragma once

#include "../value.hpp"            // Value
#include "quote.hpp"               // in_quotes
#include "template_functions.hpp"  // Builtin, find_builtin, operands_of
#include "template_literal.hpp"    // is_written_whole
#include "template_names.hpp"      // ExecProblem, OnMissingKey, Parameter, TemplateNames, ...
#include "template_operand.hpp"    // is_true, make_operand, Operand
#include "template_tree.hpp"       // NodeKind, TemplateNode, to_source

#include <cstddef>      // std::size_t
#include <exception>    // std::exception
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::invoke_result_t
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

class PipelineEvaluator {
 protected:
  PipelineEvaluator(const TemplateNames& names, OnMissingKey missing_key) noexcept
      : names_(names), missing_key_(missing_key) {}
  ~PipelineEvaluator() = default;

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
    explicit Level(PipelineEvaluator& evaluator) : depth_(evaluator.depth_) {
      if (depth_ == most_depth)
        evaluator.fail("exceeded maximum template depth (" + std::to_string(most_depth) + ")");
      ++depth_;
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  // What fits on the stack of a thread, which glibc gives 8 MiB: this takes less than 2.
  static constexpr int most_depth = 2000;

  [[noreturn]] void fail(std::string message) const {
    throw ExecProblem{at_, std::string(executing_), std::move(message)};
  }

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
    Operand value = commands(dot, *pipe, pipe->nodes.size());
    if (!pipe->declared.empty()) declare(*pipe, value);
    return value;
  }

  // What most pipelines are, without the rest: .a.b, where there is one. nullptr: it is something
  // else, or goes wrong; then pipeline() says how.
  static const Value* plain_field(const Operand& dot, const TemplateNode& pipe) noexcept {
    if (pipe.nodes.size() != 1 || !pipe.declared.empty()) return nullptr;
    const TemplateNode& command = *pipe.nodes[0];
    const TemplateNode& field = *command.nodes[0];
    if (command.nodes.size() != 1 || field.kind != NodeKind::field) return nullptr;
    const Value* v = dot.value;
    for (const std::string& name : field.names) v = v != nullptr ? v->find(name) : nullptr;
    return v == nullptr || v->is_null() ? nullptr : v;
  }

  // The same for a pipeline of {{range}} whose last command makes a sequence. Returns: false, and
  // nothing is done, where it does not.
  bool sequence(const Operand& dot, const TemplateNode& pipe, Sequence& to) {
    const TemplateNode& last = *pipe.nodes.back();
    const TemplateNode& name = *last.nodes[0];
    if (name.kind != NodeKind::identifier) return false;
    const AddedFunction* added = names_.find_function(name.text);
    if (added == nullptr || !added->makes_sequence) return false;
    const bool is_first = pipe.nodes.size() == 1;
    const Operand before = commands(dot, pipe, pipe.nodes.size() - 1);
    at_ = &name;
    const std::vector<Operand> arguments =
        arguments_of(*added, dot, name, last.nodes, is_first ? nullptr : &before);
    guarded(name, last, [&] { to = added->sequence(operands_of(arguments, null_)); });
    declare(pipe, {});
    return true;
  }

  // Whatever a function throws is an error of the page.
  template <class Call>
  std::invoke_result_t<Call&> guarded(const TemplateNode& name, const TemplateNode& whole,
                                      Call call) {
    std::string problem;
    try {
      return call();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    at_ = &whole;
    fail("error calling " + name.text + ": " + problem);
  }

  const TemplateNames& names_;
  const OnMissingKey missing_key_;
  const Value null_;
  const TemplateNode* at_ = nullptr;  // for messages
  std::string_view executing_ = {};   // the name of the template
  std::vector<Variable> variables_ = {};
  std::size_t base_ = 0;  // where the variables of this template begin

 private:
  // What the first so many commands of a pipeline come to.
  Operand commands(const Operand& dot, const TemplateNode& pipe, std::size_t count) {
    Operand value;
    for (std::size_t i = 0; i < count; ++i)
      value = command(dot, *pipe.nodes[i], i == 0 ? nullptr : &value).unwrapped();
    return value;
  }

  void declare(const TemplateNode& pipe, const Operand& value) {
    for (const NodePtr& variable : pipe.declared) {
      if (pipe.is_assign)
        assign(variable->names[0], value);
      else
        variables_.push_back({variable->names[0], value});
    }
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
    if (node.value.is_double() && is_written_whole(node.text)) fail(node.text + " overflows int");
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
      const TemplateNode& first = *node.nodes[0];
      value = argument(dot, first, Parameter::any);
      // Without parentheses around it, a function's null is one, and not nothing.
      if (value.is_nothing() && first.kind == NodeKind::identifier) value = {&null_, true, {}};
    }
    for (; i + 1 < node.names.size(); ++i) value = field(value, node.names[i], false);
    return field(value, node.names[i], has_arguments);
  }

  Operand field(const Operand& of, const std::string& name, bool has_arguments) {
    if (of.is_nothing()) {
      if (missing_key_ == OnMissingKey::error) fail("nil data; no entry for key " + in_quotes(name));
      return {};
    }
    if (of.value->is_null()) fail("nil pointer evaluating " + std::string(of.type()) + "." + name);
    if (!of.value->is_map())
      fail("can't evaluate field " + name + " in type " + std::string(of.type()));
    if (has_arguments) fail(name + " is not a method but has arguments");
    if (const Value* found = of.value->find(name)) return of.element(*found);
    if (missing_key_ == OnMissingKey::error) fail("map has no entry for key " + in_quotes(name));
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
      const std::vector<Operand> arguments = arguments_of(*added, dot, name, nodes, final);
      return guarded(name, whole,
                     [&] { return make_operand(added->call(operands_of(arguments, null_))); });
    }
    const Builtin* builtin = find_builtin(name.text);
    if (builtin == nullptr) fail(in_quotes(name.text) + " is not a defined function");
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

  std::vector<Operand> arguments_of(const AddedFunction& added, const Operand& dot,
                                    const TemplateNode& name, const Nodes& nodes,
                                    const Operand* final) {
    const std::size_t given = nodes.empty() ? 0 : nodes.size() - 1;
    check_count(name, given, final, added.parameters.size() - (added.is_variadic ? 1 : 0),
                added.is_variadic);
    return collect(dot, nodes, final, added.parameters);
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

  int depth_ = 0;
};

}  // namespace jot::inline v1::detail
