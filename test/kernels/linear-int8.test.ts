import type { Int8Rows, Operations } from "../../src/kernels/index.ts";
import { allocInt8Rows } from "../../src/kernels/index.ts";
import { FORM, FORMAT } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { groupsOf, type PackedMatrix } from "../../src/quant/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, onlyWrites, TINY } from "./compare.ts";
import { ALL_FORMS, BUILDS, bench, benchForm, bound, EVERY, FORMS, type Form, place, SIZES } from "./kinds.ts";
import { definedInt8 } from "./linear-definition.ts";
import {
  knownInt8Rows,
  knownMatrix,
  LINEAR_SHAPES,
  randomInt8Rows,
  randomMatrix,
  roomFor,
  tokensOf,
} from "./matrices.ts";

const FORMATS = ["q8", "q4", "q4z"] as const;

/** Tokens: single ones, fours, more fours than a block of weights is unpacked for. */
const TOKENS = [...SIZES, 133];

suite("kernels/linear int8", ({ test, assert }) => {
  for (const name of ["relaxed", "strict"] as const) {
    if (!BUILDS.includes(name)) test.skip(`${name}: all suites of kernels`, "this engine has no relaxed SIMD");
  }
  for (const { name } of ALL_FORMS.filter((form) => !FORMS.includes(form))) {
    test.skip(`${name}: int8 products`, "this engine computes them wrongly, which the known answers find");
  }

  /** The definition, and all that compute it. */
  const IMPLEMENTATIONS: { name: string; make: (megabytes: number) => { arena: Arena; kernels: Operations } }[] = [
    { name: "reference", make: (megabytes) => bench("reference", megabytes) },
    ...FORMS.map((form: Form) => ({ name: form.name, make: (megabytes: number) => benchForm(form, megabytes) })),
  ];

  for (const format of FORMATS) {
    for (const { name, make } of IMPLEMENTATIONS) {
      const exact = name === "reference";
      test(`${name}, ${format}: within ${exact ? "1" : "G + 2"} · 2^-24 · Σ|term| of the exact sum; only out is written`, () => {
        for (const [T, N, C] of LINEAR_SHAPES) {
          const { arena, kernels } = make(roomFor(N, C));
          const known = randomMatrix(arena, format, N, C, N + C);
          const x = randomInt8Rows(arena, T, C, C);
          const out = Tensor.alloc(arena, "f32", [T, N]);
          onlyWrites(assert, arena, [out], () => kernels.linear(out, x, known.matrix));
          const { exact: sum, size } = definedInt8(x, known);
          const units = exact ? 1 + 2 ** -20 : groupsOf(C) + 2;
          for (let i = 0; i < out.size; i++) {
            const error = Math.abs(out.f32[i] - sum[i]);
            const bound = units * EPS * size[i] + TINY;
            if (!(error <= bound)) assert.atMost(error, bound, `[${T}, ${N}, ${C}] [${i}]`);
          }
        }
      });

      test(`${name}, ${format}: the extremes of weights and activations are exact in every group (no overflow)`, () => {
        const C = 96;
        const signs = [
          () => 1,
          (k: number) => (k & 1 ? -1 : 1),
          (k: number) => (k & 2 ? -1 : 1),
          (k: number) => (k & 4 ? -1 : 1),
        ];
        for (const w of format === "q8" ? [-128, 127, -127, -16, 15] : [-8, 7]) {
          for (const sign of signs) {
            const { arena, kernels } = make(1);
            const { matrix } = knownMatrix(arena, format, 9, C, {
              int: (_, k) => (sign(k) < 0 ? -1 - w : w),
              scale: () => 0x3c00,
            });
            const expected = Array.from({ length: C }, (_, k) => (sign(k) < 0 ? -1 - w : w) * 127 * sign(k));
            for (const a of [-127, 127]) {
              const x = knownInt8Rows(arena, 5, C, { int: (_, k) => a * sign(k), scale: () => 1 });
              const out = Tensor.alloc(arena, "f32", [5, 9]);
              kernels.linear(out, x, matrix);
              assert.deepEqual([...out.f32], new Array(45).fill((expected.reduce((s, v) => s + v, 0) * a) / 127));
            }
          }
        }
      });

      test(`${name}, ${format}: a NaN or an infinity in one group makes that token's outputs NaN, and no other token's`, () => {
        for (const bad of [Number.NaN, Infinity, -Infinity]) {
          const { arena, kernels } = make(1);
          const { matrix } = randomMatrix(arena, format, 9, 70, 3);
          const values = randomFloats(4, 6 * 70);
          values[2 * 70 + 69] = bad;
          const x = allocInt8Rows(arena, 6, 70);
          kernels.quantizeActivations(x, place(arena, [6, 70], values));
          const out = Tensor.alloc(arena, "f32", [6, 9]);
          kernels.linear(out, x, matrix);
          for (const [i, y] of out.f32.entries()) assert.equal(Number.isNaN(y), Math.floor(i / 9) === 2, `[${i}]`);
        }
      });
    }

    for (const form of FORMS) {
      test(`${form.name}, ${format}: bit for bit the definition, operation by operation in float32`, () => {
        for (const [T, N, C] of LINEAR_SHAPES) {
          const { arena, kernels } = benchForm(form, roomFor(N, C));
          const known = randomMatrix(arena, format, N, C, N + C);
          const x = randomInt8Rows(arena, T, C, C);
          const out = Tensor.alloc(arena, "f32", [T, N]);
          kernels.linear(out, x, known.matrix);
          assert.deepEqual([...out.f32], [...definedInt8(x, known).float32], `[${T}, ${N}, ${C}]`);
        }
      });

      test(`${form.name}, ${format}: T tokens at once have the bits of one at a time, T = 1 … 17, 31 … 33, 63 … 65, 127 … 129, 133`, () => {
        for (const [N, C] of [
          [1, 40],
          [21, 65],
          [12, 1100],
        ]) {
          const { arena, kernels } = benchForm(form);
          const { matrix } = randomMatrix(arena, format, N, C, C);
          const x = randomInt8Rows(arena, 133, C, N);
          const single = Tensor.alloc(arena, "f32", [133, N]);
          const mark = arena.mark();
          for (let t = 0; t < 133; t++) {
            arena.release(mark);
            kernels.linear(single.rows(t, t + 1), tokensOf(x, t, t + 1), matrix);
          }
          for (const T of TOKENS) {
            arena.release(mark);
            const out = Tensor.alloc(arena, "f32", [T, N]);
            kernels.linear(out, tokensOf(x, 0, T), matrix);
            assert.deepEqual(bitsOf(out), bitsOf(single.rows(0, T)), `[${T}, ${N}, ${C}]`);
          }
        }
      });

      test(`${form.name}, ${format}: activations of 2^-100 and of 2^69 have the bits of the definition, alone and by fours`, () => {
        for (const size of [2 ** -100, 2 ** 69]) {
          const { arena, kernels } = benchForm(form);
          const known = randomMatrix(arena, format, 21, 70, 5);
          const x = allocInt8Rows(arena, 5, 70);
          kernels.quantizeActivations(x, place(arena, [5, 70], randomFloats(6, 5 * 70, size)));
          const out = Tensor.alloc(arena, "f32", [5, 21]);
          kernels.linear(out, x, known.matrix);
          assert.deepEqual([...out.f32], [...definedInt8(x, known).float32], `${size}`);
        }
      });

      test(`${form.name}, ${format}: blocks of rows in several calls have the bits of one call, and a call writes no others`, () => {
        const [N, C, blocks] = [77, 100, 10];
        for (const T of [1, 3, 4, 9]) {
          const { arena, kernels } = benchForm(form);
          const { matrix } = randomMatrix(arena, format, N, C, C);
          const x = randomInt8Rows(arena, T, C, N);
          const whole = Tensor.alloc(arena, "f32", [T, N]);
          kernels.linear(whole, x, matrix);
          const run = ranges(arena, form, x, matrix);
          for (const cut of [[0, 10], [0, 1, 10], [0, 3, 6, 10], Array.from({ length: blocks + 1 }, (_, i) => i)]) {
            const out = Tensor.alloc(arena, "f32", [T, N]);
            for (const i of cut.slice(1).keys()) {
              const before = bitsOf(out);
              run(out, cut[i], cut[i + 1]);
              const after = bitsOf(out);
              const inside = (at: number) => at % N >= 8 * cut[i] && at % N < 8 * cut[i + 1];
              for (const at of after.keys()) assert.ok(inside(at) || after[at] === before[at]);
            }
            assert.deepEqual(bitsOf(out), bitsOf(whole), `T ${T}, cut at ${cut}`);
          }
        }
      });
    }
  }

  for (const { name, make } of IMPLEMENTATIONS) {
    test(`${name}, q4z: nibbles and zero points of 0 and 15 with activations of ±127 are exact in every group (no overflow)`, () => {
      const C = 96;
      for (const [nibble, zero] of [
        [15, 0],
        [0, 15],
        [15, 15],
        [0, 0],
      ]) {
        for (const a of [
          (k: number) => (k & 1 ? -127 : 127),
          (k: number) => (k & 2 ? -127 : 127),
          () => 127,
          () => -127,
        ]) {
          const { arena, kernels } = make(1);
          const int = () => nibble - zero;
          const { matrix } = knownMatrix(arena, "q4z", 17, C, { int, scale: () => 0x3c00, zero: () => zero });
          const x = knownInt8Rows(arena, 5, C, { int: (_, k) => a(k), scale: () => 1 });
          const out = Tensor.alloc(arena, "f32", [5, 17]);
          kernels.linear(out, x, matrix);
          const sum = Array.from({ length: C }, (_, k) => a(k)).reduce((s, v) => s + v, 0);
          assert.deepEqual([...out.f32], new Array(85).fill((nibble - zero) * sum + 0));
        }
      }
    });
  }

  test("instances of all builds work in one arena, in turn", () => {
    const arena = new Arena(1 << 20);
    const all = FORMS.map((form) => bound(form, arena));
    const { matrix } = randomMatrix(arena, "q4", 24, 96, 1);
    const x = randomInt8Rows(arena, 5, 96, 2);
    const results = [...all, ...all].map((kernels) => {
      const out = Tensor.alloc(arena, "f32", [5, 24]);
      kernels.linear(out, x, matrix);
      return bitsOf(out);
    });
    for (const bits of results) assert.deepEqual(bits, results[0]);
  });

  test("every form of every build has the same bits", () => {
    for (const format of FORMATS) {
      for (const [T, N, C] of [
        [1, 40, 3072],
        [7, 24, 2080],
        [32, 17, 1024],
      ]) {
        const results = FORMS.map((form) => {
          const { arena, kernels } = benchForm(form, 2);
          const { matrix } = randomMatrix(arena, format, N, C, C);
          const out = Tensor.alloc(arena, "f32", [T, N]);
          kernels.linear(out, randomInt8Rows(arena, T, C, N), matrix);
          return bitsOf(out);
        });
        for (const bits of results) assert.deepEqual(bits, results[0]);
      }
    }
  });
});

/** The export itself, for blocks begin … end - 1. */
function ranges(arena: Arena, form: Form, { q, pairs, scale, offset, rows: T }: Int8Rows, w: PackedMatrix) {
  const wasm = instantiate(arena, form.build, moduleOf(form.build, EVERY));
  const operands = [q.ptr, pairs.ptr, scale.ptr, offset.ptr, w.ptr, FORMAT[w.format], T, w.rows];
  return (out: Tensor, begin: number, end: number) =>
    wasm.linearInt8(out.ptr, ...operands, groupsOf(w.cols), FORM[form.form], KERNEL_RESERVE / 2, begin, end);
}
