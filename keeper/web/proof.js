// The card of a task's certificate: checked in this browser against what the page shows of the task, and falsified on request.

import { ask } from "./data.js";
import { h, put, say } from "./dom.js";
import { FORGERIES, forge, verify } from "./verify.js";
import { span } from "./words.js";

const OUTCOMES = ["call", "skip", "job_error"];
/** How a report ended, of a run that is on chain. */
const ENDED = new Map([["settled", "call"], ["skipped", "skip"], ["job_error", "job_error"]]);

/** What the page shows of a run that its certificate says as well. */
function shownOf(key, run) {
  const said = run?.outcome?.status ?? run?.result;
  const status = OUTCOMES.includes(said) ? said : ENDED.get(run?.settled?.result);
  return { key, status, signers: run?.certificate?.signers, epoch: run?.certificate?.epoch };
}

/** The card, and what has it follow the run that is shown. */
export function proof(key, signal) {
  const steps = h("ol", { class: "steps", "aria-live": "polite" });
  const verdict = h("p", { class: "verdict", role: "status", id: "verdict" }, "No certificate yet.");
  const root = h("p", { class: "muted small", id: "table-root" });
  const check = h("button", { type: "button", class: "plain primary", id: "verify", disabled: true }, "Verify in this browser");
  const spoil = h("div", { class: "spoil", hidden: true }, h("span", { class: "muted small" }, "See it notice: falsify "), FORGERIES.map(([name], number) => h("button", { type: "button", class: "plain small", data: { forgery: String(number) }, on: { click: () => run(number) } }, name)));
  const element = h("section", { class: "card proof", data: { state: "none" } }, h("h2", {}, "Certificate", h("span", { class: "muted" }, "believe nobody")), verdict, check, steps, spoil, root);
  let [document, shown, loaded, loading] = [null, null, "", false];

  /** Reads the certificate when the run has one, or another one than before; what could not be read is tried at the next look. */
  const follow = async (now) => {
    shown = now;
    const print = now.certificate ? JSON.stringify([now.certificate.epoch, now.certificate.signers, now.certificate.at_ms]) : "";
    if (!print || print === loaded || loading) return;
    loading = true;
    try {
      document = await ask(`certificates/${encodeURIComponent(key)}`, signal);
      loaded = print;
      check.disabled = false;
      element.dataset.state = "none";
      put(steps);
      say(verdict, `Signed by ${document.signers?.length ?? 0} keepers in epoch ${document.epoch}; not checked here yet.`);
      say(root, document.table ? `Operator table of epoch ${document.table.epoch}: ${document.table.root}. It is taken on trust here; the same root is in the registry's EpochSnapshot event.` : "");
    } catch (error) {
      if (!signal.aborted && !document) say(verdict, error.message);
    } finally {
      loading = false;
    }
  };

  const run = async (forgery) => {
    const of = document;
    check.disabled = true;
    element.dataset.state = "checking";
    say(verdict, "Checking…");
    put(steps);
    let [state, words] = ["unknown", ""];
    try {
      const libraries = await import("./vendor/noble.js");
      // The page shows that it is at work before the curve keeps it busy for a moment.
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
      const begun = performance.now();
      const subject = forgery === undefined ? of : forge(of, forgery, libraries);
      // Whoever falsifies a certificate would have the page show the same.
      const against = forgery === undefined ? shownOf(key, shown) : { key };
      state = verify(subject, against, libraries, (name, ok, detail) => steps.append(h("li", { data: { ok: String(ok) } }, h("b", {}, name), h("span", { class: "mono small muted" }, detail))));
      words = said(state, forgery === undefined ? "" : `, with ${FORGERIES[forgery][0]} falsified`, performance.now() - begun);
    } catch (error) {
      words = `Cannot be checked: ${String(error?.message ?? error).slice(0, 300)}`;
    } finally {
      check.disabled = false;
      spoil.hidden = false;
    }
    // Another certificate may have come meanwhile: it is not checked yet.
    if (of !== document) return;
    element.dataset.state = state;
    say(verdict, words);
  };
  check.addEventListener("click", () => run());
  return { element, follow };
}

function said(state, what, took) {
  if (state === "good") return `Verified${what}, in ${span(took)}: this quorum signed this report of this task.`;
  return state === "unknown" ? `Cannot be checked to its end${what}: what could be checked holds.` : `Does not verify${what}.`;
}
