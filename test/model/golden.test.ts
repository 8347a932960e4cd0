import { loadModel } from "../../src/load/load-model.ts";
import type { LoadOptions } from "../../src/load/options.ts";
import type { Decoder } from "../../src/model/decoder.ts";
import { GOLDEN_CASES, goldenSource, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";
import { argmax, maxAbs } from "../metrics.ts";

/** Logits [T, V] of a whole prompt on fresh blocks, cut into chunks of `chunk` tokens. */
function forward(decoder: Decoder, ids: number[], chunk = decoder.maxChunk, trace?: Trace): Float32Array {
  const V = decoder.config.vocabSize;
  const out = new Float32Array(ids.length * V);
  const blocks = Array.from({ length: Math.ceil(ids.length / 32) }, () => decoder.pool.take());
  for (let start = 0; start < ids.length; start += chunk) {
    const part = ids.slice(start, start + chunk);
    const logits = out.subarray(start * V, (start + part.length) * V);
    decoder.step({ ids: part, start, blocks, regime: decoder.regimeOf(ids.length), logits, trace });
  }
  for (const block of blocks) decoder.pool.drop(block);
  return out;
}

type Trace = NonNullable<Parameters<Decoder["step"]>[0]["trace"]>;

const BOUNDS = { strict: 3e-4, reference: 1.5e-4 } as const;

suite("model/golden", ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    const loaded = (options: LoadOptions, maxArenaBytes?: number) =>
      loadModel(goldenSource(engine, name), { weights: "f32", ...options }, maxArenaBytes);
    const load = async (options: LoadOptions) => (await loaded(options)).decoder;

    for (const kernels of ["strict", "reference"] as const) {
      test(`${name}, ${kernels}: logits of all prompts and positions within ${BOUNDS[kernels]} of the reference's`, async () => {
        const golden = await openGolden(engine, name);
        const decoder = await load({ kernels });
        for (const prompt of golden.prompts) {
          const got = forward(decoder, prompt.ids);
          assert.atMost(maxAbs(got, prompt.logits), BOUNDS[kernels], prompt.id);
        }
      });

      test(`${name}, ${kernels}: the residual stream after each layer within 5e-5`, async () => {
        const golden = await openGolden(engine, name);
        const decoder = await load({ kernels });
        for (const prompt of golden.prompts.filter((p) => p.hidden)) {
          const seen = new Map<string, number[]>(); // of all chunks
          const trace: Trace = (point, x) => {
            const name = typeof point === "number" ? `layer${point}` : point;
            seen.set(name, [...(seen.get(name) ?? []), ...x.f32]);
          };
          forward(decoder, prompt.ids, undefined, trace);
          assert.equal(prompt.hidden?.size, seen.size);
          for (const [point, expected] of prompt.hidden ?? []) {
            assert.atMost(maxAbs(seen.get(point) ?? [], expected), 5e-5, `${prompt.id} ${point}`);
          }
        }
      });
    }

    for (const kernels of ["strict", "reference"] as const) {
      if (!name.includes("moe")) continue;
      test(`${name}, ${kernels}: each token goes through the experts that HF chooses, whose weights are HF's within 1e-6 (scores within 5e-5)`, async () => {
        const golden = await openGolden(engine, name);
        const decoder = await load({ kernels });
        for (const { ids, router = [] } of golden.prompts) {
          const seen: { scores: Float32Array; chosen: Int32Array; shares: Float32Array }[] = [];
          forward(decoder, ids, undefined, (point, _, { scores, chosen, shares }) => {
            if (typeof point !== "number") return;
            seen[point] = {
              scores: scores.f32.slice(),
              chosen: (chosen.data as Int32Array).slice(),
              shares: shares.f32.slice(),
            };
          });
          for (const [layer, { logits, experts, weights }] of router.entries()) {
            const { scores, chosen, shares } = seen[layer];
            assert.deepEqual([...chosen], [...experts], `layer ${layer}`);
            assert.close(scores, logits, 5e-5, `layer ${layer}`);
            assert.close(shares, weights, 1e-6, `layer ${layer}`);
          }
        }
        assert.ok(golden.prompts.some(({ router = [] }) => router.length === decoder.config.layers));
      });
    }

    test(`${name}, strict: greedy continuations of 24 tokens equal the reference's, and their logits within 3e-4`, async () => {
      const golden = await openGolden(engine, name);
      const decoder = await load({});
      const V = golden.vocabSize;
      for (const { id, ids: prompt, greedy } of golden.prompts) {
        const ids = [...prompt];
        for (const [step, token] of greedy.tokens.entries()) {
          const last = forward(decoder, ids).subarray(-V);
          assert.equal(argmax(last), token, `${id} step ${step}`);
          assert.atMost(maxAbs(last, greedy.logits.subarray(step * V, (step + 1) * V)), 3e-4, `${id} step ${step}`);
          ids.push(token);
        }
      }
    });

    test(`${name}, strict: the same bits whatever the chunks, and over one arena or several`, async () => {
      const golden = await openGolden(engine, name);
      const { decoder, memory } = await loaded({});
      const spread = await loaded({}, Math.floor(memory.total * 0.9));
      assert.ok(memory.arenas.length === 1 && spread.memory.arenas.length > 1, "one arena, and several");
      const ids = golden.prompts.reduce((a, b) => (a.ids.length > b.ids.length ? a : b)).ids;
      const whole = forward(decoder, ids);
      for (const chunk of [1, 7, 31]) assert.deepEqual(forward(decoder, ids, chunk), whole, `chunks of ${chunk}`);
      assert.deepEqual(forward(spread.decoder, ids), whole, "several arenas");
    });
  }
});
