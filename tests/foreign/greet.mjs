// One libp2p node of another make that meets one of ours over QUIC or TCP and says a word: node greet.mjs SETTING.json
//
// The setting names the transport, the network, a topic, a word to gossip, and the address to dial; without one it listens, and is
// dialled. Prints what happens, each as a line of JSON.

import './polyfill.mjs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';

const { quic } = await import('@chainsafe/libp2p-quic');
const { tcp } = await import('@libp2p/tcp');
const { generateKeyPair } = await import('@libp2p/crypto/keys');
const { multiaddr } = await import('@multiformats/multiaddr');
const { Link, start } = await import('./node.mjs');
const { publish, subscribe } = await import('./wire.mjs');

const { transport, domain8, topic, word, answer, dial } = JSON.parse(await readFile(process.argv[2], 'utf8'));
const say = (what) => console.log(JSON.stringify(what));
const kinds = {
  quic: { made: quic, listen: '/ip4/127.0.0.1/udp/0/quic-v1' },
  tcp: { made: tcp, listen: '/ip4/127.0.0.1/tcp/0' },
};
const kind = kinds[transport];

const node = await start({
  key: await generateKeyPair('Ed25519'),
  domain8,
  transports: [kind.made()],
  listen: dial ? [] : [kind.listen],
  look: (bytes) => bytes.includes(answer) && say({ heard: answer }),
});
say({ peer: node.peerId.toString(), listening: node.getMultiaddrs().map(String) });

/** Subscribes, says the word, and says how long a ping took. */
async function greet(connection) {
  const link = new Link(connection, domain8);
  say({ connected: connection.remoteAddr.toString(), direction: connection.direction });
  await link.say(subscribe([topic]));
  await link.say(publish(topic, Buffer.from(word)));
  say({ ping: await node.services.ping.ping(connection.remotePeer) });
}

node.addEventListener('connection:open', ({ detail }) => {
  if (detail.direction === 'inbound') {
    greet(detail).catch((error) => say({ failed: String(error.stack) }));
  }
});
if (dial) {
  const link = await Link.open(node, multiaddr(dial), domain8);
  await greet(link.connection);
}
setInterval(() => {}, 1000);
