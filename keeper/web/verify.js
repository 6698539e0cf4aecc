// Checks a certificate from its parts, in this browser: leaf to root, root to EIP-712 digest, digest to the BLS12-381 aggregate of
// those who signed. What the keeper says of it (root, digest, leaf) is compared, and never believed.

const REPORT_TYPE = "Report(uint64 jobId,uint32 jobVersion,bytes32 instanceKey,uint64 anchorNumber,bytes32 anchorHash,bytes32 inputHash,uint8 status,bytes32 outcomeHash)";
const BATCH_TYPE = "Batch(uint32 epoch,bytes32 root)";
const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
/** Signatures in G1, keys in G2, with a proof of possession behind each key. */
const SUITE = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
const REPORTS_MAX = 256;
const MEMBERS_MAX = 256;

const utf8 = new TextEncoder();

function bytes(hex, length) {
  const digits = String(hex).replace(/^0x/, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits) || (length !== undefined && digits.length !== 2 * length)) throw new Error(`${length ?? ""} bytes in hex are expected, and there is “${String(hex).slice(0, 24)}”`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const hex = (of) => `0x${Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** A number as one word of 32 bytes. */
function word(number) {
  const digits = BigInt(number).toString(16);
  if (BigInt(number) < 0n || digits.length > 64) throw new Error("a number that fits no word");
  return bytes(digits.padStart(64, "0"));
}

function join(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
const before = (a, b) => {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return a[at] < b[at];
  return true;
};

/** Leaf of a report: its EIP-712 struct hash, hashed once more. */
function leafOf(report, keccak) {
  const fields = [
    keccak(utf8.encode(REPORT_TYPE)), word(report.job_id), word(report.job_version), bytes(report.instance_key, 32),
    word(report.anchor_number), bytes(report.anchor_hash, 32), bytes(report.input_hash, 32), word(report.status),
    bytes(report.outcome_hash, 32),
  ];
  return keccak(keccak(join(...fields)));
}

/** Siblings from a leaf to the root, and the root: neighbours are paired, the smaller one first, the odd last one goes up as it is. */
function climb(leaves, position, keccak) {
  let layer = leaves;
  let at = position;
  const path = [];
  while (layer.length > 1) {
    if (layer[at ^ 1]) path.push(layer[at ^ 1]);
    const above = [];
    for (let pair = 0; pair < layer.length; pair += 2) {
      const [left, right] = [layer[pair], layer[pair + 1]];
      above.push(right ? keccak(before(left, right) ? join(left, right) : join(right, left)) : left);
    }
    layer = above;
    at >>= 1;
  }
  return { root: layer[0], path };
}

function digestOf(domain, epoch, root, keccak) {
  const separator = keccak(join(
    keccak(utf8.encode(DOMAIN_TYPE)), keccak(utf8.encode(domain.name)), keccak(utf8.encode(domain.version)),
    word(domain.chain_id), join(new Uint8Array(12), bytes(domain.verifying_contract, 20)),
  ));
  const batch = keccak(join(keccak(utf8.encode(BATCH_TYPE)), word(epoch), root));
  return { separator, digest: keccak(join(Uint8Array.of(0x19, 0x01), separator, batch)) };
}

/** What cannot be checked, which is not the same as what is wrong. */
class Unknown extends Error {}

/** Status of a report in the words of a run's outcome. */
const STATUSES = ["call", "skip", "job_error"];

/** The key of a task, `job.version.instance`, as numbers; the instance is one in decimals, or 32 bytes in hex. */
function taskOf(key) {
  const parts = String(key).match(/^(\d{1,20})\.(\d{1,10})\.(\d{1,20}|0x[0-9a-f]{64})$/i);
  if (!parts) throw new Error(`“${String(key).slice(0, 24)}” names no task`);
  return parts.slice(1).map(BigInt);
}

/** Whether it is the report of the task that is looked at, and says what the page shows of it: a certificate of another task is a
 *  genuine one, and says nothing here. */
function compare(report, document, { key, status, signers, epoch }) {
  const [job, version, instance] = taskOf(key);
  const same = BigInt(report.job_id) === job && BigInt(report.job_version) === version && BigInt(hex(bytes(report.instance_key, 32))) === instance;
  if (!same) throw new Error(`it is of job ${report.job_id}, version ${report.job_version}, instance ${report.instance_key}: not of task ${key}`);
  const words = STATUSES[report.status] ?? `status ${report.status}`;
  if (status && status !== words) throw new Error(`it says “${words}”, and the page shows “${status}” as the outcome`);
  if (epoch !== undefined && epoch !== document.epoch) throw new Error(`it is of epoch ${document.epoch}, and the page shows signers of epoch ${epoch}`);
  const rows = (list) => [...list].sort((a, b) => a - b).join(", ");
  if (signers && rows(signers) !== rows(document.signers)) throw new Error(`it names the signers ${rows(document.signers)}, and the page shows ${rows(signers)}`);
  return `job ${job}, version ${version}, ${report.instance_key}: ${words}`;
}

/** Members by row, their stake in all, that of the signers, and the signers' keys. */
function count(document) {
  const { table, signers, epoch, quorum_bps: asked } = document;
  if (!table) throw new Unknown(`this keeper has no operator table of epoch ${epoch} any more: who the signers are cannot be checked here`);
  if (table.epoch !== epoch) throw new Error(`the table is of epoch ${table.epoch}, the certificate of ${epoch}`);
  if (table.members.length > MEMBERS_MAX) throw new Error("the table has more rows than there can be");
  const rows = new Map(table.members.map((member) => [member.index, member]));
  const total = table.members.reduce((sum, member) => sum + BigInt(member.stake), 0n);
  if (new Set(signers).size !== signers.length || signers.length === 0) throw new Error("the signers are none, or named twice");
  let stake = 0n;
  const keys = signers.map((index) => {
    const member = rows.get(index);
    if (!member || BigInt(member.stake) === 0n) throw new Error(`row ${index} has no stake, and cannot sign`);
    stake += BigInt(member.stake);
    return bytes(member.key, 96);
  });
  const share = Math.max(Number(asked), 6667);
  return { total, stake, keys, share, enough: stake * 10000n >= total * BigInt(share) };
}

/** Checks a document of `/api/v1/certificates/…` with the curve and hash of `libraries` ({bls12_381, keccak_256}) against what is `shown`: the
 *  task's key, and the status, signers and epoch where the page shows any. Tells each step to `step(name, ok, detail)`, and gives "good"
 *  where all of them hold, "bad" where one does not, "unknown" where one cannot be checked; that one ends it. */
export function verify(document, shown, { bls12_381: curve, keccak_256: keccak }, step = () => {}) {
  let now = "The batch";
  try {
    if (!Array.isArray(document.reports) || document.reports.length === 0 || document.reports.length > REPORTS_MAX) throw new Error("it has no reports, or too many");
    const mine = document.reports[document.position];
    if (!mine) throw new Error("the task's report is not in it");
    if (!Array.isArray(document.signers)) throw new Error("it names no signers");
    now = "Report of this task";
    step(now, true, compare(mine, document, shown));
    now = "Leaf of the report";
    const leaves = document.reports.map((report) => leafOf(report, keccak));
    const leaf = leaves[document.position];
    if (!equal(leaf, bytes(mine.leaf, 32))) throw new Error(`the report hashes to ${hex(leaf)}, and the keeper says ${mine.leaf}`);
    step(now, true, hex(leaf));
    now = "Merkle root of the batch";
    const { root, path } = climb(leaves, document.position, keccak);
    if (!equal(root, bytes(document.root, 32))) throw new Error(`the reports come to ${hex(root)}, and the keeper says ${document.root}`);
    step(now, true, `${hex(root)}, ${leaves.length === 1 ? "a batch of one" : `${path.length} siblings above the leaf, ${leaves.length} reports`}`);
    now = "What was signed (EIP-712)";
    const { separator, digest } = digestOf(document.domain, document.epoch, root, keccak);
    if (!equal(separator, bytes(document.domain.separator, 32)) || !equal(digest, bytes(document.digest, 32))) throw new Error(`chain, contract, epoch and root come to ${hex(digest)}, and the keeper says ${document.digest}`);
    step(now, true, hex(digest));
    now = "Stake behind it";
    const { total, stake, keys, share, enough } = count(document);
    const part = Number((stake * 10000n) / (total || 1n)) / 100;
    if (!enough) throw new Error(`${part} % of the stake signed, and ${share / 100} % are needed`);
    step(now, true, `${document.signers.length} of ${document.table.members.length} keepers, ${part} % of the stake; ${share / 100} % are needed`);
    now = "Aggregate signature (BLS12-381)";
    if (!paired(document, keys, digest, curve)) throw new Error("the pairing does not hold: these keepers did not sign this");
    step(now, true, "the pairing holds");
    return "good";
  } catch (error) {
    const verdict = error instanceof Unknown ? "unknown" : "bad";
    step(now, verdict === "unknown" ? verdict : false, String(error?.message ?? error));
    return verdict;
  }
}

/** Whether one pairing says that the keys, added up, signed the digest. */
function paired(document, keys, digest, curve) {
  const scheme = curve.shortSignatures;
  const message = scheme.hash(digest, utf8.encode(SUITE));
  return scheme.verify(bytes(document.signature, 48), message, scheme.aggregatePublicKeys(keys));
}

/** Ways to falsify a certificate, for whoever wants to see that the check notices. */
export const FORGERIES = [
  ["its outcome", (copy) => { flip(copy.reports[copy.position], "outcome_hash"); copy.reports[copy.position].leaf = null; }],
  ["a signer", (copy) => {
    const others = (copy.table?.members ?? []).filter((member) => BigInt(member.stake) > 0n && !copy.signers.includes(member.index));
    if (others.length > 0) copy.signers = [...copy.signers.slice(1), others[0].index];
    else copy.signers = copy.signers.slice(1);
  }],
  ["the signature", (copy) => { copy.signature = `0x${"a".padEnd(1, "a")}${copy.signature.slice(3, -2)}${copy.signature.endsWith("00") ? "01" : "00"}`; }],
  ["the chain", (copy) => { copy.domain.chain_id += 1; copy.domain.separator = null; }],
];

function flip(object, name) {
  const last = object[name].slice(-1);
  object[name] = object[name].slice(0, -1) + (last === "0" ? "1" : "0");
}

/** A copy of a certificate in which one thing is another one, and everything that follows from it by hashing alone is set right: only what
 *  nobody can forge is left to give it away. */
export function forge(document, number, { keccak_256: keccak }) {
  const copy = structuredClone(document);
  FORGERIES[number][1](copy);
  const leaves = copy.reports.map((report) => leafOf(report, keccak));
  copy.reports.forEach((report, at) => { report.leaf = hex(leaves[at]); });
  const { root } = climb(leaves, copy.position, keccak);
  const { separator, digest } = digestOf(copy.domain, copy.epoch, root, keccak);
  copy.root = hex(root);
  copy.domain.separator = hex(separator);
  copy.digest = hex(digest);
  return copy;
}
