// What the keeper tells: documents that are asked for, and news that come by themselves while the page is looked at.

const listeners = new Map();

/** What was last told; views read it, this file alone writes it. */
export const store = {
  pulse: null,
  mesh: null,
  state: "wait",
  /** Milliseconds that the chain's time is ahead of this browser's clock. */
  ahead: 0,
};

/** The chain's time, in milliseconds. */
export const chainNow = () => Date.now() + store.ahead;

/** Calls `listener` at every `kind` of news until the view is left: pulse, task, partial, certificate, mesh, state. */
export function on(kind, listener, signal) {
  const all = listeners.get(kind) ?? listeners.set(kind, new Set()).get(kind);
  all.add(listener);
  signal?.addEventListener("abort", () => all.delete(listener), { once: true });
}

function tell(kind, news) {
  listeners.get(kind)?.forEach((listener) => listener(news));
}

/** A document, or an error with the keeper's own words. */
export async function ask(path, signal) {
  const answer = await fetch(`/api/v1/${path}`, { signal, headers: { accept: "application/json" } });
  const document = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(String(document?.error?.message ?? `the keeper answers ${answer.status}`));
  return document;
}

/** Asks again and again while the view is looked at; `take` gets each document, `fail` why there is none. */
export function poll(path, every, take, signal, fail) {
  let timer = 0;
  const turn = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        take(await ask(path, signal));
      } catch (error) {
        if (signal.aborted) return;
        fail?.(error);
      }
    }
    timer = setTimeout(turn, every);
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  turn();
  return turn;
}

let source = null;
let again = 0;
let retry = 400;
let silent = 0;

function state(name) {
  if (store.state === name) return;
  store.state = name;
  tell("state", name);
}

/** A stream that is cut without a word looks like a quiet one: the keeper says something at least every other second. */
function hear() {
  clearTimeout(silent);
  silent = setTimeout(() => state("lost"), 6000);
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/api/v1/events");
  source.onopen = () => {
    retry = 400;
    hear();
    tell("opened");
  };
  source.onerror = () => {
    close();
    state("lost");
    clearTimeout(again);
    again = setTimeout(listen, retry);
    retry = Math.min(retry * 1.7, 5000);
  };
  source.addEventListener("pulse", (event) => {
    hear();
    const before = store.pulse;
    store.pulse = JSON.parse(event.data);
    // The same moment told again is no news of the time.
    if (store.pulse.time_ms && store.pulse.time_ms !== before?.time_ms) store.ahead = store.pulse.time_ms - Date.now();
    state("live");
    const changed = JSON.stringify(before?.connected) !== JSON.stringify(store.pulse.connected) || before?.epoch?.number !== store.pulse.epoch?.number;
    if (changed || !store.mesh) refreshMesh();
    tell("pulse", store.pulse);
  });
  for (const kind of ["task", "partial", "certificate"]) {
    source.addEventListener(kind, (event) => {
      hear();
      tell(kind, JSON.parse(event.data));
    });
  }
}

function close() {
  source?.close();
  source = null;
  clearTimeout(silent);
}

let asking = false;

/** Reads the mesh anew: members, links, round trips. */
export async function refreshMesh() {
  if (asking) return;
  asking = true;
  try {
    const [network, heard] = await Promise.all([ask("network"), ask("mesh").catch(() => null)]);
    store.mesh = together(network, heard?.keepers ?? []);
    tell("mesh", store.mesh);
  } catch {
    // The next pulse asks again.
  } finally {
    asking = false;
  }
}

/** The committee with this keeper's own links, and what the others say of themselves in their heartbeats: theirs. */
function together(network, keepers) {
  const by = new Map(network.members.map((member) => [member.operator.toLowerCase(), member]));
  const links = new Map(network.links.map((link) => [`${Math.min(link.a, link.b)}-${Math.max(link.a, link.b)}`, link]));
  for (const keeper of keepers) {
    const from = by.get(String(keeper.operator).toLowerCase());
    if (!from) continue;
    from.heard = { ago: keeper.heard_ms_ago, state: keeper.state, version: keeper.version, region: keeper.region, failing: keeper.failing };
    for (const link of keeper.own ? [] : keeper.links) {
      const to = by.get(String(link.operator).toLowerCase());
      if (!to || to === from) continue;
      const name = `${Math.min(from.index, to.index)}-${Math.max(from.index, to.index)}`;
      if (!links.has(name)) links.set(name, { a: from.index, b: to.index, rtt_ms: link.rtt_ms });
    }
  }
  return { ...network, links: [...links.values()] };
}

/** Begins to listen. A page that nobody looks at asks nothing and is told nothing. */
export function start() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else listen();
  });
  addEventListener("pagehide", close);
  setInterval(() => {
    if (!document.hidden && store.state === "live") refreshMesh();
  }, 10_000);
  listen();
}
