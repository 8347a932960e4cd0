import fc from "fast-check";
import { quantizeQ8 } from "../../src/quant/index.ts";
import { f16ToF32, f32ToF16 } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { DRAWS, groupsOf32 } from "./groups.ts";

const q = new Int8Array(32);

suite("quant/quantize-q8", ({ test, assert }) => {
  for (const [name, draw] of Object.entries(DRAWS)) {
    for (const scale of [1e-7, 1e-4, 0.02, 1, 1e4]) {
      test(`${name} · ${scale}: |w - q·s| ≤ 0.50001 s, q within ±127, s the f16 nearest to max|w| / 127 unless that clips`, () => {
        for (const w of groupsOf32(draw, 500, scale)) {
          const bits = quantizeQ8(w, q);
          const s = f16ToF32(bits);
          const max = Math.max(...w.map(Math.abs));
          const d = Math.fround(max / 127);
          const nearest = f32ToF16(d);
          const clips = nearest === 0 || Math.fround(max * Math.fround(1 / f16ToF32(nearest))) >= 127.5;
          assert.equal(bits, max <= 2 ** -25 ? 0 : clips ? nearest + 1 : nearest, `scale for ${d}`);
          w.forEach((x, i) => {
            if (bits > 0 && !(Math.abs(x - q[i] * s) <= 0.50001 * s && q[i] >= -127)) assert.equal(q[i] * s, x);
          });
        }
      });
    }
  }

  test("groups that come from Q8_0 (one weight at ±127 · s) return unchanged", () => {
    const integers = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 32, maxLength: 32 });
    const scales = fc.integer({ min: 1, max: 0x7000 });
    fc.assert(
      fc.property(integers, fc.nat(31), fc.boolean(), scales, (given, at, negative, bits) => {
        given[at] = negative ? -127 : 127;
        const w = Float32Array.from(given, (x) => x * f16ToF32(bits));
        return quantizeQ8(w, q) === bits && given.every((x, i) => x === q[i]);
      }),
      { numRuns: 3000 },
    );
  });

  test("rounds to nearest, ties to even", () => {
    const w = new Float32Array(32);
    w.set([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 3.49, 3.51]);
    assert.equal(f16ToF32(quantizeQ8(w, q)), 1);
    assert.deepEqual([...q.subarray(0, 9)], [127, 0, 2, 2, 0, -2, -2, 3, 4]);
  });

  test("all |w| ≤ 2^-25: scale 0, integers 0", () => {
    for (const tiny of [0, -0, 1e-45, -1e-8, 2 ** -25]) {
      q.fill(99);
      assert.equal(quantizeQ8(new Float32Array(32).fill(tiny), q), 0);
      assert.deepEqual([...q], new Array(32).fill(0));
    }
  });

  test("a weight of 2^22 or more, an infinity or a NaN makes the scale NaN and the integers 0; just below 2^22 is held", () => {
    for (const bad of [2 ** 22, -(2 ** 22), 3e38, Infinity, -Infinity, Number.NaN]) {
      const w = new Float32Array(32).fill(0.5);
      w[31] = bad;
      assert.equal(quantizeQ8(w, q), 0x7e00);
      assert.deepEqual([...q], new Array(32).fill(0));
    }
    const w = new Float32Array(32).fill(-4194303);
    const s = f16ToF32(quantizeQ8(w, q));
    assert.close([q[0] * s], [-4194303], s / 2);
  });
});
