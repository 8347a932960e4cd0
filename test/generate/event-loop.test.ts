import { DisposedError } from "../../src/errors.ts";
import { giveTurn, Pacer, TURN_EVERY_MS } from "../../src/event-loop.ts";
import { Engine } from "../../src/generate/engine.ts";
import { Row } from "../../src/generate/row.ts";
import { suite } from "../harness.ts";
import { HashDecoder } from "./hash-decoder.ts";

suite("generate/event-loop", ({ test, assert }) => {
  /** A pacer whose clock we move; `turns` are the times at which it gave one. */
  function paced(every?: number) {
    const turns: number[] = [];
    const clock = { now: 1000 };
    const pacer = new Pacer(
      () => clock.now,
      async () => {
        turns.push(clock.now);
      },
      every,
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

  test("or as many milliseconds as are asked for", async () => {
    const { pacer, clock, turns } = paced(32);
    for (let i = 0; i < 10; i++) {
      await pacer.pace();
      clock.now += 9;
    }
    assert.deepEqual(turns, [1000, 1036, 1072]);
  });

  /** A row whose decoder takes 9 ms for its work, between two looks at the clock, and what happens: steps and turns. */
  function slowRow(onTurn: (turns: number) => void = () => {}) {
    const events: string[] = [];
    let now = 0;
    let turns = 0;
    const pacer = new Pacer(
      () => now,
      async () => {
        await Promise.resolve();
        events.push("turn");
        onTurn(++turns);
      },
    );
    const decoder = new HashDecoder({ blocks: 4 });
    decoder.onStep = () => {
      now += 9;
      events.push("step");
    };
    return { row: new Row(new Engine(decoder, 64, pacer), "sequence", "auto"), events };
  }

  test("turns are given between layers, chunks and single tokens alike, and are over before the work goes on", async () => {
    const { row, events } = slowRow();
    await row.extend([1, 2, 3, 4, 5, 6, 7, 8, 9], { logits: "none" });
    await row.extend([1], { logits: "none" });
    assert.equal(events.join(" "), "turn step turn step turn step turn");
  });

  test("an abort or a dispose in a turn between two layers ends the forward there, and the row is as it was", async () => {
    const controller = new AbortController();
    const aborted = slowRow((turns) => turns === 3 && controller.abort(new Error("enough")));
    await aborted.row.extend([1, 2, 3], { logits: "none" });
    await assert.rejects(aborted.row.extend([4, 5], { logits: "none", signal: controller.signal }), Error, /enough/);
    assert.equal(aborted.row.length, 3);
    assert.equal(aborted.row.kv.length, 3);
    assert.equal(aborted.events.join(" "), "turn step turn step turn");
    const disposed = slowRow((turns) => turns === 2 && disposed.row.dispose());
    await assert.rejects(disposed.row.extend([1, 2, 3], { logits: "none" }), DisposedError);
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
