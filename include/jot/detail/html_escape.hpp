// SPDX-License-Identifier: MIT
//
// html_escape.hpp -- which escapers does each action of these templates need?
//
// 1. A walk follows the text of a template from context to context, into the templates it calls.
// 2. Each action is given the escapers of its context; in an action, `text` holds them.
// 3. Where ways meet the contexts are joined; a loop is walked twice, as its end leads to its
// start.
// 4. A template that is called in another context than text is copied under a name that says which.
// The trees are changed once, before the first execution, under the lock of who owns them.
#pragma once

#include "escape_value.hpp"   // Escaper
#include "html_edit.hpp"      // HtmlEdit
#include "html_join.hpp"      // join_contexts, nudged
#include "template_tree.hpp"  // TemplateNode, copy_node

#include <cstddef>      // std::size_t
#include <map>          // std::map
#include <memory>       // std::make_unique
#include <optional>     // std::optional
#include <set>          // std::set
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move
#include <vector>       // std::vector

namespace jot::inline v1::detail {

struct EscapeProblem {
  EscapeErrc code;
  std::string message;
  const TemplateNode* at;  // nullptr: no one place
};

// The templates that may call each other.
class EscapableSet {
 public:
  virtual ~EscapableSet() = default;
  virtual TemplateNode* find(const std::string& name) = 0;  // nullptr: none
  virtual TemplateNode* add(const std::string& name, NodePtr root) = 0;
};

class HtmlEscape {
 public:
  explicit HtmlEscape(EscapableSet& set) : set_(set) {}

  // Throws EscapeProblem.
  void run(const std::string& name) {
    std::string called = name;
    const HtmlContext end = call(HtmlContext{}, called, nullptr);
    if (end.state != HtmlState::text) {
      throw EscapeProblem{EscapeErrc::end_context, "ends in a non-text context: " + end.name(),
                          nullptr};
    }
    for (Edit& edit : edits_) {
      if (edit.node->kind == NodeKind::action)
        write_action(*edit.node, std::move(edit.text));
      else
        edit.node->text = std::move(edit.text);
    }
  }

 private:
  // A {{break}} or {{continue}}, and where the page is at it.
  struct Jump {
    HtmlContext from;
    const TemplateNode* at;
  };
  using Jumps = std::vector<Jump>;

  // What a node is to say: a text its bytes, an action its escapers, a call the template's name.
  struct Edit {
    TemplateNode* node;
    std::string text;
  };

  // What was found out up to a point: all after it can be forgotten.
  struct Mark {
    std::size_t edits, learned;
  };

  Mark mark() const noexcept { return {edits_.size(), learned_.size()}; }

  void forget_since(const Mark& mark) {
    edits_.resize(mark.edits);
    while (learned_.size() > mark.learned) ends_.erase(learned_.back()), learned_.pop_back();
  }

  // Blocks and templates within each other: what fits on the stack of any thread. Loops are walked
  // twice, those within them four times, and so on: there must be an end of it. A long text counts
  // for each so many bytes.
  static constexpr int most_depth = 1000;
  static constexpr std::size_t most_walked = 1'000'000;
  static constexpr std::size_t long_text = 256;

  [[noreturn]] static void fail(EscapeErrc code, std::string message, const TemplateNode* at) {
    throw EscapeProblem{code, std::move(message), at};
  }

  static HtmlContext check(HtmlContext c, const TemplateNode* at, const char* where = "") {
    if (c.state == HtmlState::error) fail(c.errc, where + c.problem, at);
    return c;
  }

  HtmlContext walk_list(HtmlContext c, TemplateNode& list) {
    if (++depth_ > most_depth)
      fail(EscapeErrc::output_context, "templates and blocks nest too deeply", &list);
    for (const NodePtr& node : list.nodes) {
      walked_ += 1 + (node->kind == NodeKind::text ? node->text.size() / long_text : 0);
      if (walked_ > most_walked)
        fail(EscapeErrc::output_context, "too many loops within loops", node.get());
      c = walk(std::move(c), *node);
      if (c.state == HtmlState::dead) break;
    }
    --depth_;
    return c;
  }

  HtmlContext walk(HtmlContext c, TemplateNode& node) {
    switch (node.kind) {
      case NodeKind::list: return walk_list(std::move(c), node);
      case NodeKind::text: {
        std::string text = HtmlEdit(c, node.text).run();
        edits_.push_back({&node, std::move(text)});
        return check(std::move(c), &node);
      }
      case NodeKind::action: return action(std::move(c), node);
      case NodeKind::if_: return branch(c, node, "if");
      case NodeKind::with: return branch(c, node, "with");
      case NodeKind::range: return range(c, node);
      case NodeKind::template_: {
        std::string name = node.text;
        c = call(c, name, &node);
        edits_.push_back({&node, std::move(name)});
        return c;
      }
      case NodeKind::break_:
      case NodeKind::continue_: {
        jumps_.push_back({std::move(c), &node});
        HtmlContext dead;
        dead.state = HtmlState::dead;
        return dead;
      }
      default: return c;
    }
  }

  HtmlContext branch(const HtmlContext& c, TemplateNode& node, const char* word) {
    const HtmlContext yes = walk_list(c, *node.body);
    const HtmlContext no = node.otherwise ? walk_list(c, *node.otherwise) : c;
    return check(join_contexts(yes, no, word), &node);
  }

  HtmlContext range(const HtmlContext& c, TemplateNode& node) {
    Jumps outer = std::move(jumps_);
    jumps_.clear();
    HtmlContext end = join_jumps(walk_list(c, *node.body));
    if (end != c) end = walk_again(std::move(end), node);
    jumps_ = std::move(outer);
    const HtmlContext none = node.otherwise ? walk_list(c, *node.otherwise) : c;
    return check(join_contexts(end, none, "range"), &node);
  }

  // Once more from where the first round ended: a loop's start must take both.
  HtmlContext walk_again(HtmlContext end, TemplateNode& node) {
    const Mark before = mark();
    const auto called = called_;
    jumps_.clear();
    HtmlContext second;
    try {
      second = walk_list(end, *node.body);
    } catch (EscapeProblem& problem) {
      problem.message = "on range loop re-entry: " + problem.message;
      throw;
    }
    forget_since(before);
    called_ = called;
    end = check(join_contexts(end, second, "range"), &node, "on range loop re-entry: ");
    return join_jumps(std::move(end));
  }

  HtmlContext join_jumps(HtmlContext end) const {
    for (const Jump& jump : jumps_) {
      const bool breaks = jump.at->kind == NodeKind::break_;
      end = check(join_contexts(end, jump.from, "range"), jump.at,
                  breaks ? "at range loop break: " : "at range loop continue: ");
    }
    return end;
  }

  // ---- templates that are called

  HtmlContext call(const HtmlContext& c, std::string& name, const TemplateNode* at) {
    TemplateNode* root = set_.find(name);
    if (root == nullptr) {
      fail(EscapeErrc::no_such_template, "no such template \"" + name + "\"", at);
    }
    if (c.state != HtmlState::text) name += "$htmltemplate_" + c.name();
    called_.insert(name);
    if (const auto known = ends_.find(name); known != ends_.end()) return known->second;
    TemplateNode* derived = set_.find(name);
    if (derived == nullptr) derived = set_.add(name, copy_node(*root));
    return body(c, name, *derived);
  }

  // Most templates end where they begin; a recursive one is tried with that, then with the end that
  // it came to.
  HtmlContext body(const HtmlContext& c, const std::string& name, TemplateNode& root) {
    if (const auto end = tried(c, name, root, c)) return *end;
    const HtmlContext assumed = ends_.at(name);
    try {
      if (const auto end = tried(assumed, name, root, assumed)) return *end;
    } catch (const EscapeProblem&) {
    }
    fail(EscapeErrc::output_context, "cannot compute output context for template " + name, &root);
  }

  // Walks the template with its end assumed. Returns: nothing when it calls itself and ends
  // otherwise; ends_ has then what it came to.
  std::optional<HtmlContext> tried(const HtmlContext& c, const std::string& name,
                                   TemplateNode& root, const HtmlContext& assumed) {
    const Mark before = mark();
    Jumps outer = std::move(jumps_);
    jumps_.clear();
    learned_.push_back(name);
    ends_[name] = assumed;
    called_.erase(name);
    HtmlContext end = walk_list(c, root);
    const bool good = called_.count(name) == 0 || end == assumed;
    if (!good) forget_since(before), learned_.push_back(name);
    called_.insert(name);
    jumps_ = std::move(outer);
    ends_[name] = end;
    return good ? std::optional(std::move(end)) : std::nullopt;
  }

  // ---- actions

  HtmlContext action(HtmlContext c, TemplateNode& node) {
    if (!node.pipe->declared.empty()) return c;  // it prints nothing
    c = nudged(std::move(c));
    check_predefined(c, *node.pipe, node);
    std::string escapers = escapers_of(c, node);
    if (c.state == HtmlState::js) c.slash = JsSlash::division;
    if (c.state == HtmlState::tag) c.state = HtmlState::attribute_name;
    edits_.push_back({&node, std::move(escapers)});
    return c;
  }

  static std::string_view function_of(const TemplateNode& command) {
    const TemplateNode& first = *command.nodes[0];
    return first.kind == NodeKind::identifier ? std::string_view(first.text) : std::string_view();
  }

  static bool is_predefined(std::string_view name) { return name == "html" || name == "urlquery"; }

  // They know nothing of the place: only at the end, where the right ones come after them.
  static void check_predefined(const HtmlContext& c, const TemplateNode& pipe,
                               const TemplateNode& at) {
    for (std::size_t i = 0; i < pipe.nodes.size(); ++i) {
      const std::string_view name = function_of(*pipe.nodes[i]);
      const bool unquoted = c.state == HtmlState::attribute &&
                            c.delimiter == HtmlDelimiter::space_or_tag_end && name == "html";
      if (is_predefined(name) && (i + 1 < pipe.nodes.size() || unquoted)) {
        fail(EscapeErrc::predefined_escaper,
             "predefined escaper \"" + std::string(name) + "\" disallowed in template", &at);
      }
    }
  }

  static void add(std::string& to, Escaper escaper) { to += static_cast<char>(escaper); }

  static std::string escapers_of(const HtmlContext& c, const TemplateNode& at) {
    std::string to;
    add_for_state(to, c, at);
    if (c.delimiter == HtmlDelimiter::space_or_tag_end) {
      add(to, Escaper::unquoted);
    } else if (c.delimiter != HtmlDelimiter::none) {
      add(to, Escaper::attribute);
    }
    return to;
  }

  static void add_for_state(std::string& to, const HtmlContext& c, const TemplateNode& at) {
    switch (c.state) {
      case HtmlState::url:
      case HtmlState::css_dq_string:
      case HtmlState::css_sq_string:
      case HtmlState::css_dq_url:
      case HtmlState::css_sq_url:
      case HtmlState::css_url: return add_for_url(to, c, at);
      case HtmlState::js: return add(to, Escaper::js_value);
      case HtmlState::js_dq_string:
      case HtmlState::js_sq_string: return add(to, Escaper::js_string);
      case HtmlState::js_template: return add(to, Escaper::js_template);
      case HtmlState::js_regexp: return add(to, Escaper::js_regexp);
      case HtmlState::css: return add(to, Escaper::css_value);
      case HtmlState::text: return add(to, Escaper::html);
      case HtmlState::rcdata: return add(to, Escaper::rcdata);
      case HtmlState::attribute_name:
      case HtmlState::tag: return add(to, Escaper::attribute_name);
      case HtmlState::srcset: return add(to, Escaper::srcset);
      case HtmlState::attribute: return;  // by its delimiter
      default: return add(to, Escaper::comment);
    }
  }

  static void add_for_url(std::string& to, const HtmlContext& c, const TemplateNode& at) {
    if (c.url_part == UrlPart::unknown) {
      fail(EscapeErrc::ambig_context,
           to_source(at) + " appears in an ambiguous context within a URL", &at);
    }
    if (c.url_part == UrlPart::query_or_frag) return add(to, Escaper::url_component);
    if (c.url_part == UrlPart::none) add(to, Escaper::url_filter);
    const bool text = c.state == HtmlState::css_dq_string || c.state == HtmlState::css_sq_string;
    add(to, text ? Escaper::css_string : Escaper::url_normalize);
  }

  // A predefined escaper at the end stands in for the one of its kind.
  static void write_action(TemplateNode& node, std::string escapers) {
    TemplateNode& pipe = *node.pipe;
    const std::string name(function_of(*pipe.nodes.back()));
    if (is_predefined(name)) {
      if (pipe.nodes.size() == 1) set_apart(pipe);
      const bool html = name == "html";
      const std::size_t same = escapers.find_first_of(html ? "har" : "uq");
      if (same != escapers.npos) {
        escapers[same] =
            static_cast<char>(html ? Escaper::predefined_html : Escaper::predefined_urlquery);
        if (pipe.nodes.size() > 1) pipe.nodes.pop_back();
      }
    }
    // What these write needs no more in quotes.
    const std::size_t size = escapers.size();
    const bool done = size > 1 && escapers.back() == static_cast<char>(Escaper::attribute) &&
                      std::string_view("cdtx-").find(escapers[size - 2]) != std::string_view::npos;
    if (done) escapers.pop_back();
    node.text = std::move(escapers);
  }

  // {{html .A .B}} is {{print .A .B | html}}.
  static void set_apart(TemplateNode& pipe) {
    TemplateNode& command = *pipe.nodes[0];
    if (command.nodes.size() == 1) return;
    auto last = std::make_unique<TemplateNode>();
    last->kind = NodeKind::command, last->at = pipe.at, last->source = pipe.source;
    last->nodes.push_back(copy_node(*command.nodes[0]));
    command.nodes[0]->text = "print";
    pipe.nodes.push_back(std::move(last));
  }

  EscapableSet& set_;
  std::vector<Edit> edits_ = {};
  std::map<std::string, HtmlContext> ends_ = {};  // of templates, by derived name
  std::vector<std::string> learned_ = {};         // the names in ends_, in order
  std::set<std::string> called_ = {};
  Jumps jumps_ = {};  // in the present loop
  int depth_ = 0;
  std::size_t walked_ = 0;
};

// Throws EscapeProblem; then no tree is changed.
inline void escape_set(EscapableSet& set, const std::string& name) { HtmlEscape(set).run(name); }

}  // namespace jot::inline v1::detail
