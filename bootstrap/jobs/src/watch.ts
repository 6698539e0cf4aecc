// Copies a feed: reads value() of the contract whose address is the job's parameters, at the run's anchor block, and calls
// record(value) on the job's target. A value of zero means that the feed has nothing to say.

import { call } from "keeper:job/chain@0.1.0";
import { write } from "keeper:job/log@0.1.0";
import type { Context, JobError, Outcome } from "keeper:job/types@0.1.0";

import { RECORD, VALUE, calldata, number, word } from "./abi";

export function run(context: Context): Outcome {
  if (context.params.length !== 20) {
    throw permanent(`the job's parameters must be the feed's address: 20 bytes, not ${context.params.length}`);
  }
  const value = number(call(context.params, VALUE));
  write("info", `feed value ${value} at block ${context.reference.number}`);
  if (value === 0n) return { tag: "skip", val: "the feed's value is 0" };
  return { tag: "call", val: calldata(RECORD, word(value)) };
}

function permanent(why: string): JobError {
  return { tag: "permanent", val: why };
}
