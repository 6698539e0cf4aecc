// Answers transfers of a token: when one moves `least` or more, the target is told of it.

import { type Context, type Outcome, call, event, func, info, params, skip, triggered } from "keeper-job";

// What makes the job due; `topics` in job.toml has its hash.
const transfer = event("Transfer(address indexed, address indexed, uint256)");
// What the target does.
const onTransfer = func("onTransfer(address,address,uint256)");

export function run(context: Context): Outcome {
  const [least] = params(context, "uint256");
  const [from, to, amount] = triggered(context, transfer);
  info(`${from} sent ${amount} to ${to}`);
  return amount < least ? skip(`${amount} is less than ${least}`) : call(onTransfer, from, to, amount);
}
