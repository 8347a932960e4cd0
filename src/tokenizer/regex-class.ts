import {
  category,
  complement,
  intersection,
  type Ranges,
  toRanges,
  union,
  WHITE_SPACE,
  wordCharacters,
} from "./char-set.ts";
import type { Cursor } from "./regex-cursor.ts";

/** Sets of characters in Oniguruma's regular expressions: `[a-z\s&&[^x]]`, `\s`, `\p{Lu}`, `\x{1F600}`. */

const CONTROL: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7, e: 27 };

/** What follows a backslash, as a set. A single character comes as one range of length one. */
export function parseEscape(cursor: Cursor): Ranges {
  const char = cursor.next();
  switch (char) {
    case "s":
      return WHITE_SPACE;
    case "S":
      return complement(WHITE_SPACE);
    case "d":
      return category("Nd") as Ranges;
    case "D":
      return complement(category("Nd") as Ranges);
    case "w":
      return wordCharacters();
    case "W":
      return complement(wordCharacters());
    case "p":
    case "P":
      return property(cursor, char === "P");
    case "x":
    case "u":
      return cursor.literal(codePoint(cursor, char));
  }
  if (char in CONTROL) return cursor.literal(CONTROL[char]);
  if (/[0-9A-Za-z]/.test(char)) cursor.refuse(`the escape "\\${char}"`);
  return cursor.literal(char.codePointAt(0) as number);
}

/** `\x41`, `\x{1F600}` and `\u00e9`; the letter is taken already. */
function codePoint(cursor: Cursor, letter: string): number {
  const form = letter === "u" ? /[0-9a-fA-F]{4}/y : /[0-9a-fA-F]{1,2}|\{[0-9a-fA-F]{1,8}\}/y;
  const digits = cursor.match(form)?.[0] ?? cursor.refuse(`the escape "\\${letter}"`);
  const code = Number.parseInt(digits.replaceAll(/[{}]/g, ""), 16);
  return code <= 0x10ffff ? code : cursor.refuse(`the code point ${digits}`);
}

/** `\p{Lu}`, `\p{^Lu}`, `\P{L}`: general categories and their groups, by their short names. */
function property(cursor: Cursor, negate: boolean): Ranges {
  const [text, not, name] = cursor.match(/\{(\^?)([A-Za-z]{1,2})\}/y) ?? cursor.refuse(nameOfProperty(cursor));
  if (cursor.ignoreCase) cursor.refuse(`\\p${text} with case ignored`);
  const set = category(name[0].toUpperCase() + name.slice(1).toLowerCase()) ?? cursor.refuse(`the property "${name}"`);
  return negate !== (not === "^") ? complement(set) : set;
}

function nameOfProperty(cursor: Cursor): string {
  return `the property ${cursor.pattern.slice(cursor.at, cursor.at + 30).split("}")[0]}}`;
}

/** What follows a `[`, to its `]`. */
export function parseClass(cursor: Cursor): Ranges {
  const negate = cursor.accept("^");
  let result: Ranges | undefined;
  let gathered: number[] = [];
  for (let first = true; ; first = false) {
    if (cursor.accept("]") && !(first && gathered.push(0x5d, 0x5d))) break;
    if (cursor.peek() === "") cursor.refuse("a class without an end");
    if (cursor.accept("&&")) {
      result = result ? intersection(result, toRanges(gathered)) : toRanges(gathered);
      gathered = [];
      continue;
    }
    gathered.push(...classItem(cursor));
  }
  const last = toRanges(gathered);
  const set = result ? intersection(result, last) : last;
  return negate ? complement(set) : set;
}

function classItem(cursor: Cursor): Ranges {
  if (cursor.accept("[:")) cursor.refuse('the class "[:"');
  if (cursor.accept("[")) return cursor.nested(() => parseClass(cursor));
  const low = single(cursor);
  // A hyphen makes a range unless it is the last character.
  if (low.length !== 2 || low[0] !== low[1] || !/^-[^\]]/.test(cursor.pattern.slice(cursor.at, cursor.at + 2))) {
    return low[0] === low[1] && low.length === 2 ? cursor.literal(low[0]) : low;
  }
  cursor.at++;
  const high = single(cursor);
  if (high.length !== 2 || high[0] !== high[1] || high[0] < low[0]) cursor.refuse("a range without an order");
  return foldRange(cursor, low[0], high[0]);
}

/** One character or escape, without regard to case. */
function single(cursor: Cursor): Ranges {
  const ignoreCase = cursor.ignoreCase;
  const code = cursor.peek().codePointAt(0) as number;
  cursor.next();
  if (code !== 0x5c) return [code, code];
  const isProperty = /^[pP]/.test(cursor.peek());
  cursor.ignoreCase &&= isProperty;
  const set = parseEscape(cursor);
  cursor.ignoreCase = ignoreCase;
  return set;
}

function foldRange(cursor: Cursor, first: number, last: number): Ranges {
  if (!cursor.ignoreCase) return [first, last];
  if (last > 0x7f) cursor.refuse("a range beyond ASCII with case ignored");
  const codes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return union(...codes.map((c) => cursor.literal(c)));
}
