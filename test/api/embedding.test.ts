import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, type LoadOptions, loadPhi, OptionError, type Source } from "../../src/index.ts";
import { packedBytes } from "../../src/quant/index.ts";
import { phiTinyFolder, readJson } from "../fixtures.ts";
import { type Engine, suite } from "../harness.ts";
import { openPhiTiny } from "./phi-tiny.ts";

/** phi-tiny with an output layer of its own, which holds the same numbers as the embedding. */
async function untied(engine: Engine): Promise<Source> {
  const file = await openSafetensors(phiTinyFolder(engine));
  const tensors: Record<string, TensorData> = {};
  for (const { name, dtype, shape } of file.tensors.values())
    tensors[name] = { dtype, shape, data: await file.read(name) };
  await file.close();
  tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
  const config = {
    ...(await readJson<object>(engine, "models/phi-tiny/config.json")),
    tie_word_embeddings: false,
  };
  return bytesSource({
    "config.json": new TextEncoder().encode(JSON.stringify(config)),
    "model.safetensors": writeSafetensors(tensors),
  });
}

suite("api/embedding", async ({ test, assert, engine }) => {
  const { files, load } = await openPhiTiny(engine);
  const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % 2048);
  const run = async (source: Source, options: LoadOptions) => {
    const phi = await loadPhi(source, options);
    const result = { logits: await phi.forward(ids), memory: phi.memory.weights, format: phi.embedding };
    await phi.dispose();
    return result;
  };

  test("embedding is the format of embedding and output layer, tied or not: both give the same bits, in the bytes of that format", async () => {
    const two = await untied(engine);
    for (const weights of ["f32", "q8", "q4"] as const) {
      for (const embedding of ["auto", "q8", "q4"] as const) {
        const options = { weights, embedding, activations: "int8" } as const;
        const tied = await run(files(), options);
        const own = await run(two, options);
        const format = embedding === "auto" ? weights : embedding;
        assert.deepEqual([tied.format, own.format], [format, format]);
        assert.deepEqual(own.logits, tied.logits, `${weights}, ${embedding}`);
        assert.equal(own.memory - tied.memory, packedBytes(format, 2048, 256));
      }
    }
  });

  test("auto is as the weights; another format is refused by name", async () => {
    const phi = await load();
    assert.deepEqual([phi.weights, phi.embedding], ["q4", "q4"]);
    await phi.dispose();
    const bad = { embedding: "f32" } as unknown as LoadOptions;
    await assert.rejects(
      load(bad),
      OptionError,
      /loadPhi: option "embedding"; got "f32"; expected one of auto, q8, q4/,
    );
  });
});
