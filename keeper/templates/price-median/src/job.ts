// Brings the price of a coin on chain: each keeper asks three exchanges and signs the middle of what they say; what is brought
// is the median of that by stake, which no third of the stake can move beyond what honest keepers saw.

import { type Context, type Outcome, call, func, info, skip } from "keeper-job";
import { type KeeperObservations, type Observation, decimal, getJson, median, middle, number } from "keeper-job/outside";

const DECIMALS = 8;
// What the target does.
const record = func("record(uint256)");

// Their hosts are the `allow_host` of job.toml: no others can be asked.
const SOURCES: { url: string; price: (answer: any) => unknown }[] = [
  { url: "https://api.coinbase.com/v2/prices/ETH-USD/spot", price: (answer) => answer?.data?.amount },
  { url: "https://api.kraken.com/0/public/Ticker?pair=ETHUSD", price: (answer) => answer?.result?.XETHZUSD?.c?.[0] },
  { url: "https://www.bitstamp.net/api/v2/ticker/ethusd/", price: (answer) => answer?.last },
];

export function observe(): Observation[] {
  const prices: bigint[] = [];
  for (const { url, price } of SOURCES) {
    const seen = decimal(price(getJson(url)), DECIMALS);
    if (seen !== undefined) prices.push(seen);
  }
  const price = middle(prices);
  info(`${prices.length} of ${SOURCES.length} sources said something`);
  return price === undefined ? [] : [number("price", price)];
}

export function decide(_context: Context, seen: KeeperObservations[]): Outcome {
  const price = median(seen, "price");
  return price === undefined ? skip("too few keepers saw a price") : call(record, price);
}
