// LongRoPE's switch, on a random model that has it at 32 tokens (Phi-3-mini-128k: at 4096):
//   npx tsx --conditions=phi-ts-source examples/guide-longrope.ts
import { loadPhi } from "phi-ts";

const folder = "test/fixtures/golden/phi-3-mini-128k";
const exact = { weights: "f32", activations: "f32", kv: "f32" } as const;
const phi = await loadPhi(folder, exact);
const { longrope, rotaryDim: R, ropeTheta } = phi.config;
if (!longrope) throw new Error("no LongRoPE");

// Positions for one turn of a plane: without LongRoPE, with the short factors, with the long ones.
for (const i of [0, 3, 7]) {
  const turn = 2 * Math.PI * ropeTheta ** ((2 * i) / R);
  const turns = [turn, turn * longrope.shortFactor[i], turn * longrope.longFactor[i]].map((n) => Math.round(n));
  console.log(`plane ${i}: once around in ${turns.join(", ")} positions`);
}
console.log(`cos and sin are multiplied by ${longrope.attentionFactor.short.toFixed(4)}`);

const ids = Array.from({ length: 40 }, (_, i) => (i * 37 + 11) % 300);
/** How far two rows of logits are from each other at most. */
const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((x, v) => Math.abs(x - b[v]))).toFixed(2);

// 32 tokens, then the 33rd: all that was cached is turned by the wrong angles, and is computed again.
const sequence = await phi.sequence();
await sequence.forward(ids.slice(0, 32));
const across = await sequence.forward(ids.slice(32, 33), {
  onReprefill: (event) => console.log("computed again:", event),
});
const fresh = await (await loadPhi(folder, exact)).forward(ids.slice(0, 33));
console.log(
  "as if computed at once:",
  across.every((x, v) => Object.is(x, fresh[v])),
);

// The long set from the start: nothing is ever computed again, at other answers below the switch.
const long = await loadPhi(folder, { ...exact, rope: "long" });
for (const n of [20, 32, 33]) {
  const [a, b] = [await phi.forward(ids.slice(0, n)), await long.forward(ids.slice(0, n))];
  console.log(`${n} tokens: logits of rope "auto" and "long" are ${apart(a, b)} apart`);
}
