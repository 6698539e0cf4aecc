// A browser looks at the page of a real swarm: five keepers, jobs, a leader that is killed. Started by tests/page.sh, which builds
// the swarm ($SWARM) and finds the browser ($CHROMIUM). With $IMAGES, a folder, pictures of every view are left there; with $MEASURE
// it is held to its speed as well, which takes a machine that does nothing else.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { scale, serve, told } from "./scale.mjs";
import { Network } from "./swarm.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = [["mesh", "Mesh"], ["tasks", "Tasks"], ["jobs", "Jobs"], ["leaders", "Leaders"], ["operators", "Operators"], ["node", "This node"], ["create", "List a job"]];
const PATIENCE = 60_000;
const WIDE = { width: 1360, height: 880 };
const NARROW = { width: 360, height: 760 };
/** Within this a kill is to be seen. */
const SEEN_WITHIN_MS = 1_000;
/** What ten open pages may cost, as a part of a core, and over how long that is measured. */
const TEN_PAGES_PART = 0.05;
const MEASURED_MS = 12_000;

const checks = { passed: 0 };
async function check(name, work) {
  const begun = performance.now();
  const said = await work();
  checks.passed += 1;
  console.log(`ok ${checks.passed} ${name}${said ? `: ${said}` : ""} (${Math.round(performance.now() - begun)} ms)`);
}

/** A page whose errors and foreign requests are collected. */
async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: "dark", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error.stack ?? error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  context.on("request", (request) => new URL(request.url()).origin !== new URL(url).origin && page.faults.push(`a request to ${request.url()}`));
  await page.goto(url);
  return page;
}

const go = async (page, view) => {
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.locator("#view h1").first().waitFor();
};

/** Asks the page until it gives something, which is given. */
async function until(page, read, argument, every = 100) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await page.evaluate(read, argument);
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${read}`);
    await new Promise((done) => setTimeout(done, every));
  }
}

async function settled(page) {
  return until(page, async () => {
    const { runs } = await (await fetch("/api/v1/runs")).json();
    const done = runs.filter((run) => run.state === "settled" && run.certified_ms !== null);
    for (const run of done) {
      const full = await (await fetch(`/api/v1/runs/${run.key}`)).json();
      if (full.certificate && full.settled && full.ran_ms && full.marks.length >= 4) return run.key;
    }
    return null;
  }, undefined, 500);
}

async function accessible(page, view) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = serious.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`);
  assert.deepEqual(told, [], view);
}

async function fits(page, view) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${view} is ${wider} pixels wider than the screen`);
}

async function mesh(page) {
  await page.locator(".node").nth(4).waitFor();
  assert.equal(await page.locator(".node").count(), 5);
  await page.locator(".node.leading").waitFor();
  await until(page, () => document.querySelectorAll(".link").length >= 4);
  await until(page, () => document.querySelectorAll(".flying, .ripple").length > 0, undefined, 20);
  const leaders = await until(page, () => {
    const seen = (globalThis.seenLeaders ??= new Set());
    const now = document.getElementById("leader-now")?.textContent;
    if (now) seen.add(now);
    return seen.size > 1 ? [...seen] : null;
  });
  const links = await page.locator(".link").count();
  const [size, paint] = await page.evaluate(() => [performance.getEntriesByType("resource").reduce((sum, each) => sum + each.encodedBodySize, 0), performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0]);
  return `first paint after ${Math.round(paint)} ms, ${Math.round(size / 1024)} KiB; 5 keepers, ${links} links, leaders so far ${leaders.join(", ")}`;
}

async function task(page) {
  const key = await settled(page);
  await go(page, `task/${key}`);
  await page.locator(".fall .chain:not(.open)").waitFor();
  for (const part of ["due", "begun", "ran", "partials", "quorum", "chain"]) assert.equal(await page.locator(`.fall .${part}:not(.open)`).count(), 1, `${part} is not told of task ${key}`);
  const marks = await page.locator(".fall .marks i").count();
  const signed = await page.locator(".signers .signed").count();
  assert.ok(marks >= 4 && signed >= 4, `${marks} marks, ${signed} signers`);
  assert.match(await page.locator(".fall .chain .step").textContent(), /block/);
  return `${key}, ${marks} marks, ${signed} signers`;
}

const verdict = (page, state) => page.locator(`.proof[data-state="${state}"]`).waitFor();

async function proof(page) {
  await page.locator("#verify:not([disabled])").click();
  await verdict(page, "good");
  assert.equal(await page.locator(".steps li[data-ok='true']").count(), 5);
  const said = await page.locator("#verdict").textContent();
  for (const forgery of ["0", "1", "2", "3"]) {
    await page.locator(`[data-forgery="${forgery}"]`).click();
    await verdict(page, "bad");
    await page.locator("#verify:not([disabled])").click();
    await verdict(page, "good");
  }
  return said;
}

/** A keeper that lies to its reader, and strings that are markup elsewhere. */
async function liars(browser, url, key) {
  const page = await open(browser, url);
  const markup = '<img src=x onerror="globalThis.taken=1"><script>globalThis.taken=1</script>\u202eevil\u0000' + "A".repeat(100_000);
  const change = (path, edit) => page.route(`**/api/v1/${path}`, async (route) => {
    const answer = await route.fetch();
    const document = await answer.json();
    edit(document);
    await route.fulfill({ response: answer, json: document });
  });
  await change(`certificates/${key}`, (document) => { document.reports[document.position].outcome_hash = `0x${"5".repeat(64)}`; });
  await change("jobs", (document) => document.jobs.forEach((job) => { Object.assign(job, { trigger: markup, ready: false, reason: markup }); }));
  await change("runs", (document) => document.runs.forEach((run) => { run.reason = markup; }));
  await change("network", (document) => document.members.forEach((member) => { Object.assign(member, { agent: markup, address: markup }); }));
  await change("node", (document) => { Object.assign(document.checks.mesh, { ok: false, message: markup }); });
  await go(page, `task/${key}`);
  await page.locator("#verify:not([disabled])").click();
  await verdict(page, "bad");
  for (const [view] of VIEWS) {
    await go(page, view);
    await page.locator("#view h1").waitFor();
    if (view === "mesh") await page.locator(".node").first().click();
    if (view === "jobs") await page.locator(".job .why").first().waitFor();
    if (view === "node") await page.locator(".checks [data-ok='false']").first().waitFor();
    assert.equal(await page.locator("main img, main script").count(), 0, view);
  }
  assert.equal(await page.evaluate(() => globalThis.taken), undefined);
  await page.goto(`${url}#/task/${encodeURIComponent("<img src=x>")}/%E0%A4%A`);
  await page.locator("#view h1").waitFor();
  assert.deepEqual(page.faults.filter((fault) => !/status of 40[04]/.test(fault)), []);
  await page.context().close();
}

async function keyboard(page) {
  await page.goto(page.url().replace(/#.*/, "#/mesh"));
  await page.locator(".node").first().waitFor();
  for (const [view, title] of VIEWS.slice(0, 6)) {
    await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
    let reached = false;
    for (let tab = 0; tab < 40 && !reached; tab += 1) {
      await page.keyboard.press("Tab");
      reached = await page.evaluate((wanted) => document.activeElement?.dataset?.view === wanted, view);
    }
    assert.ok(reached, `${view} is out of the keyboard's reach`);
    await page.keyboard.press("Enter");
    await page.locator("#view h1", { hasText: title }).waitFor();
  }
}

async function form(page) {
  await go(page, "create");
  await page.locator("#kind-When").selectOption("cron");
  await page.getByLabel("Contract that is called").fill(`0x${"1".repeat(40)}`);
  await page.getByLabel("Calldata").fill("0xd09de08a");
  const line = await page.locator(".command").textContent();
  assert.match(line, /^keeper job create --trigger cron .*--action call .*--cron '\*\/15 \* \* \* \*'.*--target 0x1{40}/s);
  await page.getByLabel("Contract that is called").fill("0x12'; rm -rf /");
  assert.match(await page.locator(".command").textContent(), /--target '0x12'\\''; rm -rf \/'/);
  assert.match(await page.locator("[role=status]", { hasText: "Still to be filled in" }).textContent(), /contract that is called/);
}

/** A leader dies; the page shows it, and who leads instead. */
async function kill(network, page) {
  await go(page, "mesh");
  await page.locator(".node").nth(4).waitFor();
  await page.evaluate(() => {
    globalThis.gone = [];
    const look = () => document.querySelectorAll(".node.gone").forEach((node) => globalThis.gone.some((each) => each.row === node.dataset.key) || globalThis.gone.push({ row: node.dataset.key, at: Date.now() }));
    new MutationObserver(look).observe(document.getElementById("view"), { subtree: true, attributes: true, childList: true });
  });
  const { name, at, operator } = await network.kill();
  const seen = await until(page, async (victim) => {
    const { members } = await (await fetch("/api/v1/network")).json();
    const row = members.find((member) => member.operator.toLowerCase() === victim)?.index;
    return globalThis.gone.find((each) => each.row === String(row)) ?? null;
  }, operator, 50);
  const after = seen.at - at;
  assert.ok(after < SEEN_WITHIN_MS, `the kill of ${name} was seen after ${after} ms`);
  const heir = await until(page, (victim) => {
    const now = document.getElementById("leader-now")?.textContent;
    return now && now.toLowerCase() !== `${victim.slice(0, 6)}…${victim.slice(-4)}` ? now : null;
  }, operator, 50);
  const said = `${name} seen gone ${after} ms after it was said, then ${heir} leads`;
  await until(page, () => document.querySelectorAll(".node.here").length === 5);
  return `${said}; and it is back`;
}

async function looks(browser, url, key, folder) {
  const views = [...VIEWS.map(([view]) => [view, view]), ["task", `task/${key}`]];
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    for (const colorScheme of ["dark", "light"]) {
      const page = await open(browser, url, { viewport, colorScheme });
      await page.locator(".node").nth(4).waitFor();
      for (const [name, view] of views) {
        await go(page, view);
        if (name === "mesh") await until(page, () => document.querySelectorAll(".flying").length > 1 && document.querySelectorAll(".news li").length > 5, undefined, 20);
        else await page.waitForLoadState("networkidle").catch(() => {});
        if (name === "jobs") await page.locator(".strip li").nth(3).waitFor();
        if (name === "tasks") await page.locator("tbody tr").nth(3).waitFor();
        if (name === "leaders") await page.locator(".turns .past").nth(3).waitFor();
        if (name === "operators") await page.locator("tbody tr").nth(4).waitFor();
        if (name === "node") await page.locator(".checks li").nth(5).waitFor();
        if (name === "task") {
          await page.locator("#verify:not([disabled])").click();
          await verdict(page, "good");
          await page.evaluate(() => scrollTo(0, 0));
        }
        await fits(page, `${view} (${size})`);
        await accessible(page, `${view} (${size}, ${colorScheme})`);
        if (folder) await page.screenshot({ path: `${folder}/page-${name}-${size}-${colorScheme}.png`, fullPage: size === "wide" && name === "task", animations: "allow" });
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  }
  return `${views.length} views, wide and narrow, dark and light`;
}

/** What ten pages that are looked at cost the keeper, beyond what it does anyway, as a part of a core. */
async function tenPages(network, browser, url) {
  const rest = await network.load("keeper-1", MEASURED_MS);
  const pages = [];
  for (let number = 0; number < 10; number += 1) pages.push(await open(browser, url));
  for (const page of pages) await page.locator(".node").nth(4).waitFor();
  const busy = await network.load("keeper-1", MEASURED_MS);
  for (const page of pages) await page.context().close();
  const cost = busy - rest;
  assert.ok(cost < TEN_PAGES_PART, `ten pages cost ${(cost * 100).toFixed(1)} % of a core`);
  return `${(cost * 100).toFixed(1)} % of a core, beyond ${(rest * 100).toFixed(1)} %`;
}

/** The page of a network that is too large to be run here, made up from what this one told. */
async function large(browser, documents) {
  const server = await serve(documents);
  try {
    const page = await open(browser, server.url);
    const said = await scale(page, server.url);
    assert.deepEqual(page.faults, []);
    await page.context().close();
    return said;
  } finally {
    server.stop();
  }
}

const network = await Network.start(process.env.SWARM);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
let failed = null;
try {
  const url = network.page();
  const page = await open(browser, url);
  await check("the mesh lives: keepers, links, leaders, messages in the air", () => mesh(page));
  let key = "";
  await check("a task's way is told from its due moment to its block", async () => {
    const said = await task(page);
    key = said.split(",")[0];
    return said;
  });
  await check("its certificate verifies in the browser, and nothing that is falsified does", () => proof(page));
  await check("a leader that is killed is seen gone within a second, and who leads instead", () => kill(network, page));
  await check("the keyboard reaches every view", () => keyboard(page));
  await check("the form writes a command that a shell takes for what it is", () => form(page));
  await check("what is markup elsewhere is text here, and a lie about a certificate turns red", () => liars(browser, url, key));
  assert.deepEqual(page.faults, []);
  const documents = await told(page);
  await page.context().close();
  if (process.env.MEASURE) await check("ten open pages cost next to nothing", () => tenPages(network, browser, url));
  if (process.env.IMAGES) mkdirSync(process.env.IMAGES, { recursive: true });
  await check("every view fits, and axe finds nothing serious", () => looks(browser, url, key, process.env.IMAGES));
  await network.stop();
  await check("64 keepers and 10,000 recorded runs are reached by scrolling", () => large(browser, documents));
} catch (error) {
  failed = error;
} finally {
  await browser.close();
  await network.stop();
}
if (failed) {
  console.error(failed.stack ?? failed);
  console.error(network.tail());
}
// The form that cargo's harness ends with, which tests/run.sh counts.
console.log(`test result: ${failed ? "FAILED" : "ok"}. ${checks.passed} passed; ${failed ? 1 : 0} failed;`);
process.exit(failed ? 1 : 0);
