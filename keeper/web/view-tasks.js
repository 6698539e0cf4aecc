// The newest tasks, each on a line with how long its parts took.

import { ask, on, poll, store } from "./data.js";
import { h, heading, keyed, put, say } from "./dom.js";
import { badge, clock, late, runName, who } from "./words.js";

/** Lines shown at first, and with each press of the button. */
const STEP = 60;

export function tasks(root, signal) {
  const body = h("tbody");
  const more = h("button", { type: "button", class: "plain" }, "Show more");
  const note = h("p", { class: "muted" });
  const choose = h("select", { "aria-label": "Which tasks" }, [["", "all"], ["open", "under way"], ["good", "settled"], ["bad", "missed or in trouble"]].map(([value, words]) => h("option", { value }, words)));
  let shown = STEP;
  let runs = [];
  put(root, heading("Tasks", "the newest runs this keeper knows, the last due first", h("label", { class: "push choose" }, "Show ", choose)),
    h("section", { class: "card" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Tasks" },
      h("table", { class: "tasks" }, h("thead", {}, h("tr", {}, ["Task", "Due", "State", "Due to quorum to chain", "On chain", "Brought by"].map((title) => h("th", { scope: "col" }, title)))), body)), note, more));

  const draw = () => {
    const fits = { "": () => true, open: (run) => !["settled", "skipped", "job_error", "expired"].includes(run.state), good: (run) => ["settled", "skipped"].includes(run.state), bad: (run) => ["expired", "job_error", "abstained", "reopened"].includes(run.state) || run.delivered === false }[choose.value];
    const listed = runs.filter((run) => run.state !== "waiting" || choose.value === "open").filter(fits);
    const slowest = Math.max(1500, ...listed.slice(0, shown).map((run) => run.settled_ms ?? run.certified_ms ?? 0));
    keyed(body, listed.slice(0, shown), (run) => run.key, make, (row, run) => update(row, run, slowest));
    more.hidden = listed.length <= shown;
    say(note, listed.length === 0 ? "None yet: the first run of a job shows here as soon as it is due." : "");
  };
  const take = (document) => {
    runs = document.runs;
    draw();
  };
  more.addEventListener("click", () => { shown += STEP; draw(); });
  choose.addEventListener("change", draw);
  poll("runs", 2500, take, signal, (error) => say(note, error.message));
  let due = 0;
  on("task", () => {
    clearTimeout(due);
    due = setTimeout(() => !signal.aborted && ask("runs", signal).then(take).catch(() => {}), 250);
  }, signal);
}

function make(run) {
  const link = h("a", { href: `#/task/${run.key}` }, `Job ${run.job_id} ${runName(run)}`);
  return h("tr", {}, h("th", { scope: "row" }, link), h("td", { class: "num mono small" }, clock(run.due * 1000)), h("td", {}), h("td", {}, h("span", { class: "spark" }, h("i", { class: "quorum" }), h("i", { class: "chain" }))), h("td", { class: "num" }), h("td", {}));
}

function update(row, run, slowest) {
  const [, , state, bar, lateness, by] = row.children;
  if (row.dataset.state !== run.state) {
    row.dataset.state = run.state;
    put(state, badge(run.state), run.delivered === false ? h("span", { class: "muted small" }, " not taken by its target") : null);
  }
  const spark = bar.firstChild;
  spark.style.setProperty("--quorum", String(Math.min(1, (run.certified_ms ?? 0) / slowest)));
  spark.style.setProperty("--chain", String(Math.min(1, (run.settled_ms ?? 0) / slowest)));
  spark.title = `quorum ${late(run.certified_ms)}, on chain ${late(run.settled_ms)}`;
  say(lateness, run.settled_ms === null ? run.reason.slice(0, 60) || "—" : late(run.settled_ms));
  if (by.dataset.who !== run.submitter) {
    by.dataset.who = run.submitter;
    put(by, run.submitter ? who(run.submitter, store.mesh?.members, run.takeover ? "took over" : "") : null);
  }
}
