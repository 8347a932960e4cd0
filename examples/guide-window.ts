// How far back a window reaches, on a random model of 3 layers with a window of 16 (Phi-3-mini-4k: 32 layers, 2047):
//   npx tsx --conditions=phi-ts-source examples/guide-window.ts
import { loadPhi } from "phi-ts";

const phi = await loadPhi("test/fixtures/golden/phi-3-mini-4k", { weights: "f32", activations: "f32", kv: "f32" });
const { slidingWindow: W, layers, vocabSize: V } = phi.config;
console.log(`${layers} layers, a window of ${W}: a token sees itself and the ${W - 1} before it`);

const ids = Array.from({ length: 60 }, (_, i) => (i * 37 + 11) % 300);
const before = await phi.forward(ids, { logits: "all" }); // [T·V]
const after = await phi.forward([7, ...ids.slice(1)], { logits: "all" }); // another token at position 0

/** By how much the logits of a position have changed at most. */
const changed = (t: number) =>
  Math.max(...before.slice(t * V, (t + 1) * V).map((x, v) => Math.abs(x - after[t * V + v])));
for (const t of [0, 1, 15, 16, 30, 31, 45, 46, 59]) console.log(`position ${t}: ${changed(t).toExponential(1)}`);
await phi.dispose();
