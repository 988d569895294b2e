// SPDX-License-Identifier: MIT
//
// 03_streaming.mjs -- does a page grow while its handler still works?
import assert from "node:assert/strict";

import { inBrowser } from "./browser.mjs";

await inBrowser(async (page, url) => {
  const isImport = (request) => request.url().endsWith("/import");
  let imports = 0;
  let finished = false;
  page.on("request", (request) => (imports += isImport(request)));
  page.on("requestfinished", (request) => (finished ||= isImport(request)));
  // The page may close its EventSource upon "end" before it has seen the end of the response.
  page.on("requestfailed", (request) => (finished ||= isImport(request)));

  await page.goto(url);
  const shown = async () => (await page.textContent("pre")).split("\n").slice(0, -1);
  for (let line = 1; line < 5; ++line) {
    await page.waitForFunction(
      (line) => document.querySelector("pre").textContent.split("\n").length > line, line);
    assert.ok((await shown()).length < 5, `line ${line} shows before the last one is there`);
    assert.ok(!finished, `line ${line} shows while the handler still works`);
  }

  // The page's handler of "end" has run when the EventSource is closed. It would import again else.
  await page.waitForFunction(() => events.readyState === EventSource.CLOSED);
  const lines = await shown();
  assert.equal(lines.length, 5);
  lines.forEach((line, i) =>
    assert.match(line, new RegExp(`^${(i + 1) * 10_000} rows, ${(i + 1) * 20}%, after \\d+ s$`)));
  assert.equal(imports, 1, "the page imports once");
});
