// The frame: which view is shown, who else is told, light or dark.

import { chainNow, on, start, store } from "./data.js";
import { h, icon, put, say } from "./dom.js";
import { count } from "./words.js";
import { mesh } from "./view-mesh.js";
import { tasks } from "./view-tasks.js";
import { task } from "./view-task.js";
import { jobs } from "./view-jobs.js";
import { create } from "./view-create.js";
import { leaders } from "./view-leaders.js";
import { operators } from "./view-operators.js";
import { node } from "./view-node.js";

const VIEWS = [
  ["mesh", "Mesh", mesh, "M12 5v0M5 18v0M19 18v0M12 6.5 6 17M12 6.5 18 17M7 18h10M12 3.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM5 16.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM19 16.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z"],
  ["tasks", "Tasks", tasks, "M4 7h8M8 12h9M13 17h7"],
  ["jobs", "Jobs", jobs, "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.2l2.8 1.8"],
  ["leaders", "Leaders", leaders, "M4 18h16M5 15l-1-8 5 4 3-6 3 6 5-4-1 8z"],
  ["operators", "Operators", operators, "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.5 19c.4-3 2.600-5 5.500-5s5.100 2 5.500 5M15.500 5.500a3 3 0 0 1 0 5.400M17 14.300c2 .600 3.300 2.300 3.500 4.700"],
  ["node", "This node", node, "M5 5h14v6H5zM5 13h14v6H5zM8 8h.01M8 16h.01"],
];
const INNER = new Map([["task", [task, "tasks"]], ["create", [create, "jobs"]]]);

let leave = new AbortController();

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const [view, tab] = INNER.get(name) ?? [VIEWS.find((each) => each[0] === name)?.[2] ?? mesh, VIEWS.some((each) => each[0] === name) ? name : "mesh"];
  leave.abort();
  leave = new AbortController();
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const root = document.getElementById("view");
  root.dataset.view = INNER.has(name) ? name : tab;
  put(root);
  document.title = `${VIEWS.find((each) => each[0] === tab)[1]} · Keeper Mesh`;
  scrollTo(0, 0);
  view(root, leave.signal, rest.map(decode).join("/"));
}

/** Anybody may write anything behind the hash. */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

function theme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: light)");
  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const paint = () => {
    const chosen = kept() ?? (system.matches ? "light" : "dark");
    document.documentElement.dataset.theme = chosen;
    button.setAttribute("aria-label", chosen === "light" ? "Switch to dark" : "Switch to light");
    put(button, icon(chosen === "light" ? "M20 14.5A8 8 0 1 1 9.500 4a6.500 6.500 0 0 0 10.500 10.500z" : "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5"));
  };
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "light" ? "dark" : "light";
    try {
      localStorage.setItem("theme", next);
    } catch {
      // It is not kept, and shown all the same.
    }
    document.documentElement.dataset.theme = next;
    paint();
  });
  system.addEventListener("change", paint);
  paint();
}

function frame() {
  put(document.getElementById("views"), VIEWS.map(([name, title, , path]) => h("a", { href: `#/${name}`, data: { view: name } }, icon(path), title)));
  const head = document.getElementById("head");
  const live = document.getElementById("live");
  const alarm = document.getElementById("alarm");
  const network = document.getElementById("network");
  put(live, h("span"));
  let red = "";
  const show = () => {
    const { pulse, state, mesh: known } = store;
    live.dataset.state = state;
    live.title = state === "lost" ? "The keeper does not answer; it is tried again" : "";
    say(live.firstChild, { wait: "connecting", live: "live", lost: "keeper lost", full: "not live" }[state]);
    if (pulse) say(head, `▪ ${count(pulse.head.number)}`);
    if (known) network.hidden = !known.network.domain;
    if (known) say(network, `chain ${known.network.chain_id} · ${known.network.domain}`);
    const next = state === "lost" || state === "full" ? state : JSON.stringify(pulse?.red ?? {});
    if (next === red) return;
    red = next;
    const without = { lost: "it does not answer: what is shown may be old; is it running?", full: `it answers, and tells the news to ${store.readers} open pages already, as many as it does: close one of them, and this one goes on by itself` }[state];
    const causes = without ? [["keeper", without]] : Object.entries(pulse?.red ?? {});
    alarm.hidden = causes.length === 0;
    put(alarm, causes.map(([name, why]) => h("span", {}, h("b", {}, name), ` ${why}`)));
  };
  on("pulse", show);
  on("state", show);
  on("mesh", show);
  show();
}

theme();
frame();
addEventListener("hashchange", () => {
  route();
  document.getElementById("view").focus({ preventScroll: true });
});
route();
start();
window.keeperMesh = { store, chainNow };
