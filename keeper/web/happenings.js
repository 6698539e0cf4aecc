// What happens in the mesh while it is looked at: messages in the air, one line a task, and the blocks in which tasks settled.

import { ask, chainNow, on, store } from "./data.js";
import { h, keyed, put, say } from "./dom.js";
import { leadership } from "./leadership.js";
import { Settled } from "./settled.js";
import { badge, clock, count, same, short } from "./words.js";

/** Lines of news that are shown, and blocks in the strip. */
const NEWS_MAX = 9;
const BLOCKS = 30;
/** Tasks that are known by what was told of them. */
const SEEN_MAX = 400;

/** Follows the news: `settled` is which tasks settled when, by this browser's clock. */
export function happenings({ strip, news, quiet }, drawing, signal) {
  const seen = new Map();
  const settled = new Map();
  const blocks = new Settled();
  /** Tasks of which something was told since the runs were last asked for: that is newer than the answer. */
  const told = new Set();
  const redraw = () => showBlocks(strip, blocks);

  function note(key, what) {
    const known = { ...seen.get(key), ...what, key, at: chainNow() };
    seen.delete(key);
    seen.set(key, known);
    const shown = [...seen.values()].filter((each) => each.state).slice(-NEWS_MAX).reverse();
    quiet.hidden = shown.length > 0;
    keyed(news, shown, (each) => each.key, () => h("li", {}, h("a", {}, h("time", { class: "mono" }), h("span", { class: "what" }), h("span", { class: "state" }))), describe);
  }

  /** A task is in this block now; in none, if what it had settled in is on the chain no more. */
  function place(key, block, at = Date.now()) {
    blocks.set(key, block);
    if (!block) settled.delete(key);
    else if (!settled.has(key)) settled.set(key, at);
  }

  const leader = () => leadership(store.pulse, store.mesh).leading;
  on("partial", (partial) => {
    const to = leader();
    if (to) drawing.fly(partial.keeper, to.index, partial.abstains ? "abstains" : "signs");
  }, signal);
  on("certificate", (certificate) => {
    const at = leader();
    if (at) drawing.flash(at.index, "certified");
    certificate.tasks.forEach((key) => note(key, { state: "certified", signers: certificate.signers.length }));
  }, signal);
  on("task", (news) => {
    const { key, change } = news;
    told.add(key);
    if (change === "settled") {
      const from = store.mesh?.members.find((member) => same(member.operator, news.submitter));
      if (from) drawing.flash(from.index, "settled");
      place(key, news.block);
      redraw();
      note(key, { state: news.result, block: news.block, submitter: news.submitter, reason: "" });
    } else if (change === "due") seen.set(key, { ...seen.get(key), due: news.due });
    else if (change === "started") note(key, { state: "running" });
    else if (change === "reopened" || change === "expired") {
      place(key, null);
      redraw();
      note(key, { state: change, block: null, submitter: null, reason: change === "reopened" ? "undone by a reorganisation" : "" });
    } else if (change === "undelivered" || change === "ineligible") note(key, { state: seen.get(key)?.state ?? "settled", reason: news.reason ?? "" });
    while (seen.size > SEEN_MAX) seen.delete(seen.keys().next().value);
  }, signal);

  /** What happened while nobody told it: at first, and after each gap in the stream. */
  const catchUp = async () => {
    told.clear();
    const { runs } = await ask("runs", signal);
    const older = runs.filter((run) => !told.has(run.key));
    for (const run of older) {
      const ago = run.settled_ms === null ? Infinity : chainNow() - run.due * 1000 - run.settled_ms;
      place(run.key, run.block, Date.now() - ago);
    }
    for (const { key, state, due, block, submitter, reason } of older.filter((run) => run.state !== "waiting").slice(0, NEWS_MAX).reverse()) {
      if (seen.get(key)?.state !== state) note(key, { state, due, block, submitter: submitter || null, reason });
    }
    redraw();
  };
  const caught = () => catchUp().catch(() => {});
  on("opened", (back) => back && caught(), signal);
  caught();
  return { settled, redraw };
}

function describe(element, each) {
  const [job, , run] = each.key.split(".");
  const link = element.firstChild;
  link.setAttribute("href", `#/task/${each.key}`);
  const [time, what, state] = link.children;
  say(time, each.due ? clock(each.due * 1000) : clock(each.at));
  const name = `Job ${job} ${run.startsWith("0x") ? short(run) : `#${count(run)}`}`;
  const more = each.reason ? ` — ${each.reason}` : each.block ? ` in block ${count(each.block)}${each.submitter ? ` by ${short(each.submitter)}` : ""}` : each.signers ? `, ${each.signers} signed` : "";
  say(what, name + more);
  if (state.dataset.state !== each.state) {
    state.dataset.state = each.state;
    put(state, badge(each.state));
  }
}

function showBlocks(strip, blocks) {
  const head = store.pulse?.head.number;
  if (!head) return;
  blocks.forget(head - 200);
  const numbers = Array.from({ length: Math.min(BLOCKS, head + 1) }, (_, at) => head - at).reverse();
  keyed(strip, numbers, (number) => number, (number) => h("li", { title: `block ${number}` }), (element, number) => {
    const settled = blocks.count(number);
    element.style.setProperty("--lit", String(Math.min(1, settled ? 0.45 + settled * 0.18 : 0)));
    element.classList.toggle("lit", settled > 0);
    element.title = settled ? `block ${number}: ${settled} settled` : `block ${number}`;
  });
}
