import { Prng, randomSeed } from "../../src/generate/prng.ts";
import { suite } from "../harness.ts";

suite("generate/prng", ({ test, assert }) => {
  test("xoshiro128** of state 1, 2, 3, 4 gives the numbers of an independent implementation", () => {
    const prng = new Prng([1, 2, 3, 4]);
    const got = Array.from({ length: 10 }, () => prng.nextInt());
    assert.deepEqual(
      got,
      [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804],
    );
  });

  test("seeds spread to the numbers of an independent implementation, and the upper bits of a seed count", () => {
    const first = (seed: number) => {
      const prng = Prng.fromSeed(seed);
      return Array.from({ length: 4 }, () => prng.nextInt());
    };
    assert.deepEqual(first(0), [1882649912, 2962726411, 2231093680, 1127179778]);
    assert.deepEqual(first(1), [3723152463, 3610543388, 4200841060, 613453817]);
    assert.deepEqual(first(2 ** 32 + 1), [553733484, 3392417836, 1004118743, 1775501935]);
    assert.deepEqual(first(2 ** 53 - 1), [2398470714, 2994343113, 3745275738, 2057217035]);
  });

  test("next() is (upper 27 bits · 2^26 + upper 26 bits) / 2^53", () => {
    assert.equal(Prng.fromSeed(1).next(), 0.8668639871526147);
    assert.equal(new Prng([0, 0xffffffff, 0, 0]).next() < 1, true);
  });

  test("the first numbers of 4096 neighbouring seeds fill 64 bins evenly (chi² below 103, p = 0.001)", () => {
    const bins = new Array<number>(64).fill(0);
    for (let seed = 0; seed < 4096; seed++) bins[Math.floor(Prng.fromSeed(seed).next() * 64)]++;
    const chi2 = bins.reduce((sum, n) => sum + (n - 64) ** 2 / 64, 0);
    assert.atMost(chi2, 103);
  });

  test("a fresh seed is an integer from 0 to 2^32 - 1, and four of them are not all equal", () => {
    const seeds = Array.from({ length: 4 }, randomSeed);
    assert.ok(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
    assert.ok(new Set(seeds).size > 1);
  });
});
