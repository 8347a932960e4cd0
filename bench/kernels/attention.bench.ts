import { KV_BLOCK } from "../../src/kernels/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

// One layer: a token after 4095 others, and chunks of 32 after 0 and after 4064. A multiply-add of q·k or of p·v counts as one.
const { H, K, dh } = PHI4_MINI;
const S = 4096;
const both = new Both(64);
const shape = [S / KV_BLOCK, K, KV_BLOCK, dh];
const [k, v] = [both.random(shape), both.random(shape)];
const table = Tensor.alloc(both.arena, "i32", [S / KV_BLOCK]);
table.data.forEach((_, i, all) => {
  all[i] = (i * 37) % all.length;
});
for (const [T, start] of [
  [1, S - 1],
  [32, 0],
  [32, S - 32],
]) {
  const qkv = both.random([T, H + 2 * K, dh]);
  const out = Tensor.alloc(both.arena, "f32", [T, H, dh]);
  const keys = T * (start + (T + 1) / 2);
  const bytes = 2 * (start + T) * K * dh * 4;
  const title = `attention [${T}, ${H}, ${dh}] over ${start + T} keys of ${K} heads`;
  const run = (kernels: Parameters<Parameters<Both["time"]>[4]>[0]) =>
    kernels.attention(out, qkv, { k, v, table }, start, 0, 1 / Math.sqrt(dh));
  await both.time(title, { macs: 2 * keys * H * dh }, out, 2e-5, run);
  if (T === 1) await both.time(`${title}, bytes of keys and values`, { bytes }, out, 2e-5, run);
}
