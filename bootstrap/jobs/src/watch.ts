// Copies a feed: reads value() of the contract whose address is the job's parameters, at the run's anchor block, and calls
// record(value) on the job's target. A value of zero means that the feed has nothing to say.

import { type Context, type Outcome, call, func, info, permanent, skip, toHex, view } from "keeper-job";

const value = func("value() returns (uint256)");
const record = func("record(uint256)");

export function run(context: Context): Outcome {
  if (context.params.length !== 20) {
    throw permanent(`the job's parameters must be the feed's address: 20 bytes, not ${context.params.length}`);
  }
  const [current] = view(toHex(context.params), value);
  info(`feed value ${current} at block ${context.reference.number}`);
  return current === 0n ? skip("the feed's value is 0") : call(record, current);
}
