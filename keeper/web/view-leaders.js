// Who led which window, who leads now and next, and where one stepped in for another.

import { on, poll } from "./data.js";
import { card, h, heading, keyed, put, say } from "./dom.js";
import { clock, count, hue, percent, same, short, span, who } from "./words.js";

const SHOWN = 48;

export function leaders(root, signal) {
  const strip = h("ol", { class: "turns", "aria-label": "Windows, the newest on the right" });
  const shares = h("tbody");
  const handovers = h("ol", { class: "news" });
  const note = h("p", { class: "muted" });
  put(root, heading("Leaders", "drawn by stake for each window, known one window ahead, checked by anybody"),
    h("section", { class: "card" }, h("h2", {}, "Windows", h("span", { class: "muted", id: "turn-span" })), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Windows" }, strip),
      h("p", { class: "legend muted small" }, h("span", { class: "led" }, "led its own window"), h("span", { class: "handed" }, "tasks brought by another"), h("span", { class: "idle" }, "nothing was due"), h("span", { class: "unknown" }, "not drawn yet"))),
    h("div", { class: "halves" },
      card("Turns", "of the windows this keeper remembers", h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Turns" }, h("table", {}, h("thead", {}, h("tr", {}, ["Keeper", "Led", "Brought its own", "Left to others", "Took over"].map((title) => h("th", { scope: "col" }, title)))), shares))),
      card("Handovers", "the newest first", handovers, note)));
  const take = (document) => {
    const now = document.window;
    const past = document.turns.filter((turn) => turn.window <= now).slice(-SHOWN);
    const next = document.turns.find((turn) => turn.window === now + 1);
    const length = past.at(-1) ? past.at(-1).ends_ms - past.at(-1).begins_ms : 0;
    say(root.querySelector("#turn-span"), length ? `${span(length)} each` : "");
    const ahead = Array.from({ length: 3 }, (_, at) => (at === 0 && next) || { window: now + 1 + at, line: [], settled: {} });
    keyed(strip, [...past, ...ahead], (turn) => turn.window, () => h("li", {}, h("span", { class: "avatar" }), h("span", { class: "mono small" }), h("span", { class: "small muted" })), (element, turn) => column(element, turn, now, document.members));
    if (!strip.dataset.scrolled && past.length > 0) {
      strip.dataset.scrolled = "yes";
      strip.parentElement.scrollLeft = strip.parentElement.scrollWidth;
    }
    table(shares, document.turns.filter((turn) => turn.window <= now), document.members);
    const handed = document.turns.filter((turn) => takers(turn).length > 0).slice(-20).reverse();
    keyed(handovers, handed, (turn) => turn.window, () => h("li", {}, h("p", {}, h("time", { class: "mono" }), h("span", { class: "what" }))), (element, turn) => {
      const [time, what] = element.firstChild.children;
      say(time, clock(turn.begins_ms));
      say(what, `${takers(turn).map(([operator, tasks]) => `${short(operator)} brought ${tasks} for ${short(turn.line[0])}`).join("; ")}, up to ${turn.seconds_late} s late`);
    });
    say(note, handed.length > 0 ? "" : "None: every leader brought what was due in its windows.");
  };
  const again = poll("leaders", 2000, take, signal, (error) => say(note, error.message));
  let window = 0;
  on("pulse", (pulse) => {
    if (pulse.window !== window) {
      window = pulse.window;
      again();
    }
  }, signal);
}

const takers = (turn) => Object.entries(turn.settled).filter(([operator]) => turn.line.length > 0 && !same(operator, turn.line[0]));

function column(element, turn, now, members) {
  const leader = members.find((member) => same(member.operator, turn.line[0]));
  const tasks = Object.values(turn.settled).reduce((sum, each) => sum + each, 0);
  const handed = takers(turn).length > 0;
  const [avatar, name, what] = element.children;
  element.className = [turn.window === now ? "now" : turn.window > now ? "ahead" : "past", turn.line.length === 0 ? "unknown" : handed ? "handed" : tasks > 0 ? "led" : "idle"].join(" ");
  avatar.style.setProperty("--hue", String(hue(leader?.index ?? 0)));
  say(avatar, leader ? String(leader.index) : "?");
  say(name, turn.window === now ? "now" : turn.window === now + 1 ? "next" : turn.window > now ? `+${turn.window - now}` : clock(turn.begins_ms).slice(3));
  say(what, turn.window > now ? "" : tasks > 0 ? `${tasks} ✓` : "·");
  element.title = turn.line.length > 0 ? `window ${turn.window}: ${turn.line.slice(0, 5).map(short).join(", then ")}` : `window ${turn.window}: its block has not come`;
}

function table(body, turns, members) {
  const rows = members.filter((member) => member.stake !== "0").map((member) => {
    const led = turns.filter((turn) => same(turn.line[0], member.operator));
    const of = (turn, mine) => Object.entries(turn.settled).filter(([operator]) => same(operator, member.operator) === mine).reduce((sum, [, tasks]) => sum + tasks, 0);
    return { member, led: led.length, own: led.reduce((sum, turn) => sum + of(turn, true), 0), left: led.reduce((sum, turn) => sum + of(turn, false), 0), took: turns.filter((turn) => !same(turn.line[0], member.operator)).reduce((sum, turn) => sum + of(turn, true), 0) };
  });
  keyed(body, rows, (row) => row.member.operator, ({ member }) => h("tr", {}, h("th", { scope: "row" }, who(member.operator, members)), Array.from({ length: 4 }, () => h("td", { class: "num" }))), (element, row) => {
    [`${count(row.led)} (${percent(row.led / (turns.length || 1))})`, count(row.own), count(row.left), count(row.took)].forEach((words, at) => say(element.children[at + 1], words));
  });
}
