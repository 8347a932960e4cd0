import { KV_BLOCK } from "../../src/kernels/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { H, K, dh } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(64);
  const blocks = 128;
  const qkv = both.random([T, H + 2 * K, dh]);
  const shape = [blocks, K, KV_BLOCK, dh];
  const [k, v] = [Tensor.alloc(both.arena, "f32", shape), Tensor.alloc(both.arena, "f32", shape)];
  const table = Tensor.alloc(both.arena, "i32", [blocks]);
  table.data.forEach((_, i, all) => {
    all[i] = i;
  });
  const start = 4096 - T;
  await both.time(`storeKV [${T}, ${K}, ${dh}] at ${start}`, { bytes: 2 * 2 * T * K * dh * 4 }, k, 0, (kernels) =>
    kernels.storeKV({ k, v, table }, qkv, start),
  );
}
