import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { V } = PHI4_MINI;
for (const [T, N] of [
  [1, V],
  [32, 4096],
]) {
  const both = new Both(4);
  const x = both.random([T, N], 3);
  const out = Tensor.alloc(both.arena, "f32", [T, N]);
  await both.time(`softmax [${T}, ${N}]`, { bytes: 2 * x.byteLength }, out, 1e-5, (kernels) => kernels.softmax(out, x));
}
