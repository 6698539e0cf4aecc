// A page in a real browser, and what is asked of any view.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const VIEWS = [["mesh", "Mesh"], ["tasks", "Tasks"], ["jobs", "Jobs"], ["leaders", "Leaders"], ["operators", "Operators"], ["node", "This node"], ["create", "List a job"]];
export const PATIENCE = 60_000;
export const WIDE = { width: 1360, height: 880 };
export const NARROW = { width: 360, height: 760 };
export const checks = { passed: 0 };
export async function check(name, work) {
  const begun = performance.now();
  const said = await work();
  checks.passed += 1;
  console.log(`ok ${checks.passed} ${name}${said ? `: ${said}` : ""} (${Math.round(performance.now() - begun)} ms)`);
}

/** A page whose errors and foreign requests are collected. */
export async function open(browser, url, options = {}, home = url) {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: "dark", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error.stack ?? error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  context.on("request", (request) => new URL(request.url()).origin !== new URL(home).origin && page.faults.push(`a request to ${request.url()}`));
  await page.goto(url);
  return page;
}

export const go = async (page, view) => {
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.locator("#view h1").first().waitFor();
};

/** Asks the page until it gives something, which is given. */
export async function until(page, read, argument, every = 100) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await page.evaluate(read, argument);
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${read}`);
    await new Promise((done) => setTimeout(done, every));
  }
}

/** The keys of so many tasks of which everything is known. */
export async function settled(page, wanted = 1) {
  return until(page, async (many) => {
    const keys = [];
    const { runs } = await (await fetch("/api/v1/runs")).json();
    const done = runs.filter((run) => run.state === "settled" && run.certified_ms !== null);
    for (const run of done) {
      const full = await (await fetch(`/api/v1/runs/${run.key}`)).json();
      if (full.certificate && full.settled && full.ran_ms && full.marks.length >= 4) keys.push(run.key);
      if (keys.length === many) return keys;
    }
    return null;
  }, wanted, 500);
}

export async function accessible(page, view) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = serious.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`);
  assert.deepEqual(told, [], view);
}

export async function fits(page, view) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${view} is ${wider} pixels wider than the screen`);
}

export const verdict = (page, state) => page.locator(`.proof[data-state="${state}"]`).waitFor();
