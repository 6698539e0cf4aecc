#!/usr/bin/env node
// Writes the ABI and creation bytecode of our contracts, from forge's output to one small file each.
// Usage: artifacts.js OUT_DIRECTORY TARGET_DIRECTORY
'use strict';
const fs = require('fs');
const path = require('path');

const CONTRACTS = [
  'Challenger',
  'Counter',
  'DevnetPauser',
  'DevnetStrategy',
  'ERC1967Proxy',
  'Feed',
  'JobForwarder',
  'JobManager',
  'JobReader',
  'KeeperRegistry',
  'LocalAllocationManager',
  'PlayMoney',
  'Resolved',
  'Ringer',
  'ServiceManager',
  'Tank',
  'TaskManager',
  'TimelockController',
  'Upkept',
];

const [out, target] = process.argv.slice(2);
fs.mkdirSync(target, { recursive: true });
for (const name of CONTRACTS) {
  const source = JSON.parse(fs.readFileSync(path.join(out, `${name}.sol`, `${name}.json`), 'utf8'));
  const abi = source.abi;
  const key = (item) => `${item.type} ${item.name ?? ''} ${JSON.stringify(item.inputs ?? [])}`;
  abi.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const lines = abi.map((item) => `    ${JSON.stringify(item)}`).join(',\n');
  const text = `{\n  "contractName": "${name}",\n  "abi": [\n${lines}\n  ],\n  "bytecode": "${source.bytecode.object}"\n}\n`;
  fs.writeFileSync(path.join(target, `${name}.json`), text);
}
