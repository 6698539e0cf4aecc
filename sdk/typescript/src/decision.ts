// What a run decides, and how it fails.

import { write } from "keeper:job/log@0.1.0";
import type { Context, JobError, Outcome } from "keeper:job/types@0.1.0";

import { type Event, type Func, type Values, decode } from "./abi";

/** Calls the job's target. At most 65536 bytes of calldata. */
export function call<In extends unknown[], Out extends unknown[]>(of: Func<In, Out>, ...values: In): Outcome {
  return { tag: "call", val: of.encode(...values) };
}

/** Does nothing this time, and says why: at most 256 bytes of it are kept. */
export function skip(why: string): Outcome {
  return { tag: "skip", val: why };
}

/** To throw: an error that will not get better by trying again, such as wrong parameters. */
export function permanent(why: string): JobError {
  return { tag: "permanent", val: why };
}

/** To throw: an error that may be gone in the next run. */
export function transient(why: string): JobError {
  return { tag: "transient", val: why };
}

/** The job's parameters, as `abi.encode(…)` has them: `const [pool, least] = params(context, "address,uint256")`. */
export function params<const S extends string>(context: Context, types: S): Values<S> {
  try {
    return decode(types, context.params);
  } catch (error) {
    throw permanent(`the job's parameters are no (${types}): ${String(error)}`);
  }
}

/** The event that made the run due. */
export function triggered<Out extends unknown[]>(context: Context, of: Event<Out>): Out {
  if (context.trigger.tag !== "log") throw permanent("the run is not due for a log");
  try {
    return of.decode(context.trigger.val);
  } catch (error) {
    throw permanent(String(error));
  }
}

/** A note for the job's author: `keeper job test` shows it, keepers keep it to themselves. */
export function info(message: string): void {
  write("info", message);
}

/** The same about what should not be. */
export function warning(message: string): void {
  write("warn", message);
}
