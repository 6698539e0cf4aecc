// A browser looks at the page of a real swarm: five keepers, jobs, a leader that is killed. Started by tests/page.sh, which builds
// the swarm ($SWARM) and finds the browser ($CHROMIUM). With $IMAGES, a folder, pictures of every view are left there; with $MEASURE
// it is held to its speed as well, which takes a machine that does nothing else.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { NARROW, VIEWS, WIDE, accessible, check, checks, fits, go, open, settled, until, verdict } from "./browser.mjs";
import { calm, crowded, forced, frozen } from "./hardship.mjs";
import { liars } from "./liars.mjs";
import { scale, serve, told } from "./scale.mjs";
import { Network } from "./swarm.mjs";

/** Within this a kill is to be seen. */
const SEEN_WITHIN_MS = 1_000;
/** All of the page as it goes over the wire, and until there is something to see: on a machine that does nothing else. */
const PAGE_BYTES_MAX = 150 * 1024;
const FIRST_PAINT_MS = 1_000;
/** What ten open pages may cost, as a part of a core, and over how long that is measured. */
const TEN_PAGES_PART = 0.05;
const MEASURED_MS = 12_000;

/** Bytes of all files of the page, each gzipped by itself. */
function packed() {
  const folder = new URL("../../keeper/web/", import.meta.url);
  const names = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|css|html|svg)$/.test(name));
  assert.ok(names.length > 15, String(names));
  return names.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, folder))).length, 0);
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
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity);
  if (process.env.MEASURE) assert.ok(paint < FIRST_PAINT_MS, `the first paint came after ${Math.round(paint)} ms`);
  const size = packed();
  assert.ok(size < PAGE_BYTES_MAX, `the page is ${size} bytes, gzipped`);
  return `first paint after ${Math.round(paint)} ms, ${Math.round(size / 1024)} KiB gzipped; 5 keepers, ${links} links, leaders so far ${leaders.join(", ")}`;
}

async function task(page) {
  const [key] = await settled(page);
  await go(page, `task/${key}`);
  await page.locator(".fall .chain:not(.open)").waitFor();
  for (const part of ["due", "begun", "ran", "partials", "quorum", "chain"]) assert.equal(await page.locator(`.fall .${part}:not(.open)`).count(), 1, `${part} is not told of task ${key}`);
  const marks = await page.locator(".fall .marks i").count();
  const signed = await page.locator(".signers .signed").count();
  assert.ok(marks >= 4 && signed >= 4, `${marks} marks, ${signed} signers`);
  assert.match(await page.locator(".fall .chain .step").textContent(), /block/);
  return `${key}, ${marks} marks, ${signed} signers`;
}

async function proof(page) {
  await page.locator("#verify:not([disabled])").click();
  await verdict(page, "good");
  assert.equal(await page.locator(".steps li[data-ok='true']").count(), 6);
  const said = await page.locator("#verdict").textContent();
  for (const forgery of ["0", "1", "2", "3"]) {
    await page.locator(`[data-forgery="${forgery}"]`).click();
    await verdict(page, "bad");
    await page.locator("#verify:not([disabled])").click();
    await verdict(page, "good");
  }
  return said;
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

/** Notes in the page who is shown gone, and who is shown to lead in which window, whenever that changes. */
const watch = (page) => page.evaluate(() => {
  Object.assign(globalThis, { gone: [], led: [] });
  const look = () => {
    document.querySelectorAll(".node.gone").forEach((node) => globalThis.gone.some((each) => each.row === node.dataset.key) || globalThis.gone.push({ row: node.dataset.key, at: Date.now() }));
    const { pulse, mesh } = globalThis.keeperMesh.store;
    const window = Number(document.querySelector(".lead")?.dataset.key?.split("/")[0]);
    const turn = pulse?.turns.find((each) => each.window === window);
    const here = (operator) => mesh?.members.some((member) => member.operator.toLowerCase() === operator.toLowerCase() && (member.me || pulse?.connected.includes(member.index)));
    globalThis.led.push({ at: Date.now(), window, leader: document.getElementById("leader-now")?.textContent, words: document.querySelector(".lead .now .small")?.textContent ?? "", first: turn?.line[0]?.toLowerCase(), heir: turn?.line.find(here)?.toLowerCase() });
  };
  new MutationObserver(look).observe(document.getElementById("view"), { subtree: true, attributes: true, childList: true, characterData: true });
});

/** A leader dies; the page shows it, and who of those in line steps in for it, in its own window. */
async function kill(network, page) {
  await go(page, "mesh");
  await page.locator(".node").nth(4).waitFor();
  await watch(page);
  const { name, at, operator, window } = await network.kill();
  const seen = await until(page, async (victim) => {
    const { members } = await (await fetch("/api/v1/network")).json();
    const row = members.find((member) => member.operator.toLowerCase() === victim)?.index;
    return globalThis.gone.find((each) => each.row === String(row)) ?? null;
  }, operator, 50);
  const after = seen.at - at;
  assert.ok(after < SEEN_WITHIN_MS, `the kill of ${name} was seen after ${after} ms`);
  const short = (hex) => `${hex.slice(0, 6)}…${hex.slice(-4)}`;
  const lower = (words) => String(words).toLowerCase();
  const led = await until(page, ([from, of]) => (globalThis.led.some((each) => each.at > from && each.window > of) ? globalThis.led : null), [seen.at, window], 50);
  const inTurn = led.filter((each) => each.at > seen.at && each.window === window && each.first === operator && each.heir !== operator);
  assert.ok(inTurn.length > 0, `nobody is shown in window ${window} once ${name} is gone: ${JSON.stringify(led.slice(-4))}`);
  for (const each of inTurn) {
    assert.ok(lower(each.leader) === short(each.heir) && lower(each.words) === `steps in for ${short(operator)}`, `${each.heir} is the first in line that is there, and the page says: ${each.leader} ${each.words}`);
  }
  const said = `${name} seen gone ${after} ms after it was said, and ${inTurn[0].leader} steps in for it in window ${window}`;
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
  await check("what is markup elsewhere is text here, a megabyte fits, and a lie about a certificate turns red", () => liars(browser, url, key));
  await check("with little motion nothing moves, and it is told all the same", () => calm(browser, url));
  await check("with colours of the reader's own nothing vanishes", () => forced(browser, url, key));
  assert.deepEqual(page.faults, []);
  const documents = await told(page);
  await page.context().close();
  await check("one page too many is told that it is, and goes on when another is closed", () => crowded(browser, url));
  await check("a keeper that freezes is seen lost, what was drawn stays, and it is live again when it wakes", () => frozen(network, browser, url, key));
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
