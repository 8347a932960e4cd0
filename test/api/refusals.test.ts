import * as errors from "../../src/errors.ts";
import * as api from "../../src/index.ts";
import {
  DisposedError,
  IterationError,
  loadPhi,
  OptionError,
  PhiError,
  SourceError,
  TokenizerError,
} from "../../src/index.ts";
import { suite, unless } from "../harness.ts";
import { MODES, noMode, openPhiTiny } from "./phi-tiny.ts";

for (const mode of MODES)
  suite(`api/refusals, ${mode.where}`, async ({ test: every, assert, engine }) => {
    const test = unless(noMode(mode, engine), every);
    const { files, load, withPhi } = await openPhiTiny(engine, mode);

    test("an abort during loading, prefill or decoding rejects with the signal's own reason", async () => {
      const reason = new Error("changed my mind");
      const aborted = AbortSignal.abort(reason);
      assert.equal(await assert.rejects(load({ signal: aborted })), reason);
      const during = new AbortController();
      const loading = load({ signal: during.signal, onProgress: () => during.abort(reason) });
      assert.equal(await assert.rejects(loading), reason);
      await withPhi(async (phi) => {
        assert.equal(await assert.rejects(phi.forward([1], { signal: aborted })), reason);
        assert.equal(await assert.rejects(phi.chat("Hi", { signal: aborted }).result()), reason);
        const control = new AbortController();
        let pieces = 0;
        const got = await assert.rejects(async () => {
          for await (const _ of phi.generate("Once", { signal: control.signal, ignoreEos: true })) {
            if (++pieces === 3) control.abort(reason);
          }
        });
        assert.equal(got, reason);
        assert.equal(pieces, 3);
      });
    });

    test("without tokenizer files it loads, ids work, and whatever needs text is a TokenizerError no_tokenizer", async () => {
      const phi = await loadPhi(files("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"), {
        worker: mode.worker,
      });
      const noTokenizer = (run: () => unknown) => {
        const error = assert.throws(run, TokenizerError, /tokenizer/);
        assert.equal((error as PhiError).code, "no_tokenizer");
      };
      noTokenizer(() => phi.tokenizer);
      noTokenizer(() => phi.generate("text"));
      noTokenizer(() => phi.chat("text"));
      noTokenizer(() => phi.generate([1], { stop: "x" }));
      const { ids, text, finishReason } = await phi.generate([2044, 2015, 333, 2043, 2042], { maxTokens: 50 }).result();
      assert.deepEqual([ids.at(-1), text, finishReason], [2043, "", "stop"]);
      await phi.dispose();
    });

    test("unknown options and bad values are OptionErrors that name them; loadPhi's before anything is read", async () => {
      for (const [name, value] of [
        ["weight", "q4"],
        ["weights", "q5"],
        ["activations", "f16"],
        ["kv", "f16"],
        ["kernels", "fastest"],
        ["contextSize", 0],
        ["contextSize", 1e9],
        ["kvTokens", 1.5],
        ["onProgress", 1],
        ["signal", {}],
        ["worker", "yes"],
      ] as const) {
        await assert.rejects(load({ [name]: value }), OptionError, new RegExp(`"${name}"`));
      }
      for (const source of [undefined, "", 3, {}]) await assert.rejects(loadPhi(source as string), OptionError);
      await assert.rejects(
        loadPhi(files("config.json"), { worker: mode.worker }),
        SourceError,
        /file config\.json: there is no such file/,
      );
      await withPhi(async (phi) => {
        assert.throws(() => phi.generate("Hi", { max_tokens: 3 } as object), OptionError, /did you mean "maxTokens"/);
        assert.throws(() => phi.chat("Hi", { temperature: -1 }), OptionError, /"temperature"/);
        assert.throws(() => phi.generate([]), OptionError, /no token ids/);
        assert.throws(() => phi.generate([1, 2048]), OptionError, /position 1.*2047/);
        assert.throws(() => phi.generate("Hi", { tools: [] } as object), OptionError, /"tools"/);
        assert.throws(() => phi.chat([]), PhiError);
        assert.throws(() => phi.chat(3 as unknown as string), OptionError);
        assert.throws(() => phi.chat("Hi", { rope: "long" }), OptionError, /LongRoPE/);
        await assert.rejects(phi.forward([1], { logit: 1 } as object), OptionError, /"logit"/);
        await assert.rejects(phi.sequence({ rop: 1 } as object), OptionError, /"rop"/);
      });
    });

    test("after dispose everything is a DisposedError, also what was under way; a second dispose does nothing", async () => {
      const phi = await load();
      const seq = await phi.sequence();
      const generation = phi.generate("Once", { ignoreEos: true });
      const running = generation.result();
      setTimeout(() => void phi.dispose());
      await assert.rejects(running, DisposedError);
      await assert.rejects(phi.forward([1]), DisposedError);
      await assert.rejects(phi.sequence(), DisposedError);
      await assert.rejects(seq.forward([1]), DisposedError);
      assert.throws(() => phi.generate("Once"), DisposedError);
      assert.throws(() => phi.chat("Once"), DisposedError);
      await phi.dispose();
      await phi[Symbol.asyncDispose]();
      await seq.dispose();
    });

    test("pieces are there once: a second loop is an IterationError, result() stays", () =>
      withPhi(async (phi) => {
        const chat = phi.chat("Who are you?");
        for await (const _ of chat) break;
        await assert.rejects(async () => {
          for await (const _ of chat) break;
        }, IterationError);
        assert.ok((await chat.result()).ids.length > 0);
      }));

    test("phi-ts exports loadPhi, estimate, inspect, the sources and every error class, each a PhiError, and no other value", async () => {
      const isError = (value: unknown) => value === PhiError || Object.getPrototypeOf(value) === PhiError;
      const classes = Object.entries(errors).filter(([, value]) => isError(value));
      assert.deepEqual(
        Object.keys(api).sort(),
        [
          "blobSource",
          "bytesSource",
          "droppedFiles",
          "estimate",
          "inspect",
          "loadPhi",
          "urlSource",
          ...classes.map(([name]) => name),
        ].sort(),
      );
    });
  });
