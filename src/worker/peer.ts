import { onMessage, type PortLike } from "../port/port.ts";
import type { Message } from "./protocol.ts";
import type { ErrorPost } from "./wire-error.ts";

/** Tables of calls and notes, as protocol.ts has them. */
type CallTable<T> = { [K in keyof T]: { body: unknown; answer: unknown; event: unknown } };

/** What an answer is, and the buffers of it that are handed over instead of copied. */
export class Handover<T> {
  readonly value: T;
  readonly buffers: ArrayBuffer[];
  constructor(value: T, buffers: ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/** A call on the side that answers it. */
export interface Context<Event> {
  /** Aborted when the one who asked aborts the call. */
  readonly signal: AbortSignal;
  report(event: Event): void;
}

type MaybeAsync<T> = T | Promise<T>;

/** How a side answers. Whatever a handler throws, the one who asked gets. */
export type Handlers<Calls extends CallTable<Calls>, Notes> = {
  [K in keyof Calls]: (
    body: Calls[K]["body"],
    context: Context<Calls[K]["event"]>,
  ) => MaybeAsync<Calls[K]["answer"] | Handover<Calls[K]["answer"]>>;
} & { [K in keyof Notes]: (body: Notes[K]) => void };

/** A call on the side that has asked. */
export interface Asked<Answer> {
  /** @throws ABORTED once `abort` was called and the other side has given up; else what its handler threw */
  readonly answer: Promise<Answer>;
  abort(): void;
}

/** Why an aborted call rejects; its caller knows the reason. */
export const ABORTED = Symbol("aborted");

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onEvent: ((event: never) => void) | undefined;
}

/** One side of two that talk by messages: it asks `Theirs` of the other and answers `Ours`. */
export class Peer<Theirs extends CallTable<Theirs>, TheirNotes, Ours extends CallTable<Ours>, OurNotes> {
  readonly #port: PortLike;
  readonly #handlers: Handlers<Ours, OurNotes>;
  readonly #asked = new Map<number, Pending>();
  /** Calls of the other side that are being answered. */
  readonly #answering = new Map<number, AbortController>();
  readonly #errors: ErrorPost;
  #lastId = 0;
  #end: { error: unknown } | undefined;

  constructor(port: PortLike, errors: ErrorPost, handlers: Handlers<Ours, OurNotes>) {
    this.#port = port;
    this.#errors = errors;
    this.#handlers = handlers;
    onMessage(port, (message) => this.#receive(message as Message));
  }

  /** @throws the error of {@link end} */
  check(): void {
    if (this.#end) throw this.#end.error;
  }

  /** @param onEvent must not throw */
  ask<K extends keyof Theirs & string>(
    type: K,
    body: Theirs[K]["body"],
    onEvent?: (event: Theirs[K]["event"]) => void,
    buffers: ArrayBuffer[] = [],
  ): Asked<Theirs[K]["answer"]> {
    const id = ++this.#lastId;
    const answer = new Promise<Theirs[K]["answer"]>((resolve, reject) => {
      this.check();
      // What cannot be cloned is not sent, and nothing waits for it.
      this.#post({ kind: "ask", id, type, body }, buffers);
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject, onEvent });
    });
    return { answer, abort: () => this.#asked.has(id) && this.#post({ kind: "abort", id }) };
  }

  tell<K extends keyof TheirNotes & string>(type: K, body: TheirNotes[K]): void {
    if (!this.#end) this.#post({ kind: "note", type, body });
  }

  /** Nothing comes any more: all that waits, and whatever is asked later, rejects with `error`. Only the first end counts. */
  end(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
    for (const control of this.#answering.values()) control.abort(error);
  }

  #post(message: Message, buffers: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, buffers);
  }

  #receive(message: Message): void {
    if (this.#end) return;
    switch (message.kind) {
      case "ask":
        void this.#answer(message);
        return;
      case "note":
        (this.#handlers as Record<string, (body: unknown) => void>)[message.type](message.body);
        return;
      case "abort":
        this.#answering.get(message.id)?.abort(ABORTED);
        return;
      case "event":
        this.#asked.get(message.id)?.onEvent?.(message.event as never);
        return;
      case "answer":
      case "error": {
        const asked = this.#asked.get(message.id);
        this.#asked.delete(message.id);
        if (message.kind === "answer") asked?.resolve(message.value);
        else asked?.reject(message.error.aborted ? ABORTED : this.#errors.fromWire(message.error));
      }
    }
  }

  async #answer({ id, type, body }: Message & { kind: "ask" }): Promise<void> {
    const control = new AbortController();
    this.#answering.set(id, control);
    const context: Context<unknown> = {
      signal: control.signal,
      report: (event) => this.#post({ kind: "event", id, event }),
    };
    try {
      const handler = (this.#handlers as Record<string, (body: unknown, context: Context<unknown>) => unknown>)[type];
      const result = await handler(body, context);
      if (this.#end) return;
      if (result instanceof Handover) this.#post({ kind: "answer", id, value: result.value }, result.buffers);
      else this.#post({ kind: "answer", id, value: result });
    } catch (error) {
      if (!this.#end)
        this.#post({
          kind: "error",
          id,
          error: { ...this.#errors.toWire(error), aborted: error === ABORTED || undefined },
        });
    } finally {
      this.#answering.delete(id);
    }
  }
}
