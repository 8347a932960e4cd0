import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { V } = PHI4_MINI;
for (const k of [1, 40, 1000]) {
  const both = new Both(4);
  const x = both.random([1, V]);
  const ids = Tensor.alloc(both.arena, "i32", [1, k]);
  const values = Tensor.alloc(both.arena, "f32", [1, k]);
  await both.time(`topk [1, ${V}], k = ${k}`, { bytes: x.byteLength }, ids, 0, (kernels) =>
    kernels.topk(ids, values, x),
  );
}
