import { Pacer } from "../../src/event-loop.ts";
import { bytesSource, type LoadOptions, loadPhi, type Source } from "../../src/index.ts";
import { EVERY_PART } from "../../src/load/every-part.ts";
import { inspectModel } from "../../src/load/plan-model.ts";
import { architectureOf } from "../../src/model/every-architecture.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { type Calibration, calibrate } from "../../src/quantize/calibrate.ts";
import { batchesOf, matricesOf } from "../../src/quantize/calibrate-layer.ts";
import { type Ids, OwnTexts } from "../../src/quantize/calibration.ts";
import { bytesSink, type QuantizeOptions, quantizeCheckpoint } from "../../src/quantize/index.ts";
import { Kept } from "../../src/quantize/kept.ts";
import { Moments } from "../../src/quantize/moments.ts";
import { HEAD_PIECE, layerPiece } from "../../src/quantize/pieces.ts";
import { Progress } from "../../src/quantize/progress.ts";
import { filesOf } from "../fixtures.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";
import { klDivergence } from "../metrics.ts";
import { phi35moe } from "../model/published.ts";

/** What the model writes with seed 99: no text of its calibration, which has seed 0, but of the same kind. */
async function textsOf(folder: Source): Promise<Ids[]> {
  const own = await OwnTexts.load(folder, 99, 32, { threads: 1 });
  const texts = [...(await own.write(0, 8, new Pacer(), () => {})), ...(await own.write(8, 8, new Pacer(), () => {}))];
  own.dispose();
  return texts.map((ids) => ids.slice(0, 32));
}

/** Logits of each position. */
async function rowsOf(folder: Source, texts: readonly Ids[], options: LoadOptions = {}): Promise<Float32Array[]> {
  const phi = await loadPhi(folder, { contextSize: 32, threads: 1, ...options });
  const rows: Float32Array[] = [];
  const V = phi.config.vocabSize;
  for (const ids of texts) {
    const logits = await phi.forward(ids, { logits: "all" });
    for (let at = 0; at < logits.length; at += V) rows.push(logits.slice(at, at + V));
  }
  await phi.dispose();
  return rows;
}

async function quantized(folder: Source, options: QuantizeOptions) {
  const files = new Map<string, Uint8Array>();
  const done = await quantizeCheckpoint(folder, bytesSink(files), { threads: 1, ...options });
  return { ...done, source: bytesSource(files), file: files.get(done.file) as Uint8Array };
}

suite("quantize/experts", async ({ test, assert, engine }) => {
  const golden = goldenSource(engine, "phi-3.5-moe");
  const sixteen = bytesSource(await filesOf(engine, "test/fixtures/odd/phimoe-16", (name) => name !== "expected.json"));

  for (const [name, folder, share] of [
    ["phi-3.5-moe", golden, 0.95], // measured 0.91
    ["odd/phimoe-16", sixteen, 0.9], // 0.78
    ["phi-2", goldenSource(engine, "phi-2"), 0.9], // 0.77
    ["phi-4-multimodal", goldenSource(engine, "phi-4-multimodal"), 0.95], // 0.90
  ] as const)
    test(`${name}, random weights: calibrated on 1024 tokens that it writes, its KL from float32 on others that it writes is at most ${share} of that of the search without calibration`, async () => {
      const texts = await textsOf(folder);
      const reference = await rowsOf(folder, texts, { weights: "f32" });
      const kl = async (options: QuantizeOptions) => {
        const rows = await rowsOf((await quantized(folder, options)).source, texts);
        return rows.reduce((sum, row, i) => sum + klDivergence(reference[i], row), 0) / rows.length;
      };
      assert.atMost(await kl({ tokens: 1024 }), share * (await kl({ fast: true })));
    });

  test("experts that see fewer tokens than a quarter of their inputs are packed as loading packs them, all others are calibrated, and a notice says how many", async () => {
    const few = await quantized(sixteen, { tokens: 256 });
    const [notice] = few.notices;
    assert.equal(notice.code, "few_tokens");
    assert.ok(
      /^13 matrices of experts saw too few tokens.*layers\.0\.block_sparse_moe\.experts\./.test(notice.message),
    );
    const fast = await quantized(sixteen, { fast: true });
    const matrices = async (file: Uint8Array) => {
      const { files, plan } = await inspectModel(
        bytesSource({ "model.safetensors": file, ...(await configOf(sixteen)) }),
        EVERY_PART,
      );
      const list: [string, Uint8Array][] = [];
      for (const { name, slot, byteLength } of plan.specs.map((s) => ({ ...s, ...files.tensors.get(s.name) })))
        if (slot.startsWith("experts."))
          list.push([name, await files.readInto(name, 0, new Uint8Array(byteLength ?? 0))]);
      return new Map(list);
    };
    const [a, b] = [await matrices(few.file), await matrices(fast.file)];
    const same = [...a].filter(([name, bytes]) => b.get(name)?.every((byte, i) => byte === bytes[i]));
    assert.equal(same.length, 13);
    assert.deepEqual((await quantized(golden, { tokens: 1024 })).notices, []);
  });

  test("moments of Phi-3.5-MoE's layer, 3.9 GB in all, are collected at most 1 GiB at a time, each matrix once", () => {
    const config = parseConfig(phi35moe());
    const layer = architectureOf(config)
      .weights(config)
      .filter((s) => s.place === 0);
    const batches = batchesOf(layer);
    assert.deepEqual(batches.flat(), matricesOf(layer));
    const bytes = batches.map((batch) => batch.reduce((sum, s) => sum + Moments.sumBytes(s.cols), 0));
    for (const n of bytes) assert.atMost(n, 2 ** 30);
    assert.ok(bytes.reduce((a, b) => a + b) > 3.8e9 && batches.length <= 5, `${bytes}`);
  });

  test("in however many runs of a layer its moments are collected, the bytes are the same", async () => {
    const { files, config, plan, threading } = await inspectModel(golden, { weights: "q4", threads: 1, ...EVERY_PART });
    const sequences = await textsOf(golden);
    const pieces = async (momentBytes?: number): Promise<Uint8Array[]> => {
      const kept = new Kept(1);
      const job: Calibration = {
        ...{ files, config, specs: plan.specs, weights: "q4", embedding: "q4", kv: "int8", threading, momentBytes },
        ...{ sequences, length: 32, kept, progress: new Progress(1, undefined), pacer: new Pacer() },
      };
      await calibrate(job);
      const names = [...Array.from({ length: config.layers }, (_, i) => layerPiece(i)), HEAD_PIECE];
      return Promise.all(names.map(async (name) => (await kept.get(name)) as Uint8Array));
    };
    const [one, each] = [await pieces(), await pieces(1)];
    assert.deepEqual(each, one);
    await files.close();
  });
});

/** config.json, which a packed file has inside. */
async function configOf(source: Source): Promise<Record<string, Uint8Array>> {
  const file = await source.open("config.json");
  return { "config.json": await file.read(0, file.size) };
}
