import fc from "fast-check";
import { quantizeQ4 } from "../../src/quant/index.ts";
import { f16ToF32 } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { DRAWS, energy, groupsOf32, plainQ4, squaredError } from "./groups.ts";

const n = new Uint8Array(32);
function quantized(w: Float32Array): { q: Int8Array; s: number } {
  const s = f16ToF32(quantizeQ4(w, n));
  return { q: Int8Array.from(n, (x) => x - 8), s };
}
/** f16 scales from 2^-14 to 2^12, both signs: normal ones, times 8 still far from the limits. */
const scales = fc.integer({ min: 0x0400, max: 0x6c00 }).chain((b) => fc.constantFrom(b, b | 0x8000));

suite("quant/quantize-q4", ({ test, assert }) => {
  for (const scale of [1, 0.02, 300]) {
    test(`normal weights · ${scale}: squared error at most 0.895 of Q4_0's over 20000 groups`, () => {
      let ours = 0;
      let plain = 0;
      for (const w of groupsOf32(DRAWS.normal, 20000, scale)) {
        const a = quantized(w);
        const b = plainQ4(w);
        ours += squaredError(w, a.q, a.s);
        plain += squaredError(w, b.q, b.s);
      }
      assert.atMost(ours / plain, 0.895);
    });
  }

  for (const [name, draw] of Object.entries(DRAWS)) {
    test(`${name}: no group's squared error is above 1.05 of Q4_0's plus 0.0005 Σw², of 20000`, () => {
      for (const w of groupsOf32(draw, 20000, 0.05)) {
        const a = quantized(w);
        const b = plainQ4(w);
        const bound = 1.05 * squaredError(w, b.q, b.s) + 5e-4 * energy(w);
        if (!(squaredError(w, a.q, a.s) <= bound)) assert.atMost(squaredError(w, a.q, a.s), bound, `group ${w}`);
      }
    });

    test(`${name}: each nibble is the nearest one for the stored scale, to 1e-6 of a step`, () => {
      for (const w of groupsOf32(draw, 2000, 0.05)) {
        const { q, s } = quantized(w);
        for (let i = 0; i < 32; i++) {
          const nearest = s === 0 ? 0 : Math.min(7, Math.max(-8, Math.round(w[i] / s)));
          if (Math.abs(w[i] - q[i] * s) > Math.abs(w[i] - nearest * s) + 1e-6 * Math.abs(s))
            assert.equal(q[i], nearest, `weight ${w[i]}, scale ${s}`);
        }
      }
    });
  }

  test("groups that come from Q4_0 (one weight at -8 · s) return unchanged", () => {
    const nibbles = fc.uint8Array({ minLength: 32, maxLength: 32, max: 15 });
    fc.assert(
      fc.property(nibbles, fc.nat(31), scales, (given, at, bits) => {
        given[at] = 0;
        const w = Float32Array.from(given, (x) => (x - 8) * f16ToF32(bits));
        return quantizeQ4(w, n) === bits && given.every((x, i) => x === n[i]);
      }),
      { numRuns: 3000 },
    );
  });

  test("weights times a power of two give the same nibbles and the scale times that power", () => {
    for (const w of groupsOf32(DRAWS.normal, 500)) {
      const { q, s } = quantized(w);
      for (const p of [2 ** -8, 0.5, 64]) {
        const b = quantized(w.map((x) => x * p));
        assert.deepEqual([...b.q, b.s], [...q, s * p]);
      }
    }
  });

  test("negated weights give the same nibbles and the negated scale", () => {
    for (const w of groupsOf32(DRAWS.normal, 500)) {
      const { q, s } = quantized(w);
      const b = quantized(w.map((x) => -x));
      assert.deepEqual([...b.q, b.s], [...q, -s]);
    }
  });

  test("one value throughout: within f16's half unit in the last place", () => {
    for (const value of [1, -0.3, 1e-3, -7777]) {
      const { q, s } = quantized(new Float32Array(32).fill(value));
      for (const x of q) assert.close([x * s], [value], Math.abs(value) * 2 ** -11);
    }
  });

  test("all |w| ≤ 2^-25, zeros of either sign included: scale 0, nibbles 8", () => {
    for (const tiny of [0, -0, 1e-45, -1e-8, 2 ** -25]) {
      n.fill(99);
      assert.equal(quantizeQ4(new Float32Array(32).fill(tiny), n), 0);
      assert.deepEqual([...n], new Array(32).fill(8));
    }
  });

  test("tiny weights, where f16 scales are coarse: error at most 9 · 2^-25 plus a seventh of the greatest", () => {
    for (const size of [3.1e-8, 1e-7, 1e-6, 1e-5]) {
      for (const w of groupsOf32((next) => 2 * next() - 1, 200, size)) {
        const { q, s } = quantized(w);
        const top = Math.max(...w.map(Math.abs));
        for (let i = 0; i < 32; i++)
          assert.atMost(Math.abs(w[i] - q[i] * s), 9 * 2 ** -25 + top / 7, `${w[i]} of ${top}, scale ${s}`);
      }
    }
  });

  test("weights up to 2^19 are held: scale at most 65504, error of the greatest at most 1 %", () => {
    for (const top of [4e5, 524287, -524287]) {
      const w = new Float32Array(32).fill(1000);
      w[7] = top;
      const { q, s } = quantized(w);
      assert.close([q[7] * s], [top], Math.abs(top) * 0.01);
    }
  });

  test("a weight of 2^19 or more, an infinity or a NaN makes the scale NaN and the nibbles 8", () => {
    for (const bad of [2 ** 19, -(2 ** 19), 3e38, Infinity, -Infinity, Number.NaN]) {
      const w = new Float32Array(32).fill(0.5);
      w[31] = bad;
      assert.equal(quantizeQ4(w, n), 0x7e00);
      assert.deepEqual([...n], new Array(32).fill(8));
    }
  });
});
