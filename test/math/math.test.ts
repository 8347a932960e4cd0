import { PhiError } from "../../src/errors.ts";
import { cos, erf, erfc, exp, log, pow, sin, tanh } from "../../src/math/index.ts";
import fixture from "../fixtures/math.json" with { type: "json" };
import { suite } from "../harness.ts";
import { hash } from "../kernels/compare.ts";
import { randomSource } from "../random.ts";
import { errorInUlps } from "./ulp.ts";

const ONE = { exp, log, sin, cos, tanh, erf, erfc } as const;
/** The bounds that the docstrings state, in ulps. A denormal result is rounded once more: half an ulp on top. */
const BOUND = { exp: 0.65, log: 0.55, sin: 0.75, cos: 0.75, tanh: 0.8, erf: 1.5, erfc: 5, pow: 0.65 } as const;
/** Bits are a promise: these functions reach logits and samples. */
const HASH = "54d0536c";
const DENORMAL = 2 ** -1022;

suite("math", ({ test, assert }) => {
  for (const [name, f] of Object.entries(ONE)) {
    const bound = BOUND[name as keyof typeof ONE];
    const rows = fixture[name as keyof typeof ONE];
    test(`${name} is within ${bound} ulp of the true value at ${rows.length} arguments, hard ones among them`, () => {
      for (const [x, hi, lo] of rows) {
        const extra = Math.abs(hi) < DENORMAL ? 0.5 : 0;
        assert.atMost(errorInUlps(f(x), hi, lo), bound + extra, `${name}(${x})`);
      }
    });
  }

  test(`pow is within ${BOUND.pow} ulp of the true value at ${fixture.pow.length} pairs, the bases of RoPE among them`, () => {
    for (const [x, y, hi, lo] of fixture.pow) {
      const extra = Math.abs(hi) < DENORMAL ? 0.5 : 0;
      assert.atMost(errorInUlps(pow(x, y), hi, lo), BOUND.pow + extra, `pow(${x}, ${y})`);
    }
  });

  test("exp, log, sin, cos, tanh, pow are within 4 ulp of this engine's Math at 20000 arguments", () => {
    const next = randomSource(5);
    for (let i = 0; i < 20000; i++) {
      const u = next();
      const angle = (u - 0.5) * 200000;
      const near = (name: string, got: number, value: number) =>
        assert.atMost(errorInUlps(got, value, 0), 4, `${name} ${u}`);
      near("exp", exp((u - 0.5) * 1400), Math.exp((u - 0.5) * 1400));
      near("log", log(u), Math.log(u));
      near("sin", sin(angle), Math.sin(angle));
      near("cos", cos(angle), Math.cos(angle));
      near("tanh", tanh((u - 0.5) * 30), Math.tanh((u - 0.5) * 30));
      near("pow", pow(1 + u * 100, u * 60 - 30), (1 + u * 100) ** (u * 60 - 30));
    }
  });

  test(`all of them have the same bits on every engine: hash ${HASH} over the fixture's arguments`, () => {
    const values: number[] = fixture.pow.map(([x, y]) => pow(x, y));
    for (const [name, f] of Object.entries(ONE)) {
      for (const [x] of fixture[name as keyof typeof ONE]) values.push(f(x));
    }
    assert.equal(hash(new Int32Array(Float64Array.from(values).buffer)), HASH);
  });

  test("exp: 0, ±∞, NaN, overflow and underflow", () => {
    const got = [0, -0, Infinity, -Infinity, NaN, 709.79, 1e308, -745.14, -1e308].map(exp);
    assert.deepEqual(got, [1, 1, Infinity, 0, NaN, Infinity, Infinity, 0, 0]);
  });

  test("log: 1, ±0, negative numbers, ∞, NaN", () => {
    assert.deepEqual([1, 0, -0, -1, -Infinity, Infinity, NaN].map(log), [
      0,
      -Infinity,
      -Infinity,
      NaN,
      NaN,
      Infinity,
      NaN,
    ]);
  });

  test("sin and cos: ±0 and NaN; a finite argument past 2^20 is refused", () => {
    assert.deepEqual([0, -0, Infinity, -Infinity, NaN].map(sin), [0, -0, NaN, NaN, NaN]);
    assert.deepEqual([0, -0, Infinity, -Infinity, NaN].map(cos), [1, 1, NaN, NaN, NaN]);
    assert.throws(() => sin(1048577), PhiError, /1048577/);
    assert.throws(() => cos(-1e300), PhiError, /1e\+300/);
  });

  test("tanh, erf and erfc: ±0, ±∞, NaN", () => {
    assert.deepEqual([0, -0, Infinity, -Infinity, NaN].map(tanh), [0, -0, 1, -1, NaN]);
    assert.deepEqual([0, -0, Infinity, -Infinity, NaN].map(erf), [0, -0, 1, -1, NaN]);
    assert.deepEqual([0, -0, Infinity, -Infinity, NaN].map(erfc), [1, 1, 0, 2, NaN]);
  });

  test("sin, tanh and erf are odd, cos is even, bit for bit", () => {
    for (const x of [1e-9, 0.1, 0.7, 1, 2.5, 6, 19, 131071.7]) {
      for (const f of [sin, tanh, erf]) assert.equal(f(-x), -f(x));
      assert.equal(cos(-x), cos(x));
    }
  });

  test("pow: the special cases of ECMAScript's **", () => {
    const values = [
      0,
      -0,
      1,
      -1,
      2,
      -2,
      0.5,
      -0.5,
      3,
      -3,
      Infinity,
      -Infinity,
      NaN,
      1e300,
      -1e300,
      9007199254740991,
      5e-324,
    ];
    for (const x of values) {
      for (const y of values) {
        const expected = x ** y;
        const note = `pow(${x}, ${y})`;
        if (Number.isFinite(expected) && expected !== 0) assert.atMost(errorInUlps(pow(x, y), expected, 0), 2, note);
        else assert.equal(pow(x, y), expected, note);
      }
    }
  });
});
