// A large network that is made up: the documents of a real one, with 64 keepers in it and 10,000 runs recorded of one job. The page is
// what ships; only what it is told is larger than what two cores can run. How it scrolls is read from the browser's own trace.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const KEEPERS = 64;
const RUNS = 10_000;
/** Frames a second that are wanted, and what a trace may miss of them: its first and last one are cut. */
const WANTED = 60;
const CUT = 0.04;
const WEB = new URL("../../keeper/web/", import.meta.url);
const TYPES = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", html: "text/html", json: "application/json" };
const NAMES = ["node", "network", "mesh", "jobs", "runs", "leaders", "operators"];

/** What a real keeper tells, from a page that shows it. */
export async function told(page) {
  return page.evaluate(async (names) => {
    const documents = {};
    for (const name of names) documents[name] = await (await fetch(`/api/v1/${name}`)).json();
    documents.pulse = globalThis.keeperMesh.store.pulse;
    return documents;
  }, NAMES);
}

const operator = (index) => `0x${(index + 1).toString(16).padStart(2, "0").repeat(20)}`;

/** The same with as many keepers, all of them linked with each other, and a long record. */
function enlarged(documents) {
  const [like] = documents.network.members;
  const members = Array.from({ length: KEEPERS }, (_, index) => ({ ...like, index, operator: operator(index), me: index === 0, connected: true, stake: String(10n ** 18n), rtt_ms: 20 + index }));
  const links = members.slice(1).map(({ index }) => ({ a: 0, b: index, rtt_ms: 20 + index }));
  const keepers = members.slice(1).map((member) => ({ operator: member.operator, own: false, failing: [], heard_ms_ago: 500, state: "ready", version: "0", region: "", links: members.filter(({ index }) => index > member.index).map((other) => ({ operator: other.operator, rtt_ms: 30 })) }));
  const turns = documents.network.turns.map((turn) => ({ ...turn, line: members.slice(0, 8).map((member) => member.operator) }));
  const network = { ...documents.network, me: 0, members, links, turns };
  const pulse = { ...documents.pulse, members: KEEPERS, peers: KEEPERS - 1, connected: members.slice(1).map(({ index }) => index), turns };
  const seen = documents.operators.operators.find((each) => each.index !== null)?.seen ?? {};
  const operators = { ...documents.operators, operators: members.map(({ index, operator: address, stake }) => ({ operator: address, index, stake, connected: true, me: index === 0, seen })) };
  return { ...documents, network, pulse, operators, mesh: { ...documents.mesh, keepers } };
}

/** A page of the long record, with one run in a hundred that is missing, and more runs due in a second than one page has. */
function recorded(query) {
  const [after, limit] = [Number(query.get("after")?.split(".")[2] ?? Infinity), Number(query.get("limit") ?? 100)];
  const runs = [];
  for (let run = RUNS; run > 0 && runs.length < limit; run -= 1) {
    const due = 1_790_000_000 + Math.floor(run / 450);
    if (run >= after || run % 100 === 50) continue;
    runs.push({ key: `1.1.${run}`, job: 1, version: 1, run, due, state: "settled", reason: "", undelivered: null, settled: { block: run, seconds_late: 1 } });
  }
  return { schema: 1, job: 1, runs };
}

function stream(response, { pulse }) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const tell = (kind, data) => response.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  let round = 0;
  const turn = () => {
    round += 1;
    tell("pulse", { ...pulse, head: { ...pulse.head, number: pulse.head.number + round } });
    for (let keeper = 1; keeper < KEEPERS; keeper += 1) tell("partial", { tasks: [`1.1.${RUNS + round}`], count: 1, keeper, abstains: false, at_ms: Date.now() });
    tell("task", { key: `1.1.${RUNS + round}`, job: 1, at_ms: Date.now(), change: "settled", block: round, submitter: operator(1), delivered: true, result: "settled", seconds_late: 1 });
  };
  turn();
  const timer = setInterval(turn, 1000);
  response.on("close", () => clearInterval(timer));
}

/** Serves the page and the large network; gives its address, and what ends it. */
export async function serve(documents) {
  const large = enlarged(documents);
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const name = url.pathname.replace(/^\/(api\/v1\/)?/, "");
    const json = (body) => response.writeHead(200, { "content-type": TYPES.json }).end(JSON.stringify(body));
    if (name === "events") stream(response, large);
    else if (/^jobs\/\d+\/runs$/.test(name)) json(recorded(url.searchParams));
    else if (/^jobs\/\d+$/.test(name)) json({ schema: 1, money: null });
    else if (NAMES.includes(name)) json(large[name]);
    else if (url.pathname.startsWith("/api/")) response.writeHead(404, { "content-type": TYPES.json }).end("{}");
    else response.writeHead(200, { "content-type": TYPES[(name || "index.html").split(".").pop()] }).end(readFileSync(new URL(name || "index.html", WEB)));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => { server.closeAllConnections(); server.close(); } };
}

/** Scrolls at an element for so many pixels with the browser's own gesture: frames a second that were drawn, and those dropped. */
async function scrolled(page, selector, distance) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const place = page.locator(selector).first();
  await place.scrollIntoViewIfNeeded();
  const [box, { width, height }] = [await place.boundingBox(), page.viewportSize()];
  const [x, y] = [Math.min(box.x + box.width / 2, width - 10), Math.min(box.y + box.height / 2, height / 2)];
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["disabled-by-default-devtools.timeline.frame", "devtools.timeline.frame"] } });
  await session.send("Input.synthesizeScrollGesture", { x, y, yDistance: -distance, speed: 2400, gestureSourceType: "mouse" });
  const done = new Promise((complete) => session.once("Tracing.tracingComplete", complete));
  await session.send("Tracing.end");
  await done;
  await session.detach();
  const at = (name) => events.filter((event) => event.name === name).map((event) => event.ts / 1e6).sort((a, b) => a - b);
  const [drawn, dropped] = [at("DrawFrame"), at("DroppedFrame")];
  const seconds = drawn.at(-1) - drawn[0];
  return { rate: (drawn.length - 1) / seconds, dropped: dropped.length, seconds };
}

/** Everybody is drawn, the whole record is reached by scrolling, and it scrolls as fast as the screen is drawn. */
export async function scale(page, url) {
  await page.goto(url);
  await page.locator(".node").nth(KEEPERS - 1).waitFor();
  await page.goto(`${url}#/jobs`);
  await page.locator(".job summary").first().click();
  const reached = await page.evaluate(async (wanted) => {
    const place = document.querySelector(".job .history");
    const rows = () => place.querySelectorAll("tbody tr:not(.gap)").length;
    const end = Date.now() + 60_000;
    while (rows() < wanted && Date.now() < end) {
      place.scrollTop = place.scrollHeight;
      await new Promise((painted) => requestAnimationFrame(painted));
    }
    place.scrollTop = 0;
    return [rows(), place.querySelectorAll("tr.gap").length];
  }, RUNS * 0.99);
  assert.deepEqual(reached, [RUNS * 0.99, RUNS / 100]);
  const history = await scrolled(page, ".job .history", 9_000);
  await page.goto(`${url}#/operators`);
  await page.locator("tbody tr").nth(KEEPERS - 1).waitFor();
  const operators = await scrolled(page, "main", 2_400);
  if (process.env.MEASURE) for (const [name, { rate }] of Object.entries({ history, operators })) assert.ok(rate >= WANTED * (1 - CUT), `${name} scrolls at ${rate.toFixed(1)} frames a second`);
  return `${reached[0]} runs and ${KEEPERS} keepers; ${history.rate.toFixed(1)} frames a second through the runs (${history.dropped} dropped in ${history.seconds.toFixed(1)} s), ${operators.rate.toFixed(1)} through the keepers (${operators.dropped} dropped in ${operators.seconds.toFixed(1)} s)`;
}
