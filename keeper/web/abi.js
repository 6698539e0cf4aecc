// Calldata in words, by the signature of the function that it calls. Whatever does not fit is an error, and never more than that: both
// the signature and the bytes are a stranger's.

/** Values that are read of one call, and how deep tuples and arrays may nest. */
const VALUES_MAX = 256;
const DEPTH_MAX = 8;
const PLAIN = /^(address|bool|string|function|u?int(\d{1,3})?|bytes(\d{1,2})?)$/;

/** Parts between commas that are in no brackets of their own. */
function split(text) {
  const parts = [];
  let depth = 0;
  let part = "";
  for (const letter of text) {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (depth < 0) break;
    if (letter === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += letter;
  }
  if (depth !== 0) throw new Error("its brackets do not match");
  return part.trim() === "" && parts.length === 0 ? [] : [...parts, part];
}

function typeOf(text, depth) {
  if (depth > DEPTH_MAX) throw new Error("it nests too deep");
  const words = text.trim();
  const tuple = words.match(/^(?:tuple\s*)?\((.*)\)((?:\[\d{0,4}\])*)(?:\s+([^()[\]]*))?$/s);
  const plain = words.match(/^([a-z]+\d*)((?:\[\d{0,4}\])*)(?:\s+([^()[\]]*))?$/);
  const found = tuple ?? plain;
  if (!found || (!tuple && !PLAIN.test(found[1]))) throw new Error(`“${words.slice(0, 40)}” is no type`);
  const bare = tuple ? { parts: split(found[1]).map((part) => typeOf(part, depth + 1)) } : { plain: found[1].replace(/^(u?int)$/, "$1256") };
  const sizes = found[2].match(/\[\d*\]/g) ?? [];
  if (sizes.length > DEPTH_MAX) throw new Error("it nests too deep");
  const of = sizes.reduce((item, size) => ({ item, length: size === "[]" ? null : Number(size.slice(1, -1)) }), bare);
  return { ...of, name: (found[3] ?? "").trim().split(/\s+/).at(-1) };
}

const canonical = (type) => (type.plain ? type.plain : type.parts ? `(${type.parts.map(canonical).join(",")})` : `${canonical(type.item)}[${type.length ?? ""}]`);

/** A signature such as `transfer(address to, uint256 amount)`: its parts, and how its selector is made. */
export function signature(text) {
  const bare = String(text).slice(0, 1000).replace(/\)\s*(?:external|public|payable|nonpayable|view|pure|returns)\b.*$/s, ")");
  const found = bare.trim().match(/^(?:function\s+)?([A-Za-z_$][\w$]*)\s*\((.*)\)[^()]*$/s);
  if (!found) throw new Error("a signature is a name with types in brackets behind it, as in transfer(address to, uint256 amount)");
  const inputs = split(found[2]).map((part) => typeOf(part, 0));
  return { name: found[1], inputs, text: `${found[1]}(${inputs.map(canonical).join(",")})` };
}

const isLong = (type) => (type.plain ? type.plain === "string" || type.plain === "bytes" : type.parts ? type.parts.some(isLong) : type.length === null || isLong(type.item));
/** Bytes that a value takes where it stands. */
const room = (type) => (isLong(type) || type.plain ? 32 : type.parts ? type.parts.reduce((sum, part) => sum + room(part), 0) : type.length * room(type.item));

/** The values of a call, `data` without its selector: by name, as text or as lists of the same. */
export function decode({ inputs }, data) {
  let left = VALUES_MAX;
  const bytes = (at, length) => {
    if (!Number.isSafeInteger(at) || at < 0 || length > data.length || at + length > data.length) throw new Error("the bytes end before it does: the outcome is cut, or of another function");
    return data.subarray(at, at + length);
  };
  const hex = (of) => Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const number = (at) => BigInt(`0x${hex(bytes(at, 32))}`);
  const small = (at) => {
    const found = number(at);
    if (found > BigInt(data.length) * 32n) throw new Error("it points outside of itself");
    return Number(found);
  };
  const list = (types, start) => {
    let at = start;
    return types.map((type) => {
      const value = read(type, isLong(type) ? start + small(at) : at);
      at += room(type);
      return { name: type.name ?? "", value };
    });
  };
  function read(type, at) {
    left -= 1;
    if (left < 0) throw new Error(`it has more than ${VALUES_MAX} values`);
    if (type.parts) return list(type.parts, at);
    if (type.item) {
      const length = type.length ?? small(at);
      if (length > VALUES_MAX) throw new Error(`it has more than ${VALUES_MAX} values`);
      return list(Array.from({ length }, (_, of) => ({ ...type.item, name: String(of) })), type.length === null ? at + 32 : at);
    }
    return plain(type.plain, at);
  }
  function plain(type, at) {
    if (type === "string" || type === "bytes") {
      const content = bytes(at + 32, small(at));
      return type === "bytes" ? `0x${hex(content)}` : new TextDecoder().decode(content);
    }
    if (type === "address") return `0x${hex(bytes(at + 12, 20))}`;
    if (type === "bool") return number(at) === 0n ? "false" : "true";
    if (type.startsWith("uint")) return number(at).toString();
    if (type.startsWith("int")) return BigInt.asIntN(256, number(at)).toString();
    return `0x${hex(bytes(at, type === "function" ? 24 : Math.min(32, Number(type.slice(5)))))}`;
  }
  return list(inputs, 0);
}
