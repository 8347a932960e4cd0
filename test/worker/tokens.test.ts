import { ContextError } from "../../src/errors.ts";
import { giveTurn } from "../../src/event-loop.ts";
import type { GenerateOptions } from "../../src/generate/options.ts";
import { WINDOW } from "../../src/worker/remote-tokens.ts";
import { collect, naiveAnswer, promptOf, setup } from "../generate/setup.ts";
import { suite } from "../harness.ts";

const quiet = { ignoreEos: true } as const;

/** Many turns: whatever is under way arrives. */
async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await giveTurn();
}

suite("worker/tokens", ({ test, assert }) => {
  test(`the worker makes ${WINDOW} tokens beyond those that were read and no more; each that is read makes room for one`, async () => {
    const { generate, decoder } = setup({ offThread: true });
    const iterator = generate(promptOf(5), { maxTokens: 60, ...quiet })[Symbol.asyncIterator]();
    let read = 0;
    const tokens = () => decoder.steps.length; // the prompt's step gives the first, and each later step one
    const next = async () => {
      const step = await iterator.next();
      if (!step.done) read += step.value.ids.length;
    };
    await next();
    await settle();
    assert.equal(tokens(), WINDOW);
    for (let i = 0; i < 20; i++) {
      await next();
      await settle();
      assert.ok(tokens() <= read + WINDOW && tokens() > read + WINDOW / 2, `${tokens()} made, ${read} read`);
    }
    await iterator.return?.();
  });

  test("a stop string, wherever it ends, gives the result of the same call in-thread: text, ids, reason, tokens, bytes, reprefills", async () => {
    for (let seed = 0; seed < 12; seed++) {
      const options: GenerateOptions = { maxTokens: 40, temperature: 3, seed, ...quiet };
      const rig = { switchAt: 30, maxChunk: 5 };
      const whole = await setup(rig).generate(promptOf(20, seed), options).result();
      for (let at = 0; at < whole.text.length; at += 3) {
        const stop = whole.text.slice(at, at + 2);
        const there = setup({ ...rig, offThread: true });
        const here = await setup(rig)
          .generate(promptOf(20, seed), { ...options, stop })
          .result();
        const far = await there.generate(promptOf(20, seed), { ...options, stop }).result();
        const { timings: _, ...expected } = here;
        const { timings: __, ...got } = far;
        assert.deepEqual(got, expected, `seed ${seed}, stop ${stop}`);
        assert.equal(there.leaks(), 0);
      }
    }
  });

  test("leaving after any piece gives what leaving in-thread gives, and all is free when the loop has been left", async () => {
    for (let leaveAfter = 1; leaveAfter < 20; leaveAfter++) {
      const run = async (offThread: boolean) => {
        const { generate, leaks } = setup({ offThread, switchAt: 40 });
        const generation = generate(promptOf(33), { maxTokens: 30, ...quiet });
        let pieces = 0;
        for await (const _ of generation) if (++pieces === leaveAfter) break;
        assert.equal(leaks(), 0);
        const { timings: _, seed: __, ...result } = await generation.result();
        return result;
      };
      assert.deepEqual(await run(true), await run(false), `after ${leaveAfter}`);
    }
  });

  test("an abort at any step rejects with the signal's reason, wherever the reader is, and frees all; no piece comes after it", async () => {
    for (let after = 1; after <= 30; after++) {
      for (const slow of [false, true]) {
        const { generate, decoder, leaks } = setup({ offThread: true, turns: true });
        const control = new AbortController();
        const reason = { why: after };
        let n = 0;
        decoder.onStep = () => {
          if (++n === after) control.abort(reason);
        };
        const generation = generate(promptOf(33), { maxTokens: 40, signal: control.signal, ...quiet });
        let late = false;
        const got = await assert.rejects(async () => {
          for await (const _ of generation) {
            if (control.signal.aborted) late = true;
            if (slow) await settle();
          }
        });
        assert.equal(got, reason);
        assert.equal(await assert.rejects(generation.result()), reason);
        assert.ok(!late, "a piece after the abort");
        assert.equal(leaks(), 0);
        decoder.onStep = undefined;
        const again = await generate(promptOf(33), { maxTokens: 10, ...quiet }).result();
        assert.deepEqual(again.ids, naiveAnswer(promptOf(33), 10));
      }
    }
  });

  test("an error beyond what was read is told when the reading comes to it, after all tokens before it", async () => {
    const { generate } = setup({ offThread: true, contextSize: 40 });
    const generation = generate(promptOf(35), { maxTokens: 30, ...quiet });
    const ids: number[] = [];
    await assert.rejects(async () => {
      for await (const piece of generation) {
        ids.push(...piece.ids);
        await settle();
      }
    }, ContextError);
    // The last piece may hold back half a character.
    assert.deepEqual(ids, naiveAnswer(promptOf(35), 5).slice(0, ids.length));
  });

  test("a reader who stays away is paused, so that others get its room; one who is merely late is not", async () => {
    const rig = setup({ offThread: true, blocks: 4, contextSize: 128 });
    const paused = rig.generate(promptOf(60), { maxTokens: 60, ...quiet });
    const iterator = paused[Symbol.asyncIterator]();
    await iterator.next();
    await settle();
    assert.ok([...rig.engine.room.holders].some((holder) => holder.paused));
    const other = await rig.generate(promptOf(100, 2), { maxTokens: 20, ...quiet }).result();
    assert.deepEqual(other.ids, naiveAnswer(promptOf(100, 2), 20));
    assert.deepEqual((await paused.result()).ids, naiveAnswer(promptOf(60), 60));
    await iterator.return?.();
    let seen = false;
    rig.decoder.onStep = () => {
      seen ||= [...rig.engine.room.holders].some((holder) => holder.paused);
    };
    await collect(rig.generate(promptOf(9), { maxTokens: 60, ...quiet }));
    assert.ok(!seen, "paused although it was read");
    assert.equal(rig.leaks(), 0);
  });

  test("onPrefill that throws at any event rejects the call with what it threw, and frees all", async () => {
    for (let at = 1; at <= 5; at++) {
      const { generate, leaks } = setup({ offThread: true });
      const thrown = new RangeError(`event ${at}`);
      let events = 0;
      const onPrefill = () => {
        if (++events === at) throw thrown;
      };
      const generation = generate(promptOf(33), { maxTokens: 5, onPrefill, ...quiet });
      assert.equal(await assert.rejects(generation.result()), thrown);
      assert.equal(events, at);
      await settle();
      assert.equal(leaks(), 0);
    }
  });
});
