import { ShapeError } from "../../src/errors.ts";
import { allocLowRank, type LowRank, writeLowRank } from "../../src/kernels/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, onlyWrites } from "./compare.ts";
import { BUILDS, bench, KINDS, place, placeRandom, SIZES } from "./kinds.ts";

const f32 = Math.fround;

/** B [n, r] of `values`, written in two goes. */
function lowRank(arena: Arena, n: number, r: number, values: Float32Array): LowRank {
  const b = allocLowRank(arena, n, r);
  const half = Math.floor(n / 2);
  writeLowRank(b, 0, values.subarray(0, half * r));
  writeLowRank(b, half, values.subarray(half * r));
  return b;
}

interface Case {
  T: number;
  n: number;
  r: number;
}

/** Sizes at which blocks of rows, tiles of tokens and ranks begin and end. */
const CASES: readonly Case[] = [
  ...SIZES.map((n) => ({ T: 2, n, r: 5 })),
  ...SIZES.map((r) => ({ T: 1, n: 9, r })),
  ...[1, 3, 4, 5, 8, 11, 32].map((T) => ({ T, n: 21, r: 16 })),
  { T: 3, n: 1536, r: 64 },
];

/** Columns row … of out [T, N], columns at … of u [T, R]. */
const inputs = ({ T, n, r }: Case) => {
  const [N, R, row, at] = [n + 7, r + 3, 5, 2];
  const values = {
    out: randomFloats(1, T * N),
    u: randomFloats(2, T * R),
    b: randomFloats(3, n * r),
    scale: f32(0.37),
  };
  return { N, R, row, at, ...values };
};

suite("kernels/add-low-rank", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: some columns of out += scale · u · Bᵀ, within (r + 4) roundings of the terms, at every size; nothing else is written`, () => {
      for (const size of CASES) {
        const { arena, kernels } = bench(kind, 2);
        const { N, R, row, at, out, u, b, scale } = inputs(size);
        const { T, n, r } = size;
        const [to, from] = [place(arena, [T, N], out), place(arena, [T, R], u)];
        const low = lowRank(arena, n, r, b);
        onlyWrites(assert, arena, [to], () => kernels.addLowRank(to, row, from, at, low, scale));
        for (let t = 0; t < T; t++) {
          for (let c = 0; c < N; c++) {
            const before = f32(out[t * N + c]);
            const got = to.f32[t * N + c];
            const i = c - row;
            if (i < 0 || i >= n) {
              assert.equal(got, before, `column ${c} is not its own`);
              continue;
            }
            let [sum, size] = [0, 0];
            for (let j = 0; j < r; j++) {
              const term = f32(u[t * R + at + j]) * f32(b[i * r + j]);
              sum += term;
              size += Math.abs(term);
            }
            const bound = (r + 4) * EPS * (scale * size + Math.abs(before)) + Number.MIN_VALUE;
            assert.atMost(Math.abs(got - (before + scale * sum)), bound, `T ${T} n ${n} r ${r}: ${t}, ${c}`);
          }
        }
      }
    });

    test(`${kind}: a scale of 0 and factors of zeros add nothing`, () => {
      const { arena, kernels } = bench(kind, 1);
      const x = [1, -2, 3.5, 0, 7, 8, 9, 10, 11, 12];
      const out = place(arena, [1, 10], x);
      const u = placeRandom(arena, 4, [1, 4]);
      kernels.addLowRank(out, 0, u, 0, lowRank(arena, 10, 4, randomFloats(5, 40)), 0);
      kernels.addLowRank(out, 0, u, 0, allocLowRank(arena, 10, 4), 3);
      assert.deepEqual([...out.f32], x);
    });

    test(`${kind}: rows past out, columns past u, another T and a scale that is no number are ShapeErrors before anything is written`, () => {
      const { arena, kernels } = bench(kind, 1);
      const [out, u] = [place(arena, [2, 12], Array(24).fill(1)), placeRandom(arena, 1, [2, 6])];
      const b = lowRank(arena, 9, 4, randomFloats(2, 36));
      const { ptr } = Tensor.alloc(arena, "f32", [1]);
      const wrong: [() => void, RegExp][] = [
        [() => kernels.addLowRank(out, 4, u, 0, b, 1), /addLowRank: rows of out; got "4 to 13"; expected within 12/],
        [() => kernels.addLowRank(out, -1, u, 0, b, 1), /rows of out/],
        [() => kernels.addLowRank(out, 0, u, 3, b, 1), /addLowRank: columns of u; got "3 to 7"; expected within 6/],
        [() => kernels.addLowRank(out, 0, u.rows(0, 1), 0, b, 1), /addLowRank: u is/],
        [() => kernels.addLowRank(out, 0, u, 0, b, Number.NaN), /addLowRank: scale/],
        [
          () => kernels.addLowRank(out, 0, u, 0, { ...b, arena: bench(kind, 1).arena, ptr }, 1),
          /B lies in another arena/,
        ],
      ];
      for (const [call, message] of wrong) assert.throws(call, ShapeError, message);
      assert.deepEqual([...out.f32], Array(24).fill(1));
    });
  }

  for (const build of BUILDS) {
    test(`${build}: bit for bit acc = acc + u_j · b_j in the order of j, then out + scale · acc, each rounded to float32, whatever T is`, () => {
      for (const size of CASES) {
        const { arena, kernels } = bench(build, 2);
        const { N, R, row, at, out, u, b, scale } = inputs(size);
        const { T, n, r } = size;
        const [to, from] = [place(arena, [T, N], out), place(arena, [T, R], u)];
        kernels.addLowRank(to, row, from, at, lowRank(arena, n, r, b), scale);
        const expected = Float32Array.from(out);
        for (let t = 0; t < T; t++) {
          for (let i = 0; i < n; i++) {
            let acc = 0;
            for (let j = 0; j < r; j++) acc = f32(acc + f32(f32(u[t * R + at + j]) * f32(b[i * r + j])));
            expected[t * N + row + i] = f32(expected[t * N + row + i] + f32(scale * acc));
          }
        }
        assert.deepEqual(bitsOf(to), new Int32Array(expected.buffer), `T ${T} n ${n} r ${r}`);
      }
    });
  }
});
