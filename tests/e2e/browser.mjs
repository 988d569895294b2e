// SPDX-License-Identifier: MIT
//
// browser.mjs -- a page of the system's chromium, for the length of a test.
import { chromium } from "playwright-core";

// A fresh profile each time, root allowed, and not a word to any host but the one under test.
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Calls test(page, url) with the address that the command line gives. When it fails, what the page
// complained of is printed, too.
export async function inBrowser(test) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
  const complaints = [];
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await test(page, process.argv[2]);
  } catch (error) {
    complaints.forEach((complaint) => console.error(`page: ${complaint}`));
    throw error;
  } finally {
    await browser.close();
  }
}
