import { FormatError } from "../errors.ts";

/** A JSON value as {@link JsonScanner} gives it: objects are Maps, since a file may have a key named "__proto__". */
export type JsonValue = null | boolean | number | string | JsonValue[] | Map<string, JsonValue>;

/** What an error of {@link JsonScanner} may say beside its message; `at` is the place if that is not the next character. */
export interface Fault {
  at?: number;
  got?: unknown;
  expected?: unknown;
  tensor?: string;
  code?: string;
}

/** Objects and arrays inside one another, at most. */
const MAX_DEPTH = 256;

/**
 * A strict reader of JSON (RFC 8259) from a text, front to back. It is here for what JSON.parse does not do: it refuses duplicate keys,
 * lets a caller see how a number was written, and tells the place of an error in the same words on every engine. It builds nothing but
 * what is asked for, so a hostile text costs no more memory than its own length.
 */
export class JsonScanner {
  readonly text: string;
  readonly file: string;
  /** Index of the next character. */
  at = 0;
  #depth = 0;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  /** @throws FormatError with the place, always; `got` is the text at that place unless it is given */
  fail(what: string, facts: Fault = {}): never {
    const { at = this.at, code = "json", ...more } = facts;
    const got = at < this.text.length ? this.text.slice(at, at + 20) : "the end of the text";
    throw new FormatError({ what: `${what} at character ${at}`, file: this.file, got, ...more }, code);
  }

  /** The next character that is no white space, without taking it; "" at the end. */
  peek(): string {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) break;
      this.at++;
    }
    return this.text.charAt(this.at);
  }

  /** Takes `char` if it is next. */
  accept(char: string): boolean {
    if (this.peek() !== char) return false;
    this.at++;
    return true;
  }

  expect(char: string): void {
    if (!this.accept(char)) this.fail("invalid JSON", { expected: `"${char}"` });
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.peek() !== "") this.fail("invalid JSON: text after the value");
  }

  string(): string {
    this.expect('"');
    const start = this.at;
    let end = this.text.indexOf('"', start);
    let escaped = false;
    // A quote ends the string unless an odd number of backslashes stands before it.
    while (end !== -1) {
      let slashes = 0;
      while (this.text.charCodeAt(end - 1 - slashes) === 0x5c && end - 1 - slashes >= start) slashes++;
      escaped ||= slashes > 0;
      if (slashes % 2 === 0) break;
      end = this.text.indexOf('"', end + 1);
    }
    if (end === -1) this.fail("invalid JSON: a string has no end", { at: start - 1 });
    this.at = end + 1;
    const raw = this.text.slice(start, end);
    if (!escaped && !/[\u0000-\u001f\\]/.test(raw)) return raw;
    let value: string;
    try {
      value = JSON.parse(`"${raw}"`);
    } catch {
      return this.fail("invalid JSON: a string with a bad escape or a control character", { at: start - 1 });
    }
    if (/[\ud800-\udfff]/u.test(value)) this.fail("invalid JSON: half of a surrogate pair", { at: start - 1 });
    return value;
  }

  /** The next number as it is written. */
  number(): string {
    this.peek();
    const pattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.at;
    const token = pattern.exec(this.text)?.[0];
    if (token === undefined) return this.fail("invalid JSON", { expected: "a number" });
    this.at += token.length;
    return token;
  }

  /**
   * Walks an object: `read` is called after each key and its colon, and must take the value.
   * @param duplicate may say more of a key that comes twice; if it does not throw, the error names the key and the place
   */
  object(read: (key: string) => void, duplicate?: (key: string, at: number) => void): void {
    this.#enter("{");
    const seen = new Set<string>();
    if (!this.accept("}")) {
      do {
        this.peek();
        const at = this.at;
        const key = this.string();
        if (seen.has(key)) {
          duplicate?.(key, at);
          this.fail(`duplicate key ${JSON.stringify(key.slice(0, 80))}`, { at, code: "duplicate_key" });
        }
        seen.add(key);
        this.expect(":");
        read(key);
      } while (this.accept(","));
      this.expect("}");
    }
    this.#depth--;
  }

  /** Walks an array: `read` is called before each element and must take it. */
  array(read: (index: number) => void): void {
    this.#enter("[");
    if (!this.accept("]")) {
      let index = 0;
      do read(index++);
      while (this.accept(","));
      this.expect("]");
    }
    this.#depth--;
  }

  /** Any value. */
  value(): JsonValue {
    const c = this.peek();
    if (c === '"') return this.string();
    if (c === "{") {
      const map = new Map<string, JsonValue>();
      this.object((key) => map.set(key, this.value()));
      return map;
    }
    if (c === "[") {
      const list: JsonValue[] = [];
      this.array(() => list.push(this.value()));
      return list;
    }
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (c === word[0] && this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return c === "-" || (c >= "0" && c <= "9")
      ? Number(this.number())
      : this.fail("invalid JSON", { expected: "a value" });
  }

  #enter(char: string): void {
    this.expect(char);
    if (++this.#depth > MAX_DEPTH)
      this.fail("JSON nested too deeply", { at: this.at - 1, expected: `at most ${MAX_DEPTH} levels` });
  }
}

/**
 * A whole text as one JSON value, strictly: duplicate keys are refused.
 * @throws FormatError with file and place
 */
export function parseStrictJson(text: string, file: string): JsonValue {
  const scanner = new JsonScanner(text, file);
  const value = scanner.value();
  scanner.end();
  return value;
}
