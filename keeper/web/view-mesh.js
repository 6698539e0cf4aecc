// The mesh: who is there, who leads, what flies between them, and what comes of it on chain.

import { ask, chainNow, on, store } from "./data.js";
import { card, h, heading, keyed, put, say } from "./dom.js";
import { graph } from "./graph.js";
import { Settled } from "./settled.js";
import { badge, clock, count, hue, same, short, span, who } from "./words.js";

/** Lines of news that are shown, and blocks in the strip. */
const NEWS_MAX = 9;
const BLOCKS = 30;

/** Who leads at a moment of the chain's time, and who is next: the first in line that is there. */
export function leadership(pulse, mesh) {
  const now = chainNow();
  const turns = pulse?.turns ?? [];
  const current = turns.find((turn) => turn.begins_ms <= now && now < turn.ends_ms) ?? turns[0];
  const next = turns.find((turn) => turn.window === (current?.window ?? -1) + 1);
  const connected = new Set(pulse?.connected ?? []);
  const rows = (turn) => (turn?.line ?? []).map((operator) => mesh?.members.find((member) => same(member.operator, operator))).filter(Boolean);
  const here = (member) => member.me || connected.has(member.index);
  const line = rows(current);
  const drawn = line[0];
  return { turn: current, next: rows(next)[0], drawn, line, leading: line.find(here) ?? drawn, connected, here };
}

export function mesh(root, signal) {
  const stage = h("div", { class: "stage" });
  const nobody = h("p", { class: "empty" }, "No keepers yet: this one has not read an operator set from the chain.");
  const strip = h("ol", { class: "blocks", "aria-label": "The newest blocks; those with settled tasks are lit" });
  const lead = h("div", { class: "lead" });
  const line = h("ol", { class: "line" });
  const news = h("ol", { class: "news" });
  const quiet = h("p", { class: "empty" }, "Nothing has happened yet.");
  const tiles = h("dl", { class: "tiles" });
  const about = h("div", { class: "about" });
  put(root, heading("Mesh", "the keepers as this one sees them"),
    tiles,
    h("div", { class: "mesh" },
      h("section", { class: "card hero" }, nobody, stage, about, h("div", { class: "chain" }, h("span", { class: "small muted" }, "Chain"), strip), legend()),
      h("div", { class: "stack" }, h("section", { class: "card" }, h("h2", {}, "Who leads"), lead, line), card("News", "one line a task", h("div", { role: "log", "aria-label": "News" }, news, quiet)))));

  let chosen = null;
  let described = "";
  const describe = () => {
    const member = store.mesh?.members.find((each) => each.index === chosen);
    if (chosen === null) return;
    const print = JSON.stringify(member ?? null);
    if (described === print) return;
    described = print;
    put(about, member ? description(member) : h("p", { class: "muted" }, `Row ${chosen} is no member any more.`));
  };
  const drawing = graph(stage, (index) => {
    chosen = index;
    describe();
  });
  signal.addEventListener("abort", drawing.stop, { once: true });
  const seen = new Map();
  const tally = { settled: new Map() };
  const blocks = new Settled();

  const redraw = () => {
    if (!store.mesh) return;
    nobody.hidden = store.mesh.members.length > 0;
    stage.hidden = !nobody.hidden;
    const led = leadership(store.pulse, store.mesh);
    drawing.show(store.mesh, { leading: led.leading?.index, next: led.next?.index, connected: led.connected });
    showLead(lead, line, led);
    showTiles(tiles, tally);
    describe();
  };
  const redrawBlocks = () => showBlocks(strip, blocks);
  on("mesh", redraw, signal);
  on("pulse", () => { redraw(); redrawBlocks(); }, signal);
  let window = 0;
  const clockwork = setInterval(() => {
    if (document.hidden || !store.pulse) return;
    const led = leadership(store.pulse, store.mesh);
    const part = led.turn ? (chainNow() - led.turn.begins_ms) / (led.turn.ends_ms - led.turn.begins_ms) : 0;
    lead.querySelector(".bar > span")?.style.setProperty("--part", String(Math.max(0, Math.min(1, part))));
    if (led.turn && led.turn.window !== window) {
      window = led.turn.window;
      redraw();
    }
  }, 200);
  signal.addEventListener("abort", () => clearInterval(clockwork), { once: true });

  on("partial", (partial) => {
    const { leading } = leadership(store.pulse, store.mesh);
    if (leading) drawing.fly(partial.keeper, leading.index, partial.abstains ? "abstains" : "signs");
  }, signal);
  on("certificate", (certificate) => {
    const { leading } = leadership(store.pulse, store.mesh);
    if (leading) drawing.flash(leading.index, "certified");
    certificate.tasks.forEach((key) => note(key, { state: "certified", signers: certificate.signers.length }));
  }, signal);
  on("task", (change) => {
    if (change.change === "settled") {
      if (!tally.settled.has(change.key)) tally.settled.set(change.key, Date.now());
      const from = store.mesh?.members.find((member) => same(member.operator, change.submitter));
      if (from) drawing.flash(from.index, "settled");
      blocks.set(change.key, change.block);
      redrawBlocks();
      note(change.key, { state: change.result, block: change.block, submitter: change.submitter, late: change.seconds_late, reason: "" });
    } else if (change.change === "due") seen.set(change.key, { ...seen.get(change.key), due: change.due });
    else if (change.change === "started") note(change.key, { state: "running", job: change.job });
    else if (["reopened", "expired"].includes(change.change)) {
      // Whatever it had settled in is on the chain no more.
      tally.settled.delete(change.key);
      blocks.set(change.key, null);
      redrawBlocks();
      note(change.key, { state: change.change, block: null, submitter: null, reason: change.change === "reopened" ? "undone by a reorganisation" : "" });
    } else if (["undelivered", "ineligible"].includes(change.change)) note(change.key, { state: seen.get(change.key)?.state ?? "settled", reason: change.reason ?? "" });
    while (seen.size > 400) seen.delete(seen.keys().next().value);
  }, signal);

  function note(key, what) {
    const known = { ...seen.get(key), ...what, key, at: chainNow() };
    seen.delete(key);
    seen.set(key, known);
    const shown = [...seen.values()].filter((each) => each.state).slice(-NEWS_MAX).reverse();
    quiet.hidden = shown.length > 0;
    keyed(news, shown, (each) => each.key, () => h("li", {}, h("a", {}, h("time", { class: "mono" }), h("span", { class: "what" }), h("span", { class: "state" }))), line_of);
  }
  /** What happened while nobody told it: at first, and after each gap in the stream. */
  const catchUp = () => ask("runs", signal).then(({ runs }) => {
    for (const run of runs) {
      blocks.set(run.key, run.block);
      const ago = chainNow() - run.due * 1000 - (run.settled_ms ?? 0);
      if (!run.block) tally.settled.delete(run.key);
      else if (run.settled_ms !== null && ago < 60_000 && !tally.settled.has(run.key)) tally.settled.set(run.key, Date.now() - ago);
    }
    for (const run of runs.filter((run) => run.state !== "waiting").slice(0, NEWS_MAX).reverse()) {
      const { key, state, due, block, reason } = run;
      if (seen.get(key)?.state !== state) note(key, { state, due, block, submitter: run.submitter || null, reason });
    }
    redrawBlocks();
  }).catch(() => {});
  on("opened", (back) => back && catchUp(), signal);
  catchUp();
  redraw();
}

function line_of(element, each) {
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

function showLead(lead, line, led) {
  const { turn, next, drawn, leading } = led;
  if (!turn) {
    put(lead, h("p", { class: "muted" }, "Nobody can say yet: the window's block has not come."));
    return put(line);
  }
  const key = `${turn.window}/${leading?.index}/${next?.index}/${[...led.connected].join()}`;
  if (lead.dataset.key === key) return undefined;
  lead.dataset.key = key;
  const absent = drawn && leading && drawn.index !== leading.index;
  put(lead,
    h("div", { class: "now" }, avatar(leading), h("div", {}, h("strong", { class: "mono", id: "leader-now" }, short(leading?.operator)), h("span", { class: "muted small" }, absent ? `steps in for ${short(drawn.operator)}` : leading?.me ? "leads now, this keeper" : "leads now"))),
    h("span", { class: "bar", style: { "--tone": "var(--lead)" }, "aria-hidden": "true" }, h("span")),
    h("p", { class: "muted small" }, `window ${count(turn.window)}, ${span(turn.ends_ms - turn.begins_ms)} long; next `, next ? h("span", { class: "mono", id: "leader-next" }, short(next.operator)) : "not drawn yet"));
  put(line, led.line.slice(0, 8).map((member, at) => h("li", { class: led.here(member) ? "" : "gone", title: member.operator }, avatar(member), h("span", { class: "muted small" }, at === 0 ? "first" : `+${at}`))));
  return undefined;
}

/** What the signs in the picture mean. */
const legend = () => h("ul", { class: "signs small muted" }, [["leads", "leads now"], ["next", "leads next"], ["partial", "a partial on its way"], ["quorum", "quorum"], ["settled", "brought on chain"]].map(([sign, words]) => h("li", {}, h("i", { class: sign }), words)));

const avatar = (member) => h("span", { class: "avatar", style: { "--hue": String(hue(member?.index ?? 0)) } }, member ? String(member.index) : "?");

function showTiles(tiles, tally) {
  const { pulse, mesh } = store;
  if (!pulse) return;
  const now = Date.now();
  tally.settled.forEach((at, key) => now - at >= 60_000 && tally.settled.delete(key));
  const here = pulse.connected.length + (mesh?.me === null || mesh?.me === undefined ? 0 : 1);
  const facts = [
    ["Block", count(pulse.head.number), ""],
    ["Keepers here", `${here}`, `of ${pulse.members}`, here < pulse.members ? "bad" : ""],
    ["Settled, last minute", count(tally.settled.size), ""],
    ["Epoch", count(pulse.epoch.number), ""],
    ["Jobs", count(pulse.jobs), ""],
    ["Missed", count(pulse.missed), "", pulse.missed > 0 ? "bad" : ""],
  ];
  keyed(tiles, facts, (fact) => fact[0], ([name]) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, h("span"), h("small"))), (element, [, value, note, tone]) => {
    say(element.lastChild.firstChild, value);
    say(element.lastChild.lastChild, note);
    element.dataset.tone = tone ?? "";
  });
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

function description(member) {
  return h("dl", { class: "facts" },
    h("dt", {}, "Operator"), h("dd", {}, who(member.operator, store.mesh.members), " ", h("span", { class: "mono small muted" }, member.operator)),
    h("dt", {}, "Stake"), h("dd", { class: "num" }, count(BigInt(member.stake) / 10n ** 18n > 0n ? String(BigInt(member.stake) / 10n ** 18n) : member.stake)),
    h("dt", {}, "Mesh identity"), h("dd", { class: "mono small" }, member.peer_id),
    member.me ? null : [h("dt", {}, "Round trip"), h("dd", {}, span(member.rtt_ms)), h("dt", {}, "Says it is"), h("dd", {}, member.agent || "nothing yet"), member.heard ? [h("dt", {}, "Last heard"), h("dd", {}, `${member.heard.ago === null ? "never" : `${span(member.heard.ago)} ago`}${member.heard.region ? `, from ${member.heard.region}` : ""}`), member.heard.failing?.length ? [h("dt", {}, "Red there"), h("dd", {}, member.heard.failing.join(", "))] : null] : null, h("dt", {}, "Reached at"), h("dd", { class: "mono small" }, member.address ?? "not connected")]);
}
