// One task: its way as a waterfall, who signed it, what came out, and its certificate, checked here.

import { chainNow, on, poll, store } from "./data.js";
import { card, command, h, keyed, put, say } from "./dom.js";
import { badge, clock, count, hue, late, runName, short, span, who } from "./words.js";
import { showOutcome } from "./outcome.js";
import { proof } from "./proof.js";

/** What a waterfall shows at least, in milliseconds. */
const LEAST = 1200;

export function task(root, signal, key) {
  const title = h("h1", {}, `Task ${key.slice(0, 90)}`);
  const state = h("span");
  const words = h("p");
  const fall = h("ol", { class: "fall" });
  const facts = h("dl", { class: "facts" });
  const signers = h("ul", { class: "signers" });
  const stake = h("p", { class: "muted small" });
  const outcome = h("div", { class: "stack" });
  const replay = command("keeper job runs");
  const certificate = proof(key, signal);
  put(root, h("p", { class: "back" }, h("a", { href: "#/tasks" }, "All tasks")), h("div", { class: "title" }, title, state, words),
    h("div", { class: "task" },
      h("section", { class: "card wide" }, h("h2", {}, "Its way", h("span", { class: "muted" }, "from the moment it was due, by the chain's time")), fall),
      h("div", { class: "stack" }, card("Signers", "one mark a keeper", signers, stake), certificate.element),
      h("div", { class: "stack" }, card("Facts", "", facts), card("Outcome", "", outcome), card("Again, by hand", "make its receipt, check it, run it once more", replay.element))));

  let drawn = false;
  const take = (run) => {
    drawn = true;
    say(title, `Job ${run.job} ${runName(run)}`);
    document.title = `Job ${run.job} ${runName(run)} · Keeper Mesh`;
    if (state.dataset.state !== run.state) {
      state.dataset.state = run.state;
      put(state, badge(run.state));
    }
    say(words, run.due ? `due ${clock(run.due * 1000)}${run.settled ? `, in block ${count(run.settled.block)} ${span(run.settled.seconds_late * 1000)} later` : ""}` : "");
    waterfall(fall, run);
    showSigners(signers, stake, run);
    showFacts(facts, run);
    replay.set(commands(run));
    showOutcome(outcome, run);
    certificate.follow(run);
  };
  const again = poll(`runs/${encodeURIComponent(key)}`, 3000, take, signal, (error) => {
    // What was drawn is still what was last known.
    say(words, drawn ? `${error.message}; what is shown may be old` : error.message);
    if (!drawn) put(fall, h("li", { class: "empty" }, error.message));
  });
  let due = 0;
  const soon = (news) => {
    if (news.key !== key && !news.tasks?.includes(key)) return;
    clearTimeout(due);
    due = setTimeout(again, 120);
  };
  ["task", "partial", "certificate"].forEach((kind) => on(kind, soon, signal));
}

/** What makes a settled run again on the reader's own machine; of another one, what was recorded. */
function commands(run) {
  if (!run.settled) return `keeper job runs ${run.job}`;
  const name = run.run ?? run.instance;
  const file = `run-${run.job}-${String(name).slice(0, 18)}.json`;
  return [`keeper job receipt ${run.job} ${name} --out ${file}`, `keeper cert verify ${file}`, `keeper replay ${file}`].join("\n");
}

/** The parts of its way: from when to when, in milliseconds after it was due. */
function parts(run) {
  const due = run.due * 1000;
  const at = (ms) => (ms === null || ms === undefined ? null : ms - due);
  const marks = (run.marks ?? []).map((mark) => ({ ...mark, at: mark.at_ms - due }));
  const started = at(run.last_started_ms ?? run.first_started_ms);
  const ran = at(run.ran_ms) ?? at(run.signed_ms);
  const quorum = at(run.certified_ms ?? run.certificate?.at_ms);
  const sent = at(run.sent_ms);
  const chain = run.settled ? run.settled.timestamp * 1000 - due : null;
  const first = marks.length > 0 ? Math.min(...marks.map((mark) => mark.at)) : null;
  const last = marks.length > 0 ? Math.max(...marks.map((mark) => mark.at)) : null;
  const attempts = run.attempts > 1 ? `try ${run.attempts}, ` : "";
  return [
    { name: "Due", note: run.leader ? `${short(run.leader)} is first to lead` : "", from: 0, to: 0, kind: "due" },
    { name: "Assigned, begun", note: run.anchor ? `${attempts}at block ${count(run.anchor)}` : "", from: 0, to: started, kind: "begun" },
    { name: "Run", note: run.result, from: started ?? 0, to: ran, kind: "ran" },
    { name: "Partials", note: marks.length > 0 ? `${marks.length} keepers spoke` : "", from: first, to: last, marks, kind: "partials" },
    { name: "Quorum", note: run.certificate ? `${run.certificate.signers.length} signers, ${run.certificate.reports} in the batch` : "", from: ran ?? first, to: quorum, kind: "quorum" },
    { name: "Sent", note: sent !== null ? "by this keeper" : run.settled ? `by ${short(run.settled.submitter)}` : "", from: quorum, to: sent, kind: "sent" },
    { name: run.expired_ms ? "Missed" : "On chain", note: run.settled ? `block ${count(run.settled.block)}${run.settled.delivered === false ? ", not taken by its target" : ""}` : run.reason ?? "", from: sent ?? quorum, to: chain ?? at(run.expired_ms), kind: run.expired_ms && !run.settled ? "missed" : "chain", whole: true },
  ];
}

function waterfall(fall, run) {
  if (!run.due) return put(fall, h("li", { class: "empty" }, "This keeper did not hear when it was due."));
  const all = parts(run);
  const ends = all.flatMap((part) => [part.to, ...(part.marks ?? []).map((mark) => mark.at)]).filter((end) => Number.isFinite(end));
  const open = !run.settled && !run.expired_ms;
  const right = Math.max(LEAST, ...ends, open ? Math.min(chainNow() - run.due * 1000, 20_000) : 0) * 1.06;
  const left = Math.min(0, ...ends) * 1.06;
  const part = (ms) => Math.max(0, Math.min(1, (ms - left) / (right - left)));
  keyed(fall, all, (each) => each.kind === "missed" ? "chain" : each.kind, () => h("li", {}, h("div", { class: "step" }, h("b"), h("span", { class: "muted small" })), h("div", { class: "lane" }, h("span", { class: "stretch" }), h("span", { class: "marks" })), h("span", { class: "late num" })), (element, each) => {
    const [step, lane, lateness] = element.children;
    const done = Number.isFinite(each.to);
    element.className = `${each.kind}${done ? "" : " open"}`;
    say(step.firstChild, each.name);
    say(step.lastChild, String(each.note ?? "").slice(0, 160));
    lane.style.setProperty("--zero", String(part(0)));
    lane.firstChild.style.setProperty("--from", String(part(Math.min(each.from ?? 0, each.to ?? 0))));
    lane.firstChild.style.setProperty("--to", String(part(done ? each.to : each.from ?? 0)));
    lane.firstChild.hidden = !done || Boolean(each.marks);
    say(lateness, each.kind === "due" ? "0" : done ? (each.whole && run.settled ? `+${run.settled.seconds_late} s` : late(each.to)) : "—");
    const signed = new Set(run.certificate?.signers ?? []);
    keyed(lane.lastChild, each.marks ?? [], (mark) => mark.keeper, () => h("i"), (dot, mark) => {
      dot.style.setProperty("--hue", String(hue(mark.keeper)));
      dot.style.setProperty("--at", String(part(mark.at)));
      dot.className = mark.abstains ? "abstains" : signed.has(mark.keeper) ? "signed" : "heard";
      dot.title = `keeper ${mark.keeper} ${late(mark.at)}${mark.abstains ? ", signs nothing" : signed.has(mark.keeper) ? ", in the certificate" : ", heard"}`;
    });
  });
  return undefined;
}

/** Rows of the run's own committee. Another epoch's have other keepers in them: where its table is gone, rows are told by number alone. */
function keepersOf(run) {
  if (run.keepers?.length) return run.keepers.map((operator, index) => ({ operator, index }));
  const over = run.settled || run.expired_ms;
  const known = run.certificate ? run.certificate.epoch === store.mesh?.epoch.number : !over;
  if (known) return store.mesh?.members ?? [];
  const rows = new Set([...(run.certificate?.signers ?? []), ...(run.marks ?? []).map((mark) => mark.keeper)]);
  return [...rows].sort((a, b) => a - b).map((index) => ({ operator: null, index }));
}

function showSigners(list, stake, run) {
  const signed = new Set(run.certificate?.signers ?? []);
  const heard = new Map((run.marks ?? []).map((mark) => [mark.keeper, mark]));
  const keepers = keepersOf(run);
  const nameless = keepers.some((keeper) => keeper.operator === null);
  keyed(list, keepers, (keeper) => `${keeper.index} ${keeper.operator}`, (keeper) => h("li", {}, h("span", { class: "avatar", style: { "--hue": String(hue(keeper.index)) } }, String(keeper.index)), h("span", { class: "mono small" }, keeper.operator === null ? `row ${keeper.index}` : short(keeper.operator)), h("span", { class: "small muted" })), (element, keeper) => {
    const mark = heard.get(keeper.index);
    element.className = signed.has(keeper.index) ? "signed" : mark?.abstains ? "abstains" : mark ? "heard" : "silent";
    say(element.lastChild, signed.has(keeper.index) ? `signed${mark ? ` ${late(mark.at_ms - run.due * 1000)}` : ""}` : mark?.abstains ? "signs nothing" : mark ? "heard, not in it" : "not heard");
  });
  const closed = nameless ? `${signed.size} rows of epoch ${run.certificate?.epoch ?? "another"} are in the certificate; this keeper no longer knows who they were.` : `${signed.size} of ${keepers.length} are in the certificate, which closed as soon as there was a quorum of stake.`;
  const without = run.settled ? "This keeper has no certificate of it at hand any more." : "No quorum yet.";
  say(stake, run.certificate ? closed : without);
}

function showFacts(facts, run) {
  const rows = [
    ["Task", h("span", { class: "mono small" }, run.task_id)],
    ["Pinned to", run.settled?.anchor ?? run.anchor ? `block ${count(run.settled?.anchor ?? run.anchor)}` : "—"],
    ["First to lead", run.leader ? who(run.leader, store.mesh?.members) : "—"],
    ["Brought by", run.settled ? who(run.settled.submitter, store.mesh?.members) : "—"],
    ["Transaction", run.settled ? h("span", { class: "mono small" }, run.settled.tx) : "—"],
    ["Gas", run.gas ? `${count(run.gas)}, of this keeper's transaction` : "paid by who brought it"],
    ["Tries here", count(run.attempts ?? 0)],
    run.reopened ? ["Undone", `${run.reopened} times, by reorganisations`] : null,
    run.reason ? ["Why", run.reason] : null,
    run.undelivered ? ["Not taken", run.undelivered] : null,
  ].filter(Boolean);
  const print = JSON.stringify([run.settled, run.attempts, run.gas, run.reason, run.undelivered, run.anchor, Boolean(store.mesh)]);
  if (facts.dataset.print === print) return;
  facts.dataset.print = print;
  put(facts, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
