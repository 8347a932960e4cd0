import { giveTurn } from "../event-loop.ts";
import type { Account, Token, TokenControls, TokenJob, TokenStream } from "../generate/backend.ts";
import type { Connection } from "./connection.ts";
import type { Asked } from "./peer.ts";
import type { TokenEvent } from "./protocol.ts";

/** Tokens that the worker may make before their reader has taken some, so that a busy event loop of the caller does not hold it up. */
export const WINDOW = 8;

/**
 * A generation in the worker. It may run ahead of its reader, but what is read is what was made in the caller's thread: tokens beyond the
 * end of the reading are dropped, and the account is as of the last token that was taken.
 */
export class RemoteTokens implements TokenStream {
  readonly #connection: Connection;
  readonly #stream: number;
  readonly #job: TokenJob;
  readonly #controls: TokenControls;
  #asked: Asked<Account> | undefined;
  /** Made and not yet taken. */
  readonly #ahead: { token: Token; account: Account }[] = [];
  #end: { account: Account } | { error: unknown } | undefined;
  /** Wakes the reader. */
  #wake: (() => void) | undefined;
  /** Tokens that the worker may make yet. */
  #credit = WINDOW;
  /** Taken since the last grant. */
  #taken = 0;
  account: Account = { cachedTokens: 0, weightBytesRead: 0, prefillMs: 0, decodeMs: 0, reprefills: [] };

  constructor(connection: Connection, stream: number, job: TokenJob, controls: TokenControls) {
    this.#connection = connection;
    this.#stream = stream;
    this.#job = job;
    this.#controls = controls;
  }

  async next(): Promise<Token | undefined> {
    const { peer } = this.#connection;
    const { signal } = this.#controls;
    peer.check();
    if (!this.#asked) {
      signal.throwIfAborted();
      this.#asked = this.#start();
    }
    if (this.#ahead.length === 0 && !this.#end) await this.#more();
    const next = this.#ahead.shift();
    if (next) {
      signal.throwIfAborted();
      this.account = next.account;
      this.#grant();
      return next.token;
    }
    if (!this.#end) throw signal.reason;
    if ("error" in this.#end) throw this.#end.error;
    this.account = this.#end.account;
    return undefined;
  }

  /** Of no use here: the worker stops by itself when its credit is used up. */
  pause(): void {}
  resume(): void {}

  async close(): Promise<void> {
    const asked = this.#asked;
    if (!asked || this.#end) return;
    asked.abort();
    this.#ahead.length = 0;
    await this.#connection.held(asked.answer).catch(() => {});
  }

  #start(): Asked<Account> {
    const { onPrefill } = this.#controls;
    const body = { stream: this.#stream, job: this.#job, credit: WINDOW, prefill: onPrefill !== undefined };
    const asked = this.#connection.peer.ask("tokens", body, (event) => this.#receive(event));
    asked.answer.then(
      (account) => this.#finish({ account }),
      (error) => this.#finish({ error }),
    );
    return asked;
  }

  #receive(event: TokenEvent): void {
    if (this.#end) return;
    if ("token" in event) {
      this.#ahead.push(event);
      this.#wake?.();
      if (--this.#credit === 0) void this.#away();
      return;
    }
    try {
      this.#controls.onPrefill?.(event.prefill);
    } catch (error) {
      this.#asked?.abort();
      this.#finish({ error });
    }
  }

  #finish(end: { account: Account } | { error: unknown }): void {
    this.#end ??= end;
    this.#wake?.();
  }

  /** Until there is a token, the end, or an abort. */
  async #more(): Promise<void> {
    const { signal } = this.#controls;
    if (signal.aborted) return;
    let wake = () => {};
    const change = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#wake = wake;
    signal.addEventListener("abort", wake);
    try {
      await this.#connection.held(change);
    } finally {
      this.#wake = undefined;
      signal.removeEventListener("abort", wake);
    }
  }

  /** A taken token makes room for another; told by halves of the window, to halve the messages. */
  #grant(): void {
    if (++this.#taken < WINDOW / 2) return;
    this.#connection.peer.tell("credit", { stream: this.#stream, tokens: this.#taken });
    this.#credit += this.#taken;
    this.#taken = 0;
  }

  /** Nobody has taken tokens for a whole window: if nobody does in a turn of the event loop, the reader is taken to be away. */
  async #away(): Promise<void> {
    await giveTurn();
    if (this.#credit === 0 && !this.#end) this.#connection.peer.tell("pause", { stream: this.#stream });
  }
}
