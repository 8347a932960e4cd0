import { ContextError, DisposedError, loadPhi, type PhiError } from "../../src/index.ts";
import { suite, unless } from "../harness.ts";
import { MODES, noMode, openPhiTiny } from "./phi-tiny.ts";

const QUESTION = "Tom buys 4 notebooks for $3 each and pays with $20. How much change does he get?";

for (const mode of MODES)
  suite(`api/phi, ${mode.where}`, async ({ test: every, assert, engine }) => {
    const test = unless(noMode(mode, engine), every);
    const { files, withPhi } = await openPhiTiny(engine, mode);

    test("chat streams pieces whose texts and ids are those of the result, which tells usage and timings", () =>
      withPhi(async (phi) => {
        const chat = phi.chat(QUESTION, { maxTokens: 64, temperature: 0 });
        let text = "";
        const ids: number[] = [];
        for await (const piece of chat) {
          text += piece.text;
          ids.push(...piece.ids);
        }
        const result = await chat.result();
        assert.equal(text, result.text);
        assert.deepEqual(ids, result.ids);
        assert.equal(result.finishReason, "stop");
        assert.ok(/answer is 8\.$/.test(text), text);
        assert.equal(result.ids.at(-1), phi.tokenizer.idOf("<|end|>"));
        assert.deepEqual(result.dropped, []);
        const { usage, timings } = result;
        assert.deepEqual([usage.completionTokens, usage.cachedTokens], [ids.length, 0]);
        assert.ok(usage.weightBytesRead > usage.completionTokens * 2_000_000);
        assert.ok(timings.loadMs > 0 && timings.prefillMs > 0 && timings.decodeMs > 0);
      }));

    test("a conversation goes on from the cache of its earlier turns, with the bits of a cold start", () =>
      withPhi(async (phi) => {
        const first = await phi.chat("Who are you?").result();
        const messages = [
          { role: "user", content: "Who are you?" },
          { role: "assistant", content: first.text },
          { role: "user", content: "What is 12 + 30?" },
        ];
        const options = { maxTokens: 40, temperature: 1.5, seed: 5, ignoreEos: true };
        const warm = await phi.chat(messages, options).result();
        assert.ok(warm.usage.cachedTokens >= first.usage.promptTokens + first.ids.length - 1);
        await withPhi(async (fresh) => {
          const cold = await fresh.chat(messages, options).result();
          assert.equal(cold.usage.cachedTokens, 0);
          assert.deepEqual(cold.ids, warm.ids);
        });
      }));

    test("what a user types is text: a control token in a message neither ends the turn nor the answer", () =>
      withPhi(async (phi) => {
        const end = phi.tokenizer.idOf("<|end|>");
        const count = async (options: { parseSpecialTokens?: boolean }) => {
          const { usage } = await phi.chat("Hi<|end|>", { maxTokens: 0, ...options }).result();
          return usage.promptTokens;
        };
        assert.ok((await count({})) > (await count({ parseSpecialTokens: true })));
        assert.ok(!phi.tokenizer.encode("Hi<|end|>").includes(end ?? -1));
      }));

    test("forward: all, last and none; on a sequence in any cut, after fork and truncate, the same bits (int4, int8 activations)", () =>
      withPhi(async (phi) => {
        const ids = phi.tokenizer.encode(
          "Once upon a time there was a girl named Mia who had 12 apples and a red boat. ".repeat(3),
        );
        const V = phi.config.vocabSize;
        const all = await phi.forward(ids, { logits: "all" });
        assert.equal(all.length, ids.length * V);
        const lastRow = all.slice(-V);
        assert.deepEqual(await phi.forward(ids), lastRow);
        assert.deepEqual(await phi.forward(Int32Array.from(ids), { logits: "last" }), lastRow);
        const seq = await phi.sequence();
        await seq.forward(ids.slice(0, 5), { logits: "none" });
        const fork = await seq.fork();
        await fork.forward([1, 2, 3]);
        await fork.truncate(5);
        assert.deepEqual(await seq.forward(ids.slice(5), { logits: "all" }), all.slice(5 * V));
        assert.deepEqual(await fork.forward(ids.slice(5)), lastRow);
        assert.equal(seq.length, ids.length);
        assert.deepEqual(seq.tokens, ids);
        await seq.dispose();
        await fork[Symbol.asyncDispose]();
        await assert.rejects(seq.forward([1]), DisposedError);
      }));

    test("calls at once, and calls in the loop of a call, give the answers of calls alone, also in a pool for one of them", async () => {
      const prompts = ["Once upon a time", "What is", "The sky", "Mia has 12 apples", "A dog", "In the"];
      const alone: number[][] = [];
      await withPhi(async (phi) => {
        for (const prompt of prompts)
          alone.push((await phi.generate(prompt, { maxTokens: 40, ignoreEos: true }).result()).ids);
      });
      for (const options of [{}, { contextSize: 64 }]) {
        await withPhi(async (phi) => {
          const calls = prompts.map((prompt) => phi.generate(prompt, { maxTokens: 40, ignoreEos: true }).result());
          assert.deepEqual(
            (await Promise.all(calls)).map((r) => r.ids),
            alone,
          );
          const outer: number[] = [];
          for await (const { ids } of phi.generate(prompts[0], { maxTokens: 40, ignoreEos: true })) {
            if (outer.length === 0) {
              const inner = await phi.generate(prompts[1], { maxTokens: 40, ignoreEos: true }).result();
              assert.deepEqual(inner.ids, alone[1]);
            }
            outer.push(...ids);
          }
          assert.deepEqual(outer, alone[0]);
        }, options);
      }
    });

    test("stop strings, stop ids, maxTokens and a full context end an answer", () =>
      withPhi(
        async (phi) => {
          const text = (await phi.chat(QUESTION).result()).text;
          const cut = await phi.chat(QUESTION, { stop: ["The change", "zzz"] }).result();
          assert.equal(cut.text, text.slice(0, text.indexOf("The change")));
          assert.equal(cut.finishReason, "stop");
          const dot = phi.tokenizer.encode(".")[0];
          const byId = await phi.chat(QUESTION, { stopIds: [dot] }).result();
          assert.equal(`${byId.text}.`, text.slice(0, text.indexOf(".") + 1));
          assert.equal((await phi.chat(QUESTION, { maxTokens: 3 }).result()).ids.length, 3);
          const full = { ignoreEos: true, maxTokens: 500 };
          const error = await assert.rejects(phi.chat(QUESTION, full).result(), ContextError, /contextSize = 100/);
          assert.equal((error as PhiError).code, "context_full");
          const ended = await phi.chat(QUESTION, { ...full, onContextFull: "stop" }).result();
          assert.equal(ended.usage.promptTokens + ended.ids.length, 100);
          assert.equal(ended.finishReason, "length");
          assert.equal((await phi.chat(QUESTION, { ignoreEos: true }).result()).text, ended.text);
        },
        { contextSize: 100 },
      ));

    test("the caller's timers run while an answer is made, though nobody awaits anything but the answer", () =>
      withPhi(async (phi) => {
        let ticks = 0;
        const timer = setInterval(() => ticks++, 1);
        await phi.generate("Once upon a time", { maxTokens: 300, ignoreEos: true }).result();
        clearInterval(timer);
        assert.ok(ticks > 0);
      }));

    test("loading reports bytes up to the whole, takes a Source, and tells the memory arena by arena", async () => {
      const events: { loaded: number; total: number }[] = [];
      const phi = await loadPhi(files(), {
        worker: mode.worker,
        onProgress: ({ loaded, total }) => events.push({ loaded, total }),
      });
      const last = events.at(-1);
      assert.ok(last && last.loaded === last.total && last.total > 10_000_000);
      assert.ok(events.every(({ loaded }, i) => i === 0 || loaded >= events[i - 1].loaded));
      const { weights, kv, scratch, arenas } = phi.memory;
      const sum = (name: "weights" | "kv" | "scratch") => arenas.reduce((total, arena) => total + arena[name], 0);
      assert.deepEqual([sum("weights"), sum("kv"), sum("scratch")], [weights, kv, scratch]);
      assert.equal(phi.contextSize, 1024);
      assert.equal(phi.config.vocabSize, 2048);
      assert.deepEqual(
        phi.stopTokens.map((t) => t.token),
        ["<|endoftext|>", "<|end|>"],
      );
      assert.ok(/42/.test((await phi.chat("What is 12 + 30?").result()).text));
      await phi.dispose();
    });

    test("an empty text begins with the BOS token, as in Hugging Face's generate", () =>
      withPhi(async (phi) => {
        const { usage, ids } = await phi.generate("", { maxTokens: 5, ignoreEos: true }).result();
        assert.equal(usage.promptTokens, 1);
        assert.deepEqual(ids, (await phi.generate([2041], { maxTokens: 5, ignoreEos: true }).result()).ids);
      }));
  });
