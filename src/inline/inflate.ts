import { FormatError } from "../errors.ts";

/**
 * Inflate: what DecompressionStream("deflate-raw") does, but at once, since kernels are made by a synchronous call. For the small things
 * that the library carries in its own code; simple before fast.
 * Source: RFC 1951 (DEFLATE), whose section numbers stand below. No gzip or zlib header.
 */

/** Bits are taken from the low end of each byte (3.1.1). */
interface Bits {
  readonly bytes: Uint8Array;
  /** The next byte to take. */
  at: number;
  /** Bits taken from `bytes` but not yet used, the next one lowest; `count` of them. */
  held: number;
  count: number;
}

/**
 * A prefix code: the next `width` bits of the input, as a number, give symbol · 16 + length in `entries`, whatever follows the code
 * within those bits. An entry of 0 belongs to no code.
 */
interface Code {
  readonly width: number;
  readonly entries: Uint16Array;
}

const fault = (what: string): FormatError => new FormatError({ what: `inflate: ${what}` }, "inflate");

const tooMany = (): FormatError => fault("more than the bytes that were expected");

/** The next `n` ≤ 16 bits as a number, left where they are; beyond the end of the input there are zeros. */
function peek(bits: Bits, n: number): number {
  for (; bits.count < n; bits.count += 8) bits.held |= (bits.bytes[bits.at++] ?? 0) << bits.count;
  return bits.held & ((1 << n) - 1);
}

function drop(bits: Bits, n: number): void {
  bits.held >>>= n;
  bits.count -= n;
  // A peek may look beyond the end, using may not.
  if (bits.at - (bits.count >> 3) > bits.bytes.length) throw fault("the input ends before its last block does");
}

function take(bits: Bits, n: number): number {
  const value = peek(bits, n);
  drop(bits, n);
  return value;
}

function symbol(bits: Bits, { width, entries }: Code): number {
  const entry = entries[peek(bits, width)];
  if (entry === 0) throw fault("bits that are no code");
  drop(bits, entry & 15);
  return entry >> 4;
}

/** The code whose symbol s has a length of `lengths[s]` bits (0: is not used): consecutive numbers in order of length, then of symbol (3.2.2). */
function makeCode(lengths: ArrayLike<number>): Code {
  let width = 0;
  for (let s = 0; s < lengths.length; s++) width = Math.max(width, lengths[s]);
  const entries = new Uint16Array(1 << width);
  let next = 0;
  for (let length = 1; length <= width; length++) {
    next <<= 1;
    for (let s = 0; s < lengths.length; s++) {
      if (lengths[s] !== length) continue;
      if (next === 1 << length) throw fault("more codes than their lengths have room for");
      // Codes stand in the input with their highest bit first, all else with the lowest first.
      const step = 1 << length;
      for (let i = reversed(next, length); i < entries.length; i += step) entries[i] = (s << 4) | length;
      next++;
    }
  }
  // A single distance code has one bit of which one value is unused (3.2.7); no code at all stands in blocks without copies.
  if (width > 1 && next !== 1 << width) throw fault("fewer codes than their lengths have room for");
  return { width, entries };
}

function reversed(code: number, length: number): number {
  let out = 0;
  for (let i = 0; i < length; i++) out |= ((code >> i) & 1) << (length - 1 - i);
  return out;
}

/** Copies: symbol 257 + i has length LENGTH[i] and LENGTH_BITS[i] further bits to add; the like of distances (3.2.5). */
const LENGTH_BITS = Array.from({ length: 29 }, (_, i) => (i < 4 || i === 28 ? 0 : (i >> 2) - 1));
const LENGTH = Array.from({ length: 29 }, (_, i) =>
  i < 4 ? 3 + i : i === 28 ? 258 : 3 + ((4 + (i & 3)) << LENGTH_BITS[i]),
);
const DISTANCE_BITS = Array.from({ length: 30 }, (_, i) => (i < 2 ? 0 : (i >> 1) - 1));
const DISTANCE = Array.from({ length: 30 }, (_, i) => (i < 2 ? 1 + i : 1 + ((2 + (i & 1)) << DISTANCE_BITS[i])));

/** The order in which the lengths of the code of code lengths stand (3.2.7). */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

interface Codes {
  literals: Code;
  distances: Code;
}

/** The codes that need not be told (3.2.6). */
function fixedCodes(): Codes {
  const literals = Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8));
  return { literals: makeCode(literals), distances: makeCode(new Uint8Array(32).fill(5)) };
}

/** The codes that stand before their block, as lengths that are themselves coded (3.2.7). */
function dynamicCodes(bits: Bits): Codes {
  const literals = take(bits, 5) + 257;
  const distances = take(bits, 5) + 1;
  const count = take(bits, 4) + 4;
  if (literals > 286 || distances > 30) throw fault(`${literals} literals and ${distances} distances in a code`);
  const first = new Uint8Array(19);
  for (let i = 0; i < count; i++) first[ORDER[i]] = take(bits, 3);
  const code = makeCode(first);
  const lengths = new Uint8Array(literals + distances);
  for (let i = 0; i < lengths.length; ) {
    const s = symbol(bits, code);
    if (s < 16) {
      lengths[i++] = s;
      continue;
    }
    // 16: the length before again; 17 and 18: zeros.
    if (s === 16 && i === 0) throw fault("the first length repeats one before it");
    const value = s === 16 ? lengths[i - 1] : 0;
    const times = s === 16 ? 3 + take(bits, 2) : s === 17 ? 3 + take(bits, 3) : 11 + take(bits, 7);
    if (i + times > lengths.length) throw fault("more lengths than the code has symbols");
    lengths.fill(value, i, i + times);
    i += times;
  }
  if (lengths[256] === 0) throw fault("a block without an end");
  return { literals: makeCode(lengths.subarray(0, literals)), distances: makeCode(lengths.subarray(literals)) };
}

/** A block of bytes as they are (3.2.4), written at `at`. Returns where it ends. */
function storedBlock(bits: Bits, out: Uint8Array, at: number): number {
  drop(bits, bits.count & 7);
  const length = take(bits, 16);
  if (take(bits, 16) !== (length ^ 0xffff)) throw fault("a stored block whose two lengths differ");
  // Whole bytes may still be held.
  const from = bits.at - (bits.count >> 3);
  if (from + length > bits.bytes.length) throw fault("the input ends before its last block does");
  if (at + length > out.length) throw tooMany();
  out.set(bits.bytes.subarray(from, from + length), at);
  bits.at = from + length;
  bits.held = 0;
  bits.count = 0;
  return at + length;
}

/** A block of literals and copies of what was written before (3.2.3), written at `at`. Returns where it ends. */
function codedBlock(bits: Bits, { literals, distances }: Codes, out: Uint8Array, at: number): number {
  for (;;) {
    const s = symbol(bits, literals);
    if (s === 256) return at;
    if (s < 256) {
      if (at === out.length) throw tooMany();
      out[at++] = s;
      continue;
    }
    if (s > 285) throw fault("a length that is none");
    const length = LENGTH[s - 257] + take(bits, LENGTH_BITS[s - 257]);
    const d = symbol(bits, distances);
    if (d > 29) throw fault("a distance that is none");
    const distance = DISTANCE[d] + take(bits, DISTANCE_BITS[d]);
    if (distance > at) throw fault("a copy from before the beginning");
    if (at + length > out.length) throw tooMany();
    // Byte by byte: a copy may reach into itself, and then repeats.
    for (const end = at + length; at < end; at++) out[at] = out[at - distance];
  }
}

/**
 * The `size` bytes that `bytes`, one raw DEFLATE stream, stand for.
 * @throws FormatError (code "inflate") if the stream is malformed, or gives more or fewer bytes, or is followed by anything
 */
export function inflate(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const bits: Bits = { bytes, at: 0, held: 0, count: 0 };
  const out = new Uint8Array(size);
  let at = 0;
  for (let last = 0; last === 0; ) {
    last = take(bits, 1);
    const type = take(bits, 2);
    if (type === 3) throw fault("a block of unknown type");
    if (type === 0) at = storedBlock(bits, out, at);
    else at = codedBlock(bits, type === 1 ? fixedCodes() : dynamicCodes(bits), out, at);
  }
  if (at !== out.length) throw fault(`${at} bytes, expected ${size}`);
  if (bits.at - (bits.count >> 3) !== bytes.length) throw fault("bytes behind the last block");
  return out;
}
