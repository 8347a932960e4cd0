import { Tensor } from "../../src/tensor/index.ts";
import { Both } from "../both.ts";

// Inputs of Phi-4-mini's down_proj in the order of its groups: [T, 8192].
for (const T of [1, 32]) {
  const both = new Both(4);
  const x = both.random([T, 8192]);
  const order = Tensor.alloc(both.arena, "i32", [8192]);
  for (let i = 0; i < 8192; i++) order.data[i] = (i * 997) % 8192;
  const out = Tensor.alloc(both.arena, "f32", [T, 8192]);
  await both.time(`permute [${T}, 8192]`, { bytes: 2 * x.byteLength }, out, 0, (kernels) =>
    kernels.permute(out, x, order),
  );
}
