import { ContextError } from "../errors.ts";
import type { Account, Token, TokenControls, TokenJob, TokenStream } from "./backend.ts";
import type { Engine } from "./engine.ts";
import { type Reprefill, Row } from "./row.ts";
import { Sampler } from "./sampler.ts";
import { Stopwatch } from "./stopwatch.ts";

/** One generation in ids: the prompt in, then token by token: forward, choose. Between two pulls nothing runs. */
export class LocalTokens implements TokenStream {
  readonly #engine: Engine;
  readonly #job: TokenJob;
  readonly #controls: TokenControls;
  readonly #capacity: number;
  readonly #stopIds: ReadonlySet<number>;
  readonly #sampler: Sampler;
  /** f32 [V], of the last token. */
  readonly #logits: Float32Array;
  readonly #row: Row;
  readonly #stopwatch = new Stopwatch();
  readonly #reprefills: Reprefill[] = [];
  #cachedTokens = 0;
  #steps = 0;
  #prefilled = false;
  #count = 0;
  #last = -1;

  /** @throws ContextError if the prompt alone is longer than the context; DisposedError */
  constructor(engine: Engine, job: TokenJob, controls: TokenControls) {
    engine.check();
    this.#engine = engine;
    this.#job = job;
    this.#controls = controls;
    this.#capacity = checkPrompt(job, engine.contextSize);
    this.#stopIds = new Set(job.stopIds);
    this.#sampler = new Sampler(job.sampling, job.seed, job.prompt);
    this.#logits = new Float32Array(engine.vocabSize);
    this.#row = new Row(engine, "call", job.rope, job.adapters);
  }

  async next(): Promise<Token | undefined> {
    if (!this.#prefilled) await this.#prefill();
    else if (this.#count < this.#capacity) await this.#extend([this.#last]);
    if (this.#count >= this.#capacity) {
      checkFull(this.#job, this.#count, this.#engine.contextSize);
      return undefined;
    }
    const id = this.#sampler.next(this.#logits);
    this.#last = id;
    this.#count++;
    if (this.#stopIds.has(id)) return { id, end: "stop" };
    return this.#count === this.#job.maxTokens ? { id, end: "length" } : { id };
  }

  pause(keepsRoom = false): void {
    this.#stopwatch.pause();
    if (keepsRoom) return;
    this.#row.paused = true;
    this.#engine.room.wake();
  }

  resume(): void {
    this.#row.paused = false;
    this.#stopwatch.resume();
  }

  close(): void {
    if (this.#row.disposed) return;
    this.#stopwatch.pause();
    this.#row.dispose();
  }

  get account(): Account {
    return {
      cachedTokens: this.#cachedTokens,
      weightBytesRead: this.#steps * this.#engine.decoder.weightBytesPerToken,
      ...this.#stopwatch.times(),
      reprefills: this.#reprefills,
    };
  }

  async #prefill(): Promise<void> {
    const { prompt, maxTokens } = this.#job;
    this.#prefilled = true;
    if (this.#capacity === 0 && maxTokens !== 0) return;
    this.#cachedTokens = await this.#extend(prompt, this.#controls.onPrefill);
    this.#stopwatch.prefilled();
  }

  /** @returns how many of the row's tokens needed no work */
  async #extend(ids: readonly number[], onProgress?: TokenControls["onPrefill"]): Promise<number> {
    const { cached, steps } = await this.#row.extend(ids, {
      logits: this.#job.maxTokens === 0 ? "none" : "last",
      into: this.#logits,
      signal: this.#controls.signal,
      onProgress,
      onReprefill: (event) => this.#reprefills.push(event),
    });
    this.#steps += steps;
    return cached;
  }
}

/**
 * @returns how many tokens may be generated
 * @throws ContextError if the prompt alone is longer than the context
 */
function checkPrompt({ prompt, maxTokens }: TokenJob, contextSize: number): number {
  if (prompt.length > contextSize) {
    throw new ContextError({
      what: "the prompt does not fit into the context",
      got: `${prompt.length} tokens`,
      expected: `at most contextSize = ${contextSize}`,
    });
  }
  return Math.min(maxTokens ?? Infinity, contextSize - prompt.length);
}

/** @throws ContextError if it was the context that ended the answer, not maxTokens, and the caller did not ask for a quiet end */
function checkFull({ prompt, maxTokens, onContextFull }: TokenJob, tokens: number, contextSize: number): void {
  const reached = maxTokens === undefined ? tokens > 0 : tokens >= maxTokens;
  if (reached || onContextFull === "stop") return;
  throw new ContextError({
    what: `the context is full: ${prompt.length} tokens of the prompt and ${tokens} of the answer`,
    got: maxTokens === undefined ? "room for no token" : `maxTokens ${maxTokens}`,
    expected: `at most contextSize = ${contextSize} tokens; a larger contextSize, or onContextFull: "stop"`,
  });
}
