import { SourceError } from "../errors.ts";
import { type Answer, rangeOf, readAnswer } from "./http-answer.ts";
import { Exchange, type Requests, shownUrl, Transient } from "./http-request.ts";
import { cutShort, patiently } from "./http-retry.ts";

/** What the first request for a file has found out. */
export interface Start {
  readonly answer: Answer;
  /** Where redirects have led. */
  readonly url: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Its first bytes: of a small file all. */
  readonly head: Uint8Array;
}

/** The first bytes of a file come with its size, and stay: small files are whole in them, and most headers. */
const HEAD = 2 ** 16;
/** A file up to here that comes as a whole is kept. */
const SMALL = 2 ** 22;
/** One whose length the server does not tell must be kept to be measured; the largest tokenizer.json known has 34 MB. */
const MAX_UNMEASURED = 2 ** 26;

/** A file is opened again within so long while a checkpoint is looked at; who comes later wants to know what it is by then. */
const KEPT_MS = 30_000;
/** Starts that are kept, of at most {@link SMALL} bytes each: those of the files that were opened last. */
const MOST_KEPT = 4;

/**
 * The starts of one source's files. A file that is asked what it is, then for its header, and then for each of the files that are packed in it, is
 * opened time and again: its start comes from the server once.
 */
export class Starts {
  readonly #requests: Requests;
  readonly #now: () => number;
  readonly #kept = new Map<string, { start: Start; until: number }>();
  /** Whether the server has given a file. */
  #readable = false;
  /** Whether requests for ranges failed and one for the whole did not. */
  #whole = false;

  constructor(requests: Requests, now: () => number = () => performance.now()) {
    this.#requests = requests;
    this.#now = now;
  }

  /**
   * The start of the file at `href`; `asked` is false where it was here already.
   * @throws SourceError if the server does not give the file; the signal's reason
   */
  async of(href: string, signal: AbortSignal): Promise<{ start: Start; asked: boolean }> {
    signal.throwIfAborted();
    const known = this.#kept.get(href);
    if (known && this.#now() < known.until) return { start: known.start, asked: false };
    const start = await this.#first(href, signal);
    this.#readable = true;
    this.#keep(href, start);
    return { start, asked: true };
  }

  /** The file at `href` is another one by now. */
  forget(href: string): void {
    this.#kept.delete(href);
  }

  #keep(href: string, start: Start): void {
    this.#kept.delete(href); // to be the last in the order of the map
    if (start.head.length > SMALL) return;
    this.#kept.set(href, { start, until: this.#now() + KEPT_MS });
    for (const oldest of this.#kept.keys()) if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
  }

  /** By ranges, or, where that does not go, as a whole. */
  async #first(href: string, signal: AbortSignal): Promise<Start> {
    const whole = () => this.#begin(href, false, signal) as Promise<Start>;
    if (this.#whole) return patiently(whole, signal);
    try {
      return (await patiently(() => this.#begin(href, true, signal), signal)) ?? (await patiently(whole, signal));
    } catch (error) {
      if (this.#readable || !(error instanceof SourceError) || error.code !== "network") throw error;
      // A server may not allow ranges to other origins (CORS), or zips what was not to be zipped, which Chromium refuses.
      const start = await whole().catch((failure) => {
        throw failure instanceof Transient ? error : failure;
      });
      this.#whole = true;
      return start;
    }
  }

  /** The request. @returns undefined if the answer says nothing certain about the file: then it must be asked for as a whole */
  async #begin(href: string, ranges: boolean, signal: AbortSignal): Promise<Start | undefined> {
    const span = { from: 0, to: HEAD };
    const exchange = new Exchange(this.#requests, href, signal);
    try {
      const { response, url } = await exchange.send(ranges ? rangeOf(span) : undefined);
      const answer = readAnswer(response, url, ranges ? span : undefined, this.#readable);
      const { size, to, ranged, encoded } = answer;
      if (ranges && encoded) return undefined;
      if (ranged) {
        if (size === undefined || to === undefined) return undefined;
        return { answer, url, size, head: await collect(exchange, url, to, to) };
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

export const tooLong = (url: string, got: number, expected: number): SourceError =>
  new SourceError(
    { what: "more bytes came than the server announced", file: shownUrl(url), got, expected },
    "bad_response",
  );
