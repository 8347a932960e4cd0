import { CATEGORIES, LETTERS, RUNS } from "./unicode-table.ts";

/** A set of code points, as sorted ranges that do not touch each other: [first, last, first, last, …]. */
export type Ranges = readonly number[];

const LAST = 0x10ffff;

/** Sorts and joins ranges that were gathered in any order. */
export function toRanges(pairs: readonly number[]): Ranges {
  const order: [number, number][] = [];
  for (let i = 0; i < pairs.length; i += 2) order.push([pairs[i], pairs[i + 1]]);
  order.sort((a, b) => a[0] - b[0]);
  const out: number[] = [];
  for (const [first, last] of order) join(out, first, last);
  return out;
}

/** Appends a range that begins no earlier than the last one, or lengthens that. */
function join(out: number[], first: number, last: number): void {
  const end = out.length - 1;
  if (end > 0 && first <= out[end] + 1) out[end] = Math.max(out[end], last);
  else out.push(first, last);
}

export function union(...sets: readonly Ranges[]): Ranges {
  return sets.reduce(unionOfTwo, []);
}

function unionOfTwo(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0) return b;
  const out: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (j >= b.length || a[i] <= b[j]) join(out, a[i++], a[i++]);
    else join(out, b[j++], b[j++]);
  }
  return out;
}

export function complement(set: Ranges): Ranges {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i] > next) out.push(next, set[i] - 1);
    next = set[i + 1] + 1;
  }
  if (next <= LAST) out.push(next, LAST);
  return out;
}

export function intersection(a: Ranges, b: Ranges): Ranges {
  const out: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [first, last] = [Math.max(a[i], b[j]), Math.min(a[i + 1], b[j + 1])];
    if (first <= last) out.push(first, last);
    if (a[i + 1] < b[j + 1]) i += 2;
    else j += 2;
  }
  return out;
}

let tables: Map<string, Ranges> | undefined;

/** All code points of a general category ("Lu") or of a group of them ("L"), or undefined if there is none of that name. */
export function category(name: string): Ranges | undefined {
  tables ??= readTable();
  return tables.get(name);
}

function readTable(): Map<string, Ranges> {
  const gathered = new Map<string, number[]>();
  let first = 0;
  for (const [, letter, length] of RUNS.matchAll(/([A-Z!#%&])([0-9a-z]*)/g)) {
    const next = first + (length === "" ? 1 : Number.parseInt(length, 36));
    const name = CATEGORIES[LETTERS.indexOf(letter)];
    for (const key of [name, name[0]]) {
      const list = gathered.get(key) ?? [];
      join(list, first, next - 1);
      gathered.set(key, list);
    }
    first = next;
  }
  return gathered;
}

/** The property White_Space of Unicode: `\s` of Rust and Oniguruma. JavaScript's own has U+FEFF too and lacks U+0085. */
export const WHITE_SPACE: Ranges = [
  0x09, 0x0d, 0x20, 0x20, 0x85, 0x85, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f,
  0x205f, 0x205f, 0x3000, 0x3000,
];

/** Circled letters and their like: symbols that have the property Alphabetic. */
const LETTER_SYMBOLS: Ranges = [0x24b6, 0x24e9, 0x1f130, 0x1f149, 0x1f150, 0x1f169, 0x1f170, 0x1f189];

/** `\w` of Oniguruma: Alphabetic, marks, decimal digits and connectors. (Rust's regex adds U+200C and U+200D.) */
export function wordCharacters(): Ranges {
  const parts = ["L", "Nl", "M", "Nd", "Pc"].map((name) => category(name) as Ranges);
  return union(LETTER_SYMBOLS, ...parts);
}

/** White_Space of one UTF-16 code unit; none lies beyond U+FFFF. */
export function isSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  if (unit <= 0x200a) return unit >= 0x2000 || unit === 0x1680;
  return unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000;
}

/** True for a text of at least one character that is all white space. */
export function isBlank(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isSpace(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/**
 * A set that answers quickly: a bit per code point up to U+FFFF, a search beyond. Most texts stay below U+0100, so that the other bits are only
 * laid out when they are asked for.
 */
export class CharSet {
  readonly ranges: Ranges;
  readonly #latin: Uint8Array;
  #bits: Uint8Array | undefined;
  #astral: Ranges | undefined;

  constructor(ranges: Ranges) {
    this.ranges = ranges;
    this.#latin = bitsUpTo(0xff, ranges);
  }

  has(c: number): boolean {
    if (c <= 0xff) return ((this.#latin[c >> 3] >> (c & 7)) & 1) === 1;
    if (c <= 0xffff) {
      this.#bits ??= bitsUpTo(0xffff, this.ranges);
      return ((this.#bits[c >> 3] >> (c & 7)) & 1) === 1;
    }
    this.#astral ??= intersection(this.ranges, [0x10000, LAST]);
    const list = this.#astral;
    let low = 0;
    let high = list.length >> 1;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (c > list[2 * mid + 1]) low = mid + 1;
      else high = mid;
    }
    return low < list.length >> 1 && c >= list[2 * low];
  }
}

/** A bit for each code point up to `end`, which is one less than a multiple of 8. */
function bitsUpTo(end: number, ranges: Ranges): Uint8Array {
  const bits = new Uint8Array((end + 1) / 8);
  for (let i = 0; i < ranges.length && ranges[i] <= end; i += 2) {
    const last = Math.min(ranges[i + 1], end);
    let c = ranges[i];
    for (; c <= last && (c & 7) !== 0; c++) bits[c >> 3] |= 1 << (c & 7);
    const whole = c + ((last + 1 - c) & ~7);
    if (whole > c) bits.fill(0xff, c >> 3, whole >> 3);
    for (c = Math.max(c, whole); c <= last; c++) bits[c >> 3] |= 1 << (c & 7);
  }
  return bits;
}
