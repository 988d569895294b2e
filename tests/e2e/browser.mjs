// SPDX-License-Identifier: MIT
//
// browser.mjs -- a page of the system's chromium, for the length of a test.
import { chromium } from "playwright-core";

// A fresh profile each time; and not a word to any host but the one under test.
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Calls test(page, url) with the address that the command line gives. The page's own complaints are
// printed, for whoever looks into a failure.
export async function inBrowser(test) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    page.on("console", (message) => console.error(`page: ${message.text()}`));
    page.on("pageerror", (error) => console.error(`page: ${error.message}`));
    await test(page, process.argv[2]);
  } finally {
    await browser.close();
  }
}
