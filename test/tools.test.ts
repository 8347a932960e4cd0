import { suite } from "./harness.ts";
import { maxAbs } from "./metrics.ts";

suite("what the tests hold things against", ({ test, assert }) => {
  test("maxAbs: a NaN anywhere, on either side, gives NaN, and no bound holds of it; so do lengths that differ", () => {
    const right = [1, -2, 3];
    assert.equal(maxAbs([1, -2.5, 3], right), 0.5);
    assert.equal(maxAbs(right, right), 0);
    for (let i = 0; i < 3; i++) {
      const wrong = right.with(i, Number.NaN);
      for (const d of [maxAbs(wrong, right), maxAbs(right, wrong)]) {
        assert.equal(d, Number.NaN);
        assert.throws(() => assert.atMost(d, Infinity));
      }
    }
    assert.equal(maxAbs([1], right), Number.NaN);
    assert.equal(maxAbs([Infinity, 0, 0], right), Infinity);
  });

  test("deepEqual: lists, objects, maps and sets differ where one element does; what shows nothing equals only itself", () => {
    const pairs: [unknown, unknown][] = [
      [
        [1, 2],
        [1, 3],
      ],
      [[1], [1, undefined]],
      [[0], [-0]],
      [Float32Array.of(1), Float32Array.of(2)],
      [{ a: 1 }, { a: 2 }],
      [{ a: 1 }, { b: 1 }],
      [new Map([["a", 1]]), new Map([["a", 2]])],
      [new Set(["a"]), new Set(["b"])],
      [new Set(["a", "b"]), new Set(["a"])],
      [new Error("a"), new Error("b")],
      [new Date(1), new Date(2)],
    ];
    for (const [a, b] of pairs) {
      assert.throws(() => assert.deepEqual(a, b), undefined, /./);
      assert.deepEqual(a, a);
    }
    assert.deepEqual(new Set(["a", "b"]), new Set(["b", "a"]));
    assert.deepEqual([{ a: Float64Array.of(1, Number.NaN) }, {}], [{ a: Float64Array.of(1, Number.NaN) }, {}]);
  });

  test("close: NaN is close to NaN alone, and lengths count", () => {
    assert.close([1, Number.NaN], [1.1, Number.NaN], 0.2);
    for (const [a, b] of [
      [[Number.NaN], [1]],
      [[1], [Number.NaN]],
      [[1, 2], [1]],
      [[1], [1.3]],
    ])
      assert.throws(() => assert.close(a, b, 0.2));
  });
});
