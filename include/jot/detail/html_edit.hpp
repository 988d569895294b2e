// SPDX-License-Identifier: MIT
//
// html_edit.hpp -- how is the author's own text written?
//
// In: a text between two actions, and its context. Out: the same without comments, which could say
// more than they should and hide code from some browsers; with a '<' that begins no tag as &lt;,
// and with "</script" and "<!--" in literals of scripts in words that end no script.
#pragma once

#include "ascii.hpp"            // iequals
#include "html_state.hpp"       // HtmlContext, is_comment, is_script_literal
#include "html_tag.hpp"         // TaggedText
#include "html_transition.hpp"  // html_advance

#include <cstddef>      // std::size_t
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::move

namespace jot::inline v1::detail {

class HtmlEdit {
 public:
  HtmlEdit(HtmlContext& c, std::string_view text) : c_(c), text_(text) {}

  // Moves the context to the end of the text. Returns: what is to stand in its place.
  std::string run() {
    TaggedText text(text_);
    for (std::size_t at = 0; at < text_.size();) {
      const HtmlContext before = c_;
      const std::size_t end = at + html_advance(c_, text, at);
      if (before.state == HtmlState::text || before.state == HtmlState::rcdata) {
        escape_angles(before, at, end);
      } else if (is_comment(before.state) && before.delimiter == HtmlDelimiter::none) {
        end_comment(before.state, end);
      }
      if (before.state != c_.state && is_comment(c_.state) && c_.delimiter == HtmlDelimiter::none) {
        keep_to(end - opening_size(c_.state), end);
      }
      if (is_script_literal(before.state)) escape_script_tags(at, end);
      at = end;
    }
    if (written_ == 0) return std::string(text_);
    if (!is_comment(c_.state) || c_.delimiter != HtmlDelimiter::none) {
      keep_to(text_.size(), text_.size());
    }
    return std::move(to_);
  }

 private:
  // Keeps what is not yet written up to there, and goes on after next.
  void keep_to(std::size_t there, std::size_t next) {
    if (there > written_) to_.append(text_, written_, there - written_);
    written_ = next;
  }

  void escape_angles(const HtmlContext& before, std::size_t at, std::size_t end) {
    if (before.state != c_.state) {
      const std::size_t tag = text_.substr(at, end - at).rfind('<');
      if (tag != text_.npos) end = at + tag;
    }
    for (std::size_t i = at; i < end; ++i) {
      if (text_[i] != '<' || iequals(text_.substr(i, 9), "<!DOCTYPE")) continue;
      keep_to(i, i + 1);
      to_ += "&lt;";
    }
  }

  // A comment in code is white space, and a line's end if it holds one.
  void end_comment(HtmlState state, std::size_t end) {
    const std::string_view comment = text_.substr(written_, end - written_);
    if (state == HtmlState::js_block_comment) {
      const bool lines = comment.find_first_of("\n\r") != comment.npos ||
                         comment.find("\u2028") != comment.npos ||
                         comment.find("\u2029") != comment.npos;
      to_ += lines ? '\n' : ' ';
    } else if (state == HtmlState::css_block_comment) {
      to_ += ' ';
    }
    written_ = end;
  }

  static std::size_t opening_size(HtmlState state) noexcept {
    if (state == HtmlState::comment || state == HtmlState::js_open_comment) return 4;
    return state == HtmlState::js_close_comment ? 3 : 2;
  }

  void escape_script_tags(std::size_t at, std::size_t end) {
    for (std::size_t i = at; i < end; ++i) {
      if (text_[i] != '<') continue;
      const std::string_view rest = text_.substr(i + 1, end - i - 1);
      if (!iequals(rest.substr(0, 6), "script") && !iequals(rest.substr(0, 7), "/script") &&
          !rest.starts_with("!--")) {
        continue;
      }
      keep_to(i, i + 1);
      to_ += "\\x3C";
    }
  }

  HtmlContext& c_;
  const std::string_view text_;
  std::string to_ = {};
  std::size_t written_ = 0;  // text_ up to here is in to_, or dropped
};

}  // namespace jot::inline v1::detail
