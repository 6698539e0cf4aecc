// The little of the Solidity ABI that the example jobs need: selectors and 32-byte words.

// The first four bytes of keccak-256 of each signature.
export const INCREMENT = hex("d09de08a"); // increment()
export const RECORD = hex("2c16cd8a"); // record(uint256)
export const VALUE = hex("3fa4f245"); // value()

/** Bytes of a hexadecimal string without prefix. */
export function hex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A uint256 as 32 bytes, big-endian. */
export function word(number: bigint): Uint8Array {
  return hex(number.toString(16).padStart(64, "0"));
}

/** The uint256 in the first 32 bytes. */
export function number(bytes: Uint8Array): bigint {
  if (bytes.length < 32) throw new Error(`a word has 32 bytes, not ${bytes.length}`);
  let value = 0n;
  for (const byte of bytes.subarray(0, 32)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** Calldata: a selector and its words. */
export function calldata(selector: Uint8Array, ...words: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(4 + 32 * words.length);
  bytes.set(selector);
  words.forEach((each, i) => bytes.set(each, 4 + 32 * i));
  return bytes;
}
