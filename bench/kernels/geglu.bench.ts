import { Tensor } from "../../src/tensor/index.ts";
import { Both } from "../both.ts";

const F = 14336; // of Phi-3-small
for (const T of [1, 32]) {
  const both = new Both(8);
  const x = both.random([T, 2 * F]);
  const out = Tensor.alloc(both.arena, "f32", [T, F]);
  await both.time(`geglu [${T}, 2 · ${F}]`, { bytes: 3 * out.byteLength }, out, 1e-6, (kernels) =>
    kernels.geglu(out, x, 20),
  );
}
