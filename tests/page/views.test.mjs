// What views make of documents, without a browser: `node --test views.test.mjs`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { leadership } from "../../keeper/web/view-mesh.js";
import { Settled } from "../../keeper/web/settled.js";
import { count, ether, late, percent, short, span, stateOf } from "../../keeper/web/words.js";

const operator = (index) => `0x${String(index).repeat(40)}`;
const mesh = { members: [0, 1, 2, 3].map((index) => ({ index, operator: operator(index), me: index === 0 })) };

function pulse(lines, connected) {
  const begins = Date.now() - 500;
  const turns = lines.map((line, at) => ({ window: 7 + at, begins_ms: begins + at * 2000, ends_ms: begins + (at + 1) * 2000, line: line.map(operator) }));
  return { turns, connected };
}

test("the first in line that is there leads, and who was drawn is still told", () => {
  const all = leadership(pulse([[2, 0, 1, 3], [3, 1, 0, 2]], [1, 2, 3]), mesh);
  assert.deepEqual([all.leading.index, all.drawn.index, all.next.index], [2, 2, 3]);
  const killed = leadership(pulse([[2, 0, 1, 3], [2, 1, 0, 3]], [1, 3]), mesh);
  assert.deepEqual([killed.leading.index, killed.drawn.index, killed.next.index], [0, 2, 2], "this keeper itself is always there");
});

test("without a drawn window nobody leads, and nothing breaks", () => {
  for (const [told, known] of [[null, null], [{ turns: [], connected: [] }, mesh], [pulse([[9]], []), mesh]]) {
    const led = leadership(told, known);
    assert.equal(led.leading, undefined);
    assert.equal(led.next, undefined);
  }
});

test("when a window is over before the keeper has said so, the next one's leader leads", () => {
  const told = pulse([[2, 1], [3, 1]], [1, 2, 3]);
  told.turns.forEach((turn) => { turn.begins_ms -= 2000; turn.ends_ms -= 2000; });
  assert.equal(leadership(told, mesh).leading.index, 3);
});

test("numbers are told as people read them", () => {
  assert.deepEqual([0.4, 12, 1234, 61_000, 7_260_000].map(span), ["0.40 ms", "12 ms", "1.23 s", "1 min 1 s", "2 h 1 min"]);
  assert.deepEqual([late(-40), late(1500), late(null)], ["−40 ms", "+1.50 s", "—"]);
  assert.deepEqual([count(1234567), count("<b>"), percent(0.5), percent(NaN)], ["1\u2009234\u2009567", "—", "50.0 %", "—"]);
  assert.deepEqual([ether("1500000000000000000"), ether("1"), ether("999999000000000000000000"), ether("<b>")], ["1.5", "0", "999\u2009999", "—"]);
  assert.equal(short(`0x${"ab".repeat(20)}`), "0xabab…abab");
});

test("a task that settles counts once, in the block where it is now, until that is undone", () => {
  const blocks = new Settled();
  for (const [key, block] of [["1.1.1", 7], ["1.1.1", 7], ["1.1.2", 7], ["1.1.1", 8], ["1.1.3", 8], ["1.1.3", null], ["1.1.4", null]]) blocks.set(key, block);
  assert.deepEqual([6, 7, 8, undefined].map((block) => blocks.count(block)), [0, 1, 1, 0]);
  blocks.forget(8);
  assert.deepEqual([blocks.count(7), blocks.count(8), blocks.has("1.1.2")], [0, 1, false]);
});

test("a state that is the name of something else is only a word", () => {
  assert.deepEqual(["settled", "constructor", "__proto__", undefined].map((state) => stateOf(state)[0]), ["settled", "constructor", "__proto__", "undefined"]);
});
