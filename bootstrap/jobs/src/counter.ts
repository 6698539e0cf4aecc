// Counts its runs on chain: every run calls increment() on the job's target.

import { type Outcome, call, func } from "keeper-job";

const increment = func("increment()");

export function run(): Outcome {
  return call(increment);
}
