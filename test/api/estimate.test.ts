import { estimate, loadPhi, OptionError, type PhiOptions, type Source } from "../../src/index.ts";
import { memoryUse } from "../../src/load/load.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { planModel } from "../../src/load/plan-model.ts";
import { type GoldenCase, goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";
import { openPhiTiny } from "./phi-tiny.ts";

/** The same source, whose reads are noted: name of the file, and bytes. */
function noting(source: Source, reads: [string, number][]): Source {
  return {
    list: async () => (await source.list?.()) ?? [],
    async open(name) {
      const file = await source.open(name);
      return {
        size: file.size,
        read(offset, length, into) {
          reads.push([name, length]);
          return file.read(offset, length, into);
        },
      };
    },
  };
}

suite("api/estimate", async ({ test, assert, engine }) => {
  const { files, bytesOf } = await openPhiTiny(engine);

  test("equals the memory and the formats of the loaded model, arena by arena, whatever the options", async () => {
    const all: PhiOptions[] = [
      {},
      { weights: "q8", contextSize: 100 },
      { weights: "f32", contextSize: 1 },
      { threads: 2, contextSize: 64 },
      { threads: 3, kernels: "reference", contextSize: 64 },
      { embedding: "q8", activations: "f32", kv: "int8", contextSize: 512, kvTokens: 2000 },
    ];
    for (const options of all) {
      const plan = await estimate(files(), options);
      const phi = await loadPhi(files(), options);
      assert.deepEqual(plan.memory, phi.memory);
      const formats = ({ weights, embedding, activations, kv, contextSize }: typeof plan | typeof phi) =>
        JSON.stringify([weights, embedding, activations, kv, contextSize]);
      assert.equal(formats(plan), formats(phi));
      assert.deepEqual(plan.config, phi.config);
      await phi.dispose();
    }
    for (const name of ["phi-4-mini", "phi-3-medium"] satisfies GoldenCase[]) {
      const maxArenaBytes = 2 ** 20 + 200_000;
      const { plan, files } = await planModel(goldenSource(engine, name), {}, maxArenaBytes);
      await files.close();
      assert.ok(plan.arenas.length > 1, `${plan.arenas.length} arenas`);
      const { memory } = await loadModel(goldenSource(engine, name), {}, maxArenaBytes);
      assert.deepEqual(memoryUse(plan), memory);
    }
  });

  test("reads config.json and the header of the weights, one byte of it twice, and nothing else; no tokenizer is needed", async () => {
    const { "config.json": config, "model.safetensors": weights } = bytesOf("config.json", "model.safetensors");
    const header = new DataView(weights.buffer, weights.byteOffset).getUint32(0, true);
    const reads: [string, number][] = [];
    const { sourceBytes } = await estimate(noting(files("tokenizer.json", "generation_config.json"), reads));
    const of = (file: string) => reads.reduce((sum, [name, n]) => sum + (name === file ? n : 0), 0);
    assert.deepEqual([...new Set(reads.map(([name]) => name))], ["config.json", "model.safetensors"]);
    assert.deepEqual([of("config.json"), of("model.safetensors")], [config.length, 8 + header + 1]);
    assert.equal(sourceBytes, weights.length - 8 - header);
  });

  test("a budget fits to the byte; where it does not, the contextSize that is named does, and no larger one", async () => {
    const { memory, fits } = await estimate(files());
    assert.equal(fits, undefined);
    const at = async (budget: number, contextSize?: number) => estimate(files(), { budget, contextSize });
    assert.deepEqual([(await at(memory.total)).fits, (await at(memory.total - 1)).fits], [true, false]);
    for (const budget of [memory.total - 1, Math.floor(memory.total * 0.8)]) {
      const { largestContextSize = 0 } = await at(budget);
      assert.ok(largestContextSize >= 32 && largestContextSize < 1024, `${largestContextSize}`);
      assert.equal((await at(budget, largestContextSize)).fits, true);
      assert.equal((await at(budget, largestContextSize + 32)).fits, false);
    }
    const small = await at(memory.total, 100);
    assert.deepEqual([small.fits, small.largestContextSize], [true, 1024]);
    const none = await at(memory.weights);
    assert.deepEqual([none.fits, none.largestContextSize], [false, 0]);
  });

  test("options that are unknown or bad are refused, those of loading that are no matter of memory too", async () => {
    for (const options of [{ budget: -1 }, { budget: "4GB" }, { worker: true }, { weights: "q5" }, { contextSize: 0 }])
      await assert.rejects(estimate(files(), options as object), OptionError, /budget|worker|weights|contextSize/);
  });
});
