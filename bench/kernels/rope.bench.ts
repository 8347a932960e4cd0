import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

// Queries and keys of one layer; values ride along untouched.
const { H, K, dh, R } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(2);
  const x = both.random([T, H + 2 * K, dh]);
  // A rotation keeps the size of the numbers, however often it is done in place.
  const cos = Tensor.alloc(both.arena, "f32", [T, R / 2]);
  const sin = Tensor.alloc(both.arena, "f32", [T, R / 2]);
  cos.f32.fill(Math.cos(0.5));
  sin.f32.fill(Math.sin(0.5));
  const bytes = 2 * T * (H + K) * R * 4;
  await both.time(`rope [${T}, ${H} + ${K} heads of ${H + 2 * K}, ${dh}], R = ${R}`, { bytes }, x, 2e-7, (kernels) =>
    kernels.rope(x, H + K, cos, sin),
  );
}
