import { kthGreatest, takeDescending } from "../../src/generate/select.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";

suite("generate/select", ({ test, assert }) => {
  const inputs = (): Float64Array[] => {
    const next = randomSource(5);
    const sizes = [1, 2, 3, 4, 5, 7, 8, 16, 31, 100, 257];
    return sizes.flatMap((n) => [
      Float64Array.from({ length: n }, () => Math.floor(next() * 10)), // many equals
      Float64Array.from({ length: n }, () => next() - 0.5),
      Float64Array.from({ length: n }, (_, i) => (i % 3 ? -Infinity : i)),
    ]);
  };

  test("kthGreatest is the k-th of the sorted values, for every k", () => {
    for (const x of inputs()) {
      const sorted = [...x].sort((a, b) => b - a);
      for (let k = 1; k <= x.length; k++) assert.equal(kthGreatest(x, k), sorted[k - 1], `n ${x.length}, k ${k}`);
    }
  });

  test("takeDescending goes from the greatest down, lower indices first among equals, not below the floor, and stops when told", () => {
    for (const x of inputs()) {
      const sorted = [...x.keys()].sort((a, b) => (x[b] === x[a] ? a - b : x[b] > x[a] ? 1 : -1));
      for (const floor of [-Infinity, 0.2, 5, 100]) {
        const enough = sorted.filter((i) => x[i] >= floor);
        for (const stopAfter of [1, 3, x.length]) {
          const got: number[] = [];
          takeDescending(x, x.length, floor, (i) => got.push(i) < stopAfter);
          assert.deepEqual(got, enough.slice(0, stopAfter));
        }
      }
    }
  });
});
