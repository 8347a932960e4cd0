import { type LoadOptions, loadPhi, type Phi } from "../../src/index.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { GOLDEN_CASES, type Golden, goldenSource, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";
import { klDivergence, maxAbs } from "../metrics.ts";
import { randomSource } from "../random.ts";

type Precision = Required<Pick<LoadOptions, "weights" | "activations">>;

/** KL from f32 in nats over a golden's longest prompt; random weights, so far worse than a trained model's. */
const PRECISIONS: readonly [precision: Precision, kl: number][] = [
  [{ weights: "q8", activations: "f32" }, 0.008],
  [{ weights: "q8", activations: "int8" }, 0.016],
  [{ weights: "q4", activations: "f32" }, 1],
  [{ weights: "q4", activations: "int8" }, 1],
];

function klOf(p: Float32Array, q: Float32Array, V: number): number[] {
  const row = (x: Float32Array, t: number) => x.subarray(t * V, (t + 1) * V);
  return Array.from({ length: p.length / V }, (_, t) => klDivergence(row(p, t), row(q, t)));
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b) / x.length;
const median = (x: readonly number[]): number => [...x].sort((a, b) => a - b)[x.length >> 1];

const longest = ({ prompts }: Golden) => prompts.reduce((a, b) => (a.ids.length > b.ids.length ? a : b)).ids;

suite("api/precision", async ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    const golden = await openGolden(engine, name);
    const ids = longest(golden);
    const logitsOf = async (options: LoadOptions) => {
      const phi = await loadPhi(golden.source, options);
      const logits = await phi.forward(ids, { logits: "all" });
      await phi.dispose();
      return { logits, V: phi.config.vocabSize };
    };

    // With a random router many scores are near each other, and a token that goes through another expert is far from where it was.
    const experts = name.includes("moe");
    const typical = (p: Float32Array, q: Float32Array, V: number) => (experts ? median : mean)(klOf(p, q, V));

    test(`${name}: ${experts ? "in the median " : ""}q8 within 0.016 nats of f32, q4 within 1; strict within 1e-4 of reference, or 0.01 nats where int8 may round the other way`, async () => {
      const { logits: f32, V } = await logitsOf({ weights: "f32" });
      for (const [precision, bound] of PRECISIONS) {
        const note = `${precision.weights} × ${precision.activations}`;
        const { logits: strict } = await logitsOf({ ...precision, kernels: "strict" });
        const { logits: reference } = await logitsOf({ ...precision, kernels: "reference" });
        assert.atMost(typical(f32, strict, V), bound, note);
        if (precision.activations === "f32") assert.atMost(maxAbs(strict, reference), 1e-4, note);
        else assert.atMost(typical(reference, strict, V), 0.01, note);
      }
    });

    test(`${name}: over several arenas the bits of one, whatever the weights`, async () => {
      const run = async (options: LoadOptions, maxArenaBytes?: number) => {
        const { decoder, memory } = await loadModel(golden.source, { contextSize: 32, ...options }, maxArenaBytes);
        const blocks = [decoder.pool.take()];
        const part = ids.slice(0, 32);
        const logits = new Float32Array(part.length * decoder.config.vocabSize);
        decoder.step({ ids: part, start: 0, blocks, regime: "short", logits });
        return { logits, memory };
      };
      for (const [precision] of [...PRECISIONS, [{ weights: "f32" } as const] as const]) {
        const one = await run(precision);
        const { total, kv, weights } = one.memory;
        const several = await run(precision, total - Math.floor((kv + weights) / 2));
        assert.ok(several.memory.arenas.length > 1, `${several.memory.arenas.length} arenas`);
        assert.deepEqual(several.logits, one.logits, precision.weights);
      }
    });
  }

  /** Runs a random program of `steps` calls; each result is compared with that of `cold`, which computes it from nothing. */
  async function program(phi: Phi, cold: (ids: number[]) => Promise<Float32Array>, seed: number, steps: number) {
    const random = randomSource(seed);
    const upTo = (n: number) => Math.floor(random() * n);
    const V = phi.config.vocabSize;
    const live: { seq: Awaited<ReturnType<Phi["sequence"]>>; ids: number[] }[] = [];
    const text = Array.from({ length: phi.contextSize }, () => upTo(V));
    let compared = 0;
    for (let i = 0; i < steps; i++) {
      if (live.length === 0) live.push({ seq: await phi.sequence(), ids: [] });
      if (live.length > 3) await live.shift()?.seq.dispose();
      const one = live[upTo(live.length)];
      const kind = upTo(6);
      if (kind === 0) live.push({ seq: await one.seq.fork(), ids: [...one.ids] });
      else if (kind === 1) {
        one.ids.length = upTo(one.ids.length + 1);
        await one.seq.truncate(one.ids.length);
      } else {
        // Mostly what other sequences began with, too, so that there is something to share.
        const room = phi.contextSize - one.ids.length;
        const part = text.slice(one.ids.length, one.ids.length + Math.min(room, 1 + upTo(upTo(3) ? 6 : 45)));
        if (part.length > 1 && upTo(4) === 0) part[part.length - 1] = upTo(V);
        if (part.length === 0) continue;
        const all = upTo(2) === 0;
        let logits: Float32Array;
        try {
          logits = await one.seq.forward(part, { logits: all ? "all" : "last" });
        } catch (error) {
          if ((error as { code?: string }).code !== "kv_full") throw error;
          for (const { seq } of live.splice(0)) await seq.dispose();
          continue;
        }
        one.ids.push(...part);
        const expected = await cold(one.ids);
        assert.deepEqual(logits, all ? expected.slice(-part.length * V) : expected.slice(-V), `step ${i}`);
        compared++;
      }
    }
    for (const { seq } of live) await seq.dispose();
    return compared;
  }

  const MODELS = [
    ["phi-3-mini-128k", ""],
    ["phi-3-small-128k", " and over blocks that some heads do not see"],
  ] as const;
  for (const [weights, [name, what]] of (["f32", "q8", "q4"] as const).flatMap((w) =>
    MODELS.map((m) => [w, m] as const),
  )) {
    for (const kvTokens of [96, 512]) {
      test(`${name}, ${weights}, KV pool of ${kvTokens}: random forwards, forks and cuts across LongRoPE's switch${what} have the bits of a cold start`, async () => {
        const source = goldenSource(engine, name);
        const phi = await loadPhi(source, { weights, kvTokens, contextSize: 100 });
        // Decoder steps on blocks of their own: no cache, no sequence.
        const { decoder } = await loadModel(source, { weights, contextSize: 128 });
        const cold = async (ids: number[]) => {
          const V = decoder.config.vocabSize;
          const logits = new Float32Array(ids.length * V);
          const blocks = [0, 1, 2, 3];
          for (let start = 0; start < ids.length; start += 32) {
            const part = ids.slice(start, start + 32);
            const into = logits.subarray(start * V, (start + part.length) * V);
            decoder.step({ ids: part, start, blocks, regime: decoder.regimeOf(ids.length), logits: into });
          }
          return logits;
        };
        assert.ok((await program(phi, cold, kvTokens, 60)) > 25);
        // Nothing is lost: the whole pool can be had again.
        await phi.forward(Array(Math.min(100, kvTokens)).fill(1));
        await phi.dispose();
      });
    }
  }
});
