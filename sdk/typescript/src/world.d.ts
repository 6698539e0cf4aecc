// The worlds `keeper:job/job` and `keeper:job/observing-job` (keeper/wit) as JavaScript sees them. Byte strings are big-endian EVM encodings; u64 is a
// bigint. A function whose WIT type is result<T, E> returns T and throws E.

declare module "keeper:job/types@0.1.0" {
  export interface BlockReference {
    chainId: bigint;
    number: bigint;
    hash: Uint8Array;
    /** Unix seconds. */
    timestamp: bigint;
  }

  export interface LogEntry {
    address: Uint8Array;
    topics: Uint8Array[];
    data: Uint8Array;
    blockNumber: bigint;
    blockHash: Uint8Array;
    transactionHash: Uint8Array;
    logIndex: number;
  }

  export type Trigger =
    | { tag: "time"; val: bigint }
    | { tag: "block"; val: BlockReference }
    | { tag: "log"; val: LogEntry }
    | { tag: "condition"; val: Uint8Array }
    | { tag: "manual"; val: Uint8Array };

  export interface Context {
    jobId: bigint;
    taskId: Uint8Array;
    sequence: bigint;
    trigger: Trigger;
    reference: BlockReference;
    /** The due moment, never the wall clock; unix seconds. */
    now: bigint;
    params: Uint8Array;
  }

  export type Outcome = { tag: "call"; val: Uint8Array } | { tag: "skip"; val: string };
  export type JobError = { tag: "permanent"; val: string } | { tag: "transient"; val: string };
}

declare module "keeper:job/chain@0.1.0" {
  import type { LogEntry } from "keeper:job/types@0.1.0";

  export type ChainError =
    | { tag: "reverted"; val: Uint8Array }
    | { tag: "limit"; val: string }
    | { tag: "invalid"; val: string };

  export function call(to: Uint8Array, data: Uint8Array): Uint8Array;
  export function balance(account: Uint8Array): Uint8Array;
  export function storageAt(account: Uint8Array, slot: Uint8Array): Uint8Array;
  export function codeHash(account: Uint8Array): Uint8Array;
  export function logs(
    address: Uint8Array,
    topics: (Uint8Array | undefined)[],
    fromBlock: bigint,
    toBlock: bigint,
  ): LogEntry[];
}

declare module "keeper:job/log@0.1.0" {
  export type Level = "debug" | "info" | "warn" | "error";
  export function write(level: Level, message: string): void;
}

declare module "keeper:job/random@0.1.0" {
  export function bytes(length: number): Uint8Array;
}

declare module "keeper:job/observations@0.1.0" {
  export interface Observation {
    key: string;
    value: Uint8Array;
  }

  export interface KeeperObservations {
    keeper: number;
    /** Its share of the committee's stake, in billionths. */
    share: number;
    items: Observation[];
  }
}

declare module "keeper:job/http@0.1.0" {
  export interface Request {
    method: string;
    url: string;
    headers: [string, string][];
    body: Uint8Array;
  }

  export interface Response {
    status: number;
    headers: [string, string][];
    body: Uint8Array;
  }

  export type HttpError =
    | { tag: "denied"; val: string }
    | { tag: "timeout" }
    | { tag: "too-large" }
    | { tag: "failed"; val: string };

  export function fetch(what: Request): Response;
}
