#!/usr/bin/env node
// Prints forge's snapshot of gas figures: as JSON numbers with --json, else as a table.
// Usage: gas.js SNAPSHOT [--json]
'use strict';
const fs = require('fs');

const [snapshot, format] = process.argv.slice(2);
const figures = Object.entries(JSON.parse(fs.readFileSync(snapshot, 'utf8'))).map(([key, gas]) => [key, Number(gas)]);
if (format === '--json') {
  console.log(JSON.stringify(Object.fromEntries(figures), null, 2));
} else {
  for (const [key, gas] of figures) console.log(`${key.padEnd(32)}${gas.toLocaleString('en').padStart(12)}`);
}
