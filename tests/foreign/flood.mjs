// Floods keepers in one way until it is stopped: node flood.mjs SETTING.json
//
// The setting names the attack, the file with a registered operator's peer key, the keepers' addresses, and what of the
// network an attacker can know. Prints what it has done, as a line of JSON a second.

import './polyfill.mjs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';

const { privateKeyFromProtobuf } = await import('@libp2p/crypto/keys');
const { multiaddr } = await import('@multiformats/multiaddr');
const { attacks, sleep } = await import('./attacks.mjs');
const { counts, Link, start } = await import('./node.mjs');

const told = JSON.parse(await readFile(process.argv[2], 'utf8'));
const known = attacks[told.attack];
if (!known) {
  console.error(`there is no attack ${told.attack}; there are ${Object.keys(attacks).join(', ')}`);
  process.exit(2);
}
const setting = {
  ...told,
  key: privateKeyFromProtobuf(await readFile(told.key)),
  separator: Uint8Array.from(Buffer.from(told.domain.slice(2), 'hex')),
  domain8: told.domain.slice(2, 18),
  topic: (letter) => `kpr/${told.domain.slice(2, 18)}/0/${letter}`,
};
const { run, ...manners } = known(setting);
const node = await start({ ...setting, ...manners });

/** Attacks one keeper; whoever is sent away comes again. */
async function harass(address) {
  for (;;) {
    try {
      const link = await Link.open(node, address, setting.domain8);
      await run(link, { node, address });
    } catch (error) {
      counts.refused += 1;
      counts.last = String(error.message).slice(0, 120);
    }
    await sleep(200);
  }
}

setInterval(() => console.log(JSON.stringify(counts)), 1000);
told.keepers.forEach((address) => harass(multiaddr(address)));
