// What goes over the wire, written by hand from what keepers read: gossipsub's protobuf frames, and CBOR in its one
// encoding (structs as maps with the positions of their fields as keys).

const text = new TextEncoder();

export const join = (...parts) => Uint8Array.from(Buffer.concat(parts));

/** Bytes that are new each time, so that no seen-cache knows them. */
export function random(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/* -------- protobuf -------- */

function varint(number) {
  const bytes = [];
  for (; number >= 0x80; number = Math.floor(number / 128)) {
    bytes.push((number % 128) | 0x80);
  }
  return Uint8Array.from([...bytes, number]);
}

const bytesOf = (value) => (typeof value === 'string' ? text.encode(value) : value);

/** A field of bytes. */
export function field(number, value) {
  const bytes = bytesOf(value);
  return join(varint(number * 8 + 2), varint(bytes.length), bytes);
}

/** A field of a number. */
export const flag = (number, value) => join(varint(number * 8), varint(value));

/** What streams of gossipsub carry: a length, then an RPC. */
export const frame = (rpc) => join(varint(rpc.length), rpc);

/** An RPC that publishes one message. */
export const publish = (topic, data) => frame(field(2, join(field(2, data), field(4, topic))));

/** An RPC that subscribes to topics. */
export const subscribe = (topics) => frame(join(...topics.map((topic) => field(1, join(flag(1, 1), field(2, topic))))));

/** An RPC of control messages: what is offered in a topic, and what is wanted. */
export function control({ topic, have = [], want = [] }) {
  const offer = field(1, join(field(1, topic), ...have.map((id) => field(2, id))));
  const wish = field(2, join(...want.map((id) => field(1, id))));
  return frame(field(3, join(offer, wish)));
}

/** A question to Kademlia, by the number of its kind, about a key. */
export const lookup = (kind, key) => frame(join(flag(1, kind), field(2, key)));

/** A question or an answer: four bytes of length, then itself. */
export function sized(bytes) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return join(length, bytes);
}

/* -------- CBOR -------- */

function head(major, number) {
  const value = BigInt(number);
  const short = [24n, 0x100n, 0x1_0000n, 0x1_0000_0000n].findIndex((limit) => value < limit);
  if (short === 0) {
    return Uint8Array.of((major << 5) | Number(value));
  }
  const size = short === -1 ? 8 : 2 ** (short - 1);
  const bytes = new Uint8Array(1 + size);
  bytes[0] = (major << 5) | (24 + Math.log2(size));
  for (let at = 0; at < size; at += 1) {
    bytes[size - at] = Number((value >> BigInt(8 * at)) & 0xffn);
  }
  return bytes;
}

const uint = (number) => head(0, number);
const bstr = (bytes) => join(head(2, bytes.length), bytes);
const list = (items) => join(head(4, items.length), ...items);
const struct = (...fields) => join(head(5, fields.length), ...fields.flatMap((value, key) => [uint(key), value]));
/** A variant with a value: a map from its name to that. */
const variant = (name, value) => join(head(5, 1), head(3, name.length), text.encode(name), value);
const NOTHING = Uint8Array.of(0xf6);

/* -------- the keepers' messages -------- */

/** A task of a job that nobody listed. */
export const inventTask = () => ({ job: 1_000_000 + Math.floor(Math.random() * 1e9), version: 1, instance: random(32) });

const task = ({ job, version, instance }) => struct(uint(job), uint(version), bstr(instance));

export function assignment({ window, stage, number, leader, batches, signature }) {
  const planned = batches.map(({ attempt, tasks }) => struct(uint(attempt), list(tasks.map(task))));
  return struct(uint(window), uint(stage), uint(number), uint(leader), list(planned), bstr(signature));
}

/** What a leader signs: a fixed layout of all fields but the signature, before it is hashed. */
export function assignmentPreimage({ window, stage, number, leader, batches }, separator) {
  const wide = (value, size) => {
    const bytes = Buffer.alloc(size);
    size === 8 ? bytes.writeBigUInt64BE(BigInt(value)) : bytes.writeUIntBE(value, 0, size);
    return bytes;
  };
  const parts = [text.encode('KeeperMesh assignment'), separator, wide(window, 8)];
  parts.push(Uint8Array.of(stage, number), wide(leader, 2), wide(batches.length, 8));
  for (const { attempt, tasks } of batches) {
    parts.push(Uint8Array.of(attempt), wide(tasks.length, 8));
    for (const each of tasks) {
      parts.push(wide(each.job, 8), wide(each.version, 4), each.instance);
    }
  }
  return join(...parts);
}

export function partial({ assignment: hash, batch, keeper, tasks }) {
  const findings = Array.from({ length: tasks }, () => struct(uint(0), bstr(random(32))));
  const fields = [bstr(hash), uint(batch), uint(keeper), bstr(random(32)), list(findings), bstr(random(32))];
  return struct(...fields, bstr(random(48)));
}

const report = (anchor) =>
  struct(task(inventTask()), uint(anchor), bstr(random(32)), bstr(new Uint8Array(32)), uint(0), bstr(random(32)));

export function certificate({ epoch, anchor, reports, signers }) {
  const listed = Array.from({ length: reports }, () => report(anchor));
  return struct(uint(epoch), list(listed), bstr(signers), bstr(random(48)));
}

export function evidence({ epoch, anchor, signers }) {
  const siblings = Array.from({ length: 8 }, () => bstr(random(32)));
  const statement = () => struct(report(anchor), list(siblings), bstr(signers), bstr(random(48)));
  return struct(uint(epoch), statement(), statement());
}

export const wantSignedBy = (keeper) => variant('SignedBy', uint(keeper));
export const wantAssignment = (hash) => variant('Assignment', bstr(hash));

/** What a keeper asks about records: the keys of those that it holds, in order, each with a number. */
export function known(count) {
  const keys = Array.from({ length: count }, () => Buffer.from(random(32))).sort(Buffer.compare);
  return join(...keys.flatMap((key) => [key, random(8)]));
}

/** What a keeper asks for a piece of job code: the hash of the whole, where the piece begins, and its length. */
export function codePiece(count) {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setUint32(4, count);
  return join(random(32), place);
}

/** The answer to a question. */
export const have = ({ head: newest, assignments = [], partials = [] }) =>
  struct(uint(newest), list(assignments.map(bstr)), list(partials.map(bstr)), NOTHING);
