// SPDX-License-Identifier: MIT
//
// form_oracle_test.cpp -- are forms read as Go's http.Request.ParseMultipartForm reads them?
//
// form_cases.inc holds bodies and what Go 1.23 makes of them; oracle/form.go wrote the answers.
// Where jot differs on purpose, the rules and the list below say how and why.
#include "catch.hpp"
#include "jot/form.hpp"

#include "jot/testing.hpp"

#include <algorithm>    // std::stable_sort
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <utility>      // std::pair
#include <vector>       // std::vector

namespace {

constexpr std::string_view go_says =
#include "form_cases.inc"
    ;

std::string decode(std::string_view word) { return word == "-" ? "" : jot::percent_decode(word); }

std::string answer(std::string_view type, std::string body) try {
  jot::Request r = jot::request(
      "POST", "/", {.body = std::move(body), .header = jot::Header{{"Content-Type", type}}});
  std::vector<std::pair<std::string, std::string>> fields, files;
  for (const auto& [name, value] : r.form().fields())
    fields.emplace_back(name, "=" + jot::percent_encode(value));
  for (const jot::FormFile& f : r.form().files())
    files.emplace_back(
        f.name, jot::text("@", jot::percent_encode(f.file_name), "=", jot::percent_encode(f.data)));
  std::string shown;
  for (auto* list : {&fields, &files}) {
    std::stable_sort(list->begin(), list->end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [name, rest] : *list)
      shown += (shown.empty() ? "" : " ") + jot::percent_encode(name) + rest;
  }
  return shown;
} catch (const jot::HttpError&) {
  return "refused";
}

std::string ask(std::string_view question) {
  const std::string_view rest = question.substr(2);
  switch (question[0]) {
    case 'u': return answer("application/x-www-form-urlencoded", decode(rest));
    case 'm': return answer("multipart/form-data; boundary=b", decode(rest));
    default:
      return answer(decode(rest.substr(0, rest.find(' '))),
                    decode(rest.substr(rest.find(' ') + 1)));
  }
}

// A question with one part, as the cases have it.
std::string part(std::string_view head, std::string_view content = "x=20y") {
  return jot::text("m --b\r\n", head, "\r\n\r\n", content, "\r\n--b--");
}
std::string named(std::string_view parameters) {
  return part(jot::text("Content-Disposition: form-data", parameters));
}
std::string file(std::string_view parameters) {
  return part(jot::text("Content-Disposition: form-data; name=\"a\"; ", parameters), "data");
}
std::string bounded_by(const std::string& boundary, std::string_view quote = "") {
  return jot::text("t multipart/form-data; boundary=", quote, boundary, quote, " --", boundary,
                   "--");
}

struct Difference {
  std::string question, want;  // the question decoded
};

// Parts that Go passes over, for their heads are not understood, are lost without a word. Here they
// are errors of the client.
const std::string passed_over[] = {
    "m --b\r\n\r\nx\r\n--b--",
    part("Content-Type: text/plain"),
    part("Content-Disposition: attachment; name=\"a\""),
    part("Content-Disposition: form-data; name=\"a\"\r\n folded"),
    named(""),
    named(" name=\"a\""),
    named(";; name=\"a\""),
    named("; name"),
    named("; name="),
    named("; name=a b"),
    named("; name=\"a"),
    named("; name=\"a\"b"),
    named("; name=\xc3\xa9"),
    named("; name=\"a\"; name=\"c\""),
    named("; name=\"a\"; NAME=\"c\""),
    named("; filename=\"f\""),
    file("filename=a b"),
    file("filename=\xe2\x82\xac.txt"),
    file("filename=\"f"),
    file("filename=\"f\"; filename=\"g\""),
};

const Difference differences[] = {
    // A body that ends behind a boundary was cut short.
    {"m --b\r\n", "refused"},
    {"m --b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b\r\n", "refused"},
    // Lines end in CR LF, and a boundary has its line for itself (RFC 2046 §5.1.1).
    {"m --b x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--", "refused"},
    {"m --b\nContent-Disposition: form-data; name=\"a\"\n\nx\n--b--\n", "refused"},
    {"m --b\nContent-Disposition: form-data; name=\"a\"\n\nx\n--b--", "refused"},
    // No parameter of an urlencoded form says anything.
    {"t application/x-www-form-urlencoded; x a=1", "a=1"},
    // Boundaries are of certain bytes, at most 70, and do not end in a space (§5.1.1).
    {bounded_by(std::string(71, 'x')), "refused"},
    {bounded_by(std::string(1000, 'x')), "refused"},
    {bounded_by("a ", "\""), "refused"},
    {bounded_by("a@b", "\""), "refused"},
    // An empty name is a name.
    {named("; name=\"\""), "=x%3D20y"},
    // Fields are not folded, have no space before the colon, and do not contradict one another.
    {part("Content-Disposition: form-data; name=\"a\";\r\n x=y"), "refused"},
    {part("Content-Disposition: form-data; name=\"a\"\r\nX : y"), "refused"},
    {part("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; "
          "name=\"c\""),
     "refused"},
    // Codings are not to be sent (RFC 7578 §4.7): Go decodes one of them, and lets others through.
    {part("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64"),
     "refused"},
    {part("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: "
          "quoted-printable"),
     "refused"},
    // Parameters with a star are not to be sent (§4.2). One alone is still the name of a file.
    {named("; name*=utf-8''a"), "refused"},
    {file("filename=\"p\"; filename*=utf-8''s"), "a@p=data"},
    {file("filename*=utf-8''s; filename=\"p\""), "a@p=data"},
    {file("filename*=utf-8''%zz"), "a@%25zz=data"},
    {file("filename*0=\"a\"; filename*1=\"b\""), "a=data"},
    // A file name is one in every system: without folders, and never a folder itself.
    {file("filename=\"C:\\fakepath\\f.txt\""), "a@f.txt=data"},
    {file("filename=\"C:\\\\fakepath\\\\f.txt\""), "a@f.txt=data"},
    {file("filename=\"..\\\\..\\\\f\""), "a@f=data"},
    {file("filename=\"a/\""), "a@file=data"},
    {file("filename=\"/\""), "a@file=data"},
    {file("filename=\".\""), "a@file=data"},
    {file("filename=\"..\""), "a@file=data"},
    {file("filename=\"a/..\""), "a@file=data"},
};

std::string wanted(const std::string& question, std::string_view go) {
  const std::string decoded = jot::percent_decode(question);
  for (const std::string& q : passed_over)
    if (q == decoded && go.empty()) return "refused";
  for (const Difference& d : differences)
    if (d.question == decoded) return d.want;
  return std::string(go);
}

}  // namespace

TEST_CASE("form: as Go's ParseMultipartForm, but where the list says otherwise") {
  int asked = 0;
  for (std::string_view rest = go_says; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t arrow = line.find(" => ");
    if (arrow == line.npos) continue;
    const std::string question(line.substr(0, arrow));
    INFO(jot::percent_decode(question));
    CHECK(ask(question) == wanted(question, line.substr(arrow + 4)));
    ++asked;
  }
  CHECK(asked > 190);
}
