/** Seeded inputs for tests: the same numbers on every engine (mulberry32). */
export function randomSource(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * n float32, roughly normal (a sum of uniforms), with every `outlierEvery`-th one 20 times as large: on uniform noise a softmax or a
 * quantizer is not tested at all.
 */
export function randomFloats(seed: number, n: number, scale = 1, outlierEvery = 61): Float32Array {
  const next = randomSource(seed);
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const x = (next() + next() + next() + next() - 2) * 1.7 * scale;
    out[i] = outlierEvery > 0 && i % outlierEvery === outlierEvery - 1 ? x * 20 : x;
  }
  return out;
}
