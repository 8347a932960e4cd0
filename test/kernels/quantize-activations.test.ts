import { ShapeError } from "../../src/errors.ts";
import { allocInt8Rows, type Int8Rows, int8Rows, int8RowsBytes } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { EPS, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

/** Everything that the rows hold, NaN included, for comparing. */
const contents = (r: Int8Rows) => [r.q, r.scale, r.sum, r.pairs].map((t) => [...t.data]);

suite("kernels/quantize-activations", ({ test, assert }) => {
  const quantize = (kind: (typeof KINDS)[number], T: number, C: number, x: ArrayLike<number>) => {
    const { arena, kernels } = bench(kind, 2);
    const rows = allocInt8Rows(arena, T, C);
    for (const t of [rows.q, rows.scale, rows.sum, rows.pairs]) t.data.fill(99);
    const src = place(arena, [T, C], x);
    new Float32Array(arena.buffer, src.ptr + src.byteLength, 64).fill(Number.NaN); // must not be read
    onlyWrites(assert, arena, [rows.q, rows.scale, rows.sum, rows.pairs], () => kernels.quantizeActivations(rows, src));
    return rows;
  };

  for (const kind of KINDS) {
    test(`${kind}: scale is f32(max|x| / 127), |x - q · scale| ≤ scale · (1/2 + 2^-16), and sum, pairs and tail are as Int8Rows says`, () => {
      for (const C of [...SIZES, 3072]) {
        const T = 3;
        const x = randomFloats(C, T * C, 2 ** ((C % 40) - 20));
        const { q, scale, sum, pairs } = quantize(kind, T, C, x);
        const G = Math.ceil(C / 32);
        for (let i = 0; i < T * G; i++) {
          const [t, g] = [Math.floor(i / G), i % G];
          const group = x.subarray(t * C + g * 32, t * C + Math.min(C, g * 32 + 32));
          const ints = [...q.data.subarray(i * 32, i * 32 + 32)];
          const s = scale.f32[i];
          assert.equal(s, Math.fround(Math.max(...group.map(Math.abs)) / 127));
          for (const [k, int] of ints.entries()) {
            if (k >= group.length) assert.equal(int, 0);
            else assert.atMost(Math.abs(group[k] - int * s), s * (0.5 + 2 ** -16), `C ${C}, k ${k}`);
          }
          assert.equal(Math.max(...ints.map(Math.abs)), 127, "the greatest becomes ±127");
          assert.equal(
            sum.data[i],
            ints.reduce((a, b) => a + b, 0),
          );
          const order = [0, 8, 16, 24].flatMap((k) => [0, 2, 4, 6, 1, 3, 5, 7].map((j) => ints[k + j]));
          assert.deepEqual([...pairs.data.subarray(i * 32, i * 32 + 32)], order);
        }
      }
    });

    test(`${kind}: halves round to the even neighbour`, () => {
      const x = [127, 0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 126.5, -126.5, 0.49999997, -0, 0];
      const { q, scale } = quantize(kind, 1, x.length, x);
      assert.equal(scale.f32[0], 1);
      assert.deepEqual([...q.data.subarray(0, x.length)], [127, 0, 2, 2, 4, 0, -2, -2, 126, -126, 0, 0, 0]);
    });

    test(`${kind}: a group of zeros has scale 0; so has one whose greatest is too small to be divided by 127; q is 0`, () => {
      for (const tiny of [0, -0, 1e-45, 63 * 2 ** -149]) {
        const { q, scale, sum } = quantize(kind, 1, 32, new Float32Array(32).fill(tiny));
        assert.deepEqual([scale.f32[0], sum.data[0], ...q.data], new Array(34).fill(0));
      }
    });

    test(`${kind}: subnormal scales clamp q to ±127; the largest float32 does not overflow`, () => {
      const small = quantize(kind, 1, 2, [190 * 2 ** -149, -95 * 2 ** -149]); // scale 2^-149, q 190 and -95
      assert.deepEqual([small.scale.f32[0], small.q.data[0], small.q.data[1]], [2 ** -149, 127, -95]);
      const most = (2 - 2 ** -23) * 2 ** 127;
      const big = quantize(kind, 1, 2, [-most, most / 4]);
      assert.deepEqual([...big.q.data.subarray(0, 2)], [-127, 32]);
      assert.atMost(Math.abs(big.scale.f32[0] * 127 - most), most * EPS);
    });

    test(`${kind}: a NaN or an infinity anywhere makes its own group's scale NaN and q 0, and no other's`, () => {
      for (const bad of [Number.NaN, -Number.NaN, Infinity, -Infinity]) {
        for (const at of [0, 31, 32, 60, 64, 68]) {
          const x = new Float32Array(69).fill(3);
          x[at] = bad;
          const { q, scale, sum } = quantize(kind, 1, 69, x);
          for (let g = 0; g < 3; g++) {
            const hit = Math.floor(at / 32) === g;
            assert.equal(scale.f32[g], hit ? Number.NaN : Math.fround(3 / 127));
            assert.equal(q.data[g * 32], hit ? 0 : 127);
            assert.equal(sum.data[g], hit ? 0 : 127 * (g === 2 ? 5 : 32));
          }
        }
      }
    });
  }

  test("strict equals reference bit for bit, also on random bit patterns (subnormals, infinities, NaN)", () => {
    for (const C of [1, 2, 3, 5, 29, 32, 61, 2048]) {
      const next = randomSource(C);
      for (const spread of [2 ** 32, 2 ** 24]) {
        // Small integers as bits are subnormals.
        const x = new Float32Array(Uint32Array.from({ length: 16 * C }, () => next() * spread).buffer);
        const [reference, strict] = KINDS.map((kind) => contents(quantize(kind, 16, C, x)));
        assert.deepEqual(strict, reference, `C ${C}`);
      }
    }
  });

  test("allocInt8Rows takes int8RowsBytes; int8Rows views fewer rows or other columns in the same bytes, or throws ShapeError", () => {
    for (const [T, C] of [
      [1, 1],
      [7, 33],
      [32, 3072],
    ]) {
      const arena = new Arena(1 << 20);
      const before = arena.mark();
      const room = allocInt8Rows(arena, T, C);
      assert.equal(arena.mark() - before, int8RowsBytes(T, C));
      const one = int8Rows(room, 1);
      assert.deepEqual(
        [one.rows, one.cols, one.q.shape, one.scale.shape],
        [1, C, [1, room.q.shape[1]], [1, room.scale.shape[1]]],
      );
      assert.deepEqual(
        [one.q.ptr, one.scale.ptr, one.sum.ptr, one.pairs.ptr],
        [room.q.ptr, room.scale.ptr, room.sum.ptr, room.pairs.ptr],
      );
      assert.throws(() => int8Rows(room, T + 1), ShapeError, /rows × groups/);
      assert.throws(() => int8Rows(room, 1, 32 * room.scale.size + 1), ShapeError);
      assert.throws(() => int8Rows(room, -1), ShapeError);
    }
    const room = allocInt8Rows(new Arena(1 << 20), 2, 128);
    const wide = int8Rows(room, 8, 32);
    assert.deepEqual(
      [wide.q.shape, wide.pairs.shape, wide.sum.shape],
      [
        [8, 32],
        [8, 32],
        [8, 1],
      ],
    );
  });

  test("operands of other shapes throw ShapeError", () => {
    const { arena, kernels } = bench("strict", 1);
    const rows = allocInt8Rows(arena, 2, 40);
    assert.throws(() => kernels.quantizeActivations(rows, Tensor.alloc(arena, "f32", [2, 41])), ShapeError);
    assert.throws(() => kernels.quantizeActivations(rows, Tensor.alloc(arena, "f32", [3, 40])), ShapeError);
  });
});
