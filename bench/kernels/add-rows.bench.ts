import { Tensor } from "../../src/tensor/index.ts";
import { Both } from "../both.ts";

// What an expert of Phi-3.5-MoE gives to the tokens that chose it: [n, 4096].
const D = 4096;
for (const n of [1, 8]) {
  const both = new Both(4);
  const [x, weights] = [both.random([n, D]), both.random([n])];
  const ids = Tensor.alloc(both.arena, "i32", [n]);
  (ids.data as Int32Array).set(Array.from({ length: n }, (_, i) => 3 * i));
  const out = Tensor.alloc(both.arena, "f32", [32, D]);
  await both.time(`addRows [${n}, ${D}]`, { bytes: 3 * x.byteLength }, out, 0, (kernels) => {
    out.f32.fill(0);
    kernels.addRows(out, ids, x, weights);
  });
}
