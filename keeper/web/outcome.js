// What came out of a task: calldata, taken apart by a signature where the reader has given one, or words.

import { h, put, say } from "./dom.js";
import { badge, count } from "./words.js";
import { decode, signature } from "./abi.js";

/** Signatures that are kept in this browser, and under which name. */
const KEPT_MAX = 64;
const KEPT = "signatures";

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return new Map(Array.isArray(found) ? found.filter((each) => Array.isArray(each) && each.every((part) => typeof part === "string")) : []);
  } catch {
    return new Map();
  }
}

function keep(selector, text) {
  const all = [...kept()].filter(([known]) => known !== selector).slice(1 - KEPT_MAX);
  try {
    localStorage.setItem(KEPT, JSON.stringify([...all, [selector, text]]));
  } catch {
    // It is used, and asked for again after a reload.
  }
}

const bytesOf = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** Shows the outcome of a run, unless it is the one that is shown already: a signature may be being typed. */
export function showOutcome(outcome, run) {
  const said = run.outcome;
  const print = JSON.stringify([said, run.result]);
  if (outcome.dataset.print === print) return;
  outcome.dataset.print = print;
  if (!said) return void put(outcome, h("p", { class: "muted" }, run.result ? `This keeper's run gave: ${run.result}. What exactly is kept for the newest tasks only.` : "This keeper has not run it."));
  const data = said.data.slice(2);
  const calls = said.status === "call";
  put(outcome, h("p", {}, badge({ call: "settled", skip: "skipped", job_error: "job_error" }[said.status] ?? "unknown"), " ", calls ? `calls its target with ${count(said.bytes)} bytes` : `says why, in ${count(said.bytes)} bytes`),
    calls ? call(data) : h("code", { class: "command" }, new TextDecoder().decode(bytesOf(data)).slice(0, 600)));
}

/** Calldata as words, and by its signature once that is known. */
function call(data) {
  const selector = data.length >= 8 ? `0x${data.slice(0, 8)}` : null;
  const words = data.slice(8).match(/.{1,64}/g) ?? [];
  const line = (name, value) => h("li", {}, h("span", { class: "muted small" }, name), h("code", {}, value));
  const raw = h("ol", { class: "words" }, selector ? line("selector", selector) : null, words.slice(0, 16).map((word, at) => line(`word ${at}`, readable(word))));
  if (!selector) return raw;
  const values = h("div", { class: "decoded" });
  const note = h("p", { class: "small muted", role: "status" });
  const input = h("input", { type: "text", "aria-label": "Signature of the function", placeholder: "transfer(address to, uint256 amount)", spellcheck: "false", autocomplete: "off", maxlength: "1000" });
  const show = (text) => {
    const known = signature(text);
    put(values, h("p", {}, h("code", {}, known.text)), listed(decode(known, bytesOf(data.slice(8)))));
    say(note, "");
  };
  const take = async (event) => {
    event.preventDefault();
    try {
      const { keccak_256: keccak } = await import("./vendor/noble.js");
      const { text } = signature(input.value);
      const found = `0x${Array.from(keccak(new TextEncoder().encode(text)).slice(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
      if (found !== selector.toLowerCase()) throw new Error(`the selector of ${text} is ${found}, and this calls ${selector}`);
      show(input.value);
      keep(selector, input.value);
    } catch (error) {
      say(note, String(error?.message ?? error));
    }
  };
  const form = h("form", { class: "signature", on: { submit: take } }, input, h("button", { type: "submit", class: "plain small" }, "Decode"));
  const text = kept().get(selector);
  if (text !== undefined) {
    input.setAttribute("value", text);
    try {
      show(text);
    } catch (error) {
      say(note, String(error?.message ?? error));
    }
  }
  return [values, raw, form, note];
}

const listed = (values) => h("ol", { class: "words" }, values.map(({ name, value }, at) => h("li", {}, h("span", { class: "muted small" }, (name || String(at)).slice(0, 40)), Array.isArray(value) ? listed(value) : h("code", {}, value))));

/** A word as a number where it is a small one. */
function readable(word) {
  const digits = word.replace(/^0+/, "");
  return word.length === 64 && digits.length <= 13 ? `${count(Number(`0x${digits || 0}`))}` : `0x${word}`;
}
