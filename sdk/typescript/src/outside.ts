// For jobs that look outside the chain: `observe` runs on every keeper by itself, and `decide` on what enough of them saw.
//
//   import { type Context, type Outcome, call, func, skip } from "keeper-job";
//   import { type KeeperObservations, type Observation, getJson, median, number } from "keeper-job/outside";
//
//   export function observe(): Observation[] {
//     const answer = getJson("https://api.example.com/price");
//     return answer === undefined ? [] : [number("price", decimal(answer.price, 8))];
//   }
//
//   export function decide(context: Context, seen: KeeperObservations[]): Outcome {
//     const price = median(seen, "price");
//     return price === undefined ? skip("nobody saw a price") : call(record, price);
//   }

import { type HttpError, type Response, fetch } from "keeper:job/http@0.1.0";
import { write } from "keeper:job/log@0.1.0";
import type { KeeperObservations, Observation } from "keeper:job/observations@0.1.0";

import { decode, encode } from "./abi";

export type { HttpError, Response } from "keeper:job/http@0.1.0";
export type { KeeperObservations, Observation } from "keeper:job/observations@0.1.0";

/** Asks a host of the job's allow-list; `undefined`, and a note in the log, where that fails. `{{secret:NAME}}` in a header's value is filled in by the keeper. */
export function get(url: string, headers: Record<string, string> = {}): Response | undefined {
  try {
    const response = fetch({ method: "GET", url, headers: Object.entries(headers), body: new Uint8Array() });
    if (response.status === 200) return response;
    write("warn", `${url} answered ${response.status}`);
  } catch (thrown) {
    write("warn", `${url}: ${reason(thrown)}`);
  }
  return undefined;
}

/** Bindings throw what WIT says, or an error around it. */
function reason(thrown: unknown): string {
  const inner = (thrown as { payload?: unknown }).payload ?? thrown;
  if (typeof inner !== "object" || inner === null || !("tag" in inner)) return String(thrown);
  const error = inner as HttpError;
  return "val" in error ? `${error.tag}, ${error.val}` : error.tag;
}

/** As `get`, for JSON: `undefined` also where the answer is none. What is in it is the server's word: look at it before you use it. */
export function getJson(url: string, headers: Record<string, string> = {}): any {
  const response = get(url, headers);
  if (response === undefined) return undefined;
  try {
    let text = "";
    for (const byte of response.body) text += String.fromCharCode(byte);
    return JSON.parse(decodeURIComponent(escape(text)));
  } catch (error) {
    write("warn", `${url} answered what is no JSON: ${String(error)}`);
    return undefined;
  }
}

/** A number that was seen, under a name: at least 0. */
export function number(key: string, value: bigint): Observation {
  return { key, value: encode("uint256", value) };
}

/** `decimal("1834.25", 8)` is 183425000000n; `undefined` for what is no such number. What has more decimals is cut. */
export function decimal(text: unknown, decimals: number): bigint | undefined {
  const match = /^(\d{1,30})(?:\.(\d{0,40}))?$/.exec(String(text));
  if (match === null) return undefined;
  const [, whole = "", part = ""] = match;
  return BigInt(whole + part.slice(0, decimals).padEnd(decimals, "0"));
}

/** The middle of some numbers; `undefined` of none. */
export function middle(values: bigint[]): bigint | undefined {
  const sorted = [...values].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/**
 * The number under a name that half of the stake lies on either side of. Less than a third of the stake may lie, and more than two
 * thirds are heard, so it lies between what two honest keepers saw. `undefined` unless keepers with more than half of the
 * stake saw the number.
 */
export function median(seen: KeeperObservations[], key: string): bigint | undefined {
  const values: { value: bigint; share: number }[] = [];
  for (const { share, items } of seen) {
    const item = items.find((item) => item.key === key);
    if (item === undefined || item.value.length !== 32) continue;
    const [value] = decode("uint256", item.value);
    values.push({ value, share });
  }
  const total = values.reduce((sum, { share }) => sum + share, 0);
  if (total <= 500_000_000) return undefined;
  values.sort((one, other) => (one.value < other.value ? -1 : one.value > other.value ? 1 : 0));
  let below = 0;
  for (const { value, share } of values) {
    below += share;
    if (2 * below >= total) return value;
  }
  return undefined;
}
