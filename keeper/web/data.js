// What the keeper tells: documents that are asked for, and news that come by themselves while the page is looked at.

/** A question is answered within so many milliseconds, or is none. */
const PATIENCE = 10_000;
/** After so long without a word a stream is taken for dead. */
const SILENCE = 6_000;
/** Until it is opened again: at first, and at the most. */
const RETRY = 400;
const RETRY_MAX = 5_000;

const listeners = new Map();

/** What was last told; views read it, this file alone writes it. */
export const store = {
  pulse: null,
  mesh: null,
  /** `wait`, `live`, `lost`, or `full`: the keeper answers, and tells the news to as many pages as it does. */
  state: "wait",
  /** Pages that it tells them to. */
  readers: 0,
  /** Milliseconds that the chain's time is ahead of this browser's clock. */
  ahead: 0,
};

/** The chain's time, in milliseconds. */
export const chainNow = () => Date.now() + store.ahead;

/** Calls `listener` at every `kind` of news until the view is left: pulse, task, partial, certificate, mesh, state, and
 *  opened, when the stream has begun (true: again). */
export function on(kind, listener, signal) {
  const all = listeners.get(kind) ?? listeners.set(kind, new Set()).get(kind);
  all.add(listener);
  signal?.addEventListener("abort", () => all.delete(listener), { once: true });
}

function tell(kind, news) {
  listeners.get(kind)?.forEach((listener) => listener(news));
}

/** A document, or an error with the keeper's own words. A keeper that hangs is not waited for: it answers in time or not at all. */
export async function ask(path, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  const both = signal ? AbortSignal.any([signal, patience]) : patience;
  try {
    const answer = await fetch(`/api/v1/${path}`, { signal: both, headers: { accept: "application/json" } });
    if (answer.ok) return await answer.json();
    const refusal = await answer.json().catch(() => null);
    throw new Error(String(refusal?.error?.message ?? `the keeper answers ${answer.status}`).slice(0, 400));
  } catch (error) {
    if (patience.aborted && !signal?.aborted) throw new Error(`the keeper does not answer within ${PATIENCE / 1000} s`);
    throw error;
  }
}

/** Asks again and again while the view is looked at; `take` gets each document, `fail` why there is none. What it gives asks at once; of
 *  those that come while a question is out, one is asked after it. */
export function poll(path, every, take, signal, fail) {
  let timer = 0;
  let out = false;
  let more = false;
  const turn = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    more = out;
    if (out) return;
    out = true;
    if (!document.hidden) {
      try {
        take(await ask(path, signal));
      } catch (error) {
        if (signal.aborted) return;
        fail?.(error);
      }
    }
    out = false;
    timer = setTimeout(turn, more ? 0 : every);
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  on("opened", (back) => back && turn(), signal);
  turn();
  return turn;
}

let source = null;
let again = 0;
let retry = RETRY;
let silent = 0;
let opened = false;

function state(name) {
  if (store.state === name) return;
  store.state = name;
  tell("state", name);
}

/** A stream that is cut without a word looks like a quiet one: the keeper says something at least every other second. */
function hear() {
  clearTimeout(silent);
  silent = setTimeout(lose, SILENCE);
}

/** The stream is over, or as good as that: it is opened again in a while. */
function lose() {
  close();
  // One that was not there yet may answer other questions: that is found out first.
  if (store.state === "live") state("lost");
  clearTimeout(again);
  again = setTimeout(listen, retry);
  retry = Math.min(retry * 1.7, RETRY_MAX);
  wonder();
}

let wondering = false;

/** Why there is no stream: a keeper that answers is not lost, and may have as many pages open as it serves. */
async function wonder() {
  if (wondering) return;
  wondering = true;
  try {
    const { page } = await ask("node");
    if (store.state === "live") return;
    store.readers = page.readers;
    state(page.readers >= page.readers_max ? "full" : "wait");
  } catch {
    if (store.state !== "live") state("lost");
  } finally {
    wondering = false;
  }
}

/** What an event says; a keeper that says something else is not understood, and harms nothing. */
function read(event) {
  try {
    return JSON.parse(event.data);
  } catch {
    return null;
  }
}

function listen() {
  clearTimeout(again);
  if (source || document.hidden) return;
  source = new EventSource("/api/v1/events");
  hear();
  source.onopen = () => {
    retry = RETRY;
    hear();
    tell("opened", opened);
    opened = true;
  };
  source.onerror = lose;
  source.addEventListener("pulse", (event) => {
    const pulse = read(event);
    if (!pulse) return;
    hear();
    const before = store.pulse;
    store.pulse = pulse;
    // The same moment told again is no news of the time.
    if (pulse.time_ms && pulse.time_ms !== before?.time_ms) store.ahead = pulse.time_ms - Date.now();
    state("live");
    const changed = JSON.stringify(before?.connected) !== JSON.stringify(pulse.connected) || before?.epoch?.number !== pulse.epoch?.number;
    if (changed || !store.mesh) refreshMesh();
    tell("pulse", pulse);
  });
  for (const kind of ["task", "partial", "certificate"]) {
    source.addEventListener(kind, (event) => {
      hear();
      const news = read(event);
      if (news) tell(kind, news);
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
    if (!document.hidden && store.state !== "lost") refreshMesh();
  }, 10_000);
  listen();
}
