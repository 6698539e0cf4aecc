// What each operator did, as this keeper saw it since it started.

import { poll } from "./data.js";
import { h, heading, keyed, put, say } from "./dom.js";
import { count, ether, hue, percent, short, span } from "./words.js";

const COLUMNS = ["Keeper", "Connected", "Signed", "Answers after", "Brought on chain", "Took over", "Left to others", "Earned, ether", "Lost", "Stake"];

export function operators(root, signal) {
  const body = h("tbody");
  const note = h("p", { class: "muted small" });
  put(root, heading("Operators", "as this keeper saw them since it started; another one may have seen more"),
    h("section", { class: "card" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Operators" }, h("table", { class: "operators" }, h("thead", {}, h("tr", {}, COLUMNS.map((title) => h("th", { scope: "col" }, title)))), body)), note));
  poll("operators", 2000, (document) => {
    const rows = document.operators.filter((each) => each.index !== null).sort((a, b) => a.index - b.index);
    const total = rows.reduce((sum, each) => sum + BigInt(each.stake ?? 0), 0n);
    keyed(body, rows, (each) => each.operator, make, (row, each) => update(row, each, total));
    const gone = document.operators.length - rows.length;
    say(note, `“Signed” counts certificates, which close as soon as there is a quorum: whoever answers last is in few of them. “Earned” is what it has not claimed yet, “Lost” how much of its stake was slashed or withdrawn.${gone > 0 ? ` ${gone} more were seen that are no members now.` : ""}`);
  }, signal, (error) => say(note, error.message));
}

function make(each) {
  const meter = () => h("td", {}, h("div", { class: "meter" }, h("span", { class: "num" }), h("span", { class: "bar" }, h("span"))));
  const row = h("tr", {}, h("th", { scope: "row" }, h("span", { class: "who big" }, h("span", { class: "avatar", style: { "--hue": String(hue(each.index)) } }, String(each.index)), h("span", { class: "mono" }, short(each.operator)), h("span", { class: "badge" }))),
    meter(), meter(), h("td", { class: "num" }), h("td", { class: "num" }), h("td", { class: "num" }), h("td", { class: "num" }), h("td", { class: "num" }), h("td", { class: "num" }), meter());
  // On a narrow screen a row is a card, and each of its cells says what it is.
  [...row.children].forEach((cell, at) => { cell.dataset.label = COLUMNS[at]; });
  return row;
}

function update(row, { connected, me, seen, stake, earned_unclaimed: earned, stake_lost: gone }, total) {
  const [name, uptime, signed, after, settled, took, left, paid, lost, share] = row.children;
  const mark = name.querySelector(".badge");
  say(mark, me ? "this keeper" : connected ? "here" : "gone");
  mark.dataset.tone = me ? "busy" : connected ? "good" : "bad";
  level(uptime, seen.looks ? seen.connected / seen.looks : NaN);
  level(signed, seen.certificates ? seen.signed / seen.certificates : NaN);
  say(after, seen.timed ? span(seen.late_ms / seen.timed) : "—");
  say(settled, count(seen.settled));
  say(took, count(seen.took_over));
  say(left, count(seen.left_to_others));
  say(paid, ether(earned));
  const part = gone && gone !== "0" ? Number((BigInt(gone) * 10_000n) / (BigInt(gone) + BigInt(stake ?? 0))) / 10_000 : 0;
  say(lost, part > 0 ? percent(part) : "—");
  lost.dataset.tone = part > 0 ? "bad" : "";
  level(share, total > 0n ? Number((BigInt(stake ?? 0) * 10_000n) / total) / 10_000 : NaN, "var(--accent)");
}

function level(cell, part, tone) {
  const [words, bar] = cell.firstChild.children;
  say(words, percent(part));
  bar.style.setProperty("--part", String(Number.isFinite(part) ? Math.min(1, part) : 0));
  bar.style.setProperty("--tone", tone ?? (part < 0.5 ? "var(--bad)" : part < 0.9 ? "var(--warn)" : "var(--good)"));
}
