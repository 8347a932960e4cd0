import { ContextError } from "../../src/errors.ts";
import { suite } from "../harness.ts";
import { collect, idsOf, MODES, naiveAnswer, promptOf, type Setup, setup as setupHere } from "./setup.ts";

const quiet = { ignoreEos: true } as const;

for (const { where, offThread } of MODES)
  suite(`generate/room, ${where}`, ({ test, assert }) => {
    const setup = (options: Setup = {}) => setupHere({ offThread, ...options });
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
      const { generate, open, leaks } = setup({ blocks: 4, contextSize: 128 });
      const seq = await open();
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
      const { generate, open, leaks } = setup({ blocks: 4, contextSize: 128 });
      const seq = await open();
      const working = generate(promptOf(60), { maxTokens: 20, ...quiet }).result();
      await seq.forward(promptOf(70, 2), { logits: "none" });
      assert.equal(seq.length, 70);
      assert.deepEqual((await working).ids, naiveAnswer(promptOf(60), 20));
      await seq.dispose();
      const paused = generate(promptOf(90), { maxTokens: 5, ...quiet });
      const iterator = paused[Symbol.asyncIterator]();
      await iterator.next();
      const other = await open();
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
