// How far the planes of a head turn, and what a query and a key then have in common:
//   npx tsx --conditions=phi-ts-source examples/guide-rope.ts
import { createKernels } from "phi-ts/kernels";
import { defaultArena, tensor } from "phi-ts/tensor";

const [theta, R, dh] = [10000, 24, 32]; // phi-tiny: 24 of a head's 32 numbers turn
const frequency = (i: number) => theta ** ((-2 * i) / R); // radians a position, of plane i
for (const i of [0, 1, 5, 11]) {
  const turn = (2 * Math.PI) / frequency(i);
  console.log(
    `plane ${i}: ${frequency(i).toFixed(5)} radians a position, once around in ${Math.round(turn)} positions`,
  );
}

// The same query and the same key at several positions: their product knows how far apart they are.
const k = createKernels(defaultArena());
const [query, key] = [1, 2].map((seed) => Array.from({ length: dh }, (_, d) => Math.sin(seed * (d + 1))));
const at = (head: number[], position: number) => {
  const angles = Array.from({ length: R / 2 }, (_, i) => position * frequency(i));
  const x = tensor([[head]]); // [T = 1, 1 head, dh]
  k.rope(x, 1, tensor([angles.map(Math.cos)]), tensor([angles.map(Math.sin)]));
  return x.f32.slice();
};
const product = (i: number, j: number) => {
  const [q, other] = [at(query, i), at(key, j)];
  return q.reduce((sum, v, d) => sum + v * other[d], 0).toFixed(3);
};
console.log("3 apart:", product(3, 0), product(10, 7), product(500, 497));
console.log("4 apart:", product(4, 0), product(11, 7), product(501, 497));
