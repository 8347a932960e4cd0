import { Engine } from "../../src/generate/engine.ts";
import { Row } from "../../src/generate/row.ts";
import { giveTurn, Pacer, TURN_EVERY_MS } from "../../src/turn.ts";
import { suite } from "../harness.ts";
import { HashDecoder } from "./hash-decoder.ts";

suite("generate/turn", ({ test, assert }) => {
  /** A pacer whose clock we move; `turns` are the times at which it gave one. */
  function paced() {
    const turns: number[] = [];
    const clock = { now: 1000 };
    const pacer = new Pacer(
      () => clock.now,
      async () => {
        turns.push(clock.now);
      },
    );
    return { pacer, clock, turns };
  }

  test(`a turn is given at the first step and then whenever ${TURN_EVERY_MS} ms have passed since the last`, async () => {
    const { pacer, clock, turns } = paced();
    for (let i = 0; i < 10; i++) {
      await pacer.pace();
      clock.now += 3;
    }
    assert.deepEqual(turns, [1000, 1009, 1018, 1027]);
    clock.now += 1000;
    await pacer.pace();
    assert.equal(turns.length, 5);
  });

  test("the engine paces before every step, chunks of prompts and single tokens alike, and a turn is over before the step begins", async () => {
    const events: string[] = [];
    let now = 0;
    const pacer = new Pacer(
      () => (now += 4),
      async () => {
        await Promise.resolve();
        events.push("turn");
      },
    );
    const decoder = new HashDecoder({ blocks: 4 });
    decoder.onStep = () => events.push("step");
    const row = new Row(new Engine(decoder, 64, pacer), "sequence", "auto");
    await row.extend([1, 2, 3, 4, 5, 6, 7, 8, 9], { logits: "none" });
    for (const id of [1, 2, 3]) await row.extend([id], { logits: "none" });
    // each look at the clock takes 4 ms: one at the turn, one per step
    assert.deepEqual(events.join(" "), "turn step step turn step step turn step");
  });

  test("a clock that stands still, as it does between events on some engines, gets a turn every 16 steps", async () => {
    const { pacer, turns } = paced();
    for (let i = 0; i < 49; i++) await pacer.pace();
    assert.equal(turns.length, 4);
  });

  test("in a turn, timers and messages that were due run", async () => {
    let ran = 0;
    setTimeout(() => ran++, 0);
    const start = performance.now();
    // A timer is due after a millisecond at the earliest, so several turns may pass; each is a task of its own.
    while (ran === 0 && performance.now() - start < 5000) await giveTurn();
    assert.equal(ran, 1);
  });
});
