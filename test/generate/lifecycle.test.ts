import { ContextError, DisposedError, LogitsError } from "../../src/errors.ts";
import { Row } from "../../src/generate/row.ts";
import { Sequence } from "../../src/generate/sequence.ts";
import { suite } from "../harness.ts";
import { collect, idsOf, naiveAnswer, promptOf, setup } from "./setup.ts";

const quiet = { ignoreEos: true } as const;

suite("generate/lifecycle", ({ test, assert }) => {
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

  test("an aborted prefill leaves what it computed to the next call", async () => {
    const { generate, decoder } = setup();
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

  test("a call made inside the loop of another, and a slow reader, hold nobody up", async () => {
    const { generate, leaks } = setup();
    const outer: number[] = [];
    for await (const piece of generate(promptOf(20), { maxTokens: 6, ...quiet })) {
      outer.push(...piece.ids);
      const inner = await generate(promptOf(20, 3), { maxTokens: 3, ...quiet }).result();
      assert.deepEqual(inner.ids, naiveAnswer(promptOf(20, 3), 3));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.deepEqual(outer, naiveAnswer(promptOf(20), 6));
    assert.equal(leaks(), 0);
  });

  test("calls share a pool that holds one of them: those that find no room wait, and each answer is that of a call alone", async () => {
    // 4 blocks = 128 tokens; each call grows to 120
    const { generate, leaks } = setup({ blocks: 4, contextSize: 128 });
    const calls = [1, 2, 3, 4].map((seed) => ({
      seed,
      call: generate(promptOf(40, seed), { maxTokens: 80, ...quiet }),
    }));
    const readers = calls.map(({ call, seed }) =>
      seed % 2 ? call.result().then((r) => r.ids) : collect(call).then(idsOf),
    );
    const answers = await Promise.all(readers);
    calls.forEach(({ seed }, i) => {
      assert.deepEqual(answers[i], naiveAnswer(promptOf(40, seed), 80));
    });
    assert.equal(leaks(), 0);
  });

  test("a call inside the loop of a call takes its room, and the outer one goes on afterwards with the same bits", async () => {
    const { generate, leaks } = setup({ blocks: 4, contextSize: 128 });
    const outer: number[] = [];
    for await (const piece of generate(promptOf(90), { maxTokens: 5, ...quiet })) {
      outer.push(...piece.ids);
      const inner = await generate(promptOf(100, 2), { maxTokens: 4, ...quiet }).result();
      assert.deepEqual(inner.ids, naiveAnswer(promptOf(100, 2), 4));
    }
    assert.deepEqual(outer, naiveAnswer(promptOf(90), 5));
    assert.equal(leaks(), 0);
  });

  test("a call that waits for room can be aborted, and left, while the one that it waits for goes on", async () => {
    const { generate, decoder } = setup({ blocks: 4, contextSize: 128, turns: true });
    const control = new AbortController();
    const long = generate(promptOf(126), { maxTokens: 2, ...quiet }).result(); // 18 steps of prefill
    const aborted = generate(promptOf(100, 2), { maxTokens: 20, signal: control.signal, ...quiet }).result();
    const leaving = generate(promptOf(100, 3), { maxTokens: 20, ...quiet })[Symbol.asyncIterator]();
    let n = 0;
    const ended: [string, number][] = [];
    const next = leaving.next().then((step) => {
      ended.push(["left", n]);
      return step;
    });
    decoder.onStep = () => {
      n++;
      if (n === 5) queueMicrotask(() => void leaving.return?.());
      if (n === 9) control.abort("enough");
    };
    const [outcome] = await Promise.allSettled([aborted]);
    ended.push(["aborted", n]);
    assert.equal(outcome.status === "rejected" && outcome.reason, "enough");
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.deepEqual(
      ended.map(([what]) => what),
      ["left", "aborted"],
    );
    assert.ok(ended[0][1] < 9 && ended[1][1] < 18, String(ended));
    assert.deepEqual((await long).ids, naiveAnswer(promptOf(126), 2));
  });

  test("a call that waits for room gets it when the other's reader stays away", async () => {
    const { generate } = setup({ blocks: 4, contextSize: 128, turns: true });
    const first = generate(promptOf(120), { maxTokens: 5, ...quiet })[Symbol.asyncIterator]();
    const [piece, waited] = await Promise.all([
      first.next(),
      generate(promptOf(100, 2), { maxTokens: 5, ...quiet }).result(),
    ]);
    assert.equal(piece.done, false);
    assert.deepEqual(waited.ids, naiveAnswer(promptOf(100, 2), 5));
    await first.return?.();
  });

  test("what a user's sequence holds is not taken: a call that needs it gets kv_full with the sizes, cached prefixes give way before", async () => {
    const { generate, engine, leaks } = setup({ blocks: 4, contextSize: 128 });
    const seq = new Sequence(new Row(engine, "sequence", "auto"));
    await generate(promptOf(60, 5), { maxTokens: 1, ...quiet }).result(); // cached: 2 blocks
    await seq.forward(promptOf(60), { logits: "none" });
    const fits = await generate(promptOf(60, 2), { maxTokens: 4, ...quiet }).result();
    assert.deepEqual(fits.ids, naiveAnswer(promptOf(60, 2), 4));
    const error = await assert.rejects(
      generate(promptOf(60, 3), { maxTokens: 6, ...quiet }).result(),
      ContextError,
      /65 tokens.*hold 2/,
    );
    assert.equal((error as ContextError).code, "kv_full");
    assert.equal(seq.length, 60);
    await seq.dispose();
    assert.equal((await generate(promptOf(60, 3), { maxTokens: 6, ...quiet }).result()).ids.length, 6);
    assert.equal(leaks(), 0);
  });

  test("a user's forward waits for calls that work, and takes the room of one that is paused", async () => {
    const { generate, engine, leaks } = setup({ blocks: 4, contextSize: 128 });
    const seq = new Sequence(new Row(engine, "sequence", "auto"));
    const working = generate(promptOf(60), { maxTokens: 20, ...quiet }).result();
    await seq.forward(promptOf(70, 2), { logits: "none" });
    assert.equal(seq.length, 70);
    assert.deepEqual((await working).ids, naiveAnswer(promptOf(60), 20));
    await seq.dispose();
    const paused = generate(promptOf(90), { maxTokens: 5, ...quiet });
    const iterator = paused[Symbol.asyncIterator]();
    await iterator.next();
    const other = new Sequence(new Row(engine, "sequence", "auto"));
    await other.forward(promptOf(70, 3), { logits: "none" });
    await other.dispose();
    assert.deepEqual((await paused.result()).ids, naiveAnswer(promptOf(90), 5));
    await iterator.return?.();
    assert.equal(leaks(), 0);
  });

  test("two calls that begin with the same long prompt share its blocks while both live", async () => {
    const { generate, decoder } = setup();
    const first = generate([...promptOf(64), 1], { maxTokens: 5, ...quiet })[Symbol.asyncIterator]();
    await first.next();
    const second = await generate([...promptOf(64), 2], { maxTokens: 5, ...quiet }).result();
    assert.equal(second.usage.cachedTokens, 64);
    assert.deepEqual(second.ids, naiveAnswer([...promptOf(64), 2], 5));
    assert.equal(decoder.pool.blocks - decoder.pool.freeBlocks, 4);
    await first.return?.();
  });
});
