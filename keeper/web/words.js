// Numbers, moments and names as people read them; and what the states of tasks are called.

import { h } from "./dom.js";

/** States by name: words, tone, and whether it is an end. */
const STATES = {
  waiting: ["waiting", ""],
  seen: ["seen", ""],
  running: ["running", "busy"],
  executed: ["executed", "busy"],
  signed: ["signed", "sign"],
  certified: ["quorum", "sign"],
  sent: ["sent", "lead"],
  settled: ["settled", "good"],
  skipped: ["skipped", "good"],
  job_error: ["job error", "warn"],
  abstained: ["abstained", "warn"],
  reopened: ["reopened", "warn"],
  expired: ["missed", "bad"],
  unknown: ["not seen to its end", "warn"],
};

/** Words and tone of a state; a keeper may name one that this page does not know. */
export const stateOf = (state) => (Object.hasOwn(STATES, state) ? STATES[state] : [String(state).slice(0, 40), ""]);

/** A badge for a state. */
export function badge(state) {
  const [words, tone] = stateOf(state);
  return h("span", { class: tone ? "badge" : "badge hollow", data: { tone } }, words);
}

/** 0x1234…cdef of an address or hash. */
export const short = (hex) => (typeof hex === "string" && hex.length > 12 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : String(hex ?? "—"));

/** The hue of a keeper: far apart for neighbours. */
export const hue = (index) => Math.round((index * 137.508 + 208) % 360);

/** A keeper by its operator; `members` are those of the mesh. */
export function who(operator, members, note) {
  const member = members?.find((each) => same(each.operator, operator));
  const style = member ? { "--hue": String(hue(member.index)) } : {};
  return h("span", { class: member ? "who" : "who unknown", style, title: String(operator ?? "") }, h("i"), h("span", { class: "mono" }, short(operator)), note ? h("span", { class: "muted small" }, note) : null);
}

/** Whether two addresses are the same, however they are written. */
export const same = (a, b) => typeof a === "string" && typeof b === "string" && a.toLowerCase() === b.toLowerCase();

/** Milliseconds as people say them. */
export function span(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "—";
  const of = Math.abs(ms);
  if (of < 1) return `${ms.toFixed(2)} ms`;
  if (of < 1000) return `${Math.round(ms)} ms`;
  if (of < 60_000) return `${(ms / 1000).toFixed(of < 10_000 ? 2 : 1)} s`;
  if (of < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

/** The same, with its sign. */
export const late = (ms) => (ms === null || ms === undefined ? "—" : `${ms < 0 ? "−" : "+"}${span(Math.abs(ms))}`);

/** A moment in milliseconds as the clock shows it. */
export function clock(ms, precise = false) {
  if (!Number.isFinite(ms)) return "—";
  const date = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return precise ? `${time}.${String(date.getMilliseconds()).padStart(3, "0")}` : time;
}

/** A count with thin spaces. */
export const count = (number) => (Number.isFinite(Number(number)) ? Number(number).toLocaleString("en").replaceAll(",", "\u2009") : "—");

/** Wei in a decimal string as ether. */
export function ether(wei) {
  if (typeof wei !== "string" || !/^\d{1,40}$/.test(wei)) return "—";
  const digits = wei.padStart(19, "0");
  const whole = digits.slice(0, -18);
  const part = digits.slice(-18).slice(0, whole.length > 3 ? 2 : 4).replace(/0+$/, "");
  return `${count(whole)}${part ? `.${part}` : ""}`;
}

/** A part as a percentage. */
export const percent = (part) => (Number.isFinite(part) ? `${part >= 0.9995 ? 100 : (part * 100).toFixed(part > 0.1 ? 1 : 2)} %` : "—");

/** What a run is called. */
export const runName = (run) => (run.run === null || run.run === undefined || (run.run === 0 && String(run.key).includes("0x")) ? short(String(run.key).split(".")[2]) : `#${count(run.run)}`);
