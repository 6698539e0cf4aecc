// Reads of the chain at the run's block. At most 64 in a run, with at most 256 KiB of questions and answers together; each costs
// fuel.

import * as world from "keeper:job/chain@0.1.0";

import type { Address, Event, Func } from "./abi";
import { permanent, transient } from "./decision";
import { fromHex, toHex } from "./hex";

/** Asks a contract something: `const [balance] = view(token, balanceOf, account)`. Throws `transient` where it reverts. */
export function view<In extends unknown[], Out extends unknown[]>(contract: Address, of: Func<In, Out>, ...values: In): Out {
  const answer = read(of.signature, () => world.call(fromHex(contract), of.encode(...values)));
  try {
    return of.decode(answer);
  } catch (error) {
    throw permanent(`${contract} does not answer as ${of.signature} does: ${String(error)}`);
  }
}

/** An account's balance in wei. */
export function balance(account: Address): bigint {
  return BigInt(toHex(read("balance", () => world.balance(fromHex(account)))));
}

/** A word of a contract's storage, 32 bytes. */
export function storage(account: Address, slot: Uint8Array): Uint8Array {
  return read("storage", () => world.storageAt(fromHex(account), slot));
}

/** keccak-256 of an account's code, that of nothing where it has none. */
export function codeHash(account: Address): Uint8Array {
  return read("code hash", () => world.codeHash(fromHex(account)));
}

/** The events of a contract in these blocks, both included: at most 1024 blocks, up to the run's own, and at most 256 events. */
export function events<Out extends unknown[]>(contract: Address, of: Event<Out>, from: bigint, to: bigint): Out[] {
  const logs = read(of.signature, () => world.logs(fromHex(contract), [of.topic], from, to));
  return logs.map((log) => of.decode(log));
}

/** A revert depends on the block, all else on the job. */
function read<T>(what: string, ask: () => T): T {
  try {
    return ask();
  } catch (thrown) {
    const error = reason(thrown);
    if (error?.tag === "reverted") throw transient(`${what} reverted with ${toHex(error.val)}`);
    throw permanent(`${what}: ${error?.val ?? String(thrown)}`);
  }
}

/** Bindings throw what WIT says, or an error around it. */
function reason(thrown: unknown): world.ChainError | undefined {
  const inner = (thrown as { payload?: unknown }).payload ?? thrown;
  return typeof inner === "object" && inner !== null && "tag" in inner ? (inner as world.ChainError) : undefined;
}
