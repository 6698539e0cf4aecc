#!/usr/bin/env node
// Reads the creation code of EigenLayer's core out of the Rust crate that carries it, and writes it as JSON.
// Usage: core.js EIGEN_UTILS_DIRECTORY TARGET
'use strict';
const fs = require('fs');
const path = require('path');

const CONTRACTS = {
  AllocationManager: 'allocation_manager',
  DelegationManager: 'delegation_manager',
  EigenPodManager: 'eigen_pod_manager',
  PermissionController: 'permission_controller',
  StrategyManager: 'strategy_manager',
};
const ESCAPES = { n: 10, r: 13, t: 9, 0: 0, '\\': 92, '"': 34, "'": 39 };

// The bytes of a Rust byte string literal, from behind its first quote on.
function bytes(text, start) {
  const found = [];
  for (let i = start; ; ++i) {
    if (i >= text.length) throw new Error('a byte string without an end');
    if (text[i] === '"') return Buffer.from(found);
    if (text[i] !== '\\') {
      found.push(text.charCodeAt(i));
    } else if (text[++i] === 'x') {
      found.push(parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else if (text[i] in ESCAPES) {
      found.push(ESCAPES[text[i]]);
    } else if (text[i] === '\n') {
      while (/\s/.test(text[i + 1])) ++i;
    } else {
      throw new Error(`an escape nobody knows: \\${text[i]}`);
    }
  }
}

const [crate, target] = process.argv.slice(2);
const codes = {};
for (const [name, file] of Object.entries(CONTRACTS)) {
  const source = fs.readFileSync(path.join(crate, 'src/slashing/core', `${file}.rs`), 'utf8');
  // the module of the contract has its creation code in the first constant of this name that is not empty
  const places = [...source.matchAll(/pub static BYTECODE[^=]*=[^"]*b"/g)].map((match) => match.index + match[0].length);
  const code = places.map((place) => bytes(source, place)).sort((one, other) => other.length - one.length)[0];
  if (!code || code.length < 1000) throw new Error(`no creation code of ${name} in ${file}.rs`);
  codes[name] = `0x${code.toString('hex')}`;
}
fs.writeFileSync(target, JSON.stringify(codes));
