// What the page checks certificates with, against the vectors that Rust and Solidity are held to: `node --test verify.test.mjs`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as libraries from "../../keeper/web/vendor/noble.js";
import { FORGERIES, forge, verify } from "../../keeper/web/verify.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/certificate.json", import.meta.url)));
const { G1, G2, fields } = libraries.bls12_381;

/** Coordinates as the chain has them, 48 bytes each. */
const numbers = (hex) => hex.slice(2).match(/.{96}/g).map((digits) => BigInt(`0x${digits}`));

function signature(hex) {
  const [x, y] = numbers(hex);
  return `0x${G1.Point.fromAffine({ x, y }).toHex(true)}`;
}

function key(hex) {
  const [a, b, c, d] = numbers(hex);
  const pair = (low, high) => fields.Fp2.fromBigTuple([low, high]);
  return `0x${G2.Point.fromAffine({ x: pair(a, b), y: pair(c, d) }).toHex(true)}`;
}

/** A vector as the keeper shows certificates; those who signed have a quorum of stake. */
function shown(batch, position = 0) {
  return {
    position,
    domain: { name: "KeeperMesh", version: "1", chain_id: vectors.chainId, verifying_contract: vectors.taskManager, separator: vectors.domainSeparator },
    epoch: batch.epoch,
    root: batch.root,
    digest: batch.digest,
    reports: batch.reports.map((report) => ({
      job_id: String(report.jobId), job_version: report.jobVersion, instance_key: report.instanceKey, anchor_number: String(report.anchorNumber),
      anchor_hash: report.anchorHash, input_hash: report.inputHash, status: report.status, outcome_hash: report.outcomeHash, leaf: report.leaf,
    })),
    signers: batch.signers,
    signature: signature(batch.signature),
    quorum_bps: 6667,
    table: { epoch: batch.epoch, members: vectors.keys.map((each, index) => ({ index, operator: each.operator, stake: batch.signers.includes(index) ? "3" : "1", key: key(each.blsKey) })) },
  };
}

/** The key of a report's task, as the page has it in its address. */
const keyOf = ({ jobId, jobVersion, instanceKey }) => `${jobId}.${jobVersion}.${instanceKey}`;

/** The steps that hold, and the one that does not. */
function steps(document, of) {
  const seen = [];
  const verdict = verify(document, of, libraries, (name, ok, detail) => seen.push({ name, ok, detail }));
  return { verdict, seen };
}

test("every certificate of the vectors verifies, whichever of its reports is looked at", () => {
  assert.ok(vectors.batches.length > 0);
  for (const batch of vectors.batches) {
    for (let position = 0; position < batch.reports.length; position += 1) {
      const report = batch.reports[position];
      const status = ["call", "skip", "job_error"][report.status];
      const { verdict, seen } = steps(shown(batch, position), { key: keyOf(report), status, signers: [...batch.signers].reverse(), epoch: batch.epoch });
      assert.equal(verdict, "good", JSON.stringify(seen));
      assert.equal(seen.length, 6);
    }
  }
});

test("nothing that is forged passes, though every hash of it is set right", () => {
  for (const batch of vectors.batches) {
    FORGERIES.forEach(([name], number) => {
      const { verdict, seen } = steps(forge(shown(batch), number, libraries), { key: keyOf(batch.reports[0]) });
      assert.equal(verdict, "bad", name);
      assert.ok(seen.at(-1).name.match(/Aggregate|Stake/), `${name} is given away by ${seen.at(-1).name}: ${seen.at(-1).detail}`);
    });
  }
});

test("what the keeper says about a certificate is not believed", () => {
  const batch = vectors.batches[0];
  const lies = [
    (document) => { document.root = document.root.replace(/.$/, (last) => (last === "0" ? "1" : "0")); },
    (document) => { document.digest = `0x${"00".repeat(32)}`; },
    (document) => { document.reports[0].leaf = `0x${"00".repeat(32)}`; },
    (document) => { document.reports[0].status = 1; },
    (document) => { document.signers = [0]; },
    (document) => { document.signers = [0, 0, 1, 2, 3]; },
    (document) => { document.signers = [0, 1, 2, 9]; },
    (document) => { document.table.members[0].stake = "0"; },
    (document) => { document.table.epoch += 1; },
    (document) => { document.signers = null; },
    (document) => { document.quorum_bps = 0; document.signers = document.signers.slice(0, 3); },
    (document) => { document.reports = []; },
    (document) => { document.reports = Array(257).fill(document.reports[0]); },
    (document) => { document.position = 7; },
    (document) => { document.signature = "0x00"; },
    (document) => { document.signature = `0xc0${"00".repeat(47)}`; },
    (document) => { document.reports[0].instance_key = "<img src=x>"; },
    (document) => { document.reports[0].job_id = "-1"; },
  ];
  for (const lie of lies) {
    const document = structuredClone(shown(batch));
    lie(document);
    assert.equal(steps(document, { key: keyOf(batch.reports[0]) }).verdict, "bad", String(lie));
  }
});

test("a genuine certificate is none of another task, nor of what the page shows otherwise", () => {
  const batch = vectors.batches.find((each) => each.reports.length > 1);
  const [report, other] = batch.reports;
  const key = keyOf(report);
  const shownElsewhere = [
    [{ key: keyOf(other) }, /not of task/],
    [{ key: `${BigInt(report.jobId) + 1n}.${report.jobVersion}.${report.instanceKey}` }, /not of task/],
    [{ key: `${report.jobId}.${report.jobVersion + 1}.${report.instanceKey}` }, /not of task/],
    [{ key: "7.1" }, /names no task/],
    [{ key: undefined }, /names no task/],
    [{ key, status: ["skip", "job_error", "call"][report.status] }, /as the outcome/],
    [{ key, signers: batch.signers.slice(1) }, /names the signers/],
    [{ key, epoch: batch.epoch + 1 }, /of epoch/],
  ];
  for (const [of, why] of shownElsewhere) {
    const { verdict, seen } = steps(shown(batch), of);
    assert.equal(verdict, "bad", String(why));
    assert.equal(seen.length, 1);
    assert.equal(seen[0].name, "Report of this task");
    assert.match(seen[0].detail, why);
  }
  // A run's number and its 32 bytes are the same instance.
  const numbered = structuredClone(shown(batch));
  numbered.reports[0].instance_key = `0x${(42).toString(16).padStart(64, "0")}`;
  assert.equal(steps(numbered, { key: `${report.jobId}.${report.jobVersion}.42` }).seen[0].ok, true);
});

test("what cannot be checked is not called wrong, and not called right", () => {
  const document = shown(vectors.batches[0]);
  document.table = null;
  const { verdict, seen } = steps(document, { key: keyOf(vectors.batches[0].reports[0]) });
  assert.equal(verdict, "unknown");
  assert.deepEqual([seen.at(-1).name, seen.at(-1).ok], ["Stake behind it", "unknown"]);
  // A lie is one all the same.
  document.reports[0].leaf = `0x${"00".repeat(32)}`;
  assert.equal(steps(document, { key: keyOf(vectors.batches[0].reports[0]) }).verdict, "bad");
});
