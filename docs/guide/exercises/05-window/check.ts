import { rope } from "../../../../examples/plain-phi3.ts";
import { assert } from "../../../../test/assert.ts";
import type { Exercise } from "../claims.ts";
import { checkLogits } from "../goldens.ts";

export const exercise: Exercise<typeof import("./stub.ts")> = {
  title: "what a window sees",
  claims: [
    {
      claim:
        "with W = 4 token 2 sees 0 … 2, token 3 sees 0 … 3, token 4 sees 1 … 4, token 100 sees 97 … 100; with W = 0 all of 0 … 100",
      check({ seen }) {
        assert.deepEqual(seen(2, 4), { from: 0, to: 2 });
        assert.deepEqual(seen(3, 4), { from: 0, to: 3 });
        assert.deepEqual(seen(4, 4), { from: 1, to: 4 });
        assert.deepEqual(seen(100, 4), { from: 97, to: 100 });
        assert.deepEqual(seen(100, 0), { from: 0, to: 100 });
      },
    },
    {
      claim: "a ring of 4 holds 4, 1, 2, 3 after position 4, and 0, 1 and two empty places after position 1",
      check({ ring }) {
        assert.deepEqual(ring(4, 4), [4, 1, 2, 3]);
        assert.deepEqual(ring(1, 4), [0, 1, -1, -1]);
      },
    },
    {
      claim:
        "a ring of W places always holds exactly what the token that was stored last sees, each position at its place (W = 1, 2, 5, 16; 50 tokens)",
      check({ ring, seen }) {
        for (const W of [1, 2, 5, 16]) {
          for (let i = 0; i < 50; i++) {
            const places = ring(i, W);
            places.forEach((p, place) => {
              if (p >= 0) assert.equal(p % W, place, `W ${W}, after position ${i}: the place of ${p}`);
            });
            const held = places.filter((p) => p >= 0).sort((a, b) => a - b);
            const { from, to } = seen(i, W);
            const expected = Array.from({ length: to - from + 1 }, (_, n) => from + n);
            assert.deepEqual(held, expected, `W ${W}, after position ${i}`);
          }
        }
      },
    },
    {
      claim:
        "Phi-3-mini-4k (W = 2047, blocks of 32): no block can go before position 2078, the first goes there, and 64 are gone at position 4095",
      check({ blocksToGiveBack }) {
        const at = [0, 2047, 2077, 2078, 2109, 2110, 4095].map((i) => blocksToGiveBack(i, 2047, 32));
        assert.deepEqual(at, [0, 0, 0, 1, 1, 2, 64]);
        assert.equal(blocksToGiveBack(4095, 0, 32), 0, "without a window");
      },
    },
    {
      claim:
        "with it a whole model has Hugging Face's logits at every position within 3e-4 (a Phi-3 with W = 16, 60 tokens)",
      check: ({ seen }) =>
        checkLogits("phi-3-mini-4k", "len60", () => ({ rotate: rope(10000, 16), from: (i) => seen(i, 16).from })),
    },
  ],
};
