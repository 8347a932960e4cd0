import { allocKVLayer } from "../../src/kernels/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { H, K, dh } = PHI4_MINI;
for (const T of [1, 32]) {
  const both = new Both(64);
  const blocks = 128;
  const qkv = both.random([T, H + 2 * K, dh]);
  const table = Tensor.alloc(both.arena, "i32", [blocks]);
  table.data.forEach((_, i, all) => {
    all[i] = i;
  });
  const start = 4096 - T;
  for (const format of ["f32", "int8"] as const) {
    const cache = allocKVLayer(both.arena, format, blocks, K, dh, table);
    const title = `storeKV [${T}, ${K}, ${dh}] as ${format} at ${start}`;
    await both.time(title, { bytes: 2 * T * K * dh * 4 }, cache.k, 0, (kernels) => kernels.storeKV(cache, qkv, start));
  }
}
