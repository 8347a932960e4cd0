import { SourceError } from "../errors.ts";
import { type Answer, rangeOf, readAnswer, type Span } from "./http-answer.ts";
import { Exchange, type Requests, shownUrl, Transient } from "./http-request.ts";
import { cutShort } from "./http-retry.ts";
import { type Start, type Starts, tooLong } from "./http-start.ts";
import { Queue } from "./queue.ts";
import { checkRange } from "./range.ts";
import { ENOUGH, ReadAhead } from "./read-ahead.ts";
import type { OpenOptions, SourceFile } from "./source.ts";

/** What the files of one source share. */
export interface Transfer extends Requests {
  readonly starts: Starts;
  /** Where a server ignores ranges, one stream is open at a time: others, waiting, would use up a browser's connections. */
  readonly streams: Queue;
  /** The file whose stream is open. */
  streaming?: HttpFile;
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
  }

  static async open(transfer: Transfer, url: URL, options: OpenOptions): Promise<HttpFile> {
    const signal = options.signal ?? new AbortController().signal;
    const { href } = url;
    const { start, asked } = await transfer.starts.of(href, signal);
    if (asked) options.onBytes?.(start.head.length);
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
      this.#transfer.starts.forget(this.#home);
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

const tooLittle = (url: string, got: number): Transient => {
  const facts = { what: "the server gives a large file in small parts only", file: shownUrl(url), got };
  return new Transient(new SourceError({ ...facts, expected: `at least ${ENOUGH} bytes` }, "bad_response"));
};
