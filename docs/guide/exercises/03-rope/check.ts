import { assert } from "../../../../test/assert.ts";
import type { Exercise } from "../claims.ts";
import { checkLogits } from "../goldens.ts";

const of = (...numbers: number[]): Float64Array => Float64Array.from(numbers);
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);

export const exercise: Exercise<typeof import("./stub.ts")> = {
  title: "turn a head",
  claims: [
    {
      claim: "a plane turns by 1 radian a position: (1, 0) is (cos 1, sin 1) at position 1, and (cos 2, sin 2) at 2",
      check({ rotate }) {
        assert.close(rotate(of(1, 0), 1, 10000, 2), [Math.cos(1), Math.sin(1)], 1e-12);
        assert.close(rotate(of(1, 0), 2, 10000, 2), [Math.cos(2), Math.sin(2)], 1e-12);
      },
    },
    {
      claim: "the planes are numbers i and i + R / 2, and plane 1 of theta 100 and R 4 turns by a tenth of plane 0",
      check({ rotate }) {
        const turned = rotate(of(1, 1, 0, 0), 3, 100, 4);
        assert.close(turned, [Math.cos(3), Math.cos(0.3), Math.sin(3), Math.sin(0.3)], 1e-12);
      },
    },
    {
      claim:
        "the head that was given keeps its numbers, and those from R on are in the result as they were, though others turn",
      check({ rotate }) {
        const head = of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        const turned = rotate(head, 5, 10000, 4); // Phi-2 turns 0.4 of a head
        assert.deepEqual([...head], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert.deepEqual([...turned.slice(4)], [5, 6, 7, 8, 9, 10]);
        assert.ok(Math.abs(turned[0] - 1) > 0.5, `number 0 at position 5: ${turned[0]}`);
      },
    },
    {
      claim:
        "a query times a key depends on how far apart they are, not on where: 7 and 3 give what 104 and 100 give, 7 and 4 do not",
      check({ rotate }) {
        const [q, k] = [of(0.3, -1, 2, 0.5, 0.7, 1.1), of(1, 0.2, -0.4, 0.9, -1.5, 0.6)];
        const product = (i: number, j: number) => dot(rotate(q, i, 10000, 6), rotate(k, j, 10000, 6));
        assert.close([product(104, 100)], [product(7, 3)], 1e-9);
        assert.ok(Math.abs(product(7, 4) - product(7, 3)) > 0.1, "distance 3 and distance 4 give the same");
      },
    },
    {
      claim:
        "with it a whole model has Hugging Face's logits at every position within 3e-4: theta 250000, all of a head (Phi-4)",
      check: ({ rotate }) =>
        checkLogits("phi-4", "len33", () => ({ rotate: (head, position) => rotate(head, position, 250000, 16) })),
    },
  ],
};
