import { ContextError } from "../../src/errors.ts";
import type { GenerateOptions } from "../../src/generate/options.ts";
import { suite } from "../harness.ts";
import { collect, END, MODES, naiveAnswer, promptOf, type Setup, setup as setupHere } from "./setup.ts";

const quiet = { ignoreEos: true } as const;

for (const { where, offThread } of MODES)
  suite(`generate/ends, ${where}`, ({ test, assert }) => {
    const setup = (options: Setup = {}) => setupHere({ offThread, ...options });
    test("a stop token ends the answer: last of the ids, not in the text; ignoreEos goes on, stopIds adds others", async () => {
      const answer = [0, 1, END, 3, 5, 6, END, 1, 1, 1];
      const run = (options: GenerateOptions) =>
        setup({ answer })
          .generate([1], { maxTokens: 8, ...options })
          .result();
      const first = await run({});
      assert.deepEqual([first.ids, first.text, first.finishReason], [[0, 1, END], "ab", "stop"]);
      assert.equal(first.usage.completionTokens, 3);
      const all = await run({ ignoreEos: true });
      assert.deepEqual([all.ids, all.text, all.finishReason], [answer.slice(0, 8), "abcdeb", "length"]);
      const own = await run({ ignoreEos: true, stopIds: [5] });
      assert.deepEqual([own.ids, own.text, own.finishReason], [[0, 1, END, 3, 5], "abc", "stop"]);
      const atOnce = await run({ stopIds: [0] });
      assert.deepEqual([atOnce.ids, atOnce.text, atOnce.finishReason], [[0], "", "stop"]);
      const atTheLimit = await run({ maxTokens: 3 });
      assert.equal(atTheLimit.finishReason, "stop", "a stop token that is also the last allowed one");
    });

    test("a stop string over several tokens ends the answer before it; what could begin one is held back", async () => {
      const answer = [3, 0, 1, 2, 5, 6, 7]; // c a b ab d e f
      const { generate } = setup({ answer });
      const generation = generate([4], { stop: ["babd", "xyz"], maxTokens: 7 });
      const pieces = await collect(generation);
      assert.deepEqual(pieces, [
        { text: "c", ids: [3] },
        { text: "a", ids: [0] },
        { text: "", ids: [1, 2, 5] },
      ]);
      const { text, finishReason } = await generation.result();
      assert.deepEqual([text, finishReason], ["ca", "stop"]);
      const held = await setup({ answer }).generate([4], { stop: "babx", maxTokens: 4 }).result();
      assert.deepEqual([held.text, held.finishReason], ["cabab", "length"], "given out at the end");
      const inside = await setup({ answer }).generate([4], { stop: "a", maxTokens: 4 }).result();
      assert.deepEqual([inside.text, inside.ids, inside.finishReason], ["c", [3, 0], "stop"]);
      const byEos = await setup({ answer: [3, 1, END] })
        .generate([4], { stop: "babd" })
        .result();
      assert.deepEqual([byEos.text, byEos.finishReason], ["cb", "stop"]);
    });

    test("maxTokens: as many, none (which prefills the prompt for later), and by default to the end of the context", async () => {
      const { generate, decoder } = setup({ contextSize: 64 });
      const none = await generate(promptOf(50), { maxTokens: 0 }).result();
      assert.deepEqual([none.ids, none.text, none.finishReason], [[], "", "length"]);
      assert.equal(decoder.computed(), 50);
      const rest = await generate(promptOf(50), quiet).result();
      assert.deepEqual([rest.ids.length, rest.finishReason, rest.usage.cachedTokens], [14, "length", 49]);
      assert.deepEqual(rest.ids, naiveAnswer(promptOf(50), 14));
    });

    test("a full context is a ContextError with the sizes, or with onContextFull: stop an end", async () => {
      const run = (T: number, options: GenerateOptions) =>
        setup({ contextSize: 64 })
          .generate(promptOf(T), { ...quiet, ...options })
          .result();
      await assert.rejects(run(60, { maxTokens: 5 }), ContextError, /60 tokens.*4 of the answer.*maxTokens 5.*64/);
      const stopped = await run(60, { maxTokens: 5, onContextFull: "stop" });
      assert.deepEqual([stopped.ids.length, stopped.finishReason], [4, "length"]);
      assert.equal((await run(60, { maxTokens: 4 })).ids.length, 4);
      await assert.rejects(run(64, {}), ContextError, /64 tokens.*0 of the answer/);
      assert.deepEqual((await run(64, { onContextFull: "stop" })).ids, []);
      for (const onContextFull of ["stop", "error"] as const) {
        await assert.rejects(run(65, { onContextFull }), ContextError, /65 tokens.*64/);
      }
      const { generate, decoder } = setup({ contextSize: 64 });
      await assert.rejects(generate(promptOf(65)).result(), ContextError);
      assert.equal(decoder.steps.length, 0, "before any work");
    });
  });
