// SPDX-License-Identifier: MIT
//
// 13_upload_progress.mjs -- does a page show how far the import of its upload is, while it runs?
import assert from "node:assert/strict";

import { inBrowser } from "./browser.mjs";

const rows = 50_000;
const csv = Array.from({ length: rows }, (_, i) => `${i},somebody\n`).join("") + "not a row\n";

await inBrowser(async (page, url) => {
  await page.goto(url);
  await page.setInputFiles("input", { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  const answers = [];
  page.on("response", (response) => answers.push(response));
  await page.click("button");

  const shown = () => page.textContent("output");
  const percent = () => page.evaluate(() => document.querySelector("progress").value);
  // Somewhere on the way, and then further, and both before the end.
  await page.waitForFunction(() => /^[1-9]\d* rows imported, 0 bad, \d+%$/.test(document.querySelector("output").textContent));
  const first = await percent();
  assert.ok(first < 100, `it shows ${first}% before the end`);
  await page.waitForFunction((first) => document.querySelector("progress").value > first, first);
  const second = await percent();
  assert.ok(first < second, `it moves on, from ${first}% to ${second}%`);

  await page.waitForFunction(() => document.querySelector("progress").value === 100 &&
    document.querySelector("output").textContent.includes("bad, 100%"));
  assert.equal(await shown(), `${rows} rows imported, 1 bad, 100%`);

  const upload = answers.find((response) => response.request().method() === "POST");
  assert.equal(upload.status(), 202);
  assert.equal(upload.headers().location, "/imports/1");
  const streams = answers.filter((response) => response.url().endsWith("/imports/1"));
  assert.equal(streams.length, 1, "the page does not watch it again when it has ended");
});
