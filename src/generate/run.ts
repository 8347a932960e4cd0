import type { renderChat } from "../tokenizer/index.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { Adapters } from "./adapters.ts";
import type { Backend } from "./backend.ts";
import { LEFT } from "./generation.ts";
import type { Checked } from "./options.ts";
import { randomSeed } from "./prng.ts";
import type { GenerateResult, Piece } from "./result.ts";
import { TextOut } from "./text-out.ts";

/** What generating needs of a loaded model. */
export interface Model {
  backend: Backend;
  /** Absent where the folder had none: ids go in and out, texts stay empty. */
  tokenizer: Tokenizer | undefined;
  /** How conversations are written; absent where the program has no text. */
  renderChat?: typeof renderChat;
  /** Tokens that end an answer. */
  stopIds: readonly number[];
  loadMs: number;
  /** Absent: there are none. */
  adapters?: Adapters;
  /** CPU time of this process so far, in milliseconds, where the engine tells. */
  cpuMs?: () => number | undefined;
}

export interface Job {
  prompt: readonly number[];
  options: Checked;
  /** The answer is a text of its own (a turn of a chat), not the continuation of the prompt's. */
  ownText: boolean;
}

/**
 * One generation in text: pulls tokens out of the backend, decodes them, and yields what is certain. Pulled by its reader.
 * @param ending aborted with {@link LEFT} when the reader leaves; the run then ends at the next step with what there is
 */
export async function* run(
  model: Model,
  job: Job,
  ending: AbortController,
): AsyncGenerator<Piece, GenerateResult, void> {
  const { backend, tokenizer, loadMs } = model;
  const { prompt, options } = job;
  const { sampling, maxTokens, onContextFull, rope, adapters, onPrefill, onReprefill, signal } = options;
  signal?.throwIfAborted();
  backend.check();
  const cpuAtStart = model.cpuMs?.();
  const seed = sampling.seed ?? randomSeed();
  const stopIds = [...(options.ignoreEos ? [] : model.stopIds), ...options.stopIds];
  const out = new TextOut(tokenizer, options.stop, job.ownText ? [] : prompt);
  const tokens = backend.tokens(
    { prompt, sampling, seed, stopIds, maxTokens, onContextFull, rope, adapters },
    { signal: ending.signal, onPrefill },
  );
  const abort = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  const left = () => ending.signal.reason === LEFT;

  const ids: number[] = [];
  let text = "";
  let pending: number[] = [];
  let told = 0; // of the crossings of LongRoPE's switch
  let finishReason: "stop" | "length" | undefined;
  try {
    while (!finishReason) {
      const token = await tokens.next();
      const { reprefills } = tokens.account;
      for (; told < reprefills.length; told++) onReprefill?.(reprefills[told]);
      if (!token) break;
      const { id, end } = token;
      ids.push(id);
      pending.push(id);
      // A stop token leaves no text, whatever it is.
      const fresh = end === "stop" ? "" : out.push(id);
      text += fresh;
      finishReason = out.stopped ? "stop" : end;
      if (fresh || !tokenizer) {
        tokens.pause();
        yield { text: fresh, ids: pending };
        tokens.resume();
        pending = [];
        if (left()) finishReason ??= "stop";
      }
    }
  } catch (error) {
    if (error !== LEFT) throw error;
    finishReason = "stop";
  } finally {
    signal?.removeEventListener("abort", abort);
    await tokens.close();
  }
  const rest = out.end();
  text += rest;
  if (out.stopped) finishReason = "stop";
  if ((rest || pending.length > 0) && !left()) yield { text: rest, ids: pending };
  const { cachedTokens, weightBytesRead, prefillMs, decodeMs, reprefills } = tokens.account;
  const cpuAtEnd = model.cpuMs?.();
  const cpu = cpuAtStart === undefined || cpuAtEnd === undefined ? {} : { cpuMs: cpuAtEnd - cpuAtStart };
  return {
    text,
    ids,
    finishReason: finishReason ?? "length",
    usage: { promptTokens: prompt.length, completionTokens: ids.length, cachedTokens, weightBytesRead, ...cpu },
    timings: { loadMs, prefillMs, decodeMs },
    seed,
    reprefills: [...reprefills],
  };
}
