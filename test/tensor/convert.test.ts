import fc from "fast-check";
import { ShapeError } from "../../src/errors.ts";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16, fromF32, roundEven, toF32 } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";

// Independent of the code under test: the value by the definition of IEEE 754 binary16, in float64.
function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const e = (bits >> 10) & 31;
  const f = bits & 1023;
  if (e === 31) return f ? Number.NaN : sign * Infinity;
  return sign * (e === 0 ? f * 2 ** -24 : (1 + f / 1024) * 2 ** (e - 15));
}
const bf16Value = (bits: number) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);

suite("tensor/convert", ({ test, assert }) => {
  const forms = [
    { name: "f16", value: f16Value, up: f16ToF32, down: f32ToF16, dtype: "f16", infinity: 0x7c00 },
    { name: "bf16", value: bf16Value, up: bf16ToF32, down: f32ToBf16, dtype: "bf16", infinity: 0x7f80 },
  ] as const;
  for (const { name, value, up, down, dtype, infinity } of forms) {
    test(`${name} -> f32 is exact for all 65536 patterns, one by one and in bulk`, () => {
      const bulk = toF32(dtype, ALL);
      for (let bits = 0; bits < 65536; bits++) {
        if (!Object.is(up(bits), value(bits)) || !Object.is(bulk[bits], value(bits)))
          assert.equal(up(bits), value(bits), `bits ${bits.toString(16)}, bulk ${bulk[bits]}`);
      }
    });

    test(`${name} -> f32 -> ${name} gives back all 65536 patterns (NaN: a NaN of the same sign in bulk)`, () => {
      const back = new Uint16Array(65536);
      fromF32(dtype, toF32(dtype, ALL), back);
      const isNaNBits = (b: number) => (b & 0x7fff) > infinity;
      for (let bits = 0; bits < 65536; bits++) {
        const ok = isNaNBits(bits)
          ? isNaNBits(back[bits]) && (back[bits] & 0x8000) === (bits & 0x8000) && isNaNBits(down(up(bits)))
          : back[bits] === bits && down(up(bits)) === bits;
        if (!ok) assert.equal(back[bits], bits);
      }
    });

    test(`f32 -> ${name} rounds to nearest, ties to even, at and beside every midpoint of neighbours`, () => {
      for (let bits = 0; bits < infinity; bits++) {
        const low = value(bits);
        // The value that the next pattern would have were the exponent unbounded: infinity's place is the next power of two.
        const high = bits + 1 === infinity ? 2 * low - value(bits - 1) : value(bits + 1);
        const middle = (low + high) / 2; // exact in float32: one bit more than the format has
        const even = bits % 2 === 0 ? bits : bits + 1;
        const u = new Uint32Array(Float32Array.of(middle).buffer);
        const step = (d: number) => new Float32Array(Uint32Array.of(u[0] + d).buffer)[0];
        // bf16's smallest midpoint is itself a float32 subnormal with neighbours as usual; f16's lie far above.
        const checks: [number, number][] = [
          [middle, even],
          [step(-1), bits],
          [step(1), bits + 1],
        ];
        for (const [x, expected] of checks) {
          if (down(x) !== expected) assert.equal(down(x), expected, `${name} of ${x}`);
          if (down(-x) !== (expected | 0x8000)) assert.equal(down(-x), expected | 0x8000, `${name} of ${-x}`);
        }
      }
    });

    test(`f32 -> ${name} of random floats: never farther away than a neighbour, bulk equals one by one`, () => {
      fc.assert(
        fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 64 }), (list) => {
          const src = Float32Array.from(list);
          const out = new Uint16Array(src.length);
          fromF32(dtype, src, out);
          return src.every((x, i) => {
            const b = out[i];
            if (b !== down(x)) return false;
            const error = Math.abs(value(b) - x);
            const inner = (b & 0x7fff) > 0 && (b & 0x7fff) + 1 < infinity;
            return !inner || (error <= Math.abs(value(b + 1) - x) && error <= Math.abs(value(b - 1) - x));
          });
        }),
        { numRuns: 300 },
      );
    });
  }

  test("overflow goes to infinity of the same sign, underflow to zero of the same sign", () => {
    assert.deepEqual(
      [65519.996, 65520, 1e9, Infinity, -65520, -Infinity].map(f32ToF16),
      [0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00, 0xfc00],
    );
    assert.deepEqual([2 ** -25, 2 ** -25 * 1.0001, -1e-30, -0, 1e-45].map(f32ToF16), [0, 1, 0x8000, 0x8000, 0]);
    assert.deepEqual([3.4e38, -3.4028234e38, 1e-45, -1e-45].map(f32ToBf16), [0x7f80, 0xff80, 0, 0x8000]);
  });

  test("integers: nearest, ties to even, held at the ends; NaN becomes 0", () => {
    const src = Float32Array.of(-1e9, -128.5, -2.5, -0.5, 0.5, 1.5, 2.5, 126.7, 300, Number.NaN, Infinity, -Infinity);
    const out = new Int8Array(src.length);
    fromF32("i8", src, out);
    assert.deepEqual([...out], [-128, -128, -2, 0, 0, 2, 2, 127, 127, 0, 127, -128]);
    const wide = new Int32Array(4);
    fromF32("i32", Float32Array.of(2147483648, -2147483648, 16777215, -3e9), wide);
    assert.deepEqual([...wide], [2147483647, -2147483648, 16777215, -2147483648]);
    assert.deepEqual([...toF32("i8", Int8Array.of(-128, 0, 127))], [-128, 0, 127]);
    assert.deepEqual(
      [-3.5, -2.5, 0.49999999999999994, 4503599627370495.5].map(roundEven),
      [-4, -2, 0, 4503599627370496],
    );
  });

  test("an output that is too short is refused", () => {
    assert.throws(() => toF32("f16", new Uint16Array(4), new Float32Array(3)), ShapeError, /too short/);
    assert.throws(() => fromF32("bf16", new Float32Array(4), new Uint16Array(3)), ShapeError, /too short/);
  });
});
