import { LogitsError } from "../errors.ts";
import { exp } from "../math/index.ts";
import { Prng } from "./prng.ts";
import type { Sampling } from "./sampling-options.ts";
import { kthGreatest, takeDescending } from "./select.ts";

/**
 * Chooses the next token of one answer. All arithmetic is float64 with our own exp and sums run in the order of ids, so that
 * equal logits, options and seeds give equal tokens on every engine.
 */
export class Sampler {
  readonly #options: Sampling;
  readonly #prng: Prng;
  /** Tokens of the prompt and of the answer. */
  readonly #seen = new Set<number>();
  /** How often the answer has each of its tokens. */
  readonly #counts = new Map<number, number>();
  /** [V] logits with biases and penalties. */
  #scores = new Float64Array(0);
  /** Ids of the candidates in ascending order, and exp((score - greatest) / temperature) of each. */
  #ids = new Int32Array(0);
  #weights = new Float64Array(0);

  /** @param seed takes the place of the options' */
  constructor(options: Sampling, seed: number, prompt: readonly number[]) {
    this.#options = options;
    this.#prng = Prng.fromSeed(seed);
    for (const id of prompt) this.#seen.add(id);
  }

  /** Chooses a token by logits [V] and remembers it. @throws LogitsError if one is NaN or +∞, or none is finite */
  next(logits: Float32Array): number {
    const scores = this.#penalize(logits);
    const best = greatest(scores);
    const id = this.#options.temperature === 0 ? best : this.#draw(scores, best);
    this.#seen.add(id);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    return id;
  }

  #penalize(logits: Float32Array): Float32Array | Float64Array {
    const { logitBias, repetitionPenalty, frequencyPenalty, presencePenalty } = this.#options;
    const counted = (frequencyPenalty !== 0 || presencePenalty !== 0) && this.#counts.size > 0;
    if (logitBias.length === 0 && repetitionPenalty === 1 && !counted) return logits;
    if (this.#scores.length !== logits.length) this.#scores = new Float64Array(logits.length);
    const scores = this.#scores;
    scores.set(logits);
    for (const [id, bias] of logitBias) scores[id] += bias;
    if (repetitionPenalty !== 1) {
      for (const id of this.#seen) {
        scores[id] = scores[id] < 0 ? scores[id] * repetitionPenalty : scores[id] / repetitionPenalty;
      }
    }
    if (counted) for (const [id, n] of this.#counts) scores[id] -= n * frequencyPenalty + presencePenalty;
    return scores;
  }

  #draw(scores: Float32Array | Float64Array, best: number): number {
    const { topK, topP, minP } = this.#options;
    let n = this.#candidates(
      scores,
      scores[best],
      topK > 0 && topK < scores.length ? kthGreatest(scores, topK) : -Infinity,
    );
    if (topP < 1) n = this.#nucleus(n, topP);
    if (minP > 0) n = this.#keep(n, (i) => this.#weights[i] >= minP);
    const ids = this.#ids;
    const weights = this.#weights;
    const target = this.#prng.next() * sum(weights, n);
    let cumulative = 0;
    for (let i = 0; i < n; i++) {
      cumulative += weights[i];
      if (target < cumulative) return ids[i];
    }
    // The product may round up to the whole sum.
    return best;
  }

  /** Fills ids and weights with the tokens whose score is at least `floor`; returns their number. */
  #candidates(scores: Float32Array | Float64Array, top: number, floor: number): number {
    const V = scores.length;
    const { temperature } = this.#options;
    if (this.#ids.length !== V) {
      this.#ids = new Int32Array(V);
      this.#weights = new Float64Array(V);
    }
    let n = 0;
    for (let id = 0; id < V; id++) {
      if (!(scores[id] >= floor)) continue;
      this.#ids[n] = id;
      this.#weights[n++] = exp((scores[id] - top) / temperature);
    }
    return n;
  }

  /** Keeps candidate i if those likelier than it (lower ids first among equals) sum to less than p of the whole. */
  #nucleus(n: number, p: number): number {
    const weights = this.#weights;
    const total = sum(weights, n);
    const goal = p * total;
    // All candidates below this sum to at most half of 1 - p, so that the others reach the goal without them.
    const floor = (0.5 * (1 - p) * total) / n;
    const kept = new Uint8Array(n);
    let cumulative = 0;
    takeDescending(weights, n, floor, (i) => {
      // The first is kept whatever p is.
      if (cumulative > 0 && !(cumulative < goal)) return false;
      cumulative += weights[i];
      kept[i] = 1;
      return true;
    });
    return this.#keep(n, (i) => kept[i] === 1);
  }

  #keep(n: number, keep: (i: number) => boolean): number {
    const ids = this.#ids;
    const weights = this.#weights;
    let kept = 0;
    for (let i = 0; i < n; i++) {
      if (!keep(i)) continue;
      ids[kept] = ids[i];
      weights[kept++] = weights[i];
    }
    return kept;
  }
}

function sum(x: Float64Array, n: number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += x[i];
  return total;
}

/** Index of the greatest score, the lowest among equals. @throws LogitsError */
function greatest(scores: Float32Array | Float64Array): number {
  let best = 0;
  let broken = -1;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id];
    // True for NaN and +∞ only.
    if (!(score < Infinity)) broken = id;
    if (score > scores[best]) best = id;
  }
  if (broken >= 0 || scores[best] === -Infinity) {
    const id = broken >= 0 ? broken : best;
    throw new LogitsError({
      what: `the next token cannot be chosen: the logit of token ${id}`,
      got: scores[id],
      expected: "finite logits (-Infinity for banned tokens, but not for all)",
    });
  }
  return best;
}
