import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { F } = PHI4_MINI;
for (const form of ["tanh", "erf"] as const) {
  for (const T of [1, 32]) {
    const both = new Both(4);
    const x = both.random([T, F]);
    const out = Tensor.alloc(both.arena, "f32", [T, F]);
    await both.time(`gelu ${form} [${T}, ${F}]`, { bytes: 2 * out.byteLength }, out, 1e-6, (kernels) =>
      kernels.gelu(out, x, form),
    );
  }
}
