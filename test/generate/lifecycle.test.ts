import { DisposedError, LogitsError } from "../../src/errors.ts";
import { giveTurn } from "../../src/event-loop.ts";
import { suite } from "../harness.ts";
import { collect, MODES, naiveAnswer, promptOf, type Setup, setup as setupHere } from "./setup.ts";

const quiet = { ignoreEos: true } as const;

for (const { where, offThread } of MODES)
  suite(`generate/lifecycle, ${where}`, ({ test, assert }) => {
    const setup = (options: Setup = {}) => setupHere({ offThread, ...options });
    // Steps are counted here; off-thread an abort is a message, which takes its time: see test/worker/tokens.test.ts.
    // Steps are counted here and below; off-thread an abort is a message, which takes its time: see test/worker/tokens.test.ts.
    if (!offThread)
      if (!offThread)
        test("an abort at any step rejects iteration and result with the signal's reason, runs no further step and leaves nothing", async () => {
          const steps = 5 + 9; // a prompt of 33 in chunks of 7, then 10 tokens
          for (let after = 0; after <= steps; after++) {
            const { generate, decoder, leaks } = setup({ switchAt: 200 });
            const control = new AbortController();
            const reason = { why: after };
            let n = 0;
            decoder.onStep = () => {
              if (++n === after) control.abort(reason);
            };
            if (after === 0) control.abort(reason);
            const generation = generate(promptOf(33), { maxTokens: 10, signal: control.signal, ...quiet });
            const outcomes = await Promise.allSettled([collect(generation), generation.result()]);
            const whole = after === steps; // the last step was taken already: nothing is left to abort
            for (const outcome of outcomes) {
              if (whole) assert.equal(outcome.status, "fulfilled");
              else assert.equal(outcome.status === "rejected" && outcome.reason, reason);
            }
            assert.equal(n, after === 0 ? 0 : after);
            decoder.onStep = undefined;
            const again = await generate(promptOf(33), { maxTokens: 10, ...quiet }).result();
            assert.deepEqual(again.ids, naiveAnswer(promptOf(33), 10));
            assert.equal(leaks(), 0);
          }
        });

    if (!offThread)
      if (!offThread)
        test("an aborted prefill leaves what it computed to the next call", async () => {
          const { generate, decoder } = setup({ turns: false });
          const control = new AbortController();
          decoder.onStep = () => {
            if (decoder.steps.length === 3) control.abort();
          };
          await assert.rejects(generate(promptOf(60), { signal: control.signal }).result());
          decoder.onStep = undefined;
          assert.equal(decoder.pool.freeBlocks, 15, "one block for 28 tokens, none for what was not computed");
          const { usage } = await generate(promptOf(60), { maxTokens: 1 }).result();
          assert.equal(usage.cachedTokens, 28);
        });

    test("leaving the loop after any piece frees everything at once; result() is what there was", async () => {
      for (let leaveAfter = 1; leaveAfter < 12; leaveAfter++) {
        const { generate, decoder, leaks } = setup();
        const generation = generate(promptOf(33), { maxTokens: 12, ...quiet });
        const ids: number[] = [];
        let pieces = 0;
        for await (const piece of generation) {
          ids.push(...piece.ids);
          if (++pieces === leaveAfter) break;
        }
        const steps = decoder.steps.length;
        assert.equal(leaks(), 0);
        const result = await generation.result();
        assert.deepEqual(result.ids.slice(0, ids.length), ids);
        assert.deepEqual(result.ids, naiveAnswer(promptOf(33), result.ids.length));
        assert.equal(decoder.steps.length, steps, "no step after the break");
      }
    });

    test("leaving before the first piece runs nothing, and an error thrown in the loop frees everything too", async () => {
      const { generate, decoder, leaks } = setup();
      const generation = generate(promptOf(33));
      await generation[Symbol.asyncIterator]().return?.();
      assert.equal(decoder.steps.length, 0);
      assert.deepEqual((await generation.result()).ids, []);
      await assert.rejects(async () => {
        for await (const _ of generate(promptOf(33), quiet)) throw new RangeError("reader");
      }, RangeError);
      assert.equal(leaks(), 0);
    });

    if (!offThread)
      if (!offThread)
        test("leaving while a step is under way ends the run at the next step", async () => {
          const { generate, decoder, leaks } = setup();
          const generation = generate(promptOf(60), quiet);
          const iterator = generation[Symbol.asyncIterator]();
          let left: Promise<unknown> | undefined;
          decoder.onStep = () => {
            if (decoder.steps.length === 2) queueMicrotask(() => (left = iterator.return?.()));
          };
          assert.deepEqual(await iterator.next(), { done: true, value: undefined });
          await left;
          assert.equal(decoder.steps.length, 3);
          assert.equal(leaks(), 0);
        });

    test("leaving while a result() is awaited lets the run go on for it", async () => {
      const { generate } = setup();
      const generation = generate(promptOf(5), { maxTokens: 12, ...quiet });
      const result = generation.result();
      for await (const _ of generation) break;
      assert.deepEqual((await result).ids, naiveAnswer(promptOf(5), 12));
    });

    test("logits that are not numbers are a LogitsError for reader and result; callbacks that throw reject the call", async () => {
      const { generate, decoder, leaks } = setup();
      const { step } = decoder;
      decoder.step = (chunk) => {
        step.call(decoder, chunk);
        if (chunk.start === 12) chunk.logits?.fill(Number.NaN);
      };
      const generation = generate(promptOf(9), { maxTokens: 9, ...quiet });
      await assert.rejects(collect(generation), LogitsError);
      await assert.rejects(generation.result(), LogitsError);
      const onPrefill = () => {
        throw new RangeError("callback");
      };
      await assert.rejects(generate([1], { onPrefill }).result(), RangeError);
      // A worker hears of it some turns later.
      for (let i = 0; leaks() > 0 && i < 100; i++) await giveTurn();
      assert.equal(leaks(), 0);
    });

    test("disposing of the model during calls rejects them all with DisposedError; later ones too", async () => {
      const { generate, decoder, engine } = setup();
      const paused = generate(promptOf(8), quiet)[Symbol.asyncIterator]();
      await paused.next();
      const calls = [generate(promptOf(60), quiet).result(), generate(promptOf(20, 2), quiet).result()];
      let n = 0;
      decoder.onStep = () => {
        if (++n === 5) queueMicrotask(() => engine.dispose());
      };
      const outcomes = await Promise.allSettled([...calls, generate([1]).result()]);
      for (const outcome of outcomes) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof DisposedError);
      }
      await assert.rejects(async () => {
        for (;;) if ((await paused.next()).done) return;
      }, DisposedError);
      await assert.rejects(generate([1]).result(), DisposedError);
      assert.equal(decoder.pool.freeBlocks, decoder.pool.blocks);
      assert.equal(engine.room.holders.size, 0);
    });
  });
