// The recorded runs of one job: the newest first, older ones as the reader comes to them, with a word where some are missing
// between two.

import { ask } from "./data.js";
import { h, put, say } from "./dom.js";
import { badge, clock, count } from "./words.js";

/** Runs in one answer. */
const PAGE = 200;
/** Within so many pixels of the last line older ones are asked for. */
const NEAR = 900;
const COLUMNS = ["Run", "Due", "How it ended", "Late", "More"];

/** Fills `place`, the scrolled box below a job. */
export async function history(place, id, signal) {
  const body = h("tbody");
  const end = h("p", { class: "muted small", role: "status" }, "Reading…");
  put(place, h("table", {}, h("thead", {}, h("tr", {}, COLUMNS.map((title) => h("th", { scope: "col" }, title)))), body), end);
  const shown = new Set();
  let last = null;
  let after = "";
  let reading = false;
  let whole = false;
  const older = async () => {
    if (reading || whole) return;
    reading = true;
    try {
      const { runs } = await ask(`jobs/${encodeURIComponent(id)}/runs?limit=${PAGE}${after}`, signal);
      const fresh = runs.filter((run) => !shown.has(run.key));
      const rows = document.createDocumentFragment();
      for (const run of fresh) {
        shown.add(run.key);
        rows.append(...lines(last, run));
        last = run;
      }
      body.append(rows);
      whole = runs.length < PAGE;
      // Any number of runs may be due in one second: the next page begins behind the last run of this one.
      after = whole ? "" : `&after=${encodeURIComponent(runs.at(-1).key)}`;
      say(end, shown.size === 0 ? "Nothing is recorded of this job yet." : whole ? `That is all: ${count(shown.size)} recorded here.` : "");
    } catch (error) {
      if (!signal.aborted) say(end, error.message);
    } finally {
      reading = false;
    }
  };
  place.onscroll = () => place.scrollHeight - place.scrollTop - place.clientHeight < NEAR && older();
  await older();
}

/** The line of a run, behind one that says how many are missing between it and the newer one. */
function lines(newer, run) {
  const follows = newer && run.run !== null && newer.run !== null && newer.version === run.version;
  const gap = follows ? newer.run - run.run - 1 : 0;
  const name = run.run === null ? run.key.split(".")[2].slice(0, 10) : `#${count(run.run)}`;
  const line = h("tr", {},
    h("th", { scope: "row" }, h("a", { href: `#/task/${run.key}` }, name)),
    h("td", { class: "mono small" }, run.due ? clock(run.due * 1000) : "—"),
    h("td", {}, badge(run.state)),
    h("td", { class: "num" }, run.settled ? `+${run.settled.seconds_late} s` : "—"),
    h("td", { class: "small muted" }, run.undelivered || run.reason || (run.settled ? `block ${count(run.settled.block)}` : "")));
  if (gap <= 0) return [line];
  return [h("tr", { class: "gap" }, h("td", { colspan: String(COLUMNS.length) }, `${count(gap)} ${gap === 1 ? "run is" : "runs are"} not recorded here`)), line];
}
