// Jobs of Keeper Mesh in TypeScript. A run is a pure function of its context and of the chain at `context.reference`: there is no
// clock, no network, no file, and nothing is kept from one run to the next. Whatever is thrown with `permanent` or `transient`
// ends a run in an error that all keepers see alike.
//
//   import { type Context, type Outcome, call, func, params, skip, view } from "keeper-job";
//
//   const balanceOf = func("balanceOf(address) returns (uint256)");
//   const refill = func("refill(address)");
//
//   export function run(context: Context): Outcome {
//     const [token, account] = params(context, "address,address");
//     const [balance] = view(token, balanceOf, account);
//     return balance > 1000n ? skip("there is enough") : call(refill, account);
//   }

/// <reference path="./world.d.ts" />

export type { BlockReference, Context, LogEntry, Outcome, Trigger } from "keeper:job/types@0.1.0";
export { type Address, type Event, type Func, type Values, decode, encode, event, func } from "./abi";
export { balance, codeHash, events, storage, view } from "./chain";
export { call, info, params, permanent, skip, transient, triggered, warning } from "./decision";
export { fromHex, toHex } from "./hex";
