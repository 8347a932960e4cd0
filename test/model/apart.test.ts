import { loadModel } from "../../src/load/load-model.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";

suite("model/apart", ({ test, assert, engine }) => {
  for (const name of ["phi-3-mini-4k", "phi-2", "phi-3-small-8k"] as const) {
    for (const weights of ["f32", "q4"] as const) {
      test(`${name}, ${weights}: tokens of three sequences that go through the layers in one step get the bits that each gets alone`, async () => {
        const { decoder } = await loadModel(goldenSource(engine, name), { weights, kvTokens: 512, contextSize: 128 });
        const V = decoder.config.vocabSize;
        const sequences = [100, 70, 3].map((length, i) => ({
          ids: Array.from({ length: length + 1 }, (_, at) => (at * 31 + i * 7 + 1) % V),
          start: length,
          blocks: Array.from({ length: 4 }, () => decoder.pool.take()),
        }));
        for (const { ids, start, blocks } of sequences) {
          for (let at = 0; at < start; at += 32)
            decoder.step({ ids: ids.slice(at, Math.min(at + 32, start)), start: at, blocks, regime: "short" });
        }
        const alone = sequences.map(({ ids, start, blocks }) => {
          const logits = new Float32Array(V);
          decoder.step({ ids: [ids[start]], start, blocks, regime: "short", logits });
          return logits;
        });
        const together = new Float32Array(3 * V);
        const ids = sequences.map((one) => one.ids[one.start]);
        decoder.step({ ids, start: 0, blocks: [], regime: "short", apart: sequences, logits: together });
        for (const [i, logits] of alone.entries())
          assert.deepEqual(together.subarray(i * V, (i + 1) * V), logits, `sequence ${i}`);
        decoder.dispose();
      });
    }
  }
});
