import { SCRATCH_BYTES } from "../../src/kernels/crew.ts";
import {
  allocInt8Rows,
  allocKVLayer,
  allocLowRank,
  allocMatrix,
  type Operations,
  writeLowRank,
} from "../../src/kernels/index.ts";
import { wrongAnswers } from "../../src/kernels/known-answers.ts";
import { REST } from "../../src/kernels/rest.ts";
import { sharedKernels } from "../../src/kernels/shared.ts";
import { simdKernels } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf, variantOf } from "../../src/kernels/wasm-module.ts";
import { allocSlices } from "../../src/quant/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { Leader } from "../../src/threads/index.ts";
import { suite, unless } from "../harness.ts";
import { bitsOf } from "../kernels/compare.ts";
import { ANSWERS, benchForm, EVERY, FORMS, place, placeRandom } from "../kernels/kinds.ts";
import { randomFloats } from "../random.ts";
import { crewOf, noThreads } from "./crew.ts";

/** All operations that threads share, on T tokens, with sizes that leave tails everywhere. Returns all that they have written. */
function everything(arena: Arena, k: Operations, T: number): Tensor[] {
  const random = (seed: number, ...shape: number[]) => placeRandom(arena, seed, shape);
  const [N, C, H, K, dh] = [93, 70, 6, 3, 20];
  const out: Tensor[] = [];
  const f32 = (...shape: number[]) => {
    const t = Tensor.alloc(arena, "f32", shape);
    out.push(t);
    return t;
  };
  const x = random(1, T, C);
  const h = f32(T, C);
  k.rmsnorm(h, x, random(2, C), 1e-5);
  k.add(h, h, x);
  const rows = allocInt8Rows(arena, T, C);
  k.quantizeActivations(rows, h);
  out.push(rows.q, rows.scale, rows.offset, rows.pairs);
  for (const format of ["q4", "q8", "f32"] as const) {
    const w = allocMatrix(arena, format, N, C);
    k.packRows(w, 0, random(3, 48, C));
    k.packRows(w, 48, random(4, N - 48, C).to("bf16"));
    out.push(new Tensor(arena, w.ptr, "u8", [w.byteLength]));
    k.linear(f32(T, N), h, w);
    if (format !== "f32") k.linear(f32(T, N), rows, w);
  }
  const slices = allocSlices(
    arena,
    [
      { format: "q8", rows: 40 },
      { format: "q4", rows: 24 },
    ],
    C,
  );
  for (const slice of slices.slices ?? []) k.packRows(slice, 0, random(8, slice.rows, C));
  k.linear(f32(T, 64), h, slices);
  k.linear(f32(T, 64), rows, slices);
  const low = allocLowRank(arena, 61, 9);
  writeLowRank(low, 0, randomFloats(9, 61 * 9));
  k.addLowRank(h, 7, x, 3, low, 0.3);
  for (const [format, C, bytes] of [
    ["q4", 64, 36],
    ["q8", 64, 68],
    ["q8", 64, 44],
    ["q4k", 512, 288],
    ["q6k", 256, 210],
    ["q5m", 64, 48],
  ] as const) {
    const w = allocMatrix(arena, format, 30, C);
    k.repackRows(
      w,
      0,
      place(
        arena,
        [30, bytes],
        Array.from({ length: 30 * bytes }, (_, i) => (i * 37) % 100),
        "u8",
      ),
    );
    out.push(new Tensor(arena, w.ptr, "u8", [w.byteLength]));
  }
  const qkv = random(5, T, H + 2 * K, dh);
  k.rope(qkv, H + K, random(6, T, 7), random(7, T, 7));
  out.push(qkv);
  for (const format of ["f32", "int8"] as const) {
    const cache = allocKVLayer(arena, format, 4, K, dh, place(arena, [4], [2, 0, 3, 1], "i32"));
    k.storeKV(cache, random(8, 40, H + 2 * K, dh), 0);
    k.storeKV(cache, qkv, 40);
    k.attention(f32(T, H, dh), qkv, cache, 40, 0, 0.3);
    k.attention(f32(T, H, dh), qkv, cache, 40, 25, 0.3);
    k.attention(f32(T, H, dh), qkv, cache, 40, 0, 0.3, { size: 32, local: 1, stride: 3, step: 1 });
  }
  k.swiglu(f32(T, 35), x);
  k.geglu(f32(T, 35), x, 0.5);
  return out;
}

suite("threads/kernels", ({ test, assert, engine }) => {
  const here = unless(noThreads(engine, true), test);

  for (const form of FORMS) {
    here(
      `${form.name}: every operation that is shared leaves the same bits with 1 to 4 threads, of 1 to 33 tokens`,
      async () => {
        for (const threads of [1, 2, 3, 4]) {
          const crew = crewOf(form, threads);
          await crew.start();
          for (const T of [1, 2, 4, 7, 33]) {
            const alone = benchForm(form);
            const [arena] = crew.arenas;
            const mark = arena.mark();
            const got = everything(arena, crew.kernels[0], T).map(bitsOf);
            const expected = everything(alone.arena, alone.kernels, T).map(bitsOf);
            for (const [i, bits] of expected.entries())
              assert.deepEqual(got[i], bits, `${threads} threads, T ${T}, ${i}`);
            arena.release(mark);
            new Uint8Array(arena.buffer, mark).fill(0);
          }
          crew.leader.end();
          assert.equal(crew.losses.length, 0);
        }
      },
    );

    here(`${form.name}: known answers are given as jobs of a leader, too, who waits for no helper`, async () => {
      const variant = variantOf(form.build, true);
      const module = moduleOf(variant, EVERY);
      const wrong = wrongAnswers(
        ANSWERS,
        (arena) => {
          const limits = { products: 0, leastProducts: 0, numbers: 0, leastNumbers: 0 };
          const exports = instantiate(arena, variant, module);
          const helperScratch = [arena.byteLength - SCRATCH_BYTES];
          const place = { arena, module, exports, helperScratch };
          const alone = simdKernels(exports, form.form, REST);
          return sharedKernels(place, alone, form.form, new Leader(2, () => {}), limits);
        },
        true,
      );
      assert.deepEqual(wrong, []);
    });
  }

  const [fastest] = FORMS;
  here("over three arenas in any order, 600 times: the same bits, and whoever helps finds the leader", async () => {
    const crew = crewOf(fastest, 3, { count: 3, megabytes: 1 });
    const { arena, kernels } = benchForm(fastest, 1);
    const made = [arena, ...crew.arenas].map((a) => ({
      x: place(a, [9, 96], randomFloats(1, 9 * 96, 1)),
      w: allocMatrix(a, "q4", 200, 96),
      src: place(a, [200, 96], randomFloats(2, 200 * 96, 1)),
      rows: allocInt8Rows(a, 9, 96),
      out: Tensor.alloc(a, "f32", [9, 200]),
    }));
    const all = [kernels, ...crew.kernels];
    const run = (i: number) => {
      const { x, w, src, rows, out } = made[i];
      all[i].packRows(w, 0, src);
      all[i].quantizeActivations(rows, x);
      all[i].linear(out, rows, w);
      return bitsOf(out);
    };
    const expected = run(0);
    const starting = crew.start();
    for (let i = 0; i < 600; i++) {
      // Helpers come, and then fall asleep now and then.
      if (i === 100) await starting;
      if (i % 150 === 149) await new Promise((resolve) => setTimeout(resolve, 5));
      const at = 1 + ((i * i + (i >> 3)) % 3);
      made[at].out.f32.fill(Number.NaN);
      assert.deepEqual(run(at), expected, `${i}, arena ${at}`);
    }
    crew.leader.end();
    assert.equal(crew.losses.length, 0);
  });
});
