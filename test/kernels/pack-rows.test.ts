import { ShapeError } from "../../src/errors.ts";
import {
  allocMatrix,
  BLOCK_BYTES,
  GROUP,
  groupsOf,
  type PackedMatrix,
  quantizeQ4,
  quantizeQ8,
  readQ4Group,
  readQ8Group,
} from "../../src/quant/index.ts";
import { type Arena, type DType, fromF32, Tensor, toF32 } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { DRAWS } from "../quant/groups.ts";
import { randomFloats, randomSource } from "../random.ts";
import { hash } from "./compare.ts";
import { bench, KINDS, SIZES } from "./kinds.ts";

const DTYPES = ["f32", "f16", "bf16"] as const;
const bytesOf = (m: PackedMatrix): Uint8Array => new Uint8Array(m.arena.buffer, m.ptr, m.byteLength);

/** Weights as `dtype` in `arena`, at a place that is a multiple of 2 bytes only where the type allows it. */
function source(arena: Arena, dtype: DType, shape: readonly number[], weights: Float32Array): Tensor {
  const odd = dtype === "f32" ? 4 : 2;
  const t = new Tensor(arena, arena.alloc(Tensor.bytes(dtype, shape) + odd) + odd, dtype, shape);
  fromF32(dtype, weights, t.data);
  return t;
}

/** The matrix group by group as src/quant defines it: every row that its blocks have, those past the last with weights of 0. */
function definition(matrix: PackedMatrix, weights: Float32Array): { scale: number; q: number[] }[] {
  const { rows, cols, format } = matrix;
  const groups: { scale: number; q: number[] }[] = [];
  for (let row = 0; row < Math.ceil(rows / 8) * 8; row++) {
    for (let g = 0; g < groupsOf(cols); g++) {
      const w = new Float32Array(GROUP);
      if (row < rows) w.set(weights.subarray(row * cols + g * GROUP, row * cols + Math.min(cols, (g + 1) * GROUP)));
      const q = format === "q4" ? new Uint8Array(GROUP) : new Int8Array(GROUP);
      const scale = format === "q4" ? quantizeQ4(w, q as Uint8Array) : quantizeQ8(w, q as Int8Array);
      groups.push({ scale, q: [...q] });
    }
  }
  return groups;
}

function packed(matrix: PackedMatrix): { scale: number; q: number[] }[] {
  const whole = { ...matrix, rows: Math.ceil(matrix.rows / 8) * 8 };
  return Array.from({ length: whole.rows * groupsOf(matrix.cols) }, (_, i) => {
    const [row, g] = [Math.floor(i / groupsOf(matrix.cols)), i % groupsOf(matrix.cols)];
    const q = new Int8Array(GROUP);
    const scale = matrix.format === "q4" ? readQ4Group(whole, row, g, q) : readQ8Group(whole, row, g, q);
    return { scale, q: [...q] };
  });
}

suite("kernels/pack-rows", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const dtype of DTYPES) {
      test(`${kind}: ${dtype} -> f32 is exact at every size, and writes nothing beyond`, () => {
        for (const C of SIZES) {
          const { arena, kernels } = bench(kind, 1);
          const matrix = allocMatrix(arena, "f32", 5, C);
          const after = Tensor.alloc(arena, "u8", [64]);
          after.data.fill(0xaa);
          const src = source(arena, dtype, [5, C], randomFloats(C, 5 * C));
          kernels.packRows(matrix, 0, src);
          assert.deepEqual([...new Float32Array(arena.buffer, matrix.ptr, 5 * C)], [...toF32(dtype, src.data)]);
          assert.ok(after.data.every((b) => b === 0xaa));
        }
      });

      for (const format of ["q4", "q8"] as const) {
        test(`${kind}: ${dtype} -> ${format} equals quantize${format.toUpperCase()} for each group, at all tails of rows and columns`, () => {
          for (const N of [1, 2, 3, 4, 5, 7, 8, 9, 16, 21]) {
            for (const C of N === 5 ? SIZES : [1, 31, 32, 33, 96]) {
              const { arena, kernels } = bench(kind, 1);
              const matrix = allocMatrix(arena, format, N, C);
              const after = Tensor.alloc(arena, "u8", [64]);
              after.data.fill(0xaa);
              bytesOf(matrix).fill(0x55); // what lay there before
              const src = source(arena, dtype, [N, C], randomFloats(N * 1000 + C, N * C, 0.1));
              kernels.packRows(matrix, 0, src);
              const got = JSON.stringify(packed(matrix));
              const expected = JSON.stringify(definition(matrix, toF32(dtype, src.data)));
              if (got !== expected) assert.equal(got, expected, `[${N}, ${C}]`);
              assert.ok(after.data.every((b) => b === 0xaa));
            }
          }
        });
      }
    }

    for (const format of ["f32", "q8", "q4"] as const) {
      test(`${kind}: ${format} packed in blocks of rows equals packed at once`, () => {
        const [N, C] = [29, 70];
        const { arena, kernels } = bench(kind, 1);
        const src = source(arena, "bf16", [N, C], randomFloats(7, N * C));
        const [whole, parts] = [0, 1].map(() => allocMatrix(arena, format, N, C));
        kernels.packRows(whole, 0, src);
        for (const [from, to] of [
          [24, 29],
          [0, 8],
          [8, 24],
        ])
          kernels.packRows(parts, from, src.rows(from, to));
        assert.deepEqual(bytesOf(parts), bytesOf(whole));
      });
    }
  }

  // What follows holds the compiled kernels against the reference, whose own bytes are tested above.
  for (const dtype of DTYPES) {
    for (const format of ["q4", "q8"] as const) {
      test(`strict: same bytes as the reference, ${dtype} -> ${format}, 650,000 weights of every kind and size`, () => {
        const { arena, kernels } = bench("strict", 4);
        const reference = bench("reference", 4);
        const [N, C] = [64, 1024];
        const next = randomSource(11);
        const draws = Object.values(DRAWS);
        for (let round = 0; round < 10; round++) {
          // Sizes from far below the smallest f16 to beyond the limit of either format.
          const weights = new Float32Array(N * C);
          for (let at = 0; at < weights.length; at += GROUP) {
            const size = round < 4 ? 0.02 : 2 ** (next() * 60 - 35);
            for (let i = 0; i < GROUP; i++) weights[at + i] = draws[round % draws.length](next) * size;
            if (next() < 0.01) weights[at + Math.floor(next() * GROUP)] = [Number.NaN, Infinity, -Infinity][round % 3];
            if (next() < 0.01) weights[at + Math.floor(next() * GROUP)] = [-0, 1e-40, -1e-45][round % 3];
          }
          const [a, b] = [arena, reference.arena].map((arena) => {
            arena.release(65536);
            return { matrix: allocMatrix(arena, format, N, C), src: source(arena, dtype, [N, C], weights) };
          });
          kernels.packRows(a.matrix, 0, a.src);
          reference.kernels.packRows(b.matrix, 0, b.src);
          const expected = bytesOf(b.matrix);
          const at = bytesOf(a.matrix).findIndex((x, i) => x !== expected[i]);
          if (at >= 0)
            assert.equal(
              bytesOf(a.matrix)[at],
              expected[at],
              `round ${round}, byte ${at % BLOCK_BYTES[format]} of a block`,
            );
        }
      });
    }

    test(`strict: ${dtype} -> f32 keeps the bits of every pattern (NaN payloads included)`, () => {
      const { arena, kernels } = bench("strict", 4);
      const reference = bench("reference", 4);
      const shape = [256, 257];
      const [a, b] = [arena, reference.arena].map((arena) => {
        const src = Tensor.alloc(arena, dtype, shape);
        // Odd row lengths and a pattern that runs through all 16-bit values; for f32 in the upper half of the bits.
        new Uint16Array(arena.buffer, src.ptr, src.byteLength / 2).forEach((_, i, all) => {
          all[i] = dtype === "f32" ? (i % 2 ? i >> 1 : 0x1234) : i;
        });
        return { matrix: allocMatrix(arena, "f32", shape[0], shape[1]), src };
      });
      kernels.packRows(a.matrix, 0, a.src);
      reference.kernels.packRows(b.matrix, 0, b.src);
      assert.deepEqual(bytesOf(a.matrix), bytesOf(b.matrix));
    });
  }

  test("the packed bytes of 200000 seeded weights have the same hash on every engine", () => {
    const { arena, kernels } = bench("strict", 2);
    const src = source(arena, "f32", [200, 1000], randomFloats(99, 200_000, 0.05));
    for (const [format, expected] of [
      ["q4", "5049db82"],
      ["q8", "06c9104b"],
    ] as const) {
      const matrix = allocMatrix(arena, format, 200, 1000);
      kernels.packRows(matrix, 0, src);
      assert.equal(hash(new Int32Array(arena.buffer, matrix.ptr, matrix.byteLength / 4)), expected, format);
    }
  });

  test("a source of another dtype or width, and rows that do not begin or end on a block, are refused", () => {
    const { arena, kernels } = bench("strict", 1);
    const matrix = allocMatrix(arena, "q4", 20, 32);
    assert.throws(() => kernels.packRows(matrix, 0, Tensor.alloc(arena, "i8", [8, 32])), ShapeError, /packRows: src/);
    assert.throws(() => kernels.packRows(matrix, 0, Tensor.alloc(arena, "f32", [8, 33])), ShapeError, /packRows: src/);
    assert.throws(() => kernels.packRows(matrix, 4, Tensor.alloc(arena, "f32", [8, 32])), ShapeError, /blocks of 8/);
    assert.throws(() => kernels.packRows(matrix, 0, Tensor.alloc(arena, "f32", [12, 32])), ShapeError, /blocks of 8/);
    assert.throws(() => kernels.packRows(matrix, 16, Tensor.alloc(arena, "f32", [8, 32])), ShapeError, /of 20/);
  });
});
