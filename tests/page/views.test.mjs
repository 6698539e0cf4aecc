// What views make of documents, without a browser: `node --test views.test.mjs`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, signature } from "../../keeper/web/abi.js";
import { leadership } from "../../keeper/web/leadership.js";
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

const word = (value) => BigInt.asUintN(256, BigInt(value)).toString(16).padStart(64, "0");
const data = (...words) => Uint8Array.from(words.join("").match(/../g) ?? [], (pair) => parseInt(pair, 16));
const plain = (values) => values.map(({ name, value }) => [name, Array.isArray(value) ? plain(value) : value]);

test("a call is taken apart by the signature of its function", () => {
  const transfer = signature("function transfer(address to, uint amount) external returns (bool)");
  assert.equal(transfer.text, "transfer(address,uint256)");
  assert.deepEqual(plain(decode(transfer, data(word(0xabn), word(12)))), [["to", `0x${"ab".padStart(40, "0")}`], ["amount", "12"]]);
  const long = signature("f(string s, (uint8 a, bool[] b)[] list, int8[2], bytes4)");
  assert.equal(long.text, "f(string,(uint8,bool[])[],int8[2],bytes4)");
  const call = data(
    word(160), word(224), word(-1), word(7), `12345678${"0".repeat(56)}`,
    word(2), `6869${"0".repeat(60)}`,
    word(1), word(32), word(5), word(64), word(2), word(1), word(0),
  );
  assert.deepEqual(plain(decode(long, call)), [
    ["s", "hi"], ["list", [["0", [["a", "5"], ["b", [["0", "true"], ["1", "false"]]]]]]], ["", [["0", "-1"], ["1", "7"]]], ["", "0x12345678"],
  ]);
  assert.deepEqual(decode(signature("f()"), data()), []);
});

test("a signature or a call that is none is an error, and soon", () => {
  for (const text of ["", "transfer", "f(", "f(uint257x)", "f((uint)", "f(uint))", "f(<b>)", `f(${"(".repeat(400)}uint${")".repeat(400)})`, `f(uint${"[1]".repeat(300)})`]) assert.throws(() => signature(text), undefined, text);
  const calls = [["f(uint)", []], ["f(string)", [word(32)]], ["f(string)", [word(32), word(-1)]], ["f(bytes)", [word(-32)]], ["f(uint[])", [word(32), word(1_000_000)]], ["f(uint[9999])", [word(1)]], ["f(uint[][])", [word(32), word(256), ...Array(256).fill(word(0))]]];
  for (const [text, words] of calls) assert.throws(() => decode(signature(text), data(...words)), Error, text);
});
