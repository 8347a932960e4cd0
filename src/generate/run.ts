import { ContextError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { Engine } from "./engine.ts";
import type { Checked } from "./options.ts";
import { randomSeed } from "./prng.ts";
import type { GenerateResult, Piece } from "./result.ts";
import { type Extended, type Reprefill, Row } from "./row.ts";
import { Sampler } from "./sampler.ts";
import { Stopwatch } from "./stopwatch.ts";
import { TextOut } from "./text-out.ts";

/** What generating needs of a loaded model. */
export interface Model {
  engine: Engine;
  /** Absent where the folder had none: ids go in and out, texts stay empty. */
  tokenizer: Tokenizer | undefined;
  /** Tokens that end an answer. */
  stopIds: readonly number[];
  loadMs: number;
  /** CPU time of this process so far, in milliseconds, where the engine tells. */
  cpuMs?: () => number | undefined;
}

export interface Job {
  prompt: readonly number[];
  options: Checked;
  /** The answer is a text of its own (a turn of a chat), not the continuation of the prompt's. */
  ownText: boolean;
}

/** Thrown inside a forward when the reader has left. */
const LEFT = Symbol("the reader left");

/**
 * One generation: the prompt in, then token by token: forward, choose, decode, yield. Pulled by its reader; between two pulls nothing runs.
 * @param left whether the reader has left; the run then ends at the next step with what there is
 */
export async function* run(model: Model, job: Job, left: () => boolean): AsyncGenerator<Piece, GenerateResult, void> {
  const { engine, tokenizer } = model;
  const { prompt, options } = job;
  options.signal?.throwIfAborted();
  engine.check();
  const stopwatch = new Stopwatch(model);
  const capacity = checkPrompt(prompt.length, options, engine.contextSize);
  const stopIds = new Set([...(options.ignoreEos ? [] : model.stopIds), ...options.stopIds]);
  const seed = options.sampling.seed ?? randomSeed();
  const sampler = new Sampler(options.sampling, seed, prompt);
  const out = new TextOut(tokenizer, options.stop, job.ownText ? [] : prompt);
  const logits = new Float32Array(engine.vocabSize);
  const reprefills: Reprefill[] = [];
  const usage = { promptTokens: prompt.length, completionTokens: 0, cachedTokens: 0, weightBytesRead: 0 };
  const row = new Row(engine, "call", options.rope);
  const extend = async (ids: readonly number[], onProgress?: Checked["onPrefill"]): Promise<Extended> => {
    const wanted = options.maxTokens === 0 ? "none" : "last";
    const check = () => {
      if (left()) throw LEFT;
    };
    const onReprefill = (event: Reprefill) => reprefills.push(event);
    const done = await row.extend(ids, {
      logits: wanted,
      into: logits,
      signal: options.signal,
      check,
      onProgress,
      onReprefill,
    });
    usage.weightBytesRead += done.steps * engine.decoder.weightBytesPerToken;
    return done;
  };

  const ids: number[] = [];
  let text = "";
  let pending: number[] = [];
  let finishReason: "stop" | "length" | undefined;
  try {
    if (capacity > 0 || options.maxTokens === 0) {
      usage.cachedTokens = (await extend(prompt, options.onPrefill)).cached;
      stopwatch.prefilled();
    }
    while (ids.length < capacity) {
      if (ids.length > 0) await extend([ids[ids.length - 1]]);
      const id = sampler.next(logits);
      ids.push(id);
      pending.push(id);
      finishReason = stopIds.has(id) ? "stop" : undefined;
      const fresh = finishReason ? "" : out.push(id);
      text += fresh;
      if (out.stopped) finishReason = "stop";
      if (fresh || !tokenizer) {
        stopwatch.pause();
        row.paused = true;
        engine.room.wake();
        yield { text: fresh, ids: pending };
        row.paused = false;
        stopwatch.resume();
        pending = [];
      }
      if (finishReason) break;
      if (left()) throw LEFT;
    }
    if (!finishReason) checkFull(prompt.length, ids.length, options, engine.contextSize);
  } catch (error) {
    if (error !== LEFT) throw error;
    finishReason = "stop";
  } finally {
    row.dispose();
  }
  const rest = out.end();
  text += rest;
  if (out.stopped) finishReason = "stop";
  stopwatch.pause();
  if ((rest || pending.length > 0) && !left()) yield { text: rest, ids: pending };
  return {
    text,
    ids,
    finishReason: finishReason ?? "length",
    usage: { ...usage, completionTokens: ids.length, ...stopwatch.cpu() },
    timings: stopwatch.timings(),
    seed,
    reprefills,
  };
}

/**
 * @returns how many tokens may be generated
 * @throws ContextError if the prompt alone is longer than the context
 */
function checkPrompt(length: number, { maxTokens }: Checked, contextSize: number): number {
  if (length > contextSize) {
    throw new ContextError({
      what: "the prompt does not fit into the context",
      got: `${length} tokens`,
      expected: `at most contextSize = ${contextSize}`,
    });
  }
  return Math.min(maxTokens ?? Infinity, contextSize - length);
}

/** @throws ContextError if it was the context that ended the answer, not maxTokens, and the caller did not ask for a quiet end */
function checkFull(promptTokens: number, tokens: number, options: Checked, contextSize: number): void {
  const { maxTokens, onContextFull } = options;
  const reached = maxTokens === undefined ? tokens > 0 : tokens >= maxTokens;
  if (reached || onContextFull === "stop") return;
  throw new ContextError({
    what: `the context is full: ${promptTokens} tokens of the prompt and ${tokens} of the answer`,
    got: maxTokens === undefined ? "room for no token" : `maxTokens ${maxTokens}`,
    expected: `at most contextSize = ${contextSize} tokens; a larger contextSize, or onContextFull: "stop"`,
  });
}
