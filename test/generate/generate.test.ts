import { IterationError, OptionError } from "../../src/errors.ts";
import type { GenerateOptions } from "../../src/generate/options.ts";
import { suite } from "../harness.ts";
import {
  collect,
  END,
  idsOf,
  MODES,
  naiveAnswer,
  promptOf,
  type Setup,
  setup as setupHere,
  testTokenizer,
  textOf,
  V,
} from "./setup.ts";

const quiet = { ignoreEos: true } as const;

for (const { where, offThread } of MODES)
  suite(`generate/generate, ${where}`, ({ test, assert }) => {
    const setup = (options: Setup = {}) => setupHere({ offThread, ...options });
    test("a greedy answer has the tokens that recomputing the whole sequence for each of them gives", async () => {
      for (const T of [1, 7, 31, 32, 33, 60]) {
        const { generate, leaks } = setup();
        const { ids, finishReason, usage } = await generate(promptOf(T), { maxTokens: 40, ...quiet }).result();
        assert.deepEqual(ids, naiveAnswer(promptOf(T), 40));
        assert.equal(finishReason, "length");
        assert.deepEqual([usage.promptTokens, usage.completionTokens, usage.cachedTokens], [T, 40, 0]);
        assert.equal(leaks(), 0);
      }
    });

    test("an answer that crosses LongRoPE's switch goes on as the reference does, and the result tells where", async () => {
      const { generate, decoder } = setup({ switchAt: 48 });
      const { ids, reprefills } = await generate(promptOf(40), { maxTokens: 20, ...quiet }).result();
      assert.deepEqual(ids, naiveAnswer(promptOf(40), 20, 48));
      assert.deepEqual(reprefills, [{ regime: "long", length: 49, tokens: 48 }]);
      assert.equal(decoder.computed(), 48 + 49 + 10);
      const long = await setup({ switchAt: 48 })
        .generate(promptOf(40), { maxTokens: 20, rope: "long", ...quiet })
        .result();
      assert.deepEqual(long.ids, naiveAnswer(promptOf(40), 20, 0));
      assert.deepEqual(long.reprefills, []);
    });

    test("pieces are the result: their texts and ids one after the other, no empty text but for the last", async () => {
      for (let seed = 0; seed < 20; seed++) {
        const { generate } = setup();
        const generation = generate(promptOf(9, seed), { maxTokens: 60, temperature: 5, seed, ...quiet });
        const pieces = await collect(generation);
        const { text, ids } = await generation.result();
        assert.equal(textOf(pieces), text);
        assert.deepEqual(idsOf(pieces), ids);
        assert.ok(pieces.slice(0, -1).every((p) => p.text !== ""));
        const known = ids.filter((id) => id !== 15);
        assert.equal(text, testTokenizer().decode(known, { skipSpecialTokens: true }));
      }
    });

    test("half characters wait for their other half; one that never comes is U+FFFD at the end", async () => {
      const { generate } = setup({ answer: [0, 10, 11, 12, 13, 12, END] });
      const pieces = await collect(generate([1]));
      assert.deepEqual(pieces, [
        { text: "a", ids: [0] },
        { text: "é", ids: [10, 11] },
        { text: "😀", ids: [12, 13] },
        { text: "\uFFFD", ids: [12, END] },
      ]);
    });

    test("an answer that continues the prompt's text may complete its last character", async () => {
      const { generate } = setup({ answer: [11, 0, END], ownText: false });
      assert.equal((await generate([0, 10]).result()).text, "éa");
      const turn = setup({ answer: [11, 0, END] });
      assert.equal((await turn.generate([0, 10]).result()).text, "\uFFFDa");
    });

    test("a call that extends an earlier one's tokens computes only the new ones, with the bits of a cold call", async () => {
      const { generate, decoder } = setup();
      const first = await generate(promptOf(40), { maxTokens: 10, ...quiet }).result();
      assert.equal(decoder.computed(), 49, "the last token chosen is not fed");
      const longer = [...promptOf(40), ...first.ids, 3, 4, 5];
      const second = await generate(longer, { maxTokens: 10, ...quiet }).result();
      assert.equal(second.usage.cachedTokens, 49);
      assert.equal(decoder.computed(), 53 - 49 + 9);
      assert.deepEqual(second.ids, naiveAnswer(longer, 10));
      assert.equal(
        decoder.pool.blocks - decoder.pool.freeBlocks,
        2,
        "62 cached tokens, and nothing of the shorter call",
      );
      const again = await generate(longer, { maxTokens: 10, ...quiet }).result();
      assert.equal(again.usage.cachedTokens, 52, "the last token of the prompt is computed, for its logits");
      assert.deepEqual(again.ids, second.ids);
      const branch = [...promptOf(35), 1, 1];
      const third = await generate(branch, { maxTokens: 5, ...quiet }).result();
      assert.equal(third.usage.cachedTokens, 35, "to the token, inside a block");
      assert.deepEqual(third.ids, naiveAnswer(branch, 5));
    });

    test("a cached prefix of the other LongRoPE regime is not used", async () => {
      const { generate } = setup({ switchAt: 48 });
      await generate(promptOf(40), { maxTokens: 1, ...quiet }).result();
      const long = await generate(promptOf(60), { maxTokens: 5, ...quiet }).result();
      assert.equal(long.usage.cachedTokens, 0);
      assert.deepEqual(long.ids, naiveAnswer(promptOf(60), 5, 48));
      const short = await generate(promptOf(44), { maxTokens: 2, ...quiet }).result();
      assert.equal(short.usage.cachedTokens, 40);
      assert.deepEqual(short.ids, naiveAnswer(promptOf(44), 2, 48));
    });

    test("onPrefill tells processed, total and cached after each chunk of the prompt, and nothing later", async () => {
      const { generate } = setup();
      const events: unknown[] = [];
      const options: GenerateOptions = { maxTokens: 3, onPrefill: (event) => events.push({ ...event }), ...quiet };
      await generate(promptOf(17), options).result();
      await generate(promptOf(20), options).result();
      assert.deepEqual(events, [
        { processed: 7, total: 17, cached: 0 },
        { processed: 14, total: 17, cached: 0 },
        { processed: 17, total: 17, cached: 0 },
        { processed: 20, total: 20, cached: 17 },
      ]);
    });

    test("result() and iteration read one run: result after some pieces goes on, twice is the same, pieces stay to be read", async () => {
      const { generate, decoder } = setup();
      const generation = generate(promptOf(5), { maxTokens: 12, ...quiet });
      const iterator = generation[Symbol.asyncIterator]();
      const first = await iterator.next();
      const [one, two] = await Promise.all([generation.result(), generation.result()]);
      assert.equal(one, two);
      assert.equal(await generation.result(), one);
      assert.deepEqual(one.ids, naiveAnswer(promptOf(5), 12));
      const pieces = first.done ? [] : [first.value];
      for (let step = await iterator.next(); !step.done; step = await iterator.next()) pieces.push(step.value);
      assert.deepEqual(idsOf(pieces), one.ids);
      assert.equal(decoder.computed(), 16);
      assert.throws(() => generation[Symbol.asyncIterator](), IterationError, /twice/);
      await assert.rejects(collect(generation), IterationError);
    });
    if (!offThread)
      test("nothing runs before the first reading, nor between two of them", async () => {
        const { generate, decoder } = setup();
        const generation = generate(promptOf(5), { maxTokens: 12, ...quiet });
        await new Promise((resolve) => setTimeout(resolve, 2));
        assert.equal(decoder.steps.length, 0);
        const iterator = generation[Symbol.asyncIterator]();
        await iterator.next();
        const steps = decoder.steps.length;
        await new Promise((resolve) => setTimeout(resolve, 2));
        assert.equal(decoder.steps.length, steps);
        await iterator.return?.();
      });

    test("without a tokenizer ids come one by one, with empty texts", async () => {
      const { generate } = setup({ tokenizer: false, answer: [1, 2, END] });
      const generation = generate([1]);
      assert.deepEqual(await collect(generation), [
        { text: "", ids: [1] },
        { text: "", ids: [2] },
        { text: "", ids: [END] },
      ]);
      assert.equal((await generation.result()).finishReason, "stop");
    });

    test("the seed of the result gives the same answer again; without one each call has its own", async () => {
      const { generate } = setup();
      const options: GenerateOptions = { maxTokens: 30, temperature: 20, ...quiet };
      const first = await generate(promptOf(5), options).result();
      const again = await generate(promptOf(5), { ...options, seed: first.seed }).result();
      assert.deepEqual(again.ids, first.ids);
      assert.equal(again.seed, first.seed);
      const others = await Promise.all([1, 2, 3].map(() => generate(promptOf(5), options).result()));
      assert.ok(new Set(others.map((r) => String(r.ids))).size > 1);
    });

    test("usage counts the bytes of weights by steps; timings are there and not negative", async () => {
      const { generate, model } = setup();
      let cpu = 0;
      model.cpuMs = () => ++cpu * 5;
      const { usage, timings } = await generate(promptOf(17), { maxTokens: 4, ...quiet }).result();
      assert.equal(usage.weightBytesRead, (3 + 3) * 1000);
      assert.equal(usage.cpuMs, 5);
      assert.equal(timings.loadMs, 3);
      assert.ok(timings.prefillMs >= 0 && timings.decodeMs >= 0);
      model.cpuMs = undefined;
      assert.ok(!("cpuMs" in (await generate([1], { maxTokens: 1 }).result()).usage));
    });

    test("unknown options and bad values are OptionErrors at the call, not later", () => {
      const { generate } = setup();
      const bad: [string, unknown][] = [
        ["max_tokens", 3],
        ["top_p", 1],
        ["maxTokens", -1],
        ["maxTokens", 1.5],
        ["maxTokens", "3"],
        ["stop", ""],
        ["stop", [1]],
        ["stop", ["a", ""]],
        ["stopIds", 3],
        ["stopIds", [V]],
        ["stopIds", ["a"]],
        ["ignoreEos", "yes"],
        ["onContextFull", "wait"],
        ["signal", {}],
        ["onPrefill", true],
        ["parseSpecialTokens", 1],
        ["rope", "long"],
        ["rope", "short"],
        ["temperature", -1],
      ];
      for (const [name, value] of bad) {
        assert.throws(() => generate([1], { [name]: value }), OptionError, new RegExp(`"${name}"`));
      }
    });
  });
