import type { Phi } from "../../index.ts";
import { renderChat } from "../../tokenizer/index.ts";
import type { Precision } from "./precision.ts";
import type { LogitsCase, TextCase } from "./reference.ts";

/** Logits beside the figures of a case. */
export interface Deviation {
  /** Figures that were compared. */
  figures: number;
  /** max |Δ|, and the mean of |Δ|. */
  max: number;
  mean: number;
  /**
   * Root mean square of Δ, divided by the spread of the figures: their standard deviation within a row. 0.01 is a hundredth of what tells
   * tokens apart; a row that has nothing to do with the figures has about √2.
   */
  relative: number;
  /** Figures that deviate by more than atol + rtol · |figure|. */
  beyond: number;
  /** Rows whose greatest logit, among the ids with figures, is the reference's. */
  top: number;
  rows: number;
}

/** @param logits f32 [T·V] of all positions of the case's ids */
export function compareLogits(c: LogitsCase, logits: Float32Array, V: number): Deviation {
  const d: Deviation = { figures: 0, max: 0, mean: 0, relative: 0, beyond: 0, top: 0, rows: c.logits.length };
  let squares = 0;
  let variance = 0;
  c.logits.forEach((expected, i) => {
    const got = logits.subarray(c.positions[i] * V, c.positions[i] * V + expected.length);
    const average = expected.reduce((a, b) => a + b) / expected.length;
    expected.forEach((figure, id) => {
      // What is no number deviates by more than any bound.
      const delta = Number.isFinite(got[id]) ? Math.abs(got[id] - figure) : Number.POSITIVE_INFINITY;
      d.figures++;
      d.max = Math.max(d.max, delta);
      d.mean += delta;
      if (!(delta <= c.atol + c.rtol * Math.abs(figure))) d.beyond++;
      squares += delta * delta;
      variance += (figure - average) ** 2;
    });
    if (greatest(got) === greatest(expected)) d.top++;
  });
  d.mean /= d.figures;
  // A row of equal figures has no spread.
  d.relative = squares === 0 ? 0 : Math.sqrt(squares / variance);
  return d;
}

export const logitsPass = (precision: Precision, d: Deviation): boolean =>
  precision.share === undefined ? d.beyond === 0 : d.relative <= precision.share;

function greatest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

/** An answer beside the text of a case. */
export interface Continuation {
  /** What the model wrote. */
  text: string;
  /** Tokens at the beginning whose text is the reference's, and tokens in all, the stop token aside. */
  agreed: number;
  tokens: number;
  /** Whether nothing differs as far as both go. */
  equal: boolean;
  /**
   * Where they part: by how much our token's logit is above that of the best token with which the reference's text goes on; "none" if none of the
   * {@link LOOKED_AT} likeliest does.
   */
  gap?: number | "none";
}

/** Tokens among which one is looked for that goes on as the reference's text does. */
export const LOOKED_AT = 1000;

/** Goes on as the reference did, taking the likeliest token each time. */
export async function compareText(
  phi: Phi,
  c: TextCase,
  { signal, onToken }: { signal?: AbortSignal; onToken?: (n: number) => void } = {},
): Promise<Continuation> {
  const { tokenizer } = phi;
  const prompt =
    typeof c.prompt === "string"
      ? tokenizer.encode(c.prompt, { parseSpecialTokens: true })
      : renderChat(tokenizer, c.prompt).ids;
  const generation = phi.generate(prompt, { maxTokens: c.maxTokens, signal });
  let n = 0;
  for await (const piece of generation) {
    n += piece.ids.length;
    onToken?.(n);
  }
  const { text, ids: all, finishReason } = await generation.result();
  const ids = finishReason === "stop" ? all.slice(0, -1) : all; // without the stop token, which has no text
  const expected = c.text.trim();
  /** Whether the text of these ids is how the reference begins; and its length. */
  const along = (some: readonly number[]): number | undefined => {
    const begun = tokenizer.decode(some).trim();
    return expected.startsWith(begun) || begun.startsWith(expected) ? begun.length : undefined;
  };
  const lengths = ids.map((_, i) => along(ids.slice(0, i + 1)));
  const first = lengths.indexOf(undefined);
  const short = finishReason === "stop" && text.trim().length < expected.length;
  const agreed = first >= 0 ? first : ids.length;
  const result: Continuation = { text, agreed, tokens: ids.length, equal: first < 0 && !short };
  if (result.equal) return result;
  const before = ids.slice(0, agreed);
  const logits = await phi.forward([...prompt, ...before], { signal });
  const reached = agreed === 0 ? 0 : (along(before) ?? 0);
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, LOOKED_AT);
  const theirs = order.find((id) => (along([...before, id]) ?? 0) > reached);
  result.gap = theirs === undefined ? "none" : logits[order[0]] - logits[theirs];
  return result;
}

export const textPasses = (precision: Precision, t: Continuation): boolean =>
  t.equal || (typeof t.gap === "number" && t.gap <= precision.gap);
