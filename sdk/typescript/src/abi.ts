// The Solidity ABI as far as jobs need it: elementary types and arrays of them, by their signatures, which TypeScript reads too.
// Written out because what runs it is a small interpreter without TextEncoder, where every instruction costs the run's fuel.

import { keccak_256 } from "@noble/hashes/sha3.js";

import { fromHex, toHex } from "./hex";

/** 20 bytes, `0x…`. */
export type Address = `0x${string}`;

type Trim<S extends string> = S extends ` ${infer R}` ? Trim<R> : S extends `${infer R} ` ? Trim<R> : S;
// `uint256 value` and `address indexed` are types with more behind them.
type First<S extends string> = Trim<S> extends `${infer T} ${string}` ? T : Trim<S>;
type Value<T extends string> = T extends `${infer Item}[]`
  ? Value<Item>[]
  : T extends `uint${string}` | `int${string}`
    ? bigint
    : T extends "address"
      ? Address
      : T extends "bool"
        ? boolean
        : T extends "string"
          ? string
          : T extends `bytes${string}`
            ? Uint8Array
            : never;

/** The values of a list of types: `Values<"address,uint256">` is `[Address, bigint]`. */
export type Values<S extends string> =
  Trim<S> extends "" ? [] : S extends `${infer Head},${infer Tail}` ? [Value<First<Head>>, ...Values<Tail>] : [Value<First<S>>];

type Inputs<S extends string> = S extends `${string}(${infer In})${string}` ? In : never;
type Outputs<S extends string> = S extends `${string}) returns (${infer Out})` ? Out : "";

/** A function of a contract. */
export interface Func<In extends unknown[], Out extends unknown[]> {
  readonly signature: string;
  readonly selector: Uint8Array;
  /** Calldata. */
  encode(...values: In): Uint8Array;
  /** What it returned. */
  decode(answer: Uint8Array): Out;
}

/** An event of a contract; its values are in the order of its signature. */
export interface Event<Out extends unknown[]> {
  readonly signature: string;
  readonly topic: Uint8Array;
  /** What a log of it says. Throws when it is another's. */
  decode(log: { topics: Uint8Array[]; data: Uint8Array }): Out;
}

/** `func("balanceOf(address) returns (uint256)")` */
export function func<const S extends string>(text: S): Func<Values<Inputs<S>>, Values<Outputs<S>>> {
  const [head = "", returns = ""] = text.split(" returns ");
  const { name, types } = parsed(head);
  const signature = `${name}(${types.map((type) => type.name).join(",")})`;
  const selector = hash(signature).slice(0, 4);
  const outputs = returns === "" ? [] : listed(returns.trim().slice(1, -1));
  return {
    signature,
    selector,
    encode: (...values) => concat([selector, encodeAll(types, values)]),
    decode: (answer) => decodeAll(outputs, answer) as Values<Outputs<S>>,
  };
}

/** `event("Transfer(address indexed, address indexed, uint256)")` */
export function event<const S extends string>(text: S): Event<Values<Inputs<S>>> {
  const { name, types } = parsed(text);
  const signature = `${name}(${types.map((type) => type.name).join(",")})`;
  const topic = hash(signature);
  return {
    signature,
    topic,
    decode: (log) => {
      const indexed = types.filter((type) => type.indexed);
      if (toHex(log.topics[0] ?? new Uint8Array()) !== toHex(topic) || log.topics.length !== indexed.length + 1) {
        throw new Error(`the log is no ${signature}`);
      }
      const rest = decodeAll(types.filter((type) => !type.indexed), log.data);
      let [topics, values] = [1, 0];
      // Of what is not one word only the hash is in the topic.
      const value = (type: Type) => {
        if (!type.indexed) return rest[values++];
        const topic = log.topics[topics++] as Uint8Array;
        return isDynamic(type.name) ? topic : decodeOne(type.name, topic, 0);
      };
      return types.map(value) as Values<Inputs<S>>;
    },
  };
}

/** As `abi.encode(…)`: `encode("address,uint256", account, 5n)`. */
export function encode<const S extends string>(types: S, ...values: Values<S>): Uint8Array {
  return encodeAll(listed(types), values);
}

/** As `abi.decode(…)`. */
export function decode<const S extends string>(types: S, bytes: Uint8Array): Values<S> {
  return decodeAll(listed(types), bytes) as Values<S>;
}

interface Type {
  name: string;
  indexed: boolean;
}

function parsed(text: string): { name: string; types: Type[] } {
  const match = /^\s*(?:function |event )?\s*(\w+)\s*\((.*)\)\s*$/.exec(text.replace(/\)\s*(external|public|view|pure|\s)*$/, ")"));
  if (match === null) throw new Error(`${text} is no signature`);
  return { name: match[1] as string, types: listed(match[2] as string) };
}

function listed(text: string): Type[] {
  if (text.trim() === "") return [];
  return text.split(",").map((item) => {
    const [type = "", ...words] = item.trim().split(/\s+/);
    const name = type.replace(/^(u?int)(?=$|\[)/, "$1256");
    if (!/^(u?int\d+|address|bool|string|bytes\d*)(\[\])*$/.test(name)) throw new Error(`${type} is no type that jobs can use`);
    return { name, indexed: words.includes("indexed") };
  });
}

function isDynamic(type: string): boolean {
  return type.endsWith("[]") || type === "bytes" || type === "string";
}

function encodeAll(types: Type[], values: readonly unknown[]): Uint8Array {
  if (types.length !== values.length) throw new Error(`${types.length} values are needed, not ${values.length}`);
  const heads: Uint8Array[] = [];
  const tails: Uint8Array[] = [];
  let end = 32 * types.length;
  types.forEach((type, i) => {
    const bytes = encodeOne(type.name, values[i]);
    if (!isDynamic(type.name)) {
      heads.push(bytes);
      return;
    }
    heads.push(word(BigInt(end)));
    tails.push(bytes);
    end += bytes.length;
  });
  return concat([...heads, ...tails]);
}

function encodeOne(type: string, value: unknown): Uint8Array {
  if (type.endsWith("[]")) {
    const items = value as unknown[];
    const name = type.slice(0, -2);
    return concat([word(BigInt(items.length)), encodeAll(items.map(() => ({ name, indexed: false })), items)]);
  }
  if (type === "bytes" || type === "string") {
    const bytes = type === "string" ? fromText(value as string) : (value as Uint8Array);
    const padded = new Uint8Array(32 * Math.ceil(bytes.length / 32));
    padded.set(bytes);
    return concat([word(BigInt(bytes.length)), padded]);
  }
  if (type === "address") return word(BigInt(checked(fromHex(value as string), 20, type)));
  if (type === "bool") return word(value === true ? 1n : 0n);
  if (type.startsWith("bytes")) {
    const padded = new Uint8Array(32);
    const bytes = value as Uint8Array;
    checked(bytes, Number(type.slice(5)), type);
    padded.set(bytes);
    return padded;
  }
  const number = BigInt(value as bigint);
  const bits = BigInt(type.replace(/\D/g, ""));
  const [least, most] = type.startsWith("u") ? [0n, 1n << bits] : [-(1n << (bits - 1n)), 1n << (bits - 1n)];
  if (number < least || number >= most) throw new Error(`${number} is no ${type}`);
  return word(BigInt.asUintN(256, number));
}

function decodeAll(types: Type[], bytes: Uint8Array, base = 0): unknown[] {
  return types.map((type, i) => {
    const at = base + 32 * i;
    return decodeOne(type.name, bytes, isDynamic(type.name) ? base + place(bytes, at) : at);
  });
}

function decodeOne(type: string, bytes: Uint8Array, at: number): unknown {
  if (type.endsWith("[]")) {
    const length = place(bytes, at);
    // Each item takes a word at least: a length beyond that is a lie.
    if (length > bytes.length / 32) throw new Error("an answer that ends too early");
    const name = type.slice(0, -2);
    const types = Array.from({ length }, () => ({ name, indexed: false }));
    return decodeAll(types, bytes, at + 32);
  }
  if (type === "bytes" || type === "string") {
    const content = cut(bytes, at + 32, place(bytes, at));
    return type === "string" ? toText(content) : content;
  }
  const content = cut(bytes, at, 32);
  if (type === "address") return toHex(content.slice(12));
  if (type === "bool") return numberOf(content) !== 0n;
  if (type.startsWith("bytes")) return content.slice(0, Number(type.slice(5)));
  return type.startsWith("u") ? numberOf(content) : BigInt.asIntN(256, numberOf(content));
}

/** An offset or a length, which no honest answer has beyond its own end. */
function place(bytes: Uint8Array, at: number): number {
  const number = numberOf(cut(bytes, at, 32));
  if (number > BigInt(bytes.length)) throw new Error("an answer that ends too early");
  return Number(number);
}

function cut(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > bytes.length) throw new Error("an answer that ends too early");
  return bytes.slice(at, at + length);
}

function word(number: bigint): Uint8Array {
  return fromHex(number.toString(16).padStart(64, "0"));
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(toHex(bytes));
}

function checked(bytes: Uint8Array, length: number, type: string): `0x${string}` {
  if (bytes.length !== length) throw new Error(`${type} has ${length} bytes, not ${bytes.length}`);
  return toHex(bytes);
}

function concat(parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function hash(text: string): Uint8Array {
  return keccak_256(fromText(text));
}

function fromText(text: string): Uint8Array {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (letter) => letter.charCodeAt(0));
}

function toText(bytes: Uint8Array): string {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return decodeURIComponent(escape(letters));
}
