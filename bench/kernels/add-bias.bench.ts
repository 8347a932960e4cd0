import { Tensor } from "../../src/tensor/index.ts";
import { Both } from "../both.ts";

// The bias of fc1 in Phi-2: [T, 10240].
for (const T of [1, 32]) {
  const both = new Both(4);
  const x = both.random([T, 10240]);
  const bias = both.random([10240]);
  const out = Tensor.alloc(both.arena, "f32", [T, 10240]);
  await both.time(`addBias [${T}, 10240]`, { bytes: 2 * x.byteLength + bias.byteLength }, out, 0, (kernels) =>
    kernels.addBias(out, x, bias),
  );
}
