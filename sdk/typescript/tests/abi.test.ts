// The encodings of the Solidity documentation, and what hostile contracts answer.

import assert from "node:assert/strict";
import test from "node:test";

import { decode, encode, event, func } from "../src/abi";
import { fromHex, toHex } from "../src/hex";

const word = (digits: string) => digits.padStart(64, "0");

test("selectors and topics are those of Solidity", () => {
  assert.equal(toHex(func("increment()").selector), "0xd09de08a");
  assert.equal(toHex(func("record(uint256)").selector), "0x2c16cd8a");
  assert.equal(toHex(func("value() returns (uint256)").selector), "0x3fa4f245");
  assert.equal(toHex(func("transfer(address to, uint amount)").selector), "0xa9059cbb");
  const transfer = event("Transfer(address indexed from, address indexed to, uint256 value)");
  assert.equal(toHex(transfer.topic), "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
});

test("values are encoded as abi.encode does it", () => {
  // sam(bytes,bool,uint256[]) with "dave", true, [1,2,3]
  const sam = func("sam(bytes,bool,uint256[])");
  const expected = ["60", "1", "a0", "4"].map(word).join("") + "64617665".padEnd(64, "0") + ["3", "1", "2", "3"].map(word).join("");
  assert.equal(toHex(sam.encode(fromHex("64617665"), true, [1n, 2n, 3n])), `0xa5643bf2${expected}`);
  assert.equal(toHex(encode("int8", -1n)), `0x${"f".repeat(64)}`);
  assert.equal(toHex(encode("bytes2", fromHex("abcd"))), `0x${"abcd".padEnd(64, "0")}`);
  assert.throws(() => encode("uint8", 256n), /is no uint8/);
  assert.throws(() => encode("address", "0x01"), /20 bytes/);
  assert.throws(() => func("f((uint256,bool))"), /no type/);
});

test("what is encoded is decoded again", () => {
  const types = "address,uint256,string,bytes[],bool,int256";
  const account = `0x${"ab".repeat(20)}` as const;
  const values = [account, 5n, "grüße 😀", [fromHex("01"), fromHex("")], true, -7n] as const;
  assert.deepEqual(decode(types, encode(types, account, 5n, "grüße 😀", [fromHex("01"), fromHex("")], true, -7n)), [...values]);
});

test("an event's values come in the order of its signature", () => {
  const moved = event("Moved(uint256,address indexed,string)");
  const data = encode("uint256,string", 9n, "x");
  const log = { topics: [moved.topic, fromHex(word("beef"))], data };
  assert.deepEqual(moved.decode(log), [9n, `0x${"beef".padStart(40, "0")}`, "x"]);
  assert.throws(() => moved.decode({ ...log, topics: [moved.topic] }), /is no Moved/);
  assert.throws(() => moved.decode({ ...log, topics: [] }), /is no Moved/);
});

test("answers that lie about their length are refused, at once", () => {
  for (const bytes of ["", word("20"), word("20") + word("f".repeat(64)), word("f".repeat(64)), word("20") + word("40")]) {
    assert.throws(() => decode("bytes", fromHex(bytes)), /too early/);
    assert.throws(() => decode("uint256[]", fromHex(bytes)), /too early/);
  }
});
