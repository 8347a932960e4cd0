import { allocKVLayer, createKernels, KV_BLOCK, type KVFormat, kvLayerBytes } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { randomFloats } from "../../test/random.ts";
import { compare } from "../compare.ts";

// One layer over f32 and int8 keys and values: a token, or a chunk of 32, at the end of S positions, whose blocks lie scattered. A multiply-add
// of q · k or of p · v counts as one. The longest cache is as large as a level-3 cache: decoding reads it from memory.
const SIZES = {
  "Phi-4-mini": { H: 24, K: 8, dh: 128 },
  "Phi-4": { H: 40, K: 10, dh: 128 },
} as const;
const LONGEST = 4096;
const blocks = LONGEST / KV_BLOCK;

for (const [model, { H, K, dh }] of Object.entries(SIZES)) {
  const scale = 1 / Math.sqrt(dh);
  const caches = (["f32", "int8"] as const).map((format) => filled(format, H, K, dh));
  for (const T of [1, 32]) {
    for (const S of [128, 512, 2048, LONGEST]) {
      const runs = caches.map(({ arena, kernels, reference, kv, format }) => {
        const mark = arena.mark();
        const qkv = random(arena, S, [T, H + 2 * K, dh]);
        const out = Tensor.alloc(arena, "f32", [T, H, dh]);
        const run = () => kernels.attention(out, qkv, kv, S - T, 0, scale);
        run();
        // The last token by the reference, and by itself, which must leave the same bits.
        const last = qkv.rows(T - 1, T);
        const [alone, expected] = [kernels, reference].map((k) => {
          const one = Tensor.alloc(arena, "f32", [1, H, dh]);
          k.attention(one, last, kv, S - 1, 0, scale);
          return one.f32;
        });
        const got = out.rows(T - 1, T).f32;
        const most = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        // int8 rounds queries to 14 bits, of which the outliers here take the most.
        const bound = { f32: 2e-5, int8: 2e-2 }[format];
        got.forEach((v, i) => {
          if (!Object.is(v, alone[i]) || !(Math.abs(v - expected[i]) <= bound * most))
            throw new Error(`${format}, T ${T}, S ${S}: [${i}] is ${v}, alone ${alone[i]}, reference ${expected[i]}`);
        });
        return { run, release: () => arena.release(mark) };
      });
      const macs = 2 * T * (S - (T - 1) / 2) * H * dh;
      const bytes = (format: KVFormat) => kvLayerBytes(format, S / KV_BLOCK, K, dh);
      const [f32, int8] = runs.map(({ run }) => run);
      const title = `attention of ${model}, [${T}, ${H}, ${dh}] over ${S} keys of ${K} heads`;
      await compare(
        title,
        { macs, bytes: T === 1 ? { f32: bytes("f32"), int8: bytes("int8") } : undefined },
        { f32, int8 },
      );
      for (const { release } of runs.reverse()) release();
    }
  }
}

function random(arena: Arena, seed: number, shape: readonly number[]): Tensor {
  const t = Tensor.alloc(arena, "f32", shape);
  t.f32.set(randomFloats(seed, t.size));
  return t;
}

/** A cache of LONGEST random positions. */
function filled(format: KVFormat, H: number, K: number, dh: number) {
  const arena = new Arena(kvLayerBytes(format, blocks, K, dh) + (8 << 20));
  const kernels = createKernels(arena);
  const table = Tensor.alloc(arena, "i32", [blocks]);
  (table.data as Int32Array).set(Array.from({ length: blocks }, (_, i) => (i * 37) % blocks));
  const kv = allocKVLayer(arena, format, blocks, K, dh, table);
  const mark = arena.mark();
  for (let at = 0; at < LONGEST; at += 32) {
    kernels.storeKV(kv, random(arena, at, [32, H + 2 * K, dh]), at);
    arena.release(mark);
  }
  return { format, arena, kernels, reference: createKernels(arena, "reference"), kv };
}
