// SPDX-License-Identifier: MIT
//
// template_set.hpp -- which templates are there, and are they ready to be executed?
//
// 1. Sources are parsed into trees, by name, until the first execution freezes the set.
// 2. The first execution of a name copies the trees that it reaches and gives each action its
//    escapers, under the lock. What came of it, a problem as well, is kept.
// 3. All others find it without a lock.
#pragma once

#include "../template.hpp"         // Escaping, TemplateError, TemplateFunc
#include "../template_func.hpp"    // AddedFunction
#include "html_escape.hpp"         // EscapableSet, escape_set, EscapeProblem
#include "template_exec.hpp"       // TemplateExecutor
#include "template_functions.hpp"  // find_builtin
#include "template_names.hpp"      // ExecProblem, OnMissingKey, TemplateNames
#include "template_parse.hpp"      // LexOptions, ParseProblem, TemplateParser, TemplateTrees
#include "template_place.hpp"      // error_at

#include <atomic>       // std::atomic
#include <functional>   // std::less
#include <map>          // std::map
#include <memory>       // std::make_shared, std::make_unique, std::shared_ptr, std::unique_ptr
#include <mutex>        // std::mutex, std::scoped_lock
#include <optional>     // std::optional
#include <stdexcept>    // std::logic_error
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

using AddedFunctions = std::map<std::string, std::shared_ptr<const AddedFunction>, std::less<>>;
using SharedTrees = std::map<std::string, std::shared_ptr<const TemplateNode>, std::less<>>;

// What one template needs to be executed: it and all that it calls, escaped for their places.
class ReadyTemplate final : public TemplateNames, private EscapableSet {
 public:
  // Throws TemplateError.
  ReadyTemplate(const std::string& name, Escaping escaping, const SharedTrees& all,
                const AddedFunctions& functions)
      : all_(all), functions_(functions) {
    if (escaping == Escaping::html) escape(name);
    root_ = find_template(name);
  }

  const TemplateNode& root() const noexcept { return *root_; }

  const TemplateNode* find_template(std::string_view name) const override {
    if (const auto own = escaped_.find(name); own != escaped_.end()) return own->second.get();
    const auto known = all_.find(name);
    return known == all_.end() ? nullptr : known->second.get();
  }

  const AddedFunction* find_function(std::string_view name) const override {
    const auto known = functions_.find(name);
    return known == functions_.end() ? nullptr : known->second.get();
  }

 private:
  void escape(const std::string& name) try {
    escape_set(*this, name);
  } catch (const EscapeProblem& problem) {
    if (problem.at != nullptr)
      throw error_at(*problem.at->source, problem.at->at, problem.message, problem.code);
    throw TemplateError(name, 0, 0, problem.message, escape_errc_name(problem.code));
  }

  TemplateNode* find(const std::string& name) override {
    if (const auto own = escaped_.find(name); own != escaped_.end()) return own->second.get();
    const auto known = all_.find(name);
    return known == all_.end() ? nullptr : add(name, copy_node(*known->second));
  }

  TemplateNode* add(const std::string& name, NodePtr root) override {
    return (escaped_[name] = std::move(root)).get();
  }

  const SharedTrees& all_;
  const AddedFunctions& functions_;
  TemplateTrees escaped_ = {};
  const TemplateNode* root_ = nullptr;
};

class TemplateSet {
 public:
  explicit TemplateSet(Escaping escaping) noexcept : escaping_(escaping) {}

  enum WithoutTemplates { without_templates };

  // The same functions and options.
  TemplateSet(const TemplateSet& other, WithoutTemplates)
      : escaping_(other.escaping_),
        missing_key_(other.missing_key_),
        functions_(other.functions_) {}

  // The same templates, not yet frozen.
  TemplateSet(const TemplateSet& other)
      : escaping_(other.escaping_),
        missing_key_(other.missing_key_),
        functions_(other.functions_),
        trees_(other.trees_) {}
  TemplateSet& operator=(const TemplateSet&) = delete;

  Escaping escaping() const noexcept { return escaping_; }

  // Throws std::logic_error after the first execution.
  void check_open(const char* what) const {
    if (frozen_.load(std::memory_order_relaxed))
      throw std::logic_error("jot: cannot " + std::string(what) +
                             " after templates have been executed: clone() them before");
  }

  void set_missing_key(OnMissingKey what) {
    check_open("change an option");
    missing_key_ = what;
  }

  void add_function(std::string_view name, std::shared_ptr<const AddedFunction> function) {
    check_open("add a function");
    functions_.insert_or_assign(std::string(name), std::move(function));
  }

  // Throws TemplateError, and then nothing has changed.
  void parse(const std::string& name, std::string_view text, LexOptions options) {
    check_open("parse");
    options.knows_break = functions_.find("break") == functions_.end();
    options.knows_continue = functions_.find("continue") == functions_.end();
    const auto source =
        std::make_shared<const TemplateSource>(TemplateSource{name, std::string(text)});
    const TemplateParser::IsFunction is_function = [this](std::string_view word) {
      return functions_.find(word) != functions_.end() || find_builtin(word) != nullptr;
    };
    try {
      TemplateTrees trees = TemplateParser(source, options, is_function).run();
      for (auto& [of, root] : trees) {
        std::shared_ptr<const TemplateNode>& known = trees_[of];
        if (!known || !is_empty_tree(*root)) known = std::move(root);
      }
    } catch (const ParseProblem& problem) {
      throw error_at(*source, problem.at, problem.message);
    }
  }

  bool has(std::string_view name) const { return trees_.find(name) != trees_.end(); }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, root] : trees_) names.push_back(name);
    return names;
  }

  // Names of templates that no other one calls.
  std::vector<std::string> roots() const {
    std::map<std::string, bool, std::less<>> called;
    for (const auto& [name, root] : trees_) note_calls(*root, name, called);
    std::vector<std::string> names;
    for (const auto& [name, root] : trees_) {
      if (called.find(name) == called.end()) names.push_back(name);
    }
    return names;
  }

  // Throws TemplateError.
  const ReadyTemplate& ready(std::string_view name) const {
    if (!frozen_.load(std::memory_order_acquire)) freeze();
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) throw no_such_template(name);
    // Pairs with the store below: who sees the pointer sees what it points at.
    const ReadyTemplate* known = entry->second.published.load(std::memory_order_acquire);
    return known != nullptr ? *known : prepare(entry->first, entry->second);
  }

  // Appends to page; what was appended where it throws TemplateError is to be taken away.
  void execute(std::string& page, std::string_view name, const Value& data) const {
    const ReadyTemplate& what = ready(name);
    try {
      TemplateExecutor(what, missing_key_, page).run(name, what.root(), data);
    } catch (const ExecProblem& problem) {
      std::string executing = problem.executing;
      executing.resize(std::min(executing.find("$htmltemplate_"), executing.size()));
      throw error_at(*problem.at->source, problem.at->at,
                     "executing " + in_quotes(executing) + " at <" + to_source(*problem.at) +
                         ">: " + problem.message);
    }
  }

 private:
  struct Entry {
    std::atomic<const ReadyTemplate*> published{nullptr};
    std::unique_ptr<const ReadyTemplate> ready = {};  // guarded by mutex_
    std::optional<TemplateError> problem = {};        // guarded by mutex_
  };

  void freeze() const {
    const std::scoped_lock lock(mutex_);
    if (frozen_.load(std::memory_order_relaxed)) return;
    for (const auto& [name, root] : trees_) entries_[name];
    frozen_.store(true, std::memory_order_release);
  }

  const ReadyTemplate& prepare(const std::string& name, Entry& entry) const {
    const std::scoped_lock lock(mutex_);
    if (entry.problem) throw copy_of(*entry.problem);
    if (!entry.ready) {
      try {
        entry.ready = std::make_unique<const ReadyTemplate>(name, escaping_, trees_, functions_);
      } catch (const TemplateError& problem) {
        entry.problem = problem;
        throw;
      }
      entry.published.store(entry.ready.get(), std::memory_order_release);
    }
    return *entry.ready;
  }

  static TemplateError copy_of(const TemplateError& e) { return e; }

  TemplateError no_such_template(std::string_view name) const {
    std::string message = "no such template";
    const char* before = "; there are ";
    for (const auto& [known, root] : trees_) message += before + in_quotes(known), before = ", ";
    return TemplateError(std::string(name), 0, 0, message);
  }

  static void note_calls(const TemplateNode& node, std::string_view within,
                         std::map<std::string, bool, std::less<>>& called) {
    if (node.kind == NodeKind::template_ && node.text != within) called[node.text] = true;
    for (const NodePtr& child : node.nodes) note_calls(*child, within, called);
    if (node.body) note_calls(*node.body, within, called);
    if (node.otherwise) note_calls(*node.otherwise, within, called);
  }

  const Escaping escaping_;
  OnMissingKey missing_key_ = OnMissingKey::no_value;
  AddedFunctions functions_ = {};
  SharedTrees trees_ = {};

  mutable std::mutex mutex_;  // of what comes of executing: entries_
  // Released when entries_ has all its names: from then on, its structure is only read.
  mutable std::atomic<bool> frozen_{false};
  mutable std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace jot::inline v1::detail
