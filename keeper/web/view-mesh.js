// The mesh: who is there, who leads, what flies between them, and what comes of it on chain.

import { chainNow, on, store } from "./data.js";
import { card, h, heading, keyed, put, say } from "./dom.js";
import { graph } from "./graph.js";
import { happenings } from "./happenings.js";
import { leadership } from "./leadership.js";
import { count, hue, short, span, who } from "./words.js";

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

  const portrait = chosenCard(about);
  const drawing = graph(stage, portrait.choose);
  signal.addEventListener("abort", drawing.stop, { once: true });
  const chain = happenings({ strip, news, quiet }, drawing, signal);

  const redraw = () => {
    if (!store.mesh) return;
    nobody.hidden = store.mesh.members.length > 0;
    stage.hidden = !nobody.hidden;
    const led = leadership(store.pulse, store.mesh);
    drawing.show(store.mesh, { leading: led.leading?.index, next: led.next?.index, connected: led.connected });
    showLead(lead, line, led);
    showTiles(tiles, chain.settled);
    portrait.redraw();
  };
  on("mesh", redraw, signal);
  on("pulse", () => { redraw(); chain.redraw(); }, signal);
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

  redraw();
}

/** The card of the member that was chosen last, as it is known now. */
function chosenCard(about) {
  let chosen = null;
  let shown = "";
  const redraw = () => {
    if (chosen === null) return;
    const member = store.mesh?.members.find((each) => each.index === chosen) ?? null;
    const print = JSON.stringify(member);
    if (shown === print) return;
    shown = print;
    put(about, member ? description(member) : h("p", { class: "muted" }, `Row ${chosen} is no member any more.`));
  };
  const choose = (index) => {
    [chosen, shown] = [index, ""];
    redraw();
  };
  return { choose, redraw };
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

function showTiles(tiles, settled) {
  const { pulse, mesh } = store;
  if (!pulse) return;
  const now = Date.now();
  settled.forEach((at, key) => now - at >= 60_000 && settled.delete(key));
  const here = pulse.connected.length + (mesh?.me === null || mesh?.me === undefined ? 0 : 1);
  const facts = [
    ["Block", count(pulse.head.number), ""],
    ["Keepers here", `${here}`, `of ${pulse.members}`, here < pulse.members ? "bad" : ""],
    ["Settled, last minute", count(settled.size), ""],
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

function description(member) {
  return h("dl", { class: "facts" },
    h("dt", {}, "Operator"), h("dd", {}, who(member.operator, store.mesh.members), " ", h("span", { class: "mono small muted" }, member.operator)),
    h("dt", {}, "Stake"), h("dd", { class: "num" }, count(BigInt(member.stake) / 10n ** 18n > 0n ? String(BigInt(member.stake) / 10n ** 18n) : member.stake)),
    h("dt", {}, "Mesh identity"), h("dd", { class: "mono small" }, member.peer_id),
    member.me ? null : [h("dt", {}, "Round trip"), h("dd", {}, span(member.rtt_ms)), h("dt", {}, "Says it is"), h("dd", {}, member.agent || "nothing yet"), member.heard ? [h("dt", {}, "Last heard"), h("dd", {}, `${member.heard.ago === null ? "never" : `${span(member.heard.ago)} ago`}${member.heard.region ? `, from ${member.heard.region}` : ""}`), member.heard.failing?.length ? [h("dt", {}, "Red there"), h("dd", {}, member.heard.failing.join(", "))] : null] : null, h("dt", {}, "Reached at"), h("dd", { class: "mono small" }, member.address ?? "not connected")]);
}
