// This keeper: its checks with what mends them, what it has under way, and the RPC nodes it rests on.

import { poll } from "./data.js";
import { card, h, heading, keyed, put, say } from "./dom.js";
import { badge, clock, count, ether, short } from "./words.js";

export function node(root, signal) {
  const checks = h("ul", { class: "checks" });
  const ready = h("span", { class: "badge push" });
  const nodes = h("tbody");
  const account = h("dl", { class: "facts" });
  const sent = h("tbody");
  const sending = h("div", { class: "scroll sending", tabindex: "0", role: "region", "aria-label": "Transactions under way", hidden: true }, h("table", {}, h("thead", {}, h("tr", {}, ["Nonce", "Hash", "Pays for a gas", "Under way"].map((title) => h("th", { scope: "col" }, title)))), sent));
  const self = h("dl", { class: "facts" });
  const note = h("p", { class: "muted" });
  put(root, heading("This node", "what it checks of itself, once a second", ready), note,
    card("Checks", "what is red says how to mend it", checks),
    h("div", { class: "halves" },
      card("RPC nodes", "compared with each other and with the mesh", h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "RPC nodes" }, h("table", {}, h("thead", {}, h("tr", {}, ["Node", "State", "Newest block", "Behind", "Answered", "Failed"].map((title) => h("th", { scope: "col" }, title)))), nodes))),
      card("Transactions", "of this keeper's account", account, sending)),
    card("Identity", "", self));
  poll("node", 2000, (document) => {
    say(note, "");
    say(ready, document.ready ? "ready" : "not ready");
    ready.dataset.tone = document.ready ? "good" : "bad";
    const listed = Object.entries(document.checks).sort(([, a], [, b]) => Number(a.ok) - Number(b.ok));
    keyed(checks, listed, ([name]) => name, ([name]) => h("li", {}, h("b", {}, name.replaceAll("_", " ")), h("span", { class: "small" })), (element, [, check]) => {
      element.dataset.ok = String(check.ok);
      element.firstChild.setAttribute("aria-label", `${check.ok ? "fine" : "red"}: ${element.firstChild.textContent}`);
      say(element.lastChild, check.ok || !check.help ? check.message : `${check.message} ${check.help}`);
    });
    keyed(nodes, document.nodes, (each) => each.origin, (each) => h("tr", {}, h("th", { scope: "row", class: "mono small" }, each.origin), Array.from({ length: 5 }, () => h("td", { class: "num" }))), (row, each) => {
      const good = ["good", "fresh"].includes(each.state);
      put(row.children[1], h("span", { class: "badge", data: { tone: good ? "good" : "bad" }, title: each.last_error }, each.state));
      [each.head === null ? "—" : count(each.head), each.lag === null ? "—" : count(each.lag), count(each.answers), count(each.failures)].forEach((words, at) => say(row.children[at + 2], words));
    });
    facts(account, [
      ["Under way", count(document.account.open)], ["Waiting", count(document.account.waiting)], ["Oldest", document.account.open ? `${count(document.account.oldest_seconds)} s` : "—"],
      ["Included since the start", count(document.account.mined)], ["Fees raised", count(document.account.raises)],
      ["Holds", document.account.balance ? `${ether(document.account.balance)} ether` : "—"], ["A gas costs", document.account.gas_price ? `${count(document.account.gas_price)} wei` : "—"],
      ["Last refusal", document.account.refusal || "none"],
    ]);
    const under = document.account.under_way;
    sending.hidden = under.length === 0;
    keyed(sent, under, (each) => each.nonce, () => h("tr", {}, h("th", { scope: "row", class: "num" }), h("td", { class: "mono small" }), h("td", { class: "num" }), h("td", { class: "num" })), (row, each) => {
      [count(each.nonce), each.hash ? short(each.hash) : "not signed yet", each.max_fee ? `${count(each.max_fee)} wei` : "—", `${count(each.seconds)} s`].forEach((words, at) => say(row.children[at], words));
      row.children[1].title = each.hash ?? "";
    });
    facts(self, [
      ["Operator", document.operator], ["Mesh identity", document.peer_id], ["Listens at", document.listen.join(", ") || "—"],
      ["Network", document.network.domain ? `chain ${document.network.chain_id}, ${document.network.domain}` : "—"], ["Epoch", `${document.epoch.number}, row ${document.epoch.index ?? "none"} of ${document.epoch.size}`],
      ["Newest block", document.head.timestamp ? `${count(document.head.number)}, ${clock(document.head.timestamp * 1000)}` : "—"], ["Missed since the start", `${count(document.missed.count)}${document.missed.newest ? `; the newest: ${document.missed.newest}` : ""}`],
      ["Version", document.version], ["Open pages", `${document.page.readers}, ${document.page.readers_dropped} let go`],
    ]);
  }, signal, (error) => say(note, error.message));
}

function facts(list, rows) {
  const flat = rows.flatMap(([name, value]) => [["dt", name, name], ["dd", name, value]]);
  keyed(list, flat, ([tag, name]) => `${tag} ${name}`, ([tag]) => h(tag, {}), (element, [, , words]) => say(element, String(words)));
}
