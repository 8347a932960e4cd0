import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { packedBytes, type WeightFormat } from "../../src/quant/index.ts";
import { bytesSource } from "../../src/source/index.ts";
import { goldenSource, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";

suite("model/experts", ({ test, assert, engine }) => {
  test("only the weights of the experts that tokens go through are touched: with all others NaN the logits have the same bits", async () => {
    const { source, prompts } = await openGolden(engine, "phi-3.5-moe");
    const ids = prompts[1].ids; // 7 tokens
    const V = 320;
    const run = async (from: typeof source) => {
      const { decoder } = await loadModel(from, { weights: "f32" });
      const used = Array.from({ length: decoder.config.layers }, () => new Set<number>());
      const logits = new Float32Array(ids.length * V);
      const blocks = [decoder.pool.take()];
      const trace: NonNullable<Parameters<typeof decoder.step>[0]["trace"]> = (point, _, { chosen }) => {
        if (typeof point === "number") for (const e of chosen.data) used[point].add(e);
      };
      decoder.step({ ids, start: 0, blocks, regime: "short", logits, trace });
      return { logits, used };
    };
    const { logits, used } = await run(source);
    assert.ok(
      used.some((experts) => experts.size < 8),
      "an expert that nobody chose",
    );

    const file = await openSafetensors(source);
    const tensors = new Map<string, { dtype: "F32"; shape: readonly number[]; data: Float32Array }>();
    for (const { name, shape } of file.tensors.values()) {
      const data = await file.toFloat32(name);
      const [, layer, expert] = /layers\.(\d+)\..*experts\.(\d+)\./.exec(name) ?? [];
      if (expert !== undefined && !used[Number(layer)].has(Number(expert))) data.fill(Number.NaN);
      tensors.set(name, { dtype: "F32", shape, data });
    }
    const files = new Map([
      ["config.json", await engine.read("test/fixtures/golden/phi-3.5-moe/config.json")],
      ["model.safetensors", writeSafetensors(Object.fromEntries(tensors))],
    ]);
    assert.deepEqual((await run(bytesSource(files))).logits, logits);
  });

  for (const format of ["f32", "q8", "q4"] as const) {
    test(`${format}: weightBytesPerToken is what a step reads: two experts of each layer, one row of the embedding, the rest whole`, async () => {
      const { decoder } = await loadModel(goldenSource(engine, "phi-3.5-moe"), { weights: format });
      const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads: K, headDim: dh, vocabSize: V } = decoder.config;
      const bytes = (f: WeightFormat, rows: number, cols: number) => packedBytes(f, rows, cols);
      const attention = bytes(format, (H + 2 * K) * dh, D) + bytes(format, D, H * dh);
      const experts = 2 * (bytes(format, 2 * F, D) + bytes(format, D, F));
      const vectors = 4 * D + (H + 2 * K) * dh + D; // two norms with biases, biases of qkv and o
      const layer = attention + experts + bytes("f32", 8, D) + 4 * vectors;
      const head = bytes(format, V, D) + 4 * (V + 2 * D);
      assert.equal(decoder.weightBytesPerToken, decoder.config.layers * layer + head);
    });
  }
});
