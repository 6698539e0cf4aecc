// A libp2p node that speaks as keepers do, as far as one has to in order to be let in and heard.

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { field, frame, have, sized } from './wire.mjs';

const IDENTIFY = '/ipfs/id/1.0.0';
const GOSSIP = '/meshsub/1.1.0';
/** Far more than a keeper lets anybody have. */
const STREAMS = 1024;

export const counts = { connections: 0, refused: 0, messages: 0, bytes: 0, questions: 0, answered: 0, heard: 0, asked: 0 };

/** Takes in whatever comes and forgets it, once `look` has seen it. */
async function drain(stream, look = () => {}) {
  try {
    for await (const chunk of stream) {
      counts.heard += chunk.byteLength;
      look(Buffer.from(chunk.subarray()));
    }
  } catch {
    // The other side may end it as it likes.
  }
}

/**
 * A node with this key, on a network of this name. `reads`: whether it ever reads what keepers gossip to it. `answer`: what
 * it says to keepers' questions. `look`: sees what they gossip. `transports`, `listen`: what it speaks over, and where.
 */
export async function start({ key, domain8, reads = true, answer = () => have({ head: 0 }), look, transports = [tcp()], listen = [] }) {
  const node = await createLibp2p({
    privateKey: key,
    addresses: { listen },
    transports,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionManager: { reconnectRetries: 0, dialTimeout: 10_000, maxParallelDials: 64 },
    services: { ping: ping() },
  });
  const limits = { maxInboundStreams: STREAMS, maxOutboundStreams: STREAMS };
  // Who says another network's name is sent away.
  const self = [field(1, publicKeyToProtobuf(key.publicKey)), field(5, `/kpr/${domain8}/1`), field(6, 'foreign/1 0')];
  await node.handle(IDENTIFY, async (stream) => {
    stream.send(frame(Buffer.concat(self)));
    await stream.close().catch(() => {});
  }, limits);
  await node.handle(GOSSIP, (stream) => (reads ? drain(stream, look) : stream.pause()), limits);
  await node.handle(`/kpr/${domain8}/want/1`, async (stream) => {
    counts.asked += 1;
    try {
      const said = answer();
      if (said) {
        stream.send(sized(said));
        counts.bytes += said.length;
        await stream.close();
      }
    } catch {
      // A keeper that does not wait for the answer.
    }
  }, limits);
  return node;
}

/** A connection to one keeper. */
export class Link {
  constructor(connection, domain8) {
    this.connection = connection;
    this.domain8 = domain8;
  }

  /** Connects; fails when the keeper refuses. */
  static async open(node, address, domain8) {
    const connection = await node.dial(address, { signal: AbortSignal.timeout(10_000), force: true });
    counts.connections += 1;
    return new Link(connection, domain8);
  }

  get isOpen() {
    return this.connection.status === 'open';
  }

  /** Writes to the keeper's gossipsub, and waits when it does not keep up. */
  async say(bytes) {
    if (this.gossip?.status !== 'open') {
      this.gossip = await this.connection.newStream(GOSSIP, { maxOutboundStreams: STREAMS });
      drain(this.gossip);
    }
    counts.messages += 1;
    counts.bytes += bytes.length;
    if (!this.gossip.send(bytes)) {
      await this.gossip.onDrain({ signal: AbortSignal.timeout(30_000) });
    }
  }

  /** Opens a stream for questions that come one after the other; what is answered is taken in and forgotten. */
  async openStream(protocol) {
    const name = `/kpr/${this.domain8}/${protocol}/1`;
    const stream = await this.connection.newStream(name, { maxOutboundStreams: STREAMS });
    drain(stream);
    return stream;
  }

  /** Writes a question to such a stream, and waits when the keeper does not keep up. */
  async put(stream, question) {
    counts.questions += 1;
    counts.bytes += question.length;
    if (!stream.send(question)) {
      await stream.onDrain({ signal: AbortSignal.timeout(30_000) });
    }
  }

  /** Asks the keeper something; `reads`: whether it looks at the answer. */
  async ask(protocol, question, reads = true) {
    const name = `/kpr/${this.domain8}/${protocol}/1`;
    const stream = await this.connection.newStream(name, { maxOutboundStreams: STREAMS });
    counts.questions += 1;
    counts.bytes += question.length;
    stream.send(question);
    if (!reads) {
      return;
    }
    try {
      for await (const chunk of stream) {
        counts.answered += chunk.byteLength;
      }
    } finally {
      stream.abort(new Error('done'));
    }
  }
}
