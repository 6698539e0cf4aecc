#!/usr/bin/env node
// Compiles what the packages beside it have as sources, and our own in src/, each with the compiler that its pragma asks for,
// and writes a file of creation code for each contract: {"code": "0x…", "links": {"Library": "what stands for its address"}}.
// Usage: compile.mjs TARGET_DIRECTORY
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [target] = process.argv.slice(2);
const home = import.meta.dirname;
const require = createRequire(import.meta.url);

// By compiler, the files whose contract of the same name is wanted.
const CHAINLINK = '@chainlink/contracts/src/v0.8';
const UNITS = {
  'solc-0.8.6': [
    `${CHAINLINK}/automation/libraries/external/Cron.sol`,
    `${CHAINLINK}/automation/testhelpers/LogUpkeepCounter.sol`,
    `${CHAINLINK}/automation/upkeeps/CronUpkeepFactory.sol`,
    `${CHAINLINK}/automation/upkeeps/EthBalanceMonitor.sol`,
    `${CHAINLINK}/tests/CronReceiver.sol`,
  ],
  'solc-0.8.16': [
    `${CHAINLINK}/automation/AutomationForwarderLogic.sol`,
    `${CHAINLINK}/automation/testhelpers/UpkeepCounter.sol`,
    `${CHAINLINK}/automation/v2_1/KeeperRegistry2_1.sol`,
    `${CHAINLINK}/automation/v2_1/KeeperRegistryLogicA2_1.sol`,
    `${CHAINLINK}/automation/v2_1/KeeperRegistryLogicB2_1.sol`,
  ],
  'solc-0.8.19': [
    `${CHAINLINK}/automation/chains/ChainModuleBase.sol`,
    `${CHAINLINK}/automation/upkeeps/ERC20BalanceMonitor.sol`,
    `${CHAINLINK}/automation/upkeeps/LinkAvailableBalanceMonitor.sol`,
    `${CHAINLINK}/automation/v2_3/AutomationRegistry2_3.sol`,
    `${CHAINLINK}/automation/v2_3/AutomationRegistryLogicA2_3.sol`,
    `${CHAINLINK}/automation/v2_3/AutomationRegistryLogicB2_3.sol`,
    `${CHAINLINK}/automation/v2_3/AutomationRegistryLogicC2_3.sol`,
    `${CHAINLINK}/shared/token/ERC677/LinkToken.sol`,
    `${CHAINLINK}/tests/MockV3Aggregator.sol`,
    'src/AutomateStandIn.sol',
    'src/Fickle.sol',
    'src/GasBurner.sol',
    'src/Spender.sol',
    'src/Tally.sol',
  ],
};
// Of these there is creation code in a package, and no source.
const GELATO = ['Automate', 'AutomateProxy', 'AutomateProxyFactory', 'ProxyModule'];

function read(file) {
  return fs.readFileSync(path.join(home, file.startsWith('src/') ? '' : 'node_modules', file), 'utf8');
}

function find(file) {
  try {
    return { contents: read(file) };
  } catch (error) {
    return { error: error.message };
  }
}

function write(name, code, links) {
  fs.writeFileSync(path.join(target, `${name}.json`), JSON.stringify({ code: `0x${code}`, links }));
}

function compile(compiler, files) {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(files.map((file) => [file, { content: read(file) }])),
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.bytecode.linkReferences'] } },
    },
  };
  const output = JSON.parse(require(compiler).compile(JSON.stringify(input), { import: find }));
  const wrong = (output.errors ?? []).filter((each) => each.severity === 'error');
  if (wrong.length) throw new Error(`${compiler}: ${wrong.map((each) => each.formattedMessage).join('\n')}`);
  for (const file of files) {
    const name = path.basename(file, '.sol');
    const { object, linkReferences } = output.contracts[file][name].evm.bytecode;
    const links = Object.values(linkReferences).flatMap((libraries) => Object.entries(libraries));
    const placeholder = (places) => object.substr(places[0].start * 2, places[0].length * 2);
    write(name, object, Object.fromEntries(links.map(([library, places]) => [library, placeholder(places)])));
  }
}

fs.mkdirSync(target, { recursive: true });
for (const [compiler, files] of Object.entries(UNITS)) compile(compiler, files);
for (const name of GELATO) {
  const module = require(`@gelatonetwork/automate-sdk/dist/contracts/types/factories/${name}__factory.js`);
  write(name, module[`${name}__factory`].bytecode.slice(2), {});
}
