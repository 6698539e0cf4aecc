// What it takes to check a certificate: keccak256 and BLS12-381 with signatures in G1.
export { bls12_381 } from "@noble/curves/bls12-381.js";
export { keccak_256 } from "@noble/hashes/sha3.js";
