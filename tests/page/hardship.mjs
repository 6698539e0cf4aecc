// Readers who see less, or move less, and keepers that answer late, or to others first.

import assert from "node:assert/strict";
import { PATIENCE, go, open, until } from "./browser.mjs";

/** Within this a keeper that says nothing is to be shown as lost: it speaks every other second at least. */
const LOST_WITHIN_MS = 9_000;

/** With `prefers-reduced-motion` nothing flies, flashes or is animated; what settles is told. */
export async function calm(browser, url) {
  const page = await open(browser, url, { reducedMotion: "reduce" });
  await page.locator(".node").nth(4).waitFor();
  await page.evaluate(() => {
    globalThis.moved = [];
    new MutationObserver(() => document.querySelectorAll(".flying, .ripple").forEach((each) => globalThis.moved.push(each.getAttribute("class")))).observe(document.getElementById("view"), { subtree: true, childList: true });
  });
  const before = await page.evaluate(() => globalThis.keeperMesh.store.pulse.head.number);
  await until(page, (from) => [...document.querySelectorAll(".blocks li.lit")].some((block) => Number(block.dataset.key) > from + 1), before);
  const [moved, animations] = await page.evaluate(() => [globalThis.moved, document.getAnimations().length]);
  assert.deepEqual([moved, animations], [[], 0]);
  assert.deepEqual(page.faults, []);
  await page.context().close();
}

/** Whether something is told apart from what it lies on, by a filling or a border. */
const stands = (page, selector) => until(page, (which) => {
  const element = document.querySelector(which);
  if (!element) return null;
  const { backgroundColor: own, borderTopStyle: border, borderTopColor: edge } = getComputedStyle(element);
  const ground = getComputedStyle(document.body).backgroundColor;
  return own !== ground && !/, 0\)$/.test(own) ? "filled" : border !== "none" && edge !== ground ? "framed" : null;
}, selector);

export async function forced(browser, url, key) {
  const page = await open(browser, url, { forcedColors: "active" });
  assert.equal(await page.evaluate(() => matchMedia("(forced-colors: active)").matches), true);
  const seen = [];
  for (const [view, selectors] of [
    [`task/${key}`, [".fall .quorum .stretch", ".fall .chain .stretch", ".fall .marks i.signed", ".fall .marks i"]],
    ["jobs", [".strip li[data-tone='good']", ".ticks i"]],
    ["mesh", [".blocks li.lit"]],
    ["tasks", [".spark .quorum", ".spark .chain"]],
  ]) {
    await go(page, view);
    for (const selector of selectors) seen.push(`${selector} ${await stands(page, selector)}`);
  }
  await go(page, "jobs");
  const cells = page.locator(".strip").first().locator("a");
  await cells.nth(2).waitFor();
  assert.equal(await page.locator(".strip").first().locator("a[tabindex='0']").count(), 1, "a strip is one stop of the Tab key");
  await page.locator(".strip").first().locator("a[tabindex='0']").focus();
  const from = await page.evaluate(() => document.activeElement.href);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.evaluate(() => document.activeElement.closest("li")?.nextElementSibling?.querySelector("a").href), from, "an arrow goes to the run before");
  await page.keyboard.press("Enter");
  await page.locator(".fall").waitFor();
  await page.context().close();
  return `${seen.length} signs`;
}

/** As many streams as the keeper serves; what ends them. */
async function crowd(url) {
  const over = new AbortController();
  const until = Date.now() + PATIENCE;
  for (let held = 0; ;) {
    const { page } = await (await fetch(`${url}api/v1/node`)).json();
    if (held === page.readers_max) return { held, end: () => over.abort() };
    assert.ok(Date.now() < until, `${held} of ${page.readers_max} streams are open`);
    const answer = await fetch(`${url}api/v1/events`, { signal: over.signal });
    if (answer.ok) {
      held += 1;
      // What is told is read, or they would be let go.
      answer.body.pipeTo(new WritableStream()).catch(() => {});
    } else await new Promise((done) => setTimeout(done, 100)); // A page that was closed has its place for a moment still.
  }
}

export async function crowded(browser, url) {
  const { held, end } = await crowd(url);
  try {
    const page = await open(browser, url);
    await page.locator("#live[data-state='full']").waitFor();
    assert.match(await page.locator("#alarm").textContent(), new RegExp(`${held} open pages already`));
    end();
    await page.locator("#live[data-state='live']").waitFor();
    await page.locator(".node").nth(4).waitFor();
    assert.doesNotMatch(await page.locator("#alarm").textContent(), /open pages already/);
    await page.context().close();
  } finally {
    end();
  }
}

/** The page's own keeper is stopped, as a machine that is suspended is, and goes on. */
export async function frozen(network, browser, url, key) {
  const page = await open(browser, url);
  await go(page, `task/${key}`);
  await page.locator(".fall .chain:not(.open)").waitFor();
  await page.locator("#live[data-state='live']").waitFor();
  const fall = await page.locator(".fall").textContent();
  network.signal("keeper-1", "SIGSTOP");
  const begun = Date.now();
  let lost = 0;
  try {
    await page.locator("#live[data-state='lost']").waitFor({ timeout: PATIENCE });
    lost = Date.now() - begun;
    assert.match(await page.locator("#alarm").textContent(), /does not answer/);
    await page.locator(".title p", { hasText: "what is shown may be old" }).waitFor({ timeout: PATIENCE });
    assert.equal(await page.locator(".fall").textContent(), fall, "what was drawn stays");
  } finally {
    network.signal("keeper-1", "SIGCONT");
  }
  assert.ok(lost < LOST_WITHIN_MS, `it was shown as lost after ${lost} ms`);
  await page.locator("#live[data-state='live']").waitFor();
  await until(page, () => !document.querySelector(".title p").textContent.includes("may be old"));
  await go(page, "mesh");
  await until(page, () => document.querySelectorAll(".node.here").length === 5);
  await page.context().close();
  return `lost after ${lost} ms`;
}
