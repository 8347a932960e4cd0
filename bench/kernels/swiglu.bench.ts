import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { F } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(4);
  const gateUp = both.random([T, 2 * F]);
  const out = Tensor.alloc(both.arena, "f32", [T, F]);
  await both.time(`swiglu [${T}, 2 · ${F}]`, { bytes: 3 * out.byteLength }, out, 1e-6, (kernels) =>
    kernels.swiglu(out, gateUp),
  );
}
