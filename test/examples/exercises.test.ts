import { existsSync, readdirSync, readFileSync } from "node:fs";
import { exercise as rope } from "../../docs/guide/exercises/03-rope/check.ts";
import { exercise as longRope } from "../../docs/guide/exercises/04-longrope/check.ts";
import * as longRopeSolution from "../../docs/guide/exercises/04-longrope/solution.ts";
import type { LongRopeConfig } from "../../docs/guide/exercises/04-longrope/stub.ts";
import { exercise as window } from "../../docs/guide/exercises/05-window/check.ts";
import * as windowSolution from "../../docs/guide/exercises/05-window/solution.ts";
import { exercise as experts } from "../../docs/guide/exercises/06-experts/check.ts";
import * as expertsSolution from "../../docs/guide/exercises/06-experts/solution.ts";
import { EXERCISES } from "../../docs/guide/exercises/all.ts";
import { results } from "../../docs/guide/exercises/claims.ts";
import { inProject } from "../engines/disk.ts";
import { suite } from "../harness.ts";

suite("guide: exercises", ({ test, assert }) => {
  for (const { folder, run } of EXERCISES) {
    test(`${folder}: the stub as it is given fails, the last claim at least, which holds it against Hugging Face`, async () => {
      const claims = await run("stub");
      assert.ok(claims.at(-1)?.wrong !== undefined, JSON.stringify(claims));
      for (const { wrong } of claims) assert.ok(!/is not defined|not a function|ENOENT/.test(wrong ?? ""), wrong);
    });

    test(`${folder}: every claim holds of the solution`, async () => {
      for (const { claim, wrong } of await run("solution")) assert.equal(wrong, undefined, claim);
    });
  }

  test("every folder of docs/guide/exercises is run, and its chapter names it", () => {
    const folders = readdirSync(inProject("docs/guide/exercises")).filter((f) => /^\d/.test(f));
    assert.deepEqual(
      EXERCISES.map(({ folder }) => folder),
      folders,
    );
    const chapters = readdirSync(inProject("docs/guide")).filter((f) => f.endsWith(".md"));
    for (const folder of folders) {
      const chapter = chapters.find((f) => f.startsWith(folder.slice(0, 2)));
      assert.ok(chapter !== undefined && existsSync(inProject(`docs/guide/${chapter}`)), folder);
      assert.ok(
        readFileSync(inProject(`docs/guide/${chapter}`), "utf8").includes(`exercises/${folder}/stub.ts`),
        folder,
      );
    }
  });

  /** Each must be found out. */
  const caught = async (claims: Promise<{ claim: string; wrong?: string }[]>, mistake: string) =>
    assert.ok((await claims).at(-1)?.wrong !== undefined, `${mistake} was not found out`);

  test("03: neighbours (2i, 2i + 1) as planes, the other direction, and dh in place of R are found out", async () => {
    const turn = (
      planes: (i: number, R: number) => [number, number],
      sign: number,
      exponent: (i: number, R: number, dh: number) => number,
    ) => ({
      rotate(head: Float64Array, position: number, theta: number, R: number) {
        const out = head.slice();
        for (let i = 0; i < R / 2; i++) {
          const angle = sign * position * theta ** exponent(i, R, head.length);
          const [a, b] = planes(i, R);
          out[a] = head[a] * Math.cos(angle) - head[b] * Math.sin(angle);
          out[b] = head[b] * Math.cos(angle) + head[a] * Math.sin(angle);
        }
        return out;
      },
    });
    const halves = (i: number, R: number): [number, number] => [i, i + R / 2];
    const right = (i: number, R: number) => (-2 * i) / R;
    await caught(
      results(
        rope,
        turn((i) => [2 * i, 2 * i + 1], 1, right),
      ),
      "neighbours as planes",
    );
    await caught(
      results(
        rope,
        turn(halves, 1, (i, R) => -i / R),
      ),
      "half of the exponent",
    );
    const backwards = await results(rope, turn(halves, -1, right)); // logits do not change: queries and keys turn together
    assert.ok(backwards[0].wrong !== undefined, "the other direction was not found out");
  });

  test("04: the long set from the switch on (not above it), factors that multiply, and no scale are found out", async () => {
    const { longRope: right } = longRopeSolution;
    const early = (c: LongRopeConfig, n: number) => right(c, n + 1);
    const multiplied = (c: LongRopeConfig, n: number) => {
      const inverse = (factors: readonly number[]) => factors.map((f) => 1 / f);
      return right({ ...c, shortFactor: inverse(c.shortFactor), longFactor: inverse(c.longFactor) }, n);
    };
    const unscaled = (c: LongRopeConfig, n: number) => ({ ...right(c, n), scale: 1 });
    await caught(results(longRope, { longRope: early }), "the switch one token early");
    await caught(results(longRope, { longRope: multiplied }), "factors that multiply");
    await caught(results(longRope, { longRope: unscaled }), "a scale of 1");
  });

  test("05: one key too many, and one too few, are found out", async () => {
    for (const more of [-1, 1]) {
      const seen = (i: number, W: number) => windowSolution.seen(i, W === 0 ? 0 : W + more);
      await caught(results(window, { ...windowSolution, seen }), `${more} keys`);
    }
  });

  test("06: weights with a sum of 1, and softmax over all, are found out", async () => {
    const route = (scores: ArrayLike<number>, jitter: number) => {
      const { experts: two, weights } = expertsSolution.route(scores, jitter);
      const sum = weights[0] + weights[1];
      return { experts: two, weights: [weights[0] / sum, weights[1] / sum] as [number, number] };
    };
    await caught(results(experts, { route }), "weights with a sum of 1");
    const softmax = (scores: ArrayLike<number>, jitter: number) => {
      const { experts: two } = expertsSolution.route(scores, jitter);
      const e = Array.from(scores, Math.exp);
      const sum = e.reduce((a, b) => a + b);
      return { experts: two, weights: two.map((i) => e[i] / sum) as [number, number] };
    };
    await caught(results(experts, { route: softmax }), "softmax over all");
  });
});
