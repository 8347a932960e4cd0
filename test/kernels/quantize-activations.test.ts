import { ShapeError } from "../../src/errors.ts";
import { allocInt8Rows, groupAt, type Int8Rows, int8Rows, int8RowsBytes } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { EPS, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";
import { fillInt8Group } from "./matrices.ts";

/** Everything that the rows hold, NaN included, for comparing. */
const contents = (r: Int8Rows) => [r.q, r.scale, r.offset, r.pairs].map((t) => [...t.data]);

suite("kernels/quantize-activations", ({ test, assert }) => {
  const quantize = (kind: (typeof KINDS)[number], T: number, C: number, x: ArrayLike<number>) => {
    const { arena, kernels } = bench(kind, T * C > 4096 ? 2 : 1 / 8);
    const rows = allocInt8Rows(arena, T, C);
    for (const t of [rows.q, rows.scale, rows.offset, rows.pairs]) t.data.fill(99);
    const src = place(arena, [T, C], x);
    new Float32Array(arena.buffer, src.ptr + src.byteLength, 64).fill(Number.NaN); // must not be read
    onlyWrites(assert, arena, [rows.q, rows.scale, rows.offset, rows.pairs], () =>
      kernels.quantizeActivations(rows, src),
    );
    return rows;
  };

  for (const kind of KINDS) {
    test(`${kind}: scale is f32(max|x| / 127), |x - q · scale| ≤ scale · (1/2 + 2^-16); tail, offset, pairs and the order of tokens are as Int8Rows says`, () => {
      for (const [i, C] of [...SIZES, 3072].entries()) {
        const T = 1 + (i % 9);
        const x = randomFloats(C, T * C, 2 ** ((C % 40) - 20));
        const rows = quantize(kind, T, C, x);
        const { q, scale } = rows;
        const G = Math.ceil(C / 32);
        const expected = allocInt8Rows(new Arena(1 << 20), T, C);
        for (let i = 0; i < T * G; i++) {
          const [t, g] = [Math.floor(i / G), i % G];
          const group = x.subarray(t * C + g * 32, t * C + Math.min(C, g * 32 + 32));
          const at = groupAt(T, G, t, g);
          const ints = [...q.data.subarray(at * 32, at * 32 + 32)];
          const s = scale.f32[at];
          assert.equal(s, Math.fround(Math.max(...group.map(Math.abs)) / 127));
          for (const [k, int] of ints.entries()) {
            if (k >= group.length) assert.equal(int, 0);
            else assert.atMost(Math.abs(group[k] - int * s), s * (0.5 + 2 ** -16), `C ${C}, k ${k}`);
          }
          assert.equal(Math.max(...ints.map(Math.abs)), 127, "the greatest becomes ±127");
          fillInt8Group(expected, at, ints, t >= T - (T % 4));
        }
        assert.deepEqual([...rows.offset.data], [...expected.offset.data]);
        assert.deepEqual([...rows.pairs.data], [...expected.pairs.data]);
      }
    });

    test(`${kind}: a group's number is 4 (i G + g) + j for token 4 i + j, and t G + g for the last T mod 4 tokens`, () => {
      const [T, C] = [6, 64];
      const x = Float32Array.from({ length: T * C }, (_, i) =>
        i % C === 0 || i % C === 32 ? 127 * (2 * Math.floor(i / C) + (i % C) / 32 + 1) : 0,
      );
      const { scale } = quantize(kind, T, C, x);
      assert.deepEqual([...scale.f32], [1, 3, 5, 7, 2, 4, 6, 8, 9, 10, 11, 12]); // scale 2 t + g + 1
    });

    test(`${kind}: halves round to the even neighbour`, () => {
      const x = [127, 0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 126.5, -126.5, 0.49999997, -0, 0];
      const { q, scale } = quantize(kind, 1, x.length, x);
      assert.equal(scale.f32[0], 1);
      assert.deepEqual([...q.data.subarray(0, x.length)], [127, 0, 2, 2, 4, 0, -2, -2, 126, -126, 0, 0, 0]);
    });

    test(`${kind}: a group of zeros has scale 0; so has one whose greatest is too small to be divided by 127; q is 0`, () => {
      for (const tiny of [0, -0, 1e-45, 63 * 2 ** -149]) {
        const { q, scale, offset } = quantize(kind, 1, 32, new Float32Array(32).fill(tiny));
        assert.deepEqual([scale.f32[0], ...offset.data, ...q.data], new Array(37).fill(0));
      }
    });

    test(`${kind}: subnormal scales clamp q to ±127; from 2^70 on a value counts as infinite, and what is less does not overflow`, () => {
      const small = quantize(kind, 1, 2, [190 * 2 ** -149, -95 * 2 ** -149]); // scale 2^-149, q 190 and -95
      assert.deepEqual([small.scale.f32[0], small.q.data[0], small.q.data[1]], [2 ** -149, 127, -95]);
      const most = (2 - 2 ** -23) * 2 ** 69;
      const big = quantize(kind, 1, 2, [-most, most / 4]);
      assert.deepEqual([...big.q.data.subarray(0, 2)], [-127, 32]);
      assert.atMost(Math.abs(big.scale.f32[0] * 127 - most), most * EPS);
      const infinite = quantize(kind, 1, 2, [1, -(2 ** 70)]);
      assert.deepEqual([infinite.scale.f32[0], ...infinite.q.data.subarray(0, 2)], [Number.NaN, 0, 0]);
    });

    test(`${kind}: a NaN or an infinity anywhere makes its own group's scale NaN and q 0, and no other's`, () => {
      for (const bad of [Number.NaN, -Number.NaN, Infinity, -Infinity]) {
        for (const at of [0, 31, 32, 60, 64, 68]) {
          const x = new Float32Array(69).fill(3);
          x[at] = bad;
          const { q, scale, offset } = quantize(kind, 1, 69, x);
          for (let g = 0; g < 3; g++) {
            const hit = Math.floor(at / 32) === g;
            assert.equal(scale.f32[g], hit ? Number.NaN : Math.fround(3 / 127));
            assert.equal(q.data[g * 32], hit ? 0 : 127);
            const sums = g === 2 ? [-8 * 3, -8 * 2, 5, 0] : [-8 * 16, -8 * 16, 16, 16];
            assert.deepEqual(
              [...offset.data.subarray(4 * g, 4 * g + 4)],
              sums.map((n) => (hit ? 0 : 127 * n)),
            );
          }
        }
      }
    });
  }

  test("relaxed and strict equal reference bit for bit, also on random bit patterns (subnormals, infinities, NaN)", () => {
    for (const C of [1, 2, 3, 5, 29, 32, 61, 2048]) {
      const next = randomSource(C);
      for (const spread of [2 ** 32, 2 ** 24]) {
        // Small integers as bits are subnormals.
        const x = new Float32Array(Uint32Array.from({ length: 16 * C }, () => next() * spread).buffer);
        for (const T of [1, 7, 16]) {
          const [reference, ...others] = KINDS.map((kind) => contents(quantize(kind, T, C, x.subarray(0, T * C))));
          for (const other of others) assert.deepEqual(other, reference, `[${T}, ${C}]`);
        }
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
        [one.q.ptr, one.scale.ptr, one.offset.ptr, one.pairs.ptr],
        [room.q.ptr, room.scale.ptr, room.offset.ptr, room.pairs.ptr],
      );
      assert.throws(() => int8Rows(room, T + 1), ShapeError, /rows × groups/);
      assert.throws(() => int8Rows(room, 1, 32 * room.scale.size + 1), ShapeError);
      assert.throws(() => int8Rows(room, -1), ShapeError);
    }
    const room = allocInt8Rows(new Arena(1 << 20), 2, 128);
    const wide = int8Rows(room, 8, 32);
    assert.deepEqual(
      [wide.q.shape, wide.pairs.shape, wide.offset.shape],
      [
        [8, 32],
        [8, 32],
        [8, 4],
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
