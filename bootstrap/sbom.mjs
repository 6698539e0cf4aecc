#!/usr/bin/env node
// Prints what the released programs are made of, as CycloneDX 1.5 JSON: sbom.mjs TARGET
//
// From `cargo metadata` for that target, with Cargo.lock as it is: the packages that keeper and bootnode are linked of, or that run
// while they are built, with version, licence and the hash that the registry has of them; and who needs whom. No random number and
// no moment is in it but SOURCE_DATE_EPOCH, so the same sources give the same document.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

const [target] = process.argv.slice(2);
if (!target) {
  console.error('usage: sbom.mjs TARGET, such as x86_64-unknown-linux-gnu');
  process.exit(2);
}
const shipped = ['keeper', 'bootstrap'];
const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--locked', '--format-version', '1', '--filter-platform', target], {
    encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const packages = new Map(metadata.packages.map((each) => [each.id, each]));
const nodes = new Map(metadata.resolve.nodes.map((each) => [each.id, each]));

/** The hashes that the registry has of each package, by name and version. */
const checksums = new Map(
  readFileSync('Cargo.lock', 'utf8').split('[[package]]').slice(1).map((text) => {
    const value = (key) => text.match(new RegExp(`^${key} = "(.*)"$`, 'm'))?.[1];
    return [`${value('name')} ${value('version')}`, value('checksum')];
  }),
);

/** What a package needs in a program that is shipped: not what only its tests do. */
const needs = (id) => nodes.get(id).deps.filter((dep) => dep.dep_kinds.some(({kind}) => kind !== 'dev')).map((dep) => dep.pkg);

const roots = metadata.packages.filter((each) => shipped.includes(each.name) && each.source === null).map((each) => each.id);
const found = new Set();
for (const open = [...roots]; open.length > 0;) {
  const id = open.pop();
  if (!found.has(id)) {
    found.add(id);
    open.push(...needs(id));
  }
}

const reference = ({name, version}) => `pkg:cargo/${name}@${version}`;
const byReference = (a, b) => (reference(a) < reference(b) ? -1 : 1);
const members = [...found].map((id) => packages.get(id)).sort(byReference);

/** Cargo still allows `MIT/Apache-2.0`, which is no SPDX expression. */
const licence = (text) => text.replace(/\s*\/\s*/g, ' OR ');

function component(each) {
  const checksum = checksums.get(`${each.name} ${each.version}`);
  return {
    type: 'library', 'bom-ref': reference(each), name: each.name, version: each.version, purl: reference(each),
    ...(each.license && {licenses: [{expression: licence(each.license)}]}),
    ...(checksum && {hashes: [{alg: 'SHA-256', content: checksum}]}),
  };
}

const product = packages.get(roots[0]);
const seconds = Number(process.env.SOURCE_DATE_EPOCH);
const document = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: {
    ...(seconds && {timestamp: new Date(seconds * 1000).toISOString()}),
    component: {type: 'application', 'bom-ref': 'keeper-mesh', name: 'keeper-mesh', version: product.version},
    properties: [{name: 'target', value: target}],
  },
  components: members.map(component),
  dependencies: [
    {ref: 'keeper-mesh', dependsOn: roots.map((id) => reference(packages.get(id))).sort()},
    ...members.map((each) => ({
      ref: reference(each),
      dependsOn: [...new Set(needs(each.id).map((id) => reference(packages.get(id))))].sort(),
    })),
  ],
};
console.log(JSON.stringify(document, null, 1));
