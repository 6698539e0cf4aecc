// A form that writes the command that lists a job. The page itself sends nothing: the key stays with whoever types the command.

import { command, h, heading, put } from "./dom.js";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const BYTES = /^0x([0-9a-fA-F]{2})*$/;
const AMOUNT = /^\d+(\.\d+)?(ether|gwei|wei)?$/;

/** Fields by the choice they belong to: flag, label, what stands in it at first, hint, and what it must look like. */
const TRIGGERS = {
  interval: ["Again and again", [["--every", "Every", "5m", "30s, 5m, 12h", /^\d+[smhd]?$/]]],
  cron: ["At the minutes of a pattern", [["--cron", "Pattern, UTC", "*/15 * * * *", "minute hour day month weekday", /^\S+( \S+){4}$/]]],
  once: ["At one moment", [["--at", "Moment", "now+10m", "now+10m, or 2030-01-01T00:00:00Z", /^\S+$/]]],
  blocks: ["Every so many blocks", [["--every-blocks", "Blocks", "100", "a number", /^\d+$/]]],
  log: ["At every log that fits", [["--emitter", "Contract that logs", "", "0x…", ADDRESS], ["--topics", "First topic", "", "0x… of 32 bytes", /^0x[0-9a-fA-F]{64}$/]]],
  condition: ["When a call says so", [["--condition", "Contract to ask", "", "0x…", ADDRESS], ["--condition-call", "Calldata of the question", "", "0x…", BYTES], ["--cooldown", "Blocks between two runs", "20", "a number", /^\d+$/]]],
};
const ACTIONS = {
  call: ["A fixed call", [["--calldata", "Calldata", "0xd09de08a", "0x…", BYTES]]],
  wasm: ["WebAssembly decides", [["--code-url", "Where the component is", "", "https://… or ipfs://…", /^\S+$/], ["--code", "The same component on this machine, for its hash", "", "job.wasm", /^.+$/]]],
  upkeep: ["An upkeep, as Chainlink Automation kept it", []],
  resolver: ["A resolver, as Gelato kept it", [["--resolver", "Resolver", "", "0x…", ADDRESS], ["--checker-data", "Calldata of the checker", "", "0x…", BYTES]]],
};
const MONEY = [["--target", "Contract that is called", "", "0x…", ADDRESS], ["--fee", "Fee a run", "0.001ether", "0.001ether", AMOUNT], ["--fund", "Set aside", "0.1ether", "0.1ether", AMOUNT]];

export function create(root) {
  const values = new Map();
  const line = command("");
  const missing = h("p", { class: "small muted", role: "status" });
  const kinds = { trigger: select("When", TRIGGERS), action: select("What", ACTIONS) };
  const places = { trigger: h("div", { class: "fields" }), action: h("div", { class: "fields" }) };
  const broadcast = h("input", { type: "checkbox", id: "broadcast" });

  const write = () => {
    const chosen = [["--trigger", kinds.trigger.value], ["--action", kinds.action.value]];
    const fields = [...TRIGGERS[kinds.trigger.value][1], ...ACTIONS[kinds.action.value][1], ...MONEY];
    const wrong = fields.filter(([flag, , , , shape]) => !shape.test(values.get(flag) ?? ""));
    const flags = [...chosen, ...fields.map(([flag]) => [flag, values.get(flag) || "…"])];
    line.set(`keeper job create ${flags.map(([flag, value]) => `${flag} ${quote(value)}`).join(" \\\n  ")}${broadcast.checked ? " \\\n  --broadcast" : ""}`);
    missing.textContent = wrong.length > 0 ? `Still to be filled in, or not as it must be: ${wrong.map(([, label]) => label.toLowerCase()).join(", ")}.` : broadcast.checked ? "It asks for the network and your key as every keeper command does." : "This only shows what would happen; with the box it is done.";
    for (const [flag, , , , shape] of fields) document.getElementById(`field${flag}`)?.setAttribute("aria-invalid", String(!shape.test(values.get(flag) ?? "")));
  };
  const field = ([flag, label, first, hint]) => {
    if (!values.has(flag)) values.set(flag, first);
    const input = h("input", { id: `field${flag}`, type: "text", spellcheck: "false", autocomplete: "off", placeholder: hint, value: values.get(flag), maxlength: "4000" });
    input.addEventListener("input", () => { values.set(flag, input.value.trim()); write(); });
    return h("label", { class: "field", for: `field${flag}` }, h("span", {}, label, " ", h("code", { class: "muted" }, flag)), input);
  };
  const choose = (which, all) => {
    put(places[which], all[kinds[which].value][1].map(field));
    write();
  };
  put(root, h("p", { class: "back" }, h("a", { href: "#/jobs" }, "All jobs")), heading("List a job", "this writes the command; you run it where your key is"),
    h("div", { class: "create" },
      h("section", { class: "card form" }, kinds.trigger.label, places.trigger, kinds.action.label, places.action, h("div", { class: "fields" }, MONEY.map(field)), h("label", { class: "check", for: "broadcast" }, broadcast, "really list it ", h("code", { class: "muted" }, "--broadcast"))),
      h("section", { class: "card" }, h("h2", {}, "The command"), line.element, missing)));
  kinds.trigger.addEventListener("change", () => choose("trigger", TRIGGERS));
  kinds.action.addEventListener("change", () => choose("action", ACTIONS));
  broadcast.addEventListener("change", write);
  choose("trigger", TRIGGERS);
  choose("action", ACTIONS);
}

function select(label, all) {
  const element = h("select", { id: `kind-${label}` }, Object.entries(all).map(([value, [words]]) => h("option", { value }, words)));
  element.label = h("label", { class: "field", for: `kind-${label}` }, h("span", {}, label), element);
  return element;
}

/** As a shell takes it for one word. */
function quote(value) {
  return /^[\w@%+=:,./…-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
