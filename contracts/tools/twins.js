#!/usr/bin/env node
// Compares the assembly in src/ with test/proofs/twins.txt, and the tests named there with what halmos and forge say of
// them. Usage: twins.js [HALMOS_JSON FORGE_JSON]; without them only the table is compared.
'use strict';
const fs = require('fs');
const path = require('path');

const [halmosFile, forgeFile] = process.argv.slice(2);
const wrong = [];

// Blocks of assembly by the function they stand in.
const found = new Map();
for (const file of fs.readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.sol'))) {
  let name = '?';
  for (const line of fs.readFileSync(path.join('src', file), 'utf8').split('\n')) {
    const code = line.replace(/\/\/.*$/, '');
    const begins = /^    (?:function (\w+)|(fallback|receive|constructor|modifier))\b/.exec(code);
    if (begins) name = begins[1] ?? begins[2];
    if (!/\bassembly\b/.test(code)) continue;
    const key = `${path.basename(file, '.sol')}.${name}`;
    found.set(key, (found.get(key) ?? 0) + 1);
  }
}

const rows = fs
  .readFileSync('test/proofs/twins.txt', 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => line.split(' '));
const listed = new Map(rows.map(([key, count]) => [key, Number(count)]));
for (const [key, count] of found) {
  if (listed.get(key) !== count) wrong.push(`${key}: ${count} blocks of assembly, ${listed.get(key) ?? 0} in twins.txt`);
}
for (const key of listed.keys()) {
  if (!found.has(key)) wrong.push(`${key}: in twins.txt, but without assembly`);
}

const passed = new Set();
if (halmosFile) {
  const results = JSON.parse(fs.readFileSync(halmosFile, 'utf8')).test_results;
  for (const tests of Object.values(results)) {
    for (const test of tests) {
      const name = test.name.split('(')[0];
      if (test.exitcode === 0 && test.num_bounded_loops === 0) passed.add(name);
      else wrong.push(`${name}: not proven (halmos says ${test.exitcode}, ${test.num_bounded_loops} loops cut short)`);
    }
  }
  for (const suite of Object.values(JSON.parse(fs.readFileSync(forgeFile, 'utf8')))) {
    for (const [signature, test] of Object.entries(suite.test_results)) {
      const name = signature.split('(')[0];
      if (test.status !== 'Success') wrong.push(`${name}: ${test.reason ?? 'failed'}`);
      else if (!name.startsWith('test_proof_')) passed.add(name);
    }
  }
  for (const [key, count, test] of rows) {
    if (!passed.has(test)) wrong.push(`${key}: ${test} did not pass`);
    const kind = test.startsWith('test_proof_') ? 'proven' : test.startsWith('test_every') ? 'all inputs' : 'fuzzed';
    console.log(`${key.padEnd(26)}${count}  ${kind.padEnd(12)}${test}`);
  }
}
for (const line of wrong) console.error(`contracts: ${line}`);
process.exit(wrong.length ? 1 : 0);
