// SPDX-License-Identifier: MIT
//
// 17_guestbook.mjs -- does anything run that a stranger wrote into a guestbook?
import assert from "node:assert/strict";

import { inBrowser } from "./browser.mjs";

// Each would set window.owned if it ran, loaded or broke out of where it stands.
const hostile = [
  "<script>owned = 1</script>",
  "</script><script>owned = 2</script>",
  "</title></textarea></style><img src=x onerror='owned = 3'>",
  "\" onmouseover=\"owned = 4\" autofocus onfocus=\"owned = 5",
  "' onmouseover='owned = 6",
  "x onclick=owned=7 ",
  "\";owned = 8;//",
  "\\\";owned = 9;//",
  "';owned = 10;//",
  "`${owned = 11}`",
  "javascript:owned=12",
  " java\nscript:owned=13",
  "data:text/html,<script>parent.owned=14</script>",
  "<!--<script>owned = 15",
  "]]><svg onload='owned = 16'>",
  "red; background: url(javascript:owned=17)",
  "expression(owned = 18)",
  "\u2028owned = 19\u2029",
  "{{.Names}} {{18}} ${owned = 20}",
  "&lt;script&gt;owned = 21&lt;/script&gt;",
  "<iframe srcdoc='<script>parent.owned = 22</script>'>",
  "<base href='https://elsewhere.example/'>",
  "<meta http-equiv=refresh content='0;url=javascript:owned=23'>",
];

await inBrowser(async (page, url) => {
  const strangers = [];  // requests to anybody but us
  page.on("request", (request) => request.url().startsWith(url) || strangers.push(request.url()));
  page.on("dialog", (dialog) => assert.fail(`a dialog: ${dialog.message()}`));
  page.on("pageerror", (error) => assert.fail(`a script of the page is broken: ${error.message}`));

  // By the form, as a person would, or by fetch for the field that the form does not have.
  const sign = async (text) => {
    for (const field of ["[name=name]", "[name=site]", "textarea"]) await page.fill(field, text);
    await Promise.all([page.waitForNavigation(), page.click("form button")]);
  };
  const colour = async (text) => {
    const body = new URLSearchParams({ name: text, site: text, text, color: text });
    await page.evaluate((body) => fetch("/", { method: "POST", body: new URLSearchParams(body) }),
      body.toString());
    await page.goto(url);
  };

  const looksSafe = async (text) => {
    const seen = await page.evaluate(() => {
      const article = document.querySelector("article");
      const link = article.querySelector("a");
      article.querySelector("button").click();
      link.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
      return {
        said: article.querySelector("p").textContent,
        title: article.title,
        name: article.dataset.name,
        heading: link.textContent,
        whose: document.title,
        first: names[0],
        last,
        href: link.getAttribute("href"),
        attributes: article.getAttributeNames().length + link.getAttributeNames().length,
        tags: [...article.querySelectorAll("*")].map((e) => e.localName).sort().join(),
        owned: window.owned,
      };
    });
    assert.equal(seen.owned, undefined, `ran: ${text}`);
    for (const where of ["said", "title", "name", "heading", "first", "last"])
      assert.equal(seen[where], text, `${where} is what was written`);
    assert.equal(seen.whose, text.replace(/[ \n]+/g, " ").replace(/^ | $/g, ""), "the handler of a click says it, too");
    assert.equal(seen.tags, "a,button,h2,p", `no element of theirs: ${text}`);
    assert.equal(seen.attributes, 4, `no attribute of theirs: ${text}`);
    assert.doesNotMatch(seen.href, /^\s*(javascript|data):/i, "no link is a script");
  };

  await page.goto(url);
  for (const text of hostile) {
    await sign(text.replaceAll("\n", " "));  // where a browser writes CR LF, or nothing
    await looksSafe(text.replaceAll("\n", " "));
    await page.goto(url);
    await colour(text);
    await looksSafe(text);
    await page.goto(url);
  }

  // What was refused stands in the form again, as safely.
  await page.fill("textarea", "</textarea><script>owned = 99</script>");
  await Promise.all([page.waitForNavigation(), page.click("form button")]);
  assert.equal(await page.textContent(".error"), "Who are you?");
  assert.equal(await page.inputValue("textarea"), "</textarea><script>owned = 99</script>");
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.deepEqual(strangers, [], "the page asked nobody else");
});
