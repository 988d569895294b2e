// SPDX-License-Identifier: MIT
//
// 03_streaming.mjs -- does a page grow while its handler still works?
import assert from "node:assert/strict";

import { inBrowser } from "./browser.mjs";

await inBrowser(async (page, url) => {
  // Notes how many lines the page shows, and when, each time that changes.
  await page.addInitScript(() => {
    window.seen = [];
    new MutationObserver(() => {
      const text = document.querySelector("pre")?.textContent ?? "";
      const lines = text.split("\n").length - 1;
      if (lines !== (window.seen.at(-1)?.lines ?? 0)) window.seen.push({ lines, ms: performance.now() });
    }).observe(document, { childList: true, subtree: true });
  });
  let imports = 0;
  page.on("request", (request) => (imports += request.url().endsWith("/import")));
  const ended = page.waitForEvent("requestfinished", (request) => request.url().endsWith("/import"));

  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("pre").textContent.includes("100%"));
  const seen = await page.evaluate(() => window.seen);
  assert.deepEqual(seen.map((each) => each.lines), [1, 2, 3, 4, 5], "the page grows line by line");
  // The handler sleeps 4 s between the first and the last: they come together only if nothing flushes.
  assert.ok(seen.at(-1).ms - seen[0].ms > 1000, "the first shows while the handler still works");

  const lines = (await page.textContent("pre")).trim().split("\n");
  lines.forEach((line, i) =>
    assert.match(line, new RegExp(`^${(i + 1) * 10_000} rows, ${(i + 1) * 20}%, after \\d+ s$`)));
  await ended;
  assert.equal(imports, 1, "the page closes its EventSource, which would import again");
});
