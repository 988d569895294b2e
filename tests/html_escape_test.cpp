// SPDX-License-Identifier: MIT
//
// html_escape_test.cpp -- is each value written as its place wants it?
//
// What Go 1.23's html/template prints for the same template and value.
#include "jot/detail/html_escape.hpp"
#include "catch.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace jot::detail;

// Templates of text and {{.}} alone: these tests want no parser.
NodePtr tree_of(std::string_view text) {
  auto list = std::make_unique<TemplateNode>();
  while (!text.empty()) {
    const std::size_t action = std::min(text.find("{{.}}"), text.size());
    auto node = std::make_unique<TemplateNode>();
    if (action > 0) {
      node->kind = NodeKind::text, node->text = text.substr(0, action);
    } else {
      node->kind = NodeKind::action, node->pipe = std::make_unique<TemplateNode>();
      node->pipe->kind = NodeKind::pipe;
      node->pipe->nodes.push_back(std::make_unique<TemplateNode>());
      node->pipe->nodes[0]->kind = NodeKind::command;
      node->pipe->nodes[0]->nodes.push_back(std::make_unique<TemplateNode>());
      node->pipe->nodes[0]->nodes[0]->kind = NodeKind::dot;
    }
    text.remove_prefix(action > 0 ? action : 5);
    list->nodes.push_back(std::move(node));
  }
  return list;
}

class OneTemplate : public EscapableSet {
 public:
  explicit OneTemplate(std::string_view text) : root(tree_of(text)) {}
  TemplateNode* find(const std::string& name) override {
    return name == "t" ? root.get() : nullptr;
  }
  TemplateNode* add(const std::string&, NodePtr) override { return nullptr; }
  NodePtr root;
};

std::string page(std::string_view text, const jot::Value& data) {
  OneTemplate set(text);
  try {
    escape_set(set, "t");
  } catch (const EscapeProblem& problem) {
    return escape_errc_name(problem.code);
  }
  std::string to;
  for (const NodePtr& node : set.root->nodes) {
    if (node->kind == NodeKind::text) {
      to += node->text;
    } else {
      escape_value(to, node->text, data);
    }
  }
  return to;
}

}  // namespace

TEST_CASE("a value is written as its place wants it") {
  const struct {
    std::string_view text;
    jot::Value data;
    std::string_view want;
  } cases[] = {
      {"{{.}}", "<x>", "&lt;x&gt;"},
      {"{{.}}", jot::HTML{"<b>"}, "<b>"},
      {"<p title={{.}}>", "", "<p title=ZgotmplZ>"},
      {"<a href=\"{{.}}\">", "javascript:x", "<a href=\"#ZgotmplZ\">"},
      {"<a href={{.}}>", "b c", "<a href=b%20c>"},
      {"<a href=\"x&quest;{{.}}\">", "<x>", "<a href=\"x&quest;%3cx%3e\">"},
      {"<a {{.}}>", "ONCLICK", "<a ZgotmplZ>"},
      {"<a onclick=\"f(&quot;{{.}}&quot;)\">", "<x>",
       "<a onclick=\"f(&quot;\\u003cx\\u003e&quot;)\">"},
      {"<style>{{.}}</style>", "expression(1)", "<style>ZgotmplZ</style>"},
      {"<script>x = a - /re{{.}}/</script>", "<x>",
       "<script>x = a - /re\"\\u003cx\\u003e\"/</script>"},
      {"<script>x = `a` /{{.}}/</script>", "<x>", "<script>x = `a` /\\u003cx\\u003e/</script>"},
      {"<script>\"</script>{{.}}\"</script>", "<x>",
       "<script>\"\\x3C/script>\\u003cx\\u003e\"</script>"},
      {"<script>x = `a${ {a:{{.}}} }{{.}}` + {{.}}</script>", "<x>",
       "<script>x = `a${ {a:\"\\u003cx\\u003e\"} }\\u003cx\\u003e` + \"\\u003cx\\u003e\"</script>"},
      {"<!-- x {{.}} -->a<script>/* {{.}} */ // {{.}}\n b</script>", "<x>",
       "a<script>   \n b</script>"},
      {"a < b <c> <!doctype html> <3 {{.}} <", "<x>",
       "a &lt; b <c> <!doctype html> &lt;3 &lt;x&gt; &lt;"},
      {"<b onclick=\"{{.}}\">", nullptr, "<b onclick=\" null \">"},
      {"<script>{{.}}</script>", 1e-7, "<script> 1e-7 </script>"},
      {"<script>/{{.}}/</script>", "", "<script>/(?:)/</script>"},
      {"<b x=\"{{.}}\">",
       jot::HTML{"<b title=\"1>2\">x</b> I <3 & &amp; <script>y</script><!-- z -->'+`"},
       "<b x=\"x I &lt;3 & &amp; &#39;&#43;`\">"},
      {"<img srcset=\"{{.}}\">", jot::URL{"javascript:a('b, c')?%41%zz"},
       "<img srcset=\"javascript:a%28%27b%2c%20c%27%29?%41%25zz\">"},
      {"<script>\"\\{{.}}\"</script>", "", "ErrPartialEscape"},
      {"<script>/[{{.}}]/</script>", "", "ErrPartialCharset"},
      {"<a href=\"{{.}}", "", "ErrEndContext"},
      {"<a b\"={{.}}>", "", "ErrBadHTML"},
      {"<a b=c'd>", "", "ErrBadHTML"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(page(c.text, c.data) == c.want);
  }
}
