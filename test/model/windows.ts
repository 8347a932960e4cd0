import type { Decoder } from "../../src/model/decoder.ts";
import { argmax, klOfLogs, logSoftmax } from "../metrics.ts";

/** Tokens of a window, as the definitions in test/fixtures/evals/reference.json (text_windows) have it. */
export const WINDOW = 512;

/** Calls `see` with the logits [V] of every scored position (all but the first of each window of 512 tokens) and the token that follows. */
export function windows(decoder: Decoder, ids: number[], see: (row: Float32Array, next: number) => void): void {
  const V = decoder.config.vocabSize;
  const blocks = Array.from({ length: WINDOW / 32 }, () => decoder.pool.take());
  for (let w = 0; w < ids.length; w += WINDOW) {
    const window = ids.slice(w, w + WINDOW);
    for (let start = 0; start < window.length; start += decoder.maxChunk) {
      const part = window.slice(start, start + decoder.maxChunk);
      const logits = new Float32Array(part.length * V);
      decoder.step({ ids: part, start, blocks, regime: "short", logits });
      for (let t = 0; t < part.length; t++) {
        const next = window[start + t + 1];
        if (next !== undefined) see(logits.subarray(t * V, (t + 1) * V), next);
      }
    }
  }
  for (const block of blocks) decoder.pool.drop(block);
}

/** What a run differs by from the exact one, over all scored positions. */
export interface Quality {
  /** Mean KL(exact ‖ run) in nats. */
  kl: number;
  /** Share of positions with the same argmax. */
  top1: number;
  perplexity: number;
}

/** The run that others are compared with. */
export interface Exact {
  /** Logits [V] of every scored position. */
  rows: readonly Float32Array[];
  perplexity: number;
}

export function exactOf(decoder: Decoder, ids: number[]): Exact {
  const rows: Float32Array[] = [];
  let loss = 0;
  windows(decoder, ids, (row, next) => {
    rows.push(row.slice());
    loss -= logSoftmax(row)[next];
  });
  return { rows, perplexity: Math.exp(loss / rows.length) };
}

export function qualityOf(decoder: Decoder, ids: number[], { rows: exact }: Exact): Quality {
  let n = 0;
  let kl = 0;
  let same = 0;
  let loss = 0;
  windows(decoder, ids, (row, next) => {
    const logs = logSoftmax(row);
    kl += klOfLogs(logSoftmax(exact[n]), logs);
    if (argmax(exact[n]) === argmax(row)) same++;
    loss -= logs[next];
    n++;
  });
  return { kl: kl / n, top1: same / n, perplexity: Math.exp(loss / n) };
}
