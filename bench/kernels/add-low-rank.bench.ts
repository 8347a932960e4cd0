import { allocLowRank, writeLowRank } from "../../src/kernels/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { randomFloats } from "../../test/random.ts";
import { Both, PHI4_MINI } from "../both.ts";

// What an adapter of rank 16 adds to gate and up of Phi-4-mini: [T, 16384].
const [n, r] = [2 * PHI4_MINI.F, 16];
for (const T of [1, 32]) {
  const both = new Both(8);
  const u = both.random([T, r]);
  const b = allocLowRank(both.arena, n, r);
  writeLowRank(b, 0, randomFloats(1, n * r));
  const out = Tensor.alloc(both.arena, "f32", [T, n]);
  const work = { bytes: b.byteLength + 2 * out.byteLength, macs: T * n * r };
  await both.time(`addLowRank [${T}, ${n}], rank ${r}`, work, out, 1e-5, (kernels) => {
    out.f32.fill(0);
    kernels.addLowRank(out, 0, u, 0, b, 0.5);
  });
}
