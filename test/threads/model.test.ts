import { startWorker } from "#platform";
import { helperCode } from "#worker-code";
import { Engine } from "../../src/generate/engine.ts";
import { localBackend } from "../../src/generate/local.ts";
import { loadPhi, OptionError, type Phi, type PhiOptions, type WorkerLike } from "../../src/index.ts";
import { moduleOf } from "../../src/kernels/wasm-module.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { helpersBy } from "../../src/threads/index.ts";
import { MODES, openPhiTiny } from "../api/phi-tiny.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { openGolden } from "../golden.ts";
import { suite, unless } from "../harness.ts";
import { BUILDS, EVERY } from "../kernels/kinds.ts";
import { bothCodes, noThreads } from "./crew.ts";

suite("threads/model", async ({ test, assert, engine }) => {
  const { load, withPhi } = await openPhiTiny(engine);
  const prompt = Array.from({ length: 75 }, (_, i) => (i * 37 + 5) % 2000);

  /** Logits of a prompt in one piece and of one token after it, and some sampled tokens. */
  async function answers(phi: Phi): Promise<unknown[]> {
    const sequence = await phi.sequence();
    const first = await sequence.forward(prompt, { logits: "all" });
    const next = await sequence.forward([7]);
    await sequence.dispose();
    const { ids } = await phi.generate(prompt, { maxTokens: 12, temperature: 1, seed: 3, ignoreEos: true }).result();
    return [first, next, ids];
  }

  for (const { where, worker } of MODES) {
    const threaded = unless(noThreads(engine, !worker), test);
    threaded(
      `${where}: 1, 2, 3 and 4 threads give the same bits with every build and format, and phi.threads says how many there are`,
      async () => {
        const all: PhiOptions[] = [
          ...BUILDS.map((kernels) => ({ kernels })),
          { weights: "f32" },
          { weights: "q8", activations: "f32", kv: "f32" },
        ];
        for (const options of all) {
          let expected: unknown[] | undefined;
          for (const threads of [1, 2, 3, 4]) {
            const phi = await load({ ...options, worker, threads });
            assert.equal(phi.threads, threads);
            assert.deepEqual(phi.notices, []);
            const got = await answers(phi);
            expected ??= got;
            assert.deepEqual(got, expected, `${threads} threads, ${JSON.stringify(options)}`);
            await phi.dispose();
          }
        }
        engine.note(`several threads, ${where}`, "yes");
      },
    );

    threaded(
      `${where}: phi-3-small-8k, whose heads see some blocks only, gives the same bits with 1 and 3 threads, with every build, over f32 and int8 keys`,
      async () => {
        const { source, prompts } = await openGolden(engine, "phi-3-small-8k");
        const { ids } = prompts[prompts.length - 1];
        for (const kernels of BUILDS) {
          for (const weights of ["f32", "q4"] as const) {
            const [one, three] = await Promise.all(
              [1, 3].map(async (threads) => {
                const phi = await loadPhi(source, { kernels, weights, worker, threads });
                const logits = await phi.forward(ids, { logits: "all" });
                await phi.dispose();
                return logits;
              }),
            );
            assert.deepEqual(three, one, `${kernels}, ${weights}`);
          }
        }
      },
    );

    threaded(
      `${where}: an abort during loading and one during a prompt reject with their reason, and what follows is right`,
      async () => {
        const early = new AbortController();
        const onProgress = ({ phase }: { phase: string }) =>
          phase === "weights" && early.abort(new RangeError("early"));
        await assert.rejects(load({ worker, threads: 2, signal: early.signal, onProgress }), RangeError, /early/);
        await withPhi(
          async (phi) => {
            const late = new AbortController();
            const onProgress = () => late.abort(new RangeError("late"));
            await assert.rejects(
              phi.forward(
                Array.from({ length: 900 }, (_, i) => i),
                { signal: late.signal, onProgress },
              ),
              RangeError,
              /late/,
            );
            assert.deepEqual((await phi.forward(prompt)).length, phi.config.vocabSize);
          },
          { worker, threads: 2 },
        );
      },
    );
  }

  unless(noThreads(engine, true), test)(
    "over several arenas and two threads the bits are those of one arena and one thread",
    async () => {
      const start = helpersBy(() => startWorker(helperCode()));
      const logits: Float32Array[] = [];
      for (const [threads, maxArenaBytes, arenas] of [
        [1, 2 ** 30, 1],
        [2, 3 * 2 ** 20, 2],
        [2, 2 ** 30, 1],
      ]) {
        const { decoder, memory, contextSize } = await loadModel(
          phiTinyFolder(engine),
          { threads },
          maxArenaBytes,
          start,
        );
        assert.ok(memory.arenas.length >= arenas, `${memory.arenas.length} arenas`);
        const backend = localBackend(new Engine(decoder, contextSize));
        logits.push(await backend.forward(prompt, "all", {}));
        await backend.dispose();
      }
      assert.deepEqual(logits[1], logits[0]);
      assert.deepEqual(logits[2], logits[0]);
    },
  );

  test("a model as small as phi-tiny has one thread unless more are asked for", async () => {
    for (const threads of [undefined, "auto", 1] as const)
      await withPhi(
        async (phi) => {
          assert.equal(phi.threads, 1);
          assert.deepEqual(phi.notices, []);
        },
        { threads },
      );
  });

  test("what is neither auto nor a whole number from 1 to 64 is an OptionError", async () => {
    for (const threads of [0, -1, 1.5, 65, Number.NaN, "2", "all", null, true]) {
      await assert.rejects(load({ threads } as PhiOptions), OptionError, /"threads"/);
    }
  });

  test("reference kernels work alone: a notice tells those who asked for threads, and nobody else", async () => {
    await withPhi(
      async (phi) => {
        assert.equal(phi.threads, 1);
        assert.deepEqual(
          phi.notices.map((n) => n.code),
          ["one_thread"],
        );
      },
      { threads: 2, kernels: "reference" },
    );
    await withPhi(async (phi) => assert.deepEqual(phi.notices, []), { kernels: "reference" });
  });

  const obstacle = noThreads(engine, true);
  unless(obstacle ? undefined : "threads can be had here", test)(
    "where threads cannot be had, one works, and a notice says why and what helps",
    async () => {
      await withPhi(
        async (phi) => {
          assert.equal(phi.threads, 1);
          assert.deepEqual(
            phi.notices.map((n) => n.code),
            ["one_thread"],
          );
          assert.ok(/Cross-Origin-|worker: true|no workers/.test(phi.notices[0].message), phi.notices[0].message);
        },
        { threads: 2 },
      );
    },
  );

  unless(noThreads(engine, true), test)(
    "modules that are given must be there for shared memory, too: else one thread works, with a notice",
    async () => {
      const strict = moduleOf("strict", EVERY);
      const both = { strict, "strict-shared": moduleOf("strict-shared", EVERY) };
      await withPhi(async (phi) => assert.equal(phi.threads, 2), { threads: 2, wasm: both });
      await withPhi(
        async (phi) => {
          assert.equal(phi.threads, 1);
          assert.deepEqual(
            phi.notices.map((n) => n.code),
            ["one_thread"],
          );
          assert.ok(/strict-shared/.test(phi.notices[0].message));
        },
        { threads: 2, wasm: { strict } },
      );
    },
  );

  unless(noThreads(engine), test)(
    "a user's own worker file serves helpers, too: it is asked for once for each thread",
    async () => {
      let made = 0;
      const worker = (): WorkerLike => {
        made++;
        return startWorker(bothCodes());
      };
      await withPhi(async (phi) => assert.equal(phi.threads, 3), { worker, threads: 3 });
      assert.equal(made, 3);
    },
  );
});
