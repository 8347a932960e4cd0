import { fault } from "../fault.ts";
import type { Gguf } from "../open.ts";
import type { GgufValue } from "../types.ts";

/** Checked access to the metadata of a file: each value is of its kind, or the error names its key. */
export class Fields {
  readonly file: string;
  readonly #metadata: ReadonlyMap<string, GgufValue>;

  constructor({ metadata, files }: Pick<Gguf, "metadata" | "files">) {
    this.file = files[0];
    this.#metadata = metadata;
  }

  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  /** @throws FormatError (gguf_missing) if there is no such key, (gguf_value) if its value is another kind */
  number(key: string): number {
    return this.maybeNumber(key) ?? this.#missing(key);
  }

  maybeNumber(key: string): number | undefined {
    return this.#get(key, (v): v is number => typeof v === "number", "a number");
  }

  text(key: string): string {
    return this.maybeText(key) ?? this.#missing(key);
  }

  maybeText(key: string): string | undefined {
    return this.#get(key, (v): v is string => typeof v === "string", "a text");
  }

  maybeBoolean(key: string): boolean | undefined {
    return this.#get(key, (v): v is boolean => typeof v === "boolean", "true or false");
  }

  texts(key: string): readonly string[] {
    return this.maybeTexts(key) ?? this.#missing(key);
  }

  maybeTexts(key: string): readonly string[] | undefined {
    const isTexts = (v: GgufValue): v is readonly string[] =>
      Array.isArray(v) && (v.length === 0 || typeof v[0] === "string");
    return this.#get(key, isTexts, "a list of texts");
  }

  /** A list of numbers of at most 32 bits, or of floats. */
  maybeNumbers(key: string): ArrayLike<number> | undefined {
    const isNumbers = (v: GgufValue): v is Int32Array => ArrayBuffer.isView(v) && !(v instanceof DataView);
    return this.#get(key, isNumbers, "a list of numbers");
  }

  /** @throws FormatError (gguf_value), always */
  wrong(key: string, got: unknown, expected: string): never {
    throw fault("value", { what: `metadata ${key}`, file: this.file, got, expected });
  }

  #get<T extends GgufValue>(key: string, is: (v: GgufValue) => v is T, expected: string): T | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined || is(value)) return value;
    return this.wrong(key, value, expected);
  }

  #missing(key: string): never {
    const expected = "it, since the model cannot be known without";
    throw fault("missing", { what: `the metadata lack ${key}`, file: this.file, expected });
  }
}

/**
 * The shortest decimal number whose float32 is `x`: what a config.json said before a converter wrote it as float32 (0.00001, not
 * 0.000009999999747378752).
 */
export function shortest(x: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === x) return short;
  }
  return x;
}
