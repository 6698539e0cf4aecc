// Bytes as hexadecimal text, which is how addresses and hashes are written.

/** Bytes of a hexadecimal string, with or without 0x. */
export function fromHex(text: string): Uint8Array {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw new Error(`${text} is not hexadecimal`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** `0x…`, in lower case. */
export function toHex(bytes: Uint8Array): `0x${string}` {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return `0x${text}`;
}
