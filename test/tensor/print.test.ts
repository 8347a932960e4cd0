import { arange, tensor, zeros } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";

/** What Node's REPL shows of an object. */
const replText = (x: object) => (x as Record<symbol, () => string>)[Symbol.for("nodejs.util.inspect.custom")]();

suite("tensor/print", ({ test, assert }) => {
  const prints = (title: string, t: { toString(): string }, lines: string[]) =>
    test(title, () => assert.equal(t.toString(), lines.join("\n")));

  prints(
    "integers without a point, in columns",
    tensor([
      [1, -20],
      [300, 4],
    ]),
    ["f32 [2, 2]", "[[  1, -20],", " [300,   4]]"],
  );
  prints(
    "at most four decimals, points below each other",
    tensor([
      [1.5, -2],
      [1 / 3, 4],
    ]),
    ["f32 [2, 2]", "[[ 1.5   , -2.    ],", " [ 0.3333,  4.    ]]"],
  );
  prints("powers of ten where sizes differ too much; nan and inf", tensor([1e-5, 1, Number.NaN, -Infinity]), [
    "f32 [4]",
    "[1.0000e-5, 1.0000e+0,       nan,      -inf]",
  ]);
  prints("three axes: an empty line between matrices", arange(8, { dtype: "i8" }).reshape([2, 2, 2]), [
    "i8 [2, 2, 2]",
    "[[[0, 1],",
    "  [2, 3]],",
    "",
    " [[4, 5],",
    "  [6, 7]]]",
  ]);
  prints("bf16 as numbers, not as bits", tensor([0.1, -2], { dtype: "bf16" }), ["bf16 [2]", "[ 0.1001, -2.    ]"]);
  prints("a single number", tensor(0.5), ["f32 []", "0.5"]);
  prints("no elements", zeros([0, 3]), ["f32 [0, 3] empty"]);
  prints("1000 elements in full", arange(1000).reshape([500, 2]), [
    "f32 [500, 2]",
    ...Array.from({ length: 500 }, (_, i) => {
      const [a, b] = [2 * i, 2 * i + 1].map((n) => String(n).padStart(3));
      return `${i === 0 ? "[" : " "}[${a}, ${b}]${i === 499 ? "]" : ","}`;
    }),
  ]);
  prints("above 1000 the first and last three along each long axis", arange(1200).reshape([4, 300]), [
    "f32 [4, 300]",
    "[[   0,    1,    2, …,  297,  298,  299],",
    " [ 300,  301,  302, …,  597,  598,  599],",
    " [ 600,  601,  602, …,  897,  898,  899],",
    " [ 900,  901,  902, …, 1197, 1198, 1199]]",
  ]);
  prints("a long vector", arange(5000), ["f32 [5000]", "[   0,    1,    2, …, 4997, 4998, 4999]"]);
  prints("above 1000 rows too", zeros([2000, 1], { dtype: "u8" }), [
    "u8 [2000, 1]",
    "[[0],",
    " [0],",
    " [0],",
    " …,",
    " [0],",
    " [0],",
    " [0]]",
  ]);

  test("a REPL and console.log show the same text", () => {
    const t = tensor([[1, 2]]);
    assert.equal(replText(t), t.toString());
    assert.equal(`${t}`, "f32 [1, 2]\n[[1, 2]]");
  });
});
