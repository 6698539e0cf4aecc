// A keeper that lies to its reader, and strings that are markup elsewhere, or a megabyte long.

import assert from "node:assert/strict";
import { NARROW, VIEWS, fits, go, open, settled, until, verdict } from "./browser.mjs";

const MARKUP = '<img src=x onerror="globalThis.taken=1"><script>globalThis.taken=1</script>\u202eevil\u0000';
const LONG = MARKUP + "A".repeat(1_000_000);

/** Has the page told something else than the keeper says. */
const change = (page, path, edit) => page.route(`**/api/v1/${path}`, async (route) => {
  const answer = await route.fetch();
  const document = await answer.json();
  await route.fulfill({ response: answer, json: edit(document) ?? document });
});

/** Closes a page that may have questions out still. */
async function leave(page) {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.context().close();
}

/** The certificate's card of a task whose certificate is another document. */
async function judged(browser, url, key, edit, state) {
  const page = await open(browser, url);
  await change(page, `certificates/${key}`, edit);
  await go(page, `task/${key}`);
  await page.locator("#verify:not([disabled])").click();
  await verdict(page, state);
  const step = page.locator(".steps li").last();
  const said = { step: await step.locator("b").textContent(), words: await page.locator("#verdict").textContent() };
  assert.equal(await page.locator("#verify:not([disabled])").count(), 1, "it can be checked again");
  await leave(page);
  return said;
}

async function certificates(browser, url, key) {
  const page = await open(browser, url);
  const other = (await settled(page, 2)).find((each) => each !== key);
  const genuine = await page.evaluate(async (of) => (await fetch(`/api/v1/certificates/${of}`)).json(), other);
  await leave(page);
  const outcome = await judged(browser, url, key, (document) => { document.reports[document.position].outcome_hash = `0x${"5".repeat(64)}`; }, "bad");
  assert.equal(outcome.step, "Leaf of the report");
  const foreign = await judged(browser, url, key, () => genuine, "bad");
  assert.equal(foreign.step, "Report of this task", `the certificate of ${other} is none of ${key}`);
  const signers = await judged(browser, url, key, (document) => { document.signers = document.signers.slice(1); }, "bad");
  assert.equal(signers.step, "Report of this task");
  const unknown = await judged(browser, url, key, (document) => { document.table = null; }, "unknown");
  assert.equal(unknown.step, "Stake behind it");
  assert.match(unknown.words, /Cannot be checked/);
  await judged(browser, url, key, (document) => { document.reports = "none"; }, "bad");
}

/** Every view with hostile strings in it, each of them a megabyte. */
async function strings(browser, url, options) {
  const page = await open(browser, url, options);
  await change(page, "jobs", (document) => document.jobs.forEach((job, at) => { Object.assign(job, { trigger: at === 0 ? LONG : MARKUP, ready: false, reason: at === 0 ? LONG : MARKUP }); }));
  await change(page, "runs", (document) => document.runs.forEach((run, at) => { run.reason = at === 0 ? LONG : MARKUP; }));
  await change(page, "network", (document) => document.members.forEach((member) => { Object.assign(member, { agent: LONG, address: LONG }); }));
  await change(page, "node", (document) => { Object.assign(document.checks.mesh, { ok: false, message: LONG }); });
  for (const [view] of VIEWS) {
    await go(page, view);
    await page.locator("#view h1").waitFor();
    if (view === "mesh") await page.locator(".node").first().click();
    if (view === "jobs") await page.locator(".job .why").first().waitFor();
    if (view === "node") await page.locator(".checks [data-ok='false']").first().waitFor();
    assert.equal(await page.locator("main img, main script").count(), 0, view);
    await fits(page, `${view} with strings of a megabyte`);
  }
  assert.equal(await page.evaluate(() => globalThis.taken), undefined);
  for (const hash of [`task/${encodeURIComponent("<img src=x>")}/%E0%A4%A`, "constructor", "__proto__", "task"]) {
    await go(page, hash);
    await page.locator("#view h1").waitFor();
  }
  assert.deepEqual(page.faults.filter((fault) => !/status of 40[04]/.test(fault)), []);
  await leave(page);
}

/** What is red, in words without a space, on a narrow screen. */
async function alarmed(browser, url) {
  const page = await open(browser, "about:blank", { viewport: NARROW }, url);
  const pulse = { time_ms: Date.now(), head: { number: 1, timestamp: 1 }, epoch: { number: 1 }, window: 1, turns: [], connected: [], members: 0, peers: 0, jobs: 0, missed: 0, ready: false, red: { mesh: MARKUP + "A".repeat(5_000) } };
  await page.route("**/api/v1/events", (route) => route.fulfill({ contentType: "text/event-stream", body: `event: pulse\ndata: ${JSON.stringify(pulse)}\n\n` }));
  await page.goto(url);
  const wider = await until(page, () => {
    const alarm = document.getElementById("alarm");
    if (alarm.hidden || alarm.textContent.length < 5_000) return null;
    return [document.documentElement.scrollWidth - document.documentElement.clientWidth];
  }, undefined, 10);
  assert.ok(wider[0] <= 0, `the alarm is ${wider[0]} pixels wider than the screen`);
  await leave(page);
}

export async function liars(browser, url, key) {
  await certificates(browser, url, key);
  await strings(browser, url, {});
  await strings(browser, url, { viewport: NARROW });
  await alarmed(browser, url);
}
