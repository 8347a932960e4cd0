import { ShapeError } from "../../src/errors.ts";
import { allocInt8Rows } from "../../src/kernels/index.ts";
import { f16ToF32, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, onlyWrites, TINY } from "./compare.ts";
import { BUILDS, bench, KINDS, place } from "./kinds.ts";
import { definedF32 } from "./linear-definition.ts";
import { floatsOf, knownInt8Rows, knownMatrix, LINEAR_SHAPES, plainMatrix, randomMatrix, roomFor } from "./matrices.ts";

const QUANT = ["q8", "q4", "q4z"] as const;
const FORMATS = ["f32", ...QUANT] as const;

suite("kernels/linear", ({ test, assert }) => {
  /** Fails where |got - exact| > units · u · size, size being the sum of the terms' magnitudes. */
  const within = (
    got: Float32Array,
    { exact, size }: { exact: Float64Array; size: Float64Array },
    units: number,
    note: string,
  ) => {
    for (let i = 0; i < got.length; i++) {
      const error = Math.abs(got[i] - exact[i]);
      const bound = units * EPS * size[i] + TINY;
      if (!(error <= bound)) assert.atMost(error, bound, `${note} [${i}]`);
    }
  };
  /** A matrix [N, C] of any format with its weights as float32. */
  const weightsOf = (arena: Tensor["arena"], format: (typeof FORMATS)[number], N: number, C: number, seed: number) => {
    if (format === "f32") {
      const w = randomFloats(seed, N * C, 0.1);
      return { matrix: plainMatrix(arena, N, C, w), w };
    }
    const known = randomMatrix(arena, format, N, C, seed);
    return { matrix: known.matrix, w: floatsOf(known) };
  };

  for (const format of QUANT) {
    for (const kind of KINDS) {
      test(`${kind}, ${format}: all f16 scales are exact, for float32 activations, and all finite ones for int8 activations`, () => {
        const { arena, kernels } = bench(kind, 64);
        const N = 65536;
        const { matrix } = knownMatrix(arena, format, N, 1, { int: (_, k) => (k === 0 ? 1 : 0), scale: (row) => row });
        const expected = Array.from({ length: N }, (_, bits) => f16ToF32(bits) + 0); // 0 + -0 is 0
        const out = Tensor.alloc(arena, "f32", [1, N]);
        kernels.linear(out, knownInt8Rows(arena, 1, 1, { int: () => 1, scale: () => 1 }), matrix);
        const finite = (_: number, bits: number) => (bits & 0x7c00) !== 0x7c00;
        assert.deepEqual([...out.f32].filter(finite), expected.filter(finite), "int8");
        kernels.linear(out, place(arena, [1, 1], [1]), matrix);
        assert.deepEqual([...out.f32], expected, "f32");
      });
    }
  }

  for (const format of FORMATS) {
    for (const kind of KINDS) {
      const units = (C: number) => (kind === "reference" ? 1 + 2 ** -10 : Math.ceil(C / 32) + 10);
      test(`${kind}, ${format} × f32: within ${kind === "reference" ? "1" : "G + 10"} · 2^-24 · Σ|x w| of the exact sum; nothing past x is read, only out is written`, () => {
        for (const [T, N, C] of LINEAR_SHAPES) {
          const { arena, kernels } = bench(kind, roomFor(N, C));
          const { matrix, w } = weightsOf(arena, format, N, C, N + C);
          new Float32Array(arena.buffer, arena.alloc(256), 64).fill(Number.NaN);
          const x = place(arena, [T, C], randomFloats(C, T * C));
          new Float32Array(arena.buffer, x.ptr + x.byteLength, 64).fill(Number.NaN);
          arena.alloc(256);
          const out = Tensor.alloc(arena, "f32", [T, N]);
          onlyWrites(assert, arena, [out], () => kernels.linear(out, x, matrix));
          within(out.f32, definedF32(x.f32, w, T, N, C), units(C), `[${T}, ${N}, ${C}]`);
        }
      });

      test(`${kind}, ${format} × f32: zeros, infinities, NaN and subnormals as IEEE 754 says`, () => {
        const { arena, kernels } = bench(kind, 1);
        const C = 33;
        const ones =
          format === "f32"
            ? plainMatrix(arena, 1, C, new Float32Array(C).fill(1))
            : knownMatrix(arena, format, 1, C, { int: () => 1, scale: () => 0x3c00 }).matrix;
        const out = Tensor.alloc(arena, "f32", [1, 1]);
        const sum = (...values: number[]) => {
          const x = new Float32Array(C).fill(-0);
          x.set(values, C - values.length);
          kernels.linear(out, place(arena, [1, C], x), ones);
          return out.f32[0];
        };
        assert.equal(sum(), 0);
        assert.equal(sum(Infinity, 1), Infinity);
        assert.equal(sum(1, -Infinity), -Infinity);
        assert.equal(sum(Infinity, -Infinity), Number.NaN);
        assert.equal(sum(Number.NaN, 1), Number.NaN);
        assert.equal(sum(1, Number.NaN), Number.NaN);
        assert.equal(sum(2 ** -149, 2 ** -148), 3 * 2 ** -149);
        assert.equal(sum(2 ** -149, 2 ** -126), 2 ** -126 + 2 ** -149);
      });
    }

    for (const build of BUILDS)
      test(`${build}, ${format} × f32: bit for bit the definition, operation by operation in float32`, () => {
        for (const [T, N, C] of LINEAR_SHAPES) {
          const { arena, kernels } = bench(build, roomFor(N, C));
          const { matrix, w } = weightsOf(arena, format, N, C, N + C);
          const x = place(arena, [T, C], randomFloats(C, T * C));
          const out = Tensor.alloc(arena, "f32", [T, N]);
          kernels.linear(out, x, matrix);
          assert.deepEqual([...out.f32], [...definedF32(x.f32, w, T, N, C).float32], `[${T}, ${N}, ${C}]`);
        }
      });

    test(`strict, ${format} × f32: T tokens at once have the bits of one at a time, T = 1 … 9 and 32`, () => {
      const [N, C] = [13, 100];
      const { arena, kernels } = bench("strict", 1);
      const { matrix } = weightsOf(arena, format, N, C, 8);
      const x = place(arena, [32, C], randomFloats(9, 32 * C));
      const single = Tensor.alloc(arena, "f32", [32, N]);
      for (let t = 0; t < 32; t++) kernels.linear(single.rows(t, t + 1), x.rows(t, t + 1), matrix);
      for (const T of [1, 2, 3, 4, 5, 6, 7, 8, 9, 32]) {
        const out = Tensor.alloc(arena, "f32", [T, N]);
        kernels.linear(out, x.rows(0, T), matrix);
        assert.deepEqual(bitsOf(out), bitsOf(single.rows(0, T)), `T ${T}`);
      }
    });
  }

  for (const format of QUANT) {
    test(`strict, ${format} × f32 has the bits of the unpacked matrix × f32`, () => {
      for (const [T, N, C] of LINEAR_SHAPES) {
        const { arena, kernels } = bench("strict", 4);
        const { matrix } = randomMatrix(arena, format, N, C, C);
        const unpacked = Tensor.alloc(arena, "f32", [N, C]);
        kernels.unpackRows(unpacked, matrix, 0);
        const x = place(arena, [T, C], randomFloats(C, T * C));
        const [packed, plain] = [0, 1].map(() => Tensor.alloc(arena, "f32", [T, N]));
        kernels.linear(packed, x, matrix);
        kernels.linear(plain, x, plainMatrix(arena, N, C, unpacked.f32));
        assert.deepEqual(bitsOf(packed), bitsOf(plain), `[${T}, ${N}, ${C}]`);
      }
    });
  }

  test("f32 weights with int8 rows, and operands of other shapes, throw ShapeError", () => {
    const { arena, kernels } = bench("strict", 1);
    const x = allocInt8Rows(arena, 2, 40);
    const out = Tensor.alloc(arena, "f32", [2, 9]);
    const { matrix } = randomMatrix(arena, "q4", 9, 40, 1);
    assert.throws(() => kernels.linear(out, x, plainMatrix(arena, 9, 40, [])), ShapeError, /f32 activations/);
    assert.throws(() => kernels.linear(out, x, randomMatrix(arena, "q4", 9, 41, 1).matrix), ShapeError, /inputs/);
    assert.throws(() => kernels.linear(Tensor.alloc(arena, "f32", [2, 10]), x, matrix), ShapeError, /out/);
    assert.throws(() => kernels.linear(out, Tensor.alloc(arena, "f32", [2, 41]), matrix), ShapeError, /x is/);
  });
});
