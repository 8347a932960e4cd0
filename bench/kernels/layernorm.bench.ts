import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { D } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(2);
  const x = both.random([T, D]);
  const [weight, bias] = [both.random([D]), both.random([D])];
  const out = Tensor.alloc(both.arena, "f32", [T, D]);
  const bytes = 2 * x.byteLength + 2 * weight.byteLength;
  await both.time(`layernorm [${T}, ${D}]`, { bytes }, out, 2e-7, (kernels) =>
    kernels.layernorm(out, x, weight, bias, 1e-5),
  );
}
