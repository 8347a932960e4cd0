// What the cache holds, and what it saves:
//   npx tsx --conditions=phi-ts-source examples/guide-cache.ts
import { loadPhi } from "phi-ts";

// Numbers of keys and values for one token: 2 · layers · K · dh. In float32 each is 4 bytes; in int8 one, and a float32 scale for each head.
for (const [name, layers, K, dh] of [
  ["Phi-2", 32, 32, 80],
  ["Phi-3-mini", 32, 32, 96],
  ["Phi-3.5-MoE", 32, 8, 128],
  ["Phi-4-mini", 32, 8, 128],
  ["Phi-4", 40, 10, 128],
] as const) {
  const [f32, int8] = [4 * dh, dh + 4].map((head) => (2 * layers * K * head) / 1024); // KiB
  const whole = [f32, int8].map((size) => ((size * 4096) / 2 ** 20).toFixed(2)).join(" or ");
  console.log(`${name.padEnd(12)} ${f32} KiB a token in f32, ${int8} in int8; 4096 tokens: ${whole} GiB`);
}

const phi = await loadPhi("models/phi-tiny");
const sequence = await phi.sequence();
const question = [2044, 354, 270, 220, 16, 17, 288, 220, 18, 15, 30, 2043, 2042]; // "What is 12 + 30?" in the chat format

/** Tokens that a forward computes: those that the cache did not have. */
const computed = async (ids: number[]): Promise<number> => {
  let cached = 0;
  await sequence.forward(ids, { logits: "none", onProgress: (progress) => (cached = progress.cached) });
  return sequence.length - cached;
};
console.log("the question:", await computed(question), "tokens computed");
console.log("one token more:", await computed([16]));
console.log("and another:", await computed([17]));

// Another question that begins alike.
const first = await phi.chat("What is 12 + 30?", { maxTokens: 8 }).result();
const second = await phi.chat("What is 12 + 47?", { maxTokens: 8 }).result();
for (const { usage } of [first, second])
  console.log(`${usage.cachedTokens} of ${usage.promptTokens} tokens of the prompt were there already`);
await phi.dispose();
