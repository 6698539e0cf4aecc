// The jobs: what comes next on a time line, what came of the last runs, with gaps where some were missed, and why not.

import { ask, chainNow, on, poll } from "./data.js";
import { h, heading, keyed, put, say } from "./dom.js";
import { history } from "./history.js";
import { clock, count, ether, late, span, stateOf } from "./words.js";

/** Runs of a job's strip. */
const STRIP = 48;
/** Jobs whose money is asked for, and how often, in milliseconds: each answer costs the keeper's RPC node a few questions. */
const MONEY_MAX = 24;
const MONEY_EVERY = 20_000;

export function jobs(root, signal, chosen) {
  const ahead = h("div", { class: "ahead" });
  const list = h("ul", { class: "jobs" });
  const note = h("p", { class: "empty", hidden: true });
  put(root, heading("Jobs", "what this network is asked to do", h("a", { class: "plain primary push", href: "#/create" }, "List a job")),
    h("section", { class: "card" }, h("h2", {}, "Next runs", h("span", { class: "muted", id: "ahead-span" })), ahead), list, note);
  let known = [];
  let recent = new Map();
  const draw = () => {
    keyed(list, known, (job) => job.id, make, (element, job) => update(element, job, recent.get(job.id) ?? []));
    note.hidden = known.length > 0;
    say(note, "No job is listed yet: keeper job create, or the button above.");
    timeline(ahead, known);
  };
  const readRuns = () => ask("runs", signal).then(({ runs }) => {
    recent = new Map();
    for (const run of runs) recent.set(run.job_id, [...(recent.get(run.job_id) ?? []), run]);
    draw();
  }).catch(() => {});
  poll("jobs", 2500, (document) => {
    const first = known.length === 0;
    known = document.jobs;
    draw();
    if (first) countUp();
    if (chosen) open(list, chosen, signal);
    chosen = "";
  }, signal, (error) => { note.hidden = false; say(note, error.message); });
  on("opened", (back) => back && readRuns(), signal);
  readRuns();
  let counting = false;
  // A node that hangs is asked once at a time, however long it takes.
  const countUp = async () => {
    if (counting || document.hidden) return;
    counting = true;
    await money(list, known, signal).finally(() => { counting = false; });
  };
  const purse = setInterval(countUp, MONEY_EVERY);
  signal.addEventListener("abort", () => clearInterval(purse), { once: true });
  let due = 0;
  on("task", ({ change }) => {
    if (!["settled", "expired", "certified"].includes(change)) return;
    clearTimeout(due);
    due = setTimeout(() => !signal.aborted && readRuns(), 400);
  }, signal);
  const clockwork = setInterval(() => !document.hidden && known.length > 0 && timeline(ahead, known), 500);
  signal.addEventListener("abort", () => clearInterval(clockwork), { once: true });
  list.addEventListener("toggle", ({ target }) => {
    if (!target.open) return;
    const { key } = target.closest("li").dataset;
    history(target.querySelector(".history"), key, signal);
    const job = known.find((each) => String(each.id) === key);
    if (job) purseOf(list, job, signal);
  }, { capture: true, signal });
  list.addEventListener("keydown", walk, { signal });
}

/** The cells of a strip are one stop of the Tab key; arrows go from run to run. */
function walk(event) {
  const strip = event.target.closest?.(".strip");
  if (!strip) return;
  const cells = [...strip.querySelectorAll("a")];
  const at = cells.indexOf(event.target);
  const to = new Map([["ArrowLeft", at - 1], ["ArrowRight", at + 1], ["Home", 0], ["End", cells.length - 1]]).get(event.key);
  if (at < 0 || to === undefined || !cells[to]) return;
  event.preventDefault();
  cells.forEach((cell) => { cell.tabIndex = -1; });
  cells[to].tabIndex = 0;
  cells[to].focus();
}

function open(list, id) {
  const details = list.querySelector(`[data-key="${CSS.escape(id)}"] details`);
  if (details) details.open = true;
}

function make(job) {
  return h("li", { class: "card job" },
    h("div", { class: "job-head" }, h("strong", {}, `Job ${job.id}`), h("span", { class: "state" }), h("span", { class: "muted trigger" }), h("span", { class: "next num" })),
    h("p", { class: "money muted small num" }),
    h("p", { class: "why" }),
    h("ol", { class: "strip", "aria-label": "The last runs, the newest on the right" }),
    h("details", {}, h("summary", {}, "History"), h("div", { class: "history", tabindex: "0", role: "region", "aria-label": `Recorded runs of job ${job.id}` })));
}

function update(element, job, runs) {
  const [head, , why, strip] = element.children;
  const [, state, trigger, next] = head.children;
  const status = job.status !== "active" ? job.status : job.ready ? "ready" : "not ready";
  if (state.dataset.state !== status) {
    state.dataset.state = status;
    put(state, h("span", { class: "badge", data: { tone: status === "ready" ? "good" : job.status === "active" ? "bad" : "warn" } }, status));
  }
  say(trigger, `${job.action}, ${readable(job.trigger) || "a trigger this keeper cannot read"}`);
  say(next, job.next_due ? `next ${clock(job.next_due * 1000)}` : job.status === "active" && job.ready ? "when the chain says so" : "");
  why.hidden = !job.reason;
  say(why, job.reason ? `Why not: ${job.reason}` : "");
  const past = runs.filter((run) => run.state !== "waiting").slice(0, STRIP).reverse();
  keyed(strip, past, (run) => run.key, (run) => h("li", {}, h("a", { href: `#/task/${run.key}`, tabindex: "-1" })), (cell, run) => {
    const [words, tone] = stateOf(run.state);
    cell.dataset.tone = tone;
    // What is colour to some is a sign to all.
    say(cell.firstChild, { bad: "×", warn: "!" }[tone] ?? "");
    cell.style.setProperty("--late", String(Math.min(1, 0.25 + (run.settled_ms ?? 4000) / 6000)));
    cell.firstChild.setAttribute("aria-label", `run ${run.run}, ${words}`);
    cell.title = `run ${run.run}: ${words}${run.settled_ms === null ? "" : ` ${late(run.settled_ms)}`}${run.reason ? `, ${run.reason.slice(0, 120)}` : ""}`;
  });
  const cells = strip.querySelectorAll("a");
  if (cells.length > 0 && ![...cells].some((cell) => cell.tabIndex === 0)) cells[cells.length - 1].tabIndex = 0;
}

/** What comes next, a lane a job; jobs whose runs follow from the chain have none. */
function timeline(ahead, known) {
  const now = chainNow();
  const lanes = known.filter((job) => job.upcoming?.length > 0).slice(0, 12);
  // As far as it is known of all that come more often than that.
  const ends = lanes.filter((job) => job.upcoming.length > 8).map((job) => job.upcoming.at(-1) * 1000 - now);
  const length = Math.max(10_000, Math.min(3_600_000, ends.length > 0 ? Math.min(...ends) : Math.max(...lanes.map((job) => job.upcoming.at(-1) * 1000 - now)) * 1.05));
  const words = document.getElementById("ahead-span");
  if (words) say(words, lanes.length > 0 ? `the next ${wait(length)}` : "");
  if (lanes.length === 0) return void (ahead.firstChild?.className === "empty" || put(ahead, h("p", { class: "empty" }, "No run is known ahead: jobs that wait for blocks, logs or conditions come when the chain says so.")));
  if (ahead.firstChild?.className === "empty") put(ahead);
  keyed(ahead, lanes, (job) => job.id, (job) => h("div", { class: "ahead-lane" }, h("a", { class: "small", href: `#/jobs/${job.id}` }, `Job ${job.id}`), h("div", { class: "ticks" }), h("span", { class: "num small muted" })), (lane, job) => {
    const [, ticks, soon] = lane.children;
    const coming = job.upcoming.filter((due) => due * 1000 > now - 400 && due * 1000 < now + length);
    keyed(ticks, coming, (due) => due, (due) => h("i", { title: clock(due * 1000) }), (tick, due) => tick.style.setProperty("--at", String(Math.max(0, (due * 1000 - now) / length))));
    const first = job.upcoming.find((due) => due * 1000 > now);
    say(soon, first ? `in ${wait(first * 1000 - now)}` : "now");
  });
  return undefined;
}

/** What is left of the jobs' money. Those beyond the first ones say so, and show theirs when they are opened. */
async function money(list, known, signal) {
  const asked = known.filter((each) => each.status !== "cancelled");
  for (const job of asked.slice(MONEY_MAX)) {
    const place = placeOf(list, job);
    if (place?.textContent === "") say(place, `Money is read for the first ${MONEY_MAX} jobs; open the history of this one to read its own.`);
  }
  for (const job of asked.slice(0, MONEY_MAX)) {
    await purseOf(list, job, signal);
    if (signal.aborted) return;
  }
}

const placeOf = (list, job) => list.querySelector(`[data-key="${CSS.escape(String(job.id))}"] .money`);

/** What is left of one job's, in runs and, where runs are known ahead, in days. */
async function purseOf(list, job, signal) {
  const document = await ask(`jobs/${job.id}`, signal).catch(() => null);
  const place = placeOf(list, job);
  if (signal.aborted || !place || !document?.money) return;
  const { set_aside: set, for_gas: gas, token, runs, can_pay: pays } = document.money;
  const [first, last] = [job.upcoming?.[0], job.upcoming?.at(-1)];
  const apart = job.upcoming?.length > 1 ? (last - first) / (job.upcoming.length - 1) : null;
  const amount = token ? `${count(set)} of token ${token.slice(0, 10)}… and ${ether(gas)} ether for gas` : `${ether(set)} ether`;
  const days = apart ? (Number(runs) * apart) / 86_400 : null;
  const lasts = days === null ? "" : days >= 3650 ? ", for more than ten years" : days >= 1 ? `, about ${count(days.toFixed(days < 10 ? 1 : 0))} days` : `, about ${span(days * 86_400_000)}`;
  say(place, `${amount} set aside: ${pays ? `enough for ${count(runs)} runs at the most that one may cost now${lasts}` : "not enough for the next run"}`);
}

/** Whole seconds until something, and minutes where they are many. */
const wait = (ms) => (ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : span(Math.ceil(ms / 1000) * 1000));

/** A trigger in the keeper's words, its moment as people read one. */
const readable = (trigger) => trigger.replace(/\bfrom (\d{10})\b/, (_, seconds) => `since ${new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`);
