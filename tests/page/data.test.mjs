// The stream of news and its end, without a browser: `node --test data.test.mjs`.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

/** A keeper as a stub: the streams that were opened, and what it answers to questions. */
const streams = [];
let answer = () => Promise.reject(new TypeError("nobody there"));

class Stream {
  constructor() {
    this.heard = new Map();
    this.closed = false;
    streams.push(this);
  }
  addEventListener(kind, take) { this.heard.set(kind, take); }
  close() { this.closed = true; }
  pulse(pulse = {}) { this.heard.get("pulse")({ data: JSON.stringify({ connected: [], epoch: { number: 1 }, ...pulse }) }); }
}

mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
Object.assign(globalThis, { EventSource: Stream, document: { hidden: false, addEventListener() {} }, addEventListener() {}, fetch: (path) => answer(path) });
const { ask, on, poll, start, store } = await import("../../keeper/web/data.js");
const soon = () => new Promise((done) => setImmediate(done));
const pass = async (ms) => { mock.timers.tick(ms); await soon(); await soon(); };
const told = (body, status = 200) => Promise.resolve({ ok: status < 400, status, json: () => Promise.resolve(body) });

test("a stream that never says a word is opened again, and so is one that falls silent", async () => {
  start();
  assert.equal(streams.length, 1);
  await pass(6_000);
  assert.equal(streams[0].closed, true, "it was silent from the beginning");
  assert.equal(store.state, "lost");
  await pass(500);
  assert.equal(streams.length, 2);
  const opened = [];
  on("opened", (again) => opened.push(again));
  streams[1].onopen();
  streams[1].pulse();
  assert.equal(store.state, "live");
  await pass(5_000);
  streams[1].pulse();
  await pass(5_000);
  assert.equal(store.state, "live");
  await pass(1_100);
  assert.deepEqual([store.state, streams[1].closed], ["lost", true]);
  await pass(5_000);
  assert.equal(streams.length, 3);
  streams[2].onopen();
  assert.deepEqual(opened, [false, true], "views are told that there was a gap");
  streams[2].heard.get("pulse")({ data: "{" });
  streams[2].pulse();
  assert.equal(store.state, "live");
});

test("a page that is one too many is not told that the keeper is gone, and goes on when there is room", async () => {
  answer = (path) => (path.endsWith("/node") ? told({ page: { readers: 16, readers_max: 16 } }) : told({}, 503));
  streams.at(-1).onerror();
  await pass(0);
  assert.deepEqual([store.state, store.readers], ["full", 16]);
  await pass(5_000);
  streams.at(-1).onerror();
  assert.equal(store.state, "full", "it does not flicker while it tries");
  await pass(5_000);
  streams.at(-1).pulse();
  assert.equal(store.state, "live");
  answer = () => Promise.reject(new TypeError("nobody there"));
  streams.at(-1).onerror();
  await pass(0);
  assert.equal(store.state, "lost");
});

test("a refusal is told in the keeper's words, and of a poll's questions one is out at a time", async () => {
  answer = () => told({ error: { message: "no such task" } }, 404);
  await assert.rejects(ask("runs/1.1.1"), /no such task/);
  let out = 0;
  let release = () => {};
  answer = () => { out += 1; return new Promise((done) => { release = () => done({ ok: true, json: () => Promise.resolve(out) }); }); };
  const over = new AbortController();
  const taken = [];
  const again = poll("runs", 1_000, (document) => taken.push(document), over.signal);
  again();
  again();
  await soon();
  assert.equal(out, 1);
  release();
  await soon();
  await pass(1);
  assert.deepEqual([out, taken], [2, [1]], "what was asked meanwhile is asked once");
  over.abort();
  release();
  await soon();
  await pass(5_000);
  assert.equal(out, 2);
});
