import type { Route } from "./stub.ts";

const f32 = Math.fround;

/** The two experts of one token: see the stub. */
export function route(scores: ArrayLike<number>, jitter: number): Route {
  const all = Array.from(scores, (score, expert) => ({ score, expert }));
  const first = choose(all, jitter);
  const second = choose(
    all.filter(({ expert }) => expert !== first.expert),
    jitter,
  );
  return { experts: [first.expert, second.expert], weights: [first.weight, second.weight] };
}

function choose(all: { score: number; expert: number }[], jitter: number): { expert: number; weight: number } {
  const best = all.reduce((a, b) => (b.score > a.score ? b : a));
  // Not "<=": the quotient of a greatest score of 0 with itself is no number, and it counts.
  const near = all.filter(
    ({ score }) => !(f32(f32(best.score - score) / Math.max(Math.abs(score), best.score)) > f32(2 * jitter)),
  );
  return { expert: best.expert, weight: 1 / near.reduce((sum, { score }) => sum + Math.exp(score - best.score), 0) };
}
