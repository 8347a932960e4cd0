import type { Pacer } from "../event-loop.ts";
import type { KVFormat } from "../kernels/kernels.ts";
import type { WeightFiles } from "../load/weight-files.ts";
import type { PhiConfig } from "../model/config.ts";
import { scale } from "../model/scale.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import type { ThreadChoice } from "../threads/index.ts";
import { calibrateHead, headBytes } from "./calibrate-head.ts";
import { batchesOf, calibrateLayer, layerBytes, matricesOf } from "./calibrate-layer.ts";
import type { Ids } from "./calibration.ts";
import { forwardCost, layerCost, layerSpecs, matrixCost } from "./cost.ts";
import type { Kept } from "./kept.ts";
import { LayerRunner, type Stream } from "./layer.ts";
import { fewPiece, HEAD_PIECE, headSpec, layerPiece, restore } from "./pieces.ts";
import type { Progress } from "./progress.ts";
import { embedRows } from "./rows.ts";
import { makeTeam, type Team } from "./team.ts";

export interface Calibration {
  files: WeightFiles;
  config: PhiConfig;
  specs: readonly WeightSpec[];
  /** Formats of the layers and of the tables; what is q8 is not calibrated. */
  weights: "q4" | "q8";
  embedding: "q4" | "q8";
  kv: KVFormat;
  sequences: readonly Ids[];
  /** Tokens of the longest sequence. */
  length: number;
  kept: Kept;
  progress: Progress;
  pacer: Pacer;
  threading: ThreadChoice;
  /** Most bytes of second moments at a time; for tests. */
  momentBytes?: number;
  signal?: AbortSignal;
}

/** What {@link calibrate} costs, by cost.ts. */
export function calibrateCost(
  c: Pick<Calibration, "config" | "specs" | "weights" | "embedding">,
  tokens: number,
): number {
  const layer = layerSpecs(c.specs, c.config)[0];
  const one =
    forwardCost(layer) * tokens + (c.weights === "q4" ? layerCost(layer, tokens, batchesOf(layer).length) : 0);
  return c.config.layers * one + (c.embedding === "q4" ? matrixCost(headSpec(c.specs), tokens) : 0);
}

/**
 * Quantizes the layers from the first to the last, each by the inputs that its matrices get from the quantized layers before it, then the
 * output layer by what the last norm gives. The stream begins with the embedding as the checkpoint has it. A layer is run twice: packed as q8
 * to see its inputs (they differ from those of float32 by next to nothing, and it costs a quarter of the memory; several times where the moments
 * of all its inputs are too large), and quantized, to go on. Finished layers are kept.
 * @throws PhiError (codes "calibration", "other_job", "wasm"); WorkerError; MemoryError; SourceError; what `pacer` throws
 */
export async function calibrate(job: Calibration): Promise<void> {
  const team = makeTeam(job.threading);
  try {
    await work(job, team);
  } finally {
    team.end();
  }
}

async function work(job: Calibration, team: Team): Promise<void> {
  const { files, config, specs, weights, length, kept, pacer } = job;
  const layers = layerSpecs(specs, config);
  const embed = specs.find((s) => s.slot === "embed") as WeightSpec;
  const x = await embedRows(files, embed.name, job.sequences, () => pacer.pace());
  scale(x, config.embeddingScale);
  const stream: Stream = { x, lengths: job.sequences.map((s) => s.length) };
  const bench = team.bench(Math.max(layerBytes(layers[0]), headBytes(specs)), "quantizer");
  const runner = { config, kv: job.kv, contextSize: length, team };
  const original = new LayerRunner(layers[0], { ...runner, format: "q8" });
  const quantized = weights === "q4" ? new LayerRunner(layers[0], { ...runner, format: "q4" }) : original;
  await team.begin();
  const start = weights === "q4" ? await resume(job, x, layers) : 0;
  for (const [i, layer] of layers.entries()) {
    if (i < start) continue;
    const detail = `layer ${i + 1} of ${layers.length}`;
    if (weights === "q4") {
      await quantized.fill(files, layer.filter(isFloat), job.signal);
      const found = await kept.get(layerPiece(i));
      const mine = matricesOf(layer).map((s) => quantized.matrix(s.slot));
      if (found) restore(found, mine);
      else {
        const { bytes, few } = await calibrateLayer(job, bench, stream, layer, original, quantized, detail);
        if (few.length > 0) await kept.put(fewPiece(i), new TextEncoder().encode(JSON.stringify(few)));
        await kept.put(layerPiece(i), bytes);
      }
    } else await original.fill(files, layer, job.signal);
    await quantized.run(stream, i, undefined, async (T) => {
      job.progress.add(T * forwardCost(layer), "layers", detail);
      await pacer.pace();
    });
    if (weights === "q4" && kept.durable) await keepStream(kept, i + 1, x);
  }
  if (job.embedding === "q4" && !(await kept.get(HEAD_PIECE)))
    await kept.put(HEAD_PIECE, await calibrateHead(job, bench, stream));
}

/**
 * Where an interrupted job goes on: at the first layer that is not kept, or before it at one whose stream is, which is put into x then.
 * @returns the number of the layer
 */
async function resume(
  { kept, config, progress }: Calibration,
  x: Float32Array,
  layers: WeightSpec[][],
): Promise<number> {
  if (!kept.durable) return 0;
  let finished = 0;
  while (finished < layers.length && (await kept.get(layerPiece(finished)))) finished++;
  let start = 0;
  for (const name of STREAM_PIECES) {
    const piece = await kept.get(name);
    if (!piece || piece.length !== 4 + x.byteLength) continue;
    const layer = new DataView(piece.buffer, piece.byteOffset).getUint32(0, true);
    if (layer <= start || layer > finished) continue;
    start = layer;
    new Uint8Array(x.buffer).set(piece.subarray(4));
  }
  const tokens = x.length / config.hiddenSize;
  for (let i = 0; i < finished; i++) {
    const run = i < start ? forwardCost(layers[i]) * tokens : 0;
    const cost = layerCost(layers[i], tokens, batchesOf(layers[i]).length) + run;
    progress.add(cost, "layers", `layer ${i + 1} of ${layers.length} is finished`, true);
  }
  return start;
}

/** The stream before layer `layer`: two files by turns, so that one is whole whenever the job is interrupted. */
async function keepStream(kept: Kept, layer: number, x: Float32Array): Promise<void> {
  const piece = new Uint8Array(4 + x.byteLength);
  new DataView(piece.buffer).setUint32(0, layer, true);
  piece.set(new Uint8Array(x.buffer), 4);
  await kept.put(STREAM_PIECES[layer % 2], piece);
}

const STREAM_PIECES = ["stream-even", "stream-odd"] as const;
