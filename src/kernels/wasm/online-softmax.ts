import { exp1, exp4 } from "./exp";
import { KV_BLOCK } from "./layout";
import { greatest } from "./softmax";

/**
 * What a (token, query head) pair remembers from one KV block to the next, in scratch, and what its steps in one block hand to each other.
 * 32 scores (from byte SCORES) and, with int8 keys, the query as i16 (from byte QUERY) lie behind it.
 */
@unmanaged
export class Pair {
  /** Greatest score so far, and the sum of e^(score - max). */
  max: f32;
  sum: f32;
  /** e^(old max - new max): what the results so far are multiplied by. */
  correction: f32;
  /** int8: what a sum of integers is multiplied by; of q · k (without the key's scale), and of p · v. */
  queryScale: f32;
  weightScale: f32;
  /** Keys of the block that the pair sees: from … to - 1. */
  from: i32;
  to: i32;
  /** Where the first pair's record takes what attention.ts's touch has read, so that no compiler leaves it out. */
  touched: u32;
  /** Of the query; where the query and the results lie. */
  position: i32;
  query: usize;
  out: usize;
}

/** Byte offsets in a pair's record. */
export const SCORES: usize = 48;
export const QUERY: usize = 176;

// @ts-ignore: decorator
@inline
export function sees(p: Pair): bool {
  return p.from < p.to;
}

// Takes one block's scores into the pair, and leaves p_j = e^(s_j - max) in their place (M. Milakov and N. Gimelshein, "Online normalizer
// calculation for softmax", 2018): max' = max(max, scores), correction = e^(max - max'), sum' = sum · correction + Σ p_j. In two steps, of which
// each waits for the end of the one before: those of other pairs fit between them.

/** The first step, all but the sum. Scores of keys that are not seen become -∞, whatever lies there, and so their p 0. */
export function raise(p: Pair): void {
  const scores = changetype<usize>(p) + SCORES;
  if (p.to - p.from < KV_BLOCK) setUnseen(p, -Infinity);
  let most = v128.load(scores);
  let most1 = v128.load(scores, 16);
  for (let at: usize = 32; at < 128; at += 32) {
    most = f32x4.pmax(most, v128.load(scores + at));
    most1 = f32x4.pmax(most1, v128.load(scores + at, 16));
  }
  const before = p.max;
  const block = greatest(f32x4.pmax(most, most1));
  const m = block > before ? block : before;
  p.max = m;
  p.correction = exp1(before - m);
}

/** The second step. Lanes: p_j goes to sum j mod 4, joined as (0 + 2) + (1 + 3). */
export function follow(p: Pair): void {
  const scores = changetype<usize>(p) + SCORES;
  const m4 = f32x4.splat(p.max);
  let l = f32x4.splat(0);
  for (let at = scores; at < scores + 128; at += 32) {
    const e = exp4(f32x4.sub(v128.load(at), m4));
    const f = exp4(f32x4.sub(v128.load(at, 16), m4));
    v128.store(at, e);
    v128.store(at, f, 16);
    l = f32x4.add(f32x4.add(l, e), f);
  }
  l = f32x4.add(l, v128.shuffle<i32>(l, l, 2, 3, 0, 1));
  p.sum = p.sum * p.correction + (f32x4.extract_lane(l, 0) + f32x4.extract_lane(l, 1));
}

/** What stands for keys of the block that the pair does not see becomes x. */
export function setUnseen(p: Pair, x: f32): void {
  const scores = changetype<usize>(p) + SCORES;
  const first = scores + (<usize>p.from << 2);
  for (let at = scores; at < first; at += 4) store<f32>(at, x);
  for (let at = scores + (<usize>p.to << 2); at < scores + 128; at += 4) store<f32>(at, x);
}

/** The pair's results [dh], divided by its sum. */
export function divide(p: Pair, dh: i32): void {
  let out = p.out;
  const end = out + (<usize>dh << 2);
  const l4 = f32x4.splat(p.sum);
  for (; out + 16 <= end; out += 16) v128.store(out, f32x4.div(v128.load(out), l4));
  for (; out < end; out += 4) store<f32>(out, load<f32>(out) / p.sum);
}
