import { FormatError } from "../../errors.ts";
import type { SourceFile } from "../../source/source.ts";
import { fault } from "./fault.ts";

/** Longest header. That of a model with 200,000 tokens and as many merges has 10 MB. */
export const MAX_HEADER_BYTES = 2 ** 27;

/** What is read first; each time that it does not reach, twice as much. */
const FIRST = 2 ** 18;

/** Thrown, and caught here, when a value goes on past the bytes that were read. */
class Short {
  readonly end: number;
  constructor(end: number) {
    this.end = end;
  }
}

/**
 * The header of a file, whose length nobody knows before it is read: bytes are read from its start, ever more of them, and what did not fit is
 * read once more. All numbers are little endian. Whatever a length in the file says, no more is read or taken than the file has and the limit allows.
 */
export class Cursor {
  readonly file: string;
  at = 0;
  readonly #source: SourceFile;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  constructor(source: SourceFile, file: string) {
    this.#source = source;
    this.file = file;
  }

  /** Runs `parse`, again from where it began if bytes were lacking. It may do nothing that must not be done twice. */
  async run<T>(parse: () => T): Promise<T> {
    const start = this.at;
    for (;;) {
      try {
        return parse();
      } catch (error) {
        if (!(error instanceof Short)) throw error;
        await this.#grow(error.end);
        this.at = start;
      }
    }
  }

  /** The header's bytes up to here. */
  get read(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  /**
   * Takes `bytes` bytes.
   * @returns where they begin
   * @throws FormatError (gguf_truncated, gguf_limit)
   */
  take(bytes: number, what: string): number {
    const { at } = this;
    const end = at + bytes;
    if (end > this.#bytes.length) {
      this.check(bytes, what);
      throw new Short(end);
    }
    this.at = end;
    return at;
  }

  /** Says whether so many bytes can follow at all, before anything is made of them. @throws FormatError (gguf_truncated, gguf_limit) */
  check(bytes: number, what: string): void {
    const end = this.at + bytes;
    if (end > this.#source.size) {
      const expected = `at least ${end} bytes`;
      throw fault("truncated", {
        what: `the file ends inside ${what}`,
        file: this.file,
        got: this.#source.size,
        expected,
      });
    }
    if (end > MAX_HEADER_BYTES) {
      const expected = `at most ${MAX_HEADER_BYTES} bytes`;
      throw fault("limit", { what: `a header too long, at ${what}`, file: this.file, got: end, expected });
    }
  }

  u8 = (what: string): number => this.#bytes[this.take(1, what)];
  i8 = (what: string): number => (this.u8(what) << 24) >> 24;
  u16 = (what: string): number => this.#number(2, what, (at) => this.#view.getUint16(at, true));
  i16 = (what: string): number => this.#number(2, what, (at) => this.#view.getInt16(at, true));
  u32 = (what: string): number => this.#number(4, what, (at) => this.#view.getUint32(at, true));
  i32 = (what: string): number => this.#number(4, what, (at) => this.#view.getInt32(at, true));
  f32 = (what: string): number => this.#number(4, what, (at) => this.#view.getFloat32(at, true));
  f64 = (what: string): number => this.#number(8, what, (at) => this.#view.getFloat64(at, true));
  u64 = (what: string): bigint => this.#number(8, what, (at) => this.#view.getBigUint64(at, true));
  i64 = (what: string): bigint => this.#number(8, what, (at) => this.#view.getBigInt64(at, true));

  /** Fresh bytes, at the start of a buffer of their own. */
  bytes(length: number, what: string): Uint8Array<ArrayBuffer> {
    const at = this.take(length, what);
    return this.#bytes.slice(at, at + length);
  }

  /** A length or count of 64 bits, which must fit what is left of the file. @param unit the fewest bytes of one */
  count(unit: number, what: string): number {
    const at = this.take(8, what);
    const high = this.#view.getUint32(at + 4, true);
    // 2^53 and more are too many whatever they count.
    const n = high < 2 ** 21 ? high * 2 ** 32 + this.#view.getUint32(at, true) : Number.MAX_SAFE_INTEGER;
    this.check(n * unit, what);
    return n;
  }

  /** A string: its length, 64 bits, and its UTF-8. @throws FormatError (code "utf8") */
  text(what: string): string {
    const length = this.count(1, what);
    const at = this.take(length, what);
    return decode(this.#bytes.subarray(at, at + length), this.file, what);
  }

  /** Makes sure that so many strings are here, and stays where it is. @throws as {@link text}, but for what is no UTF-8 */
  passTexts(n: number, what: string): void {
    const { at } = this;
    for (let i = 0; i < n; i++) this.take(this.count(1, what), what);
    this.at = at;
  }

  #number<T>(bytes: number, what: string, read: (at: number) => T): T {
    return read(this.take(bytes, what));
  }

  async #grow(end: number): Promise<void> {
    const had = this.#bytes.length;
    const size = Math.min(Math.max(end, 2 * had, FIRST), this.#source.size);
    const grown = new Uint8Array(size);
    grown.set(this.#bytes);
    await this.#source.read(had, size - had, grown.subarray(had));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A header has hundreds of thousands of short strings, most of them of letters or of byte-level characters: those need no decoder. */
function decode(bytes: Uint8Array, file: string, what: string): string {
  const short = bytes.length <= 24 ? shortText(bytes) : undefined;
  if (short !== undefined) return short;
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new FormatError({ what: `${what} is not UTF-8`, file, cause }, "utf8");
  }
}

/** The text of characters of one or two bytes; undefined if there are others, or if it is no UTF-8. */
function shortText(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte < 0x80) text += String.fromCharCode(byte);
    else {
      const next = bytes[++i];
      if (byte < 0xc2 || byte > 0xdf || next === undefined || (next & 0xc0) !== 0x80) return undefined;
      text += String.fromCharCode(((byte & 31) << 6) | (next & 63));
    }
  }
  return text;
}
