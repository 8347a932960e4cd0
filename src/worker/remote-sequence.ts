import { DisposedError } from "../errors.ts";
import type { ForwardControls, LogitsWanted, SequenceHandle } from "../generate/backend.ts";
import type { Connection } from "./connection.ts";
import { forwardEvents, underControl } from "./under-control.ts";

/** Gives each sequence of a model its number. */
export type NextNumber = () => number;

/** A sequence that lives in the worker. Its calls are made one after the other. */
export class RemoteSequence implements SequenceHandle {
  readonly vocabSize: number;
  readonly #connection: Connection;
  readonly #number: number;
  readonly #next: NextNumber;
  #length: number;
  #disposed = false;

  constructor(connection: Connection, number: number, vocabSize: number, next: NextNumber, length = 0) {
    this.#connection = connection;
    this.#number = number;
    this.vocabSize = vocabSize;
    this.#next = next;
    this.#length = length;
  }

  check(): void {
    this.#connection.peer.check();
    if (this.#disposed) throw new DisposedError("the sequence");
  }

  async forward(ids: number[], logits: LogitsWanted, controls: ForwardControls): Promise<Float32Array> {
    this.check();
    const onEvent = forwardEvents(controls);
    const body = { sequence: this.#number, ids, logits, events: onEvent !== undefined };
    const out = await underControl(
      this.#connection,
      controls.signal,
      (guard) => this.#connection.peer.ask("forward", body, onEvent && guard(onEvent)),
      () => this.truncate(this.#length),
    );
    this.#length += ids.length;
    return out;
  }

  async truncate(length: number): Promise<void> {
    this.check();
    const { peer } = this.#connection;
    await this.#connection.held(peer.ask("truncate", { sequence: this.#number, length }).answer);
    this.#length = length;
  }

  async fork(): Promise<SequenceHandle> {
    this.check();
    const fork = this.#next();
    const { peer } = this.#connection;
    await this.#connection.held(peer.ask("fork", { sequence: this.#number, fork }).answer);
    return new RemoteSequence(this.#connection, fork, this.vocabSize, this.#next, this.#length);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const { peer } = this.#connection;
    // Where the worker is gone, the sequence is too.
    await this.#connection.held(peer.ask("release", { sequence: this.#number }).answer).catch(() => {});
  }
}
