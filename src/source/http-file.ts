import { SourceError } from "../errors.ts";
import { type Answer, readAnswer, type Span } from "./http-answer.ts";
import { Exchange, type Requests, shownUrl, Transient } from "./http-request.ts";
import { cutShort, patiently } from "./http-retry.ts";
import { Queue } from "./queue.ts";
import { checkRange } from "./range.ts";
import { ENOUGH, ReadAhead } from "./read-ahead.ts";
import type { OpenOptions, SourceFile } from "./source.ts";

/** What the files of one source share. */
export interface Transfer extends Requests {
  /** Where a server ignores ranges, one stream is open at a time: others, waiting, would use up a browser's connections. */
  readonly streams: Queue;
  /** The file whose stream is open. */
  streaming?: HttpFile;
  /** Whether the server has given a file. */
  readable: boolean;
  /** Set where requests for ranges failed and one for the whole did not. */
  whole?: boolean;
}

/** The first bytes of a file come with its size, and stay: small files are whole in them, and most headers. */
const HEAD = 2 ** 16;
/** A file up to here that comes as a whole is kept. */
const SMALL = 2 ** 22;
/** One whose length the server does not tell must be kept to be measured; the largest tokenizer.json known has 34 MB. */
const MAX_UNMEASURED = 2 ** 26;

/** What opening has found out. */
interface Start {
  answer: Answer;
  url: string;
  size: number;
  head: Uint8Array;
}

/**
 * A file on a web server. Each answer's ETag (or else date) and size are held against the first one's, so that bytes of two versions are never
 * mixed. If-Range would say the same sooner, but makes browsers ask other origins for leave (CORS), which few servers give.
 */
export class HttpFile implements SourceFile {
  readonly size: number;
  readonly #transfer: Transfer;
  readonly #home: string;
  readonly #head: Uint8Array;
  readonly #ranged: boolean;
  readonly #validator: string | undefined;
  readonly #ahead: ReadAhead;
  readonly #queue: Queue;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#end(this.#signal?.reason);
  /** Where the redirects led; they are not followed again for every range. */
  #url: string;
  #ended: { reason: unknown } | undefined;

  private constructor(transfer: Transfer, home: string, start: Start, { signal, onBytes }: OpenOptions) {
    this.size = start.size;
    this.#transfer = transfer;
    this.#home = home;
    this.#url = start.url;
    this.#head = start.head;
    this.#ranged = start.answer.ranged;
    this.#validator = start.answer.validator;
    this.#ahead = new ReadAhead(
      (from, to, signal) => this.#fetch({ from, to }, signal),
      start.size,
      this.#ranged,
      onBytes,
    );
    this.#queue = this.#ranged ? new Queue() : transfer.streams;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    onBytes?.(start.head.length);
  }

  static async open(transfer: Transfer, url: URL, options: OpenOptions): Promise<HttpFile> {
    const signal = options.signal ?? new AbortController().signal;
    const { href } = url;
    const start = await firstOf(transfer, href, signal);
    transfer.readable = true;
    return new HttpFile(transfer, href, start, options);
  }

  async read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    this.#check();
    const target = checkRange(shownUrl(this.#home), this.size, offset, length, into);
    const known = this.#head.subarray(offset, offset + length);
    target.set(known);
    if (known.length === length) return target;
    return this.#queue.run(async () => {
      this.#check();
      if (!this.#ranged && this.#transfer.streaming !== this) {
        const other = this.#transfer.streaming;
        if (other) other.#ahead.stop(undefined);
        this.#transfer.streaming = this;
      }
      await this.#ahead.take(offset + known.length, target.subarray(known.length));
      return target;
    });
  }

  async close(): Promise<void> {
    this.#end(new SourceError({ what: "the file was closed", file: shownUrl(this.#home) }, "closed"));
  }

  #end(reason: unknown): void {
    this.#ended ??= { reason };
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#ahead.stop(reason);
    if (this.#transfer.streaming === this) this.#transfer.streaming = undefined;
  }

  #check(): void {
    if (this.#ended) throw this.#ended.reason;
  }

  /** One request for bytes [from, to): it gives all of them, or the first ones where the server gives less. */
  async *#fetch(span: Span, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const exchange = new Exchange(this.#transfer, this.#url, signal);
    try {
      const { response, url } = await exchange.send(this.#ranged ? rangeOf(span) : undefined);
      const answer = this.#understand(response, url, span);
      this.#url = url;
      const end = answer.to ?? span.to;
      let at = answer.from;
      for (let piece = await exchange.next(); piece; piece = await exchange.next()) {
        at += piece.length;
        if (at > end) throw tooLong(url, at, end);
        // Without ranges the bytes before the reader come, too.
        if (at > span.from) yield at - piece.length < span.from ? piece.subarray(span.from - at) : piece;
      }
      if (at < end) throw cutShort(shownUrl(url), at, end);
      // A server may give less than was asked for, but not a few bytes each time.
      if (end < span.to && end - span.from < ENOUGH) throw tooLittle(url, end - span.from);
    } finally {
      exchange.end();
    }
  }

  #understand(response: Response, url: string, span: Span): Answer {
    let answer: Answer;
    try {
      answer = readAnswer(response, url, this.#ranged ? span : undefined);
    } catch (error) {
      // Addresses that redirects lead to hold for a while only.
      const stale = error instanceof SourceError && ["unauthorized", "forbidden", "not_found"].includes(error.code);
      if (!stale || this.#url === this.#home) throw error;
      this.#url = this.#home;
      throw new Transient(error, 0);
    }
    const file = shownUrl(this.#home);
    const { size, validator, ranged } = answer;
    const other = this.#validator !== undefined && validator !== undefined && validator !== this.#validator;
    if (other || (size !== undefined && size !== this.size)) {
      const facts = { file, got: other ? validator : `${size} bytes`, expected: other ? this.#validator : this.size };
      throw new SourceError({ what: "the file has changed on the server while it was read", ...facts }, "changed");
    }
    if (this.#ranged && !(ranged && answer.to !== undefined)) {
      throw new Transient(
        new SourceError(
          { what: "the server gave a range before, and now it does not", file, got: response.status },
          "bad_response",
        ),
      );
    }
    return answer;
  }
}

const rangeOf = ({ from, to }: Span): string => `bytes=${from}-${to - 1}`;

const tooLittle = (url: string, got: number): Transient => {
  const facts = { what: "the server gives a large file in small parts only", file: shownUrl(url), got };
  return new Transient(new SourceError({ ...facts, expected: `at least ${ENOUGH} bytes` }, "bad_response"));
};

const tooLong = (url: string, got: number, expected: number): SourceError =>
  new SourceError(
    { what: "more bytes came than the server announced", file: shownUrl(url), got, expected },
    "bad_response",
  );

/** The start of a file by ranges, or, where that does not go, as a whole. */
async function firstOf(transfer: Transfer, href: string, signal: AbortSignal): Promise<Start> {
  const whole = () => begin(transfer, href, false, signal) as Promise<Start>;
  if (transfer.whole) return patiently(whole, signal);
  try {
    return (await patiently(() => begin(transfer, href, true, signal), signal)) ?? (await patiently(whole, signal));
  } catch (error) {
    if (transfer.readable || !(error instanceof SourceError) || error.code !== "network") throw error;
    // A server may not allow ranges to other origins (CORS), or zips what was not to be zipped, which Chromium refuses.
    const start = await whole().catch((failure) => {
      throw failure instanceof Transient ? error : failure;
    });
    transfer.whole = true;
    return start;
  }
}

/** The first request. @returns undefined if the answer says nothing certain about the file: then it must be asked for as a whole */
async function begin(
  transfer: Transfer,
  href: string,
  ranges: boolean,
  signal: AbortSignal,
): Promise<Start | undefined> {
  const span = { from: 0, to: HEAD };
  const exchange = new Exchange(transfer, href, signal);
  try {
    const { response, url } = await exchange.send(ranges ? rangeOf(span) : undefined);
    const answer = readAnswer(response, url, ranges ? span : undefined, transfer.readable);
    const { size, to, ranged, encoded } = answer;
    if (ranges && encoded) return undefined;
    if (ranged) {
      if (size === undefined || to === undefined) return undefined;
      const head = await collect(exchange, url, to, to);
      return { answer, url, size, head };
    }
    if (size !== undefined && size > SMALL) return { answer, url, size, head: await collect(exchange, url, HEAD) };
    const head = await collect(exchange, url, MAX_UNMEASURED, size);
    if (head.length < MAX_UNMEASURED) return { answer, url, size: head.length, head };
    const expected = "a Content-Length, or ranges";
    throw new SourceError(
      { what: "the server does not tell how long this large file is", file: shownUrl(url), expected },
      "no_length",
    );
  } finally {
    exchange.end();
  }
}

/** The first bytes of a body, `most` at most. @param promised as many must come; if `most` is no more, nothing may follow */
async function collect(exchange: Exchange, url: string, most: number, promised = 0): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await exchange.next(); piece; piece = await exchange.next()) {
    pieces.push(piece);
    length += piece.length;
    if (promised === most && length > most) throw tooLong(url, length, most);
    if (length >= most && promised !== most) break;
  }
  if (length < promised) throw cutShort(shownUrl(url), length, promised);
  const all = new Uint8Array(Math.min(length, most));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece.subarray(0, all.length - at), at);
    at += piece.length;
  }
  return all;
}
