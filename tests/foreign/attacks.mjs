// The ways to flood. Each says how the node behaves, and what it does on every connection to a keeper until that closes.

import { connect } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { counts, Link, start } from './node.mjs';
import * as wire from './wire.mjs';

const KIB = 1024;
/** No epoch that a keeper knows. */
const FAR_EPOCH = 4_000_000_000;

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Says something so many times a second, and flat out where the keeper does not keep up. */
async function pace(link, perSecond, make) {
  const began = performance.now();
  for (let turn = 0; link.isOpen; await sleep(5)) {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (turn = Math.max(turn, due - perSecond); turn < due && link.isOpen; turn += 1) {
      await link.say(make(turn));
    }
  }
}

/** The window that is now, by this machine's clock. */
const windowNow = ({ windowSeconds }) => Math.floor(Date.now() / 1000 / windowSeconds);

/** A partial on an assignment that never was. */
const lostPartial = (index) => wire.partial({ assignment: wire.random(32), batch: 0, keeper: index, tasks: 1 });

/** The longest list of tasks that an assignment carries, in so many batches. */
function invented(batches, tasks) {
  return Array.from({ length: batches }, () => ({ attempt: 0, tasks: Array.from({ length: tasks }, wire.inventTask) }));
}

/** A copy that differs in its last bytes, which are a signature's. */
function varied(message) {
  const copy = Uint8Array.from(message);
  copy.set(wire.random(8), copy.length - 8);
  return copy;
}

/** Assignments that no keeper can judge before the window's leaders are known. */
function early(setting) {
  let known;
  return (kib) => {
    const window = windowNow(setting) + 3;
    if (known?.window !== window || known.kib !== kib) {
      const batches = invented(1, Math.min(256, Math.ceil((kib * KIB) / 46)));
      while (batches.length * 256 * 46 < (kib - 11) * KIB) {
        batches.push(...invented(1, 256));
      }
      const message = { window, stage: 0, number: 0, leader: setting.index, batches, signature: wire.random(64) };
      known = { window, kib, bytes: wire.assignment(message) };
    }
    return varied(known.bytes);
  };
}

/** Small messages that look right, hundreds a second: each has the keeper ask for the assignment it names. */
const small = ({ topic, index }) => ({
  run: (link) => pace(link, 800, () => wire.publish(topic('p'), lostPartial(index))),
});

/** The longest messages there are, tens a second. */
const long = (setting) => {
  const make = early(setting);
  return { run: (link) => pace(link, 60, () => wire.publish(setting.topic('a'), make(60))) };
};

/** Bytes that are no message, in each topic. */
const garbage = ({ topic }) => ({
  run: (link) => pace(link, 200, (turn) => wire.publish(topic('apce'[turn % 4]), wire.random(64 + (turn % 8) * 1000))),
});

/** Messages that have to wait for what the keeper will never see. */
const waiting = (setting) => {
  const [assignment, { topic }] = [early(setting), setting];
  const unknown = (reports) =>
    wire.certificate({ epoch: FAR_EPOCH, anchor: 1, reports, signers: Uint8Array.of(31) });
  const [short, full] = [unknown(1), unknown(240)];
  const kinds = [
    () => wire.publish(topic('c'), varied(short)),
    () => wire.publish(topic('a'), assignment(1)),
    () => wire.publish(topic('p'), lostPartial(setting.index)),
  ];
  const make = (turn) => (turn % 50 === 0 ? wire.publish(topic('c'), varied(full)) : kinds[turn % kinds.length]());
  return { run: (link) => pace(link, 500, make) };
};

/** What a leader may sign: as many assignments as its number allows, each as long as it may be, of invented tasks. */
const plans = (setting) => {
  const { key, separator, index, topic } = setting;
  const batches = invented(64, 22);
  async function sign(window, stage, number) {
    const plan = { window, stage, number, leader: index, batches };
    const signature = await key.sign(keccak_256(wire.assignmentPreimage(plan, separator)));
    return wire.publish(topic('a'), wire.assignment({ ...plan, signature }));
  }
  // Whoever is no leader at a stage is ignored there, so each stage is tried: the network draws one of them.
  const { size } = setting;
  const turns = Array.from({ length: size * 8 }, (_, turn) => [turn % size, Math.floor(turn / size)]);
  return {
    async run(link) {
      for (let last = windowNow(setting) - 16; link.isOpen; ) {
        for (const window = windowNow(setting) + 1; last < window && link.isOpen; last += 1) {
          for (const [stage, number] of turns) {
            await link.say(await sign(last + 1, stage, number));
            await sleep(20);
          }
        }
        await sleep(20);
      }
    },
  };
};

/** Proofs about tasks that never were; at last some that a keeper can check, and sends it away for. */
const evidence = ({ topic, epoch, anchor }) => {
  const signers = Uint8Array.of(31);
  const far = () => wire.publish(topic('e'), wire.evidence({ epoch: FAR_EPOCH, anchor, signers }));
  const near = () => wire.publish(topic('e'), wire.evidence({ epoch, anchor, signers }));
  return { run: (link) => pace(link, 400, (turn) => (turn > 8000 ? near() : far())) };
};

/** Offers of what is not there, which are promises that break, and wishes for what never was. */
const control = ({ topic }) => ({
  run: (link) => {
    const ids = () => Array.from({ length: 350 }, () => wire.random(20));
    const pool = Array.from({ length: 64 }, () => wire.control({ topic: topic('p'), have: ids(), want: ids() }));
    return pace(link, 300, (turn) => varied(pool[turn % pool.length]));
  },
});

/** Questions in storms: answered ones, malformed ones, and half ones. */
const questions = ({ size }) => {
  const ask = [
    (turn) => ['want', wire.sized(wire.wantSignedBy(turn % size))],
    () => ['status', wire.sized(wire.random(64))],
    () => ['want', wire.sized(wire.random(KIB))],
    () => ['want', Uint8Array.of(0, 0, 4, 0)],
  ];
  return {
    async run(link) {
      const asker = async (from) => {
        for (let turn = from; link.isOpen; turn += 1) {
          await link.ask(...ask[turn % 3](turn)).catch(() => sleep(1));
        }
      };
      const halves = async () => {
        for (; link.isOpen; await sleep(50)) {
          await link.ask(...ask[3](), false).catch(() => {});
        }
      };
      await Promise.all([...Array.from({ length: 32 }, (_, from) => asker(from)), halves()]);
    },
  };
};

/** Whatever a keeper looks up for others: who is near a key, who is where, and job code; well asked, and as long as may be. */
const books = () => {
  // Kademlia: who is near a key, and what no keeper keeps (put and get a value, add and get a provider).
  const kinds = [4, 4, 4, 4, 0, 1, 2, 3];
  const lookups = async (link) => {
    while (link.isOpen) {
      try {
        const stream = await link.openStream('kad');
        for (let turn = 0; stream.status === 'open'; turn += 1) {
          await link.put(stream, wire.lookup(kinds[turn % kinds.length], wire.random(32)));
          if (turn % 8 === 7) await sleep(2);
        }
      } catch {
        // It has ended the stream.
      }
      await sleep(5);
    }
  };
  const ask = [
    () => ['records', wire.sized(wire.known(1024))],
    () => ['code', wire.sized(wire.codePiece(0))],
    () => ['records', wire.sized(wire.known(0))],
    () => ['code', wire.sized(wire.codePiece(32 * KIB))],
    () => ['records', wire.sized(wire.random(40 * KIB))],
    () => ['code', wire.sized(wire.random(40))],
  ];
  const asker = async (link, from) => {
    for (let turn = from; link.isOpen; turn += 1) {
      await link.ask(...ask[turn % ask.length]()).catch(() => sleep(1));
    }
  };
  return {
    run: (link) =>
      Promise.all([
        ...Array.from({ length: 4 }, () => lookups(link)),
        ...Array.from({ length: 24 }, (_, from) => asker(link, from)),
      ]),
  };
};

/** Partials that make a keeper ask, and answers as long as may be, full of what has to wait. */
const answers = (setting) => {
  const assignment = early(setting);
  return {
    answer: () => wire.have({ head: 1, assignments: [assignment(60), assignment(60)] }),
    run: (link) => pace(link, 400, () => wire.publish(setting.topic('p'), lostPartial(setting.index))),
  };
};

/** Whatever a port lets in: half-open connections, strangers, and the registered key again and again. */
const connections = ({ domain8 }) => ({
  async run(link, { node, address }) {
    const [, , host, , port] = address.toString().split('/');
    const sockets = new Set();
    const open = () => {
      // An address of its own on this machine: the keepers' handshakes among each other have other places.
      const socket = connect({ host, port: Number(port), localAddress: '127.0.0.2' });
      counts.connections += 1;
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      sockets.add(socket);
    };
    const halfOpen = async () => {
      for (; link.isOpen; await sleep(10)) {
        if (sockets.size < 200) open();
      }
      sockets.forEach((socket) => socket.destroy());
    };
    const again = async (who) => {
      for (; link.isOpen; await sleep(20)) {
        await Link.open(who, address, domain8)
          .then((other) => other.connection.close())
          .catch(() => (counts.refused += 1));
      }
    };
    const stranger = await start({ key: await generateKeyPair('Ed25519'), domain8 });
    await Promise.all([halfOpen(), again(stranger), again(stranger), again(node)]);
    await stranger.stop();
  },
});

/** Wants to hear everything and reads nothing: neither gossip nor what it asked for. */
const deaf = ({ topic, size }) => ({
  reads: false,
  async run(link) {
    for (let turn = 0; link.isOpen; turn += 1) {
      await link.say(wire.subscribe([...'apce'].map(topic)));
      await link.ask('want', wire.sized(wire.wantSignedBy(turn % size)), false).catch(() => {});
      await sleep(100);
    }
  },
});

export const attacks = {
  small, long, garbage, waiting, plans, evidence, control, questions, answers, connections, deaf, books,
};
