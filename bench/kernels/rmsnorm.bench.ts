import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { D } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(2);
  const x = both.random([T, D]);
  const weight = both.random([D]);
  const out = Tensor.alloc(both.arena, "f32", [T, D]);
  await both.time(`rmsnorm [${T}, ${D}]`, { bytes: 2 * x.byteLength + weight.byteLength }, out, 2e-7, (kernels) =>
    kernels.rmsnorm(out, x, weight, 1e-5),
  );
}
