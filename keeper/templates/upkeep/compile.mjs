#!/usr/bin/env node
// Compiles src/*.sol: build/<contract>.bin is code to deploy, build/<contract>.json its ABI. `keeper job build` runs it.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

import solc from "solc";

const names = readdirSync("src").filter((name) => name.endsWith(".sol"));
const input = {
  language: "Solidity",
  sources: Object.fromEntries(names.map((name) => [name, { content: readFileSync(`src/${name}`, "utf8") }])),
  settings: {
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const { formattedMessage } of output.errors ?? []) console.error(formattedMessage);
if ((output.errors ?? []).some(({ severity }) => severity === "error")) process.exit(1);

mkdirSync("build", { recursive: true });
for (const contracts of Object.values(output.contracts)) {
  for (const [name, { abi, evm }] of Object.entries(contracts)) {
    if (evm.bytecode.object === "") continue; // an interface
    writeFileSync(`build/${name}.bin`, `0x${evm.bytecode.object}\n`);
    writeFileSync(`build/${name}.json`, `${JSON.stringify(abi, null, 2)}\n`);
  }
}
