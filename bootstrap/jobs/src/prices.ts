// Brings the median of three servers' prices on chain: record(price) on the job's target, with two decimals. Where they are stands in
// the job's parameters, as text; their host is on its allow-list.

import { type Context, type Outcome, call, func, info, skip } from "keeper-job";
import { type KeeperObservations, type Observation, decimal, getJson, median, middle, number } from "keeper-job/outside";

const record = func("record(uint256)");

export function observe(context: Context): Observation[] {
  const base = String.fromCharCode(...context.params);
  const seen = [1, 2, 3].map((source) => decimal(getJson(`${base}/price-${source}`)?.price, 2));
  const prices = seen.filter((price) => price !== undefined);
  const price = middle(prices);
  info(`${prices.length} of 3 servers said something`);
  return price === undefined ? [] : [number("price", price)];
}

export function decide(_context: Context, seen: KeeperObservations[]): Outcome {
  const price = median(seen, "price");
  return price === undefined ? skip("too few keepers saw a price") : call(record, price);
}
