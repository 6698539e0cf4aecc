// Counts its runs on chain: every run calls increment() on the job's target.

import type { Outcome } from "keeper:job/types@0.1.0";

import { INCREMENT, calldata } from "./abi";

export function run(): Outcome {
  return { tag: "call", val: calldata(INCREMENT) };
}
